//! One 9P conversation of a mount: whose answers are whose, and whom it has attached as.

use client::{Dial, Error};
use protocol::ename::Ename;
use protocol::message::{Fid, Rmsg, Tag, Tmsg};
use protocol::qid::Qid;
use protocol::stat::Stat;
use std::collections::{BTreeMap, VecDeque};
use std::io;
use std::time::Duration;

/// Fids at once, below what an ionode gives a client: a root for each user, one for each request under way or
/// open file, and as many that are being given back.
const FIDS: usize = 400;
/// Requests at once: those of which the node bounds the number, a flush of each, and clunks, which do not
/// wait.
const TAGS: usize = 256;
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

/// A link of a mount.
pub(crate) struct Link {
    pub(crate) wire: client::Link<u64, FIDS, TAGS>,
    pub(crate) roots: BTreeMap<String, Root>,
    /// Fids whose clunk has not found a tag yet.
    leaving: VecDeque<Fid>,
}

impl Link {
    /// Connects and agrees on a version, within a bound.
    pub(crate) fn dial(dial: &Dial) -> Result<Self, Error> {
        let wire = client::Link::dial(dial, 0, PATIENCE)?;
        Ok(Self { wire, roots: BTreeMap::new(), leaving: VecDeque::new() })
    }

    /// Most bytes of data in one message.
    pub(crate) fn payload(&self) -> u32 {
        self.wire.payload()
    }

    /// A fid that is not in use, if there is one.
    pub(crate) fn fid(&mut self) -> Result<Fid, i32> {
        self.wire.fid().map_err(|_| libc::EAGAIN)
    }

    /// Gives back a fid that no request was made with.
    pub(crate) fn give_back(&mut self, fid: Fid) {
        self.wire.give_back(fid);
    }

    /// Asks on behalf of `token`.
    pub(crate) fn ask(&mut self, token: u64, request: &Tmsg<'_>) -> Result<Tag, i32> {
        self.wire.ask(token, request).map_err(|_| libc::EAGAIN)
    }

    /// Gives a request up; an answer to it still comes, maybe that it was flushed.
    pub(crate) fn flush(&mut self, tag: Tag) {
        // Without a tag for it the request is answered when it is.
        let _ = self.wire.flush(tag);
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
    pub(crate) fn send(&mut self) -> io::Result<()> {
        self.wire.send_now()
    }

    /// The next answer and whose it is, if a whole one is there.
    pub(crate) fn next(&mut self) -> Result<Option<(u64, Answer)>, Error> {
        loop {
            let taken = self.wire.next(|reply| (reply.token, Answer::of(&reply.answer)))?;
            self.clunk_more();
            match taken {
                Some((0, _)) => {}
                taken => return Ok(taken),
            }
        }
    }
}
