//! The 10 Gb/s Ethernet of I/O nodes and hosts, frame by frame, through one switch.
//!
//! At an I/O node core 0 does all of it (S11): each frame costs it time to send and time to receive, and what
//! comes in goes before what goes out. Hosts cost nothing: they are faster machines, and not ours. The switch
//! takes a frame whole and sends it on; it has room for all.

use crate::net::cpu::Core;
use crate::parameters::{
    ETHERNET_BYTES_S, ETHERNET_FRAME_MAX, ETHERNET_GAP, ETHERNET_HEADER, ETHERNET_IN_FRAME_NS,
    ETHERNET_OUT_FRAME_NS, ETHERNET_SWITCH_NS,
};
use crate::queue::Schedule;
use crate::time::Ps;
use std::collections::VecDeque;

/// Bytes of a message in a full frame.
pub const PAYLOAD: u32 = ETHERNET_FRAME_MAX - ETHERNET_HEADER;

/// What comes next on it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EthernetEvent {
    /// The core of a port is done with a frame.
    Worked {
        /// The port.
        port: u32,
        /// One that came; otherwise one to send.
        is_in: bool,
    },
    /// A port can send another.
    Sent {
        /// The port.
        port: u32,
    },
    /// A frame is whole in the switch.
    Switched {
        /// The frame.
        frame: u32,
    },
    /// A frame is whole at the port that it is for.
    Arrived {
        /// The frame.
        frame: u32,
    },
}

/// What is at a port.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// An I/O node.
    IoNode,
    /// A machine outside.
    Host,
}

/// A message has come whole.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Delivery {
    /// At which port.
    pub at: u32,
    /// From which.
    pub from: u32,
    /// Which: what the sender called it.
    pub message: u32,
}

#[derive(Clone, Copy, Debug)]
struct Frame {
    from: u32,
    to: u32,
    message: u32,
    bytes: u32,
    is_last: bool,
}

#[derive(Clone, Copy, Debug)]
struct Outgoing {
    to: u32,
    message: u32,
    left: u32,
}

#[derive(Clone, Debug)]
struct Port {
    kind: Kind,
    core: Core,
    is_working: bool,
    outgoing: VecDeque<Outgoing>,
    incoming: VecDeque<u32>,
    /// A frame is made and waits until the one before is on its way.
    is_full: bool,
    /// The wire from it, and from the switch to it.
    out: Core,
    back: Core,
}

/// The network.
#[derive(Debug)]
pub struct Ethernet {
    ports: Vec<Port>,
    frames: Vec<Frame>,
    free: Vec<u32>,
    delivered: VecDeque<Delivery>,
}

/// Time of a frame on the wire.
fn wire(bytes: u32) -> Ps {
    Ps::of_bytes(u64::from(bytes + ETHERNET_HEADER + ETHERNET_GAP), ETHERNET_BYTES_S)
}

impl Ethernet {
    /// One with such ports.
    pub fn new(kinds: &[Kind]) -> Self {
        let port = |kind: &Kind| Port {
            kind: *kind,
            core: Core::default(),
            is_working: false,
            outgoing: VecDeque::new(),
            incoming: VecDeque::new(),
            is_full: false,
            out: Core::default(),
            back: Core::default(),
        };
        let ports = kinds.iter().map(port).collect();
        Self { ports, frames: Vec::new(), free: Vec::new(), delivered: VecDeque::new() }
    }

    /// A port sends a message of so many bytes to another, behind what it is sending.
    ///
    /// # Panics
    /// If there is no such port.
    pub fn send(
        &mut self,
        q: &mut impl Schedule<EthernetEvent>,
        from: u32,
        to: u32,
        message: u32,
        bytes: u32,
    ) {
        assert!((to as usize) < self.ports.len(), "the switch has that port");
        let left = bytes.max(1);
        self.ports[from as usize].outgoing.push_back(Outgoing { to, message, left });
        self.work(q, from);
    }

    /// An event has come.
    pub fn handle(&mut self, q: &mut impl Schedule<EthernetEvent>, event: EthernetEvent) {
        match event {
            EthernetEvent::Worked { port, is_in } => {
                self.ports[port as usize].is_working = false;
                if is_in {
                    self.take_in(port);
                } else {
                    self.put_out(q, port);
                }
                self.work(q, port);
            }
            EthernetEvent::Sent { port } => {
                self.ports[port as usize].is_full = false;
                self.work(q, port);
            }
            EthernetEvent::Switched { frame } => {
                let Frame { to, bytes, .. } = self.frames[frame as usize];
                let end = self.ports[to as usize].back.take(q.now(), wire(bytes));
                q.after(end - q.now(), EthernetEvent::Arrived { frame });
            }
            EthernetEvent::Arrived { frame } => {
                let port = self.frames[frame as usize].to;
                self.ports[port as usize].incoming.push_back(frame);
                self.work(q, port);
            }
        }
    }

    /// The next message that was delivered.
    pub fn poll_delivery(&mut self) -> Option<Delivery> {
        self.delivered.pop_front()
    }

    /// How long the core of a port has worked for it.
    pub fn busy(&self, port: u32) -> Ps {
        self.ports[port as usize].core.busy()
    }

    /// What the core of a port is about to be done with, a frame of it: from where to where which message,
    /// and whether that frame is its last.
    pub fn working(&self, port: u32, is_in: bool) -> Option<((u32, u32, u32), bool)> {
        let of = &self.ports[port as usize];
        if is_in {
            return of.incoming.front().map(|frame| self.frame(*frame));
        }
        let next = of.outgoing.front()?;
        Some(((port, next.to, next.message), next.left <= PAYLOAD))
    }

