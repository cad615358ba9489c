//! Those outside who talk to aggregators of the world: clients and nodes on real sockets. What they say is
//! there at once, and what they are told waits here until it is taken. It knows no socket.

use crate::aggregator::Aggregator;
use crate::time::Ps;
use crate::world::World;
use cnode::Bounds;
use ionode::host::Peer;
use protocol::limits::USER_NAME_MAX;
use protocol::server::LinkId;
use protocol::text::Text;

/// Bytes for one outside that wait to be taken above which an aggregator does no more for it.
const WAITING: usize = 256 * 1024;

/// Somebody outside.
#[derive(Debug)]
struct Peered {
    /// Whom it talks to.
    io: u32,
    /// Its number there.
    id: LinkId,
    /// What it is told.
    heard: Vec<u8>,
    /// It is no more than what is left to be told: its end here is closed.
    is_over: bool,
    /// It is among those who have something to take.
    is_stirred: bool,
    /// What it was told has not gone out yet.
    is_slow: bool,
}

/// All of them, by number; the number of one that has left is used again.
#[derive(Debug, Default)]
pub(crate) struct Outside {
    peers: Vec<Option<Peered>>,
    stirred: Vec<u32>,
}

/// What is taken for somebody outside.
#[derive(Debug)]
pub struct Heard {
    /// Who it is.
    pub outsider: u32,
    /// Whole messages, back to back.
    pub bytes: Vec<u8>,
    /// The aggregator hangs up behind them: its number is free again.
    pub is_over: bool,
}

impl Outside {
    fn get(&self, outsider: u32) -> Option<&Peered> {
        self.peers.get(outsider as usize)?.as_ref()
    }

    fn get_mut(&mut self, outsider: u32) -> Option<&mut Peered> {
        self.peers.get_mut(outsider as usize)?.as_mut()
    }

    fn stir(&mut self, outsider: u32) {
        if let Some(peer) = self.peers.get_mut(outsider as usize).and_then(Option::as_mut)
            && !std::mem::replace(&mut peer.is_stirred, true)
        {
            self.stirred.push(outsider);
        }
    }
}

impl<B: Bounds> World<B> {
    /// Somebody outside connects with an aggregator: a number, unless that is gone or has no link left.
    pub fn enter(&mut self, io: u32, peer: Peer) -> Option<u32> {
        let aggregator = self.aggregators.get_mut(io as usize)?;
        let id = aggregator.free_link().filter(|_| !aggregator.run.dead)?;
        let peers = &mut self.outside.peers;
        let number = peers.iter().position(Option::is_none).unwrap_or(peers.len());
        let outsider = number as u32;
        if number == peers.len() {
            peers.push(None);
        }
        let (is_over, is_stirred, is_slow) = (false, false, false);
        peers[number] = Some(Peered { io, id, heard: Vec::new(), is_over, is_stirred, is_slow });
        aggregator.outside.push((id, outsider));
        aggregator.core.connect(id, peer);
        Some(outsider)
    }

    /// A user of this machine and his group have these numbers: who comes by number has that name.
    pub fn know_user(&mut self, name: Text<USER_NAME_MAX>, ids: (u32, u32)) {
        for aggregator in &mut self.aggregators {
            aggregator.params.know((name, ids));
        }
    }

    /// More may be said by somebody outside now.
    pub fn wants(&self, outsider: u32) -> bool {
        let Some(peer) = self.outside.get(outsider).filter(|peer| !peer.is_over) else { return false };
        let aggregator = &self.aggregators[peer.io as usize];
        !aggregator.run.stopped && !aggregator.run.dead && aggregator.core.wants(peer.id)
    }

    /// Somebody outside says one whole message, which is wanted: it is there at once.
    pub fn say(&mut self, outsider: u32, message: &[u8]) -> Result<(), String> {
        let Some(peer) = self.outside.get(outsider).filter(|peer| !peer.is_over) else { return Ok(()) };
        let (io, id) = (peer.io, peer.id);
        self.counts.messages += 1;
        self.io_takes(io, id, message)
    }

