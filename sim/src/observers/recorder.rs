//! Phase a run was busy with: each message from its sending until it is taken, and what each was sent for.
//!
//! A `Turn` is a place that takes a message, or goes on by itself: a timer, a program. Phase it sends then it
//! sends for that turn, as a `Hop` to each receiver. So from any turn a way leads back to what began it all,
//! without a gap: its pieces add up to the time.

use super::sight::{Observer, Scene, Sight};
use crate::event::Event;
use crate::link::Address;
use crate::passage::{Passage, Writer};
use crate::place::Place;
use bluegene::time::Ps;
use cnode::Bounds;
use std::collections::BTreeMap;

pub use crate::passage::Way;

/// Phase time goes into.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Phase {
    /// A message waits for its turn in a network.
    Queue,
    /// A processor writes or reads its packets or frames.
    Packets,
    /// Its last packet is on the collective network.
    Tree,
    /// Its last frame is on the Ethernet.
    Ethernet,
    /// It is on its way, no matter on what.
    Link,
    /// A fault of the link holds it up.
    Slow,
    /// A processor is at messages: those before it, or this one.
    Core,
    /// A program is started.
    Starts,
    /// A program runs.
    Runs,
    /// It waits for a time to come.
    Waits,
    /// It is not there yet, or never will be.
    Unheard,
}

impl Phase {
    /// All, as they have their colours.
    pub const ALL: [Self; 11] = [
        Self::Core,
        Self::Packets,
        Self::Tree,
        Self::Ethernet,
        Self::Queue,
        Self::Slow,
        Self::Starts,
        Self::Unheard,
        Self::Runs,
        Self::Link,
        Self::Waits,
    ];

    /// In words.
    pub fn name(self) -> &'static str {
        match self {
            Self::Queue => "queue",
            Self::Packets => "packets by CPU",
            Self::Tree => "collective network",
            Self::Ethernet => "Ethernet",
            Self::Link => "link",
            Self::Slow => "slow link",
            Self::Core => "messages by CPU",
            Self::Starts => "program starts",
            Self::Runs => "program runs",
            Self::Waits => "waits",
            Self::Unheard => "not there yet",
        }
    }
}

/// Some time of some place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Piece {
    /// Where.
    pub place: Place,
    /// Phase for.
    pub what: Phase,
    /// From when.
    pub start: Ps,
    /// Until when.
    pub end: Ps,
}

impl Piece {
    /// How long.
    pub fn took(&self) -> Ps {
        self.end.since(self.start)
    }
}

/// Instants of a hop: it is sent; its first packet begins to be written, its last is written, there, begins
/// to be read; all is read; a slow link lets it go; it is taken.
const MARKS: usize = 8;
const COME: usize = 6;

/// A message on its way to one receiver.
#[derive(Clone, Copy, Debug)]
pub struct Hop {
    /// In which turn it was sent, if that was recorded.
    pub turn: Option<u32>,
    /// Who sent it.
    pub from: Place,
    /// Who gets it.
    pub to: Place,
    /// The type of its 9P message.
    pub kind: u8,
    /// Phase carries it.
    pub way: Way,
    marks: [Ps; MARKS],
    /// Marks that it has.
    known: usize,
    is_lost: bool,
}

impl Hop {
    /// When it was sent.
    pub fn sent(&self) -> Ps {
        self.marks[0]
    }

    /// It never gets there.
    pub fn is_lost(&self) -> bool {
        self.is_lost
    }

    /// It was taken.
    pub fn is_taken(&self) -> bool {
        self.known == MARKS
    }

    /// The one of its two places that is below the other.
    pub fn below(&self) -> Place {
        let is_up = match (self.from, self.to) {
            (Place::Io(from), Place::Io(to)) => from < to,
            (Place::Io(_), _) => false,
            _ => true,
        };
        if is_up { self.from } else { self.to }
    }

    /// Where its time went, in order and without a gap; until `end`, if it is under way then.
    pub fn pieces(&self, end: Ps) -> impl Iterator<Item = Piece> + use<> {
        let carried = match self.way {
            Way::Tree => Phase::Tree,
            Way::Ethernet => Phase::Ethernet,
            Way::Link => Phase::Link,
        };
        let of = [
            (self.from, Phase::Queue),
            (self.from, Phase::Packets),
            (self.below(), carried),
            (self.to, Phase::Queue),
            (self.to, Phase::Packets),
            (self.below(), Phase::Slow),
            (self.to, Phase::Core),
        ];
        let (marks, known, below) = (self.marks, self.known, self.below());
        let last = marks[known - 1];
        let told = (1..known).map(move |at| (of[at - 1], marks[at - 1], marks[at]));
        let waits = known > COME && !self.is_lost;
        let left = if waits { of[COME] } else { (below, Phase::Unheard) };
        told.chain((known < MARKS && last < end).then_some((left, last, end)))
            .map(|((place, what), start, end)| Piece { place, what, start, end })
            .filter(|piece| piece.start < piece.end)
    }
}

