//! Files of other nodes, reached through `net/<child>`, `net/parent` and a session's members: requests are
//! passed on one by one, with a fid and a tag of ours. `relay` has the way back.

use crate::ask::Ask;
use crate::away::Away;
use crate::bounds::{FAN_FIDS, FORWARDS, UP_FIDS};
use crate::node::Node;
use crate::pool::Held;
use crate::room::Growing;
use crate::step::{Send, down_name};
use core::fmt::Write;
use protocol::ename::Ename;
use protocol::expect::Expected;
use protocol::limits::{GATHER_US, IOHDR, WALK_MAX};
use protocol::message::{Fid, Names, Qids, Rmsg, Tag, Tmsg};
use protocol::qid::{Path, QTDIR};
use protocol::server::{Forward, Hold, RequestId, Settled};
use protocol::set::{ChildSet, Rank};
use protocol::slots::Slots;
use protocol::stat::Stat;
use protocol::text::Text;
use protocol::time::Time;
use protocol::wire::{Botch, Full};

/// What kind of request was passed on, as far as its answer needs to know.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    /// A walk of so many names.
    Walk(usize),
    Open,
    /// At most so many bytes may come back.
    Read(u32),
    Remove(Fid),
    Other,
}

/// Whom a request was passed on to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum To {
    Child(Rank),
    Parent,
}

/// A request that was passed on.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Forwarded {
    request: Option<RequestId>,
    kind: Kind,
    pub(crate) to: To,
    /// The fid it uses there.
    fid: Fid,
    tag: Tag,
    deadline: Time,
    /// The qids of the walk that are this node's.
    pub(crate) qids: Qids,
    /// Which directory of this node's the file is, or `Path::ELSEWHERE`.
    pub(crate) own: Path,
    /// The answer is the data of a directory.
    pub(crate) is_dir: bool,
    /// The answer.
    pub(crate) held: Held,
}

/// The table of requests that were passed on.
#[derive(Debug)]
pub struct Forwards {
    table: Growing<Option<Forwarded>, FORWARDS>,
    /// Entries in use: those with low numbers are used first, and a search ends at the last.
    used: usize,
    /// Fids that were opened and are directories: their data names files by qid. By fid number, one on
    /// children beside one on the parent.
    dirs: Growing<bool, DIRS>,
}

impl Default for Forwards {
    fn default() -> Self {
        Self { table: Growing::make(), used: 0, dirs: Growing::make() }
    }
}

impl Forwards {
    /// Takes the memory for all that there may be.
    pub(crate) fn reserve(&mut self) {
        self.table.reserve();
        self.dirs.reserve();
    }

    fn is_dir(&self, to: To, fid: Fid) -> bool {
        self.dirs.get(dir_of(to, fid)).copied().unwrap_or(false)
    }

    fn set_dir(&mut self, to: To, fid: Fid, is_dir: bool) {
        let at = dir_of(to, fid);
        self.dirs.hold(at + 1);
        self.dirs[at] = is_dir;
    }

    fn put(&mut self, free: usize, entry: Forwarded) {
        assert!(self.table[free].is_none(), "a free place is taken");
        self.table[free] = Some(entry);
        self.used += 1;
    }
}

const DIRS: usize = 2 * (FAN_FIDS + 1);
const _: () = assert!(UP_FIDS <= FAN_FIDS);

