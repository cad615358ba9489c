//! Nothing allocates once it is up: real daemons with a counting allocator, ten thousand mixed operations, a
//! loss and a join.

use memmap2::Mmap;
use protocol::message::{Fid, Tag, Tmsg};
use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU64, Ordering};
use tests::wait::Wait;
use tests::{Answer, Link};

const NODES: usize = 4;

/// A daemon that counts what it allocates.
struct Counted {
    child: Child,
    count: PathBuf,
}

impl Counted {
    fn start(dir: &Path, name: &str, args: &[&str]) -> Self {
        let count = dir.join(format!("{name}.count"));
        let mut command = Command::new(env!("CARGO_BIN_EXE_counted"));
        command.arg(&count).args(args).args(["--name", name]).stdin(Stdio::null());
        Self { child: command.spawn().expect("the daemon starts"), count }
    }

    fn cnode(dir: &Path, name: &str, parent: &str) -> Self {
        let parent = format!("unix!{}", dir.join(parent).display());
        Self::start(dir, name, &["cnode", "--parent", &parent])
    }

    fn ionode(dir: &Path, name: &str, parent: Option<&str>) -> Self {
        let listen = format!("unix!{}", dir.join(name).display());
        let mut args = vec!["ionode", "--listen", &listen];
        let parent = parent.map(|parent| format!("unix!{}", dir.join(parent).display()));
        args.extend(parent.iter().flat_map(|parent| ["--parent", parent]));
        Self::start(dir, name, &args)
    }

    /// Allocations since it began.
    fn allocations(&self) -> u64 {
        let file = File::open(&self.count).expect("the daemon counts");
        // SAFETY: the daemon changes its count as an atomic, and the map holds one, at its aligned start.
        unsafe {
            let map = Mmap::map(&file).expect("a file can be mapped");
            assert_eq!(map.len(), size_of::<AtomicU64>());
            (*map.as_ptr().cast::<AtomicU64>()).load(Ordering::Relaxed)
        }
    }
}

impl Drop for Counted {
    fn drop(&mut self) {
        // One that has ended already needs no end.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Everything goes over one connection: a new one would be an allocation of its own.
struct Load {
    link: Link,
    /// The way from the root to the parent of the compute nodes.
    way: &'static [&'static str],
}

impl Load {
    fn wait_until_up(&mut self) {
        let wait = Wait::new();
        let want = format!("n[1-{NODES}] up\n");
        while !self.link.read(0, &["summary"]).starts_with(want.as_bytes()) {
            wait.again("the nodes join");
        }
    }

    /// A job over all nodes: its output, once all its members have their outcome.
    fn job(&mut self, lines: &str, input: Option<&[u8]>) -> (Answer, Vec<u8>) {
        self.link.open(0, 1, &["clone"], 2);
        let exec = self.link.write(1, format!("res {NODES}\n{lines}\n").as_bytes());
        if let Some(input) = input {
            self.link.open(1, 2, &["..", "stdin"], 1);
            assert_eq!(self.link.write(2, input), Answer::Done);
            self.link.clunk(2);
        }
        assert_eq!(self.link.write(1, b"close stdin\n"), Answer::Done);
        let out = self.link.read(1, &["..", "stdout"]);
        let outcomes = self.link.read(1, &["..", "wait"]);
        assert_eq!(outcomes.iter().filter(|byte| **byte == b'\n').count(), NODES);
        self.link.clunk(1);
        (exec, out)
    }

    /// One operation of the kind that the number says.
    fn operation(&mut self, number: usize) {
        match number % 10 {
            0 if number % 20 == 10 => self.started_as_told(),
            0 => assert_eq!(self.job("exec echo here", None), (Answer::Done, b"here\n".repeat(NODES))),
            1 => assert_eq!(
                self.job("exec ./nosuch", None),
                (refused("No such file or directory"), Vec::new())
            ),
            2 => {
                let lines = "enum\nprefix on\nexec cat";
                let (_, out) = self.job(lines, Some(b"a\nb\nc\nd\ne\n"));
                assert_eq!(out.iter().filter(|byte| **byte == b'\n').count(), 5);
            }
            3 => self.killed_while_read(),
            4 => self.refused(),
            5 => self.flushed(),
            6 => assert!(self.link.read(0, &["status"]).starts_with(b"n1 up ")),
            7 => assert!(self.read_below(&["net", "n2", "info"]).starts_with(b"ns=1\nname=n2\n")),
            8 => assert!(!self.read_below(&["net", "n3"]).is_empty()),
            _ => assert!(self.link.read(0, &["beat"]).len() > 16),
        }
    }

    /// A file behind the ionode that has the compute nodes.
    fn read_below(&mut self, path: &[&str]) -> Vec<u8> {
        self.link.read(0, &[self.way, path].concat())
    }

    /// A job whose start is told all that it can be.
    fn started_as_told(&mut self) {
        let lines = "dir /etc\numask 022\nlimit core 0\nlimit nofile 99\ncpus 1\nredir stdin $m\n\
                     redir stderr /dev/null\ngang on\nexec echo here";
        self.link.open(0, 3, &["clone"], 2);
        self.link.open(3, 2, &["..", "ns"], 1);
        assert_eq!(self.link.write(2, b"cd /usr\ncd bin/../../etc\n"), Answer::Done);
        self.link.clunk(2);
        let refusal = self.link.write(3, format!("res {NODES}\n{lines}\n").as_bytes());
        assert_eq!(refusal, refused("No such file or directory"));
        self.link.clunk(3);
        let lines = lines.replace("$m", "passwd");
        assert_eq!(self.job(&lines, None), (Answer::Done, b"here\n".repeat(NODES)));
    }

