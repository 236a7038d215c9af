//! The contracts: append-only observations; a change is a new row.

use std::collections::HashMap;

use futures_util::TryStreamExt;
use jiff::Timestamp;
use sqlx::PgConnection;

use crate::{
    domain::{
        calendar::Day,
        clv::fit::contracts::{ContractOutcome, ContractRow},
        customer::{
            contracts::known_on,
            facts::{ContractFact, ContractTerms, FactKey},
        },
        fitted::contract_models::ContractRows,
        money::Money,
        text::{CustomerId, Label},
    },
    store::{codes, error::StoreError, instant::Instant},
};

/// The columns of many observations, one array each.
#[derive(Default)]
struct Columns<'a> {
    customer_id: Vec<&'a str>,
    source: Vec<&'a str>,
    contract_id: Vec<&'a str>,
    effective_on: Vec<i32>,
    profile_version: Vec<i64>,
    started_on: Vec<i32>,
    period_months: Vec<i16>,
    price_minor: Vec<i64>,
    currency: Vec<&'static str>,
    cost_minor: Vec<Option<i64>>,
    category: Vec<Option<&'a str>>,
    ended_on: Vec<Option<i32>>,
}

impl<'a> Columns<'a> {
    fn push(&mut self, customer_id: &'a CustomerId, fact: &'a ContractFact) {
        let terms = &fact.terms;
        self.customer_id.push(customer_id.as_str());
        self.source.push(&fact.source);
        self.contract_id.push(&fact.contract_id);
        self.effective_on.push(fact.effective_on.number());
        self.profile_version.push(fact.profile_version);
        self.started_on.push(terms.started_on.number());
        let period = i16::try_from(terms.period_months).unwrap_or(i16::MAX);
        self.period_months.push(period);
        self.price_minor.push(terms.price.amount_minor);
        self.currency.push(terms.price.currency.code());
        self.cost_minor.push(terms.cost_minor);
        self.category.push(terms.category.as_deref());
        self.ended_on.push(terms.ended_on.map(Day::number));
    }
}

/// Inserts observations.
///
/// # Errors
/// When the database cannot be asked.
pub async fn insert<'a>(
    tx: &mut PgConnection,
    facts: impl IntoIterator<Item = (&'a CustomerId, &'a ContractFact)>,
    recorded_at: Timestamp,
) -> Result<(), StoreError> {
    let mut columns = Columns::default();
    for (customer_id, fact) in facts {
        columns.push(customer_id, fact);
    }
    if columns.customer_id.is_empty() {
        return Ok(());
    }
    sqlx::query(
        "INSERT INTO contracts
           (customer_id, source, contract_id, effective_on, profile_version, started_on, period_months, price_minor, currency,
            cost_minor, category, ended_on, recorded_at)
         SELECT customer_id, source, contract_id, effective_on, profile_version, started_on, period_months, price_minor, currency,
                cost_minor, category, ended_on, $13
         FROM unnest($1::text[], $2::text[], $3::text[], $4::integer[], $5::bigint[], $6::integer[], $7::smallint[],
                     $8::bigint[], $9::text[], $10::bigint[], $11::text[], $12::integer[])
           AS new (customer_id, source, contract_id, effective_on, profile_version, started_on, period_months, price_minor,
                   currency, cost_minor, category, ended_on)",
    )
    .bind(columns.customer_id)
    .bind(columns.source)
    .bind(columns.contract_id)
    .bind(columns.effective_on)
    .bind(columns.profile_version)
    .bind(columns.started_on)
    .bind(columns.period_months)
    .bind(columns.price_minor)
    .bind(columns.currency)
    .bind(columns.cost_minor)
    .bind(columns.category)
    .bind(columns.ended_on)
    .bind(Instant(recorded_at))
    .execute(tx)
    .await?;
    Ok(())
}

struct Row {
    customer_id: String,
    source: String,
    contract_id: String,
    effective_on: i32,
    profile_version: i64,
    started_on: i32,
    period_months: i16,
    price_minor: i64,
    currency: String,
    cost_minor: Option<i64>,
    category: Option<String>,
    ended_on: Option<i32>,
}

crate::store::row::from_row!(Row {
    customer_id,
    source,
    contract_id,
    effective_on,
    profile_version,
    started_on,
    period_months,
    price_minor,
    currency,
    cost_minor,
    category,
    ended_on
});

impl TryFrom<Row> for (CustomerId, ContractFact) {
    type Error = StoreError;

