//! The fields of a message, written one after another: for answers that are written many thousand times a second, of parts that are
//! mostly written already.
//!
//! Only what [`super::classified`] and [`super::routed`] need of the encoding: <https://protobuf.dev/programming-guides/encoding>. Fields that have their default
//! value are left out.

/// The length of a message of fewer bytes takes one byte, which is kept free for it, so that the message need not be moved.
const LONG: u8 = 128;

const VARINT: u64 = 0;
const LENGTH_DELIMITED: u64 = 2;

fn varint(mut value: u64, out: &mut Vec<u8>) {
    loop {
        let [low, ..] = value.to_le_bytes();
        value >>= 7;
        if value == 0 {
            return out.push(low);
        }
        out.push(low | 0x80);
    }
}

/// A number, `bool` or enum.
pub(super) fn number(field: u32, value: i64, out: &mut Vec<u8>) {
    if value != 0 {
        varint(u64::from(field) << 3 | VARINT, out);
        // Negative numbers take ten bytes, as the encoding wants.
        varint(value.cast_unsigned(), out);
    }
}

/// A text.
pub(super) fn text(field: u32, text: &str, out: &mut Vec<u8>) {
    if !text.is_empty() {
        bytes(field, text.as_bytes(), out);
    }
}

/// The bytes of a message, also an empty one.
pub(super) fn bytes(field: u32, bytes: &[u8], out: &mut Vec<u8>) {
    varint(u64::from(field) << 3 | LENGTH_DELIMITED, out);
    varint(bytes.len() as u64, out);
    out.extend_from_slice(bytes);
}

/// A message whose fields `write` writes.
pub(super) fn message(field: u32, out: &mut Vec<u8>, write: impl FnOnce(&mut Vec<u8>)) {
    varint(u64::from(field) << 3 | LENGTH_DELIMITED, out);
    let length_at = out.len();
    out.push(0);
    write(out);
    let length = out.len() - length_at - 1;
    if let Ok(short) = u8::try_from(length)
        && short < LONG
    {
        out[length_at] = short;
        return;
    }
    let mut prefix = Vec::with_capacity(4);
    varint(length as u64, &mut prefix);
    out.splice(length_at..=length_at, prefix);
}

/// A field as it stands in a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Field<'a> {
    /// Its number.
    pub(super) number: u32,
    /// Its value.
    pub(super) value: Value<'a>,
    /// All of it, tag and length included.
    pub(super) whole: &'a [u8],
}

/// The value of a field.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Value<'a> {
    /// A number, `bool` or enum.
    Varint(u64),
    /// A text or message.
    Bytes(&'a [u8]),
}

/// The fields of a message that was written here, in their order; it has no others than texts, messages and numbers of variable length.
/// Ends at the first byte that is none of these.
pub(super) fn fields(mut rest: &[u8]) -> impl Iterator<Item = Field<'_>> {
    std::iter::from_fn(move || {
        let start = rest;
        let tag = read_varint(&mut rest)?;
        let value = match tag & 7 {
            VARINT => Value::Varint(read_varint(&mut rest)?),
            LENGTH_DELIMITED => {
                let length = usize::try_from(read_varint(&mut rest)?).ok()?;
                let (value, behind) = rest.split_at_checked(length)?;
                rest = behind;
                Value::Bytes(value)
            }
            _ => return None,
        };
        Some(Field {
            number: u32::try_from(tag >> 3).ok()?,
            value,
            whole: &start[..start.len() - rest.len()],
        })
    })
}

fn read_varint(rest: &mut &[u8]) -> Option<u64> {
    let mut value = 0;
    for (at, byte) in rest.iter().enumerate().take(10) {
        value |= u64::from(byte & 0x7f) << (7 * at);
        if byte & 0x80 == 0 {
            *rest = &rest[at + 1..];
            return Some(value);
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use prost::Message as _;

    use super::*;
    use crate::pb;

    #[test]
    fn fields_are_written_as_prost_writes_them() {
        for length in [0, 1, 127, 128, 129, 16_383, 16_384, 70_000] {
            let name = "x".repeat(length);
            let expected = pb::ClassifyResponse {
                candidate_count: i32::try_from(length).unwrap() - 128,
                classification: Some(pb::Classification {
                    kind: 2,
                    tier: Some(pb::Tier {
                        name: name.clone(),
                        ..Default::default()
                    }),
                    ..Default::default()
                }),
                ..Default::default()
            };
            let mut written = vec![];
            message(2, &mut written, |out| {
                number(2, 2, out);
                message(4, out, |out| text(1, &name, out));
            });
            number(4, i64::from(expected.candidate_count), &mut written);
            assert_eq!(written, expected.encode_to_vec(), "{length}");
            let found: Vec<(u32, &[u8])> =
                fields(&written).map(|it| (it.number, it.whole)).collect();
            let together: Vec<u8> = found.iter().flat_map(|(_, whole)| whole.to_vec()).collect();
            assert_eq!(together, written, "{length}");
            assert_eq!(found[0].0, 2);
        }
    }

    #[test]
    fn what_is_no_message_ends() {
        assert_eq!(fields(&[]).count(), 0);
        // A length beyond the end, a tag without a value, a group.
        for bytes in [&[0x0a, 5, 1][..], &[0x08], &[0x0b], &[0xff; 12]] {
            assert_eq!(fields(bytes).count(), 0, "{bytes:?}");
        }
    }
}
