//! Where the rows of an import come from: a file, compressed or not, standard input, or a query of a database.
//!
//! Some imports read their rows twice. A file is opened again for that; what cannot be read twice is kept in a temporary file meanwhile.

mod decode;
mod json_lines;
mod parquet;
mod rows;
mod sql;

use std::fs::{File, OpenOptions};
use std::io::{self, BufReader, Cursor, Read, Seek as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use encoding_rs::Encoding;

use self::decode::Decoded;
pub use self::decode::Delimiter;
use self::json_lines::JsonLines;
use self::parquet::ParquetRows;
pub use self::rows::Rows;
use super::args::{Form, SourceArgs};
use super::columns::Header;
use crate::app::settings::DatabaseUrl;
use crate::cli::error::CliError;

/// Bytes that are read, in whatever form.
type Bytes = Box<dyn Read + Send>;

/// Bytes read at once.
const CHUNK: usize = 1 << 16;
/// How gzip (RFC 1952) and Zstandard (RFC 8878) begin. No table of text does.
const GZIP: [u8; 2] = [0x1f, 0x8b];
const ZSTD: [u8; 4] = [0x28, 0xb5, 0x2f, 0xfd];

/// How files begin that are no text, and what to do with them.
const FOREIGN: [(&[u8], &str); 6] = [
    (&parquet::MAGIC, "it is Parquet: set --form parquet"),
    (
        &parquet::ENCRYPTED,
        "it is encrypted Parquet: export it without encryption",
    ),
    (
        b"PK\x03\x04",
        "it is an Excel workbook or a ZIP archive: export it as CSV",
    ),
    (
        b"\xd0\xcf\x11\xe0",
        "it is an Excel workbook: export it as CSV",
    ),
    (
        b"BZh9",
        "it is compressed with bzip2: decompress it, or use gzip or zstd",
    ),
    (
        b"\xfd7zX",
        "it is compressed with xz: decompress it, or use gzip or zstd",
    ),
];

/// An input with its header.
pub struct Input {
    args: SourceArgs,
    form: Form,
    encoding: Option<&'static Encoding>,
    delimiter: Delimiter,
    twice: bool,
    /// What cannot be opened again, kept for the second reading.
    kept: Option<File>,
    /// The first reading, which began with the header.
    begun: Option<Rows>,
    /// Bytes read of the input as it is.
    position: Arc<AtomicU64>,
    /// What has to stand before rows in UTF-8 so that the same options read them.
    preface: String,
    header: Header,
}

/// Opens a file with a header whose columns are separated by `delimiter`, or commas.
///
/// # Errors
///
/// Wrong usage: no such file, no header, a delimiter that is none.
pub fn open_csv(path: &Path, delimiter: Option<&str>) -> Result<(Rows, Header), CliError> {
    let args = SourceArgs {
        file: Some(path.to_owned()),
        delimiter: delimiter.map(str::to_owned),
        ..SourceArgs::default()
    };
    let mut input = Input::open(args, false)?;
    Ok((input.rows()?, input.header))
}

impl Input {
    /// Opens an input and reads its header. `twice`: its rows are read more than once.
    ///
    /// # Errors
    ///
    /// Wrong usage: no such file, no header, an option that does not fit; a database that cannot be reached.
    pub fn open(args: SourceArgs, twice: bool) -> Result<Self, CliError> {
        args.check()?;
        let form = args.form();
        let mut input = Self {
            form,
            encoding: args.encoding.as_deref().map(parse_encoding).transpose()?,
            delimiter: Delimiter::parse(args.delimiter.as_deref())?,
            // Which names there are in JSON lines is known once all lines were read; Parquet has its columns at the end.
            twice: twice || form != Form::Csv,
            kept: None,
            begun: None,
            position: Arc::default(),
            preface: String::new(),
            header: Header::default(),
            args,
        };
        let shown = input.args.shown();
        match form {
            Form::JsonLines => {
                let names = json_lines::list_names(input.decoded()?)
                    .map_err(|cause| CliError::usage(format!("cannot read {shown}: {cause}")))?;
                if names.is_empty() {
                    return Err(CliError::Usage {
                        message: format!("{shown} has no line that is a JSON object"),
                        hint: "`--form csv` states another form".to_owned(),
                    });
                }
                input.header = Header::new(names, b',', &shown)?;
            }
            Form::Parquet => {
                let rows = input.parquet()?;
                input.header = Header::new(rows.names(), b',', &shown)?;
                input.begun = Some(Rows::parquet(rows));
            }
            Form::Csv => {
                let decoded = input.decoded()?;
                if input.args.form.is_none() && begins_as_json(decoded.first_line()) {
                    return Err(CliError::Usage {
                        message: format!("{shown} begins as JSON does and not as CSV"),
                        hint: "`--form jsonl` reads an object in each line; `jq -c '.[]'` makes such lines of an array"
                            .to_owned(),
                    });
                }
                input.preface = decoded.preface();
                let mut rows = Rows::csv(decoded, input.delimiter);
                input.header = rows.header(&shown)?;
                input.begun = Some(rows);
            }
        }
        Ok(input)
    }

    /// The names of the columns.
    #[must_use]
    pub fn header(&self) -> &Header {
        &self.header
    }

    /// What has to stand before rows of it in UTF-8, so that the options of the input read them too.
    #[must_use]
    pub fn preface(&self) -> &str {
        &self.preface
    }

    /// The names of the columns, to state how cells are read.
    pub fn header_mut(&mut self) -> &mut Header {
        &mut self.header
    }

    /// The rows from the first one on.
    ///
    /// # Errors
    ///
    /// The input cannot be opened again.
    pub fn rows(&mut self) -> Result<Rows, CliError> {
        if let Some(rows) = self.begun.take() {
            return Ok(rows);
        }
        self.position.store(0, Ordering::Relaxed);
        if self.form == Form::Parquet {
            return Ok(Rows::parquet(self.parquet()?));
        }
        let decoded = self.decoded()?;
        if self.form == Form::JsonLines {
            return Ok(Rows::json_lines(JsonLines::new(decoded, &self.header)));
        }
        let mut rows = Rows::csv(decoded, self.delimiter);
        rows.header(&self.args.shown())?;
        Ok(rows)
    }

    /// Bytes of the input; 0 if that is not known.
    #[must_use]
    pub fn size(&self) -> u64 {
        let file = self
            .args
            .path()
            .and_then(|path| std::fs::metadata(path).ok());
        file.map_or(0, |file| file.len())
    }

    /// How many of its bytes were read.
    #[must_use]
    pub fn position(&self) -> u64 {
        self.position.load(Ordering::Relaxed)
    }

    /// Its text in UTF-8, from the beginning.
    fn decoded(&mut self) -> Result<Decoded, CliError> {
        let shown = self.args.shown();
        let bytes = self.bytes()?;
        let counted = Counted {
            bytes,
            position: Arc::clone(&self.position),
        };
        inflated(Box::new(counted))
            .and_then(|bytes| Decoded::new(bytes, self.encoding))
            .map_err(|cause| CliError::usage(format!("cannot read {shown}: {cause}")))
    }

    /// The rows of a Parquet file from the first one on.
    fn parquet(&mut self) -> Result<ParquetRows, CliError> {
        let shown = self.args.shown();
        let file = match self.args.path() {
            Some(path) => open_file(path)?,
            None => self.kept_file()?,
        };
        let rows = ParquetRows::open(file, Arc::clone(&self.position));
        rows.map_err(|unreadable| CliError::Usage {
            message: format!("cannot read {shown} as Parquet: {}", unreadable.cause),
            hint: unreadable.hint.to_owned(),
        })
    }

    fn bytes(&mut self) -> Result<Bytes, CliError> {
        if let Some(path) = self.args.path() {
            return Ok(Box::new(open_file(path)?));
        }
        if self.twice {
            return Ok(Box::new(self.kept_file()?));
        }
        self.stream()
    }

    /// What can be read only once.
    fn stream(&self) -> Result<Bytes, CliError> {
        Ok(match (&self.args.from_sql, &self.args.query) {
            (Some(url), Some(query)) => {
                let Ok(url) = url.parse::<DatabaseUrl>();
                Box::new(sql::query(&url, &self.args.from_sql_tls, query)?)
            }
            _ => Box::new(io::stdin()),
        })
    }

    /// The same in a temporary file, from its beginning.
    fn kept_file(&mut self) -> Result<File, CliError> {
        let kept = match self.kept.take() {
            Some(file) => file,
            None => keep(self.stream()?).map_err(|cause| {
                CliError::failed(format!("cannot keep {}: {cause}", self.args.shown()))
            })?,
        };
        let again = kept.try_clone().and_then(|mut file| {
            file.rewind()?;
            Ok(file)
        });
        self.kept = Some(kept);
        again.map_err(|cause| cannot_keep(&cause))
    }
}

fn open_file(path: &Path) -> Result<File, CliError> {
    let shown = path.display();
    File::open(path).map_err(|cause| CliError::usage(format!("cannot open {shown}: {cause}")))
}

fn cannot_keep(cause: &io::Error) -> CliError {
    CliError::failed(format!("cannot read the input again: {cause}"))
}

/// Copies a stream to a temporary file that has no name any more: what is in it goes with the program, and only our account can read it.
fn keep(mut stream: Bytes) -> io::Result<File> {
    let path = std::env::temp_dir().join(format!("patron-{}", uuid::Uuid::new_v4()));
    let mut file = OpenOptions::new()
        .read(true)
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(&path)?;
    std::fs::remove_file(&path)?;
    io::copy(&mut stream, &mut file)?;
    Ok(file)
}

/// The bytes themselves, or those that were compressed.
fn inflated(mut bytes: Bytes) -> io::Result<Bytes> {
    let mut begin = Vec::with_capacity(ZSTD.len());
    bytes
        .by_ref()
        .take(ZSTD.len() as u64)
        .read_to_end(&mut begin)?;
    let (is_gzip, is_zstd) = (begin.starts_with(&GZIP), begin == ZSTD);
    let other = FOREIGN.iter().find(|(first, _)| begin.starts_with(first));
    if let Some((_, what)) = other {
        return Err(io::Error::other(*what));
    }
    let bytes = BufReader::with_capacity(CHUNK, Cursor::new(begin).chain(bytes));
    if is_gzip {
        let bytes = Box::new(flate2::bufread::MultiGzDecoder::new(bytes));
        return Ok(Box::new(Compressed { bytes, by: "gzip" }));
    }
    if is_zstd {
        let bytes = Box::new(zstd::stream::read::Decoder::with_buffer(bytes)?);
        return Ok(Box::new(Compressed { bytes, by: "zstd" }));
    }
    Ok(Box::new(bytes))
}

fn parse_encoding(name: &str) -> Result<&'static Encoding, CliError> {
    Encoding::for_label(name.as_bytes()).ok_or_else(|| CliError::Usage {
        message: format!("--encoding {name:?} is not a known encoding"),
        hint: "for example utf-8, windows-1252, latin1, iso-8859-15, utf-16le".to_owned(),
    })
}

