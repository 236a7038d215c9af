//! The page on identities against the program, and what answers to analysts may hold.

use std::collections::{BTreeMap, BTreeSet};

use patron::app::server::methods;
use patron::domain::access::{Role, Scope};
use patron::grpc::access::{self, Access};
use patron::pb::FILE_DESCRIPTOR_SET;
use patron::service::identity::Need;
use prost_reflect::{DescriptorPool, Kind, MessageDescriptor};

const PAGE: &str = include_str!("../../../docs/identity.md");

/// Names of fields that name one customer, or show something of a person.
const PERSONAL: [&str; 11] = [
    "customer_id",
    "customer_ids",
    "display",
    "display_name",
    "email",
    "external_id",
    "identifiers",
    "merged_customer_ids",
    "phone_number",
    "subject",
    "number_display",
];

/// The rows of the table behind a heading, each a list of cells without code marks.
fn rows(heading: &str) -> Vec<Vec<String>> {
    let below = PAGE.split_once(&format!("\n## {heading}\n")).unwrap().1;
    let section = below.split("\n## ").next().unwrap();
    let lines = section.lines().filter(|line| line.starts_with('|')).skip(2);
    let cell = |text: &str| text.trim().replace('`', "");
    lines
        .map(|line| line.trim_matches('|').split('|').map(cell).collect())
        .collect()
}

fn list(cell: &str) -> BTreeSet<String> {
    cell.split(',').map(|it| it.trim().to_owned()).collect()
}

/// The methods of each scope, without their services.
fn declared() -> BTreeMap<Scope, BTreeSet<String>> {
    let mut declared = BTreeMap::<_, BTreeSet<String>>::new();
    for method in methods() {
        if let Access::Needs(Need::Scope(scope)) = access::of(&format!("/{method}")) {
            let name = method.rsplit('/').next().unwrap().to_owned();
            declared.entry(scope).or_default().insert(name);
        }
    }
    declared
}

#[test]
fn the_table_of_scopes_is_what_the_descriptors_declare() {
    let documented: BTreeMap<String, (BTreeSet<String>, BTreeSet<String>)> = rows("Scopes")
        .into_iter()
        .map(|row| (row[0].clone(), (list(&row[1]), list(&row[2]))))
        .collect();
    let declared = declared().into_iter().map(|(scope, methods)| {
        let roles = scope.roles().map(|role| role.name().to_owned()).collect();
        (scope.name().to_owned(), (methods, roles))
    });
    assert_eq!(documented, declared.collect());
    assert_eq!(documented.len(), Scope::ALL.len());
}

#[test]
fn the_table_of_roles_lists_every_role() {
    let documented: Vec<String> = rows("Roles")
        .into_iter()
        .map(|row| row[0].clone())
        .collect();
    assert_eq!(documented, Role::ALL.map(Role::name));
}

/// The names of all fields of a message and of those in it.
fn fields(message: &MessageDescriptor, seen: &mut BTreeSet<String>, names: &mut BTreeSet<String>) {
    if !seen.insert(message.full_name().to_owned()) {
        return;
    }
    for field in message.fields() {
        names.insert(field.name().to_owned());
        if let Kind::Message(inner) = field.kind() {
            fields(&inner, seen, names);
        }
    }
}

#[test]
fn no_answer_to_an_analyst_has_a_field_of_one_customer() {
    let pool = DescriptorPool::decode(FILE_DESCRIPTOR_SET).unwrap();
    let (mut looked_at, mut personal_elsewhere) = (0, 0);
    for service in pool.services() {
        for method in service.methods() {
            let path = format!("/{}/{}", service.full_name(), method.name());
            let Access::Needs(Need::Scope(scope)) = access::of(&path) else {
                panic!("{path} declares no scope");
            };
            let mut names = BTreeSet::new();
            fields(&method.output(), &mut BTreeSet::new(), &mut names);
            let personal: Vec<_> = PERSONAL.iter().filter(|it| names.contains(**it)).collect();
            if Role::Analyst.scopes().contains(&scope) {
                looked_at += 1;
                assert!(personal.is_empty(), "{path}: {personal:?}");
            } else {
                personal_elsewhere += usize::from(!personal.is_empty());
            }
        }
    }
    assert!(
        looked_at > 10 && personal_elsewhere > 8,
        "{looked_at} {personal_elsewhere}"
    );
}
