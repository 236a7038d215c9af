//! The seasonal index of a model, as text and as JSON.

use serde::Serialize;

use crate::cli::text;
use crate::pb;

/// Months as the page names them.
const MONTHS: [&str; 12] = [
    "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec",
];

/// The index as JSON.
#[derive(Debug, Serialize)]
pub(super) struct SeasonalIndexJson {
    levels: Vec<f64>,
    standard_errors: Vec<f64>,
    month_levels: Vec<f64>,
    first_day: String,
    orders: i64,
    scatter: f64,
    effective_parameters: f64,
}

impl From<&pb::SeasonalIndex> for SeasonalIndexJson {
    fn from(index: &pb::SeasonalIndex) -> Self {
        Self {
            levels: index.levels.clone(),
            standard_errors: index.standard_errors.clone(),
            month_levels: index.month_levels.clone(),
            first_day: index.first_day.clone(),
            orders: index.orders,
            scatter: index.scatter,
            effective_parameters: index.effective_parameters,
        }
    }
}

/// The index in a line, or why there is none; `None` where none was requested.
pub(super) fn index_text(index: Option<&pb::SeasonalIndex>, absent_reason: &str) -> Option<String> {
    match index {
        Some(index) => Some(format!(
            "{}, estimated from {} repeat orders since {}",
            months_text(index),
            index.orders,
            index.first_day
        )),
        None if absent_reason.is_empty() => None,
        None => Some(format!("none: {absent_reason}")),
    }
}

fn months_text(index: &pb::SeasonalIndex) -> String {
    let months = MONTHS.iter().zip(&index.month_levels);
    let months = months.map(|(name, level)| format!("{name} {level:.2}"));
    months.collect::<Vec<_>>().join(", ")
}

/// The index on the page of a model version, or why there is none; `None` where none was requested.
pub(super) fn index_page(model: &pb::Model) -> Option<String> {
    let Some(index) = &model.seasonal_index else {
        let reason = &model.seasonal_index_absent_reason;
        return (!reason.is_empty()).then(|| format!("No seasonal index: {reason}"));
    };
    let lines = text::labelled(&[
        (
            "Order rate",
            format!("{} (mean of the year: 1)", months_text(index)),
        ),
        (
            "Based on",
            format!("{} repeat orders since {}", index.orders, index.first_day),
        ),
        (
            "Scatter of weeks",
            format!("{:.2} (1 is chance alone)", index.scatter),
        ),
        (
            "Counts as",
            format!(
                "{:.1} parameters in AIC and BIC",
                index.effective_parameters
            ),
        ),
    ]);
    Some(format!("Seasonal index\n{}", text::indented(&lines)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn index() -> pb::SeasonalIndex {
        pb::SeasonalIndex {
            month_levels: (1..=12).map(|month| 0.1 * f64::from(month)).collect(),
            first_day: "2024-01-01".into(),
            orders: 4_321,
            scatter: 1.25,
            effective_parameters: 17.6,
            ..Default::default()
        }
    }

    #[test]
    fn an_index_is_shown_by_month_and_its_absence_with_the_reason() {
        let text = index_text(Some(&index()), "").unwrap();
        assert!(text.starts_with("Jan 0.10, Feb 0.20"), "{text}");
        assert!(
            text.ends_with("4321 repeat orders since 2024-01-01"),
            "{text}"
        );
        assert_eq!(index_text(None, ""), None);
        assert_eq!(index_text(None, "too short").unwrap(), "none: too short");
        let model = pb::Model {
            seasonal_index: Some(index()),
            ..Default::default()
        };
        let page = index_page(&model).unwrap();
        for part in [
            "Dec 1.20 (mean of the year: 1)",
            "4321 repeat orders since 2024-01-01",
            "1.25 (1 is",
            "17.6 parameters",
        ] {
            assert!(page.contains(part), "{part} in\n{page}");
        }
        let without = pb::Model {
            seasonal_index_absent_reason: "too short".into(),
            ..Default::default()
        };
        assert_eq!(
            index_page(&without).unwrap(),
            "No seasonal index: too short"
        );
        assert_eq!(index_page(&pb::Model::default()), None);
    }
}
