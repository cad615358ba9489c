//! The nodes of a simulated partition: aggregators in levels and compute nodes below them, each a core with
//! the machine that it asks and the run that it is in. A node is fed and then polled for what it wants.

pub(crate) mod aggregator;
mod clock;
pub(crate) mod feed;
pub(crate) mod leaf;
pub(crate) mod params;
pub(crate) mod run;

use crate::agenda::Agenda;
use crate::event::Event;
use crate::host::Note;
use crate::levels::Levels;
use crate::place::Place;
use crate::site::Site;
use aggregator::Aggregator;
use bluegene::time::Ps;
use cnode::{Bounds, Cnode};
use feed::{Fed, Feed, Stage, Start, Wish};
use leaf::Leaf;
use protocol::limits::BEAT_US;
use protocol::text::Text;
use run::Run;
use std::rc::Rc;

/// All nodes.
pub(crate) struct Nodes<B: Bounds> {
    levels: Rc<Levels>,
    site: Site,
    seed: u64,
    pub(crate) aggregators: Vec<Aggregator>,
    pub(crate) leaves: Vec<Leaf<B>>,
    /// What members are told and tell is noted.
    is_noted: bool,
}

impl<B: Bounds> Nodes<B> {
    /// All of them in their first runs, which begin when the agenda says.
    pub(crate) fn new(levels: Rc<Levels>, site: Site, seed: u64, agenda: &mut Agenda) -> Self {
        let leaves = Vec::with_capacity(levels.nodes());
        let mut nodes = Self { levels, site, seed, aggregators: Vec::new(), leaves, is_noted: false };
        for io in 0..nodes.levels.aggregators() {
            let at = nodes.starts_at(io);
            let run = Run::new(1, at, nodes.epoch(agenda, at));
            nodes.aggregators.push(Aggregator::new(at, nodes.io_facts(io, 1), run));
            agenda.push(at + Ps::us(1), Event::Tick(Place::Io(io)));
        }
        for leaf in 0..nodes.levels.nodes() as u32 {
            let at = nodes.starts_at(nodes.levels.above_leaf(leaf));
            let run = Run::new(1, at, nodes.epoch(agenda, at));
            nodes.leaves.push(Leaf::new(at, nodes.leaf_facts(leaf, 1), run));
            agenda.push(at + Ps::us(1), Event::Tick(Place::Leaf(leaf)));
        }
        nodes
    }

    /// When an aggregator starts, and the nodes below it. At a site that is one after the other within a
    /// beat: else all nodes of a machine would have theirs at one instant, and nothing to do until the next.
    fn starts_at(&self, io: u32) -> Ps {
        let within = if self.site.partition.is_some() { BEAT_US } else { 0 };
        Ps::us(within * u64::from(io) / u64::from(self.levels.aggregators()))
    }

    /// What a clock says that is started then: no two nodes count from the same instant, unless they know it.
    fn epoch(&self, agenda: &mut Agenda, at: Ps) -> u64 {
        if self.site.since_us > 0 {
            return self.site.since_us + at.to_us();
        }
        1 + agenda.below(1_000_000_000)
    }

    /// What a run of a compute node, counted from 1, is to know of itself.
    fn leaf_facts(&self, leaf: u32, run: u32) -> cnode::Facts {
        cnode::Facts {
            name: Text::cut(&self.levels.name_of_leaf(leaf)),
            boot: self.seed.wrapping_add(u64::from(leaf) + 1).wrapping_add(u64::from(run) << 32),
            os: "linux",
            arch: "ppc",
            cores: 4,
            operator: self.site.operator,
            place: self.site.place(leaf),
            has_parent: true,
        }
    }

    /// The same of an aggregator.
    fn io_facts(&self, io: u32, run: u32) -> ionode::Facts {
        // The one of a partition without levels has the seed itself, as it always had.
        let boot = self.seed.wrapping_add(u64::from(io) << 20).wrapping_add(u64::from(run - 1) << 16);
        ionode::Facts {
            name: Text::cut(&self.levels.name_of_io(io)),
            boot,
            os: "linux",
            arch: "ppc",
            operator: self.site.operator,
            has_parent: self.levels.above_io(io).is_some(),
        }
    }

