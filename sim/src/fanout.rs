//! Where the time of a fan-out goes: a partition boots and runs a job, which is recorded, and told by places.

use crate::draw::timeline::Span;
use crate::fault::Fault;
use crate::levels::Levels;
use crate::observers::recorder::{Cause, Hop, Phase, Piece, Recorder};
use crate::place::Place;
use crate::trace::Lines;
use crate::world::World;
use bluegene::parameters::MESSAGE_NS;
use bluegene::partition::Partition;
use bluegene::time::Ps;
use cnode::{Bounds, Small};
use std::cmp::Reverse;
use std::collections::BTreeMap;

/// Virtual time for all nodes to join, and for a job to be told, in microseconds.
const BOUND_US: u64 = 120_000_000;
/// Steps in which that is looked at, in microseconds.
const STEP_US: u64 = 1_000;
/// Boot is over so long after all are known: what they say at a join is over too.
const SETTLE_US: u64 = 100_000;
/// 9P's type of the answer to a write.
const RWRITE: u8 = 119;
/// Phase is told of the way in words: so many kinds at most.
const TOLD: usize = 7;

/// Which part of a job is looked at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Part {
    /// From the client's write of `exec` to its answer: all have started.
    Exec,
    /// All, to the last byte and the end of the session.
    Job,
}

/// A fan-out that was recorded.
pub struct FanOut {
    levels: Levels,
    recorder: Recorder,
    /// The way from the client's first byte to the last answer, without a gap.
    pub way: Vec<Piece>,
    /// When it began, and was over.
    pub ends: [Ps; 2],
    /// How much of that time the links of each compute node had packets: the busier of both ways, by rank.
    pub links: Vec<f64>,
}

/// Boots a partition, breaks what is to be broken, and runs `hostname` on all of its nodes. Who waits for it
/// is told of what is done, in nodes: as many as there are for the boot, and as many for the job.
pub fn run(
    seed: u64,
    partition: &Partition,
    part: Part,
    faults: &[(Place, Fault)],
    done: &mut dyn FnMut(u64),
) -> Result<FanOut, String> {
    let mut world = World::<Small>::on(seed, partition, Lines::Dropped);
    let nodes = world.node_count() as u32;
    world.unchecked();
    world.prompt();
    step(&mut world, "boot", done, |world| (world.up(), world.known() == nodes))?;
    world.run_until(world.now() + SETTLE_US)?;
    for (place, fault) in faults {
        world.plan_at(world.now(), *place, *fault);
    }
    // Faults come first.
    world.run_until(world.now() + 1)?;
    world.record();
    let begun = (world.now(), world.busy_links());
    let job = world.order(world.now(), &format!("res {nodes}"), "hostname", None);
    step(&mut world, "job", done, |world| {
        let told = world.job(job).outcomes.lines().count() as u32;
        let is_over = world.job(job).over || part == Part::Exec && world.job(job).exec.is_some();
        (if is_over { nodes } else { told }, is_over)
    })?;
    let span = Ps::us(world.now() - begun.0).0 as f64;
    let share = |(then, now): (&[Ps; 2], [Ps; 2])| {
        [0, 1].map(|way| now[way].since(then[way]).0 as f64 / span).into_iter().fold(0.0, f64::max)
    };
    let links = begun.1.iter().zip(world.busy_links()).map(share).collect();
    let recorder = world.recorded().ok_or("nothing was recorded")?;
    let client = Place::Client(job as u32);
    let end = end_of(&recorder, client, part).ok_or("the job was not answered")?;
    let way = recorder.way(end);
    let ends = [way.first().map_or(Ps::ZERO, |piece| piece.start), recorder.turns()[end as usize].at];
    Ok(FanOut { levels: world.levels().clone(), recorder, way, ends, links })
}

/// The turn of the client that ends it.
fn end_of(recorder: &Recorder, client: Place, part: Part) -> Option<u32> {
    let turns = (0..).zip(recorder.turns()).filter(|(_, turn)| turn.place == client);
    let is_answer = |cause| matches!(cause, Cause::Hop(hop) if recorder.hop(hop).kind == RWRITE);
    let found = match part {
        Part::Exec => turns.clone().find(|(_, turn)| is_answer(turn.cause)),
        Part::Job => None,
    };
    found.or_else(|| turns.last()).map(|(number, _)| number)
}

fn step<B: Bounds>(
    world: &mut World<B>,
    what: &str,
    done: &mut dyn FnMut(u64),
    mut is_at: impl FnMut(&World<B>) -> (u32, bool),
) -> Result<(), String> {
    let (begun, mut before) = (world.now(), 0);
    loop {
        let (at, is_over) = is_at(world);
        done(u64::from(at.saturating_sub(before)));
        before = before.max(at);
        if is_over {
            return Ok(());
        }
        if world.now() > begun + BOUND_US {
            return Err(format!("{what}: not done after {} s", BOUND_US / 1_000_000));
        }
        world.run_until(world.now() + STEP_US)?;
    }
}

