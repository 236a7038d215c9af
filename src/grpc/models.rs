//! `ModelService`: fitting value models and choosing the one that answers.

use std::sync::Arc;

use tonic::{Request, Response, Status};

use crate::{
    api::{
        self, comparison, drift, evaluation, fits, models, newcomers, page, questions,
        violations::Violations,
    },
    domain::access::Scope,
    grpc::{access::require, status},
    pb,
    service::models::{
        FitRequest, Models, NotConverged, Seasonality,
        evaluate::{
            ComparisonRequest, DriftRequest, EvaluatedModel, EvaluationRequest, Evaluations,
            FitPlan,
        },
    },
};

/// Most days of the holdout of a drift check: ten years.
const MOST_DRIFT_DAYS: u32 = 3_650;

/// The service.
pub struct ModelApi {
    models: Arc<Models>,
    evaluations: Arc<Evaluations>,
}

impl ModelApi {
    /// The service over its use cases.
    #[must_use]
    pub fn new(models: Arc<Models>, evaluations: Arc<Evaluations>) -> Self {
        Self {
            models,
            evaluations,
        }
    }
}

#[tonic::async_trait]
impl pb::model_service_server::ModelService for ModelApi {
    async fn fit_model(
        &self,
        request: Request<pb::FitModelRequest>,
    ) -> Result<Response<pb::FitModelResponse>, Status> {
        if !request.get_ref().keep_inactive {
            require(
                &request,
                Scope::ModelActivate,
                "FitModel without keep_inactive",
            )?;
        }
        let request = fit_request(&request.into_inner(), &self.models)?;
        let version = self.models.fit(request).await?;
        Ok(Response::new(pb::FitModelResponse {
            model: Some(models::model(&version)),
        }))
    }

    async fn list_models(
        &self,
        request: Request<pb::ListModelsRequest>,
    ) -> Result<Response<pb::ListModelsResponse>, Status> {
        let request = request.into_inner();
        let asked =
            page::read(request.page_size, &request.page_token).map_err(status::invalid_request)?;
        let versions = self.models.list(asked.before, asked.limit()).await?;
        let models = versions.iter().map(models::model).collect();
        let (models, next_page_token) =
            asked.cut_to_size(models, |model: &pb::Model| model.version);
        Ok(Response::new(pb::ListModelsResponse {
            models,
            next_page_token,
        }))
    }

    async fn get_model(
        &self,
        request: Request<pb::GetModelRequest>,
    ) -> Result<Response<pb::GetModelResponse>, Status> {
        let version = request.into_inner().version;
        let version = self
            .models
            .get(Some(version).filter(|&version| version != 0));
        let version = version.await?;
        let model = Some(models::model(&version));
        Ok(Response::new(pb::GetModelResponse { model }))
    }

    async fn activate_model(
        &self,
        request: Request<pb::ActivateModelRequest>,
    ) -> Result<Response<pb::ActivateModelResponse>, Status> {
        let request = request.into_inner();
        let allow = if request.allow_not_converged {
            NotConverged::Allowed
        } else {
            NotConverged::Refused
        };
        let version = self.models.activate(request.version, allow).await?;
        let model = Some(models::model(&version));
        Ok(Response::new(pb::ActivateModelResponse { model }))
    }

    async fn evaluate_model(
        &self,
        request: Request<pb::EvaluateModelRequest>,
    ) -> Result<Response<pb::EvaluateModelResponse>, Status> {
        let request = evaluation_request(&request.into_inner(), &self.models)?;
        let found = self.evaluations.evaluate(request).await?;
        let evaluation = Some(evaluation::evaluation(&found));
        Ok(Response::new(pb::EvaluateModelResponse { evaluation }))
    }

    async fn compare_models(
        &self,
        request: Request<pb::CompareModelsRequest>,
    ) -> Result<Response<pb::CompareModelsResponse>, Status> {
        let request = comparison_request(&request.into_inner(), &self.models)?;
        let found = self.evaluations.compare(request).await?;
        let comparison = Some(comparison::comparison(&found));
        Ok(Response::new(pb::CompareModelsResponse { comparison }))
    }

    async fn check_drift(
        &self,
        request: Request<pb::CheckDriftRequest>,
    ) -> Result<Response<pb::CheckDriftResponse>, Status> {
        let request = drift_request(&request.into_inner()).map_err(status::invalid_request)?;
        let found = self.evaluations.check_drift(request).await?;
        let report = Some(drift::drift_report(&found));
        Ok(Response::new(pb::CheckDriftResponse { report }))
    }

    async fn rollback_model(
        &self,
        request: Request<pb::RollbackModelRequest>,
    ) -> Result<Response<pb::RollbackModelResponse>, Status> {
        let from = request.into_inner().from_version;
        let version = self.models.roll_back(Some(from).filter(|&from| from != 0));
        let version = version.await?;
        let model = Some(models::model(&version));
        Ok(Response::new(pb::RollbackModelResponse { model }))
    }

    async fn score_newcomers(
        &self,
        request: Request<pb::ScoreNewcomersRequest>,
    ) -> Result<Response<pb::ScoreNewcomersResponse>, Status> {
        let request = request.into_inner();
        let mut violations = Violations::default();
        let mut check = violations.at("");
        if request.version < 0 {
            check.field("version").refuse(
                "OUT_OF_RANGE",
                format!(
                    "is {}: set the number of a model version, or 0 for the active one",
                    request.version
                ),
            );
        }
        let months =
            questions::horizon_months(request.horizon_months, &mut check.field("horizon_months"));
        if !violations.is_empty() {
            return Err(status::invalid_request(violations));
        }
        let version = (request.version > 0).then_some(request.version);
        let found = self.models.newcomers(version, months).await?;
        Ok(Response::new(newcomers::newcomers_response(&found)))
    }
}

