//! What the order model says of a customer's orders to come, beside their expected number.
//!
//! Asked for only when somebody wants to know: a probability of each count costs as much as the value. Orders only; it knows nothing of
//! contracts and of the cost to serve.

use crate::domain::{
    basis::Basis,
    clv::{
        discount::DiscountRate,
        history::DAYS_PER_WEEK,
        rates::CustomerRates,
        season::discounting::{continuously_discounted_orders, discounted_residual_orders},
    },
    customer::profile::ProfileAt,
};

use super::uncertainty::HorizonValue;

/// What is asked.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct OrderForecastOptions {
    /// Days after the day of the answer whose expected orders are wanted: from the first, which is not counted, to the last, which is.
    pub days: Option<(u32, u32)>,
    /// Up to which number of orders within the horizon the probability of each is wanted.
    pub max_order_count: Option<u32>,
    /// How to discount; as the definitions do when it is `None`.
    pub discount: Option<DiscountRate>,
}

/// What the model says.
#[derive(Debug, Clone, PartialEq)]
pub struct OrderForecast {
    /// Probability of still being a customer at the end of the horizon.
    pub probability_alive_at_end: f64,
    /// Expected orders within the days asked for.
    pub expected_orders_between: Option<f64>,
    /// Probability of 0, 1, 2, ... orders within the horizon; empty unless asked for.
    pub order_count_probabilities: Vec<f64>,
    /// The customer's own rates; with seasons that of orders is one of an average time of the year.
    pub rates: CustomerRates,
    /// How the following are discounted; `None` when the definitions do not discount.
    pub discount: Option<DiscountRate>,
    /// Expected orders within the horizon, each discounted at its own time.
    pub discounted: DiscountedOrders,
    /// Expected orders from now on for ever, likewise; `None` without a discount.
    pub residual: Option<DiscountedOrders>,
}

/// Discounted orders and what they are worth.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct DiscountedOrders {
    /// Expected orders.
    pub orders: f64,
    /// Their margin, in major units of the reporting currency; `None` where the margin of an order is not known.
    pub value: Option<f64>,
}

/// What the model says of a customer over the horizon of `over`; `None` where it says nothing, as of those who never bought.
#[must_use]
pub fn order_forecast(
    view: ProfileAt<'_>,
    basis: &Basis,
    over: HorizonValue<'_>,
    options: &OrderForecastOptions,
) -> Option<OrderForecast> {
    let HorizonValue { valuation, horizon } = over;
    valuation.orders?;
    let inputs = valuation.inputs?;
    let selected = basis.model.as_ref()?.for_customer(view)?;
    let (model, time) = (selected.orders, selected.time);
    let history = inputs.history(view, time).ok()?;
    let outlook = model.outlook(&history);
    let ahead = time.ahead_of(view.as_of());
    // Weeks of the calendar, in which money is discounted, and as the model counts them.
    let (weeks, model_weeks) = (horizon.weeks(), ahead.model_weeks(horizon.weeks()));
    let days = |days: u32| ahead.model_weeks(f64::from(days) / DAYS_PER_WEEK);
    let counts = options.max_order_count.map(|largest| 0..=largest);
    let monthly = DiscountRate::effective_per_month(horizon.monthly_discount_rate());
    let discount = options.discount.or(monthly.ok());
    let discounted_orders = |orders: f64| DiscountedOrders {
        orders,
        value: valuation
            .expected_margin_per_order
            .map(|margin| margin * orders),
    };
    Some(OrderForecast {
        probability_alive_at_end: outlook.probability_alive_after(model_weeks),
        expected_orders_between: options
            .days
            .map(|(from, to)| outlook.expected_orders_between(days(from), days(to))),
        order_count_probabilities: counts
            .into_iter()
            .flatten()
            .map(|orders| outlook.probability_of_orders(orders, model_weeks))
            .collect(),
        rates: model.rates(&history),
        discount,
        discounted: discounted_orders(discount.map_or_else(
            || outlook.expected_orders(model_weeks),
            |discount| continuously_discounted_orders(&outlook, weeks, discount, &ahead),
        )),
        residual: discount.map(|discount| {
            discounted_orders(discounted_residual_orders(&outlook, discount, &ahead))
        }),
    })
}