    fn try_from(row: Row) -> Result<Self, StoreError> {
        let period_months = u32::try_from(row.period_months)
            .map_err(|error| StoreError::corrupt("period of a contract", error))?;
        let terms = ContractTerms {
            started_on: codes::day(row.started_on)?,
            period_months,
            price: Money {
                amount_minor: row.price_minor,
                currency: codes::currency(&row.currency)?,
            },
            cost_minor: row.cost_minor,
            category: row.category.map(Label::from),
            ended_on: row.ended_on.map(codes::day).transpose()?,
        };
        let fact = ContractFact {
            source: row.source.into(),
            contract_id: row.contract_id.into(),
            terms,
            effective_on: codes::day(row.effective_on)?,
            profile_version: row.profile_version,
        };
        Ok((codes::customer_id(&row.customer_id)?, fact))
    }
}

fn by_customer(rows: Vec<Row>) -> Result<HashMap<CustomerId, Vec<ContractFact>>, StoreError> {
    let mut by_customer: HashMap<CustomerId, Vec<ContractFact>> = HashMap::new();
    for row in rows {
        let (customer_id, fact) = row.try_into()?;
        by_customer.entry(customer_id).or_default().push(fact);
    }
    Ok(by_customer)
}

/// The observations of `customers`; those that tell how their contracts stood on the day `until`, where there is one.
///
/// # Errors
/// When the database cannot be asked or a row cannot be read.
pub async fn list(
    connection: &mut PgConnection,
    customers: &[CustomerId],
    until: Option<Day>,
) -> Result<HashMap<CustomerId, Vec<ContractFact>>, StoreError> {
    let rows: Vec<Row> = sqlx::query_as(
        "SELECT customer_id, source, contract_id, effective_on, profile_version, started_on, period_months, price_minor,
                currency, cost_minor, category, ended_on
         FROM contracts
         WHERE customer_id = ANY($1)
           AND ($2::integer IS NULL OR started_on <= $2)",
    )
    .bind(codes::id_array(customers))
    .bind(until.map(Day::number))
    .fetch_all(connection)
    .await?;
    let mut facts = by_customer(rows)?;
    if let Some(day) = until {
        for observations in facts.values_mut() {
            *observations = known_on(std::mem::take(observations), day);
        }
    }
    Ok(facts)
}

/// All observations of the contracts of `keys`.
///
/// # Errors
/// When the database cannot be asked or a row cannot be read.
pub async fn list_by_key(
    connection: &mut PgConnection,
    keys: &[&FactKey],
) -> Result<HashMap<CustomerId, Vec<ContractFact>>, StoreError> {
    let rows: Vec<Row> = sqlx::query_as(
        "SELECT c.customer_id, c.source, c.contract_id, c.effective_on, c.profile_version, c.started_on, c.period_months,
                c.price_minor, c.currency, c.cost_minor, c.category, c.ended_on
         FROM contracts AS c
         JOIN unnest($1::text[], $2::text[], $3::text[]) AS key (customer_id, source, id)
           ON c.customer_id = key.customer_id AND c.source = key.source AND c.contract_id = key.id
         WHERE c.customer_id = ANY($1)",
    )
    .bind(keys.iter().map(|key| key.customer_id.as_str()).collect::<Vec<_>>())
    .bind(keys.iter().map(|key| &*key.source).collect::<Vec<_>>())
    .bind(keys.iter().map(|key| &*key.id).collect::<Vec<_>>())
    .fetch_all(connection)
    .await?;
    by_customer(rows)
}

