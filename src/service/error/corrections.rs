//! What can go wrong when customers are merged, parted and erased, and when facts are moved between them.

use crate::{domain::text::CustomerId, service::ingest::Unmovable};

/// What went wrong in a correction.
#[derive(Debug, thiserror::Error)]
pub enum CorrectionError {
    /// No customer is known by these ids.
    #[error("no customer has the id {}", list_ids(.0))]
    CustomersNotFound(Vec<CustomerId>),
    /// Customers who are merged into others, each with the one whose profile has their facts.
    #[error("{}: use that id, or unmerge first", list_merged(.0))]
    CustomersMerged(Vec<(CustomerId, CustomerId)>),
    /// A customer who is known and not merged.
    #[error("customer {} is not merged into another one: see ListMerges", shown(.0))]
    NotMerged(CustomerId),
    /// More customers than may be merged into one.
    #[error("{count} customers would be merged into one: at most {most} are allowed")]
    GroupTooLarge {
        /// How many there would be.
        count: usize,
        /// How many there may be.
        most: usize,
    },
    /// The customer was erased.
    #[error(
        "customer {} was erased: nothing is recorded of them unless EraseCustomer allows their return", shown(.0)
    )]
    CustomerErased(CustomerId),
    /// Both ids are of one customer since a merge.
    #[error("customers {} and {} are merged, so that nothing can be moved between them", shown(.0), shown(.1))]
    OneCustomer(CustomerId, CustomerId),
    /// Facts, by their places in the request, that cannot be moved.
    #[error("{} of the facts cannot be moved", .0.len())]
    Unmovable(Vec<(usize, Unmovable)>),
}

fn list_ids(ids: &[CustomerId]) -> String {
    let ids: Vec<String> = ids.iter().map(shown).collect();
    ids.join(" or ")
}

fn list_merged(merged: &[(CustomerId, CustomerId)]) -> String {
    let merged = merged.iter();
    let merged: Vec<String> = merged
        .map(|(id, root)| format!("customer {} is merged into {}", shown(id), shown(root)))
        .collect();
    merged.join(", ")
}

/// An id in a sentence that is to stay short; the whole one is among the details.
fn shown(id: &CustomerId) -> String {
    const MOST_CHARS: usize = 32;
    let text = id.as_str();
    match text.char_indices().nth(MOST_CHARS) {
        None => format!("\"{text}\""),
        Some((end, _)) => format!("\"{}...\"", &text[..end]),
    }
}
