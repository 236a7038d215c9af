//! Answers in words: money, kinds, reasons, aligned labels and tables. Plain text, the same in a terminal and in a pipe.

use jiff::Timestamp;

use crate::domain::money::Currency;
use crate::pb;

/// Decimals of a currency by ISO 4217, withdrawn ones included. `None`: no such currency, or one without a minor unit by definition (gold,
/// for example).
pub fn currency_exponent(code: &str) -> Option<u32> {
    code.parse::<Currency>().ok().map(Currency::exponent)
}

/// An amount in major units as exact decimal text: 1999 EUR is "19.99". Of an unknown currency, the minor units.
#[must_use]
pub fn major_text(amount_minor: i64, currency: &str) -> String {
    let Some(exponent @ 1..) = currency_exponent(currency) else {
        return amount_minor.to_string();
    };
    let unit = 10_u64.pow(exponent);
    let magnitude = amount_minor.unsigned_abs();
    let sign = if amount_minor < 0 { "-" } else { "" };
    let width = exponent as usize;
    format!("{sign}{}.{:0width$}", magnitude / unit, magnitude % unit)
}

/// A number with so many digits after the point, and never "-0.00".
#[must_use]
pub fn fixed(value: f64, digits: usize) -> String {
    let text = format!("{value:.digits$}");
    match text.strip_prefix('-') {
        Some(zero) if zero.bytes().all(|byte| matches!(byte, b'0' | b'.')) => zero.to_owned(),
        _ => text,
    }
}

/// An amount with its currency: "19.99 EUR".
#[must_use]
pub fn money_text(money: &pb::Money) -> String {
    format!(
        "{} {}",
        major_text(money.amount_minor, &money.currency),
        money.currency
    )
}

/// A kind of customer as the contract names it, without its prefix: "PERSON".
#[must_use]
pub fn kind_name(kind: i32) -> &'static str {
    let name = pb::CustomerKind::try_from(kind).map_or("UNSPECIFIED", |kind| kind.as_str_name());
    name.strip_prefix("CUSTOMER_KIND_").unwrap_or(name)
}

/// A kind of customer in a word.
#[must_use]
pub fn kind_word(kind: i32) -> &'static str {
    match pb::CustomerKind::try_from(kind) {
        Ok(pb::CustomerKind::Person) => "person",
        Ok(pb::CustomerKind::Company) => "company",
        Ok(pb::CustomerKind::Employee) => "employee",
        Ok(pb::CustomerKind::Unspecified) | Err(_) => "not known",
    }
}

/// Why a customer is unrated, as the contract names it, without its prefix: "`NO_PURCHASE`". `None` for a rated one.
#[must_use]
pub fn unrated_name(reason: i32) -> Option<&'static str> {
    match pb::UnratedReason::try_from(reason) {
        Ok(pb::UnratedReason::Unspecified) => None,
        Ok(reason) => {
            let name = reason.as_str_name();
            Some(name.strip_prefix("UNRATED_REASON_").unwrap_or(name))
        }
        Err(_) => Some("UNKNOWN_TO_THIS_CLIENT"),
    }
}

/// Why a customer is unrated, in a sentence.
#[must_use]
pub fn unrated_sentence(reason: i32) -> &'static str {
    match pb::UnratedReason::try_from(reason) {
        Ok(pb::UnratedReason::Unspecified) => "",
        Ok(pb::UnratedReason::NotApplicable) => "employee: value does not apply",
        Ok(pb::UnratedReason::NoPurchase) => "no purchase yet, or everything was refunded",
        Ok(pb::UnratedReason::NoModel) => {
            "no active model covers this customer: run `patron model fit`, or see `patron model show`"
        }
        Ok(pb::UnratedReason::NoMean) => "the spend model has no mean, so no expected spend exists",
        Ok(pb::UnratedReason::NoRate) => "an amount cannot be converted to the reporting currency",
        Ok(pb::UnratedReason::TooLarge) => {
            "the value exceeds the largest supported amount: check rates and prices"
        }
        Err(_) => "a reason unknown to this client",
    }
}

