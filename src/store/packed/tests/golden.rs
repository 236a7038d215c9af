//! Packed profiles outlive a release: each version of the format has a committed profile, which must unpack to the same history for as
//! long as a database may hold one.
//!
//! A version is what one release could write. A field that is added begins the next one: put it into [`history_of`], raise [`VERSIONS`],
//! and `make golden` writes the new file. A committed file is never written again.

use std::fmt::Write as _;
use std::fs;
use std::path::PathBuf;

use super::*;
use crate::domain::customer::facts::{AttributeValue, ContractFact, ContractTerms};
use crate::domain::customer::profile::{ForeignRefund, ForeignRefunds};
use crate::domain::money::Money;
use crate::domain::text::Label;

/// Versions of the format: 1 has purchases, contacts and attributes; 2 adds contracts, 3 retractions, 4 the day of the last refund that
/// names no purchase, 5 refunds in other currencies than their purchase and the amounts of unmatched refunds.
const VERSIONS: u32 = 5;

fn path(version: u32) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join(format!("tests/golden/profiles/{version}.hex"))
}

fn day(number: i32) -> Day {
    Day::from_number(number).unwrap()
}

/// What the profile of a version unpacks to. Every field that the version has is set, and no two that could be mistaken for each other
/// are equal.
fn history_of(version: u32) -> History {
    let mut history = History {
        purchases: purchases(),
        contacts: contacts(),
        attributes: attributes(),
        unmatched_refund_count: 51,
        has_refunds: true,
        // Earlier versions do not know it: any purchase may meet such a refund.
        last_unnamed_refund_day: Some(Day::LAST),
        last_event_day: Some(day(20_061)),
        ..History::default()
    };
    if version >= 2 {
        history.contracts = contracts();
    }
    if version >= 3 {
        history.unmatched_retraction_count = 52;
        history.has_retractions = true;
    }
    if version >= 4 {
        history.last_unnamed_refund_day = Some(day(20_062));
    }
    if version >= 5 {
        let foreign = with_foreign_refunds(&history.purchases);
        history.purchases.push(foreign);
        history.unmatched_refunds = [Money {
            amount_minor: 1_234,
            currency: "CHF".parse().unwrap(),
        }]
        .into();
    }
    history
}

fn purchases() -> Vec<PurchaseDay> {
    let first = PurchaseDay {
        day: day(20_001),
        currency: "EUR".parse().unwrap(),
        category: Some("books".into()),
        count: 2,
        amount_minor: 4_999,
        costed_amount_minor: 3_001,
        cost_minor: 1_702,
        foreign_refunds: None,
    };
    let second = PurchaseDay {
        day: day(20_033),
        currency: "USD".parse().unwrap(),
        category: None,
        ..first.clone()
    };
    let third = PurchaseDay {
        day: day(20_049),
        ..second.clone()
    };
    vec![first, second, third]
}

fn with_foreign_refunds(purchases: &[PurchaseDay]) -> PurchaseDay {
    PurchaseDay {
        foreign_refunds: Some(Box::new(ForeignRefunds {
            amount_minor: 2_499,
            cost_minor: Some(851),
            refunds: [ForeignRefund {
                day: day(20_060),
                currency: "CHF".parse().unwrap(),
                amount_minor: 310,
                cost_minor: Some(91),
            }]
            .into(),
        })),
        ..purchases.last().unwrap().clone()
    }
}

fn contacts() -> Vec<ContactDay> {
    let first = ContactDay {
        day: day(20_002),
        channel: "phone".into(),
        currency: Some("EUR".parse().unwrap()),
        count: 3,
        cost_minor: 850,
        duration_seconds: 431,
    };
    let second = ContactDay {
        day: day(20_034),
        channel: "chat".into(),
        currency: None,
        cost_minor: 0,
        ..first.clone()
    };
    vec![first, second]
}

fn attributes() -> Vec<AttributeFact> {
    let money = Money {
        amount_minor: -250,
        currency: "EUR".parse().unwrap(),
    };
    let values = [
        None,
        Some(AttributeValue::Bool(true)),
        Some(AttributeValue::Int(-17)),
        Some(AttributeValue::Number(0.25)),
        Some(AttributeValue::Text("north".into())),
        Some(AttributeValue::Money(money)),
        Some(AttributeValue::Day(day(19_999))),
        Some(AttributeValue::Tags(["a".into(), "b".into()].into())),
    ];
    let facts = (0..).zip(values).map(|(number, value)| AttributeFact {
        name: Label::from(format!("attribute_{number}").as_str()),
        value,
        observed_on: day(20_003),
        source: "crm".into(),
        profile_version: 71,
    });
    facts.collect()
}

fn contracts() -> Vec<ContractFact> {
    let fact = ContractFact {
        source: "billing".into(),
        contract_id: "k-1".into(),
        terms: ContractTerms {
            started_on: day(20_004),
            period_months: 12,
            price: Money {
                amount_minor: 9_900,
                currency: "EUR".parse().unwrap(),
            },
            cost_minor: Some(4_100),
            category: Some("support".into()),
            ended_on: Some(day(20_400)),
        },
        effective_on: day(20_035),
        profile_version: 81,
    };
    vec![fact]
}

/// The bytes that a program of the version wrote.
fn packed_by(version: u32) -> Vec<u8> {
    let mut history = history_of(version);
    if version < 4 {
        history.last_unnamed_refund_day = None;
    }
    let mut packed = PackedHistory::decode(&*pack(&history)).unwrap();
    packed.knows_unnamed_refunds = version >= 4;
    packed.encode_to_vec()
}

