//! Renewals of contracts, and the value of orders and contracts together.

use super::{ACCURACY_COLUMNS, accuracy_rows, chance, off_by};
use crate::cli::text::{self, Align};
use crate::pb;

/// Renewals: totals beside the baseline, intervals, and contracts by how often they were renewed; or why there are none.
pub(super) fn renewals_part(evaluation: &pb::ModelEvaluation) -> String {
    let Some(renewals) = &evaluation.renewals else {
        return format!("No renewals: {}", evaluation.renewals_absent_reason);
    };
    let mut parts = vec![totals(renewals)];
    if let Some(all) = renewals.groups.first() {
        parts.push(intervals(renewals));
        parts.push(ages(all));
    }
    parts.extend(excluded(renewals));
    parts.join("\n")
}

/// Renewals of all contracts and of each period length.
fn totals(renewals: &pb::RenewalEvaluation) -> String {
    let header = [
        ("", Align::Left),
        ("contracts", Align::Right),
        ("due", Align::Right),
        ("renewed", Align::Right),
        ("off by", Align::Right),
        ("Brier", Align::Right),
    ];
    let rows = renewals.groups.iter().flat_map(|group| {
        let came = vec![
            name(group),
            group.contracts.to_string(),
            group.due.to_string(),
            group.renewed.to_string(),
        ];
        let forecast = |who: &str, expected: f64, brier: f64| {
            vec![
                who.to_owned(),
                String::new(),
                String::new(),
                format!("{expected:.1}"),
                off_by_count(expected, group.renewed),
                format!("{brier:.4}"),
            ]
        };
        let model = forecast("  the model", group.expected, group.brier_score);
        let baseline = group.baseline_expected.zip(group.baseline_brier_score);
        let baseline =
            baseline.map(|(expected, brier)| forecast("  at the past rate", expected, brier));
        [came, model].into_iter().chain(baseline)
    });
    let rows: Vec<Vec<String>> = rows.collect();
    let rate = match renewals.baseline_renewal_rate {
        Some(rate) => format!("past rate {}", chance::percent(rate)),
        None => "none was due before the split".to_owned(),
    };
    format!(
        "Renewals of contracts that fell due in the holdout ({rate})\n{}",
        text::indented(&text::table(&header, &rows))
    )
}

#[expect(clippy::cast_precision_loss, reason = "counts far below 2^53")]
fn off_by_count(expected: f64, actual: i64) -> String {
    off_by(expected, actual as f64)
}

fn name(group: &pb::RenewalGroup) -> String {
    match group.period_months {
        0 => "all contracts".to_owned(),
        months => text::period_words(months),
    }
}

/// Where totals and single contracts came to lie.
fn intervals(renewals: &pb::RenewalEvaluation) -> String {
    if !renewals.intervals_absent_reason.is_empty() {
        return format!(
            "No prediction intervals: {}",
            renewals.intervals_absent_reason
        );
    }
    let header = [
        ("90 % interval", Align::Left),
        ("from", Align::Right),
        ("to", Align::Right),
        ("actual", Align::Right),
        ("", Align::Left),
        ("single contracts", Align::Right),
        ("calibrated", Align::Right),
    ];
    let rows =
        renewals.groups.iter().map(|group| {
            let mut row = vec![name(group)];
            match &group.total {
                Some(total) => row.extend([
                    format!("{:.1}", total.low),
                    format!("{:.1}", total.high),
                    format!("{:.0}", total.actual),
                    chance::verdict(total),
                ]),
                None => row.resize(5, String::new()),
            }
            let mut levels = group.coverage.iter();
            let level = levels.find(|level| (level.level - 0.9).abs() < 1e-9);
            row.extend(level.into_iter().flat_map(|level| {
                [level.within_share, level.calibrated_share].map(chance::percent)
            }));
            row
        });
    let rows: Vec<Vec<String>> = rows.collect();
    text::indented(&text::table(&header, &rows))
}

