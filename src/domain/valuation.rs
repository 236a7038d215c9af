//! From a profile to a value: the inputs of the models, what the models say, and why there may be nothing to say.

use crate::domain::{
    basis::{ActiveModel, Basis},
    customer::CustomerKind,
    definitions::{ValueBasis, ValueSettings},
    money::{Currency, Money, major_to_money, minor_to_major},
    profile::{ProfileAt, PurchaseSummary},
    tiers::Unrated,
    value::{
        gamma_gamma::{GammaGamma, SpendHistory},
        history::{DAYS_PER_WEEK, PurchaseHistory},
        lifetime::{DAYS_PER_MONTH, Horizon, discounted_value},
    },
};

/// What a customer is worth, as far as it can be told.
#[derive(Debug, Clone, PartialEq)]
pub struct Valuation {
    /// What the models were given; `None` without a purchase and for employees.
    pub inputs: Option<ValueInputs>,
    /// What the order model says; `None` without one.
    pub orders: Option<OrderOutlook>,
    /// Expected amount per order, in major units of the reporting currency.
    pub expected_spend_per_order: Option<f64>,
    /// What of it counts on the basis of the definitions, in major units: all of it, or the margin.
    pub expected_margin_per_order: Option<f64>,
    /// Discounted cost to serve within the horizon, in major units; only on the contribution basis.
    pub expected_cost_to_serve: Option<f64>,
    /// Discounted value within the horizon, in minor units of the reporting currency.
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
    /// `m_x`: mean amount per repeat purchase day, in major units of the reporting currency; 0 without one. `None` when an amount
    /// cannot be converted.
    pub monetary_value: Option<f64>,
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

    fn new(
        summary: &PurchaseSummary<'_>,
        view: ProfileAt<'_>,
        reporting: Option<Currency>,
    ) -> Self {
        let days = |days: i32| u32::try_from(days).unwrap_or(0);
        Self {
            frequency: summary.frequency,
            recency_days: days(summary.last_day - summary.first_day),
            age_days: days(view.as_of() - summary.first_day),
            monetary_value: mean_repeat_amount(summary, reporting),
        }
    }
}

/// Values a customer over `horizon`.
#[must_use]
pub fn value(view: ProfileAt<'_>, basis: &Basis, horizon: &Horizon) -> Valuation {
    let nothing = |reason| Valuation {
        inputs: None,
        orders: None,
        expected_spend_per_order: None,
        expected_margin_per_order: None,
        expected_cost_to_serve: None,
        lifetime_value: Err(reason),
    };
    if view.profile().kind == CustomerKind::Employee {
        return nothing(Unrated::NotApplicable);
    }
    let Some(summary) = view.purchases() else {
        return nothing(Unrated::NoPurchase);
    };
    let inputs = ValueInputs::new(&summary, view, basis.reporting_currency);
    let history =
        PurchaseHistory::from_days(inputs.frequency, inputs.recency_days, inputs.age_days);
    let (Some(model), Ok(history)) = (&basis.model, history) else {
        return Valuation {
            inputs: Some(inputs),
            ..nothing(Unrated::NoModel)
        };
    };
    let outlook = model.orders.outlook(&history);
    let orders = OrderOutlook {
        probability_alive: outlook.probability_alive(),
        probability_alive_identified: model.orders.identifies_alive(&history),
        expected_orders: outlook.expected_orders(horizon.weeks()),
    };
    let economics = Economics {
        view,
        basis,
        horizon,
    };
    let spend = expected_spend(&inputs, model, basis.reporting_currency);
    let margin = spend
        .and_then(|(spend, currency)| Ok((spend * economics.margin_share(currency)?, currency)));
    let cost_to_serve = spend.and_then(|(_, currency)| economics.cost_to_serve(currency));
    let lifetime_value = margin.and_then(|(margin, currency)| {
        let value = discounted_value(&model.orders, &history, margin, horizon)
            - cost_to_serve?.unwrap_or(0.0);
        // Beyond all bounds only with parameters that a fit does not return: then there is no mean worth the name.
        major_to_money(value, currency).ok_or(Unrated::NoMean)
    });
    Valuation {
        inputs: Some(inputs),
        orders: Some(orders),
        expected_spend_per_order: spend.ok().map(|(spend, _)| spend),
        expected_margin_per_order: margin.ok().map(|(margin, _)| margin),
        expected_cost_to_serve: cost_to_serve.ok().flatten(),
        lifetime_value,
    }
}

/// What of a customer's money counts, by the value settings of the definitions. Before there are any, all revenue does.
struct Economics<'a> {
    view: ProfileAt<'a>,
    basis: &'a Basis,
    horizon: &'a Horizon,
}