    /// From where to where a frame is, of which message, and whether it is the last of that.
    pub fn frame(&self, frame: u32) -> ((u32, u32, u32), bool) {
        let Frame { from, to, message, is_last, .. } = self.frames[frame as usize];
        ((from, to, message), is_last)
    }

    /// What a frame costs the core of a port.
    pub fn cost(&self, port: u32, is_in: bool) -> Ps {
        match (self.ports[port as usize].kind, is_in) {
            (Kind::Host, _) => Ps::ZERO,
            (Kind::IoNode, true) => Ps::ns(ETHERNET_IN_FRAME_NS),
            (Kind::IoNode, false) => Ps::ns(ETHERNET_OUT_FRAME_NS),
        }
    }

    /// The core of a port begins its next piece of work, if there is one.
    fn work(&mut self, q: &mut impl Schedule<EthernetEvent>, port: u32) {
        let of = &self.ports[port as usize];
        if of.is_working {
            return;
        }
        let is_in = !of.incoming.is_empty();
        if !is_in && (of.outgoing.is_empty() || of.is_full) {
            return;
        }
        let cost = self.cost(port, is_in);
        let of = &mut self.ports[port as usize];
        of.is_working = true;
        of.core.take(q.now(), cost);
        q.after(cost, EthernetEvent::Worked { port, is_in });
    }

    fn take_in(&mut self, port: u32) {
        let Some(id) = self.ports[port as usize].incoming.pop_front() else { return };
        self.free.push(id);
        let Frame { from, message, is_last, .. } = self.frames[id as usize];
        if is_last {
            self.delivered.push_back(Delivery { at: port, from, message });
        }
    }

    fn put_out(&mut self, q: &mut impl Schedule<EthernetEvent>, port: u32) {
        let of = &mut self.ports[port as usize];
        let Some(next) = of.outgoing.front_mut() else { return };
        let bytes = next.left.min(PAYLOAD);
        next.left -= bytes;
        let is_last = next.left == 0;
        let frame = Frame { from: port, to: next.to, message: next.message, bytes, is_last };
        if is_last {
            of.outgoing.pop_front();
        }
        let starts = of.out.free().max(q.now()) - q.now();
        let end = of.out.take(q.now(), wire(bytes)) - q.now();
        // The next is made while this one is on the wire, not before.
        of.is_full = true;
        q.after(starts, EthernetEvent::Sent { port });
        let id = self.free.pop().unwrap_or_else(|| {
            self.frames.push(frame);
            (self.frames.len() - 1) as u32
        });
        self.frames[id as usize] = frame;
        q.after(end + Ps::ns(ETHERNET_SWITCH_NS), EthernetEvent::Switched { frame: id });
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::queue::Queue;

    const IO: [Kind; 2] = [Kind::IoNode, Kind::Host];

    fn run(net: &mut Ethernet, queue: &mut Queue<EthernetEvent>) -> Vec<(Ps, Delivery)> {
        let mut delivered = Vec::new();
        while let Some(event) = queue.pop(Ps(u64::MAX)) {
            net.handle(queue, event);
            delivered.extend(std::iter::from_fn(|| net.poll_delivery()).map(|told| (queue.now(), told)));
        }
        delivered
    }

    #[test]
    fn a_frame_takes_the_core_the_wire_twice_and_the_switch() {
        let (mut net, mut queue) = (Ethernet::new(&IO), Queue::default());
        net.send(&mut queue, 0, 1, 7, 9000);
        let told = Delivery { at: 1, from: 0, message: 7 };
        let takes = Ps::ns(ETHERNET_OUT_FRAME_NS + ETHERNET_SWITCH_NS) + wire(9000) * 2;
        assert_eq!(run(&mut net, &mut queue), [(takes, told)]);
        let start = queue.now();
        net.send(&mut queue, 1, 0, 8, 100);
        let takes = Ps::ns(ETHERNET_IN_FRAME_NS + ETHERNET_SWITCH_NS) + wire(100) * 2;
        assert_eq!(run(&mut net, &mut queue)[0].0 - start, takes);
    }

    #[test]
    fn between_hosts_the_wire_is_the_bound_and_a_receiver_of_two_shares_it() {
        let (mut net, mut queue) = (Ethernet::new(&[Kind::Host; 3]), Queue::default());
        net.send(&mut queue, 1, 0, 1, 9_000_000);
        let alone = run(&mut net, &mut queue)[0].0;
        let rate = 9_000_000.0 * 8.0 / alone.seconds() / 1e9;
        assert!((9.8..10.0).contains(&rate), "{rate} Gb/s");
        let start = queue.now();
        net.send(&mut queue, 1, 0, 1, 9_000_000);
        net.send(&mut queue, 2, 0, 2, 9_000_000);
        let both = run(&mut net, &mut queue).last().unwrap().0 - start;
        assert!((1.98..2.0).contains(&(both.seconds() / alone.seconds())), "{both}");
    }

    #[test]
    fn messages_between_two_ports_arrive_in_order_and_an_io_node_works_no_longer_than_there_is_time() {
        let (mut net, mut queue) = (Ethernet::new(&IO), Queue::default());
        for message in 0..50 {
            net.send(&mut queue, 0, 1, message, 1 + message * 999);
            net.send(&mut queue, 1, 0, message, 1 + message * 777);
        }
        let delivered = run(&mut net, &mut queue);
        for at in [0, 1] {
            let got = delivered.iter().filter(|(_, told)| told.at == at).map(|(_, told)| told.message);
            assert!(got.eq(0..50), "at {at}");
        }
        assert!(net.busy(0) <= queue.now() && net.busy(1) == Ps::ZERO);
    }

    #[test]
    fn events_are_small() {
        assert!(size_of::<EthernetEvent>() <= 16);
    }
}
