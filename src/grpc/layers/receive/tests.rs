use super::*;

use std::collections::VecDeque;
use std::convert::Infallible;

use bytes::Bytes;
use http_body::Frame;
use tower::service_fn;

use crate::grpc::layers::peer::{PeerLimits, Peers};
use crate::metrics::Metrics;

/// Polls once.
async fn is_pending<F: Future + Unpin>(future: &mut F) -> bool {
    std::future::poll_fn(|cx| Poll::Ready(Pin::new(&mut *future).poll(cx).is_pending())).await
}

/// A body of these pieces, which then ends, waits for ever, or was reset.
struct Pieces(VecDeque<Bytes>, End);

#[derive(Clone, Copy, PartialEq)]
enum End {
    Whole,
    Never,
    Reset,
}

impl http_body::Body for Pieces {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        let this = self.get_mut();
        match this.0.pop_front() {
            Some(piece) => Poll::Ready(Some(Ok(Frame::data(piece)))),
            None if this.1 == End::Never => Poll::Pending,
            None => Poll::Ready(None),
        }
    }

    fn is_end_stream(&self) -> bool {
        self.0.is_empty() && self.1 == End::Whole
    }
}

/// A message with its prefix.
fn framed(message: &[u8]) -> Vec<u8> {
    let length = u32::try_from(message.len()).unwrap().to_be_bytes();
    [&[0][..], &length, message].concat()
}

/// Sends pieces to Classify on a connection; returns the status, or the bytes that the handler got.
async fn receive(peer: &Arc<Peer>, pieces: &[&[u8]], end: End) -> Result<Vec<u8>, Response<Body>> {
    receive_encoded(peer, pieces, end, None).await
}

/// The same, of a call whose messages have an encoding.
async fn receive_encoded(
    peer: &Arc<Peer>,
    pieces: &[&[u8]],
    end: End,
    encoding: Option<Encoding>,
) -> Result<Vec<u8>, Response<Body>> {
    let layer = ReceiveLayer::new(
        ReceiveLimits {
            max_message_bytes: 4 << 20,
            message_timeout: Duration::from_secs(5),
        },
        Metrics::new([]).peers.clone(),
        Metrics::new([]).compression.clone(),
        CancellationToken::new(),
    );
    let mut service = layer.layer(service_fn(|request: Request<Message>| async move {
        let mut answer = Response::new(Body::empty());
        let bytes = request.body().bytes().unwrap().to_vec();
        answer.extensions_mut().insert(bytes);
        Ok::<_, Infallible>(answer)
    }));
    let pieces = pieces.iter().map(|piece| Bytes::copy_from_slice(piece));
    let body = Body::new(Pieces(pieces.collect(), end));
    let mut request = Request::post("/patron.v1.ScoringService/Classify")
        .body(body)
        .unwrap();
    request.extensions_mut().insert(Arc::clone(peer));
    if let Some(encoding) = encoding {
        let headers = request.headers_mut();
        headers.insert(ENCODING_HEADER, encoding.header());
    }
    let mut answer = service.call(request).await.unwrap();
    match answer.extensions_mut().remove::<Vec<u8>>() {
        Some(bytes) => Ok(bytes),
        None => Err(answer),
    }
}

fn peer(limits: PeerLimits) -> Arc<Peer> {
    let peers = Peers::new(limits, Metrics::new([]).peers.clone());
    peers.connect(
        &tokio_util::sync::CancellationToken::new(),
        &tokio_util::sync::CancellationToken::new(),
    )
}

async fn check(pieces: &[&[u8]], end: End, status: &str) {
    let peer = peer(PeerLimits::default());
    let answer = receive(&peer, pieces, end).await.unwrap_err();
    assert_eq!(answer.headers()["grpc-status"], status);
    assert!(answer.headers().contains_key("grpc-status-details-bin"));
}

