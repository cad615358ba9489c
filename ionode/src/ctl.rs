//! `ctl`: what lines of commands do, to the node or to a session. What is refused is kept for `error`; what
//! goes to many children is sent as one and answered when all of them have.

mod node;
mod session;

use crate::gather::command::Commands;
use crate::ground::blame::Blame;
use crate::ground::id::{GatherId, SessionSlot};
use crate::host::Host;
use crate::node::Node;
use crate::shared::{Refusal, Shared, Whose};
use protocol::ctl::{Line, Mark, Ran, Writer, walk};
use protocol::ename::Ename;
use protocol::set::ChildSet;
use protocol::verb::{Why, word_of};

const BUSY: Why = Why::Says("too many commands wait for their nodes; try again");

/// A write that is being run, line by line.
struct Write {
    who: Writer,
    /// The session that it is about.
    about: Option<Whose>,
    /// What waits for the children, once a line has asked any.
    gather: Option<GatherId>,
}

impl Write {
    /// What waits for the children that the write asks.
    fn gather(&mut self, line: Line<'_>, commands: &mut Commands) -> Result<GatherId, Why> {
        if let Some(id) = self.gather {
            return Ok(id);
        }
        let (slot, verb) = (self.about.map(|whose| whose.session.slot), word_of(line.text));
        let refusal = Refusal::new(self.who.now, self.who.user, slot, verb, line.number);
        self.gather = commands.begin(self.who.request, refusal, self.about);
        self.gather.ok_or(BUSY)
    }

    /// The same, which a set of children is to answer.
    fn owe(
        &mut self,
        line: Line<'_>,
        set: ChildSet,
        commands: &mut Commands,
        shared: &Shared,
    ) -> Result<GatherId, Why> {
        if !shared.down.has_room_beside() {
            return Err(BUSY);
        }
        let id = self.gather(line, commands)?;
        commands.owe(id, set.count(), self.who.now + shared.children.patience(set));
        Ok(id)
    }
}

impl Node {
    /// Runs lines written to the node's ctl.
    pub(crate) fn write_node_ctl<H: Host>(
        &mut self,
        who: Writer,
        data: &[u8],
        host: &mut H,
    ) -> Result<Option<u32>, Ename> {
        self.run_lines(who, None, data, host, Self::run_node_line)
    }

    /// Runs lines written to a session's ctl.
    pub(crate) fn write_session_ctl<H: Host>(
        &mut self,
        slot: SessionSlot,
        who: Writer,
        data: &[u8],
        host: &mut H,
    ) -> Result<Option<u32>, Ename> {
        let session = self.sessions.at(slot)?;
        let (id, whose) = (session.id(), session.whose());
        self.run_lines(who, Some(whose), data, host, |node, write, line, host| {
            node.run_session_line(id, write, line, host)
        })
    }

    fn run_lines<H: Host>(
        &mut self,
        who: Writer,
        about: Option<Whose>,
        data: &[u8],
        host: &mut H,
        mut run: impl FnMut(&mut Self, &mut Write, Line<'_>, &mut H) -> Result<(), Blame>,
    ) -> Result<Option<u32>, Ename> {
        let mut write = Write { who, about, gather: None };
        let mut blamed = ChildSet::EMPTY;
        let walked = walk(data, Mark::default(), |line| {
            let ran = run(self, &mut write, line, host);
            self.follow_all(who.now, host);
            ran.map(|()| Ran::Done).map_err(|blame| {
                blamed = blame.who;
                blame.why
            })
        });
        let outcome = match (walked, write.gather) {
            (Ok(_), None) => return Ok(Some(data.len() as u32)),
            (Ok(_), Some(id)) => {
                self.commands.close(id, data.len() as u32, &mut self.shared);
                Ok(None)
            }
            (Err(refused), gather) => {
                let session = about.map(|whose| whose.session);
                let refusal = refused.refusal(&who, session.map(|session| session.slot), blamed);
                self.shared.refuse(session, refusal);
                if let Some(id) = gather {
                    self.commands.abandon(id, &mut self.shared);
                }
                Err(refused.why.ename())
            }
        };
        self.follow_all(who.now, host);
        outcome
    }
}
