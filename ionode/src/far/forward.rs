//! Files of other nodes, reached through `net/<child>`, `net/parent` and a session's members: requests are
//! passed on one by one, with a fid and a tag of ours. `relay` has the way back.

use crate::down::ask::Ask;
use crate::down::step::down_name;
use crate::far::away::Away;
use crate::far::up::{Up, msg_room};
use crate::ground::bounds::{FAN_FIDS, FORWARDS, UP_FIDS};
use crate::ground::growing::Growing;
use crate::ground::id::{SessionId, SessionSlot};
use crate::ground::pool::Held;
use crate::part::Part;
use crate::shared::Shared;
use core::fmt::Write;
use protocol::ename::Ename;
use protocol::limits::{GATHER_US, IOHDR, MSIZE_LINK, WALK_MAX};
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

/// Where a walk begins there: at a fid or, of a member's directory, at the names of its session and itself
/// below that.
struct Begin {
    to: To,
    from: Fid,
    member: Option<(Text<20>, Text<16>)>,
}

impl Forwarded {
    /// A request that is to be passed on, for a file that is no directory of this node.
    fn new(request: RequestId, to: To, deadline: Time) -> Self {
        Self {
            request: Some(request),
            kind: Kind::Other,
            to,
            fid: Fid::default(),
            tag: Tag::NONE,
            deadline,
            qids: Qids::default(),
            own: Path::ELSEWHERE,
            is_dir: false,
            held: Held::default(),
        }
    }

    /// Its answer is to come, and somebody waits for it.
    fn is_waited_for(&self) -> bool {
        self.held.is_none() && self.request.is_some()
    }
}

/// The largest payload of a message to the parent.
const UP_PAYLOAD: u32 = MSIZE_LINK - IOHDR;

const DIRS: usize = 2 * (FAN_FIDS + 1);
const _: () = assert!(UP_FIDS <= FAN_FIDS);

/// The table of requests that were passed on.
#[derive(Debug)]
pub(crate) struct Forwards {
    /// The conversation with the parent, as its client.
    pub(crate) up: Box<Up>,
    table: Growing<Option<Forwarded>, FORWARDS>,
    /// Entries in use: those with low numbers are used first, and a search ends at the last.
    used: usize,
    /// Fids that were opened and are directories: their data names files by qid. By fid number, one on
    /// children beside one on the parent.
    dirs: Growing<bool, DIRS>,
}

impl Default for Forwards {
    fn default() -> Self {
        Self { up: Box::default(), table: Growing::make(), used: 0, dirs: Growing::make() }
    }
}

impl Forwards {
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

    /// Passes a request on; a walk gives the number of the new fid.
    pub(crate) fn forward(
        &mut self,
        now: Time,
        id: RequestId,
        hold: &Hold,
        msg: Forward<'_>,
        member: impl Fn(SessionSlot, u32) -> Option<(SessionId, Rank)>,
        shared: &mut Shared,
    ) -> Result<u32, Ename> {
        let away = Away::of(hold.away).ok_or(Ename::Stale)?;
        let free = self.table.free(Option::is_none).ok_or(Ename::Again)?;
        if let Forward::Walk { names, qids } = msg {
            let begin = self.begin(hold, away, member, shared)?;
            let deadline = now + patience_of(begin.to, shared);
            let entry = Forwarded { qids, ..Forwarded::new(id, begin.to, deadline) };
            return self.pass_walk(hold, free, &begin, names, entry, shared);
        }
        let (to, fid, most) = match away {
            Away::Up(link, fid) => (To::Parent, self.up.fid(link, fid)?, UP_PAYLOAD),
            Away::File(rank, _) if !shared.children.reachable().has(rank) => return Err(Ename::HostDown),
            // Walked to over a link that is gone, or the walk to it was refused.
            Away::File(rank, fid) if !shared.down.fids.holds(fid).has(rank) => return Err(Ename::Stale),
            Away::File(rank, fid) => (To::Child(rank), fid, shared.children.payload(ChildSet::one(rank))),
            Away::Member(..) => return Err(Ename::BadUse),
        };
        let mut deadline = now + patience_of(to, shared);
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
        let entry = Forwarded { kind, fid, own: hold.path, ..Forwarded::new(id, to, deadline) };
        self.pass_on(free, entry, &msg, shared)?;
        if let (Kind::Remove(fid), To::Child(_)) = (kind, to) {
            shared.down.fids.clunk(fid);
        }
        Ok(hold.away)
    }

