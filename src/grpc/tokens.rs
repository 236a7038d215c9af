//! `TokenService`: the identities of callers.

use std::sync::Arc;

use tonic::{Request, Response, Status};

use crate::{
    api::{identity, page},
    grpc::{layers::identity::Verdict, status},
    pb,
    service::tokens::{Token, Tokens},
};

/// The service.
pub struct TokenApi {
    tokens: Arc<Tokens>,
}

impl TokenApi {
    /// The service over its use case.
    #[must_use]
    pub fn new(tokens: Arc<Tokens>) -> Self {
        Self { tokens }
    }
}

/// The id of the caller, where callers are identified.
fn caller_id<T>(request: &Request<T>) -> Option<String> {
    let verdict = request.extensions().get::<Verdict>();
    verdict.and_then(Verdict::caller_id).map(str::to_owned)
}

#[tonic::async_trait]
impl pb::token_service_server::TokenService for TokenApi {
    async fn create_token(
        &self,
        request: Request<pb::CreateTokenRequest>,
    ) -> Result<Response<pb::CreateTokenResponse>, Status> {
        let creator = caller_id(&request);
        let wanted = identity::wanted(request.get_ref(), self.tokens.clock.now());
        let wanted = wanted.map_err(status::invalid_request)?;
        let (token, bearer) = self.tokens.create(wanted, creator.as_deref()).await?;
        Ok(Response::new(pb::CreateTokenResponse {
            token: Some(identity::token_message(&token)),
            bearer: bearer.unwrap_or_default(),
        }))
    }

    async fn list_tokens(
        &self,
        request: Request<pb::ListTokensRequest>,
    ) -> Result<Response<pb::ListTokensResponse>, Status> {
        let request = request.into_inner();
        let asked =
            page::read(request.page_size, &request.page_token).map_err(status::invalid_request)?;
        let found = self.tokens.list(asked.before, asked.limit()).await?;
        let (found, next_page_token) = asked.cut(found, |token: &Token| token.number);
        Ok(Response::new(pb::ListTokensResponse {
            tokens: found.iter().map(identity::token_message).collect(),
            next_page_token,
        }))
    }

    async fn revoke_token(
        &self,
        request: Request<pb::RevokeTokenRequest>,
    ) -> Result<Response<pb::RevokeTokenResponse>, Status> {
        let revoker = caller_id(&request);
        let request = request.into_inner();
        let id = identity::token_id(&request.token_id).map_err(status::invalid_request)?;
        let token = self.tokens.revoke(id, revoker.as_deref()).await?;
        Ok(Response::new(pb::RevokeTokenResponse {
            token: Some(identity::token_message(&token)),
        }))
    }
}
