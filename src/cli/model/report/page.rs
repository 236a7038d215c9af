//! The report as a page: what is shown, in which order, and how to read it. Everything is in the file: it can be mailed and printed.

use std::error::Error;

use super::{Report, patterns, pictures};
use crate::cli::explain::figures;
use crate::cli::explain::language::Language;
use crate::cli::model::answer::model_title;
use crate::cli::text;
use crate::pb;

pub(super) type Part = Result<String, Box<dyn Error>>;
pub(super) type Parts = Result<Vec<String>, Box<dyn Error>>;

const STYLE: &str = "\
body { font: 16px/1.45 sans-serif; color: #263238; margin: 0 auto; max-width: 820px; padding: 16px; }
h1 { font-size: 1.5em; } h2 { font-size: 1.15em; margin: 1.6em 0 0.3em; }
p { margin: 0.3em 0 0.6em; } svg { width: 100%; height: auto; display: block; }
table { border-collapse: collapse; } td, th { padding: 2px 14px 2px 0; text-align: left; vertical-align: top; }
td.number, th.number { text-align: right; } .warning { border-left: 4px solid #c62828; padding-left: 10px; }
section { break-inside: avoid; } .scroll { overflow-x: auto; }
.cells { min-width: 560px; }
";

/// The page in one language.
///
/// # Errors
/// When a chart cannot be drawn.
pub(super) fn page(report: &Report, language: Language) -> Part {
    let say = |english, german| language.label(english, german);
    let model = &report.model;
    let title = format!(
        "{} {}: {}",
        say("Model version", "Modellversion"),
        model.version,
        model_title(model.kind())
    );
    let mut parts = vec![head(report, language)];
    let all = report.evaluation.groups.first();
    if let Some(all) = all {
        parts.push(totals(report, all, language));
        parts.extend(pictures::tracking(all, language)?);
        parts.push(pictures::order_counts(all, language)?);
        parts.extend(pictures::by_frequency(all, language)?);
        parts.extend(pictures::ranking(all, language)?);
        parts.push(pictures::buyers(all, language)?);
    }
    parts.extend(patterns::seasonal_index(report, language)?);
    parts.extend(patterns::season(report, language)?);
    parts.extend(patterns::matrices(report, language)?);
    parts.extend(patterns::timeline(report, language)?);
    let tag = say("en", "de");
    let title = escaped(&title);
    let body = parts.concat();
    Ok(format!(
        "<!doctype html>\n<html lang=\"{tag}\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
         <title>{title}</title>\n<style>\n{STYLE}</style>\n</head>\n<body>\n<h1>{title}</h1>\n{body}</body>\n</html>\n"
    ))
}

/// A section: a heading, how to read the picture, and the picture.
pub(super) fn section(heading: &str, explanation: &str, picture: &str) -> String {
    let (heading, explanation) = (escaped(heading), escaped(explanation));
    format!("<section>\n<h2>{heading}</h2>\n<p>{explanation}</p>\n{picture}\n</section>\n")
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
        .replace('"', "&quot;")
}

fn table(rows: &[[String; 2]]) -> String {
    let rows = rows.iter().map(|[name, value]| {
        let (name, value) = (escaped(name), escaped(value));
        format!("<tr><th>{name}</th><td>{value}</td></tr>\n")
    });
    format!("<table>\n{}</table>\n", rows.collect::<String>())
}

/// A number as the language writes it.
pub(super) fn number(value: f64, digits: usize, language: Language) -> String {
    let text = text::fixed(value, digits);
    match language {
        Language::En => text,
        Language::De => text.replace('.', ","),
    }
}

fn head(report: &Report, language: Language) -> String {
    let say = |english, german| language.label(english, german);
    let (model, evaluation) = (&report.model, &report.evaluation);
    let parameters = |report: Option<&pb::FitReport>| {
        let report = report?;
        let parameters = report.parameters.iter().map(|one| {
            let value = number(one.value, 4, language);
            let error = one.standard_error.map(|error| number(error, 4, language));
            match error {
                Some(error) => format!("{} {value} ± {error}", one.name),
                None => format!("{} {value}", one.name),
            }
        });
        Some(parameters.collect::<Vec<_>>().join(", "))
    };
    let absent = || say("none", "keine").to_owned();
    let row = |name: &str, value: String| [name.to_owned(), value];
    let rows = [
        row(
            say("Facts up to", "Daten bis"),
            figures::day(&model.until, language),
        ),
        row(
            say("Orders", "Bestellungen"),
            parameters(model.orders.as_ref()).unwrap_or_else(absent),
        ),
        row(
            say("Spend per order", "Betrag je Bestellung"),
            parameters(model.spend.as_ref()).unwrap_or_else(|| model.spend_absent_reason.clone()),
        ),
        row(
            say("Backtest", "Rückvergleich"),
            format!(
                "{} {} {} {}",
                say("same model fitted up to", "gleiches Modell mit Daten bis"),
                figures::day(&evaluation.split_on, language),
                say(
                    "and compared with what happened up to",
                    "verglichen mit dem Verlauf bis"
                ),
                figures::day(&evaluation.until, language)
            ),
        ),
    ];
    let text = table(&rows);
    if model.missing_facts_warning.is_empty() {
        return text;
    }
    let warning = escaped(&model.missing_facts_warning);
    format!("{text}<p class=\"warning\">{warning}.</p>\n")
}

/// Totals of the holdout.
fn totals(report: &Report, all: &pb::GroupEvaluation, language: Language) -> String {
    let say = |english, german| language.label(english, german);
    let currency = &report.evaluation.currency;
    let row = |name: &str, quantity: Option<&pb::QuantityEvaluation>, digits, unit: &str| {
        let quantity = quantity?;
        let model = quantity.accuracy.first()?;
        let figures = [
            number(model.actual_total, digits, language),
            number(model.expected_total, digits, language),
        ];
        let interval = quantity.total.as_ref().map_or_else(
            || "-".to_owned(),
            |total| {
                format!(
                    "{} {} {}",
                    number(total.low, digits, language),
                    say("to", "bis"),
                    number(total.high, digits, language)
                )
            },
        );
        let error = number(model.mean_absolute_error, 3, language);
        let [actual, expected] = figures;
        let name = escaped(&format!("{name}{unit}"));
        Some(format!(
            "<tr><th>{name}</th><td class=\"number\">{actual}</td><td class=\"number\">{expected}</td>\
             <td class=\"number\">{interval}</td><td class=\"number\">{error}</td></tr>\n"
        ))
    };
    let unit = format!(" ({currency})");
    let rows = [
        row(say("Orders", "Bestellungen"), all.orders.as_ref(), 0, ""),
        row(say("Spend", "Umsatz"), all.spend.as_ref(), 2, &unit),
    ];
    let heads = [
        "",
        say("actual", "tatsächlich"),
        say("expected", "erwartet"),
        say("90 % interval of the total", "90-%-Intervall der Summe"),
        say("mean error per customer", "mittlerer Fehler je Kunde"),
    ];
    let heads = heads.map(|head| format!("<th class=\"number\">{}</th>", escaped(head)));
    let rows: String = rows.into_iter().flatten().collect();
    let picture = format!(
        "<div class=\"scroll\"><table>\n<tr>{}</tr>\n{rows}</table></div>",
        heads.concat()
    );
    section(
        say("Holdout", "Vergleichszeitraum"),
        say(
            "Totals of all customers known at the split. A correct model has the actual total inside the interval nine times out of ten, \
             unless a season or a campaign moved all customers at once.",
            "Summen aller Kunden, die zu Beginn bekannt waren. Bei einem richtigen Modell liegt die tatsächliche Summe in neun von zehn \
             Fällen im Intervall, sofern nicht eine Saison oder Kampagne alle Kunden zugleich bewegt hat.",
        ),
        &picture,
    )
}
