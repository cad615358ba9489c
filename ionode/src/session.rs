//! A session over many children: who takes part, with how many members, and how far it has come.

use crate::ask::Ask;
use crate::host::{Host, SessionSlot};
use crate::node::Node;
use crate::outcome::Range;
use crate::output::{Output, Stream};
use crate::stdin::Stdin;
use crate::step::Send;
use protocol::about::About;
use protocol::ename::Ename;
use protocol::event::{Event, Subject};
use protocol::failure::Failure;
use protocol::limits::{CHILDREN_MAX, SESSION_NAME_MAX};
use protocol::message::{Fid, Tag};
use protocol::server::UserId;
use protocol::set::{ChildSet, Rank};
use protocol::slots::Slots;
use protocol::text::Text;
use protocol::time::Time;
use protocol::verb::{Counts, Deal, KIND_MAX, Kind, Layout, Prefix, Share};

/// Reasons kept apart for members that never ran.
const FAULTS: usize = 4;

/// An entry of the session table.
#[derive(Debug)]
pub struct Session {
    /// The slot is somebody's.
    pub used: bool,
    /// Its directory.
    pub name: Text<SESSION_NAME_MAX>,
    /// Its number on the children, never used twice.
    pub serial: u32,
    /// Whose it is.
    pub owner: UserId,
    /// What its owner calls it, and how it ends.
    pub about: About,
    /// Open fids of its ctl that can write.
    pub ctls: u16,
    /// Its client vanished: it is ended then.
    pub linger: Option<Time>,
    /// How many levels above this node it was made.
    pub levels: u8,
    /// Its name there.
    pub origin: Text<SESSION_NAME_MAX>,
    /// A step before `exec` was refused to its parent.
    pub poisoned: bool,
    /// The number of its first member here, and the distance between two.
    pub first: u32,
    /// See `first`.
    pub stride: u32,
    /// Members of the whole session, here and elsewhere; of one that was made here it is what `size` tells.
    pub whole: u32,
    /// Members of each child, in the order of their numbers.
    pub counts: Counts,
    /// The os and the arch of the nodes that they are on; `*` or nothing is any.
    pub kind: (Text<KIND_MAX>, Text<KIND_MAX>),
    /// No other session has members on those while its own have no outcome.
    pub excl: bool,
    /// How their numbers lie.
    pub layout: Layout,
    /// How stdin reaches the members.
    pub deal: Deal,
    /// What begins each record of its outputs.
    pub prefix: Prefix,
    /// Kill all when one fails.
    pub failfast: bool,
    /// All members start, or none.
    pub gang: bool,
    /// `exec` was given.
    pub executed: bool,
    /// Children whose `exec` is not answered.
    pub starting: ChildSet,
    /// Children that still owe outcomes.
    pub live: ChildSet,
    /// Why members of children never ran.
    pub faults: [Option<(Failure, ChildSet)>; FAULTS],
    /// Children whose members never ran, and that are being asked why.
    pub asked_why: ChildSet,
    /// Its part of the outcomes.
    pub range: Range,
    /// How many outcomes each child still owes.
    pub owed: [u32; CHILDREN_MAX],
    /// The fid of its directory on the children, by which it is removed.
    pub dir: Option<Fid>,
    /// The fid of its ctl on the children.
    pub ctl: Option<Fid>,
    /// The fid and the tag of its outcomes.
    pub wait: Option<(Fid, Tag)>,
    /// Its outputs.
    pub outputs: [Output; 2],
    /// Its input.
    pub stdin: Stdin,
    /// The state that `events` told last.
    pub told_state: &'static str,
}

impl Default for Session {
    fn default() -> Self {
        Self {
            used: false,
            name: Text::EMPTY,
            serial: 0,
            owner: UserId(0),
            about: About::default(),
            ctls: 0,
            linger: None,
            levels: 0,
            origin: Text::EMPTY,
            poisoned: false,
            first: 0,
            stride: 1,
            whole: 0,
            counts: Counts::default(),
            kind: (Text::EMPTY, Text::EMPTY),
            excl: false,
            layout: Layout::Block,
            deal: Deal::Bcast,
            prefix: Prefix::Off,
            failfast: false,
            gang: false,
            executed: false,
            starting: ChildSet::EMPTY,
            live: ChildSet::EMPTY,
            faults: [None; FAULTS],
            asked_why: ChildSet::EMPTY,
            range: Range::default(),
            owed: [0; CHILDREN_MAX],
            dir: None,
            ctl: None,
            wait: None,
            outputs: [Output::default(), Output::default()],
            stdin: Stdin::default(),
            told_state: "",
        }
    }
}

impl Session {
    /// A parent made it: it is not listed, and lives as its parent says.
    pub fn is_parents(&self) -> bool {
        self.name.as_str().starts_with('.')
    }

