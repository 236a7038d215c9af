//! `ScoringService` as it is served: Classify answers with bytes that were encoded once, everything else as generated.
//!
//! The generated server encodes a message at every call, which for Classify costs more than finding the answer. Only the encoder is
//! another one here: framing, limits and trailers are tonic's as for every other method.

use std::{
    convert::Infallible,
    sync::Arc,
    task::{Context, Poll},
};

use bytes::{BufMut as _, Bytes};
use http::{Request, Response};
use prost::Message as _;
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
    grpc::{
        convert::{self, violations::Violations},
        layers::kept::FindKept,
        scoring::Scoring,
    },
    pb::{self, scoring_service_server::ScoringServiceServer},
    service::classify::Classifier,
};

/// Path of the method that is answered here.
const CLASSIFY: &str = "/patron.v1.ScoringService/Classify";

/// Finds finished answers to Classify in the memory of `classifier`: what [`layers::kept`](crate::grpc::layers::kept) is given.
#[must_use]
pub fn find_kept(classifier: Arc<Classifier>) -> FindKept {
    Arc::new(move |message| {
        let request = pb::ClassifyRequest::decode(message).ok()?;
        if !request.as_of.is_empty() {
            return None;
        }
        // What is wrong with a subject is said by the handler.
        let mut violations = Violations::default();
        let subject = convert::subject(request.subject.as_ref(), &mut violations.at(""))?;
        classifier.kept_today(&subject)
    })
}

/// The service; see the module.
#[derive(Clone)]
pub struct ScoringServer {
    scoring: Arc<Scoring>,
    generated: ScoringServiceServer<Scoring>,
    max_message_bytes: usize,
}

impl ScoringServer {
    /// Serves `scoring` with messages of at most so many bytes, either way.
    #[must_use]
    pub fn new(scoring: Scoring, max_message_bytes: usize) -> Self {
        let scoring = Arc::new(scoring);
        let generated = ScoringServiceServer::from_arc(Arc::clone(&scoring))
            .max_decoding_message_size(max_message_bytes)
            .max_encoding_message_size(max_message_bytes);
        Self {
            scoring,
            generated,
            max_message_bytes,
        }
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
        if request.uri().path() != CLASSIFY {
            return self.generated.call(request);
        }
        let (method, limit) = (Classify(Arc::clone(&self.scoring)), self.max_message_bytes);
        Box::pin(async move {
            let mut grpc = Grpc::new(Encoded)
                .max_decoding_message_size(limit)
                .max_encoding_message_size(limit);
            Ok(grpc.unary(method, request).await)
        })
    }
}

struct Classify(Arc<Scoring>);

impl UnaryService<pb::ClassifyRequest> for Classify {
    type Response = Bytes;
    type Future = BoxFuture<tonic::Response<Bytes>, Status>;

    fn call(&mut self, request: tonic::Request<pb::ClassifyRequest>) -> Self::Future {
        let scoring = Arc::clone(&self.0);
        Box::pin(async move {
            let bytes = scoring.classify_encoded(request.get_ref()).await?;
            Ok(tonic::Response::new(bytes))
        })
    }
}

/// Reads messages and writes bytes.
struct Encoded;

impl Codec for Encoded {
    type Encode = Bytes;
    type Decode = pb::ClassifyRequest;
    type Encoder = Self;
    type Decoder = ProstDecoder<pb::ClassifyRequest>;

    fn encoder(&mut self) -> Self::Encoder {
        Self
    }

    fn decoder(&mut self) -> Self::Decoder {
        ProstCodec::<(), pb::ClassifyRequest>::raw_decoder(BufferSettings::default())
    }
}

impl Encoder for Encoded {
    type Item = Bytes;
    type Error = Status;

    fn encode(&mut self, bytes: Bytes, buffer: &mut EncodeBuf<'_>) -> Result<(), Status> {
        buffer.put(bytes);
        Ok(())
    }
}
