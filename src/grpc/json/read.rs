//! From JSON to the bytes of a message, in one pass.

mod fields;

use std::fmt::{self, Write as _};

use prost_reflect::{FieldDescriptor, Kind, MessageDescriptor};
use serde::de::{DeserializeSeed, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};
use tonic::Status;

use self::fields::{read_entries, read_fields};
use super::scalar::{self, Primitive};
use super::well_known::WellKnown;
use super::wire;
use crate::api::error::Violation;
use crate::grpc::status::{self, transport};

/// Most violations that are kept: what an error carries has less room.
const MOST_KEPT: usize = 50;

/// Most characters of a name that is repeated to the caller.
const MOST_NAME_CHARS: usize = 60;

/// The bytes of a message that a JSON text stands for.
pub(super) fn read(message: &MessageDescriptor, json: &[u8]) -> Result<Vec<u8>, Status> {
    let mut reader = Reader {
        // A message is shorter than its JSON.
        out: Vec::with_capacity(json.len()),
        path: vec![],
        violations: vec![],
        count: 0,
    };
    let mut deserializer = serde_json::Deserializer::from_slice(json);
    let whole = Value {
        reader: &mut reader,
        expected: Expected::Top(message),
    };
    let read = whole.deserialize(&mut deserializer);
    // The error itself may repeat what was sent.
    if let Err(error) = read.and_then(|_| deserializer.end()) {
        let (line, column) = (error.line(), error.column());
        let what = match error.classify() {
            serde_json::error::Category::Eof if json.is_empty() => {
                "it has no body; send {} for a message without fields".to_owned()
            }
            serde_json::error::Category::Eof => "the JSON ends too early".to_owned(),
            serde_json::error::Category::Io
            | serde_json::error::Category::Syntax
            | serde_json::error::Category::Data => {
                format!("it is not JSON from line {line}, column {column} on")
            }
        };
        return Err(transport::malformed_json(&what));
    }
    if reader.count > 0 {
        return Err(reader.refusal());
    }
    Ok(reader.out)
}

/// A message in the making.
struct Reader {
    out: Vec<u8>,
    path: Vec<Step>,
    violations: Vec<Violation>,
    count: usize,
}

/// A step from a message to a value in it.
enum Step {
    Field(FieldDescriptor),
    Element(usize),
    Key(String),
}

impl Reader {
    /// Notes what is wrong with the value at the present path.
    fn refuse(&mut self, description: impl Into<String>) {
        self.refuse_in("", description);
    }

    /// Notes what is wrong with something of this name within the value at the present path.
    fn refuse_in(&mut self, name: &str, description: impl Into<String>) {
        self.count += 1;
        if self.violations.len() == MOST_KEPT {
            return;
        }
        let mut field = String::new();
        for step in &self.path {
            let _ = match step {
                Step::Field(it) if field.is_empty() => write!(field, "{}", it.name()),
                Step::Field(it) => write!(field, ".{}", it.name()),
                Step::Element(at) => write!(field, "[{at}]"),
                Step::Key(key) => write!(field, "[{:?}]", shortened(key)),
            };
        }
        if !name.is_empty() {
            let dot = if field.is_empty() { "" } else { "." };
            let _ = write!(field, "{dot}{}", shortened(name));
        }
        let field = if field.is_empty() {
            "(body)".to_owned()
        } else {
            field
        };
        self.violations.push(Violation::new(field, description));
    }

    fn refusal(mut self) -> Status {
        let rest = self.count - self.violations.len();
        if rest > 0 {
            let more = Violation::new("", format!("and {rest} more"));
            self.violations.push(more);
        }
        status::invalid_argument("INVALID_REQUEST", self.violations)
    }
}

/// A name as it is repeated to the caller.
fn shortened(name: &str) -> String {
    name.chars().take(MOST_NAME_CHARS).collect()
}

/// What a value should be.
enum Expected<'d> {
    /// The whole message.
    Top(&'d MessageDescriptor),
    /// The value of a field.
    Field(&'d FieldDescriptor),
    /// An element of a repeated field, or the value of an entry of a map.
    Element(&'d FieldDescriptor),
}

impl Expected<'_> {
    fn is_list(&self) -> bool {
        matches!(self, Self::Field(field) if field.is_list())
    }

    /// Number and kind of a single value; `None` where several are expected, and at the top.
    fn single(&self) -> Option<(u32, Kind)> {
        match self {
            Self::Top(_) => None,
            Self::Field(field) if field.is_list() || field.is_map() => None,
            Self::Field(field) | Self::Element(field) => Some((field.number(), field.kind())),
        }
    }

    /// As a sentence without its subject.
    fn sentence(&self) -> &'static str {
        if self.is_list() {
            return "must be a list";
        }
        match self.single() {
            Some((_, Kind::Message(message))) => {
                let known = WellKnown::of(message.full_name());
                known.map_or("must be an object", WellKnown::expected)
            }
            Some(_) => "must be a single value, not a list or an object",
            None => "must be an object",
        }
    }
}

