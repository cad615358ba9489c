//! What a node keeps: six links out, and what waits for them. Knows no packets and no other nodes.
//!
//! Sources are what packets leave a node from: the FIFOs of its links in, four a link, and the lanes of what
//! is sent from here. One is let out of a source at a time. A source whose first packet waits is in `wants`
//! of each link that the packet may take.
//!
//! A run asks for the nodes of a whole machine in any order, so that what counts is how many lines of cache
//! a hop touches. One has the FIFOs that a direction is taken in by, and the link that it goes on by; what is
//! only needed where somebody waits lies apart.

use super::Mode;
use super::clock::{Tick, is_past};
use super::packet::NONE;
use super::route::{LINKS, bits};
use crate::parameters::{TORUS_CHANNELS, TORUS_CHUNKS_MAX};

/// Virtual channels of a link.
pub(super) const CHANNELS: usize = TORUS_CHANNELS as usize;
/// Channels below that are adaptive.
pub(super) const ADAPTIVE: u8 = BUBBLE as u8;
/// The channel of dimension order.
const BUBBLE: usize = 2;
/// That of priority, in dimension order too.
const PRIORITY: usize = 3;
/// The first lane: there is one for each link, and one for priority.
pub(super) const LANES: usize = LINKS * CHANNELS;
/// Sources of a node.
pub(super) const SOURCES: usize = LANES + LINKS + 1;
/// Sources whose packets go first.
const FIRST: u32 = {
    let (mut first, mut link) = (1 << (LANES + LINKS), 0);
    while link < LINKS {
        first |= 1 << (link * CHANNELS + PRIORITY);
        link += 1;
    }
    first
};
const _: () = assert!(SOURCES < 32, "sources are bits, and one is never taken");
/// In a channel with bubbles a packet has the room of a full one, so that bubbles stay whole.
pub(super) const WHOLE: u8 = TORUS_CHUNKS_MAX as u8;
/// What has to stay free where a ring is entered.
pub(super) const BUBBLE_ROOM: u8 = WHOLE;

/// The room that a packet takes in a channel.
#[inline]
fn room(channel: usize, chunks: u8) -> u8 {
    if channel < BUBBLE { chunks } else { WHOLE }
}

/// A link out, with the tokens of the FIFOs at its far end.
#[derive(Clone, Copy, Debug)]
pub(super) struct Link {
    /// When tokens are back, by channel.
    coming_at: [Tick; CHANNELS],
    /// Tokens that come back with the tail of a packet that leaves its FIFO, four bits a channel.
    coming: u16,
    /// Tokens there are, by channel.
    credits: [u8; CHANNELS],
    /// The source that was served last.
    pub(super) source: u8,
    /// Somebody waits.
    is_wanted: bool,
    /// The tail of the last packet is gone.
    pub(super) busy: Tick,
    /// Somebody looks then, if that is to come.
    look: Tick,
}

/// What travels in one direction: the link on, and the FIFOs of the link that it comes by.
#[derive(Clone, Copy, Debug)]
#[repr(align(64))]
struct Port {
    link: Link,
    fifos: [Source; CHANNELS],
}

const _: () = assert!(size_of::<Port>() == 64, "a port is a line of cache");

/// The first packet of a source.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Head {
    pub(super) chunks: u8,
    pub(super) mode: Mode,
    /// The links that it may take, a bit each: the lowest is that of dimension order.
    pub(super) links: u8,
}

/// What packets leave from.
#[derive(Clone, Copy, Debug)]
pub(super) struct Source {
    /// The last of what is in it.
    pub(super) tail: u32,
    /// When the first of it may be in front: what was let out is gone, and it is there.
    pub(super) free: Tick,
}

/// How a packet may go: the channel, and what there is of tokens in the adaptive ones.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Pass {
    pub(super) load: u8,
    pub(super) channel: u8,
}

impl Link {
    fn new(fifo: u8) -> Self {
        let (credits, coming, coming_at) = ([fifo; CHANNELS], 0, [0; CHANNELS]);
        Self { coming_at, coming, credits, source: 0, is_wanted: false, busy: 0, look: Tick::MAX }
    }

    /// It can take a packet: none is on it, and nobody is about to choose one of those that wait.
    #[inline]
    pub(super) fn is_free(&self, now: Tick) -> bool {
        is_past(self.busy, now) && self.look != now
    }

    /// Tokens that come back in a channel.
    #[inline]
    fn coming(&self, channel: usize) -> u8 {
        (self.coming >> (4 * channel) & 0xF) as u8
    }

    /// Takes what tokens have come back. Whether any have is hard to guess for a processor: no branches.
    #[inline]
    pub(super) fn settle(&mut self, now: Tick) {
        let mut back = 0;
        for channel in 0..CHANNELS {
            back |= (u16::from(is_past(self.coming_at[channel], now)) * 0xF) << (4 * channel);
        }
        back &= self.coming;
        self.coming ^= back;
        for channel in 0..CHANNELS {
            self.credits[channel] += (back >> (4 * channel) & 0xF) as u8;
        }
    }

