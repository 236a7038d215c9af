//! The errors about customers who are merged, moved and erased.

use crate::domain::text::CustomerId;
use crate::service::{error::ServiceError, ingest::Unmovable};

/// Each of them, with its longest values.
pub(super) fn errors(id: &CustomerId) -> [ServiceError; 7] {
    [
        ServiceError::CustomersNotFound(vec![id.clone(); 2]),
        ServiceError::CustomersMerged(vec![(id.clone(), id.clone()); 2]),
        ServiceError::NotMerged(id.clone()),
        ServiceError::GroupTooLarge {
            count: usize::MAX,
            most: usize::MAX,
        },
        ServiceError::CustomerErased(id.clone()),
        ServiceError::OneCustomer(id.clone(), id.clone()),
        ServiceError::Unmovable(vec![(0, Unmovable::Taken); 1_000]),
    ]
}
