//! Parquet: rows of typed columns, read one row group after another, a page of each column at a time.
//!
//! Values become the cells that a CSV file would have: decimals and whole numbers with all their digits, days and times in the usual forms.

mod whole;

use std::fs::File;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use csv::ByteRecord;
use jiff::civil::{Date, Time};
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};
use parquet::basic::{ConvertedType, LogicalType, Repetition, TimeUnit, Type as Physical};
use parquet::data_type::Decimal;
use parquet::file::reader::{FileReader as _, SerializedFileReader};
use parquet::record::Field;
use parquet::record::reader::RowIter;
use parquet::schema::types::ColumnDescriptor;

pub(super) use self::whole::Unreadable;
use self::whole::{AGAIN, check_codecs, check_ends, damaged};
use super::rows::RowRead;

/// How a Parquet file begins and ends.
pub(super) const MAGIC: [u8; 4] = *b"PAR1";
/// The same of one whose columns are not even listed without a key.
pub(super) const ENCRYPTED: [u8; 4] = *b"PARE";

const NANOS_PER_SECOND: i128 = 1_000_000_000;

/// Rows of a Parquet file.
pub(super) struct ParquetRows {
    rows: RowIter<'static>,
    columns: Vec<Column>,
    read: u64,
    total: u64,
    size: u64,
    position: Arc<AtomicU64>,
}

struct Column {
    name: String,
    kind: Kind,
}

/// How the values of a column are written as cells.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    /// As it is: texts, numbers, truth values.
    Plain,
    /// A whole number without a sign.
    Unsigned,
    /// A decimal with so many decimals.
    Decimal(u32),
    Date,
    /// Since midnight, in units of so many nanoseconds.
    Time(i128),
    /// Since 1970, in units of so many nanoseconds; in UTC, or in a zone that the file does not state.
    Timestamp(i128, Zone),
    Uuid,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Zone {
    Utc,
    Unstated,
}

impl ParquetRows {
    /// The rows of a file. `position` follows what was read of it.
    ///
    /// # Errors
    /// Not a Parquet file, or one with a column that cannot be a cell or is compressed in a way that is not read.
    pub(super) fn open(file: File, position: Arc<AtomicU64>) -> Result<Self, Unreadable> {
        let size = file.metadata().map_or(0, |metadata| metadata.len());
        check_ends(&file, size)?;
        let reader = SerializedFileReader::new(file)
            .map_err(|error| Unreadable::new(damaged(&error), AGAIN))?;
        check_codecs(reader.metadata())?;
        let metadata = reader.metadata().file_metadata();
        let total = u64::try_from(metadata.num_rows()).unwrap_or(0);
        let schema = metadata.schema_descr();
        for field in schema.root_schema().get_fields() {
            let info = field.get_basic_info();
            let repeats = info.has_repetition() && info.repetition() == Repetition::REPEATED;
            if !field.is_primitive() || repeats {
                return Err(Unreadable::new(
                    format!(
                        "the column {:?} is nested (a list, a map or a struct)",
                        field.name()
                    ),
                    "export it flattened or remove it",
                ));
            }
        }
        let columns = schema.columns().iter().map(|column| Column::new(column));
        let columns = columns.collect::<Result<_, Unreadable>>()?;
        Ok(Self {
            rows: RowIter::from_file_into(Box::new(reader)),
            columns,
            read: 0,
            total,
            size,
            position,
        })
    }

    /// The names of the columns.
    pub(super) fn names(&self) -> Vec<String> {
        let columns = self.columns.iter();
        columns.map(|column| column.name.clone()).collect()
    }

    /// Reads the next row. Its line is its number.
    ///
    /// # Errors
    /// A sentence: the file is damaged.
    pub(super) fn next(&mut self, record: &mut ByteRecord) -> Result<Option<RowRead>, String> {
        let Some(row) = self.rows.next() else {
            return Ok(None);
        };
        self.read += 1;
        let row =
            row.map_err(|error| format!("row {}: {}: {AGAIN}", self.read, damaged(&error)))?;
        let share = u128::from(self.size) * u128::from(self.read) / u128::from(self.total.max(1));
        self.position
            .store(u64::try_from(share).unwrap_or(self.size), Ordering::Relaxed);
        record.clear();
        let mut problems = vec![];
        for (column, (_, field)) in self.columns.iter().zip(row.get_column_iter()) {
            let cell = column.kind.cell(field).unwrap_or_else(|| {
                problems.push(format!("{}: is not a text or a number", column.name));
                String::new()
            });
            record.push_field(cell.as_bytes());
        }
        Ok(Some(RowRead {
            line: self.read,
            problem: (!problems.is_empty()).then(|| problems.join("; ")),
        }))
    }
}

