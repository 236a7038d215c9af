//! An evaluation for a person: what was compared, totals and errors beside the baselines, and where the model is right or wrong.

mod chance;
mod contracts;

use super::track;
use crate::cli::model::answer::{model_title, spend_orders_title};
use crate::cli::model::season::index_text;
use crate::cli::text::{self, Align};
use crate::pb;

/// The page of an evaluation: all figures of all customers, the errors of each other group.
pub(super) fn page(evaluation: &pb::ModelEvaluation) -> String {
    let mut parts = vec![head(evaluation)];
    let (all, others) = match evaluation.groups.split_first() {
        Some((all, others)) => (Some(all), others),
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
    let is_kind = |group: &&pb::GroupEvaluation| group.customer_kind != 0;
    let kinds = others.iter().filter(is_kind).count();
    for group in others.iter().filter(|it| kinds > 1 || !is_kind(it)) {
        let title = title(group, &evaluation.covariates);
        parts.push(accuracy_part(&title, group, &evaluation.currency));
    }
    parts.push(contracts::renewals_part(evaluation));
    parts.extend(contracts::value_part(evaluation));
    parts.join("\n\n")
}

fn title(group: &pb::GroupEvaluation, covariates: &[String]) -> String {
    if group.covariates_unknown {
        return format!("Unknown {}", covariates.join(", "));
    }
    if group.covariate_values.is_empty() {
        return kind_title(group.customer_kind()).to_owned();
    }
    let values = covariates.iter().zip(&group.covariate_values);
    let values = values.map(|(name, value)| format!("{name} = {value}"));
    values.collect::<Vec<_>>().join(", ")
}

const fn kind_title(kind: pb::CustomerKind) -> &'static str {
    match kind {
        pb::CustomerKind::Company => "Companies",
        pb::CustomerKind::Person | pb::CustomerKind::Employee | pb::CustomerKind::Unspecified => {
            "Persons"
        }
    }
}

fn head(evaluation: &pb::ModelEvaluation) -> String {
    let has_orders = evaluation.orders_absent_reason.is_empty();
    let model = if has_orders {
        model_title(evaluation.kind())
    } else {
        "contracts only"
    };
    let model = match evaluation.version {
        0 => format!("{model}, fitted on facts up to the split"),
        version => format!("{model}, stored version {version}"),
    };
    let mut rows = vec![
        ("Model", model),
        (
            "Calibration",
            format!("{} to {}", evaluation.first_day, evaluation.split_on),
        ),
        (
            "Holdout",
            match evaluation.holdout_days {
                1 => format!("the next day, {}", evaluation.until),
                days => format!("the next {days} days, to {}", evaluation.until),
            },
        ),
    ];
    if evaluation.empty_days > 0 && has_orders {
        rows.push(("Warning", empty_days(evaluation)));
    }
    rows.extend(evaluation.parameters.iter().map(|set| {
        let alone = evaluation.parameters.len() == 1;
        ("Parameters", parameters(set, alone))
    }));
    let used = || {
        evaluation
            .parameters
            .iter()
            .filter(|set| set.pooled_reason.is_empty())
    };
    let unconverged = used().filter(|set| !set.converged);
    rows.extend(unconverged.map(|set| ("Not converged", set.not_converged_reason.clone())));
    let held = used().filter(|set| !set.weak_prior_reason.is_empty());
    rows.extend(held.map(|set| ("Prior", set.weak_prior_reason.clone())));
    let index = evaluation.seasonal_index.as_ref();
    let reason = &evaluation.seasonal_index_absent_reason;
    rows.extend(index_text(index, reason).map(|text| ("Seasonal index", text)));
    if let Some(season) = &evaluation.season {
        rows.push(("Season", season.explanation.clone()));
    }
    if !has_orders {
        rows.push(("No orders", evaluation.orders_absent_reason.clone()));
    } else if evaluation.spend_absent_reason.is_empty() {
        let spend = spend_orders_title(evaluation.spend_orders());
        rows.push(("Spend", spend.to_owned()));
    } else {
        rows.push(("No spend", evaluation.spend_absent_reason.clone()));
    }
    rows.extend(evaluation.excluded_customers.iter().map(excluded_row));
    text::labelled(&rows)
}

