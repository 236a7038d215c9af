//! Taking facts in: each batch is one transaction that locks the customers it names, writes the facts that are new, folds them into
//! the profiles and appends to the change log. What a fact may say was checked before; whether it is new is decided here.

mod commit;
mod conditional;
mod contracts;
mod creation;
mod customers;
mod erase;
mod facts;
mod fold;
mod keys;
mod locked;
mod merge;
mod moves;
mod outcomes;
mod placement;
mod rates;
pub mod refold;
mod repeats;
mod undo;
mod unmatched;
mod written;

use std::sync::Arc;

use jiff::tz::TimeZone;
use tokio::time::Instant;

pub use contracts::NewContract;
pub use customers::{CustomerPatch, IdentifierStatement, NewAttribute};
pub use erase::{ErasedCustomer, Return};
pub use facts::NewFact;
pub use merge::{
    DifferingAttribute, FactsKind, MergeEffect, MergeMode, MergeRequest, MergedCustomers,
    MergedFacts,
};
pub use moves::{FactName, Move, MovedFacts, Unmovable};
pub use undo::{UndoMode, UndoneImport};
pub use unmatched::{Recorded, UnmatchedChange};

/// A merge that was recorded. Named here for the same reason as imports.
pub use crate::store::merges::Merge as StoredMerge;

/// What is recorded of imports. Named here, because who words it for callers knows the service and no store.
pub use crate::store::{
    erasure::ErasedRows,
    fact_keys::KeyedKind,
    imports::{Import as StoredImport, ImportedKind},
};
pub use placement::{FoundBy, Placed, Placement, UnknownCustomer, Unplaced};

use crate::{
    cache::{identifiers::IdentifierCache, profiles::ProfileCache},
    clock::Clock,
    domain::{
        customer::facts::{Contact, Transaction},
        desk::outcome::ContactOutcome,
        rates::{ExchangeRate, RateFilter, RecordedRate},
        text::{CustomerId, Label},
    },
    metrics::{self, FactKind, IngestMetrics, TakesBack},
    service::{answer::subjects::Subject, current_basis::CurrentBasis, error::ServiceError},
    store::{self, identifiers::IdentifierKey, pool::Pool},
};

/// What became of an item of a batch.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// New, and written.
    Written,
    /// The same, and the first that is known of its customer.
    Created,
    /// Known already, with the same content.
    Duplicate,
    /// What it takes back is not recorded, or taken back already; not written.
    NothingToReverse,
    /// Its key is known already, with another content; not written.
    KeyReused,
    /// The contract is known with another first day or period; not written.
    OtherContract,
    /// Its source and id name a fact of this customer; not written.
    OtherCustomer(CustomerId),
    /// The customer was erased; not written.
    CustomerErased,
}

impl Outcome {
    /// What is written, for an item that may be the first that is known of its customer.
    fn written(is_first: bool) -> Self {
        if is_first {
            Self::Created
        } else {
            Self::Written
        }
    }
}

/// A call that writes facts.
#[derive(Debug, Clone)]
pub struct Call {
    /// No statement runs on after this.
    pub deadline: Instant,
    /// The import that the facts belong to, if any.
    pub import: Option<Label>,
}

/// Takes facts in.
pub struct Ingest {
    /// For writes.
    pub pool: Pool,
    /// For listing what was written.
    pub read_pool: Pool,
    /// Told what was written.
    pub profiles: Arc<ProfileCache>,
    /// Told what was written.
    pub identifiers: Arc<IdentifierCache>,
    /// Under which identifiers are stored.
    pub key: IdentifierKey,
    /// Renewed when a new currency comes into use, and with every new rate.
    pub bases: Arc<CurrentBasis>,
    /// In which days are counted.
    pub zone: TimeZone,
    /// Tells when a fact is recorded.
    pub clock: Arc<dyn Clock>,
    /// Counts what became of facts.
    pub metrics: IngestMetrics,
}

