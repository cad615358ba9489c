//! The links of a daemon: listeners and streams behind one poll, numbered as the core numbers them.

use std::io;
use std::time::Duration;

use mio::unix::SourceFd;
use mio::{Events, Interest, Poll, Registry, Token};
use std::os::fd::{AsFd, RawFd};

use crate::listener::Listener;
use crate::socket;
use crate::stream::Stream;

/// Events taken from the kernel in one call.
const EVENTS: usize = 1024;
/// Tokens below this are links; listeners and the driver's own descriptors follow.
const LISTENERS: usize = 1 << 16;
const OWN: usize = 1 << 20;

/// What became ready.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ready {
    /// A listener has connections: its position in the order in which listeners were added.
    Listener(usize),
    /// A link has bytes, or has ended.
    Readable(usize),

    /// A link accepts bytes again.
    Writable(usize),
    /// A descriptor of the driver's own, by its number.
    Own(usize),
}

/// The sockets of a daemon.
pub struct Links {
    poll: Poll,
    listeners: Vec<Listener>,
    streams: Vec<Option<Stream>>,
    rx_capacity: usize,
    backlog_max: usize,
}

impl Links {
    /// Room for `count` links, numbered from 0, each with its buffers' sizes in bytes.
    pub fn new(count: usize, rx_capacity: usize, backlog_max: usize) -> io::Result<Self> {
        assert!(count <= LISTENERS, "a link's number is a token below the listeners'");
        let poll = Poll::new()?;
        let streams = (0..count).map(|_| None).collect();
        Ok(Self { poll, listeners: Vec::new(), streams, rx_capacity, backlog_max })
    }

    /// A buffer for `wait`.
    pub fn events() -> Events {
        Events::with_capacity(EVENTS)
    }

    /// Accepts connections on `listener` from now on.
    pub fn listen(&mut self, mut listener: Listener) -> io::Result<()> {
        let token = Token(LISTENERS + self.listeners.len());
        self.poll.registry().register(&mut listener, token, Interest::READABLE)?;
        self.listeners.push(listener);
        Ok(())
    }

    /// The next connection of a listener on a free link at or above `from`: its number. With no link free the
    /// connection is closed.
    pub fn accept(&mut self, listener: usize, from: usize) -> io::Result<Option<Option<usize>>> {
        let Some(stream) = self.listeners[listener].accept(self.rx_capacity, self.backlog_max)? else {
            return Ok(None);
        };
        let free = self.free(from);
        if let Some(link) = free {
            self.add(link, stream)?;
        }
        Ok(Some(free))
    }

    /// A free link at or above `from`.
    pub fn free(&self, from: usize) -> Option<usize> {
        (from..self.streams.len()).find(|link| self.streams[*link].is_none())
    }

    /// Takes a connected stream as link `link`, which is free.
    pub fn add(&mut self, link: usize, mut stream: Stream) -> io::Result<()> {
        assert!(self.streams[link].is_none(), "a link has one stream");
        let both = Interest::READABLE | Interest::WRITABLE;
        self.poll.registry().register(&mut stream, Token(link), both)?;
        stream.reserve_backlog();
        self.streams[link] = Some(stream);
        Ok(())
    }

    /// Closes a link, if it is open.
    pub fn remove(&mut self, link: usize) -> bool {
        match self.streams[link].take() {
            Some(mut stream) => {
                // Closing the descriptor would deregister it too.
                let _ = self.poll.registry().deregister(&mut stream);
                true
            }
            None => false,
        }
    }

    /// An open link's stream.
    pub fn get(&mut self, link: usize) -> Option<&mut Stream> {
        self.streams.get_mut(link)?.as_mut()
    }

    /// Watches descriptors of the driver's own, beside the links.
    pub fn watcher(&self) -> io::Result<Watcher> {
        Ok(Watcher { registry: self.poll.registry().try_clone()? })
    }

    /// Waits until a link has bytes or an end, or `patience` is over: nothing else ends it.
    pub fn await_bytes(&self, link: usize, patience: Duration) {
        let Some(stream) = self.streams.get(link).and_then(Option::as_ref) else { return };
        socket::await_bytes(stream.as_fd(), patience);
    }

    /// Waits until something is ready or `timeout` has passed (rounded up to milliseconds).
    pub fn wait(&mut self, events: &mut Events, timeout: Option<Duration>) -> io::Result<()> {
        match self.poll.poll(events, timeout) {
            Err(e) if e.kind() == io::ErrorKind::Interrupted => {
                events.clear();
                Ok(())
            }
            other => other,
        }
    }

    /// What an event means; one event may mean two things for a link: readable, then writable.
    pub fn readiness(&mut self, event: &mio::event::Event) -> (Option<Ready>, Option<Ready>) {
        let token = event.token().0;
        if token >= OWN {
            return (Some(Ready::Own(token - OWN)), None);
        }
        if token >= LISTENERS {
            return (Some(Ready::Listener(token - LISTENERS)), None);
        }
        let ends = event.is_read_closed() || event.is_error();
        if ends && let Some(stream) = self.get(token) {
            stream.expect_end();
        }
        let read = event.is_readable() || ends;
        let write = event.is_writable() || event.is_write_closed();
        (read.then_some(Ready::Readable(token)), write.then_some(Ready::Writable(token)))
    }
}

/// Watches descriptors of the driver's own for the poll of its links.
pub struct Watcher {
    registry: Registry,
}

impl Watcher {
    /// Watches a descriptor, edge-triggered, under a number below 2^32; one that is already ready gives one
    /// event.
    pub fn watch(&self, fd: RawFd, number: usize, interest: Interest) -> io::Result<()> {
        self.registry.register(&mut SourceFd(&fd), Token(OWN + number), interest)
    }

    /// Stops watching a descriptor; call this before it is closed.
    pub fn unwatch(&self, fd: RawFd) {
        // It may not have been watched.
        let _ = self.registry.deregister(&mut SourceFd(&fd));
    }
}