impl Node {
    /// Passes a request on; a walk gives the number of the new fid.
    pub(crate) fn forward(
        &mut self,
        now: Time,
        id: RequestId,
        hold: &Hold,
        msg: Forward<'_>,
    ) -> Result<u32, Ename> {
        let away = Away::of(hold.away).ok_or(Ename::Stale)?;
        let free = self.forwards.table.free(Option::is_none).ok_or(Ename::Again)?;
        if let Forward::Walk { names, qids } = msg {
            return self.forward_walk(now, id, (hold, away, free), (names, qids));
        }
        let (to, fid, most) = match away {
            Away::Up(link, fid) => (To::Parent, self.up_fid(link, fid)?, Self::up_payload()),
            Away::File(rank, _) if !self.children.reachable().has(rank) => return Err(Ename::HostDown),
            // Walked to over a link that is gone, or the walk to it was refused.
            Away::File(rank, fid) if !self.fids.holds(fid).has(rank) => return Err(Ename::Stale),
            Away::File(rank, fid) => (To::Child(rank), fid, self.payload(ChildSet::one(rank))),
            Away::Member(..) => return Err(Ename::BadUse),
        };
        let mut deadline = now + self.patience_of(to);
        let (kind, msg) = match msg {
            Forward::Walk { .. } => return Err(Ename::BadUse),
            Forward::Open { mode } => (Kind::Open, Tmsg::Open { fid, mode }),
            // There we are the parent, whose sessions have such names: no client's has.
            Forward::Create { name, .. } if name.starts_with('.') => return Err(Ename::Invalid),
            Forward::Create { name, perm, mode } => (Kind::Open, Tmsg::Create { fid, name, perm, mode }),
            Forward::Read { offset, count } => {
                deadline = Time::NEVER;
                let count = count.min(most);
                (Kind::Read(count), Tmsg::Read { fid, offset, count })
            }
            Forward::Write { offset, data } => {
                // Input may wait for its reader for as long as that takes.
                deadline = Time::NEVER;
                let data = &data[..data.len().min(most as usize)];
                (Kind::Other, Tmsg::Write { fid, offset, data })
            }
            Forward::Remove => (Kind::Remove(fid), Tmsg::Remove { fid }),
            Forward::Stat => (Kind::Other, Tmsg::Stat { fid }),
            Forward::Wstat { name, length } => {
                let stat = Stat { length, name, ..Stat::UNCHANGED };
                (Kind::Other, Tmsg::Wstat { fid, stat })
            }
        };
        let entry = Forwarded {
            request: Some(id),
            kind,
            to,
            fid,
            tag: Tag::NONE,
            deadline,
            qids: Qids::default(),
            own: hold.path,
            is_dir: false,
            held: Held::default(),
        };
        self.pass_on(free, entry, &msg)?;
        if let (Kind::Remove(fid), To::Child(_)) = (kind, to) {
            self.fids.clunk(fid);
        }
        Ok(hold.away)
    }

    /// How long an answer may take; of the parent, who may ask any node, as long as the deepest tree.
    fn patience_of(&self, to: To) -> u64 {
        match to {
            To::Child(rank) => self.patience(ChildSet::one(rank)),
            To::Parent => 4 * GATHER_US,
        }
    }

    fn forward_walk(
        &mut self,
        now: Time,
        id: RequestId,
        (hold, away, free): (&Hold, Away, usize),
        (names, qids): (&[&str], Qids),
    ) -> Result<u32, Ename> {
        let mut text = Text::<16>::EMPTY;
        let mut session_name = Text::EMPTY;
        let mut all = Names::NONE;
        let (to, from) = match away {
            _ if names.len() > WALK_MAX => return Err(Ename::Invalid),
            Away::File(rank, fid) => (To::Child(rank), fid),
            Away::Up(link, fid) => (To::Parent, self.up_fid(link, fid)?),
            Away::Member(slot, number) => {
                let session = self.sessions.get(slot as usize).filter(|s| s.used);
                let session = session.ok_or(Ename::NotFound)?;
                let rank = session.child_of(number).ok_or(Ename::NotFound)?;
                let written = write!(text, "{number}");
                assert!(written.is_ok(), "a number has at most 10 digits");
                session_name = down_name(self.facts.boot, session.serial);
                // As the user who walks: the session's own fids are its owner's.
                (To::Child(rank), self.attach_fid(hold.user))
            }
        };
        let mut full = Ok(());
        if !text.is_empty() {
            full = all.push(session_name.as_str()).and_then(|()| all.push(text.as_str()));
        }
        for name in names {
            full = full.and_then(|()| all.push(name));
        }
        full.map_err(|Full| Ename::Invalid)?;
        let (fid, away) = self.walk_target(hold, to, from)?;
        self.forwards.set_dir(to, fid, false);
        let entry = Forwarded {
            request: Some(id),
            kind: Kind::Walk(all.as_slice().len()),
            to,
            fid,
            tag: Tag::NONE,
            deadline: now + self.patience_of(to),
            qids,
            own: Path::ELSEWHERE,
            is_dir: false,
            held: Held::default(),
        };
        let passed = self.pass_on(free, entry, &Tmsg::Walk { fid: from, newfid: fid, names: all });
        if passed.is_err() {
            self.walk_refused(&entry);
            if to == To::Parent {
                self.up_refused(fid);
            }
            self.clunk_away(away.number());
        }
        passed.map(|()| away.number())
    }

