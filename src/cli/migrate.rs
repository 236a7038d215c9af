//! `patron migrate`: brings an external database to the schema of this version.

use clap::Args;

use super::error::CliError;
use super::output::Output;

/// Options of `patron migrate`.
#[derive(Debug, Args)]
pub struct MigrateArgs {}

/// Runs the migrations.
///
/// # Errors
///
/// Wrong configuration, or a failure of the database.
pub fn run(_args: &MigrateArgs, _output: &mut Output) -> Result<(), CliError> {
    Err(CliError::failed("migrate is not wired yet"))
}
