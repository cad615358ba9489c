//! The collective network of one pset, packet by packet: its I/O node and the compute nodes below.
//!
//! A message is cut into packets; software at its source writes them into a send FIFO, each at a cost, and
//! software at each target reads them from a receive FIFO, each at a cost: there is no DMA (S11). Between, a
//! router passes a packet on as soon as its head is there, to every port that its class and address want, if
//! the port is free and the FIFO beyond has room. Where it has none, the channel is blocked, in the end back
//! to the software that writes (S11). The two channels share links, not FIFOs.
//!
//! Of a node there are `node`'s rings and ports, of the pset a slab of packets; an event is who it is for.
//! `wiring` says who is next to whom, `router` passes packets on, `fault` is what links and ends do wrong.

pub mod fault;
mod node;
mod router;
mod slab;
mod wiring;

use crate::parameters::{
    FCNP_PACKET_TENTHS_NS, LINK_PAYLOAD, LINUX_PACKET_NS, PSET_SIZES, TREE_CLASS_FLOOD, TREE_CLASS_IO,
    TREE_FIFO, TREE_HOP_PS, TREE_PACKET_TENTHS_NS, TREE_PAYLOAD, TREE_ROUTER_FIFO,
};
use crate::queue::Schedule;
use crate::time::Ps;
use node::{CHANNELS, Id, Node, Outgoing};
use slab::{Packet, Slab};
use std::collections::{BTreeSet, VecDeque};
use wiring::{ALL, LOCAL, UP};
pub use wiring::{End, ROUTE_VALID, ports_of, routes_of};

/// What comes next in a tree.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TreeEvent {
    /// Software has written a packet into its send FIFO.
    Written {
        /// The node.
        node: u8,
        /// The channel.
        channel: u8,
    },
    /// The head of a packet is at a router.
    Head {
        /// The node.
        node: u8,
        /// By which port it came.
        port: u8,
        /// The channel.
        channel: u8,
    },
    /// A port has sent a packet whole, and somebody waits for it.
    Free {
        /// The node.
        node: u8,
        /// The port.
        port: u8,
    },
    /// Software has read a packet from its receive FIFO.
    Drained {
        /// The node.
        node: u8,
        /// The channel.
        channel: u8,
    },
}

/// A virtual channel.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum Channel {
    /// Linux has its Ethernet here (S9), and FCNP its messages (S18).
    #[default]
    First,
    /// The other one.
    Second,
}

impl Channel {
    /// Both.
    pub const ALL: [Self; CHANNELS] = [Self::First, Self::Second];
}

/// Whom a message is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Target {
    /// One end. Between compute nodes there is no way but over the I/O node's software (S7).
    One(End),
    /// All compute nodes, from the I/O node.
    Computes,
    /// Everybody, from anybody: the sender gets its own too (S7).
    Flood,
}

/// What things take.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Timing {
    /// A packet on a link.
    pub packet: Ps,
    /// The head of a packet from one router to the next.
    pub hop: Ps,
    /// Software, to write a packet into a send FIFO.
    pub inject: Ps,
    /// Software, to read one from a receive FIFO.
    pub drain: Ps,
    /// Bytes of a message in a packet.
    pub payload: u32,
}

impl Timing {
    /// FCNP: a core just keeps up with a link, and data packets have no header (S11).
    pub const FCNP: Self = Self {
        packet: Ps(TREE_PACKET_TENTHS_NS * 100),
        hop: Ps(TREE_HOP_PS),
        inject: Ps(FCNP_PACKET_TENTHS_NS * 100),
        drain: Ps(FCNP_PACKET_TENTHS_NS * 100),
        payload: TREE_PAYLOAD,
    };
    /// Linux: a core takes longer for a packet than a link, and each has a header of 16 bytes (S3, S7).
    pub const LINUX: Self = Self {
        inject: Ps::ns(LINUX_PACKET_NS),
        drain: Ps::ns(LINUX_PACKET_NS),
        payload: LINK_PAYLOAD,
        ..Self::FCNP
    };

