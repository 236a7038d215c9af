//! The seasonal index in a document.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::{
    domain::clv::season::{clock::SeasonClock, estimate::SeasonalIndex},
    store::{codes, error::StoreError},
};

#[derive(Serialize, Deserialize)]
pub(super) struct SeasonDocument {
    /// Of each part of the year.
    levels: Vec<f64>,
    variances: Vec<f64>,
    first_day: i32,
    orders: u64,
    scatter: f64,
    effective_parameters: f64,
}

impl From<&SeasonalIndex> for SeasonDocument {
    fn from(index: &SeasonalIndex) -> Self {
        Self {
            levels: index.clock.levels().to_vec(),
            variances: index.clock.variances().to_vec(),
            first_day: index.first_day.number(),
            orders: index.orders,
            scatter: index.scatter,
            effective_parameters: index.effective_parameters,
        }
    }
}

impl SeasonDocument {
    pub(super) fn read(self) -> Result<SeasonalIndex, StoreError> {
        let clock =
            SeasonClock::new(&self.levels).and_then(|clock| clock.with_variances(&self.variances));
        let clock = clock.map_err(|error| StoreError::corrupt("model version", error))?;
        Ok(SeasonalIndex {
            clock: Arc::new(clock),
            first_day: codes::day(self.first_day)?,
            orders: self.orders,
            scatter: self.scatter,
            effective_parameters: self.effective_parameters,
        })
    }
}
