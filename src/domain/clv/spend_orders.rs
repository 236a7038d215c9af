//! Which orders of a customer a spend model takes, and what the customer paid for them.
//!
//! An order is a purchase day with its net amount. A day without a positive net amount (a free sample, goods given away) is a free
//! order: it has no place in the distribution of amounts, which are positive, but it lowers the share of orders that are paid for.
//! A first order that was free, a sample, does so only while nothing was paid.
//! Amounts are in major units of one currency; days and currencies are the callers'.

use super::fit::rows::SpendRow;
use super::gamma_gamma::SpendHistory;

/// The orders that a spend model is fitted to, and so those that it takes of a customer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum SpendOrders {
    /// Every order by its own amount, the first included.
    #[default]
    All,
    /// Every order by its own amount, but for the first.
    Repeat,
    /// The mean of the repeat orders, free ones included (Fader & Hardie 2013, note 025): what is published for the model, and what
    /// versions of earlier programs were fitted to.
    RepeatMeans,
}

impl SpendOrders {
    /// All choices, the default first.
    pub const ALL: [Self; 3] = [Self::All, Self::Repeat, Self::RepeatMeans];

    /// A name in lower case, as it is stored.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::All => "all",
            Self::Repeat => "repeat",
            Self::RepeatMeans => "repeat-means",
        }
    }

    /// The choice of a name; `None` for any other text.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|one| one.name() == name)
    }
}

/// What a customer paid on each purchase day, as far as any of [`SpendOrders`] needs it.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct AmountsPaid {
    first: f64,
    repeat_days: u32,
    paid_repeats: u32,
    repeat_total: f64,
    /// In billionths, see [`log_nano`].
    repeat_log_sum_nano: i64,
}

/// Natural logarithm of an amount, in billionths; 0 for an amount that is not positive. A whole number, so that a sum is the same in
/// whatever order and groups customers are read.
#[must_use]
#[expect(
    clippy::cast_possible_truncation,
    reason = "the logarithm of a finite number is below 710"
)]
pub fn log_nano(amount: f64) -> i64 {
    if amount > 0.0 {
        (amount.ln() * 1e9).round() as i64
    } else {
        0
    }
}

impl AmountsPaid {
    /// Of a customer with one purchase day of this net amount so far. An amount below 0 counts as 0.
    #[must_use]
    pub fn first(amount: f64) -> Self {
        Self {
            first: amount.max(0.0),
            repeat_days: 0,
            paid_repeats: 0,
            repeat_total: 0.0,
            repeat_log_sum_nano: 0,
        }
    }

    /// Adds a later purchase day of this net amount. An amount below 0 counts as 0.
    pub fn push(&mut self, amount: f64) {
        self.repeat_days = self.repeat_days.saturating_add(1);
        if amount > 0.0 {
            self.paid_repeats = self.paid_repeats.saturating_add(1);
            self.repeat_total += amount;
            self.repeat_log_sum_nano = self.repeat_log_sum_nano.saturating_add(log_nano(amount));
        }
    }

    /// `m_x`: mean of the repeat days, free ones included; 0 without one.
    #[must_use]
    pub fn mean_repeat(&self) -> f64 {
        self.repeat_total / f64::from(self.repeat_days.max(1))
    }

    /// What a model fitted to these orders takes of the customer; `None` without such an order.
    #[must_use]
    pub fn history(&self, orders: SpendOrders) -> Option<SpendHistory> {
        if orders == SpendOrders::RepeatMeans {
            // The density of a mean of 0 is not defined, the posterior mean is: its limit as the mean goes to 0.
            let mean = self.mean_repeat().max(f64::MIN_POSITIVE);
            return SpendHistory::new(self.repeat_days, mean).ok();
        }
        let (count, total, _) = self.paid(orders);
        let own = SpendHistory::from_orders(count, total).ok();
        let (paid, free) = self.paid_and_free();
        if free == 0 {
            return own;
        }
        let own = own.unwrap_or(SpendHistory::unpaid());
        Some(own.with_free_orders(paid, free))
    }

    /// Orders that were paid for and orders that were free. A free first order is a sample: it counts only while nothing was paid.
    fn paid_and_free(&self) -> (u32, u32) {
        let (paid, _, _) = self.paid(SpendOrders::All);
        let free_repeats = self.repeat_days - self.paid_repeats;
        let sample = u32::from(paid == 0);
        (paid, free_repeats.saturating_add(sample))
    }

