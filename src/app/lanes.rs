//! The lanes of the process: which threads there are beside those of lookups, how urgent, and what is let in.
//!
//! A connection to the database is served by the runtime that opened it. Lookups must not wait for threads that only run when nobody else
//! wants to, so the pool of reads belongs to the threads of lookups alone, and each set of threads here has a pool of its own.

use std::{io, num::NonZero, sync::Arc, thread::available_parallelism, time::Duration};

use tokio::runtime::Handle;

use crate::{
    grpc::layers::lane::Lanes,
    metrics::Metrics,
    service::lane::{Lane, LaneOptions, Threads},
};

/// Calls that wait for a place at most, in each lane: what they hold of requests is bounded whatever they are.
const MOST_WAITING: usize = 256;

/// Fits, evaluations, drift checks and figures of all customers at once. Each kind of fit and evaluation runs once at a time; the others wait for the same fit, or are
/// told which one runs.
const FIT_PLACES: usize = 16;

/// Calls of the registry of models and of definitions at once.
const ADMIN_PLACES: usize = 4;

/// The threads of the lanes, and the lanes.
pub(super) struct LaneThreads {
    pub(super) lanes: Lanes,
    answers: Arc<Threads>,
    ingest: Arc<Threads>,
    heavy: Arc<Threads>,
}

impl LaneThreads {
    /// Starts the threads. At most `ingest_places` calls of ingest run at once: each needs a connection.
    pub(super) fn start(metrics: &Metrics, ingest_places: u32) -> io::Result<Self> {
        let cores = available_parallelism().map_or(1, NonZero::get);
        let answers = Arc::new(Threads::start("batch", cores)?);
        let ingest = Arc::new(Threads::start("ingest", cores)?);
        let heavy = Arc::new(Threads::start("heavy", cores)?);
        let options = |places, longest_wait, first_guess| LaneOptions {
            places,
            most_waiting: MOST_WAITING,
            longest_wait,
            first_guess,
        };
        let ms = Duration::from_millis;
        let ingest_places = usize::try_from(ingest_places).unwrap_or(usize::MAX);
        Ok(Self {
            lanes: Lanes {
                // One more than cores: one may wait for the database.
                batch: Lane::new(
                    Arc::clone(&answers),
                    options(cores + 1, ms(1_000), ms(20)),
                    metrics.batch_lane.clone(),
                ),
                // An import waits for its answers: late is better than again.
                ingest: Lane::new(
                    Arc::clone(&ingest),
                    options(ingest_places, ms(5_000), ms(50)),
                    metrics.ingest_lane.clone(),
                ),
                fit: Lane::new(
                    Arc::clone(&heavy),
                    options(FIT_PLACES, ms(60_000), ms(1_000)),
                    metrics.fit_lane.clone(),
                ),
                // A large document takes seconds to check.
                admin: Lane::new(
                    Arc::clone(&heavy),
                    options(ADMIN_PLACES, ms(10_000), ms(20)),
                    metrics.admin_lane.clone(),
                ),
            },
            answers,
            ingest,
            heavy,
        })
    }

    /// Where work runs that nobody waits for.
    pub(super) fn background(&self) -> &Handle {
        self.heavy.handle()
    }

    /// Ends all of them without waiting. Connections that they opened must be closed before.
    pub(super) fn stop(&self) {
        for threads in [&self.answers, &self.ingest, &self.heavy] {
            threads.stop();
        }
    }
}
