//! What an import did, for a person and for a program.

use std::collections::BTreeMap;

use serde::Serialize;

use super::meaning::{Meaning, MeaningJson};
use crate::cli::text;

/// Reasons of skipped rows that are listed one by one.
const REASONS: usize = 5;
/// Most different warnings that are kept; what they warn of comes from the file.
const WARNINGS: usize = 20;

/// What an import did.
#[derive(Debug, Default, Serialize)]
pub struct Summary {
    /// Rows that were read.
    pub rows: u64,
    /// Rows that hold facts and have nothing wrong with them.
    pub sound: u64,
    /// Facts that were new.
    pub written: u64,
    /// Facts that were recorded before.
    pub duplicates: u64,
    /// Rows that were refused.
    pub refused: u64,
    /// Cells that were refused, of rows that were sent without them.
    pub refused_cells: u64,
    /// Rows with which nothing is wrong and in which there is no fact.
    pub left_out: u64,
    /// The same by reason.
    pub left_out_reasons: BTreeMap<String, u64>,
    /// Refunds, or retractions, that found nothing or not all of what they take back, less earlier ones that this file matched.
    pub unmatched: i64,
    /// What the server recorded and warned of, and how often.
    pub warnings: BTreeMap<String, u64>,
    /// What was read otherwise than it stands in the file, and how often.
    pub remarks: BTreeMap<&'static str, u64>,
    /// By which it can be undone.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub import_id: String,
    /// Calls that were sent again.
    pub retried_calls: u64,
    /// Time.
    pub seconds: f64,
    /// Speed.
    pub rows_per_second: f64,
    /// Whether nothing was sent.
    pub dry_run: bool,
    /// Where the refused rows are.
    pub rejected_file: Option<String>,
    /// Columns that no option and no default name uses.
    pub unused_columns: Vec<String>,
    /// Whether days of times with a zone were counted in UTC, because no server stated the deployment's zone.
    pub days_in_utc: bool,
    /// What the file means; made at the end.
    #[serde(flatten)]
    pub meaning_json: MeaningJson,
    /// What the file means.
    #[serde(skip)]
    pub meaning: Meaning,
}

impl Summary {
    /// Counts rows that hold no fact.
    pub fn leave_out(&mut self, rows: u64, reason: &str) {
        self.left_out += rows;
        if let Some(count) = self.left_out_reasons.get_mut(reason) {
            *count += rows;
        } else {
            self.left_out_reasons.insert(reason.to_owned(), rows);
        }
    }

    /// Counts what was read otherwise than it stands in the file.
    pub fn remark(&mut self, remark: &'static str) {
        *self.remarks.entry(remark).or_default() += 1;
    }

    /// Counts what the server warned of.
    pub fn warn(&mut self, warning: &str) {
        if let Some(count) = self.warnings.get_mut(warning) {
            *count += 1;
        } else if self.warnings.len() < WARNINGS {
            self.warnings.insert(warning.to_owned(), 1);
        }
    }

    /// Whether something was refused.
    #[must_use]
    pub fn has_refused(&self) -> bool {
        self.refused > 0 || self.refused_cells > 0
    }

    /// The summary for a person.
    #[must_use]
    pub fn page(&self) -> String {
        let mut rows = vec![("Rows read", self.rows.to_string())];
        if self.dry_run {
            rows.push((
                "Valid",
                format!("{} (dry run: nothing was sent)", self.sound),
            ));
        } else {
            rows.push(("Written", self.written.to_string()));
            rows.push(("Duplicates", self.duplicates.to_string()));
        }
        if self.left_out > 0 {
            rows.push(("Skipped", format!("{} ({})", self.left_out, self.reasons())));
        }
        let see = self
            .rejected_file
            .as_ref()
            .map(|file| format!(" (see {file})"));
        let see = see.unwrap_or_default();
        if self.refused > 0 || self.refused_cells == 0 {
            rows.push(("Refused", format!("{}{see}", self.refused)));
        }
        if self.refused_cells > 0 {
            let cells = format!(
                "{} refused, their rows were read without them{see}",
                self.refused_cells
            );
            rows.push(("Cells", cells));
        }
        rows.extend(self.meaning.page());
        if self.days_in_utc {
            let why = "days of times with a zone are those of UTC: no server stated the deployment's time zone";
            rows.push(("Time zone", why.to_owned()));
        }
        if !self.unused_columns.is_empty() {
            rows.push(("Unused", self.unused_columns.join(", ")));
        }
        match self.unmatched {
            0 => {}
            more @ 1.. => rows.push((
                "Unmatched",
                format!("{more} refunds or retractions without (all of) what they take back"),
            )),
            fewer => rows.push((
                "Matched",
                format!("{} earlier refunds or retractions", -fewer),
            )),
        }
        for (remark, count) in &self.remarks {
            rows.push(("Note", format!("{remark} ({count})")));
        }
        for (warning, count) in &self.warnings {
            rows.push(("Warning", format!("{count} recorded: {warning}")));
        }
        // One that wrote only what was known keeps it, when the import that wrote it first is undone.
        if !self.dry_run && self.written + self.duplicates > 0 {
            let undo = format!("{} (patron import undo)", self.import_id);
            rows.push(("Import", undo));
        }
        if self.retried_calls > 0 {
            rows.push(("Retries", self.retried_calls.to_string()));
        }
        let speed = format!(
            "{:.2} s, {:.0} rows per second",
            self.seconds, self.rows_per_second
        );
        rows.push(("Time", speed));
        text::labelled(&rows)
    }

    /// Why rows hold no fact, the most frequent reason first.
    fn reasons(&self) -> String {
        if let [(reason, _)] = &self.left_out_reasons.iter().collect::<Vec<_>>()[..] {
            return (*reason).clone();
        }
        let mut reasons: Vec<(&String, &u64)> = self.left_out_reasons.iter().collect();
        reasons.sort_by_key(|(_, count)| std::cmp::Reverse(**count));
        let others: u64 = reasons.iter().skip(REASONS).map(|(_, count)| **count).sum();
        let mut listed: Vec<String> = reasons
            .iter()
            .take(REASONS)
            .map(|(reason, count)| format!("{count} {reason}"))
            .collect();
        if others > 0 {
            listed.push(format!("{others} for other reasons"));
        }
        listed.join(", ")
    }
}
