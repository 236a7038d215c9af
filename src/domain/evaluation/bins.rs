//! Is the model right about the loyal and about the one-time buyers? Actual and expected means by frequency until the split.
//!
//! The conditional expectations of Fader, Hardie and Lee (2005), Marketing Science 24(2), figure 5, with their bins.

use super::{forecast::Compared, number};

/// Customers with so many repeat orders or more share a bin.
pub const LAST_BIN: u32 = 7;

/// Customers with the same frequency until the split.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct FrequencyBin {
    /// Repeat orders until the split; in the last bin, [`LAST_BIN`] or more.
    pub frequency: u32,
    /// How many customers, at least 1.
    pub customers: usize,
    /// What came, a customer.
    pub actual_mean: f64,
    /// What the model expected, a customer.
    pub expected_mean: f64,
}

/// The bins that have customers, by frequency.
pub(super) fn bins(compared: &[(u32, Compared)]) -> Vec<FrequencyBin> {
    let bin = |frequency: u32| {
        let is_in = move |(x, _): &&(u32, Compared)| (*x).min(LAST_BIN) == frequency;
        let members = compared.iter().filter(is_in);
        let customers = members.clone().count();
        let mean = |of: fn(&Compared) -> f64| {
            members.clone().map(|(_, one)| of(one)).sum::<f64>() / number(customers)
        };
        (customers > 0).then(|| FrequencyBin {
            frequency,
            customers,
            actual_mean: mean(|one| one.actual),
            expected_mean: mean(|one| one.expected),
        })
    };
    (0..=LAST_BIN).filter_map(bin).collect()
}
