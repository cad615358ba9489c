//! The served tree of a stub: which directory a path is of. Each is served by a file of its own.

mod debug;
mod member;
mod root;
mod session;

use crate::Bounds;
use crate::bounds::PARENT;
use crate::host::{Host, MemberSlot};
use crate::node::Node;
use debug::Debug;
use member::Member;
use protocol::ctl::Writer;
use protocol::dir::{Dir, Dirs};
use protocol::ename::Ename;
use protocol::limits::USER_NAME_MAX;
use protocol::qid::Path;
use protocol::server::{Hold, LinkId, RequestId, UserId};
use protocol::slots::Slots;
use protocol::table::{File, MEMBER_DEBUG, SESSION_DEBUG, is_debug};
use protocol::text::Text;
use protocol::time::Time;
use root::Root;
use session::Session;

/// A node with its host at one moment: what the server half serves.
pub(crate) struct View<'a, B: Bounds, H> {
    pub(crate) node: &'a mut Node<B>,
    pub(crate) host: &'a mut H,
    pub(crate) now: Time,
}

impl<B: Bounds, H: Host> View<'_, B, H> {
    /// The session of a path is there, and the member if it is one's.
    fn has(&self, at: Path) -> bool {
        let sessions = self.node.sessions.slots();
        let session = at.slot().and_then(|slot| sessions.get(slot as usize));
        let is_there = session.is_some_and(|session| session.is_open());
        is_there && (at.member_number().is_none() || self.member(at).is_some())
    }

    /// Whose the session of a path is.
    fn owner(&self, at: Path) -> UserId {
        self.node.sessions.slots()[at.session_slot() as usize].owner
    }

    /// The member that a path is of.
    fn member(&self, at: Path) -> Option<MemberSlot> {
        self.node.find_member(at.slot()?, at.member_number()?)
    }

    fn is_local(&self, link: LinkId) -> bool {
        self.node.local_links & 1 << link.0 != 0
    }

    fn writer(&self, hold: &Hold, request: RequestId) -> Writer {
        let (user, link, is_parent) = (hold.user, hold.link, hold.link == PARENT);
        let is_root = self.node.user_name(user).as_str() == "root";
        let may = Writer::standing(is_parent, self.is_local(link), is_root, self.node.is_operator(user));
        Writer { user, link, is_parent, may, request, now: self.now }
    }
}

impl<B: Bounds, H: Host> Dirs for View<'_, B, H> {
    fn dir<'d>(at: Path) -> &'d dyn Dir<Self>
    where
        Self: 'd,
    {
        match (at.slot(), at.member_number()) {
            (None, _) => &Root,
            (Some(_), None) if is_debug(at) => &Debug(SESSION_DEBUG),
            (Some(_), None) => &Session,
            (Some(_), Some(_)) if is_debug(at) => &Debug(MEMBER_DEBUG),
            (Some(_), Some(_)) => &Member,
        }
    }

    fn attach(&mut self, _: LinkId, uname: &str, _: Option<u32>, _: &str) -> Result<(UserId, Path), Ename> {
        let uname = if uname.is_empty() { "nobody" } else { uname };
        let user = self.node.user(uname).ok_or(Ename::Again)?;
        Ok((user, Path::root(File::Dir as u8)))
    }

    fn secs(&self) -> u32 {
        self.now.secs() as u32
    }

    fn user_name(&self, user: UserId) -> Text<USER_NAME_MAX> {
        self.node.user_name(user)
    }

    fn is_owner(&self, user: UserId, owner: UserId) -> bool {
        self.node.is_owner(user, owner)
    }

    fn cancel(&mut self, id: RequestId) {
        self.node.cancel_debug(id);
        for session in self.node.sessions.slots_mut() {
            if session.exec.request == Some(id) {
                session.exec.request = None;
            }
            if let Some(spill) = &mut session.spill
                && spill.request == Some(id)
            {
                // The flush cancels the answer; what was taken is still delivered.
                spill.request = None;
            }
        }
    }
}
