//! Regular buyers: planted in simulated customers, found by fits, used by answers, evaluations and drift checks.

use patron::domain::clv::history::PurchaseHistory;
use patron::domain::clv::lifetime::WEEKS_PER_MONTH;
use patron::domain::clv::model::{ModelKind, OrderModel};
use patron::domain::clv::random::Random;
use patron::domain::clv::stages::Stages;
use patron::pb;
use patron::pb::{CustomerKind, OrderModelKind, ParameterSelection};

use super::drift::check;
use super::planted::{FIRST, purchases_of_kind, write};
use super::{fit, request};
use crate::support::messages::{by_id, patch};
use crate::support::service::ServiceWithDatabase;

/// The last day of the fits, so many weeks after the first day of every customer.
const UNTIL: &str = "2025-09-22";
const WEEKS: f64 = 90.0;
/// Three stages, each about three weeks apart.
const REGULAR: [f64; 4] = [2.0, 5.0, 0.8, 4.0];

fn three() -> ModelKind {
    ModelKind::MbgCnbd(Stages::new(3).unwrap())
}

/// Customers of that law, a third of them companies, with what they bought within `weeks`.
async fn plant(service: &ServiceWithDatabase, customers: u32, weeks: f64) {
    let mut random = Random::new(12);
    let (mut patches, mut facts) = (vec![], vec![]);
    for at in 0..customers {
        let id = format!("r{at}");
        let kind = if at % 3 == 0 {
            CustomerKind::Company
        } else {
            CustomerKind::Person
        };
        patches.push(pb::CustomerPatch {
            kind: kind.into(),
            ..patch(&id)
        });
        let bought = purchases_of_kind(three(), &id, REGULAR, FIRST, weeks, &mut random);
        facts.extend(bought);
    }
    write(service, &patches, &facts).await;
}

