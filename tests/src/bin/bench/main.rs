//! Figures as ratios to a floor measured in the same run: `cargo run --release -p tests --bin bench -- CASE`.
//!
//! Owns the list of cases and how they are told. Runs of a case and of its floor are interleaved; medians are
//! told.

mod brasil;
mod cost;
mod each;
mod fanout;
mod floor;
mod launch;
mod nodes;
mod peers;
mod responder;
mod serve;
mod simulator;

use std::time::Duration;

/// Runs of a case and of its floor.
const RUNS: usize = 7;

/// A case: its name, what it measures, and how.
struct Case {
    name: &'static str,
    about: &'static str,
    run: fn(),
}

const CASES: &[Case] = &[
    Case {
        name: "launch",
        about: "64 and 2,048 no-ops on 64 nodes against bare processes",
        run: launch::run,
    },
    Case { name: "each", about: "2,000 tasks against xargs, parallel and bare processes", run: each::run },
    Case { name: "fanout", about: "a ctl write to 64 nodes against bare echoes", run: fanout::run },
    Case {
        name: "serve",
        about: "getattr and 64 KiB reads against a bare responder and diod",
        run: serve::run,
    },
    Case { name: "brasil", about: "date and wc on 512 nodes, phase by phase", run: brasil::run },
    Case { name: "sim", about: "messages a second against other simulators", run: simulator::run },
];

fn main() {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = args.iter().map(String::as_str).collect();
    match words.as_slice() {
        ["floor", rest @ ..] => floor::become_process(rest),
        [name] if CASES.iter().any(|case| case.name == *name) => {
            CASES.iter().filter(|case| case.name == *name).for_each(|case| (case.run)());
        }
        ["all"] => CASES.iter().for_each(|case| (case.run)()),
        _ => {
            eprintln!("bench: which case? all, or one of");
            CASES.iter().for_each(|case| eprintln!("  {:<8} {}", case.name, case.about));
            std::process::exit(100);
        }
    }
}

/// Measures two things in turn: the median of each.
fn interleaved(
    mut ours: impl FnMut() -> Duration,
    mut floor: impl FnMut() -> Duration,
) -> (Duration, Duration) {
    let (mut all_ours, mut floors) = (Vec::new(), Vec::new());
    for _ in 0..RUNS {
        all_ours.push(ours());
        floors.push(floor());
    }
    (median(all_ours), median(floors))
}

fn median(mut all: Vec<Duration>) -> Duration {
    all.sort_unstable();
    all[all.len() / 2]
}

fn millis(time: Duration) -> f64 {
    time.as_secs_f64() * 1e3
}

/// A program that PATH has.
fn which(name: &str) -> std::path::PathBuf {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let found = std::env::split_paths(&path).map(|dir| dir.join(name)).find(|path| path.exists());
    found.expect("it is installed")
}