    /// A fid there for a walk from another, and how a hold names it.
    fn walk_target(&mut self, hold: &Hold, to: To, from: Fid) -> Result<(Fid, Away), Ename> {
        let To::Child(rank) = to else { return self.take_up_fid() };
        if !self.children.reachable().has(rank) {
            return Err(Ename::HostDown);
        }
        let one = ChildSet::one(rank);
        if from == self.attach_fid(hold.user) {
            self.attach(hold.user, one);
        }
        if !self.fids.holds(from).has(rank) {
            return Err(Ename::NotFound);
        }
        let fid = self.fids.take().ok_or(Ename::TooManyFiles)?;
        self.fids.establish(fid, one);
        Ok((fid, Away::File(rank, fid)))
    }

    /// A walk has not made its fid; the numbers of the parent see that by themselves.
    fn walk_refused(&mut self, entry: &Forwarded) {
        if let To::Child(rank) = entry.to {
            self.fids.refused(entry.fid, rank);
        }
    }

    /// The place of a request that was passed on is free again.
    pub(crate) fn take_forward(&mut self, index: usize) -> Option<Forwarded> {
        let entry = self.forwards.table[index].take()?;
        self.forwards.used -= 1;
        if let To::Child(_) = entry.to {
            self.fids.told(entry.fid);
        }
        Some(entry)
    }

    fn pass_on(&mut self, free: usize, entry: Forwarded, msg: &Tmsg<'_>) -> Result<(), Ename> {
        let To::Child(rank) = entry.to else {
            let tag = self.ask_up(free as u16, msg)?;
            self.forwards.put(free, Forwarded { tag, ..entry });
            return Ok(());
        };
        let one = ChildSet::one(rank);
        if !self.has_room_beside() {
            return Err(Ename::Again);
        }
        let tag = self.tags.take(Ask::Forward(free as u16), one, Expected::of(msg)).ok_or(Ename::Again)?;
        let at = self.scratch.len();
        let room = msg_room(msg);
        self.scratch.resize(at + room, 0);
        let len = msg.encode(tag, &mut self.scratch[at..]);
        assert!(len.is_ok(), "the room is computed for the message");
        let len = len.unwrap_or(0) as u32;
        self.forwards.put(free, Forwarded { tag, ..entry });
        self.fids.ask(entry.fid);
        self.send(one, tag, Send::Scratch { at: at as u32, len });
        Ok(())
    }

    /// An answer came back whole.
    pub(crate) fn forwarded(&mut self, index: u16, message: &[u8]) -> Result<(), Botch> {
        let Some(mut entry) = self.forwards.table[index as usize] else { return Err(Botch) };
        let (_, msg) = Rmsg::decode(message)?;
        match (entry.kind, &msg) {
            (Kind::Walk(want), Rmsg::Walk { qids }) => {
                if qids.as_slice().len() > want {
                    return Err(Botch);
                }
                if qids.as_slice().len() < want {
                    self.walk_refused(&entry);
                    self.undone.extend(entry.request);
                }
            }
            (Kind::Open, Rmsg::Open { qid, .. } | Rmsg::Create { qid, .. }) => {
                self.forwards.set_dir(entry.to, entry.fid, qid.kind & QTDIR != 0);
            }
            (Kind::Read(most), Rmsg::Read { data }) if data.len() <= most as usize => {
                // The fid may be another file's when the answer is fetched.
                entry.is_dir = self.forwards.is_dir(entry.to, entry.fid);
            }
            (Kind::Remove(fid), Rmsg::Remove) => self.removed(entry.to, fid),
            (Kind::Other, Rmsg::Write { .. } | Rmsg::Stat { .. } | Rmsg::Wstat) => {}
            _ => return Err(Botch),
        }
        match entry.request {
            Some(request) => {
                entry.held = self.pool.hold(message);
                self.forwards.table[index as usize] = Some(entry);
                self.settled.push((request, Settled::Relay(u32::from(index))));
            }
            None => drop(self.take_forward(index as usize)),
        }
        Ok(())
    }

    /// A read of a file that somebody waits for: who, and how much at most.
    pub(crate) fn forward_of_read(&self, index: u16) -> Option<(RequestId, u32)> {
        let entry = self.forwards.table[index as usize].as_ref()?;
        let Kind::Read(most) = entry.kind else { return None };
        let is_dir = self.forwards.is_dir(entry.to, entry.fid);
        Some((entry.request.filter(|_| !is_dir && entry.held.is_none())?, most))
    }

