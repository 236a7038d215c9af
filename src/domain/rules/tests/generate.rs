//! Random conditions in a form of their own, their texts, and random customers.

use super::{COUNTRIES, Random, TIERS};
use crate::domain::rules::syntax::Op;

/// A value of a field.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Value {
    Int(i64),
    Num(f64),
    Bool(bool),
    Text(&'static str),
    Tags(Vec<&'static str>),
}

/// What a customer has in a field.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Cell {
    Known(Value),
    Stale(Value),
    Missing,
}

/// How constants of a field are written.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Written {
    Plain,
    Money,
    Days,
    Day,
    Tier,
}

/// A term as the tests see it.
pub(crate) struct Field {
    pub(crate) text: &'static str,
    pub(crate) pool: Vec<Value>,
    pub(crate) written: Written,
    pub(crate) may_miss: bool,
}

fn ints(list: &[i64]) -> Vec<Value> {
    list.iter().map(|&value| Value::Int(value)).collect()
}

fn numbers(list: &[f64]) -> Vec<Value> {
    list.iter().map(|&value| Value::Num(value)).collect()
}

fn texts(list: &[&'static str]) -> Vec<Value> {
    list.iter().map(|&value| Value::Text(value)).collect()
}

/// All fields; pools are small so that values and limits often meet.
pub(crate) fn fields() -> Vec<Field> {
    let field = |text, pool, written, may_miss| Field {
        text,
        pool,
        written,
        may_miss,
    };
    let counts = || ints(&[0, 1, 2, 3, 5]);
    let minor = || ints(&[-500, -1, 0, 1, 1_000, 1_001, 500_000]);
    let numbers = numbers(&[-1.5, 0.0, 0.1, 0.300_000_000_000_000_04, 0.3, 2.0]);
    let shares = self::numbers(&[0.0, 0.25, 0.5, 0.999, 1.0]);
    let tags = ["vip", "press", "trainee"];
    let sets = vec![
        Value::Tags(vec![]),
        Value::Tags(vec![tags[0]]),
        Value::Tags(tags[1..].to_vec()),
    ];
    let days = || ints(&[0, 1, 89, 90, 91, 400]);
    let bools = || vec![Value::Bool(true), Value::Bool(false)];
    vec![
        field(
            "city",
            texts(&["", "Ulm", "Köln", "Ko\u{308}ln", "Bad Ems", "a\\b\"c'"]),
            Written::Plain,
            true,
        ),
        field("country", texts(&COUNTRIES), Written::Plain, true),
        field(
            "employees",
            ints(&[i64::MIN, -1, 0, 1, 249, 250, i64::MAX]),
            Written::Plain,
            true,
        ),
        field("score", numbers, Written::Plain, true),
        field("premium", bools(), Written::Plain, true),
        field("revenue", minor(), Written::Money, true),
        field(
            "founded",
            ints(&[-25_567, 0, 10_956, 20_000]),
            Written::Day,
            true,
        ),
        field("labels", sets, Written::Plain, true),
        field("contract", days(), Written::Days, true),
        field("clv", minor(), Written::Money, true),
        field("tier", ints(&[0, 1, 2, 3]), Written::Tier, true),
        field("probability_alive", shares, Written::Plain, true),
        field("orders(days(90))", counts(), Written::Plain, false),
        field("orders(days(365))", counts(), Written::Plain, false),
        field("spend(days(90))", minor(), Written::Money, true),
        field("contacts(days(30))", counts(), Written::Plain, false),
        field(
            "contacts(days(30), \"phone\")",
            counts(),
            Written::Plain,
            false,
        ),
        field("cost_to_serve(days(365))", minor(), Written::Money, true),
        field("days_since_last_order", days(), Written::Days, true),
        field("tenure_days", days(), Written::Days, true),
        field("running_contracts", counts(), Written::Plain, false),
        field(
            "kind",
            texts(&["PERSON", "COMPANY", "EMPLOYEE"]),
            Written::Plain,
            false,
        ),
        field("segment(\"lifecycle/new\")", bools(), Written::Plain, false),
    ]
}

/// One value a field.
pub(crate) type Row = Vec<Cell>;

pub(crate) fn row(random: &mut Random, fields: &[Field], is_complete: bool) -> Row {
    fields
        .iter()
        .map(|field| {
            let value = random.pick(&field.pool).clone();
            if is_complete || !field.may_miss {
                return Cell::Known(value);
            }
            match random.below(100) {
                0..20 => Cell::Missing,
                20..35 => Cell::Stale(value),
                _ => Cell::Known(value),
            }
        })
        .collect()
}

/// What a leaf asks.
#[derive(Debug, Clone)]
pub(crate) enum Ask {
    Compare(Op, Value),
    /// The same with the constant on the left.
    Reversed(Op, Value),
    OneOf(Vec<Value>),
    StartsWith(&'static str),
    EndsWith(&'static str),
    Contains(&'static str),
    HasTag(&'static str),
    Holds,
    Known,
}

/// A condition.
#[derive(Debug, Clone)]
pub(crate) enum Tree {
    Leaf(usize, Ask),
    And(Vec<Tree>),
    Or(Vec<Tree>),
    Not(Box<Tree>),
}

const OPS: [Op; 6] = [Op::Eq, Op::Ne, Op::Lt, Op::Le, Op::Gt, Op::Ge];

pub(crate) fn tree(random: &mut Random, fields: &[Field], depth: usize) -> Tree {
    if depth == 0 || random.chance(25) {
        return leaf(random, fields);
    }
    let parts = |random: &mut Random| {
        let count = 2 + random.below(3);
        (0..count)
            .map(|_| tree(random, fields, depth - 1))
            .collect()
    };
    match random.below(5) {
        0 | 1 => Tree::And(parts(random)),
        2 | 3 => Tree::Or(parts(random)),
        _ => match tree(random, fields, depth - 1) {
            // `!!` is not in the language.
            Tree::Not(inner) => *inner,
            other => Tree::Not(Box::new(other)),
        },
    }
}

fn leaf(random: &mut Random, fields: &[Field]) -> Tree {
    let index = random.below(fields.len());
    let field = &fields[index];
    if field.may_miss && random.chance(8) {
        return Tree::Leaf(index, Ask::Known);
    }
    let ask = match &field.pool[0] {
        Value::Tags(_) => Ask::HasTag(random.pick::<&str>(&["vip", "press", "nobody"])),
        Value::Bool(_) if random.chance(50) => Ask::Holds,
        Value::Bool(_) => Ask::Compare(*random.pick(&OPS[..2]), random.pick(&field.pool).clone()),
        Value::Text(_) if index == 0 && random.chance(50) => {
            let part = *random.pick(&["U", "öln", "\u{308}", "Bad ", "Ems", "m"]);
            match random.below(3) {
                0 => Ask::StartsWith(part),
                1 => Ask::EndsWith(part),
                _ => Ask::Contains(part),
            }
        }
        pool => {
            let ops = if matches!(pool, Value::Text(_)) {
                &OPS[..2]
            } else {
                &OPS[..]
            };
            let (op, value) = (*random.pick(ops), random.pick(&field.pool).clone());
            match random.below(10) {
                0..6 => Ask::Compare(op, value),
                6..8 => Ask::Reversed(op, value),
                _ => Ask::OneOf(some(random, &field.pool)),
            }
        }
    };
    Tree::Leaf(index, ask)
}

/// At least one of the pool, each at most once.
fn some(random: &mut Random, pool: &[Value]) -> Vec<Value> {
    let mut list: Vec<Value> = pool.iter().filter(|_| random.chance(40)).cloned().collect();
    if list.is_empty() {
        list.push(random.pick(pool).clone());
    }
    list
}

/// In which language a condition is written.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Dialect {
    Patron,
    /// Tiers are ranked by a function, and `has` of a plain name, which `cel` refuses, is `true`.
    Cel,
}

pub(crate) fn write(tree: &Tree, fields: &[Field], dialect: Dialect) -> String {
    let many = |parts: &[Tree], joint: &str| {
        let parts: Vec<String> = parts
            .iter()
            .map(|part| format!("({})", write(part, fields, dialect)))
            .collect();
        parts.join(joint)
    };
    match tree {
        Tree::Leaf(index, ask) => write_leaf(&fields[*index], ask, dialect),
        Tree::And(parts) => many(parts, " && "),
        Tree::Or(parts) => many(parts, " || "),
        Tree::Not(inner) => format!("!({})", write(inner, fields, dialect)),
    }
}

fn write_leaf(field: &Field, ask: &Ask, dialect: Dialect) -> String {
    let is_ranked = field.written == Written::Tier && dialect == Dialect::Cel;
    let term = if is_ranked {
        "rank(tier)".to_owned()
    } else {
        field.text.to_owned()
    };
    let constant = |value: &Value| {
        let text = constant(value, field.written);
        if is_ranked {
            format!("rank({text})")
        } else {
            text
        }
    };
    match ask {
        Ask::Compare(op, value) => format!("{term} {} {}", op.as_str(), constant(value)),
        Ask::Reversed(op, value) => format!("{} {} {term}", constant(value), op.as_str()),
        Ask::OneOf(values) => {
            let list: Vec<String> = values.iter().map(constant).collect();
            format!("{term} in [{}]", list.join(", "))
        }
        Ask::StartsWith(part) => format!("{term}.startsWith(\"{part}\")"),
        Ask::EndsWith(part) => format!("{term}.endsWith(\"{part}\")"),
        Ask::Contains(part) => format!("{term}.contains('{part}')"),
        Ask::HasTag(tag) => format!("\"{tag}\" in {term}"),
        Ask::Holds => term,
        Ask::Known if dialect == Dialect::Cel => "true".to_owned(),
        Ask::Known => format!("has({term})"),
    }
}

fn constant(value: &Value, written: Written) -> String {
    match (value, written) {
        (Value::Int(minor), Written::Money) => {
            let sign = if *minor < 0 { "-" } else { "" };
            let minor = minor.unsigned_abs();
            format!("money(\"{sign}{}.{:02} EUR\")", minor / 100, minor % 100)
        }
        (Value::Int(days), Written::Days) => format!("days({days})"),
        (Value::Int(number), Written::Day) => {
            let day =
                crate::domain::calendar::Day::from_number(i32::try_from(*number).unwrap()).unwrap();
            format!("day('{day}')")
        }
        (Value::Int(ordinal), Written::Tier) => {
            format!("\"{}\"", TIERS[usize::try_from(*ordinal).unwrap()])
        }
        (Value::Int(value), Written::Plain) => value.to_string(),
        (Value::Num(value), _) => format!("{value:?}"),
        (Value::Bool(value), _) => value.to_string(),
        (Value::Text(text), _) => {
            format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\""))
        }
        (Value::Tags(_), _) => unreachable!("no constant"),
    }
}
