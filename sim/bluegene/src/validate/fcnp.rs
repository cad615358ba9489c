//! FCNP between an I/O node and a compute node, by its protocol (S11): a request of one packet up, the I/O
//! node's software, an answer of one packet with the first 240 bytes of a message, the rest behind. A write
//! has the first bytes in its request and the rest behind the answer.
//!
//! The compute node is the one next to the I/O node (own): no source says which it was.

use super::published::{Point, curve};
use super::{Gate, Row, Setup, mbps};
use crate::net::cpu::{Affinity, Poller};
use crate::net::tree::{Channel, End, Target, Timing, Tree, TreeEvent};
use crate::parameters::{HAND_OVER_READ_NS, HAND_OVER_WRITE_NS, LINK_PAYLOAD, TREE_PAYLOAD};
use crate::queue::{Queue, Schedule};
use crate::time::Ps;

/// Which way a message goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Way {
    /// The compute node reads.
    Read,
    /// It writes.
    Write,
}

/// How the I/O node meets it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Host {
    /// The application waits already: no hand-over between threads.
    pub(super) is_waiting: bool,
    /// Interrupts, or polling for ever.
    pub(super) interrupts: Option<Affinity>,
    /// How long the compute node rests between messages.
    pub(super) rest: Ps,
}

impl Host {
    pub(super) const POLLING: Self = Self { is_waiting: false, interrupts: None, rest: Ps::ZERO };
    pub(super) const WAITING: Self = Self { is_waiting: true, ..Self::POLLING };
}

const REQUEST: u32 = 0;
const ANSWER: u32 = 1;
const DATA: u32 = 2;
/// Bytes that a request or an answer carries beside its 16 of control.
const FIRST: u32 = LINK_PAYLOAD;

enum Event {
    Tree(TreeEvent),
    /// The compute node asks.
    Asks,
    /// The I/O node's application answers.
    Answers,
}

struct Bench {
    queue: Queue<Event>,
    tree: Tree,
    poller: Poller,
    host: Host,
    way: Way,
    bytes: u32,
    /// When messages were whole, from the first on.
    done: Vec<Ps>,
}

/// The time of the last of so many messages, one behind the other, from its request on.
pub(super) fn round(timing: Timing, host: Host, way: Way, bytes: u32, messages: usize) -> Ps {
    let (queue, tree) = (Queue::default(), Tree::new(16, timing));
    let poller = Poller::new(host.interrupts);
    let mut bench = Bench { queue, tree, poller, host, way, bytes, done: Vec::new() };
    let mut begun = Ps::ZERO;
    bench.queue.push(Ps::ZERO, Event::Asks);
    while let Some(event) = bench.queue.pop(Ps(u64::MAX)) {
        match event {
            Event::Tree(event) => {
                bench.tree.handle(&mut bench.queue.of(Event::Tree), event);
                bench.delivered();
            }
            Event::Asks if bench.done.len() == messages => break,
            Event::Asks => {
                begun = bench.queue.now();
                bench.send(End::Compute(0), REQUEST, TREE_PAYLOAD);
            }
            Event::Answers => {
                // The thread that polls has handed the request over, and begins again.
                bench.poller.polls(bench.queue.now());
                bench.send(End::Io, ANSWER, TREE_PAYLOAD);
                if way == Way::Read && bytes > FIRST {
                    bench.send(End::Io, DATA, bytes - FIRST);
                }
            }
        }
    }
    bench.done.last().map_or(Ps::ZERO, |done| done.since(begun))
}

impl Bench {
    fn send(&mut self, from: End, message: u32, bytes: u32) {
        let to = if from == End::Io { End::Compute(0) } else { End::Io };
        let way = (from, Target::One(to), Channel::First);
        self.tree.send(&mut self.queue.of(Event::Tree), way, message, bytes);
    }

    fn delivered(&mut self) {
        while let Some(delivery) = self.tree.poll_delivery() {
            let now = self.queue.now();
            match (delivery.message, self.way) {
                (REQUEST, way) => {
                    let wakes = self.poller.delay(now);
                    let hand_over = match (self.host.is_waiting, way) {
                        (true, _) => Ps::ZERO,
                        (false, Way::Read) => Ps::ns(HAND_OVER_READ_NS),
                        (false, Way::Write) => Ps::ns(HAND_OVER_WRITE_NS),
                    };
                    self.queue.after(wakes + hand_over, Event::Answers);
                }
                (ANSWER, Way::Write) if self.bytes > FIRST => {
                    self.send(End::Compute(0), DATA, self.bytes - FIRST);
                }
                (ANSWER, Way::Read) if self.bytes > FIRST => {}
                _ => {
                    // What comes in keeps the I/O node polling (S11).
                    if self.way == Way::Write {
                        self.poller.polls(now);
                    }
                    self.done.push(now);
                    self.queue.after(self.host.rest, Event::Asks);
                }
            }
        }
    }
}

