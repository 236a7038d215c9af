//! Recovery from simulated customers, and the cases without a maximum.

use super::*;
use crate::domain::clv::random::Random;
use crate::domain::clv::reference::assert_close;

/// Customers known for 10 to 109 weeks.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "small counts"
)]
fn simulated(customers: u32, mut rate: impl FnMut(&mut Random) -> f64) -> Vec<ContactRow> {
    let mut random = Random::new(17);
    (0..customers)
        .map(|_| {
            let weeks = 10 + u32::try_from(random.bits() % 100).unwrap();
            let mean = rate(&mut random) * f64::from(weeks);
            ContactRow {
                contacts: random.poisson(mean) as u32,
                weeks,
                customers: 1,
            }
        })
        .collect()
}

#[test]
fn parameters_of_simulated_customers_are_recovered() {
    for (shape, rate_weeks) in [(0.4, 12.0), (2.5, 40.0), (0.08, 3.0)] {
        let rows = simulated(40_000, |random| random.gamma(shape) / rate_weeks);
        let fit = fit_contact_rate(&rows).unwrap();
        assert_eq!(fit.customers, 40_000);
        // The standard errors of 40,000 customers are about 2 %.
        assert_close("shape", fit.rate.shape(), shape, 0.06);
        assert_close("rate", fit.rate.rate_weeks(), rate_weeks, 0.08);
        assert_close("mean", fit.rate.mean_per_week(), shape / rate_weeks, 0.06);
    }
}

#[test]
fn rows_may_be_collapsed_and_come_in_any_order() {
    let mut rows = simulated(2_000, |random| random.gamma(0.5) / 10.0);
    let one_each = fit_contact_rate(&rows).unwrap();
    rows.sort_unstable();
    let mut collapsed: Vec<ContactRow> = Vec::new();
    for row in rows {
        match collapsed.last_mut() {
            Some(last) if (last.contacts, last.weeks) == (row.contacts, row.weeks) => {
                last.customers += 1;
            }
            Some(_) | None => collapsed.push(row),
        }
    }
    assert!(collapsed.len() < 1_900);
    assert_eq!(fit_contact_rate(&collapsed).unwrap(), one_each);
}

#[test]
fn customers_who_are_alike_weigh_as_much_as_was_seen_of_them() {
    // Everybody twice in 20 weeks: less different than chance would make them.
    let row = ContactRow {
        contacts: 2,
        weeks: 20,
        customers: 50,
    };
    let fit = fit_contact_rate(&[row]).unwrap();
    assert_eq!(fit.rate, ContactRate::new(100.0, 1_000.0).unwrap());
    // Differences of pure chance: whatever is found, the mean is right and weighs much.
    let rows = simulated(10_000, |_| 0.1);
    let fit = fit_contact_rate(&rows).unwrap();
    assert_close("mean", fit.rate.mean_per_week(), 0.1, 0.02);
    assert!(fit.rate.rate_weeks() > 1_000.0, "{fit:?}");
}

#[test]
fn one_caller_among_many_who_never_call_is_no_trouble() {
    let rows = [
        ContactRow {
            contacts: 0,
            weeks: 52,
            customers: 9_999,
        },
        ContactRow {
            contacts: 60,
            weeks: 52,
            customers: 1,
        },
    ];
    let rate = fit_contact_rate(&rows).unwrap().rate;
    assert_close("mean", rate.mean_per_week(), 60.0 / 52.0 / 10_000.0, 0.05);
    // Such a population says little of somebody who calls: the caller's own rate holds.
    assert_close("own", rate.expected_per_week(60.0, 52.0), 60.0 / 52.0, 0.02);
}

#[test]
fn nobody_and_nothing_are_refused() {
    assert_eq!(fit_contact_rate(&[]), Err(FitError::NoCustomers));
    let silent = ContactRow {
        contacts: 0,
        weeks: 52,
        customers: 3,
    };
    assert_eq!(
        fit_contact_rate(&[silent]),
        Err(FitError::NoRepeatOrders { customers: 3 })
    );
}

#[test]
fn costs_weigh_by_the_variance_within_over_that_between() {
    // Own means of mean 40 and deviation 10, contacts of deviation 20 around them: an own contact counts for a quarter of the mean.
    let mut random = Random::new(5);
    let mut sums = CostSums::default();
    for _ in 0..20_000 {
        let own = 40.0 + 10.0 * random.normal();
        let days: Vec<(u32, f64)> = (0..=random.bits() % 8)
            .map(|_| (1, own + 20.0 * random.normal()))
            .collect();
        sums.add(days);
    }
    let usual = sums.usual().unwrap();
    assert_close("mean", usual.mean, 40.0, 0.01);
    assert_close("weight", usual.weight_contacts, 4.0, 0.08);
}

#[test]
fn costs_that_do_not_differ_or_cannot_be_told_apart_are_the_mean() {
    let mut alike = CostSums::default();
    alike.add([(2, 90.0), (1, 45.0)]);
    alike.add([(3, 135.0)]);
    let usual = alike.usual().unwrap();
    assert_close("mean", usual.mean, 45.0, 0.0);
    assert_close("weight", usual.weight_contacts, 6.0, 0.0);
    let mut once_each = CostSums::default();
    once_each.add([(1, 30.0)]);
    once_each.add([(1, 60.0)]);
    assert_close(
        "weight",
        once_each.usual().unwrap().weight_contacts,
        2.0,
        0.0,
    );
    let mut own = CostSums::default();
    own.add([(1, 30.0), (1, 30.0)]);
    own.add([(1, 60.0), (1, 60.0)]);
    assert_close("weight", own.usual().unwrap().weight_contacts, 0.0, 0.0);
    assert_eq!(CostSums::default().usual(), None);
}

#[test]
fn absurd_costs_do_not_overflow() {
    let mut sums = CostSums::default();
    for _ in 0..1_000 {
        sums.add([(1, f64::MAX), (u32::MAX, -1e300), (1, f64::NAN)]);
    }
    let usual = sums.usual().unwrap();
    assert!(usual.mean.is_finite() && usual.weight_contacts.is_finite());
}
