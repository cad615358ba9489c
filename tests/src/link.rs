//! The wire client of the tests: bare messages, well kept or not, and what came back of them.

use crate::Stream;
use crate::wait::{HANG, Wait};
use protocol::limits::MSIZE_MAX;
use protocol::message::{Fid, Names, Rmsg, Tag, Tmsg, VERSION, frame};
use std::io::{ErrorKind, Read, Write};
use std::path::Path;

/// Bytes of the largest message that it asks for.
const MSIZE: u32 = 65_536;

/// Tags of this side's own: those below are the caller's.
const OWN: Tag = Tag(1000);
const OPEN: Tag = Tag(1001);
const WRITE: Tag = Tag(1002);

/// A connection. On one that [`Link::dial`] made, fid 0 is attached, and what goes wrong is a panic.
pub struct Link {
    stream: Stream,
    burst: Vec<u8>,
    got: Vec<u8>,
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

/// Whether an answer is a refusal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// An Rerror.
    Error,
    /// Any other answer.
    Other,
}

impl Answer {
    fn of(msg: &Rmsg<'_>) -> Self {
        match *msg {
            Rmsg::Error { ename } => refused(ename),
            Rmsg::Read { data } => Self::Data(data.to_vec()),
            _ => Self::Done,
        }
    }

    fn kind(&self) -> Kind {
        if matches!(self, Self::Refused(_)) { Kind::Error } else { Kind::Other }
    }
}

/// An Rerror with that text.
pub fn refused(why: &str) -> Answer {
    Answer::Refused(why.to_owned())
}

/// Making a connection.
impl Link {
    /// Connects to a node that listens, or begins to soon, and attaches as root.
    pub fn dial(socket: &Path) -> Self {
        Self::dial_as(socket, "root")
    }

    /// The same with another user's name.
    pub fn dial_as(socket: &Path, uname: &str) -> Self {
        Self::dial_at(&format!("unix!{}", socket.display()), uname)
    }

    /// The same at a dial string.
    pub fn dial_at(at: &str, uname: &str) -> Self {
        let mut link = Self::connect_at(at);
        link.greet(MSIZE, uname);
        link
    }

    /// Connects and says nothing yet.
    pub fn connect(socket: &Path) -> Self {
        Self::connect_at(&format!("unix!{}", socket.display()))
    }

    /// The same at a dial string.
    pub fn connect_at(at: &str) -> Self {
        let wait = Wait::new();
        loop {
            match Stream::dial(at) {
                Ok(stream) => return Self::over(stream),
                Err(e) => wait.again(format_args!("{at} listens: {e}")),
            }
        }
    }

    /// On a connection that is made already.
    ///
    /// # Panics
    /// When its patience cannot be set.
    pub fn over(stream: Stream) -> Self {
        stream.set_patience(HANG).expect("a timeout can be set");
        Self { stream, burst: Vec::new(), got: Vec::new(), early: Vec::new() }
    }

    /// One of small messages that has attached as fid 0.
    ///
    /// # Panics
    /// When a node refuses that.
    pub fn attached(at: &str) -> Self {
        let mut link = Self::connect_at(at);
        link.greet(8216, "root");
        link
    }

    /// Agrees on a version and attaches as fid 0.
    ///
    /// # Panics
    /// When a node refuses that.
    pub fn greet(&mut self, msize: u32, uname: &str) {
        assert_eq!(self.try_call(Tag::NONE, &Tmsg::Version { msize, version: VERSION }), Some(Kind::Other));
        let attach = Tmsg::Attach { fid: Fid(0), afid: Fid::NONE, uname, aname: "" };
        assert_eq!(self.try_call(Tag(0), &attach), Some(Kind::Other));
    }
}

/// Bytes and messages, on a connection that may end.
impl Link {
    /// Sends bytes, as far as the node takes them.
    pub fn send_bytes(&mut self, bytes: &[u8]) {
        // A node that has hung up already has told its opinion.
        let _ = self.stream.write_all(bytes);
    }

    /// Sends bytes; false when the node hung up or takes no more.
    pub fn try_send(&mut self, bytes: &[u8]) -> bool {
        self.stream.write_all(bytes).is_ok()
    }

    /// Sends a request.
    pub fn ask(&mut self, tag: Tag, msg: &Tmsg<'_>) {
        self.send_bytes(&request(tag, msg));
    }

    /// No more is sent; what comes is still received.
    pub fn finish(&mut self) {
        self.stream.finish();
    }

    /// The next message, or nothing when the node hung up.
    ///
    /// # Panics
    /// When neither comes, or what comes is no message.
    pub fn message(&mut self) -> Option<Vec<u8>> {
        loop {
            if let Some(len) = frame(&self.got, MSIZE_MAX).expect("a node speaks 9P") {
                return Some(self.got.drain(..len).collect());
            }
            if !self.fill() {
                return None;
            }
        }
    }

