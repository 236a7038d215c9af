//! Answers of a server, as the tests expect them printed.

#![expect(clippy::unnecessary_wraps, reason = "as the messages hold their parts")]

use crate::pb::{self, Absence, ClauseKind, Verdict};

pub(super) fn words(en: &str, de: &str) -> Option<pb::LocalizedText> {
    Some(pb::LocalizedText {
        en: en.into(),
        de: de.into(),
    })
}

pub(super) fn joint(kind: ClauseKind, verdict: Verdict, parts: Vec<pb::Clause>) -> pb::Clause {
    pb::Clause {
        kind: kind.into(),
        verdict: verdict.into(),
        parts,
        ..Default::default()
    }
}

pub(super) fn test(
    text: &str,
    verdict: Verdict,
    subject: (&str, &str),
    found: [&str; 3],
) -> pb::Clause {
    let [observed, limit, unit] = found.map(str::to_owned);
    pb::Clause {
        kind: ClauseKind::Test.into(),
        text: text.into(),
        verdict: verdict.into(),
        subject: words(subject.0, subject.1),
        observed,
        limit,
        unit,
        ..Default::default()
    }
}

fn spend() -> pb::Clause {
    let spend = test(
        "spend(days(365)) >= money(\"2500 EUR\")",
        Verdict::False,
        (
            "Spend in the last 365 days",
            "Ausgaben in den letzten 365 Tagen",
        ),
        ["1,250.00 EUR", "2,500.00 EUR", "EUR"],
    );
    pb::Clause {
        gap: Some(-1_250.0),
        observed_text: words("1,250.00 EUR", "1.250,00 EUR"),
        limit_text: words("2,500.00 EUR", "2.500,00 EUR"),
        unit_text: words("EUR", "EUR"),
        ..spend
    }
}

fn employees() -> pb::Clause {
    let employees = test(
        "employees >= 1250",
        Verdict::False,
        ("Employees", "Mitarbeiterzahl"),
        ["240", "1,250", "people"],
    );
    pb::Clause {
        gap: Some(-1_010.0),
        observed_text: words("240", "240"),
        limit_text: words("1,250", "1.250"),
        unit_text: words("people", "Personen"),
        ..employees
    }
}

/// Not in a segment: too few orders, no papers wanted; complaints that are too old to count.
#[expect(clippy::too_many_lines, reason = "one message, field by field")]
pub(super) fn at_risk() -> pb::SegmentExplanation {
    let tier = test(
        "tier >= \"gold\"",
        Verdict::True,
        ("Tier", "Stufe"),
        ["gold", "gold", "tiers"],
    );
    let orders = test(
        "orders(days(90)) >= 3",
        Verdict::False,
        (
            "Orders in the last 90 days",
            "Bestellungen in den letzten 90 Tagen",
        ),
        ["1", "3", "orders"],
    );
    let papers = test(
        "needs_validation_papers",
        Verdict::True,
        ("Needs papers", "Braucht Unterlagen"),
        ["yes", "yes", ""],
    );
    let complaints = test(
        "complaints_12m >= 2",
        Verdict::Unknown,
        ("Complaints", "Beschwerden"),
        ["", "2", ""],
    );
    let dated = |clause: pb::Clause, day: &str| pb::Clause {
        source: "crm".into(),
        observed_on: day.into(),
        ..clause
    };
    let parts = vec![
        pb::Clause {
            gap: Some(0.0),
            ..tier
        },
        pb::Clause {
            gap: Some(-2.0),
            ..orders
        },
        spend(),
        employees(),
        joint(
            ClauseKind::Not,
            Verdict::False,
            vec![dated(papers, "2026-01-30")],
        ),
        joint(
            ClauseKind::Any,
            Verdict::Unknown,
            vec![pb::Clause {
                absence: Absence::Stale.into(),
                ..dated(complaints, "2025-01-31")
            }],
        ),
    ];
    pb::SegmentExplanation {
        segment: "attention/at_risk".into(),
        title: words("At risk", "Gefährdet"),
        verdict: Verdict::False.into(),
        clause: Some(joint(ClauseKind::All, Verdict::False, parts)),
        open_inputs: vec![pb::OpenInput {
            input: "Complaints".into(),
            absence: Absence::Stale.into(),
            name: "complaints_12m".into(),
            text: words("Complaints", "Beschwerden"),
        }],
        reasons: vec![pb::ReasonCode {
            code: "ORDERS_BELOW".into(),
            text: words(
                "Orders in the last 90 days: 1, below 3",
                "Bestellungen: 1, unter 3",
            ),
        }],
        ..Default::default()
    }
}

pub(super) fn euros(amount_minor: i64) -> Option<pb::Money> {
    Some(pb::Money {
        amount_minor,
        currency: "EUR".into(),
    })
}

/// Platinum is asked for, gold is held.
pub(super) fn platinum() -> pb::TierExplanation {
    let distance = |tier: &str, amount| {
        Some(pb::TierDistance {
            tier: tier.into(),
            distance: euros(amount),
        })
    };
    pb::TierExplanation {
        tier: "platinum".into(),
        holds: false,
        held: Some(pb::Tier {
            name: "gold".into(),
            rank: 2,
            unrated_reason: 0,
        }),
        lifetime_value: euros(123_400),
        minimum_value: euros(250_000),
        gap: euros(-126_600),
        next_better: distance("platinum", 126_600),
        next_lower: distance("silver", 63_400),
        reasons: vec![],
    }
}

pub(super) fn answer(segments: Vec<pb::SegmentExplanation>) -> pb::ExplainSegmentResponse {
    let is_tier = segments.is_empty();
    pb::ExplainSegmentResponse {
        r#match: pb::Match::One.into(),
        explanation: Some(pb::Explanation {
            customer_id: "c-1".into(),
            display_name: "Ada Maier".into(),
            tier: is_tier.then(platinum),
            segments,
        }),
        provenance: Some(pb::Provenance {
            as_of: "2026-01-31".into(),
            data_time: Some(prost_types::Timestamp {
                seconds: 1_769_760_900,
                nanos: 0,
            }),
            profile_version: 7,
            basis_id: "r1-m1-EUR".into(),
            ..Default::default()
        }),
        ..Default::default()
    }
}