/// Why a turn came.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cause {
    /// Nothing that was recorded.
    Nothing,
    /// A message was taken.
    Hop(u32),
    /// A program got on, which did so before in that turn.
    Program(Phase, u32),
    /// A time had come; the turn before at that place.
    Time(u32),
}

/// A place does something.
#[derive(Clone, Copy, Debug)]
pub struct Turn {
    /// Where.
    pub place: Place,
    /// When.
    pub at: Ps,
    /// Why.
    pub cause: Cause,
}

/// When the last part of a message was written, was there and began to be read, and when the first was begun.
#[derive(Clone, Copy, Debug)]
struct Crossing {
    way: Way,
    begun: Ps,
    written: Ps,
    there: Ps,
    reading: Ps,
}

/// Phase is recorded of a run.
#[derive(Debug, Default)]
pub struct Recorder {
    hops: Vec<Hop>,
    turns: Vec<Turn>,
    /// Messages on their way.
    open: BTreeMap<Key, Hop>,
    /// The last turn of each place.
    last: BTreeMap<Place, u32>,
    /// The last turn of each program, by its process.
    programs: BTreeMap<u32, u32>,
    /// The turn that is on.
    now: Option<u32>,
    /// When messages began to be written and when their last part was; the last says that it was the last.
    writes: BTreeMap<Writer, (Ps, Ps, bool)>,
    /// When the last frame of a message was there.
    there: BTreeMap<Writer, Ps>,
    /// Of the message that a network is about to deliver.
    crossing: Option<Crossing>,
}

/// An address as it is sorted by.
type Key = (u32, u8, u16);

fn key(address: Address) -> Key {
    (address.link, address.to as u8, address.seq)
}

impl<B: Bounds> Observer<B> for Recorder {
    fn see(&mut self, scene: &Scene<'_, B>, sight: Sight<'_>) -> Result<(), String> {
        let now = scene.now;
        match sight {
            Sight::Turn(event, Some(place)) => self.comes(event, place, now),
            // Only what is taken is a turn.
            Sight::Missed(Event::Bytes { address, .. }) => self.lost(*address),
            Sight::Received(address, place) => self.takes(address, place, now),
            Sight::Lost(address) => self.lost(address),
            Sight::Passage(passage) => self.passes(passage, now),
            Sight::Starts(_, _, pid) | Sight::Goes(pid) => self.launches(pid),
            Sight::Turn(_, None)
            | Sight::Done
            | Sight::Missed(_)
            | Sight::Feeding(..)
            | Sight::Fed(..)
            | Sight::Settled(..)
            | Sight::HangsUp(_) => {}
        }
        Ok(())
    }
}

impl Recorder {
    /// An event that may be a turn of a place.
    fn comes(&mut self, event: &Event, place: Place, now: Ps) {
        match *event {
            Event::Started { pid, .. } => self.program(place, pid, Phase::Starts, now),
            Event::Step { pid, .. } => self.program(place, pid, Phase::Runs, now),
            Event::Act(..) => self.turn(place, now, Cause::Nothing),
            Event::Hangup { .. } | Event::Tick(_) | Event::Dial(..) | Event::Undialed(..) => {
                self.goes_on(place, now);
            }
            Event::Bytes { .. } | Event::Next(_) | Event::Network(_) | Event::Fault(_) => {}
        }
    }

    /// A message is a step further.
    fn passes(&mut self, passage: Passage, now: Ps) {
        match passage {
            Passage::Sent { address, ends, kind } => self.sent(now, address, ends, kind),
            Passage::Wrote { writer, begun, is_last } => self.wrote(writer, begun, now, is_last),
            Passage::There { writer } => drop(self.there.insert(writer, now)),
            Passage::Read { way, writer, there, since } => self.reads(way, writer, there, since),
            Passage::Came { address, at, until } => self.came(address, at, until),
        }
    }

    fn sent(&mut self, now: Ps, address: Address, ends: [Place; 2], kind: u8) {
        let [from, at] = ends;
        let mut marks = [Ps::ZERO; MARKS];
        marks[0] = now;
        let hop = Hop { turn: self.now, from, to: at, kind, way: Way::Link, marks, known: 1, is_lost: false };
        self.open.insert(key(address), hop);
    }