    pub(crate) fn io(&self, io: u32) -> &Aggregator {
        &self.aggregators[io as usize]
    }

    pub(crate) fn leaf(&self, leaf: u32) -> &Leaf<B> {
        &self.leaves[leaf as usize]
    }

    /// The run of a node; a client has none.
    pub(crate) fn run(&self, place: Place) -> Option<&Run> {
        match place {
            Place::Io(io) => Some(&self.aggregators[io as usize].run),
            Place::Leaf(leaf) => Some(&self.leaves[leaf as usize].run),
            Place::Client(_) => None,
        }
    }

    pub(crate) fn run_mut(&mut self, place: Place) -> Option<&mut Run> {
        match place {
            Place::Io(io) => Some(&mut self.aggregators[io as usize].run),
            Place::Leaf(leaf) => Some(&mut self.leaves[leaf as usize].run),
            Place::Client(_) => None,
        }
    }

    /// A node is fed; what it passes on at once is at the start of `out`.
    pub(crate) fn feed(&mut self, place: Place, now: Ps, feed: Feed<'_>, out: &mut [u8]) -> Fed {
        match place {
            Place::Io(io) => self.aggregators[io as usize].feed(now, feed, out),
            Place::Leaf(leaf) => self.leaves[leaf as usize].feed(now, feed),
            Place::Client(_) => Fed::Taken,
        }
    }

    /// The next that a node wants; a message is at the start of `out`.
    pub(crate) fn poll(&mut self, place: Place, now: Ps, stage: &mut Stage, out: &mut [u8]) -> Option<Wish> {
        match place {
            Place::Io(io) => self.aggregators[io as usize].poll(now, stage, out),
            Place::Leaf(leaf) => self.leaves[leaf as usize].poll(now, stage, out),
            Place::Client(_) => None,
        }
    }

    /// Starts a member of a compute node as that process: how many microseconds more than usual that takes.
    pub(crate) fn start(&mut self, leaf: u32, now: Ps, start: &Start, pid: u32) -> u64 {
        let (node, date_us) = (self.levels.name_of_leaf(leaf), self.site.since_us + now.to_us());
        self.leaves[leaf as usize].start(start, pid, &node, date_us)
    }

    /// A new run of a node that is gone.
    pub(crate) fn revive(&mut self, place: Place, number: u32, agenda: &mut Agenda) {
        let now = agenda.now();
        let run = Run::new(number, now, self.epoch(agenda, now));
        match place {
            Place::Leaf(leaf) => {
                self.leaves[leaf as usize] = Leaf::new(now, self.leaf_facts(leaf, number), run);
                if self.is_noted {
                    self.leaves[leaf as usize].host.note();
                }
            }
            Place::Io(io) => {
                let params = self.aggregators[io as usize].params.anew();
                let facts = self.io_facts(io, number);
                self.aggregators[io as usize] = Aggregator { params, ..Aggregator::new(now, facts, run) };
            }
            Place::Client(_) => {}
        }
    }

    /// What members are told and tell is noted from now on.
    pub(crate) fn note(&mut self) {
        self.is_noted = true;
        self.leaves.iter_mut().for_each(|leaf| leaf.host.note());
    }

    /// What was noted at a place since this was called last.
    pub(crate) fn noted(&mut self, place: Place) -> Vec<Note> {
        match place {
            Place::Leaf(leaf) if self.is_noted => self.leaves[leaf as usize].host.noted(),
            Place::Leaf(_) | Place::Io(_) | Place::Client(_) => Vec::new(),
        }
    }

    /// Bytes that the cores of compute nodes take.
    pub(crate) fn cores_memory(&self) -> usize {
        self.leaves.len() * size_of::<Cnode<B>>()
    }

    /// Bytes that compute nodes take beside those.
    pub(crate) fn hosts_memory(&self) -> usize {
        let hosts: usize = self.leaves.iter().map(|leaf| leaf.host.memory()).sum();
        self.leaves.capacity() * size_of::<Leaf<B>>() + hosts
    }
}
