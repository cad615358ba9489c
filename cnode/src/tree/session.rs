//! `/<id>/`: the files of a session, and behind them its members here.

use super::view::View;
use crate::bounds::Bounds;
use crate::host::{Host, Param, Stream};
use core::fmt::{self, Write};
use protocol::dir::{Dir, Get, Put};
use protocol::ename::Ename;
use protocol::limits::NODE_NAME_MAX;
use protocol::qid::Path;
use protocol::server::{Hold, Step, UserId, mode};
use protocol::table::{File, Row, SESSION, SESSION_DIR, member_number};
use protocol::text::{Text, Window};

pub(super) struct Session;

impl<B: Bounds, H: Host> Dir<View<'_, B, H>> for Session {
    fn own(&self) -> &'static Row {
        &SESSION_DIR
    }

    fn rows(&self) -> &'static [Row] {
        SESSION
    }

    fn has(&self, view: &View<'_, B, H>, at: Path) -> bool {
        view.has(at)
    }

    fn name(&self, view: &View<'_, B, H>, at: Path) -> Text<NODE_NAME_MAX> {
        Text::cut(view.node.session(at.session_slot()).name.as_str())
    }

    fn owner(&self, view: &View<'_, B, H>, at: Path) -> Option<UserId> {
        Some(view.owner(at))
    }

    fn walk(&self, view: &mut View<'_, B, H>, _: UserId, at: Path, name: &str) -> Result<Step, Ename> {
        let (slot, number) = (at.session_slot(), member_number(name).ok_or(Ename::NotFound)?);
        view.node.find_member(slot, number).ok_or(Ename::NotFound)?;
        Ok(Step::Here(Path::member(slot, number, File::Dir as u8)))
    }

    fn entry(&self, view: &mut View<'_, B, H>, at: Path, index: usize) -> Option<Path> {
        let (_, member) = view.node.members_of(at.session_slot()).nth(index)?;
        Some(Path::member(member.session, member.number, File::Dir as u8))
    }

    fn open(&self, view: &mut View<'_, B, H>, file: File, hold: &mut Hold, bits: u8) -> Result<(), Ename> {
        if file == File::Ctl && mode::writes(bits) {
            let slot = hold.path.session_slot();
            let session = view.node.session_mut(slot);
            session.ctls += 1;
            // Taken over: it is no orphan any more, which `events` tells.
            if session.linger.take().is_some() {
                view.node.touch(slot);
            }
        }
        Ok(())
    }

    fn text(&self, view: &mut View<'_, B, H>, file: File, hold: &Hold, w: &mut Window<'_>) -> fmt::Result {
        let (slot, number) = (hold.path.session_slot(), hold.path.member_number());
        match file {
            File::Ctl => writeln!(w, "{}", view.node.session(slot).id(number)),
            File::Error => view.node.write_errors(hold.user, Some(slot), w),
            File::Info => view.node.write_session_info(slot, number, w),
            File::Status => view.node.write_session_status(slot, number, view.host, w),
            File::Summary => view.node.write_session_summary(slot, number, w),
            _ => Ok(()),
        }
    }

    fn read(
        &self,
        view: &mut View<'_, B, H>,
        file: File,
        hold: &mut Hold,
        get: Get<'_>,
    ) -> Result<Option<usize>, Ename> {
        let (slot, number) = (hold.path.session_slot(), hold.path.member_number());
        if let Some(stream) = Stream::of(file) {
            return view.node.read_output(slot, stream, view.host, get.out);
        }
        if let Some(param) = Param::of(file) {
            return Ok(Some(view.host.param(slot, param, get.offset, get.out)));
        }
        match file {
            File::Wait => Ok(view.node.read_wait(slot, number, &mut hold.cursor, get.out)),
            _ => self.read_text(view, file, hold, get),
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
                let who = view.writer(hold, put.id);
                view.node.write_session_ctl(slot, who, put.data, view.host)
            }
            File::Stdin => view.node.write_stdin(slot, None, put.id, put.data, view.host),
            _ => {
                let param = Param::of(file).ok_or(Ename::Denied)?;
                if view.node.session(slot).is_executed() {
                    return Err(Ename::Busy);
                }
                let kept = view.host.append(slot, param, put.data);
                if kept.is_err() {
                    view.node.session_mut(slot).poison();
                }
                kept.map(|()| Some(put.data.len() as u32))
            }
        }
    }

    fn truncate(&self, view: &mut View<'_, B, H>, file: File, hold: &Hold) -> Result<(), Ename> {
        let slot = hold.path.session_slot();
        // Nothing is kept by the others that a shell's `>` could empty.
        if let Some(param) = Param::of(file)
            && !view.node.session(slot).is_executed()
        {
            view.host.truncate(slot, param);
        }
        Ok(())
    }

    fn clunk(&self, view: &mut View<'_, B, H>, file: File, hold: &Hold, clean: bool) {
        if file == File::Ctl && hold.writes() {
            let is_local = view.is_local(hold.link);
            view.node.leave_ctl(hold.path.session_slot(), clean, is_local, view.host);
        }
    }

    fn remove(&self, view: &mut View<'_, B, H>, file: File, hold: &Hold) -> Result<(), Ename> {
        if file == File::Dir {
            view.node.close_session(hold.path.session_slot(), view.host);
        }
        Ok(())
    }
}
