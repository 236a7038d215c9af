//! The names by which customers are found. Values are kept as keyed digests: who steals the database cannot try all phone numbers
//! against it without the key, which is not in it.

use std::{collections::HashMap, fmt::Write as _};

use hmac::{Hmac, KeyInit, Mac};
use jiff::Timestamp;
use sha2::Sha256;
use sqlx::PgConnection;

use crate::{
    domain::{
        customer::{Identifier, IdentifierKind},
        text::CustomerId,
    },
    store::{codes, error::StoreError, instant::Instant},
};

/// The secret under which identifiers are digested: 32 bytes, the same for every process of a deployment.
#[derive(Clone)]
pub struct IdentifierKey([u8; 32]);

/// The keyed digest of an identifier.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct IdentifierDigest {
    kind: IdentifierKind,
    digest: [u8; 32],
}

/// An identifier that begins or ends on a customer.
#[derive(Debug, Clone)]
pub struct IdentifierFact {
    /// The customer.
    pub customer_id: CustomerId,
    /// The identifier, digested.
    pub digest: IdentifierDigest,
    /// What may be shown of it.
    pub display: String,
    /// Whether it begins or ends.
    pub begins: bool,
    /// Version of the profile that first contains the fact.
    pub profile_version: i64,
}

impl IdentifierKey {
    /// The key.
    #[must_use]
    pub fn new(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    /// The digest of `identifier` under this key.
    #[must_use]
    pub fn digest(&self, identifier: &Identifier) -> IdentifierDigest {
        let kind = identifier.kind();
        let code = codes::identifier_kind_code(kind).to_be_bytes();
        IdentifierDigest {
            kind,
            digest: self.mac(&[&code, identifier.canonical().as_bytes()]),
        }
    }

    /// The id of the `number`th customer who is created with `identifier` as the only name: it shows the kind of the identifier and
    /// nothing of its value. It is made by a digest of its own, so that no id gives away what the identifier is found by.
    ///
    /// # Errors
    /// Never for these texts, which no check of ids refuses.
    pub fn customer_id(
        &self,
        identifier: &Identifier,
        number: u32,
    ) -> Result<CustomerId, StoreError> {
        let kind = match identifier.kind() {
            IdentifierKind::Phone => "phone",
            IdentifierKind::Email => "email",
            IdentifierKind::External => "external",
        };
        let label = b"patron customer id";
        let digest = self.mac(&[label, kind.as_bytes(), identifier.canonical().as_bytes()]);
        // Half of it: no two of billions of identifiers share 128 bits.
        let half: String = digest[..16].iter().fold(String::new(), |mut text, byte| {
            let _ = write!(text, "{byte:02x}");
            text
        });
        codes::customer_id(&match number {
            ..=1 => format!("{kind}-{half}"),
            number => format!("{kind}-{half}-{number}"),
        })
    }

    /// Tells this key from any other without revealing it.
    #[must_use]
    pub fn check_value(&self) -> [u8; 32] {
        self.mac(&[b"patron identifier key"])
    }

    fn mac(&self, parts: &[&[u8]]) -> [u8; 32] {
        // Unwrap safety: HMAC takes keys of any length.
        #[expect(clippy::unwrap_used, reason = "HMAC takes keys of any length")]
        let mut mac = Hmac::<Sha256>::new_from_slice(&self.0).unwrap();
        for part in parts {
            mac.update(part);
        }
        mac.finalize().into_bytes().into()
    }
}

impl std::fmt::Debug for IdentifierKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("IdentifierKey(redacted)")
    }
}

