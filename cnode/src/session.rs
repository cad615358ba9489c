//! A session as a stub knows it, and the tables of sessions and members.

use crate::Bounds;
use crate::host::{Host, MemberSlot, SessionSlot, Stream};
use crate::member::{Member, State};
use crate::node::Node;
use protocol::about::{About, Options};
use protocol::ename::Ename;
use protocol::event::{Event, Subject};
use protocol::failure::{Failure, Fault, Step};
use protocol::limits::SESSION_NAME_MAX;
use protocol::record::{End, Outcome};
use protocol::server::{RequestId, UserId};
use protocol::slots::Slots;
use protocol::text::Text;
use protocol::time::Time;
use protocol::verb::Why;

/// Whom a parked stdin message is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Target {
    /// A copy for each member.
    All,
    /// Record by record to one member after the other.
    Deal,
    /// One member alone.
    One(MemberSlot),
}

/// How far a session is that starts all its members or none.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Gang {
    /// It is no such session, or that is decided.
    #[default]
    No,
    /// So many members are not ready yet; a compute node has at most 65,535.
    Waits(u16),
    /// A parent has said that all may run.
    Goes,
    /// A parent has said that none does.
    Stays,
}

/// Where a session is in its life, as `status` and `events` tell it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(missing_docs)] // Their words say what they are.
pub enum Phase {
    Open,
    Reserved,
    Starting,
    Running,
    Done,
    Orphaned,
    Closing,
}

impl Phase {
    /// Its word.
    pub fn name(self) -> &'static str {
        match self {
            Self::Open => "open",
            Self::Reserved => "reserved",
            Self::Starting => "starting",
            Self::Running => "running",
            Self::Done => "done",
            Self::Orphaned => "orphaned",
            Self::Closing => "closing",
        }
    }
}

/// A stdin message that not all members have yet.
#[derive(Clone, Copy, Debug)]
pub struct Spill {
    /// Who waits for it to be delivered; nobody after a flush.
    pub request: Option<RequestId>,
    /// Its length.
    pub len: u32,
    /// How much of it was dealt.
    pub at: u32,
    /// Whom it is for.
    pub target: Target,
}

/// The command that ran a session.
#[derive(Clone, Copy, Debug, Default)]
pub struct Exec {
    /// The write that waits for the members to have started; a parent's `go` waits in its place.
    pub request: Option<RequestId>,
    /// Whose it was.
    pub user: UserId,
    /// Its line in that write, from 1.
    pub line: u16,
    /// The length of that write.
    pub len: u32,
}

/// An entry of the session table.
#[derive(Clone, Copy, Debug, Default)]
pub struct Session<T> {
    /// The slot is somebody's.
    pub used: bool,
    /// Its directory.
    pub name: Text<SESSION_NAME_MAX>,
    /// Whose it is.
    pub owner: UserId,
    /// How many levels above this node it was made.
    pub levels: u8,
    /// Its name there.
    pub origin: Text<SESSION_NAME_MAX>,
    /// What its owner calls it, and how it ends.
    pub about: About<T>,
    /// How it runs.
    pub options: Options,
    /// It is being ended: members are killed, and the slot is free when they are gone.
    pub closing: bool,
    /// Open fids of its ctl that can write.
    pub ctls: u16,
    /// Its client vanished: it is ended then.
    pub linger: Option<Time>,
    /// Members of the whole session, here and elsewhere.
    pub size: u32,
    /// Members here.
    pub count: u32,
    /// `exec` was given.
    pub executed: bool,
    /// A step before `exec` was refused.
    pub poisoned: bool,
    /// How far it is, if all its members start or none.
    pub gang: Gang,
    /// The command that ran it.
    pub exec: Exec,
    /// Members whose start is not answered.
    pub starting: u32,
    /// The first reason why a member did not start.
    pub refused: Option<Failure>,
    /// Outcomes so far.
    pub outcomes: u32,
    /// What `events` told last.
    pub told: Option<Phase>,
    /// The parked stdin message.
    pub spill: Option<Spill>,
    /// Stdin is to be closed when the parked message is delivered.
    pub closed_stdin: bool,
    /// The member that the next record of stdin goes to, counted from 0 among those here.
    pub dealt: u32,
    /// A record has begun whose end is to come: that member gets the rest of it.
    pub deals_on: bool,
    /// The member whose output is looked at first.
    pub turn: [MemberSlot; 2],
    /// The member whose record was given in part: its rest comes before anything else.
    pub open_record: [Option<MemberSlot>; 2],
}

impl<T> Session<T> {
    /// A parent made it: it is not listed, and lives as its parent says.
    pub fn is_parents(&self) -> bool {
        self.name.as_str().starts_with('.')
    }

    /// What it is called: to its members, as it is where it was made.
    pub fn id(&self, member: Option<u32>) -> &Text<SESSION_NAME_MAX> {
        if member.is_some() && self.is_parents() { &self.origin } else { &self.name }
    }

