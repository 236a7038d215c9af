//! Recording contracts. A contract may be observed again and again: what differs from all that is recorded of it is a new fact.

use std::collections::HashMap;

use tokio::time::Instant;

use super::{
    Ingest, Outcome,
    commit::{Changes, begin, commit, distinct, retry},
    facts::{CustomerFact, NewFact, add_currencies, create_customers, fold_new},
};
use crate::{
    domain::{
        calendar::Day,
        customer::CustomerKind,
        facts::{ContractFact, ContractTerms, FactKey},
        money::Currency,
        profile::Facts,
        text::CustomerId,
    },
    service::error::ServiceError,
    store::{self, error::StoreError},
};

/// How a contract stands, as a source says it.
#[derive(Debug, Clone)]
pub struct NewContract {
    /// Customer, source and contract id.
    pub key: FactKey,
    /// What is agreed.
    pub terms: ContractTerms,
    /// The day from which this is so, where the source says it; not before the first day of the contract.
    pub effective_on: Option<Day>,
    /// The day on which it is recorded.
    pub today: Day,
    /// What the customer is, if this fact creates them; a person when it is `None`.
    pub customer_kind: Option<CustomerKind>,
}

/// An observation that is new.
#[derive(Debug, Clone)]
struct Observation {
    customer_id: CustomerId,
    fact: ContractFact,
}

impl CustomerFact for Observation {
    fn customer_id(&self) -> &CustomerId {
        &self.customer_id
    }

    fn currency(&self) -> Option<Currency> {
        Some(self.fact.terms.price.currency)
    }

    fn add_to(self, facts: &mut Facts) {
        facts.contracts.push(self.fact);
    }
}

/// Records a batch. One outcome for each item, in their order.
pub(super) async fn write(
    ingest: &Ingest,
    batch: &[NewContract],
    deadline: Instant,
) -> Result<Vec<Outcome>, ServiceError> {
    if batch.is_empty() {
        return Ok(vec![]);
    }
    retry(|| write_once(ingest, batch, deadline)).await
}

/// One try.
async fn write_once(
    ingest: &Ingest,
    batch: &[NewContract],
    deadline: Instant,
) -> Result<Vec<Outcome>, StoreError> {
    let recorded_at = ingest.clock.now();
    let customers = distinct(batch.iter().map(|item| &item.key.customer_id));
    let mut tx = begin(ingest, &customers, deadline).await?;
    // Read after the lock was had: nobody else can change these until the end of the transaction.
    let profiles = store::profiles::list(&mut tx, &customers).await?;
    let keys: Vec<&FactKey> = batch.iter().map(|item| &item.key).collect();
    let mut known: HashMap<FactKey, Vec<ContractFact>> = HashMap::new();
    for (customer_id, facts) in store::contracts::list_by_key(&mut tx, &keys).await? {
        for fact in facts {
            let key = FactKey {
                customer_id: customer_id.clone(),
                source: fact.source.clone(),
                id: fact.contract_id.clone(),
            };
            known.entry(key).or_default().push(fact);
        }
    }
    let mut outcomes = Vec::with_capacity(batch.len());
    let mut new: Vec<NewFact<Observation>> = vec![];
    for item in batch {
        let id = &item.key.customer_id;
        let version = profiles.get(id).map_or(0, |profile| profile.version) + 1;
        let known = known.entry(item.key.clone()).or_default();
        outcomes.push(match observe(item, known, version) {
            Ok(fact) => {
                known.push(fact.clone());
                let customer_id = id.clone();
                new.push(NewFact {
                    fact: Observation { customer_id, fact },
                    customer_kind: item.customer_kind,
                });
                Outcome::Written
            }
            Err(outcome) => outcome,
        });
    }
    if new.is_empty() {
        return Ok(outcomes);
    }
    let written: Vec<&NewFact<Observation>> = new.iter().collect();
    let facts = new
        .iter()
        .map(|item| (&item.fact.customer_id, &item.fact.fact));
    store::contracts::insert(&mut tx, facts, recorded_at).await?;
    create_customers(&mut tx, &written, &profiles, recorded_at).await?;
    let folded = fold_new(&mut tx, &written, profiles, recorded_at).await?;
    let changes = Changes {
        profiles: &folded,
        identifiers: vec![],
        new_currency: add_currencies(&mut tx, &written, recorded_at).await?,
    };
    commit(ingest, tx, changes, recorded_at).await?;
    Ok(outcomes)
}

