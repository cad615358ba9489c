//! The torus: six links a node each way, packets, channels, tokens; a mesh where the partition does not
//! close.
//!
//! A packet is let onto a link as a whole when the FIFO at the far end has room for it, and goes on from
//! there before its tail has come (virtual cut-through). It takes one event a hop, when it comes up in front
//! of a FIFO, and one more where somebody waits: when a tail leaves, one look serves the link that is free,
//! the FIFO that the packet left, and whoever waited for its room. Nothing is scheduled where nobody waits,
//! and what goes to the next node undisturbed is a train.
//!
//! Channels 0 and 1 are adaptive: any link of a shortest way, that with most tokens first. Channel 2 is
//! dimension order, 3 the same with priority; a ring of theirs is entered only if room for one more packet
//! stays, so that in each something can always move, and 2 is a way out for all that is stuck in 0 and 1.
//!
//! `flow` is what happens at events and `train` what needs none, `route` has ways, `node` links and who waits
//! for them, `packet` messages and FIFOs, `wheel` what is to come, `clock` the time. See
//! docs/decisions/0022-an-order-that-needs-no-events.md.

mod clock;
mod flow;
mod node;
mod packet;
mod route;
mod train;
mod wheel;

use crate::parameters::{TORUS_FIFO, TORUS_PAYLOAD};
use crate::partition::torus::{Shape, Torus as Wiring};
use crate::queue::{Queue, Schedule};
use crate::time::Ps;
use clock::{Clock, Sweep, TICK, Tick, WIRE, is_past};
use node::{CHANNELS, LANES, Node};
use packet::{Message, NONE, Packet, push};
use route::{Grid, lane};
use slab::Slab;
use std::collections::VecDeque;
use std::hint::black_box;
use wheel::{Event, What, Wheel};

/// Nodes that a processor's cache has room for.
const CACHED: usize = 1024;

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

/// Something happens in the torus now, for [`Torus::handle`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TorusEvent;

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
    now: Tick,
    wheel: Wheel,
    /// The next tick at which it has asked to be called.
    alarm: Option<u64>,
    /// Messages and packets that were sent, and events that they took.
    sent: (u64, u64),
    events: u64,
    /// Chunks that a FIFO holds.
    fifo: u8,
    /// Rings are entered by the rule: else they fill up, which tests show.
    has_bubbles: bool,
    /// Packets go as trains where they can: else one by one, to which tests hold it.
    has_trains: bool,
    /// Which message went to which node, packet by packet.
    #[cfg(test)]
    trail: Vec<(u32, u32)>,
}

impl Torus {
    /// Without a packet.
    pub fn new(wiring: &Wiring) -> Self {
        Self::with(wiring, TORUS_FIFO as u8, true)
    }

    fn with(wiring: &Wiring, fifo: u8, has_bubbles: bool) -> Self {
        Self {
            grid: Grid::new(wiring),
            nodes: vec![Node::new(fifo); wiring.shape.nodes() as usize],
            packets: Slab::new(),
            messages: Slab::new(),
            deliveries: VecDeque::new(),
            clock: Clock::default(),
            now: 0,
            wheel: Wheel::default(),
            alarm: None,
            sent: (0, 0),
            events: 0,
            fifo,
            has_bubbles,
            has_trains: true,
            #[cfg(test)]
            trail: Vec::new(),
        }
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
        self.advance(q.now());
        if q.now().0.is_multiple_of(TICK) {
            // Whether the torus or the sender has been told first that it is this tick makes no difference.
            self.run();
        }
        let left = self.grid.way(from, to, self.sent.0 % 2 == 1);
        let lines = left.iter().filter(|hops| **hops != 0).count();
        assert!(mode != Mode::Deposit || lines <= 1, "copies are left along one line");
        self.sent.0 += 1;
        let key = self.messages.insert(Message::new((message, from), bytes, self.now, (left, mode))) as u32;
        if lines == 0 {
            self.stay(key, from);
        } else {
            self.line_up(key, from, LANES + lane(left, mode));
        }
        self.ask(q);
    }

    /// It is the time that it has asked for.
    pub fn handle(&mut self, q: &mut impl Schedule<TorusEvent>, _: TorusEvent) {
        let tick = self.advance(q.now());
        self.alarm = self.alarm.filter(|alarm| *alarm != tick);
        self.run();
        self.ask(q);
    }

