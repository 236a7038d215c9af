//! The clauses that the tests expect, field by field.

use patron::pb;
use patron::pb::typed_value::Kind;
use patron::pb::{Absence, ClauseKind, ComparisonOperator, Verdict};

#[expect(clippy::unnecessary_wraps, reason = "as the messages hold their parts")]
pub(super) fn words(en: &str, de: &str) -> Option<pb::LocalizedText> {
    let (en, de) = (en.to_owned(), de.to_owned());
    Some(pb::LocalizedText { en, de })
}

pub(super) fn joined(
    kind: ClauseKind,
    expression: &str,
    text: (&str, &str),
    verdict: Verdict,
    parts: Vec<pb::Clause>,
) -> pb::Clause {
    pb::Clause {
        kind: kind.into(),
        expression: expression.to_owned(),
        text: words(text.0, text.1),
        verdict: verdict.into(),
        parts,
        ..Default::default()
    }
}

fn value(value: Kind) -> pb::TypedValue {
    pb::TypedValue {
        kind: Some(value),
        unit: None,
    }
}

/// A number of people.
pub(super) fn people(count: i64) -> pb::TypedValue {
    pb::TypedValue {
        unit: words("people", "Personen"),
        ..value(Kind::IntValue(count))
    }
}

/// The test `employees >= 250`, counted on `observed_on`.
pub(super) fn employees(
    verdict: Verdict,
    text: (&str, &str),
    origin: (&str, &str),
    observed_on: &str,
    age_days: i32,
) -> pb::Clause {
    pb::Clause {
        origin_text: words(origin.0, origin.1),
        term: "employees".to_owned(),
        term_text: words("Employees", "Mitarbeiterzahl"),
        operator: ComparisonOperator::GreaterThanOrEqual.into(),
        required_values: vec![people(250)],
        required_text: words("at least 250 people", "mindestens 250 Personen"),
        source: "crm".to_owned(),
        observed_on: observed_on.to_owned(),
        age_days: Some(age_days),
        is_decisive: true,
        ..joined(ClauseKind::Test, "employees >= 250", text, verdict, vec![])
    }
}

/// A number of employees that is out of date, and decides.
pub(super) fn stale_employees() -> pb::OpenInput {
    pb::OpenInput {
        term: "employees".to_owned(),
        term_text: words("Employees", "Mitarbeiterzahl"),
        absence: Absence::Stale.into(),
        text: words("Employees: out of date", "Mitarbeiterzahl: veraltet"),
        could_hold: true,
        could_fail: true,
        verdict_if_unchanged: Verdict::True.into(),
    }
}

/// "days with an order", observed and required.
pub(super) fn orders(observed: i64, gap_text: (&str, &str), verdict: Verdict) -> pb::Clause {
    let text = (
        format!("days with an order in the last 90 days: {observed}, required: at least 2"),
        format!("Bestelltage in den letzten 90 Tagen: {observed}, erforderlich: mindestens 2"),
    );
    let number = |number| value(Kind::IntValue(number));
    pb::Clause {
        term: "orders(days(90))".to_owned(),
        term_text: words(
            "days with an order in the last 90 days",
            "Bestelltage in den letzten 90 Tagen",
        ),
        operator: ComparisonOperator::GreaterThanOrEqual.into(),
        required_values: vec![number(2)],
        required_text: words("at least 2", "mindestens 2"),
        observed_value: Some(number(observed)),
        observed_text: words(&observed.to_string(), &observed.to_string()),
        gap: Some(number(observed - 2)),
        gap_text: words(gap_text.0, gap_text.1),
        is_decisive: true,
        ..joined(
            ClauseKind::Test,
            "orders(days(90)) >= 2",
            (&text.0, &text.1),
            verdict,
            vec![],
        )
    }
}

/// "not more than 3 contacts", with `observed` of them.
pub(super) fn few_contacts(observed: i64, gap_text: (&str, &str), is_decisive: bool) -> pb::Clause {
    let (term, begriff) = (
        "contacts in the last 90 days",
        "Kontakte in den letzten 90 Tagen",
    );
    let text = |required: &str, verlangt: &str| {
        (
            format!("{term}: {observed}, required: {required}"),
            format!("{begriff}: {observed}, erforderlich: {verlangt}"),
        )
    };
    let (plain, contrary) = (
        text("more than 3", "mehr als 3"),
        text("at most 3", "höchstens 3"),
    );
    let number = |number| value(Kind::IntValue(number));
    let contacts = pb::Clause {
        term: "contacts(days(90))".to_owned(),
        term_text: words(term, begriff),
        operator: ComparisonOperator::GreaterThan.into(),
        required_values: vec![number(3)],
        required_text: words("more than 3", "mehr als 3"),
        observed_value: Some(number(observed)),
        observed_text: words(&observed.to_string(), &observed.to_string()),
        gap: Some(number(observed - 3)),
        gap_text: words(
            &format!("{} short", 3 - observed),
            &format!("{} zu wenig", 3 - observed),
        ),
        is_decisive,
        ..joined(
            ClauseKind::Test,
            "(contacts(days(90)) > 3)",
            (&plain.0, &plain.1),
            Verdict::False,
            vec![],
        )
    };
    pb::Clause {
        gap_text: words(gap_text.0, gap_text.1),
        ..joined(
            ClauseKind::Not,
            "!(contacts(days(90)) > 3)",
            (&contrary.0, &contrary.1),
            Verdict::True,
            vec![contacts],
        )
    }
}
