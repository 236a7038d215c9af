//! From the bytes of a message to JSON.
//!
//! A message field that appears several times is merged, as protobuf wants: its parts, one after another, are the message.

use prost_reflect::{FieldDescriptor, Kind, MessageDescriptor};
use serde::Serialize;

use super::scalar::base64_text;
use super::well_known::WellKnown;
use super::wire::{self, Malformed, Value};

/// Writes a message as a JSON object. Fields without a value are not there, as in proto3 JSON.
pub(super) fn write(
    message: &MessageDescriptor,
    bytes: &[u8],
    out: &mut Vec<u8>,
) -> Result<(), Malformed> {
    out.push(b'{');
    write_fields(message, bytes, out)?;
    out.push(b'}');
    Ok(())
}

/// Writes the fields of a message, without the braces around them.
pub(super) fn write_fields(
    message: &MessageDescriptor,
    bytes: &[u8],
    out: &mut Vec<u8>,
) -> Result<(), Malformed> {
    let fields = wire::fields(bytes)?;
    let mut is_first = true;
    for values in fields.chunk_by(|(a, _), (b, _)| a == b) {
        let Some((number, _)) = values.first() else {
            continue;
        };
        // A field that the descriptors lack cannot be named.
        let Some(field) = message.get_field(*number) else {
            continue;
        };
        if !std::mem::take(&mut is_first) {
            out.push(b',');
        }
        write_json(field.json_name(), out)?;
        out.push(b':');
        write_field(&field, values, out)?;
    }
    Ok(())
}

