//! YAML → tree with places. Only what definitions need: mappings with unique keys, lists and texts; no anchors, aliases, tags or second
//! documents, so that a small file stays small. What a text means is decided by its reader: `NO` is a country, never `false`.

use std::{borrow::Cow, collections::HashSet};

use saphyr_parser::{Event, Parser, ScalarStyle, Tag};

use crate::domain::{
    rules::diagnostic::{Code, Diagnostics, Span},
    stop,
};

/// Largest file, in bytes. Chosen: a thousand segments with their texts take a third of it.
pub(super) const MAX_BYTES: usize = 1 << 20;
/// Nested mappings and lists. The deepest place of definitions is 6.
const MAX_DEPTH: usize = 16;
/// Mappings, lists and texts in a file.
const MAX_NODES: usize = 100_000;

/// A part of the file.
#[derive(Debug)]
pub(super) struct Node {
    pub(super) kind: Kind,
    /// Where it is; of a mapping or list only the beginning.
    pub(super) span: Span,
}

#[derive(Debug)]
pub(super) enum Kind {
    Scalar(String, ScalarStyle),
    List(Vec<Node>),
    Map(Vec<Entry>),
    /// Something that has been reported.
    Bad,
}

#[derive(Debug)]
pub(super) struct Entry {
    pub(super) key: String,
    pub(super) key_span: Span,
    pub(super) value: Node,
}

/// A collection that is still open.
enum Open {
    List(Span, Vec<Node>),
    Map(Span, OpenMap),
}

/// A mapping that is still open. It may wait for the value of a key.
#[derive(Default)]
struct OpenMap {
    entries: Vec<Entry>,
    keys: HashSet<String>,
    pending: Option<(String, Span)>,
}

/// Reads `text`; `None` when it is no YAML at all, which is in `problems`.
pub(super) fn read(text: &str, problems: &mut Diagnostics) -> Option<Node> {
    if text.len() > MAX_BYTES {
        let message = format!(
            "the file has {} bytes; at most {MAX_BYTES} are allowed",
            text.len()
        );
        problems.add(Span::new(0, 1), Code::Limit, message);
        return None;
    }
    // A byte order mark is white space to people and three bytes to offsets.
    let skipped = if text.starts_with('\u{feff}') { 3 } else { 0 };
    let mut builder = Builder {
        // `saphyr` counts characters; places here are bytes.
        bytes: text[skipped..]
            .char_indices()
            .map(|(at, _)| at + skipped)
            .chain([text.len()])
            .collect(),
        open: Vec::new(),
        root: None,
        nodes: 0,
        documents: 0,
        problems,
    };
    for event in Parser::new_from_str(&text[skipped..]) {
        stop::check();
        match event {
            Ok((event, span)) => {
                let span = builder.span(span);
                builder.event(event, span)?;
            }
            Err(error) => {
                let at = builder.byte(error.marker().index());
                builder.refuse_yaml(text, at, error.info());
                return None;
            }
        }
    }
    if builder.root.is_none() {
        builder
            .problems
            .add(Span::new(0, 1), Code::Yaml, "the file is empty");
    }
    builder.root
}

struct Builder<'p> {
    bytes: Vec<usize>,
    open: Vec<Open>,
    root: Option<Node>,
    nodes: usize,
    documents: usize,
    problems: &'p mut Diagnostics,
}