/// All observations of the contracts of persons and companies that began by a day, one contract after another, in a fixed order.
///
/// # Errors
/// When the database cannot be asked or a row cannot be read.
pub async fn list_begun(
    connection: &mut PgConnection,
    until: Day,
    mut each: impl FnMut(&CustomerId, &[ContractFact]),
) -> Result<(), StoreError> {
    let mut rows = sqlx::query_as::<_, Row>(
        "WITH member AS (
           SELECT unnest(m.members) AS customer_id, m.customer_id AS root
           FROM profiles AS m
           WHERE m.members IS NOT NULL
         )
         SELECT p.customer_id, c.source, c.contract_id, c.effective_on, c.profile_version, c.started_on, c.period_months,
                c.price_minor, c.currency, c.cost_minor, c.category, c.ended_on
         FROM contracts AS c
         LEFT JOIN member ON member.customer_id = c.customer_id
         JOIN profiles AS p ON p.customer_id = coalesce(member.root, c.customer_id)
         WHERE p.kind IN (1, 2) AND c.started_on <= $1
           AND (member.root IS NULL OR NOT EXISTS (
             SELECT 1
             FROM contracts AS own
             WHERE own.customer_id = member.root AND own.source = c.source AND own.contract_id = c.contract_id
               AND own.effective_on = c.effective_on))
         ORDER BY p.customer_id, c.source, c.contract_id, c.profile_version",
    )
    .bind(until.number())
    .fetch(connection);
    let mut one: Option<(CustomerId, Vec<ContractFact>)> = None;
    while let Some(row) = rows.try_next().await? {
        let (customer_id, fact) = row.try_into()?;
        match &mut one {
            Some((id, facts)) if *id == customer_id && same_contract(facts, &fact) => {
                facts.push(fact);
            }
            _ => {
                if let Some((id, facts)) = one.replace((customer_id, vec![fact])) {
                    each(&id, &facts);
                }
            }
        }
    }
    if let Some((id, facts)) = one {
        each(&id, &facts);
    }
    Ok(())
}

fn same_contract(facts: &[ContractFact], fact: &ContractFact) -> bool {
    let key = |fact: &ContractFact| (fact.source.clone(), fact.contract_id.clone());
    facts.first().is_some_and(|first| key(first) == key(fact))
}

/// The first day of any contract of a person or company; `None` without one that began by a day.
///
/// # Errors
/// When the database cannot be asked.
pub async fn find_first_start(
    connection: &mut PgConnection,
    until: Day,
) -> Result<Option<Day>, StoreError> {
    let (first,): (Option<i32>,) = sqlx::query_as(
        "WITH member AS (
           SELECT unnest(m.members) AS customer_id, m.customer_id AS root
           FROM profiles AS m
           WHERE m.members IS NOT NULL
         )
         SELECT min(c.started_on)
         FROM contracts AS c
         LEFT JOIN member ON member.customer_id = c.customer_id
         JOIN profiles AS p ON p.customer_id = coalesce(member.root, c.customer_id)
         WHERE p.kind IN (1, 2) AND c.started_on <= $1",
    )
    .bind(until.number())
    .fetch_one(connection)
    .await?;
    first.map(codes::day).transpose()
}

/// What became of the contracts of persons and companies at the renewals due until a day, as it was known then.
///
/// Of each contract the database returns the observation that held, or, where none was effective yet, the earliest one.
///
/// # Errors
/// When the database cannot be asked or a row cannot be read.
pub async fn count_outcomes(
    connection: &mut PgConnection,
    until: Day,
) -> Result<ContractRows, StoreError> {
    let mut rows = sqlx::query_as::<_, Row>(
        "WITH member AS (
           SELECT unnest(m.members) AS customer_id, m.customer_id AS root
           FROM profiles AS m
           WHERE m.members IS NOT NULL
         )
         SELECT DISTINCT ON (p.customer_id, c.source, c.contract_id)
                p.customer_id, c.source, c.contract_id, c.effective_on, c.profile_version, c.started_on, c.period_months,
                c.price_minor, c.currency, c.cost_minor, c.category, c.ended_on
         FROM contracts AS c
         LEFT JOIN member ON member.customer_id = c.customer_id
         JOIN profiles AS p ON p.customer_id = coalesce(member.root, c.customer_id)
         WHERE p.kind IN (1, 2) AND c.started_on <= $1
         ORDER BY p.customer_id, c.source, c.contract_id, c.effective_on > $1,
                  abs(c.effective_on - $1), member.customer_id NULLS FIRST, c.profile_version DESC",
    )
    .bind(until.number())
    .fetch(connection);
    let mut counts: HashMap<(u32, u32, ContractOutcome), u64> = HashMap::new();
    while let Some(row) = rows.try_next().await? {
        let (_, fact) = row.try_into()?;
        for fact in known_on(vec![fact], until) {
            if let Some((renewals, outcome)) = fact.terms.outcome_on(until) {
                *counts
                    .entry((fact.terms.period_months, renewals, outcome))
                    .or_default() += 1;
            }
        }
    }
    let mut by_period = ContractRows::new();
    for ((months, renewals, outcome), count) in counts {
        by_period.entry(months).or_default().push(ContractRow {
            renewals,
            outcome,
            count,
        });
    }
    // The order of a hash map is random; a fit is not.
    for rows in by_period.values_mut() {
        rows.sort_unstable();
    }
    Ok(by_period)
}
