//! What entries of the cache weigh, and how long a finished answer is one.

use std::time::Duration;

use super::*;
use crate::domain::{
    basis::Revision,
    customer::{CustomerKind, facts::AttributeFact},
};

fn profile(version: i64) -> Profile {
    Profile {
        customer_id: CustomerId::new("ada").unwrap(),
        version,
        kind: CustomerKind::Person,
        display_name: None,
        recorded_at: jiff::Timestamp::UNIX_EPOCH,
        members: Box::default(),
        history: History::default(),
    }
}

fn basis() -> Arc<Basis> {
    Arc::new(Basis::new(
        Revision::built_in().unwrap(),
        None,
        None,
        Arc::default(),
    ))
}

/// A cache whose loads find version 1 of everybody.
fn cache(max_bytes: u64) -> Arc<ProfileCache> {
    let load: Load<CustomerId, HeldProfile> = Box::new(|ids| {
        let found = ids
            .into_iter()
            .map(|id| (id, HeldProfile::from_profile(Some(Arc::new(profile(1))))));
        let batch = Batch {
            values: found.collect(),
            lease: None,
        };
        Box::pin(std::future::ready(Ok(batch)))
    });
    let bounds = Bounds {
        max_bytes,
        load_timeout: Duration::from_secs(10),
    };
    Arc::new(ReadThrough::new(
        bounds,
        Breaker::never_opens(),
        CacheMetrics::default(),
        load,
    ))
}

fn keep(cache: &ProfileCache, id: &CustomerId, version: i64, answer: KeptAnswer) {
    cache.update_if_version(id, version, |held| held.answer = Some(Arc::new(answer)));
}

#[test]
fn a_kept_answer_is_one_for_its_basis_and_its_day_alone() {
    let (basis, same_name) = (basis(), basis());
    let answer = KeptAnswer::new(&basis, Day::EPOCH, Bytes::from_static(b"answer"), None);
    let held = HeldProfile {
        answer: Some(Arc::new(answer)),
        ..HeldProfile::from_profile(Some(Arc::new(profile(1))))
    };
    let tomorrow = Day::EPOCH.plus_days(1);
    assert_eq!(held.answer(&basis, Day::EPOCH).unwrap(), "answer");
    assert_eq!(held.answer(&basis, tomorrow), None);
    assert_eq!(held.answer(&same_name, Day::EPOCH), None);
    assert_eq!(HeldProfile::default().answer(&basis, Day::EPOCH), None);
}

#[test]
fn an_old_basis_goes_though_answers_were_made_on_it() {
    let old = basis();
    let gone = Arc::downgrade(&old);
    let answer = KeptAnswer::new(&old, Day::EPOCH, Bytes::new(), None);
    drop(old);
    assert!(gone.upgrade().is_none());
    // Its address is still its own.
    let others: Vec<Arc<Basis>> = (0..100).map(|_| basis()).collect();
    let held = HeldProfile {
        answer: Some(Arc::new(answer)),
        ..HeldProfile::default()
    };
    assert!(
        others
            .iter()
            .all(|other| held.answer(other, Day::EPOCH).is_none())
    );
}

#[tokio::test]
async fn an_answer_is_kept_beside_the_profile_it_was_made_from_and_weighed() {
    let (cache, basis, id) = (cache(20_000), basis(), CustomerId::new("ada").unwrap());
    let answer =
        |bytes: &'static [u8]| KeptAnswer::new(&basis, Day::EPOCH, Bytes::from_static(bytes), None);
    let kept = async || cache.get(&id).await.unwrap().answer(&basis, Day::EPOCH);
    keep(&cache, &id, 1, answer(b"of nobody in memory"));
    assert_eq!(kept().await, None);
    let before = cache.get(&id).await.unwrap().weight();
    keep(&cache, &id, 1, answer(&[b'x'; 1_000]));
    assert_eq!(kept().await.unwrap().len(), 1_000);
    let weight = cache.get(&id).await.unwrap().weight();
    assert!(
        (1_000..1_200).contains(&(weight - before)),
        "{weight} after {before}"
    );
    cache.measure();
    assert_eq!(cache.weighted_bytes(), u64::from(weight));
    // Made from what a write has outdated, or while it was being written.
    keep(&cache, &id, 0, answer(b"old"));
    assert_eq!(kept().await.unwrap().len(), 1_000);
    cache.commit(&id, 2, || {
        HeldProfile::from_profile(Some(Arc::new(profile(2))))
    });
    keep(&cache, &id, 1, answer(b"old"));
    assert_eq!(kept().await, None);
}

#[tokio::test]
async fn answers_push_others_out_when_there_is_no_room() {
    let (cache, basis) = (cache(20_000), basis());
    for customer in 0..100 {
        let id = CustomerId::new(&format!("c{customer}")).unwrap();
        cache.get(&id).await.unwrap();
        let bytes = Bytes::from(vec![0; 2_000]);
        keep(
            &cache,
            &id,
            1,
            KeptAnswer::new(&basis, Day::EPOCH, bytes, None),
        );
    }
    cache.measure();
    assert!(cache.weighted_bytes() <= 20_000);
}

#[test]
fn a_profile_weighs_its_texts_and_a_shared_one_once() {
    let mut profile = profile(1);
    let empty = profile_bytes(&profile);
    let source: Label = "x".repeat(64).into();
    profile.history.attributes = (0..25)
        .map(|at| AttributeFact {
            name: format!("{at:060}").into(),
            value: None,
            observed_on: Day::EPOCH,
            source: source.clone(),
            profile_version: 1,
        })
        .collect();
    let facts = size_of_val(profile.history.attributes.as_slice());
    let labels = profile_bytes(&profile) - empty - facts;
    assert_eq!(labels, 25 * (60 + 24) + 64 + 24);
}
