//! Building the service and running it: what `patron serve`, `patron demo` and the tests start.

use std::{io, net::SocketAddr, sync::Arc, time::Duration};

use tokio::{net::TcpListener, sync::watch, task::JoinHandle, time::MissedTickBehavior};
use tokio_util::sync::CancellationToken;
use tonic::service::Routes;

use crate::{
    app::{
        admin,
        database::{Database, DatabaseError, READ_TIMEOUT},
        failure::{DatabaseWatch, Failures},
        lanes::LaneThreads,
        server::{self, DrainOutcome, Health, Limits, ServeError, Shared},
        settings::Settings,
    },
    cache::{
        identifiers::IdentifierCache,
        profiles::{ProfileCache, profile_cache},
        read_through::Bounds,
    },
    clock::Clock,
    grpc::{self, layers::lane::Lanes},
    metrics::{Metrics, SessionMetrics},
    pb,
    service::{
        bases::Bases,
        classify::{Classifier, LongAnswers},
        customers::Customers,
        definitions::DefinitionRevisions,
        error::ServiceError,
        evaluate::Evaluations,
        ingest::Ingest,
        models::Models,
        profiles::Profiles,
        subjects::Subjects,
        versions::Versions,
    },
    store::{self, pool::Pool},
};

/// Share of the cache memory that identifiers get: they weigh about a tenth of a profile.
const IDENTIFIER_SHARE: u64 = 8;
/// How often the gauges of the caches are brought up to date, and a basis that could not be renewed is tried again.
const UPKEEP_INTERVAL: Duration = Duration::from_secs(5);
/// How often the database is asked for a sign of life.
const WATCH_INTERVAL: Duration = Duration::from_secs(1);
/// In how many of these rounds sessions that are idle in a transaction are counted once.
const SESSIONS_EVERY: u64 = 5;

/// The services of which most calls need the database.
const WRITING_SERVICES: [&str; 3] = [
    "patron.v1.IngestService",
    "patron.v1.DefinitionService",
    "patron.v1.ModelService",
];

/// A running service.
pub struct App {
    /// Where gRPC is served.
    pub address: SocketAddr,
    /// Where metrics and probes are served.
    pub admin_address: SocketAddr,
    /// What is counted.
    pub metrics: Arc<Metrics>,
    /// How long the start took.
    pub started_in: Duration,
    /// The zone in which days are counted.
    pub zone: jiff::tz::TimeZone,
    /// Version of the database's schema.
    pub schema_version: i64,
    stop: CancellationToken,
    stop_admin: CancellationToken,
    server: JoinHandle<Result<DrainOutcome, ServeError>>,
    admin: JoinHandle<io::Result<()>>,
    lanes: LaneThreads,
    database: Database,
    failures: Failures,
}

