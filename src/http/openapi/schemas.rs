//! Messages and enums as JSON schemas.

use std::collections::{BTreeMap, HashMap};
use std::fmt::Write as _;

use prost_reflect::{
    DescriptorPool, EnumDescriptor, FieldDescriptor, FileDescriptor, Kind, MessageDescriptor,
};
use serde_json::{Map, Value, json};

/// The schemas made so far, and the comments to describe them.
pub(super) struct Schemas {
    made: BTreeMap<String, Value>,
    /// By file and path within it.
    comments: HashMap<(String, Vec<i32>), String>,
}

impl Schemas {
    pub(super) fn new(pool: &DescriptorPool) -> Self {
        let mut comments = HashMap::new();
        for file in pool.files() {
            let proto = file.file_descriptor_proto();
            let locations = proto.source_code_info.iter().flat_map(|it| &it.location);
            for location in locations {
                let comment = plain(location.leading_comments());
                if !comment.is_empty() {
                    comments.insert((file.name().to_owned(), location.path.clone()), comment);
                }
            }
        }
        Self {
            made: BTreeMap::new(),
            comments,
        }
    }

    /// The comment of an element; empty without one.
    pub(super) fn comment(&self, file: &FileDescriptor, path: &[i32]) -> String {
        let key = (file.name().to_owned(), path.to_vec());
        self.comments.get(&key).cloned().unwrap_or_default()
    }

    /// All schemas by name.
    pub(super) fn into_map(self) -> Map<String, Value> {
        self.made.into_iter().collect()
    }

    /// A reference to the schema of a message, which is made if there is none yet.
    pub(super) fn message(&mut self, message: &MessageDescriptor) -> Value {
        let text = |format: &str| json!({ "type": "string", "format": format });
        match message.full_name() {
            "google.protobuf.Timestamp" => return text("date-time"),
            "google.protobuf.Duration" => {
                return json!({ "type": "string", "pattern": r"^-?[0-9]+(\.[0-9]{1,9})?s$" });
            }
            "google.protobuf.FieldMask" => {
                return json!({ "type": "string", "pattern": "^([A-Za-z0-9_.]+(,[A-Za-z0-9_.]+)*)?$" });
            }
            _ => {}
        }
        let name = message.full_name().to_owned();
        if !self.made.contains_key(&name) {
            // Messages may contain themselves.
            self.made.insert(name.clone(), Value::Null);
            let mut properties = Map::new();
            for field in message.fields() {
                properties.insert(field.json_name().to_owned(), self.field(&field));
            }
            let description = self.comment(&message.parent_file(), message.path());
            let schema = json!({
                "type": "object",
                "description": description,
                "properties": properties,
            });
            self.made.insert(name.clone(), schema);
        }
        reference(&name)
    }

    fn field(&mut self, field: &FieldDescriptor) -> Value {
        let message = field.parent_message();
        let mut description = self.comment(&message.parent_file(), field.path());
        if let Some(group) = field.containing_oneof().filter(|it| !it.is_synthetic()) {
            let members: Vec<String> = group.fields().map(|it| it.json_name().to_owned()).collect();
            let _ = write!(description, " Set at most one of {}.", members.join(", "));
        }
        let kind = field.kind();
        let mut schema = if let (true, Kind::Message(entry)) = (field.is_map(), &kind) {
            let values = self.kind(&entry.map_entry_value_field().kind());
            json!({ "type": "object", "additionalProperties": values })
        } else if field.is_list() {
            json!({ "type": "array", "items": self.kind(&kind) })
        } else {
            self.kind(&kind)
        };
        if let Value::Object(schema) = &mut schema {
            schema.insert("description".to_owned(), description.trim().into());
        }
        schema
    }

    fn kind(&mut self, kind: &Kind) -> Value {
        match kind {
            Kind::Message(message) => self.message(message),
            Kind::Enum(values) => self.enumeration(values),
            Kind::Bool => json!({ "type": "boolean" }),
            Kind::String => json!({ "type": "string" }),
            Kind::Bytes => json!({ "type": "string", "contentEncoding": "base64" }),
            Kind::Double => json!({ "type": "number", "format": "double" }),
            Kind::Float => json!({ "type": "number", "format": "float" }),
            Kind::Int32 | Kind::Sint32 | Kind::Sfixed32 => {
                json!({ "type": "integer", "format": "int32", "minimum": i32::MIN, "maximum": i32::MAX })
            }
            Kind::Uint32 | Kind::Fixed32 => {
                json!({ "type": "integer", "format": "int64", "minimum": 0, "maximum": u32::MAX })
            }
            // Written as text, and read as a number too.
            Kind::Int64 | Kind::Sint64 | Kind::Sfixed64 => {
                json!({ "type": ["string", "integer"], "format": "int64", "pattern": "^-?[0-9]{1,19}$" })
            }
            Kind::Uint64 | Kind::Fixed64 => {
                json!({ "type": ["string", "integer"], "format": "uint64", "pattern": "^[0-9]{1,20}$" })
            }
        }
    }

    fn enumeration(&mut self, values: &EnumDescriptor) -> Value {
        let name = values.full_name().to_owned();
        if !self.made.contains_key(&name) {
            let file = values.parent_file();
            let mut description = self.comment(&file, values.path());
            for value in values.values() {
                let comment = self.comment(&file, value.path());
                let _ = write!(description, "\n\n{}: {comment}", value.name());
            }
            let names: Vec<String> = values.values().map(|it| it.name().to_owned()).collect();
            let schema = json!({
                "type": "string",
                "description": description.trim(),
                "enum": names,
            });
            self.made.insert(name.clone(), schema);
        }
        reference(&name)
    }
}

fn reference(name: &str) -> Value {
    json!({ "$ref": format!("#/components/schemas/{name}") })
}

/// A comment with each paragraph on one line.
fn plain(comment: &str) -> String {
    let mut text = String::with_capacity(comment.len());
    for line in comment.trim().lines().map(str::trim) {
        if line.is_empty() {
            text.push_str("\n\n");
        } else {
            if !text.is_empty() && !text.ends_with('\n') {
                text.push(' ');
            }
            text.push_str(line);
        }
    }
    text
}
