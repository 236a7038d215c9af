//! The network between a service and its database, which a test can break.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use sqlx::postgres::PgConnectOptions;
use tokio::io::copy_bidirectional;
use tokio::net::{TcpListener, TcpStream, UnixStream};
use tokio::sync::broadcast;
use tokio::task::JoinSet;

/// What becomes of the connections that are open.
#[derive(Debug, Clone, Copy)]
enum Order {
    /// They are closed.
    Sever,
    /// They stay open, and no byte passes any more.
    Silence,
    /// The same for the client; the database sees the end.
    Vanish,
}

/// Passes connections on to a database. Dropping it closes them.
pub(crate) struct Proxy {
    /// The database, by way of the proxy.
    pub(crate) url: String,
    orders: broadcast::Sender<Order>,
    gone: Arc<AtomicBool>,
    _passing: JoinSet<()>,
}

impl Proxy {
    pub(crate) async fn start(database_url: &str) -> Self {
        let target: PgConnectOptions = database_url.parse().unwrap();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let user = target.get_username().to_owned();
        let name = target.get_database().unwrap().to_owned();
        let orders = broadcast::Sender::new(8);
        let mut passing = JoinSet::new();
        let gone = Arc::new(AtomicBool::new(false));
        passing.spawn(pass(listener, target, orders.clone(), Arc::clone(&gone)));
        Self {
            url: format!("postgres://{user}@127.0.0.1:{port}/{name}?sslmode=disable"),
            orders,
            gone,
            _passing: passing,
        }
    }

    /// Closes the connections that are open. New ones pass.
    pub(crate) fn sever(&self) {
        self.orders.send(Order::Sever).unwrap();
    }

    /// Lets no byte pass on the connections that are open. New ones pass: as when another server has taken the name over.
    pub(crate) fn silence(&self) {
        self.orders.send(Order::Silence).unwrap();
    }

    /// Lets no byte pass any more, on no connection: as when the machine has vanished.
    pub(crate) fn vanish(&self) {
        self.gone.store(true, Ordering::SeqCst);
        // Nobody may be connected.
        let _ = self.orders.send(Order::Vanish);
    }

    /// The database by way of this proxy, or else of another one.
    pub(crate) fn with_other(&self, other: &Self) -> String {
        let address = |url: &str| {
            url.split('@')
                .nth(1)
                .unwrap()
                .split('/')
                .next()
                .unwrap()
                .to_owned()
        };
        let (own, other) = (address(&self.url), address(&other.url));
        self.url.replace(&own, &format!("{own},{other}"))
    }
}

async fn pass(
    listener: TcpListener,
    target: PgConnectOptions,
    orders: broadcast::Sender<Order>,
    gone: Arc<AtomicBool>,
) {
    let socket = target
        .get_socket()
        .map(|folder| folder.join(format!(".s.PGSQL.{}", target.get_port())));
    let host = format!("{}:{}", target.get_host(), target.get_port());
    let mut open = JoinSet::new();
    loop {
        if let Ok((client, _)) = listener.accept().await {
            if gone.load(Ordering::SeqCst) {
                open.spawn(async move {
                    let _held = client;
                    std::future::pending::<()>().await;
                });
                continue;
            }
            let (socket, host) = (socket.clone(), host.clone());
            open.spawn(obey(client, socket, host, orders.subscribe()));
        }
    }
}

/// One connection.
async fn obey(
    mut client: TcpStream,
    socket: Option<PathBuf>,
    host: String,
    mut orders: broadcast::Receiver<Order>,
) {
    let order = if let Some(path) = socket {
        let Ok(mut server) = UnixStream::connect(path).await else {
            return;
        };
        tokio::select! {
            _ = copy_bidirectional(&mut client, &mut server) => return,
            order = orders.recv() => keep_silent(order, server).await,
        }
    } else {
        let Ok(mut server) = TcpStream::connect(host).await else {
            return;
        };
        tokio::select! {
            _ = copy_bidirectional(&mut client, &mut server) => return,
            order = orders.recv() => keep_silent(order, server).await,
        }
    };
    if matches!(order, Ok(Order::Vanish)) {
        std::future::pending::<()>().await;
    }
}

/// Both connections stay open, and nobody works for them, if that is the order.
async fn keep_silent<S>(
    order: Result<Order, broadcast::error::RecvError>,
    server: S,
) -> Result<Order, broadcast::error::RecvError> {
    if matches!(order, Ok(Order::Silence)) {
        std::future::pending::<()>().await;
    }
    drop(server);
    order
}
