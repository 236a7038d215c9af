//! The value engine on a million simulated customers, one core: fits, expectations, lifetime values, intervals.
//!
//! Customers are drawn from the parameters of CDNOW with ages of 20 to 77 weeks (seeded, so every run times the same work).
//! With `PATRON_BENCH_CSV=FILE` the BG/NBD customers are also written there, one a row, for `peer_lifetimes.py` to time its peer on.

#![expect(
    clippy::unwrap_used,
    reason = "the simulated customers are possible by construction"
)]

use std::hint::black_box;

use criterion::measurement::WallTime;
use criterion::{
    BatchSize, BenchmarkGroup, Criterion, Throughput, criterion_group, criterion_main,
};
use patron::domain::clv::fit::rows::{CollapsedRow, SpendRow, collapse, collapse_spend};
use patron::domain::clv::fit::stages::choose_stages;
use patron::domain::clv::fit::{OrderFit, SpendFit, fit_orders, fit_spend};
use patron::domain::clv::gamma_gamma::SpendHistory;
use patron::domain::clv::history::{LogGaps, PurchaseHistory};
use patron::domain::clv::interval::{Estimated, UncertainModel};
use patron::domain::clv::lifetime::{Horizon, WEEKS_PER_MONTH, discounted_value};
use patron::domain::clv::model::{ModelKind, OrderModel};
use patron::domain::clv::random::Random;
use patron::domain::clv::simulation::DrawnCustomer;
use patron::domain::clv::spend_orders::{AmountsPaid, SpendOrders};
use patron::domain::clv::stages::Stages;

const CUSTOMERS: u32 = 1_000_000;

/// Maximum likelihood on CDNOW.
const fn parameters(kind: ModelKind) -> [f64; 4] {
    match kind {
        ModelKind::BgNbd => [0.243, 4.414, 0.793, 2.426],
        ModelKind::MbgNbd => [0.525, 6.183, 0.891, 1.614],
        ModelKind::ParetoNbd => [0.553, 10.578, 0.606, 11.669],
        // As many orders, each of two stages.
        ModelKind::MbgCnbd(_) => [0.525, 3.09, 0.891, 1.614],
    }
}

/// One row a customer.
fn customers(kind: ModelKind) -> Vec<CollapsedRow> {
    let newcomer = OrderModel::new(kind, parameters(kind)).unwrap().newcomer();
    let mut random = Random::new(1);
    (0..CUSTOMERS)
        .map(|_| {
            let age_days = 140 + u32::try_from(random.bits() % 400).unwrap_or(0);
            let customer = DrawnCustomer::draw(&newcomer, &mut random);
            let times = customer.orders(f64::from(age_days) / 7.0, 10_000, &mut random);
            #[expect(clippy::cast_possible_truncation, reason = "whole days within the age")]
            let days = times.map(|time| (time * 7.0).ceil() as i32);
            let days: Vec<i32> = std::iter::once(0).chain(days).collect();
            let last = days.last().map_or(0, |day| day.unsigned_abs());
            let frequency = u32::try_from(days.len() - 1).unwrap_or(u32::MAX);
            CollapsedRow::new(frequency, last.min(age_days), age_days, 1)
                .unwrap()
                .with_log_gaps(LogGaps::from_days(days))
        })
        .collect()
}

/// What the customers paid, in whole cents.
fn paid(rows: &[CollapsedRow]) -> Vec<AmountsPaid> {
    let mut random = Random::new(2);
    rows.iter()
        .map(|row| {
            let rate = random.gamma(3.74) / 15.44;
            let mut order = || (random.gamma(6.25) / rate * 100.0).ceil() / 100.0;
            let mut paid = AmountsPaid::first(order());
            for _ in 0..row.frequency() {
                paid.push(order());
            }
            paid
        })
        .collect()
}

fn histories(rows: &[CollapsedRow]) -> Vec<PurchaseHistory> {
    rows.iter()
        .map(|row| {
            PurchaseHistory::from_days(row.frequency(), row.recency_days(), row.age_days()).unwrap()
        })
        .collect()
}

