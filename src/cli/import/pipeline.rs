//! The way of a file: read, check, send in batches with a few in flight, report.

mod lanes;

use std::fs::File;
use std::time::Instant;

use csv::{ByteRecord, Reader, StringRecord};
use futures_util::StreamExt as _;
use prost::Message;
use serde::Serialize;

use self::lanes::{Landed, Lanes, Origin, Pending};
use super::FileArgs;
use super::batches;
use super::columns::{Header, Row};
use super::groups::Groups;
use super::progress::Progress;
use super::rejected::Rejected;
use super::send::{Batch, reason};
use crate::cli::connection::{Connection, WRITE_TIMEOUT};
use crate::cli::error::CliError;
use crate::cli::output::Output;
use crate::cli::text;
use crate::pb::item_result::Outcome;

/// Reads rows as facts of one kind.
pub trait Mapping {
    /// The fact.
    type Fact: Message;
    /// How many batches may be under way at once, each with customers of its own. The server takes facts in any order.
    const IN_FLIGHT: usize;

    /// Reads a row. `None` exactly when the row is not sound or was left out; it then knows why.
    fn read(&mut self, row: &mut Row<'_>) -> Option<Self::Fact>;

    /// Facts as a batch.
    fn batch(facts: Vec<Self::Fact>) -> Batch;

    /// The customer of a fact: all facts of one go the same way, so that no two batches under way wait for each other in the database.
    #[must_use]
    fn customer(_: &Self::Fact) -> Option<&str> {
        None
    }

    /// Whether facts of one [`Self::key`] have to go in one call, in the order of their rows. The file is then read twice.
    const TOGETHER: bool = false;

    /// What a fact is about.
    #[must_use]
    fn key(_: &Self::Fact) -> Option<(&str, &str)> {
        None
    }
}

/// What an import did.
#[derive(Debug, Default, Serialize)]
pub struct Summary {
    rows: u64,
    sound: u64,
    written: u64,
    duplicates: u64,
    refused: u64,
    /// Rows with which nothing is wrong and in which there is no fact.
    left_out: u64,
    /// By which it can be undone.
    import_id: String,
    #[serde(skip)]
    left_out_reason: &'static str,
    retried_calls: u64,
    seconds: f64,
    rows_per_second: f64,
    dry_run: bool,
    rejected_file: Option<String>,
}

/// What the steps of an import share.
struct Import<'a> {
    output: &'a mut Output,
    progress: Progress,
    rejected: Rejected,
    summary: Summary,
}

/// Imports a file.
///
/// # Errors
///
/// No server, a file that cannot be read to its end, an error of a whole call; [`CliError::Reported`] when rows were refused.
pub async fn run<M: Mapping>(
    args: &FileArgs,
    mut mapping: M,
    reader: Reader<File>,
    header: &Header,
    output: &mut Output,
) -> Result<(), CliError> {
    let connection = if args.dry_run {
        None
    } else {
        Some(Connection::open(&args.connection, WRITE_TIMEOUT).await?)
    };
    let started = Instant::now();
    let size = std::fs::metadata(&args.file).map_or(0, |file| file.len());
    let mut import = Import {
        progress: Progress::begin(size, output),
        output,
        rejected: Rejected::new(args.rejected_file(), header),
        summary: Summary {
            dry_run: args.dry_run,
            import_id: batches::new_id(&args.file),
            ..Summary::default()
        },
    };
    let result = import
        .all_rows(&mut mapping, reader, header, connection.as_ref())
        .await;
    import.progress.end();
    if let Err(error) = result {
        import.rejected.discard();
        let Summary {
            written, import_id, ..
        } = &import.summary;
        import.output.note(&format!(
            "stopped after {written} written rows; import the file again to add the rest, or take them back with \
             `patron import undo {import_id}`"
        ));
        return Err(error);
    }
    import.finish(started, args.json)
}

