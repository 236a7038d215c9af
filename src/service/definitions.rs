//! Publishing definitions: checked as a whole, stored as an immutable revision, put in force by swapping in a new basis.

use std::{sync::Arc, time::Duration};

use crate::{
    clock::Clock,
    domain::{
        basis::Basis, calendar::Day, definition_tests, definitions::Definitions,
        rules::diagnostic::Diagnostic,
    },
    service::{
        current_basis::CurrentBasis,
        error::ServiceError,
        lane::Lane,
        missing_rates::{self, Unconvertible},
        retry::retry,
    },
    store::{
        self,
        locks::{Single, lock_single},
        pool::Pool,
        revisions::StoredRevision,
    },
};
use jiff::tz::TimeZone;

/// A statement that counts customers for an answer may run so long: a third of what the call gets, so that the answer leaves in time.
const COUNT_TIMEOUT: Duration = Duration::from_secs(10);

/// Publishes definitions and keeps their revisions.
pub struct DefinitionRevisions {
    /// Where revisions are stored.
    pub pool: Pool,
    /// Renewed with every change of the revision in force.
    pub bases: Arc<CurrentBasis>,
    /// Tells when a revision was published.
    pub clock: Arc<dyn Clock>,
    /// Decides which day it is.
    pub zone: TimeZone,
    /// Where documents are checked.
    pub lane: Lane,
}

/// A published revision.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Published {
    /// Number, from 1.
    pub revision: i64,
    /// Whether it is in force.
    pub active: bool,
    /// The document as it was published.
    pub document: String,
    /// When it was published.
    pub published_at: jiff::Timestamp,
    /// Why, in the words of who published it.
    pub note: String,
}

/// What became of a document that was to be published.
#[derive(Debug, Clone, PartialEq)]
pub enum Publication {
    /// It is a revision now, and in force; and who has no value by it for want of a rate, unless that could not be counted.
    Published(Published, Option<Unconvertible>),
    /// It has problems, all of them listed; nothing was stored.
    Refused(Vec<Diagnostic>),
}

impl From<StoredRevision> for Published {
    fn from(stored: StoredRevision) -> Self {
        Self {
            revision: stored.revision,
            active: stored.active,
            document: stored.document,
            published_at: stored.published_at,
            note: stored.note,
        }
    }
}

impl DefinitionRevisions {
    /// Everything that is wrong with a document; nothing when it could be published.
    ///
    /// # Errors
    /// When the process stops.
    pub async fn check(&self, document: &str) -> Result<Vec<Diagnostic>, ServiceError> {
        Ok(self.read(document).await?.err().unwrap_or_default())
    }

    /// Reads a document on a thread of the lane: a long one takes seconds.
    async fn read(
        &self,
        document: &str,
    ) -> Result<Result<Arc<Definitions>, Vec<Diagnostic>>, ServiceError> {
        let document = document.to_owned();
        let read = move || definition_tests::read(&document).map(|it| it.definitions);
        self.lane.compute(read).await
    }

    /// Publishes a document and puts it in force instead of the revision `expected`, where the caller names one. The document that is in force
    /// already is not stored again, so that a call whose answer was lost can be repeated.
    ///
    /// # Errors
    /// Another revision is in force than `expected`, or the database cannot be asked.
    pub async fn publish(
        &self,
        document: &str,
        note: &str,
        expected: Option<i64>,
    ) -> Result<Publication, ServiceError> {
        let definitions = match self.read(document).await? {
            Ok(definitions) => definitions,
            Err(problems) => return Ok(Publication::Refused(problems)),
        };
        let published = retry(&self.pool, || {
            self.publish_once((document, note), &definitions, expected)
        })
        .await?;
        Ok(self.published(published).await)
    }

    /// One try to publish a sound document.
    async fn publish_once(
        &self,
        (document, note): (&str, &str),
        definitions: &Arc<Definitions>,
        expected: Option<i64>,
    ) -> Result<Published, ServiceError> {
        let now = self.clock.now();
        let mut tx = self.pool.begin().await?;
        // Revisions are numbered by counting, and the one in force is compared with: both hold until the commit.
        lock_single(&mut tx, Single::Revisions).await?;
        let active = store::revisions::find_active(&mut tx).await?;
        let number = active.as_ref().map_or(0, |active| active.revision);
        if let Some(active) = active.filter(|active| active.document == document) {
            tx.rollback().await?;
            let is_in_force = |basis: &Basis| basis.revision.number == active.revision;
            self.bases.renew_unless(is_in_force).await?;
            return Ok(active.into());
        }
        check_active(number, expected)?;
        let revision = store::revisions::insert(&mut tx, document, note, now).await?;
        store::revisions::activate(&mut tx, revision, now).await?;
        self.bases.remember(document, Arc::clone(definitions));
        self.bases.commit_and_renew(tx).await?;
        let (document, note) = (document.to_owned(), note.to_owned());
        Ok(Published {
            revision,
            active: true,
            document,
            published_at: now,
            note,
        })
    }

