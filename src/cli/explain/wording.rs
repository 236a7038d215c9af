//! The words of an explanation in English and German: what was asked, by how much it was missed, why something is not known.

use clap::ValueEnum;

use super::figures;
use crate::cli::text::currency_exponent;
use crate::pb;
use crate::pb::{Absence, Verdict};

/// A language of explanations.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Language {
    /// English
    En,
    /// German
    De,
}

impl Language {
    /// One of two texts that mean the same.
    #[must_use]
    pub fn say(self, english: &'static str, german: &'static str) -> &'static str {
        match self {
            Self::En => english,
            Self::De => german,
        }
    }

    /// A text of the definitions; in English where the German is not written.
    #[must_use]
    pub fn of(self, text: Option<&pb::LocalizedText>) -> &str {
        match text {
            None => "",
            Some(text) if self == Self::De && !text.de.is_empty() => &text.de,
            Some(text) => &text.en,
        }
    }
}

/// How a test compares.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Comparison {
    /// `>=`
    AtLeast,
    /// `>`
    MoreThan,
    /// `<=`
    AtMost,
    /// `<`
    LessThan,
    /// `==`
    Equal,
    /// `!=`
    Unequal,
    /// `x in [...]`
    OneOf,
    /// `"x" in tags`
    Holding,
    /// A function: `has(x)`, `x.contains("a")`, or an attribute by itself.
    Other,
}

impl Comparison {
    /// Reads the comparison from a test as it is written. The constant may stand on either side.
    #[must_use]
    pub fn of(text: &str) -> Self {
        let bare = without_quoted(text);
        let operators = [
            (">=", Self::AtLeast),
            ("<=", Self::AtMost),
            ("==", Self::Equal),
            ("!=", Self::Unequal),
            (">", Self::MoreThan),
            ("<", Self::LessThan),
            (" in ", Self::OneOf),
        ];
        let found = operators
            .into_iter()
            .find_map(|(sign, meaning)| Some((bare.find(sign)?, meaning)));
        match found {
            Some((at, meaning)) if begins_with_constant(&bare[..at]) => meaning.flipped(),
            Some((_, meaning)) => meaning,
            None => Self::Other,
        }
    }

    fn flipped(self) -> Self {
        match self {
            Self::AtLeast => Self::AtMost,
            Self::AtMost => Self::AtLeast,
            Self::MoreThan => Self::LessThan,
            Self::LessThan => Self::MoreThan,
            Self::OneOf => Self::Holding,
            Self::Equal | Self::Unequal | Self::Holding | Self::Other => self,
        }
    }

    /// What was asked: "at least 3".
    #[must_use]
    pub fn asked(self, limit: &str, language: Language) -> String {
        let words = match self {
            Self::AtLeast => language.say("at least", "mindestens"),
            Self::MoreThan => language.say("more than", "mehr als"),
            Self::AtMost => language.say("at most", "höchstens"),
            Self::LessThan => language.say("less than", "weniger als"),
            Self::Unequal => language.say("other than", "anders als"),
            Self::OneOf => language.say("one of", "eines von"),
            Self::Holding => language.say("among them", "darunter"),
            Self::Equal | Self::Other => "",
        };
        format!("{words} {limit}").trim_start().to_owned()
    }

    /// The distance to the limit in words: "2 orders short", "250.00 EUR too much", "exactly".
    #[must_use]
    pub fn gap(self, clause: &pb::Clause, language: Language) -> Option<String> {
        let gap = clause.gap?;
        let wants_more = match self {
            Self::AtLeast | Self::MoreThan => true,
            Self::AtMost | Self::LessThan => false,
            Self::Equal | Self::Unequal | Self::OneOf | Self::Holding | Self::Other => return None,
        };
        let holds = clause.verdict() == Verdict::True;
        if gap == 0.0 {
            let words = if holds {
                language.say("just so", "gerade so")
            } else if wants_more {
                language.say("must be more", "muss mehr sein")
            } else {
                language.say("must be less", "muss weniger sein")
            };
            return Some(words.to_owned());
        }
        let is_money = currency_exponent(&clause.unit).is_some();
        let words = match (holds, wants_more) {
            (true, true) => language.say("above", "darüber"),
            (true, false) => language.say("below", "darunter"),
            (false, true) if is_money => language.say("missing", "fehlen"),
            (false, true) => language.say("short", "zu wenig"),
            (false, false) => language.say("too much", "zu viel"),
        };
        Some(format!("{} {words}", quantity(gap.abs(), clause, language)))
    }
}

/// A number with its unit: "2 orders", "1,250.00 EUR", "12 days".
fn quantity(number: f64, clause: &pb::Clause, language: Language) -> String {
    let one = (number - 1.0).abs() < f64::EPSILON;
    if clause.unit.is_empty() && clause.text.contains("probability_alive") {
        let points = language.say("percentage points", "Prozentpunkte");
        return figures::number(&format!("{:.1} {points}", number * 100.0), language);
    }
    let unit = match clause.unit.as_str() {
        "orders" => {
            let german = ["Bestellung", "Bestellungen"];
            noun(one, language, ["order", "orders"], german)
        }
        "contacts" => noun(
            one,
            language,
            ["contact", "contacts"],
            ["Kontakt", "Kontakte"],
        ),
        "tiers" => noun(one, language, ["tier", "tiers"], ["Stufe", "Stufen"]),
        "day" | "days" => noun(one, language, ["day", "days"], ["Tag", "Tage"]),
        other => match language.of(clause.unit_text.as_ref()) {
            "" => other,
            text => text,
        },
    };
    let text = match currency_exponent(unit) {
        Some(exponent) => format!("{number:.*} {unit}", exponent as usize),
        None => format!("{} {unit}", short(number)),
    };
    figures::number(text.trim_end(), language)
}