/// Records, in their order, that identifiers begin and end, and who is found by them from now on.
///
/// # Errors
/// When the database cannot be asked.
pub async fn insert(
    tx: &mut PgConnection,
    facts: &[IdentifierFact],
    recorded_at: Timestamp,
) -> Result<(), StoreError> {
    if facts.is_empty() {
        return Ok(());
    }
    let columns = Columns::from_facts(facts.iter());
    sqlx::query(
        "INSERT INTO identifiers (customer_id, kind, digest, profile_version, begins, display, recorded_at)
         SELECT customer_id, kind, digest, profile_version, begins, display, $7
         FROM unnest($1::text[], $2::smallint[], $3::bytea[], $4::bigint[], $5::boolean[], $6::text[])
           AS new (customer_id, kind, digest, profile_version, begins, display)",
    )
    .bind(columns.customer_id)
    .bind(columns.kind)
    .bind(columns.digest)
    .bind(facts.iter().map(|fact| fact.profile_version).collect::<Vec<_>>())
    .bind(columns.begins)
    .bind(facts.iter().map(|fact| fact.display.as_str()).collect::<Vec<_>>())
    .bind(Instant(recorded_at))
    .execute(&mut *tx)
    .await?;
    // Of several facts of one customer and identifier, the last one holds.
    let last: HashMap<_, _> = facts
        .iter()
        .map(|fact| ((&fact.customer_id, fact.digest), fact))
        .collect();
    delete_owners(
        tx,
        Columns::from_facts(last.values().copied().filter(|fact| !fact.begins)),
    )
    .await?;
    insert_owners(
        tx,
        Columns::from_facts(last.values().copied().filter(|fact| fact.begins)),
    )
    .await
}

/// The digest of an identifier in its columns.
pub(super) fn stored_digest(kind: i16, digest: Vec<u8>) -> Result<IdentifierDigest, StoreError> {
    let kind = codes::identifier_kind(kind)?;
    let digest = digest
        .try_into()
        .map_err(|_| StoreError::corrupt("identifier digest", "not 32 bytes"))?;
    Ok(IdentifierDigest { kind, digest })
}

/// Lets customers be found by identifiers exactly where the facts say so, after some of these were taken back.
///
/// # Errors
/// When the database cannot be asked or a row cannot be read.
pub async fn renew_owners(
    tx: &mut PgConnection,
    changed: &[(CustomerId, IdentifierDigest)],
) -> Result<(), StoreError> {
    if changed.is_empty() {
        return Ok(());
    }
    let customers: Vec<CustomerId> = changed.iter().map(|(id, _)| id.clone()).collect();
    let held = list_held(tx, &customers).await?;
    let facts: Vec<IdentifierFact> = changed
        .iter()
        .map(|(customer_id, digest)| {
            let held = held.get(customer_id).map_or(&[][..], Vec::as_slice);
            IdentifierFact {
                customer_id: customer_id.clone(),
                digest: *digest,
                display: String::new(),
                begins: held.iter().any(|one| one.digest == *digest),
                profile_version: 0,
            }
        })
        .collect();
    let ended = Columns::from_facts(facts.iter().filter(|fact| !fact.begins));
    delete_owners(tx, ended).await?;
    insert_owners(
        tx,
        Columns::from_facts(facts.iter().filter(|fact| fact.begins)),
    )
    .await
}

/// The columns of many facts, one array each.
struct Columns<'a> {
    customer_id: Vec<&'a str>,
    kind: Vec<i16>,
    digest: Vec<&'a [u8]>,
    begins: Vec<bool>,
}

impl<'a> Columns<'a> {
    fn from_facts(facts: impl Iterator<Item = &'a IdentifierFact>) -> Self {
        let mut columns = Self {
            customer_id: vec![],
            kind: vec![],
            digest: vec![],
            begins: vec![],
        };
        for fact in facts {
            columns.customer_id.push(fact.customer_id.as_str());
            columns
                .kind
                .push(codes::identifier_kind_code(fact.digest.kind));
            columns.digest.push(&fact.digest.digest);
            columns.begins.push(fact.begins);
        }
        columns
    }
}

async fn delete_owners(tx: &mut PgConnection, columns: Columns<'_>) -> Result<(), StoreError> {
    if columns.digest.is_empty() {
        return Ok(());
    }
    sqlx::query(
        "DELETE FROM identifier_owners AS owner
         USING unnest($1::text[], $2::smallint[], $3::bytea[]) AS ended (customer_id, kind, digest)
         WHERE owner.digest = ended.digest AND owner.kind = ended.kind AND owner.customer_id = ended.customer_id
           AND owner.digest = ANY($3)",
    )
    .bind(columns.customer_id)
    .bind(columns.kind)
    .bind(columns.digest)
    .execute(tx)
    .await?;
    Ok(())
}

