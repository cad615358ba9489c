//! CIOD: a compute node reads from a socket whose other end an application of the I/O node has.
//!
//! A read is a call of at most 128 KiB that the compute node sends up and CIOD does. Then bytes pass three
//! stages: the application writes them into the socket, through TCP they are received, CIOD copies them out
//! and sends them down the tree, a packet at a time. A Unix socket takes nothing of the next call before; TCP
//! goes on by segments of the loopback interface, each stage on a core of its own, so that of a long message
//! only the slowest counts.

use super::published::curve;
use super::{Gate, Row, Setup, mbps};
use crate::net::cpu::Core;
use crate::net::tree::{End, Timing, Tree, TreeEvent};
use crate::parameters::{CIOD_CALL_BYTES, CIOD_CALL_NS, COPY_PS, LOOPBACK_SEGMENT, TCP_PS, TREE_PAYLOAD};
use crate::queue::{Queue, Schedule};
use crate::time::Ps;
use std::collections::VecDeque;

/// A kind of socket.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Socket {
    Unix,
    Tcp,
}

const CALL: u32 = 0;
const DATA: u32 = 1;

enum Event {
    Tree(TreeEvent),
    /// CIOD and the application have been woken for a call.
    Called,
    /// The application has written so many bytes.
    Written(u32),
    /// They are in the socket's other end.
    Received(u32),
    /// CIOD has copied them out.
    Copied(u32),
}

struct Bench {
    queue: Queue<Event>,
    tree: Tree,
    socket: Socket,
    /// Of application, TCP's receiving half, CIOD.
    cores: [Core; 3],
    /// Bytes that the compute node has still to ask for.
    left: u32,
    /// That the application has still to write.
    unwritten: u32,
    /// That lie in the socket for CIOD, by segment.
    ready: VecDeque<u32>,
    /// Of the call that is served: bytes that CIOD has still to take, and that have still to arrive.
    wanted: u32,
    awaited: u32,
    is_begun: bool,
}

/// The time of a message.
fn message(timing: Timing, socket: Socket, bytes: u32) -> Ps {
    let mut bench = Bench {
        queue: Queue::default(),
        tree: Tree::new(16, timing),
        socket,
        cores: Default::default(),
        left: bytes,
        unwritten: bytes,
        ready: Default::default(),
        wanted: 0,
        awaited: 0,
        is_begun: false,
    };
    bench.call();
    while let Some(event) = bench.queue.pop(Ps(u64::MAX)) {
        bench.step(event);
    }
    bench.queue.now()
}

impl Bench {
    fn call(&mut self) {
        self.tree.up(&mut self.queue.of(Event::Tree), 0, CALL, TREE_PAYLOAD);
    }

    fn step(&mut self, event: Event) {
        match event {
            Event::Tree(event) => {
                self.tree.handle(&mut self.queue.of(Event::Tree), event);
                while let Some(delivery) = self.tree.poll_delivery() {
                    match delivery.at {
                        End::Io => self.queue.after(Ps::ns(CIOD_CALL_NS), Event::Called),
                        End::Compute(_) => self.arrived(delivery.message),
                    }
                }
            }
            Event::Called => {
                let bytes = self.left.min(CIOD_CALL_BYTES);
                self.left -= bytes;
                (self.wanted, self.awaited) = (bytes, bytes);
                if self.socket == Socket::Unix || !self.is_begun {
                    self.write();
                }
                self.is_begun = true;
                self.copy();
            }
            Event::Written(bytes) if self.socket == Socket::Tcp => {
                self.work(1, bytes, TCP_PS, Event::Received);
                self.write();
            }
            Event::Written(bytes) | Event::Received(bytes) => {
                self.ready.push_back(bytes);
                self.copy();
            }
            Event::Copied(bytes) => {
                self.tree.down(&mut self.queue.of(Event::Tree), 0, DATA + bytes, bytes);
                // The same core writes the packets.
                let packets = u64::from(self.tree.timing().packets(bytes));
                let work = self.tree.timing().inject * packets;
                self.cores[2].take(self.queue.now(), work);
                self.copy();
            }
        }
    }

    /// A core works on so many bytes.
    fn work(&mut self, core: usize, bytes: u32, each: u64, done: fn(u32) -> Event) {
        let now = self.queue.now();
        let end = self.cores[core].take(now, Ps(each * u64::from(bytes)));
        self.queue.after(end - now, done(bytes));
    }

    /// The application writes the next bytes.
    fn write(&mut self) {
        let (most, each) = match self.socket {
            Socket::Unix => (CIOD_CALL_BYTES, COPY_PS),
            Socket::Tcp => (LOOPBACK_SEGMENT, TCP_PS),
        };
        let bytes = self.unwritten.min(most);
        if bytes > 0 {
            self.unwritten -= bytes;
            self.work(0, bytes, each, Event::Written);
        }
    }

    /// CIOD copies the next bytes that it has a call for.
    fn copy(&mut self) {
        while self.wanted > 0 {
            let Some(bytes) = self.ready.pop_front() else { return };
            self.wanted -= bytes;
            self.work(2, bytes, COPY_PS, Event::Copied);
        }
    }

    fn arrived(&mut self, message: u32) {
        self.awaited -= message - DATA;
        if self.awaited == 0 && self.left > 0 {
            self.call();
        }
    }
}

/// From here on the columns are gated.
const GATED: u32 = 4096;

/// The rung.
pub(super) fn rows(setup: &Setup) -> Vec<Row> {
    let row = |(what, socket, published, bytes): (&str, Socket, f64, u32)| {
        let gate = match bytes {
            GATED.. => Gate::Within(15.0),
            _ => Gate::Printed("wake-ups of its Linux: the curve itself jumps"),
        };
        let ours = mbps(u64::from(bytes), message(setup.fcnp, socket, bytes));
        let rung = if socket == Socket::Unix { "V6" } else { "V7" };
        let what = format!("CIOD, {what}, {bytes} bytes");
        Row { bytes: Some(bytes), ..Row::number(rung, what, "Mb/s", (published, ours), gate) }
    };
    let points = || curve().into_iter().filter(|point| point.bytes <= setup.bytes_max);
    let unix = points().map(|point| row(("Unix socket", Socket::Unix, point.unix, point.bytes)));
    let tcp = points().map(|point| row(("TCP socket", Socket::Tcp, point.tcp, point.bytes)));
    unix.chain(tcp).collect()
}
