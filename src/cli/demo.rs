//! `patron demo`: the whole service on invented customers.
//!
//! [`run_demo`] fills a running server, publishes the example's definitions and prints the page; [`check::check`] calls every RPC. Both
//! are clients like any other; the server around them is started elsewhere.

use std::net::SocketAddr;
use std::time::Instant;

use clap::Args;
use futures_util::StreamExt as _;
use jiff::civil::Date;

use self::load::{Held, Loaded};
use self::tables::{Cases, SegmentTable, TierTable};
use super::connection::{Connection, ConnectionArgs, FIT_TIMEOUT, WRITE_TIMEOUT};
use super::definitions::answer::refused_text;
use super::error::CliError;
use super::import::progress::Progress;
use super::output::Output;
use crate::app::settings::Settings;
use crate::generate::population::{DemoOptions, Examples, Population, generate};
use crate::generate::{DEFINITIONS, foreign_currency};
use crate::pb;

pub mod check;
pub mod load;
pub mod page;
pub mod stage;
pub mod tables;

/// How many customers are invented unless told.
const CUSTOMERS: usize = 20_000;
/// The same for `--check`, which is to be quick.
const CHECKED_CUSTOMERS: usize = 2_000;
/// Batches of classifications under way at once: none waits for a place, however slow the machine is, so none is refused. A server of one
/// core has two places.
const IN_FLIGHT: usize = 2;

/// Options of `patron demo`.
#[derive(Debug, Clone, Args)]
pub struct DemoArgs {
    /// Number of customers to generate, 500 to 100000 (default: 20000, with --check 2000)
    #[arg(long, value_parser = parse_customers)]
    pub customers: Option<usize>,
    /// Seed of the generator
    #[arg(long, default_value_t = 1)]
    pub seed: u64,
    /// Self-test: use a temporary directory and a free port, call every RPC once, print the results and exit
    #[arg(long)]
    pub check: bool,
    /// How to serve
    #[command(flatten, next_help_heading = "Server options, as for patron serve")]
    pub settings: Settings,
}

impl DemoArgs {
    /// The population to invent, with histories until a day.
    #[must_use]
    pub fn options(&self, as_of: Date) -> DemoOptions {
        let default = if self.check {
            CHECKED_CUSTOMERS
        } else {
            CUSTOMERS
        };
        DemoOptions {
            seed: self.seed,
            customers: self.customers.unwrap_or(default),
            as_of,
        }
    }
}

/// What the demo did, for the page.
#[derive(Debug)]
pub struct DemoReport {
    /// The population that the server holds, which an earlier run may have loaded.
    pub options: DemoOptions,
    /// Wall time of inventing, in seconds.
    pub invent_seconds: f64,
    /// What was sent. `None`: the server had everything.
    pub loaded: Option<Loaded>,
    /// Wall time of sending, in seconds.
    pub load_seconds: f64,
    /// The definitions in force, with their document.
    pub revision: pb::Revision,
    /// Whether this run published them.
    pub published: bool,
    /// Wall time of publishing, in seconds.
    pub publish_seconds: f64,
    /// The model that answers.
    pub model: pb::Model,
    /// Whether this run fitted it.
    pub fitted: bool,
    /// Wall time of the fit with reading its data, in seconds.
    pub fit_seconds: f64,
    /// Wall time of classifying everybody, in seconds.
    pub classify_seconds: f64,
    /// How everybody is classified.
    pub everybody: Everybody,
    /// Customers worth looking at.
    pub examples: Examples,
}

/// How everybody is classified.
#[derive(Debug, Default)]
pub struct Everybody {
    /// By tier.
    pub tiers: TierTable,
    /// By segment.
    pub segments: SegmentTable,
    /// Whom to show.
    pub cases: Cases,
}

/// Publishes the example's definitions on the server at `endpoint`, which may serve HTTP too, fills it with the population, fits a model, classifies everybody
/// and prints the page.
///
/// A server that holds the population already is left as it is, whatever day it was loaded on, and so are definitions that were
/// published; an interrupted load is finished.
///
/// # Errors
///
/// No server, an error of the server, or a server that holds another population.
pub async fn run_demo(
    endpoint: &str,
    http: Option<SocketAddr>,
    options: DemoOptions,
    output: &mut Output,
) -> Result<DemoReport, CliError> {
    let connection = connect(endpoint).await?;
    let held = load::held(&connection).await?;
    let (options, complete) = match held {
        Held::Nothing => (options, false),
        Held::Part(held) => (same(options, held)?, false),
        Held::All(held) => (same(options, held)?, true),
    };
    let mut clock = Stopwatch::start();
    let mut population = generate(options);
    foreign_currency::move_abroad(&mut population);
    let invent_seconds = clock.lap();
    // Before the facts, so that there is a reporting currency when those in another one come.
    let (revision, published) = publish(&connection).await?;
    let publish_seconds = clock.lap();
    let loaded = if complete {
        None
    } else {
        output.note("sending rates, customers, transactions, contacts and contracts");
        Some(load::load(&connection, options, &population, output).await?)
    };
    let load_seconds = clock.lap();
    let (model, fitted) = fitted_model(&connection).await?;
    let fit_seconds = clock.lap();
    output.note("classifying everybody");
    let everybody = classify_all(&connection, &population, &revision, output).await?;
    let report = DemoReport {
        options,
        invent_seconds,
        loaded,
        load_seconds,
        revision,
        published,
        publish_seconds,
        model,
        fitted,
        fit_seconds,
        classify_seconds: clock.lap(),
        everybody,
        examples: population.examples,
    };
    output.line(&page::page(&report, &page::Commands::here(endpoint, http)))?;
    Ok(report)
}

