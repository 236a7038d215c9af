//! Purchases and contacts: whose they are, when they happened, how much they were.

use super::Guess;
use super::look::{AMOUNTS, AmountColumn, CUSTOMERS, DAYS, Look, is_email, is_number, slashed};
use crate::cli::import::columns::words;
use crate::cli::import::currency::parse_currency;
use crate::cli::import::when::{Dates, parse_when};

/// Ids of an order, without the signs between their words.
const ORDER_IDS: [&str; 17] = [
    "orderid",
    "ordernumber",
    "orderno",
    "order",
    "invoiceid",
    "invoicenumber",
    "invoiceno",
    "invoice",
    "transactionid",
    "paymentid",
    "receiptid",
    "belegnummer",
    "beleg",
    "bestellnummer",
    "auftragsnummer",
    "auftrag",
    "id",
];

impl Guess {
    /// Purchases.
    pub(super) fn transactions(
        look: &Look<'_>,
        day: usize,
        amount: &AmountColumn,
    ) -> Result<Self, String> {
        let mut guess = Self::of("transactions");
        let customer = guess.customer(look)?;
        guess.set_column("--time-column", look, day, &DAYS);
        guess.days(look, Some(day));
        let price = look.first_with_word(&["price", "preis", "unitprice"]);
        let quantity = look.first_with_word(&["quantity", "qty", "menge"]);
        match (price, quantity) {
            (Some(price), Some(quantity)) if price == amount.column => {
                guess.set("--quantity-column", look.name(quantity));
                guess.set("--price-column", look.name(price));
            }
            _ => guess.set_column("--amount-column", look, amount.column, &AMOUNTS),
        }
        if price == Some(amount.column) && quantity.is_none() {
            let name = look.name(amount.column);
            guess.note(format!("{name:?} is read as the amount of the whole purchase: with a quantity, set --quantity-column and --price-column"));
        }
        guess.amounts(look, Some(amount.column));
        guess.order(look, customer);
        Ok(guess)
    }

    /// Contacts.
    pub(super) fn contacts(look: &Look<'_>, day: usize) -> Result<Self, String> {
        let mut guess = Self::of("contacts");
        guess.customer(look)?;
        guess.set_column("--time-column", look, day, &DAYS);
        guess.days(look, Some(day));
        if let Some(duration) = look.first_with_word(&["duration"]) {
            let usual = ["duration_seconds", "duration"];
            guess.set_column("--duration-column", look, duration, &usual);
        }
        if look.header.first_of(&["channel"]).is_none() {
            guess.set("--channel", "phone");
            guess.note("the file states no channel: phone is a guess, see --channel");
        }
        if look.header.first_of(&["cost"]).is_some() {
            guess.amounts(look, look.header.first_of(&["cost"]));
        }
        Ok(guess)
    }

    /// The customer of a fact.
    pub(super) fn customer(&mut self, look: &Look<'_>) -> Result<usize, String> {
        let found = look.customers();
        // Where every row has another one, it is more likely the id of the row.
        let is_row = |column: &usize| words(look.name(*column)) == ["id"] && !look.repeats(*column);
        let mut likely = found.iter().copied().filter(|column| !is_row(column));
        let Some(column) = likely.next() else {
            return Err("no column looks like the id or the address of a customer".to_owned());
        };
        self.set_column("--customer-column", look, column, &CUSTOMERS);
        if look.are_all(column, is_email) {
            self.set("--customer-by", "email");
            self.set("--unknown-customer", "create");
        }
        let is_named = CUSTOMERS
            .iter()
            .any(|name| look.header.first_of(&[name]) == Some(column));
        if !is_named && let Some(other) = likely.next() {
            let (name, other) = (look.name(column), look.name(other));
            self.note(format!(
                "{name:?} is read as the customer and not {other:?}: see --customer-column"
            ));
        }
        Ok(column)
    }

    /// The id of a purchase. One that repeats is that of an order with several lines.
    fn order(&mut self, look: &Look<'_>, customer: usize) {
        if look.header.first_of(&["transaction_id"]).is_some() {
            return;
        }
        let squeezed = |column: &usize| words(look.name(*column)).concat();
        let columns = || look.columns().filter(|column| *column != customer);
        let mut ids = ORDER_IDS.iter();
        let Some(id) = ids.find_map(|name| columns().find(|column| squeezed(column) == **name))
        else {
            return;
        };
        let name = look.name(id);
        if !look.repeats(id) {
            self.set("--id-column", name);
        } else if squeezed(&id) != "id" {
            self.set("--order-column", name);
            self.note(format!(
                "{name:?} repeats: its rows are read as lines of one order, whose amounts are added"
            ));
        }
    }

