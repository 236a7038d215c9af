//! Program = recorded program = naive evaluator, with missing and stale values; = the interpreter of the `cel` crate where nothing is
//! missing. And what the analysis calls impossible never happens.

use std::cmp::Ordering;

use cel::{Context, Value as CelValue, extractors::Arguments};

use super::{
    Random, TIERS,
    generate::{Ask, Cell, Dialect, Field, Row, Tree, Value, Written, fields, row, tree, write},
    vocabulary,
};
use crate::domain::{
    calendar::Day,
    rules::{
        analysis::{Customers, Expected},
        check::typed,
        condition::Term,
        program::{Absence, Builder, Program, Silent, Slot, Slots, Verdict},
        trace::Trace,
    },
    text::Label,
};

/// How many random conditions each property is checked with.
const CASES: usize = 20_000;

/// The naive evaluator: three tables and a recursion. It shares no code with the program.
fn naive(tree: &Tree, row: &Row) -> Option<bool> {
    match tree {
        Tree::And(parts) => {
            let parts: Vec<Option<bool>> = parts.iter().map(|part| naive(part, row)).collect();
            if parts.contains(&Some(false)) {
                Some(false)
            } else if parts.contains(&None) {
                None
            } else {
                Some(true)
            }
        }
        Tree::Or(parts) => {
            let parts: Vec<Option<bool>> = parts.iter().map(|part| naive(part, row)).collect();
            if parts.contains(&Some(true)) {
                Some(true)
            } else if parts.contains(&None) {
                None
            } else {
                Some(false)
            }
        }
        Tree::Not(inner) => naive(inner, row).map(|holds| !holds),
        Tree::Leaf(field, Ask::Known) => Some(matches!(row[*field], Cell::Known(_))),
        Tree::Leaf(field, ask) => match &row[*field] {
            Cell::Known(value) => Some(naive_leaf(ask, value)),
            Cell::Stale(_) | Cell::Missing => None,
        },
    }
}

fn naive_leaf(ask: &Ask, value: &Value) -> bool {
    let text = || match value {
        Value::Text(text) => *text,
        other => panic!("{other:?} is no text"),
    };
    match ask {
        Ask::Compare(op, limit) => naive_compare(op.as_str(), value, limit),
        Ask::Reversed(op, limit) => naive_compare(op.as_str(), limit, value),
        Ask::OneOf(list) => list.contains(value),
        Ask::StartsWith(part) => text().starts_with(part),
        Ask::EndsWith(part) => text().ends_with(part),
        Ask::Contains(part) => text().contains(part),
        Ask::HasTag(tag) => matches!(value, Value::Tags(tags) if tags.contains(tag)),
        Ask::Holds => *value == Value::Bool(true),
        Ask::Known => true,
    }
}

fn naive_compare(op: &str, left: &Value, right: &Value) -> bool {
    let order = match (left, right) {
        (Value::Int(a), Value::Int(b)) => a.cmp(b),
        (Value::Num(a), Value::Num(b)) => a.partial_cmp(b).unwrap(),
        (a, b) if a == b => Ordering::Equal,
        _ => Ordering::Less,
    };
    match op {
        "==" => order == Ordering::Equal,
        "!=" => order != Ordering::Equal,
        "<" => order == Ordering::Less,
        "<=" => order != Ordering::Greater,
        ">" => order == Ordering::Greater,
        ">=" => order != Ordering::Less,
        other => panic!("{other}"),
    }
}

/// For each slot of the program the field that fills it.
pub(crate) fn fields_of_slots(program: &Program, terms: &[Term]) -> Vec<usize> {
    program
        .terms()
        .iter()
        .map(|term| terms.iter().position(|known| known == term).unwrap())
        .collect()
}

/// The term of each field, found by checking a condition with it.
pub(crate) fn terms(fields: &[Field]) -> Vec<Term> {
    let names = vocabulary();
    let mut random = Random(1);
    fields
        .iter()
        .enumerate()
        .map(|(index, _)| {
            let text = loop {
                let candidate = tree(&mut random, fields, 0);
                if matches!(&candidate, Tree::Leaf(field, _) if *field == index) {
                    break write(&candidate, fields, Dialect::Patron);
                }
            };
            let mut found = None;
            typed(&text, &names)
                .unwrap()
                .for_each_test(&mut |test, _| found = Some(test.term.clone()));
            found.unwrap()
        })
        .collect()
}

