//! The horizon in stretches within which orders count as if they came evenly.

use crate::domain::clv::lifetime::Horizon;
use crate::domain::clv::season::TimeAhead;

/// Longer horizons are cut into so many blocks of whole months, each with its mean discount: time per customer stays the same.
const MAX_BLOCKS: u32 = 12;

/// A stretch of the horizon.
pub(super) struct Block {
    /// Its length, as the model counts weeks.
    pub(super) weeks: f64,
    /// Mean discount factor of the ends of its months, each by its length in these weeks.
    pub(super) discount: f64,
}

/// Lengths of at most [`MAX_BLOCKS`] blocks that fill `months`. They grow in proportion to the time gone by, as the times do
/// after which customers leave: within a block orders count as if they came evenly, which is nearest to the truth that way.
fn block_lengths(months: u32) -> impl Iterator<Item = u32> {
    let mut gone = 0;
    (0..MAX_BLOCKS).rev().map_while(move |others| {
        let left = months - gone;
        if left == 0 {
            return None;
        }
        let growth =
            (f64::from(months) / f64::from(gone.max(1))).powf(f64::from(others + 1).recip());
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "at most all months"
        )]
        let length = if others == 0 {
            left
        } else {
            ((f64::from(gone) * (growth - 1.0)).round() as u32).clamp(1, left)
        };
        gone += length;
        Some(length)
    })
}

/// The horizon in blocks of whole months. Time passes as `ahead` has it.
pub(super) fn blocks(horizon: &Horizon, ahead: &TimeAhead<'_>) -> Vec<Block> {
    let factor = (1.0 + horizon.monthly_discount_rate()).recip();
    let weeks_per_month = horizon.weeks() / f64::from(horizon.months());
    let mut discount = 1.0;
    let mut gone = 0;
    block_lengths(horizon.months())
        .map(|months| {
            // Evenly, a month is a month.
            let length = |month: u32| {
                let [start, end] = [month, month + 1]
                    .map(|month| ahead.model_weeks(weeks_per_month * f64::from(month)));
                end - start
            };
            let (mut sum, mut weeks) = (0.0, 0.0);
            for month in gone..gone + months {
                discount *= factor;
                let length = if ahead.is_seasonal() {
                    length(month)
                } else {
                    1.0
                };
                sum += length * discount;
                weeks += length;
            }
            gone += months;
            Block {
                weeks: if ahead.is_seasonal() {
                    weeks
                } else {
                    weeks_per_month * weeks
                },
                discount: sum / weeks,
            }
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn blocks_grow_and_fill_the_horizon() {
        let lengths = |months| block_lengths(months).collect::<Vec<_>>();
        assert_eq!(lengths(1), [1]);
        assert_eq!(lengths(12), [1; 12]);
        assert_eq!(lengths(120), [1, 1, 1, 2, 2, 4, 5, 8, 12, 18, 26, 40]);
        for months in 1..=1_200 {
            let lengths = lengths(months);
            assert_eq!(lengths.iter().sum::<u32>(), months);
            assert!(lengths.len() <= 12 && lengths.iter().all(|&length| length > 0));
        }
    }
}
