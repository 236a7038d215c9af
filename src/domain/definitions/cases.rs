//! Reading `tests:`: customers as the authors of a document describe them, and what is to be decided about them.
//!
//! What a customer is worth is a matter of models, which no document has: a test states it. Everything else follows from facts, as ever.

mod attribute_value;
mod customer;
mod expected;
mod names;

use std::collections::HashSet;

pub use self::{
    customer::Described,
    expected::{
        Expected, ExpectedSegment, ExpectedSegments, ExpectedTier, ExpectedTreatment, Standing,
    },
};
use super::{
    Definitions,
    fields::{self, Fields},
    treatments,
    yaml::Node,
};
use crate::domain::{
    calendar::Day,
    money::Currency,
    rules::diagnostic::{Code, Diagnostic, Diagnostics, Span},
    stop,
    text::Label,
};

/// Most tests of a document.
const MAX_CASES: usize = 1_000;

/// A customer, and what is to be decided about them.
#[derive(Debug, Clone)]
pub struct Case {
    /// What it shows, in the words of its author; no other test of the document has the same.
    pub name: Label,
    /// Where its name stands.
    pub place: Span,
    /// The day of the decision. No fact lies after it.
    pub as_of: Day,
    /// The customer.
    pub customer: Described,
    /// What is to be decided; at least one thing.
    pub expected: Expected,
}

impl Definitions {
    /// Reads a document with the tests that it brings along, in the order of the file.
    ///
    /// # Errors
    /// All problems, in the order of their places in `text`.
    pub fn read_with_cases(text: &str) -> Result<(Self, Vec<Case>), Vec<Diagnostic>> {
        Self::read_with(text, |reader, section, problems| {
            reader.read(section, problems)
        })
    }
}

/// `tests:` of a document, which may be missing, and where it is or would be.
pub(super) type Section<'a> = (Span, Option<&'a Node>);

/// Reads `tests:` with the names that it may use.
pub(super) struct Reader<'a> {
    currency: Option<Currency>,
    /// Tiers, channels and names of conditions are those of treatments.
    names: &'a treatments::Reader<'a>,
}

impl<'a> Reader<'a> {
    /// For a document with these names, whose values are in `currency`; `None` when that could not be read.
    pub(super) fn new(currency: Option<Currency>, names: &'a treatments::Reader<'a>) -> Self {
        Self { currency, names }
    }

    /// The tests of `tests:`, which may be missing.
    fn read(&self, (place, node): Section<'_>, problems: &mut Diagnostics) -> Option<Vec<Case>> {
        let Some(node) = node else {
            return Some(vec![]);
        };
        let items = fields::list(node, place, "`tests`", problems)?;
        if items.len() > MAX_CASES {
            let message = format!("{} tests; at most {MAX_CASES} are allowed", items.len());
            problems.add(place, Code::Limit, message);
            return None;
        }
        let read: Vec<Option<Case>> = items
            .iter()
            .map(|item| {
                stop::check();
                self.case(item, problems)
            })
            .collect();
        let mut names = HashSet::new();
        let mut is_sound = true;
        for case in read.iter().flatten() {
            if !names.insert(&case.name) {
                let message = format!("another test is called {:?}", case.name);
                problems.add_with_help(case.place, Code::Duplicate, message, "rename one");
                is_sound = false;
            }
        }
        let cases: Option<Vec<Case>> = read.into_iter().collect();
        cases.filter(|_| is_sound)
    }

    fn case(&self, node: &Node, problems: &mut Diagnostics) -> Option<Case> {
        let mut fields = Fields::from_node(node, node.span, "a test", problems)?;
        let name = fields.require("name", "a new customer is unrated", problems);
        let place = name.map_or(node.span, |node| node.span);
        let name = name.and_then(|node| fields::text(node, problems));
        let as_of = fields.require("as_of", "2026-11-27", problems);
        let as_of = as_of.and_then(|node| fields::day(node, problems));
        let customer_place = fields.key_span("customer");
        let example = "{value: 700 EUR, purchases: [{on: 2026-10-01, amount: 120 EUR}]}";
        let customer = fields.require("customer", example, problems);
        let customer = customer.and_then(|node| {
            customer::Reader { cases: self, as_of }.read(node, customer_place, problems)
        });
        let expected_place = fields.key_span("expect");
        let expected = fields.require("expect", "{tier: gold}", problems);
        let expected = expected.and_then(|node| self.expected(node, expected_place, problems));
        fields.finish(problems);
        Some(Case {
            name: name?,
            place,
            as_of: as_of?,
            customer: customer?,
            expected: expected?,
        })
    }
}
