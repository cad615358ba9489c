//! The machine's own networks between places: the collective network of each pset below its aggregators, and
//! the Ethernet of I/O nodes and hosts between aggregators. Messages are packets there, and what goes to many
//! children of a pset is one train of packets, which routers copy.

use crate::levels::Levels;
use crate::link::Side;
use crate::machine::{Node, Partition};
use crate::message::Address;
use crate::net::ethernet::{Ethernet, EthernetEvent, Kind};
use crate::net::frame;
use crate::net::tree::{Channel, Delivery, End, Link, Timing, Tree, TreeEvent};
use crate::time::Ps;
use crate::world::{Event, Place, World};
use cnode::Bounds;

/// What comes next in one of the networks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum FabricEvent {
    /// In the tree of that pset.
    Tree(u32, TreeEvent),
    Ethernet(EthernetEvent),
}

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
    fn port(&self, io: u32) -> u32 {
        let psets = self.trees.len() as u32;
        let lowest = psets * self.shared;
        if io < lowest { io / self.shared } else { psets + io - lowest }
    }

    /// The tree of a pset.
    pub(crate) fn tree(&self, psid: u32) -> &Tree {
        &self.trees[psid as usize]
    }

    /// What is between I/O nodes and hosts.
    pub(crate) fn ethernet(&self) -> &Ethernet {
        &self.ethernet
    }

    /// A compute node below that aggregator reads nothing from its tree.
    pub(crate) fn is_deaf(&self, above: u32, leaf: u32) -> bool {
        let place = End::Compute(self.places[leaf as usize]);
        self.trees[(above / self.shared) as usize].is_deaf(place, Channel::First)
    }

    /// How long the links of a compute node below that aggregator have had packets: up, and down to it.
    pub(crate) fn busy(&self, above: u32, leaf: u32) -> [Ps; 2] {
        let (tree, below) = (&self.trees[(above / self.shared) as usize], self.places[leaf as usize]);
        [true, false].map(|is_up| tree.busy(Link { below, is_up }))
    }

    /// Bytes that it has taken.
    pub(crate) fn memory(&self) -> usize {
        self.trees.iter().map(Tree::bytes).sum::<usize>() + self.places.len() + 4 * self.nodes.len()
    }
}

impl<B: Bounds> World<B> {
    /// Sends a message from or to a compute node over its tree, between aggregators over the Ethernet; false
    /// where neither leads, which is to a client.
    pub(crate) fn inject(&mut self, link: u32, to: Side, seq: u16, message: u32) -> bool {
        let Some(fabric) = &mut self.fabric else { return false };
        let (above, below) = (self.links.get(link).above, self.links.get(link).below);
        let bytes = frame::len(self.messages.get(message).len() as u32);
        let tree = above / fabric.shared;
        let mut on_tree = self.queue.of(|event| Event::Fabric(FabricEvent::Tree(tree, event)));
        match (below, to) {
            (Place::Leaf(leaf), Side::Below) => {
                let place = fabric.places[leaf as usize];
                fabric.trees[tree as usize].down(&mut on_tree, place, message, bytes);
            }
            (Place::Leaf(leaf), Side::Above) => {
                let place = fabric.places[leaf as usize];
                fabric.trees[tree as usize].up(&mut on_tree, place, message, bytes);
            }
            (Place::Io(io), _) => {
                let (own, other) = (fabric.port(io), fabric.port(above));
                let (from, to) = if to == Side::Above { (own, other) } else { (other, own) };
                let mut q = self.queue.of(|event| Event::Fabric(FabricEvent::Ethernet(event)));
                fabric.ethernet.send(&mut q, from, to, message, bytes);
            }
            (Place::Client(_), _) => return false,
        }
        self.messages.address(message, (link, to, seq));
        true
    }

    /// Sends a message to children of a lowest aggregator, to whom it is addressed, as one train of packets.
    pub(crate) fn broadcast(&mut self, io: u32, message: u32) {
        let Some(fabric) = &mut self.fabric else { return };
        let bytes = frame::len(self.messages.get(message).len() as u32);
        // It comes to all, also to those whom it is not for.
        (0..fabric.pset).for_each(|_| self.messages.owe(message));
        let tree = io / fabric.shared;
        let mut q = self.queue.of(|event| Event::Fabric(FabricEvent::Tree(tree, event)));
        fabric.trees[tree as usize].broadcast(&mut q, message, bytes);
    }

    /// What goes to children of that aggregator goes as one train of packets.
    pub(crate) fn broadcasts(&self, io: u32) -> bool {
        self.fabric.is_some() && self.levels.level(io) == 0
    }

