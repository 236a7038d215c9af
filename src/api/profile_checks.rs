//! Checks of profiles as messages.

use super::violations::{Checker, Violations};
use crate::{
    domain::text::CustomerId,
    pb::{self, profile_difference::Part},
    service::profile_checks::{CheckedPage, OlderNumbers, ProfileDifference, ProfilePart},
};

/// Most customers of a page, and as many as are checked when the caller does not say.
const MAX_SIZE: i32 = 1_000;

/// Which customers a request asks about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Slice {
    /// Those with ids after this one.
    pub(crate) after: Option<CustomerId>,
    /// At most so many.
    pub(crate) size: usize,
}

/// Reads which customers a request asks about.
///
/// # Errors
/// What is wrong with it.
pub(crate) fn slice(request: &pb::CheckProfilesRequest) -> Result<Slice, Violations> {
    let mut violations = Violations::default();
    let mut check = violations.at("");
    let size = size(request.page_size, &mut check.field("page_size"));
    let after = match &*request.page_token {
        "" => None,
        token => {
            let id = CustomerId::new(token)
                .map_err(|_| "is not a page token: use next_page_token of the previous page");
            check.field("page_token").ok("INVALID_PAGE_TOKEN", id)
        }
    };
    if violations.is_empty() {
        Ok(Slice { after, size })
    } else {
        Err(violations)
    }
}

fn size(asked: i32, check: &mut Checker<'_>) -> usize {
    let size = if asked == 0 { MAX_SIZE } else { asked };
    if !(1..=MAX_SIZE).contains(&size) {
        check.refuse(
            "OUT_OF_RANGE",
            format!("is {asked}: set 1 to {MAX_SIZE}, or 0 for {MAX_SIZE}"),
        );
    }
    usize::try_from(size).unwrap_or(0)
}

/// The message of a page.
pub(crate) fn page_message(page: CheckedPage) -> pb::CheckProfilesResponse {
    pb::CheckProfilesResponse {
        checked_count: i32::try_from(page.checked).unwrap_or(i32::MAX),
        differences: page.differences.into_iter().map(difference).collect(),
        older_numbers: page.older_numbers.iter().map(older_numbers).collect(),
        next_page_token: page.last.map(|id| id.to_string()).unwrap_or_default(),
    }
}

fn older_numbers(numbers: &OlderNumbers) -> pb::OlderNumbers {
    pb::OlderNumbers {
        source: numbers.source.as_deref().unwrap_or_default().to_owned(),
        count: i32::try_from(numbers.count).unwrap_or(i32::MAX),
    }
}

fn difference(difference: ProfileDifference) -> pb::ProfileDifference {
    let parts = difference.parts.into_iter();
    pb::ProfileDifference {
        customer_id: difference.customer.to_string(),
        profile_version: difference.version,
        parts: parts.map(|part| part_message(part).into()).collect(),
    }
}

const fn part_message(part: ProfilePart) -> Part {
    match part {
        ProfilePart::Purchases => Part::Purchases,
        ProfilePart::Contacts => Part::Contacts,
        ProfilePart::Attributes => Part::Attributes,
        ProfilePart::Contracts => Part::Contracts,
        ProfilePart::Corrections => Part::Corrections,
        ProfilePart::LastDay => Part::LastDay,
        ProfilePart::Columns => Part::Columns,
        ProfilePart::Identifiers => Part::Identifiers,
        ProfilePart::Naming => Part::Naming,
        ProfilePart::Unreadable => Part::Unreadable,
        ProfilePart::Keys => Part::Keys,
        ProfilePart::Members => Part::Members,
    }
}
