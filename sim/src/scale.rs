//! A partition of any size under load: it boots, and runs jobs on all of its nodes one after the other.

use crate::counts::Counts;
use crate::memory::Memory;
use crate::time::Ps;
use crate::world::World;
use cnode::Bounds;

/// Virtual time for all nodes to join and to be known at the root, and for a job to be told, in microseconds.
const BOUND_US: u64 = 120_000_000;
/// Steps in which that is looked at, in microseconds.
const STEP_US: u64 = 1_000;

/// What a stage of a load came to.
#[derive(Clone, Copy, Debug)]
pub struct Stage {
    /// What was done.
    pub what: &'static str,
    /// Virtual time that it took.
    pub took: Ps,
    /// What happened meanwhile.
    pub counts: Counts,
}

/// What a load came to.
#[derive(Debug)]
pub struct Report {
    /// Boot, and each job.
    pub stages: Vec<Stage>,
    /// What it takes, at its end.
    pub memory: Memory,
    /// The digest of its trace.
    pub digest: u64,
}

/// Boots a partition and runs `hostname` on all of its nodes as often as told.
pub fn run<B: Bounds>(mut world: World<B>, jobs: usize) -> Result<Report, String> {
    let nodes = world.node_count() as u32;
    world.unchecked();
    let mut stages = Vec::new();
    stages.push(stage(&mut world, "boot", |world| world.known() == nodes && world.up() == nodes)?);
    for _ in 0..jobs {
        let job = world.order(world.now(), &format!("res {nodes}"), "hostname", None);
        stages.push(stage(&mut world, "job", |world| world.job(job).over)?);
        let told = world.job(job).outcomes.lines().filter(|line| line.ends_with("''")).count();
        let lines = world.job(job).stdout.iter().filter(|byte| **byte == b'\n').count();
        if (told, lines) != (nodes as usize, nodes as usize) {
            return Err(format!("{told} of {nodes} members ended well, {lines} said their name"));
        }
    }
    Ok(Report { stages, memory: world.memory(), digest: world.trace.digest() })
}

fn stage<B: Bounds>(
    world: &mut World<B>,
    what: &'static str,
    mut is_done: impl FnMut(&World<B>) -> bool,
) -> Result<Stage, String> {
    let (begun, before) = (world.now(), world.counts);
    while !is_done(world) {
        if world.now() > begun + BOUND_US {
            return Err(format!("{what}: not done after {} s", BOUND_US / 1_000_000));
        }
        world.run_until(world.now() + STEP_US)?;
    }
    let counts = world.counts.since(before);
    Ok(Stage { what, took: Ps::us(world.now() - begun), counts })
}
