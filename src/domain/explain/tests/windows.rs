//! Terms over a window of days, as segments of the example ask for them.

use super::Customer;
use crate::domain::customer::{CustomerKind, facts::AttributeValue};

#[test]
fn windows_are_half_open_and_a_segment_can_ask_for_another() {
    let caller = |days_ago| {
        Customer::new(CustomerKind::Person)
            .called(days_ago, 5, None)
            .attribute("portal_user", 1, AttributeValue::Bool(false))
    };
    let both = [
        "lifecycle/lead",
        "attention/heavy_caller",
        "attention/could_use_portal",
    ];
    assert_eq!(caller(0).segments(), both);
    assert_eq!(caller(29).segments(), both);
    assert_eq!(caller(30).segments(), ["lifecycle/lead"]);
}

#[test]
fn contacts_cost_what_is_recorded_or_what_their_channel_costs() {
    let repricing = |customer: Customer| {
        let customer = customer.bought(&[40], 1_000).worth(10.0, 0.9);
        customer
            .segments()
            .contains(&"profitability/repricing".to_owned())
    };
    let customer = || {
        // Known potential, so that nobody is asked about it first.
        Customer::new(CustomerKind::Person).attribute(
            "potential_class",
            1,
            AttributeValue::Text("low".into()),
        )
    };
    assert!(repricing(customer().called(20, 1, Some(20_001))));
    assert!(!repricing(customer().called(20, 1, Some(20_000))));
    assert!(
        repricing(customer().called(20, 27, None)),
        "27 calls at 7.50"
    );
    assert!(!repricing(customer().called(20, 26, None)));
    assert!(!repricing(customer().called(365, 27, None)));
}
