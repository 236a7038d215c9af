//! `ScoringService`: Classify, `ScoreLifetimeValue` and their batch forms.

use std::sync::Arc;

use bytes::Bytes;
use prost::Message as _;
use tonic::{Request, Response, Status};

use crate::{
    grpc::{
        convert::{
            self, answers, explanations, questions, scores,
            violations::{Checker, Violations},
        },
        status,
    },
    pb,
    service::{
        classify::{Answer, Classifier, Question},
        error::ServiceError,
        subjects::Subject,
    },
};

/// Greatest number of subjects in a batch.
const MAX_BATCH: usize = 1_000;

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
        let asked = Asked {
            as_of: &request.as_of,
            ..Asked::default()
        };
        let (subject, question) = one(request.subject.as_ref(), &asked)?;
        let write =
            |answer: &Answer| Bytes::from(answers::classify_response(answer).encode_to_vec());
        Ok(match question.as_of {
            None => {
                let (bytes, stale_since) = self.classifier.answer_today(&subject, write).await?;
                answers::marked_stale(bytes, stale_since)
            }
            Some(_) => write(&self.classifier.answer(&subject, &question).await?),
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
        let asked = Asked {
            as_of: &request.as_of,
            ..Asked::default()
        };
        let (subjects, question) = many(&request.subjects, &asked)?;
        let answers = self.classifier.answer_many(&subjects, &question).await?;
        let responses = answers.iter().map(answers::classify_response).collect();
        Ok(Response::new(pb::BatchClassifyResponse { responses }))
    }

    async fn score_lifetime_value(
        &self,
        request: Request<pb::ScoreLifetimeValueRequest>,
    ) -> Result<Response<pb::ScoreLifetimeValueResponse>, Status> {
        let request = request.into_inner();
        let asked = Asked {
            as_of: &request.as_of,
            horizon_months: request.horizon_months,
            interval_level: request.interval_level,
            compare_model_version: request.compare_model_version,
            outlook: request.outlook.as_ref(),
        };
        let (subject, question) = one(request.subject.as_ref(), &asked)?;
        let answer = self.classifier.answer(&subject, &question).await?;
        let months = question.horizon_months;
        Ok(Response::new(scores::score_response(&answer, months)))
    }

    async fn batch_score_lifetime_value(
        &self,
        request: Request<pb::BatchScoreLifetimeValueRequest>,
    ) -> Result<Response<pb::BatchScoreLifetimeValueResponse>, Status> {
        let request = request.into_inner();
        let asked = Asked {
            as_of: &request.as_of,
            horizon_months: request.horizon_months,
            interval_level: request.interval_level,
            compare_model_version: request.compare_model_version,
            outlook: request.outlook.as_ref(),
        };
        let (subjects, question) = many(&request.subjects, &asked)?;
        let answers = self.classifier.answer_many(&subjects, &question).await?;
        let months = question.horizon_months;
        let responses = answers
            .iter()
            .map(|answer| scores::score_response(answer, months))
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

/// What a request asks beside its subjects, as it stands in the message.
#[derive(Default)]
struct Asked<'a> {
    as_of: &'a str,
    horizon_months: i32,
    interval_level: Option<f64>,
    compare_model_version: i64,
    outlook: Option<&'a pb::OutlookOptions>,
}

impl Asked<'_> {
    fn read(&self, check: &mut Checker<'_>) -> Question {
        Question {
            as_of: convert::as_of(self.as_of, &mut check.field("as_of")),
            horizon_months: questions::horizon_months(
                self.horizon_months,
                &mut check.field("horizon_months"),
            ),
            interval_level: questions::interval_level(
                self.interval_level,
                &mut check.field("interval_level"),
            ),
            compare_version: questions::compare_version(
                self.compare_model_version,
                &mut check.field("compare_model_version"),
            ),
            outlook: self
                .outlook
                .map(|outlook| questions::outlook(outlook, &mut check.field("outlook"))),
        }
    }
}

fn one(subject: Option<&pb::Subject>, asked: &Asked<'_>) -> Result<(Subject, Question), Status> {
    let mut violations = Violations::default();
    let mut check = violations.at("");
    let subject = convert::subject(subject, &mut check.field("subject"));
    let question = asked.read(&mut check);
    match subject {
        Some(subject) if violations.is_empty() => Ok((subject, question)),
        _ => Err(status::invalid_request(violations)),
    }
}

fn many(subjects: &[pb::Subject], asked: &Asked<'_>) -> Result<(Vec<Subject>, Question), Status> {
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
    let question = asked.read(&mut check);
    if violations.is_empty() {
        Ok((read, question))
    } else {
        Err(status::invalid_request(violations))
    }
}
