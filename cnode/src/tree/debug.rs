//! `/<id>/debug/` and `/<id>/<m>/debug/`: what is seen of processes from without.

use super::View;
use crate::Bounds;
use crate::host::{Host, MemberSlot, SessionSlot};
use protocol::debug::Kind;
use protocol::dir::{Dir, Get, Put};
use protocol::ename::Ename;
use protocol::qid::Path;
use protocol::server::{Hold, UserId};
use protocol::table::{DEBUG, File, Row};

/// With its rows, which a session and a member have of their own.
pub(super) struct Debug(pub(super) &'static [Row]);

/// Whom an open file is about, and what its helper is for.
fn about<B: Bounds, H: Host>(
    view: &View<'_, B, H>,
    file: File,
    at: Path,
) -> Result<(SessionSlot, Option<MemberSlot>, Kind), Ename> {
    Ok((at.session_slot(), view.member(at), Kind::of(file).ok_or(Ename::NotFound)?))
}

impl<B: Bounds, H: Host> Dir<View<'_, B, H>> for Debug {
    fn own(&self) -> &'static Row {
        &DEBUG
    }

    fn rows(&self) -> &'static [Row] {
        self.0
    }

    fn has(&self, view: &View<'_, B, H>, at: Path) -> bool {
        view.has(at)
    }

    fn up(&self, at: Path) -> Path {
        at.beside(File::Dir as u8)
    }

    fn owner(&self, view: &View<'_, B, H>, at: Path) -> Option<UserId> {
        Some(view.owner(at))
    }

    fn open(&self, view: &mut View<'_, B, H>, file: File, hold: &mut Hold, _: u8) -> Result<(), Ename> {
        if file == File::Debug {
            return Ok(());
        }
        let (session, member, kind) = about(view, file, hold.path)?;
        view.node.check_debug(session, member, kind)
    }

    fn opened(&self, view: &mut View<'_, B, H>, file: File, hold: &mut Hold) {
        // A text's helper begins with its first read.
        if !matches!(file, File::Mem | File::Gdb) {
            return;
        }
        // `open` has just seen that there is room.
        let begun = about(view, file, hold.path);
        let begun = begun.and_then(|what| view.node.begin_debug(view.now, what, view.host));
        hold.cursor = begun.unwrap_or(0);
    }

    fn read(
        &self,
        view: &mut View<'_, B, H>,
        file: File,
        hold: &mut Hold,
        get: Get<'_>,
    ) -> Result<Option<usize>, Ename> {
        let what = about(view, file, hold.path)?;
        let at = (&mut hold.cursor, get.offset);
        view.node.read_debug((view.now, get.id), what, at, view.host, get.out)
    }

    fn write(
        &self,
        view: &mut View<'_, B, H>,
        _: File,
        hold: &mut Hold,
        put: Put<'_>,
    ) -> Result<Option<u32>, Ename> {
        let at = (hold.cursor, put.offset);
        view.node.write_debug((view.now, put.id), at, put.data, view.host)
    }

    fn clunk(&self, view: &mut View<'_, B, H>, file: File, hold: &Hold, _: bool) {
        if file != File::Debug {
            view.node.leave_debug(hold.cursor, view.now, view.host);
        }
    }
}
