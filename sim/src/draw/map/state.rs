//! What a map shows of nodes.

use bluegene::partition::Node;
use bluegene::partition::torus::Coord;

/// What nodes are coloured by.
#[derive(Clone, Copy)]
pub enum By<'a> {
    /// Hops on the torus from this node.
    Hops(Coord),
    /// The pset.
    Pset,
    /// The state, by address, and since when or of what: compute nodes first. I/O nodes may be left out.
    State(&'a [State], &'a str),
    /// How busy links are, from 0 to 1, in the order of ranks: one number for each compute node or several,
    /// say one for each of its six torus links, of which the busiest is shown.
    Load(&'a [f64]),
    /// Anything else, with what it is; none where nothing is known.
    Value {
        /// What the value is.
        what: &'a str,
        /// The value of a node.
        of: &'a dyn Fn(Node) -> Option<f64>,
    },
}

/// How a node is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    /// It serves.
    Up,
    /// It does, and a program runs there.
    Running,
    /// It is about to serve.
    Joining,
    /// It has not answered for a while.
    Suspect,
    /// It has been given up.
    Lost,
    /// It neither reads nor answers.
    Stopped,
    /// It takes nothing in.
    Clogged,
    /// It is gone, with all that ran on it.
    Dead,
    /// It was never there, or was taken out.
    Down,
}

impl State {
    /// All, as they are told.
    pub const ALL: [Self; 9] = [
        Self::Up,
        Self::Running,
        Self::Joining,
        Self::Suspect,
        Self::Lost,
        Self::Stopped,
        Self::Clogged,
        Self::Dead,
        Self::Down,
    ];

    /// Its word.
    pub fn name(self) -> &'static str {
        match self {
            Self::Up => "up",
            Self::Running => "running",
            Self::Joining => "joining",
            Self::Suspect => "suspect",
            Self::Lost => "lost",
            Self::Stopped => "stopped",
            Self::Clogged => "clogged",
            Self::Dead => "dead",
            Self::Down => "down",
        }
    }

    /// The state of that name.
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|state| state.name() == name)
    }
}
