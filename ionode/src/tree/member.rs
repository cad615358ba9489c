//! `/<id>/<m>/`: a member as it is listed in its session. What is in it is its node's.

use crate::host::Host;
use crate::tree::view::View;
use core::fmt::Write;
use protocol::dir::Dir;
use protocol::limits::NODE_NAME_MAX;
use protocol::qid::Path;
use protocol::server::UserId;
use protocol::table::{File, Row, SESSION_DIR};
use protocol::text::Text;

pub(super) struct Member;

impl<H: Host> Dir<View<'_, H>> for Member {
    fn own(&self) -> &'static Row {
        &SESSION_DIR
    }

    fn rows(&self) -> &'static [Row] {
        &[]
    }

    fn has(&self, view: &View<'_, H>, at: Path) -> bool {
        let members = view.find(at).map(|session| &session.members);
        members.is_some_and(|members| at.member_number().is_some_and(|m| members.index(m).is_some()))
    }

    fn up(&self, at: Path) -> Path {
        Path::session(at.session_slot(), File::Dir as u8)
    }

    fn name(&self, _: &View<'_, H>, at: Path) -> Text<NODE_NAME_MAX> {
        let mut name = Text::EMPTY;
        let written = write!(name, "{}", at.member_number().unwrap_or_default());
        assert!(written.is_ok(), "a number fits a name");
        name
    }

    fn owner(&self, view: &View<'_, H>, at: Path) -> Option<UserId> {
        view.owner(at)
    }
}
