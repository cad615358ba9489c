//! Seeds that are to reach every arm: jobs with all whims that clients have, on all levels, and faults.

mod stages;
#[cfg(test)]
mod tests;

use crate::fault::Fault;
use crate::levels::Levels;
use crate::observers::arms::Arms;
use crate::place::Place;
use crate::trace::Lines;
use crate::whim::{WHIMS, Whim};
use crate::world::World;
use bluegene::random::Random;
use cnode::{Bounds, Full, Small};
use protocol::limits::CHILDREN_MAX;

/// Virtual time in which all nodes have joined.
const BOOT_US: u64 = 1_000_000;
/// Jobs begin, clients have whims and faults begin within this time.
const TROUBLE_US: u64 = 4_000_000;
/// Faults end within this time.
const LONG_US: u64 = 14_000_000;
/// Virtual time until all that lingers is over, and all that returned serves.
const BOUND_US: u64 = 28_000_000;
/// Virtual time for a job that nothing disturbs.
const CALM_US: u64 = 6_000_000;
/// Children of an aggregator in a partition of three levels.
const FAN: u32 = 4;
/// How often a node joins again that does not get to, and how long that takes.
const JOINS: u64 = 8;
/// See `JOINS`.
const JOIN_US: u64 = 12_000_000;
/// Jobs of a seed.
const JOBS: usize = 10;

/// What jobs run, with their input.
const PROGRAMS: [(&str, Option<&[u8]>); 10] = [
    ("stuck", None),
    ("broken", None),
    ("hostname", None),
    ("nosuch", None),
    ("sleep 2", None),
    ("cat", Some(b"a\nbc\n")),
    ("false", None),
    ("sh -c 'sleep 1; exit 3'", None),
    ("sleep 9", Some(b"x\n")),
    ("", None),
];

/// What is said before a job's exec.
const LINES: [&str; 10] = [
    "",
    "",
    "\ngang on",
    "\ngang on",
    "\nfailfast on",
    "\nprefix on",
    "\nenum",
    "\nlabel x",
    "\nexec sleep 1",
    "\nfrobnicate",
];

/// Runs a seed on `nodes` nodes with `faults` faults: what it reached, or a claim that failed. Odd seeds
/// have nodes with the tables of a daemon; of four, two have aggregators in levels.
pub fn run(seed: u64, nodes: usize, faults: usize, lines: Lines) -> Result<Arms, String> {
    let mut arms = if seed.is_multiple_of(2) {
        run_sized::<Small>(seed, nodes, faults, lines)?
    } else {
        run_sized::<Full>(seed, nodes, faults, lines)?
    };
    arms.add(&run_joins(seed)?);
    Ok(arms)
}

/// Two nodes, of which one joins again and again, and never in peace.
fn run_joins(seed: u64) -> Result<Arms, String> {
    let mut random = Random::new(seed ^ 0x701);
    let mut world = World::<Small>::new(seed, 2, Lines::Dropped);
    world.count_arms();
    world.run_until(BOOT_US)?;
    let before = world.census();
    for nth in 0..JOINS {
        let at = BOOT_US + nth * JOIN_US;
        let plan = stages::while_it_joins(&mut random, Place::Leaf(0), (at, at + JOIN_US / 2));
        plan.into_iter().for_each(|(at, place, fault)| world.plan_at(at, place, fault));
    }
    world.run_until(BOOT_US + (JOINS + 1) * JOIN_US)?;
    if world.up() != 2 {
        return Err(format!("{} of 2 nodes joined again", world.up()));
    }
    world.check_quiet(&before)?;
    Ok(world.arms().cloned().unwrap_or_default())
}

fn run_sized<B: Bounds>(seed: u64, nodes: usize, faults: usize, lines: Lines) -> Result<Arms, String> {
    let mut random = Random::new(seed ^ 0xa235);
    let fan = if seed % 4 < 2 { FAN } else { CHILDREN_MAX as u32 };
    let mut world = World::<B>::of(seed, Levels::even(nodes as u32, fan), lines);
    world.count_arms();
    world.run_until(BOOT_US)?;
    if world.up() as usize != nodes {
        return Err(format!("{} of {nodes} nodes joined", world.up()));
    }
    let before = world.census();
    if random.below(2) == 0 {
        let hasty = world.order(BOOT_US, "label x", "", None);
        world.near(hasty);
        world.whim(BOOT_US + 1_000, hasty, Whim::Haste);
        world.vanish(BOOT_US + 100_000, hasty);
    }
    (0..JOBS).for_each(|_| begins(&mut world, &mut random));
    for _ in 0..faults {
        let place = any_place(&world, &mut random);
        let at = BOOT_US + random.below(TROUBLE_US);
        if random.below(3) == 0 {
            breaks(&mut world, &mut random, (place, at));
        } else {
            let later = at + 5_000_000 + random.below(2_000_000);
            stages::stage(&mut world, &mut random, place, (at, later));
        }
    }
    world.run_until(BOOT_US + LONG_US)?;
    let now = world.now();
    let last = world.order(now, "res 1", "", None);
    world.near(last);
    world.whim(now + 500_000, last, Whim::WipeAll);
    world.whim(now + 500_000, last, Whim::Resume);
    (0..=last).for_each(|client| world.vanish(now + 2_000_000, client));
    world.run_until(BOOT_US + BOUND_US)?;
    world.check_up()?;
    let up = world.up();
    if up > 0 {
        let now = world.now();
        let job = world.order(now, &format!("res {up}"), "hostname", None);
        world.run_until(now + CALM_US)?;
        let job = world.job(job);
        let well = job.outcomes.matches("''").count();
        if !job.over || well != up as usize {
            return Err(format!("afterwards: {well} of {up} ended well; left: {}", job.unanswered()));
        }
    }
    world.check_quiet(&before)?;
    Ok(world.arms().cloned().unwrap_or_default())
}