fn noun(
    one: bool,
    language: Language,
    english: [&'static str; 2],
    german: [&'static str; 2],
) -> &'static str {
    let index = usize::from(!one);
    language.say(english[index], german[index])
}

/// A number with at most three decimals and no idle zeros.
fn short(number: f64) -> String {
    let text = format!("{number:.3}");
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}

/// What was observed, in the language of the reader: of its words only "yes" and "no" are not names.
#[must_use]
pub fn observed(text: &str, language: Language) -> &str {
    match text {
        "yes" => language.say("yes", "ja"),
        "no" => language.say("no", "nein"),
        "" => language.say("none", "keine"),
        other => other,
    }
}

/// Why something is not known.
#[must_use]
pub fn absence(absence: Absence, language: Language) -> &'static str {
    match absence {
        Absence::Unspecified => language.say("not known", "nicht bekannt"),
        Absence::Missing => language.say("not known: never given", "nicht bekannt: nie angegeben"),
        Absence::Stale => language.say(
            "not known any more: the last value is too old",
            "nicht mehr bekannt: der letzte Wert ist zu alt",
        ),
        Absence::Future => language.say(
            "not known on this day: observed later",
            "an diesem Tag nicht bekannt: erst später beobachtet",
        ),
        Absence::WrongType => language.say(
            "not usable: stored with another type than the definitions say",
            "nicht verwendbar: mit anderem Typ gespeichert, als die Definitionen sagen",
        ),
        Absence::Unrated => language.say(
            "not known: the customer is not rated",
            "nicht bekannt: der Kunde ist nicht bewertet",
        ),
        Absence::NoRate => language.say(
            "not known: an amount cannot be converted",
            "nicht bekannt: ein Betrag lässt sich nicht umrechnen",
        ),
    }
}

/// The text with everything between quotes blanked, at the same places. Quotes end where they began; a backslash hides a quote.
fn without_quoted(text: &str) -> String {
    let (mut out, mut quote, mut escaped) = (String::with_capacity(text.len()), None, false);
    for c in text.chars() {
        let inside = quote.is_some();
        if escaped {
            escaped = false;
        } else if inside && c == '\\' {
            escaped = true;
        } else if quote == Some(c) {
            quote = None;
        } else if !inside && (c == '"' || c == '\'') {
            quote = Some(c);
        }
        // Of the length of the character, so that places stay the same.
        if inside {
            out.extend(std::iter::repeat_n('_', c.len_utf8()));
        } else {
            out.push(c);
        }
    }
    out
}

/// Whether the left side of a comparison is a constant.
fn begins_with_constant(left: &str) -> bool {
    let left = left.trim_start_matches(['(', ' ', '\n']);
    let calls = ["money(", "days(", "day("];
    left.starts_with(|c: char| c.is_ascii_digit() || c == '-' || c == '"' || c == '\'')
        || calls.iter().any(|call| left.starts_with(call))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &str, expected: Comparison) {
        assert_eq!(Comparison::of(text), expected, "{text}");
    }

    #[test]
    fn the_comparison_is_read_from_the_text_of_a_test() {
        check("orders(days(90)) >= 3", Comparison::AtLeast);
        check("3 <= orders(days(90))", Comparison::AtLeast);
        check("money(\"5 EUR\") > clv", Comparison::LessThan);
        check("name == \"a >= b\"", Comparison::Equal);
        check("sector in [\"a\", \"b\"]", Comparison::OneOf);
        check("\"uptime\" in needs", Comparison::Holding);
        check("has(x)", Comparison::Other);
        check("name.contains(\"ä \\\" < \")", Comparison::Other);
    }

    #[track_caller]
    fn check_gap(text: &str, gap: f64, unit: &str, holds: bool, english: &str, german: &str) {
        let verdict = if holds { Verdict::True } else { Verdict::False };
        let clause = pb::Clause {
            text: text.into(),
            gap: Some(gap),
            unit: unit.into(),
            verdict: verdict.into(),
            ..Default::default()
        };
        let comparison = Comparison::of(text);
        let said = |language| comparison.gap(&clause, language).unwrap();
        assert_eq!(said(Language::En), english);
        assert_eq!(said(Language::De), german);
    }

    #[test]
    fn the_gap_is_told_in_words() {
        check_gap(
            "orders(days(90)) >= 3",
            -2.0,
            "orders",
            false,
            "2 orders short",
            "2 Bestellungen zu wenig",
        );
        check_gap(
            "orders(days(90)) >= 3",
            -1.0,
            "orders",
            false,
            "1 order short",
            "1 Bestellung zu wenig",
        );
        check_gap(
            "clv >= money(\"500 EUR\")",
            -250.0,
            "EUR",
            false,
            "250.00 EUR missing",
            "250,00 EUR fehlen",
        );
        check_gap(
            "clv >= money(\"500 EUR\")",
            1234.5,
            "EUR",
            true,
            "1,234.50 EUR above",
            "1.234,50 EUR darüber",
        );
        check_gap(
            "contacts(days(30), \"phone\") > 4",
            0.0,
            "contacts",
            false,
            "must be more",
            "muss mehr sein",
        );
        check_gap(
            "tenure_days <= days(90)",
            12.0,
            "days",
            false,
            "12 days too much",
            "12 Tage zu viel",
        );
        check_gap(
            "probability_alive < 0.6",
            -0.25,
            "",
            true,
            "25.0 percentage points below",
            "25,0 Prozentpunkte darunter",
        );
        check_gap(
            "employees >= 250",
            0.0,
            "people",
            true,
            "just so",
            "gerade so",
        );
    }
}
