//! Reasons whose words do not depend on a number of the customer, worded once per revision of the definitions.
//!
//! A leaf about a tier, a kind, a listed text, a yes or no, or an absent value has few outcomes, and most reasons are of these.

use std::{
    collections::HashMap,
    sync::{Arc, OnceLock},
};

use super::{
    reasons::{About, Reason},
    wording::{self, Language},
};
use crate::domain::{
    assess::segments::slots::kind_text,
    customer::CustomerKind,
    definitions::{Definitions, LocalizedText},
    rules::{
        condition::{Clause, ClauseKind, Term, Test},
        program::{Absence, Slot},
        vocabulary::ValueType,
    },
    text::Label,
};

/// Most outcomes of a term that are kept, besides absences, no and yes.
const MAX_OWN: usize = 32;

/// The worded reasons of a revision.
#[derive(Debug)]
pub struct FixedReasons {
    /// Keeps the tests where they are: they are known by their addresses.
    definitions: Arc<Definitions>,
    tests: HashMap<usize, Worded>,
}

/// The worded reasons of one test. Each kind of outcome has a table of its own, so that none can take the place of another.
#[derive(Debug)]
struct Worded {
    absent: [Texts; 6],
    no_and_yes: [Texts; 2],
    own: Box<[Texts]>,
}

/// An outcome as it was asked for, and negated.
type Texts = [OnceLock<LocalizedText>; 2];

impl FixedReasons {
    /// Those of `definitions`, none of them worded yet.
    #[must_use]
    pub fn new(definitions: Arc<Definitions>) -> Self {
        let mut tests = HashMap::new();
        for segment in definitions.segments() {
            collect(segment.condition.root(), &definitions, &mut tests);
        }
        Self { definitions, tests }
    }

    /// A reason in both languages; it must be one of these definitions.
    #[must_use]
    pub fn text(&self, reason: &Reason<'_>) -> LocalizedText {
        let word = || {
            let text = |language| wording::reason(reason, &self.definitions, language).into();
            LocalizedText {
                en: text(Language::En),
                de: Some(text(Language::De)),
            }
        };
        match self.kept(reason) {
            Some(kept) => kept.get_or_init(word).clone(),
            None => word(),
        }
    }

    fn kept(&self, reason: &Reason<'_>) -> Option<&OnceLock<LocalizedText>> {
        let About::Leaf { leaf, is_negated } = &reason.about else {
            return None;
        };
        let worded = self.tests.get(&address(leaf.test))?;
        let texts = match leaf.observed {
            Err(absence) => worded.absent.get(absence_number(absence)),
            Ok(Slot::Bool(value)) => worded.no_and_yes.get(usize::from(value)),
            Ok(observed) => {
                let own = own_outcome(&leaf.test.term, observed, &self.definitions)?;
                worded.own.get(own)
            }
        };
        texts?.get(usize::from(*is_negated))
    }
}

fn address(test: &Test) -> usize {
    std::ptr::from_ref(test).addr()
}

fn collect(clause: &Clause, definitions: &Definitions, tests: &mut HashMap<usize, Worded>) {
    match &clause.kind {
        ClauseKind::Everyone => {}
        ClauseKind::Test(test) => {
            let own = own_outcomes(&test.term, definitions).min(MAX_OWN);
            let worded = Worded {
                absent: Default::default(),
                no_and_yes: Default::default(),
                own: (0..own).map(|_| Texts::default()).collect(),
            };
            tests.insert(address(test), worded);
        }
        ClauseKind::Not(inner) => collect(inner, definitions, tests),
        ClauseKind::All(parts) | ClauseKind::Any(parts) => {
            for part in parts {
                collect(part, definitions, tests);
            }
        }
    }
}

/// How many outcomes a term has of its own.
fn own_outcomes(term: &Term, definitions: &Definitions) -> usize {
    if *term == Term::Tier {
        definitions.tiers().len()
    } else if *term == Term::Kind {
        KINDS.len()
    } else {
        listed(term, definitions).map_or(0, <[_]>::len)
    }
}

const KINDS: [CustomerKind; 3] = [
    CustomerKind::Person,
    CustomerKind::Company,
    CustomerKind::Employee,
];

/// The texts that an attribute may have, where these are listed.
fn listed<'a>(term: &Term, definitions: &'a Definitions) -> Option<&'a [Label]> {
    let attribute = definitions.vocabulary().attribute(term.attribute()?);
    if let ValueType::OneOf(values) = &attribute.value_type {
        Some(values)
    } else {
        None
    }
}

/// The number of an absence. One without a place in the table is worded at each call.
const fn absence_number(absence: Absence) -> usize {
    match absence {
        Absence::Missing => 0,
        Absence::Stale => 1,
        Absence::Future => 2,
        Absence::WrongType => 3,
        Absence::Unrated => 4,
        Absence::NoRate => 5,
    }
}

/// The number of what was observed among the outcomes of its term; `None` where there are too many of them.
fn own_outcome(term: &Term, observed: Slot<'_>, definitions: &Definitions) -> Option<usize> {
    match observed {
        Slot::Int(ordinal) if *term == Term::Tier => usize::try_from(ordinal).ok(),
        Slot::Text(_, text) if *term == Term::Kind => {
            KINDS.iter().position(|kind| kind_text(*kind) == text)
        }
        Slot::Text(_, text) => listed(term, definitions)?
            .iter()
            .position(|value| **value == *text),
        Slot::Missing | Slot::Bool(_) | Slot::Int(_) | Slot::Num(_) | Slot::List(_) => None,
    }
}
