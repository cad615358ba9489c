//! `sim arms`: which arms of the cores' state machines seeds args.

use crate::survey::Survey;
use argh::FromArgs;
use sim::observers::arms::Arms;
use sim::reach;
use sim::script::play::Summary;
use sim::trace::{Lines, Shown};
use std::sync::Mutex;
use std::thread;

/// Tell which pairs of a state and an event seeds reach; one that is not as declared is a failure.
#[derive(FromArgs)]
#[argh(subcommand, name = "arms")]
pub(crate) struct Args {
    /// how many seeds (default 100)
    #[argh(option, short = 'n', default = "100")]
    count: u64,
    /// the first (default 1)
    #[argh(option, default = "1")]
    from: u64,
    /// compute nodes, 1 to 64 (default 16)
    #[argh(option, default = "16")]
    nodes: usize,
    /// faults a seed (default 4)
    #[argh(option, default = "4")]
    faults: usize,
    /// tell what is not as declared alone
    #[argh(switch)]
    quiet: bool,
    /// print every event
    #[argh(switch)]
    trace: bool,
}

/// Tells it: 0, 1 if a claim broke or a pair is not as declared, 100 for what cannot be.
pub(crate) fn run(args: &Args) -> i32 {
    let &Args { count, from, nodes, faults, .. } = args;
    if !(1..=64).contains(&nodes) {
        eprintln!("sim: arms: --nodes {nodes}: want 1 to 64");
        return 100;
    }
    let cores = thread::available_parallelism().map_or(1, usize::from);
    let survey = Survey { from, count, threads: if args.trace { 1 } else { cores } };
    let all = Mutex::new(Arms::default());
    let one = |seed| {
        let lines = if args.trace { Lines::Printed(Shown::default()) } else { Lines::Dropped };
        let arms = reach::run(seed, nodes, faults, lines)?;
        all.lock().map_err(|e| e.to_string())?.add(&arms);
        Ok(Summary { digest: seed, events: 0, jobs: 0, fanouts: (0, 0) })
    };
    let code = survey.run(&one, &|told| match told {
        Ok(_) => 0,
        Err((seed, broken)) => {
            eprintln!("sim: seed {seed}: {broken}");
            let of = format!("-n 1 --from {seed} --nodes {nodes} --faults {faults}");
            eprintln!("sim: replay: sim arms {of} --trace");
            1
        }
    });
    let told = all.into_inner().map(|all| tell(args, &all));
    told.map_or(1, |told| told.max(code))
}

fn tell(args: &Args, all: &Arms) -> i32 {
    if !args.quiet {
        print!("{}", all.lines());
    }
    print!("{}", all.summary());
    let wrong = all.wrong();
    wrong.iter().for_each(|line| eprintln!("sim: {line}"));
    i32::from(!wrong.is_empty())
}
