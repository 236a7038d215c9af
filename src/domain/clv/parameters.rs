//! The one rule that all model parameters obey: positive and finite.

/// A model parameter outside its domain.
#[derive(Debug, Clone, Copy, PartialEq, thiserror::Error)]
// `:?` writes 1e300 where `{}` writes 301 digits.
#[error("parameter {name} is {value:?}: it must be positive and finite")]
pub struct ParameterError {
    /// The symbol in the literature.
    pub name: &'static str,
    /// What was given.
    pub value: f64,
}

/// `Ok` when every value is positive, finite and not subnormal.
///
/// # Errors
/// Names the first parameter that is not.
pub fn require_positive<const N: usize>(
    parameters: [(&'static str, f64); N],
) -> Result<(), ParameterError> {
    parameters
        .into_iter()
        .find(|&(_, value)| !(value.is_normal() && value > 0.0))
        .map_or(Ok(()), |(name, value)| Err(ParameterError { name, value }))
}