impl Column {
    fn new(column: &ColumnDescriptor) -> Result<Self, Unreadable> {
        let name = column.name().to_owned();
        match Kind::new(column) {
            Some(kind) => Ok(Self { name, kind }),
            None if column.physical_type() == Physical::INT96 => Err(Unreadable::new(
                format!("the column {name:?} has times as INT96, whose time zone no file states"),
                "export it as a timestamp",
            )),
            None => Err(Unreadable::new(
                format!(
                    "the column {name:?} has values that cannot be read ({})",
                    column.physical_type()
                ),
                "remove it",
            )),
        }
    }
}

impl Kind {
    /// `None`: values that are not read.
    fn new(column: &ColumnDescriptor) -> Option<Self> {
        let converted = column.converted_type();
        let logical = column.logical_type_ref();
        let scale = || u32::try_from(column.type_scale()).ok();
        let kind = match (logical, converted) {
            (Some(LogicalType::Decimal(_)), _) | (_, ConvertedType::DECIMAL) => {
                Self::Decimal(scale()?)
            }
            (Some(LogicalType::Timestamp(stated)), _) => {
                let zone = if stated.is_adjusted_to_u_t_c {
                    Zone::Utc
                } else {
                    Zone::Unstated
                };
                Self::Timestamp(nanoseconds(stated.unit), zone)
            }
            // By the specification, what states no more than this is in UTC.
            (_, ConvertedType::TIMESTAMP_MILLIS) => Self::Timestamp(1_000_000, Zone::Utc),
            (_, ConvertedType::TIMESTAMP_MICROS) => Self::Timestamp(1_000, Zone::Utc),
            (Some(LogicalType::Time(stated)), _) => Self::Time(nanoseconds(stated.unit)),
            (_, ConvertedType::TIME_MILLIS) => Self::Time(1_000_000),
            (_, ConvertedType::TIME_MICROS) => Self::Time(1_000),
            (Some(LogicalType::Date), _) | (_, ConvertedType::DATE) => Self::Date,
            (Some(LogicalType::Uuid), _) => Self::Uuid,
            (Some(LogicalType::Integer(stated)), _) if !stated.is_signed => Self::Unsigned,
            _ => Self::Plain,
        };
        // The reader of records has no value for other pairs.
        let is_read = match column.physical_type() {
            Physical::BOOLEAN | Physical::FLOAT | Physical::DOUBLE => true,
            Physical::INT32 => matches!(
                converted,
                ConvertedType::NONE
                    | ConvertedType::INT_8
                    | ConvertedType::INT_16
                    | ConvertedType::INT_32
                    | ConvertedType::UINT_8
                    | ConvertedType::UINT_16
                    | ConvertedType::UINT_32
                    | ConvertedType::DATE
                    | ConvertedType::TIME_MILLIS
                    | ConvertedType::DECIMAL
            ),
            Physical::INT64 => matches!(
                converted,
                ConvertedType::NONE
                    | ConvertedType::INT_64
                    | ConvertedType::UINT_64
                    | ConvertedType::TIME_MICROS
                    | ConvertedType::TIMESTAMP_MILLIS
                    | ConvertedType::TIMESTAMP_MICROS
                    | ConvertedType::DECIMAL
            ),
            Physical::BYTE_ARRAY => matches!(
                converted,
                ConvertedType::NONE
                    | ConvertedType::UTF8
                    | ConvertedType::ENUM
                    | ConvertedType::JSON
                    | ConvertedType::DECIMAL
            ),
            Physical::FIXED_LEN_BYTE_ARRAY => {
                matches!(converted, ConvertedType::NONE | ConvertedType::DECIMAL)
            }
            Physical::INT96 => false,
        };
        is_read.then_some(kind)
    }

