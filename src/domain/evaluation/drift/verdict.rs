//! The verdict of a drift check, and the numbers that decided it in words.

use super::{Evidence, Judgement, Verdict, significance};
use crate::domain::{
    calendar::Day,
    evaluation::{accuracy::Accuracy, total::TotalInterval},
};

/// A difference that chance makes as large less often than this is beyond chance.
pub const SIGNIFICANCE: f64 = 0.01;
/// Expected orders of all customers that differ by more than this share change the answers; smaller differences are within what
/// forecasts of orders miss by anyway (12 to 16 % in CDNOW's holdout).
pub const MATERIAL_OUTLOOK: f64 = 0.10;
/// The same for what the active version misses of the holdout's orders beyond what a refit before it misses.
pub const MATERIAL_EXCESS: f64 = 0.10;
/// More than forecasts of orders miss by anyway: who misses more of the orders or the spend of the holdout does not describe it, whether
/// a refit before it would have or not.
pub const MATERIAL_MISS: f64 = 0.20;
/// Of fewer customers nothing is said.
pub const FEWEST_CUSTOMERS: u64 = 100;
/// Of fewer orders in the holdout nothing is said: their number alone is uncertain by a fifth.
pub const FEWEST_ORDERS: f64 = 30.0;

/// One respect in which customers may have changed.
struct Finding {
    /// The numbers.
    words: String,
    /// Probability of as much by chance; `None` where it cannot be told.
    p: Option<f64>,
    /// Whether it is large enough to matter.
    material: bool,
}

impl Finding {
    fn beyond_chance(&self) -> bool {
        self.p.is_some_and(|p| p < SIGNIFICANCE)
    }

    fn is_drift(&self) -> bool {
        self.beyond_chance() && self.material
    }

    fn sentence(&self) -> String {
        let p = match self.p {
            None => return self.words.clone(),
            Some(p) if p < 0.001 => "p < 0.001".to_owned(),
            Some(p) => format!("p = {p:.3}"),
        };
        let why = match (self.beyond_chance(), self.material) {
            (true, true) => "significant and large",
            (true, false) => "significant, but too small to matter",
            (false, _) => "not significant",
        };
        format!("{} ({p}: {why})", self.words)
    }
}

/// The verdict. Drift: in one respect the difference is beyond chance at [`SIGNIFICANCE`] and matters. Orders or spend of the holdout, and orders
/// since the fit, matter when the active version misses more of them than [`MATERIAL_MISS`]; orders of the holdout also when it misses
/// [`MATERIAL_EXCESS`] more of them than a refit before it. A refit matters when expected orders differ by more than [`MATERIAL_OUTLOOK`], in
/// the direction in which the active version missed the holdout.
#[must_use]
pub fn judge(evidence: &Evidence) -> Judgement {
    let not_decidable = |reason| Judgement {
        verdict: Verdict::NotDecidable,
        reason,
    };
    let (active, refit) = match decidable(evidence) {
        Ok(holdout) => holdout,
        Err(reason) => return not_decidable(reason),
    };
    let [Some(of_orders), of_spend] = &evidence.totals else {
        return not_decidable("the active version has no standard errors".to_owned());
    };
    let excess = missed(active).abs() - missed(refit).abs();
    let orders = Finding {
        words: format!(
            "the holdout had {:.0} orders; the active version expected {:.0} ({:+.1} %), a refit on earlier facts {:.0}",
            active.actual_total,
            active.expected_total,
            100.0 * missed(active),
            refit.expected_total,
        ),
        p: Some(chance(of_orders)),
        material: missed(active).abs() > MATERIAL_MISS || excess > MATERIAL_EXCESS,
    };
    let mut findings = vec![orders];
    findings.extend(of_spend.as_ref().map(spend));
    let since_fit = evidence.since_fit.as_ref();
    findings.extend(since_fit.map(|total| since(evidence.active_until, total)));
    findings.push(refitted(evidence, active));
    let sentences: Vec<String> = findings.iter().map(Finding::sentence).collect();
    Judgement {
        verdict: if findings.iter().any(Finding::is_drift) {
            Verdict::Drift
        } else {
            Verdict::NoDrift
        },
        reason: sentences.join("; "),
    }
}

