//! What comes next in a simulated partition.

use crate::act::Move;
use crate::link::Address;
use crate::link::Side;
use crate::place::Place;
use bluegene::net::ethernet::EthernetEvent;
use bluegene::net::tree::TreeEvent;
use cnode::host::MemberSlot;

/// What comes next. What a node has begun ends with its run.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Event {
    /// A message comes to a side of a link.
    Bytes {
        address: Address,
        message: u32,
    },
    Hangup {
        link: u32,
        to: Side,
    },
    Tick(Place),
    /// A place that was busy with a message takes the next.
    Next(Place),
    Network(NetworkEvent),
    Dial(Place, u32),
    Undialed(Place, u32),
    /// The last says whether it waits for the others of its gang.
    Started {
        leaf: u32,
        run: u32,
        pid: u32,
        member: MemberSlot,
        waits: bool,
    },
    /// A program goes on.
    Step {
        leaf: u32,
        run: u32,
        pid: u32,
        member: MemberSlot,
    },
    /// What is planned under that number.
    Fault(u32),
    /// A client does something.
    Act(u32, Move),
}

const _: () = assert!(size_of::<Event>() <= 20, "events are moved about a lot");

/// What comes next in one of the machine's networks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum NetworkEvent {
    /// In the tree of that pset.
    Tree(u32, TreeEvent),
    Ethernet(EthernetEvent),
}
