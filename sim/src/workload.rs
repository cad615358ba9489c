//! What a seed does: a script with jobs, their clients' whims, faults of some kinds, and what is claimed.

use crate::act::Act;
use crate::fault::{self, Draw};
use crate::levels::Levels;
use crate::script::play::{self, BOUND_US, Summary};
use crate::script::{Claim, Expect, Head, Job, Line, Network, Res, Script, Tables, Told, What, When};
use crate::trace::{Lines, Trace};
use crate::victim::Victim;
use bluegene::parameters::AGGREGATOR_CHILDREN;
use bluegene::partition::Partition;
use bluegene::random::Random;
use cnode::{Bounds, Full, Small};

/// Virtual time in which all nodes have joined, for each level of aggregators.
pub const BOOT_US: u64 = 500_000;
/// Virtual time for a job that nothing disturbs.
const CALM_US: u64 = 5_000_000;
/// Faults begin and clients vanish within this time.
const TROUBLE_US: u64 = 3_000_000;
/// Messages are lost or corrupted until then.
const SPENT_US: u64 = 8_000_000;
/// The programs that run during it, with their clients' names and their input.
const JOBS: [(&str, &str, Option<&str>); 4] = [
    ("ann", "hostname", None),
    ("bob", "nosuch", None),
    ("cy", "sleep 2", None),
    ("dot", "cat", Some("a\nbc\n")),
];

/// The script of a seed, on `nodes` nodes with `faults` faults. Odd seeds have nodes with the tables of a
/// daemon, even ones the small tables of a simulated node.
pub fn script(seed: u64, nodes: u32, faults: usize) -> Script {
    let mut random = Random::new(seed ^ 0x5eed);
    let tables = if seed.is_multiple_of(2) { Tables::Small } else { Tables::Full };
    // One in eight is on the machine's networks, if it has such a size.
    let is_machine = Partition::new(nodes, Partition::usual_pset(nodes)).is_ok();
    let network = if is_machine && random.below(8) == 0 { Network::Bgp } else { Network::Latency };
    let head = Head { nodes, seed, tables, network, ..Head::default() };
    let mut lines = Vec::new();
    let draws = draws(&mut random);
    for _ in 0..faults {
        break_something(&mut lines, &mut random, &draws, nodes);
    }
    // One seed in eight has clients that do nothing but wait.
    let whims = random.below(8) != 0;
    let mut staying = Vec::new();
    for (name, program, input) in JOBS {
        let begun = BOOT_US + random.below(2_000_000);
        let is_gang = random.below(2) == 1;
        let ctl = if is_gang { vec!["gang on".to_owned()] } else { Vec::new() };
        let exec = program.split(' ').map(str::to_owned).collect();
        let input = input.map(|text| (text.to_owned(), 1));
        let job = Job { name: name.into(), res: Res::Count(nodes), ctl, exec, input };
        lines.push(Line { when: When::At(begun), what: What::Begin(job) });
        if !whims || act(&mut lines, &mut random, name, begun, nodes) {
            staying.push(name);
        }
    }
    // In the order of time, and what is of one time in the order it was made.
    lines.sort_by_key(|line| if let When::At(at) = line.when { at } else { 0 });
    let told = |name: &str| Claim::Job(name.into(), vec![Told::Rightly]);
    let at = BOOT_US + BOUND_US;
    staying.into_iter().for_each(|name| lines.push(expect(at, told(name))));
    lines.push(expect(at, Claim::AllUp));
    let exec = vec!["hostname".to_owned()];
    let last = Job { name: "eve".into(), res: Res::Up, ctl: Vec::new(), exec, input: None };
    lines.push(Line { when: When::At(at), what: What::Begin(last) });
    lines.push(expect(at + CALM_US, told("eve")));
    lines.push(expect(at + CALM_US, Claim::Quiet));
    // A level above hears a while later of the nodes that have joined.
    let late = BOOT_US * (Levels::psets(nodes, AGGREGATOR_CHILDREN).height() as u64 - 1);
    for line in &mut lines {
        line.when = if let When::At(at) = line.when { When::At(at + late) } else { line.when };
    }
    Script { head, lines }
}

fn expect(at: u64, claim: Claim) -> Line {
    Line { when: When::At(at), what: What::Expect(Expect { claim, within: None }) }
}

/// The faults that this seed has, chosen by a bit each: at least one. So a fault is met alone and in company.
fn draws(random: &mut Random) -> Vec<Draw> {
    let all = fault::draws();
    let chosen: Vec<Draw> = all.iter().copied().filter(|_| random.below(2) == 1).collect();
    if chosen.is_empty() { all } else { chosen }
}

/// Breaks a node or its cable, in one of the ways this seed has.
fn break_something(lines: &mut Vec<Line>, random: &mut Random, draws: &[Draw], nodes: u32) {
    // Where there are several lowest aggregators, one fault in eight is at one of them.
    let aggregators = u64::from(nodes.div_ceil(AGGREGATOR_CHILDREN));
    let place = match random.below(8) {
        0 if aggregators > 1 => Victim::IoNode(random.below(aggregators) as u32),
        _ => Victim::Node(random.below(u64::from(nodes)) as u32),
    };
    let at = BOOT_US + random.below(TROUBLE_US);
    let (begin, end) = draws[random.below(draws.len() as u64) as usize](random);
    let mut line = |at, fault| lines.push(Line { when: When::At(at), what: What::Fault(place, fault) });
    line(at, begin);
    if let Some(end) = end {
        line(at + 100_000 + random.below(8_000_000), end);
    }
    // A node that dials with its longest pauses may not have used up all that it is to lose by then.
    if let Some(rest) = begin.kind().rest {
        line(BOOT_US + SPENT_US, rest);
    }
}

/// What a client does beside its job: it looks at nodes and flushes what it waits for, and one in eight
/// vanishes; false then.
fn act(lines: &mut Vec<Line>, random: &mut Random, name: &str, begun: u64, nodes: u32) -> bool {
    // Most of what a job waits for is told within the first milliseconds.
    let within = |random: &mut Random| {
        let within = if random.below(2) == 0 { 2_000 } else { TROUBLE_US };
        begun + random.below(within)
    };
    let mut line = |at, act| lines.push(Line { when: When::At(at), what: What::Act(name.into(), act) });
    for _ in 0..random.below(4) {
        let (at, node) = (within(random), random.below(u64::from(nodes)) as u32);
        line(at, Act::Look(node));
        if random.below(2) == 0 {
            line(at + random.below(200), Act::Flush);
        }
    }
    for _ in 0..random.below(3) {
        line(within(random), Act::Flush);
    }
    let vanishes = random.below(8) == 0;
    if vanishes {
        line(within(random), Act::Vanish);
    }
    !vanishes
}

/// Runs a seed on `nodes` nodes with `faults` faults: an error is a claim that failed.
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
    let script = script(seed, nodes as u32, faults);
    let played = play::play_sized::<B>(&script, lines, &mut |_| {})?;
    match played.broken {
        None => Ok((played.summary, played.trace)),
        Some(finding) => Err(finding.to_string()),
    }
}
