//! What a fit of stored customers costs over the statements that count their distinct histories.
//!
//! `cargo bench --bench stored_fit` starts the service as `patron serve` does and stores the profiles of a million customers, drawn from
//! the parameters of CDNOW (MBG/NBD, Gamma-Gamma; ages of 20 to 77 weeks; seeded), as ingest would store them: folded and packed. Only
//! the profiles, with contacts on two channels: a fit reads facts of customers alone who bought after its last day. Then the two statements that a
//! fit starts with
//! and `FitModel` are run in turn, over the same connections as a caller's. `PATRON_BENCH_CUSTOMERS` is for fewer customers.
//!
//! How to read it: a line a round, the last line is the median of the ratios. A ratio of 1 would be a fit that costs nothing.

#![expect(clippy::print_stdout, reason = "a benchmark prints what it measured")]

#[path = "support/service.rs"]
mod service;

use std::time::{Duration, Instant};

use anyhow::{Context as _, ensure};
use jiff::tz::TimeZone;
use patron::{
    app::logging,
    clock::{Clock as _, SystemClock},
    domain::{
        calendar::{Day, EventTime},
        clv::{
            model::{ModelKind, OrderModel},
            random::Random,
            simulation::DrawnCustomer,
        },
        customer::{
            CustomerKind,
            facts::{FactKey, Transaction, TransactionKind},
            profile::{ContactDay, Facts, History, Profile, fold},
        },
        money::{Currency, Money},
        text::CustomerId,
    },
    pb::{
        self, ingest_service_client::IngestServiceClient, model_service_client::ModelServiceClient,
    },
    store::{
        self,
        fit_samples::{BUCKETS, Shares},
    },
};
use sqlx::{Connection as _, Executor as _, PgConnection};
use tonic::{
    Request,
    transport::{Channel, Endpoint},
};

use crate::service::{BenchDatabase, runtime, serve};

/// The allocator of the program.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// Customers whose profiles are written by one statement.
const BATCH: usize = 5_000;
/// Times that statements and fit are run in turn.
const ROUNDS: usize = 5;

fn main() -> anyhow::Result<()> {
    if !std::env::args().any(|argument| argument == "--bench") {
        println!("stored_fit: measures only when run by `cargo bench --bench stored_fit`");
        return Ok(());
    }
    logging::init(logging::LogFormat::Text, "warn")?;
    let customers = match std::env::var("PATRON_BENCH_CUSTOMERS") {
        Ok(count) => count.parse().context("PATRON_BENCH_CUSTOMERS")?,
        Err(_) => 1_000_000,
    };
    let (servers, callers) = (runtime("bench-server")?, runtime("bench-caller")?);
    let database = BenchDatabase::create(&servers)?;
    let directory = tempfile::tempdir()?;
    let path = directory.path().to_str().context("a path in UTF-8")?;
    let app = serve(&servers, &database, path)?;
    let measured = callers.block_on(measure(&app.endpoint(), &database, customers));
    servers.block_on(app.stop())?;
    database.drop(&servers)?;
    measured
}

async fn measure(endpoint: &str, database: &BenchDatabase, customers: usize) -> anyhow::Result<()> {
    let mut connection = PgConnection::connect_with(&database.options).await?;
    let today = Day::in_zone(SystemClock.now(), &TimeZone::UTC)?;
    let euro: Currency = "EUR".parse().context("EUR")?;
    let start = Instant::now();
    fill(&mut connection, customers, today, euro).await?;
    println!(
        "{customers} profiles stored in {:.1} s",
        start.elapsed().as_secs_f64()
    );
    let channel = Endpoint::from_shared(endpoint.to_owned())?
        .connect()
        .await?;
    buy_once(channel.clone(), today, euro).await?;
    let mut client = ModelServiceClient::new(channel);
    let mut ratios = vec![];
    for round in 1..=ROUNDS {
        let start = Instant::now();
        let orders = store::model_input::count_orders(&mut connection, today).await?;
        let spend =
            store::model_input::count_paid_orders(&mut connection, today, euro, true).await?;
        let statements = start.elapsed();
        let (start, mut read) = (Instant::now(), 0);
        store::fit_samples::read(&mut connection, today, shares(customers)?, |_| read += 1).await?;
        let samples = start.elapsed();
        let mut request = Request::new(pb::FitModelRequest::default());
        request.set_timeout(Duration::from_mins(10));
        let start = Instant::now();
        let fitted = client.fit_model(request).await?.into_inner();
        let fit = start.elapsed();
        let report = fitted
            .model
            .and_then(|model| model.orders)
            .context("no report")?;
        ensure!(report.converged, "not converged: {report:?}");
        ratios.push(fit.as_secs_f64() / statements.as_secs_f64());
        println!(
            "round {round}: statements {:.2} s ({} + {} rows), samples {:.2} s ({read}), FitModel {:.2} s, ratio {:.2}",
            statements.as_secs_f64(),
            orders.len(),
            spend.len(),
            samples.as_secs_f64(),
            fit.as_secs_f64(),
            ratios[round - 1],
        );
    }
    ratios.sort_by(f64::total_cmp);
    println!("median ratio {:.2}", ratios[ROUNDS / 2]);
    Ok(())
}

