//! One process at a time serves a database, or several that share it: the fence is taken before anything is read, and held to the end.
//!
//! It is watched by a thread with a runtime of its own, so that no load delays it. A session that breaks is replaced at once; while the
//! database is away nobody can take the fence either. Where another process was quicker, this one must stop: two caches over one database
//! would each answer from before the other's writes. Until it knows, its writes fail by the epoch, which the server that takes the fence raises.
//! Processes that share a database follow each other's writes (`service::follow`), and have the epoch in common.

mod error;
mod read_only;

pub use error::FenceError;

use std::{
    thread::JoinHandle,
    time::{Duration, Instant},
};

use prometheus_client::metrics::gauge::Gauge;
use tokio::{
    runtime,
    sync::{mpsc, oneshot},
};
use tokio_util::sync::{CancellationToken, DropGuard};

use self::error::{holder_text, sessions_text};
use crate::store::{
    fence::{Attempt, Epoch, Hold, Holder, Mark, Mode, Raised, Session},
    probe::{self, ProbeError},
    target::Target,
};

/// How often it is asked whether the fence is still ours: a failover takes longer.
const LOOK: Duration = Duration::from_secs(1);
/// How often another process's fence is tried, at the start.
const TRY: Duration = Duration::from_millis(100);
/// How often it is said that the fence cannot be taken again.
const SAY: Duration = Duration::from_secs(5);
/// First and longest pause between attempts to connect again.
const RECONNECT: (Duration, Duration) = (Duration::from_millis(50), Duration::from_secs(2));
/// How long the look for a pooler may take before the fence is taken again.
const PROBE_LIMIT: Duration = Duration::from_secs(1);

/// The fence, held until it is released, dropped or lost.
#[derive(Debug)]
pub struct Fence {
    /// Whoever drops the fence wants it no more: a watch that nobody ends would take it again and again, also of a database that is gone.
    release: DropGuard,
    watch: JoinHandle<()>,
    raises: mpsc::Sender<Raise>,
}

/// The caller who waits for the epoch to be raised.
type Raise = oneshot::Sender<Result<(), FenceError>>;

impl Fence {
    /// Takes the fence of the database, alone or shared, waiting up to `wait` for who has it; dropping the future ends the wait. `lost` is called, on
    /// a thread of its own, if another process takes it later. `epoch` is set by [`Self::raise`]; `held` is 1 while the fence is held.
    ///
    /// # Errors
    /// Another process has it, or the database cannot be asked.
    pub async fn take(
        (target, mode): (Target, Mode),
        wait: Duration,
        epoch: Epoch,
        held: Gauge,
        lost: impl FnOnce(FenceError) + Send + 'static,
    ) -> Result<Self, FenceError> {
        let release = CancellationToken::new();
        let released = release.clone();
        // A caller who gives up waiting for it wants it no more.
        let release = release.drop_guard();
        let (sender, taken) = oneshot::channel();
        let (raises, to_raise) = mpsc::channel(1);
        let post = Post {
            target,
            mode,
            name: session_name(),
            wait,
            epoch,
            held,
        };
        let watch = std::thread::Builder::new()
            .name("fence".to_owned())
            .spawn(move || run(&post, sender, to_raise, &released, lost))
            .map_err(FenceError::Thread)?;
        match taken.await {
            Ok(Ok(())) => Ok(Self {
                release,
                watch,
                raises,
            }),
            Ok(Err(refused)) => Err(refused),
            // The thread panicked, and said why.
            Err(_) => Err(FenceError::Thread(std::io::Error::other("it ended"))),
        }
    }

    /// Makes this process the only one that may write, or one of those who share the database, waiting for transactions of another server as long as for the fence, and at least for
    /// two seconds. To be called where the schema has epochs.
    ///
    /// # Errors
    /// The database cannot be asked, or transactions of another server go on.
    pub async fn raise(&self) -> Result<(), FenceError> {
        let (sender, raised) = oneshot::channel();
        if self.raises.send(sender).await.is_err() {
            return Err(FenceError::Lost(None));
        }
        raised.await.unwrap_or(Err(FenceError::Lost(None)))
    }

    /// Gives the fence back, so that another process can take it at once.
    pub async fn release(self) {
        drop(self.release);
        let _ = tokio::task::spawn_blocking(move || self.watch.join()).await;
    }
}

