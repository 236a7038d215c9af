//! What an answer says of intervals and of another model version, as lines of a page.

use crate::cli::names;
use crate::cli::text::{self, Align};
use crate::pb;

/// Lines on how uncertain the value is; none when nobody asked.
#[must_use]
pub fn lines(score: &pb::LifetimeValueScore) -> Vec<(&'static str, String)> {
    // Who never bought has no inputs.
    let value = score.lifetime_value.as_ref();
    let currency = value.map_or("", |value| value.currency.as_str());
    let mut rows = Vec::new();
    let range = |interval: &pb::Interval, digits: usize, unit: &str| {
        let pb::Interval { low, high, level } = interval;
        let share = (level * 1_000.0).round() / 10.0;
        let (low, high) = (text::fixed(*low, digits), text::fixed(*high, digits));
        format!("{low} to {high} {unit} ({share} % interval)")
    };
    if let Some(interval) = &score.lifetime_value_interval {
        rows.push(("Value interval", range(interval, 2, currency)));
    }
    if let Some(interval) = &score.orders_interval {
        rows.push(("Orders interval", range(interval, 0, "orders")));
    }
    if let Some(interval) = &score.spend_interval {
        rows.push(("Spend interval", range(interval, 2, currency)));
    }
    if let Some(interval) = &score.renewals_interval {
        rows.push(("Renewals interval", range(interval, 0, "renewals")));
    }
    if !score.tier_probabilities.is_empty() {
        let tiers = score.tier_probabilities.iter();
        let text: Vec<String> = tiers
            .map(|one| format!("{} {:.1} %", one.tier, one.probability * 100.0))
            .collect();
        rows.push(("Tier probabilities", text.join(", ")));
        rows.extend(tier_note(score).map(|note| ("", note)));
    }
    if !score.interval_absent_reason.is_empty() {
        rows.push(("No intervals", score.interval_absent_reason.clone()));
    }
    rows
}

/// Why the tier is not the most probable one, where it is not.
fn tier_note(score: &pb::LifetimeValueScore) -> Option<String> {
    let tiers = score.tier_probabilities.iter();
    let most = tiers.max_by(|one, two| one.probability.total_cmp(&two.probability))?;
    let tier = names::tier_name(score.tier.as_ref()).filter(|tier| *tier != most.tier)?;
    Some(format!(
        "The tier is that of the expected value, {tier}; {} is the most probable one, because few outcomes are far above the others.",
        most.tier
    ))
}

/// The score beside that of another model version, and the difference; `None` when nobody asked for one.
#[must_use]
pub fn comparison(score: &pb::LifetimeValueScore) -> Option<String> {
    let other = score.challenger.as_ref()?;
    let version = format!("version {}", other.model_version);
    let header = [
        ("", Align::Left),
        ("active", Align::Right),
        (version.as_str(), Align::Right),
        ("difference", Align::Right),
    ];
    let numbers = |name: &str, one: Option<f64>, two: Option<f64>, digits: usize| {
        let number = |value: Option<f64>| {
            value.map_or_else(|| "none".to_owned(), |value| text::fixed(value, digits))
        };
        let difference = one.zip(two).map_or_else(String::new, |(one, two)| {
            let difference = text::fixed(two - one, digits);
            let sign = if difference.starts_with('-') { "" } else { "+" };
            format!("{sign}{difference}")
        });
        vec![name.to_owned(), number(one), number(two), difference]
    };
    let rows = [
        numbers(
            "probability active",
            score.probability_alive,
            other.probability_alive,
            3,
        ),
        numbers(
            "expected orders",
            score.expected_orders,
            other.expected_orders,
            3,
        ),
        numbers(
            "expected per order",
            score.expected_spend_per_order,
            other.expected_spend_per_order,
            2,
        ),
        money_row(score.lifetime_value.as_ref(), other.lifetime_value.as_ref()),
        tier_row(score.tier.as_ref(), other.tier.as_ref()),
    ];
    Some(text::table(&header, &rows))
}

