//! `status`, `summary`, `info` and `error` of the node, and what of a session is known without asking: all
//! from tables.

use crate::child::{Child, KINDS, Kinds, STATES, State, Sums, TAGS};
use crate::host::SessionSlot;
use crate::node::Node;
use core::cell::Cell;
use core::fmt::{self, Write};
use protocol::memberset;
use protocol::nodeset::{self, NodeSet};
use protocol::quote::Quoted;
use protocol::record::End;
use protocol::server::UserId;
use protocol::tag::TagSet;
use protocol::text::Window;
use protocol::verb::Kind;
use smallvec::SmallVec;

impl Node {
    fn known(&self) -> impl Iterator<Item = &Child> {
        self.children.by_name(self.children.known()).into_iter().map(|rank| self.children.get(rank))
    }

    /// What is known of a child without asking it: its record, or one for each node below it.
    pub(crate) fn write_child(&self, child: &Child, w: &mut Window<'_>) -> fmt::Result {
        let record = |w: &mut Window<'_>, name: &str| match child.state {
            State::Lost(since) => writeln!(w, "{name} lost since={}", since.secs()),
            State::Up if child.is_inner() => writeln!(w, "{name} unknown"),
            state => writeln!(w, "{name} {}", state.name()),
        };
        if !child.is_inner() {
            if child.state == State::Up && !child.status.is_empty() {
                w.put(&child.status);
                return Ok(());
            }
            return record(w, child.name.as_str());
        }
        let mut told = false;
        for set in child.sets().filter_map(|(set, _)| NodeSet::parse(set).ok()) {
            for name in set {
                told = true;
                record(w, name.as_str())?;
            }
        }
        // An ionode that is up and has nobody below it is no compute node.
        if told || child.state == State::Up { Ok(()) } else { record(w, child.name.as_str()) }
    }

    /// A line for each state, with the node set that is in it.
    pub(crate) fn write_summary(&self, w: &mut Window<'_>) -> fmt::Result {
        for state in STATES {
            if self.sets_in(state).next().is_some() {
                nodeset::join(self.sets_in(state), w)?;
                writeln!(w, " {state}")?;
            }
        }
        Ok(())
    }

    /// The node sets in a state, in the order of the children's names.
    fn sets_in(&self, state: &'static str) -> impl Iterator<Item = &str> {
        self.known().flat_map(move |child| {
            let own = child.state_name();
            let alone = !child.is_inner() || child.status.is_empty() && child.state != State::Up;
            let name = (alone && own == state).then(|| child.name.as_str());
            // What is below a child that is not up is in the child's state, whatever it was in.
            let below =
                child.sets().filter(move |(_, told)| if own == "up" { *told == state } else { own == state });
            name.into_iter().chain(below.map(|(set, _)| set).filter(move |_| !alone))
        })
    }

    /// What the node is.
    pub(crate) fn write_info(&self, w: &mut Window<'_>) -> fmt::Result {
        let facts = &self.facts;
        let up = || self.known().filter(|child| child.state == State::Up);
        let sum = |key: fn(&Sums) -> u64| up().map(|child| key(&child.sums)).sum::<u64>();
        let leaves: u32 = up().map(|child| child.leaves).sum();
        writeln!(w, "ns=1\nname={}\npath=/\nos={}\narch={}", facts.name, facts.os, facts.arch)?;
        let (cores, mem, gpus) = (sum(|sums| sums.cores), sum(|sums| sums.mem), sum(|sums| sums.gpus));
        writeln!(w, "cores={cores}\nmem={mem}\ngpus={gpus}")?;
        match self.parent.rank() {
            Some(rank) => writeln!(w, "rank={}", rank.index())?,
            None => w.write_str("rank=\n")?,
        }
        writeln!(w, "height={}\nleaves={leaves}\nversion={}", self.height(), env!("CARGO_PKG_VERSION"))?;
        write!(w, "{}", self.tuning)?;
        for Kinds { os, arch, count } in self.kinds() {
            writeln!(w, "kind {os} {arch} {count}")?;
        }
        self.write_tags(w)
    }

    /// Compute nodes below that take members, by kind; those of more kinds than there is room for are left
    /// out.
    fn kinds(&self) -> SmallVec<[Kinds; KINDS]> {
        let mut kinds: SmallVec<[Kinds; KINDS]> = SmallVec::new();
        for child in self.known().filter(|child| child.state == State::Up) {
            let drains = !child.is_inner() && child.drained.is_some();
            for more in child.kinds.iter().filter(|_| !drains) {
                let same = |kind: &Kinds| kind.os == more.os && kind.arch == more.arch;
                match kinds.iter().position(same) {
                    Some(at) => kinds[at].count += more.count,
                    None if kinds.len() < KINDS => kinds.push(*more),
                    None => {}
                }
            }
        }
        kinds
    }

    /// Each tag that a node below has, once, as far as there is room.
    fn write_tags(&self, w: &mut Window<'_>) -> fmt::Result {
        let mut told: SmallVec<[&str; TAGS]> = SmallVec::new();
        for child in self.known().filter(|child| child.state == State::Up) {
            for line in core::str::from_utf8(&child.tags).unwrap_or("").lines() {
                if told.len() < TAGS && !told.contains(&line) {
                    told.push(line);
                    writeln!(w, "{line}")?;
                }
            }
        }
        Ok(())
    }

    /// Levels below this node; one that has no child yet is a level above compute nodes to come.
    pub(crate) fn height(&self) -> u8 {
        1 + self.known().map(|child| child.height).max().unwrap_or(0)
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
        writeln!(
            w,
            "\nsize={}\nhere={}\nlabel={}",
            session.total(),
            session.size(),
            Quoted(session.about.label.as_str())
        )?;
        let kind = if session.about.persistent { "persistent" } else { "normal" };
        writeln!(w, "type={kind}\nexits={}", session.range.told)?;
        if session.kind() != Kind::ANY {
            writeln!(w, "os={}\narch={}", session.kind().os, session.kind().arch)?;
        }
        let on = [("excl", session.excl), ("killonclose", session.about.kill_on_close)];
        on.iter().filter(|(_, is_on)| *is_on).try_for_each(|(name, _)| writeln!(w, "{name}=on"))?;
        session.about.tags.iter().try_for_each(|tag| writeln!(w, "tag {tag}"))
    }

    /// A line for each state and outcome, with the members in it.
    pub(crate) fn write_session_summary(&self, slot: SessionSlot, w: &mut Window<'_>) -> fmt::Result {
        let session = &self.sessions[slot as usize];
        let outcome = |member| {
            if session.executed { self.outcomes.get(session.range, member) } else { None }
        };
        let mut told = [None; 16];
        let size = session.size();
        let left = Cell::new(size);
        for member in 0..size {
            if left.get() == 0 {
                break;
            }
            let kind = outcome(member).map(|o| o.end);
            if told.contains(&Some(kind)) {
                continue;
            }
            let Some(free) = told.iter().position(Option::is_none) else { break };
            told[free] = Some(kind);
            let same = (member..size).filter(|m| outcome(*m).map(|o| o.end) == kind);
            let same = same.inspect(|_| left.set(left.get() - 1));
            memberset::fold(same.map(|index| session.number(index)), w)?;
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
