//! Compiles `proto/` with protox, so that no `protoc` is needed on the machine, and writes the descriptor set for reflection. Lists the
//! migrations, which the program takes in.

use std::fmt::Write as _;
use std::path::PathBuf;

use anyhow::Context as _;

/// Every file that holds a service; what they import is found from them.
const PROTOS: [&str; 9] = [
    "proto/patron/v1/corrections.proto",
    "proto/patron/v1/customers.proto",
    "proto/patron/v1/definitions.proto",
    "proto/patron/v1/desk.proto",
    "proto/patron/v1/ingest.proto",
    "proto/patron/v1/models.proto",
    "proto/patron/v1/routing.proto",
    "proto/patron/v1/scoring.proto",
    "proto/patron/v1/tokens.proto",
];

fn main() -> anyhow::Result<()> {
    println!("cargo::rerun-if-changed=proto");
    println!("cargo::rerun-if-changed=migrations");
    let out = PathBuf::from(std::env::var_os("OUT_DIR").context("cargo sets OUT_DIR")?);
    let mut compiler = protox::Compiler::new(["proto"])?;
    compiler.include_source_info(true).include_imports(true);
    compiler.open_files(PROTOS)?;
    // As the compiler encodes it: the types of prost know no options of ours, such as the scopes of methods, and would drop them.
    std::fs::write(
        out.join("patron_descriptor.bin"),
        compiler.encode_file_descriptor_set(),
    )?;
    let descriptors = compiler.file_descriptor_set();
    std::fs::write(out.join("migrations.rs"), list_migrations()?)?;
    // Maps in the order of their keys: the same answer is the same bytes.
    tonic_prost_build::configure()
        .btree_map(".")
        .compile_fds(descriptors)?;
    Ok(())
}

/// A slice of pairs, as Rust text: the name of each migration and its content.
fn list_migrations() -> anyhow::Result<String> {
    let mut files = Vec::new();
    for entry in std::fs::read_dir(std::fs::canonicalize("migrations")?)? {
        let path = entry?.path();
        if path.extension().is_some_and(|ending| ending == "sql") {
            files.push(path);
        }
    }
    files.sort();
    let mut pairs = String::new();
    for path in &files {
        let name = path.file_name().and_then(std::ffi::OsStr::to_str);
        let name = name.context("a migration's name is text")?;
        let path = path.to_str().context("the folder's name is text")?;
        writeln!(pairs, "({name:?}, include_str!({path:?})),")?;
    }
    Ok(format!("&[{pairs}]"))
}
