//! The command line's own options, and which of its preset's they take the place of.

use std::ffi::OsString;

use clap::ValueEnum as _;

use super::Preset;

/// What an option of the command line does to those of the same name in the preset.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Own {
    /// It takes the place of all of them.
    ReplacesAll,
    /// It takes the place of those that state the same before the last equals sign: a column and a value.
    ReplacesValue,
    /// It takes the place of those that state the same before the first equals sign: a column.
    ReplacesColumn,
    /// It takes the place of those that state the same before the first equals sign: the name of an attribute.
    ReplacesName,
    /// Both hold.
    Adds,
    /// Both hold, unless a column without a name is among them.
    AddsColumn,
}

impl Own {
    /// By the name of the option. A preset's row that was left out must not come back because another column is asked about too.
    pub(super) fn of(option: &str) -> Self {
        match option {
            "--map" => Self::ReplacesValue,
            "--only" | "--skip" | "--refunded-if" | "--reversed-if" => Self::ReplacesColumn,
            "--attribute" => Self::ReplacesName,
            "--ignore" | "--no-customer" => Self::Adds,
            "--email-column" | "--phone-column" => Self::AddsColumn,
            _ => Self::ReplacesAll,
        }
    }

    /// In words, unless it is what most options do.
    pub(super) fn exception(self) -> Option<&'static str> {
        match self {
            Self::ReplacesAll => None,
            Self::ReplacesValue => Some("yours replace only those of the same column and value"),
            Self::ReplacesColumn => Some("yours replace only those of the same column"),
            Self::ReplacesName => Some("yours replace only those of the same name"),
            Self::Adds => Some("yours are added to them"),
            Self::AddsColumn => Some("yours are added to them; an empty name removes them"),
        }
    }

    /// Whether an option with the value `own` takes the place of one with `preset`.
    fn replaces(self, own: &str, preset: &str) -> bool {
        match self {
            Self::ReplacesAll => true,
            Self::ReplacesValue => {
                let before = |text: &str| text.rsplit_once('=').map(|(key, _)| columns_key(key));
                before(own) == before(preset)
            }
            Self::ReplacesColumn => {
                let before = |text: &str| text.split_once('=').map(|(key, _)| columns_key(key));
                before(own) == before(preset)
            }
            // Names of attributes are what they are, in every letter.
            Self::ReplacesName => {
                let before = |text: &str| text.split_once('=').map(|(name, _)| name.to_owned());
                before(own) == before(preset)
            }
            Self::Adds => false,
            Self::AddsColumn => own.is_empty(),
        }
    }
}

/// A column, or a column and a value, however they are spaced and capitalised.
fn columns_key(text: &str) -> String {
    let parts: Vec<&str> = text.split('=').map(str::trim).collect();
    parts.join("=").to_lowercase()
}

/// A command line with the options of its preset, before its own.
#[must_use]
pub fn expand(arguments: Vec<OsString>) -> Vec<OsString> {
    let texts: Vec<String> = arguments
        .iter()
        .map(|argument| argument.to_string_lossy().into_owned())
        .collect();
    let import = texts.iter().skip(1).position(|text| text == "import");
    let (Some(import), Some(preset)) = (import, named(&texts)) else {
        return arguments;
    };
    let command = texts
        .iter()
        .skip(import + 2)
        .position(|text| text == preset.command());
    let Some(command) = command else {
        return arguments;
    };
    let is_replaced = |option: &str, value: &str| {
        let contradicts = CONTRADICTING.iter().any(|(one, other)| {
            (*one == option && values(&texts, other).next().is_some())
                || (*other == option && values(&texts, one).next().is_some())
        });
        let own = Own::of(option);
        contradicts || values(&texts, option).any(|text| own.replaces(text, value))
    };
    let settings = preset.settings().iter();
    let settings =
        settings.filter(|(option, value)| !is_replaced(option, value.unwrap_or_default()));
    let added = settings.map(|(option, value)| match value {
        Some(value) => OsString::from(format!("{option}={value}")),
        None => OsString::from(*option),
    });
    let added: Vec<OsString> = added.collect();
    let mut expanded = arguments;
    let at = import + 2 + command + 1;
    expanded.splice(at..at, added);
    expanded
}

/// Options that cannot stand together: of the preset's the command line's takes the place.
const CONTRADICTING: [(&str, &str); 4] = [
    ("--currency", "--currency-column"),
    ("--amount-column", "--price-column"),
    ("--amount-column", "--quantity-column"),
    ("--all-columns", "--rate-column"),
];

