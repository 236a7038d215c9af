//! Explanations of customers of the example, and the claim that the reasons given suffice.

mod fixed_reasons;
mod statement;
mod sufficient;
mod tier;
mod windows;

use std::sync::Arc;

use self::fixed_reasons::assert_worded;
use super::{
    Explainer, Explanation, Gap,
    statement::ClauseStatement,
    value::{self, Unit, Value},
    wording::{self, Language},
};
use crate::domain::{
    assess::{
        segments::{self, Decided},
        tiers::{TierList, Unrated},
        valuation::{OrderOutlook, Valuation},
        valued::Valued,
    },
    calendar::Day,
    customer::{
        CustomerKind,
        facts::{AttributeFact, AttributeValue},
        profile::{ContactDay, DatedProfile, History, Profile, PurchaseDay},
    },
    definitions::Definitions,
    fitted::parameters::{Estimation, Selection},
    money::major_to_money,
    rates::RateTable,
    rules::program::{Absence, Verdict},
    text::CustomerId,
};

const EXAMPLE: &str = include_str!("../../../examples/definitions.yaml");

fn definitions() -> Definitions {
    Definitions::read(EXAMPLE).unwrap()
}

fn as_of() -> Day {
    "2026-06-30".parse().unwrap()
}

/// A customer to whom things are added.
struct Customer {
    profile: Profile,
    value_major: Option<f64>,
    probability_alive: f64,
}

impl Customer {
    fn new(kind: CustomerKind) -> Self {
        let profile = Profile {
            customer_id: CustomerId::new("c1").unwrap(),
            version: 1,
            kind,
            display_name: None,
            recorded_at: jiff::Timestamp::UNIX_EPOCH,
            members: Box::default(),
            history: History::default(),
        };
        Self {
            profile,
            value_major: None,
            probability_alive: 0.9,
        }
    }

    fn attribute(mut self, name: &str, days_ago: i32, value: AttributeValue) -> Self {
        let attributes = &mut self.profile.history.attributes;
        attributes.push(AttributeFact {
            name: name.into(),
            value: Some(value),
            observed_on: as_of().plus_days(-days_ago),
            source: "crm".into(),
            profile_version: 1,
        });
        attributes.sort_by(|one, other| one.name.cmp(&other.name));
        self
    }

    fn bought(mut self, days_ago: &[i32], amount_minor: i64) -> Self {
        for &days in days_ago {
            self.profile.history.purchases.push(PurchaseDay {
                day: as_of().plus_days(-days),
                currency: "EUR".parse().unwrap(),
                category: None,
                count: 1,
                amount_minor,
                costed_amount_minor: 0,
                cost_minor: 0,
                foreign_refunds: None,
            });
        }
        self.profile
            .history
            .purchases
            .sort_by_key(|entry| entry.day);
        self
    }

    fn called(mut self, days_ago: i32, count: u32, cost_minor: Option<i64>) -> Self {
        self.profile.history.contacts.push(ContactDay {
            day: as_of().plus_days(-days_ago),
            channel: "phone".into(),
            currency: cost_minor.map(|_| "EUR".parse().unwrap()),
            count,
            cost_minor: cost_minor.unwrap_or(0),
            duration_seconds: 0,
        });
        self.profile.history.contacts.sort_by_key(|entry| entry.day);
        self
    }

    fn worth(mut self, value_major: f64, probability_alive: f64) -> Self {
        self.value_major = Some(value_major);
        self.probability_alive = probability_alive;
        self
    }

    /// The example has as many tiers as the built-in list, whose thresholds are 1,000, 250 and 50.
    fn valued(&self) -> Valued {
        let eur = "EUR".parse().unwrap();
        let value = self.value_major.ok_or(Unrated::NoPurchase);
        Valued {
            valuation: Valuation {
                inputs: None,
                orders: self.value_major.map(|_| OrderOutlook {
                    probability_alive: self.probability_alive,
                    probability_alive_identified: true,
                    expected_orders: 1.0,
                    season_factor: None,
                    parameters: Selection::Pooled,
                    estimation: Estimation::MaximumLikelihood,
                }),
                extrapolated_covariates: vec![],
                expected_spend_per_order: None,
                spend_history: None,
                expected_margin_per_order: None,
                transaction_value: None,
                contracts: None,
                expected_cost_to_serve: None,
                lifetime_value: value.map(|value| major_to_money(value, eur).unwrap()),
            },
            tier: value.map(|value| TierList::built_in().of_value(value)),
        }
    }

