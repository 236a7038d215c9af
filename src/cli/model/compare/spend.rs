//! The orders that spend can be fitted to, side by side.

use serde_json::{Value, json};

use super::{number, off_by};
use crate::cli::model::answer::spend_orders_name;
use crate::cli::model::evaluate::accuracy_json;
use crate::cli::text::{self, Align};
use crate::pb;

/// The recommended choice, if there is one.
pub(in crate::cli::model) fn recommended(
    comparison: &pb::ModelComparison,
) -> Option<pb::SpendOrders> {
    let mut choices = comparison.spend_choices.iter();
    choices
        .find(|choice| choice.recommended)
        .map(pb::ComparedSpend::spend_orders)
}

/// Which orders to fit spend to, and why.
pub(super) fn recommended_row(comparison: &pb::ModelComparison) -> Option<(&'static str, String)> {
    let choice = spend_orders_name(recommended(comparison)?)?;
    let reason = &comparison.spend_recommendation_reason;
    Some(("Spend", format!("--spend-orders {choice}: {reason}")))
}

/// The choices, and why one was not compared; `None` where the server names none.
pub(super) fn part(comparison: &pb::ModelComparison) -> Option<String> {
    let header = [
        ("spend per order", Align::Left),
        ("customers", Align::Right),
        ("MAE", Align::Right),
        ("RMSE", Align::Right),
        ("correlation", Align::Right),
        ("total off by", Align::Right),
        ("MAE of a customer", Align::Right),
    ];
    let choices = comparison.spend_choices.iter();
    let rows = choices.filter_map(|choice| {
        let (per_order, given) = (choice.per_order?, choice.given_orders?);
        Some(vec![
            spend_orders_name(choice.spend_orders())?.to_owned(),
            per_order.customers.to_string(),
            number(Some(per_order.mean_absolute_error), 2),
            number(Some(per_order.root_mean_squared_error), 2),
            number(per_order.correlation, 3),
            off_by(given.expected_total, given.actual_total),
            number(Some(given.mean_absolute_error), 2),
        ])
    });
    let rows: Vec<Vec<String>> = rows.collect();
    let mut lines = vec![];
    if !rows.is_empty() {
        lines.push(text::table(&header, &rows));
        lines.push("Total and MAE of a customer: if the number of orders were known".to_owned());
    }
    let absent = comparison.spend_choices.iter();
    lines.extend(absent.filter(|it| !it.absent_reason.is_empty()).map(|it| {
        let orders = spend_orders_name(it.spend_orders()).unwrap_or_default();
        format!("Spend of {orders}: not compared, {}", it.absent_reason)
    }));
    (!lines.is_empty()).then(|| lines.join("\n"))
}

/// One choice.
pub(super) fn choice_json(choice: &pb::ComparedSpend) -> Value {
    json!({
        "spend_orders": spend_orders_name(choice.spend_orders()),
        "recommended": choice.recommended,
        "absent_reason": choice.absent_reason,
        "per_order": choice.per_order.as_ref().map(accuracy_json),
        "given_orders": choice.given_orders.as_ref().map(accuracy_json),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn choices_stand_side_by_side_and_one_is_recommended() {
        let accuracy = |mean_absolute_error, correlation| pb::ForecastAccuracy {
            customers: 40,
            actual_total: 200.0,
            expected_total: 210.0,
            mean_absolute_error,
            root_mean_squared_error: 2.0 * mean_absolute_error,
            correlation,
            ..Default::default()
        };
        let choice = |orders: pb::SpendOrders, error, recommended| pb::ComparedSpend {
            spend_orders: orders.into(),
            recommended,
            per_order: Some(accuracy(error, Some(0.25))),
            given_orders: Some(accuracy(2.0 * error, None)),
            ..Default::default()
        };
        let comparison = pb::ModelComparison {
            spend_choices: vec![
                choice(pb::SpendOrders::All, 5.0, false),
                choice(pb::SpendOrders::Repeat, 4.5, true),
                pb::ComparedSpend {
                    spend_orders: pb::SpendOrders::RepeatMeans.into(),
                    absent_reason: "too few".into(),
                    ..Default::default()
                },
            ],
            spend_recommendation_reason: "closer, by 2.5 standard errors".into(),
            ..Default::default()
        };
        let text = part(&comparison).unwrap();
        let words = |line: &str| line.split_whitespace().collect::<Vec<_>>().join(" ");
        let lines: Vec<String> = text.lines().map(words).collect();
        for line in [
            "all 40 5.00 10.00 0.250 +5.0 % 10.00",
            "repeat 40 4.50 9.00 0.250 +5.0 % 9.00",
        ] {
            assert!(lines.iter().any(|it| it == line), "no {line:?} in\n{text}");
        }
        assert!(
            text.ends_with("Spend of repeat-means: not compared, too few"),
            "{text}"
        );
        let row = recommended_row(&comparison).unwrap();
        let expected = "--spend-orders repeat: closer, by 2.5 standard errors";
        assert_eq!(row, ("Spend", expected.to_owned()));
        assert_eq!(
            choice_json(&comparison.spend_choices[1])["recommended"],
            true
        );
        assert_eq!(part(&pb::ModelComparison::default()), None);
        assert_eq!(recommended(&pb::ModelComparison::default()), None);
    }
}
