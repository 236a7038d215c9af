//! What a file means: whose facts it has, of which days, how much of which kind. A wrong column shows here, before or after it was sent.

use std::borrow::Cow;
use std::collections::{BTreeMap, HashSet};
use std::hash::{DefaultHasher, Hash as _, Hasher as _};

use jiff::civil::Date;
use serde::Serialize;

use super::known::Counts;
use crate::cli::text::major_text;
use crate::pb;

/// Rows that are shown as they were read.
const SHOWN: usize = 3;

/// What a fact means.
#[derive(Debug, Clone, Default)]
pub struct View<'a> {
    /// The kind, for example "Purchases".
    pub kind: &'static str,
    /// The customer, if the fact has one.
    pub customer: Option<Cow<'a, str>>,
    /// The day.
    pub day: Option<Date>,
    /// The amount.
    pub money: Option<&'a pb::Money>,
}

/// The customer of a fact that was added.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SeenCustomer {
    /// A hash of the customer.
    pub hash: u64,
    /// Whether it is the first fact of the customer.
    pub is_new: bool,
}

/// What all facts of a file mean.
#[derive(Debug, Default)]
pub struct Meaning {
    /// A hash of each customer: 8 bytes a customer.
    customers: HashSet<u64>,
    /// Those with a fact that was recorded.
    accepted: HashSet<u64>,
    /// How many were created.
    created: u64,
    /// How many are new and known, where nothing is sent.
    counts: Option<Counts>,
    days: Option<(Date, Date)>,
    kinds: BTreeMap<&'static str, Kind>,
    first_rows: Vec<String>,
    first_lines: HashSet<u64>,
}

#[derive(Debug, Default)]
struct Kind {
    count: u64,
    sums: BTreeMap<String, i128>,
}

/// What a file means, for a program.
#[derive(Debug, Default, Serialize)]
pub struct MeaningJson {
    customers: usize,
    new_customers: Option<u64>,
    known_customers: Option<u64>,
    unclear_customers: Option<u64>,
    refused_customers: Option<u64>,
    first_day: Option<String>,
    last_day: Option<String>,
    kinds: Vec<KindJson>,
    first_rows: Vec<String>,
}

#[derive(Debug, Serialize)]
struct KindJson {
    kind: &'static str,
    count: u64,
    sums: Vec<SumJson>,
}

#[derive(Debug, Serialize)]
struct SumJson {
    currency: String,
    amount: String,
}

impl Meaning {
    /// Whether facts of a line are still shown.
    fn shows(&self, line: u64) -> bool {
        self.first_lines.len() < SHOWN || self.first_lines.contains(&line)
    }

