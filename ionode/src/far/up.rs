//! The way to the parent's files, `net/parent`: a client's conversation on the link that this node joined by,
//! beside the one in which the parent is the client.

use crate::far::away::{Away, UP_LINKS};
use crate::ground::bounds::{UP_FIDS, UP_FORWARDS, UP_OUT, UP_TAGS, USERS};
use crate::ground::growing::Growing;
use crate::part::Part;
use protocol::client;
use protocol::client::Burst;
use protocol::ename::Ename;
use protocol::limits::{IOHDR, MSIZE_LINK, USER_NAME_MAX};
use protocol::message::{Fid, Rmsg, Tag, Tmsg};
use protocol::server::UserId;
use protocol::text::Text;
use protocol::wire::{Botch, Full};

/// What a request to the parent was made for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Use {
    /// The attach of a user.
    Attach(UserId, Fid),
    /// A forwarded request, by its place in that table.
    Forward(u16),
    /// Its answer is of no interest.
    Rest,
}

/// What became of a request that was passed on, by its place in that table.
pub(crate) struct Passed {
    pub(crate) index: u16,
    pub(crate) outcome: Result<(), Ename>,
}

/// Fids of the conversation in which a node joins: the root's, and `ctl`, which is clunked.
const JOIN_FIDS: usize = 2;

type Numbers = client::Numbers<Use, Growing<bool, UP_FIDS>, Growing<client::Use<Use>, UP_TAGS>>;

/// The numbers of that conversation, and what is to be sent.
#[derive(Debug)]
pub(crate) struct Up {
    client: Numbers,
    /// Moves with each link: fids of the one before are nobody's.
    link: u16,
    attach: [Option<Fid>; USERS],
    /// Forwarded requests that are not answered.
    forwards: usize,
    out: Vec<u8>,
    /// The parent has taken this node in: it can be asked.
    is_joined: bool,
}

impl Default for Up {
    fn default() -> Self {
        Self {
            client: Numbers::new(MSIZE_LINK),
            link: 0,
            attach: [None; USERS],
            forwards: 0,
            out: Vec::new(),
            is_joined: false,
        }
    }
}

impl Up {
    /// The link is new: it has the fids that joining has used, and no others.
    pub(crate) fn renew(&mut self) {
        self.is_joined = false;
        self.client.renew(MSIZE_LINK);
        for _ in 0..JOIN_FIDS {
            let taken = self.client.fid();
            assert!(taken.is_ok(), "an empty table has room");
        }
        self.link = (self.link + 1) % UP_LINKS;
        self.attach = [None; USERS];
        self.forwards = 0;
        self.out.clear();
    }

    /// Adds a request to what is to be sent.
    fn ask(&mut self, what: Use, msg: &Tmsg<'_>) -> Result<Tag, Ename> {
        self.push(|client, burst| client.ask(burst, what, msg), msg_room(msg))
    }

