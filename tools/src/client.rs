//! A client of a node: requests sent in bursts, answers matched by tag.

use protocol::limits::{IOHDR, MSIZE_MAX};
use protocol::message::{Fid, Names, Rmsg, Tag, Tmsg, VERSION, frame, tag_of};
use protocol_host::{Conn, Dial};
use std::time::{Duration, Instant};

/// How long a request that nothing holds up may take.
const PATIENCE: Duration = Duration::from_secs(20);

/// An error as it is told to the user.
pub(crate) type Told = String;

/// The root's fid.
const ROOT: Fid = Fid(0);

/// A connection to a node, attached.
pub(crate) struct Client {
    pub(crate) conn: Conn,
    burst: Vec<u8>,
    /// Tags that wait for their answer.
    tags: Vec<bool>,
    next_fid: u32,
    pub(crate) payload: u32,
}

impl Client {
    /// Connects, agrees on a version and attaches as the user who runs this.
    pub(crate) fn connect(dial: &Dial) -> Result<Self, Told> {
        let conn = Conn::dial(dial).map_err(|e| format!("unable to reach {dial}: {e}"))?;
        let (burst, tags) = (Vec::new(), Vec::new());
        let mut client = Self { conn, burst, tags, next_fid: 1, payload: MSIZE_MAX - IOHDR };
        let version = Tmsg::Version { msize: MSIZE_MAX, version: VERSION };
        client.push(Tag::NONE, &version);
        client.send()?;
        let msize = client.answer_to(Tag::NONE, |msg| match msg {
            Rmsg::Version { msize, version: VERSION } => Ok(msize),
            _ => Err(format!("{dial} does not speak {VERSION}")),
        })??;
        client.payload = msize - IOHDR;
        let uname = user_name();
        let attach = Tmsg::Attach { fid: ROOT, afid: Fid::NONE, uname: &uname, aname: "" };
        client.call(&attach)?;
        Ok(client)
    }

    fn push(&mut self, tag: Tag, msg: &Tmsg<'_>) {
        let at = self.burst.len();
        let data = if let Tmsg::Write { data, .. } = msg { data.len() } else { 8192 };
        self.burst.resize(at + data + IOHDR as usize, 0);
        let len = msg.encode(tag, &mut self.burst[at..]).unwrap_or(0);
        self.burst.truncate(at + len);
    }

    /// Adds a request to the burst: the tag of its answer.
    pub(crate) fn ask(&mut self, msg: &Tmsg<'_>) -> Tag {
        let free = self.tags.iter().position(|waits| !waits).unwrap_or_else(|| {
            self.tags.push(false);
            self.tags.len() - 1
        });
        self.tags[free] = true;
        self.push(Tag(free as u16), msg);
        Tag(free as u16)
    }

    /// A fid that is not in use.
    pub(crate) fn fid(&mut self) -> Fid {
        self.next_fid += 1;
        Fid(self.next_fid - 1)
    }

    /// Adds a walk by path, from the root or another fid, and an open: the fid and the tags of both.
    pub(crate) fn ask_open(&mut self, from: Fid, path: &[&str], mode: u8) -> (Fid, [Tag; 2]) {
        let fid = self.fid();
        let names = Names::new(path).unwrap_or(Names::NONE);
        let walk = self.ask(&Tmsg::Walk { fid: from, newfid: fid, names });
        (fid, [walk, self.ask(&Tmsg::Open { fid, mode })])
    }

    /// Sends the burst.
    pub(crate) fn send(&mut self) -> Result<(), Told> {
        let sent = self.conn.send(&self.burst).map_err(|e| format!("the node hung up: {e}"));
        self.burst.clear();
        sent
    }