impl Import<'_> {
    async fn all_rows<M: Mapping>(
        &mut self,
        mapping: &mut M,
        mut reader: Reader<File>,
        header: &Header,
        connection: Option<&Connection>,
    ) -> Result<(), CliError> {
        let mut groups = if M::TOGETHER {
            count_keys(mapping, &mut reader, header)?
        } else {
            Groups::default()
        };
        let mut lanes = Lanes::<M>::new(&self.summary.import_id);
        let mut record = ByteRecord::new();
        while read_record(&mut reader, &mut record)? {
            self.summary.rows += 1;
            let line = record.position().map_or(0, csv::Position::line);
            match read_row(mapping, header, &record) {
                Ok(Read::Fact(fact)) => {
                    self.summary.sound += 1;
                    let way = lanes.lane_for(&fact);
                    let key = M::key(&fact).map(|(one, other)| (one.to_owned(), other.to_owned()));
                    let ready = groups.add(&key, (fact, (line, record.clone())));
                    if !lanes.pending[way].has_room_for(ready.len()) {
                        self.depart(&mut lanes, way, connection).await?;
                    }
                    for row in ready {
                        // More rows of one key than a call takes go in several.
                        if lanes.pending[way].is_full() {
                            self.depart(&mut lanes, way, connection).await?;
                        }
                        lanes.pending[way].push(row);
                    }
                    if lanes.pending[way].is_full() {
                        self.depart(&mut lanes, way, connection).await?;
                        self.show(reader.position().byte());
                    }
                }
                Ok(Read::Nothing(reason)) => {
                    self.summary.left_out += 1;
                    self.summary.left_out_reason = reason;
                }
                Err(reason) => self.refuse(&record, line, &reason),
            }
        }
        for way in 0..M::IN_FLIGHT {
            self.depart(&mut lanes, way, connection).await?;
        }
        while !lanes.flights.is_empty() {
            self.land(&mut lanes).await?;
        }
        Ok(())
    }

    /// Sends what was read for a lane, once the batch before it was answered.
    async fn depart<'a, M: Mapping>(
        &mut self,
        lanes: &mut Lanes<'a, M>,
        lane: usize,
        connection: Option<&'a Connection>,
    ) -> Result<(), CliError> {
        let Some(connection) = connection.filter(|_| !lanes.pending[lane].facts.is_empty()) else {
            lanes.pending[lane] = Pending::default();
            return Ok(());
        };
        while lanes.busy[lane] {
            self.land(lanes).await?;
        }
        lanes.depart(lane, connection);
        Ok(())
    }

    /// Waits for the next answer and counts what became of the batch.
    async fn land<M: Mapping>(&mut self, lanes: &mut Lanes<'_, M>) -> Result<(), CliError> {
        let Some(landed) = lanes.flights.next().await else {
            return Ok(());
        };
        let Landed {
            lane,
            origins,
            sent,
        } = landed;
        lanes.busy[lane] = false;
        let sent = sent?;
        self.summary.retried_calls += u64::from(sent.retries);
        for ((line, record), result) in origins.iter().zip(&sent.results) {
            match result.outcome() {
                Outcome::Written => self.summary.written += 1,
                Outcome::Duplicate => self.summary.duplicates += 1,
                Outcome::Refused => self.refuse(record, *line, &reason(result)),
                Outcome::Unspecified => {
                    return Err(CliError::failed(format!(
                        "the server returned no result for line {line}"
                    )));
                }
            }
        }
        Ok(())
    }

    fn refuse(&mut self, record: &ByteRecord, line: u64, reason: &str) {
        self.summary.refused += 1;
        self.progress
            .note(&format!("line {line}: {reason}"), self.output);
        if self.summary.dry_run {
            return;
        }
        if let Err(problem) = self.rejected.add(record, line, reason) {
            let warning = format!("warning: {problem}: refused rows are listed only here");
            self.progress.note(&warning, self.output);
        }
    }

    fn show(&mut self, position: u64) {
        let message = format!(
            "{} rows read, {} refused",
            self.summary.rows, self.summary.refused
        );
        self.progress.at(position, &message, self.output);
    }

    /// Puts the file of refused rows in place and prints the summary.
    fn finish(mut self, started: Instant, json: bool) -> Result<(), CliError> {
        if !self.summary.dry_run {
            match self.rejected.finish() {
                Ok(path) => {
                    self.summary.rejected_file = path.map(|path| path.display().to_string());
                }
                Err(problem) => self.output.note(&format!("warning: {problem}")),
            }
        }
        let summary = &mut self.summary;
        summary.seconds = started.elapsed().as_secs_f64();
        #[expect(
            clippy::cast_precision_loss,
            reason = "a rate for people: no file has 2^53 rows"
        )]
        let rows = summary.rows as f64;
        // A clock tick at least, so that an empty file has the rate 0.
        summary.rows_per_second = rows / summary.seconds.max(1e-9);
        if json {
            self.output.json(summary)?;
        } else {
            self.output.line(&page(summary))?;
        }
        if summary.refused > 0 {
            return Err(CliError::Reported);
        }
        Ok(())
    }
}

