//! What contracts are worth, calculated by hand.
//!
//! As of 2026-11-22 (the clock of the service), over twelve months, discounted by 1 % a month of 30.4375 days. A contract that was
//! renewed n times is renewed once more with probability (beta + n) / (alpha + beta + n): for yearly contracts alpha = 0.8 and
//! beta = 3.2, for all others 1 and 9.
//!
//! - "firm", no purchase: yearly since 2024-03-01 at 1,200 EUR, renewed twice. The next renewal is on 2027-03-01, 99 days ahead:
//!   5.2 / 6 x 1,200 x 1.01^-(99 / 30.4375). The one after is beyond twelve months. In double
//!   arithmetic apart from the program: 1,006.8801583021013 EUR.
//! - "both": the same purchases as "ada", and monthly since 2026-09-30 at 50 EUR, renewed once, with notice for 2027-02-15. Renewals
//!   on 2026-11-30, 2026-12-30 and 2027-01-30, 8, 38 and 69 days ahead; that of 2027-02-28 does not happen:
//!   10/11 x 50 x 1.01^-(8 / 30.4375) + 10/11 x 11/12 x 50 x ... (38) + 10/11 x 11/12 x 12/13 x 50 x ... (69);
//!   likewise, 124.09176540176807 EUR.

use patron::pb;
use patron::pb::UnratedReason;

use super::{activate, activate_models, score};
use crate::definitions::small;
use crate::support::messages::{by_id, call, contract, money, purchase};
use crate::support::models::{BG, SPEND, store_model};
use crate::support::service::{ServiceWithDatabase, TODAY};

/// 1 EUR so many days ahead.
fn discounted(days: f64) -> f64 {
    1.01_f64.powf(-days / 30.4375)
}

fn firm() -> pb::Contract {
    pb::Contract {
        customer_kind: pb::CustomerKind::Company.into(),
        ..contract("firm", "k", "2024-03-01", 12, 120_000)
    }
}

fn both() -> pb::Contract {
    pb::Contract {
        ended_on: "2027-02-15".to_owned(),
        effective_on: "2026-11-01".to_owned(),
        ..contract("both", "k", "2026-09-30", 1, 5_000)
    }
}

async fn write(service: &ServiceWithDatabase) {
    service.write_contracts(&[firm(), both()]).await;
    for id in ["ada", "both"] {
        service
            .write(&[
                purchase(id, "1", "2026-01-01", 10_000),
                purchase(id, "2", "2026-05-20", 18_000),
            ])
            .await;
    }
}

#[track_caller]
fn assert_near(actual: Option<f64>, expected: f64) {
    let actual = actual.unwrap();
    assert!(
        (actual - expected).abs() < 1e-9 * expected.abs(),
        "{actual} is not {expected}"
    );
}

/// Minor units of an amount.
fn cents(major: f64) -> f64 {
    (major * 100.0).round()
}

#[tokio::test]
async fn renewals_are_paid_with_their_probability_and_added_to_the_orders() {
    let service = ServiceWithDatabase::start().await;
    write(&service).await;
    activate_models(&service).await;
    let firm = score(&service, "firm", "").await;
    assert_near(firm.contract_value, 1_006.880_158_302_101_3);
    assert_near(firm.expected_renewals, 5.2 / 6.0);
    assert_eq!(firm.running_contracts, 1);
    assert_eq!((firm.transaction_value, firm.inputs), (None, None));
    assert_eq!(firm.lifetime_value, Some(money(100_688, "EUR")));
    assert_eq!(firm.tier.unwrap().name, "platinum");
    let classified = service.classify(by_id("firm"), "").await;
    let classified = classified.classification.unwrap();
    assert_eq!(classified.lifetime_value, Some(money(100_688, "EUR")));

    let (ada, both) = (
        score(&service, "ada", "").await,
        score(&service, "both", "").await,
    );
    let (first, second, third) = (10.0 / 11.0, 10.0 / 12.0, 10.0 / 13.0);
    let value = 124.091_765_401_768_07;
    assert_near(both.contract_value, value);
    assert_near(both.expected_renewals, first + second + third);
    assert_eq!((ada.contract_value, ada.running_contracts), (None, 0));
    let orders = ada.transaction_value.unwrap();
    assert_near(both.transaction_value, orders);
    let lifetime = |score: &pb::LifetimeValueScore| score.lifetime_value.clone().unwrap();
    assert_eq!(
        lifetime(&ada).amount_minor.to_string(),
        cents(orders).to_string()
    );
    assert_eq!(
        lifetime(&both).amount_minor.to_string(),
        cents(orders + value).to_string()
    );
}

