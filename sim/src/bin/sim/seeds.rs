//! `sim seeds`: many seeds, each played once or twice.

use crate::script::refuse;
use crate::survey::Survey;
use argh::FromArgs;
use sim::script::Script;
use sim::script::play::{Summary, play};
use sim::trace::Lines;
use sim::workload;
use std::thread;

/// Run many seeds; the first that breaks a claim is told with the commands that replay and shrink it.
#[derive(FromArgs)]
#[argh(subcommand, name = "seeds")]
pub(crate) struct Seeds {
    /// how many (default 100)
    #[argh(option, short = 'n', default = "100")]
    count: u64,
    /// the first (default 1)
    #[argh(option, default = "1")]
    from: u64,
    /// compute nodes (default 64)
    #[argh(option, default = "64")]
    nodes: u32,
    /// faults a seed (default 3)
    #[argh(option, default = "3")]
    faults: usize,
    /// threads (default: one for each CPU)
    #[argh(option)]
    jobs: Option<usize>,
    /// run each twice, and compare their digests
    #[argh(switch)]
    twice: bool,
}

/// Runs them: the exit code.
pub(crate) fn run(args: &Seeds) -> i32 {
    if let Err(code) = refuse(args.nodes) {
        return code;
    }
    if let Some(what) = sim::script::play::lacks(&script(args, args.from)) {
        eprintln!("sim: not simulated: {what}");
        return 100;
    }
    let threads = args.jobs.unwrap_or_else(|| thread::available_parallelism().map_or(1, usize::from));
    let survey = Survey { from: args.from, count: args.count, threads };
    survey.run(&|seed| one(args, seed), &|told| match told {
        Ok((events, digest)) => {
            println!("{} seeds quiet, {events} events, digest {digest:016x}", args.count);
            0
        }
        Err((seed, broken)) => {
            let of = format!("--seed {seed} --nodes {} --faults {}", args.nodes, args.faults);
            eprintln!("sim: seed {seed}: {broken}");
            eprintln!("sim: replay: sim run {of} --trace");
            eprintln!("sim: shrink: sim shrink {of}");
            1
        }
    })
}

fn script(args: &Seeds, seed: u64) -> Script {
    workload::script(seed, args.nodes, args.faults)
}

fn one(args: &Seeds, seed: u64) -> Result<Summary, String> {
    let script = script(args, seed);
    let once = || {
        let played = play(&script, Lines::Dropped, &mut |_| {})?;
        played.broken.map_or(Ok(played.summary), |finding| Err(finding.to_string()))
    };
    let summary = once()?;
    if args.twice {
        let again = once()?;
        if again != summary {
            return Err(format!("two runs differ: {summary:?}, {again:?}"));
        }
    }
    Ok(summary)
}
