//! Enum values as the short words that scripts compare.

use crate::pb;

pub(super) const fn verdict(verdict: pb::RouteVerdict) -> &'static str {
    match verdict {
        pb::RouteVerdict::Unspecified => "",
        pb::RouteVerdict::Resolved => "resolved",
        pb::RouteVerdict::Ambiguous => "ambiguous",
        pb::RouteVerdict::Unknown => "unknown",
        pb::RouteVerdict::Withheld => "withheld",
        pb::RouteVerdict::Invalid => "invalid",
    }
}

pub(super) const fn quality(quality: pb::RouteQuality) -> &'static str {
    match quality {
        pb::RouteQuality::Unspecified => "",
        pb::RouteQuality::Full => "full",
        pb::RouteQuality::Stale => "stale",
        pb::RouteQuality::Partial => "partial",
        pb::RouteQuality::Fallback => "fallback",
    }
}

pub(super) const fn fallback_reason(reason: pb::FallbackReason) -> &'static str {
    match reason {
        pb::FallbackReason::Unspecified => "",
        pb::FallbackReason::TooLate => "too_late",
        pb::FallbackReason::Database => "database",
        pb::FallbackReason::Overloaded => "overloaded",
        pb::FallbackReason::Internal => "internal",
    }
}

pub(super) const fn identified_by(by: pb::IdentifiedBy) -> &'static str {
    match by {
        pb::IdentifiedBy::Unspecified => "",
        pb::IdentifiedBy::Caller => "caller",
        pb::IdentifiedBy::CallerAndClaim => "caller_and_claim",
        pb::IdentifiedBy::Claim => "claim",
    }
}

pub(super) const fn form(form: pb::NumberForm) -> &'static str {
    match form {
        pb::NumberForm::Unspecified => "",
        pb::NumberForm::Plus => "plus",
        pb::NumberForm::InternationalPrefix => "international_prefix",
        pb::NumberForm::WithoutPlus => "without_plus",
        pb::NumberForm::National => "national",
    }
}

pub(super) const fn kind(kind: pb::CustomerKind) -> &'static str {
    match kind {
        pb::CustomerKind::Unspecified => "",
        pb::CustomerKind::Person => "person",
        pb::CustomerKind::Company => "company",
        pb::CustomerKind::Employee => "employee",
    }
}

pub(super) const fn unrated_reason(reason: pb::UnratedReason) -> &'static str {
    match reason {
        pb::UnratedReason::Unspecified => "",
        pb::UnratedReason::NotApplicable => "not_applicable",
        pb::UnratedReason::NoPurchase => "no_purchase",
        pb::UnratedReason::NoModel => "no_model",
        pb::UnratedReason::NoMean => "no_mean",
        pb::UnratedReason::NoRate => "no_rate",
        pb::UnratedReason::TooLarge => "too_large",
    }
}
