//! Presets: the options that fit the exports of well-known programs. They are ordinary options, put before those of the command line.

mod own;

use clap::ValueEnum;

use self::own::Own;
pub use self::own::expand;

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
    ("--reversed-if", Some("Financial Status=voided")),
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
    ("--reversed-if", Some("Status=Failed|Canceled|Cancelled")),
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
    ("--reversed-if", Some("status=cancelled|failed|trash")),
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
    ("--reversed-if", Some("StageName=Closed Lost")),
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
        let mut options: Vec<&str> = self.settings().iter().map(|(option, _)| *option).collect();
        options.dedup();
        let exceptions = options.iter().filter_map(|option| {
            let exception = Own::of(option).exception()?;
            Some(format!("\n{option}: {exception}"))
        });
        format!(
            "patron import {} --preset {} stands for:\n{}\nYour own options replace those of the same name.{}",
            self.command(),
            self.name(),
            lines.join("\n"),
            exceptions.collect::<String>()
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_explanation_can_be_pasted_into_a_shell() {
        let text = Preset::Stripe.explain();
        assert!(text.starts_with("patron import transactions --preset stripe stands for:\n"));
        assert!(
            text.contains("\n  --time-column 'Created (UTC)'\n"),
            "{text}"
        );
        assert!(
            text.contains("name.\n--only: yours replace only those of the same column\n"),
            "{text}"
        );
        assert_eq!(quoted("it's"), "'it'\\''s'");
    }
}
