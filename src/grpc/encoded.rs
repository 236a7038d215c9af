//! `ScoringService` as it is served: Classify answers with bytes that were encoded once, batches with bytes that were encoded as they were
//! made, everything else as generated.
//!
//! The generated server encodes a message at every call, which for Classify costs more than finding the answer, and holds all of it to do so.
//! Only the encoder is another one here: framing, limits and trailers are tonic's as for every other method.

use std::{
    convert::Infallible,
    marker::PhantomData,
    sync::Arc,
    task::{Context, Poll},
};

use bytes::{BufMut as _, Bytes};
use http::{Request, Response};
use prost::Message;
use tonic::{
    Status,
    body::Body,
    codec::{BufferSettings, Codec, EncodeBuf, Encoder},
    codegen::{BoxFuture, StdError},
    server::{Grpc, NamedService, UnaryService},
};
use tonic_prost::{ProstCodec, ProstDecoder};
use tower::Service;

use crate::{
    grpc::{layers::memory::FindInMemory, scoring::Scoring},
    pb::{self, scoring_service_server::ScoringServiceServer},
};

/// Paths of the methods that are answered here.
const CLASSIFY: &str = "/patron.v1.ScoringService/Classify";
const SCORE: &str = "/patron.v1.ScoringService/ScoreLifetimeValue";
const BATCH_CLASSIFY: &str = "/patron.v1.ScoringService/BatchClassify";
const BATCH_SCORE: &str = "/patron.v1.ScoringService/BatchScoreLifetimeValue";

/// The service; see the module.
#[derive(Clone)]
pub struct ScoringServer {
    scoring: Arc<Scoring>,
    generated: ScoringServiceServer<Scoring>,
}

impl ScoringServer {
    /// Serves `scoring`, with requests that are no longer than its answers may be.
    #[must_use]
    pub fn new(scoring: Scoring) -> Self {
        let max_message_bytes = scoring.max_message_bytes();
        let scoring = Arc::new(scoring);
        let generated = ScoringServiceServer::from_arc(Arc::clone(&scoring))
            .max_decoding_message_size(max_message_bytes)
            .max_encoding_message_size(max_message_bytes);
        Self { scoring, generated }
    }

    /// Answers from memory, for [`layers::memory`](crate::grpc::layers::memory).
    #[must_use]
    pub fn find_in_memory(&self) -> FindInMemory {
        let scoring = Arc::clone(&self.scoring);
        Arc::new(move |path, message| match path {
            CLASSIFY => scoring.classify_in_memory(&pb::ClassifyRequest::decode(message).ok()?),
            SCORE => {
                let request = pb::ScoreLifetimeValueRequest::decode(message).ok()?;
                scoring.score_in_memory(&request)
            }
            _ => None,
        })
    }
}

impl NamedService for ScoringServer {
    const NAME: &'static str = <ScoringServiceServer<Scoring> as NamedService>::NAME;
}

impl<B> Service<Request<B>> for ScoringServer
where
    B: http_body::Body + Send + 'static,
    B::Error: Into<StdError> + Send + 'static,
{
    type Response = Response<Body>;
    type Error = Infallible;
    type Future = BoxFuture<Self::Response, Self::Error>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<B>) -> Self::Future {
        let scoring = Arc::clone(&self.scoring);
        match request.uri().path() {
            CLASSIFY => Box::pin(serve::<pb::ClassifyRequest, B>(scoring, request)),
            BATCH_CLASSIFY => Box::pin(serve::<pb::BatchClassifyRequest, B>(scoring, request)),
            BATCH_SCORE => Box::pin(serve::<pb::BatchScoreLifetimeValueRequest, B>(
                scoring, request,
            )),
            _ => self.generated.call(request),
        }
    }
}

/// Answers a request of a method whose requests are `M`.
async fn serve<M, B>(
    scoring: Arc<Scoring>,
    request: Request<B>,
) -> Result<Response<Body>, Infallible>
where
    M: Asks,
    B: http_body::Body + Send + 'static,
    B::Error: Into<StdError> + Send + 'static,
{
    let limit = scoring.max_message_bytes();
    let mut grpc = Grpc::new(Encoded::<M>(PhantomData))
        .max_decoding_message_size(limit)
        .max_encoding_message_size(limit);
    Ok(grpc.unary(Method(scoring), request).await)
}

/// A request that is answered with bytes.
trait Asks: Message + Default + 'static {
    /// The message of the answer.
    fn answer(self, scoring: Arc<Scoring>) -> impl Future<Output = Result<Bytes, Status>> + Send;
}

impl Asks for pb::ClassifyRequest {
    async fn answer(self, scoring: Arc<Scoring>) -> Result<Bytes, Status> {
        scoring.classify_encoded(&self).await
    }
}

impl Asks for pb::BatchClassifyRequest {
    async fn answer(self, scoring: Arc<Scoring>) -> Result<Bytes, Status> {
        scoring.batch_classify_encoded(&self).await
    }
}

impl Asks for pb::BatchScoreLifetimeValueRequest {
    async fn answer(self, scoring: Arc<Scoring>) -> Result<Bytes, Status> {
        scoring.batch_score_encoded(&self).await
    }
}

struct Method(Arc<Scoring>);

impl<M: Asks> UnaryService<M> for Method {
    type Response = Bytes;
    type Future = BoxFuture<tonic::Response<Bytes>, Status>;

    fn call(&mut self, request: tonic::Request<M>) -> Self::Future {
        let answer = request.into_inner().answer(Arc::clone(&self.0));
        Box::pin(async move { Ok(tonic::Response::new(answer.await?)) })
    }
}

/// Reads messages and writes bytes.
struct Encoded<M>(PhantomData<fn() -> M>);

impl<M: Asks> Codec for Encoded<M> {
    type Encode = Bytes;
    type Decode = M;
    type Encoder = Bytewise;
    type Decoder = ProstDecoder<M>;

    fn encoder(&mut self) -> Self::Encoder {
        Bytewise
    }

    fn decoder(&mut self) -> Self::Decoder {
        ProstCodec::<(), M>::raw_decoder(BufferSettings::default())
    }
}

/// Writes bytes as they are.
struct Bytewise;

impl Encoder for Bytewise {
    type Item = Bytes;
    type Error = Status;

    fn encode(&mut self, bytes: Bytes, buffer: &mut EncodeBuf<'_>) -> Result<(), Status> {
        buffer.put(bytes);
        Ok(())
    }
}
