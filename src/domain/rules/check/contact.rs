//! The terms of contacts, which only rules about contacts may use.

use super::{Checker, operand::Operand};
use crate::domain::{
    rules::{
        condition::{ContactTerm, NamedCalendar, Term},
        diagnostic::{Code, Span},
        language::{BUILT_INS, BuiltIn, CONTACT_TERMS, WEEKDAYS},
        syntax::{Kind, Node},
        vocabulary::ValueType,
    },
    text::Label,
};

impl Checker<'_> {
    /// The built-in term of this name that this condition may use.
    pub(super) fn find_built_in(&self, name: &str) -> Option<&'static BuiltIn> {
        self.built_ins().find(|term| term.name == name)
    }

    pub(super) fn built_ins(&self) -> impl Iterator<Item = &'static BuiltIn> + use<> {
        let is_about_contacts = self.vocabulary.contact().is_some();
        let contact = CONTACT_TERMS.iter().filter(move |_| is_about_contacts);
        BUILT_INS.iter().chain(contact)
    }

    pub(super) fn type_of_contact(&self, term: ContactTerm) -> ValueType {
        match term {
            ContactTerm::Channel => ValueType::OneOf(self.vocabulary.channels().to_vec()),
            ContactTerm::Intent => {
                let names = self.vocabulary.contact();
                ValueType::OneOf(names.map_or_else(Vec::new, |names| names.intents.clone()))
            }
            ContactTerm::DialledNumber => ValueType::Text,
            ContactTerm::Weekday => ValueType::OneOf(WEEKDAYS.map(Label::from).to_vec()),
            ContactTerm::TimeOfDay => ValueType::Time,
            ContactTerm::Open(_) => ValueType::Bool,
        }
    }

    /// `open("calendar")`.
    pub(super) fn calendar(&mut self, argument: &Node, span: Span) -> Option<Operand> {
        let Kind::Text(name) = &argument.kind else {
            if argument.kind == Kind::Error {
                return None;
            }
            let (message, help) = ("put the calendar in quotes", "write open(\"office\")");
            return self.report(argument.span, Code::TypeMismatch, message, help);
        };
        let known = self.vocabulary.contact().map(|names| &*names.calendars);
        let known = known.unwrap_or_default();
        if let Some((at, _)) = (0..).zip(known).find(|(_, known)| ***known == **name) {
            let term = Term::Contact(ContactTerm::Open(NamedCalendar(at)));
            return Some(Operand::Term(term, span));
        }
        let help = self.suggest(name, known, "calendars");
        let message = format!("unknown calendar \"{name}\"");
        self.report(argument.span, Code::UnknownName, message, help)
    }
}
