//! Everything that is stored of a customer, table by table, to be deleted.

use sqlx::PgConnection;

use crate::{domain::text::CustomerId, store::error::StoreError};

/// How many rows of each sort were deleted.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct ErasedRows {
    /// Transactions.
    pub transactions: u64,
    /// Contacts.
    pub contacts: u64,
    /// Ends of contacts.
    pub outcomes: u64,
    /// Observations of contracts.
    pub contracts: u64,
    /// Observations of attributes.
    pub attributes: u64,
    /// Statements about identifiers.
    pub identifiers: u64,
    /// Facts that were withdrawn before.
    pub withdrawn: u64,
}

impl std::ops::AddAssign for ErasedRows {
    fn add_assign(&mut self, other: Self) {
        self.transactions += other.transactions;
        self.contacts += other.contacts;
        self.outcomes += other.outcomes;
        self.contracts += other.contracts;
        self.attributes += other.attributes;
        self.identifiers += other.identifiers;
        self.withdrawn += other.withdrawn;
    }
}

/// The names of facts at their sources: only they could tell that the customer was there.
const KEYS: &str = "
    DELETE FROM fact_keys AS k
    USING (SELECT source, transaction_id AS fact_id, 1 AS kind FROM transactions WHERE customer_id = $1
           UNION ALL
           SELECT source, contact_id, 2 FROM contacts WHERE customer_id = $1
           UNION ALL
           SELECT source, contract_id, 3 FROM contracts WHERE customer_id = $1) AS f
    WHERE k.source = f.source AND k.fact_id = f.fact_id AND k.kind = f.kind AND k.customer_id = $1";

/// The same of facts that were moved to others, which stay theirs.
const MOVED_KEYS: &str = "
    UPDATE fact_keys AS k
    SET former_customers = nullif(array_remove(k.former_customers, $1), '{}')
    FROM (SELECT kind, fact ->> 'source' AS source,
                 fact ->> CASE kind WHEN 1 THEN 'transaction_id' WHEN 2 THEN 'contact_id' ELSE 'contract_id' END AS fact_id
          FROM withdrawn_facts
          WHERE customer_id = $1 AND kind IN (1, 2, 3)) AS f
    WHERE k.source = f.source AND k.fact_id = f.fact_id AND k.kind = f.kind AND $1 = ANY(k.former_customers)";

/// Deletes everything that is stored of a customer, but for the profile and the row of `customers`, with which the customer goes, and the
/// owners of identifiers, which follow from what is left.
///
/// # Errors
/// When the database cannot be asked.
pub async fn delete_all(
    tx: &mut PgConnection,
    customer: &CustomerId,
) -> Result<ErasedRows, StoreError> {
    let mut delete = async |statement: &'static str| {
        let result = sqlx::query(statement)
            .bind(customer.as_str())
            .execute(&mut *tx)
            .await;
        result.map(|result| result.rows_affected())
    };
    delete(KEYS).await?;
    delete(MOVED_KEYS).await?;
    delete("DELETE FROM fact_moves WHERE from_customer_id = $1 OR to_customer_id = $1").await?;
    delete("DELETE FROM import_writes WHERE customer_id = $1").await?;
    delete("DELETE FROM import_repeats WHERE customer_id = $1").await?;
    delete("DELETE FROM customer_namings WHERE customer_id = $1").await?;
    delete("DELETE FROM customer_merges WHERE customer_id = $1 OR into_customer_id = $1").await?;
    let rows = ErasedRows {
        transactions: delete("DELETE FROM transactions WHERE customer_id = $1").await?,
        contacts: delete("DELETE FROM contacts WHERE customer_id = $1").await?,
        outcomes: delete("DELETE FROM contact_outcomes WHERE customer_id = $1").await?,
        contracts: delete("DELETE FROM contracts WHERE customer_id = $1").await?,
        attributes: delete("DELETE FROM attribute_values WHERE customer_id = $1").await?,
        identifiers: delete("DELETE FROM identifiers WHERE customer_id = $1").await?,
        withdrawn: delete("DELETE FROM withdrawn_facts WHERE customer_id = $1").await?,
    };
    Ok(rows)
}
