use super::*;

use std::convert::Infallible;
use std::time::Duration;

use bytes::Bytes;
use http_body::Frame;
use tower::service_fn;

use crate::grpc::layers::peer::{PeerLimits, Peers};
use crate::metrics::Metrics;

/// A body of one message of so many bytes.
struct Message(Option<usize>, bool);

impl http_body::Body for Message {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        let this = self.get_mut();
        if let Some(bytes) = this.0.take() {
            return Poll::Ready(Some(Ok(Frame::data(vec![0; bytes].into()))));
        }
        if std::mem::replace(&mut this.1, true) {
            return Poll::Ready(None);
        }
        let mut trailers = HeaderMap::new();
        trailers.insert("grpc-status", http::HeaderValue::from_static("0"));
        Poll::Ready(Some(Ok(Frame::trailers(trailers))))
    }
}

async fn next(body: &mut Body) -> Option<Frame<Bytes>> {
    let frame = std::future::poll_fn(|cx| Pin::new(&mut *body).poll_frame(cx));
    frame.await.map(Result::unwrap)
}

fn request(peer: &Arc<Peer>, path: &str) -> Request<()> {
    let mut request = Request::post(path).body(()).unwrap();
    request.extensions_mut().insert(Arc::clone(peer));
    request
}

#[tokio::test]
async fn an_answer_is_given_in_pieces_and_charged_until_it_is_read() {
    let metrics = Metrics::new([]);
    let peers = Peers::new(PeerLimits::default(), metrics.peers.clone());
    let peer = peers.connect(&CancellationToken::new(), &CancellationToken::new());
    let layer = AnswersLayer::new(CancellationToken::new());
    let mut service = layer.layer(service_fn(|_| async {
        Ok::<_, Infallible>(Response::new(Body::new(Message(Some(40_000), false))))
    }));
    let answer = service
        .call(request(&peer, "/patron.v1.ScoringService/Classify"))
        .await
        .unwrap();
    let held = || {
        peers.look(tokio::time::Instant::now());
        metrics.peers.answer_bytes.get()
    };
    assert!(held() > 40_000);
    let mut body = answer.into_body();
    let mut sizes = vec![];
    while let Some(frame) = next(&mut body).await {
        match frame.into_data() {
            Ok(data) => sizes.push(data.len()),
            Err(frame) => assert!(frame.is_trailers()),
        }
    }
    assert_eq!(sizes, [16_384, 16_384, 7_232]);
    drop(body);
    assert_eq!(held(), 0);
}

#[tokio::test]
async fn a_stream_ends_when_the_drain_begins_after_what_it_had_to_say() {
    let draining = CancellationToken::new();
    let peers = Peers::new(PeerLimits::default(), Metrics::new([]).peers.clone());
    let peer = peers.connect(&draining, &CancellationToken::new());
    let layer = AnswersLayer::new(CancellationToken::new());
    let mut service = layer.layer(service_fn(|_| async {
        let (sender, stream) = tokio::sync::mpsc::channel::<Bytes>(1);
        sender.send(Bytes::from_static(b"last word")).await.unwrap();
        let body = Spoken(stream, sender);
        Ok::<_, Infallible>(Response::new(Body::new(body)))
    }));
    let answer = service
        .call(request(&peer, "/grpc.health.v1.Health/Watch"))
        .await
        .unwrap();
    let mut body = answer.into_body();
    draining.cancel();
    let word = next(&mut body).await.unwrap().into_data().unwrap();
    assert_eq!(word, "last word");
    let end = tokio::time::timeout(Duration::from_secs(20), next(&mut body));
    let trailers = end.await.unwrap().unwrap().into_trailers().unwrap();
    assert_eq!(trailers["grpc-status"], "14");
    assert!(next(&mut body).await.is_none());
}

/// What is sent, for as long as there is a sender.
struct Spoken(
    tokio::sync::mpsc::Receiver<Bytes>,
    #[expect(dead_code, reason = "keeps the stream open")] tokio::sync::mpsc::Sender<Bytes>,
);

impl http_body::Body for Spoken {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        let received = self.get_mut().0.poll_recv(cx);
        received.map(|bytes| bytes.map(|it| Ok(Frame::data(it))))
    }
}

#[tokio::test]
async fn an_answer_that_is_too_large_names_the_share_that_fits() {
    let layer = AnswersLayer::new(CancellationToken::new());
    let mut service = layer.layer(service_fn(|_| async {
        // As tonic's encoder words it.
        let words =
            "Error, encoded message length too large: found 5000000 bytes, the limit is: 4194304 bytes";
        let mut trailers = HeaderMap::new();
        trailers.insert("grpc-status", http::HeaderValue::from_static("11"));
        trailers.insert("grpc-message", http::HeaderValue::from_static(words));
        let body = http_body_util::Empty::<Bytes>::new();
        let body = http_body_util::BodyExt::with_trailers(body, std::future::ready(Some(Ok(trailers))));
        Ok::<_, Infallible>(Response::new(Body::new(body)))
    }));
    let request = Request::post("/patron.v1.ServiceDeskService/PresortTickets");
    let answer = service.call(request.body(()).unwrap()).await.unwrap();
    let status = Status::from_header_map(answer.headers()).unwrap();
    assert_eq!(status.code(), Code::ResourceExhausted);
    assert!(
        status.message().contains("at most 83 % of the items"),
        "{status:?}"
    );
}
