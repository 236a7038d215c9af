//! Reasons: the few tests that force a verdict, as stable codes and in words.

use super::{ExplainedClause, ExplainedTest, MAX_REASONS, least_value, words::words};
use crate::domain::{
    basis::Basis,
    definitions::Words,
    money::Money,
    rules::{
        condition::{Predicate, Term, TextOp},
        program::{Absence, Verdict},
        syntax::Op,
        trace::Joint,
    },
    tiers::{TierIndex, Unrated},
};

/// A reason.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reason {
    /// Stable name: what was looked at, and how it stands, for example `ORDERS_BELOW`.
    pub code: String,
    /// In words.
    pub text: Words,
}

/// How an observed value stands to a limit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Relation {
    AtLeast,
    Above,
    AtMost,
    Below,
    Is,
    IsNot,
    OneOf,
    NoneOf,
    Has,
    HasNot,
    Known,
    NotKnown,
}

impl Relation {
    fn code(self) -> &'static str {
        match self {
            Self::AtLeast => "AT_LEAST",
            Self::Above => "ABOVE",
            Self::AtMost => "AT_MOST",
            Self::Below => "BELOW",
            Self::Is => "IS",
            Self::IsNot => "IS_NOT",
            Self::OneOf => "ONE_OF",
            Self::NoneOf => "NONE_OF",
            Self::Has => "HAS",
            Self::HasNot => "HAS_NOT",
            Self::Known => "KNOWN",
            Self::NotKnown => "NOT_KNOWN",
        }
    }

    /// In English and German, before the limit.
    fn words(self) -> (&'static str, &'static str) {
        match self {
            Self::AtLeast => ("at least", "mindestens"),
            Self::Above => ("above", "über"),
            Self::AtMost => ("at most", "höchstens"),
            Self::Below => ("below", "unter"),
            Self::Is => ("is", "ist"),
            Self::IsNot => ("is not", "ist nicht"),
            Self::OneOf => ("one of", "eines von"),
            Self::NoneOf => ("none of", "keines von"),
            Self::Has => ("has", "hat"),
            Self::HasNot => ("has not", "hat nicht"),
            Self::Known => ("is known", "ist bekannt"),
            Self::NotKnown => ("is not known", "ist nicht bekannt"),
        }
    }

    fn negated(self) -> Self {
        match self {
            Self::AtLeast => Self::Below,
            Self::Above => Self::AtMost,
            Self::AtMost => Self::Above,
            Self::Below => Self::AtLeast,
            Self::Is => Self::IsNot,
            Self::IsNot => Self::Is,
            Self::OneOf => Self::NoneOf,
            Self::NoneOf => Self::OneOf,
            Self::Has => Self::HasNot,
            Self::HasNot => Self::Has,
            Self::Known => Self::NotKnown,
            Self::NotKnown => Self::Known,
        }
    }
}

/// The reasons of a verdict, in the order of the condition, whose author put first what matters most.
pub(super) fn of_clause(clause: &ExplainedClause) -> Vec<Reason> {
    let mut tests = vec![];
    forcing(clause, &mut tests);
    let mut reasons: Vec<Reason> = vec![];
    for (test, verdict) in tests {
        let reason = of_test(test, verdict);
        if !reasons.contains(&reason) {
            reasons.push(reason);
        }
    }
    reasons.truncate(MAX_REASONS);
    reasons
}

/// The tests that together force the verdict: of an ALL that holds every part, of one that does not the parts that fail; of an ANY the
/// other way round; of what is undecided the undecided parts.
fn forcing<'a>(clause: &'a ExplainedClause, out: &mut Vec<(&'a ExplainedTest, Verdict)>) {
    if let Some(test) = &clause.test {
        out.push((test, clause.verdict));
        return;
    }
    let same = |part: &&ExplainedClause| part.verdict == clause.verdict;
    match (clause.joint, clause.verdict) {
        // One part is enough, and the first in the order of the author is the one that was meant.
        (Joint::Any, Verdict::True) => {
            clause
                .parts
                .iter()
                .find(same)
                .into_iter()
                .for_each(|part| forcing(part, out));
        }
        (Joint::All | Joint::Any, _) => clause
            .parts
            .iter()
            .filter(same)
            .for_each(|part| forcing(part, out)),
        (Joint::Not, _) => clause.parts.iter().for_each(|part| forcing(part, out)),
        (Joint::Test { .. } | Joint::Everyone, _) => {}
    }
}

fn of_test(test: &ExplainedTest, verdict: Verdict) -> Reason {
    let name = term_code(test);
    let subject = &test.subject;
    let german = subject.de.as_ref().unwrap_or(&subject.en);
    if let Some(absence) = test.absence.filter(|_| verdict == Verdict::Unknown) {
        let (code, en, de) = absence_words(absence);
        return Reason {
            code: format!("{name}_{code}"),
            text: words(format!("{}: {en}", subject.en), format!("{german}: {de}")),
        };
    }
    let asked = relation(&test.test.predicate);
    let relation = if verdict == Verdict::True {
        asked
    } else {
        asked.negated()
    };
    let (en, de) = relation.words();
    let observed = test
        .observed
        .as_deref()
        .map(|observed| format!("{observed}, "))
        .unwrap_or_default();
    let limit = test
        .limit
        .as_deref()
        .map(|limit| format!(" {limit}"))
        .unwrap_or_default();
    Reason {
        code: format!("{name}_{}", relation.code()),
        text: words(
            format!(
                "{}: {}{en}{limit}",
                subject.en,
                in_language(&observed, false)
            ),
            format!(
                "{german}: {}{de}{}",
                in_language(&observed, true),
                in_language(&limit, true)
            ),
        ),
    }
}

