//! `patron migrate`: brings an external database to the schema of this version.

use clap::Args;

use super::error::CliError;
use super::output::Output;
use super::serve::{database_failed, runtime};
use crate::app::database::migration::{self, Migrated};
use crate::app::settings::encryption::DatabaseWaySettings;
use crate::app::settings::{DatabaseUrl, InvalidSettings};
use crate::clock::{Clock as _, SystemClock};

/// Options of `patron migrate`.
#[derive(Debug, Args)]
#[expect(
    clippy::doc_markdown,
    reason = "the comments are help for a terminal, where angle brackets are noise"
)]
pub struct MigrateArgs {
    /// The database, as postgres://USER:PASSWORD@HOST/DATABASE; prefer the variable: every user of the machine can read flags
    #[arg(long, env = "DATABASE_URL", value_name = "URL", hide_env_values = true)]
    pub database_url: DatabaseUrl,
    /// Encryption of the way to it
    #[command(flatten)]
    pub tls: DatabaseWaySettings,
}

/// Runs the migrations.
///
/// # Errors
///
/// Wrong configuration, or a failure of the database.
pub fn run(args: &MigrateArgs, output: &mut Output) -> Result<(), CliError> {
    if !args.database_url.is_postgres() {
        let message = "--database-url (DATABASE_URL): must begin with postgres:// or postgresql://";
        return Err(CliError::usage(message));
    }
    let problems = args.tls.problems(&args.database_url);
    if !problems.is_empty() {
        return Err(CliError::usage(InvalidSettings { problems }.to_string()));
    }
    let target = args.tls.target(&args.database_url);
    let target = target.map_err(|error| database_failed(error.into()))?;
    let migrated = runtime()?.block_on(migration::migrate(&target, SystemClock.now()));
    let migrated = migrated.map_err(database_failed)?;
    let said = match migrated.schema {
        Migrated::Already { version } => {
            format!("the database already has schema version {version}")
        }
        Migrated::Now { version } => {
            format!("migrated: the database now has schema version {version}")
        }
    };
    output.note(&said);
    if migrated.refolded > 0 {
        let profiles = migrated.refolded;
        output.note(&format!(
            "{profiles} profiles changed: this version processes refunds differently"
        ));
    }
    Ok(())
}
