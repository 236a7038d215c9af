//! The figures of an evaluation, reckoned from single transactions in the plainest way.

use std::collections::{BTreeMap, BTreeSet};

use patron::domain::calendar::Day;
use patron::domain::clv::gamma_gamma::{GammaGamma, SpendHistory};
use patron::domain::clv::history::PurchaseHistory;
use patron::domain::clv::model::{ModelKind, OrderModel};
use patron::pb;
use patron::pb::CustomerKind;
use patron::pb::transaction::{Kind, When};

use super::{HOLDOUT_DAYS, SPLIT};
use crate::models::Shop;
use crate::support::service::TODAY;

/// Euros by day of what a customer bought and kept.
pub(super) type Days = BTreeMap<Day, f64>;

pub(super) fn day_of(fact: &pb::Transaction) -> Day {
    match fact.when.as_ref().unwrap() {
        When::OccurredOn(day) => day.parse().unwrap(),
        When::OccurredTime(time) => {
            let instant = jiff::Timestamp::new(time.seconds, time.nanos).unwrap();
            instant.strftime("%Y-%m-%d").to_string().parse().unwrap()
        }
    }
}

/// What everybody had bought and kept by a day, by the single transactions.
pub(super) fn kept(transactions: &[pb::Transaction], until: Day) -> BTreeMap<String, Days> {
    let facts = || transactions.iter().filter(|it| day_of(it) <= until);
    let mut taken_back: BTreeMap<(&str, &str), i64> = BTreeMap::new();
    let mut reversed = BTreeSet::new();
    for fact in facts().filter(|it| it.kind() != Kind::Purchase) {
        let original = (&*fact.customer_id, &*fact.original_transaction_id);
        if fact.kind() == Kind::Reversal {
            reversed.insert(original);
        } else {
            let back = fact.amount.as_ref().unwrap().amount_minor;
            *taken_back.entry(original).or_default() += back;
        }
    }
    let mut customers: BTreeMap<String, Days> = BTreeMap::new();
    for fact in facts().filter(|it| it.kind() == Kind::Purchase) {
        let key = (&*fact.customer_id, &*fact.transaction_id);
        let cents = fact.amount.as_ref().unwrap().amount_minor;
        let left = cents - taken_back.get(&key).copied().unwrap_or_default();
        if reversed.contains(&key) || (cents > 0 && left <= 0) {
            continue;
        }
        #[expect(clippy::cast_precision_loss, reason = "small amounts")]
        let euros = left as f64 / 100.0;
        let days = customers.entry(fact.customer_id.clone()).or_default();
        *days.entry(day_of(fact)).or_default() += euros;
    }
    customers
}

/// Sums of errors, as a school child would add them up.
#[derive(Default)]
struct Errors {
    customers: f64,
    actual: f64,
    expected: f64,
    absolute: f64,
    squared: f64,
}

impl Errors {
    fn add(&mut self, expected: f64, actual: f64) {
        self.customers += 1.0;
        self.actual += actual;
        self.expected += expected;
        self.absolute += (expected - actual).abs();
        self.squared += (expected - actual) * (expected - actual);
    }

    #[track_caller]
    fn check(&self, what: &str, found: &pb::ForecastAccuracy) {
        let pairs = [
            (found.actual_total, self.actual),
            (found.expected_total, self.expected),
            (found.mean_absolute_error, self.absolute / self.customers),
            (
                found.root_mean_squared_error,
                (self.squared / self.customers).sqrt(),
            ),
            (
                found.bias,
                self.expected / self.customers - self.actual / self.customers,
            ),
        ];
        for (found, expected) in pairs {
            assert!(
                (found - expected).abs() <= 1e-8 * (1.0 + expected.abs()),
                "{what}: {found}, not {expected}"
            );
        }
    }
}

/// What the test expects of a group: orders and spend by the model and by the baselines, and customers by frequency.
#[derive(Default)]
pub(super) struct Reckoned {
    orders: [Errors; 4],
    spend: [Errors; 4],
    bins: BTreeMap<i32, i64>,
    repeats: i64,
    buyers: f64,
}

pub(super) struct Reckoner {
    orders: OrderModel,
    spend: GammaGamma,
    kinds: BTreeMap<String, CustomerKind>,
}

impl Reckoner {
    pub(super) fn new(shop: &Shop, parameters: &pb::EvaluatedParameters) -> Self {
        let values: Vec<f64> = parameters.parameters.iter().map(|it| it.value).collect();
        let (orders, spend) = values.split_at(4);
        let [p, q, v] = spend.try_into().unwrap();
        let kinds = shop.customers.iter();
        Self {
            orders: OrderModel::new(ModelKind::MbgNbd, orders.try_into().unwrap()).unwrap(),
            spend: GammaGamma::new(p, q, v).unwrap(),
            kinds: kinds
                .map(|it| (it.customer_id.clone(), it.kind()))
                .collect(),
        }
    }

    /// The kind of a customer; who is not of the shop works there.
    pub(super) fn kind(&self, customer: &str) -> CustomerKind {
        let kind = self.kinds.get(customer).copied();
        kind.unwrap_or(CustomerKind::Employee)
    }

