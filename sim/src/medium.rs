//! What carries messages between places.

use crate::link::Side;
use crate::time::Ps;
use crate::world::{Event, World};
use cnode::Bounds;

/// Time of a message on a link: at least this, and up to as much again.
pub(crate) const LATENCY: Ps = Ps::us(20);

impl<B: Bounds> World<B> {
    /// When something that is sent now arrives at a side: in order, after a delay from the seed.
    pub(crate) fn arrival(&mut self, link: u32, to: Side) -> Ps {
        let at = self.queue.now() + LATENCY + Ps(self.random.below(LATENCY.0)) + self.cable(link).slow;
        let end = &mut self.links.get_mut(link).ends[to as usize];
        end.arrival = end.arrival.max(at);
        end.arrival
    }

    /// Takes a message to a side of a link.
    pub(crate) fn carry(&mut self, link: u32, to: Side, seq: u16, message: u32) {
        let at = self.arrival(link, to);
        self.queue.push(at, Event::Bytes { link, to, seq, message });
    }
}
