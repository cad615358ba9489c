//! An aggregator as its driver sees it: fed and drained.

use crate::ground::bounds::{CHILD, CLIENT, FIDS, LINKS, PARENT, PARENT_CAPS, REQUESTS};
use crate::ground::growing::Growing;
use crate::host::{Effect, Host, Peer};
use crate::node::Node;
use crate::shared::{Facts, Shared};
use crate::tree::view::View;
use protocol::ename::Ename;
use protocol::join;
use protocol::limits::MSIZE_LINK;
use protocol::message::{frame, is_attach, is_request, is_rread, tag_of};
use protocol::qid::Path;
use protocol::server::{self, FidEntry, LinkId, LinkState, RequestEntry, Server};
use protocol::set::{ChildSet, Rank};
use protocol::table::File;
use protocol::time::Time;
use protocol::wire::Botch;

/// Whom a message is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Target {
    /// One conversation.
    Link(LinkId),
    /// The same bytes to each of these children.
    Children(ChildSet),
}

/// The tables of the conversations.
#[derive(Debug)]
pub(crate) struct Tables;

impl server::Bounds for Tables {
    const LINUX: bool = true;
    type Links = [LinkState; LINKS];
    type Fids = Growing<FidEntry, FIDS>;
    type Requests = Growing<RequestEntry, REQUESTS>;
    type FidIndex = Growing<u16, { 2 * FIDS }>;
    type RequestIndex = Growing<u16, { 2 * REQUESTS }>;
}