    /// All customers of a kind, or of both.
    pub(super) fn reckon(&self, shop: &Shop, kind: Option<CustomerKind>) -> Reckoned {
        let (split, until): (Day, Day) = (SPLIT.parse().unwrap(), TODAY.parse().unwrap());
        let known = kept(&shop.transactions, split);
        let whole = kept(&shop.transactions, until);
        let buyers = known
            .iter()
            .filter(|(customer, _)| self.kind(customer) != CustomerKind::Employee);
        // Repeat orders of the year, their euros, and days on which one could have been.
        let in_year = |days: &Days| -> (f64, f64, f64) {
            let first = *days.keys().next().unwrap();
            let year = days.range(split.plus_days(-364)..);
            let repeats = year.filter(|(day, _)| **day != first);
            let (n, sum) = repeats.fold((0.0, 0.0), |(n, sum), (_, euros)| (n + 1.0, sum + euros));
            (n, sum, f64::from((split - first).min(365)))
        };
        let part = HOLDOUT_DAYS / 365.0;
        let (mut count, mut all) = (0.0, (0.0, 0.0, 0.0));
        for (_, days) in buyers.clone() {
            let (orders, spend, observed) = in_year(days);
            count += 1.0;
            all = (all.0 + orders, all.1 + spend, all.2 + observed);
        }
        let mut reckoned = Reckoned::default();
        for (customer, days) in buyers {
            if kind.is_some_and(|kind| kind != self.kind(customer)) {
                continue;
            }
            let nothing = Days::new();
            let later = whole.get(customer).unwrap_or(&nothing);
            let later = later.range(split.plus_days(1)..);
            let (orders, euros) =
                later.fold((0.0, 0.0), |(n, sum), (_, euros)| (n + 1.0, sum + euros));
            let (expected, per_order) = self.expect(days, split);
            let (last_orders, last_spend, observed) = in_year(days);
            let filled = |last: f64, of_all: f64| last + of_all / all.2 * (365.0 - observed);
            reckoned.orders[0].add(expected, orders);
            reckoned.orders[1].add(last_orders * part, orders);
            reckoned.orders[2].add(filled(last_orders, all.0) * part, orders);
            reckoned.orders[3].add(all.0 / count * part, orders);
            reckoned.spend[0].add(expected * per_order, euros);
            reckoned.spend[1].add(last_spend * part, euros);
            reckoned.spend[2].add(filled(last_spend, all.1) * part, euros);
            reckoned.spend[3].add(all.1 / count * part, euros);
            let repeats = i64::try_from(days.len()).unwrap() - 1;
            *reckoned
                .bins
                .entry(i32::try_from(repeats.min(7)).unwrap())
                .or_default() += 1;
            #[expect(clippy::cast_possible_truncation, reason = "a count")]
            let later = orders as i64;
            reckoned.repeats += repeats + later;
            reckoned.buyers += f64::from(u8::from(later > 0));
        }
        reckoned
    }

    /// Orders expected in the holdout, and euros for each.
    fn expect(&self, days: &Days, split: Day) -> (f64, f64) {
        let (first, last) = (*days.keys().next().unwrap(), *days.keys().last().unwrap());
        let frequency = u32::try_from(days.len() - 1).unwrap();
        let number = |days: i32| u32::try_from(days).unwrap();
        let history =
            PurchaseHistory::from_days(frequency, number(last - first), number(split - first));
        let outlook = self.orders.outlook(&history.unwrap());
        // None of the invented orders is free.
        let spend = SpendHistory::from_orders(frequency + 1, days.values().sum()).ok();
        let per_order = self.spend.expected_spend(spend.as_ref()).unwrap();
        (outlook.expected_orders(HOLDOUT_DAYS / 7.0), per_order)
    }
}

/// That a group is what was reckoned.
#[track_caller]
pub(super) fn check_group(group: &pb::GroupEvaluation, reckoned: &Reckoned) {
    let (orders, spend) = (
        group.orders.as_ref().unwrap(),
        group.spend.as_ref().unwrap(),
    );
    for (name, quantity, errors) in [
        ("orders", orders, &reckoned.orders),
        ("spend", spend, &reckoned.spend),
    ] {
        assert_eq!(quantity.accuracy.len(), 4);
        for (found, errors) in quantity.accuracy.iter().zip(errors) {
            let what = format!("{name}, {}", found.forecaster().as_str_name());
            errors.check(&what, found);
        }
        let deciles: i64 = quantity.deciles.iter().map(|it| it.customers).sum();
        assert_eq!(deciles, group.customers);
        assert_eq!(quantity.gain.len(), 101);
        assert_eq!(quantity.coverage.len(), 2);
        let rankings = quantity.rankings.iter();
        let ginis: Vec<f64> = rankings.map(|it| it.gini.unwrap()).collect();
        let best = quantity.perfect_gini.unwrap();
        assert_eq!(ginis.len(), 4);
        assert!(ginis.iter().all(|gini| *gini <= best), "{ginis:?} {best}");
        let total = quantity.total.unwrap();
        let off = total.actual - errors[0].actual;
        assert!(off.abs() < 1e-6 * errors[0].actual, "{name}: {total:?}");
        assert!(total.low < total.expected && total.expected < total.high);
    }
    let bins = orders.bins.iter().map(|bin| (bin.frequency, bin.customers));
    assert_eq!(bins.collect::<BTreeMap<_, _>>(), reckoned.bins);
    let buyers = group.buyers.as_ref().unwrap();
    let share = reckoned.buyers / reckoned.orders[0].customers;
    assert!((buyers.actual_share - share).abs() < 1e-12, "{buyers:?}");
    let last = group.tracking.last().unwrap();
    assert_eq!((&*last.last_day, last.in_holdout), (TODAY, true));
    assert_eq!(last.actual_cumulative, reckoned.repeats);
}
