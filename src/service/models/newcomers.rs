//! What a newcomer is worth by a model version and the definitions in force.

use super::Models;
use crate::{
    domain::{
        assess::valuation::newcomers::{Newcomer, newcomers},
        basis::BasisId,
        calendar::Day,
        clv::lifetime::Horizon,
    },
    service::{answer::classify::horizon_of, error::ServiceError},
};

/// The newcomers of a version.
#[derive(Debug, Clone, PartialEq)]
pub struct Newcomers {
    /// Of any kind first, then of each kind with parameters of its own.
    pub scores: Vec<Newcomer>,
    /// The day of their first orders: today. It matters where orders have seasons.
    pub as_of: Day,
    /// The horizon used.
    pub horizon: Horizon,
    /// What the scores rest on.
    pub basis_id: BasisId,
}

impl Models {
    /// What newcomers are worth by `version`, else by the active one, over so many months, else over the horizon of the definitions.
    ///
    /// # Errors
    /// There is no version of the number, none is active, or the database must be asked and cannot be.
    pub async fn newcomers(
        &self,
        version: Option<i64>,
        months: Option<u32>,
    ) -> Result<Newcomers, ServiceError> {
        let current = self.bases.current();
        let active = current.model.as_ref().map(|model| model.version);
        let basis = match version {
            Some(version) if active != Some(version) => {
                current.with_model(self.get(Some(version)).await?.as_active())
            }
            _ if active.is_none() => return Err(ServiceError::NoActiveModel),
            _ => current.as_ref().clone(),
        };
        let horizon = months.and_then(|months| horizon_of(months, &basis));
        let horizon = horizon.unwrap_or(basis.revision.horizon);
        let as_of = Day::in_zone(self.clock.now(), &self.zone);
        let as_of = as_of.map_err(|error| ServiceError::Internal(Box::new(error)))?;
        Ok(Newcomers {
            scores: newcomers(&basis, as_of, &horizon),
            as_of,
            horizon,
            basis_id: basis.id().clone(),
        })
    }
}
