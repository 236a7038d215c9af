//! Identities of callers: tokens, of which only a digest of the secret is stored, and names in client certificates.
//!
//! Every change writes a new random id to `token_changes`, whose one row also puts changes in order: who has read the tokens under an id has missed
//! nothing as long as it is there.

use jiff::Timestamp;
use sqlx::PgConnection;

use crate::{
    domain::access::{CallQuota, Role, purpose::Purpose, token::SecretDigest},
    store::{error::StoreError, instant::Instant},
};

/// What identifies a caller.
#[derive(Debug, Clone)]
pub enum Proof {
    /// A secret with this digest.
    Secret(SecretDigest),
    /// A client certificate with this name.
    Certificate(String),
}

/// An identity to store.
#[derive(Debug, Clone)]
pub struct NewToken {
    /// Id.
    pub id: String,
    /// What it is for.
    pub description: String,
    /// Roles.
    pub roles: Vec<Role>,
    /// Purposes that its calls may state.
    pub purposes: Vec<Purpose>,
    /// The most calls.
    pub quota: Option<CallQuota>,
    /// What identifies the caller.
    pub proof: Proof,
    /// When it was created.
    pub created_at: Timestamp,
    /// The identity that created it.
    pub creator_id: Option<String>,
    /// When it ends by itself.
    pub expires_at: Option<Timestamp>,
}

/// A stored identity.
#[derive(Debug, Clone)]
pub struct StoredToken {
    /// What it was created as.
    pub token: NewToken,
    /// Number of the change that created it.
    pub number: i64,
    /// When it was revoked.
    pub revoked_at: Option<Timestamp>,
}

struct Row {
    token_id: String,
    number: i64,
    description: String,
    roles: Vec<String>,
    purposes: Vec<String>,
    calls_per_second: Option<i32>,
    burst: Option<i32>,
    secret_digest: Option<Vec<u8>>,
    certificate_name: Option<String>,
    created_at: Instant,
    creator_id: Option<String>,
    expires_at: Option<Instant>,
    revoked_at: Option<Instant>,
}

crate::store::row::from_row!(Row {
    token_id,
    number,
    description,
    roles,
    purposes,
    calls_per_second,
    burst,
    secret_digest,
    certificate_name,
    created_at,
    creator_id,
    expires_at,
    revoked_at,
});

impl TryFrom<Row> for StoredToken {
    type Error = StoreError;

    /// Roles and purposes that this version does not know grant nothing here.
    fn try_from(row: Row) -> Result<Self, StoreError> {
        let corrupt = || StoreError::Corrupt(format!("token {} cannot be read", row.token_id));
        let digest = row.secret_digest.as_deref();
        let digest = digest.map(|bytes| SecretDigest::from_bytes(bytes).ok_or_else(corrupt));
        let proof = match (digest.transpose()?, row.certificate_name.clone()) {
            (Some(digest), None) => Proof::Secret(digest),
            (None, Some(name)) => Proof::Certificate(name),
            (Some(_), Some(_)) | (None, None) => return Err(corrupt()),
        };
        let quota = match (row.calls_per_second, row.burst) {
            (Some(calls_per_second), Some(burst)) => Some(CallQuota {
                calls_per_second: u32::try_from(calls_per_second).map_err(|_| corrupt())?,
                burst: u32::try_from(burst).map_err(|_| corrupt())?,
            }),
            (None, _) | (_, None) => None,
        };
        let roles = row.roles.iter().filter_map(|name| Role::from_name(name));
        let purposes = row.purposes.iter().filter_map(|it| Purpose::new(it).ok());
        Ok(Self {
            token: NewToken {
                roles: roles.collect(),
                purposes: purposes.collect(),
                quota,
                proof,
                created_at: row.created_at.0,
                creator_id: row.creator_id,
                expires_at: row.expires_at.map(|at| at.0),
                id: row.token_id,
                description: row.description,
            },
            number: row.number,
            revoked_at: row.revoked_at.map(|at| at.0),
        })
    }
}

/// The id of the last change.
///
/// # Errors
/// When the database cannot be asked.
pub async fn find_change(connection: &mut PgConnection) -> Result<String, StoreError> {
    let id = sqlx::query_scalar("SELECT change_id::text FROM token_changes WHERE singleton");
    Ok(id.fetch_one(connection).await?)
}

