//! `patron token`: creates, lists and revokes the identities of callers, by a server or directly in a database.

mod page;

use std::num::NonZeroUsize;
use std::sync::Arc;

use clap::{Args, Subcommand, ValueEnum};
use jiff::{SignedDuration, Timestamp};
use tonic::Request;

use self::page::{list_page, summary};
use super::connection::{Connection, ConnectionArgs, READ_TIMEOUT};
use super::error::CliError;
use super::output::Output;
use super::pages::{self, PAGE_SIZE};
use super::serve::database_failed;
use crate::app::direct_tokens;
use crate::app::settings::encryption::DatabaseWaySettings;
use crate::app::settings::{DatabaseUrl, InvalidSettings};
use crate::clock::{Clock as _, SystemClock};
use crate::pb;
use crate::pb::token_service_server::TokenService;

/// Days after which a token expires unless it is said otherwise.
const DEFAULT_DAYS: u32 = 90;

/// The commands of `patron token`.
#[derive(Debug, Subcommand)]
pub enum TokenCommand {
    /// Create a token and print it once, or give roles to a name in client certificates
    Create(Box<CreateArgs>),
    /// List tokens, most recently created first
    List(ListArgs),
    /// Revoke a token; servers refuse it within a second
    Revoke(RevokeArgs),
}

/// A role, as on the command line.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum RoleName {
    /// Routes contacts
    Telephony,
    /// Looks customers up and records outcomes
    Agent,
    /// Reads figures and models, no data of single customers
    Analyst,
    /// Checks definitions and fits models
    Author,
    /// Publishes definitions and activates models
    Approver,
    /// Imports, corrects, checks, manages tokens
    Operator,
    /// Shows, corrects and erases customers
    PrivacyOfficer,
    /// Records facts
    Importer,
}

impl From<RoleName> for pb::Role {
    fn from(role: RoleName) -> Self {
        match role {
            RoleName::Telephony => Self::Telephony,
            RoleName::Agent => Self::Agent,
            RoleName::Analyst => Self::Analyst,
            RoleName::Author => Self::Author,
            RoleName::Approver => Self::Approver,
            RoleName::Operator => Self::Operator,
            RoleName::PrivacyOfficer => Self::PrivacyOfficer,
            RoleName::Importer => Self::Importer,
        }
    }
}

/// Options of `patron token create`.
#[derive(Debug, Args)]
#[expect(
    clippy::doc_markdown,
    reason = "the comments are help for a terminal, where angle brackets are noise"
)]
pub struct CreateArgs {
    /// Roles of the token, separated by commas
    #[arg(
        long = "role",
        value_name = "ROLE",
        value_delimiter = ',',
        required = true
    )]
    roles: Vec<RoleName>,
    /// What the token is for
    #[arg(long, value_name = "TEXT")]
    description: String,
    /// Days until it expires; 0: never [default: 90 for a token, never for a certificate name]
    #[arg(long, value_name = "DAYS", value_parser = clap::value_parser!(u32).range(..=3_650))]
    days: Option<u32>,
    /// Purposes that its calls may state, separated by commas
    #[arg(long = "allow-purpose", value_name = "NAME", value_delimiter = ',')]
    purposes: Vec<String>,
    /// Maximum number of calls per second on average, in each server process
    #[arg(long, value_name = "CALLS")]
    calls_per_second: Option<i32>,
    /// Maximum number of calls at once after a pause [default: --calls-per-second]
    #[arg(long, value_name = "CALLS", requires = "calls_per_second")]
    burst: Option<i32>,
    /// Make no token: give the roles to clients with this name in their certificate, for example spiffe://bank.example/crm
    #[arg(long, value_name = "NAME")]
    certificate_name: Option<String>,
    /// Print JSON
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    place: PlaceArgs,
}

/// Options of `patron token list`.
#[derive(Debug, Args)]
pub struct ListArgs {
    /// Maximum number of tokens
    #[arg(long, default_value = "100", value_name = "NUMBER")]
    limit: NonZeroUsize,
    /// Print JSON
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    place: PlaceArgs,
}