#[tokio::test]
async fn a_longer_horizon_reaches_more_renewals_and_each_day_is_a_day_later() {
    let service = ServiceWithDatabase::start().await;
    write(&service).await;
    activate_models(&service).await;
    let request = |as_of: &str, months| pb::ScoreLifetimeValueRequest {
        subject: Some(by_id("firm")),
        as_of: as_of.to_owned(),
        horizon_months: months,
        ..Default::default()
    };
    for (as_of, months, renewals) in [
        (TODAY, 3, 0.0),
        // The renewal is on the last day of the horizon.
        ("2026-12-01", 3, 5.2 / 6.0),
        (TODAY, 24, 5.2 / 6.0 * (1.0 + 6.2 / 7.0)),
        // On the day of the renewal it is paid already.
        ("2026-03-01", 12, 5.2 / 6.0),
        ("2026-02-28", 12, 4.2 / 5.0),
    ] {
        let answer = service
            .scoring()
            .score_lifetime_value(request(as_of, months))
            .await;
        let found = answer.unwrap().into_inner().score.unwrap();
        let renewed = found.expected_renewals.unwrap();
        assert!(
            (renewed - renewals).abs() < 1e-12,
            "{as_of} {months}: {renewed}"
        );
    }
}

/// Definitions with margins, a channel that costs, and a segment of those who have a contract.
pub(super) fn document(basis: &str) -> String {
    let settings = format!(
        "basis: {basis}, margin: 40 %, margin_of_category: {{maintenance: 35 %}}}}\nchannels: {{phone: {{cost: 45 EUR}}}}"
    );
    small(
        "  city: {family: geographic, type: text, description: City}",
        "  s:
    mode: overlapping
    description: d
    segments:
      - {name: subscribed, when: running_contracts >= 1}
      - {name: none, when: running_contracts == 0}",
    )
    .replacen("basis: revenue}", &settings, 1)
}

#[tokio::test]
async fn of_a_renewal_counts_what_the_basis_says() {
    let service = ServiceWithDatabase::start().await;
    let yearly = |id: &str| contract(id, "k", "2024-03-01", 12, 120_000);
    service
        .write_contracts(&[
            pb::Contract {
                cost_minor: Some(70_000),
                ..yearly("costed")
            },
            pb::Contract {
                category: "maintenance".to_owned(),
                ..yearly("category")
            },
            yearly("plain"),
        ])
        .await;
    // Twelve calls of 45 EUR in the year before.
    let calls: Vec<_> = (1..=12)
        .map(|number| pb::Contact {
            cost: None,
            ..call("costed", &number.to_string(), "2026-03-15")
        })
        .collect();
    service.write_contacts(&calls).await;
    activate_models(&service).await;
    let factor = 5.2 / 6.0 * discounted(99.0);
    for (basis, costed, category, plain) in [
        ("revenue", 1_200.0, 1_200.0, 1_200.0),
        ("margin", 500.0, 420.0, 480.0),
        ("contribution", 500.0, 420.0, 480.0),
    ] {
        service.publish(&document(basis)).await;
        for (id, margin) in [("costed", costed), ("category", category), ("plain", plain)] {
            let found = score(&service, id, "").await;
            assert_near(found.contract_value, margin * factor);
            let cost = found.expected_cost_to_serve;
            assert_eq!(cost.is_some(), basis == "contribution", "{basis}");
            let value = cents(margin * factor - cost.unwrap_or(0.0));
            let lifetime = found.lifetime_value.unwrap();
            assert_eq!(
                lifetime.amount_minor.to_string(),
                value.to_string(),
                "{basis} {id}"
            );
            // Only who called costs.
            let costs = cost.is_some_and(|cost| cost > 0.0);
            assert_eq!(costs, basis == "contribution" && id == "costed");
            let answer = service
                .classify(by_id(id), "")
                .await
                .classification
                .unwrap();
            assert_eq!(answer.segments[0].segment, "s/subscribed");
            assert_eq!(answer.segments[0].reasons[0].code, "CONTRACTS");
        }
    }
}