    /// Where a walk from a hold's file begins on the other node.
    fn begin(
        &self,
        hold: &Hold,
        away: Away,
        member: impl Fn(SessionSlot, u32) -> Option<(SessionId, Rank)>,
        shared: &Shared,
    ) -> Result<Begin, Ename> {
        let (to, from, member) = match away {
            Away::File(rank, fid) => (To::Child(rank), fid, None),
            Away::Up(link, fid) => (To::Parent, self.up.fid(link, fid)?, None),
            Away::Member(slot, number) => {
                let (session, rank) = member(slot, number).ok_or(Ename::NotFound)?;
                let mut text = Text::EMPTY;
                let written = write!(text, "{number}");
                assert!(written.is_ok(), "a number has at most 10 digits");
                let name = down_name(shared.facts.boot, session.serial);
                // As the user who walks: the session's own fids are its owner's.
                (To::Child(rank), shared.users.fid(hold.user), Some((name, text)))
            }
        };
        Ok(Begin { to, from, member })
    }

    fn pass_walk(
        &mut self,
        hold: &Hold,
        free: usize,
        begin: &Begin,
        names: &[&str],
        entry: Forwarded,
        shared: &mut Shared,
    ) -> Result<u32, Ename> {
        let Begin { to, from, .. } = *begin;
        let mut all = Names::NONE;
        if names.len() > WALK_MAX {
            return Err(Ename::Invalid);
        }
        let mut full = Ok(());
        if let Some((session, number)) = &begin.member {
            full = all.push(session.as_str()).and_then(|()| all.push(number.as_str()));
        }
        for name in names {
            full = full.and_then(|()| all.push(name));
        }
        full.map_err(|Full| Ename::Invalid)?;
        let (fid, away) = self.walk_target(hold, to, from, shared)?;
        self.set_dir(to, fid, false);
        let entry = Forwarded { kind: Kind::Walk(all.as_slice().len()), fid, ..entry };
        let passed = self.pass_on(free, entry, &Tmsg::Walk { fid: from, newfid: fid, names: all }, shared);
        if passed.is_err() {
            self.walk_refused(&entry, shared);
            if to == To::Parent {
                self.up.give_back(fid);
            }
            self.clunk(away.number(), shared);
        }
        passed.map(|()| away.number())
    }

    /// A fid there for a walk from another, and how a hold names it.
    fn walk_target(
        &mut self,
        hold: &Hold,
        to: To,
        from: Fid,
        shared: &mut Shared,
    ) -> Result<(Fid, Away), Ename> {
        let To::Child(rank) = to else { return self.up.take_fid() };
        if !shared.children.reachable().has(rank) {
            return Err(Ename::HostDown);
        }
        let one = ChildSet::one(rank);
        if from == shared.users.fid(hold.user) {
            shared.attach(hold.user, one);
        }
        if !shared.down.fids.holds(from).has(rank) {
            return Err(Ename::NotFound);
        }
        let fid = shared.down.fids.take().ok_or(Ename::TooManyFiles)?;
        shared.down.fids.establish(fid, one);
        Ok((fid, Away::File(rank, fid)))
    }

    /// A walk has not made its fid; the numbers of the parent see that by themselves.
    fn walk_refused(&self, entry: &Forwarded, shared: &mut Shared) {
        if let To::Child(rank) = entry.to {
            shared.down.fids.refused(entry.fid, rank);
        }
    }