/// A tier in words: "gold (1 is the best tier; this is 2)" or why there is none.
#[must_use]
pub fn tier_text(tier: Option<&pb::Tier>) -> String {
    match tier {
        None => "not known".to_owned(),
        Some(tier) if tier.name.is_empty() => {
            format!("UNRATED: {}", unrated_sentence(tier.unrated_reason))
        }
        Some(tier) => format!("{} (rank {}, 1 is the best)", tier.name, tier.rank),
    }
}

/// Behind an amount, the oldest rate that converted a part of it; nothing where none did.
#[must_use]
pub fn oldest_rate_text(used: Option<&pb::UsedRate>) -> String {
    used.map_or_else(String::new, |used| {
        let (from, to, day) = (&used.from_currency, &used.to_currency, &used.day);
        format!(" (oldest rate: {from} to {to} of {day})")
    })
}

/// What to do about rates that are missing, in a line for each; one line for all where no rate helps.
#[must_use]
pub fn missing_rates_text(missing: &[pb::MissingRate]) -> Vec<String> {
    let (rates, without): (Vec<_>, Vec<_>) =
        missing.iter().partition(|one| !one.to_currency.is_empty());
    let mut lines: Vec<String> = rates
        .iter()
        .map(|one| {
            let (from, to, day) = (&one.from_currency, &one.to_currency, &one.day);
            format!(
                "no rate from {from} to {to} on or before {day}: run `patron import rates FILE.csv --from {from} --to {to}`"
            )
        })
        .collect();
    let codes: Vec<&str> = without.iter().map(|one| &*one.from_currency).collect();
    if !codes.is_empty() {
        let codes = codes.join(", ");
        lines.push(format!(
            "amounts are in several currencies (including {codes}) without a reporting currency: run `patron definitions publish FILE`"
        ));
    }
    lines
}

/// What is extrapolated of covariates, in a line for each.
#[must_use]
pub fn extrapolated_text(covariates: &[pb::ExtrapolatedCovariate]) -> Vec<String> {
    let line = |one: &pb::ExtrapolatedCovariate| {
        let (name, value) = (&one.name, one.value);
        format!(
            "{name} is {value}, outside the {} to {} that the model was fitted on",
            one.fitted_min, one.fitted_max
        )
    };
    covariates.iter().map(line).collect()
}

/// An instant in RFC 3339. `None` when absent or out of range.
#[must_use]
pub fn time_text(time: Option<&prost_types::Timestamp>) -> Option<String> {
    let time = time?;
    Timestamp::new(time.seconds, time.nanos)
        .ok()
        .map(|instant| instant.to_string())
}

/// What an answer rests on, in a line.
#[must_use]
pub fn provenance_text(provenance: Option<&pb::Provenance>) -> String {
    let Some(provenance) = provenance else {
        return "not stated".to_owned();
    };
    match time_text(provenance.data_time.as_ref()) {
        Some(time) => format!(
            "data as of {time}, profile version {}, basis {}",
            provenance.profile_version, provenance.basis_id
        ),
        None => format!("basis {}", provenance.basis_id),
    }
}

/// When the database last answered, if the answer is made from memory alone, RFC 3339.
#[must_use]
pub fn stale_since(provenance: Option<&pb::Provenance>) -> Option<String> {
    let provenance = provenance.filter(|provenance| provenance.stale)?;
    time_text(provenance.confirmed_time.as_ref())
}

/// A page with a line about the age of what it says, if the answer may be out of date.
#[must_use]
pub fn with_stale_note(page: String, provenance: Option<&pb::Provenance>) -> String {
    match stale_since(provenance) {
        Some(time) => {
            format!("{page}\n\nStale: the database is unreachable; data as of {time}.")
        }
        None => page,
    }
}

/// A number of things: `1 contact`, `2 contacts`.
#[must_use]
pub fn counted(count: i64, noun: &str) -> String {
    if count == 1 {
        format!("1 {noun}")
    } else {
        format!("{count} {noun}s")
    }
}

/// Rows of label and value with the values aligned, each on a line of its own.
#[must_use]
pub fn labelled(rows: &[(&str, String)]) -> String {
    let width = rows
        .iter()
        .map(|(label, _)| width(label))
        .max()
        .unwrap_or(0);
    let lines: Vec<String> = rows
        .iter()
        .map(|(label, value)| {
            format!("{}  {value}", padded(label, width))
                .trim_end()
                .to_owned()
        })
        .collect();
    lines.join("\n")
}

