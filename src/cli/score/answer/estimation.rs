//! How the parameters behind a score were estimated.

use crate::pb;

/// How parameters were estimated, in a word; `None` without an order model.
pub(super) fn name(estimation: pb::ParameterEstimation) -> Option<&'static str> {
    let name = estimation.as_str_name();
    (estimation != pb::ParameterEstimation::Unspecified)
        .then(|| name.trim_start_matches("PARAMETER_ESTIMATION_"))
}

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
