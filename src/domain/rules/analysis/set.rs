//! Sets of values of one term, the missing value included.

use std::collections::BTreeSet;

use crate::domain::{
    rules::{
        condition::{ContactTerm, Finite, Predicate, Term, TextOp},
        language::{KINDS, WEEKDAYS},
        syntax::Op,
        vocabulary::{ValueType, Vocabulary},
    },
    text::Label,
};

/// Some values, and perhaps the missing one.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Set {
    has_missing: bool,
    values: Values,
}

#[derive(Debug, Clone, PartialEq)]
enum Values {
    /// Inclusive ranges, ascending, neither overlapping nor touching. Numbers are mapped by [`key`].
    Ints(Vec<(i64, i64)>),
    /// These texts, or all others.
    Texts {
        listed: BTreeSet<Label>,
        is_complement: bool,
    },
}

/// A finite number as an integer of the same order.
fn key(value: Finite) -> i64 {
    let bits = value.get().to_bits().cast_signed();
    // Negative numbers order backwards in their bits.
    bits ^ ((bits >> 63).cast_unsigned() >> 1).cast_signed()
}

impl Set {
    /// All values that `term` can have.
    pub(super) fn domain(term: &Term, vocabulary: &Vocabulary) -> Self {
        let from = |least: i64| Values::Ints(vec![(least, i64::MAX)]);
        let (has_missing, values) = match term {
            Term::Attribute(id) => (true, Values::of_type(&vocabulary.attribute(*id).value_type)),
            Term::Clv | Term::Spend(_) | Term::CostToServe(_) => (true, from(i64::MIN)),
            Term::Tier => {
                let count = i64::try_from(vocabulary.tiers().len()).unwrap_or(i64::MAX);
                (true, Values::Ints(vec![(0, count - 1)]))
            }
            Term::ProbabilityAlive => {
                let one = Finite::new(1.0).map_or(i64::MAX, key);
                (true, Values::Ints(vec![(0, one)]))
            }
            Term::Orders(_) | Term::Contacts(..) | Term::RunningContracts => (false, from(0)),
            Term::DaysSinceLastOrder | Term::TenureDays => (true, from(0)),
            Term::Kind => (
                false,
                Values::Texts {
                    listed: KINDS.map(Label::from).into(),
                    is_complement: false,
                },
            ),
            Term::Segment(_) => (false, Values::Ints(vec![(0, 1)])),
            Term::Contact(term) => Self::of_contact(*term),
        };
        Self {
            has_missing,
            values,
        }
    }

    /// Whether a term of contacts can be missing, and its values.
    fn of_contact(term: ContactTerm) -> (bool, Values) {
        match term {
            // What contacts state is not bounded by what is defined: with one intent, not every contact has it.
            ContactTerm::Channel | ContactTerm::Intent | ContactTerm::DialledNumber => {
                (true, Values::of_type(&ValueType::Text))
            }
            ContactTerm::Weekday => {
                let weekdays = Values::Texts {
                    listed: WEEKDAYS.map(Label::from).into(),
                    is_complement: false,
                };
                (false, weekdays)
            }
            ContactTerm::TimeOfDay => (false, Values::Ints(vec![(0, 24 * 60 - 1)])),
            ContactTerm::Open(_) => (false, Values::Ints(vec![(0, 1)])),
        }
    }

    /// The values for which the predicate holds, of a domain without bounds.
    pub(super) fn from_predicate(predicate: &Predicate) -> Self {
        let texts = |listed: &[Label], is_complement| Values::Texts {
            listed: listed.iter().cloned().collect(),
            is_complement,
        };
        let ints = |list: &[i64]| {
            let points = list.iter().map(|&value| (value, value)).collect();
            Values::Ints(normal(points))
        };
        let values = match predicate {
            Predicate::Int(op, value) => Values::Ints(ranges(*op, *value)),
            Predicate::Number(op, value) => Values::Ints(ranges(*op, key(*value))),
            Predicate::Bool(value) => ints(&[i64::from(*value)]),
            Predicate::Text(op, text) => texts(std::slice::from_ref(text), *op == TextOp::IsNot),
            Predicate::IntIn(list) => ints(list),
            Predicate::NumberIn(list) => {
                ints(&list.iter().map(|&value| key(value)).collect::<Vec<_>>())
            }
            Predicate::TextIn(list) => texts(list, false),
            Predicate::HasTag(_) | Predicate::Known => Values::Ints(vec![(i64::MIN, i64::MAX)]),
        };
        Self {
            has_missing: false,
            values,
        }
    }

    /// Yes or no.
    pub(super) fn answer(is_yes: bool) -> Self {
        Self::from_predicate(&Predicate::Bool(is_yes))
    }

    /// Without the missing value.
    pub(super) fn known(&self) -> Self {
        Self {
            has_missing: false,
            values: self.values.clone(),
        }
    }

    /// At most the missing value.
    pub(super) fn only_missing(&self) -> Self {
        Self {
            has_missing: self.has_missing,
            values: match self.values {
                Values::Ints(_) => Values::Ints(Vec::new()),
                Values::Texts { .. } => Values::Texts {
                    listed: BTreeSet::new(),
                    is_complement: false,
                },
            },
        }
    }

    pub(super) fn is_empty(&self) -> bool {
        !self.has_missing
            && match &self.values {
                Values::Ints(ranges) => ranges.is_empty(),
                Values::Texts {
                    listed,
                    is_complement,
                } => listed.is_empty() && !is_complement,
            }
    }