/// Why the service does not start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// An address cannot be listened on.
    #[error("cannot listen on {address}: {cause}")]
    Listen {
        /// The address.
        address: SocketAddr,
        /// Why.
        cause: io::Error,
    },
    /// The system refuses threads.
    #[error("cannot start the threads for long work: {0}")]
    Threads(io::Error),
    /// The database cannot be used.
    #[error(transparent)]
    Database(#[from] DatabaseError),
    /// What is stored cannot be read.
    #[error(transparent)]
    Service(#[from] ServiceError),
}

impl App {
    /// Starts the service that `settings` describe; it runs until `stop` is cancelled.
    ///
    /// # Errors
    /// Whatever is in the way, with what to do about it.
    pub async fn start(
        settings: &Settings,
        clock: Arc<dyn Clock>,
        stop: CancellationToken,
    ) -> Result<Self, StartError> {
        let start = tokio::time::Instant::now();
        // First, because it is the quickest to fail and needs nothing else.
        let listener = listen(settings.listen).await?;
        let admin_listener = listen(settings.admin_listen).await?;
        let (address, admin_address) = (
            local(&listener, settings.listen)?,
            local(&admin_listener, settings.admin_listen)?,
        );
        let mut shared = Shared::new(Arc::clone(&clock));
        let lanes = LaneThreads::start(&shared.metrics, settings.write_pool);
        let lanes = lanes.map_err(StartError::Threads)?;
        shared.lanes = Some(lanes.lanes.clone());
        let breaker = shared.metrics.breaker.clone();
        let failures = Failures::new(stop.clone());
        let watch = DatabaseWatch::new(failures.clone());
        let database = Database::open(settings, &clock, breaker, &stop, &watch).await?;
        let limits = settings.limits();
        let routes = match build(settings, &limits, &shared, &lanes, &database, &stop).await {
            Ok(routes) => routes,
            Err(error) => {
                database.close().await;
                return Err(error.into());
            }
        };
        let follow = follow_cluster(watch.cluster_runs.subscribe(), shared.health.clone());
        tokio::spawn(stop.clone().run_until_cancelled_owned(follow));
        let stop_admin = CancellationToken::new();
        let pages = admin::router(Arc::clone(&shared.metrics), shared.lifecycle.clone());
        let admin = tokio::spawn(admin::serve(admin_listener, pages, stop_admin.clone()));
        let metrics = Arc::clone(&shared.metrics);
        let until = stop.clone();
        let server =
            tokio::spawn(
                async move { server::serve(listener, routes, &limits, &shared, until).await },
            );
        Ok(Self {
            address,
            admin_address,
            metrics,
            started_in: start.elapsed(),
            zone: database.zone.clone(),
            schema_version: database.schema_version,
            stop,
            stop_admin,
            server,
            admin,
            lanes,
            database,
            failures,
        })
    }

    /// Where clients connect to.
    #[must_use]
    pub fn endpoint(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Waits until the service has stopped, then stops what it ran on.
    ///
    /// # Errors
    /// When the server failed, or what stopped it if nobody asked for it.
    pub async fn wait(self) -> Result<DrainOutcome, ServeError> {
        let outcome = self.server.await;
        self.stop_admin.cancel();
        if let Ok(Err(error)) = self.admin.await {
            tracing::warn!(error.cause = %error, "the admin listener failed");
        }
        self.database.close().await;
        self.lanes.stop();
        if let Some(failure) = self.failures.take() {
            return Err(failure.into());
        }
        match outcome {
            Ok(outcome) => outcome,
            Err(panic) => std::panic::resume_unwind(panic.into_panic()),
        }
    }

    /// Stops the service and waits for its end.
    ///
    /// # Errors
    /// When the server failed.
    pub async fn stop(self) -> Result<DrainOutcome, ServeError> {
        self.stop.cancel();
        self.wait().await
    }
}

/// Says that what writes does not serve while the private cluster is away; what is in memory is answered meanwhile.
async fn follow_cluster(mut runs: watch::Receiver<bool>, health: Health) {
    while runs.changed().await.is_ok() {
        let runs = *runs.borrow_and_update();
        for service in WRITING_SERVICES {
            health.set(service, runs).await;
        }
    }
}

async fn listen(address: SocketAddr) -> Result<TcpListener, StartError> {
    TcpListener::bind(address)
        .await
        .map_err(|cause| StartError::Listen { address, cause })
}

fn local(listener: &TcpListener, address: SocketAddr) -> Result<SocketAddr, StartError> {
    listener
        .local_addr()
        .map_err(|cause| StartError::Listen { address, cause })
}

/// Builds the use cases over the database and the services over them.
async fn build(
    settings: &Settings,
    limits: &Limits,
    shared: &Shared,
    threads: &LaneThreads,
    database: &Database,
    stop: &CancellationToken,
) -> Result<Routes, ServiceError> {
    let (metrics, clock, lanes) = (&shared.metrics, &shared.clock, &threads.lanes);
    let (cache, identifiers) = caches(settings, database, metrics);
    let without_rate = metrics.currencies_without_rate.clone();
    let bases = Arc::new(Bases::load(database.batch.clone(), without_rate).await?);
    let subjects = Arc::new(Subjects::new(
        Arc::clone(&identifiers),
        database.key.clone(),
    ));
    let ingest = Ingest {
        pool: database.write.clone(),
        read_pool: database.write.clone(),
        profiles: Arc::clone(&cache),
        identifiers: Arc::clone(&identifiers),
        key: database.key.clone(),
        bases: Arc::clone(&bases),
        zone: database.zone.clone(),
        clock: Arc::clone(clock),
        metrics: metrics.ingest.clone(),
    };
    let (lookups, long_answers) = classifiers(&subjects, &cache, &bases, shared, lanes, database);
    let customers = Customers {
        subjects: Arc::clone(&subjects),
        cache: Arc::clone(&cache),
        pool: database.read.clone(),
    };
    let definitions = DefinitionRevisions {
        pool: database.batch.clone(),
        bases: Arc::clone(&bases),
        clock: Arc::clone(clock),
        zone: database.zone.clone(),
        lane: lanes.admin.clone(),
    };
    let models = Models::new(
        database.batch.clone(),
        Arc::clone(&bases),
        lanes.fit.clone(),
        Arc::clone(clock),
        database.zone.clone(),
        metrics.fits.clone(),
    );
    let evaluations = Evaluations::new(
        database.batch.clone(),
        Arc::clone(&bases),
        lanes.fit.clone(),
        Arc::clone(clock),
        database.zone.clone(),
        metrics.evaluations.clone(),
    );
    tend(stop, database, metrics, (cache, identifiers));
    let renewals = catch_up(bases);
    let renewals = stop.clone().run_until_cancelled_owned(renewals);
    threads.background().spawn(renewals);
    let zone = database.zone.clone();
    Ok(routes(
        limits.max_message_bytes,
        grpc::scoring::Scoring::new(lookups, long_answers, limits.max_message_bytes),
        grpc::ingest::IngestApi::new(Arc::new(ingest), Arc::clone(clock), zone),
        grpc::customers::CustomerApi::new(Arc::new(customers)),
        grpc::models::ModelApi::new(Arc::new(models), Arc::new(evaluations)),
        grpc::definitions::DefinitionApi::new(Arc::new(definitions)),
    ))
}

/// Who answers lookups, and who answers what takes longer: the same, but for the connections.
fn classifiers(
    subjects: &Arc<Subjects>,
    cache: &Arc<ProfileCache>,
    bases: &Arc<Bases>,
    shared: &Shared,
    lanes: &Lanes,
    database: &Database,
) -> (Arc<Classifier>, Arc<Classifier>) {
    let classifier = |pool: &Pool, long| {
        Arc::new(Classifier {
            subjects: Arc::clone(subjects),
            profiles: Arc::new(Profiles::new(Arc::clone(cache), pool.clone())),
            bases: Arc::clone(bases),
            clock: Arc::clone(&shared.clock),
            zone: database.zone.clone(),
            versions: Versions::new(pool.clone()),
            breaker: Arc::clone(&database.breaker),
            long,
        })
    };
    let long_answers = classifier(&database.answers, None);
    let lookups = LongAnswers {
        lane: lanes.batch.clone(),
        classifier: Arc::clone(&long_answers),
    };
    (classifier(&database.read, Some(lookups)), long_answers)
}

/// The caches, within the memory that the settings give them.
fn caches(
    settings: &Settings,
    database: &Database,
    metrics: &Metrics,
) -> (Arc<ProfileCache>, Arc<IdentifierCache>) {
    let memory = settings.cache_memory.bytes();
    let bounds = |max_bytes| Bounds {
        max_bytes,
        load_timeout: READ_TIMEOUT,
    };
    let identifier_bytes = memory / IDENTIFIER_SHARE;
    let cache = profile_cache(
        database.read.clone(),
        Arc::clone(&database.breaker),
        bounds(memory - identifier_bytes),
        metrics.profile_cache.clone(),
    );
    let identifiers = Arc::new(IdentifierCache::new(
        database.read.clone(),
        Arc::clone(&database.breaker),
        bounds(identifier_bytes),
        metrics.identifier_cache.clone(),
    ));
    (cache, identifiers)
}

/// Starts what goes on beside the calls, until `stop`.
fn tend(
    stop: &CancellationToken,
    database: &Database,
    metrics: &Metrics,
    (profiles, identifiers): (Arc<ProfileCache>, Arc<IdentifierCache>),
) {
    let upkeep = upkeep(profiles, identifiers);
    tokio::spawn(stop.clone().run_until_cancelled_owned(upkeep));
    let watch = watch(database.read.clone(), metrics.sessions.clone());
    tokio::spawn(stop.clone().run_until_cancelled_owned(watch));
}

/// Keeps the gauges of the caches up to date, for ever. On the threads of lookups: it holds locks of the caches.
async fn upkeep(profiles: Arc<ProfileCache>, identifiers: Arc<IdentifierCache>) {
    let mut due = tokio::time::interval(UPKEEP_INTERVAL);
    loop {
        due.tick().await;
        profiles.measure();
        identifiers.measure();
    }
}

/// Tries a renewal of the basis that failed again, for ever.
async fn catch_up(bases: Arc<Bases>) {
    let mut due = tokio::time::interval(UPKEEP_INTERVAL);
    loop {
        due.tick().await;
        bases.catch_up().await;
    }
}

/// Asks the database for a sign of life again and again, also when no call needs it, so that an answer from memory says in time that it
/// may be out of date; and how many sessions of ours are stuck in a transaction.
async fn watch(pool: Pool, metrics: SessionMetrics) {
    let mut due = tokio::time::interval(WATCH_INTERVAL);
    due.set_missed_tick_behavior(MissedTickBehavior::Delay);
    for round in 0_u64.. {
        due.tick().await;
        // That it does not answer is the breaker's to say.
        let Ok(mut connection) = pool.acquire().await else {
            continue;
        };
        if round % SESSIONS_EVERY != 0 {
            continue;
        }
        match store::sessions::count_idle_in_transaction(&mut connection).await {
            Ok(count) => {
                metrics.idle_in_transaction.set(count);
            }
            Err(error) => {
                tracing::debug!(error.cause = %error, "the sessions could not be counted");
            }
        }
    }
}

fn routes(
    bytes: usize,
    scoring: grpc::scoring::Scoring,
    ingest: grpc::ingest::IngestApi,
    customers: grpc::customers::CustomerApi,
    models: grpc::models::ModelApi,
    definitions: grpc::definitions::DefinitionApi,
) -> Routes {
    use pb::{
        customer_service_server::CustomerServiceServer,
        definition_service_server::DefinitionServiceServer,
        ingest_service_server::IngestServiceServer, model_service_server::ModelServiceServer,
    };
    Routes::default()
        .add_service(grpc::encoded::ScoringServer::new(scoring))
        .add_service(
            IngestServiceServer::new(ingest)
                .max_decoding_message_size(bytes)
                .max_encoding_message_size(bytes),
        )
        .add_service(
            CustomerServiceServer::new(customers)
                .max_decoding_message_size(bytes)
                .max_encoding_message_size(bytes),
        )
        .add_service(
            ModelServiceServer::new(models)
                .max_decoding_message_size(bytes)
                .max_encoding_message_size(bytes),
        )
        .add_service(
            DefinitionServiceServer::new(definitions)
                .max_decoding_message_size(bytes)
                .max_encoding_message_size(bytes),
        )
}
