//! `brasil`: the phases of a job on 512 nodes behind 8 ionodes, as they were published of Brasil on as many
//! nodes of a Blue Gene/P, and in all against as many bare processes that run the same program on the same
//! input.
//!
//! What is measured, from the first byte of one phase to that of the next:
//!
//! * reserve: `clone` is opened and `res N` answered;
//! * exec: `exec` is answered;
//! * input: `stdin` is opened, all of the input and `close stdin` answered;
//! * aggregate: `stdout` and `wait` are opened and both read to their ends;
//! * terminate: the clunks of all files are answered, that of `ctl` as the last;
//! * gone, which the total is without: a command to a session on all nodes, sent after that, is answered by
//!   each. Messages keep their order on the way down, so no node has the job's session any more then. How
//!   much of it is the command itself, a job of one member shows.

use crate::launch::{self, Results};
use crate::nodes::Nodes;
use crate::{RUNS, floor, median, millis, which};
use std::path::Path;
use std::time::{Duration, Instant};
use tests::{Answer, Link};

const NODES: usize = 512;
const IONODES: usize = 8;
/// Runs of a job that is over in less time than the machine's other work takes away now and then.
const SMALL_RUNS: usize = 5 * RUNS;
/// What `wc` counts. A message holds it, so one write is taken whole.
const INPUT: &str = include_str!("../../../../LICENSE-APACHE");

/// Fids: the job's ctl, `wait` and `stdout` as `launch` has them, its `stdin`, and the ctl of the session
/// that stays.
const CTL: u32 = 1;
const FILES: [u32; 2] = [2, 3];
const STDIN: u32 = 4;
const STANDING: u32 = 5;

const PHASES: [&str; 6] = ["reserve", "exec", "input", "aggregate", "terminate", "gone"];
/// Phases that are in the total.
const COUNTED: usize = 5;

/// A job, and what Brasil's phases took in seconds: read from the vectors of the figures `date_graph` and
/// `wc_graph`, which are the same in the thesis on XCPU3 (chapter 4) and in the paper on Brasil at ROSS 2011,
/// means of three runs. Neither says how much input `wc` had.
struct Job {
    program: &'static str,
    members: usize,
    published: [Option<f32>; COUNTED],
}

const fn date(members: usize, [reserve, exec, aggregate, terminate]: [f32; 4]) -> Job {
    let published = [Some(reserve), Some(exec), None, Some(aggregate), Some(terminate)];
    Job { program: "date", members, published }
}

const fn wc(members: usize, [reserve, exec, input, aggregate, terminate]: [f32; 5]) -> Job {
    let published = [Some(reserve), Some(exec), Some(input), Some(aggregate), Some(terminate)];
    Job { program: "wc", members, published }
}

const JOBS: [Job; 8] = [
    date(1, [0.16, 0.04, 0.05, 0.0]),
    date(8, [0.24, 0.05, 0.04, 0.01]),
    date(64, [1.19, 0.16, 0.40, 0.04]),
    date(512, [1.76, 1.79, 2.93, 0.29]),
    date(2048, [1.84, 4.99, 5.51, 0.32]),
    wc(64, [1.18, 0.17, 0.70, 0.39, 0.04]),
    wc(512, [1.84, 1.86, 4.42, 2.84, 0.25]),
    wc(2048, [1.91, 4.98, 5.49, 5.56, 0.32]),
];

pub(crate) fn run() {
    let nodes = Nodes::up_with(&["-n", &NODES.to_string(), "--fanout", &(NODES / IONODES).to_string()]);
    let mut link = nodes.link();
    link.open(0, STANDING, &["clone"], 2);
    order(&mut link, STANDING, &format!("res {NODES}\nexec sleep 1000\n"));
    println!("brasil: {NODES} nodes behind {IONODES} ionodes, ms, interleaved, medians of {RUNS}");
    println!(
        "        (of {SMALL_RUNS} below {NODES} members; Brasil: as published, s, 512 nodes of Blue Gene/P)"
    );
    let [phases @ .., gone] = PHASES;
    let titles = ["members"].into_iter().chain(phases).chain(["total", "floor", "ratio", gone]);
    tell("", titles.map(str::to_owned));
    JOBS.iter().for_each(|job| job.compare(&mut link));
}

