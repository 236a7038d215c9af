//! Seasons: planted in simulated customers, found by fits, used by scores, forecasts, newcomers, evaluations, comparisons and drift checks.

use patron::domain::calendar::Day;
use patron::domain::clv::lifetime::WEEKS_PER_MONTH;
use patron::domain::clv::model::{ModelKind, OrderModel};
use patron::domain::clv::random::Random;
use patron::domain::clv::season::OrderTime;
use patron::domain::clv::season::clock::{PARTS, SeasonClock};
use patron::domain::clv::simulation::DrawnCustomer;
use patron::pb;
use patron::pb::{CustomerKind, DriftVerdict, FitGrouping, OrderModelKind, SeasonVerdict};
use tonic::Code;

use super::drift::check;
use super::evaluation::evaluate;
use super::planted::write;
use super::{fit, get, request};
use crate::support::messages::{by_id, patch, purchase, reason, violated};
use crate::support::service::{ServiceWithDatabase, TODAY};

/// The last day of the fits, before Christmas; the shop is two years and a quarter old then.
const UNTIL: &str = "2026-08-24";
const FIRST: &str = "2024-05-20";
const LAW: [f64; 4] = [0.9, 8.0, 0.8, 3.0];

/// Six weeks of two and a half times as many orders.
fn christmas() -> SeasonClock {
    let level = |part| if part >= PARTS - 6 { 2.5 } else { 1.0 };
    SeasonClock::new(&(0..PARTS).map(level).collect::<Vec<_>>()).unwrap()
}

/// Customers of that law whose first orders are spread over two years, with what they bought until [`TODAY`].
async fn plant(service: &ServiceWithDatabase, customers: u32) {
    let clock = christmas();
    let mut random = Random::new(8);
    let (mut patches, mut facts) = (vec![], vec![]);
    let (start, end): (Day, Day) = (FIRST.parse().unwrap(), TODAY.parse().unwrap());
    for at in 0..customers {
        let id = format!("s{at}");
        let kind = if at % 3 == 0 {
            CustomerKind::Company
        } else {
            CustomerKind::Person
        };
        patches.push(pb::CustomerPatch {
            kind: kind.into(),
            ..patch(&id)
        });
        let first = start.plus_days(i32::try_from(random.bits() % 730).unwrap());
        let model = OrderModel::new(ModelKind::MbgNbd, LAW).unwrap();
        let customer = DrawnCustomer::draw(&model.newcomer(), &mut random);
        let reading = |day: Day| clock.at(f64::from(day.number()));
        let weeks = (reading(end) - reading(first)) / 7.0;
        let times: Vec<f64> = customer.orders(weeks, 500, &mut random).collect();
        let mut days = vec![first];
        for time in times {
            let mut day = *days.last().unwrap();
            while reading(day) < reading(first) + 7.0 * time {
                day = day.plus_days(1);
            }
            days.push(day);
        }
        days.dedup();
        for (number, day) in days.iter().enumerate() {
            let key = number.to_string();
            facts.push(purchase(&id, &key, &day.to_string(), 2_000));
        }
    }
    write(service, &patches, &facts).await;
}

fn asked() -> pb::FitModelRequest {
    pb::FitModelRequest {
        seasonal: true,
        ..request(OrderModelKind::MbgNbd, UNTIL)
    }
}

