//! On which facts a fit rests: of persons and companies, until a day, net of refunds known by then.

use patron::pb;
use patron::pb::transaction::When;
use patron::pb::{CustomerKind, OrderModelKind};

use super::{Shop, fit, request, shop};
use crate::support::messages::{by_id, money, patch, purchase, refund};
use crate::support::service::{Service, ServiceWithDatabase};

/// In the middle of the histories.
const UNTIL: &str = "2025-03-31";
/// The day of [`UNTIL`], an hour before it ends.
const THEN: &str = "2025-03-31T23:00:00Z";

fn is_until(fact: &pb::Transaction) -> bool {
    let day = match fact.when.as_ref().unwrap() {
        When::OccurredOn(day) => day.clone(),
        When::OccurredTime(time) => jiff::Timestamp::new(time.seconds, time.nanos)
            .unwrap()
            .strftime("%Y-%m-%d")
            .to_string(),
    };
    day.as_str() <= UNTIL
}

/// What a fit found, without when and how fast.
fn found(model: &pb::Model) -> (Option<pb::FitReport>, Option<pb::FitReport>) {
    let timeless = |report: &pb::FitReport| pb::FitReport {
        fit_duration: None,
        ..report.clone()
    };
    (
        model.orders.as_ref().map(timeless),
        model.spend.as_ref().map(timeless),
    )
}

async fn fit_until(service: &Service, until: &str) -> pb::Model {
    let model = any_fit_until(service, until).await;
    assert!(model.active, "it converged: {model:?}");
    model
}

async fn any_fit_until(service: &Service, until: &str) -> pb::Model {
    let request = request(OrderModelKind::MbgNbd, until);
    fit(service, request).await.unwrap()
}

#[tokio::test]
async fn a_fit_until_a_day_is_the_fit_on_the_facts_of_that_day_and_before() {
    let mut whole = shop(300);
    // Colleagues who bought before and after the day, to be left out of both.
    for (day, cents) in [("2025-01-01", 100), ("2025-02-01", 99), ("2026-01-01", 98)] {
        whole.transactions.push(pb::Transaction {
            customer_kind: CustomerKind::Employee.into(),
            ..purchase("colleague", day, day, cents)
        });
    }
    let until = Shop {
        customers: whole.customers.clone(),
        transactions: whole
            .transactions
            .iter()
            .filter(|it| is_until(it))
            .cloned()
            .collect(),
    };
    let later = whole.transactions.len() - until.transactions.len();
    assert!(later > 100, "{later} facts are later");
    let takes_back = |it: &&pb::Transaction| !it.original_transaction_id.is_empty();
    let refunds = whole.transactions.iter().filter(takes_back);
    assert!(refunds.filter(|it| !is_until(it)).count() > 10);

    let then = ServiceWithDatabase::start().await;
    until.ingest(&then).await;
    then.set_clock(THEN);
    let of_the_time = any_fit_until(&then, "").await;
    assert_eq!(of_the_time.until, UNTIL);
    let now = ServiceWithDatabase::start().await;
    whole.ingest(&now).await;
    let in_hindsight = any_fit_until(&now, UNTIL).await;
    assert_eq!(found(&in_hindsight), found(&of_the_time));
    assert_ne!(found(&any_fit_until(&now, "").await), found(&of_the_time));
}

