use std::future::poll_fn;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Wake, Waker};

use super::*;

/// A stream that counts what it is given, and takes so many bytes at a time.
#[derive(Default)]
struct Socket {
    taken: Vec<u8>,
    writes: usize,
    flushes: usize,
    /// Bytes that it still takes.
    room: usize,
    /// Bytes that it takes in one write.
    at_once: usize,
}

impl Socket {
    fn with_room(room: usize) -> Self {
        Self {
            room,
            at_once: room,
            ..Self::default()
        }
    }
}

impl AsyncRead for Socket {
    fn poll_read(
        self: Pin<&mut Self>,
        _: &mut Context<'_>,
        _: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Poll::Pending
    }
}

impl AsyncWrite for Socket {
    fn poll_write(
        self: Pin<&mut Self>,
        _: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        let taken = bytes.len().min(this.room).min(this.at_once);
        if taken == 0 {
            return Poll::Pending;
        }
        this.room -= taken;
        this.writes += 1;
        this.taken.extend_from_slice(&bytes[..taken]);
        Poll::Ready(Ok(taken))
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.get_mut().flushes += 1;
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}

#[derive(Default)]
struct Turns(AtomicUsize);

impl Wake for Turns {
    fn wake(self: Arc<Self>) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }
}

/// A gathered socket and the turns that it asked for.
struct Connection {
    stream: Gathered<Socket>,
    turns: Arc<Turns>,
}

impl Connection {
    fn new(socket: Socket) -> Self {
        Self {
            stream: Gathered::new(socket),
            turns: Arc::default(),
        }
    }

    fn with<T>(
        &mut self,
        act: impl FnOnce(Pin<&mut Gathered<Socket>>, &mut Context<'_>) -> T,
    ) -> T {
        let waker = Waker::from(Arc::clone(&self.turns));
        act(Pin::new(&mut self.stream), &mut Context::from_waker(&waker))
    }

    fn write(&mut self, bytes: &[u8]) -> Poll<io::Result<usize>> {
        self.with(|stream, cx| stream.poll_write(cx, bytes))
    }

    fn flush(&mut self) {
        let flushed = self.with(AsyncWrite::poll_flush);
        assert!(matches!(flushed, Poll::Ready(Ok(()))));
    }

    /// Begins a turn; nothing comes from the peer.
    fn read(&mut self) {
        let mut buffer = [0; 8];
        let read = self.with(|stream, cx| stream.poll_read(cx, &mut ReadBuf::new(&mut buffer)));
        assert!(read.is_pending());
    }

    fn turns(&self) -> usize {
        self.turns.0.load(Ordering::Relaxed)
    }
}

#[test]
fn the_answers_of_a_turn_are_one_write() {
    let mut connection = Connection::new(Socket::with_room(100));
    for _ in 0..2 {
        for answer in [b"one", b"two"] {
            assert!(matches!(connection.write(answer), Poll::Ready(Ok(3))));
            connection.flush();
        }
        let slices = [io::IoSlice::new(b"th"), io::IoSlice::new(b"ree")];
        let written = connection.with(|stream, cx| stream.poll_write_vectored(cx, &slices));
        assert!(matches!(written, Poll::Ready(Ok(5))));
        connection.flush();
        assert!(connection.stream.stream.taken.is_empty());
        assert_eq!(connection.turns(), 1);
        connection.read();
        let socket = &mut connection.stream.stream;
        assert_eq!(mem::take(&mut socket.taken), b"onetwothree");
        assert_eq!((socket.writes, socket.flushes), (1, 1));
        (socket.writes, socket.flushes) = (0, 0);
        // At rest, neither a turn nor a flush asks for another one.
        connection.read();
        connection.flush();
        assert_eq!(connection.turns.0.swap(0, Ordering::Relaxed), 1);
        connection.stream.stream.flushes = 0;
    }
}

#[test]
fn what_the_socket_does_not_take_waits_in_order_and_asks_for_no_turn() {
    let mut connection = Connection::new(Socket::with_room(4));
    assert!(connection.write(b"abcdef").is_ready());
    connection.flush();
    connection.read();
    assert!(connection.write(b"gh").is_ready());
    connection.flush();
    connection.read();
    assert_eq!(connection.stream.stream.taken, b"abcd");
    // The socket wakes the task when it has room; nothing else does.
    assert_eq!(connection.turns(), 1);
    connection.stream.stream.room = 100;
    connection.read();
    assert_eq!(connection.stream.stream.taken, b"abcdefgh");
    assert_eq!(connection.stream.stream.flushes, 1);
}

#[test]
fn no_more_is_kept_than_the_limit_and_a_frame() {
    const FRAME: [u8; 16 * 1024] = [7; 16 * 1024];
    let mut connection = Connection::new(Socket::default());
    let mut written = 0;
    while connection.write(&FRAME).is_ready() {
        written += FRAME.len();
        connection.flush();
    }
    assert_eq!(written, MOST_BYTES);
    connection.read();
    assert!(connection.write(&FRAME).is_pending());
    let socket = &mut connection.stream.stream;
    (socket.room, socket.at_once) = (usize::MAX, 1_000);
    assert!(connection.write(&FRAME).is_ready());
    assert_eq!(connection.stream.stream.taken.len(), MOST_BYTES);
    connection.read();
    assert_eq!(
        connection.stream.stream.taken.len(),
        MOST_BYTES + FRAME.len()
    );
    assert!(connection.stream.pending.capacity() <= MOST_BYTES);
}

#[tokio::test]
async fn a_shutdown_sends_what_is_kept() {
    let mut stream = Gathered::new(Socket::with_room(100));
    let written = poll_fn(|cx| Pin::new(&mut stream).poll_write(cx, b"goodbye")).await;
    assert_eq!(written.unwrap(), 7);
    let shut = poll_fn(|cx| Pin::new(&mut stream).poll_shutdown(cx)).await;
    shut.unwrap();
    assert_eq!(stream.stream.taken, b"goodbye");
}
