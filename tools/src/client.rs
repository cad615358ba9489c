//! A node's client over a socket: bursts of requests sent, answers handed out with what they answer.
//!
//! It owns the socket and the numbers of the conversation, and knows nothing of jobs.

use protocol::client::{Burst, Client as Numbers, Reply};
use protocol::limits::{IOHDR, MSIZE_MAX, WALK_MAX};
use protocol::message::{Fid, Names, Rmsg, Tmsg, VERSION};
use protocol::qid::QTDIR;
use protocol::server::mode;
use protocol_host::{Conn, Dial, Wake};
use std::io::{self, ErrorKind};
use std::time::{Duration, Instant};

/// Most bytes of one write of parameters or ctl lines.
pub(crate) const PIECE: usize = 32 * 1024;
/// How long an answer that waits for nobody's program may take.
const PATIENCE: Duration = Duration::from_secs(20);
/// Fids at once: a job holds eight, fifteen tasks five each, and as many while the last ones are given back.
const FIDS: usize = 160;
/// Requests at once: 4 MiB of parameters in pieces, and what a job waits for.
const TAGS: usize = 512;
/// Room for any request but its data: sixteen names of a path.
const REQUEST: usize = 4096;

/// An error as it is told to the user.
pub(crate) type Told = String;

/// What a request was made for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Asked {
    /// The one that is waited for.
    Call,
    /// A step of a burst; only its refusal is of interest.
    Step,
    /// The ctl lines up to `exec`.
    Exec,
    /// A signal to members; that there is none left is no failure.
    Command,
    /// A read of outcomes.
    Wait,
    /// A write to the members' stdin.
    Stdin,
    /// A read of stdout (0) or stderr (1).
    Output(usize),
    /// A read of a session's info (0) or error (1).
    Look(usize),
    /// A read of a session's error, which says whose output was cut.
    Cut,
    /// A part of the task in this place of the connection.
    Task(u8, Part),
}

/// What is asked for one of many tasks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Part {
    Exec,
    Wait,
    /// A read of stdout (0) or stderr (1).
    Output(u8),
    /// A read of the session's info, after a refused `exec`.
    Info,
}

/// The root's fid.
pub(crate) const ROOT: Fid = Fid(0);

/// A connection to a node, attached.
pub(crate) struct Client {
    pub(crate) conn: Conn,
    /// Where the node listens.
    place: String,
    numbers: Numbers<Asked, FIDS, TAGS>,
    burst: Vec<u8>,
}

impl Client {
    /// Connects, agrees on a version and attaches as the user who runs this.
    pub(crate) fn connect(dial: &Dial) -> Result<Self, Told> {
        let conn = Conn::dial(dial).map_err(|e| format!("unable to reach {dial}: {e}"))?;
        let mut client =
            Self { conn, place: dial.to_string(), numbers: Numbers::new(MSIZE_MAX), burst: Vec::new() };
        let mut room = [0; REQUEST];
        let mut burst = Burst::new(&mut room);
        let asked = client.numbers.version(&mut burst, Asked::Call);
        assert!(asked.is_ok(), "there is room for a version");
        client.burst.extend_from_slice(burst.bytes());
        client.send()?;
        client.answer(Some(PATIENCE), |answer| match answer {
            Rmsg::Version { version: VERSION, .. } => Ok(()),
            _ => Err(format!("{dial} does not speak {VERSION}")),
        })??;
        let fid = client.fid()?;
        assert!(fid == ROOT, "the first fid is the root's");
        let uname = protocol_host::user_name();
        client.call(&Tmsg::Attach { fid, afid: Fid::NONE, uname: &uname, aname: "" })?;
        Ok(client)
    }

    /// Most bytes of data in one message.
    pub(crate) fn payload(&self) -> u32 {
        self.numbers.msize() - IOHDR
    }

    /// Adds a request to the burst.
    pub(crate) fn ask(&mut self, asked: Asked, request: &Tmsg<'_>) -> Result<(), Told> {
        let at = self.burst.len();
        let data = if let Tmsg::Write { data, .. } = request { data.len() } else { 0 };
        self.burst.resize(at + data + REQUEST, 0);
        let mut burst = Burst::new(&mut self.burst[at..]);
        let kept = self.numbers.ask(&mut burst, asked, request);
        let len = burst.bytes().len();
        self.burst.truncate(at + len);
        kept.map(|_| ()).map_err(|_| format!("more than {TAGS} requests at once, or a path too long"))
    }

