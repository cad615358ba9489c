//! The aggregator's core: up to 64 children served as one node.
//!
//! It performs no input or output and reads no clock. Its tables grow as they are used, up to their bounds,
//! or have their memory from the start, as a daemon's (`take_room`). A driver feeds it (`handle_*`) and
//! drains it (`poll_effect`, then `poll_transmit` until it has nothing): after each request of a client, and
//! after the answers of children, at the latest when it `is_pressed`. Every call does a bounded amount of
//! work; `now` never runs backwards.
//!
//! `child` and `beat` are who is there; `session`, `launch` and `wait` what runs; `ctl`, `output`, `stdin`,
//! `look`, `trace` and `status` serve the files of those names; `step` is what is said to children, `ask`
//! what they answer, `gather` who still owes; `forward`, `relay`, `away` and `up` are the way into other
//! nodes' files and back; `tree` says which path is which.

#![forbid(unsafe_code)]

pub mod ask;
pub mod away;
pub mod beat;
pub mod bounds;
pub mod child;
pub mod ctl;
pub mod forward;
pub mod gather;
pub mod host;
pub mod inspect;
pub mod launch;
pub mod look;
pub mod mount;
pub mod names;
pub mod node;
pub mod outcome;
pub mod output;
pub mod pool;
mod probe;
mod relay;
pub mod reserve;
pub mod room;
pub mod session;
pub mod status;
pub mod stdin;
pub mod step;
pub mod trace;
pub mod tree;
pub mod up;
pub mod wait;

use bounds::{CHILD, CLIENT, PARENT, PARENT_CAPS, Tables};
use host::{Effect, Host, Peer, SessionSlot};
use node::Node;
use protocol::ename::Ename;
use protocol::join::{self, Due};
use protocol::limits::MSIZE_LINK;
use protocol::message::{frame, is_attach, is_request, is_rread, tag_of};
use protocol::qid::Path;
use protocol::server::{LinkId, Server};
use protocol::set::{ChildSet, Rank};
use protocol::table::File;
use protocol::text::Text;
use protocol::time::Time;
use protocol::wire::Botch;
use tree::View;

pub use node::Facts;

/// Whom a message is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Target {
    /// One conversation.
    Link(LinkId),
    /// The same bytes to each of these children.
    Children(ChildSet),
}

/// An aggregator.
pub struct Ionode {
    server: Server<Tables>,
    node: Node,
}

impl Ionode {
    /// One that has just started, with nobody under it.
    pub fn new(facts: Facts, now: Time) -> Self {
        Self { server: Server::default(), node: Node::new(facts, now) }
    }

    /// Takes the memory for all that the tables may hold: from then on nothing is allocated but for answers
    /// that wait for a slow reader. Without it each table takes what it needs when it first does.
    pub fn take_room(&mut self) {
        self.server.reserve();
        self.node.take_room();
    }

    /// A client, or a child that has not said so yet, has connected. Link 0 is the parent's and was dialled.
    pub fn connect(&mut self, link: LinkId, peer: Peer) {
        self.server.connect(link, if link == PARENT { PARENT_CAPS } else { CLIENT });
        if link == PARENT {
            assert!(self.node.parent.state == join::State::Dialing, "a parent is dialled for");
            self.node.parent.state = join::State::Greeting;
            self.node.renew_up();
        }
        self.node.peers[link.0 as usize] = Some(peer);
    }

    /// The child that a link leads to.
    pub fn child_on(&self, link: LinkId) -> Option<Rank> {
        self.node.children.on(link)
    }

    /// The link of a child that has one.
    pub fn link_of(&self, rank: Rank) -> Option<LinkId> {
        let child = self.node.children.get(rank);
        child.is_linked().then_some(child.link)
    }

    /// Takes the first message of `bytes`, which came on `link`: its length, or 0 while it is not whole.
    /// After a request the node is to be drained before the next. A botch: hang up.
    pub fn handle_bytes(
        &mut self,
        now: Time,
        link: LinkId,
        bytes: &[u8],
        host: &mut impl Host,
    ) -> Result<usize, Botch> {
        let child = self.node.children.on(link);
        let msize = if child.is_some() { MSIZE_LINK } else { self.server.msize(link) };
        let Some(len) = frame(bytes, msize)? else { return Ok(0) };
        let message = &bytes[..len];
        if link == PARENT {
            self.node.parent.heard();
        }
        if is_request(message) {
            if is_attach(message) && self.node.is_crowded() {
                self.node.forget_users(self.server.users());
            }
            let mut view = View { node: &mut self.node, host, now };
            self.server.request(link, message, &mut view)?;
            if child.is_none() && self.node.children.on(link).is_some() {
                self.server.widen(link, CHILD);
            }
        } else if link == PARENT {
            self.node.answer_of_parent(message)?;
        } else {
            self.node.answer(now, child.ok_or(Botch)?, message)?;
        }
        self.settle(now, host);
        Ok(len)
    }

