//! Messages with a JSON form of their own: instants, durations and masks.

use std::fmt::Write as _;

use jiff::Timestamp;

use super::wire::{self, Malformed, Value};

/// A message whose JSON is a text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum WellKnown {
    /// `google.protobuf.Timestamp`: RFC 3339.
    Timestamp,
    /// `google.protobuf.Duration`: seconds with an `s`.
    Duration,
    /// `google.protobuf.FieldMask`: paths in lowerCamelCase, joined by commas.
    FieldMask,
}

/// Longest duration in seconds: ten thousand years.
const MAX_SECONDS: i64 = 315_576_000_000;

impl WellKnown {
    /// The form of the message of this name, if it has one.
    pub(super) fn of(full_name: &str) -> Option<Self> {
        match full_name {
            "google.protobuf.Timestamp" => Some(Self::Timestamp),
            "google.protobuf.Duration" => Some(Self::Duration),
            "google.protobuf.FieldMask" => Some(Self::FieldMask),
            _ => None,
        }
    }

    /// What a value must be.
    pub(super) fn expected(self) -> &'static str {
        match self {
            Self::Timestamp => {
                "must be a time with its offset as a text, for example 2026-01-31T12:00:00Z"
            }
            Self::Duration => "must be a duration in seconds as a text, for example 1.5s",
            Self::FieldMask => {
                "must be a text of fields with commas between them, for example treatment,customer"
            }
        }
    }

    /// Writes the fields of the message that a text stands for; `None` if it stands for none, and then nothing is written.
    pub(super) fn read(self, text: &str, out: &mut Vec<u8>) -> Option<()> {
        match self {
            Self::Timestamp => {
                let instant: Timestamp = text.parse().ok()?;
                let (mut seconds, mut nanos) = (instant.as_second(), instant.subsec_nanosecond());
                // Before 1970, jiff counts both backwards.
                if nanos < 0 {
                    (seconds, nanos) = (seconds - 1, nanos + 1_000_000_000);
                }
                put_seconds(seconds, nanos, out);
            }
            Self::Duration => {
                let (seconds, nanos) = duration(text)?;
                put_seconds(seconds, nanos, out);
            }
            Self::FieldMask => {
                for path in text.split(',').filter(|path| !path.is_empty()) {
                    let path = snake_case(path)?;
                    wire::put(1, &Value::Bytes(path.as_bytes()), out);
                }
            }
        }
        Some(())
    }

    /// The text of a message.
    pub(super) fn write(self, message: &[u8]) -> Result<String, Malformed> {
        let fields = wire::fields(message)?;
        let number = |wanted: u32| {
            let mut found = fields.iter().filter(|(number, _)| *number == wanted);
            match found.next_back() {
                Some((_, Value::Varint(value))) => Ok(value.cast_signed()),
                Some(_) => Err(Malformed),
                None => Ok(0),
            }
        };
        match self {
            Self::Timestamp => {
                let nanos = i32::try_from(number(2)?).map_err(|_| Malformed)?;
                let instant = Timestamp::new(number(1)?, nanos).map_err(|_| Malformed)?;
                Ok(match fraction_digits(nanos) {
                    0 => format!("{instant:.0}"),
                    3 => format!("{instant:.3}"),
                    6 => format!("{instant:.6}"),
                    _ => format!("{instant:.9}"),
                })
            }
            Self::Duration => {
                let nanos = i32::try_from(number(2)?).map_err(|_| Malformed)?;
                Ok(duration_text(number(1)?, nanos))
            }
            Self::FieldMask => {
                let mut text = String::new();
                for (_, path) in fields {
                    let Value::Bytes(path) = path else {
                        return Err(Malformed);
                    };
                    if !text.is_empty() {
                        text.push(',');
                    }
                    text.push_str(&camel_case(
                        std::str::from_utf8(path).map_err(|_| Malformed)?,
                    ));
                }
                Ok(text)
            }
        }
    }
}

fn put_seconds(seconds: i64, nanos: i32, out: &mut Vec<u8>) {
    wire::put(1, &Value::Varint(seconds.cast_unsigned()), out);
    wire::put(2, &Value::Varint(i64::from(nanos).cast_unsigned()), out);
}

/// Digits behind the second that show so many nanoseconds: none, 3, 6 or 9.
fn fraction_digits(nanos: i32) -> usize {
    match nanos {
        0 => 0,
        _ if nanos % 1_000_000 == 0 => 3,
        _ if nanos % 1_000 == 0 => 6,
        _ => 9,
    }
}

fn duration_text(seconds: i64, nanos: i32) -> String {
    let sign = if seconds < 0 || nanos < 0 { "-" } else { "" };
    let mut text = format!("{sign}{}", seconds.unsigned_abs());
    let digits = fraction_digits(nanos);
    if digits > 0 {
        let all = format!("{:09}", nanos.unsigned_abs());
        let _ = write!(text, ".{}", all.get(..digits).unwrap_or_default());
    }
    text.push('s');
    text
}

/// Seconds and nanoseconds of the same sign.
fn duration(text: &str) -> Option<(i64, i32)> {
    let text = text.strip_suffix('s')?;
    let (sign, text) = match text.strip_prefix('-') {
        Some(text) => (-1, text),
        None => (1, text),
    };
    let (whole, fraction) = text.split_once('.').unwrap_or((text, "0"));
    let is_number = |text: &str| !text.is_empty() && text.bytes().all(|it| it.is_ascii_digit());
    if !is_number(whole) || !is_number(fraction) || fraction.len() > 9 {
        return None;
    }
    let seconds: i64 = whole.parse().ok().filter(|it| *it <= MAX_SECONDS)?;
    let nanos: i32 = format!("{fraction:0<9}").parse().ok()?;
    Some((sign * seconds, i32::try_from(sign).ok()? * nanos))
}

/// The name of a field from its name in JSON; a name as in the proto file stays as it is.
fn snake_case(path: &str) -> Option<String> {
    let path = path.trim();
    let mut name = String::with_capacity(path.len() + 4);
    for letter in path.chars() {
        match letter {
            'A'..='Z' => name.extend(['_', letter.to_ascii_lowercase()]),
            'a'..='z' | '0'..='9' | '_' | '.' => name.push(letter),
            _ => return None,
        }
    }
    Some(name)
}

fn camel_case(path: &str) -> String {
    let mut name = String::with_capacity(path.len());
    let mut at_word = false;
    for letter in path.chars() {
        if letter == '_' {
            at_word = true;
        } else if std::mem::take(&mut at_word) {
            name.push(letter.to_ascii_uppercase());
        } else {
            name.push(letter);
        }
    }
    name
}
