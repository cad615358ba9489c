//! Trains: full packets of one message to the next node, one right behind the other, as one event.
//!
//! While nobody else asks for its link, such a message has it without a break, and what becomes of each
//! packet is known beforehand: its head is at the next node before its tail has left this one, it is taken in
//! at once, and its tokens are back before the next of its channel goes. Only the node itself can let others
//! onto its link, so whoever begins to wait for it there cuts the train: what has gone by then has gone, and
//! the next packet has to wait for its turn when the link is free. All is as if each packet had been looked
//! at; tests hold that against runs without trains.

use super::clock::{HOP, Tick, WIRE, is_past, later};
use super::node::{ADAPTIVE, LANES, WHOLE};
use super::packet::{NONE, first};
use super::wheel::{Event, What};
use super::{Mode, Torus};
use crate::parameters::TORUS_PAYLOAD;

/// What a full packet takes on the wire.
const FULL: Tick = WIRE[WHOLE as usize];
/// Packets of a train, at most: it is over long before ticks come around.
const PACKETS_MAX: u32 = 1 << 16;
const _: () = assert!(HOP <= FULL && (PACKETS_MAX as u64 + 1) * (FULL as u64) < 1 << 28);

impl Torus {
    /// A packet of a message was let onto a link that nobody waits for, and is gone at `gone`: when the last
    /// packet is that goes with it.
    #[inline]
    pub(super) fn begin_train(
        &mut self,
        (node, message): (u32, u32),
        (link, channel): (usize, u8),
        gone: Tick,
    ) -> Tick {
        let message = &mut self.messages[message as usize];
        let hops: u32 = message.left.iter().map(|hops| u32::from(hops.unsigned_abs())).sum();
        // The last goes by itself, and says when the message is there.
        let packets = (message.to_send.saturating_sub(1) / TORUS_PAYLOAD).min(PACKETS_MAX);
        // In the channel with bubbles the room of three is asked for.
        if hops != 1 || packets < 2 || !self.has_trains || self.fifo < 3 * WHOLE {
            return gone;
        }
        // What is adaptive and had no room in its own channels goes back to them.
        let is_out = message.mode == Mode::Adaptive && channel >= ADAPTIVE;
        let there = self.now.wrapping_add(HOP);
        let link = self.nodes[node as usize].link(link);
        if is_out || !link.is_alone(channel.into(), self.fifo, there) {
            return gone;
        }
        (message.train, message.channel) = (packets, channel);
        link.busy = gone.wrapping_add(packets * FULL);
        link.busy
    }

    /// Somebody begins to wait for a link: the train on it, if there is one, ends with the packet that is
    /// being let onto it.
    pub(super) fn cut_train(&mut self, node: u32, link: usize) {
        let here = &mut self.nodes[node as usize];
        let (busy, source) = (here.link(link).busy, usize::from(here.link(link).source));
        let ahead = busy.wrapping_sub(self.now);
        if is_past(busy, self.now) || ahead < FULL || source < LANES || here.source(source).tail == NONE {
            return;
        }
        let train = self.messages[first(&self.messages, here.source(source).tail) as usize].train;
        let mut uncut = ahead / FULL;
        if ahead.is_multiple_of(FULL) && self.wheel.has_come(Event::new(node, What::Look(link))) {
            // The one that is let onto the link at this instant has gone.
            uncut -= 1;
        }
        uncut = uncut.min(train);
        if uncut == 0 {
            return;
        }
        let (gone, until) = (train - uncut, busy.wrapping_sub(uncut * FULL));
        self.settle_train((node, source), link, (gone, until));
        let here = &mut self.nodes[node as usize];
        here.link(link).busy = until;
        here.source_mut(source).free = until;
        self.look_at(node, link, until);
    }

    /// A source comes up again, maybe behind a train.
    #[inline]
    pub(super) fn end_train(&mut self, (node, source): (u32, usize), link: usize) {
        if source >= LANES {
            let tail = self.nodes[node as usize].source(source).tail;
            let packets = self.messages[first(&self.messages, tail) as usize].train;
            if packets != 0 {
                self.settle_train((node, source), link, (packets, self.now));
            }
        }
    }

    /// So many packets of a train have gone, the last at `until`.
    fn settle_train(&mut self, (node, source): (u32, usize), link: usize, (packets, until): (u32, Tick)) {
        let here = &mut self.nodes[node as usize];
        let key = first(&self.messages, here.source(source).tail);
        let message = &mut self.messages[key as usize];
        message.train = 0;
        if packets == 0 {
            return;
        }
        self.sent.1 += u64::from(packets);
        message.to_send -= packets * TORUS_PAYLOAD;
        message.to_come -= packets * TORUS_PAYLOAD;
        // Adaptive ones take both channels in turn.
        let is_other = message.channel < ADAPTIVE && packets % 2 == 1;
        let channel = usize::from(message.channel ^ u8::from(is_other));
        let taken_in = until.wrapping_add(HOP);
        message.done = later(message.done, taken_in);
        // The FIFOs there need nothing: what goes next is there when this is gone.
        here.link(link).pass_by(channel, self.fifo, taken_in);
    }
}
