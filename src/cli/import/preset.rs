//! Presets: the options that fit the exports of well-known programs. They are ordinary options, put before those of the command line, and an
//! option that the command line has is taken from there alone.

use std::ffi::OsString;

use clap::ValueEnum;

/// A program whose exports are known.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
#[expect(
    clippy::doc_markdown,
    reason = "the comments are help for a terminal, where backticks are noise"
)]
pub enum Preset {
    /// Orders of a Shopify shop: a row for each line of an order
    Shopify,
    /// Payments of Stripe
    Stripe,
    /// Orders of a WooCommerce shop
    Woocommerce,
    /// Opportunities of Salesforce: those that were won are purchases
    Salesforce,
    /// Tickets of Zendesk, as contacts
    Zendesk,
    /// Contacts of HubSpot, as customers
    Hubspot,
    /// Documents of SAP with a minus behind the amount
    Sap,
    /// Purchases from a German Excel, as CSV or Unicode text
    ExcelDe,
    /// The Online Retail data set: lines of invoices with quantity and price
    OnlineRetail,
    /// Reference rates of the European Central Bank, all currencies at once
    Ecb,
}

/// One option with its value; without one, a switch.
type Setting = (&'static str, Option<&'static str>);

const SHOPIFY: &[Setting] = &[
    ("--source", Some("shopify")),
    ("--customer-column", Some("Email")),
    ("--customer-by", Some("email")),
    ("--unknown-customer", Some("create")),
    ("--time-column", Some("Created at")),
    ("--order-column", Some("Name")),
    ("--id-column", Some("Id")),
    ("--amount-column", Some("Total")),
    ("--currency-column", Some("Currency")),
    ("--refunded-column", Some("Refunded Amount")),
    (
        "--only",
        Some("Financial Status=paid|partially_paid|partially_refunded|refunded"),
    ),
    ("--ignore", Some("Lineitem quantity")),
];

const STRIPE: &[Setting] = &[
    ("--source", Some("stripe")),
    ("--customer-column", Some("Customer ID")),
    ("--time-column", Some("Created (UTC)")),
    ("--time-zone", Some("UTC")),
    ("--id-column", Some("id")),
    ("--amount-column", Some("Amount")),
    ("--thousands", Some(",")),
    ("--currency-column", Some("Currency")),
    ("--refunded-column", Some("Amount Refunded")),
    (
        "--only",
        Some("Status=Paid|Refunded|Partially Refunded|succeeded"),
    ),
];

const WOOCOMMERCE: &[Setting] = &[
    ("--source", Some("woocommerce")),
    ("--customer-column", Some("customer_id")),
    ("--no-customer", Some("0")),
    ("--guest-column", Some("billing_email")),
    ("--guest-by", Some("email")),
    ("--unknown-customer", Some("create")),
    ("--time-column", Some("order_date")),
    ("--id-column", Some("order_id")),
    ("--amount-column", Some("order_total")),
    ("--currency-column", Some("order_currency")),
    ("--refunded-if", Some("status=refunded")),
    ("--only", Some("status=completed|processing|refunded")),
];

const SALESFORCE: &[Setting] = &[
    ("--source", Some("salesforce")),
    ("--customer-column", Some("AccountId")),
    ("--kind", Some("company")),
    ("--time-column", Some("CloseDate")),
    ("--id-column", Some("Id")),
    ("--amount-column", Some("Amount")),
    ("--currency-column", Some("CurrencyIsoCode")),
    ("--only", Some("StageName=Closed Won")),
];

const ZENDESK: &[Setting] = &[
    ("--source", Some("zendesk")),
    ("--customer-column", Some("Requester id")),
    ("--time-column", Some("Created at")),
    ("--id-column", Some("Id")),
    ("--topic-column", Some("Subject")),
    ("--channel-column", Some("Via")),
    ("--map", Some("Via=Web form=web")),
    ("--map", Some("Via=Web=web")),
    ("--map", Some("Via=Mail=email")),
    ("--map", Some("Via=Email=email")),
    ("--map", Some("Via=Chat=chat")),
    ("--map", Some("Via=Messaging=chat")),
    ("--map", Some("Via=Phone call (inbound)=phone")),
    ("--map", Some("Via=Phone call (outbound)=phone")),
    ("--map", Some("Via=Voicemail=phone")),
    ("--ignore", Some("Status")),
];

