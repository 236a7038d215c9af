//! Texts for people, in English and German: the one place that words an explanation.
//!
//! Every text is made from typed values, so that a value and its text cannot disagree. Numbers are exact where a sentence decides.

pub mod gaps;
pub mod requirements;
pub mod values;

#[cfg(test)]
mod tests;

use self::{
    requirements::required_text,
    values::{Decimals, value_text},
};
use super::{
    Leaf, Recorded,
    reasons::{About, Reason},
    value::{self, Operator, Value},
};
use crate::domain::{
    assess::{segments::SegmentOutcome, tiers::Unrated},
    definitions::{Definitions, LocalizedText},
    money::Currency,
    rules::{
        condition::{SegmentId, Term},
        program::{Absence, Verdict},
        trace::Joint,
    },
    text::Label,
};

/// The language of a text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Language {
    /// English.
    En,
    /// German.
    De,
}

impl Language {
    const fn choose(self, en: &'static str, de: &'static str) -> &'static str {
        match self {
            Self::En => en,
            Self::De => de,
        }
    }

    /// The text in this language, else in English.
    #[must_use]
    pub fn pick(self, words: &LocalizedText) -> Label {
        match (self, &words.de) {
            (Self::De, Some(de)) => de.clone(),
            (Self::De, None) | (Self::En, _) => words.en.clone(),
        }
    }
}

/// A text in both languages.
#[must_use]
pub fn both<T: Into<Label>>(text: impl Fn(Language) -> T) -> LocalizedText {
    LocalizedText {
        en: text(Language::En).into(),
        de: Some(text(Language::De).into()),
    }
}

/// The observed and the required values of a leaf, ready to be worded.
#[derive(Debug, Clone)]
pub struct Wording<'a> {
    term: &'a Term,
    operator: Operator,
    required: Vec<Value<'a>>,
    observed: Result<Value<'a>, Absence>,
    decimals: Decimals,
    definitions: &'a Definitions,
}

impl<'a> Wording<'a> {
    /// That of a leaf.
    #[must_use]
    pub fn new(leaf: &Leaf<'a>, definitions: &'a Definitions) -> Self {
        let required = value::required(leaf.test, definitions);
        let observed = value::observed(leaf, definitions);
        Self {
            term: &leaf.test.term,
            operator: Operator::from_predicate(&leaf.test.predicate),
            decimals: Decimals::telling_apart(observed.ok().as_ref(), &required),
            required,
            observed,
            definitions,
        }
    }

    /// How the values are compared.
    #[must_use]
    pub const fn operator(&self) -> Operator {
        self.operator
    }

    /// The required values.
    #[must_use]
    pub fn required(&self) -> &[Value<'a>] {
        &self.required
    }

    /// The observed value.
    ///
    /// # Errors
    /// Why there is none.
    pub const fn observed(&self) -> Result<Value<'a>, Absence> {
        self.observed
    }

    /// The observed value, or why there is none: `2`, `out of date`.
    #[must_use]
    pub fn observed_text(&self, language: Language) -> String {
        match &self.observed {
            Ok(value) => value_text(value, self.decimals, language),
            Err(absence) => absence_text(*absence, language).to_owned(),
        }
    }

    /// Operator and required values: `at least 3`; with `is_negated` the contrary.
    #[must_use]
    pub fn required_text(&self, is_negated: bool, language: Language) -> String {
        required_text(
            self.operator,
            is_negated,
            &self.required,
            self.decimals,
            language,
        )
    }

    /// The whole leaf: `orders in the last 90 days: 2, required: at least 3`; with `is_negated` the contrary is required.
    #[must_use]
    pub fn text(&self, is_negated: bool, language: Language) -> String {
        let term = term(self.term, self.definitions, language);
        let observed = self.observed_text(language);
        let word = language.choose("required", "erforderlich");
        let required = self.required_text(is_negated, language);
        format!("{term}: {observed}, {word}: {required}")
    }

    /// The distance `gap` from the required value in words that fit [`Self::text`]: `1 short`.
    #[must_use]
    pub fn gap_text(
        &self,
        gap: &Value<'_>,
        is_negated: bool,
        language: Language,
    ) -> Option<String> {
        let Operator::Compare(op) = self.operator else {
            return None;
        };
        let op = if is_negated { value::contrary(op) } else { op };
        Some(gaps::gap_text(gap, op, self.required.first()?, language))
    }
}

