//! Topics: which of them a cheaper channel could take over, and which of them surge.

use super::{
    contacts::DeskContact,
    cost::{CostGap, CostSum},
    statistics::{adjusted_p_values, rise_p_value},
    tally::Tally,
    window::Window,
};
use crate::domain::{calendar::Day, text::Label};

/// Contacts about a topic on a channel.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct TopicSum {
    /// Contacts and cost.
    pub cost: CostSum,
    /// Customers with one.
    pub customers: u64,
    last_customer: Option<u64>,
}

/// Contacts by channel and topic.
#[derive(Debug, Default)]
pub struct ChannelTopics {
    sums: Tally<(Label, Label), TopicSum>,
    /// All contacts, also those without a topic.
    pub all: CostSum,
}

/// A topic on a channel that a cheaper channel could take over.
#[derive(Debug, Clone, PartialEq)]
pub struct Candidate {
    /// The topic.
    pub topic: Label,
    /// The channel of today.
    pub channel: Label,
    /// Contacts and cost.
    pub sum: TopicSum,
    /// The share that can be moved.
    pub share: f64,
    /// What that saves in the window, in minor units.
    pub saving_minor: f64,
}

impl ChannelTopics {
    /// Adds a contact of the customer with this number; customers come one after another.
    pub fn add(&mut self, customer: u64, contact: &DeskContact, price: Result<i64, CostGap>) {
        self.all.add(&contact.channel, price);
        let Some(topic) = &contact.topic else {
            return;
        };
        let sum = self.sums.of(&(contact.channel.clone(), topic.clone()));
        sum.cost.add(&contact.channel, price);
        if sum.last_customer != Some(customer) {
            sum.last_customer = Some(customer);
            sum.customers += 1;
        }
    }

    /// The topics that a channel where a contact costs `target_minor` would take over at a saving, the largest first; `share` is the part
    /// of a topic that can be moved.
    #[must_use]
    #[expect(clippy::cast_precision_loss, reason = "counts and amounts of contacts")]
    pub fn into_candidates(self, target_minor: i64, share: impl Fn(&str) -> f64) -> Vec<Candidate> {
        let sums = self.sums.into_sorted(|sum| sum.cost.cost_minor).into_iter();
        let mut candidates: Vec<Candidate> = sums
            .map(|((channel, topic), sum)| {
                let share = share(&topic);
                let there = target_minor as f64 * sum.cost.priced as f64;
                Candidate {
                    saving_minor: share * (sum.cost.cost_minor as f64 - there),
                    topic,
                    channel,
                    sum,
                    share,
                }
            })
            .filter(|candidate| candidate.saving_minor > 0.0)
            .collect();
        // Stable: equal savings stay in the order of cost, then name.
        candidates.sort_by(|one, other| other.saving_minor.total_cmp(&one.saving_minor));
        candidates
    }
}

/// Contacts about a topic in two stretches of time.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
struct TopicCounts {
    recent: u64,
    earlier: u64,
    recent_customers: u64,
    last_customer: Option<u64>,
}

/// Contacts by topic, in the recent days and in the days before.
#[derive(Debug)]
pub struct TopicRates {
    recent: Window,
    earlier: Window,
    counts: Tally<Label, TopicCounts>,
    without_topic: u64,
}

/// A topic whose rate rose.
#[derive(Debug, Clone, PartialEq)]
pub struct Surge {
    /// The topic.
    pub topic: Label,
    /// Recent contacts.
    pub recent: u64,
    /// Earlier contacts.
    pub earlier: u64,
    /// Recent contacts that the earlier rate would give.
    pub expected: f64,
    /// Recent rate over earlier rate; `None` without an earlier contact.
    pub factor: Option<f64>,
    /// Probability of at least as many recent contacts at an unchanged rate.
    pub p_value: f64,
    /// The same, adjusted for the number of topics.
    pub adjusted_p_value: f64,
    /// Customers with a recent contact.
    pub customers: u64,
}

/// What the test of all topics came to.
#[derive(Debug, Clone, PartialEq)]
pub struct Surges {
    /// Those that rose, the smallest p value first.
    pub surges: Vec<Surge>,
    /// How many topics were tested.
    pub tested: u64,
    /// Contacts without a topic.
    pub without_topic: u64,
}

impl TopicRates {
    /// Of the last `recent_days` up to `last`, and the `earlier_days` before.
    #[must_use]
    pub fn new(last: Day, recent_days: u32, earlier_days: u32) -> Self {
        let recent = Window::of_days(last, recent_days);
        Self {
            earlier: Window::of_days(recent.first.plus_days(-1), earlier_days),
            recent,
            counts: Tally::default(),
            without_topic: 0,
        }
    }

    /// The recent days.
    #[must_use]
    pub fn recent(&self) -> Window {
        self.recent
    }

    /// The days before.
    #[must_use]
    pub fn earlier(&self) -> Window {
        self.earlier
    }

    /// All days.
    #[must_use]
    pub fn whole(&self) -> Window {
        Window {
            first: self.earlier.first,
            last: self.recent.last,
        }
    }

