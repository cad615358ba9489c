//! A child that joins an ionode like a cnode, answers like one, and departs from it where a test says.

use crate::link::{request, walk};
use crate::wait::{HANG, until};
use crate::{Link, Stream};
use protocol::message::{Fid, Qids, Rmsg, Tag, Tmsg, VERSION, is_request};
use protocol::qid::Qid;
use protocol::stat::Stat;
use std::collections::BTreeMap;
use std::thread::JoinHandle;

/// The boot number of every fake child, unless a test says otherwise.
pub const BOOT: u64 = 0xfa6e;
const MSIZE: u32 = 32_792;
/// The first tag of joining: of the attach, then the walk, the open, the join, its answer and the clunk.
pub const FIRST: u16 = 0xff00;

/// What a fake child does with one request.
pub enum Act {
    /// What a cnode would.
    Usual,
    /// Nothing at all.
    Silence,
    /// These bytes.
    Send(Vec<u8>),
    /// What a cnode would, byte by byte.
    Slowly,
    /// What a cnode would, and then these bytes.
    Also(Vec<u8>),
}

/// A child that has joined.
pub struct Fake {
    name: String,
    raw: Link,
    stream: Stream,
    paths: BTreeMap<u32, Vec<String>>,
    /// It was told to run something.
    pub is_launched: bool,
    /// Reads of it that wait, by their files.
    pub waiting: Vec<(Tag, String)>,
}

impl Fake {
    /// Connects and joins: the child, or how it was refused.
    ///
    /// # Errors
    /// The text of the Rerror, or `hung up`.
    ///
    /// # Panics
    /// When nobody listens.
    pub fn join(at: &str, name: &str, boot: u64) -> Result<Self, String> {
        let stream = Stream::dial(at).expect("an ionode listens");
        let mut raw = Link::over(stream.again().expect("a descriptor is left"));
        raw.greet(MSIZE, "root");
        raw.open_path(1, &["ctl"], 2);
        let line = format!("join {name} {boot:016x}\n");
        let join = Tmsg::Write { fid: Fid(1), offset: 0, data: line.as_bytes() };
        let refusal = raw.refusal(Tag(4), &join);
        if !refusal.is_empty() {
            return Err(refusal);
        }
        // The rank is not of interest; reading it says that the parent may begin.
        raw.data(1, 0, 128);
        let (paths, waiting) = (BTreeMap::new(), Vec::new());
        Ok(Self { name: name.to_owned(), raw, stream, paths, is_launched: false, waiting })
    }

    /// The connection, for what a test itself sends on it.
    pub fn raw(&mut self) -> &mut Link {
        &mut self.raw
    }

    /// The file behind a fid, as its path from the root.
    pub fn path(&self, fid: Fid) -> String {
        self.paths.get(&fid.0).map(|path| path.join("/")).unwrap_or_default()
    }

