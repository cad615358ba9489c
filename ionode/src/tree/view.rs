//! A node at one moment, as the files of its tree see it.

use crate::ground::bounds::PARENT;
use crate::ground::id::SessionSlot;
use crate::host::Host;
use crate::node::Node;
use crate::session::Session;
use core::fmt::Write;
use protocol::ctl::Writer;
use protocol::ename::Ename;
use protocol::limits::USER_NAME_MAX;
use protocol::linux::NO_UID;
use protocol::qid::Path;
use protocol::server::{Hold, LinkId, RequestId, UserId};
use protocol::text::Text;
use protocol::time::Time;

/// A node with its host at one moment: what the server half serves.
pub(crate) struct View<'a, H> {
    pub(crate) node: &'a mut Node,
    pub(crate) host: &'a mut H,
    pub(crate) now: Time,
}

impl<H: Host> View<'_, H> {
    /// The session of a path, if it is there.
    pub(super) fn find(&self, at: Path) -> Option<&Session> {
        self.node.sessions.find_at(at.slot()?)
    }

    /// The session of a path that is there.
    pub(super) fn session(&mut self, slot: SessionSlot) -> Result<&mut Session, Ename> {
        self.node.sessions.at(slot)
    }

    /// Whose the session of a path is.
    pub(super) fn owner(&self, at: Path) -> Option<UserId> {
        self.find(at).map(|session| session.owner)
    }

    /// Follows what a part has done, before the next request is looked at.
    pub(super) fn follow(&mut self) {
        self.node.follow_all(self.now, self.host);
    }

    pub(super) fn writer(&self, hold: &Hold, request: RequestId) -> Writer {
        let (user, link, users) = (hold.user, hold.link, &self.node.shared.users);
        let is_parent = link == PARENT;
        let is_local = self.node.is_local(link);
        let may = Writer::standing(is_parent, is_local, users.is_root(user), users.is_operator(user));
        Writer { user, link, is_parent, may, request, now: self.now }
    }

    /// Who attaches on a link: by the number where there is one, which only root may say of others. Where
    /// nobody knows who is there, as with names, what is said is believed.
    pub(super) fn who(
        &mut self,
        link: LinkId,
        uname: &str,
        uid: Option<u32>,
    ) -> Result<Text<USER_NAME_MAX>, Ename> {
        let peer = self.node.peers[link.0 as usize].and_then(|peer| peer.uid).filter(|own| *own != 0);
        let uid = match (uid, peer) {
            (Some(NO_UID), peer) => peer,
            (Some(uid), Some(own)) if uid != own => return Err(Ename::NotOwner),
            (uid, _) => uid,
        };
        let mut name = Text::EMPTY;
        let written = match uid.map(|uid| (uid, self.host.user_name(uid))) {
            Some((_, Some(known))) => return Ok(known),
            Some((uid, None)) => write!(name, "{uid}"),
            None => name.write_str(if uname.is_empty() { "nobody" } else { uname }),
        };
        written.map(|()| name).map_err(|_| Ename::NameTooLong)
    }
}
