//! What happens at events: packets arrive, come up in front, go on or wait, and are taken in.

use super::clock::{HOP, Tick, Turn, WIRE, is_past};
use super::node::{BUBBLE_ROOM, CHANNELS, Claim, Head, LANES, Pass, is_in_ring};
use super::packet::{Left, NONE, Packet, first, pop, push};
use super::route::{LINKS, bits, permitted};
use super::{Delivery, Mode, Torus, TorusEvent};
use crate::queue::Schedule;

impl Torus {
    /// The head of a packet is in a FIFO.
    pub(super) fn arrive(&mut self, turn: &mut Turn<'_, impl Schedule<TorusEvent>>, key: u32) {
        let Packet { at, fifo, .. } = self.packets[key as usize];
        let tail = &mut self.nodes[at as usize].source_mut(usize::from(fifo)).tail;
        let is_front = *tail == NONE;
        push(&mut self.packets, tail, key);
        if is_front {
            self.come_up(turn, at, usize::from(fifo));
        }
    }

    /// A source has something that had nothing: it is in front at once, or when what left before is gone.
    pub(super) fn come_up(
        &mut self,
        turn: &mut Turn<'_, impl Schedule<TorusEvent>>,
        node: u32,
        source: usize,
    ) {
        let here = &self.nodes[node as usize];
        let free = here.source(source).free;
        if is_past(free, turn.now) {
            return self.front(turn, node, source);
        }
        match here.way_out(source) {
            Some(link) => self.look_at(turn, node, link, free),
            None => turn.at(free, TorusEvent::Look { node, at: (LINKS + source) as u8 }),
        }
    }

    /// Somebody looks at a link at an instant.
    fn look_at(&mut self, turn: &mut Turn<'_, impl Schedule<TorusEvent>>, node: u32, link: usize, at: Tick) {
        if self.nodes[node as usize].link(link).look_at(at, turn.now) {
            turn.at(at, TorusEvent::Look { node, at: link as u8 });
        }
    }

    /// Somebody looks at a link when there is a reason to. Where none is known, one comes with tokens.
    fn look_for_reason(&mut self, turn: &mut Turn<'_, impl Schedule<TorusEvent>>, node: u32, link: usize) {
        if let Some(at) = self.nodes[node as usize].link(link).reason(turn.now) {
            self.look_at(turn, node, link, at);
        }
    }

    /// What was taken in is there as a whole: the next of that FIFO comes up.
    pub(super) fn follow(&mut self, turn: &mut Turn<'_, impl Schedule<TorusEvent>>, node: u32, fifo: usize) {
        // A look at a link that it once went by may have been first.
        if self.nodes[node as usize].comes_up(fifo, turn.now) {
            self.front(turn, node, fifo);
        }
    }

    /// The first of a source is in front: it is taken in here, goes where it may, or waits.
    fn front(&mut self, turn: &mut Turn<'_, impl Schedule<TorusEvent>>, node: u32, source: usize) {
        let (left, head) = self.first(node, source);
        let links = permitted(left, head.mode);
        if links == 0 {
            return self.receive(turn, node, source);
        }
        if let Some((link, pass)) = self.best(turn.now, (node, source), (links, head)) {
            return self.go(turn, (node, source), (link, pass));
        }
        self.nodes[node as usize].wait(source, links, head);
        bits(links).for_each(|link| self.look_for_reason(turn, node, link));
    }

    /// The way that the first of a source has to go, and what it is.
    fn first(&self, node: u32, source: usize) -> (Left, Head) {
        let tail = self.nodes[node as usize].source(source).tail;
        if source < LANES {
            let packet = &self.packets[first(&self.packets, tail) as usize];
            return (packet.left, Head { chunks: packet.chunks, mode: packet.mode });
        }
        let message = &self.messages[first(&self.messages, tail) as usize];
        (message.left, Head { chunks: message.cut().1, mode: message.mode })
    }

    fn claim(&self, source: usize, link: usize, head: Head, is_first: bool) -> Claim {
        let enters = self.has_bubbles && self.grid.is_ring(link) && !is_in_ring(source, link);
        Claim { head, is_first, bubble: if enters { BUBBLE_ROOM } else { 0 } }
    }

    /// The best link for a packet now, of those that are free and have room: with most tokens, the first of
    /// equals.
    fn best(
        &mut self,
        now: Tick,
        (node, source): (u32, usize),
        (links, head): (u32, Head),
    ) -> Option<(usize, Pass)> {
        let mut best: Option<(usize, Pass)> = None;
        let first = links.trailing_zeros() as usize;
        for at in bits(links) {
            let claim = self.claim(source, at, head, at == first);
            let link = self.nodes[node as usize].link(at);
            let pass = link.is_free(now).then(|| link.pass(claim, now)).flatten();
            if let Some(pass) = pass
                && best.is_none_or(|(_, best)| pass.load > best.load)
            {
                best = Some((at, pass));
            }
        }
        best
    }

    /// A link may be free, or have room: the FIFO that it served comes up, and who waits goes in turn.
    pub(super) fn look(&mut self, turn: &mut Turn<'_, impl Schedule<TorusEvent>>, node: u32, link: usize) {
        let here = &mut self.nodes[node as usize];
        if !here.link(link).is_looked_at(turn.now) {
            return;
        }
        if !is_past(here.link(link).busy, turn.now) {
            return self.look_for_reason(turn, node, link);
        }
        let source = usize::from(here.link(link).source);
        let mut others = 0;
        if here.comes_up(source, turn.now) {
            let (left, head) = self.first(node, source);
            others = permitted(left, head.mode);
            if others == 0 {
                self.receive(turn, node, source);
            } else {
                // It has no right before those that wait for longer.
                self.nodes[node as usize].wait(source, others, head);
            }
        }
        self.arbitrate(turn, node, link);
        let head = self.nodes[node as usize].head(source);
        if let Some(head) = head
            && others != 0
        {
            match self.best(turn.now, (node, source), (others, head)) {
                Some(way) => {
                    self.nodes[node as usize].wait_no_more(source);
                    self.go(turn, (node, source), way);
                }
                None => bits(others).for_each(|link| self.look_for_reason(turn, node, link)),
            }
        }
    }