/// The values of an option on a command line; a switch has what stands behind it.
fn values<'a>(texts: &'a [String], option: &'a str) -> impl Iterator<Item = &'a str> {
    texts.iter().enumerate().filter_map(move |(at, text)| {
        let rest = text.strip_prefix(option)?;
        match rest.strip_prefix('=') {
            Some(value) => Some(value),
            None if rest.is_empty() => Some(texts.get(at + 1).map_or("", String::as_str)),
            None => None,
        }
    })
}

/// The preset of a command line.
fn named(texts: &[String]) -> Option<Preset> {
    let name = values(texts, "--preset").next()?;
    Preset::from_str(name, true).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(text: &str) -> Vec<String> {
        let arguments = text.split(' ').map(OsString::from).collect();
        let expanded = expand(arguments).into_iter();
        expanded
            .map(|argument| argument.into_string().unwrap())
            .collect()
    }

    #[test]
    fn options_of_a_preset_stand_before_those_of_the_command_line() {
        assert_eq!(
            line("patron import rates f.csv --preset ecb"),
            [
                "patron",
                "import",
                "rates",
                "--from=EUR",
                "--date-column=Date",
                "--all-columns",
                "f.csv",
                "--preset",
                "ecb"
            ]
        );
    }

    #[test]
    fn an_option_of_the_command_line_replaces_that_of_the_preset() {
        let own =
            line("patron import transactions f.csv --preset=excel-de --currency CHF --thousands='");
        assert!(
            !own.iter()
                .any(|text| text == "--currency=EUR" || text == "--thousands=.")
        );
        assert!(own.iter().any(|text| text == "--decimal-comma"));
        let column = line("patron import transactions f.csv --preset excel-de --currency-column W");
        assert!(!column.iter().any(|text| text == "--currency=EUR"));
    }

    #[test]
    fn an_option_about_one_value_leaves_those_about_others() {
        let own = |words: &[&str]| {
            let words = ["patron", "import"].iter().chain(words);
            let expanded = expand(words.map(OsString::from).collect()).into_iter();
            let texts = expanded.map(|text| text.into_string().unwrap());
            texts.collect::<Vec<_>>()
        };
        let zendesk = ["contacts", "f.csv", "--preset", "zendesk"];
        let mapped = own(&[
            &zendesk[..],
            &["--map", "via=Mail=letter", "--ignore", "Group"],
        ]
        .concat());
        let has = |options: &[String], text: &str| options.iter().any(|option| option == text);
        for kept in [
            "--map=Via=Web form=web",
            "--map=Via=Email=email",
            "--ignore=Status",
        ] {
            assert!(has(&mapped, kept), "{kept}");
        }
        assert!(!has(&mapped, "--map=Via=Mail=email"), "{mapped:?}");
        let shopify = ["transactions", "f.csv", "--preset", "shopify"];
        let further = own(&[&shopify[..], &["--only=Shipping Country=DE"]].concat());
        let paid = "--only=Financial Status=paid|partially_paid|partially_refunded|refunded";
        assert!(has(&further, paid), "a voided order would be a sale");
        let other = own(&[&shopify[..], &["--only=financial status=paid"]].concat());
        assert!(!has(&other, paid));
        let hubspot = ["customers", "f.csv", "--preset", "hubspot"];
        let more = own(&[
            &hubspot[..],
            &["--phone-column=Mobile", "--attribute", "birthday=B:day"],
        ]
        .concat());
        assert!(has(&more, "--phone-column=Phone Number"));
        assert!(has(
            &more,
            "--attribute=annual_revenue=Annual Revenue:number"
        ));
        assert!(!has(&more, "--attribute=birthday=Birthday:day"));
        let without = own(&[&hubspot[..], &["--phone-column", "", "--name-column=Name"]].concat());
        for gone in ["--phone-column=Phone Number", "--name-column=Last Name"] {
            assert!(!has(&without, gone), "{gone}");
        }
    }

    #[test]
    fn a_line_without_a_known_preset_stays_as_it_is() {
        for text in [
            "patron import transactions f.csv",
            "patron import transactions f.csv --preset nobody",
            "patron import customers f.csv --preset ecb",
            "patron import --preset ecb --explain",
        ] {
            assert_eq!(line(text).join(" "), text);
        }
    }
}