/// About as much as a fit samples of so many customers, of whom about a sixth bought three times.
fn shares(customers: usize) -> anyhow::Result<Shares> {
    let all = usize::try_from(BUCKETS)?;
    let of = |enough: usize| i32::try_from((enough * all).div_ceil(customers).min(all));
    Ok(Shares {
        histories: of(50_000)?,
        gaps: of(6 * 20_000)?,
    })
}

/// Sends one purchase, from which the service learns the currency to report in.
async fn buy_once(channel: Channel, today: Day, currency: Currency) -> anyhow::Result<()> {
    let purchase = pb::Transaction {
        customer_id: "first".to_owned(),
        source: "bench".to_owned(),
        transaction_id: "1".to_owned(),
        when: Some(pb::transaction::When::OccurredOn(today.to_string())),
        amount: Some(pb::Money {
            amount_minor: 100,
            currency: currency.code().to_owned(),
        }),
        ..pb::Transaction::default()
    };
    let request = pb::IngestTransactionsRequest {
        transactions: vec![purchase],
        ..Default::default()
    };
    let answer = IngestServiceClient::new(channel)
        .ingest_transactions(request)
        .await?;
    let written = pb::item_result::Outcome::Written;
    let results = answer.into_inner().results;
    ensure!(results[0].outcome() == written, "not written: {results:?}");
    Ok(())
}

/// Stores the profiles of customers who bought in one currency.
async fn fill(
    connection: &mut PgConnection,
    customers: usize,
    today: Day,
    currency: Currency,
) -> anyhow::Result<()> {
    let model = OrderModel::new(ModelKind::MbgNbd, [0.525, 6.183, 0.891, 1.614])?;
    let newcomer = model.newcomer();
    let (mut random, mut callers) = (Random::new(1), Random::new(2));
    let mut profiles = Vec::with_capacity(BATCH);
    for number in 0..customers {
        let age_days = 140 + i32::try_from(random.bits() % 400)?;
        let drawn = DrawnCustomer::draw(&newcomer, &mut random);
        let spend_rate = random.gamma(3.74) / 15.44;
        let times: Vec<f64> = drawn
            .orders(f64::from(age_days) / 7.0, 1_000, &mut random)
            .collect();
        let days = std::iter::once(0.0).chain(times).map(|weeks| {
            #[expect(clippy::cast_possible_truncation, reason = "whole days within the age")]
            let since_first = (weeks * 7.0).ceil() as i32;
            today.plus_days(since_first.min(age_days) - age_days)
        });
        let days: Vec<Day> = days.collect();
        let customer_id = CustomerId::new(&format!("customer-{number:07}"))?;
        let purchases = (0..).zip(days).map(|(id, day): (u32, _)| {
            #[expect(clippy::cast_possible_truncation, reason = "some thousand euros")]
            let amount_minor = (random.gamma(6.25) / spend_rate * 100.0).ceil() as i64;
            purchase(
                &customer_id,
                id,
                day,
                Money {
                    amount_minor,
                    currency,
                },
            )
        });
        let facts = Facts {
            transactions: purchases.collect(),
            ..Facts::default()
        };
        let mut history = fold(History::default(), &facts)
            .ok()
            .context("a fold from nothing")?;
        history.contacts = contacts(today.plus_days(-age_days), age_days, currency, &mut callers);
        profiles.push(Profile {
            customer_id,
            version: 1,
            kind: if number % 5 == 0 {
                CustomerKind::Company
            } else {
                CustomerKind::Person
            },
            display_name: None,
            recorded_at: SystemClock.now(),
            members: Box::default(),
            history,
        });
        if profiles.len() == BATCH || number + 1 == customers {
            store::profiles::upsert(connection, &profiles).await?;
            profiles.clear();
        }
    }
    connection.execute("VACUUM ANALYZE profiles").await?;
    Ok(())
}

/// Contact days on two channels, at a rate of the customer's own that is 0.4 / 12 a week on average, up to the last day known.
fn contacts(first: Day, days: i32, currency: Currency, random: &mut Random) -> Vec<ContactDay> {
    let per_day = random.gamma(0.4) / 12.0 / 7.0;
    let mut contacts = vec![];
    for since in 0..=days {
        if random.uniform() < per_day {
            let phone = random.uniform() < 0.5;
            contacts.push(ContactDay {
                day: first.plus_days(since),
                channel: if phone { "phone" } else { "chat" }.into(),
                currency: phone.then_some(currency),
                count: 1,
                cost_minor: if phone { 4_500 } else { 0 },
                duration_seconds: 300,
            });
        }
    }
    contacts
}

fn purchase(customer_id: &CustomerId, id: u32, day: Day, amount: Money) -> Transaction {
    Transaction {
        key: FactKey {
            customer_id: customer_id.clone(),
            source: "bench".into(),
            id: id.to_string().into(),
        },
        kind: TransactionKind::Purchase,
        when: EventTime { day, instant: None },
        amount,
        cost_minor: None,
        category: None,
        channel: None,
        original_id: None,
        original_source: None,
        stated_customer: None,
    }
}
