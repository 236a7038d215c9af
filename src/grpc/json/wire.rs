//! The fields of an encoded message, as they stand there: <https://protobuf.dev/programming-guides/encoding>.

/// Bytes that are no message.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the bytes are not a message")]
pub struct Malformed;

/// The value of a field.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Value<'a> {
    /// A number, `bool` or enum.
    Varint(u64),
    /// Eight bytes.
    Fixed64(u64),
    /// Four bytes.
    Fixed32(u32),
    /// A text, a message, or packed numbers.
    Bytes(&'a [u8]),
}

const VARINT: u64 = 0;
const FIXED64: u64 = 1;
const LENGTH_DELIMITED: u64 = 2;
const FIXED32: u64 = 5;

/// The fields of a message by number, each with its values in their order.
pub(super) fn fields(mut bytes: &[u8]) -> Result<Vec<(u32, Value<'_>)>, Malformed> {
    let mut fields = vec![];
    while !bytes.is_empty() {
        let key = take_varint(&mut bytes)?;
        let number = u32::try_from(key >> 3).map_err(|_| Malformed)?;
        let value = match key & 7 {
            VARINT => Value::Varint(take_varint(&mut bytes)?),
            FIXED64 => Value::Fixed64(take_fixed64(&mut bytes)?),
            FIXED32 => Value::Fixed32(take_fixed32(&mut bytes)?),
            LENGTH_DELIMITED => {
                let length = usize::try_from(take_varint(&mut bytes)?).map_err(|_| Malformed)?;
                let (value, rest) = bytes.split_at_checked(length).ok_or(Malformed)?;
                bytes = rest;
                Value::Bytes(value)
            }
            _ => return Err(Malformed), // groups, which proto3 has not
        };
        fields.push((number, value));
    }
    // Stable: the values of a field keep their order.
    fields.sort_by_key(|(number, _)| *number);
    Ok(fields)
}

/// The number at the beginning, which is taken away.
pub(super) fn take_varint(bytes: &mut &[u8]) -> Result<u64, Malformed> {
    let mut value = 0;
    for (at, byte) in bytes.iter().take(10).enumerate() {
        value |= u64::from(byte & 0x7f) << (7 * at);
        if byte & 0x80 == 0 {
            *bytes = &bytes[at + 1..];
            return Ok(value);
        }
    }
    Err(Malformed)
}

pub(super) fn take_fixed64(bytes: &mut &[u8]) -> Result<u64, Malformed> {
    let (value, rest) = bytes.split_first_chunk().ok_or(Malformed)?;
    *bytes = rest;
    Ok(u64::from_le_bytes(*value))
}

pub(super) fn take_fixed32(bytes: &mut &[u8]) -> Result<u32, Malformed> {
    let (value, rest) = bytes.split_first_chunk().ok_or(Malformed)?;
    *bytes = rest;
    Ok(u32::from_le_bytes(*value))
}

/// Writes a number.
pub(super) fn put_varint(mut value: u64, out: &mut Vec<u8>) {
    loop {
        let [low, ..] = value.to_le_bytes();
        value >>= 7;
        if value == 0 {
            return out.push(low);
        }
        out.push(low | 0x80);
    }
}

/// Writes a field without its value.
pub(super) fn put_key(number: u32, value: &Value<'_>, out: &mut Vec<u8>) {
    let wire_type = match value {
        Value::Varint(_) => VARINT,
        Value::Fixed64(_) => FIXED64,
        Value::Fixed32(_) => FIXED32,
        Value::Bytes(_) => LENGTH_DELIMITED,
    };
    put_varint(u64::from(number) << 3 | wire_type, out);
}

/// Writes a field.
pub(super) fn put(number: u32, value: &Value<'_>, out: &mut Vec<u8>) {
    put_key(number, value, out);
    match value {
        Value::Varint(value) => put_varint(*value, out),
        Value::Fixed64(value) => out.extend_from_slice(&value.to_le_bytes()),
        Value::Fixed32(value) => out.extend_from_slice(&value.to_le_bytes()),
        Value::Bytes(bytes) => {
            put_varint(bytes.len() as u64, out);
            out.extend_from_slice(bytes);
        }
    }
}

/// Begins a field whose value is written next; returns where, for [`end`].
pub(super) fn begin(number: u32, out: &mut Vec<u8>) -> usize {
    put_key(number, &Value::Bytes(&[]), out);
    // Most lengths take one byte, which is kept free for them.
    out.push(0);
    out.len()
}

/// Ends the field that began there.
pub(super) fn end(began: usize, out: &mut Vec<u8>) {
    let mut length = Vec::with_capacity(5);
    put_varint((out.len() - began) as u64, &mut length);
    out.splice(began - 1..began, length);
}
