//! A child: who it is, what is known of it, and whether it is heard.

use crate::ground::bounds::LINKS;
use crate::ground::growing::Growing;
use core::cmp::Ordering;
use protocol::limits::{CHILDREN_MAX, GATHER_US, IOHDR, MSIZE_LINK, NODE_NAME_MAX};
use protocol::nodeset::{self, NodeSet};
use protocol::server::LinkId;
use protocol::set::{ChildSet, Rank};
use protocol::slots::Slots;
use protocol::text::Text;
use protocol::time::Time;
use protocol::verb::{KIND_MAX, Kind, WHY_MAX};
use smallvec::SmallVec;

/// Where a child is in its life.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum State {
    /// Nobody has had this rank yet.
    #[default]
    Empty,
    /// It has said its name; the answer is not drained yet.
    Joining,
    /// It knows its rank and is asked for its version.
    Greeted,
    /// The catch-up burst is with it.
    CatchingUp,
    /// It serves.
    Up,
    /// It is silent.
    Suspect,
    /// It is gone since then.
    Lost(Time),
    /// A mounted tree that is asked for its version.
    Hailed,
    /// A mounted tree that is there.
    Mounted,
}

impl State {
    /// The word in `status` and `events`.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Empty => "empty",
            Self::Joining | Self::Greeted | Self::CatchingUp => "joining",
            Self::Up => "up",
            Self::Suspect => "suspect",
            Self::Lost(_) => "lost",
            Self::Hailed | Self::Mounted => "mounted",
        }
    }
}

/// The words of all states, in the order of the lines of `summary`.
pub(crate) const STATES: [&str; 6] = ["up", "joining", "suspect", "draining", "lost", "down"];

/// The word of a state as another node reported it.
pub(crate) fn state_word(word: &str) -> Option<&'static str> {
    STATES.into_iter().find(|known| *known == word)
}

/// An entry of the table of children; its index is the rank.
#[derive(Clone, Debug, Default)]
pub(crate) struct Child {
    /// Where it is in its life.
    pub state: State,
    /// Its name, which it keeps for good.
    pub name: Text<NODE_NAME_MAX>,
    /// Its run.
    pub boot: u64,
    /// Its link while it has one.
    pub link: LinkId,
    /// The largest message it takes.
    pub msize: u32,
    /// When the beat was sent that it has not answered.
    pub asked: Option<Time>,
    /// Its change count, as the last beat told.
    pub changes: u32,
    /// Levels below it: 0 for a compute node.
    pub height: u8,
    /// Compute nodes at or below it that are up.
    pub leaves: u32,
    /// A compute node that takes no new members, and why.
    pub drained: Option<Text<WHY_MAX>>,
    /// How many of those compute nodes are of each kind.
    pub kinds: SmallVec<[Kinds; 1]>,
    /// Tags of the nodes at or below it, a line each.
    pub tags: Vec<u8>,
    /// The first name of those below an inner child.
    pub first: Text<NODE_NAME_MAX>,
    /// Processors, memory (KiB) and accelerators below it.
    pub sums: Sums,
    /// A compute node's own status record, with its newline; an inner node's lines of node sets by state.
    pub status: Vec<u8>,
    /// What is being read to replace that.
    pub fresh: Vec<u8>,
    /// It is being read.
    pub is_reading: bool,
    /// It has changed since that was asked for.
    pub is_stale: bool,
    /// It is a tree that is mounted, and no part of this one.
    pub is_mount: bool,
    /// It is to leave: when it is gone its place is free.
    pub is_leaving: bool,
}

/// Kinds that are counted apart at a node; there may be nodes of others.
pub(crate) const KINDS: usize = 8;
/// Tags of nodes below a child that are kept.
pub(crate) const TAGS: usize = 32;

/// Compute nodes of one kind.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Kinds {
    /// `linux`, …
    pub os: Text<KIND_MAX>,
    /// `x86_64`, …
    pub arch: Text<KIND_MAX>,
    /// How many there are.
    pub count: u32,
}

