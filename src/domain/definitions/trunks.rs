//! Where calls come in: how each trunk writes numbers, and what becomes of numbers that callers ask not to show.

use super::{
    Definitions,
    fields::{self, Fields},
};
use crate::domain::{
    rules::diagnostic::{Code, Diagnostics},
    telephony::plan::NumberPlan,
    text::Label,
};

/// The trunk of calls that name none.
pub(super) const DEFAULT: &str = "default";

/// A line or provider over which calls come in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Trunk {
    /// Its name, as calls state it.
    pub name: Label,
    /// How it writes numbers.
    pub numbers: NumberPlan,
    /// Whether a caller is looked up by a number that the network passed on although they ask not to be shown. Not in every country
    /// may a company do so.
    pub uses_private_numbers: bool,
}

impl Definitions {
    /// The trunk of this name; without a name the one called `default`.
    #[must_use]
    pub fn trunk(&self, name: &str) -> Option<&Trunk> {
        let name = if name.is_empty() { DEFAULT } else { name };
        self.trunks.iter().find(|trunk| *trunk.name == *name)
    }
}

/// Reads `trunks:`, which may be missing.
pub(super) fn read(top: &mut Fields<'_>, problems: &mut Diagnostics) -> Option<Vec<Trunk>> {
    let place = top.key_span("trunks");
    let Some(node) = top.get("trunks") else {
        return Some(vec![]);
    };
    let entries = fields::map(node, place, "`trunks`", problems)?;
    let mut trunks = vec![];
    let mut is_sound = true;
    for entry in entries {
        let name = fields::check_name(&entry.key, entry.key_span, problems);
        let what = format!("the trunk `{}`", entry.key);
        let fields = Fields::from_node(&entry.value, entry.key_span, what, problems);
        let Some(mut fields) = fields else {
            is_sound = false;
            continue;
        };
        let numbers = fields.require("numbers", "national:DE", problems);
        let numbers = numbers.and_then(|node| number_plan(node, problems));
        let private = fields.get("private_numbers");
        let words = [("hide", false), ("use", true)];
        let private = match private {
            Some(node) => fields::choice(node, &words, problems),
            None => Some(false),
        };
        fields.finish(problems);
        match (name, numbers, private) {
            (Some(name), Some(numbers), Some(uses_private_numbers)) => trunks.push(Trunk {
                name,
                numbers,
                uses_private_numbers,
            }),
            _ => is_sound = false,
        }
    }
    is_sound.then_some(trunks)
}

fn number_plan(node: &super::yaml::Node, problems: &mut Diagnostics) -> Option<NumberPlan> {
    let written = fields::scalar(node, problems)?;
    match written.parse() {
        Ok(plan) => Some(plan),
        Err(error) => {
            let message = format!("{written:?} {error}");
            problems.add(node.span, Code::BadValue, message);
            None
        }
    }
}