impl Economics<'_> {
    fn settings(&self) -> Option<&ValueSettings> {
        self.basis
            .revision
            .definitions
            .as_ref()
            .map(|definitions| definitions.value())
    }

    /// Share of an order's amount that counts: 1 on the revenue basis, else the share that was margin in all purchases so far, by known
    /// cost, by category, or by the default.
    fn margin_share(&self, currency: Currency) -> Result<f64, Unrated> {
        let Some(settings) = self
            .settings()
            .filter(|settings| settings.basis != ValueBasis::Revenue)
        else {
            return Ok(1.0);
        };
        let (mut amount, mut margin) = (0.0, 0.0);
        for entry in &self.view.profile().history.purchases {
            if entry.currency != currency {
                return Err(Unrated::NoRate);
            }
            let costed = minor_to_major(entry.costed_amount_minor, currency);
            let uncosted = minor_to_major(entry.amount_minor - entry.costed_amount_minor, currency);
            let share = entry.category.as_ref().and_then(|category| {
                let known = settings.margin_of_category.iter();
                known
                    .clone()
                    .find(|(name, _)| name == category)
                    .map(|(_, share)| *share)
            });
            amount += costed + uncosted;
            margin += costed - minor_to_major(entry.cost_minor, currency)
                + uncosted * share.unwrap_or(settings.margin);
        }
        Ok(if amount > 0.0 {
            margin / amount
        } else {
            settings.margin
        })
    }

    /// Discounted cost of the contacts expected within the horizon, as many a month as in the last year; `None` but on the contribution
    /// basis.
    fn cost_to_serve(&self, currency: Currency) -> Result<Option<f64>, Unrated> {
        let contribution = self
            .settings()
            .is_some_and(|settings| settings.basis == ValueBasis::Contribution);
        let Some(definitions) = self
            .basis
            .revision
            .definitions
            .as_ref()
            .filter(|_| contribution)
        else {
            return Ok(None);
        };
        let (history, as_of) = (&self.view.profile().history, self.view.as_of());
        let mut total = 0.0;
        for entry in history
            .contacts
            .iter()
            .filter(|entry| as_of - entry.day < YEAR_DAYS)
        {
            total += match entry.currency {
                Some(of) if of == currency => minor_to_major(entry.cost_minor, currency),
                Some(_) => return Err(Unrated::NoRate),
                None => {
                    let channel = definitions
                        .channels()
                        .iter()
                        .find(|channel| channel.name == entry.channel);
                    let cost = channel
                        .and_then(|channel| channel.cost)
                        .map_or(0.0, Money::major);
                    cost * f64::from(entry.count)
                }
            };
        }
        let known_days = self
            .view
            .purchases()
            .map_or(YEAR_DAYS, |summary| as_of - summary.first_day);
        let days = f64::from(known_days.clamp(MONTH_DAYS, YEAR_DAYS));
        let monthly = total / days * DAYS_PER_MONTH;
        let factor = 1.0 / (1.0 + self.horizon.monthly_discount_rate());
        let discounted_months: f64 = (1..=self.horizon.months())
            .map(|month| factor.powi(i32::try_from(month).unwrap_or(i32::MAX)))
            .sum();
        Ok(Some(monthly * discounted_months))
    }
}

/// Contacts of so many days back are taken for those to come.
const YEAR_DAYS: i32 = 365;
/// A customer known for less is taken to be known so long: one call on the first day is not thirty a month.
const MONTH_DAYS: i32 = 30;

/// Expected amount per order, in major units of the reporting currency.
fn expected_spend(
    inputs: &ValueInputs,
    model: &ActiveModel,
    reporting: Option<Currency>,
) -> Result<(f64, Currency), Unrated> {
    let currency = reporting.ok_or(Unrated::NoRate)?;
    let monetary_value = inputs.monetary_value.ok_or(Unrated::NoRate)?;
    let spend = match &model.spend {
        Some((spend, of)) if *of == currency => spend,
        Some(_) | None => return Err(Unrated::NoModel),
    };
    let mean = posterior_mean(spend, inputs.frequency, monetary_value)?;
    Ok((mean, currency))
}

fn posterior_mean(spend: &GammaGamma, frequency: u32, monetary_value: f64) -> Result<f64, Unrated> {
    // The density of a mean of 0 is not defined, the posterior mean is: its limit as the mean goes to 0.
    let own = SpendHistory::new(frequency, monetary_value.max(f64::MIN_POSITIVE)).ok();
    spend
        .expected_spend(own.as_ref())
        .map_err(|_| Unrated::NoMean)
}

/// Mean amount per repeat purchase day, in major units of `reporting`; `None` when an amount, of the first day too, is in another
/// currency.
fn mean_repeat_amount(summary: &PurchaseSummary<'_>, reporting: Option<Currency>) -> Option<f64> {
    let reporting = reporting?;
    if summary
        .first
        .iter()
        .chain(summary.repeats)
        .any(|entry| entry.currency != reporting)
    {
        return None;
    }
    if summary.frequency == 0 {
        return Some(0.0);
    }
    let total = minor_to_major(summary.repeat_amount_minor(), reporting);
    Some(total / f64::from(summary.frequency))
}
