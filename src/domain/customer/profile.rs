//! Everything known of one customer that an assessment needs, in one row.
//!
//! A profile is a fold of facts (see [`fold`]); it holds whole days, not single transactions, so that any window is exact and
//! nothing in it expires.

mod fold;
mod foreign_refunds;

use std::sync::Arc;

use jiff::Timestamp;

pub use fold::{
    FOLD_VERSION, Facts, NeedsHistory, NeedsRelated, fold, fold_related, retracted_keys,
    reversed_keys,
};
pub use foreign_refunds::{ConvertedPurchases, ForeignRefund, ForeignRefunds};

use crate::domain::{
    calendar::Day,
    clv::{history::LogGaps, spend_orders::log_nano},
    customer::{
        CustomerKind,
        facts::{AttributeFact, ContractFact},
    },
    money::{Currency, Money},
    text::{CustomerId, Label},
};

/// Everything known of one customer.
#[derive(Debug, Clone, PartialEq)]
pub struct Profile {
    /// The customer.
    pub customer_id: CustomerId,
    /// Rises by one with every write; 1 is the first.
    pub version: i64,
    /// What the customer is.
    pub kind: CustomerKind,
    /// Name to show to people.
    pub display_name: Option<Label>,
    /// When the last write was recorded.
    pub recorded_at: Timestamp,
    /// The customers, sorted by id, whose facts it contains besides those of its own: they were merged into this one.
    pub members: Box<[CustomerId]>,
    /// What the facts say.
    pub history: History,
}

/// What the facts of one customer say.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct History {
    /// Purchases net of what was taken back, by day, currency and category, in that order. None with a count of 0.
    pub purchases: Vec<PurchaseDay>,
    /// Service contacts by day, channel and currency of the cost, in that order.
    pub contacts: Vec<ContactDay>,
    /// The observation that holds for each attribute, cleared ones included, by name.
    pub attributes: Vec<AttributeFact>,
    /// The observation that holds for each contract, ended ones included, by source and id.
    pub contracts: Vec<ContractFact>,
    /// Number of refunds and reversals of which not everything was found that they take back.
    pub unmatched_refund_count: u32,
    /// What these refunds found nothing for, by currency, in its order; reversals state no amount.
    pub unmatched_refunds: Box<[Money]>,
    /// Whether any refund or reversal is among the facts.
    pub has_refunds: bool,
    /// The latest day of a refund or reversal that names no purchase: it takes from any purchase of that day or before, so that a
    /// purchase recorded later for those days asks for a fold of all facts.
    pub last_unnamed_refund_day: Option<Day>,
    /// Number of retractions that name a contact that is not there.
    pub unmatched_retraction_count: u32,
    /// Whether any retraction is among the facts.
    pub has_retractions: bool,
    /// The latest day of any fact.
    pub last_event_day: Option<Day>,
}

/// The purchases of one day in one currency and category, net of what was taken back in that currency. Purchases with refunds in other
/// currencies are an entry of their own, equal ones together.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PurchaseDay {
    /// The day.
    pub day: Day,
    /// The currency of the amounts.
    pub currency: Currency,
    /// Product category.
    pub category: Option<Label>,
    /// Number of purchases not taken back in full.
    pub count: u32,
    /// Net amount, in minor units.
    pub amount_minor: i64,
    /// Part of the amount of which the cost is known, in minor units.
    pub costed_amount_minor: i64,
    /// Cost of that part, in minor units.
    pub cost_minor: i64,
    /// What was paid back of each of the purchases in other currencies. It is not taken off the sums above, see
    /// [`PurchaseDay::converted_amount`].
    pub foreign_refunds: Option<Box<ForeignRefunds>>,
}

/// The service contacts of one day on one channel.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ContactDay {
    /// The day.
    pub day: Day,
    /// The channel.
    pub channel: Label,
    /// Currency of the costs; `None` for contacts of unknown cost.
    pub currency: Option<Currency>,
    /// Number of contacts.
    pub count: u32,
    /// Total cost, in minor units of `currency`; 0 without one.
    pub cost_minor: i64,
    /// Total of the known durations, in seconds.
    pub duration_seconds: i64,
}

