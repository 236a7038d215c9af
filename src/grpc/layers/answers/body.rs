//! The bodies of answers: one that is given piece by piece, and one that ends with the server.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use bytes::{Bytes, BytesMut};
use http::HeaderMap;
use http_body::{Body as _, Frame};
use tokio_util::sync::{CancellationToken, WaitForCancellationFutureOwned};
use tonic::body::Body;
use tonic::{Code, Status};

use super::own_status;
use crate::grpc::layers::peer::{AnswerCharge, Peer};
use crate::grpc::status::{self, transport};

/// Most bytes given at once: what a stream may have in the transport beyond its window. The size of a frame, so that pieces cost nothing.
const PIECE_BYTES: usize = 16 * 1024;

/// What a handler answered, as far as it is there. Handlers of unary calls have all of it at once.
#[derive(Debug)]
pub(super) struct Collected {
    body: Body,
    data: Bytes,
    trailers: Option<HeaderMap>,
    error: Option<Status>,
}

impl Collected {
    pub(super) fn new(body: Body) -> Self {
        Self {
            body,
            data: Bytes::new(),
            trailers: None,
            error: None,
        }
    }

    /// Ready when the answer is complete.
    pub(super) fn poll(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        while let Some(frame) = ready!(Pin::new(&mut self.body).poll_frame(cx)) {
            match frame.map(Frame::into_data) {
                Ok(Ok(data)) if self.data.is_empty() => self.data = data,
                Ok(Ok(data)) => {
                    let mut all = BytesMut::from(&*self.data);
                    all.extend_from_slice(&data);
                    self.data = all.freeze();
                }
                Ok(Err(other)) => {
                    self.trailers = other.into_trailers().ok();
                    break;
                }
                Err(error) => {
                    self.error = Some(error);
                    break;
                }
            }
        }
        Poll::Ready(())
    }

    /// What to answer instead, if there is no answer: tonic finds out while it encodes that one is too large.
    pub(super) fn failure(&self) -> Option<Status> {
        let code = match &self.error {
            Some(error) => Some(error.code()),
            None => self.trailers.as_ref().and_then(own_status),
        };
        match code {
            None | Some(Code::Ok) => None,
            Some(Code::OutOfRange | Code::ResourceExhausted) => {
                let of_trailers = || status::of_headers(self.trailers.as_ref()?);
                let stated = self.error.clone().or_else(of_trailers);
                let sizes = stated.and_then(|stated| stated_sizes(stated.message()));
                Some(transport::answer_too_large(sizes))
            }
            Some(_) => self.error.clone(),
        }
    }
}

/// The size of an answer that is too large and the largest one, which tonic states in words.
fn stated_sizes(message: &str) -> Option<(u64, u64)> {
    let numbers = message.split(|c: char| !c.is_ascii_digit());
    let numbers: Vec<u64> = numbers.filter_map(|it| it.parse().ok()).collect();
    <[u64; 2]>::try_from(numbers).ok().map(|it| (it[0], it[1]))
}

/// An answer that is given piece by piece.
#[derive(Debug)]
pub(super) struct PacedBody {
    data: Bytes,
    trailers: Option<HeaderMap>,
    charge: Option<AnswerCharge>,
}

impl PacedBody {
    pub(super) fn new(collected: Collected, peer: Option<&Arc<Peer>>) -> Self {
        let Collected { data, trailers, .. } = collected;
        Self {
            charge: peer.map(|peer| peer.answer(data.len())),
            data,
            trailers,
        }
    }
}

impl http_body::Body for PacedBody {
    type Data = Bytes;
    type Error = Status;

    fn poll_frame(
        self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Status>>> {
        let this = self.get_mut();
        if this.data.is_empty() {
            this.charge.take();
            return Poll::Ready(this.trailers.take().map(|it| Ok(Frame::trailers(it))));
        }
        let piece = this.data.split_to(this.data.len().min(PIECE_BYTES));
        if let Some(charge) = &mut this.charge {
            charge.hand_over(piece.len());
        }
        Poll::Ready(Some(Ok(Frame::data(piece))))
    }

    fn is_end_stream(&self) -> bool {
        self.data.is_empty() && self.trailers.is_none()
    }
}

/// A stream that ends when the drain begins.
#[derive(Debug)]
pub(super) struct EndlessBody {
    body: Body,
    token: CancellationToken,
    draining: Pin<Box<WaitForCancellationFutureOwned>>,
    is_over: bool,
}

impl EndlessBody {
    pub(super) fn new(body: Body, draining: CancellationToken) -> Self {
        Self {
            body,
            draining: Box::pin(draining.clone().cancelled_owned()),
            token: draining,
            is_over: false,
        }
    }
}

impl http_body::Body for EndlessBody {
    type Data = Bytes;
    type Error = Status;

    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Status>>> {
        let this = self.get_mut();
        if this.is_over {
            return Poll::Ready(None);
        }
        // First what is there: that nothing serves any more is said before the stream ends.
        match Pin::new(&mut this.body).poll_frame(cx) {
            Poll::Ready(Some(Ok(frame))) if frame.is_data() => {
                return Poll::Ready(Some(Ok(frame)));
            }
            // Where the drain ended it, it did not end well.
            Poll::Ready(end) if !this.token.is_cancelled() => return Poll::Ready(end),
            Poll::Ready(_) => {}
            Poll::Pending => ready!(this.draining.as_mut().poll(cx)),
        }
        this.is_over = true;
        let mut trailers = HeaderMap::new();
        let written = transport::stopping().add_header(&mut trailers);
        Poll::Ready(Some(written.map(|()| Frame::trailers(trailers))))
    }

    fn is_end_stream(&self) -> bool {
        self.is_over || self.body.is_end_stream()
    }
}
