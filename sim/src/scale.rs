//! A partition of any size under load: it boots, and runs jobs on all of its nodes one after the other.

use crate::counts::Counts;
use crate::world::World;
use bluegene::time::Ps;
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
    /// The digest of its trace.
    pub digest: u64,
}

/// Boots a partition and runs `hostname` on all of its nodes as often as told; `done` is told how many more
/// nodes have come, and then how many more have said their name.
pub fn run<B: Bounds>(
    world: &mut World<B>,
    jobs: usize,
    mut done: impl FnMut(u64),
) -> Result<Report, String> {
    let nodes = world.node_count() as u32;
    let line = world.levels().name_of_leaf(0).len() + 1;
    world.unchecked();
    let mut stages = Vec::new();
    let is_up = |world: &World<B>| world.known() == nodes && world.up() == nodes;
    stages.push(stage(world, "boot", is_up, |world| u64::from(world.known()), &mut done)?);
    for _ in 0..jobs {
        let job = world.order(world.now(), &format!("res {nodes}"), "hostname", None);
        let is_told = |world: &World<B>| world.job(job).over;
        let said = |world: &World<B>| (world.job(job).stdout.len() / line) as u64;
        stages.push(stage(world, "job", is_told, said, &mut done)?);
        let told = world.job(job).outcomes.lines().filter(|line| line.ends_with("''")).count();
        let lines = world.job(job).stdout.iter().filter(|byte| **byte == b'\n').count();
        if (told, lines) != (nodes as usize, nodes as usize) {
            return Err(format!("{told} of {nodes} members ended well, {lines} said their name"));
        }
    }
    Ok(Report { stages, digest: world.trace.digest() })
}

fn stage<B: Bounds>(
    world: &mut World<B>,
    what: &'static str,
    is_over: impl Fn(&World<B>) -> bool,
    so_far: impl Fn(&World<B>) -> u64,
    done: &mut impl FnMut(u64),
) -> Result<Stage, String> {
    let (begun, before) = (world.now(), world.counts);
    let mut told = 0;
    while !is_over(world) {
        if world.now() > begun + BOUND_US {
            return Err(format!("{what}: not done after {} s", BOUND_US / 1_000_000));
        }
        world.run_until(world.now() + STEP_US)?;
        let now = so_far(world).max(told);
        done(now - told);
        told = now;
    }
    let counts = world.counts.since(before);
    Ok(Stage { what, took: Ps::us(world.now() - begun), counts })
}
