//! The messages that a mask is applied to: names and numbers of their fields.

/// The answer about one subject, and the part of it about one customer.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Shape {
    /// Numbers of the fields of the answer that are always returned.
    pub(super) always: &'static [u32],
    /// Number of the field with the one customer.
    pub(super) one: u32,
    /// Number of the field with the customers of an ambiguous subject, of the same form; 0: none.
    pub(super) candidates: u32,
    /// The fields that a mask may name.
    pub(super) names: &'static [Name],
}

/// A name with the numbers of its fields in the answer about one subject and in the part about one customer; 0 for none.
pub(super) type Name = (&'static str, u32, u32);

pub(super) const CLASSIFY: Shape = Shape {
    always: &[1, 2, 9],
    one: 2,
    candidates: 3,
    names: &[
        ("candidates", 3, 0),
        ("candidate_count", 4, 0),
        ("shared", 5, 0),
        ("question", 8, 0),
        ("kind", 0, 2),
        ("display_name", 0, 3),
        ("tier", 0, 4),
        ("lifetime_value", 0, 5),
        ("provenance", 6, 6),
        ("segments", 0, 7),
        ("treatment", 7, 8),
        ("missing_rates", 0, 9),
        ("extrapolated_covariates", 0, 10),
        ("next_check_in", 0, 11),
        ("references", 0, 12),
        ("oldest_rate", 0, 40),
    ],
};

pub(super) const SCORE: Shape = Shape {
    always: &[1, 2, 6],
    one: 2,
    candidates: 3,
    names: &[
        ("candidates", 3, 0),
        ("candidate_count", 4, 0),
        ("inputs", 0, 2),
        ("probability_alive", 0, 3),
        ("probability_alive_not_identified", 0, 4),
        ("expected_orders", 0, 5),
        ("expected_spend_per_order", 0, 6),
        ("lifetime_value", 0, 7),
        ("unrated_reason", 0, 8),
        ("horizon_months", 0, 9),
        ("monthly_discount_rate", 0, 10),
        ("tier", 0, 11),
        ("provenance", 5, 12),
        ("expected_margin_per_order", 0, 13),
        ("expected_cost_to_serve", 0, 14),
        ("unpriced_channels", 0, 15),
        ("missing_rates", 0, 16),
        ("converted_from", 0, 17),
        ("orders_interval", 0, 18),
        ("spend_interval", 0, 19),
        ("lifetime_value_interval", 0, 20),
        ("tier_probabilities", 0, 21),
        ("interval_absent_reason", 0, 22),
        ("transaction_value", 0, 23),
        ("contract_value", 0, 24),
        ("running_contracts", 0, 25),
        ("expected_renewals", 0, 26),
        ("renewals_interval", 0, 27),
        ("challenger", 0, 28),
        ("parameter_selection", 0, 29),
        ("order_forecast", 0, 30),
        ("no_purchase_since", 0, 31),
        ("parameter_estimation", 0, 32),
        ("built_in_contract_model", 0, 33),
        ("spend_inputs", 0, 34),
        ("season_factor", 0, 35),
        ("extrapolated_covariates", 0, 36),
        ("oldest_rate_day", 0, 37),
        ("oldest_rate", 0, 40),
    ],
};

pub(super) const EXPLAIN: Shape = Shape {
    always: &[1, 2],
    one: 2,
    candidates: 0,
    names: &[
        ("candidate_ids", 3, 0),
        ("candidate_count", 4, 0),
        ("provenance", 5, 0),
        ("display_name", 0, 2),
        ("tier", 0, 3),
        ("segments", 0, 4),
        ("extrapolated_covariates", 0, 5),
    ],
};

pub(super) const CUSTOMER: Shape = Shape {
    always: &[1],
    one: 1,
    candidates: 0,
    names: &[
        ("kind", 0, 2),
        ("display_name", 0, 3),
        ("profile_version", 0, 4),
        ("data_time", 0, 5),
        ("identifiers", 0, 6),
        ("attributes", 0, 7),
        ("purchase_days", 0, 8),
        ("contact_days", 0, 9),
        ("unmatched_refund_count", 0, 10),
        ("unmatched_retraction_count", 0, 11),
        ("purchase_entry_count", 0, 12),
        ("contact_entry_count", 0, 13),
        ("contracts", 0, 14),
        ("merged_customer_ids", 0, 15),
        ("unmatched_refunds", 0, 40),
    ],
};
