//! What an invented customer did in three years: purchases until drop-out, refunds, contacts.

use jiff::civil::Date;
use jiff::tz::TimeZone;
use jiff::{Span, Timestamp};

use super::random::Random;
use crate::pb;
use crate::pb::transaction::Kind;

/// Length of the histories, in days: three years.
pub const HISTORY_DAYS: i32 = 1_095;
/// Currency of everything in the demo.
pub const CURRENCY: &str = "EUR";
/// System that recorded the transactions.
pub const SHOP: &str = "demo-shop";
/// System that recorded the contacts.
pub const CALL_CENTRE: &str = "demo-acd";

/// How a group of customers buys. Rates are gamma distributed over customers, drop-out after each purchase (the first included) is
/// beta distributed, amounts are gamma distributed around a mean that varies over customers: the assumptions of MBG/NBD and
/// Gamma-Gamma, so that the demo's fit has something to find. Chosen to look like a shop for coffee and machines.
#[derive(Debug, Clone, Copy)]
pub struct Habits {
    /// Shape of the purchase rate.
    r: f64,
    /// Rate parameter of the purchase rate, in weeks: the mean rate is r / alpha a week.
    alpha: f64,
    /// First parameter of the drop-out probability.
    a: f64,
    /// Second parameter: the mean probability is a / (a + b).
    b: f64,
    /// Factor on amounts.
    amount_factor: f64,
}

/// Habits of persons: a purchase in nine weeks on average.
pub const PERSON: Habits = Habits {
    r: 0.9,
    alpha: 8.0,
    a: 0.9,
    b: 5.0,
    amount_factor: 1.0,
};

/// Habits of companies: they buy more often, more, and stay longer.
pub const COMPANY: Habits = Habits {
    r: 1.2,
    alpha: 6.0,
    a: 0.6,
    b: 8.0,
    amount_factor: 4.0,
};

/// Spend of a purchase: gamma with shape P and a rate that is gamma distributed with Q and V over customers. Mean P V / (Q - 1),
/// here about 43 EUR.
const SPEND: (f64, f64, f64) = (4.0, 4.5, 37.5);
/// Share of purchases that are paid back at least in part.
const REFUNDED: f64 = 0.06;
/// Share of purchases that were booked by mistake and are reversed.
const REVERSED: f64 = 0.005;
/// Share of purchases that lead to a contact.
const CONTACTED: f64 = 0.2;

/// The facts of one customer.
#[derive(Debug, Default)]
pub struct History {
    /// Purchases, refunds and reversals.
    pub transactions: Vec<pb::Transaction>,
    /// Service contacts.
    pub contacts: Vec<pb::Contact>,
}

/// Writes histories that end on a day.
#[derive(Debug)]
pub struct Historian {
    first_day: Date,
}

impl Historian {
    /// Histories that end on `as_of`.
    #[must_use]
    pub fn until(as_of: Date) -> Self {
        Self {
            first_day: as_of.saturating_sub(Span::new().days(HISTORY_DAYS)),
        }
    }

    fn day(&self, offset: i32) -> Date {
        self.first_day.saturating_add(Span::new().days(offset))
    }

    /// A customer who buys by the given habits from a day within the three years on.
    pub fn buyer(&self, id: &str, habits: Habits, random: &mut Random) -> History {
        let mut history = History::default();
        let rate_a_day = random.gamma(habits.r, habits.alpha) / 7.0;
        let drop_out = random.beta(habits.a, habits.b);
        let (p, q, v) = SPEND;
        let spend_rate = random.gamma(q, v) / habits.amount_factor;
        let mut time = random.uniform() * f64::from(HISTORY_DAYS - 14);
        while time < f64::from(HISTORY_DAYS) + 1.0 {
            #[expect(clippy::cast_possible_truncation, reason = "at most 1,095")]
            let day = time as i32;
            let amount_minor = minor(random.gamma(p, spend_rate)).max(1);
            self.purchase(id, day, amount_minor, &mut history, random);
            if random.chance(drop_out) {
                break;
            }
            time += random.exponential(rate_a_day);
        }
        history
    }

    /// Somebody who calls and writes without ever buying: a lead, or a colleague at the help desk.
    pub fn caller(&self, id: &str, contacts: usize, random: &mut Random) -> History {
        let mut history = History::default();
        for _ in 0..contacts {
            let day = i32::try_from(random.below(1_096)).unwrap_or(0);
            self.contact(id, day, &mut history, random);
        }
        history
    }