/// The thread of a fence.
fn run(
    post: &Post,
    taken: oneshot::Sender<Result<(), FenceError>>,
    mut raises: mpsc::Receiver<Raise>,
    released: &CancellationToken,
    lost: impl FnOnce(FenceError),
) {
    let runtime = runtime::Builder::new_current_thread().enable_all().build();
    let runtime = match runtime {
        Ok(runtime) => runtime,
        Err(error) => {
            let _ = taken.send(Err(FenceError::Thread(error)));
            return;
        }
    };
    runtime.block_on(async {
        let session = match released.run_until_cancelled(post.enter()).await {
            Some(Ok(session)) => session,
            None => return,
            Some(Err(refused)) => {
                let _ = taken.send(Err(refused));
                return;
            }
        };
        if taken.send(Ok(())).is_err() {
            // The caller who wanted it gave up.
            return session.close().await;
        }
        let mut session = Some(session);
        post.held.set(1);
        let guarded = post.guard(&mut session, &mut raises);
        let watched = released.run_until_cancelled(guarded).await;
        post.held.set(0);
        if let Some(error) = watched {
            lost(error);
        }
        if let Some(session) = session {
            session.close().await;
        }
    });
}

/// A name that no other process has: with it, a session of ours that the network left behind is known again.
fn session_name() -> String {
    let host = std::fs::read_to_string("/proc/sys/kernel/hostname").unwrap_or_default();
    let (process, id) = (
        std::process::id(),
        uuid::Uuid::new_v4().simple().to_string(),
    );
    // The end is cut where it is too long.
    format!("patron {} process {process} {}", &id[..8], host.trim())
}

/// What one try to take the fence for the first time came to.
enum Entered {
    Holds(Session),
    HeldBy(Option<Holder>),
}

struct Post {
    target: Target,
    mode: Mode,
    name: String,
    /// How long another server is waited for.
    wait: Duration,
    epoch: Epoch,
    held: Gauge,
}

impl Post {
    /// Takes the fence for the first time.
    async fn enter(&self) -> Result<Session, FenceError> {
        let wait = self.wait;
        let start = Instant::now();
        let mut waiting = None;
        let mut said = false;
        loop {
            match self.first(&mut waiting).await {
                Ok(Entered::Holds(session)) => return Ok(session),
                Err(FenceError::Store(error)) if start.elapsed() < wait => {
                    tracing::debug!(error.cause = %error, "the session that waits for the fence broke");
                }
                Err(error) => return Err(error),
                Ok(Entered::HeldBy(holder)) if start.elapsed() >= wait => {
                    return Err(match self.mode {
                        Mode::Alone => FenceError::Held(holder),
                        Mode::Shared => FenceError::HeldAlone(holder),
                    });
                }
                Ok(Entered::HeldBy(holder)) => {
                    if !said {
                        let holder = holder_text(holder.as_ref());
                        tracing::warn!(
                            fence.holder = holder,
                            "another server uses this database: waiting for it to stop"
                        );
                        said = true;
                    }
                }
            }
            tokio::time::sleep(TRY.min(wait)).await;
        }
    }

    /// Tries once, in the session that waits; without one, or when it breaks, the next try is in another one.
    async fn first(&self, waiting: &mut Option<Session>) -> Result<Entered, FenceError> {
        let mut session = match waiting.take() {
            Some(session) => session,
            None => Session::open(&self.target, &self.name).await?,
        };
        match session.take(self.mode).await? {
            Attempt::Taken => match session.look(&self.epoch).await? {
                Hold::Held => Ok(Entered::Holds(session)),
                Hold::Released | Hold::Overtaken => Err(FenceError::NoSession),
            },
            Attempt::HeldBy(holder) => {
                *waiting = Some(session);
                Ok(Entered::HeldBy(holder))
            }
        }
    }

