//! From a profile to a value: the inputs of the models, what the models say, and why there may be nothing to say.

mod contracts;
mod cost_to_serve;
mod margin;
mod missing_rate;
pub mod newcomers;
pub mod order_forecast;
mod spend;
pub mod uncertainty;

pub use contracts::{ContractValue, margin_of_period};
use contracts::{RunningContract, contract_value, running_contracts};
pub use cost_to_serve::unpriced_channels;
use cost_to_serve::{ActivePeriod, cost_to_serve};
pub use margin::OrderMargins;
use margin::margin_share;
pub use missing_rate::{MissingRate, amounts, currencies_but, missing_rates};
pub use spend::amounts_paid;
use spend::expected_spend;

use crate::domain::{
    assess::tiers::Unrated,
    basis::Basis,
    clv::{
        gamma_gamma::SpendHistory,
        history::{DAYS_PER_WEEK, HistoryError, PurchaseHistory},
        lifetime::{Horizon, discounted_orders},
        season::OrderTime,
        spend_orders::AmountsPaid,
    },
    customer::{
        CustomerKind,
        profile::{ProfileAt, PurchaseSummary},
    },
    fitted::parameters::{Estimation, ExtrapolatedCovariate, Selection},
    money::{Money, major_to_money},
};

/// What a customer is worth, as far as it can be told.
#[derive(Debug, Clone, PartialEq)]
pub struct Valuation {
    /// What the models were given; `None` without a purchase and for employees.
    pub inputs: Option<ValueInputs>,
    /// What the order model says; `None` without one.
    pub orders: Option<OrderOutlook>,
    /// The covariates of the customer outside the values that the order model was fitted to.
    pub extrapolated_covariates: Vec<ExtrapolatedCovariate>,
    /// Expected amount per order, in major units of the reporting currency.
    pub expected_spend_per_order: Option<f64>,
    /// The customer's own orders behind that amount; `None` where it is the mean of all customers, or there is none.
    pub spend_history: Option<SpendHistory>,
    /// What of it counts on the basis of the definitions, in major units: all of it, or the margin.
    pub expected_margin_per_order: Option<f64>,
    /// Discounted value of the orders to come, in major units, before any cost to serve.
    pub transaction_value: Option<f64>,
    /// What contracts are expected to bring; `None` without any, or when it cannot be told.
    pub contracts: Option<ContractValue>,
    /// Discounted cost to serve within the horizon, in major units; only on the contribution basis.
    pub expected_cost_to_serve: Option<f64>,
    /// Discounted value within the horizon, in minor units of the reporting currency: of the orders to come and of the contracts, less
    /// the cost to serve.
    pub lifetime_value: Result<Money, Unrated>,
}

/// The inputs of the value models, in the terms of the literature.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct ValueInputs {
    /// x: purchase days after the first.
    pub frequency: u32,
    /// `t_x`: days from the first to the last purchase day.
    pub recency_days: u32,
    /// T: days from the first purchase day to the day of the answer.
    pub age_days: u32,
    /// What the purchase days brought, in major units of the reporting currency. `None` when an amount cannot be converted.
    pub amounts: Option<AmountsPaid>,
}

/// What the order model says of a customer.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct OrderOutlook {
    /// Probability that the customer still buys.
    pub probability_alive: f64,
    /// Whether the model can tell: under BG/NBD it cannot before a repeat purchase.
    pub probability_alive_identified: bool,
    /// Expected purchase days within the horizon.
    pub expected_orders: f64,
    /// Orders that the season makes of one within the horizon, of a customer who stays: 1.2 is a fifth more than in an average time of
    /// the year. `None` where the model knows no seasons.
    pub season_factor: Option<f64>,
    /// Which parameters of the model version these are.
    pub parameters: Selection,
    /// How they were found.
    pub estimation: Estimation,
}

impl ValueInputs {
    /// `t_x` in weeks.
    #[must_use]
    pub fn recency_weeks(&self) -> f64 {
        f64::from(self.recency_days) / DAYS_PER_WEEK
    }

    /// T in weeks.
    #[must_use]
    pub fn age_weeks(&self) -> f64 {
        f64::from(self.age_days) / DAYS_PER_WEEK
    }

    /// The history as a model counts it whose time passes so; the view is the one that these are of.
    ///
    /// # Errors
    /// As [`PurchaseHistory::from_days`].
    pub(crate) fn history(
        &self,
        view: ProfileAt<'_>,
        time: OrderTime<'_>,
    ) -> Result<PurchaseHistory, HistoryError> {
        let (recency_days, age_days) = (self.recency_days, self.age_days);
        time.history(self.frequency, recency_days, age_days, view.as_of())
    }

    /// `m_x`: mean amount per repeat purchase day, in major units of the reporting currency; 0 without one. `None` when an amount
    /// cannot be converted.
    #[must_use]
    pub fn monetary_value(&self) -> Option<f64> {
        self.amounts.as_ref().map(AmountsPaid::mean_repeat)
    }

    fn new(summary: &PurchaseSummary<'_>, view: ProfileAt<'_>, basis: &Basis) -> Self {
        let days = |days: i32| u32::try_from(days).unwrap_or(0);
        Self {
            frequency: summary.frequency,
            recency_days: days(summary.last_day - summary.first_day),
            age_days: days(view.as_of() - summary.first_day),
            amounts: amounts_paid(summary, basis).ok(),
        }
    }
}