/// Options of `patron token revoke`.
#[derive(Debug, Args)]
pub struct RevokeArgs {
    /// Id of the token: its 16 hexadecimal digits
    #[arg(value_name = "TOKEN_ID")]
    token_id: String,
    /// Print JSON
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    place: PlaceArgs,
}

/// Where tokens are kept.
#[derive(Debug, Args)]
#[expect(
    clippy::doc_markdown,
    reason = "the comments are help for a terminal, where backticks are noise"
)]
struct PlaceArgs {
    /// Use the database in DATABASE_URL and no server: for the first token
    #[arg(long, requires = "database_url")]
    direct: bool,
    /// The database for --direct, as postgres://USER:PASSWORD@HOST/DATABASE; prefer the variable
    #[arg(long, env = "DATABASE_URL", value_name = "URL", hide_env_values = true)]
    database_url: Option<DatabaseUrl>,
    #[command(flatten)]
    database_tls: DatabaseWaySettings,
    #[command(flatten)]
    connection: ConnectionArgs,
}

/// Where tokens are kept, reached.
enum Place {
    Server(Connection),
    Database(Arc<dyn TokenService>),
}

impl PlaceArgs {
    async fn open(&self) -> Result<Place, CliError> {
        let Some(url) = self.database_url.as_ref().filter(|_| self.direct) else {
            let connection = Connection::open(&self.connection, READ_TIMEOUT).await?;
            return Ok(Place::Server(connection));
        };
        if !url.is_postgres() {
            let message =
                "--database-url (DATABASE_URL): must begin with postgres:// or postgresql://";
            return Err(CliError::usage(message));
        }
        let problems = self.database_tls.problems(url);
        if !problems.is_empty() {
            return Err(CliError::usage(InvalidSettings { problems }.to_string()));
        }
        let target = self.database_tls.target(url);
        let target = target.map_err(|error| database_failed(error.into()))?;
        let opened = direct_tokens::open(&target, Arc::new(SystemClock)).await;
        Ok(Place::Database(opened.map_err(database_failed)?))
    }
}

impl Place {
    async fn create(
        &self,
        request: pb::CreateTokenRequest,
    ) -> Result<pb::CreateTokenResponse, CliError> {
        let answer = match self {
            Self::Server(server) => server.tokens().create_token(server.request(request)).await,
            Self::Database(database) => database.create_token(Request::new(request)).await,
        };
        Ok(answer?.into_inner())
    }

    async fn list(
        &self,
        request: pb::ListTokensRequest,
    ) -> Result<pb::ListTokensResponse, CliError> {
        let answer = match self {
            Self::Server(server) => server.tokens().list_tokens(server.request(request)).await,
            Self::Database(database) => database.list_tokens(Request::new(request)).await,
        };
        Ok(answer?.into_inner())
    }

    async fn revoke(
        &self,
        request: pb::RevokeTokenRequest,
    ) -> Result<pb::RevokeTokenResponse, CliError> {
        let answer = match self {
            Self::Server(server) => server.tokens().revoke_token(server.request(request)).await,
            Self::Database(database) => database.revoke_token(Request::new(request)).await,
        };
        Ok(answer?.into_inner())
    }
}

/// Runs a command.
///
/// # Errors
///
/// No server or database, an error of it, or no reader.
pub async fn run(command: &TokenCommand, output: &mut Output) -> Result<(), CliError> {
    match command {
        TokenCommand::Create(args) => create(args, output).await,
        TokenCommand::List(args) => list(args, output).await,
        TokenCommand::Revoke(args) => revoke(args, output).await,
    }
}

async fn create(args: &CreateArgs, output: &mut Output) -> Result<(), CliError> {
    let place = args.place.open().await?;
    let created = place.create(args.request(SystemClock.now())).await?;
    if args.json {
        return output.response("TokenService/CreateToken", &created);
    }
    let token = created.token.unwrap_or_default();
    // Alone on standard output, so that it can go into a file or a store of secrets.
    if created.bearer.is_empty() {
        output.line(&token.token_id)?;
        output.note(&summary(&token));
    } else {
        output.line(&created.bearer)?;
        output.note(&summary(&token));
        output.note("This is the only time that the token is shown: only a digest is stored.");
    }
    Ok(())
}

