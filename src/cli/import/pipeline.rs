//! The way of a file: read, check, send in batches with a few in flight, report.

mod conditional;
mod lanes;
pub mod reading;
mod refusing;

use std::rc::Rc;
use std::time::Instant;

use csv::ByteRecord;
use tonic::Status;

use self::lanes::{Landed, Lanes, Origin};
use self::reading::{Mapping, Read, Reading, count_keys, count_orders, read_unit};
use super::args::InputArgs;
use super::batches;
use super::columns::Header;
use super::groups::Groups;
use super::known::KnownCustomers;
use super::progress::Progress;
use super::rejected::Rejected;
use super::send::{Terms, reason};
use super::summary::Summary;
use super::unit::Unit;
use crate::cli::connection::Connection;
use crate::cli::error::CliError;
use crate::cli::output::Output;
use crate::pb;
use crate::pb::item_result::Outcome;

/// What the steps of an import share.
struct Import<'a> {
    output: &'a mut Output,
    progress: Progress,
    rejected: Rejected,
    summary: Summary,
    row_limit: u64,
    /// Looks customers up, where no facts are sent.
    known: Option<KnownCustomers>,
}

/// Imports what is read, over `connection`; a dry run needs none, and only looks customers up.
///
/// # Errors
///
/// An input that cannot be read to its end, an error of a whole call; [`CliError::Reported`] when something was refused.
pub async fn run<M: Mapping>(
    args: &InputArgs,
    mut reading: Reading<M>,
    connection: Option<&Connection>,
    output: &mut Output,
) -> Result<(), CliError> {
    let started = Instant::now();
    let header = reading.input.header().clone();
    let unused = header.unused();
    let unknown = reading.mapping.unknown_customer();
    let mut import = Import {
        progress: Progress::begin(reading.input.size(), output),
        output,
        rejected: Rejected::new(args.rejected_file(), &header, reading.input.preface()),
        summary: Summary {
            dry_run: args.dry_run,
            unused_columns: unused.into_iter().map(str::to_owned).collect(),
            days_in_utc: reading.days_in_utc,
            // A check is no import.
            import_id: if args.dry_run {
                String::new()
            } else {
                batches::new_id(&args.source.name())
            },
            ..Summary::default()
        },
        row_limit: args.row_limit.unwrap_or(u64::MAX),
        known: connection
            .filter(|_| args.dry_run)
            .cloned()
            .map(|connection| KnownCustomers::new(connection, unknown)),
    };
    let connection = connection.filter(|_| !args.dry_run);
    let result = import.all_rows(&mut reading, &header, connection).await;
    if let Some(known) = import.known.take() {
        match known.finish().await {
            Ok(counts) => import.summary.meaning.set_counts(counts),
            Err(status) => import.cannot_look_up(&status),
        }
    }
    import.progress.end();
    if let Err(error) = result {
        import.rejected.discard();
        let Summary {
            written,
            import_id,
            dry_run,
            ..
        } = &import.summary;
        if !dry_run && *written == 0 {
            import
                .output
                .note("stopped before a row was written; import the file again");
        } else if !dry_run {
            import.output.note(&format!(
                "stopped after {written} written rows; import the file again to add the rest, or take them back with \
                 `patron import undo {import_id}`"
            ));
        }
        return Err(error);
    }
    import.finish(started, args.json)
}

/// The way to the server, with what waits for others of its key.
struct Way<M: Mapping> {
    lanes: Lanes<M>,
    groups: Groups<(M::Fact, Origin)>,
}

