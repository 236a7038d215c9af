//! The invented customers of the demo: who they are and how they can be found. Fully determined by seed, number and last day.

use jiff::Span;
use jiff::civil::Date;

use super::history::{COMPANY, Historian, History, PERSON};
use super::random::Random;
use crate::pb;
use crate::pb::attribute_value::Value;
use crate::pb::identifier::Identifier as Known;

/// System whose ids serve as external ids.
pub const CRM: &str = "crm";
/// Share of companies.
const COMPANIES: f64 = 0.08;
/// Share of colleagues who use the help desk.
const EMPLOYEES: f64 = 0.015;
/// Share of persons and companies that asked and never bought.
const LEADS: f64 = 0.05;
/// Share of persons who share a phone number and a family name with the person before them.
const HOUSEHOLDS: f64 = 0.06;
/// Share of facts that arrive late and in no order.
const LATE: f64 = 0.04;
/// Stems of phone numbers that the Bundesnetzagentur keeps free for films: three digits follow, and nobody answers.
const PHONE_STEMS: [&str; 5] = [
    "+493023125",
    "+496990009",
    "+494066969",
    "+492214710",
    "+498999998",
];
const FIRST_NAMES: [&str; 16] = [
    "Anna", "Ben", "Clara", "David", "Elif", "Finn", "Greta", "Hassan", "Ida", "Jonas", "Katja",
    "Leon", "Mira", "Nils", "Olga", "Paul",
];
const LAST_NAMES: [&str; 16] = [
    "Adler", "Bauer", "Celik", "Dietz", "Engel", "Fuchs", "Graf", "Haas", "Ivanov", "Jung",
    "Kraus", "Lang", "Maier", "Nowak", "Otto", "Peters",
];
const CITIES: [&str; 6] = ["Berlin", "Hamburg", "München", "Köln", "Leipzig", "Ulm"];

/// What determines a population.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DemoOptions {
    /// Seed of all randomness.
    pub seed: u64,
    /// Number of customers, at most 5,000: so many phone numbers are free for inventions.
    pub customers: usize,
    /// Last day of the histories.
    pub as_of: Date,
}

/// Customers with their facts, in the order in which a client would learn of them.
#[derive(Debug, Default)]
pub struct Population {
    /// Who they are.
    pub customers: Vec<pb::CustomerPatch>,
    /// Their transactions, by day.
    pub transactions: Vec<pb::Transaction>,
    /// Their contacts, by time.
    pub contacts: Vec<pb::Contact>,
    /// Transactions that arrive after everything else, in no order.
    pub late_transactions: Vec<pb::Transaction>,
    /// Contacts that arrive after everything else, in no order.
    pub late_contacts: Vec<pb::Contact>,
    /// Customers worth looking at.
    pub examples: Examples,
}

/// Customers worth looking at. Empty texts where a small population has none.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Examples {
    /// The person with the most purchases who has a phone number of their own.
    pub regular: String,
    /// That person's phone number.
    pub regular_phone: String,
    /// That person's e-mail address.
    pub regular_email: String,
    /// A phone number that several customers share.
    pub shared_phone: String,
    /// Those who share it.
    pub sharers: Vec<String>,
    /// A colleague.
    pub employee: String,
    /// Somebody who never bought.
    pub lead: String,
}

/// One customer with their facts.
struct Member {
    patch: pb::CustomerPatch,
    phone: String,
    email: String,
    history: History,
}

/// Invents a population.
#[must_use]
pub fn generate(options: DemoOptions) -> Population {
    let mut random = Random::seeded(options.seed);
    let historian = Historian::until(options.as_of);
    let mut members: Vec<Member> = Vec::with_capacity(options.customers);
    for index in 0..options.customers {
        let member = member(
            index,
            members.last(),
            options.as_of,
            &historian,
            &mut random,
        );
        members.push(member);
    }
    let mut population = Population {
        examples: examples(&members),
        ..Population::default()
    };
    for member in members {
        population.add(member, &mut random);
    }
    population
        .transactions
        .sort_by_cached_key(|fact| (day_of(fact), fact.transaction_id.clone()));
    population
        .contacts
        .sort_by_cached_key(|fact| (time_of(fact), fact.contact_id.clone()));
    random.shuffle(&mut population.late_transactions);
    random.shuffle(&mut population.late_contacts);
    population
}

impl Population {
    /// Adds a customer; some of their facts will be late.
    fn add(&mut self, member: Member, random: &mut Random) {
        self.customers.push(member.patch);
        for fact in member.history.transactions {
            if random.chance(LATE) {
                self.late_transactions.push(fact);
            } else {
                self.transactions.push(fact);
            }
        }
        for fact in member.history.contacts {
            if random.chance(LATE) {
                self.late_contacts.push(fact);
            } else {
                self.contacts.push(fact);
            }
        }
    }
}

fn day_of(fact: &pb::Transaction) -> String {
    match &fact.when {
        Some(pb::transaction::When::OccurredOn(day)) => day.clone(),
        Some(pb::transaction::When::OccurredTime(_)) | None => String::new(),
    }
}

fn time_of(fact: &pb::Contact) -> i64 {
    match &fact.when {
        Some(pb::contact::When::OccurredTime(time)) => time.seconds,
        Some(pb::contact::When::OccurredOn(_)) | None => 0,
    }
}

