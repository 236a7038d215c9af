//! Rows with the line of the file on which they begin.

use csv::{ByteRecord, Reader, ReaderBuilder, StringRecord};

use super::decode::{Decoded, Delimiter};
use super::json_lines::JsonLines;
use super::parquet::ParquetRows;
use crate::cli::error::CliError;
use crate::cli::import::columns::Header;

/// Rows of an input.
pub struct Rows {
    kind: Kind,
}

enum Kind {
    Csv {
        reader: Box<Reader<Decoded>>,
        delimiter: u8,
        lines_before: u64,
    },
    JsonLines(Box<JsonLines>),
    Parquet(Box<ParquetRows>),
}

/// Where a row stands, and what keeps it from being read.
#[derive(Debug, PartialEq, Eq)]
pub struct RowRead {
    /// The line of the file on which it begins, from 1.
    pub line: u64,
    /// Why it is no row at all.
    pub problem: Option<String>,
}

impl Rows {
    pub(super) fn csv(text: Decoded, delimiter: Delimiter) -> Self {
        let (delimiter, lines_before) = (delimiter.character(&text), text.lines_before());
        let reader = ReaderBuilder::new()
            .flexible(true)
            .delimiter(delimiter)
            .from_reader(text);
        Self {
            kind: Kind::Csv {
                reader: Box::new(reader),
                delimiter,
                lines_before,
            },
        }
    }

    pub(super) fn json_lines(lines: JsonLines) -> Self {
        Self {
            kind: Kind::JsonLines(Box::new(lines)),
        }
    }

    pub(super) fn parquet(rows: ParquetRows) -> Self {
        Self {
            kind: Kind::Parquet(Box::new(rows)),
        }
    }

    /// The header of a CSV file.
    pub(super) fn header(&mut self, shown: &str) -> Result<Header, CliError> {
        let Kind::Csv {
            reader, delimiter, ..
        } = &mut self.kind
        else {
            return Err(CliError::failed("only CSV files have a header"));
        };
        let names = reader.byte_headers().map_err(|cause| {
            CliError::usage(format!("cannot read the header of {shown}: {cause}"))
        })?;
        let names: Result<Vec<String>, _> = names
            .iter()
            .map(|name| std::str::from_utf8(name).map(|name| name.trim().to_owned()))
            .collect();
        let names = names.map_err(|_| CliError::Usage {
            message: format!("the header of {shown} is not UTF-8"),
            hint: "set --encoding, for example --encoding windows-1252".to_owned(),
        })?;
        Header::new(names, *delimiter, shown)
    }

    /// Reads the next row. `None`: there is no further one.
    ///
    /// # Errors
    ///
    /// A failure to continue reading.
    pub fn next(&mut self, record: &mut ByteRecord) -> Result<Option<RowRead>, CliError> {
        let cannot = |cause: &dyn std::fmt::Display| {
            CliError::failed(format!("cannot continue reading: {cause}"))
        };
        match &mut self.kind {
            Kind::Csv {
                reader,
                lines_before,
                ..
            } => {
                let found = reader
                    .read_byte_record(record)
                    .map_err(|cause| cannot(&cause))?;
                if !found {
                    return Ok(None);
                }
                // The reader stands behind the row, whose every line ends with one line break; blank lines before it count to no row.
                let breaks = record.as_slice().iter().filter(|byte| **byte == b'\n');
                let lines = 1 + breaks.count() as u64;
                let line = (reader.position().line() + *lines_before).saturating_sub(lines);
                Ok(Some(RowRead {
                    line,
                    problem: None,
                }))
            }
            Kind::JsonLines(lines) => lines.next(record).map_err(|cause| cannot(&cause)),
            Kind::Parquet(rows) => rows.next(record).map_err(|cause| cannot(&cause)),
        }
    }
    /// Reads the next row as text, or why it is none; `record` then has its bytes.
    ///
    /// # Errors
    ///
    /// As [`Rows::next`].
    #[expect(
        clippy::type_complexity,
        reason = "a line with its text or what is wrong with it, once"
    )]
    pub fn next_text(
        &mut self,
        record: &mut ByteRecord,
    ) -> Result<Option<(u64, Result<StringRecord, String>)>, CliError> {
        let Some(read) = self.next(record)? else {
            return Ok(None);
        };
        let text = match read.problem {
            Some(problem) => Err(problem),
            None => StringRecord::from_byte_record(record.clone())
                .map_err(|_| "is not UTF-8: set --encoding, for example windows-1252".to_owned()),
        };
        Ok(Some((read.line, text)))
    }
}