impl Profile {
    /// The latest day with a purchase or contact.
    #[must_use]
    pub fn last_activity(&self) -> Option<Day> {
        let purchase = self.history.purchases.last().map(|entry| entry.day);
        purchase.max(self.history.contacts.last().map(|entry| entry.day))
    }
}

/// A profile that contains no fact after a day: what every assessment starts from.
#[derive(Debug, Clone)]
pub struct DatedProfile {
    profile: Arc<Profile>,
    as_of: Day,
}

/// A look at a [`DatedProfile`].
#[derive(Debug, Clone, Copy)]
pub struct ProfileAt<'a> {
    profile: &'a Profile,
    as_of: Day,
}

impl DatedProfile {
    /// `profile` as of `as_of`; `None` when facts after that day are folded in, so that the profile of that day must be folded anew
    /// from the facts.
    #[must_use]
    pub fn new(profile: Arc<Profile>, as_of: Day) -> Option<Self> {
        let answers = profile
            .history
            .last_event_day
            .is_none_or(|last| last <= as_of);
        answers.then_some(Self { profile, as_of })
    }

    /// The profile.
    #[must_use]
    pub fn profile(&self) -> &Profile {
        &self.profile
    }

    /// What an assessment takes.
    #[must_use]
    pub fn view(&self) -> ProfileAt<'_> {
        ProfileAt {
            profile: &self.profile,
            as_of: self.as_of,
        }
    }
}

impl<'a> ProfileAt<'a> {
    /// The profile.
    #[must_use]
    pub fn profile(self) -> &'a Profile {
        self.profile
    }

    /// The day for which it is assessed.
    #[must_use]
    pub fn as_of(self) -> Day {
        self.as_of
    }

    /// When and how much the customer bought; `None` without a purchase.
    #[must_use]
    pub fn purchases(self) -> Option<PurchaseSummary<'a>> {
        self.profile.history.purchase_summary()
    }

    /// How many contracts run on the day.
    #[must_use]
    pub fn running_contracts(self) -> u32 {
        let contracts = self.profile.history.contracts.iter();
        let running = contracts.filter(|fact| fact.terms.runs_on(self.as_of));
        u32::try_from(running.count()).unwrap_or(u32::MAX)
    }
}

/// When and how much a customer bought, in the terms of the value models.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PurchaseSummary<'a> {
    /// First day with a purchase.
    pub first_day: Day,
    /// Last day with a purchase.
    pub last_day: Day,
    /// x: days with a purchase after the first.
    pub frequency: u32,
    /// The entries of the first day.
    pub first: &'a [PurchaseDay],
    /// The entries of the repeat days.
    pub repeats: &'a [PurchaseDay],
}

/// What the purchase days of a customer brought, as fits of spend group customers by it; means something only where all amounts are in
/// one currency.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PaidDays {
    /// Purchase days with a positive net amount.
    pub count: u32,
    /// Net amount of all purchase days, in minor units.
    pub amount_minor: i64,
    /// Sum over all paid days of [`log_nano_of_minor`] of the net amount.
    pub log_sum_nano: i64,
}

impl<'a> PurchaseSummary<'a> {
    /// Net amount of the repeat days, in minor units; means something only where all are in one currency.
    #[must_use]
    pub fn repeat_amount_minor(&self) -> i64 {
        amount_minor(self.repeats)
    }

    /// The same of the first day.
    #[must_use]
    pub fn first_amount_minor(&self) -> i64 {
        amount_minor(self.first)
    }

