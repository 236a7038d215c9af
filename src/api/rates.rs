//! Exchange rates from messages and back.

use super::{Calendar, currency, facts::on_day, page::Page, timestamp_message};
use crate::{
    api::violations::{Checker, Violations},
    domain::{
        assess::valuation::MissingRate,
        calendar::Day,
        money::Currency,
        rates::{ExchangeRate, Rate, RateError, RateFilter, RecordedRate, SameCurrency, UsedRate},
    },
    pb,
};

/// A rate, or everything that is wrong with it.
pub(crate) fn exchange_rate(
    message: &pb::ExchangeRate,
    path: String,
    calendar: &Calendar,
) -> Result<ExchangeRate, Violations> {
    let mut violations = Violations::default();
    let mut check = violations.at(path);
    let from = currency(&message.from_currency, &mut check.field("from_currency"));
    let to = currency(&message.to_currency, &mut check.field("to_currency"));
    let day = on_day(&message.day, calendar, &mut check.field("day"));
    let rate = rate(&message.rate, &mut check.field("rate"));
    if from.is_some() && from == to {
        check
            .field("to_currency")
            .refuse("SAME_CURRENCY", SameCurrency.to_string());
    }
    let (Some(from), Some(to), Some(when), Some(rate)) = (from, to, day, rate) else {
        return Err(violations);
    };
    ExchangeRate::new(from, to, when.day, rate).map_err(|_| violations)
}

fn rate(text: &str, check: &mut Checker<'_>) -> Option<Rate> {
    if text.is_empty() {
        check.refuse(
            "REQUIRED",
            "is required: set a decimal text, for example \"1.0845\"",
        );
        return None;
    }
    let read: Result<Rate, RateError> = text.parse();
    let reason = match &read {
        Ok(_) | Err(RateError::NotADecimal(_)) => "INVALID_RATE",
        Err(RateError::NotPositive(_)) => "NOT_POSITIVE",
        Err(RateError::TooLong(_)) => "TOO_LONG",
    };
    check.ok(reason, read)
}

/// Which rates a request wants listed.
pub(crate) fn filter(request: &pb::ListRatesRequest, violations: &mut Violations) -> RateFilter {
    let mut check = violations.at("");
    let mut optional = |code: &str, field: &str| -> Option<Currency> {
        let given = (!code.is_empty()).then_some(code)?;
        currency(given, &mut check.field(field))
    };
    let from = optional(&request.from_currency, "from_currency");
    let to = optional(&request.to_currency, "to_currency");
    let since: Option<Day> = (!request.since.is_empty())
        .then(|| {
            check
                .field("since")
                .ok("INVALID_DAY", request.since.parse())
        })
        .flatten();
    RateFilter { from, to, since }
}

/// The message of a page of rates.
pub(crate) fn list_response(page: Page, rates: Vec<RecordedRate>) -> pb::ListRatesResponse {
    let (rates, next_page_token) = page.cut(rates, |rate| rate.number);
    pb::ListRatesResponse {
        rates: rates.iter().map(recorded).collect(),
        next_page_token,
    }
}

fn recorded(recorded: &RecordedRate) -> pb::RecordedRate {
    let rate = &recorded.rate;
    pb::RecordedRate {
        number: recorded.number,
        rate: Some(pb::ExchangeRate {
            from_currency: rate.from().to_string(),
            to_currency: rate.to().to_string(),
            day: rate.day.to_string(),
            rate: rate.rate.to_string(),
        }),
        current: recorded.holds,
        record_time: Some(timestamp_message(recorded.recorded_at)),
    }
}

/// The messages of rates that are missing.
pub(super) fn missing_rates(missing: &[MissingRate]) -> Vec<pb::MissingRate> {
    let message = |missing: &MissingRate| pb::MissingRate {
        from_currency: missing.from.to_string(),
        to_currency: missing.to.map(|to| to.to_string()).unwrap_or_default(),
        day: missing.day.to_string(),
    };
    missing.iter().map(message).collect()
}

/// The message of a rate that converted an amount.
pub(super) fn used_rate(used: UsedRate) -> pb::UsedRate {
    pb::UsedRate {
        day: used.day.to_string(),
        from_currency: used.from.to_string(),
        to_currency: used.to.to_string(),
    }
}

/// The codes of currencies.
pub(super) fn codes(currencies: &[Currency]) -> Vec<String> {
    currencies.iter().map(ToString::to_string).collect()
}