fn write_field(
    field: &FieldDescriptor,
    values: &[(u32, Value<'_>)],
    out: &mut Vec<u8>,
) -> Result<(), Malformed> {
    let kind = field.kind();
    if let (true, Kind::Message(entry)) = (field.is_map(), &kind) {
        return write_map(entry, values, out);
    }
    if field.is_list() {
        return write_list(&kind, values, out);
    }
    if let (Kind::Message(_), [_, _, ..]) = (&kind, values) {
        let mut whole = vec![];
        for (_, part) in values {
            let Value::Bytes(part) = part else {
                return Err(Malformed);
            };
            whole.extend_from_slice(part);
        }
        return write_value(&kind, &Value::Bytes(&whole), out);
    }
    let (_, last) = values.last().ok_or(Malformed)?;
    write_value(&kind, last, out)
}

fn write_list(
    kind: &Kind,
    values: &[(u32, Value<'_>)],
    out: &mut Vec<u8>,
) -> Result<(), Malformed> {
    out.push(b'[');
    let mut is_first = true;
    let mut separate = |out: &mut Vec<u8>| {
        if !std::mem::take(&mut is_first) {
            out.push(b',');
        }
    };
    for (_, value) in values {
        if let Value::Bytes(mut packed) = *value
            && !matches!(kind, Kind::Message(_) | Kind::String | Kind::Bytes)
        {
            while !packed.is_empty() {
                let one = match absent(kind) {
                    Value::Fixed64(_) => Value::Fixed64(wire::take_fixed64(&mut packed)?),
                    Value::Fixed32(_) => Value::Fixed32(wire::take_fixed32(&mut packed)?),
                    Value::Varint(_) | Value::Bytes(_) => {
                        Value::Varint(wire::take_varint(&mut packed)?)
                    }
                };
                separate(out);
                write_value(kind, &one, out)?;
            }
        } else {
            separate(out);
            write_value(kind, value, out)?;
        }
    }
    out.push(b']');
    Ok(())
}

fn write_map(
    entry: &MessageDescriptor,
    values: &[(u32, Value<'_>)],
    out: &mut Vec<u8>,
) -> Result<(), Malformed> {
    let (key_kind, value_field) = (
        entry.map_entry_key_field().kind(),
        entry.map_entry_value_field(),
    );
    out.push(b'{');
    for (at, (_, value)) in values.iter().enumerate() {
        let Value::Bytes(bytes) = value else {
            return Err(Malformed);
        };
        if at > 0 {
            out.push(b',');
        }
        let fields = wire::fields(bytes)?;
        let key_at = fields.partition_point(|(number, _)| *number < 1);
        let value_at = fields.partition_point(|(number, _)| *number < 2);
        let mut key = vec![];
        match fields[key_at..value_at].last() {
            Some((_, value)) => write_value(&key_kind, value, &mut key)?,
            None => write_value(&key_kind, &absent(&key_kind), &mut key)?,
        }
        // Keys are texts, whatever their kind.
        if key.first() == Some(&b'"') {
            out.extend_from_slice(&key);
        } else {
            out.push(b'"');
            out.extend_from_slice(&key);
            out.push(b'"');
        }
        out.push(b':');
        let value_kind = value_field.kind();
        match &fields[value_at..] {
            [] => write_value(&value_kind, &absent(&value_kind), out)?,
            values => write_field(&value_field, values, out)?,
        }
    }
    out.push(b'}');
    Ok(())
}

/// The encoding of a value that has the default of its kind.
fn absent(kind: &Kind) -> Value<'static> {
    match kind {
        Kind::Message(_) | Kind::String | Kind::Bytes => Value::Bytes(&[]),
        Kind::Double | Kind::Fixed64 | Kind::Sfixed64 => Value::Fixed64(0),
        Kind::Float | Kind::Fixed32 | Kind::Sfixed32 => Value::Fixed32(0),
        Kind::Int32
        | Kind::Int64
        | Kind::Uint32
        | Kind::Uint64
        | Kind::Sint32
        | Kind::Sint64
        | Kind::Bool
        | Kind::Enum(_) => Value::Varint(0),
    }
}

fn write_value(kind: &Kind, value: &Value<'_>, out: &mut Vec<u8>) -> Result<(), Malformed> {
    match (kind, *value) {
        (Kind::Message(message), Value::Bytes(bytes)) => match WellKnown::of(message.full_name()) {
            Some(form) => write_json(&form.write(bytes)?, out),
            None => write(message, bytes, out),
        },
        (Kind::String, Value::Bytes(bytes)) => {
            write_json(std::str::from_utf8(bytes).map_err(|_| Malformed)?, out)
        }
        (Kind::Bytes, Value::Bytes(bytes)) => write_json(&base64_text(bytes), out),
        (Kind::Bool, Value::Varint(value)) => write_json(&(value != 0), out),
        (Kind::Enum(values), Value::Varint(value)) => {
            #[expect(clippy::cast_possible_truncation, reason = "as the encoding wants")]
            let number = value as i32;
            match values.get_value(number) {
                Some(value) => write_json(value.name(), out),
                None => write_json(&number, out),
            }
        }
        #[expect(clippy::cast_possible_truncation, reason = "as the encoding wants")]
        (Kind::Int32, Value::Varint(value)) => write_json(&(value as i32), out),
        #[expect(clippy::cast_possible_truncation, reason = "as the encoding wants")]
        (Kind::Uint32, Value::Varint(value)) => write_json(&(value as u32), out),
        (Kind::Sint32, Value::Varint(value)) => write_json(&unzigzag(value), out),
        // 64 bits are more than the numbers of JSON hold everywhere: as texts.
        (Kind::Int64, Value::Varint(value)) | (Kind::Sfixed64, Value::Fixed64(value)) => {
            write_text(value.cast_signed(), out)
        }
        (Kind::Sint64, Value::Varint(value)) => write_text(unzigzag(value), out),
        (Kind::Uint64, Value::Varint(value)) | (Kind::Fixed64, Value::Fixed64(value)) => {
            write_text(value, out)
        }
        (Kind::Fixed32, Value::Fixed32(value)) => write_json(&value, out),
        (Kind::Sfixed32, Value::Fixed32(value)) => write_json(&value.cast_signed(), out),
        (Kind::Double, Value::Fixed64(bits)) => write_float(f64::from_bits(bits), out),
        (Kind::Float, Value::Fixed32(bits)) => {
            let value = f32::from_bits(bits);
            if value.is_finite() {
                write_json(&value, out)
            } else {
                write_float(value.into(), out)
            }
        }
        _ => Err(Malformed),
    }
}

fn unzigzag(value: u64) -> i64 {
    (value >> 1).cast_signed() ^ -(value & 1).cast_signed()
}

fn write_float(value: f64, out: &mut Vec<u8>) -> Result<(), Malformed> {
    if value.is_finite() {
        return write_json(&value, out);
    }
    let name = match value {
        f64::INFINITY => "Infinity",
        f64::NEG_INFINITY => "-Infinity",
        _ => "NaN",
    };
    write_json(name, out)
}

fn write_text(value: impl std::fmt::Display, out: &mut Vec<u8>) -> Result<(), Malformed> {
    write_json(&value.to_string(), out)
}

/// Writing to memory does not fail, and neither do texts and numbers.
fn write_json<T: Serialize + ?Sized>(value: &T, out: &mut Vec<u8>) -> Result<(), Malformed> {
    serde_json::to_writer(out, value).map_err(|_| Malformed)
}
