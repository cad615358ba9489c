//! The life of a session and of its members: made, reserved, executed, signalled, ended.

use crate::bounds::Bounds;
use crate::host::{Host, MemberSlot, SessionSlot, Stream};
use crate::member::{Member, State};
use crate::node::Node;
use crate::session::{Exec, Gang, Phase, Run, Session};
use core::fmt::Write;
use protocol::about::About;
use protocol::ename::Ename;
use protocol::event::{Event, Subject};
use protocol::failure::{Failure, Fault, Step};
use protocol::record::{End, Outcome};
use protocol::server::UserId;
use protocol::slots::Slots;
use protocol::text::Text;
use protocol::verb::Why;

/// SIGKILL.
pub(crate) const KILL: u8 = 9;
const CONT: u8 = 18;
const STOP: u8 = 19;

impl<B: Bounds> Node<B> {
    /// Makes a session; an empty name asks for the next number.
    pub(crate) fn make_session(&mut self, name: &str, owner: UserId) -> Result<SessionSlot, Ename> {
        let slot = self.free_session().ok_or(Ename::Again)?;
        let mut text = Text::EMPTY;
        if name.is_empty() {
            let fits = write!(text, "{}", self.next_id);
            assert!(fits.is_ok(), "a number fits a name");
            self.next_id = self.next_id.wrapping_add(1);
        } else {
            text = Text::new(name).ok_or(Ename::NameTooLong)?;
        }
        let phase = Phase::Setup { is_poisoned: false };
        let about = About { persistent: !name.is_empty(), ..About::default() };
        self.sessions.slots_mut()[slot as usize] =
            Session { phase, name: text, owner, about, ..Session::default() };
        self.touch(slot);
        Ok(slot)
    }

    /// Whether so many more members of a session may be here.
    fn check_room(&self, slot: SessionSlot, count: u32) -> Result<(), Fault> {
        if self.drained.is_some() {
            return Err(Fault::Drains);
        }
        let excl = self.session(slot).options.excl;
        let taken = self.members.slots().iter().filter(|member| member.state != State::Free);
        let others = taken.clone().filter(|member| member.session != slot && member.outcome.is_none());
        let mut others = others.map(|member| self.session(member.session).options.excl);
        if let Some(is_taken) = others.find(|other| *other || excl) {
            return Err(if is_taken { Fault::Taken } else { Fault::Shared });
        }
        let most = self.members.slots().len().min(self.tuning.members as usize);
        if taken.count() + count as usize > most { Err(Fault::Full) } else { Ok(()) }
    }

    /// Reserves `count` members numbered `first`, `first + stride`, …; all or none.
    pub(crate) fn reserve(
        &mut self,
        slot: SessionSlot,
        (first, stride, count): (u32, u32, u32),
        size: u32,
    ) -> Result<(), Why> {
        self.check_room(slot, count).map_err(|fault| Failure::bad(Step::Res, 0, fault))?;
        let free = self.members.slots_mut().iter_mut().filter(|member| member.state == State::Free);
        for (index, member) in (0..count).zip(free) {
            let number = first + index * stride;
            *member = Member { state: State::Reserved, session: slot, number, ..Member::default() };
        }
        let session = self.session_mut(slot);
        session.count += count;
        session.size = size;
        self.touch(slot);
        Ok(())
    }

    /// Gives every reserved member of a session its start.
    pub(crate) fn execute(&mut self, slot: SessionSlot, exec: Exec) {
        let mut starting = 0;
        for member in self.members.slots_mut().iter_mut().filter(|member| member.is_of(slot)) {
            assert!(member.state == State::Reserved, "a session is executed once");
            member.state = State::Starting;
            member.stdin = true;
            starting += 1;
        }
        self.wanted.starts += starting;
        let session = self.session_mut(slot);
        let gang = if session.options.gang { Gang::Waits(starting as u16) } else { Gang::No };
        session.phase = Phase::Run(Run { exec, starting, refused: None, gang, outcomes: 0 });
        self.touch(slot);
    }

    /// A member has its outcome.
    pub(crate) fn end_member(&mut self, index: MemberSlot, outcome: Outcome, host: &mut impl Host) {
        let slot = self.member(index).session;
        let session = self.session_mut(slot);
        let mut told = 0;
        if let Some(run) = session.run_mut() {
            run.outcomes += 1;
            told = run.outcomes;
        }
        let kills = session.options.failfast && outcome.end != End::Exit(0) && session.is_open();
        let member = self.member_mut(index);
        assert!(member.outcome.is_none(), "an outcome once told is final");
        member.state = State::Ended;
        member.outcome = Some(outcome);
        // A compute node has at most 65,535 members, see `tuning`.
        member.told = told as u16;
        if kills {
            self.session_mut(slot).options.failfast = false;
            self.signal_session(slot, KILL, host);
        }
        self.touch(slot);
        self.reclaim(slot, host);
    }

