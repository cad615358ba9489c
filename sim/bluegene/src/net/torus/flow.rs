//! What happens at events: packets come up in front, go on or wait, and are taken in.

use super::clock::{HOP, Tick, WIRE, is_past, later};
use super::node::{BUBBLE_ROOM, CHANNELS, Head, LANES, Pass, is_in_ring};
use super::packet::{NONE, Packet, first, pop, push};
use super::route::{LINKS, bits, permitted};
use super::wheel::{Event, What};
use super::{Delivery, Mode, Torus};

// What is pushed behind a packet is there before that one's tail is gone, so that nobody has to tell of it.
const _: () = assert!(WIRE[1] >= HOP);

impl Torus {
    /// Something happens at a node.
    #[inline]
    pub(super) fn happen(&mut self, event: Event) {
        let node = event.node();
        match event.what() {
            What::Up(source) => self.come_up(node, source),
            What::Look(link) => self.look(node, link),
            What::Done { message, is_copy } => self.done(node, message, is_copy),
        }
    }

    /// Something may be in front of a source: a look at a link that it once went by may have been first.
    #[inline]
    fn come_up(&mut self, node: u32, source: usize) {
        if self.nodes[node as usize].comes_up(source, self.now) {
            self.front(node, source);
        }
    }

    /// Somebody looks at a link at an instant.
    #[inline]
    pub(super) fn look_at(&mut self, node: u32, link: usize, at: Tick) {
        if self.nodes[node as usize].link(link).look_at(at, self.now) {
            self.wheel.at(at, Event::new(node, What::Look(link)));
        }
    }

    /// Somebody looks at a link when there is a reason to. Where none is known, one comes with tokens.
    fn look_for_reason(&mut self, node: u32, link: usize) {
        if let Some(at) = self.nodes[node as usize].link(link).reason(self.now) {
            self.look_at(node, link, at);
        }
    }

    /// The first of a source is in front: it is taken in here, goes where it may, or waits.
    pub(super) fn front(&mut self, node: u32, source: usize) {
        let head = self.first(node, source);
        if head.links == 0 {
            return self.receive(node, source);
        }
        if let Some(way) = self.best((node, source), head) {
            return self.go((node, source), way);
        }
        self.nodes[node as usize].wait(source, head);
        self.look_for_reasons(node, head);
    }

    /// Somebody begins to wait: there may be trains on its links.
    fn look_for_reasons(&mut self, node: u32, head: Head) {
        for link in bits(head.links) {
            self.cut_train(node, link);
            self.look_for_reason(node, link);
        }
    }

    /// What is first in a source.
    #[inline]
    fn first(&self, node: u32, source: usize) -> Head {
        let tail = self.nodes[node as usize].source(source).tail;
        if source < LANES {
            let Packet { left, chunks, mode, .. } = self.packets[first(&self.packets, tail) as usize];
            return Head { chunks, mode, links: permitted(left, mode) };
        }
        let message = &self.messages[first(&self.messages, tail) as usize];
        Head { chunks: message.cut().1, mode: message.mode, links: permitted(message.left, message.mode) }
    }

    /// How a packet may pass a link that is free and settled, if it may. A ring is entered only if a bubble
    /// stays.
    #[inline]
    fn pass(&mut self, (node, source): (u32, usize), link: usize, head: Head) -> Option<Pass> {
        let enters = self.has_bubbles && self.grid.is_ring(link) && !is_in_ring(source, link);
        let bubble = if enters { BUBBLE_ROOM } else { 0 };
        self.nodes[node as usize].link(link).pass(head, (link, bubble))
    }

    /// The best link for a packet now, of those that are free and have room: with most tokens, the first of
    /// equals.
    #[inline]
    fn best(&mut self, (node, source): (u32, usize), head: Head) -> Option<(usize, Pass)> {
        let mut best: Option<(usize, Pass)> = None;
        for link in bits(head.links) {
            let there = self.nodes[node as usize].link(link);
            if !there.is_free(self.now) {
                continue;
            }
            there.settle(self.now);
            if let Some(pass) = self.pass((node, source), link, head)
                && best.is_none_or(|(_, best)| pass.load > best.load)
            {
                best = Some((link, pass));
            }
        }
        best
    }

    /// A link may be free, or have room: the source that it served comes up, and who waits goes in turn.
    fn look(&mut self, node: u32, link: usize) {
        let now = self.now;
        let here = &mut self.nodes[node as usize];
        if !here.link(link).is_looked_at(now) {
            return;
        }
        if !is_past(here.link(link).busy, now) {
            return self.look_for_reason(node, link);
        }
        let source = usize::from(here.link(link).source);
        if here.comes_up(source, now) {
            self.end_train((node, source), link);
            let head = self.first(node, source);
            if head.links != 0 {
                return self.take_turn((node, source), link, head);
            }
            self.receive(node, source);
        }
        self.arbitrate(node, link);
    }

