//! Counting contacts customer by customer, and what is usual of them.
//!
//! It is given profiles one after another, in any order, and keeps counts only.

use std::collections::BTreeMap;

use super::{ContactModel, UsualContacts};
use crate::domain::{
    calendar::Day,
    clv::fit::contact_rates::{ContactRow, CostSums, fit_contact_rate, whole_weeks},
    customer::{
        CustomerKind,
        profile::{ContactDay, History},
    },
    money::Currency,
    text::Label,
};

/// Channels of a kind that are kept, those with the most contacts: channels are free text, and a version must stay small.
const MAX_CHANNELS: usize = 64;

/// Contacts of all customers until a day, counted.
#[derive(Debug)]
pub struct Census {
    until: Day,
    /// One for each kind, in the order of [`CustomerKind::ALL`].
    kinds: [KindCensus; CustomerKind::ALL.len()],
}

#[derive(Debug, Default)]
struct KindCensus {
    /// Customers by weeks since the first fact.
    weeks: BTreeMap<u32, u64>,
    channels: BTreeMap<Label, ChannelCensus>,
}

#[derive(Debug, Default)]
struct ChannelCensus {
    contacts: u64,
    /// Customers with a contact, by weeks and contacts.
    customers: BTreeMap<(u32, u32), u64>,
    costs: CostSums,
}

impl Census {
    /// Nobody yet; later facts than those of `until` will not count.
    #[must_use]
    pub fn new(until: Day) -> Self {
        Self {
            until,
            kinds: Default::default(),
        }
    }

    /// Adds a customer. `major` turns a cost booked on a day into major units of the reporting currency; a cost for which it has
    /// nothing counts as unknown.
    pub fn add(
        &mut self,
        kind: CustomerKind,
        history: &History,
        major: impl Fn(i64, Currency, Day) -> Option<f64>,
    ) {
        let Some(first) = history.first_day().filter(|&first| first <= self.until) else {
            return;
        };
        let weeks = whole_weeks(self.until - first);
        let place = CustomerKind::ALL.iter().position(|&it| it == kind);
        let Some(census) = place.and_then(|place| self.kinds.get_mut(place)) else {
            return;
        };
        *census.weeks.entry(weeks).or_default() += 1;
        let counted = history.contacts.iter().filter(|day| day.day <= self.until);
        let mut by_channel: BTreeMap<&Label, Vec<&ContactDay>> = BTreeMap::new();
        for day in counted {
            by_channel.entry(&day.channel).or_default().push(day);
        }
        for (channel, days) in by_channel {
            let contacts = days
                .iter()
                .fold(0_u32, |sum, day| sum.saturating_add(day.count));
            let channel = census.channels.entry(channel.clone()).or_default();
            channel.contacts += u64::from(contacts);
            *channel.customers.entry((weeks, contacts)).or_default() += 1;
            channel.costs.add(days.iter().filter_map(|day| {
                let cost = major(day.cost_minor, day.currency?, day.day)?;
                Some((day.count, cost))
            }));
        }
    }

    /// What is usual, with costs in `currency`, which is the one that `add` was given amounts in.
    #[must_use]
    pub fn fit(&self, currency: Option<Currency>) -> ContactModel {
        let kinds = CustomerKind::ALL.into_iter().zip(&self.kinds);
        ContactModel::new(
            kinds
                .flat_map(|(kind, census)| census.usual(kind, currency))
                .collect(),
        )
    }
}

impl KindCensus {
    fn usual(&self, kind: CustomerKind, currency: Option<Currency>) -> Vec<UsualContacts> {
        let mut channels: Vec<_> = self.channels.iter().collect();
        // Stable, so that of equals the first by name stays.
        channels.sort_by_key(|(_, channel)| std::cmp::Reverse(channel.contacts));
        channels.truncate(MAX_CHANNELS);
        channels.sort_by_key(|(name, _)| *name);
        let usual = channels.into_iter().filter_map(|(name, channel)| {
            let fit = fit_contact_rate(&self.rows(channel)).ok()?;
            Some(UsualContacts {
                kind,
                channel: name.clone(),
                rate: fit.rate,
                cost: channel.costs.usual().zip(currency),
                recorded_cost_share: channel.costs.share_of(channel.contacts),
                customers: fit.customers,
            })
        });
        usual.collect()
    }

