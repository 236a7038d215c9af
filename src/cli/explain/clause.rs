//! The clause tree of a condition as an indented list: a mark for the verdict, and the texts of the server.

use super::page::Style;
use crate::pb;
use crate::pb::{ClauseKind, Verdict};

/// A verdict as a mark: ✓ holds, ✗ does not, ? is not known.
#[must_use]
pub fn mark(verdict: Verdict, style: Style) -> String {
    match verdict {
        Verdict::True => style.paint.good("✓"),
        Verdict::False => style.paint.bad("✗"),
        Verdict::Unknown | Verdict::Unspecified => style.paint.open("?"),
    }
}

/// The lines of a clause and its parts.
#[must_use]
pub fn lines(clause: &pb::Clause, style: Style) -> Vec<String> {
    let mut lines = Vec::new();
    write(clause, style, 0, &mut lines);
    lines
}

fn write(clause: &pb::Clause, style: Style, depth: usize, lines: &mut Vec<String>) {
    let parts = shown_parts(clause);
    let colon = if parts.is_empty() { "" } else { ":" };
    let text = statement(clause, style);
    let indent = "  ".repeat(depth);
    let mark = mark(clause.verdict(), style);
    lines.push(format!("{indent}{mark} {text}{colon}"));
    for part in parts {
        write(part, style, depth + 1, lines);
    }
}

/// The parts that need lines of their own: a NOT over a TEST has the whole statement itself.
fn shown_parts(clause: &pb::Clause) -> &[pb::Clause] {
    match (clause.kind(), &*clause.parts) {
        (ClauseKind::Not, [part]) if part.kind() == ClauseKind::Test => &[],
        (_, parts) => parts,
    }
}

/// "contacts in the last 90 days: 5, required: at most 3 (2 over the limit)  [crm, 34 days old]".
fn statement(clause: &pb::Clause, style: Style) -> String {
    let language = style.language;
    let mut text = language.pick(clause.text.as_ref()).to_owned();
    let gap = language.pick(clause.gap_text.as_ref());
    if !gap.is_empty() {
        let gap = match clause.verdict() {
            Verdict::False => style.paint.bad(gap),
            Verdict::True | Verdict::Unknown | Verdict::Unspecified => gap.to_owned(),
        };
        text = format!("{text} ({gap})");
    }
    match language.pick(clause.origin_text.as_ref()) {
        "" => text,
        origin => format!("{text}  {}", style.paint.faint(&format!("[{origin}]"))),
    }
}
