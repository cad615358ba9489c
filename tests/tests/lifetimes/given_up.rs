//! Sessions whose clients give them up: by a clunk, by a link that ends, by ^C, by being killed.

use crate::census::{Census, Room, processes};
use protocol::message::{Fid, Tag, Tmsg};
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::path::Path;
use std::process::{Child, Command};
use tests::wait::Wait;
use tests::{Answer, Cluster, Job, Link, Running, shapes, uem, until};

/// Sessions of one burst.
const BURST: usize = 8;
/// Rounds of four bursts at each height: a thousand sessions in all.
const ROUNDS: usize = 11;

/// What a session does when it is given up.
struct Kind {
    /// The lines of its ctl behind the reservation.
    lines: &'static str,
    /// What `status` says of each member by then.
    shows: &'static str,
    /// `args`, `env` and `ns` are too long to be kept in place.
    is_long: bool,
    /// Input that nobody reads waits in part.
    is_fed: bool,
}

const fn kind(lines: &'static str, shows: &'static str) -> Kind {
    Kind { lines, shows, is_long: false, is_fed: false }
}

const KINDS: [Kind; 12] = [
    kind("", " reserved "),
    kind("exec true", " done "),
    kind("exec ./nosuch", " done "),
    kind("exec sleep 1000", " running "),
    kind("exec sh -c 'while :; do sleep 0.05; done'", " running "),
    kind("exec yes", " blocked=stdout"),
    kind("exec cat", " running "),
    kind("exec sh -c 'sleep 1000 & sleep 1000 & wait'", " running "),
    kind("exec sh -c 'sleep 1000 & exit 3'", " done "),
    kind("gang on\nredir stdout /dev/null\nexec sleep 1000", " running "),
    Kind { lines: "exec", shows: " running ", is_long: true, is_fed: false },
    Kind { lines: "exec sleep 1000", shows: " waiting=stdin", is_long: false, is_fed: true },
];

/// How a link's sessions are given up.
#[derive(Clone, Copy)]
enum Way {
    Clunk,
    Break,
}

/// A link with a burst of sessions, each with three fids: `3 n + 1` is the ctl.
struct Burst {
    link: Link,
    size: usize,
    kinds: Vec<&'static Kind>,
}

impl Burst {
    /// Makes the sessions and says what they are to do; nothing is waited for that takes its time.
    fn begin(tree: &Cluster, size: usize, first: usize) -> Self {
        let kinds = (first..first + BURST).map(|n| &KINDS[n % KINDS.len()]).collect();
        let mut burst = Self { link: Link::dial(&tree.socket("io")), size, kinds };
        for n in 0..BURST as u32 {
            let (ctl, file) = (3 * n + 10, 3 * n + 11);
            let kind = burst.kinds[n as usize];
            burst.link.open(0, ctl, &["clone"], 2);
            if kind.is_long {
                let words = "word ".repeat(200);
                let args = format!("sh -c 'sleep 1000' {words}");
                for (name, text) in
                    [("args", args), ("env", "A=b\n".repeat(200)), ("ns", "cd /\n".repeat(60) + "cd /tmp\n")]
                {
                    burst.link.open(ctl, file, &["..", name], 1);
                    assert_eq!(burst.link.write(file, text.as_bytes()), Answer::Done, "{name}");
                    burst.link.clunk(file);
                }
            }
            let lines = format!("res {size}\n{}\n", kind.lines);
            burst.link.queue(tag(0, n), &Tmsg::Write { fid: Fid(ctl), offset: 0, data: lines.as_bytes() });
        }
        burst.link.send();
        burst
    }

