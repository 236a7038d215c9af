//! The fields of an answer, and which of them are wanted.

/// Numbers of the fields of `RouteContactResponse`.
pub(super) mod field {
    pub(in crate::api::answers::routed) const VERDICT: u32 = 1;
    pub(in crate::api::answers::routed) const QUALITY: u32 = 2;
    pub(in crate::api::answers::routed) const TREATMENT: u32 = 4;
    pub(in crate::api::answers::routed) const CUSTOMER: u32 = 5;
    pub(in crate::api::answers::routed) const NUMBER: u32 = 10;
    pub(in crate::api::answers::routed) const IDENTIFIED_BY: u32 = 11;
    pub(in crate::api::answers::routed) const PROVENANCE: u32 = 12;
    pub(in crate::api::answers::routed) const CLAIM_ERROR: u32 = 13;
    pub(in crate::api::answers::routed) const DECISION: u32 = 14;
    pub(in crate::api::answers::routed) const TIMES: u32 = 15;
}

/// Which fields of the response are wanted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RouteMask(pub(super) u16);

impl RouteMask {
    /// All fields.
    pub const ALL: Self = Self(u16::MAX);

    /// The fields that can be asked for, with their numbers; verdict, quality and its reason are always there.
    pub(super) const NAMES: [(&'static str, u32); 12] = [
        ("treatment", field::TREATMENT),
        ("customer", field::CUSTOMER),
        ("candidates", 6),
        ("candidate_count", 7),
        ("shared", 8),
        ("question", 9),
        ("number", field::NUMBER),
        ("identified_by", field::IDENTIFIED_BY),
        ("provenance", field::PROVENANCE),
        ("claim_error", field::CLAIM_ERROR),
        ("decision", field::DECISION),
        ("times", field::TIMES),
    ];

    /// The fields with these names.
    ///
    /// # Errors
    /// The names that are none.
    pub fn new<'a>(paths: impl IntoIterator<Item = &'a str>) -> Result<Self, Vec<&'a str>> {
        let (mut mask, mut unknown) = (0, vec![]);
        for path in paths {
            match (path, Self::NAMES.iter().find(|(name, _)| *name == path)) {
                ("*", _) => mask = u16::MAX,
                ("verdict" | "quality" | "fallback_reason", _) => {}
                (_, Some((_, field))) => mask |= 1 << field,
                (_, None) => unknown.push(path),
            }
        }
        if unknown.is_empty() {
            Ok(Self(mask))
        } else {
            Err(unknown)
        }
    }

    /// The names that can be asked for, for an error.
    #[must_use]
    pub fn names() -> String {
        Self::NAMES.map(|(name, _)| name).join(", ")
    }

    /// Whether the field with a number is wanted.
    pub(super) const fn has(self, field: u32) -> bool {
        self.0 & (1 << field) != 0
    }
}
