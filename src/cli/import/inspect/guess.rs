//! What a file probably is, from the names of its columns and from its first rows.

use clap::ValueEnum as _;
use csv::StringRecord;

use crate::cli::import::args::SourceArgs;
use crate::cli::import::columns::Header;
use crate::cli::import::preset::Preset;
use crate::cli::import::when::parse_when;

/// The commands with names of columns that only files for them have; the first that fits is taken.
const KINDS: [(&str, &[&[&str]]); 5] = [
    (
        "contracts",
        &[&["contract_id", "contract"], &["started_on", "start"]],
    ),
    ("rates", &[&["rate"], &["date", "day"]]),
    ("transactions", &[&["amount", "total"], &DAYS]),
    (
        "contacts",
        &[&["channel", "duration", "duration_seconds"], &DAYS],
    ),
    (
        "customers",
        &[&["name", "display_name", "phone", "phone_number", "email"]],
    ),
];

/// Default names of a day or time.
const DAYS: [&str; 4] = ["date", "time", "occurred_at", "timestamp"];

/// How a file is probably imported.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Guess {
    preset: Option<Preset>,
    command: &'static str,
    options: Vec<String>,
    /// What is not known from the file.
    pub(super) notes: Vec<String>,
}

impl Guess {
    /// `None` when the columns are like those of no known file.
    pub(super) fn make(header: &Header, rows: &[StringRecord]) -> Option<Self> {
        let has = |name: &str| header.first_of(&[name]).is_some();
        let presets = Preset::value_variants().iter().copied();
        let fitting = presets.filter(|preset| preset.columns().all(has));
        if let Some(preset) = fitting.max_by_key(|preset| preset.columns().count()) {
            return Some(Self {
                preset: Some(preset),
                command: preset.command(),
                options: vec![],
                notes: vec![],
            });
        }
        let (command, _) = KINDS
            .iter()
            .find(|(_, columns)| columns.iter().all(|names| header.first_of(names).is_some()))?;
        let mut guess = Self {
            preset: None,
            command,
            options: vec![],
            notes: vec![],
        };
        guess.customer(header);
        guess.days(header, rows);
        guess.amounts(header, rows);
        Some(guess)
    }

    /// The words of the command.
    pub(super) fn command(&self, source: &SourceArgs) -> Vec<String> {
        let mut words = vec![
            "patron".to_owned(),
            "import".to_owned(),
            self.command.to_owned(),
        ];
        words.extend(source.file.as_ref().map(|file| file.display().to_string()));
        if let Some(preset) = self.preset {
            words.extend(["--preset".to_owned(), preset.name()]);
        }
        let delimiter = source
            .delimiter
            .as_ref()
            .filter(|delimiter| *delimiter != "," && *delimiter != "auto");
        for (option, value) in [
            ("--from-sql", &source.from_sql),
            ("--query", &source.query),
            ("--form", &source.form),
            ("--delimiter", &delimiter.cloned()),
            ("--encoding", &source.encoding),
        ] {
            words.extend(
                value
                    .iter()
                    .flat_map(|value| [option.to_owned(), value.clone()]),
            );
        }
        words.extend(self.options.iter().cloned());
        words
    }

    fn set(&mut self, option: &str, value: &str) {
        self.options.extend([option.to_owned(), value.to_owned()]);
    }

    /// A column that is called like a customer, where none has the usual name.
    fn customer(&mut self, header: &Header) {
        let usual = ["customer_id", "customer", "cust"];
        if self.command == "rates" || header.first_of(&usual).is_some() {
            return;
        }
        let like = header.names().iter().find(|name| {
            let name = name.to_lowercase();
            [
                "customer", "kunde", "client", "user", "account", "email", "e-mail",
            ]
            .iter()
            .any(|part| name.contains(part))
        });
        match like {
            Some(name) => self.set("--customer-column", &name.clone()),
            None => self
                .notes
                .push("no column is called like a customer: set --customer-column".to_owned()),
        }
    }

    /// The order of day and month, where a day shows it.
    fn days(&mut self, header: &Header, rows: &[StringRecord]) {
        let Some(column) =
            header
                .first_of(&DAYS)
                .or(header.first_of(&["day", "started_on", "start"]))
        else {
            return;
        };
        let cells: Vec<&str> = rows
            .iter()
            .map(|row| header.cell(row, column))
            .filter(|cell| !cell.is_empty())
            .collect();
        let ambiguous: Vec<(u32, u32, bool)> = cells
            .iter()
            .filter(|cell| parse_when(cell).is_err())
            .filter_map(|cell| numbers(cell))
            .collect();
        let Some((_, _, with_time)) = ambiguous.first() else {
            let all_digits = |length: usize| {
                let is_number =
                    |cell: &&str| cell.len() == length && cell.bytes().all(|b| b.is_ascii_digit());
                !cells.is_empty() && cells.iter().all(is_number)
            };
            match (all_digits(10), all_digits(13)) {
                (true, _) => self.set("--date-format", "epoch"),
                (_, true) => self.set("--date-format", "epoch-ms"),
                _ => {}
            }
            return;
        };
        let time = if *with_time { " %H:%M" } else { "" };
        let month_first = ambiguous.iter().any(|(_, second, _)| *second > 12);
        let day_first = ambiguous.iter().any(|(first, _, _)| *first > 12);
        match (day_first, month_first) {
            (true, false) => self.set("--date-format", &format!("%d/%m/%Y{time}")),
            (false, true) => self.set("--date-format", &format!("%m/%d/%Y{time}")),
            _ => self.notes.push("which number of a day is the month does not show: set --date-format %d/%m/%Y or %m/%d/%Y".to_owned()),
        }
    }

    /// Decimal commas, thousands, and whether the currency is known.
    fn amounts(&mut self, header: &Header, rows: &[StringRecord]) {
        let Some(column) = header.first_of(&["amount", "total", "price", "cost", "rate"]) else {
            return;
        };
        let cells = || rows.iter().map(|row| header.cell(row, column));
        let last = |cell: &str| cell.rfind(['.', ',']).map(|at| cell.as_bytes()[at]);
        let grouped = |cell: &str| cell.contains('.') && cell.contains(',');
        let comma = cells().any(|cell| {
            let behind = cell
                .rsplit_once(',')
                .map_or(0, |(_, behind)| behind.trim_end_matches('-').len());
            last(cell) == Some(b',') && (behind == 2 || grouped(cell))
        });
        if comma {
            self.options.push("--decimal-comma".to_owned());
        }
        if cells().any(grouped) {
            self.set("--thousands", if comma { "." } else { "," });
        }
        if self.command != "rates" && header.first_of(&["currency"]).is_none() {
            self.set("--currency", "EUR");
            self.notes
                .push("the file states no currency: EUR is a guess, see --currency".to_owned());
        }
    }
}

/// The first two numbers of `1/2/2026` or `1-2-2026`, and whether a time follows.
fn numbers(cell: &str) -> Option<(u32, u32, bool)> {
    let (day, time) = cell.split_once(' ').unwrap_or((cell, ""));
    let mut parts = day.split('/').map(str::parse::<u32>);
    match (parts.next(), parts.next(), parts.next()) {
        (Some(Ok(first)), Some(Ok(second)), Some(Ok(_))) => Some((first, second, !time.is_empty())),
        _ => None,
    }
}
