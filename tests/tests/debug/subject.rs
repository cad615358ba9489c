//! The program that is looked into, jobs of it, and the helpers that look.

use protocol::message::{Fid, Tag, Tmsg};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;
use tests::wait::Wait;
use tests::{Answer, Cluster, Link, Told};

/// The program that is looked into, built once.
pub(crate) fn program() -> &'static str {
    static BUILT: OnceLock<PathBuf> = OnceLock::new();
    let built = BUILT.get_or_init(|| {
        let path = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("debugged-{}", std::process::id()));
        let source = tests::root().join("tests/tests/debug/subject.c");
        let mut gcc = Command::new("gcc");
        gcc.args(["-g", "-O0", "-no-pie", "-fno-pie", "-pthread", "-o"]).args([&path, &source]);
        assert!(gcc.status().expect("gcc starts").success(), "the program can be built");
        path
    });
    built.to_str().expect("a path in UTF-8")
}

/// Where a function or variable of the program is.
pub(crate) fn address(name: &str) -> u64 {
    static TABLE: OnceLock<String> = OnceLock::new();
    let text = TABLE.get_or_init(|| {
        let told = Command::new("nm").arg(program()).output().expect("nm starts");
        String::from_utf8(told.stdout).expect("UTF-8")
    });
    let row = text.lines().find(|line| line.split(' ').nth(2) == Some(name));
    let row = row.unwrap_or_else(|| panic!("the program has {name}"));
    u64::from_str_radix(&row[..16], 16).expect("an address")
}

/// A session that runs the program, left running.
pub(crate) struct Job<'a> {
    pub(crate) partition: &'a Cluster,
    pub(crate) session: String,
}

impl<'a> Job<'a> {
    pub(crate) fn start(partition: &'a Cluster, members: &str, mode: &str) -> Self {
        let told = partition.run_there(&["run", "-d", "-n", members, program(), mode]);
        assert_eq!((told.code, told.err.as_str()), (0, ""));
        Self { partition, session: told.out.trim().to_owned() }
    }

    pub(crate) fn file(&self, member: u32, name: &str) -> String {
        format!("{}/{member}/debug/{name}", self.session)
    }

    pub(crate) fn cat(&self, member: u32, name: &str) -> Told {
        self.partition.run(&["cat", &self.file(member, name)])
    }

    pub(crate) fn trace(&self) -> Told {
        self.partition.run(&["cat", &format!("{}/debug/trace", self.session)])
    }

    /// The pid of a member.
    pub(crate) fn pid(&self, member: u32) -> i32 {
        let status = self.partition.run(&["status", &self.session]).out;
        let line = status.lines().find(|line| line.starts_with(&format!("{member} ")));
        let field = line.and_then(|line| line.split(' ').find_map(|field| field.strip_prefix("pid=")));
        field.and_then(|pid| pid.parse().ok()).unwrap_or_else(|| panic!("a pid of {member} in {status}"))
    }

    pub(crate) fn gdb(&self, member: u32, commands: &[&str]) -> Told {
        let member = format!("{}/{member}", self.session);
        let mut words = vec!["gdb", &member, "-nx", "-batch"];
        commands.iter().for_each(|command| words.extend(["-ex", command]));
        self.partition.run(&words)
    }

    /// A connection with a file of `debug` open as fid 1.
    pub(crate) fn open(&self, member: u32, name: &str) -> Link {
        let mut link = Link::dial(&self.partition.socket("io"));
        link.open(0, 1, &[&self.session, &member.to_string(), "debug", name], 2);
        link
    }

    /// Waits until a counter of a member has moved.
    pub(crate) fn wait_for_turns(&self, member: u32) {
        let mut link = self.open(member, "mem");
        let before = word(&mut link, "turns");
        wait_until("the member goes on", || word(&mut link, "turns") != before);
    }
}

pub(crate) fn wait_until(what: &str, mut holds: impl FnMut() -> bool) {
    let wait = Wait::new();
    while !holds() {
        wait.again(format_args!("{what}"));
    }
}

pub(crate) fn read_at(link: &mut Link, offset: u64, count: u32) -> Answer {
    link.call(Tag(1), &Tmsg::Read { fid: Fid(1), offset, count })
}

pub(crate) fn write_at(link: &mut Link, offset: u64, data: &[u8]) -> Answer {
    link.call(Tag(1), &Tmsg::Write { fid: Fid(1), offset, data })
}

pub(crate) fn refused(why: &str) -> Answer {
    Answer::Refused(why.to_owned())
}

/// A variable of a member, by way of its open memory.
pub(crate) fn word(link: &mut Link, name: &str) -> i32 {
    match read_at(link, address(name), 4) {
        Answer::Data(bytes) => i32::from_le_bytes(bytes.try_into().expect("four bytes")),
        other => panic!("{name}: {other:?}"),
    }
}

/// The helpers for a kind of file that a node has now.
pub(crate) fn helpers(partition: &Cluster, node: &str, kind: &str) -> Vec<i32> {
    helpers_of(partition.pid(node), kind)
}

pub(crate) fn helpers_of(stub: u32, kind: &str) -> Vec<i32> {
    let children = std::fs::read_to_string(format!("/proc/{stub}/task/{stub}/children")).unwrap_or_default();
    let children = children.split_whitespace().filter_map(|pid| pid.parse().ok());
    let is_one = |pid: &i32| {
        let words = std::fs::read(format!("/proc/{pid}/cmdline")).unwrap_or_default();
        let words: Vec<&[u8]> = words.split(|byte| *byte == 0).collect();
        words.get(1) == Some(&&b"uem-debug"[..]) && words.get(2) == Some(&kind.as_bytes())
    };
    children.filter(is_one).collect()
}

/// Stops a process, which stays there.
pub(crate) fn freeze(pid: i32) {
    let sent = Command::new("kill").args(["-s", "STOP", &pid.to_string()]).status().expect("kill starts");
    assert!(sent.success(), "it is there to be stopped");
    wait_until("it is stopped", || {
        let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
        stat.rsplit_once(')').is_some_and(|(_, fields)| fields.starts_with(" T"))
    });
}

/// Stops a process that may end by itself before.
pub(crate) fn freeze_if_there(pid: i32) {
    let stop = Command::new("kill").args(["-s", "STOP", &pid.to_string()]).output();
    assert!(stop.is_ok(), "kill starts");
}

/// Lets a process go on that `freeze` has stopped.
pub(crate) fn thaw(pid: i32) {
    let sent = Command::new("kill").args(["-s", "CONT", &pid.to_string()]).status().expect("kill starts");
    assert!(sent.success(), "it is there to go on");
}
