//! The served tree of an aggregator: which directory a path is of. Each is served by a file of its own.

mod debug;
mod member;
mod net;
mod probe;
mod root;
mod session;
pub(crate) mod view;

use crate::ground::id::SessionSlot;
use crate::host::Host;
use crate::node::Node;
use crate::tree::view::View;
use protocol::dir::{Dir, Dirs};
use protocol::ename::Ename;
use protocol::limits::USER_NAME_MAX;
use protocol::linux::NOBODY;
use protocol::message::Tag;
use protocol::qid::Path;
use protocol::server::{Forward, Hold, LinkId, RequestId, UserId};
use protocol::table::{File, is_debug};
use protocol::text::Text;
use protocol::wire::Full;

impl<H: Host> Dirs for View<'_, H> {
    fn dir<'d>(at: Path) -> &'d dyn Dir<Self>
    where
        Self: 'd,
    {
        match at.slot() {
            Some(_) if at.member_number().is_some() => &member::Member,
            Some(_) if is_debug(at) => &debug::Debug,
            Some(_) => &session::Dir,
            None if at.child_rank().is_some() => &net::Child,
            None if at.file() == File::Net as u8 => &net::Net,
            None if probe::has(at) => &probe::Probe,
            None => &root::Root,
        }
    }

    fn attach(
        &mut self,
        link: LinkId,
        uname: &str,
        uid: Option<u32>,
        aname: &str,
    ) -> Result<(UserId, Path), Ename> {
        let name = self.who(link, uname, uid)?;
        let user = self.node.shared.user(name.as_str()).ok_or(Ename::Again)?;
        let root = if aname == probe::ANAME { File::Probe } else { File::Dir };
        Ok((user, Path::root(root as u8)))
    }

    fn ids(&mut self, user: &str) -> (u32, u32) {
        let numbered = || user.parse().ok().map(|uid| (uid, uid));
        self.host.ids(user).or_else(numbered).unwrap_or(NOBODY)
    }

    fn secs(&self) -> u32 {
        self.now.secs() as u32
    }

    fn user_name(&self, user: UserId) -> Text<USER_NAME_MAX> {
        self.node.shared.users.name(user)
    }

    fn is_owner(&self, user: UserId, owner: UserId) -> bool {
        self.node.shared.users.is_owner(user, owner)
    }

    fn cancel(&mut self, id: RequestId) {
        self.node.cancel(id);
    }

    fn forward(&mut self, id: RequestId, hold: &Hold, msg: Forward<'_>) -> Result<u32, Ename> {
        let Node { forwards, sessions, shared, .. } = &mut *self.node;
        let member = |slot: SessionSlot, number| {
            let session = sessions.find_at(slot)?;
            Some((session.id(), session.members.child_of(number)?))
        };
        forwards.forward(self.now, id, hold, msg, member, shared)
    }

    fn clunk_away(&mut self, away: u32) {
        self.node.forwards.clunk(away, &mut self.node.shared);
    }

    fn relay(&mut self, token: u32, tag: Tag, out: &mut [u8]) -> Result<usize, Full> {
        self.node.forwards.relay(token, tag, out, &mut self.node.shared)
    }

    fn discard(&mut self, token: u32) {
        self.node.forwards.discard(token, &mut self.node.shared);
    }
}
