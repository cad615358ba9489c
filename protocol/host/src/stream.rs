//! One non-blocking socket with a fixed receive buffer and a bounded send backlog; it does not split bytes
//! into messages.
//!
//! Readiness is edge-triggered: after a readable event call [`Stream::fill`] until it says `Empty`, `End`
//! or `Full` (after `Full`, again once something was consumed), after a writable event call
//! [`Stream::flush`].

use std::collections::VecDeque;
use std::io::{self, IoSlice};
use std::net::{TcpStream, ToSocketAddrs};
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd, RawFd};
use std::time::{Duration, Instant};

use mio::event::Source;
use mio::unix::SourceFd;
use mio::{Interest, Registry, Token};

use crate::dial::Dial;
use crate::listener::timeval;
use crate::socket;

/// How long connecting may take, over all addresses of a host.
pub const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);

/// Kernel buffer asked for at each end of a unix socket, in bytes: four messages of 64 KiB.
const SOCKET_BUFFER: libc::c_int = 256 * 1024;

/// The error kind for a backlog beyond its bound; no kind of the standard library fits better.
const OVERRUN: io::ErrorKind = io::ErrorKind::QuotaExceeded;

/// What one [`Stream::fill`] did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fill {
    /// So many new bytes, at least one.
    Bytes(usize),
    /// Nothing there now; a readable event follows.
    Empty,
    /// The peer has closed its sending side.
    End,
    /// No room: consume first.
    Full,
}

/// The result of sending.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sent {
    /// The kernel has all of them.
    All,
    /// Some bytes wait in the backlog for the next writable event.
    Queued,
}

/// Whether an error of [`Stream::send`] means that the backlog would pass its bound; the link must then be
/// dropped.
pub fn is_overrun(error: &io::Error) -> bool {
    error.kind() == OVERRUN
}

/// A connected socket, unix or TCP, with its two buffers.
pub struct Stream {
    fd: OwnedFd,
    is_unix: bool,
    /// All of `rx` but `start..end` is free.
    rx: Box<[u8]>,
    start: usize,
    end: usize,
    drained: bool,
    is_ending: bool,
    backlog: VecDeque<u8>,
    backlog_max: usize,
}

impl Stream {
    /// Connects within [`CONNECT_TIMEOUT`]; `rx_capacity` bytes of receive buffer are allocated now, the
    /// backlog grows when first needed, up to `backlog_max` bytes.
    pub fn connect(dial: &Dial, rx_capacity: usize, backlog_max: usize) -> io::Result<Self> {
        match dial {
            Dial::Tcp { host, port } => {
                let fd = connect_tcp(host, *port)?;
                Self::over(fd.into(), false, rx_capacity, backlog_max)
            }
            Dial::Unix(path) => {
                let fd = socket::unix(0)?;
                // A blocking connect waits this long for room in the listener's queue.
                let wait = timeval(CONNECT_TIMEOUT);
                socket::set_option(fd.as_fd(), libc::SOL_SOCKET, libc::SO_SNDTIMEO, wait)?;
                socket::connect_unix(fd.as_fd(), path).map_err(|e| match e.kind() {
                    io::ErrorKind::WouldBlock => io::ErrorKind::TimedOut.into(),
                    _ => e,
                })?;
                Self::over(fd, true, rx_capacity, backlog_max)
            }
        }
    }

    /// Takes over a connected stream socket and makes it non-blocking; `is_unix` is its family.
    pub fn over(fd: OwnedFd, is_unix: bool, rx_capacity: usize, backlog_max: usize) -> io::Result<Self> {
        assert!(rx_capacity > 0, "a stream without a receive buffer can never receive");
        socket::set_nonblocking(fd.as_fd())?;
        if is_unix {
            for name in [libc::SO_SNDBUF, libc::SO_RCVBUF] {
                // Best effort: a smaller buffer is slower, not wrong.
                let _ = socket::set_option(fd.as_fd(), libc::SOL_SOCKET, name, SOCKET_BUFFER);
            }
        } else {
            socket::set_option(fd.as_fd(), libc::IPPROTO_TCP, libc::TCP_NODELAY, 1 as libc::c_int)?;
        }
        let rx = vec![0; rx_capacity].into_boxed_slice();
        let backlog = VecDeque::new();
        Ok(Self { fd, is_unix, rx, start: 0, end: 0, drained: false, is_ending: false, backlog, backlog_max })
    }

    /// The user id of the process that connected, or listened, at the other end; `None` over TCP.
    pub fn peer_uid(&self) -> Option<u32> {
        if self.is_unix { socket::peer_uid(self.fd.as_fd()) } else { None }
    }

    /// The peer is on this machine, so that its end is noticed at once.
    pub fn is_local(&self) -> bool {
        self.is_unix
    }

    /// Reads once into the free space.
    pub fn fill(&mut self) -> io::Result<Fill> {
        self.compact();
        let room = &mut self.rx[self.end..];
        if room.is_empty() {
            return Ok(Fill::Full);
        }
        let room_len = room.len();
        let Some(got) = socket::receive(self.fd.as_fd(), room)? else {
            self.drained = true;
            return Ok(Fill::Empty);
        };
        assert!(got <= room_len, "the kernel gave more bytes than there was room");
        self.end += got;
        self.drained = got < room_len;
        Ok(if got == 0 { Fill::End } else { Fill::Bytes(got) })
    }

    /// The peer has closed or failed: call `fill` until it reports that.
    pub fn expect_end(&mut self) {
        self.is_ending = true;
    }

