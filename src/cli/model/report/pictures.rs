//! The pictures of a report, each with how to read it.

use super::charts::{ACTUAL, Axes, EXPECTED, REFERENCE, Series, bars, lines};
use super::page::{Part, Parts, section};
use crate::cli::explain::language::Language;
use crate::pb;

/// Actual and expected values with their names.
fn pair(actual: Vec<f64>, expected: Vec<f64>, language: Language) -> [Series; 2] {
    [
        Series {
            label: language.label("actual", "tatsächlich").to_owned(),
            color: ACTUAL,
            values: actual,
        },
        Series {
            label: language.label("expected", "erwartet").to_owned(),
            color: EXPECTED,
            values: expected,
        },
    ]
}

pub(super) fn axes(x: &str, y: &str) -> Axes {
    Axes {
        x: x.to_owned(),
        y: y.to_owned(),
    }
}

#[expect(clippy::cast_precision_loss, reason = "counts far below 2^53")]
pub(super) fn f64_of(count: i64) -> f64 {
    count as f64
}

pub(super) fn tracking(all: &pb::GroupEvaluation, language: Language) -> Parts {
    let say = |english, german| language.label(english, german);
    let weeks = &all.tracking;
    if weeks.is_empty() {
        return Ok(vec![]);
    }
    let xs: Vec<f64> = weeks.iter().map(|week| f64::from(week.week)).collect();
    let mark = weeks.iter().find(|week| week.in_holdout);
    let mark = mark.map(|week| f64::from(week.week));
    let column = |of: &dyn Fn(&pb::TrackedWeek) -> f64| weeks.iter().map(of).collect::<Vec<f64>>();
    let week = say(
        "week since the first order of any customer",
        "Woche seit der ersten Bestellung",
    );
    // The last week may be shorter: by its days, so that it does not fall.
    let scale = |week: &pb::TrackedWeek| 7.0 / f64::from(week.days.max(1));
    let weekly = pair(
        column(&|week| f64_of(week.actual) * scale(week)),
        column(&|week| week.expected * scale(week)),
        language,
    );
    let cumulative = pair(
        column(&|week| f64_of(week.actual_cumulative)),
        column(&|week| week.expected_cumulative),
        language,
    );
    let repeat = say("repeat orders", "Wiederholungskäufe");
    Ok(vec![
        section(
            say("Repeat orders by week", "Wiederholungskäufe je Woche"),
            say(
                "The forecast begins at the vertical line. It knows only when each customer placed the first order. Actual peaks that return \
                 every year and that the forecast lacks are a season: see patron model fit --season.",
                "An der senkrechten Linie beginnt die Vorhersage. Sie kennt nur den Tag der ersten Bestellung jedes Kunden. Spitzen, die \
                 jedes Jahr wiederkehren und in der Vorhersage fehlen, sind eine Saison: siehe patron model fit --season.",
            ),
            &lines(&xs, &weekly, &axes(week, repeat), mark)?,
        ),
        section(
            say(
                "Repeat orders, cumulative",
                "Wiederholungskäufe, aufsummiert",
            ),
            say(
                "The same, added up from the first week.",
                "Dieselben Zahlen, ab der ersten Woche aufsummiert.",
            ),
            &lines(&xs, &cumulative, &axes(week, repeat), mark)?,
        ),
    ])
}

fn more_than(last: i32, at: i32) -> String {
    if at == last {
        format!("{at}+")
    } else {
        at.to_string()
    }
}

/// The last bin of a number of repeat orders, which holds more too.
const LAST: i32 = 7;

pub(super) fn order_counts(all: &pb::GroupEvaluation, language: Language) -> Part {
    let say = |english, german| language.label(english, german);
    let counts = &all.order_counts;
    let names: Vec<String> = counts.iter().map(|it| more_than(LAST, it.orders)).collect();
    let series = pair(
        counts.iter().map(|it| f64_of(it.customers)).collect(),
        counts.iter().map(|it| it.expected_customers).collect(),
        language,
    );
    let axes = axes(
        say(
            "repeat orders up to the split",
            "Wiederholungskäufe bis zum Stichtag",
        ),
        say("customers", "Kunden"),
    );
    Ok(section(
        say(
            "Customers by number of orders",
            "Kunden nach Zahl der Bestellungen",
        ),
        say(
            "How many customers placed so many repeat orders, and how many the model expects. It was fitted to these data: large differences \
             mean that it does not suit them.",
            "Wie viele Kunden so oft wieder bestellt haben und wie viele das Modell erwartet. An diese Daten wurde es angepasst: große \
             Abweichungen bedeuten, dass es nicht zu ihnen passt.",
        ),
        &bars(&names, &series, &axes)?,
    ))
}

