//! The seasonal index of a model as a message.

use super::count;
use crate::{domain::clv::season::estimate::SeasonalIndex, pb};

/// The index, if there is one.
pub(in crate::api) fn index(
    season: Option<&Result<SeasonalIndex, String>>,
) -> Option<pb::SeasonalIndex> {
    let index = season?.as_ref().ok()?;
    Some(pb::SeasonalIndex {
        levels: index.clock.levels().to_vec(),
        standard_errors: index.clock.variances().map(f64::sqrt).to_vec(),
        month_levels: index.clock.month_levels().to_vec(),
        first_day: index.first_day.to_string(),
        orders: count(index.orders),
        scatter: index.scatter,
        effective_parameters: index.effective_parameters,
    })
}

/// Why there is none although it was asked for; empty otherwise.
pub(in crate::api) fn absent_reason(season: Option<&Result<SeasonalIndex, String>>) -> String {
    let reason = season.and_then(|season| season.as_ref().err());
    reason.cloned().unwrap_or_default()
}
