//! The clause tree of a condition as an indented list: a mark, what was asked, what was observed, how far apart they are, and where an
//! attribute comes from.

use jiff::civil::Date;

use super::figures;
use super::page::Style;
use super::wording::{Comparison, Language, absence, observed};
use crate::pb;
use crate::pb::{Absence, ClauseKind, Verdict};

/// A verdict as a mark: ✓ holds, ✗ does not, ? is not known.
#[must_use]
pub fn mark(verdict: Verdict, style: Style) -> String {
    match verdict {
        Verdict::True => style.paint.good("✓"),
        Verdict::False => style.paint.bad("✗"),
        Verdict::Unknown | Verdict::Unspecified => style.paint.open("?"),
    }
}

/// The lines of a clause and its parts. `as_of` is the day of the answer, for ages.
#[must_use]
pub fn lines(clause: &pb::Clause, as_of: &str, style: Style) -> Vec<String> {
    let mut lines = Vec::new();
    write(clause, as_of, style, 0, &mut lines);
    lines
}

fn write(clause: &pb::Clause, as_of: &str, style: Style, depth: usize, lines: &mut Vec<String>) {
    let say = |english, german| style.language.say(english, german).to_owned();
    let text = match clause.kind() {
        ClauseKind::All => say("all of these must hold:", "alles davon muss zutreffen:"),
        ClauseKind::Any => say("one of these is enough:", "eines davon genügt:"),
        ClauseKind::Not => say("this must not hold:", "dies darf nicht zutreffen:"),
        ClauseKind::Everyone => say("everybody", "alle"),
        ClauseKind::Test | ClauseKind::Unspecified => test(clause, as_of, style),
    };
    let indent = "  ".repeat(depth);
    lines.push(format!("{indent}{} {text}", mark(clause.verdict(), style)));
    for part in &clause.parts {
        write(part, as_of, style, depth + 1, lines);
    }
}

/// "orders in the last 90 days: 1, required: at least 3 (2 orders short)".
fn test(clause: &pb::Clause, as_of: &str, style: Style) -> String {
    let language = style.language;
    let subject = match language.of(clause.subject.as_ref()) {
        "" => &clause.text,
        subject => subject,
    };
    let mut text = subject.to_owned();
    if clause.absence() == Absence::Unspecified {
        let observed = figure(clause.observed_text.as_ref(), &clause.observed, language);
        text = format!("{text}: {}", style.paint.strong(observed));
        if !clause.converted_from.is_empty() {
            let words = language.say("converted from", "umgerechnet aus");
            text = format!("{text} ({words} {})", clause.converted_from.join(", "));
        }
    } else {
        text = format!("{text}: {}", absence(clause.absence(), language));
    }
    let comparison = Comparison::of(&clause.text);
    if !clause.limit.is_empty() {
        let limit = figure(clause.limit_text.as_ref(), &clause.limit, language);
        let asked = comparison.asked(limit, language);
        text = format!("{text}, {} {asked}", language.say("required:", "verlangt:"));
    }
    if clause.text.trim_start().starts_with("has(") {
        let asked = language.say("required: any value", "verlangt: irgendein Wert");
        text = format!("{text}, {asked}");
    }
    if let Some(gap) = comparison.gap(clause, language) {
        let gap = if clause.verdict() == Verdict::False {
            style.paint.bad(&gap)
        } else {
            gap
        };
        text = format!("{text} ({gap})");
    }
    match origin(clause, as_of, style) {
        Some(origin) => format!("{text}  {}", style.paint.faint(&format!("[{origin}]"))),
        None => text,
    }
}

/// What was observed or asked, in the manner of the language; a server that does not know of languages says it in English only.
fn figure<'a>(
    text: Option<&'a pb::LocalizedText>,
    english: &'a str,
    language: Language,
) -> &'a str {
    match language.of(text) {
        "" => observed(english, language),
        text => text,
    }
}

/// Where an attribute comes from and how old it is: "crm, 34 days old".
fn origin(clause: &pb::Clause, as_of: &str, style: Style) -> Option<String> {
    let age = age(&clause.observed_on, as_of, style);
    match (clause.source.as_str(), age) {
        ("", None) => None,
        ("", Some(age)) => Some(age),
        (source, None) => Some(source.to_owned()),
        (source, Some(age)) => Some(format!("{source}, {age}")),
    }
}

fn age(observed_on: &str, as_of: &str, style: Style) -> Option<String> {
    let observed: Date = observed_on.parse().ok()?;
    let day: Date = as_of.parse().ok()?;
    let days = observed.duration_until(day).as_hours() / 24;
    Some(match days {
        0 => style
            .language
            .say("of this day", "von diesem Tag")
            .to_owned(),
        1 => style.language.say("1 day old", "1 Tag alt").to_owned(),
        2.. => {
            let text = format!("{days} {}", style.language.say("days old", "Tage alt"));
            figures::number(&text, style.language)
        }
        _ => {
            let day = figures::day(observed_on, style.language);
            format!("{} {day}", style.language.say("of", "vom"))
        }
    })
}
