//! What of a customer's money counts: the same purchases by revenue, by margin and by contribution, calculated by hand.
//!
//! The model is the one of the table of answers, at its history "repeat" (x = 2, `t_x` = 139 and T = 180 days, `m_x` = 150 EUR). With
//! the equations named there, in 30-digit arithmetic (mpmath 1.3.0): 1.96743837701494 orders, discounted, at 129.363517060367 EUR.
//!
//! - Revenue: the product, 254.51 EUR.
//! - Margin: of 400 EUR, 120 are maintenance at 35 %, 280 are at the default of 40 %: (42 + 112) / 400 = 0.385 is assumed. 100 of them
//!   cost 30, which is 30 less than assumed. The mean customer's order is 6.25 * 15.44 / 2.74 EUR, five of them are 176.094890510949, so
//!   the share is 0.385 + 30 / 576.094890510949 = 0.437074754513779, 56.5415274621992 EUR of each order, so 111.24 EUR.
//! - Contribution: 15 calls of 45 EUR in 180 days are 114.140625 EUR a month of 30.4375 days, about two and a half calls a month. Each
//!   of twelve months is discounted by 1 % and counts by the probability of being alive in its middle, which is P(alive)
//!   2F1(r + x, a; a + b + x; -t / (alpha + T)): together 6.57770000802717, so 750.782789978726 EUR. Less that, -639.54 EUR.

use patron::pb;

use super::small;
use crate::support::messages::{by_id, call, money, purchase};
use crate::support::models::{BG, SPEND, store_model};
use crate::support::service::ServiceWithDatabase;

const AS_OF: &str = "2026-06-30";
/// Our arithmetic against that of 30 digits: as the reference values of the models.
const TOLERANCE: f64 = 1e-9;

/// Values by `basis`, with margins and a channel that costs.
fn document(basis: &str) -> String {
    let settings = format!(
        "basis: {basis}, margin: 40 %, margin_of_category: {{maintenance: 35 %}}}}\nchannels: {{phone: {{cost: 45 EUR}}}}"
    );
    small(
        "  city: {family: geographic, type: text, description: City}",
        "  s:
    mode: overlapping
    description: d
    segments:
      - {name: costly, when: 'clv < money(\"0 EUR\")'}
      - {name: calls, when: 'cost_to_serve(days(365)) >= money(\"675 EUR\")'}",
    )
    .replacen("basis: revenue}", &settings, 1)
}

async fn write_history(service: &ServiceWithDatabase) {
    let with_cost = pb::Transaction {
        cost_minor: Some(3_000),
        ..purchase("ada", "1", "2026-01-01", 10_000)
    };
    let of_category = pb::Transaction {
        category: "maintenance".to_owned(),
        ..purchase("ada", "2", "2026-02-05", 12_000)
    };
    let plain = purchase("ada", "3", "2026-05-20", 18_000);
    service.write(&[with_cost, of_category, plain]).await;
    // Ten calls that cost what the channel costs, and five that say so themselves.
    let calls: Vec<_> = (1..=15)
        .map(|number| pb::Contact {
            cost: (number > 10).then(|| money(4_500, "EUR")),
            ..call("ada", &number.to_string(), "2026-03-15")
        })
        .collect();
    service.write_contacts(&calls).await;
}

#[track_caller]
fn assert_near(actual: Option<f64>, expected: f64) {
    let actual = actual.unwrap();
    let error = (actual / expected - 1.0).abs();
    assert!(error < TOLERANCE, "{actual} is not {expected}");
}

#[tokio::test]
async fn the_basis_decides_what_of_the_same_purchases_counts() {
    let service = ServiceWithDatabase::start().await;
    write_history(&service).await;
    let version = store_model(&service.pool, BG, Some(SPEND)).await;
    let request = pb::ActivateModelRequest {
        version,
        ..Default::default()
    };
    service.models().activate_model(request).await.unwrap();
    let spend = 129.363_517_060_367_45;
    let margin = 56.541_527_462_199_15;
    let cost = 750.782_789_978_726_4;
    let costly = ["s/costly", "s/calls"].as_slice();
    for (basis, per_order, cost, cents, tier, segments) in [
        ("revenue", spend, None, 25_451, "gold", &costly[1..]),
        ("margin", margin, None, 11_124, "silver", &costly[1..]),
        (
            "contribution",
            margin,
            Some(cost),
            -63_954,
            "bronze",
            costly,
        ),
    ] {
        service.publish(&document(basis)).await;
        let score = service.score(by_id("ada"), AS_OF).await.score.unwrap();
        assert_eq!(score.lifetime_value, Some(money(cents, "EUR")), "{basis}");
        assert_near(score.expected_spend_per_order, spend);
        assert_near(score.expected_margin_per_order, per_order);
        match cost {
            Some(cost) => assert_near(score.expected_cost_to_serve, cost),
            None => assert_eq!(score.expected_cost_to_serve, None, "{basis}"),
        }
        assert_eq!(score.tier.unwrap().name, tier, "{basis}");
        let answer = service.classify(by_id("ada"), AS_OF).await;
        let classification = answer.classification.unwrap();
        assert_eq!(classification.lifetime_value, score.lifetime_value);
        let names: Vec<_> = classification
            .segments
            .iter()
            .map(|it| &*it.segment)
            .collect();
        assert_eq!(names, segments, "{basis}");
    }
}
