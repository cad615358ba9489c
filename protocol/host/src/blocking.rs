//! A command-line client's connection: one socket that waits with poll(2), together with the caller's
//! descriptors.

use std::io;
use std::os::fd::AsRawFd;
use std::time::{Duration, Instant};

use crate::dial::Dial;
use crate::stream::{Fill, Sent, Stream};

/// Receive buffer at the start, in bytes: one message of 64 KiB and the beginning of the next.
const INBOX_START: usize = 128 * 1024;

/// Reading stops when so many received bytes are not consumed.
pub const INBOX_MAX: usize = 16 * 1024 * 1024;

/// Sending is refused when so many bytes are queued.
pub const OUTBOX_MAX: usize = 16 * 1024 * 1024;

/// How long [`Conn::send`] waits for a peer that reads nothing, by default.
pub const PATIENCE: Duration = Duration::from_secs(30);

/// What ended a wait.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Wake {
    /// Bytes that arrived.
    pub got: usize,
    /// The peer has closed; what it sent before is in [`Conn::bytes`].
    pub is_ended: bool,
    /// How many of the caller's descriptors have `revents`.
    pub ready: usize,
    /// The timeout passed and none of the above happened.
    pub is_late: bool,
}

/// A connection for a program with one loop over the socket, some other descriptors and a timeout.
pub struct Conn {
    stream: Stream,
    polled: Vec<libc::pollfd>,
    patience: Duration,
    is_ended: bool,
}

impl Conn {
    /// Connects within [`crate::stream::CONNECT_TIMEOUT`].
    pub fn dial(dial: &Dial) -> io::Result<Self> {
        let stream = Stream::connect(dial, INBOX_START, OUTBOX_MAX)?;
        Ok(Self { stream, polled: Vec::new(), patience: PATIENCE, is_ended: false })
    }

    /// Sets how long [`Conn::send`] waits while the peer reads nothing.
    pub fn set_patience(&mut self, patience: Duration) {
        self.patience = patience;
    }

    /// The user id of the process that listens, `None` over TCP.
    pub fn peer_uid(&self) -> Option<u32> {
        self.stream.peer_uid()
    }

    /// Received bytes that were not yet consumed.
    pub fn bytes(&self) -> &[u8] {
        self.stream.bytes()
    }

    /// Gives back the first `n` received bytes.
    ///
    /// # Panics
    /// When fewer than `n` are there.
    pub fn consume(&mut self, n: usize) {
        self.stream.consume(n);
    }

    /// Whether the peer has closed its side.
    pub fn is_ended(&self) -> bool {
        self.is_ended
    }

    /// Bytes queued that the kernel has not taken yet.
    pub fn queued(&self) -> usize {
        self.stream.backlog_len()
    }

    /// Queues bytes and returns at once; [`Conn::wait`] sends what the kernel did not take.
    pub fn queue(&mut self, bytes: &[u8]) -> io::Result<Sent> {
        self.stream.send(bytes)
    }

    /// Sends all bytes, reading meanwhile, so that two peers that both send cannot wait for each other.
    ///
    /// If the peer reads nothing for the time set, the error is `TimedOut`.
    pub fn send(&mut self, bytes: &[u8]) -> io::Result<()> {
        let mut rest = bytes;
        let mut last = (self.patience_end(), usize::MAX);
        loop {
            let part = rest.len().min(self.stream.backlog_room());
            let sent = self.stream.send(&rest[..part])?;
            rest = &rest[part..];
            if rest.is_empty() && sent == Sent::All {
                return Ok(());
            }
            let left = rest.len() + self.stream.backlog_len();
            if left < last.1 {
                last = (self.patience_end(), left);
            }
            if self.is_full() {
                let why = format!("more than {INBOX_MAX} bytes came in while sending");
                return Err(io::Error::new(io::ErrorKind::OutOfMemory, why));
            }
            let wait = last.0.saturating_duration_since(Instant::now());
            if self.wait(&mut [], Some(wait))?.is_late {
                return Err(io::ErrorKind::TimedOut.into());
            }
        }
    }

    fn patience_end(&self) -> Instant {
        Instant::now() + self.patience
    }

    fn is_full(&self) -> bool {
        self.stream.bytes().len() >= INBOX_MAX
    }

