//! Fitting models, their versions, and which of them answers.

mod bounded;
mod compare;
mod contacts;
mod drift;
mod evaluation;
mod extrapolated;
mod fits;
mod outlook;
mod planted;
mod refined;
mod regular;
mod requests;
mod seasonal;
mod simple;
mod spend_orders;
mod stale;
mod uncertainty;

use patron::generate::population::{DemoOptions, generate};
use patron::pb;
use patron::pb::OrderModelKind;
use tonic::{Code, Status};
use tonic_types::StatusExt as _;

use crate::support::messages::{by_id, purchase, reason, violated};
use crate::support::models::{BG, MBG, SPEND, store_model, store_unconverged_model};
use crate::support::service::{NOW, Service, ServiceWithDatabase, TODAY};

/// Greatest batch of ingest.
const BATCH: usize = 1_000;

/// Invented customers with three years of history until [`TODAY`]: enough for fits to converge.
pub(crate) struct Shop {
    customers: Vec<pb::CustomerPatch>,
    transactions: Vec<pb::Transaction>,
}

pub(crate) fn shop(customers: usize) -> Shop {
    let population = generate(DemoOptions {
        seed: 7,
        customers,
        as_of: TODAY.parse().unwrap(),
    });
    let transactions = population.transactions.into_iter();
    Shop {
        customers: population.customers,
        transactions: transactions.chain(population.late_transactions).collect(),
    }
}

impl Shop {
    pub(crate) async fn ingest(&self, service: &Service) {
        for batch in self.customers.chunks(BATCH) {
            service.write_customers(batch).await;
        }
        for batch in self.transactions.chunks(BATCH) {
            service.write(batch).await;
        }
    }
}

async fn fit(service: &Service, request: pb::FitModelRequest) -> Result<pb::Model, Status> {
    let answer = service.models().fit_model(request).await?;
    Ok(answer.into_inner().model.unwrap())
}

pub(crate) fn request(kind: OrderModelKind, until: &str) -> pb::FitModelRequest {
    pb::FitModelRequest {
        kind: kind.into(),
        until: until.to_owned(),
        ..Default::default()
    }
}

async fn get(service: &Service, version: i64) -> Result<pb::Model, Status> {
    let request = pb::GetModelRequest { version };
    let answer = service.models().get_model(request).await;
    answer.map(|answer| answer.into_inner().model.unwrap())
}

async fn activate(service: &Service, version: i64) -> Result<pb::Model, Status> {
    let request = pb::ActivateModelRequest {
        version,
        ..Default::default()
    };
    let answer = service.models().activate_model(request).await;
    answer.map(|answer| answer.into_inner().model.unwrap())
}

async fn list(service: &Service, size: i32, token: &str) -> Result<(Vec<i64>, String), Status> {
    let request = pb::ListModelsRequest {
        page_size: size,
        page_token: token.to_owned(),
    };
    let answer = service.models().list_models(request).await?.into_inner();
    let versions = answer.models.iter().map(|model| model.version).collect();
    Ok((versions, answer.next_page_token))
}

async fn basis_id(service: &Service) -> String {
    let answer = service.classify(by_id("nobody"), "").await;
    answer.provenance.unwrap().basis_id
}

/// The model as it is shown while it answers, or while it does not.
fn shown(model: &pb::Model, active: bool) -> pb::Model {
    pb::Model {
        active,
        ..model.clone()
    }
}

#[tokio::test]
async fn every_fit_is_a_new_version_and_the_last_one_answers_until_another_is_chosen() {
    let mut service = ServiceWithDatabase::start().await;
    shop(300).ingest(&service).await;
    assert_eq!(basis_id(&service).await, "r0-m0-EUR");
    let first = fit(&service, request(OrderModelKind::BgNbd, ""))
        .await
        .unwrap();
    assert_eq!((first.version, first.active), (1, true));
    assert_eq!(first.kind(), OrderModelKind::BgNbd);
    assert_eq!((&*first.until, &*first.currency), (TODAY, "EUR"));
    assert_eq!(first.create_time.unwrap().seconds, 1_795_348_800);
    assert_eq!(basis_id(&service).await, "r0-m1-EUR");

    service.set_clock("2026-11-22T13:00:00Z");
    let default = fit(&service, pb::FitModelRequest::default()).await.unwrap();
    assert_eq!((default.version, default.active), (2, true));
    assert_eq!(default.kind(), OrderModelKind::MbgNbd);
    assert_eq!(basis_id(&service).await, "r0-m2-EUR");
    // The earlier version is what it was, except that it no longer answers.
    assert_eq!(get(&service, 1).await.unwrap(), shown(&first, false));
    assert_eq!(get(&service, 2).await.unwrap(), default);

    let kept = pb::FitModelRequest {
        keep_inactive: true,
        ..request(OrderModelKind::BgNbd, "")
    };
    let kept = fit(&service, kept).await.unwrap();
    assert_eq!((kept.version, kept.active), (3, false));
    assert_eq!(basis_id(&service).await, "r0-m2-EUR");
    assert_eq!(
        list(&service, 0, "").await.unwrap(),
        (vec![3, 2, 1], String::new())
    );

    let chosen = activate(&service, 1).await.unwrap();
    assert_eq!(chosen, first);
    assert_eq!(basis_id(&service).await, "r0-m1-EUR");
    service = service.restart().await;
    assert_eq!(basis_id(&service).await, "r0-m1-EUR");
    assert_eq!(get(&service, 1).await.unwrap(), first);
}

