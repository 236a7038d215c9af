//! Tree → typed condition: resolves names, compares types, units and currencies, and reports what can never be.
//!
//! Everything that is wrong with a text is found in one run: parts that could not be read are silent here.

mod compare;
mod contact;
mod function;
mod literal;
mod operand;

use std::collections::HashSet;

use self::{literal::Constant, operand::Operand};
use super::{
    analysis,
    condition::{Clause, ClauseKind, Condition, Predicate, Term, Test},
    diagnostic::{Code, Diagnostic, Diagnostics, Span},
    parser,
    syntax::{Kind, Node, Op},
    vocabulary::{Sensitivity, ValueType, Vocabulary},
};

/// Reads and checks a condition.
///
/// # Errors
/// All problems, in the order of their places.
///
/// ```
/// use patron::domain::rules::{check::check, vocabulary::Vocabulary};
/// let names = Vocabulary::new("EUR".parse().unwrap(), vec![], vec![], vec!["silver".into(), "gold".into()], vec![]);
/// assert!(check(r#"clv >= money("5000 EUR") && tier == "gold""#, &names).is_ok());
/// let problems = check(r#"clv >= 5000 && tier == "glod""#, &names).unwrap_err();
/// assert_eq!(problems[0].help.as_deref(), Some(r#"write money("5000 EUR")"#));
/// assert_eq!(problems[1].help.as_deref(), Some(r#"did you mean "gold"?"#));
/// ```
pub fn check(text: &str, vocabulary: &Vocabulary) -> Result<Condition, Vec<Diagnostic>> {
    let condition = typed(text, vocabulary)?;
    let mut problems = Diagnostics::default();
    analysis::report(text, condition.root(), vocabulary, &mut problems);
    if problems.is_empty() {
        Ok(condition)
    } else {
        Err(problems.into_sorted())
    }
}

/// [`check`] without asking what can never be.
pub(super) fn typed(text: &str, vocabulary: &Vocabulary) -> Result<Condition, Vec<Diagnostic>> {
    let mut problems = Diagnostics::default();
    let node = parser::parse_with(text, &mut problems);
    let root = if let Kind::Bool(value) = node.kind {
        whole(value, node.span, &mut problems)
    } else {
        let mut checker = Checker {
            text,
            vocabulary,
            problems: &mut problems,
        };
        checker.clause(&node)
    };
    match root {
        Some(root) if problems.is_empty() => Ok(Condition::new(text, root)),
        _ => Err(problems.into_sorted()),
    }
}

/// A condition that is only `true` or `false`.
fn whole(value: bool, span: Span, problems: &mut Diagnostics) -> Option<Clause> {
    if !value {
        let help = "remove the segment, or write `true` for all customers";
        problems.add_with_help(span, Code::NeverTrue, "`false` matches no customer", help);
    }
    value.then_some(Clause {
        kind: ClauseKind::Everyone,
        span,
    })
}

struct Checker<'a> {
    text: &'a str,
    vocabulary: &'a Vocabulary,
    problems: &'a mut Diagnostics,
}

