//! `each`: tasks that do nothing, with `uem each` on 64 nodes, and with what people use on one: xargs and GNU
//! parallel. The floor is that of `launch`.

use crate::nodes::{NODES, Nodes};
use crate::{RUNS, floor, median};
use std::io::Write;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

const TASKS: usize = 2000;
/// Of those that parallel is given: it takes seconds for each thousand.
const FEW: usize = 200;

pub(crate) fn run() {
    let nodes = Nodes::up();
    let cores = std::thread::available_parallelism().map_or(1, usize::from).to_string();
    let uem = std::env::current_exe().expect("it has a path").with_file_name("uem");
    let ours = || {
        let mut command = Command::new(&uem);
        command.args(["each", "-j", "1", "true"]).env("XDG_RUNTIME_DIR", nodes.dir()).env_remove("UEM_AT");
        fed(command, TASKS)
    };
    let xargs = || {
        let mut command = Command::new("xargs");
        command.args(["-P", &cores, "-n1", "true"]);
        fed(command, TASKS)
    };
    let parallel = || {
        let mut command = Command::new("parallel");
        command.args(["--will-cite", "-j", &cores, "true"]);
        fed(command, FEW)
    };
    let has_parallel = Command::new("parallel").arg("--version").output().is_ok();
    let program = crate::which("true");
    let mut all: [Vec<Duration>; 4] = Default::default();
    for _ in 0..RUNS {
        all[0].push(ours());
        all[1].push(xargs());
        all[2].extend(has_parallel.then(parallel));
        all[3].push(floor::spawns(TASKS, &program, b""));
    }
    println!("{TASKS} x true ({NODES} nodes here, medians of {RUNS}, interleaved)   tasks/s   uem each is");
    let [own, others @ ..] = all;
    let rate = |all: Vec<Duration>, count: usize| count as f64 / median(all).as_secs_f64();
    let own = rate(own, TASKS);
    println!("{:<67}{own:>9.0}", "uem each");
    let names = [(format!("xargs -P {cores}"), TASKS), (format!("parallel -j {cores}"), FEW)];
    for ((name, count), all) in names.into_iter().chain([("bare processes".to_owned(), TASKS)]).zip(others) {
        if all.is_empty() {
            println!("{name:<67} not installed");
            continue;
        }
        let rate = rate(all, count);
        println!("{name:<67}{rate:>9.0}   {:.2} x that", own / rate);
    }
}

/// Runs it with so many lines to read.
fn fed(mut command: Command, count: usize) -> Duration {
    let input = "x\n".repeat(count);
    let begin = Instant::now();
    let mut child = command.stdin(Stdio::piped()).spawn().expect("it starts");
    child.stdin.take().expect("it is piped").write_all(input.as_bytes()).expect("it reads");
    assert!(child.wait().expect("it ends").success());
    begin.elapsed()
}
