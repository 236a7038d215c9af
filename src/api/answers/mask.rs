//! Which fields of the answers of a batch are wanted.
//!
//! An answer about a thousand customers is mostly texts that most callers do not read. A mask is applied to the encoded answer, so that no
//! field has to be named in code: the names are those of the descriptors, which a test compares.

use prost::{
    DecodeError, Message,
    encoding::{DecodeContext, decode_key, encode_varint, skip_field},
};
use prost_types::FieldMask;

use crate::api::violations::Checker;

/// Number of `responses` in the message of a batch.
const RESPONSES: u32 = 1;

/// The type of a field that has its length before it.
const LENGTH_DELIMITED: u32 = 2;

/// Numbers of the fields of the answer about one subject that are always returned, and of those that hold customers.
struct Shape {
    always: &'static [u32],
    one: u32,
    candidates: u32,
}

const CLASSIFY: Shape = Shape {
    always: &[1, 2, 9],
    one: 2,
    candidates: 3,
};

const SCORE: Shape = Shape {
    always: &[1, 2, 6],
    one: 2,
    candidates: 3,
};

/// A name with the numbers of its fields in the answer about one subject and in the part about one customer; 0 for none.
type Name = (&'static str, u32, u32);

const CLASSIFY_NAMES: &[Name] = &[
    ("candidates", 3, 0),
    ("candidate_count", 4, 0),
    ("shared", 5, 0),
    ("question", 8, 0),
    ("kind", 0, 2),
    ("display_name", 0, 3),
    ("tier", 0, 4),
    ("lifetime_value", 0, 5),
    ("provenance", 6, 6),
    ("segments", 0, 7),
    ("treatment", 7, 8),
    ("missing_rates", 0, 9),
    ("extrapolated_covariates", 0, 10),
    ("next_check_in", 0, 11),
    ("references", 0, 12),
    ("oldest_rate", 0, 40),
];

const SCORE_NAMES: &[Name] = &[
    ("candidates", 3, 0),
    ("candidate_count", 4, 0),
    ("inputs", 0, 2),
    ("probability_alive", 0, 3),
    ("probability_alive_not_identified", 0, 4),
    ("expected_orders", 0, 5),
    ("expected_spend_per_order", 0, 6),
    ("lifetime_value", 0, 7),
    ("unrated_reason", 0, 8),
    ("horizon_months", 0, 9),
    ("monthly_discount_rate", 0, 10),
    ("tier", 0, 11),
    ("provenance", 5, 12),
    ("expected_margin_per_order", 0, 13),
    ("expected_cost_to_serve", 0, 14),
    ("unpriced_channels", 0, 15),
    ("missing_rates", 0, 16),
    ("converted_from", 0, 17),
    ("orders_interval", 0, 18),
    ("spend_interval", 0, 19),
    ("lifetime_value_interval", 0, 20),
    ("tier_probabilities", 0, 21),
    ("interval_absent_reason", 0, 22),
    ("transaction_value", 0, 23),
    ("contract_value", 0, 24),
    ("running_contracts", 0, 25),
    ("expected_renewals", 0, 26),
    ("renewals_interval", 0, 27),
    ("challenger", 0, 28),
    ("parameter_selection", 0, 29),
    ("order_forecast", 0, 30),
    ("no_purchase_since", 0, 31),
    ("parameter_estimation", 0, 32),
    ("built_in_contract_model", 0, 33),
    ("spend_inputs", 0, 34),
    ("season_factor", 0, 35),
    ("extrapolated_covariates", 0, 36),
    ("oldest_rate_day", 0, 37),
    ("oldest_rate", 0, 40),
];

/// The number of the customer's id, which is always returned.
const CUSTOMER_ID: u32 = 1;

/// The wanted fields of the answers of a batch.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct AnswerMask {
    /// Of the answer about one subject, a bit for each number; `None`: all of both.
    wanted: Option<(u64, u64)>,
    is_score: bool,
}

impl AnswerMask {
    /// Every field.
    pub(crate) const ALL: Self = Self {
        wanted: None,
        is_score: false,
    };

    /// The mask of a `BatchClassifyRequest`. Names that are none are refused.
    pub(crate) fn of_classify(mask: &FieldMask, check: &mut Checker<'_>) -> Self {
        Self::read(mask, CLASSIFY_NAMES, &CLASSIFY, false, check)
    }

