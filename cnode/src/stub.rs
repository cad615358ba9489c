//! The stub: what a driver feeds and drains.

use crate::bounds::{Bounds, PARENT, Small};
use crate::host::{Completion, Effect, Host};
use crate::node::{Facts, Node, Sessions};
use crate::probe;
use crate::tree::View;
use core::mem::take;
use protocol::join::{Due, State as ParentState};
use protocol::message::{frame, is_attach, is_request};
use protocol::qid::Path;
use protocol::record::{End, Outcome};
use protocol::server::{LinkId, RequestId, Server, Settled};
use protocol::slots::Slots;
use protocol::table::File;
use protocol::time::Time;
use protocol::wire::Botch;

const EVENTS: u8 = File::Events as u8;

/// A compute node.
pub struct Cnode<B: Bounds> {
    pub(crate) server: Server<B>,
    pub(crate) node: Node<B>,
    /// When members of a parent that went away are given up.
    orphaned: Option<Time>,
}

impl<B: Bounds> Cnode<B> {
    /// A stub that has just started.
    pub fn new(facts: Facts, now: Time) -> Self {
        Self { server: Server::default(), node: Node::new(facts, now), orphaned: None }
    }

    /// A link was made: link 0 is the parent's and was dialled, the others are clients'. `local` if its
    /// peer is on this machine.
    pub fn connect(&mut self, link: LinkId, local: bool) {
        self.server.connect(link, if link == PARENT { B::PARENT } else { B::CLIENT });
        let bit = 1 << link.0;
        self.node.local_links = self.node.local_links & !bit | if local { bit } else { 0 };
        if link == PARENT {
            assert!(self.node.parent.state == ParentState::Dialing, "a parent is dialled for");
            self.node.parent.state = ParentState::Greeting;
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
        let mut view = View { node: &mut self.node, host };
        self.server.request(link, message, &mut view)?;
        self.settle(host);
        Ok(len)
    }

    /// The link is gone.
    pub fn handle_hangup(&mut self, now: Time, link: LinkId, host: &mut impl Host) {
        self.node.now = now;
        let mut view = View { node: &mut self.node, host };
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
        self.settle(host);
    }

    /// The output of `link` is backed up, or no longer.
    pub fn set_blocked(&mut self, link: LinkId, blocked: bool) {
        self.server.set_blocked(link, blocked);
    }

    /// Time has come to what `poll_timeout` said; calling it early is harmless.
    pub fn handle_timeout(&mut self, now: Time, host: &mut impl Host) {
        self.node.now = now;
        match self.node.parent.handle_timeout(now) {
            Some(Due::Dial) => self.node.wanted.dial = true,
            Some(Due::HangUp) => self.node.wanted.leave = true,
            None => {}
        }
        if self.orphaned.is_some_and(|at| at <= now) {
            self.orphaned = None;
            self.node.close_sessions(|session| session.is_parents(), host);
        }
        self.node.close_sessions(|session| session.linger.is_some_and(|at| at <= now), host);
        for probe in 0..self.node.probes.slots().len() {
            self.answer(|node| node.expire_probe(probe, host));
        }
        self.settle(host);
    }

    /// When `handle_timeout` is due next.
    pub fn poll_timeout(&self) -> Time {
        let lingers = self.node.sessions.slots().iter().filter_map(|s| s.linger);
        let first = lingers.min().unwrap_or(Time::NEVER);
        let probes = self.node.probes.slots().iter().filter(|probe| probe.state != probe::State::Free);
        let first = probes.map(|probe| probe.deadline).fold(first, Time::min);
        first.min(self.orphaned.unwrap_or(Time::NEVER)).min(self.node.parent.timeout())
    }

    /// Takes what came of an effect, or happened by itself.
    pub fn handle_completion(&mut self, now: Time, done: Completion, host: &mut impl Host) {
        self.node.now = now;
        if let Some(probe) = done.member().and_then(|slot| self.node.probe_at(slot)) {
            self.complete_probe(probe, done, host);
            return self.settle(host);
        }
        match done {
            Completion::Ready { member } => self.node.ready(member),
            Completion::Started { member, pid } => self.node.started(member, pid, host),
            Completion::Failed { member, failure } => self.node.failed(member, failure, host),
            Completion::Exited { member, end, user, sys } => {
                let entry = *self.node.member(member);
                assert!(entry.state.is_live(), "what exits was running");
                let real = ((now - entry.since) / 1000) as u32;
                let outcome = Outcome { pid: entry.pid, user, sys, real, end };
                self.node.end_member(member, outcome, host);
                self.node.changed.fed.set(entry.session);
            }
            Completion::Readable { member, .. } => {
                self.node.changed.touched.set(self.node.member(member).session);
            }
            Completion::Writable { member } => {
                self.node.changed.fed.set(self.node.member(member).session);
            }
            Completion::Undialed => {
                let jitter = self.node.facts.boot ^ now.0;
                self.node.parent.fall(now, jitter);
            }
        }
        self.settle(host);
    }

    /// Carries what changed in sessions to the requests that wait on them.
    fn settle(&mut self, host: &mut impl Host) {
        for slot in self.node.changed.touched.iter() {
            self.node.settle_gang(slot, host);
        }
        for slot in take(&mut self.node.changed.fed).iter() {
            if let Some((request, len)) = self.node.feed(slot, host) {
                self.server.settle(request, Settled::Wrote(len));
            }
        }
        let touched = take(&mut self.node.changed.touched);
        let gone = take(&mut self.node.changed.gone);
        if !touched.is_empty() || take(&mut self.node.changed.told) {
            for slot in touched.iter() {
                self.answer(|node| node.settle_exec(slot));
                self.node.tell_state(slot);
            }
            let has = |set: &Sessions, path: Path| path.slot().is_some_and(|slot| set.has(slot));
            self.server.wake(|path| has(&touched, path) || path.file() == EVENTS && path.slot().is_none());
        }
        if !gone.is_empty() {
            let mut view = View { node: &mut self.node, host };
            self.server.sever(&mut view, |path| path.slot().is_some_and(|slot| gone.has(slot)));
        }
    }

    /// Settles a request, if something came of it.
    fn answer(&mut self, settled: impl FnOnce(&mut Node<B>) -> Option<(RequestId, Settled)>) {
        if let Some((request, settled)) = settled(&mut self.node) {
            self.server.settle(request, settled);
        }
    }

    /// What became of a helper of `debug`.
    fn complete_probe(&mut self, probe: usize, done: Completion, host: &mut impl Host) {
        match done {
            Completion::Failed { failure, .. } => {
                self.answer(|node| node.probe_ended(probe, End::Never(failure), host));
            }
            Completion::Exited { end, .. } => self.answer(|node| node.probe_ended(probe, end, host)),
            Completion::Readable { .. } => self.answer(|node| node.probe_said(probe, host)),
            Completion::Ready { .. }
            | Completion::Started { .. }
            | Completion::Writable { .. }
            | Completion::Undialed => {}
        }
    }

    /// What the driver is to do next.
    pub fn poll_effect(&mut self) -> Option<Effect> {
        let wanted = &mut self.node.wanted;
        if take(&mut wanted.dial) {
            return Some(Effect::Dial);
        }
        if take(&mut wanted.leave) {
            return Some(Effect::Leave);
        }
        if take(&mut wanted.exit) {
            return Some(Effect::Exit);
        }
        self.node.poll_start().or_else(|| self.node.poll_debug())
    }

    /// The next message to send, encoded at the start of `out`, which has room for the largest of any link
    /// that is not blocked: whom it is for and its length.
    pub fn poll_transmit(
        &mut self,
        now: Time,
        host: &mut impl Host,
        out: &mut [u8],
    ) -> Option<(LinkId, usize)> {
        self.node.now = now;
        if self.node.parent.state == ParentState::Greeting {
            let facts = &self.node.facts;
            let greeted = self.node.parent.greet(now, facts.name.as_str(), facts.boot, out);
            return greeted.ok().map(|len| (PARENT, len));
        }
        let mut view = View { node: &mut self.node, host };
        let sent = self.server.poll(&mut view, out);
        // A read may have changed something that others wait for.
        if sent.is_some() && !self.node.changed.touched.is_empty() {
            self.settle(host);
        }
        sent
    }

    /// More may come on `link`. False only while a client's output is backed up.
    pub fn wants(&self, link: LinkId) -> bool {
        link == PARENT || !self.server.is_blocked(link)
    }

    /// The parent is being dialled: what was made for one that is not wanted any more is to be dropped.
    pub fn is_dialing(&self) -> bool {
        self.node.parent.state == ParentState::Dialing
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

const _: () = assert!(size_of::<Cnode<Small>>() <= 6024, "with its machine a simulated node is below 8 KiB");
