//! `ModelService`: fitting value models and choosing the one that answers.

use std::sync::Arc;

use tonic::{Request, Response, Status};

use crate::{
    grpc::{
        convert::{self, models, violations::Violations},
        status,
    },
    pb,
    service::models::{FitRequest, Models},
};

/// Versions on a page when the caller states no number.
const DEFAULT_PAGE: i32 = 100;
/// Greatest number of versions on a page.
const MAX_PAGE: i32 = 1_000;

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
        let mut violations = Violations::default();
        let mut check = violations.at("");
        let size = match request.page_size {
            0 => DEFAULT_PAGE,
            // AIP-158: a size above the greatest is taken as the greatest.
            size => size.min(MAX_PAGE),
        };
        if size < 0 {
            check.field("page_size").refuse(
                "OUT_OF_RANGE",
                format!("is {size}: set 1 to {MAX_PAGE}, or 0 for {DEFAULT_PAGE}"),
            );
        }
        let before = match request.page_token.as_str() {
            "" => Some(i64::MAX),
            token => check.field("page_token").ok(
                "INVALID_PAGE_TOKEN",
                token.parse::<i64>().map_err(|_| NOT_A_TOKEN),
            ),
        };
        let (Some(before), true) = (before, violations.is_empty()) else {
            return Err(status::invalid_request(violations));
        };
        // One more than the page tells whether there is another.
        let mut versions = self.models.list(before, i64::from(size) + 1).await?;
        let more = versions.len() > usize::try_from(size).unwrap_or(usize::MAX);
        if more {
            versions.pop();
        }
        let last = versions.last().filter(|_| more);
        Ok(Response::new(pb::ListModelsResponse {
            next_page_token: last
                .map(|last| last.version.to_string())
                .unwrap_or_default(),
            models: versions.iter().map(models::model).collect(),
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

/// What a caller is told who made up a page token.
const NOT_A_TOKEN: &str = "is no page token: take next_page_token of the answer before";
