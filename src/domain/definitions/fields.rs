//! Reading mappings, lists and texts of the YAML tree into values, with a problem for everything that is not as it should be.

mod readable;
mod values;

pub(super) use self::{
    readable::readable,
    values::{choice, day, minutes, money, share, whole},
};
use super::{
    LocalizedText,
    yaml::{Entry, Kind, Node},
};
use crate::domain::{
    rules::{
        diagnostic::{Code, Diagnostics, Span},
        nearest::nearest,
    },
    text::{self, Label},
};

/// Longest name of an attribute, channel, tier, scheme or segment, in bytes.
pub(super) const MAX_NAME_BYTES: usize = 64;
/// Longest description or playbook step, in bytes.
pub(super) const MAX_TEXT_BYTES: usize = 1_000;

/// Most entries of a list that is searched from the beginning, such as the values of an attribute.
const MAX_ENTRIES: usize = 1_000;

/// The entries of a mapping. Keys that nobody asks for are reported by [`Self::finish`].
pub(super) struct Fields<'a> {
    entries: &'a [Entry],
    asked: Vec<&'static str>,
    place: Span,
    /// What the mapping describes, to follow "of".
    what: String,
}

impl<'a> Fields<'a> {
    /// The fields of `node`; `place` is where a missing key is reported.
    pub(super) fn from_node(
        node: &'a Node,
        place: Span,
        what: impl Into<String>,
        problems: &mut Diagnostics,
    ) -> Option<Self> {
        let what = what.into();
        let entries = map(node, place, &what, problems)?;
        Some(Self {
            entries,
            asked: Vec::new(),
            place,
            what,
        })
    }

    /// The value of a key that may be absent. An empty value counts as absent.
    pub(super) fn get(&mut self, key: &'static str) -> Option<&'a Node> {
        self.asked.push(key);
        self.entries
            .iter()
            .find(|entry| entry.key == key)
            .map(|entry| &entry.value)
            .filter(|node| !is_empty(node))
    }

    /// The value of a key that must be there.
    pub(super) fn require(
        &mut self,
        key: &'static str,
        example: &str,
        problems: &mut Diagnostics,
    ) -> Option<&'a Node> {
        let found = self.get(key);
        if found.is_none() {
            let entry = self.entries.iter().find(|entry| entry.key == key);
            let place = entry.map_or(self.place, |entry| entry.key_span);
            let message = format!("`{key}` of {} is missing", self.what);
            let help = format!("add it, for example `{key}: {example}`");
            problems.add_with_help(place, Code::MissingKey, message, help);
        }
        found
    }

    /// Where the key stands.
    pub(super) fn key_span(&self, key: &str) -> Span {
        let entry = self.entries.iter().find(|entry| entry.key == key);
        entry.map_or(self.place, |entry| entry.key_span)
    }

    /// Reports keys without a value, which [`Self::get`] takes for absent, where to be absent means something else. Returns whether there are any.
    pub(super) fn reports_empty(&self, problems: &mut Diagnostics) -> bool {
        let empty = self.entries.iter().filter(|entry| is_empty(&entry.value));
        for entry in empty.clone() {
            let message = format!("`{}` has no value", entry.key);
            let help = "write one, `[]` for an empty list, or remove the key";
            problems.add_with_help(entry.key_span, Code::BadValue, message, help);
        }
        empty.count() > 0
    }

    /// Reports keys that nobody asked for.
    pub(super) fn finish(self, problems: &mut Diagnostics) {
        for entry in self.entries {
            if self.asked.iter().any(|asked| *asked == entry.key) || entry.key.is_empty() {
                continue;
            }
            let message = format!("`{}` is not a key of {}", entry.key, self.what);
            let help = match nearest(&entry.key, self.asked.iter().copied()) {
                Some(known) => format!("did you mean `{known}`?"),
                None if is_empty(&entry.value) => {
                    "if it belongs to the previous text, put that whole text in quotes".to_owned()
                }
                None => format!("valid keys: {}", self.asked.join(", ")),
            };
            problems.add_with_help(entry.key_span, Code::UnknownKey, message, help);
        }
    }
}

fn is_empty(node: &Node) -> bool {
    matches!(&node.kind, Kind::Scalar(text, saphyr_parser::ScalarStyle::Plain) if matches!(text.as_str(), "" | "~" | "null"))
}

fn refuse<T>(
    span: Span,
    message: impl Into<String>,
    help: impl Into<String>,
    problems: &mut Diagnostics,
) -> Option<T> {
    problems.add_with_help(span, Code::BadValue, message, help);
    None
}

