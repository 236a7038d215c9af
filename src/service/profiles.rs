//! Reading profiles as of a day: from memory where the held profile answers that day, folded anew from the facts where not.

use std::{collections::HashMap, sync::Arc};

use bytes::Bytes;
use sqlx::PgPool;

use crate::{
    cache::profiles::{HeldProfile, KeptAnswer, ProfileCache},
    domain::{
        basis::Basis,
        calendar::Day,
        facts::MAX_DAYS_AHEAD,
        profile::{DatedProfile, Facts, History, Profile, fold},
        text::CustomerId,
    },
    service::error::ServiceError,
    store::{self, pool::SNAPSHOT},
};

/// Reads profiles.
pub struct Profiles {
    cache: Arc<ProfileCache>,
    pool: PgPool,
}

impl Profiles {
    /// A reader of `cache`, with `pool` for days that it does not answer.
    #[must_use]
    pub fn new(cache: Arc<ProfileCache>, pool: PgPool) -> Self {
        Self { cache, pool }
    }

    /// The profile of `customer` as of a day; `None` for an unknown customer.
    ///
    /// # Errors
    /// When the database cannot be asked.
    pub async fn at(
        &self,
        customer: &CustomerId,
        as_of: Day,
    ) -> Result<Option<DatedProfile>, ServiceError> {
        let held = self.cache.get(customer).await?;
        self.date(customer, &held, as_of).await
    }

    /// What memory holds of `customer`, loaded if it holds nothing.
    ///
    /// # Errors
    /// When the database cannot be asked.
    pub(super) async fn held(&self, customer: &CustomerId) -> Result<HeldProfile, ServiceError> {
        Ok(self.cache.get(customer).await?)
    }

    /// The profile of `customer`, of whom `held` is held, as of a day; `None` for an unknown customer.
    ///
    /// # Errors
    /// When the database cannot be asked.
    pub(super) async fn date(
        &self,
        customer: &CustomerId,
        held: &HeldProfile,
        as_of: Day,
    ) -> Result<Option<DatedProfile>, ServiceError> {
        if held.profile.is_none() {
            return Ok(None);
        }
        if let Some(dated) = held.dated(as_of) {
            return Ok(Some(dated));
        }
        let mut folded = self
            .fold_until(std::slice::from_ref(customer), as_of)
            .await?;
        Ok(folded.remove(customer))
    }

    /// The finished answer about `customer` on `basis` as of a day, if memory holds it.
    pub(super) fn kept_answer(
        &self,
        customer: &CustomerId,
        basis: &Arc<Basis>,
        as_of: Day,
    ) -> Option<Bytes> {
        self.cache
            .get_held(customer, |held| held.answer(basis, as_of))
    }

    /// Keeps the finished answer about `customer` beside the profile that it was made from.
    pub(super) fn keep(&self, customer: &CustomerId, version: i64, answer: KeptAnswer) {
        self.cache.enrich(customer, version, |held| {
            held.answer = Some(Arc::new(answer));
        });
    }

    /// The profiles of those of `customers` that are known, as of a day.
    ///
    /// # Errors
    /// When the database cannot be asked.
    pub async fn many_at(
        &self,
        customers: &[CustomerId],
        as_of: Day,
    ) -> Result<HashMap<CustomerId, DatedProfile>, ServiceError> {
        let mut found = HashMap::with_capacity(customers.len());
        let mut later = vec![];
        for (id, held) in self.cache.get_many(customers).await? {
            if held.profile.is_none() {
                continue;
            }
            match held.dated(as_of) {
                Some(dated) => drop(found.insert(id, dated)),
                None => later.push(id),
            }
        }
        found.extend(self.fold_until(&later, as_of).await?);
        Ok(found)
    }

    /// The profiles of `customers` as their facts up to `as_of` make them.
    async fn fold_until(
        &self,
        customers: &[CustomerId],
        as_of: Day,
    ) -> Result<HashMap<CustomerId, DatedProfile>, ServiceError> {
        if customers.is_empty() {
            return Ok(HashMap::new());
        }
        // One snapshot for the version and the facts behind it.
        let mut tx = self.pool.begin_with(SNAPSHOT).await?;
        let profiles = store::profiles::list(&mut tx, customers).await?;
        let mut facts = store::facts::list(&mut tx, customers, Some(as_of)).await?;
        tx.rollback().await?;
        let fold_one = |(id, profile): (CustomerId, Profile)| {
            let history = fold_all(&facts.remove(&id).unwrap_or_default());
            let last = profile.history.last_event_day;
            let dated = DatedProfile::new(Arc::new(Profile { history, ..profile }), as_of)?;
            // Facts ahead of the clock: until their day comes, every answer about today needs what was just folded.
            if last.is_some_and(|last| last - as_of <= MAX_DAYS_AHEAD) {
                self.cache.enrich(&id, dated.profile().version, |held| {
                    held.earlier = Some(dated.clone());
                });
            }
            Some((id, dated))
        };
        Ok(profiles.into_iter().filter_map(fold_one).collect())
    }
}

/// Folds all facts of a customer.
pub(super) fn fold_all(facts: &Facts) -> History {
    // An empty history holds nothing that the facts could touch.
    fold(History::default(), facts).unwrap_or_default()
}
