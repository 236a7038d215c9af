use std::cell::Cell;
use std::net::Ipv4Addr;
use std::rc::Rc;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::UnixStream;
use tokio::task::{LocalSet, spawn_local, yield_now};
use tokio_util::sync::CancellationToken;

use super::*;
use crate::grpc::layers::peer::{Peer, PeerLimits, Peers, site};
use crate::metrics::Metrics;

const FLOOD: IpAddr = IpAddr::V4(Ipv4Addr::new(10, 0, 0, 1));
const OTHER: IpAddr = IpAddr::V4(Ipv4Addr::new(10, 0, 0, 2));
/// Bytes of a call.
const CALL: usize = 100;

fn connect(peers: &Peers, address: IpAddr) -> Arc<Peer> {
    let peer = peers.connect(&CancellationToken::new(), &CancellationToken::new());
    peer.set_address(address);
    peer
}

fn peers() -> Peers {
    Peers::new(PeerLimits::default(), Metrics::new([]).peers.clone())
}

fn may_read(peer: &Peer, reader: &mut Reader) -> Poll<usize> {
    peer.poll_may_read(reader, &Context::from_waker(Waker::noop()))
}

/// Two callers call, the second one last.
fn both(peers: &Peers) -> (Arc<Peer>, Arc<Peer>) {
    let (flood, other) = (connect(peers, FLOOD), connect(peers, OTHER));
    flood.note_call();
    other.note_call();
    (flood, other)
}

#[tokio::test]
async fn a_caller_alone_is_read_without_limit() {
    let peers = peers();
    let connections = [connect(&peers, FLOOD), connect(&peers, FLOOD)];
    for peer in connections.iter().cycle().take(100) {
        peer.note_call();
        let mut reader = Reader::default();
        assert_eq!(may_read(peer, &mut reader), Poll::Ready(usize::MAX));
        reader.note(64 * 1024, false);
    }
}

#[tokio::test(start_paused = true)]
async fn of_two_callers_each_has_a_turn_in_a_round_over_all_its_connections() {
    let peers = peers();
    let (flood, other) = both(&peers);
    let second = connect(&peers, FLOOD);
    let mut readers = [Reader::default(), Reader::default(), Reader::default()];
    for _ in 0..3 {
        assert_eq!(may_read(&flood, &mut readers[0]), Poll::Ready(TURN_BYTES));
        readers[0].note(TURN_BYTES - CALL, false);
        assert_eq!(may_read(&second, &mut readers[1]), Poll::Ready(CALL));
        readers[1].note(CALL, false);
        assert_eq!(may_read(&flood, &mut readers[0]), Poll::Pending);
        assert_eq!(may_read(&second, &mut readers[1]), Poll::Pending);
        assert_eq!(may_read(&other, &mut readers[2]), Poll::Ready(TURN_BYTES));
        readers[2].note(CALL, false);
        // The runtime has nothing else to do: the next round.
        yield_now().await;
    }
    tokio::time::advance(TOGETHER / 2).await;
    flood.note_call();
    assert_eq!(may_read(&flood, &mut readers[0]), Poll::Ready(TURN_BYTES));
    tokio::time::advance(TOGETHER).await;
    flood.note_call();
    assert_eq!(
        may_read(&flood, &mut readers[0]),
        Poll::Ready(usize::MAX),
        "alone again"
    );
}

#[tokio::test]
async fn an_identity_has_one_turn_whatever_its_addresses() {
    let peers = peers();
    let (first, other) = both(&peers);
    let second = connect(&peers, OTHER);
    for peer in [&first, &second] {
        peer.set_identity("crm");
    }
    other.set_identity("telephony");
    let mut readers = [Reader::default(), Reader::default(), Reader::default()];
    assert_eq!(may_read(&first, &mut readers[0]), Poll::Ready(TURN_BYTES));
    readers[0].note(TURN_BYTES, false);
    assert_eq!(may_read(&second, &mut readers[1]), Poll::Pending);
    assert_eq!(may_read(&other, &mut readers[2]), Poll::Ready(TURN_BYTES));
    second.set_identity("telephony");
    assert_eq!(may_read(&second, &mut readers[1]), Poll::Ready(TURN_BYTES));
}