    /// A purchase with what follows from it.
    fn purchase(
        &self,
        id: &str,
        day: i32,
        amount_minor: i64,
        history: &mut History,
        random: &mut Random,
    ) {
        let number = history.transactions.len() + 1;
        let mut fact = pb::Transaction {
            customer_id: id.to_owned(),
            source: SHOP.to_owned(),
            transaction_id: format!("{id}-{number:03}"),
            kind: Kind::Purchase.into(),
            when: Some(pb::transaction::When::OccurredOn(self.day(day).to_string())),
            amount: Some(euros(amount_minor)),
            cost_minor: None,
            category: (*random.pick(&["coffee", "coffee", "machines", "service"])).to_owned(),
            channel: (*random.pick(&["web", "web", "shop", "phone"])).to_owned(),
            original_transaction_id: String::new(),
            customer_kind: pb::CustomerKind::Unspecified.into(),
        };
        if random.chance(0.8) {
            let share = 0.55 + 0.2 * random.uniform();
            fact.cost_minor = Some(part(amount_minor, share));
        }
        let after = i32::try_from(random.below(21)).unwrap_or(0);
        if random.chance(REFUNDED) && day + after <= HISTORY_DAYS {
            history.transactions.push(fact.clone());
            self.refund(&fact, day + after, history, random);
        } else if random.chance(REVERSED) {
            history.transactions.push(fact.clone());
            history.transactions.push(pb::Transaction {
                transaction_id: format!("{}-reversal", fact.transaction_id),
                kind: Kind::Reversal.into(),
                original_transaction_id: fact.transaction_id.clone(),
                cost_minor: None,
                ..fact
            });
        } else {
            history.transactions.push(fact);
        }
        if random.chance(CONTACTED) && day + after <= HISTORY_DAYS {
            self.contact(id, day + after, history, random);
        }
    }

    /// All or half of a purchase paid back; every other refund does not say of which purchase.
    fn refund(
        &self,
        purchase: &pb::Transaction,
        day: i32,
        history: &mut History,
        random: &mut Random,
    ) {
        let paid = purchase
            .amount
            .as_ref()
            .map_or(0, |amount| amount.amount_minor);
        let amount_minor = if random.chance(0.5) { paid } else { paid / 2 };
        let named = random.chance(0.5);
        history.transactions.push(pb::Transaction {
            transaction_id: format!("{}-refund", purchase.transaction_id),
            kind: Kind::Refund.into(),
            when: Some(pb::transaction::When::OccurredOn(self.day(day).to_string())),
            amount: Some(euros(amount_minor)),
            cost_minor: None,
            original_transaction_id: if named {
                purchase.transaction_id.clone()
            } else {
                String::new()
            },
            ..purchase.clone()
        });
    }

    /// A contact in office hours. Of some, the cost is not known.
    fn contact(&self, id: &str, day: i32, history: &mut History, random: &mut Random) {
        let channel = *random.pick(&["phone", "phone", "phone", "chat", "email"]);
        let seconds = i64::try_from(random.below(10 * 3_600)).unwrap_or(0);
        let midnight = self.day(day).to_zoned(TimeZone::UTC);
        let instant = midnight.map_or(Timestamp::UNIX_EPOCH, |midnight| midnight.timestamp());
        let duration_seconds =
            60 + i32::try_from(minor(random.gamma(2.0, 1.0)).min(1_500)).unwrap_or(0);
        // A minute at the phone costs about 90 cents, a chat or an e-mail a fixed sum.
        let cost_minor = match channel {
            "phone" => i64::from(duration_seconds) * 3 / 2,
            "chat" => 220,
            _ => 160,
        };
        let number = history.contacts.len() + 1;
        history.contacts.push(pb::Contact {
            customer_id: id.to_owned(),
            source: CALL_CENTRE.to_owned(),
            contact_id: format!("{id}-c{number:03}"),
            when: Some(pb::contact::When::OccurredTime(prost_types::Timestamp {
                // From 7 to 17 o'clock UTC: one calendar day in every zone of Europe.
                seconds: instant.as_second() + 7 * 3_600 + seconds,
                nanos: 0,
            })),
            channel: channel.to_owned(),
            topic: (*random.pick(&["delivery", "invoice", "machine", "order"])).to_owned(),
            duration_seconds: (channel != "email").then_some(duration_seconds),
            cost: random.chance(0.85).then(|| euros(cost_minor)),
            outcome: (*random.pick(&["resolved", "resolved", "forwarded"])).to_owned(),
            customer_kind: pb::CustomerKind::Unspecified.into(),
        });
    }
}

fn euros(amount_minor: i64) -> pb::Money {
    pb::Money {
        amount_minor,
        currency: CURRENCY.to_owned(),
    }
}

/// An amount of major units in minor ones.
#[expect(
    clippy::cast_possible_truncation,
    reason = "invented amounts are far below 2^53 minor units"
)]
fn minor(major: f64) -> i64 {
    (major * 100.0).round() as i64
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_precision_loss,
    reason = "invented amounts are far below 2^53 minor units"
)]
fn part(amount_minor: i64, share: f64) -> i64 {
    (amount_minor as f64 * share).round() as i64
}
