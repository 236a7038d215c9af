//! Tower layers around every call, and their order.
//!
//! From the outside in:
//!
//! 1. tonic's transport: HTTP/2 limits, and its own timer for `grpc-timeout`, which our own always beats.
//! 2. [`request_id`]: so that everything after it, refusals included, can be found under one id.
//! 3. [`identity`]: notes who calls and whether they may.
//! 4. [`observe`]: counts and logs every call by how it ended, refusals by the layers below included.
//! 5. [`answers`]: sends answers as fast as they are read, ends streams at the drain, and finds the [`methods`] entry of the call.
//! 6. [`admit`]: refuses who may not.
//! 7. [`deadline`]: bounds everything from here on by one time, the receipt of the message included.
//! 8. [`receive`]: the message is there, whole and within its size, before anything is spent on the call.
//! 9. [`freshness`]: waits until memory shows the write that the call names, and gives writes a token.
//! 10. [`memory`]: a lookup whose customer is in memory ends here, under any load.
//! 11. [`call_span`]: what is logged from here on has the id.
//! 12. [`limit`]: turns calls away before work is spent on them.
//! 13. [`lane`]: moves what is no lookup to threads of its own, reading and writing of messages included.
//! 14. [`compression`]: requests are inflated and answers compressed here, where the lane of the call is.
//! 15. [`transcode`]: a call in JSON is read and its answer written here, likewise.
//! 16. The router and the handlers.
//!
//! Calls over HTTP/1 ([`super::http1`]) pass the same layers, from the second on.
//!
//! What a connection holds in all of them is charged to its [`peer`]. The layers neither build strings nor look labels up per call; a
//! request id is one allocation, the verdict of [`identity`] another. They sit outside of the router, so a call of a method that does not exist passes through them as well.

pub mod admit;
pub mod answers;
pub mod call_span;
pub mod compression;
pub mod deadline;
pub mod freshness;
pub mod identity;
pub mod lane;
pub mod limit;
pub mod memory;
pub mod methods;
pub mod observe;
pub mod peer;
pub mod receive;
pub mod request_id;
pub mod transcode;
