//! The command `conformance` against nodes of both kinds and against diod, another server: where each differs
//! from what the manual and Linux expect is named here.

use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use tests::wait::{Wait, bounded};
use tests::{Cluster, Stream, Told, free_port};

/// Rows of 9P2000.L in which diod 1.0.24 differs from what the manual or Linux expects, and how.
const DIOD: &[(&str, &str)] = &[
    ("version/large-msize", "an msize above 2^31 is refused with EIO, not lowered"),
    ("version/unknown-dialect", "an Rlerror, where version(5) has an Rversion 'unknown'"),
    ("version/unknown-suffix", "the same"),
    ("version/again-clunks-all", "a second Tversion leaves all fids as they are"),
    ("attach/fid-in-use", "an attach takes a fid that is in use"),
    ("walk/later-name-unknown", "newfid is there although not all names were walked"),
    ("walk/up-from-the-root", ".. leads out of what is exported"),
    ("walk/newfid-in-use", "a walk takes a newfid that is in use"),
    ("walk/to-no-fid", "NOFID is a fid as any other"),
    ("walk/bad-names", "the empty name is the directory itself"),
    ("read/count-above-msize", "a count that does not fit a message is refused with EIO, not lowered"),
    ("write/whole-message", "a Twrite has 24 bytes of header, one of them nobody's"),
    ("errors/unknown-fid", "EIO, not EBADF"),
    ("malformed/small-sizes", "a size of 0 is waited on for ever"),
    ("malformed/trailing-byte", "what follows the last field is not looked at"),
    ("malformed/strings", "a count of names above those that are there is taken"),
    ("malformed/no-tag", "NOTAG is a tag as any other"),
    ("malformed/before-version", "an attach needs no Tversion"),
    ("malformed/answers", "an Rversion from a client ends the daemon: an assertion fails"),
];

/// Rows of 9P2000.L in which an ionode differs, and why.
const IONODE: &[(&str, &str)] =
    &[("limits/largest-numbers", "fids from 0xfffe0000 up are its own, for what .L does in one request")];

/// Rows that need a file in which a read waits, and diod serves none.
const WAITING: &[&str] = &[
    "version/again-aborts-all",
    "read/waits-alone",
    "flush/of-a-read",
    "flush/twice",
    "flush/one-of-two",
    "malformed/tag-in-use",
    "clunk/while-a-read-waits",
];

fn conformance(args: &[&str]) -> Told {
    let mut command = bounded(env!("CARGO_BIN_EXE_conformance"));
    command.args(args).stdin(Stdio::null());
    Told::of(&command.output().expect("the command starts"))
}

/// Names of the rows whose line begins so, sorted.
fn rows<'a>(told: &'a Told, begin: &str) -> Vec<&'a str> {
    let named = told.out.lines().filter_map(|line| line.strip_prefix(begin)?.split([':', ' ']).next());
    let mut names: Vec<&str> = named.collect();
    names.sort_unstable();
    names
}

/// Rows that are listed for a dialect.
fn listed(dialect: &str) -> usize {
    let told = conformance(&["--list"]);
    assert_eq!(told.code, 0, "{told:?}");
    told.out.lines().filter(|line| line.split_whitespace().skip(1).any(|word| word == dialect)).count()
}

/// Each row is asked, and all are `ok` but those that are known.
fn conforms(dialect: &str, msize: &str, at: &str, known: &[(&str, &str)]) {
    conforms_below("", (dialect, msize, at), known, 0);
}

/// The same from a directory below the root, where so many rows cannot be asked.
fn conforms_below(
    below: &str,
    (dialect, msize, at): (&str, &str, &str),
    known: &[(&str, &str)],
    skipped: usize,
) {
    // A machine that is busy is no fault of the node's.
    let patient = ["--patience", "10000", "--below", below];
    let told = conformance(&[&["--dialect", dialect, "--msize", msize], &patient[..], &[at]].concat());
    let count = listed(dialect);
    assert!(count > 80, "{count} rows of {dialect}");
    let mut names: Vec<&str> = known.iter().map(|(name, _)| *name).collect();
    names.sort_unstable();
    assert_eq!(rows(&told, "not ok "), names, "{at}: {}", told.out);
    let (good, bad) = (count - known.len() - skipped, known.len());
    let sum = format!("{dialect}: {good} ok, {bad} not ok, {skipped} skipped");
    assert_eq!((rows(&told, "ok ").len(), told.out.lines().last()), (good, Some(sum.as_str())));
    assert_eq!((told.code, told.err.as_str()), (i32::from(bad > 0), ""));
}

#[test]
fn an_ionode_does_what_the_manual_says() {
    let site = Cluster::hosts(2);
    conforms("9P2000", "8216", &site.at("io"), &[]);
    conforms("9P2000", "131096", site.tcp(), &[]);
}