impl Import<'_> {
    async fn all_rows<M: Mapping>(
        &mut self,
        reading: &mut Reading<M>,
        header: &Header,
        connection: Option<&Connection>,
    ) -> Result<(), CliError> {
        let mut orders = match reading.mapping.order_column() {
            Some(column) => Some(count_orders(reading, header, column, self.row_limit)?),
            None => None,
        };
        let groups = if M::TOGETHER {
            count_keys(reading, header, self.row_limit)?
        } else {
            Groups::default()
        };
        let terms = Terms {
            import_id: self.summary.import_id.clone(),
            unknown_customer: reading.mapping.unknown_customer(),
        };
        let mut way = Way {
            lanes: Lanes::<M>::new(terms, connection),
            groups,
        };
        let mut rows = reading.input.rows()?;
        let mut record = ByteRecord::new();
        while self.summary.rows < self.row_limit {
            let Some((line, read)) = rows.next_text(&mut record)? else {
                break;
            };
            self.summary.rows += 1;
            let record = match read {
                Ok(record) => record,
                Err(reason) => {
                    self.refuse_row(&record, line, &reason);
                    continue;
                }
            };
            let complete = match &mut orders {
                Some(orders) => orders.add(header, line, record),
                None => vec![Unit::single(line, record)],
            };
            for unit in complete {
                self.take(reading, header, &mut way, unit).await?;
            }
            if self.summary.rows.is_multiple_of(1_000) {
                self.show(reading.input.position());
            }
        }
        for unit in orders.iter_mut().flat_map(|orders| orders.rest(header)) {
            self.take(reading, header, &mut way, unit).await?;
        }
        for lane in 0..M::LANES {
            self.depart(&mut way.lanes, lane).await?;
        }
        while let Some(landed) = way.lanes.next().await {
            self.land(landed?)?;
        }
        way.lanes.close().await;
        Ok(())
    }

    /// Reads a unit and puts its facts on their way.
    async fn take<M: Mapping>(
        &mut self,
        reading: &mut Reading<M>,
        header: &Header,
        way: &mut Way<M>,
        unit: Unit,
    ) -> Result<(), CliError> {
        let count = unit.records.len() as u64;
        let unit = Rc::new(unit);
        let facts = match read_unit(reading, header, &unit) {
            Read::Facts(facts, besides) => {
                self.note_cells(&unit, &besides.wrong_cells);
                for remark in besides.remarks {
                    self.summary.remark(remark);
                }
                if let Some(reason) = besides.condition {
                    return self
                        .take_conditional(reading, way, &unit, facts, reason)
                        .await;
                }
                facts
            }
            Read::Nothing(reason) => {
                self.summary.leave_out(count, &reason);
                return Ok(());
            }
            Read::Refused(reason) => {
                self.refuse(&unit, &reason);
                return Ok(());
            }
        };
        self.summary.sound += count;
        for fact in facts {
            let view = reading.mapping.view(&fact);
            let first_line = unit.lines.first().copied().unwrap_or(0);
            let details = || reading.mapping.details(&fact);
            let customer = self.summary.meaning.add(first_line, &view, details);
            if customer.is_some_and(|customer| customer.is_new) {
                self.look_up(M::subject(&fact)).await;
            }
            let origin = Origin {
                unit: Rc::clone(&unit),
                customer: customer.map(|customer| customer.hash),
                condition: None,
            };
            self.board(way, fact, origin).await?;
        }
        Ok(())
    }

    /// Puts a fact on its way.
    async fn board<M: Mapping>(
        &mut self,
        way: &mut Way<M>,
        fact: M::Fact,
        origin: Origin,
    ) -> Result<(), CliError> {
        let lane = way.lanes.lane_for(&fact);
        let key = M::key(&fact).map(|(one, other)| (one.into_owned(), other.to_owned()));
        let ready = if M::TOGETHER {
            way.groups.add(&key, (fact, origin))
        } else {
            vec![(fact, origin)]
        };
        if !way.lanes.pending[lane].has_room_for(ready.len()) {
            self.depart(&mut way.lanes, lane).await?;
        }
        for fact in ready {
            // More rows of one key than a call takes go in several.
            if way.lanes.pending[lane].is_full() {
                self.depart(&mut way.lanes, lane).await?;
            }
            way.lanes.pending[lane].push(fact);
        }
        if way.lanes.pending[lane].is_full() {
            self.depart(&mut way.lanes, lane).await?;
        }
        Ok(())
    }

    /// Sends what was read for a lane, once the lane has room for it.
    async fn depart<M: Mapping>(
        &mut self,
        lanes: &mut Lanes<M>,
        lane: usize,
    ) -> Result<(), CliError> {
        while let Some(landed) = lanes.try_next() {
            self.land(landed?)?;
        }
        while !lanes.has_room(lane)
            && let Some(landed) = lanes.next().await
        {
            self.land(landed?)?;
        }
        lanes.depart(lane).await;
        Ok(())
    }

    /// Counts what became of a batch.
    fn land(&mut self, Landed { origins, sent }: Landed) -> Result<(), CliError> {
        self.summary.retried_calls += u64::from(sent.retries);
        self.summary.unmatched += sent.unmatched_change;
        for (origin, result) in origins.iter().zip(&sent.results) {
            let Origin {
                unit,
                customer,
                condition,
            } = origin;
            if let Some(condition) = condition
                && self.land_conditional(unit, condition, result)
            {
                continue;
            }
            for warning in &result.warnings {
                self.summary.warn(&warning.description);
            }
            match result.outcome() {
                Outcome::Written => {
                    self.summary.written += 1;
                    let created = result.customer_created;
                    self.summary.meaning.record(*customer, created);
                }
                Outcome::Duplicate | Outcome::NotApplicable => {
                    self.summary.duplicates += 1;
                    self.summary.meaning.record(*customer, false);
                }
                Outcome::Refused => self.refuse(unit, &reason(result)),
                Outcome::Unspecified => {
                    let line = unit.lines.first().copied().unwrap_or(0);
                    return Err(CliError::failed(format!(
                        "the server returned no result for line {line}"
                    )));
                }
            }
        }
        Ok(())
    }

    /// Looks a customer up, where no facts are sent.
    async fn look_up(&mut self, subject: Option<pb::Subject>) {
        if let (Some(subject), Some(known)) = (subject, &mut self.known)
            && let Err(status) = known.add(subject).await
        {
            self.known = None;
            self.cannot_look_up(&status);
        }
    }

    fn cannot_look_up(&mut self, status: &Status) {
        let note = format!(
            "warning: new and known customers are not counted: {}",
            status.message()
        );
        self.progress.note(&note, self.output);
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
        summary.meaning_json = summary.meaning.json();
        if json {
            self.output.json(summary)?;
        } else {
            self.output.line(&summary.page())?;
        }
        if summary.has_refused() {
            return Err(CliError::Reported);
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests;
