//! The RPCs that answer.

use super::{Check, external};
use crate::cli::demo::by_id;
use crate::cli::error::CliError;
use crate::cli::subject::{parse_subject, subject_text};
use crate::cli::{names, text};
use crate::pb;
use crate::pb::UnratedReason;

impl Check<'_> {
    /// `ScoringService`.
    pub(super) async fn scores(&mut self) -> Result<(), CliError> {
        let examples = self.examples.clone();
        for text in [&examples.regular_phone, &examples.regular_email] {
            let subject = parse_subject(text).map_err(CliError::failed)?;
            self.rated(subject).await?;
        }
        self.rated(external(&examples.regular)).await?;
        self.unrated(&examples.employee, UnratedReason::NotApplicable)
            .await?;
        self.unrated(&examples.lead, UnratedReason::NoPurchase)
            .await?;
        self.ambiguous().await?;
        self.unknown().await?;
        self.batch_classify().await?;
        self.score().await?;
        self.contract_score().await?;
        self.batch_score().await
    }

    /// Classifies; `None` when that failed, which is noted.
    pub(super) async fn classify(
        &mut self,
        subject: pb::Subject,
    ) -> Result<Option<pb::ClassifyResponse>, CliError> {
        let request = self.connection.request(pb::ClassifyRequest {
            subject: Some(subject),
            as_of: String::new(),
            ..Default::default()
        });
        match self.connection.scoring().classify(request).await {
            Ok(answer) => Ok(Some(answer.into_inner())),
            Err(status) => {
                self.failed("Classify", &status)?;
                Ok(None)
            }
        }
    }

    async fn rated(&mut self, subject: pb::Subject) -> Result<(), CliError> {
        let asked = subject_text(&subject);
        let Some(answer) = self.classify(subject).await? else {
            return Ok(());
        };
        let one = answer.classification.clone().unwrap_or_default();
        let tier = one.tier.clone().unwrap_or_default();
        let value = one.lifetime_value.clone().unwrap_or_default();
        let right = answer.r#match() == pb::Match::One
            && one.customer_id == self.examples.regular
            && !tier.name.is_empty()
            && tier.rank >= 1
            && value.amount_minor > 0
            && one.provenance.as_ref().is_some_and(is_complete)
            && !one.segments.is_empty()
            && one.segments.iter().all(|one| !one.reasons.is_empty())
            && one
                .treatment
                .as_ref()
                .is_some_and(|treatment| !treatment.queue.is_empty());
        let found = format!(
            "{asked} is {}, {}, {}, in {} segments",
            one.customer_id,
            text::tier_text(one.tier.as_ref()),
            text::money_text(&value),
            one.segments.len()
        );
        self.expect("Classify", right, &found)
    }

    async fn unrated(&mut self, id: &str, reason: UnratedReason) -> Result<(), CliError> {
        let Some(answer) = self.classify(by_id(id)).await? else {
            return Ok(());
        };
        let one = answer.classification.clone().unwrap_or_default();
        let tier = one.tier.clone().unwrap_or_default();
        let right = answer.r#match() == pb::Match::One
            && tier.name.is_empty()
            && tier.unrated_reason() == reason
            && one.lifetime_value.is_none();
        let found = format!("{id}: {}", text::tier_text(one.tier.as_ref()));
        self.expect("Classify", right, &found)
    }

    async fn ambiguous(&mut self) -> Result<(), CliError> {
        let examples = self.examples.clone();
        let shared = parse_subject(&examples.shared_phone).map_err(CliError::failed)?;
        let Some(answer) = self.classify(shared).await? else {
            return Ok(());
        };
        let mut ids: Vec<String> = answer
            .candidates
            .iter()
            .map(|one| one.customer_id.clone())
            .collect();
        ids.sort();
        let mut sharers = examples.sharers.clone();
        sharers.sort();
        let count = i32::try_from(sharers.len()).unwrap_or(i32::MAX);
        let right = answer.r#match() == pb::Match::Ambiguous
            && ids == sharers
            && answer.candidate_count == count
            && answer.classification.is_none();
        let found = format!(
            "{} is {}: {}",
            examples.shared_phone,
            names::match_name(answer.r#match),
            ids.join(", ")
        );
        self.expect("Classify", right, &found)
    }

    async fn unknown(&mut self) -> Result<(), CliError> {
        let Some(answer) = self.classify(by_id("nobody")).await? else {
            return Ok(());
        };
        let right = answer.r#match() == pb::Match::Unknown && answer.classification.is_none();
        let found = format!("unknown is {}", names::match_name(answer.r#match));
        self.expect("Classify", right, &found)
    }

    async fn batch_classify(&mut self) -> Result<(), CliError> {
        let rpc = "BatchClassify";
        let request = self.connection.request(pb::BatchClassifyRequest {
            subjects: vec![by_id(&self.examples.regular), by_id("nobody"), by_id("")],
            as_of: String::new(),
            read_mask: None,
        });
        match self.connection.scoring().batch_classify(request).await {
            Ok(answer) => {
                let answers = answer.into_inner().responses;
                let matches: Vec<&str> = answers
                    .iter()
                    .map(|answer| names::match_name(answer.r#match))
                    .collect();
                self.expect(
                    rpc,
                    matches == ["ONE", "UNKNOWN", "INVALID"],
                    &matches.join(", "),
                )
            }
            Err(status) => self.failed(rpc, &status),
        }
    }

    async fn score(&mut self) -> Result<(), CliError> {
        let rpc = "ScoreLifetimeValue";
        let request = self.connection.request(pb::ScoreLifetimeValueRequest {
            subject: Some(by_id(&self.examples.regular)),
            as_of: String::new(),
            horizon_months: 24,
            interval_level: Some(0.9),
            // The first version there is, whichever answers.
            compare_model_version: 1,
            order_forecast: Some(pb::OrderForecastOptions {
                max_order_count: Some(2),
                ..Default::default()
            }),
            ..Default::default()
        });
        let answer = match self
            .connection
            .scoring()
            .score_lifetime_value(request)
            .await
        {
            Ok(answer) => answer.into_inner(),
            Err(status) => return self.failed(rpc, &status),
        };
        let score = answer.score.unwrap_or_default();
        let inputs = score.inputs.clone().unwrap_or_default();
        let alive = score.probability_alive.unwrap_or(-1.0);
        let value = score.lifetime_value.clone().unwrap_or_default();
        let right = score.customer_id == self.examples.regular
            && inputs.frequency >= 1
            && inputs.recency_weeks > 0.0
            && inputs.age_weeks >= inputs.recency_weeks
            && inputs.monetary_value.is_some_and(|mean| mean > 0.0)
            && (0.0..=1.0).contains(&alive)
            && score.expected_orders.is_some_and(|orders| orders > 0.0)
            && score
                .expected_spend_per_order
                .is_some_and(|spend| spend > 0.0)
            && value.amount_minor > 0
            && score.horizon_months == 24
            && likely_tiers(&score)
            && predicted(&score, alive)
            && score
                .challenger
                .as_ref()
                .is_some_and(|other| other.model_version == 1 && other.lifetime_value.is_some());
        let found = format!(
            "{}: x {}, t_x {:.2}, T {:.2}, alive {alive:.3}, {} in {} months",
            score.customer_id,
            inputs.frequency,
            inputs.recency_weeks,
            inputs.age_weeks,
            text::money_text(&value),
            score.horizon_months
        );
        self.expect(rpc, right, &found)
    }

    /// Somebody with a contract: its renewals are part of the value.
    async fn contract_score(&mut self) -> Result<(), CliError> {
        let rpc = "ScoreLifetimeValue";
        let request = self.connection.request(pb::ScoreLifetimeValueRequest {
            subject: Some(by_id(&self.examples.contract)),
            as_of: String::new(),
            horizon_months: 24,
            ..Default::default()
        });
        let mut client = self.connection.scoring();
        let score = match client.score_lifetime_value(request).await {
            Ok(answer) => answer.into_inner().score.unwrap_or_default(),
            Err(status) => return self.failed(rpc, &status),
        };
        let (value, renewals) = (score.contract_value, score.expected_renewals);
        let right = score.running_contracts == 1
            && value.is_some_and(|value| value > 0.0)
            && renewals.is_some_and(|renewals| renewals > 0.0)
            && score.lifetime_value.is_some();
        let found = format!(
            "{}: {} contract, {:.2} renewals worth {:.2} in {} months",
            score.customer_id,
            score.running_contracts,
            renewals.unwrap_or_default(),
            value.unwrap_or_default(),
            score.horizon_months
        );
        self.expect(rpc, right, &found)
    }

    async fn batch_score(&mut self) -> Result<(), CliError> {
        let rpc = "BatchScoreLifetimeValue";
        let request = self.connection.request(pb::BatchScoreLifetimeValueRequest {
            subjects: vec![by_id(&self.examples.regular), by_id(&self.examples.lead)],
            as_of: String::new(),
            horizon_months: 0,
            ..Default::default()
        });
        let mut client = self.connection.scoring();
        match client.batch_score_lifetime_value(request).await {
            Ok(answer) => {
                let answers = answer.into_inner().responses;
                let scores: Vec<pb::LifetimeValueScore> = answers
                    .into_iter()
                    .filter_map(|answer| answer.score)
                    .collect();
                let right = scores.len() == 2
                    && scores[0].lifetime_value.is_some()
                    && scores[1].lifetime_value.is_none()
                    && scores[1].unrated_reason() == UnratedReason::NoPurchase;
                let found: Vec<String> = scores
                    .iter()
                    .map(|score| {
                        let value = score.lifetime_value.as_ref();
                        value.map_or_else(
                            || text::unrated_sentence(score.unrated_reason).to_owned(),
                            text::money_text,
                        )
                    })
                    .collect();
                self.expect(rpc, right, &found.join("; "))
            }
            Err(status) => self.failed(rpc, &status),
        }
    }
}

/// Whether the intervals are there and the tiers add up.
fn likely_tiers(score: &pb::LifetimeValueScore) -> bool {
    let tiers = score.tier_probabilities.iter();
    let total: f64 = tiers.map(|one| one.probability).sum();
    let range = score.lifetime_value_interval.as_ref();
    range.is_some_and(|range| range.low <= range.high) && (total - 1.0).abs() < 1e-9
}

/// Whether the forecast of orders is consistent: nobody becomes active again, and the first probabilities of counts add up to part of 1.
fn predicted(score: &pb::LifetimeValueScore, alive: f64) -> bool {
    score.order_forecast.as_ref().is_some_and(|forecast| {
        let total: f64 = forecast.order_count_probabilities.iter().sum();
        forecast.probability_alive_at_end <= alive
            && forecast.order_count_probabilities.len() == 3
            && (0.0..=1.0).contains(&total)
            && forecast
                .discounted_residual_orders
                .is_some_and(|orders| orders > 0.0)
    })
}

/// Whether an answer says everything about where it comes from.
fn is_complete(provenance: &pb::Provenance) -> bool {
    !provenance.as_of.is_empty()
        && !provenance.basis_id.is_empty()
        && provenance.profile_version >= 1
        && provenance.data_time.is_some()
}