#[tokio::test]
async fn colleagues_are_no_part_of_a_fit_and_companies_are() {
    let service = ServiceWithDatabase::start().await;
    let shop = shop(300);
    shop.ingest(&service).await;
    let buyers = fit_until(&service, "").await;
    // Colleagues who buy as nobody else does.
    let mut colleagues = vec![];
    for at in 0..40 {
        let customer = format!("colleague-{at}");
        let bought = (1..=28).map(|day| {
            let id = day.to_string();
            pb::Transaction {
                customer_kind: CustomerKind::Employee.into(),
                ..purchase(&customer, &id, &format!("2026-10-{day:02}"), 99_999)
            }
        });
        colleagues.extend(bought);
    }
    for batch in colleagues.chunks(1_000) {
        service.write(batch).await;
    }
    assert_eq!(found(&fit_until(&service, "").await), found(&buyers));

    let of_kind = |kind: CustomerKind| {
        let patches = shop.customers.iter();
        patches.filter(|it| it.kind() == kind).count()
    };
    assert!(of_kind(CustomerKind::Company) > 0 && of_kind(CustomerKind::Employee) > 0);
    // Everybody who was a company is a colleague from now on.
    let turned: Vec<_> = shop
        .customers
        .iter()
        .filter(|it| it.kind() == CustomerKind::Company)
        .map(|it| pb::CustomerPatch {
            kind: CustomerKind::Employee.into(),
            ..patch(&it.customer_id)
        })
        .collect();
    service.write_customers(&turned).await;
    let persons = fit_until(&service, "").await;
    let lost = buyers.orders.unwrap().customers - persons.orders.unwrap().customers;
    assert!(
        lost > 0 && lost <= i64::try_from(turned.len()).unwrap(),
        "{lost}"
    );
}

#[tokio::test]
async fn what_was_taken_back_in_full_is_no_purchase_of_a_fit() {
    let service = ServiceWithDatabase::start().await;
    shop(300).ingest(&service).await;
    let before = fit_until(&service, "").await;
    let (mut bought, mut taken_back) = (vec![], vec![]);
    for at in 0..30 {
        let customer = format!("returner-{at}");
        for day in 1..=5 {
            let (id, on) = (day.to_string(), format!("2026-10-{day:02}"));
            bought.push(purchase(&customer, &id, &on, 99_999));
            taken_back.push(refund(
                &customer,
                &format!("r{id}"),
                &id,
                "2026-11-01",
                99_999,
            ));
        }
    }
    service.write(&bought).await;
    let with = any_fit_until(&service, "").await;
    let customers = |model: &pb::Model| model.orders.as_ref().unwrap().customers;
    assert_eq!(customers(&with), customers(&before) + 30);
    service.write(&taken_back).await;
    assert_eq!(found(&fit_until(&service, "").await), found(&before));
    // As of a day before they came back, they were purchases; of that day and of nothing after it.
    let until = any_fit_until(&service, "2026-10-31").await;
    assert_eq!(
        customers(&until),
        30 + bought_by(&service, "2026-10-31").await
    );
}

/// Customers of the shop with a purchase until a day, by the answers about them.
async fn bought_by(service: &Service, as_of: &str) -> i64 {
    let customers = shop(300).customers;
    let request = pb::BatchScoreLifetimeValueRequest {
        subjects: customers.iter().map(|it| by_id(&it.customer_id)).collect(),
        as_of: as_of.to_owned(),
        horizon_months: 0,
        ..Default::default()
    };
    let answer = service.scoring().batch_score_lifetime_value(request).await;
    let responses = answer.unwrap().into_inner().responses;
    let with_inputs = responses
        .iter()
        .filter_map(|it| it.score.as_ref()?.inputs.as_ref());
    i64::try_from(with_inputs.count()).unwrap()
}

#[tokio::test]
async fn amounts_in_two_currencies_leave_orders_to_fit_and_no_spend() {
    let service = ServiceWithDatabase::start().await;
    shop(300).ingest(&service).await;
    let dollars = pb::Transaction {
        amount: Some(money(100, "USD")),
        ..purchase("somebody", "1", "2026-01-01", 0)
    };
    service.write(&[dollars]).await;
    let model = fit_until(&service, "").await;
    assert_eq!((model.spend, &*model.currency), (None, ""));
    for code in ["EUR", "USD"] {
        assert!(
            model.spend_absent_reason.contains(code),
            "{}",
            model.spend_absent_reason
        );
    }
    assert!(model.orders.unwrap().converged);
}
