//! `stdin`: one message at a time, to all members, dealt record by record, or to one. What a member's pipe
//! does not take at once waits in a memory file of the host, and the write is answered when all of it is
//! delivered.

use crate::bounds::Bounds;
use crate::host::{Host, MemberSlot, Push, SessionSlot};
use crate::member::State;
use crate::node::Node;
use crate::session::{Spill, Target};
use protocol::ename::Ename;
use protocol::server::RequestId;
use protocol::slots::Slots;
use protocol::verb::Deal;

impl<B: Bounds> Node<B> {
    /// Takes a write: how much, or `None` when it waits for its delivery.
    pub(crate) fn write_stdin(
        &mut self,
        slot: SessionSlot,
        number: Option<u32>,
        request: RequestId,
        data: &[u8],
        host: &mut impl Host,
    ) -> Result<Option<u32>, Ename> {
        let session = self.session(slot);
        // Nobody is ever to read what was refused before its exec.
        if session.input.is_closed || session.is_poisoned() {
            return Err(Ename::BrokenPipe);
        }
        if session.input.spill.is_some() {
            return Err(Ename::Again);
        }
        if data.is_empty() {
            return Ok(Some(0));
        }
        let target = match number {
            Some(number) => Target::One(self.find_member(slot, number).ok_or(Ename::NotFound)?),
            None if session.options.deal != Deal::Bcast => Target::Deal,
            None => Target::All,
        };
        if session.is_started() && !self.takes_input(slot, target) {
            return Err(Ename::BrokenPipe);
        }
        let len = data.len() as u32;
        for index in 0..self.members.slots().len() {
            let member = &mut self.members.slots_mut()[index];
            if !member.is_of(slot) {
                continue;
            }
            member.fed = 0;
            let direct = match target {
                Target::All => true,
                Target::One(one) => one as usize == index,
                Target::Deal => false,
            };
            if direct && member.state.is_live() && member.stdin {
                match host.write(index as MemberSlot, data) {
                    Push::Took(count) => member.fed = count as u32,
                    Push::Full => {}
                    Push::Closed => member.stdin = false,
                }
            }
        }
        let spill = Spill { request: Some(request), len, at: 0, target };
        if self.is_delivered(slot, &spill) {
            return Ok(Some(len));
        }
        host.spill(slot, data)?;
        self.session_mut(slot).input.spill = Some(spill);
        Ok(self.feed(slot, host).map(|(_, len)| len))
    }

    /// Goes on with a parked message: who waits for it, and its length, when it was delivered just now.
    pub(crate) fn feed(&mut self, slot: SessionSlot, host: &mut impl Host) -> Option<(RequestId, u32)> {
        let session = &self.sessions.slots()[slot as usize];
        let mut spill = session.input.spill?;
        if !session.is_started() {
            return None;
        }
        match spill.target {
            Target::Deal => self.deal(slot, &mut spill, host),
            Target::All => {
                for index in self.member_slots() {
                    self.feed_member(slot, index, spill.len, host);
                }
            }
            Target::One(index) => self.feed_member(slot, index, spill.len, host),
        }
        let is_delivered = self.is_delivered(slot, &spill);
        let input = &mut self.session_mut(slot).input;
        input.spill = Some(spill).filter(|_| !is_delivered);
        if is_delivered && input.is_closed {
            self.close_pipes(slot, host);
        }
        spill.request.filter(|_| is_delivered).map(|request| (request, spill.len))
    }

    fn feed_member(&mut self, slot: SessionSlot, index: MemberSlot, len: u32, host: &mut impl Host) {
        let member = self.member_mut(index);
        if !member.is_of(slot) {
            return;
        }
        while member.state.is_live() && member.stdin && member.fed < len {
            match host.feed(slot, index, member.fed, len - member.fed) {
                Push::Took(count) => member.fed += count as u32,
                Push::Full => return,
                Push::Closed => member.stdin = false,
            }
        }
    }

