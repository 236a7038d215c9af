//! What the model says of chances: who buys again, how far off the total may be, and the intervals of single customers.

use crate::cli::text::{self, Align};
use crate::pb;

/// Shares and mean probabilities of who ordered again.
pub(super) fn buyers_part(group: &pb::GroupEvaluation) -> String {
    let buyers = group.buyers.clone().unwrap_or_default();
    let header = [
        ("decile", Align::Right),
        ("customers", Align::Right),
        ("ordered again", Align::Right),
        ("expected", Align::Right),
    ];
    let rows: Vec<Vec<String>> = buyers
        .deciles
        .iter()
        .map(|decile| {
            vec![
                decile.decile.to_string(),
                decile.customers.to_string(),
                percent(decile.actual_mean),
                percent(decile.expected_mean),
            ]
        })
        .collect();
    format!(
        "{} ordered again in the holdout, {} were expected: Brier score {:.4}, baseline {:.4}\n{}",
        percent(buyers.actual_share),
        percent(buyers.expected_share),
        buyers.brier_score,
        buyers.baseline_brier_score,
        text::indented(&text::table(&header, &rows))
    )
}

/// Where the totals came to lie; `None` where no interval could be drawn, which the next part says.
pub(super) fn total_part(group: &pb::GroupEvaluation, currency: &str) -> Option<String> {
    let header = [
        ("", Align::Left),
        ("from", Align::Right),
        ("to", Align::Right),
        ("actual", Align::Right),
        ("", Align::Left),
    ];
    let spend = format!("spend in {currency}");
    let quantities = [("orders", 1, &group.orders), (&*spend, 2, &group.spend)];
    let rows: Vec<Vec<String>> = quantities
        .into_iter()
        .filter_map(|(name, decimals, quantity)| {
            let total = quantity.as_ref()?.total?;
            Some(vec![
                name.to_owned(),
                format!("{:.decimals$}", total.low),
                format!("{:.decimals$}", total.high),
                format!("{:.decimals$}", total.actual),
                verdict(&total),
            ])
        })
        .collect();
    let of_orders = group.orders.iter().find_map(|orders| orders.total)?;
    Some(format!(
        "{:.0} % prediction interval of the total, without shocks to all customers at once\n{}",
        100.0 * of_orders.level,
        text::indented(&text::table(&header, &rows))
    ))
}

/// On which side of the interval the total lies, and how likely so much or more, or so little or less, was.
pub(super) fn verdict(total: &pb::TotalInterval) -> String {
    let quantile = total.actual_quantile;
    if total.actual < total.low {
        format!("below: {} by chance", chance(quantile))
    } else if total.actual > total.high {
        format!("above: {} by chance", chance(1.0 - quantile))
    } else {
        "within".to_owned()
    }
}

fn chance(probability: f64) -> String {
    if probability < 0.0005 {
        "less than 0.1 %".to_owned()
    } else {
        percent(probability)
    }
}

pub(super) fn percent(share: f64) -> String {
    format!("{:.1} %", 100.0 * share)
}

/// How often the intervals of single customers held.
pub(super) fn coverage_part(
    group: &pb::GroupEvaluation,
    evaluation: &pb::ModelEvaluation,
) -> String {
    if !evaluation.intervals_absent_reason.is_empty() {
        let reason = &evaluation.intervals_absent_reason;
        return format!("No prediction intervals: {reason}");
    }
    let header = [
        ("interval", Align::Right),
        ("of", Align::Left),
        ("customers", Align::Right),
        ("within", Align::Right),
        ("calibrated", Align::Right),
    ];
    let quantities = [("orders", &group.orders), ("spend", &group.spend)];
    let rows: Vec<Vec<String>> = quantities
        .into_iter()
        .filter_map(|(name, quantity)| Some((name, quantity.as_ref()?)))
        .flat_map(|(name, quantity)| {
            quantity.coverage.iter().map(move |level| {
                vec![
                    format!("{:.0} %", 100.0 * level.level),
                    name.to_owned(),
                    level.customers.to_string(),
                    format!("{:.1} %", 100.0 * level.within_share),
                    format!("{:.1} %", 100.0 * level.calibrated_share),
                ]
            })
        })
        .collect();
    let table = text::table(&header, &rows);
    format!(
        "Intervals of single customers: a correct model reaches the level under \"calibrated\", but a wrong one may too\n{}",
        text::indented(&table)
    )
}