#[track_caller]
fn near(found: Option<f64>, expected: f64) {
    let off = found.unwrap() / expected - 1.0;
    assert!(off.abs() < 1e-9, "{found:?} {expected}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn planted_seasons_are_found_and_used_by_every_answer() {
    let service = ServiceWithDatabase::start().await;
    plant(&service, 900).await;
    let model = fit(&service, asked()).await.unwrap();
    assert!(model.active, "{model:?}");
    let index = model.seasonal_index.as_ref().unwrap();
    assert_eq!(model.seasonal_index_absent_reason, "");
    assert!(index.month_levels[11] > 1.7, "{index:?}");
    assert!(
        index.month_levels[..10].iter().all(|it| *it < 1.2),
        "{index:?}"
    );
    assert!(index.effective_parameters > 5.0 && index.effective_parameters < 26.0);
    assert_eq!(get(&service, 0).await.unwrap(), model);
    // Parameters and index as any client can use them.
    let clock = SeasonClock::new(&index.levels).unwrap();
    let report = model.orders.as_ref().unwrap();
    let parameters: Vec<f64> = report.parameters.iter().map(|it| it.value).collect();
    let law = OrderModel::new(ModelKind::MbgNbd, parameters.try_into().unwrap()).unwrap();
    let counted = 4.0 + index.effective_parameters.ceil();
    near(
        Some(report.aic),
        2.0 * counted - 2.0 * report.log_likelihood,
    );
    check_score(&service, &clock, &law).await;
    check_newcomer(&service, &clock, &law).await;
    // Without the index the same orders are less likely, and the likelihoods can be compared.
    let plain = request(OrderModelKind::MbgNbd, UNTIL);
    let plain = fit(
        &service,
        pb::FitModelRequest {
            keep_inactive: true,
            ..plain
        },
    )
    .await;
    let plain = plain.unwrap();
    assert_eq!(plain.seasonal_index, None);
    let gain = report.log_likelihood - plain.orders.unwrap().log_likelihood;
    assert!(gain > 80.0, "{gain}");
    // Kinds have the index of all customers.
    let by_kind = pb::FitModelRequest {
        grouping: FitGrouping::ByKind.into(),
        keep_inactive: true,
        ..asked()
    };
    let by_kind = fit(&service, by_kind).await.unwrap();
    assert_eq!(by_kind.seasonal_index, model.seasonal_index);
    let kinds = by_kind.by_kind.unwrap().kinds;
    let of_kinds = kinds
        .iter()
        .map(|it| it.orders.as_ref().unwrap().log_likelihood);
    let gain = of_kinds.sum::<f64>() - report.log_likelihood;
    assert!(gain > 0.0 && gain < 20.0, "the kinds are alike: {gain}");
    check_evaluations(&service, &model).await;
    let drift = check(&service, TODAY, 90).await.unwrap();
    assert_ne!(drift.verdict(), DriftVerdict::NotDecidable, "{drift:?}");
}

/// A score, and the forecast of orders with it, are those of the plain model in the time of the clock.
async fn check_score(service: &ServiceWithDatabase, clock: &SeasonClock, law: &OrderModel) {
    let as_of = "2026-08-24";
    let question = pb::ScoreLifetimeValueRequest {
        subject: Some(by_id("s7")),
        as_of: as_of.to_owned(),
        order_forecast: Some(pb::OrderForecastOptions {
            from_days: 84,
            to_days: 126,
            max_order_count: Some(2),
            ..Default::default()
        }),
        interval_level: Some(0.9),
        ..Default::default()
    };
    let answer = service.scoring().score_lifetime_value(question).await;
    let score = answer.unwrap().into_inner().score.unwrap();
    let inputs = score.inputs.as_ref().unwrap();
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "whole days"
    )]
    let days = |weeks: f64| (7.0 * weeks).round() as u32;
    let (time, as_of) = (OrderTime::Seasonal(clock), as_of.parse().unwrap());
    let history = time.history(
        u32::try_from(inputs.frequency).unwrap(),
        days(inputs.recency_weeks),
        days(inputs.age_weeks),
        as_of,
    );
    let outlook = law.outlook(&history.unwrap());
    let ahead = time.ahead_of(as_of);
    let weeks = 12.0 * WEEKS_PER_MONTH;
    near(score.probability_alive, outlook.probability_alive());
    near(
        score.expected_orders,
        outlook.expected_orders(ahead.model_weeks(weeks)),
    );
    near(score.season_factor, ahead.model_weeks(weeks) / weeks);
    let forecast = score.order_forecast.unwrap();
    let (from, to) = (ahead.model_weeks(12.0), ahead.model_weeks(18.0));
    near(
        forecast.expected_orders_between,
        outlook.expected_orders_between(from, to),
    );
    // Six weeks that Christmas begins in: more than those of an even year.
    assert!(to - from > 7.0, "{from} {to}");
    let none = outlook.probability_of_orders(0, ahead.model_weeks(weeks));
    near(Some(forecast.order_count_probabilities[0]), none);
    assert!(forecast.discounted_residual_orders.unwrap() > forecast.discounted_orders);
    assert!(score.orders_interval.is_some());
}

