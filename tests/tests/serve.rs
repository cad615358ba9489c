//! `sim serve`: the real `uem`, and clients that are worse, on simulated machines of 64 and of 4,096 nodes.
//!
//! Where a test speaks of time it is real time: the machine is to keep up with it.

use protocol::message::{Fid, Tag, Tmsg};
use std::collections::BTreeSet;
use std::io::{BufRead, BufReader, Read, Write};
use std::path::PathBuf;
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::mpsc::{Receiver, TryRecvError, channel};
use tests::link::{header, request};
use tests::wait::{Wait, bounded};
use tests::{Link, Running, Told, uem};

/// A served machine, ended with the test.
struct Served {
    dir: PathBuf,
    sim: Child,
    stdin: Option<ChildStdin>,
    /// What it says on standard error.
    said: Receiver<String>,
}

/// The simulator under test.
fn sim() -> Command {
    Command::new(tests::sim())
}

/// The next line of what a program says.
fn next(lines: &Receiver<String>) -> String {
    let wait = Wait::new();
    loop {
        match lines.try_recv() {
            Ok(line) => return line,
            Err(TryRecvError::Empty) => wait.again("a line"),
            Err(TryRecvError::Disconnected) => panic!("it says no more"),
        }
    }
}

impl Served {
    /// Serves what these words say, and waits until its nodes are up.
    fn up(words: &[&str]) -> Self {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        let dir = std::env::temp_dir().join(format!("uem-serve-{}-{number}", std::process::id()));
        std::fs::create_dir_all(&dir).expect("a directory can be made");
        let mut command = sim();
        command.arg("serve").args(words).env("XDG_RUNTIME_DIR", &dir);
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut sim = command.spawn().expect("sim starts");
        let out = lines(sim.stdout.take().expect("it is piped"));
        let said = lines(sim.stderr.take().expect("it is piped"));
        let first = next(&out);
        let at = format!("unix!{}", dir.join("uem-sim/io").display());
        assert_eq!(first, format!("uem status --at '{at}'"), "a line to be pasted");
        let stdin = sim.stdin.take();
        Self { dir, sim, stdin, said }
    }

    fn at(&self) -> String {
        format!("unix!{}", self.dir.join("uem-sim/io").display())
    }

    /// A command on it, with nothing to read.
    fn uem(&self, args: &[&str]) -> Command {
        let mut command = bounded(uem());
        command.args(args).stdin(Stdio::null());
        command.env("UEM_AT", self.at());
        command
    }

    fn run(&self, args: &[&str]) -> Told {
        Told::of(&self.uem(args).output().expect("uem starts"))
    }

    /// Types a line.
    fn types(&mut self, line: &str) {
        let stdin = self.stdin.as_mut().expect("it is open");
        writeln!(stdin, "{line}").expect("it reads");
    }

    /// Waits until a command says so.
    fn until(&self, args: &[&str], is: impl Fn(&str) -> bool) {
        let wait = Wait::new();
        loop {
            let told = self.run(args);
            if is(&told.out) {
                return;
            }
            wait.again(format_args!("{args:?}: {told:?}"));
        }
    }

    /// Signals it, or a process of it.
    fn signal(pid: u32, signal: &str) {
        let sent = Command::new("kill").args(["-s", signal, &pid.to_string()]).status().expect("kill starts");
        assert!(sent.success(), "it is there to be signalled");
    }
}

impl Drop for Served {
    fn drop(&mut self) {
        if self.sim.try_wait().is_ok_and(|ended| ended.is_none()) {
            Self::signal(self.sim.id(), "TERM");
        }
        let ended = self.sim.wait();
        let socket = self.dir.join("uem-sim/io");
        let is_left = socket.exists();
        // Best effort: the next test has a directory of its own.
        let _ = std::fs::remove_dir_all(&self.dir);
        if !std::thread::panicking() && self.stdin.is_some() {
            assert!(ended.is_ok_and(|status| status.success()), "it ends as it should");
            assert!(!is_left, "its socket goes with it");
        }
    }
}

/// The lines of a pipe, as they come.
fn lines(pipe: impl Read + Send + 'static) -> Receiver<String> {
    let (tell, lines) = channel();
    std::thread::spawn(move || {
        BufReader::new(pipe).lines().map_while(Result::ok).try_for_each(|line| tell.send(line))
    });
    lines
}

/// Whether a process is there, and no zombie.
fn lives(pid: u32) -> bool {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    stat.rsplit_once(") ").is_some_and(|(_, rest)| !rest.starts_with(['Z', 'X']))
}