/// A reason as one sentence without a full stop: `orders in the last 90 days: 2, required: at least 3`.
#[must_use]
pub fn reason(reason: &Reason<'_>, definitions: &Definitions, language: Language) -> String {
    match reason.about {
        About::Everyone => everyone(language).to_owned(),
        About::Segment(segment) => earlier_segment(segment, definitions, language),
        About::Leaf { leaf, is_negated } => {
            Wording::new(&leaf, definitions).text(is_negated, language)
        }
    }
}

const fn everyone(language: Language) -> &'static str {
    language.choose("applies to every customer", "gilt für alle Kunden")
}

fn earlier_segment(segment: SegmentId, definitions: &Definitions, language: Language) -> String {
    let title = language.pick(&definitions.segment(segment).title);
    let words = language.choose(
        "already in the earlier segment",
        "schon im früheren Segment",
    );
    format!("{words} {title}")
}

/// How the parts of a clause count; a leaf has a text of its own, [`Wording::text`].
#[must_use]
pub const fn joint_text(joint: Joint, language: Language) -> &'static str {
    match joint {
        Joint::All => language.choose("all of these must hold", "alles davon muss zutreffen"),
        Joint::Any => language.choose("one of these is enough", "eines davon genügt"),
        Joint::Not => language.choose("this must not hold", "dies darf nicht zutreffen"),
        Joint::Everyone => everyone(language),
        Joint::Test { .. } => language.choose("a comparison", "ein Vergleich"),
    }
}

/// What came of a segment: `not in`, `undecided, therefore not in`.
#[must_use]
pub fn outcome_text(
    outcome: SegmentOutcome,
    preempted_by: Option<SegmentId>,
    definitions: &Definitions,
    language: Language,
) -> String {
    let not_in = language.choose("not in", "gehört nicht dazu");
    match (outcome.is_member, outcome.verdict, preempted_by) {
        (true, Verdict::Unknown, _) => language.choose(
            "in: undecided, and the segment includes undecided customers",
            "gehört dazu: nicht entscheidbar, aber das Segment schließt solche Kunden ein",
        ),
        (true, Verdict::True | Verdict::False, _) => language.choose("in", "gehört dazu"),
        (false, _, Some(earlier)) => {
            let earlier = earlier_segment(earlier, definitions, language);
            return format!("{not_in}, {earlier}");
        }
        (false, Verdict::Unknown, None) => language.choose(
            "undecided, therefore not in",
            "nicht entscheidbar, gehört daher nicht dazu",
        ),
        (false, Verdict::True | Verdict::False, None) => not_in,
    }
    .to_owned()
}

/// Why a customer has no tier.
#[must_use]
pub const fn unrated_text(reason: Unrated, language: Language) -> &'static str {
    match reason {
        Unrated::NotApplicable => language.choose(
            "employees are not valued",
            "Mitarbeiter werden nicht bewertet",
        ),
        Unrated::NoPurchase => language.choose(
            "no purchase yet, or everything was refunded",
            "noch kein Kauf, oder alles wurde erstattet",
        ),
        Unrated::NoModel => language.choose(
            "no active model can value this customer",
            "kein aktives Modell kann diesen Kunden bewerten",
        ),
        Unrated::NoMean => language.choose(
            "the spend model has no mean",
            "das Umsatzmodell hat keinen Erwartungswert",
        ),
        Unrated::NoRate => language.choose(
            "no exchange rate for an amount",
            "kein Wechselkurs für einen Betrag",
        ),
        Unrated::TooLarge => language.choose(
            "the value exceeds the largest supported amount",
            "der Wert übersteigt den größten zulässigen Betrag",
        ),
    }
}

