//! What is behind the aname `ctl`: a few files that diod's tools look for, to see that a server is there and
//! how fast it is. They are of no session and of no child.

use crate::bounds::PARENT;
use crate::node::Node;
use protocol::qid::Path;
use protocol::server::{Hold, LinkId};
use protocol::table::{File, PROBE, Row, row_of};
use protocol::text::Window;
use protocol::time::Time;
use std::fmt::{self, Write};

/// The aname that leads here.
pub(crate) const ANAME: &str = "ctl";

/// A path is of one of these files, or their directory.
pub(crate) fn has(path: Path) -> bool {
    path.slot().is_none() && (path.file() == File::Probe as u8 || row_of(PROBE, path).is_some())
}

impl Node {
    pub(crate) fn read_probe(
        &self,
        now: Time,
        row: &Row,
        (hold, offset): (&mut Hold, u64),
        out: &mut [u8],
    ) -> usize {
        let mut w = Window::new(offset, out);
        let written = match row.file {
            File::Zero => {
                out.fill(0);
                return out.len();
            }
            // As diod has it: the time and, of no interest, the zone.
            File::Date => writeln!(w, "{}.{} 0.0", now.secs(), now.0 % 1_000_000),
            File::Peers => self.write_peers(&mut w),
            _ => Ok(()),
        };
        assert!(written.is_ok(), "a window takes any text");
        let (len, total) = (w.len(), w.total());
        hold.continued(offset, len, total)
    }

    /// A line for each child, the parent, and all clients together: who, and how many links.
    fn write_peers(&self, w: &mut Window<'_>) -> fmt::Result {
        let mut clients = 0;
        for (number, peer) in self.peers.iter().enumerate() {
            let link = LinkId(number as u16);
            match self.children.on(link) {
                _ if peer.is_none() => {}
                Some(rank) => writeln!(w, "{} 1", self.children.get(rank).name)?,
                None if link == PARENT => writeln!(w, "parent 1")?,
                None => clients += 1,
            }
        }
        writeln!(w, "client {clients}")
    }
}
