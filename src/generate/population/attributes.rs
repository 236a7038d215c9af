//! What is known of invented customers beside what they did: attributes of every family of the example's definitions, with gaps, ages
//! and sources as they are found in practice.
//!
//! Each attribute is known of a share of those it applies to, observed on a day that is uniform over a span. Where the span is longer
//! than the example's maximum age, some values are too old to count. Attributes are independent of one another but for those that
//! follow from a contract, a sector or the contacts.

use jiff::Span;
use jiff::civil::Date;

use super::CRM;
use crate::generate::history::{HISTORY_DAYS, History};
use crate::generate::random::Random;
use crate::pb;
use crate::pb::CustomerKind;
use crate::pb::attribute_value::Value;

const REGIONS: [&str; 7] = [
    "Berlin", "Hamburg", "Bayern", "Sachsen", "Tirol", "Zürich", "Oslo",
];
const SECTORS: [&str; 6] = [
    "food",
    "pharma",
    "machinery",
    "machinery",
    "retail",
    "other",
];
const DEPARTMENTS: [&str; 5] = ["logistics", "sales", "workshop", "accounting", "it"];
/// Share of colleagues who are trainees.
const TRAINEES: f64 = 0.2;

/// Where a value comes from, of how many customers it is known, and how old it is at most, in days.
struct Origin {
    source: &'static str,
    known: f64,
    oldest: usize,
}

const fn origin(source: &'static str, known: f64, oldest: usize) -> Origin {
    Origin {
        source,
        known,
        oldest,
    }
}

/// What human resources say of a trainee who began lately.
pub(super) fn trainee(as_of: Date) -> pb::AttributeValue {
    let observed = as_of.saturating_sub(Span::new().days(30));
    pb::AttributeValue {
        name: "trainee".to_owned(),
        value: Some(Value::BoolValue(true)),
        observed_on: observed.to_string(),
        source: "hr".to_owned(),
    }
}

/// Collects the attributes of one customer.
struct Collector<'a> {
    as_of: Date,
    random: &'a mut Random,
    found: Vec<pb::AttributeValue>,
}

/// The attributes of a customer.
pub(super) fn attributes(
    kind: CustomerKind,
    history: &History,
    as_of: Date,
    random: &mut Random,
) -> Vec<pb::AttributeValue> {
    let mut collector = Collector {
        as_of,
        random,
        found: Vec::new(),
    };
    collector.everybody();
    match kind {
        CustomerKind::Employee => collector.colleague(),
        CustomerKind::Company => {
            collector.customer(history);
            collector.company();
        }
        CustomerKind::Person | CustomerKind::Unspecified => {
            collector.customer(history);
            collector.person();
        }
    }
    collector.found
}

