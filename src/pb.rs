//! The generated messages, servers and clients of package `patron.v1`. The source is `proto/`, where every element is documented.
#![allow(
    missing_docs,
    unreachable_pub,
    clippy::pedantic,
    clippy::wildcard_enum_match_arm,
    reason = "generated code; its documentation is in the proto files"
)]

tonic::include_proto!("patron.v1");

/// The descriptor set of all services, for reflection.
pub const FILE_DESCRIPTOR_SET: &[u8] =
    include_bytes!(concat!(env!("OUT_DIR"), "/patron_descriptor.bin"));
