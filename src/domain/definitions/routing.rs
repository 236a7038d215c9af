//! Routing rules: what a contact changes about the treatment of the customer it comes from.
//!
//! Rules are refined like segments: each field of the treatment comes from the first rule that applies and sets it, otherwise from segment
//! and tier. Raises of the priority add up over all rules that apply.

use saphyr_parser::ScalarStyle;

use super::{
    calendars::Calendars,
    fields::{self, Fields},
    period::{self, Period, Precision},
    place::Places,
    schemes::swallowing_comment,
    treatments::{MAX_PRIORITY, Reader, Treatment, TreatmentField},
    yaml::{Kind, Node},
};
use crate::domain::{
    rules::{
        check::check,
        condition::{Condition, ContactTerm, Predicate, Term, TextOp},
        diagnostic::{Code, Diagnostic, Diagnostics, Span},
        language::CONTACT_TERMS,
        vocabulary::{ContactNames, Vocabulary},
    },
    stop,
    telephony::plan::NumberPlan,
    text::Label,
};

/// Most rules of a document. Chosen: each is tested at every contact.
const MAX_RULES: usize = 200;

/// Index of a rule in [`super::Policies::rules`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RuleId(pub u32);

/// A rule about contacts.
#[derive(Debug, Clone, PartialEq)]
pub struct RoutingRule {
    /// Its name.
    pub name: Label,
    /// Of which contacts it holds.
    pub condition: Condition,
    /// When it holds.
    pub period: Period,
    /// What it sets.
    pub treatment: Treatment,
    /// By how much it raises the priority.
    pub raise_priority: u32,
}

/// What rules may name besides the terms of customers.
pub(super) fn vocabulary(
    customers: &Vocabulary,
    intents: &[Label],
    calendars: &Calendars,
) -> Vocabulary {
    let readable = calendars.known.iter().map(|it| it.name.clone());
    // Behind the others: a document with these is refused, so that nobody uses their places.
    let unreadable = calendars.unreadable.iter().map(|name| name.as_str().into());
    customers.clone().with_contact(ContactNames {
        intents: intents.to_vec(),
        calendars: readable.chain(unreadable).collect(),
    })
}

/// `intents:`, the reasons of contacts that rules may name.
pub(super) fn intents(top: &mut Fields<'_>, problems: &mut Diagnostics) -> Vec<Label> {
    let place = top.key_span("intents");
    let read = top
        .get("intents")
        .and_then(|node| fields::unique(node, place, "`intents`", problems, fields::name));
    read.unwrap_or_default()
}

/// Reads rules with the names that they may use.
pub(super) struct RuleReader<'a> {
    pub(super) file: &'a str,
    pub(super) treatments: &'a Reader<'a>,
    /// As [`vocabulary`] makes it.
    pub(super) vocabulary: &'a Vocabulary,
    pub(super) has_currency: bool,
}