/// What `info` adds up.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[allow(missing_docs)] // The keys of `info`.
pub(crate) struct Sums {
    pub cores: u64,
    pub mem: u64,
    pub gpus: u64,
}

impl Child {
    /// Takes a place that was nobody's, or another's: nothing of that one is left.
    pub(crate) fn take_place(&mut self) {
        let mut vectors = [&mut self.status, &mut self.fresh, &mut self.tags].map(core::mem::take);
        vectors.iter_mut().for_each(Vec::clear);
        let [status, fresh, tags] = vectors;
        *self = Self { status, fresh, tags, ..Self::default() };
    }

    /// It has a link that serves.
    pub(crate) fn is_linked(&self) -> bool {
        !matches!(self.state, State::Empty | State::Lost(_))
    }

    /// Compute nodes of a kind at or below it that take members.
    pub(crate) fn leaves_of(&self, kind: Kind<'_>) -> u32 {
        if kind == Kind::ANY {
            return self.leaves;
        }
        let of = |kinds: &&Kinds| kind.admits(kinds.os.as_str(), kinds.arch.as_str());
        self.kinds.iter().filter(of).map(|kinds| kinds.count).sum::<u32>().min(self.leaves)
    }

    /// The word for its state.
    pub(crate) fn state_name(&self) -> &'static str {
        if self.state == State::Up && self.drained.is_some() { "draining" } else { self.state.name() }
    }

    /// The name of the first compute node at or below it, as far as it is known.
    pub(crate) fn first_name(&self) -> &str {
        if self.first.is_empty() { self.name.as_str() } else { self.first.as_str() }
    }

    /// It has nodes below it.
    pub(crate) fn is_inner(&self) -> bool {
        self.height > 0
    }

    /// The node sets below it, and the state that each is in; for an inner child.
    pub(crate) fn sets(&self) -> impl Iterator<Item = (&str, &str)> {
        let text = if self.is_inner() { core::str::from_utf8(&self.status).unwrap_or("") } else { "" };
        text.lines().filter_map(|line| line.rsplit_once(' '))
    }

    /// How many names of a set are of nodes at or below it that can be reached.
    pub(crate) fn named(&self, set: NodeSet<'_>) -> u32 {
        self.named_in(set, |state| ["up", "suspect", "draining"].contains(&state))
    }

    /// How many names of a set are of nodes at or below it in a state.
    pub(crate) fn named_in(&self, set: NodeSet<'_>, is: impl Fn(&str) -> bool) -> u32 {
        if !self.is_inner() {
            return if is(self.state_name()) { set.times(self.name.as_str()) } else { 0 };
        }
        let sets = self.sets().filter(|(_, state)| is(state));
        let sets = sets.filter_map(|(below, _)| NodeSet::parse(below).ok());
        sets.map(|below| set.iter().filter(|name| below.contains(name.as_str())).count() as u32).sum()
    }

    /// The nodes below it that are up, by name; for an inner child.
    pub(crate) fn up_below(&self) -> Option<NodeSet<'_>> {
        let (set, _) = self.sets().find(|(_, state)| *state == "up")?;
        NodeSet::parse(set).ok()
    }
}

/// The children, by rank.
#[derive(Debug)]
pub(crate) struct Children {
    all: Growing<Child, CHILDREN_MAX>,
    ranks: [Option<Rank>; LINKS],
}

impl Default for Children {
    fn default() -> Self {
        Self { all: Growing::make(), ranks: [None; LINKS] }
    }
}

impl Children {
    /// Takes the memory for all that there may be, and for what compute nodes say of themselves.
    pub(crate) fn reserve(&mut self) {
        self.all.reserve();
        self.all.hold(CHILDREN_MAX);
        self.all.iter_mut().for_each(|child| {
            child.status.reserve_exact(512);
            child.fresh.reserve_exact(512);
            child.tags.reserve_exact(protocol::tag::NODE_TAGS_MAX);
        });
    }

    /// The child of that rank, which `place` has given.
    pub(crate) fn get(&self, rank: Rank) -> &Child {
        &self.all[rank.index()]
    }

