//! A client of bare messages over a socket: what no well-kept client would send, and what came back of it.

use crate::Stream;
use protocol::limits::MSIZE_MAX;
use protocol::message::{Fid, Names, Rmsg, Tag, Tmsg, VERSION, frame};
use std::io::{ErrorKind, Read, Write};
use std::time::Duration;

/// How long an answer or a hangup may take: far beyond every deadline of a node.
pub const PATIENCE: Duration = Duration::from_secs(10);
/// The largest message that a raw client takes.
const MESSAGE_MAX: u32 = MSIZE_MAX;

/// Whether an answer is a refusal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// An Rerror.
    Error,
    /// Any other answer.
    Other,
}

/// A connection that sends any bytes and receives whole messages.
pub struct Raw {
    stream: Stream,
    got: Vec<u8>,
}

impl Raw {
    /// Connects to a dial string.
    ///
    /// # Panics
    /// When nobody listens there.
    pub fn dial(at: &str) -> Self {
        let stream = Stream::dial(at).expect("a node listens");
        Self::over(stream)
    }

    /// On a connection that is made already.
    ///
    /// # Panics
    /// When its patience cannot be set.
    pub fn over(stream: Stream) -> Self {
        stream.set_patience(PATIENCE).expect("a timeout can be set");
        Self { stream, got: Vec::new() }
    }

    /// One that has agreed on a version and attached as fid 0.
    ///
    /// # Panics
    /// When a node refuses that.
    pub fn attached(at: &str) -> Self {
        let mut raw = Self::dial(at);
        raw.greet(8216, "root");
        raw
    }

    /// Agrees on a version and attaches as fid 0.
    ///
    /// # Panics
    /// When a node refuses that.
    pub fn greet(&mut self, msize: u32, uname: &str) {
        assert_eq!(self.call(Tag::NONE, &Tmsg::Version { msize, version: VERSION }), Some(Kind::Other));
        let attach = Tmsg::Attach { fid: Fid(0), afid: Fid::NONE, uname, aname: "" };
        assert_eq!(self.call(Tag(0), &attach), Some(Kind::Other));
    }

    /// Walks from fid 0 and opens.
    ///
    /// # Panics
    /// When either is refused.
    pub fn open(&mut self, fid: u32, path: &[&str], mode: u8) {
        assert_eq!(self.call(Tag(0), &walk(0, fid, path)), Some(Kind::Other), "{path:?}");
        assert_eq!(self.call(Tag(0), &Tmsg::Open { fid: Fid(fid), mode }), Some(Kind::Other), "{path:?}");
    }

    /// Sends bytes, as far as the node takes them.
    pub fn send(&mut self, bytes: &[u8]) {
        // A node that has hung up already has told its opinion.
        let _ = self.stream.write_all(bytes);
    }

    /// Sends bytes; false when the node hung up or takes no more.
    pub fn try_send(&mut self, bytes: &[u8]) -> bool {
        self.stream.write_all(bytes).is_ok()
    }

    /// Sends a request.
    pub fn ask(&mut self, tag: Tag, msg: &Tmsg<'_>) {
        self.send(&request(tag, msg));
    }

    /// The next message, or nothing when the node hung up.
    ///
    /// # Panics
    /// When neither comes in time, or what comes is no message.
    pub fn message(&mut self) -> Option<Vec<u8>> {
        loop {
            if let Some(len) = frame(&self.got, MESSAGE_MAX).expect("a node speaks 9P") {
                return Some(self.got.drain(..len).collect());
            }
            if !self.fill() {
                return None;
            }
        }
    }

    fn fill(&mut self) -> bool {
        let mut bytes = [0; 65_536];
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

    /// The next answer: its tag and kind; nothing when the node hung up.
    ///
    /// # Panics
    /// As [`Raw::message`].
    pub fn answer(&mut self) -> Option<(Tag, Kind)> {
        self.message().map(|message| {
            let (tag, msg) = Rmsg::decode(&message).expect("a node speaks 9P");
            (tag, if matches!(msg, Rmsg::Error { .. }) { Kind::Error } else { Kind::Other })
        })
    }

    /// One request and its answer; nothing when the node hung up.
    ///
    /// # Panics
    /// When another answer comes first.
    pub fn call(&mut self, tag: Tag, msg: &Tmsg<'_>) -> Option<Kind> {
        self.ask(tag, msg);
        self.answer().map(|(got, kind)| {
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
        let message = self.message().expect("an answer comes");
        match Rmsg::decode(&message) {
            Ok((_, Rmsg::Error { ename })) => ename.to_owned(),
            _ => String::new(),
        }
    }

    /// The data of a read.
    ///
    /// # Panics
    /// When it is refused.
    pub fn data(&mut self, fid: u32, offset: u64, count: u32) -> Vec<u8> {
        self.ask(Tag(0), &Tmsg::Read { fid: Fid(fid), offset, count });
        let message = self.message().expect("an answer comes");
        match Rmsg::decode(&message) {
            Ok((_, Rmsg::Read { data })) => data.to_vec(),
            other => panic!("no data: {other:?}"),
        }
    }

    /// No more is sent; what comes is still received.
    pub fn finish(&mut self) {
        self.stream.finish();
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
        assert!(out.len() < 4 * MESSAGE_MAX as usize, "it fits");
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