impl RuleReader<'_> {
    /// `routing:`, which may be missing.
    pub(super) fn read(
        &self,
        node: Option<&Node>,
        place: Span,
        problems: &mut Diagnostics,
    ) -> Option<Vec<RoutingRule>> {
        let Some(node) = node else {
            return Some(vec![]);
        };
        for term in CONTACT_TERMS {
            if self.vocabulary.attribute_id(term.name).is_some() {
                let message = format!("the attribute `{0}` hides `{0}` of contacts", term.name);
                let help = "give the attribute another name to use routing rules";
                problems.add_with_help(place, Code::Duplicate, message, help);
            }
        }
        let items = fields::list(node, place, "`routing`", problems)?;
        if items.len() > MAX_RULES {
            let message = format!("{} rules; at most {MAX_RULES} are allowed", items.len());
            problems.add(place, Code::Limit, message);
            return None;
        }
        let mut rules: Vec<RoutingRule> = Vec::with_capacity(items.len());
        let mut is_sound = true;
        for item in items {
            stop::check();
            let Some((rule, place)) = self.rule(item, problems) else {
                is_sound = false;
                continue;
            };
            if rules.iter().any(|known| known.name == rule.name) {
                let message = format!("rule `{}` already exists", rule.name);
                problems.add_with_help(place, Code::Duplicate, message, "choose another name");
            }
            rules.push(rule);
        }
        is_sound.then_some(rules)
    }

    /// A rule, and where its name stands.
    fn rule(&self, node: &Node, problems: &mut Diagnostics) -> Option<(RoutingRule, Span)> {
        let mut fields = Fields::from_node(node, node.span, "a routing rule", problems)?;
        let name = fields.require("name", "outage_night", problems);
        let place = name.map_or(node.span, |name| name.span);
        let name = name.and_then(|node| fields::name(node, problems));
        let when = fields.require("when", "intent == \"outage\"", problems);
        let condition = when.and_then(|node| self.condition(node, problems));
        let period = period::read(&mut fields, Precision::Instants, problems);
        let raise = fields.get("raise_priority");
        let raise = raise.map_or(Some(0), |node| {
            fields::whole(node, 1..=MAX_PRIORITY, problems)
        });
        let treatment = self.treatments.treatment(&mut fields, problems);
        fields.finish(problems);
        let rule = RoutingRule {
            name: name?,
            condition: condition?,
            period: period?,
            treatment: treatment?,
            raise_priority: raise?,
        };
        if rule.treatment.check_ins.is_some() {
            let message = "a contact does not change the plan of check-ins";
            let help = "state `check_ins` under `treatments`";
            problems.add_with_help(place, Code::BadValue, message, help);
        }
        let sets_something = TreatmentField::ALL
            .into_iter()
            .any(|field| field.is_stated(&rule.treatment));
        if !sets_something && rule.raise_priority == 0 {
            let message = format!("rule `{}` changes nothing", rule.name);
            let help = "add `queue`, `raise_priority` or another field of treatments";
            problems.add_with_help(place, Code::EmptySet, message, help);
        }
        Some((rule, place))
    }

    fn condition(&self, node: &Node, problems: &mut Diagnostics) -> Option<Condition> {
        let text = fields::scalar(node, problems)?;
        let style = match &node.kind {
            Kind::Scalar(_, style) => *style,
            Kind::List(_) | Kind::Map(_) | Kind::Bad => ScalarStyle::Plain,
        };
        let places = Places::new(self.file, node.span, text, style);
        if let Some(at) = swallowing_comment(node, text) {
            let help = "write `when: |` and the condition on the following lines";
            let message = "this comment would hide everything after it: YAML joins these lines";
            problems.add_with_help(places.in_file(at), Code::Syntax, message, help);
        }
        match check(text, self.vocabulary) {
            Ok(condition) => {
                check_dialled(&condition, &places, problems);
                Some(condition)
            }
            Err(found) => {
                for problem in found {
                    if self.has_currency || problem.code != Code::CurrencyMismatch {
                        let span = places.in_file(problem.span);
                        problems.push(Diagnostic { span, ..problem });
                    }
                }
                None
            }
        }
    }
}

/// Reports dialled numbers that are not written as they are compared. Short codes and extensions are compared as they arrive.
fn check_dialled(condition: &Condition, places: &Places, problems: &mut Diagnostics) {
    /// Digits that make a number rather than a short code.
    const NUMBER_DIGITS: usize = 7;
    condition.for_each_test(&mut |test, span| {
        let texts: &[Label] = match (&test.term, &test.predicate) {
            (
                Term::Contact(ContactTerm::DialledNumber),
                Predicate::Text(TextOp::Is | TextOp::IsNot, text),
            ) => std::slice::from_ref(text),
            (Term::Contact(ContactTerm::DialledNumber), Predicate::TextIn(texts)) => texts,
            _ => &[],
        };
        for text in texts {
            let digits = text.bytes().filter(u8::is_ascii_digit).count();
            let help = match NumberPlan::E164.number(text) {
                Ok(number) if number.as_str() == &**text => continue,
                Ok(number) => format!("write \"{}\"", number.as_str()),
                Err(_) if digits < NUMBER_DIGITS && !text.starts_with('+') => continue,
                Err(_) => "for example \"+4930123456\"".to_owned(),
            };
            let message = format!("{text:?} is not a number in E.164, as numbers are compared");
            let span = places.in_file(span);
            problems.add_with_help(span, Code::BadLiteral, message, help);
        }
    });
}
