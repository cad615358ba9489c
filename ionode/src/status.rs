//! `status`, `summary`, `info` and `error` of the node, and what of a session is known without asking: all
//! from tables.

use crate::child::{Child, State};
use crate::host::SessionSlot;
use crate::node::Node;
use core::fmt::{self, Write};
use protocol::memberset;
use protocol::quote::Quoted;
use protocol::record::{End, Outcome};
use protocol::server::UserId;
use protocol::text::{Text, Window};

impl Node {
    fn known(&self) -> impl Iterator<Item = &Child> {
        let all = self.children.those(|child| child.state != State::Empty);
        self.children.by_name(all).into_iter().map(|rank| self.children.get(rank))
    }

    /// One record a leaf.
    pub(crate) fn write_status(&self, w: &mut Window<'_>) -> fmt::Result {
        for child in self.known() {
            match child.state {
                State::Up if !child.status.is_empty() => w.put(&child.status),
                State::Lost(since) => writeln!(w, "{} lost since={}", child.name, since.secs())?,
                state => writeln!(w, "{} {}", child.name, state.name())?,
            }
        }
        Ok(())
    }

    /// A line for each state, with the node set that is in it.
    pub(crate) fn write_summary(&self, w: &mut Window<'_>) -> fmt::Result {
        for state in ["up", "joining", "suspect", "lost"] {
            let set = self.children.those(|c| c.state != State::Empty && c.state.name() == state);
            if !set.is_empty() {
                self.children.write_names(set, w)?;
                writeln!(w, " {state}")?;
            }
        }
        Ok(())
    }

    /// What the node is.
    pub(crate) fn write_info(&self, w: &mut Window<'_>) -> fmt::Result {
        let facts = &self.facts;
        let up = self.children.up();
        writeln!(w, "ns=1\nname={}\npath=/\nos={}\narch={}", facts.name, facts.os, facts.arch)?;
        writeln!(w, "mem={}\nleaves={}\nheight=1", self.sum_of("mem="), up.count())?;
        writeln!(w, "version={}", env!("CARGO_PKG_VERSION"))
    }

    /// The sum of a key of the children's status records.
    fn sum_of(&self, key: &str) -> u64 {
        let value = |child: &Child| {
            let text = core::str::from_utf8(&child.status).ok()?;
            text.split([' ', '\n']).find_map(|word| word.strip_prefix(key))?.parse::<u64>().ok()
        };
        self.known().filter(|child| child.state == State::Up).filter_map(value).sum()
    }

    /// The refusals of a user at the node, or of a session.
    pub(crate) fn write_errors(
        &self,
        user: UserId,
        slot: Option<SessionSlot>,
        w: &mut Window<'_>,
    ) -> fmt::Result {
        let mut left = protocol::limits::ERRORS_MAX;
        for refusal in self.refusals.newest() {
            let told = match slot {
                Some(slot) => refusal.slot == Some(slot),
                None => refusal.user == user,
            };
            if told && left > 0 && !refusal.is_empty() {
                left -= 1;
                refusal.write(w, |set, out| self.children.write_names(set, out))?;
            }
        }
        Ok(())
    }

    /// What a session is.
    pub(crate) fn write_session_info(&self, slot: SessionSlot, w: &mut Window<'_>) -> fmt::Result {
        let session = &self.sessions[slot as usize];
        let owner = self.user_name(session.owner);
        writeln!(w, "id={}\nowner={owner}\nstate={}", session.name, session.state_name())?;
        w.write_str("nodes=")?;
        self.children.write_names(session.set(), w)?;
        writeln!(w, "\nsize={}\nlabel={}", session.size(), Quoted(session.label.as_str()))?;
        let kind = if session.persistent { "persistent" } else { "normal" };
        writeln!(w, "type={kind}\nexits={}", session.range.told)
    }

    /// A line for each state and outcome, with the members in it.
    pub(crate) fn write_session_summary(&self, slot: SessionSlot, w: &mut Window<'_>) -> fmt::Result {
        let session = &self.sessions[slot as usize];
        let outcome = |member| {
            if session.executed { self.outcomes.get(session.range, member) } else { None }
        };
        let mut told = [None; 16];
        for member in 0..session.size() {
            let kind = outcome(member).map(|o| o.end);
            if told.contains(&Some(kind)) {
                continue;
            }
            let Some(free) = told.iter().position(Option::is_none) else { break };
            told[free] = Some(kind);
            let same = (member..session.size()).filter(|m| outcome(*m).map(|o| o.end) == kind);
            memberset::fold(same, w)?;
            match kind {
                None => writeln!(w, " {}", session.state_name())?,
                Some(End::Exit(0)) => w.write_str(" done\n")?,
                Some(end) => writeln!(w, " failed {}", message(end).as_str())?,
            }
        }
        Ok(())
    }
}

/// The message of an outcome, as `wait` has it.
fn message(end: End) -> Text<192> {
    let mut line = Text::<192>::EMPTY;
    let written = Outcome::without(end).write(0, "", &mut line);
    assert!(written.is_ok(), "a record without a name is short");
    let text = line.as_str().trim_end();
    Text::cut(text.find('\'').map_or(text, |at| &text[at..]))
}
