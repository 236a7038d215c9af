//! `ModelService`: fitting value models and choosing the one that answers.

use std::sync::Arc;

use tonic::{Request, Response, Status};

use crate::{
    grpc::{
        convert::{self, models, page, violations::Violations},
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
        let request = request.into_inner();
        let mut violations = Violations::default();
        let mut check = violations.at("");
        let kind = models::model_kind(request.kind, &mut check.field("kind"));
        let until = convert::as_of(&request.until, &mut check.field("until"));
        let (Some(kind), true) = (kind, violations.is_empty()) else {
            return Err(status::invalid_request(violations));
        };
        let activate = !request.keep_inactive;
        let version = self
            .models
            .fit(FitRequest {
                kind,
                until,
                activate,
            })
            .await?;
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
}