    /// Waits until each session does what it is to do, and has half of them read from.
    fn settle(&mut self) {
        for n in 0..BURST as u32 {
            let kind = self.kinds[n as usize];
            let refused = self.link.answer(tag(0, n)) != Answer::Done;
            assert_eq!(refused, kind.lines.contains("nosuch"), "{}", kind.lines);
        }
        for n in 0..BURST as u32 {
            let (ctl, file) = (3 * n + 10, 3 * n + 11);
            let kind = self.kinds[n as usize];
            if kind.is_fed {
                self.link.open(ctl, file, &["..", "stdin"], 1);
                for piece in 0..4 {
                    let data = [b'x'; 30_000];
                    let write = Tmsg::Write { fid: Fid(file), offset: 0, data: &data };
                    self.link.queue(tag(1 + piece, n), &write);
                }
                self.link.send();
            } else if n % 2 == 0 && !kind.shows.contains("blocked") {
                self.link.open(ctl, file, &["..", "wait"], 0);
                self.link.open(ctl, file + 1, &["..", "stderr"], 0);
                for (at, fid) in [(1, file), (2, file + 1)] {
                    self.link.queue(tag(at, n), &Tmsg::Read { fid: Fid(fid), offset: 0, count: 100 });
                }
                self.link.send();
            }
            let wait = Wait::new();
            loop {
                let status = String::from_utf8(self.link.read(ctl, &["..", "status"])).expect("text");
                if status.matches(kind.shows).count() == self.size {
                    break;
                }
                wait.again(format_args!("{}: {status}", kind.lines));
            }
        }
    }

    fn end(mut self, way: Way) {
        if matches!(way, Way::Clunk) {
            for n in 0..BURST as u32 {
                self.link.queue(tag(9, n), &Tmsg::Clunk { fid: Fid(3 * n + 10) });
            }
            self.link.send();
            for n in 0..BURST as u32 {
                assert_eq!(self.link.answer(tag(9, n)), Answer::Done);
            }
        }
    }
}

/// The tag of a request of a session in its burst.
fn tag(what: u16, session: u32) -> Tag {
    Tag(100 * what + session as u16)
}

/// What `uem run` is told to run, after which each member has said a word.
const SCRIPTS: [&str; BURST] = [
    "echo begun; exec sleep 1000",
    "echo begun; while :; do sleep 0.05; done",
    "echo begun; exec yes",
    "echo begun; cat",
    "sleep 1000 >/dev/null 2>&1 & echo begun; wait",
    "sleep 1000 >/dev/null 2>&1 & echo begun; exit 3",
    "echo begun; read line",
    "echo begun; echo more >&2; exec sleep 1000",
];

/// A burst of `uem run`, each interrupted or killed when its members run.
fn signalled(tree: &Cluster, size: usize, signal: &str) {
    let members = size.to_string();
    let start = |script: &&str| {
        let mut command = Command::new(uem());
        command.args(["run", "-n", &members, "sh", "-c", script]).env("UEM_AT", tree.at("io"));
        Running::start(command)
    };
    let mut all: Vec<Running> = SCRIPTS.iter().map(start).collect();
    for job in &mut all {
        job.lines(size);
        job.signal(signal);
    }
    for (job, script) in all.into_iter().zip(SCRIPTS) {
        let told = job.end();
        let want = if signal == "INT" { 130 } else { -1 };
        // One that has ended meanwhile has its own exit code.
        assert!(told.code == want || told.code == 3 && script.ends_with("exit 3"), "{script}: {told:?}");
    }
}

fn wait_until_idle(tree: &Cluster) {
    let mut link = Link::dial(&tree.socket("io"));
    let wait = Wait::new();
    loop {
        let status = String::from_utf8(link.read(0, &["status"])).expect("it is text");
        if status.lines().all(|line| line.contains(" sessions=0 members=0 ")) {
            return;
        }
        wait.again(format_args!("{status}"));
    }
}

/// One burst of each way, in the middle of their start or later.
fn round(tree: &Cluster, size: usize, number: usize) {
    for (at, way) in [Way::Clunk, Way::Break].into_iter().enumerate() {
        let mut burst = Burst::begin(tree, size, number * 5 + at * 7);
        if number % 3 != 2 {
            burst.settle();
        }
        burst.end(way);
    }
    signalled(tree, size, "INT");
    signalled(tree, size, "KILL");
    wait_until_idle(tree);
}

#[test]
fn a_thousand_sessions_given_up_in_four_ways_at_three_heights_leave_nothing_in_any_daemon() {
    let nets: [&[&[&str]]; 3] = [&[], &[&["net", "n1"]], &[&["net", "io1"], &["net", "io1", "net", "n1"]]];
    std::thread::scope(|scope| {
        for ((tree, size, _), nets) in shapes().into_iter().zip(nets) {
            scope.spawn(move || {
                // What is made on first use is there.
                round(&tree, size, 0);
                let room = Room::of(&tree, nets);
                wait_until_idle(&tree);
                let before = Census::idle(&tree);
                (0..ROUNDS).for_each(|number| round(&tree, size, number));
                before.is_left(&tree);
                room.is_left(&tree, nets);
                before.is_left(&tree);
            });
        }
    });
}

