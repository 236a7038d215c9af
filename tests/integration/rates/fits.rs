//! Fits and publishing with customers who pay in other currencies.

use std::collections::BTreeSet;

use patron::generate::population::{DemoOptions, generate};
use patron::pb;
use patron::pb::transaction::{Kind, When};

use super::{DOCUMENT, rate, send};
use crate::support::messages::{money, purchase};
use crate::support::service::{Service, ServiceWithDatabase, TODAY};

/// A dollar is half a euro, and from this day on a quarter.
const CHANGE: &str = "2025-01-01";
/// In the middle of the histories: many customers have facts after it, so that their profiles are read one by one.
const UNTIL: &str = "2025-03-31";
/// The amounts are the same but for the last bit of a sum: so are the optima but for where the search stops.
const TOLERANCE: f64 = 1e-6;

/// Purchases in euros.
fn shop() -> Vec<pb::Transaction> {
    let population = generate(DemoOptions {
        seed: 7,
        customers: 400,
        as_of: TODAY.parse().unwrap(),
    });
    let late = population.late_transactions.into_iter();
    population.transactions.into_iter().chain(late).collect()
}

/// The same purchases, those of some customers all in dollars, of some every other one, of the others in euros. Who had money paid back
/// stays with euros: it is paid back at the rate of another day.
fn exchanged(shop: &[pb::Transaction]) -> Vec<pb::Transaction> {
    let refunded: BTreeSet<&str> = shop
        .iter()
        .filter(|it| it.kind() != Kind::Purchase)
        .map(|it| &*it.customer_id)
        .collect();
    let exchange = |(at, fact): (usize, &pb::Transaction)| {
        let number: usize = fact.customer_id[2..].parse().unwrap();
        let in_dollars = match number % 3 {
            0 => true,
            1 => at % 2 == 0,
            _ => false,
        };
        if !in_dollars || refunded.contains(&*fact.customer_id) {
            return fact.clone();
        }
        let Some(When::OccurredOn(day)) = &fact.when else {
            panic!("not a day: {fact:?}");
        };
        let times = if &**day < CHANGE { 2 } else { 4 };
        let amount_minor = fact.amount.as_ref().unwrap().amount_minor * times;
        pb::Transaction {
            amount: Some(money(amount_minor, "USD")),
            cost_minor: None,
            ..fact.clone()
        }
    };
    shop.iter().enumerate().map(exchange).collect()
}

async fn start(transactions: &[pb::Transaction]) -> ServiceWithDatabase {
    let service = ServiceWithDatabase::start().await;
    // Some rates are recorded for the first day and hold for decades.
    let document = format!("{DOCUMENT}rates: {{max_age_days: 36525}}\n");
    service.publish(&document).await;
    for batch in transactions.chunks(1_000) {
        service.write(batch).await;
    }
    service
}

async fn fit(service: &Service, until: &str) -> pb::Model {
    let request = pb::FitModelRequest {
        kind: pb::OrderModelKind::MbgNbd.into(),
        until: until.to_owned(),
        keep_inactive: true,
        ..Default::default()
    };
    let answer = service.models().fit_model(request).await.unwrap();
    answer.into_inner().model.unwrap()
}

#[track_caller]
fn assert_same_fit(one: &pb::Model, other: &pb::Model) {
    let report = |model: &pb::Model| pb::FitReport {
        fit_duration: None,
        ..model.orders.clone().unwrap()
    };
    assert_eq!(report(one), report(other));
    let (one, other) = (one.spend.as_ref().unwrap(), other.spend.as_ref().unwrap());
    assert!(one.converged && one.customers > 100, "{one:?}");
    assert_eq!(one.customers, other.customers);
    for (a, b) in one.parameters.iter().zip(&other.parameters) {
        let error = (a.value / b.value - 1.0).abs();
        assert!(error < TOLERANCE, "{} {} {}", a.name, a.value, b.value);
    }
    // Logarithms of amounts are kept to a billionth, and those of converted ones are rounded elsewhere.
    let error = (one.log_likelihood / other.log_likelihood - 1.0).abs();
    assert!(error < 1e-10, "{error}");
}

