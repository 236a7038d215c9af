//! How much each caller may send while calls wait for threads: max-min fairness (Bertsekas and Gallager, Data Networks, section 6.5.2). Callers that
//! send less than their share are served in full; the others get equal parts of the rest.

use std::collections::VecDeque;
use std::time::Duration;

/// Mean wait for a thread above which the server is overloaded. A server with time to spare starts a call within some 50 µs.
const MAX_MEAN_WAIT: Duration = Duration::from_millis(1);

/// The part of what was served that callers may send while the server is overloaded: less, so that the queue drains.
const DRAINING: f64 = 0.9;

/// By so much more callers may send in each window that is not overloaded, until nobody is held back.
const PROBING: f64 = 1.03;

/// The part of the greatest throughput below which callers are not held back.
const MIN_THROUGHPUT: f64 = 0.3;

/// What is left of the greatest throughput after a window: it was another load.
const FORGETTING: f64 = 0.999;

/// Windows over which the least wait is found. Twice as much is no overload: on a machine whose threads are slow for other reasons, less work makes
/// nothing faster.
const BASELINE_WINDOWS: usize = 80;

/// Windows in a row in which nobody was held back, after which shares end.
const CALM_WINDOWS: u32 = 20;

/// Windows in a row with one caller only, after which shares end: others may call a few times a second.
const ALONE_WINDOWS: u32 = 80;

/// What one caller did in a window.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub(super) struct Usage {
    /// Calls that began.
    pub(super) calls: u64,
    /// Sum of their waits for a thread.
    pub(super) waited: Duration,
    /// Whether it had more to send than it might.
    pub(super) was_held: bool,
}

/// Decides on shares from window to window.
#[derive(Debug, Clone, Default)]
pub(super) struct Shares {
    /// Calls a second that all callers together may send; `None`: as many as they like.
    rate: Option<f64>,
    /// The greatest throughput seen, in calls a second.
    peak: f64,
    /// Mean waits of the last windows, in seconds.
    waits: VecDeque<f64>,
    /// Windows in a row in which nobody was held back.
    calm: u32,
    /// Windows in a row with one caller at most.
    alone: u32,
}

impl Shares {
    /// The calls a second that each caller may send in the next window; `None`: as many as it likes.
    pub(super) fn next(&mut self, window: Duration, usages: &[Usage]) -> Option<f64> {
        let calls: u64 = usages.iter().map(|usage| usage.calls).sum();
        let served = to_f64(calls) / window.as_secs_f64().max(1e-9);
        self.peak = (self.peak * FORGETTING).max(served);
        let active = usages.iter().filter(|usage| usage.is_active()).count();
        let is_held = usages.iter().any(|usage| usage.was_held);
        self.calm = if is_held { 0 } else { self.calm + 1 };
        let waited: Duration = usages.iter().map(|usage| usage.waited).sum();
        let is_overloaded = calls > 0 && self.is_overloaded(waited.as_secs_f64() / to_f64(calls));
        self.alone = if active < 2 { self.alone + 1 } else { 0 };
        if self.calm > CALM_WINDOWS || self.alone > ALONE_WINDOWS {
            self.rate = None;
        }
        // Alone, a caller takes nothing from anybody.
        if is_overloaded && (active > 1 || self.rate.is_some()) {
            if self.rate.is_none() {
                self.calm = 0;
            }
            let drained = served.min(self.rate.unwrap_or(f64::INFINITY)) * DRAINING;
            self.rate = Some(drained.max(self.peak * MIN_THROUGHPUT));
        } else if is_held {
            self.rate = self.rate.map(|rate| rate * PROBING);
        }
        let rate = self.rate?;
        let demands = usages.iter().filter(|usage| usage.is_active());
        let demands = demands.map(|usage| usage.demand(window));
        Some(level(rate, demands.collect()))
    }
}

impl Shares {
    /// Whether the mean wait of a window is that of an overloaded server.
    fn is_overloaded(&mut self, wait: f64) -> bool {
        if self.waits.len() == BASELINE_WINDOWS {
            self.waits.pop_front();
        }
        self.waits.push_back(wait);
        let least = self.waits.iter().copied().fold(f64::INFINITY, f64::min);
        let is_known = self.waits.len() == BASELINE_WINDOWS;
        let baseline = if is_known { 2.0 * least } else { 0.0 };
        wait > baseline.max(MAX_MEAN_WAIT.as_secs_f64())
    }
}

impl Usage {
    fn is_active(&self) -> bool {
        self.calls > 0 || self.was_held
    }

    /// Calls a second that it would send; without an end if it was held back.
    fn demand(&self, window: Duration) -> f64 {
        if self.was_held {
            return f64::INFINITY;
        }
        to_f64(self.calls) / window.as_secs_f64().max(1e-9)
    }
}

/// The most that each of these may have, so that all together have `rate`, or less where all are content.
fn level(rate: f64, mut demands: Vec<f64>) -> f64 {
    demands.sort_by(f64::total_cmp);
    let (mut rest, mut callers) = (rate, demands.len());
    for demand in demands {
        let share = rest / to_f64(callers as u64);
        if demand > share {
            return share;
        }
        rest -= demand;
        callers -= 1;
    }
    // All are content: whoever wants more may have all that is left, and its demand besides.
    rate
}

