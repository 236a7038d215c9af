//! Test support: the committed reference tables (`tests/reference/`, with its README) and how close is close.

use serde::de::DeserializeOwned;

/// Rows of a table with a header line.
pub(crate) fn rows<R: DeserializeOwned>(table: &str) -> Vec<R> {
    csv::Reader::from_reader(table.as_bytes())
        .into_deserialize()
        .collect::<Result<_, _>>()
        .unwrap()
}

/// Relative difference of two numbers; 0 when both are the same or below the range of `f64`.
pub(crate) fn relative_difference(actual: f64, expected: f64) -> f64 {
    if (actual - expected).abs() < f64::MIN_POSITIVE {
        return 0.0;
    }
    (actual - expected).abs() / expected.abs()
}

/// Fails with both numbers unless they agree to the relative tolerance; a NaN never agrees.
#[track_caller]
pub(crate) fn assert_close(what: &str, actual: f64, expected: f64, tolerance: f64) {
    let difference = relative_difference(actual, expected);
    assert!(
        difference <= tolerance,
        "{what}: {actual:e} instead of {expected:e}, relative difference {difference:.1e} > {tolerance:.1e}"
    );
}

/// A file of the published data sets, which are not part of the repository: `PATRON_SHARED`, or a folder `shared` beside or
/// above the checkout. Says so where it is absent.
pub(crate) fn shared_data(name: &str) -> Option<String> {
    let from_environment = std::env::var_os("PATRON_SHARED").map(std::path::PathBuf::from);
    let checkout = std::path::Path::new(env!("CARGO_MANIFEST_DIR"));
    let beside = checkout.ancestors().map(|folder| folder.join("shared"));
    let found = from_environment
        .into_iter()
        .chain(beside)
        .map(|folder| folder.join("data").join(name))
        .find(|path| path.is_file());
    if found.is_none() {
        println!("{name} is not on this machine: not run on the whole data set");
    }
    found.map(|path| std::fs::read_to_string(path).unwrap())
}
