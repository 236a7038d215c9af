//! Creating, listing and revoking identities.

use std::sync::Arc;

use jiff::Timestamp;

use crate::{
    clock::Clock,
    domain::access::{
        CallQuota, Role,
        purpose::Purpose,
        token::{self, ID_DIGITS, SECRET_BYTES, Secret},
    },
    service::{error::ServiceError, retry::retry},
    store::{
        pool::Pool,
        tokens::{self, NewToken, Proof, StoredToken},
    },
};

/// Said here again, because who words them for callers knows the service and no store.
pub use crate::store::tokens::{
    NewToken as TokenFields, Proof as TokenProof, StoredToken as Token,
};

/// An identity that is wanted.
#[derive(Debug, Clone)]
pub struct WantedToken {
    /// What it is for.
    pub description: String,
    /// Roles.
    pub roles: Vec<Role>,
    /// Purposes that its calls may state.
    pub purposes: Vec<Purpose>,
    /// The most calls.
    pub quota: Option<CallQuota>,
    /// The name in client certificates; `None`: a token.
    pub certificate_name: Option<String>,
    /// When it ends by itself.
    pub expires_at: Option<Timestamp>,
}

/// Keeps the identities of callers.
pub struct Tokens {
    /// Where they are stored.
    pub pool: Pool,
    /// Tells when something was done.
    pub clock: Arc<dyn Clock>,
}

impl Tokens {
    /// Creates an identity for `creator`. Returns it with the whole text of its token, unless a certificate name identifies it.
    ///
    /// # Errors
    /// When the database cannot be asked.
    pub async fn create(
        &self,
        wanted: WantedToken,
        creator: Option<&str>,
    ) -> Result<(StoredToken, Option<String>), ServiceError> {
        let id = token::id(random::<{ ID_DIGITS / 2 }>()?);
        let (proof, text) = if let Some(name) = wanted.certificate_name {
            (Proof::Certificate(name), None)
        } else {
            let secret = Secret::new(random::<SECRET_BYTES>()?);
            (Proof::Secret(secret.digest()), Some(secret.expose(&id)))
        };
        let token = NewToken {
            id,
            description: wanted.description,
            roles: wanted.roles,
            purposes: wanted.purposes,
            quota: wanted.quota,
            proof,
            created_at: self.clock.now(),
            creator_id: creator.map(str::to_owned),
            expires_at: wanted.expires_at,
        };
        let number = retry(&self.pool, || self.store(&token)).await?;
        tracing::info!(token.id = token.id, caller.id = creator, "token created");
        let stored = StoredToken {
            token,
            number,
            revoked_at: None,
        };
        Ok((stored, text))
    }

    async fn store(&self, token: &NewToken) -> Result<i64, ServiceError> {
        let mut tx = self.pool.begin().await?;
        let number = tokens::begin_change(&mut tx).await?;
        tokens::insert(&mut tx, token, number).await?;
        tx.commit().await?;
        Ok(number)
    }

    /// At most `limit` identities below number `before`, latest first.
    ///
    /// # Errors
    /// When the database cannot be asked.
    pub async fn list(&self, before: i64, limit: i64) -> Result<Vec<StoredToken>, ServiceError> {
        let mut connection = self.pool.acquire().await?;
        Ok(tokens::list(&mut connection, before, limit).await?)
    }

    /// Revokes an identity for `revoker`.
    ///
    /// # Errors
    /// There is none of that id, or the database cannot be asked.
    pub async fn revoke(
        &self,
        id: &str,
        revoker: Option<&str>,
    ) -> Result<StoredToken, ServiceError> {
        let ended = retry(&self.pool, || self.revoke_once(id)).await?;
        tracing::info!(token.id = id, caller.id = revoker, "token revoked");
        Ok(ended)
    }

    async fn revoke_once(&self, id: &str) -> Result<StoredToken, ServiceError> {
        let mut tx = self.pool.begin().await?;
        tokens::begin_change(&mut tx).await?;
        tokens::revoke(&mut tx, id, self.clock.now()).await?;
        let found = tokens::find(&mut tx, id).await?;
        let found = found.ok_or_else(|| ServiceError::TokenNotFound(id.to_owned()))?;
        tx.commit().await?;
        Ok(found)
    }
}

/// Random bytes of the system's generator.
fn random<const N: usize>() -> Result<[u8; N], ServiceError> {
    let mut bytes = [0; N];
    getrandom::fill(&mut bytes).map_err(|error| ServiceError::Internal(Box::new(error)))?;
    Ok(bytes)
}
