//! Discounting by the calendar against sums over fine steps.

use super::{christmas, day, model};
use crate::domain::clv::discount::DiscountRate;
use crate::domain::clv::lifetime;
use crate::domain::clv::outlook::Outlook;
use crate::domain::clv::reference::relative_difference;
use crate::domain::clv::season::clock::{PARTS, SeasonClock};
use crate::domain::clv::season::discounting::{
    continuously_discounted_orders, discounted_residual_orders,
};
use crate::domain::clv::season::{OrderTime, TimeAhead};

/// The sum over eighths of a day of the orders in each, discounted to its middle.
fn by_brute_force(outlook: &Outlook, weeks: f64, rate: f64, ahead: &TimeAhead<'_>) -> f64 {
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "steps"
    )]
    let steps = (weeks * 56.0).round() as u32;
    let mut before = 0.0;
    let mut sum = 0.0;
    for step in 1..=steps {
        let orders = outlook.expected_orders(ahead.model_weeks(f64::from(step) / 56.0));
        let middle = (f64::from(step) - 0.5) / 56.0;
        sum += (orders - before) * (-rate * middle).exp();
        before = orders;
    }
    sum
}

fn customers() -> [Outlook; 3] {
    let model = model();
    let clock = christmas();
    let time = OrderTime::Seasonal(&clock);
    let outlook = |x, recency, age| {
        let history = time.history(x, recency, age, day("2025-10-01"));
        model.outlook(&history.unwrap())
    };
    [
        model.newcomer(),
        outlook(2, 100, 500),
        outlook(30, 600, 610),
    ]
}

#[test]
fn orders_within_a_horizon_are_discounted_as_they_come() {
    let clock = christmas();
    for as_of in ["2025-10-01", "2025-12-31", "2024-02-29"] {
        let ahead = OrderTime::Seasonal(&clock).ahead_of(day(as_of));
        for outlook in &customers() {
            for rate in [0.0005, 0.0023, 0.05] {
                let weeks = 63.0;
                let slow = by_brute_force(outlook, weeks, rate, &ahead);
                let discount = DiscountRate::continuous_per_week(rate).unwrap();
                let fast = continuously_discounted_orders(outlook, weeks, discount, &ahead);
                let off = relative_difference(fast, slow);
                assert!(off < 1e-6, "{as_of} {rate}: {fast} or {slow}, {off}");
            }
        }
    }
}

#[test]
fn orders_of_a_lifetime_are_discounted_as_they_come() {
    let clock = christmas();
    let ahead = OrderTime::Seasonal(&clock).ahead_of(day("2025-10-01"));
    for outlook in &customers() {
        for (rate, weeks) in [(0.004, 5_400.0), (0.05, 600.0)] {
            let slow = by_brute_force(outlook, weeks, rate, &ahead);
            let discount = DiscountRate::continuous_per_week(rate).unwrap();
            let fast = discounted_residual_orders(outlook, discount, &ahead);
            let off = relative_difference(fast, slow);
            assert!(off < 1e-6, "{rate}: {fast} or {slow}, {off}");
            let plain = outlook.discounted_residual_orders(discount);
            assert!((fast - plain).abs() > 1e-3 * plain, "the season matters");
        }
    }
}

/// An index of ones leaves both as they are, also where little is discounted and the tail is most of it.
#[test]
fn without_seasons_both_are_those_of_the_plain_model() {
    let clock = SeasonClock::new(&[1.0; PARTS]).unwrap();
    let ahead = OrderTime::Seasonal(&clock).ahead_of(day("2025-10-01"));
    for outlook in &customers() {
        for rate in [1e-4, 0.0023, 0.1] {
            let discount = DiscountRate::continuous_per_week(rate).unwrap();
            let plain = lifetime::continuously_discounted_orders(outlook, 104.0, discount);
            let even = continuously_discounted_orders(outlook, 104.0, discount, &ahead);
            assert!(
                relative_difference(even, plain) < 1e-8,
                "{rate}: {even} or {plain}"
            );
            let plain = outlook.discounted_residual_orders(discount);
            let even = discounted_residual_orders(outlook, discount, &ahead);
            assert!(
                relative_difference(even, plain) < 1e-8,
                "{rate}: {even} or {plain}"
            );
            let none = discounted_residual_orders(outlook, discount, &TimeAhead::CALENDAR);
            assert_eq!(none.to_bits(), plain.to_bits());
        }
    }
}
