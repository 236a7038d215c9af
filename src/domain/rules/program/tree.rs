//! Records → clause tree.

use super::{Node, Program, RootId};
use crate::domain::rules::trace::{Joint, Record, Trace, TracedClause};

impl Program {
    /// The clause tree of a condition, from the records of its last evaluation alone. `None` when `trace` is of another condition.
    #[must_use]
    pub fn clause_tree(&self, root: RootId, trace: &Trace) -> Option<TracedClause> {
        let root = self.roots[root.0 as usize];
        // Every node is recorded exactly once, in the order of the nodes.
        let length = (root.last - root.first) as usize + 1;
        let records = trace.records().get(..length)?;
        if trace.records().len() != length || records[0].node != root.first {
            return None;
        }
        Some(self.traced(root.last, root.first, records))
    }

    fn traced(&self, node: u32, first: u32, records: &[Record]) -> TracedClause {
        let record = records[(node - first) as usize];
        let children = |from: u32, to: u32| -> Vec<TracedClause> {
            let children = &self.children[from as usize..to as usize];
            children
                .iter()
                .map(|&child| self.traced(child, first, records))
                .collect()
        };
        let (joint, parts) = match self.nodes[node as usize] {
            Node::Everyone => (Joint::Everyone, Vec::new()),
            Node::Leaf(leaf) => {
                let slot = self.leaves[leaf as usize].slot as usize;
                (Joint::Test { slot }, Vec::new())
            }
            Node::All(from, to) => (Joint::All, children(from, to)),
            Node::Any(from, to) => (Joint::Any, children(from, to)),
            Node::Not(inner) => (Joint::Not, vec![self.traced(inner, first, records)]),
        };
        TracedClause {
            joint,
            span: self.spans[node as usize],
            verdict: record.verdict,
            gap: (!record.gap.is_nan()).then_some(record.gap),
            parts,
        }
    }
}
