//! The gRPC face: thin handlers, conversions, the one status mapping, and the layers around them.

pub mod access;
pub mod corrections;
pub mod customers;
pub mod definitions;
pub mod desk;
pub mod encoded;
pub mod http1;
pub mod ingest;
pub mod json;
pub mod layers;
pub mod models;
pub mod routing;
pub mod scoring;
pub mod status;
pub mod tokens;
