//! What breaks a client: the rules of buf's category `WIRE_JSON`, and stricter ones where they cost nothing (no element is removed, no type
//! changes to a compatible one).

use std::collections::BTreeMap;

use super::api::{Api, Enum, Field, Message, Method, Reserved, Service};

/// Everything in `new` that a client of `old` would notice, a sentence each.
pub(super) fn find_breaks(old: &Api, new: &Api) -> Vec<String> {
    let mut breaks = Vec::new();
    each(
        &old.messages,
        &new.messages,
        "message",
        &mut breaks,
        find_message_breaks,
    );
    each(
        &old.enums,
        &new.enums,
        "enum",
        &mut breaks,
        find_enum_breaks,
    );
    each(
        &old.services,
        &new.services,
        "service",
        &mut breaks,
        find_service_breaks,
    );
    breaks
}

/// Compares the elements of one kind by name.
fn each<T>(
    old: &BTreeMap<String, T>,
    new: &BTreeMap<String, T>,
    kind: &str,
    breaks: &mut Vec<String>,
    find: impl Fn(&T, &T) -> Vec<String>,
) {
    for (name, old) in old {
        let found = match new.get(name) {
            None => vec![format!("the {kind} is gone")],
            Some(new) => find(old, new),
        };
        breaks.extend(found.into_iter().map(|found| format!("{name}: {found}")));
    }
}

fn find_message_breaks(old: &Message, new: &Message) -> Vec<String> {
    let mut breaks = find_reserved_breaks(&old.reserved, &new.reserved);
    for (number, field) in &old.fields {
        let name = &field.name;
        match new.fields.get(number) {
            None => breaks.extend(find_removed("field", *number, name, &new.reserved)),
            Some(now) => {
                let changes = find_field_changes(field, now).into_iter();
                breaks.extend(changes.map(|change| format!("field {number} ({name}) {change}")));
            }
        }
    }
    breaks
}

fn find_field_changes(old: &Field, new: &Field) -> Vec<String> {
    let none = "none".to_owned();
    let pairs = [
        ("name", &old.name, &new.name),
        ("JSON name", &old.json_name, &new.json_name),
        ("type", &old.r#type, &new.r#type),
        ("label", &old.label, &new.label),
        (
            "oneof",
            old.oneof.as_ref().unwrap_or(&none),
            new.oneof.as_ref().unwrap_or(&none),
        ),
    ];
    let changed = pairs.into_iter().filter(|(_, old, new)| old != new);
    changed
        .map(|(what, old, new)| format!("changed its {what}: {old} to {new}"))
        .collect()
}

fn find_enum_breaks(old: &Enum, new: &Enum) -> Vec<String> {
    let mut breaks = find_reserved_breaks(&old.reserved, &new.reserved);
    for (number, name) in &old.values {
        match new.values.get(number) {
            None => breaks.extend(find_removed("value", *number, name, &new.reserved)),
            Some(now) if now != name => {
                breaks.push(format!("value {number} changed its name: {name} to {now}"));
            }
            Some(_) => {}
        }
    }
    breaks
}

fn find_service_breaks(old: &Service, new: &Service) -> Vec<String> {
    let mut breaks = Vec::new();
    for (name, method) in &old.methods {
        let found = match new.methods.get(name) {
            None => "is gone",
            Some(now) => match find_method_change(method, now) {
                None => continue,
                Some(change) => change,
            },
        };
        breaks.push(format!("method {name} {found}"));
    }
    breaks
}

fn find_method_change(old: &Method, new: &Method) -> Option<&'static str> {
    if old.request != new.request {
        Some("takes another request")
    } else if old.response != new.response {
        Some("returns another response")
    } else if (old.client_streaming, old.server_streaming)
        != (new.client_streaming, new.server_streaming)
    {
        Some("streams otherwise")
    } else {
        None
    }
}

/// A removed field or value must leave its number and its name reserved.
fn find_removed(kind: &str, number: i32, name: &str, reserved: &Reserved) -> Option<String> {
    let has_number = includes(reserved, number);
    let has_name = reserved.names.iter().any(|reserved| reserved == name);
    let lacking = match (has_number, has_name) {
        (true, true) => return None,
        (true, false) => "name is",
        (false, true) => "number is",
        (false, false) => "number and name are",
    };
    Some(format!(
        "{kind} {number} ({name}) is gone and its {lacking} not reserved"
    ))
}

/// What was reserved stays so.
fn find_reserved_breaks(old: &Reserved, new: &Reserved) -> Vec<String> {
    let numbers = old.numbers.iter().flat_map(|(first, last)| *first..=*last);
    let numbers = numbers
        .filter(|number| !includes(new, *number))
        .map(|number| number.to_string());
    let names = old
        .names
        .iter()
        .filter(|name| !new.names.contains(name))
        .cloned();
    let gone = numbers.chain(names);
    gone.map(|gone| format!("{gone} is no longer reserved"))
        .collect()
}

