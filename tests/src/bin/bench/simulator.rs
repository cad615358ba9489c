//! `sim`: messages a second of wall time, ours and those of other simulators, each as a process of its own.
//!
//! Two contests. On a network that has nothing but latency, our cores against an echo of 64 bytes between a
//! server and N clients in madsim and turmoil. On the torus, every packet on every link, against SimGrid's,
//! which has flows instead of packets. Others are stopped after 20 s, but not before they have had as long as
//! ours took: who is stopped then is behind, while 20 s alone left that open where ours takes longer.
//!
//! On the torus of 64 nodes ours is told to close, as SimGrid's always does and as no such partition of the
//! machine did: in a mesh of them a random message has a quarter more hops, and one of a fan-in half as many
//! again.

use crate::peers::{PATIENCE, Told, cargo, number, run as run_program, sim, simgrid};
use std::path::PathBuf;
use std::time::{Duration, Instant};

/// Runs of each, in turn; the median is told.
const RUNS: usize = 3;
/// A run of so many seconds is not repeated.
const LONG_S: f64 = 5.0;
/// How long ours may take: the largest torus with the longest messages carries eleven million packets.
const OUR_PATIENCE: Duration = Duration::from_secs(1200);
/// Compute nodes.
const SIZES: [u32; 4] = [64, 1024, 4096, 40_960];
/// Jobs that our cores run on all nodes, by size, so that they too carry as many messages or more.
const JOBS: [u32; 4] = [72, 4, 1, 1];
/// Messages that an echo is to carry.
const ECHOES: u64 = 200_000;
/// Clients from which on turmoil has one round: that takes long enough.
const SLOW: u32 = 1000;

/// Patterns on the torus: the name, bytes of a message, and messages of each node by size.
const PATTERNS: [(&str, u32, [u32; 4]); 4] = [
    ("neighbour", 65_536, [60, 12, 6, 1]),
    ("fan-in", 4096, [500, 100, 10, 1]),
    ("random", 65_536, [60, 2, 1, 1]),
    ("random", 256, [2000, 100, 10, 2]),
];

/// Shapes of those sizes, for who cannot look them up.
const SHAPES: [&str; 4] = ["4 4 4", "8 8 16", "8 16 32", "40 32 32"];

/// No acknowledgements on the way back, as we have none; small stacks, and no guard for each: those of 40,960
/// actors are more mappings than Linux lets a process have.
const SIMGRID: &str = "--log=root.thresh:error --cfg=network/crosstraffic:0 --cfg=contexts/stack-size:64
    --cfg=contexts/guard-size:0";

/// What was measured once elsewhere: the same fidelity, and no package to install.
const ROSS: &str =
    "ROSS's torus, not run here, as measured on a machine with two cores: 8x8x8 12 k packets/s in
0.7 GB, 16x16x16 0.6 M events/s in 11.8 GB, 40x32x32 wants 82 GB and is refused";

/// One who takes part.
struct Side {
    name: &'static str,
    /// Its program, or why there is none.
    program: Result<PathBuf, String>,
    words: String,
    /// Messages that it is to carry.
    messages: u64,
    patience: Duration,
}

pub(crate) fn run() {
    println!("messages a second of wall time; medians of {RUNS} runs in turn, of 5 s and more one run");
    echoes();
    torus();
    println!("\n{ROSS}");
}

fn echoes() {
    let (madsim, turmoil) = (cargo("madsim", "--cfg madsim"), cargo("turmoil", ""));
    println!("\n{:<16}{:>7}", "latency only", "nodes");
    for (nodes, jobs) in SIZES.into_iter().zip(JOBS) {
        let each = ECHOES / 2 / u64::from(nodes);
        let echo = |name, program: &Result<PathBuf, String>, rounds: u64| Side {
            name,
            program: program.clone(),
            words: format!("{nodes} {rounds}"),
            messages: 2 * u64::from(nodes) * rounds,
            patience: PATIENCE,
        };
        let rounds = if nodes < SLOW { each } else { 1 };
        let ours = Side::ours(format!("load --network latency --nodes {nodes} --jobs {jobs}"), 0);
        row("", nodes, &[ours, echo("madsim", &madsim, each), echo("turmoil", &turmoil, rounds)]);
    }
}

