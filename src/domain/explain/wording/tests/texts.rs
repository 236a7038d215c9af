//! Sentences of leaves, as people read them.

use super::{cases::definitions, compiled::Compiled};
use crate::domain::{
    explain::{
        value,
        wording::{Language, Wording},
    },
    rules::program::{Slot, Symbol},
};

/// The sentence of a leaf and its gap in both languages.
#[track_caller]
fn check_text(condition: &str, observed: Slot<'_>, english: &str, german: &str) {
    let definitions = definitions();
    let compiled = Compiled::new(condition, &definitions);
    let observed = match observed {
        Slot::Text(_, text) => compiled.program.text(text),
        other => other,
    };
    let (leaf, _) = compiled.leaf(Ok(observed));
    let wording = Wording::new(&leaf, &definitions);
    let gap = value::gap(&leaf, &definitions);
    let text = |language| {
        let text = wording.text(false, language);
        let gap = gap.and_then(|gap| wording.gap_text(&gap, false, language));
        gap.map_or_else(|| text.clone(), |gap| format!("{text} ({gap})"))
    };
    assert_eq!(text(Language::En), english);
    assert_eq!(text(Language::De), german);
}

#[test]
fn leaves_read_as_people_write() {
    check_text(
        "orders(days(90)) >= 3",
        Slot::Int(1),
        "days with an order in the last 90 days: 1, required: at least 3 (2 short)",
        "Bestelltage in den letzten 90 Tagen: 1, erforderlich: mindestens 3 (2 zu wenig)",
    );
    check_text(
        "spend(days(365)) < money('2500 EUR')",
        Slot::Int(375_000),
        "spend in the last 365 days: 3,750.00 EUR, required: less than 2,500.00 EUR (1,250.00 EUR over the limit)",
        "Umsatz in den letzten 365 Tagen: 3.750,00 EUR, erforderlich: weniger als 2.500,00 EUR (1.250,00 EUR über der Grenze)",
    );
    check_text(
        "contacts(days(30), 'phone') > 4",
        Slot::Int(4),
        "contacts by phone in the last 30 days: 4, required: more than 4 (exactly at the limit)",
        "Kontakte über phone in den letzten 30 Tagen: 4, erforderlich: mehr als 4 (genau an der Grenze)",
    );
    check_text(
        "employees >= 1250",
        Slot::Int(240),
        "Employees: 240 people, required: at least 1,250 people (1,010 people short)",
        "Mitarbeiterzahl: 240 Personen, erforderlich: mindestens 1.250 Personen (1.010 Personen zu wenig)",
    );
    check_text(
        "days_since_last_order <= days(90)",
        Slot::Int(91),
        "time since the last order: 91 days, required: at most 90 days (1 day over the limit)",
        "Zeit seit der letzten Bestellung: 91 Tage, erforderlich: höchstens 90 Tage (1 Tag über der Grenze)",
    );
    check_text(
        "tier >= 'gold'",
        Slot::Int(1),
        "tier: silver, required: at least gold (1 tier too low)",
        "Stufe: silver, erforderlich: mindestens gold (1 Stufe zu niedrig)",
    );
    check_text(
        "founded < day('2020-03-01')",
        Slot::Int(18_323),
        "Founded: 2020-03-02, required: before 2020-03-01 (1 day too late)",
        "Gegründet: 02.03.2020, erforderlich: vor dem 01.03.2020 (1 Tag zu spät)",
    );
    check_text(
        "sector in ['food', 'pharma']",
        Slot::Text(Symbol::NONE, "retail"),
        "Sector: retail, required: one of food, pharma",
        "Branche: retail, erforderlich: eines von food, pharma",
    );
    check_text(
        "kind != 'EMPLOYEE'",
        Slot::Text(Symbol::NONE, "COMPANY"),
        "kind of customer: company, required: not employee",
        "Kundenart: Firma, erforderlich: nicht Mitarbeiter",
    );
    check_text(
        "segment('s/first')",
        Slot::Bool(false),
        "member of First: no, required: yes",
        "gehört zu Erste: nein, erforderlich: ja",
    );
}

/// A probability a hair below the limit does not read as the limit.
#[test]
fn probabilities_that_differ_read_differently() {
    check_text(
        "probability_alive < 0.6",
        Slot::Num(0.35),
        "probability that the customer is still active: 35.0 %, required: less than 60.0 % (25.0 percentage points below)",
        "Wahrscheinlichkeit, dass der Kunde noch aktiv ist: 35,0 %, erforderlich: weniger als 60,0 % (25,0 Prozentpunkte darunter)",
    );
    check_text(
        "probability_alive < 0.6",
        Slot::Num(0.5999),
        "probability that the customer is still active: 59.99 %, required: less than 60.00 % (0.01 percentage points below)",
        "Wahrscheinlichkeit, dass der Kunde noch aktiv ist: 59,99 %, erforderlich: weniger als 60,00 % (0,01 Prozentpunkte darunter)",
    );
    check_text(
        "score >= 0.1",
        Slot::Num(0.300_000_000_000_000_04),
        "Score: 0.30000000000000004, required: at least 0.1 (0.2 above)",
        "Punkte: 0,30000000000000004, erforderlich: mindestens 0,1 (0,2 darüber)",
    );
    check_text(
        "score < 1.0",
        Slot::Num(1e300),
        "Score: 1e300, required: less than 1 (1e300 over the limit)",
        "Punkte: 1e300, erforderlich: weniger als 1 (1e300 über der Grenze)",
    );
}