    /// A job that is killed while its output is read, and whose status was asked for.
    fn killed_while_read(&mut self) {
        self.link.open(0, 1, &["clone"], 2);
        assert_eq!(self.link.write(1, format!("res {NODES}\nexec sleep 1000\n").as_bytes()), Answer::Done);
        self.link.open(1, 2, &["..", "stdout"], 0);
        self.link.queue(Tag(2), &Tmsg::Read { fid: Fid(2), offset: 0, count: 100 });
        let status = self.link.read(1, &["..", "status"]);
        assert_eq!(status.iter().filter(|byte| **byte == b'\n').count(), NODES);
        assert_eq!(self.link.write(1, b"kill\n"), Answer::Done);
        assert_eq!(self.link.answer(Tag(2)), Answer::Data(Vec::new()));
        self.link.clunk(2);
        self.link.clunk(1);
    }

    /// Lines that cannot be had, each with its reason in `error`.
    fn refused(&mut self) {
        self.link.open(0, 1, &["clone"], 2);
        for line in ["nosuchverb\n", "res 0\n", "res + n[1-9]\n", "exec\n", "limit what 7\n"] {
            assert!(matches!(self.link.write(1, line.as_bytes()), Answer::Refused(_)));
        }
        assert!(!self.link.read(1, &["..", "error"]).is_empty());
        self.link.clunk(1);
    }

    fn flushed(&mut self) {
        self.link.open(0, 1, &["events"], 0);
        self.link.queue(Tag(2), &Tmsg::Read { fid: Fid(1), offset: 0, count: 100 });
        assert_eq!(self.link.call(Tag(3), &Tmsg::Flush { oldtag: Tag(2) }), Answer::Done);
        self.link.clunk(1);
    }
}

fn refused(why: &str) -> Answer {
    Answer::Refused(why.to_owned())
}

/// A directory of one test's own.
fn own_dir(name: &str) -> PathBuf {
    let dir = std::env::temp_dir().join(format!("uem-test-{name}-{}", std::process::id()));
    std::fs::create_dir_all(&dir).expect("a directory can be made");
    dir
}

fn count(daemons: &[Counted]) -> Vec<u64> {
    daemons.iter().map(Counted::allocations).collect()
}

#[test]
fn ten_thousand_mixed_operations_allocate_nothing_in_any_daemon() {
    let dir = own_dir("sealed");
    let ionode = Counted::ionode(&dir, "io", None);
    let mut load = Load { link: Link::dial(&dir.join("io")), way: &[] };
    let mut cnodes: Vec<_> = (1..=NODES).map(|n| Counted::cnode(&dir, &format!("n{n}"), "io")).collect();
    load.wait_until_up();
    // Tables reach the size that this load needs.
    (0..200).for_each(|number| load.operation(number));

    let before = (ionode.allocations(), count(&cnodes));
    assert!(before.0 > 0 && before.1.iter().all(|n| *n > 0), "it counts: {before:?}");
    (0..5000).for_each(|number| load.operation(number));
    assert_eq!((ionode.allocations(), count(&cnodes)), before, "5,000 operations");

    // A loss, and a join in its place: what they cost is their own, and nobody else's.
    drop(cnodes.pop());
    cnodes.push(Counted::cnode(&dir, &format!("n{NODES}"), "io"));
    load.wait_until_up();
    assert_eq!(count(&cnodes[..NODES - 1]), before.1[..NODES - 1], "the other nodes do not notice");
    (0..200).for_each(|number| load.operation(number));
    let before = (ionode.allocations(), count(&cnodes));
    (0..5000).for_each(|number| load.operation(number));
    assert_eq!((ionode.allocations(), count(&cnodes)), before, "5,000 operations behind a join");
    drop((load, cnodes, ionode));
    std::fs::remove_dir_all(&dir).expect("the directory is ours");
}

#[test]
fn five_thousand_mixed_operations_allocate_nothing_in_any_daemon_of_two_levels() {
    let dir = own_dir("sealed-levels");
    let mut daemons = vec![Counted::ionode(&dir, "io", None)];
    let mut load = Load { link: Link::dial(&dir.join("io")), way: &["net", "io1"] };
    daemons.push(Counted::ionode(&dir, "io1", Some("io")));
    drop(Link::dial(&dir.join("io1")));
    daemons.extend((1..=NODES).map(|n| Counted::cnode(&dir, &format!("n{n}"), "io1")));
    load.wait_until_up();
    (0..200).for_each(|number| load.operation(number));
    let before = count(&daemons);
    assert!(before.iter().all(|n| *n > 0), "they count: {before:?}");
    (0..5000).for_each(|number| load.operation(number));
    assert_eq!(count(&daemons), before, "of the root, the ionode below, the compute nodes");
    drop((load, daemons));
    std::fs::remove_dir_all(&dir).expect("the directory is ours");
}
