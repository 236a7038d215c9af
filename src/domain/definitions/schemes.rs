//! Schemes and their segments. Conditions are read after all names are known, and their problems are shown at their place in the file.

use saphyr_parser::ScalarStyle;

use super::{
    Channel, LocalizedText, Mode, Scheme, Segment, TierDefinition, UnknownPolicy,
    fields::{self, Fields},
    place::Places,
    settings::Attributes,
    yaml::{Kind, Node},
};
use crate::domain::{
    money::Currency,
    rules::{
        check::check,
        condition::Condition,
        diagnostic::{Code, Diagnostic, Diagnostics, Span},
        lexer,
        vocabulary::Vocabulary,
    },
    stop,
    text::Label,
};

/// Schemes as read, before conditions are.
pub(super) struct Drafts<'a> {
    schemes: Vec<Scheme>,
    segments: Vec<Draft<'a>>,
}

/// A segment whose condition may be unreadable.
pub(super) struct Draft<'a> {
    pub(super) scheme: usize,
    /// `scheme/name`.
    pub(super) name: Label,
    /// Where its name stands.
    pub(super) name_span: Span,
    title: Option<LocalizedText>,
    description: Option<LocalizedText>,
    when: Option<&'a Node>,
    pub(super) unknown: UnknownPolicy,
    pub(super) condition: Option<Condition>,
    /// From places in the condition to places in the file.
    pub(super) places: Option<Places>,
}

impl Draft<'_> {
    /// The segment; `None` when something of it could not be read, which has been reported.
    pub(super) fn finished(self) -> Option<Segment> {
        Some(Segment {
            scheme: self.scheme,
            name: self.name,
            title: self.title?,
            description: self.description,
            condition: self.condition?,
            unknown: self.unknown,
        })
    }
}

const MODES: [(&str, Mode); 2] = [
    ("exclusive", Mode::Exclusive),
    ("overlapping", Mode::Overlapping),
];

const POLICIES: [(&str, UnknownPolicy); 2] = [
    ("exclude", UnknownPolicy::Exclude),
    ("include", UnknownPolicy::Include),
];

/// `schemes:`
pub(super) fn read<'a>(top: &mut Fields<'a>, problems: &mut Diagnostics) -> Drafts<'a> {
    let mut drafts = Drafts {
        schemes: Vec::new(),
        segments: Vec::new(),
    };
    let place = top.key_span("schemes");
    let Some(node) = top.get("schemes") else {
        return drafts;
    };
    for entry in fields::map(node, place, "`schemes`", problems).unwrap_or(&[]) {
        let name = fields::check_name(&entry.key, entry.key_span, problems);
        let what = format!("scheme `{}`", entry.key);
        let Some(mut fields) = Fields::from_node(&entry.value, entry.key_span, what, problems)
        else {
            continue;
        };
        let mode = fields.require("mode", "exclusive", problems);
        let mode = mode.and_then(|node| fields::choice(node, &MODES, problems));
        let description = fields.require("description", "what it is for", problems);
        let description = description.and_then(|node| fields::words(node, problems));
        let owner = fields
            .get("owner")
            .and_then(|node| fields::text(node, problems));
        let first = drafts.segments.len();
        let segments_place = fields.key_span("segments");
        if let Some(node) = fields.require("segments", "[{name: ..., when: ...}]", problems) {
            drafts.segments_of(&entry.key, node, segments_place, problems);
        }
        fields.finish(problems);
        let segments = first..drafts.segments.len();
        // A scheme stands even when parts of it are wrong, so that indices of segments hold.
        drafts.schemes.push(Scheme {
            name: name.unwrap_or_else(|| entry.key.as_str().into()),
            mode: mode.unwrap_or(Mode::Overlapping),
            description: description.unwrap_or_else(|| LocalizedText {
                en: "".into(),
                de: None,
            }),
            owner,
            segments,
        });
    }
    drafts
}

