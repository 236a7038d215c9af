//! Simulated shops with seasons.

use crate::domain::calendar::Day;
use crate::domain::clv::fit::rows::{CollapsedRow, collapse};
use crate::domain::clv::model::OrderModel;
use crate::domain::clv::random::Random;
use crate::domain::clv::season::clock::SeasonClock;
use crate::domain::clv::season::estimate::OrdersByDay;
use crate::domain::clv::simulation::DrawnCustomer;

/// Days of customers' first orders: two years and a quarter, the shop's history.
pub(crate) const DAYS: u32 = 820;

/// What is known of a shop at the end of a day, and what came later.
pub(crate) struct Shop {
    pub(crate) rows: Vec<CollapsedRow>,
    /// Repeat orders by then.
    pub(crate) orders: OrdersByDay,
    /// Repeat orders of the customers known then, by days after it.
    pub(crate) later: Vec<u32>,
}

/// A shop of so many customers of a model whose orders have a season, looked at until a day. First orders are spread evenly over [`DAYS`].
pub(crate) fn shop(
    model: &OrderModel,
    clock: &SeasonClock,
    customers: u32,
    until: Day,
    seed: u64,
) -> Shop {
    let mut random = Random::new(seed);
    let (mut rows, mut orders, mut later) = (vec![], OrdersByDay::new(), vec![0; 366]);
    let readings: Vec<f64> = (0..=DAYS + 365)
        .map(|at| clock.at(f64::from(until.number()) - f64::from(DAYS) + f64::from(at)))
        .collect();
    for _ in 0..customers {
        let age = u32::try_from(random.bits() % u64::from(DAYS - 14)).unwrap() + 14;
        let first = (DAYS - age) as usize;
        let customer = DrawnCustomer::draw(&model.newcomer(), &mut random);
        let end = readings[readings.len() - 1] - readings[first];
        let mut days: Vec<usize> = customer
            .orders(end / 7.0, 100_000, &mut random)
            .map(|weeks| {
                readings.partition_point(|&reading| reading < readings[first] + 7.0 * weeks)
            })
            .collect();
        days.dedup();
        let known = days.partition_point(|&day| day <= DAYS as usize);
        for &at in &days[..known] {
            let on = until.plus_days(i32::try_from(at).unwrap() - i32::try_from(DAYS).unwrap());
            *orders.entry(on).or_default() += 1;
        }
        for &at in &days[known..] {
            later[at - DAYS as usize - 1] += 1;
        }
        let last = known.checked_sub(1).map_or(first, |at| days[at]);
        let recency = u32::try_from(last - first).unwrap();
        rows.push(CollapsedRow::new(u32::try_from(known).unwrap(), recency, age, 1).unwrap());
    }
    Shop {
        rows: collapse(rows),
        orders,
        later,
    }
}