/// The customer with a running number. `before` is the neighbour who may share a household or a firm's number.
fn member(
    index: usize,
    before: Option<&Member>,
    as_of: Date,
    historian: &Historian,
    random: &mut Random,
) -> Member {
    let id = format!("c-{:04}", index + 1);
    let kind = draw_kind(random);
    // A household shares number and name; a person after a company is its buyer and is called by its switchboard.
    let housemate = before.filter(|before| {
        kind == pb::CustomerKind::Person
            && before.patch.kind() != pb::CustomerKind::Employee
            && random.chance(HOUSEHOLDS)
    });
    let phone = housemate.map_or_else(
        || format!("{}{:03}", PHONE_STEMS[index / 1_000 % 5], index % 1_000),
        |before| before.phone.clone(),
    );
    let name = name(kind, housemate, random);
    let email = format!("{id}@example.org");
    let history = match kind {
        pb::CustomerKind::Employee => historian.caller(&id, 2 + random.below(7), random),
        _ if random.chance(LEADS) => historian.caller(&id, 1 + random.below(2), random),
        pb::CustomerKind::Company => historian.buyer(&id, COMPANY, random),
        pb::CustomerKind::Person | pb::CustomerKind::Unspecified => {
            historian.buyer(&id, PERSON, random)
        }
    };
    let patch = pb::CustomerPatch {
        customer_id: id,
        kind: kind.into(),
        display_name: Some(name),
        add_identifiers: identifiers(&phone, &email, index),
        end_identifiers: Vec::new(),
        attributes: attributes(kind, as_of, random),
    };
    Member {
        patch,
        phone,
        email,
        history,
    }
}

fn draw_kind(random: &mut Random) -> pb::CustomerKind {
    let draw = random.uniform();
    if draw < COMPANIES {
        pb::CustomerKind::Company
    } else if draw < COMPANIES + EMPLOYEES {
        pb::CustomerKind::Employee
    } else {
        pb::CustomerKind::Person
    }
}

fn name(kind: pb::CustomerKind, housemate: Option<&Member>, random: &mut Random) -> String {
    let first = random.pick(&FIRST_NAMES);
    let last = random.pick(&LAST_NAMES);
    if kind == pb::CustomerKind::Company {
        return format!(
            "{last} {} GmbH",
            random.pick(&["Logistik", "Bau", "Praxis", "Café"])
        );
    }
    let family = housemate
        .filter(|before| before.patch.kind() == pb::CustomerKind::Person)
        .and_then(|before| before.patch.display_name.as_deref())
        .and_then(|name| name.rsplit_once(' '))
        .map_or(*last, |(_, family)| family);
    format!("{first} {family}")
}

fn identifiers(phone: &str, email: &str, index: usize) -> Vec<pb::Identifier> {
    [
        Known::PhoneNumber(phone.to_owned()),
        Known::Email(email.to_owned()),
        Known::ExternalId(pb::ExternalId {
            system: CRM.to_owned(),
            id: (70_001 + index).to_string(),
        }),
    ]
    .into_iter()
    .map(|known| pb::Identifier {
        identifier: Some(known),
    })
    .collect()
}

/// Some observed properties of every type.
fn attributes(kind: pb::CustomerKind, as_of: Date, random: &mut Random) -> Vec<pb::AttributeValue> {
    let ago = i32::try_from(random.below(400)).unwrap_or(0);
    let observed_on = as_of.saturating_sub(Span::new().days(ago));
    let mut values = vec![
        ("city", Value::TextValue((*random.pick(&CITIES)).to_owned())),
        ("newsletter", Value::BoolValue(random.chance(0.4))),
    ];
    match kind {
        pb::CustomerKind::Company => {
            let people = i64::try_from(1 + random.below(200)).unwrap_or(1);
            values.push(("staff_count", Value::IntValue(people)));
            values.push((
                "credit_limit",
                Value::MoneyValue(pb::Money {
                    amount_minor: 100_000 * (1 + people / 10),
                    currency: super::history::CURRENCY.to_owned(),
                }),
            ));
        }
        pb::CustomerKind::Employee => {
            values.push(("department", Value::TextValue("logistics".to_owned())));
        }
        pb::CustomerKind::Person | pb::CustomerKind::Unspecified => {
            let tags = vec![(*random.pick(&["espresso", "filter", "decaf"])).to_owned()];
            values.push(("interests", Value::TagsValue(pb::TagSet { tags })));
        }
    }
    values
        .into_iter()
        .map(|(name, value)| pb::AttributeValue {
            name: name.to_owned(),
            value: Some(value),
            observed_on: observed_on.to_string(),
            source: CRM.to_owned(),
        })
        .collect()
}

fn examples(members: &[Member]) -> Examples {
    let id = |member: &Member| member.patch.customer_id.clone();
    let alone = |member: &&Member| {
        let sharing = members.iter().filter(|other| other.phone == member.phone);
        member.patch.kind() == pb::CustomerKind::Person && sharing.count() == 1
    };
    let regular = members
        .iter()
        .filter(alone)
        .max_by_key(|member| member.history.transactions.len());
    let housemates = members
        .windows(2)
        .find(|pair| pair[0].phone == pair[1].phone);
    let shared_phone = housemates.map_or_else(String::new, |pair| pair[0].phone.clone());
    let employee = members
        .iter()
        .find(|member| member.patch.kind() == pb::CustomerKind::Employee);
    let lead = members.iter().find(|member| {
        member.patch.kind() == pb::CustomerKind::Person && member.history.transactions.is_empty()
    });
    Examples {
        regular: regular.map(id).unwrap_or_default(),
        regular_phone: regular.map(|one| one.phone.clone()).unwrap_or_default(),
        regular_email: regular.map(|one| one.email.clone()).unwrap_or_default(),
        sharers: members
            .iter()
            .filter(|member| !shared_phone.is_empty() && member.phone == shared_phone)
            .map(id)
            .collect(),
        shared_phone,
        employee: employee.map(id).unwrap_or_default(),
        lead: lead.map(id).unwrap_or_default(),
    }
}

#[cfg(test)]
mod tests;
