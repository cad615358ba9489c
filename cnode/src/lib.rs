//! The stub's core: sessions and their members on one node, served as a file tree.
//!
//! It performs no input or output, reads no clock and allocates nothing. A driver feeds it (`handle_*`) and
//! after each call drains it: `poll_effect`, then `poll_transmit`, until neither has anything.
//! Every call does a bounded amount of work; `now` never runs backwards.
//!
//! `session` and `member` are what runs; `ctl`, `output`, `stdin`, `wait`, `status`, `event` and `debug`
//! serve the files of those names; `join` is the way to the parent; `tree` says which path is which.

#![no_std]
#![forbid(unsafe_code)]

#[cfg(test)]
extern crate std;

pub mod bounds;
pub mod ctl;
pub mod debug;
pub mod host;
pub mod inspect;
pub mod join;
pub mod member;
pub mod node;
pub mod output;
pub mod session;
pub mod status;
pub mod stdin;
mod tree;
pub mod wait;

use bounds::PARENT;
use host::{Completion, Effect, Host, MemberSlot, SessionSlot};
use join::Due;
use member::State;
use node::Node;
use protocol::failure::{Failure, Fault, Step};
use protocol::message::{frame, is_attach, is_request};
use protocol::qid::Path;
use protocol::record::{End, Outcome};
use protocol::refusal::Refusal;
use protocol::server::{LinkId, Server, Settled};
use protocol::set::ChildSet;
use protocol::slots::{SlotSet, Slots};
use protocol::text::Text;
use protocol::time::Time;
use protocol::wire::Botch;
use session::Gang;
use tree::View;

pub use bounds::{Bounds, Full, Small};
pub use node::Facts;

/// A compute node.
pub struct Cnode<B: Bounds> {
    server: Server<B>,
    node: Node<B>,
    dial: bool,
    /// When members of a parent that went away are given up.
    orphaned: Option<Time>,
}

impl<B: Bounds> Cnode<B> {
    /// A stub that has just started.
    pub fn new(facts: Facts, now: Time) -> Self {
        Self { server: Server::default(), node: Node::new(facts, now), dial: false, orphaned: None }
    }

    /// A link was made: link 0 is the parent's and was dialled, the others are clients'. `local` if its
    /// peer is on this machine.
    pub fn connect(&mut self, link: LinkId, local: bool) {
        self.server.connect(link, if link == PARENT { B::PARENT } else { B::CLIENT });
        let bit = 1 << link.0;
        self.node.local_links = self.node.local_links & !bit | if local { bit } else { 0 };
        if link == PARENT {
            assert!(self.node.parent.state == join::State::Dialing, "a parent is dialled for");
            self.node.parent.state = join::State::Greeting;
        }
    }

    /// Takes the first message of `bytes`, which came on `link`: its length, or 0 while it is not whole.
    /// The node is to be drained before the next. A botch: hang up.
    pub fn handle_bytes(
        &mut self,
        now: Time,
        link: LinkId,
        bytes: &[u8],
        host: &mut impl Host,
    ) -> Result<usize, Botch> {
        self.node.now = now;
        let Some(len) = frame(bytes, self.server.msize(link))? else { return Ok(0) };
        let message = &bytes[..len];
        if link == PARENT {
            self.node.parent.heard();
        }
        if !is_request(message) {
            if link != PARENT {
                return Err(Botch);
            }
            self.node.parent.answer(message)?;
            if self.node.parent.rank().is_some() {
                self.orphaned = None;
            }
            return Ok(len);
        }
        if is_attach(message) && self.node.is_crowded() {
            self.node.forget_users(self.server.users());
        }
        let mut view = View { node: &mut self.node, host, now };
        self.server.request(link, message, &mut view)?;
        self.settle(now, host);
        Ok(len)
    }

