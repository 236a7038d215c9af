//! The command line: the tree of commands, and from an error to an exit code.
//!
//! Each command has a file of its own below this module. Every command but `serve`, `demo`, `migrate`, `api`,
//! `token --direct` and what of `definitions` only reads a file is a client of a running server and knows nothing of the database. Data goes to standard output; errors, hints and progress go to standard error.

use std::ffi::OsString;
use std::process::ExitCode;

use clap::{Parser, Subcommand};

use self::error::CliError;
use self::output::Output;

pub mod api;
pub mod bench;
pub mod channel_policy;
pub mod classify;
pub mod connection;
pub mod cost_to_serve;
pub mod customer;
pub mod definitions;
pub mod demo;
pub mod doctor;
pub mod error;
pub mod explain;
pub mod import;
pub mod migrate;
pub mod model;
pub mod names;
pub mod output;
pub mod pages;
pub mod paint;
pub mod rates;
pub mod route;
pub mod score;
pub mod serve;
pub mod service;
pub mod simulate;
pub mod subject;
pub mod text;
pub mod token;

/// The command line of `patron`.
#[derive(Debug, Parser)]
#[command(
    name = "patron",
    version,
    about = "Who a customer is, what they are worth and how to treat them",
    after_help = "Start with `patron demo`. `patron help COMMAND` describes a command. \
                  Exit codes: 0 done, 1 failed, 2 not exactly one customer found, 64 wrong usage or configuration.",
    max_term_width = 100
)]
pub struct Cli {
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

/// The commands of `patron`.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Run the server
    Serve(serve::ServeArgs),
    /// Try everything on a generated customer base, on this machine, in one command
    Demo(demo::DemoArgs),
    /// Migrate an external database to the schema of this version; stop its server first
    Migrate(migrate::MigrateArgs),
    /// Import customers, transactions, contacts, contracts or exchange rates from a file
    Import(Box<import::ImportArgs>),
    /// List recorded exchange rates
    #[command(subcommand)]
    Rates(rates::RatesCommand),
    /// Show stored customers
    #[command(subcommand)]
    Customer(customer::CustomerCommand),
    /// Fit, backtest and activate value models
    #[command(subcommand)]
    Model(model::ModelCommand),
    /// Check, publish and show definitions: attributes, tiers, segments, treatments
    #[command(subcommand)]
    Definitions(definitions::DefinitionsCommand),
    /// Look up a customer: identity, tier, segments and treatment
    Classify(classify::ClassifyArgs),
    /// Route a call: who calls, and how to treat the call, whatever is known
    Route(route::RouteArgs),
    /// Try out definitions on recorded contacts
    #[command(subcommand)]
    Simulate(simulate::SimulateCommand),
    /// Explain why a customer is or is not in a segment or tier
    Explain(explain::ExplainArgs),
    /// Estimate the lifetime value of a customer, or of every customer in a file
    Score(score::ScoreArgs),
    /// Show what the contacts of a customer or a group cost, next to what they bring
    CostToServe(cost_to_serve::CostToServeArgs),
    /// Keep, limit or redirect a channel of a customer, by what it costs and brings
    ChannelPolicy(channel_policy::ChannelPolicyArgs),
    /// Run the service desk: figures, outcomes, tickets, topics
    #[command(subcommand)]
    Service(service::ServiceCommand),
    /// Create, list and revoke the tokens of callers
    #[command(subcommand)]
    Token(token::TokenCommand),
    /// Check whether what is stored is consistent
    Doctor(doctor::DoctorArgs),
    /// Measure how fast a running server answers, at a given rate of calls
    Bench(bench::BenchArgs),
    /// Describe the API for other programs: OpenAPI, descriptors
    #[command(subcommand)]
    Api(api::ApiCommand),
}

/// Parses the arguments, runs the command and returns its exit code.
///
/// Errors are printed as `error: ...` and `hint: ...` on standard error. The exit code is 0, 1 for a failure or 64 for wrong usage
/// or configuration. A reader that closes standard output early ends the program quietly.
pub fn main(arguments: impl IntoIterator<Item = OsString>) -> ExitCode {
    let cli = match Cli::try_parse_from(import::preset::expand(arguments.into_iter().collect())) {
        Ok(cli) => cli,
        Err(error) => {
            // Nothing is left to report to when even the usage cannot be printed.
            let _ = error.print();
            let code = if error.use_stderr() { error::USAGE } else { 0 };
            return ExitCode::from(code);
        }
    };
    let mut output = Output::standard();
    match run(cli.command, &mut output) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            for line in error.lines() {
                output.note(&line);
            }
            ExitCode::from(error.exit_code())
        }
    }
}