    /// A request cannot be had there, or its child is gone.
    pub(crate) fn forward_failed(&mut self, index: u16, ename: Ename) {
        let Some(entry) = self.forwards.table[index as usize] else { return };
        match entry.kind {
            Kind::Walk(_) => self.walk_refused(&entry),
            Kind::Remove(fid) => self.removed(entry.to, fid),
            Kind::Open | Kind::Read(_) | Kind::Other => {}
        }
        self.give_up(index, ename);
    }

    fn removed(&mut self, to: To, fid: Fid) {
        if let To::Child(rank) = to {
            self.fids.clunked(fid, rank);
        }
    }

    fn flush_there(&mut self, entry: &Forwarded) {
        match entry.to {
            To::Child(_) => self.flush(entry.tag),
            To::Parent => self.flush_up(entry.tag),
        }
    }

    /// The parent is gone, and will not answer what it owes.
    pub(crate) fn lose_forwards_up(&mut self) {
        for index in 0..self.forwards.table.len() {
            let Some(entry) = &self.forwards.table[index] else { continue };
            if entry.to == To::Parent && entry.held.is_none() {
                self.give_up(index as u16, Ename::HostDown);
            }
        }
    }

    /// Answers with a refusal, whatever becomes of the request there.
    fn give_up(&mut self, index: u16, ename: Ename) {
        let Some(entry) = self.take_forward(index as usize) else { return };
        let Some(request) = entry.request else { return };
        if matches!(entry.kind, Kind::Walk(_) | Kind::Open) {
            self.undone.push(request);
        }
        self.settled.push((request, Settled::Refused(ename)));
    }

    /// Nobody waits for it any more: it is flushed there too.
    pub(crate) fn cancel_forward(&mut self, id: RequestId) {
        let its = |f: &Option<Forwarded>| f.is_some_and(|f| f.request == Some(id) && f.held.is_none());
        let Some(index) = self.forwards.table.iter().position(its) else { return };
        if let Some(entry) = &mut self.forwards.table[index] {
            entry.request = None;
            let entry = *entry;
            // A removal has its say whether or not somebody hears of it.
            if !matches!(entry.kind, Kind::Remove(_)) {
                self.take_forward(index);
                self.flush_there(&entry);
            }
        }
    }

    /// Those that were to be answered by now and were not.
    pub(crate) fn expire_forwards(&mut self, now: Time) {
        if self.forwards_timeout() > now {
            return;
        }
        for index in 0..self.forwards.table.len() {
            let Some(entry) = self.forwards.table[index] else { continue };
            if entry.deadline <= now && entry.held.is_none() {
                if matches!(entry.kind, Kind::Remove(_)) {
                    // It is not flushed: the fid ends with it, whenever that is.
                    if let Some(request) = entry.request {
                        self.settled.push((request, Settled::Refused(Ename::TimedOut)));
                    }
                    self.forwards.table[index] = Some(Forwarded { request: None, ..entry });
                    continue;
                }
                // A walk may still be done there: its fid is held until the clunk that follows.
                self.give_up(index as u16, Ename::TimedOut);
                self.flush_there(&entry);
            }
        }
    }

    /// When the next of them is due.
    pub(crate) fn forwards_timeout(&self) -> Time {
        let due = |f: &Forwarded| f.held.is_none() && f.request.is_some();
        let entries = self.forwards.table.iter().flatten().take(self.forwards.used).filter(|f| due(f));
        entries.map(|f| f.deadline).min().unwrap_or(Time::NEVER)
    }

    /// A fid on another node is not wanted any more.
    pub(crate) fn clunk_away(&mut self, number: u32) {
        match Away::of(number) {
            Some(Away::File(_, fid)) => self.clunk(fid),
            Some(Away::Up(link, fid)) => self.clunk_up(link, fid),
            Some(Away::Member(..)) | None => {}
        }
    }

    /// Requests that were passed on and not answered, or not fetched.
    pub fn forward_count(&self) -> usize {
        self.forwards.used
    }
}

/// Where a fid is in the table of directories.
fn dir_of(to: To, fid: Fid) -> usize {
    match to {
        To::Child(_) => 2 * fid.0 as usize,
        To::Parent => 2 * fid.0 as usize + 1,
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
