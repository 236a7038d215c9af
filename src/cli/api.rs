//! `patron api`: descriptions of the API for other programs. Needs no server.

use std::path::PathBuf;

use clap::{Args, Subcommand};

use super::error::CliError;
use super::output::Output;
use crate::app::http::openapi;
use crate::app::server::descriptor_set;

/// What to describe.
#[derive(Debug, Subcommand)]
pub enum ApiCommand {
    /// Print the OpenAPI 3.1 document of the HTTP listener, also served at /v1/openapi.json
    Openapi,
    /// Write the descriptors of all services to a file, also served at /v1/descriptors
    Descriptors(DescriptorsArgs),
}

/// Options of `patron api descriptors`.
#[expect(
    clippy::doc_markdown,
    reason = "the comments are help for a terminal, where backticks are noise"
)]
#[derive(Debug, Args)]
pub struct DescriptorsArgs {
    /// File to write: a binary FileDescriptorSet, for grpcurl -protoset, buf curl --schema and Envoy
    #[arg(value_name = "FILE")]
    file: PathBuf,
}

/// Prints or writes a description.
///
/// # Errors
///
/// A file that cannot be written, or no reader.
pub fn run(command: &ApiCommand, output: &mut Output) -> Result<(), CliError> {
    match command {
        ApiCommand::Openapi => {
            let document =
                openapi().ok_or(CliError::failed("the built-in descriptors are damaged"))?;
            output.line(String::from_utf8_lossy(&document).trim_end())
        }
        ApiCommand::Descriptors(args) => {
            let set = descriptor_set();
            let path = args.file.display();
            std::fs::write(&args.file, &set)
                .map_err(|cause| CliError::failed(format!("cannot write {path}: {cause}")))?;
            output.note(&format!("{path}: {} bytes", set.len()));
            Ok(())
        }
    }
}
