//! The imports: facts that came together, how many, and what was taken back of them.

use jiff::Timestamp;
use sqlx::PgConnection;

use crate::{
    domain::text::Label,
    store::{
        error::StoreError,
        instant::Instant,
        locks::{lock_import, lock_import_for_writing},
        repeats::NO_IMPORT,
    },
};

/// Kinds of facts of an import.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ImportedKind {
    /// Transactions.
    Transaction = 1,
    /// Contacts.
    Contact = 2,
    /// Observations of contracts.
    Contract = 3,
    /// Patches of customers; of what is taken back, changes of kind and name.
    Customer = 4,
    /// Exchange rates.
    Rate = 5,
    /// Observations of attributes.
    Attribute = 6,
    /// Identifiers that begin or end.
    Identifier = 7,
}

impl ImportedKind {
    /// All kinds, in the order of their storage codes.
    pub const ALL: [Self; 7] = [
        Self::Transaction,
        Self::Contact,
        Self::Contract,
        Self::Customer,
        Self::Rate,
        Self::Attribute,
        Self::Identifier,
    ];

    pub(super) fn code(self) -> i16 {
        self as i16
    }

    pub(super) fn from_code(code: i16) -> Result<Self, StoreError> {
        let known = Self::ALL.into_iter().find(|kind| kind.code() == code);
        known.ok_or_else(|| StoreError::corrupt("kind of an import", code))
    }
}

/// How many facts of a kind an import wrote, and what became of them in its undoing.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct ImportCount {
    /// Items that were new.
    pub written: i64,
    /// Facts that were taken back.
    pub withdrawn: i64,
    /// Facts that stay because they were corrected since.
    pub kept: i64,
}

/// An import as it is recorded.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Import {
    /// Its number, in the order of first facts.
    pub number: i64,
    /// Its id.
    pub import_id: Label,
    /// When its first fact was written.
    pub began_at: Timestamp,
    /// Whether its undoing began.
    pub is_undoing: bool,
    /// When everything was taken back.
    pub undone_at: Option<Timestamp>,
    /// What it wrote and what was taken back, by kind, in the order of kinds.
    pub counts: Vec<(ImportedKind, ImportCount)>,
}

struct Row {
    number: i64,
    import_id: String,
    began_at: Instant,
    is_undoing: bool,
    undone_at: Option<Instant>,
    kind: Option<i16>,
    written: i64,
    withdrawn: i64,
    kept: i64,
}

crate::store::row::from_row!(Row {
    number,
    import_id,
    began_at,
    is_undoing,
    undone_at,
    kind,
    written,
    withdrawn,
    kept
});

/// The imports of rows, which are by import and kind.
fn collect(rows: Vec<Row>) -> Result<Vec<Import>, StoreError> {
    let mut imports: Vec<Import> = vec![];
    for row in rows {
        let count = ImportCount {
            written: row.written,
            withdrawn: row.withdrawn,
            kept: row.kept,
        };
        let counted = row.kind.map(ImportedKind::from_code).transpose()?;
        let is_same = |last: &&mut Import| last.number == row.number;
        match (imports.last_mut().filter(is_same), counted) {
            (Some(last), counted) => last.counts.extend(counted.map(|kind| (kind, count))),
            (None, counted) => imports.push(Import {
                number: row.number,
                import_id: row.import_id.into(),
                began_at: row.began_at.0,
                is_undoing: row.is_undoing,
                undone_at: row.undone_at.map(|instant| instant.0),
                counts: counted.map(|kind| (kind, count)).into_iter().collect(),
            }),
        }
    }
    Ok(imports)
}

/// At most `limit` imports with numbers below `before`, the last begun first.
///
/// # Errors
/// When the database cannot be asked or a row cannot be read.
pub async fn list(
    connection: &mut PgConnection,
    before: i64,
    limit: i64,
) -> Result<Vec<Import>, StoreError> {
    let rows: Vec<Row> = sqlx::query_as(
        "SELECT i.number, i.import_id, i.began_at, i.undo_began_at IS NOT NULL AS is_undoing, i.undone_at, c.kind,
                coalesce(sum(c.written), 0)::bigint AS written, coalesce(sum(c.withdrawn), 0)::bigint AS withdrawn,
                coalesce(sum(c.kept), 0)::bigint AS kept
         FROM (SELECT number, import_id, began_at, undo_began_at, undone_at
               FROM imports
               WHERE number < $1
               ORDER BY number DESC
               LIMIT $2) AS i
         LEFT JOIN import_calls AS c ON c.import = i.number
         GROUP BY i.number, i.import_id, i.began_at, i.undo_began_at, i.undone_at, c.kind
         ORDER BY i.number DESC, c.kind",
    )
    .bind(before)
    .bind(limit)
    .fetch_all(connection)
    .await?;
    collect(rows)
}

/// The import of an id, if it wrote anything.
///
/// # Errors
/// When the database cannot be asked or a row cannot be read.
pub async fn find(
    connection: &mut PgConnection,
    import_id: &str,
) -> Result<Option<Import>, StoreError> {
    let rows: Vec<Row> = sqlx::query_as(
        "SELECT i.number, i.import_id, i.began_at, i.undo_began_at IS NOT NULL AS is_undoing, i.undone_at, c.kind,
                coalesce(sum(c.written), 0)::bigint AS written, coalesce(sum(c.withdrawn), 0)::bigint AS withdrawn,
                coalesce(sum(c.kept), 0)::bigint AS kept
         FROM imports AS i
         LEFT JOIN import_calls AS c ON c.import = i.number
         WHERE i.import_id = $1
         GROUP BY i.number, i.import_id, i.began_at, i.undo_began_at, i.undone_at, c.kind
         ORDER BY i.number DESC, c.kind",
    )
    .bind(import_id)
    .fetch_all(connection)
    .await?;
    Ok(collect(rows)?.pop())
}

