//! Answers of a server, as the tests expect them printed.

#![expect(clippy::unnecessary_wraps, reason = "as the messages hold their parts")]

use crate::pb::typed_value::Kind;
use crate::pb::{self, Absence, ClauseKind, ComparisonOperator, Verdict};

pub(super) fn words(en: &str, de: &str) -> Option<pb::LocalizedText> {
    Some(pb::LocalizedText {
        en: en.into(),
        de: de.into(),
    })
}

pub(super) fn joint(
    kind: ClauseKind,
    verdict: Verdict,
    text: (&str, &str),
    parts: Vec<pb::Clause>,
) -> pb::Clause {
    pb::Clause {
        kind: kind.into(),
        verdict: verdict.into(),
        text: words(text.0, text.1),
        parts,
        ..Default::default()
    }
}

/// A value without a unit.
pub(super) fn value(kind: Kind) -> pb::TypedValue {
    pb::TypedValue {
        kind: Some(kind),
        unit: None,
    }
}

fn orders() -> pb::Clause {
    let text = (
        "orders in the last 90 days: 1, required: at least 3",
        "Bestellungen in den letzten 90 Tagen: 1, erforderlich: mindestens 3",
    );
    pb::Clause {
        expression: "orders(days(90)) >= 3".into(),
        term: "orders(days(90))".into(),
        operator: ComparisonOperator::GreaterThanOrEqual.into(),
        required_values: vec![value(Kind::IntValue(3))],
        observed_value: Some(value(Kind::IntValue(1))),
        gap: Some(value(Kind::IntValue(-2))),
        gap_text: words("2 short", "2 zu wenig"),
        is_decisive: true,
        ..joint(ClauseKind::Test, Verdict::False, text, vec![])
    }
}

fn spend() -> pb::Clause {
    let text = (
        "spend in the last 365 days: 1,250.00 EUR, required: at least 2,500.00 EUR",
        "Umsatz in den letzten 365 Tagen: 1.250,00 EUR, erforderlich: mindestens 2.500,00 EUR",
    );
    let money = |amount| euros(amount).map(Kind::MoneyValue).map(value);
    pb::Clause {
        term: "spend(days(365))".into(),
        operator: ComparisonOperator::GreaterThanOrEqual.into(),
        required_values: money(250_000).into_iter().collect(),
        observed_value: money(125_000),
        gap: money(-125_000),
        gap_text: words("1,250.00 EUR short", "1.250,00 EUR zu wenig"),
        origin_text: words("converted from USD", "umgerechnet aus USD"),
        converted_from: vec!["USD".into()],
        ..joint(ClauseKind::Test, Verdict::False, text, vec![])
    }
}

/// Papers are needed, which must not be so.
fn no_papers() -> pb::Clause {
    let origin = words("crm, 1 day old", "crm, 1 Tag alt");
    let papers = pb::Clause {
        origin_text: origin.clone(),
        source: "crm".into(),
        observed_on: "2026-01-30".into(),
        age_days: Some(1),
        ..joint(
            ClauseKind::Test,
            Verdict::True,
            (
                "needs papers: yes, required: yes",
                "braucht Unterlagen: ja, erforderlich: ja",
            ),
            vec![],
        )
    };
    pb::Clause {
        origin_text: origin,
        ..joint(
            ClauseKind::Not,
            Verdict::False,
            (
                "needs papers: yes, required: no",
                "braucht Unterlagen: ja, erforderlich: nein",
            ),
            vec![papers],
        )
    }
}

fn complaints() -> pb::Clause {
    let text = (
        "complaints: out of date, required: at least 2",
        "Beschwerden: veraltet, erforderlich: mindestens 2",
    );
    pb::Clause {
        term: "complaints_12m".into(),
        operator: ComparisonOperator::GreaterThanOrEqual.into(),
        required_values: vec![pb::TypedValue {
            unit: words("letters", "Briefe"),
            ..value(Kind::IntValue(2))
        }],
        absence: Absence::Stale.into(),
        origin_text: words("crm, 365 days old", "crm, 365 Tage alt"),
        source: "crm".into(),
        observed_on: "2025-01-31".into(),
        age_days: Some(365),
        ..joint(ClauseKind::Test, Verdict::Unknown, text, vec![])
    }
}

/// Not in a segment: too few orders, papers needed; complaints that are out of date.
pub(super) fn at_risk() -> pb::SegmentExplanation {
    let (all, any, not) = (
        ("all of these must hold", "alles davon muss zutreffen"),
        ("one of these is enough", "eines davon genügt"),
        ("this must not hold", "dies darf nicht zutreffen"),
    );
    let open = joint(ClauseKind::Any, Verdict::Unknown, any, vec![complaints()]);
    let parts = vec![
        orders(),
        spend(),
        no_papers(),
        joint(ClauseKind::Not, Verdict::Unknown, not, vec![open]),
    ];
    pb::SegmentExplanation {
        segment: "attention/at_risk".into(),
        title: words("At risk", "Gefährdet"),
        verdict: Verdict::False.into(),
        outcome_text: words("not in", "gehört nicht dazu"),
        clause: Some(joint(ClauseKind::All, Verdict::False, all, parts)),
        open_inputs: vec![pb::OpenInput {
            term: "complaints_12m".into(),
            term_text: words("complaints", "Beschwerden"),
            absence: Absence::Stale.into(),
            text: words("complaints: out of date", "Beschwerden: veraltet"),
            could_hold: false,
            could_fail: true,
            verdict_if_unchanged: Verdict::False.into(),
        }],
        reasons: vec![pb::ReasonCode {
            code: "ORDERS".into(),
            text: orders().text,
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
        outcome_text: words(
            "not held, the customer holds gold",
            "nicht erreicht, der Kunde hat gold",
        ),
        holds: false,
        held: Some(pb::Tier {
            name: "gold".into(),
            rank: 2,
            unrated_reason: 0,
        }),
        lifetime_value: euros(123_400),
        minimum_value: euros(250_000),
        gap: euros(-126_600),
        oldest_rate: None,
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
            extrapolated_covariates: vec![],
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