async fn check_newcomer(service: &ServiceWithDatabase, clock: &SeasonClock, law: &OrderModel) {
    let question = pb::ScoreNewcomersRequest {
        horizon_months: 3,
        ..Default::default()
    };
    let answer = service.models().score_newcomers(question).await;
    let answer = answer.unwrap().into_inner();
    assert_eq!(answer.as_of, TODAY);
    let ahead = OrderTime::Seasonal(clock).ahead_of(TODAY.parse().unwrap());
    let orders = law
        .newcomer()
        .expected_orders(ahead.model_weeks(3.0 * WEEKS_PER_MONTH));
    near(Some(answer.newcomers[0].expected_orders), orders);
}

async fn check_evaluations(service: &ServiceWithDatabase, model: &pb::Model) {
    let split = pb::EvaluateModelRequest {
        split_on: UNTIL.to_owned(),
        until: TODAY.to_owned(),
        ..Default::default()
    };
    // A stored version is evaluated with its index; a fit for the evaluation finds the same one in histories read another way.
    let of_version = pb::EvaluateModelRequest {
        version: model.version,
        ..split.clone()
    };
    let of_version = evaluate(service, of_version).await.unwrap();
    assert_eq!(of_version.seasonal_index, model.seasonal_index);
    let fitted = pb::EvaluateModelRequest {
        seasonal: true,
        ..split.clone()
    };
    let fitted = evaluate(service, fitted).await.unwrap();
    assert_eq!(fitted.seasonal_index, model.seasonal_index);
    assert_eq!(fitted.groups[0].orders, of_version.groups[0].orders);
    let verdict = |found: &pb::ModelEvaluation| found.season.as_ref().unwrap().verdict();
    assert_eq!(verdict(&fitted), SeasonVerdict::NotSeasonal);
    let plain = evaluate(service, split).await.unwrap();
    assert_eq!(verdict(&plain), SeasonVerdict::Seasonal);
    assert_eq!(plain.seasonal_index, None);
    let question = pb::CompareModelsRequest {
        split_on: UNTIL.to_owned(),
        until: TODAY.to_owned(),
        ..Default::default()
    };
    let found = service.models().compare_models(question).await.unwrap();
    let models = found.into_inner().comparison.unwrap().models;
    assert!(models[0].seasonal && models[0].recommended, "{models:?}");
    assert_eq!(models.iter().filter(|model| model.seasonal).count(), 1);
    let likelihood = model.orders.as_ref().unwrap().log_likelihood;
    near(models[0].log_likelihood, likelihood);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn where_no_index_can_be_had_the_version_has_none_and_a_reason() {
    let service = ServiceWithDatabase::start().await;
    for kind in [OrderModelKind::ParetoNbd, OrderModelKind::MbgCnbdK] {
        let refused = pb::FitModelRequest {
            seasonal: true,
            ..request(kind, "")
        };
        let refused = fit(&service, refused).await.unwrap_err();
        assert_eq!(refused.code(), Code::InvalidArgument);
        assert_eq!(violated(&refused), ["seasonal"]);
    }
    plant(&service, 200).await;
    // Two fits that differ in nothing else.
    let short = |seasonal| pb::FitModelRequest {
        seasonal,
        ..request(OrderModelKind::BgNbd, "2025-10-31")
    };
    let without = fit(&service, short(true)).await.unwrap();
    assert_eq!(without.seasonal_index, None);
    let why = &without.seasonal_index_absent_reason;
    assert!(
        why.starts_with(
            "a seasonal index needs a history of 546 days, a year and a half: the first order is 5"
        ),
        "{why}"
    );
    let plain = fit(&service, short(false)).await.unwrap();
    // A request with an index is another one than that without, also for its id.
    let named = |seasonal| pb::FitModelRequest {
        request_id: "once".to_owned(),
        ..short(seasonal)
    };
    let first = fit(&service, named(true)).await.unwrap();
    assert_eq!(
        fit(&service, named(true)).await.unwrap().version,
        first.version
    );
    let other = fit(&service, named(false)).await.unwrap_err();
    assert_eq!(reason(&other), "REQUEST_ID_REUSED");
    let parameters = |model: pb::Model| model.orders.unwrap().parameters;
    assert_eq!(parameters(without), parameters(plain));
}
