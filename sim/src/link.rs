//! Links: conversations of who dialled, below, with the aggregator that was dialled, above. Messages come in
//! order, delayed, lost or changed, and so do hangups.

use crate::fault::RETRY;
use crate::medium::LATENCY;
use crate::time::Ps;
use crate::world::{Event, Place, World};
use cnode::Bounds;
use ionode::host::Peer;
use protocol::server::LinkId;

/// One end of a link.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Side {
    /// The aggregator that was dialled.
    Above = 0,
    /// Who dialled: a node, an aggregator, a client.
    Below = 1,
}

impl Side {
    pub(crate) fn other(self) -> Self {
        match self {
            Self::Above => Self::Below,
            Self::Below => Self::Above,
        }
    }
}

/// What one end of a link has.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct End {
    /// It has not hung up, and not seen a hangup.
    pub(crate) is_open: bool,
    /// Messages that were sent to it so far, and that it has had: a gap is seen by their numbers.
    sent: u32,
    had: u32,
    /// When the last of what is on its way arrives: nothing overtakes it.
    pub(crate) arrival: Ps,
}

/// One conversation, from its connect to its last hangup.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Link {
    /// Who dialled.
    pub(crate) below: Place,
    /// Who was dialled.
    pub(crate) above: u32,
    /// Its number there.
    pub(crate) id: LinkId,
    /// By `Side`.
    pub(crate) ends: [End; 2],
    /// It was reset: what is on its way never arrives.
    is_torn: bool,
    /// Events that name it: its place is nobody else's before they have come.
    named: u32,
}

/// What a place's link to above goes through, where that is not as usual.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Cable {
    /// What a message takes more than usual.
    pub(crate) slow: Ps,
    /// By `Side`: nothing arrives there.
    pub(crate) mute: [bool; 2],
    /// So many messages get lost, whichever way they go.
    pub(crate) lose: u32,
    /// So many are changed on their way.
    pub(crate) corrupt: u32,
}

/// All links, by number; the number of one that is over is used again.
#[derive(Debug, Default)]
pub(crate) struct Links {
    slots: Vec<Link>,
    free: Vec<u32>,
}

impl Links {
    pub(crate) fn get(&self, link: u32) -> &Link {
        &self.slots[link as usize]
    }

    pub(crate) fn get_mut(&mut self, link: u32) -> &mut Link {
        &mut self.slots[link as usize]
    }

    fn add(&mut self, link: Link) -> u32 {
        if let Some(number) = self.free.pop() {
            self.slots[number as usize] = link;
            return number;
        }
        self.slots.push(link);
        (self.slots.len() - 1) as u32
    }

    fn sweep(&mut self, number: u32) {
        let link = &self.slots[number as usize];
        if link.named == 0 && link.ends.iter().all(|end| !end.is_open) {
            self.free.push(number);
        }
    }

    /// Those of clients that are open above.
    pub(crate) fn of_clients(&self) -> impl Iterator<Item = &Link> {
        let is_client = |link: &&Link| matches!(link.below, Place::Client(_));
        self.slots.iter().filter(is_client).filter(|link| link.ends[Side::Above as usize].is_open)
    }

    /// Those that somebody below an aggregator holds open.
    pub(crate) fn open_below(&self, io: u32) -> Vec<u32> {
        let links = (0..).zip(&self.slots);
        let is_his = |link: &Link| link.above == io && link.ends[Side::Below as usize].is_open;
        links.filter(|(_, link)| is_his(link)).map(|(number, _)| number).collect()
    }

    /// Bytes that it has taken.
    pub(crate) fn memory(&self) -> usize {
        self.slots.capacity() * size_of::<Link>() + self.free.capacity() * 4
    }
}

