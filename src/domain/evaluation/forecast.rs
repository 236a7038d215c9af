//! What a model expected of each customer, beside what came and what forecasts without it would have said.

use std::{collections::HashMap, sync::Arc};

use super::{
    baseline::Baseline,
    population::{Population, Subject},
    strata::Stratum,
};
use crate::domain::{
    calendar::Day,
    clv::{history::PurchaseHistory, season::OrderTime},
    fitted::parameters::{Parameters, Refined, Selected, Selection, SpendParameters},
    money::Currency,
    stop,
};

/// A model that knows nothing after the split: parameter sets, of which each customer gets the one that a score as of the split rests
/// on.
#[derive(Debug, Clone, PartialEq)]
pub struct CandidateModel {
    parameters: Parameters,
    currency: Option<Currency>,
}

impl CandidateModel {
    /// These parameters. A model of spend in another currency than that of the population's amounts says nothing.
    #[must_use]
    pub const fn new(parameters: Parameters, currency: Option<Currency>) -> Self {
        Self {
            parameters,
            currency,
        }
    }

    /// The parameters that speak for the customers of a stratum.
    #[must_use]
    pub fn select(&self, stratum: &Stratum) -> Selected<'_> {
        self.parameters
            .select(stratum.kind, |_| stratum.values.clone())
    }

    /// The spend model among them; `None` where there is none in the currency, or one without a mean.
    pub(super) fn spend<'a>(&self, selected: &Selected<'a>) -> Option<&'a SpendParameters> {
        let spend = selected.spend?;
        let usable = Some(spend.currency) == self.currency && spend.model.population_mean().is_ok();
        usable.then_some(spend)
    }

    /// How its models of orders count time.
    #[must_use]
    pub fn time(&self) -> OrderTime<'_> {
        self.parameters.time()
    }

    /// What a customer did until the split, as its models count time.
    pub(super) fn history(&self, subject: &Subject, split: Day) -> PurchaseHistory {
        let row = subject.row();
        let (recency_days, age_days) = (row.recency_days(), row.age_days());
        let by_clock = || {
            let time = self.time();
            time.history(row.frequency(), recency_days, age_days, split)
        };
        match self.time() {
            OrderTime::Calendar => *subject.history(),
            // A clock never makes a possible history an impossible one.
            OrderTime::Seasonal(_) => by_clock().unwrap_or(*subject.history()),
        }
    }

    /// Whether it tells customers apart by their values of covariates.
    pub(super) const fn has_covariates(&self) -> bool {
        matches!(self.parameters.refined, Refined::Covariates(_))
    }

    /// The parameters fitted to everybody, alone; `None` where there are no others.
    pub(super) fn pooled(&self) -> Option<Self> {
        let pooled = Self {
            parameters: Parameters {
                season: self.parameters.season.clone(),
                ..Parameters::pooled(self.parameters.pooled.clone())
            },
            currency: self.currency,
        };
        (self.parameters.refined != Refined::No).then_some(pooled)
    }
}

/// One customer's quantity in the holdout: what came, and what each forecaster expected.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Compared {
    /// What came.
    pub actual: f64,
    /// By the model.
    pub expected: f64,
    /// By its parameters fitted to everybody; `None` where it has no others.
    pub pooled: Option<f64>,
    /// As in the year before the split.
    pub last_year: f64,
    /// At the pace of that year.
    pub pace: f64,
    /// As all on average.
    pub mean: f64,
}

/// What was expected of one customer.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Forecast {
    /// By which parameters of the model.
    pub selection: Selection,
    /// Orders in the holdout.
    pub orders: Compared,
    /// Spend in the holdout, major units; `None` where amounts cannot be converted or there is no spend model.
    pub spend: Option<Compared>,
    /// Probability of an order in the holdout, by the model.
    pub buys_again: f64,
}