    /// The link is gone.
    pub fn handle_hangup(&mut self, now: Time, link: LinkId, host: &mut impl Host) {
        self.node.now = now;
        let mut view = View { node: &mut self.node, host, now };
        self.server.hangup(link, &mut view);
        if link == PARENT {
            let jitter = self.node.facts.boot ^ now.0;
            // One that was left has nothing to come back to, whoever is to follow it.
            let left = !self.node.parent.has_link();
            if !left {
                self.node.parent.fall(now, jitter);
            }
            // A parent that was dialled in vain since then does not put it off.
            let end = self.orphaned.unwrap_or(now + self.node.tuning.orphan_us());
            self.orphaned = Some(if left { now } else { end });
        }
        self.settle(now, host);
    }

    /// The output of `link` is backed up, or no longer.
    pub fn set_blocked(&mut self, link: LinkId, blocked: bool) {
        self.server.set_blocked(link, blocked);
    }

    /// Time has come to what `poll_timeout` said; calling it early is harmless.
    pub fn handle_timeout(&mut self, now: Time, host: &mut impl Host) {
        self.node.now = now;
        match self.node.parent.handle_timeout(now) {
            Some(Due::Dial) => self.dial = true,
            Some(Due::HangUp) => self.node.leaves = true,
            None => {}
        }
        if self.orphaned.is_some_and(|at| at <= now) {
            self.orphaned = None;
            self.end_sessions(|session| session.is_parents(), host);
        }
        self.end_sessions(|session| session.linger.is_some_and(|at| at <= now), host);
        self.expire_probes(now, host);
        self.settle(now, host);
    }

    fn end_sessions(
        &mut self,
        which: impl Fn(&session::Session<B::SessionTags>) -> bool,
        host: &mut impl Host,
    ) {
        for slot in 0..self.node.sessions.slots().len() {
            let session = self.node.sessions.slots()[slot];
            if session.used && !session.closing && which(&session) {
                self.node.close_session(slot as SessionSlot, host);
            }
        }
    }

    /// When `handle_timeout` is due next.
    pub fn poll_timeout(&self) -> Time {
        let lingers = self.node.sessions.slots().iter().filter_map(|s| s.linger);
        let first = lingers.min().unwrap_or(Time::NEVER);
        let probes = self.node.probes.slots().iter().filter(|probe| probe.state != debug::State::Free);
        let first = probes.map(|probe| probe.deadline).fold(first, Time::min);
        first.min(self.orphaned.unwrap_or(Time::NEVER)).min(self.node.parent.timeout())
    }

    /// Takes what came of an effect, or happened by itself.
    pub fn handle_completion(&mut self, now: Time, done: Completion, host: &mut impl Host) {
        self.node.now = now;
        if let Some(probe) = done.member().and_then(|slot| self.node.probe_at(slot)) {
            match done {
                Completion::Failed { failure, .. } => self.probe_ended(probe, End::Never(failure), host),
                Completion::Exited { end, .. } => self.probe_ended(probe, end, host),
                Completion::Readable { .. } => self.probe_said(probe, host),
                Completion::Ready { .. }
                | Completion::Started { .. }
                | Completion::Writable { .. }
                | Completion::Undialed => {}
            }
            return self.settle(now, host);
        }
        match done {
            Completion::Ready { member } => self.ready(member),
            Completion::Started { member, pid } => self.started(now, member, pid, host),
            Completion::Failed { member, failure } => self.failed(now, member, failure, host),
            Completion::Exited { member, end, user, sys } => {
                let entry = self.node.member(member);
                assert!(entry.state.is_live(), "what exits was running");
                let (pid, real) = (entry.pid, ((now - entry.since) / 1000) as u32);
                let outcome = Outcome { pid, user, sys, real, end };
                self.node.end_member(member, outcome, host);
                let slot = self.node.member(member).session;
                self.fed(slot, host);
            }
            Completion::Readable { member, .. } => {
                let slot = self.node.member(member).session;
                self.node.touched.set(slot);
            }
            Completion::Writable { member } => {
                let slot = self.node.member(member).session;
                if self.node.sessions.slots()[slot as usize].used {
                    self.fed(slot, host);
                }
            }
            Completion::Undialed => {
                let jitter = self.node.facts.boot ^ now.0;
                self.node.parent.fall(now, jitter);
            }
        }
        self.settle(now, host);
    }

