//! The phone lines of invented customers: who has one, and who shares one.
//!
//! Some persons begin a household of two to four who share a line and a family name. Some companies are followed by one to three persons
//! who work there and are reached by the firm's line; the first company by eight, so that every population has a crowded line. Some
//! customers have no phone number at all.

use crate::generate::random::Random;
use crate::pb::CustomerKind;

/// Stems of phone numbers that the Bundesnetzagentur keeps free for films: three digits follow, and nobody answers.
const PHONE_STEMS: [&str; 5] = [
    "+493023125",
    "+496990009",
    "+494066969",
    "+492214710",
    "+498999998",
];
/// Numbers that begin with [`PHONE_STEMS`].
const FILM_NUMBERS: usize = 5_000;
/// Stem of the numbers after those, in the North American plan: no area has the code 200, and no exchange begins with 0 or 1, as those of the
/// first two million do. Nobody answers there either, but the length is that of a number, as an import asks for.
const NOWHERE: &str = "+1200";
/// Share of customers without a phone number.
const WITHOUT: f64 = 0.05;
/// Share of persons who begin a household.
const HOUSEHOLDS: f64 = 0.12;
/// Share of companies whose people call from the firm's line.
const FIRMS: f64 = 0.3;
/// People at the first company.
const CROWD: usize = 8;

/// A line that further customers share.
#[derive(Debug, Clone)]
pub(super) struct Shared {
    /// Its number.
    pub(super) phone: String,
    /// The family name of a household. `None`: a firm.
    pub(super) family: Option<String>,
    left: usize,
}

/// Gives out lines.
#[derive(Debug, Default)]
pub(super) struct Lines {
    open: Option<Shared>,
    firms: usize,
}

impl Lines {
    /// The line that the next customer shares, if one is open. That customer is a person.
    pub(super) fn shared(&mut self) -> Option<Shared> {
        let shared = self.open.as_mut()?;
        shared.left -= 1;
        let shared = shared.clone();
        if shared.left == 0 {
            self.open = None;
        }
        Some(shared)
    }

    /// A line of the customer's own; it may be open to those who follow.
    pub(super) fn own(
        &mut self,
        index: usize,
        kind: CustomerKind,
        family: &str,
        random: &mut Random,
    ) -> Option<String> {
        let phone = number(index);
        let share = |left, family| Shared {
            phone: phone.clone(),
            family,
            left,
        };
        self.open = match kind {
            CustomerKind::Company => {
                self.firms += 1;
                let crowd = self.firms == 1;
                let people = 1 + random.below(3);
                let calls = random.chance(FIRMS);
                (crowd || calls).then(|| share(if crowd { CROWD } else { people }, None))
            }
            CustomerKind::Person if random.chance(HOUSEHOLDS) => {
                Some(share(1 + random.below(3), Some(family.to_owned())))
            }
            CustomerKind::Person | CustomerKind::Employee | CustomerKind::Unspecified => None,
        };
        let without = random.chance(WITHOUT);
        (self.open.is_some() || !without).then_some(phone)
    }
}

/// A number of one's own.
fn number(index: usize) -> String {
    if index < FILM_NUMBERS {
        format!("{}{:03}", PHONE_STEMS[index / 1_000], index % 1_000)
    } else {
        format!("{NOWHERE}{index:07}")
    }
}

/// Whether a number looks like one that the reader knows.
pub(super) fn is_german(phone: &str) -> bool {
    phone.starts_with("+49")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::telephony::plan::NumberPlan;

    #[test]
    fn every_number_is_one_that_an_import_takes() {
        for index in (0..100_000).step_by(97).chain([4_999, 5_000, 1_999_999]) {
            let phone = number(index);
            let read = NumberPlan::E164.number(&phone);
            assert_eq!(read.map(|it| it.as_str().to_owned()).as_ref(), Ok(&phone));
        }
    }
}