    /// Serves until the parent hangs up, or the handle ends it.
    ///
    /// # Panics
    /// When the parent sends nothing for [`HANG`]: it beats.
    pub fn serve(
        mut self,
        mut act: impl FnMut(&mut Self, Tag, &Tmsg<'_>) -> Act + Send + 'static,
    ) -> Serving {
        let stream = self.stream.again().expect("a descriptor is left");
        stream.set_patience(HANG).expect("a timeout can be set");
        let thread = std::thread::spawn(move || {
            while let Some(message) = self.raw.message() {
                if !is_request(&message) {
                    continue;
                }
                let (tag, msg) = Tmsg::decode(&message).expect("a parent speaks 9P");
                let act = act(&mut self, tag, &msg);
                let usual = self.usual(tag, &msg);
                match act {
                    Act::Usual => self.raw.send_bytes(&usual),
                    Act::Silence => {}
                    Act::Send(bytes) => self.raw.send_bytes(&bytes),
                    Act::Slowly => usual.iter().for_each(|byte| self.raw.send_bytes(&[*byte])),
                    Act::Also(bytes) => self.raw.send_bytes(&[usual, bytes].concat()),
                }
            }
        });
        Serving { stream, thread: Some(thread) }
    }

    /// What a cnode would answer; nothing to what waits.
    pub fn usual(&mut self, tag: Tag, msg: &Tmsg<'_>) -> Vec<u8> {
        let text;
        let qid = Qid::default();
        let answer = match *msg {
            Tmsg::Version { .. } => Rmsg::Version { msize: MSIZE, version: VERSION },
            Tmsg::Attach { fid, .. } => {
                self.paths.insert(fid.0, Vec::new());
                Rmsg::Attach { qid }
            }
            Tmsg::Walk { fid, newfid, names } => {
                let mut path = self.paths.get(&fid.0).cloned().unwrap_or_default();
                path.extend(names.as_slice().iter().map(|name| (*name).to_owned()));
                self.paths.insert(newfid.0, path);
                Rmsg::Walk { qids: qids(names.as_slice().len()) }
            }
            Tmsg::Open { .. } => Rmsg::Open { qid, iounit: 0 },
            Tmsg::Create { fid, name, .. } => {
                self.paths.entry(fid.0).or_default().push(name.to_owned());
                Rmsg::Create { qid, iounit: 0 }
            }
            Tmsg::Read { fid, .. } => {
                let path = self.path(fid);
                let file = path.rsplit('/').next().unwrap_or("");
                if matches!(file, "wait" | "stdout" | "stderr" | "events") {
                    self.waiting.push((tag, file.to_owned()));
                    return Vec::new();
                }
                text = match path.as_str() {
                    "info" => "ns=1\nheight=0\ncores=1\nmem=1\n".to_owned(),
                    "beat" => format!("{BOOT:016x} 1\n"),
                    "status" => format!("{} up uptime=1 users=0 sessions=0 members=0 mem=0\n", self.name),
                    _ => String::new(),
                };
                Rmsg::Read { data: text.as_bytes() }
            }
            Tmsg::Write { data, .. } => {
                self.is_launched |= data.ends_with(b"\nexec\n") || data.ends_with(b"\nexec");
                Rmsg::Write { count: data.len() as u32 }
            }
            Tmsg::Flush { oldtag } => {
                self.waiting.retain(|(tag, _)| *tag != oldtag);
                Rmsg::Flush
            }
            Tmsg::Clunk { .. } => Rmsg::Clunk,
            Tmsg::Remove { .. } => Rmsg::Remove,
            Tmsg::Stat { .. } => Rmsg::Stat { stat: Stat::default() },
            Tmsg::Wstat { .. } => Rmsg::Wstat,
            Tmsg::Auth { .. } => Rmsg::Error { ename: "Operation not supported" },
        };
        reply(tag, &answer)
    }
}

/// A fake child at work; it leaves when this goes.
pub struct Serving {
    stream: Stream,
    thread: Option<JoinHandle<()>>,
}

impl Serving {
    /// Waits until the parent has hung up.
    ///
    /// # Panics
    /// When the child itself came to an end that was not meant.
    pub fn hung_up(mut self) {
        let thread = self.thread.take().expect("it is waited for once");
        until("the parent hangs up", || thread.is_finished());
        thread.join().expect("the child was served to its end");
    }
}

impl Drop for Serving {
    fn drop(&mut self) {
        self.stream.end();
        if let Some(thread) = self.thread.take() {
            let ended = thread.join();
            assert!(std::thread::panicking() || ended.is_ok(), "the child was served to its end");
        }
    }
}

/// Qids of nothing.
///
/// # Panics
/// With more than 16.
pub fn qids(count: usize) -> Qids {
    let mut qids = Qids::default();
    (0..count).for_each(|_| qids.push(Qid::default()).expect("few qids"));
    qids
}

/// The bytes of an answer.
///
/// # Panics
/// When it is far larger than any message.
pub fn reply(tag: Tag, msg: &Rmsg<'_>) -> Vec<u8> {
    let mut out = vec![0; 64];
    loop {
        if let Ok(len) = msg.encode(tag, &mut out) {
            out.truncate(len);
            return out;
        }
        assert!(out.len() < 1 << 22, "it fits");
        out.resize(4 * out.len(), 0);
    }
}

/// What a cnode sends first, in one piece, and with any line.
pub fn greeting(line: &str) -> Vec<u8> {
    let attach = Tmsg::Attach { fid: Fid(0), afid: Fid::NONE, uname: "root", aname: "" };
    let join = Tmsg::Write { fid: Fid(1), offset: 0, data: line.as_bytes() };
    [
        request(Tag::NONE, &Tmsg::Version { msize: MSIZE, version: VERSION }),
        request(Tag(FIRST), &attach),
        request(Tag(FIRST + 1), &walk(0, 1, &["ctl"])),
        request(Tag(FIRST + 2), &Tmsg::Open { fid: Fid(1), mode: 2 }),
        request(Tag(FIRST + 3), &join),
        request(Tag(FIRST + 4), &Tmsg::Read { fid: Fid(1), offset: 0, count: 512 }),
    ]
    .concat()
}