    /// What kind of node its members are on.
    pub fn kind(&self) -> Kind<'_> {
        fn or_any(text: &Text<KIND_MAX>) -> &str {
            if text.is_empty() { "*" } else { text.as_str() }
        }
        Kind { os: or_any(&self.kind.0), arch: or_any(&self.kind.1) }
    }

    /// Members of it here.
    pub fn size(&self) -> u32 {
        self.counts.sum()
    }

    /// Members of the whole session, here and elsewhere.
    pub fn total(&self) -> u32 {
        if self.is_parents() { self.whole } else { self.size() }
    }

    /// The number of the member with that place among those here.
    pub fn number(&self, index: u32) -> u32 {
        self.first + index * self.stride
    }

    /// The place among those here of the member with that number.
    pub fn index(&self, number: u32) -> Option<u32> {
        let over = number.checked_sub(self.first)?;
        let index = over / self.stride;
        (over % self.stride == 0 && index < self.size()).then_some(index)
    }

    /// Children that take part.
    pub fn set(&self) -> ChildSet {
        self.counts.set()
    }

    /// What its children are told of their members.
    pub fn share(&self) -> Share {
        let Self { first, stride, layout, counts, .. } = *self;
        Share { size: self.total(), first, stride, layout, counts }
    }

    /// The places of a child's members.
    pub fn places(&self, rank: Rank) -> impl Iterator<Item = u32> + use<> {
        let plain =
            Share { size: self.size(), first: 0, stride: 1, layout: self.layout, counts: self.counts };
        let (first, stride, count) = plain.own(rank);
        (0..count).map(move |i| first + i * stride)
    }

    /// The child that has the member with that number.
    pub fn child_of(&self, number: u32) -> Option<Rank> {
        self.child_at(self.index(number)?)
    }

    /// The child that has the member with that place.
    pub fn child_at(&self, index: u32) -> Option<Rank> {
        let mut left = index;
        match self.layout {
            Layout::Block => {
                let holds = |(_, count): &(Rank, u32)| match left.checked_sub(*count) {
                    Some(rest) => {
                        left = rest;
                        false
                    }
                    None => true,
                };
                self.counts.iter().find(holds).map(|(rank, _)| rank)
            }
            Layout::Cyclic => {
                let nth = index.checked_rem(self.set().count())?;
                self.counts.nth(nth as usize)
            }
        }
    }

    /// All its members have their outcome.
    pub fn is_over(&self) -> bool {
        self.executed && self.range.told == self.range.size
    }

    /// The state that `info` and `events` tell.
    pub fn state_name(&self) -> &'static str {
        if self.linger.is_some() {
            "orphaned"
        } else if self.is_over() {
            "done"
        } else if self.executed && !self.starting.is_empty() {
            "starting"
        } else if self.executed {
            "running"
        } else if self.size() > 0 {
            "reserved"
        } else {
            "open"
        }
    }

    /// Keeps why members of a child never ran; its first reason stands.
    pub fn fault(&mut self, rank: Rank, failure: Failure) {
        if self.reason(rank).is_some() {
            return;
        }
        let one = ChildSet::one(rank);
        for fault in &mut self.faults {
            match fault {
                Some((same, set)) if *same == failure => {
                    *set = set.or(one);
                    return;
                }
                Some(_) => {}
                None => {
                    *fault = Some((failure, one));
                    return;
                }
            }
        }
    }

    /// Why members of a child never ran.
    pub fn reason(&self, rank: Rank) -> Option<Failure> {
        self.faults.iter().flatten().find(|(_, set)| set.has(rank)).map(|(failure, _)| *failure)
    }

    /// A child has said more of why its members never ran.
    pub fn explain(&mut self, rank: Rank, failure: Failure) {
        for fault in &mut self.faults {
            if let Some((_, set)) = fault
                && set.cut(rank)
                && set.is_empty()
            {
                *fault = None;
            }
        }
        self.fault(rank, failure);
    }
}

impl Node {
    /// The session in `slot`, which is used.
    pub(crate) fn session(&mut self, slot: SessionSlot) -> &mut Session {
        let session = &mut self.sessions[slot as usize];
        assert!(session.used, "a path leads to a session that is there");
        session
    }

    /// The slot of the session named `name`.
    pub(crate) fn find_session(&self, name: &str) -> Option<SessionSlot> {
        let named = |s: &Session| s.used && s.name.as_str() == name;
        self.sessions.iter().position(named).map(|slot| slot as SessionSlot)
    }

    /// The session in `slot`, if it is still the one with that serial number.
    pub(crate) fn same_session(&mut self, slot: SessionSlot, serial: u32) -> Option<&mut Session> {
        let session = &mut self.sessions[slot as usize];
        if session.used && session.serial == serial { Some(session) } else { None }
    }

