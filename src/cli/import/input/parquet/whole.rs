//! Whether a file is one that can be read to its end: whole, not encrypted, with compressions that are known.

use std::fs::File;
use std::os::unix::fs::FileExt as _;

use parquet::basic::Compression;
use parquet::errors::ParquetError;
use parquet::file::metadata::{ParquetMetaData, RowGroupMetaData};

use super::{ENCRYPTED, MAGIC};

/// Why a file cannot be read, and what to do.
#[derive(Debug, PartialEq, Eq)]
pub(in super::super) struct Unreadable {
    pub(in super::super) cause: String,
    pub(in super::super) hint: &'static str,
}

/// What is left to do with a file that is not whole.
pub(super) const AGAIN: &str = "copy or export the file again";
const OTHER_FORM: &str = "`--form csv` or `--form jsonl` states another form";

impl Unreadable {
    pub(super) fn new(cause: impl Into<String>, hint: &'static str) -> Self {
        let cause = cause.into();
        Self { cause, hint }
    }
}

/// Whether a file begins and ends as Parquet does: its columns are listed at its end.
pub(super) fn check_ends(file: &File, size: u64) -> Result<(), Unreadable> {
    let word = |at: u64| {
        let mut word = [0; 4];
        file.read_exact_at(&mut word, at).map(|()| word).ok()
    };
    let (first, last) = (word(0), size.checked_sub(4).and_then(word));
    match (first, last) {
        (Some(ENCRYPTED), _) | (_, Some(ENCRYPTED)) => Err(Unreadable::new(
            "it is encrypted",
            "export it without encryption",
        )),
        (Some(MAGIC), Some(MAGIC)) if size > 8 => Ok(()),
        (Some(MAGIC), _) => Err(Unreadable::new("its end is missing", AGAIN)),
        _ => Err(Unreadable::new(
            "it does not begin as Parquet does",
            OTHER_FORM,
        )),
    }
}

/// Refuses a file with a column whose compression is not read, before its first row.
pub(super) fn check_codecs(metadata: &ParquetMetaData) -> Result<(), Unreadable> {
    let groups = metadata.row_groups().iter();
    for column in groups.flat_map(RowGroupMetaData::columns) {
        let codec = match column.compression() {
            Compression::UNCOMPRESSED
            | Compression::SNAPPY
            | Compression::GZIP(_)
            | Compression::ZSTD(_) => continue,
            Compression::BROTLI(_) => "Brotli",
            Compression::LZO => "LZO",
            Compression::LZ4 | Compression::LZ4_RAW => "LZ4",
        };
        let name = column.column_descr().name();
        return Err(Unreadable::new(
            format!("the column {name:?} is compressed with {codec}, which is not read"),
            "export the file with zstd, snappy, gzip or no compression",
        ));
    }
    Ok(())
}

/// That a file is damaged, with the cause but not the kind of error before it.
pub(super) fn damaged(error: &ParquetError) -> String {
    let text = error.to_string();
    let cause = text.split_once(": ").map(|(_, cause)| cause.to_owned());
    format!("the file is damaged ({})", cause.unwrap_or(text))
}
