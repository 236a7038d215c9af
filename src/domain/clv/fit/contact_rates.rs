//! The fit of contact rates and costs: from counts and times of the customers of a kind to what is usual among them.
//!
//! It does not know kinds and channels; the caller fits each pair by itself.

use super::FitError;
use super::benchmark::fit_benchmark;
use super::rows::CollapsedRow;
use crate::domain::clv::contact_rates::{ContactCost, ContactRate};
use crate::domain::clv::history::DAYS_PER_WEEK;

/// Ten-thousandths of a major unit, in which costs are added: exactly, so that the order of the customers does not matter.
const COST_UNITS: f64 = 10_000.0;
/// Costs beyond are cut: a hundred billion major units a day, whose squares still add up for a hundred million days.
const LARGEST_COST: f64 = 1e15;

/// Customers with equally many contacts in equally long a time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct ContactRow {
    /// Contacts of each.
    pub contacts: u32,
    /// Weeks in which they were counted, at least 1.
    pub weeks: u32,
    /// How many customers.
    pub customers: u64,
}

/// A fitted contact rate.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct ContactRateFit {
    /// What is usual.
    pub rate: ContactRate,
    /// Customers behind it.
    pub customers: u64,
}

/// Fits the gamma distribution of contact rates by maximum likelihood of the NBD.
///
/// Where customers do not differ more than chance makes them, the likelihood has no maximum: the more alike, the better. Then, and
/// wherever the maximum claims more, the mean counts for as many weeks as all customers were observed together: nobody can know
/// more of what is usual than was seen.
///
/// # Errors
/// Without customers or without a contact.
pub fn fit_contact_rate(rows: &[ContactRow]) -> Result<ContactRateFit, FitError> {
    let sums = Sums::from_rows(rows);
    if sums.customers == 0 {
        return Err(FitError::NoCustomers);
    }
    if sums.contacts == 0.0 {
        return Err(FitError::NoRepeatOrders {
            customers: sums.customers,
        });
    }
    let alike = ContactRate::new(sums.contacts, sums.weeks)?;
    let excess = overdispersion(rows, &sums);
    let rate = if excess > 0.0 {
        let spread = spread(rows, &sums, excess)?;
        if spread.rate_weeks() < sums.weeks {
            spread
        } else {
            alike
        }
    } else {
        alike
    };
    Ok(ContactRateFit {
        rate,
        customers: sums.customers,
    })
}

/// The maximum of the likelihood of customers who differ; by their mean and variance where the search does not get there, as with one
/// caller among thousands who never call.
fn spread(rows: &[ContactRow], sums: &Sums, excess: f64) -> Result<ContactRate, FitError> {
    let fitted = fit_benchmark(&as_histories(rows)?)?;
    if fitted.report.convergence.is_converged() {
        let [shape, rate_weeks] = fitted.model.parameters();
        return Ok(ContactRate::new(shape, rate_weeks)?);
    }
    let mean = sums.contacts / sums.weeks;
    let shape = mean * mean * sums.weeks_squared / excess;
    Ok(ContactRate::new(shape, shape / mean)?)
}

struct Sums {
    customers: u64,
    contacts: f64,
    weeks: f64,
    weeks_squared: f64,
}

impl Sums {
    #[expect(clippy::cast_precision_loss, reason = "counts far below 2^53")]
    fn from_rows(rows: &[ContactRow]) -> Self {
        let mut sums = Self {
            customers: 0,
            contacts: 0.0,
            weeks: 0.0,
            weeks_squared: 0.0,
        };
        for row in rows {
            sums.customers += row.customers;
            sums.contacts += f64::from(row.contacts) * row.customers as f64;
            sums.weeks += f64::from(row.weeks) * row.customers as f64;
            sums.weeks_squared += f64::from(row.weeks).powi(2) * row.customers as f64;
        }
        sums
    }
}

/// Derivative of the log-likelihood by the variance of the rates where all are alike, up to a positive factor: positive if the
/// customers differ more than chance makes them (the score test of Dean and Lawless 1989).
#[expect(clippy::cast_precision_loss, reason = "counts far below 2^53")]
fn overdispersion(rows: &[ContactRow], sums: &Sums) -> f64 {
    let mean = sums.contacts / sums.weeks;
    rows.iter()
        .map(|row| {
            let contacts = f64::from(row.contacts);
            let excess = (contacts - mean * f64::from(row.weeks)).powi(2) - contacts;
            row.customers as f64 * excess
        })
        .sum()
}

