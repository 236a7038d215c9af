//! What a version has beside its pooled parameters: sets by kind, effects of covariates, and whether they explain anything.

use super::report_page;
use crate::cli::text;
use crate::pb;

/// A larger model that gains as much by chance more often than this explains nothing.
const BY_CHANCE: f64 = 0.05;

/// The parameters of each kind and whether kinds differ.
pub(super) fn by_kind_page(fit: &pb::ByKindReport) -> String {
    let mut parts: Vec<String> = fit
        .kinds
        .iter()
        .map(|one| {
            let mut lines = vec![format!("Orders of kind {}", text::kind_name(one.kind))];
            match &one.orders {
                Some(orders) => lines.push(text::indented(&report_page(orders))),
                None => lines.push(text::indented(&format!(
                    "pooled parameters: {}",
                    one.orders_pooled_reason
                ))),
            }
            lines.push(format!("Spend of kind {}", text::kind_name(one.kind)));
            match &one.spend {
                Some(spend) => lines.push(text::indented(&report_page(spend))),
                None => lines.push(text::indented(&format!(
                    "pooled parameters: {}",
                    one.spend_pooled_reason
                ))),
            }
            lines.join("\n")
        })
        .collect();
    let tests = text::labelled(&[
        (
            "Orders",
            test_text(fit.orders_test.as_ref(), &fit.orders_test_absent_reason),
        ),
        (
            "Spend",
            test_text(fit.spend_test.as_ref(), &fit.spend_test_absent_reason),
        ),
    ]);
    parts.push(format!(
        "One set for all kinds against one per kind\n{}",
        text::indented(&tests)
    ));
    parts.join("\n\n")
}

pub(super) fn covariates_page(fit: &pb::CovariateReport) -> String {
    let report = fit.orders.as_ref().map(report_page).unwrap_or_default();
    let means = fit.names.iter().zip(&fit.means);
    let means: Vec<String> = means
        .map(|(name, mean)| format!("{name} {mean:.4}"))
        .collect();
    let ranges = fit.names.iter().zip(fit.minima.iter().zip(&fit.maxima));
    let ranges = ranges.map(|(name, (least, greatest))| format!("{name} {least} to {greatest}"));
    let ranges: Vec<String> = ranges.collect();
    let ranges = if ranges.is_empty() {
        "not known: the version is of an earlier release".to_owned()
    } else {
        ranges.join(", ")
    };
    let facts = text::labelled(&[
        ("Range", ranges),
        (
            "Parameters",
            format!("of a customer at the means: {}", means.join(", ")),
        ),
        (
            "Excluded",
            format!(
                "{} customers with an unknown covariate; they use the pooled parameters",
                fit.excluded_customer_count
            ),
        ),
        (
            "Test",
            test_text(fit.test.as_ref(), &fit.test_absent_reason),
        ),
    ]);
    format!(
        "Orders with covariates: {}\n{}",
        fit.names.join(", "),
        text::indented(&format!("{report}\n{facts}"))
    )
}

pub(super) fn test_text(test: Option<&pb::LikelihoodRatio>, absent_reason: &str) -> String {
    match test {
        Some(test) => format!(
            "likelihood ratio {:.2} on {} degrees of freedom, {}{}",
            test.statistic,
            test.degrees_of_freedom,
            text::p_value(test.p_value),
            if test.p_value > BY_CHANCE {
                ": explains nothing beyond chance"
            } else {
                ""
            }
        ),
        None => format!("none: {absent_reason}"),
    }
}
