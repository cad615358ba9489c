//! The sessions of a node: how they are made, found, left and closed.

use crate::flow::input::Scratch;
use crate::ground::bounds::SESSIONS;
use crate::ground::deed::Deed;
use crate::ground::growing::Growing;
use crate::ground::id::{SessionId, SessionSlot};
use crate::ground::outcomes::{Outcomes, Range};
use crate::part::Part;

use crate::session::{Files, Phase, Session};
use crate::shared::Shared;
use core::fmt::Write;
use protocol::ename::Ename;
use protocol::server::{RequestId, UserId};
use protocol::set::{ChildSet, Rank};
use protocol::slots::{SlotSet, Slots};
use protocol::text::Text;
use protocol::time::Time;

/// The sessions.
#[derive(Debug)]
pub(crate) struct Sessions {
    table: Growing<Option<Session>, SESSIONS>,
    /// The outcomes of all their members.
    pub(crate) outcomes: Outcomes,
    /// The name that `clone` gives next.
    next_name: u32,
    /// The serial number given last.
    serial: u32,
    /// Those that wait for their owner.
    lingering: SlotSet,
    /// Those that a returning parent has done with.
    fenced: SlotSet,
    /// Memory that input uses again.
    pub(crate) scratch: Scratch,
}

impl Default for Sessions {
    fn default() -> Self {
        Self {
            table: Growing::make(),
            outcomes: Outcomes::default(),
            next_name: 0,
            serial: 0,
            lingering: SlotSet::default(),
            fenced: SlotSet::default(),
            scratch: Scratch::default(),
        }
    }
}

impl Sessions {
    /// Makes a session; an empty name asks for the next number.
    pub(crate) fn make(
        &mut self,
        name: &str,
        owner: UserId,
        shared: &mut Shared,
    ) -> Result<SessionSlot, Ename> {
        let slot = self.table.free(Option::is_none).ok_or(Ename::Again)?;
        let mut text = Text::EMPTY;
        if name.is_empty() {
            let fits = write!(text, "{}", self.next_name);
            assert!(fits.is_ok(), "a number fits a name");
            self.next_name = self.next_name.wrapping_add(1);
        } else {
            text = Text::new(name).ok_or(Ename::NameTooLong)?;
        }
        self.serial = self.serial.wrapping_add(1);
        let id = SessionId { slot: slot as SessionSlot, serial: self.serial };
        let mut session = Session::new(id, text, owner);
        session.about.persistent = !name.is_empty();
        self.table[slot] = Some(session);
        shared.deeds.touch(id.slot);
        Ok(id.slot)
    }

    /// The session of that name, while there is one.
    pub(crate) fn get(&mut self, id: SessionId) -> Option<&mut Session> {
        self.table.get_mut(usize::from(id.slot))?.as_mut().filter(|session| session.id() == id)
    }

    /// The session in a slot, if there is one.
    pub(crate) fn find_at(&self, slot: SessionSlot) -> Option<&Session> {
        self.table.get(usize::from(slot))?.as_ref()
    }

    /// The session in a slot that a path leads to, or a question.
    pub(crate) fn at(&mut self, slot: SessionSlot) -> Result<&mut Session, Ename> {
        let session = self.table.get_mut(usize::from(slot)).and_then(Option::as_mut);
        session.ok_or(Ename::NotFound)
    }

    /// The slot of the session with that directory.
    pub(crate) fn find(&self, name: &str) -> Option<SessionSlot> {
        self.iter().find(|session| session.name.as_str() == name).map(|session| session.id().slot)
    }

    /// All of them, by slot.
    pub(crate) fn iter(&self) -> impl DoubleEndedIterator<Item = &Session> {
        self.table.iter().flatten()
    }

    /// Slots that there are, of a session or not.
    pub(crate) fn slots(&self) -> core::ops::Range<SessionSlot> {
        0..self.table.len() as SessionSlot
    }

    /// All of them, by slot.
    pub(crate) fn iter_mut(&mut self) -> impl Iterator<Item = &mut Session> {
        self.table.iter_mut().flatten()
    }

    /// A part of the outcomes for so many members, beside those of sessions that run.
    pub(crate) fn place_outcomes(&mut self, size: u32) -> Option<Range> {
        let Self { table, outcomes, .. } = self;
        let run = table.iter().flatten().filter(|session| session.runs());
        outcomes.place(size, run.map(|session| session.run.range))
    }

