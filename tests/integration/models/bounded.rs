//! A fit ends, whatever the data and whether or not a caller waits for it.

use patron::pb;
use patron::pb::OrderModelKind;

use super::{fit, request};
use crate::support::messages::purchase;
use crate::support::service::{ServiceWithDatabase, TODAY};
use crate::support::until;

/// Three customers with 700 repeat days each, spread over decades, among ten who came in the last months: under Pareto/NBD a lifetime has
/// no end that they determine, and each evaluation of the likelihood takes longer the farther out it is looked for.
async fn write_daily_buyers(service: &ServiceWithDatabase) {
    let today: jiff::civil::Date = TODAY.parse().unwrap();
    let ago = |days: i32| {
        today
            .saturating_sub(jiff::Span::new().days(days))
            .to_string()
    };
    for (customer, step) in [("ada", 28), ("bob", 14), ("eve", 12)] {
        let days = (0..=700).map(|order| order * step);
        let bought: Vec<pb::Transaction> = days
            .map(|days| purchase(customer, &days.to_string(), &ago(days), 100))
            .collect();
        service.write(&bought).await;
    }
    let mut others = vec![];
    for at in 0..10 {
        let silent = at * 37 % 500;
        for order in 0..=at % 3 {
            let days = silent + order * (7 + at);
            others.push(purchase(
                &format!("c{at}"),
                &order.to_string(),
                &ago(days),
                100,
            ));
        }
    }
    service.write(&others).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_fit_stops_with_its_caller_and_gives_back_its_turn() {
    let service = ServiceWithDatabase::start().await;
    write_daily_buyers(&service).await;
    let lane = &service.app.metrics.fit_lane;
    let pareto = || request(OrderModelKind::ParetoNbd, "");
    let mut client = service.models();
    let call = tokio::spawn(async move { client.fit_model(pareto()).await });
    until("the fit computes", async || lane.computing.get() > 0).await;
    call.abort();
    until("the fit has stopped", async || lane.computing.get() == 0).await;
    assert!(lane.abandoned.get() > 0);
    // The turn is free, and the whole fit ends too.
    let model = fit(&service, pareto()).await.unwrap();
    let orders = model.orders.unwrap();
    assert!(orders.converged && model.active, "{orders:?}");
    assert!(!orders.weak_prior_reason.is_empty());
}