/// Forecasts of all customers, in their order.
#[must_use]
pub fn forecasts(population: &Population, model: &CandidateModel) -> Vec<Forecast> {
    let subjects = population.subjects();
    let window = population.window();
    let weeks = window.holdout_weeks();
    let of_orders = Baseline::of_orders(population);
    let of_spend = Baseline::of_spend(population);
    let pooled = model.pooled();
    let split = window.split();
    let mut expectations = Expectations::new(model, split, weeks);
    let mut of_pooled = pooled
        .as_ref()
        .map(|it| Expectations::new(it, split, weeks));
    let forecast = |subject: &Subject| {
        let own = expectations.expect_for(subject);
        let pooled = of_pooled.as_mut().map(|it| it.expect_for(subject));
        let orders = Compared {
            pooled: pooled.map(|it| it.orders),
            ..of_orders.compared(
                subject,
                f64::from(subject.last_year_repeats),
                f64::from(subject.holdout_orders),
                own.orders,
            )
        };
        let spend = own.spend.and_then(|expected| {
            let repeats = subject.known_spend?.last_year_repeats;
            let came = subject.holdout_spend?;
            Some(Compared {
                pooled: pooled.and_then(|it| it.spend),
                ..of_spend.compared(subject, repeats, came, expected)
            })
        });
        Forecast {
            selection: own.selection,
            orders,
            spend,
            buys_again: own.buys_again,
        }
    };
    subjects.iter().map(forecast).collect()
}

/// Orders that a model expects of all customers within `weeks` from the split on.
pub(super) fn expected_orders(population: &Population, model: &CandidateModel, weeks: f64) -> f64 {
    let mut expectations = Expectations::new(model, population.window().split(), weeks);
    let subjects = population.subjects().iter();
    subjects
        .map(|subject| expectations.expect_for(subject).orders)
        .sum()
}

/// What one model expects within some weeks, orders reckoned once for each distinct history of a stratum.
struct Expectations<'a> {
    model: &'a CandidateModel,
    split: Day,
    /// As the model counts them.
    weeks: f64,
    /// Orders, and the probability of one.
    known: HashMap<(*const Stratum, [u32; 3]), (f64, f64)>,
}

/// What is expected of one customer.
#[derive(Clone, Copy)]
struct Expectation {
    selection: Selection,
    orders: f64,
    /// Probability of an order.
    buys_again: f64,
    /// `None` where amounts cannot be converted or there is no spend model.
    spend: Option<f64>,
}

impl<'a> Expectations<'a> {
    fn new(model: &'a CandidateModel, split: Day, weeks: f64) -> Self {
        Self {
            model,
            split,
            weeks: model.time().ahead_of(split).model_weeks(weeks),
            known: HashMap::new(),
        }
    }

    fn expect_for(&mut self, subject: &Subject) -> Expectation {
        stop::check();
        let selected = self.model.select(subject.stratum());
        let row = subject.row();
        // Where all have the same parameters, it matters not who they are.
        let whose = match selected.selection {
            Selection::Pooled
            | Selection::PooledForKind(_)
            | Selection::PooledForUnknownCovariate => std::ptr::null(),
            Selection::OwnKind(_) | Selection::Covariates => Arc::as_ptr(subject.stratum()),
        };
        let days = [row.frequency(), row.recency_days(), row.age_days()];
        let (weeks, split) = (self.weeks, self.split);
        let (orders, buys_again) = *self.known.entry((whose, days)).or_insert_with(|| {
            let outlook = selected.orders.outlook(&self.model.history(subject, split));
            let none = outlook.probability_of_orders(0, weeks);
            (outlook.expected_orders(weeks), (1.0 - none).clamp(0.0, 1.0))
        });
        let per_order = spend_per_order(subject, self.model.spend(&selected));
        Expectation {
            selection: selected.selection,
            orders,
            buys_again,
            spend: per_order.map(|per_order| orders * per_order),
        }
    }
}

/// Expected spend per order: Fader and Hardie (2013), note 025, equation 5.
fn spend_per_order(subject: &Subject, spend: Option<&SpendParameters>) -> Option<f64> {
    let (known, spend) = (subject.known_spend?, spend?);
    let own = known.amounts.history(spend.orders);
    spend.model.expected_spend(own.as_ref()).ok()
}
