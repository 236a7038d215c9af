//! The invented customers of the demo: who they are and how they can be found. Fully determined by seed, number and last day.
//!
//! One in ten is a company, one in fifty a colleague, the others are persons; one in twenty asked and never bought. What they did is
//! in [`super::history`], how they share phone lines in `lines`, what is known of them in `attributes`, what they subscribed to in
//! `contracts`.

use std::collections::HashMap;

use jiff::Span;
use jiff::civil::Date;

use self::attributes::{attributes, trainee};
use self::contracts::contracts;
use self::lines::{Lines, Shared};
use super::history::service::{COLLEAGUE, PERSON as CALLER};
use super::history::{COMPANY, Historian, History, PERSON};
use super::random::Random;
use crate::pb;
use crate::pb::attribute_value::Value;
use crate::pb::identifier::Identifier as Known;

mod attributes;
mod contracts;
mod lines;

/// System whose ids serve as external ids.
pub const CRM: &str = "crm";
/// Share of companies.
const COMPANIES: f64 = 0.1;
/// Share of colleagues who use the help desk.
const EMPLOYEES: f64 = 0.022;
/// Share of persons and companies that asked and never bought.
const LEADS: f64 = 0.05;
/// Share of customers without an e-mail address.
const WITHOUT_EMAIL: f64 = 0.25;
/// Share of facts that arrive late and in no order.
const LATE: f64 = 0.04;
const FIRST_NAMES: [&str; 16] = [
    "Anna", "Ben", "Clara", "David", "Elif", "Finn", "Greta", "Hassan", "Ida", "Jonas", "Katja",
    "Leon", "Mira", "Nils", "Olga", "Paul",
];
const LAST_NAMES: [&str; 16] = [
    "Adler", "Bauer", "Celik", "Dietz", "Engel", "Fuchs", "Graf", "Haas", "Ivanov", "Jung",
    "Kraus", "Lang", "Maier", "Nowak", "Otto", "Peters",
];

/// What determines a population.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DemoOptions {
    /// Seed of all randomness.
    pub seed: u64,
    /// Number of customers.
    pub customers: usize,
    /// Last day of the histories.
    pub as_of: Date,
}

/// Customers with their facts, in the order of an export by customer; and what arrives late.
#[derive(Debug, Default)]
pub struct Population {
    /// Who they are.
    pub customers: Vec<pb::CustomerPatch>,
    /// Their transactions, by customer and day.
    pub transactions: Vec<pb::Transaction>,
    /// Their contacts, by customer and time.
    pub contacts: Vec<pb::Contact>,
    /// Their contracts.
    pub contracts: Vec<pb::Contract>,
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
    /// A phone number that several customers share: the line of the first company, where there is one, else of a household.
    pub shared_phone: String,
    /// Those who share it.
    pub sharers: Vec<String>,
    /// A colleague.
    pub employee: String,
    /// A colleague who is known to be a trainee.
    pub trainee: String,
    /// Somebody who never bought.
    pub lead: String,
    /// Somebody with a contract that runs on.
    pub contract: String,
}

/// One customer with their facts.
struct Member {
    patch: pb::CustomerPatch,
    phone: Option<String>,
    email: Option<String>,
    history: History,
}