#[test]
fn the_tasks_of_an_interrupted_or_killed_uem_each_leave_nothing_in_any_daemon() {
    for (tree, ..) in shapes() {
        let before = Census::quiet(&tree);
        for (signal, code) in [("INT", 130), ("KILL", -1)] {
            let mut command = Command::new(uem());
            command.args(["each", "-j", "4", "sleep", "{}", ":::"]).args(["1000"; 40]);
            command.env("UEM_AT", tree.at("io"));
            let job = Running::start(command);
            let wait = Wait::new();
            while processes(&tree).iter().filter(|line| line.ends_with(" sleep 1000 ")).count() < 4 {
                wait.again(format_args!("{:?}", processes(&tree)));
            }
            job.signal(signal);
            assert_eq!(job.end().code, code);
            before.is_left(&tree);
        }
    }
}

/// A process that leads a group of its own and has this number, if the machine lets it be chosen.
fn process_numbered(pid: u32) -> Option<Child> {
    const LAST: &str = "/proc/sys/kernel/ns_last_pid";
    for _ in 0..1000 {
        // The next process of this name space gets the next number that is free.
        let last = std::fs::read(LAST).ok()?;
        std::fs::write(LAST, (pid - 1).to_string()).ok()?;
        let mut child = Command::new("sleep").arg("1000").process_group(0).spawn().expect("sleep starts");
        // Others that run here need not meet numbers that were used a moment ago.
        std::fs::write(LAST, last).expect("it was written before");
        if child.id() == pid {
            return Some(child);
        }
        // Somebody else was faster.
        child.kill().expect("it is our child");
        child.wait().expect("it is our child");
    }
    None
}

/// A kernel before 6.9 knows a group by its number alone.
fn knows_groups() -> bool {
    let release = std::fs::read_to_string("/proc/sys/kernel/osrelease").expect("it is there");
    let mut numbers = release.split(|c: char| !c.is_ascii_digit()).map(|n| n.parse::<u32>().unwrap_or(0));
    (numbers.next(), numbers.next()) >= (Some(6), Some(9))
}

/// Only root can choose a process's number; the group of an ended member is empty when all are collected.
#[test]
fn whoever_has_got_the_number_of_an_ended_member_is_not_killed_with_its_session() {
    if !knows_groups() {
        eprintln!("not run: this kernel has no signals to a group that has lost its leader");
        return;
    }
    let tree = Cluster::leaf();
    tree.wait_for("io up\n");
    let mut job = Job::new(&tree);
    assert_eq!(job.ctl("exec sh -c 'sleep 1000 & exit 0'\n"), Answer::Done);
    let wait = Wait::new();
    while !job.text("status").contains(" done ") || processes(&tree).len() != 1 {
        wait.again(format_args!("{}", job.text("status")));
    }
    let status = job.text("status");
    let pid = status.split_once("pid=").and_then(|(_, rest)| rest.split_once(' ')).expect("it ran").0;
    let pid: u32 = pid.parse().expect("a number");
    let left = processes(&tree)[0].split_once(' ').expect("a number and words").0.to_owned();
    assert!(Command::new("kill").args(["-s", "KILL", &left]).status().expect("kill starts").success());
    let mut looks = 0;
    until("it is collected, or given up", || {
        looks += 1;
        looks == 1000 || !Path::new(&format!("/proc/{left}")).exists()
    });
    if looks == 1000 {
        eprintln!("not run: nobody collects what is left by processes that have ended");
        return;
    }
    let Some(mut other) = process_numbered(pid) else {
        eprintln!("not run: only root can choose the number of a process");
        return;
    };
    job.link.clunk(1);
    wait_until_idle(&tree);
    // Two signals: the one that was first has ended it.
    assert!(
        Command::new("kill").args(["-s", "TERM", &pid.to_string()]).status().expect("kill starts").success()
    );
    let ended = other.wait().expect("it is our child");
    assert_eq!(ended.signal(), Some(libc::SIGTERM));
}
