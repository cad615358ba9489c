//! `/<id>/<m>/`: the files of a session as one of its members has them.

use super::session::Session;
use super::view::View;
use crate::bounds::Bounds;
use crate::host::{Host, Param, Stream};
use core::fmt::{self, Write};
use protocol::dir::{Dir, Get, Put};
use protocol::ename::Ename;
use protocol::limits::NODE_NAME_MAX;
use protocol::qid::Path;
use protocol::server::{Hold, UserId};
use protocol::table::{File, Row, SESSION, SESSION_DIR};
use protocol::text::{Text, Window};

pub(super) struct Member;

impl<B: Bounds, H: Host> Dir<View<'_, B, H>> for Member {
    fn own(&self) -> &'static Row {
        &SESSION_DIR
    }

    fn rows(&self) -> &'static [Row] {
        SESSION
    }

    fn has(&self, view: &View<'_, B, H>, at: Path) -> bool {
        view.has(at)
    }

    fn up(&self, at: Path) -> Path {
        Path::session(at.session_slot(), File::Dir as u8)
    }

    fn name(&self, _: &View<'_, B, H>, at: Path) -> Text<NODE_NAME_MAX> {
        let mut name = Text::EMPTY;
        let written = write!(name, "{}", at.member_number().unwrap_or(0));
        assert!(written.is_ok(), "a number fits a name");
        name
    }

    fn owner(&self, view: &View<'_, B, H>, at: Path) -> Option<UserId> {
        Some(view.owner(at))
    }

    fn text(&self, view: &mut View<'_, B, H>, file: File, hold: &Hold, w: &mut Window<'_>) -> fmt::Result {
        Session.text(view, file, hold, w)
    }

    fn read(
        &self,
        view: &mut View<'_, B, H>,
        file: File,
        hold: &mut Hold,
        get: Get<'_>,
    ) -> Result<Option<usize>, Ename> {
        match Stream::of(file) {
            Some(stream) => {
                let index = view.member(hold.path).ok_or(Ename::NotFound)?;
                Ok(view.node.read_member_output(index, stream, view.host, get.out))
            }
            None => Session.read(view, file, hold, get),
        }
    }

    fn write(
        &self,
        view: &mut View<'_, B, H>,
        file: File,
        hold: &mut Hold,
        put: Put<'_>,
    ) -> Result<Option<u32>, Ename> {
        let slot = hold.path.session_slot();
        match file {
            File::Ctl => {
                let index = view.member(hold.path).ok_or(Ename::NotFound)?;
                let who = view.writer(hold, put.id);
                view.node.write_member_ctl(slot, index, who, put.data, view.host)
            }
            File::Stdin => {
                view.node.write_stdin(slot, hold.path.member_number(), put.id, put.data, view.host)
            }
            // What a member starts with is its session's to say.
            _ if Param::of(file).is_some() => Err(Ename::Busy),
            _ => Err(Ename::Denied),
        }
    }
}
