//! All conditions of a revision as one program over slots.
//!
//! A slot holds the value of one term for one customer. Equal leaves of different conditions are one leaf and are tested at most once a
//! customer. There is one evaluator, generic over a [`Recorder`]: recording is the same code, so an explanation cannot disagree with
//! the verdict. Nothing is allocated while evaluating.

mod build;
mod leaf;
mod tree;

use std::collections::HashMap;

pub use self::build::Builder;
use self::leaf::Leaf;
use super::{condition::Term, diagnostic::Span};
use crate::domain::text::Label;

/// The answer of a condition, in Kleene's logic: AND is the least of its parts, OR the greatest.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(u8)]
pub enum Verdict {
    /// It does not hold.
    False,
    /// What is known does not decide it.
    Unknown,
    /// It holds.
    True,
}

impl Verdict {
    /// TRUE or FALSE.
    #[must_use]
    pub const fn from_bool(holds: bool) -> Self {
        if holds { Self::True } else { Self::False }
    }

    /// The contrary; UNKNOWN stays.
    #[must_use]
    pub const fn negated(self) -> Self {
        match self {
            Self::False => Self::True,
            Self::Unknown => Self::Unknown,
            Self::True => Self::False,
        }
    }
}

/// A text constant of a program; [`Symbol::NONE`] is every text that is no constant.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Symbol(u32);

impl Symbol {
    /// A text that no condition names.
    pub const NONE: Self = Self(0);
}

/// Why a slot has no value.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
#[repr(u8)]
pub enum Absence {
    /// Nothing was ever given.
    #[default]
    Missing,
    /// The value is older than its attribute allows.
    Stale,
    /// The value was observed after `as_of`.
    Future,
    /// The value is not of the type that the attribute has now, or not one of its listed values.
    WrongType,
    /// The customer is UNRATED, so that there is no value, tier or probability.
    Unrated,
    /// An amount could not be converted into the reporting currency.
    NoRate,
}

/// The value of one term for one customer.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub enum Slot<'a> {
    /// None; why is in [`Slots::observed`].
    #[default]
    Missing,
    /// Whole numbers, days, minor units of money, calendar days by number, ordinals of tiers.
    Int(i64),
    /// A finite number.
    Num(f64),
    /// True or false.
    Bool(bool),
    /// A text, and its symbol in the program.
    Text(Symbol, &'a str),
    /// Tags.
    List(&'a [Label]),
}

/// The slots of one customer, in the order of [`Program::terms`]. Can be reused for the next one.
#[derive(Debug, Clone)]
pub struct Slots<'a> {
    values: Vec<Slot<'a>>,
    absences: Vec<Absence>,
}

impl<'a> Slots<'a> {
    /// The value in the slot, or why there is none.
    ///
    /// # Errors
    /// The reason for its absence.
    pub fn observed(&self, slot: usize) -> Result<Slot<'a>, Absence> {
        if self.values[slot] == Slot::Missing {
            Err(self.absences[slot])
        } else {
            Ok(self.values[slot])
        }
    }

    /// Fills a slot. A number that is not finite is refused as [`Absence::WrongType`].
    pub fn set(&mut self, slot: usize, value: Slot<'a>) {
        if let Slot::Num(number) = value
            && !number.is_finite()
        {
            return self.set_missing(slot, Absence::WrongType);
        }
        self.values[slot] = value;
    }

    /// Empties a slot and says why.
    pub fn set_missing(&mut self, slot: usize, absence: Absence) {
        self.values[slot] = Slot::Missing;
        self.absences[slot] = absence;
    }

    /// Empties all slots.
    pub fn clear(&mut self) {
        self.values.fill(Slot::Missing);
        self.absences.fill(Absence::Missing);
    }
}

/// What the leaves of one customer have answered so far. Can be reused after [`Self::clear`].
#[derive(Debug, Clone)]
pub struct Memo(Vec<Option<Verdict>>);

impl Memo {
    /// Forgets everything, for the next customer.
    pub fn clear(&mut self) {
        self.0.fill(None);
    }

    /// Bytes that it takes beyond its own size.
    #[must_use]
    pub fn heap_bytes(&self) -> usize {
        size_of_val(self.0.as_slice())
    }
}

/// Index of a condition in a program.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RootId(pub u32);

/// A node; the numbers of `All` and `Any` are a range of `kids`. Children stand before their parent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Node {
    Everyone,
    Leaf(u32),
    All(u32, u32),
    Any(u32, u32),
    Not(u32),
}

/// Nodes of one condition: `first..=last`, `last` being the outermost.
#[derive(Debug, Clone, Copy)]
struct Root {
    first: u32,
    last: u32,
}

/// The compiled conditions of a revision. Built by a [`Builder`].
#[derive(Debug, Clone)]
pub struct Program {
    terms: Vec<Term>,
    leaves: Vec<Leaf>,
    nodes: Vec<Node>,
    spans: Vec<Span>,
    children: Vec<u32>,
    roots: Vec<Root>,
    symbols: HashMap<Label, Symbol>,
}

/// Watches an evaluation.
pub trait Recorder {
    /// Whether parts that cannot change the verdict any more are left out.
    const SHORT: bool;
    /// A leaf of the condition was tested; `gap` is the distance of the value from the limit, see [`super::trace::Record::gap`].
    fn leaf(&mut self, node: u32, verdict: Verdict, gap: impl FnOnce() -> f64);
    /// A clause was decided.
    fn clause(&mut self, node: u32, verdict: Verdict);
}

/// Records nothing and costs nothing.
#[derive(Debug, Clone, Copy, Default)]
pub struct Silent;

/// Records nothing and leaves nothing out.
struct EveryLeaf;