    /// How a packet may pass by the tokens there are, if it may: `link` is the number of this one, and
    /// `bubble` are chunks that have to stay free for others.
    #[inline]
    pub(super) fn pass(&self, head: Head, (link, bubble): (usize, u8)) -> Option<Pass> {
        if head.mode == Mode::Adaptive {
            let channel = u8::from(self.credits[1] > self.credits[0]);
            let load = self.credits[usize::from(channel)];
            if load >= head.chunks {
                return Some(Pass { load, channel });
            }
        }
        let channel = if head.mode == Mode::Priority { PRIORITY } else { BUBBLE };
        let is_first = head.links & ((1 << link) - 1) == 0;
        let may = is_first && self.credits[channel] >= WHOLE + bubble;
        may.then_some(Pass { load: 0, channel: channel as u8 })
    }

    /// A packet is let onto it. True if somebody else waits for it.
    #[inline]
    pub(super) fn take(&mut self, pass: Pass, chunks: u8, source: usize, until: Tick) -> bool {
        let channel = usize::from(pass.channel);
        self.credits[channel] -= room(channel, chunks);
        self.busy = until;
        self.source = source as u8;
        self.is_wanted
    }

    /// A packet begins to leave the FIFO at the far end, and is gone at `gone`. True if somebody has to look
    /// then, as that is all that is waited for.
    #[inline]
    pub(super) fn give_back(&mut self, channel: usize, chunks: u8, gone: Tick) -> bool {
        // The one before is gone: they leave one at a time.
        self.credits[channel] += self.coming(channel);
        self.coming &= !(0xF << (4 * channel));
        self.coming |= u16::from(room(channel, chunks)) << (4 * channel);
        self.coming_at[channel] = gone;
        self.is_wanted && is_past(self.busy, gone)
    }

    /// A full packet has just been let onto it in a channel, and nothing else is on it, or behind it, that is
    /// not gone before that one is there. An adaptive one has both channels to itself.
    pub(super) fn is_alone(&self, channel: usize, fifo: u8, there: Tick) -> bool {
        let is_gone = |channel: usize| self.coming(channel) == 0 || is_past(self.coming_at[channel], there);
        let has = |channel: usize, all: u8| self.credits[channel] + self.coming(channel) == all;
        let is_home = |channel: usize| has(channel, fifo) && is_gone(channel);
        has(channel, fifo - WHOLE) && is_gone(channel) && (channel >= BUBBLE || is_home(channel ^ 1))
    }

    /// Full packets have gone by one after another, the last in that channel: its tail is gone at `gone`.
    pub(super) fn pass_by(&mut self, channel: usize, fifo: u8, gone: Tick) {
        let mut home = |channel: usize| {
            self.credits[channel] = fifo;
            self.coming &= !(0xF << (4 * channel));
        };
        home(channel);
        if channel < BUBBLE {
            home(channel ^ 1);
        }
        self.credits[channel] -= WHOLE;
        self.give_back(channel, WHOLE, gone);
    }

    /// When there is a reason to look again, if one is known: it is free then, or has more tokens.
    pub(super) fn reason(&self, now: Tick) -> Option<Tick> {
        if !is_past(self.busy, now) {
            return Some(self.busy);
        }
        let coming = |channel: &usize| self.coming(*channel) > 0;
        let all = (0..CHANNELS).filter(coming).map(|channel| self.coming_at[channel]);
        all.filter(|at| !is_past(*at, now)).min_by_key(|at| at.wrapping_sub(now))
    }

    /// Somebody looks at an instant that is to come: true if nobody would have until then.
    #[inline]
    pub(super) fn look_at(&mut self, at: Tick, now: Tick) -> bool {
        let is_new = is_past(self.look, now.wrapping_sub(1)) || !is_past(self.look, at);
        if is_new {
            self.look = at;
        }
        is_new
    }

    /// Somebody looks: true if it is still time to.
    #[inline]
    pub(super) fn is_looked_at(&mut self, now: Tick) -> bool {
        let is_due = self.look == now;
        self.look = self.look.wrapping_sub(is_due.into());
        is_due
    }

    fn sweep(&mut self, is_old: impl Fn(Tick) -> bool, now: Tick) {
        let all = self.coming_at.iter_mut().chain([&mut self.busy]);
        all.filter(|at| is_old(**at)).for_each(|at| *at = now);
        if self.look != now && is_old(self.look) {
            self.look = now.wrapping_sub(1);
        }
    }
}

/// A node.
#[derive(Clone, Copy, Debug)]
pub(super) struct Node {
    ports: [Port; LINKS],
    lanes: [Source; SOURCES - LANES],
    /// Sources that wait for a link, a bit each.
    wants: [u32; LINKS],
    /// What waits in front of a source, where it is known to.
    heads: [Option<Head>; SOURCES],
}