impl FanOut {
    /// How long it took.
    pub fn took(&self) -> Ps {
        self.ends[1].since(self.ends[0])
    }

    /// How much of the time the processor of a place was at messages, or at packets.
    pub fn work(&self) -> BTreeMap<Place, f64> {
        let is_work = |piece: &&Piece| matches!(piece.what, Phase::Core | Phase::Packets);
        let all = self.took().0.max(1) as f64;
        let mut sums = BTreeMap::new();
        let end = self.ends[1];
        let packets = self.recorder.hops().flat_map(|hop: &Hop| hop.pieces(end));
        let packets = packets.filter(|piece| piece.what == Phase::Packets);
        for piece in packets.chain(self.turns().filter(|piece| is_work(&piece))) {
            let took = piece.end.min(end).since(piece.start.min(end));
            *sums.entry(piece.place).or_insert(0.0) += took.0 as f64 / all;
        }
        sums
    }

    /// How much of the way each kind took, the longest first.
    pub fn kinds(&self) -> Vec<(&'static str, Ps)> {
        self.sums(|piece| piece.what.name())
    }

    /// How much of the way was at each level: at that place, if it was one alone.
    pub fn stations(&self) -> Vec<(String, Ps)> {
        let told = |(depth, took): (u32, Ps)| {
            let mut places = self.way.iter().map(|piece| piece.place);
            let mut at = places.by_ref().filter(|place| self.depth(*place) == depth);
            let first = at.next();
            let is_one = first.is_some_and(|first| at.all(|place| place == first));
            let name = match (first, is_one) {
                (Some(place), true) => self.name(place),
                (Some(Place::Leaf(_)), _) => "compute nodes".to_owned(),
                (Some(Place::Io(io)), _) if self.levels.level(io) == 0 => "I/O nodes".to_owned(),
                _ => "hubs".to_owned(),
            };
            (name, took)
        };
        self.sums(|piece| self.depth(piece.place)).into_iter().map(told).collect()
    }

    /// Below which links messages were lost, or were under way at the end for most of the time: first who
    /// missed most.
    pub fn unheard(&self) -> Vec<String> {
        let mut places: Vec<(Place, u32)> = self.missed().into_iter().collect();
        places.sort_by_key(|(_, missed)| Reverse(*missed));
        places.into_iter().map(|(place, _)| self.name(place)).collect()
    }

    /// The same, and how many.
    fn missed(&self) -> BTreeMap<Place, u32> {
        let half = Ps(self.ends[0].0.midpoint(self.ends[1].0));
        let mut missed = BTreeMap::new();
        for hop in self.recorder.hops().filter(|hop| !hop.is_taken() && hop.sent() < half) {
            let is_it = |piece: &Piece| piece.what == Phase::Unheard && piece.start < half;
            if hop.pieces(self.ends[1]).any(|piece| is_it(&piece)) {
                *missed.entry(hop.below()).or_insert(0) += 1;
            }
        }
        missed
    }

    fn sums<K: Ord>(&self, of: impl Fn(&Piece) -> K) -> Vec<(K, Ps)> {
        let mut sums = BTreeMap::new();
        for piece in &self.way {
            *sums.entry(of(piece)).or_insert(Ps::ZERO) += piece.took();
        }
        let mut sums: Vec<(K, Ps)> = sums.into_iter().collect();
        sums.sort_by_key(|(_, took)| Reverse(*took));
        sums
    }

    fn name(&self, place: Place) -> String {
        match place {
            Place::Client(_) => "client".to_owned(),
            Place::Io(io) => self.levels.name_of_io(io),
            Place::Leaf(leaf) => self.levels.name_of_leaf(leaf),
        }
    }

    /// Phase the way came to, in words: by kind, and by level. And who was not heard.
    pub fn notes(&self) -> Vec<String> {
        let all = self.took().0.max(1) as f64;
        let part = |name: &str, took: Ps| format!("{name} {:.1} %", took.0 as f64 * 100.0 / all);
        let mut unheard = self.unheard();
        if let Some(more) = unheard.len().checked_sub(TOLD).filter(|more| *more > 0) {
            unheard.truncate(TOLD);
            unheard.push(format!("{more} more"));
        }
        let unheard = (!unheard.is_empty()).then(|| format!("not heard: {}", unheard.join(", ")));
        let kinds = self.kinds().into_iter().take(TOLD).map(|(name, took)| part(name, took));
        let stations = self.stations().into_iter().take(TOLD).map(|(name, took)| part(&name, took));
        let both = [kinds.collect::<Vec<_>>(), stations.collect()].map(|parts| parts.join(" · "));
        both.into_iter().chain(unheard).collect()
    }

