//! `patron serve`: runs the server.

use clap::Args;

use super::error::CliError;
use super::output::Output;

/// Options of `patron serve`.
#[derive(Debug, Args)]
pub struct ServeArgs {}

/// Runs the server until it is told to stop.
///
/// # Errors
///
/// Wrong configuration, or a failure to start.
pub fn run(_args: &ServeArgs, _output: &mut Output) -> Result<(), CliError> {
    Err(CliError::failed("serve is not wired yet"))
}
