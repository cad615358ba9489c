//! How a message gets from one place to another, told while it does for whoever records it.

use crate::link::Address;
use crate::place::Place;
use bluegene::time::Ps;

/// What carries a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Way {
    /// The collective network of a pset.
    Tree,
    /// The Ethernet of I/O nodes and hosts.
    Ethernet,
    /// A link with a delay and no network.
    Link,
}

/// A message that an end of a network writes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Writer {
    /// The network: the number of a pset's tree, or `ETHERNET`.
    pub(crate) network: u32,
    pub(crate) end: u32,
    pub(crate) message: u32,
    /// Whom it is for, where it goes to one after the other.
    pub(crate) to: u32,
}

/// The Ethernet among networks; trees have the numbers of their psets.
pub(crate) const ETHERNET: u32 = u32::MAX;

/// A step of a message on its way.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Passage {
    /// It is sent.
    Sent { address: Address, ends: [Place; 2], kind: u8 },
    /// An end of a network has written a part of it.
    Wrote { writer: Writer, begun: Ps, is_last: bool },
    /// Its last frame is at the other end.
    There { writer: Writer },
    /// Its last part was read; a network delivers it next.
    Read { way: Way, writer: Writer, there: Option<Ps>, since: Ps },
    /// It has come, and its link holds it until then.
    Came { address: Address, at: Ps, until: Ps },
}