    /// Takes one out of the table: what it had on the children is given back, which kills its members.
    pub(crate) fn close(&mut self, id: SessionId, shared: &mut Shared) -> Option<Session> {
        self.get(id)?;
        let mut session = self.table[usize::from(id.slot)].take()?;
        session.outputs.iter_mut().for_each(|output| output.close(shared));
        session.input.close(shared);
        if let Some(Files { dir, ctl, wait }) = session.run.files.take() {
            shared.down.leave(wait);
            shared.down.clunk(ctl);
            shared.down.remove(dir);
        }
        self.lingering.unset(id.slot);
        self.fenced.unset(id.slot);
        shared.refusals.forget(id.slot);
        shared.deeds.touch(id.slot);
        Some(session)
    }

    /// A step before the exec of a parent's session was refused: it will never run.
    pub(crate) fn poison(&mut self, id: SessionId, shared: &mut Shared) {
        if let Some(session) = self.get(id)
            && session.is_parents()
            && session.phase == Phase::Open
        {
            session.phase = Phase::Poisoned;
            shared.deeds.touch(id.slot);
        }
    }

    /// The client of a session's ctl said goodbye, or vanished without a word; one on this machine never
    /// vanishes unseen.
    pub(crate) fn leave_ctl(
        &mut self,
        slot: SessionSlot,
        said_goodbye: bool,
        now: Time,
        shared: &mut Shared,
    ) {
        let Ok(session) = self.at(slot) else { return };
        assert!(session.ctls > 0, "a ctl that is left was opened");
        session.ctls -= 1;
        if session.ctls > 0 {
            return;
        }
        if session.about.persistent {
            if session.about.kill_on_close {
                session.signal_all(9, shared);
            }
        } else if said_goodbye {
            shared.deeds.push(Deed::Ended(session.id()));
        } else {
            session.linger = Some(now + shared.tuning.linger_us());
            self.lingering.set(slot);
            shared.deeds.touch(slot);
        }
    }

    /// A session's ctl was opened for writing: it is no orphan any more.
    pub(crate) fn take_ctl(&mut self, slot: SessionSlot, shared: &mut Shared) {
        let Ok(session) = self.at(slot) else { return };
        session.ctls += 1;
        if session.linger.take().is_some() {
            self.lingering.unset(slot);
            shared.deeds.touch(slot);
        }
    }

    /// All sessions that a parent made are to end.
    pub(crate) fn fence(&mut self) {
        for session in self.table.iter().flatten().filter(|session| session.is_parents()) {
            self.fenced.set(session.id().slot);
        }
    }

    /// There are such.
    pub(crate) fn has_fenced(&self) -> bool {
        !self.fenced.is_empty()
    }

    /// The next of those; one at a time, so that what follows from its end is drained before the next.
    pub(crate) fn next_fenced(&mut self) -> Option<SessionId> {
        let slot = self.fenced.take_first()?;
        self.find_at(slot).map(|session| session.id())
    }

    /// A session has members on a child.
    pub(crate) fn has_members_on(&self, rank: Rank) -> bool {
        self.iter().any(|session| session.members.set().has(rank))
    }

    /// The children that a session has its directory on, of those that can be asked.
    pub(crate) fn asked(session: &Session, shared: &mut Shared) -> ChildSet {
        let there = session.run.files.map_or(ChildSet::EMPTY, |files| shared.down.fids.holds(files.dir));
        session.members.set().and(shared.children.serving()).and(there)
    }
}

impl Part for Sessions {
    fn reserve(&mut self) {
        self.table.reserve();
        self.outcomes.reserve();
        self.scratch.reserve();
    }

    fn due(&self) -> Time {
        if !self.fenced.is_empty() {
            return Time::default();
        }
        let lingers = self.lingering.iter().filter_map(|slot| self.find_at(slot)?.linger);
        lingers.min().unwrap_or(Time::NEVER)
    }

    /// One session whose client did not come back in time ends.
    fn expire(&mut self, now: Time, shared: &mut Shared) -> bool {
        let is_due = |slot: &SessionSlot| {
            self.find_at(*slot).is_some_and(|session| session.linger.is_some_and(|at| at <= now))
        };
        let due = self.lingering.iter().find(is_due).and_then(|slot| self.find_at(slot));
        due.into_iter().for_each(|session| shared.deeds.push(Deed::Ended(session.id())));
        due.is_some()
    }

    /// The members of a child that is gone are lost with it.
    fn lose(&mut self, rank: Rank, shared: &mut Shared) {
        for slot in self.slots() {
            let session = self.find_at(slot);
            if let Some(session) = session.filter(|s| s.runs() && s.members.set().has(rank)) {
                self.lose_members(session.id(), rank, shared);
            }
        }
    }

    fn cancel(&mut self, request: RequestId, _: &mut Shared) {
        self.iter_mut().for_each(|session| session.input.cancel(request));
    }
}
