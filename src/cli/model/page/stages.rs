//! How regular buyers are, on the page of a model version.

use crate::cli::model::answer::model_title;
use crate::pb;

/// The order model of a version as the literature names it, with its number of stages or its seasons.
pub(super) fn title(model: &pb::Model) -> String {
    let title = model_title(model.kind());
    match model.orders.as_ref().map_or(0, |orders| orders.stages) {
        0 if model.seasonal_index.is_some() => format!("{title} with seasons"),
        0 => title.to_owned(),
        stages => format!("{title} with k = {stages}"),
    }
}

/// How likely each number of stages makes the data.
pub(super) fn stages_text(report: &pb::FitReport) -> String {
    let of = |stages: i32| {
        let mut tried = report.stage_likelihoods.iter();
        tried.find(|one| one.stages == stages)
    };
    let best = match (of(1), of(report.stages)) {
        (Some(one), Some(best)) if best.stages > 1 => {
            let gain = best.log_likelihood - one.log_likelihood;
            format!("k = {}, {gain:.1} above k = 1", best.stages)
        }
        _ => "k = 1: times between orders are random, as in MBG/NBD".to_owned(),
    };
    let tried = report.stage_likelihoods.iter();
    let tried = tried.map(|one| format!("{}: {:.1}", one.stages, one.log_likelihood));
    format!("{best} (by k: {})", tried.collect::<Vec<_>>().join(", "))
}

#[cfg(test)]
mod tests {
    use crate::cli::model::page::{list_page, page};
    use crate::pb;

    #[test]
    fn the_page_shows_how_regular_buyers_are_and_how_likely_that_is() {
        let tried = |all: &[(i32, f64)]| {
            let each = all.iter();
            each.map(|&(stages, log_likelihood)| pb::StageLikelihood {
                stages,
                log_likelihood,
            })
            .collect()
        };
        let version = |stages, likelihoods: &[(i32, f64)]| pb::Model {
            kind: pb::OrderModelKind::MbgCnbdK.into(),
            orders: Some(pb::FitReport {
                stages,
                stage_likelihoods: tried(likelihoods),
                ..Default::default()
            }),
            ..Default::default()
        };
        let regular = page(&version(
            2,
            &[(1, -15_781.9), (2, -14_978.2), (3, -15_080.0)],
        ));
        for part in [
            "Orders: MBG/CNBD-k with k = 2, time in weeks",
            "k = 2, 803.7 above k = 1 (by k: 1: -15781.9, 2: -14978.2, 3: -15080.0)",
        ] {
            assert!(regular.contains(part), "{part:?} is not in\n{regular}");
        }
        let random = page(&version(1, &[(1, -61.0), (2, -70.5)]));
        assert!(random.contains("k = 1: times between orders are random, as in MBG/NBD (by k"));
        assert!(list_page(&[version(3, &[])]).contains("MBG/CNBD-k with k = 3"));
    }
}
