//! One 9P conversation: its socket, the numbers of its fids and tags, and the requests that are not sent yet.
//!
//! It knows which answer belongs to which request and waits for none.

use crate::error::Error;
use crate::socket::Socket;
use crate::wait::{Wait, Watch};
use protocol::client::{Burst, Client as Numbers, Reply};
use protocol::limits::{IOHDR, MSIZE_MAX};
use protocol::message::{Fid, Rmsg, Tag, Tmsg, VERSION};
use protocol::wire::Full;
use protocol_host::Dial;
use std::io;
use std::time::{Duration, Instant};

/// Room for any request but its data: sixteen names of a path.
const REQUEST: usize = 4096;

/// A link that has agreed on a version, with at most so many fids and requests at once. Each request carries
/// a token of the caller's, and so does its answer.
pub struct Link<T, const FIDS: usize, const TAGS: usize> {
    /// What it speaks through.
    pub socket: Socket,
    dial: Dial,
    numbers: Box<Numbers<T, FIDS, TAGS>>,
    out: Vec<u8>,
}

impl<T: Copy, const FIDS: usize, const TAGS: usize> Link<T, FIDS, TAGS> {
    /// Connects and agrees on a version within `patience`; `hello` is that request's token.
    pub fn dial(dial: &Dial, hello: T, patience: Duration) -> Result<Self, Error> {
        let socket = Socket::dial(dial).map_err(|e| Error::Unreachable(dial.clone(), e))?;
        let numbers = Box::new(Numbers::new(MSIZE_MAX));
        let mut link = Self { socket, dial: dial.clone(), numbers, out: Vec::new() };
        let kept = link.add(0, |numbers, burst| numbers.version(burst, hello));
        kept.map_err(|_| Error::Full("no room for a version"))?;
        link.send()?;
        let until = Instant::now() + patience;
        loop {
            let agreed = link.next(|reply| matches!(reply.answer, Rmsg::Version { version: VERSION, .. }));
            match agreed {
                Ok(Some(true)) => return Ok(link),
                Ok(Some(false)) => return Err(Error::Foreign(dial.clone())),
                Ok(None) => link.wait(Some(until), patience)?,
                Err(error) => return Err(error),
            }
        }
    }

    /// Most bytes of data in one message.
    pub fn payload(&self) -> u32 {
        self.numbers.msize() - IOHDR
    }

    /// A fid that is not in use, if there is one.
    pub fn fid(&mut self) -> Result<Fid, Full> {
        self.numbers.fid()
    }

    /// Gives back a fid that no request was made with.
    pub fn give_back(&mut self, fid: Fid) {
        self.numbers.give_back(fid);
    }

    /// Adds a request to what is to be sent: its tag.
    pub fn ask(&mut self, token: T, request: &Tmsg<'_>) -> Result<Tag, Full> {
        let data = if let Tmsg::Write { data, .. } = request { data.len() } else { 0 };
        self.add(data, |numbers, burst| numbers.ask(burst, token, request))
    }

    /// Gives a request up. An answer to it still comes, maybe that it was flushed.
    pub fn flush(&mut self, tag: Tag) -> Result<(), Full> {
        self.add(0, |numbers, burst| numbers.flush(burst, tag))
    }

    fn add<R>(
        &mut self,
        data: usize,
        ask: impl FnOnce(&mut Numbers<T, FIDS, TAGS>, &mut Burst<'_>) -> Result<R, Full>,
    ) -> Result<R, Full> {
        let at = self.out.len();
        self.out.resize(at + data + REQUEST, 0);
        let mut burst = Burst::new(&mut self.out[at..]);
        let asked = ask(&mut self.numbers, &mut burst);
        let len = burst.bytes().len();
        self.out.truncate(at + len);
        asked
    }

    /// Sends what was asked, all of it.
    pub fn send(&mut self) -> Result<(), Error> {
        if self.out.is_empty() {
            return Ok(());
        }
        let sent = self.socket.send(&self.out);
        self.out.clear();
        sent.map_err(|e| self.hung_up(Some(e)))
    }

    /// Sends what was asked as far as the kernel takes it now; a wait for the socket sends the rest.
    pub fn send_now(&mut self) -> io::Result<()> {
        if self.out.is_empty() {
            return Ok(());
        }
        let sent = self.socket.queue(&self.out).map(drop);
        self.out.clear();
        sent
    }

    /// The next answer, if a whole one is there.
    pub fn next<R>(&mut self, mut take: impl FnMut(Reply<'_, T>) -> R) -> Result<Option<R>, Error> {
        loop {
            let Some((len, reply)) = self.numbers.take(self.socket.bytes()).map_err(|_| Error::Botch)? else {
                return Ok(None);
            };
            let taken = reply.map(&mut take);
            self.socket.consume(len);
            if taken.is_some() {
                return Ok(taken);
            }
        }
    }

    /// Adds the link to a wait: for bytes, and for room for what is not sent yet. One that has ended is not
    /// waited for: [`Self::serve`] says so at once.
    pub fn watch(&self, wait: &mut Wait) -> Watch {
        if self.socket.is_ended() {
            wait.at_once();
        }
        self.socket.watch(wait)
    }

    /// Takes what a wait has told of the socket. What came before the end is taken first.
    pub fn serve(&mut self, wait: &Wait, own: Watch) -> Result<(), Error> {
        let got = self.socket.serve(wait, own).map_err(|e| self.hung_up(Some(e)))?;
        if got == 0 && self.socket.is_ended() { Err(self.hung_up(None)) } else { Ok(()) }
    }

    /// Waits for bytes; `patience` is what is told when none came by `until`.
    pub(crate) fn wait(&mut self, until: Option<Instant>, patience: Duration) -> Result<(), Error> {
        let mut wait = Wait::until(until);
        let own = self.watch(&mut wait);
        wait.wait().map_err(|e| self.hung_up(Some(e)))?;
        self.serve(&wait, own)?;
        if wait.is_late() { Err(Error::Late(patience)) } else { Ok(()) }
    }

    fn hung_up(&self, why: Option<io::Error>) -> Error {
        Error::HungUp(self.dial.clone(), why)
    }
}
