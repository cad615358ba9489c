//! The wires of a simulated partition: links between places and what carries their messages, in order,
//! delayed, lost or changed. They are fed with messages and hangups, which come out of the agenda as events.
//!
//! `message` holds the messages on their way, `fabric` is the machine's own networks, `ports` are the links
//! of each node. A fault of a wire is its `Cable`, or a clog.

pub(crate) mod fabric;
pub(crate) mod message;
pub(crate) mod ports;

use crate::agenda::Agenda;
use crate::event::{Event, NetworkEvent};
use crate::levels::Levels;
use crate::link::{Address, Arrival, Cable, End, Link, Links, Side};
use crate::passage::Passage;
use crate::place::Place;
use bluegene::parameters::TREE_FIFO;
use bluegene::partition::Partition;
use bluegene::time::Ps;
use fabric::{Delivered, Fabric, Receiver};
use ionode::bounds::PARENT;
use message::Messages;
use ports::Ports;
use protocol::server::LinkId;
use std::collections::BTreeMap;
use std::rc::Rc;

/// Time of a message on a link: at least this, and up to as much again.
pub(crate) const LATENCY: Ps = Ps::us(20);
/// Within this time a kernel says again what was not acknowledged.
pub(crate) const RETRY: Ps = Ps::us(2_000_000);

/// The channel below an aggregator while one child takes nothing in: what has no room in the child's FIFO
/// stays in the channel, and all that is behind it.
#[derive(Debug)]
struct Clog {
    /// Who takes nothing in.
    child: Place,
    /// Messages that its FIFO has room for.
    room: u32,
    held: Vec<(Address, u32)>,
}

/// A message that has come to an end of a network: on which link it is, if somebody there is to get it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Arrived {
    pub(crate) address: Option<Address>,
    pub(crate) message: u32,
    pub(crate) is_broadcast: bool,
}

/// All links, and what they go through.
pub(crate) struct Wires {
    levels: Rc<Levels>,
    pub(crate) links: Links,
    pub(crate) messages: Messages,
    /// The machine's networks; without them messages just take time.
    fabric: Option<Box<Fabric>>,
    /// Of places whose link to above is not as usual.
    cables: BTreeMap<Place, Cable>,
    /// Channels below aggregators that are full.
    clogs: BTreeMap<u32, Clog>,
    pub(crate) ports: Ports,
    /// The passages of messages since they were taken last, where they are recorded.
    passages: Option<Vec<Passage>>,
}

impl Wires {
    /// Wires between all those places, with no link yet.
    pub(crate) fn new(levels: Rc<Levels>) -> Self {
        Self {
            links: Links::default(),
            messages: Messages::default(),
            fabric: None,
            cables: BTreeMap::new(),
            clogs: BTreeMap::new(),
            ports: Ports::new(levels.aggregators(), levels.nodes()),
            passages: None,
            levels,
        }
    }

    /// Messages go over the machine's own networks.
    pub(crate) fn use_networks(&mut self, partition: &Partition) {
        self.fabric = Some(Box::new(Fabric::new(partition, &self.levels)));
    }

    /// The aggregator above a node or an aggregator.
    fn above(&self, place: Place) -> Option<u32> {
        match place {
            Place::Leaf(leaf) => Some(self.levels.above_leaf(leaf)),
            Place::Io(io) => self.levels.above_io(io),
            Place::Client(_) => None,
        }
    }

    /// Connects somebody with an aggregator, if that has a number left: the link and that number.
    pub(crate) fn connect(&mut self, below: Place, above: u32) -> Option<(u32, LinkId)> {
        // A driver uses the first number that is free, and so do we: the cores are to bear that.
        let id = self.ports.free(above)?;
        let open = End { is_open: true, ..End::default() };
        let link = self.links.add(Link { below, above, id, ends: [open; 2], is_torn: false, named: 0 });
        self.ports.set_link(above, id, link);
        Some((link, id))
    }

