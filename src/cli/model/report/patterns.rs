//! The pictures of a report that do not come from the backtest alone: seasons, what the model makes of silence, one customer.

use std::error::Error;

use super::Report;
use super::charts::{ACTUAL, EXPECTED, Series, bars, cells, lines};
use super::matrices::{AGE_WEEKS, HORIZON_WEEKS};
use super::page::{Parts, number, section};
use super::pictures::{axes, f64_of};
use crate::cli::explain::figures;
use crate::cli::explain::language::Language;
use crate::pb;

/// Months in the order of the year.
const MONTHS: [(&str, &str); 12] = [
    ("Jan", "Jan"),
    ("Feb", "Feb"),
    ("Mar", "Mär"),
    ("Apr", "Apr"),
    ("May", "Mai"),
    ("Jun", "Jun"),
    ("Jul", "Jul"),
    ("Aug", "Aug"),
    ("Sep", "Sep"),
    ("Oct", "Okt"),
    ("Nov", "Nov"),
    ("Dec", "Dez"),
];

/// The seasonal index of the version; nothing without one.
pub(super) fn seasonal_index(
    report: &Report,
    language: Language,
) -> Result<Option<String>, Box<dyn Error>> {
    let say = |english, german| language.label(english, german);
    let Some(index) = &report.model.seasonal_index else {
        return Ok(None);
    };
    let names = MONTHS.map(|(english, german)| say(english, german).to_owned());
    let series = [Series {
        label: say("order rate", "Bestellrate").to_owned(),
        color: EXPECTED,
        values: index.month_levels.clone(),
    }];
    let axes = axes(
        say("month", "Monat"),
        say("times the mean of the year", "Vielfaches des Jahresmittels"),
    );
    let explanation = match language {
        Language::En => format!(
            "The order rate of each month as a multiple of the mean of the year, estimated from {} repeat orders since {}. All forecasts of \
             this version include it.",
            index.orders,
            figures::day(&index.first_day, language)
        ),
        Language::De => format!(
            "Wie oft Kunden in jedem Monat bestellen, als Vielfaches des Jahresmittels; geschätzt aus {} Wiederholungskäufen seit {}. Alle \
             Vorhersagen dieser Version berücksichtigen das.",
            index.orders,
            figures::day(&index.first_day, language)
        ),
    };
    Ok(Some(section(
        say("Seasonal index", "Saisonindex"),
        &explanation,
        &bars(&names, &series, &axes)?,
    )))
}

pub(super) fn season(
    report: &Report,
    language: Language,
) -> Result<Option<String>, Box<dyn Error>> {
    let say = |english, german| language.label(english, german);
    let season = report.evaluation.season.as_ref();
    let Some(season) = season.filter(|it| !it.months.is_empty()) else {
        return Ok(None);
    };
    let names = MONTHS.map(|(english, german)| say(english, german).to_owned());
    let series = [Series {
        label: say("actual / expected", "tatsächlich / erwartet").to_owned(),
        color: EXPECTED,
        values: season.months.iter().map(|month| month.index).collect(),
    }];
    let axes = axes(
        say("month", "Monat"),
        say("times the mean", "Vielfaches des Mittels"),
    );
    let has_index = report.evaluation.seasonal_index.is_some();
    let explanation = match (language, season.verdict()) {
        (Language::De, pb::SeasonVerdict::Seasonal) if has_index => {
            "Es bleibt eine Saison, die der Saisonindex nicht erfasst: in den herausragenden Monaten liegt die Vorhersage um so viel daneben.".to_owned()
        }
        (Language::De, pb::SeasonVerdict::NotSeasonal) if has_index => {
            "Der Saisonindex erfasst die Saison: was bleibt, ist zufällig oder kleiner als 25 %.".to_owned()
        }
        (Language::En, _) => {
            let mut words = season.explanation.clone();
            if let Some(first) = words.get_mut(0..1) {
                first.make_ascii_uppercase();
            }
            format!("{words}.")
        }
        (Language::De, pb::SeasonVerdict::Seasonal) => {
            "Es gibt eine Saison, die das Modell nicht kennt: in den herausragenden Monaten liegt die Vorhersage um so viel daneben.".to_owned()
        }
        (Language::De, pb::SeasonVerdict::NotSeasonal) => {
            "Keine Saison: die Monate unterscheiden sich nur zufällig oder um weniger als 25 %.".to_owned()
        }
        (Language::De, pb::SeasonVerdict::TooShort | pb::SeasonVerdict::Unspecified) => {
            "Weniger als zwei Jahre oder zu wenige Bestellungen, um eine Saison von einem einmaligen Ereignis zu unterscheiden.".to_owned()
        }
    };
    Ok(Some(section(
        say("Season", "Saison"),
        &explanation,
        &bars(&names, &series, &axes)?,
    )))
}