/// The entries of a mapping whose keys are names.
pub(super) fn map<'a>(
    node: &'a Node,
    place: Span,
    what: &str,
    problems: &mut Diagnostics,
) -> Option<&'a [Entry]> {
    match &node.kind {
        Kind::Map(entries) => Some(entries),
        Kind::Bad => None,
        Kind::List(_) | Kind::Scalar(..) => {
            let message = format!("{what} is written as `key: value` lines");
            refuse(place, message, "indent the keys under this one", problems)
        }
    }
}

/// The items of a list.
pub(super) fn list<'a>(
    node: &'a Node,
    place: Span,
    what: &str,
    problems: &mut Diagnostics,
) -> Option<&'a [Node]> {
    match &node.kind {
        Kind::List(items) => Some(items),
        Kind::Bad => None,
        Kind::Map(_) | Kind::Scalar(..) => {
            let message = format!("{what} is a list");
            refuse(
                place,
                message,
                "write `[a, b]`, or one `- ` line an entry",
                problems,
            )
        }
    }
}

/// Any text as written.
pub(super) fn scalar<'a>(node: &'a Node, problems: &mut Diagnostics) -> Option<&'a str> {
    match &node.kind {
        Kind::Scalar(text, _) => Some(text),
        Kind::Bad => None,
        Kind::List(_) | Kind::Map(_) => refuse(
            node.span,
            "a single value is expected here",
            "write it after the colon",
            problems,
        ),
    }
}

/// A text for people.
pub(super) fn text(node: &Node, problems: &mut Diagnostics) -> Option<Label> {
    let written = scalar(node, problems)?.trim();
    match text::required(&written.replace('\n', " "), MAX_TEXT_BYTES) {
        Ok(text) => Some(text.into()),
        Err(error) => refuse(
            node.span,
            format!("this text {error}"),
            "shorten or clean it",
            problems,
        ),
    }
}

/// A text in one language, which is English, or `{en: ..., de: ...}`.
pub(super) fn words(node: &Node, problems: &mut Diagnostics) -> Option<LocalizedText> {
    if !matches!(node.kind, Kind::Map(_)) {
        return text(node, problems).map(|en| LocalizedText { en, de: None });
    }
    let mut fields = Fields::from_node(node, node.span, "a text in two languages", problems)?;
    let en = fields.require("en", "VIP customers", problems);
    let en = en.and_then(|node| text(node, problems));
    let de = fields.get("de").map(|node| text(node, problems));
    fields.finish(problems);
    Some(LocalizedText {
        en: en?,
        de: de.flatten(),
    })
}

/// Whether `text` can name something.
pub(super) fn is_name(text: &str) -> bool {
    text.len() <= MAX_NAME_BYTES
        && text.starts_with(|c: char| c.is_ascii_lowercase())
        && text
            .bytes()
            .all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || matches!(b, b'_' | b'-'))
}

/// Reports a name that is none.
pub(super) fn check_name(text: &str, span: Span, problems: &mut Diagnostics) -> Option<Label> {
    if is_name(text) {
        return Some(text.into());
    }
    let message = format!("{text:?} is not a valid name");
    let help =
        format!("write a letter a to z, then a to z, 0 to 9, `_` or `-`; at most {MAX_NAME_BYTES}");
    refuse(span, message, help, problems)
}

/// A name.
pub(super) fn name(node: &Node, problems: &mut Diagnostics) -> Option<Label> {
    check_name(scalar(node, problems)?, node.span, problems)
}

/// A list without repetition, each entry read by `entry`.
pub(super) fn unique<T: PartialEq>(
    node: &Node,
    place: Span,
    what: &str,
    problems: &mut Diagnostics,
    mut entry: impl FnMut(&Node, &mut Diagnostics) -> Option<T>,
) -> Option<Vec<T>> {
    let mut out = Vec::new();
    let mut is_sound = true;
    let items = list(node, place, what, problems)?;
    if items.len() > MAX_ENTRIES {
        let message = format!(
            "{what} has {} entries; at most {MAX_ENTRIES} are allowed",
            items.len()
        );
        problems.add(place, Code::Limit, message);
        return None;
    }
    for item in items {
        match entry(item, problems) {
            Some(value) if out.contains(&value) => {
                problems.add_with_help(
                    item.span,
                    Code::Duplicate,
                    "this entry is already in the list",
                    "remove one",
                );
                is_sound = false;
            }
            Some(value) => out.push(value),
            None => is_sound = false,
        }
    }
    is_sound.then_some(out)
}
