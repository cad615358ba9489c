//! `/`: the files of the node, and behind them its sessions.

use super::view::View;
use crate::bounds::{Bounds, PARENT};
use crate::host::Host;
use core::fmt::{self, Write};
use protocol::dir::{Dir, Get, Put};
use protocol::ename::Ename;
use protocol::qid::Path;
use protocol::server::{Hold, Step, UserId, mode};
use protocol::table::{File, LEAF, ROOT_DIR, Row, check_session_name};
use protocol::text::Window;
use protocol::verb;

pub(super) struct Root;

impl<B: Bounds, H: Host> Dir<View<'_, B, H>> for Root {
    fn own(&self) -> &'static Row {
        &ROOT_DIR
    }

    fn rows(&self) -> &'static [Row] {
        LEAF
    }

    fn walk(&self, view: &mut View<'_, B, H>, _: UserId, _: Path, name: &str) -> Result<Step, Ename> {
        let slot = view.node.find_session(name).ok_or(Ename::NotFound)?;
        Ok(Step::Here(Path::session(slot, File::Dir as u8)))
    }

    fn entry(&self, view: &mut View<'_, B, H>, _: Path, index: usize) -> Option<Path> {
        let mut listed = view.node.open_sessions().filter(|(_, session)| !session.is_parents());
        listed.nth(index).map(|(slot, _)| Path::session(slot, File::Dir as u8))
    }

    fn open(&self, view: &mut View<'_, B, H>, file: File, hold: &mut Hold, bits: u8) -> Result<(), Ename> {
        if file == File::Clone && mode::writes(bits) {
            let slot = view.node.make_session("", hold.user)?;
            view.node.session_mut(slot).ctls = 1;
            hold.path = Path::session(slot, File::Ctl as u8);
        }
        Ok(())
    }

    fn opened(&self, view: &mut View<'_, B, H>, file: File, hold: &mut Hold) {
        if file == File::Events {
            hold.cursor = view.node.events.next();
        }
    }

    fn mkdir(&self, view: &mut View<'_, B, H>, hold: &mut Hold, name: &str) -> Result<(), Ename> {
        check_session_name(name, hold.link == PARENT)?;
        if view.node.find_session(name).is_some() {
            return Err(Ename::Exists);
        }
        let slot = view.node.make_session(name, hold.user)?;
        hold.path = Path::session(slot, File::Dir as u8);
        Ok(())
    }

    fn text(&self, view: &mut View<'_, B, H>, file: File, hold: &Hold, w: &mut Window<'_>) -> fmt::Result {
        match file {
            File::Status => view.node.write_status(view.host, w),
            File::Summary => view.node.write_summary(w),
            File::Info => view.node.write_info(view.host, w),
            File::Error => view.node.write_errors(hold.user, None, w),
            File::Beat => writeln!(w, "{:016x} {}", view.node.facts.boot, view.node.changes),
            File::Ctl => verb::write_usages(verb::NODE, w),
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
        if file != File::Events {
            return self.read_text(view, file, hold, get);
        }
        let len = view.node.events.read(&mut hold.cursor, get.out);
        Ok(if len > 0 { Some(len) } else { None })
    }

    fn write(
        &self,
        view: &mut View<'_, B, H>,
        file: File,
        hold: &mut Hold,
        put: Put<'_>,
    ) -> Result<Option<u32>, Ename> {
        if file != File::Ctl {
            return Err(Ename::Denied);
        }
        let who = view.writer(hold, put.id);
        view.node.write_node_ctl(who, put.data, view.host)
    }
}
