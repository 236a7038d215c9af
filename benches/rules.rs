//! Conditions with their slots filled: one of eight clauses, plain and recorded, and 200 segments that share leaves. The slots of a profile
//! are filled elsewhere; this is the cost of the logic.
use std::hint::black_box;

use criterion::{Criterion, criterion_group, criterion_main};
use patron::domain::{
    rules::{
        check::check,
        condition::Term,
        program::{Absence, Builder, Program, RootId, Silent, Slot, Slots},
        trace::Trace,
        vocabulary::{Attribute, Sensitivity, ValueType, Vocabulary},
    },
    text::Label,
};

/// TRUE for the customer below, so that no clause is left out.
const EIGHT: &str = r#"
    (clv >= money("5000 EUR") || tier >= "gold")
    && orders(days(90)) >= 2 && probability_alive > 0.5
    && !(country in ["CH", "FR"]) && "vip" in labels
    && !(contacts(days(30), "phone") > 5) && days_since_last_order <= days(120)
"#;

fn vocabulary() -> Vocabulary {
    let attribute = |name: &str, value_type| Attribute {
        name: name.into(),
        value_type,
        unit: None,
        max_age_days: None,
        sensitivity: Sensitivity::Ordinary,
        purpose: None,
    };
    let countries = ["DE", "AT", "CH", "FR"].map(Label::from).to_vec();
    let Ok(eur) = "EUR".parse() else {
        unreachable!("EUR is a currency")
    };
    Vocabulary::new(
        eur,
        vec![
            attribute("country", ValueType::OneOf(countries)),
            attribute("labels", ValueType::Tags),
            attribute("employees", ValueType::Whole),
        ],
        vec!["phone".into()],
        ["basic", "silver", "gold"].map(Label::from).to_vec(),
        vec![],
    )
}

fn compile(texts: &[String]) -> (Program, Vec<RootId>) {
    let names = vocabulary();
    let mut builder = Builder::default();
    let roots = texts
        .iter()
        .map(|text| match check(text, &names) {
            Ok(condition) => builder.add(&condition),
            Err(problems) => panic!("{text}: {problems:?}"),
        })
        .collect();
    (builder.build(), roots)
}

/// Two hundred segments of eight clauses; limits come from small sets, as in real definitions, so that a quarter of the leaves is distinct.
fn segments() -> Vec<String> {
    (0..200)
        .map(|i| {
            format!(
                r#"(clv >= money("{} EUR") || tier >= "gold") && orders(days({})) >= {} && probability_alive > 0.{}
                && !(country in ["CH", "FR"]) && !("vip{}" in labels) && employees < {} && days_since_last_order <= days({})"#,
                500 + (i % 40) * 100,
                30 + (i % 12) * 30,
                1 + i % 3,
                1 + i % 5,
                i % 7,
                250 + (i % 50) * 10,
                100 + (i % 30) * 10,
            )
        })
        .collect()
}

fn fill<'a>(program: &Program, labels: &'a [Label]) -> Slots<'a> {
    let mut slots = program.slots();
    for (slot, term) in program.terms().iter().enumerate() {
        match term {
            Term::Clv => slots.set(slot, Slot::Int(620_000)),
            Term::Tier => slots.set(slot, Slot::Int(1)),
            Term::ProbabilityAlive => slots.set(slot, Slot::Num(0.83)),
            Term::Orders(window) => slots.set(slot, Slot::Int(i64::from(window.days() / 20))),
            Term::Contacts(..) => slots.set(slot, Slot::Int(2)),
            Term::DaysSinceLastOrder => slots.set(slot, Slot::Int(41)),
            Term::Attribute(id) if id.0 == 0 => slots.set(slot, program.text("DE")),
            Term::Attribute(id) if id.0 == 1 => slots.set(slot, Slot::List(labels)),
            Term::Attribute(_) => slots.set(slot, Slot::Int(180)),
            Term::Spend(_)
            | Term::CostToServe(_)
            | Term::TenureDays
            | Term::Kind
            | Term::Segment(_) => {
                slots.set_missing(slot, Absence::Missing);
            }
        }
    }
    slots
}

fn conditions(criterion: &mut Criterion) {
    let labels = ["press", "vip"].map(Label::from);
    let (program, roots) = compile(&[EIGHT.to_owned()]);
    let slots = fill(&program, &labels);
    let mut memo = program.memo();
    criterion.bench_function("condition of 8 clauses", |bench| {
        bench.iter(|| {
            memo.clear();
            program.evaluate(roots[0], black_box(&slots), &mut memo, &mut Silent)
        });
    });
    let mut trace = Trace::default();
    criterion.bench_function("condition of 8 clauses, recorded", |bench| {
        bench.iter(|| {
            memo.clear();
            trace.clear();
            program.evaluate(roots[0], black_box(&slots), &mut memo, &mut trace)
        });
    });

    let (program, roots) = compile(&segments());
    let slots = fill(&program, &labels);
    let mut memo = program.memo();
    criterion.bench_function("200 segments", |bench| {
        bench.iter(|| {
            memo.clear();
            roots
                .iter()
                .map(|&root| {
                    program.evaluate(root, black_box(&slots), &mut memo, &mut Silent) as usize
                })
                .sum::<usize>()
        });
    });
    criterion.bench_function("200 segments, recorded", |bench| {
        bench.iter(|| {
            memo.clear();
            let mut sum = 0;
            for &root in &roots {
                trace.clear();
                sum += program.evaluate(root, black_box(&slots), &mut memo, &mut trace) as usize;
            }
            sum
        });
    });
}

fn reading(criterion: &mut Criterion) {
    let names = vocabulary();
    criterion.bench_function("read and check a condition of 8 clauses", |bench| {
        bench.iter(|| check(black_box(EIGHT), &names).is_ok());
    });
    let texts = segments();
    criterion.bench_function("read, check and compile 200 segments", |bench| {
        bench.iter(|| compile(&texts).0.leaf_count());
    });
}

criterion_group!(benches, conditions, reading);
criterion_main!(benches);
