//! What carries messages between places.

use crate::link::Side;
use crate::parameters::TREE_FIFO;
use crate::time::Ps;
use crate::world::{Event, Place, World};
use cnode::Bounds;

/// Time of a message on a link: at least this, and up to as much again.
pub(crate) const LATENCY: Ps = Ps::us(20);

/// The channel below an aggregator while one child takes nothing in: what has no room in the child's FIFO
/// stays in the channel, and all that is behind it.
#[derive(Debug)]
pub(crate) struct Clog {
    /// Who takes nothing in.
    child: Place,
    /// Messages that its FIFO has room for.
    room: u32,
    held: Vec<(u32, u16, u32)>,
}

impl<B: Bounds> World<B> {
    /// When something that is sent now arrives at a side: in order, after a delay from the seed.
    pub(crate) fn arrival(&mut self, link: u32, to: Side) -> Ps {
        let at = self.queue.now() + LATENCY + Ps(self.random.below(LATENCY.0)) + self.cable(link).slow;
        let end = &mut self.links.get_mut(link).ends[to as usize];
        end.arrival = end.arrival.max(at);
        end.arrival
    }

    /// A child takes nothing in any more.
    pub(crate) fn clog(&mut self, child: Place) {
        if let (Place::Leaf(leaf), true) = (child, self.fabric.is_some()) {
            return self.deafen(leaf, true);
        }
        if let Some(above) = self.above(child) {
            let clog = || Clog { child, room: TREE_FIFO, held: Vec::new() };
            self.clogs.entry(above).or_insert_with(clog);
        }
    }

    /// A child takes nothing in.
    pub(crate) fn is_clogged(&self, child: Place) -> bool {
        let is_deaf = match (child, &self.fabric) {
            (Place::Leaf(leaf), Some(fabric)) => fabric.is_deaf(self.levels.above_leaf(leaf), leaf),
            _ => false,
        };
        is_deaf || self.clogs.values().any(|clog| clog.child == child)
    }

    /// It takes in what is there, and what was behind that goes on.
    pub(crate) fn unclog(&mut self, child: Place) {
        if let (Place::Leaf(leaf), true) = (child, self.fabric.is_some()) {
            return self.deafen(leaf, false);
        }
        let Some(above) = self.above(child) else { return };
        if self.clogs.get(&above).is_some_and(|clog| clog.child == child) {
            let held = self.clogs.remove(&above).map_or_else(Vec::new, |clog| clog.held);
            for (link, seq, message) in held {
                self.carry(link, Side::Below, seq, message);
            }
        }
    }

    /// A message to below stays in the channel.
    fn is_held(&mut self, link: u32, seq: u16, message: u32) -> bool {
        let (above, below) = (self.links.get(link).above, self.links.get(link).below);
        let Some(clog) = self.clogs.get_mut(&above) else { return false };
        // A client is not on that channel.
        let is_on = below == clog.child || clog.room == 0 && !matches!(below, Place::Client(_));
        if is_on {
            clog.room = clog.room.saturating_sub(u32::from(below == clog.child));
            clog.held.push((link, seq, message));
        }
        is_on
    }

    /// Takes a message to a side of a link.
    pub(crate) fn carry(&mut self, link: u32, to: Side, seq: u16, message: u32) {
        if to == Side::Below && !self.clogs.is_empty() && self.is_held(link, seq, message) {
            return;
        }
        if !self.inject(link, to, seq, message) {
            let at = self.arrival(link, to);
            self.record_came((link, to, seq), at.since(self.cable(link).slow), at);
            self.queue.push(at, Event::Bytes { link, to, seq, message });
        }
    }
}
