//! Tower layers around every call, and their order.
//!
//! From the outside in:
//!
//! 1. tonic's transport: HTTP/2 limits, and its own timer for `grpc-timeout`, which our own always beats.
//! 2. [`request_id`]: so that everything after it, refusals included, can be found under one id.
//! 3. [`observe`]: counts and logs every call by how it ended, refusals by the layers below included.
//! 4. [`limit`]: turns calls away before anything is spent on them.
//! 5. [`deadline`]: bounds the work and only the work; a call that was turned away needs no timer.
//! 6. [`lane`]: moves what is no lookup to threads of its own, reading and writing of messages included.
//! 7. The router and the handlers.
//!
//! The layers neither build strings nor look labels up per call; a request id is one allocation. They sit outside of the router, so a
//! call of a method that does not exist passes through them as well.

pub mod deadline;
pub mod lane;
pub mod limit;
pub mod observe;
pub mod request_id;
