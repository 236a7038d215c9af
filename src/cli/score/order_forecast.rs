//! The forecast of a customer's orders, in lines.

use crate::cli::text;
use crate::pb;
use crate::pb::order_forecast::Dropout;

/// The line on the season of the horizon; none without a seasonal index.
#[must_use]
pub fn season_line(score: &pb::LifetimeValueScore) -> Option<(&'static str, String)> {
    let factor = score.season_factor?;
    // Rounded first: a whole year has exactly as many, and no minus before the zero.
    let more = (1_000.0 * (factor - 1.0)).round() / 10.0 + 0.0;
    let text = format!("{more:+.1} % orders compared with an average time of the year");
    Some(("Season", text))
}

/// Lines on the forecast of orders; none without one.
#[must_use]
pub fn lines(score: &pb::LifetimeValueScore) -> Vec<(&'static str, String)> {
    let Some(forecast) = &score.order_forecast else {
        return Vec::new();
    };
    let currency = score.inputs.as_ref().map(|inputs| inputs.currency.as_str());
    let currency = currency.unwrap_or_default();
    let percent = |share: f64| format!("{:.1} %", share * 100.0);
    let mut rows = vec![(
        "Probability active then",
        format!(
            "{} after {} months",
            percent(forecast.probability_alive_at_end),
            score.horizon_months
        ),
    )];
    if let Some(orders) = forecast.expected_orders_between {
        rows.push((
            "Orders in period",
            format!("{orders:.3} expected in the requested days"),
        ));
    }
    if !forecast.order_count_probabilities.is_empty() {
        let counts = forecast.order_count_probabilities.iter().enumerate();
        let text: Vec<String> = counts
            .map(|(orders, &probability)| format!("{orders}: {}", percent(probability)))
            .collect();
        rows.push(("Order counts", text.join(", ")));
    }
    let dropout = match forecast.dropout {
        Some(Dropout::DropoutProbabilityPerOrder(probability)) => {
            format!(", {} dropout per order", percent(probability))
        }
        Some(Dropout::DropoutRatePerWeek(rate)) => {
            format!(", dropout rate {rate:.4} per week")
        }
        None => String::new(),
    };
    rows.push((
        "Own rate",
        format!("{:.4} orders per week{dropout}", forecast.orders_per_week),
    ));
    let worth = |orders: f64, value: Option<f64>| {
        let value = value.map(|value| format!(", worth {} {currency}", text::fixed(value, 2)));
        format!("{orders:.3} orders{}", value.unwrap_or_default())
    };
    let rate = forecast.yearly_discount_rate * 100.0;
    rows.push((
        "Discounted",
        format!(
            "{}, discounted continuously by {rate:.2} % a year",
            worth(forecast.discounted_orders, forecast.discounted_value)
        ),
    ));
    if let Some(orders) = forecast.discounted_residual_orders {
        rows.push((
            "Over lifetime",
            format!(
                "{}, discounted the same way",
                worth(orders, forecast.residual_lifetime_value)
            ),
        ));
    }
    rows
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_season_is_printed_where_there_is_one_and_a_whole_year_has_none() {
        let line = |season_factor| {
            let score = pb::LifetimeValueScore {
                season_factor,
                ..Default::default()
            };
            season_line(&score).map(|(_, text)| text)
        };
        assert_eq!(line(None), None);
        let of_all = "orders compared with an average time of the year";
        assert_eq!(line(Some(1.4375)).unwrap(), format!("+43.8 % {of_all}"));
        assert_eq!(line(Some(0.85)).unwrap(), format!("-15.0 % {of_all}"));
        assert_eq!(line(Some(0.99999)).unwrap(), format!("+0.0 % {of_all}"));
    }

    #[test]
    fn the_forecast_of_orders_is_printed_in_words_and_in_json() {
        let score = pb::LifetimeValueScore {
            horizon_months: 12,
            inputs: Some(pb::ValueInputs {
                currency: "EUR".into(),
                ..Default::default()
            }),
            order_forecast: Some(pb::OrderForecast {
                probability_alive_at_end: 0.25,
                expected_orders_between: Some(0.125),
                order_count_probabilities: vec![0.5, 0.3],
                orders_per_week: 0.0625,
                dropout: Some(Dropout::DropoutRatePerWeek(0.015)),
                yearly_discount_rate: 0.15,
                discounted_orders: 1.5,
                discounted_value: Some(30.0),
                discounted_residual_orders: Some(4.0),
                residual_lifetime_value: None,
            }),
            ..Default::default()
        };
        let text = format!("{:?}", lines(&score));
        for part in [
            "25.0 % after 12 months",
            "0.125 expected",
            "0: 50.0 %, 1: 30.0 %",
            "0.0625 orders per week, dropout rate 0.0150 per week",
            "1.500 orders, worth 30.00 EUR, discounted continuously by 15.00 % a year",
            "4.000 orders, discounted the same way",
        ] {
            assert!(text.contains(part), "{part} in {text}");
        }
        assert_eq!(lines(&pb::LifetimeValueScore::default()), []);
    }
}
