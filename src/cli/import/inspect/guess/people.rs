//! Customers: names, numbers, addresses, and every other column as an attribute.

use super::Guess;
use super::look::{CUSTOMERS, Look, is_email};
use crate::cli::import::columns::words;

/// Columns that are read by their names.
const USUAL: [&str; 9] = [
    "name",
    "display_name",
    "phone",
    "phone_number",
    "email",
    "observed_on",
    "kind",
    "currency",
    "customer_id",
];
/// Words in the names of columns of phone numbers.
const PHONES: [&str; 6] = ["phone", "mobile", "telefon", "tel", "mobil", "handy"];
/// Most attributes of a customer, by the contract.
const ATTRIBUTES: usize = 128;

impl Guess {
    /// Customers. `day` is the first column of days, if there is one.
    pub(super) fn customers(look: &Look<'_>, day: Option<usize>) -> Result<Self, String> {
        let mut guess = Self::of("customers");
        let is_id = |column: &usize| !look.are_all(*column, is_email);
        let Some(customer) = look.customers().into_iter().find(is_id) else {
            return Err("no column looks like the id of a customer".to_owned());
        };
        guess.set_column("--customer-column", look, customer, &CUSTOMERS);
        let mut used = vec![customer];
        used.extend(
            USUAL
                .iter()
                .filter_map(|name| look.header.first_of(&[name])),
        );
        guess.names(look, &mut used);
        guess.several(look, "--email-column", &["email", "mail"], &mut used);
        guess.several(look, "--phone-column", &PHONES, &mut used);
        guess.note_plan(look);
        // Rows of one customer with different days are what was observed on them.
        let observed = day.filter(|day| !used.contains(day) && look.repeats(customer));
        if let Some(day) = observed {
            used.push(day);
            guess.set("--observed-column", look.name(day));
        }
        let others = look.columns().filter(|column| !used.contains(column));
        let others: Vec<usize> = others
            .filter(|column| !look.cells(*column).is_empty())
            .collect();
        if observed.is_some() && others.is_empty() && used.len() == 2 {
            return Err("it looks like purchases without an amount, and every purchase needs one: add a column with it".to_owned());
        }
        guess.attributes(look, &others);
        Ok(guess)
    }

    /// The parts of a name, where no column has all of it.
    fn names(&mut self, look: &Look<'_>, used: &mut Vec<usize>) {
        if look.header.first_of(&["name", "display_name"]).is_some() {
            return;
        }
        let squeezed = |column: &usize| words(look.name(*column)).concat();
        for part in [
            ["firstname", "vorname", "givenname"],
            ["lastname", "nachname", "surname"],
        ] {
            let found = look
                .columns()
                .find(|column| part.contains(&squeezed(column).as_str()));
            if let Some(column) = found {
                self.set("--name-column", look.name(column));
                used.push(column);
            }
        }
    }

    /// Columns of identifiers, where not one has the usual name.
    fn several(&mut self, look: &Look<'_>, option: &str, named: &[&str], used: &mut Vec<usize>) {
        let found = look.with_word(named);
        if found.iter().all(|column| used.contains(column)) {
            return;
        }
        for column in found {
            self.set(option, look.name(column));
            used.push(column);
        }
    }

    /// Whether numbers are written without their country.
    pub(super) fn note_plan(&mut self, look: &Look<'_>) {
        let cells = look
            .with_word(&PHONES)
            .into_iter()
            .flat_map(|column| look.cells(column));
        let mut cells = cells.map(|cell| cell.trim_start_matches(['\'', '(']));
        if cells.any(|cell| cell.starts_with('0') && !cell.starts_with("00")) {
            self.note("phone numbers are written without their country: set --phone-numbers, for example auto:DE");
        }
    }

    fn attributes(&mut self, look: &Look<'_>, columns: &[usize]) {
        let mut names: Vec<String> = Vec::new();
        for &column in columns.iter().take(ATTRIBUTES) {
            let name = attribute_name(look.name(column));
            if names.contains(&name) {
                continue;
            }
            let kind = kind(look, column);
            self.set(
                "--attribute",
                &format!("{name}={}:{kind}", look.name(column)),
            );
            names.push(name);
        }
        if columns.len() > names.len() {
            let left = columns.len() - names.len();
            self.note(format!(
                "{left} columns are not read: name them with --attribute"
            ));
        }
    }
}

/// The name of an attribute: lower-case letters, digits and `_`.
fn attribute_name(column: &str) -> String {
    let parts: Vec<String> = words(column)
        .into_iter()
        .map(|word| word.chars().filter(char::is_ascii_alphanumeric).collect())
        .filter(|word: &String| !word.is_empty())
        .collect();
    let mut name = parts.join("_");
    if !name.starts_with(|c: char| c.is_ascii_lowercase()) {
        name.insert_str(0, "c_");
    }
    name.truncate(64);
    name
}

/// The type of what stands in a column.
fn kind(look: &Look<'_>, column: usize) -> &'static str {
    // A number with zeros before it is an id.
    let is_padded = |text: &str| text.len() > 1 && text.starts_with('0') && !text.starts_with("0.");
    let is_int = |text: &str| text.parse::<i64>().is_ok() && !is_padded(text);
    let is_number = |text: &str| text.parse::<f64>().is_ok_and(f64::is_finite) && !is_padded(text);
    let is_bool =
        |text: &str| ["true", "false", "yes", "no"].contains(&text.to_lowercase().as_str());
    if look.has_days(column) {
        "day"
    } else if look.are_all(column, is_int) {
        "int"
    } else if look.are_all(column, is_number) {
        "number"
    } else if look.are_all(column, is_bool) {
        "bool"
    } else {
        "text"
    }
}
