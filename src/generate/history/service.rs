//! The contacts of an invented customer.
//!
//! - After a purchase, with a fixed probability, within three weeks.
//! - In between, in a Poisson process whose rate is gamma distributed over customers, from the first purchase until half a year after
//!   the last one.
//! - Of the customers who bought in the last year, a few are demanding: they called five to eight times in the last month, or needed
//!   three to five visits in the last year.
//!
//! A minute at the phone costs 90 cents and a visit 60 to 160 EUR; the other channels cost what the example's definitions say. Of every
//! seventh contact the cost is not told.

use std::ops::Range;

use jiff::Timestamp;
use jiff::tz::TimeZone;

use super::{CALL_CENTRE, HISTORY_DAYS, Historian, History, euros, minor};
use crate::generate::random::Random;
use crate::pb;

/// Share of demanding customers among those who bought in the last year.
const DEMANDING: f64 = 0.06;
/// Share of contacts whose cost is told.
const COSTED: f64 = 0.86;
/// How long after the last purchase somebody still asks, in days.
const ASKS_FOR: i32 = 180;

/// How a group of customers gets in contact.
#[derive(Debug, Clone, Copy)]
pub struct Service {
    /// Probability of a contact after a purchase.
    after_purchase: f64,
    /// Mean number of other contacts in a year.
    a_year: f64,
    /// Channels; one that stands twice is used twice as often.
    channels: &'static [&'static str],
}

/// Persons call most of the time.
pub const PERSON: Service = Service {
    after_purchase: 0.3,
    a_year: 3.0,
    channels: &[
        "phone", "phone", "phone", "email", "email", "chat", "portal",
    ],
};

/// Companies have technicians come, and look things up.
pub const COMPANY: Service = Service {
    after_purchase: 0.3,
    a_year: 5.0,
    channels: &[
        "phone", "phone", "phone", "phone", "email", "email", "email", "portal", "portal",
        "portal", "chat", "visit",
    ],
};

/// Colleagues write to the help desk rather than call it.
pub const COLLEAGUE: Service = Service {
    after_purchase: 0.0,
    a_year: 3.0,
    channels: &["portal", "portal", "chat", "phone"],
};

impl Service {
    /// What follows from a purchase.
    pub(super) fn after_purchase(
        &self,
        historian: &Historian,
        id: &str,
        day: i32,
        history: &mut History,
        random: &mut Random,
    ) {
        let after = i32::try_from(random.below(21)).unwrap_or(0);
        if random.chance(self.after_purchase) && day + after <= HISTORY_DAYS {
            self.contact(historian, id, day + after, history, random);
        }
    }

    /// The other contacts of a customer who bought from the first to the last of `days`.
    pub(super) fn over_time(
        &self,
        historian: &Historian,
        id: &str,
        days: Range<i32>,
        history: &mut History,
        random: &mut Random,
    ) {
        let rate_a_day = random.gamma(0.8, 0.8) * self.a_year / 365.0;
        let end = f64::from((days.end + ASKS_FOR).min(HISTORY_DAYS));
        let mut time = f64::from(days.start) + random.exponential(rate_a_day);
        while time < end {
            self.contact(historian, id, super::whole_day(time), history, random);
            time += random.exponential(rate_a_day);
        }
        if days.end > HISTORY_DAYS - 365 && random.chance(DEMANDING) {
            history.demanding = true;
            demand(historian, id, history, random);
        }
    }

    /// A contact by one of the channels of the group.
    pub(super) fn contact(
        &self,
        historian: &Historian,
        id: &str,
        day: i32,
        history: &mut History,
        random: &mut Random,
    ) {
        let channel = *random.pick(self.channels);
        by(historian, id, channel, day, history, random);
    }
}

/// Many calls in the last month or several visits in the last year.
fn demand(historian: &Historian, id: &str, history: &mut History, random: &mut Random) {
    let (channel, least, within) = if random.chance(0.5) {
        ("phone", 5, 28)
    } else {
        ("visit", 3, 360)
    };
    for _ in 0..least + random.below(4) {
        let ago = i32::try_from(random.below(within)).unwrap_or(0);
        by(historian, id, channel, HISTORY_DAYS - ago, history, random);
    }
}

/// A contact in office hours.
fn by(
    historian: &Historian,
    id: &str,
    channel: &str,
    day: i32,
    history: &mut History,
    random: &mut Random,
) {
    let seconds = i64::try_from(random.below(10 * 3_600)).unwrap_or(0);
    let midnight = historian.day(day).to_zoned_datetime(TimeZone::UTC);
    let instant = midnight.map_or(Timestamp::UNIX_EPOCH, |midnight| midnight.timestamp());
    let duration_seconds =
        60 + i32::try_from(minor(random.gamma(2.0, 1.0)).min(1_500)).unwrap_or(0);
    let cost_minor = match channel {
        "phone" => i64::from(duration_seconds) * 3 / 2,
        "visit" => 6_000 + i64::try_from(random.below(10_000)).unwrap_or(0),
        "email" => 400,
        "chat" => 250,
        _ => 20,
    };
    let timed = ["phone", "chat", "visit"].contains(&channel);
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
        topic: (*random.pick(&["delivery", "invoice", "repair", "order", "handling"])).to_owned(),
        duration_seconds: timed.then_some(duration_seconds),
        cost: random.chance(COSTED).then(|| euros(cost_minor)),
        outcome: (*random.pick(&["resolved", "resolved", "forwarded"])).to_owned(),
        customer_kind: pb::CustomerKind::Unspecified.into(),
        retracts_contact_id: String::new(),
        ..Default::default()
    });
}
