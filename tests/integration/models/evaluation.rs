//! `EvaluateModel` against figures that the test reckons by itself from the transactions it sent.

mod reckoned;
mod refined;
mod refusals;

use std::collections::BTreeMap;

use patron::domain::calendar::Day;
use patron::pb;
use patron::pb::transaction::Kind;
use patron::pb::{CustomerKind, OrderModelKind};
use tonic::{Code, Status};

use self::reckoned::{Reckoner, check_group, day_of, kept};
use super::{Shop, fit, get, list, request, shop};
use crate::support::messages::{money, purchase, reason, refund};
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

pub(super) fn of_kind(
    kind: OrderModelKind,
    split_on: &str,
    until: &str,
) -> pb::EvaluateModelRequest {
    pb::EvaluateModelRequest {
        kind: kind.into(),
        split_on: split_on.to_owned(),
        until: until.to_owned(),
        ..Default::default()
    }
}

pub(super) fn of_version(version: i64, split_on: &str) -> pb::EvaluateModelRequest {
    pb::EvaluateModelRequest {
        version,
        split_on: split_on.to_owned(),
        until: TODAY.to_owned(),
        ..Default::default()
    }
}

fn counts(evaluation: &pb::ModelEvaluation) -> BTreeMap<&str, i64> {
    let left_out = evaluation.excluded_customers.iter();
    left_out
        .map(|it| (it.reason().as_str_name(), it.customers))
        .collect()
}

/// Employees who had bought by the split, and others who first bought after it.
fn left_out(shop: &Shop, reckoner: &Reckoner) -> BTreeMap<&'static str, i64> {
    let known = kept(&shop.transactions, SPLIT.parse().unwrap());
    let whole = kept(&shop.transactions, TODAY.parse().unwrap());
    let is_employee = |id: &&String| reckoner.kind(id) == CustomerKind::Employee;
    let employees = known.keys().filter(is_employee).count();
    let newcomers = whole.keys().filter(|id| !known.contains_key(*id));
    let newcomers = newcomers.filter(|id| !is_employee(id)).count();
    let number = |count: usize| i64::try_from(count).unwrap();
    BTreeMap::from([
        ("EXCLUSION_REASON_EMPLOYEE", number(employees)),
        ("EXCLUSION_REASON_NEWCOMER", number(newcomers)),
    ])
}

#[tokio::test]
async fn an_evaluation_is_what_one_reckons_from_the_transactions() {
    let service = ServiceWithDatabase::start().await;
    let mut shop = shop(400);
    // Refunds that name no purchase ask for more than a test should reckon.
    shop.transactions
        .retain(|it| it.kind() == Kind::Purchase || !it.original_transaction_id.is_empty());
    shop.transactions.push(pb::Transaction {
        customer_kind: CustomerKind::Employee.into(),
        ..purchase("colleague", "1", "2025-01-01", 100)
    });
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

    assert_eq!(counts(&found), left_out(&shop, &reckoner));

    // A stored version that was fitted on the same facts predicts the same, and nothing was stored or chosen meanwhile.
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
    assert_eq!((&found.last_purchase_on, found.empty_days), (&last, 0));
    // A holdout that reaches farther is evaluated, and says so.
    let farther = of_kind(OrderModelKind::BgNbd, "2026-03-31", TODAY);
    let farther = evaluate(&service, farther).await.unwrap();
    assert_eq!((&*farther.until, &farther.last_purchase_on), (TODAY, &last));
    let (today, last): (Day, Day) = (TODAY.parse().unwrap(), last.parse().unwrap());
    assert_eq!(farther.empty_days, today - last);
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
            refund(customer, "r1", id, "2026-05-10", cents),
            refund(other, "r2", its, "2026-05-10", its_cents),
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
    // Three months of 40 customers determine no model: weak priors do, and there are intervals.
    let set = &found.parameters[0];
    assert!(
        set.converged && !set.weak_prior_reason.is_empty(),
        "{set:?}"
    );
    assert_eq!(found.intervals_absent_reason, "");
}

#[tokio::test]
async fn orders_have_intervals_where_nothing_is_said_of_spend() {
    let service = ServiceWithDatabase::start().await;
    shop(400).ingest(&service).await;
    let dollars = pb::Transaction {
        amount: Some(money(100, "USD")),
        ..purchase("somebody", "1", TODAY, 0)
    };
    service.write(&[dollars]).await;
    let asked = of_kind(OrderModelKind::MbgNbd, SPLIT, TODAY);
    let found = evaluate(&service, asked).await.unwrap();
    assert_eq!(found.groups[0].spend, None);
    assert_eq!(found.intervals_absent_reason, "");
    assert_eq!(found.groups[0].orders.as_ref().unwrap().coverage.len(), 2);
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