    /// The mask of a `BatchScoreLifetimeValueRequest`, likewise.
    pub(crate) fn of_score(mask: &FieldMask, check: &mut Checker<'_>) -> Self {
        Self::read(mask, SCORE_NAMES, &SCORE, true, check)
    }

    fn read(
        mask: &FieldMask,
        names: &[Name],
        shape: &Shape,
        is_score: bool,
        check: &mut Checker<'_>,
    ) -> Self {
        let mut outer = shape
            .always
            .iter()
            .fold(0, |bits, number| bits | 1 << number);
        let (mut inner, mut unknown, mut all) = (1 << CUSTOMER_ID, vec![], false);
        for path in &mask.paths {
            let found = names.iter().find(|(name, _, _)| name == path);
            match (&**path, found) {
                ("*", _) => all = true,
                ("match" | "customer_id" | "violations", _) => {}
                (_, Some((_, of_subject, of_customer))) => {
                    // Number 0 is no field.
                    outer |= 1 << of_subject;
                    inner |= 1 << of_customer;
                }
                (_, None) => unknown.push(&**path),
            }
        }
        if !unknown.is_empty() {
            let names: Vec<&str> = names.iter().map(|(name, _, _)| *name).collect();
            check.refuse(
                "UNKNOWN_FIELD",
                format!(
                    "has no field {}: use {}",
                    unknown.join(", "),
                    names.join(", ")
                ),
            );
        }
        Self {
            wanted: (!all).then_some((outer, inner)),
            is_score,
        }
    }

    /// Appends the answer about one subject to those of the batch: messages one after another are one message with all of their parts.
    pub(crate) fn append(self, response: &impl Message, written: &mut Vec<u8>) {
        let length = response.encoded_len();
        let Some((outer, inner)) = self.wanted else {
            written.reserve(length + 8);
            key(RESPONSES, written);
            encode_varint(length as u64, written);
            response.encode_raw(written);
            return;
        };
        let shape = if self.is_score { &SCORE } else { &CLASSIFY };
        let whole = response.encode_to_vec();
        let mut masked = Vec::with_capacity(length);
        let pruned = prune(&whole, outer, &mut masked, |number, content, out| {
            if number != shape.one && number != shape.candidates {
                return Ok(false);
            }
            let mut part = Vec::with_capacity(content.len());
            prune(content, inner, &mut part, |_, _, _| Ok(false))?;
            delimited(number, &part, out);
            Ok(true)
        });
        // It was encoded here, so it can be read.
        let response = if pruned.is_ok() { &masked } else { &whole };
        delimited(RESPONSES, response, written);
    }
}

fn key(number: u32, out: &mut Vec<u8>) {
    encode_varint(u64::from(number << 3 | LENGTH_DELIMITED), out);
}

fn delimited(number: u32, content: &[u8], out: &mut Vec<u8>) {
    key(number, out);
    encode_varint(content.len() as u64, out);
    out.extend_from_slice(content);
}

/// Appends those fields of an encoded message whose bits are set. `write` may write a field in another way, and returns whether it did.
fn prune(
    mut message: &[u8],
    wanted: u64,
    out: &mut Vec<u8>,
    write: impl Fn(u32, &[u8], &mut Vec<u8>) -> Result<bool, DecodeError>,
) -> Result<(), DecodeError> {
    while !message.is_empty() {
        let start = message;
        let (number, wire_type) = decode_key(&mut message)?;
        let value = message;
        skip_field(wire_type, number, &mut message, DecodeContext::default())?;
        if number >= u64::BITS || wanted & (1 << number) == 0 {
            continue;
        }
        let content = content(&value[..value.len() - message.len()], wire_type as u32);
        if !write(number, content, out)? {
            out.extend_from_slice(&start[..start.len() - message.len()]);
        }
    }
    Ok(())
}

