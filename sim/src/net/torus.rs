//! The torus: six links a node each way, packets, channels, tokens; a mesh where the partition does not
//! close.
//!
//! A packet is let onto a link as a whole when the FIFO at the far end has room for it, and goes on from
//! there before its tail has come (virtual cut-through). It takes one event a hop, when its head arrives, and
//! one more where somebody waits: when a tail leaves, one look serves the link that is free, the FIFO that
//! the packet left, and whoever waited for its room. Nothing is scheduled where nobody waits.
//!
//! Channels 0 and 1 are adaptive: any link of a shortest way, that with most tokens first. Channel 2 is
//! dimension order, 3 the same with priority; a ring of theirs is entered only if room for one more packet
//! stays, so that in each something can always move, and 2 is a way out for all that is stuck in 0 and 1.
//!
//! `flow` is what happens at events, `route` has ways, `node` links and who waits for them, `packet` messages
//! and FIFOs, `clock` the time.

mod clock;
mod flow;
mod node;
mod packet;
mod route;

use crate::machine::torus::{Shape, Torus as Wiring};
use crate::parameters::{TORUS_FIFO, TORUS_PAYLOAD};
use crate::queue::{Queue, Schedule};
use crate::time::Ps;
use clock::{Clock, Sweep, Turn, WIRE, is_past};
use node::{CHANNELS, LANES, Node};
use packet::{Message, NONE, Packet, push};
use route::{Grid, LINKS, lane};
use slab::Slab;
use std::collections::VecDeque;
use std::hint::black_box;

/// How packets of a message go.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    /// By any shortest way, as links are free. Packets of one message may overtake each other.
    Adaptive,
    /// First along X, then Y, then Z.
    Ordered,
    /// The same, before all others.
    Priority,
    /// Along one straight line, leaving a copy at each node.
    Deposit,
}

/// What happens in the torus, for [`Torus::handle`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TorusEvent {
    /// The head of a packet is there and can go on.
    Arrive(u32),
    /// A node looks whether somebody who waits can go: for a link, or at a FIFO.
    Look {
        /// The node.
        node: u32,
        /// Its link, or behind those a source.
        at: u8,
    },
    /// The last byte of a message is there, with this packet.
    Done(u32),
}

/// A message has arrived.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Delivery {
    /// The sender's number for it.
    pub message: u32,
    /// The node that sent it.
    pub from: u32,
    /// The node that has it: each along the line, in order, if it leaves copies.
    pub at: u32,
}

/// The torus of a partition.
#[derive(Debug)]
pub struct Torus {
    grid: Grid,
    nodes: Vec<Node>,
    packets: Slab<Packet>,
    messages: Slab<Message>,
    deliveries: VecDeque<Delivery>,
    clock: Clock,
    /// Messages and packets that were sent.
    sent: (u64, u64),
    /// Rings are entered by the rule: else they fill up, which tests show.
    has_bubbles: bool,
}

impl Torus {
    /// Without a packet.
    pub fn new(wiring: &Wiring) -> Self {
        Self::with(wiring, TORUS_FIFO as u8, true)
    }

    fn with(wiring: &Wiring, fifo: u8, has_bubbles: bool) -> Self {
        let nodes = vec![Node::new(fifo); wiring.shape.nodes() as usize];
        let (packets, messages, deliveries) = (Slab::new(), Slab::new(), VecDeque::new());
        let (grid, clock) = (Grid::new(wiring), Clock::default());
        Self { grid, nodes, packets, messages, deliveries, clock, sent: (0, 0), has_bubbles }
    }

    /// A node sends so many bytes to another, as `message`, which is the caller's number. A message to
    /// itself stays off the links, for as long as one of them would take.
    ///
    /// # Panics
    /// If a message leaves copies and does not go along one line.
    pub fn send(
        &mut self,
        q: &mut impl Schedule<TorusEvent>,
        from: u32,
        to: u32,
        message: u32,
        bytes: u32,
        mode: Mode,
    ) {
        let mut turn = self.turn(q);
        let left = self.grid.way(from, to, self.sent.0 % 2 == 1);
        let lines = left.iter().filter(|hops| **hops != 0).count();
        assert!(mode != Mode::Deposit || lines <= 1, "copies are left along one line");
        self.sent.0 += 1;
        let now = turn.now;
        let all =
            Message { id: message, from, to_send: bytes, to_come: bytes, done: now, next: NONE, left, mode };
        let key = self.messages.insert(all) as u32;
        if lines == 0 {
            return self.stay(&mut turn, key, from);
        }
        let source = LANES + lane(left, mode);
        let tail = &mut self.nodes[from as usize].source_mut(source).tail;
        let is_front = *tail == NONE;
        push(&mut self.messages, tail, key);
        if is_front {
            self.come_up(&mut turn, from, source);
        }
    }