    /// Members of it are here that have no outcome.
    pub fn has_members(&self) -> bool {
        self.used && self.outcomes < self.count
    }

    /// It is there and not being ended.
    pub fn is_open(&self) -> bool {
        self.used && !self.closing
    }

    /// Where it is in its life.
    pub fn phase(&self) -> Phase {
        if self.closing {
            Phase::Closing
        } else if self.linger.is_some() {
            Phase::Orphaned
        } else if self.executed && self.outcomes == self.count {
            Phase::Done
        } else if self.executed && self.starting > 0 {
            Phase::Starting
        } else if self.executed {
            Phase::Running
        } else if self.count > 0 {
            Phase::Reserved
        } else {
            Phase::Open
        }
    }
}

impl<B: Bounds> Node<B> {
    /// The session in `slot`, which is used.
    pub fn session(&mut self, slot: SessionSlot) -> &mut Session<B::SessionTags> {
        let session = &mut self.sessions.slots_mut()[slot as usize];
        assert!(session.used, "a path leads to a session that is there");
        session
    }

    /// The slot of the session named `name`.
    pub fn find_session(&self, name: &str) -> Option<SessionSlot> {
        let named = |s: &Session<_>| s.used && !s.closing && s.name.as_str() == name;
        self.sessions.slots().iter().position(named).map(|slot| slot as SessionSlot)
    }

    /// Makes a session; an empty name asks for the next number.
    pub fn make_session(&mut self, name: &str, owner: UserId) -> Result<SessionSlot, Ename> {
        let slots = self.sessions.slots();
        let slot = slots.iter().position(|s| !s.used).ok_or(Ename::Again)?;
        let mut text = Text::EMPTY;
        if name.is_empty() {
            use core::fmt::Write;
            let fits = write!(text, "{}", self.next_id);
            assert!(fits.is_ok(), "a number fits a name");
            self.next_id = self.next_id.wrapping_add(1);
        } else {
            text = Text::new(name).ok_or(Ename::NameTooLong)?;
        }
        let about = About { persistent: !name.is_empty(), ..About::default() };
        self.sessions.slots_mut()[slot] =
            Session { used: true, name: text, owner, about, ..Session::default() };
        self.touch(slot as SessionSlot);
        Ok(slot as SessionSlot)
    }

    /// The members of a session, by slot.
    pub fn members_of(&self, slot: SessionSlot) -> impl Iterator<Item = (MemberSlot, &Member)> {
        let members = self.members.slots().iter().enumerate();
        members
            .filter(move |(_, m)| m.state != State::Free && m.session == slot)
            .map(|(index, m)| (index as MemberSlot, m))
    }

    /// The member numbered `number` of a session.
    pub fn find_member(&self, slot: SessionSlot, number: u32) -> Option<MemberSlot> {
        self.members_of(slot).find(|(_, m)| m.number == number).map(|(index, _)| index)
    }

    /// The member in `slot`.
    pub fn member(&mut self, slot: MemberSlot) -> &mut Member {
        &mut self.members.slots_mut()[slot as usize]
    }

    /// The next member of a session at or behind `from`, by slot.
    pub fn member_from(&self, slot: SessionSlot, from: usize) -> Option<MemberSlot> {
        let members = self.members.slots();
        let is_its = |m: &Member| m.state != State::Free && m.session == slot;
        (from..members.len()).find(|index| is_its(&members[*index])).map(|i| i as MemberSlot)
    }

    /// Whether so many more members of a session may be here.
    fn check_room(&self, slot: SessionSlot, count: u32) -> Result<(), Fault> {
        let members = self.members.slots();
        let taken = members.iter().filter(|m| m.state != State::Free).count();
        let sessions = self.sessions.slots().iter().enumerate();
        let others = sessions.filter(|(at, other)| *at != slot as usize && other.has_members());
        let excl = self.sessions.slots()[slot as usize].options.excl;
        if self.drained.is_some() {
            return Err(Fault::Drains);
        }
        if let Some((_, other)) = others.into_iter().find(|(_, other)| other.options.excl || excl) {
            return Err(if other.options.excl { Fault::Taken } else { Fault::Shared });
        }
        let most = members.len().min(self.tuning.members as usize);
        if taken + count as usize > most { Err(Fault::Full) } else { Ok(()) }
    }

    /// Reserves `count` members numbered `first`, `first + stride`, …; all or none.
    pub fn reserve(
        &mut self,
        slot: SessionSlot,
        (first, stride, count): (u32, u32, u32),
        size: u32,
    ) -> Result<(), Why> {
        self.check_room(slot, count).map_err(|fault| Failure::bad(Step::Res, 0, fault))?;
        let mut left = 0..count;
        for member in self.members.slots_mut().iter_mut().filter(|m| m.state == State::Free) {
            let Some(index) = left.next() else { break };
            let number = first + index * stride;
            *member = Member { state: State::Reserved, session: slot, number, ..Member::default() };
        }
        let session = self.session(slot);
        session.count += count;
        session.size = size;
        self.touch(slot);
        Ok(())
    }

