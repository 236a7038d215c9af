//! Compiles `proto/` with protox, so that no `protoc` is needed on the machine, and writes the descriptor set for reflection.

use std::path::PathBuf;

use anyhow::Context as _;
use prost::Message as _;

/// Every file that holds a service; what they import is found from them.
const PROTOS: [&str; 5] = [
    "proto/patron/v1/customers.proto",
    "proto/patron/v1/definitions.proto",
    "proto/patron/v1/ingest.proto",
    "proto/patron/v1/models.proto",
    "proto/patron/v1/scoring.proto",
];

fn main() -> anyhow::Result<()> {
    println!("cargo::rerun-if-changed=proto");
    println!("cargo::rerun-if-changed=migrations"); // sqlx::migrate! takes them in
    let out = PathBuf::from(std::env::var_os("OUT_DIR").context("cargo sets OUT_DIR")?);
    let descriptors = protox::compile(PROTOS, ["proto"])?;
    std::fs::write(
        out.join("patron_descriptor.bin"),
        descriptors.encode_to_vec(),
    )?;
    // Maps in the order of their keys: the same answer is the same bytes.
    tonic_prost_build::configure()
        .btree_map(".")
        .compile_fds(descriptors)?;
    Ok(())
}
