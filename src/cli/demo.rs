//! `patron demo`: the whole service on invented customers.
//!
//! [`run_demo`] fills a running server and prints the page; [`check::check`] calls every RPC once. Both are clients like any other;
//! the server around them is started elsewhere.

use std::time::Instant;

use clap::Args;
use jiff::civil::Date;

use self::load::{Held, Loaded};
use self::population::{DemoOptions, Examples, Population, generate};
use super::connection::{Connection, ConnectionArgs, FIT_TIMEOUT, WRITE_TIMEOUT};
use super::error::CliError;
use super::output::Output;
use crate::app::settings::Settings;
use crate::pb;

pub mod check;
pub mod history;
pub mod load;
pub mod page;
pub mod population;
pub mod random;
pub mod stage;

/// Options of `patron demo`.
#[derive(Debug, Clone, Args)]
pub struct DemoArgs {
    /// How many customers to invent, 500 to 5000
    #[arg(long, default_value_t = 2_000, value_parser = parse_customers)]
    pub customers: usize,
    /// Seed of everything that is invented
    #[arg(long, default_value_t = 1)]
    pub seed: u64,
    /// Do everything in a temporary directory on a free port, call every RPC once, print what came, and stop
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
        DemoOptions {
            seed: self.seed,
            customers: self.customers,
            as_of,
        }
    }
}

/// What the demo did, for the page.
#[derive(Debug)]
pub struct DemoReport {
    /// The population that the server holds, which an earlier run may have loaded.
    pub options: DemoOptions,
    /// What was sent. `None`: the server had everything.
    pub loaded: Option<Loaded>,
    /// Wall time of inventing and sending, in seconds.
    pub load_seconds: f64,
    /// The model that answers.
    pub model: pb::Model,
    /// Whether this run fitted it.
    pub fitted: bool,
    /// Wall time of the fit with reading its data, in seconds.
    pub fit_seconds: f64,
    /// Wall time of classifying everybody, in seconds.
    pub classify_seconds: f64,
    /// How everybody is classified.
    pub tiers: page::TierTable,
    /// Customers worth looking at.
    pub examples: Examples,
}

/// Fills the server at `endpoint` with the population, fits a model, classifies everybody and prints the page.
///
/// A server that holds the population already is left as it is, whatever day it was loaded on; an interrupted load is finished.
///
/// # Errors
///
/// No server, an error of the server, or a server that holds another population.
pub async fn run_demo(
    endpoint: &str,
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
    let started = Instant::now();
    let population = generate(options);
    let loaded = if complete {
        None
    } else {
        Some(load::load(&connection, options, &population, output).await?)
    };
    let load_seconds = started.elapsed().as_secs_f64();
    let started = Instant::now();
    let (model, fitted) = fitted_model(&connection).await?;
    let fit_seconds = started.elapsed().as_secs_f64();
    let started = Instant::now();
    let tiers = classify_all(&connection, &population).await?;
    let report = DemoReport {
        options,
        loaded,
        load_seconds,
        model,
        fitted,
        fit_seconds,
        classify_seconds: started.elapsed().as_secs_f64(),
        tiers,
        examples: population.examples,
    };
    output.line(&page::page(&report, &page::Commands::here(endpoint)))?;
    Ok(report)
}

/// A connection with the time limit of writes.
async fn connect(endpoint: &str) -> Result<Connection, CliError> {
    let args = ConnectionArgs {
        endpoint: endpoint.to_owned(),
        timeout: None,
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
        hint: "give these values, or run the demo on an empty data directory".to_owned(),
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
    let model = model.ok_or_else(|| CliError::failed("the server answered without a model"))?;
    Ok((model, true))
}

/// Classifies everybody as of today.
async fn classify_all(
    connection: &Connection,
    population: &Population,
) -> Result<page::TierTable, CliError> {
    let mut client = connection.scoring();
    let mut tiers = page::TierTable::default();
    for patches in population.customers.chunks(1_000) {
        let subjects = patches.iter().map(|patch| by_id(&patch.customer_id));
        let request = connection.request(pb::BatchClassifyRequest {
            subjects: subjects.collect(),
            as_of: String::new(),
        });
        let response = client.batch_classify(request).await?.into_inner();
        if response.responses.len() != patches.len() {
            return Err(CliError::failed(format!(
                "the server classified {} of {} customers",
                response.responses.len(),
                patches.len()
            )));
        }
        for answer in &response.responses {
            tiers.add(answer);
        }
    }
    Ok(tiers)
}

/// A customer id as a subject.
fn by_id(id: &str) -> pb::Subject {
    pb::Subject {
        subject: Some(pb::subject::Subject::CustomerId(id.to_owned())),
    }
}

fn parse_customers(text: &str) -> Result<usize, String> {
    match text.parse() {
        Ok(count @ 500..=5_000) => Ok(count),
        _ => Err("write a number from 500 to 5000: fewer lack the examples of the page".to_owned()),
    }
}

#[cfg(test)]
mod tests;
