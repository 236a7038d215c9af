//! The models of the server that remembers: it numbers them, and that is all.

use tonic::{Request, Response, Status};

use super::Fake;
use crate::pb;
use crate::pb::model_service_server::ModelService;

#[tonic::async_trait]
impl ModelService for Fake {
    async fn fit_model(
        &self,
        request: Request<pb::FitModelRequest>,
    ) -> Result<Response<pb::FitModelResponse>, Status> {
        let mut memory = self.0.lock().unwrap();
        let model = pb::Model {
            version: i64::try_from(memory.models.len()).unwrap() + 1,
            active: !request.into_inner().keep_inactive,
            currency: "EUR".into(),
            ..Default::default()
        };
        memory.models.insert(0, model.clone());
        Ok(Response::new(pb::FitModelResponse { model: Some(model) }))
    }

    async fn list_models(
        &self,
        _: Request<pb::ListModelsRequest>,
    ) -> Result<Response<pb::ListModelsResponse>, Status> {
        let models = self.0.lock().unwrap().models.clone();
        Ok(Response::new(pb::ListModelsResponse {
            models,
            next_page_token: String::new(),
        }))
    }

    async fn get_model(
        &self,
        _: Request<pb::GetModelRequest>,
    ) -> Result<Response<pb::GetModelResponse>, Status> {
        Err(Status::not_found("this server forgets its models"))
    }

    async fn activate_model(
        &self,
        _: Request<pb::ActivateModelRequest>,
    ) -> Result<Response<pb::ActivateModelResponse>, Status> {
        Err(Status::not_found("this server forgets its models"))
    }

    async fn evaluate_model(
        &self,
        _: Request<pb::EvaluateModelRequest>,
    ) -> Result<Response<pb::EvaluateModelResponse>, Status> {
        Err(Status::not_found("this server forgets its models"))
    }

    async fn compare_models(
        &self,
        _: Request<pb::CompareModelsRequest>,
    ) -> Result<Response<pb::CompareModelsResponse>, Status> {
        Err(Status::not_found("this server forgets its models"))
    }

    async fn check_drift(
        &self,
        _: Request<pb::CheckDriftRequest>,
    ) -> Result<Response<pb::CheckDriftResponse>, Status> {
        Err(Status::not_found("this server forgets its models"))
    }

    async fn rollback_model(
        &self,
        _: Request<pb::RollbackModelRequest>,
    ) -> Result<Response<pb::RollbackModelResponse>, Status> {
        Err(Status::not_found("this server forgets its models"))
    }

    async fn score_newcomers(
        &self,
        _: Request<pb::ScoreNewcomersRequest>,
    ) -> Result<Response<pb::ScoreNewcomersResponse>, Status> {
        Err(Status::not_found("this server forgets its models"))
    }
}