    /// The next answer, if a whole one is there.
    pub(crate) fn next<T>(&mut self, take: impl FnOnce(Tag, Rmsg<'_>) -> T) -> Result<Option<T>, Told> {
        let bytes = self.conn.bytes();
        let nonsense = |_| "the node sent bytes that are not 9P2000".to_owned();
        let Some(len) = frame(bytes, MSIZE_MAX + IOHDR).map_err(nonsense)? else { return Ok(None) };
        let (tag, msg) = Rmsg::decode(&bytes[..len]).map_err(nonsense)?;
        let taken = take(tag, msg);
        if let Some(waits) = self.tags.get_mut(tag.0 as usize) {
            *waits = false;
        }
        self.conn.consume(len);
        Ok(Some(taken))
    }

    /// Waits for the answer to `tag`; those that come before it are dropped.
    fn answer_to<T>(&mut self, tag: Tag, take: impl FnOnce(Rmsg<'_>) -> T) -> Result<T, Told> {
        let end = Instant::now() + PATIENCE;
        loop {
            let bytes = self.conn.bytes();
            let whole = frame(bytes, MSIZE_MAX + IOHDR).ok().flatten();
            if whole.is_some_and(|len| tag_of(&bytes[..len]) == Ok(tag)) {
                return self.next(|_, msg| take(msg)).and_then(|taken| taken.ok_or_else(String::new));
            }
            if whole.is_some() {
                self.next(|_, _| ())?;
                continue;
            }
            self.wait_until(end)?;
        }
    }

    fn wait_until(&mut self, end: Instant) -> Result<(), Told> {
        let left = end.saturating_duration_since(Instant::now());
        let wake = self.conn.wait(&mut [], Some(left)).map_err(|e| e.to_string())?;
        if wake.is_ended {
            return Err("the node hung up".to_owned());
        }
        if wake.is_late {
            return Err(format!("the node did not answer within {} s", PATIENCE.as_secs()));
        }
        Ok(())
    }

    /// One request and its answer; a refusal is an error.
    pub(crate) fn call(&mut self, msg: &Tmsg<'_>) -> Result<(), Told> {
        let tag = self.ask(msg);
        self.send()?;
        self.answer_to(tag, |msg| match msg {
            Rmsg::Error { ename } => Err(ename.to_owned()),
            _ => Ok(()),
        })?
    }

    /// Opens a file by its path from the root.
    pub(crate) fn open(&mut self, path: &str, mode: u8) -> Result<Fid, Told> {
        let names: Vec<&str> = path.split('/').filter(|name| !name.is_empty()).collect();
        let fid = self.fid();
        let told = |e: Told| format!("{path}: {e}");
        let walk = Names::new(&names).map_err(|_| format!("{path}: more than 16 names"))?;
        let tag = self.ask(&Tmsg::Walk { fid: ROOT, newfid: fid, names: walk });
        self.send()?;
        let arrived = self.answer_to(tag, |msg| match msg {
            Rmsg::Walk { qids } if qids.as_slice().len() == names.len() => Ok(()),
            Rmsg::Error { ename } => Err(ename.to_owned()),
            _ => Err("No such file or directory".to_owned()),
        })?;
        arrived.map_err(told)?;
        self.call(&Tmsg::Open { fid, mode }).map_err(told)?;
        Ok(fid)
    }

    /// Reads once; empty at the end. A stream may take its time: it is waited for without end.
    pub(crate) fn read(&mut self, fid: Fid, offset: u64) -> Result<Vec<u8>, Told> {
        let count = self.payload;
        let tag = self.ask(&Tmsg::Read { fid, offset, count });
        self.send()?;
        loop {
            match self.answer_to(tag, |msg| match msg {
                Rmsg::Read { data } => Ok(data.to_vec()),
                Rmsg::Error { ename } => Err(ename.to_owned()),
                _ => Err("an answer of the wrong kind".to_owned()),
            }) {
                Err(late) if late.starts_with("the node did not answer") => {}
                other => return other?,
            }
        }
    }

    /// A whole file that ends.
    pub(crate) fn read_all(&mut self, path: &str) -> Result<Vec<u8>, Told> {
        let fid = self.open(path, 0)?;
        let mut all = Vec::new();
        loop {
            let more = self.read(fid, all.len() as u64).map_err(|e| format!("{path}: {e}"))?;
            if more.is_empty() {
                break;
            }
            all.extend(more);
        }
        self.call(&Tmsg::Clunk { fid })?;
        Ok(all)
    }

    /// Writes all of `data` to an open file.
    pub(crate) fn write(&mut self, fid: Fid, data: &[u8]) -> Result<(), Told> {
        let mut left = data;
        loop {
            let piece = &left[..left.len().min(self.payload as usize)];
            let tag = self.ask(&Tmsg::Write { fid, offset: 0, data: piece });
            self.send()?;
            let count = self.answer_to(tag, |msg| match msg {
                Rmsg::Write { count } => Ok(count as usize),
                Rmsg::Error { ename } => Err(ename.to_owned()),
                _ => Err("an answer of the wrong kind".to_owned()),
            })??;
            left = &left[count.min(left.len())..];
            if left.is_empty() {
                return Ok(());
            }
        }
    }
}

/// Who runs this, as the password file names them.
pub(crate) fn user_name() -> String {
    // SAFETY: getuid cannot fail and takes no pointer.
    let uid = unsafe { libc::getuid() };
    let text = std::fs::read_to_string("/etc/passwd").unwrap_or_default();
    let named = text.lines().find_map(|line| {
        let mut fields = line.split(':');
        let name = fields.next()?;
        (fields.nth(1)?.parse() == Ok(uid)).then(|| name.to_owned())
    });
    named.unwrap_or_else(|| uid.to_string())
}