fn asked(until: &str) -> pb::FitModelRequest {
    request(OrderModelKind::MbgCnbdK, until)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn planted_regular_buyers_are_found_and_valued_as_such() {
    let service = ServiceWithDatabase::start().await;
    plant(&service, 600, WEEKS).await;
    let model = fit(&service, asked(UNTIL)).await.unwrap();
    assert!(model.active, "{model:?}");
    assert_eq!(model.kind(), OrderModelKind::MbgCnbdK);
    let orders = model.orders.as_ref().unwrap();
    assert_eq!(orders.stages, 3);
    for (one, planted) in orders.parameters.iter().zip(REGULAR) {
        let distance = (one.value - planted) / one.standard_error.unwrap();
        assert!(distance.abs() < 4.0, "{planted}: {one:?}");
    }
    let tried: Vec<i32> = orders
        .stage_likelihoods
        .iter()
        .map(|it| it.stages)
        .collect();
    assert_eq!(tried, [1, 2, 3, 4]);
    let best = orders.stage_likelihoods[2].log_likelihood;
    assert!((best - orders.log_likelihood).abs() < 1e-3, "{orders:?}");
    // With one stage it would be MBG/NBD, and as likely as that.
    let random = fit(&service, request(OrderModelKind::MbgNbd, UNTIL)).await;
    let random = random.unwrap().orders.unwrap();
    let one = orders.stage_likelihoods[0].log_likelihood;
    assert!(
        (one - random.log_likelihood).abs() < 1e-3,
        "{one} {random:?}"
    );
    assert!(best > one + 100.0);
    assert_eq!((random.stages, random.stage_likelihoods), (0, vec![]));
    // k counts as a parameter, and NBD is not nested.
    assert!((orders.aic - (10.0 - 2.0 * orders.log_likelihood)).abs() < 1e-9);
    let reason = &orders.benchmark.as_ref().unwrap().test_absent_reason;
    assert!(reason.contains("k = 3"), "{reason}");
    let checks = model.checks.unwrap().regularity.unwrap();
    assert_eq!(checks.verdict(), pb::RegularityVerdict::Regular);
    assert!(checks.explanation.contains("MBG/CNBD-k"), "{checks:?}");

    // Every customer is expected to order as the law fitted says; what a customer with a given history comes to is in `outlook.rs`.
    super::activate(&service, model.version).await.unwrap();
    let score = service.score(by_id("r1"), UNTIL).await.score.unwrap();
    let inputs = score.inputs.unwrap();
    let known = PurchaseHistory::from_weeks(
        u32::try_from(inputs.frequency).unwrap(),
        inputs.recency_weeks,
        inputs.age_weeks,
    );
    let fitted: Vec<f64> = orders.parameters.iter().map(|it| it.value).collect();
    let law = OrderModel::new(three(), fitted.try_into().unwrap()).unwrap();
    let outlook = law.outlook(&known.unwrap());
    let near = |found: Option<f64>, expected: f64| {
        assert!(
            (found.unwrap() / expected - 1.0).abs() < 1e-9,
            "{found:?} {expected}"
        );
    };
    near(score.probability_alive, outlook.probability_alive());
    near(
        score.expected_orders,
        outlook.expected_orders(12.0 * WEEKS_PER_MONTH),
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn gaps_are_the_same_from_columns_and_from_facts_after_the_day() {
    let (whole, known) = (
        ServiceWithDatabase::start().await,
        ServiceWithDatabase::start().await,
    );
    // Half a year more than the fit may know, so that customers who bought in it are read one by one; and the same without it.
    plant(&whole, 200, WEEKS + 26.0).await;
    plant(&known, 200, WEEKS + 26.0).await;
    sqlx::query("UPDATE profiles SET log_gap_billionths = NULL")
        .execute(&known.pool)
        .await
        .unwrap();
    let timeless = |model: pb::Model| pb::FitReport {
        fit_duration: None,
        ..model.orders.unwrap()
    };
    let of_whole = timeless(fit(&whole, asked(UNTIL)).await.unwrap());
    assert_eq!(of_whole.stages, 3, "{of_whole:?}");
    // Without the sums of those who did not buy since, gaps look shorter than they were, and another number of stages fits: the column
    // is what is read of them.
    let without = timeless(fit(&known, asked(UNTIL)).await.unwrap());
    assert_ne!(without.stage_likelihoods, of_whole.stage_likelihoods);
    // Evaluated on the same day, everybody is read from what the facts say.
    let evaluation = pb::EvaluateModelRequest {
        kind: OrderModelKind::MbgCnbdK.into(),
        split_on: UNTIL.to_owned(),
        ..Default::default()
    };
    let answer = whole.models().evaluate_model(evaluation).await.unwrap();
    let found = answer.into_inner().evaluation.unwrap();
    assert_eq!(found.kind(), OrderModelKind::MbgCnbdK);
    let set = &found.parameters[0];
    assert_eq!(set.stages, 3);
    for (one, other) in set.parameters.iter().zip(&of_whole.parameters) {
        assert!(
            (one.value / other.value - 1.0).abs() < 1e-9,
            "{one:?} {other:?}"
        );
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn kinds_share_the_number_of_stages_and_a_drift_check_keeps_it() {
    let service = ServiceWithDatabase::start().await;
    plant(&service, 900, WEEKS).await;
    let by_kind = pb::FitModelRequest {
        grouping: pb::FitGrouping::ByKind.into(),
        ..asked("2025-05-31")
    };
    let model = fit(&service, by_kind).await.unwrap();
    assert!(model.active, "{model:?}");
    let fitted = model.by_kind.unwrap();
    for kind in &fitted.kinds {
        let orders = kind.orders.as_ref().unwrap();
        assert_eq!((orders.stages, orders.stage_likelihoods.len()), (3, 0));
    }
    // They do not differ.
    assert!(fitted.orders_test.unwrap().p_value > 1e-3);
    let score = service.score(by_id("r0"), UNTIL).await.score.unwrap();
    assert_eq!(score.parameter_selection(), ParameterSelection::OwnKind);
    let report = check(&service, UNTIL, 90).await.unwrap();
    assert_eq!(report.kind(), OrderModelKind::MbgCnbdK);
    assert_eq!(report.verdict(), pb::DriftVerdict::NoDrift, "{report:?}");
}
