//! The parser against `cel`: whatever ours accepts, `cel` accepts with the same tree. And what is written can be read back.

use cel::{
    common::ast::{Expr, LiteralValue, operators},
    parser::Parser,
};

use super::Random;
use crate::domain::rules::{
    diagnostic::Span,
    parser,
    syntax::{Kind, Node, Op},
};

/// How many texts are given to both parsers.
const TEXTS: usize = 40_000;

/// The common form of both trees; chains of `&&` and `||` are flat, since `cel` balances them.
#[derive(Debug, PartialEq)]
enum Shape {
    Constant(String),
    List(Vec<Shape>),
    Name(String),
    Select(Box<Shape>, String),
    Call(Option<Box<Shape>>, String, Vec<Shape>),
}

fn flat(name: &str, parts: impl Iterator<Item = Shape>) -> Shape {
    let mut out = Vec::new();
    for part in parts {
        match part {
            Shape::Call(None, inner, inner_parts) if inner == name => out.extend(inner_parts),
            other => out.push(other),
        }
    }
    Shape::Call(None, name.to_owned(), out)
}

fn ours(node: &Node) -> Shape {
    let both =
        |name: &str, a: &Node, b: &Node| Shape::Call(None, name.to_owned(), vec![ours(a), ours(b)]);
    match &node.kind {
        Kind::Bool(value) => Shape::Constant(value.to_string()),
        Kind::Int(value) => Shape::Constant(value.to_string()),
        Kind::Double(value) => Shape::Constant(format!("{value:?}")),
        Kind::Text(text) => Shape::Constant(format!("text {text}")),
        Kind::List(entries) => Shape::List(entries.iter().map(ours).collect()),
        Kind::Name(name) => Shape::Name(name.clone()),
        Kind::Select(base, field) => Shape::Select(Box::new(ours(base)), field.clone()),
        Kind::Call {
            receiver,
            name,
            arguments,
            ..
        } => {
            let receiver = receiver.as_ref().map(|receiver| Box::new(ours(receiver)));
            Shape::Call(receiver, name.clone(), arguments.iter().map(ours).collect())
        }
        Kind::Not(inner) => Shape::Call(None, operators::LOGICAL_NOT.to_owned(), vec![ours(inner)]),
        Kind::And(parts) => flat(operators::LOGICAL_AND, parts.iter().map(ours)),
        Kind::Or(parts) => flat(operators::LOGICAL_OR, parts.iter().map(ours)),
        Kind::Compare(op, a, b) => {
            let name = match op {
                Op::Eq => operators::EQUALS,
                Op::Ne => operators::NOT_EQUALS,
                Op::Lt => operators::LESS,
                Op::Le => operators::LESS_EQUALS,
                Op::Gt => operators::GREATER,
                Op::Ge => operators::GREATER_EQUALS,
            };
            both(name, a, b)
        }
        Kind::In(a, b) => both(operators::IN, a, b),
        Kind::Error => panic!("an accepted text has no errors"),
    }
}

fn theirs(expr: &Expr) -> Shape {
    match expr {
        Expr::Literal(literal) => Shape::Constant(match literal {
            LiteralValue::Boolean(value) => value.inner().to_string(),
            LiteralValue::Int(value) => value.inner().to_string(),
            LiteralValue::Double(value) => format!("{:?}", value.inner()),
            LiteralValue::String(text) => format!("text {}", text.inner()),
            LiteralValue::Bytes(_) | LiteralValue::Null | LiteralValue::UInt(_) => {
                "not ours".to_owned()
            }
        }),
        Expr::List(list) => Shape::List(list.elements.iter().map(|e| theirs(&e.expr)).collect()),
        Expr::Ident(name) => Shape::Name(name.clone()),
        Expr::Select(select) => {
            Shape::Select(Box::new(theirs(&select.operand.expr)), select.field.clone())
        }
        Expr::Call(call) => {
            let arguments = call.args.iter().map(|argument| theirs(&argument.expr));
            if matches!(
                call.func_name.as_str(),
                operators::LOGICAL_AND | operators::LOGICAL_OR
            ) {
                return flat(&call.func_name, arguments);
            }
            let receiver = call
                .target
                .as_ref()
                .map(|target| Box::new(theirs(&target.expr)));
            Shape::Call(receiver, call.func_name.clone(), arguments.collect())
        }
        Expr::Unspecified | Expr::Comprehension(_) | Expr::Map(_) | Expr::Struct(_) => {
            Shape::Constant("not ours".to_owned())
        }
    }
}

