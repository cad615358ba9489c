//! What directories are served from.

use crate::bounds::{Bounds, PARENT};
use crate::host::{Host, MemberSlot};
use crate::node::Node;
use protocol::ctl::Writer;
use protocol::qid::Path;
use protocol::server::{Hold, LinkId, RequestId, UserId};
use protocol::slots::Slots;

/// A node with its host at one moment: what the server half serves.
pub(crate) struct View<'a, B: Bounds, H> {
    pub(crate) node: &'a mut Node<B>,
    pub(crate) host: &'a mut H,
}

impl<B: Bounds, H: Host> View<'_, B, H> {
    /// The session of a path is there, and the member if it is one's.
    pub(super) fn has(&self, at: Path) -> bool {
        let is_there = at.slot().is_some_and(|slot| self.node.open_session(slot).is_some());
        is_there && (at.member_number().is_none() || self.member(at).is_some())
    }

    /// Whose the session of a path is.
    pub(super) fn owner(&self, at: Path) -> UserId {
        self.node.sessions.slots()[at.session_slot() as usize].owner
    }

    /// The member that a path is of.
    pub(super) fn member(&self, at: Path) -> Option<MemberSlot> {
        self.node.find_member(at.slot()?, at.member_number()?)
    }

    pub(super) fn is_local(&self, link: LinkId) -> bool {
        self.node.local_links & 1 << link.0 != 0
    }

    pub(super) fn writer(&self, hold: &Hold, request: RequestId) -> Writer {
        let (user, link, is_parent) = (hold.user, hold.link, hold.link == PARENT);
        let is_root = self.node.user_name(user).as_str() == "root";
        let may = Writer::standing(is_parent, self.is_local(link), is_root, self.node.is_operator(user));
        Writer { user, link, is_parent, may, request, now: self.node.now }
    }
}
