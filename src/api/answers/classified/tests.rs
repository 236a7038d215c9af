//! An answer with every field set is written as the message has it.
//!
//! The messages are taken apart without `..`: a field that is added to one of them does not compile here until somebody has looked whether
//! it is written.

use crate::{
    domain::{
        assess::{
            Assessment,
            tiers::Unrated,
            valuation::{MissingRate, Valuation},
            valued::Valued,
        },
        basis::Revision,
        customer::{
            CustomerKind,
            profile::{DatedProfile, History, Profile},
        },
        definitions::{Sla, Stranger, Treatment, TreatmentField, calendars::CalendarId},
        explain::{memberships::WordedReason, reasons::ReasonCode},
        fitted::parameters::ExtrapolatedCovariate,
        money::{Currency, major_to_money},
        rules::{condition::SegmentId, program::Verdict},
        text::CustomerId,
    },
    service::answer::classify::Answer,
};

use super::*;
use crate::domain::rates::UsedRate;

const DOCUMENT: &str =
    "value: {currency: EUR, horizon_months: 12, monthly_discount: 1 %, basis: revenue}
tiers: [{name: gold, at_least: 100 EUR}, {name: silver}]
calendars: {office: {zone: UTC, hours: {mon-fri: 08:00-18:00}}}
schemes:
  s:
    mode: overlapping
    description: d
    segments:
      - {name: a, title: {en: Regulars, de: Stammkunden}, when: \"days_since_last_order < 90\"}
treatments:
  tiers:
    gold: {sla: {response: 1 h}, queue: a}
    silver: {sla: {response: 1 h}, queue: a}
    UNRATED: {sla: {response: 1 h}, queue: a, check_ins: {from: first_purchase, steps: [{every: 7 d, for: 28 d}]}}
  segments: [{segment: s/a, skills: [english]}]
attributes:
  ci: {family: technographic, type: text, description: Configuration item, reference: cmdb}
";

fn words(text: &str) -> LocalizedText {
    LocalizedText {
        en: text.into(),
        de: Some(format!("{text} auf Deutsch").into()),
    }
}

fn treatment() -> AssignedTreatment {
    let segment = TreatmentChoice::Segment {
        segment: SegmentId(0),
        entry: 0,
    };
    let tier = TreatmentChoice::Tier;
    AssignedTreatment {
        treatment: Treatment {
            sla: Some(Sla {
                response_minutes: 60,
                resolution_minutes: Some(480),
                hours: Some("24x7".into()),
                calendar: Some(CalendarId(0)),
                extent: Some(words("parts and labour")),
            }),
            queue: Some("vip".into()),
            skills: Some(["english".into()].into()),
            channels: Some(["phone".into(), "email".into()].into()),
            services: Some(["callback".into()].into()),
            playbook: Some([words("greet"), words("listen")].into()),
            priority: Some(80),
            fallback_queues: Some(["service".into()].into()),
            roles: Some(["senior_agent".into()].into()),
            automation: Some(true),
            tone: Some(words("formal")),
            language: Some("de-AT".into()),
            check_ins: {
                let definitions = Definitions::read(DOCUMENT).unwrap();
                definitions
                    .treatments()
                    .of_stranger(Stranger::Unknown)
                    .0
                    .check_ins
            },
            articles: Some(["faq".into()].into()),
            request_forms: Some(["move".into()].into()),
        },
        choices: std::array::from_fn(|at| if at % 2 == 0 { tier } else { segment }),
    }
}

/// An answer about one customer with every field set.
fn answer(is_rated: bool) -> Answer<Classified> {
    let definitions = Arc::new(Definitions::read(DOCUMENT).unwrap());
    let revision = Revision::published(1, definitions);
    let currency: Currency = "EUR".parse().unwrap();
    let basis = Arc::new(Basis::new(revision, None, Some(currency), Arc::default()));
    let as_of: Day = "2026-06-30".parse().unwrap();
    let profile = Profile {
        customer_id: CustomerId::new("ada").unwrap(),
        version: 7,
        kind: CustomerKind::Company,
        display_name: Some("Ada Ltd".into()),
        recorded_at: "2026-06-01T10:00:00.5Z".parse().unwrap(),
        members: Box::default(),
        history: History::default(),
    };
    let value = is_rated.then_some(120.5).ok_or(Unrated::NoRate);
    let classified = Classified {
        routing: None,
        route_inputs: None,
        oldest_rate: Some(UsedRate {
            day: as_of,
            from: "USD".parse().unwrap(),
            to: currency,
        }),
        profile: DatedProfile::new(Arc::new(profile), as_of).unwrap(),
        assessment: Assessment {
            valued: Valued {
                valuation: Valuation {
                    inputs: None,
                    orders: None,
                    extrapolated_covariates: vec![ExtrapolatedCovariate {
                        name: "age".to_owned(),
                        value: 95.0,
                        fitted: [18.0, 80.0],
                    }],
                    expected_spend_per_order: None,
                    spend_history: None,
                    expected_margin_per_order: None,
                    transaction_value: None,
                    contracts: None,
                    expected_cost_to_serve: None,
                    lifetime_value: value.map(|value| major_to_money(value, currency).unwrap()),
                },
                tier: value.map(|value| basis.revision.tiers.of_value(value)),
            },
            standings: vec![],
            treatment: Some(treatment()),
            next_check_in: Some(as_of),
        },
        references: vec![(0, vec!["CI-1".into()])],
        memberships: vec![Membership {
            segment: SegmentId(0),
            verdict: Verdict::True,
            reasons: vec![WordedReason {
                code: ReasonCode::LastOrder,
                text: words("bought lately"),
            }],
        }],
        missing_rates: vec![MissingRate {
            from: "USD".parse().unwrap(),
            to: Some(currency),
            day: as_of,
        }],
    };
    Answer {
        contact: None,
        found: Match::One(Box::new(classified)),
        as_of,
        basis,
        stale_since: None,
    }
}

/// The message as the writer writes it, which must be the one that is built.
#[track_caller]
fn written(answer: &Answer<Classified>) -> pb::ClassifyResponse {
    let (writer, expected) = (ClassifyWriter::default(), classify_response(answer));
    // The second time, what was encoded for the first one is copied.
    for _ in 0..2 {
        let mut bytes = vec![];
        writer.write(answer, &mut bytes);
        assert_eq!(pb::ClassifyResponse::decode(&*bytes).unwrap(), expected);
    }
    expected
}

#[track_caller]
fn assert_set<T: Default + PartialEq>(value: &T) {
    assert!(*value != T::default(), "a field is not set");
}

#[test]
fn an_answer_with_every_field_is_written_as_its_message() {
    let pb::ClassifyResponse {
        r#match,
        classification,
        provenance,
        // Of several customers: such an answer is encoded from its message.
        candidates: _,
        candidate_count: _,
        shared: _,
        treatment: _,
        question: _,
        // Of a subject that cannot be read: there is no answer.
        violations: _,
    } = written(&answer(true));
    assert_set(&r#match);
    assert_provenance(provenance.unwrap());
    let pb::Classification {
        customer_id,
        kind,
        display_name,
        tier,
        lifetime_value,
        provenance,
        segments,
        treatment,
        missing_rates,
        extrapolated_covariates,
        next_check_in,
        references,
        oldest_rate,
    } = classification.unwrap();
    assert_set(&customer_id);
    assert_set(&kind);
    assert_set(&display_name);
    let pb::Tier {
        name,
        rank,
        // Of UNRATED: see the next test.
        unrated_reason: _,
    } = tier.unwrap();
    assert_set(&name);
    assert_set(&rank);
    let pb::Money {
        amount_minor,
        currency,
    } = lifetime_value.unwrap();
    assert_set(&amount_minor);
    assert_set(&currency);
    assert_provenance(provenance.unwrap());
    for segment in segments {
        assert_segment(segment);
    }
    assert_treatment(treatment.unwrap());
    assert_set(&missing_rates);
    assert_set(&extrapolated_covariates);
    assert_set(&next_check_in);
    let pb::UsedRate {
        day,
        from_currency,
        to_currency,
    } = oldest_rate.unwrap();
    for text in [day, from_currency, to_currency] {
        assert_set(&text);
    }
    for pb::Reference {
        system,
        attribute,
        ids,
    } in references
    {
        assert_eq!((&*system, &*attribute), ("cmdb", "ci"));
        assert_eq!(ids, ["CI-1"]);
    }
}

#[test]
fn an_unrated_customer_is_written_with_the_reason() {
    let classification = written(&answer(false)).classification.unwrap();
    assert_set(&classification.tier.unwrap().unrated_reason);
    assert_eq!(classification.lifetime_value, None);
}

#[track_caller]
fn assert_provenance(provenance: pb::Provenance) {
    let pb::Provenance {
        as_of,
        data_time,
        profile_version,
        basis_id,
        // Added to finished bytes: see `marked_stale`.
        stale: _,
        confirmed_time: _,
    } = provenance;
    assert_set(&as_of);
    assert_set(&data_time);
    assert_set(&profile_version);
    assert_set(&basis_id);
}

#[track_caller]
fn assert_segment(membership: pb::SegmentMembership) {
    let pb::SegmentMembership {
        segment,
        title,
        verdict,
        reasons,
    } = membership;
    assert_set(&segment);
    assert_localized(title.unwrap());
    assert_set(&verdict);
    assert_set(&reasons);
    for pb::ReasonCode { code, text } in reasons {
        assert_set(&code);
        assert_localized(text.unwrap());
    }
}

#[track_caller]
fn assert_treatment(treatment: pb::Treatment) {
    let pb::Treatment {
        response_minutes,
        resolution_minutes,
        service_hours,
        queue,
        skills,
        channels,
        services,
        playbook,
        decided_by,
        priority,
        fallback_queues,
        roles,
        automation_allowed,
        tone,
        language,
        calendar,
        extent,
        articles,
        request_forms,
    } = treatment;
    assert_set(&response_minutes);
    assert_set(&resolution_minutes);
    assert_set(&service_hours);
    assert_set(&queue);
    assert_set(&skills);
    assert_set(&channels);
    assert_set(&services);
    assert_set(&playbook);
    assert_set(&priority);
    assert_set(&fallback_queues);
    assert_set(&roles);
    assert_set(&automation_allowed);
    assert_localized(tone.unwrap());
    assert_set(&language);
    assert_set(&calendar);
    assert_localized(extent.unwrap());
    assert_set(&articles);
    assert_set(&request_forms);
    assert_eq!(decided_by.len(), TreatmentField::ALL.len());
}

#[track_caller]
fn assert_localized(words: pb::LocalizedText) {
    let pb::LocalizedText { en, de } = words;
    assert_set(&en);
    assert_set(&de);
}