    /// A part of a message is written; the last one.
    fn wrote(&mut self, writer: Writer, begun: Ps, now: Ps, is_last: bool) {
        let write = self.writes.entry(writer).or_insert((begun, now, false));
        if write.2 {
            // The number of a message that is over is another's.
            *write = (begun, now, false);
        }
        (write.1, write.2) = (now, is_last);
    }

    /// The last part of a message was read: a network is about to deliver it.
    fn reads(&mut self, way: Way, writer: Writer, there: Option<Ps>, reading: Ps) {
        let there = there.or_else(|| self.there.remove(&writer)).unwrap_or(reading);
        let write = self.writes.get(&writer).map(|(begun, written, _)| (*begun, *written));
        let (begun, written) = write.unwrap_or((there, there));
        self.crossing = Some(Crossing { way, begun, written, there, reading });
    }

    /// A message has come, and is held up by its link until then.
    fn came(&mut self, address: Address, now: Ps, until: Ps) {
        let crossing = self.crossing.take();
        let Some(hop) = self.open.get_mut(&key(address)) else { return };
        let sent = hop.sent();
        let plain = Crossing { way: Way::Link, begun: sent, written: sent, there: now, reading: now };
        let Crossing { way, begun, written, there, reading } = crossing.unwrap_or(plain);
        let marks = [sent, begun, written, there, reading, now, until];
        hop.way = way;
        hop.marks[..=COME].copy_from_slice(&marks);
        hop.known = COME + 1;
        // Phase was recorded from its middle on has no gap for that.
        (1..=COME).for_each(|at| hop.marks[at] = hop.marks[at].max(hop.marks[at - 1]));
    }

    /// A message is taken: a turn.
    fn takes(&mut self, address: Address, place: Place, now: Ps) {
        let Some(mut hop) = self.open.remove(&key(address)) else {
            return self.goes_on(place, now);
        };
        hop.marks[hop.known..].fill(now);
        hop.known = MARKS;
        self.hops.push(hop);
        self.turn(place, now, Cause::Hop(self.hops.len() as u32 - 1));
    }

    /// A message that has come is nobody's.
    fn lost(&mut self, address: Address) {
        let hop = self.open.remove(&key(address));
        self.hops.extend(hop.map(|hop| Hop { is_lost: true, ..hop }));
    }

    /// A place goes on by itself.
    fn goes_on(&mut self, place: Place, now: Ps) {
        let cause = self.last.get(&place).map_or(Cause::Nothing, |last| Cause::Time(*last));
        self.turn(place, now, cause);
    }

    /// A program is about to get on, for this turn.
    fn launches(&mut self, pid: u32) {
        if let Some(turn) = self.now {
            self.programs.insert(pid, turn);
        }
    }

    /// A program gets on.
    fn program(&mut self, place: Place, pid: u32, what: Phase, now: Ps) {
        let since = self.programs.get(&pid).or(self.last.get(&place));
        let cause = since.map_or(Cause::Nothing, |since| Cause::Program(what, *since));
        self.turn(place, now, cause);
        self.launches(pid);
    }

    fn turn(&mut self, place: Place, at: Ps, cause: Cause) {
        self.turns.push(Turn { place, at, cause });
        let number = self.turns.len() as u32 - 1;
        self.last.insert(place, number);
        self.now = Some(number);
    }

    /// All turns, in their order.
    pub fn turns(&self) -> &[Turn] {
        &self.turns
    }

    /// All messages: those that were taken or lost, and those that are on their way.
    pub fn hops(&self) -> impl Iterator<Item = &Hop> {
        self.hops.iter().chain(self.open.values())
    }

    /// A message that caused a turn.
    pub fn hop(&self, number: u32) -> &Hop {
        &self.hops[number as usize]
    }

    /// The way that led to a turn, from what began it: pieces without a gap between them.
    pub fn way(&self, turn: u32) -> Vec<Piece> {
        let mut pieces = Vec::new();
        let mut next = Some(turn);
        while let Some(Turn { place, at, cause }) = next.map(|turn| self.turns[turn as usize]) {
            let mut waits = |what, since: u32| {
                let start = self.turns[since as usize].at;
                pieces.extend((start < at).then_some(Piece { place, what, start, end: at }));
                Some(since)
            };
            next = match cause {
                Cause::Nothing => None,
                Cause::Program(what, since) => waits(what, since),
                Cause::Time(since) => waits(Phase::Waits, since),
                Cause::Hop(hop) => {
                    let hop = self.hop(hop);
                    let told: Vec<Piece> = hop.pieces(at).collect();
                    pieces.extend(told.into_iter().rev());
                    hop.turn
                }
            };
        }
        pieces.reverse();
        pieces
    }
}
