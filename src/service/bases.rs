//! The basis in force: built completely, then swapped in whole.

use std::sync::{
    Arc,
    atomic::{AtomicBool, Ordering},
};

use arc_swap::ArcSwap;
use sqlx::{PgPool, Postgres, Transaction};
use tokio::sync::Mutex;

use crate::{
    domain::{
        basis::{Basis, Revision},
        definitions::{self, Definitions},
        money::Currency,
        rules::diagnostic::Diagnostic,
    },
    service::{error::ServiceError, finish::finish},
    store::{self, error::StoreError, revisions::StoredRevision},
};

/// The basis in force, and how it is renewed.
pub struct Bases {
    current: ArcSwap<Basis>,
    /// Renewals come one after another, so that an older one never replaces a newer one.
    renewing: Mutex<()>,
    /// Whether the last renewal failed, so that what is stored is ahead of the basis in force.
    behind: AtomicBool,
    pool: PgPool,
}

impl Bases {
    /// The basis of what is stored now.
    ///
    /// # Errors
    /// When the database cannot be asked.
    pub async fn load(pool: PgPool) -> Result<Self, ServiceError> {
        let basis = build(&pool).await?;
        Ok(Self {
            current: ArcSwap::from_pointee(basis),
            renewing: Mutex::new(()),
            behind: AtomicBool::new(false),
            pool,
        })
    }

    /// The basis in force.
    #[must_use]
    pub fn current(&self) -> Arc<Basis> {
        self.current.load_full()
    }

    /// Commits a transaction that changes what the basis is built of, and puts the new basis in force. Goes on when the caller gives
    /// up: whatever came of the commit, the basis is then that of what is stored.
    ///
    /// # Errors
    /// When the database cannot be asked.
    pub async fn commit_and_renew(
        self: &Arc<Self>,
        tx: Transaction<'static, Postgres>,
    ) -> Result<(), ServiceError> {
        let bases = Arc::clone(self);
        finish(async move {
            let committed = tx.commit().await;
            bases.renew().await?;
            Ok(committed?)
        })
        .await
    }

    /// Builds the basis of what is stored now and puts it in force. To be run to its end (see `finish`) after what it renews for.
    ///
    /// # Errors
    /// When the database cannot be asked; then the old one stays, and [`Self::catch_up`] tries again.
    pub async fn renew(&self) -> Result<(), ServiceError> {
        let _turn = self.renewing.lock().await;
        self.behind.store(true, Ordering::Relaxed);
        let basis = build(&self.pool).await?;
        self.current.store(Arc::new(basis));
        self.behind.store(false, Ordering::Relaxed);
        Ok(())
    }

    /// Renews the basis if the last renewal failed. To be called from time to time.
    pub async fn catch_up(&self) {
        if self.behind.load(Ordering::Relaxed)
            && let Err(error) = self.renew().await
        {
            tracing::warn!(error.cause = %error, "the basis is behind what is stored and could not be renewed; it is tried again");
        }
    }
}

async fn build(pool: &PgPool) -> Result<Basis, ServiceError> {
    let mut connection = pool.acquire().await?;
    let currencies = store::currencies::list(&mut connection).await?;
    let model = store::models::find_active(&mut connection).await?;
    let stored = store::revisions::find_active(&mut connection).await?;
    let (revision, currency) = if let Some(stored) = stored {
        let read = Definitions::read(&stored.document);
        let definitions = read.map_err(|problems| unreadable(&stored, &problems))?;
        let currency = definitions.value().currency;
        (
            Revision::published(stored.revision, Arc::new(definitions)),
            Some(currency),
        )
    } else {
        let built_in =
            Revision::built_in().map_err(|error| ServiceError::Internal(Box::new(error)))?;
        (built_in, only(&currencies))
    };
    Ok(Basis::new(
        revision,
        model.map(|version| version.as_active()),
        currency,
    ))
}

/// A document that was published once and that this program refuses: it was published by another version.
fn unreadable(stored: &StoredRevision, problems: &[Diagnostic]) -> ServiceError {
    let report = definitions::report(&stored.document, "definitions", problems);
    let revision = stored.revision;
    StoreError::Corrupt(format!(
        "revision {revision} of the definitions is refused by this program:\n{report}"
    ))
    .into()
}

/// The reporting currency before definitions name one: the only one in use.
fn only(currencies: &[Currency]) -> Option<Currency> {
    match currencies {
        [currency] => Some(*currency),
        _ => None,
    }
}
