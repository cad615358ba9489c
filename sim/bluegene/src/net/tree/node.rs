//! What a node has of the tree: FIFOs, ports, and the software at its end.

use super::TreeEvent;
use super::wiring::PORTS;
use crate::parameters::{TREE_CHANNELS, TREE_CLASSES, TREE_FIFO};
use crate::time::Ps;
use std::collections::VecDeque;

/// Virtual channels.
pub(super) const CHANNELS: usize = TREE_CHANNELS as usize;
const DEPTH: usize = TREE_FIFO as usize;

/// A packet by its place in the slab.
pub(super) type Id = u16;

/// Packets in order. Those behind the first `ready` are still on their way here: their room is taken.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Ring {
    slots: [Id; DEPTH],
    first: u8,
    pub(super) len: u8,
    pub(super) ready: u8,
    /// Ports that the first has still to go to, a bit each.
    pub(super) wants: u8,
}

impl Ring {
    pub(super) fn push(&mut self, id: Id) {
        assert!(usize::from(self.len) < DEPTH, "room was looked for");
        self.slots[(self.first + self.len) as usize % DEPTH] = id;
        self.len += 1;
    }

    pub(super) fn head(&self) -> Id {
        self.slots[self.first as usize]
    }

    pub(super) fn pop(&mut self) {
        self.first = (self.first + 1) % DEPTH as u8;
        self.len -= 1;
        self.ready -= 1;
    }
}

/// The sending half of a port.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Out {
    /// When its last packet is through.
    pub(super) free: Ps,
    /// Time in which it had packets.
    pub(super) busy: Ps,
    /// The source that was served last, for a fair turn.
    pub(super) turn: u8,
    /// An event at `free` is to come.
    pub(super) is_waking: bool,
    /// Nothing passes.
    pub(super) is_shut: bool,
    /// Packets that its CRC is to find garbled.
    pub(super) garbled: u8,
    /// What is to happen to the next packet without the CRC finding it.
    pub(super) slip: Option<Slip>,
}

/// What a link does to a packet without its CRC finding it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Slip {
    Spoil,
    Lose,
}

/// A message that software has still to write.
#[derive(Clone, Copy, Debug)]
pub(super) struct Outgoing {
    pub(super) message: u32,
    pub(super) left: u32,
    pub(super) to: u8,
    pub(super) class: u8,
}

/// Sending software, of one channel.
#[derive(Clone, Debug, Default)]
pub(super) struct Send {
    pub(super) backlog: VecDeque<Outgoing>,
    /// A packet is being written.
    pub(super) is_writing: bool,
}

/// The receive FIFO of a channel and the software that drains it.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Receive {
    pub(super) ring: Ring,
    /// When each has arrived whole.
    whole: [Ps; DEPTH],
    /// A packet is being read.
    pub(super) is_draining: bool,
    /// Nobody reads.
    pub(super) is_deaf: bool,
}

impl Receive {
    pub(super) fn push(&mut self, id: Id, whole: Ps) {
        self.whole[(self.ring.first + self.ring.len) as usize % DEPTH] = whole;
        self.ring.push(id);
        self.ring.ready += 1;
    }

    pub(super) fn has_room(&self) -> bool {
        usize::from(self.ring.len) < DEPTH
    }

    /// When the first has arrived whole.
    pub(super) fn whole(&self) -> Ps {
        self.whole[self.ring.first as usize]
    }

    /// The same, if there is one to read and nobody is reading.
    pub(super) fn next(&self) -> Option<Ps> {
        let idle = !self.is_draining && !self.is_deaf && self.ring.len > 0;
        idle.then(|| self.whole())
    }
}

/// A node's part of the tree.
#[derive(Clone, Debug)]
pub(super) struct Node {
    pub(super) routes: [u16; TREE_CLASSES as usize],
    /// By port and channel; those of the last port are the send FIFOs.
    pub(super) inputs: [[Ring; CHANNELS]; PORTS],
    /// By port: inputs whose first packet wants to go there, a bit each.
    pub(super) asking: [u8; PORTS],
    pub(super) outs: [Out; PORTS - 1],
    pub(super) send: [Send; CHANNELS],
    pub(super) receive: [Receive; CHANNELS],
}

impl Node {
    pub(super) fn new(routes: [u16; TREE_CLASSES as usize]) -> Self {
        Self {
            routes,
            inputs: Default::default(),
            asking: [0; PORTS],
            outs: Default::default(),
            send: Default::default(),
            receive: Default::default(),
        }
    }
}

/// The bit of an input in `asking`.
pub(super) const fn input(port: u8, channel: u8) -> u8 {
    1 << (port * CHANNELS as u8 + channel)
}

/// The inputs of a channel.
pub(super) const fn inputs(channel: u8) -> u8 {
    0b0101_0101 << channel
}

const _: () = {
    assert!(CHANNELS == 2 && PORTS == 4, "eight inputs are a byte");
    assert!(size_of::<Node>() <= 600);
    assert!(size_of::<TreeEvent>() <= 16);
};
