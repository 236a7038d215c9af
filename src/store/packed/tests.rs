//! What is packed comes back, and takes no more room than it needs.

mod golden;

use super::*;

/// Purchases on so many days, in two currencies in turn.
fn bought(days: i32) -> History {
    let entry = |day: i32| PurchaseDay {
        day: Day::from_number(day).unwrap(),
        currency: ["EUR", "SEK"][usize::from(day % 2 == 1)].parse().unwrap(),
        category: Some("books".into()),
        count: 1,
        amount_minor: 100,
        costed_amount_minor: 0,
        cost_minor: 0,
        foreign_refunds: None,
    };
    History {
        purchases: (0..days).map(entry).collect(),
        ..History::default()
    }
}

#[test]
fn an_unpacked_history_has_no_room_to_spare() {
    let history = bought(21);
    let unpacked = unpack(&pack(&history)).unwrap();
    assert_eq!(unpacked, history);
    assert_eq!(unpacked.purchases.capacity(), 21);
}

#[test]
fn labels_are_found_wherever_they_stand_in_the_message() {
    let history = bought(5);
    let packed = pack(&history);
    let mut rest = &packed[..];
    drop(Labels::take_from(&mut rest).unwrap());
    let (labels, rest) = packed.split_at(packed.len() - rest.len());
    // The first one has a key, a length and "EUR".
    let (first, others) = labels.split_at(5);
    for parts in [[first, rest, others], [rest, first, others]] {
        assert_eq!(unpack(&parts.concat()).unwrap(), history);
    }
}

#[test]
fn a_profile_that_is_cut_off_is_never_taken_for_the_whole() {
    let history = bought(5);
    let packed = pack(&history);
    for length in 0..packed.len() {
        let unpacked = unpack(&packed[..length]).ok();
        assert_ne!(unpacked.as_ref(), Some(&history), "{length}");
    }
}
