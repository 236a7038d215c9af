//! A service that has what a lookup needs: customers in memory, definitions and a model.

use std::time::Duration;

use anyhow::{Context as _, ensure};
use jiff::tz::TimeZone;
use patron::{
    clock::{Clock as _, SystemClock},
    pb::{
        self, definition_service_client::DefinitionServiceClient,
        model_service_client::ModelServiceClient, scoring_service_client::ScoringServiceClient,
    },
};
use tonic::{Request, transport::Endpoint};

use crate::customers::{self, CUSTOMERS, request_for};

const EXAMPLE: &str = include_str!("../../examples/definitions.yaml");

/// Today, in the zone of the service.
pub(crate) fn today() -> jiff::civil::Date {
    SystemClock.now().to_zoned_datetime(TimeZone::UTC).date()
}

/// Fills the service and asks for everybody once; returns what it answered.
pub(crate) async fn prepare(endpoint: &str) -> anyhow::Result<Vec<pb::ClassifyResponse>> {
    let channel = Endpoint::from_shared(endpoint.to_owned())?
        .connect()
        .await?;
    customers::ingest(channel.clone(), today()).await?;
    let mut definitions = DefinitionServiceClient::new(channel.clone());
    let request = pb::PublishDefinitionsRequest {
        document: EXAMPLE.to_owned(),
        note: String::new(),
        expected_revision: None,
    };
    let published = definitions.publish_definitions(request).await?.into_inner();
    ensure!(published.problems.is_empty(), "{:?}", published.problems);
    let mut fit = Request::new(pb::FitModelRequest::default());
    fit.set_timeout(Duration::from_secs(30));
    let mut models = ModelServiceClient::new(channel.clone());
    let fitted = models.fit_model(fit).await?.into_inner().model;
    // Customers who all bought equally often say little of how they differ, so that the fit may not converge; what an answer costs does
    // not hang on that.
    let version = fitted.context("a model without a version")?.version;
    models
        .activate_model(pb::ActivateModelRequest {
            version,
            allow_not_converged: true,
        })
        .await?;
    let mut client = ScoringServiceClient::new(channel);
    let mut answers = Vec::with_capacity(CUSTOMERS);
    for customer in 0..CUSTOMERS {
        let answer = client
            .classify(request_for(customer, ""))
            .await?
            .into_inner();
        let classification = answer.classification.as_ref();
        let complete =
            classification.is_some_and(|it| it.treatment.is_some() && it.lifetime_value.is_some());
        ensure!(complete, "not the answer to be measured: {answer:?}");
        answers.push(answer);
    }
    Ok(answers)
}
