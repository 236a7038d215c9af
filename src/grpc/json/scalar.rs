//! Values of single fields: from JSON to the encoding of messages.

use std::fmt::Write as _;

use base64::Engine as _;
use base64::alphabet;
use base64::engine::DecodePaddingMode;
use base64::engine::general_purpose::{GeneralPurpose, GeneralPurposeConfig, STANDARD};
use prost_reflect::{EnumDescriptor, Kind};

use super::wire::{self, Value};
use crate::domain::rules::nearest::nearest;

/// A value in JSON that is neither a list nor an object.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Primitive<'a> {
    Bool(bool),
    Unsigned(u64),
    Signed(i64),
    Float(f64),
    Text(&'a str),
}

/// Most values of an enum that are listed where one is not known.
const MOST_LISTED: usize = 8;

/// Both alphabets are read, with and without padding.
const READ_CONFIG: GeneralPurposeConfig =
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent);
const READ_STANDARD: GeneralPurpose = GeneralPurpose::new(&alphabet::STANDARD, READ_CONFIG);
const READ_URL_SAFE: GeneralPurpose = GeneralPurpose::new(&alphabet::URL_SAFE, READ_CONFIG);

/// Bytes as JSON has them.
pub(super) fn base64_text(bytes: &[u8]) -> String {
    STANDARD.encode(bytes)
}

/// Writes a field of this kind; `Err` with what is wrong with the value, and then nothing is written.
pub(super) fn put(
    number: u32,
    kind: &Kind,
    given: Primitive<'_>,
    out: &mut Vec<u8>,
) -> Result<(), String> {
    let value = match kind {
        Kind::Bool => Value::Varint(boolean(given)?.into()),
        Kind::Int32 => Value::Varint(i64::from(whole_i32(given)?).cast_unsigned()),
        Kind::Sint32 => Value::Varint(zigzag(whole_i32(given)?.into())),
        Kind::Int64 => Value::Varint(whole_i64(given)?.cast_unsigned()),
        Kind::Sint64 => Value::Varint(zigzag(whole_i64(given)?)),
        Kind::Uint32 => Value::Varint(whole_u32(given)?.into()),
        Kind::Uint64 => Value::Varint(whole_u64(given)?),
        Kind::Fixed32 => Value::Fixed32(whole_u32(given)?),
        Kind::Sfixed32 => Value::Fixed32(whole_i32(given)?.cast_unsigned()),
        Kind::Fixed64 => Value::Fixed64(whole_u64(given)?),
        Kind::Sfixed64 => Value::Fixed64(whole_i64(given)?.cast_unsigned()),
        Kind::Double => Value::Fixed64(float(given)?.to_bits()),
        Kind::Float => Value::Fixed32(single(given)?.to_bits()),
        Kind::String => Value::Bytes(text(given)?.as_bytes()),
        Kind::Bytes => {
            let decoded = text(given).ok().and_then(|text| {
                let standard = READ_STANDARD.decode(text);
                standard.or_else(|_| READ_URL_SAFE.decode(text)).ok()
            });
            let decoded = decoded.ok_or("must be bytes in base64, as a text")?;
            wire::put(number, &Value::Bytes(&decoded), out);
            return Ok(());
        }
        Kind::Enum(values) => Value::Varint(i64::from(enumerated(values, given)?).cast_unsigned()),
        Kind::Message(_) => return Err("must be an object".to_owned()),
    };
    wire::put(number, &value, out);
    Ok(())
}

/// Small numbers of either sign as small ones.
fn zigzag(value: i64) -> u64 {
    ((value << 1) ^ (value >> 63)).cast_unsigned()
}

fn boolean(given: Primitive<'_>) -> Result<bool, String> {
    match given {
        Primitive::Bool(value) => Ok(value),
        Primitive::Text(_)
        | Primitive::Unsigned(_)
        | Primitive::Signed(_)
        | Primitive::Float(_) => Err("must be true or false, without quotation marks".to_owned()),
    }
}

fn text(given: Primitive<'_>) -> Result<&str, String> {
    match given {
        Primitive::Text(text) => Ok(text),
        Primitive::Bool(_)
        | Primitive::Unsigned(_)
        | Primitive::Signed(_)
        | Primitive::Float(_) => Err("must be a text in quotation marks".to_owned()),
    }
}

