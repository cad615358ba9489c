//! `sim run`: one script, written by hand or made from a seed, is played.

use crate::script::{script_of, told};
use argh::FromArgs;
use sim::trace::{Lines, Shown};

/// Play a script, or the one that a seed makes, and tell what each expectation found.
#[derive(FromArgs)]
#[argh(subcommand, name = "run")]
pub(crate) struct Run {
    /// the script; - is standard input
    #[argh(positional)]
    file: Option<String>,
    /// the seed, where there is no script (default 1)
    #[argh(option, default = "1")]
    seed: u64,
    /// its compute nodes (default 64)
    #[argh(option, default = "64")]
    nodes: u32,
    /// its faults (default 3)
    #[argh(option, default = "3")]
    faults: usize,
    /// print every event
    #[argh(switch)]
    trace: bool,
    /// print the script and do not play it
    #[argh(switch)]
    print: bool,
    /// print also in which way the first claim broke, without what differs from run to run
    #[argh(switch)]
    kind: bool,
}

/// Plays it: the exit code.
pub(crate) fn run(args: &Run) -> i32 {
    let script = match script_of(args.file.as_deref(), args.seed, args.nodes, args.faults) {
        Ok(script) => script,
        Err(code) => return code,
    };
    if args.print {
        print!("{script}");
        return 0;
    }
    let lines = if args.trace { Lines::Printed(Shown::default()) } else { Lines::Dropped };
    told(&script, lines, args.kind)
}
