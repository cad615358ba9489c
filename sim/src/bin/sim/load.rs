//! `sim load`: a partition of any size boots and runs jobs, and what that takes.

use crate::measure::{self, Measured, Network};
use argh::FromArgs;
use sim::scale::Stage;

/// Boot a partition, run `hostname` on all of its nodes, and tell what that took.
#[derive(FromArgs)]
#[argh(subcommand, name = "load")]
pub(crate) struct Load {
    /// compute nodes (default 64): a size of the machine, or with --network latency any
    #[argh(option, default = "64")]
    nodes: u32,
    /// compute nodes for each I/O node: 16, 32, 64 (default) or 128; with --network latency 1 to 64
    #[argh(option)]
    pset: Option<u32>,
    /// what carries messages: bgp (default), the machine's networks packet by packet, or latency
    #[argh(option, default = "Network::Bgp", from_str_fn(measure::network))]
    network: Network,
    /// jobs, one after the other (default 1)
    #[argh(option, default = "1")]
    jobs: usize,
    /// the seed of delays (default 1)
    #[argh(option, default = "1")]
    seed: u64,
}

/// The command's exit code.
pub(crate) fn run(load: &Load) -> i32 {
    let Load { nodes, pset, network, jobs, seed } = *load;
    match (measure::Load { nodes, pset, network, jobs, seed }).run() {
        Ok(measured) => {
            tell(&measured);
            0
        }
        Err((why, code)) => {
            eprintln!("sim: {why}");
            code
        }
    }
}

fn tell(measured: &Measured) {
    let Measured { nodes, aggregators, seconds, memory, levels, peak, .. } = measured;
    let all = measured.counts();
    println!("nodes {nodes} aggregators {aggregators} messages {} seconds {seconds:.3}", all.messages);
    let rates = [all.events, all.messages, all.packets].map(|count| measured.rate(count));
    println!("events {} events/s {} messages/s {} packets/s {}", all.events, rates[0], rates[1], rates[2]);
    for Stage { what, took, counts } in &measured.report.stages {
        println!(
            "{what} {took} events {} messages {} packets {}",
            counts.events, counts.messages, counts.packets
        );
    }
    println!(
        "memory cores {} aggregators {levels} hosts {} network {} peak {peak}",
        memory.cores, memory.hosts, memory.network
    );
}
