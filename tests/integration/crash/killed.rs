//! kill -9 in the middle of ingest: what was acknowledged is there, and sending everything again gives the exact sums.

use std::collections::BTreeSet;
use std::path::Path;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use patron::generate::random::Random;
use patron::pb;
use patron::pb::customer_service_client::CustomerServiceClient;
use patron::pb::ingest_service_client::IngestServiceClient;
use patron::pb::item_result::Outcome;
use tonic::transport::Channel;

use crate::support::messages::{by_id, call, purchase, refund};
use crate::support::place;
use crate::support::server::Server;

/// Kills in a plain test run; the wrapper's own tests kill the database too.
const ROUNDS: u64 = 6;

/// Kills: `PATRON_KILLS`, of which `make test-faults` wants more, else [`ROUNDS`].
fn rounds() -> u64 {
    std::env::var("PATRON_KILLS").map_or(ROUNDS, |text| text.parse().unwrap())
}
/// Customers in a plain test run.
const CUSTOMERS: usize = 20;
/// Purchases of a customer, of distinct powers of two.
const BITS: usize = 40;
/// The purchase of each customer that is paid back.
const REFUNDED: usize = 7;
const CLIENTS: usize = 3;
const BATCH: usize = 10;
/// Most facts of a call.
const MAX_BATCH: usize = 1_000;
/// Acknowledged facts that are looked for after a kill.
const CHECKED: usize = 1_000;

/// So many that a round more always finds something to send.
fn customer_count() -> usize {
    CUSTOMERS.max(2 * usize::try_from(rounds()).unwrap())
}

/// Every fact there is, each with the number by which acknowledgements name it.
fn facts() -> Vec<pb::Transaction> {
    let mut facts = vec![];
    for customer in (0..customer_count()).map(|at| format!("c{at}")) {
        for bit in 0..BITS {
            let day = format!("2026-{:02}-{:02}", 1 + bit % 9, 1 + bit % 28);
            facts.push(purchase(&customer, &bit.to_string(), &day, 1 << bit));
        }
        let original = REFUNDED.to_string();
        facts.push(refund(
            &customer,
            "back",
            &original,
            "2026-10-01",
            1 << REFUNDED,
        ));
    }
    facts
}

async fn connect(server: &Server) -> IngestServiceClient<Channel> {
    IngestServiceClient::connect(server.endpoint.clone())
        .await
        .unwrap()
}

/// Sends some facts; the outcomes, or nothing if the server went away.
async fn send(
    client: &mut IngestServiceClient<Channel>,
    facts: &[pb::Transaction],
    some: &[usize],
) -> Option<Vec<Outcome>> {
    let transactions = some.iter().map(|&at| facts[at].clone()).collect();
    let request = pb::IngestTransactionsRequest {
        transactions,
        ..Default::default()
    };
    let results = client.ingest_transactions(request).await.ok()?;
    let results = results.into_inner().results;
    Some(results.iter().map(pb::ItemResult::outcome).collect())
}

/// What the clients of a run share.
struct Run {
    facts: Vec<pb::Transaction>,
    acknowledged: Mutex<BTreeSet<usize>>,
    /// Acknowledged calls of the round.
    calls: AtomicUsize,
}

impl Run {
    /// Facts that are not acknowledged, at most so many, in a random order, with some replays.
    fn next(&self, random: &mut Random) -> Vec<usize> {
        let acknowledged = self.acknowledged.lock().unwrap();
        let open = 0..self.facts.len();
        let mut open: Vec<usize> = open.filter(|at| !acknowledged.contains(at)).collect();
        random.shuffle(&mut open);
        open.truncate(BATCH);
        open.push(random.below(self.facts.len()));
        open.push(open[0]);
        open
    }

    /// Sends until the server goes away or everything is acknowledged.
    async fn ingest(&self, mut client: IngestServiceClient<Channel>, mut random: Random) {
        loop {
            let some = self.next(&mut random);
            let Some(outcomes) = send(&mut client, &self.facts, &some).await else {
                return;
            };
            assert!(outcomes.iter().all(|&it| it != Outcome::Refused));
            let mut acknowledged = self.acknowledged.lock().unwrap();
            acknowledged.extend(some);
            self.calls.fetch_add(1, Ordering::Relaxed);
            if acknowledged.len() == self.facts.len() {
                return;
            }
        }
    }