/// Means by frequency: orders, then spend.
pub(super) fn by_frequency(all: &pb::GroupEvaluation, language: Language) -> Parts {
    let say = |english, german| language.label(english, german);
    let quantities = [
        (
            all.orders.as_ref(),
            say(
                "Holdout orders by frequency",
                "Bestellungen im Vergleichszeitraum nach Häufigkeit",
            ),
            say("orders per customer", "Bestellungen je Kunde"),
        ),
        (
            all.spend.as_ref(),
            say(
                "Holdout spend by frequency",
                "Umsatz im Vergleichszeitraum nach Häufigkeit",
            ),
            say("spend per customer", "Umsatz je Kunde"),
        ),
    ];
    let mut parts = vec![];
    for (quantity, heading, y) in quantities {
        let Some(quantity) = quantity else { continue };
        let bins = &quantity.bins;
        let names: Vec<String> = bins
            .iter()
            .map(|it| more_than(LAST, it.frequency))
            .collect();
        let series = pair(
            bins.iter().map(|it| it.actual_mean).collect(),
            bins.iter().map(|it| it.expected_mean).collect(),
            language,
        );
        let axes = axes(
            say(
                "repeat orders up to the split",
                "Wiederholungskäufe bis zum Stichtag",
            ),
            y,
        );
        parts.push(section(
            heading,
            say(
                "Is the model right about loyal customers and about one-time buyers? Bars of equal height mean that it is.",
                "Stimmt das Modell für Stammkunden und für Einmalkäufer? Gleich hohe Balken bedeuten: ja.",
            ),
            &bars(&names, &series, &axes)?,
        ));
    }
    Ok(parts)
}

pub(super) fn ranking(all: &pb::GroupEvaluation, language: Language) -> Parts {
    let say = |english, german| language.label(english, german);
    let Some(quantity) = all.spend.as_ref().or(all.orders.as_ref()) else {
        return Ok(vec![]);
    };
    let gain = &quantity.gain;
    let mut parts = vec![];
    if !gain.is_empty() {
        let percent = |of: &dyn Fn(&pb::GainPoint) -> f64| {
            gain.iter()
                .map(|point| 100.0 * of(point))
                .collect::<Vec<f64>>()
        };
        let xs = percent(&|point| point.customer_share);
        let line = |label: &str, color, values| Series {
            label: label.to_owned(),
            color,
            values,
        };
        let series = [
            line(
                say("by forecast", "nach Vorhersage"),
                EXPECTED,
                percent(&|it| it.actual_share),
            ),
            line(
                say("best possible", "bestmöglich"),
                ACTUAL,
                percent(&|it| it.perfect_share),
            ),
            line(say("at random", "zufällig"), REFERENCE, xs.clone()),
        ];
        let axes = axes(
            say("best customers, %", "beste Kunden, %"),
            say("share of the total, %", "Anteil an der Summe, %"),
        );
        parts.push(section(
            say("Gain", "Zugewinn"),
            say(
                "How much of the holdout came from the customers that the model ranked highest.",
                "Welcher Anteil von den Kunden kam, die das Modell am höchsten eingestuft hat.",
            ),
            &lines(&xs, &series, &axes, None)?,
        ));
    }
    let deciles = &quantity.deciles;
    let names: Vec<String> = deciles.iter().map(|it| it.decile.to_string()).collect();
    let lift = [Series {
        label: say("lift", "Lift").to_owned(),
        color: EXPECTED,
        values: deciles.iter().map(|it| it.lift.unwrap_or(0.0)).collect(),
    }];
    let axes = axes(
        say(
            "tenth of the customers by forecast, best first",
            "Zehntel der Kunden nach Vorhersage, beste zuerst",
        ),
        say("times the mean", "Vielfaches des Mittels"),
    );
    parts.push(section(
        say("Lift", "Lift"),
        say(
            "The mean of each tenth, divided by the mean of all customers.",
            "Das Mittel jedes Zehntels, geteilt durch das Mittel aller Kunden.",
        ),
        &bars(&names, &lift, &axes)?,
    ));
    Ok(parts)
}

pub(super) fn buyers(all: &pb::GroupEvaluation, language: Language) -> Part {
    let say = |english, german| language.label(english, german);
    let deciles = all.buyers.iter().flat_map(|buyers| &buyers.deciles);
    let deciles: Vec<&pb::EvaluatedDecile> = deciles.collect();
    let names: Vec<String> = deciles.iter().map(|it| it.decile.to_string()).collect();
    let percent = |of: &dyn Fn(&pb::EvaluatedDecile) -> f64| {
        deciles
            .iter()
            .map(|it| 100.0 * of(it))
            .collect::<Vec<f64>>()
    };
    let series = pair(
        percent(&|it| it.actual_mean),
        percent(&|it| it.expected_mean),
        language,
    );
    let axes = axes(
        say(
            "tenth of the customers by probability, highest first",
            "Zehntel der Kunden nach Wahrscheinlichkeit, höchste zuerst",
        ),
        say("ordered again, %", "haben wieder bestellt, %"),
    );
    Ok(section(
        say("Who orders again", "Wer wieder bestellt"),
        say(
            "The predicted probability of an order in the holdout, and the share of customers who placed one.",
            "Die vorhergesagte Wahrscheinlichkeit einer Bestellung im Vergleichszeitraum und der Anteil der Kunden, die bestellt haben.",
        ),
        &bars(&names, &series, &axes)?,
    ))
}