#[expect(clippy::cast_precision_loss, reason = "counts of calls in a window")]
fn to_f64(count: u64) -> f64 {
    count as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    use proptest::prelude::*;

    const WINDOW: Duration = Duration::from_millis(25);

    fn usage(calls: u64, mean_wait: Duration, was_held: bool) -> Usage {
        Usage {
            calls,
            waited: mean_wait * u32::try_from(calls).unwrap(),
            was_held,
        }
    }

    const WINDOWS: u64 = 400;

    /// A server that can do so many calls in a window, and callers that want so many each; the mean calls of each in a window, once shares are found.
    fn simulate(capacity: u64, wanted: &[u64]) -> Vec<u64> {
        let mut shares = Shares::default();
        let mut share = None;
        let mut waiting = vec![0; wanted.len()];
        let mut served = vec![0; wanted.len()];
        for window in 0..WINDOWS {
            let most = share.map_or(u64::MAX, |share: f64| {
                #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss)]
                let calls = (share * WINDOW.as_secs_f64()).round() as u64;
                calls
            });
            let mut held = vec![false; wanted.len()];
            for (at, calls) in wanted.iter().enumerate() {
                held[at] = *calls > most;
                // What is over its share waits at the caller, and is given up there.
                waiting[at] += (*calls).min(most);
            }
            let queue: u64 = waiting.iter().sum();
            let usages: Vec<Usage> = (0..wanted.len())
                .map(|at| {
                    let part = (waiting[at] * capacity).div_ceil(queue.max(1));
                    let part = part.min(waiting[at]);
                    waiting[at] -= part;
                    if window >= WINDOWS / 2 {
                        served[at] += part;
                    }
                    let wait = WINDOW.mul_f64(to_f64(queue) / to_f64(capacity) / 2.0);
                    let wait = if queue > capacity {
                        wait
                    } else {
                        Duration::ZERO
                    };
                    usage(part, wait, held[at])
                })
                .collect();
            share = shares.next(WINDOW, &usages);
        }
        served.iter().map(|calls| calls / (WINDOWS / 2)).collect()
    }

    #[test]
    fn a_caller_that_sends_ten_times_its_share_takes_nothing_from_the_other() {
        let served = simulate(1_000, &[300, 5_000]);
        assert!(served[0] >= 295, "{served:?}");
        assert!((550..=703).contains(&served[1]), "{served:?}");
    }

    #[test]
    fn callers_that_want_too_much_get_equal_parts() {
        let served = simulate(1_000, &[5_000, 100, 2_000]);
        assert!(served[1] >= 98, "{served:?}");
        assert!(served[0].abs_diff(served[2]) <= 20, "{served:?}");
        assert!(served.iter().sum::<u64>() >= 850, "{served:?}");
    }

    #[test]
    fn a_caller_alone_and_callers_that_fit_are_not_held_back() {
        let slow = Duration::from_millis(50);
        let mut shares = Shares::default();
        assert_eq!(shares.next(WINDOW, &[usage(500, slow, false)]), None);
        let fast = [usage(500, Duration::from_micros(80), false); 2];
        assert_eq!(shares.next(WINDOW, &fast), None);
        assert_eq!(shares.next(WINDOW, &[]), None);
    }

    #[test]
    fn shares_end_when_nobody_was_held_back_for_a_while() {
        let mut shares = Shares::default();
        let late = [usage(500, Duration::from_millis(5), false); 2];
        assert!(shares.next(WINDOW, &late).is_some());
        let fast = [usage(100, Duration::ZERO, false); 2];
        let windows = (0..100).find(|_| shares.next(WINDOW, &fast).is_none());
        assert!(windows.is_some());
    }

    #[test]
    fn threads_that_are_slow_for_other_reasons_do_not_stop_the_server() {
        let mut shares = Shares::default();
        let mut calls = 1_000;
        for _ in 0..200 {
            let usages = [
                usage(100, Duration::from_millis(20), false),
                usage(calls, Duration::from_millis(20), true),
            ];
            let share = shares.next(WINDOW, &usages).unwrap();
            #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss)]
            let next = (share * WINDOW.as_secs_f64()) as u64;
            calls = next;
        }
        assert!(calls > 500, "{calls}");
    }

    proptest! {
        #[test]
        fn levels_are_max_min_fair(
            rate in 1.0..1e6_f64,
            demands in prop::collection::vec(prop_oneof![0.0..1e5_f64, Just(f64::INFINITY)], 1..20),
        ) {
            let level = level(rate, demands.clone());
            let served: f64 = demands.iter().map(|demand| demand.min(level)).sum();
            let wanted: f64 = demands.iter().sum();
            // All that there is, is served; nobody is held back while some is left.
            prop_assert!(served <= rate * 1.000_001);
            prop_assert!((served - wanted.min(rate)).abs() <= rate * 1e-6, "{served} of {wanted}");
        }
    }
}
