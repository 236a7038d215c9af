//! What a load found, as a page and as JSON.

use std::fmt::Write as _;

use hdrhistogram::Histogram;
use serde::Serialize;

use super::load::{Ended, Tally};
use super::plan::Hot;
use crate::cli::text::{self, Align};

/// What was asked for.
#[derive(Debug, Clone, Serialize)]
pub(super) struct Situation {
    pub(super) subjects: usize,
    pub(super) rate: u32,
    pub(super) seconds: f64,
    pub(super) connections: u32,
    pub(super) mix: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) hot: Option<Hot>,
    pub(super) seed: u64,
}

/// Latencies in milliseconds.
#[derive(Debug, Serialize)]
struct Latencies {
    p50: f64,
    p90: f64,
    p99: f64,
    p999: f64,
    max: f64,
}

impl Latencies {
    fn of(micros: &Histogram<u64>) -> Self {
        #[expect(
            clippy::cast_precision_loss,
            reason = "an hour of microseconds fits a double exactly"
        )]
        let milliseconds = |micros: u64| micros as f64 / 1_000.0;
        let at = |quantile| milliseconds(micros.value_at_quantile(quantile));
        Self {
            p50: at(0.5),
            p90: at(0.9),
            p99: at(0.99),
            p999: at(0.999),
            max: milliseconds(micros.max()),
        }
    }

    fn cells(&self) -> impl Iterator<Item = String> {
        let values = [self.p50, self.p90, self.p99, self.p999, self.max];
        values.into_iter().map(|value| text::fixed(value, 3))
    }
}

/// Calls that failed with a status.
#[derive(Debug, Serialize)]
struct Failed {
    status: &'static str,
    count: u64,
}

/// What became of the calls of a kind.
#[derive(Debug, Serialize)]
struct Calls {
    call: &'static str,
    due: u64,
    answered: u64,
    not_sent: u64,
    failed: Vec<Failed>,
    /// Absent where none was answered.
    #[serde(skip_serializing_if = "Option::is_none")]
    latency_ms: Option<Latencies>,
}

impl Calls {
    fn new(call: &'static str, ended: &Ended) -> Self {
        let answered = ended.answered.len();
        let failed: Vec<Failed> = ended
            .failed
            .iter()
            .map(|(status, count)| Failed {
                status,
                count: *count,
            })
            .collect();
        let failures: u64 = failed.iter().map(|it| it.count).sum();
        Self {
            call,
            due: answered + failures + ended.not_sent,
            answered,
            not_sent: ended.not_sent,
            failed,
            latency_ms: (answered > 0).then(|| Latencies::of(&ended.answered)),
        }
    }
}

/// What a load found.
#[derive(Debug, Serialize)]
pub(super) struct Report {
    #[serde(flatten)]
    situation: Situation,
    answers_per_second: f64,
    calls: Vec<Calls>,
    client_lateness_ms: Latencies,
}