/// Why there is no value.
#[must_use]
pub const fn absence_text(absence: Absence, language: Language) -> &'static str {
    match absence {
        Absence::Missing => language.choose("unknown", "unbekannt"),
        Absence::Stale => language.choose("out of date", "veraltet"),
        Absence::Future => {
            language.choose("observed after this day", "erst nach diesem Tag erfasst")
        }
        Absence::WrongType => language.choose(
            "stored with a different type",
            "mit einem anderen Typ gespeichert",
        ),
        Absence::Unrated => language.choose("not rated", "nicht bewertet"),
        Absence::NoRate => language.choose("no exchange rate", "kein Wechselkurs"),
    }
}

/// An open input: `Complaints: out of date`.
#[must_use]
pub fn input_text(
    term: &Term,
    absence: Absence,
    definitions: &Definitions,
    language: Language,
) -> String {
    let term = self::term(term, definitions, language);
    format!("{term}: {}", absence_text(absence, language))
}

/// Where a value comes from: `crm, 34 days old, converted from USD`; `None` when there is nothing to state.
#[must_use]
pub fn origin_text(
    recorded: Option<&Recorded<'_>>,
    converted_from: &[Currency],
    language: Language,
) -> Option<String> {
    let mut parts = Vec::new();
    if let Some(recorded) = recorded {
        parts.push(recorded.source.to_string());
        parts.push(match recorded.age_days {
            ..0 => {
                let day = values::day_text(recorded.observed_on, language);
                format!("{} {day}", language.choose("observed on", "erfasst am"))
            }
            0 => language
                .choose("observed the same day", "am selben Tag erfasst")
                .to_owned(),
            1 => language.choose("1 day old", "1 Tag alt").to_owned(),
            days => {
                let days = values::grouped(&days.to_string(), language);
                format!("{days} {}", language.choose("days old", "Tage alt"))
            }
        });
    }
    if !converted_from.is_empty() {
        let codes: Vec<&str> = converted_from
            .iter()
            .map(|currency| currency.code())
            .collect();
        let words = language.choose("converted from", "umgerechnet aus");
        let and = language.choose(" and ", " und ");
        parts.push(format!("{words} {}", codes.join(and)));
    }
    (!parts.is_empty()).then(|| parts.join(", "))
}

/// What a term is called.
#[must_use]
pub fn term(term: &Term, definitions: &Definitions, language: Language) -> String {
    let window = |days: u32, en: &str, de: &str| match (language, days) {
        (Language::En, 1) => format!("{en} on that day"),
        (Language::De, 1) => format!("{de} an diesem Tag"),
        (Language::En, _) => format!("{en} in the last {days} days"),
        (Language::De, _) => format!("{de} in den letzten {days} Tagen"),
    };
    let (en, de) = match term {
        Term::Attribute(id) => {
            let definition = &definitions.attributes()[id.0 as usize];
            return language.pick(&definition.description).to_string();
        }
        Term::Orders(days) => {
            return window(days.days(), "days with an order", "Bestelltage");
        }
        Term::Spend(days) => return window(days.days(), "spend", "Umsatz"),
        Term::Contacts(days, None) => return window(days.days(), "contacts", "Kontakte"),
        Term::Contacts(days, Some(channel)) => {
            let (en, de) = (
                format!("contacts by {channel}"),
                format!("Kontakte über {channel}"),
            );
            return window(days.days(), &en, &de);
        }
        Term::CostToServe(days) => {
            return window(days.days(), "cost of contacts", "Kosten der Kontakte");
        }
        Term::Segment(id) => {
            let title = language.pick(&definitions.segment(*id).title);
            return format!("{} {title}", language.choose("member of", "gehört zu"));
        }
        Term::Clv => ("lifetime value", "Kundenwert"),
        Term::Tier => ("tier", "Stufe"),
        Term::ProbabilityAlive => (
            "probability that the customer is still active",
            "Wahrscheinlichkeit, dass der Kunde noch aktiv ist",
        ),
        Term::DaysSinceLastOrder => (
            "time since the last order",
            "Zeit seit der letzten Bestellung",
        ),
        Term::TenureDays => (
            "time since the first order",
            "Zeit seit der ersten Bestellung",
        ),
        Term::RunningContracts => ("running contracts", "laufende Verträge"),
        Term::Kind => ("kind of customer", "Kundenart"),
        Term::Contact(_) => ("the contact", "der Kontakt"),
    };
    language.choose(en, de).to_owned()
}
