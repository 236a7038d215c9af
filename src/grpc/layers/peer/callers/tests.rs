use super::*;

use std::task::Wake;

use crate::metrics::Metrics;

fn callers() -> Callers {
    Callers::new(Metrics::new([]).peers.clone())
}

/// Counts how often it is woken.
#[derive(Default)]
struct Woken(AtomicU64);

impl Wake for Woken {
    fn wake(self: Arc<Self>) {
        self.0.fetch_add(1, Ordering::SeqCst);
    }
}

/// A connection, and what wakes it.
#[derive(Default)]
struct Connection {
    turn: Arc<Turn>,
    woken: Arc<Woken>,
}

impl Connection {
    fn poll(&self, caller: &Caller) -> Poll<MayRead> {
        let waker = Waker::from(Arc::clone(&self.woken));
        caller.poll_turn(&self.turn, &Context::from_waker(&waker))
    }

    fn woken(&self) -> u64 {
        self.woken.0.load(Ordering::SeqCst)
    }
}

const ONE_TURN: Poll<MayRead> = Poll::Ready(MayRead::Turn);

#[test]
fn callers_are_identities_or_addresses() {
    let callers = callers();
    let address: IpAddr = "192.0.2.1".parse().unwrap();
    let mapped: IpAddr = "::ffff:192.0.2.1".parse().unwrap();
    let one = callers.at(Some(address));
    assert!(Arc::ptr_eq(&one, &callers.at(Some(mapped))));
    let ada = callers.identified("ada");
    assert!(ada.is_of("ada") && !ada.is_of("bob") && !one.is_of("192.0.2.1"));
    assert!(Arc::ptr_eq(&ada, &callers.identified("ada")));
    drop((one, ada));
    assert_eq!(
        callers.all().len(),
        0,
        "accounts end with their connections"
    );
}

#[test]
fn nobody_waits_for_a_turn_unless_callers_are_held_back() {
    let callers = callers();
    let caller = callers.identified("ada");
    let connection = Connection::default();
    assert_eq!(connection.poll(&caller), Poll::Ready(MayRead::All));
    callers.is_pacing.store(true, Ordering::SeqCst);
    assert_eq!(connection.poll(&caller), Poll::Pending);
    callers.is_pacing.store(false, Ordering::SeqCst);
    caller.release();
    assert_eq!(connection.woken(), 1);
}

#[test]
fn connections_of_a_caller_have_turns_in_the_order_in_which_they_wait() {
    let callers = callers();
    callers.is_pacing.store(true, Ordering::SeqCst);
    let caller = callers.identified("ada");
    let connections: [Connection; 3] = Default::default();
    for connection in &connections {
        assert_eq!(connection.poll(&caller), Poll::Pending);
        assert_eq!(connection.poll(&caller), Poll::Pending, "it waits once");
    }
    lock(&caller.turns).saved = 0.0;
    // Two calls a millisecond, and one of them in each turn.
    let tick = TURN_INTERVAL;
    caller.give_turns(2_000.0, tick);
    let woken = || connections.each_ref().map(Connection::woken);
    assert_eq!(woken(), [1, 1, 0]);
    assert_eq!(connections[0].poll(&caller), ONE_TURN);
    assert_eq!(connections[1].poll(&caller), ONE_TURN);
    // The second finds nothing to read: the third has its turn.
    caller.note_call(Duration::ZERO);
    caller.give_back();
    assert_eq!(woken(), [1, 1, 1]);
    assert_eq!(connections[2].poll(&caller), ONE_TURN);
    assert_eq!(connections[0].poll(&caller), Poll::Pending);
    // One that is gone takes no turn from the next.
    drop(connections);
    let last = Connection::default();
    assert_eq!(last.poll(&caller), Poll::Pending);
    caller.note_call(Duration::ZERO);
    caller.give_turns(1_000.0, tick);
    assert_eq!(last.woken(), 1);
}

#[test]
fn what_is_read_at_once_is_charged_and_waits_for_the_next_turns() {
    let callers = callers();
    callers.is_pacing.store(true, Ordering::SeqCst);
    let caller = callers.identified("ada");
    let connection = Connection::default();
    caller.give_turns(1_000.0, Duration::ZERO);
    assert_eq!(connection.poll(&caller), ONE_TURN);
    // A turn had 100 calls: with what was saved, 68 too many.
    for _ in 0..100 {
        caller.note_call(Duration::ZERO);
    }
    caller.give_turns(1_000.0, Duration::ZERO);
    assert_eq!(connection.poll(&caller), Poll::Pending);
    caller.give_turns(1_000.0, Duration::from_millis(60));
    assert_eq!(connection.woken(), 0);
    caller.give_turns(1_000.0, Duration::from_millis(20));
    assert_eq!(connection.woken(), 1);
}

#[test]
fn what_was_sent_before_shares_began_does_not_count() {
    let callers = callers();
    let caller = callers.identified("ada");
    for _ in 0..10_000 {
        caller.note_call(Duration::ZERO);
    }
    callers.is_pacing.store(true, Ordering::SeqCst);
    caller.forget();
    caller.give_turns(1_000.0, Duration::ZERO);
    assert_eq!(Connection::default().poll(&caller), ONE_TURN);
}

#[test]
fn a_caller_is_held_back_only_if_it_sends_its_share() {
    let callers = callers();
    callers.is_pacing.store(true, Ordering::SeqCst);
    let caller = callers.identified("ada");
    for (calls, is_held) in [(5, false), (10, true)] {
        assert_eq!(Connection::default().poll(&caller), Poll::Pending);
        for _ in 0..calls {
            caller.note_call(Duration::from_micros(10));
        }
        let usage = caller.usage(Some(10.0));
        assert_eq!((usage.calls, usage.was_held), (calls, is_held));
        assert_eq!(usage.waited, Duration::from_micros(10 * calls));
    }
    assert_eq!(caller.usage(Some(10.0)), Usage::default());
}

/// One caller sends as much as it may, the other a little; a thread begins ten calls a millisecond.
#[tokio::test(start_paused = true)]
async fn a_caller_that_sends_too_much_is_held_back_and_the_other_is_not() {
    let callers = callers();
    let (greedy, modest) = (callers.identified("greedy"), callers.identified("modest"));
    let greedy_connections: [Connection; 8] = Default::default();
    let modest_connection = Connection::default();
    let mut queue = VecDeque::new();
    let work = async {
        for ms in 0..3_000_u64 {
            sleep(Duration::from_millis(1)).await;
            let now = Instant::now();
            for connection in &greedy_connections {
                if connection.poll(&greedy).is_ready() {
                    queue.extend([(&greedy, now); 6]);
                }
            }
            if ms % 2 == 0 {
                assert!(modest_connection.poll(&modest).is_ready(), "after {ms} ms");
                queue.push_back((&modest, now));
            }
            for (caller, since) in queue.drain(..queue.len().min(10)) {
                caller.note_call(now - since);
            }
            assert!(
                ms < 1_000 || queue.len() < 60,
                "{} wait at {ms}",
                queue.len()
            );
        }
    };
    tokio::select! {
        () = work => {}
        () = callers.share() => unreachable!("it goes on forever"),
    }
    assert_eq!(callers.metrics.callers_held.get(), 1);
    assert!(callers.metrics.turns.get() > 500);
}
