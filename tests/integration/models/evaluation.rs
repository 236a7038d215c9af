//! EvaluateModel against figures that the test reckons by itself from the transactions it sent.

use std::collections::{BTreeMap, BTreeSet};

use patron::domain::calendar::Day;
use patron::domain::value::gamma_gamma::{GammaGamma, SpendHistory};
use patron::domain::value::history::PurchaseHistory;
use patron::domain::value::model::{ModelKind, OrderModel};
use patron::pb;
use patron::pb::transaction::{Kind, When};
use patron::pb::{CustomerKind, OrderModelKind};
use tonic::{Code, Status};

use super::{Shop, fit, get, list, request, shop};
use crate::support::messages::{money, purchase, reason, refund, violated};
use crate::support::models::{MBG, SPEND, store_model};
use crate::support::service::{Service, ServiceWithDatabase, TODAY};

/// A year before [`TODAY`].
const SPLIT: &str = "2025-11-22";
const HOLDOUT_DAYS: f64 = 365.0;

pub(super) async fn evaluate(
    service: &Service,
    request: pb::EvaluateModelRequest,
) -> Result<pb::ModelEvaluation, Status> {
    let answer = service.models().evaluate_model(request).await?;
    Ok(answer.into_inner().evaluation.unwrap())
}

fn of_kind(kind: OrderModelKind, split_on: &str, until: &str) -> pb::EvaluateModelRequest {
    pb::EvaluateModelRequest {
        kind: kind.into(),
        split_on: split_on.to_owned(),
        until: until.to_owned(),
        version: 0,
    }
}

fn of_version(version: i64, split_on: &str) -> pb::EvaluateModelRequest {
    pb::EvaluateModelRequest {
        version,
        split_on: split_on.to_owned(),
        until: TODAY.to_owned(),
        kind: 0,
    }
}

/// Euros by day of what a customer bought and kept.
type Days = BTreeMap<Day, f64>;

fn day_of(fact: &pb::Transaction) -> Day {
    match fact.when.as_ref().unwrap() {
        When::OccurredOn(day) => day.parse().unwrap(),
        When::OccurredTime(time) => {
            let instant = jiff::Timestamp::new(time.seconds, time.nanos).unwrap();
            instant.strftime("%Y-%m-%d").to_string().parse().unwrap()
        }
    }
}