    /// All other known values.
    pub(super) fn complement(&self) -> Self {
        let values = match &self.values {
            Values::Ints(ranges) => Values::Ints(outside(ranges)),
            Values::Texts {
                listed,
                is_complement,
            } => Values::Texts {
                listed: listed.clone(),
                is_complement: !is_complement,
            },
        };
        Self {
            has_missing: false,
            values,
        }
    }

    pub(super) fn intersect(&self, other: &Self) -> Self {
        Self {
            has_missing: self.has_missing && other.has_missing,
            values: self.values.intersect(&other.values),
        }
    }

    pub(super) fn unite(&self, other: &Self) -> Self {
        // De Morgan: one set operation less to get wrong.
        let values = self
            .complement()
            .values
            .intersect(&other.complement().values);
        let united = Self {
            has_missing: false,
            values,
        }
        .complement();
        Self {
            has_missing: self.has_missing || other.has_missing,
            ..united
        }
    }
}

impl Values {
    fn of_type(value_type: &ValueType) -> Self {
        match value_type {
            ValueType::Bool => Self::Ints(vec![(0, 1)]),
            ValueType::Whole
            | ValueType::Days
            | ValueType::Number
            | ValueType::Money(_)
            | ValueType::Day
            | ValueType::Tier
            | ValueType::Time
            // Only whether the tags are known is restricted by value; what is among them are questions.
            | ValueType::Tags => Self::Ints(vec![(i64::MIN, i64::MAX)]),
            ValueType::Text => Self::Texts {
                listed: BTreeSet::new(),
                is_complement: true,
            },
            ValueType::OneOf(values) => Self::Texts {
                listed: values.iter().cloned().collect(),
                is_complement: false,
            },
        }
    }

    fn intersect(&self, other: &Self) -> Self {
        match (self, other) {
            (Self::Ints(a), Self::Ints(b)) => Self::Ints(common(a, b)),
            (
                Self::Texts {
                    listed: a,
                    is_complement: not_a,
                },
                Self::Texts {
                    listed: b,
                    is_complement: not_b,
                },
            ) => {
                let (listed, is_complement) = match (not_a, not_b) {
                    (false, false) => (a & b, false),
                    (false, true) => (a - b, false),
                    (true, false) => (b - a, false),
                    (true, true) => (a | b, true),
                };
                Self::Texts {
                    listed,
                    is_complement,
                }
            }
            // A term has one type, so this pair does not meet; restricting nothing would be wrong, restricting to `self` is safe.
            (Self::Ints(_), Self::Texts { .. }) | (Self::Texts { .. }, Self::Ints(_)) => {
                self.clone()
            }
        }
    }
}

fn ranges(op: Op, value: i64) -> Vec<(i64, i64)> {
    let below = value.checked_sub(1).map(|end| (i64::MIN, end));
    let above = value.checked_add(1).map(|start| (start, i64::MAX));
    match op {
        Op::Eq => vec![(value, value)],
        Op::Ne => below.into_iter().chain(above).collect(),
        Op::Lt => below.into_iter().collect(),
        Op::Le => vec![(i64::MIN, value)],
        Op::Gt => above.into_iter().collect(),
        Op::Ge => vec![(value, i64::MAX)],
    }
}

/// Sorts and joins ranges that overlap or touch.
fn normal(mut ranges: Vec<(i64, i64)>) -> Vec<(i64, i64)> {
    ranges.sort_unstable();
    let mut out: Vec<(i64, i64)> = Vec::new();
    for (start, end) in ranges {
        match out.last_mut() {
            Some(last) if start <= last.1.saturating_add(1) => last.1 = last.1.max(end),
            _ => out.push((start, end)),
        }
    }
    out
}

fn common(a: &[(i64, i64)], b: &[(i64, i64)]) -> Vec<(i64, i64)> {
    let (mut i, mut j, mut out) = (0, 0, Vec::new());
    while let (Some(x), Some(y)) = (a.get(i), b.get(j)) {
        let (start, end) = (x.0.max(y.0), x.1.min(y.1));
        if start <= end {
            out.push((start, end));
        }
        if x.1 < y.1 { i += 1 } else { j += 1 }
    }
    out
}

fn outside(ranges: &[(i64, i64)]) -> Vec<(i64, i64)> {
    let mut out = Vec::new();
    let mut next = Some(i64::MIN);
    for &(start, end) in ranges {
        if let Some(free) = next
            && free < start
        {
            out.push((free, start - 1));
        }
        next = end.checked_add(1);
    }
    out.extend(next.map(|free| (free, i64::MAX)));
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_keep_their_order_as_keys() {
        let numbers = [f64::MIN, -1.5, -1e-300, 0.0, 5e-324, 1.0, f64::MAX];
        let keys: Vec<i64> = numbers
            .iter()
            .map(|&n| key(Finite::new(n).unwrap()))
            .collect();
        assert!(keys.is_sorted_by(|a, b| a < b), "{keys:?}");
        assert_eq!(key(Finite::new(-0.0).unwrap()), 0);
    }

    #[test]
    fn a_set_and_its_complement_share_nothing_and_leave_nothing_out() {
        let full = vec![(i64::MIN, i64::MAX)];
        for op in [Op::Eq, Op::Ne, Op::Lt, Op::Le, Op::Gt, Op::Ge] {
            for value in [i64::MIN, -1, 0, i64::MAX] {
                let set = ranges(op, value);
                let rest = outside(&set);
                assert!(common(&set, &rest).is_empty(), "{op:?} {value}");
                let all = normal(set.into_iter().chain(rest).collect());
                assert_eq!(all, full, "{op:?} {value}");
            }
        }
    }
}
