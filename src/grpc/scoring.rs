//! `ScoringService`: Classify, `ScoreLifetimeValue` and their batch forms.

mod batch;

use std::sync::Arc;

use bytes::Bytes;
use prost::Message as _;
use tonic::{Request, Response, Status};

use self::batch::{ParsedBatch, parse_batch};
use crate::{
    api::{
        self,
        answers::{self, classified::ClassifyWriter, mask::AnswerMask},
        explanations, questions, scores,
        violations::{Checker, Violations},
    },
    grpc::status,
    pb,
    service::{
        answer::{
            classify::{
                Answer, Batch, BatchAnswer, BatchEnd, Classified, Classifier, CustomerAnswer,
                Question, Scored,
            },
            subjects::Subject,
        },
        error::ServiceError,
    },
};

/// What the tail of a batch's answer may take: two numbers with their tags.
const TAIL_BYTES: usize = 32;

/// The service.
pub struct Scoring {
    classifier: Arc<Classifier>,
    /// For calls that run in a lane.
    batches: Arc<Classifier>,
    writer: Arc<ClassifyWriter>,
    /// Most bytes of an answer.
    max_message_bytes: usize,
}

impl Scoring {
    /// The service over its use case, once for lookups and once for batches, which run in a lane; with answers of at most so many bytes.
    #[must_use]
    pub fn new(
        classifier: Arc<Classifier>,
        batches: Arc<Classifier>,
        max_message_bytes: usize,
    ) -> Self {
        Self {
            classifier,
            batches,
            writer: Arc::default(),
            max_message_bytes,
        }
    }

    /// The most that an answer may have.
    pub(super) fn max_message_bytes(&self) -> usize {
        self.max_message_bytes
    }

    /// Classify, with the answer as the bytes of its message.
    pub(super) async fn classify_encoded(
        &self,
        request: &pb::ClassifyRequest,
    ) -> Result<Bytes, Status> {
        let (subject, question, mask) = parse_classify(request)?;
        let writer = Arc::clone(&self.writer);
        let write = move |answer: Answer<Classified>| classified_bytes(&writer, &answer);
        if question.as_of.is_none() {
            let (bytes, stale_since) = self.classifier.answer_today(&subject, write).await?;
            return Ok(mask.cut(answers::marked_stale(bytes, stale_since)));
        }
        let classified = self.classifier.classify(&subject, question.as_of, write);
        Ok(mask.cut(classified.await?))
    }

    /// Classify as the bytes of its message, where memory has what it takes. A request that is not valid is left to the handler.
    pub(super) fn classify_in_memory(&self, request: &pb::ClassifyRequest) -> Option<Bytes> {
        let (subject, question, mask) = parse_classify(request).ok()?;
        let write = |answer: Answer<Classified>| classified_bytes(&self.writer, &answer);
        let found = self
            .classifier
            .classify_in_memory(&subject, question.as_of, write);
        let (bytes, stale_since) = found?;
        Some(mask.cut(answers::marked_stale(bytes, stale_since)))
    }

    /// `ScoreLifetimeValue`, likewise; without what takes longer than a lookup.
    pub(super) fn score_in_memory(&self, request: &pb::ScoreLifetimeValueRequest) -> Option<Bytes> {
        let (subject, question, mask) = parse_score(request).ok()?;
        let write = |answer: Answer<Scored>| scores::score_response(&answer).encode_to_vec();
        let score = self.classifier.answer_in_memory(&subject, &question, write);
        score.map(|bytes| mask.cut(bytes.into()))
    }

    /// `BatchClassify`, with the answer as the bytes of its message: each answer is encoded as it is made, and none is held.
    pub(super) async fn batch_classify_encoded(
        &self,
        request: &pb::BatchClassifyRequest,
    ) -> Result<Bytes, Status> {
        let asked = RequestOptions {
            as_of: &request.as_of,
            ..RequestOptions::default()
        };
        let mask = request.read_mask.as_ref();
        let parsed = parse_batch(&request.subjects, &asked, mask, AnswerMask::of_classify)?;
        let write = |answer: BatchAnswer<Classified>, written: &mut Vec<u8>| {
            let response = match answer {
                BatchAnswer::Found(answer) => answers::classify_response(&answer),
                BatchAnswer::Unavailable => pb::ClassifyResponse {
                    r#match: pb::Match::Unavailable.into(),
                    ..Default::default()
                },
                BatchAnswer::Unreadable(at) => pb::ClassifyResponse {
                    r#match: pb::Match::Invalid.into(),
                    violations: parsed.violations(at),
                    ..Default::default()
                },
            };
            parsed.mask.append(&response, written);
        };
        let batch = self.answer_batch(&parsed, write).await?;
        let (unanswered_count, limit_reached) = left_of(&batch, &parsed.subjects);
        Ok(whole(
            batch,
            &pb::BatchClassifyResponse {
                responses: vec![],
                unanswered_count,
                limit_reached,
            },
        ))
    }