/// What an item adds to what is known of its contract, or why it adds nothing.
fn observe(
    item: &NewContract,
    known: &[ContractFact],
    profile_version: i64,
) -> Result<ContractFact, Outcome> {
    let terms = &item.terms;
    let identity = |terms: &ContractTerms| (terms.started_on, terms.period_months);
    if known
        .iter()
        .any(|fact| identity(&fact.terms) != identity(terms))
    {
        return Err(Outcome::OtherContract);
    }
    // Held against all that was recorded, not only what holds now: the same file sent again changes nothing.
    let said = known.iter().any(|fact| {
        fact.terms == *terms && item.effective_on.is_none_or(|day| day == fact.effective_on)
    });
    if said {
        return Err(Outcome::Duplicate);
    }
    let effective_on = item
        .effective_on
        .unwrap_or_else(|| from_now_on(item, known));
    if known
        .iter()
        .any(|fact| (fact.effective_on, fact.profile_version) == (effective_on, profile_version))
    {
        return Err(Outcome::SaidTwice);
    }
    Ok(ContractFact {
        source: item.key.source.clone(),
        contract_id: item.key.id.clone(),
        terms: terms.clone(),
        effective_on,
        profile_version,
    })
}

/// The day from which an observation holds that does not say it: the first thing said of a contract from its first day on, a change
/// from the day it is recorded, an end from the day of the end if that is earlier. Never behind what is known: it is the news.
fn from_now_on(item: &NewContract, known: &[ContractFact]) -> Day {
    let terms = &item.terms;
    let news = terms.ended_on.map_or(item.today, |end| end.min(item.today));
    match known.iter().map(|fact| fact.effective_on).max() {
        Some(last) => news.max(last),
        None if terms.ended_on.is_some() => news.max(terms.started_on),
        None => terms.started_on,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::money::Money;

    fn day(text: &str) -> Day {
        text.parse().unwrap()
    }

    /// A yearly contract since 2025-01-01, recorded on 2026-06-01.
    fn item(price: i64, ended_on: Option<&str>, effective_on: Option<&str>) -> NewContract {
        NewContract {
            key: FactKey {
                customer_id: CustomerId::new("ada").unwrap(),
                source: "erp".into(),
                id: "1".into(),
            },
            terms: ContractTerms {
                started_on: day("2025-01-01"),
                period_months: 12,
                price: Money {
                    amount_minor: price,
                    currency: "EUR".parse().unwrap(),
                },
                cost_minor: None,
                category: None,
                ended_on: ended_on.map(day),
            },
            effective_on: effective_on.map(day),
            today: day("2026-06-01"),
            customer_kind: None,
        }
    }

    /// Observes items one after the other, each in a batch of its own; the day from which each holds.
    fn days(items: &[NewContract]) -> Vec<Result<String, Outcome>> {
        let (mut known, mut version) = (vec![], 0);
        let each = items.iter().map(|item| {
            version += 1;
            let fact = observe(item, &known, version)?;
            known.push(fact.clone());
            Ok(fact.effective_on.to_string())
        });
        each.collect()
    }

    #[test]
    fn what_does_not_say_since_when_holds_from_now_on() {
        let ok = |text: &str| Ok(text.to_owned());
        assert_eq!(
            days(&[
                item(100, None, None),
                item(120, None, None),
                item(120, Some("2027-01-01"), None),
                item(120, Some("2026-03-01"), None),
                item(100, None, None),
                item(100, None, Some("2026-06-02")),
            ]),
            [
                ok("2025-01-01"),
                ok("2026-06-01"),
                ok("2026-06-01"),
                // Earlier than the day of the price, which would hide it.
                ok("2026-06-01"),
                Err(Outcome::Duplicate),
                ok("2026-06-02"),
            ]
        );
        let ended = item(100, Some("2026-01-01"), None);
        assert_eq!(days(&[ended]), [ok("2026-01-01")]);
        let cancelled = item(100, Some("2027-01-01"), None);
        assert_eq!(days(&[cancelled]), [ok("2026-06-01")]);
    }

    #[test]
    fn a_contract_keeps_its_first_day_and_its_period() {
        let first = item(100, None, None);
        let mut later = first.clone();
        later.terms.started_on = day("2025-01-02");
        let mut monthly = first.clone();
        monthly.terms.period_months = 1;
        let changed = Err(Outcome::OtherContract);
        assert_eq!(
            days(&[first, later, monthly])[1..],
            [changed.clone(), changed]
        );
    }

    #[test]
    fn of_two_sayings_for_a_day_in_one_batch_the_second_is_refused() {
        let known = observe(&item(100, None, Some("2026-01-01")), &[], 1).unwrap();
        let second = item(110, None, Some("2026-01-01"));
        assert_eq!(
            observe(&second, std::slice::from_ref(&known), 1),
            Err(Outcome::SaidTwice)
        );
        assert!(observe(&second, &[known], 2).is_ok());
    }
}