    /// Adds a fact of a line. `details` are what else is shown of it. Returns its customer.
    pub fn add(
        &mut self,
        line: u64,
        view: &View<'_>,
        details: impl FnOnce() -> Vec<(&'static str, String)>,
    ) -> Option<SeenCustomer> {
        let customer = view.customer.as_ref().map(|customer| {
            let mut hasher = DefaultHasher::new();
            customer.hash(&mut hasher);
            let hash = hasher.finish();
            SeenCustomer {
                hash,
                is_new: self.customers.insert(hash),
            }
        });
        if let Some(day) = view.day {
            let (first, last) = self.days.unwrap_or((day, day));
            self.days = Some((first.min(day), last.max(day)));
        }
        self.count(view.kind, view.money);
        if self.shows(line) {
            self.first_lines.insert(line);
            self.first_rows.push(row_text(line, view, &details()));
        }
        customer
    }

    /// Counts a fact of a kind.
    pub fn count(&mut self, kind: &'static str, money: Option<&pb::Money>) {
        let kind = self.kinds.entry(kind).or_default();
        kind.count += 1;
        if let Some(money) = money {
            if let Some(sum) = kind.sums.get_mut(&money.currency) {
                *sum += i128::from(money.amount_minor);
            } else {
                let amount = i128::from(money.amount_minor);
                kind.sums.insert(money.currency.clone(), amount);
            }
        }
    }

    /// Counts a fact that was recorded. `created`: it is the first that is known of its customer.
    pub fn record(&mut self, customer: Option<u64>, created: bool) {
        self.accepted.extend(customer);
        self.created += u64::from(created);
    }

    /// Sets how many customers are new and known, where nothing is sent.
    pub fn set_counts(&mut self, counts: Counts) {
        self.counts = Some(counts);
    }

    /// How many of its customers were new and known, where that is known.
    fn counts(&self) -> Option<Counts> {
        let accepted = self.accepted.len() as u64;
        self.counts.or((accepted > 0).then(|| Counts {
            new: self.created,
            known: accepted.saturating_sub(self.created),
            unclear: 0,
            refused: 0,
        }))
    }

    /// Rows of the summary.
    #[must_use]
    pub fn page(&self) -> Vec<(&'static str, String)> {
        let mut rows = Vec::new();
        if !self.customers.is_empty() {
            let of = self.counts().map(|counts| {
                let further = |count: u64, what: &str| match count {
                    0 => String::new(),
                    count => format!(", {count} {what}"),
                };
                let unclear = further(counts.unclear, "not clear");
                let refused = further(counts.refused, "unknown: their rows will be refused");
                let Counts { new, known, .. } = counts;
                format!(" ({new} new, {known} known{unclear}{refused})")
            });
            let of = of.unwrap_or_default();
            rows.push(("Customers", format!("{}{of}", self.customers.len())));
        }
        if let Some((first, last)) = self.days {
            let days = if first == last {
                first.to_string()
            } else {
                format!("{first} to {last}")
            };
            rows.push(("Days", days));
        }
        for (kind, found) in &self.kinds {
            let sums: Vec<String> = found
                .sums
                .iter()
                .map(|(currency, sum)| format!("{} {currency}", sum_text(*sum, currency)))
                .collect();
            let of = if sums.is_empty() {
                String::new()
            } else {
                format!(": {}", sums.join(", "))
            };
            rows.push((kind, format!("{}{of}", found.count)));
        }
        for (at, row) in self.first_rows.iter().enumerate() {
            rows.push((if at == 0 { "First rows" } else { "" }, row.clone()));
        }
        rows
    }

    /// The same for a program.
    #[must_use]
    pub fn json(&self) -> MeaningJson {
        let sums = |found: &Kind| {
            let sums = found.sums.iter().map(|(currency, sum)| SumJson {
                currency: currency.clone(),
                amount: sum_text(*sum, currency),
            });
            sums.collect()
        };
        let kinds = self.kinds.iter().map(|(kind, found)| KindJson {
            kind,
            count: found.count,
            sums: sums(found),
        });
        let counts = self.counts();
        MeaningJson {
            customers: self.customers.len(),
            new_customers: counts.map(|counts| counts.new),
            known_customers: counts.map(|counts| counts.known),
            unclear_customers: counts.map(|counts| counts.unclear),
            refused_customers: counts.map(|counts| counts.refused),
            first_day: self.days.map(|(first, _)| first.to_string()),
            last_day: self.days.map(|(_, last)| last.to_string()),
            kinds: kinds.collect(),
            first_rows: self.first_rows.clone(),
        }
    }
}

/// A sum in major units; one beyond what a single amount can be, in minor units.
fn sum_text(sum: i128, currency: &str) -> String {
    i64::try_from(sum).map_or_else(|_| sum.to_string(), |sum| major_text(sum, currency))
}

fn row_text(line: u64, view: &View<'_>, details: &[(&'static str, String)]) -> String {
    let mut parts = Vec::new();
    parts.extend(
        view.customer
            .as_ref()
            .map(|customer| customer.clone().into_owned()),
    );
    parts.extend(view.day.map(|day| day.to_string()));
    parts.push(view.kind.trim_end_matches('s').to_lowercase());
    let money = view.money;
    parts.extend(money.map(|money| {
        format!(
            "{} {}",
            major_text(money.amount_minor, &money.currency),
            money.currency
        )
    }));
    let details = details.iter().filter(|(_, value)| !value.is_empty());
    let details: Vec<String> = details
        .map(|(name, value)| format!("{name} {value}").trim().to_owned())
        .collect();
    let more = if details.is_empty() {
        String::new()
    } else {
        format!("; {}", details.join(", "))
    };
    format!("line {line}: {}{more}", parts.join(" "))
}

#[cfg(test)]
mod tests {
    use jiff::civil::date;

    use super::*;

    #[test]
    fn facts_come_to_customers_days_and_sums_by_kind_and_currency() {
        let money = |amount_minor, currency: &str| pb::Money {
            amount_minor,
            currency: currency.to_owned(),
        };
        let (euros, yen) = (money(1_250, "EUR"), money(700, "JPY"));
        let mut meaning = Meaning::default();
        for (line, customer, kind, day, money) in [
            (2, "ada", "Purchases", date(2026, 2, 1), &euros),
            (3, "bea", "Purchases", date(2026, 1, 1), &yen),
            (4, "ada", "Refunds", date(2026, 3, 1), &euros),
            (5, "ada", "Purchases", date(2026, 2, 1), &euros),
        ] {
            let view = View {
                kind,
                customer: Some(Cow::Borrowed(customer)),
                day: Some(day),
                money: Some(money),
            };
            meaning.add(line, &view, || vec![("id", line.to_string())]);
        }
        let page: Vec<String> = meaning
            .page()
            .into_iter()
            .map(|(label, value)| format!("{label} | {value}"))
            .collect();
        assert_eq!(
            page,
            [
                "Customers | 2",
                "Days | 2026-01-01 to 2026-03-01",
                "Purchases | 3: 25.00 EUR, 700 JPY",
                "Refunds | 1: 12.50 EUR",
                "First rows | line 2: ada 2026-02-01 purchase 12.50 EUR; id 2",
                " | line 3: bea 2026-01-01 purchase 700 JPY; id 3",
                " | line 4: ada 2026-03-01 refund 12.50 EUR; id 4",
            ]
        );
    }
}