/// Runs a command.
///
/// # Errors
///
/// Whatever the command reports.
pub fn run(command: Command, output: &mut Output) -> Result<(), CliError> {
    match command {
        Command::Serve(args) => serve::run(&args, output),
        Command::Demo(args) => demo::stage::run(&args, output),
        Command::Migrate(args) => migrate::run(&args, output),
        Command::Import(args) => as_client(import::run(*args, output)),
        Command::Rates(command) => as_client(rates::run(&command, output)),
        Command::Customer(command) => as_client(customer::run(&command, output)),
        Command::Token(command) => as_client(token::run(&command, output)),
        Command::Doctor(args) => as_client(doctor::run(&args, output)),
        Command::Bench(args) => as_client(bench::run(&args, output)),
        Command::Model(command) => as_client(model::run(&command, output)),
        Command::Definitions(command) => as_client(definitions::run(&command, output)),
        Command::Route(args) => as_client(route::run(&args, output)),
        Command::Simulate(command) => as_client(simulate::run(&command, output)),
        Command::Explain(args) => as_client(explain::run(&args, output)),
        Command::Classify(args) => as_client(classify::run(&args, output)),
        Command::Score(args) => as_client(score::run(&args, output)),
        Command::Api(command) => api::run(&command, output),
        Command::CostToServe(args) => as_client(cost_to_serve::run(&args, output)),
        Command::ChannelPolicy(args) => as_client(channel_policy::run(&args, output)),
        Command::Service(command) => as_client(service::run(&command, output)),
    }
}

/// Runs a client command on a runtime of one thread: a client mostly waits.
fn as_client(command: impl Future<Output = Result<(), CliError>>) -> Result<(), CliError> {
    tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|cause| CliError::failed(format!("cannot start the runtime: {cause}")))?
        .block_on(command)
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory as _;

    use super::*;

    #[test]
    fn the_command_tree_is_consistent() {
        Cli::command().debug_assert();
    }

    #[test]
    fn every_command_of_the_contract_parses() {
        for line in [
            "patron serve",
            "patron demo",
            "patron migrate --database-url postgres://user@host/database",
            "patron import transactions f.csv --source cdnow --customer-column sample_id --time-column date \
             --amount-column dollars --currency USD",
            "patron import customers f.csv --external-column crm=crm_id --attribute points=loyalty:int --dry-run",
            "patron import contacts f.csv --channel phone --currency EUR --json",
            "patron import rates f.csv --to EUR --from-column currency --date-column day --rate-column value --dry-run",
            "patron import rates f.csv --from EUR --to USD --rate-column USD --decimal-comma --json",
            "patron rates list",
            "patron rates list --from USD --to EUR --since 2026-01-01 --limit 5 --json",
            "patron customer show +493023125001",
            "patron model fit --model bg-nbd --until 1997-09-30 --json --no-activate",
            "patron model list",
            "patron model show",
            "patron model show 3 --json",
            "patron model activate 3",
            "patron api openapi",
            "patron api descriptors patron.binpb",
            "patron classify external:crm/17 --endpoint http://127.0.0.1:1 --timeout 500ms",
            "patron score c-1 --json",
            "patron definitions check -",
            "patron definitions publish f.yaml --note why",
            "patron definitions list --json",
            "patron definitions show",
            "patron definitions show 2",
            "patron definitions rollback 0",
            "patron definitions language f.yaml",
            "patron route 0800123 --channel phone --intent outage --dialled +498001234567",
            "patron simulate routing a.yaml b.yaml --from 2026-01-01 --until 2026-01-31 --agents service=3,night=1 --json",
            "patron simulate routing --from 2026-01-01 --until 2026-01-31",
            "patron explain +493023125001",
            "patron explain c-1 attention/at_risk --lang de --as-of 2026-01-31",
            "patron explain c-1 --tier gold --json",
            "patron explain c-1 --scheme lifecycle",
            "patron score --subjects f.csv --subject-column id --as-of 1997-09-30 --json",
            "patron cost-to-serve c-1 --months 6 --as-of 2026-01-31 --json",
            "patron cost-to-serve --segment firms/small",
            "patron cost-to-serve --tier UNRATED",
            "patron cost-to-serve --all",
            "patron channel-policy c-1 --channel phone --lang de",
            "patron channel-policy --income 15EUR --contacts 2.5 --channel phone",
            "patron service figures --by queue --days 7 --segment firms/small --json",
            "patron service outcome c-1 call-7 --source acd --on 2026-01-31 --resolved true --satisfaction 5",
            "patron service tickets f.csv --category Invoices=invoice,Rechnung",
            "patron service deflection --to portal --share 0.5 --topic password=0.8",
            "patron service surges --recent 3 --tier gold",
            "patron token create --role agent --description desk --days 30 --allow-purpose service --json",
            "patron token list --limit 5",
            "patron token revoke 0123456789abcdef",
            "patron bench --subjects f.csv --rate 5000 --duration 30s --mix classify=8,route=2 --hot-subjects 0.05 --hot-calls 0.8 --json",
        ] {
            if let Err(error) = Cli::try_parse_from(line.split_whitespace()) {
                panic!("{line}: {error}");
            }
        }
    }

    #[test]
    fn a_wrong_command_line_exits_with_64() {
        for line in [
            "patron",
            "patron nonsense",
            "patron score",
            "patron score c-1 --subjects f.csv",
            "patron cost-to-serve",
            "patron cost-to-serve c-1 --all",
            "patron channel-policy --contacts 2",
            "patron service",
            "patron classify",
            "patron explain",
            "patron explain c-1 gold --tier gold",
            "patron definitions check",
            "patron definitions show 0",
            "patron model fit --model pareto",
            "patron token create --description x",
            "patron token create --role root --description x",
            "patron bench --subjects f.csv --hot-calls 0.8",
            "patron bench --subjects f.csv --mix explain=1",
        ] {
            let code = main(line.split_whitespace().map(OsString::from));
            assert_eq!(code, ExitCode::from(error::USAGE), "{line}");
        }
    }
}
