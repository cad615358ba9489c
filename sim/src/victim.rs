//! Where something breaks, by what it is in the tree of a partition.

use crate::levels::Levels;
use crate::place::Place;
use std::fmt::{self, Display, Formatter};

/// Where something breaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Victim {
    /// A compute node, counted from 0.
    Node(u32),
    /// The aggregator at the top.
    Io,
    /// One of several aggregators of compute nodes, counted from 0.
    IoNode(u32),
    /// One between those and the top: its level, from 1 up, and its number there, counted from 0.
    Hub(u32, u32),
}

impl Victim {
    /// The place of that name, which is the one that the tree has.
    pub fn named(name: &str, levels: &Levels) -> Option<Self> {
        if let Some(leaf) = levels.leaf_named(name) {
            return Some(Self::Node(leaf));
        }
        let io = levels.io_named(name)?;
        let level = levels.level(io);
        Some(match level {
            _ if io == levels.root() => Self::Io,
            0 => Self::IoNode(io),
            _ => Self::Hub(level as u32, io - levels.on(level).start),
        })
    }

    /// Where that is in the world, if there is such a place.
    pub fn within(self, levels: &Levels) -> Option<Place> {
        let nth = |level: usize, nth: u32| {
            let on = (level < levels.height()).then(|| levels.on(level))?;
            on.clone().nth(nth as usize).filter(|io| *io != levels.root())
        };
        match self {
            Self::Node(node) => ((node as usize) < levels.nodes()).then_some(Place::Leaf(node)),
            Self::Io => Some(Place::Io(levels.root())),
            Self::IoNode(number) => nth(0, number).map(Place::Io),
            Self::Hub(level, number) => nth(level as usize, number).map(Place::Io),
        }
    }

    /// Its name, if there is such a place.
    pub(crate) fn name(self, levels: &Levels) -> Option<String> {
        match self.within(levels)? {
            Place::Leaf(leaf) => Some(levels.name_of_leaf(leaf)),
            Place::Io(io) => Some(levels.name_of_io(io)),
            Place::Client(_) => None,
        }
    }
}

/// A victim with the name that it has among those levels.
pub(crate) struct NamedVictim<'a>(pub(crate) Victim, pub(crate) &'a Levels);

impl Display for NamedVictim<'_> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self.0.name(self.1) {
            Some(name) => f.write_str(&name),
            // A script that was not read can name what is not there; it cannot be played.
            None => write!(f, "{:?}", self.0),
        }
    }
}