impl<B: Bounds> World<B> {
    /// Connects somebody with an aggregator that runs, if that has a number left.
    pub(crate) fn connect(&mut self, below: Place, above: u32, local: bool) -> Option<u32> {
        let aggregator = &mut self.aggregators[above as usize];
        // A driver uses the first number that is free, and so do we: the cores are to bear that.
        let id = aggregator.free_link()?;
        let free = id.0 as usize;
        if free >= aggregator.links.len() {
            aggregator.links.resize(free + 1, None);
        }
        let open = End { is_open: true, ..End::default() };
        let link = self.links.add(Link { below, above, id, ends: [open; 2], is_torn: false, named: 0 });
        aggregator.links[free] = Some(link);
        aggregator.core.connect(id, Peer { is_local: local, uid: None });
        Some(link)
    }

    pub(crate) fn is_open(&self, link: u32, side: Side) -> bool {
        self.links.get(link).ends[side as usize].is_open
    }

    /// Who is at an end of a link.
    pub(crate) fn place_at(&self, link: u32, side: Side) -> Place {
        let link = self.links.get(link);
        match side {
            Side::Above => Place::Io(link.above),
            Side::Below => link.below,
        }
    }

    pub(crate) fn cable(&self, link: u32) -> Cable {
        // As a rule nothing is out of order.
        if self.cables.is_empty() {
            return Cable::default();
        }
        self.cables.get(&self.links.get(link).below).copied().unwrap_or_default()
    }

    /// Sends a message, or as many as there are back to back.
    pub(crate) fn send(&mut self, link: u32, to: Side, burst: &[u8]) {
        let mut rest = burst;
        while let Some(len) = rest.get(..4).map(|len| u32::from_le_bytes([len[0], len[1], len[2], len[3]])) {
            let (message, next) = rest.split_at((len as usize).clamp(4, rest.len()));
            let number = self.messages.take(message);
            self.send_message(link, to, number);
            self.messages.sweep(number);
            rest = next;
        }
    }

    /// The same for a message that is sent to others too.
    pub(crate) fn send_message(&mut self, link: u32, to: Side, message: u32) {
        if let Some(seq) = self.numbered(link, to, message) {
            self.carry(link, to, seq, message);
        }
    }

    /// The number of a message that is to be carried to a side of a link, if that can be.
    pub(crate) fn numbered(&mut self, link: u32, to: Side, message: u32) -> Option<u16> {
        if !self.is_open(link, to.other()) {
            return None;
        }
        let end = &mut self.links.get_mut(link).ends[to as usize];
        end.sent = end.sent.wrapping_add(1);
        let seq = end.sent as u16;
        self.messages.owe(message);
        self.links.get_mut(link).named += 1;
        if self.recorder.is_some() {
            self.record_sent((link, to, seq), message);
        }
        Some(seq)
    }

    /// What was on its way to a side has come there: the message, if it gets there whole. One that is out of
    /// turn or was changed ends the link, as nothing more can be believed.
    pub(crate) fn arrives(&mut self, link: u32, to: Side, seq: u16, message: u32) -> Arrival {
        let cable = self.cable(link);
        if !self.is_open(link, to) || self.links.get(link).is_torn || cable.mute[to as usize] {
            return Arrival::Lost;
        }
        if cable.lose > 0 {
            self.spend(link, |cable| &mut cable.lose);
            return Arrival::Lost;
        }
        let end = &mut self.links.get_mut(link).ends[to as usize];
        end.had = end.had.wrapping_add(1);
        let is_next = end.had as u16 == seq;
        let mut is_sound = self.messages.is_sound(message);
        if cable.corrupt > 0 {
            self.spend(link, |cable| &mut cable.corrupt);
            let bit = self.random.below(1 << 20);
            let copy = self.messages.corrupted(message, bit);
            is_sound = self.messages.is_sound(copy);
            self.messages.sweep(copy);
        }
        if is_next && is_sound { Arrival::Whole } else { Arrival::Broken }
    }

