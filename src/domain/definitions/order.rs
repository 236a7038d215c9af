//! Which segment must be decided before which; circles; and segments that nobody can reach.

use super::{Mode, Scheme, UnknownPolicy, schemes::Draft};
use crate::domain::rules::{
    analysis::{Customers, Expected},
    condition::{SegmentId, Term},
    diagnostic::{Code, Diagnostics, Span},
    vocabulary::Vocabulary,
};

/// The segments in an order in which each stands after those that it depends on. `None` when there is a circle.
pub(super) fn sorted(
    schemes: &[Scheme],
    segments: &[Draft<'_>],
    vocabulary: &Vocabulary,
    problems: &mut Diagnostics,
) -> Option<Vec<SegmentId>> {
    let needs: Vec<Vec<Need>> = (0..segments.len())
        .map(|segment| needs(segment, schemes, segments))
        .collect();
    let order = sort(&needs, segments, problems);
    for scheme in schemes {
        if scheme.mode == Mode::Exclusive {
            unreachable(&segments[scheme.segments.clone()], vocabulary, problems);
        }
    }
    order
}

/// A segment that must be decided first, and where that is said.
#[derive(Clone, Copy)]
struct Need {
    segment: usize,
    /// In the file; `None` when it follows from the order of an exclusive scheme.
    place: Option<Span>,
}

fn needs(segment: usize, schemes: &[Scheme], segments: &[Draft<'_>]) -> Vec<Need> {
    let draft = &segments[segment];
    let mut out = Vec::new();
    let scheme = &schemes[draft.scheme];
    if scheme.mode == Mode::Exclusive && segment > scheme.segments.start {
        out.push(Need {
            segment: segment - 1,
            place: None,
        });
    }
    if let (Some(condition), Some(places)) = (&draft.condition, &draft.places) {
        condition.for_each_test(&mut |test, span| {
            if let Term::Segment(SegmentId(other)) = test.term {
                out.push(Need {
                    segment: other as usize,
                    place: Some(places.in_file(span)),
                });
            }
        });
    }
    out
}

#[derive(Clone, Copy, PartialEq)]
enum State {
    New,
    Open,
    Done,
}

/// Depth-first, with a stack of its own: a chain of references may be as long as there are segments.
fn sort(
    needs: &[Vec<Need>],
    segments: &[Draft<'_>],
    problems: &mut Diagnostics,
) -> Option<Vec<SegmentId>> {
    let mut state = vec![State::New; needs.len()];
    let mut order = Vec::with_capacity(needs.len());
    let mut has_circle = false;
    for start in 0..needs.len() {
        if state[start] != State::New {
            continue;
        }
        state[start] = State::Open;
        let mut path: Vec<(usize, usize)> = vec![(start, 0)];
        while let Some((segment, next)) = path.last_mut() {
            let segment = *segment;
            let Some(need) = needs[segment].get(*next).copied() else {
                state[segment] = State::Done;
                order.push(SegmentId(u32::try_from(segment).unwrap_or(u32::MAX)));
                path.pop();
                continue;
            };
            *next += 1;
            match state[need.segment] {
                State::Done => {}
                State::New => {
                    state[need.segment] = State::Open;
                    path.push((need.segment, 0));
                }
                State::Open => {
                    has_circle = true;
                    circle(&path, need, needs, segments, problems);
                }
            }
        }
    }
    (!has_circle).then_some(order)
}

/// Reports the circle that closes at `need`, at a reference that is part of it.
fn circle(
    path: &[(usize, usize)],
    need: Need,
    needs: &[Vec<Need>],
    segments: &[Draft<'_>],
    problems: &mut Diagnostics,
) {
    let from = path
        .iter()
        .position(|(segment, _)| *segment == need.segment)
        .unwrap_or(0);
    let mut names: Vec<&str> = path[from..]
        .iter()
        .map(|(segment, _)| &*segments[*segment].name)
        .collect();
    names.push(&segments[need.segment].name);
    // The step that closes the circle may only follow from the order of a scheme: then a written reference on the way is shown.
    let written = path[from..]
        .iter()
        .filter_map(|&(segment, next)| needs[segment].get(next.checked_sub(1)?)?.place)
        .next_back();
    let place = need
        .place
        .or(written)
        .unwrap_or(segments[need.segment].name_span);
    let message = format!("these segments depend on each other: {}", names.join(" → "));
    let help = "a segment of an exclusive scheme depends on all earlier ones; remove one reference";
    problems.add_with_help(place, Code::Cycle, message, help);
}

/// Earlier segments that are looked at for each one: the work grows with the square. Chosen: more than a person keeps in mind.
const MAX_EARLIER: usize = 100;

/// Segments of an exclusive scheme whose customers are all taken by earlier ones.
fn unreachable(segments: &[Draft<'_>], vocabulary: &Vocabulary, problems: &mut Diagnostics) {
    let mut left_by_earlier: Vec<Customers> = Vec::new();
    for draft in segments {
        let Some(condition) = &draft.condition else {
            continue;
        };
        let (taken, left) = match draft.unknown {
            UnknownPolicy::Exclude => (Expected::True, Expected::NotTrue),
            UnknownPolicy::Include => (Expected::NotFalse, Expected::False),
        };
        let with = |want| Customers::with_verdict(condition.root(), want, vocabulary);
        if !with(taken).meet(&left_by_earlier) {
            let message = format!(
                "`{}` is unreachable: earlier segments take all of its customers",
                draft.name
            );
            let help = "move it up, or change the conditions";
            problems.add_with_help(draft.name_span, Code::Unreachable, message, help);
        } else if left_by_earlier.len() < MAX_EARLIER {
            left_by_earlier.push(with(left));
        }
    }
}