/// The same rows as histories without drop-out; the likelihood of an NBD does not see when the last contact was.
fn as_histories(rows: &[ContactRow]) -> Result<Vec<CollapsedRow>, FitError> {
    rows.iter()
        .map(|row| {
            let days = row.weeks.max(1).saturating_mul(7);
            let last = if row.contacts == 0 { 0 } else { days };
            // Sound by construction; a time that is none would be a count of customers who cannot be.
            CollapsedRow::new(row.contacts, last, days, row.customers)
                .map_err(|_| FitError::NoFiniteLikelihood)
        })
        .collect()
}

/// Sums of costs over customers, from which follows what is usual.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct CostSums {
    customers: u64,
    days: u64,
    contacts: i128,
    contacts_squared: i128,
    cost: i128,
    /// Over days, of cost squared by contacts.
    of_days: i128,
    /// The same over customers.
    of_customers: i128,
}

impl CostSums {
    /// Adds one customer: contacts of known cost and what they cost together, in major units, day by day.
    pub fn add(&mut self, days: impl IntoIterator<Item = (u32, f64)>) {
        let (mut contacts, mut cost) = (0_i128, 0_i128);
        for (on_day, major) in days {
            let on_day = i128::from(on_day);
            if on_day == 0 {
                continue;
            }
            let units = cost_units(major);
            contacts += on_day;
            cost += units;
            self.days += 1;
            self.of_days = self.of_days.saturating_add(square_by(units, on_day));
        }
        if contacts == 0 {
            return;
        }
        self.customers += 1;
        self.contacts += contacts;
        self.contacts_squared += contacts * contacts;
        self.cost += cost;
        self.of_customers = self.of_customers.saturating_add(square_by(cost, contacts));
    }

    /// Share of `contacts`, which are all there were, whose cost is known; 0 without any.
    #[must_use]
    #[expect(clippy::cast_precision_loss, reason = "counts, for a ratio")]
    pub fn share_of(&self, contacts: u64) -> f64 {
        if contacts == 0 {
            return 0.0;
        }
        self.contacts as f64 / contacts as f64
    }

    /// What a contact usually costs; `None` where no cost is known.
    ///
    /// Bühlmann and Straub (1970): the mean counts for the variance within customers over the variance between them; for all
    /// contacts it was learned from where customers do not differ, or where nobody was seen twice so that nothing tells.
    #[must_use]
    #[expect(clippy::cast_precision_loss, reason = "sums of money, for a ratio")]
    pub fn usual(&self) -> Option<ContactCost> {
        if self.contacts == 0 {
            return None;
        }
        let contacts = self.contacts as f64;
        let (customers, days) = (self.customers as f64, self.days as f64);
        let within = (self.of_days - self.of_customers).max(0) as f64 / (days - customers);
        let overall = square_by(self.cost, self.contacts);
        let scatter = (self.of_customers - overall).max(0) as f64;
        let spread = contacts - self.contacts_squared as f64 / contacts;
        let between = (scatter - (customers - 1.0) * within) / spread;
        let weight = within / between;
        // Not a number where nobody was seen twice, or where there is only one customer.
        let told_apart = between > 0.0 && weight < contacts;
        Some(ContactCost {
            mean: self.cost as f64 / contacts / COST_UNITS,
            weight_contacts: if told_apart { weight } else { contacts },
        })
    }
}

/// Square of a sum over its count. A sum too large to square is as good as the largest.
fn square_by(units: i128, contacts: i128) -> i128 {
    units.saturating_mul(units) / contacts
}

#[expect(
    clippy::cast_possible_truncation,
    reason = "bounded just before the cast"
)]
fn cost_units(major: f64) -> i128 {
    (major * COST_UNITS)
        .round()
        .clamp(-LARGEST_COST, LARGEST_COST) as i128
}

/// Whole weeks in which contacts were counted, of the days since the first fact; at least 1, since within less a contact says little.
#[must_use]
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "a positive number of weeks"
)]
pub fn whole_weeks(days: i32) -> u32 {
    (f64::from(days.max(0)) / DAYS_PER_WEEK).round().max(1.0) as u32
}

#[cfg(test)]
mod tests;
