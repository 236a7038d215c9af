//! Rows: reading their cells, collecting what is wrong with them.

use csv::StringRecord;

use super::columns::Header;

/// A row under examination: its cells and everything that is wrong with them.
///
/// It may have several lines, those of one order: then a cell is the first that is not empty in its column.
#[derive(Debug)]
pub struct Row<'a> {
    header: &'a Header,
    lines: &'a [StringRecord],
    problems: Vec<String>,
    /// What is wrong with cells that the row can do without.
    cells: Vec<String>,
    strict: bool,
    nothing: Option<String>,
    /// What is right and was read otherwise than it stands there.
    remarks: Vec<&'static str>,
    condition: Option<String>,
}

impl<'a> Row<'a> {
    /// A row of a file, or all rows of one order. One with more or fewer cells than the header is refused.
    #[must_use]
    pub fn new(header: &'a Header, lines: &'a [StringRecord]) -> Self {
        let columns = header.names().len();
        let wrong = lines.iter().find(|line| line.len() != columns);
        let problems =
            wrong.map(|line| format!("has {} cells, the header has {columns}", line.len()));
        Self {
            header,
            lines,
            problems: problems.into_iter().collect(),
            cells: vec![],
            strict: false,
            nothing: None,
            remarks: vec![],
            condition: None,
        }
    }

    /// The same row, of which one wrong cell is enough to refuse it.
    #[must_use]
    pub fn strictly(self, strict: bool) -> Self {
        Self { strict, ..self }
    }

    /// A cell without the blanks around it. Empty when the column is not used.
    #[must_use]
    pub fn text(&self, column: Option<usize>) -> &'a str {
        self.texts(column)
            .find(|text| !text.is_empty())
            .unwrap_or("")
    }

    /// The cells of a column in all lines of the row.
    pub fn texts(&self, column: Option<usize>) -> impl Iterator<Item = &'a str> + use<'a> {
        let (header, lines) = (self.header, self.lines);
        column
            .into_iter()
            .flat_map(move |column| lines.iter().map(move |line| header.cell(line, column)))
    }

    /// The name of a column.
    #[must_use]
    pub fn name(&self, column: usize) -> &'a str {
        self.header.names().get(column).map_or("?", String::as_str)
    }

    /// Reads a cell. `None` when it is empty or wrong; what is wrong is noted.
    pub fn parse<T>(
        &mut self,
        column: Option<usize>,
        parse: impl FnOnce(&str) -> Result<T, String>,
    ) -> Option<T> {
        let (column, text) = (column?, self.text(column));
        if text.is_empty() {
            return None;
        }
        match parse(text) {
            Ok(value) => Some(value),
            Err(reason) => {
                self.problems
                    .push(format!("{}: {reason}", self.name(column)));
                None
            }
        }
    }

    /// Reads a cell that the row can do without: what is wrong with it costs the cell and not the row.
    pub fn parse_cell<T>(
        &mut self,
        column: usize,
        parse: impl FnOnce(&str) -> Result<T, String>,
    ) -> Option<T> {
        let before = self.problems.len();
        let value = self.parse(Some(column), parse);
        if !self.strict {
            self.cells.extend(self.problems.drain(before..));
        }
        value
    }

    /// Reads a cell that must not be empty.
    pub fn parse_required<T>(
        &mut self,
        column: usize,
        parse: impl FnOnce(&str) -> Result<T, String>,
    ) -> Option<T> {
        if self.text(Some(column)).is_empty() {
            self.problems
                .push(format!("{}: is empty", self.name(column)));
            return None;
        }
        self.parse(Some(column), parse)
    }

    /// Reads a text of at most so many bytes. Empty when absent or wrong.
    pub fn short_text(&mut self, column: Option<usize>, bytes: usize) -> String {
        self.parse(column, |text| {
            short_text(text, bytes).map(|text| text.unwrap_or_default().to_owned())
        })
        .unwrap_or_default()
    }

    /// Reads a text that people wrote, of at most so many bytes: a line break in it is a blank.
    pub fn free_text(&mut self, column: Option<usize>, bytes: usize) -> String {
        self.parse(column, |text| free_text(text, bytes))
            .unwrap_or_default()
    }

    /// Reads an id of at most 128 bytes that must be there.
    pub fn id(&mut self, column: usize) -> Option<String> {
        self.parse_required(column, parse_id)
    }

    /// Whether all lines have the same in a column, or nothing; else that is noted.
    pub fn is_same(&mut self, column: usize) -> bool {
        let first = self.text(Some(column));
        let other = self
            .texts(Some(column))
            .find(|text| !text.is_empty() && *text != first);
        if let Some(other) = other {
            let name = self.name(column);
            self.refuse(format!(
                "{name}: the lines of one order have {first:?} and {other:?}"
            ));
        }
        other.is_none()
    }

    /// Notes that something is wrong.
    pub fn refuse(&mut self, reason: impl Into<String>) {
        self.problems.push(reason.into());
    }

    /// Notes that the row, with which nothing is wrong, holds no fact, and why.
    pub fn leave_out(&mut self, reason: impl Into<String>) {
        self.nothing = Some(reason.into());
    }

    /// Drops what is wrong: the row is not needed.
    pub fn forgive(&mut self) {
        self.problems.clear();
        self.cells.clear();
    }

    /// Notes that the facts of the row count only if the server finds what they are about, and why they may not.
    pub fn condition(&mut self, reason: String) {
        self.condition = Some(reason);
    }

    /// Why the facts of the row may not count.
    #[must_use]
    pub fn conditional(&self) -> Option<&str> {
        self.condition.as_deref()
    }

    /// Notes that something right was read otherwise than it stands there; the summary counts it.
    pub fn remark(&mut self, text: &'static str) {
        self.remarks.push(text);
    }

    /// What was read otherwise than it stands there.
    #[must_use]
    pub fn remarks(&self) -> &[&'static str] {
        &self.remarks
    }

    /// Why a sound row holds no fact, if it holds none.
    #[must_use]
    pub fn left_out(&self) -> Option<&str> {
        self.nothing.as_deref().filter(|_| self.is_sound())
    }

    /// Whether nothing is wrong so far.
    #[must_use]
    pub fn is_sound(&self) -> bool {
        self.problems.is_empty()
    }

    /// What is wrong with cells that the row goes without.
    #[must_use]
    pub fn wrong_cells(&self) -> &[String] {
        &self.cells
    }

    /// Everything that is wrong, in one line.
    #[must_use]
    pub fn into_reason(self) -> String {
        let mut problems = self.problems;
        problems.extend(self.cells);
        problems.join("; ")
    }
}