fn spend(total: &TotalInterval) -> Finding {
    let miss = share(total.expected - total.actual, total.actual);
    Finding {
        words: format!(
            "spend was {:.0}; the active version expected {:.0} ({:+.1} %)",
            total.actual,
            total.expected,
            100.0 * miss
        ),
        p: Some(chance(total)),
        material: miss.abs() > MATERIAL_MISS,
    }
}

/// What came since the version was fitted.
fn since(fitted_until: Day, total: &TotalInterval) -> Finding {
    let miss = share(total.expected - total.actual, total.actual);
    Finding {
        words: format!(
            "since the fit until {fitted_until}, its customers placed {:.0} orders; the version then expected {:.0} ({:+.1} %)",
            total.actual,
            total.expected,
            100.0 * miss
        ),
        p: Some(chance(total)),
        material: miss.abs() > MATERIAL_MISS,
    }
}

/// What the refit on all facts says. Where it would have moved the forecast of the holdout away from what came, it is no reason to fit again.
fn refitted(evidence: &Evidence, active_accuracy: &Accuracy) -> Finding {
    let (active, refit) = evidence.outlook;
    let change = share(refit - active, active);
    let outlook = format!(
        "a refit on all facts expects {:+.1} % future orders",
        100.0 * change
    );
    let holds = change * missed(active_accuracy) <= 0.0;
    let found = significance(&evidence.sets);
    Finding {
        words: if evidence.has_prior {
            format!("{outlook}, which cannot be tested with a prior")
        } else {
            let gain = 0.5 * found.likelihood_ratio;
            format!("{outlook} and gains {gain:.1} in log-likelihood")
        },
        p: found.p.filter(|_| !evidence.has_prior),
        material: change.abs() > MATERIAL_OUTLOOK && holds,
    }
}

/// Both forecasts of the holdout, or why nothing can be said.
fn decidable(evidence: &Evidence) -> Result<&(Accuracy, Accuracy), String> {
    let Evidence {
        active_until,
        split,
        until,
        ..
    } = evidence;
    let customers: u64 = evidence.sets.iter().map(|set| set.customers).sum();
    let described = match evidence.pooled_customers {
        0 => "customers",
        _ => "customers with parameters of their own",
    };
    if let Some(problem) = &evidence.refit_problem {
        return Err(problem.clone());
    }
    if customers < FEWEST_CUSTOMERS {
        return Err(format!(
            "only {customers} {described}; at least {FEWEST_CUSTOMERS} are needed"
        ));
    }
    if let Some(last) = evidence.facts_end {
        return Err(format!(
            "no purchases after {last}, but the holdout ends on {until}: import the latest facts, or check an earlier day"
        ));
    }
    let holdout = evidence.holdout.as_ref();
    let holdout = holdout.ok_or_else(|| format!("no customer had ordered by {split}"))?;
    if holdout.0.actual_total < FEWEST_ORDERS {
        return Err(format!(
            "only {} orders after {split} and until {until}; at least {FEWEST_ORDERS} are needed: check that the latest facts are imported",
            holdout.0.actual_total
        ));
    }
    if active_until > split {
        return Err(format!(
            "the active version was fitted on facts until {active_until}, inside the holdout that starts after {split}: check later, or \
             with fewer days"
        ));
    }
    Ok(holdout)
}

/// Probability that a sum comes to lie as far out as it did, on either side.
fn chance(total: &TotalInterval) -> f64 {
    (2.0 * total.place.min(1.0 - total.place)).clamp(0.0, 1.0)
}

/// Share of the actual orders by which a forecast was off: above 0, too much was expected.
fn missed(accuracy: &Accuracy) -> f64 {
    share(
        accuracy.expected_total - accuracy.actual_total,
        accuracy.actual_total,
    )
}

fn share(part: f64, whole: f64) -> f64 {
    if whole > 0.0 { part / whole } else { 0.0 }
}