/// Pieces of the grammar, right and wrong. `has`, `all` and the other macros of CEL are left out: they are no plain calls there.
const PIECES: [&str; 60] = [
    "a",
    "clv",
    "x_1",
    "_",
    "true",
    "false",
    "null",
    "1",
    "-1",
    "0",
    "9223372036854775807",
    "-9223372036854775808",
    "9223372036854775808",
    "1.5",
    "-0.25",
    "1e3",
    "1.5E-3",
    "2.e",
    ".5",
    "7u",
    "0x1F",
    "\"t\"",
    "'t'",
    "\"\"",
    "'a\"b'",
    "\"\\u00e4\"",
    "\"\\\\\"",
    "\"\\q\"",
    "\"ä\"",
    "r'x'",
    "&&",
    "||",
    "!",
    "==",
    "!=",
    "<",
    "<=",
    ">",
    ">=",
    "in",
    "=",
    "and",
    "or",
    "+",
    "-",
    "*",
    "?",
    ":",
    "(",
    ")",
    "[",
    "]",
    ",",
    ".",
    "{",
    "}",
    "days(90)",
    "money(\"5 EUR\")",
    "// c",
    "\n",
];

fn expression(random: &mut Random, depth: usize) -> String {
    let space = if random.chance(70) { " " } else { "" };
    if depth == 0 || random.chance(20) {
        return operand(random, depth);
    }
    let inner = |random: &mut Random| expression(random, depth - 1);
    match random.below(9) {
        0 | 1 => format!("{}{space}&&{space}{}", inner(random), inner(random)),
        2 | 3 => format!("{}{space}||{space}{}", inner(random), inner(random)),
        4 => format!("!{}", operand(random, depth)),
        5 => format!("({space}{})", inner(random)),
        6 => {
            let count = random.below(4);
            let entries: Vec<String> = (0..count).map(|_| operand(random, 0)).collect();
            let comma = if random.chance(10) { "," } else { "" };
            format!(
                "{} in [{}{comma}]",
                operand(random, depth),
                entries.join(", ")
            )
        }
        _ => {
            let op = random.pick(&["==", "!=", "<", "<=", ">", ">="]);
            format!(
                "{}{space}{op}{space}{}",
                operand(random, depth),
                operand(random, depth)
            )
        }
    }
}

fn operand(random: &mut Random, depth: usize) -> String {
    match random.below(8) {
        0 | 1 => (*random.pick(&["a", "clv", "x_1", "country", "tier"])).to_owned(),
        2 | 3 => (*random.pick(&PIECES[7..30])).to_owned(),
        4 => format!("days({})", random.below(100)),
        5 if depth > 0 => format!(
            "f({}, {})",
            expression(random, depth - 1),
            operand(random, 0)
        ),
        6 => format!("a.b{}.startsWith('x')", random.below(3)),
        7 if depth > 0 => format!("({})", expression(random, depth - 1)),
        _ => "a".to_owned(),
    }
}

/// Deletes, doubles, replaces or inserts something, up to three times.
fn mutate(random: &mut Random, text: &str) -> String {
    let mut chars: Vec<char> = text.chars().collect();
    for _ in 0..=random.below(3) {
        let at = random.below(chars.len() + 1);
        match random.below(4) {
            0 if at < chars.len() => {
                chars.remove(at);
            }
            1 if at < chars.len() => chars.insert(at, chars[at]),
            2 if at < chars.len() => {
                chars[at] =
                    *random.pick(&['a', '(', ')', '"', '&', '.', '-', '1', '\\', 'ä', '!', '=']);
            }
            _ => {
                let piece: Vec<char> = random.pick(&PIECES).chars().collect();
                chars.splice(at..at, piece);
            }
        }
    }
    chars.into_iter().collect()
}