/// What everybody had bought and kept by a day, by the single transactions.
fn kept(transactions: &[pb::Transaction], until: Day) -> BTreeMap<String, Days> {
    let facts = || transactions.iter().filter(|it| day_of(it) <= until);
    let mut taken_back: BTreeMap<(&str, &str), i64> = BTreeMap::new();
    let mut reversed = BTreeSet::new();
    for fact in facts().filter(|it| it.kind() != Kind::Purchase) {
        let original = (&*fact.customer_id, &*fact.original_transaction_id);
        match fact.kind() {
            Kind::Reversal => drop(reversed.insert(original)),
            _ => {
                *taken_back.entry(original).or_default() +=
                    fact.amount.as_ref().unwrap().amount_minor
            }
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

/// What the test expects of a group: orders and spend by the model and by both baselines, and customers by frequency.
#[derive(Default)]
struct Reckoned {
    orders: [Errors; 3],
    spend: [Errors; 3],
    bins: BTreeMap<i32, i64>,
    repeats: i64,
}

struct Reckoner {
    orders: OrderModel,
    spend: GammaGamma,
    kinds: BTreeMap<String, CustomerKind>,
}

impl Reckoner {
    fn new(shop: &Shop, parameters: &pb::EvaluatedParameters) -> Self {
        let values: Vec<f64> = parameters.parameters.iter().map(|it| it.value).collect();
        let [r, alpha, a, b, p, q, v] = values.try_into().unwrap();
        let kinds = shop.customers.iter();
        Self {
            orders: OrderModel::new(ModelKind::MbgNbd, [r, alpha, a, b]).unwrap(),
            spend: GammaGamma::new(p, q, v).unwrap(),
            kinds: kinds
                .map(|it| (it.customer_id.clone(), it.kind()))
                .collect(),
        }
    }

    fn kind(&self, customer: &str) -> CustomerKind {
        self.kinds[customer]
    }

    /// All customers of a kind, or of both.
    fn reckon(&self, shop: &Shop, kind: Option<CustomerKind>) -> Reckoned {
        let (split, until): (Day, Day) = (SPLIT.parse().unwrap(), TODAY.parse().unwrap());
        let known = kept(&shop.transactions, split);
        let whole = kept(&shop.transactions, until);
        let buyers = known
            .iter()
            .filter(|(customer, _)| self.kind(customer) != CustomerKind::Employee);
        let in_year = |days: &Days| -> (f64, f64) {
            let year = days.range(split.plus_days(-364)..);
            year.fold((0.0, 0.0), |(n, sum), (_, euros)| (n + 1.0, sum + euros))
        };
        let part = HOLDOUT_DAYS / 365.0;
        let (mut count, mut all) = (0.0, (0.0, 0.0));
        for (_, days) in buyers.clone() {
            let (orders, spend) = in_year(days);
            count += 1.0;
            all = (all.0 + orders, all.1 + spend);
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
            let (last_orders, last_spend) = in_year(days);
            reckoned.orders[0].add(expected, orders);
            reckoned.orders[1].add(last_orders * part, orders);
            reckoned.orders[2].add(all.0 / count * part, orders);
            reckoned.spend[0].add(expected * per_order, euros);
            reckoned.spend[1].add(last_spend * part, euros);
            reckoned.spend[2].add(all.1 / count * part, euros);
            let repeats = i64::try_from(days.len()).unwrap() - 1;
            *reckoned
                .bins
                .entry(i32::try_from(repeats.min(7)).unwrap())
                .or_default() += 1;
            #[expect(clippy::cast_possible_truncation, reason = "a count")]
            let later = orders as i64;
            reckoned.repeats += repeats + later;
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
        let repeats: f64 = days.values().skip(1).sum();
        let spend = SpendHistory::new(frequency, repeats / f64::from(frequency)).ok();
        let per_order = self.spend.expected_spend(spend.as_ref()).unwrap();
        (outlook.expected_orders(HOLDOUT_DAYS / 7.0), per_order)
    }
}

#[track_caller]
fn check_group(group: &pb::GroupEvaluation, reckoned: &Reckoned) {
    let (orders, spend) = (
        group.orders.as_ref().unwrap(),
        group.spend.as_ref().unwrap(),
    );
    for (name, quantity, errors) in [
        ("orders", orders, &reckoned.orders),
        ("spend", spend, &reckoned.spend),
    ] {
        assert_eq!(quantity.accuracy.len(), 3);
        for (found, errors) in quantity.accuracy.iter().zip(errors) {
            let what = format!("{name}, {}", found.forecaster().as_str_name());
            errors.check(&what, found);
        }
        let deciles: i64 = quantity.deciles.iter().map(|it| it.customers).sum();
        assert_eq!(deciles, group.customers);
        assert_eq!(quantity.gain.len(), 101);
        assert_eq!(quantity.coverage.len(), 2);
    }
    let bins = orders.bins.iter().map(|bin| (bin.frequency, bin.customers));
    assert_eq!(bins.collect::<BTreeMap<_, _>>(), reckoned.bins);
    let last = group.tracking.last().unwrap();
    assert_eq!((&*last.last_day, last.in_holdout), (TODAY, true));
    assert_eq!(last.actual_cumulative, reckoned.repeats);
}

fn counts(evaluation: &pb::ModelEvaluation) -> BTreeMap<&str, i64> {
    let left_out = evaluation.left_out.iter();
    left_out
        .map(|it| (it.reason().as_str_name(), it.customers))
        .collect()
}

#[tokio::test]
async fn an_evaluation_is_what_one_reckons_from_the_transactions() {
    let service = ServiceWithDatabase::start().await;
    let mut shop = shop(400);
    // Refunds that name no purchase ask for more than a test should reckon.
    shop.transactions
        .retain(|it| it.kind() == Kind::Purchase || !it.original_transaction_id.is_empty());
    shop.ingest(&service).await;
    let split: Day = SPLIT.parse().unwrap();
    let takes_back = |it: &&pb::Transaction| it.kind() != Kind::Purchase && day_of(it) > split;
    assert!(shop.transactions.iter().filter(takes_back).count() > 10);

    let asked = of_kind(OrderModelKind::Unspecified, SPLIT, TODAY);
    let found = evaluate(&service, asked).await.unwrap();
    assert_eq!(
        (&*found.split_on, &*found.until, found.holdout_days),
        (SPLIT, TODAY, 365)
    );
    assert_eq!(
        (found.version, found.kind(), &*found.currency),
        (0, OrderModelKind::MbgNbd, "EUR")
    );
    assert_eq!(
        (&*found.spend_absent_reason, &*found.intervals_absent_reason),
        ("", "")
    );
    let reckoner = Reckoner::new(&shop, &found.parameters[0]);
    let [all, persons, companies] = &found.groups[..] else {
        panic!("{found:?}");
    };
    check_group(all, &reckoner.reckon(&shop, None));
    check_group(persons, &reckoner.reckon(&shop, Some(CustomerKind::Person)));
    check_group(
        companies,
        &reckoner.reckon(&shop, Some(CustomerKind::Company)),
    );
    assert_eq!(all.customers, persons.customers + companies.customers);
    assert_eq!(found.interval_customers, all.customers);

    let known = kept(&shop.transactions, split);
    let employees = known
        .keys()
        .filter(|it| reckoner.kind(it) == CustomerKind::Employee);
    let whole = kept(&shop.transactions, TODAY.parse().unwrap());
    let newcomers = whole
        .keys()
        .filter(|it| reckoner.kind(it) != CustomerKind::Employee && !known.contains_key(*it));
    let expected = BTreeMap::from([
        (
            "LEFT_OUT_REASON_EMPLOYEE",
            i64::try_from(employees.count()).unwrap(),
        ),
        (
            "LEFT_OUT_REASON_NEWCOMER",
            i64::try_from(newcomers.count()).unwrap(),
        ),
    ]);
    assert_eq!(counts(&found), expected);

    // A stored version that was fitted on the same facts foretells the same, and nothing was stored or chosen meanwhile.
    let kept = pb::FitModelRequest {
        keep_inactive: true,
        ..request(OrderModelKind::MbgNbd, SPLIT)
    };
    let version = fit(&service, kept).await.unwrap();
    assert_eq!(version.version, 1);
    let of_stored = evaluate(&service, of_version(1, SPLIT)).await.unwrap();
    assert_eq!(
        (of_stored.version, of_stored.kind()),
        (1, OrderModelKind::MbgNbd)
    );
    check_group(&of_stored.groups[0], &reckoner.reckon(&shop, None));
    assert_eq!(list(&service, 0, "").await.unwrap().0, [1]);
    assert!(!get(&service, 1).await.unwrap().active);
}

#[tokio::test]
async fn the_holdout_ends_by_default_with_the_last_purchase_or_today() {
    let service = ServiceWithDatabase::start().await;
    let mut facts = vec![];
    for customer in 0..40 {
        let id = format!("c-{customer}");
        for (at, month) in (1..=5).filter(|month| customer % month < 3).enumerate() {
            let day = format!("2026-{month:02}-{:02}", 1 + customer % 20);
            facts.push(purchase(&id, &at.to_string(), &day, 1_000 + 100 * customer));
        }
    }
    service.write(&facts).await;
    let last = facts.iter().map(day_of).max().unwrap().to_string();
    let asked = of_kind(OrderModelKind::BgNbd, "2026-03-31", "");
    let found = evaluate(&service, asked.clone()).await.unwrap();
    assert_eq!(found.until, last);
    // What was taken back after the split was known at the split, and is not there at the end.
    let orders = |found: &pb::ModelEvaluation| {
        let of_all = found.groups[0].orders.as_ref().unwrap();
        (found.groups[0].customers, of_all.accuracy[0].actual_total)
    };
    let (customers, before) = orders(&found);
    let in_april = facts
        .iter()
        .find(|it| day_of(it).to_string().starts_with("2026-04"));
    let original = in_april.unwrap();
    let (customer, id) = (&original.customer_id, &original.transaction_id);
    let cents = original.amount.as_ref().unwrap().amount_minor;
    let first = facts.iter().find(|it| it.customer_id != *customer).unwrap();
    let (other, its) = (&first.customer_id, &first.transaction_id);
    let its_cents = first.amount.as_ref().unwrap().amount_minor;
    service
        .write(&[
            refund(customer, "r1", id, "2026-05-20", cents),
            refund(other, "r2", its, "2026-05-20", its_cents),
        ])
        .await;
    let found = evaluate(&service, asked).await.unwrap();
    let (customers_later, after) = orders(&found);
    assert_eq!(customers_later, customers);
    assert!((before - after - 1.0).abs() < 1e-9, "{before} {after}");
    // A customer who bought today in another currency: no reporting currency, so nothing is said of spend; of orders all is.
    let dollars = pb::Transaction {
        amount: Some(money(100, "USD")),
        ..purchase("somebody", "1", TODAY, 0)
    };
    service.write(&[dollars]).await;
    let found = evaluate(&service, of_kind(OrderModelKind::BgNbd, "2026-03-31", "")).await;
    let found = found.unwrap();
    assert_eq!(found.until, TODAY);
    assert!(
        found.spend_absent_reason.contains("USD"),
        "{}",
        found.spend_absent_reason
    );
    assert_eq!(found.groups[0].spend, None);
    assert_eq!(found.intervals_absent_reason, "");
    assert_eq!(found.groups[0].orders.as_ref().unwrap().coverage.len(), 2);
}

#[tokio::test]
async fn what_cannot_be_evaluated_is_refused_with_its_reason() {
    let service = ServiceWithDatabase::start().await;
    let refused =
        async |request: pb::EvaluateModelRequest| evaluate(&service, request).await.unwrap_err();
    let nothing = async |split: &str, until: &str, word: &str| {
        let status = refused(of_kind(OrderModelKind::MbgNbd, split, until)).await;
        assert_eq!(status.code(), Code::FailedPrecondition, "{status:?}");
        assert_eq!(reason(&status), "NOTHING_TO_EVALUATE");
        assert!(status.message().contains(word), "{status:?}");
    };
    nothing("2026-01-31", "", "nothing was bought yet").await;
    service
        .write(&[
            purchase("ada", "1", "2026-02-01", 100),
            purchase("bob", "1", "2026-02-02", 100),
            purchase("bob", "2", "2026-03-02", 100),
        ])
        .await;
    nothing("2026-01-31", TODAY, "2026-01-31").await;
    nothing("2026-03-01", TODAY, "ordered again").await;

    let all_wrong = pb::EvaluateModelRequest {
        kind: 9,
        split_on: String::new(),
        until: "tomorrow".to_owned(),
        version: -1,
    };
    let status = refused(all_wrong).await;
    assert_eq!(status.code(), Code::InvalidArgument);
    let fields: BTreeSet<String> = violated(&status).into_iter().collect();
    assert_eq!(
        fields,
        ["kind", "split_on", "until", "version"]
            .map(str::to_owned)
            .into()
    );
    for (split, until, field) in [
        ("2026-03-02", "2026-03-02", "split_on"),
        ("2026-03-03", "2026-03-02", "split_on"),
        ("2026-03-02", "", "split_on"),
        ("2026-03-01", "2026-11-23", "until"),
    ] {
        let status = refused(of_kind(OrderModelKind::MbgNbd, split, until)).await;
        assert_eq!(
            status.code(),
            Code::InvalidArgument,
            "{split} {until}: {status:?}"
        );
        assert_eq!(violated(&status), [field]);
    }

    let status = refused(of_version(1, "2026-03-01")).await;
    assert_eq!(
        (status.code(), &*reason(&status)),
        (Code::NotFound, "MODEL_NOT_FOUND")
    );
    // Fitted on facts until 2026-06-30.
    let version = store_model(&service.pool, MBG, Some(SPEND)).await;
    let status = refused(of_version(version, "2026-06-29")).await;
    assert_eq!(status.code(), Code::FailedPrecondition);
    assert_eq!(reason(&status), "VERSION_FITTED_LATER");
    let with_kind = pb::EvaluateModelRequest {
        kind: OrderModelKind::MbgNbd.into(),
        ..of_version(version, "2026-06-30")
    };
    assert_eq!(violated(&refused(with_kind).await), ["kind"]);
    // Parameters of which nobody knows how uncertain they are have no intervals.
    let found = evaluate(&service, of_version(version, "2026-06-30"))
        .await
        .unwrap();
    assert_eq!(
        (found.interval_customers, found.groups[0].customers),
        (0, 2)
    );
    assert_ne!(found.intervals_absent_reason, "");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_second_evaluation_is_told_which_one_runs() {
    let service = ServiceWithDatabase::start().await;
    shop(60).ingest(&service).await;
    let held = service.lock_profiles().await;
    let mut client = service.models();
    let asked = of_kind(OrderModelKind::BgNbd, SPLIT, TODAY);
    let first = asked.clone();
    let first = tokio::spawn(async move { client.evaluate_model(first).await });
    service.until_blocked(1).await;
    let status = evaluate(&service, asked.clone()).await.unwrap_err();
    assert_eq!(status.code(), Code::Aborted, "{status:?}");
    assert_eq!(reason(&status), "EVALUATION_RUNNING");
    assert!(
        status.message().contains("bg-nbd, split on 2025-11-22"),
        "{status:?}"
    );
    let mut client = service.models();
    let drift = client.check_drift(pb::CheckDriftRequest::default()).await;
    assert_eq!(reason(&drift.unwrap_err()), "EVALUATION_RUNNING");
    held.rollback().await.unwrap();
    first.await.unwrap().unwrap();
    evaluate(&service, asked).await.unwrap();
}