    /// A value as a cell. `None`: it is none.
    fn cell(self, field: &Field) -> Option<String> {
        if matches!(field, Field::Null) {
            return Some(String::new());
        }
        match (self, value(field)?) {
            (Self::Decimal(scale), Value::Whole(digits)) => Some(decimal(digits, scale)),
            (Self::Date, Value::Whole(days)) => {
                let days = SignedDuration::from_hours(i64::try_from(days).ok()?.checked_mul(24)?);
                let day = Date::constant(1970, 1, 1).checked_add(days).ok()?;
                Some(day.to_string())
            }
            (Self::Time(unit), Value::Whole(count)) => {
                let nanoseconds = i64::try_from(count.checked_mul(unit)?).ok()?;
                let time = Time::midnight();
                let time = time.checked_add(SignedDuration::from_nanos(nanoseconds));
                Some(time.ok()?.to_string())
            }
            (Self::Timestamp(unit, zone), Value::Whole(count)) => {
                let instant = Timestamp::from_nanosecond(count.checked_mul(unit)?).ok()?;
                Some(match zone {
                    Zone::Utc => instant.to_string(),
                    Zone::Unstated => TimeZone::UTC.to_datetime(instant).to_string(),
                })
            }
            (Self::Unsigned, Value::Whole(number)) if number < 0 => {
                // Of as many bits as the value has.
                let bits = if matches!(field, Field::Long(_)) {
                    64
                } else {
                    32
                };
                Some((number + (1 << bits)).to_string())
            }
            (Self::Uuid, Value::Bytes(bytes)) => {
                Some(uuid::Uuid::from_slice(bytes).ok()?.to_string())
            }
            (_, Value::Whole(number)) => Some(number.to_string()),
            (_, Value::Bytes(bytes)) => std::str::from_utf8(bytes).ok().map(str::to_owned),
            (_, Value::Text(text)) => Some(text),
        }
    }
}

/// A value without what its column states of it.
enum Value<'a> {
    Whole(i128),
    Bytes(&'a [u8]),
    Text(String),
}

fn value(field: &Field) -> Option<Value<'_>> {
    Some(match field {
        Field::Bool(value) => Value::Text(value.to_string()),
        Field::Byte(value) => Value::Whole((*value).into()),
        Field::Short(value) => Value::Whole((*value).into()),
        Field::Int(value) | Field::Date(value) | Field::TimeMillis(value) => {
            Value::Whole((*value).into())
        }
        Field::Long(value)
        | Field::TimeMicros(value)
        | Field::TimestampMillis(value)
        | Field::TimestampMicros(value) => Value::Whole((*value).into()),
        Field::UByte(value) => Value::Whole((*value).into()),
        Field::UShort(value) => Value::Whole((*value).into()),
        Field::UInt(value) => Value::Whole((*value).into()),
        Field::ULong(value) => Value::Whole((*value).into()),
        // The shortest digits that are this number, as programs write it.
        Field::Float16(value) => Value::Text(value.to_string()),
        Field::Float(value) => Value::Text(value.to_string()),
        Field::Double(value) => Value::Text(value.to_string()),
        Field::Decimal(value) => Value::Whole(unscaled(value)?),
        Field::Str(value) => Value::Bytes(value.as_bytes()),
        Field::Bytes(value) => Value::Bytes(value.data()),
        Field::Null | Field::Group(_) | Field::ListInternal(_) | Field::MapInternal(_) => {
            return None;
        }
    })
}

/// The digits of a decimal: a number of any length in two's complement, the first byte first. `None`: more than 38 digits.
fn unscaled(value: &Decimal) -> Option<i128> {
    let bytes = value.data();
    let is_negative = bytes.first().is_some_and(|first| first & 0x80 != 0);
    let sign = if is_negative { 0xff } else { 0 };
    let (over, low) = bytes.split_at(bytes.len().saturating_sub(16));
    let mut whole = [sign; 16];
    whole[16 - low.len()..].copy_from_slice(low);
    let number = i128::from_be_bytes(whole);
    let fits = over.iter().all(|byte| *byte == sign) && (number < 0) == is_negative;
    fits.then_some(number)
}

/// A decimal as digits with a point.
fn decimal(unscaled: i128, scale: u32) -> String {
    let scale = scale as usize;
    let sign = if unscaled < 0 { "-" } else { "" };
    let digits = format!("{:0>width$}", unscaled.unsigned_abs(), width = scale + 1);
    let (whole, fraction) = digits.split_at(digits.len() - scale);
    if scale == 0 {
        format!("{sign}{whole}")
    } else {
        format!("{sign}{whole}.{fraction}")
    }
}

fn nanoseconds(unit: TimeUnit) -> i128 {
    match unit {
        TimeUnit::MILLIS => NANOS_PER_SECOND / 1_000,
        TimeUnit::MICROS => NANOS_PER_SECOND / 1_000_000,
        TimeUnit::NANOS => 1,
    }
}

#[cfg(test)]
mod tests;