#[tokio::test]
async fn a_fit_over_several_currencies_is_that_over_the_converted_amounts() {
    let shop = shop();
    let mixed = exchanged(&shop);
    let changed = shop.iter().zip(&mixed).filter(|(one, other)| one != other);
    assert!(changed.count() > 500);
    let (euros, both) = (start(&shop).await, start(&mixed).await);
    let rates = [("1970-01-01", "0.5"), (CHANGE, "0.25")];
    let rates = rates.map(|one| rate("USD", "EUR", one));

    // Before there are rates, who paid in dollars is left out and counted.
    let without = fit(&both, "").await;
    let buyers: BTreeSet<&str> = mixed
        .iter()
        .filter(|it| it.amount.as_ref().unwrap().currency == "USD")
        .map(|it| &*it.customer_id)
        .collect();
    let buyers = i64::try_from(buyers.len()).unwrap();
    assert_eq!(without.unconvertible_customers, buyers);
    let spenders = |model: &pb::Model| model.spend.as_ref().unwrap().customers;
    send(&both, &rates).await;
    for until in ["", UNTIL] {
        let (of_euros, of_both) = (fit(&euros, until).await, fit(&both, until).await);
        assert_eq!(of_both.unconvertible_customers, 0);
        assert_same_fit(&of_euros, &of_both);
        assert_eq!(of_both.currency, "EUR");
        if until.is_empty() {
            assert!(spenders(&without) < spenders(&of_both));
        }
    }
}

#[tokio::test]
async fn publishing_tells_how_many_customers_have_no_value_by_it_and_in_which_currencies() {
    let service = ServiceWithDatabase::start().await;
    let bought = |customer: &str, id: &str, day: &str, currency: &str| pb::Transaction {
        amount: Some(money(100, currency)),
        ..purchase(customer, id, day, 0)
    };
    let employee = pb::Transaction {
        customer_kind: pb::CustomerKind::Employee.into(),
        ..bought("colleague", "1", "2026-01-01", "GBP")
    };
    service
        .write(&[
            bought("euros", "1", "2026-01-01", "EUR"),
            bought("dollars", "1", "2026-01-01", "USD"),
            bought("dollars later", "1", "2026-03-01", "USD"),
            bought("both", "1", "2026-01-01", "EUR"),
            bought("both", "2", "2026-01-02", "USD"),
            bought("both later", "1", "2026-01-01", "EUR"),
            bought("both later", "2", "2026-03-02", "USD"),
            bought("francs", "1", "2026-03-01", "CHF"),
            employee,
        ])
        .await;
    let publish = async |note: &str| {
        let request = pb::PublishDefinitionsRequest {
            document: format!("{DOCUMENT}# {note}\n"),
            note: String::new(),
            expected_revision: None,
        };
        let answer = service.definitions().publish_definitions(request).await;
        let answer = answer.unwrap().into_inner();
        assert!(answer.revision.is_some());
        (
            answer.unconvertible_customers,
            answer.unconvertible_currencies,
        )
    };
    let codes = |codes: &[&str]| -> Vec<String> { codes.iter().map(|&it| it.to_owned()).collect() };
    assert_eq!(publish("no rates").await, (Some(5), codes(&["CHF", "USD"])));
    send(&service, &[rate("USD", "EUR", ("2026-02-01", "0.9"))]).await;
    assert_eq!(
        publish("dollars, from February on").await,
        (Some(3), codes(&["CHF", "USD"]))
    );
    send(
        &service,
        &[
            rate("EUR", "USD", ("2026-01-01", "1.1")),
            rate("CHF", "USD", ("2026-03-01", "1.2")),
        ],
    )
    .await;
    assert_eq!(
        publish("all, by way of dollars").await,
        (Some(0), codes(&[]))
    );
    // The document in force is acknowledged again, and counted again.
    assert_eq!(
        publish("all, by way of dollars").await,
        (Some(0), codes(&[]))
    );
}
