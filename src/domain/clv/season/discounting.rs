//! Discounted orders of a model with seasons: money is discounted by the calendar, orders come by the seasonal clock.

use super::TimeAhead;
use crate::domain::clv::discount::DiscountRate;
use crate::domain::clv::history::DAYS_PER_WEEK;
use crate::domain::clv::lifetime;
use crate::domain::clv::outlook::Outlook;
use crate::domain::stop;

/// Nodes and weights of the Gauss-Legendre rule of three points on `(0, 1)`: exact for polynomials of degree 5, and within a week neither
/// discount nor expectation differs from one by as much as 1e-8.
const GAUSS: [(f64, f64); 3] = [
    (0.112_701_665_379_258_31, 5.0 / 18.0),
    (0.5, 8.0 / 18.0),
    (0.887_298_334_620_741_7, 5.0 / 18.0),
];
/// Weeks after which years resemble each other: what follows is discounted like a plain model, times the effect of the season in the last
/// year before. A year later the rate of orders falls by a twentieth of that year's less, which moves the effect of a season by less than
/// 1e-6 of the whole.
const WEEKS_BY_SEASON: f64 = 20.0 * WEEKS_PER_YEAR;
/// A mean year.
const WEEKS_PER_YEAR: f64 = 365.242_5 / DAYS_PER_WEEK;

/// Expected orders within `weeks >= 0` from now, each discounted continuously at its own time; relative error below 1e-8.
///
/// By parts, as [`lifetime::continuously_discounted_orders`], between the times at which the season changes.
#[must_use]
pub fn continuously_discounted_orders(
    outlook: &Outlook,
    weeks: f64,
    discount: DiscountRate,
    ahead: &TimeAhead<'_>,
) -> f64 {
    if !ahead.is_seasonal() {
        return lifetime::continuously_discounted_orders(outlook, weeks, discount);
    }
    discounted_between(outlook, 0.0, weeks, discount, ahead)
}

/// Expected orders from now on forever, discounted continuously (DERT); relative error below 1e-6.
///
/// The first twenty years are added up by season. Of the rest, of which little is left after discounting, the plain model has the sum, and the
/// last of those years has how many times as many its seasons make of it.
#[must_use]
pub fn discounted_residual_orders(
    outlook: &Outlook,
    discount: DiscountRate,
    ahead: &TimeAhead<'_>,
) -> f64 {
    let plain = outlook.discounted_residual_orders(discount);
    if !ahead.is_seasonal() {
        return plain;
    }
    let before = WEEKS_BY_SEASON - WEEKS_PER_YEAR;
    let [first, second] = [before, WEEKS_BY_SEASON].map(|weeks| ahead.model_weeks(weeks));
    let of_plain = |weeks| lifetime::continuously_discounted_orders(outlook, weeks, discount);
    let (until_then, all) = (of_plain(first), of_plain(second));
    let early = discounted_between(outlook, 0.0, before, discount, ahead);
    let last = discounted_between(outlook, before, WEEKS_BY_SEASON, discount, ahead);
    let (last_plain, rest) = (all - until_then, plain - all);
    let effect = if last_plain > 0.0 {
        last / last_plain
    } else {
        1.0
    };
    early + last + rest.max(0.0) * effect
}

/// Expected orders between two times ahead, in weeks, each discounted to now.
fn discounted_between(
    outlook: &Outlook,
    from: f64,
    to: f64,
    discount: DiscountRate,
    ahead: &TimeAhead<'_>,
) -> f64 {
    let delta = discount.per_week();
    let mut start = from;
    let mut orders_before = outlook.expected_orders(ahead.model_weeks(start));
    let mut sum = 0.0;
    while start < to {
        stop::check();
        let end = ahead.next_change(start).min(to);
        let length = end - start;
        // Orders since the start of the step, so that nothing cancels.
        let since = |weeks: f64| outlook.expected_orders(ahead.model_weeks(weeks)) - orders_before;
        let inside = GAUSS.iter().map(|(node, weight)| {
            let later = node * length;
            weight * (-delta * later).exp() * since(start + later)
        });
        let of_step = since(end);
        sum += (-delta * start).exp()
            * ((-delta * length).exp() * of_step + delta * length * inside.sum::<f64>());
        orders_before += of_step;
        start = end;
    }
    sum
}