/// Whether a text begins as JSON does: with an object, or an array of objects.
fn begins_as_json(line: &[u8]) -> bool {
    let line = line.trim_ascii_start();
    let inner = line.strip_prefix(b"[").unwrap_or(line).trim_ascii();
    inner.starts_with(b"{\"") || line == b"[" || line == b"{"
}

/// Whether a file begins as Parquet does.
#[must_use]
pub fn is_parquet(path: &Path) -> bool {
    let mut begin = [0; 4];
    let read = File::open(path).and_then(|mut file| file.read_exact(&mut begin));
    read.is_ok() && begin == parquet::MAGIC
}

/// Bytes that were compressed; what is wrong with them is not wrong with the text.
struct Compressed {
    bytes: Bytes,
    by: &'static str,
}

impl Read for Compressed {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.bytes.read(buffer).map_err(|cause| {
            let by = self.by;
            io::Error::other(format!(
                "its {by} compression is damaged or its end is missing ({cause}): copy or export the file again"
            ))
        })
    }
}

/// Counts what is read.
struct Counted {
    bytes: Bytes,
    position: Arc<AtomicU64>,
}

impl Read for Counted {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.bytes.read(buffer)?;
        self.position.fetch_add(read as u64, Ordering::Relaxed);
        Ok(read)
    }
}

#[cfg(test)]
mod tests;
