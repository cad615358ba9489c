//! Dialling in a thread of its own, so that a slow name server or a silent host does not block the daemon.

use std::io::{self, PipeReader, PipeWriter, Read, Write};
use std::os::fd::{AsRawFd, RawFd};
use std::sync::mpsc::{Receiver, Sender, channel};

use crate::dial::Dial;
use crate::stream::Stream;

/// Dials one address, again and again, one attempt at a time.
pub struct Dialer {
    dial: Dial,
    rx_capacity: usize,
    backlog_max: usize,
    made: Receiver<io::Result<Stream>>,
    tell: Sender<io::Result<Stream>>,
    bell: PipeReader,
    ring: PipeWriter,
}

impl Dialer {
    /// Streams get these buffers, see [`Stream::connect`].
    pub fn new(dial: Dial, rx_capacity: usize, backlog_max: usize) -> io::Result<Self> {
        let (tell, made) = channel();
        let (bell, ring) = io::pipe()?;
        Ok(Self { dial, rx_capacity, backlog_max, made, tell, bell, ring })
    }

    /// Where it dials.
    pub fn dial(&self) -> &Dial {
        &self.dial
    }

    /// Readable once for each [`Dialer::start`], when its result can be taken.
    pub fn fd(&self) -> RawFd {
        self.bell.as_raw_fd()
    }

    /// Begins to connect. The result is there within [`crate::stream::CONNECT_TIMEOUT`], or when the resolver
    /// gives up.
    pub fn start(&self) -> io::Result<()> {
        let (rx_capacity, backlog_max) = (self.rx_capacity, self.backlog_max);
        if let Dial::Unix(_) = self.dial {
            // The kernel answers at once, unless 4,096 connections wait already.
            return finish(&self.tell, &self.ring, Stream::connect(&self.dial, rx_capacity, backlog_max));
        }
        let (dial, tell, ring) = (self.dial.clone(), self.tell.clone(), self.ring.try_clone()?);
        let connect = move || {
            let made = Stream::connect(&dial, rx_capacity, backlog_max);
            // The driver may be gone; then nobody needs the stream.
            let _ = finish(&tell, &ring, made);
        };
        std::thread::Builder::new().name("dial".to_owned()).spawn(connect).map(|_| ())
    }

    /// The result of the last attempt; `None` while it is in progress.
    pub fn take(&mut self) -> Option<io::Result<Stream>> {
        let made = self.made.try_recv().ok()?;
        // One byte was written behind each result.
        let rung = self.bell.read(&mut [0]);
        assert!(rung.is_ok(), "a pipe whose ends are ours is read");
        Some(made)
    }
}

fn finish(
    tell: &Sender<io::Result<Stream>>,
    mut ring: &PipeWriter,
    made: io::Result<Stream>,
) -> io::Result<()> {
    tell.send(made).map_err(|_| io::ErrorKind::BrokenPipe)?;
    ring.write_all(&[1])
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::net::TcpListener;
    use std::time::Duration;

    fn dialled(dial: &str) -> io::Result<Stream> {
        let mut dialer = Dialer::new(dial.parse().unwrap(), 64, 64).unwrap();
        dialer.start().unwrap();
        // A dial ends by itself.
        loop {
            match dialer.take() {
                Some(made) => return made,
                None => std::thread::yield_now(),
            }
        }
    }

    #[test]
    fn a_listener_is_reached_and_nobody_is_an_error() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        assert!(dialled(&format!("tcp!127.0.0.1!{port}")).is_ok());
        drop(listener);
        for nobody in [format!("tcp!127.0.0.1!{port}"), "unix!/nonexistent/s".to_owned()] {
            assert!(dialled(&nobody).is_err(), "{nobody}");
        }
    }

    #[test]
    fn a_host_that_does_not_answer_does_not_hold_the_caller_up() {
        // A queue that is full and never emptied: further connections wait for it.
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let _full: Vec<_> = (0..4096)
            .map_while(|_| std::net::TcpStream::connect_timeout(&address, Duration::from_millis(50)).ok())
            .collect();
        let dial = format!("tcp!127.0.0.1!{}", address.port());
        let mut dialer = Dialer::new(dial.parse().unwrap(), 64, 64).unwrap();
        dialer.start().unwrap();
        assert!(dialer.take().is_none(), "the caller goes on before the dial has ended");
    }
}
