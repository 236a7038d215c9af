//! The track of weekly repeat orders as a table with bars: four weeks a line, the split between two of them.

use crate::cli::text::{self, Align};
use crate::pb;

/// Weeks of a line.
const WEEKS: usize = 4;
/// Days of a whole line.
const DAYS: i32 = 28;
/// Widest bar, in characters.
const WIDTH: usize = 40;

/// Some weeks in a row.
struct Stretch<'a> {
    weeks: &'a [pb::TrackedWeek],
    actual: i64,
    expected: f64,
}

/// The part of the page.
pub(super) fn part(weeks: &[pb::TrackedWeek]) -> String {
    let stretches = stretches(weeks);
    let most = stretches.iter().fold(0.0, |most: f64, stretch| {
        most.max(number(stretch.actual)).max(stretch.expected)
    });
    let header = [
        ("weeks", Align::Left),
        ("to", Align::Left),
        ("days", Align::Right),
        ("orders", Align::Right),
        ("expected", Align::Right),
        ("so far", Align::Right),
        ("expected", Align::Right),
        ("", Align::Left),
    ];
    let rows: Vec<Vec<String>> = stretches.iter().map(|stretch| row(stretch, most)).collect();
    format!(
        "Repeat orders by week (= actual, | expected, * holdout, ~ fewer days than the others)\n{}",
        text::indented(&text::table(&header, &rows))
    )
}

fn row(stretch: &Stretch<'_>, most: f64) -> Vec<String> {
    let (Some(first), Some(last)) = (stretch.weeks.first(), stretch.weeks.last()) else {
        return vec![];
    };
    let days: i32 = stretch.weeks.iter().map(|week| week.days).sum();
    let mark = if last.in_holdout { "*" } else { "" };
    let short = if days < DAYS { "~" } else { "" };
    vec![
        format!("{}-{}{mark}{short}", first.week, last.week),
        last.last_day.clone(),
        days.to_string(),
        stretch.actual.to_string(),
        format!("{:.1}", stretch.expected),
        last.actual_cumulative.to_string(),
        format!("{:.1}", last.expected_cumulative),
        bar(number(stretch.actual), stretch.expected, most),
    ]
}

/// The weeks of calibration and of the holdout by fours, whole ones beside the split.
fn stretches(weeks: &[pb::TrackedWeek]) -> Vec<Stretch<'_>> {
    let known = weeks.partition_point(|week| !week.in_holdout);
    let (known, holdout) = weeks.split_at(known);
    let (rest, whole) = known.split_at(known.len() % WEEKS);
    let chunks = [rest, whole, holdout]
        .into_iter()
        .flat_map(|part| part.chunks(WEEKS));
    chunks
        .map(|weeks| Stretch {
            weeks,
            actual: weeks.iter().map(|week| week.actual).sum(),
            expected: weeks.iter().map(|week| week.expected).sum(),
        })
        .collect()
}

/// A bar for what came, with a mark where it was expected to end.
fn bar(actual: f64, expected: f64, most: f64) -> String {
    let (end, mark) = (place(actual, most), place(expected, most));
    let cell = |at: usize| match at {
        at if at == mark => '|',
        at if at < end => '=',
        _ => ' ',
    };
    let bar: String = (0..=WIDTH).map(cell).collect();
    bar.trim_end().to_owned()
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    clippy::cast_precision_loss,
    reason = "a place within a bar"
)]
fn place(of: f64, most: f64) -> usize {
    if most > 0.0 {
        ((of / most) * WIDTH as f64).round() as usize
    } else {
        0
    }
}

#[expect(clippy::cast_precision_loss, reason = "counts far below 2^53")]
fn number(count: i64) -> f64 {
    count as f64
}
