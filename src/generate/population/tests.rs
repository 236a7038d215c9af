use std::collections::{HashMap, HashSet};

use jiff::civil::date;

use super::*;
use crate::domain::clv::fit::contracts::{ContractRow, fit_contracts};
use crate::domain::customer::facts::ContractTerms;
use crate::domain::definitions::Definitions;
use crate::domain::money::Money;
use crate::pb::transaction::Kind;

fn options(seed: u64) -> DemoOptions {
    DemoOptions {
        seed,
        customers: 2_000,
        as_of: date(2024, 6, 30),
    }
}

#[test]
fn the_same_seed_gives_the_same_population() {
    let (one, two, other) = (
        generate(options(1)),
        generate(options(1)),
        generate(options(2)),
    );
    assert_eq!(one.customers, two.customers);
    assert_eq!(one.transactions, two.transactions);
    assert_eq!(one.contacts, two.contacts);
    assert_eq!(one.late_transactions, two.late_transactions);
    assert_eq!(one.late_contacts, two.late_contacts);
    assert_eq!(one.examples, two.examples);
    assert_eq!(one.contracts, two.contracts);
    assert_ne!(one.transactions, other.transactions);
}

#[test]
fn contracts_renew_as_the_demo_states_so_that_a_fit_finds_something() {
    let population = generate(options(1));
    let as_of = options(1).as_of.to_string().parse().unwrap();
    let mut rows = Vec::new();
    for one in &population.contracts {
        let terms = ContractTerms {
            started_on: one.started_on.parse().unwrap(),
            period_months: u32::try_from(one.period_months).unwrap(),
            price: Money {
                amount_minor: one.price.as_ref().unwrap().amount_minor,
                currency: "EUR".parse().unwrap(),
            },
            cost_minor: one.cost_minor,
            category: None,
            ended_on: (!one.ended_on.is_empty()).then(|| one.ended_on.parse().unwrap()),
        };
        let (renewals, outcome) = terms.outcome_on(as_of).unwrap();
        rows.push(ContractRow {
            renewals,
            outcome,
            count: 1,
        });
    }
    // 0.4 of 200 companies and 0.08 of 1,660 buying persons.
    assert!((150..=280).contains(&rows.len()), "{}", rows.len());
    let fit = fit_contracts(&rows).unwrap();
    assert!(fit.report.convergence.is_converged(), "{:?}", fit.report);
    let ids: HashSet<&str> = population
        .contracts
        .iter()
        .map(|one| &*one.customer_id)
        .collect();
    let bought: HashSet<&str> = all_transactions(&population)
        .map(|fact| &*fact.customer_id)
        .collect();
    assert!(
        ids.difference(&bought).count() > 0,
        "some have nothing but a contract"
    );
    let lead = population.examples.lead.as_str();
    assert!(!ids.contains(lead));
    assert!(ids.contains(population.examples.contract.as_str()));
}

/// How many customers are of a kind.
fn count(population: &Population, kind: pb::CustomerKind) -> usize {
    let same = |patch: &&pb::CustomerPatch| patch.kind() == kind;
    population.customers.iter().filter(same).count()
}

fn all_transactions(population: &Population) -> impl Iterator<Item = &pb::Transaction> + Clone {
    let on_time = population.transactions.iter();
    on_time.chain(&population.late_transactions)
}

fn all_contacts(population: &Population) -> impl Iterator<Item = &pb::Contact> + Clone {
    population.contacts.iter().chain(&population.late_contacts)
}

#[test]
fn the_population_has_everything_the_demo_promises() {
    let population = generate(options(1));
    // Shares of 2,000 within five standard deviations of a binomial count.
    let companies = count(&population, pb::CustomerKind::Company);
    assert!((110..=240).contains(&companies), "{companies}");
    let colleagues = count(&population, pb::CustomerKind::Employee);
    assert!((10..=75).contains(&colleagues), "{colleagues}");
    let all = all_transactions(&population);
    let buyers: HashSet<&str> = all.clone().map(|fact| fact.customer_id.as_str()).collect();
    assert!((1_750..=1_950).contains(&buyers.len()), "{}", buyers.len());
    let refunds = all.clone().filter(|fact| fact.kind() == Kind::Refund);
    let unnamed = |fact: &pb::Transaction| fact.original_transaction_id.is_empty();
    assert!(refunds.clone().any(unnamed));
    assert!(refunds.clone().any(|fact| !unnamed(fact)));
    assert!(all.clone().any(|fact| fact.kind() == Kind::Reversal));
    let late = population.late_transactions.len() * 100 / all.count();
    assert!((3..=5).contains(&late), "{late} %");
    assert_eq!(population.examples.sharers.len(), 9);
}

