//! The RPCs that merge customers.

use super::{CHECKED, Check};
use crate::cli::error::CliError;
use crate::pb;

/// The customer who is merged and unmerged.
const MERGED: &str = "check-2";

impl Check<'_> {
    /// A customer without facts is merged into the one of the check, listed, and unmerged.
    pub(super) async fn merges(&mut self) -> Result<(), CliError> {
        let rpc = "MergeCustomers";
        let request = self.connection.request(pb::IngestCustomersRequest {
            customers: vec![pb::CustomerPatch {
                customer_id: MERGED.to_owned(),
                ..Default::default()
            }],
            ..Default::default()
        });
        if let Err(status) = self.connection.ingest().ingest_customers(request).await {
            return self.failed(rpc, &status);
        }
        for validate_only in [true, false] {
            let request = self.connection.request(pb::MergeCustomersRequest {
                customer_id: CHECKED.to_owned(),
                merged_customer_id: MERGED.to_owned(),
                reason: "demo check".to_owned(),
                validate_only,
            });
            match self.connection.corrections().merge_customers(request).await {
                Ok(answer) => {
                    let effect = answer.into_inner().effect.unwrap_or_default();
                    let (before, after) = (effect.before.len(), effect.after.len());
                    let found = format!("{before} customers before, {after} after");
                    self.expect(rpc, (before, after) == (2, 1), &found)?;
                }
                Err(status) => self.failed(rpc, &status)?,
            }
        }
        let rpc = "ListMerges";
        let request = self.connection.request(pb::ListMergesRequest {
            customer_id: MERGED.to_owned(),
            ..Default::default()
        });
        match self.connection.corrections().list_merges(request).await {
            Ok(answer) => {
                let merges = answer.into_inner().merges;
                let last = merges.first();
                let right = last.is_some_and(|it| it.unmerge_time.is_none());
                self.expect(rpc, right, &format!("{} merges", merges.len()))?;
            }
            Err(status) => self.failed(rpc, &status)?,
        }
        let rpc = "UnmergeCustomer";
        let request = self.connection.request(pb::UnmergeCustomerRequest {
            merged_customer_id: MERGED.to_owned(),
            validate_only: false,
        });
        match self
            .connection
            .corrections()
            .unmerge_customer(request)
            .await
        {
            Ok(answer) => {
                let after = answer.into_inner().effect.unwrap_or_default().after.len();
                self.expect(rpc, after == 2, &format!("{after} customers after"))
            }
            Err(status) => self.failed(rpc, &status),
        }
    }
}