impl Node {
    pub(super) fn new(fifo: u8) -> Self {
        let source = Source { tail: NONE, free: 0 };
        let port = Port { link: Link::new(fifo), fifos: [source; CHANNELS] };
        let (ports, lanes) = ([port; LINKS], [source; SOURCES - LANES]);
        Self { ports, lanes, wants: [0; LINKS], heads: [None; SOURCES] }
    }

    #[inline]
    pub(super) fn link(&mut self, link: usize) -> &mut Link {
        &mut self.ports[link].link
    }

    #[inline]
    pub(super) fn source(&self, source: usize) -> &Source {
        match source.checked_sub(LANES) {
            None => &self.ports[source / CHANNELS].fifos[source % CHANNELS],
            Some(lane) => &self.lanes[lane],
        }
    }

    #[inline]
    pub(super) fn source_mut(&mut self, source: usize) -> &mut Source {
        match source.checked_sub(LANES) {
            None => &mut self.ports[source / CHANNELS].fifos[source % CHANNELS],
            Some(lane) => &mut self.lanes[lane],
        }
    }

    /// The source that a link served last.
    #[inline]
    pub(super) fn served(&self, link: usize) -> usize {
        self.ports[link].link.source.into()
    }

    /// Reads something of each line that is asked for where nobody waits.
    #[inline]
    pub(super) fn touch(&self) -> Tick {
        self.ports.iter().fold(0, |all, port| all ^ port.link.busy)
    }

    /// What waits in front of a source.
    #[inline]
    pub(super) fn head(&self, source: usize) -> Option<Head> {
        self.heads[source]
    }

    /// Something is in a source that nobody has looked at, and nothing is leaving it.
    #[inline]
    pub(super) fn comes_up(&self, source: usize, now: Tick) -> bool {
        let Source { tail, free } = *self.source(source);
        tail != NONE && self.heads[source].is_none() && is_past(free, now)
    }

    /// The first of a source waits for its links.
    #[inline]
    pub(super) fn wait(&mut self, source: usize, head: Head) {
        self.heads[source] = Some(head);
        for link in bits(head.links) {
            self.wants[link] |= 1 << source;
            self.ports[link].link.is_wanted = true;
        }
    }

    /// It waits no longer.
    #[inline]
    pub(super) fn wait_no_more(&mut self, source: usize) {
        let Some(head) = self.heads[source].take() else {
            return;
        };
        for link in bits(head.links) {
            self.wants[link] &= !(1 << source);
            self.ports[link].link.is_wanted = self.wants[link] != 0;
        }
    }

    /// Somebody waits for a link.
    #[inline]
    pub(super) fn is_wanted(&self, link: usize) -> bool {
        self.wants[link] != 0
    }

    /// Who is to be asked first, of those that wait for a link: in turn, priority before all others.
    #[inline]
    pub(super) fn turns(&self, link: usize) -> Turns {
        let from = u32::from(self.ports[link].link.source) + 1;
        let wants = self.wants[link];
        Turns { from, first: (wants & FIRST).rotate_right(from), others: (wants & !FIRST).rotate_right(from) }
    }

    /// Nothing is under way from it or to it, and FIFOs of that size have their room.
    #[cfg(test)]
    pub(super) fn is_idle(&self, fifo: u8) -> bool {
        let is_empty = |source: &Source| source.tail == NONE;
        let is_home = |Port { link, fifos }: &Port| {
            let has_all = |channel: usize| link.credits[channel] + link.coming(channel) == fifo;
            (0..CHANNELS).all(has_all) && fifos.iter().all(is_empty)
        };
        let waits = self.heads != [None; SOURCES] || self.wants != [0; LINKS];
        !waits && self.lanes.iter().all(is_empty) && self.ports.iter().all(is_home)
    }

    /// Brings up instants that are as old as that.
    pub(super) fn sweep(&mut self, is_old: impl Fn(Tick) -> bool, now: Tick) {
        self.ports.iter_mut().for_each(|port| port.link.sweep(&is_old, now));
        let fifos = self.ports.iter_mut().flat_map(|port| &mut port.fifos);
        let old = fifos.chain(&mut self.lanes).filter(|source| is_old(source.free));
        old.for_each(|source| source.free = now);
    }
}

/// Sources in turn, from one on.
#[derive(Debug)]
pub(super) struct Turns {
    from: u32,
    first: u32,
    others: u32,
}

impl Iterator for Turns {
    type Item = usize;

    #[inline]
    fn next(&mut self) -> Option<usize> {
        let set = if self.first != 0 { &mut self.first } else { &mut self.others };
        let next = (*set != 0).then(|| set.trailing_zeros())?;
        *set &= *set - 1;
        Some(((next + self.from) % u32::BITS) as usize)
    }
}

/// It is that of a link in which packets keep to their ring.
#[inline]
pub(super) fn is_in_ring(source: usize, link: usize) -> bool {
    source == link * CHANNELS + BUBBLE || source == link * CHANNELS + PRIORITY
}