    fn spend(&mut self, link: u32, of: impl Fn(&mut Cable) -> &mut u32) {
        let below = self.links.get(link).below;
        if let Some(cable) = self.cables.get_mut(&below) {
            *of(cable) -= 1;
            if *cable == Cable::default() {
                self.cables.remove(&below);
            }
        }
    }

    /// An event that named a link has come.
    pub(crate) fn unname(&mut self, link: u32) {
        self.links.get_mut(link).named -= 1;
        self.links.sweep(link);
    }

    /// One end hangs up; the other sees it behind what was sent before.
    pub(crate) fn close(&mut self, link: u32, side: Side) {
        let to = side.other();
        if self.shut(link, side) && self.is_open(link, to) {
            // In a network it is a message without bytes, behind those that are on their way.
            let message = self.messages.take(&[]);
            self.messages.owe(message);
            self.links.get_mut(link).named += 1;
            if !self.inject(link, to, 0, message) {
                self.messages.release(message);
                let at = self.arrival(link, to);
                self.queue.push(at, Event::Hangup { link, to });
            }
        }
    }

    fn hangup_at(&mut self, at: Ps, link: u32, to: Side) {
        self.links.get_mut(link).named += 1;
        self.queue.push(at, Event::Hangup { link, to });
    }

    /// One end is closed; false if it was.
    pub(crate) fn shut(&mut self, link: u32, side: Side) -> bool {
        let Link { below, above, id, ends, .. } = self.links.get_mut(link);
        let was_open = std::mem::take(&mut ends[side as usize].is_open);
        match (side, *below) {
            (Side::Above, _) if was_open => self.aggregators[*above as usize].links[id.0 as usize] = None,
            (Side::Below, Place::Leaf(leaf)) => {
                let own = &mut self.leaves[leaf as usize].link;
                *own = own.filter(|own| *own != link);
            }
            (Side::Below, Place::Io(io)) => {
                let own = &mut self.aggregators[io as usize].links[0];
                *own = own.filter(|own| *own != link);
            }
            _ => {}
        }
        if was_open {
            self.links.sweep(link);
        }
        was_open
    }

    /// What is on its way is lost, and both ends see a hangup after a while.
    pub(crate) fn reset(&mut self, link: u32, after: Ps) {
        self.links.get_mut(link).is_torn = true;
        for to in [Side::Above, Side::Below] {
            let jitter = self.random.below(LATENCY.0);
            let at = self.queue.now() + after + LATENCY + Ps(jitter);
            self.hangup_at(at, link, to);
        }
    }

    /// Every link of a place to above is reset, as far as an end does not know yet that it is gone.
    pub(crate) fn reset_all(&mut self, below: Place, after: Ps) {
        let (own, above) = match below {
            Place::Leaf(leaf) => (self.leaves[leaf as usize].link, self.levels.above_leaf(leaf)),
            Place::Io(io) => match self.levels.above_io(io) {
                Some(above) => (self.aggregators[io as usize].links[0], above),
                None => return,
            },
            Place::Client(_) => return,
        };
        let known = self.aggregators[above as usize].links.iter().skip(1).flatten().copied();
        let mut links: Vec<u32> = known.filter(|link| self.links.get(*link).below == below).collect();
        links.extend(own.filter(|own| !links.contains(own)));
        for link in links {
            // What is open above alone is reset when the kernel there says something again.
            let half = self.is_open(link, Side::Above) && !self.is_open(link, Side::Below);
            let retry = if half { Ps(self.random.below(RETRY.0)) } else { Ps::ZERO };
            self.reset(link, after.max(retry));
        }
    }

    /// A hangup gets to a side: it was reset, or its other end hung up and nothing keeps that from it.
    pub(crate) fn sees_hangup(&self, link: u32, to: Side) -> bool {
        self.is_open(link, to) && (self.links.get(link).is_torn || !self.cable(link).mute[to as usize])
    }
}

/// What became of a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Arrival {
    /// It is there.
    Whole,
    /// Nothing came.
    Lost,
    /// Something came that is not what was sent next.
    Broken,
}