impl Report {
    /// From the tally of a load.
    pub(super) fn new(situation: Situation, tally: &Tally) -> Self {
        let calls = tally.calls.iter();
        let calls: Vec<Calls> = calls
            .map(|(call, ended)| Calls::new(call.name(), ended))
            .collect();
        let answered: u64 = calls.iter().map(|it| it.answered).sum();
        #[expect(
            clippy::cast_precision_loss,
            reason = "far fewer calls than a double counts exactly"
        )]
        let answers_per_second = answered as f64 / situation.seconds;
        Self {
            situation,
            answers_per_second,
            calls,
            client_lateness_ms: Latencies::of(&tally.lateness),
        }
    }

    /// Whether nothing was answered.
    pub(super) fn is_empty(&self) -> bool {
        self.calls.iter().all(|it| it.answered == 0)
    }

    /// As a page for people.
    pub(super) fn page(&self) -> String {
        let Situation {
            subjects,
            rate,
            seconds,
            connections,
            ..
        } = &self.situation;
        let mut page = format!(
            "{rate} calls/s for {} s over {connections} connections, about {subjects} customers",
            text::fixed(*seconds, 1)
        );
        if let Some(Hot { subjects, calls }) = self.situation.hot {
            let percent = |share: f64| text::fixed(share * 100.0, 1);
            let (hot, calls) = (percent(subjects), percent(calls));
            let _ = write!(page, "; {hot} % of them get {calls} % of the calls");
        }
        let header = [
            ("call", Align::Left),
            ("due", Align::Right),
            ("answered", Align::Right),
            ("p50 ms", Align::Right),
            ("p90", Align::Right),
            ("p99", Align::Right),
            ("p99.9", Align::Right),
            ("max", Align::Right),
        ];
        let rows = self.calls.iter().map(|it| {
            let counts = [
                it.call.to_owned(),
                it.due.to_string(),
                it.answered.to_string(),
            ];
            let latencies = it.latency_ms.iter().flat_map(Latencies::cells);
            counts.into_iter().chain(latencies).collect()
        });
        let rows: Vec<Vec<String>> = rows.collect();
        let _ = write!(page, "\n\n{}\n", text::table(&header, &rows));
        for calls in &self.calls {
            for Failed { status, count } in &calls.failed {
                let _ = write!(page, "\n{}: {count} failed with {status}", calls.call);
            }
            if calls.not_sent > 0 {
                let _ = write!(
                    page,
                    "\n{}: {} were due while too many were in progress (--in-flight), and not sent",
                    calls.call, calls.not_sent
                );
            }
        }
        let lateness = &self.client_lateness_ms;
        let _ = write!(
            page,
            "\n{} answers/s. Latencies count from the moment a call was due; this client sent calls up to {} ms late (p99), which is part of them.",
            text::fixed(self.answers_per_second, 1),
            text::fixed(lateness.p99, 3)
        );
        page
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;
    use crate::cli::bench::plan::Call;

    fn tally() -> Tally {
        let mut classify = Ended::default();
        for micros in 1..=1_000 {
            classify.answered.record(micros).unwrap();
        }
        classify.failed.insert("UNAVAILABLE", 3);
        classify.not_sent = 2;
        let route = Ended {
            failed: BTreeMap::from([("DEADLINE_EXCEEDED", 1)]),
            ..Ended::default()
        };
        let calls = BTreeMap::from([(Call::Classify, classify), (Call::Route, route)]);
        let lateness = Ended::default().answered;
        Tally { calls, lateness }
    }

    fn situation() -> Situation {
        Situation {
            subjects: 20,
            rate: 100,
            seconds: 10.0,
            connections: 4,
            mix: "classify=1,route=1".to_owned(),
            hot: Some(Hot {
                subjects: 0.05,
                calls: 0.8,
            }),
            seed: 1,
        }
    }

    #[test]
    fn a_page_accounts_for_every_call() {
        let report = Report::new(situation(), &tally());
        assert!(!report.is_empty());
        let page = report.page();
        for expected in [
            "100 calls/s for 10.0 s over 4 connections, about 20 customers; 5.0 % of them get 80.0 % of the calls",
            "classify  1005      1000   0.500  0.900  0.990  0.999  1.000",
            "route        1         0",
            "classify: 3 failed with UNAVAILABLE",
            "classify: 2 were due while too many were in progress",
            "route: 1 failed with DEADLINE_EXCEEDED",
            "100.0 answers/s",
        ] {
            assert!(page.contains(expected), "{expected:?} in {page}");
        }
    }

    #[test]
    fn json_has_the_same_numbers() {
        let report = Report::new(situation(), &tally());
        let json: serde_json::Value = serde_json::to_value(&report).unwrap();
        assert_eq!(json["rate"], 100);
        assert_eq!(json["hot"]["calls"], 0.8);
        assert_eq!(json["calls"][0]["latency_ms"]["p99"], 0.99);
        assert_eq!(json["calls"][0]["failed"][0]["status"], "UNAVAILABLE");
        assert_eq!(json["calls"][1]["latency_ms"], serde_json::Value::Null);
        assert_eq!(json["calls"][1]["due"], 1);
    }
}
