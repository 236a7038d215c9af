//! Conditions → program.

use std::collections::HashMap;

use super::{
    Node, Program, Root, RootId, Symbol,
    leaf::{Check, Leaf, Orders},
};
use crate::domain::{
    rules::condition::{Clause, ClauseKind, Condition, Predicate, Term, TextOp},
    text::Label,
};

/// Collects conditions into one program.
#[derive(Debug)]
pub struct Builder {
    program: Program,
    slots: HashMap<Term, u32>,
    leaves: HashMap<Leaf, u32>,
}

impl Default for Builder {
    fn default() -> Self {
        Self {
            program: Program {
                terms: Vec::new(),
                leaves: Vec::new(),
                nodes: Vec::new(),
                spans: Vec::new(),
                children: Vec::new(),
                roots: Vec::new(),
                symbols: HashMap::new(),
            },
            slots: HashMap::new(),
            leaves: HashMap::new(),
        }
    }
}

impl Builder {
    /// Adds a condition and returns its index.
    pub fn add(&mut self, condition: &Condition) -> RootId {
        let id = count(self.program.roots.len());
        let first = count(self.program.nodes.len());
        let last = self.clause(condition.root());
        self.program.roots.push(Root { first, last });
        RootId(id)
    }

    /// The slot that holds `term`, for terms that are wanted beside those of the conditions.
    pub fn slot(&mut self, term: &Term) -> usize {
        self.slot_of(term) as usize
    }

    /// The program.
    #[must_use]
    pub fn build(self) -> Program {
        self.program
    }

    fn clause(&mut self, clause: &Clause) -> u32 {
        let node = match &clause.kind {
            ClauseKind::Everyone => Node::Everyone,
            ClauseKind::Test(test) => {
                let slot = self.slot_of(&test.term);
                let check = self.check(&test.predicate);
                Node::Leaf(self.intern(Leaf { slot, check }))
            }
            ClauseKind::Not(inner) => Node::Not(self.clause(inner)),
            ClauseKind::All(parts) => {
                let (from, to) = self.parts(parts);
                Node::All(from, to)
            }
            ClauseKind::Any(parts) => {
                let (from, to) = self.parts(parts);
                Node::Any(from, to)
            }
        };
        self.program.nodes.push(node);
        self.program.spans.push(clause.span);
        count(self.program.nodes.len() - 1)
    }

    fn parts(&mut self, parts: &[Clause]) -> (u32, u32) {
        let nodes: Vec<u32> = parts.iter().map(|part| self.clause(part)).collect();
        let from = count(self.program.children.len());
        self.program.children.extend(nodes);
        (from, count(self.program.children.len()))
    }

    fn slot_of(&mut self, term: &Term) -> u32 {
        if let Some(&slot) = self.slots.get(term) {
            return slot;
        }
        let slot = count(self.program.terms.len());
        self.program.terms.push(term.clone());
        self.slots.insert(term.clone(), slot);
        slot
    }

    fn intern(&mut self, leaf: Leaf) -> u32 {
        if let Some(&index) = self.leaves.get(&leaf) {
            return index;
        }
        let index = count(self.program.leaves.len());
        self.program.leaves.push(leaf.clone());
        self.leaves.insert(leaf, index);
        index
    }

    fn symbol(&mut self, text: &Label) -> Symbol {
        let next = Symbol(count(self.program.symbols.len()) + 1);
        *self.program.symbols.entry(text.clone()).or_insert(next)
    }

    fn check(&mut self, predicate: &Predicate) -> Check {
        match predicate {
            Predicate::Int(op, value) => Check::Int(Orders::from_op(*op), *value),
            Predicate::Number(op, value) => Check::Number(Orders::from_op(*op), *value),
            Predicate::Bool(value) => Check::Bool(*value),
            Predicate::Text(TextOp::Is, text) => Check::Is(self.symbol(text)),
            Predicate::Text(TextOp::IsNot, text) => Check::IsNot(self.symbol(text)),
            Predicate::Text(op, text) => Check::Part(*op, text.clone()),
            Predicate::IntIn(list) => Check::IntIn(list.clone()),
            Predicate::NumberIn(list) => Check::NumberIn(list.clone()),
            Predicate::TextIn(list) => {
                let mut symbols: Vec<Symbol> = list.iter().map(|text| self.symbol(text)).collect();
                symbols.sort_unstable();
                Check::SymbolIn(symbols.into())
            }
            Predicate::HasTag(tag) => Check::Tag(tag.clone()),
            Predicate::Known => Check::Known,
        }
    }
}

/// An index. Conditions are bounded in number and size, so that none comes near 2^32; a wrapped one would be found by the bounds check.
fn count(len: usize) -> u32 {
    u32::try_from(len).unwrap_or(u32::MAX)
}
