//! What can go wrong in a use case: a variant for each thing the caller would do differently.

mod corrections;

use std::sync::Arc;

pub use self::corrections::CorrectionError;
use crate::{
    cache::read_through::LoadError,
    domain::{
        calendar::Day,
        clv::fit::FitError,
        money::Currency,
        text::{CustomerId, Label},
    },
    service::{
        lane::LaneError,
        models::{CovariateProblem, RunningFit},
    },
    store::error::StoreError,
};

/// Why the database cannot work now. Said here again, because who words it for callers knows the service and no store.
pub use crate::store::error::Outage;

/// What went wrong in a use case.
#[derive(Debug, thiserror::Error)]
pub enum ServiceError {
    /// The database cannot work now, or could not at the last try: the same call may succeed in a moment.
    #[error("{}: retry later", outage_text(.0.outage()))]
    Unavailable(#[source] Arc<StoreError>),
    /// The database works, and all connections to it are in use.
    #[error("every database connection is in use: retry later")]
    Queued(#[source] Arc<StoreError>),
    /// The database is there but did not answer within its time.
    #[error("the database did not respond in time: retry the call")]
    TooSlow(#[source] Option<Arc<StoreError>>),
    /// Other writes of the same customers were in the way, several times over.
    #[error("conflicting writes to the same customers: retry the call")]
    Contended,
    /// A lane did not run the call to its end.
    #[error(transparent)]
    Lane(#[from] LaneError),
    /// Nobody is known by that name.
    #[error("no customer has that {0}")]
    CustomerNotFound(&'static str),
    /// Several customers are.
    #[error("{} customers share that identifier: use a customer id", .0.len())]
    AmbiguousSubject(Vec<CustomerId>),
    /// A correction cannot be made.
    #[error(transparent)]
    Correction(#[from] CorrectionError),
    /// No such model version.
    #[error("model version {0} does not exist: see ListModels")]
    ModelNotFound(i64),
    /// No such token.
    #[error("token {0} does not exist: see ListTokens")]
    TokenNotFound(String),
    /// No such import.
    #[error("no import {0:?} has written a fact: see ListImports")]
    ImportNotFound(Label),
    /// The import takes no more facts.
    #[error("import {0:?} was undone: use a new import id")]
    ImportUndone(Label),
    /// No such revision of the definitions.
    #[error(
        "revision {0} of the definitions does not exist: see ListRevisions; 0 is the built-in revision"
    )]
    RevisionNotFound(i64),
    /// Another revision is in force than the caller thinks.
    #[error(
        "revision {expected} of the definitions is not active, revision {active} is: see what changed, then try again"
    )]
    ActiveRevisionDiffers {
        /// The one that was to be replaced.
        expected: i64,
        /// The one in force; 0 is the built-in one.
        active: i64,
    },
    /// Segments exist once definitions are published.
    #[error("no segments exist because no definitions are published: use PublishDefinitions")]
    NoDefinitions,
    /// No such segment.
    #[error("segment \"{0}\" is not in the active definitions: write it as scheme/segment")]
    SegmentNotFound(String),
    /// No such scheme.
    #[error("scheme \"{0}\" is not in the active definitions: check the name")]
    SchemeNotFound(String),
    /// No such tier.
    #[error("tier \"{0}\" is not in the active definitions: check the name")]
    TierNotFound(String),
    /// A fit of that kind is running already.
    #[error(
        "a fit of {} until {} has been running since {}{}: wait for it, then try again",
        .0.kind.name(), .0.until, .0.since, .0.request_id.as_ref().map_or_else(String::new, |id| format!(" for request {id}"))
    )]
    FitRunning(Box<RunningFit>),
    /// The id of a request to fit belongs to another request.
    #[error("request id {0:?} belongs to a different fit request: use a new id")]
    RequestIdReused(Label),
    /// Of nobody are all covariates known.
    #[error(
        "nothing to fit: none of the {customers} customers with a purchase has every covariate on that day"
    )]
    NoCovariatesKnown {
        /// Customers with a purchase.
        customers: u64,
    },
    /// No version was active before the present one.
    #[error("no earlier model version was active: choose one with ActivateModel")]
    NoEarlierModel,
    /// Another version answers than the caller thinks.
    #[error("version {from} is not active, {}: check before rolling back",
        active.map_or("none is".to_owned(), |version| format!("version {version} is")))]
    ActiveVersionDiffers {
        /// The version that was to be rolled back.
        from: i64,
        /// The one that answers.
        active: Option<i64>,
    },
    /// A version whose parameters are not to be trusted.
    #[error(
        "the fit of version {0} did not converge (see its report): set allow_not_converged to activate it anyway"
    )]
    NotConverged(i64),
    /// Names that a fit was to depend on and cannot.
    #[error("not usable as covariates: {}", .0.iter().map(|(_, problem)| &**problem).collect::<Vec<_>>().join("; "))]
    NotCovariates(Vec<CovariateProblem>),
    /// Nothing to fit on.
    #[error("nothing to fit: {0}")]
    NothingToFit(#[source] FitError),
    /// An evaluation or a drift check is running already.
    #[error("{0} is already running: wait for it, then try again")]
    EvaluationRunning(String),
    /// Nothing to evaluate a model on.
    #[error("nothing to evaluate: {0}")]
    NothingToEvaluate(String),
    /// No day lies between the split and the end of the holdout.
    #[error("the split, {split}, must be before the end of the holdout, {until}")]
    EmptyHoldout {
        /// The last day known.
        split: Day,
        /// The last day of the holdout.
        until: Day,
    },
    /// A day of which nothing can be known yet.
    #[error("{day} is in the future: use {today} (today) or earlier")]
    DayAhead {
        /// The field of the request.
        field: &'static str,
        /// The day asked for.
        day: Day,
        /// Today.
        today: Day,
    },
    /// A version that knows some of what it is to predict.
    #[error(
        "version {version} was fitted on facts up to {until}: choose a split on that day or later, not {split}"
    )]
    VersionFittedLater {
        /// The version.
        version: i64,
        /// The last day that it knows.
        until: Day,
        /// The split.
        split: Day,
    },
    /// No version answers.
    #[error("no model version is active: use FitModel or ActivateModel")]
    NoActiveModel,
    /// An outcome of a contact that is recorded with other values in these fields.
    #[error(
        "this outcome is recorded with other values of {}: a recorded value never changes; send only what was missing",
        .0.join(", ")
    )]
    OutcomeDiffers(Vec<&'static str>),
    /// Nothing says in which currency to compare amounts.
    #[error(
        "there is no reporting currency yet: publish definitions (PublishDefinitions), or ingest purchases of one currency"
    )]
    NoReportingCurrency,
    /// No such channel, or none with a cost.
    #[error("the active definitions have no other channel with a cost: state one under channels")]
    NoTargetChannel,
    /// The subjects of a call name too many customers together.
    #[error(
        "the subjects share too many customers: the first {fitting} subjects fit into a call, send the others in another one"
    )]
    TooManyCustomers {
        /// The field of the request.
        field: &'static str,
        /// How many distinct subjects fit.
        fitting: usize,
    },
    /// An amount of a request without a rate to the reporting currency.
    #[error("no rate leads from {from} to {to}: use {to}, or record one with IngestRates")]
    NotConvertible {
        /// The field of the request.
        field: &'static str,
        /// Its currency.
        from: Currency,
        /// The reporting currency.
        to: Currency,
    },
    /// A fault of this program or of the database.
    #[error("internal error")]
    Internal(#[source] Box<dyn std::error::Error + Send + Sync>),
}

