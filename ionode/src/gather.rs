//! A command to many: who has not answered, who refused, and by when the writer is answered in any case.

use crate::ask::{Answer, Ask, GatherId};
use crate::host::SessionSlot;
use crate::node::Node;
use crate::step::Send;
use protocol::ename::Ename;
use protocol::failure::Failure;
use protocol::limits::{GATHER_US, REASON_MAX};
use protocol::message::Rmsg;
use protocol::nodeset::NodeSet;
use protocol::refusal::{self, PARTS};
use protocol::server::{RequestId, Settled, UserId, mode};
use protocol::set::{ChildSet, Rank};
use protocol::slots::Slots;
use protocol::table::File;
use protocol::text::Text;
use protocol::time::Time;
use protocol::verb::Why;

/// One write that waits for its children.
#[derive(Clone, Debug, Default)]
pub struct Gather {
    /// The place is somebody's.
    pub used: bool,
    /// Its number.
    pub seq: u32,
    /// Who waits; nobody after a flush.
    pub request: Option<RequestId>,
    /// The write's length, known when all its lines have run.
    pub len: u32,
    /// Answers to come.
    pub owes: u32,
    /// When it ends in any case.
    pub deadline: Time,
    /// What was refused so far.
    pub refusal: Option<Refusal>,
    /// It is an exec.
    pub launches: bool,
    /// Of a gang, of which nobody has been told whether it may run.
    pub waits: bool,
    /// The serial number of the session that it is about, 0 for none.
    pub serial: u32,
    /// What it changes is to be known here before the writer hears that it is done.
    pub notes: bool,
    /// Children that have done it, and are to tell what they are now.
    pub noting: ChildSet,
    /// Children that refused, and are not asked yet what it is about: inner ones whom below them, compute
    /// nodes which step of a start.
    pub below: ChildSet,
    /// Those that are being asked.
    pub asking: ChildSet,
}

/// A refusal with names of nodes below children.
pub type Refusal = refusal::Refusal<Text<200>, PARTS>;

impl Node {
    /// A gather for a write; none if there are too many.
    pub(crate) fn begin_gather(
        &mut self,
        now: Time,
        request: RequestId,
        (user, slot, verb): (UserId, Option<SessionSlot>, Text<16>),
    ) -> Option<GatherId> {
        let index = self.gathers.free(|gather| !gather.used)?;
        self.next_gather = self.next_gather.wrapping_add(1);
        let seq = self.next_gather;
        self.gathers[index] = Gather {
            used: true,
            seq,
            request: Some(request),
            len: 0,
            owes: 0,
            deadline: now + GATHER_US,
            refusal: Some(Refusal::new(now, user, slot, verb, 1)),
            launches: false,
            waits: false,
            serial: slot.map_or(0, |slot| self.sessions[slot as usize].serial),
            notes: false,
            noting: ChildSet::EMPTY,
            below: ChildSet::EMPTY,
            asking: ChildSet::EMPTY,
        };
        Some(GatherId { index: index as u8, seq })
    }

    /// A child answered a command.
    pub(crate) fn gathered(&mut self, rank: Rank, id: GatherId, answer: Result<(), Ename>) {
        let Some(gather) = self.gather(id) else { return };
        assert!(gather.owes > 0, "answers are counted");
        gather.owes -= 1;
        if gather.notes && answer.is_ok() {
            gather.noting.add(rank);
            self.stale.add(rank);
            self.refresh();
        }
        let Some(gather) = self.gather(id) else { return };
        if let (Err(ename), Some(refusal)) = (answer, &mut gather.refusal) {
            refusal.add(Why::Ename(ename), ChildSet::one(rank));
            let more = gather.launches || self.children.get(rank).is_inner();
            // A link that is gone has nobody to ask.
            if more && self.serving().has(rank) {
                self.gathers[id.index as usize].below.add(rank);
            }
        }
        self.try_end(id);
    }

    /// A child has told what it is now, or is gone: commands that wait for that go on.
    pub(crate) fn noted(&mut self, rank: Rank) {
        if self.stale.has(rank) && self.serving().has(rank) {
            // It has changed since that was read.
            return self.refresh();
        }
        for index in 0..self.gathers.len() {
            if self.gathers[index].noting.cut(rank) {
                let id = GatherId { index: index as u8, seq: self.gathers[index].seq };
                self.try_end(id);
            }
        }
    }

    /// Asks children what a refusal is about: what their `error` says of it.
    fn ask_below(&mut self, id: GatherId) {
        let Some(gather) = self.gather(id) else { return };
        let below = core::mem::take(&mut gather.below);
        let (about, serial) = (gather.refusal.and_then(|refusal| refusal.slot), gather.serial);
        // One that is gone has no `error` any more.
        let about = about.filter(|slot| self.same_session(*slot, serial).is_some());
        let set = below.and(self.serving());
        let Some(slot) = about else { return self.try_end(id) };
        let Some(fid) = self.fids.take() else { return self.try_end(id) };
        if let Some(gather) = self.gather(id) {
            gather.owes += set.count();
            gather.asking = set;
        }
        self.open_file(slot, set, fid, (File::Error, mode::READ));
        let count = 2 * REASON_MAX as u32;
        self.ask(set, Ask::Below(id), Send::Read { fid, offset: 0, count });
        self.clunk(fid);
        self.try_end(id);
    }

