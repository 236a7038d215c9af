//! Reading profiles as of a day: from memory where the held profile answers that day, folded anew from the facts where not.

use std::{collections::HashMap, sync::Arc};

use bytes::Bytes;
use sqlx::PgConnection;

use crate::{
    cache::profiles::{HeldProfile, KeptAnswer, ProfileCache},
    domain::{
        assess::routing::RouteInputs,
        basis::Basis,
        calendar::Day,
        customer::{
            facts::MAX_DAYS_AHEAD,
            profile::{DatedProfile, Facts, History, Profile, fold},
        },
        text::CustomerId,
    },
    service::error::ServiceError,
    store::{self, error::StoreError, pool::Pool},
};

/// What memory knows of a customer.
pub(in crate::service) enum InMemory {
    /// There is no such customer.
    Unknown,
    /// The profile as of the day asked for.
    Known(DatedProfile),
}

/// What memory has for an answer.
pub(in crate::service) enum KeptOrHeld {
    /// The answer itself.
    Kept(Bytes),
    /// What it is made of.
    Held(InMemory),
}

impl InMemory {
    /// What `held` tells as of a day; `None` if the database must be asked.
    fn from_held(held: &HeldProfile, as_of: Day) -> Option<Self> {
        match held.profile {
            Some(_) => held.dated(as_of).map(Self::Known),
            None => Some(Self::Unknown),
        }
    }

    /// The profile, if there is one.
    pub(in crate::service) fn profile(self) -> Option<DatedProfile> {
        match self {
            Self::Unknown => None,
            Self::Known(dated) => Some(dated),
        }
    }
}

/// Reads profiles.
pub struct Profiles {
    cache: Arc<ProfileCache>,
    pool: Pool,
}

