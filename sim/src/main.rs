//! `sim`: seeds of a simulated partition, and the machine that it stands for.

mod carry;
mod inspect;

use argh::FromArgs;
use sim::trace::Lines;
use sim::workload;
use std::fmt::Display;

/// Run the cores of a partition in virtual time, from a seed.
#[derive(FromArgs)]
struct Args {
    #[argh(subcommand)]
    command: Command,
}

#[derive(FromArgs)]
#[argh(subcommand)]
enum Command {
    Run(Run),
    Seeds(Seeds),
    Machine(inspect::Machine),
    Traffic(carry::Traffic),
}

/// Run one seed and tell what it came to.
#[derive(FromArgs)]
#[argh(subcommand, name = "run")]
struct Run {
    /// the seed (default 1)
    #[argh(option, default = "1")]
    seed: u64,
    /// compute nodes, 1 to 64 (default 64)
    #[argh(option, default = "64")]
    nodes: usize,
    /// faults (default 3)
    #[argh(option, default = "3")]
    faults: usize,
    /// print every event
    #[argh(switch)]
    trace: bool,
}

/// Run many seeds; the first that breaks a claim is told with the command that replays it.
#[derive(FromArgs)]
#[argh(subcommand, name = "seeds")]
struct Seeds {
    /// how many (default 100)
    #[argh(option, short = 'n', default = "100")]
    count: u64,
    /// the first (default 1)
    #[argh(option, default = "1")]
    from: u64,
    /// compute nodes, 1 to 64 (default 64)
    #[argh(option, default = "64")]
    nodes: usize,
    /// faults a seed (default 3)
    #[argh(option, default = "3")]
    faults: usize,
}

fn main() {
    let args: Args = argh::from_env();
    std::process::exit(match args.command {
        Command::Run(run) => one(&run),
        Command::Seeds(seeds) => many(&seeds),
        Command::Machine(machine) => inspect::run(&machine),
        Command::Traffic(traffic) => carry::run(&traffic),
    });
}

fn one(run: &Run) -> i32 {
    if let Some(code) = refuse(run.nodes) {
        return code;
    }
    let lines = if run.trace { Lines::Printed } else { Lines::Dropped };
    match workload::run(run.seed, run.nodes, run.faults, lines) {
        Ok((summary, _)) => {
            let (bursts, children) = summary.fanouts;
            println!(
                "seed {} nodes {} jobs {} events {} fan-outs {bursts} to {children} digest {:016x}",
                run.seed, run.nodes, summary.jobs, summary.events, summary.digest
            );
            0
        }
        Err(claim) => {
            eprintln!("sim: seed {}: {claim}", run.seed);
            1
        }
    }
}

fn many(seeds: &Seeds) -> i32 {
    if let Some(code) = refuse(seeds.nodes) {
        return code;
    }
    let (nodes, faults) = (seeds.nodes, seeds.faults);
    for seed in seeds.from..seeds.from + seeds.count {
        let tell = move |claim: &dyn Display| {
            eprintln!("sim: seed {seed}: {claim}");
            eprintln!("sim: replay: sim run --seed {seed} --nodes {nodes} --faults {faults} --trace");
        };
        // A core that asserts ends the program; its seed is told all the same.
        std::panic::set_hook(Box::new(move |panic| tell(panic)));
        if let Err(claim) = workload::run(seed, nodes, faults, Lines::Dropped) {
            tell(&claim);
            return 1;
        }
    }
    println!("{} seeds quiet", seeds.count);
    0
}

fn refuse(nodes: usize) -> Option<i32> {
    if (1..=64).contains(&nodes) {
        return None;
    }
    eprintln!("sim: --nodes {nodes}: want 1 to 64");
    Some(100)
}