/// What a field has behind its length; all of it where it has none.
fn content(mut value: &[u8], wire_type: u32) -> &[u8] {
    if wire_type == LENGTH_DELIMITED {
        while let Some((byte, rest)) = value.split_first() {
            value = rest;
            if byte & 0x80 == 0 {
                break;
            }
        }
    }
    value
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use prost_reflect::DescriptorPool;

    use super::*;
    use crate::{api::violations::Violations, pb};

    fn mask(names: &[&str]) -> Result<AnswerMask, Violations> {
        let mut violations = Violations::default();
        let mask = FieldMask {
            paths: names.iter().map(|&name| name.to_owned()).collect(),
        };
        let read = AnswerMask::of_classify(&mask, &mut violations.at("read_mask"));
        violations.into_result(read)
    }

    fn response() -> pb::ClassifyResponse {
        let one = |id: &str| pb::Classification {
            customer_id: id.to_owned(),
            kind: pb::CustomerKind::Company.into(),
            display_name: "Müller GmbH".to_owned(),
            tier: Some(pb::Tier {
                name: "gold".to_owned(),
                rank: 1,
                unrated_reason: 0,
            }),
            provenance: Some(pb::Provenance::default()),
            ..Default::default()
        };
        pb::ClassifyResponse {
            r#match: pb::Match::Ambiguous.into(),
            classification: Some(one("c1")),
            candidates: vec![one("c2"), one("c3")],
            candidate_count: 2,
            provenance: Some(pb::Provenance::default()),
            ..Default::default()
        }
    }

    fn masked(names: &[&str]) -> pb::ClassifyResponse {
        let mut written = vec![];
        mask(names).unwrap().append(&response(), &mut written);
        let batch = pb::BatchClassifyResponse::decode(&*written).unwrap();
        let [one] = <[_; 1]>::try_from(batch.responses).unwrap();
        one
    }

    #[test]
    fn only_the_named_fields_are_returned_of_customers_and_candidates() {
        assert_eq!(masked(&["*"]), response());
        let tier = masked(&["tier"]);
        let expected = |id: &str| pb::Classification {
            customer_id: id.to_owned(),
            tier: response().classification.unwrap().tier,
            ..Default::default()
        };
        let answer = pb::ClassifyResponse {
            r#match: pb::Match::Ambiguous.into(),
            classification: Some(expected("c1")),
            ..Default::default()
        };
        assert_eq!(tier, answer);
        let candidates = masked(&["tier", "candidates", "candidate_count"]);
        let answer = pb::ClassifyResponse {
            candidates: vec![expected("c2"), expected("c3")],
            candidate_count: 2,
            ..answer
        };
        assert_eq!(candidates, answer);
    }

    #[test]
    fn a_name_that_is_no_field_is_refused_with_those_that_are() {
        let refused = mask(&["tier", "teir", "clv"]).unwrap_err().into_vec();
        assert_eq!(refused.len(), 1);
        assert_eq!(refused[0].reason, "UNKNOWN_FIELD");
        assert!(
            refused[0]
                .description
                .starts_with("has no field teir, clv: use candidates,")
        );
    }

    #[test]
    fn every_field_of_the_messages_has_its_name_and_its_number() {
        let pool = DescriptorPool::decode(pb::FILE_DESCRIPTOR_SET).unwrap();
        let fields = |message: &str| -> BTreeSet<(String, u32)> {
            let message = pool.get_message_by_name(&format!("patron.v1.{message}"));
            let fields = message.unwrap();
            let fields = fields.fields();
            fields
                .map(|it| (it.name().to_owned(), it.number()))
                .collect()
        };
        for (names, shape, outer, inner, one) in [
            (
                CLASSIFY_NAMES,
                &CLASSIFY,
                "ClassifyResponse",
                "Classification",
                "classification",
            ),
            (
                SCORE_NAMES,
                &SCORE,
                "ScoreLifetimeValueResponse",
                "LifetimeValueScore",
                "score",
            ),
        ] {
            let listed = |number: fn(&Name) -> u32, always: &[(&str, u32)]| -> BTreeSet<_> {
                let named = names.iter().filter(|name| number(name) != 0);
                let named = named.map(|name| (name.0.to_owned(), number(name)));
                let always = always
                    .iter()
                    .map(|&(name, number)| (name.to_owned(), number));
                named.chain(always).collect()
            };
            let violations = shape.always[2];
            let always = [("match", 1), (one, shape.one), ("violations", violations)];
            assert_eq!(listed(|name| name.1, &always), fields(outer));
            assert_eq!(listed(|name| name.2, &[("customer_id", 1)]), fields(inner));
        }
    }
}