/// Values a customer over `horizon`: transactions by the model of orders, contracts by that of renewals, and both are added.
#[must_use]
pub fn value(view: ProfileAt<'_>, basis: &Basis, horizon: &Horizon) -> Valuation {
    if view.profile().kind == CustomerKind::Employee {
        return nothing(Unrated::NotApplicable);
    }
    let held = running_contracts(view, basis, horizon);
    let Some(summary) = view.purchases() else {
        return value_of_contracts(view, basis, horizon, held);
    };
    let valued = Valuation {
        inputs: Some(ValueInputs::new(&summary, view, basis)),
        contracts: told(&held),
        ..nothing(Unrated::NoModel)
    };
    value_of_purchases(view, basis, horizon, held, valued)
}

/// The contracts of a customer; `None` without any.
type Held = Result<Option<Vec<RunningContract>>, Unrated>;

/// What they are expected to bring, where that can be told.
fn told(held: &Held) -> Option<ContractValue> {
    let running_contracts = held.as_ref().ok()?.as_ref()?;
    Some(contract_value(running_contracts))
}

/// A customer who cannot be valued.
const fn nothing(reason: Unrated) -> Valuation {
    Valuation {
        inputs: None,
        orders: None,
        extrapolated_covariates: vec![],
        expected_spend_per_order: None,
        spend_history: None,
        expected_margin_per_order: None,
        transaction_value: None,
        contracts: None,
        expected_cost_to_serve: None,
        lifetime_value: Err(reason),
    }
}

/// The value of a customer who bought: `valued` has what is known without a model.
fn value_of_purchases(
    view: ProfileAt<'_>,
    basis: &Basis,
    horizon: &Horizon,
    held: Held,
    valued: Valuation,
) -> Valuation {
    let Some(inputs) = valued.inputs else {
        return valued;
    };
    let selected = basis
        .model
        .as_ref()
        .and_then(|model| model.for_customer(view));
    let Some(selected) = selected else {
        return valued;
    };
    let Ok(history) = inputs.history(view, selected.time) else {
        return valued;
    };
    let outlook = selected.orders.outlook(&history);
    let ahead = selected.time.ahead_of(view.as_of());
    let orders = OrderOutlook {
        probability_alive: outlook.probability_alive(),
        probability_alive_identified: selected.orders.identifies_alive(&history),
        expected_orders: outlook.expected_orders(ahead.model_weeks(horizon.weeks())),
        season_factor: ahead.season_factor(horizon.weeks()),
        parameters: selected.selection,
        estimation: selected.estimation,
    };
    let amounts = inputs.amounts.as_ref();
    let spend = expected_spend(amounts, selected.spend, basis.reporting_currency);
    let margin = spend.and_then(|spend| {
        let share = margin_share(view, basis, selected.spend)?;
        Ok((spend.amount * share, spend.currency))
    });
    let cost_to_serve = spend.and_then(|_| {
        let contracts = held.as_ref().map_err(|reason| *reason)?;
        let active = ActivePeriod {
            outlook: Some((&outlook, ahead)),
            contracts: contracts.as_deref().unwrap_or_default(),
        };
        cost_to_serve(view, basis, horizon, active)
    });
    let transactions =
        margin.map(|(margin, _)| margin * discounted_orders(&outlook, horizon, &ahead));
    let lifetime_value = margin.and_then(|(_, currency)| {
        held?;
        let contracts = valued.contracts.map_or(0.0, |contracts| contracts.value);
        let value = transactions? + contracts - cost_to_serve?.unwrap_or(0.0);
        major_to_money(value, currency).ok_or(Unrated::TooLarge)
    });
    Valuation {
        orders: Some(orders),
        extrapolated_covariates: selected.extrapolated_covariates(),
        expected_spend_per_order: spend.ok().map(|spend| spend.amount),
        spend_history: spend.ok().and_then(|spend| spend.own),
        expected_margin_per_order: margin.ok().map(|(margin, _)| margin),
        transaction_value: transactions.ok(),
        expected_cost_to_serve: cost_to_serve.ok().flatten(),
        lifetime_value,
        ..valued
    }
}

/// The value of a customer who never bought but may have contracts.
fn value_of_contracts(
    view: ProfileAt<'_>,
    basis: &Basis,
    horizon: &Horizon,
    held: Held,
) -> Valuation {
    if held == Ok(None) {
        return nothing(Unrated::NoPurchase);
    }
    let contracts = told(&held);
    let held = held.map(Option::unwrap_or_default);
    let cost_to_serve = held.and_then(|held| {
        let active = ActivePeriod {
            outlook: None,
            contracts: &held,
        };
        cost_to_serve(view, basis, horizon, active)
    });
    let lifetime_value = cost_to_serve.and_then(|cost| {
        let currency = basis.reporting_currency.ok_or(Unrated::NoRate)?;
        let contracts = contracts.map_or(0.0, |contracts| contracts.value);
        let value = contracts - cost.unwrap_or(0.0);
        major_to_money(value, currency).ok_or(Unrated::TooLarge)
    });
    Valuation {
        contracts,
        expected_cost_to_serve: cost_to_serve.ok().flatten(),
        lifetime_value,
        ..nothing(Unrated::NoPurchase)
    }
}
