//! Patron.
fn main() {}
