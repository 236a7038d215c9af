//! An evaluation for a person: what was compared, totals and errors beside the baselines, and where the model is right or wrong.

mod chance;

use super::track;
use crate::cli::model::answer::model_title;
use crate::cli::text::{self, Align};
use crate::pb;

/// The page of an evaluation: all figures of all customers, the errors of each kind.
pub(super) fn page(evaluation: &pb::ModelEvaluation) -> String {
    let mut parts = vec![head(evaluation)];
    let (all, kinds) = match evaluation.groups.split_first() {
        Some((all, kinds)) => (Some(all), kinds),
        None => (None, &[][..]),
    };
    if let Some(all) = all {
        parts.push(accuracy_part("All customers", all, &evaluation.currency));
        parts.push(bins_part(all));
        parts.push(deciles_part(all));
        parts.push(chance::buyers_part(all));
        parts.extend(chance::total_part(all, &evaluation.currency));
        parts.push(chance::coverage_part(all, evaluation));
        parts.push(track::part(&all.tracking));
    }
    // One kind alone is all customers.
    let kinds = if kinds.len() > 1 { kinds } else { &[] };
    for kind in kinds {
        let title = match kind.customer_kind() {
            pb::CustomerKind::Company => "Companies",
            pb::CustomerKind::Person
            | pb::CustomerKind::Employee
            | pb::CustomerKind::Unspecified => "Persons",
        };
        parts.push(accuracy_part(title, kind, &evaluation.currency));
    }
    parts.join("\n\n")
}

fn head(evaluation: &pb::ModelEvaluation) -> String {
    let model = model_title(evaluation.kind());
    let model = match evaluation.version {
        0 => format!("{model}, fitted on what was known at the split"),
        version => format!("{model}, version {version} as it is stored"),
    };
    let mut rows = vec![
        ("Model", model),
        (
            "Known",
            format!("{} to {}", evaluation.first_day, evaluation.split_on),
        ),
        (
            "Holdout",
            match evaluation.holdout_days {
                1 => format!("the day after that, {}", evaluation.until),
                days => format!("the {days} days after that, to {}", evaluation.until),
            },
        ),
    ];
    if evaluation.empty_days > 0 {
        rows.push(("Beware", empty_days(evaluation)));
    }
    for set in &evaluation.parameters {
        let parameters = set.parameters.iter();
        let parameters = parameters.map(|one| format!("{} {:.4}", one.name, one.value));
        rows.push((
            parameters_title(set, evaluation.parameters.len()),
            parameters.collect::<Vec<_>>().join(", "),
        ));
        if !set.converged {
            rows.push(("Not converged", set.not_converged_reason.clone()));
        }
    }
    if !evaluation.spend_absent_reason.is_empty() {
        rows.push(("No spend", evaluation.spend_absent_reason.clone()));
    }
    rows.extend(evaluation.left_out.iter().map(|left_out| {
        let why = match left_out.reason() {
            pb::LeftOutReason::Employee => "employees",
            pb::LeftOutReason::Newcomer => "customers who first bought after the split",
            pb::LeftOutReason::NoRate => {
                "customers with amounts in another currency (of spend only)"
            }
            pb::LeftOutReason::Unspecified => "customers for a reason this client does not know",
        };
        ("Left out", format!("{} {why}", left_out.customers))
    }));
    text::labelled(&rows)
}

/// What to make of a holdout that reaches beyond what anybody bought.
fn empty_days(evaluation: &pb::ModelEvaluation) -> String {
    let last = match &*evaluation.last_purchase_on {
        "" => "nobody bought anything".to_owned(),
        last => format!("nobody bought after {last}"),
    };
    format!(
        "{last}: if facts of the last {} of these days are missing, the model expects too much; end it with --until",
        evaluation.empty_days
    )
}

/// Whose parameters they are, of so many sets: one alone is everybody's, and beside another that of all is of who has no own.
fn parameters_title(set: &pb::EvaluatedParameters, sets: usize) -> &'static str {
    match set.customer_kind() {
        _ if sets == 1 => "Parameters",
        pb::CustomerKind::Person => "Of persons",
        pb::CustomerKind::Company => "Of companies",
        pb::CustomerKind::Employee | pb::CustomerKind::Unspecified => "Of all others",
    }
}

fn accuracy_part(title: &str, group: &pb::GroupEvaluation, currency: &str) -> String {
    let header = [
        ("", Align::Left),
        ("total", Align::Right),
        ("off by", Align::Right),
        ("MAE", Align::Right),
        ("RMSE", Align::Right),
        ("bias", Align::Right),
        ("Gini", Align::Right),
        ("ranks", Align::Right),
    ];
    let mut rows = accuracy_rows("orders", group.orders.as_ref(), 1, 3);
    let spend = format!("spend in {currency}");
    rows.extend(accuracy_rows(&spend, group.spend.as_ref(), 2, 2));
    format!(
        "{title}: {}\n{}",
        group.customers,
        text::indented(&text::table(&header, &rows))
    )
}

