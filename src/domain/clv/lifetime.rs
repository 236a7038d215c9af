//! Lifetime value: expected orders over a horizon, times margin, discounted.
//!
//! It takes an expected margin per order and does not know where that comes from: spend model, margins, costs
//! and currencies are the callers'.

use super::discount::DiscountRate;
use super::history::{DAYS_PER_WEEK, PurchaseHistory};
use super::model::OrderModel;
use super::outlook::Outlook;
use super::season::TimeAhead;
use super::special_functions::quadrature::over_unit_interval;

/// Mean length of a month of the Gregorian calendar, days: the convention of the service.
pub const DAYS_PER_MONTH: f64 = 30.4375;
/// The same in weeks.
pub const WEEKS_PER_MONTH: f64 = DAYS_PER_MONTH / DAYS_PER_WEEK;

/// Why a horizon is refused.
#[derive(Debug, Clone, Copy, PartialEq, thiserror::Error)]
pub enum HorizonError {
    /// No month, or more than a century of them.
    #[error("a horizon of {months} months is outside 1..=1200")]
    Months {
        /// What was given.
        months: u32,
    },
    /// A rate that is not a rate.
    #[error("a monthly discount rate of {rate} is outside 0..=1")]
    Discount {
        /// What was given.
        rate: f64,
    },
    /// A month must have a length.
    #[error("a month of {weeks} weeks is not positive and finite")]
    MonthLength {
        /// What was given.
        weeks: f64,
    },
}

/// How far ahead to look, how to discount, and how long a month is.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Horizon {
    months: u32,
    monthly_discount_rate: f64,
    weeks_per_month: f64,
}

impl Horizon {
    /// `months` in 1..=1200, `monthly_discount_rate` in 0..=1 (0.01 is 1 % a month), `weeks_per_month`
    /// usually [`WEEKS_PER_MONTH`].
    ///
    /// # Errors
    /// Names the value outside its range.
    pub fn new(
        months: u32,
        monthly_discount_rate: f64,
        weeks_per_month: f64,
    ) -> Result<Self, HorizonError> {
        if !(1..=1200).contains(&months) {
            return Err(HorizonError::Months { months });
        }
        if !(0.0..=1.0).contains(&monthly_discount_rate) {
            return Err(HorizonError::Discount {
                rate: monthly_discount_rate,
            });
        }
        if !(weeks_per_month.is_normal() && weeks_per_month > 0.0) {
            return Err(HorizonError::MonthLength {
                weeks: weeks_per_month,
            });
        }
        Ok(Self {
            months,
            monthly_discount_rate,
            weeks_per_month,
        })
    }

    /// Whole months ahead.
    #[must_use]
    pub const fn months(&self) -> u32 {
        self.months
    }

    /// Discount a month, as a fraction.
    #[must_use]
    pub const fn monthly_discount_rate(&self) -> f64 {
        self.monthly_discount_rate
    }

    /// The whole horizon in weeks.
    #[must_use]
    pub fn weeks(&self) -> f64 {
        f64::from(self.months) * self.weeks_per_month
    }
}

/// Expected margin of all orders within the horizon, discounted at the end of the month each falls in:
/// `Σ_i margin · (orders by the end of month i − by the end of month i−1) / (1 + d)^i`.
///
/// In the money of `expected_margin_per_order`, which may be negative. The grid is the one of Fader, Hardie & Lee
/// (2005) as all common packages compute it; relative error below 1e-9.
#[must_use]
pub fn discounted_value(
    model: &OrderModel,
    history: &PurchaseHistory,
    expected_margin_per_order: f64,
    horizon: &Horizon,
) -> f64 {
    let outlook = model.outlook(history);
    expected_margin_per_order * discounted_orders(&outlook, horizon, &TimeAhead::CALENDAR)
}

/// Expected orders within the horizon, discounted at the end of the month each falls in. Months are those of the calendar; `ahead` is how the
/// model counts time from now on.
#[must_use]
pub fn discounted_orders(outlook: &Outlook, horizon: &Horizon, ahead: &TimeAhead<'_>) -> f64 {
    let discount_factor = (1.0 + horizon.monthly_discount_rate).recip();
    let mut discount = 1.0;
    let mut orders_before = 0.0;
    let mut discounted = 0.0;
    for month in 1..=horizon.months {
        discount *= discount_factor;
        let weeks = horizon.weeks_per_month * f64::from(month);
        let orders = outlook.expected_orders(ahead.model_weeks(weeks));
        discounted += (orders - orders_before) * discount;
        orders_before = orders;
    }
    discounted
}

/// The value of an unknown customer on the day of the first order: that order, undiscounted, and those to come.
#[must_use]
pub fn newcomer_value(
    model: &OrderModel,
    margin_of_first_order: f64,
    expected_margin_per_order: f64,
    horizon: &Horizon,
    ahead: &TimeAhead<'_>,
) -> f64 {
    margin_of_first_order
        + expected_margin_per_order * discounted_orders(&model.newcomer(), horizon, ahead)
}

/// Expected orders within `weeks >= 0` from now, each discounted continuously at its own time; relative error below 1e-9.
///
/// By parts: `e^(-δ W) E(W) + δ ∫ e^(-δ t) E(t) dt` over `(0, W)`.
#[must_use]
pub fn continuously_discounted_orders(
    outlook: &Outlook,
    weeks: f64,
    discount: DiscountRate,
) -> f64 {
    if weeks <= 0.0 {
        return 0.0;
    }
    let delta = discount.per_week();
    let earlier = over_unit_interval(|share| {
        let t = share * weeks;
        (-delta * t).exp() * outlook.expected_orders(t)
    });
    (-delta * weeks).exp() * outlook.expected_orders(weeks) + delta * weeks * earlier
}
