//! Seeded randomness for the demo: the same seed gives the same numbers in every version of the program.
//!
//! Own code rather than `rand` and `rand_distr`: these fifty lines are all the demo needs, and those crates state that the
//! numbers of a seed may change between their versions, which would change the demo's customers under a stored demo database.

use std::f64::consts::TAU;

/// A generator: `SplitMix64` (Steele, Lea and Flood 2014, "Fast splittable pseudorandom number generators").
#[derive(Debug, Clone)]
pub struct Random {
    state: u64,
}

impl Random {
    /// The generator of a seed.
    #[must_use]
    pub fn seeded(seed: u64) -> Self {
        Self { state: seed }
    }

    fn next(&mut self) -> u64 {
        self.state = self.state.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.state;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^ (z >> 31)
    }

    /// Uniform above 0 and below 1.
    pub fn uniform(&mut self) -> f64 {
        // 52 bits and a half: exactly representable, never 0 and never 1.
        #[expect(clippy::cast_precision_loss, reason = "52 bits fit a double exactly")]
        let bits = (self.next() >> 12) as f64;
        (bits + 0.5) * 2.0_f64.powi(-52)
    }

    /// Uniform among 0, 1, ..., `count` - 1; 0 when `count` is 0. The bias is below 2^-40 for the counts of the demo.
    pub fn below(&mut self, count: usize) -> usize {
        let wide = u128::from(self.next()) * (count as u128);
        usize::try_from(wide >> 64).unwrap_or(0)
    }

    /// True with the given probability.
    pub fn chance(&mut self, probability: f64) -> bool {
        self.uniform() < probability
    }

    /// One of several.
    ///
    /// # Panics
    ///
    /// When there is none.
    pub fn pick<'a, T>(&mut self, among: &'a [T]) -> &'a T {
        &among[self.below(among.len())]
    }

    /// Puts items in a random order (Fisher and Yates).
    pub fn shuffle<T>(&mut self, items: &mut [T]) {
        for last in (1..items.len()).rev() {
            items.swap(last, self.below(last + 1));
        }
    }

    /// Exponential with the given rate.
    pub fn exponential(&mut self, rate: f64) -> f64 {
        -self.uniform().ln() / rate
    }

    /// Standard normal (Box and Muller 1958).
    fn normal(&mut self) -> f64 {
        (-2.0 * self.uniform().ln()).sqrt() * (TAU * self.uniform()).cos()
    }

    /// Gamma with the given shape and rate, mean shape / rate (Marsaglia and Tsang 2000, "A simple method for generating gamma
    /// variables"; below shape 1 with their boost).
    pub fn gamma(&mut self, shape: f64, rate: f64) -> f64 {
        if shape < 1.0 {
            let boost = self.uniform().powf(1.0 / shape);
            return boost * self.gamma(shape + 1.0, rate);
        }
        let d = shape - 1.0 / 3.0;
        let c = 1.0 / (9.0 * d).sqrt();
        loop {
            let x = self.normal();
            let v = (1.0 + c * x).powi(3);
            if v > 0.0 && self.uniform().ln() < 0.5 * x * x + d - d * v + d * v.ln() {
                return d * v / rate;
            }
        }
    }

    /// Beta with the given parameters, mean a / (a + b), as a ratio of gammas.
    pub fn beta(&mut self, a: f64, b: f64) -> f64 {
        let x = self.gamma(a, 1.0);
        x / (x + self.gamma(b, 1.0))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Mean and variance of 200,000 draws; their standard errors are far below the tolerances of the tests.
    fn moments(mut draw: impl FnMut(&mut Random) -> f64) -> (f64, f64) {
        let mut random = Random::seeded(1);
        let count = 200_000;
        let draws: Vec<f64> = (0..count).map(|_| draw(&mut random)).collect();
        let mean = draws.iter().sum::<f64>() / f64::from(count);
        let squares = draws.iter().map(|x| (x - mean).powi(2)).sum::<f64>();
        (mean, squares / f64::from(count))
    }

    #[track_caller]
    fn check(draw: impl FnMut(&mut Random) -> f64, mean: f64, variance: f64) {
        let (m, v) = moments(draw);
        assert!((m / mean - 1.0).abs() < 0.02, "mean {m}, not {mean}");
        assert!(
            (v / variance - 1.0).abs() < 0.05,
            "variance {v}, not {variance}"
        );
    }

    #[test]
    fn draws_have_the_moments_of_their_distributions() {
        check(Random::uniform, 0.5, 1.0 / 12.0);
        check(|random| random.exponential(4.0), 0.25, 1.0 / 16.0);
        check(|random| random.gamma(0.5, 2.0), 0.25, 0.125);
        check(|random| random.gamma(4.0, 0.5), 8.0, 16.0);
        check(|random| random.beta(1.0, 4.0), 0.2, 4.0 / 150.0);
    }

    #[test]
    fn a_seed_gives_the_published_numbers_of_the_generator() {
        // Reference output of splitmix64.c (Vigna, prng.di.unimi.it) for the seed 1234567.
        let mut random = Random::seeded(1_234_567);
        assert_eq!(random.next(), 6_457_827_717_110_365_317);
        assert_eq!(random.next(), 3_203_168_211_198_807_973);
        assert_eq!(random.next(), 9_817_491_932_198_370_423);
    }

    #[test]
    fn a_shuffle_keeps_every_item() {
        let mut items: Vec<usize> = (0..100).collect();
        Random::seeded(3).shuffle(&mut items);
        assert_ne!(items, (0..100).collect::<Vec<_>>());
        items.sort_unstable();
        assert_eq!(items, (0..100).collect::<Vec<_>>());
    }
}
