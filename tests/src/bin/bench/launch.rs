//! `launch`: from a client's first byte to the last byte of `wait` and `stdout`, on a partition that is up,
//! against as many processes as there are processors that posix_spawn the same static no-op, read each one's
//! stdout to its end, and reap them.

use crate::nodes::{NODES, Nodes};
use crate::{RUNS, cost, floor, interleaved, millis};
use protocol::message::{Fid, Tag, Tmsg, VERSION};
use std::io::Write;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};
use tests::{Answer, Link};

const WAIT: Tag = Tag(2);
const STDOUT: Tag = Tag(3);

pub(crate) fn run() {
    let nodes = Nodes::up();
    let noop = nodes.dir().join("noop");
    compile(&noop);
    println!("members  launch ms  floor ms  ratio   ({NODES} nodes, medians of {RUNS}, interleaved)");
    for count in [64, 2048] {
        let ours = || job(&nodes.socket(), count, &noop);
        let (ours, floor) = interleaved(ours, || floor::spawns(count, &noop, b""));
        let (ours, floor) = (millis(ours), millis(floor));
        println!("{count:>7}  {ours:>9.1}  {floor:>8.1}  {:>5.2}", ours / floor);
    }
    for count in [1, 8, 64] {
        let (messages, bytes) = cost::encoded(count);
        println!("encoded for a launch on {count}: {messages} messages, {bytes} bytes");
    }
    tell_calls(&nodes, &noop);
}

fn tell_calls(nodes: &Nodes, noop: &Path) {
    const JOBS: u64 = 20;
    let pids = nodes.pids();
    for (what, pid) in [("the ionode", pids[0]), ("one cnode of 64", pids[1])] {
        let work = || {
            for _ in 0..JOBS {
                job(&nodes.socket(), NODES, noop);
            }
        };
        match cost::calls(pid, nodes.dir(), work) {
            Some(calls) => println!("system calls a launch of 64: {what} {:.1}", calls as f64 / JOBS as f64),
            None => println!("system calls a launch of 64: not counted for {what}: no strace here"),
        }
    }
}

fn compile(noop: &Path) {
    let mut gcc = Command::new("gcc");
    gcc.args(["-static", "-O2", "-x", "c", "-", "-o"]).arg(noop).stdin(Stdio::piped());
    let mut child = gcc.spawn().expect("gcc is there");
    let source = b"int main(void) { return 0; }\n";
    child.stdin.take().expect("it is piped").write_all(source).expect("gcc reads");
    assert!(child.wait().expect("gcc ends").success());
}

fn read(fid: Tag) -> Tmsg<'static> {
    Tmsg::Read { fid: Fid(u32::from(fid.0)), offset: 0, count: 60_000 }
}

/// One launch through the partition, as one burst.
fn job(socket: &Path, count: usize, noop: &Path) -> Duration {
    let mut link = Link::connect(socket);
    link.queue(Tag::NONE, &Tmsg::Version { msize: 65_536, version: VERSION });
    let root = Tmsg::Attach { fid: Fid(0), afid: Fid::NONE, uname: "root", aname: "" };
    link.queue(Tag(1), &root);
    link.queue_open(0, 1, &["clone"], 2);
    let lines = format!("res {count}\nexec {}\nclose stdin\n", noop.display());
    link.queue(Tag(1), &Tmsg::Write { fid: Fid(1), offset: 0, data: lines.as_bytes() });
    queue_results(&mut link);
    let begin = Instant::now();
    link.send();
    let results = results(&mut link);
    let took = begin.elapsed();
    let outcomes = results.wait.iter().filter(|byte| **byte == b'\n').count();
    assert_eq!(outcomes, count, "every member has an outcome");
    took
}

/// What a job tells.
#[derive(Default)]
pub(crate) struct Results {
    pub(crate) stdout: Vec<u8>,
    pub(crate) wait: Vec<u8>,
}

/// Adds the opening of both files of the session whose ctl is fid 1, as fids 2 and 3, and the first reads.
pub(crate) fn queue_results(link: &mut Link) {
    for (fid, name) in [(WAIT, "wait"), (STDOUT, "stdout")] {
        link.queue_open(1, u32::from(fid.0), &["..", name], 0);
        link.queue(fid, &read(fid));
    }
}

/// Reads both to their ends.
pub(crate) fn results(link: &mut Link) -> Results {
    let mut results = Results::default();
    let mut over = 0;
    while over < 2 {
        match link.any() {
            (_, Answer::Refused(ename)) => panic!("refused: {ename}"),
            (_, Answer::Data(data)) if data.is_empty() => over += 1,
            (tag, Answer::Data(data)) => {
                let file = if tag == WAIT { &mut results.wait } else { &mut results.stdout };
                file.extend(data);
                link.queue(tag, &read(tag));
                link.send();
            }
            (_, Answer::Done) => {}
        }
    }
    results
}
