//! How those outside take part in a world: clients and nodes on real sockets, of which it knows nothing.

use crate::nodes::feed::Feed;
use crate::outside::Heard;
use crate::place::Place;
use crate::world::World;
use bluegene::time::Ps;
use cnode::Bounds;
use ionode::host::Peer;
use protocol::limits::USER_NAME_MAX;
use protocol::text::Text;

impl<B: Bounds> World<B> {
    /// A compute node is not simulated from now on: somebody outside is it.
    pub fn vacate(&mut self, leaf: u32) {
        self.nodes.leaves[leaf as usize].run.dead = true;
    }

    /// Somebody outside connects with an aggregator: a number, unless that is gone or has no link left.
    pub fn enter(&mut self, io: u32, peer: Peer) -> Option<u32> {
        if self.nodes.aggregators.get(io as usize)?.run.dead {
            return None;
        }
        let outsider = self.outside.free();
        let id = self.wires.connect_outside(io, outsider)?;
        self.outside.add(outsider, io, id);
        self.nodes.aggregators[io as usize].core.connect(id, peer);
        Some(outsider)
    }

    /// A user of this machine and his group have these numbers: who comes by number has that name.
    pub fn know_user(&mut self, name: Text<USER_NAME_MAX>, ids: (u32, u32)) {
        for aggregator in &mut self.nodes.aggregators {
            aggregator.params.know((name, ids));
        }
    }

    /// More may be said by somebody outside now.
    pub fn wants(&self, outsider: u32) -> bool {
        let Some((io, id)) = self.outside.talks_to(outsider) else { return false };
        let aggregator = self.nodes.io(io);
        !aggregator.run.stopped && !aggregator.run.dead && aggregator.core.wants(id)
    }

    /// Somebody outside says one whole message, which is wanted: it is there at once.
    pub fn say(&mut self, outsider: u32, message: &[u8]) -> Result<(), String> {
        let Some((io, id)) = self.outside.talks_to(outsider) else { return Ok(()) };
        self.counts.messages += 1;
        self.feed(Place::Io(io), Feed::Bytes(id, message))
    }

    /// The next of those outside who have something to take, with all of it.
    pub fn heard(&mut self) -> Option<Heard> {
        self.outside.poll()
    }

    /// Somebody has something to take.
    pub fn is_heard(&self) -> bool {
        self.outside.is_heard()
    }

    /// What somebody outside was told has gone out, or waits: until it has, no more is done for it.
    pub fn set_slow(&mut self, outsider: u32, is_slow: bool) -> Result<(), String> {
        let Some((io, id)) = self.outside.talks_to(outsider) else { return Ok(()) };
        let core = &mut self.nodes.aggregators[io as usize].core;
        if core.child_on(id).is_some() {
            // A child always takes what it is told: too much of it ends its link.
            return Ok(());
        }
        self.outside.set_slow(outsider, is_slow);
        core.set_blocked(id, is_slow);
        if is_slow { Ok(()) } else { self.drain(Place::Io(io)) }
    }

    /// What somebody outside was told has gone out.
    pub fn went_out(&mut self, outsider: u32) -> Result<(), String> {
        if self.outside.is_slow(outsider) {
            return self.set_slow(outsider, false);
        }
        Ok(())
    }

    /// Somebody outside has hung up: its number is free again.
    pub fn leave(&mut self, outsider: u32) -> Result<(), String> {
        let Some((io, id)) = self.outside.remove(outsider) else { return Ok(()) };
        self.wires.ports.clear(io, id);
        if self.nodes.io(io).run.dead { Ok(()) } else { self.feed(Place::Io(io), Feed::Hangup(id)) }
    }

    /// Runs until `end` (microseconds), for so many events, or until somebody outside has something to take:
    /// true if it is `end`.
    pub fn run_some(&mut self, end: u64, events: u32) -> Result<bool, String> {
        let end = Ps::us(end);
        for _ in 0..events {
            if self.is_heard() {
                return Ok(false);
            }
            if !self.run_one(end)? {
                self.agenda.advance(end);
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// When something happens next, in microseconds.
    pub fn next(&self) -> Option<u64> {
        self.agenda.first().map(Ps::to_us)
    }
}