    /// One life of the server: what was acknowledged in earlier ones is there; then it is killed after some calls, with others under way.
    async fn live_and_die(&self, data: &Path, round: u64) {
        let server = Server::start(&["--data-dir", data.to_str().unwrap()]);
        let mut client = connect(&server).await;
        let mut random = Random::seeded(round);
        let mut before: Vec<usize> = self.acknowledged.lock().unwrap().iter().copied().collect();
        // With many rounds a sample: the sums at the end are of everything.
        random.shuffle(&mut before);
        before.truncate(CHECKED);
        for some in before.chunks(100) {
            let outcomes = send(&mut client, &self.facts, some).await.unwrap();
            let lost = outcomes.iter().zip(some);
            let lost: Vec<_> = lost.filter(|it| *it.0 != Outcome::Duplicate).collect();
            assert!(lost.is_empty(), "round {round}: {lost:?}");
        }
        self.calls.store(0, Ordering::Relaxed);
        let kill_after = 2 + random.below(6);
        let clients = (0..CLIENTS).map(|at| {
            let random = Random::seeded(100 * round + at as u64);
            self.ingest(client.clone(), random)
        });
        let clients = futures_util::future::join_all(clients);
        let killer = async {
            crate::support::until("calls are acknowledged", async || {
                self.calls.load(Ordering::Relaxed) >= kill_after
            })
            .await;
            server.kill();
        };
        tokio::join!(clients, killer);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn kills_in_the_middle_of_ingest_lose_nothing_that_was_acknowledged_and_double_nothing() {
    let place = place();
    let run = Run {
        facts: facts(),
        acknowledged: Mutex::default(),
        calls: AtomicUsize::new(0),
    };
    for round in 0..rounds() {
        run.live_and_die(place.path(), round).await;
    }
    let acknowledged = run.acknowledged.lock().unwrap().len();
    assert!(
        acknowledged > 100 && acknowledged < run.facts.len(),
        "every round was killed at work: {acknowledged} acknowledged"
    );

    let server = Server::start(&["--data-dir", place.path().to_str().unwrap()]);
    let mut client = connect(&server).await;
    let all: Vec<usize> = (0..run.facts.len()).collect();
    for some in all.chunks(MAX_BATCH) {
        send(&mut client, &run.facts, some).await.unwrap();
    }
    for some in all.chunks(MAX_BATCH) {
        let again = send(&mut client, &run.facts, some).await.unwrap();
        assert!(again.iter().all(|&it| it == Outcome::Duplicate));
    }
    client
        .ingest_contacts(pb::IngestContactsRequest {
            contacts: vec![call("c0", "1", "2026-01-01")],
            ..Default::default()
        })
        .await
        .unwrap();
    let customers = CustomerServiceClient::connect(server.endpoint.clone()).await;
    let mut customers = customers.unwrap();
    for at in 0..customer_count() {
        let request = pb::GetCustomerRequest {
            subject: Some(by_id(&format!("c{at}"))),
            ..Default::default()
        };
        let known = customers
            .get_customer(request)
            .await
            .unwrap()
            .into_inner()
            .customer
            .unwrap();
        let days = known.purchase_days.iter();
        let amounts = days
            .clone()
            .map(|it| it.amount.clone().unwrap().amount_minor);
        let expected = ((1_i64 << BITS) - 1) - (1 << REFUNDED);
        assert_eq!(amounts.sum::<i64>(), expected, "c{at}");
        let count: i32 = days.map(|it| it.count).sum();
        assert_eq!(usize::try_from(count).unwrap(), BITS - 1, "c{at}");
        assert_eq!(known.unmatched_refund_count, 0, "c{at}");
    }
    let (status, said) = server.terminate();
    assert_eq!(status.code(), Some(0), "{said:#?}");
}