fn torus() {
    let simgrid = simgrid();
    println!("\n{:<16}{:>7}", "torus", "nodes");
    for (pattern, bytes, each) in PATTERNS {
        for ((nodes, shape), each) in SIZES.into_iter().zip(SHAPES).zip(each) {
            let senders = if pattern == "fan-in" { nodes - nodes / 64 } else { nodes };
            let messages = u64::from(senders) * u64::from(each);
            let ours = format!(
                "traffic --nodes {nodes} --closed --pattern {pattern} --bytes {bytes} --messages {each}"
            );
            let theirs = Side {
                name: "SimGrid",
                program: simgrid.clone(),
                words: format!("{shape} {pattern} {bytes} {each} {SIMGRID}"),
                messages,
                patience: PATIENCE,
            };
            row(&format!("{pattern} {bytes}"), nodes, &[Side::ours(ours, messages), theirs]);
        }
    }
}

impl Side {
    fn ours(words: String, messages: u64) -> Self {
        Self { name: "sim", program: Ok(sim()), words, messages, patience: OUR_PATIENCE }
    }

    /// Not stopped before it has had as long as another.
    fn run(&self, other: Duration) -> Told {
        let patience = self.patience.max(other);
        match &self.program {
            Ok(program) => run_program(program, &self.words, self.messages, patience),
            Err(why) => Told::Not(why.clone()),
        }
    }
}

/// One size of a contest, all sides in turn.
fn row(name: &str, nodes: u32, sides: &[Side]) {
    let mut all: Vec<Vec<Told>> = sides.iter().map(|_| Vec::new()).collect();
    let mut longest = Duration::ZERO;
    for _ in 0..RUNS {
        for (side, told) in sides.iter().zip(&mut all) {
            if told.iter().all(is_short) {
                let begin = Instant::now();
                told.push(side.run(longest));
                longest = longest.max(begin.elapsed());
            }
        }
    }
    let medians: Vec<Told> = all.into_iter().map(median).collect();
    let cells = sides.iter().zip(&medians).map(|(side, told)| cell(side, told, &medians[0]));
    println!("{name:<16}{nodes:>7}  {}", cells.collect::<Vec<_>>().join("   "));
}

fn is_short(told: &Told) -> bool {
    matches!(told, Told::Rate(_, words) if number(words, "seconds").is_none_or(|seconds| seconds < LONG_S))
}

fn median(mut all: Vec<Told>) -> Told {
    let rate = |told: &Told| if let Told::Rate(rate, _) = told { *rate } else { 0.0 };
    all.sort_unstable_by(|a, b| rate(a).total_cmp(&rate(b)));
    all.swap_remove(all.len() / 2)
}

/// What one side came to, and how many times that ours is.
fn cell(side: &Side, told: &Told, ours: &Told) -> String {
    let own = if let Told::Rate(own, _) = ours { Some(*own) } else { None };
    let times = |rate: f64| own.filter(|_| side.name != "sim").map(|own| own / rate);
    match told {
        Told::Rate(rate, words) => {
            let events = number(words, "events/s").map(|events| format!(", {:.1} M events/s", events / 1e6));
            let times = times(*rate).map(|times| format!(", ours {times:.2} x"));
            format!("{} {rate:.0}{}", side.name, times.or(events).unwrap_or_default())
        }
        Told::Fewer(rate) => {
            let times = times(*rate).filter(|times| *times > 1.0);
            let times = times.map(|times| format!(", ours over {times:.1} x")).unwrap_or_default();
            let seconds = side.messages as f64 / rate;
            format!("{} over {seconds:.0} s: fewer than {rate:.0}{times}", side.name)
        }
        Told::Not(why) => format!("{}: {why}", side.name),
    }
}