impl Builder<'_> {
    fn byte(&self, character: usize) -> usize {
        let last = self.bytes.len() - 1;
        self.bytes[character.min(last)]
    }

    fn span(&self, span: saphyr_parser::Span) -> Span {
        Span::new(self.byte(span.start.index()), self.byte(span.end.index()))
    }

    /// What the parser says, in our words where a condition is the usual cause.
    fn refuse_yaml(&mut self, text: &str, at: usize, info: &str) {
        let line_start = text[..at].rfind('\n').map_or(0, |newline| newline + 1);
        let line = text[line_start..].lines().next().unwrap_or("");
        let help = if line.contains("when:") {
            "put a condition that begins with a quote, `!` or `[` on its own line after `when: |`"
        } else if line.contains('\t') {
            "indent YAML with spaces, not tabs"
        } else {
            "check the indentation, and quote texts with `: ` or ` #` in them"
        };
        let message = format!("invalid YAML: {info}");
        self.problems
            .add_with_help(Span::new(at, at + 1), Code::Yaml, message, help);
    }

    /// `None` stops reading.
    fn event(&mut self, event: Event<'_>, span: Span) -> Option<()> {
        self.nodes += 1;
        if self.nodes > MAX_NODES || self.open.len() > MAX_DEPTH {
            let message = if self.open.len() > MAX_DEPTH {
                format!("more than {MAX_DEPTH} levels of indentation")
            } else {
                format!("more than {MAX_NODES} parts")
            };
            self.problems.add(span, Code::Limit, message);
            return None;
        }
        let start = Span {
            start: span.start,
            end: span.start.saturating_add(1),
        };
        match event {
            Event::DocumentStart(_) => {
                self.documents += 1;
                if self.documents > 1 {
                    let help = "put everything in one document, without `---`";
                    self.problems.add_with_help(
                        span,
                        Code::Yaml,
                        "a second document begins here",
                        help,
                    );
                    return None;
                }
            }
            Event::Alias(_) => {
                self.no_anchors(span);
                self.close(Node {
                    kind: Kind::Bad,
                    span,
                });
            }
            Event::Scalar(text, style, anchor, tag) => {
                self.plain(anchor, tag.as_ref(), span);
                let kind = if tag.is_some() {
                    Kind::Bad
                } else {
                    Kind::Scalar(text.into_owned(), style)
                };
                self.close(Node { kind, span });
            }
            Event::SequenceStart(anchor, tag) => {
                self.plain(anchor, tag.as_ref(), start);
                self.open.push(Open::List(start, Vec::new()));
            }
            Event::MappingStart(anchor, tag) => {
                self.plain(anchor, tag.as_ref(), start);
                self.open.push(Open::Map(start, OpenMap::default()));
            }
            Event::SequenceEnd | Event::MappingEnd => {
                let node = match self.open.pop()? {
                    Open::List(span, items) => Node {
                        kind: Kind::List(items),
                        span,
                    },
                    Open::Map(span, map) => Node {
                        kind: Kind::Map(map.entries),
                        span,
                    },
                };
                self.close(node);
            }
            Event::Nothing | Event::StreamStart | Event::StreamEnd | Event::DocumentEnd => {}
        }
        Some(())
    }

    fn no_anchors(&mut self, span: Span) {
        self.problems.add_with_help(
            span,
            Code::Yaml,
            "anchors and aliases (`&`, `*`) are not allowed",
            "repeat the value",
        );
    }

    /// Refuses anchors and tags.
    fn plain(&mut self, anchor: usize, tag: Option<&Cow<'_, Tag>>, span: Span) {
        if anchor > 0 {
            self.no_anchors(span);
        }
        if tag.is_some() {
            self.problems.add_with_help(
                span,
                Code::Yaml,
                "a value cannot begin with `!`: YAML reads that as a tag",
                "put a condition that begins with `!` on its own line after `when: |`",
            );
        }
    }

    /// Puts a finished node where it belongs.
    fn close(&mut self, node: Node) {
        match self.open.last_mut() {
            None => self.root = Some(node),
            Some(Open::List(_, items)) => items.push(node),
            Some(Open::Map(_, map)) => {
                if let Some((key, key_span)) = map.pending.take() {
                    let value = node;
                    map.entries.push(Entry {
                        key,
                        key_span,
                        value,
                    });
                } else {
                    map.pending = Some((key(node.kind, node.span, self.problems), node.span));
                    self.unique_key();
                }
            }
        }
    }

    /// Reports a key that its mapping has already.
    fn unique_key(&mut self) {
        if let Some(Open::Map(_, map)) = self.open.last_mut()
            && let Some((key, span)) = &map.pending
            && !map.keys.insert(key.clone())
        {
            let message = format!("duplicate key `{key}`");
            self.problems
                .add_with_help(*span, Code::Duplicate, message, "remove or rename one");
        }
    }
}

/// The text of a key; empty when it is none, which has been reported.
fn key(kind: Kind, span: Span, problems: &mut Diagnostics) -> String {
    match kind {
        Kind::Scalar(key, _) => key,
        Kind::List(_) | Kind::Map(_) | Kind::Bad => {
            let help = "write a plain name before the colon";
            problems.add_with_help(span, Code::Yaml, "a key must be a text", help);
            String::new()
        }
    }
}
