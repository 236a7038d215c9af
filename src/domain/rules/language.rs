//! The one table of what conditions know: the checker resolves names from it, and the language reference is printed from it.

mod contact;

use std::fmt::Write as _;

pub use self::contact::{CONTACT_TERMS, WEEKDAYS};
use super::vocabulary::Vocabulary;

/// Which built-in term.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Which {
    /// `clv`
    Clv,
    /// `tier`
    Tier,
    /// `probability_alive`
    ProbabilityAlive,
    /// `orders`
    Orders,
    /// `spend`
    Spend,
    /// `contacts`
    Contacts,
    /// `cost_to_serve`
    CostToServe,
    /// `days_since_last_order`
    DaysSinceLastOrder,
    /// `tenure_days`
    TenureDays,
    /// `running_contracts`
    RunningContracts,
    /// `kind`
    Kind,
    /// `segment`
    Segment,
    /// `channel`
    Channel,
    /// `intent`
    Intent,
    /// `dialled_number`
    DialledNumber,
    /// `weekday`
    Weekday,
    /// `time_of_day`
    TimeOfDay,
    /// `open`
    Open,
}

/// An argument of a built-in term.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Parameter {
    /// `days(n)`
    Window,
    /// A channel in quotes; may be left away.
    Channel,
    /// `"scheme/name"`
    Segment,
    /// The name of a calendar in quotes.
    Calendar,
}

/// A built-in term.
#[derive(Debug)]
pub struct BuiltIn {
    /// Its name.
    pub name: &'static str,
    /// Which one it is.
    pub which: Which,
    /// Its arguments; none means that it is written without parentheses.
    pub parameters: &'static [Parameter],
    /// Its values in words.
    pub values: &'static str,
    /// What it is.
    pub meaning: &'static str,
    /// When it is unknown; empty when it never is.
    pub unknown_when: &'static str,
    /// A condition with it.
    pub example: &'static str,
}

const RATED: &str = "the customer is UNRATED";

/// All built-in terms, in the order of the reference.
pub const BUILT_INS: &[BuiltIn] = &[
    BuiltIn {
        name: "clv",
        which: Which::Clv,
        parameters: &[],
        values: "money in the reporting currency",
        meaning: "customer lifetime value over the horizon of the value settings",
        unknown_when: RATED,
        example: "clv >= money(\"5000 EUR\")",
    },
    BuiltIn {
        name: "tier",
        which: Which::Tier,
        parameters: &[],
        values: "a tier, ordered from the lowest to the highest",
        meaning: "tier of the customer by lifetime value",
        unknown_when: RATED,
        example: "tier >= \"gold\"",
    },
    BuiltIn {
        name: "probability_alive",
        which: Which::ProbabilityAlive,
        parameters: &[],
        values: "a number from 0 to 1",
        meaning: "probability that the customer is still active",
        unknown_when: RATED,
        example: "probability_alive < 0.5",
    },
    BuiltIn {
        name: "orders",
        which: Which::Orders,
        parameters: &[Parameter::Window],
        values: "a whole number from 0",
        meaning: "days with a purchase in the last n days, `as_of` included",
        unknown_when: "",
        example: "orders(days(90)) >= 3",
    },
    BuiltIn {
        name: "spend",
        which: Which::Spend,
        parameters: &[Parameter::Window],
        values: "money in the reporting currency",
        meaning: "purchases minus refunds in the last n days",
        unknown_when: "there is no rate for an amount (NO_RATE)",
        example: "spend(days(365)) >= money(\"1000 EUR\")",
    },
    BuiltIn {
        name: "contacts",
        which: Which::Contacts,
        parameters: &[Parameter::Window, Parameter::Channel],
        values: "a whole number from 0",
        meaning: "service contacts in the last n days, by one channel or by all",
        unknown_when: "",
        example: "contacts(days(30), \"phone\") > 5",
    },
    BuiltIn {
        name: "cost_to_serve",
        which: Which::CostToServe,
        parameters: &[Parameter::Window],
        values: "money in the reporting currency",
        meaning: "cost of the contacts in the last n days",
        unknown_when: "there is no rate for a cost (NO_RATE), or a contact has no cost",
        example: "cost_to_serve(days(365)) > money(\"200 EUR\")",
    },
    BuiltIn {
        name: "days_since_last_order",
        which: Which::DaysSinceLastOrder,
        parameters: &[],
        values: "a number of days from 0",
        meaning: "days since the last purchase, at `as_of`",
        unknown_when: "there is no purchase",
        example: "days_since_last_order > days(180)",
    },
    BuiltIn {
        name: "tenure_days",
        which: Which::TenureDays,
        parameters: &[],
        values: "a number of days from 0",
        meaning: "days since the first purchase, at `as_of`",
        unknown_when: "there is no purchase",
        example: "tenure_days < days(90)",
    },
    BuiltIn {
        name: "running_contracts",
        which: Which::RunningContracts,
        parameters: &[],
        values: "a whole number from 0",
        meaning: "contracts that have begun and not ended",
        unknown_when: "",
        example: "running_contracts >= 1",
    },
    BuiltIn {
        name: "kind",
        which: Which::Kind,
        parameters: &[],
        values: "one of PERSON, COMPANY, EMPLOYEE",
        meaning: "kind of customer",
        unknown_when: "",
        example: "kind == \"EMPLOYEE\"",
    },
    BuiltIn {
        name: "segment",
        which: Which::Segment,
        parameters: &[Parameter::Segment],
        values: "true or false",
        meaning: "membership of another segment, after its rule for UNKNOWN",
        unknown_when: "",
        example: "segment(\"lifecycle/new\")",
    },
];

