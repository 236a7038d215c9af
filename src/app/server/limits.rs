//! What the server takes from its peers and for how long it stops.

use std::time::Duration;

use super::lifetime::Lifetime;
use crate::grpc::layers::peer::charge::CALL_BYTES;
use crate::grpc::layers::peer::{PeerLimits, Threads};
use crate::grpc::layers::receive::ReceiveLimits;

/// Messages of the largest size that one connection may have under way.
const MESSAGES_PER_CONNECTION: u64 = 2;

/// Connections that may have all they can under way at once, however large the messages are.
const MIN_CONNECTIONS: u64 = 2;

/// The part of all places that one connection may take: four greedy peers are needed to fill the server, and the default of 256 streams
/// still is all that one connection can use.
const CONNECTION_SHARE: u64 = 4;

/// What the server takes and for how long it stops. Made from the settings; tests make it by hand.
#[derive(Debug, Clone)]
pub struct Limits {
    /// Streams a connection may have open at once.
    pub max_concurrent_streams: u32,
    /// Connections open at once; more are closed at once.
    pub max_connections: u32,
    /// Calls in progress at once, over all connections. One connection gets a quarter of them.
    pub max_in_flight: u32,
    /// Bytes of one message, either way. Services are built with it (`max_decoding_message_size`, `max_encoding_message_size`).
    pub max_message_bytes: usize,
    /// Time a call gets whose caller set no deadline.
    pub default_deadline: Duration,
    /// Time a new connection has to send its preface.
    pub handshake_timeout: Duration,
    /// Time the message of a request has to come, once its head is there.
    pub message_timeout: Duration,
    /// Bytes of requests under way over all connections.
    pub request_bytes: u64,
    /// Bytes of unread answers over all connections.
    pub answer_bytes: u64,
    /// Time without progress after which a connection that leaves answers unread is cut.
    pub stall_limit: Duration,
    /// Time between "not serving" and the closing of the listener.
    pub lame_duck: Duration,
    /// Time calls in progress have after that, before they are cut.
    pub drain_limit: Duration,
    /// How long connections live.
    pub lifetime: Lifetime,
}

impl Default for Limits {
    /// The defaults of the settings, whose documentation gives the reasons.
    fn default() -> Self {
        let peers = PeerLimits::default();
        Self {
            max_concurrent_streams: 256,
            max_connections: 4096,
            max_in_flight: 1024,
            max_message_bytes: 4 * 1024 * 1024,
            default_deadline: Duration::from_secs(2),
            handshake_timeout: Duration::from_secs(10),
            message_timeout: Duration::from_secs(5),
            request_bytes: peers.all_request_bytes,
            answer_bytes: peers.all_answer_bytes,
            stall_limit: peers.stall,
            lame_duck: Duration::ZERO,
            drain_limit: Duration::from_secs(10),
            lifetime: Lifetime::default(),
        }
    }
}

impl Limits {
    /// What connections may make the server hold.
    pub(super) fn of_peers(&self, threads: Threads) -> PeerLimits {
        let messages = self.max_message_bytes as u64 * MESSAGES_PER_CONNECTION;
        // As many calls as it may have open cost a connection nothing that its messages need.
        let request_bytes = messages + u64::from(self.max_concurrent_streams) * CALL_BYTES;
        PeerLimits {
            request_bytes,
            // The largest messages that the operator allows must find room, whatever their size.
            all_request_bytes: self.request_bytes.max(request_bytes * MIN_CONNECTIONS),
            all_answer_bytes: self.answer_bytes.max(messages * MIN_CONNECTIONS),
            places: u64::from(self.max_in_flight).div_ceil(CONNECTION_SHARE),
            stall: self.stall_limit,
            threads,
        }
    }

    /// How requests are received.
    pub(super) fn of_messages(&self) -> ReceiveLimits {
        ReceiveLimits {
            max_message_bytes: self.max_message_bytes,
            message_timeout: self.message_timeout,
        }
    }
}
