//! What the systems that send facts promise of their ids.

use super::{
    Definitions,
    fields::{self, Fields},
};
use crate::domain::{
    customer::facts::MAX_LABEL_BYTES,
    rules::diagnostic::{Code, Diagnostics},
    text::{self, Label},
};

/// What becomes of a fact whose source and id name a fact of another customer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum SameId {
    /// It is refused.
    #[default]
    Refuse,
    /// The fact is the other customer's no more: it belongs to the one for whom it was sent last.
    Move,
    /// It is another fact: ids are unique for each customer only.
    Separate,
}

const CHOICES: [(&str, SameId); 3] = [
    ("refuse", SameId::Refuse),
    ("move", SameId::Move),
    ("separate", SameId::Separate),
];

/// A system that sends facts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Source {
    /// Its name, as facts state it.
    pub name: Label,
    /// What its ids name.
    pub same_id: SameId,
}

impl Definitions {
    /// What becomes of a fact of this source whose id names a fact of another customer.
    #[must_use]
    pub fn same_id(&self, source: &str) -> SameId {
        let mut sources = self.sources.iter();
        let found = sources.find(|known| *known.name == *source);
        found.map_or_else(SameId::default, |known| known.same_id)
    }

    /// The sources whose ids are unique for each customer only.
    #[must_use]
    pub fn separate_sources(&self) -> Vec<Label> {
        let sources = self.sources.iter();
        let separate = sources.filter(|source| source.same_id == SameId::Separate);
        separate.map(|source| source.name.clone()).collect()
    }
}

/// Reads `sources:`, which may be missing.
pub(super) fn read(top: &mut Fields<'_>, problems: &mut Diagnostics) -> Option<Vec<Source>> {
    let place = top.key_span("sources");
    let Some(node) = top.get("sources") else {
        return Some(vec![]);
    };
    let mut sources = vec![];
    let mut is_sound = true;
    for entry in fields::map(node, place, "`sources`", problems)? {
        // Any text that facts may state, and not only names: it is what the other system is called there.
        let name = text::required(&entry.key, MAX_LABEL_BYTES);
        if let Err(error) = &name {
            let message = format!("the source {:?} {error}", entry.key);
            problems.add(entry.key_span, Code::BadValue, message);
        }
        let what = format!("the source `{}`", entry.key);
        let fields = Fields::from_node(&entry.value, entry.key_span, what, problems);
        let same_id = fields.and_then(|mut fields| {
            let node = fields.require("same_id", "move", problems);
            let same_id = node.and_then(|node| fields::choice(node, &CHOICES, problems));
            fields.finish(problems);
            same_id
        });
        match (name, same_id) {
            (Ok(name), Some(same_id)) => sources.push(Source {
                name: name.into(),
                same_id,
            }),
            _ => is_sound = false,
        }
    }
    is_sound.then_some(sources)
}
