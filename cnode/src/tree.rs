//! The served tree of a stub: which directory a path is of. Each is served by a file of its own.

mod debug;
mod member;
mod root;
mod session;
mod view;

use crate::bounds::Bounds;
use crate::host::Host;
use debug::Debug;
use member::Member;
use protocol::dir::{Dir, Dirs};
use protocol::ename::Ename;
use protocol::limits::USER_NAME_MAX;
use protocol::qid::Path;
use protocol::server::{LinkId, RequestId, UserId};
use protocol::slots::Slots;
use protocol::table::{File, MEMBER_DEBUG, SESSION_DEBUG, is_debug};
use protocol::text::Text;
use root::Root;
use session::Session;

pub(crate) use view::View;

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
        self.node.now.secs() as u32
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
            if let Some(run) = session.run_mut()
                && run.exec.request == Some(id)
            {
                run.exec.request = None;
            }
            if let Some(spill) = &mut session.input.spill
                && spill.request == Some(id)
            {
                // The flush cancels the answer; what was taken is still delivered.
                spill.request = None;
            }
        }
    }
}
