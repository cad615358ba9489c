//! What is to come in the torus, by ticks. What comes at one tick comes node by node, and at a node first
//! what comes up in its sources, then looks at its links, then messages that are there: in an order that does
//! not depend on who was first to know of it.
//!
//! That is what makes events dispensable. Who knows that nothing can come of some leaves them out, and the
//! others come in the same order as if they had been there.

use super::clock::{HOP, Tick, WIRE};
use super::node::SOURCES;
use super::route::LINKS;
use std::cmp::Reverse;
use std::collections::BinaryHeap;

/// Ticks that it holds ahead, one list each; what comes later lies in a heap.
const SLOTS: usize = 2048;
const WORDS: usize = SLOTS / 64;
const _: () = assert!((WIRE[WIRE.len() - 1] + HOP) as usize <= SLOTS && WORDS == 32);

/// The end of a list.
const NONE: u32 = u32::MAX;

/// What happens at a node: 24 bits of node, 8 of what it is, 32 of the message that it is about. Their order
/// is that of events at one tick.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Event(u64);

/// What an event is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum What {
    /// Something may be in front of a source.
    Up(usize),
    /// A link may be free, or have room again.
    Look(usize),
    /// A message is there, or a copy of it if it goes on.
    Done {
        /// The torus's number for it.
        message: u32,
        /// It goes on.
        is_copy: bool,
    },
}

const LOOKS: usize = SOURCES;
const DONE: usize = LOOKS + LINKS;
const COPY: usize = DONE + 1;

impl Event {
    #[inline]
    pub(super) fn new(node: u32, what: What) -> Self {
        let (code, message) = match what {
            What::Up(source) => (source, 0),
            What::Look(link) => (LOOKS + link, 0),
            What::Done { message, is_copy: false } => (DONE, message),
            What::Done { message, is_copy: true } => (COPY, message),
        };
        Self(u64::from(node) << 40 | (code as u64) << 32 | u64::from(message))
    }

    #[inline]
    pub(super) fn node(self) -> u32 {
        (self.0 >> 40) as u32
    }

    #[inline]
    pub(super) fn what(self) -> What {
        let (code, message) = ((self.0 >> 32) as u8 as usize, self.0 as u32);
        match code {
            0..LOOKS => What::Up(code),
            LOOKS..DONE => What::Look(code - LOOKS),
            _ => What::Done { message, is_copy: code == COPY },
        }
    }
}

/// An event in the list of its tick.
#[derive(Clone, Copy, Debug)]
struct Cell {
    event: Event,
    next: u32,
}

/// Events to come.
#[derive(Debug)]
pub(super) struct Wheel {
    /// Now, in ticks from the beginning.
    now: u64,
    /// The first of each list.
    lists: Box<[u32; SLOTS]>,
    /// Lists that hold any, a bit each, and words of those that are not 0.
    filled: [u64; WORDS],
    words: u32,
    cells: Vec<Cell>,
    /// The first that holds nothing.
    spare: u32,
    far: BinaryHeap<Reverse<(u64, Event)>>,
    /// Those of now, and how many of them have come.
    due: Vec<Event>,
    come: usize,
    /// Those of this tick have begun to come, or all have.
    begun: Option<u64>,
    is_over: bool,
}

impl Default for Wheel {
    fn default() -> Self {
        let (lists, filled) = (Box::new([NONE; SLOTS]), [0; WORDS]);
        let (cells, far, due) = (Vec::new(), BinaryHeap::new(), Vec::new());
        Self {
            now: 0,
            lists,
            filled,
            words: 0,
            cells,
            spare: NONE,
            far,
            due,
            come: 0,
            begun: None,
            is_over: false,
        }
    }
}

impl Wheel {
    /// It is that tick. Nothing was to come before.
    #[inline]
    pub(super) fn advance(&mut self, now: u64) {
        debug_assert!(self.first().is_none_or(|first| first >= now), "what comes before is taken first");
        self.now = now;
    }