#[test]
fn an_ionode_does_what_linux_expects() {
    let site = Cluster::hosts(2);
    conforms("9P2000.L", "131096", &site.at("io"), IONODE);
    conforms("9P2000.L", "4096", site.tcp(), IONODE);
}

#[test]
fn an_ionode_passes_on_what_a_child_does() {
    let site = Cluster::hosts(2);
    // What is said of the root cannot be asked: that nothing is above it, and that an attach leads there.
    conforms_below("net/node02", ("9P2000", "8216", &site.at("io")), &[], 2);
    conforms_below("net/node02", ("9P2000.L", "131096", site.tcp()), IONODE, 2);
}

#[test]
fn two_ionodes_pass_on_what_a_child_does() {
    let mut tree = Cluster::root();
    tree.ionode("io1", "io");
    tree.cnode("n1", "io1");
    tree.wait_for("n1 up\n");
    conforms_below("net/io1/net/n1", ("9P2000", "131096", &tree.at("io")), &[], 2);
    conforms_below("net/parent", ("9P2000", "131096", &tree.at("io1")), &[], 2);
}

#[test]
fn a_compute_node_does_what_the_manual_says() {
    let site = Cluster::hosts(1);
    conforms("9P2000", "8216", &site.at("node01"), &[]);
    conforms("9P2000", "4096", &site.at("node01"), &[]);
}

/// A diod that exports a directory of its own.
struct Diod {
    child: Child,
    dir: PathBuf,
    at: String,
}

impl Diod {
    fn start() -> Self {
        let dir = std::env::temp_dir().join(format!("uem-diod-{}", std::process::id()));
        std::fs::create_dir_all(dir.join("made")).expect("a directory can be made");
        std::fs::write(dir.join("file"), "").expect("a file can be made");
        let port = free_port();
        let mut command = Command::new("diod");
        command.args(["-f", "-n", "-l", &format!("127.0.0.1:{port}"), "-e", "ctl", "-e"]).arg(&dir);
        // It leaves its core where it is.
        command.current_dir(&dir).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        let diod =
            Self { child: command.spawn().expect("diod starts"), dir, at: format!("tcp!127.0.0.1!{port}") };
        let wait = Wait::new();
        while Stream::dial(&diod.at).is_err() {
            wait.again("diod listens");
        }
        diod
    }
}

impl Drop for Diod {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.child.kill();
        let _ = self.child.wait();
        let _ = std::fs::remove_dir_all(&self.dir);
    }
}

#[test]
fn diod_differs_in_the_rows_that_are_known() {
    let diod = Diod::start();
    let dir = diod.dir.to_str().expect("it is text");
    let args =
        ["--dialect", "9P2000.L", "--msize", "32768", "--aname", dir, "--file", "file", "--dir", "made"];
    let told = conformance(&[&args[..], &["--patience", "5000", &diod.at]].concat());
    let mut known: Vec<&str> = DIOD.iter().map(|(name, _)| *name).collect();
    known.sort_unstable();
    assert_eq!(rows(&told, "not ok "), known, "{}", told.out);
    let mut waiting = WAITING.to_vec();
    waiting.sort_unstable();
    assert_eq!(rows(&told, "skip "), waiting);
    let good = listed("9P2000.L") - known.len() - waiting.len();
    assert_eq!((told.code, rows(&told, "ok ").len()), (1, good), "{}", told.err);
}

#[test]
fn rows_are_asked_for_by_name_and_by_group() {
    let site = Cluster::hosts(1);
    let told = conformance(&[&site.at("io"), "walk/sixteen-names", "errors"]);
    let want = "ok walk/sixteen-names\nok errors/no-such-file\nok errors/unknown-fid\nok errors/fit-linux\n\
        9P2000: 4 ok, 0 not ok, 0 skipped\n";
    assert_eq!(told, Told { code: 0, out: want.into(), err: String::new() });
}

#[test]
fn a_command_line_that_says_nothing_is_refused() {
    for (args, want) in [
        (&[][..], "whose address? conformance --help"),
        (&["nowhere"], "dial string 'nowhere': want tcp!host!port or unix!path"),
        (&["unix!/x", "walk/backwards"], "walk/backwards is no row and no group: conformance --list"),
        (&["--msize", "100", "unix!/x"], "msize 100: want a number from 4096 to 1048576"),
        (&["--dialect", "9P2000.u", "unix!/x"], "dialect 9P2000.u: want 9P2000 or 9P2000.L"),
        (&["--fast", "unix!/x"], "--fast"),
    ] {
        let told = conformance(args);
        assert_eq!((told.code, told.out.as_str()), (100, ""), "{args:?}");
        assert!(told.err.contains(want), "{args:?}: {}", told.err);
    }
    let told = conformance(&["unix!/nobody/listens"]);
    assert_eq!(told.code, 1, "{told:?}");
    assert!(told.out.starts_with("not ok: a connection to unix!/nobody/listens: "), "{}", told.out);
}
