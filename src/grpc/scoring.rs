//! `ScoringService`: Classify, `ScoreLifetimeValue` and their batch forms.

use std::sync::Arc;

use bytes::Bytes;
use prost::Message as _;
use tonic::{Request, Response, Status};

use crate::{
    domain::calendar::Day,
    grpc::{
        convert::{
            self, answers, explanations,
            violations::{Checker, Violations},
        },
        status,
    },
    pb,
    service::{
        classify::{Answer, Classifier},
        error::ServiceError,
        subjects::Subject,
    },
};

/// Greatest number of subjects in a batch.
const MAX_BATCH: usize = 1_000;
/// Greatest horizon, in months.
const MAX_HORIZON_MONTHS: i32 = 120;

/// The service.
pub struct Scoring {
    classifier: Arc<Classifier>,
}

impl Scoring {
    /// The service over its use case.
    #[must_use]
    pub fn new(classifier: Arc<Classifier>) -> Self {
        Self { classifier }
    }

    /// Classify, with the answer as the bytes of its message.
    pub(super) async fn classify_encoded(
        &self,
        request: &pb::ClassifyRequest,
    ) -> Result<Bytes, Status> {
        let (subject, as_of, _) = one(request.subject.as_ref(), &request.as_of, 0)?;
        let write =
            |answer: &Answer| Bytes::from(answers::classify_response(answer).encode_to_vec());
        Ok(match as_of {
            None => self.classifier.answer_today(&subject, write).await?,
            Some(_) => write(&self.classifier.answer(&subject, as_of, None).await?),
        })
    }
}

#[tonic::async_trait]
impl pb::scoring_service_server::ScoringService for Scoring {
    async fn classify(
        &self,
        request: Request<pb::ClassifyRequest>,
    ) -> Result<Response<pb::ClassifyResponse>, Status> {
        // Over the wire `encoded` answers with the bytes themselves.
        let bytes = self.classify_encoded(request.get_ref()).await?;
        let message = pb::ClassifyResponse::decode(bytes);
        Ok(Response::new(message.map_err(|error| {
            ServiceError::Internal(Box::new(error))
        })?))
    }

    async fn batch_classify(
        &self,
        request: Request<pb::BatchClassifyRequest>,
    ) -> Result<Response<pb::BatchClassifyResponse>, Status> {
        let request = request.into_inner();
        let (subjects, as_of, _) = many(&request.subjects, &request.as_of, 0)?;
        let answers = self.classifier.answer_many(&subjects, as_of, None).await?;
        let responses = answers.iter().map(answers::classify_response).collect();
        Ok(Response::new(pb::BatchClassifyResponse { responses }))
    }

    async fn score_lifetime_value(
        &self,
        request: Request<pb::ScoreLifetimeValueRequest>,
    ) -> Result<Response<pb::ScoreLifetimeValueResponse>, Status> {
        let request = request.into_inner();
        let (subject, as_of, months) = one(
            request.subject.as_ref(),
            &request.as_of,
            request.horizon_months,
        )?;
        let answer = self.classifier.answer(&subject, as_of, months).await?;
        Ok(Response::new(answers::score_response(&answer, months)))
    }

    async fn batch_score_lifetime_value(
        &self,
        request: Request<pb::BatchScoreLifetimeValueRequest>,
    ) -> Result<Response<pb::BatchScoreLifetimeValueResponse>, Status> {
        let request = request.into_inner();
        let (subjects, as_of, months) =
            many(&request.subjects, &request.as_of, request.horizon_months)?;
        let answers = self
            .classifier
            .answer_many(&subjects, as_of, months)
            .await?;
        let responses = answers
            .iter()
            .map(|answer| answers::score_response(answer, months))
            .collect();
        Ok(Response::new(pb::BatchScoreLifetimeValueResponse {
            responses,
        }))
    }

    async fn explain_segment(
        &self,
        request: Request<pb::ExplainSegmentRequest>,
    ) -> Result<Response<pb::ExplainSegmentResponse>, Status> {
        let request = request.into_inner();
        let mut violations = Violations::default();
        let mut check = violations.at("");
        let subject = convert::subject(request.subject.as_ref(), &mut check.field("subject"));
        let as_of = convert::as_of(&request.as_of, &mut check.field("as_of"));
        let target = explanations::target(&request, &mut check);
        let (Some(subject), true) = (subject, violations.is_empty()) else {
            return Err(status::invalid_request(violations));
        };
        let explained = self.classifier.explain(&subject, as_of, &target).await?;
        Ok(Response::new(explanations::explain_response(&explained)))
    }
}

/// Subjects, day and horizon of a request.
type Asked<S> = (S, Option<Day>, Option<u32>);

fn one(subject: Option<&pb::Subject>, as_of: &str, months: i32) -> Result<Asked<Subject>, Status> {
    let mut violations = Violations::default();
    let mut check = violations.at("");
    let subject = convert::subject(subject, &mut check.field("subject"));
    let as_of = convert::as_of(as_of, &mut check.field("as_of"));
    let months = horizon_months(months, &mut check.field("horizon_months"));
    match subject {
        Some(subject) if violations.is_empty() => Ok((subject, as_of, months)),
        _ => Err(status::invalid_request(violations)),
    }
}

fn many(subjects: &[pb::Subject], as_of: &str, months: i32) -> Result<Asked<Vec<Subject>>, Status> {
    let mut violations = Violations::default();
    let mut check = violations.at("");
    if !(1..=MAX_BATCH).contains(&subjects.len()) {
        check.field("subjects").refuse(
            "BATCH_SIZE",
            format!("has {} subjects: send 1 to {MAX_BATCH}", subjects.len()),
        );
        return Err(status::invalid_request(violations));
    }
    let read: Vec<Subject> = subjects
        .iter()
        .enumerate()
        .filter_map(|(at, message)| {
            convert::subject(Some(message), &mut check.element("subjects", at))
        })
        .collect();
    let as_of = convert::as_of(as_of, &mut check.field("as_of"));
    let months = horizon_months(months, &mut check.field("horizon_months"));
    if violations.is_empty() {
        Ok((read, as_of, months))
    } else {
        Err(status::invalid_request(violations))
    }
}

/// The horizon of a request; `None` for that of the definitions.
fn horizon_months(months: i32, check: &mut Checker<'_>) -> Option<u32> {
    if !(0..=MAX_HORIZON_MONTHS).contains(&months) {
        check.refuse(
            "OUT_OF_RANGE",
            format!("is {months}: set 1 to {MAX_HORIZON_MONTHS}, or 0 for the horizon of the definitions"),
        );
    }
    u32::try_from(months).ok().filter(|&months| months > 0)
}