    /// An event comes after so many ticks. One of this tick comes in its place if that is to come.
    #[inline]
    pub(super) fn after(&mut self, ticks: u64, event: Event) {
        if ticks == 0 && self.begun == Some(self.now) {
            debug_assert!(!self.has_come(event), "its place has passed");
            let place = self.due[self.come..].partition_point(|other| *other < event);
            self.due.insert(self.come + place, event);
        } else if ticks < SLOTS as u64 {
            self.put(event, (self.now + ticks) as usize % SLOTS);
        } else {
            self.far.push(Reverse((self.now + ticks, event)));
        }
    }

    /// An event comes at an instant, which has not passed.
    #[inline]
    pub(super) fn at(&mut self, instant: Tick, event: Event) {
        self.after(instant.wrapping_sub(self.now as Tick).into(), event);
    }

    /// What would come at this tick has come already, or is coming.
    pub(super) fn has_come(&self, event: Event) -> bool {
        let last = self.come.checked_sub(1).and_then(|last| self.due.get(last));
        self.begun == Some(self.now) && (self.is_over || last.is_some_and(|last| event <= *last))
    }

    #[inline]
    fn put(&mut self, event: Event, slot: usize) {
        let cell = Cell { event, next: self.lists[slot] };
        self.lists[slot] = self.spare;
        if let Some(spare) = self.cells.get_mut(self.spare as usize) {
            self.spare = spare.next;
            *spare = cell;
        } else {
            self.lists[slot] = self.cells.len() as u32;
            self.cells.push(cell);
        }
        self.filled[slot / 64] |= 1 << (slot % 64);
        self.words |= 1 << (slot / 64);
    }

    /// The tick at which the next comes.
    #[inline]
    pub(super) fn first(&self) -> Option<u64> {
        let far = self.far.peek().map(|Reverse((at, _))| *at);
        let from = self.now as usize % SLOTS;
        let here = self.filled[from / 64] >> (from % 64);
        let near = if here != 0 {
            here.trailing_zeros() as usize
        } else if self.words != 0 {
            // The words behind it, and at last what in its own comes after all of them.
            let behind = self.words.rotate_right((from / 64 + 1) as u32).trailing_zeros() as usize;
            let word = (from / 64 + 1 + behind) % WORDS;
            (word * 64 + self.filled[word].trailing_zeros() as usize + SLOTS - from) % SLOTS
        } else {
            return far;
        };
        let near = self.now + near as u64;
        Some(far.map_or(near, |far| far.min(near)))
    }

    /// Those of now begin to come.
    #[inline]
    pub(super) fn begin(&mut self) {
        self.due.clear();
        self.come = 0;
        (self.begun, self.is_over) = (Some(self.now), false);
        let slot = self.now as usize % SLOTS;
        let mut next = std::mem::replace(&mut self.lists[slot], NONE);
        while let Some(cell) = self.cells.get_mut(next as usize) {
            self.due.push(cell.event);
            let behind = std::mem::replace(&mut cell.next, self.spare);
            self.spare = std::mem::replace(&mut next, behind);
        }
        let word = &mut self.filled[slot / 64];
        *word &= !(1 << (slot % 64));
        self.words &= !(u32::from(*word == 0) << (slot / 64));
        while self.far.peek().is_some_and(|Reverse((at, _))| *at == self.now) {
            self.due.extend(self.far.pop().map(|Reverse((_, event))| event));
        }
        if self.due.len() > 1 {
            self.due.sort_unstable();
        }
    }

    /// The next of now.
    #[inline]
    pub(super) fn take(&mut self) -> Option<Event> {
        let event = self.due.get(self.come).copied();
        self.is_over = event.is_none();
        self.come += usize::from(!self.is_over);
        event
    }

    /// What comes so many events behind the next, if it is of now too.
    #[inline]
    pub(super) fn next(&self, behind: usize) -> Option<Event> {
        self.due.get(self.come + behind).copied()
    }

    /// Bytes that it has taken.
    pub(super) fn bytes(&self) -> usize {
        let far = self.far.capacity() * size_of::<Reverse<(u64, Event)>>();
        size_of_val(&*self.lists) + self.cells.capacity() * size_of::<Cell>() + far
    }
}