    fn fill(&mut self) -> bool {
        let mut bytes = [0; MSIZE as usize];
        let got = loop {
            match self.stream.read(&mut bytes) {
                // One with a time limit is not begun anew by the kernel.
                Err(e) if e.kind() == ErrorKind::Interrupted => {}
                got => break got,
            }
        };
        match got {
            Ok(0) => false,
            Ok(len) => {
                self.got.extend_from_slice(&bytes[..len]);
                true
            }
            Err(e) if e.kind() == ErrorKind::ConnectionReset => false,
            Err(e) => panic!("neither a message nor a hangup: {e}"),
        }
    }

    fn next_answer(&mut self) -> Option<(Tag, Answer)> {
        self.message().map(|message| {
            let (tag, msg) = Rmsg::decode(&message).expect("a node speaks 9P");
            (tag, Answer::of(&msg))
        })
    }

    /// The next answer: its tag and kind; nothing when the node hung up.
    ///
    /// # Panics
    /// As [`Link::message`].
    pub fn next_kind(&mut self) -> Option<(Tag, Kind)> {
        self.next_answer().map(|(tag, answer)| (tag, answer.kind()))
    }

    /// One request and the kind of its answer; nothing when the node hung up.
    ///
    /// # Panics
    /// When another answer comes first.
    pub fn try_call(&mut self, tag: Tag, msg: &Tmsg<'_>) -> Option<Kind> {
        self.ask(tag, msg);
        self.next_kind().map(|(got, kind)| {
            assert_eq!(got, tag, "an answer has its request's tag");
            kind
        })
    }

    /// The text of the refusal of a request, empty if it is not refused.
    ///
    /// # Panics
    /// When the node hung up.
    pub fn refusal(&mut self, tag: Tag, msg: &Tmsg<'_>) -> String {
        self.ask(tag, msg);
        match self.next_answer().expect("an answer comes").1 {
            Answer::Refused(why) => why,
            _ => String::new(),
        }
    }

    /// Walks from fid 0 and opens.
    ///
    /// # Panics
    /// When either is refused.
    pub fn open_path(&mut self, fid: u32, path: &[&str], mode: u8) {
        assert_eq!(self.try_call(Tag(0), &walk(0, fid, path)), Some(Kind::Other), "{path:?}");
        assert_eq!(self.try_call(Tag(0), &Tmsg::Open { fid: Fid(fid), mode }), Some(Kind::Other), "{path:?}");
    }

    /// The data of a read.
    ///
    /// # Panics
    /// When it is refused.
    pub fn data(&mut self, fid: u32, offset: u64, count: u32) -> Vec<u8> {
        self.ask(Tag(0), &Tmsg::Read { fid: Fid(fid), offset, count });
        match self.next_answer().expect("an answer comes").1 {
            Answer::Data(data) => data,
            other => panic!("no data: {other:?}"),
        }
    }
}

/// Bursts of requests, with answers in any order.
impl Link {
    /// Adds a request to the burst that `send` sends.
    pub fn queue(&mut self, tag: Tag, msg: &Tmsg<'_>) {
        self.burst.extend(request(tag, msg));
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
        self.next_answer().expect("the node goes on")
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

/// The bytes of a request.
///
/// # Panics
/// When it is far larger than any message.
pub fn request(tag: Tag, msg: &Tmsg<'_>) -> Vec<u8> {
    let mut out = vec![0; 64];
    loop {
        if let Ok(len) = msg.encode(tag, &mut out) {
            out.truncate(len);
            return out;
        }
        assert!(out.len() < 4 * MSIZE_MAX as usize, "it fits");
        out.resize(4 * out.len(), 0);
    }
}

/// A message of any kind and body, with its true size.
pub fn message(kind: u8, tag: u16, body: &[u8]) -> Vec<u8> {
    let mut bytes = header(7 + body.len() as u32, kind, tag);
    bytes.extend_from_slice(body);
    bytes
}

/// A header of any size.
pub fn header(size: u32, kind: u8, tag: u16) -> Vec<u8> {
    let mut bytes = size.to_le_bytes().to_vec();
    bytes.push(kind);
    bytes.extend(tag.to_le_bytes());
    bytes
}

/// A walk of few names.
///
/// # Panics
/// With more than 16 names.
pub fn walk<'a>(from: u32, to: u32, names: &[&'a str]) -> Tmsg<'a> {
    Tmsg::Walk { fid: Fid(from), newfid: Fid(to), names: Names::new(names).expect("few names") }
}