    fn started(&mut self, now: Time, index: MemberSlot, pid: u32, host: &mut impl Host) {
        let entry = self.node.member(index);
        assert!(entry.state == State::Starting, "what starts was asked for");
        entry.state = State::Running;
        let was_ready = entry.ready;
        entry.pid = pid;
        entry.since = now;
        let (slot, kept) = (entry.session, entry.kept.take());
        if !was_ready {
            self.ready(index);
        }
        if let Some(signal) = kept {
            self.node.signal_member(index, signal, host);
        }
        self.count_start(now, slot, host);
    }

    /// A member of a gang could run its program, or has ended before.
    fn ready(&mut self, index: MemberSlot) {
        let entry = self.node.member(index);
        entry.ready = true;
        let slot = entry.session;
        let session = &mut self.node.sessions.slots_mut()[slot as usize];
        if let Gang::Waits(count) = &mut session.gang
            && session.used
        {
            assert!(*count > 0, "members of a gang are counted");
            *count -= 1;
            self.node.touch(slot);
        }
    }

    /// Has the members of a gang run or ended, when it is known which.
    fn settle_gang(&mut self, now: Time, slot: SessionSlot, host: &mut impl Host) {
        let session = &self.node.sessions.slots()[slot as usize];
        if !session.is_open() || !session.executed {
            return;
        }
        let goes = match session.gang {
            Gang::No => return,
            _ if session.refused.is_some() => false,
            Gang::Waits(count) if count > 0 || session.is_parents() => return,
            Gang::Waits(_) | Gang::Goes => true,
            Gang::Stays => false,
        };
        self.node.session(slot).gang = Gang::No;
        for index in 0..self.node.members.slots().len() as MemberSlot {
            let member = self.node.member(index);
            if member.state != State::Starting || member.session != slot {
                continue;
            }
            if goes {
                host.go(index);
                continue;
            }
            if !core::mem::replace(&mut member.asked, true) {
                self.node.starts -= 1;
            }
            host.cancel(index);
            self.failed(now, index, Failure::bad(Step::Gang, 0, Fault::Another), host);
        }
    }

    fn failed(&mut self, now: Time, index: MemberSlot, failure: Failure, host: &mut impl Host) {
        let entry = self.node.member(index);
        assert!(entry.state == State::Starting, "what fails to start was asked for");
        entry.ended = [true; 2];
        entry.stdin = false;
        let slot = entry.session;
        self.node.session(slot).refused.get_or_insert(failure);
        self.node.end_member(index, Outcome::without(End::Never(failure)), host);
        self.count_start(now, slot, host);
    }

    fn count_start(&mut self, now: Time, slot: SessionSlot, host: &mut impl Host) {
        let session = &mut self.node.sessions.slots_mut()[slot as usize];
        if !session.used {
            return;
        }
        assert!(session.starting > 0, "starts are counted");
        session.starting -= 1;
        if session.starting > 0 {
            return;
        }
        let idle = session.closed_stdin && session.spill.is_none();
        if let Some(failure) = session.refused {
            let (user, line) = (session.exec.user, session.exec.line);
            let mut refusal = Refusal::new(now, user, Some(slot), Text::cut("exec"), line);
            refusal.add(failure.into(), ChildSet::EMPTY);
            self.node.refusals.push(refusal);
        }
        self.node.touch(slot);
        self.fed(slot, host);
        if idle {
            self.node.close_pipes(slot, host);
        }
    }

    /// Goes on with a session's parked stdin message, and answers it when it is delivered.
    fn fed(&mut self, slot: SessionSlot, host: &mut impl Host) {
        if !self.node.sessions.slots()[slot as usize].used {
            return;
        }
        let Some(spill) = self.node.session(slot).spill else { return };
        if self.node.feed(slot, host)
            && let Some(request) = spill.request
        {
            self.server.settle(request, Settled::Wrote(spill.len));
        }
    }

