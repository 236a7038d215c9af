//! The terms of contacts.

use super::{BuiltIn, Parameter, Which};

/// The terms of contacts, which only rules of `routing` may use, in the order of the reference.
pub const CONTACT_TERMS: &[BuiltIn] = &[
    BuiltIn {
        name: "channel",
        which: Which::Channel,
        parameters: &[],
        values: "one of the channels of the definitions",
        meaning: "channel of the contact",
        unknown_when: "the contact states none, or one that is not defined",
        example: "channel == \"phone\"",
    },
    BuiltIn {
        name: "intent",
        which: Which::Intent,
        parameters: &[],
        values: "one of the `intents` of the definitions",
        meaning: "what the contact is about, for example as chosen in a voice menu",
        unknown_when: "the contact states none, or one that is not defined",
        example: "intent == \"outage\"",
    },
    BuiltIn {
        name: "dialled_number",
        which: Which::DialledNumber,
        parameters: &[],
        values: "text: a number in E.164, or as it arrives if it is none",
        meaning: "number that was dialled",
        unknown_when: "the contact states none",
        example: "dialled_number == \"+498001234567\"",
    },
    BuiltIn {
        name: "weekday",
        which: Which::Weekday,
        parameters: &[],
        values: "one of MONDAY, TUESDAY, WEDNESDAY, THURSDAY, FRIDAY, SATURDAY, SUNDAY",
        meaning: "day of the week at the contact, in the zone of the deployment",
        unknown_when: "",
        example: "weekday in [\"SATURDAY\", \"SUNDAY\"]",
    },
    BuiltIn {
        name: "time_of_day",
        which: Which::TimeOfDay,
        parameters: &[],
        values: "a time of day",
        meaning: "clock time of the contact, in the zone of the deployment",
        unknown_when: "",
        example: "time_of_day >= time(\"17:30\")",
    },
    BuiltIn {
        name: "open",
        which: Which::Open,
        parameters: &[Parameter::Calendar],
        values: "true or false",
        meaning: "whether a calendar is open at the contact",
        unknown_when: "",
        example: "!open(\"office\")",
    },
];

/// The days of the week, from Monday.
pub const WEEKDAYS: [&str; 7] = [
    "MONDAY",
    "TUESDAY",
    "WEDNESDAY",
    "THURSDAY",
    "FRIDAY",
    "SATURDAY",
    "SUNDAY",
];
