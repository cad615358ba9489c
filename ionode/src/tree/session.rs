//! `/<id>/`: the files of a session, and behind them its members, which are other nodes'.

use crate::far::away::Away;
use crate::ground::deed::Deed;
use crate::ground::stream::Stream;
use crate::host::{Host, Param};
use crate::tree::view::View;
use core::fmt::{self, Write};
use protocol::dir::{Get, Put};
use protocol::ename::Ename;
use protocol::limits::NODE_NAME_MAX;
use protocol::qid::Path;
use protocol::server::{Hold, Step, UserId, mode};
use protocol::table::{File, Row, SESSION, SESSION_DIR, member_number};
use protocol::text::{Text, Window};

pub(super) struct Dir;

impl<H: Host> protocol::dir::Dir<View<'_, H>> for Dir {
    fn own(&self) -> &'static Row {
        &SESSION_DIR
    }

    fn rows(&self) -> &'static [Row] {
        SESSION
    }

    fn has(&self, view: &View<'_, H>, at: Path) -> bool {
        view.find(at).is_some()
    }

    fn name(&self, view: &View<'_, H>, at: Path) -> Text<NODE_NAME_MAX> {
        view.find(at).map_or(Text::EMPTY, |session| Text::cut(session.name.as_str()))
    }

    fn owner(&self, view: &View<'_, H>, at: Path) -> Option<UserId> {
        view.owner(at)
    }

    fn walk(&self, view: &mut View<'_, H>, _: UserId, at: Path, name: &str) -> Result<Step, Ename> {
        let (slot, number) = (at.session_slot(), member_number(name).ok_or(Ename::NotFound)?);
        let session = view.session(slot)?;
        if session.members.index(number).is_none() || !session.runs() {
            return Err(Ename::NotFound);
        }
        let path = Path::member(slot, number, File::Dir as u8);
        Ok(Step::Away(Away::Member(slot, number).number(), path))
    }

    fn entry(&self, view: &mut View<'_, H>, at: Path, index: usize) -> Option<Path> {
        let (session, place) = (view.find(at)?, index as u32);
        let is_there = session.runs() && place < session.members.size();
        is_there.then(|| Path::member(session.id().slot, session.members.number(place), File::Dir as u8))
    }

    fn open(&self, view: &mut View<'_, H>, file: File, hold: &mut Hold, bits: u8) -> Result<(), Ename> {
        if file == File::Ctl && mode::writes(bits) {
            view.node.sessions.take_ctl(hold.path.session_slot(), &mut view.node.shared);
        }
        Ok(())
    }

    fn text(&self, view: &mut View<'_, H>, file: File, hold: &Hold, w: &mut Window<'_>) -> fmt::Result {
        let slot = hold.path.session_slot();
        let Some(session) = view.find(hold.path) else { return Ok(()) };
        match file {
            File::Ctl => writeln!(w, "{}", session.name),
            File::Error => view.node.write_errors(hold.user, Some(slot), w),
            File::Info => session.write_info(&view.node.shared, w),
            File::Summary => view.node.sessions.write_summary(session, w),
            _ => Ok(()),
        }
    }

    fn read(
        &self,
        view: &mut View<'_, H>,
        file: File,
        hold: &mut Hold,
        get: Get<'_>,
    ) -> Result<Option<usize>, Ename> {
        let slot = hold.path.session_slot();
        let node = &mut *view.node;
        let (now, sessions, shared) = (view.now, &mut node.sessions, &mut node.shared);
        if let Some(stream) = Stream::ALL.into_iter().find(|stream| stream.file() == file) {
            return sessions.read_output((now, hold.user, slot), stream, get.out, shared);
        }
        if let Some(param) = Param::of(file) {
            return Ok(Some(view.host.param(slot, param, get.offset, get.out)));
        }
        match file {
            File::Wait => Ok(sessions.read_wait(slot, &mut hold.cursor, get.out, shared)),
            File::Status => {
                let at = (&mut hold.cursor, get.offset);
                node.texts.read(now, sessions.at(slot)?, at, get.out, shared)
            }
            _ => self.read_text(view, file, hold, get),
        }
    }

    fn write(
        &self,
        view: &mut View<'_, H>,
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
            File::Stdin => {
                let node = &mut *view.node;
                node.sessions.write_input(slot, put.id, put.data, view.host, &mut node.shared)
            }
            _ => {
                let param = Param::of(file).ok_or(Ename::Denied)?;
                let session = view.session(slot)?;
                if session.runs() {
                    return Err(Ename::Busy);
                }
                let id = session.id();
                let kept = view.host.append(slot, param, put.data);
                if kept.is_err() {
                    view.node.sessions.poison(id, &mut view.node.shared);
                }
                kept.map(|()| Some(put.data.len() as u32))
            }
        }
    }

    fn truncate(&self, view: &mut View<'_, H>, file: File, hold: &Hold) -> Result<(), Ename> {
        let slot = hold.path.session_slot();
        // Nothing is kept by the others that a shell's `>` could empty.
        if let Some(param) = Param::of(file)
            && !view.session(slot)?.runs()
        {
            view.host.truncate(slot, param);
        }
        Ok(())
    }

    fn clunk(&self, view: &mut View<'_, H>, file: File, hold: &Hold, clean: bool) {
        let node = &mut *view.node;
        match file {
            File::Status => node.texts.leave(hold.cursor, &mut node.shared),
            File::Ctl if hold.writes() => {
                let is_goodbye = clean || node.is_local(hold.link);
                let slot = hold.path.session_slot();
                node.sessions.leave_ctl(slot, is_goodbye, view.now, &mut node.shared);
                view.follow();
            }
            _ => {}
        }
    }

    fn remove(&self, view: &mut View<'_, H>, file: File, hold: &Hold) -> Result<(), Ename> {
        if file == File::Dir
            && let Some(session) = view.find(hold.path)
        {
            let id = session.id();
            view.node.shared.deeds.push(Deed::Ended(id));
            view.follow();
        }
        Ok(())
    }
}
