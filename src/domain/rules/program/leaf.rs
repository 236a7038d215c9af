//! The test of a leaf against a slot.

use std::cmp::Ordering;

use super::{Slot, Symbol, Verdict};
use crate::domain::{
    rules::{
        condition::{Finite, TextOp},
        syntax::Op,
    },
    text::Label,
};

/// The orders of value and limit that satisfy a comparison, a bit each: 1 less, 2 equal, 4 greater. Testing it takes no branch.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) struct Orders(u8);

impl Orders {
    pub(super) const fn from_op(op: Op) -> Self {
        Self(match op {
            Op::Lt => 1,
            Op::Eq => 2,
            Op::Le => 3,
            Op::Gt => 4,
            Op::Ne => 5,
            Op::Ge => 6,
        })
    }

    #[inline]
    const fn allow(self, order: Ordering) -> bool {
        // Less, Equal and Greater are -1, 0 and 1.
        self.0 >> (order as i8 + 1) & 1 == 1
    }
}

/// The test of a leaf. Text constants are symbols or indices, so that a leaf is small and a comparison one instruction.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) enum Check {
    Int(Orders, i64),
    Number(Orders, Finite),
    Bool(bool),
    Is(Symbol),
    IsNot(Symbol),
    Part(TextOp, Label),
    IntIn(Box<[i64]>),
    NumberIn(Box<[Finite]>),
    SymbolIn(Box<[Symbol]>),
    Tag(Label),
    Known,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) struct Leaf {
    pub(super) slot: u32,
    pub(super) check: Check,
}

impl Check {
    /// UNKNOWN without a value, and for a value of another type, which slots do not get.
    #[inline]
    pub(super) fn verdict(&self, slot: &Slot<'_>) -> Verdict {
        let holds = match (self, slot) {
            (Self::Int(orders, limit), Slot::Int(value)) => orders.allow(value.cmp(limit)),
            (Self::Number(orders, limit), Slot::Num(value)) => {
                // Neither is NaN, so that there always is an order.
                orders.allow(value.partial_cmp(&limit.get()).unwrap_or(Ordering::Equal))
            }
            (Self::Is(wanted), Slot::Text(symbol, _)) => wanted == symbol,
            (Self::IsNot(wanted), Slot::Text(symbol, _)) => wanted != symbol,
            (Self::SymbolIn(list), Slot::Text(symbol, _)) => list.contains(symbol),
            (Self::Bool(wanted), Slot::Bool(value)) => wanted == value,
            (Self::Known, slot) => !matches!(slot, Slot::Missing),
            (Self::Tag(tag), Slot::List(tags)) => tags.iter().any(|known| **known == **tag),
            (Self::IntIn(list), Slot::Int(value)) => list.contains(value),
            (Self::NumberIn(list), Slot::Num(value)) => {
                Finite::new(*value).is_some_and(|value| list.contains(&value))
            }
            (Self::Part(op, part), Slot::Text(_, text)) => match op {
                TextOp::StartsWith => text.starts_with(&**part),
                TextOp::EndsWith => text.ends_with(&**part),
                TextOp::Contains => text.contains(&**part),
                TextOp::Is => **text == **part,
                TextOp::IsNot => **text != **part,
            },
            _ => return Verdict::Unknown,
        };
        Verdict::from_bool(holds)
    }

    /// Value less limit; NaN where there is no distance.
    #[inline]
    #[expect(
        clippy::cast_precision_loss,
        reason = "a gap is shown and ordered, never computed with"
    )]
    pub(super) fn gap(&self, slot: &Slot<'_>) -> f64 {
        match (self, slot) {
            (Self::Int(_, limit), Slot::Int(value)) => value.saturating_sub(*limit) as f64,
            (Self::Number(_, limit), Slot::Num(value)) => value - limit.get(),
            _ => f64::NAN,
        }
    }
}
