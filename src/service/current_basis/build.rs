//! Building a basis of what is stored.

use std::sync::Arc;

use sqlx::PgConnection;

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
    store::{self, error::StoreError, pool::Pool, revisions::StoredRevision},
};

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
    } = pool
        .read_patiently(|connection| Box::pin(read(connection, Arc::clone(&rates))))
        .await?;
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