    /// Gives every reserved member of a session its start.
    pub fn execute(&mut self, slot: SessionSlot) {
        let mut count = 0;
        for member in self.members.slots_mut().iter_mut() {
            if member.state == State::Reserved && member.session == slot {
                member.state = State::Starting;
                member.stdin = true;
                count += 1;
            }
        }
        self.starts += count;
        let session = self.session(slot);
        session.executed = true;
        session.starting = count;
        session.gang = if session.options.gang { Gang::Waits(count as u16) } else { Gang::No };
        self.touch(slot);
    }

    /// A member has its outcome.
    pub fn end_member(&mut self, index: MemberSlot, outcome: Outcome, host: &mut impl Host) {
        let slot = self.member(index).session;
        let session = self.session(slot);
        session.outcomes += 1;
        let told = session.outcomes;
        let kill = session.options.failfast && outcome.end != End::Exit(0) && !session.closing;
        let member = self.member(index);
        // A compute node has at most 65,535 members, see `tuning`.
        assert!(member.outcome.is_none(), "an outcome once told is final");
        member.state = State::Ended;
        member.outcome = Some(outcome);
        member.told = told as u16;
        if kill {
            self.session(slot).options.failfast = false;
            self.signal_session(slot, 9, host);
        }
        self.touch(slot);
        self.reclaim(slot, host);
    }

    /// Signals every live member of a session; one that is starting gets it when it has started.
    pub fn signal_session(&mut self, slot: SessionSlot, signal: u8, host: &mut impl Host) {
        for index in 0..self.members.slots().len() {
            let member = self.members.slots()[index];
            if member.state != State::Free && member.session == slot {
                self.signal_member(index as MemberSlot, signal, host);
            }
        }
        self.touch(slot);
    }

    /// Signals one member.
    pub fn signal_member(&mut self, index: MemberSlot, signal: u8, host: &mut impl Host) {
        let member = self.member(index);
        match member.state {
            State::Starting => {
                member.kept = Some(signal);
                // Its start may never be answered: one that hangs is ended all the same.
                if signal == 9 {
                    let _gone = host.signal(index, signal);
                }
            }
            State::Running | State::Stopped => {
                match signal {
                    19 => member.state = State::Stopped,
                    18 => member.state = State::Running,
                    _ => {}
                }
                // A member that ends just now has nobody left to signal; its outcome is on its way.
                let _gone = host.signal(index, signal);
            }
            State::Free | State::Reserved | State::Ended => {}
        }
    }

    /// Begins the end of a session: its members are killed, its files are gone.
    pub fn close_session(&mut self, slot: SessionSlot, host: &mut impl Host) {
        if self.session(slot).closing {
            return;
        }
        self.signal_session(slot, 9, host);
        self.end_debug(slot, host);
        let session = self.session(slot);
        session.closing = true;
        session.linger = None;
        session.exec.request = None;
        session.spill = None;
        self.gone.set(slot);
        self.touch(slot);
        self.reclaim(slot, host);
    }

    /// Frees a closing session whose members are all gone.
    fn reclaim(&mut self, slot: SessionSlot, host: &mut impl Host) {
        if !self.session(slot).closing {
            return;
        }
        if self.members_of(slot).any(|(_, m)| m.state == State::Starting || m.state.is_live()) {
            return;
        }
        for index in 0..self.members.slots().len() {
            if self.members.slots()[index].state != State::Free && self.members.slots()[index].session == slot
            {
                host.release_member(index as MemberSlot);
                self.members.slots_mut()[index] = Member::default();
            }
        }
        host.release_session(slot);
        self.refusals.forget(slot);
        let name = Text::cut(self.session(slot).name.as_str());
        self.events.push(Event { at: self.now, what: Subject::Session, name, state: "closed" });
        self.told_node = true;
        self.sessions.slots_mut()[slot as usize] = Session::default();
    }

    /// The client of a session's ctl said goodbye, or vanished.
    pub fn leave_ctl(
        &mut self,
        slot: SessionSlot,
        clean: bool,
        local: bool,
        now: Time,
        host: &mut impl Host,
    ) {
        let linger = self.tuning.linger_us();
        let session = self.session(slot);
        assert!(session.ctls > 0, "a ctl that is left was opened");
        session.ctls -= 1;
        if session.ctls > 0 || session.closing {
            return;
        }
        if session.about.persistent {
            if session.about.kill_on_close {
                self.signal_session(slot, 9, host);
            }
        } else if clean || local {
            self.close_session(slot, host);
        } else {
            session.linger = Some(now + linger);
            self.touch(slot);
        }
    }

    /// An output of a member ended.
    pub fn end_output(&mut self, index: MemberSlot, stream: Stream) {
        self.member(index).ended[stream as usize] = true;
    }
}