    /// A message that has arrived, each once.
    #[must_use]
    pub fn poll_delivery(&mut self) -> Option<Delivery> {
        self.deliveries.pop_front()
    }

    /// Packets that were sent; those of a train when it is over.
    pub fn packets(&self) -> u64 {
        self.sent.1
    }

    /// Events that there were.
    pub fn events(&self) -> u64 {
        self.events
    }

    /// Packets that are on their way, beside those of trains.
    pub fn under_way(&self) -> usize {
        self.packets.len()
    }

    /// Bytes that it has taken.
    pub fn bytes(&self) -> usize {
        let nodes = self.nodes.capacity() * size_of::<Node>();
        let packets = self.packets.capacity() * size_of::<Packet>().next_multiple_of(8);
        let messages = self.messages.capacity() * size_of::<Message>().next_multiple_of(8);
        let deliveries = self.deliveries.capacity() * size_of::<Delivery>();
        nodes + packets + messages + deliveries + self.wheel.bytes()
    }

    /// It is the first tick that has not passed.
    #[inline]
    fn advance(&mut self, now: Ps) -> u64 {
        let tick = now.0.div_ceil(TICK);
        let now = tick as Tick;
        self.now = now;
        self.wheel.advance(tick);
        let sweep = self.clock.advance(tick);
        if sweep != Sweep::No {
            let is_old = |at| sweep == Sweep::All || is_past(at, now);
            self.nodes.iter_mut().for_each(|node| node.sweep(is_old, now));
            let done = self.messages.iter_mut().map(|(_, message)| &mut message.done);
            done.filter(|done| is_old(**done)).for_each(|done| *done = now);
        }
        tick
    }

    /// What is due happens.
    #[inline]
    fn run(&mut self) {
        self.wheel.begin();
        while let Some(event) = self.wheel.take() {
            if self.nodes.len() > CACHED {
                self.foresee();
            }
            self.events += 1;
            self.happen(event);
        }
    }

    /// What the next events need is fetched from memory while one is handled: of one its node, of the one
    /// before the nodes that it goes to and comes from along its link.
    #[inline]
    fn foresee(&self) {
        if let Some(later) = self.wheel.next(2) {
            black_box(self.nodes[later.node() as usize].touch());
        }
        let Some(next) = self.wheel.next(0) else {
            return;
        };
        let node = next.node();
        let here = &self.nodes[node as usize];
        let (out, source) = match next.what() {
            What::Look(link) => (link, here.served(link)),
            What::Up(source) if source < LANES => (source / CHANNELS, source),
            What::Up(_) | What::Done { .. } => return,
        };
        let coord = self.grid.shape.coord(node).0;
        let step = |link| self.grid.step(node, &mut { coord }, link);
        let ahead = step(out);
        black_box(self.nodes[ahead as usize].served(out));
        if source < LANES {
            let back = step((source / CHANNELS) ^ 1);
            black_box(self.nodes[back as usize].served(source / CHANNELS));
        }
    }

    /// Asks to be called at the next event, if it has not.
    #[inline]
    fn ask(&mut self, q: &mut impl Schedule<TorusEvent>) {
        if let Some(first) = self.wheel.first()
            && self.alarm.is_none_or(|alarm| first < alarm)
        {
            self.alarm = Some(first);
            q.after(Ps(first * TICK) - q.now(), TorusEvent);
        }
    }

    /// A message to the node that sends it.
    fn stay(&mut self, key: u32, node: u32) {
        let mut rest = self.messages[key as usize];
        let full = u64::from(rest.to_send.saturating_sub(1) / TORUS_PAYLOAD);
        rest.to_send -= full as u32 * TORUS_PAYLOAD;
        let ticks = full * u64::from(WIRE[WIRE.len() - 1]) + u64::from(WIRE[usize::from(rest.cut().1)]);
        self.wheel.after(ticks, Event::new(node, What::Done { message: key, is_copy: false }));
    }

    /// A message waits in its lane, or goes at once.
    fn line_up(&mut self, key: u32, node: u32, lane: usize) {
        let source = self.nodes[node as usize].source_mut(lane);
        let (is_first, free) = (source.tail == NONE, source.free);
        push(&mut self.messages, &mut source.tail, key);
        if is_first && is_past(free, self.now) {
            self.front(node, lane);
        } else if is_first {
            self.wheel.at(free, Event::new(node, What::Up(lane)));
        }
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
