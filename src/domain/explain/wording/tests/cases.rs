//! Conditions of one leaf: each term with each operator that its type allows, and values around the required ones.

use crate::domain::{
    definitions::Definitions,
    rules::{
        program::{Program, Slot},
        syntax::Op,
    },
    text::Label,
};

/// A condition and the values to observe.
pub(super) struct Case {
    pub(super) condition: String,
    pub(super) observed: Vec<Observed>,
}

/// A value of a slot.
#[derive(Debug, Clone)]
pub(super) enum Observed {
    Int(i64),
    Num(f64),
    Bool(bool),
    Text(&'static str),
    Tags(Vec<Label>),
}

impl Observed {
    pub(super) fn slot<'a>(&'a self, program: &Program) -> Slot<'a> {
        match self {
            Self::Int(value) => Slot::Int(*value),
            Self::Num(value) => Slot::Num(*value),
            Self::Bool(value) => Slot::Bool(*value),
            Self::Text(text) => program.text(text),
            Self::Tags(tags) => Slot::List(tags),
        }
    }
}

/// Attributes of every type, three tiers, and a segment to refer to.
pub(super) fn definitions() -> Definitions {
    let attribute = |name: &str, kind: &str, en: &str, de: &str| {
        format!("  {name}: {{family: needs, type: {kind}, description: {{en: {en}, de: {de}}}}}\n")
    };
    let attributes = [
        attribute(
            "employees",
            "whole, unit: {en: people, de: Personen}",
            "Employees",
            "Mitarbeiterzahl",
        ),
        attribute("notice", "whole, unit: days", "Notice", "Frist"),
        attribute("visits", "whole", "Visits", "Besuche"),
        attribute("score", "number", "Score", "Punkte"),
        attribute(
            "weight",
            "number, unit: {en: tons, de: Tonnen}",
            "Weight",
            "Gewicht",
        ),
        attribute("revenue", "money, currency: EUR", "Revenue", "Jahresumsatz"),
        attribute("founded", "day", "Founded", "Gegründet"),
        attribute("city", "text", "City", "Ort"),
        attribute(
            "sector",
            "one_of, values: [food, pharma, retail]",
            "Sector",
            "Branche",
        ),
        attribute("needs", "tags", "Needs", "Bedarfe"),
        attribute("vip", "bool", "Important", "Wichtig"),
    ];
    let text = format!(
        "value: {{currency: EUR, horizon_months: 12, monthly_discount: 1 %, basis: revenue}}
channels: {{phone: {{cost: 5 EUR}}}}
attributes:
{}tiers: [{{name: gold, at_least: 100 EUR}}, {{name: silver, at_least: 10 EUR}}, {{name: bronze}}]
schemes:
  s:
    mode: overlapping
    description: d
    segments:
      - {{name: first, title: {{en: First, de: Erste}}, when: vip}}
treatments:
  tiers:
    gold: {{sla: {{response: 1 h}}, queue: a}}
    silver: {{sla: {{response: 1 h}}, queue: a}}
    bronze: {{sla: {{response: 1 h}}, queue: a}}
    UNRATED: {{sla: {{response: 1 h}}, queue: a}}
",
        attributes.concat()
    );
    Definitions::read(&text).unwrap_or_else(|problems| panic!("{problems:?}"))
}

const OPS: [Op; 6] = [Op::Eq, Op::Ne, Op::Lt, Op::Le, Op::Gt, Op::Ge];

/// All cases.
pub(super) fn cases() -> Vec<Case> {
    let mut out = Vec::new();
    numbers(&mut out);
    for term in ["vip", "segment('s/first')"] {
        let observed = vec![Observed::Bool(true), Observed::Bool(false)];
        for condition in [
            term.to_owned(),
            format!("{term} == true"),
            format!("{term} != true"),
        ] {
            out.push(Case {
                condition,
                observed: observed.clone(),
            });
        }
    }
    texts(&mut out);
    for term in [
        "employees",
        "score",
        "revenue",
        "founded",
        "city",
        "sector",
        "needs",
        "vip",
        "clv",
        "tier",
        "probability_alive",
    ] {
        out.push(Case {
            condition: format!("has({term})"),
            observed: Vec::new(),
        });
    }
    out
}

/// Terms with an order: below, at and above a limit.
fn numbers(out: &mut Vec<Case>) {
    let mut add = |term: &str, [limit, other]: [&str; 2], observed: &[Observed]| {
        let conditions = OPS
            .iter()
            .map(|op| format!("{term} {} {limit}", op.as_str()));
        let list = format!("{term} in [{limit}, {other}]");
        out.extend(conditions.chain([list]).map(|condition| Case {
            condition,
            observed: observed.to_vec(),
        }));
    };
    let around = |limit: i64| {
        let values = [-1_500, -7, -1, 0, 1, 7, 1_500].map(|step| limit + step);
        values.map(Observed::Int).to_vec()
    };
    for term in [
        "employees",
        "visits",
        "orders(days(90))",
        "contacts(days(1))",
        "running_contracts",
    ] {
        add(term, ["2000", "3000"], &around(2_000));
    }
    for term in ["notice", "days_since_last_order", "tenure_days"] {
        add(term, ["days(90)", "days(1)"], &around(90));
    }
    for term in [
        "revenue",
        "clv",
        "spend(days(30))",
        "cost_to_serve(days(365))",
    ] {
        add(
            term,
            ["money('2500 EUR')", "money('0.01 EUR')"],
            &around(250_000),
        );
    }
    add(
        "founded",
        ["day('2020-03-01')", "day('1999-12-31')"],
        &around(18_322),
    );
    // The one in the middle: nobody is below the lowest tier.
    add(
        "tier",
        ["'silver'", "'gold'"],
        &[0, 1, 2].map(Observed::Int),
    );
    let near = |limit: f64| {
        let values = [-0.25, -0.001, 0.0, 0.001, 0.25].map(|step| limit + step);
        values.map(Observed::Num).to_vec()
    };
    for term in ["score", "weight"] {
        add(term, ["0.5", "1.5"], &near(0.5));
    }
    add("probability_alive", ["0.5", "0.75"], &near(0.5));
}

/// Texts, listed texts, kinds and tags.
fn texts(out: &mut Vec<Case>) {
    let mut add = |conditions: &[&str], observed: &[Observed]| {
        out.extend(conditions.iter().map(|condition| Case {
            condition: (*condition).to_owned(),
            observed: observed.to_vec(),
        }));
    };
    let some = |texts: &[&'static str]| -> Vec<Observed> {
        texts.iter().map(|text| Observed::Text(text)).collect()
    };
    add(
        &[
            "city == 'Ulm'",
            "city != 'Ulm'",
            "city == ''",
            "city in ['Ulm', 'Bad Ems']",
            "city.startsWith('Ul')",
            "city.endsWith('lm')",
            "city.contains('l')",
        ],
        &some(&["", "Ulm", "Bad Ems"]),
    );
    add(
        &[
            "sector == 'food'",
            "sector != 'food'",
            "sector in ['food', 'pharma']",
        ],
        &some(&["food", "retail"]),
    );
    add(
        &[
            "kind == 'PERSON'",
            "kind != 'EMPLOYEE'",
            "kind in ['PERSON', 'COMPANY']",
        ],
        &some(&["PERSON", "COMPANY", "EMPLOYEE"]),
    );
    let tags = |tags: &[&str]| Observed::Tags(tags.iter().map(|tag| (*tag).into()).collect());
    add(
        &["'uptime' in needs"],
        &[tags(&[]), tags(&["uptime"]), tags(&["price", "uptime"])],
    );
}
