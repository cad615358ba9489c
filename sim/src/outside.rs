//! Those outside who talk to aggregators of the world: clients and nodes on real sockets. What they say is
//! there at once, and what they are told waits here until it is taken. It knows no socket.

use protocol::server::LinkId;

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
    /// Somebody outside is there, if its end here is not closed: whom it talks to, and its number there.
    pub(crate) fn talks_to(&self, outsider: u32) -> Option<(u32, LinkId)> {
        let peer = self.get(outsider).filter(|peer| !peer.is_over)?;
        Some((peer.io, peer.id))
    }

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

    /// The first number that nobody has.
    pub(crate) fn free(&self) -> u32 {
        self.peers.iter().position(Option::is_none).unwrap_or(self.peers.len()) as u32
    }

    /// Somebody with that number is at an aggregator from now on.
    pub(crate) fn add(&mut self, outsider: u32, io: u32, id: LinkId) {
        if outsider as usize == self.peers.len() {
            self.peers.push(None);
        }
        let (is_over, is_stirred, is_slow) = (false, false, false);
        let peer = Peered { io, id, heard: Vec::new(), is_over, is_stirred, is_slow };
        self.peers[outsider as usize] = Some(peer);
    }

    /// Somebody has left: whom it talked to and its number there, unless its end here was closed.
    pub(crate) fn remove(&mut self, outsider: u32) -> Option<(u32, LinkId)> {
        let peer = self.peers.get_mut(outsider as usize).and_then(Option::take)?;
        self.stirred.retain(|other| *other != outsider);
        (!peer.is_over).then_some((peer.io, peer.id))
    }

    /// Somebody is told something; true if so much waits that its aggregator is to do no more for it. A child
    /// always takes what it is told: too much of it ends its link.
    pub(crate) fn tell(&mut self, outsider: u32, bytes: &[u8], is_child: bool) -> bool {
        let Some(peer) = self.get_mut(outsider) else { return false };
        peer.heard.extend_from_slice(bytes);
        let is_too_much = peer.heard.len() >= WAITING && !peer.is_slow && !is_child;
        peer.is_slow |= is_too_much;
        self.stir(outsider);
        is_too_much
    }

    /// Somebody is hung up on, behind what it was told.
    pub(crate) fn end(&mut self, outsider: u32) {
        if let Some(peer) = self.get_mut(outsider) {
            peer.is_over = true;
            self.stir(outsider);
        }
    }

    /// What somebody was told waits, or has gone out.
    pub(crate) fn set_slow(&mut self, outsider: u32, is_slow: bool) {
        if let Some(peer) = self.get_mut(outsider) {
            peer.is_slow = is_slow;
        }
    }

    /// What somebody was told waits.
    pub(crate) fn is_slow(&self, outsider: u32) -> bool {
        self.get(outsider).is_some_and(|peer| peer.is_slow)
    }

    /// The next of those who have something to take, with all of it.
    pub(crate) fn poll(&mut self) -> Option<Heard> {
        let outsider = self.stirred.pop()?;
        let place = self.peers.get_mut(outsider as usize)?;
        let peer = place.as_mut()?;
        peer.is_stirred = false;
        let (bytes, is_over) = (std::mem::take(&mut peer.heard), peer.is_over);
        if is_over {
            *place = None;
        }
        Some(Heard { outsider, bytes, is_over })
    }

    /// Somebody has something to take.
    pub(crate) fn is_heard(&self) -> bool {
        !self.stirred.is_empty()
    }
}