    /// Gives somebody outside a number at an aggregator, if that has one left.
    pub(crate) fn connect_outside(&mut self, io: u32, outsider: u32) -> Option<LinkId> {
        let id = self.ports.free(io)?;
        self.ports.set_outsider(io, id, outsider);
        Some(id)
    }

    pub(crate) fn is_open(&self, link: u32, side: Side) -> bool {
        self.links.get(link).ends[side as usize].is_open
    }

    /// Who is at an end of a link.
    pub(crate) fn place_at(&self, link: u32, side: Side) -> Place {
        let link = self.links.get(link);
        match side {
            Side::Above => Place::Io(link.above),
            Side::Below => link.below,
        }
    }

    /// What an aggregator or a node calls the end of a link that it has.
    pub(crate) fn id_at(&self, link: u32, side: Side) -> LinkId {
        if side == Side::Above { self.links.get(link).id } else { PARENT }
    }

    /// What the link of a place to above goes through.
    pub(crate) fn cable(&self, place: Place) -> Cable {
        // As a rule nothing is out of order.
        if self.cables.is_empty() {
            return Cable::default();
        }
        self.cables.get(&place).copied().unwrap_or_default()
    }

    fn cable_of(&self, link: u32) -> Cable {
        self.cable(self.links.get(link).below)
    }

    /// Changes what the link of a place to above goes through.
    pub(crate) fn set_cable(&mut self, place: Place, set: impl FnOnce(&mut Cable)) {
        let mut cable = self.cable(place);
        set(&mut cable);
        if cable == Cable::default() {
            self.cables.remove(&place);
        } else {
            self.cables.insert(place, cable);
        }
    }

    /// Sends a message, or as many as there are back to back.
    pub(crate) fn send(&mut self, agenda: &mut Agenda, link: u32, to: Side, burst: &[u8]) {
        let mut rest = burst;
        while let Some(len) = rest.get(..4).map(|len| u32::from_le_bytes([len[0], len[1], len[2], len[3]])) {
            let (message, next) = rest.split_at((len as usize).clamp(4, rest.len()));
            let number = self.messages.take(message);
            self.send_message(agenda, link, to, number);
            self.messages.sweep(number);
            rest = next;
        }
    }

    /// The same for a message that is sent to others too.
    pub(crate) fn send_message(&mut self, agenda: &mut Agenda, link: u32, to: Side, message: u32) {
        if let Some(address) = self.numbered(link, to, message) {
            self.carry(agenda, address, message);
        }
    }

    /// Has a message that is broadcast come to the one below on that link, too.
    pub(crate) fn address(&mut self, link: u32, message: u32) {
        if let Some(address) = self.numbered(link, Side::Below, message) {
            self.messages.address(message, address);
        }
    }

    /// The number of a message that is to be carried to a side of a link, if that can be.
    fn numbered(&mut self, link: u32, to: Side, message: u32) -> Option<Address> {
        if !self.is_open(link, to.other()) {
            return None;
        }
        let end = &mut self.links.get_mut(link).ends[to as usize];
        end.sent = end.sent.wrapping_add(1);
        let address = Address { link, to, seq: end.sent as u16 };
        self.messages.owe(message);
        self.links.get_mut(link).named += 1;
        if self.passages.is_some() {
            let ends = [self.place_at(link, to.other()), self.place_at(link, to)];
            let kind = self.messages.get(message)[4];
            self.passes(Passage::Sent { address, ends, kind });
        }
        Some(address)
    }

    /// When something that is sent now arrives at a side: in order, after a delay from the seed.
    fn arrival(&mut self, agenda: &mut Agenda, link: u32, to: Side) -> Ps {
        let at = agenda.now() + LATENCY + agenda.within(LATENCY) + self.cable_of(link).slow;
        let end = &mut self.links.get_mut(link).ends[to as usize];
        end.arrival = end.arrival.max(at);
        end.arrival
    }

