//! Which fields of answers are wanted.
//!
//! An answer about a thousand customers is mostly texts that most callers do not read. A mask is applied to the encoded answer, so that no
//! field has to be named in code: the names are those of the descriptors, which a test compares.

mod shapes;

use bytes::Bytes;
use prost::{
    DecodeError, Message,
    encoding::{DecodeContext, decode_key, encode_varint, skip_field},
};
use prost_types::FieldMask;

use self::shapes::{CLASSIFY, CUSTOMER, EXPLAIN, SCORE, Shape};
use crate::api::violations::Checker;

/// Number of `responses` in the message of a batch.
const RESPONSES: u32 = 1;

/// The type of a field that has its length before it.
const LENGTH_DELIMITED: u32 = 2;

/// The number of the customer's id, which is always returned.
const CUSTOMER_ID: u32 = 1;

/// The wanted fields of answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct AnswerMask {
    /// Of the answer about one subject and of the part about one customer, a bit for each number; `None`: all of both.
    wanted: Option<(u64, u64)>,
    shape: &'static Shape,
}

impl AnswerMask {
    /// Every field.
    pub(crate) const ALL: Self = Self {
        wanted: None,
        shape: &CLASSIFY,
    };

    /// The mask of a `ClassifyRequest` or of its batch. Names that are none are refused.
    pub(crate) fn of_classify(mask: Option<&FieldMask>, check: &mut Checker<'_>) -> Self {
        Self::read(mask, &CLASSIFY, check)
    }

    /// The mask of a `ScoreLifetimeValueRequest` or of its batch, likewise.
    pub(crate) fn of_score(mask: Option<&FieldMask>, check: &mut Checker<'_>) -> Self {
        Self::read(mask, &SCORE, check)
    }

    /// The mask of an `ExplainSegmentRequest`, likewise.
    pub(crate) fn of_explain(mask: Option<&FieldMask>, check: &mut Checker<'_>) -> Self {
        Self::read(mask, &EXPLAIN, check)
    }

    /// The mask of a `GetCustomerRequest`, likewise.
    pub(crate) fn of_customer(mask: Option<&FieldMask>, check: &mut Checker<'_>) -> Self {
        Self::read(mask, &CUSTOMER, check)
    }

    fn read(mask: Option<&FieldMask>, shape: &'static Shape, check: &mut Checker<'_>) -> Self {
        let Some(mask) = mask.filter(|mask| !mask.paths.is_empty()) else {
            return Self::ALL;
        };
        let mut outer = shape
            .always
            .iter()
            .fold(0, |bits, number| bits | 1 << number);
        let (mut inner, mut unknown, mut all) = (1 << CUSTOMER_ID, vec![], false);
        for path in &mask.paths {
            let found = shape.names.iter().find(|(name, _, _)| name == path);
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
            let names: Vec<&str> = shape.names.iter().map(|(name, _, _)| *name).collect();
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
            shape,
        }
    }

    /// Appends the answer about one subject to those of the batch: messages one after another are one message with all of their parts.
    pub(crate) fn append(self, response: &impl Message, written: &mut Vec<u8>) {
        if self.wanted.is_none() {
            let length = response.encoded_len();
            written.reserve(length + 8);
            key(RESPONSES, written);
            encode_varint(length as u64, written);
            response.encode_raw(written);
            return;
        }
        let response = self.cut(response.encode_to_vec().into());
        delimited(RESPONSES, &response, written);
    }

    /// The bytes of an answer with nothing but the wanted fields.
    pub(crate) fn cut(self, whole: Bytes) -> Bytes {
        let Some((outer, inner)) = self.wanted else {
            return whole;
        };
        let shape = self.shape;
        let mut masked = Vec::with_capacity(whole.len());
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
        if pruned.is_ok() { masked.into() } else { whole }
    }

    /// An answer with nothing but the wanted fields.
    pub(crate) fn cut_message<M: Message + Default>(self, whole: M) -> M {
        if self.wanted.is_none() {
            return whole;
        }
        let masked = M::decode(self.cut(whole.encode_to_vec().into()));
        masked.unwrap_or(whole)
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

    use super::shapes::Name;
    use super::*;
    use crate::{api::violations::Violations, pb};

    fn mask(names: &[&str]) -> Result<AnswerMask, Violations> {
        let mut violations = Violations::default();
        let mask = FieldMask {
            paths: names.iter().map(|&name| name.to_owned()).collect(),
        };
        let read = AnswerMask::of_classify(Some(&mask), &mut violations.at("read_mask"));
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
        for (shape, outer, inner, one) in [
            (
                &CLASSIFY,
                "ClassifyResponse",
                "Classification",
                "classification",
            ),
            (
                &SCORE,
                "ScoreLifetimeValueResponse",
                "LifetimeValueScore",
                "score",
            ),
            (
                &EXPLAIN,
                "ExplainSegmentResponse",
                "Explanation",
                "explanation",
            ),
            (&CUSTOMER, "GetCustomerResponse", "Customer", "customer"),
        ] {
            let listed = |number: fn(&Name) -> u32, always: &[(&str, u32)]| -> BTreeSet<_> {
                let named = shape.names.iter().filter(|name| number(name) != 0);
                let named = named.map(|name| (name.0.to_owned(), number(name)));
                let always = always.iter();
                let always = always.map(|&(name, number)| (name.to_owned(), number));
                named.chain(always).collect()
            };
            let always: Vec<(&str, u32)> = shape
                .always
                .iter()
                .map(|&number| match number {
                    number if number == shape.one => (one, number),
                    1 => ("match", 1),
                    number => ("violations", number),
                })
                .collect();
            assert_eq!(listed(|name| name.1, &always), fields(outer));
            assert_eq!(listed(|name| name.2, &[("customer_id", 1)]), fields(inner));
        }
    }
}
