//! A client that is attached to a node: requests that are sent together and answered as they are.
//!
//! `calls` has what waits for its answer, `reading` whole files.

use crate::error::Error;
use crate::link::Link;
use crate::wait::{Wait, Watch};
use protocol::client::Reply;
use protocol::message::{Fid, Names, Rmsg, Tag, Tmsg};
use protocol::server::mode;
use protocol_host::{Dial, user_name};
use std::time::{Duration, Instant};

/// Most bytes of one write of parameters or ctl lines.
pub const PIECE: usize = 32 * 1024;
/// The fid of the root, or of the directory that was entered.
pub const ROOT: Fid = Fid(0);
/// How long an answer that waits for nobody's program may take.
pub(crate) const PATIENCE: Duration = Duration::from_secs(20);
/// Fids at once: a job holds eight, fifteen tasks five each, and as many while the last ones are given back.
const FIDS: usize = 160;
/// Requests at once: 4 MiB of parameters in pieces, and what a job waits for.
const TAGS: usize = 512;

/// Room for any answer but its data.
const ANSWER: usize = 4096;

/// What a request was made for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Token<T> {
    /// The call of this number, which waits for it.
    Call(u32),
    /// Nothing: nobody looks at the answer.
    Quiet,
    /// It is the caller's.
    Own(T),
}

/// An attached link. `T` is what the caller gives with a request of its own, and gets with the answer.
pub struct Client<T = ()> {
    pub(crate) link: Link<Token<T>, FIDS, TAGS>,
    /// The call that was made last.
    pub(crate) call: u32,
    /// Answers that came while another was waited for: whose, and the message.
    held: Vec<(Token<T>, Vec<u8>)>,
}

impl<T: Copy> Client<T> {
    /// Connects, agrees on a version and attaches as the user who runs this.
    pub fn connect(dial: &Dial) -> Result<Self, Error> {
        let link = Link::dial(dial, Token::Quiet, PATIENCE)?;
        let mut client = Self { link, call: 0, held: Vec::new() };
        let fid = client.fid()?;
        assert!(fid == ROOT, "the first fid is the root's");
        client.call(&Tmsg::Attach { fid, afid: Fid::NONE, uname: &user_name(), aname: "" })?;
        Ok(client)
    }

    /// Most bytes of data in one message.
    pub fn payload(&self) -> u32 {
        self.link.payload()
    }

    /// A fid that is not in use.
    pub fn fid(&mut self) -> Result<Fid, Error> {
        self.link.fid().map_err(|_| Error::Full("more files at once than a client has room for"))
    }

    /// Adds a request to what is sent next; its answer comes with `token`.
    pub fn ask(&mut self, token: T, request: &Tmsg<'_>) -> Result<(), Error> {
        self.add(Token::Own(token), request)
    }

    /// Adds a request whose answer nobody looks at.
    pub fn ask_quietly(&mut self, request: &Tmsg<'_>) -> Result<(), Error> {
        self.add(Token::Quiet, request)
    }

    pub(crate) fn add(&mut self, token: Token<T>, request: &Tmsg<'_>) -> Result<(), Error> {
        let full = Error::Full("more requests at once than a client has room for, or a path too long");
        self.link.ask(token, request).map(drop).map_err(|_| full)
    }

    /// Adds a walk from a fid and an open: the file's fid. Both are answered with `token`.
    pub fn ask_open(&mut self, token: T, from: Fid, path: &[&str], mode: u8) -> Result<Fid, Error> {
        self.add_open(Token::Own(token), from, path, mode)
    }

    pub(crate) fn add_open(
        &mut self,
        token: Token<T>,
        from: Fid,
        path: &[&str],
        mode: u8,
    ) -> Result<Fid, Error> {
        let names = Names::new(path).map_err(|_| Error::Refused("more than 16 names".to_owned()))?;
        let fid = self.fid()?;
        self.add(token, &Tmsg::Walk { fid: from, newfid: fid, names })?;
        self.add(token, &Tmsg::Open { fid, mode })?;
        Ok(fid)
    }

    /// Adds all that fills a file anew: open, writes, close. Each is answered with `token`; nothing is asked
    /// for no data.
    pub fn ask_fill(&mut self, token: T, from: Fid, path: &[&str], data: &[u8]) -> Result<(), Error> {
        if data.is_empty() {
            return Ok(());
        }
        let fid = self.ask_open(token, from, path, mode::WRITE | mode::TRUNC)?;
        for data in data.chunks(PIECE) {
            self.ask(token, &Tmsg::Write { fid, offset: 0, data })?;
        }
        self.ask(token, &Tmsg::Clunk { fid })
    }