/// One row a customer: frequency, recency and age in weeks.
fn write_for_the_peer(rows: &[CollapsedRow]) {
    let Some(path) = std::env::var_os("PATRON_BENCH_CSV") else {
        return;
    };
    let mut table = String::from("frequency,recency,T\n");
    for history in histories(rows) {
        let line = format!(
            "{},{},{}\n",
            history.frequency(),
            history.recency_weeks(),
            history.age_weeks()
        );
        table.push_str(&line);
    }
    std::fs::write(path, table).unwrap();
}

/// Measures the fit of each choice of orders; returns that of the default.
fn spend_fits(group: &mut BenchmarkGroup<'_, WallTime>, paid: &[AmountsPaid]) -> SpendFit {
    for orders in SpendOrders::ALL {
        let rows = collapse_spend(paid.iter().filter_map(|paid| paid.row(orders)));
        let customers: u64 = rows.iter().map(SpendRow::count).sum();
        let (name, count) = (orders.name(), rows.len());
        group.bench_function(
            format!("spend fit, {name} ({customers} customers in {count} rows)"),
            |bencher| {
                bencher.iter(|| black_box(fit_spend(&rows)));
            },
        );
    }
    let rows = paid.iter().filter_map(|paid| paid.row(SpendOrders::All));
    fit_spend(&rows.collect::<Vec<_>>()).unwrap()
}

/// The fit; of regular buyers next to that of MBG/NBD on the same customers, and with the choice of the number of stages.
fn fits(group: &mut BenchmarkGroup<'_, WallTime>, kind: ModelKind, collapsed: &[CollapsedRow]) {
    group.bench_function("fit", |bencher| {
        bencher.iter(|| black_box(fit_orders(kind, collapsed)));
    });
    if kind.stages() > Stages::ONE {
        group.bench_function("fit of MBG/NBD", |bencher| {
            bencher.iter(|| black_box(fit_orders(ModelKind::MbgNbd, collapsed)));
        });
        group.bench_function("choice of stages", |bencher| {
            bencher.iter(|| black_box(choose_stages(collapsed, None)));
        });
    }
}

fn value(criterion: &mut Criterion) {
    for kind in ModelKind::ALL {
        let rows = customers(kind);
        if kind == ModelKind::BgNbd {
            write_for_the_peer(&rows);
        }
        let collapsed = collapse(rows.iter().copied());
        let mut group = criterion.benchmark_group(format!(
            "{} ({} distinct rows)",
            kind.name(),
            collapsed.len()
        ));
        group
            .sample_size(10)
            .throughput(Throughput::Elements(u64::from(CUSTOMERS)));
        group.bench_function("collapse", |bencher| {
            bencher.iter_batched(
                || rows.clone(),
                |rows| black_box(collapse(rows)),
                BatchSize::LargeInput,
            );
        });
        fits(&mut group, kind, &collapsed);
        let OrderFit { model, report } = fit_orders(kind, &collapsed).unwrap();
        let histories = histories(&rows);
        let sum =
            |f: &dyn Fn(&PurchaseHistory) -> f64| black_box(histories.iter().map(f).sum::<f64>());
        group.bench_function("log-likelihood", |bencher| {
            bencher.iter(|| sum(&|history| model.log_likelihood(history)));
        });
        group.bench_function("probability alive and expected orders", |bencher| {
            bencher.iter(|| sum(&|history| model.outlook(history).expected_orders(39.0)));
        });
        let year = Horizon::new(12, 0.01, WEEKS_PER_MONTH).unwrap();
        group.bench_function("12-month value", |bencher| {
            bencher.iter(|| sum(&|history| discounted_value(&model, history, 30.0, &year)));
        });
        let spend = spend_fits(&mut group, &paid(&rows));
        let orders = Estimated {
            model: &model,
            log_covariance: report.log_covariance.as_deref(),
        };
        let spend = Estimated {
            model: &spend.model,
            log_covariance: spend.report.log_covariance.as_deref(),
        };
        let uncertain = UncertainModel::new(&orders, &spend, 1).unwrap();
        group.throughput(Throughput::Elements(1_000));
        group.bench_function("intervals of 1,000 customers", |bencher| {
            bencher.iter(|| {
                for history in &histories[..1_000] {
                    let spend = SpendHistory::new(history.frequency(), 30.0).ok();
                    black_box(uncertain.futures(history, spend.as_ref(), 0.3, &year));
                }
            });
        });
        group.finish();
    }
}

criterion_group!(benches, value);
criterion_main!(benches);