/// An aggregator.
pub struct Ionode {
    pub(crate) server: Server<Tables>,
    pub(crate) node: Node,
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
        self.node.reserve();
    }

    /// A client, or a child that has not said so yet, has connected. Link 0 is the parent's and was dialled.
    pub fn connect(&mut self, link: LinkId, peer: Peer) {
        self.server.connect(link, if link == PARENT { PARENT_CAPS } else { CLIENT });
        if link == PARENT {
            let parent = &mut self.node.above.parent;
            assert!(parent.state == join::State::Dialing, "a parent is dialled for");
            parent.state = join::State::Greeting;
            self.node.renew_up();
        }
        self.node.peers[link.0 as usize] = Some(peer);
    }

    /// The child that a link leads to.
    pub fn child_on(&self, link: LinkId) -> Option<Rank> {
        self.node.shared.children.on(link)
    }

    /// The link of a child that has one.
    pub fn link_of(&self, rank: Rank) -> Option<LinkId> {
        let child = self.node.shared.children.get(rank);
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
        let child = self.child_on(link);
        let msize = if child.is_some() { MSIZE_LINK } else { self.server.msize(link) };
        let Some(len) = frame(bytes, msize)? else { return Ok(0) };
        let message = &bytes[..len];
        if link == PARENT {
            self.node.above.parent.heard();
        }
        if is_request(message) {
            if is_attach(message) && self.node.shared.users.is_crowded() {
                self.node.forget_users(self.server.users());
            }
            let mut view = View { node: &mut self.node, host, now };
            self.server.request(link, message, &mut view)?;
            if child.is_none() && self.child_on(link).is_some() {
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
        let rank = self.child_on(link)?;
        let len = frame(bytes, MSIZE_LINK).ok()??;
        let message = &bytes[..len];
        if !is_rread(message) {
            return None;
        }
        let Node { forwards, shared, .. } = &mut self.node;
        let (request, data) = forwards.passable(rank, message, shared)?;
        let client = self.server.takes(request, len)?;
        let tag = tag_of(message).ok()?;
        let given = self.server.give(request, data, out);
        forwards.passed(rank, tag, shared);
        Some((Target::Link(client), given))
    }

    /// The link is gone.
    pub fn handle_hangup(&mut self, now: Time, link: LinkId, host: &mut impl Host) {
        if let Some(rank) = self.child_on(link) {
            self.node.lose(now, rank, host);
        }
        let mut view = View { node: &mut self.node, host, now };
        self.server.hangup(link, &mut view);
        self.node.peers[link.0 as usize] = None;
        if link == PARENT {
            self.node.renew_up();
            self.node.above.lose(now, &mut self.node.shared);
        }
        self.settle(now, host);
    }

    /// The parent could not be reached: it is dialled again after a while.
    pub fn undialed(&mut self, now: Time) {
        self.node.above.fall(now, self.node.shared.facts.boot);
    }

    /// Where to connect for `Effect::Mount`; nowhere if it is not wanted any more.
    pub fn mount_dial(&self, index: u8) -> Option<&str> {
        self.node.mounts.dial(index)
    }

    /// A tree that is to be mounted was reached, on a link that nobody has.
    pub fn mounted(&mut self, now: Time, index: u8, link: LinkId) {
        self.node.mounts.dialled(now, index, link, &mut self.node.shared);
    }

    /// It could not be reached.
    pub fn unmounted(&mut self, now: Time, index: u8, ename: Ename, host: &mut impl Host) {
        self.node.mounts.failed(now, index, ename, &mut self.node.shared);
        self.settle(now, host);
    }

    /// The parent is being dialled: what was made for one that is not wanted any more is to be dropped.
    pub fn is_dialing(&self) -> bool {
        self.node.above.parent.state == join::State::Dialing
    }

    /// The address of a parent that was given while the node ran; empty before.
    pub fn parent_dial(&self) -> &str {
        self.node.above.dial()
    }

    /// Others can dial this node there.
    pub fn add_address(&mut self, dial: &str) {
        self.node.mounts.add_address(dial);
    }

    /// The output of `link` is backed up, or no longer.
    pub fn set_blocked(&mut self, link: LinkId, blocked: bool) {
        self.server.set_blocked(link, blocked);
    }

    /// More may come on `link`. False only while a client's output is backed up.
    pub fn wants(&self, link: LinkId) -> bool {
        link == PARENT || self.child_on(link).is_some() || !self.server.is_blocked(link)
    }

    /// Time has come to what `poll_timeout` said; calling it early is harmless.
    pub fn handle_timeout(&mut self, now: Time, host: &mut impl Host) {
        self.node.expire(now, host);
        self.settle(now, host);
    }

    /// When `handle_timeout` is due next.
    pub fn poll_timeout(&self) -> Time {
        self.node.due()
    }

    /// Carries what changed to the requests that wait for it.
    fn settle(&mut self, now: Time, host: &mut impl Host) {
        if self.node.is_settled() {
            return;
        }
        self.node.settle(now, host);
        // Before the walks that made nothing: what waits on their fids and has its own answer keeps it.
        while let Some((request, settled)) = self.node.shared.deeds.settled.pop() {
            if self.server.waits(request) {
                self.server.settle(request, settled);
            }
        }
        while let Some(request) = self.node.shared.deeds.undone.pop() {
            if self.server.waits(request) {
                self.server.unopen(request);
                let mut view = View { node: &mut self.node, host, now };
                self.server.unbind(request, &mut view);
            }
        }
        let touched = core::mem::take(&mut self.node.shared.deeds.touched);
        let is_stirred = core::mem::take(&mut self.node.shared.deeds.is_stirred) || !touched.is_empty();
        if !touched.is_empty() {
            self.node.report_states(now, touched);
        }
        if is_stirred {
            let of_node = [File::Events as u8, File::Status as u8];
            let is_nodes = |path: Path| path.slot().is_none() && of_node.contains(&path.file());
            let has = |path: Path| path.slot().is_some_and(|slot| touched.has(slot));
            self.server.wake(|path| has(path) || is_nodes(path));
        }
        let gone = core::mem::take(&mut self.node.gone);
        if !gone.is_empty() {
            let mut view = View { node: &mut self.node, host, now };
            self.server.sever(&mut view, |path| path.slot().is_some_and(|slot| gone.has(slot)));
        }
    }

    /// So much is to be sent that it is to be drained before another answer of a child is given.
    pub fn is_pressed(&self) -> bool {
        self.node.is_pressed()
    }

    /// What the driver is to do next.
    pub fn poll_effect(&mut self) -> Option<Effect> {
        self.node.poll_effect()
    }

    /// The next message to send, encoded at the start of `out`, which has room for the largest of any link
    /// that is not blocked: whom it is for and its length.
    pub fn poll_transmit(
        &mut self,
        now: Time,
        host: &mut impl Host,
        out: &mut [u8],
    ) -> Option<(Target, usize)> {
        let node = &mut self.node;
        if node.above.parent.state == join::State::Greeting {
            let facts = &node.shared.facts;
            let greeted = node.above.parent.greet(now, facts.name.as_str(), facts.boot, out);
            return greeted.ok().map(|len| (Target::Link(PARENT), len));
        }
        let mut view = View { node, host, now };
        let sent = self.server.poll(&mut view, out);
        // A read is done when it is drained: what has come of it is followed at once.
        self.node.follow_all(now, host);
        if let Some((link, len)) = sent {
            return Some((Target::Link(link), len));
        }
        if let Some(len) = self.node.forwards.up.poll(out) {
            return Some((Target::Link(PARENT), len));
        }
        let Shared { down, users, .. } = &mut self.node.shared;
        let (set, len) = down.poll(host, &|user| users.name(user), out)?;
        Some((Target::Children(set), len))
    }

    /// How much the driver is to tell of what goes in and out: see `Tuning`.
    pub fn debug_level(&self) -> u8 {
        self.node.shared.tuning.debug
    }
}

const _: () = assert!(CHILD.msize == MSIZE_LINK);