    /// A fid that is not in use.
    pub(crate) fn fid(&mut self) -> Result<Fid, Told> {
        self.numbers.fid().map_err(|_| format!("more than {FIDS} files at once"))
    }

    /// Adds a walk from a fid and an open: the file's fid.
    pub(crate) fn ask_open(&mut self, from: Fid, path: &[&str], mode: u8) -> Result<Fid, Told> {
        let fid = self.fid()?;
        let names = Names::new(path).map_err(|_| format!("{}: more than 16 names", path.join("/")))?;
        self.ask(Asked::Step, &Tmsg::Walk { fid: from, newfid: fid, names })?;
        self.ask(Asked::Step, &Tmsg::Open { fid, mode })?;
        Ok(fid)
    }

    /// Adds what makes a session and fills its parameters: the fid of its ctl.
    pub(crate) fn ask_session(&mut self, env: &[u8], args: &[u8]) -> Result<Fid, Told> {
        let ctl = self.ask_open(ROOT, &["clone"], mode::RDWR)?;
        for (file, data) in [("env", env), ("args", args)] {
            if data.is_empty() {
                continue;
            }
            let fid = self.ask_open(ctl, &["..", file], mode::WRITE | mode::TRUNC)?;
            for piece in data.chunks(PIECE) {
                self.ask(Asked::Step, &Tmsg::Write { fid, offset: 0, data: piece })?;
            }
            self.ask(Asked::Step, &Tmsg::Clunk { fid })?;
        }
        Ok(ctl)
    }

    /// What is told when the node is gone.
    fn hung_up(&self, why: Option<&io::Error>) -> Told {
        let place = &self.place;
        // A pipe that is broken says no more than that.
        match why.filter(|e| !matches!(e.kind(), ErrorKind::BrokenPipe | ErrorKind::ConnectionReset)) {
            Some(e) => format!("the node at {place} hung up: {e}"),
            None => format!("the node at {place} hung up"),
        }
    }

    /// Sends the burst.
    pub(crate) fn send(&mut self) -> Result<(), Told> {
        if self.burst.is_empty() {
            return Ok(());
        }
        let sent = self.conn.send(&self.burst).map_err(|e| self.hung_up(Some(&e)));
        self.burst.clear();
        sent
    }

    /// Sends the burst as far as the kernel takes it now: the last words to a node that may be stuck.
    pub(crate) fn send_at_once(&mut self) {
        // A node that is gone needs no last words.
        let _ = self.conn.queue(&self.burst);
        self.burst.clear();
    }

