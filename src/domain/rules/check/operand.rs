//! What stands beside an operator: a term or a constant.

use super::{Checker, literal::Constant};
use crate::domain::{
    rules::{
        condition::{ContactTerm, Term, Window},
        diagnostic::{Code, Span},
        language::{BuiltIn, CONTACT_TERMS, KINDS, LITERALS, Parameter, WEEKDAYS, Which},
        nearest::nearest,
        syntax::{Kind, Node},
        vocabulary::ValueType,
    },
    text::Label,
};

/// Either side of an operator.
pub(super) enum Operand {
    Term(Term, Span),
    Constant(Constant, Span),
}

impl Checker<'_> {
    /// The term or constant that `node` is; `None` when it is neither, which has been reported.
    pub(super) fn operand(&mut self, node: &Node) -> Option<Operand> {
        let constant = |constant| Some(Operand::Constant(constant, node.span));
        match &node.kind {
            Kind::Bool(value) => constant(Constant::Bool(*value)),
            Kind::Int(value) => constant(Constant::Int(*value)),
            Kind::Double(value) => constant(Constant::Number(*value)),
            Kind::Text(text) => constant(Constant::Text(text.clone())),
            Kind::Name(name) => self.named(name, node.span),
            Kind::Call {
                receiver: None,
                name,
                name_span,
                arguments,
            } if name != "has" => self.call(name, *name_span, arguments, node.span),
            Kind::Select(base, field) => self.select(base, field, node.span),
            Kind::List(_) => self.report(
                node.span,
                Code::TypeMismatch,
                "a list can only follow `in`",
                "write `term in [\"a\", \"b\"]`",
            ),
            Kind::Not(_)
            | Kind::And(_)
            | Kind::Or(_)
            | Kind::Compare(..)
            | Kind::In(..)
            | Kind::Call { .. } => {
                let help = format!("write `{0}` or `!({0})` alone", self.quote(node.span));
                let message = "a condition cannot be compared with something";
                self.report(node.span, Code::TypeMismatch, message, help)
            }
            Kind::Error => None,
        }
    }

    /// The type of the values of `term`.
    pub(super) fn type_of(&self, term: &Term) -> ValueType {
        match term {
            Term::Attribute(id) => {
                let attribute = self.vocabulary.attribute(*id);
                match (&attribute.value_type, attribute.unit.as_deref()) {
                    (ValueType::Whole, Some("days")) => ValueType::Days,
                    (value_type, _) => value_type.clone(),
                }
            }
            Term::Clv | Term::Spend(_) | Term::CostToServe(_) => {
                ValueType::Money(self.vocabulary.currency())
            }
            Term::Tier => ValueType::Tier,
            Term::ProbabilityAlive => ValueType::Number,
            Term::Orders(_) | Term::Contacts(..) | Term::RunningContracts => ValueType::Whole,
            Term::DaysSinceLastOrder | Term::TenureDays => ValueType::Days,
            Term::Kind => ValueType::OneOf(KINDS.map(Label::from).to_vec()),
            Term::Segment(_) => ValueType::Bool,
            Term::Contact(term) => self.type_of_contact(*term),
        }
    }

    /// Whether `term` can never be missing.
    #[expect(
        clippy::unused_self,
        reason = "a question to the checker, like its neighbours"
    )]
    pub(super) fn is_always_known(&self, term: &Term) -> bool {
        matches!(
            term,
            Term::Orders(_)
                | Term::Contacts(..)
                | Term::RunningContracts
                | Term::Kind
                | Term::Segment(_)
                | Term::Contact(
                    ContactTerm::Weekday | ContactTerm::TimeOfDay | ContactTerm::Open(_)
                )
        )
    }

    fn named(&mut self, name: &str, span: Span) -> Option<Operand> {
        if self.vocabulary.is_unreadable(name) {
            return None;
        }
        if let Some(id) = self.vocabulary.attribute_id(name) {
            let term = Term::Attribute(id);
            self.guard(&term, span);
            return Some(Operand::Term(term, span));
        }
        let Some(built_in) = self.find_built_in(name) else {
            return self.unknown_name(name, span);
        };
        if built_in.parameters.is_empty() {
            return self.build(built_in, None, None, span);
        }
        let message = format!("`{name}` needs {}", parameters_in_words(built_in));
        self.report(
            span,
            Code::TypeMismatch,
            message,
            format!("write `{}`", built_in.example),
        )
    }

    /// A name of nothing: perhaps misspelt, perhaps a text without quotes.
    fn unknown_name(&mut self, name: &str, span: Span) -> Option<Operand> {
        let message = format!("unknown name `{name}`");
        if CONTACT_TERMS.iter().any(|term| term.name == name) {
            let help = "it belongs to the contact: use it in a rule of `routing`";
            return self.report(span, Code::UnknownName, message, help);
        }
        let is_value = |values: &[Label]| values.iter().any(|value| **value == *name);
        let attributes = self.vocabulary.attributes();
        let listed = attributes
            .iter()
            .any(|a| matches!(&a.value_type, ValueType::OneOf(values) if is_value(values)));
        if listed
            || KINDS.contains(&name)
            || WEEKDAYS.contains(&name)
            || is_value(self.vocabulary.tiers())
        {
            let help = format!("put texts in quotes: \"{name}\"");
            return self.report(span, Code::UnknownName, message, help);
        }
        let names = attributes
            .iter()
            .map(|attribute| &*attribute.name)
            .chain(self.built_ins().map(|term| term.name));
        let help = nearest(name, names).map_or_else(
            || "define it under `attributes:`; `patron definitions language` lists what is built in".to_owned(),
            |known| format!("did you mean `{known}`?"),
        );
        self.report(span, Code::UnknownName, message, help)
    }

    fn select(&mut self, base: &Node, field: &str, span: Span) -> Option<Operand> {
        let is_known =
            self.vocabulary.attribute_id(field).is_some() || self.find_built_in(field).is_some();
        let message = format!("unknown name `{}`: names have no dots", self.quote(span));
        let help = if is_known {
            format!("write `{field}`")
        } else if let Kind::Name(base) = &base.kind {
            format!("write one plain name, for example `{base}_{field}`")
        } else {
            "write one plain name".to_owned()
        };
        self.report(span, Code::UnknownName, message, help)
    }

    fn call(
        &mut self,
        name: &str,
        name_span: Span,
        arguments: &[Node],
        span: Span,
    ) -> Option<Operand> {
        match name {
            "money" | "days" | "day" | "time" => {
                let constant = self.literal(name, arguments, span)?;
                return Some(Operand::Constant(constant, span));
            }
            "tier" => {
                let help = "write `tier >= \"gold\"`";
                return self.report(
                    span,
                    Code::Unsupported,
                    "`tier` is written without parentheses",
                    help,
                );
            }
            _ => {}
        }
        if let Some(built_in) = self.find_built_in(name) {
            return self.built_in(built_in, arguments, span);
        }
        if CONTACT_TERMS.iter().any(|term| term.name == name) {
            let message = format!("unknown function `{name}`");
            let help = "it belongs to the contact: use it in a rule of `routing`";
            return self.report(name_span, Code::UnknownName, message, help);
        }
        if self.vocabulary.attribute_id(name).is_some() {
            let message = format!("`{name}` is an attribute and takes no arguments");
            return self.report(span, Code::TypeMismatch, message, format!("write `{name}`"));
        }
        let names = self
            .built_ins()
            .filter(|term| !term.parameters.is_empty())
            .map(|term| term.name)
            .chain(LITERALS.iter().map(|form| form.name))
            .chain(["has"]);
        let help = nearest(name, names).map_or_else(
            || "`patron definitions language` lists the functions".to_owned(),
            |known| format!("did you mean `{known}`?"),
        );
        self.report(
            name_span,
            Code::UnknownName,
            format!("unknown function `{name}`"),
            help,
        )
    }

    fn built_in(&mut self, built_in: &BuiltIn, arguments: &[Node], span: Span) -> Option<Operand> {
        if built_in.parameters.is_empty() {
            let message = format!("`{}` takes no arguments", built_in.name);
            return self.report(
                span,
                Code::TypeMismatch,
                message,
                format!("write `{}`", built_in.name),
            );
        }
        let least = built_in
            .parameters
            .iter()
            .filter(|p| **p != Parameter::Channel)
            .count();
        if arguments.len() < least || arguments.len() > built_in.parameters.len() {
            let message = format!(
                "`{}` needs {}",
                built_in.name,
                parameters_in_words(built_in)
            );
            return self.report(
                span,
                Code::TypeMismatch,
                message,
                format!("write `{}`", built_in.example),
            );
        }
        let (mut window, mut name) = (None, None);
        for (parameter, argument) in built_in.parameters.iter().zip(arguments) {
            match parameter {
                Parameter::Window => window = Some(self.window(built_in, argument)),
                Parameter::Channel => name = Some(self.channel(argument)),
                Parameter::Segment => return self.segment(argument, span),
                Parameter::Calendar => return self.calendar(argument, span),
            }
        }
        let (window, name) = (window?, name.map_or(Some(None), |name| name.map(Some)));
        self.build(built_in, window, name?, span)
    }

    /// The term of `built_in`; its arguments have been checked, so that nothing is missing here.
    #[expect(
        clippy::unused_self,
        reason = "a step of the checker, like its neighbours"
    )]
    fn build(
        &mut self,
        built_in: &BuiltIn,
        window: Option<Window>,
        channel: Option<Label>,
        span: Span,
    ) -> Option<Operand> {
        let term = match built_in.which {
            Which::Clv => Term::Clv,
            Which::Tier => Term::Tier,
            Which::ProbabilityAlive => Term::ProbabilityAlive,
            Which::Orders => Term::Orders(window?),
            Which::Spend => Term::Spend(window?),
            Which::Contacts => Term::Contacts(window?, channel),
            Which::CostToServe => Term::CostToServe(window?),
            Which::DaysSinceLastOrder => Term::DaysSinceLastOrder,
            Which::TenureDays => Term::TenureDays,
            Which::RunningContracts => Term::RunningContracts,
            Which::Kind => Term::Kind,
            Which::Channel => Term::Contact(ContactTerm::Channel),
            Which::Intent => Term::Contact(ContactTerm::Intent),
            Which::DialledNumber => Term::Contact(ContactTerm::DialledNumber),
            Which::Weekday => Term::Contact(ContactTerm::Weekday),
            Which::TimeOfDay => Term::Contact(ContactTerm::TimeOfDay),
            Which::Segment | Which::Open => return None,
        };
        Some(Operand::Term(term, span))
    }

    fn channel(&mut self, argument: &Node) -> Option<Label> {
        let Kind::Text(name) = &argument.kind else {
            if argument.kind == Kind::Error {
                return None;
            }
            let help = "for example contacts(days(30), \"phone\")";
            return self.report(
                argument.span,
                Code::TypeMismatch,
                "put the channel in quotes",
                help,
            );
        };
        let channels = self.vocabulary.channels();
        if let Some(channel) = channels.iter().find(|channel| ***channel == **name) {
            return Some(channel.clone());
        }
        let help = self.suggest(name, channels, "channels");
        self.report(
            argument.span,
            Code::UnknownName,
            format!("unknown channel \"{name}\""),
            help,
        )
    }

    fn segment(&mut self, argument: &Node, span: Span) -> Option<Operand> {
        let Kind::Text(name) = &argument.kind else {
            if argument.kind == Kind::Error {
                return None;
            }
            let help = "write segment(\"scheme/name\")";
            return self.report(
                argument.span,
                Code::TypeMismatch,
                "put the segment name in quotes",
                help,
            );
        };
        if let Some(id) = self.vocabulary.segment_id(name) {
            return Some(Operand::Term(Term::Segment(id), span));
        }
        // The part after the slash alone is what people remember.
        let tail = |known: &str| known.rsplit('/').next() == Some(name.as_str());
        let segments = self.vocabulary.segments();
        let help = match segments.iter().find(|known| tail(known)) {
            Some(known) => format!("did you mean \"{known}\"?"),
            None => self.suggest(name, segments, "segments"),
        };
        self.report(
            argument.span,
            Code::UnknownName,
            format!("unknown segment \"{name}\""),
            help,
        )
    }

    /// Advice for a text that should be one of `known`.
    #[expect(
        clippy::unused_self,
        reason = "a step of the checker, like its neighbours"
    )]
    pub(super) fn suggest(&self, name: &str, known: &[Label], what: &str) -> String {
        if let Some(near) = nearest(name, known.iter().map(|label| &**label)) {
            return format!("did you mean \"{near}\"?");
        }
        if known.is_empty() {
            return format!("there are no {what} yet: define them first");
        }
        let shown: Vec<String> = known
            .iter()
            .take(8)
            .map(|label| format!("\"{label}\""))
            .collect();
        let more = if known.len() > 8 { " ..." } else { "" };
        format!("valid names: {}{more}", shown.join(", "))
    }
}

fn parameters_in_words(built_in: &BuiltIn) -> &'static str {
    match built_in.parameters {
        [Parameter::Segment] => "the name of a segment",
        [Parameter::Calendar] => "the name of a calendar",
        [_] => "a window",
        _ => "a window and optionally a channel",
    }
}