fn includes(reserved: &Reserved, number: i32) -> bool {
    let mut ranges = reserved.numbers.iter();
    ranges.any(|(first, last)| (*first..=*last).contains(&number))
}

/// A message, an enum and a service to spoil.
fn api() -> Api {
    let field = |name: &str, kind: &str, label: &str, oneof: Option<&str>| Field {
        name: name.to_owned(),
        json_name: name.to_owned(),
        r#type: kind.to_owned(),
        label: label.to_owned(),
        oneof: oneof.map(str::to_owned),
    };
    let message = Message {
        fields: BTreeMap::from([
            (1, field("a", "int64", "singular", None)),
            (2, field("b", "string", "singular", Some("c"))),
        ]),
        reserved: Reserved {
            numbers: vec![(5, 6)],
            names: vec!["d".to_owned()],
        },
    };
    let declared = Enum {
        values: BTreeMap::from([(0, "E_UNSPECIFIED".to_owned()), (1, "E_F".to_owned())]),
        reserved: Reserved::default(),
    };
    let method = Method {
        request: "M".to_owned(),
        response: "M".to_owned(),
        client_streaming: false,
        server_streaming: false,
    };
    let service = Service {
        methods: BTreeMap::from([("G".to_owned(), method)]),
    };
    Api {
        messages: BTreeMap::from([("M".to_owned(), message)]),
        enums: BTreeMap::from([("E".to_owned(), declared)]),
        services: BTreeMap::from([("S".to_owned(), service)]),
    }
}

#[track_caller]
fn check(expected: &str, change: impl FnOnce(&mut Api)) {
    let mut new = api();
    change(&mut new);
    assert_eq!(find_breaks(&api(), &new).join("; "), expected);
}

fn message(api: &mut Api) -> &mut Message {
    api.messages.get_mut("M").unwrap()
}

fn field(api: &mut Api) -> &mut Field {
    message(api).fields.get_mut(&2).unwrap()
}

fn method(api: &mut Api) -> &mut Method {
    let service = api.services.get_mut("S").unwrap();
    service.methods.get_mut("G").unwrap()
}

#[test]
fn what_a_client_would_not_notice_breaks_nothing() {
    check("", |_| {});
    check("", |api| {
        let copy = field(api).clone();
        message(api).fields.insert(3, copy);
        api.messages.insert("N".to_owned(), Message::default());
        let declared = api.enums.get_mut("E").unwrap();
        declared.values.insert(2, "E_NEW".to_owned());
    });
    check("", |api| {
        let message = message(api);
        message.fields.remove(&2);
        message.reserved.numbers.push((2, 2));
        message.reserved.names.push("b".to_owned());
    });
}

#[test]
fn a_removed_element_is_found() {
    check("M: the message is gone", |api| api.messages.clear());
    check("E: the enum is gone", |api| api.enums.clear());
    check("S: the service is gone", |api| api.services.clear());
    check("S: method G is gone", |api| {
        api.services.get_mut("S").unwrap().methods.clear();
    });
    check(
        "M: field 2 (b) is gone and its number and name are not reserved",
        |api| {
            message(api).fields.remove(&2);
        },
    );
    check(
        "M: field 2 (b) is gone and its name is not reserved",
        |api| {
            message(api).fields.remove(&2);
            message(api).reserved.numbers.push((2, 2));
        },
    );
    check(
        "E: value 1 (E_F) is gone and its number and name are not reserved",
        |api| {
            api.enums.get_mut("E").unwrap().values.remove(&1);
        },
    );
    check(
        "M: 6 is no longer reserved; M: d is no longer reserved",
        |api| {
            message(api).reserved = Reserved {
                numbers: vec![(5, 5)],
                names: Vec::new(),
            };
        },
    );
}

#[test]
fn a_changed_field_is_found() {
    check("M: field 2 (b) changed its name: b to x", |api| {
        field(api).name = "x".to_owned();
    });
    check("M: field 2 (b) changed its JSON name: b to x", |api| {
        field(api).json_name = "x".to_owned();
    });
    check("M: field 2 (b) changed its type: string to bytes", |api| {
        field(api).r#type = "bytes".to_owned();
    });
    check(
        "M: field 2 (b) changed its label: singular to repeated",
        |api| {
            field(api).label = "repeated".to_owned();
        },
    );
    check("M: field 2 (b) changed its oneof: c to none", |api| {
        field(api).oneof = None;
    });
}

#[test]
fn a_changed_value_and_a_changed_method_are_found() {
    check("E: value 1 changed its name: E_F to E_X", |api| {
        let declared = api.enums.get_mut("E").unwrap();
        declared.values.insert(1, "E_X".to_owned());
    });
    check("S: method G takes another request", |api| {
        method(api).request = "N".to_owned();
    });
    check("S: method G returns another response", |api| {
        method(api).response = "N".to_owned();
    });
    check("S: method G streams otherwise", |api| {
        method(api).server_streaming = true;
    });
}