/// Contracts by renewals until the split.
fn ages(group: &pb::RenewalGroup) -> String {
    let header = [
        ("renewals up to the split", Align::Right),
        ("contracts", Align::Right),
        ("due", Align::Right),
        ("renewed", Align::Right),
        ("expected", Align::Right),
        ("off by", Align::Right),
    ];
    let rows = group.ages.iter().map(|age| {
        let more = if age.renewals == 7 { "+" } else { "" };
        vec![
            format!("{}{more}", age.renewals),
            age.contracts.to_string(),
            age.due.to_string(),
            age.renewed.to_string(),
            format!("{:.1}", age.expected),
            off_by_count(age.expected, age.renewed),
        ]
    });
    let rows: Vec<Vec<String>> = rows.collect();
    text::indented(&text::table(&header, &rows))
}

/// Contracts that are no part of it, and those without a model of their own.
fn excluded(renewals: &pb::RenewalEvaluation) -> Option<String> {
    let counts = [
        (renewals.contracts_signed_later, "signed after the split"),
        (renewals.contracts_ending, "with an end known at the split"),
        (
            renewals.contracts_not_due,
            "without a renewal in the holdout",
        ),
    ];
    let excluded = counts.iter().filter(|(contracts, _)| *contracts > 0);
    let excluded: Vec<String> = excluded
        .map(|(contracts, why)| format!("{contracts} {why}"))
        .collect();
    let built_in = (renewals.built_in_contracts > 0).then(|| {
        format!(
            "Predicted by the built-in model: {} contracts",
            renewals.built_in_contracts
        )
    });
    let excluded =
        (!excluded.is_empty()).then(|| format!("Excluded contracts: {}", excluded.join(", ")));
    let lines: Vec<String> = excluded.into_iter().chain(built_in).collect();
    (!lines.is_empty()).then(|| text::indented(&lines.join("\n")))
}

/// The value of customers; `None` without contracts, where it is that of the orders, which stand above.
pub(super) fn value_part(evaluation: &pb::ModelEvaluation) -> Option<String> {
    let Some(value) = &evaluation.value else {
        let has_renewals = evaluation.renewals.is_some();
        return has_renewals.then(|| format!("No value: {}", evaluation.value_absent_reason));
    };
    let name = format!("value in {}", evaluation.currency);
    let mut rows = accuracy_rows(&name, value.quantity.as_ref(), 2, 2);
    let parts = [("orders", &value.orders), ("contracts", &value.contracts)];
    for (name, part) in parts {
        let Some(part) = part else { continue };
        rows.push(vec![format!("  {name}"), format!("{:.2}", part.actual)]);
        rows.push(vec![
            "    expected".to_owned(),
            format!("{:.2}", part.expected),
            off_by(part.expected, part.actual),
        ]);
    }
    for row in &mut rows {
        row.resize(ACCURACY_COLUMNS.len(), String::new());
    }
    let mut lines = vec![
        format!(
            "Value of orders and contracts, not discounted, before any cost to serve: {} customers",
            value.customers
        ),
        text::indented(&text::table(&ACCURACY_COLUMNS, &rows)),
    ];
    let quantity = value.quantity.as_ref();
    let model = quantity.and_then(|quantity| quantity.accuracy.first());
    if let Some(correlation) = model.and_then(|model| model.correlation) {
        lines.push(format!(
            "  Correlation of expected and actual values: {correlation:.3}"
        ));
    }
    if let Some(total) = quantity.and_then(|quantity| quantity.total.as_ref()) {
        lines.push(format!(
            "  {:.0} % prediction interval of the total: {:.2} to {:.2}, {}",
            100.0 * total.level,
            total.low,
            total.high,
            chance::verdict(total)
        ));
    }
    if !value.intervals_absent_reason.is_empty() {
        lines.push(format!(
            "  No prediction interval: {}",
            value.intervals_absent_reason
        ));
    }
    if value.unconvertible_customers > 0 {
        lines.push(format!(
            "  Excluded: {} customers with an amount that has no exchange rate",
            value.unconvertible_customers
        ));
    }
    Some(lines.join("\n"))
}
