//! The way to the parent's files, `net/parent`: a client's conversation on the link that this node joined by,
//! beside the one in which the parent is the client.

use crate::away::{Away, UP_LINKS};
use crate::bounds::{UP_FIDS, UP_FORWARDS, UP_OUT, UP_TAGS, USERS};
use crate::node::Node;
use crate::room::Growing;
use protocol::client;
use protocol::client::Burst;
use protocol::ename::Ename;
use protocol::join::is_joining;
use protocol::limits::{IOHDR, MSIZE_LINK};
use protocol::message::{Fid, Rmsg, Tag, Tmsg};
use protocol::server::UserId;
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

type Numbers = client::Numbers<Use, Growing<bool, UP_FIDS>, Growing<client::Use<Use>, UP_TAGS>>;

/// The numbers of that conversation, and what is to be sent.
#[derive(Debug)]
pub struct Up {
    client: Numbers,
    /// Moves with each link: fids of the one before are nobody's.
    link: u16,
    attach: [Option<Fid>; USERS],
    /// Forwarded requests that are not answered.
    forwards: usize,
    out: Vec<u8>,
}

impl Default for Up {
    fn default() -> Self {
        Self {
            client: Numbers::new(MSIZE_LINK),
            link: 0,
            attach: [None; USERS],
            forwards: 0,
            out: Vec::new(),
        }
    }
}

impl Up {
    /// Takes the memory for all that there may be.
    pub(crate) fn reserve(&mut self) {
        self.client.reserve();
        self.out.reserve_exact(UP_OUT);
    }

    /// The link is new: it has the fids that joining has used, and no others.
    fn renew(&mut self) {
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
        self.push(|client, burst| client.ask(burst, what, msg), crate::forward::msg_room(msg))
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
}

/// Fids of the conversation in which a node joins: the root's, and `ctl`, which is clunked.
const JOIN_FIDS: usize = 2;

impl Node {
    /// The number of the parent's root as a user sees it.
    pub(crate) fn walk_up(&mut self, user: UserId) -> Result<Away, Ename> {
        if !self.parent.exists() {
            return Err(Ename::NotFound);
        }
        if self.parent.rank().is_none() {
            return Err(Ename::HostDown);
        }
        let uname = self.user_name(user);
        let up = &mut self.up;
        if let Some(fid) = up.attach[user.0 as usize] {
            return Ok(Away::Up(up.link, fid));
        }
        let fid = up.client.fid().map_err(|_| Ename::TooManyFiles)?;
        let attach = Tmsg::Attach { fid, afid: Fid::NONE, uname: uname.as_str(), aname: "" };
        up.ask(Use::Attach(user, fid), &attach)?;
        up.attach[user.0 as usize] = Some(fid);
        Ok(Away::Up(up.link, fid))
    }

    /// A user is gone, and so is the parent's root as they saw it.
    pub(crate) fn leave_up(&mut self, user: UserId) {
        if let Some(fid) = self.up.attach[user.0 as usize].take() {
            self.clunk_up(self.up.link, fid);
        }
    }

    /// A fid on the parent of the link that there is now.
    pub(crate) fn up_fid(&self, link: u16, fid: Fid) -> Result<Fid, Ename> {
        let joined = self.parent.rank().is_some();
        match (joined, link == self.up.link) {
            (true, true) => Ok(fid),
            (true, false) => Err(Ename::Stale),
            (false, _) => Err(Ename::HostDown),
        }
    }

    /// A new fid on the parent, and how it is named here.
    pub(crate) fn take_up_fid(&mut self) -> Result<(Fid, Away), Ename> {
        let fid = self.up.client.fid().map_err(|_| Ename::TooManyFiles)?;
        Ok((fid, Away::Up(self.up.link, fid)))
    }

    /// A walk was not passed on: its fid is free.
    pub(crate) fn up_refused(&mut self, fid: Fid) {
        self.up.client.give_back(fid);
    }

    /// The largest payload of a message to the parent.
    pub(crate) fn up_payload() -> u32 {
        MSIZE_LINK - IOHDR
    }

    /// Passes a request on to the parent, for a place in the table of those.
    pub(crate) fn ask_up(&mut self, index: u16, msg: &Tmsg<'_>) -> Result<Tag, Ename> {
        let up = &mut self.up;
        // Clunks and flushes have room of their own behind these.
        if up.forwards >= UP_FORWARDS || up.out.len() + crate::forward::msg_room(msg) > UP_OUT {
            return Err(Ename::Again);
        }
        let tag = up.ask(Use::Forward(index), msg)?;
        up.forwards += 1;
        Ok(tag)
    }

    /// Nobody waits for a request any more.
    pub(crate) fn flush_up(&mut self, tag: Tag) {
        let flushed = self.up.push(|client, burst| client.flush(burst, tag), IOHDR as usize);
        assert!(flushed.is_ok(), "each request has room for its flush");
    }

    /// A fid on the parent is not wanted any more; those of links that are gone went with them.
    pub(crate) fn clunk_up(&mut self, link: u16, fid: Fid) {
        // The fid of a walk that was refused is free already.
        let is_there = self.up.client.holds(fid) && !self.up.attach.contains(&Some(fid));
        if self.up_fid(link, fid).is_ok() && is_there {
            let asked = self.up.ask(Use::Rest, &Tmsg::Clunk { fid });
            assert!(asked.is_ok(), "each fid has room for its clunk");
        }
    }

    /// Takes an answer of the parent, to joining or to what was asked since.
    pub(crate) fn answer_of_parent(&mut self, message: &[u8]) -> Result<(), Botch> {
        let (tag, _) = Rmsg::decode(message)?;
        if !is_joining(tag) {
            return self.answer_up(message);
        }
        let before = self.parent.rank();
        self.parent.answer(message)?;
        if self.parent.rank().is_some() {
            self.orphaned = None;
        }
        if self.parent.rank() != before {
            self.tell_above(self.children.inner());
        }
        Ok(())
    }

    fn answer_up(&mut self, message: &[u8]) -> Result<(), Botch> {
        let (_, reply) = self.up.client.take(message)?.ok_or(Botch)?;
        let Some(reply) = reply else { return Ok(()) };
        match reply.token {
            Use::Rest => {}
            Use::Attach(user, fid) => {
                let attach = &mut self.up.attach[user.0 as usize];
                if matches!(reply.answer, Rmsg::Error { .. }) && *attach == Some(fid) {
                    *attach = None;
                }
            }
            Use::Forward(index) => {
                self.up.forwards -= 1;
                match reply.answer {
                    // It was given up before: its place may be another's.
                    _ if reply.is_flushed => {}
                    Rmsg::Error { ename } => self.forward_failed(index, Ename::from_text(ename)),
                    _ => return self.forwarded(index, message),
                }
            }
        }
        Ok(())
    }

    /// The link to the parent is gone, or new.
    pub(crate) fn renew_up(&mut self) {
        self.lose_forwards_up();
        self.up.renew();
    }

    /// What is to be sent to the parent, at the start of `out`: how many bytes.
    pub(crate) fn poll_up(&mut self, out: &mut [u8]) -> Option<usize> {
        let len = self.up.out.len();
        if len == 0 {
            return None;
        }
        out[..len].copy_from_slice(&self.up.out);
        self.up.out.clear();
        Some(len)
    }

    /// Users whose attach at the parent is kept, for checkers.
    pub fn up_users(&self) -> usize {
        self.up.attach.iter().flatten().count()
    }

    /// Fids and requests that are with the parent, for checkers.
    pub fn up_count(&self) -> usize {
        self.up.client.outstanding()
    }
}