    /// Makes a session; an empty name asks for the next number.
    pub(crate) fn make_session(&mut self, name: &str, owner: UserId) -> Result<SessionSlot, Ename> {
        use core::fmt::Write;
        let slot = self.sessions.free(|session| !session.used).ok_or(Ename::Again)?;
        let mut text = Text::EMPTY;
        if name.is_empty() {
            let fits = write!(text, "{}", self.next_id);
            assert!(fits.is_ok(), "a number fits a name");
            self.next_id = self.next_id.wrapping_add(1);
        } else {
            text = Text::new(name).ok_or(Ename::NameTooLong)?;
        }
        self.next_serial = self.next_serial.wrapping_add(1);
        let session = &mut self.sessions[slot];
        *session = Session::default();
        session.used = true;
        session.name = text;
        session.serial = self.next_serial;
        session.owner = owner;
        session.about.persistent = !name.is_empty();
        self.touch(slot as SessionSlot);
        Ok(slot as SessionSlot)
    }

    /// Ends a session: it is removed on every child, which kills its members; its files are gone.
    pub(crate) fn close_session(&mut self, slot: SessionSlot, host: &mut impl Host) {
        let session = self.session(slot);
        let (dir, ctl, wait) = (session.dir.take(), session.ctl.take(), session.wait.take());
        for stream in [Stream::Stdout, Stream::Stderr] {
            self.close_output(slot, stream);
        }
        self.close_stdin_file(slot);
        if let Some((fid, tag)) = wait {
            self.flush(tag);
            self.clunk(fid);
        }
        if let Some(fid) = ctl {
            self.clunk(fid);
        }
        if let Some(fid) = dir {
            let set = self.fids.clunk(fid);
            self.ask(set, Ask::Clunk(fid), Send::Remove { fid });
        }
        self.end_looks(slot);
        self.end_traces(slot);
        host.release_session(slot);
        self.refusals.forget(slot);
        self.gone.set(slot);
        self.touch(slot);
        let name = Text::cut(self.session(slot).name.as_str());
        *self.session(slot) = Session::default();
        self.closed.push(name);
    }

    /// The client of a session's ctl said goodbye, or vanished.
    pub(crate) fn leave_ctl(
        &mut self,
        slot: SessionSlot,
        (clean, local): (bool, bool),
        now: Time,
        host: &mut impl Host,
    ) {
        let linger = self.tuning.linger_us();
        let session = self.session(slot);
        assert!(session.ctls > 0, "a ctl that is left was opened");
        session.ctls -= 1;
        if session.ctls > 0 {
            return;
        }
        if session.about.persistent {
            if session.about.kill_on_close {
                self.signal_all(slot, 9);
            }
        } else if clean || local {
            self.close_session(slot, host);
        } else {
            session.linger = Some(now + linger);
            self.lingering.set(slot);
            self.touch(slot);
        }
    }

    /// Ends one session whose client did not come back in time; true if there may be another.
    pub(crate) fn expire_session(&mut self, now: Time, host: &mut impl Host) -> bool {
        let due = |slot: &SessionSlot| self.sessions[*slot as usize].linger.is_some_and(|at| at <= now);
        let Some(slot) = self.lingering.iter().find(due) else { return false };
        self.close_session(slot, host);
        true
    }

    /// Ends all sessions that a parent made.
    pub(crate) fn fence(&mut self) {
        for slot in 0..self.sessions.len() {
            if self.sessions[slot].used && self.sessions[slot].is_parents() {
                self.fenced.set(slot as SessionSlot);
            }
        }
    }

    /// Tells a session's state to `events` when it is not what it was.
    pub(crate) fn tell_state(&mut self, slot: SessionSlot, now: Time) {
        let session = &mut self.sessions[slot as usize];
        let state = if session.used { session.state_name() } else { return };
        if state != session.told_state {
            session.told_state = state;
            let name = Text::cut(session.name.as_str());
            self.events.push(Event { at: now, what: Subject::Session, name, state });
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_member_is_on_the_child_that_its_share_says() {
        for layout in [Layout::Block, Layout::Cyclic] {
            let mut session = Session { layout, ..Session::default() };
            for (rank, count) in [(7, 3), (3, 3), (63, 2), (8, 2)] {
                assert!(session.counts.add(Rank::new(rank).expect("below 64"), count));
            }
            (session.first, session.stride) = (5, 3);
            let share = session.share();
            for rank in session.set() {
                let (first, stride, count) = share.own(rank);
                let numbers: Vec<u32> = (0..count).map(|i| first + i * stride).collect();
                assert!(numbers.iter().all(|number| session.child_of(*number) == Some(rank)), "{layout:?}");
                let places: Vec<u32> = session.places(rank).map(|index| session.number(index)).collect();
                assert_eq!(places, numbers, "{layout:?}");
            }
            assert_eq!((session.child_of(4), session.child_of(6), session.child_of(35)), (None, None, None));
        }
    }
}