    /// Waits until bytes arrive, the peer closes, one of `extra` is ready, the queue is sent, or `timeout`
    /// passes (`None`: never); reads and sends on this connection meanwhile.
    ///
    /// It may return without any of these (a signal, a queue that was sent): call it in a loop. While
    /// [`INBOX_MAX`] bytes are unread, more bytes stay in the kernel.
    pub fn wait(&mut self, extra: &mut [libc::pollfd], timeout: Option<Duration>) -> io::Result<Wake> {
        let mut polled = std::mem::take(&mut self.polled);
        polled.clear();
        polled.push(self.pollfd());
        polled.extend_from_slice(extra);
        let ready = poll(&mut polled, timeout);
        let own = polled[0].revents;
        let mut wake = Wake::default();
        for (to, from) in extra.iter_mut().zip(&polled[1..]) {
            to.revents = from.revents;
            wake.ready += usize::from(to.revents != 0);
        }
        self.polled = polled;
        wake.is_late = ready? == Some(0);
        wake.got = self.serve(own)?;
        wake.is_ended = self.is_ended;
        Ok(wake)
    }

    /// What to poll for on this connection, if one poll covers several connections.
    pub fn pollfd(&self) -> libc::pollfd {
        let mut events = 0;
        if !self.is_ended && !self.is_full() {
            events |= libc::POLLIN;
        }
        if self.stream.has_backlog() {
            events |= libc::POLLOUT;
        }
        // With nothing to ask for, a hung-up socket would wake a poll for ever: -1 is skipped.
        let fd = if events == 0 { -1 } else { self.stream.as_raw_fd() };
        libc::pollfd { fd, events, revents: 0 }
    }

    /// Sends and reads what a poll found possible; returns how many bytes arrived.
    pub fn serve(&mut self, revents: libc::c_short) -> io::Result<usize> {
        if revents & (libc::POLLOUT | libc::POLLERR | libc::POLLHUP) != 0 && self.stream.has_backlog() {
            // A peer that closed may have sent the reason: read that first.
            let sent = self.stream.flush();
            let got = self.take()?;
            if got == 0 {
                sent?;
            }
            Ok(got)
        } else if revents != 0 {
            self.take()
        } else {
            Ok(0)
        }
    }

    /// Reads what is there, growing the buffer up to its bound.
    fn take(&mut self) -> io::Result<usize> {
        let mut got = 0;
        loop {
            match self.stream.fill() {
                Ok(Fill::Bytes(n)) => got += n,
                Ok(Fill::Empty) => return Ok(got),
                Ok(Fill::End) => {
                    self.is_ended = true;
                    return Ok(got);
                }
                Ok(Fill::Full) if self.is_full() => return Ok(got),
                Ok(Fill::Full) => self.stream.grow((self.stream.capacity() * 2).min(INBOX_MAX)),
                // Bytes that came before the error are returned; the next call meets the error again.
                Err(_) if got > 0 => {
                    self.is_ended = true;
                    return Ok(got);
                }
                Err(e) => return Err(e),
            }
            if got >= INBOX_START {
                return Ok(got);
            }
        }
    }
}

/// Waits until a descriptor is ready or the time has passed (`None`: never). Returns how many are ready, or
/// `None` if a signal came first, which leaves no `revents`.
pub fn poll(fds: &mut [libc::pollfd], timeout: Option<Duration>) -> io::Result<Option<usize>> {
    // Rounded up, so that a loop does not spin through the last millisecond.
    let millis = timeout.map_or(-1, |t| i32::try_from(t.as_nanos().div_ceil(1_000_000)).unwrap_or(i32::MAX));
    // SAFETY: the pointer and length describe `fds`, which outlives the call.
    let ready = unsafe { libc::poll(fds.as_mut_ptr(), fds.len() as libc::nfds_t, millis) };
    if ready >= 0 {
        return Ok(Some(ready as usize));
    }
    let e = io::Error::last_os_error();
    fds.iter_mut().for_each(|fd| fd.revents = 0);
    if e.kind() == io::ErrorKind::Interrupted { Ok(None) } else { Err(e) }
}

#[cfg(test)]
#[path = "blocking_tests.rs"]
mod tests;
