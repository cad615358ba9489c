//! Links: conversations of who dialled, below, with the aggregator that was dialled, above.

use crate::place::Place;
use bluegene::time::Ps;
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

/// A message on a link: the link, the side that it goes to, and its number there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Address {
    pub(crate) link: u32,
    pub(crate) to: Side,
    pub(crate) seq: u16,
}

/// What one end of a link has.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct End {
    /// It has not hung up, and not seen a hangup.
    pub(crate) is_open: bool,
    /// Messages that were sent to it so far, and that it has had: a gap is seen by their numbers.
    pub(crate) sent: u32,
    pub(crate) had: u32,
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
    pub(crate) is_torn: bool,
    /// Events that name it: its place is nobody else's before they have come.
    pub(crate) named: u32,
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

    pub(crate) fn add(&mut self, link: Link) -> u32 {
        if let Some(number) = self.free.pop() {
            self.slots[number as usize] = link;
            return number;
        }
        self.slots.push(link);
        (self.slots.len() - 1) as u32
    }

    pub(crate) fn sweep(&mut self, number: u32) {
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