    /// The entries of each repeat day.
    pub fn repeat_days(&self) -> impl Iterator<Item = &'a [PurchaseDay]> {
        self.repeats.chunk_by(|one, other| one.day == other.day)
    }

    /// What the purchase days brought.
    #[must_use]
    pub fn paid_days(&self) -> PaidDays {
        let repeats = self.repeat_days().map(amount_minor);
        let all = std::iter::once(self.first_amount_minor()).chain(repeats);
        let none = PaidDays {
            count: 0,
            amount_minor: 0,
            log_sum_nano: 0,
        };
        all.filter(|amount| *amount > 0)
            .fold(none, |sums, amount| PaidDays {
                count: sums.count.saturating_add(1),
                amount_minor: sums.amount_minor.saturating_add(amount),
                log_sum_nano: sums.log_sum_nano.saturating_add(log_nano_of_minor(amount)),
            })
    }
}

/// [`log_nano`] of an amount in minor units.
#[must_use]
#[expect(
    clippy::cast_precision_loss,
    reason = "what is lost beyond 2^53 changes no billionth of a logarithm"
)]
pub fn log_nano_of_minor(amount_minor: i64) -> i64 {
    log_nano(amount_minor as f64)
}

fn amount_minor(entries: &[PurchaseDay]) -> i64 {
    let amounts = entries.iter().map(|entry| entry.amount_minor);
    amounts.fold(0, i64::saturating_add)
}

impl History {
    /// The day of the first purchase or contact, or on which the first contract began that ever ran, from which on the customer had
    /// cause to call; `None` without any. A name or an attribute does not say since when contacts would have been recorded.
    #[must_use]
    pub fn first_day(&self) -> Option<Day> {
        let purchase = self.purchases.first().map(|entry| entry.day);
        let contact = self.contacts.first().map(|entry| entry.day);
        let contracts = self.contracts.iter().map(|fact| &fact.terms);
        let contracts = contracts.filter(|terms| terms.ever_runs());
        let contracts = contracts.map(|terms| terms.started_on);
        contracts.chain(purchase).chain(contact).min()
    }

    /// How long the gaps between purchase days were.
    #[must_use]
    pub fn log_gaps(&self) -> LogGaps {
        LogGaps::from_days(self.purchases.iter().map(|entry| entry.day.number()))
    }

    /// When and how much the customer bought; `None` without a purchase.
    #[must_use]
    pub fn purchase_summary(&self) -> Option<PurchaseSummary<'_>> {
        let (first, last) = (self.purchases.first()?, self.purchases.last()?);
        let first_entries = self
            .purchases
            .partition_point(|entry| entry.day == first.day);
        let (first_day, repeats) = self.purchases.split_at(first_entries);
        let days = repeats.chunk_by(|one, other| one.day == other.day).count();
        Some(PurchaseSummary {
            first_day: first.day,
            last_day: last.day,
            frequency: u32::try_from(days).unwrap_or(u32::MAX),
            first: first_day,
            repeats,
        })
    }
}

/// The last two times between different days of an ascending list, in days; `None` with fewer than three.
#[must_use]
pub fn last_gaps(days: impl DoubleEndedIterator<Item = i32>) -> Option<(u32, u32)> {
    let mut last = [None; 3];
    let mut at = 0;
    for day in days.rev() {
        if at > 0 && last[at - 1] == Some(day) {
            continue;
        }
        last[at] = Some(day);
        at += 1;
        if at == last.len() {
            break;
        }
    }
    let [Some(third), Some(second), Some(first)] = last else {
        return None;
    };
    Some((second.abs_diff(first), third.abs_diff(second)))
}

impl PurchaseDay {
    /// The amount net of refunds in its currency.
    #[must_use]
    pub fn amount(&self) -> Money {
        Money {
            amount_minor: self.amount_minor,
            currency: self.currency,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::last_gaps;

    #[test]
    fn the_last_two_times_between_days_are_those_of_different_days() {
        assert_eq!(last_gaps([1, 4, 4, 9, 9].into_iter()), Some((3, 5)));
        assert_eq!(last_gaps([-50, 1, 4, 9].into_iter()), Some((3, 5)));
        assert_eq!(last_gaps([4, 4, 9].into_iter()), None);
        assert_eq!(last_gaps([].into_iter()), None);
    }
}