    /// Adds a contact of the customer with this number; customers come one after another.
    pub fn add(&mut self, customer: u64, contact: &DeskContact) {
        let Some(topic) = &contact.topic else {
            self.without_topic += 1;
            return;
        };
        let counts = self.counts.of(topic);
        if self.recent.contains(contact.day) {
            counts.recent += 1;
            if counts.last_customer != Some(customer) {
                counts.last_customer = Some(customer);
                counts.recent_customers += 1;
            }
        } else {
            counts.earlier += 1;
        }
    }

    /// The topics whose rate rose, with at most this expected share of false alarms among them. Every topic with a contact is tested.
    #[must_use]
    #[expect(clippy::cast_precision_loss, reason = "counts of contacts")]
    pub fn surges(self, false_discovery_rate: f64) -> Surges {
        let (recent, earlier) = (self.recent.days(), self.earlier.days());
        let (recent_days, earlier_days) = (f64::from(recent), f64::from(earlier));
        let share = recent_days / (recent_days + earlier_days);
        let counts = self.counts.into_sorted(|counts| counts.recent);
        let tested = counts.len() as u64;
        let p_values: Vec<f64> = counts
            .iter()
            .map(|(_, counts)| rise_p_value(counts.recent, counts.earlier, share))
            .collect();
        let adjusted = adjusted_p_values(&p_values);
        let tests = counts.into_iter().zip(p_values.into_iter().zip(adjusted));
        let mut surges: Vec<Surge> = tests
            .filter(|(_, (_, adjusted))| *adjusted <= false_discovery_rate)
            .map(|((topic, counts), (p_value, adjusted_p_value))| {
                let expected = counts.earlier as f64 * recent_days / earlier_days;
                Surge {
                    topic,
                    recent: counts.recent,
                    earlier: counts.earlier,
                    expected,
                    factor: (counts.earlier > 0).then(|| counts.recent as f64 / expected),
                    p_value,
                    adjusted_p_value,
                    customers: counts.recent_customers,
                }
            })
            .collect();
        surges.sort_by(|one, other| {
            let smallest_first = one.p_value.total_cmp(&other.p_value);
            smallest_first.then_with(|| one.topic.cmp(&other.topic))
        });
        Surges {
            surges,
            tested,
            without_topic: self.without_topic,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn contact(day: i32, channel: &str, topic: Option<&str>) -> DeskContact {
        DeskContact {
            day: Day::from_number(day).unwrap(),
            channel: channel.into(),
            topic: topic.map(Label::from),
            queue: None,
            duration_seconds: None,
            cost: None,
            outcome: None,
            transferred: None,
            resolved_first: None,
            satisfaction: None,
            effort: None,
        }
    }

    #[test]
    fn the_largest_saving_comes_first_and_dearer_targets_save_nothing() {
        let mut topics = ChannelTopics::default();
        for (customer, channel, topic, price) in [
            (0, "phone", Some("password"), Ok(700)),
            (0, "phone", Some("password"), Ok(700)),
            (1, "phone", Some("password"), Ok(700)),
            (1, "visit", Some("repair"), Ok(9_000)),
            (2, "chat", Some("hours"), Ok(20)),
            (3, "phone", None, Ok(700)),
            (3, "phone", Some("password"), Err(CostGap::NotKnown)),
        ] {
            topics.add(customer, &contact(0, channel, topic), price);
        }
        assert_eq!(topics.all.contacts, 7);
        let share = |topic: &str| if topic == "repair" { 0.1 } else { 0.5 };
        let found = topics.into_candidates(20, share);
        let found: Vec<_> = found
            .iter()
            .map(|it| {
                (
                    &*it.topic,
                    it.sum.cost.priced,
                    it.sum.customers,
                    it.saving_minor,
                )
            })
            .collect();
        assert_eq!(
            found,
            [("password", 3, 3, 1_020.0), ("repair", 1, 1, 898.0)]
        );
    }

    #[test]
    fn a_topic_that_rose_is_found_and_a_frequent_steady_one_is_not() {
        let mut rates = TopicRates::new(Day::from_number(90).unwrap(), 7, 84);
        assert_eq!(rates.whole().first.number(), 0);
        // A new one: 12 in a week, none before. A steady one: 3 a day. A rare one: once, lately.
        for customer in 0..12 {
            rates.add(customer, &contact(90, "phone", Some("outage")));
        }
        for day in 0..91 {
            for _ in 0..3 {
                rates.add(50, &contact(day, "phone", Some("invoice")));
            }
        }
        rates.add(60, &contact(88, "phone", Some("rare")));
        rates.add(60, &contact(88, "phone", None));
        let found = rates.surges(0.05);
        assert_eq!((found.tested, found.without_topic), (3, 1));
        let [outage] = &*found.surges else {
            panic!("{found:?}");
        };
        assert_eq!(
            (&*outage.topic, outage.recent, outage.customers),
            ("outage", 12, 12)
        );
        assert_eq!(outage.factor, None);
        assert!(outage.p_value < outage.adjusted_p_value && outage.adjusted_p_value < 1e-9);
    }
}
