//! Building the service and running it: what `patron serve`, `patron demo` and the tests start.

use std::{io, net::SocketAddr, sync::Arc, time::Duration};

use tokio::{
    net::{TcpListener, TcpSocket},
    runtime::Handle,
    sync::watch,
    task::JoinHandle,
    time::{Instant, timeout},
};
use tokio_util::sync::CancellationToken;

use crate::{
    app::{
        admin,
        connections::Listening,
        cores::Cores,
        database::{CLOSE_LIMIT, Database, DatabaseError},
        descriptors,
        faces::{self, Answers, FaceListeners},
        failure::{DatabaseWatch, Failures},
        identities,
        lanes::LaneThreads,
        server::{self, DrainOutcome, Health, Limits, ReflectionError, ServeError, Shared},
        services,
        settings::Settings,
        tls::{CertificateError, Tls},
    },
    clock::Clock,
    grpc::json::CodecError,
    metrics::Metrics,
    service::error::ServiceError,
};

/// Time to close what the calls used, where they were cut at the drain limit: within half a second of it the process is gone.
const MIN_CLOSE_LIMIT: Duration = Duration::from_millis(200);

/// Receive buffer of a connection, which the kernel doubles. Calls that the server cannot take up wait at their callers, whose deadlines end
/// them, and not in some megabytes here, where they are read and found to be given up; enough for 100 MB a second at a millisecond.
const RECEIVE_BUFFER_BYTES: u32 = 64 * 1024;
/// Connections that may wait to be accepted, as of a listener of tokio.
const BACKLOG: u32 = 1024;

/// The services of which most calls need the database.
const WRITING_SERVICES: [&str; 5] = [
    "patron.v1.CorrectionService",
    "patron.v1.IngestService",
    "patron.v1.DefinitionService",
    "patron.v1.ModelService",
    "patron.v1.TokenService",
];