/// A connection with so many calls in its socket: each turn of its task reads as far as it may, and what it reads is worked on by tasks.
async fn read_all(peer: Arc<Peer>, mut calls: usize, answered: Rc<Cell<usize>>) {
    let mut reader = Reader::default();
    std::future::poll_fn(move |cx| {
        let mut begun = 0;
        while calls > 0 {
            let Poll::Ready(most) = peer.poll_may_read(&mut reader, cx) else {
                break;
            };
            let bytes = most.min(16 * 1024).min(calls * CALL);
            reader.note(bytes, false);
            let read = bytes.div_ceil(CALL).min(calls);
            (calls, begun) = (calls - read, begun + read);
        }
        for _ in 0..begun {
            let answered = Rc::clone(&answered);
            spawn_local(async move { answered.set(answered.get() + 1) });
        }
        if calls > 0 {
            Poll::Pending
        } else {
            Poll::Ready(())
        }
    })
    .await;
}

/// How many calls of a flood are answered while one call of another address waits.
async fn wait_next_to_a_flood(address: IpAddr) -> usize {
    const CONNECTIONS: usize = 8;
    const CALLS: usize = 1000;
    const BEFORE: usize = 200;
    let peers = peers();
    let other = connect(&peers, address);
    connect(&peers, FLOOD).note_call();
    other.note_call();
    let answered = Rc::new(Cell::new(0));
    let (mut client, mut server) = UnixStream::pair().unwrap();
    let mut tasks = vec![];
    for _ in 0..CONNECTIONS {
        let peer = connect(&peers, FLOOD);
        tasks.push(spawn_local(read_all(peer, CALLS, Rc::clone(&answered))));
    }
    let seen = Rc::clone(&answered);
    let call = spawn_local(async move {
        let mut byte = [0];
        server.read_exact(&mut byte).await.unwrap();
        let mut reader = Reader::default();
        let read = std::future::poll_fn(|cx| other.poll_may_read(&mut reader, cx));
        assert!(read.await >= CALL);
        reader.note(CALL, false);
        seen.get()
    });
    while answered.get() < BEFORE {
        yield_now().await;
    }
    let before = answered.get();
    client.write_all(&[1]).await.unwrap();
    let waited = call.await.unwrap() - before;
    for task in tasks {
        task.await.unwrap();
    }
    yield_now().await;
    assert_eq!(answered.get(), CONNECTIONS * CALLS, "all are answered");
    waited
}

#[tokio::test]
async fn a_call_waits_for_a_few_of_a_flood_and_not_for_all_of_it() {
    LocalSet::new()
        .run_until(async {
            let waited = wait_next_to_a_flood(OTHER).await;
            assert!(waited <= 3 * TURN_BYTES / CALL, "{waited} calls");
            let alone = wait_next_to_a_flood(FLOOD).await;
            assert!(alone >= 1000, "the same caller: {alone} calls");
        })
        .await;
}

#[tokio::test]
async fn a_connection_that_goes_while_it_waits_lets_the_next_one_follow() {
    let peers = peers();
    let (flood, _other) = both(&peers);
    let mut first = Reader::default();
    assert_eq!(may_read(&flood, &mut first), Poll::Ready(TURN_BYTES));
    first.note(TURN_BYTES, false);
    let woken = Arc::new(Woken::default());
    let waker = Waker::from(Arc::clone(&woken));
    let mut readers: Vec<Reader> = (0..2).map(|_| Reader::default()).collect();
    for reader in &mut readers {
        let pending = flood.poll_may_read(reader, &Context::from_waker(&waker));
        assert_eq!(pending, Poll::Pending);
    }
    yield_now().await;
    assert_eq!(woken.0.load(Ordering::SeqCst), 1);
    readers.remove(0);
    assert_eq!(woken.0.load(Ordering::SeqCst), 2);
}

#[test]
fn a_round_that_nobody_ends_begins_all_the_same() {
    let peers = peers();
    let (flood, _other) = both(&peers);
    let caller = flood.caller.load();
    let round = &caller.rounds[0];
    // As after the last connection of a round went without having read.
    round.left.store(0, Ordering::SeqCst);
    let mut reader = Reader::default();
    assert_eq!(may_read(&flood, &mut reader), Poll::Pending);
    peers.look(Instant::now());
    assert_eq!(may_read(&flood, &mut reader), Poll::Ready(TURN_BYTES));
}

/// Counts how often it is woken.
#[derive(Default)]
struct Woken(AtomicUsize);

impl Wake for Woken {
    fn wake(self: Arc<Self>) {
        self.0.fetch_add(1, Ordering::SeqCst);
    }
}

