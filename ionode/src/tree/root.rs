//! `/`: the files of the node, `net`, and behind them its sessions.

use crate::children::join;
use crate::gather::text::OfNode;
use crate::ground::bounds::PARENT;
use crate::host::Host;
use crate::tree::view::View;
use core::fmt::{self, Write};
use protocol::dir::{Dir, Get, Put};
use protocol::ename::Ename;
use protocol::qid::Path;
use protocol::server::{Hold, Step, UserId, mode};
use protocol::table::{File, INNER, ROOT_DIR, Row, check_session_name};
use protocol::text::Window;
use protocol::verb;

pub(super) struct Root;

impl<H: Host> Dir<View<'_, H>> for Root {
    fn own(&self) -> &'static Row {
        &ROOT_DIR
    }

    fn rows(&self) -> &'static [Row] {
        INNER
    }

    fn walk(&self, view: &mut View<'_, H>, _: UserId, _: Path, name: &str) -> Result<Step, Ename> {
        let slot = view.node.sessions.find(name).ok_or(Ename::NotFound)?;
        Ok(Step::Here(Path::session(slot, File::Dir as u8)))
    }

    fn entry(&self, view: &mut View<'_, H>, _: Path, index: usize) -> Option<Path> {
        let session = view.node.sessions.iter().filter(|session| !session.is_parents()).nth(index)?;
        Some(Path::session(session.id().slot, File::Dir as u8))
    }

    fn open(&self, view: &mut View<'_, H>, file: File, hold: &mut Hold, bits: u8) -> Result<(), Ename> {
        if file == File::Clone && mode::writes(bits) {
            let slot = view.node.sessions.make("", hold.user, &mut view.node.shared)?;
            view.session(slot)?.ctls = 1;
            hold.path = Path::session(slot, File::Ctl as u8);
        }
        Ok(())
    }

    fn opened(&self, view: &mut View<'_, H>, file: File, hold: &mut Hold) {
        if file == File::Events {
            hold.cursor = view.node.shared.events.next();
        }
    }

    fn mkdir(&self, view: &mut View<'_, H>, hold: &mut Hold, name: &str) -> Result<(), Ename> {
        check_session_name(name, hold.link == PARENT)?;
        if view.node.sessions.find(name).is_some() {
            return Err(Ename::Exists);
        }
        let slot = view.node.sessions.make(name, hold.user, &mut view.node.shared)?;
        hold.path = Path::session(slot, File::Dir as u8);
        Ok(())
    }

    fn text(&self, view: &mut View<'_, H>, file: File, hold: &Hold, w: &mut Window<'_>) -> fmt::Result {
        let node = &mut *view.node;
        match file {
            File::Summary => node.shared.children.write_summary(w),
            File::Info => node.write_info(w),
            File::Error => node.write_errors(hold.user, None, w),
            File::Beat => writeln!(w, "{:016x} {}", node.shared.facts.boot, node.shared.deeds.changes),
            File::Ctl if join::write_joined(hold.link, &node.above, w, &mut node.shared) => Ok(()),
            File::Ctl => verb::write_usages(verb::NODE, w),
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
        let node = &mut *view.node;
        match file {
            File::Events => {
                let len = node.shared.events.read(&mut hold.cursor, get.out);
                Ok(if len > 0 { Some(len) } else { None })
            }
            File::Status => {
                let at = (&mut hold.cursor, get.offset);
                node.texts.read(view.now, &OfNode, at, get.out, &mut node.shared)
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
        if file != File::Ctl {
            return Err(Ename::Denied);
        }
        let who = view.writer(hold, put.id);
        view.node.write_node_ctl(who, put.data, view.host)
    }

    fn clunk(&self, view: &mut View<'_, H>, file: File, hold: &Hold, _: bool) {
        if file == File::Status {
            view.node.texts.leave(hold.cursor, &mut view.node.shared);
        }
    }
}
