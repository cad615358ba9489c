//! A blocking stream over unix or TCP sockets, dialled by a dial string.

use crate::wait::BRIEF;
use std::io::{self, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::os::unix::net::UnixStream;
use std::time::Duration;

/// A port that was free a moment ago: nobody else is given it meanwhile, ports are dealt in turn.
///
/// # Panics
/// When none is free.
pub fn free_port() -> u16 {
    let probe = TcpListener::bind(("127.0.0.1", 0)).expect("a port is free");
    probe.local_addr().expect("it is bound").port()
}

/// Connections to a listener that accepts none, as many as wait there: who dials next waits for room.
///
/// # Panics
/// When there is always room.
pub fn fill(address: &SocketAddr) -> Vec<TcpStream> {
    let full: Vec<TcpStream> =
        (0..FULL).map_while(|_| TcpStream::connect_timeout(address, BRIEF).ok()).collect();
    assert!(full.len() < FULL, "a queue has a length");
    full
}

/// More than any queue of connections holds.
const FULL: usize = 4096;

/// A connected socket.
pub enum Stream {
    /// Of a path.
    Unix(UnixStream),
    /// Of a host and port.
    Tcp(TcpStream),
}

impl Stream {
    /// Connects to `unix!path` or `tcp!host!port`.
    ///
    /// # Errors
    /// When nobody listens there.
    pub fn dial(at: &str) -> io::Result<Self> {
        match at.split_once('!') {
            Some(("unix", path)) => UnixStream::connect(path).map(Self::Unix),
            Some(("tcp", rest)) => TcpStream::connect(rest.replace('!', ":")).map(|stream| {
                // Best effort: a split message may then come whole.
                let _ = stream.set_nodelay(true);
                Self::Tcp(stream)
            }),
            _ => Err(io::ErrorKind::InvalidInput.into()),
        }
    }

    /// Has a write fail that nobody takes.
    ///
    /// # Panics
    /// When the kernel refuses it.
    pub fn be_brief(&self) {
        self.set_patience(BRIEF).expect("a timeout can be set");
    }

    /// Sets how long a read, and a write, may wait.
    ///
    /// # Errors
    /// When the kernel refuses it.
    pub fn set_patience(&self, patience: Duration) -> io::Result<()> {
        match self {
            Self::Unix(s) => s.set_read_timeout(Some(patience)).and(s.set_write_timeout(Some(patience))),
            Self::Tcp(s) => s.set_read_timeout(Some(patience)).and(s.set_write_timeout(Some(patience))),
        }
    }

    /// Another handle of the same socket.
    ///
    /// # Errors
    /// When no descriptor is left.
    pub fn again(&self) -> io::Result<Self> {
        match self {
            Self::Unix(s) => s.try_clone().map(Self::Unix),
            Self::Tcp(s) => s.try_clone().map(Self::Tcp),
        }
    }

    /// Ends what is sent.
    pub fn finish(&self) {
        self.shut(Shutdown::Write);
    }

    /// Ends both ways.
    pub fn end(&self) {
        self.shut(Shutdown::Both);
    }

    fn shut(&self, how: Shutdown) {
        // The other end may have gone first.
        let _ = match self {
            Self::Unix(s) => s.shutdown(how),
            Self::Tcp(s) => s.shutdown(how),
        };
    }
}

impl Read for Stream {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        match self {
            Self::Unix(s) => s.read(out),
            Self::Tcp(s) => s.read(out),
        }
    }
}

impl Write for Stream {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match self {
            Self::Unix(s) => s.write(bytes),
            Self::Tcp(s) => s.write(bytes),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
