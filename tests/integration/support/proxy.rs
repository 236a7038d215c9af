//! The network between a service and its database, which a test can break.

use std::path::PathBuf;

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
}

/// Passes connections on to a database. Dropping it closes them.
pub(crate) struct Proxy {
    /// The database, by way of the proxy.
    pub(crate) url: String,
    orders: broadcast::Sender<Order>,
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
        passing.spawn(pass(listener, target, orders.clone()));
        Self {
            url: format!("postgres://{user}@127.0.0.1:{port}/{name}?sslmode=disable"),
            orders,
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
}

async fn pass(listener: TcpListener, target: PgConnectOptions, orders: broadcast::Sender<Order>) {
    let socket = target
        .get_socket()
        .map(|folder| folder.join(format!(".s.PGSQL.{}", target.get_port())));
    let host = format!("{}:{}", target.get_host(), target.get_port());
    let mut open = JoinSet::new();
    loop {
        if let Ok((client, _)) = listener.accept().await {
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
    let joined = async {
        if let Some(path) = socket {
            let mut server = UnixStream::connect(path).await?;
            copy_bidirectional(&mut client, &mut server).await
        } else {
            let mut server = TcpStream::connect(host).await?;
            copy_bidirectional(&mut client, &mut server).await
        }
    };
    let mut joined = std::pin::pin!(joined);
    tokio::select! {
        _ = &mut joined => {}
        order = orders.recv() => if matches!(order, Ok(Order::Silence)) {
            // Both connections stay open, and nobody works for them.
            std::future::pending::<()>().await;
        }
    }
}