impl Ingest {
    /// Finds the customers whom facts name by `subjects`.
    ///
    /// # Errors
    /// When the database cannot be asked.
    pub async fn place(
        &self,
        subjects: &[Subject],
        unknown: UnknownCustomer,
    ) -> Result<Placement, ServiceError> {
        placement::place(self, subjects, unknown).await
    }

    /// Records transactions: one outcome for each, in their order. No statement runs on after the deadline.
    ///
    /// # Errors
    /// Nothing was written, or, when the connection broke at the very end, all of it may have been: the same batch can be sent again.
    pub async fn transactions(
        &self,
        batch: &[NewFact<Transaction>],
        call: &Call,
    ) -> Result<Recorded, ServiceError> {
        let recorded = facts::write(self, batch, call).await?;
        self.count(FactKind::Transaction, &recorded.outcomes);
        let UnmatchedChange { added, matched } = recorded.unmatched;
        self.metrics.unmatched(TakesBack::Refund, added, matched);
        Ok(recorded)
    }

    /// Records contacts. One outcome for each, in their order.
    ///
    /// # Errors
    /// As for [`Self::transactions`].
    pub async fn contacts(
        &self,
        batch: &[NewFact<Contact>],
        call: &Call,
    ) -> Result<Recorded, ServiceError> {
        let recorded = facts::write(self, batch, call).await?;
        self.count(FactKind::Contact, &recorded.outcomes);
        let UnmatchedChange { added, matched } = recorded.unmatched;
        self.metrics
            .unmatched(TakesBack::Retraction, added, matched);
        Ok(recorded)
    }

    /// Records how a contact ended; written or a duplicate.
    ///
    /// # Errors
    /// [`ServiceError::OutcomeDiffers`], and as for [`Self::transactions`].
    pub async fn outcome(
        &self,
        outcome: &NewFact<ContactOutcome>,
        deadline: Instant,
    ) -> Result<Outcome, ServiceError> {
        let result = outcomes::write(self, outcome, deadline).await;
        let refused = matches!(result, Err(ServiceError::OutcomeDiffers(_)));
        let counted = if refused {
            Ok(&Outcome::KeyReused)
        } else {
            result.as_ref()
        };
        if let Ok(outcome) = counted {
            self.count(FactKind::Outcome, std::slice::from_ref(outcome));
        }
        result
    }

    /// Records how contracts stand. One outcome for each observation, in their order; never [`Outcome::KeyReused`].
    ///
    /// # Errors
    /// As for [`Self::transactions`].
    pub async fn contracts(
        &self,
        batch: &[NewContract],
        call: &Call,
    ) -> Result<Vec<Outcome>, ServiceError> {
        let outcomes = contracts::write(self, batch, call).await?;
        self.count(FactKind::Contract, &outcomes);
        Ok(outcomes)
    }

    /// Creates and changes customers. One outcome for each patch, in their order; written or duplicates.
    ///
    /// # Errors
    /// As for [`Self::transactions`].
    pub async fn customers(
        &self,
        batch: &[CustomerPatch],
        call: &Call,
    ) -> Result<Vec<Outcome>, ServiceError> {
        let outcomes = customers::write(self, batch, call).await?;
        self.count(FactKind::Customer, &outcomes);
        Ok(outcomes)
    }

    /// Records exchange rates. One outcome for each, in their order; never [`Outcome::KeyReused`]: another rate for a pair and day that has
    /// one is recorded too, and holds from then on.
    ///
    /// # Errors
    /// As for [`Self::transactions`].
    pub async fn rates(
        &self,
        batch: &[ExchangeRate],
        call: &Call,
    ) -> Result<Vec<Outcome>, ServiceError> {
        let outcomes = rates::write(self, batch, call).await?;
        self.count(FactKind::Rate, &outcomes);
        Ok(outcomes)
    }