#[tokio::test]
async fn versions_are_listed_newest_first_in_pages() {
    let service = ServiceWithDatabase::start().await;
    assert_eq!(
        list(&service, 0, "").await.unwrap(),
        (vec![], String::new())
    );
    for at in 0..5 {
        let model = if at % 2 == 0 { BG } else { MBG };
        store_model(&service.pool, model, Some(SPEND)).await;
    }
    let (first, token) = list(&service, 2, "").await.unwrap();
    assert_eq!(first, [5, 4]);
    // A version that is stored meanwhile moves no page.
    store_model(&service.pool, BG, None).await;
    let (second, token) = list(&service, 2, &token).await.unwrap();
    assert_eq!(second, [3, 2]);
    assert_eq!(
        list(&service, 2, &token).await.unwrap(),
        (vec![1], String::new())
    );
    assert_eq!(list(&service, 6, "").await.unwrap().1, "");
    let all = list(&service, i32::MAX, "").await.unwrap();
    assert_eq!(all, (vec![6, 5, 4, 3, 2, 1], String::new()));
    let absent = get(&service, 6).await.unwrap();
    assert_eq!((absent.spend, &*absent.currency), (None, ""));
    assert_eq!(absent.spend_absent_reason, "nobody bought twice");
}

#[tokio::test]
async fn what_cannot_be_meant_is_refused() {
    let service = ServiceWithDatabase::start().await;
    for status in [
        list(&service, -1, "").await.unwrap_err(),
        list(&service, 1, "made up").await.unwrap_err(),
    ] {
        assert_eq!(status.code(), Code::InvalidArgument, "{status:?}");
        assert!(violated(&status)[0].starts_with("page_"), "{status:?}");
    }
    let both = pb::FitModelRequest {
        kind: 7,
        until: "2026-02-30".to_owned(),
        request_id: "\n".repeat(65),
        covariates: vec!["member".to_owned()],
        grouping: 1,
        prior: Some(pb::LogNormalPrior {
            medians: vec![1.0; 3],
            log_standard_deviations: vec![],
        }),
        ..Default::default()
    };
    let status = fit(&service, both).await.unwrap_err();
    assert_eq!(status.code(), Code::InvalidArgument);
    let all = [
        "kind",
        "until",
        "request_id",
        "prior.medians",
        "prior.log_standard_deviations",
        "grouping",
        "covariates",
    ];
    assert_eq!(violated(&status), all);
    // 0 is the active one, and there is none.
    let status = get(&service, 0).await.unwrap_err();
    assert_eq!(status.code(), Code::FailedPrecondition, "{status:?}");
    assert_eq!(reason(&status), "NO_ACTIVE_MODEL");
    let status = activate(&service, 0).await.unwrap_err();
    assert_eq!(status.code(), Code::NotFound, "{status:?}");
    for version in [1, -1, i64::MAX] {
        for status in [
            get(&service, version).await.unwrap_err(),
            activate(&service, version).await.unwrap_err(),
        ] {
            assert_eq!(status.code(), Code::NotFound, "{version}: {status:?}");
            assert_eq!(reason(&status), "MODEL_NOT_FOUND");
        }
    }
}

#[tokio::test]
async fn only_without_a_purchase_before_the_day_there_is_nothing_to_fit() {
    let service = ServiceWithDatabase::start().await;
    let nothing = async |until: &str| {
        let status = fit(&service, request(OrderModelKind::MbgNbd, until))
            .await
            .unwrap_err();
        assert_eq!(status.code(), Code::FailedPrecondition, "{status:?}");
        assert_eq!(reason(&status), "NOTHING_TO_FIT");
        assert!(list(&service, 0, "").await.unwrap().0.is_empty());
    };
    nothing("").await;
    // A customer who bought for the first time today was not observed for a day.
    service.write(&[purchase("eve", "1", TODAY, 100)]).await;
    nothing("").await;
    service
        .write(&[
            purchase("ada", "1", "2026-01-01", 100),
            // Another purchase of a day is no repeat.
            purchase("ada", "2", "2026-01-01", 100),
            purchase("bob", "1", "2026-01-02", 100),
        ])
        .await;
    nothing("2025-12-31").await;
    // Nobody has ordered again: a rate is known all the same, to be small.
    let model = fit(&service, pb::FitModelRequest::default()).await.unwrap();
    assert!(model.active, "{model:?}");
    let orders = model.orders.unwrap();
    assert!(orders.converged);
    let why = &orders.weak_prior_reason;
    assert!(
        why.starts_with("none of the 3 customers has ordered again: r, a and a / b have"),
        "{why}"
    );
    let score = service.score(by_id("bob"), "").await.score.unwrap();
    let expected = score.expected_orders.unwrap();
    assert!((0.0..0.5).contains(&expected), "{expected}");
    assert_eq!(
        score.parameter_estimation(),
        pb::ParameterEstimation::WeakPriors
    );
}

