//! What a seed does: jobs, faults from a plan of its own, and the claims that are checked at the end.

use crate::trace::Random;
use crate::world::{Fault, World};
use protocol::ename::Ename;
use protocol::failure::{self, Failure, Step};
use protocol::record::{End, Outcome};
use std::collections::BTreeMap;

/// Virtual time in which all nodes have joined.
pub const BOOT_US: u64 = 500_000;
/// Virtual time in which any job is told: a lost node's silence, and some more.
const BOUND_US: u64 = 20_000_000;

/// What a run came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Summary {
    /// The digest of its trace.
    pub digest: u64,
    /// Lines of its trace.
    pub events: u64,
    /// Jobs that were told to the end.
    pub jobs: usize,
}

/// Runs a seed on `nodes` nodes with `faults` faults; an error is a claim that failed.
pub fn run(seed: u64, nodes: usize, faults: usize, keep: bool) -> Result<(Summary, World), String> {
    let mut random = Random::new(seed ^ 0x5eed);
    let mut world = World::new(seed, nodes, keep);
    world.run_until(BOOT_US)?;
    if world.up() as usize != nodes {
        return Err(format!("{} of {nodes} nodes joined", world.up()));
    }
    let mut hurt = BTreeMap::new();
    for _ in 0..faults {
        let leaf = random.below(nodes as u64) as usize;
        let at = BOOT_US + random.below(3_000_000);
        if hurt.insert(leaf, ()).is_none() {
            plan(&mut world, &mut random, leaf, at);
        }
    }
    // With nodes lost, some have two members of each job: what a small node has room for.
    let all = nodes.to_string();
    let mut jobs = Vec::new();
    for (program, input) in
        [("hostname", None), ("nosuch", None), ("sleep 1", None), ("cat", Some(&b"a\nbc\n"[..]))]
    {
        let at = BOOT_US + random.below(2_000_000);
        let gang = random.below(2) == 1;
        let res = if gang { format!("res {all}\ngang on") } else { format!("res {all}") };
        jobs.push(((program, gang), world.order(at, &res, program, input)));
    }
    world.run_until(BOOT_US + BOUND_US)?;
    for (program, job) in &jobs {
        let (sound, size) = (hurt.is_empty(), nodes as u32);
        check(&world, *job, *program, sound, size).map_err(|e| format!("{program:?}: {e}"))?;
    }
    world.check_quiet()?;
    let summary = Summary { digest: world.trace.digest(), events: world.trace.events(), jobs: jobs.len() };
    Ok((summary, world))
}

fn plan(world: &mut World, random: &mut Random, leaf: usize, at: u64) {
    match random.below(3) {
        0 => world.plan(at, leaf, Fault::Kill),
        1 => {
            world.plan(at, leaf, Fault::Stop);
            world.plan(at + 500_000 + random.below(9_000_000), leaf, Fault::Continue);
        }
        _ => world.plan(at, leaf, Fault::Stop),
    }
}

/// The claims on one job.
fn check(
    world: &World,
    job: usize,
    (program, gang): (&str, bool),
    sound: bool,
    size: u32,
) -> Result<(), String> {
    let job = world.job(job);
    if !job.over {
        return Err(format!("not told within {} s", BOUND_US / 1_000_000));
    }
    let mut outcomes = BTreeMap::new();
    for line in job.outcomes.lines() {
        let (member, _, outcome) = Outcome::parse(line).ok_or_else(|| format!("bad record: {line}"))?;
        if outcomes.insert(member, outcome.end).is_some() {
            return Err(format!("member {member} has two outcomes"));
        }
    }
    let refused = job.exec == Some(false) && outcomes.is_empty();
    if !refused && sound && outcomes.len() != size as usize {
        return Err(format!("{} of {size} members have an outcome", outcomes.len()));
    }
    let good = if program == "nosuch" { End::Never(Ename::NotFound.into()) } else { End::Exit(0) };
    // One that fails ends those beside it, where it is and, in a gang that is not sound, everywhere.
    let another = End::Never(Failure::bad(Step::Gang, 0, failure::Fault::Another));
    let is_good = |end: &End| *end == good || gang && *end == another && (!sound || program == "nosuch");
    let some = |end: &End| outcomes.values().any(|other| other == end);
    if some(&another) && some(&End::Exit(0)) {
        return Err("some members of a gang have run, and some have not".into());
    }
    if let Some((member, end)) =
        outcomes.iter().find(|(_, end)| !is_good(end) && (sound || **end != End::Lost))
    {
        return Err(format!("member {member} ended with {end:?}"));
    }
    let lines = job.stdout.split(|byte| *byte == b'\n').count() - 1;
    let each = if program == "cat" { 2 } else { usize::from(program == "hostname") };
    if sound && lines != each * size as usize {
        return Err(format!("{lines} lines of output"));
    }
    Ok(())
}