const HUBSPOT: &[Setting] = &[
    ("--source", Some("hubspot")),
    ("--customer-column", Some("Record ID")),
    ("--name-column", Some("First Name")),
    ("--name-column", Some("Last Name")),
    ("--email-column", Some("Email")),
    ("--phone-column", Some("Phone Number")),
    ("--attribute", Some("birthday=Birthday:day")),
    ("--attribute", Some("annual_revenue=Annual Revenue:number")),
];

const SAP: &[Setting] = &[
    ("--source", Some("sap")),
    ("--delimiter", Some("auto")),
    ("--customer-column", Some("Kunde")),
    ("--time-column", Some("Belegdatum")),
    ("--id-column", Some("Beleg")),
    ("--amount-column", Some("Betrag")),
    ("--currency-column", Some("Waehrung")),
    ("--decimal-comma", None),
    ("--thousands", Some(".")),
];

const EXCEL_DE: &[Setting] = &[
    ("--delimiter", Some("auto")),
    ("--encoding", Some("windows-1252")),
    ("--customer-column", Some("Kunde")),
    ("--time-column", Some("Datum")),
    ("--amount-column", Some("Betrag")),
    ("--currency", Some("EUR")),
    ("--decimal-comma", None),
    ("--thousands", Some(".")),
];

const ONLINE_RETAIL: &[Setting] = &[
    ("--source", Some("online-retail")),
    ("--customer-column", Some("CustomerID")),
    ("--whole-number-ids", None),
    ("--time-column", Some("InvoiceDate")),
    ("--date-format", Some("%m/%d/%Y %H:%M")),
    ("--order-column", Some("InvoiceNo")),
    ("--quantity-column", Some("Quantity")),
    ("--price-column", Some("UnitPrice")),
    ("--currency", Some("GBP")),
];

const ECB: &[Setting] = &[
    ("--from", Some("EUR")),
    ("--date-column", Some("Date")),
    ("--all-columns", None),
];

impl Preset {
    /// The command of `patron import` that it belongs to.
    #[must_use]
    pub fn command(self) -> &'static str {
        match self {
            Self::Shopify
            | Self::Stripe
            | Self::Woocommerce
            | Self::Salesforce
            | Self::Sap
            | Self::ExcelDe
            | Self::OnlineRetail => "transactions",
            Self::Zendesk => "contacts",
            Self::Hubspot => "customers",
            Self::Ecb => "rates",
        }
    }

    /// Its name on the command line.
    #[must_use]
    pub fn name(self) -> String {
        let value = self.to_possible_value();
        value
            .map(|value| value.get_name().to_owned())
            .unwrap_or_default()
    }

    fn settings(self) -> &'static [Setting] {
        match self {
            Self::Shopify => SHOPIFY,
            Self::Stripe => STRIPE,
            Self::Woocommerce => WOOCOMMERCE,
            Self::Salesforce => SALESFORCE,
            Self::Zendesk => ZENDESK,
            Self::Hubspot => HUBSPOT,
            Self::Sap => SAP,
            Self::ExcelDe => EXCEL_DE,
            Self::OnlineRetail => ONLINE_RETAIL,
            Self::Ecb => ECB,
        }
    }

    /// The columns that a file has to have, by which the program that wrote it is known.
    pub fn columns(self) -> impl Iterator<Item = &'static str> {
        // Its options name the day only; the currencies are those of the table.
        let currencies: &[&str] = if self == Self::Ecb {
            &["USD", "JPY"]
        } else {
            &[]
        };
        let named = self.settings().iter().filter_map(|(option, value)| {
            let is_column = option.ends_with("-column");
            value.filter(|_| is_column)
        });
        named.chain(currencies.iter().copied())
    }

    /// Its options, one a line, as a shell reads them.
    #[must_use]
    pub fn explain(self) -> String {
        let settings = self.settings().iter().map(|(option, value)| match value {
            Some(value) => format!("  {option} {}", quoted(value)),
            None => format!("  {option}"),
        });
        let lines: Vec<String> = settings.collect();
        format!(
            "patron import {} --preset {} stands for:\n{}",
            self.command(),
            self.name(),
            lines.join("\n")
        )
    }
}

/// A value as a shell reads it.
#[must_use]
pub fn quoted(value: &str) -> String {
    let is_plain = |c: char| c.is_alphanumeric() || "-_./:=%+@".contains(c);
    if !value.is_empty() && value.chars().all(is_plain) {
        return value.to_owned();
    }
    format!("'{}'", value.replace('\'', "'\\''"))
}

