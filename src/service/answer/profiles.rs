//! Reading profiles as of a day: from memory where the held profile answers that day, folded anew from the facts where not.

use std::{collections::HashMap, sync::Arc};

use bytes::Bytes;
use sqlx::PgConnection;

use crate::{
    cache::{
        profiles::{EarlierProfile, HeldProfile, KeptAnswer, ProfileCache},
        read_through::LoadError,
    },
    domain::{
        assess::routing::RouteInputs,
        basis::Basis,
        calendar::Day,
        customer::{
            facts::MAX_DAYS_AHEAD,
            group::{Groups, MAX_MEMBERS},
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
        let held = self.held(customer).await?;
        self.date(&held, as_of).await
    }

    /// What memory holds of `customer`, loaded if it holds nothing; of one who is merged, what it holds of the customer who stays.
    ///
    /// # Errors
    /// When the database cannot be asked.
    pub(in crate::service) async fn held(
        &self,
        customer: &CustomerId,
    ) -> Result<HeldProfile, ServiceError> {
        Ok(held_root(&self.cache, customer).await?)
    }

    /// The profile, as of a day, of a customer whose held one is `held`; `None` for an unknown customer.
    ///
    /// # Errors
    /// When the database cannot be asked.
    pub(in crate::service) async fn date(
        &self,
        held: &HeldProfile,
        as_of: Day,
    ) -> Result<Option<DatedProfile>, ServiceError> {
        let Some(profile) = &held.profile else {
            return Ok(None);
        };
        let customer = profile.customer_id();
        let dated = self.cache.dated(held, as_of);
        if let Some(dated) = self.read(customer, dated)? {
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
        self.look(customer, |held| self.in_memory(held, as_of))
    }

    /// The finished answer about `customer` on `basis` as of a day, or what memory holds to make it of; `None` if the database must be
    /// asked. One look at the cache.
    pub(in crate::service) fn kept_or_held(
        &self,
        customer: &CustomerId,
        basis: &Arc<Basis>,
        as_of: Day,
    ) -> Option<KeptOrHeld> {
        self.look(customer, |held| {
            let kept = held.answer(basis, as_of).map(KeptOrHeld::Kept);
            kept.or_else(|| self.in_memory(held, as_of).map(KeptOrHeld::Held))
        })
    }

    /// The finished answer about `customer` on `basis` as of a day with what rules about contacts need, if it is kept.
    pub(in crate::service) fn kept_route(
        &self,
        customer: &CustomerId,
        basis: &Arc<Basis>,
        as_of: Day,
    ) -> Option<(Bytes, Arc<RouteInputs>)> {
        self.look(customer, |held| held.route(basis, as_of))
    }

    /// What `held` tells as of a day; `None` if the database must be asked, or if what is held cannot be read: then who asks on gets the
    /// error.
    fn in_memory(&self, held: &HeldProfile, as_of: Day) -> Option<InMemory> {
        match held.profile {
            Some(_) => self.cache.dated(held, as_of).ok()?.map(InMemory::Known),
            None => Some(InMemory::Unknown),
        }
    }

    /// The customer with whose profile `customer` is answered: itself, or the one into whom it is merged; `None` if memory does not know.
    pub(in crate::service::answer) fn root_held(
        &self,
        customer: &CustomerId,
    ) -> Option<CustomerId> {
        self.look(customer, |held| {
            let profile = held.profile.as_ref();
            profile.map(|profile| profile.customer_id().clone())
        })
    }

    /// What `look` finds in what memory holds of `customer`, or, if they are merged, of the customer who stays. Of one who is not, one look.
    fn look<T>(
        &self,
        customer: &CustomerId,
        look: impl Fn(&HeldProfile) -> Option<T>,
    ) -> Option<T> {
        enum Seen<T> {
            Found(T),
            Elsewhere(CustomerId),
        }
        let see = |held: HeldProfile| match held.merged_into {
            None => look(&held).map(Seen::Found),
            Some(into) => Some(Seen::Elsewhere(into)),
        };
        let mut seen = self.cache.get_held(customer, see)?;
        for _ in 0..=MAX_MEMBERS {
            match seen {
                Seen::Found(found) => return Some(found),
                Seen::Elsewhere(id) => seen = self.cache.get_held(&id, see)?,
            }
        }
        None
    }

    /// Keeps the finished answer about `customer` beside the profile that it was made from.
    pub(in crate::service) fn keep(&self, customer: &CustomerId, version: i64, answer: KeptAnswer) {
        self.cache.update_if_version(customer, version, |held| {
            held.answer = Some(Arc::new(answer));
        });
    }

    /// The profiles of those of `customers` that are known, as of a day; of one who is merged, that of the customer who stays.
    ///
    /// # Errors
    /// When the database cannot be asked.
    pub async fn many_at(
        &self,
        customers: &[CustomerId],
        as_of: Day,
    ) -> Result<HashMap<CustomerId, DatedProfile>, ServiceError> {
        let mut found = HashMap::with_capacity(customers.len());
        let (mut later, mut merged) = (vec![], vec![]);
        for (id, held) in self.cache.get_many(customers).await? {
            let held = match held.merged_into {
                Some(into) => {
                    let root = self.held(&into).await?;
                    if let Some(profile) = &root.profile {
                        merged.push((id, profile.customer_id().clone()));
                    }
                    root
                }
                None => held,
            };
            let Some(profile) = &held.profile else {
                continue;
            };
            let root = profile.customer_id().clone();
            match self.read(&root, held.dated(as_of))? {
                Some(dated) => drop(found.insert(root, dated)),
                None => later.push(root),
            }
        }
        found.extend(self.fold_until(&later, as_of).await?);
        for (id, root) in merged {
            if let Some(dated) = found.get(&root).cloned() {
                found.insert(id, dated);
            }
        }
        Ok(found)
    }

    /// What was held of `customer`, if it can be read. What cannot is held no longer: the next call reads the row anew, which somebody may
    /// have put right.
    fn read<T>(&self, customer: &CustomerId, held: Result<T, StoreError>) -> Result<T, StoreError> {
        held.inspect_err(|_| self.cache.invalidate_unsure(customer))
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
        let mut profiles = store::profiles::list(&mut tx, customers).await?;
        // Who was merged since memory was asked.
        let unknown = customers.iter().filter(|id| !profiles.contains_key(*id));
        let unknown: Vec<CustomerId> = unknown.cloned().collect();
        let merged = list_merged(&mut tx, &unknown, &mut profiles).await?;
        let mut folded = fold_day(&mut tx, profiles.values(), as_of).await?;
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
            let earlier: Vec<EarlierProfile> = earlier.iter().map(Into::into).collect();
            self.cache.update_if_version(id, profile.version, |held| {
                let is_new =
                    |kept: &&EarlierProfile| earlier.iter().all(|one| one.as_of != kept.as_of);
                let kept = held.earlier.iter().filter(is_new).cloned();
                held.earlier = kept.chain(earlier.iter().cloned()).collect();
            });
        }
        for (id, root) in merged {
            if let Some(dated) = folded.get(&root).cloned() {
                folded.insert(id, dated);
            }
        }
        Ok(folded)
    }
}

/// Adds to `profiles` those of the customers into whom some of `unknown` are merged. Returns who those are.
async fn list_merged(
    connection: &mut PgConnection,
    unknown: &[CustomerId],
    profiles: &mut HashMap<CustomerId, Profile>,
) -> Result<HashMap<CustomerId, CustomerId>, StoreError> {
    if unknown.is_empty() {
        return Ok(HashMap::new());
    }
    let parents = store::merges::list_parents(connection, unknown).await?;
    let merged = store::merges::list_roots(connection, parents).await?;
    let roots: Vec<CustomerId> = merged.values().cloned().collect();
    profiles.extend(store::profiles::list(connection, &roots).await?);
    Ok(merged)
}

/// What `cache` holds of a customer, loaded if it holds nothing; of one who is merged, what it holds of the customer who stays.
///
/// # Errors
/// When the database cannot be asked.
pub(in crate::service) async fn held_root(
    cache: &Arc<ProfileCache>,
    customer: &CustomerId,
) -> Result<HeldProfile, LoadError> {
    let mut held = cache.get(customer).await?;
    // Merges are changed while they are followed, one by one: the way is never longer than a group is large.
    for _ in 0..=MAX_MEMBERS {
        let Some(into) = held.merged_into.take() else {
            break;
        };
        held = cache.get(&into).await?;
    }
    Ok(held)
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
    let groups = Groups::from_profiles(profiles.clone());
    let mut facts = store::facts::list_joined(connection, &customers, Some(day), &groups).await?;
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