/// The number of an import that writes, which begins with this if it is new. Nothing can undo it before the transaction ends.
///
/// # Errors
/// [`StoreError::ImportUndone`]; when the database cannot be asked.
pub async fn find_or_insert(
    tx: &mut PgConnection,
    import_id: &Label,
    recorded_at: Timestamp,
) -> Result<i64, StoreError> {
    // The statement sees what others commit while it waits for them, so that it returns a number in any case, at the second try at most.
    for _ in 0..2 {
        let number: Option<i64> =
            sqlx::query_scalar("SELECT number FROM imports WHERE import_id = $1")
                .bind(&**import_id)
                .fetch_optional(&mut *tx)
                .await?;
        let Some(number) = number else {
            sqlx::query(
                "INSERT INTO imports (import_id, began_at) VALUES ($1, $2) ON CONFLICT (import_id) DO NOTHING",
            )
            .bind(&**import_id)
            .bind(Instant(recorded_at))
            .execute(&mut *tx)
            .await?;
            continue;
        };
        lock_import_for_writing(tx, number).await?;
        let undone: bool =
            sqlx::query_scalar("SELECT undo_began_at IS NOT NULL FROM imports WHERE number = $1")
                .bind(number)
                .fetch_one(tx)
                .await?;
        if undone {
            return Err(StoreError::ImportUndone(import_id.clone()));
        }
        return Ok(number);
    }
    Err(StoreError::overtaken("the import was being begun"))
}

/// The instant at which the first of the imports began whose undoing began; `None` without one.
///
/// # Errors
/// When the database cannot be asked.
pub async fn find_first_undone(
    connection: &mut PgConnection,
) -> Result<Option<Timestamp>, StoreError> {
    let first: Option<Instant> =
        sqlx::query_scalar("SELECT min(began_at) FROM imports WHERE undo_began_at IS NOT NULL")
            .fetch_one(connection)
            .await?;
    Ok(first.map(|instant| instant.0))
}

/// Lets an import take no more facts: its undoing begins. Waits for the calls that write under it.
///
/// # Errors
/// When the database cannot be asked.
pub async fn begin_undo(
    tx: &mut PgConnection,
    number: i64,
    recorded_at: Timestamp,
) -> Result<(), StoreError> {
    lock_import(tx, number).await?;
    sqlx::query(
        "UPDATE imports SET undo_began_at = $2 WHERE number = $1 AND undo_began_at IS NULL",
    )
    .bind(number)
    .bind(Instant(recorded_at))
    .execute(tx)
    .await?;
    Ok(())
}

/// The number of the import of a call that writes, or that of no import.
///
/// # Errors
/// As for [`find_or_insert`].
pub async fn number_of(
    tx: &mut PgConnection,
    import_id: Option<&Label>,
    recorded_at: Timestamp,
) -> Result<i64, StoreError> {
    match import_id {
        Some(import_id) => find_or_insert(tx, import_id, recorded_at).await,
        None => Ok(NO_IMPORT),
    }
}

/// Whether an import is undone.
///
/// # Errors
/// When the database cannot be asked.
pub async fn is_undone(tx: &mut PgConnection, number: i64) -> Result<bool, StoreError> {
    let undone = sqlx::query_scalar("SELECT undone_at IS NOT NULL FROM imports WHERE number = $1")
        .bind(number)
        .fetch_one(tx)
        .await?;
    Ok(undone)
}

/// Notes that everything of an import was taken back.
///
/// # Errors
/// When the database cannot be asked.
pub async fn end_undo(
    tx: &mut PgConnection,
    number: i64,
    recorded_at: Timestamp,
) -> Result<(), StoreError> {
    sqlx::query("UPDATE imports SET undone_at = $2 WHERE number = $1 AND undone_at IS NULL")
        .bind(number)
        .bind(Instant(recorded_at))
        .execute(tx)
        .await?;
    Ok(())
}

/// Notes what a call wrote or a step of an undoing took back. `rates` are the numbers of the first and last rate that it recorded.
///
/// # Errors
/// When the database cannot be asked.
pub async fn insert_call(
    tx: &mut PgConnection,
    number: i64,
    kind: ImportedKind,
    count: ImportCount,
    rates: Option<(i64, i64)>,
    recorded_at: Timestamp,
) -> Result<(), StoreError> {
    sqlx::query(
        "INSERT INTO import_calls (import, kind, written, withdrawn, kept, first_rate, last_rate, recorded_at)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8)",
    )
    .bind(number)
    .bind(kind.code())
    .bind(i32::try_from(count.written).unwrap_or(i32::MAX))
    .bind(i32::try_from(count.withdrawn).unwrap_or(i32::MAX))
    .bind(i32::try_from(count.kept).unwrap_or(i32::MAX))
    .bind(rates.map(|(first, _)| first))
    .bind(rates.map(|(_, last)| last))
    .bind(Instant(recorded_at))
    .execute(tx)
    .await?;
    Ok(())
}