/// A command line with the options of its preset, before its own. An option that the command line itself has replaces all of that name.
#[must_use]
pub fn expand(arguments: Vec<OsString>) -> Vec<OsString> {
    let texts: Vec<String> = arguments
        .iter()
        .map(|argument| argument.to_string_lossy().into_owned())
        .collect();
    let import = texts.iter().skip(1).position(|text| text == "import");
    let (Some(import), Some(preset)) = (import, named(&texts)) else {
        return arguments;
    };
    let command = texts
        .iter()
        .skip(import + 2)
        .position(|text| text == preset.command());
    let Some(command) = command else {
        return arguments;
    };
    let has = |option: &str| {
        let with_value = format!("{option}=");
        let contradicts = CONTRADICTING.iter().any(|(one, other)| {
            (*one == option && texts.iter().any(|text| is_option(text, other)))
                || (*other == option && texts.iter().any(|text| is_option(text, one)))
        });
        contradicts
            || texts
                .iter()
                .any(|text| text == option || text.starts_with(&with_value))
    };
    let mut expanded = arguments;
    let at = import + 2 + command + 1;
    let settings = preset.settings().iter().filter(|(option, _)| !has(option));
    let added = settings.flat_map(|(option, value)| {
        let value = value.map(|value| OsString::from(format!("{option}={value}")));
        std::iter::once(value.unwrap_or_else(|| OsString::from(*option)))
    });
    expanded.splice(at..at, added.collect::<Vec<_>>());
    expanded
}

/// Options that cannot stand together: of the preset's the command line's takes the place.
const CONTRADICTING: [(&str, &str); 4] = [
    ("--currency", "--currency-column"),
    ("--amount-column", "--price-column"),
    ("--amount-column", "--quantity-column"),
    ("--all-columns", "--rate-column"),
];

fn is_option(text: &str, option: &str) -> bool {
    let rest = text.strip_prefix(option);
    rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('='))
}

/// The preset of a command line.
fn named(texts: &[String]) -> Option<Preset> {
    let inline = texts.iter().find_map(|text| text.strip_prefix("--preset="));
    let next = texts
        .iter()
        .position(|text| text == "--preset")
        .and_then(|at| texts.get(at + 1));
    let name = inline.or(next.map(String::as_str))?;
    Preset::from_str(name, true).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(text: &str) -> Vec<String> {
        let arguments = text.split(' ').map(OsString::from).collect();
        let expanded = expand(arguments).into_iter();
        expanded
            .map(|argument| argument.into_string().unwrap())
            .collect()
    }

    #[test]
    fn options_of_a_preset_stand_before_those_of_the_command_line() {
        assert_eq!(
            line("patron import rates f.csv --preset ecb"),
            [
                "patron",
                "import",
                "rates",
                "--from=EUR",
                "--date-column=Date",
                "--all-columns",
                "f.csv",
                "--preset",
                "ecb"
            ]
        );
    }

    #[test]
    fn an_option_of_the_command_line_replaces_that_of_the_preset() {
        let own =
            line("patron import transactions f.csv --preset=excel-de --currency CHF --thousands='");
        assert!(
            !own.iter()
                .any(|text| text == "--currency=EUR" || text == "--thousands=.")
        );
        assert!(own.iter().any(|text| text == "--decimal-comma"));
        let column = line("patron import transactions f.csv --preset excel-de --currency-column W");
        assert!(!column.iter().any(|text| text == "--currency=EUR"));
    }

    #[test]
    fn a_line_without_a_known_preset_stays_as_it_is() {
        for text in [
            "patron import transactions f.csv",
            "patron import transactions f.csv --preset nobody",
            "patron import customers f.csv --preset ecb",
            "patron import --preset ecb --explain",
        ] {
            assert_eq!(line(text).join(" "), text);
        }
    }

    #[test]
    fn the_explanation_can_be_pasted_into_a_shell() {
        let text = Preset::Stripe.explain();
        assert!(text.starts_with("patron import transactions --preset stripe stands for:\n"));
        assert!(
            text.contains("\n  --time-column 'Created (UTC)'\n"),
            "{text}"
        );
        assert_eq!(quoted("it's"), "'it'\\''s'");
    }
}
