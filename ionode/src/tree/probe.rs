//! What is behind the aname `ctl`: a few files that diod's tools look for, to see that a server is there and
//! how fast it is. They are of no session and of no child.

use crate::host::Host;
use crate::tree::view::View;
use core::fmt::{self, Write};
use protocol::dir::{Dir, Get, Put};
use protocol::ename::Ename;
use protocol::qid::Path;
use protocol::server::Hold;
use protocol::table::{File, PROBE, PROBE_DIR, Row, row_of};
use protocol::text::Window;

/// The aname that leads here.
pub(super) const ANAME: &str = "ctl";

/// A path is of one of these files, or their directory.
pub(super) fn has(path: Path) -> bool {
    path.file() == File::Probe as u8 || row_of(PROBE, path).is_some()
}

pub(super) struct Probe;

impl<H: Host> Dir<View<'_, H>> for Probe {
    fn own(&self) -> &'static Row {
        &PROBE_DIR
    }

    fn rows(&self) -> &'static [Row] {
        PROBE
    }

    fn up(&self, at: Path) -> Path {
        at
    }

    fn text(&self, view: &mut View<'_, H>, file: File, _: &Hold, w: &mut Window<'_>) -> fmt::Result {
        match file {
            // As diod has it: the time and, of no interest, the zone.
            File::Date => writeln!(w, "{}.{} 0.0", view.now.secs(), view.now.0 % 1_000_000),
            File::Peers => view.node.write_peers(w),
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
        if file != File::Zero {
            return self.read_text(view, file, hold, get);
        }
        get.out.fill(0);
        Ok(Some(get.out.len()))
    }

    fn write(&self, _: &mut View<'_, H>, _: File, _: &mut Hold, put: Put<'_>) -> Result<Option<u32>, Ename> {
        Ok(Some(put.data.len() as u32))
    }
}
