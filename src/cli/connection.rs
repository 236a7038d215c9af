//! The connection of a client command to its server: address, encryption, time limit, clients.

mod identity;
mod tls;
mod wire;

use std::error::Error as _;
use std::time::Duration;

use clap::Args;
use tonic::Request;
use tonic::transport::Endpoint;

use self::identity::{Identity, IdentityArgs};
use self::tls::ClientTlsArgs;
use self::wire::Wire;
use super::error::CliError;
use crate::pb::correction_service_client::CorrectionServiceClient;
use crate::pb::customer_service_client::CustomerServiceClient;
use crate::pb::definition_service_client::DefinitionServiceClient;
use crate::pb::ingest_service_client::IngestServiceClient;
use crate::pb::model_service_client::ModelServiceClient;
use crate::pb::routing_service_client::RoutingServiceClient;
use crate::pb::scoring_service_client::ScoringServiceClient;
use crate::pb::service_desk_service_client::ServiceDeskServiceClient;
use crate::pb::token_service_client::TokenServiceClient;

/// Where `patron serve` listens unless told otherwise.
pub const DEFAULT_ENDPOINT: &str = "http://127.0.0.1:50051";
/// Time limit of a call that reads: far above what an answer takes, short enough for a person to wait.
pub const READ_TIMEOUT: Duration = Duration::from_secs(10);
/// Time limit of a call that writes 1,000 facts.
pub const WRITE_TIMEOUT: Duration = Duration::from_mins(1);
/// Time limit of a fit.
pub const FIT_TIMEOUT: Duration = Duration::from_mins(10);
/// Time limit of the connection itself: on the networks where Patron runs, later is never.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);
/// Largest answer that is read, in bytes: 1,000 ambiguous subjects of 16 candidates each take a few megabytes.
const ANSWER_LIMIT: usize = 64 << 20;

/// Options of every command that talks to a server.
#[derive(Debug, Clone, Default, Args)]
pub struct ConnectionArgs {
    /// Address of the server; https:// for one with TLS
    #[arg(
        long,
        env = "PATRON_ENDPOINT",
        default_value = DEFAULT_ENDPOINT,
        value_name = "URL",
        help_heading = "Connection"
    )]
    pub endpoint: String,
    /// Time limit of a call, for example 500ms, 10s or 5m
    #[arg(long, value_parser = parse_timeout, value_name = "TIME", help_heading = "Connection")]
    pub timeout: Option<Duration>,
    /// How the connection is encrypted
    #[command(flatten)]
    pub tls: ClientTlsArgs,
    /// Who the client is
    #[command(flatten)]
    pub identity: IdentityArgs,
}

/// An open connection with the time limit of its calls.
#[derive(Debug, Clone)]
pub struct Connection {
    channel: Wire,
    endpoint: String,
    timeout: Duration,
    identity: Identity,
}

impl Connection {
    /// Connects. `default_timeout` is the limit of a call unless the options name one.
    ///
    /// # Errors
    ///
    /// Wrong usage for an address that is none or files that are not what they should be; [`CliError::Unreachable`] when nobody listens there.
    pub async fn open(args: &ConnectionArgs, default_timeout: Duration) -> Result<Self, CliError> {
        let endpoint = normalised_endpoint(&args.endpoint, args.tls.is_given())?;
        let identity = args.identity.identity(&endpoint)?;
        let timeout = args.timeout.unwrap_or(default_timeout);
        let unreachable = |error: tonic::transport::Error| {
            let cause = root_cause(&error);
            CliError::Unreachable {
                endpoint: endpoint.clone(),
                hint: tls::hint(&cause),
                cause,
            }
        };
        let mut server = Endpoint::from_shared(endpoint.clone())
            .map_err(|_| not_an_address(&args.endpoint))?
            .connect_timeout(CONNECT_TIMEOUT.min(timeout))
            .tcp_nodelay(true);
        if endpoint.starts_with("https://") {
            server = server.tls_config(args.tls.config()?).map_err(unreachable)?;
        }
        let channel = server.connect().await.map_err(unreachable)?;
        Ok(Self {
            channel: Wire::new(channel),
            endpoint,
            timeout,
            identity,
        })
    }

    /// The same connection with another limit for its calls.
    #[must_use]
    pub fn with_timeout(&self, timeout: Duration) -> Self {
        Self {
            timeout,
            ..self.clone()
        }
    }

    /// The address of the server.
    #[must_use]
    pub fn endpoint(&self) -> &str {
        &self.endpoint
    }

    /// The time limit of a call.
    #[must_use]
    pub fn timeout(&self) -> Duration {
        self.timeout
    }

    /// A request that carries the identity, and the time limit, to the server too.
    pub fn request<T>(&self, message: T) -> Request<T> {
        let mut request = self.endless_request(message);
        request.set_timeout(self.timeout);
        request
    }

    /// A request that carries the identity and has no time limit: for streams.
    pub fn endless_request<T>(&self, message: T) -> Request<T> {
        let mut request = Request::new(message);
        self.identity.add_to(&mut request);
        request
    }

    /// A client of `ScoringService`.
    #[must_use]
    pub fn scoring(&self) -> ScoringServiceClient<Wire> {
        ScoringServiceClient::new(self.channel.clone()).max_decoding_message_size(ANSWER_LIMIT)
    }

    /// A client of `RoutingService`.
    #[must_use]
    pub fn routing(&self) -> RoutingServiceClient<Wire> {
        RoutingServiceClient::new(self.channel.clone()).max_decoding_message_size(ANSWER_LIMIT)
    }