pub(crate) fn fill<'a>(
    slots: &mut Slots<'a>,
    program: &Program,
    of_slot: &[usize],
    row: &'a Row,
    tags: &'a [Vec<Label>],
) {
    for (slot, &field) in of_slot.iter().enumerate() {
        match &row[field] {
            Cell::Missing => slots.set_missing(slot, Absence::Missing),
            Cell::Stale(_) => slots.set_missing(slot, Absence::Stale),
            Cell::Known(Value::Int(value)) => slots.set(slot, Slot::Int(*value)),
            Cell::Known(Value::Num(value)) => slots.set(slot, Slot::Num(*value)),
            Cell::Known(Value::Bool(value)) => slots.set(slot, Slot::Bool(*value)),
            Cell::Known(Value::Text(text)) => slots.set(slot, program.text(text)),
            Cell::Known(Value::Tags(_)) => slots.set(slot, Slot::List(&tags[field])),
        }
    }
}

/// Tags as the store keeps them.
pub(crate) fn tags_of(row: &Row) -> Vec<Vec<Label>> {
    row.iter()
        .map(|cell| match cell {
            Cell::Known(Value::Tags(tags)) => tags.iter().map(|&tag| tag.into()).collect(),
            _ => Vec::new(),
        })
        .collect()
}

fn verdict(answer: Option<bool>) -> Verdict {
    answer.map_or(Verdict::Unknown, Verdict::from_bool)
}

/// Ten conditions in one program, two customers each: leaves are shared and slots reused as in the service.
#[test]
fn program_recorded_program_and_naive_evaluator_agree() {
    let (fields, names) = (fields(), vocabulary());
    let terms = terms(&fields);
    let mut random = Random::for_test("agreement");
    let (mut done, mut seen) = (0, [0_usize; 3]);
    while done < CASES {
        let trees: Vec<Tree> = (0..10).map(|_| tree(&mut random, &fields, 3)).collect();
        let mut builder = Builder::default();
        let mut compiled = Vec::new();
        for tree in &trees {
            let text = write(tree, &fields, Dialect::Patron);
            // A generated condition may repeat a clause, which is refused.
            if let Ok(condition) = typed(&text, &names) {
                compiled.push((builder.add(&condition), tree, condition));
            }
        }
        let program = builder.build();
        let of_slot = fields_of_slots(&program, &terms);
        let mut trace = Trace::default();
        for _ in 0..2 {
            let row = row(&mut random, &fields, false);
            let tags = tags_of(&row);
            let (mut slots, mut memo) = (program.slots(), program.memo());
            fill(&mut slots, &program, &of_slot, &row, &tags);
            let mut fresh = program.memo();
            for (root, tree, condition) in &compiled {
                let expected = verdict(naive(tree, &row));
                let plain = program.evaluate(*root, &slots, &mut memo, &mut Silent);
                trace.clear();
                let recorded = program.evaluate(*root, &slots, &mut fresh, &mut trace);
                assert_eq!(
                    (plain, recorded),
                    (expected, expected),
                    "{}\n{row:?}",
                    condition.source()
                );
                let shown = program.clause_tree(*root, &trace).unwrap();
                assert_eq!(
                    (shown.verdict, shown.span),
                    (expected, condition.root().span)
                );
                seen[expected as usize] += 1;
                done += 1;
            }
        }
    }
    println!("agreement: {done} cases; FALSE, UNKNOWN, TRUE: {seen:?}");
    assert!(seen.iter().all(|&count| count > CASES / 20), "{seen:?}");
}

#[test]
fn what_the_analysis_calls_impossible_never_happens() {
    let (fields, names) = (fields(), vocabulary());
    let mut random = Random::for_test("analysis");
    let mut impossible = 0;
    for _ in 0..CASES / 4 {
        let [a, b] = [2, 2].map(|depth| tree(&mut random, &fields, depth));
        let [Ok(first), Ok(second)] =
            [&a, &b].map(|tree| typed(&write(tree, &fields, Dialect::Patron), &names))
        else {
            continue;
        };
        for want in [
            Expected::True,
            Expected::False,
            Expected::NotTrue,
            Expected::NotFalse,
        ] {
            if Customers::with_verdict(first.root(), Expected::True, &names)
                .meet([&Customers::with_verdict(second.root(), want, &names)])
            {
                continue;
            }
            impossible += 1;
            for _ in 0..20 {
                let row = row(&mut random, &fields, false);
                let [left, right] = [&a, &b].map(|tree| naive(tree, &row));
                let met = match want {
                    Expected::True => right == Some(true),
                    Expected::False => right == Some(false),
                    Expected::NotTrue => right != Some(true),
                    Expected::NotFalse => right != Some(false),
                };
                assert!(
                    !(left == Some(true) && met),
                    "{} | {want:?} {}",
                    first.source(),
                    second.source()
                );
            }
        }
    }
    println!("analysis: {impossible} impossible pairs, 20 customers each");
    assert!(impossible > 100, "{impossible}");
}