/// What came, then each forecaster; totals and errors with so many decimals.
fn accuracy_rows(
    name: &str,
    quantity: Option<&pb::QuantityEvaluation>,
    of_total: usize,
    of_error: usize,
) -> Vec<Vec<String>> {
    let Some(quantity) = quantity else {
        return vec![];
    };
    let digits = |number: Option<f64>| number.map_or_else(String::new, |it| format!("{it:.3}"));
    let actual = quantity.accuracy.first().map(|model| {
        let total = format!("{:.of_total$}", model.actual_total);
        let mut row = vec![name.to_owned(), total];
        row.resize(6, String::new());
        row.push(digits(quantity.best_gini));
        row
    });
    let ranking = |of: pb::Forecaster| {
        let mut rankings = quantity.rankings.iter();
        rankings.find(|ranking| ranking.forecaster() == of).copied()
    };
    let forecasts = quantity.accuracy.iter().map(|one| {
        let who = match one.forecaster() {
            pb::Forecaster::Model => "  the model",
            pb::Forecaster::LastYear => "  as last year",
            pb::Forecaster::Pace => "  at last year's pace",
            pb::Forecaster::Mean => "  the mean of all",
            pb::Forecaster::Unspecified => "  unknown",
        };
        let ranking = ranking(one.forecaster()).unwrap_or_default();
        vec![
            who.to_owned(),
            format!("{:.of_total$}", one.expected_total),
            off_by(one.expected_total, one.actual_total),
            format!("{:.of_error$}", one.mean_absolute_error),
            format!("{:.of_error$}", one.root_mean_squared_error),
            format!("{:+.of_error$}", one.bias),
            digits(ranking.gini),
            digits(ranking.rank_correlation),
        ]
    });
    actual.into_iter().chain(forecasts).collect()
}

/// By how much an expectation was off, in percent of what came.
pub(in crate::cli::model) fn off_by(expected: f64, actual: f64) -> String {
    if actual > 0.0 {
        format!("{:+.1} %", 100.0 * (expected / actual - 1.0))
    } else {
        "-".to_owned()
    }
}

fn bins_part(group: &pb::GroupEvaluation) -> String {
    let header = [
        ("repeat orders until the split", Align::Right),
        ("customers", Align::Right),
        ("orders", Align::Right),
        ("expected", Align::Right),
        ("spend", Align::Right),
        ("expected", Align::Right),
    ];
    let orders = group.orders.iter().flat_map(|orders| &orders.bins);
    let spend = |frequency| {
        let mut bins = group.spend.iter().flat_map(|spend| &spend.bins);
        bins.find(|bin| bin.frequency == frequency)
    };
    let rows: Vec<Vec<String>> = orders
        .map(|bin| {
            let more = if bin.frequency == 7 { "+" } else { "" };
            let mut row = vec![
                format!("{}{more}", bin.frequency),
                bin.customers.to_string(),
                format!("{:.3}", bin.actual_mean),
                format!("{:.3}", bin.expected_mean),
            ];
            if let Some(bin) = spend(bin.frequency) {
                row.push(format!("{:.2}", bin.actual_mean));
                row.push(format!("{:.2}", bin.expected_mean));
            }
            row
        })
        .collect();
    let columns = if group.spend.is_some() { 6 } else { 4 };
    let table = text::table(&header[..columns], &rows);
    format!(
        "Means of a customer by frequency\n{}",
        text::indented(&table)
    )
}

fn deciles_part(group: &pb::GroupEvaluation) -> String {
    let header = [
        ("tenth", Align::Right),
        ("customers", Align::Right),
        ("orders", Align::Right),
        ("expected", Align::Right),
        ("lift", Align::Right),
        ("spend", Align::Right),
        ("expected", Align::Right),
        ("lift", Align::Right),
    ];
    let orders = group.orders.iter().flat_map(|orders| &orders.deciles);
    let spend = |tenth| {
        let mut deciles = group.spend.iter().flat_map(|spend| &spend.deciles);
        deciles.find(|decile| decile.decile == tenth)
    };
    let lift = |lift: Option<f64>| lift.map_or_else(|| "-".to_owned(), |lift| format!("{lift:.2}"));
    let rows: Vec<Vec<String>> = orders
        .map(|decile| {
            let mut row = vec![
                decile.decile.to_string(),
                decile.customers.to_string(),
                format!("{:.3}", decile.actual_mean),
                format!("{:.3}", decile.expected_mean),
                lift(decile.lift),
            ];
            if let Some(decile) = spend(decile.decile) {
                row.push(format!("{:.2}", decile.actual_mean));
                row.push(format!("{:.2}", decile.expected_mean));
                row.push(lift(decile.lift));
            }
            row
        })
        .collect();
    let columns = if group.spend.is_some() { 8 } else { 5 };
    let table = text::table(&header[..columns], &rows);
    format!(
        "Means of a customer by tenth, each by its own rank of expected orders or spend\n{}",
        text::indented(&table)
    )
}

#[cfg(test)]
mod tests;
