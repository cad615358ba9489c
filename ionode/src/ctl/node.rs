//! Commands to the node itself, and to those below it.

use super::Write;
use crate::children::mount::Wanted;
use crate::children::{beat, join};
use crate::down::ask::Ask;
use crate::ground::blame::Blame;
use crate::host::Host;
use crate::node::Node;
use crate::session::Session;
use protocol::ctl::{Line, Writer};
use protocol::limits::NODE_NAME_MAX;
use protocol::nodeset::NodeSet;
use protocol::set::ChildSet;
use protocol::text::Text;
use protocol::verb::{NodeCommand, NodeLine, Why};

impl Node {
    pub(super) fn run_node_line(
        &mut self,
        write: &mut Write,
        line: Line<'_>,
        host: &mut impl Host,
    ) -> Result<(), Blame> {
        let NodeLine { command, on, .. } = line.node(write.who.may)?;
        let now = write.who.now;
        match command {
            NodeCommand::Join { name, boot } => self.join(write.who, name, boot, host),
            NodeCommand::Above(boots) => Ok(self.above.set(boots, &mut self.shared)?),
            NodeCommand::Fence => {
                self.sessions.fence();
                Ok(())
            }
            NodeCommand::Signal(signal) => self.signal_own(write, line, signal),
            NodeCommand::Mount(adopts, dial, name) => self.mount(write, line, Wanted { adopts, dial, name }),
            NodeCommand::Unmount(name) => {
                if let Some(rank) = self.mounts.end(now, name, &mut self.shared)? {
                    self.has_left(now, rank);
                }
                Ok(())
            }
            NodeCommand::Parent(parent) => Ok(self.above.give(now, parent, &mut self.shared)?),
            NodeCommand::Exit => {
                self.exits = true;
                Ok(())
            }
            NodeCommand::Tune(tune) => {
                if on.is_none() {
                    self.shared.tuning.set(tune);
                }
                self.run_below(write, line, on)
            }
            NodeCommand::Tag(_) | NodeCommand::Untag(_) | NodeCommand::Drain(_) | NodeCommand::Resume => {
                self.run_below(write, line, on)
            }
        }
    }

    /// A client says that it is a child; one that was it before on another link is lost first.
    fn join(
        &mut self,
        who: Writer,
        name: Text<NODE_NAME_MAX>,
        boot: u64,
        host: &mut impl Host,
    ) -> Result<(), Blame> {
        let (now, link) = (who.now, who.link);
        let rank = join::place(link, name.as_str(), boot, &self.above, &mut self.shared)?;
        if self.shared.children.get(rank).is_mount {
            self.mounts.joins(rank)?;
        }
        // The same run has dialled again, or joins where it was mounted: its old link is of no use.
        beat::hang_up(now, rank, &mut self.shared);
        self.follow_all(now, host);
        self.shared.children.get_mut(rank).is_mount = false;
        join::take(now, link, rank, (name, boot), &mut self.shared);
        Ok(())
    }

    /// Signals the members of all sessions here that are the writer's.
    fn signal_own(&mut self, write: &mut Write, line: Line<'_>, signal: u8) -> Result<(), Blame> {
        for slot in self.sessions.slots() {
            let users = &self.shared.users;
            let is_mine = |session: &&Session| users.is_owner(write.who.user, session.owner);
            let session = self.sessions.find_at(slot).filter(is_mine);
            if let Some(session) = session.filter(|session| session.runs() && !session.is_over()) {
                self.signal(session.id(), write, line, signal)?;
            }
        }
        Ok(())
    }

    fn mount(&mut self, write: &mut Write, line: Line<'_>, wanted: Wanted<'_>) -> Result<(), Blame> {
        let rank = self.mounts.place(wanted, &mut self.shared)?;
        let id = write.owe(line, ChildSet::one(rank), &mut self.commands, &self.shared)?;
        self.mounts.begin(write.who.now, (rank, id), wanted, &mut self.shared);
        Ok(())
    }

    /// A line for all nodes below, or for those of a set: it goes to the children as it was written.
    fn run_below(&mut self, write: &mut Write, line: Line<'_>, on: Option<NodeSet<'_>>) -> Result<(), Blame> {
        let mut set = self.shared.children.serving();
        if let Some(nodes) = on {
            let (mut had, want) = (0, nodes.count() as u32);
            for rank in self.shared.children.serving() {
                let named = self.shared.children.get(rank).named(nodes);
                had += named;
                if named == 0 {
                    set.cut(rank);
                }
            }
            // Of a parent's line the others are meant too.
            if had < want && !write.who.is_parent {
                return Err(Why::Few { had, want }.into());
            }
        }
        self.shared.deeds.changes = self.shared.deeds.changes.wrapping_add(1);
        if set.is_empty() {
            return Ok(());
        }
        let id = write.owe(line, set, &mut self.commands, &self.shared)?;
        self.commands.note(id);
        let (line, ctl) = (line.text, self.shared.down.node.ctl);
        self.shared.down.ask_text(set, Ask::Command(id), ctl, format_args!("{line}\n"));
        Ok(())
    }
}