#[test]
fn what_is_accepted_is_cel_with_the_same_tree() {
    let mut random = Random::for_test("grammar");
    let (mut accepted, mut only_cel) = (0, 0);
    for index in 0..TEXTS {
        let depth = random.below(4);
        let mut text = expression(&mut random, depth);
        if index % 2 == 1 {
            text = mutate(&mut random, &text);
        }
        let their_tree = Parser::new().parse(&text);
        match parser::parse(&text) {
            Ok(node) => {
                accepted += 1;
                let tree = their_tree
                    .unwrap_or_else(|error| panic!("only ours accepts {text:?}: {error}"));
                assert_eq!(ours(&node), theirs(&tree.expr), "{text:?}");
                reads_back(&node, &text);
            }
            Err(problems) => {
                only_cel += usize::from(their_tree.is_ok());
                for problem in problems {
                    let (start, end) = (problem.span.start as usize, problem.span.end as usize);
                    assert!(
                        text.is_char_boundary(start) && text.is_char_boundary(end),
                        "{text:?} {problem:?}"
                    );
                    assert!(
                        start <= end && end <= text.len().max(1),
                        "{text:?} {problem:?}"
                    );
                }
            }
        }
    }
    println!("grammar: {TEXTS} texts, both accept {accepted}, only cel {only_cel}, only ours 0");
    assert!(accepted > TEXTS / 3, "{accepted}");
}

fn reads_back(node: &Node, text: &str) {
    let written = node.to_string();
    let again = parser::parse(&written)
        .unwrap_or_else(|problems| panic!("{text:?} → {written:?}: {problems:?}"));
    assert_eq!(
        without_places(again.clone()),
        without_places(node.clone()),
        "{text:?} → {written:?}"
    );
    assert_eq!(again.to_string(), written, "{text:?}");
}

/// The tree with all spans at zero.
fn without_places(mut node: Node) -> Node {
    node.span = Span::default();
    match &mut node.kind {
        Kind::List(parts) | Kind::And(parts) | Kind::Or(parts) => {
            *parts = std::mem::take(parts)
                .into_iter()
                .map(without_places)
                .collect();
        }
        Kind::Select(inner, _) | Kind::Not(inner) => **inner = without_places((**inner).clone()),
        Kind::Call {
            receiver,
            name_span,
            arguments,
            ..
        } => {
            *name_span = Span::default();
            *receiver = receiver.take().map(|r| Box::new(without_places(*r)));
            *arguments = std::mem::take(arguments)
                .into_iter()
                .map(without_places)
                .collect();
        }
        Kind::Compare(_, a, b) | Kind::In(a, b) => {
            **a = without_places((**a).clone());
            **b = without_places((**b).clone());
        }
        Kind::Bool(_)
        | Kind::Int(_)
        | Kind::Double(_)
        | Kind::Text(_)
        | Kind::Name(_)
        | Kind::Error => {}
    }
    node
}

#[test]
fn any_sequence_of_pieces_is_answered() {
    let mut random = Random::for_test("pieces");
    let mut accepted = 0;
    for _ in 0..TEXTS / 2 {
        let count = random.below(14);
        let text: Vec<&str> = (0..count).map(|_| *random.pick(&PIECES)).collect();
        let text = text.join(if random.chance(50) { " " } else { "" });
        match parser::parse(&text) {
            Ok(node) => {
                accepted += 1;
                reads_back(&node, &text);
            }
            Err(problems) => {
                for problem in &problems {
                    let _ = crate::domain::rules::diagnostic::render(&text, "when", problem);
                }
                let mut places: Vec<_> = problems.iter().map(|p| p.span).collect();
                places.dedup();
                assert_eq!(
                    places.len(),
                    problems.len(),
                    "two problems at one place: {text:?}"
                );
            }
        }
    }
    println!("pieces: {} texts, {accepted} accepted", TEXTS / 2);
}