    /// Packets of a message; an empty one is a packet too.
    pub fn packets(&self, bytes: u32) -> u32 {
        bytes.div_ceil(self.payload).max(1)
    }
}

/// A message was read whole at an end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Delivery {
    /// Where.
    pub at: End,
    /// Who sent it.
    pub from: End,
    /// By which channel.
    pub channel: Channel,
    /// Which: what the sender called it.
    pub message: u32,
    /// A bit of it was changed that no link found: a frame's crc32 has to.
    pub is_spoilt: bool,
    /// It comes to others too.
    pub is_broadcast: bool,
}

/// A link, one way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Link {
    /// The compute node below it.
    pub below: u8,
    /// From there; otherwise to there.
    pub is_up: bool,
}

/// What a tree has counted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counters {
    /// Packets that software wrote.
    pub injected: u64,
    /// Packets that passed a link.
    pub hops: u64,
    /// Packets that software read.
    pub drained: u64,
    /// Packets that a link sent again.
    pub resent: u64,
    /// Packets that no route took anywhere.
    pub strays: u64,
    /// Messages that were delivered.
    pub messages: u64,
}

/// The collective network of a pset.
#[derive(Debug)]
pub struct Tree {
    timing: Timing,
    computes: u8,
    nodes: Vec<Node>,
    packets: Slab,
    delivered: VecDeque<Delivery>,
    /// Messages of which a packet was spoilt, at the ends that have read that: rare.
    spoilt: BTreeSet<Passage>,
    /// Messages of which an end will miss a packet: rarer.
    missing: BTreeSet<Passage>,
    counters: Counters,
}

/// A message on its way to one node: to, from, channel, message.
type Passage = (u8, u8, u8, u32);

const _: () = {
    assert!(TREE_ROUTER_FIFO <= TREE_FIFO, "one kind of ring does for both");
    assert!(PSET_SIZES[3] < ALL as u32, "every node has a number of a byte");
    // Rings of a pset at most, full: their packets have numbers of two bytes.
    let node = CHANNELS as u32 * (3 * TREE_ROUTER_FIFO + 2 * TREE_FIFO);
    assert!((PSET_SIZES[3] + 1) * node < Id::MAX as u32);
};

impl Tree {
    /// The tree of an I/O node with so many compute nodes, 1 to 128.
    ///
    /// # Panics
    /// With others.
    pub fn new(computes: u8, timing: Timing) -> Self {
        assert!((1..=PSET_SIZES[3]).contains(&u32::from(computes)), "a pset has 1 to 128 compute nodes");
        let nodes = (0..=computes).map(|node| Node::new(wiring::routes(node, computes)));
        Self {
            timing,
            computes,
            nodes: nodes.collect(),
            packets: Slab::default(),
            delivered: VecDeque::new(),
            spoilt: BTreeSet::new(),
            missing: BTreeSet::new(),
            counters: Counters::default(),
        }
    }

    /// What things take in it.
    pub fn timing(&self) -> &Timing {
        &self.timing
    }

    /// The I/O node sends a message of so many bytes to all compute nodes, on the first channel.
    pub fn broadcast(&mut self, q: &mut impl Schedule<TreeEvent>, message: u32, bytes: u32) {
        self.send(q, (End::Io, Target::Computes, Channel::First), message, bytes);
    }

    /// The I/O node sends a message to a compute node, on the first channel.
    pub fn down(&mut self, q: &mut impl Schedule<TreeEvent>, to: u8, message: u32, bytes: u32) {
        self.send(q, (End::Io, Target::One(End::Compute(to)), Channel::First), message, bytes);
    }

    /// A compute node sends a message to the I/O node, on the first channel.
    pub fn up(&mut self, q: &mut impl Schedule<TreeEvent>, from: u8, message: u32, bytes: u32) {
        self.send(q, (End::Compute(from), Target::One(End::Io), Channel::First), message, bytes);
    }