/// Connections of one caller that always have more to read, until so many turns were taken.
async fn read_alike(connections: usize) {
    const TURNS: usize = 2000;
    let peers = peers();
    let (flood, _other) = both(&peers);
    let read: Arc<Vec<AtomicUsize>> = Arc::new((0..connections).map(|_| 0.into()).collect());
    let mut tasks = tokio::task::JoinSet::new();
    for at in 0..connections {
        let (peer, read) = (Arc::clone(&flood), Arc::clone(&read));
        let mut reader = Reader::default();
        tasks.spawn(std::future::poll_fn(move |cx| {
            while let Poll::Ready(bytes) = peer.poll_may_read(&mut reader, cx) {
                assert!(bytes < usize::MAX, "alone");
                read[at].fetch_add(bytes, Ordering::SeqCst);
                reader.note(bytes, false);
            }
            Poll::<()>::Pending
        }));
    }
    let read = || -> Vec<usize> {
        read.iter()
            .map(|read| read.load(Ordering::SeqCst))
            .collect()
    };
    while read().iter().sum::<usize>() < TURNS * TURN_BYTES {
        yield_now().await;
    }
    let read = read();
    let (least, most) = (read.iter().min().unwrap(), read.iter().max().unwrap());
    assert!(most - least <= 3 * TURN_BYTES, "{read:?}");
}

#[tokio::test]
async fn connections_of_one_caller_that_always_have_more_are_read_alike() {
    for connections in [2, 8, 16] {
        read_alike(connections).await;
    }
}

/// This runtime runs first what was woken last.
#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn they_are_read_alike_on_a_runtime_with_threads() {
    for connections in [2, 8, 16] {
        tokio::spawn(read_alike(connections)).await.unwrap();
    }
}

#[tokio::test]
async fn of_a_large_message_more_is_read_in_a_turn() {
    let peers = peers();
    let (flood, _other) = both(&peers);
    let mut reader = Reader::default();
    let mut message = flood.request().unwrap();
    message.grow(64 * 1024).unwrap();
    let turn = TURN_BYTES * MESSAGE_BYTES_AS_ONE;
    assert_eq!(may_read(&flood, &mut reader), Poll::Ready(turn));
    flood.note_bytes(&mut reader, turn);
    assert_eq!(may_read(&flood, &mut reader), Poll::Pending);
    // Many calls are charged for as much, and none is large.
    let (other, _flood) = both(&self::peers());
    let call = || {
        let mut call = other.request().unwrap();
        call.grow(60).unwrap();
        call
    };
    let _calls: Vec<_> = (0..256).map(|_| call()).collect();
    let allowed = may_read(&other, &mut Reader::default());
    assert_eq!(allowed, Poll::Ready(TURN_BYTES));
    message.complete();
    drop(message);
    assert_eq!(flood.large_bytes.load(Ordering::SeqCst), 0);
}

#[test]
fn the_fewer_places_are_free_the_fewer_has_one_caller() {
    const ALL: u64 = 170;
    let peers = peers();
    let (flood, other) = both(&peers);
    let mut places = vec![];
    let mut fill = |peer: &Arc<Peer>| {
        let before = places.len();
        while let Ok(place) = peer.place(ALL - places.len() as u64) {
            places.push(place);
        }
        places.len() - before
    };
    // Eight for each that is free: 152 to 18.
    assert_eq!(fill(&flood), 152);
    let own = fill(&other);
    assert!((16..=17).contains(&own), "{own}");
    assert_eq!(fill(&flood), 0);
    places.clear();
    loop {
        let free = ALL - places.len() as u64;
        let taken = [&flood, &other].map(|peer| peer.place(free).ok());
        if taken.iter().all(Option::is_none) {
            break;
        }
        places.extend(taken.into_iter().flatten());
    }
    // Of two that want all, each has eight seventeenths.
    let share = |peer: &Arc<Peer>| peer.caller.load().places.load(Ordering::SeqCst);
    assert_eq!((share(&flood), share(&other)), (80, 80));
}

#[test]
fn a_host_is_one_caller_whichever_of_its_addresses_it_takes() {
    let parse = |text: &str| site(text.parse().unwrap());
    assert_eq!(parse("2001:db8:1:2::3"), parse("2001:db8:1:2:ffff::4"));
    assert_ne!(parse("2001:db8:1:2::3"), parse("2001:db8:1:3::3"));
    assert_eq!(parse("::ffff:10.0.0.1"), parse("10.0.0.1"));
    assert_ne!(parse("10.0.0.1"), parse("10.0.0.2"));
}

#[test]
fn callers_that_are_gone_are_forgotten() {
    let peers = peers();
    for number in 0..1000_u32 {
        let peer = connect(&peers, IpAddr::from(number.to_be_bytes()));
        peer.set_identity(&format!("caller {number}"));
    }
    assert!(lock(&peers.shared.callers.list).len() < 100);
}