impl CreateArgs {
    fn request(&self, now: Timestamp) -> pb::CreateTokenRequest {
        let default = match self.certificate_name {
            Some(_) => 0,
            None => DEFAULT_DAYS,
        };
        let days = self.days.unwrap_or(default);
        let expires_at = now.checked_add(SignedDuration::from_hours(24 * i64::from(days)));
        let expires_at = expires_at.ok().filter(|_| days > 0);
        let roles = self.roles.iter().copied().map(pb::Role::from);
        pb::CreateTokenRequest {
            description: self.description.clone(),
            roles: roles.map(i32::from).collect(),
            purposes: self.purposes.clone(),
            quota: self.calls_per_second.map(|calls_per_second| pb::CallQuota {
                calls_per_second,
                burst: self.burst.unwrap_or_default(),
            }),
            certificate_name: self.certificate_name.clone().unwrap_or_default(),
            expire_time: expires_at.map(|at| prost_types::Timestamp {
                seconds: at.as_second(),
                nanos: 0,
            }),
        }
    }
}

async fn list(args: &ListArgs, output: &mut Output) -> Result<(), CliError> {
    let place = args.place.open().await?;
    let listed = pages::list(args.limit.get(), async |page_token| {
        let page = place.list(pb::ListTokensRequest {
            page_size: PAGE_SIZE,
            page_token,
        });
        let page = page.await?;
        Ok((page.tokens, page.next_page_token))
    });
    let listed = listed.await?;
    if args.json {
        let response = pb::ListTokensResponse {
            tokens: listed.items,
            next_page_token: String::new(),
        };
        return output.response("TokenService/ListTokens", &response);
    }
    output.line(&list_page(&listed.items, SystemClock.now()))?;
    listed.note_more(output);
    Ok(())
}

async fn revoke(args: &RevokeArgs, output: &mut Output) -> Result<(), CliError> {
    let place = args.place.open().await?;
    let request = pb::RevokeTokenRequest {
        token_id: args.token_id.clone(),
    };
    let revoked = place.revoke(request).await?;
    if args.json {
        return output.response("TokenService/RevokeToken", &revoked);
    }
    output.line(&format!(
        "revoked: {}",
        summary(&revoked.token.unwrap_or_default())
    ))
}

#[cfg(test)]
mod tests {
    use clap::Parser as _;

    use super::*;
    use crate::cli::{Cli, Command};

    fn request(line: &str) -> pb::CreateTokenRequest {
        let cli = Cli::try_parse_from(line.split_whitespace()).unwrap();
        let Command::Token(TokenCommand::Create(args)) = cli.command else {
            panic!("{:?}", cli.command);
        };
        args.request("2026-11-22T12:00:00Z".parse().unwrap())
    }

    #[test]
    fn a_token_expires_unless_it_is_said_otherwise() {
        let created = request("patron token create --role agent,analyst --description desk");
        assert_eq!(created.roles, [2, 3]);
        let days = |request: &pb::CreateTokenRequest| {
            let at = request.expire_time.as_ref()?.seconds;
            let now: Timestamp = "2026-11-22T12:00:00Z".parse().unwrap();
            Some((at - now.as_second()) / 86_400)
        };
        assert_eq!(days(&created), Some(90));
        let line =
            "patron token create --role importer --description x --days 7 --calls-per-second 5";
        let created = request(line);
        assert_eq!(days(&created), Some(7));
        assert_eq!(created.quota.unwrap().calls_per_second, 5);
        let line = "patron token create --role importer --description x --days 0";
        assert_eq!(days(&request(line)), None);
        let line = "patron token create --role agent --description x --certificate-name spiffe://a";
        let created = request(line);
        assert_eq!(
            (days(&created), &*created.certificate_name),
            (None, "spiffe://a")
        );
    }
}