    /// Carries what changed in sessions to the requests that wait on them.
    fn settle(&mut self, now: Time, host: &mut impl Host) {
        if !self.node.touched.is_empty() {
            for slot in 0..self.node.sessions.slots().len() as SessionSlot {
                if self.node.touched.has(slot) {
                    self.settle_gang(now, slot, host);
                }
            }
        }
        let touched = core::mem::take(&mut self.node.touched);
        let gone = core::mem::take(&mut self.node.gone);
        if !touched.is_empty() || core::mem::take(&mut self.node.told_node) {
            for slot in 0..self.node.sessions.slots().len() as SessionSlot {
                if touched.has(slot) {
                    self.settle_exec(slot);
                    self.node.tell_state(slot, now);
                }
            }
            let has = |set: &SlotSet, path: Path| path.slot().is_some_and(|s| set.has(s));
            self.server.wake(|path| has(&touched, path) || path.file() == EVENTS && path.slot().is_none());
        }
        if !gone.is_empty() {
            let mut view = View { node: &mut self.node, host, now };
            self.server.sever(&mut view, |path| path.slot().is_some_and(|slot| gone.has(slot)));
        }
    }

    fn settle_exec(&mut self, slot: SessionSlot) {
        let session = &mut self.node.sessions.slots_mut()[slot as usize];
        // A parent hears that all are ready, and then whether they run.
        let ready = session.is_parents() && session.gang == Gang::Waits(0);
        if !session.used || session.starting > 0 && !ready || !session.executed {
            return;
        }
        if let Some(request) = session.exec.request.take() {
            let settled = match session.refused {
                Some(failure) => Settled::Refused(failure.ename()),
                None => Settled::Wrote(session.exec.len),
            };
            self.server.settle(request, settled);
        }
    }

    /// What the driver is to do next.
    pub fn poll_effect(&mut self) -> Option<Effect> {
        if core::mem::take(&mut self.dial) {
            return Some(Effect::Dial);
        }
        if core::mem::take(&mut self.node.leaves) {
            return Some(Effect::Leave);
        }
        if core::mem::take(&mut self.node.exit) {
            return Some(Effect::Exit);
        }
        if self.node.starts == 0 {
            return self.node.poll_debug();
        }
        let members = self.node.members.slots_mut().iter_mut().enumerate();
        for (index, member) in members {
            if member.state == State::Starting && !member.asked {
                member.asked = true;
                self.node.starts -= 1;
                let (session, number) = (member.session, member.number);
                let size = self.node.sessions.slots()[session as usize].size;
                let gang = self.node.sessions.slots()[session as usize].gang != Gang::No;
                return Some(Effect::Start { member: index as MemberSlot, session, number, size, gang });
            }
        }
        unreachable!("starts that are counted are there")
    }

    /// The next message to send, encoded at the start of `out`, which has room for the largest of any link
    /// that is not blocked: whom it is for and its length.
    pub fn poll_transmit(
        &mut self,
        now: Time,
        host: &mut impl Host,
        out: &mut [u8],
    ) -> Option<(LinkId, usize)> {
        if self.node.parent.state == join::State::Greeting {
            let facts = &self.node.facts;
            let greeted = self.node.parent.greet(now, facts.name.as_str(), facts.boot, out);
            return greeted.ok().map(|len| (PARENT, len));
        }
        let mut view = View { node: &mut self.node, host, now };
        let sent = self.server.poll(&mut view, out);
        // A read may have changed something that others wait for.
        if sent.is_some() && !self.node.touched.is_empty() {
            self.settle(now, host);
        }
        sent
    }

    /// More may come on `link`. False only while a client's output is backed up.
    pub fn wants(&self, link: LinkId) -> bool {
        link == PARENT || !self.server.is_blocked(link)
    }

    /// The parent is being dialled: what was made for one that is not wanted any more is to be dropped.
    pub fn is_dialing(&self) -> bool {
        self.node.parent.state == join::State::Dialing
    }

    /// The address of a parent that was given while the node ran; empty before.
    pub fn parent_dial(&self) -> &str {
        self.node.parent_dial.as_str()
    }

    /// How much the driver is to tell of what goes in and out: see `Tuning`.
    pub fn debug_level(&self) -> u8 {
        self.node.tuning.debug
    }
}

const EVENTS: u8 = protocol::table::File::Events as u8;
