//! Which contracts are renewed? Every renewal that falls due in the holdout, with the probability that the models gave it at the split.
//!
//! The second renewal of a holdout needs the first, so the probability is that of surviving until then, and no renewal is left out
//! because an earlier one did not come: what falls due is known at the split, what is reached is not. The baseline renews every contract
//! with the one rate that all renewals of the calibration period had, however often a contract was renewed before.

use std::collections::{BTreeMap, HashMap};

use super::{
    contracts::{ContractAhead, ContractsLeftOut},
    coverage::{self, Coverage, Within, within},
    number,
    population::Population,
    total::{self, TotalInterval},
};
use crate::domain::{
    clv::{
        fit::contracts::ContractOutcome,
        interval::{IntervalError, renewals::UncertainRenewals, total::Total},
    },
    fitted::contract_models::{BUILT_IN, ContractModels, ContractRows},
};

/// Contracts renewed this often or more are one age.
const OLDEST: u32 = 7;

/// How well renewals were predicted.
#[derive(Debug, Clone, PartialEq)]
pub struct RenewalEvaluation {
    /// All contracts, then, if they differ, those of each length of the period, the shortest first.
    pub groups: Vec<RenewalGroup>,
    /// The contracts that are no part of it.
    pub left_out: ContractsLeftOut,
    /// Contracts that the built-in model speaks for, as there is no fitted one for their length nor for all.
    pub built_in_contracts: usize,
    /// Share of the renewals due until the split that came, of all contracts, `0..=1`: the baseline. `None` when none was due.
    pub baseline_rate: Option<f64>,
    /// Why there are no intervals; `None` when there are.
    pub intervals_absent_reason: Option<String>,
}

/// Renewals of some contracts.
#[derive(Debug, Clone, PartialEq)]
pub struct RenewalGroup {
    /// Calendar months of their period; `None` for all.
    pub period_months: Option<u32>,
    /// Contracts with a renewal due in the holdout.
    pub contracts: usize,
    /// Renewals due, at least 1.
    pub due: u64,
    /// Renewals that came.
    pub renewed: u64,
    /// Renewals that the models expected.
    pub expected: f64,
    /// The same by the baseline; `None` without one.
    pub baseline_expected: Option<f64>,
    /// Mean squared difference of a renewal's probability from 1 if it came, from 0 if not: Brier (1950).
    pub brier_score: f64,
    /// The same by the baseline.
    pub baseline_brier_score: Option<f64>,
    /// Where the renewals together came to lie; `None` without intervals.
    pub total: Option<TotalInterval>,
    /// How often the renewals of one contract lay within its intervals; empty without intervals.
    pub coverage: Vec<Coverage>,
    /// By renewals until the split; only ages with a renewal due.
    pub ages: Vec<RenewalAge>,
}

/// Contracts renewed equally often until the split.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct RenewalAge {
    /// How often, `0..=7`; 7 is 7 or more.
    pub renewals: u32,
    /// Contracts.
    pub contracts: usize,
    /// Renewals due.
    pub due: u64,
    /// Renewals that came.
    pub renewed: u64,
    /// Renewals that the models expected.
    pub expected: f64,
}

/// Share of the renewals due that came, over all contracts; `None` when none was due.
#[must_use]
#[expect(clippy::cast_precision_loss, reason = "counts far below 2^53")]
pub fn renewal_rate(rows: &ContractRows) -> Option<f64> {
    let (mut due, mut renewed) = (0, 0);
    for row in rows.values().flatten() {
        renewed += row.count * u64::from(row.renewals);
        due += row.count * u64::from(row.outcome == ContractOutcome::Ended);
    }
    due += renewed;
    (due > 0).then(|| renewed as f64 / due as f64)
}