#[test]
fn twenty_thousand_customers_have_about_the_promised_number_of_facts() {
    let population = generate(DemoOptions {
        customers: 20_000,
        ..options(1)
    });
    let transactions = all_transactions(&population).count();
    let contacts = all_contacts(&population).count();
    assert!(
        (225_000..=275_000).contains(&transactions),
        "{transactions} {contacts}"
    );
    assert!((135_000..=165_000).contains(&contacts), "{contacts}");
}

#[test]
fn every_fact_is_within_the_three_years_and_has_an_id_of_its_own() {
    let population = generate(options(1));
    let (first, last) = ("2021-07-01".to_owned(), "2024-06-30".to_owned());
    let mut ids = HashSet::new();
    for fact in population
        .transactions
        .iter()
        .chain(&population.late_transactions)
    {
        let day = day_of(fact);
        assert!(first <= day && day <= last, "{day}");
        assert!(
            ids.insert(fact.transaction_id.clone()),
            "{}",
            fact.transaction_id
        );
        assert!(fact.amount.as_ref().unwrap().amount_minor >= 0);
    }
    let mut ids = HashSet::new();
    for fact in population.contacts.iter().chain(&population.late_contacts) {
        assert!(ids.insert(fact.contact_id.clone()), "{}", fact.contact_id);
    }
}

#[test]
fn mean_spend_and_repeat_purchases_are_about_what_the_habits_say() {
    let population = generate(options(1));
    let kinds: HashMap<&str, pb::CustomerKind> = population
        .customers
        .iter()
        .map(|patch| (patch.customer_id.as_str(), patch.kind()))
        .collect();
    let (mut sum, mut count) = (0, 0);
    for fact in &population.transactions {
        let person = kinds[fact.customer_id.as_str()] == pb::CustomerKind::Person;
        if person && fact.kind() == Kind::Purchase {
            sum += fact.amount.as_ref().unwrap().amount_minor;
            count += 1;
        }
    }
    // 4 * 60 / 3.5 = 68.57 EUR; frequent buyers weigh more, so the tolerance is wide.
    let mean = sum / count;
    assert!((5_800..=8_000).contains(&mean), "{mean}");
}

#[test]
fn the_examples_are_what_they_claim_to_be() {
    let population = generate(options(1));
    let examples = &population.examples;
    assert!(examples.sharers.len() >= 2);
    let having = |phone: &str| {
        let has = |patch: &&pb::CustomerPatch| {
            patch
                .add_identifiers
                .iter()
                .any(|one| one.identifier == Some(Known::PhoneNumber(phone.to_owned())))
        };
        population.customers.iter().filter(has).count()
    };
    assert_eq!(having(&examples.shared_phone), examples.sharers.len());
    assert_eq!(having(&examples.regular_phone), 1);
    let bought = |id: &str| {
        population
            .transactions
            .iter()
            .any(|fact| fact.customer_id == id)
    };
    assert!(bought(&examples.regular));
    assert!(!bought(&examples.employee) && !examples.employee.is_empty());
    assert!(!bought(&examples.lead) && !examples.lead.is_empty());
}

/// Of the customers of the given kinds: who are known to have an attribute, and whose value is older than so many days.
fn known_and_older(population: &Population, name: &str, days: i64) -> (usize, usize) {
    let day = date(2024, 6, 30);
    let attributes = population.customers.iter().flat_map(|one| &one.attributes);
    let ages: Vec<i64> = attributes
        .filter(|one| one.name == name)
        .map(|one| {
            assert!(!one.source.is_empty(), "{name}");
            let observed: Date = one.observed_on.parse().unwrap();
            observed.duration_until(day).as_hours() / 24
        })
        .collect();
    assert!(ages.iter().all(|age| *age >= 0), "{name} from the future");
    let older = ages.iter().filter(|age| **age > days).count();
    (ages.len(), older)
}

