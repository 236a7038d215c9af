//! How uncertain a score is, how another model version sees it, and what refunds leave of it: through gRPC.

use patron::pb;
use patron::pb::OrderModelKind;
use prost::Message as _;
use tonic::{Code, Status};

use super::{activate, fit, request, shop};
use crate::support::messages::{by_id, money, purchase, reason, refund, violated};
use crate::support::models::{BG, MBG, SPEND, store_model};
use crate::support::service::{Service, ServiceWithDatabase};

fn asked(customer: &str) -> pb::ScoreLifetimeValueRequest {
    pb::ScoreLifetimeValueRequest {
        subject: Some(by_id(customer)),
        ..Default::default()
    }
}

async fn scored(
    service: &Service,
    request: pb::ScoreLifetimeValueRequest,
) -> Result<pb::LifetimeValueScore, Status> {
    let answer = service.scoring().score_lifetime_value(request).await?;
    Ok(answer.into_inner().score.unwrap())
}

/// A score without what was asked for beside it.
fn plain(score: &pb::LifetimeValueScore) -> pb::LifetimeValueScore {
    pb::LifetimeValueScore {
        orders_interval: None,
        spend_interval: None,
        renewals_interval: None,
        lifetime_value_interval: None,
        tier_probabilities: vec![],
        interval_absent_reason: String::new(),
        challenger: None,
        ..score.clone()
    }
}

#[tokio::test]
async fn intervals_hold_the_expectation_and_are_the_same_every_time() {
    let service = ServiceWithDatabase::start().await;
    let shop = shop(300);
    shop.ingest(&service).await;
    let model = fit(&service, request(OrderModelKind::MbgNbd, "")).await;
    assert!(model.unwrap().active);
    let request = |level, months| pb::BatchScoreLifetimeValueRequest {
        subjects: shop
            .customers
            .iter()
            .map(|it| by_id(&it.customer_id))
            .collect(),
        interval_level: level,
        horizon_months: months,
        ..Default::default()
    };
    let answer = async |level, months| {
        let mut client = service.scoring();
        let answer = client
            .batch_score_lifetime_value(request(level, months))
            .await;
        answer.unwrap().into_inner()
    };
    let scores = |answer: pb::BatchScoreLifetimeValueResponse| -> Vec<pb::LifetimeValueScore> {
        let responses = answer.responses.into_iter();
        responses.map(|it| it.score.unwrap()).collect()
    };
    let first = answer(Some(0.9), 0).await;
    assert_eq!(
        first.encode_to_vec(),
        answer(Some(0.9), 0).await.encode_to_vec()
    );
    let without = scores(answer(None, 0).await);
    let half_year = scores(answer(Some(0.9), 6).await);
    let (mut held, mut rated) = (0, 0);
    for ((score, without), half_year) in scores(first).iter().zip(&without).zip(&half_year) {
        assert_eq!(&plain(score), without);
        assert_eq!(without, &plain(without), "nobody asked");
        let (Some(value), Some(range)) = (&score.lifetime_value, &score.lifetime_value_interval)
        else {
            assert_eq!(score.interval_absent_reason, "the customer has no value");
            continue;
        };
        rated += 1;
        assert!(range.low <= range.high, "{range:?}");
        let total: f64 = score
            .tier_probabilities
            .iter()
            .map(|it| it.probability)
            .sum();
        assert!((total - 1.0).abs() < 1e-12, "{score:?}");
        let ranks: Vec<_> = score.tier_probabilities.iter().map(|it| it.rank).collect();
        assert_eq!(ranks, [1, 2, 3, 4]);
        // Tiers look at their own horizon.
        assert_eq!(score.tier_probabilities, half_year.tier_probabilities);
        // Of an active customer, the expectation lies within what may happen.
        if score.expected_orders.unwrap() > 1.0 {
            #[expect(clippy::cast_precision_loss, reason = "cents")]
            let major = value.amount_minor as f64 / 100.0;
            assert!(range.low <= major && major <= range.high, "{score:?}");
            let orders = score.orders_interval.as_ref().unwrap();
            assert!(orders.low <= score.expected_orders.unwrap());
            assert!(orders.high >= score.expected_orders.unwrap());
            assert!(score.spend_interval.as_ref().unwrap().high >= range.high);
            held += 1;
        }
    }
    assert!(held > 20 && rated > 100, "{held} of {rated}");
}