impl ServiceError {
    /// Whether the database was too slow because a lock was not to be had.
    #[must_use]
    pub fn is_locked_out(&self) -> bool {
        matches!(self, Self::TooSlow(Some(cause)) if cause.is_locked_out())
    }
}

/// What is the matter with the database, for a caller: who operates it finds the cause in the log.
fn outage_text(outage: Outage) -> &'static str {
    match outage {
        Outage::Away => "the database cannot be reached",
        Outage::ReadOnly => "the database is read-only, as after a failover",
        Outage::RefusesLogin => "the database refuses the login of this server",
        Outage::Full => "the database has no disk, memory or connections left",
        Outage::Restarting => "the database is restarting",
        Outage::SessionEnded => "the database ended the session",
        Outage::StorageFailed => "the database cannot read or write its files",
        Outage::TakenOver => "another server has taken over the database; this one stops",
    }
}

impl From<StoreError> for ServiceError {
    fn from(error: StoreError) -> Self {
        Self::from(Arc::new(error))
    }
}

impl From<Arc<StoreError>> for ServiceError {
    fn from(error: Arc<StoreError>) -> Self {
        match &*error {
            StoreError::Unavailable(_) | StoreError::TakenOver => Self::Unavailable(error),
            StoreError::Queued(_) => Self::Queued(error),
            StoreError::Timeout(_) => Self::TooSlow(Some(error)),
            StoreError::Conflict(_) => Self::Contended,
            StoreError::ImportUndone(id) => Self::ImportUndone(id.clone()),
            StoreError::Corrupt(_) | StoreError::Database(_) => Self::Internal(Box::new(error)),
        }
    }
}

impl From<sqlx::Error> for ServiceError {
    fn from(error: sqlx::Error) -> Self {
        StoreError::from(error).into()
    }
}

impl From<LoadError> for ServiceError {
    fn from(error: LoadError) -> Self {
        match error {
            LoadError::TooSlow(_) => Self::TooSlow(None),
            LoadError::Abandoned => Self::Internal(Box::new(error)),
            LoadError::Behind => {
                let cause = sqlx::Error::Protocol(error.to_string());
                Self::Unavailable(Arc::new(StoreError::Unavailable(cause)))
            }
            LoadError::Store(error) => error.into(),
        }
    }
}
