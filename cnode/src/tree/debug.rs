//! `/<id>/debug/` and `/<id>/<m>/debug/`: what is seen of processes from without.

use super::view::View;
use crate::bounds::Bounds;
use crate::debug::Subject;
use crate::host::Host;
use protocol::debug::Kind;
use protocol::dir::{Dir, Get, Put};
use protocol::ename::Ename;
use protocol::qid::Path;
use protocol::server::{Hold, UserId};
use protocol::table::{DEBUG, File, Row};

/// With its rows, which a session and a member have of their own.
pub(super) struct Debug(pub(super) &'static [Row]);

fn subject<B: Bounds, H: Host>(view: &View<'_, B, H>, file: File, at: Path) -> Result<Subject, Ename> {
    let kind = Kind::of(file).ok_or(Ename::NotFound)?;
    Ok(Subject { session: at.session_slot(), member: view.member(at), kind })
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
        view.node.check_debug(subject(view, file, hold.path)?)
    }

    fn opened(&self, view: &mut View<'_, B, H>, file: File, hold: &mut Hold) {
        // A text's helper begins with its first read.
        if !matches!(file, File::Mem | File::Gdb) {
            return;
        }
        // `open` has just seen that there is room.
        let subject = subject(view, file, hold.path);
        let begun = subject.and_then(|subject| view.node.begin_debug(subject, view.host));
        hold.cursor = begun.unwrap_or(0);
    }

    fn read(
        &self,
        view: &mut View<'_, B, H>,
        file: File,
        hold: &mut Hold,
        get: Get<'_>,
    ) -> Result<Option<usize>, Ename> {
        let subject = subject(view, file, hold.path)?;
        view.node.read_debug(subject, &mut hold.cursor, get, view.host)
    }

    fn write(
        &self,
        view: &mut View<'_, B, H>,
        _: File,
        hold: &mut Hold,
        put: Put<'_>,
    ) -> Result<Option<u32>, Ename> {
        view.node.write_debug(hold.cursor, put, view.host)
    }

    fn clunk(&self, view: &mut View<'_, B, H>, file: File, hold: &Hold, _: bool) {
        if file != File::Debug {
            view.node.leave_debug(hold.cursor, view.host);
        }
    }
}
