//! Refunds in other currencies than their purchase, within the packed part of a profile.

use prost::Message;

use super::{LabelTable, Labels, each};
use crate::{
    domain::customer::profile::{ForeignRefund, ForeignRefunds},
    store::{codes, error::StoreError},
};

#[derive(Clone, PartialEq, Message)]
pub(super) struct PackedForeignRefunds {
    #[prost(int64, tag = "1")]
    amount_minor: i64,
    #[prost(int64, optional, tag = "2")]
    cost_minor: Option<i64>,
    #[prost(message, repeated, tag = "3")]
    refunds: Vec<PackedForeignRefund>,
}

/// The currency is a label, the day is counted from 1970-01-01.
#[derive(Clone, PartialEq, Message)]
struct PackedForeignRefund {
    #[prost(sint32, tag = "1")]
    day: i32,
    #[prost(uint32, tag = "2")]
    currency: u32,
    #[prost(int64, tag = "3")]
    amount_minor: i64,
    #[prost(int64, optional, tag = "4")]
    cost_minor: Option<i64>,
}

pub(super) fn pack_foreign_refunds(
    foreign: &ForeignRefunds,
    labels: &mut LabelTable,
) -> PackedForeignRefunds {
    let ForeignRefunds {
        amount_minor,
        cost_minor,
        refunds,
    } = foreign;
    let refunds = refunds.iter().map(|refund| {
        let ForeignRefund {
            day,
            currency,
            amount_minor,
            cost_minor,
        } = *refund;
        PackedForeignRefund {
            day: day.number(),
            currency: labels.text(currency.code()),
            amount_minor,
            cost_minor,
        }
    });
    PackedForeignRefunds {
        amount_minor: *amount_minor,
        cost_minor: *cost_minor,
        refunds: refunds.collect(),
    }
}

pub(super) fn unpack_foreign_refunds(
    packed: &PackedForeignRefunds,
    labels: &Labels,
) -> Result<ForeignRefunds, StoreError> {
    let refunds = each(packed.refunds.clone(), |refund| {
        Ok(ForeignRefund {
            day: codes::day(refund.day)?,
            currency: labels.currency(refund.currency)?,
            amount_minor: refund.amount_minor,
            cost_minor: refund.cost_minor,
        })
    })?;
    Ok(ForeignRefunds {
        amount_minor: packed.amount_minor,
        cost_minor: packed.cost_minor,
        refunds: refunds.into(),
    })
}
