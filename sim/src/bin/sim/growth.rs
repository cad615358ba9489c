//! `sim growth`: partitions of one size after the other boot and run a job, and how what that takes grows.

use crate::measure::{self, Measured, Network};
use argh::FromArgs;
use std::fmt::Write;
use std::path::PathBuf;

/// Sizes that are measured unless others are wanted: the machine's, up to all of its 72 racks.
const SIZES: [u32; 8] = [64, 256, 1024, 4096, 8192, 16_384, 40_960, 73_728];
const MIB: f64 = 1_048_576.0;

/// Boot partitions of several sizes, run a job on each, and tell how time and memory grow.
#[derive(FromArgs)]
#[argh(subcommand, name = "growth")]
pub(crate) struct Growth {
    /// compute nodes, several between commas (default 64 to 73728)
    #[argh(option, default = "Sizes(SIZES.to_vec())", from_str_fn(sizes))]
    nodes: Sizes,
    /// what carries messages: bgp (default), the machine's networks packet by packet, or latency
    #[argh(option, default = "Network::Bgp", from_str_fn(measure::network))]
    network: Network,
    /// the seed of delays (default 1)
    #[argh(option, default = "1")]
    seed: u64,
    /// where to write points for `sim draw curves --of growth`
    #[argh(option)]
    data: Option<PathBuf>,
}

struct Sizes(Vec<u32>);

fn sizes(words: &str) -> Result<Sizes, String> {
    let size = |word: &str| word.parse().map_err(|_| format!("no number of nodes {word}"));
    Ok(Sizes(words.split(',').map(size).collect::<Result<_, _>>()?))
}

/// The command's exit code.
pub(crate) fn run(growth: &Growth) -> i32 {
    println!(
        "{:>8} {:>6} {:>8} {:>12} {:>10} {:>10} {:>10} {:>8} {:>8} {:>8} {:>8} {:>8} {:>7}",
        "",
        "aggre-",
        "",
        "",
        "events",
        "messages",
        "packets",
        "cores",
        "levels",
        "hosts",
        "network",
        "peak",
        "bytes"
    );
    println!(
        "{:>8} {:>6} {:>8} {:>12} {:>10} {:>10} {:>10} {:>8} {:>8} {:>8} {:>8} {:>8} {:>7}",
        "nodes", "gators", "seconds", "events", "/s", "/s", "/s", "MiB", "MiB", "MiB", "MiB", "MiB", "/node"
    );
    let mut points = String::new();
    for nodes in &growth.nodes.0 {
        let load =
            measure::Load { nodes: *nodes, pset: None, network: growth.network, jobs: 1, seed: growth.seed };
        match load.run() {
            Ok(measured) => {
                println!("{}", row(&measured));
                keep(&mut points, &measured);
            }
            Err((why, code)) => {
                eprintln!("sim: {nodes} nodes: {why}");
                return code;
            }
        }
    }
    match &growth.data {
        Some(path) => write(path, &points),
        None => 0,
    }
}

fn write(path: &PathBuf, points: &str) -> i32 {
    match std::fs::write(path, points) {
        Ok(()) => 0,
        Err(error) => {
            eprintln!("sim: {}: {error}", path.display());
            111
        }
    }
}

/// Cores, aggregators, hosts, networks, and all at its most, in bytes.
fn memory(measured: &Measured) -> [usize; 5] {
    let memory = measured.memory;
    [memory.cores, measured.levels, memory.hosts, memory.network, measured.peak]
}

fn row(measured: &Measured) -> String {
    let all = measured.counts();
    let [events, messages, packets] = [all.events, all.messages, all.packets].map(|n| measured.rate(n));
    let Measured { nodes, aggregators, seconds, .. } = measured;
    let mut row = format!("{nodes:>8} {aggregators:>6} {seconds:>8.2} {:>12} ", all.events);
    let told = write!(row, "{events:>10} {messages:>10} {packets:>10}");
    debug_assert!(told.is_ok(), "a string takes all");
    for bytes in memory(measured) {
        let told = write!(row, " {:>8.1}", bytes as f64 / MIB);
        debug_assert!(told.is_ok(), "a string takes all");
    }
    row + &format!(" {:>7}", measured.peak / *nodes as usize)
}

/// Its points of the curves.
fn keep(points: &mut String, measured: &Measured) {
    let all = measured.counts();
    let names = ["cores", "aggregators", "hosts", "networks", "all"];
    let memory =
        memory(measured).into_iter().zip(names).map(|(bytes, name)| ("memory", bytes as f64 / MIB, name));
    let rates = [(all.events, "events"), (all.messages, "9P messages"), (all.packets, "packets")];
    let rates = rates.map(|(count, name)| ("rate", measured.rate(count) as f64, name));
    for (kind, y, name) in memory.chain(rates).filter(|(_, y, _)| *y > 0.0) {
        let told = writeln!(points, "{kind} {} {y:.3} {name}", measured.nodes);
        debug_assert!(told.is_ok(), "a string takes all");
    }
}
