//! Links of nodes and clients with the ionode: messages in order, delayed or lost, and hangups.

use crate::world::{Event, LATENCY_US, Place, World};
use cnode::Bounds;
use protocol::server::LinkId;
use std::rc::Rc;

/// One end of a link.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Side {
    /// The ionode's.
    Io = 0,
    /// The node's, or the client's.
    Peer = 1,
}

impl Side {
    pub(crate) fn other(self) -> Self {
        match self {
            Self::Io => Self::Peer,
            Self::Peer => Self::Io,
        }
    }
}

/// What one end of a link has.
#[derive(Debug, Default)]
pub(crate) struct End {
    /// It has not hung up, and not seen a hangup.
    pub(crate) is_open: bool,
    /// What came and was not taken.
    pub(crate) inbox: Vec<u8>,
    /// When the last of what is on its way arrives: nothing overtakes it.
    arrival: u64,
}

/// One conversation, from its connect to its last hangup.
#[derive(Debug)]
pub(crate) struct Link {
    pub(crate) peer: Place,
    /// Its number at the ionode.
    pub(crate) id: LinkId,
    /// By `Side`.
    pub(crate) ends: [End; 2],
    /// It was reset: what is on its way never arrives.
    is_torn: bool,
}

/// What a node's links go through.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Cable {
    /// What a message takes more than usual.
    pub(crate) slow_us: u64,
    /// Nothing arrives at that side.
    pub(crate) mute: [bool; 2],
}

impl<B: Bounds> World<B> {
    /// Connects a peer with the ionode.
    pub(crate) fn connect(&mut self, peer: Place, local: bool) -> usize {
        let link = self.links.len();
        // A driver uses the first number that is free, and so do we: the cores are to bear that.
        let free = self.io_links.iter().skip(1).position(Option::is_none);
        let free = free.map_or(self.io_links.len(), |at| at + 1);
        if free == self.io_links.len() {
            self.io_links.push(None);
        }
        self.io_links[free] = Some(link);
        let id = LinkId(free as u16);
        let end = || End { is_open: true, ..End::default() };
        self.links.push(Link { peer, id, ends: [end(), end()], is_torn: false });
        self.io.connect(id, ionode::host::Peer { is_local: local, uid: None });
        link
    }

    /// The link that the ionode knows by that number.
    pub(crate) fn link_at(&self, id: LinkId) -> Option<usize> {
        self.io_links.get(id.0 as usize).copied().flatten()
    }

    pub(crate) fn is_open(&self, link: usize, side: Side) -> bool {
        self.links[link].ends[side as usize].is_open
    }

    fn cable(&self, link: usize) -> Cable {
        match self.links[link].peer {
            Place::Leaf(leaf) => self.cables[leaf],
            Place::Client(_) | Place::Io => Cable::default(),
        }
    }

    /// When something that is sent now arrives at a side: in order, after a delay from the seed.
    fn arrival(&mut self, link: usize, to: Side) -> u64 {
        let delay = LATENCY_US + self.random.below(LATENCY_US) + self.cable(link).slow_us;
        let end = &mut self.links[link].ends[to as usize];
        end.arrival = end.arrival.max(self.now + delay);
        end.arrival
    }

    pub(crate) fn send(&mut self, link: usize, to: Side, bytes: &Rc<[u8]>) {
        if self.is_open(link, to.other()) {
            let at = self.arrival(link, to);
            self.schedule(at, Event::Bytes { link, to, bytes: bytes.clone() });
        }
    }

    /// What is on its way to a side gets there.
    pub(crate) fn arrives(&self, link: usize, to: Side) -> bool {
        self.is_open(link, to) && !self.links[link].is_torn && !self.cable(link).mute[to as usize]
    }

    /// One end hangs up; the other sees it behind what was sent before.
    pub(crate) fn close(&mut self, link: usize, side: Side) {
        if self.shut(link, side) {
            let to = side.other();
            let at = self.arrival(link, to);
            self.schedule(at, Event::Hangup { link, to });
        }
    }

    /// One end is closed; false if it was.
    pub(crate) fn shut(&mut self, link: usize, side: Side) -> bool {
        let Link { peer, id, ends, .. } = &mut self.links[link];
        let was_open = std::mem::take(&mut ends[side as usize]).is_open;
        match (side, *peer) {
            (Side::Io, _) if was_open => self.io_links[id.0 as usize] = None,
            (Side::Peer, Place::Leaf(leaf)) if self.leaves[leaf].link == Some(link) => {
                self.leaves[leaf].link = None;
            }
            _ => {}
        }
        was_open
    }

    /// What is on its way is lost, and both ends see a hangup after so many microseconds.
    pub(crate) fn reset(&mut self, link: usize, after: u64) {
        self.links[link].is_torn = true;
        for to in [Side::Io, Side::Peer] {
            let at = self.now + after + LATENCY_US + self.random.below(LATENCY_US);
            self.schedule(at, Event::Hangup { link, to });
        }
    }

    /// Every link of a node is reset, as far as an end does not know yet that it is gone.
    pub(crate) fn reset_all(&mut self, leaf: usize, after: u64) {
        for link in 0..self.links.len() {
            let known = |end: &End| !end.is_open;
            if self.links[link].peer == Place::Leaf(leaf) && !self.links[link].ends.iter().all(known) {
                self.reset(link, after);
            }
        }
    }

    /// A hangup gets to a side: it was reset, or its other end hung up and nothing keeps that from it.
    pub(crate) fn sees_hangup(&self, link: usize, to: Side) -> bool {
        self.is_open(link, to) && (self.links[link].is_torn || !self.cable(link).mute[to as usize])
    }
}
