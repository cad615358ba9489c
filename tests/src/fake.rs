//! A child that joins a real ionode as a stub does, and then answers as a test wants it to.

use protocol::join::{Parent, State};
use protocol::message::{Fid, Names, Qids, Rmsg, Tag, Tmsg, frame, is_request};
use protocol::qid::Qid;
use protocol::time::Time;
use std::collections::BTreeMap;
use std::io::{ErrorKind, Read, Write};
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

/// What a request is answered with instead: the file it is about, the request, and the honest answer; `None`
/// leaves that one.
pub type Twist = fn(&str, Tag, &Tmsg<'_>, &[u8]) -> Option<Vec<u8>>;

/// The child, which serves in a thread of its own until it is dropped or hung up on.
pub struct Fake {
    twisted: Arc<AtomicBool>,
    over: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Fake {
    /// Joins under a name; answers honestly until it is told otherwise.
    pub fn join(socket: &Path, name: &str, twist: Twist) -> Self {
        let stream = UnixStream::connect(socket).expect("the ionode listens");
        stream.set_read_timeout(Some(Duration::from_millis(20))).expect("a timeout can be set");
        let (twisted, over) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicBool::new(false)));
        let mut child = Child {
            stream,
            parent: Parent::new(true, Time(0)),
            name: name.to_owned(),
            files: BTreeMap::new(),
            twisted: twisted.clone(),
            over: over.clone(),
            twist,
        };
        let thread = Some(std::thread::spawn(move || child.serve()));
        Self { twisted, over, thread }
    }

    /// From now on it answers otherwise.
    pub fn turn(&self) {
        self.twisted.store(true, Ordering::Relaxed);
    }

    /// Waits until the ionode has hung up.
    pub fn wait_until_dropped(&mut self) {
        let end = Instant::now() + Duration::from_secs(8);
        while self.thread.as_ref().is_some_and(|thread| !thread.is_finished()) {
            assert!(Instant::now() < end, "the ionode hangs up");
            std::thread::sleep(Duration::from_millis(5));
        }
    }
}

impl Drop for Fake {
    fn drop(&mut self) {
        self.over.store(true, Ordering::Relaxed);
        let ended = self.thread.take().map(JoinHandle::join);
        if !std::thread::panicking() {
            assert!(ended.is_none_or(|ended| ended.is_ok()), "a fake child understands its parent");
        }
    }
}

struct Child {
    stream: UnixStream,
    parent: Parent,
    name: String,
    files: BTreeMap<u32, String>,
    twisted: Arc<AtomicBool>,
    over: Arc<AtomicBool>,
    twist: Twist,
}

impl Child {
    fn serve(&mut self) {
        self.parent.state = State::Greeting;
        let mut out = [0; 4096];
        let len = self.parent.greet(&self.name, 7, &mut out).expect("it fits");
        self.stream.write_all(&out[..len]).expect("the ionode reads");
        let mut bytes = Vec::new();
        while !self.over.load(Ordering::Relaxed) {
            while let Ok(Some(len)) = frame(&bytes, 1 << 20) {
                let message: Vec<u8> = bytes.drain(..len).collect();
                if !is_request(&message) {
                    // A refusal to join is the end of it.
                    if self.parent.answer(&message).is_err() {
                        return;
                    }
                    continue;
                }
                let answer = self.answer(&message);
                if self.stream.write_all(&answer).is_err() {
                    return;
                }
            }
            let mut chunk = [0; 4096];
            match self.stream.read(&mut chunk) {
                Ok(0) => return,
                Ok(got) => bytes.extend_from_slice(&chunk[..got]),
                Err(e) if matches!(e.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut) => {}
                Err(_) => return,
            }
        }
    }

    fn answer(&mut self, message: &[u8]) -> Vec<u8> {
        let (tag, msg) = Tmsg::decode(message).expect("a parent speaks 9P");
        let qid = Qid { kind: 0, vers: 0, path: 1 };
        let text;
        let honest = match msg {
            Tmsg::Version { msize, version } => Rmsg::Version { msize, version },
            Tmsg::Attach { .. } => Rmsg::Attach { qid },
            Tmsg::Walk { fid, newfid, names } => {
                self.walk(fid, newfid, &names);
                let mut qids = Qids::default();
                names.as_slice().iter().for_each(|_| qids.push(qid).expect("at most sixteen"));
                Rmsg::Walk { qids }
            }
            Tmsg::Open { .. } => Rmsg::Open { qid, iounit: 0 },
            Tmsg::Create { .. } => Rmsg::Create { qid, iounit: 0 },
            Tmsg::Write { data, .. } => Rmsg::Write { count: data.len() as u32 },
            Tmsg::Read { fid, offset, .. } => {
                text = self.text(fid, offset);
                Rmsg::Read { data: text.as_bytes() }
            }
            Tmsg::Clunk { .. } => Rmsg::Clunk,
            Tmsg::Remove { .. } => Rmsg::Remove,
            Tmsg::Flush { .. } => Rmsg::Flush,
            Tmsg::Stat { .. } | Tmsg::Wstat { .. } | Tmsg::Auth { .. } => Rmsg::Error { ename: "no" },
        };
        let mut honest = encode(tag, &honest);
        if let Tmsg::Read { fid, .. } = msg
            && self.is_stream(fid)
        {
            // Nothing happens to its members: a read of that waits.
            honest.clear();
        }
        let file = fid_of(&msg).and_then(|fid| self.files.get(&fid.0)).map_or("", String::as_str);
        let twisted = self.twisted.load(Ordering::Relaxed);
        let other = if twisted { (self.twist)(file, tag, &msg, &honest) } else { None };
        other.unwrap_or(honest)
    }

    fn walk(&mut self, fid: Fid, newfid: Fid, names: &Names<'_>) {
        let from = self.files.get(&fid.0).cloned().unwrap_or_default();
        let name = names.as_slice().last().map_or(from, |name| (*name).to_owned());
        self.files.insert(newfid.0, name);
    }

    fn is_stream(&self, fid: Fid) -> bool {
        let file = self.files.get(&fid.0).map_or("", String::as_str);
        matches!(file, "wait" | "stdout" | "stderr")
    }

    /// What its other files hold.
    fn text(&self, fid: Fid, offset: u64) -> String {
        let file = self.files.get(&fid.0).map_or("", String::as_str);
        if offset > 0 {
            return String::new();
        }
        match file {
            "beat" => "0000000000000007 1\n".to_owned(),
            "info" => "ns=1\nheight=0\ncores=1\nmem=1\n".to_owned(),
            "status" => format!("{} up uptime=1 users=0 sessions=0 members=0 load=0.00\n", self.name),
            _ => String::new(),
        }
    }
}

fn fid_of(msg: &Tmsg<'_>) -> Option<Fid> {
    match *msg {
        Tmsg::Read { fid, .. } | Tmsg::Write { fid, .. } | Tmsg::Open { fid, .. } => Some(fid),
        Tmsg::Clunk { fid } | Tmsg::Remove { fid } | Tmsg::Create { fid, .. } => Some(fid),
        Tmsg::Walk { newfid, .. } => Some(newfid),
        _ => None,
    }
}

/// The bytes of an answer.
pub fn encode(tag: Tag, msg: &Rmsg<'_>) -> Vec<u8> {
    let mut out = vec![0; 70_000];
    let len = msg.encode(tag, &mut out).expect("it fits");
    out.truncate(len);
    out
}