/// A job and what its client does beside it.
fn begins<B: Bounds>(world: &mut World<B>, random: &mut Random) {
    let (program, input) = PROGRAMS[random.below(PROGRAMS.len() as u64) as usize];
    let nodes = world.node_count() as u64;
    let members = match random.below(8) {
        0 => 1,
        1 => 2 * nodes,
        2 => 40 * nodes,
        _ => nodes,
    };
    let names = somewhere(world, random);
    let members = if names.is_empty() { members } else { 1 + random.below(2) };
    let line = LINES[random.below(LINES.len() as u64) as usize];
    let res = if random.below(8) == 0 { "label y".to_owned() } else { format!("res {members}") };
    let begun = BOOT_US + random.below(TROUBLE_US / 2);
    let job = world.order_at(begun, &names, (&format!("{res}{line}"), program, input));
    // Most of what a job waits for is told within the first milliseconds.
    let within = |random: &mut Random| {
        let within = [100, 2_000, 1_000_000, TROUBLE_US][random.below(4) as usize];
        begun + random.below(within)
    };
    // A session at a node alone sees what no parent says.
    let most = if names.is_empty() { 5 } else { 10 };
    for _ in 0..random.below(most) {
        let whim = WHIMS[random.below(WHIMS.len() as u64) as usize];
        if whim != Whim::Persist || names.is_empty() {
            world.whim(within(random), job, whim);
        }
    }
    for _ in 0..random.below(3) {
        world.flush(within(random), job);
    }
    for _ in 0..random.below(2) {
        let leaf = random.below(nodes) as usize;
        world.look(within(random), job, leaf);
    }
    match random.below(16) {
        0 => {
            let at = within(random);
            world.near(job);
            world.whim(at, job, Whim::Drain);
            match random.below(4) {
                0 => world.flush(at + 40 + random.below(200), job),
                1 => world.vanish(at + 40 + random.below(200), job),
                _ => world.whim(at + random.below(1_000_000), job, Whim::Resume),
            }
        }
        1..6 => world.vanish(within(random), job),
        _ => {}
    }
}

/// Where a session is made: mostly at the root, else at one of the nodes below it.
fn somewhere<B: Bounds>(world: &World<B>, random: &mut Random) -> Vec<String> {
    if random.below(2) == 0 {
        return Vec::new();
    }
    let levels = world.levels();
    let leaf = random.below(levels.nodes() as u64) as u32;
    let mut names = levels.path_to(leaf);
    names.truncate(1 + random.below(names.len() as u64) as usize);
    names
}

/// A node, or an aggregator below the root.
fn any_place<B: Bounds>(world: &World<B>, random: &mut Random) -> Place {
    let levels = world.levels();
    if levels.height() > 1 && random.below(3) == 0 {
        Place::Io(random.below(u64::from(levels.root())) as u32)
    } else {
        Place::Leaf(random.below(levels.nodes() as u64) as u32)
    }
}

/// Breaks a node, an aggregator or its cable, in one of the ways there are.
fn breaks<B: Bounds>(world: &mut World<B>, random: &mut Random, (place, at): (Place, u64)) {
    let later = at + 100_000 + random.below(LONG_US - TROUBLE_US - 1_000_000);
    let ways = 1 + random.below(3);
    let (fault, end) = match random.below(10) {
        0 => (Fault::Stop, Some(Fault::Continue)),
        // What a lost aggregator ran below it goes on for an hour.
        1 if matches!(place, Place::Leaf(_)) => (Fault::Kill, None),
        1 => (Fault::Crash, Some(Fault::Return)),
        2 => (Fault::Kill, Some(Fault::Return)),
        3 => (Fault::Crash, Some(Fault::Return)),
        4 => (Fault::Cut, None),
        5 => (Fault::Cut, None),
        6 => (Fault::Slow(1_000 + random.below(900_000)), Some(Fault::Slow(0))),
        7 => (Fault::Lose(1), None),
        8 => (Fault::Corrupt(1), None),
        _ => (Fault::Mute { up: ways & 1 != 0, down: ways & 2 != 0 }, Some(Fault::Heal)),
    };
    world.plan_at(at, place, fault);
    if let Some(end) = end {
        world.plan_at(later, place, end);
    }
}