#[tokio::test]
async fn a_message_is_received_however_it_is_cut() {
    let whole = framed(b"hello");
    let peer = peer(PeerLimits::default());
    for at in 0..whole.len() {
        let (head, rest) = whole.split_at(at);
        let message = receive(&peer, &[head, rest], End::Whole).await.unwrap();
        assert_eq!(message, b"hello");
    }
    let bytes: Vec<&[u8]> = whole.chunks(1).collect();
    assert_eq!(receive(&peer, &bytes, End::Whole).await.unwrap(), b"hello");
    assert_eq!(
        receive(&peer, &[&framed(b"")], End::Whole).await.unwrap(),
        b""
    );
}

#[tokio::test]
async fn what_is_no_message_is_the_callers_fault() {
    check(&[], End::Whole, "3").await;
    check(&[&[0, 0]], End::Whole, "3").await;
    check(&[&framed(b"hello")[..8]], End::Whole, "3").await;
    check(&[&framed(b"hello"), &framed(b"hello")], End::Whole, "3").await;
    check(&[&[1, 0, 0, 0, 1, 7]], End::Whole, "3").await;
}

#[tokio::test]
async fn a_message_over_the_limit_is_refused_by_its_announcement() {
    check(&[&[0, 0xff, 0xff, 0xff, 0xff]], End::Never, "8").await;
    check(&[&[0, 0, 1, 0, 1]], End::Never, "8").await;
}

#[tokio::test]
async fn a_stream_that_was_reset_is_a_cancelled_call() {
    check(&[], End::Reset, "1").await;
    check(&[&framed(b"hello")], End::Reset, "1").await;
}

#[tokio::test(start_paused = true)]
async fn a_message_that_does_not_come_is_not_waited_for() {
    let start = tokio::time::Instant::now();
    check(&[&framed(b"hello")[..8]], End::Never, "4").await;
    assert_eq!(start.elapsed(), Duration::from_secs(5));
}

#[tokio::test(start_paused = true)]
async fn requests_under_way_have_a_budget_and_give_it_back() {
    let peer = peer(PeerLimits {
        request_bytes: 20_000,
        ..PeerLimits::default()
    });
    let half = [0, 0, 0, 0x80, 0];
    let pieces = [&half[..]];
    let waiting = || Box::pin(receive(&peer, &pieces, End::Never));
    let (mut first, mut second, third) = (waiting(), waiting(), waiting());
    for future in [&mut first, &mut second] {
        assert!(is_pending(future).await);
    }
    let refused = third.await.unwrap_err();
    assert_eq!(refused.headers()["grpc-status"], "14");
    assert!(refused.headers().contains_key("grpc-retry-pushback-ms"));
    drop(first);
    assert!(is_pending(&mut waiting()).await);
    // What came at once and is small needs no budget.
    let small = receive(&peer, &[&framed(b"hello")], End::Whole).await;
    assert_eq!(small.unwrap(), b"hello");
}

#[tokio::test]
async fn what_a_compressed_message_becomes_is_bounded_and_charged_to_its_connection() {
    let (small, large) = (vec![7; 30_000], vec![7; 65_537]);
    for encoding in [Encoding::Gzip, Encoding::Zstd] {
        let peer_of = |request_bytes| {
            peer(PeerLimits {
                request_bytes,
                ..PeerLimits::default()
            })
        };
        let send = async |peer: &Arc<Peer>, message: &[u8]| {
            let framed = encoding.deflate(message).unwrap();
            assert!(framed.len() < 1_000);
            receive_encoded(peer, &[&framed], End::Whole, Some(encoding)).await
        };
        let roomy = peer_of(100_000);
        assert_eq!(send(&roomy, &small).await.unwrap(), small);
        let refused = send(&roomy, &large).await.unwrap_err();
        assert_eq!(refused.headers()["grpc-status"], "8", "{encoding:?}");
        let refused = send(&peer_of(20_000), &small).await.unwrap_err();
        assert_eq!(refused.headers()["grpc-status"], "14", "{encoding:?}");
        // Marked as compressed, and it is not.
        let framed = [&[1][..], &framed(b"hello")[1..]].concat();
        let refused = receive_encoded(&roomy, &[&framed], End::Whole, Some(encoding)).await;
        assert_eq!(refused.unwrap_err().headers()["grpc-status"], "3");
    }
}