    /// `BatchScoreLifetimeValue`, likewise.
    pub(super) async fn batch_score_encoded(
        &self,
        request: &pb::BatchScoreLifetimeValueRequest,
    ) -> Result<Bytes, Status> {
        let asked = RequestOptions {
            as_of: &request.as_of,
            horizon_months: request.horizon_months,
            interval_level: request.interval_level,
            compare_model_version: request.compare_model_version,
            order_forecast: request.order_forecast.as_ref(),
        };
        let mask = request.read_mask.as_ref();
        let parsed = parse_batch(&request.subjects, &asked, mask, AnswerMask::of_score)?;
        let write = |answer: BatchAnswer<Scored>, written: &mut Vec<u8>| {
            let response = match answer {
                BatchAnswer::Found(answer) => scores::score_response(&answer),
                BatchAnswer::Unavailable => pb::ScoreLifetimeValueResponse {
                    r#match: pb::Match::Unavailable.into(),
                    ..Default::default()
                },
                BatchAnswer::Unreadable(at) => pb::ScoreLifetimeValueResponse {
                    r#match: pb::Match::Invalid.into(),
                    violations: parsed.violations(at),
                    ..Default::default()
                },
            };
            parsed.mask.append(&response, written);
        };
        let batch = self.answer_batch(&parsed, write).await?;
        let (unanswered_count, limit_reached) = left_of(&batch, &parsed.subjects);
        Ok(whole(
            batch,
            &pb::BatchScoreLifetimeValueResponse {
                responses: vec![],
                unanswered_count,
                limit_reached,
            },
        ))
    }

    async fn answer_batch<T: CustomerAnswer>(
        &self,
        parsed: &ParsedBatch,
        write: impl Fn(BatchAnswer<T>, &mut Vec<u8>) + Send + Sync,
    ) -> Result<Batch, ServiceError> {
        let most_bytes = self.max_message_bytes.saturating_sub(TAIL_BYTES);
        let (subjects, question) = (&parsed.subjects, &parsed.question);
        let batch = self
            .batches
            .answer_batch(subjects, question, most_bytes, write);
        batch.await
    }
}

fn classified_bytes(writer: &ClassifyWriter, answer: &Answer<Classified>) -> Bytes {
    let mut written = vec![];
    writer.write(answer, &mut written);
    Bytes::from(written)
}

/// Encodes a message behind what is there. A vector grows as needed, so nothing can be too little.
fn append(message: &impl prost::Message, written: &mut Vec<u8>) {
    written.reserve(message.encoded_len());
    message.encode_raw(written);
}

/// How many subjects are left to another call, and why.
fn left_of(batch: &Batch, subjects: &[Option<Subject>]) -> (i32, i32) {
    let unanswered = subjects.len() - batch.answered;
    let limit = match batch.end {
        None => pb::BatchLimit::Unspecified,
        Some(BatchEnd::Bytes) => pb::BatchLimit::Bytes,
        Some(BatchEnd::Customers) => pb::BatchLimit::Customers,
    };
    (i32::try_from(unanswered).unwrap_or(i32::MAX), limit.into())
}

/// The answer to a batch with its last part.
fn whole(batch: Batch, tail: &impl prost::Message) -> Bytes {
    let mut written = batch.written;
    append(tail, &mut written);
    written.into()
}

/// A message that was encoded here.
fn decoded<M: prost::Message + Default>(bytes: Bytes) -> Result<Response<M>, Status> {
    let message = M::decode(bytes);
    let message = message.map_err(|error| ServiceError::Internal(Box::new(error)))?;
    Ok(Response::new(message))
}

#[tonic::async_trait]
impl pb::scoring_service_server::ScoringService for Scoring {
    async fn classify(
        &self,
        request: Request<pb::ClassifyRequest>,
    ) -> Result<Response<pb::ClassifyResponse>, Status> {
        // Over the wire `encoded` answers with the bytes themselves.
        decoded(self.classify_encoded(request.get_ref()).await?)
    }

