//! A client's socket with its buffers: bytes in, bytes out, both bounded.
//!
//! It knows no messages, and waits only where the caller has it send all.

use crate::wait::{Wait, Watch};
use protocol_host::{Dial, Fill, Sent, Stream};
use std::io;
use std::os::fd::AsRawFd;
use std::time::{Duration, Instant};

/// Receive buffer at the start, in bytes: one message of 64 KiB and the beginning of the next.
const INBOX_START: usize = 128 * 1024;

/// Reading stops when so many received bytes are not consumed.
pub const INBOX_MAX: usize = 16 * 1024 * 1024;

/// Sending is refused when so many bytes are queued.
pub const OUTBOX_MAX: usize = 16 * 1024 * 1024;

/// How long [`Socket::send`] waits for a peer that reads nothing, by default.
const PATIENCE: Duration = Duration::from_secs(30);

/// A socket that a [`Wait`] waits for, with what else there is.
pub struct Socket {
    stream: Stream,
    patience: Duration,
    is_ended: bool,
}

impl Socket {
    /// Connects within [`protocol_host::stream::CONNECT_TIMEOUT`].
    pub fn dial(dial: &Dial) -> io::Result<Self> {
        let stream = Stream::connect(dial, INBOX_START, OUTBOX_MAX)?;
        Ok(Self { stream, patience: PATIENCE, is_ended: false })
    }

    /// Sets how long [`Socket::send`] waits while the peer reads nothing.
    pub fn set_patience(&mut self, patience: Duration) {
        self.patience = patience;
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

    /// Queues bytes and returns at once; [`Socket::serve`] sends what the kernel did not take.
    pub fn queue(&mut self, bytes: &[u8]) -> io::Result<Sent> {
        self.stream.send(bytes)
    }

    /// Sends all bytes, reading meanwhile, so that two peers that both send cannot wait for each other.
    ///
    /// A peer that takes nothing for the patience set is an error `TimedOut`.
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
            let mut wait = Wait::until(Some(last.0));
            let own = self.watch(&mut wait);
            wait.wait()?;
            if wait.is_late() {
                return Err(io::ErrorKind::TimedOut.into());
            }
            self.serve(&wait, own)?;
        }
    }

    fn patience_end(&self) -> Instant {
        Instant::now() + self.patience
    }

    fn is_full(&self) -> bool {
        self.stream.bytes().len() >= INBOX_MAX
    }

    /// Adds the socket to a wait: for bytes to come, and for room where some wait to be sent. What comes in
    /// while [`INBOX_MAX`] bytes are unread stays in the kernel.
    pub fn watch(&self, wait: &mut Wait) -> Watch {
        let mut events = 0;
        if !self.is_ended && !self.is_full() {
            events |= libc::POLLIN;
        }
        if self.stream.has_backlog() {
            events |= libc::POLLOUT;
        }
        // With nothing to ask for, a hung-up socket would end every wait at once.
        wait.watch((events != 0).then(|| self.stream.as_raw_fd()), events)
    }

    /// Does the sending and the reading that a wait has found possible: how many bytes arrived.
    pub fn serve(&mut self, wait: &Wait, own: Watch) -> io::Result<usize> {
        let revents = wait.revents(own);
        if revents & (libc::POLLOUT | libc::POLLERR | libc::POLLHUP) != 0 && self.stream.has_backlog() {
            // A peer that closed early may have said why: its last words are read first.
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
                // What came before the error is worth having; the error stays for the next call.
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

#[cfg(test)]
#[path = "socket_tests.rs"]
mod tests;
