//! What a seed does: jobs and their clients' whims, faults from a plan of its own, and when it is checked.

use crate::check::Claim;
use crate::fault::Fault;
use crate::random::Random;
use crate::trace::{Lines, Trace};
use crate::world::World;
use cnode::{Bounds, Full, Small};
use std::collections::BTreeSet;

/// Virtual time in which all nodes have joined.
pub const BOOT_US: u64 = 500_000;
/// Virtual time in which any job is told and any node that returned is up: a lost node's silence, and more.
const BOUND_US: u64 = 20_000_000;
/// Virtual time for a job that nothing disturbs.
const CALM_US: u64 = 5_000_000;
/// Faults begin and clients vanish within this time.
const TROUBLE_US: u64 = 3_000_000;
/// The programs that run during it, with their input and the lines that each member writes.
const JOBS: [(&str, Option<&[u8]>, usize); 4] =
    [("hostname", None, 1), ("nosuch", None, 0), ("sleep 2", None, 0), ("cat", Some(b"a\nbc\n"), 2)];

/// What a run came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Summary {
    /// The digest of its trace.
    pub digest: u64,
    /// Lines of its trace.
    pub events: u64,
    /// Jobs that were told to the end.
    pub jobs: usize,
    /// Messages that went to a set of children, and children they went to.
    pub fanouts: (u64, u64),
}

/// Runs a seed on `nodes` nodes with `faults` faults: an error is a claim that failed. Odd seeds have nodes
/// with the tables of a daemon, even ones the small tables of a simulated node.
pub fn run(seed: u64, nodes: usize, faults: usize, lines: Lines) -> Result<(Summary, Trace), String> {
    if seed.is_multiple_of(2) {
        run_sized::<Small>(seed, nodes, faults, lines)
    } else {
        run_sized::<Full>(seed, nodes, faults, lines)
    }
}

/// The same, on nodes whose tables have the bounds `B` whatever the seed is.
pub fn run_sized<B: Bounds>(
    seed: u64,
    nodes: usize,
    faults: usize,
    lines: Lines,
) -> Result<(Summary, Trace), String> {
    let mut random = Random::new(seed ^ 0x5eed);
    let mut world = World::<B>::new(seed, nodes, lines);
    world.run_until(BOOT_US)?;
    if world.up() as usize != nodes {
        return Err(format!("{} of {nodes} nodes joined", world.up()));
    }
    let before = world.census();
    let mut troubled = BTreeSet::new();
    for _ in 0..faults {
        let leaf = random.below(nodes as u64) as usize;
        let at = BOOT_US + random.below(TROUBLE_US);
        plan(&mut world, &mut random, leaf, at);
        troubled.insert(leaf);
    }
    // A small node has room for two members of each job, as many as there are with half of the nodes lost.
    let is_crowded = 2 * troubled.len() > nodes;
    let mut jobs = Vec::new();
    for (program, input, lines) in JOBS {
        let at = BOOT_US + random.below(2_000_000);
        let is_gang = random.below(2) == 1;
        let gang = if is_gang { "\ngang on" } else { "" };
        let job = world.order(at, &format!("res {nodes}{gang}"), program, input);
        let stays = act(&mut world, &mut random, job, at);
        jobs.push((job, stays, Claim { program, size: nodes as u32, lines, is_crowded, is_gang }));
    }
    world.run_until(BOOT_US + BOUND_US)?;
    let stayed = jobs.iter().filter(|(_, stays, _)| *stays);
    for (job, _, claim) in stayed.clone() {
        world.check_job(world.job(*job), *claim).map_err(|e| format!("{}: {e}", claim.program))?;
    }
    world.check_up()?;
    let up = world.up();
    world.hurt.clear();
    if up > 0 {
        let job = world.order(BOOT_US + BOUND_US, &format!("res {up}"), "hostname", None);
        world.run_until(BOOT_US + BOUND_US + CALM_US)?;
        let claim = Claim { program: "hostname", size: up, lines: 1, is_crowded: false, is_gang: false };
        world.check_job(world.job(job), claim).map_err(|e| format!("afterwards: {e}"))?;
    }
    world.check_quiet(&before)?;
    let (digest, events) = (world.trace.digest(), world.trace.events());
    let summary = Summary { digest, events, jobs: stayed.count(), fanouts: world.counts.fanouts };
    Ok((summary, world.trace))
}

/// What a client does beside its job: it looks at nodes and flushes what it waits for, and one in eight
/// vanishes; false then.
fn act<B: Bounds>(world: &mut World<B>, random: &mut Random, job: usize, begun: u64) -> bool {
    // Most of what a job waits for is told within the first milliseconds.
    let within = |random: &mut Random| {
        let within = if random.below(2) == 0 { 2_000 } else { TROUBLE_US };
        begun + random.below(within)
    };
    for _ in 0..random.below(4) {
        let (at, leaf) = (within(random), random.below(world.node_count() as u64) as usize);
        world.look(at, job, leaf);
        if random.below(2) == 0 {
            world.flush(at + random.below(200), job);
        }
    }
    for _ in 0..random.below(3) {
        world.flush(within(random), job);
    }
    let vanishes = random.below(8) == 0;
    if vanishes {
        world.vanish(within(random), job);
    }
    !vanishes
}

/// Breaks a node or its cable at a time, in one of the ways there are.
fn plan<B: Bounds>(world: &mut World<B>, random: &mut Random, leaf: usize, at: u64) {
    let later = at + 100_000 + random.below(8_000_000);
    match random.below(9) {
        0 => world.plan(at, leaf, Fault::Stop),
        1 => {
            world.plan(at, leaf, Fault::Stop);
            world.plan(later, leaf, Fault::Continue);
        }
        2 => world.plan(at, leaf, Fault::Kill),
        3 => world.plan(at, leaf, Fault::Crash),
        4 => {
            world.plan(at, leaf, Fault::Kill);
            world.plan(later, leaf, Fault::Return);
        }
        5 => {
            world.plan(at, leaf, Fault::Crash);
            world.plan(later, leaf, Fault::Return);
        }
        6 => world.plan(at, leaf, Fault::Cut),
        7 => {
            world.plan(at, leaf, Fault::Slow(1_000 + random.below(900_000)));
            world.plan(later, leaf, Fault::Slow(0));
        }
        _ => {
            let ways = 1 + random.below(3);
            world.plan(at, leaf, Fault::Mute { up: ways & 1 != 0, down: ways & 2 != 0 });
            world.plan(later, leaf, Fault::Heal);
        }
    }
}