    /// Takes a message to a side of a link.
    fn carry(&mut self, agenda: &mut Agenda, address: Address, message: u32) {
        let Address { link, to, .. } = address;
        if to == Side::Below && !self.clogs.is_empty() && self.is_held(address, message) {
            return;
        }
        if !self.inject(agenda, address, message) {
            let at = self.arrival(agenda, link, to);
            let slow = self.cable_of(link).slow;
            self.passes(Passage::Came { address, at: at.since(slow), until: at });
            agenda.push(at, Event::Bytes { address, message });
        }
    }

    /// Sends a message from or to a compute node over its tree, between aggregators over the Ethernet; false
    /// where neither leads, which is to a client.
    fn inject(&mut self, agenda: &mut Agenda, address: Address, message: u32) -> bool {
        let Some(fabric) = &mut self.fabric else { return false };
        let link = self.links.get(address.link);
        let len = self.messages.get(message).len();
        let is_sent = fabric.send(agenda, link, address.to, (message, len));
        if is_sent {
            self.messages.address(message, address);
        }
        is_sent
    }

    /// What goes to children of that aggregator goes as one train of packets.
    pub(crate) fn broadcasts(&self, io: u32) -> bool {
        self.fabric.is_some() && self.levels.level(io) == 0
    }

    /// Sends a message to children of a lowest aggregator, to whom it is addressed, as one train of packets.
    pub(crate) fn broadcast(&mut self, agenda: &mut Agenda, io: u32, message: u32) {
        let Some(fabric) = &mut self.fabric else { return };
        // It comes to all, also to those whom it is not for.
        (0..fabric.pset()).for_each(|_| self.messages.owe(message));
        fabric.broadcast(agenda, io, (message, self.messages.get(message).len()));
    }

    /// A network goes on: what it delivers is polled next. True if something has come to an end of it.
    pub(crate) fn handle(&mut self, agenda: &mut Agenda, event: NetworkEvent) -> bool {
        let Some(fabric) = &mut self.fabric else { return false };
        if let Some(passages) = &mut self.passages {
            passages.extend(fabric.passage(agenda.now(), event));
        }
        fabric.handle(agenda, event)
    }

    /// The next message that the network of an event delivers.
    pub(crate) fn poll(&mut self, event: NetworkEvent) -> Option<Arrived> {
        let fabric = self.fabric.as_mut()?;
        let Delivered { message, to, is_broadcast } = fabric.poll(event)?;
        let links = &self.links;
        let is_for = |address: &Address| {
            let link = links.get(address.link);
            match (to, address.to, link.below) {
                (Receiver::Leaf(leaf), _, below) => below == Place::Leaf(leaf),
                (Receiver::Port(port), Side::Below, Place::Io(io)) => fabric.port(io) == port,
                (Receiver::Port(port), ..) => fabric.port(link.above) == port,
            }
        };
        let address = self.messages.addressed(message, is_for);
        Some(Arrived { address, message, is_broadcast })
    }

    /// A message has come where it is addressed to: the event, unless its link is slow and it comes later.
    pub(crate) fn comes(&mut self, agenda: &mut Agenda, address: Address, message: u32) -> Option<Event> {
        let Address { link, to, .. } = address;
        let mut event = Event::Bytes { address, message };
        if self.messages.get(message).is_empty() {
            self.messages.release(message);
            event = Event::Hangup { link, to };
        }
        let (now, slow) = (agenda.now(), self.cable_of(link).slow);
        let end = &mut self.links.get_mut(link).ends[to as usize];
        // What is slow is not overtaken by what comes when it is slow no more.
        if slow > Ps::ZERO || end.arrival > now {
            end.arrival = end.arrival.max(now + slow);
            let until = end.arrival;
            agenda.push(until, event);
            self.passes(Passage::Came { address, at: now, until });
            return None;
        }
        self.passes(Passage::Came { address, at: now, until: now });
        Some(event)
    }

