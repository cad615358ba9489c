//! Which script a command plays, and what it tells of it.

use sim::script::play::{Finding, play};
use sim::script::{self, NODES_MAX, Script};
use sim::trace::Lines;
use sim::words::time;
use sim::workload;

/// Where a script is that is not in a file.
pub(crate) const STDIN: &str = "/dev/stdin";

/// A time as an option says it.
pub(crate) fn read_time(word: &str) -> Result<u64, String> {
    time::parse(word).map_err(|wrong| format!("{wrong}; want a time such as 1.5s, 900ms or 20us"))
}

/// Plays it and tells what comes of it: the exit code.
pub(crate) fn told(script: &Script, lines: Lines, kind: bool) -> i32 {
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
    script::parse::script(&text).map_err(|mistake| {
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
