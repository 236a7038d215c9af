//! What a customer is worth: probability models of buying, their fit, and the value that follows.
//!
//! Time inside this module is in **weeks** and money in **major currency units**; conversions are made by
//! the callers, who own days, zones and currencies ([`season`] alone knows the calendar). Nothing here knows a customer's identity, a profile, a
//! tier, or where its numbers came from.
//!
//! [`history::PurchaseHistory`] is the input of every model of ordering; [`model::OrderModel`] is the choice
//! of model; [`outlook::Outlook`] is what a model believes about one customer from now on;
//! [`lifetime`] turns that into money; [`fit`] estimates parameters.

pub mod beta_geometric;
pub mod bg_bb;
pub mod bg_nbd;
pub mod checks;
pub mod cohorts;
pub mod contact_rates;
pub mod discount;
pub mod fit;
pub mod gamma_gamma;
pub mod history;
pub mod interval;
pub mod lifetime;
pub mod mbg_cnbd;
pub mod mbg_nbd;
pub mod model;
pub mod nbd;
pub mod negative_binomial;
pub mod outlook;
pub mod parameters;
pub mod pareto_lifetime;
pub mod pareto_nbd;
pub mod random;
pub mod rates;
pub mod regular_orders;
pub mod renewal;
pub mod season;
pub mod shifted_beta_geometric;
pub mod simulation;
pub mod special_functions;
pub mod spend_orders;
pub mod stages;

#[cfg(test)]
pub(crate) mod reference;
#[cfg(test)]
mod tests;