/// A whole number, also as a text and in the notation of floating-point numbers, as long as it is exact.
fn whole(given: Primitive<'_>) -> Option<i128> {
    match given {
        Primitive::Unsigned(value) => Some(value.into()),
        Primitive::Signed(value) => Some(value.into()),
        Primitive::Float(value) => whole_float(value),
        Primitive::Text(text) => {
            let exact = text.parse::<i128>().ok().filter(|_| !text.starts_with('+'));
            exact.or_else(|| whole_float(decimal(text)?))
        }
        Primitive::Bool(_) => None,
    }
}

fn whole_float(value: f64) -> Option<i128> {
    /// Every whole number up to here is exact: 2^53.
    const EXACT: f64 = 9_007_199_254_740_992.0;
    let is_whole = value.fract() == 0.0 && value.abs() <= EXACT;
    #[expect(clippy::cast_possible_truncation, reason = "it is whole and small")]
    is_whole.then_some(value as i128)
}

fn whole_i32(given: Primitive<'_>) -> Result<i32, String> {
    let value = whole(given).and_then(|value| value.try_into().ok());
    value.ok_or_else(|| format!("must be a whole number from {} to {}", i32::MIN, i32::MAX))
}

fn whole_i64(given: Primitive<'_>) -> Result<i64, String> {
    let value = whole(given).and_then(|value| value.try_into().ok());
    value.ok_or_else(|| format!("must be a whole number from {} to {}", i64::MIN, i64::MAX))
}

fn whole_u32(given: Primitive<'_>) -> Result<u32, String> {
    let value = whole(given).and_then(|value| value.try_into().ok());
    value.ok_or_else(|| format!("must be a whole number from 0 to {}", u32::MAX))
}

fn whole_u64(given: Primitive<'_>) -> Result<u64, String> {
    let value = whole(given).and_then(|value| value.try_into().ok());
    value.ok_or_else(|| format!("must be a whole number from 0 to {}", u64::MAX))
}

/// A number as JSON writes it: `f64::from_str` would also read `inf` and `.5`.
fn decimal(text: &str) -> Option<f64> {
    serde_json::from_str(text).ok()
}

#[expect(
    clippy::cast_precision_loss,
    reason = "JSON has no other numbers: 2^53 + 1 is the nearest that there is"
)]
fn float(given: Primitive<'_>) -> Result<f64, String> {
    let value = match given {
        Primitive::Unsigned(value) => Some(value as f64),
        Primitive::Signed(value) => Some(value as f64),
        Primitive::Float(value) => Some(value),
        Primitive::Text("NaN") => Some(f64::NAN),
        Primitive::Text("Infinity") => Some(f64::INFINITY),
        Primitive::Text("-Infinity") => Some(f64::NEG_INFINITY),
        Primitive::Text(text) => decimal(text),
        Primitive::Bool(_) => None,
    };
    value.ok_or_else(|| "must be a number".to_owned())
}

fn single(given: Primitive<'_>) -> Result<f32, String> {
    let value = float(given)?;
    #[expect(clippy::cast_possible_truncation, reason = "checked next")]
    let narrow = value as f32;
    if value.is_finite() && !narrow.is_finite() {
        return Err("must be a number of single precision".to_owned());
    }
    Ok(narrow)
}

/// A value by name or by number; a number that has no name is passed on, as from a client of a later version.
fn enumerated(values: &EnumDescriptor, given: Primitive<'_>) -> Result<i32, String> {
    match given {
        Primitive::Text(name) => match values.get_value_by_name(name) {
            Some(value) => Ok(value.number()),
            None => Err(no_such_value(values, name)),
        },
        Primitive::Bool(_)
        | Primitive::Unsigned(_)
        | Primitive::Signed(_)
        | Primitive::Float(_) => {
            whole_i32(given).map_err(|_| "must be the name of a value".to_owned())
        }
    }
}

fn no_such_value(values: &EnumDescriptor, name: &str) -> String {
    let names: Vec<String> = values.values().map(|it| it.name().to_owned()).collect();
    let known = names.iter().map(String::as_str);
    if let Some(meant) = nearest(name, known.clone()) {
        return format!("no such value; write {meant}");
    }
    let mut listed: Vec<&str> = known.take(MOST_LISTED).collect();
    if names.len() > MOST_LISTED {
        listed.push("...");
    }
    let mut sentence = String::from("no such value; use one of ");
    let _ = write!(sentence, "{}", listed.join(", "));
    sentence
}