    /// What comes up as a link that its source was served by is free has no right to that before those that
    /// wait for longer, and goes by another if it is not its turn.
    fn take_turn(&mut self, (node, source): (u32, usize), link: usize, head: Head) {
        let here = &mut self.nodes[node as usize];
        if here.is_wanted(link) {
            here.wait(source, head);
            self.arbitrate(node, link);
            if self.nodes[node as usize].head(source).is_none() {
                return;
            }
            match self.best((node, source), head) {
                Some(way) => {
                    self.nodes[node as usize].wait_no_more(source);
                    self.go((node, source), way);
                }
                None => self.look_for_reasons(node, head),
            }
            return;
        }
        here.link(link).settle(self.now);
        if head.links >> link & 1 != 0
            && let Some(pass) = self.pass((node, source), link, head)
        {
            return self.go((node, source), (link, pass));
        }
        self.front(node, source);
    }

    /// The first in turn of those that wait for a free link and have room goes.
    fn arbitrate(&mut self, node: u32, link: usize) {
        let here = &mut self.nodes[node as usize];
        here.link(link).settle(self.now);
        let turns = here.turns(link);
        for source in turns {
            let Some(head) = self.nodes[node as usize].head(source) else {
                continue;
            };
            if let Some(pass) = self.pass((node, source), link, head) {
                self.nodes[node as usize].wait_no_more(source);
                return self.go((node, source), (link, pass));
            }
        }
        if self.nodes[node as usize].is_wanted(link) {
            self.look_for_reason(node, link);
        }
    }

    /// The first packet of a source is let onto a link, and into the FIFO at its far end.
    fn go(&mut self, (node, source): (u32, usize), (link, pass): (usize, Pass)) {
        let key = if source < LANES { self.pop(node, source) } else { self.cut(node, source) };
        let packet = &mut self.packets[key as usize];
        let Packet { chunks, mode, is_last, message, mut coord, .. } = *packet;
        let next = self.grid.step(node, &mut packet.coord, link);
        packet.left[link / 2] -= if link % 2 == 0 { 1 } else { -1 };
        let mut gone = self.now.wrapping_add(WIRE[usize::from(chunks)]);
        let here = &mut self.nodes[node as usize];
        let is_wanted = here.link(link).take(pass, chunks, source, gone);
        let has_more = here.source(source).tail != NONE;
        if source < LANES {
            let from = self.grid.step(node, &mut coord, (source / CHANNELS) ^ 1);
            self.give_back((from, source), (chunks, gone));
            if mode == Mode::Deposit && is_last {
                self.wheel.at(gone, Event::new(node, What::Done { message, is_copy: true }));
            }
        } else if !is_last && !is_wanted {
            gone = self.begin_train((node, message), (link, pass.channel), gone);
        }
        self.nodes[node as usize].source_mut(source).free = gone;
        if is_wanted || has_more {
            self.look_at(node, link, gone);
        }
        self.land((next, link * CHANNELS + usize::from(pass.channel)), key);
        #[cfg(test)]
        self.trail.push((message, next));
    }

    /// A packet is on the link to a FIFO. Behind another it is there when that one is gone.
    #[inline]
    fn land(&mut self, (node, fifo): (u32, usize), key: u32) {
        let there = self.nodes[node as usize].source_mut(fifo);
        let is_first = there.tail == NONE;
        push(&mut self.packets, &mut there.tail, key);
        if is_first {
            there.free = later(there.free, self.now.wrapping_add(HOP));
            self.wheel.at(there.free, Event::new(node, What::Up(fifo)));
        }
    }

    /// Takes the first packet of a FIFO.
    #[inline]
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
        let packet = message.packet(key, self.grid.shape.coord(node).0, (payload, chunks));
        if packet.is_last {
            pop(&mut self.messages, tail);
        }
        self.sent.1 += 1;
        self.packets.insert(packet) as u32
    }

    /// A packet begins to leave a FIFO: the node that it came from has its tokens when its tail is gone.
    #[inline]
    fn give_back(&mut self, (from, fifo): (u32, usize), (chunks, gone): (u8, Tick)) {
        let (link, channel) = (fifo / CHANNELS, fifo % CHANNELS);
        if self.nodes[from as usize].link(link).give_back(channel, chunks, gone) {
            self.look_at(from, link, gone);
        }
    }

    /// The first packet of a FIFO is taken in, and those behind it come up when its tail is there.
    fn receive(&mut self, node: u32, fifo: usize) {
        let key = self.pop(node, fifo);
        let Packet { message: number, chunks, payload, mut coord, .. } = self.packets.remove(key as usize);
        let gone = self.now.wrapping_add(WIRE[usize::from(chunks)]);
        let source = self.nodes[node as usize].source_mut(fifo);
        source.free = gone;
        if source.tail != NONE {
            self.wheel.at(gone, Event::new(node, What::Up(fifo)));
        }
        let from = self.grid.step(node, &mut coord, (fifo / CHANNELS) ^ 1);
        self.give_back((from, fifo), (chunks, gone));
        let message = &mut self.messages[number as usize];
        message.to_come -= u32::from(payload);
        message.done = later(message.done, gone);
        if message.to_come == 0 {
            self.wheel.at(message.done, Event::new(node, What::Done { message: number, is_copy: false }));
        }
    }

    /// The last byte of a message is there, or its copy is.
    fn done(&mut self, node: u32, key: u32, is_copy: bool) {
        let message = &self.messages[key as usize];
        self.deliveries.push_back(Delivery { message: message.id, from: message.from, at: node });
        if !is_copy {
            self.messages.remove(key as usize);
        }
    }
}

const _: () = assert!(LINKS <= 8, "links are bits of a byte");