    /// A network goes on: what it delivers comes to whom it is addressed.
    pub(crate) fn fabric_event(&mut self, event: FabricEvent) -> Result<(), String> {
        if self.recorder.is_some() {
            self.record_network(event);
        }
        let Some(fabric) = &mut self.fabric else { return Ok(()) };
        match event {
            FabricEvent::Tree(tree, event) => {
                let mut q = self.queue.of(|event| Event::Fabric(FabricEvent::Tree(tree, event)));
                fabric.trees[tree as usize].handle(&mut q, event);
                self.counts.packets += u64::from(matches!(event, TreeEvent::Drained { .. }));
                while let Some((leaf, delivery)) = self.next_of_tree(tree) {
                    self.delivered(leaf, delivery)?;
                }
            }
            FabricEvent::Ethernet(event) => {
                let mut q = self.queue.of(|event| Event::Fabric(FabricEvent::Ethernet(event)));
                fabric.ethernet.handle(&mut q, event);
                self.counts.packets += u64::from(matches!(event, EthernetEvent::Arrived { .. }));
                while let Some((address, message)) = self.next_of_ethernet() {
                    self.comes(address, message)?;
                }
            }
        }
        Ok(())
    }

    /// The next message that a tree delivers, and the compute node that it is for or from.
    fn next_of_tree(&mut self, tree: u32) -> Option<(u32, Delivery)> {
        let fabric = self.fabric.as_mut()?;
        let delivery = fabric.trees[tree as usize].poll_delivery()?;
        let place = match (delivery.at, delivery.from) {
            (End::Compute(place), _) | (End::Io, End::Compute(place)) => place,
            (End::Io, End::Io) => return None,
        };
        Some((fabric.nodes[(tree * fabric.pset + u32::from(place)) as usize], delivery))
    }

    fn delivered(&mut self, leaf: u32, delivery: Delivery) -> Result<(), String> {
        let (links, message) = (&self.links, delivery.message);
        let is_his = |address: &Address| links.get(address.0).below == Place::Leaf(leaf);
        let address = self.messages.addressed(message, is_his);
        if let Some(address) = address {
            self.comes(address, message)?;
        }
        if delivery.is_broadcast {
            self.messages.release(message);
        }
        Ok(())
    }

    /// The next message that the Ethernet delivers, and where to.
    fn next_of_ethernet(&mut self) -> Option<(Address, u32)> {
        let fabric = self.fabric.as_mut()?;
        loop {
            let delivery = fabric.ethernet.poll_delivery()?;
            let links = &self.links;
            let is_there = |(link, to, _): &Address| {
                let port = match (to, links.get(*link).below) {
                    (Side::Below, Place::Io(io)) => fabric.port(io),
                    _ => fabric.port(links.get(*link).above),
                };
                port == delivery.at
            };
            if let Some(address) = self.messages.addressed(delivery.message, is_there) {
                return Some((address, delivery.message));
            }
        }
    }

    /// A message has come where it is addressed to: it is taken when its link is not slow and who takes it is
    /// not at another.
    fn comes(&mut self, (link, to, seq): Address, message: u32) -> Result<(), String> {
        let mut event = Event::Bytes { link, to, seq, message };
        if self.messages.get(message).is_empty() {
            self.messages.release(message);
            event = Event::Hangup { link, to };
        }
        let (place, now, slow) = (self.place_at(link, to), self.queue.now(), self.cable(link).slow);
        let end = &mut self.links.get_mut(link).ends[to as usize];
        // What is slow is not overtaken by what comes when it is slow no more.
        if slow > Ps::ZERO || end.arrival > now {
            end.arrival = end.arrival.max(now + slow);
            let until = end.arrival;
            self.queue.push(until, event);
            self.record_came((link, to, seq), now, until);
            return Ok(());
        }
        self.record_came((link, to, seq), now, now);
        match self.run_of(place) {
            Some(run) if run.is_busy(now) => {
                if let Some(at) = run.waits(event) {
                    self.queue.push(at, Event::Next(place));
                }
                Ok(())
            }
            Some(run) => {
                run.works(now);
                self.step(event)
            }
            None => self.step(event),
        }
    }

    /// Somebody is done with a message, and takes the next.
    pub(crate) fn takes_next(&mut self, place: Place) -> Result<(), String> {
        let now = self.queue.now();
        let Some(run) = self.run_of(place) else { return Ok(()) };
        let Some((event, next)) = run.next(now) else { return Ok(()) };
        if let Some(at) = next {
            self.queue.push(at, Event::Next(place));
        }
        self.step(event)
    }

    /// A compute node reads nothing more from its tree, or does again.
    pub(crate) fn deafen(&mut self, leaf: u32, is_deaf: bool) {
        let tree = self.levels.above_leaf(leaf);
        let Some(fabric) = &mut self.fabric else { return };
        let tree = tree / fabric.shared;
        let place = End::Compute(fabric.places[leaf as usize]);
        let mut q = self.queue.of(|event| Event::Fabric(FabricEvent::Tree(tree, event)));
        fabric.trees[tree as usize].deafen(&mut q, place, Channel::First, is_deaf);
    }
}