impl<'a> Drafts<'a> {
    fn segments_of(
        &mut self,
        scheme: &str,
        node: &'a Node,
        place: Span,
        problems: &mut Diagnostics,
    ) {
        let items = fields::list(node, place, "`segments`", problems).unwrap_or(&[]);
        if items.is_empty() && matches!(node.kind, Kind::List(_)) {
            problems.add_with_help(
                place,
                Code::EmptySet,
                "a scheme needs segments",
                "add one, or remove the scheme",
            );
        }
        for item in items {
            let Some(mut fields) = Fields::from_node(item, item.span, "a segment", problems) else {
                continue;
            };
            let name_node = fields.require("name", "at_risk", problems);
            let name = name_node.and_then(|node| fields::name(node, problems));
            let title = fields
                .get("title")
                .map(|node| fields::words(node, problems));
            let description = fields
                .get("description")
                .and_then(|node| fields::words(node, problems));
            let when = fields.require("when", "orders(days(90)) >= 3", problems);
            let unknown = fields
                .get("unknown")
                .and_then(|node| fields::choice(node, &POLICIES, problems));
            fields.finish(problems);
            let (Some(name), Some(name_node)) = (name, name_node) else {
                continue;
            };
            let full: Label = format!("{scheme}/{name}").into();
            if self.segments.iter().any(|known| known.name == full) {
                let message = format!("segment `{full}` already exists");
                problems.add_with_help(
                    name_node.span,
                    Code::Duplicate,
                    message,
                    "choose another name",
                );
            }
            let fallback = || LocalizedText {
                en: name.replace(['_', '-'], " ").into(),
                de: None,
            };
            self.segments.push(Draft {
                scheme: self.schemes.len(),
                name: full,
                name_span: name_node.span,
                title: title.unwrap_or_else(|| Some(fallback())),
                description,
                when,
                unknown: unknown.unwrap_or(UnknownPolicy::Exclude),
                condition: None,
                places: None,
            });
        }
    }

    /// The names that conditions may use, and whether the reporting currency is among them.
    pub(super) fn vocabulary(
        &self,
        currency: Option<Currency>,
        attributes: &Attributes,
        channels: &[Channel],
        tiers: &[TierDefinition],
    ) -> Option<(Vocabulary, bool)> {
        // Without a currency, conditions are still checked for everything else.
        let any = currency.or_else(|| "EUR".parse().ok())?;
        let vocabulary = Vocabulary::new(
            any,
            attributes
                .readable
                .iter()
                .map(|definition| definition.attribute.clone())
                .collect(),
            channels
                .iter()
                .map(|channel| channel.name.clone())
                .collect(),
            // Conditions count tiers from the lowest.
            tiers.iter().rev().map(|tier| tier.name.clone()).collect(),
            self.segments
                .iter()
                .map(|segment| segment.name.clone())
                .collect(),
        );
        let vocabulary = vocabulary.with_unreadable(attributes.unreadable.clone());
        Some((vocabulary, currency.is_some()))
    }

    /// Reads all conditions.
    pub(super) fn conditions(
        mut self,
        file: &str,
        vocabulary: &Vocabulary,
        has_currency: bool,
        problems: &mut Diagnostics,
    ) -> (Vec<Scheme>, Vec<Draft<'a>>) {
        for draft in &mut self.segments {
            stop::check();
            let Some(node) = draft.when else { continue };
            let Some(text) = fields::scalar(node, problems) else {
                continue;
            };
            let style = match &node.kind {
                Kind::Scalar(_, style) => *style,
                Kind::List(_) | Kind::Map(_) | Kind::Bad => ScalarStyle::Plain,
            };
            let places = Places::new(file, node.span, text, style);
            if let Some(at) = swallowing_comment(node, text) {
                let help = "write `when: |` and the condition on the following lines";
                let message = "this comment would hide everything after it: YAML joins these lines";
                problems.add_with_help(places.in_file(at), Code::Syntax, message, help);
            }
            match check(text, vocabulary) {
                Ok(condition) => draft.condition = Some(condition),
                Err(found) => {
                    for problem in found {
                        if has_currency || problem.code != Code::CurrencyMismatch {
                            let span = places.in_file(problem.span);
                            problems.push(Diagnostic { span, ..problem });
                        }
                    }
                }
            }
            draft.places = Some(places);
        }
        (self.schemes, self.segments)
    }
}

/// A `//` comment in a value whose lines YAML has joined.
pub(super) fn swallowing_comment(node: &Node, text: &str) -> Option<Span> {
    if keeps_lines(node) || !text.contains("//") {
        return None;
    }
    let tokens = lexer::tokens(text, &mut Diagnostics::default());
    let in_token = |at: usize| {
        tokens
            .iter()
            .any(|token| (token.span.start as usize) <= at && at < token.span.end as usize)
    };
    let at = text
        .match_indices("//")
        .map(|(at, _)| at)
        .find(|&at| !in_token(at))?;
    Some(Span::new(at, at + 2))
}

/// Whether a scalar keeps its line ends, so that a comment in it ends where its line does.
fn keeps_lines(node: &Node) -> bool {
    match &node.kind {
        Kind::Scalar(_, style) => *style == ScalarStyle::Literal,
        Kind::List(_) | Kind::Map(_) | Kind::Bad => false,
    }
}
