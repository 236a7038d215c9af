//! What a model has learnt of one customer's own rates: posterior means, for explanations.

/// How easily a customer leaves, in the terms of the model.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Dropout {
    /// Probability of leaving after an order (beta-geometric models).
    PerOrder(f64),
    /// Rate of leaving per week (Pareto/NBD).
    PerWeek(f64),
}

/// Posterior means given the history, whether or not the customer is still alive.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct CustomerRates {
    /// Orders a week while a customer.
    pub orders_per_week: f64,
    /// How easily the customer leaves.
    pub dropout: Dropout,
}
