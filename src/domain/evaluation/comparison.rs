//! Which of several models to use: the likelihood of what was known, and the holdout where it says more.
//!
//! A likelihood weighs every order of the calibration period; a holdout is one stretch of time, in which a campaign or a season moves all
//! models alike. So the Bayesian information criterion (Schwarz 1978) decides, which also makes a model pay for its parameters, unless the
//! holdout tells models apart by more than chance, customer by customer. Models are fitted to the same customers.

use super::number;

/// Models whose criteria differ by less are equally good: a Bayes factor below 3 is "not worth more than a bare mention" (Kass and Raftery
/// 1995, Journal of the American Statistical Association 90, page 777).
const SAME_BIC: f64 = 2.0;
/// Standard errors beyond which a difference of holdout errors is not chance.
pub(super) const CLEARLY: f64 = 2.0;

/// What is compared of one model.
#[derive(Debug, Clone, PartialEq)]
pub struct Contender {
    /// Its Bayesian information criterion, smaller is better; `None` where it is not comparable with that of the others.
    pub bic: Option<f64>,
    /// Squared error of each customer's orders in the holdout, the customers in the same order for all models.
    pub squared_errors: Vec<f64>,
}

/// Why a model is recommended.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Ground {
    /// It has the smallest criterion, by so much before the next; `None` when no other can be compared.
    Likelihood(Option<f64>),
    /// Its criterion is as good as the smallest, and it came closest to the holdout among such.
    EqualLikelihood,
    /// It came closer to the holdout than the model that the likelihood prefers, beyond chance; by how many standard errors.
    Holdout {
        /// The model that the likelihood prefers.
        before: usize,
        /// The difference of mean squared errors in its standard errors.
        standard_errors: f64,
    },
    /// No likelihoods can be compared; it came closest to the holdout.
    HoldoutAlone,
}

/// The model to use, by its place among `contenders`, and why; `None` without contenders.
#[must_use]
pub fn recommend(contenders: &[Contender]) -> Option<(usize, Ground)> {
    let (preferred, ground) = by_likelihood(contenders).or_else(|| {
        let closest = closest(contenders, 0..contenders.len())?;
        Some((closest, Ground::HoldoutAlone))
    })?;
    let better = (0..contenders.len()).filter_map(|at| {
        let gain = paired_gain(&contenders[preferred], &contenders[at])?;
        (gain > CLEARLY).then_some((at, gain))
    });
    let better: Vec<(usize, f64)> = better.collect();
    match closest(contenders, better.iter().map(|(at, _)| *at)) {
        None => Some((preferred, ground)),
        Some(best) => {
            let gain = better.iter().find(|(at, _)| *at == best);
            let ground = Ground::Holdout {
                before: preferred,
                standard_errors: gain.map_or(CLEARLY, |(_, gain)| *gain),
            };
            Some((best, ground))
        }
    }
}

fn by_likelihood(contenders: &[Contender]) -> Option<(usize, Ground)> {
    let criteria = contenders.iter().enumerate();
    let mut criteria: Vec<(usize, f64)> = criteria
        .filter_map(|(at, one)| Some((at, one.bic?)))
        .collect();
    criteria.sort_by(|(_, one), (_, other)| one.total_cmp(other));
    let &(first, least) = criteria.first()?;
    let equal = criteria
        .iter()
        .filter(|(_, bic)| bic - least < SAME_BIC)
        .map(|(at, _)| *at);
    let best = closest(contenders, equal)?;
    let ground = if best == first {
        Ground::Likelihood(criteria.get(1).map(|(_, next)| next - least))
    } else {
        Ground::EqualLikelihood
    };
    Some((best, ground))
}

/// Of these models the one with the least mean squared error; the first of several.
fn closest(contenders: &[Contender], among: impl Iterator<Item = usize>) -> Option<usize> {
    among.min_by(|&one, &other| {
        let error = |at: usize| mean(&contenders[at].squared_errors);
        error(one).total_cmp(&error(other))
    })
}

/// By how many standard errors a model came closer to the holdout than another one; `None` where that cannot be told.
pub(super) fn paired_gain(than: &Contender, model: &Contender) -> Option<f64> {
    let pairs = than.squared_errors.iter().zip(&model.squared_errors);
    let gains: Vec<f64> = pairs.map(|(than, own)| than - own).collect();
    if gains.len() < 2 {
        return None;
    }
    let gain = mean(&gains);
    let scatter: f64 = gains.iter().map(|one| (one - gain).powi(2)).sum();
    let count = number(gains.len());
    let error = (scatter / (count - 1.0) / count).sqrt();
    (error > 0.0).then(|| gain / error)
}

fn mean(values: &[f64]) -> f64 {
    match values {
        [] => 0.0,
        some => some.iter().sum::<f64>() / number(some.len()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn contender(bic: Option<f64>, errors: [f64; 4]) -> Contender {
        Contender {
            bic,
            squared_errors: errors.to_vec(),
        }
    }

    #[test]
    fn the_likelihood_decides_where_the_holdout_is_silent() {
        let models = [
            contender(Some(110.0), [1.0, 2.0, 3.0, 0.5]),
            contender(Some(100.0), [1.2, 1.7, 3.3, 0.4]),
            contender(Some(131.0), [0.9, 2.1, 3.1, 0.6]),
        ];
        assert_eq!(
            recommend(&models),
            Some((1, Ground::Likelihood(Some(10.0))))
        );
    }

    #[test]
    fn among_models_of_one_likelihood_the_closer_one_is_taken() {
        let models = [
            contender(Some(100.0), [1.0, 2.0, 3.0, 0.5]),
            contender(Some(101.9), [0.9, 2.0, 3.1, 0.4]),
        ];
        assert_eq!(recommend(&models), Some((1, Ground::EqualLikelihood)));
    }

    #[test]
    fn the_holdout_overrules_beyond_two_standard_errors() {
        // Gains of 1.0, 1.1, 0.9 and 1.0: mean 1, standard error 0.0408.
        let models = [
            contender(Some(100.0), [2.0, 3.1, 3.9, 1.0]),
            contender(Some(150.0), [1.0, 2.0, 3.0, 0.0]),
        ];
        let Some((
            1,
            Ground::Holdout {
                before: 0,
                standard_errors,
            },
        )) = recommend(&models)
        else {
            panic!("{:?}", recommend(&models));
        };
        assert!((standard_errors - 24.494_897_427_831_78).abs() < 1e-9);
    }

    #[test]
    fn without_a_comparable_likelihood_the_holdout_decides_alone() {
        let models = [
            contender(None, [2.0, 0.0, 4.0, 1.0]),
            contender(None, [1.0, 2.0, 3.0, 0.0]),
        ];
        assert_eq!(recommend(&models), Some((1, Ground::HoldoutAlone)));
        assert_eq!(recommend(&[]), None);
    }
}
