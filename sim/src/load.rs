//! `sim load`: a partition of any size boots and runs jobs, and what that takes.

use argh::FromArgs;
use cnode::Small;
use protocol::limits::CHILDREN_MAX;
use sim::levels::Levels;
use sim::scale;
use std::time::Instant;

/// Boot a partition of any size, run `hostname` on all of its nodes, and tell what that took.
#[derive(FromArgs)]
#[argh(subcommand, name = "load")]
pub(crate) struct Load {
    /// compute nodes (default 64)
    #[argh(option, default = "64")]
    nodes: u32,
    /// jobs, one after the other (default 1)
    #[argh(option, default = "1")]
    jobs: usize,
    /// the seed of delays (default 1)
    #[argh(option, default = "1")]
    seed: u64,
}

/// The command's exit code.
pub(crate) fn run(load: &Load) -> i32 {
    let levels = Levels::even(load.nodes, CHILDREN_MAX as u32);
    let aggregators = levels.aggregators();
    let begun = Instant::now();
    let report = match scale::run::<Small>(load.seed, levels, load.jobs) {
        Ok(report) => report,
        Err(claim) => {
            eprintln!("sim: {claim}");
            return 1;
        }
    };
    let seconds = begun.elapsed().as_secs_f64();
    let total = |of: fn(&scale::Stage) -> u64| report.stages.iter().map(of).sum::<u64>();
    let (events, messages) = (total(|stage| stage.counts.events), total(|stage| stage.counts.messages));
    let rate = |count: u64| (count as f64 / seconds) as u64;
    let nodes = load.nodes;
    println!("nodes {nodes} aggregators {aggregators} messages {messages} seconds {seconds:.3}");
    println!("events {events} events/s {} messages/s {}", rate(events), rate(messages));
    for stage in &report.stages {
        println!(
            "{} {} events {} messages {}",
            stage.what, stage.took, stage.counts.events, stage.counts.messages
        );
    }
    let memory = report.memory;
    println!("memory cores {} hosts {} network {}", memory.cores, memory.hosts, memory.network);
    0
}