#[tokio::test]
async fn a_version_that_does_not_say_how_uncertain_it_is_gives_the_reason() {
    let service = ServiceWithDatabase::start().await;
    service
        .write(&[purchase("ada", "1", "2026-01-01", 10_000)])
        .await;
    let version = store_model(&service.pool, MBG, Some(SPEND)).await;
    activate(&service, version).await.unwrap();
    let request = pb::ScoreLifetimeValueRequest {
        interval_level: Some(0.9),
        ..asked("ada")
    };
    let score = scored(&service, request).await.unwrap();
    assert!(score.lifetime_value.is_some() && score.lifetime_value_interval.is_none());
    assert_eq!(score.tier_probabilities, []);
    assert_eq!(
        score.interval_absent_reason,
        "the fit has no covariance of its parameters: r, alpha, a, b"
    );
}

#[tokio::test]
async fn impossible_levels_and_versions_are_refused_together_with_their_paths() {
    let service = ServiceWithDatabase::start().await;
    for level in [0.5, 0.0, -0.9, 0.990_1, 1.0, f64::NAN, f64::INFINITY] {
        let request = pb::ScoreLifetimeValueRequest {
            interval_level: Some(level),
            compare_model_version: -1,
            horizon_months: 121,
            ..asked("ada")
        };
        let refused = service.scoring().score_lifetime_value(request).await;
        let refused = refused.unwrap_err();
        assert_eq!(refused.code(), Code::InvalidArgument, "{level}");
        assert_eq!(
            violated(&refused),
            ["horizon_months", "interval_level", "compare_model_version"]
        );
    }
    let batch = pb::BatchScoreLifetimeValueRequest {
        subjects: vec![by_id("ada")],
        interval_level: Some(2.0),
        ..Default::default()
    };
    let refused = service.scoring().batch_score_lifetime_value(batch).await;
    assert_eq!(violated(&refused.unwrap_err()), ["interval_level"]);
    let unknown = pb::ScoreLifetimeValueRequest {
        compare_model_version: 99,
        ..asked("ada")
    };
    let unknown = service.scoring().score_lifetime_value(unknown).await;
    let unknown = unknown.unwrap_err();
    assert_eq!(
        (unknown.code(), &*reason(&unknown)),
        (Code::NotFound, "MODEL_NOT_FOUND")
    );
}

#[tokio::test]
async fn two_versions_are_scored_side_by_side_and_one_with_itself_is_the_same() {
    let service = ServiceWithDatabase::start().await;
    let bought = [
        purchase("ada", "1", "2026-01-01", 10_000),
        purchase("ada", "2", "2026-02-05", 12_000),
        purchase("ada", "3", "2026-05-20", 18_000),
    ];
    service.write(&bought).await;
    let champion = store_model(&service.pool, BG, Some(SPEND)).await;
    let challenger = store_model(&service.pool, MBG, Some(SPEND)).await;
    activate(&service, champion).await.unwrap();
    let compared = async |version, months| {
        let request = pb::ScoreLifetimeValueRequest {
            as_of: "2026-06-30".to_owned(),
            compare_model_version: version,
            horizon_months: months,
            ..asked("ada")
        };
        scored(&service, request).await.unwrap()
    };
    for months in [0, 24] {
        let score = compared(champion, months).await;
        let same = score.challenger.clone().unwrap();
        assert_eq!(same.model_version, champion);
        assert_eq!(same.probability_alive, score.probability_alive);
        assert_eq!(same.expected_orders, score.expected_orders);
        assert_eq!(
            same.expected_spend_per_order,
            score.expected_spend_per_order
        );
        assert_eq!(same.lifetime_value, score.lifetime_value);
        assert_eq!(same.tier, score.tier);
    }
    // The values of the table of answers for this history: 254.51 by BG/NBD, 256.29 by MBG/NBD.
    let score = compared(challenger, 0).await;
    assert_eq!(score.lifetime_value, Some(money(25_451, "EUR")));
    let other = score.challenger.unwrap();
    assert_eq!(other.lifetime_value, Some(money(25_629, "EUR")));
    assert!((other.probability_alive.unwrap() - 0.708_466_936_141_800_1).abs() < 1e-9);
    // What answers is not moved by a comparison, and is what the challenger said once it answers.
    activate(&service, challenger).await.unwrap();
    let score = compared(0, 0).await;
    assert_eq!(score.lifetime_value, other.lifetime_value);
    assert_eq!(score.challenger, None);
}

