//! What is usual of contacts in a model version, as JSON and as a table.

use serde::Serialize;

use crate::cli::text::{self, Align};
use crate::pb;

/// One channel of one kind of customer.
#[derive(Debug, Serialize)]
pub struct ContactRateJson {
    kind: &'static str,
    channel: String,
    shape: f64,
    rate_weeks: f64,
    mean_per_month: f64,
    customers: i64,
    cost_per_contact: Option<f64>,
    cost_weight_contacts: Option<f64>,
    cost_currency: Option<String>,
    recorded_cost_share: f64,
}

impl From<&pb::ContactRate> for ContactRateJson {
    fn from(rate: &pb::ContactRate) -> Self {
        let currency = &rate.cost_currency;
        Self {
            kind: text::kind_name(rate.kind),
            channel: rate.channel.clone(),
            shape: rate.shape,
            rate_weeks: rate.rate_weeks,
            mean_per_month: rate.mean_per_month,
            customers: rate.customers,
            cost_per_contact: rate.cost_per_contact,
            cost_weight_contacts: rate.cost_weight_contacts,
            cost_currency: (!currency.is_empty()).then(|| currency.clone()),
            recorded_cost_share: rate.recorded_cost_share,
        }
    }
}

/// The rates for a person; `None` where there are none.
#[must_use]
pub fn page(rates: &[pb::ContactRate]) -> Option<String> {
    if rates.is_empty() {
        return None;
    }
    let header = [
        ("kind", Align::Left),
        ("channel", Align::Left),
        ("a month", Align::Right),
        ("shape", Align::Right),
        ("rate (weeks)", Align::Right),
        ("customers", Align::Right),
        ("recorded cost", Align::Right),
    ];
    let rows: Vec<Vec<String>> = rates
        .iter()
        .map(|rate| {
            let cost = rate.cost_per_contact.map_or_else(String::new, |cost| {
                let share = rate.recorded_cost_share * 100.0;
                format!("{cost:.2} {} (of {share:.1} %)", rate.cost_currency)
            });
            vec![
                text::kind_word(rate.kind).to_owned(),
                rate.channel.clone(),
                format!("{:.4}", rate.mean_per_month),
                format!("{:.4}", rate.shape),
                format!("{:.2}", rate.rate_weeks),
                rate.customers.to_string(),
                cost,
            ]
        })
        .collect();
    let table = text::table(&header, &rows);
    Some(format!(
        "Contacts: gamma-Poisson by kind and channel\n{}",
        text::indented(&table)
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rates_are_told_with_their_cost() {
        let rate = pb::ContactRate {
            kind: pb::CustomerKind::Company.into(),
            channel: "phone".into(),
            shape: 0.5,
            rate_weeks: 20.0,
            mean_per_month: 0.1087,
            customers: 300,
            cost_per_contact: Some(45.0),
            cost_weight_contacts: Some(2.0),
            cost_currency: "EUR".into(),
            recorded_cost_share: 0.25,
        };
        let page = page(std::slice::from_ref(&rate)).unwrap();
        for part in ["phone", "0.1087", "20.00", "300", "45.00 EUR (of 25.0 %)"] {
            assert!(page.contains(part), "{part} in\n{page}");
        }
        let json = serde_json::to_value(ContactRateJson::from(&rate)).unwrap();
        assert_eq!(
            (json["shape"].as_f64(), json["channel"].as_str()),
            (Some(0.5), Some("phone"))
        );
        assert_eq!(super::page(&[]), None);
    }
}
