//! The value as a whole: what customers brought in the holdout by orders and contracts together, beside what was expected of both.
//!
//! It counts what the value of a score counts, by the measure of the definitions (revenue, or margin), undiscounted and before any cost to
//! serve: contacts are not predicted here. What nobody knew of at the split is no part of it: contracts signed later, and the orders of
//! customers who had not ordered by then.

use super::{
    QuantityEvaluation,
    contracts::ContractAhead,
    coverage,
    drawn::{PARAMETER_SETS, parameters},
    forecast::{CandidateModel, Compared, Forecast, forecasts},
    number,
    population::{Population, Subject},
    quantity,
    renewals::{RenewalDraws, baseline},
    total::{self, Part, TotalInterval},
};
use crate::domain::{clv::interval::total::Total, fitted::contract_models::ContractModels};

/// How well the value of customers was predicted.
#[derive(Debug, Clone, PartialEq)]
pub struct ValueEvaluation {
    /// Customers compared: who had ordered, or had a contract that ran, by the split.
    pub customers: usize,
    /// Customers left out since an amount cannot be converted to the reporting currency.
    pub unconvertible: usize,
    /// What orders brought and were expected to bring, major units; `None` without a model of orders.
    pub orders: Option<Contribution>,
    /// The same of contracts.
    pub contracts: Contribution,
    /// Of both together, customer by customer; without bins and coverage. The baselines add to those of orders what contracts bring if
    /// every renewal comes with the rate of the calibration period.
    pub quantity: QuantityEvaluation,
    /// Why there is no interval of the total; `None` when there is one, and where spend has no variance.
    pub intervals_absent_reason: Option<String>,
}

/// What one part added to the value of all customers, major units of the reporting currency.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Contribution {
    /// What came.
    pub actual: f64,
    /// What was expected.
    pub expected: f64,
}

/// Compares the value that was expected of customers with what came. Without a `model` of orders, contracts alone count, and of customers
/// only those who have some. `baseline_rate` is that of renewals. Intervals are drawn from `seed`.
///
/// # Errors
/// No contract ran at the split, so that the value is that of orders; or there is nobody to compare. In words.
pub fn evaluate_value(
    population: &Population,
    model: Option<&CandidateModel>,
    contracts: &ContractModels,
    baseline_rate: Option<f64>,
    seed: u64,
) -> Result<ValueEvaluation, String> {
    if population.contracts().next().is_none() {
        let split = population.window().split();
        return Err(format!(
            "no contract ran on {split}, so all value is that of orders"
        ));
    }
    let forecasts = model.map(|model| (model, forecasts(population, model)));
    if let Some((_, forecasts)) = &forecasts
        && !forecasts.is_empty()
        && forecasts.iter().all(|forecast| forecast.spend.is_none())
    {
        return Err("the spend of orders has no forecast".to_owned());
    }
    let mut sums = Sums::default();
    // The share of each customer's spend that counts; `None` for those without a forecast of it.
    let mut shares = vec![None; population.subjects().len()];
    for (at, subject) in population.subjects().iter().enumerate() {
        let own = &subject.value.contracts;
        let orders = match &forecasts {
            None if own.is_empty() => continue,
            None => None,
            Some((model, forecasts)) => {
                let counted = counted(subject, model, &forecasts[at]);
                if counted.is_none() {
                    sums.unconvertible += 1;
                    continue;
                }
                counted
            }
        };
        let of_orders = orders.map(|(_, orders)| orders);
        if sums.add(of_orders, own, contracts, baseline_rate) {
            shares[at] = orders.map(|(share, _)| share);
        }
    }
    for own in population.contracts_alone() {
        sums.add(None, own, contracts, baseline_rate);
    }
    if sums.compared.is_empty() {
        return Err("no customer has a forecast of all amounts".to_owned());
    }
    sums.fill_means();
    let of_orders = match &forecasts {
        None => Ok(Some(Total::none())),
        Some((model, forecasts)) => drawn_orders(population, model, forecasts, &shares, seed),
    };
    let total = of_orders.and_then(|of_orders| sums.total(of_orders, contracts, seed));
    let (total, intervals_absent_reason) = match total {
        Ok(total) => (total, None),
        Err(reason) => (None, Some(reason)),
    };
    // By frequency there is nothing to see: contracts have none.
    let compared: Vec<(u32, Compared)> = sums.compared.iter().map(|one| (0, *one)).collect();
    Ok(ValueEvaluation {
        customers: compared.len(),
        unconvertible: sums.unconvertible,
        orders: model.map(|_| sums.orders),
        contracts: sums.contracts,
        quantity: QuantityEvaluation {
            bins: vec![],
            total,
            ..quantity(&compared, &[])
        },
        intervals_absent_reason,
    })
}

/// What share of a customer's spend counts, and what came and was expected by orders; `None` where an amount cannot be converted, or
/// there is no model of spend.
fn counted(
    subject: &Subject,
    model: &CandidateModel,
    forecast: &Forecast,
) -> Option<(f64, Compared)> {
    let selected = model.select(subject.stratum());
    let mean_order = model.spend(&selected)?.model.population_mean().ok()?;
    let share = subject.value.known_margins?.share(mean_order);
    let spend = forecast.spend?;
    let compared = Compared {
        actual: subject.value.holdout_margin?,
        expected: spend.expected * share,
        pooled: spend.pooled.map(|pooled| pooled * share),
        last_year: spend.last_year * share,
        pace: spend.pace * share,
        mean: 0.0,
    };
    Some((share, compared))
}

