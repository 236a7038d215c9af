//! What is asked of scores beside the subject, from messages.

use super::violations::Checker;
use crate::{
    domain::{
        assess::valuation::order_forecast::OrderForecastOptions,
        clv::{discount::DiscountRate, interval::MAX_LEVEL},
    },
    pb,
};

/// Greatest horizon, in months.
const MAX_HORIZON_MONTHS: i32 = 120;
/// The last day ahead whose orders may be asked for: a century.
const MAX_DAYS: i32 = 36_525;
/// Greatest number of orders whose probability may be asked for.
const MAX_ORDER_COUNT: i32 = 100;
/// Discount rates a year, as fractions: less is next to none, more is no discount rate.
const YEARLY_DISCOUNTS: std::ops::RangeInclusive<f64> = 0.000_1..=1.0;

/// The level of intervals of a request; `None` for none.
pub(crate) fn interval_level(level: Option<f64>, check: &mut Checker<'_>) -> Option<f64> {
    let level = level?;
    // Not a number is neither.
    let possible = level > 0.5 && level <= MAX_LEVEL;
    if !possible {
        check.refuse(
            "OUT_OF_RANGE",
            format!(
                "is {level:?}: set a probability above 0.5 and up to {MAX_LEVEL}, for example 0.9, or none for no intervals"
            ),
        );
    }
    possible.then_some(level)
}

/// The model version to compare with; `None` for none.
pub(crate) fn compare_version(version: i64, check: &mut Checker<'_>) -> Option<i64> {
    if version < 0 {
        check.refuse(
            "OUT_OF_RANGE",
            format!("is {version}: set the number of a model version, or 0 for no comparison"),
        );
    }
    (version > 0).then_some(version)
}

/// The horizon of a request; `None` for that of the definitions.
pub(crate) fn horizon_months(months: i32, check: &mut Checker<'_>) -> Option<u32> {
    if !(0..=MAX_HORIZON_MONTHS).contains(&months) {
        check.refuse(
            "OUT_OF_RANGE",
            format!("is {months}: set 1 to {MAX_HORIZON_MONTHS}, or 0 for the horizon of the definitions"),
        );
    }
    u32::try_from(months).ok().filter(|&months| months > 0)
}

/// What is asked of the orders to come.
pub(crate) fn order_forecast(
    asked: &pb::OrderForecastOptions,
    check: &mut Checker<'_>,
) -> OrderForecastOptions {
    OrderForecastOptions {
        days: days(asked.from_days, asked.to_days, check),
        max_order_count: asked
            .max_order_count
            .and_then(|count| order_count(count, &mut check.field("max_order_count"))),
        discount: asked
            .yearly_discount_rate
            .and_then(|rate| yearly_discount(rate, &mut check.field("yearly_discount_rate"))),
    }
}

fn days(from: i32, to: i32, check: &mut Checker<'_>) -> Option<(u32, u32)> {
    if (from, to) == (0, 0) {
        return None;
    }
    if !(0..=MAX_DAYS).contains(&from) {
        check.field("from_days").refuse(
            "OUT_OF_RANGE",
            format!("is {from}: set 0 to {MAX_DAYS} days"),
        );
    }
    if !(0..=MAX_DAYS).contains(&to) || to <= from {
        check.field("to_days").refuse(
            "OUT_OF_RANGE",
            format!("is {to}: set more than from_days ({from}), up to {MAX_DAYS}, or 0 in both for no interval"),
        );
    }
    Some((u32::try_from(from).ok()?, u32::try_from(to).ok()?))
}

fn order_count(count: i32, check: &mut Checker<'_>) -> Option<u32> {
    if !(0..=MAX_ORDER_COUNT).contains(&count) {
        check.refuse(
            "OUT_OF_RANGE",
            format!("is {count}: set 0 to {MAX_ORDER_COUNT}, or none for no probabilities"),
        );
    }
    u32::try_from(count).ok()
}

fn yearly_discount(rate: f64, check: &mut Checker<'_>) -> Option<DiscountRate> {
    if !YEARLY_DISCOUNTS.contains(&rate) {
        check.refuse(
            "OUT_OF_RANGE",
            format!(
                "is {rate:?}: set a fraction from {} to {} (0.15 is 15 % a year), or none for the rate of the definitions",
                YEARLY_DISCOUNTS.start(),
                YEARLY_DISCOUNTS.end()
            ),
        );
        return None;
    }
    DiscountRate::effective_per_year(rate).ok()
}