#[test]
fn every_attribute_of_the_example_is_known_of_some_and_too_old_of_some_where_that_is_usual() {
    let definitions = Definitions::read(crate::generate::DEFINITIONS).unwrap();
    let population = generate(options(1));
    for defined in definitions.attributes() {
        let attribute = &defined.attribute;
        let limit = attribute.max_age_days.map_or(i64::MAX, i64::from);
        let (known, older) = known_and_older(&population, &attribute.name, limit);
        assert!(known > 0 && known < 2_000, "{}: {known}", attribute.name);
        // What is too old is the exception, and does occur in the attributes that the example's conditions use.
        assert!(older * 3 < known, "{}: {older} of {known}", attribute.name);
        if ["complaints_12m", "needs", "potential_class", "portal_user"].contains(&&*attribute.name)
        {
            assert!(older > 0, "{}", attribute.name);
        }
    }
    let names: HashSet<&str> = definitions
        .attributes()
        .iter()
        .map(|one| &*one.attribute.name)
        .collect();
    let invented = population.customers.iter().flat_map(|one| &one.attributes);
    for one in invented {
        assert!(
            names.contains(one.name.as_str()),
            "{} is not defined",
            one.name
        );
    }
}

#[test]
fn categories_and_channels_are_those_of_the_example_and_most_costs_are_told() {
    let definitions = Definitions::read(crate::generate::DEFINITIONS).unwrap();
    let population = generate(options(1));
    let categories: HashSet<&str> = definitions
        .value()
        .margin_of_category
        .iter()
        .map(|(name, _)| &**name)
        .collect();
    let found: HashSet<&str> = all_transactions(&population)
        .map(|fact| fact.category.as_str())
        .collect();
    assert_eq!(found, categories);
    let channels: HashSet<&str> = definitions
        .channels()
        .iter()
        .map(|one| &*one.name)
        .collect();
    let found: HashSet<&str> = all_contacts(&population)
        .map(|fact| fact.channel.as_str())
        .collect();
    assert_eq!(found, channels);
    let contacts = all_contacts(&population).count();
    let costed = all_contacts(&population).filter(|fact| fact.cost.is_some());
    let share = costed.count() * 100 / contacts;
    assert!((84..=88).contains(&share), "{share} %");
}

#[test]
fn households_and_firms_share_lines_and_some_customers_have_none() {
    let population = generate(options(1));
    let mut sharing: HashMap<&str, Vec<pb::CustomerKind>> = HashMap::new();
    let mut without = 0;
    for patch in &population.customers {
        let mut known = patch.add_identifiers.iter();
        let phone = known.find_map(|one| match &one.identifier {
            Some(Known::PhoneNumber(phone)) => Some(phone.as_str()),
            _ => None,
        });
        match phone {
            Some(phone) => sharing.entry(phone).or_default().push(patch.kind()),
            None => without += 1,
        }
    }
    assert!((40..=160).contains(&without), "{without}");
    let shared = || sharing.values().filter(|kinds| kinds.len() > 1);
    let firms = shared().filter(|kinds| kinds.contains(&pb::CustomerKind::Company));
    let (firms, all) = (firms.count(), shared().count());
    assert!(firms > 20 && all - firms > 60, "{firms} firms of {all}");
    // No line is so crowded that an ambiguous answer would leave candidates out.
    assert!(shared().all(|kinds| kinds.len() <= 16));
}

#[test]
fn the_smallest_demo_has_every_example() {
    for seed in 1..=10 {
        let population = generate(DemoOptions {
            customers: 500,
            ..options(seed)
        });
        let Examples {
            regular,
            regular_phone,
            regular_email,
            sharers,
            shared_phone,
            employee,
            trainee,
            lead,
            contract,
        } = population.examples;
        let named = [
            ("regular", regular),
            ("regular_phone", regular_phone),
            ("regular_email", regular_email),
            ("shared_phone", shared_phone),
            ("employee", employee),
            ("trainee", trainee),
            ("lead", lead),
            ("contract", contract),
        ];
        for (what, example) in named {
            assert!(!example.is_empty(), "no {what} with seed {seed}");
        }
        assert!(sharers.len() > 1, "nobody shares a number with seed {seed}");
    }
}
