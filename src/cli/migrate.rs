//! `patron migrate`: brings an external database to the schema of this version.

use std::time::Duration;

use clap::Args;

use super::error::CliError;
use super::output::Output;
use super::serve::runtime;
use crate::app::settings::DatabaseUrl;
use crate::store::pool::{self, PoolOptions};
use crate::store::schema::{self, SchemaState};

/// How long one statement of a migration may take. Locks are waited for far shorter, see `store::schema`.
const STATEMENT_TIMEOUT: Duration = Duration::from_hours(1);

/// Options of `patron migrate`.
#[derive(Debug, Args)]
pub struct MigrateArgs {
    /// The database, as <postgres://USER:PASSWORD@HOST/DATABASE>; prefer the variable, a flag can be seen by every user of the machine
    #[arg(long, env = "DATABASE_URL", value_name = "URL", hide_env_values = true)]
    pub database_url: DatabaseUrl,
}

/// Runs the migrations.
///
/// # Errors
///
/// Wrong configuration, or a failure of the database.
pub fn run(args: &MigrateArgs, output: &mut Output) -> Result<(), CliError> {
    if !args.database_url.is_postgres() {
        return Err(CliError::usage(
            "--database-url (DATABASE_URL): must begin with postgres:// or postgresql://",
        ));
    }
    runtime()?.block_on(async {
        let options = PoolOptions {
            max_connections: 1,
            acquire_timeout: Duration::from_secs(10),
            statement_timeout: STATEMENT_TIMEOUT,
        };
        let pool = pool::open(args.database_url.expose(), options).map_err(CliError::from_cause)?;
        let before = schema::get_schema_state(&pool)
            .await
            .map_err(CliError::from_cause)?;
        if let SchemaState::Current { version } = before {
            output.note(&format!(
                "the database has schema version {version} already"
            ));
            return Ok(());
        }
        schema::migrate(&pool).await.map_err(CliError::from_cause)?;
        if let SchemaState::Current { version } = schema::get_schema_state(&pool)
            .await
            .map_err(CliError::from_cause)?
        {
            output.note(&format!(
                "migrated: the database now has schema version {version}"
            ));
        }
        pool.close().await;
        Ok(())
    })
}
