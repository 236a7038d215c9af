//! Simulated customers of known parameters, what may be known of them, and how they come into a service.

use patron::domain::calendar::Day;
use patron::domain::clv::history::PurchaseHistory;
use patron::domain::clv::model::{ModelKind, OrderModel};
use patron::domain::clv::random::Random;
use patron::domain::clv::simulation::DrawnCustomer;
use patron::pb;
use patron::pb::transaction::When;

use super::BATCH;
use crate::support::messages::purchase;
use crate::support::service::Service;

/// The first day of the first customers.
pub(super) const FIRST: &str = "2024-01-01";

/// MBG/NBD in weeks.
pub(super) const PERSONS: [f64; 4] = [0.8, 12.0, 1.2, 2.5];
pub(super) const COMPANIES: [f64; 4] = [1.5, 6.0, 0.6, 4.0];

/// Definitions with what covariates may be and with what they may not.
pub(super) const DEFINITIONS: &str = "
value: { currency: EUR, horizon_months: 12, monthly_discount: 1 %, basis: revenue }
attributes:
  member: { family: value, type: bool, description: Member of the club }
  gender: { family: socio_demographic, type: whole, description: 0 or 1, sensitivity: protected, purpose: forecasts of demand }
  channel: { family: behaviour, type: whole, description: 0 or 1 }
  income: { family: socio_demographic, type: number, description: Income, sensitivity: protected }
  region: { family: geographic, type: text, description: Region }
  recent: { family: behaviour, type: bool, description: Seen lately, max_age_days: 30 }
tiers:
  - { name: all }
treatments:
  tiers:
    all: { sla: { response: 1 d }, queue: service }
    UNRATED: { sla: { response: 1 d }, queue: service }
";

/// Purchases of one customer of these parameters, on `first` and within so many weeks after it.
pub(super) fn purchases(
    id: &str,
    parameters: [f64; 4],
    first: &str,
    weeks: f64,
    random: &mut Random,
) -> Vec<pb::Transaction> {
    purchases_of_kind(ModelKind::MbgNbd, id, parameters, first, weeks, random)
}

/// The same by another model of orders.
pub(super) fn purchases_of_kind(
    kind: ModelKind,
    id: &str,
    parameters: [f64; 4],
    first: &str,
    weeks: f64,
    random: &mut Random,
) -> Vec<pb::Transaction> {
    let model = OrderModel::new(kind, parameters).unwrap();
    let customer = DrawnCustomer::draw(&model.newcomer(), random);
    let first: Day = first.parse().unwrap();
    let mut days: Vec<i32> = vec![0];
    #[expect(clippy::cast_possible_truncation, reason = "small whole days")]
    days.extend(
        customer
            .orders(weeks, 500, random)
            .map(|weeks| (weeks * 7.0).ceil() as i32),
    );
    days.dedup();
    let paid = 2_000.0 * random.gamma(6.0) / 6.0;
    days.iter()
        .map(|&days| {
            let day = first.plus_days(days).to_string();
            #[expect(clippy::cast_possible_truncation, reason = "some euros")]
            let cents = (paid * (0.5 + random.uniform())) as i64;
            purchase(id, &days.to_string(), &day, cents)
        })
        .collect()
}

/// Orders that a customer with these purchases is expected to place within `days` from `split` on, by the parameters planted.
pub(super) fn expected_by_law(
    parameters: [f64; 4],
    purchases: &[pb::Transaction],
    split: Day,
    days: u32,
) -> f64 {
    let on = purchases.iter().map(|it| match it.when.as_ref().unwrap() {
        When::OccurredOn(day) => day.parse::<Day>().unwrap(),
        When::OccurredTime(_) => panic!("simulated purchases have days"),
    });
    let known: Vec<Day> = on.filter(|day| *day <= split).collect();
    let number = |days: i32| u32::try_from(days).unwrap();
    let (first, last) = (known[0], known[known.len() - 1]);
    let frequency = u32::try_from(known.len() - 1).unwrap();
    let history =
        PurchaseHistory::from_days(frequency, number(last - first), number(split - first));
    let model = OrderModel::new(ModelKind::MbgNbd, parameters).unwrap();
    let outlook = model.outlook(&history.unwrap());
    outlook.expected_orders(f64::from(days) / 7.0)
}

pub(super) async fn write(
    service: &Service,
    patches: &[pb::CustomerPatch],
    facts: &[pb::Transaction],
) {
    for batch in patches.chunks(BATCH) {
        service.write_customers(batch).await;
    }
    for batch in facts.chunks(BATCH) {
        service.write(batch).await;
    }
}
