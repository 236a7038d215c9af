//! How regular the times between orders are under a model of regular buyers: a whole number of Erlang stages.

/// Stages `k` of the Erlang distribution of the times between a customer's orders, from 1 to [`Stages::MAX`]: 1 is purely random,
/// with more the times of one customer differ less (their coefficient of variation is `1 / sqrt k`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Stages(u8);

impl Stages {
    /// Purely random times.
    pub const ONE: Self = Self(1);
    /// The fewest that are regular.
    pub const TWO: Self = Self(2);
    /// The most that are tried, as in `BTYDplus`: at 12, two of three gaps of a customer lie within 29 % of their mean.
    pub const MAX: Self = Self(12);

    /// So many stages; `None` outside `1..=MAX`.
    #[must_use]
    #[expect(clippy::cast_possible_truncation, reason = "12 at most")]
    pub const fn new(stages: u32) -> Option<Self> {
        if 1 <= stages && stages <= Self::MAX.get() {
            Some(Self(stages as u8))
        } else {
            None
        }
    }

    /// The number.
    #[must_use]
    pub const fn get(self) -> u32 {
        // `u32::from` is not const.
        self.0 as u32
    }

    /// The number to calculate with.
    #[must_use]
    pub const fn as_f64(self) -> f64 {
        // As above.
        self.0 as f64
    }

    /// Every number of stages, the fewest first.
    pub fn all() -> impl Iterator<Item = Self> {
        (1..=Self::MAX.0).map(Self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stages_are_one_to_twelve() {
        assert_eq!(Stages::new(0), None);
        assert_eq!(Stages::new(13), None);
        assert_eq!(Stages::new(300), None);
        let all: Vec<u32> = Stages::all().map(Stages::get).collect();
        assert_eq!(all, (1..=12).collect::<Vec<_>>());
        assert_eq!(Stages::new(2), Some(Stages::TWO));
    }
}
