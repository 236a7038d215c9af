//! Conditions with their slots filled: one of eight clauses, plain and recorded, and 200 segments that share leaves. Then one customer by
//! the example of definitions: the whole assessment, and each of its stages by itself.
use std::{hint::black_box, sync::Arc};

use criterion::{Criterion, criterion_group, criterion_main};
use patron::domain::{
    assess::{
        assess,
        segments::{Decided, slots, standings},
        tiers::TierIndex,
        valuation::value,
    },
    basis::{ActiveModel, Basis, Revision},
    calendar::Day,
    clv::{
        gamma_gamma::GammaGamma,
        model::{ModelKind, OrderModel},
        spend_orders::SpendOrders,
    },
    customer::{
        CustomerKind,
        facts::{AttributeFact, AttributeValue},
        profile::{ContactDay, DatedProfile, History, Profile, PurchaseDay},
    },
    definitions::Definitions,
    explain::Explainer,
    fitted::{
        contract_models::ContractModels,
        parameters::{Estimation, ParameterSet, Parameters, Refined, SpendParameters},
    },
    rates::RateTable,
    rules::{
        check::check,
        condition::{SegmentId, Term},
        program::{Absence, Builder, Program, RootId, Silent, Slot, Slots},
        trace::Trace,
        vocabulary::{Attribute, Sensitivity, ValueType, Vocabulary},
    },
    text::{CustomerId, Label},
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
            Term::Tier | Term::RunningContracts => slots.set(slot, Slot::Int(1)),
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
            | Term::Segment(_)
            | Term::Contact(_) => {
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

const EXAMPLE: &str = include_str!("../examples/definitions.yaml");

/// A customer with 20 purchase days, 20 contact days and 8 attributes in the last three years.
fn customer(as_of: Day) -> Option<Profile> {
    let eur = "EUR".parse().ok()?;
    let purchase = |index: i32| PurchaseDay {
        day: as_of.plus_days((index - 19) * 50 - 5),
        currency: eur,
        category: None,
        count: 1,
        amount_minor: 4_900,
        costed_amount_minor: 0,
        cost_minor: 0,
        foreign_refunds: None,
    };
    let contact = |index: i32| ContactDay {
        day: as_of.plus_days((index - 19) * 40 - 2),
        channel: "phone".into(),
        currency: None,
        count: 1,
        cost_minor: 0,
        duration_seconds: 300,
    };
    let attribute = |(name, value): (&str, AttributeValue)| AttributeFact {
        name: name.into(),
        value: Some(value),
        observed_on: as_of.plus_days(-20),
        source: "crm".into(),
        profile_version: 1,
    };
    let attributes = [
        ("complaints_12m", AttributeValue::Int(1)),
        ("country", AttributeValue::Text("DE".into())),
        ("employees", AttributeValue::Int(180)),
        ("installed_devices", AttributeValue::Int(12)),
        (
            "needs",
            AttributeValue::Tags([Label::from("uptime")].into()),
        ),
        ("portal_user", AttributeValue::Bool(true)),
        ("potential_class", AttributeValue::Text("medium".into())),
        ("sector", AttributeValue::Text("food".into())),
    ];
    Some(Profile {
        customer_id: CustomerId::new("c1").ok()?,
        version: 1,
        kind: CustomerKind::Company,
        display_name: None,
        recorded_at: jiff::Timestamp::UNIX_EPOCH,
        members: Box::default(),
        history: History {
            purchases: (0..20).map(purchase).collect(),
            contacts: (0..20).map(contact).collect(),
            attributes: attributes.into_iter().map(attribute).collect(),
            last_event_day: Some(as_of),
            ..History::default()
        },
    })
}

/// The example in force, with models at the parameters of CDNOW.
fn basis(definitions: Arc<Definitions>) -> Option<Basis> {
    let orders = OrderModel::new(ModelKind::MbgNbd, [0.525, 6.183, 0.891, 1.614]).ok()?;
    let spend = SpendParameters {
        model: GammaGamma::new(6.25, 3.74, 15.44).ok()?,
        orders: SpendOrders::All,
        currency: "EUR".parse().ok()?,
        log_covariance: None,
    };
    let model = ActiveModel {
        version: 1,
        parameters: Some(Parameters {
            pooled: ParameterSet {
                orders,
                orders_log_covariance: None,
                estimation: Estimation::MaximumLikelihood,
                spend: Some(spend),
            },
            refined: Refined::No,
            season: None,
        }),
        contracts: ContractModels::default(),
        contacts: Arc::default(),
        uncertainty: Arc::default(),
        facts_end: None,
    };
    let currency = definitions.value().currency;
    let revision = Revision::published(1, definitions);
    Some(Basis::new(
        revision,
        Some(model),
        Some(currency),
        Arc::default(),
    ))
}

/// One customer by the example: the whole assessment, then its stages.
fn example(criterion: &mut Criterion) {
    let Ok(definitions) = Definitions::read(EXAMPLE) else {
        panic!("the example is without problems")
    };
    let Ok(as_of) = "2026-06-30".parse() else {
        unreachable!("a day of the calendar")
    };
    let definitions = Arc::new(definitions);
    let (Some(profile), Some(basis)) = (customer(as_of), basis(Arc::clone(&definitions))) else {
        unreachable!("constants")
    };
    let Some(dated) = DatedProfile::new(Arc::new(profile), as_of) else {
        unreachable!("nothing lies after the day")
    };
    let program = definitions.program();
    let (mut slots, mut memo) = (program.slots(), program.memo());
    let rates = RateTable::default();
    let assessment = assess(dated.view(), &basis);
    let valued = &assessment.valued;
    assert!(valued.tier.is_ok() && assessment.treatment.is_some());
    criterion.bench_function("assess", |bench| {
        bench.iter(|| assess(black_box(dated.view()), &basis));
    });
    criterion.bench_function("assess: value over 12 months", |bench| {
        bench.iter(|| value(black_box(dated.view()), &basis, &basis.revision.horizon));
    });
    let count = program.terms().len();
    criterion.bench_function(
        &format!("assess: fill {count} slots of a profile of 20 days"),
        |bench| {
            bench.iter(|| {
                slots::fill(
                    &definitions,
                    &rates,
                    black_box(dated.view()),
                    valued,
                    &mut slots,
                );
            });
        },
    );
    criterion.bench_function("assess: decide the 18 segments of the example", |bench| {
        bench.iter(|| {
            memo.clear();
            standings(&definitions, black_box(&mut slots), &mut memo).len()
        });
    });
    let Some(segment) = definitions.vocabulary().segment_id("attention/at_risk") else {
        unreachable!("a segment of the example")
    };
    let (rank, as_of) = (valued.tier.ok().map(TierIndex::rank), dated.view().as_of());
    criterion.bench_function("assess: choose the treatment", |bench| {
        bench.iter(|| {
            let standings = black_box(&assessment.standings);
            let member = |segment: SegmentId| standings[segment.0 as usize].is_member;
            definitions.treatments().of_customer(rank, as_of, member)
        });
    });
    criterion.bench_function("explain a segment of the example", |bench| {
        bench.iter(|| {
            let view = black_box(dated.view());
            let (decided, standings) = Decided::new(&definitions, &rates, view, valued);
            Explainer::new(decided, &standings)
                .explain(segment)
                .reasons
                .len()
        });
    });
    criterion.bench_function("read and check the example", |bench| {
        bench.iter(|| Definitions::read(black_box(EXAMPLE)).is_ok());
    });
}

criterion_group!(benches, conditions, reading, example);
criterion_main!(benches);
