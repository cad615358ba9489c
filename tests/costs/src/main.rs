//! Instructions of the two cores for what is done often, counted by callgrind on the same bytes each time and
//! compared with the file `counts`: `costs check`; `costs write` makes the file anew.
//!
//! No system call and no wait is in them: the cores are driven in one thread, and nothing else is counted.

mod bed;
mod case;
mod host;

use bed::{Core, NODES};
use case::{CASES, Case, encoded};
use std::collections::BTreeMap;
use std::path::Path;
use std::process::{Command, ExitCode};

/// How far a count may be from the file's, in percent: other processors copy memory in other instructions.
const TOLERANCE: u64 = 5;

const COUNTS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/counts");

const HEAD: &str = "\
# Instructions, by callgrind: of the aggregator's core, or of one compute node's, where 64 are below it.
# `tests/run costs` compares; `cargo run --release -p costs -- write` makes this file anew.
";

fn main() -> ExitCode {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = args.iter().map(String::as_str).collect();
    match words.as_slice() {
        ["check"] => check(),
        ["write"] => write(),
        // What callgrind runs.
        ["count", name, core] => {
            let case = CASES.iter().find(|case| case.name == *name).expect("a case");
            let core = case.cores.iter().find(|own| own.name() == *core).expect("a core");
            case.perform(*core);
            ExitCode::SUCCESS
        }
        _ => {
            eprintln!("costs: usage: costs check | write");
            ExitCode::from(100)
        }
    }
}

/// Every row of the file: what, and how many instructions.
fn counts() -> impl Iterator<Item = (String, u64)> {
    let rows = CASES.iter().flat_map(|case| case.cores.iter().map(move |core| (case, *core)));
    rows.map(|(case, core)| (format!("{} {}", case.name, core.name()), count(case, core)))
}

fn count(case: &Case, core: Core) -> u64 {
    let mut command = Command::new("valgrind");
    command.args(["--tool=callgrind", "--callgrind-out-file=/dev/null", "--collect-atstart=no"]);
    command.arg("--toggle-collect=costs::bed::counted*");
    command.arg(std::env::current_exe().expect("it has a path"));
    let ran = command.args(["count", case.name, core.name()]).output().expect("valgrind is installed");
    let told = String::from_utf8_lossy(&ran.stderr);
    assert!(ran.status.success(), "{told}");
    let collected = told.lines().find_map(|line| line.split_once("Collected : "));
    let all: u64 =
        collected.and_then(|(_, count)| count.trim().parse().ok()).expect("valgrind prints a count");
    if core == Core::Cnode { all / NODES as u64 } else { all }
}

fn write() -> ExitCode {
    let rows: String = counts().map(|(what, count)| format!("{what:<28} {count:>9}\n")).collect();
    std::fs::write(Path::new(COUNTS), format!("{HEAD}{rows}")).expect("the file can be written");
    print!("{rows}");
    ExitCode::SUCCESS
}

/// What the file says, by what is counted.
fn expected() -> BTreeMap<String, u64> {
    let text = std::fs::read_to_string(COUNTS).expect("the file is there");
    let rows = text.lines().filter(|line| !line.starts_with('#'));
    let split = |row: &str| {
        let (what, count) = row.rsplit_once(' ').expect("a row has a count");
        (what.trim_end().to_owned(), count.parse().expect("a count is a number"))
    };
    rows.map(split).collect()
}

fn check() -> ExitCode {
    let (mut expected, mut is_good) = (expected(), true);
    for (what, count) in counts() {
        let was = expected.remove(&what).unwrap_or(0);
        let is_near = count.abs_diff(was) * 100 <= was * TOLERANCE;
        let verdict = if is_near { "" } else { "  more than 5 % away" };
        println!("{what:<28} {count:>9}  was {was:>9}{verdict}");
        is_good &= is_near;
    }
    for what in expected.keys() {
        println!("{what:<28} is not counted any more");
        is_good = false;
    }
    let (one, all) = (encoded(1), encoded(NODES));
    println!("encoded for a launch: {one} bytes for 1 node, {all} for {NODES}");
    if one != all {
        println!("what goes to many is encoded once: the sizes are to be equal");
        is_good = false;
    }
    if !is_good {
        println!("if that is meant: cargo run --release -p costs -- write");
    }
    if is_good { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}