    /// What the customer adds to a fit to these orders; `None` without a paid one.
    #[must_use]
    pub fn row(&self, orders: SpendOrders) -> Option<SpendRow> {
        if orders == SpendOrders::RepeatMeans {
            return SpendRow::new(self.repeat_days, self.mean_repeat(), 1).ok();
        }
        let (paid, total, log_sum) = self.paid(orders);
        SpendRow::of_orders(paid, total, log_sum, 1).ok()
    }

    /// Number, total and sum of logarithms of the paid orders.
    fn paid(&self, orders: SpendOrders) -> (u32, f64, i64) {
        let repeats = (
            self.paid_repeats,
            self.repeat_total,
            self.repeat_log_sum_nano,
        );
        if orders == SpendOrders::All && self.first > 0.0 {
            let (count, total, log_sum) = repeats;
            (
                count.saturating_add(1),
                total + self.first,
                log_sum.saturating_add(log_nano(self.first)),
            )
        } else {
            repeats
        }
    }

    /// The amounts as bits, which order customers who did the same otherwise.
    #[must_use]
    pub fn sort_key(&self) -> [u64; 4] {
        // Positive numbers order like their bits; a sum of logarithms only has to be told from another.
        [
            self.first.to_bits(),
            u64::from(self.paid_repeats),
            self.repeat_total.to_bits(),
            self.repeat_log_sum_nano.unsigned_abs(),
        ]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of_days(amounts: &[f64]) -> AmountsPaid {
        let (first, repeats) = amounts.split_first().unwrap();
        let mut paid = AmountsPaid::first(*first);
        for amount in repeats {
            paid.push(*amount);
        }
        paid
    }

    #[test]
    fn each_choice_takes_its_own_orders() {
        let paid = of_days(&[100.0, 20.0, 0.0, 30.0]);
        let taken = |orders| {
            let history = paid.history(orders).unwrap();
            (history.orders(), history.total(), history.paid_share())
        };
        assert_eq!(taken(SpendOrders::All), (3, 150.0, 0.75));
        assert_eq!(taken(SpendOrders::Repeat), (2, 50.0, 0.75));
        assert_eq!(taken(SpendOrders::RepeatMeans), (3, 50.0, 1.0));
        let row = paid.row(SpendOrders::All).unwrap();
        assert_eq!((row.orders(), row.total(), row.count()), (3, 150.0, 1));
        let log_sum = row.log_sum().unwrap();
        assert!((log_sum - 60_000_f64.ln()).abs() < 2e-9, "{log_sum}");
        let mean = paid.row(SpendOrders::RepeatMeans).unwrap();
        assert_eq!((mean.orders(), mean.log_sum()), (3, None));
    }

    #[test]
    fn customers_without_such_orders_have_no_history() {
        let once = of_days(&[30.0]);
        assert_eq!(once.history(SpendOrders::Repeat), None);
        assert_eq!(once.history(SpendOrders::RepeatMeans), None);
        let history = once.history(SpendOrders::All).unwrap();
        assert_eq!((history.orders(), history.total()), (1, 30.0));
        // Free orders are no amounts to fit to, and no reason to expect what others pay.
        let free = of_days(&[0.0, -5.0]);
        for orders in SpendOrders::ALL {
            assert_eq!(free.row(orders), None);
        }
        for orders in [SpendOrders::All, SpendOrders::Repeat] {
            let history = free.history(orders).unwrap();
            assert_eq!((history.orders(), history.paid_share()), (0, 0.0));
        }
    }

    #[test]
    fn a_free_first_order_counts_only_while_nothing_was_paid() {
        let share = |amounts: &[f64], orders| {
            let history = of_days(amounts).history(orders);
            history.map(|history| history.paid_share())
        };
        for orders in [SpendOrders::All, SpendOrders::Repeat] {
            assert_eq!(share(&[0.0], orders), Some(0.0));
            assert_eq!(share(&[0.0, 30.0], orders), Some(1.0));
            assert_eq!(share(&[30.0, 0.0], orders), Some(0.5));
            assert_eq!(share(&[0.0, 30.0, 0.0, 0.0], orders), Some(1.0 / 3.0));
        }
    }

    #[test]
    fn names_are_read_back() {
        for orders in SpendOrders::ALL {
            assert_eq!(SpendOrders::from_name(orders.name()), Some(orders));
        }
        assert_eq!(SpendOrders::from_name("first"), None);
    }
}