    /// What was on its way to a side has come there: the message, if it gets there whole. One that is out of
    /// turn or was changed ends the link, as nothing more can be believed.
    pub(crate) fn arrives(&mut self, agenda: &mut Agenda, address: Address, message: u32) -> Arrival {
        let Address { link, to, seq } = address;
        let (below, cable) = (self.links.get(link).below, self.cable_of(link));
        if !self.is_open(link, to) || self.links.get(link).is_torn || cable.mute[to as usize] {
            return Arrival::Lost;
        }
        if cable.lose > 0 {
            self.set_cable(below, |cable| cable.lose -= 1);
            return Arrival::Lost;
        }
        let end = &mut self.links.get_mut(link).ends[to as usize];
        end.had = end.had.wrapping_add(1);
        let is_next = end.had as u16 == seq;
        let mut is_sound = self.messages.is_sound(message);
        if cable.corrupt > 0 {
            self.set_cable(below, |cable| cable.corrupt -= 1);
            let copy = self.messages.corrupted(message, agenda.below(1 << 20));
            is_sound = self.messages.is_sound(copy);
            self.messages.sweep(copy);
        }
        if is_next && is_sound { Arrival::Whole } else { Arrival::Broken }
    }

    /// An event that named a link has come.
    pub(crate) fn unname(&mut self, link: u32) {
        self.links.get_mut(link).named -= 1;
        self.links.sweep(link);
    }

    /// An event that came to nobody.
    pub(crate) fn discard(&mut self, event: &Event) {
        match *event {
            Event::Bytes { address, message } => {
                self.messages.release(message);
                self.unname(address.link);
            }
            Event::Hangup { link, .. } => self.unname(link),
            Event::Tick(_)
            | Event::Next(_)
            | Event::Network(_)
            | Event::Dial(..)
            | Event::Undialed(..)
            | Event::Started { .. }
            | Event::Step { .. }
            | Event::Fault(_)
            | Event::Act(..) => {}
        }
    }

    /// One end hangs up; the other sees it behind what was sent before.
    pub(crate) fn close(&mut self, agenda: &mut Agenda, link: u32, side: Side) {
        let to = side.other();
        if self.shut(link, side) && self.is_open(link, to) {
            // In a network it is a message without bytes, behind those that are on their way.
            let message = self.messages.take(&[]);
            self.messages.owe(message);
            self.links.get_mut(link).named += 1;
            if !self.inject(agenda, Address { link, to, seq: 0 }, message) {
                self.messages.release(message);
                let at = self.arrival(agenda, link, to);
                agenda.push(at, Event::Hangup { link, to });
            }
        }
    }

    /// One end is closed; false if it was.
    pub(crate) fn shut(&mut self, link: u32, side: Side) -> bool {
        let Link { below, above, id, ends, .. } = self.links.get_mut(link);
        let was_open = std::mem::take(&mut ends[side as usize].is_open);
        let (below, above, id) = (*below, *above, *id);
        match side {
            Side::Above if was_open => self.ports.clear(above, id),
            Side::Below if self.ports.up(below) == Some(link) => self.ports.set_up(below, None),
            Side::Above | Side::Below => {}
        }
        if was_open {
            self.links.sweep(link);
        }
        was_open
    }

    /// What is on its way is lost, and both ends see a hangup after a while.
    pub(crate) fn reset(&mut self, agenda: &mut Agenda, link: u32, after: Ps) {
        self.links.get_mut(link).is_torn = true;
        for to in [Side::Above, Side::Below] {
            let jitter = agenda.within(LATENCY);
            self.links.get_mut(link).named += 1;
            agenda.push(agenda.now() + after + LATENCY + jitter, Event::Hangup { link, to });
        }
    }

    /// Every link of a place to above is reset, as far as an end does not know yet that it is gone.
    pub(crate) fn reset_up(&mut self, agenda: &mut Agenda, below: Place, after: Ps) {
        let (own, Some(above)) = (self.ports.up(below), self.above(below)) else { return };
        let known = self.ports.below(above);
        let mut links: Vec<u32> = known.filter(|link| self.links.get(*link).below == below).collect();
        links.extend(own.filter(|own| !links.contains(own)));
        for link in links {
            // What is open above alone is reset when the kernel there says something again.
            let half = self.is_open(link, Side::Above) && !self.is_open(link, Side::Below);
            let retry = if half { agenda.within(RETRY) } else { Ps::ZERO };
            self.reset(agenda, link, after.max(retry));
        }
    }