    async fn batch_classify(
        &self,
        request: Request<pb::BatchClassifyRequest>,
    ) -> Result<Response<pb::BatchClassifyResponse>, Status> {
        decoded(self.batch_classify_encoded(request.get_ref()).await?)
    }

    async fn score_lifetime_value(
        &self,
        request: Request<pb::ScoreLifetimeValueRequest>,
    ) -> Result<Response<pb::ScoreLifetimeValueResponse>, Status> {
        let (subject, question, mask) = parse_score(request.get_ref())?;
        let write = move |answer| mask.cut_message(scores::score_response(&answer));
        let scored = self.classifier.score(&subject, &question, write);
        Ok(Response::new(scored.await?))
    }

    async fn batch_score_lifetime_value(
        &self,
        request: Request<pb::BatchScoreLifetimeValueRequest>,
    ) -> Result<Response<pb::BatchScoreLifetimeValueResponse>, Status> {
        decoded(self.batch_score_encoded(request.get_ref()).await?)
    }

    async fn explain_segment(
        &self,
        request: Request<pb::ExplainSegmentRequest>,
    ) -> Result<Response<pb::ExplainSegmentResponse>, Status> {
        let request = request.into_inner();
        let mut violations = Violations::default();
        let mut check = violations.at("");
        let subject = api::subject(request.subject.as_ref(), &mut check.field("subject"));
        let as_of = api::as_of(&request.as_of, &mut check.field("as_of"));
        let target = explanations::target(&request, &mut check);
        let mask = request.read_mask.as_ref();
        let mask = AnswerMask::of_explain(mask, &mut check.field("read_mask"));
        let (Some(subject), true) = (subject, violations.is_empty()) else {
            return Err(status::invalid_request(violations));
        };
        let write = explanations::explain_response;
        let explained = self.classifier.explain(&subject, as_of, &target, write);
        Ok(Response::new(mask.cut_message(explained.await?)))
    }
}

/// What a request asks beside its subjects, as it stands in the message.
#[derive(Default)]
struct RequestOptions<'a> {
    as_of: &'a str,
    horizon_months: i32,
    interval_level: Option<f64>,
    compare_model_version: i64,
    order_forecast: Option<&'a pb::OrderForecastOptions>,
}

impl RequestOptions<'_> {
    fn read(&self, check: &mut Checker<'_>) -> Question {
        Question {
            as_of: api::as_of(self.as_of, &mut check.field("as_of")),
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
            order_forecast: self.order_forecast.map(|order_forecast| {
                questions::order_forecast(order_forecast, &mut check.field("order_forecast"))
            }),
            contact: None,
        }
    }
}

fn parse_classify(request: &pb::ClassifyRequest) -> Result<ParsedOne, Status> {
    let asked = RequestOptions {
        as_of: &request.as_of,
        ..RequestOptions::default()
    };
    let mask = request.read_mask.as_ref();
    parse_one(request.subject.as_ref(), &asked, |check| {
        AnswerMask::of_classify(mask, check)
    })
}

fn parse_score(request: &pb::ScoreLifetimeValueRequest) -> Result<ParsedOne, Status> {
    let asked = RequestOptions {
        as_of: &request.as_of,
        horizon_months: request.horizon_months,
        interval_level: request.interval_level,
        compare_model_version: request.compare_model_version,
        order_forecast: request.order_forecast.as_ref(),
    };
    let mask = request.read_mask.as_ref();
    parse_one(request.subject.as_ref(), &asked, |check| {
        AnswerMask::of_score(mask, check)
    })
}

/// A request about one subject as it was read.
type ParsedOne = (Subject, Question, AnswerMask);

fn parse_one(
    subject: Option<&pb::Subject>,
    asked: &RequestOptions<'_>,
    read_mask: impl Fn(&mut Checker<'_>) -> AnswerMask,
) -> Result<ParsedOne, Status> {
    let mut violations = Violations::default();
    let mut check = violations.at("");
    let subject = api::subject(subject, &mut check.field("subject"));
    let question = asked.read(&mut check);
    let mask = read_mask(&mut check.field("read_mask"));
    match subject {
        Some(subject) if violations.is_empty() => Ok((subject, question, mask)),
        _ => Err(status::invalid_request(violations)),
    }
}
