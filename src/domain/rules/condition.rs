//! A checked condition: every name is resolved, every constant has the type and unit of what it is compared with.
//!
//! A leaf is always one term, one predicate, one constant. Gaps, contradictions and sharing of leaves depend on that.

use super::{diagnostic::Span, syntax::Op, vocabulary::Vocabulary};
use crate::domain::text::Label;

/// Index of an attribute in the [`super::vocabulary::Vocabulary`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct AttributeId(pub u32);

/// Index of a segment in the [`super::vocabulary::Vocabulary`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SegmentId(pub u32);

/// Index of a calendar that rules about contacts may name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct NamedCalendar(pub u32);

/// Something about a contact, which only rules about contacts can ask for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ContactTerm {
    /// How the customer gets in contact.
    Channel,
    /// What the contact is about.
    Intent,
    /// The number that was dialled.
    DialledNumber,
    /// The day of the week.
    Weekday,
    /// Minutes after midnight.
    TimeOfDay,
    /// Whether a calendar is open.
    Open(NamedCalendar),
}

/// A window of whole days ending with `as_of`: the half-open range `(as_of - days, as_of]`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Window(u32);

impl Window {
    /// Longest window, in days: a hundred years.
    pub const MAX_DAYS: i64 = 36_525;

    /// The window of `days` days; `None` unless 1 to [`Self::MAX_DAYS`].
    #[must_use]
    pub fn new(days: i64) -> Option<Self> {
        let days = u32::try_from(days).ok()?;
        (1..=Self::MAX_DAYS)
            .contains(&i64::from(days))
            .then_some(Self(days))
    }

    /// Its length in days.
    #[must_use]
    pub const fn days(self) -> u32 {
        self.0
    }
}

/// Something about a customer that a condition can ask for.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Term {
    /// An attribute of the catalogue.
    Attribute(AttributeId),
    /// Discounted lifetime value over the horizon, minor units of the reporting currency.
    Clv,
    /// Ordinal of the tier, 0 being the lowest.
    Tier,
    /// Probability of being alive, 0 to 1.
    ProbabilityAlive,
    /// Purchase days in the window.
    Orders(Window),
    /// Spend in the window, minor units of the reporting currency.
    Spend(Window),
    /// Contacts in the window, by one channel or by all.
    Contacts(Window, Option<Label>),
    /// Cost of the contacts in the window, minor units of the reporting currency.
    CostToServe(Window),
    /// Days from the last purchase to `as_of`.
    DaysSinceLastOrder,
    /// Days from the first purchase to `as_of`.
    TenureDays,
    /// Number of contracts that run on `as_of`.
    RunningContracts,
    /// Kind of customer.
    Kind,
    /// Membership of a segment, after its policy for the unknown.
    Segment(SegmentId),
    /// Something about the contact.
    Contact(ContactTerm),
}

impl Term {
    /// The attribute, when it is one.
    #[must_use]
    pub const fn attribute(&self) -> Option<AttributeId> {
        if let Self::Attribute(id) = self {
            Some(*id)
        } else {
            None
        }
    }

    /// The term as conditions write it: `employees`, `spend(days(365))`. Stable, unlike what it is called in words.
    #[must_use]
    pub fn written(&self, vocabulary: &Vocabulary) -> String {
        let windowed = |name: &str, window: &Window| format!("{name}(days({}))", window.days());
        match self {
            Self::Attribute(id) => vocabulary.attribute(*id).name.to_string(),
            Self::Clv => "clv".to_owned(),
            Self::Tier => "tier".to_owned(),
            Self::ProbabilityAlive => "probability_alive".to_owned(),
            Self::Orders(window) => windowed("orders", window),
            Self::Spend(window) => windowed("spend", window),
            Self::Contacts(window, None) => windowed("contacts", window),
            Self::Contacts(window, Some(channel)) => {
                format!("contacts(days({}), {channel:?})", window.days())
            }
            Self::CostToServe(window) => windowed("cost_to_serve", window),
            Self::DaysSinceLastOrder => "days_since_last_order".to_owned(),
            Self::TenureDays => "tenure_days".to_owned(),
            Self::RunningContracts => "running_contracts".to_owned(),
            Self::Kind => "kind".to_owned(),
            Self::Segment(id) => format!("segment({:?})", &*vocabulary.segments()[id.0 as usize]),
            Self::Contact(term) => term.written(vocabulary),
        }
    }
}

