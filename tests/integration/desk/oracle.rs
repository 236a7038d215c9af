//! Figures against a plain map: contacts, retractions and outcomes of several customers in any order, with repetitions and contradictions.

use std::collections::{BTreeMap, BTreeSet};

use patron::domain::calendar::Day;
use patron::pb;
use patron::pb::get_service_figures_request::Dimension;
use proptest::prelude::*;
use proptest::test_runner::TestRunner;

use super::{outcome, plain_call, record, service};
use crate::support::messages::id_of;
use crate::support::service::{ServiceWithDatabase, TODAY};

const DAYS: i32 = 30;
const CHANNELS: [&str; 2] = ["phone", "chat"];

#[derive(Debug, Clone, Copy)]
enum Kind {
    Contact,
    Retraction,
    Outcome,
}

/// What a source sends about the contact `id` of a customer.
#[derive(Debug, Clone)]
struct Operation {
    kind: Kind,
    customer: u8,
    id: u8,
    days_ago: i32,
    channel: usize,
    resolved: bool,
}

fn operation() -> impl Strategy<Value = Operation> {
    let kind = prop_oneof![
        Just(Kind::Contact),
        Just(Kind::Retraction),
        Just(Kind::Outcome)
    ];
    let parts = (kind, 0..3_u8, 0..5_u8, 0..60_i32, 0..2_usize, any::<bool>());
    parts.prop_map(
        |(kind, customer, id, days_ago, channel, resolved)| Operation {
            kind,
            customer,
            id,
            days_ago,
            channel,
            resolved,
        },
    )
}

impl Operation {
    fn day(&self) -> String {
        let today: Day = TODAY.parse().unwrap();
        today.plus_days(-self.days_ago).to_string()
    }

    async fn send(&self, service: &ServiceWithDatabase) {
        let customer = format!("c-{}", self.customer);
        let id = id_of(&customer, &self.id.to_string());
        let channel = CHANNELS[self.channel].to_owned();
        match self.kind {
            Kind::Contact => {
                let contact = pb::Contact {
                    channel,
                    ..plain_call(&customer, &id, &self.day())
                };
                service.send_contacts(&[contact]).await;
            }
            Kind::Retraction => {
                let retraction = pb::Contact {
                    channel: String::new(),
                    retracts_contact_id: id.clone(),
                    ..plain_call(&customer, &format!("r{id}"), &self.day())
                };
                service.send_contacts(&[retraction]).await;
            }
            Kind::Outcome => {
                let outcome = pb::ContactOutcome {
                    channel,
                    resolved_at_first_contact: Some(self.resolved),
                    ..outcome(&customer, &id, &self.day())
                };
                // One that contradicts what is recorded is refused.
                let _ = record(service, outcome).await;
            }
        }
    }
}

/// By channel: contacts, those whose resolution is known, those resolved.
fn expected(operations: &[Operation]) -> BTreeMap<String, (i64, i64, i64)> {
    let (mut contacts, mut outcomes) = (BTreeMap::new(), BTreeMap::new());
    let mut retracted = BTreeSet::new();
    for operation in operations {
        let key = (operation.customer, operation.id);
        // The first of a key holds.
        match operation.kind {
            Kind::Contact => drop(contacts.entry(key).or_insert(operation)),
            Kind::Outcome => drop(outcomes.entry(key).or_insert(operation)),
            Kind::Retraction => drop(retracted.insert(key)),
        }
    }
    let mut figures: BTreeMap<String, (i64, i64, i64)> = BTreeMap::new();
    let keys: BTreeSet<_> = contacts.keys().chain(outcomes.keys()).copied().collect();
    for key in keys.difference(&retracted) {
        let outcome = outcomes.get(key);
        let Some(counted) = contacts.get(key).or(outcome) else {
            continue;
        };
        if counted.days_ago >= DAYS {
            continue;
        }
        let figure = figures
            .entry(CHANNELS[counted.channel].to_owned())
            .or_default();
        figure.0 += 1;
        figure.1 += i64::from(outcome.is_some());
        figure.2 += i64::from(outcome.is_some_and(|outcome| outcome.resolved));
    }
    figures
}

async fn found(service: &ServiceWithDatabase) -> BTreeMap<String, (i64, i64, i64)> {
    let request = pb::GetServiceFiguresRequest {
        days: DAYS,
        dimension: Dimension::Channel.into(),
        ..Default::default()
    };
    let answer = service.desk().get_service_figures(request).await.unwrap();
    let groups = answer.into_inner().groups.into_iter();
    let figures = groups.map(|group| {
        let resolved = group.resolved_at_first_contact.unwrap();
        let counts = (group.contact_count, resolved.known_count, resolved.count);
        (group.name, counts)
    });
    figures.collect()
}

#[test]
fn figures_are_those_of_a_plain_map_whatever_was_sent() {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let service = runtime.block_on(service());
    let mut runner = TestRunner::new(ProptestConfig {
        // A case is some dozens of calls.
        max_shrink_iters: 50,
        ..ProptestConfig::with_cases(15)
    });
    let operations = proptest::collection::vec(operation(), 1..40);
    let run = runner.run(&operations, |operations| {
        let found = runtime.block_on(async {
            for table in ["contacts", "contact_outcomes", "profiles", "customers"] {
                let statement = format!("DELETE FROM {table}");
                sqlx::query(sqlx::AssertSqlSafe(statement))
                    .execute(&service.pool)
                    .await
                    .unwrap();
            }
            for operation in &operations {
                operation.send(&service).await;
            }
            found(&service).await
        });
        prop_assert_eq!(found, expected(&operations));
        Ok(())
    });
    run.unwrap();
}
