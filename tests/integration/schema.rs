//! The migrations as a whole: at once, against a strange database, and back again.

use futures_util::future::join_all;
use patron::store::schema::{self, MIGRATOR, SchemaError, SchemaState, get_schema_state};
use sqlx::PgPool;

use crate::support::database::TestDatabase;

/// Everything about the schema that a statement could notice, one line each.
const CATALOGUE: &str = "
    SELECT format('column %s.%s %s null=%s default=%s comment=%s', c.relname, a.attname, format_type(a.atttypid, a.atttypmod),
                  NOT a.attnotnull, pg_get_expr(d.adbin, d.adrelid), col_description(c.oid, a.attnum)) AS line
      FROM pg_class c
      JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
      LEFT JOIN pg_attrdef d ON d.adrelid = c.oid AND d.adnum = a.attnum
     WHERE c.relnamespace = 'public'::regnamespace AND c.relname NOT LIKE '\\_sqlx%' AND c.relkind IN ('r', 'p', 'v', 'm')
    UNION ALL
    SELECT format('constraint %s %s', conrelid::regclass, pg_get_constraintdef(oid))
      FROM pg_constraint
     WHERE connamespace = 'public'::regnamespace AND conrelid::regclass::text NOT LIKE '\\_sqlx%'
    UNION ALL
    SELECT format('index %s', indexdef)
      FROM pg_indexes
     WHERE schemaname = 'public' AND tablename NOT LIKE '\\_sqlx%'
    UNION ALL
    SELECT format('relation %s %s %s', relname, relkind, obj_description(oid, 'pg_class'))
      FROM pg_class
     WHERE relnamespace = 'public'::regnamespace AND relname NOT LIKE '\\_sqlx%'
    UNION ALL
    SELECT format('routine %s', pg_get_functiondef(oid))
      FROM pg_proc
     WHERE pronamespace = 'public'::regnamespace
    UNION ALL
    SELECT format('type %s %s', t.typname, t.typtype)
      FROM pg_type t
     WHERE t.typnamespace = 'public'::regnamespace AND t.typname NOT LIKE '%\\_sqlx%'
     ORDER BY line";

async fn list_catalogue(pool: &PgPool) -> Vec<(String,)> {
    sqlx::query_as(CATALOGUE).fetch_all(pool).await.unwrap()
}

fn last_version() -> i64 {
    MIGRATOR
        .iter()
        .map(|migration| migration.version)
        .max()
        .unwrap()
}

#[tokio::test]
async fn the_template_is_current() {
    let database = TestDatabase::create().await;
    let state = get_schema_state(&database.pool).await.unwrap();
    assert_eq!(
        state,
        SchemaState::Current {
            version: last_version()
        }
    );
    state.require_current().unwrap();
    // The URL leads to the same database as the pool.
    let by_url = PgPool::connect(&database.url).await.unwrap();
    assert_eq!(get_schema_state(&by_url).await.unwrap(), state);
}

#[tokio::test]
async fn an_empty_database_is_older_and_says_to_migrate() {
    let database = TestDatabase::create_empty().await;
    let state = get_schema_state(&database.pool).await.unwrap();
    assert_eq!(
        state,
        SchemaState::Older {
            version: 0,
            wanted: last_version()
        }
    );
    let message = state.require_current().unwrap_err().to_string();
    assert!(message.contains("patron migrate"), "{message}");
}

#[tokio::test]
async fn five_migrators_at_once_all_succeed_and_each_migration_runs_once() {
    let database = TestDatabase::create_empty().await;
    let outcomes = join_all((0..5).map(|_| schema::migrate(&database.pool))).await;
    for outcome in outcomes {
        outcome.unwrap();
    }
    let state = get_schema_state(&database.pool).await.unwrap();
    assert_eq!(
        state,
        SchemaState::Current {
            version: last_version()
        }
    );
}

#[tokio::test]
async fn a_migration_in_another_wording_is_refused() {
    let database = TestDatabase::create().await;
    sqlx::query("UPDATE _sqlx_migrations SET checksum = '\\x00' WHERE version = 1")
        .execute(&database.pool)
        .await
        .unwrap();
    let state = get_schema_state(&database.pool).await.unwrap();
    assert_eq!(state, SchemaState::Altered { version: 1 });
    let refused = schema::migrate(&database.pool).await.unwrap_err();
    assert!(
        matches!(refused, SchemaError::Altered { version: 1 }),
        "{refused:?}"
    );
}

#[tokio::test]
async fn a_database_of_a_newer_program_is_refused() {
    let database = TestDatabase::create().await;
    sqlx::query(
        "INSERT INTO _sqlx_migrations (version, description, success, checksum, execution_time)
         VALUES (99999, 'from the future', true, '\\x00', 0)",
    )
    .execute(&database.pool)
    .await
    .unwrap();
    let state = get_schema_state(&database.pool).await.unwrap();
    assert_eq!(
        state,
        SchemaState::Newer {
            version: 99999,
            known: last_version()
        }
    );
    let message = state.require_current().unwrap_err().to_string();
    assert!(message.contains("upgrade"), "{message}");
    let refused = schema::migrate(&database.pool).await.unwrap_err();
    assert!(
        matches!(refused, SchemaError::Newer { version: 99999, .. }),
        "{refused:?}"
    );
}

#[tokio::test]
async fn a_migration_that_was_cut_short_is_refused() {
    let database = TestDatabase::create().await;
    sqlx::query("UPDATE _sqlx_migrations SET success = false WHERE version = 1")
        .execute(&database.pool)
        .await
        .unwrap();
    let state = get_schema_state(&database.pool).await.unwrap();
    assert_eq!(state, SchemaState::Interrupted { version: 1 });
    let refused = schema::migrate(&database.pool).await.unwrap_err();
    assert!(
        matches!(refused, SchemaError::Interrupted { version: 1 }),
        "{refused:?}"
    );
}

#[tokio::test]
async fn down_and_up_again_gives_the_same_catalogue() {
    let database = TestDatabase::create().await;
    let before = list_catalogue(&database.pool).await;
    assert!(!before.is_empty());
    MIGRATOR.undo(&database.pool, 0).await.unwrap();
    assert_eq!(list_catalogue(&database.pool).await, []);
    schema::migrate(&database.pool).await.unwrap();
    assert_eq!(list_catalogue(&database.pool).await, before);
}

#[tokio::test]
async fn a_migrator_leaves_no_lock_behind() {
    let database = TestDatabase::create_empty().await;
    schema::migrate(&database.pool).await.unwrap();
    let (locks,): (i64,) = sqlx::query_as(
        "SELECT count(*)
           FROM pg_locks l
           JOIN pg_database d ON d.oid = l.database
          WHERE l.locktype = 'advisory' AND d.datname = current_database()",
    )
    .fetch_one(&database.pool)
    .await
    .unwrap();
    assert_eq!(locks, 0);
}