/// The built-in model renews a contract that was renewed n times with probability (1/2 + n) / (1 + n): "firm" with 5/6, "both" with 3/4,
/// then 5/6, then 7/8.
#[tokio::test]
async fn a_contract_without_a_fitted_model_is_valued_by_the_built_in_one() {
    let service = ServiceWithDatabase::start().await;
    write(&service).await;
    for id in ["firm", "both"] {
        let found = score(&service, id, "").await;
        // No fit was asked for.
        assert_eq!(found.unrated_reason(), UnratedReason::NoModel, "{id}");
    }
    let version = store_model(&service.pool, BG, Some(SPEND)).await;
    activate(&service, version).await;
    let firm = score(&service, "firm", "").await;
    assert_near(firm.expected_renewals, 5.0 / 6.0);
    let value = 5.0 / 6.0 * 1_200.0 * discounted(99.0);
    assert_near(firm.contract_value, value);
    let lifetime = firm.lifetime_value.unwrap().amount_minor;
    assert_eq!(lifetime.to_string(), cents(value).to_string());
    assert!(firm.built_in_contract_model);
    let both = score(&service, "both", "").await;
    let (first, second, third) = (0.75, 0.75 * 5.0 / 6.0, 0.75 * 5.0 / 6.0 * 7.0 / 8.0);
    assert_near(both.expected_renewals, first + second + third);
    assert!(both.built_in_contract_model);

    let request = pb::GetModelRequest { version };
    let model = service.models().get_model(request).await.unwrap();
    let why = model.into_inner().model.unwrap().contracts_absent_reason;
    assert_eq!(why, "no contract began by 2026-06-30");
}

#[tokio::test]
async fn a_contract_that_is_imported_leaves_its_customer_rated() {
    let service = ServiceWithDatabase::start().await;
    write(&service).await;
    let version = store_model(&service.pool, BG, Some(SPEND)).await;
    activate(&service, version).await;
    let before = score(&service, "ada", "").await;
    assert!(before.lifetime_value.is_some() && !before.built_in_contract_model);
    let new = contract("ada", "k", "2026-01-15", 12, 10_000);
    service.write_contracts(&[new]).await;
    let after = score(&service, "ada", "").await;
    assert_eq!(after.unrated_reason(), UnratedReason::Unspecified);
    assert_eq!(after.transaction_value, before.transaction_value);
    // One renewal, on 2027-01-15, 54 days ahead.
    let renewal = 0.5 * 100.0 * discounted(54.0);
    assert_near(after.contract_value, renewal);
    assert!(after.built_in_contract_model);
    let cents =
        |score: &pb::LifetimeValueScore| score.lifetime_value.as_ref().unwrap().amount_minor;
    let gained = cents(&after) - cents(&before);
    #[expect(clippy::cast_precision_loss, reason = "some euros in cents")]
    let off = (gained as f64 - 100.0 * renewal).abs();
    assert!(off <= 1.0, "{gained}");
    // Contracts that have ended need no model.
    let ended = pb::Contract {
        ended_on: "2026-03-01".to_owned(),
        ..contract("gone", "k", "2024-03-01", 12, 120_000)
    };
    service.write_contracts(&[ended]).await;
    let gone = score(&service, "gone", "").await;
    assert_eq!(gone.lifetime_value, Some(money(0, "EUR")));
    assert!(!gone.built_in_contract_model);
}
