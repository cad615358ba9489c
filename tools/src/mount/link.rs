//! One 9P conversation of a mount: its socket, its numbers, and whom it has attached as.

use crate::client::Told;
use protocol::client::{Burst, Client as Numbers};
use protocol::ename::Ename;
use protocol::limits::{IOHDR, MSIZE_MAX};
use protocol::message::{Fid, Rmsg, Tag, Tmsg, VERSION};
use protocol::qid::Qid;
use protocol::stat::Stat;
use protocol_host::{Conn, Dial};
use std::collections::{BTreeMap, VecDeque};
use std::time::{Duration, Instant};

/// Fids at once, below what an ionode gives a client: a root for each user, one for each request under way or
/// open file, and as many that are being given back.
const FIDS: usize = 400;
/// Requests at once: those of which the node bounds the number, a flush of each, and clunks, which do not
/// wait.
const TAGS: usize = 256;
/// Room for a request beside its data: sixteen names of a path.
const REQUEST: usize = 4096;
/// How long a node that has taken a connection may take to say its version.
const PATIENCE: Duration = Duration::from_secs(5);

/// An answer, kept until it is dealt with.
#[derive(Debug)]
pub(crate) enum Answer {
    Attach,
    /// So many names, the last of which is this.
    Walk(usize, Qid),
    Open,
    Create,
    Read(Vec<u8>),
    Write(u32),
    Stat(Meta),
    /// A remove or a wstat is done.
    Done,
    /// It is refused with this errno.
    Refused(i32),
    /// It was flushed, and never happens.
    Flushed,
}

/// What of a stat becomes attributes of a file.
#[derive(Debug)]
pub(crate) struct Meta {
    pub(crate) qid: Qid,
    pub(crate) mode: u32,
    pub(crate) length: u64,
    pub(crate) atime: u32,
    pub(crate) mtime: u32,
    pub(crate) user: String,
    pub(crate) group: String,
}

impl Meta {
    fn of(stat: &Stat<'_>) -> Self {
        Self {
            qid: stat.qid,
            mode: stat.mode,
            length: stat.length,
            atime: stat.atime,
            mtime: stat.mtime,
            user: stat.uid.to_owned(),
            group: stat.gid.to_owned(),
        }
    }
}

impl Answer {
    fn of(answer: &Rmsg<'_>) -> Self {
        match answer {
            Rmsg::Attach { .. } => Self::Attach,
            Rmsg::Walk { qids } => {
                let qids = qids.as_slice();
                Self::Walk(qids.len(), qids.last().copied().unwrap_or_default())
            }
            Rmsg::Open { .. } => Self::Open,
            Rmsg::Create { .. } => Self::Create,
            Rmsg::Read { data } => Self::Read(data.to_vec()),
            Rmsg::Write { count } => Self::Write(*count),
            Rmsg::Stat { stat } => Self::Stat(Meta::of(stat)),
            Rmsg::Error { ename } => Self::Refused(Ename::from_text(ename).errno()),
            Rmsg::Flush => Self::Flushed,
            Rmsg::Version { .. } | Rmsg::Auth { .. } | Rmsg::Clunk | Rmsg::Remove | Rmsg::Wstat => Self::Done,
        }
    }
}

/// A user's root on a link.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Root {
    /// An attach is on its way.
    Asked,
    There(Fid),
}

/// A connection that has agreed on a version.
pub(crate) struct Link {
    pub(crate) conn: Conn,
    numbers: Box<Numbers<u64, FIDS, TAGS>>,
    out: Vec<u8>,
    pub(crate) roots: BTreeMap<String, Root>,
    /// Fids whose clunk has not found a tag yet.
    leaving: VecDeque<Fid>,
}

