//! `ModelService`: fitting value models and choosing the one that answers.

use std::sync::Arc;

use tonic::{Request, Response, Status};

use crate::{
    grpc::{
        convert::{self, fits, models, page, violations::Violations},
        status,
    },
    pb,
    service::models::{FitRequest, Models},
};

/// The service.
pub struct ModelApi {
    models: Arc<Models>,
}

impl ModelApi {
    /// The service over its use case.
    #[must_use]
    pub fn new(models: Arc<Models>) -> Self {
        Self { models }
    }
}

#[tonic::async_trait]
impl pb::model_service_server::ModelService for ModelApi {
    async fn fit_model(
        &self,
        request: Request<pb::FitModelRequest>,
    ) -> Result<Response<pb::FitModelResponse>, Status> {
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
        let asked = page::read(request.page_size, &request.page_token)?;
        let versions = self.models.list(asked.before, asked.limit()).await?;
        let (versions, next_page_token) = asked.cut(versions, |version| version.version);
        let models = versions.iter().map(models::model).collect();
        Ok(Response::new(pb::ListModelsResponse {
            models,
            next_page_token,
        }))
    }

    async fn get_model(
        &self,
        request: Request<pb::GetModelRequest>,
    ) -> Result<Response<pb::GetModelResponse>, Status> {
        let version = self.models.get(request.into_inner().version).await?;
        let model = Some(models::model(&version));
        Ok(Response::new(pb::GetModelResponse { model }))
    }

    async fn activate_model(
        &self,
        request: Request<pb::ActivateModelRequest>,
    ) -> Result<Response<pb::ActivateModelResponse>, Status> {
        let version = self.models.activate(request.into_inner().version).await?;
        let model = Some(models::model(&version));
        Ok(Response::new(pb::ActivateModelResponse { model }))
    }

    async fn rollback_model(
        &self,
        _request: Request<pb::RollbackModelRequest>,
    ) -> Result<Response<pb::RollbackModelResponse>, Status> {
        let version = self.models.roll_back().await?;
        let model = Some(models::model(&version));
        Ok(Response::new(pb::RollbackModelResponse { model }))
    }
}

/// What is asked for, or everything that is wrong with it.
fn fit_request(request: &pb::FitModelRequest, models: &Models) -> Result<FitRequest, Status> {
    let mut violations = Violations::default();
    let mut check = violations.at("");
    let kind = models::model_kind(request.kind, &mut check.field("kind"));
    let until = convert::as_of(&request.until, &mut check.field("until"));
    let request_id = fits::request_id(&request.request_id, &mut check.field("request_id"));
    let by_kind = fits::grouping(request.grouping, &mut check.field("grouping"));
    let prior = request.prior.as_ref();
    let prior = prior.and_then(|prior| fits::prior(prior, &mut check.field("prior")));
    let covariates = models.covariates(&request.covariates);
    let covariates = fits::covariates(covariates, &mut check);
    if by_kind && !request.covariates.is_empty() {
        check.field("grouping").refuse(
            "CONFLICT",
            "covariates and BY_KIND do not go together: leave one of them out",
        );
    }
    let (Some(kind), true) = (kind, violations.is_empty()) else {
        return Err(status::invalid_request(violations));
    };
    Ok(FitRequest {
        kind,
        until,
        activate: !request.keep_inactive,
        by_kind,
        covariates,
        prior,
        request_id,
    })
}