/// Four purchases, of which refunds leave the history of the table of answers: 100.00 on the first day, 120.00 and 180.00 later.
///
/// By hand, from the public formulae (Fader, Hardie and Lee 2005; Fader and Hardie 2013), with r 0.243, alpha 4.414, a 0.793, b 2.426
/// and p 6.25, q 3.74, v 15.44:
///
/// - `x` = 2, since the day of the last purchase is taken back in full; `t_x` = 139/7, `T` = 180/7 weeks;
///   `m_x` = (150 - 30 + 180) / 2 = 150.
/// - P(alive) = 1 / (1 + a / (b + x - 1) ((alpha + T) / (alpha + `t_x`))^(r + x)) = 1 / (1 + 0.793 / 3.426 * (30.1283 / 24.2711)^2.243)
///   = 0.726799.
/// - Spend per order = p (v + x `m_x`) / (p x + q - 1) = 6.25 * (15.44 + 300) / (12.5 + 2.74) = 129.363517.
/// - Orders within twelve months of 30.4375 days, each discounted at the end of its month by 1 %: 1.967438 (eq. 10 by month).
/// - Value = 129.363517 * 1.967438 = 254.51.
#[tokio::test]
async fn refunds_lower_the_day_they_name_before_anything_is_valued() {
    let service = ServiceWithDatabase::start().await;
    let bought = [
        purchase("ada", "1", "2026-01-01", 10_000),
        purchase("ada", "2", "2026-02-05", 15_000),
        purchase("ada", "3", "2026-05-20", 18_000),
        purchase("ada", "4", "2026-06-10", 9_900),
    ];
    service.write(&bought).await;
    let version = store_model(&service.pool, BG, Some(SPEND)).await;
    activate(&service, version).await.unwrap();
    let day = "2026-06-30";
    let before = service.score(by_id("ada"), day).await.score.unwrap();
    assert_eq!(before.inputs.unwrap().frequency, 3);
    let refunds = [
        refund("ada", "5", "2", "2026-06-15", 3_000),
        refund("ada", "6", "4", "2026-06-20", 9_900),
    ];
    service.write(&refunds).await;
    let score = service.score(by_id("ada"), day).await.score.unwrap();
    let inputs = score.inputs.unwrap();
    assert_eq!((inputs.frequency, inputs.monetary_value), (2, Some(150.0)));
    assert!((inputs.recency_weeks - 139.0 / 7.0).abs() < 1e-12);
    assert!((inputs.age_weeks - 180.0 / 7.0).abs() < 1e-12);
    let ratio: f64 = (4.414 + 180.0 / 7.0) / (4.414 + 139.0 / 7.0);
    let alive = 1.0 / (1.0 + 0.793 / 3.426 * ratio.powf(2.243));
    assert!((score.probability_alive.unwrap() - alive).abs() < 1e-12);
    let spend = 6.25 * (15.44 + 2.0 * 150.0) / (6.25 * 2.0 + 3.74 - 1.0);
    assert!((score.expected_spend_per_order.unwrap() - spend).abs() < 1e-9);
    let value = 1.967_438_377_014_94 * spend;
    assert!((value - 254.51).abs() < 0.005);
    assert_eq!(score.lifetime_value, Some(money(25_451, "EUR")));
    // As of a day before the refunds, they had not happened.
    let then = service
        .score(by_id("ada"), "2026-06-12")
        .await
        .score
        .unwrap();
    assert_eq!(then.inputs.unwrap().frequency, 3);
}
