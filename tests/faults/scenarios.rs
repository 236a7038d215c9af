//! The scenarios, and the tables they print.

pub(crate) mod beside;
pub(crate) mod callers;
pub(crate) mod hostile;
pub(crate) mod neighbours;
pub(crate) mod outage;
pub(crate) mod overload;
pub(crate) mod stop;
pub(crate) mod threads;
pub(crate) mod writers;

use std::path::Path;

use crate::program::Server;

/// What was measured, beside what is promised.
pub(crate) struct Row {
    pub(crate) what: String,
    pub(crate) measured: String,
    pub(crate) promised: String,
    /// `None` where nothing is promised.
    pub(crate) kept: Option<bool>,
}

/// The rows in columns.
pub(crate) fn table(rows: &[Row]) -> String {
    let width = |of: fn(&Row) -> &str| rows.iter().map(|row| of(row).chars().count()).max();
    let what = width(|row| &row.what).unwrap_or(0);
    let measured = width(|row| &row.measured).unwrap_or(0);
    let line = |row: &Row| {
        let verdict = match row.kept {
            None => "",
            Some(true) => "kept",
            Some(false) => "BROKEN",
        };
        let Row { promised, .. } = row;
        let text = format!(
            "  {:what$}  {:measured$}  {promised:24}  {verdict}",
            row.what, row.measured
        );
        text.trim_end().to_owned()
    };
    rows.iter().map(line).collect::<Vec<_>>().join("\n")
}

/// The server on the prepared data, with more arguments.
pub(crate) fn serve(data: &Path, more: &[&str]) -> anyhow::Result<Server> {
    let path = data.to_string_lossy();
    let mut arguments = vec!["--data-dir", &*path];
    arguments.extend(more);
    Server::serve(&arguments)
}

/// The middle one; 0 of none.
pub(crate) fn median(values: &[f64]) -> f64 {
    let mut values = values.to_vec();
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or(0.0)
}

/// Least and greatest, for a spread.
pub(crate) fn spread(values: &[f64]) -> (f64, f64) {
    let least = values.iter().copied().fold(f64::INFINITY, f64::min);
    (least, values.iter().copied().fold(0.0, f64::max))
}