    /// The first in turn of those that wait for a free link and have room goes.
    fn arbitrate(&mut self, turn: &mut Turn<'_, impl Schedule<TorusEvent>>, node: u32, link: usize) {
        let turns = self.nodes[node as usize].turns(link);
        for source in turns {
            let here = &self.nodes[node as usize];
            let Some(head) = here.head(source) else {
                continue;
            };
            let claim = self.claim(source, link, head, here.is_first(source, link));
            if let Some(pass) = self.nodes[node as usize].link(link).pass(claim, turn.now) {
                self.nodes[node as usize].wait_no_more(source);
                return self.go(turn, (node, source), (link, pass));
            }
        }
        if self.nodes[node as usize].is_wanted(link) {
            self.look_for_reason(turn, node, link);
        }
    }

    /// The first packet of a source is let onto a link.
    fn go(
        &mut self,
        turn: &mut Turn<'_, impl Schedule<TorusEvent>>,
        (node, source): (u32, usize),
        (link, pass): (usize, Pass),
    ) {
        let key = if source < LANES { self.pop(node, source) } else { self.cut(node, source) };
        let Packet { chunks, mode, is_last, coord, .. } = self.packets[key as usize];
        let gone = turn.now.wrapping_add(WIRE[usize::from(chunks)]);
        if mode == Mode::Deposit && is_last && source < LANES {
            let copy = self.packets.insert(self.packets[key as usize]);
            turn.at(gone, TorusEvent::Done(copy as u32));
        }
        let here = &mut self.nodes[node as usize];
        here.source_mut(source).free = gone;
        if here.link(link).take(pass, chunks, source, gone) || here.source(source).tail != NONE {
            self.look_at(turn, node, link, gone);
        }
        if source < LANES {
            self.give_back(turn, (node, coord), source, (chunks, gone));
        }
        let packet = &mut self.packets[key as usize];
        packet.at = self.grid.step(node, &mut packet.coord, link);
        packet.fifo = (link * CHANNELS) as u8 + pass.channel;
        packet.left[link / 2] -= if link % 2 == 0 { 1 } else { -1 };
        turn.after(HOP.into(), TorusEvent::Arrive(key));
    }

    /// Takes the first packet of a FIFO.
    fn pop(&mut self, node: u32, source: usize) -> u32 {
        pop(&mut self.packets, &mut self.nodes[node as usize].source_mut(source).tail)
    }

    /// Cuts the next packet off the first message of a lane.
    fn cut(&mut self, node: u32, source: usize) -> u32 {
        let tail = &mut self.nodes[node as usize].source_mut(source).tail;
        let key = first(&self.messages, *tail);
        let message = &mut self.messages[key as usize];
        let (payload, chunks) = message.cut();
        message.to_send -= u32::from(payload);
        let packet = message.packet(key, (node, self.grid.shape.coord(node).0), (payload, chunks));
        if packet.is_last {
            pop(&mut self.messages, tail);
        }
        self.sent.1 += 1;
        self.packets.insert(packet) as u32
    }

    /// A packet begins to leave a FIFO: the node that it came from has its tokens when its tail is gone.
    fn give_back(
        &mut self,
        turn: &mut Turn<'_, impl Schedule<TorusEvent>>,
        (node, mut coord): (u32, [u8; 3]),
        fifo: usize,
        (chunks, gone): (u8, Tick),
    ) {
        let (link, channel) = (fifo / CHANNELS, fifo % CHANNELS);
        let from = self.grid.step(node, &mut coord, link ^ 1);
        if self.nodes[from as usize].link(link).give_back(channel, chunks, gone) {
            self.look_at(turn, from, link, gone);
        }
    }

    /// The first packet of a FIFO is taken in, and those behind it come up when its tail is there.
    fn receive(&mut self, turn: &mut Turn<'_, impl Schedule<TorusEvent>>, node: u32, fifo: usize) {
        let key = self.pop(node, fifo);
        let Packet { message, chunks, payload, coord, .. } = self.packets[key as usize];
        let gone = turn.now.wrapping_add(WIRE[usize::from(chunks)]);
        let source = self.nodes[node as usize].source_mut(fifo);
        source.free = gone;
        if source.tail != NONE {
            turn.at(gone, TorusEvent::Look { node, at: (LINKS + fifo) as u8 });
        }
        self.give_back(turn, (node, coord), fifo, (chunks, gone));
        let message = &mut self.messages[message as usize];
        message.to_come -= u32::from(payload);
        if is_past(message.done, gone) {
            message.done = gone;
        }
        if message.to_come == 0 {
            turn.at(message.done, TorusEvent::Done(key));
        } else {
            self.packets.remove(key as usize);
        }
    }

    /// The last byte of a message is there, or its copy is.
    pub(super) fn done(&mut self, key: u32) {
        let packet = self.packets.remove(key as usize);
        let message = &self.messages[packet.message as usize];
        self.deliveries.push_back(Delivery { message: message.id, from: message.from, at: packet.at });
        if packet.left == [0; 3] {
            self.messages.remove(packet.message as usize);
        }
    }
}