/// Notes a change. No other one begins before the end of the transaction. Returns its number.
///
/// # Errors
/// When the database cannot be asked.
pub async fn begin_change(tx: &mut PgConnection) -> Result<i64, StoreError> {
    let number = sqlx::query_scalar(
        "UPDATE token_changes
         SET change_id = gen_random_uuid(),
             number    = number + 1
         WHERE singleton
         RETURNING number",
    );
    Ok(number.fetch_one(tx).await?)
}

/// Stores an identity. `number` is that of the change, which [`begin_change`] returned.
///
/// # Errors
/// When the database cannot be asked.
pub async fn insert(
    tx: &mut PgConnection,
    token: &NewToken,
    number: i64,
) -> Result<(), StoreError> {
    let (digest, certificate_name) = match &token.proof {
        Proof::Secret(digest) => (Some(&digest.as_bytes()[..]), None),
        Proof::Certificate(name) => (None, Some(name.as_str())),
    };
    let integer = |number: u32| i32::try_from(number).unwrap_or(i32::MAX);
    let (quota, roles) = (token.quota, token.roles.iter());
    let purposes = token.purposes.iter();
    sqlx::query(
        "INSERT INTO tokens (token_id, number, description, roles, purposes, calls_per_second, burst,
                             secret_digest, certificate_name, created_at, creator_id, expires_at)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)",
    )
    .bind(&token.id)
    .bind(number)
    .bind(&token.description)
    .bind(roles.map(|role| role.name()).collect::<Vec<_>>())
    .bind(purposes.map(Purpose::as_str).collect::<Vec<_>>())
    .bind(quota.map(|quota| integer(quota.calls_per_second)))
    .bind(quota.map(|quota| integer(quota.burst)))
    .bind(digest)
    .bind(certificate_name)
    .bind(Instant(token.created_at))
    .bind(token.creator_id.as_deref())
    .bind(token.expires_at.map(Instant))
    .execute(tx)
    .await?;
    Ok(())
}

/// Revokes an identity, unless it is revoked already. To be called after [`begin_change`].
///
/// # Errors
/// When the database cannot be asked.
pub async fn revoke(
    tx: &mut PgConnection,
    id: &str,
    revoked_at: Timestamp,
) -> Result<(), StoreError> {
    sqlx::query("UPDATE tokens SET revoked_at = $2 WHERE token_id = $1 AND revoked_at IS NULL")
        .bind(id)
        .bind(Instant(revoked_at))
        .execute(tx)
        .await?;
    Ok(())
}

/// An identity, if there is one of that id.
///
/// # Errors
/// When the database cannot be asked.
pub async fn find(
    connection: &mut PgConnection,
    id: &str,
) -> Result<Option<StoredToken>, StoreError> {
    let row: Option<Row> = sqlx::query_as(
        "SELECT token_id, number, description, roles, purposes, calls_per_second, burst,
                secret_digest, certificate_name, created_at, creator_id, expires_at, revoked_at
         FROM tokens
         WHERE token_id = $1",
    )
    .bind(id)
    .fetch_optional(connection)
    .await?;
    row.map(StoredToken::try_from).transpose()
}

/// At most `limit` identities below number `before`, latest first.
///
/// # Errors
/// When the database cannot be asked.
pub async fn list(
    connection: &mut PgConnection,
    before: i64,
    limit: i64,
) -> Result<Vec<StoredToken>, StoreError> {
    let rows: Vec<Row> = sqlx::query_as(
        "SELECT token_id, number, description, roles, purposes, calls_per_second, burst,
                secret_digest, certificate_name, created_at, creator_id, expires_at, revoked_at
         FROM tokens
         WHERE number < $1
         ORDER BY number DESC
         LIMIT $2",
    )
    .bind(before)
    .bind(limit)
    .fetch_all(connection)
    .await?;
    rows.into_iter().map(StoredToken::try_from).collect()
}

/// The identities that identify callers: all that are neither revoked nor ended by `now`, in the order of their creation.
///
/// # Errors
/// When the database cannot be asked.
pub async fn list_valid(
    connection: &mut PgConnection,
    now: Timestamp,
) -> Result<Vec<StoredToken>, StoreError> {
    let rows: Vec<Row> = sqlx::query_as(
        "SELECT token_id, number, description, roles, purposes, calls_per_second, burst,
                secret_digest, certificate_name, created_at, creator_id, expires_at, revoked_at
         FROM tokens
         WHERE revoked_at IS NULL AND (expires_at IS NULL OR expires_at > $1)
         ORDER BY number",
    )
    .bind(Instant(now))
    .fetch_all(connection)
    .await?;
    rows.into_iter().map(StoredToken::try_from).collect()
}