pub(super) fn matrices(report: &Report, language: Language) -> Parts {
    let say = |english, german| language.label(english, german);
    let Some(found) = &report.matrices else {
        return Ok(vec![]);
    };
    let columns: Vec<String> = found.silent_weeks.iter().map(ToString::to_string).collect();
    let rows = |values: &[Vec<f64>]| {
        let rows = found.repeat_orders.iter().zip(values);
        rows.map(|(orders, values)| (orders.to_string(), values.clone()))
            .collect::<Vec<_>>()
    };
    let axes = axes(
        say(
            "weeks since the last order",
            "Wochen seit der letzten Bestellung",
        ),
        say("repeat orders", "Wiederholungskäufe"),
    );
    let scroll =
        |svg: String| format!("<div class=\"scroll\"><div class=\"cells\">{svg}</div></div>");
    let active = cells(&columns, &rows(&found.probability_active), &axes, |value| {
        format!("{} %", number(100.0 * value, 0, language))
    })?;
    let orders = cells(&columns, &rows(&found.expected_orders), &axes, |value| {
        number(value, 1, language)
    })?;
    let of_customers = match language {
        Language::En => format!("Customers whose first order was {AGE_WEEKS} weeks ago."),
        Language::De => format!("Kunden, deren erste Bestellung {AGE_WEEKS} Wochen zurückliegt."),
    };
    let of_customers = match (&report.model.seasonal_index, language) {
        (None, _) => of_customers,
        (Some(_), Language::En) => format!("{of_customers} Without the seasonal index."),
        (Some(_), Language::De) => format!("{of_customers} Ohne den Saisonindex."),
    };
    let ahead = match language {
        Language::En => format!("{of_customers} Orders within the next {HORIZON_WEEKS} weeks."),
        Language::De => {
            format!("{of_customers} Bestellungen in den nächsten {HORIZON_WEEKS} Wochen.")
        }
    };
    Ok(vec![
        section(
            say(
                "Probability of being active",
                "Wahrscheinlichkeit, aktiv zu sein",
            ),
            &of_customers,
            &scroll(active),
        ),
        section(
            say("Expected orders", "Erwartete Bestellungen"),
            &ahead,
            &scroll(orders),
        ),
    ])
}

pub(super) fn timeline(
    report: &Report,
    language: Language,
) -> Result<Option<String>, Box<dyn Error>> {
    let say = |english, german| language.label(english, german);
    let Some(timeline) = report.timeline.as_ref().filter(|it| !it.weeks.is_empty()) else {
        return Ok(None);
    };
    let weeks = &timeline.weeks;
    let back = |at: usize| {
        f64_of(i64::try_from(at).unwrap_or(0)) - f64_of(i64::try_from(weeks.len()).unwrap_or(0))
            + 1.0
    };
    let xs: Vec<f64> = (0..weeks.len()).map(back).collect();
    let line = |label: &str, color, values| Series {
        label: label.to_owned(),
        color,
        values,
    };
    let most = weeks
        .iter()
        .map(|week| week.orders)
        .max()
        .unwrap_or(1)
        .max(1);
    let series = [
        line(
            say(
                "probability of being active, %",
                "Wahrscheinlichkeit, aktiv zu sein, %",
            ),
            EXPECTED,
            weeks
                .iter()
                .map(|week| 100.0 * week.probability_active)
                .collect(),
        ),
        line(
            say("orders so far, % of all", "Bestellungen bisher, % aller"),
            ACTUAL,
            weeks
                .iter()
                .map(|week| 100.0 * f64::from(week.orders) / f64::from(most))
                .collect(),
        ),
    ];
    let heading = format!("{} {}", say("Customer", "Kunde"), timeline.customer_id);
    let picture = lines(
        &xs,
        &series,
        &axes(say("weeks before today", "Wochen vor heute"), "%"),
        None,
    )?;
    Ok(Some(section(
        &heading,
        say(
            "Each step of the dark line is an order. Between orders the probability falls, the faster the more regularly the customer ordered before.",
            "Jede Stufe der dunklen Linie ist eine Bestellung. Dazwischen sinkt die Wahrscheinlichkeit, umso schneller, je häufiger vorher bestellt wurde.",
        ),
        &picture,
    )))
}
