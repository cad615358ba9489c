//! `sim load`: a partition of any size boots and runs jobs, and what that takes.

use crate::inspect;
use argh::FromArgs;
use cnode::Small;
use protocol::limits::CHILDREN_MAX;
use sim::levels::Levels;
use sim::scale::{self, Stage};
use sim::trace::Lines;
use sim::world::World;
use std::time::Instant;

/// Boot a partition, run `hostname` on all of its nodes, and tell what that took.
#[derive(FromArgs)]
#[argh(subcommand, name = "load")]
pub(crate) struct Load {
    /// compute nodes (default 64): a size of the machine, or with --network latency any
    #[argh(option, default = "64")]
    nodes: u32,
    /// compute nodes for each I/O node: 16, 32, 64 (default) or 128
    #[argh(option)]
    pset: Option<u32>,
    /// what carries messages: bgp (default), the machine's networks packet by packet, or latency
    #[argh(option, default = "Network::Bgp", from_str_fn(network))]
    network: Network,
    /// jobs, one after the other (default 1)
    #[argh(option, default = "1")]
    jobs: usize,
    /// the seed of delays (default 1)
    #[argh(option, default = "1")]
    seed: u64,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Network {
    Latency,
    Bgp,
}

fn network(word: &str) -> Result<Network, String> {
    match word {
        "latency" => Ok(Network::Latency),
        "bgp" => Ok(Network::Bgp),
        _ => Err(format!("no network {word}: want latency or bgp")),
    }
}

/// The command's exit code.
pub(crate) fn run(load: &Load) -> i32 {
    let begun = Instant::now();
    let world = match load.network {
        Network::Latency => {
            let pset = load.pset.unwrap_or(CHILDREN_MAX as u32).clamp(1, CHILDREN_MAX as u32);
            World::<Small>::of(load.seed, Levels::psets(load.nodes, pset), Lines::Dropped)
        }
        Network::Bgp => match inspect::partition(Some(load.nodes), None, load.pset) {
            Ok(partition) => World::on(load.seed, &partition, Lines::Dropped),
            Err(wrong) => {
                eprintln!("sim: {wrong}");
                return 100;
            }
        },
    };
    let aggregators = world.levels().aggregators();
    match scale::run(world, load.jobs) {
        Ok(report) => tell(load.nodes, aggregators, &report, begun.elapsed().as_secs_f64()),
        Err(claim) => {
            eprintln!("sim: {claim}");
            return 1;
        }
    }
    0
}

fn tell(nodes: u32, aggregators: u32, report: &scale::Report, seconds: f64) {
    let total = |of: fn(&Stage) -> u64| report.stages.iter().map(of).sum::<u64>();
    let rate = |count: u64| (count as f64 / seconds) as u64;
    let events = total(|stage| stage.counts.events);
    let messages = total(|stage| stage.counts.messages);
    let packets = total(|stage| stage.counts.packets);
    println!("nodes {nodes} aggregators {aggregators} messages {messages} seconds {seconds:.3}");
    let rates = [events, messages, packets].map(rate);
    println!("events {events} events/s {} messages/s {} packets/s {}", rates[0], rates[1], rates[2]);
    for Stage { what, took, counts } in &report.stages {
        println!(
            "{what} {took} events {} messages {} packets {}",
            counts.events, counts.messages, counts.packets
        );
    }
    let memory = report.memory;
    println!("memory cores {} hosts {} network {}", memory.cores, memory.hosts, memory.network);
}
