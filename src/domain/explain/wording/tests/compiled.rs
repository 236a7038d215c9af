//! A condition of one leaf, ready to be evaluated for any observed value.

use crate::domain::{
    definitions::Definitions,
    explain::{Leaf, gap},
    rules::{
        check::check,
        condition::{ClauseKind, Condition, Test},
        program::{Absence, Builder, Program, RootId, Silent, Slot, Slots, Verdict},
    },
};

/// A condition of one leaf, ready to be evaluated.
pub(super) struct Compiled {
    condition: Condition,
    pub(super) program: Program,
    root: RootId,
}

impl Compiled {
    #[track_caller]
    pub(super) fn new(text: &str, definitions: &Definitions) -> Self {
        let condition = check(text, definitions.vocabulary());
        let condition = condition.unwrap_or_else(|problems| panic!("{text}: {problems:?}"));
        let mut builder = Builder::default();
        let root = builder.add(&condition);
        Self {
            condition,
            program: builder.build(),
            root,
        }
    }

    pub(super) fn test(&self) -> &Test {
        match &self.condition.root().kind {
            ClauseKind::Test(test) => test,
            other => panic!("{other:?} is no leaf"),
        }
    }

    /// The leaf and its verdict for an observed value, or without one.
    pub(super) fn leaf<'a>(&'a self, observed: Result<Slot<'a>, Absence>) -> (Leaf<'a>, Verdict) {
        let mut slots: Slots<'a> = self.program.slots();
        match observed {
            Ok(value) => slots.set(0, value),
            Err(absence) => slots.set_missing(0, absence),
        }
        let mut memo = self.program.memo();
        let verdict = self
            .program
            .evaluate(self.root, &slots, &mut memo, &mut Silent);
        let (test, observed) = (self.test(), slots.observed(0));
        let leaf = Leaf {
            test,
            observed,
            gap: observed.ok().and_then(|value| gap(&test.predicate, value)),
            recorded: None,
            is_protected: false,
        };
        (leaf, verdict)
    }
}
