//! Children as text: their records, the sets of nodes in each state, and what they add up to. All of it is
//! from tables; nobody is asked.

use crate::down::child::{Child, Children, KINDS, Kinds, STATES, State, Sums, TAGS};
use core::fmt::{self, Write};
use protocol::nodeset::{self, NodeSet};
use protocol::text::Window;
use smallvec::SmallVec;

impl Child {
    /// What is known of it without asking it: its record, or one for each node below it.
    pub(crate) fn write_record(&self, w: &mut Window<'_>) -> fmt::Result {
        let record = |w: &mut Window<'_>, name: &str| match self.state {
            State::Lost(since) => writeln!(w, "{name} lost since={}", since.secs()),
            State::Up if self.is_inner() => writeln!(w, "{name} unknown"),
            state => writeln!(w, "{name} {}", state.name()),
        };
        if !self.is_inner() {
            if self.state == State::Up && !self.status.is_empty() {
                w.put(&self.status);
                return Ok(());
            }
            return record(w, self.name.as_str());
        }
        let mut is_written = false;
        for set in self.sets().filter_map(|(set, _)| NodeSet::parse(set).ok()) {
            for name in set {
                is_written = true;
                record(w, name.as_str())?;
            }
        }
        // An ionode that is up and has nobody below it is no compute node.
        if is_written || self.state == State::Up { Ok(()) } else { record(w, self.name.as_str()) }
    }
}

impl Children {
    /// Children that there are or have been, in the order of their names.
    fn in_order(&self) -> impl Iterator<Item = &Child> {
        self.by_name(self.known()).into_iter().map(|rank| self.get(rank))
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
        self.in_order().flat_map(move |child| {
            let own = child.state_name();
            let alone = !child.is_inner() || child.status.is_empty() && child.state != State::Up;
            let name = (alone && own == state).then(|| child.name.as_str());
            // What is below a child that is not up is in the child's state, whatever it was in.
            let below = child
                .sets()
                .filter(move |(_, below)| if own == "up" { *below == state } else { own == state });
            name.into_iter().chain(below.map(|(set, _)| set).filter(move |_| !alone))
        })
    }

    /// Processors, memory (KiB) and accelerators of those that are up, and compute nodes that take members.
    pub(crate) fn sums(&self) -> (Sums, u32) {
        let up = || self.in_order().filter(|child| child.state == State::Up);
        let sum = |key: fn(&Sums) -> u64| up().map(|child| key(&child.sums)).sum();
        let sums = Sums { cores: sum(|s| s.cores), mem: sum(|s| s.mem), gpus: sum(|s| s.gpus) };
        (sums, up().map(|child| child.leaves).sum())
    }

    /// Compute nodes below that take members, by kind; those of more kinds than there is room for are left
    /// out.
    pub(crate) fn kinds(&self) -> SmallVec<[Kinds; KINDS]> {
        let mut kinds: SmallVec<[Kinds; KINDS]> = SmallVec::new();
        for child in self.in_order().filter(|child| child.state == State::Up) {
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
    pub(crate) fn write_tags(&self, w: &mut Window<'_>) -> fmt::Result {
        let mut told: SmallVec<[&str; TAGS]> = SmallVec::new();
        for child in self.in_order().filter(|child| child.state == State::Up) {
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
        1 + self.in_order().map(|child| child.height).max().unwrap_or(0)
    }
}