    /// An end sends a message: behind what it is sending on that channel. No other of the sender's has its
    /// number until all of it has arrived.
    ///
    /// # Panics
    /// Where there is no such end or no such way, which is the caller's to know.
    pub fn send(
        &mut self,
        q: &mut impl Schedule<TreeEvent>,
        (from, target, channel): (End, Target, Channel),
        message: u32,
        bytes: u32,
    ) {
        let (to, class) = match target {
            Target::One(to) => (to.node(), TREE_CLASS_IO),
            Target::Computes => (ALL, TREE_CLASS_IO),
            Target::Flood => (ALL, TREE_CLASS_FLOOD),
        };
        let (from, channel) = (from.node(), channel as u8);
        assert!(from <= self.computes && (to <= self.computes || to == ALL), "the pset has these ends");
        let is_way = match target {
            Target::One(_) => (from == 0) != (to == 0),
            Target::Computes => from == 0,
            Target::Flood => true,
        };
        assert!(is_way, "a compute node reaches another over the I/O node's software only");
        let left = self.timing.packets(bytes);
        let send = &mut self.nodes[from as usize].send[channel as usize];
        send.backlog.push_back(Outgoing { message, left, to, class: class as u8 });
        self.write_next(q, from, channel);
    }

    /// What an end has not written yet is gone, as when its machine crashes: on the way is the rest.
    pub fn forget(&mut self, from: End) {
        for send in &mut self.nodes[from.node() as usize].send {
            send.backlog.clear();
        }
    }

    /// An event has come.
    pub fn handle(&mut self, q: &mut impl Schedule<TreeEvent>, event: TreeEvent) {
        match event {
            TreeEvent::Written { node, channel } => self.written(q, node, channel),
            TreeEvent::Head { node, port, channel } => {
                let ring = &mut self.nodes[node as usize].inputs[port as usize][channel as usize];
                ring.ready += 1;
                if ring.ready == 1 {
                    self.first(q, node, port, channel);
                }
            }
            TreeEvent::Free { node, port } => {
                self.nodes[node as usize].outs[port as usize].is_waking = false;
                self.try_out(q, node, port);
            }
            TreeEvent::Drained { node, channel } => self.drained(q, node, channel),
        }
    }

    /// The next message that was delivered.
    pub fn poll_delivery(&mut self) -> Option<Delivery> {
        self.delivered.pop_front()
    }

    /// What it has counted.
    pub fn counters(&self) -> &Counters {
        &self.counters
    }

    /// How long a link has had packets.
    pub fn busy(&self, link: Link) -> Ps {
        let (node, port) = self.place(link);
        self.nodes[node as usize].outs[port as usize].busy
    }

    /// Packets in the send FIFO of an end and in its receive FIFO, and messages that it has still to write.
    pub fn backlog(&self, end: End, channel: Channel) -> (u8, u8, usize) {
        let (node, channel) = (&self.nodes[end.node() as usize], channel as usize);
        let sending = node.inputs[LOCAL as usize][channel].len;
        (sending, node.receive[channel].ring.len, node.send[channel].backlog.len())
    }

    /// The message of which software is about to have written a packet, and whether that is its last.
    pub fn writing(&self, node: u8, channel: u8) -> Option<(u32, bool)> {
        let next = self.nodes[node as usize].send[channel as usize].backlog.front()?;
        Some((next.message, next.left == 1))
    }

    /// The message of which software is about to have read the last packet: whose, which, and since when that
    /// was there.
    pub fn reading(&self, node: u8, channel: u8) -> Option<(u8, u32, Ps)> {
        let receive = &self.nodes[node as usize].receive[channel as usize];
        let packet = self.packets.get(receive.ring.head());
        packet.is_last.then(|| (packet.from, packet.message, receive.whole()))
    }

    /// Nobody reads at an end.
    pub fn is_deaf(&self, end: End, channel: Channel) -> bool {
        self.nodes[end.node() as usize].receive[channel as usize].is_deaf
    }

    /// Packets that were written and not yet read by all.
    pub fn in_flight(&self) -> usize {
        self.packets.len()
    }

    /// The class routes of an end, as its personality has them.
    pub fn routes(&self, end: End) -> [u16; 16] {
        self.nodes[end.node() as usize].routes
    }

