//! The API in a text form: every message, enum and service with numbers, names, types and what is reserved. No comments: those may change.

use std::collections::BTreeMap;

use patron::pb::FILE_DESCRIPTOR_SET;
use prost::Message as _;
use prost_types::field_descriptor_proto::{Label, Type};
use prost_types::{
    DescriptorProto, EnumDescriptorProto, FieldDescriptorProto, FileDescriptorProto,
    FileDescriptorSet, ServiceDescriptorProto,
};
use serde::{Deserialize, Serialize};

use super::assert_golden;
use super::breaks::find_breaks;

/// From the project's root.
const COPY: &str = "tests/golden/api.json";
/// The package whose clients must not break.
const PACKAGE: &str = "patron.v1";

/// The elements of the package by full name.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub(super) struct Api {
    pub(super) messages: BTreeMap<String, Message>,
    pub(super) enums: BTreeMap<String, Enum>,
    pub(super) services: BTreeMap<String, Service>,
}

#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub(super) struct Message {
    /// By number.
    pub(super) fields: BTreeMap<i32, Field>,
    pub(super) reserved: Reserved,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct Field {
    pub(super) name: String,
    pub(super) json_name: String,
    /// `int64`, or the full name of a message or enum.
    pub(super) r#type: String,
    /// `singular`, `optional` (with presence) or `repeated`.
    pub(super) label: String,
    /// The oneof that it belongs to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) oneof: Option<String>,
}

#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub(super) struct Enum {
    /// By number.
    pub(super) values: BTreeMap<i32, String>,
    pub(super) reserved: Reserved,
}

#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub(super) struct Reserved {
    /// First and last number of each range.
    pub(super) numbers: Vec<(i32, i32)>,
    pub(super) names: Vec<String>,
}

#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub(super) struct Service {
    /// By name.
    pub(super) methods: BTreeMap<String, Method>,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct Method {
    pub(super) request: String,
    pub(super) response: String,
    pub(super) client_streaming: bool,
    pub(super) server_streaming: bool,
}

impl Api {
    /// The elements of the package in a descriptor set.
    fn from_descriptors(set: &FileDescriptorSet) -> Self {
        let mut api = Self::default();
        for file in set.file.iter().filter(|file| file.package() == PACKAGE) {
            for message in &file.message_type {
                api.add_message(PACKAGE, message);
            }
            for declared in &file.enum_type {
                api.add_enum(PACKAGE, declared);
            }
            for service in &file.service {
                let name = format!("{PACKAGE}.{}", service.name());
                api.services.insert(name, Service::from_descriptor(service));
            }
        }
        api
    }

    fn add_message(&mut self, scope: &str, message: &DescriptorProto) {
        let name = format!("{scope}.{}", message.name());
        for nested in &message.nested_type {
            self.add_message(&name, nested);
        }
        for nested in &message.enum_type {
            self.add_enum(&name, nested);
        }
        let fields = message.field.iter();
        let fields = fields.map(|field| (field.number(), Field::from_descriptor(field, message)));
        // The end of a range of field numbers is not part of it.
        let ranges = message.reserved_range.iter();
        let ranges = ranges.map(|range| (range.start(), range.end() - 1));
        let message = Message {
            fields: fields.collect(),
            reserved: Reserved {
                numbers: ranges.collect(),
                names: message.reserved_name.clone(),
            },
        };
        self.messages.insert(name, message);
    }

    fn add_enum(&mut self, scope: &str, declared: &EnumDescriptorProto) {
        let name = format!("{scope}.{}", declared.name());
        let values = declared.value.iter();
        let values = values.map(|value| (value.number(), value.name().to_owned()));
        let ranges = declared.reserved_range.iter();
        let ranges = ranges.map(|range| (range.start(), range.end()));
        let declared = Enum {
            values: values.collect(),
            reserved: Reserved {
                numbers: ranges.collect(),
                names: declared.reserved_name.clone(),
            },
        };
        self.enums.insert(name, declared);
    }

    /// The text form.
    pub(super) fn to_text(&self) -> String {
        let mut text = serde_json::to_string_pretty(self).unwrap();
        text.push('\n');
        text
    }
}