    /// The next answer, if a whole one is there.
    pub(crate) fn next<R>(&mut self, mut take: impl FnMut(Reply<'_, Asked>) -> R) -> Result<Option<R>, Told> {
        loop {
            let taken = self.numbers.take(self.conn.bytes());
            let taken = taken.map_err(|_| "the node sent bytes that are no answer in 9P2000".to_owned())?;
            let Some((len, reply)) = taken else { return Ok(None) };
            let told = reply.map(&mut take);
            self.conn.consume(len);
            if told.is_some() {
                return Ok(told);
            }
        }
    }

    /// Waits for the answer to the call that was asked; those that come before it are dropped.
    fn answer<R>(
        &mut self,
        patience: Option<Duration>,
        mut take: impl FnMut(Rmsg<'_>) -> R,
    ) -> Result<R, Told> {
        let end = patience.map(|patience| Instant::now() + patience);
        loop {
            let called = |reply: Reply<'_, Asked>| (reply.token == Asked::Call).then(|| take(reply.answer));
            match self.next(called)? {
                Some(Some(told)) => return Ok(told),
                Some(None) => continue,
                None => {}
            }
            let left = end.map(|end| end.saturating_duration_since(Instant::now()));
            self.wait(left)?;
        }
    }

    /// Sends the burst and waits for the answers to so many parts of tasks, each with its place.
    pub(crate) fn answers(&mut self, count: usize, mut take: impl FnMut(u8, Rmsg<'_>)) -> Result<(), Told> {
        self.send()?;
        let mut left = count;
        while left > 0 {
            let parted = |reply: Reply<'_, Asked>| {
                if let Asked::Task(place, _) = reply.token {
                    take(place, reply.answer);
                }
                matches!(reply.token, Asked::Task(..))
            };
            match self.next(parted)? {
                Some(is_part) => left -= usize::from(is_part),
                None => self.wait(Some(PATIENCE))?,
            }
        }
        Ok(())
    }

    /// Waits for bytes, or for something else that is polled. What came before the end is taken first.
    pub(crate) fn pause(&mut self, extra: &mut [libc::pollfd], left: Option<Duration>) -> Result<Wake, Told> {
        let wake = self.conn.wait(extra, left).map_err(|e| self.hung_up(Some(&e)))?;
        if wake.is_ended && wake.got == 0 {
            return Err(self.hung_up(None));
        }
        Ok(wake)
    }

    /// Takes what a poll of `pollfd` has told of.
    pub(crate) fn serve(&mut self, revents: i16) -> Result<(), Told> {
        let got = self.conn.serve(revents).map_err(|e| self.hung_up(Some(&e)))?;
        if got == 0 && self.conn.is_ended() {
            return Err(self.hung_up(None));
        }
        Ok(())
    }

    /// Waits for bytes.
    fn wait(&mut self, left: Option<Duration>) -> Result<(), Told> {
        if self.pause(&mut [], left)?.is_late {
            return Err(format!("the node did not answer within {} s", PATIENCE.as_secs()));
        }
        Ok(())
    }

    /// One request and its answer; a refusal is an error.
    pub(crate) fn call(&mut self, request: &Tmsg<'_>) -> Result<(), Told> {
        self.ask(Asked::Call, request)?;
        self.send()?;
        self.answer(Some(PATIENCE), |answer| match answer {
            Rmsg::Error { ename } => Err(ename.to_owned()),
            _ => Ok(()),
        })?
    }

    /// Has a directory be the root of all paths from now on.
    pub(crate) fn enter(&mut self, path: &str) -> Result<(), Told> {
        let names: Vec<&str> = path.split('/').filter(|name| !name.is_empty()).collect();
        for part in names.chunks(WALK_MAX) {
            let walked = Names::new(part).map_err(|_| format!("{path}: a path too long"))?;
            self.ask(Asked::Call, &Tmsg::Walk { fid: ROOT, newfid: ROOT, names: walked })?;
            self.send()?;
            self.answer(Some(PATIENCE), |answer| match answer {
                Rmsg::Walk { qids } if qids.as_slice().len() == part.len() => Ok(()),
                Rmsg::Error { ename } => Err(format!("{path}: {ename}")),
                _ => Err(format!("{path}: No such file or directory")),
            })??;
        }
        Ok(())
    }

    /// Walks to a file by its path from the root.
    pub(crate) fn walk(&mut self, path: &str) -> Result<Fid, Told> {
        let names: Vec<&str> = path.split('/').filter(|name| !name.is_empty() && *name != ".").collect();
        let fid = self.fid()?;
        match self.step(ROOT, fid, &names).map_err(|told| format!("{path}: {told}"))? {
            walked if walked == names.len() => Ok(fid),
            walked => Err(self.stopped(&names[..=walked])),
        }
    }

    /// Walks names from a fid: how many of them there are.
    fn step(&mut self, from: Fid, newfid: Fid, names: &[&str]) -> Result<usize, Told> {
        let walked = Names::new(names).map_err(|_| "more than 16 names".to_owned())?;
        self.ask(Asked::Call, &Tmsg::Walk { fid: from, newfid, names: walked })?;
        self.send()?;
        self.answer(Some(PATIENCE), |answer| match answer {
            Rmsg::Walk { qids } => Ok(qids.as_slice().len()),
            Rmsg::Error { ename } => Err(ename.to_owned()),
            _ => Err("an answer that is none".to_owned()),
        })?
    }

    /// Why a walk came to the last of these names and no further: a node says so only to a walk of that one.
    fn stopped(&mut self, names: &[&str]) -> Told {
        let (last, before) = names.split_last().map_or(("", names), |(last, before)| (*last, before));
        let why = self.fid().and_then(|fid| {
            self.step(ROOT, fid, before)?;
            let why = self.step(fid, fid, &[last]).err();
            self.close(fid)?;
            why.ok_or_else(|| "it was not there a moment ago".to_owned())
        });
        format!("{}: {}", names.join("/"), why.unwrap_or_else(|told| told))
    }

    /// Opens a file or directory by its path from the root.
    pub(crate) fn open(&mut self, path: &str, mode: u8) -> Result<Fid, Told> {
        self.open_any(path, mode).map(|(fid, _)| fid)
    }

    /// Opens a file that is no directory for reading.
    pub(crate) fn open_text(&mut self, path: &str) -> Result<Fid, Told> {
        let (fid, kind) = self.open_any(path, mode::READ)?;
        if kind & QTDIR != 0 {
            self.close(fid)?;
            return Err(format!("{path} is a directory: try uem ls"));
        }
        Ok(fid)
    }

    /// The fid and the kind of what is opened.
    fn open_any(&mut self, path: &str, mode: u8) -> Result<(Fid, u8), Told> {
        let fid = self.walk(path)?;
        self.ask(Asked::Call, &Tmsg::Open { fid, mode })?;
        self.send()?;
        let kind = self.answer(Some(PATIENCE), |answer| match answer {
            Rmsg::Open { qid, .. } => Ok(qid.kind),
            Rmsg::Error { ename } => Err(format!("{path}: {ename}")),
            _ => Err(format!("{path}: an answer of the wrong kind")),
        })?;
        if kind.is_err() {
            self.close(fid)?;
        }
        Ok((fid, kind?))
    }

    /// Gives a fid back.
    pub(crate) fn close(&mut self, fid: Fid) -> Result<(), Told> {
        self.call(&Tmsg::Clunk { fid })
    }

    /// Reads once; empty at the end. A stream may take its time: it is waited for without end.
    pub(crate) fn read(&mut self, fid: Fid, offset: u64) -> Result<Vec<u8>, Told> {
        let count = self.payload();
        self.ask(Asked::Call, &Tmsg::Read { fid, offset, count })?;
        self.send()?;
        self.answer(None, |answer| match answer {
            Rmsg::Read { data } => Ok(data.to_vec()),
            Rmsg::Error { ename } => Err(ename.to_owned()),
            _ => Err("an answer of the wrong kind".to_owned()),
        })?
    }

    /// A whole file that ends.
    pub(crate) fn read_all(&mut self, path: &str) -> Result<Vec<u8>, Told> {
        let fid = self.open(path, 0)?;
        let mut all = Vec::new();
        let told = loop {
            match self.read(fid, all.len() as u64) {
                Ok(more) if more.is_empty() => break Ok(all),
                Ok(more) => all.extend(more),
                Err(told) => break Err(format!("{path}: {told}")),
            }
        };
        self.close(fid)?;
        told
    }

    /// Writes all of `data` to an open file, whose reader may take its time. A piece ends with a line where
    /// one can: a ctl takes whole lines.
    pub(crate) fn write(&mut self, fid: Fid, data: &[u8]) -> Result<(), Told> {
        let mut left = data;
        loop {
            let piece = piece(left, self.payload() as usize);
            self.ask(Asked::Call, &Tmsg::Write { fid, offset: 0, data: piece })?;
            self.send()?;
            let count = self.answer(None, |answer| match answer {
                Rmsg::Write { count } => Ok(count as usize),
                Rmsg::Error { ename } => Err(ename.to_owned()),
                _ => Err("an answer of the wrong kind".to_owned()),
            })??;
            left = &left[count..];
            if left.is_empty() {
                return Ok(());
            }
        }
    }
}

/// The first at most `most` bytes, to the end of a line where there is one.
pub(crate) fn piece(data: &[u8], most: usize) -> &[u8] {
    if data.len() <= most {
        return data;
    }
    let end = data[..most].iter().rposition(|byte| *byte == b'\n').map_or(most, |at| at + 1);
    &data[..end]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_piece_ends_with_a_line_where_one_can() {
        assert_eq!(piece(b"ab\ncd", 9), b"ab\ncd");
        assert_eq!(piece(b"ab\ncd\nef", 7), b"ab\ncd\n");
        assert_eq!(piece(b"abcdef", 4), b"abcd");
    }
}