    /// Signals every live member of a session; one that is starting gets it when it has started.
    pub(crate) fn signal_session(&mut self, slot: SessionSlot, signal: u8, host: &mut impl Host) {
        let mut left = self.sessions.slots()[slot as usize].count;
        for index in self.member_slots() {
            if left == 0 {
                break;
            }
            if self.member(index).is_of(slot) {
                left -= 1;
                self.signal_member(index, signal, host);
            }
        }
    }

    /// Signals one member.
    pub(crate) fn signal_member(&mut self, index: MemberSlot, signal: u8, host: &mut impl Host) {
        let member = self.member_mut(index);
        match member.state {
            State::Starting => {
                member.kept = Some(signal);
                // Its start may never be answered: one that hangs is ended all the same.
                if signal == KILL {
                    let _gone = host.signal(index, signal);
                }
            }
            State::Running | State::Stopped => {
                let state = match signal {
                    STOP => State::Stopped,
                    CONT => State::Running,
                    _ => member.state,
                };
                let (slot, was) = (member.session, core::mem::replace(&mut member.state, state));
                if state != was {
                    self.touch(slot);
                }
                // A member that ends just now has nobody left to signal; its outcome is on its way.
                let _gone = host.signal(index, signal);
            }
            State::Free | State::Reserved | State::Ended => {}
        }
    }

    /// Begins the end of a session: its members are killed, its files are gone.
    pub(crate) fn close_session(&mut self, slot: SessionSlot, host: &mut impl Host) {
        if !self.session(slot).is_open() {
            return;
        }
        self.signal_session(slot, KILL, host);
        self.end_debug(slot, host);
        let session = self.session_mut(slot);
        session.phase = Phase::Closing { has_run: session.is_executed() };
        session.linger = None;
        session.input.spill = None;
        self.changed.gone.set(slot);
        self.touch(slot);
        self.reclaim(slot, host);
    }

    /// Ends those sessions that `which` names.
    pub(crate) fn close_sessions(
        &mut self,
        which: impl Fn(&Session<B::SessionTags>) -> bool,
        host: &mut impl Host,
    ) {
        for slot in self.slots() {
            if self.open_session(slot).is_some_and(&which) {
                self.close_session(slot, host);
            }
        }
    }

    /// Frees a session that is being ended when its members are all gone.
    fn reclaim(&mut self, slot: SessionSlot, host: &mut impl Host) {
        let is_there = |member: &Member| member.state == State::Starting || member.state.is_live();
        if self.session(slot).is_open() || self.members_of(slot).any(|(_, member)| is_there(member)) {
            return;
        }
        for index in self.member_slots() {
            if self.member(index).is_of(slot) {
                host.release_member(index);
                *self.member_mut(index) = Member::default();
            }
        }
        host.release_session(slot);
        self.refusals.forget(slot);
        let name = Text::cut(self.session(slot).name.as_str());
        self.events.push(Event { at: self.now, what: Subject::Session, name, state: "closed" });
        self.changed.told = true;
        self.sessions.slots_mut()[slot as usize] = Session::default();
    }

    /// The client of a session's ctl said goodbye, or vanished; `local` if its death is seen at once.
    pub(crate) fn leave_ctl(&mut self, slot: SessionSlot, clean: bool, local: bool, host: &mut impl Host) {
        let linger = self.now + self.tuning.linger_us();
        let session = self.session_mut(slot);
        assert!(session.ctls > 0, "a ctl that is left was opened");
        session.ctls -= 1;
        if session.ctls > 0 || !session.is_open() {
            return;
        }
        if session.about.persistent {
            if session.about.kill_on_close {
                self.signal_session(slot, KILL, host);
            }
        } else if clean || local {
            self.close_session(slot, host);
        } else {
            session.linger = Some(linger);
            self.touch(slot);
        }
    }

    /// An output of a member ended.
    pub(crate) fn end_output(&mut self, index: MemberSlot, stream: Stream) {
        self.member_mut(index).ended[stream as usize] = true;
    }

    /// Tells a session's state to `events` when it is not what it was.
    pub(crate) fn tell_state(&mut self, slot: SessionSlot) {
        let session = &mut self.sessions.slots_mut()[slot as usize];
        let state = if session.is_used() { session.state() } else { return };
        if session.told.replace(state) != Some(state) {
            let name = Text::cut(session.name.as_str());
            self.events.push(Event { at: self.now, what: Subject::Session, name, state: state.name() });
        }
    }
}
