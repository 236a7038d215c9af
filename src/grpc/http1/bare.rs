//! The body of an answer without what gRPC adds to it: the prefix of the message and the trailers.

use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::{Buf as _, Bytes};
use http_body::{Frame, SizeHint};
use http_body_util::BodyExt as _;
use tonic::Status;
use tonic::body::Body;

use crate::grpc::layers::receive::PREFIX_BYTES;

/// A message and nothing else. It is given as the body gives it, so that what a peer does not read stays charged to it.
#[derive(Debug)]
pub(super) struct BareBody {
    first: Bytes,
    rest: Body,
    /// Bytes to come, those of `first` included.
    left: usize,
    is_compressed: bool,
}

impl BareBody {
    /// Looks at the first piece, whose prefix has the length.
    pub(super) async fn new(mut body: Body) -> Self {
        let frame = body.frame().await;
        let data = frame
            .and_then(Result::ok)
            .and_then(|it| it.into_data().ok());
        let mut first = data.unwrap_or_default();
        let (mut left, mut is_compressed) = (0, false);
        if let Some(&[compressed, a, b, c, d]) = first.first_chunk::<PREFIX_BYTES>() {
            is_compressed = compressed == 1;
            left = u32::from_be_bytes([a, b, c, d]) as usize;
            first.advance(PREFIX_BYTES);
        }
        let mut bare = Self {
            first,
            rest: body,
            left,
            is_compressed,
        };
        if left == 0 {
            let _ = bare.rest.frame().await;
        }
        bare
    }

    /// Whether the message is compressed.
    pub(super) fn is_compressed(&self) -> bool {
        self.is_compressed
    }
}

impl http_body::Body for BareBody {
    type Data = Bytes;
    type Error = Status;

    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Status>>> {
        let this = self.get_mut();
        if this.left == 0 {
            return Poll::Ready(None);
        }
        let data = if this.first.is_empty() {
            match ready!(Pin::new(&mut this.rest).poll_frame(cx)) {
                Some(Ok(frame)) => frame.into_data().unwrap_or_default(),
                Some(Err(status)) => return Poll::Ready(Some(Err(status))),
                None => Bytes::new(),
            }
        } else {
            std::mem::take(&mut this.first)
        };
        if data.is_empty() {
            return Poll::Ready(None); // shorter than it said, which the peer notices by its length
        }
        this.left = this.left.saturating_sub(data.len());
        if this.left == 0 {
            // The trailers are there, and who counts the calls waits for them.
            let _ = Pin::new(&mut this.rest).poll_frame(cx);
        }
        Poll::Ready(Some(Ok(Frame::data(data))))
    }

    fn is_end_stream(&self) -> bool {
        self.left == 0
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(self.left as u64)
    }
}
