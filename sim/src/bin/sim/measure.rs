//! A partition under load, and what that takes of time and of memory.

use crate::partition;
use crate::progress::Progress;
use cnode::Small;
use peak_alloc::PeakAlloc;
use protocol::limits::{CHILDREN_MAX, MEMBERS_MAX};
use sim::counts::Counts;
use sim::levels::Levels;
use sim::memory::Memory;
use sim::scale::{self, Report};
use sim::trace::Lines;
use sim::world::World;
use std::time::Instant;

#[global_allocator]
static HEAP: PeakAlloc = PeakAlloc;

/// What carries messages.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Network {
    Latency,
    Bgp,
}

/// The one of that name.
pub(crate) fn network(word: &str) -> Result<Network, String> {
    match word {
        "latency" => Ok(Network::Latency),
        "bgp" => Ok(Network::Bgp),
        _ => Err(format!("no network {word}: want latency or bgp")),
    }
}

/// A partition, and what it is to do.
#[derive(Clone, Copy)]
pub(crate) struct Load {
    pub(crate) nodes: u32,
    pub(crate) pset: Option<u32>,
    pub(crate) network: Network,
    pub(crate) jobs: usize,
    pub(crate) seed: u64,
}

/// What it came to.
pub(crate) struct Measured {
    pub(crate) nodes: u32,
    pub(crate) aggregators: u32,
    pub(crate) report: Report,
    /// Wall time.
    pub(crate) seconds: f64,
    /// Bytes at its end.
    pub(crate) memory: Memory,
    /// Those of its aggregators.
    pub(crate) levels: usize,
    /// All bytes that were taken at one time, at most.
    pub(crate) peak: usize,
}

/// Why there is nothing to tell, and the exit code for that.
pub(crate) type Failed = (String, i32);

impl Load {
    /// Does it.
    pub(crate) fn run(&self) -> Result<Measured, Failed> {
        HEAP.reset_peak_usage();
        let (begun, before) = (Instant::now(), HEAP.current_usage());
        let mut world = self.world()?;
        let aggregators = world.levels().aggregators();
        let rounds = (self.jobs as u64).saturating_add(1);
        let bar = Progress::new(u64::from(self.nodes).saturating_mul(rounds), "nodes and members");
        let report = scale::run(&mut world, self.jobs, |more| bar.tick(more)).map_err(|claim| (claim, 1))?;
        bar.end();
        let seconds = begun.elapsed().as_secs_f64();
        let (memory, peak) = (world.memory(), HEAP.peak_usage() - before);
        let whole = HEAP.current_usage();
        world.end_aggregators();
        let levels = whole - HEAP.current_usage();
        Ok(Measured { nodes: self.nodes, aggregators, report, seconds, memory, levels, peak })
    }

    fn world(&self) -> Result<World<Small>, Failed> {
        match self.network {
            Network::Latency => {
                let pset = self.pset.unwrap_or(CHILDREN_MAX as u32);
                if !(1..=MEMBERS_MAX).contains(&self.nodes) {
                    // A job has a member on each.
                    let wrong = format!("no partition of {} nodes: want 1 to {MEMBERS_MAX}", self.nodes);
                    return Err((wrong, 100));
                }
                if !(1..=CHILDREN_MAX as u32).contains(&pset) {
                    return Err((format!("no aggregator of {pset}: want 1 to {CHILDREN_MAX}"), 100));
                }
                Ok(World::of(self.seed, Levels::psets(self.nodes, pset), Lines::Dropped))
            }
            Network::Bgp => partition::partition(Some(self.nodes), None, self.pset)
                .map(|partition| World::on(self.seed, &partition, Lines::Dropped))
                .map_err(|wrong| (wrong, 100)),
        }
    }
}

impl Measured {
    /// All that happened.
    pub(crate) fn counts(&self) -> Counts {
        let all = self.report.stages.iter().map(|stage| stage.counts);
        all.fold(Counts::default(), Counts::and)
    }

    /// So many of something by the second of wall time.
    pub(crate) fn rate(&self, count: u64) -> u64 {
        (count as f64 / self.seconds) as u64
    }
}
