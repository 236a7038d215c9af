//! Building the service and running it: what `patron serve`, `patron demo` and the tests start.

use std::{io, net::SocketAddr, sync::Arc, time::Duration};

use tokio::{net::TcpListener, runtime::Handle, task::JoinHandle, time::Instant};
use tokio_util::sync::CancellationToken;
use tonic::service::Routes;

use crate::{
    app::{
        admin,
        database::{CLOSE_LIMIT, Database, DatabaseError, READ_TIMEOUT},
        descriptors,
        server::{self, DrainOutcome, Limits, ReflectionError, ServeError, Served, Shared},
        settings::Settings,
    },
    cache::{
        identifiers::IdentifierCache,
        profiles::{ProfileCache, profile_cache},
        read_through::Bounds,
    },
    clock::Clock,
    grpc,
    metrics::Metrics,
    pb,
    service::{
        bases::Bases, classify::Classifier, customers::Customers, definitions::DefinitionRevisions,
        error::ServiceError, evaluate::Evaluations, ingest::Ingest, models::Models,
        profiles::Profiles, subjects::Subjects, versions::Versions,
    },
};

/// Share of the cache memory that identifiers get: they weigh about a tenth of a profile.
const IDENTIFIER_SHARE: u64 = 8;
/// Time to close what the calls used, where they were cut at the drain limit: within half a second of it the process is gone.
const MIN_CLOSE_LIMIT: Duration = Duration::from_millis(200);
/// How often the gauges of the caches are brought up to date, and a basis that could not be renewed is tried again.
const UPKEEP_INTERVAL: Duration = Duration::from_secs(5);

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
    admin: JoinHandle<()>,
    /// Time from the request to stop until everything must be over.
    stop_limit: Duration,
    control: Handle,
    database: Database,
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
    /// The descriptors compiled into the program cannot be served.
    #[error(transparent)]
    Reflection(#[from] ReflectionError),
    /// The database cannot be used.
    #[error(transparent)]
    Database(#[from] DatabaseError),
    /// What is stored cannot be read.
    #[error(transparent)]
    Service(#[from] ServiceError),
}

impl App {
    /// Starts the service that `settings` describe, all of it on the present runtime; it runs until `stop` is cancelled.
    ///
    /// # Errors
    /// Whatever is in the way, with what to do about it.
    pub async fn start(
        settings: &Settings,
        clock: Arc<dyn Clock>,
        stop: CancellationToken,
    ) -> Result<Self, StartError> {
        Self::start_with(settings, clock, stop, Handle::current()).await
    }

    /// As [`Self::start`], with what must happen on time on a runtime of its own, `control`: the admin listener, the timers of the drain
    /// and the watch over the connections. Calls are answered on the present one.
    ///
    /// # Errors
    /// As [`Self::start`].
    pub async fn start_with(
        settings: &Settings,
        clock: Arc<dyn Clock>,
        stop: CancellationToken,
        control: Handle,
    ) -> Result<Self, StartError> {
        let start = Instant::now();
        // First, because it is the quickest to fail and needs nothing else.
        let listener = listen(settings.listen).await?;
        let admin_listener = {
            // A socket belongs to the runtime on which it was opened.
            let _control = control.enter();
            listen_now(settings.admin_listen)?
        };
        let (address, admin_address) = (
            local(&listener, settings.listen)?,
            local(&admin_listener, settings.admin_listen)?,
        );
        let shared = Shared::new(Arc::clone(&clock));
        let database = Database::open(settings, clock.now()).await?;
        let limits = Limits {
            max_connections: descriptors::fit_connections(settings),
            ..settings.limits()
        };
        let services = match build(settings, &limits, &shared, &database, &clock, &stop).await {
            Ok(services) => services,
            Err(error) => {
                database.close(CLOSE_LIMIT).await;
                return Err(error.into());
            }
        };
        let stop_admin = CancellationToken::new();
        let pages = admin::router(Arc::clone(&shared.metrics), shared.lifecycle.clone());
        let admin = control.spawn(admin::serve(admin_listener, pages, stop_admin.clone()));
        let running = server::start(listener, services, &limits, &shared)?;
        let server = control.spawn(running.supervise(stop.clone()));
        Ok(Self {
            address,
            admin_address,
            metrics: shared.metrics,
            started_in: start.elapsed(),
            zone: database.zone.clone(),
            schema_version: database.schema_version,
            stop,
            stop_admin,
            server,
            admin,
            stop_limit: limits.lame_duck + limits.drain_limit,
            control,
            database,
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
    /// When the server failed.
    pub async fn wait(self) -> Result<DrainOutcome, ServeError> {
        let stop = self.stop.clone();
        // From the request to stop on, or from the end of a server that failed.
        let asked = self.control.spawn(async move {
            stop.cancelled().await;
            Instant::now()
        });
        let outcome = self.server.await;
        self.stop.cancel();
        let asked = asked.await.unwrap_or_else(|_| Instant::now());
        // What calls left unused of their time, their last statements may use; where they were cut, next to nothing.
        let left = self.stop_limit.saturating_sub(asked.elapsed());
        let limit = left.clamp(MIN_CLOSE_LIMIT, CLOSE_LIMIT);
        // On the control runtime, whose timers ring: what was cut may still compute on this one.
        let closed = self.control.spawn(self.database.close(limit));
        if let Err(panic) = closed.await {
            std::panic::resume_unwind(panic.into_panic());
        }
        self.stop_admin.cancel();
        let _ = self.admin.await;
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

/// As [`listen`], without waiting: for an address that needs no resolving, which is all there are.
fn listen_now(address: SocketAddr) -> Result<TcpListener, StartError> {
    let socket = std::net::TcpListener::bind(address).and_then(|listener| {
        listener.set_nonblocking(true)?;
        TcpListener::from_std(listener)
    });
    socket.map_err(|cause| StartError::Listen { address, cause })
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
    database: &Database,
    clock: &Arc<dyn Clock>,
    stop: &CancellationToken,
) -> Result<Served, ServiceError> {
    let metrics = &shared.metrics;
    let (cache, identifiers) = caches(settings, database, metrics);
    let without_rate = metrics.currencies_without_rate.clone();
    let bases = Arc::new(Bases::load(database.write.clone(), without_rate).await?);
    let subjects = Arc::new(Subjects::new(
        Arc::clone(&identifiers),
        database.key.clone(),
    ));
    let ingest = Ingest {
        pool: database.write.clone(),
        read_pool: database.read.clone(),
        profiles: Arc::clone(&cache),
        identifiers: Arc::clone(&identifiers),
        key: database.key.clone(),
        bases: Arc::clone(&bases),
        clock: Arc::clone(clock),
        metrics: metrics.ingest.clone(),
    };
    let classifier = Classifier {
        subjects: Arc::clone(&subjects),
        profiles: Arc::new(Profiles::new(Arc::clone(&cache), database.read.clone())),
        bases: Arc::clone(&bases),
        clock: Arc::clone(clock),
        zone: database.zone.clone(),
        versions: Versions::new(database.read.clone()),
    };
    let customers = Customers {
        subjects,
        cache: Arc::clone(&cache),
        pool: database.read.clone(),
    };
    let definitions = DefinitionRevisions {
        pool: database.batch.clone(),
        bases: Arc::clone(&bases),
        clock: Arc::clone(clock),
        zone: database.zone.clone(),
    };
    let models = Models::new(
        database.batch.clone(),
        database.write.clone(),
        Arc::clone(&bases),
        Arc::clone(clock),
        database.zone.clone(),
        metrics.fits.clone(),
    );
    let evaluations = Evaluations::new(
        database.batch.clone(),
        Arc::clone(&bases),
        Arc::clone(clock),
        database.zone.clone(),
        metrics.evaluations.clone(),
    );
    tokio::spawn(
        stop.clone()
            .run_until_cancelled_owned(upkeep(cache, identifiers, bases)),
    );
    let zone = database.zone.clone();
    Ok(served(
        limits.max_message_bytes,
        Arc::new(classifier),
        grpc::ingest::IngestApi::new(Arc::new(ingest), Arc::clone(clock), zone),
        grpc::customers::CustomerApi::new(Arc::new(customers)),
        grpc::models::ModelApi::new(Arc::new(models), Arc::new(evaluations)),
        grpc::definitions::DefinitionApi::new(Arc::new(definitions)),
    ))
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
        bounds(memory - identifier_bytes),
        metrics.profile_cache.clone(),
    );
    let identifiers = Arc::new(IdentifierCache::new(
        database.read.clone(),
        bounds(identifier_bytes),
        metrics.identifier_cache.clone(),
    ));
    (cache, identifiers)
}

/// What is due from time to time, for ever: gauges, and a renewal of the basis that failed.
async fn upkeep(profiles: Arc<ProfileCache>, identifiers: Arc<IdentifierCache>, bases: Arc<Bases>) {
    let mut due = tokio::time::interval(UPKEEP_INTERVAL);
    loop {
        due.tick().await;
        profiles.measure();
        identifiers.measure();
        bases.catch_up().await;
    }
}

fn served(
    bytes: usize,
    classifier: Arc<Classifier>,
    ingest: grpc::ingest::IngestApi,
    customers: grpc::customers::CustomerApi,
    models: grpc::models::ModelApi,
    definitions: grpc::definitions::DefinitionApi,
) -> Served {
    use pb::{
        customer_service_server::CustomerServiceServer,
        definition_service_server::DefinitionServiceServer,
        ingest_service_server::IngestServiceServer, model_service_server::ModelServiceServer,
    };
    let find_kept = grpc::encoded::find_kept(Arc::clone(&classifier));
    let scoring = grpc::scoring::Scoring::new(classifier);
    let routes = Routes::default()
        .add_service(grpc::encoded::ScoringServer::new(scoring, bytes))
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
        );
    Served {
        routes,
        find_kept: Some(find_kept),
    }
}
