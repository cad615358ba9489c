//! The machine's own networks between places: the collective network of each pset below its aggregators, and
//! the Ethernet of I/O nodes and hosts between aggregators. Messages are packets there, and what goes to many
//! children of a pset is one train of packets, which routers copy.

use crate::agenda::Agenda;
use crate::event::NetworkEvent;
use crate::levels::Levels;
use crate::link::{Link, Side};
use crate::passage::{ETHERNET, Passage, Way, Writer};
use crate::place::Place;
use bluegene::net::ethernet::{Ethernet, EthernetEvent, Kind};
use bluegene::net::frame;
use bluegene::net::tree::{self, Channel, End, Timing, Tree, TreeEvent};
use bluegene::partition::{Node, Partition};
use bluegene::time::Ps;

/// The networks of a partition.
#[derive(Debug)]
pub(crate) struct Fabric {
    trees: Vec<Tree>,
    ethernet: Ethernet,
    /// Aggregators on an I/O node.
    shared: u32,
    /// The place of each compute node in its pset.
    places: Vec<u8>,
    /// The compute nodes of all psets, each in the order of its places.
    nodes: Vec<u32>,
    pset: u32,
}

/// A message that a network delivers.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Delivered {
    pub(crate) message: u32,
    pub(crate) to: Receiver,
    /// All below an aggregator get it, whomever it is for.
    pub(crate) is_broadcast: bool,
}

/// Where a network delivers a message.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Receiver {
    /// To a compute node or from it: on its link.
    Leaf(u32),
    /// At a port of the Ethernet.
    Port(u32),
}

impl Fabric {
    /// The networks of a partition with those levels of aggregators. Each I/O node is on the Ethernet, and a
    /// host for each aggregator above.
    pub(crate) fn new(partition: &Partition, levels: &Levels) -> Self {
        let pset = partition.pset_size();
        let mut places = Vec::with_capacity(levels.nodes());
        let mut nodes = vec![0; levels.nodes()];
        for (leaf, node) in (0..).zip(partition.all()) {
            if let Node::Compute(coord) = node {
                let place = partition.pset_place(coord);
                places.push(place as u8);
                nodes[(partition.psid(coord) * pset + place) as usize] = leaf;
            }
        }
        let trees = (0..partition.psets()).map(|_| Tree::new(pset as u8, Timing::LINUX)).collect();
        let shared = partition.pset_aggregators();
        let hosts = levels.aggregators() - levels.on(0).end;
        let io_nodes = (0..partition.psets()).map(|_| Kind::IoNode);
        let kinds: Vec<Kind> = io_nodes.chain((0..hosts).map(|_| Kind::Host)).collect();
        Self { trees, ethernet: Ethernet::new(&kinds), shared, places, nodes, pset }
    }

    /// The port of an aggregator on the Ethernet.
    pub(crate) fn port(&self, io: u32) -> u32 {
        let psets = self.trees.len() as u32;
        let lowest = psets * self.shared;
        if io < lowest { io / self.shared } else { psets + io - lowest }
    }

    /// Compute nodes below a lowest aggregator, all of whom get what is broadcast there.
    pub(crate) fn pset(&self) -> u32 {
        self.pset
    }

    /// A compute node below that aggregator reads nothing from its tree.
    pub(crate) fn is_deaf(&self, above: u32, leaf: u32) -> bool {
        let place = End::Compute(self.places[leaf as usize]);
        self.trees[(above / self.shared) as usize].is_deaf(place, Channel::First)
    }

    /// A compute node below that aggregator reads nothing more from its tree, or does again.
    pub(crate) fn deafen(&mut self, agenda: &mut Agenda, (above, leaf): (u32, u32), is_deaf: bool) {
        let (tree, place) = (above / self.shared, End::Compute(self.places[leaf as usize]));
        let mut queue = agenda.network(|event| NetworkEvent::Tree(tree, event));
        self.trees[tree as usize].deafen(&mut queue, place, Channel::First, is_deaf);
    }

    /// How long the links of a compute node below that aggregator have had packets: up, and down to it.
    pub(crate) fn busy(&self, above: u32, leaf: u32) -> [Ps; 2] {
        let (of, below) = (&self.trees[(above / self.shared) as usize], self.places[leaf as usize]);
        [true, false].map(|is_up| of.busy(tree::Link { below, is_up }))
    }

    /// Sends a message of `len` bytes to a side of a link; false for a client's, to whom no network leads.
    pub(crate) fn send(
        &mut self,
        agenda: &mut Agenda,
        link: &Link,
        to: Side,
        (message, len): (u32, usize),
    ) -> bool {
        let above = link.above;
        let bytes = frame::len(len as u32);
        match link.below {
            Place::Leaf(leaf) => {
                let (tree, place) = (above / self.shared, self.places[leaf as usize]);
                let mut queue = agenda.network(|event| NetworkEvent::Tree(tree, event));
                let tree = &mut self.trees[tree as usize];
                match to {
                    Side::Below => tree.down(&mut queue, place, message, bytes),
                    Side::Above => tree.up(&mut queue, place, message, bytes),
                }
            }
            Place::Io(io) => {
                let (own, other) = (self.port(io), self.port(above));
                let (from, to) = if to == Side::Above { (own, other) } else { (other, own) };
                self.ethernet.send(&mut agenda.network(NetworkEvent::Ethernet), from, to, message, bytes);
            }
            Place::Client(_) => return false,
        }
        true
    }

