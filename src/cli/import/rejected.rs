//! The file of refused rows: the rows as they were, with their line and what is wrong.

use std::fs::{File, OpenOptions};
use std::io::{self, BufWriter, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

use csv::{ByteRecord, Writer, WriterBuilder};

use super::columns::Header;

/// Collects refused rows in a file beside the target and puts it in place when the import is done.
#[derive(Debug)]
pub struct Rejected {
    target: PathBuf,
    part: PathBuf,
    columns: usize,
    state: State,
}

#[derive(Debug)]
enum State {
    /// Nothing was refused yet.
    Empty {
        preface: String,
        header: Vec<String>,
        delimiter: u8,
    },
    /// The file is being written.
    Open(Box<Writer<BufWriter<File>>>),
    /// The file cannot be written; the reason was reported.
    Broken,
}

impl Rejected {
    /// Refused rows of an import, to be put in `target`, behind `preface`.
    #[must_use]
    pub fn new(target: PathBuf, header: &Header, preface: &str) -> Self {
        let mut part = target.clone().into_os_string();
        part.push(".part");
        let mut names = header.names().to_vec();
        names.extend(["line".to_owned(), "reason".to_owned()]);
        Self {
            target,
            part: part.into(),
            columns: header.names().len(),
            state: State::Empty {
                preface: preface.to_owned(),
                header: names,
                delimiter: header.delimiter(),
            },
        }
    }

    /// Adds a row.
    ///
    /// # Errors
    ///
    /// That the file cannot be written; said once, then further rows are dropped silently.
    pub fn add(&mut self, record: &ByteRecord, line: u64, reason: &str) -> Result<(), String> {
        let result = self.try_add(record, line, reason);
        if result.is_err() {
            self.discard();
        }
        result.map_err(|cause| format!("cannot write {}: {cause}", self.part.display()))
    }

    fn try_add(&mut self, record: &ByteRecord, line: u64, reason: &str) -> csv::Result<()> {
        if let State::Empty {
            preface,
            header,
            delimiter,
        } = &self.state
        {
            let mut file = BufWriter::new(create_private(&self.part)?);
            file.write_all(preface.as_bytes())?;
            let mut writer = WriterBuilder::new()
                .flexible(true)
                .delimiter(*delimiter)
                .from_writer(file);
            writer.write_record(header)?;
            self.state = State::Open(Box::new(writer));
        }
        let State::Open(writer) = &mut self.state else {
            return Ok(());
        };
        let mut row = record.clone();
        while row.len() < self.columns {
            row.push_field(b"");
        }
        row.push_field(line.to_string().as_bytes());
        row.push_field(reason.as_bytes());
        writer.write_byte_record(&row)
    }

    /// Puts the file in place, or removes that of an earlier import when nothing was refused. The path, if there is a file.
    ///
    /// # Errors
    ///
    /// That the file cannot be written or removed.
    pub fn finish(mut self) -> Result<Option<PathBuf>, String> {
        let result = match std::mem::replace(&mut self.state, State::Broken) {
            State::Broken => return Ok(None),
            State::Empty { .. } => match std::fs::remove_file(&self.target) {
                Err(cause) if cause.kind() != io::ErrorKind::NotFound => Err(cause),
                _ => Ok(None),
            },
            State::Open(writer) => writer
                .into_inner()
                .map_err(|error| error.into_error().kind().into())
                .and_then(|buffered| buffered.into_inner().map_err(Into::into))
                .and_then(|file: File| file.sync_all())
                .and_then(|()| std::fs::rename(&self.part, &self.target))
                .map(|()| Some(self.target.clone())),
        };
        result.map_err(|cause| format!("cannot write {}: {cause}", self.target.display()))
    }

    /// Drops what was written, for an import that did not come to its end.
    pub fn discard(&mut self) {
        if let State::Open(_) = std::mem::replace(&mut self.state, State::Broken) {
            // The next import overwrites the file anyway.
            let _ = std::fs::remove_file(&self.part);
        }
    }
}

/// An empty file that only our account can read: refused rows are customers' data. One that is there, of whatever mode, is replaced.
fn create_private(path: &Path) -> io::Result<File> {
    match std::fs::remove_file(path) {
        Err(cause) if cause.kind() != io::ErrorKind::NotFound => return Err(cause),
        _ => {}
    }
    OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(path)
}

/// Where refused rows of a file go unless told: those of `orders.csv` to `orders.rejected.csv`.
#[must_use]
pub fn default_target(file: &Path) -> PathBuf {
    let is_csv = file
        .extension()
        .is_some_and(|extension| extension.eq_ignore_ascii_case("csv"));
    let mut name = if is_csv {
        file.with_extension("").into_os_string()
    } else {
        file.to_owned().into_os_string()
    };
    name.push(".rejected.csv");
    name.into()
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    fn header(folder: &Path) -> Header {
        let path = folder.join("orders.csv");
        std::fs::write(&path, "a,b\n").unwrap();
        super::super::input::open_csv(&path, None).unwrap().1
    }

    #[test]
    fn refused_rows_are_written_with_line_and_reason() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("orders.csv");
        let mut rejected = Rejected::new(default_target(&file), &header(folder.path()), "");
        rejected
            .add(&ByteRecord::from(vec!["1", "x,y"]), 2, "bad, really")
            .unwrap();
        rejected
            .add(&ByteRecord::from(vec!["2"]), 3, "short")
            .unwrap();
        let path = rejected.finish().unwrap().unwrap();
        assert_eq!(path, folder.path().join("orders.rejected.csv"));
        assert_eq!(
            std::fs::read_to_string(&path).unwrap(),
            "a,b,line,reason\n1,\"x,y\",2,\"bad, really\"\n2,,3,short\n"
        );
        assert!(!folder.path().join("orders.rejected.csv.part").exists());
        let mode = std::fs::metadata(&path).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600, "others may not read customers' data");
    }

    #[test]
    fn an_import_without_refusals_removes_the_file_of_the_one_before() {
        let folder = tempfile::tempdir().unwrap();
        let old = folder.path().join("orders.rejected.csv");
        std::fs::write(&old, "old").unwrap();
        let file = folder.path().join("orders.csv");
        let rejected = Rejected::new(default_target(&file), &header(folder.path()), "");
        assert_eq!(rejected.finish().unwrap(), None);
        assert!(!old.exists());
    }

    #[test]
    fn a_folder_that_cannot_be_written_is_reported_once() {
        let folder = tempfile::tempdir().unwrap();
        let header = header(folder.path());
        let mut rejected = Rejected::new("/nowhere/at/all/rejected.csv".into(), &header, "");
        let record = ByteRecord::from(vec!["1", "2"]);
        assert!(rejected.add(&record, 2, "bad").is_err());
        assert!(rejected.add(&record, 3, "bad").is_ok());
        assert_eq!(rejected.finish().unwrap(), None);
    }
}
