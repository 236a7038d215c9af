//! The answer of `ScoreLifetimeValue` as a page.

mod estimation;

use super::{order_forecast, uncertainty};
use crate::cli::names;
use crate::cli::subject::subject_text;
use crate::cli::text;
use crate::pb;

/// The tier in a word, or why there is none.
#[must_use]
pub fn tier_word(score: &pb::LifetimeValueScore) -> String {
    names::tier_name(score.tier.as_ref()).unwrap_or_else(|| {
        let reason = names::tier_unrated_reason(score.tier.as_ref())
            .or_else(|| text::unrated_name(score.unrated_reason));
        format!("UNRATED {}", reason.unwrap_or_default())
            .trim_end()
            .to_owned()
    })
}

/// The answer for a person.
#[must_use]
pub fn page(subject: &pb::Subject, response: &pb::ScoreLifetimeValueResponse) -> String {
    let asked = subject_text(subject);
    let outer = response.provenance.as_ref();
    let page = match (response.r#match(), &response.score) {
        (pb::Match::One, Some(score)) => one_page(score, outer),
        (pb::Match::Ambiguous, _) => {
            let pages: Vec<String> = response
                .candidates
                .iter()
                .map(|score| text::indented(&one_page(score, None)))
                .collect();
            format!(
                "{} customers share {asked}:\n\n{}",
                response.candidate_count,
                pages.join("\n\n")
            )
        }
        (
            pb::Match::One
            | pb::Match::Unknown
            | pb::Match::Unavailable
            | pb::Match::Invalid
            | pb::Match::Unspecified,
            _,
        ) => {
            format!("No customer found for {asked}.")
        }
    };
    text::with_stale_note(page, outer)
}

fn one_page(score: &pb::LifetimeValueScore, outer: Option<&pb::Provenance>) -> String {
    let provenance = score.provenance.as_ref().or(outer);
    let mut rows = vec![("Customer", score.customer_id.clone())];
    let horizon = score.horizon_months;
    rows.push(("Lifetime value", value_text(score)));
    rows.push(("Tier", text::tier_text(score.tier.as_ref())));
    if let Some(probability) = score.probability_alive {
        rows.push(("Probability active", alive_text(score, probability)));
    }
    if let Some(orders) = score.expected_orders {
        let text = format!("{orders:.2} in the next {horizon} months");
        rows.push(("Expected orders", text));
    }
    rows.extend(order_forecast::season_line(score));
    if let Some(spend) = score.expected_spend_per_order {
        rows.push(("Expected per order", spend_text(score, spend)));
    }
    rows.extend(parts_rows(score));
    rows.extend(estimation::row(score.parameter_estimation()));
    rows.extend(cost_rows(score));
    rows.extend(uncertainty::lines(score));
    rows.extend(order_forecast::lines(score));
    if let Some(inputs) = &score.inputs {
        rows.push(("History", history_text(inputs)));
    }
    if !score.no_purchase_since.is_empty() {
        let text = format!(
            "no purchase by any customer since {}, so active customers seem to have left: import the missing facts",
            score.no_purchase_since
        );
        rows.push(("Warning", text));
    }
    let extrapolated = text::extrapolated_text(&score.extrapolated_covariates);
    rows.extend(extrapolated.into_iter().map(|line| ("Extrapolated", line)));
    let missing = text::missing_rates_text(&score.missing_rates);
    rows.extend(missing.into_iter().map(|line| ("Missing", line)));
    if !score.converted_from.is_empty() {
        let others = score.converted_from.join(", ");
        let text = format!(
            "amounts in {others}, each by the rate of its day, the oldest of {}",
            score.oldest_rate_day
        );
        rows.push(("Converted", text));
    }
    if let Some(provenance) = provenance {
        rows.push(("As of", provenance.as_of.clone()));
    }
    rows.push(("Based on", text::provenance_text(provenance)));
    let page = text::labelled(&rows);
    match uncertainty::comparison(score) {
        Some(table) => format!("{page}\n\n{table}"),
        None => page,
    }
}