    /// Sends a message of `len` bytes to all compute nodes below a lowest aggregator, as one train of
    /// packets.
    pub(crate) fn broadcast(&mut self, agenda: &mut Agenda, io: u32, (message, len): (u32, usize)) {
        let tree = io / self.shared;
        let mut queue = agenda.network(|event| NetworkEvent::Tree(tree, event));
        self.trees[tree as usize].broadcast(&mut queue, message, frame::len(len as u32));
    }

    /// A network goes on; true if a packet or a frame has come to an end of it.
    pub(crate) fn handle(&mut self, agenda: &mut Agenda, event: NetworkEvent) -> bool {
        match event {
            NetworkEvent::Tree(tree, event) => {
                let mut queue = agenda.network(|event| NetworkEvent::Tree(tree, event));
                self.trees[tree as usize].handle(&mut queue, event);
                matches!(event, TreeEvent::Drained { .. })
            }
            NetworkEvent::Ethernet(event) => {
                self.ethernet.handle(&mut agenda.network(NetworkEvent::Ethernet), event);
                matches!(event, EthernetEvent::Arrived { .. })
            }
        }
    }

    /// The next message that the network of an event delivers.
    pub(crate) fn poll(&mut self, event: NetworkEvent) -> Option<Delivered> {
        match event {
            NetworkEvent::Tree(tree, _) => {
                let delivery = self.trees[tree as usize].poll_delivery()?;
                let place = match (delivery.at, delivery.from) {
                    (End::Compute(place), _) | (End::Io, End::Compute(place)) => place,
                    (End::Io, End::Io) => return None,
                };
                let leaf = self.nodes[(tree * self.pset + u32::from(place)) as usize];
                let (message, is_broadcast) = (delivery.message, delivery.is_broadcast);
                Some(Delivered { message, to: Receiver::Leaf(leaf), is_broadcast })
            }
            NetworkEvent::Ethernet(_) => {
                let delivery = self.ethernet.poll_delivery()?;
                let (message, to) = (delivery.message, Receiver::Port(delivery.at));
                Some(Delivered { message, to, is_broadcast: false })
            }
        }
    }

    /// What a network that is about to go on has written or read by then.
    pub(crate) fn passage(&self, now: Ps, event: NetworkEvent) -> Option<Passage> {
        match event {
            NetworkEvent::Tree(network, event) => {
                let tree = &self.trees[network as usize];
                let writer = |node: u8, channel: u8, message| {
                    let end = u32::from(node) << 8 | u32::from(channel);
                    Writer { network, end, message, to: 0 }
                };
                match event {
                    TreeEvent::Written { node, channel } => {
                        let (message, is_last) = tree.writing(node, channel)?;
                        let (writer, begun) =
                            (writer(node, channel, message), now.since(tree.timing().inject));
                        Some(Passage::Wrote { writer, begun, is_last })
                    }
                    TreeEvent::Drained { node, channel } => {
                        let (from, message, there) = tree.reading(node, channel)?;
                        let (writer, since) =
                            (writer(from, channel, message), now.since(tree.timing().drain));
                        Some(Passage::Read { way: Way::Tree, writer, there: Some(there), since })
                    }
                    TreeEvent::Head { .. } | TreeEvent::Free { .. } => None,
                }
            }
            NetworkEvent::Ethernet(event) => {
                let writer = |(end, to, message)| Writer { network: ETHERNET, end, message, to };
                match event {
                    EthernetEvent::Worked { port, is_in } => {
                        let (ends, is_last) = self.ethernet.working(port, is_in)?;
                        let (writer, begun) = (writer(ends), now.since(self.ethernet.cost(port, is_in)));
                        if !is_in {
                            return Some(Passage::Wrote { writer, begun, is_last });
                        }
                        let read = Passage::Read { way: Way::Ethernet, writer, there: None, since: begun };
                        is_last.then_some(read)
                    }
                    EthernetEvent::Arrived { frame } => {
                        let (ends, is_last) = self.ethernet.frame(frame);
                        is_last.then_some(Passage::There { writer: writer(ends) })
                    }
                    EthernetEvent::Sent { .. } | EthernetEvent::Switched { .. } => None,
                }
            }
        }
    }

    /// Bytes that it has taken.
    pub(crate) fn memory(&self) -> usize {
        self.trees.iter().map(Tree::bytes).sum::<usize>() + self.places.len() + 4 * self.nodes.len()
    }
}