/// A running service.
pub struct App {
    /// Where gRPC is served.
    pub address: SocketAddr,
    /// Where HTTP is served; `None` when it is not.
    pub http_address: Option<SocketAddr>,
    /// Where `FastAGI` is served to Asterisk; `None` when it is not.
    pub agi_address: Option<SocketAddr>,
    /// Where metrics and probes are served.
    pub admin_address: SocketAddr,
    /// What is counted.
    pub metrics: Arc<Metrics>,
    /// TLS of the gRPC and HTTP listeners; `None` when they speak plain text.
    pub tls: Option<Arc<Tls>>,
    /// How long the start took.
    pub started_in: Duration,
    /// The zone in which days are counted.
    pub zone: jiff::tz::TimeZone,
    /// Version of the database's schema.
    pub schema_version: i64,
    stop: CancellationToken,
    stop_admin: CancellationToken,
    server: JoinHandle<Result<DrainOutcome, ServeError>>,
    /// The listeners for telephone systems.
    faces: Vec<Listening>,
    admin: JoinHandle<()>,
    /// Time from the request to stop until everything must be over.
    stop_limit: Duration,
    control: Handle,
    lanes: LaneThreads,
    cores: Cores,
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
    /// The certificates cannot be used.
    #[error(transparent)]
    Certificate(#[from] CertificateError),
    /// The system refuses threads.
    #[error("cannot start threads: {0}")]
    Threads(io::Error),
    /// The descriptors compiled into the program cannot be served.
    #[error(transparent)]
    Reflection(#[from] ReflectionError),
    /// They cannot be used for JSON.
    #[error(transparent)]
    Json(#[from] CodecError),
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
        // First, because it is the quickest to fail and needs nothing else. Callers are refused until somebody listens: they go elsewhere.
        let sockets = Sockets::reserve(settings)?;
        let admin_listener = {
            // A socket belongs to the runtime on which it was opened.
            let _control = control.enter();
            listen_now(settings.admin_listen)?
        };
        let address = local(sockets.grpc.local_addr(), settings.listen)?;
        let admin_address = local(admin_listener.local_addr(), settings.admin_listen)?;
        let (shared, lanes, cores) = share(settings, &clock)?;
        // Before the database, which may be waited for: a probe hears that this process is alive and not ready.
        let stop_admin = CancellationToken::new();
        let failed = stop_admin.clone().drop_guard();
        let pages = admin::router(Arc::clone(&shared.metrics), shared.lifecycle.clone());
        let admin = control.spawn(admin::serve(admin_listener, pages, stop_admin.clone()));
        let failures = Failures::new(stop.clone());
        let watch = DatabaseWatch::new(failures.clone());
        let database = Database::open(settings, &clock, &shared.metrics, &stop, &watch).await?;
        let limits = Limits {
            max_connections: descriptors::fit_connections(settings),
            ..settings.limits()
        };
        let timely = (&control, &stop);
        let built = services::build(settings, &limits, &shared, &lanes, &database, timely);
        let built = Box::pin(built);
        let begun = async {
            let built = stop.run_until_cancelled(built).await;
            let (served, contacts) = built.ok_or(DatabaseError::Stopped)??;
            let shared = identities::share(settings, &shared, &database, timely).await?;
            let (listener, listeners) = sockets.listen(settings)?;
            let running = server::start(listener, served, &limits, &shared)?;
            let answers = Answers::new(settings, contacts, &running, &shared)?;
            Ok((running, listeners, answers))
        };
        let (running, listeners, answers) = match begun.await {
            Ok(begun) => begun,
            Err(error) => {
                database.close(CLOSE_LIMIT, limits.drain_limit).await;
                return Err(error);
            }
        };
        failed.disarm();
        let follow = follow_cluster(watch.cluster_runs.subscribe(), shared.health.clone());
        control.spawn(stop.clone().run_until_cancelled_owned(follow));
        watch_certificates(settings, &shared, &control, &stop);
        let server = control.spawn(running.supervise(stop.clone()));
        // On the present runtime, where lookups are answered.
        let [http, agi] = faces::start(listeners, answers, &limits, &shared, &stop);
        Ok(Self {
            address,
            http_address: http.as_ref().and_then(|http| http.address),
            agi_address: agi.as_ref().and_then(|agi| agi.address),
            admin_address,
            metrics: shared.metrics,
            tls: shared.tls,
            started_in: start.elapsed(),
            zone: database.zone.clone(),
            schema_version: database.schema_version,
            stop,
            stop_admin,
            server,
            faces: [http, agi].into_iter().flatten().collect(),
            admin,
            stop_limit: limits.lame_duck + limits.drain_limit,
            control,
            lanes,
            cores,
            database,
            failures,
        })
    }

    /// Where clients connect to.
    #[must_use]
    pub fn endpoint(&self) -> String {
        let scheme = if self.tls.is_some() { "https" } else { "http" };
        format!("{scheme}://{}", self.address)
    }

    /// Waits until the service has stopped, then stops what it ran on.
    ///
    /// # Errors
    /// When the server failed, or what stopped it if nobody asked for it.
    pub async fn wait(self) -> Result<DrainOutcome, ServeError> {
        let stop = self.stop.clone();
        // From the request to stop on, or from the end of a server that failed.
        let asked = self.control.spawn(async move {
            stop.cancelled().await;
            Instant::now()
        });
        let outcome = self.server.await;
        self.stop.cancel();
        // They drain with the gRPC listener. Its timers ring in time, theirs are among the lookups'.
        for face in self.faces {
            let aborted = face.serving.abort_handle();
            let ended = timeout(MIN_CLOSE_LIMIT, face.serving);
            if !self.control.spawn(ended).await.is_ok_and(|it| it.is_ok()) {
                aborted.abort();
            }
        }
        let asked = asked.await.unwrap_or_else(|_| Instant::now());
        // What calls left unused of their time, their last statements may use; where they were cut, next to nothing.
        let left = self.stop_limit.saturating_sub(asked.elapsed());
        let limit = left.clamp(MIN_CLOSE_LIMIT, CLOSE_LIMIT);
        // On the control runtime, whose timers ring: what was cut may still compute on this one.
        let closed = self.control.spawn(self.database.close(limit, left));
        if let Err(panic) = closed.await {
            std::panic::resume_unwind(panic.into_panic());
        }
        self.lanes.stop();
        drop(self.cores);
        self.stop_admin.cancel();
        let _ = self.admin.await;
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

/// Looks for new certificates until the service stops.
fn watch_certificates(
    settings: &Settings,
    shared: &Shared,
    control: &Handle,
    stop: &CancellationToken,
) {
    if let Some(tls) = shared.tls.clone() {
        let watch = tls.watch(settings.tls.reload_interval(), Arc::clone(&shared.clock));
        control.spawn(stop.clone().run_until_cancelled_owned(watch));
    }
}

/// What all listeners share: metrics, the threads for long work, and TLS where the settings want it.
fn share(
    settings: &Settings,
    clock: &Arc<dyn Clock>,
) -> Result<(Shared, LaneThreads, Cores), StartError> {
    let mut shared = Shared::new(Arc::clone(clock));
    let lanes = LaneThreads::start(&shared.metrics, settings.write_pool);
    let lanes = lanes.map_err(StartError::Threads)?;
    shared.lanes = Some(lanes.lanes.clone());
    let open = |files| Tls::open(files, clock.now(), shared.metrics.tls.clone());
    let tls = settings.tls.files().map(open).transpose()?;
    shared.tls = tls.map(Arc::new);
    let count = usize::try_from(settings.lookup_threads).unwrap_or(usize::MAX);
    let cores = Cores::start(count).map_err(StartError::Threads)?;
    shared.cores = cores.handles().to_vec();
    Ok((shared, lanes, cores))
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

/// Listens on an address that needs no resolving, which is all there are.
fn listen_now(address: SocketAddr) -> Result<TcpListener, StartError> {
    let socket = std::net::TcpListener::bind(address).and_then(|listener| {
        listener.set_nonblocking(true)?;
        TcpListener::from_std(listener)
    });
    socket.map_err(|cause| StartError::Listen { address, cause })
}

/// Addresses that are taken and not yet listened on.
struct Sockets {
    grpc: TcpSocket,
    faces: [Option<(SocketAddr, TcpSocket)>; 2],
}

impl Sockets {
    fn reserve(settings: &Settings) -> Result<Self, StartError> {
        let taken = |address: Option<SocketAddr>| {
            let taken = address.map(|address| Ok::<_, StartError>((address, reserve(address)?)));
            taken.transpose()
        };
        Ok(Self {
            grpc: reserve(settings.listen)?,
            faces: [taken(settings.http_listen)?, taken(settings.agi_listen)?],
        })
    }

    fn listen(self, settings: &Settings) -> Result<(TcpListener, FaceListeners), StartError> {
        let listening = |taken: Option<(SocketAddr, TcpSocket)>| {
            let listening = taken.map(|(address, socket)| listen(socket, address));
            listening.transpose()
        };
        let [http, agi] = self.faces;
        let faces = [listening(http)?, listening(agi)?];
        Ok((listen(self.grpc, settings.listen)?, faces))
    }
}

/// Takes an address without listening on it.
fn reserve(address: SocketAddr) -> Result<TcpSocket, StartError> {
    let open = || {
        let socket = match address {
            SocketAddr::V4(_) => TcpSocket::new_v4(),
            SocketAddr::V6(_) => TcpSocket::new_v6(),
        }?;
        // As a listener of tokio has it: an address that a server has just left is free.
        socket.set_reuseaddr(true)?;
        // Connections inherit it.
        socket.set_recv_buffer_size(RECEIVE_BUFFER_BYTES)?;
        socket.bind(address)?;
        Ok(socket)
    };
    open().map_err(|cause| StartError::Listen { address, cause })
}

fn listen(socket: TcpSocket, address: SocketAddr) -> Result<TcpListener, StartError> {
    let listening = socket.listen(BACKLOG);
    listening.map_err(|cause| StartError::Listen { address, cause })
}

fn local(found: io::Result<SocketAddr>, address: SocketAddr) -> Result<SocketAddr, StartError> {
    found.map_err(|cause| StartError::Listen { address, cause })
}