/// The kinds of customers.
pub const KINDS: [&str; 3] = ["PERSON", "COMPANY", "EMPLOYEE"];

/// Something that is written in a condition beside terms.
#[derive(Debug)]
pub struct Form {
    /// Name that the checker looks for; empty for operators, which the parser knows.
    pub name: &'static str,
    /// How it is written.
    pub written: &'static str,
    /// What it means.
    pub meaning: &'static str,
}

/// Constants with a unit.
pub const LITERALS: &[Form] = &[
    Form {
        name: "money",
        written: "money(\"5000 EUR\")",
        meaning: "an amount: digits, a point before decimals, one space, the ISO 4217 code",
    },
    Form {
        name: "days",
        written: "days(90)",
        meaning: "whole days",
    },
    Form {
        name: "day",
        written: "day(\"2026-01-31\")",
        meaning: "a calendar day",
    },
    Form {
        name: "time",
        written: "time(\"17:30\")",
        meaning: "a time of day, in rules of `routing`",
    },
];

/// Functions called on a text attribute.
pub const METHODS: &[Form] = &[
    Form {
        name: "startsWith",
        written: "name.startsWith(\"A\")",
        meaning: "the text begins with this, byte for byte",
    },
    Form {
        name: "endsWith",
        written: "name.endsWith(\"AG\")",
        meaning: "the text ends with this",
    },
    Form {
        name: "contains",
        written: "name.contains(\"Bank\")",
        meaning: "the text contains this",
    },
];

/// The rest of the language.
pub const OPERATORS: &[Form] = &[
    Form {
        name: "",
        written: "a && b",
        meaning: "both hold; FALSE if one is FALSE, else UNKNOWN if one is UNKNOWN",
    },
    Form {
        name: "",
        written: "a || b",
        meaning: "one holds; TRUE if one is TRUE, else UNKNOWN if one is UNKNOWN; binds less than `&&`",
    },
    Form {
        name: "",
        written: "!a",
        meaning: "negation; UNKNOWN stays UNKNOWN; use parentheses: `!(x in [\"a\"])`",
    },
    Form {
        name: "",
        written: "== != < <= > >=",
        meaning: "a term and a constant of its type; texts support only == and !=; UNKNOWN when the term is",
    },
    Form {
        name: "",
        written: "x in [\"a\", \"b\"]",
        meaning: "one of the listed constants",
    },
    Form {
        name: "",
        written: "\"x\" in tags",
        meaning: "among the tags of an attribute of type tags",
    },
    Form {
        name: "has",
        written: "has(x)",
        meaning: "x is known and not stale; never UNKNOWN itself",
    },
    Form {
        name: "",
        written: "true",
        meaning: "all customers; only as the entire condition",
    },
    Form {
        name: "",
        written: "// text",
        meaning: "a comment to the end of the line",
    },
];

impl BuiltIn {
    /// How it is written, with `n` for the length of a window.
    #[must_use]
    pub fn written(&self) -> String {
        if self.parameters.is_empty() {
            return self.name.to_owned();
        }
        let mut out = format!("{}(", self.name);
        for (index, parameter) in self.parameters.iter().enumerate() {
            let text = match parameter {
                Parameter::Window => "days(n)",
                Parameter::Channel => "[, \"channel\"]",
                Parameter::Segment => "\"scheme/name\"",
                Parameter::Calendar => "\"calendar\"",
            };
            if index > 0 && !text.starts_with('[') {
                out.push_str(", ");
            }
            out.push_str(text);
        }
        out.push(')');
        out
    }
}

/// The language reference as plain text; with a vocabulary it lists the attributes too.
#[must_use]
pub fn reference(vocabulary: Option<&Vocabulary>) -> String {
    let mut out = String::from(
        "A condition selects customers. The language is a subset of CEL; missing or stale data is UNKNOWN, never a substitute value.\n",
    );
    out.push_str("\nTerms\n");
    terms(BUILT_INS, &mut out);
    out.push_str("\nTerms of contacts, in rules of `routing` only\n");
    terms(CONTACT_TERMS, &mut out);
    for (title, forms) in [
        ("Constants", LITERALS),
        ("Texts", METHODS),
        ("Operators", OPERATORS),
    ] {
        let _ = writeln!(out, "\n{title}");
        for form in forms {
            let _ = writeln!(out, "  {:<32}{}", form.written, form.meaning);
        }
    }
    if let Some(vocabulary) = vocabulary {
        out.push_str("\nAttributes\n");
        for attribute in vocabulary.attributes() {
            let unit = attribute
                .unit
                .as_ref()
                .map_or_else(String::new, |unit| format!(" in {unit}"));
            let age = attribute
                .max_age_days
                .map_or_else(String::new, |days| format!("; stale after {days} days"));
            let _ = writeln!(
                out,
                "  {:<32}{}{unit}{age}",
                attribute.name,
                attribute.value_type.describe()
            );
        }
    }
    out
}

fn terms(terms: &[BuiltIn], out: &mut String) {
    for term in terms {
        let (written, meaning) = (term.written(), term.meaning);
        let _ = writeln!(out, "  {written:<32}{meaning}; {}", term.values);
        if !term.unknown_when.is_empty() {
            let _ = writeln!(out, "{:34}UNKNOWN when {}", "", term.unknown_when);
        }
        let _ = writeln!(out, "{:34}{}", "", term.example);
    }
}
