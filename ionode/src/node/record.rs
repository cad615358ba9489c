//! The node as text: `info` and `error`, and who is on its links.

use crate::down::child::Kinds;
use crate::ground::bounds::PARENT;
use crate::ground::id::SessionSlot;
use crate::node::Node;
use core::fmt::{self, Write};
use protocol::limits::ERRORS_MAX;
use protocol::server::{LinkId, UserId};
use protocol::text::Window;

impl Node {
    /// What the node is.
    pub(crate) fn write_info(&self, w: &mut Window<'_>) -> fmt::Result {
        let (facts, children) = (&self.shared.facts, &self.shared.children);
        writeln!(w, "ns=1\nname={}\npath=/\nos={}\narch={}", facts.name, facts.os, facts.arch)?;
        let (sums, leaves) = children.sums();
        writeln!(w, "cores={}\nmem={}\ngpus={}", sums.cores, sums.mem, sums.gpus)?;
        match self.above.rank() {
            Some(rank) => writeln!(w, "rank={}", rank.index())?,
            None => w.write_str("rank=\n")?,
        }
        let (height, version) = (children.height(), env!("CARGO_PKG_VERSION"));
        writeln!(w, "height={height}\nleaves={leaves}\nversion={version}")?;
        write!(w, "{}", self.shared.tuning)?;
        for Kinds { os, arch, count } in children.kinds() {
            writeln!(w, "kind {os} {arch} {count}")?;
        }
        children.write_tags(w)
    }

    /// The refusals of a user at the node, or of a session.
    pub(crate) fn write_errors(
        &self,
        user: UserId,
        slot: Option<SessionSlot>,
        w: &mut Window<'_>,
    ) -> fmt::Result {
        let is_asked = |refusal: &&crate::shared::Refusal| match slot {
            Some(slot) => refusal.slot == Some(slot),
            None => refusal.user == user,
        };
        let refusals = self.shared.refusals.newest().filter(is_asked).filter(|it| !it.is_empty());
        for refusal in refusals.take(ERRORS_MAX) {
            refusal.write(w, |set, out| self.shared.children.write_names(set, out))?;
        }
        Ok(())
    }

    /// A line for each child, the parent, and all clients together: who, and how many links.
    pub(crate) fn write_peers(&self, w: &mut Window<'_>) -> fmt::Result {
        let mut clients = 0;
        for (number, peer) in self.peers.iter().enumerate() {
            let link = LinkId(number as u16);
            match self.shared.children.on(link) {
                _ if peer.is_none() => {}
                Some(rank) => writeln!(w, "{} 1", self.shared.children.get(rank).name)?,
                None if link == PARENT => writeln!(w, "parent 1")?,
                None => clients += 1,
            }
        }
        writeln!(w, "client {clients}")
    }
}