fn money_row(one: Option<&pb::Money>, two: Option<&pb::Money>) -> Vec<String> {
    let money =
        |value: Option<&pb::Money>| value.map_or_else(|| "none".to_owned(), text::money_text);
    let difference = one
        .zip(two)
        .filter(|(one, two)| one.currency == two.currency);
    let difference = difference.map_or_else(String::new, |(one, two)| {
        let by = two.amount_minor.saturating_sub(one.amount_minor);
        let sign = if by >= 0 { "+" } else { "" };
        format!("{sign}{}", text::major_text(by, &one.currency))
    });
    vec![
        "lifetime value".to_owned(),
        money(one),
        money(two),
        difference,
    ]
}

fn tier_row(one: Option<&pb::Tier>, two: Option<&pb::Tier>) -> Vec<String> {
    let name = |tier| names::tier_name(tier).unwrap_or_else(|| "UNRATED".to_owned());
    let (one, two) = (name(one), name(two));
    let difference = if one == two { "same" } else { "changes" };
    vec!["tier".to_owned(), one, two, difference.to_owned()]
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    pub(in crate::cli::score) fn score(
        cents: i64,
        other_cents: i64,
        tiers: [&str; 2],
    ) -> pb::LifetimeValueScore {
        let money = |amount_minor| {
            Some(pb::Money {
                amount_minor,
                currency: "EUR".into(),
            })
        };
        let tier = |name: &str| {
            Some(pb::Tier {
                name: name.into(),
                rank: 1,
                unrated_reason: 0,
            })
        };
        pb::LifetimeValueScore {
            probability_alive: Some(0.5),
            lifetime_value: money(cents),
            tier: tier(tiers[0]),
            inputs: Some(pb::ValueInputs {
                currency: "EUR".into(),
                ..Default::default()
            }),
            challenger: Some(pb::ChallengerScore {
                model_version: 7,
                probability_alive: Some(0.625),
                lifetime_value: money(other_cents),
                tier: tier(tiers[1]),
                ..Default::default()
            }),
            ..Default::default()
        }
    }

    #[test]
    fn two_versions_stand_side_by_side_with_the_difference() {
        let table = comparison(&score(10_000, 8_750, ["gold", "silver"])).unwrap();
        for part in [
            "version 7",
            "+0.125",
            "100.00 EUR",
            "87.50 EUR",
            "-12.50",
            "changes",
        ] {
            assert!(table.contains(part), "{part} in\n{table}");
        }
        assert_eq!(comparison(&pb::LifetimeValueScore::default()), None);
    }

    #[test]
    fn intervals_are_told_in_words_and_in_json() {
        let interval = |low, high| {
            Some(pb::Interval {
                low,
                high,
                level: 0.9,
            })
        };
        let uncertain = pb::LifetimeValueScore {
            orders_interval: interval(0.0, 6.0),
            renewals_interval: interval(1.0, 12.0),
            lifetime_value_interval: interval(-12.5, 250.0),
            spend_interval: interval(-0.004, 0.004),
            tier_probabilities: vec![pb::TierProbability {
                tier: "gold".into(),
                rank: 1,
                probability: 0.125,
            }],
            ..score(100, 100, ["gold", "gold"])
        };
        let text = format!("{:?}", lines(&uncertain));
        for part in [
            "-12.50 to 250.00 EUR (90 % interval)",
            "0 to 6 orders",
            "1 to 12 renewals",
            "\"0.00 to 0.00 EUR",
            "gold 12.5 %",
        ] {
            assert!(text.contains(part), "{part} in {text}");
        }
        assert!(!text.contains("most probable"), "{text}");
        let unlikely = pb::LifetimeValueScore {
            tier_probabilities: [("gold", 0.25), ("bronze", 0.75)]
                .map(|(tier, probability)| pb::TierProbability {
                    tier: tier.into(),
                    probability,
                    ..Default::default()
                })
                .into(),
            ..uncertain.clone()
        };
        let text = format!("{:?}", lines(&unlikely));
        let note = "expected value, gold; bronze is the most probable one";
        assert!(text.contains(note), "{text}");
    }
}