/// What orders bring together, from the customers whose futures are drawn; `None` where spend has no variance.
fn drawn_orders(
    population: &Population,
    model: &CandidateModel,
    forecasts: &[Forecast],
    shares: &[Option<f64>],
    seed: u64,
) -> Result<Option<Total>, String> {
    let sampled = coverage::sample(population, model, seed)?;
    let counted = sampled.iter().filter_map(|one| {
        let at = one.chosen.subject;
        Some((one, &forecasts[at], shares[at]?))
    });
    let counted: Vec<_> = counted.collect();
    let scaled = counted.iter().map(|(one, _, share)| {
        let spend = one.totals.spend.clone()?;
        Some(spend.times(*share))
    });
    let Some(scaled) = scaled.collect::<Option<Vec<Total>>>() else {
        return Ok(None);
    };
    let expected =
        |forecast: &Forecast, share: f64| share * forecast.spend.map_or(0.0, |it| it.expected);
    let parts = counted.iter().zip(&scaled);
    let parts: Vec<Part<'_>> = parts
        .map(|((one, forecast, share), predicted)| Part {
            parameters: parameters(forecast.selection),
            weight: one.chosen.weight,
            expected: expected(forecast, *share),
            predicted,
        })
        .collect();
    let all = forecasts.iter().zip(shares);
    let all = all.filter_map(|(forecast, share)| Some(expected(forecast, (*share)?)));
    Ok(Some(total::predicted(all.sum(), &parts, PARAMETER_SETS)))
}

/// What is expected of customers, in the making.
#[derive(Default)]
struct Sums {
    compared: Vec<Compared>,
    /// Contracts that count, each with what a renewal brings.
    payments: Vec<(ContractAhead, f64)>,
    orders: Contribution,
    contracts: Contribution,
    unconvertible: usize,
}

impl Sums {
    /// Adds a customer: what orders come to, if there are any, and contracts. False where a price cannot be converted.
    fn add(
        &mut self,
        orders: Option<Compared>,
        contracts: &[ContractAhead],
        models: &ContractModels,
        baseline_rate: Option<f64>,
    ) -> bool {
        let payments = contracts.iter().map(|contract| contract.payments);
        let Some(payments) = payments.collect::<Option<Vec<_>>>() else {
            self.unconvertible += 1;
            return false;
        };
        let mut of_contracts = Contribution::default();
        let mut of_baseline = 0.0;
        for (contract, payments) in contracts.iter().zip(payments) {
            let model = models.of_period(contract.period_months);
            let expected: f64 = model.survival_from(contract.renewals, contract.due).sum();
            of_contracts.expected += payments.each * expected;
            of_contracts.actual += payments.came;
            // Where no renewal was ever due, nobody knows of one that did not come.
            let by_rate = baseline(baseline_rate.unwrap_or(1.0), contract.due);
            of_baseline += payments.each * by_rate.iter().sum::<f64>();
            self.payments.push((*contract, payments.each));
        }
        self.contracts.actual += of_contracts.actual;
        self.contracts.expected += of_contracts.expected;
        if let Some(orders) = orders {
            self.orders.actual += orders.actual;
            self.orders.expected += orders.expected;
        }
        let orders = orders.unwrap_or(Compared {
            actual: 0.0,
            expected: 0.0,
            pooled: None,
            last_year: 0.0,
            pace: 0.0,
            mean: 0.0,
        });
        self.compared.push(Compared {
            actual: orders.actual + of_contracts.actual,
            expected: orders.expected + of_contracts.expected,
            pooled: orders.pooled.map(|pooled| pooled + of_contracts.expected),
            last_year: orders.last_year + of_baseline,
            pace: orders.pace + of_baseline,
            mean: 0.0,
        });
        true
    }

    /// Where orders and contracts together came to lie; `None` where those of orders have no variance.
    fn total(
        &self,
        of_orders: Option<Total>,
        models: &ContractModels,
        seed: u64,
    ) -> Result<Option<TotalInterval>, String> {
        let draws = RenewalDraws::new(models, seed).map_err(|error| error.to_string())?;
        let Some(mut predicted) = of_orders else {
            return Ok(None);
        };
        let payments = self.payments.iter();
        let of_contracts = draws.payments(payments.map(|(contract, each)| (contract, *each)));
        predicted.add(&of_contracts, 1.0, 1.0);
        let actual = self.orders.actual + self.contracts.actual;
        Ok(total::interval(&predicted, actual))
    }

    /// Gives every customer the mean of the first baseline.
    fn fill_means(&mut self) {
        let sum: f64 = self.compared.iter().map(|one| one.last_year).sum();
        let mean = sum / number(self.compared.len()).max(1.0);
        self.compared.iter_mut().for_each(|one| one.mean = mean);
    }
}