    /// An event has come.
    pub fn handle(&mut self, q: &mut impl Schedule<TorusEvent>, event: TorusEvent) {
        let mut turn = self.turn(q);
        match event {
            TorusEvent::Arrive(packet) => self.arrive(&mut turn, packet),
            TorusEvent::Look { node, at } if usize::from(at) < LINKS => {
                self.look(&mut turn, node, usize::from(at));
            }
            TorusEvent::Look { node, at } => self.follow(&mut turn, node, usize::from(at) - LINKS),
            TorusEvent::Done(packet) => self.done(packet),
        }
    }

    /// An event comes next: what it needs is fetched from memory while another is handled. It changes
    /// nothing; a run over many nodes takes a quarter less.
    pub fn foresee(&self, event: TorusEvent) {
        let node = match event {
            TorusEvent::Arrive(key) => match self.packets.get(key as usize) {
                Some(packet) => {
                    let mut coord = packet.coord;
                    let link = usize::from(packet.fifo) / CHANNELS;
                    let from = self.grid.step(packet.at, &mut coord, link ^ 1);
                    black_box(self.nodes[from as usize].busy(link));
                    packet.at
                }
                None => return,
            },
            TorusEvent::Look { node, .. } => node,
            TorusEvent::Done(_) => return,
        };
        if let Some(node) = self.nodes.get(node as usize) {
            black_box(node.touch());
        }
    }

    /// A message that has arrived, each once.
    #[must_use]
    pub fn poll_delivery(&mut self) -> Option<Delivery> {
        self.deliveries.pop_front()
    }

    /// Packets that were sent.
    pub fn packets(&self) -> u64 {
        self.sent.1
    }

    /// Packets that are on their way.
    pub fn under_way(&self) -> usize {
        self.packets.len()
    }

    /// Bytes that it has taken.
    pub fn bytes(&self) -> usize {
        let nodes = self.nodes.capacity() * size_of::<Node>();
        let packets = self.packets.capacity() * size_of::<Packet>().next_multiple_of(8);
        let messages = self.messages.capacity() * size_of::<Message>().next_multiple_of(8);
        nodes + packets + messages + self.deliveries.capacity() * size_of::<Delivery>()
    }

    fn turn<'a, Q: Schedule<TorusEvent>>(&mut self, q: &'a mut Q) -> Turn<'a, Q> {
        let sweep = self.clock.advance(q.now());
        let turn = Turn::new(q);
        let now = turn.now;
        if sweep != Sweep::No {
            let is_old = |at| sweep == Sweep::All || is_past(at, now);
            self.nodes.iter_mut().for_each(|node| node.sweep(is_old, now));
            let done = self.messages.iter_mut().map(|(_, message)| &mut message.done);
            done.filter(|done| is_old(**done)).for_each(|done| *done = now);
        }
        turn
    }

    /// A message to the node that sends it.
    fn stay(&mut self, turn: &mut Turn<'_, impl Schedule<TorusEvent>>, key: u32, node: u32) {
        let message = &self.messages[key as usize];
        let packet = message.packet(key, (node, [0; 3]), (0, 0));
        let mut rest = *message;
        let full = u64::from(rest.to_send.saturating_sub(1) / TORUS_PAYLOAD);
        rest.to_send -= full as u32 * TORUS_PAYLOAD;
        let ticks = full * u64::from(WIRE[WIRE.len() - 1]) + u64::from(WIRE[usize::from(rest.cut().1)]);
        let packet = self.packets.insert(packet) as u32;
        turn.after(ticks, TorusEvent::Done(packet));
    }
}

/// What one link carries of payload for a message of so many bytes, bytes a second: V11 of `sim validate`,
/// 374 MB/s (S21).
pub fn link_payload_bytes_s(bytes: u32) -> u64 {
    let wiring = Wiring { shape: Shape([2, 1, 1]), closes: [false; 3] };
    let mut torus = Torus::new(&wiring);
    let mut queue = Queue::default();
    torus.send(&mut queue, 0, 1, 0, bytes, Mode::Ordered);
    while let Some(event) = queue.pop(Ps(u64::MAX)) {
        torus.handle(&mut queue, event);
    }
    (f64::from(bytes) / queue.now().seconds()) as u64
}

#[cfg(test)]
#[path = "torus_tests.rs"]
mod tests;
