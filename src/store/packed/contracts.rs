//! Contracts within the packed part of a profile.

use prost::Message;

use super::{LabelTable, Labels};
use crate::{
    domain::{
        calendar::Day,
        customer::facts::{ContractFact, ContractTerms},
        money::Money,
    },
    store::{codes, error::StoreError},
};

/// Labels are their place in the table plus one; 0 is none. Days are counted from 1970-01-01.
#[derive(Clone, PartialEq, Message)]
pub(super) struct PackedContract {
    #[prost(uint32, tag = "1")]
    source: u32,
    /// Ids do not repeat within a profile, so they are not in the table.
    #[prost(string, tag = "2")]
    contract_id: String,
    #[prost(sint32, tag = "3")]
    started_on: i32,
    #[prost(uint32, tag = "4")]
    period_months: u32,
    #[prost(int64, tag = "5")]
    price_minor: i64,
    #[prost(uint32, tag = "6")]
    currency: u32,
    #[prost(int64, optional, tag = "7")]
    cost_minor: Option<i64>,
    #[prost(uint32, tag = "8")]
    category: u32,
    #[prost(sint32, optional, tag = "9")]
    ended_on: Option<i32>,
    #[prost(sint32, tag = "10")]
    effective_on: i32,
    #[prost(int64, tag = "11")]
    profile_version: i64,
}

pub(super) fn pack_contract(fact: &ContractFact, labels: &mut LabelTable) -> PackedContract {
    let ContractFact {
        source,
        contract_id,
        terms,
        effective_on,
        profile_version,
    } = fact;
    let ContractTerms {
        started_on,
        period_months,
        price,
        cost_minor,
        category,
        ended_on,
    } = terms;
    PackedContract {
        source: labels.place(source),
        contract_id: contract_id.to_string(),
        started_on: started_on.number(),
        period_months: *period_months,
        price_minor: price.amount_minor,
        currency: labels.text(price.currency.code()),
        cost_minor: *cost_minor,
        category: category.as_ref().map_or(0, |label| labels.place(label)),
        ended_on: ended_on.map(Day::number),
        effective_on: effective_on.number(),
        profile_version: *profile_version,
    }
}

pub(super) fn unpack_contract(
    packed: PackedContract,
    labels: &Labels,
) -> Result<ContractFact, StoreError> {
    let terms = ContractTerms {
        started_on: codes::day(packed.started_on)?,
        period_months: packed.period_months,
        price: Money {
            amount_minor: packed.price_minor,
            currency: labels.currency(packed.currency)?,
        },
        cost_minor: packed.cost_minor,
        category: labels.optional(packed.category)?,
        ended_on: packed.ended_on.map(codes::day).transpose()?,
    };
    Ok(ContractFact {
        source: labels.required(packed.source)?,
        contract_id: packed.contract_id.into(),
        terms,
        effective_on: codes::day(packed.effective_on)?,
        profile_version: packed.profile_version,
    })
}

#[cfg(test)]
mod tests {
    use super::super::{pack, unpack};
    use super::*;
    use crate::domain::customer::profile::History;

    #[test]
    fn contracts_are_unpacked_as_they_were_packed() {
        let day = |number| Day::from_number(number).unwrap();
        let full = ContractFact {
            source: "erp".into(),
            contract_id: "K-1".into(),
            terms: ContractTerms {
                started_on: day(20_000),
                period_months: 12,
                price: Money {
                    amount_minor: 12_000,
                    currency: "EUR".parse().unwrap(),
                },
                cost_minor: Some(0),
                category: Some("service".into()),
                ended_on: Some(day(20_400)),
            },
            effective_on: day(20_100),
            profile_version: 3,
        };
        let bare = ContractFact {
            contract_id: "K-2".into(),
            terms: ContractTerms {
                cost_minor: None,
                category: None,
                ended_on: None,
                ..full.terms.clone()
            },
            ..full.clone()
        };
        let history = History {
            contracts: vec![full, bare],
            ..History::default()
        };
        assert_eq!(unpack(&pack(&history)).unwrap(), history);
    }
}