impl Field {
    fn from_descriptor(field: &FieldDescriptorProto, message: &DescriptorProto) -> Self {
        let presence = field.proto3_optional();
        let label = match field.label() {
            Label::Repeated => "repeated",
            Label::Optional if presence => "optional",
            Label::Optional => "singular",
            Label::Required => "required",
        };
        let scalar = || scalar_name(field.r#type());
        let oneof = field.oneof_index.filter(|_| !presence);
        let oneof = oneof.map(|index| message.oneof_decl[usize::try_from(index).unwrap()].name());
        Self {
            name: field.name().to_owned(),
            json_name: field.json_name.clone().expect("protox writes JSON names"),
            r#type: field
                .type_name
                .as_deref()
                .map_or_else(scalar, |name| name.trim_start_matches('.').to_owned()),
            label: label.to_owned(),
            oneof: oneof.map(str::to_owned),
        }
    }
}

impl Service {
    fn from_descriptor(service: &ServiceDescriptorProto) -> Self {
        let full = |name: &str| name.trim_start_matches('.').to_owned();
        let methods = service.method.iter().map(|method| {
            let form = Method {
                request: full(method.input_type()),
                response: full(method.output_type()),
                client_streaming: method.client_streaming(),
                server_streaming: method.server_streaming(),
            };
            (method.name().to_owned(), form)
        });
        Self {
            methods: methods.collect(),
        }
    }
}

/// The name of a scalar type as proto files write it.
fn scalar_name(kind: Type) -> String {
    let name = kind.as_str_name();
    name.trim_start_matches("TYPE_").to_lowercase()
}

fn descriptors() -> FileDescriptorSet {
    FileDescriptorSet::decode(FILE_DESCRIPTOR_SET).unwrap()
}

/// Files of the package without the options that generators for other languages need.
fn find_missing_options(file: &FileDescriptorProto) -> Vec<String> {
    let options = file.options.clone().unwrap_or_default();
    let wanted = [
        ("go_package", options.go_package),
        ("java_package", options.java_package),
        ("csharp_namespace", options.csharp_namespace),
    ];
    let missing = wanted
        .into_iter()
        .filter(|(_, value)| value.as_deref().unwrap_or_default().is_empty());
    missing
        .map(|(name, _)| format!("{}: no option {name}", file.name()))
        .collect()
}

#[test]
fn the_api_breaks_no_client() {
    let api = Api::from_descriptors(&descriptors());
    assert!(api.services.len() >= 5, "{:?}", api.services.keys());
    assert_golden(COPY, &api.to_text(), |committed, current| {
        let read = |text: &str| {
            serde_json::from_str(text).unwrap_or_else(|error| panic!("{COPY}: {error}"))
        };
        find_breaks(&read(committed), &read(current))
    });
}

#[test]
fn the_text_form_is_read_as_it_was_written() {
    let api = Api::from_descriptors(&descriptors());
    let read: Api = serde_json::from_str(&api.to_text()).unwrap();
    assert_eq!(read, api);
}

#[test]
fn a_spoiled_descriptor_is_found() {
    let committed = Api::from_descriptors(&descriptors());
    let spoil = |change: &dyn Fn(&mut FileDescriptorProto)| {
        let mut set = descriptors();
        let types = set
            .file
            .iter_mut()
            .find(|file| file.name() == "patron/v1/types.proto");
        change(types.unwrap());
        find_breaks(&committed, &Api::from_descriptors(&set))
    };
    assert!(spoil(&|_| {}).is_empty());
    let message = |file: &mut FileDescriptorProto, change: &dyn Fn(&mut DescriptorProto)| {
        let money = file
            .message_type
            .iter_mut()
            .find(|message| message.name() == "Money");
        change(money.unwrap());
    };
    let renumbered = spoil(&|file| message(file, &|money| money.field[0].number = Some(9)));
    assert_eq!(
        renumbered,
        [
            "patron.v1.Money: field 1 (amount_minor) is gone and its number and name are not reserved"
        ]
    );
    let retyped = spoil(&|file| message(file, &|money| money.field[0].set_type(Type::Int32)));
    assert_eq!(
        retyped,
        ["patron.v1.Money: field 1 (amount_minor) changed its type: int64 to int32"]
    );
    let removed = spoil(&|file| {
        file.message_type
            .retain(|message| message.name() != "Money");
    });
    assert_eq!(removed, ["patron.v1.Money: the message is gone"]);
}

#[test]
fn every_proto_file_has_the_options_of_other_languages() {
    let files = descriptors().file;
    let ours = files.iter().filter(|file| file.package() == PACKAGE);
    let missing: Vec<String> = ours.flat_map(find_missing_options).collect();
    assert!(missing.is_empty(), "{missing:#?}");
    let bare = FileDescriptorProto {
        name: Some("a.proto".to_owned()),
        ..FileDescriptorProto::default()
    };
    assert_eq!(find_missing_options(&bare).len(), 3);
}