impl Collector<'_> {
    /// Adds a value if it is known. It is drawn either way, so that a changed share changes no other value.
    fn add(&mut self, name: &str, origin: &Origin, value: Value) {
        let known = self.random.chance(origin.known);
        let ago = i32::try_from(self.random.below(origin.oldest)).unwrap_or(0);
        if known {
            let observed_on = self.as_of.saturating_sub(Span::new().days(ago));
            self.found.push(pb::AttributeValue {
                name: name.to_owned(),
                value: Some(value),
                observed_on: observed_on.to_string(),
                source: origin.source.to_owned(),
            });
        }
    }

    fn yes(&mut self, probability: f64) -> Value {
        Value::BoolValue(self.random.chance(probability))
    }

    fn one_of(&mut self, among: &[&str]) -> Value {
        Value::TextValue((*self.random.pick(among)).to_owned())
    }

    fn below(&mut self, count: usize) -> i64 {
        i64::try_from(self.random.below(count)).unwrap_or(0)
    }

    /// Geographic and technographic.
    fn everybody(&mut self) {
        let country = self.one_of(&["DE", "DE", "DE", "DE", "AT", "CH", "NO"]);
        self.add("country", &origin(CRM, 0.95, 1_500), country);
        let region = self.one_of(&REGIONS);
        self.add("region", &origin(CRM, 0.8, 1_300), region);
        let portal = self.yes(0.45);
        self.add("portal_user", &origin("portal", 0.7, 240), portal);
    }

    /// Behaviour, value, psychographic, lifecycle, needs.
    fn customer(&mut self, history: &History) {
        let complaints = if history.demanding {
            1 + self.below(4)
        } else {
            i64::from(self.random.chance(0.06)) * (1 + self.below(2))
        };
        let known = if history.contacts.is_empty() {
            0.3
        } else {
            0.85
        };
        let tickets = origin("tickets", known, 75);
        self.add("complaints_12m", &tickets, Value::IntValue(complaints));
        let early = self.yes(0.25);
        self.add("early_adopter", &origin("survey", 0.12, 900), early);
        let days = history.first_day.map(|first| HISTORY_DAYS - first);
        if let Some(days) = days {
            let done = self.yes(if days < 60 { 0.3 } else { 0.9 });
            let oldest = usize::try_from(days).unwrap_or(0) + 1;
            let known = if days < 120 { 0.5 } else { 0.8 };
            self.add("onboarding_done", &origin(CRM, known, oldest), done);
        }
        let class = self.one_of(&["high", "medium", "medium", "low", "low"]);
        self.add("potential_class", &origin("sales", 0.4, 700), class);
        let wanted = ["uptime", "price", "advice", "self_service"];
        let mut tags: Vec<String> = wanted
            .iter()
            .filter(|_| self.random.chance(0.35))
            .map(|tag| (*tag).to_owned())
            .collect();
        tags.sort();
        let needs = Value::TagsValue(pb::TagSet { tags });
        self.add("needs", &origin("survey", 0.45, 700), needs);
    }

    /// Socio-demographic, and the contracts of persons.
    fn person(&mut self) {
        let age = self.one_of(&["under_30", "from_30_to_59", "from_30_to_59", "from_60"]);
        self.add("age_group", &origin("registration", 0.6, 1_000), age);
        self.contract(0.06);
    }

    /// Industry, firmographic, business partner, and the contracts of companies.
    fn company(&mut self) {
        let sector = *self.random.pick(&SECTORS);
        let value = Value::TextValue(sector.to_owned());
        self.add("sector", &origin("register", 0.85, 2_000), value);
        let papers = self.yes(if ["food", "pharma"].contains(&sector) {
            0.7
        } else {
            0.05
        });
        self.add(
            "needs_validation_papers",
            &origin("sales", 0.6, 1_200),
            papers,
        );
        // From one to some thousand, most of them small: a power of a uniform number.
        let size = self.random.uniform().powi(4) * 3_000.0;
        #[expect(clippy::cast_possible_truncation, reason = "at most 3,001")]
        let people = 1 + size as i64;
        let employees = Value::IntValue(people);
        self.add("employees", &origin("register", 0.75, 900), employees);
        let devices = Value::IntValue(1 + people / 12 + self.below(8));
        self.add("installed_devices", &origin("service", 0.6, 450), devices);
        let partner = self.one_of(&[
            "end_customer",
            "end_customer",
            "end_customer",
            "dealer",
            "service_partner",
        ]);
        self.add("partner_type", &origin(CRM, 0.7, 1_500), partner);
        self.contract(0.3);
    }

    /// Value and offered services: who has a premium contract has agreed on a response time.
    fn contract(&mut self, probability: f64) {
        let premium = self.random.chance(probability);
        let contracts = origin("contracts", 0.9, 480);
        self.add("premium_contract", &contracts, Value::BoolValue(premium));
        if premium {
            let hours = *self.random.pick(&[4, 8, 24]);
            let agreed = Value::IntValue(hours);
            self.add(
                "agreed_response_hours",
                &origin("contracts", 0.9, 480),
                agreed,
            );
        }
    }

    /// Internal.
    fn colleague(&mut self) {
        let department = self.one_of(&DEPARTMENTS);
        self.add("department", &origin("hr", 0.98, 420), department);
        let trainee = self.yes(TRAINEES);
        self.add("trainee", &origin("hr", 0.95, 420), trainee);
    }
}
