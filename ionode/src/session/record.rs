//! A session as text: `info`, `summary`, and what its `status` and `debug/trace` are about.

use crate::down::child::{Child, Children, State};
use crate::gather::fold::Traced;
use crate::gather::text::{Order, Subject};
use crate::session::Session;
use crate::session::table::Sessions;
use crate::shared::{Shared, Whose};
use core::cell::Cell;
use core::fmt::{self, Write};
use protocol::memberset;
use protocol::quote::Quoted;
use protocol::record::End;
use protocol::set::{ChildSet, Rank};
use protocol::tag::TagSet;
use protocol::text::Window;
use protocol::verb::Kind;

/// Outcomes that `summary` has a line for each.
const LINES: usize = 16;

impl Session {
    /// What it is.
    pub(crate) fn write_info(&self, shared: &Shared, w: &mut Window<'_>) -> fmt::Result {
        let owner = shared.users.name(self.owner);
        writeln!(w, "id={}\nowner={owner}\nstate={}", self.name, self.state_name())?;
        w.write_str("nodes=")?;
        shared.children.write_names(self.members.set(), w)?;
        let (size, here, label) = (self.members.total(), self.members.size(), self.about.label);
        writeln!(w, "\nsize={size}\nhere={here}\nlabel={}", Quoted(label.as_str()))?;
        let kind = if self.about.persistent { "persistent" } else { "normal" };
        writeln!(w, "type={kind}\nexits={}", self.run.range.known)?;
        if self.kind() != Kind::ANY {
            writeln!(w, "os={}\narch={}", self.kind().os, self.kind().arch)?;
        }
        let on = [("excl", self.options.excl), ("killonclose", self.about.kill_on_close)];
        on.iter().filter(|(_, is_on)| *is_on).try_for_each(|(name, _)| writeln!(w, "{name}=on"))?;
        self.about.tags.iter().try_for_each(|tag| writeln!(w, "tag {tag}"))
    }

    /// What its trace is about.
    pub(crate) fn traced(&self, shared: &mut Shared) -> Traced<'_> {
        Traced {
            whose: self.whose(),
            members: &self.members,
            asked: Sessions::asked(self, shared),
            runs: self.runs(),
        }
    }
}

/// A session's status is that of its members, child by child.
impl Subject for Session {
    fn session(&self) -> Option<Whose> {
        Some(self.whose())
    }

    fn order(&self, _: &Children) -> Order {
        self.members.counts.iter().map(|(rank, _)| rank).collect()
    }

    fn asked(&self, shared: &mut Shared) -> ChildSet {
        Sessions::asked(self, shared)
    }

    fn write(&self, child: &Child, rank: Rank, w: &mut Window<'_>) -> fmt::Result {
        let state = match child.state {
            _ if !self.runs() => "reserved",
            State::Up => "unknown",
            state => state.name(),
        };
        let mut numbers = self.members.numbers(rank);
        numbers.try_for_each(|number| writeln!(w, "{number} {} {state} pid=0 cmd=''", child.name))
    }
}

impl Sessions {
    /// A line for each state and outcome of a session's members, with the members in it.
    pub(crate) fn write_summary(&self, session: &Session, w: &mut Window<'_>) -> fmt::Result {
        let outcome = |member| {
            if session.runs() { self.outcomes.get(session.run.range, member) } else { None }
        };
        let mut written = [None; LINES];
        let size = session.members.size();
        let left = Cell::new(size);
        for member in 0..size {
            if left.get() == 0 {
                break;
            }
            let kind = outcome(member).map(|o| o.end);
            if written.contains(&Some(kind)) {
                continue;
            }
            let Some(free) = written.iter().position(Option::is_none) else { break };
            written[free] = Some(kind);
            let same = (member..size).filter(|m| outcome(*m).map(|o| o.end) == kind);
            let same = same.inspect(|_| left.set(left.get() - 1));
            memberset::fold(same.map(|index| session.members.number(index)), w)?;
            match kind {
                None => writeln!(w, " {}", session.state_name())?,
                Some(End::Exit(0)) => w.write_str(" done\n")?,
                Some(end) => {
                    w.write_str(" failed ")?;
                    end.write("", w)?;
                    w.write_char('\n')?;
                }
            }
        }
        Ok(())
    }
}