impl Checker<'_> {
    fn report<T>(
        &mut self,
        span: Span,
        code: Code,
        message: impl Into<String>,
        help: impl Into<String>,
    ) -> Option<T> {
        self.problems.add_with_help(span, code, message, help);
        None
    }

    /// The text of `span`, for a sentence.
    fn quote(&self, span: Span) -> String {
        let text = span.text_in(self.text);
        let mut shown: String = text.chars().take(60).collect();
        if shown.len() < text.len() {
            shown.push_str(" ...");
        }
        shown
    }

    /// A condition: something that is true, false or unknown.
    fn clause(&mut self, node: &Node) -> Option<Clause> {
        let kind = match &node.kind {
            Kind::And(parts) => self.parts(parts).map(ClauseKind::All),
            Kind::Or(parts) => self.parts(parts).map(ClauseKind::Any),
            Kind::Not(inner) => self
                .clause(inner)
                .map(|inner| ClauseKind::Not(Box::new(inner))),
            Kind::Compare(op, left, right) => {
                self.comparison(*op, left, right).map(ClauseKind::Test)
            }
            Kind::In(left, right) => self.membership(left, right).map(ClauseKind::Test),
            Kind::Call {
                receiver: Some(receiver),
                name,
                name_span,
                arguments,
            } => self
                .method(receiver, name, *name_span, arguments)
                .map(ClauseKind::Test),
            Kind::Call {
                receiver: None,
                name,
                arguments,
                ..
            } if name == "has" => self.has(node.span, arguments).map(ClauseKind::Test),
            Kind::Name(_) | Kind::Select(..) | Kind::Call { .. } => {
                self.truth_value(node).map(ClauseKind::Test)
            }
            Kind::Bool(_) => self.report(
                node.span,
                Code::Unsupported,
                "a constant cannot be part of a condition",
                "remove it: `true` is allowed only as the entire condition",
            ),
            Kind::Int(_) | Kind::Double(_) | Kind::Text(_) | Kind::List(_) => self.report(
                node.span,
                Code::TypeMismatch,
                format!("`{}` is not a condition", self.quote(node.span)),
                "compare it with a term, for example `orders(days(90)) >= 3`",
            ),
            Kind::Error => None,
        };
        kind.map(|kind| Clause {
            kind,
            span: node.span,
        })
    }

    fn parts(&mut self, nodes: &[Node]) -> Option<Vec<Clause>> {
        let clauses: Vec<Option<Clause>> = nodes.iter().map(|node| self.clause(node)).collect();
        let mut seen = HashSet::new();
        for clause in clauses.iter().flatten() {
            if let ClauseKind::Test(test) = &clause.kind
                && !seen.insert(test)
            {
                self.problems.add_with_help(
                    clause.span,
                    Code::Duplicate,
                    "this repeats an earlier part",
                    "remove one of the two",
                );
            }
        }
        clauses.into_iter().collect()
    }

    /// A term that is itself true or false.
    fn truth_value(&mut self, node: &Node) -> Option<Test> {
        let (term, span) = match self.operand(node)? {
            Operand::Term(term, span) => (term, span),
            Operand::Constant(_, span) => {
                return self.report(
                    span,
                    Code::TypeMismatch,
                    format!("`{}` is not a condition", self.quote(span)),
                    "compare a term with it, for example `days_since_last_order > days(90)`",
                );
            }
        };
        let value_type = self.type_of(&term);
        if value_type == ValueType::Bool {
            return Some(Test {
                term,
                predicate: Predicate::Bool(true),
            });
        }
        let name = self.quote(span);
        self.report(
            span,
            Code::TypeMismatch,
            format!("`{name}` is {}, not true or false", value_type.describe()),
            format!("compare it, or use `has({name})`"),
        )
    }

    /// `!x in list` and `!x == c`, which CEL reads as `(!x) in list`.
    fn refuse_negated(&mut self, left: &Node, whole: Span) -> bool {
        let Kind::Not(inner) = &left.kind else {
            return false;
        };
        if left.span.text_in(self.text).starts_with('(') {
            return false;
        }
        let rest = Span {
            start: inner.span.start,
            end: whole.end,
        };
        let help = format!("write `!({})`", self.quote(rest));
        let message = "`!` applies to the name here, not to the comparison";
        self.problems
            .add_with_help(left.span, Code::Syntax, message, help);
        true
    }

    fn comparison(&mut self, op: Op, left: &Node, right: &Node) -> Option<Test> {
        let whole = left.span.to(right.span);
        if self.refuse_negated(left, whole) {
            self.operand(right);
            return None;
        }
        let (left, right) = (self.operand(left), self.operand(right));
        match (left?, right?) {
            (Operand::Term(term, span), Operand::Constant(constant, at)) => {
                self.compare(term, span, op, constant, at)
            }
            (Operand::Constant(constant, at), Operand::Term(term, span)) => {
                self.compare(term, span, op.flipped(), constant, at)
            }
            (Operand::Term(..), Operand::Term(..)) => self.report(
                whole,
                Code::Unsupported,
                "two terms cannot be compared with each other",
                "compare each with a constant; supply a difference or ratio as an attribute",
            ),
            (Operand::Constant(..), Operand::Constant(..)) => self.report(
                whole,
                Code::TypeMismatch,
                "this compares two constants",
                "one side must be a term, for example `clv`",
            ),
        }
    }

    fn membership(&mut self, left: &Node, right: &Node) -> Option<Test> {
        let whole = left.span.to(right.span);
        if self.refuse_negated(left, whole) {
            return None;
        }
        let left = self.operand(left);
        if let Kind::List(entries) = &right.kind {
            return match left? {
                Operand::Term(term, span) => self.one_of(term, span, entries, right.span),
                Operand::Constant(_, span) => self.report(
                    span,
                    Code::TypeMismatch,
                    "this compares two constants",
                    "put a term before `in [...]`",
                ),
            };
        }
        let right = self.operand(right);
        match (left?, right?) {
            (Operand::Constant(Constant::Text(tag), _), Operand::Term(term, span)) => {
                let value_type = self.type_of(&term);
                if value_type == ValueType::Tags {
                    return Some(Test {
                        term,
                        predicate: Predicate::HasTag(tag.into()),
                    });
                }
                let message = format!(
                    "`{}` is {}, not a set of tags",
                    self.quote(span),
                    value_type.describe()
                );
                self.report(
                    span,
                    Code::TypeMismatch,
                    message,
                    "write `term in [\"a\", \"b\"]`",
                )
            }
            (_, Operand::Constant(_, span) | Operand::Term(_, span)) => self.report(
                span,
                Code::TypeMismatch,
                "a list must follow `in`",
                "write `term in [\"a\", \"b\"]`, or `\"a\" in tags`",
            ),
        }
    }

    /// Reports the use of a protected attribute that has no purpose.
    fn guard(&mut self, term: &Term, span: Span) {
        if let Term::Attribute(id) = term {
            let attribute = self.vocabulary.attribute(*id);
            if attribute.sensitivity == Sensitivity::Protected && attribute.purpose.is_none() {
                let message = format!("`{}` is protected and has no purpose", attribute.name);
                let help = "add `purpose:` to the definition of the attribute";
                self.problems
                    .add_with_help(span, Code::NoPurpose, message, help);
            }
        }
    }
}