    /// Rows of a picture: the way, then places of each level: all where they are few, else the first, the one
    /// in the middle and the last to answer the write.
    pub fn spans(&self) -> Vec<Span> {
        let span = |place: &str, piece: &Piece| Span {
            place: place.to_owned(),
            what: piece.what.name().to_owned(),
            start: piece.start,
            end: piece.end,
        };
        let mut spans: Vec<Span> = self.way.iter().map(|piece| span("the way to the last", piece)).collect();
        let mut busy = self.busy();
        for (name, place) in self.shown() {
            let pieces = busy.remove(&place).unwrap_or_default();
            spans.extend(pieces.iter().map(|piece| span(&name, piece)));
        }
        spans
    }

    /// The places that have a row, with the row's name.
    fn shown(&self) -> Vec<(String, Place)> {
        let mut levels: BTreeMap<u32, Vec<(Ps, u32, Place)>> = BTreeMap::new();
        let missed = self.missed();
        for (place, answered) in self.answers() {
            let missed = missed.get(&place).copied().unwrap_or(0);
            levels.entry(self.depth(place)).or_default().push((answered, missed, place));
        }
        let mut shown = Vec::new();
        for level in levels.values_mut() {
            level.sort_unstable();
            let picked = [(0, "first"), (level.len() / 2, "middle"), (level.len() - 1, "last")];
            if level.len() <= picked.len() {
                shown.extend(level.iter().map(|(.., place)| (self.name(*place), *place)));
            } else {
                let row =
                    |(at, word): (usize, &str)| (format!("{}, {word}", self.name(level[at].2)), level[at].2);
                shown.extend(picked.map(row));
            }
        }
        shown
    }

    /// Levels from the client down.
    fn depth(&self, place: Place) -> u32 {
        let height = self.levels.height() as u32;
        match place {
            Place::Client(_) => 0,
            Place::Io(io) => height - self.levels.level(io) as u32,
            Place::Leaf(_) => height + 1,
        }
    }

    /// When each place that had a part in it last answered a write of who is above it; at the end, if never.
    fn answers(&self) -> BTreeMap<Place, Ps> {
        let mut answers = BTreeMap::new();
        for hop in self.recorder.hops().filter(|hop| hop.sent() < self.ends[1]) {
            answers.entry(hop.to).or_insert(None);
            let answer = answers.entry(hop.from).or_insert(None);
            if hop.kind == RWRITE && hop.is_taken() && self.depth(hop.to) < self.depth(hop.from) {
                *answer = (*answer).max(Some(hop.sent()));
            }
        }
        answers.into_iter().map(|(place, answered)| (place, answered.unwrap_or(self.ends[1]))).collect()
    }

    /// Phase each place was at, each kind of it without overlaps, within the time of the fan-out.
    fn busy(&self) -> BTreeMap<Place, Vec<Piece>> {
        let mut pieces: BTreeMap<(Place, Phase), Vec<Piece>> = BTreeMap::new();
        let end = self.ends[1];
        let hops = self.recorder.hops().flat_map(|hop: &Hop| hop.pieces(end));
        for piece in hops.chain(self.turns()) {
            pieces.entry((piece.place, piece.what)).or_default().push(piece);
        }
        let mut busy: BTreeMap<Place, Vec<Piece>> = BTreeMap::new();
        for ((place, _), mut pieces) in pieces {
            pieces.sort_unstable_by_key(|piece| piece.start);
            let of = busy.entry(place).or_default();
            let known = of.len();
            for piece in pieces.into_iter().filter(|piece| piece.start < end) {
                let piece = Piece { end: piece.end.min(end), ..piece };
                match of[known..].last_mut() {
                    Some(last) if piece.start <= last.end => last.end = last.end.max(piece.end),
                    _ => of.push(piece),
                }
            }
        }
        busy
    }

    /// Phase processors were at beside messages on their way.
    fn turns(&self) -> impl Iterator<Item = Piece> {
        self.recorder.turns().iter().filter_map(|turn| {
            let (place, at) = (turn.place, turn.at);
            match turn.cause {
                Cause::Hop(_) if matches!(place, Place::Client(_)) => None,
                Cause::Hop(_) => {
                    Some(Piece { place, what: Phase::Core, start: at, end: at + Ps::ns(MESSAGE_NS) })
                }
                Cause::Program(what, since) => {
                    let start = self.recorder.turns()[since as usize].at;
                    Some(Piece { place, what, start, end: at })
                }
                Cause::Nothing | Cause::Time(_) => None,
            }
        })
    }
}

#[cfg(test)]
#[path = "fanout_tests.rs"]
mod tests;