#[tokio::test]
async fn a_single_customer_who_came_back_is_enough_for_an_answer_with_weak_priors() {
    let service = ServiceWithDatabase::start().await;
    service
        .write(&[
            purchase("ada", "1", "2026-01-01", 100),
            purchase("ada", "2", "2026-02-01", 100),
        ])
        .await;
    let model = fit(&service, pb::FitModelRequest::default()).await.unwrap();
    assert_eq!((model.version, model.active), (1, true));
    let orders = model.orders.clone().unwrap();
    assert!(orders.converged, "{orders:?}");
    assert_eq!((orders.customers, orders.distinct_rows), (1, 1));
    let why = &orders.weak_prior_reason;
    assert!(
        why.starts_with("1 distinct histories are too few for four parameters: "),
        "{why}"
    );
    assert!(
        orders
            .parameters
            .iter()
            .all(|it| it.standard_error.is_some())
    );
    assert_eq!(get(&service, 1).await.unwrap(), model);
}

#[tokio::test]
async fn a_version_that_did_not_converge_does_not_answer_unless_chosen() {
    let service = ServiceWithDatabase::start().await;
    service
        .write(&[purchase("ada", "1", "2026-01-01", 100)])
        .await;
    let first = store_model(&service.pool, MBG, Some(SPEND)).await;
    activate(&service, first).await.unwrap();
    let second = store_unconverged_model(&service.pool, MBG).await;
    let status = activate(&service, second).await.unwrap_err();
    assert_eq!(status.code(), Code::FailedPrecondition, "{status:?}");
    assert_eq!(reason(&status), "NOT_CONVERGED");
    assert_eq!(basis_id(&service).await, "r0-m1-EUR");
    let chosen = pb::ActivateModelRequest {
        version: second,
        allow_not_converged: true,
    };
    let answer = service.models().activate_model(chosen).await.unwrap();
    let model = answer.into_inner().model.unwrap();
    assert!(model.active && !model.orders.unwrap().converged);
    assert_eq!(basis_id(&service).await, "r0-m2-EUR");
    let score = service.score(by_id("ada"), "").await.score.unwrap();
    assert_eq!(
        score.parameter_estimation(),
        pb::ParameterEstimation::NotConverged
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_second_fit_is_turned_away_while_the_first_one_runs() {
    let service = ServiceWithDatabase::start().await;
    shop(60).ingest(&service).await;
    let held = service.lock_profiles().await;
    let named = pb::FitModelRequest {
        request_id: "nightly".to_owned(),
        ..request(OrderModelKind::MbgNbd, "2026-10-31")
    };
    let spawn = |request: pb::FitModelRequest| {
        let mut client = service.models();
        tokio::spawn(async move { client.fit_model(request).await })
    };
    let first = spawn(named);
    service.until_blocked(1).await;
    let status = fit(&service, pb::FitModelRequest::default())
        .await
        .unwrap_err();
    assert_eq!(status.code(), Code::Aborted, "{status:?}");
    assert_eq!(reason(&status), "FIT_RUNNING");
    for part in ["mbg-nbd", "2026-10-31", NOW, "nightly"] {
        assert!(status.message().contains(part), "{part}: {status:?}");
    }
    let info = status.get_details_error_info().unwrap();
    for (key, value) in [
        ("kind", "mbg-nbd"),
        ("until", "2026-10-31"),
        ("start_time", NOW),
        ("request_id", "nightly"),
    ] {
        assert_eq!(info.metadata[key], value);
    }
    // Another kind of model is another turn.
    let other = spawn(request(OrderModelKind::BgNbd, ""));
    service.until_blocked(2).await;
    held.rollback().await.unwrap();
    let mut versions = vec![];
    for fit in [first, other] {
        let model = fit.await.unwrap().unwrap().into_inner().model.unwrap();
        versions.push(model.version);
    }
    versions.sort_unstable();
    assert_eq!(versions, [1, 2]);
    let next = fit(&service, pb::FitModelRequest::default()).await.unwrap();
    assert_eq!(next.version, 3);
}