    /// What is published is published, whether the customers can be counted or not.
    async fn published(&self, published: Published) -> Publication {
        let counted = self.count_unconvertible().await;
        let counted = counted.inspect_err(|error| {
            tracing::warn!(error.cause = %error, "could not count customers with missing rates");
        });
        Publication::Published(published, counted.ok())
    }

    async fn count_unconvertible(&self) -> Result<Unconvertible, ServiceError> {
        let mut tx = self.pool.begin_snapshot().await?;
        store::locks::limit_statements(&mut tx, COUNT_TIMEOUT).await?;
        let today = Day::in_zone(self.clock.now(), &self.zone);
        let today = today.map_err(|error| ServiceError::Internal(Box::new(error)))?;
        let counted = missing_rates::count(&mut tx, &self.bases.current(), today).await?;
        tx.rollback().await?;
        Ok(counted)
    }

    /// Puts an earlier revision in force again, 0 for the built-in one, instead of the revision `expected`, where the caller names one.
    ///
    /// # Errors
    /// There is none of that number, another one is in force than `expected`, or the database cannot be asked.
    pub async fn roll_back(
        &self,
        revision: i64,
        expected: Option<i64>,
    ) -> Result<Option<Published>, ServiceError> {
        retry(&self.pool, || self.roll_back_once(revision, expected)).await
    }

    async fn roll_back_once(
        &self,
        revision: i64,
        expected: Option<i64>,
    ) -> Result<Option<Published>, ServiceError> {
        let mut tx = self.pool.begin().await?;
        lock_single(&mut tx, Single::Revisions).await?;
        if expected.is_some() {
            let active = store::revisions::find_active(&mut tx).await?;
            let active = active.map_or(0, |active| active.revision);
            // A call whose answer was lost is repeated.
            if active != revision {
                check_active(active, expected)?;
            }
        }
        let published = if revision == 0 {
            store::revisions::deactivate(&mut tx).await?;
            None
        } else {
            let found = store::revisions::find(&mut tx, revision).await?;
            let found = found.ok_or(ServiceError::RevisionNotFound(revision))?;
            store::revisions::activate(&mut tx, revision, self.clock.now()).await?;
            Some(Published {
                active: true,
                ..found.into()
            })
        };
        self.bases.commit_and_renew(tx).await?;
        Ok(published)
    }

    /// A revision; the one in force when `revision` is `None`, which may be the built-in one.
    ///
    /// # Errors
    /// There is none of that number, or the database cannot be asked.
    pub async fn get(&self, revision: Option<i64>) -> Result<Option<Published>, ServiceError> {
        let mut connection = self.pool.acquire().await?;
        match revision {
            None => Ok(store::revisions::find_active(&mut connection)
                .await?
                .map(Published::from)),
            Some(revision) => {
                let found = store::revisions::find(&mut connection, revision).await?;
                let found = found.ok_or(ServiceError::RevisionNotFound(revision))?;
                Ok(Some(found.into()))
            }
        }
    }

    /// At most `limit` revisions below `before`, newest first.
    ///
    /// # Errors
    /// When the database cannot be asked.
    pub async fn list(&self, before: i64, limit: i64) -> Result<Vec<Published>, ServiceError> {
        let mut connection = self.pool.acquire().await?;
        let found = store::revisions::list(&mut connection, before, limit).await?;
        Ok(found.into_iter().map(Published::from).collect())
    }
}

/// Fails when another revision is in force than the caller expects.
fn check_active(active: i64, expected: Option<i64>) -> Result<(), ServiceError> {
    match expected {
        Some(expected) if expected != active => {
            Err(ServiceError::ActiveRevisionDiffers { expected, active })
        }
        Some(_) | None => Ok(()),
    }
}
