//! What clients do, and when it comes to them.

use crate::whim::Whim;

/// What a client does beside its job.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Act {
    /// It flushes what it waits for, and asks again.
    Flush,
    /// It looks at what runs, and at a node, counted from 0.
    Look(u32),
    /// It is gone without a clunk.
    Vanish,
    /// It kills a member, or all of them.
    Kill(Option<u32>),
}

/// The next thing that a client does by itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Move {
    /// It begins its job.
    Begin,
    Act(Act),
    Whim(Whim),
}
