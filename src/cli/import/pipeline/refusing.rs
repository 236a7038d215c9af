//! What is wrong with rows: printed, counted, and written to the file of refused rows.

use csv::ByteRecord;

use super::Import;
use crate::cli::import::unit::Unit;

impl Import<'_> {
    /// Refuses all rows of a unit, once.
    pub(super) fn refuse(&mut self, unit: &Unit, reason: &str) {
        if unit.refused.replace(true) {
            return;
        }
        let others = unit.records.len().saturating_sub(1);
        for (at, (line, record)) in unit.lines.iter().zip(&unit.records).enumerate() {
            self.summary.refused += 1;
            if at == 0 {
                let with = if others == 0 {
                    String::new()
                } else {
                    format!(" (with {others} more of its order)")
                };
                let note = format!("line {line}{with}: {reason}");
                self.progress.note(&note, self.output);
            }
            self.reject(record.as_byte_record(), *line, reason);
        }
    }

    /// Refuses a row that is none.
    pub(super) fn refuse_row(&mut self, record: &ByteRecord, line: u64, reason: &str) {
        self.summary.refused += 1;
        self.progress
            .note(&format!("line {line}: {reason}"), self.output);
        self.reject(record, line, reason);
    }

    /// Notes the cells that a row goes without.
    pub(super) fn note_cells(&mut self, unit: &Unit, wrong_cells: &[String]) {
        let (Some(line), Some(record)) = (unit.lines.first(), unit.records.first()) else {
            return;
        };
        if wrong_cells.is_empty() {
            return;
        }
        self.summary.refused_cells += wrong_cells.len() as u64;
        let reason = format!("{} (the rest of the row was read)", wrong_cells.join("; "));
        self.progress
            .note(&format!("line {line}: {reason}"), self.output);
        self.reject(record.as_byte_record(), *line, &reason);
    }

    fn reject(&mut self, record: &ByteRecord, line: u64, reason: &str) {
        if self.summary.dry_run {
            return;
        }
        if let Err(problem) = self.rejected.add(record, line, reason) {
            let warning = format!("warning: {problem}: refused rows are listed only here");
            self.progress.note(&warning, self.output);
        }
    }
}