    /// The order of day and month, where a day shows it.
    pub(super) fn days(&mut self, look: &Look<'_>, column: Option<usize>) {
        let Some(column) = column else {
            return;
        };
        let all_digits = |length: usize| {
            look.are_all(column, |cell| {
                cell.len() == length && cell.bytes().all(|b| b.is_ascii_digit())
            })
        };
        match (all_digits(10), all_digits(13)) {
            (true, _) => self.set("--date-format", "epoch"),
            (_, true) => self.set("--date-format", "epoch-ms"),
            _ => {}
        }
        let cells = look.cells(column).into_iter();
        let unclear: Vec<&str> = cells.filter(|cell| parse_when(cell).is_err()).collect();
        let slashed: Vec<(u32, u32, &str)> =
            unclear.iter().filter_map(|cell| slashed(cell)).collect();
        let Some((_, _, time)) = slashed.first() else {
            return;
        };
        let time = match (time.matches(':').count(), time.ends_with(['M', 'm'])) {
            (0, _) => "",
            (1, false) => " %H:%M",
            (1, true) => " %I:%M %p",
            (_, false) => " %H:%M:%S",
            (_, true) => " %I:%M:%S %p",
        };
        let month_first = slashed.iter().any(|(_, second, _)| *second > 12);
        let day_first = slashed.iter().any(|(first, _, _)| *first > 12);
        let day = match (day_first, month_first) {
            (true, false) => "%d/%m/%Y",
            (false, true) => "%m/%d/%Y",
            _ => {
                return self.note("which number of a day is the month does not show: set --date-format %d/%m/%Y or %m/%d/%Y");
            }
        };
        let format = format!("{day}{time}");
        let dates = Dates {
            formats: vec![format.clone()],
            ..Dates::default()
        };
        if unclear.len() == slashed.len() && unclear.iter().all(|cell| dates.when(cell).is_ok()) {
            self.set("--date-format", &format);
            // Where others are written in the usual forms, both are read.
            if unclear.len() < look.cells(column).len() {
                self.set("--date-format", "usual");
            }
        }
    }

    /// How amounts are written, and their currency.
    pub(super) fn amounts(&mut self, look: &Look<'_>, column: Option<usize>) {
        let Some(column) = column else {
            return;
        };
        self.numbers(look, Some(column));
        if look.header.first_of(&["currency"]).is_some() {
            return;
        }
        let is_code = |cell: &str| parse_currency(cell).is_ok();
        let named = look.with_word(&["currency", "currencyisocode", "waehrung", "w\u{e4}hrung"]);
        if let Some(column) = named
            .into_iter()
            .find(|column| look.are_all(*column, is_code))
        {
            return self.set("--currency-column", look.name(column));
        }
        let states = |cell: &str| crate::cli::import::amount::currency_in(cell).is_ok();
        if look.are_all(column, states) {
            return self.options.push("--currency-in-cells".to_owned());
        }
        let words = words(look.name(column));
        let says = |names: &[&str]| words.iter().any(|word| names.contains(&word.as_str()));
        let code = match (says(&["dollars", "usd"]), says(&["gbp", "pounds"])) {
            (true, _) => "USD",
            (_, true) => "GBP",
            _ => "EUR",
        };
        self.set("--currency", code);
        self.note(format!(
            "the file states no currency: {code} is a guess, see --currency"
        ));
    }

    /// Decimal commas and thousands.
    pub(super) fn numbers(&mut self, look: &Look<'_>, column: Option<usize>) {
        let cells = column.map(|column| look.cells(column)).unwrap_or_default();
        let cells = || cells.iter().filter(|cell| is_number(cell));
        let last = |cell: &str| cell.rfind(['.', ',']).map(|at| cell.as_bytes()[at]);
        let grouped = |cell: &&&str| cell.contains('.') && cell.contains(',');
        let comma = cells().any(|cell| {
            let behind = cell
                .rsplit_once(',')
                .map_or(0, |(_, behind)| behind.trim_end_matches('-').len());
            last(cell) == Some(b',') && (behind == 2 || grouped(&cell))
        });
        if comma {
            self.options.push("--decimal-comma".to_owned());
        }
        if cells().any(|cell| grouped(&cell)) {
            self.set("--thousands", if comma { "." } else { "," });
        }
    }
}
