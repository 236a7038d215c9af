//! Which call comes next, and about whom: the same for the same seed.

use std::fmt;

use serde::Serialize;

use crate::cli::error::CliError;
use crate::generate::random::Random;
use crate::pb;

/// What is asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Call {
    /// `Classify`.
    Classify,
    /// `RouteContact`.
    Route,
    /// `ScoreLifetimeValue`.
    Score,
}

impl Call {
    const ALL: [Self; 3] = [Self::Classify, Self::Route, Self::Score];

    /// As in `--mix`.
    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Classify => "classify",
            Self::Route => "route",
            Self::Score => "score",
        }
    }
}

/// Calls by weight; at least one weighs something.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Mix(Vec<(Call, u32)>);

impl fmt::Display for Mix {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (place, (call, weight)) in self.0.iter().enumerate() {
            let comma = if place == 0 { "" } else { "," };
            write!(f, "{comma}{}={weight}", call.name())?;
        }
        Ok(())
    }
}

/// Reads a mix, `classify=8,route=2`.
///
/// # Errors
///
/// A sentence that says what is wrong.
pub(super) fn parse_mix(text: &str) -> Result<Mix, String> {
    let mut mix: Vec<(Call, u32)> = vec![];
    for part in text.split(',') {
        let (name, weight) = part.split_once('=').unwrap_or((part, "1"));
        let call = Call::ALL.into_iter().find(|it| it.name() == name.trim());
        let call = call.ok_or_else(|| {
            let known = Call::ALL.map(Call::name).join(", ");
            format!("{name:?} is not a call: use {known}")
        })?;
        let weight = weight.trim().parse().ok().filter(|it| *it <= 1_000_000);
        let weight: u32 =
            weight.ok_or_else(|| format!("{part:?}: the weight must be 0 to 1000000"))?;
        if mix.iter().any(|(known, _)| *known == call) {
            return Err(format!("{} is there twice", call.name()));
        }
        mix.push((call, weight));
    }
    if mix.iter().all(|(_, weight)| *weight == 0) {
        return Err("all weights are 0".to_owned());
    }
    Ok(Mix(mix))
}

/// Reads a share.
///
/// # Errors
///
/// A sentence that says what is wrong.
pub(super) fn parse_share(text: &str) -> Result<f64, String> {
    let share = text.parse().ok().filter(|it| (0.0..=1.0).contains(it));
    share.ok_or_else(|| format!("{text:?} is not a share: use 0 to 1, for example 0.05"))
}

/// Who is asked about often. Both shares are 0 to 1.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub(super) struct Hot {
    /// Share of the subjects.
    pub(super) subjects: f64,
    /// Share of the calls that go to them.
    pub(super) calls: f64,
}

/// The endless sequence of calls.
#[derive(Debug)]
pub(super) struct Plan {
    mix: Mix,
    subjects: Vec<pb::Subject>,
    /// How many subjects from the front are hot, and the share of calls about them.
    hot: Option<(usize, f64)>,
    random: Random,
}

impl Plan {
    /// About these subjects.
    ///
    /// # Errors
    ///
    /// When there are no subjects.
    pub(super) fn new(
        mut subjects: Vec<pb::Subject>,
        mix: Mix,
        hot: Option<Hot>,
        seed: u64,
    ) -> Result<Self, CliError> {
        if subjects.is_empty() {
            return Err(CliError::usage("the file of subjects has no rows"));
        }
        let mut random = Random::seeded(seed);
        // A file is in the order of its ids or days, which who is hot must not follow.
        random.shuffle(&mut subjects);
        let hot = hot.map(|hot| (share_of(subjects.len(), hot.subjects), hot.calls));
        Ok(Self {
            mix,
            subjects,
            hot,
            random,
        })
    }

    /// The next call, and whom it is about.
    pub(super) fn next(&mut self) -> (Call, &pb::Subject) {
        let call = self.next_call();
        let place = self.next_place();
        (call, &self.subjects[place])
    }

    fn next_call(&mut self) -> Call {
        let total: u32 = self.mix.0.iter().map(|(_, weight)| weight).sum();
        let mut drawn = self.random.below(total as usize);
        for (call, weight) in &self.mix.0 {
            let weight = *weight as usize;
            if drawn < weight {
                return *call;
            }
            drawn -= weight;
        }
        Call::Classify
    }

    fn next_place(&mut self) -> usize {
        let all = self.subjects.len();
        match self.hot {
            None => self.random.below(all),
            Some((hot, calls)) if hot == all || self.random.chance(calls) => self.random.below(hot),
            Some((hot, _)) => hot + self.random.below(all - hot),
        }
    }
}

/// A share of a count, at least one.
fn share_of(count: usize, share: f64) -> usize {
    #[expect(
        clippy::cast_precision_loss,
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "a share of a count is a count"
    )]
    let part = (count as f64 * share).round() as usize;
    part.clamp(1, count)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::subject::{parse_subject, subject_text};

    fn subjects(count: usize) -> Vec<pb::Subject> {
        let ids = (0..count).map(|at| parse_subject(&format!("c-{at}")).unwrap());
        ids.collect()
    }

    #[test]
    fn a_mix_is_read_and_its_mistakes_are_named() {
        let mix = parse_mix("classify=8, route=2").unwrap();
        assert_eq!(mix.to_string(), "classify=8,route=2");
        assert_eq!(parse_mix("score").unwrap().to_string(), "score=1");
        for (text, expected) in [
            (
                "explain=1",
                "\"explain\" is not a call: use classify, route, score",
            ),
            ("route=-1", "\"route=-1\": the weight must be 0 to 1000000"),
            ("route=1,route=2", "route is there twice"),
            ("route=0", "all weights are 0"),
        ] {
            assert_eq!(parse_mix(text).unwrap_err(), expected);
        }
        assert!(parse_share("1.01").is_err() && parse_share("x").is_err());
        assert_eq!(parse_share("0.05"), Ok(0.05));
    }

    #[test]
    fn calls_and_subjects_come_in_their_shares() {
        let mix = parse_mix("classify=3,score=1").unwrap();
        let shares = Hot {
            subjects: 0.05,
            calls: 0.8,
        };
        let mut plan = Plan::new(subjects(1_000), mix, Some(shares), 7).unwrap();
        let hot: Vec<String> = plan.subjects[..50].iter().map(subject_text).collect();
        let (mut to_hot, mut scores) = (0, 0);
        for _ in 0..10_000 {
            let (call, subject) = plan.next();
            to_hot += i32::from(hot.contains(&subject_text(subject)));
            scores += i32::from(call == Call::Score);
        }
        // Five deviations of a binomial.
        assert!((7_800..=8_200).contains(&to_hot), "{to_hot}");
        assert!((2_283..=2_717).contains(&scores), "{scores}");
    }

    #[test]
    fn a_seed_gives_the_same_calls_and_one_subject_is_enough() {
        let of = |seed| {
            let mix = parse_mix("classify,route").unwrap();
            let mut plan = Plan::new(subjects(9), mix, None, seed).unwrap();
            let next = move |_| {
                let (call, subject) = plan.next();
                (call, subject_text(subject))
            };
            (0..50).map(next).collect::<Vec<_>>()
        };
        assert_eq!(of(3), of(3));
        assert_ne!(of(3), of(4));
        let mix = parse_mix("classify").unwrap();
        let none = Hot {
            subjects: 0.0,
            calls: 0.5,
        };
        let mut one = Plan::new(subjects(1), mix.clone(), Some(none), 1).unwrap();
        assert_eq!(subject_text(one.next().1), "c-0");
        assert!(Plan::new(vec![], mix, None, 1).is_err());
    }
}