/// What is asked for, or everything that is wrong with it.
fn fit_request(request: &pb::FitModelRequest, models: &Models) -> Result<FitRequest, Status> {
    let mut violations = Violations::default();
    let mut check = violations.at("");
    let kind = models::model_kind(request.kind, &mut check.field("kind"));
    let until = api::as_of(&request.until, &mut check.field("until"));
    let request_id = fits::request_id(&request.request_id, &mut check.field("request_id"));
    let prior = request.prior.as_ref();
    let prior = prior.and_then(|prior| fits::prior(prior, &mut check.field("prior")));
    let names = &request.covariates;
    let by_kind = fits::grouping(request.grouping, names, &mut check);
    let spend_orders = fits::spend_orders(request.spend_orders, &mut check.field("spend_orders"));
    let seasonal = fits::seasonal(request.seasonal, kind, &mut check);
    let (Some(kind), Some(spend_orders), true) = (kind, spend_orders, violations.is_empty()) else {
        // All at once: of a request that is sound otherwise, the service says what is wrong with its covariates.
        let problems = models.covariates(names).err().unwrap_or_default();
        fits::refuse_covariates(problems, &mut violations.at(""));
        return Err(status::invalid_request(violations));
    };
    Ok(FitRequest {
        kind,
        until,
        activate: !request.keep_inactive,
        by_kind,
        covariates: names.clone(),
        prior,
        spend_orders,
        seasonal,
        request_id,
    })
}

fn evaluation_request(
    request: &pb::EvaluateModelRequest,
    models: &Models,
) -> Result<EvaluationRequest, Status> {
    let mut violations = Violations::default();
    let mut check = violations.at("");
    let kind = models::model_kind(request.kind, &mut check.field("kind"));
    let until = api::as_of(&request.until, &mut check.field("until"));
    let split = api::as_of(&request.split_on, &mut check.field("split_on"));
    if request.split_on.is_empty() && request.version != 0 {
        let mut field = check.field("split_on");
        field.refuse(
            "REQUIRED",
            "is required with version: set a day on or after that until which it was fitted",
        );
    }
    if request.version < 0 {
        let mut field = check.field("version");
        field.refuse("OUT_OF_RANGE", "must be a version number, or 0 for none");
    }
    let names = &request.covariates;
    let by_kind = fits::grouping(request.grouping, names, &mut check);
    let spend_orders = fits::spend_orders(request.spend_orders, &mut check.field("spend_orders"));
    let seasonal = fits::seasonal(request.seasonal, kind, &mut check);
    let covariates = models.covariates(names).unwrap_or_else(|problems| {
        fits::refuse_covariates(problems, &mut check);
        vec![]
    });
    if request.version != 0 {
        let own = [
            ("kind", request.kind != 0, "unspecified with version"),
            ("grouping", by_kind, "unspecified with version"),
            ("covariates", !names.is_empty(), "empty with version"),
            (
                "spend_orders",
                request.spend_orders != 0,
                "unspecified with version",
            ),
            ("seasonal", seasonal, "false with version"),
        ];
        for (field, _, what) in own.into_iter().filter(|(_, stated, _)| *stated) {
            let mut field = check.field(field);
            field.refuse("OUT_OF_RANGE", format!("must be {what}"));
        }
    }
    let (Some(kind), Some(spend_orders), true) = (kind, spend_orders, violations.is_empty()) else {
        return Err(status::invalid_request(violations));
    };
    let model = match request.version {
        0 => EvaluatedModel::Fit(FitPlan {
            kind,
            stages: None,
            by_kind,
            covariates,
            prior: None,
            spend_orders,
            season: if seasonal {
                Seasonality::Estimated
            } else {
                Seasonality::No
            },
        }),
        version => EvaluatedModel::Version(version),
    };
    Ok(EvaluationRequest {
        model,
        split,
        until,
    })
}

fn comparison_request(
    request: &pb::CompareModelsRequest,
    models: &Models,
) -> Result<ComparisonRequest, Status> {
    let mut violations = Violations::default();
    let mut check = violations.at("");
    let split = api::as_of(&request.split_on, &mut check.field("split_on"));
    let until = api::as_of(&request.until, &mut check.field("until"));
    let covariates = models
        .covariates(&request.covariates)
        .unwrap_or_else(|problems| {
            fits::refuse_covariates(problems, &mut check);
            vec![]
        });
    if !violations.is_empty() {
        return Err(status::invalid_request(violations));
    }
    Ok(ComparisonRequest {
        split,
        until,
        covariates,
    })
}

fn drift_request(request: &pb::CheckDriftRequest) -> Result<DriftRequest, Violations> {
    let mut violations = Violations::default();
    let mut check = violations.at("");
    let until = api::as_of(&request.until, &mut check.field("until"));
    let days = u32::try_from(request.days)
        .ok()
        .filter(|days| *days <= MOST_DRIFT_DAYS);
    if days.is_none() {
        let mut field = check.field("days");
        field.refuse(
            "OUT_OF_RANGE",
            format!("must be 1 to {MOST_DRIFT_DAYS}, or 0 for 90"),
        );
    }
    if !violations.is_empty() {
        return Err(violations);
    }
    Ok(DriftRequest {
        until,
        days: days.filter(|days| *days > 0),
    })
}