    /// The rows of a channel: customers without a contact there count as well.
    fn rows(&self, channel: &ChannelCensus) -> Vec<ContactRow> {
        let mut silent = self.weeks.clone();
        let mut rows = Vec::with_capacity(channel.customers.len() + silent.len());
        for (&(weeks, contacts), &customers) in &channel.customers {
            if let Some(rest) = silent.get_mut(&weeks) {
                *rest -= customers;
            }
            rows.push(ContactRow {
                contacts,
                weeks,
                customers,
            });
        }
        let silent = silent.into_iter().filter(|(_, customers)| *customers > 0);
        rows.extend(silent.map(|(weeks, customers)| ContactRow {
            contacts: 0,
            weeks,
            customers,
        }));
        rows
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::{
        customer::{
            facts::{ContractFact, ContractTerms},
            profile::PurchaseDay,
        },
        money::Money,
    };

    fn day(text: &str) -> Day {
        text.parse().unwrap()
    }

    fn history(first: &str, contacts: &[(&str, &str, u32, Option<i64>)]) -> History {
        let euro: Currency = "EUR".parse().unwrap();
        History {
            purchases: vec![PurchaseDay {
                day: day(first),
                currency: euro,
                category: None,
                count: 1,
                amount_minor: 100,
                costed_amount_minor: 0,
                cost_minor: 0,
                foreign_refunds: None,
            }],
            contacts: contacts
                .iter()
                .map(|&(on, channel, count, cost)| ContactDay {
                    day: day(on),
                    channel: channel.into(),
                    currency: cost.map(|_| euro),
                    count,
                    cost_minor: cost.unwrap_or(0),
                    duration_seconds: 0,
                })
                .collect(),
            ..History::default()
        }
    }

    /// Cents, of which every currency has a rate.
    #[expect(
        clippy::cast_precision_loss,
        clippy::unnecessary_wraps,
        reason = "small amounts; the shape is that of a conversion"
    )]
    fn major(minor: i64, _: Currency, _: Day) -> Option<f64> {
        Some(minor as f64 / 100.0)
    }

    #[test]
    fn each_kind_and_channel_has_a_mean_of_its_own_in_which_the_silent_count() {
        let mut census = Census::new(day("2026-06-30"));
        let first = "2026-01-13"; // 24 weeks
        let calls = [("2026-02-01", "phone", 6, Some(27_000))];
        census.add(CustomerKind::Person, &history(first, &calls), major);
        census.add(CustomerKind::Person, &history(first, &[]), major);
        let chats = [("2026-02-01", "chat", 12, None)];
        census.add(CustomerKind::Company, &history(first, &chats), major);
        let fitted = census.fit(Some("EUR".parse().unwrap()));
        let of = |kind, channel: &str| {
            let mut all = fitted.of_kind(kind);
            all.find(|usual| &*usual.channel == channel).cloned()
        };
        let calls = of(CustomerKind::Person, "phone").unwrap();
        assert_eq!(calls.customers, 2);
        assert!((calls.rate.mean_per_week() - 6.0 / 48.0).abs() < 1e-6);
        assert!((calls.cost.unwrap().0.mean - 45.0).abs() < 1e-12);
        assert!((calls.recorded_cost_share - 1.0).abs() < 1e-12);
        let chats = of(CustomerKind::Company, "chat").unwrap();
        assert!((chats.rate.mean_per_week() - 0.5).abs() < 1e-6);
        assert_eq!((chats.cost, chats.recorded_cost_share), (None, 0.0));
        assert_eq!(of(CustomerKind::Person, "chat"), None);
        assert_eq!(of(CustomerKind::Company, "phone"), None);
    }

    #[test]
    fn it_is_counted_how_many_contacts_say_what_they_cost() {
        let mut census = Census::new(day("2026-06-30"));
        let contacts = [
            ("2026-02-01", "phone", 7, None),
            ("2026-02-02", "phone", 1, Some(50_000)),
        ];
        census.add(
            CustomerKind::Person,
            &history("2026-01-13", &contacts),
            major,
        );
        let fitted = census.fit(Some("EUR".parse().unwrap()));
        let [calls] = fitted.all() else {
            panic!("{fitted:?}");
        };
        assert!((calls.recorded_cost_share - 1.0 / 8.0).abs() < 1e-12);
        assert!((calls.cost.unwrap().0.mean - 500.0).abs() < 1e-12);
    }

    #[test]
    fn later_facts_do_not_count() {
        let mut census = Census::new(day("2026-06-30"));
        let contacts = [
            ("2026-02-01", "phone", 1, None),
            ("2026-07-01", "phone", 9, None),
            ("2026-07-01", "chat", 9, None),
        ];
        census.add(
            CustomerKind::Person,
            &history("2026-01-13", &contacts),
            major,
        );
        census.add(
            CustomerKind::Person,
            &history("2026-07-01", &contacts[1..]),
            major,
        );
        let fitted = census.fit(None);
        let [calls] = fitted.all() else {
            panic!("{fitted:?}");
        };
        assert_eq!((&*calls.channel, calls.customers), ("phone", 1));
        assert!((calls.rate.mean_per_week() - 1.0 / 24.0).abs() < 1e-9);
    }

    #[test]
    fn a_contract_that_never_ran_does_not_lengthen_the_time_in_which_contacts_were_counted() {
        let contacts = [("2026-02-01", "phone", 6, None)];
        let mut known = history("2026-01-13", &contacts);
        let began: Day = day("2020-01-01");
        known.contracts = vec![ContractFact {
            source: "erp".into(),
            contract_id: "1".into(),
            terms: ContractTerms {
                started_on: began,
                period_months: 1,
                price: Money {
                    amount_minor: 100,
                    currency: "EUR".parse().unwrap(),
                },
                cost_minor: None,
                category: None,
                ended_on: Some(began),
            },
            effective_on: began,
            profile_version: 1,
        }];
        let mut census = Census::new(day("2026-06-30"));
        census.add(CustomerKind::Person, &known, major);
        let rate = census.fit(None).all()[0].rate;
        assert!((rate.mean_per_week() - 6.0 / 24.0).abs() < 1e-9);
    }

    #[test]
    fn a_thousand_channels_keep_the_busiest() {
        let mut census = Census::new(day("2026-06-30"));
        for at in 0..1_000_u32 {
            let name = format!("c{at:03}");
            let contacts = [("2026-02-01", name.as_str(), 1 + at, None)];
            census.add(
                CustomerKind::Person,
                &history("2026-01-13", &contacts),
                major,
            );
        }
        let fitted = census.fit(None);
        assert_eq!(fitted.all().len(), MAX_CHANNELS);
        assert_eq!(&*fitted.all()[0].channel, "c936");
    }
}