async fn insert_owners(tx: &mut PgConnection, columns: Columns<'_>) -> Result<(), StoreError> {
    if columns.digest.is_empty() {
        return Ok(());
    }
    sqlx::query(
        "INSERT INTO identifier_owners (digest, kind, customer_id)
         SELECT digest, kind, customer_id
         FROM unnest($1::text[], $2::smallint[], $3::bytea[]) AS begun (customer_id, kind, digest)
         ON CONFLICT (digest, kind, customer_id) DO NOTHING",
    )
    .bind(columns.customer_id)
    .bind(columns.kind)
    .bind(columns.digest)
    .execute(tx)
    .await?;
    Ok(())
}

struct OwnerRow {
    digest: Vec<u8>,
    kind: i16,
    customer_id: String,
}

crate::store::row::from_row!(OwnerRow {
    digest,
    kind,
    customer_id
});

/// Who is found by `digests`, by digest; those that find nobody are absent.
///
/// # Errors
/// When the database cannot be asked or a row cannot be read.
pub async fn list_owners(
    connection: &mut PgConnection,
    digests: &[IdentifierDigest],
) -> Result<HashMap<IdentifierDigest, Vec<CustomerId>>, StoreError> {
    let rows: Vec<OwnerRow> = sqlx::query_as(
        "SELECT digest, kind, customer_id
         FROM identifier_owners
         WHERE digest = ANY($1)
         ORDER BY customer_id COLLATE \"C\"",
    )
    .bind(
        digests
            .iter()
            .map(|digest| digest.digest.as_slice())
            .collect::<Vec<_>>(),
    )
    .fetch_all(connection)
    .await?;
    let mut owners: HashMap<IdentifierDigest, Vec<CustomerId>> = HashMap::new();
    for row in rows {
        let digest = stored_digest(row.kind, row.digest)?;
        let found = owners.entry(digest).or_default();
        found.push(codes::customer_id(&row.customer_id)?);
    }
    Ok(owners)
}

struct HeldRow {
    customer_id: String,
    kind: i16,
    digest: Vec<u8>,
    display: String,
}

crate::store::row::from_row!(HeldRow {
    customer_id,
    kind,
    digest,
    display
});

/// An identifier by which a customer is found now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HeldIdentifier {
    /// The identifier, digested.
    pub digest: IdentifierDigest,
    /// What may be shown of it.
    pub display: String,
}

impl IdentifierDigest {
    /// The kind of the identifier.
    #[must_use]
    pub fn kind(&self) -> IdentifierKind {
        self.kind
    }
}

/// The identifiers by which `customers` are found now, by customer.
///
/// # Errors
/// When the database cannot be asked or a row cannot be read.
pub async fn list_held(
    connection: &mut PgConnection,
    customers: &[CustomerId],
) -> Result<HashMap<CustomerId, Vec<HeldIdentifier>>, StoreError> {
    let rows: Vec<HeldRow> = sqlx::query_as(
        "SELECT customer_id, kind, digest, display
         FROM (SELECT DISTINCT ON (customer_id, kind, digest) customer_id, kind, digest, display, begins
               FROM identifiers
               WHERE customer_id = ANY($1)
               ORDER BY customer_id, kind, digest, profile_version DESC) AS latest
         WHERE begins
         ORDER BY customer_id, kind, display COLLATE \"C\"",
    )
    .bind(codes::id_array(customers))
    .fetch_all(connection)
    .await?;
    let mut held: HashMap<CustomerId, Vec<HeldIdentifier>> = HashMap::new();
    for row in rows {
        let digest = stored_digest(row.kind, row.digest)?;
        held.entry(codes::customer_id(&row.customer_id)?)
            .or_default()
            .push(HeldIdentifier {
                digest,
                display: row.display,
            });
    }
    Ok(held)
}
