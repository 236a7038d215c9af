//! Reading rows as facts, once or twice.

use std::borrow::Cow;

use csv::ByteRecord;
use prost::Message;

use super::lanes::Origin;
use crate::cli::error::CliError;
use crate::cli::import::args::Formats;
use crate::cli::import::columns::Header;
use crate::cli::import::groups::Groups;
use crate::cli::import::input::Input;
use crate::cli::import::meaning::View;
use crate::cli::import::pick::Picked;
use crate::cli::import::row::Row;
use crate::cli::import::send::{Batch, Terms};
use crate::cli::import::unit::{Orders, Unit};
use crate::domain::definitions::Definitions;
use crate::pb;

/// Reads rows as facts of one kind.
pub trait Mapping {
    /// The fact.
    type Fact: Message;
    /// How many streams carry the facts, each with customers of its own. The server takes facts in any order.
    const LANES: usize;
    /// Whether rows state values that the definitions judge.
    const STATES_VALUES: bool = false;

    /// Reads a row. `None` exactly when the row is not sound or was left out; it then knows why.
    fn read(&mut self, row: &mut Row<'_>) -> Option<Vec<Self::Fact>>;

    /// Facts as a batch.
    fn batch(facts: Vec<Self::Fact>, terms: &Terms) -> Batch;

    /// How numbers and days are written, to set the deployment's zone once it is known.
    fn formats(&mut self) -> &mut Formats;

    /// Takes the definitions by which those values are judged.
    fn hold_against(&mut self, _: Box<Definitions>) {}

    /// What a fact means.
    fn view<'a>(&self, fact: &'a Self::Fact) -> View<'a>;

    /// What else a person looks at, of a fact that is shown: names with values, empty ones unused.
    fn details(&self, fact: &Self::Fact) -> Vec<(&'static str, String)>;

    /// The customer of a fact: all facts of one go the same way, so that no two batches under way wait for each other in the database.
    #[must_use]
    fn customer(_: &Self::Fact) -> Option<Cow<'_, str>> {
        None
    }

    /// The same as a subject, by which the customer is looked up.
    #[must_use]
    fn subject(_: &Self::Fact) -> Option<pb::Subject> {
        None
    }

    /// The column by which a row is read although `--only` or `--skip` leaves it out, if there is one.
    fn decided_by(&self, _: &Row<'_>) -> Option<usize> {
        None
    }

    /// The column by which rows are lines of one order, if they are. The file is then read twice.
    fn order_column(&self) -> Option<usize> {
        None
    }

    /// Whether facts of one [`Self::key`] have to go in one call, in the order of their rows. The file is then read twice.
    const TOGETHER: bool = false;

    /// What a fact is about.
    #[must_use]
    fn key(_: &Self::Fact) -> Option<(Cow<'_, str>, &str)> {
        None
    }

    /// What the server does with facts of an identifier that no customer has.
    fn unknown_customer(&self) -> pb::UnknownCustomer {
        pb::UnknownCustomer::Refuse
    }
}

/// What an import reads, and by which rules.
pub struct Reading<M> {
    /// The rows.
    pub input: Input,
    /// Which of them count.
    pub picked: Picked,
    /// What they mean.
    pub mapping: M,
    /// Whether one wrong cell is enough to refuse its row.
    pub strict: bool,
    /// Whether days of times with a zone are counted in UTC, for a check without a server.
    pub days_in_utc: bool,
}

/// What rows hold.
pub(super) enum Read<F> {
    /// Facts, and what else is to be known of the row.
    Facts(Vec<F>, Besides),
    /// No fact, and why.
    Nothing(String),
    /// Everything that is wrong.
    Refused(String),
}

/// What is to be known of a row besides its facts.
pub(super) struct Besides {
    /// What is wrong with cells that were not needed.
    pub(super) wrong_cells: Vec<String>,
    /// What was read otherwise than it stands there.
    pub(super) remarks: Vec<&'static str>,
    /// Why the facts may not count, if that depends on what is recorded.
    pub(super) condition: Option<String>,
}

pub(super) fn read_unit<M: Mapping>(
    reading: &mut Reading<M>,
    header: &Header,
    unit: &Unit,
) -> Read<M::Fact> {
    let mut row = Row::new(header, &unit.records).strictly(reading.strict);
    if let Some(reason) = reading.picked.skips(&row, reading.mapping.decided_by(&row)) {
        return Read::Nothing(reason);
    }
    match reading.mapping.read(&mut row) {
        Some(facts) if row.is_sound() => {
            let besides = Besides {
                wrong_cells: row.wrong_cells().to_vec(),
                remarks: row.remarks().to_vec(),
                condition: row.conditional().map(str::to_owned),
            };
            Read::Facts(facts, besides)
        }
        _ => match row.left_out() {
            Some(reason) => Read::Nothing(reason.to_owned()),
            None => Read::Refused(row.into_reason()),
        },
    }
}

/// How many rows each order has; the input is read from its first row again afterwards.
pub(super) fn count_orders<M: Mapping>(
    reading: &mut Reading<M>,
    header: &Header,
    column: usize,
    row_limit: u64,
) -> Result<Orders, CliError> {
    let mut orders = Orders::new(column);
    let mut rows = reading.input.rows()?;
    let (mut record, mut count) = (ByteRecord::new(), 0);
    while count < row_limit
        && let Some((_, row)) = rows.next_text(&mut record)?
    {
        count += 1;
        if let Ok(row) = row {
            orders.expect(header, &row);
        }
    }
    Ok(orders)
}

/// How many sound rows each key has; the input is read from its first row again afterwards.
pub(super) fn count_keys<M: Mapping>(
    reading: &mut Reading<M>,
    header: &Header,
    row_limit: u64,
) -> Result<Groups<(M::Fact, Origin)>, CliError> {
    let mut groups = Groups::default();
    let mut rows = reading.input.rows()?;
    let (mut record, mut count) = (ByteRecord::new(), 0);
    while count < row_limit
        && let Some((line, row)) = rows.next_text(&mut record)?
    {
        count += 1;
        let Ok(row) = row else { continue };
        if let Read::Facts(facts, _) = read_unit(reading, header, &Unit::single(line, row)) {
            for fact in &facts {
                groups.expect(&M::key(fact));
            }
        }
    }
    Ok(groups)
}