    /// Deals records in order; stops at the first member whose pipe is full. Of members that share them one
    /// gets a record only when it has read the one before.
    fn deal(&mut self, slot: SessionSlot, spill: &mut Spill, host: &mut impl Host) {
        let is_shared = self.session(slot).options.deal == Deal::Share;
        'records: while spill.at < spill.len {
            let (record, ends) = host.spilled_record(slot, spill.at);
            assert!(record > 0 && record <= spill.len - spill.at, "a record is in its message");
            if is_shared && !self.session(slot).input.deals_on && !self.choose(slot, host) {
                return;
            }
            let dealt = self.session(slot).input.dealt;
            let Some((index, _)) = self.nth_member(slot, dealt) else { return };
            let member = self.member_mut(index);
            while member.fed < record {
                if !member.state.is_live() || !member.stdin {
                    member.fed = record;
                    break;
                }
                match host.feed(slot, index, spill.at + member.fed, record - member.fed) {
                    Push::Took(count) => member.fed += count as u32,
                    Push::Full => {
                        let has_begun = member.fed > 0;
                        self.session_mut(slot).input.deals_on |= has_begun;
                        return;
                    }
                    Push::Closed => member.stdin = false,
                }
                // Another may take what this one has seen nothing of.
                if is_shared && !member.stdin && member.fed == 0 {
                    continue 'records;
                }
            }
            member.fed = 0;
            spill.at += record;
            // A record that goes on in the next message stays with its member.
            let session = self.session_mut(slot);
            session.input.deals_on = !ends;
            if ends {
                session.input.dealt = (dealt + 1) % session.count.max(1);
            }
        }
    }

    /// Has the next record go to a member that has read all it was given, from the one whose turn it is on;
    /// false if there are members that read, and none has.
    fn choose(&mut self, slot: SessionSlot, host: &mut impl Host) -> bool {
        let (dealt, count) = (self.session(slot).input.dealt, self.session(slot).count);
        let mut somebody = false;
        for place in (0..count).map(|i| (dealt + i) % count) {
            let Some((index, _)) = self.nth_member(slot, place) else { continue };
            let member = self.member(index);
            if !member.state.is_live() || !member.stdin {
                continue;
            }
            somebody = true;
            if host.has_read_all(index) {
                self.session_mut(slot).input.dealt = place;
                return true;
            }
        }
        !somebody
    }

    /// The member that is `nth` by number among those here.
    fn nth_member(&self, slot: SessionSlot, nth: u32) -> Option<(MemberSlot, u32)> {
        // Members are reserved in the order of their numbers, so their slots are too.
        self.members_of(slot).nth(nth as usize).map(|(index, member)| (index, member.number))
    }

    fn takes_input(&self, slot: SessionSlot, target: Target) -> bool {
        self.members_of(slot).any(|(index, member)| {
            let meant = match target {
                Target::One(one) => one == index,
                Target::All | Target::Deal => true,
            };
            meant && member.stdin && member.state.is_live()
        })
    }

    fn is_delivered(&self, slot: SessionSlot, spill: &Spill) -> bool {
        let has = |member: &crate::member::Member| {
            let gone = member.state == State::Ended || member.state.is_live() && !member.stdin;
            gone || member.fed >= spill.len
        };
        match spill.target {
            Target::Deal => spill.at >= spill.len,
            Target::All => self.members_of(slot).all(|(_, member)| has(member)),
            Target::One(one) => has(&self.members.slots()[one as usize]),
        }
    }

    /// `close stdin`: after what was written.
    pub(crate) fn close_stdin(&mut self, slot: SessionSlot, host: &mut impl Host) {
        let session = self.session_mut(slot);
        session.input.is_closed = true;
        if session.input.spill.is_none() && session.is_executed() {
            self.close_pipes(slot, host);
        }
    }

    /// Closes the pipes of the members that have started.
    pub(crate) fn close_pipes(&mut self, slot: SessionSlot, host: &mut impl Host) {
        for index in 0..self.members.slots().len() {
            let member = &mut self.members.slots_mut()[index];
            if member.session == slot && member.state.is_live() && member.stdin {
                member.stdin = false;
                host.close_stdin(index as MemberSlot);
            }
        }
    }

    /// The member is what a parked message waits for.
    pub(crate) fn waits_for(&self, slot: SessionSlot, index: MemberSlot) -> bool {
        let input = &self.sessions.slots()[slot as usize].input;
        let Some(spill) = input.spill else { return false };
        let member = &self.members.slots()[index as usize];
        match spill.target {
            Target::One(one) => one == index,
            Target::All => member.stdin && member.fed < spill.len,
            Target::Deal => self.nth_member(slot, input.dealt).is_some_and(|(at, _)| at == index),
        }
    }
}
