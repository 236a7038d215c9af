//! The tree of a condition as its author wrote it, and its text form.
//!
//! Every node knows its place, parentheses included. Names are not resolved and nothing has a type yet. The parser bounds the depth
//! ([`super::parser::MAX_DEPTH`]), so that every walk over a tree, dropping it included, may recurse.

use std::fmt;

use super::diagnostic::Span;

/// A part of a condition with its place.
#[derive(Debug, Clone, PartialEq)]
pub struct Node {
    /// What it is.
    pub kind: Kind,
    /// Where it is, enclosing parentheses included.
    pub span: Span,
}

/// A comparison.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Op {
    /// `==`
    Eq,
    /// `!=`
    Ne,
    /// `<`
    Lt,
    /// `<=`
    Le,
    /// `>`
    Gt,
    /// `>=`
    Ge,
}

impl Op {
    /// As it is written.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Eq => "==",
            Self::Ne => "!=",
            Self::Lt => "<",
            Self::Le => "<=",
            Self::Gt => ">",
            Self::Ge => ">=",
        }
    }

    /// The comparison that says the same with its sides exchanged.
    #[must_use]
    pub const fn flipped(self) -> Self {
        match self {
            Self::Eq => Self::Eq,
            Self::Ne => Self::Ne,
            Self::Lt => Self::Gt,
            Self::Le => Self::Ge,
            Self::Gt => Self::Lt,
            Self::Ge => Self::Le,
        }
    }

    /// Whether it asks for an order, not only for equality.
    #[must_use]
    pub const fn is_order(self) -> bool {
        !matches!(self, Self::Eq | Self::Ne)
    }
}

/// What a part of a condition is.
#[derive(Debug, Clone, PartialEq)]
pub enum Kind {
    /// `true` or `false`.
    Bool(bool),
    /// A whole number.
    Int(i64),
    /// A number with a decimal point or exponent; finite.
    Double(f64),
    /// A text in quotes, escapes resolved.
    Text(String),
    /// `[a, b]`
    List(Vec<Node>),
    /// A name.
    Name(String),
    /// `base.field`
    Select(Box<Node>, String),
    /// `name(arguments)` or `receiver.name(arguments)`.
    Call {
        /// What stands before the dot.
        receiver: Option<Box<Node>>,
        /// Name of the function.
        name: String,
        /// Where the name is.
        name_span: Span,
        /// What stands in the parentheses.
        arguments: Vec<Node>,
    },
    /// `!a`
    Not(Box<Node>),
    /// `a && b && c`: at least two parts.
    And(Vec<Node>),
    /// `a || b || c`: at least two parts.
    Or(Vec<Node>),
    /// `a < b`
    Compare(Op, Box<Node>, Box<Node>),
    /// `a in b`
    In(Box<Node>, Box<Node>),
    /// Something that could not be read and has been reported.
    Error,
}

/// How strongly a part holds together; a weaker one needs parentheses inside a stronger one.
fn strength(kind: &Kind) -> u8 {
    match kind {
        Kind::Or(_) => 1,
        Kind::And(_) => 2,
        Kind::Compare(..) | Kind::In(..) => 3,
        Kind::Not(_) => 4,
        Kind::Bool(_)
        | Kind::Int(_)
        | Kind::Double(_)
        | Kind::Text(_)
        | Kind::List(_)
        | Kind::Name(_)
        | Kind::Select(..)
        | Kind::Call { .. }
        | Kind::Error => 5,
    }
}

struct AtLeast<'a>(u8, &'a Node);

impl fmt::Display for AtLeast<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if strength(&self.1.kind) < self.0 {
            write!(f, "({})", self.1)
        } else {
            write!(f, "{}", self.1)
        }
    }
}

fn separated(
    f: &mut fmt::Formatter<'_>,
    nodes: &[Node],
    separator: &str,
    least: u8,
) -> fmt::Result {
    for (index, node) in nodes.iter().enumerate() {
        if index > 0 {
            f.write_str(separator)?;
        }
        write!(f, "{}", AtLeast(least, node))?;
    }
    Ok(())
}

/// Writes `text` in double quotes with the escapes that the language knows.
///
/// # Errors
/// Only those of the formatter.
pub fn write_quoted(f: &mut impl fmt::Write, text: &str) -> fmt::Result {
    f.write_char('"')?;
    for c in text.chars() {
        match c {
            '"' | '\\' => {
                f.write_char('\\')?;
                f.write_char(c)?;
            }
            _ => f.write_char(c)?,
        }
    }
    f.write_char('"')
}

/// Writes the canonical text: one space around operators, double quotes, the fewest parentheses that keep the tree.
impl fmt::Display for Node {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.kind {
            Kind::Bool(value) => write!(f, "{value}"),
            Kind::Int(value) => write!(f, "{value}"),
            // `{:?}` always has a point or an exponent, and reads back as the same number.
            Kind::Double(value) => write!(f, "{value:?}"),
            Kind::Text(text) => write_quoted(f, text),
            Kind::List(entries) => {
                f.write_str("[")?;
                separated(f, entries, ", ", 0)?;
                f.write_str("]")
            }
            Kind::Name(name) => f.write_str(name),
            Kind::Select(base, field) => write!(f, "{}.{field}", AtLeast(5, base)),
            Kind::Call {
                receiver,
                name,
                arguments,
                ..
            } => {
                if let Some(receiver) = receiver {
                    write!(f, "{}.", AtLeast(5, receiver))?;
                }
                write!(f, "{name}(")?;
                separated(f, arguments, ", ", 0)?;
                f.write_str(")")
            }
            Kind::Not(inner) => write!(f, "!{}", AtLeast(5, inner)),
            Kind::And(parts) => separated(f, parts, " && ", 3),
            Kind::Or(parts) => separated(f, parts, " || ", 2),
            Kind::Compare(op, left, right) => {
                write!(
                    f,
                    "{} {} {}",
                    AtLeast(4, left),
                    op.as_str(),
                    AtLeast(4, right)
                )
            }
            Kind::In(left, right) => write!(f, "{} in {}", AtLeast(4, left), AtLeast(4, right)),
            Kind::Error => f.write_str("<error>"),
        }
    }
}