    /// Adds what makes a session and fills its parameters: the fid of its ctl.
    pub fn ask_session(&mut self, token: T, env: &[u8], args: &[u8]) -> Result<Fid, Error> {
        let ctl = self.ask_open(token, ROOT, &["clone"], mode::RDWR)?;
        self.ask_fill(token, ctl, &["..", "env"], env)?;
        self.ask_fill(token, ctl, &["..", "args"], args)?;
        Ok(ctl)
    }

    /// Sends what was asked.
    pub fn send(&mut self) -> Result<(), Error> {
        self.link.send()
    }

    /// Sends what was asked as far as the kernel takes it now: the last words to a node that may be stuck.
    pub fn send_now(&mut self) {
        // A node that is gone needs no last words.
        let _ = self.link.send_now();
    }

    /// The next answer to a request of the caller's, if a whole one is there.
    pub fn next<R>(&mut self, mut take: impl FnMut(Reply<'_, T>) -> R) -> Result<Option<R>, Error> {
        if let Some(at) = self.held.iter().position(|(token, _)| matches!(token, Token::Own(_)))
            && let (Token::Own(token), message) = self.held.remove(at)
        {
            let (_, answer) = Rmsg::decode(&message).map_err(|_| Error::Botch)?;
            return Ok(Some(take(Reply { token, answer, is_flushed: false })));
        }
        loop {
            let taken = self.link.next(|reply| match reply.token {
                Token::Own(token) => {
                    Some(take(Reply { token, answer: reply.answer, is_flushed: reply.is_flushed }))
                }
                Token::Call(_) | Token::Quiet => None,
            })?;
            match taken {
                Some(None) => {}
                Some(taken) => return Ok(taken),
                None => return Ok(None),
            }
        }
    }

    /// Waits for the answer to a call, until the end of time where there is no `patience`. Other answers are
    /// kept for whoever waits for them.
    pub(crate) fn answer<R>(
        &mut self,
        call: u32,
        patience: Option<Duration>,
        mut take: impl FnMut(Rmsg<'_>) -> R,
    ) -> Result<R, Error> {
        let is_it = |token: &Token<T>| matches!(token, Token::Call(number) if *number == call);
        if let Some(at) = self.held.iter().position(|(token, _)| is_it(token)) {
            let (_, message) = self.held.remove(at);
            return Rmsg::decode(&message).map(|(_, answer)| take(answer)).map_err(|_| Error::Botch);
        }
        let until = patience.map(|patience| Instant::now() + patience);
        loop {
            let held = &mut self.held;
            let taken = self.link.next(|reply| {
                if is_it(&reply.token) {
                    return Some(take(reply.answer));
                }
                if !matches!(reply.token, Token::Quiet) {
                    held.push((reply.token, message(&reply.answer)));
                }
                None
            })?;
            match taken {
                Some(Some(taken)) => return Ok(taken),
                Some(None) => {}
                None => self.link.wait(until, patience.unwrap_or_default())?,
            }
        }
    }

    /// Adds the client to a wait.
    pub fn watch(&self, wait: &mut Wait) -> Watch {
        self.link.watch(wait)
    }

    /// Takes what a wait has told of it: [`Self::next`] has the answers.
    pub fn serve(&mut self, wait: &Wait, own: Watch) -> Result<(), Error> {
        self.link.serve(wait, own)
    }
}

/// An answer as bytes that outlive it.
fn message(answer: &Rmsg<'_>) -> Vec<u8> {
    let data = if let Rmsg::Read { data } = answer { data.len() } else { 0 };
    let mut message = vec![0; data + ANSWER];
    let len = answer.encode(Tag(0), &mut message);
    message.truncate(len.unwrap_or(0));
    message
}

/// The first at most `most` bytes, to the end of a line where there is one.
pub fn piece(data: &[u8], most: usize) -> &[u8] {
    if data.len() <= most {
        return data;
    }
    let end = data[..most].iter().rposition(|byte| *byte == b'\n').map_or(most, |at| at + 1);
    &data[..end]
}

#[cfg(test)]
#[path = "client_tests.rs"]
mod tests;
