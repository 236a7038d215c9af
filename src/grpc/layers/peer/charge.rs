//! What calls are charged for while they hold it. Each charge is returned when it is dropped, however the call ends.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use super::Peer;
use super::turns::CallerPlace;

/// Bytes that a call costs beside its message: the task, the stream of the transport and its headers.
pub(crate) const CALL_BYTES: u64 = 8192;

/// Bytes that the head and the trailers of an answer cost until the socket has taken them: their maps and the stream of the transport.
const HEAD_BYTES: u64 = 2048;

/// Whose budget is used up.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Exceeded {
    /// That of the connection.
    Connection,
    /// That of all connections together.
    Process,
}

/// A request under way.
#[derive(Debug)]
pub struct RequestCharge {
    peer: Arc<Peer>,
    bytes: u64,
    is_complete: bool,
}

/// An answer that the peer has not read.
#[derive(Debug)]
pub struct AnswerCharge {
    peer: Arc<Peer>,
    bytes: u64,
}

/// One of the places of a connection, which counts for its caller too.
#[derive(Debug)]
pub struct PeerPlace {
    peer: Arc<Peer>,
    _caller: CallerPlace,
}

/// Whose places are used up.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NoPlace {
    /// The connection.
    Connection,
    /// Its caller, over all its connections.
    Caller,
}

impl RequestCharge {
    /// What is charged.
    #[must_use]
    pub fn bytes(&self) -> u64 {
        self.bytes
    }
}

impl Peer {
    /// Charges for a request that waits for its message or is larger than a call costs anyway.
    ///
    /// # Errors
    /// When the connection or the process has too much under way.
    pub fn request(self: &Arc<Self>) -> Result<RequestCharge, Exceeded> {
        let mut charge = RequestCharge {
            peer: Arc::clone(self),
            bytes: 0,
            is_complete: false,
        };
        charge.add(CALL_BYTES)?;
        Ok(charge)
    }

    /// Charges for an answer of so many bytes.
    #[must_use]
    pub fn answer(self: &Arc<Self>, bytes: usize) -> AnswerCharge {
        let bytes = bytes as u64 + CALL_BYTES;
        self.answer_bytes.fetch_add(bytes, Ordering::AcqRel);
        let all = &self.shared.answer_bytes;
        let before = all.fetch_add(bytes, Ordering::AcqRel);
        if before + bytes > self.shared.limits.all_answer_bytes {
            self.shared.alarm.notify_one();
        }
        AnswerCharge {
            peer: Arc::clone(self),
            bytes,
        }
    }

    /// Counts an answer that is nothing but a head.
    pub fn answer_head(&self) {
        self.outgoing_bytes.fetch_add(HEAD_BYTES, Ordering::AcqRel);
        let all = &self.shared.answer_bytes;
        all.fetch_add(HEAD_BYTES, Ordering::AcqRel);
    }

    /// One of the places of the connection, and of those that all callers share, of which so many are `free`.
    ///
    /// # Errors
    /// When the connection or its caller has all that it may have.
    pub fn place(self: &Arc<Self>, free: u64) -> Result<PeerPlace, NoPlace> {
        let caller = self.caller.load().place(free);
        let place = PeerPlace {
            _caller: caller.ok_or(NoPlace::Caller)?,
            peer: Arc::clone(self),
        };
        // A place that is dropped is given back.
        let before = self.places.fetch_add(1, Ordering::AcqRel);
        if before < self.shared.limits.places {
            Ok(place)
        } else {
            Err(NoPlace::Connection)
        }
    }
}

impl RequestCharge {
    /// Charges for so many bytes of the message more.
    ///
    /// # Errors
    /// When the connection or the process has too much under way; then nothing more is charged.
    pub fn grow(&mut self, bytes: u64) -> Result<(), Exceeded> {
        let received = &self.peer.received_bytes;
        received.fetch_add(bytes, Ordering::Relaxed);
        self.add(bytes)
    }

