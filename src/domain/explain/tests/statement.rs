//! Clause trees with their texts: what a page prints is what the reasons state, also under a NOT over a test. Under a NOT over a group, a
//! reason states the contrary of its test, for it stands alone; the test states what it tests, for its verdict is of that.

use std::sync::Arc;

use super::{Customer, as_of};
use crate::domain::{
    customer::{CustomerKind, facts::AttributeValue},
    definitions::Definitions,
    explain::{
        reasons::About,
        statement::ClauseStatement,
        wording::{self, Language},
    },
    rules::{
        program::{Absence, Verdict},
        trace::Joint,
    },
};

const CONDITION: &str = "spend(days(30)) >= money('100 EUR') && !(contacts(days(90)) > 3) \
    && !(city == 'Ulm' || employees < 10)";

fn document(condition: &str) -> Definitions {
    let text = format!(
        "value: {{currency: EUR, horizon_months: 12, monthly_discount: 1 %, basis: revenue}}
attributes:
  city: {{family: geographic, type: text, description: {{en: City, de: Ort}}, sensitivity: protected, purpose: routing}}
  employees: {{family: firmographic, type: whole, max_age_days: 10, description: {{en: Employees, de: Mitarbeiterzahl}}}}
tiers: [{{name: gold, at_least: 100 EUR}}, {{name: silver}}]
schemes:
  s:
    mode: overlapping
    description: d
    segments:
      - {{name: a, title: A, when: \"{condition}\"}}
treatments:
  tiers:
    gold: {{sla: {{response: 1 h}}, queue: a}}
    silver: {{sla: {{response: 1 h}}, queue: a}}
    UNRATED: {{sla: {{response: 1 h}}, queue: a}}
"
    );
    Definitions::read(&text).unwrap_or_else(|problems| panic!("{problems:?}"))
}

/// All clauses, a clause before its parts.
fn flat<'s, 'a>(clause: &'s ClauseStatement<'a>) -> Vec<&'s ClauseStatement<'a>> {
    let parts = clause.parts.iter().flat_map(flat);
    std::iter::once(clause).chain(parts).collect()
}

#[test]
fn a_negated_test_states_the_contrary_and_the_test_itself_what_it_tests() {
    let customer = Customer::new(CustomerKind::Company)
        .bought(&[3], 12_000)
        .called(5, 5, None)
        .attribute("city", 1, AttributeValue::Text("Bonn".into()))
        .attribute("employees", 34, AttributeValue::Int(12));
    customer.stated(&Arc::new(document(CONDITION)), "s/a", |explanation, statement, definitions| {
        assert_eq!(explanation.standing.verdict, Verdict::False);
        let line = |clause: &ClauseStatement<'_>, language: Language| {
            let text = |text| language.pick(text).to_string();
            let gap = clause.gap_text.as_ref().map(text).unwrap_or_default();
            let origin = clause.origin_text.as_ref().map(text).unwrap_or_default();
            format!("{:?} {} ({gap}) [{origin}]", clause.verdict, text(&clause.text))
        };
        let lines: Vec<String> = flat(statement)
            .into_iter()
            .map(|clause| line(clause, Language::En))
            .collect();
        assert_eq!(
            lines,
            [
                "False all of these must hold () []",
                "True spend in the last 30 days: 120.00 EUR, required: at least 100.00 EUR (20.00 EUR above) []",
                "False contacts in the last 90 days: 5, required: at most 3 (2 over the limit) []",
                "True contacts in the last 90 days: 5, required: more than 3 (2 above) []",
                "Unknown this must not hold () []",
                "Unknown one of these is enough () []",
                "False City: Bonn, required: Ulm () [crm, 1 day old]",
                "Unknown Employees: out of date, required: less than 10 () [crm, 34 days old]",
            ]
        );
        let german = line(&statement.parts[1], Language::De);
        assert_eq!(
            german,
            "False Kontakte in den letzten 90 Tagen: 5, erforderlich: höchstens 3 (2 über der Grenze) []"
        );
        let decisive: Vec<&str> = flat(statement)
            .into_iter()
            .filter(|clause| clause.test.as_ref().is_some_and(|test| test.is_decisive))
            .map(|clause| clause.expression)
            .collect();
        assert_eq!(decisive, ["(contacts(days(90)) > 3)"]);
        let [reason] = explanation.reasons.as_slice() else {
            panic!("{:?}", explanation.reasons);
        };
        let reason = wording::reason(reason, definitions, Language::En);
        assert_eq!(*reason, *statement.parts[1].text.en);
        let protected = |at: usize| flat(statement)[at].test.as_ref().unwrap().is_protected;
        assert_eq!((protected(6), protected(7)), (true, false));
        let employees = flat(statement)[7].test.as_ref().unwrap();
        assert_eq!(employees.observed, Err(Absence::Stale));
        assert_eq!(employees.recorded.unwrap().observed_on, as_of().plus_days(-34));
    });
}

/// The texts of the reasons and of their tests, in one order.
fn reasons_and_tests(condition: &str) -> Vec<(String, String)> {
    let customer = Customer::new(CustomerKind::Company)
        .bought(&[3], 2_000)
        .called(5, 1, None);
    let mut pairs = vec![];
    let definitions = Arc::new(document(condition));
    customer.stated(
        &definitions,
        "s/a",
        |explanation, statement, definitions| {
            let clauses = flat(statement).into_iter();
            let tests =
                clauses.filter(|one| one.test.as_ref().is_some_and(|test| test.is_decisive));
            let reasons = explanation.reasons.iter();
            pairs = reasons
                .map(|reason| wording::reason(reason, definitions, Language::En))
                .zip(tests.map(|test| test.text.en.to_string()))
                .collect();
        },
    );
    pairs
}

#[test]
fn under_a_negated_group_a_reason_states_the_contrary_of_its_test() {
    let contacts = "contacts in the last 90 days: 1, required:";
    let spend = "spend in the last 30 days: 20.00 EUR, required:";
    let group = "contacts(days(90)) > 3 || spend(days(30)) >= money('100 EUR')";
    assert_eq!(
        reasons_and_tests(&format!("!({group})")),
        [
            (
                format!("{contacts} at most 3"),
                format!("{contacts} more than 3")
            ),
            (
                format!("{spend} less than 100.00 EUR"),
                format!("{spend} at least 100.00 EUR")
            ),
        ]
    );
    let alike = [
        format!("{contacts} more than 3"),
        format!("{spend} at least 100.00 EUR"),
    ];
    assert_eq!(
        reasons_and_tests(&format!("!(!({group}))")),
        alike.map(|text| (text.clone(), text))
    );
}

/// On the example, for customers of all kinds: wherever a leaf or a negated leaf is a reason, its clause has the words of the reason.
#[test]
fn reasons_and_clauses_state_a_fact_in_the_same_words() {
    let customers = [
        Customer::new(CustomerKind::Person),
        Customer::new(CustomerKind::Person)
            .bought(&[700, 400, 200], 5_000)
            .worth(300.0, 0.55),
        Customer::new(CustomerKind::Company)
            .bought(&[40, 10], 90_000)
            .called(20, 27, None)
            .worth(3_000.0, 0.9)
            .attribute("employees", 30, AttributeValue::Int(340)),
        Customer::new(CustomerKind::Employee).attribute("trainee", 10, AttributeValue::Bool(true)),
    ];
    let (definitions, mut compared) = (Arc::new(super::definitions()), 0);
    let names = definitions.vocabulary().segments().to_vec();
    for (customer, name) in customers
        .iter()
        .flat_map(|one| names.iter().map(move |it| (one, it)))
    {
        customer.stated(&definitions, name, |explanation, statement, definitions| {
            let clauses = flat(statement);
            for reason in &explanation.reasons {
                let About::Leaf { leaf, is_negated } = reason.about else {
                    continue;
                };
                let own = clauses.iter().find(|clause| {
                    let test = match (clause.joint, &*clause.parts) {
                        (Joint::Not, [part]) if is_negated => part.test.as_ref(),
                        _ if !is_negated => clause.test.as_ref(),
                        _ => None,
                    };
                    test.is_some_and(|test| test.is_decisive && *test.term == leaf.test.term)
                });
                for language in [Language::En, Language::De] {
                    let text = wording::reason(reason, definitions, language);
                    let own = own.map(|own| language.pick(&own.text).to_string());
                    assert_eq!(own.as_ref(), Some(&text), "{name}");
                    compared += 1;
                }
            }
        });
    }
    assert!(compared > 60, "{compared}");
}
