use super::*;

use crate::metrics::Metrics;

fn peers(limits: PeerLimits) -> Peers {
    Peers::new(limits, Metrics::new([]).peers.clone())
}

#[tokio::test(start_paused = true)]
async fn a_connection_that_reads_nothing_is_cut_and_one_that_reads_is_not() {
    let peers = peers(PeerLimits::default());
    let all = CancellationToken::new();
    let (deaf, reader, idle) = (
        peers.connect(&all, &all),
        peers.connect(&all, &all),
        peers.connect(&all, &all),
    );
    let _unread = [deaf.answer(100), reader.answer(100)];
    for _ in 0..100 {
        tokio::time::advance(Duration::from_secs(1)).await;
        reader.wrote(16 * 1024);
        peers.look(Instant::now());
    }
    assert!(deaf.cut().is_cancelled());
    assert!(!reader.cut().is_cancelled());
    assert!(!idle.cut().is_cancelled());
    assert!(!all.is_cancelled());
}

#[tokio::test(start_paused = true)]
async fn a_socket_that_takes_nothing_is_cut_though_no_answer_waits() {
    let peers = peers(PeerLimits::default());
    let peer = peers.connect(&CancellationToken::new(), &CancellationToken::new());
    peers.look(Instant::now());
    peer.blocked();
    tokio::time::advance(Duration::from_secs(19)).await;
    peers.look(Instant::now());
    assert!(!peer.cut().is_cancelled());
    tokio::time::advance(Duration::from_secs(1)).await;
    peers.look(Instant::now());
    assert!(peer.cut().is_cancelled());
}

#[tokio::test(start_paused = true)]
async fn over_the_budget_the_largest_holder_that_does_not_read_goes_first() {
    let peers = peers(PeerLimits {
        all_answer_bytes: 135_000,
        ..PeerLimits::default()
    });
    let all = CancellationToken::new();
    let connections: Vec<_> = (0..4).map(|_| peers.connect(&all, &all)).collect();
    peers.look(Instant::now());
    let sizes = [60_000, 20_000, 30_000, 25_000];
    let charges: Vec<_> = std::iter::zip(&connections, sizes)
        .map(|(peer, bytes)| peer.answer(bytes))
        .collect();
    peers.look(Instant::now());
    let cut = || -> Vec<bool> {
        connections
            .iter()
            .map(|it| it.cut().is_cancelled())
            .collect()
    };
    assert_eq!(cut(), [false; 4], "they may be about to read");
    tokio::time::advance(Duration::from_secs(1)).await;
    connections[0].wrote(16 * 1024);
    peers.look(Instant::now());
    assert_eq!(cut(), [false, false, true, false], "the largest one reads");
    drop(charges);
}

#[tokio::test(start_paused = true)]
async fn far_over_the_budget_the_largest_holder_goes_at_once() {
    let peers = peers(PeerLimits {
        all_answer_bytes: 10_000,
        ..PeerLimits::default()
    });
    let all = CancellationToken::new();
    let (large, small) = (peers.connect(&all, &all), peers.connect(&all, &all));
    let _charges = [large.answer(50_000), small.answer(100)];
    peers.look(Instant::now());
    assert!(large.cut().is_cancelled());
    assert!(!small.cut().is_cancelled());
}

#[test]
fn what_is_charged_is_given_back() {
    let peers = peers(PeerLimits::default());
    let peer = peers.connect(&CancellationToken::new(), &CancellationToken::new());
    let mut request = peer.request().unwrap();
    request.grow(1000).unwrap();
    let mut answer = peer.answer(5000);
    answer.hand_over(3000);
    peer.blocked();
    assert!(peer.unread_bytes() > 5000);
    let place = peer.place(10);
    drop((request, answer, place));
    assert_eq!(peer.large_bytes.load(Ordering::SeqCst), 0);
    assert_eq!(peers.shared.request_bytes.load(Ordering::SeqCst), 0);
    assert_eq!(peer.places.load(Ordering::SeqCst), 0);
    drop(peer);
    assert_eq!(peers.shared.answer_bytes.load(Ordering::SeqCst), 0);
    assert!(lock(&peers.shared.list).is_empty());
}

#[tokio::test(start_paused = true)]
async fn a_call_that_is_looked_at_late_came_in_when_its_connection_was_read() {
    let peer =
        peers(PeerLimits::default()).connect(&CancellationToken::new(), &CancellationToken::new());
    tokio::time::advance(Duration::from_secs(7)).await;
    peer.note_read();
    let read = Instant::now();
    assert_eq!(peer.last_read(), read);
    // What waits for a thread meanwhile came in then.
    tokio::time::advance(Duration::from_millis(300)).await;
    assert_eq!(peer.last_read(), read);
}

#[tokio::test(start_paused = true)]
async fn messages_that_do_not_come_make_room_for_those_who_were_refused() {
    let peers = peers(PeerLimits {
        all_request_bytes: 10 * CALL_BYTES,
        ..PeerLimits::default()
    });
    let all = CancellationToken::new();
    let (holder, worker, other) = (
        peers.connect(&all, &all),
        peers.connect(&all, &all),
        peers.connect(&all, &all),
    );
    let _held: Vec<_> = (0..4).map(|_| holder.request().unwrap()).collect();
    let mut running: Vec<_> = (0..6).map(|_| worker.request().unwrap()).collect();
    for charge in &mut running {
        charge.complete();
    }
    peers.look(Instant::now());
    tokio::time::advance(Duration::from_secs(1)).await;
    peers.look(Instant::now());
    assert!(!holder.cut().is_cancelled(), "nobody needs the room");
    assert_eq!(other.request().unwrap_err(), Exceeded::Process);
    peers.look(Instant::now());
    assert!(holder.cut().is_cancelled());
    assert!(
        !worker.cut().is_cancelled(),
        "its calls are being worked on"
    );
}
