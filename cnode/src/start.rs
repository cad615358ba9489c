//! What comes of the starts of members, and of a gang's.

use crate::bounds::Bounds;
use crate::host::{Effect, Host, MemberSlot, SessionSlot};
use crate::member::State;
use crate::node::Node;
use crate::session::Gang;
use protocol::failure::{Failure, Fault, Step};
use protocol::record::{End, Outcome};
use protocol::refusal::Refusal;
use protocol::server::{RequestId, Settled};
use protocol::set::ChildSet;
use protocol::slots::Slots;
use protocol::text::Text;

impl<B: Bounds> Node<B> {
    /// The start of a member that is wanted.
    pub(crate) fn poll_start(&mut self) -> Option<Effect> {
        if self.wanted.starts == 0 {
            return None;
        }
        let is_due = |member: &crate::member::Member| member.state == State::Starting && !member.asked;
        let index = self.members.slots().iter().position(is_due);
        assert!(index.is_some(), "starts that are counted are there");
        let member = index? as MemberSlot;
        self.wanted.starts -= 1;
        let entry = self.member_mut(member);
        entry.asked = true;
        let (session, number) = (entry.session, entry.number);
        let its = self.session(session);
        let gang = its.run().is_some_and(|run| run.gang != Gang::No);
        Some(Effect::Start { member, session, number, size: its.size, gang })
    }

    /// A member of a gang could run its program, or has ended before.
    pub(crate) fn ready(&mut self, index: MemberSlot) {
        let entry = self.member_mut(index);
        entry.ready = true;
        let slot = entry.session;
        if let Some(run) = self.session_mut(slot).run_mut()
            && let Gang::Waits(count) = &mut run.gang
        {
            assert!(*count > 0, "members of a gang are counted");
            *count -= 1;
            self.touch(slot);
        }
    }

    /// A member runs its program.
    pub(crate) fn started(&mut self, index: MemberSlot, pid: u32, host: &mut impl Host) {
        let now = self.now;
        let entry = self.member_mut(index);
        assert!(entry.state == State::Starting, "what starts was asked for");
        entry.state = State::Running;
        entry.pid = pid;
        entry.since = now;
        let (slot, was_ready, kept) = (entry.session, entry.ready, entry.kept.take());
        if !was_ready {
            self.ready(index);
        }
        if let Some(signal) = kept {
            self.signal_member(index, signal, host);
        }
        self.count_start(slot, host);
    }

    /// A member could not be started.
    pub(crate) fn failed(&mut self, index: MemberSlot, failure: Failure, host: &mut impl Host) {
        let entry = self.member_mut(index);
        assert!(entry.state == State::Starting, "what fails to start was asked for");
        entry.ended = [true; 2];
        entry.stdin = false;
        let slot = entry.session;
        if let Some(run) = self.session_mut(slot).run_mut() {
            run.refused.get_or_insert(failure);
        }
        self.end_member(index, Outcome::without(End::Never(failure)), host);
        self.count_start(slot, host);
    }

    fn count_start(&mut self, slot: SessionSlot, host: &mut impl Host) {
        // One that is being ended may be gone with its last member.
        let session = &mut self.sessions.slots_mut()[slot as usize];
        let is_idle = session.input.is_closed && session.input.spill.is_none();
        let Some(run) = session.run_mut() else { return };
        assert!(run.starting > 0, "starts are counted");
        run.starting -= 1;
        if run.starting > 0 {
            return;
        }
        if let Some(failure) = run.refused {
            let (user, line) = (run.exec.user, run.exec.line);
            let mut refusal = Refusal::new(self.now, user, Some(slot), Text::cut("exec"), line);
            refusal.add(failure.into(), ChildSet::EMPTY);
            self.refusals.push(refusal);
        }
        self.touch(slot);
        self.changed.fed.set(slot);
        if is_idle {
            self.close_pipes(slot, host);
        }
    }

    /// Has the members of a gang run or ended, when it is known which.
    pub(crate) fn settle_gang(&mut self, slot: SessionSlot, host: &mut impl Host) {
        let session = &mut self.sessions.slots_mut()[slot as usize];
        let is_parents = session.is_parents();
        let Some(run) = session.run_mut() else { return };
        let goes = match run.gang {
            Gang::No => return,
            _ if run.refused.is_some() => false,
            Gang::Waits(count) if count > 0 || is_parents => return,
            Gang::Waits(_) | Gang::Goes => true,
            Gang::Stays => false,
        };
        run.gang = Gang::No;
        for index in self.member_slots() {
            let member = self.member_mut(index);
            if member.state != State::Starting || member.session != slot {
                continue;
            }
            if goes {
                host.go(index);
                continue;
            }
            if !core::mem::replace(&mut member.asked, true) {
                self.wanted.starts -= 1;
            }
            host.cancel(index);
            self.failed(index, Failure::bad(Step::Gang, 0, Fault::Another), host);
        }
    }

    /// The answer of the write that ran a session, when it is due.
    pub(crate) fn settle_exec(&mut self, slot: SessionSlot) -> Option<(RequestId, Settled)> {
        let session = &mut self.sessions.slots_mut()[slot as usize];
        let is_parents = session.is_parents();
        let run = session.run_mut()?;
        // A parent hears that all are ready, and then whether they run.
        let is_ready = is_parents && run.gang == Gang::Waits(0);
        if run.starting > 0 && !is_ready {
            return None;
        }
        let settled = match run.refused {
            Some(failure) => Settled::Refused(failure.ename()),
            None => Settled::Wrote(run.exec.len),
        };
        Some((run.exec.request.take()?, settled))
    }
}