    /// Passes the first message of `bytes` on, where it is a child's answer to a read that a client waits
    /// for: from where it was received to the start of `out`, which has room for it, as long as it was. All
    /// else is left to `handle_bytes`, which takes this too, and keeps it until it is drained.
    pub fn pass(&mut self, link: LinkId, bytes: &[u8], out: &mut [u8]) -> Option<(Target, usize)> {
        let rank = self.node.children.on(link)?;
        let len = frame(bytes, MSIZE_LINK).ok()??;
        let message = &bytes[..len];
        if !is_rread(message) {
            return None;
        }
        let (request, data) = self.node.passable(rank, message)?;
        let client = self.server.takes(request, len)?;
        let tag = tag_of(message).ok()?;
        let given = self.server.give(request, data, out);
        self.node.passed(rank, tag);
        Some((Target::Link(client), given))
    }

    /// The link is gone.
    pub fn handle_hangup(&mut self, now: Time, link: LinkId, host: &mut impl Host) {
        if let Some(rank) = self.node.children.on(link) {
            self.node.lose(now, rank);
        }
        let mut view = View { node: &mut self.node, host, now };
        self.server.hangup(link, &mut view);
        self.node.peers[link.0 as usize] = None;
        if link == PARENT {
            self.node.renew_up();
            // One that was left has nothing to come back to, whoever is to follow it.
            if self.node.parent.has_link() {
                self.undialed(now);
                self.node.tell_above(self.node.children.inner());
                // A parent that was dialled in vain since then does not put it off.
                self.node.orphaned.get_or_insert(now + self.node.tuning.orphan_us());
            }
        }
        self.settle(now, host);
    }

    /// The parent could not be reached, or is gone: it is dialled again after a while.
    pub fn undialed(&mut self, now: Time) {
        let jitter = self.node.facts.boot ^ now.0;
        self.node.parent.fall(now, jitter);
    }

    /// Where to connect for `Effect::Mount`; nowhere if it is not wanted any more.
    pub fn mount_dial(&self, index: u8) -> Option<&str> {
        self.node.mounts.get(index as usize)?.as_ref().map(|mount| mount.dial.as_str())
    }

    /// A tree that is to be mounted was reached, on a link that nobody has.
    pub fn mounted(&mut self, now: Time, index: u8, link: LinkId) {
        self.node.mount_dialled(now, index, link);
    }

    /// It could not be reached.
    pub fn unmounted(&mut self, now: Time, index: u8, ename: Ename, host: &mut impl Host) {
        self.node.mount_failed(now, index, ename);
        self.settle(now, host);
    }

    /// The parent is being dialled: what was made for one that is not wanted any more is to be dropped.
    pub fn is_dialing(&self) -> bool {
        self.node.parent.state == join::State::Dialing
    }

    /// The address of a parent that was given while the node ran; empty before.
    pub fn parent_dial(&self) -> &str {
        self.node.parent_dial.as_str()
    }

    /// Others can dial this node there.
    pub fn add_address(&mut self, dial: &str) {
        // One that is longer than any dial string is of no use to others.
        self.node.addresses.extend(Text::new(dial));
    }

    /// The output of `link` is backed up, or no longer.
    pub fn set_blocked(&mut self, link: LinkId, blocked: bool) {
        self.server.set_blocked(link, blocked);
    }

    /// More may come on `link`. False only while a client's output is backed up.
    pub fn wants(&self, link: LinkId) -> bool {
        link == PARENT || self.node.children.on(link).is_some() || !self.server.is_blocked(link)
    }

    /// Time has come to what `poll_timeout` said; calling it early is harmless.
    pub fn handle_timeout(&mut self, now: Time, host: &mut impl Host) {
        match self.node.parent.handle_timeout(now) {
            Some(Due::Dial) => self.node.dial = true,
            Some(Due::HangUp) => self.node.drops.push(PARENT),
            None => {}
        }
        if self.node.orphaned.is_some_and(|at| at <= now) {
            self.node.orphaned = None;
            self.node.fence();
        }
        self.node.redial_mounts(now);
        self.node.beat(now);
        self.node.expire_gathers(now);
        self.node.expire_looks(now);
        self.node.expire_traces(now);
        self.node.expire_forwards(now);
        // One at a time: what follows from its end is drained before the next.
        self.node.expire_session(now, host);
        self.settle(now, host);
    }