impl Profiles {
    /// A reader of `cache`, with `pool` for days that it does not answer.
    #[must_use]
    pub fn new(cache: Arc<ProfileCache>, pool: Pool) -> Self {
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
    pub(in crate::service) async fn held(
        &self,
        customer: &CustomerId,
    ) -> Result<HeldProfile, ServiceError> {
        Ok(self.cache.get(customer).await?)
    }

    /// The profile of `customer`, of whom `held` is held, as of a day; `None` for an unknown customer.
    ///
    /// # Errors
    /// When the database cannot be asked.
    pub(in crate::service) async fn date(
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

    /// What memory holds of `customer` as of a day; `None` if the database must be asked.
    pub(in crate::service) fn at_held(
        &self,
        customer: &CustomerId,
        as_of: Day,
    ) -> Option<InMemory> {
        self.cache
            .get_held(customer, |held| InMemory::from_held(held, as_of))
    }

    /// The finished answer about `customer` on `basis` as of a day, or what memory holds to make it of; `None` if the database must be
    /// asked. One look at the cache.
    pub(in crate::service) fn kept_or_held(
        &self,
        customer: &CustomerId,
        basis: &Arc<Basis>,
        as_of: Day,
    ) -> Option<KeptOrHeld> {
        self.cache.get_held(customer, |held| {
            let kept = held.answer(basis, as_of).map(KeptOrHeld::Kept);
            kept.or_else(|| InMemory::from_held(held, as_of).map(KeptOrHeld::Held))
        })
    }

    /// The finished answer about `customer` on `basis` as of a day with what rules about contacts need, if it is kept.
    pub(in crate::service) fn kept_route(
        &self,
        customer: &CustomerId,
        basis: &Arc<Basis>,
        as_of: Day,
    ) -> Option<(Bytes, Arc<RouteInputs>)> {
        self.cache
            .get_held(customer, |held| held.route(basis, as_of))
    }

    /// Keeps the finished answer about `customer` beside the profile that it was made from.
    pub(in crate::service) fn keep(&self, customer: &CustomerId, version: i64, answer: KeptAnswer) {
        self.cache.update_if_version(customer, version, |held| {
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
        let mut tx = self.pool.begin_snapshot().await?;
        let profiles = store::profiles::list(&mut tx, customers).await?;
        let folded = fold_day(&mut tx, profiles.values(), as_of).await?;
        // Facts ahead of the clock: until the day of the last one, every answer about today needs what is folded here.
        let ahead = profiles.values().filter(|profile| {
            let last = profile.history.last_event_day;
            last > Some(as_of) && last <= Some(as_of.plus_days(MAX_DAYS_AHEAD))
        });
        let ahead: Vec<&Profile> = ahead.collect();
        let mut later = fold_days(&mut tx, &ahead, as_of.plus_days(1)).await?;
        tx.rollback().await?;
        for profile in ahead {
            let id = &profile.customer_id;
            let mut earlier = later.remove(id).unwrap_or_default();
            earlier.extend(folded.get(id).cloned());
            self.cache.update_if_version(id, profile.version, |held| {
                let is_new = |kept: &&DatedProfile| {
                    let day = kept.view().as_of();
                    earlier.iter().all(|one| one.view().as_of() != day)
                };
                let kept = held.earlier.iter().filter(is_new).cloned();
                held.earlier = kept.chain(earlier.iter().cloned()).collect();
            });
        }
        Ok(folded)
    }
}

/// The profiles of `profiles` as of a day, as the facts until it make them.
pub(in crate::service) async fn fold_day(
    connection: &mut PgConnection,
    profiles: impl Iterator<Item = &Profile> + Clone,
    day: Day,
) -> Result<HashMap<CustomerId, DatedProfile>, StoreError> {
    let customers: Vec<CustomerId> = profiles
        .clone()
        .map(|one| one.customer_id.clone())
        .collect();
    let mut facts = store::facts::list(connection, &customers, Some(day)).await?;
    let fold_one = |profile: &Profile| {
        let id = profile.customer_id.clone();
        let history = fold_all(&facts.remove(&id).unwrap_or_default());
        let profile = profile.clone();
        let dated = DatedProfile::new(Arc::new(Profile { history, ..profile }), day)?;
        Some((id, dated))
    };
    Ok(profiles.filter_map(fold_one).collect())
}

/// Of each of `profiles` those as of every day from `first` to the day before its last fact, which is few days away.
async fn fold_days(
    connection: &mut PgConnection,
    profiles: &[&Profile],
    first: Day,
) -> Result<HashMap<CustomerId, Vec<DatedProfile>>, StoreError> {
    let mut found: HashMap<CustomerId, Vec<DatedProfile>> = HashMap::new();
    for ahead in 0..=MAX_DAYS_AHEAD {
        let day = first.plus_days(ahead);
        let is_after = |one: &&Profile| one.history.last_event_day > Some(day);
        let later: Vec<&Profile> = profiles.iter().copied().filter(is_after).collect();
        if later.is_empty() {
            break;
        }
        for (id, dated) in fold_day(connection, later.into_iter(), day).await? {
            found.entry(id).or_default().push(dated);
        }
    }
    Ok(found)
}

/// Those of `changed`, with facts after `today`, that memory will hold: each with its profiles as of today and the days before these facts.
///
/// # Errors
/// When the database cannot be asked.
pub(in crate::service) async fn list_earlier(
    tx: &mut PgConnection,
    cache: &ProfileCache,
    changed: &HashMap<CustomerId, Profile>,
    today: Day,
) -> Result<HashMap<CustomerId, Vec<DatedProfile>>, StoreError> {
    let ahead = changed.values().filter(|profile| {
        profile.history.last_event_day > Some(today) && cache.is_wanted(&profile.customer_id)
    });
    fold_days(tx, &ahead.collect::<Vec<_>>(), today).await
}

/// Folds all facts of a customer.
pub(in crate::service) fn fold_all(facts: &Facts) -> History {
    // An empty history holds nothing that the facts could touch.
    fold(History::default(), facts).unwrap_or_default()
}
