//! The router of each node: it passes packets on, port by port, and blocks where there is no room beyond.

use super::node::{CHANNELS, input, inputs};
use super::wiring::{LOCAL, PORTS, UP};
use super::{Tree, TreeEvent, wiring};
use crate::parameters::TREE_ROUTER_FIFO;
use crate::queue::Schedule;

impl Tree {
    /// A packet is the first of an input: it asks for where it has to go.
    pub(super) fn first(&mut self, q: &mut impl Schedule<TreeEvent>, node: u8, port: u8, channel: u8) {
        let of = &mut self.nodes[node as usize];
        let ring = &mut of.inputs[port as usize][channel as usize];
        let packet = self.packets.get(ring.head());
        let route = of.routes[packet.class as usize];
        let wants = wiring::targets(node, port, packet.class, packet.to, route);
        ring.wants = wants;
        if wants == 0 {
            self.counters.strays += 1;
            self.packets.drop(ring.head());
            return self.pop(q, node, port, channel);
        }
        for to in 0..PORTS as u8 {
            if wants & 1 << to != 0 {
                of.asking[to as usize] |= input(port, channel);
            }
        }
        if wants & 1 << LOCAL != 0 {
            self.try_receive(q, node, channel);
        }
        for to in UP..LOCAL {
            if wants & 1 << to != 0 {
                self.try_out(q, node, to);
            }
        }
    }

    /// The first packet of an input has gone everywhere.
    fn pop(&mut self, q: &mut impl Schedule<TreeEvent>, node: u8, port: u8, channel: u8) {
        let ring = &mut self.nodes[node as usize].inputs[port as usize][channel as usize];
        ring.pop();
        let has_more = ring.ready > 0;
        if port == LOCAL {
            self.write_next(q, node, channel);
        } else if let Some((before, port)) = wiring::far(node, port, self.computes) {
            self.try_out(q, before, port);
        }
        if has_more {
            self.first(q, node, port, channel);
        }
    }

    /// A port sends the next packet, if one wants to go there, the far end has room and the link is free.
    pub(super) fn try_out(&mut self, q: &mut impl Schedule<TreeEvent>, node: u8, port: u8) {
        let of = &self.nodes[node as usize];
        let (asking, out) = (of.asking[port as usize], &of.outs[port as usize]);
        if asking == 0 || out.is_waking || out.is_shut {
            return;
        }
        let Some((far, far_port)) = wiring::far(node, port, self.computes) else { return };
        let beyond = &self.nodes[far as usize].inputs[far_port as usize];
        let mut able = asking;
        for channel in 0..CHANNELS as u8 {
            if u32::from(beyond[channel as usize].len) >= TREE_ROUTER_FIFO {
                able &= !inputs(channel);
            }
        }
        if able == 0 {
            return;
        }
        let now = q.now();
        if out.free > now {
            let wait = out.free - now;
            self.nodes[node as usize].outs[port as usize].is_waking = true;
            return q.after(wait, TreeEvent::Free { node, port });
        }
        // The next after the one that was served last.
        let after = able.rotate_right(u32::from(out.turn) + 1);
        let source = (out.turn + 1 + after.trailing_zeros() as u8) % 8;
        self.pass(q, (node, port), (far, far_port), source);
    }

    /// The first packet of an input goes through a port.
    fn pass(&mut self, q: &mut impl Schedule<TreeEvent>, at: (u8, u8), far: (u8, u8), source: u8) {
        let (node, port) = at;
        let (from, channel) = (source / CHANNELS as u8, source % CHANNELS as u8);
        let of = &mut self.nodes[node as usize];
        of.asking[port as usize] &= !(1 << source);
        let ring = &mut of.inputs[from as usize][channel as usize];
        ring.wants &= !(1 << port);
        let (id, is_gone) = (ring.head(), ring.wants == 0);
        let out = &mut of.outs[port as usize];
        out.turn = source;
        let (mut takes, mut arrives) = (self.timing.packet, self.timing.hop);
        if out.garbled > 0 {
            // The far end asks for it again: once more on the wire, and the answer's way.
            let times = u64::from(std::mem::take(&mut out.garbled));
            let again = (self.timing.packet + self.timing.hop * 2) * times;
            (takes, arrives) = (takes + again, arrives + again);
            self.counters.resent += times;
        }
        out.free = q.now() + takes;
        out.busy += takes;
        let slip = out.slip.take();
        self.counters.hops += 1;
        if !is_gone {
            self.packets.copy(id);
        }
        let sent = match slip {
            None => Some(id),
            Some(slip) => self.slip(id, far, slip, channel),
        };
        if let Some(id) = sent {
            self.nodes[far.0 as usize].inputs[far.1 as usize][channel as usize].push(id);
            q.after(arrives, TreeEvent::Head { node: far.0, port: far.1, channel });
        }
        if is_gone {
            self.pop(q, node, from, channel);
        }
        // Who waits for the port behind it is served when it is free.
        self.try_out(q, node, port);
    }

    /// The receive FIFO of a channel takes the next packet, if there is one for it and it has room.
    pub(super) fn try_receive(&mut self, q: &mut impl Schedule<TreeEvent>, node: u8, channel: u8) {
        loop {
            let of = &mut self.nodes[node as usize];
            let able = of.asking[LOCAL as usize] & inputs(channel);
            let receive = &mut of.receive[channel as usize];
            if able == 0 || !receive.has_room() {
                return;
            }
            let source = able.trailing_zeros() as u8;
            let from = source / CHANNELS as u8;
            of.asking[LOCAL as usize] &= !(1 << source);
            let ring = &mut of.inputs[from as usize][channel as usize];
            ring.wants &= !(1 << LOCAL);
            let is_gone = ring.wants == 0;
            // Its head is here; its tail comes behind.
            receive.push(ring.head(), q.now() + self.timing.packet);
            if !is_gone {
                self.packets.copy(ring.head());
            }
            self.drain_next(q, node, channel);
            if is_gone {
                self.pop(q, node, from, channel);
            }
        }
    }
}
