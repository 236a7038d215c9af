//! What a row names as the transaction that it takes back.

use clap::Args;

use crate::cli::error::CliError;
use crate::cli::import::columns::Header;
use crate::cli::import::row::{Row, parse_id};
use crate::pb::transaction::Kind;

/// Options of the transaction that a refund or reversal takes back.
#[expect(
    clippy::doc_markdown,
    reason = "the comments are help for a terminal, where backticks are noise"
)]
#[derive(Debug, Args)]
pub(super) struct OriginalArgs {
    /// Column of the original transaction of a refund or reversal [default: original_transaction_id]
    #[arg(
        id = "original_column",
        long = "original-column",
        value_name = "COLUMN"
    )]
    transaction: Option<String>,
    /// Column of the source of the original transaction, if it is not --source [default: original_source]
    #[arg(
        id = "original_source_column",
        long = "original-source-column",
        value_name = "COLUMN"
    )]
    source: Option<String>,
    /// Column of the customer of the original transaction, if the row's customer is another one [default: original_customer_id]
    #[arg(
        id = "original_customer_column",
        long = "original-customer-column",
        value_name = "COLUMN"
    )]
    customer: Option<String>,
}

/// Where a row names it.
#[derive(Debug)]
pub(super) struct OriginalColumns {
    id: Option<usize>,
    source: Option<usize>,
    customer: Option<usize>,
}

/// What a row names.
pub(super) struct Original {
    pub(super) transaction_id: String,
    pub(super) source: String,
    pub(super) customer_id: String,
}

impl OriginalColumns {
    pub(super) fn new(args: &OriginalArgs, header: &Header) -> Result<Self, CliError> {
        let optional = |option: &str, named: &Option<String>, default: &str| {
            header.optional(option, named.as_deref(), &[default])
        };
        Ok(Self {
            id: optional(
                "--original-column",
                &args.transaction,
                "original_transaction_id",
            )?,
            source: optional("--original-source-column", &args.source, "original_source")?,
            customer: optional(
                "--original-customer-column",
                &args.customer,
                "original_customer_id",
            )?,
        })
    }

    pub(super) fn read(&self, row: &mut Row<'_>, kind: Option<Kind>) -> Original {
        let customer_id = row.parse(self.customer, parse_id);
        let original = Original {
            transaction_id: row.short_text(self.id, 128),
            source: row.short_text(self.source, 64),
            customer_id: customer_id.unwrap_or_default(),
        };
        let has_more = !(original.source.is_empty() && original.customer_id.is_empty());
        if kind == Some(Kind::Purchase) && (has_more || !original.transaction_id.is_empty()) {
            row.refuse("a purchase has no original transaction");
        } else if has_more && original.transaction_id.is_empty() {
            row.refuse("has the source or customer of an original transaction and not its id");
        }
        original
    }
}
