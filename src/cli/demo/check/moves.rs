//! The RPCs that give facts to another customer and delete what is stored of one.

use super::Check;
use super::facts::transaction;
use crate::cli::error::CliError;
use crate::pb;

/// Customers of its own, who leave nothing behind.
const GUEST: &str = "demo-check-guest";
const ACCOUNT: &str = "demo-check-account";

impl Check<'_> {
    /// An order of a guest goes to an account; then both are erased.
    pub(super) async fn moves(&mut self) -> Result<(), CliError> {
        let orders = [(GUEST, "guest-1"), (ACCOUNT, "account-1")];
        let orders = orders.map(|(customer, id)| pb::Transaction {
            customer_id: customer.to_owned(),
            transaction_id: id.to_owned(),
            ..transaction()
        });
        let fact = pb::FactName {
            kind: pb::FactKind::Transaction.into(),
            source: orders[0].source.clone(),
            id: orders[0].transaction_id.clone(),
        };
        let request = self.connection.request(pb::IngestTransactionsRequest {
            transactions: orders.to_vec(),
            ..Default::default()
        });
        if let Err(status) = self.connection.ingest().ingest_transactions(request).await {
            return self.failed("MoveFacts", &status);
        }
        let request = self.connection.request(pb::MoveFactsRequest {
            customer_id: GUEST.to_owned(),
            to_customer_id: ACCOUNT.to_owned(),
            facts: vec![fact],
            validate_only: false,
        });
        match self.connection.corrections().move_facts(request).await {
            Ok(answer) => {
                let moved = answer.into_inner().facts.len();
                self.expect("MoveFacts", moved == 1, &format!("{moved} transaction"))?;
            }
            Err(status) => self.failed("MoveFacts", &status)?,
        }
        for (customer, left) in [(GUEST, 0), (ACCOUNT, 2)] {
            let request = self.connection.request(pb::EraseCustomerRequest {
                customer_id: customer.to_owned(),
                allow_return: true,
                validate_only: false,
            });
            match self.connection.corrections().erase_customer(request).await {
                Ok(answer) => {
                    let erased = answer.into_inner().transaction_count;
                    let found = format!("{erased} transactions of {customer}");
                    self.expect("EraseCustomer", erased == left, &found)?;
                }
                Err(status) => self.failed("EraseCustomer", &status)?,
            }
        }
        Ok(())
    }
}
