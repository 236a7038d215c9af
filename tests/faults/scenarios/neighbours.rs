//! Work that goes on beside a measurement, sent by a process of idle priority.

use std::net::{IpAddr, Ipv4Addr};
use std::time::Duration;

use anyhow::bail;
use patron::pb::{
    self, ingest_service_client::IngestServiceClient, model_service_client::ModelServiceClient,
};
use tonic::Request;

use crate::{
    load::{Question, closed_loop, open_loop},
    population::{self, id, purchase},
    wire::Caller,
};

/// For as long as anybody measures.
const FOREVER: Duration = Duration::from_hours(1);
/// Where the measured caller connects from.
const LOCALHOST: IpAddr = IpAddr::V4(Ipv4Addr::LOCALHOST);
/// Where another caller connects from.
const OTHER_ADDRESS: IpAddr = IpAddr::V4(Ipv4Addr::new(127, 14, 6, 2));
/// Time of a call.
const PATIENCE: Duration = Duration::from_mins(2);

/// One kind of work after another, until the process is killed.
pub(crate) async fn run(kind: &str, address: &str) -> anyhow::Result<()> {
    match kind {
        "batches" => ask(address, &population::batches(PATIENCE)).await,
        "intervals" => ask(address, &population::intervals(PATIENCE)).await,
        "import" => import(address).await,
        "fit" => fit(address).await,
        "evaluation" => evaluate(address).await,
        "loop" => loop {
            std::hint::spin_loop();
        },
        other => match *other.split(' ').collect::<Vec<_>>() {
            ["other", kind, rate] => call(OTHER_ADDRESS, kind, rate.parse()?, address).await,
            ["same", kind, rate] => call(LOCALHOST, kind, rate.parse()?, address).await,
            _ => bail!("no work {other}"),
        },
    }
}

/// Another caller, who makes so many calls a second whether they are answered or not.
async fn call(from: IpAddr, kind: &str, rate: f64, address: &str) -> anyhow::Result<()> {
    let as_of = match kind {
        "kept" => String::new(),
        "computed" => population::today(),
        other => bail!("no calls {other}"),
    };
    let question = population::lookups(&as_of, Duration::from_secs(1));
    let mut callers = vec![];
    for _ in 0..8 {
        callers.push(Caller::from(from, address).await?);
    }
    open_loop(&mut callers, &question, rate, FOREVER).await;
    Ok(())
}

/// Four callers, one call each.
async fn ask(address: &str, question: &Question) -> anyhow::Result<()> {
    let mut callers = vec![];
    for _ in 0..4 {
        callers.push(Caller::connect(address).await?);
    }
    closed_loop(&callers, question, 1, FOREVER).await;
    Ok(())
}

/// Two callers that send new purchases of everybody, a thousand in a call.
async fn import(address: &str) -> anyhow::Result<()> {
    let source = format!("import-{}", std::process::id());
    let send = async |lane: usize| -> anyhow::Result<()> {
        let mut client = IngestServiceClient::connect(format!("http://{address}")).await?;
        for batch in (0..).map(|at| 2 * at + lane) {
            let numbers = batch * 1000..(batch + 1) * 1000;
            let transactions = numbers
                .map(|at| purchase(&id(7 * at), &source, at))
                .collect();
            let mut request = Request::new(pb::IngestTransactionsRequest {
                transactions,
                ..Default::default()
            });
            request.set_timeout(PATIENCE);
            // Refused under load: sent again by the next batch's worth of work.
            drop(client.ingest_transactions(request).await);
        }
        Ok(())
    };
    tokio::try_join!(send(0), send(1))?;
    Ok(())
}

/// One fit after another, which answers nobody.
async fn fit(address: &str) -> anyhow::Result<()> {
    let mut client = ModelServiceClient::connect(format!("http://{address}")).await?;
    loop {
        let mut request = Request::new(pb::FitModelRequest {
            keep_inactive: true,
            ..Default::default()
        });
        request.set_timeout(PATIENCE);
        drop(client.fit_model(request).await);
    }
}

async fn evaluate(address: &str) -> anyhow::Result<()> {
    let mut client = ModelServiceClient::connect(format!("http://{address}")).await?;
    let now: jiff::civil::Date = population::today().parse()?;
    let split = now.saturating_sub(jiff::Span::new().days(270)).to_string();
    loop {
        let mut request = Request::new(pb::EvaluateModelRequest {
            split_on: split.clone(),
            ..Default::default()
        });
        request.set_timeout(PATIENCE);
        drop(client.evaluate_model(request).await);
    }
}