impl Recorder for EveryLeaf {
    const SHORT: bool = false;
    fn leaf(&mut self, _: u32, _: Verdict, _: impl FnOnce() -> f64) {}
    fn clause(&mut self, _: u32, _: Verdict) {}
}

impl Recorder for Silent {
    const SHORT: bool = true;
    fn leaf(&mut self, _: u32, _: Verdict, _: impl FnOnce() -> f64) {}
    fn clause(&mut self, _: u32, _: Verdict) {}
}

impl Program {
    /// The terms that slots hold, in slot order.
    #[must_use]
    pub fn terms(&self) -> &[Term] {
        &self.terms
    }

    /// The slot of a term; `None` when no condition asks for it.
    #[must_use]
    pub fn slot_of(&self, term: &Term) -> Option<usize> {
        self.terms.iter().position(|known| known == term)
    }

    /// Number of conditions.
    #[must_use]
    pub fn root_count(&self) -> usize {
        self.roots.len()
    }

    /// Number of distinct leaves.
    #[must_use]
    pub fn leaf_count(&self) -> usize {
        self.leaves.len()
    }

    /// Empty slots for one customer.
    #[must_use]
    pub fn slots<'a>(&self) -> Slots<'a> {
        Slots {
            values: vec![Slot::Missing; self.terms.len()],
            absences: vec![Absence::Missing; self.terms.len()],
        }
    }

    /// An empty memo.
    #[must_use]
    pub fn memo(&self) -> Memo {
        Memo(vec![None; self.leaves.len()])
    }

    /// Tests every leaf of a condition, also those that its verdict does not need.
    pub fn decide_leaves(&self, root: RootId, slots: &Slots<'_>, memo: &mut Memo) {
        let _ = self.evaluate(root, slots, memo, &mut EveryLeaf);
    }

    /// Forgets what the leaves about such a term came to.
    pub fn forget(&self, memo: &mut Memo, is_forgotten: impl Fn(&Term) -> bool) {
        for (leaf, verdict) in self.leaves.iter().zip(&mut memo.0) {
            if is_forgotten(&self.terms[leaf.slot as usize]) {
                *verdict = None;
            }
        }
    }

    /// A memo in which every leaf about such a term is UNKNOWN, `has` included: nothing is known of it.
    #[must_use]
    pub fn memo_without(&self, is_unknown: impl Fn(&Term) -> bool) -> Memo {
        let leaves = self.leaves.iter();
        let verdicts = leaves
            .map(|leaf| is_unknown(&self.terms[leaf.slot as usize]).then_some(Verdict::Unknown));
        Memo(verdicts.collect())
    }

    /// The symbol of a text that goes into a slot.
    #[must_use]
    pub fn symbol(&self, text: &str) -> Symbol {
        self.symbols.get(text).copied().unwrap_or(Symbol::NONE)
    }

    /// The slot value of a text.
    #[must_use]
    pub fn text<'a>(&self, text: &'a str) -> Slot<'a> {
        Slot::Text(self.symbol(text), text)
    }

    /// The verdict of one condition. `memo` belongs to the same slots: a slot that has been tested must not change.
    #[must_use]
    pub fn evaluate<R: Recorder>(
        &self,
        root: RootId,
        slots: &Slots<'_>,
        memo: &mut Memo,
        recorder: &mut R,
    ) -> Verdict {
        let root = self.roots[root.0 as usize];
        self.node(root.last, &slots.values, &mut memo.0, recorder)
    }

    fn node<R: Recorder>(
        &self,
        node: u32,
        slots: &[Slot<'_>],
        memo: &mut [Option<Verdict>],
        recorder: &mut R,
    ) -> Verdict {
        let verdict = match self.nodes[node as usize] {
            Node::Leaf(leaf) => return self.leaf(node, leaf, slots, memo, recorder),
            Node::All(from, to) => {
                let mut least = Verdict::True;
                for &child in &self.children[from as usize..to as usize] {
                    least = least.min(self.child(child, slots, memo, recorder));
                    if R::SHORT && least == Verdict::False {
                        break;
                    }
                }
                least
            }
            Node::Any(from, to) => {
                let mut greatest = Verdict::False;
                for &child in &self.children[from as usize..to as usize] {
                    greatest = greatest.max(self.child(child, slots, memo, recorder));
                    if R::SHORT && greatest == Verdict::True {
                        break;
                    }
                }
                greatest
            }
            Node::Not(inner) => self.child(inner, slots, memo, recorder).negated(),
            Node::Everyone => Verdict::True,
        };
        recorder.clause(node, verdict);
        verdict
    }

    /// A part of a clause: most are leaves, which need no recursion.
    #[inline]
    fn child<R: Recorder>(
        &self,
        node: u32,
        slots: &[Slot<'_>],
        memo: &mut [Option<Verdict>],
        recorder: &mut R,
    ) -> Verdict {
        match self.nodes[node as usize] {
            Node::Leaf(leaf) => self.leaf(node, leaf, slots, memo, recorder),
            Node::Everyone | Node::All(..) | Node::Any(..) | Node::Not(_) => {
                self.node(node, slots, memo, recorder)
            }
        }
    }

    #[inline]
    fn leaf<R: Recorder>(
        &self,
        node: u32,
        leaf: u32,
        slots: &[Slot<'_>],
        memo: &mut [Option<Verdict>],
        recorder: &mut R,
    ) -> Verdict {
        let test = &self.leaves[leaf as usize];
        let slot = &slots[test.slot as usize];
        let verdict = match memo[leaf as usize] {
            Some(verdict) => verdict,
            None => *memo[leaf as usize].insert(test.check.verdict(slot)),
        };
        recorder.leaf(node, verdict, || test.check.gap(slot));
        verdict
    }
}
