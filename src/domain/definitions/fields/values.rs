//! Reading single values: numbers, days, amounts, durations, words.

use std::ops::RangeInclusive;

use super::{refuse, scalar};
use crate::domain::{
    calendar::Day,
    definitions::yaml::Node,
    money::{Currency, Money},
    rules::{
        amount,
        diagnostic::{Code, Diagnostics},
        nearest::nearest,
    },
};

/// A whole number.
pub(in crate::domain::definitions) fn whole(
    node: &Node,
    range: RangeInclusive<u32>,
    problems: &mut Diagnostics,
) -> Option<u32> {
    let written = scalar(node, problems)?;
    let parsed = written.parse().ok().filter(|value| range.contains(value));
    if parsed.is_some() {
        return parsed;
    }
    let message = format!(
        "{written:?} is not a whole number from {} to {}",
        range.start(),
        range.end()
    );
    refuse(
        node.span,
        message,
        format!("for example {}", range.start()),
        problems,
    )
}

/// A calendar day.
pub(in crate::domain::definitions) fn day(node: &Node, problems: &mut Diagnostics) -> Option<Day> {
    let written = scalar(node, problems)?;
    let message = format!("{written:?} is not a day");
    let help = "for example 2026-12-15";
    let day = written.parse().ok();
    day.or_else(|| refuse(node.span, message, help, problems))
}

/// A share, written `40 %` or `0.4`.
pub(in crate::domain::definitions) fn share(
    node: &Node,
    problems: &mut Diagnostics,
) -> Option<f64> {
    let written = scalar(node, problems)?;
    let (digits, unit) = match written.strip_suffix('%') {
        Some(percent) => (percent.trim_end(), 100.0),
        None => (written, 1.0),
    };
    let is_plain = digits.bytes().all(|b| b.is_ascii_digit() || b == b'.');
    let parsed = digits.parse().ok().map(|number: f64| number / unit);
    match parsed.filter(|value| is_plain && (0.0..=1.0).contains(value)) {
        Some(value) => Some(value),
        None => refuse(
            node.span,
            format!("{written:?} is not a share from 0 % to 100 %"),
            "for example `40 %` or `0.4`",
            problems,
        ),
    }
}

/// An amount in `currency`, which is `None` when that could not be read.
pub(in crate::domain::definitions) fn money(
    node: &Node,
    currency: Option<Currency>,
    problems: &mut Diagnostics,
) -> Option<Money> {
    let written = scalar(node, problems)?;
    let code = currency.map_or("EUR", Currency::code);
    match amount::parse(written) {
        Ok(money) if currency.is_none_or(|currency| currency == money.currency) => Some(money),
        Ok(money) => {
            let message = format!("this amount is in {}; values are in {code}", money.currency);
            problems.add_with_help(
                node.span,
                Code::CurrencyMismatch,
                message,
                format!("write it in {code}"),
            );
            None
        }
        Err(error) => refuse(
            node.span,
            error,
            format!("for example `5000 {code}`"),
            problems,
        ),
    }
}

/// One of the listed words.
pub(in crate::domain::definitions) fn choice<T: Copy>(
    node: &Node,
    words: &[(&str, T)],
    problems: &mut Diagnostics,
) -> Option<T> {
    let written = scalar(node, problems)?;
    if let Some((_, value)) = words.iter().find(|(word, _)| *word == written) {
        return Some(*value);
    }
    let known: Vec<&str> = words.iter().map(|(word, _)| *word).collect();
    let help = match nearest(written, known.iter().copied()) {
        Some(near) => format!("did you mean `{near}`?"),
        None => format!("write one of {}", known.join(", ")),
    };
    refuse(
        node.span,
        format!("{written:?} is not valid here"),
        help,
        problems,
    )
}

/// Minutes, written `15 min`, `4 h` or `2 d`.
pub(in crate::domain::definitions) fn minutes(
    node: &Node,
    problems: &mut Diagnostics,
) -> Option<u32> {
    let written = scalar(node, problems)?;
    let digits = written.len()
        - written
            .trim_start_matches(|c: char| c.is_ascii_digit())
            .len();
    let (number, unit) = written.split_at(digits);
    let factor = match unit.trim_start() {
        "min" => Some(1),
        "h" => Some(60),
        "d" => Some(24 * 60),
        _ => None,
    };
    let parsed = number
        .parse::<u32>()
        .ok()
        .zip(factor)
        .and_then(|(number, factor)| number.checked_mul(factor));
    match parsed.filter(|&minutes| minutes > 0) {
        Some(minutes) => Some(minutes),
        None => refuse(
            node.span,
            format!("{written:?} is not a duration"),
            "for example `15 min`, `4 h` or `2 d`",
            problems,
        ),
    }
}
