//! `patron demo`: the whole service on invented customers.

use clap::Args;

use super::error::CliError;
use super::output::Output;

/// Options of `patron demo`.
#[derive(Debug, Clone, Args)]
pub struct DemoArgs {}

/// Runs the demo.
///
/// # Errors
///
/// A failure to start the server or to fill it.
pub fn run(_args: &DemoArgs, _output: &mut Output) -> Result<(), CliError> {
    Err(CliError::failed("demo is not wired yet"))
}