    /// What a child's `error` says: its newest line, which is about the command.
    pub(crate) fn told_below(&mut self, rank: Rank, id: GatherId, answer: Answer<'_>) {
        let is_inner = self.children.get(rank).is_inner();
        let Some(gather) = self.gather(id) else { return };
        gather.owes -= 1;
        gather.asking.cut(rank);
        let mut why = None;
        if let (Ok(Rmsg::Read { data }), Some(refusal)) = (answer, &mut gather.refusal)
            && let Some(line) = core::str::from_utf8(data).ok().and_then(|text| text.lines().next())
        {
            why = if is_inner { told_inner(refusal, rank, line) } else { told_leaf(refusal, rank, line) };
        }
        let (about, serial) = (gather.refusal.and_then(|refusal| refusal.slot), gather.serial);
        if let Some(slot) = about.filter(|slot| self.same_session(*slot, serial).is_some()) {
            if let Some(failure) = why {
                self.session(slot).explain(rank, failure);
            }
            if self.session(slot).asked_why.has(rank) {
                self.end_unrun(slot, rank);
            }
        }
        self.try_end(id);
    }

    /// Answers the writer when nobody owes any more.
    pub(crate) fn try_end(&mut self, id: GatherId) {
        let Some(gather) = self.gather(id) else { return };
        if gather.owes > 0 || gather.len == 0 || !gather.noting.is_empty() {
            return;
        }
        if core::mem::take(&mut gather.waits) {
            self.decide_gang(id);
        } else if gather.below.is_empty() {
            self.end_gather(id);
        } else {
            self.ask_below(id);
        }
    }

    /// All children have said whether the members of a gang could run.
    fn decide_gang(&mut self, id: GatherId) {
        let Some(gather) = self.gather(id) else { return };
        let refused = gather.refusal.is_none_or(|refusal| !refusal.is_empty());
        let (slot, serial) = (gather.refusal.and_then(|refusal| refusal.slot), gather.serial);
        if let Some(slot) = slot.filter(|slot| self.same_session(*slot, serial).is_some()) {
            if refused {
                self.tell_gang(slot, None);
            } else if !self.session(slot).is_parents() {
                self.tell_gang(slot, Some(id));
            }
        }
        self.try_end(id);
    }

    fn end_gather(&mut self, id: GatherId) -> Option<u16> {
        let gather = core::mem::take(self.gather(id)?);
        self.left_gather(&gather);
        let refusal = gather.refusal.filter(|refusal| !refusal.is_empty());
        let settled = match refusal.and_then(|refusal| refusal.first()) {
            Some(why) => Settled::Refused(why.ename()),
            None => Settled::Wrote(gather.len),
        };
        if let Some(request) = gather.request {
            self.settled.push((request, settled));
        }
        refusal.map(|refusal| self.refusals.push(refusal) as u16)
    }

    /// A gather is over: what waits for what it asks goes on without.
    pub(crate) fn left_gather(&mut self, gather: &Gather) {
        let about = gather.refusal.and_then(|refusal| refusal.slot);
        if let Some(slot) = about.filter(|slot| self.same_session(*slot, gather.serial).is_some()) {
            self.end_all_unrun(slot);
        }
    }

    /// Answers every writer whose time is over, naming who did not answer.
    pub(crate) fn expire_gathers(&mut self, now: Time) {
        for index in 0..self.gathers.len() {
            let gather = &self.gathers[index];
            if !gather.used || gather.deadline > now {
                continue;
            }
            let id = GatherId { index: index as u8, seq: gather.seq };
            let its = |ask: &Ask| match ask {
                Ask::Command(gather) | Ask::Launch { gather, .. } => *gather == id,
                _ => false,
            };
            let mut late = ChildSet::EMPTY;
            for (_, ask, owes) in self.tags.waiting() {
                if its(&ask) {
                    late = late.or(owes);
                }
            }
            if let Some(refusal) = &mut self.gathers[index].refusal
                && !late.is_empty()
            {
                refusal.add(Why::Ename(Ename::TimedOut), late);
            }
            let (waits, serial) = (self.gathers[index].waits, self.gathers[index].serial);
            let slot = self.gathers[index].refusal.and_then(|refusal| refusal.slot);
            if let Some(slot) = slot.filter(|slot| waits && self.same_session(*slot, serial).is_some()) {
                self.tell_gang(slot, None);
            }
            self.expire_mounts(now, id);
            let told = self.end_gather(id).unwrap_or(u16::MAX);
            while let Some((tag, ask)) = self.tags.find(its) {
                if let Ask::Launch { slot, serial, .. } = ask
                    && let Some(session) = self.same_session(slot, serial)
                {
                    session.starting = session.starting.less(late);
                    self.touch(slot);
                }
                self.tags.free(tag, Ask::Late(told));
            }
            while let Some((tag, _)) = self.tags.find(|ask| *ask == Ask::Below(id)) {
                self.tags.free(tag, Ask::Rest);
            }
        }
    }
}

/// Takes what a compute node says of its refusal: why a start failed, if it is that.
fn told_leaf(refusal: &mut Refusal, rank: Rank, line: &str) -> Option<Failure> {
    // One that is of no start is the refusal as it is known already.
    let failure = Failure::parse(Refusal::text(line))?;
    refusal.excuse(ChildSet::one(rank));
    refusal.add(failure.into(), ChildSet::one(rank));
    Some(failure)
}

/// Takes what an inner node says of a refusal: whom below it, and why; the first of the reasons.
fn told_inner(refusal: &mut Refusal, rank: Rank, line: &str) -> Option<Failure> {
    let mut first = None;
    for (set, reason) in Refusal::reasons(line) {
        let Some(nodes) = set.and_then(|set| NodeSet::parse(set).ok()) else { continue };
        refusal.excuse(ChildSet::one(rank));
        let why = Failure::parse(reason).unwrap_or_else(|| Ename::from_text(reason).into());
        refusal.add_below(why.into(), nodes.as_str(), nodes.count() as u32);
        first.get_or_insert(why);
    }
    first
}