/// A text that people wrote, of at most so many bytes, with single blanks for line breaks and tabs.
///
/// # Errors
///
/// A sentence that states what is wrong.
pub fn free_text(text: &str, bytes: usize) -> Result<String, String> {
    let words = text
        .split([' ', '\n', '\t'])
        .filter(|word| !word.is_empty());
    let line = words.collect::<Vec<_>>().join(" ");
    short_text(&line, bytes).map(|text| text.unwrap_or_default().to_owned())
}

/// An id of at most 128 bytes. What a spreadsheet made of a long number is none: its last digits are lost.
///
/// # Errors
///
/// A sentence that states what is wrong.
pub fn parse_id(text: &str) -> Result<String, String> {
    if is_shortened(text) {
        return Err(format!(
            "{text:?} is a number that a spreadsheet shortened, its last digits are lost: export the column as text"
        ));
    }
    short_text(text, 128).map(|text| text.unwrap_or_default().to_owned())
}

/// Whether a text is a number in scientific notation, as spreadsheets write long ones: `4.93023E+11`.
#[must_use]
pub fn is_shortened(text: &str) -> bool {
    let Some((mantissa, power)) = text.split_once(['E', 'e']) else {
        return false;
    };
    let digits = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    let (whole, fraction) = mantissa.split_once(['.', ',']).unwrap_or((mantissa, "0"));
    digits(whole)
        && whole.len() == 1
        && digits(fraction)
        && power.strip_prefix('+').is_some_and(digits)
}

/// A text of at most so many bytes without control characters. `None` when empty.
///
/// # Errors
///
/// A sentence that states what is wrong.
pub fn short_text(text: &str, bytes: usize) -> Result<Option<&str>, String> {
    let text = text.trim();
    if text.len() > bytes {
        return Err(format!(
            "has {} bytes, at most {bytes} are allowed",
            text.len()
        ));
    }
    if text.chars().any(char::is_control) {
        return Err("has a control character (a line break, for example)".to_owned());
    }
    Ok(Some(text).filter(|text| !text.is_empty()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn header(names: &[&str]) -> Header {
        let names = names.iter().map(|name| (*name).to_owned()).collect();
        Header::new(names, b',', "a file").unwrap()
    }

    #[test]
    fn everything_wrong_with_a_row_is_collected() {
        let header = header(&["a", "b"]);
        let record = [StringRecord::from(vec!["", "x\u{7}"])];
        let mut row = Row::new(&header, &record);
        assert_eq!(row.id(0), None);
        assert_eq!(row.short_text(Some(1), 64), "");
        assert!(!row.is_sound());
        assert_eq!(
            row.into_reason(),
            "a: is empty; b: has a control character (a line break, for example)"
        );
        let short = [StringRecord::from(vec!["only"])];
        assert_eq!(
            Row::new(&header, &short).into_reason(),
            "has 1 cells, the header has 2"
        );
    }

    #[test]
    fn a_wrong_cell_that_a_row_can_do_without_costs_the_cell() {
        let header = header(&["a"]);
        let record = [StringRecord::from(vec!["x"])];
        let wrong = |_: &str| Err::<(), _>("is wrong".to_owned());
        let mut row = Row::new(&header, &record);
        assert_eq!(row.parse_cell(0, wrong), None);
        assert!(row.is_sound());
        assert_eq!(row.wrong_cells(), ["a: is wrong"]);
        let mut row = Row::new(&header, &record).strictly(true);
        assert_eq!(row.parse_cell(0, wrong), None);
        assert!(!row.is_sound());
    }

    #[test]
    fn ids_that_a_spreadsheet_shortened_are_refused() {
        for text in ["4.93023E+11", "1E+12"] {
            assert!(parse_id(text).is_err(), "{text}");
        }
        for text in ["0000100017", "E10", "1E5", "5e2a", "17850.0"] {
            assert_eq!(parse_id(text).as_deref(), Ok(text));
        }
    }
}