    /// Holds the fence, whatever becomes of the session. Returns when it is another process's.
    async fn guard(
        &self,
        session: &mut Option<Session>,
        raises: &mut mpsc::Receiver<Raise>,
    ) -> FenceError {
        let mut look = tokio::time::interval(LOOK);
        look.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        // Where the epoch is to be raised once the database takes writes: what others had written.
        let mut unraised: Option<Mark> = None;
        loop {
            tokio::select! {
                _ = look.tick() => {}
                Some(raise) = raises.recv() => {
                    let outcome = match session {
                        Some(session) => self.raise_or_mark(session, &mut unraised).await,
                        None => Err(FenceError::NoSession),
                    };
                    // The caller may have given up; a session that broke is found next.
                    let _ = raise.send(outcome);
                }
            }
            let hold = match session {
                Some(session) => session.look(&self.epoch).await,
                None => Ok(Hold::Released),
            };
            match hold {
                Ok(Hold::Held) => match self.leave_read_only(session, &mut unraised).await {
                    Ok(()) => continue,
                    Err(FenceError::Store(error)) => {
                        tracing::warn!(error.cause = %error, "the session that holds the fence broke: taking it again");
                    }
                    Err(lost) => return lost,
                },
                Ok(Hold::Overtaken) => return FenceError::Lost(None),
                Ok(Hold::Released) => {
                    tracing::warn!("the database gave the fence away: taking it again");
                }
                Err(error) => {
                    tracing::warn!(error.cause = %error, "the session that holds the fence broke: taking it again");
                }
            }
            *session = None;
            self.held.set(0);
            match self.retake().await {
                Ok(retaken) => *session = Some(retaken),
                Err(lost) => return lost,
            }
            self.held.set(1);
            tracing::info!("the fence is held again");
        }
    }

    /// Raises the epoch, once the transactions of others have ended.
    async fn raise(&self, session: &mut Session) -> Result<(), FenceError> {
        let start = Instant::now();
        loop {
            let raised = match self.mode {
                Mode::Alone => session.raise(&self.epoch).await?,
                Mode::Shared => session.join(&self.epoch).await?,
            };
            match raised {
                Raised::Now(epoch) => {
                    tracing::info!(fence.epoch = epoch, "this process may write");
                    return Ok(());
                }
                Raised::ReadOnly => return Err(FenceError::ReadOnly),
                Raised::WaitsFor(writers) if start.elapsed() >= self.wait => {
                    return Err(FenceError::Writing(writers));
                }
                Raised::WaitsFor(writers) => {
                    let sessions = sessions_text(&writers);
                    tracing::warn!(
                        fence.writers = sessions,
                        "transactions of another server still run: waiting for their end"
                    );
                }
            }
        }
    }

    /// Takes the fence again, as soon as the database lets us.
    async fn retake(&self) -> Result<Session, FenceError> {
        let mut pause = RECONNECT.0;
        let mut said = Instant::now();
        loop {
            match self.try_again().await {
                Err(FenceError::Store(error)) if said.elapsed() >= SAY => {
                    tracing::warn!(error.cause = %error, "the fence is not held and cannot be taken again; it is tried again");
                    said = Instant::now();
                }
                Err(FenceError::Store(_)) => {}
                done => return done,
            }
            tokio::time::sleep(pause).await;
            pause = RECONNECT.1.min(pause * 2);
        }
    }

    async fn try_again(&self) -> Result<Session, FenceError> {
        // A pooler may have left session mode since the start. Whatever else is in the way of a probe, the next steps meet it too.
        if let Err(ProbeError::SharedSessions) = probe::probe(&self.target, PROBE_LIMIT).await {
            return Err(FenceError::NoSession);
        }
        let mut session = Session::open(&self.target, &self.name).await?;
        loop {
            let holder = match session.take(self.mode).await? {
                Attempt::Taken => return self.unless_overtaken(session).await,
                Attempt::HeldBy(holder) => holder,
            };
            match holder {
                // Ours, on a connection that broke without the database noticing.
                Some(own) if self.is_own(&own) => session.end(&own).await?,
                // It ended while we looked.
                None => {}
                Some(other) => return Err(FenceError::Lost(Some(other))),
            }
            tokio::time::sleep(RECONNECT.0).await;
        }
    }

    /// Whether another process had the fence meanwhile and gave it back, or the database is not what this process took: memory may hold what
    /// the database never had.
    async fn unless_overtaken(&self, mut session: Session) -> Result<Session, FenceError> {
        match session.look(&self.epoch).await? {
            Hold::Held => Ok(session),
            Hold::Released => Err(FenceError::NoSession),
            Hold::Overtaken => Err(FenceError::Lost(None)),
        }
    }

    fn is_own(&self, holder: &Holder) -> bool {
        // The database cuts long names, and a pooler may append an address.
        let shown = &*holder.application_name;
        !shown.is_empty() && (self.name.starts_with(shown) || shown.starts_with(&self.name))
    }
}