#[test]
fn a_job_on_64_nodes_is_told_as_on_real_ones() {
    let served = Served::up(&["--nodes", "64"]);
    let told = served.run(&["run", "-n", "64", "hostname"]);
    let names: Vec<String> = (1..=64).map(|node| format!("node{node:02}")).collect();
    assert_eq!((told.code, told.sorted()), (0, names.iter().map(String::as_str).collect()));
    assert_eq!(served.run(&["cat", "summary"]).out, "node[01-64] up\n");
    let root = served.run(&["ls"]);
    assert!(root.out.contains("clone") && root.out.contains("net/"), "{root:?}");
    let info = served.run(&["cat", "net/node17/info"]).out;
    assert!(info.contains("\nlocation=R00-M0-N00-J12\ncoord=0,0,1\npset=0\nrank=16\n"), "{info}");
    let exits = served.run(&["run", "-n", "64", "sh", "-c", "exit $((UEM_MEMBER % 3))"]);
    assert_eq!(exits.code, 2, "{exits:?}");
    let words = served.run(&["run", "-n", "1", "gcc", "-v"]);
    assert!(words.code == 127 && words.err.contains("not on simulated nodes, which have: cat"), "{words:?}");
}

#[test]
fn a_job_on_4096_nodes_has_4096_names() {
    let served = Served::up(&["--racks", "4"]);
    let told = served.run(&["run", "-n", "4096", "hostname"]);
    let names: BTreeSet<&str> = told.out.lines().collect();
    assert_eq!((told.code, names.len(), told.err.as_str()), (0, 4096, ""));
    assert!(names.contains("node0001") && names.contains("node4096"));
    let status = served.run(&["status"]);
    assert_eq!(status.out.lines().filter(|line| line.contains(" up ")).count(), 4096);
    assert_eq!(served.run(&["cat", "summary"]).out, "node[0001-4096] up\n");
    let folded = served.run(&["run", "-n", "4096", "-b", "uname", "-m"]);
    assert!(folded.out.contains("node[0001-4096]") && folded.out.contains("ppc"), "{folded:?}");
}

#[test]
fn an_interrupt_ends_a_job_while_others_go_on() {
    let served = Served::up(&["--racks", "4"]);
    let long = Running::start(served.uem(&["run", "-n", "4096", "sleep", "600"]));
    served.until(&["ps"], |text| text.matches(" running ").count() == 4096);
    let other = served.run(&["run", "-n", "1", "echo", "hi"]);
    assert_eq!((other.code, other.out.as_str()), (0, "hi\n"), "{other:?}");
    long.signal("INT");
    assert_eq!(long.end().code, 130);
    served.until(&["ps"], str::is_empty);
}

#[test]
fn a_node_that_is_killed_or_stopped_is_named_as_lost_in_time_and_may_return() {
    let mut served = Served::up(&["--nodes", "64"]);
    for (order, node) in [("kill", "node17"), ("stop", "node18")] {
        let job = Running::start(served.uem(&["run", "-w", node, "sleep", "600"]));
        served.until(&["ps"], |text| text.contains(" running "));
        served.types(&format!("{order} {node}"));
        let told = job.end();
        assert_eq!((told.code, told.err), (121, format!("uem: lost: {node} (1 member)\n")), "{order}");
    }
    assert!(served.run(&["cat", "summary"]).out.contains("node[17-18] lost\n"));
    served.types("return node17");
    served.types("continue node18");
    served.until(&["cat", "summary"], |text| text == "node[01-64] up\n");
}

#[test]
fn a_slip_that_is_typed_is_told_what_there_is() {
    let mut served = Served::up(&["--nodes", "16"]);
    served.types("explode node1");
    served.types("kill node99");
    let told = |part: &str| while !next(&served.said).contains(part) {};
    told("or what happens to a place: stop, continue, kill, crash");
    told("node99 is no place; want node01 to node16, io");
}

#[test]
fn real_nodes_run_real_processes_and_none_is_left() {
    for signal in ["TERM", "KILL"] {
        // Beside `sim` may be a `cnode` of an earlier build.
        let program = tests::uem().to_str().expect("a path");
        let mut served = Served::up(&["--nodes", "64", "--real", "2", "--cnode", program]);
        let told = served.run(&["run", "-w", "node[01-02]", "/bin/sh", "-c", "echo $PPID"]);
        assert_eq!(told.code, 0, "{told:?}");
        let pids: Vec<u32> = told.out.lines().map(|line| line.parse().expect("a process")).collect();
        let cmdline = |pid: &u32| std::fs::read(format!("/proc/{pid}/cmdline")).unwrap_or_default();
        let is_node = |pid: &u32| String::from_utf8_lossy(&cmdline(pid)).contains("--name\0node0");
        assert!(pids.len() == 2 && pids.iter().all(is_node), "{pids:?}");
        let all = served.run(&["run", "-a", "uname", "-m"]);
        assert_eq!((all.code, all.out.matches("ppc\n").count()), (0, 62), "the others are simulated");
        let info = served.run(&["cat", "net/node02/info"]).out;
        assert!(info.contains("\nlocation=R00-M0-N00-J05\ncoord=1,0,0\n"), "{info}");
        let mut job =
            Running::start(served.uem(&["run", "-w", "node01", "sh", "-c", "echo $$; exec sleep 600"]));
        job.lines(1);
        Served::signal(served.sim.id(), signal);
        let wait = Wait::new();
        let told = job.end();
        let member = told.out.trim().parse::<u32>().expect("a process");
        while pids.iter().chain([&member]).any(|pid| lives(*pid)) {
            wait.again(format_args!("{signal}: a node is left"));
        }
        // What was killed leaves its socket.
        served.stdin = if signal == "KILL" { None } else { served.stdin.take() };
    }
}

