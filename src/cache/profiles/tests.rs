//! What entries of the cache weigh, and how long a finished answer is one.

use std::time::Duration;

use super::*;
use crate::domain::{
    basis::Revision,
    customer::{
        CustomerKind,
        facts::{AttributeFact, AttributeValue},
        profile::{History, Profile},
    },
};

pub(super) fn profile(version: i64) -> Profile {
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

fn held(version: i64) -> HeldProfile {
    HeldProfile::known(PackedProfile::from_profile(&profile(version)))
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
        let found = ids.into_iter().map(|id| (id, held(1)));
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
    Arc::new(ProfileCache::new(
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
    let answer = KeptAnswer::new(&basis, Day::EPOCH, b"answer", None);
    let held = HeldProfile {
        answer: Some(Arc::new(answer)),
        ..held(1)
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
    let answer = KeptAnswer::new(&old, Day::EPOCH, b"", None);
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
    let answer = |bytes: &'static [u8]| KeptAnswer::new(&basis, Day::EPOCH, bytes, None);
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
    let weighed = cache.metrics().weighted_bytes.get();
    assert_eq!(weighed, i64::from(weight + id.weight()));
    // Made from what a write has outdated, or while it was being written.
    keep(&cache, &id, 0, answer(b"old"));
    assert_eq!(kept().await.unwrap().len(), 1_000);
    cache.commit(&id, 2, || held(2));
    keep(&cache, &id, 1, answer(b"old"));
    assert_eq!(kept().await, None);
}

#[tokio::test]
async fn answers_push_others_out_when_there_is_no_room() {
    let (cache, basis) = (cache(20_000), basis());
    for customer in 0..100 {
        let id = CustomerId::new(&format!("c{customer}")).unwrap();
        cache.get(&id).await.unwrap();
        let bytes = vec![0; 2_000];
        keep(
            &cache,
            &id,
            1,
            KeptAnswer::new(&basis, Day::EPOCH, &bytes, None),
        );
    }
    cache.measure();
    assert!(cache.metrics().weighted_bytes.get() <= 20_000);
}

#[tokio::test]
async fn a_long_id_of_a_stranger_is_weighed_too() {
    let cache = cache(20_000);
    let (short, long) = ("x".to_owned(), "y".repeat(CustomerId::MAX_BYTES));
    let mut weights = vec![];
    for id in [short, long] {
        cache.get(&CustomerId::new(&id).unwrap()).await.unwrap();
        cache.measure();
        weights.push(cache.metrics().weighted_bytes.get());
    }
    assert_eq!(weights[1] - weights[0], weights[0] + 127);
}

/// Attributes observed on the days `1..=days`.
pub(super) fn observed(days: i32) -> History {
    let fact = |day: i32| AttributeFact {
        name: format!("{day:060}").into(),
        value: Some(AttributeValue::Text("x".repeat(64).into())),
        observed_on: Day::EPOCH.plus_days(day),
        source: "crm".into(),
        profile_version: 1,
    };
    History {
        attributes: (1..=days).map(fact).collect(),
        last_event_day: Some(Day::EPOCH.plus_days(days)),
        ..History::default()
    }
}

#[test]
fn a_profile_weighs_its_packed_bytes_and_its_texts() {
    let weight = |profile: &Profile| profile_bytes(&PackedProfile::from_profile(profile));
    let empty = weight(&profile(1));
    let observed = Profile {
        history: observed(25),
        ..profile(1)
    };
    let packed = weight(&observed) - empty;
    // 25 names of 60 bytes, as many values of 64, and of each some numbers.
    assert!((25 * 124..25 * 160).contains(&packed), "{packed}");
    let named = Profile {
        display_name: Some("x".repeat(200).into()),
        members: Box::new([CustomerId::new(&"y".repeat(100)).unwrap()]),
        ..profile(1)
    };
    let texts = weight(&named) - empty;
    assert!((300..400).contains(&texts), "{texts}");
}

#[test]
fn what_is_held_is_unpacked_for_the_days_that_it_answers() {
    let on = |day: i32| Day::EPOCH.plus_days(day);
    let of = |days: i32| Profile {
        history: observed(days),
        ..profile(1)
    };
    let earlier = DatedProfile::new(Arc::new(of(2)), on(2)).unwrap();
    let held = HeldProfile {
        earlier: [EarlierProfile::from(&earlier)].into(),
        ..HeldProfile::known(PackedProfile::from_profile(&of(3)))
    };
    let copy = held.earlier.to_vec();
    assert!(Arc::ptr_eq(&copy[0].profile, &held.earlier[0].profile));
    let dated = |day| held.dated(on(day)).unwrap();
    for (day, days) in [(2, 2), (3, 3), (9, 3)] {
        let dated = dated(day).unwrap();
        assert_eq!(
            (dated.profile(), dated.view().as_of()),
            (&of(days), on(day))
        );
    }
    // Of that day the facts must be folded anew.
    assert!(dated(1).is_none());
    assert!(HeldProfile::default().dated(on(9)).unwrap().is_none());
}

#[test]
fn an_answer_is_held_without_the_room_it_was_written_in() {
    let mut written = Vec::with_capacity(4_096);
    written.extend([7; 1_000]);
    let kept = KeptAnswer::new(&basis(), Day::EPOCH, &Bytes::from(written), None);
    let bytes = kept.bytes.try_into_mut().unwrap();
    assert_eq!((bytes.len(), bytes.capacity()), (1_000, 1_000));
}