fn value_text(score: &pb::LifetimeValueScore) -> String {
    match &score.lifetime_value {
        Some(value) => format!(
            "{} over {} months, discounted by {:.2} % per month",
            text::money_text(value),
            score.horizon_months,
            score.monthly_discount_rate * 100.0
        ),
        None => format!("none: {}", text::unrated_sentence(score.unrated_reason)),
    }
}

fn alive_text(score: &pb::LifetimeValueScore, probability: f64) -> String {
    if score.probability_alive_not_identified {
        "not identified: only one purchase".to_owned()
    } else {
        format!("{:.1} %", probability * 100.0)
    }
}

fn history_text(inputs: &pb::ValueInputs) -> String {
    let orders = format!(
        "{} repeat purchase days in {:.1} weeks",
        inputs.frequency, inputs.age_weeks
    );
    match inputs.monetary_value {
        _ if inputs.frequency == 0 => {
            format!("one purchase day, {:.1} weeks ago", inputs.age_weeks)
        }
        Some(mean) => format!(
            "{orders}, the last {:.1} weeks after the first, {mean:.2} {} each on average",
            inputs.recency_weeks, inputs.currency
        ),
        None => format!(
            "{orders}, the last {:.1} weeks after the first",
            inputs.recency_weeks
        ),
    }
}

/// The expected spend and what it is based on.
fn spend_text(score: &pb::LifetimeValueScore, spend: f64) -> String {
    let inputs = score.inputs.as_ref();
    let currency = inputs.map_or("", |inputs| inputs.currency.as_str());
    let amount = |major: f64| {
        format!("{} {currency}", text::fixed(major, 2))
            .trim_end()
            .to_owned()
    };
    let spend = amount(spend);
    let Some(own) = &score.spend_inputs else {
        return format!("{spend}, the mean of all customers: there is no repeat order");
    };
    if own.paid_share <= 0.0 {
        return format!("{spend}: nothing was paid yet");
    }
    let mean = amount(own.mean_amount);
    let basis = match own.orders {
        0 => "the mean of all customers".to_owned(),
        1 => format!("based on 1 order of {mean}"),
        count => format!("based on {count} orders of {mean} on average"),
    };
    if own.paid_share < 1.0 {
        let percent = 100.0 * own.paid_share;
        return format!("{spend}, {basis}; {percent:.0} % of orders were paid for");
    }
    format!("{spend}, {basis}")
}

/// The two parts of the value, where there are contracts; else it has only one.
fn parts_rows(score: &pb::LifetimeValueScore) -> Vec<(&'static str, String)> {
    let Some(contracts) = score.contract_value else {
        let unknown = format!("{} running, value unknown", score.running_contracts);
        let some = (score.running_contracts > 0).then_some(("From contracts", unknown));
        return some.into_iter().collect();
    };
    let currency = score.lifetime_value.as_ref();
    let currency = currency.map_or("", |money| money.currency.as_str());
    let amount = |major: f64| {
        format!("{} {currency}", text::fixed(major, 2))
            .trim_end()
            .to_owned()
    };
    let renewals = score.expected_renewals.unwrap_or_default();
    let model = if score.built_in_contract_model {
        " by the built-in model"
    } else {
        ""
    };
    let contracts = format!(
        "{}: {} running, {renewals:.2} renewals expected{model}",
        amount(contracts),
        score.running_contracts
    );
    let orders = score
        .transaction_value
        .map(|value| ("From orders", amount(value)));
    orders
        .into_iter()
        .chain([("From contracts", contracts)])
        .collect()
}

/// What serving the customer is expected to cost, and what is not in it.
fn cost_rows(score: &pb::LifetimeValueScore) -> impl Iterator<Item = (&'static str, String)> {
    let currency = score.lifetime_value.as_ref();
    let currency = currency.map_or("", |money| money.currency.as_str());
    let cost = score
        .expected_cost_to_serve
        .map(|cost| ("Cost to serve", format!("{cost:.2} {currency}")));
    let unpriced = (!score.unpriced_channels.is_empty()).then(|| {
        let channels = score.unpriced_channels.join(", ");
        let text = format!("contacts by {channels}: no known cost");
        ("Excluded", text)
    });
    cost.into_iter().chain(unpriced)
}

#[cfg(test)]
mod tests;
