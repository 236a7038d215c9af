//! Likelihood and exact gradient of Pareto/NBD over collapsed rows.
//!
//! The Gauss function depends on a frequency and one time only, so it is computed once per distinct pair and evaluation; what is
//! left for a row is one exponential and one logarithm.

use super::prepared::Prepared;
use super::work::Work;
use crate::domain::clv::special_functions::hypergeometric::unit_numerator_derivatives;
use crate::domain::clv::special_functions::{digamma_rise, ln_rising};
use crate::domain::stop;

/// Rows of one frequency as indices into its pairs.
struct PairedCell {
    recency: usize,
    age: usize,
}

/// Collapsed rows with the distinct pairs of frequency and time.
pub(super) struct Paired {
    pub(super) data: Prepared,
    /// For each frequency, the indices of the times that occur with it, as ages or recencies.
    pairs: Vec<Vec<usize>>,
    /// For each cell of the data, its two pairs among those of its frequency.
    cells: Vec<PairedCell>,
}

impl Paired {
    pub(super) fn new(data: Prepared) -> Self {
        let mut cells = Vec::with_capacity(data.cells.len());
        let pairs = data
            .frequencies
            .iter()
            .map(|group| {
                let members = &data.cells[group.cells.clone()];
                let mut times: Vec<usize> = members
                    .iter()
                    .flat_map(|cell| [cell.recency, cell.age])
                    .collect();
                times.sort_unstable();
                times.dedup();
                let index = |time: usize| times.partition_point(|&other| other < time);
                cells.extend(members.iter().map(|cell| PairedCell {
                    recency: index(cell.recency),
                    age: index(cell.age),
                }));
                times
            })
            .collect();
        Self { data, pairs, cells }
    }
}

/// A logarithm with its derivatives by `[r, alpha, s, beta]`.
#[derive(Clone, Copy)]
struct Term {
    ln: f64,
    by: [f64; 4],
}

/// Of one distinct time: the logarithms of `alpha + u` and `beta + u`.
struct End {
    ln_orders: f64,
    ln_lifetime: f64,
    per_orders: f64,
    per_lifetime: f64,
}

/// Log-likelihood of all rows and its derivatives by `[r, alpha, s, beta]`, in the scaled unit of time; not a number once `work` is over its
/// limit.
///
/// As [`crate::domain::clv::pareto_nbd::ParetoNbd::log_likelihood`], where the terms are explained.
pub(super) fn log_likelihood(
    paired: &Paired,
    parameters: [f64; 4],
    work: &Work,
) -> (f64, [f64; 4]) {
    let data = &paired.data;
    let [r, alpha, s, beta] = parameters;
    let mut value = 0.0;
    let mut gradient = [0.0; 4];
    let mut ends = Vec::with_capacity(data.times.len());
    for group in &data.times {
        let (t, n) = (group.scaled, group.customers);
        let end = End {
            ln_orders: (alpha + t).ln(),
            ln_lifetime: (beta + t).ln(),
            per_orders: (alpha + t).recip(),
            per_lifetime: (beta + t).recip(),
        };
        let (silence, survival) = ((t / alpha).ln_1p(), (t / beta).ln_1p());
        value -= n * (r * silence + s * survival) + group.orders * end.ln_orders;
        gradient[0] -= n * silence;
        gradient[1] += n * r * t / alpha * end.per_orders - group.orders * end.per_orders;
        gradient[2] -= n * survival;
        gradient[3] += n * s * t / beta * end.per_lifetime;
        ends.push(end);
    }
    for (group, pairs) in data.frequencies.iter().zip(&paired.pairs) {
        value += group.customers * ln_rising(r, group.orders);
        gradient[0] += group.customers * digamma_rise(r, group.orders);
        let shape = r + f64::from(group.orders);
        let mut shares: Vec<Term> = Vec::with_capacity(pairs.len());
        for &time in pairs {
            // Far out, each of them takes milliseconds.
            stop::check();
            if work.is_over() {
                return (f64::NAN, [f64::NAN; 4]);
            }
            shares.push(dropout_share(
                parameters,
                shape,
                data.times[time].scaled,
                work,
            ));
        }
        work.add(group.cells.len());
        let members = data.cells[group.cells.clone()].iter();
        for (cell, pair) in members.zip(&paired.cells[group.cells.clone()]) {
            let row = reciprocal_alive(
                (shape, s),
                (&ends[cell.recency], &shares[pair.recency]),
                (&ends[cell.age], &shares[pair.age]),
            );
            value += cell.customers * row.ln;
            gradient
                .iter_mut()
                .zip(row.by)
                .for_each(|(sum, by)| *sum += cell.customers * by);
        }
    }
    (value, gradient)
}

/// `ln (1 - G(T) + G(t_x) W)`, `W` the odds of silence since the last order.
fn reciprocal_alive(
    (shape, s): (f64, f64),
    (last, share_at_last): (&End, &Term),
    (age, share_at_age): (&End, &Term),
) -> Term {
    let silence = age.ln_orders - last.ln_orders;
    let survival = age.ln_lifetime - last.ln_lifetime;
    let gone = share_at_last.ln + shape * silence + s * survival;
    let dropped = share_at_age.ln.exp();
    let kept = (1.0 - dropped).max(0.0);
    // Both terms relative to the larger of 1 and the second.
    let scale = (-gone.max(0.0)).exp();
    let gone_scaled = gone.min(0.0).exp();
    let sum = kept * scale + gone_scaled;
    let (gone_weight, dropped_weight) = (gone_scaled / sum, dropped * scale / sum);
    let by_w = [
        silence,
        shape * (age.per_orders - last.per_orders),
        survival,
        s * (age.per_lifetime - last.per_lifetime),
    ];
    let mut by = [0.0; 4];
    for (i, slot) in by.iter_mut().enumerate() {
        *slot = gone_weight * (share_at_last.by[i] + by_w[i]) - dropped_weight * share_at_age.by[i];
    }
    Term {
        ln: sum.ln() + gone.max(0.0),
        by,
    }
}

/// `ln G(u)` of Pareto/NBD for customers with this shape of the order rate.
fn dropout_share([_, alpha, s, beta]: [f64; 4], shape: f64, u: f64, work: &Work) -> Term {
    let n = shape + s;
    let (per_orders, per_lifetime) = ((alpha + u).recip(), (beta + u).recip());
    let ln_base = (s / n).ln();
    let by_n = -n.recip();
    if alpha >= beta {
        let z = (alpha - beta) * per_orders;
        let gauss = unit_numerator_derivatives(shape, n + 1.0, z);
        work.add(gauss.steps);
        let by_z = gauss.by_z / gauss.value;
        Term {
            ln: ln_base + gauss.value.ln(),
            by: [
                by_n + (gauss.by_b + gauss.by_c) / gauss.value,
                by_z * (u + beta) * per_orders * per_orders,
                s.recip() + by_n + gauss.by_c / gauss.value,
                -by_z * per_orders,
            ],
        }
    } else {
        let z = (beta - alpha) * per_lifetime;
        let gauss = unit_numerator_derivatives(s + 1.0, n + 1.0, z);
        work.add(gauss.steps);
        let by_z = gauss.by_z / gauss.value;
        Term {
            ln: ln_base + gauss.value.ln() + ((alpha + u) * per_lifetime).ln(),
            by: [
                by_n + gauss.by_c / gauss.value,
                per_orders - by_z * per_lifetime,
                s.recip() + by_n + (gauss.by_b + gauss.by_c) / gauss.value,
                by_z * (alpha + u) * per_lifetime * per_lifetime - per_lifetime,
            ],
        }
    }
}