/// Customers who are no part of it, and why.
fn excluded_row(excluded: &pb::ExcludedCustomers) -> (&'static str, String) {
    let why = match excluded.reason() {
        pb::ExclusionReason::Employee => "employees",
        pb::ExclusionReason::Newcomer => "customers who first bought after the split",
        pb::ExclusionReason::NoRate => {
            "customers with an amount that has no exchange rate (spend only)"
        }
        pb::ExclusionReason::Unspecified => "customers for a reason unknown to this client",
    };
    ("Excluded", format!("{} {why}", excluded.customers))
}

/// What to make of a holdout that reaches beyond what anybody bought.
fn empty_days(evaluation: &pb::ModelEvaluation) -> String {
    let last = match &*evaluation.last_purchase_on {
        "" => "no purchases".to_owned(),
        last => format!("no purchases after {last}"),
    };
    format!(
        "{last}: if facts of the last {} days are missing, the forecast looks too high; set --until",
        evaluation.empty_days
    )
}

/// A set of parameters and, beside others, for whom it speaks.
fn parameters(set: &pb::EvaluatedParameters, alone: bool) -> String {
    let parameters = set.parameters.iter();
    let parameters = parameters.map(|one| format!("{} {:.4}", one.name, one.value));
    let stages = (set.stages > 0).then(|| format!("k {}", set.stages));
    let parameters = stages.into_iter().chain(parameters);
    let parameters = parameters.collect::<Vec<_>>().join(", ");
    if alone {
        return parameters;
    }
    let whom = match (set.customer_kind, &set.covariates[..]) {
        (0, []) => "pooled".to_owned(),
        (0, covariates) => format!("by {}", covariates.join(", ")),
        _ => kind_title(set.customer_kind()).to_lowercase(),
    };
    let what = if set.pooled_reason.is_empty() {
        parameters
    } else {
        format!("none, pooled instead: {}", set.pooled_reason)
    };
    format!("{whom} (forecast for {}): {what}", set.customers)
}

/// The columns of tables of [`accuracy_rows`].
const ACCURACY_COLUMNS: [(&str, Align); 8] = [
    ("", Align::Left),
    ("total", Align::Right),
    ("off by", Align::Right),
    ("MAE", Align::Right),
    ("RMSE", Align::Right),
    ("bias", Align::Right),
    ("Gini", Align::Right),
    ("ranks", Align::Right),
];

fn accuracy_part(title: &str, group: &pb::GroupEvaluation, currency: &str) -> String {
    let mut rows = accuracy_rows("orders", group.orders.as_ref(), 1, 3);
    let spend = format!("spend in {currency}");
    rows.extend(accuracy_rows(&spend, group.spend.as_ref(), 2, 2));
    let table = text::indented(&text::table(&ACCURACY_COLUMNS, &rows));
    let quantities = [("orders", &group.orders), ("spend", &group.spend)];
    let improvements = quantities.into_iter().filter_map(|(name, quantity)| {
        let improvement = quantity.as_ref()?.improvement.as_ref()?;
        Some(text::indented(&improvement_line(name, improvement)))
    });
    let lines = std::iter::once(format!("{title}: {}\n{table}", group.customers));
    lines.chain(improvements).collect::<Vec<_>>().join("\n")
}

/// Whether parameters by kind or covariates helped.
fn improvement_line(name: &str, improvement: &pb::ForecastImprovement) -> String {
    let reduction = improvement.squared_error_reduction;
    let error = improvement.standard_error;
    let nearer = if reduction >= 0.0 { "less" } else { "more" };
    let beyond = if reduction.abs() > 2.0 * error {
        "significant"
    } else {
        "not significant"
    };
    format!(
        "{name}: a mean squared error {:.4} {nearer} than that of the pooled set (standard error {error:.4}): {beyond}",
        reduction.abs()
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
        row.push(digits(quantity.perfect_gini));
        row
    });
    let ranking = |of: pb::Forecaster| {
        let mut rankings = quantity.rankings.iter();
        rankings.find(|ranking| ranking.forecaster() == of).copied()
    };
    let forecasts = quantity.accuracy.iter().map(|one| {
        let who = match one.forecaster() {
            pb::Forecaster::Model => "  the model",
            pb::Forecaster::Pooled => "  its pooled set",
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
        ("repeat orders up to the split", Align::Right),
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
        "Means per customer by frequency\n{}",
        text::indented(&table)
    )
}

fn deciles_part(group: &pb::GroupEvaluation) -> String {
    let header = [
        ("decile", Align::Right),
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
        "Means per customer by decile of expected orders or spend\n{}",
        text::indented(&table)
    )
}

#[cfg(test)]
mod tests;
