//! What parts have done, for others to follow. A part never calls another that is beside or above it: it
//! records a deed, and `Node::follow` says who is to act on it.

use crate::ground::bounds::{DEEDS, LINKS, REQUESTS};
use crate::ground::id::{GatherId, SessionId, SessionSlot};
use heapless::{Deque, Vec as Few};
use protocol::failure::Failure;
use protocol::server::{LinkId, RequestId, Settled};
use protocol::set::{ChildSet, Rank};
use protocol::slots::SlotSet;
use protocol::verb::Why;

/// Something that happened in a part.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Deed {
    /// A child is in another state, whose word this is.
    ChildIs(Rank, &'static str),
    /// A child has caught up: it serves.
    ChildUp(Rank),
    /// A child has gone.
    ChildLost(Rank),
    /// A child has reported its status.
    ChildReported(Rank),
    /// The nodes above this one are others than before.
    AboveChanged,
    /// A mounted tree is there, or cannot be had: for the command that waits for it.
    Mounted(GatherId, Result<(), Why>),
    /// All children have said whether the members of a gang could run; false if one refused.
    GangAnswered(GatherId, SessionId, bool),
    /// A child has been asked why members of a session never ran, and this is what it said of that.
    Explained(SessionId, Rank, Option<Failure>),
    /// An `exec` was not answered in time by these children.
    LaunchLate(SessionId, ChildSet),
    /// A command is over: what waits for it goes on without.
    GatherOver(GatherId, Option<SessionId>),
    /// A request was refused, for `error`; of that session.
    Refused(Option<SessionId>),
    /// A session is to end.
    Ended(SessionId),
    /// All sessions that a parent made are to end.
    Fenced,
}

/// Deeds that are not followed yet, and what a call leaves to its end.
#[derive(Debug, Default)]
pub(crate) struct Deeds {
    queue: Deque<Deed, DEEDS>,
    /// Sessions in which something changed: requests that wait on them try again.
    pub(crate) touched: SlotSet,
    /// Sessions whose input may go on.
    pub(crate) fed: SlotSet,
    /// Something changed at the node: requests that wait on its own files try again.
    pub(crate) is_stirred: bool,
    /// Moves whenever what the node reports may have changed.
    pub(crate) changes: u32,
    /// Waiting requests that have their answer.
    pub(crate) settled: Vec<(RequestId, Settled)>,
    /// Forwarded walks and opens that were refused.
    pub(crate) undone: Vec<RequestId>,
    /// Links to hang up on.
    drops: Few<LinkId, LINKS>,
}

impl Deeds {
    /// Takes the memory for what one call can leave.
    pub(crate) fn reserve(&mut self) {
        self.settled.reserve_exact(REQUESTS);
        self.undone.reserve_exact(REQUESTS);
    }

    /// There is none, and no call has left anything.
    pub(crate) fn is_empty(&self) -> bool {
        let is_marked = self.is_stirred || !self.touched.is_empty() || !self.fed.is_empty();
        self.queue.is_empty() && !is_marked && self.settled.is_empty() && self.undone.is_empty()
    }

    /// Records a deed.
    pub(crate) fn push(&mut self, deed: Deed) {
        let pushed = self.queue.push_back(deed);
        assert!(pushed.is_ok(), "deeds are followed before a part is called again");
    }

    /// The next deed to follow.
    pub(crate) fn next(&mut self) -> Option<Deed> {
        self.queue.pop_front()
    }

    /// Something changed in a session.
    pub(crate) fn touch(&mut self, slot: SessionSlot) {
        self.touched.set(slot);
        self.changes = self.changes.wrapping_add(1);
    }

    /// Something changed at the node.
    pub(crate) fn stir(&mut self) {
        self.is_stirred = true;
        self.changes = self.changes.wrapping_add(1);
    }

    /// The driver is to hang up on a link.
    pub(crate) fn hang_up(&mut self, link: LinkId) {
        if !self.drops.contains(&link) {
            let pushed = self.drops.push(link);
            assert!(pushed.is_ok(), "there is room for every link");
        }
    }

    /// The next link to hang up on.
    pub(crate) fn next_drop(&mut self) -> Option<LinkId> {
        self.drops.pop()
    }
}