    /// Calls `check` with the explainer of the customer.
    fn with_explainer<T>(
        &self,
        check: impl FnOnce(&mut Explainer<'_>, &Arc<Definitions>) -> T,
    ) -> T {
        let definitions = Arc::new(definitions());
        let dated = DatedProfile::new(Arc::new(self.profile.clone()), as_of()).unwrap();
        let (rates, valued) = (RateTable::default(), self.valued());
        let (decided, standings) = Decided::new(&definitions, &rates, dated.view(), &valued);
        check(&mut Explainer::new(decided, &standings), &definitions)
    }

    /// Calls `check` with the explanation of one segment.
    #[track_caller]
    fn explained(&self, segment: &str, check: impl FnOnce(&Explanation<'_>, &Definitions)) {
        self.stated(
            &Arc::new(definitions()),
            segment,
            |explanation, _, definitions| {
                check(explanation, definitions);
            },
        );
    }

    /// The same with the texts of its clauses.
    #[track_caller]
    fn stated(
        &self,
        definitions: &Arc<Definitions>,
        segment: &str,
        check: impl FnOnce(&Explanation<'_>, &ClauseStatement<'_>, &Definitions),
    ) {
        let dated = DatedProfile::new(Arc::new(self.profile.clone()), as_of()).unwrap();
        let (rates, valued) = (RateTable::default(), self.valued());
        let (decided, standings) = Decided::new(definitions, &rates, dated.view(), &valued);
        let mut explainer = Explainer::new(decided, &standings);
        let id = definitions.vocabulary().segment_id(segment).unwrap();
        let explanation = explainer.explain(id);
        let reasons = explainer.reasons(id);
        assert_eq!(reasons, explanation.reasons);
        assert_worded(&reasons, definitions);
        let statement = explainer.statement(&explanation);
        check(&explanation, &statement, definitions);
    }

    /// The segments that the customer is in.
    fn segments(&self) -> Vec<String> {
        self.with_explainer(|explainer, definitions| {
            segments::members(explainer.standings())
                .map(|id| definitions.segment(id).name.to_string())
                .collect()
        })
    }
}

fn sentences(
    explanation: &Explanation<'_>,
    definitions: &Definitions,
    language: Language,
) -> Vec<String> {
    explanation
        .reasons
        .iter()
        .map(|reason| {
            format!(
                "{}: {}",
                reason.code.as_str(),
                wording::reason(reason, definitions, language)
            )
        })
        .collect()
}

#[test]
fn a_member_is_told_why_in_two_languages() {
    let customer = Customer::new(CustomerKind::Person)
        .bought(&[700, 400, 200], 5_000)
        .worth(300.0, 0.55);
    customer.explained("attention/at_risk", |explanation, definitions| {
        assert_eq!(explanation.standing.verdict, Verdict::True);
        assert!(explanation.standing.is_member);
        assert_eq!(
            sentences(explanation, definitions, Language::En),
            [
                "TIER: tier: gold, required: at least gold",
                "PROBABILITY_ALIVE: probability that the customer is still active: 55.0 %, required: less than 60.0 %",
            ]
        );
        assert_eq!(
            sentences(explanation, definitions, Language::De),
            [
                "TIER: Stufe: gold, erforderlich: mindestens gold",
                "PROBABILITY_ALIVE: Wahrscheinlichkeit, dass der Kunde noch aktiv ist: 55,0 %, erforderlich: weniger als 60,0 %",
            ]
        );
        let signs = &explanation.tree.parts[1];
        assert_eq!(signs.parts[1].text, "days_since_last_order > days(180)");
        assert_eq!(signs.parts[1].leaf.unwrap().gap, Some(Gap::Int(20)));
        assert_eq!(signs.parts[2].verdict, Verdict::Unknown, "no complaints are recorded");
        assert_eq!(explanation.inputs, [], "complaints could not change it");
    });
}

#[test]
fn a_non_member_is_told_what_failed_and_by_how_much() {
    let customer = Customer::new(CustomerKind::Person)
        .bought(&[400, 10], 5_000)
        .worth(60.0, 0.9);
    customer.explained("attention/at_risk", |explanation, definitions| {
        assert_eq!(explanation.standing.verdict, Verdict::False);
        assert_eq!(
            sentences(explanation, definitions, Language::De),
            ["TIER: Stufe: silver, erforderlich: mindestens gold"]
        );
        let leaf = explanation.tree.parts[0].leaf.unwrap();
        assert_eq!(
            value::gap(&leaf, definitions),
            Some(Value::Int(-1, Unit::Tiers))
        );
    });
}

/// A8 of the capability checklist: the number of employees is three years old.
#[test]
fn a_stale_input_is_unknown_and_named_with_what_it_could_change() {
    let customer = Customer::new(CustomerKind::Company)
        .attribute("employees", 1_095, AttributeValue::Int(340))
        .attribute("installed_devices", 30, AttributeValue::Int(12));
    customer.explained("attention/enterprise", |explanation, definitions| {
        assert_eq!(explanation.standing.verdict, Verdict::Unknown);
        assert!(
            !explanation.standing.is_member,
            "the segment excludes the unknown"
        );
        let [input] = explanation.inputs.as_slice() else {
            panic!("{:?}", explanation.inputs);
        };
        assert_eq!(input.absence, Absence::Stale);
        assert_eq!((input.could_hold, input.could_fail), (true, true));
        assert_eq!(input.if_unchanged, Some(Verdict::True));
        let recorded = input.recorded.unwrap();
        assert_eq!((recorded.age_days, &**recorded.source), (1_095, "crm"));
        assert_eq!(
            sentences(explanation, definitions, Language::De),
            ["INPUT_STALE: Mitarbeiterzahl: veraltet, erforderlich: mindestens 250 Personen"]
        );
    });
}

#[test]
fn several_missing_inputs_are_named_although_none_alone_decides() {
    let customer = Customer::new(CustomerKind::Company);
    customer.explained("attention/enterprise", |explanation, _| {
        assert_eq!(explanation.standing.verdict, Verdict::Unknown);
        let flips: Vec<(bool, bool)> = explanation
            .inputs
            .iter()
            .map(|input| (input.could_hold, input.could_fail))
            .collect();
        assert_eq!(
            flips,
            [(true, false), (true, false)],
            "either can make it hold, only both together make it fail"
        );
    });
}

/// A2 of the capability checklist.
#[test]
fn a_trainee_is_a_trainee_and_no_other_colleague() {
    let customer =
        Customer::new(CustomerKind::Employee).attribute("trainee", 10, AttributeValue::Bool(true));
    assert_eq!(customer.segments(), ["internal/trainees"]);
    customer.explained("internal/colleagues", |explanation, definitions| {
        assert_eq!(explanation.standing.verdict, Verdict::True);
        assert!(!explanation.standing.is_member);
        assert_eq!(
            sentences(explanation, definitions, Language::De),
            ["EARLIER_SEGMENT: schon im früheren Segment Auszubildende"]
        );
    });
}

/// A6 of the capability checklist.
#[test]
fn an_unprofitable_customer_of_high_potential_is_a_growth_candidate() {
    let customer = Customer::new(CustomerKind::Company)
        .bought(&[30], 1_000)
        .worth(10.0, 0.9)
        .attribute("potential_class", 5, AttributeValue::Text("high".into()));
    assert_eq!(
        customer.segments(),
        ["profitability/growth", "lifecycle/onboarding"]
    );
}

#[test]
fn an_unrated_customer_is_outside_what_asks_for_a_tier() {
    let customer = Customer::new(CustomerKind::Person);
    assert_eq!(customer.segments(), ["lifecycle/lead"]);
    customer.explained("profitability/profitable", |explanation, definitions| {
        assert_eq!(explanation.standing.verdict, Verdict::Unknown);
        assert_eq!(
            sentences(explanation, definitions, Language::En),
            ["UNRATED: tier: not rated, required: at least silver"]
        );
    });
}

#[test]
fn an_earlier_segment_takes_only_whom_the_segment_would_have_had() {
    let lead = Customer::new(CustomerKind::Person);
    lead.explained("lifecycle/lost", |explanation, _| {
        assert_eq!(explanation.standing.verdict, Verdict::Unknown);
        assert_eq!(
            explanation.preempted_by, None,
            "the unknown is left out here"
        );
        assert_eq!(explanation.reasons[0].code.as_str(), "UNRATED");
    });
    lead.explained("lifecycle/onboarding", |explanation, definitions| {
        assert_eq!(explanation.standing.verdict, Verdict::Unknown);
        let preempted_by = explanation
            .preempted_by
            .map(|id| &*definitions.segment(id).name);
        assert_eq!(
            preempted_by,
            Some("lifecycle/lead"),
            "the unknown counts here"
        );
        assert_eq!(explanation.reasons[0].code.as_str(), "EARLIER_SEGMENT");
    });
}