/// Compares the renewals that fell due with what the models expected at the split. Intervals are drawn from `seed`, that of the version.
///
/// # Errors
/// No contract had begun, or none had a renewal due in the holdout; in words.
pub fn evaluate_renewals(
    population: &Population,
    models: &ContractModels,
    baseline_rate: Option<f64>,
    seed: u64,
) -> Result<RenewalEvaluation, String> {
    let states = states(population);
    let window = population.window();
    let left_out = population.contracts_left_out();
    if states.is_empty() {
        return Err(match left_out {
            ContractsLeftOut {
                ending: 0,
                not_due: 0,
                ..
            } => format!("no contract ran on {}", window.split()),
            ContractsLeftOut { .. } => format!("no renewal was due by {}", window.until()),
        });
    }
    let (futures, intervals_absent_reason) = match RenewalDraws::new(models, seed) {
        Ok(draws) => (Some(draws), None),
        Err(error) => (None, Some(error.to_string())),
    };
    let mut groups: BTreeMap<Option<u32>, GroupSums> = BTreeMap::new();
    let mut built_in_contracts = 0;
    for (state, contracts) in states {
        if models.place_of(state.period_months).is_none() {
            built_in_contracts += contracts;
        }
        let scored = Scored::new(&state, contracts, models, baseline_rate, futures.as_ref());
        for period in [None, Some(state.period_months)] {
            groups.entry(period).or_default().add(&scored);
        }
    }
    let only_one = groups.len() == 2;
    let kept = groups
        .into_iter()
        .take(if only_one { 1 } else { usize::MAX });
    Ok(RenewalEvaluation {
        groups: kept.map(|(period, sums)| sums.close(period)).collect(),
        left_out,
        built_in_contracts,
        baseline_rate,
        intervals_absent_reason,
    })
}

/// Contracts of which the same was known, and of which the same came.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct State {
    period_months: u32,
    renewals: u32,
    due: u32,
    renewed: u32,
}

/// All contracts with a renewal due.
fn states(population: &Population) -> BTreeMap<State, usize> {
    let mut states = BTreeMap::new();
    for contract in population.contracts().filter(|contract| contract.due > 0) {
        let state = State {
            period_months: contract.period_months,
            renewals: contract.renewals,
            due: contract.due,
            renewed: contract.renewed,
        };
        *states.entry(state).or_default() += 1;
    }
    states
}

/// The contract models with their uncertainty.
pub(super) struct RenewalDraws<'a> {
    models: &'a ContractModels,
    fitted: Vec<UncertainRenewals>,
    built_in: UncertainRenewals,
}

impl<'a> RenewalDraws<'a> {
    /// Draws; each model has its own, as in answers of a version with the number `seed`.
    pub(super) fn new(models: &'a ContractModels, seed: u64) -> Result<Self, IntervalError> {
        let seeds = (1..).map(|at: u64| seed ^ (at << 32));
        let fitted = models.all().zip(seeds);
        Ok(Self {
            fitted: fitted
                .map(|(fitted, seed)| UncertainRenewals::new(&fitted, seed))
                .collect::<Result<_, IntervalError>>()?,
            built_in: UncertainRenewals::certain(BUILT_IN),
            models,
        })
    }

    /// Those of a period.
    fn of_period(&self, months: u32) -> &UncertainRenewals {
        let place = self.models.place_of(months);
        place
            .and_then(|place| self.fitted.get(place))
            .unwrap_or(&self.built_in)
    }

    /// What contracts bring together: each what it brings at each renewal. Contracts of one state are reckoned once.
    pub(super) fn payments<'c>(
        &self,
        contracts: impl Iterator<Item = (&'c ContractAhead, f64)>,
    ) -> Total {
        let mut states: BTreeMap<[u32; 3], [f64; 2]> = BTreeMap::new();
        for (contract, each) in contracts {
            let state = [contract.period_months, contract.renewals, contract.due];
            let sums = states.entry(state).or_default();
            sums[0] += each;
            sums[1] += each * each;
        }
        let mut total = Total::none();
        for ([months, renewals, due], [each, squared]) in states {
            let of_one = self.of_period(months).total(renewals, due);
            total.add(&of_one, each, squared);
        }
        total
    }
}

/// Contracts of one state, scored.
struct Scored {
    state: State,
    contracts: usize,
    /// Expected renewals of one of them.
    expected: f64,
    baseline_expected: Option<f64>,
    /// Sum of squared differences over the renewals of one.
    squares: f64,
    baseline_squares: Option<f64>,
    /// Of one.
    total: Option<(Total, Within)>,
}

