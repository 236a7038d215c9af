//! The identity of a client: its token, and the purpose of its calls.
//!
//! A token is never an argument, which every user of the machine can read.

use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use clap::Args;
use tonic::Request;
use tonic::metadata::AsciiMetadataValue;

use crate::cli::error::CliError;

/// The variable with a token.
const TOKEN_VARIABLE: &str = "PATRON_TOKEN";

/// Options of the identity.
#[derive(Debug, Clone, Default, Args)]
#[expect(
    clippy::doc_markdown,
    reason = "the comments are help for a terminal, where backticks are noise"
)]
pub struct IdentityArgs {
    /// File with the token of this client, as patron token create printed it; PATRON_TOKEN can hold the token itself
    #[arg(
        long,
        env = "PATRON_TOKEN_FILE",
        value_name = "FILE",
        help_heading = "Connection"
    )]
    pub token_file: Option<PathBuf>,
    /// Purpose of the calls, one of those of the token
    #[arg(
        long,
        env = "PATRON_PURPOSE",
        value_name = "NAME",
        help_heading = "Connection"
    )]
    pub purpose: Option<String>,
    /// Send the token in plain text to another machine
    #[arg(
        long,
        env = "PATRON_ALLOW_PLAIN_TOKEN",
        value_parser = clap::builder::BoolishValueParser::new(),
        help_heading = "Connection"
    )]
    pub allow_plain_token: bool,
}

/// What is sent with each call.
#[derive(Clone)]
pub(super) struct Identity(Arc<Headers>);

struct Headers {
    authorization: Option<AsciiMetadataValue>,
    purpose: Option<AsciiMetadataValue>,
}

impl fmt::Debug for Identity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Identity(redacted)")
    }
}

impl IdentityArgs {
    /// What the options and variables say, for the server at an address with its scheme.
    ///
    /// # Errors
    ///
    /// Wrong usage for a file or variable without a token, and for a token that others could read on its way.
    pub(super) fn identity(&self, endpoint: &str) -> Result<Identity, CliError> {
        let variable = std::env::var(TOKEN_VARIABLE).ok();
        let variable = variable.filter(|token| !token.trim().is_empty());
        let authorization = match (&self.token_file, variable) {
            (Some(file), _) => Some(bearer(&read(file)?, "--token-file")?),
            (None, Some(token)) => Some(bearer(&token, TOKEN_VARIABLE)?),
            (None, None) => None,
        };
        if authorization.is_some() && !self.allow_plain_token && is_exposed(endpoint) {
            return Err(CliError::Usage {
                message: format!("the token would be sent to {endpoint} in plain text"),
                hint: "write https://, or set --allow-plain-token on a network that you trust"
                    .to_owned(),
            });
        }
        let purpose = self.purpose.as_deref().map(|purpose| {
            purpose
                .parse()
                .map_err(|_| CliError::usage("--purpose: use 1 to 32 of a-z, 0-9, _ and -"))
        });
        Ok(Identity(Arc::new(Headers {
            authorization,
            purpose: purpose.transpose()?,
        })))
    }
}

impl Identity {
    /// Adds it to a request.
    pub(super) fn add_to<T>(&self, request: &mut Request<T>) {
        let metadata = request.metadata_mut();
        if let Some(authorization) = &self.0.authorization {
            metadata.insert("authorization", authorization.clone());
        }
        if let Some(purpose) = &self.0.purpose {
            metadata.insert("patron-purpose", purpose.clone());
        }
    }
}

fn read(file: &Path) -> Result<String, CliError> {
    let name = file.display();
    std::fs::read_to_string(file)
        .map_err(|cause| CliError::usage(format!("--token-file: cannot read {name}: {cause}")))
}

/// The header with a token. The error does not repeat what was given.
fn bearer(token: &str, source: &str) -> Result<AsciiMetadataValue, CliError> {
    let token = token.trim();
    let refused = || CliError::Usage {
        message: format!("{source}: this is not a token"),
        hint: "a token is one line, patron_ID.SECRET, as `patron token create` printed it"
            .to_owned(),
    };
    if crate::domain::access::token::parse(token).is_none() {
        return Err(refused());
    }
    let mut header: AsciiMetadataValue =
        format!("Bearer {token}").parse().map_err(|_| refused())?;
    // Neither printed nor kept by proxies in tables of headers.
    header.set_sensitive(true);
    Ok(header)
}

/// Whether what is sent to an address can be read on its way: plain text, and not to this machine.
fn is_exposed(endpoint: &str) -> bool {
    let Some(rest) = endpoint.strip_prefix("http://") else {
        return false;
    };
    let authority = rest.split('/').next().unwrap_or_default();
    let host = match authority.rsplit_once(':') {
        Some((host, port)) if port.bytes().all(|byte| byte.is_ascii_digit()) => host,
        Some(_) | None => authority,
    };
    let host = host.trim_start_matches('[').trim_end_matches(']');
    let is_local = host.parse::<std::net::IpAddr>().map(|ip| ip.is_loopback());
    !is_local.unwrap_or_else(|_| host.eq_ignore_ascii_case("localhost"))
}

#[cfg(test)]
mod tests {
    use super::*;

    const TOKEN: &str = "patron_0123456789abcdef.AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";

    fn args(file: &Path) -> IdentityArgs {
        IdentityArgs {
            token_file: Some(file.to_owned()),
            ..IdentityArgs::default()
        }
    }

    #[test]
    fn a_token_goes_to_this_machine_or_encrypted() {
        for (endpoint, exposed) in [
            ("http://127.0.0.1:50051", false),
            ("http://[::1]:50051", false),
            ("http://localhost", false),
            ("https://patron.example:50051", false),
            ("http://patron.example:50051", true),
            ("http://10.0.0.1", true),
        ] {
            assert_eq!(is_exposed(endpoint), exposed, "{endpoint}");
        }
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("token");
        std::fs::write(&file, format!("{TOKEN}\n")).unwrap();
        let refused = args(&file).identity("http://patron.example").unwrap_err();
        assert!(!format!("{refused:?}").contains("AAAA"));
        let allowed = IdentityArgs {
            allow_plain_token: true,
            ..args(&file)
        };
        allowed.identity("http://patron.example").unwrap();
    }

    #[test]
    fn a_request_carries_the_token_and_no_text_shows_it() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("token");
        std::fs::write(&file, format!(" {TOKEN}\n")).unwrap();
        let identity = args(&file).identity("http://127.0.0.1:1").unwrap();
        let mut request = Request::new(());
        identity.add_to(&mut request);
        let sent = request.metadata().get("authorization").unwrap();
        assert_eq!(sent.to_str().unwrap(), format!("Bearer {TOKEN}"));
        let shown = format!("{identity:?} {:?}", request.metadata());
        assert!(!shown.contains("AAAA"), "{shown}");
    }

    #[test]
    fn what_is_not_a_token_is_refused_without_repeating_it() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("token");
        std::fs::write(&file, "s3cret").unwrap();
        let refused = args(&file).identity("http://127.0.0.1:1").unwrap_err();
        assert!(!refused.to_string().contains("s3cret"), "{refused}");
        let missing = args(&folder.path().join("none")).identity("http://127.0.0.1:1");
        assert_eq!(missing.unwrap_err().exit_code(), 64);
    }
}