/// Wall time, step by step.
struct Stopwatch(Instant);

impl Stopwatch {
    fn start() -> Self {
        Self(Instant::now())
    }

    /// Seconds since the step before.
    fn lap(&mut self) -> f64 {
        let seconds = self.0.elapsed().as_secs_f64();
        self.0 = Instant::now();
        seconds
    }
}

/// A connection with the time limit of writes.
async fn connect(endpoint: &str) -> Result<Connection, CliError> {
    let args = ConnectionArgs {
        endpoint: endpoint.to_owned(),
        ..ConnectionArgs::default()
    };
    Connection::open(&args, WRITE_TIMEOUT).await
}

/// What the server holds, if it is the same population but for its last day.
fn same(wanted: DemoOptions, held: DemoOptions) -> Result<DemoOptions, CliError> {
    if (wanted.seed, wanted.customers) == (held.seed, held.customers) {
        return Ok(held);
    }
    Err(CliError::Failed {
        message: format!(
            "the server holds another population: seed {}, {} customers",
            held.seed, held.customers
        ),
        hint: "use these values, or run the demo with an empty data directory".to_owned(),
    })
}

/// The model that answers; where there is none, it is fitted. Says whether it was.
async fn fitted_model(connection: &Connection) -> Result<(pb::Model, bool), CliError> {
    let mut client = connection.models();
    let request = connection.request(pb::ListModelsRequest {
        page_size: 1_000,
        page_token: String::new(),
    });
    let models = client.list_models(request).await?.into_inner().models;
    if let Some(model) = models.into_iter().find(|model| model.active) {
        return Ok((model, false));
    }
    let patient = connection.with_timeout(FIT_TIMEOUT);
    let request = patient.request(pb::FitModelRequest::default());
    let response = client.fit_model(request).await?.into_inner();
    let model = response.model;
    let model =
        model.ok_or_else(|| CliError::failed("the server returned a response without a model"))?;
    Ok((model, true))
}

/// The definitions in force; where nothing was ever published, the example's. Says whether it was published now.
async fn publish(connection: &Connection) -> Result<(pb::Revision, bool), CliError> {
    let none = || CliError::failed("the server returned a response without a revision");
    let mut client = connection.definitions();
    let request = connection.request(pb::GetRevisionRequest { revision: 0 });
    let answer = client.get_revision(request).await?.into_inner();
    let active = answer.revision.ok_or_else(none)?;
    let request = connection.request(pb::ListRevisionsRequest {
        page_size: 1,
        page_token: String::new(),
    });
    let known = client.list_revisions(request).await?.into_inner();
    if !known.revisions.is_empty() {
        // Something else was published, or rolled back, on purpose.
        return Ok((active, false));
    }
    let request = connection.request(pb::PublishDefinitionsRequest {
        document: DEFINITIONS.to_owned(),
        note: "the example, published by patron demo".to_owned(),
        expected_revision: None,
    });
    let answer = client.publish_definitions(request).await?.into_inner();
    if !answer.problems.is_empty() {
        let problems = refused_text(&answer.problems);
        return Err(CliError::failed(format!(
            "the server refused the example's definitions:\n{problems}"
        )));
    }
    let revision = answer.revision.ok_or_else(none)?;
    // Whether the answer repeats the document is the server's choice.
    let document = DEFINITIONS.to_owned();
    Ok((
        pb::Revision {
            document,
            ..revision
        },
        true,
    ))
}

/// Classifies everybody as of today, a few batches at a time.
async fn classify_all(
    connection: &Connection,
    population: &Population,
    revision: &pb::Revision,
    output: &mut Output,
) -> Result<Everybody, CliError> {
    let mut everybody = Everybody {
        segments: SegmentTable::from_document(&revision.document),
        ..Everybody::default()
    };
    let mut progress = Progress::begin(population.customers.len() as u64, output);
    let mut answers = futures_util::stream::iter(population.customers.chunks(1_000))
        .map(|patches| classify_some(connection, patches))
        .buffered(IN_FLIGHT);
    let mut done = 0;
    while let Some(answered) = answers.next().await {
        for answer in answered? {
            everybody.tiers.add(&answer);
            everybody.segments.add(&answer);
            everybody.cases.add(&answer);
            done += 1;
        }
        progress.at(done, &format!("{done} customers classified"), output);
    }
    progress.end();
    Ok(everybody)
}

async fn classify_some(
    connection: &Connection,
    patches: &[pb::CustomerPatch],
) -> Result<Vec<pb::ClassifyResponse>, CliError> {
    let subjects = patches.iter().map(|patch| by_id(&patch.customer_id));
    let request = connection.request(pb::BatchClassifyRequest {
        subjects: subjects.collect(),
        as_of: String::new(),
        read_mask: None,
    });
    let response = connection.scoring().batch_classify(request).await?;
    let responses = response.into_inner().responses;
    if responses.len() != patches.len() {
        return Err(CliError::failed(format!(
            "the server classified {} of {} customers",
            responses.len(),
            patches.len()
        )));
    }
    Ok(responses)
}

/// A customer id as a subject.
fn by_id(id: &str) -> pb::Subject {
    pb::Subject {
        subject: Some(pb::subject::Subject::CustomerId(id.to_owned())),
    }
}

fn parse_customers(text: &str) -> Result<usize, String> {
    match text.parse() {
        Ok(count @ 500..=100_000) => Ok(count),
        _ => {
            Err("use 500 to 100000: a smaller population lacks the examples of the page".to_owned())
        }
    }
}

#[cfg(test)]
mod tests;
