//! Facts that count only if the server finds what they are about: it is known when they are answered whether their rows hold anything.

use std::rc::Rc;

use super::lanes::{Condition, Origin};
use super::reading::{Mapping, Reading};
use super::{Import, Way};
use crate::cli::error::CliError;
use crate::cli::import::unit::Unit;
use crate::pb;
use crate::pb::item_result::Outcome;

impl Import<'_> {
    /// Puts the facts of a row on their way. Where nothing is sent, the row is skipped.
    pub(super) async fn take_conditional<M: Mapping>(
        &mut self,
        reading: &Reading<M>,
        way: &mut Way<M>,
        unit: &Rc<Unit>,
        facts: Vec<M::Fact>,
        reason: String,
    ) -> Result<(), CliError> {
        if self.summary.dry_run {
            self.summary.leave_out(unit.records.len() as u64, &reason);
            return Ok(());
        }
        for fact in facts {
            let view = reading.mapping.view(&fact);
            let condition = Condition {
                reason: reason.clone(),
                kind: view.kind,
                money: view.money.cloned(),
            };
            let origin = Origin {
                unit: Rc::clone(unit),
                customer: None,
                condition: Some(Rc::new(condition)),
            };
            self.board(way, fact, origin).await?;
        }
        Ok(())
    }

    /// Counts what became of such a fact. `false`: it was refused, or is counted as any other.
    pub(super) fn land_conditional(
        &mut self,
        unit: &Unit,
        condition: &Condition,
        result: &pb::ItemResult,
    ) -> bool {
        let rows = unit.records.len() as u64;
        // A customer who is not known has nothing that could be taken back.
        let is_unknown = || {
            let mut violations = result.violations.iter();
            violations.all(|violation| violation.reason == "UNKNOWN_CUSTOMER")
        };
        match result.outcome() {
            Outcome::Written => {
                let money = condition.money.as_ref();
                self.summary.meaning.count(condition.kind, money);
                self.summary.sound += rows;
                self.summary.written += 1;
                true
            }
            Outcome::NotApplicable => {
                self.summary.leave_out(rows, &condition.reason);
                true
            }
            Outcome::Refused if is_unknown() => {
                self.summary.leave_out(rows, &condition.reason);
                true
            }
            Outcome::Duplicate | Outcome::Refused | Outcome::Unspecified => false,
        }
    }
}