    /// At most `limit` recorded rates with numbers below `before`, the last recorded first.
    ///
    /// # Errors
    /// When the database cannot be asked.
    pub async fn list_rates(
        &self,
        filter: RateFilter,
        before: i64,
        limit: i64,
    ) -> Result<Vec<RecordedRate>, ServiceError> {
        rates::list(self, filter, before, limit).await
    }

    /// At most `limit` imports with numbers below `before`, the last begun first.
    ///
    /// # Errors
    /// When the database cannot be asked.
    pub async fn list_imports(
        &self,
        before: i64,
        limit: i64,
    ) -> Result<Vec<StoredImport>, ServiceError> {
        let mut connection = self.read_pool.acquire().await?;
        Ok(store::imports::list(&mut connection, before, limit).await?)
    }

    /// Takes back all that an import wrote, or says what it would take back.
    ///
    /// # Errors
    /// [`ServiceError::ImportNotFound`]; when the database cannot be asked: what was taken back so far stays so, and the next call goes on.
    pub async fn undo_import(
        &self,
        import_id: &Label,
        mode: UndoMode,
        deadline: Instant,
    ) -> Result<UndoneImport, ServiceError> {
        undo::undo(self, import_id, mode, deadline).await
    }

    /// Moves facts from one customer to another, or says what would be moved.
    ///
    /// # Errors
    /// [`ServiceError::Correction`], and as for [`Self::transactions`].
    pub async fn move_facts(
        &self,
        asked: &Move,
        validate_only: bool,
        deadline: Instant,
    ) -> Result<MovedFacts, ServiceError> {
        moves::move_facts(self, asked, validate_only, deadline).await
    }

    /// Erases a customer, or says what would be erased.
    ///
    /// # Errors
    /// [`ServiceError::Correction`], and as for [`Self::transactions`].
    pub async fn erase_customer(
        &self,
        customer: &CustomerId,
        then: Return,
        validate_only: bool,
        deadline: Instant,
    ) -> Result<ErasedCustomer, ServiceError> {
        erase::erase(self, customer, then, validate_only, deadline).await
    }

    /// Merges a customer into another one, or says what that would change.
    ///
    /// # Errors
    /// One of them is not known or merged into somebody else, too many would be merged, or the database cannot be asked.
    pub async fn merge(
        &self,
        request: &MergeRequest,
        mode: MergeMode,
        deadline: Instant,
    ) -> Result<MergedCustomers, ServiceError> {
        merge::merge(self, request, mode, deadline).await
    }

    /// Ends the merge of a customer, or says what that would change.
    ///
    /// # Errors
    /// The customer is not known or not merged, or the database cannot be asked.
    pub async fn unmerge(
        &self,
        merged: &CustomerId,
        mode: MergeMode,
        deadline: Instant,
    ) -> Result<MergedCustomers, ServiceError> {
        merge::unmerge(self, merged, mode, deadline).await
    }

    /// At most `limit` merges with numbers below `before`, the last recorded first: all, or those of one customer.
    ///
    /// # Errors
    /// When the database cannot be asked.
    pub async fn list_merges(
        &self,
        customer: Option<&CustomerId>,
        before: i64,
        limit: i64,
    ) -> Result<Vec<StoredMerge>, ServiceError> {
        let mut connection = self.read_pool.acquire().await?;
        Ok(store::merges::list(&mut connection, customer, before, limit).await?)
    }

    fn count(&self, kind: FactKind, outcomes: &[Outcome]) {
        for outcome in outcomes {
            let outcome = match outcome {
                Outcome::Written | Outcome::Created => metrics::FactOutcome::Written,
                Outcome::Duplicate | Outcome::NothingToReverse => metrics::FactOutcome::Duplicate,
                Outcome::KeyReused
                | Outcome::OtherContract
                | Outcome::OtherCustomer(_)
                | Outcome::CustomerErased => metrics::FactOutcome::Refused,
            };
            self.metrics.facts(kind, outcome).inc();
        }
    }
}
