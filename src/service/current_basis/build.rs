//! Building a basis of what is stored.

use std::{sync::Arc, time::Duration};

use sqlx::PgConnection;
use tokio::time::timeout;

use super::{Checked, valued_currencies};
use crate::{
    domain::{
        basis::{Basis, Revision},
        definitions::{self, Definitions},
        fitted::ModelVersion,
        money::Currency,
        rates::RateTable,
        rules::diagnostic::Diagnostic,
    },
    service::error::ServiceError,
    store::{
        self,
        error::StoreError,
        pool::{Pool, silent},
        revisions::StoredRevision,
    },
};

/// So long the first try to read what is stored may take, each further one four times as long: there may be much to read, or the database is slow.
const FIRST_LIMIT: Duration = Duration::from_secs(5);
/// The last try.
const LAST_LIMIT: Duration = Duration::from_mins(5);

/// What is stored of a basis.
struct Stored {
    currencies: Vec<Currency>,
    of_contacts: Vec<Currency>,
    model: Option<ModelVersion>,
    revision: Option<StoredRevision>,
    rates: Arc<RateTable>,
}

/// Reads it. Rates are never changed, so that only those are read that `known` lacks.
async fn read(connection: &mut PgConnection, known: Arc<RateTable>) -> Result<Stored, StoreError> {
    let currencies = store::currencies::list(connection).await?;
    let of_contacts = store::currencies::list_of_contacts(connection).await?;
    let model = store::models::find_active(connection).await?;
    let revision = store::revisions::find_active(connection).await?;
    let rates = match store::rates::list_after(connection, known.generation()).await? {
        Some(recorded) if recorded.takes_back => {
            // What is taken back may be in the table: it is made anew.
            let all = store::rates::list_after(connection, 0).await?;
            let all = all.map(|all| RateTable::default().with(all.last, all.rates));
            all.map_or(known, Arc::new)
        }
        Some(recorded) => Arc::new(known.with(recorded.last, recorded.rates)),
        None => known,
    };
    Ok(Stored {
        currencies,
        of_contacts,
        model,
        revision,
        rates,
    })
}

/// Reads it on a connection that answers: a statement on a path that went silent never ends, and others wait for the renewal.
async fn read_in_time(pool: &Pool, known: &Arc<RateTable>) -> Result<Stored, StoreError> {
    let mut limit = FIRST_LIMIT;
    loop {
        let mut lease = pool.lease().await?;
        match timeout(limit, read(&mut lease, Arc::clone(known))).await {
            Ok(stored) => {
                let stored = stored?;
                drop(lease.done());
                return Ok(stored);
            }
            Err(_) if limit < LAST_LIMIT => {
                tracing::debug!(
                    limit_ms = limit.as_millis(),
                    "reading definitions, models and rates takes long: trying another connection"
                );
                limit = LAST_LIMIT.min(limit * 4);
            }
            Err(late) => return Err(silent(late).into()),
        }
    }
}

/// The basis of what is stored, and the currencies of the amounts that values rest on. Neither rates nor revisions are ever changed, so
/// that only those are read that `known` lacks; and of the document that was `checked` the definitions are there.
pub(super) async fn build(
    pool: &Pool,
    known: Option<Arc<Basis>>,
    checked: Option<Checked>,
) -> Result<(Basis, Vec<Currency>), ServiceError> {
    let known = known.as_ref();
    let rates = known.map_or_else(Arc::<RateTable>::default, |basis| Arc::clone(&basis.rates));
    let Stored {
        currencies,
        of_contacts,
        model,
        revision,
        rates,
    } = read_in_time(pool, &rates).await?;
    let (revision, currency) = if let Some(stored) = revision {
        let number = stored.revision;
        let known = known.map(|basis| &basis.revision);
        let known = known.filter(|revision| revision.number == number);
        let definitions = match known.and_then(|revision| revision.definitions.clone()) {
            Some(definitions) => definitions,
            None => read_definitions(stored, checked).await?,
        };
        let currency = definitions.value().currency;
        (Revision::published(number, definitions), Some(currency))
    } else {
        let built_in =
            Revision::built_in().map_err(|error| ServiceError::Internal(Box::new(error)))?;
        (built_in, only(&currencies))
    };
    let model = model.map(|version| version.as_active());
    let basis = Basis::new(revision, model, currency, rates);
    let valued = valued_currencies(&basis, currencies, of_contacts);
    Ok((basis, valued))
}

/// The definitions of a stored document.
async fn read_definitions(
    stored: StoredRevision,
    checked: Option<Checked>,
) -> Result<Arc<Definitions>, ServiceError> {
    if let Some(checked) = checked.filter(|checked| checked.document == stored.document) {
        return Ok(checked.definitions);
    }
    let read = move || match Definitions::read(&stored.document) {
        Ok(definitions) => Ok(Arc::new(definitions)),
        Err(problems) => Err(unreadable(&stored, &problems)),
    };
    match tokio::task::spawn_blocking(read).await {
        Ok(read) => read,
        Err(error) => Err(ServiceError::Internal(Box::new(error))),
    }
}

/// A document that was published once and that this program refuses: it was published by another version.
fn unreadable(stored: &StoredRevision, problems: &[Diagnostic]) -> ServiceError {
    let report = definitions::report(&stored.document, "definitions", problems);
    let revision = stored.revision;
    StoreError::Corrupt(format!(
        "this version rejects revision {revision} of the definitions:\n{report}"
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
