//! A 9P connection of a test's or a bench's own: requests by tag, each with its answer, in any order.

use crate::Stream;
use protocol::message::{Fid, Names, Rmsg, Tag, Tmsg, VERSION, frame};
use std::io::{ErrorKind, Read, Write};
use std::path::Path;
use std::time::{Duration, Instant};

/// Bytes of the largest message.
const MSIZE: u32 = 65_536;
/// How long a connection or an answer may take.
const PATIENCE: Duration = Duration::from_secs(30);

/// Tags of this side's own: those below are the caller's.
const OWN: Tag = Tag(1000);
const OPEN: Tag = Tag(1001);
const WRITE: Tag = Tag(1002);

/// A connection that has attached, fid 0. What goes wrong on it is a panic.
pub struct Link {
    stream: Stream,
    burst: Vec<u8>,
    bytes: Vec<u8>,
    /// Bytes of `bytes` that are taken.
    taken: usize,
    /// Answers that came before the one that was waited for.
    early: Vec<(Tag, Answer)>,
}

/// What an answer was.
#[derive(Debug, PartialEq, Eq)]
pub enum Answer {
    /// An Rerror.
    Refused(String),
    /// The bytes of an Rread.
    Data(Vec<u8>),
    /// Any other.
    Done,
}

fn unix(socket: &Path) -> String {
    format!("unix!{}", socket.display())
}

impl Link {
    /// Connects to a node that listens, or begins to soon.
    pub fn dial(socket: &Path) -> Self {
        Self::dial_as(socket, "root")
    }

    /// The same with another user's name.
    pub fn dial_as(socket: &Path, uname: &str) -> Self {
        Self::dial_at(&unix(socket), uname)
    }

    /// The same at a dial string.
    pub fn dial_at(at: &str, uname: &str) -> Self {
        let mut link = Self::connect_at(at);
        link.queue(Tag::NONE, &Tmsg::Version { msize: MSIZE, version: VERSION });
        let attach = Tmsg::Attach { fid: Fid(0), afid: Fid::NONE, uname, aname: "" };
        assert_eq!(link.call(OWN, &attach), Answer::Done);
        assert_eq!(link.answer(Tag::NONE), Answer::Done);
        link
    }

    /// Connects and says nothing yet.
    pub fn connect(socket: &Path) -> Self {
        Self::connect_at(&unix(socket))
    }

    fn connect_at(at: &str) -> Self {
        let end = Instant::now() + PATIENCE;
        let stream = loop {
            match Stream::dial(at) {
                Ok(stream) => break stream,
                Err(e) => assert!(Instant::now() < end, "the node listens: {e}"),
            }
        };
        stream.set_patience(PATIENCE).expect("a timeout can be set");
        Self { stream, burst: Vec::new(), bytes: Vec::new(), taken: 0, early: Vec::new() }
    }

    /// Adds a request to the burst that `send` sends.
    pub fn queue(&mut self, tag: Tag, msg: &Tmsg<'_>) {
        let at = self.burst.len();
        self.burst.resize(at + MSIZE as usize, 0);
        let len = msg.encode(tag, &mut self.burst[at..]).expect("it fits");
        self.burst.truncate(at + len);
    }

    /// Adds the walk to a file and its opening, whose answers come with tags from 1,000 on.
    pub fn queue_open(&mut self, from: u32, fid: u32, names: &[&str], mode: u8) {
        let names = Names::new(names).expect("few names");
        self.queue(OWN, &Tmsg::Walk { fid: Fid(from), newfid: Fid(fid), names });
        self.queue(OPEN, &Tmsg::Open { fid: Fid(fid), mode });
    }

    /// Sends the burst.
    pub fn send(&mut self) {
        self.stream.write_all(&self.burst).expect("the node reads");
        self.burst.clear();
    }

    /// The answer to a request that was sent.
    pub fn answer(&mut self, tag: Tag) -> Answer {
        loop {
            if let Some(at) = self.early.iter().position(|(got, _)| *got == tag) {
                return self.early.remove(at).1;
            }
            let next = self.any();
            self.early.push(next);
        }
    }

    /// The answer that comes next, and to what.
    pub fn any(&mut self) -> (Tag, Answer) {
        loop {
            let left = &self.bytes[self.taken..];
            if let Some(len) = frame(left, MSIZE).expect("a node speaks 9P") {
                let (tag, msg) = Rmsg::decode(&left[..len]).expect("a node speaks 9P");
                let answer = match msg {
                    Rmsg::Error { ename } => Answer::Refused(ename.to_owned()),
                    Rmsg::Read { data } => Answer::Data(data.to_vec()),
                    _ => Answer::Done,
                };
                self.taken += len;
                return (tag, answer);
            }
            self.bytes.drain(..self.taken);
            self.taken = 0;
            let at = self.bytes.len();
            self.bytes.resize(at + MSIZE as usize, 0);
            let got = loop {
                match self.stream.read(&mut self.bytes[at..]) {
                    // One with a time limit is not begun anew by the kernel.
                    Err(e) if e.kind() == ErrorKind::Interrupted => {}
                    got => break got.expect("an answer comes in time"),
                }
            };
            assert!(got > 0, "the node goes on");
            self.bytes.truncate(at + got);
        }
    }

    /// One request and its answer.
    pub fn call(&mut self, tag: Tag, msg: &Tmsg<'_>) -> Answer {
        self.queue(tag, msg);
        self.send();
        self.answer(tag)
    }

    /// Opens a file.
    pub fn open(&mut self, from: u32, fid: u32, names: &[&str], mode: u8) {
        self.queue_open(from, fid, names, mode);
        self.send();
        assert_eq!(self.answer(OWN), Answer::Done, "{names:?}");
        assert_eq!(self.answer(OPEN), Answer::Done, "{names:?}");
    }

    /// Adds a write whose answer is waited for later, by `answer_write`.
    pub fn queue_write(&mut self, fid: u32, data: &[u8]) {
        self.queue(WRITE, &Tmsg::Write { fid: Fid(fid), offset: 0, data });
    }

    /// The answer to the write that was queued.
    pub fn answer_write(&mut self) -> Answer {
        self.answer(WRITE)
    }

    /// Writes to an open file.
    pub fn write(&mut self, fid: u32, data: &[u8]) -> Answer {
        self.queue_write(fid, data);
        self.send();
        self.answer_write()
    }

    /// Gives a fid back.
    pub fn clunk(&mut self, fid: u32) {
        assert_eq!(self.call(OWN, &Tmsg::Clunk { fid: Fid(fid) }), Answer::Done);
    }

    /// Walks to a file and removes it, by way of fid 9.
    pub fn remove(&mut self, from: u32, names: &[&str]) -> Answer {
        let names = Names::new(names).expect("few names");
        self.queue(OPEN, &Tmsg::Walk { fid: Fid(from), newfid: Fid(9), names });
        self.send();
        assert_eq!(self.answer(OPEN), Answer::Done);
        self.call(OWN, &Tmsg::Remove { fid: Fid(9) })
    }

    /// A whole file, by way of fid 9.
    pub fn read(&mut self, from: u32, names: &[&str]) -> Vec<u8> {
        self.open(from, 9, names, 0);
        let mut all = Vec::new();
        loop {
            let offset = all.len() as u64;
            match self.call(OWN, &Tmsg::Read { fid: Fid(9), offset, count: 60_000 }) {
                Answer::Data(more) if more.is_empty() => break,
                Answer::Data(more) => all.extend(more),
                other => panic!("{names:?}: {other:?}"),
            }
        }
        self.clunk(9);
        all
    }
}