    /// Links of those below an aggregator that was gone, who do not know of it yet.
    pub(crate) fn reset_below(&mut self, agenda: &mut Agenda, io: u32, after: Ps) {
        for link in self.links.open_below(io) {
            self.reset(agenda, link, after);
        }
    }

    /// A hangup gets to a side: it was reset, or its other end hung up and nothing keeps that from it.
    pub(crate) fn sees_hangup(&self, link: u32, to: Side) -> bool {
        self.is_open(link, to) && (self.links.get(link).is_torn || !self.cable_of(link).mute[to as usize])
    }

    /// A child takes nothing in any more.
    pub(crate) fn clog(&mut self, agenda: &mut Agenda, child: Place) {
        let Some(above) = self.above(child) else { return };
        match (child, &mut self.fabric) {
            (Place::Leaf(leaf), Some(fabric)) => fabric.deafen(agenda, (above, leaf), true),
            _ => {
                let clog = || Clog { child, room: TREE_FIFO, held: Vec::new() };
                self.clogs.entry(above).or_insert_with(clog);
            }
        }
    }

    /// It takes in what is there, and what was behind that goes on.
    pub(crate) fn unclog(&mut self, agenda: &mut Agenda, child: Place) {
        let Some(above) = self.above(child) else { return };
        if let (Place::Leaf(leaf), Some(fabric)) = (child, &mut self.fabric) {
            return fabric.deafen(agenda, (above, leaf), false);
        }
        if self.clogs.get(&above).is_some_and(|clog| clog.child == child) {
            let held = self.clogs.remove(&above).map_or_else(Vec::new, |clog| clog.held);
            held.into_iter().for_each(|(address, message)| self.carry(agenda, address, message));
        }
    }

    /// A child takes nothing in.
    pub(crate) fn is_clogged(&self, child: Place) -> bool {
        let is_deaf = match (child, &self.fabric) {
            (Place::Leaf(leaf), Some(fabric)) => fabric.is_deaf(self.levels.above_leaf(leaf), leaf),
            _ => false,
        };
        is_deaf || self.clogs.values().any(|clog| clog.child == child)
    }

    /// The channel below an aggregator is full.
    pub(crate) fn is_channel_full(&self, io: u32) -> bool {
        self.clogs.contains_key(&io)
    }

    /// A message to below stays in the channel.
    fn is_held(&mut self, address: Address, message: u32) -> bool {
        let Link { above, below, .. } = *self.links.get(address.link);
        let Some(clog) = self.clogs.get_mut(&above) else { return false };
        // A client is not on that channel.
        let is_on = below == clog.child || clog.room == 0 && !matches!(below, Place::Client(_));
        if is_on {
            clog.room = clog.room.saturating_sub(u32::from(below == clog.child));
            clog.held.push((address, message));
        }
        is_on
    }

    /// How long the links of each compute node's tree have had packets, up and down.
    pub(crate) fn busy(&self) -> Vec<[Ps; 2]> {
        let leaves = 0..self.levels.nodes() as u32;
        let fabric = self.fabric.iter();
        fabric.flat_map(|of| leaves.clone().map(|leaf| of.busy(self.levels.above_leaf(leaf), leaf))).collect()
    }

    /// The passages of messages are kept from now on, or no longer.
    pub(crate) fn record(&mut self, is_recorded: bool) {
        self.passages = is_recorded.then(Vec::new);
    }

    /// Those that were kept since this was called last.
    pub(crate) fn passages(&mut self) -> Vec<Passage> {
        self.passages.as_mut().map_or_else(Vec::new, std::mem::take)
    }

    fn passes(&mut self, passage: Passage) {
        if let Some(passages) = &mut self.passages {
            passages.push(passage);
        }
    }

    /// Bytes that it has taken.
    pub(crate) fn memory(&self) -> usize {
        let fabric = self.fabric.as_ref().map_or(0, |fabric| fabric.memory());
        self.links.memory() + self.messages.memory() + self.ports.memory() + fabric
    }
}