    /// When `handle_timeout` is due next.
    pub fn poll_timeout(&self) -> Time {
        let node = &self.node;
        if !node.fenced.is_empty() {
            return Time::default();
        }
        let gathers = node.gathers.iter().filter(|gather| gather.used).map(|gather| gather.deadline);
        let looks = node.looks.iter().map(|look| look.deadline);
        let traces = node.traces.iter().map(|trace| trace.deadline);
        let lingers = node.lingering.iter().filter_map(|slot| node.sessions[slot as usize].linger);
        let first = gathers.chain(looks).chain(traces).chain(lingers).min().unwrap_or(Time::NEVER);
        let own = node.parent.timeout().min(node.orphaned.unwrap_or(Time::NEVER));
        first.min(node.beat_at).min(node.forwards_timeout()).min(node.mounts_timeout()).min(own)
    }

    /// Carries what changed to the requests that wait for it.
    fn settle(&mut self, now: Time, host: &mut impl Host) {
        let node = &mut self.node;
        // One at a time: what follows from its end is drained before the next.
        if let Some(slot) = node.fenced.take_first() {
            node.close_session(slot, host);
        }
        let fed = core::mem::take(&mut node.fed);
        if !fed.is_empty() {
            for slot in (0..node.sessions.len() as SessionSlot).filter(|slot| fed.has(*slot)) {
                node.next_input(slot, host);
            }
        }
        // Before the walks that made nothing: what waits on their fids and has its own answer keeps it.
        while let Some((request, settled)) = node.settled.pop() {
            if self.server.waits(request) {
                self.server.settle(request, settled);
            }
        }
        while let Some(request) = node.undone.pop() {
            if self.server.waits(request) {
                self.server.unopen(request);
                let mut view = View { node, host, now };
                self.server.unbind(request, &mut view);
            }
        }
        for name in node.closed.drain(..) {
            let (what, state) = (protocol::event::Subject::Session, "closed");
            node.events.push(protocol::event::Event { at: now, what, name, state });
            node.stirred = true;
        }
        let touched = core::mem::take(&mut node.touched);
        let gone = core::mem::take(&mut node.gone);
        let stirred = core::mem::take(&mut node.stirred) || !touched.is_empty();
        if !touched.is_empty() {
            for slot in (0..node.sessions.len() as SessionSlot).filter(|slot| touched.has(*slot)) {
                node.tell_state(slot, now);
            }
        }
        if stirred {
            let of_node = [File::Events as u8, File::Status as u8];
            let is_nodes = |path: Path| path.slot().is_none() && of_node.contains(&path.file());
            let has = |path: Path| path.slot().is_some_and(|slot| touched.has(slot));
            self.server.wake(|path| has(path) || is_nodes(path));
        }
        if !gone.is_empty() {
            let mut view = View { node, host, now };
            self.server.sever(&mut view, |path| path.slot().is_some_and(|slot| gone.has(slot)));
        }
    }

    /// So much is to be sent that it is to be drained before another answer of a child is given.
    pub fn is_pressed(&self) -> bool {
        self.node.steps.len() >= bounds::PRESSED
    }

    /// What the driver is to do next.
    pub fn poll_effect(&mut self) -> Option<Effect> {
        if core::mem::take(&mut self.node.exit) {
            return Some(Effect::Exit);
        }
        if core::mem::take(&mut self.node.dial) {
            return Some(Effect::Dial);
        }
        if let Some(index) = self.node.poll_mount() {
            return Some(Effect::Mount(index));
        }
        self.node.drops.pop().map(Effect::Drop)
    }

    /// The next message to send, encoded at the start of `out`, which has room for the largest of any link
    /// that is not blocked: whom it is for and its length.
    pub fn poll_transmit(
        &mut self,
        now: Time,
        host: &mut impl Host,
        out: &mut [u8],
    ) -> Option<(Target, usize)> {
        if self.node.parent.state == join::State::Greeting {
            let facts = self.node.facts;
            let greeted = self.node.parent.greet(now, facts.name.as_str(), facts.boot, out);
            return greeted.ok().map(|len| (Target::Link(PARENT), len));
        }
        let mut view = View { node: &mut self.node, host, now };
        if let Some((link, len)) = self.server.poll(&mut view, out) {
            return Some((Target::Link(link), len));
        }
        if let Some(len) = self.node.poll_up(out) {
            return Some((Target::Link(PARENT), len));
        }
        let (set, len) = self.node.poll_step(host, out)?;
        Some((Target::Children(set), len))
    }

    /// How much the driver is to tell of what goes in and out: see `Tuning`.
    pub fn debug_level(&self) -> u8 {
        self.node.tuning.debug
    }
}

const _: () = assert!(CHILD.msize == MSIZE_LINK);