fn cel_value(cell: &Cell) -> CelValue {
    match cell {
        Cell::Known(Value::Int(value)) => (*value).into(),
        Cell::Known(Value::Num(value)) => (*value).into(),
        Cell::Known(Value::Bool(value)) => (*value).into(),
        Cell::Known(Value::Text(text)) => (*text).into(),
        Cell::Known(Value::Tags(tags)) => tags.clone().into(),
        Cell::Stale(_) | Cell::Missing => panic!("nothing is missing here"),
    }
}

fn text_of(value: &CelValue) -> String {
    match value {
        CelValue::String(text) => text.to_string(),
        other => panic!("{other:?} is no text"),
    }
}

fn minor(text: &str) -> i64 {
    text.trim_end_matches(" EUR")
        .replace('.', "")
        .parse()
        .unwrap()
}

fn rank(name: &str) -> i64 {
    let at = TIERS.iter().position(|tier| *tier == name).unwrap();
    i64::try_from(at).unwrap()
}

/// A context that knows the customer: variables, and functions whose answers are in `row`.
fn cel_context(fields: &[Field], row: &Row) -> Context<'static, 'static> {
    let mut context = Context::default();
    for (field, cell) in fields.iter().zip(row) {
        let Some((name, _)) = field.text.split_once('(') else {
            let value = match (field.written, cell) {
                (Written::Tier, Cell::Known(Value::Int(ordinal))) => {
                    TIERS[usize::try_from(*ordinal).unwrap()].into()
                }
                _ => cel_value(cell),
            };
            context.add_variable_from_value(field.text, value);
            continue;
        };
        let answers: Vec<(String, CelValue)> = fields
            .iter()
            .zip(row)
            .filter(|(other, _)| other.text.split_once('(').is_some_and(|(n, _)| n == name))
            .map(|(other, cell)| {
                let arguments = other.text.split_once('(').unwrap().1;
                (
                    arguments.replace("days(", "").replace([')', '"', ' '], ""),
                    cel_value(cell),
                )
            })
            .collect();
        let answer = move |Arguments(arguments): Arguments| -> CelValue {
            let key: Vec<String> = arguments
                .iter()
                .map(|argument| match argument {
                    CelValue::Int(days) => days.to_string(),
                    other => text_of(other),
                })
                .collect();
            let key = key.join(",");
            answers
                .iter()
                .find(|(known, _)| *known == key)
                .unwrap()
                .1
                .clone()
        };
        context.add_function(name, answer).unwrap();
    }
    context
        .add_function("money", |Arguments(a): Arguments| -> CelValue {
            minor(&text_of(&a[0])).into()
        })
        .unwrap();
    context
        .add_function("days", |Arguments(a): Arguments| -> CelValue {
            a[0].clone()
        })
        .unwrap();
    context
        .add_function("day", |Arguments(a): Arguments| -> CelValue {
            let day: Day = text_of(&a[0]).parse().unwrap();
            i64::from(day.number()).into()
        })
        .unwrap();
    context
        .add_function("rank", |Arguments(a): Arguments| -> CelValue {
            rank(&text_of(&a[0])).into()
        })
        .unwrap();
    context
}

#[test]
fn the_cel_interpreter_agrees_where_nothing_is_missing() {
    let (fields, names) = (fields(), vocabulary());
    let terms = terms(&fields);
    let mut random = Random::for_test("cel agreement");
    let (mut done, mut held) = (0, 0_usize);
    while done < CASES {
        let row = row(&mut random, &fields, true);
        let (tags, context) = (tags_of(&row), cel_context(&fields, &row));
        for _ in 0..20 {
            let tree = tree(&mut random, &fields, 2);
            let Ok(condition) = typed(&write(&tree, &fields, Dialect::Patron), &names) else {
                continue;
            };
            let mut builder = Builder::default();
            let root = builder.add(&condition);
            let program = builder.build();
            let (mut slots, mut memo) = (program.slots(), program.memo());
            fill(
                &mut slots,
                &program,
                &fields_of_slots(&program, &terms),
                &row,
                &tags,
            );
            let ours = program.evaluate(root, &slots, &mut memo, &mut Silent);
            let text = write(&tree, &fields, Dialect::Cel);
            let theirs = cel::Program::compile(&text)
                .unwrap()
                .execute(&context)
                .unwrap_or_else(|error| panic!("{text}: {error}"));
            assert_eq!(
                CelValue::Bool(ours == Verdict::True),
                theirs,
                "{text}\n{row:?}"
            );
            assert_ne!(ours, Verdict::Unknown, "{text}");
            held += usize::from(ours == Verdict::True);
            done += 1;
        }
    }
    println!("cel agreement: {done} cases, {held} of them true");
}
