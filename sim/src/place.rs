//! The places of a simulated partition.

/// Where something happens.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Place {
    /// An aggregator, by its number in `Levels`.
    Io(u32),
    /// A compute node, by number from 0.
    Leaf(u32),
    /// A client, by number from 0.
    Client(u32),
}
