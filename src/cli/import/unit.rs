//! What is read, sent and refused together: a row, or all rows of one order.

use std::cell::Cell;

use csv::StringRecord;

use super::columns::Header;
use super::groups::Groups;

/// Rows of a file that are read as one.
#[derive(Debug, Default)]
pub struct Unit {
    /// Their lines in the file.
    pub lines: Vec<u64>,
    /// Their cells.
    pub records: Vec<StringRecord>,
    /// Whether they were refused: of several facts of one row, one is enough.
    pub refused: Cell<bool>,
}

impl Unit {
    /// A row by itself.
    #[must_use]
    pub fn single(line: u64, record: StringRecord) -> Self {
        Self {
            lines: vec![line],
            records: vec![record],
            refused: Cell::new(false),
        }
    }
}

/// Rows by order, each kept until the last row of its order is read.
///
/// Which row is the last is known from a first reading of the file, which keeps 16 bytes an order. Rows wait only while rows of other orders
/// stand between those of their own.
#[derive(Debug, Default)]
pub struct Orders {
    column: usize,
    groups: Groups<(u64, StringRecord)>,
}

impl Orders {
    /// Orders by the id in a column.
    #[must_use]
    pub fn new(column: usize) -> Self {
        Self {
            column,
            groups: Groups::default(),
        }
    }

    /// Counts a row at the first reading.
    pub fn expect(&mut self, header: &Header, record: &StringRecord) {
        self.groups.expect(&header.cell(record, self.column));
    }

    /// Takes a row at the second reading. The orders that are complete with it; several only where two ids have one hash.
    pub fn add(&mut self, header: &Header, line: u64, record: StringRecord) -> Vec<Unit> {
        let key = header.cell(&record, self.column).to_owned();
        let rows = self.groups.add(&key.as_str(), (line, record));
        self.units(header, rows)
    }

    /// Orders that are not complete, where the reading stopped before the end.
    pub fn rest(&mut self, header: &Header) -> Vec<Unit> {
        let rest = std::mem::take(&mut self.groups).rest();
        rest.into_iter()
            .flat_map(|rows| self.units(header, rows))
            .collect()
    }

    fn units(&self, header: &Header, rows: Vec<(u64, StringRecord)>) -> Vec<Unit> {
        let mut units: Vec<Unit> = Vec::new();
        for (line, record) in rows {
            let id = header.cell(&record, self.column);
            let same = units.iter_mut().find(|unit| {
                let first = unit.records.first();
                first.is_some_and(|first| header.cell(first, self.column) == id)
            });
            match same {
                Some(unit) => {
                    unit.lines.push(line);
                    unit.records.push(record);
                }
                None => units.push(Unit::single(line, record)),
            }
        }
        units
    }
}
