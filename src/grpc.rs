//! The gRPC face: thin handlers, conversions, the one status mapping, and the layers around them.

pub mod layers;
pub mod status;