/// What is wrong with the packed profile of a version.
fn find_difference(bytes: &[u8], version: u32) -> Option<String> {
    match unpack(bytes) {
        Err(error) => Some(format!("version {version} does not unpack: {error}")),
        Ok(history) if history != history_of(version) => Some(format!(
            "version {version} unpacks to another history: {history:?}"
        )),
        Ok(_) => None,
    }
}

fn read(version: u32) -> Vec<u8> {
    let path = path(version);
    let text = fs::read_to_string(&path)
        .unwrap_or_else(|error| panic!("{}: {error}; run `make golden`", path.display()));
    let digits: Vec<u8> = text.bytes().filter(u8::is_ascii_hexdigit).collect();
    let pairs = digits
        .chunks(2)
        .map(|pair| std::str::from_utf8(pair).unwrap());
    pairs
        .map(|pair| u8::from_str_radix(pair, 16).unwrap())
        .collect()
}

fn write(version: u32) {
    let mut text = String::new();
    for line in packed_by(version).chunks(32) {
        for byte in line {
            write!(text, "{byte:02x}").unwrap();
        }
        text.push('\n');
    }
    fs::write(path(version), text).unwrap();
}

#[test]
fn a_profile_of_every_version_unpacks_to_its_history() {
    let writes = std::env::var("PATRON_GOLDEN").is_ok_and(|value| value == "write");
    for version in 1..=VERSIONS {
        if writes && !path(version).exists() {
            write(version);
        }
        if let Some(difference) = find_difference(&read(version), version) {
            panic!("{difference}");
        }
    }
}

/// A new field without new golden copies fails here.
#[test]
fn the_last_version_is_what_this_program_packs() {
    assert_eq!(pack(&history_of(VERSIONS)), read(VERSIONS));
}

#[test]
fn the_times_between_orders_are_read_from_every_version() {
    for version in 1..=VERSIONS {
        let gaps = super::super::gaps::unpack_last_gaps(&read(version)).unwrap();
        assert_eq!(gaps, Some((32, 16)), "{version}");
    }
}

#[test]
fn the_day_of_the_last_fact_is_read_from_every_version() {
    for version in 1..=VERSIONS {
        let day = unpack_last_event_day(&read(version)).unwrap();
        assert_eq!(day, history_of(version).last_event_day, "{version}");
        assert!(day.is_some());
    }
}

/// Where a message stands within the packed profile: the whole, purchases, their foreign refunds, contacts, attributes, their values, amounts
/// of money, contracts, unmatched refunds.
const MESSAGES: [&[u32]; 10] = [
    &[],
    &[2],
    &[2, 8],
    &[2, 8, 3],
    &[3],
    &[4],
    &[4, 2],
    &[4, 2, 5],
    &[8],
    &[13],
];

#[test]
fn any_two_swapped_tags_are_found() {
    let mut swaps = 0;
    for path in MESSAGES {
        let tags = tags_at(&read(VERSIONS), path);
        for (at, one) in tags.iter().enumerate() {
            for other in &tags[at + 1..] {
                let is_found = |version| {
                    let spoiled = swap(&read(version), path, *one, *other);
                    find_difference(&spoiled, version).is_some()
                };
                assert!(
                    (1..=VERSIONS).any(is_found),
                    "{one} and {other} at {path:?}"
                );
                swaps += 1;
            }
        }
    }
    // Of 13, 8, 3, 4, 6, 5, 7, 2, 11 and 2 fields.
    assert_eq!(swaps, 78 + 28 + 3 + 6 + 15 + 10 + 21 + 1 + 55 + 1);
}

/// The bytes with two tags exchanged in every message at `path`.
fn swap(bytes: &[u8], path: &[u32], one: u32, other: u32) -> Vec<u8> {
    rewrite(bytes, path, &mut |tag| match tag {
        tag if tag == one => other,
        tag if tag == other => one,
        tag => tag,
    })
}

/// The tags that occur in the messages at `path`.
fn tags_at(bytes: &[u8], path: &[u32]) -> Vec<u32> {
    let mut tags = std::collections::BTreeSet::new();
    rewrite(bytes, path, &mut |tag| {
        tags.insert(tag);
        tag
    });
    tags.into_iter().collect()
}

/// The message with the tags of every message at `path` replaced.
fn rewrite(mut bytes: &[u8], path: &[u32], replace: &mut impl FnMut(u32) -> u32) -> Vec<u8> {
    use prost::encoding::{
        DecodeContext, WireType, decode_key, decode_varint, encode_key, encode_varint, skip_field,
    };
    let mut rewritten = Vec::new();
    while !bytes.is_empty() {
        let (tag, wire_type) = decode_key(&mut bytes).unwrap();
        let mut rest = bytes;
        skip_field(wire_type, tag, &mut rest, DecodeContext::default()).unwrap();
        let (content, after) = bytes.split_at(bytes.len() - rest.len());
        bytes = after;
        let inner = path.split_first().filter(|(first, _)| **first == tag);
        let new_tag = if path.is_empty() { replace(tag) } else { tag };
        encode_key(new_tag, wire_type, &mut rewritten);
        match inner {
            Some((_, path)) if wire_type == WireType::LengthDelimited => {
                let mut content = content;
                decode_varint(&mut content).unwrap();
                let content = rewrite(content, path, replace);
                encode_varint(content.len() as u64, &mut rewritten);
                rewritten.extend(content);
            }
            _ => rewritten.extend(content),
        }
    }
    rewritten
}
