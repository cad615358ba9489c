//! `sim run` and `sim trace`: one script, written by hand or made from a seed, is played.

use crate::STDIN;
use argh::FromArgs;
use sim::script::play::{Finding, play};
use sim::script::{self, NODES_MAX, Place, Script};
use sim::trace::{Lines, Shown};
use sim::workload;

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
    #[argh(option, default = "0", from_str_fn(time))]
    from: u64,
    /// only up to that time
    #[argh(option, default = "u64::MAX", from_str_fn(time))]
    to: u64,
}

pub(crate) fn time(word: &str) -> Result<u64, String> {
    script::read_time(word).map_err(|wrong| format!("{wrong}; want a time such as 1.5s, 900ms or 20us"))
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

/// Plays it with a trace: the exit code.
pub(crate) fn trace(args: &Trace) -> i32 {
    let script = match script_of(args.file.as_deref(), args.seed, args.nodes, args.faults) {
        Ok(script) => script,
        Err(code) => return code,
    };
    let (levels, place) = (script.head.levels(), args.place.clone());
    let is_client = |name: &str| name.strip_prefix('c').is_some_and(|rest| rest.parse::<u32>().is_ok());
    if let Some(name) =
        place.as_ref().filter(|name| Place::named(name, &levels).is_none() && !is_client(name))
    {
        eprintln!("sim: {name} is no place; want {}, or c0, a client", levels.names());
        return 100;
    }
    let shown = Shown { place, from: args.from, to: args.to };
    told(&script, Lines::Printed(shown), false)
}

fn told(script: &Script, lines: Lines, kind: bool) -> i32 {
    // What holds is told on standard output, what does not on standard error.
    let mut tell = |finding: &Finding| match finding.broken {
        None => println!("{finding}"),
        Some(_) => eprintln!("sim: {finding}"),
    };
    let played = match play(script, lines, &mut tell) {
        Ok(played) => played,
        Err(what) => {
            eprintln!("sim: {what}");
            return 100;
        }
    };
    if let Some(broken) = played.broken {
        if kind {
            println!("kind {}", broken.broken.unwrap_or_default());
        }
        return 1;
    }
    let (summary, head) = (played.summary, &script.head);
    let (bursts, children) = summary.fanouts;
    println!(
        "seed {} nodes {} jobs {} events {} fan-outs {bursts} to {children} digest {:016x}",
        head.seed, head.nodes, summary.jobs, summary.events, summary.digest
    );
    0
}

/// The script in a file, or the one that a seed makes; an exit code if there is none.
pub(crate) fn script_of(file: Option<&str>, seed: u64, nodes: u32, faults: usize) -> Result<Script, i32> {
    let Some(file) = file else {
        refuse(nodes)?;
        return Ok(workload::script(seed, nodes, faults));
    };
    let name = if file == STDIN { "standard input" } else { file };
    let text = std::fs::read_to_string(file).map_err(|error| {
        eprintln!("sim: fatal: unable to read {name}: {error}");
        111
    })?;
    script::parse(&text).map_err(|mistake| {
        eprintln!("sim: {name}: {mistake}");
        100
    })
}

/// A number of nodes that no machine has.
pub(crate) fn refuse(nodes: u32) -> Result<(), i32> {
    if (1..=NODES_MAX).contains(&nodes) {
        return Ok(());
    }
    eprintln!("sim: --nodes {nodes}: want 1 to {NODES_MAX}");
    Err(100)
}