impl ContactTerm {
    /// As conditions write it.
    fn written(self, vocabulary: &Vocabulary) -> String {
        match self {
            Self::Channel => "channel".to_owned(),
            Self::Intent => "intent".to_owned(),
            Self::DialledNumber => "dialled_number".to_owned(),
            Self::Weekday => "weekday".to_owned(),
            Self::TimeOfDay => "time_of_day".to_owned(),
            Self::Open(id) => {
                let names = vocabulary.contact().map(|names| &names.calendars);
                let name = names.and_then(|names| names.get(id.0 as usize));
                format!("open({:?})", name.map_or("", |name| name))
            }
        }
    }
}

/// A finite number with an equality: `-0.0` is kept as `0.0`.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Finite(f64);

impl Finite {
    /// `None` for NaN and the infinities.
    #[must_use]
    pub fn new(value: f64) -> Option<Self> {
        value.is_finite().then_some(Self(value + 0.0))
    }

    /// The number.
    #[must_use]
    pub const fn get(self) -> f64 {
        self.0
    }
}

impl Eq for Finite {}

impl std::hash::Hash for Finite {
    fn hash<H: std::hash::Hasher>(&self, state: &mut H) {
        self.0.to_bits().hash(state);
    }
}

impl PartialOrd for Finite {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Finite {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        self.0.total_cmp(&other.0)
    }
}

/// How a text is compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum TextOp {
    /// `==`, byte for byte.
    Is,
    /// `!=`
    IsNot,
    /// `.startsWith("...")`
    StartsWith,
    /// `.endsWith("...")`
    EndsWith,
    /// `.contains("...")`
    Contains,
}

/// What is asked of a term.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Predicate {
    /// Whole numbers, days, amounts of money in minor units, calendar days by number, ordinals of tiers.
    Int(Op, i64),
    /// Numbers.
    Number(Op, Finite),
    /// Equal to this truth value.
    Bool(bool),
    /// Texts.
    Text(TextOp, Label),
    /// One of these, sorted.
    IntIn(Box<[i64]>),
    /// One of these, sorted.
    NumberIn(Box<[Finite]>),
    /// One of these, sorted.
    TextIn(Box<[Label]>),
    /// Among the tags.
    HasTag(Label),
    /// Whether the term is known at all; never UNKNOWN itself.
    Known,
}

/// A leaf.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Test {
    /// Of what.
    pub term: Term,
    /// What.
    pub predicate: Predicate,
}

/// What a clause is.
#[derive(Debug, Clone, PartialEq)]
pub enum ClauseKind {
    /// `true`, which only a whole condition can be.
    Everyone,
    /// A leaf.
    Test(Test),
    /// All must hold.
    All(Vec<Clause>),
    /// One is enough.
    Any(Vec<Clause>),
    /// The contrary.
    Not(Box<Clause>),
}

/// A part of a condition with its place in the text.
#[derive(Debug, Clone, PartialEq)]
pub struct Clause {
    /// What it is.
    pub kind: ClauseKind,
    /// Where it stands in [`Condition::source`].
    pub span: Span,
}

/// A condition without problems.
#[derive(Debug, Clone, PartialEq)]
pub struct Condition {
    source: Box<str>,
    root: Clause,
}

impl Condition {
    pub(super) fn new(source: &str, root: Clause) -> Self {
        Self {
            source: source.into(),
            root,
        }
    }

    /// The text as written.
    #[must_use]
    pub fn source(&self) -> &str {
        &self.source
    }

    /// The outermost clause.
    #[must_use]
    pub const fn root(&self) -> &Clause {
        &self.root
    }

    /// Calls `visit` for every leaf, from left to right.
    pub fn for_each_test(&self, visit: &mut impl FnMut(&Test, Span)) {
        fn walk(clause: &Clause, visit: &mut impl FnMut(&Test, Span)) {
            match &clause.kind {
                ClauseKind::Everyone => {}
                ClauseKind::Test(test) => visit(test, clause.span),
                ClauseKind::All(parts) | ClauseKind::Any(parts) => {
                    for part in parts {
                        walk(part, visit);
                    }
                }
                ClauseKind::Not(inner) => walk(inner, visit),
            }
        }
        walk(&self.root, visit);
    }
}
