//! What is packed comes back, and takes no more room than it needs.

mod golden;

use super::*;

#[test]
fn an_unpacked_history_has_no_room_to_spare() {
    let entry = |day| PurchaseDay {
        day: Day::from_number(day).unwrap(),
        currency: "EUR".parse().unwrap(),
        category: Some("books".into()),
        count: 1,
        amount_minor: 100,
        costed_amount_minor: 0,
        cost_minor: 0,
        foreign_refunds: None,
    };
    let history = History {
        purchases: (0..21).map(entry).collect(),
        ..History::default()
    };
    let unpacked = unpack(&pack(&history)).unwrap();
    assert_eq!(unpacked, history);
    assert_eq!(unpacked.purchases.capacity(), 21);
}