/// The rung.
pub(super) fn rows(setup: &Setup) -> Vec<Row> {
    let points = || curve().into_iter().filter(|point| point.bytes <= setup.bytes_max);
    let mut rows: Vec<Row> = points().map(|point| poll(setup, &point)).collect();
    rows.extend(rounds(setup));
    rows.extend(wake_ups(setup));
    rows.push(both_ways(setup, End::Io));
    rows.push(both_ways(setup, End::Compute(0)));
    rows.extend(points().map(|point| interrupts(setup, &point)));
    rows
}

fn poll(setup: &Setup, point: &Point) -> Row {
    let time = round(setup.fcnp, Host::POLLING, Way::Read, point.bytes, 1);
    let both = (point.poll, mbps(u64::from(point.bytes), time));
    let what = format!("FCNP, polling, {} bytes", point.bytes);
    Row { bytes: Some(point.bytes), ..Row::number("V1 V2", what, "Mb/s", both, Gate::Within(5.0)) }
}

fn interrupts(setup: &Setup, point: &Point) -> Row {
    let host = Host { interrupts: Some(Affinity::Apart), ..Host::POLLING };
    // The second request of a long message finds nobody polling.
    let time = round(setup.fcnp, host, Way::Read, point.bytes, 2);
    let both = (point.interrupt, mbps(u64::from(point.bytes), time));
    let what = format!("FCNP, interrupts, {} bytes", point.bytes);
    let why = Gate::Printed("on which cores its threads ran is not told");
    Row { bytes: Some(point.bytes), ..Row::number("S12", what, "Mb/s", both, why) }
}

fn rounds(setup: &Setup) -> [Row; 3] {
    let us = |host, way| round(setup.fcnp, host, way, 16, 1).seconds() * 1e6;
    let row =
        |what: &str, published, ours| Row::number("V3", what, "us", (published, ours), Gate::Within(5.0));
    [
        row("FCNP, a read", 13.3, us(Host::POLLING, Way::Read)),
        row("FCNP, a write", 13.9, us(Host::POLLING, Way::Write)),
        row("FCNP, the application waits", 2.1, us(Host::WAITING, Way::Read)),
    ]
}

fn wake_ups(setup: &Setup) -> impl Iterator<Item = Row> {
    let fcnp = setup.fcnp;
    let added = [
        (Affinity::Apart, "no thread on core 0", 8.0),
        (Affinity::Poller, "the poller on core 0", 5.0),
        (Affinity::Application, "the application on core 0", 26.0),
    ];
    added.into_iter().map(move |(affinity, place, published)| {
        let time = |interrupts| {
            let host = Host { interrupts, rest: Ps::us(100), ..Host::POLLING };
            round(fcnp, host, Way::Read, 16, 2)
        };
        let ours = (time(Some(affinity)) - time(None)).seconds() * 1e6;
        let what = format!("FCNP, an interrupt adds, {place}");
        Row::number("V4", what, "us", (published, ours), Gate::Within(5.0))
    })
}

/// Streams without a protocol in both directions at once: the rate of what one end sends.
fn both_ways(setup: &Setup, of: End) -> Row {
    let bytes = setup.bytes_max.min(16 << 20);
    let (mut queue, mut tree) = (Queue::default(), Tree::new(16, setup.fcnp));
    tree.down(&mut queue, 0, DATA, bytes);
    tree.up(&mut queue, 0, DATA, bytes);
    let mut ours = f64::NAN;
    while let Some(event) = queue.pop(Ps(u64::MAX)) {
        tree.handle(&mut queue, event);
        while let Some(delivery) = tree.poll_delivery() {
            if delivery.from == of {
                ours = mbps(u64::from(bytes), queue.now());
            }
        }
    }
    let what = if of == End::Io { "both ways at once: down" } else { "both ways at once: up" };
    Row::number("V5", what, "Mb/s", (6540.0, ours), Gate::Within(5.0))
}