fn read_record(reader: &mut Reader<File>, record: &mut ByteRecord) -> Result<bool, CliError> {
    reader
        .read_byte_record(record)
        .map_err(|cause| CliError::failed(format!("cannot continue reading: {cause}")))
}

/// How many sound rows each key has, from here to the end of the file; the reader stands here again afterwards.
fn count_keys<M: Mapping>(
    mapping: &mut M,
    reader: &mut Reader<File>,
    header: &Header,
) -> Result<Groups<(M::Fact, Origin)>, CliError> {
    let start = reader.position().clone();
    let mut groups = Groups::default();
    let mut record = ByteRecord::new();
    while read_record(reader, &mut record)? {
        if let Ok(Read::Fact(fact)) = read_row(mapping, header, &record) {
            groups.expect(&M::key(&fact));
        }
    }
    reader
        .seek(start)
        .map_err(|cause| CliError::failed(format!("cannot read the file again: {cause}")))?;
    Ok(groups)
}

/// What a sound row holds.
enum Read<F> {
    Fact(F),
    /// No fact, and why.
    Nothing(&'static str),
}

/// What a row holds, or everything that is wrong with it.
fn read_row<M: Mapping>(
    mapping: &mut M,
    header: &Header,
    record: &ByteRecord,
) -> Result<Read<M::Fact>, String> {
    let text = StringRecord::from_byte_record(record.clone())
        .map_err(|_| "is not UTF-8: convert the file first".to_owned())?;
    let mut row = Row::new(header, &text);
    match mapping.read(&mut row) {
        Some(fact) if row.is_sound() => Ok(Read::Fact(fact)),
        _ => match row.left_out() {
            Some(reason) => Ok(Read::Nothing(reason)),
            None => Err(row.into_reason()),
        },
    }
}

/// The summary for a person.
fn page(summary: &Summary) -> String {
    let mut rows = vec![("Rows read", summary.rows.to_string())];
    if summary.dry_run {
        rows.push((
            "Valid",
            format!("{} (dry run: nothing was sent)", summary.sound),
        ));
    } else {
        rows.push(("Written", summary.written.to_string()));
        rows.push(("Duplicates", summary.duplicates.to_string()));
    }
    if summary.left_out > 0 {
        let (rows_left_out, reason) = (summary.left_out, summary.left_out_reason);
        rows.push(("Skipped", format!("{rows_left_out} ({reason})")));
    }
    let refused = match &summary.rejected_file {
        Some(file) => format!("{} (see {file})", summary.refused),
        None => summary.refused.to_string(),
    };
    rows.push(("Refused", refused));
    if summary.written > 0 {
        let undo = format!("{} (patron import undo)", summary.import_id);
        rows.push(("Import", undo));
    }
    if summary.retried_calls > 0 {
        rows.push(("Retries", summary.retried_calls.to_string()));
    }
    rows.push((
        "Time",
        format!(
            "{:.2} s, {:.0} rows per second",
            summary.seconds, summary.rows_per_second
        ),
    ));
    text::labelled(&rows)
}

#[cfg(test)]
mod tests;