    /// The child of that rank.
    pub(crate) fn get_mut(&mut self, rank: Rank) -> &mut Child {
        &mut self.all[rank.index()]
    }

    /// The child on that link.
    pub(crate) fn on(&self, link: LinkId) -> Option<Rank> {
        self.ranks[link.0 as usize]
    }

    /// Binds a child to its link.
    pub(crate) fn bind(&mut self, rank: Rank, link: LinkId) {
        self.get_mut(rank).link = link;
        self.ranks[link.0 as usize] = Some(rank);
    }

    /// The link is gone: the child that was on it.
    pub(crate) fn unbind(&mut self, link: LinkId) -> Option<Rank> {
        self.ranks[link.0 as usize].take()
    }

    /// Those in a state.
    pub(crate) fn those(&self, mut is: impl FnMut(&Child) -> bool) -> ChildSet {
        let mut set = ChildSet::EMPTY;
        let ranks = (0..self.all.len()).filter_map(Rank::new);
        ranks.filter(|rank| is(self.get(*rank))).for_each(|rank| set.add(rank));
        set
    }

    /// Those that there are or have been, without the trees that are mounted.
    pub(crate) fn known(&self) -> ChildSet {
        self.those(|child| child.state != State::Empty && !child.is_mount)
    }

    /// Those whose files can be reached.
    pub(crate) fn reachable(&self) -> ChildSet {
        self.serving().or(self.those(|child| child.state == State::Mounted))
    }

    /// Those that serve and are heard.
    pub(crate) fn up(&self) -> ChildSet {
        self.those(|child| child.state == State::Up)
    }

    /// Those that serve, heard or not.
    pub(crate) fn serving(&self) -> ChildSet {
        self.those(|child| matches!(child.state, State::Up | State::Suspect))
    }

    /// Those that serve and have nodes below them.
    pub(crate) fn inner(&self) -> ChildSet {
        self.serving().and(self.those(Child::is_inner))
    }

    /// Those that serve and have changed since their status was read.
    pub(crate) fn stale(&self) -> ChildSet {
        self.serving().and(self.those(|child| child.is_stale && !child.is_reading))
    }

    /// The largest payload that every child of a set takes in one message.
    pub(crate) fn payload(&self, set: ChildSet) -> u32 {
        let least = set.map(|rank| self.get(rank).msize).min();
        least.unwrap_or(MSIZE_LINK) - IOHDR
    }

    /// How long a set of children may take to answer: they ask their own first.
    pub(crate) fn patience(&self, set: ChildSet) -> u64 {
        let height = set.map(|rank| self.get(rank).height).max().unwrap_or(0);
        GATHER_US * (1 + u64::from(height))
    }

    /// The child named `name`.
    pub(crate) fn find(&self, name: &str) -> Option<Rank> {
        let named = |child: &Child| child.state != State::Empty && child.name.as_str() == name;
        self.all.iter().position(named).and_then(Rank::new)
    }

    /// The rank for a child named `name` with that boot: its own again, or a new one.
    pub(crate) fn place(&mut self, name: &str) -> Option<Rank> {
        let known = self.find(name);
        known.or_else(|| self.all.free(|child| child.state == State::Empty).and_then(Rank::new))
    }

    /// Writes a set as a node set.
    pub(crate) fn write_names(&self, set: ChildSet, out: &mut impl core::fmt::Write) -> core::fmt::Result {
        let names = self.by_name(set).into_iter().map(|rank| self.get(rank).name.as_str());
        nodeset::fold(names, out)
    }

    /// The order of two by the names of compute nodes, as people look for them; ranks are in the order of
    /// joining.
    pub(crate) fn order(&self, one: Rank, other: Rank) -> Ordering {
        nodeset::order(self.get(one).first_name(), self.get(other).first_name())
    }

    /// A set in that order.
    pub(crate) fn by_name(&self, set: ChildSet) -> SmallVec<[Rank; CHILDREN_MAX]> {
        let mut ranks: SmallVec<[Rank; CHILDREN_MAX]> = set.collect();
        ranks.sort_unstable_by(|one, other| self.order(*one, *other));
        ranks
    }
}