    /// Whether the last `fill` left room. Then the kernel had no more bytes, and an event will announce more:
    /// this saves a call that would return `Empty`.
    pub fn is_drained(&self) -> bool {
        self.drained && !self.is_ending
    }

    /// Moves unread bytes to the front if the free tail is short and at least as many bytes are gained as
    /// moved.
    fn compact(&mut self) {
        let (unread, tail) = (self.end - self.start, self.rx.len() - self.end);
        let pays = tail < self.rx.len() / 2 && unread <= self.start;
        if self.start > 0 && (pays || tail == 0) {
            self.rx.copy_within(self.start..self.end, 0);
            (self.start, self.end) = (0, unread);
        }
    }

    /// Received bytes that were not yet consumed.
    pub fn bytes(&self) -> &[u8] {
        &self.rx[self.start..self.end]
    }

    /// Gives back the first `n` unread bytes.
    ///
    /// # Panics
    /// When fewer than `n` are unread.
    pub fn consume(&mut self, n: usize) {
        assert!(n <= self.end - self.start, "more bytes consumed than received");
        self.start += n;
        if self.start == self.end {
            (self.start, self.end) = (0, 0);
        }
    }

    /// Makes the receive buffer at least `capacity` bytes, keeping unread bytes.
    pub fn grow(&mut self, capacity: usize) {
        if capacity > self.rx.len() {
            let mut larger = Vec::with_capacity(capacity);
            larger.extend_from_slice(self.bytes());
            (self.start, self.end) = (0, larger.len());
            larger.resize(capacity, 0);
            self.rx = larger.into_boxed_slice();
        }
    }

    /// Size of the receive buffer in bytes.
    pub fn capacity(&self) -> usize {
        self.rx.len()
    }

    /// Sends bytes; those that the kernel does not accept now go to the backlog.
    ///
    /// After an error (see [`is_overrun`]) some bytes may have been sent: drop the link.
    pub fn send(&mut self, bytes: &[u8]) -> io::Result<Sent> {
        self.send_pieces(&mut [IoSlice::new(bytes)])
    }

    /// Sends several pieces without copying them.
    pub fn send_pieces(&mut self, mut pieces: &mut [IoSlice<'_>]) -> io::Result<Sent> {
        IoSlice::advance_slices(&mut pieces, 0);
        // The backlog goes first: while there is one, do not try to send.
        while self.backlog.is_empty() {
            if pieces.is_empty() {
                return Ok(Sent::All);
            }
            let Some(sent) = socket::send(self.fd.as_fd(), pieces)? else { break };
            IoSlice::advance_slices(&mut pieces, sent);
        }
        let left: usize = pieces.iter().map(|piece| piece.len()).sum();
        if left > self.backlog_max - self.backlog.len() {
            return Err(OVERRUN.into());
        }
        pieces.iter().for_each(|piece| self.backlog.extend(piece.iter()));
        Ok(Sent::Queued)
    }

    /// Sends as much of the backlog as the kernel accepts; true if none is left.
    pub fn flush(&mut self) -> io::Result<bool> {
        while !self.backlog.is_empty() {
            let (front, back) = self.backlog.as_slices();
            match socket::send(self.fd.as_fd(), &[IoSlice::new(front), IoSlice::new(back)])? {
                Some(sent) => drop(self.backlog.drain(..sent)),
                None => return Ok(false),
            }
        }
        Ok(true)
    }

    /// Bytes that wait to be sent.
    pub fn backlog_len(&self) -> usize {
        self.backlog.len()
    }

    /// Whether anything waits to be sent.
    pub fn has_backlog(&self) -> bool {
        !self.backlog.is_empty()
    }

    /// Bytes that still fit into the backlog.
    pub fn backlog_room(&self) -> usize {
        self.backlog_max - self.backlog.len()
    }

    /// Allocates the whole backlog now, so that sending never allocates afterwards.
    pub fn reserve_backlog(&mut self) {
        self.backlog.reserve_exact(self.backlog_max - self.backlog.len());
    }
}

/// A TCP connection to the first address of a host that accepts it, within `CONNECT_TIMEOUT`.
pub fn connect_tcp(host: &str, port: u16) -> io::Result<TcpStream> {
    // As on Plan 9, to dial `*` is to dial this machine.
    let host = if host == "*" { "localhost" } else { host };
    let deadline = Instant::now() + CONNECT_TIMEOUT;
    let mut last = io::Error::new(io::ErrorKind::NotFound, format!("host '{host}' has no address"));
    for address in (host, port).to_socket_addrs()? {
        let left = deadline.saturating_duration_since(Instant::now());
        if left.is_zero() {
            return Err(io::ErrorKind::TimedOut.into());
        }
        match TcpStream::connect_timeout(&address, left) {
            Ok(stream) => return Ok(stream),
            Err(e) => last = e,
        }
    }
    Err(last)
}

impl AsFd for Stream {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.fd.as_fd()
    }
}

impl AsRawFd for Stream {
    fn as_raw_fd(&self) -> RawFd {
        self.fd.as_raw_fd()
    }
}

impl Source for Stream {
    fn register(&mut self, registry: &Registry, token: Token, interests: Interest) -> io::Result<()> {
        SourceFd(&self.fd.as_raw_fd()).register(registry, token, interests)
    }

    fn reregister(&mut self, registry: &Registry, token: Token, interests: Interest) -> io::Result<()> {
        SourceFd(&self.fd.as_raw_fd()).reregister(registry, token, interests)
    }

    fn deregister(&mut self, registry: &Registry) -> io::Result<()> {
        SourceFd(&self.fd.as_raw_fd()).deregister(registry)
    }
}

#[cfg(test)]
#[path = "stream_tests.rs"]
mod tests;