impl Scored {
    fn new(
        state: &State,
        contracts: usize,
        models: &ContractModels,
        baseline_rate: Option<f64>,
        draws: Option<&RenewalDraws<'_>>,
    ) -> Self {
        let State {
            period_months,
            renewals,
            due,
            renewed,
        } = *state;
        let squares = |probabilities: &[f64]| {
            let each = (1..=due).zip(probabilities);
            let squares = each.map(|(number, probability)| {
                let came = f64::from(u8::from(number <= renewed));
                (probability - came).powi(2)
            });
            squares.sum::<f64>()
        };
        let model = models.of_period(period_months);
        let expected: Vec<f64> = model.survival_from(renewals, due).collect();
        let baseline = baseline_rate.map(|rate| baseline(rate, due));
        let total = draws.map(|draws| {
            let of_period = draws.of_period(period_months);
            let futures = of_period.renewals(renewals, due);
            let within = within(&futures, f64::from(renewed));
            (of_period.total(renewals, due), within)
        });
        Self {
            state: *state,
            contracts,
            expected: expected.iter().sum(),
            baseline_expected: baseline.as_ref().map(|each| each.iter().sum()),
            squares: squares(&expected),
            baseline_squares: baseline.as_deref().map(squares),
            total,
        }
    }
}

/// Probabilities of the next renewals by the baseline.
pub(super) fn baseline(rate: f64, due: u32) -> Vec<f64> {
    let survival = (0..due).scan(1.0, |survival, _| {
        *survival *= rate;
        Some(*survival)
    });
    survival.collect()
}

/// A group in the making.
#[derive(Default)]
struct GroupSums {
    contracts: usize,
    due: u64,
    renewed: u64,
    expected: f64,
    baseline_expected: Option<f64>,
    squares: f64,
    baseline_squares: Option<f64>,
    total: Option<Total>,
    outcomes: Vec<(f64, Within)>,
    ages: HashMap<u32, RenewalAge>,
}

impl GroupSums {
    fn add(&mut self, scored: &Scored) {
        let contracts = number(scored.contracts);
        let count = u64::try_from(scored.contracts).unwrap_or(u64::MAX);
        let state = &scored.state;
        let (due, renewed) = (
            count * u64::from(state.due),
            count * u64::from(state.renewed),
        );
        self.contracts += scored.contracts;
        self.due += due;
        self.renewed += renewed;
        self.expected += contracts * scored.expected;
        self.squares += contracts * scored.squares;
        if let (Some(expected), Some(squares)) = (scored.baseline_expected, scored.baseline_squares)
        {
            *self.baseline_expected.get_or_insert_default() += contracts * expected;
            *self.baseline_squares.get_or_insert_default() += contracts * squares;
        }
        if let Some((total, within)) = &scored.total {
            let sum = self.total.get_or_insert_with(Total::none);
            sum.add(total, contracts, contracts);
            self.outcomes.push((contracts, *within));
        }
        let renewals = state.renewals.min(OLDEST);
        let age = self.ages.entry(renewals).or_insert(RenewalAge {
            renewals,
            contracts: 0,
            due: 0,
            renewed: 0,
            expected: 0.0,
        });
        age.contracts += scored.contracts;
        age.due += due;
        age.renewed += renewed;
        age.expected += contracts * scored.expected;
    }

    #[expect(clippy::cast_precision_loss, reason = "counts far below 2^53")]
    fn close(self, period_months: Option<u32>) -> RenewalGroup {
        let due = self.due as f64;
        let mut ages: Vec<RenewalAge> = self.ages.into_values().collect();
        ages.sort_unstable_by_key(|age| age.renewals);
        let coverage = coverage::coverage(&self.outcomes).into_iter();
        RenewalGroup {
            period_months,
            contracts: self.contracts,
            due: self.due,
            renewed: self.renewed,
            expected: self.expected,
            baseline_expected: self.baseline_expected,
            brier_score: self.squares / due,
            baseline_brier_score: self.baseline_squares.map(|squares| squares / due),
            total: self.total.as_ref().and_then(|predicted| {
                let interval = total::interval(predicted, self.renewed as f64)?;
                // More than fall due cannot come.
                let high = interval.high.min(due);
                Some(TotalInterval { high, ..interval })
            }),
            coverage: coverage
                .map(|level| Coverage {
                    customers: self.contracts,
                    ..level
                })
                .collect(),
            ages,
        }
    }
}
