#!/bin/sh
# A cache bounded by weight (`max_capacity` with a `weigher`), with a value that is heavier than the whole cache.
#
# Guess: inserting such a value and updating a held key to such a value end alike: the heavy value does not stay, everything else does.
# Seen: an insert under a new key is rejected and evicts nothing; an update of a held key evicts every other entry, and then the heavy one.
#
# What follows: weigh a value before it replaces a held one, and remove the key instead where it is too heavy.
#
# Version: moka 0.12.16 (crates.io), `sync::Cache`. Exits 0 if the behaviour is as described.
set -eu
place=$(mktemp -d)
trap 'rm -rf "$place"' EXIT
mkdir "$place/src"
cat > "$place/Cargo.toml" <<'TOML'
[package]
name = "finding"
version = "0.0.0"
edition = "2021"

[dependencies]
moka = { version = "=0.12.16", features = ["sync"] }
TOML
cat > "$place/src/main.rs" <<'RUST'
use moka::sync::Cache;

const CAPACITY: u64 = 1_000;
const ENTRIES: u32 = 50;

/// A cache of 50 entries that weigh 10 each; then a value of 5,000 is put under a key.
fn kept_after(key: u32) -> usize {
    let cache = Cache::builder().max_capacity(CAPACITY).weigher(|_, weight: &u32| *weight).build();
    for key in 0..ENTRIES {
        cache.insert(key, 10);
    }
    cache.run_pending_tasks();
    cache.insert(key, 5_000);
    cache.run_pending_tasks();
    (0..ENTRIES).filter(|held| *held != key && cache.contains_key(held)).count()
}

fn main() {
    let (inserted, updated) = (kept_after(ENTRIES), kept_after(0));
    println!("moka 0.12.16, capacity {CAPACITY}, {ENTRIES} entries of weight 10, then one value of weight 5000");
    println!("under a new key: {inserted} of {ENTRIES} other entries are left");
    println!("under a held key: {updated} of {} other entries are left", ENTRIES - 1);
    std::process::exit(i32::from((inserted, updated) != (ENTRIES as usize, 0)));
}
RUST
cargo run --quiet --manifest-path "$place/Cargo.toml" --target-dir "$place/target"
