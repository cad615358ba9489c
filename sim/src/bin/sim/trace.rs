//! `sim trace`: a script is played, and what happens is printed.

use crate::script::{read_time, script_of, told};
use argh::FromArgs;
use sim::trace::{Lines, Shown};
use sim::victim::Victim;

/// Play a script and print what happens, a line an event.
#[derive(FromArgs)]
#[argh(subcommand, name = "trace")]
pub(crate) struct Trace {
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
    /// only what happens there, such as io, node17 or c2
    #[argh(option)]
    place: Option<String>,
    /// only from that time on, such as 1.5s
    #[argh(option, default = "0", from_str_fn(read_time))]
    from: u64,
    /// only up to that time
    #[argh(option, default = "u64::MAX", from_str_fn(read_time))]
    to: u64,
}

/// Plays it with a trace: the exit code.
pub(crate) fn run(args: &Trace) -> i32 {
    let script = match script_of(args.file.as_deref(), args.seed, args.nodes, args.faults) {
        Ok(script) => script,
        Err(code) => return code,
    };
    let (levels, place) = (script.head.levels(), args.place.clone());
    let is_client = |name: &str| name.strip_prefix('c').is_some_and(|rest| rest.parse::<u32>().is_ok());
    if let Some(name) =
        place.as_ref().filter(|name| Victim::named(name, &levels).is_none() && !is_client(name))
    {
        eprintln!("sim: {name} is no place; want {}, or c0, a client", levels.names());
        return 100;
    }
    let shown = Shown { place, from: args.from, to: args.to };
    told(&script, Lines::Printed(shown), false)
}