    /// The next of those outside who have something to take, with all of it.
    pub fn heard(&mut self) -> Option<Heard> {
        let outsider = self.outside.stirred.pop()?;
        let place = self.outside.peers.get_mut(outsider as usize)?;
        let peer = place.as_mut()?;
        peer.is_stirred = false;
        let (bytes, is_over) = (std::mem::take(&mut peer.heard), peer.is_over);
        if is_over {
            *place = None;
        }
        Some(Heard { outsider, bytes, is_over })
    }

    /// Somebody has something to take.
    pub fn is_heard(&self) -> bool {
        !self.outside.stirred.is_empty()
    }

    /// What somebody outside was told has gone out, or waits: until it has, no more is done for it.
    pub fn set_slow(&mut self, outsider: u32, is_slow: bool) -> Result<(), String> {
        let Some(peer) = self.outside.get_mut(outsider).filter(|peer| !peer.is_over) else { return Ok(()) };
        let (io, id) = (peer.io, peer.id);
        let core = &mut self.aggregators[io as usize].core;
        if core.child_on(id).is_some() {
            // A child always takes what it is told: too much of it ends its link.
            return Ok(());
        }
        peer.is_slow = is_slow;
        core.set_blocked(id, is_slow);
        if is_slow { Ok(()) } else { self.drain_io(io) }
    }

    /// What somebody outside was told has gone out.
    pub fn went_out(&mut self, outsider: u32) -> Result<(), String> {
        if self.outside.get(outsider).is_some_and(|peer| peer.is_slow) {
            return self.set_slow(outsider, false);
        }
        Ok(())
    }

    /// Somebody outside has hung up: its number is free again.
    pub fn leave(&mut self, outsider: u32) -> Result<(), String> {
        let Some(peer) = self.outside.peers.get_mut(outsider as usize).and_then(Option::take) else {
            return Ok(());
        };
        self.outside.stirred.retain(|other| *other != outsider);
        if peer.is_over {
            return Ok(());
        }
        let Aggregator { outside, run, .. } = &mut self.aggregators[peer.io as usize];
        outside.retain(|(id, _)| *id != peer.id);
        if run.dead { Ok(()) } else { self.io_lost(peer.io, peer.id) }
    }

    /// Runs until `end` (microseconds), for so many events, or until somebody outside has something to take:
    /// true if it is `end`.
    pub fn run_some(&mut self, end: u64, events: u32) -> Result<bool, String> {
        let end = Ps::us(end);
        for _ in 0..events {
            if self.is_heard() {
                return Ok(false);
            }
            let Some(event) = self.queue.pop(end) else {
                self.queue.advance(end);
                return Ok(true);
            };
            self.counts.events += 1;
            self.step(event)?;
        }
        Ok(false)
    }

    /// When something happens next, in microseconds.
    pub fn next(&self) -> Option<u64> {
        self.queue.first().map(Ps::to_us)
    }

    /// An aggregator tells somebody outside; false if nobody there has that number.
    pub(crate) fn tell_outside(&mut self, io: u32, id: LinkId, bytes: &[u8]) -> bool {
        let Some(outsider) = self.aggregators[io as usize].outsider(id) else { return false };
        if let Some(peer) = self.outside.get_mut(outsider) {
            peer.heard.extend_from_slice(bytes);
            let core = &mut self.aggregators[io as usize].core;
            if peer.heard.len() >= WAITING && !peer.is_slow && core.child_on(id).is_none() {
                peer.is_slow = true;
                core.set_blocked(id, true);
            }
            self.outside.stir(outsider);
        }
        true
    }

    /// An aggregator hangs up on somebody outside.
    pub(crate) fn drop_outside(&mut self, io: u32, id: LinkId) -> bool {
        let aggregator = &mut self.aggregators[io as usize];
        let Some(outsider) = aggregator.outsider(id) else { return false };
        aggregator.outside.retain(|(other, _)| *other != id);
        if let Some(peer) = self.outside.get_mut(outsider) {
            peer.is_over = true;
            self.outside.stir(outsider);
        }
        true
    }

    /// An aggregator is gone: those outside see a hangup.
    pub(crate) fn drop_all_outside(&mut self, io: u32) {
        for (id, _) in self.aggregators[io as usize].outside.clone() {
            self.drop_outside(io, id);
        }
    }
}