/// The few English words that values have, in the language of the reader.
fn in_language(text: &str, german: bool) -> String {
    match (text, german) {
        ("yes, ", true) => "ja, ".to_owned(),
        ("no, ", true) => "nein, ".to_owned(),
        (" yes", true) => " ja".to_owned(),
        (" no", true) => " nein".to_owned(),
        _ => text.to_owned(),
    }
}

fn term_code(test: &ExplainedTest) -> &'static str {
    match &test.test.term {
        Term::Attribute(_) => "ATTRIBUTE",
        Term::Clv => "LIFETIME_VALUE",
        Term::Tier => "TIER",
        Term::ProbabilityAlive => "PROBABILITY_ALIVE",
        Term::Orders(_) => "ORDERS",
        Term::Spend(_) => "SPEND",
        Term::Contacts(..) => "CONTACTS",
        Term::CostToServe(_) => "COST_TO_SERVE",
        Term::DaysSinceLastOrder => "DAYS_SINCE_LAST_ORDER",
        Term::TenureDays => "TENURE",
        Term::Kind => "KIND",
        Term::Segment(_) => "SEGMENT",
    }
}

fn absence_words(absence: Absence) -> (&'static str, &'static str, &'static str) {
    match absence {
        Absence::Missing => ("MISSING", "not known", "nicht bekannt"),
        Absence::Stale => ("STALE", "known, but too old", "bekannt, aber veraltet"),
        Absence::Future => ("FUTURE", "observed only later", "erst später beobachtet"),
        Absence::WrongType => (
            "WRONG_TYPE",
            "not of the type it should have",
            "nicht vom vorgesehenen Typ",
        ),
        Absence::Unrated => (
            "UNRATED",
            "the customer is not rated",
            "der Kunde ist nicht bewertet",
        ),
        Absence::NoRate => (
            "NO_RATE",
            "an amount cannot be converted",
            "ein Betrag ist nicht umrechenbar",
        ),
    }
}

fn relation(predicate: &Predicate) -> Relation {
    let of_order = |op: Op| match op {
        Op::Eq => Relation::Is,
        Op::Ne => Relation::IsNot,
        Op::Lt => Relation::Below,
        Op::Le => Relation::AtMost,
        Op::Gt => Relation::Above,
        Op::Ge => Relation::AtLeast,
    };
    match predicate {
        Predicate::Int(op, _) | Predicate::Number(op, _) => of_order(*op),
        Predicate::Bool(_) | Predicate::Text(TextOp::Is, _) => Relation::Is,
        Predicate::Text(TextOp::IsNot, _) => Relation::IsNot,
        Predicate::Text(TextOp::StartsWith | TextOp::EndsWith | TextOp::Contains, _)
        | Predicate::HasTag(_) => Relation::Has,
        Predicate::IntIn(_) | Predicate::NumberIn(_) | Predicate::TextIn(_) => Relation::OneOf,
        Predicate::Known => Relation::Known,
    }
}

/// The reason of a tier, held or not.
pub(super) fn of_tier(
    tier: Option<TierIndex>,
    held: Result<TierIndex, Unrated>,
    value: Option<Money>,
    basis: &Basis,
) -> Vec<Reason> {
    let (held, value) = match (held, value) {
        (Ok(held), Some(value)) => (held, value),
        (held, _) => return vec![unrated(held.err())],
    };
    let mut reasons = vec![];
    let named = tier.unwrap_or(held);
    let least = least_value(basis, named);
    let mut say = |code: &str, en: String, de: String| {
        reasons.push(Reason {
            code: code.to_owned(),
            text: words(en, de),
        });
    };
    match least {
        Some(least) if value.amount_minor >= least.amount_minor => say(
            "LIFETIME_VALUE_AT_LEAST",
            format!("Lifetime value: {value}, at least {least}"),
            format!("Kundenwert: {value}, mindestens {least}"),
        ),
        Some(least) => say(
            "LIFETIME_VALUE_BELOW",
            format!("Lifetime value: {value}, below {least}"),
            format!("Kundenwert: {value}, unter {least}"),
        ),
        None => {}
    }
    let better = basis.revision.tiers.better(named);
    if let Some(better) = better.and_then(|better| least_value(basis, better)) {
        if value.amount_minor < better.amount_minor {
            say(
                "BELOW_NEXT_TIER",
                format!("Lifetime value: {value}, below {better} of the next better tier"),
                format!("Kundenwert: {value}, unter {better} der nächsten Stufe"),
            );
        } else {
            say(
                "HOLDS_BETTER_TIER",
                format!("Lifetime value: {value}, enough for a better tier ({better})"),
                format!("Kundenwert: {value}, genug für eine bessere Stufe ({better})"),
            );
        }
    }
    reasons
}

fn unrated(reason: Option<Unrated>) -> Reason {
    let (code, en, de) = match reason {
        Some(Unrated::NotApplicable) => (
            "NOT_APPLICABLE",
            "Employees are not valued",
            "Beschäftigte werden nicht bewertet",
        ),
        Some(Unrated::NoPurchase) => (
            "NO_PURCHASE",
            "Nothing was bought yet",
            "Bisher wurde nichts gekauft",
        ),
        Some(Unrated::NoModel) | None => (
            "NO_MODEL",
            "No value model is active",
            "Kein Wertmodell ist aktiv",
        ),
        Some(Unrated::NoMean) => (
            "NO_MEAN",
            "The spend model has no mean",
            "Das Ausgabenmodell hat keinen Mittelwert",
        ),
        Some(Unrated::NoRate) => (
            "NO_RATE",
            "An amount cannot be converted",
            "Ein Betrag ist nicht umrechenbar",
        ),
    };
    Reason {
        code: code.to_owned(),
        text: words(en, de),
    }
}