    /// A client of `IngestService`.
    #[must_use]
    pub fn ingest(&self) -> IngestServiceClient<Wire> {
        IngestServiceClient::new(self.channel.clone()).max_decoding_message_size(ANSWER_LIMIT)
    }

    /// A client of `CorrectionService`.
    #[must_use]
    pub fn corrections(&self) -> CorrectionServiceClient<Wire> {
        CorrectionServiceClient::new(self.channel.clone()).max_decoding_message_size(ANSWER_LIMIT)
    }

    /// A client of `ModelService`.
    #[must_use]
    pub fn models(&self) -> ModelServiceClient<Wire> {
        ModelServiceClient::new(self.channel.clone()).max_decoding_message_size(ANSWER_LIMIT)
    }

    /// A client of `DefinitionService`.
    #[must_use]
    pub fn definitions(&self) -> DefinitionServiceClient<Wire> {
        DefinitionServiceClient::new(self.channel.clone()).max_decoding_message_size(ANSWER_LIMIT)
    }

    /// A client of `ServiceDeskService`.
    #[must_use]
    pub fn desk(&self) -> ServiceDeskServiceClient<Wire> {
        ServiceDeskServiceClient::new(self.channel.clone()).max_decoding_message_size(ANSWER_LIMIT)
    }

    /// A client of `TokenService`.
    #[must_use]
    pub fn tokens(&self) -> TokenServiceClient<Wire> {
        TokenServiceClient::new(self.channel.clone()).max_decoding_message_size(ANSWER_LIMIT)
    }

    /// A client of `CustomerService`.
    #[must_use]
    pub fn customers(&self) -> CustomerServiceClient<Wire> {
        CustomerServiceClient::new(self.channel.clone()).max_decoding_message_size(ANSWER_LIMIT)
    }
}

/// An address with its scheme. Without one, it is that of TLS where there are options of TLS.
fn normalised_endpoint(endpoint: &str, has_tls: bool) -> Result<String, CliError> {
    let endpoint = endpoint.trim().trim_end_matches('/');
    if endpoint.is_empty() {
        return Err(not_an_address(endpoint));
    }
    match endpoint.split_once("://") {
        None if has_tls => Ok(format!("https://{endpoint}")),
        None => Ok(format!("http://{endpoint}")),
        Some(("http", address)) if has_tls => Err(CliError::Usage {
            message: format!("--endpoint {endpoint} is plain text, but options of TLS are given"),
            hint: format!("write https://{address}, or remove the options"),
        }),
        Some(("http" | "https", _)) => Ok(endpoint.to_owned()),
        Some((scheme, _)) => Err(CliError::Usage {
            message: format!("--endpoint {endpoint}: the scheme {scheme} is not supported"),
            hint: format!(
                "write http://HOST:PORT or https://HOST:PORT, for example {DEFAULT_ENDPOINT}"
            ),
        }),
    }
}

fn not_an_address(endpoint: &str) -> CliError {
    CliError::Usage {
        message: format!("--endpoint {endpoint:?} is not an address"),
        hint: format!("write http://HOST:PORT, for example {DEFAULT_ENDPOINT}"),
    }
}

/// The innermost cause: the outer ones only say "transport error".
fn root_cause(error: &tonic::transport::Error) -> String {
    let mut cause = error.source();
    let mut text = error.to_string();
    while let Some(inner) = cause {
        text = inner.to_string();
        cause = inner.source();
    }
    text
}

/// A length of time: a whole number with ms, s or m; without a unit, seconds.
///
/// # Errors
///
/// A sentence that says what is wrong.
pub fn parse_timeout(text: &str) -> Result<Duration, String> {
    let digits = text.trim_end_matches(|c: char| c.is_ascii_alphabetic());
    let unit = &text[digits.len()..];
    let number: u64 = digits
        .parse()
        .map_err(|_| "use a whole number with ms, s or m, for example 10s".to_owned())?;
    let milliseconds = match unit {
        "ms" => Some(number),
        "s" | "" => number.checked_mul(1_000),
        "m" | "min" => number.checked_mul(60_000),
        _ => return Err(format!("{unit:?} is not a unit: use ms, s or m")),
    };
    match milliseconds {
        // A day: the grpc-timeout header has eight digits, and no call of Patron runs longer.
        Some(milliseconds @ 1..=86_400_000) => Ok(Duration::from_millis(milliseconds)),
        _ => Err("must be greater than 0 and at most a day".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn time_limits_are_read_with_and_without_a_unit() {
        assert_eq!(parse_timeout("500ms"), Ok(Duration::from_millis(500)));
        assert_eq!(parse_timeout("10"), Ok(Duration::from_secs(10)));
        assert_eq!(parse_timeout("5m"), Ok(Duration::from_mins(5)));
        for wrong in [
            "",
            "0",
            "-1s",
            "1h",
            "1.5s",
            "99999999999999999999",
            "900000m",
        ] {
            assert!(parse_timeout(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn the_scheme_of_an_address_may_be_left_away() {
        assert_eq!(
            normalised_endpoint("127.0.0.1:50051", false).unwrap(),
            DEFAULT_ENDPOINT
        );
        assert_eq!(
            normalised_endpoint("http://127.0.0.1:50051/", false).unwrap(),
            DEFAULT_ENDPOINT
        );
        for has_tls in [false, true] {
            let written = normalised_endpoint("https://h:1", has_tls);
            assert_eq!(written.unwrap(), "https://h:1");
            assert!(normalised_endpoint(" ", has_tls).is_err());
            assert!(normalised_endpoint("ftp://h:1", has_tls).is_err());
        }
        assert_eq!(normalised_endpoint("h:1", true).unwrap(), "https://h:1");
        assert!(normalised_endpoint("http://h:1", true).is_err());
    }
}
