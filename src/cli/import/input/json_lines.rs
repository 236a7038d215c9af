//! JSON lines: an object in each line, its fields as columns. Fields of objects within it have names like `customer.id`.

use std::collections::{BTreeMap, HashSet};
use std::io::{self, BufRead as _, BufReader};

use csv::ByteRecord;
use serde_json::value::RawValue;

use super::decode::Decoded;
use super::rows::RowRead;
use crate::cli::import::columns::Header;

/// The fields of an object as they are written: a number keeps its digits.
type Fields<'a> = BTreeMap<String, &'a RawValue>;

/// Rows of JSON lines.
pub(super) struct JsonLines {
    lines: BufReader<Decoded>,
    names: Vec<String>,
    text: String,
    line: u64,
}

/// The names of all fields, in the order in which they first occur. A line that is no object has none; it is refused as a row.
pub(super) fn list_names(text: Decoded) -> io::Result<Vec<String>> {
    let (mut names, mut seen) = (Vec::new(), HashSet::new());
    let mut lines = BufReader::new(text);
    let mut line = Vec::new();
    if lines.fill_buf()?.trim_ascii_start().starts_with(b"[") {
        return Err(io::Error::other(
            "it is a JSON array and not an object in each line: `jq -c '.[]'` makes such lines of it",
        ));
    }
    while lines.read_until(b'\n', &mut line)? > 0 {
        let cells = std::str::from_utf8(&line).map(read_object);
        for (name, _) in cells.into_iter().flatten().flatten() {
            if seen.insert(name.clone()) {
                names.push(name);
            }
        }
        line.clear();
    }
    Ok(names)
}

impl JsonLines {
    pub(super) fn new(text: Decoded, header: &Header) -> Self {
        Self {
            lines: BufReader::new(text),
            names: header.names().to_vec(),
            text: String::new(),
            line: 0,
        }
    }

    pub(super) fn next(&mut self, record: &mut ByteRecord) -> io::Result<Option<RowRead>> {
        let mut bytes = Vec::new();
        loop {
            bytes.clear();
            if self.lines.read_until(b'\n', &mut bytes)? == 0 {
                return Ok(None);
            }
            self.line += 1;
            if !bytes.trim_ascii().is_empty() {
                break;
            }
        }
        record.clear();
        let read = std::str::from_utf8(&bytes)
            .map_err(|_| "is not UTF-8: set --encoding".to_owned())
            .and_then(read_object);
        let problem = match read {
            Ok(cells) => {
                let cells: BTreeMap<String, String> = cells.into_iter().collect();
                for name in &self.names {
                    self.text.clear();
                    self.text
                        .push_str(cells.get(name).map_or("", String::as_str));
                    record.push_field(self.text.as_bytes());
                }
                None
            }
            Err(problem) => {
                record.push_field(bytes.trim_ascii());
                Some(problem)
            }
        };
        Ok(Some(RowRead {
            line: self.line,
            problem,
        }))
    }
}

/// The cells of a line.
fn read_object(line: &str) -> Result<Vec<(String, String)>, String> {
    if line.trim().is_empty() {
        return Ok(vec![]);
    }
    let fields: Fields<'_> = serde_json::from_str(line).map_err(|cause| {
        if cause.is_data() {
            return "is not a JSON object".to_owned();
        }
        // The line is that of the file.
        let cause = cause.to_string().replace(" at line 1 column ", " at byte ");
        format!("is not JSON: {cause}")
    })?;
    let mut cells = Vec::with_capacity(fields.len());
    add_fields("", &fields, &mut cells);
    Ok(cells)
}

fn add_fields(prefix: &str, fields: &Fields<'_>, cells: &mut Vec<(String, String)>) {
    for (name, value) in fields {
        let name = format!("{prefix}{name}");
        match serde_json::from_str::<Fields<'_>>(value.get()) {
            Ok(inner) => add_fields(&format!("{name}."), &inner, cells),
            Err(_) => cells.push((name, cell(value.get()))),
        }
    }
}

/// A value as a cell has it: texts without quotes, `null` as nothing, lists with semicolons between their values.
fn cell(value: &str) -> String {
    if value == "null" {
        return String::new();
    }
    if let Ok(text) = serde_json::from_str::<String>(value) {
        return text;
    }
    match serde_json::from_str::<Vec<&RawValue>>(value) {
        Ok(values) => {
            let cells: Vec<String> = values.iter().map(|value| cell(value.get())).collect();
            cells.join(";")
        }
        Err(_) => value.to_owned(),
    }
}