/// Invents a population.
#[must_use]
pub fn generate(options: DemoOptions) -> Population {
    let mut random = Random::seeded(options.seed);
    let historian = Historian::until(options.as_of);
    let mut lines = Lines::default();
    let mut members: Vec<Member> = (0..options.customers)
        .map(|index| member(index, &mut lines, options.as_of, &historian, &mut random))
        .collect();
    have_a_trainee(&mut members, options.as_of);
    let contracts = contracts(&members, options.seed, options.as_of);
    let runs = contracts.iter().find(|one| one.ended_on.is_empty());
    let mut population = Population {
        examples: Examples {
            contract: runs.map_or_else(String::new, |one| one.customer_id.clone()),
            ..examples(&members, options.as_of)
        },
        contracts,
        ..Population::default()
    };
    for member in members {
        population.add(member, &mut random);
    }
    population
        .transactions
        .sort_by_cached_key(|fact| (fact.customer_id.clone(), day_of(fact)));
    population
        .contacts
        .sort_by_cached_key(|fact| (fact.customer_id.clone(), time_of(fact)));
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

/// The customer with a running number.
fn member(
    index: usize,
    lines: &mut Lines,
    as_of: Date,
    historian: &Historian,
    random: &mut Random,
) -> Member {
    let id = format!("c-{:04}", index + 1);
    let shared = lines.shared();
    let kind = match shared {
        Some(_) => pb::CustomerKind::Person,
        None => draw_kind(random),
    };
    let (name, family) = name(kind, shared.as_ref(), random);
    let phone = match shared {
        Some(shared) => Some(shared.phone),
        None => lines.own(index, kind, &family, random),
    };
    let email = (!random.chance(WITHOUT_EMAIL)).then(|| format!("{id}@example.org"));
    let history = match kind {
        pb::CustomerKind::Employee => {
            historian.caller(&id, &COLLEAGUE, 2 + random.below(7), random)
        }
        _ if random.chance(LEADS) => historian.caller(&id, &CALLER, 1 + random.below(2), random),
        pb::CustomerKind::Company => historian.buyer(&id, &COMPANY, random),
        pb::CustomerKind::Person | pb::CustomerKind::Unspecified => {
            historian.buyer(&id, &PERSON, random)
        }
    };
    let patch = pb::CustomerPatch {
        customer_id: id,
        kind: kind.into(),
        display_name: Some(name),
        add_identifiers: identifiers(phone.as_ref(), email.as_ref(), index),
        attributes: attributes(kind, &history, as_of, random),
        ..pb::CustomerPatch::default()
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

/// The name of a customer, and the family name in it.
fn name(kind: pb::CustomerKind, shared: Option<&Shared>, random: &mut Random) -> (String, String) {
    let first = random.pick(&FIRST_NAMES);
    let last = (*random.pick(&LAST_NAMES)).to_owned();
    if kind == pb::CustomerKind::Company {
        let trade = random.pick(&["Logistik", "Bau", "Praxis", "Café", "Pharma", "Werke"]);
        return (format!("{last} {trade} GmbH"), last);
    }
    let family = shared.and_then(|shared| shared.family.clone());
    let family = family.unwrap_or(last);
    (format!("{first} {family}"), family)
}

fn identifiers(
    phone: Option<&String>,
    email: Option<&String>,
    index: usize,
) -> Vec<pb::Identifier> {
    let phone = phone.map(|phone| Known::PhoneNumber(phone.clone()));
    let email = email.map(|email| Known::Email(email.clone()));
    let external = Known::ExternalId(pb::ExternalId {
        system: CRM.to_owned(),
        id: (70_001 + index).to_string(),
    });
    [phone, email, Some(external)]
        .into_iter()
        .flatten()
        .map(|known| pb::Identifier {
            identifier: Some(known),
        })
        .collect()
}

fn examples(members: &[Member], as_of: Date) -> Examples {
    let id = |member: &Member| member.patch.customer_id.clone();
    let mut having: HashMap<&str, usize> = HashMap::new();
    for phone in members.iter().filter_map(|member| member.phone.as_deref()) {
        *having.entry(phone).or_default() += 1;
    }
    let alone = |phone: &str| having.get(phone) == Some(&1);
    let kind = |member: &Member, kind| member.patch.kind() == kind;
    let regular = members
        .iter()
        .filter(|member| kind(member, pb::CustomerKind::Person) && member.email.is_some())
        .filter(|member| {
            let phone = member.phone.as_deref();
            phone.is_some_and(|phone| alone(phone) && lines::is_german(phone))
        })
        .max_by_key(|member| member.history.transactions.len());
    // A company stands before its people: the first line that several share and that begins with a company, else any.
    let shares = |member: &&Member| member.phone.as_deref().is_some_and(|phone| !alone(phone));
    let mut sharing = members.iter().filter(shares);
    let firm = sharing
        .clone()
        .find(|member| kind(member, pb::CustomerKind::Company));
    let shared_phone = firm
        .or_else(|| sharing.next())
        .and_then(|member| member.phone.clone());
    let employee = members
        .iter()
        .find(|member| kind(member, pb::CustomerKind::Employee));
    let trainee = members.iter().find(|member| is_trainee(member, as_of));
    let lead = members.iter().find(|member| {
        kind(member, pb::CustomerKind::Person) && member.history.transactions.is_empty()
    });
    let text = |found: Option<&String>| found.cloned().unwrap_or_default();
    Examples {
        regular: regular.map(id).unwrap_or_default(),
        regular_phone: text(regular.and_then(|one| one.phone.as_ref())),
        regular_email: text(regular.and_then(|one| one.email.as_ref())),
        sharers: members
            .iter()
            .filter(|member| member.phone.is_some() && member.phone == shared_phone)
            .map(id)
            .collect(),
        shared_phone: shared_phone.unwrap_or_default(),
        employee: employee.map(id).unwrap_or_default(),
        trainee: trainee.map(id).unwrap_or_default(),
        lead: lead.map(id).unwrap_or_default(),
        contract: String::new(),
    }
}

/// Few colleagues may be without a trainee by chance; then the first of them is one, for the examples.
fn have_a_trainee(members: &mut [Member], as_of: Date) {
    if members.iter().any(|member| is_trainee(member, as_of)) {
        return;
    }
    let employee = i32::from(pb::CustomerKind::Employee);
    let first = members
        .iter_mut()
        .find(|member| member.patch.kind == employee);
    if let Some(colleague) = first {
        let attributes = &mut colleague.patch.attributes;
        attributes.retain(|one| one.name != "trainee");
        attributes.push(trainee(as_of));
    }
}

/// Whether somebody is known to be a trainee, by a value that counts for months to come.
fn is_trainee(member: &Member, as_of: Date) -> bool {
    let fresh = as_of.saturating_sub(Span::new().days(200)).to_string();
    let mut attributes = member.patch.attributes.iter();
    attributes.any(|one| {
        one.name == "trainee"
            && one.value == Some(Value::BoolValue(true))
            && one.observed_on > fresh
    })
}

#[cfg(test)]
mod tests;