impl Job {
    fn compare(&self, link: &mut Link) {
        let program = which(self.program);
        let mut phases: [Vec<Duration>; PHASES.len()] = Default::default();
        let (mut totals, mut floors) = (Vec::new(), Vec::new());
        for _ in 0..if self.members < NODES { SMALL_RUNS } else { RUNS } {
            let took = self.run(link, &program);
            phases.iter_mut().zip(took).for_each(|(all, took)| all.push(took));
            totals.push(took[..COUNTED].iter().sum());
            floors.push(floor::spawns(self.members, &program, self.input().as_bytes()));
        }
        let (total, floor) = (millis(median(totals)), millis(median(floors)));
        let told = |all: Vec<Duration>| format!("{:.2}", millis(median(all)));
        let [reserve, exec, input, aggregate, terminate, gone] = phases.map(told);
        let input = if self.input().is_empty() { "-".to_owned() } else { input };
        let phases = [reserve, exec, input, aggregate, terminate];
        let members = [self.members.to_string()].into_iter();
        let whole = [format!("{total:.1}"), format!("{floor:.1}"), format!("{:.2}", total / floor), gone];
        tell(self.program, members.chain(phases).chain(whole));
        let seconds = |time: Option<f32>| time.map_or("-".to_owned(), |time| format!("{time:.2}"));
        let total = self.published.iter().flatten().sum();
        let published = self.published.into_iter().chain([Some(total)]);
        tell("  Brasil", [String::new()].into_iter().chain(published.map(seconds)));
    }

    fn input(&self) -> &'static str {
        if self.program == "wc" { INPUT } else { "" }
    }

    /// One run, checked: what each phase took.
    fn run(&self, link: &mut Link, program: &Path) -> [Duration; PHASES.len()] {
        let mut last = Instant::now();
        let mut lap = || {
            let now = Instant::now();
            now - std::mem::replace(&mut last, now)
        };
        link.open(0, CTL, &["clone"], 2);
        order(link, CTL, &format!("res {}\n", self.members));
        let reserve = lap();
        order(link, CTL, &format!("exec {}\n", program.display()));
        let exec = lap();
        let has_input = !self.input().is_empty();
        if has_input {
            link.open(CTL, STDIN, &["..", "stdin"], 1);
            order(link, STDIN, self.input());
            order(link, CTL, "close stdin\n");
        }
        let input = lap();
        launch::queue_results(link);
        link.send();
        let results = launch::results(link);
        let aggregate = lap();
        let stdin = has_input.then_some(STDIN);
        FILES.into_iter().chain(stdin).chain([CTL]).for_each(|fid| link.clunk(fid));
        let terminate = lap();
        // SIGCONT, to programs that run: nothing comes of it.
        order(link, STANDING, "signal 18\n");
        let gone = lap();
        self.check(&results);
        [reserve, exec, input, aggregate, terminate, gone]
    }

    /// Every member has its line and its outcome.
    fn check(&self, results: &Results) {
        let stdout = std::str::from_utf8(&results.stdout).expect("text");
        let counts = [INPUT.lines().count(), INPUT.split_whitespace().count(), INPUT.len()];
        let counts = counts.map(|count| count.to_string());
        let is_right = |line: &str| match self.program {
            "wc" => line.split_whitespace().eq(&counts),
            _ => line.matches(':').count() == 2,
        };
        assert!(stdout.lines().all(is_right), "{stdout}");
        assert_eq!(stdout.lines().count(), self.members, "every member has a line");
        let wait = std::str::from_utf8(&results.wait).expect("text");
        let member = |line: &str| line.split(' ').next()?.parse().ok();
        let mut ended: Vec<Option<usize>> = wait.lines().map(member).collect();
        ended.sort_unstable();
        assert!(ended.into_iter().eq((0..self.members).map(Some)), "every member has an outcome: {wait}");
        assert!(wait.lines().all(|line| line.ends_with(" ''")), "every member exits 0: {wait}");
    }
}

/// Writes to an open file.
fn order(link: &mut Link, fid: u32, text: &str) {
    assert_eq!(link.write(fid, text.as_bytes()), Answer::Done, "{text}");
}

fn tell(name: &str, cells: impl Iterator<Item = String>) {
    let cells: String = cells.map(|cell| format!("{cell:>10}")).collect();
    println!("{name:<8}{cells}");
}