#[test]
fn nonsense_on_the_port_disturbs_nobody() {
    let served = Served::up(&["--nodes", "64"]);
    let job = Running::start(served.uem(&["run", "-n", "64", "cat"]));
    for garbage in [b"GET / HTTP/1.0\r\n\r\n".to_vec(), vec![0; 64], vec![0xff; 4096], header(7, 101, 0)] {
        let mut raw = Link::connect_at(&served.at());
        raw.try_send(&garbage);
        assert_eq!(raw.message(), None, "it is hung up on");
    }
    // One that begins a message and goes no further, and one that vanishes.
    let mut half = Link::connect_at(&served.at());
    half.send_bytes(&header(100, 100, 0)[..5]);
    drop(Link::attached(&served.at()));
    assert_eq!(job.end().code, 0);
    assert_eq!(served.run(&["run", "-n", "64", "echo", "-n"]).code, 0);
}

#[test]
fn a_client_that_reads_nothing_holds_up_nobody() {
    let served = Served::up(&["--racks", "4"]);
    let mut raw = Link::attached(&served.at());
    raw.open_path(1, &["net"], 0);
    let first = raw.data(1, 0, 8000).len();
    // Far more than the kernel and the port hold for it.
    let reads = (4 << 20) / first;
    let read = Tmsg::Read { fid: Fid(1), offset: 0, count: 8000 };
    let sent = (0..reads).take_while(|tag| raw.try_send(&request(Tag(*tag as u16), &read))).count();
    let told = served.run(&["run", "-n", "4096", "true"]);
    assert_eq!(told.code, 0, "{told:?}");
    // All that it asked for is still there to be read.
    let answers = (0..sent).take_while(|_| raw.next_kind().is_some()).count();
    assert_eq!((sent, answers), (reads, reads));
}

#[test]
fn time_is_real_unless_it_is_to_be_faster() {
    // Two clocks, this computer's and the simulated one, as programs that sleep: which of them ends first?
    let real = |seconds: &str| Command::new("sleep").arg(seconds).spawn().expect("sleep starts");
    let as_it_is = Served::up(&["--nodes", "16"]);
    let mut short = real("1");
    assert_eq!(as_it_is.run(&["run", "-n", "16", "sleep", "2"]).code, 0);
    assert!(short.try_wait().expect("it is our child").is_some(), "2 s have passed");
    let faster = Served::up(&["--nodes", "16", "--speed", "100"]);
    let mut long = real("100");
    assert_eq!(faster.run(&["run", "-n", "16", "sleep", "100"]).code, 0);
    assert!(long.try_wait().expect("it is our child").is_none(), "100 s have not passed");
    long.kill().expect("it runs");
    long.wait().expect("it is our child");
}

#[test]
fn what_there_is_not_is_refused_with_what_there_is() {
    for (words, want) in [
        (&["--nodes", "65"][..], "a partition of 65 nodes: the nearest are 64 and 128"),
        (&["--racks", "1", "--nodes", "64"], "--racks and --nodes: choose one"),
        (&["--speed", "0"], "--speed 0: want 0.001 to 1000"),
        (&["--nodes", "16", "--real", "17"], "--real 17: the partition has 16 nodes"),
        (&["--real", "1", "--speed", "2"], "--real and --speed: real nodes live in real time"),
        (&["--real", "1", "--cnode", "/none"], "--cnode /none: no such program"),
    ] {
        let told = Told::of(&sim().arg("serve").args(words).output().expect("sim starts"));
        assert_eq!(told.code, 100, "{told:?}");
        assert!(told.err.contains(want), "{words:?}: {}", told.err);
    }
    let taken = Served::up(&["--nodes", "16"]);
    let told = sim().args(["serve", "--nodes", "16", "--listen", &taken.at()]).output().expect("sim starts");
    let told = Told::of(&told);
    assert!(told.code == 111 && told.err.contains("somebody listens on"), "{told:?}");
}
