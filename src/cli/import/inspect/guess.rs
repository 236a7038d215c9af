//! What a file probably is, from the names of its columns and from its first rows.

mod facts;
mod look;
mod people;

use clap::ValueEnum as _;
use csv::StringRecord;

use self::look::Look;
use crate::cli::import::args::SourceArgs;
use crate::cli::import::columns::Header;
use crate::cli::import::preset::Preset;

/// Columns of contracts and of rates, each by its default names; no other files have all of them.
const CONTRACTS: [&[&str]; 2] = [&["contract_id", "contract"], &["started_on", "start"]];
const RATES: [&[&str]; 2] = [&["rate"], &["date", "day"]];
/// Columns that only lists of customers have, unless they also have an amount.
const PEOPLE: [&str; 9] = [
    "name", "phone", "mobile", "telefon", "email", "mail", "birthday", "vorname", "nachname",
];

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
    /// A guess, or why there is none.
    pub(super) fn make(header: &Header, rows: &[StringRecord]) -> Result<Self, String> {
        let look = Look::new(header, rows);
        let has = |name: &str| header.first_of(&[name]).is_some();
        let presets = Preset::value_variants().iter().copied();
        let fitting = presets.filter(|preset| preset.columns().all(has));
        if let Some(preset) = fitting.max_by_key(|preset| preset.columns().count()) {
            let mut guess = Self {
                preset: Some(preset),
                ..Self::of(preset.command())
            };
            if preset.command() == "customers" {
                guess.note_plan(&look);
            }
            return Ok(guess);
        }
        let has_all = |columns: &[&[&str]]| {
            let mut columns = columns.iter();
            columns.all(|names| header.first_of(names).is_some())
        };
        if has_all(&CONTRACTS) {
            let mut guess = Self::of("contracts");
            guess.customer(&look)?;
            guess.days(&look, header.first_of(CONTRACTS[1]));
            guess.amounts(&look, header.first_of(&["price", "amount"]));
            return Ok(guess);
        }
        if has_all(&RATES) {
            let mut guess = Self::of("rates");
            guess.days(&look, header.first_of(RATES[1]));
            guess.numbers(&look, header.first_of(RATES[0]));
            return Ok(guess);
        }
        let day = look.day();
        let amount = look.amount();
        let is_people = look.first_with_word(&PEOPLE).is_some();
        match (day, amount) {
            (Some(day), Some(amount)) if amount.is_usual || !is_people => {
                Self::transactions(&look, day, &amount)
            }
            (Some(day), None)
                if look.has_channels() || look.first_with_word(&["duration"]).is_some() =>
            {
                Self::contacts(&look, day)
            }
            _ => Self::customers(&look, day),
        }
    }

    fn of(command: &'static str) -> Self {
        Self {
            preset: None,
            command,
            options: vec![],
            notes: vec![],
        }
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

    /// Names a column, unless it is found by its name.
    fn set_column(&mut self, option: &str, look: &Look<'_>, column: usize, usual: &[&str]) {
        if look.header.first_of(usual) != Some(column) {
            self.set(option, look.name(column));
        }
    }

    fn note(&mut self, text: impl Into<String>) {
        self.notes.push(text.into());
    }
}
