//! The fields of an object: their names, and their values in turn.

use std::fmt;

use prost_reflect::{FieldDescriptor, Kind, MessageDescriptor};
use serde::de::{DeserializeSeed, Deserializer, IgnoredAny, MapAccess, Visitor};

use super::super::scalar::{self, Primitive};
use super::super::wire;
use super::{Expected, Reader, Step, Value};
use crate::domain::rules::nearest::nearest;

/// Reads the fields of a message.
pub(super) fn read_fields<'de, A: MapAccess<'de>>(
    message: &MessageDescriptor,
    object: &mut A,
    reader: &mut Reader,
) -> Result<(), A::Error> {
    let mut seen: Vec<FieldDescriptor> = vec![];
    while let Some(field) = object.next_key_seed(Name { message, reader })? {
        let Some(field) = field else {
            object.next_value::<IgnoredAny>()?;
            continue;
        };
        if seen.contains(&field) {
            reader.refuse_in(field.name(), "appears twice: remove one");
            object.next_value::<IgnoredAny>()?;
            continue;
        }
        reader.path.push(Step::Field(field.clone()));
        let value = Value {
            reader: &mut *reader,
            expected: Expected::Field(&field),
        };
        let is_there = object.next_value_seed(value)?;
        reader.path.pop();
        if !is_there {
            continue;
        }
        let group = field.containing_oneof();
        let other = seen
            .iter()
            .find(|it| group.is_some() && it.containing_oneof() == group);
        if let Some(other) = other {
            let description = format!("cannot be set together with {}: remove one", other.name());
            reader.refuse_in(field.name(), description);
        }
        seen.push(field);
    }
    Ok(())
}

/// Reads the entries of a map.
pub(super) fn read_entries<'de, A: MapAccess<'de>>(
    field: &FieldDescriptor,
    object: &mut A,
    reader: &mut Reader,
) -> Result<(), A::Error> {
    let Kind::Message(entry) = field.kind() else {
        return Ok(()); // a map is a list of messages
    };
    let (key_field, value_field) = (entry.map_entry_key_field(), entry.map_entry_value_field());
    while let Some(key) = object.next_key::<String>()? {
        let began = wire::begin(field.number(), &mut reader.out);
        let given = match (key_field.kind(), &*key) {
            (Kind::Bool, "true") => Primitive::Bool(true),
            (Kind::Bool, "false") => Primitive::Bool(false),
            (_, text) => Primitive::Text(text),
        };
        let put = scalar::put(1, &key_field.kind(), given, &mut reader.out);
        reader.path.push(Step::Key(key));
        if let Err(description) = put {
            reader.refuse(format!("the key {description}"));
        }
        let value = Value {
            reader: &mut *reader,
            expected: Expected::Element(&value_field),
        };
        object.next_value_seed(value)?;
        reader.path.pop();
        wire::end(began, &mut reader.out);
    }
    Ok(())
}

/// The name of a field of a message; what comes of it is the field, if there is one.
struct Name<'r, 'd> {
    message: &'d MessageDescriptor,
    reader: &'r mut Reader,
}

impl<'de> DeserializeSeed<'de> for Name<'_, '_> {
    type Value = Option<FieldDescriptor>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        deserializer.deserialize_str(self)
    }
}

impl Visitor<'_> for Name<'_, '_> {
    type Value = Option<FieldDescriptor>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the name of a field")
    }

    fn visit_str<E>(self, name: &str) -> Result<Self::Value, E> {
        let Self { message, reader } = self;
        let field = message
            .get_field_by_json_name(name)
            .or_else(|| message.get_field_by_name(name));
        if field.is_none() {
            let fields: Vec<String> = message
                .fields()
                .map(|it| it.json_name().to_owned())
                .collect();
            let type_name = message.full_name();
            let description = match nearest(name, fields.iter().map(String::as_str)) {
                Some(meant) => format!("no such field in {type_name}; write {meant}"),
                None => format!("no such field in {type_name}: remove it"),
            };
            reader.refuse_in(name, description);
        }
        Ok(field)
    }
}
