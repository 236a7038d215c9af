//! The HTTP face: call arrival for telephone systems, and descriptions of the API for generic clients.
//!
//! A script in a telephone system takes any other status than 200 for a failure and has no good way to handle one. So whatever can be read has
//! an answer with 200; 4xx is for mistakes of the integration, as a sentence. Calls of the API on the same listener are answered by the gRPC
//! face (`grpc::http1`), which the application hands to the router.

pub mod agi;
pub mod openapi;
mod parameters;
mod render;
mod route;
mod router;

pub use self::{
    parameters::{Asked, Format, ParameterError},
    route::MAX_BODY_BYTES,
    router::{Admit, AnswerCall, Face, router},
};