impl Link {
    /// Connects and agrees on a version, within a bound.
    pub(crate) fn dial(dial: &Dial) -> Result<Self, Told> {
        let conn = Conn::dial(dial).map_err(|e| format!("unable to reach {dial}: {e}"))?;
        let numbers = Box::new(Numbers::new(MSIZE_MAX));
        let (out, roots, leaving) = (Vec::new(), BTreeMap::new(), VecDeque::new());
        let mut link = Self { conn, numbers, out, roots, leaving };
        let mut room = [0; 64];
        let mut burst = Burst::new(&mut room);
        link.numbers.version(&mut burst, 0).map_err(|_| "no room for a version".to_owned())?;
        let gone = |e| format!("{dial}: {e}");
        link.conn.send(burst.bytes()).map_err(gone)?;
        let end = Instant::now() + PATIENCE;
        loop {
            let botch = |_| format!("{dial} does not speak {VERSION}");
            if let Some((len, reply)) = link.numbers.take(link.conn.bytes()).map_err(botch)? {
                let is_ours = reply.is_some_and(
                    |reply| matches!(reply.answer, Rmsg::Version { version, .. } if version == VERSION),
                );
                link.conn.consume(len);
                return if is_ours { Ok(link) } else { Err(format!("{dial} does not speak {VERSION}")) };
            }
            let left = end.saturating_duration_since(Instant::now());
            let wake = link.conn.wait(&mut [], Some(left)).map_err(gone)?;
            if wake.is_late || wake.is_ended {
                return Err(format!("{dial} hung up, or did not answer within {} s", PATIENCE.as_secs()));
            }
        }
    }

    /// Most bytes of data in one message.
    pub(crate) fn payload(&self) -> u32 {
        self.numbers.msize() - IOHDR
    }

    /// A fid that is not in use, if there is one.
    pub(crate) fn fid(&mut self) -> Result<Fid, i32> {
        self.numbers.fid().map_err(|_| libc::EAGAIN)
    }

    /// Gives back a fid that no request was made with.
    pub(crate) fn give_back(&mut self, fid: Fid) {
        self.numbers.give_back(fid);
    }

    /// Asks on behalf of `token`.
    pub(crate) fn ask(&mut self, token: u64, request: &Tmsg<'_>) -> Result<Tag, i32> {
        let data = if let Tmsg::Write { data, .. } = request { data.len() } else { 0 };
        let at = self.out.len();
        self.out.resize(at + data + REQUEST, 0);
        let mut burst = Burst::new(&mut self.out[at..]);
        let asked = self.numbers.ask(&mut burst, token, request);
        let len = burst.bytes().len();
        self.out.truncate(at + len);
        asked.map_err(|_| libc::EAGAIN)
    }

    /// Gives a request up; an answer to it still comes, maybe that it was flushed.
    pub(crate) fn flush(&mut self, tag: Tag) {
        let at = self.out.len();
        self.out.resize(at + REQUEST, 0);
        let mut burst = Burst::new(&mut self.out[at..]);
        // Without a tag for it the request is answered when it is.
        let _ = self.numbers.flush(&mut burst, tag);
        let len = burst.bytes().len();
        self.out.truncate(at + len);
    }

    /// Gives a fid back to the node.
    pub(crate) fn clunk(&mut self, fid: Fid) {
        self.leaving.push_back(fid);
        self.clunk_more();
    }

    fn clunk_more(&mut self) {
        while let Some(fid) = self.leaving.front().copied() {
            if self.ask(0, &Tmsg::Clunk { fid }).is_err() {
                return;
            }
            self.leaving.pop_front();
        }
    }

    /// Sends what was asked, as far as the kernel takes it now.
    pub(crate) fn send(&mut self) -> Result<(), Told> {
        if self.out.is_empty() {
            return Ok(());
        }
        let sent = self.conn.queue(&self.out).map(drop).map_err(|e| e.to_string());
        self.out.clear();
        sent
    }

    /// The next answer and whose it is, if a whole one is there.
    pub(crate) fn next(&mut self) -> Result<Option<(u64, Answer)>, Told> {
        loop {
            let botch = |_| "bytes came that are no answer in 9P2000".to_owned();
            let Some((len, reply)) = self.numbers.take(self.conn.bytes()).map_err(botch)? else {
                return Ok(None);
            };
            let told = reply.map(|reply| (reply.token, Answer::of(&reply.answer)));
            self.conn.consume(len);
            self.clunk_more();
            if let Some((token, answer)) = told
                && token != 0
            {
                return Ok(Some((token, answer)));
            }
        }
    }
}
