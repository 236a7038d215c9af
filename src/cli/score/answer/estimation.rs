//! How the parameters behind a score were estimated.

use crate::pb;

/// That the data alone do not determine the parameters, where that is so.
pub(super) fn row(estimation: pb::ParameterEstimation) -> Option<(&'static str, String)> {
    let text = match estimation {
        pb::ParameterEstimation::WeakPriors => {
            "with weak priors, because the data alone do not determine them: see `patron model show`"
        }
        pb::ParameterEstimation::NotConverged => {
            "not determined: the fit did not converge, see `patron model show`"
        }
        pb::ParameterEstimation::Unspecified
        | pb::ParameterEstimation::MaximumLikelihood
        | pb::ParameterEstimation::GivenPrior => return None,
    };
    Some(("Parameters", text.to_owned()))
}