    /// Bytes that it has taken.
    pub fn bytes(&self) -> usize {
        let messages = self.nodes.iter().flat_map(|node| &node.send);
        let backlogs: usize = messages.map(|send| send.backlog.capacity()).sum();
        let delivered = self.delivered.capacity() * size_of::<Delivery>();
        let nodes = self.nodes.capacity() * size_of::<Node>();
        nodes + self.packets.bytes() + backlogs * size_of::<Outgoing>() + delivered
    }

    /// The node and port that send on a link.
    fn place(&self, link: Link) -> (u8, u8) {
        let below = End::Compute(link.below).node();
        assert!(below <= self.computes, "the pset has that node");
        match wiring::far(below, UP, self.computes) {
            Some(above) if !link.is_up => above,
            _ => (below, UP),
        }
    }

    /// Software begins to write the next packet of a channel, if there is one and room for it.
    fn write_next(&mut self, q: &mut impl Schedule<TreeEvent>, node: u8, channel: u8) {
        let of = &mut self.nodes[node as usize];
        let room = u32::from(of.inputs[LOCAL as usize][channel as usize].len) < TREE_FIFO;
        let send = &mut of.send[channel as usize];
        if room && !send.is_writing && !send.backlog.is_empty() {
            send.is_writing = true;
            q.after(self.timing.inject, TreeEvent::Written { node, channel });
        }
    }

    fn written(&mut self, q: &mut impl Schedule<TreeEvent>, node: u8, channel: u8) {
        let of = &mut self.nodes[node as usize];
        let send = &mut of.send[channel as usize];
        send.is_writing = false;
        // Nothing is there if the writer has forgotten it.
        let Some(next) = send.backlog.front_mut() else { return };
        next.left -= 1;
        let Outgoing { message, left, to, class } = *next;
        let is_last = left == 0;
        if is_last {
            send.backlog.pop_front();
        }
        let packet = Packet { message, copies: 1, from: node, to, class, is_last, is_spoilt: false };
        let ring = &mut of.inputs[LOCAL as usize][channel as usize];
        ring.push(self.packets.add(packet));
        ring.ready += 1;
        let is_first = ring.ready == 1;
        self.counters.injected += 1;
        if is_first {
            self.first(q, node, LOCAL, channel);
        }
        self.write_next(q, node, channel);
    }

    /// Software begins to read the next packet of a channel, if there is one and somebody reads.
    fn drain_next(&mut self, q: &mut impl Schedule<TreeEvent>, node: u8, channel: u8) {
        let receive = &mut self.nodes[node as usize].receive[channel as usize];
        if let Some(whole) = receive.next() {
            receive.is_draining = true;
            q.after(whole.since(q.now()) + self.timing.drain, TreeEvent::Drained { node, channel });
        }
    }

    fn drained(&mut self, q: &mut impl Schedule<TreeEvent>, node: u8, channel: u8) {
        let receive = &mut self.nodes[node as usize].receive[channel as usize];
        let id = receive.ring.head();
        receive.ring.pop();
        receive.is_draining = false;
        let packet = *self.packets.get(id);
        self.packets.drop(id);
        self.counters.drained += 1;
        if packet.is_last || packet.is_spoilt {
            self.note(node, channel, &packet);
        }
        self.drain_next(q, node, channel);
        self.try_receive(q, node, channel);
    }

    /// Software has read the last packet of a message, or one that was spoilt.
    fn note(&mut self, node: u8, channel: u8, packet: &Packet) {
        let passage = (node, packet.from, channel, packet.message);
        if !packet.is_last {
            self.spoilt.insert(passage);
            return;
        }
        let was_spoilt = !self.spoilt.is_empty() && self.spoilt.remove(&passage);
        if !self.missing.is_empty() && self.missing.remove(&passage) {
            return;
        }
        self.counters.messages += 1;
        self.delivered.push_back(Delivery {
            at: End::of(node),
            from: End::of(packet.from),
            channel: Channel::ALL[channel as usize],
            message: packet.message,
            is_spoilt: packet.is_spoilt || was_spoilt,
            is_broadcast: packet.to == ALL,
        });
    }
}

#[cfg(test)]
mod tests;