/// A value that is to be read; what comes of it is whether there was one.
struct Value<'r, 'd> {
    reader: &'r mut Reader,
    expected: Expected<'d>,
}

impl<'de> DeserializeSeed<'de> for Value<'_, '_> {
    type Value = bool;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<bool, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl Value<'_, '_> {
    fn primitive(self, given: Primitive<'_>) -> bool {
        let Self { reader, expected } = self;
        let Some((number, kind)) = expected.single() else {
            reader.refuse(expected.sentence());
            return true;
        };
        let written = if let Kind::Message(message) = &kind {
            match WellKnown::of(message.full_name()) {
                Some(form) => text_form(number, form, given, &mut reader.out),
                None => Err(expected.sentence().to_owned()),
            }
        } else {
            scalar::put(number, &kind, given, &mut reader.out)
        };
        if let Err(description) = written {
            reader.refuse(description);
        }
        true
    }
}

fn text_form(
    number: u32,
    form: WellKnown,
    given: Primitive<'_>,
    out: &mut Vec<u8>,
) -> Result<(), String> {
    let began = wire::begin(number, out);
    let read = match given {
        Primitive::Text(text) => form.read(text, out),
        Primitive::Bool(_)
        | Primitive::Unsigned(_)
        | Primitive::Signed(_)
        | Primitive::Float(_) => None,
    };
    wire::end(began, out);
    read.ok_or_else(|| form.expected().to_owned())
}

impl<'de> Visitor<'de> for Value<'_, '_> {
    type Value = bool;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.expected.sentence())
    }

    fn visit_bool<E>(self, value: bool) -> Result<bool, E> {
        Ok(self.primitive(Primitive::Bool(value)))
    }

    fn visit_u64<E>(self, value: u64) -> Result<bool, E> {
        Ok(self.primitive(Primitive::Unsigned(value)))
    }

    fn visit_i64<E>(self, value: i64) -> Result<bool, E> {
        Ok(self.primitive(Primitive::Signed(value)))
    }

    fn visit_f64<E>(self, value: f64) -> Result<bool, E> {
        Ok(self.primitive(Primitive::Float(value)))
    }

    fn visit_str<E>(self, value: &str) -> Result<bool, E> {
        Ok(self.primitive(Primitive::Text(value)))
    }

    /// `null`: as if it were not there.
    fn visit_unit<E>(self) -> Result<bool, E> {
        match self.expected {
            Expected::Field(_) => {}
            Expected::Element(_) => self.reader.refuse("is null: remove it"),
            Expected::Top(_) => self.reader.refuse(self.expected.sentence()),
        }
        Ok(false)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<bool, A::Error> {
        let Self { reader, expected } = self;
        let Expected::Field(field) = expected else {
            reader.refuse(expected.sentence());
            while list.next_element::<IgnoredAny>()?.is_some() {}
            return Ok(true);
        };
        if !field.is_list() {
            reader.refuse(expected.sentence());
            while list.next_element::<IgnoredAny>()?.is_some() {}
            return Ok(true);
        }
        for at in 0.. {
            reader.path.push(Step::Element(at));
            let element = Value {
                reader: &mut *reader,
                expected: Expected::Element(field),
            };
            let read = list.next_element_seed(element)?;
            reader.path.pop();
            if read.is_none() {
                break;
            }
        }
        Ok(true)
    }

    fn visit_map<A: MapAccess<'de>>(self, mut object: A) -> Result<bool, A::Error> {
        let Self { reader, expected } = self;
        if let Expected::Top(message) = expected {
            read_fields(message, &mut object, reader)?;
            return Ok(true);
        }
        if let Expected::Field(field) = expected
            && field.is_map()
        {
            read_entries(field, &mut object, reader)?;
            return Ok(true);
        }
        if let Some((number, Kind::Message(message))) = expected.single()
            && WellKnown::of(message.full_name()).is_none()
        {
            let began = wire::begin(number, &mut reader.out);
            read_fields(&message, &mut object, reader)?;
            wire::end(began, &mut reader.out);
            return Ok(true);
        }
        reader.refuse(expected.sentence());
        while object.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
        Ok(true)
    }
}
