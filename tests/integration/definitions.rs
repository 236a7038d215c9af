//! Definitions through gRPC: published and put in force, what follows for customers, and why.

mod explaining;
mod publishing;
mod replacing;
mod valuing;

/// The example that users start from.
pub(crate) const EXAMPLE: &str = include_str!("../../examples/definitions.yaml");

/// A small document with these attributes and schemes, indented by two, and values by revenue.
pub(crate) fn small(attributes: &str, schemes: &str) -> String {
    format!(
        "value: {{currency: EUR, horizon_months: 12, monthly_discount: 1 %, basis: revenue}}
attributes:
{attributes}
tiers: [{{name: gold, at_least: 250 EUR}}, {{name: silver, at_least: 50 EUR}}, {{name: bronze}}]
schemes:
{schemes}
treatments:
  tiers:
    gold: {{sla: {{response: 1 h}}, queue: a}}
    silver: {{sla: {{response: 2 h}}, queue: b}}
    bronze: {{sla: {{response: 4 h}}, queue: c}}
    UNRATED: {{sla: {{response: 8 h}}, queue: d}}
"
    )
}
