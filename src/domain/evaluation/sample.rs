//! Whose futures are drawn: everybody, or a sample of each kind, since a sample of all would have next to none of a rare kind.

use super::{number, population::Population};
use crate::domain::{clv::random::Random, customer::CustomerKind};

/// Futures are drawn for at most so many customers of a kind: each takes a thousand of them, and a share of 90 % among 2,000 is known to
/// 0.7 percentage points.
pub(super) const MOST_CUSTOMERS: usize = 2_000;
/// Seed of the sample.
const SEED: u64 = 20;

/// One customer chosen.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Chosen {
    /// Its place among the subjects.
    pub(super) subject: usize,
    /// How many customers of its kind it stands for, at least 1.
    pub(super) weight: f64,
}

/// All customers of each kind, or a seeded sample of so many; always the same.
pub(super) fn choose(population: &Population, most: usize) -> Vec<Chosen> {
    let kinds = [CustomerKind::Person, CustomerKind::Company];
    let of_kind = |kind| {
        let subjects = population.subjects().iter().enumerate();
        let members = subjects.filter(|(_, subject)| subject.kind() == kind);
        let members: Vec<usize> = members.map(|(at, _)| at).collect();
        let places = places(members.len(), most);
        let weight = number(members.len()) / number(places.len()).max(1.0);
        let chosen = places.into_iter().map(move |place| Chosen {
            subject: members[place],
            weight,
        });
        chosen.collect::<Vec<_>>()
    };
    kinds.into_iter().flat_map(of_kind).collect()
}

/// Places of `most` of so many, all of them if there are no more; in order. Knuth, "The Art of Computer Programming", volume 2,
/// algorithm S.
fn places(count: usize, most: usize) -> Vec<usize> {
    let mut random = Random::new(SEED);
    let mut chosen = Vec::with_capacity(most.min(count));
    for at in 0..count {
        let needed = number(most.min(count) - chosen.len());
        if random.uniform() * number(count - at) < needed {
            chosen.push(at);
        }
    }
    chosen
}
