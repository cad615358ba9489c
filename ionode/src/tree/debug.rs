//! `/<id>/debug/`: what all members of a session are seen to do.

use crate::host::Host;
use crate::tree::view::View;
use protocol::dir::{Dir, Get};
use protocol::ename::Ename;
use protocol::qid::Path;
use protocol::server::{Hold, UserId};
use protocol::table::{DEBUG, File, Row, SESSION_DEBUG};

pub(super) struct Debug;

impl<H: Host> Dir<View<'_, H>> for Debug {
    fn own(&self) -> &'static Row {
        &DEBUG
    }

    fn rows(&self) -> &'static [Row] {
        SESSION_DEBUG
    }

    fn has(&self, view: &View<'_, H>, at: Path) -> bool {
        view.find(at).is_some()
    }

    fn up(&self, at: Path) -> Path {
        at.beside(File::Dir as u8)
    }

    fn owner(&self, view: &View<'_, H>, at: Path) -> Option<UserId> {
        view.owner(at)
    }

    fn read(
        &self,
        view: &mut View<'_, H>,
        _: File,
        hold: &mut Hold,
        get: Get<'_>,
    ) -> Result<Option<usize>, Ename> {
        let node = &mut *view.node;
        let traced = node.sessions.at(hold.path.session_slot())?.traced(&mut node.shared);
        let at = (&mut hold.cursor, get.offset);
        node.folds.read(view.now, &traced, at, get.out, &mut node.shared)
    }

    fn clunk(&self, view: &mut View<'_, H>, _: File, hold: &Hold, _: bool) {
        view.node.folds.leave(hold.cursor, &mut view.node.shared);
    }
}