/// How a column of a table is aligned.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Align {
    /// Text.
    Left,
    /// Numbers.
    Right,
}

/// A table with a header. Rows that are shorter than the header end early.
#[must_use]
pub fn table(header: &[(&str, Align)], rows: &[Vec<String>]) -> String {
    let mut widths: Vec<usize> = header.iter().map(|(name, _)| width(name)).collect();
    for row in rows {
        for (column, cell) in row.iter().enumerate().take(widths.len()) {
            widths[column] = widths[column].max(width(cell));
        }
    }
    let line = |cells: &[String]| {
        let cells: Vec<String> = cells
            .iter()
            .zip(header.iter().zip(&widths))
            .map(|(cell, ((_, align), size))| match align {
                Align::Left => padded(cell, *size),
                Align::Right => {
                    let blanks = size.saturating_sub(width(cell));
                    format!("{}{cell}", " ".repeat(blanks))
                }
            })
            .collect();
        cells.join("  ").trim_end().to_owned()
    };
    let names: Vec<String> = header.iter().map(|(name, _)| (*name).to_owned()).collect();
    let mut lines = vec![line(&names)];
    lines.extend(rows.iter().map(|row| line(row)));
    lines.join("\n")
}

/// Text with every line moved to the right.
#[must_use]
pub fn indented(text: &str) -> String {
    let lines: Vec<String> = text.lines().map(|line| format!("  {line}")).collect();
    lines.join("\n")
}

fn width(text: &str) -> usize {
    text.chars().count()
}

fn padded(text: &str, size: usize) -> String {
    format!("{text}{}", " ".repeat(size.saturating_sub(width(text))))
}

/// A period of renewal in words.
#[must_use]
pub fn period_words(months: i32) -> String {
    match months {
        1 => "monthly".to_owned(),
        12 => "yearly".to_owned(),
        months => format!("every {months} months"),
    }
}

/// The p-value of a test. One below the range of numbers is not said to be 0.
#[must_use]
pub fn p_value(p: f64) -> String {
    if p < f64::MIN_POSITIVE {
        "p < 1e-307".to_owned()
    } else if p < 0.0001 {
        format!("p = {p:.1e}")
    } else {
        format!("p = {p:.4}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn amounts_are_written_with_the_decimals_of_their_currency() {
        assert_eq!(major_text(1_999, "EUR"), "19.99");
        assert_eq!(major_text(-5, "EUR"), "-0.05");
        assert_eq!(major_text(1_999, "JPY"), "1999");
        assert_eq!(major_text(1_999, "KWD"), "1.999");
        assert_eq!(major_text(7, "???"), "7");
        assert_eq!(major_text(i64::MIN, "EUR"), "-92233720368547758.08");
    }

    #[test]
    fn labels_and_columns_are_aligned() {
        assert_eq!(
            labelled(&[("a", "1".into()), ("long", "2".into())]),
            "a     1\nlong  2"
        );
        assert_eq!(
            table(
                &[("tier", Align::Left), ("n", Align::Right)],
                &[
                    vec!["gold".into(), "12".into()],
                    vec!["bronze".into(), "7".into()]
                ],
            ),
            "tier     n\ngold    12\nbronze   7"
        );
    }

    #[test]
    fn an_unrated_tier_says_why_in_words() {
        let tier = pb::Tier {
            unrated_reason: pb::UnratedReason::NoPurchase.into(),
            ..pb::Tier::default()
        };
        assert_eq!(
            tier_text(Some(&tier)),
            "UNRATED: no purchase yet, or everything was refunded"
        );
        assert_eq!(unrated_name(tier.unrated_reason), Some("NO_PURCHASE"));
        assert_eq!(kind_name(2), "COMPANY");
    }

    #[test]
    fn a_p_value_is_never_0() {
        assert_eq!(p_value(0.0), "p < 1e-307");
        assert_eq!(p_value(1.5e-79), "p = 1.5e-79");
        assert_eq!(p_value(0.25), "p = 0.2500");
    }
}
