//! Imports by way of a proxy, as nginx is one: pages where the server is away, and an end to streams that are too long for it.

use std::convert::Infallible;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll};

use bytes::Bytes;
use http::{Request, Response, StatusCode};
use http_body::Frame;
use tokio::net::TcpListener;
use tokio_stream::wrappers::TcpListenerStream;
use tonic::Status;
use tonic::body::Body;
use tonic::transport::{Channel, Endpoint, Server};
use tower::{Service, ServiceExt as _};

use super::{Office, Printed};

/// What a proxy does to streams of facts.
struct Rules {
    /// So many get a page.
    pages: AtomicUsize,
    status: StatusCode,
    /// Bytes after which one is reset.
    longest: usize,
    /// Streams that were.
    reset: AtomicUsize,
}

impl Rules {
    fn pages(count: usize, status: StatusCode) -> Arc<Self> {
        Arc::new(Self {
            pages: AtomicUsize::new(count),
            status,
            longest: usize::MAX,
            reset: AtomicUsize::new(0),
        })
    }

    /// Whether this stream gets a page.
    fn take_page(&self) -> bool {
        let less = |pages: usize| pages.checked_sub(1);
        let order = Ordering::SeqCst;
        self.pages.fetch_update(order, order, less).is_ok()
    }

    fn page(&self) -> Response<Body> {
        let page = http_body_util::Full::new(Bytes::from_static(b"<html>nginx</html>"));
        let answer = Response::builder().status(self.status);
        let answer = answer.header("content-type", "text/html");
        answer.body(Body::new(page)).unwrap()
    }
}

/// The proxy.
#[derive(Clone)]
struct Proxy {
    server: Channel,
    rules: Arc<Rules>,
}

impl Service<Request<Body>> for Proxy {
    type Response = Response<Body>;
    type Error = Infallible;
    type Future = Pin<Box<dyn Future<Output = Result<Response<Body>, Infallible>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<Body>) -> Self::Future {
        let Self { server, rules } = self.clone();
        let is_stream = request.uri().path().ends_with("/StreamFacts");
        Box::pin(async move {
            if is_stream && rules.take_page() {
                return Ok(rules.page());
            }
            let limited = |body| Limited {
                body,
                left: rules.longest,
                rules: Arc::clone(&rules),
            };
            let request = request.map(|body| Body::new(limited(body)));
            Ok(match server.oneshot(request).await {
                Ok(answer) => answer,
                Err(_) => rules.page(),
            })
        })
    }
}

/// A body that breaks after so many bytes.
struct Limited {
    body: Body,
    left: usize,
    rules: Arc<Rules>,
}

impl http_body::Body for Limited {
    type Data = Bytes;
    type Error = Status;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Status>>> {
        let frame = std::task::ready!(Pin::new(&mut self.body).poll_frame(cx));
        let bytes = match &frame {
            Some(Ok(frame)) => frame.data_ref().map_or(0, Bytes::len),
            _ => 0,
        };
        if bytes > self.left {
            self.rules.reset.fetch_add(1, Ordering::SeqCst);
            return Poll::Ready(Some(Err(Status::internal("too large"))));
        }
        self.left -= bytes;
        Poll::Ready(frame)
    }
}

/// Imports transactions by way of a proxy.
async fn import(office: &Office, rules: Arc<Rules>, rows: usize) -> Printed {
    let endpoint = Endpoint::from_shared(office.service.app.endpoint()).unwrap();
    let proxy = Proxy {
        server: endpoint.connect().await.unwrap(),
        rules,
    };
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = format!("http://{}", listener.local_addr().unwrap());
    let serving = Server::builder().serve_with_incoming(proxy, TcpListenerStream::new(listener));
    let serving = tokio::spawn(serving);
    let rows = (0..rows).map(|row| {
        let customer = row % 500;
        format!(
            "customer-{customer},2026-03-01,5,a-long-id-of-a-transaction-{row:08},{:60}\n",
            "x"
        )
    });
    let header = "customer_id,date,amount,transaction_id,category\n";
    let text = header.to_owned() + &rows.collect::<String>();
    let path = office.path("f.csv");
    std::fs::write(&path, text).unwrap();
    let line = [
        "import",
        "transactions",
        &path,
        "--json",
        "--endpoint",
        &address,
        "--currency",
        "EUR",
    ];
    let printed = crate::support::program::run(&line).await.into();
    serving.abort();
    printed
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_import_goes_on_when_the_server_is_back_behind_its_proxy() {
    let office = Office::open().await;
    for status in [StatusCode::BAD_GATEWAY, StatusCode::SERVICE_UNAVAILABLE] {
        let printed = import(&office, Rules::pages(2, status), 1).await;
        assert_eq!(printed.code, Some(0), "{}", printed.notes);
        let summary = printed.summary();
        assert_eq!(summary["retried_calls"], 2, "{summary}");
        assert_eq!(
            summary["written"].as_u64().unwrap() + summary["duplicates"].as_u64().unwrap(),
            1
        );
    }
    assert_eq!(office.booked().await.len(), 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn streams_that_are_too_long_for_a_proxy_are_cut_into_shorter_ones() {
    let office = Office::open().await;
    let rules = Arc::new(Rules {
        // Two batches fit, and each lane has three or more.
        longest: 300_000,
        ..Arc::into_inner(Rules::pages(0, StatusCode::PAYLOAD_TOO_LARGE)).unwrap()
    });
    let printed = import(&office, Arc::clone(&rules), 14_000).await;
    assert_eq!(printed.code, Some(0), "{}", printed.notes);
    assert!(
        rules.reset.load(Ordering::SeqCst) > 0,
        "no stream was too long"
    );
    let booked = office.booked().await;
    assert_eq!(booked.len(), 14_000);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_batch_that_a_proxy_takes_in_no_way_is_said_with_what_to_do() {
    let office = Office::open().await;
    let rules = Rules::pages(usize::MAX, StatusCode::PAYLOAD_TOO_LARGE);
    let printed = import(&office, rules, 1).await;
    assert_eq!(printed.code, Some(1));
    for part in [
        "client_max_body_size",
        "413",
        "stopped before a row was written",
    ] {
        assert!(printed.notes.contains(part), "{}", printed.notes);
    }
}
