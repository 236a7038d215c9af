//! The RPCs about models.

use super::Check;
use crate::cli::error::CliError;
use crate::cli::text;
use crate::domain::calendar::Day;
use crate::pb;

/// Days of the holdout that a model is to predict.
const HOLDOUT_DAYS: i32 = 180;

impl Check<'_> {
    /// `ModelService`.
    pub(super) async fn models(&mut self) -> Result<(), CliError> {
        let Some(fitted) = self.fit().await? else {
            return Ok(());
        };
        let Some(active) = self.list(fitted.version).await? else {
            return Ok(());
        };
        self.get(&fitted).await?;
        self.activate(active).await?;
        self.evaluate(&fitted.until).await?;
        self.drift(active).await?;
        self.newcomers(fitted.version).await?;
        self.roll_back(fitted.version, active).await
    }

    /// A second fit that is not to answer.
    async fn fit(&mut self) -> Result<Option<pb::Model>, CliError> {
        let rpc = "FitModel";
        let request = self.patient().request(pb::FitModelRequest {
            kind: pb::OrderModelKind::MbgNbd.into(),
            keep_inactive: true,
            grouping: pb::FitGrouping::ByKind.into(),
            ..Default::default()
        });
        let answer = match self.connection.models().fit_model(request).await {
            Ok(answer) => answer.into_inner().model,
            Err(status) => {
                self.failed(rpc, &status)?;
                return Ok(None);
            }
        };
        let model = answer.unwrap_or_default();
        let orders = model.orders.clone().unwrap_or_default();
        let names: Vec<&str> = orders
            .parameters
            .iter()
            .map(|one| one.name.as_str())
            .collect();
        let positive = orders.parameters.iter().all(|one| one.value > 0.0);
        let spend = model.spend.clone().unwrap_or_default();
        let right = model.version >= 1
            && !model.active
            && names == ["r", "alpha", "a", "b"]
            && positive
            && orders.converged
            && orders.log_likelihood.is_finite()
            && spend.parameters.len() == 3
            && model
                .by_kind
                .as_ref()
                .is_some_and(|fit| !fit.kinds.is_empty())
            && model.checks.is_some();
        let values: Vec<String> = orders
            .parameters
            .iter()
            .chain(&spend.parameters)
            .map(|one| format!("{} {:.3}", one.name, one.value))
            .collect();
        let found = format!(
            "version {} of {} customers: {}",
            model.version,
            orders.customers,
            values.join(", ")
        );
        self.expect(rpc, right, &found)?;
        Ok(Some(model))
    }

    /// The version that answers.
    async fn list(&mut self, fitted: i64) -> Result<Option<i64>, CliError> {
        let rpc = "ListModels";
        let request = self.connection.request(pb::ListModelsRequest::default());
        let models = match self.connection.models().list_models(request).await {
            Ok(answer) => answer.into_inner().models,
            Err(status) => {
                self.failed(rpc, &status)?;
                return Ok(None);
            }
        };
        let active: Vec<i64> = models
            .iter()
            .filter(|model| model.active)
            .map(|model| model.version)
            .collect();
        let newest = models.first().map(|model| model.version);
        let right = newest == Some(fitted) && active.len() == 1;
        let found = format!("{} versions, active {active:?}", models.len());
        self.expect(rpc, right, &found)?;
        Ok(active.first().copied())
    }

    async fn get(&mut self, fitted: &pb::Model) -> Result<(), CliError> {
        let rpc = "GetModel";
        let request = self.connection.request(pb::GetModelRequest {
            version: fitted.version,
        });
        match self.connection.models().get_model(request).await {
            Ok(answer) => {
                let model = answer.into_inner().model.unwrap_or_default();
                let right = model.version == fitted.version
                    && model.until == fitted.until
                    && model.orders.map(|orders| orders.parameters)
                        == fitted.orders.clone().map(|orders| orders.parameters);
                let found = format!("version {} until {}", model.version, model.until);
                self.expect(rpc, right, &found)
            }
            Err(status) => self.failed(rpc, &status),
        }
    }

    async fn activate(&mut self, version: i64) -> Result<(), CliError> {
        let rpc = "ActivateModel";
        let request = self.connection.request(pb::ActivateModelRequest {
            version,
            ..Default::default()
        });
        match self.connection.models().activate_model(request).await {
            Ok(answer) => {
                let model = answer.into_inner().model.unwrap_or_default();
                let right = model.active && model.version == version;
                let found = format!("version {} is active", model.version);
                self.expect(rpc, right, &found)
            }
            Err(status) => self.failed(rpc, &status),
        }
    }

    /// A model that does not know the last half year must predict it, better than every baseline.
    async fn evaluate(&mut self, until: &str) -> Result<(), CliError> {
        let rpc = "EvaluateModel";
        let last: Day = until.parse().unwrap_or(Day::EPOCH);
        let request = self.patient().request(pb::EvaluateModelRequest {
            split_on: last.plus_days(-HOLDOUT_DAYS).to_string(),
            until: until.to_owned(),
            ..Default::default()
        });
        let answer = match self.connection.models().evaluate_model(request).await {
            Ok(answer) => answer.into_inner().evaluation.unwrap_or_default(),
            Err(status) => return self.failed(rpc, &status),
        };
        let all = answer.groups.first().cloned().unwrap_or_default();
        let orders = all.orders.unwrap_or_default();
        let errors: Vec<f64> = orders
            .accuracy
            .iter()
            .map(|one| one.root_mean_squared_error)
            .collect();
        let best = errors.first().copied().unwrap_or(f64::INFINITY);
        let right = errors.len() == 4
            && errors.iter().all(|error| best <= *error)
            && answer.groups.len() == 3
            && orders.coverage.len() == 2
            && !all.tracking.is_empty()
            && all.spend.is_some();
        let model = orders.accuracy.first().copied().unwrap_or_default();
        let found = format!(
            "{} customers, {:.0} orders in {HOLDOUT_DAYS} days, {:.1} expected",
            all.customers, model.actual_total, model.expected_total
        );
        self.expect(rpc, right, &found)
    }

    /// The active version was fitted today: there is nothing yet that it did not know.
    async fn drift(&mut self, active: i64) -> Result<(), CliError> {
        let rpc = "CheckDrift";
        let request = self.patient().request(pb::CheckDriftRequest::default());
        match self.connection.models().check_drift(request).await {
            Ok(answer) => {
                let report = answer.into_inner().report.unwrap_or_default();
                let right = report.version == active
                    && report.verdict() != pb::DriftVerdict::Unspecified
                    && !report.reason.is_empty()
                    && report.parameter_sets.len() == 1;
                let found = format!("{}: {}", report.verdict().as_str_name(), report.reason);
                self.expect(rpc, right, &found)
            }
            Err(status) => self.failed(rpc, &status),
        }
    }

    /// The new version has parameters of its own for kinds.
    async fn newcomers(&mut self, fitted: i64) -> Result<(), CliError> {
        let rpc = "ScoreNewcomers";
        let request = self.connection.request(pb::ScoreNewcomersRequest {
            version: fitted,
            horizon_months: 0,
        });
        match self.connection.models().score_newcomers(request).await {
            Ok(answer) => {
                let answer = answer.into_inner();
                let worth = |one: &pb::NewcomerScore| {
                    let value = one.lifetime_value.as_ref();
                    value.is_some_and(|value| value.amount_minor > 0) && one.expected_orders > 0.0
                };
                let right = answer.newcomers.len() > 1
                    && answer.newcomers[0].kind() == pb::CustomerKind::Unspecified
                    && answer.newcomers.iter().all(worth);
                let values = answer.newcomers.iter().map(|one| {
                    let value = one.lifetime_value.as_ref();
                    value.map_or_else(|| "none".to_owned(), text::money_text)
                });
                let found = values.collect::<Vec<_>>().join(", ");
                self.expect(rpc, right, &found)
            }
            Err(status) => self.failed(rpc, &status),
        }
    }

    /// Lets the new version answer for a moment, then takes that back.
    async fn roll_back(&mut self, fitted: i64, active: i64) -> Result<(), CliError> {
        let rpc = "RollbackModel";
        self.activate(fitted).await?;
        let request = self.connection.request(pb::RollbackModelRequest::default());
        match self.connection.models().rollback_model(request).await {
            Ok(answer) => {
                let model = answer.into_inner().model.unwrap_or_default();
                let right = model.active && model.version == active;
                let found = format!("version {} is active again", model.version);
                self.expect(rpc, right, &found)
            }
            Err(status) => self.failed(rpc, &status),
        }
    }
}