    fn push<R>(
        &mut self,
        add: impl FnOnce(&mut Numbers, &mut Burst<'_>) -> Result<R, Full>,
        room: usize,
    ) -> Result<R, Ename> {
        let at = self.out.len();
        self.out.resize(at + room, 0);
        let mut burst = Burst::new(&mut self.out[at..]);
        let added = add(&mut self.client, &mut burst);
        let len = burst.bytes().len();
        self.out.truncate(at + len);
        added.map_err(|_| Ename::Again)
    }

    /// The number of the parent's root as a user sees it; the parent is joined.
    pub(crate) fn walk(&mut self, user: UserId, uname: Text<USER_NAME_MAX>) -> Result<Away, Ename> {
        if let Some(fid) = self.attach[user.0 as usize] {
            return Ok(Away::Up(self.link, fid));
        }
        let fid = self.client.fid().map_err(|_| Ename::TooManyFiles)?;
        let attach = Tmsg::Attach { fid, afid: Fid::NONE, uname: uname.as_str(), aname: "" };
        self.ask(Use::Attach(user, fid), &attach)?;
        self.attach[user.0 as usize] = Some(fid);
        Ok(Away::Up(self.link, fid))
    }

    /// A user is gone, and so is the parent's root as they saw it.
    pub(crate) fn forget(&mut self, user: UserId) {
        if let Some(fid) = self.attach[user.0 as usize].take() {
            self.clunk(self.link, fid);
        }
    }

    /// The parent has taken this node in, or is gone: until then nothing can be asked.
    pub(crate) fn set_joined(&mut self, joined: bool) {
        self.is_joined = joined;
    }

    /// A fid on the parent of the link that there is now.
    pub(crate) fn fid(&self, link: u16, fid: Fid) -> Result<Fid, Ename> {
        match (self.is_joined, link == self.link) {
            (true, true) => Ok(fid),
            (true, false) => Err(Ename::Stale),
            (false, _) => Err(Ename::HostDown),
        }
    }

    /// A new fid on the parent, and how it is named here.
    pub(crate) fn take_fid(&mut self) -> Result<(Fid, Away), Ename> {
        let fid = self.client.fid().map_err(|_| Ename::TooManyFiles)?;
        Ok((fid, Away::Up(self.link, fid)))
    }

    /// A walk was not passed on: its fid is free.
    pub(crate) fn give_back(&mut self, fid: Fid) {
        self.client.give_back(fid);
    }

    /// Passes a request on to the parent, for a place in the table of those.
    pub(crate) fn pass(&mut self, index: u16, msg: &Tmsg<'_>) -> Result<Tag, Ename> {
        // Clunks and flushes have room of their own behind these.
        if self.forwards >= UP_FORWARDS || self.out.len() + msg_room(msg) > UP_OUT {
            return Err(Ename::Again);
        }
        let tag = self.ask(Use::Forward(index), msg)?;
        self.forwards += 1;
        Ok(tag)
    }

    /// Nobody waits for a request any more.
    pub(crate) fn flush(&mut self, tag: Tag) {
        let flushed = self.push(|client, burst| client.flush(burst, tag), IOHDR as usize);
        assert!(flushed.is_ok(), "each request has room for its flush");
    }

    /// A fid on the parent is not wanted any more; those of links that are gone went with them.
    pub(crate) fn clunk(&mut self, link: u16, fid: Fid) {
        // The fid of a walk that was refused is free already.
        let is_there = self.client.holds(fid) && !self.attach.contains(&Some(fid));
        if self.fid(link, fid).is_ok() && is_there {
            let asked = self.ask(Use::Rest, &Tmsg::Clunk { fid });
            assert!(asked.is_ok(), "each fid has room for its clunk");
        }
    }

    /// Takes an answer of the parent: of a request that was passed on, its place and what became of it.
    pub(crate) fn answer(&mut self, message: &[u8]) -> Result<Option<Passed>, Botch> {
        let (_, reply) = self.client.take(message)?.ok_or(Botch)?;
        let Some(reply) = reply else { return Ok(None) };
        match reply.token {
            Use::Rest => Ok(None),
            Use::Attach(user, fid) => {
                let attach = &mut self.attach[user.0 as usize];
                if matches!(reply.answer, Rmsg::Error { .. }) && *attach == Some(fid) {
                    *attach = None;
                }
                Ok(None)
            }
            Use::Forward(index) => {
                self.forwards -= 1;
                match reply.answer {
                    // It was given up before: its place may be another's.
                    _ if reply.is_flushed => Ok(None),
                    Rmsg::Error { ename } => {
                        Ok(Some(Passed { index, outcome: Err(Ename::from_text(ename)) }))
                    }
                    _ => Ok(Some(Passed { index, outcome: Ok(()) })),
                }
            }
        }
    }

    /// What is to be sent to the parent, at the start of `out`: how many bytes.
    pub(crate) fn poll(&mut self, out: &mut [u8]) -> Option<usize> {
        let len = self.out.len();
        if len == 0 {
            return None;
        }
        out[..len].copy_from_slice(&self.out);
        self.out.clear();
        Some(len)
    }

    /// Users whose attach at the parent is kept.
    pub(crate) fn user_count(&self) -> usize {
        self.attach.iter().flatten().count()
    }

    /// Fids and requests that are with the parent.
    pub(crate) fn outstanding(&self) -> usize {
        self.client.outstanding()
    }
}

/// Bytes that the message takes at most.
pub(crate) fn msg_room(msg: &Tmsg<'_>) -> usize {
    let text = match msg {
        Tmsg::Write { data, .. } => data.len(),
        Tmsg::Walk { names, .. } => names.as_slice().iter().map(|name| name.len() + 2).sum(),
        Tmsg::Create { name, .. } => name.len(),
        Tmsg::Wstat { stat, .. } => 64 + stat.name.len(),
        _ => 64,
    };
    text + IOHDR as usize
}

impl Part for Up {
    fn reserve(&mut self) {
        self.client.reserve();
        self.out.reserve_exact(UP_OUT);
    }

    fn is_quiet(&self) -> bool {
        self.outstanding() == 0
    }
}
