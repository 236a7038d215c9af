//! What an invented customer did in three years: purchases until drop-out, refunds, contacts.
//!
//! The processes, all seeded:
//!
//! - **Purchases.** A customer comes on a day that is uniform over the three years, buys at once, then in a Poisson process whose rate
//!   is gamma distributed over customers, and leaves after each purchase (the first included) with a probability that is beta
//!   distributed: MBG/NBD. Amounts are gamma distributed with a rate that is gamma distributed: Gamma-Gamma. So the demo's fit has
//!   something to find.
//! - **Categories.** By amount within the customer's group: small ones are spare parts, large ones devices, some between are
//!   maintenance. Costs of goods follow the category, and are not told for every fifth purchase.
//! - **Refunds and reversals.** See `REFUNDED` and `REVERSED`; every other refund does not say of which purchase.
//! - **Contacts.** See [`service`].

use jiff::Span;
use jiff::civil::Date;

use self::service::Service;
use super::random::Random;
use crate::pb;
use crate::pb::transaction::Kind;

pub mod service;

/// Length of the histories, in days: three years.
pub const HISTORY_DAYS: i32 = 1_095;
/// Currency of everything in the demo.
pub const CURRENCY: &str = "EUR";
/// System that recorded the transactions.
pub const SHOP: &str = "demo-shop";
/// System that recorded the contacts.
pub const CALL_CENTRE: &str = "demo-acd";

/// How a group of customers buys and asks. Chosen to look like a maker of devices who also maintains them.
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
    /// How they get in contact.
    service: Service,
}

/// Habits of persons: a purchase in four weeks on average while they stay.
pub const PERSON: Habits = Habits {
    r: 0.9,
    alpha: 3.7,
    a: 0.7,
    b: 13.0,
    amount_factor: 1.0,
    service: service::PERSON,
};

/// Habits of companies: they buy more often, more, and stay longer.
pub const COMPANY: Habits = Habits {
    r: 1.2,
    alpha: 4.0,
    a: 0.5,
    b: 14.0,
    amount_factor: 5.0,
    service: service::COMPANY,
};

/// Spend of a purchase: gamma with shape P and a rate that is gamma distributed with Q and V over customers. Mean P V / (Q - 1),
/// here about 69 EUR for persons.
const SPEND: (f64, f64, f64) = (4.0, 4.5, 60.0);
/// The mean of [`SPEND`], in minor units.
const MEAN_SPEND_MINOR: f64 = 6_857.0;
/// Categories with the margin that the example's definitions assume for them.
const SPARE_PARTS: (&str, f64) = ("spare_parts", 0.55);
const MAINTENANCE: (&str, f64) = ("maintenance", 0.35);
const DEVICES: (&str, f64) = ("devices", 0.22);
/// Share of purchases that are paid back at least in part.
const REFUNDED: f64 = 0.06;
/// Share of purchases that were booked by mistake and are reversed.
const REVERSED: f64 = 0.005;
/// Share of purchases whose cost of goods is told.
const COSTED: f64 = 0.8;

/// The facts of one customer.
#[derive(Debug, Default)]
pub struct History {
    /// Purchases, refunds and reversals.
    pub transactions: Vec<pb::Transaction>,
    /// Service contacts.
    pub contacts: Vec<pb::Contact>,
    /// First day with a purchase, counted from the first day of all histories. `None`: never bought.
    pub first_day: Option<i32>,
    /// Whether they called a lot lately or needed visits.
    pub demanding: bool,
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
    pub fn buyer(&self, id: &str, habits: &Habits, random: &mut Random) -> History {
        let mut history = History::default();
        let rate_a_day = random.gamma(habits.r, habits.alpha) / 7.0;
        let drop_out = random.beta(habits.a, habits.b);
        let (p, q, v) = SPEND;
        let spend_rate = random.gamma(q, v) / habits.amount_factor;
        let mut time = random.uniform() * f64::from(HISTORY_DAYS - 14);
        let first = whole_day(time);
        let mut last = first;
        while time < f64::from(HISTORY_DAYS) + 1.0 {
            last = whole_day(time);
            let amount_minor = minor(random.gamma(p, spend_rate)).max(1);
            let category = category(amount_minor, habits, random);
            self.purchase(id, last, amount_minor, category, &mut history, random);
            habits
                .service
                .after_purchase(self, id, last, &mut history, random);
            if random.chance(drop_out) {
                break;
            }
            time += random.exponential(rate_a_day);
        }
        history.first_day = Some(first);
        habits
            .service
            .over_time(self, id, first..last, &mut history, random);
        history
    }

    /// Somebody who calls and writes without ever buying: a lead, or a colleague at the help desk.
    pub fn caller(
        &self,
        id: &str,
        service: &Service,
        contacts: usize,
        random: &mut Random,
    ) -> History {
        let mut history = History::default();
        for _ in 0..contacts {
            let day = i32::try_from(random.below(1_096)).unwrap_or(0);
            service.contact(self, id, day, &mut history, random);
        }
        history
    }

    /// A purchase with what follows from it.
    fn purchase(
        &self,
        id: &str,
        day: i32,
        amount_minor: i64,
        (category, margin): (&str, f64),
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
            category: category.to_owned(),
            channel: (*random.pick(&["web", "web", "shop", "phone"])).to_owned(),
            original_transaction_id: String::new(),
            customer_kind: pb::CustomerKind::Unspecified.into(),
            ..Default::default()
        };
        if random.chance(COSTED) {
            // Up to five points of the margin on either side.
            let share = 1.0 - margin + 0.1 * (random.uniform() - 0.5);
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
}

/// The day that a time in days falls on.
#[expect(clippy::cast_possible_truncation, reason = "at most 1,096")]
fn whole_day(time: f64) -> i32 {
    time as i32
}

/// What is bought for an amount: the category with its margin.
fn category(amount_minor: i64, habits: &Habits, random: &mut Random) -> (&'static str, f64) {
    #[expect(clippy::cast_precision_loss, reason = "far below 2^53 minor units")]
    let relative = amount_minor as f64 / (MEAN_SPEND_MINOR * habits.amount_factor);
    if relative > 1.6 {
        DEVICES
    } else if relative > 0.5 && random.chance(0.4) {
        MAINTENANCE
    } else {
        SPARE_PARTS
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