    /// Charges for so many bytes of the message in all.
    ///
    /// # Errors
    /// As [`Self::grow`].
    pub fn hold(&mut self, bytes: u64) -> Result<(), Exceeded> {
        let charged = self.bytes.saturating_sub(CALL_BYTES);
        self.grow(bytes.saturating_sub(charged))?;
        self.shrink(charged.saturating_sub(bytes));
        Ok(())
    }

    /// So many bytes were charged for and are not held: buffers grow in steps, and a message fills its last one in part.
    pub fn shrink(&mut self, bytes: u64) {
        let bytes = bytes.min(self.bytes);
        let large = self.large_bytes();
        self.bytes -= bytes;
        let peer = &self.peer;
        peer.shared.request_bytes.fetch_sub(bytes, Ordering::AcqRel);
        peer.request_bytes.fetch_sub(bytes, Ordering::AcqRel);
        if !self.is_complete {
            peer.incomplete_bytes.fetch_sub(bytes, Ordering::AcqRel);
            let less = large - self.large_bytes();
            peer.large_bytes.fetch_sub(less, Ordering::Relaxed);
        }
    }

    fn add(&mut self, bytes: u64) -> Result<(), Exceeded> {
        let (peer, limits) = (&self.peer, &self.peer.shared.limits);
        let own = peer.request_bytes.fetch_add(bytes, Ordering::AcqRel) + bytes;
        let all = &peer.shared.request_bytes;
        let everybody = all.fetch_add(bytes, Ordering::AcqRel) + bytes;
        peer.incomplete_bytes.fetch_add(bytes, Ordering::AcqRel);
        let large = self.large_bytes();
        self.bytes += bytes;
        let more = self.large_bytes() - large;
        peer.large_bytes.fetch_add(more, Ordering::Relaxed);
        if own > limits.request_bytes {
            return Err(Exceeded::Connection);
        }
        if everybody > limits.all_request_bytes {
            peer.shared.is_short.store(true, Ordering::Release);
            peer.shared.alarm.notify_one();
            return Err(Exceeded::Process);
        }
        Ok(())
    }

    /// The message is there: from here on the call is the server's to finish.
    pub fn complete(&mut self) {
        if !std::mem::replace(&mut self.is_complete, true) {
            let incomplete = &self.peer.incomplete_bytes;
            incomplete.fetch_sub(self.bytes, Ordering::AcqRel);
            let large = &self.peer.large_bytes;
            large.fetch_sub(self.large_bytes(), Ordering::Relaxed);
        }
    }

    /// What is charged beyond what every call is.
    fn large_bytes(&self) -> u64 {
        self.bytes.saturating_sub(CALL_BYTES)
    }
}

impl Drop for RequestCharge {
    fn drop(&mut self) {
        self.complete();
        let all = &self.peer.shared.request_bytes;
        all.fetch_sub(self.bytes, Ordering::AcqRel);
        self.peer
            .request_bytes
            .fetch_sub(self.bytes, Ordering::AcqRel);
    }
}

impl AnswerCharge {
    /// The transport asked for so many bytes of the answer: from here on they are counted until the socket took them.
    pub fn hand_over(&mut self, bytes: usize) {
        let bytes = (bytes as u64).min(self.bytes);
        self.bytes -= bytes;
        // In this order, so that the sum never misses them.
        self.peer.outgoing_bytes.fetch_add(bytes, Ordering::AcqRel);
        self.peer.answer_bytes.fetch_sub(bytes, Ordering::AcqRel);
    }
}

impl Drop for AnswerCharge {
    fn drop(&mut self) {
        self.peer
            .answer_bytes
            .fetch_sub(self.bytes, Ordering::AcqRel);
        let all = &self.peer.shared.answer_bytes;
        all.fetch_sub(self.bytes, Ordering::AcqRel);
        self.peer.answer_head();
    }
}

impl Drop for PeerPlace {
    fn drop(&mut self) {
        self.peer.places.fetch_sub(1, Ordering::AcqRel);
    }
}
