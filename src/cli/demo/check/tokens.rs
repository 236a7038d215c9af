//! The RPCs of tokens. The demo requires no identity, so a token that it makes opens nothing.

use super::Check;
use crate::cli::error::CliError;
use crate::pb;

impl Check<'_> {
    /// A token is made, listed and revoked.
    pub(super) async fn tokens(&mut self) -> Result<(), CliError> {
        let request = self.connection.request(pb::CreateTokenRequest {
            description: "demo check".to_owned(),
            roles: vec![pb::Role::Telephony.into()],
            ..Default::default()
        });
        let created = match self.connection.tokens().create_token(request).await {
            Ok(answer) => answer.into_inner(),
            Err(status) => return self.failed("CreateToken", &status),
        };
        let token_id = created.token.unwrap_or_default().token_id;
        let right = created.bearer.contains(&token_id);
        self.expect("CreateToken", right, &format!("token {token_id}"))?;
        let request = self.connection.request(pb::ListTokensRequest::default());
        match self.connection.tokens().list_tokens(request).await {
            Ok(answer) => {
                let tokens = answer.into_inner().tokens;
                let right = tokens.first().is_some_and(|it| it.token_id == token_id);
                self.expect("ListTokens", right, &format!("{} tokens", tokens.len()))?;
            }
            Err(status) => self.failed("ListTokens", &status)?,
        }
        let request = self.connection.request(pb::RevokeTokenRequest { token_id });
        match self.connection.tokens().revoke_token(request).await {
            Ok(answer) => {
                let token = answer.into_inner().token.unwrap_or_default();
                self.expect("RevokeToken", token.revoke_time.is_some(), "revoked")
            }
            Err(status) => self.failed("RevokeToken", &status),
        }
    }
}
