//! The class of a call: who waits for its answer.

use std::time::Duration;

use http::{HeaderMap, HeaderName};

use crate::grpc::layers::methods::Work;

/// Header in which a caller states that a call is less urgent than its method is.
pub const CLASS_HEADER: HeaderName = HeaderName::from_static("patron-class");

/// Longest wait for a thread after which the most urgent call is still worked on: half of what a caller on a telephone notices.
const MAX_QUEUE_DELAY: Duration = Duration::from_millis(100);

/// Wait for a thread that is no sign of overload: a lookup whose caller gives it less is worked on, or its deadline passes.
const MIN_QUEUE_DELAY: Duration = Duration::from_millis(5);

/// How urgent a call is, the least first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Class {
    /// Nobody waits for this one answer.
    Batch,
    /// Somebody looks at a screen.
    Interactive,
    /// A telephone rings.
    CallArrival,
}

impl Class {
    const NAMES: [(&'static str, Self); 3] = [
        ("call-arrival", Self::CallArrival),
        ("interactive", Self::Interactive),
        ("batch", Self::Batch),
    ];

    /// The class of a call: that of its method, or the one that its caller states if that is less urgent. `None`: what it states is none.
    pub(super) fn of(work: Work, headers: &HeaderMap) -> Option<Self> {
        let own = match work {
            Work::Health | Work::CallArrival => Self::CallArrival,
            Work::Lookup | Work::Other => Self::Interactive,
        };
        let Some(stated) = headers.get(CLASS_HEADER) else {
            return Some(own);
        };
        let mut names = Self::NAMES.iter();
        let (_, stated) = names.find(|(name, _)| stated == name)?;
        Some(own.min(*stated))
    }

    /// How many of so many places may be taken by the time a call of this class gets one: the others are kept for the more urgent.
    pub(super) fn part_of(self, places: u64) -> u64 {
        match self {
            Self::CallArrival => places,
            Self::Interactive => places - places / 4,
            Self::Batch => places - places / 2,
        }
    }

    /// Longest wait for a thread of a lookup that has so much time.
    pub(super) fn max_queue_delay(self, time: Duration) -> Duration {
        let (part, most) = match self {
            Self::CallArrival => (2, MAX_QUEUE_DELAY),
            Self::Interactive => (4, MAX_QUEUE_DELAY / 2),
            Self::Batch => (8, MAX_QUEUE_DELAY / 4),
        };
        (time / part).clamp(MIN_QUEUE_DELAY, most)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn class(work: Work, stated: Option<&'static str>) -> Option<Class> {
        let mut headers = HeaderMap::new();
        if let Some(stated) = stated {
            headers.insert(CLASS_HEADER, stated.parse().unwrap());
        }
        Class::of(work, &headers)
    }

    #[test]
    fn a_caller_can_make_a_call_less_urgent_and_not_more() {
        let (arrival, other) = (Work::CallArrival, Work::Other);
        assert_eq!(class(arrival, None), Some(Class::CallArrival));
        assert_eq!(class(other, None), Some(Class::Interactive));
        assert_eq!(class(arrival, Some("batch")), Some(Class::Batch));
        assert_eq!(
            class(arrival, Some("interactive")),
            Some(Class::Interactive)
        );
        assert_eq!(class(other, Some("call-arrival")), Some(Class::Interactive));
        assert_eq!(class(arrival, Some("urgent")), None);
    }

    #[test]
    fn places_are_kept_for_the_more_urgent() {
        let parts = |places| {
            [Class::Batch, Class::Interactive, Class::CallArrival].map(|it| it.part_of(places))
        };
        assert_eq!(parts(1024), [512, 768, 1024]);
        assert_eq!(parts(1), [1, 1, 1]);
        assert_eq!(parts(0), [0, 0, 0]);
    }
}
