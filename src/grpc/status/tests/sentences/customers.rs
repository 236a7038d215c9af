//! The errors about customers who are merged, moved and erased.

use crate::domain::text::CustomerId;
use crate::service::{error::CorrectionError, ingest::Unmovable};

/// A number for each of them, among those of all errors.
pub(super) fn number(error: &CorrectionError) -> usize {
    match error {
        CorrectionError::CustomersNotFound(_) => 35,
        CorrectionError::CustomersMerged(_) => 36,
        CorrectionError::NotMerged(_) => 37,
        CorrectionError::GroupTooLarge { .. } => 38,
        CorrectionError::CustomerErased(_) => 39,
        CorrectionError::Unmovable(_) => 40,
        CorrectionError::OneCustomer(..) => 41,
    }
}

/// Each of them, with its longest values.
pub(super) fn errors(id: &CustomerId) -> [CorrectionError; 7] {
    [
        CorrectionError::CustomersNotFound(vec![id.clone(); 2]),
        CorrectionError::CustomersMerged(vec![(id.clone(), id.clone()); 2]),
        CorrectionError::NotMerged(id.clone()),
        CorrectionError::GroupTooLarge {
            count: usize::MAX,
            most: usize::MAX,
        },
        CorrectionError::CustomerErased(id.clone()),
        CorrectionError::OneCustomer(id.clone(), id.clone()),
        CorrectionError::Unmovable(vec![(0, Unmovable::Taken); 1_000]),
    ]
}
