//! What the migrated database's own catalogue says of the tables.

use sqlx::PgPool;

use super::{assert_finds, assert_none};
use crate::support::database::TestDatabase;

/// Tables that are not keyed by customer, each with the reason. All others must be, so that they can be distributed by it.
const OTHER_KEYS: [(&str, &str); 23] = [
    (
        "fact_keys",
        "found by the source's id of a fact, before its customer is known",
    ),
    (
        "fact_moves",
        "the customers between whom a fact went, found by the source's id of it",
    ),
    (
        "imports",
        "which facts came together, of any number of customers",
    ),
    (
        "import_calls",
        "how many facts came together, of any number of customers",
    ),
    (
        "active_revision",
        "one row: which definitions answers are given by",
    ),
    (
        "active_model",
        "one row: which model version answers are given by",
    ),
    (
        "change_log",
        "read in the order of its own numbers, across customers",
    ),
    (
        "identifier_changes",
        "read by transaction, whoever the customers of an identifier are",
    ),
    (
        "log_trims",
        "one row: how far the logs of changes were trimmed",
    ),
    (
        "contact_currencies",
        "which currencies occur: of the deployment, not of a customer",
    ),
    (
        "currencies",
        "which currencies occur: of the deployment, not of a customer",
    ),
    (
        "definition_revisions",
        "definitions are of the deployment, not of a customer",
    ),
    (
        "deployment",
        "one row: what is decided when the database is made",
    ),
    ("fit_requests", "a model is fitted on all customers"),
    (
        "exchange_rates",
        "what currencies are worth: of the deployment, not of a customer",
    ),
    (
        "rate_repeats",
        "what currencies are worth: of the deployment, not of a customer",
    ),
    (
        "identifier_owners",
        "found by the digest of a phone number or e-mail, before the customer is known",
    ),
    (
        "profile_fold",
        "one row: by which version of the program profiles were made",
    ),
    ("fence_epoch", "one row: which server may write"),
    (
        "model_activations",
        "which model version answered since when, for all customers",
    ),
    ("model_versions", "a model is fitted on all customers"),
    ("token_changes", "one row: the last change of tokens"),
    ("tokens", "callers are of the deployment, not of a customer"),
];

/// Columns and tables without a comment.
const UNCOMMENTED: &str = "
    SELECT c.relname || coalesce('.' || a.attname, '')
      FROM pg_class c
      LEFT JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
     WHERE c.relnamespace = 'public'::regnamespace
       AND c.relkind IN ('r', 'p')
       AND c.relname <> '_sqlx_migrations'
       AND (coalesce(col_description(c.oid, a.attnum), '') = '' OR coalesce(obj_description(c.oid, 'pg_class'), '') = '')
     ORDER BY 1";

/// Each table with the first column of each of its primary keys, unique constraints and unique indexes.
const KEYS: &str = "
    SELECT c.relname::text, i.indexrelid::regclass::text, a.attname::text
      FROM pg_class c
      LEFT JOIN pg_index i ON i.indrelid = c.oid AND i.indisunique
      LEFT JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum = i.indkey[0]
     WHERE c.relnamespace = 'public'::regnamespace
       AND c.relkind IN ('r', 'p')
       AND NOT c.relispartition
       AND c.relname <> '_sqlx_migrations'
     ORDER BY 1, 2";

async fn find_uncommented(pool: &PgPool) -> Vec<String> {
    sqlx::query_scalar(UNCOMMENTED)
        .fetch_all(pool)
        .await
        .unwrap()
}

async fn find_other_keys(pool: &PgPool) -> Vec<String> {
    let rows: Vec<(String, Option<String>, Option<String>)> =
        sqlx::query_as(KEYS).fetch_all(pool).await.unwrap();
    let mut problems = Vec::new();
    for (table, key, first) in &rows {
        let excepted = OTHER_KEYS.iter().any(|(name, _)| name == table);
        match key {
            None => problems.push(format!("{table} has no key")),
            Some(key) if !excepted && first.as_deref() != Some("customer_id") => {
                problems.push(format!("{key} of {table} does not begin with customer_id"));
            }
            Some(_) => {}
        }
    }
    problems
}

#[tokio::test]
async fn every_table_and_column_says_what_it_means() {
    let database = TestDatabase::create().await;
    assert_none(&find_uncommented(&database.pool).await);
}

#[tokio::test]
async fn every_key_of_customer_data_begins_with_the_customer() {
    let database = TestDatabase::create().await;
    assert_none(&find_other_keys(&database.pool).await);
}

#[tokio::test]
async fn every_exception_to_the_keys_is_a_table() {
    let database = TestDatabase::create().await;
    let tables: Vec<String> =
        sqlx::query_scalar("SELECT tablename::text FROM pg_tables WHERE schemaname = 'public'")
            .fetch_all(&database.pool)
            .await
            .unwrap();
    let is_table = |name: &str| tables.iter().any(|table| table == name);
    let gone = OTHER_KEYS.iter().filter(|(name, _)| !is_table(name));
    assert_none(
        &gone
            .map(|(name, _)| format!("{name} is no table"))
            .collect::<Vec<_>>(),
    );
}

#[tokio::test]
async fn a_column_without_a_comment_is_found() {
    let database = TestDatabase::create_empty().await;
    for statement in [
        "CREATE TABLE t (customer_id text PRIMARY KEY, other text)",
        "COMMENT ON TABLE t IS 'x'",
        "COMMENT ON COLUMN t.customer_id IS 'x'",
    ] {
        sqlx::query(statement)
            .execute(&database.pool)
            .await
            .unwrap();
    }
    assert_finds(&find_uncommented(&database.pool).await, "t.other");
}

#[tokio::test]
async fn a_key_without_the_customer_in_front_is_found() {
    let database = TestDatabase::create_empty().await;
    sqlx::query("CREATE TABLE t (id text, customer_id text, PRIMARY KEY (customer_id, id), CONSTRAINT other UNIQUE (id, customer_id))")
        .execute(&database.pool)
        .await
        .unwrap();
    assert_finds(&find_other_keys(&database.pool).await, "other of t");
    sqlx::query("ALTER TABLE t DROP CONSTRAINT t_pkey, DROP CONSTRAINT other")
        .execute(&database.pool)
        .await
        .unwrap();
    assert_finds(&find_other_keys(&database.pool).await, "t has no key");
}