    /// The place of a request that was passed on is free again.
    pub(crate) fn take(&mut self, index: usize, shared: &mut Shared) -> Option<Forwarded> {
        let entry = self.table[index].take()?;
        self.used -= 1;
        if let To::Child(_) = entry.to {
            shared.down.fids.told(entry.fid);
        }
        Some(entry)
    }

    fn pass_on(
        &mut self,
        free: usize,
        entry: Forwarded,
        msg: &Tmsg<'_>,
        shared: &mut Shared,
    ) -> Result<(), Ename> {
        let To::Child(rank) = entry.to else {
            let tag = self.up.pass(free as u16, msg)?;
            self.put(free, Forwarded { tag, ..entry });
            return Ok(());
        };
        if !shared.down.has_room_beside() {
            return Err(Ename::Again);
        }
        let tag =
            shared.down.pass(rank, Ask::Forward(free as u16), msg, msg_room(msg)).ok_or(Ename::Again)?;
        self.put(free, Forwarded { tag, ..entry });
        shared.down.fids.ask(entry.fid);
        Ok(())
    }

    /// An answer came back whole.
    pub(crate) fn forwarded(&mut self, index: u16, message: &[u8], shared: &mut Shared) -> Result<(), Botch> {
        let Some(mut entry) = self.table[index as usize] else { return Err(Botch) };
        let (_, msg) = Rmsg::decode(message)?;
        match (entry.kind, &msg) {
            (Kind::Walk(want), Rmsg::Walk { qids }) => {
                if qids.as_slice().len() > want {
                    return Err(Botch);
                }
                if qids.as_slice().len() < want {
                    self.walk_refused(&entry, shared);
                    shared.deeds.undone.extend(entry.request);
                }
            }
            (Kind::Open, Rmsg::Open { qid, .. } | Rmsg::Create { qid, .. }) => {
                self.set_dir(entry.to, entry.fid, qid.kind & QTDIR != 0);
            }
            (Kind::Read(most), Rmsg::Read { data }) if data.len() <= most as usize => {
                // The fid may be another file's when the answer is fetched.
                entry.is_dir = self.is_dir(entry.to, entry.fid);
            }
            (Kind::Remove(fid), Rmsg::Remove) => self.removed(entry.to, fid, shared),
            (Kind::Other, Rmsg::Write { .. } | Rmsg::Stat { .. } | Rmsg::Wstat) => {}
            _ => return Err(Botch),
        }
        match entry.request {
            Some(request) => {
                entry.held = shared.pool.hold(message);
                self.table[index as usize] = Some(entry);
                shared.deeds.settled.push((request, Settled::Relay(u32::from(index))));
            }
            None => drop(self.take(index as usize, shared)),
        }
        Ok(())
    }

    /// A read of a file that somebody waits for: who, and how much at most.
    pub(crate) fn read_of(&self, index: u16) -> Option<(RequestId, u32)> {
        let entry = self.table[index as usize].as_ref()?;
        let Kind::Read(most) = entry.kind else { return None };
        let is_dir = self.is_dir(entry.to, entry.fid);
        Some((entry.request.filter(|_| !is_dir && entry.held.is_none())?, most))
    }

    /// A request cannot be had there, or its child is gone.
    pub(crate) fn failed(&mut self, index: u16, ename: Ename, shared: &mut Shared) {
        let Some(entry) = self.table[index as usize] else { return };
        match entry.kind {
            Kind::Walk(_) => self.walk_refused(&entry, shared),
            Kind::Remove(fid) => self.removed(entry.to, fid, shared),
            Kind::Open | Kind::Read(_) | Kind::Other => {}
        }
        self.give_up(index, ename, shared);
    }

    fn removed(&self, to: To, fid: Fid, shared: &mut Shared) {
        if let To::Child(rank) = to {
            shared.down.fids.clunked(fid, rank);
        }
    }

    fn flush_there(&mut self, entry: &Forwarded, shared: &mut Shared) {
        match entry.to {
            To::Child(_) => shared.down.flush(entry.tag),
            To::Parent => self.up.flush(entry.tag),
        }
    }

    /// The parent is gone, and will not answer what it owes.
    pub(crate) fn lose_up(&mut self, shared: &mut Shared) {
        for index in 0..self.table.len() {
            let Some(entry) = &self.table[index] else { continue };
            if entry.to == To::Parent && entry.held.is_none() {
                self.give_up(index as u16, Ename::HostDown, shared);
            }
        }
    }

    /// Answers with a refusal, whatever becomes of the request there.
    fn give_up(&mut self, index: u16, ename: Ename, shared: &mut Shared) {
        let Some(entry) = self.take(index as usize, shared) else { return };
        let Some(request) = entry.request else { return };
        if matches!(entry.kind, Kind::Walk(_) | Kind::Open) {
            shared.deeds.undone.push(request);
        }
        shared.deeds.settled.push((request, Settled::Refused(ename)));
    }

    /// A fid on another node is not wanted any more.
    pub(crate) fn clunk(&mut self, number: u32, shared: &mut Shared) {
        match Away::of(number) {
            Some(Away::File(_, fid)) => shared.down.clunk(fid),
            Some(Away::Up(link, fid)) => self.up.clunk(link, fid),
            Some(Away::Member(..)) | None => {}
        }
    }

    /// Requests that were passed on and not answered, or not fetched.
    pub(crate) fn count(&self) -> usize {
        self.used
    }

    /// A request that was to be answered by now and was not.
    fn give_up_late(&mut self, index: usize, shared: &mut Shared) {
        let Some(entry) = &mut self.table[index] else { return };
        let entry = if let Kind::Remove(_) = entry.kind {
            // It is not flushed: the fid ends with it, whenever that is.
            let request = entry.request.take();
            return shared.deeds.settled.extend(request.map(|it| (it, Settled::Refused(Ename::TimedOut))));
        } else {
            *entry
        };
        // A walk may still be done there: its fid is held until the clunk that follows.
        self.give_up(index as u16, Ename::TimedOut, shared);
        self.flush_there(&entry, shared);
    }
}

impl Part for Forwards {
    fn reserve(&mut self) {
        self.up.reserve();
        self.table.reserve();
        self.dirs.reserve();
    }

    fn due(&self) -> Time {
        let entries = self.table.iter().flatten().take(self.used).filter(|entry| entry.is_waited_for());
        entries.map(|entry| entry.deadline).min().unwrap_or(Time::NEVER)
    }

    fn expire(&mut self, now: Time, shared: &mut Shared) -> bool {
        let is_due = |f: &Option<Forwarded>| f.is_some_and(|f| f.is_waited_for() && f.deadline <= now);
        let Some(index) = self.table.iter().position(is_due) else { return false };
        self.give_up_late(index, shared);
        true
    }

    /// It is flushed there too.
    fn cancel(&mut self, request: RequestId, shared: &mut Shared) {
        let its = |f: &Option<Forwarded>| f.is_some_and(|f| f.request == Some(request) && f.held.is_none());
        let Some(index) = self.table.iter().position(its) else { return };
        if let Some(entry) = &mut self.table[index] {
            entry.request = None;
            let entry = *entry;
            // A removal has its say whether or not somebody hears of it.
            if !matches!(entry.kind, Kind::Remove(_)) {
                self.take(index, shared);
                self.flush_there(&entry, shared);
            }
        }
    }

    fn is_quiet(&self) -> bool {
        self.up.is_quiet()
    }
}

/// How long an answer may take; of the parent, who may ask any node, as long as the deepest tree.
fn patience_of(to: To, shared: &Shared) -> u64 {
    match to {
        To::Child(rank) => shared.children.patience(ChildSet::one(rank)),
        To::Parent => 4 * GATHER_US,
    }
}

/// Where a fid is in the table of directories.
fn dir_of(to: To, fid: Fid) -> usize {
    match to {
        To::Child(_) => 2 * fid.0 as usize,
        To::Parent => 2 * fid.0 as usize + 1,
    }
}
