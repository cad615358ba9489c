//! Clients of other people's against an ionode over TCP: they list, read, write, are refused, and run a job.
//! And the server that came along with one of them, as the command `conformance` finds it.
//!
//! Two are packages from PyPI, each driven by a script in tests/clients, installed by `tests/clients/venv`;
//! diod's tools are a package of Debian's. Of the other clients that there are, aio9p 0.3.3 opens nothing
//! anywhere: it sends a Twalk where it means a Topen, and a Twrite for a Tcreate.

use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use tests::wait::{Wait, bounded};
use tests::{Cluster, Stream, Told, free_port, root};

/// Members of each job, which are dealt over two nodes.
const OUTPUT: &str = "stdout|member 0|member 1|member 2|member 3\n";

/// Runs a command within a minute.
fn run(program: &str, args: &[&str]) -> Told {
    let mut command = bounded(program);
    command.args(args).current_dir(root().join("tests/clients")).stdin(Stdio::null());
    Told::of(&command.output().expect("timeout starts"))
}

/// The Python of an environment, which is made first; without a network that fails.
fn python(venv: &str) -> String {
    let made = Command::new(root().join("tests/clients/venv")).arg(venv).output().expect("bash is there");
    let made = Told::of(&made);
    assert_eq!(made.code, 0, "no environment {venv}: {}", made.err);
    made.out.trim_end().to_owned()
}

/// What a script says in its own environment.
fn script(venv: &str, script: &str, args: &[&str]) -> String {
    let told = run(&python(venv), &[&[script], args].concat());
    assert_eq!((told.code, told.err.as_str()), (0, ""), "{script}: {}", told.out);
    told.out
}

/// Host and port of the ionode.
fn place(site: &Cluster) -> (String, String) {
    let tcp = site.tcp();
    let (host, port) = tcp.trim_start_matches("tcp!").split_once('!').expect("a host and a port");
    (host.to_owned(), port.to_owned())
}

/// The codec of this one is plan9port's, in C.
#[test]
fn python_9p_runs_a_job() {
    let site = Cluster::hosts(2);
    let (host, port) = place(&site);
    // A walk that ends half way is no error to this client, and the last name's fid is none.
    let want = "version 9P2000\n\
        list beat clone ctl error events info net status summary\n\
        ctl signal NAME|NUMBER\n\
        nothing No such file or directory\n\
        net/nobody 1 of 2\n\
        args echo member $m\n";
    let rest = "wait '' '' '' ''\nexec Invalid argument\nmade py\n";
    assert_eq!(script("python-9p", "python_9p.py", &[&host, &port]), format!("{want}{OUTPUT}{rest}"));
    assert_eq!(site.run(&["ps"]).out, "", "nothing is left");
}

/// What p9fs is told in a dialect, up to its job's output.
const P9FS: &str = "list beat clone ctl error events info net status summary\n\
    type directory file 0\n\
    ctl signal NAME|NUMBER\n\
    cat b''\n";

#[test]
fn p9fs_runs_a_job_in_9p2000() {
    let site = Cluster::hosts(2);
    let (host, port) = place(&site);
    // It reads no further than a length says, which is 0 here; and for `exists` it knows one server's text of
    // ENOENT alone: any other is an error to it.
    let want = "exists b'No such file or directory'\nmade True 13\nargs echo member $m\n";
    let rest = "wait '' '' '' ''\nstatus b'Permission denied'\nremoved True\n";
    let told = script("p9fs", "p9fs_client.py", &[&host, &port, "9P2000"]);
    assert_eq!(told, format!("{P9FS}{want}{OUTPUT}{rest}"));
    assert_eq!(site.run(&["ps"]).out, "", "nothing is left");
}

#[test]
fn p9fs_runs_a_job_in_9p2000_l() {
    let site = Cluster::hosts(2);
    let (host, port) = place(&site);
    // It unlinks directories as it does files, without AT_REMOVEDIR, and is told EISDIR.
    let want = "exists False\nmade True 13\nargs echo member $m\n";
    let rest = "wait '' '' '' ''\nstatus 13\nrm 21\nremoved True\n";
    let told = script("p9fs", "p9fs_client.py", &[&host, &port, "9P2000.L"]);
    assert_eq!(told, format!("{P9FS}{want}{OUTPUT}{rest}"));
    assert_eq!(site.run(&["ps"]).out, "", "nothing is left");
}

/// They read alone, so that a job is not for them: `diodload` is what writes.
#[test]
fn the_tools_of_diod_list_and_read() {
    let site = Cluster::hosts(2);
    let (host, port) = place(&site);
    let at = format!("{host}:{port}");
    let told = |program: &str, args: &[&str]| run(program, &[&["-s", &at], args].concat());
    let fine = |out: &str| Told { code: 0, out: out.into(), err: String::new() };

    let root = told("diodls", &["-a", ""]);
    let mut names: Vec<&str> = root.out.lines().collect();
    names.sort_unstable();
    assert_eq!(names.join(" "), "beat clone ctl error events info net status summary", "{root:?}");
    let long = told("diodls", &["-a", "", "-l"]);
    let clone = long.out.lines().find(|line| line.ends_with(" clone")).unwrap_or_default();
    assert!(clone.starts_with("-rw-rw-rw-") && clone.contains(" root "), "{long:?}");
    assert_eq!(told("diodcat", &["-a", "", "summary"]), fine("node[01-02] up\n"));
    assert!(told("diodcat", &["-a", "", "net/node02/info"]).out.contains("\nname=node02\n"));
    let nothing = told("diodcat", &["-a", "", "nothing"]);
    assert_eq!((nothing.code, nothing.out.as_str()), (1, ""));
    assert_eq!(nothing.err, "diodcat: open nothing: No such file or directory\n");
    // A read that waits is given up by the client, and by nobody else.
    let events = told("diodcat", &["-a", "", "-t", "1", "events"]);
    assert_eq!((events.code, events.err.as_str()), (1, "diodcat: timed out\n"));
}

#[test]
fn the_tools_of_diod_measure() {
    let site = Cluster::hosts(1);
    let (host, port) = place(&site);
    let at = format!("{host}:{port}");
    let listed = run("diodls", &["-s", &at]);
    let mut names: Vec<&str> = listed.out.lines().collect();
    names.sort_unstable();
    assert_eq!(names, ["connections", "date", "null", "zero"], "{listed:?}");
    let date = run("dioddate", &["-s", &at]);
    assert_eq!((date.code, date.out.lines().count()), (0, 1), "{date:?}");
    let year = date.out.split_whitespace().last().and_then(|word| word.parse::<u32>().ok());
    assert!(year.is_some_and(|year| (2024..2100).contains(&year)), "{date:?}");
    let mounts = run("diodshowmount", &["-s", &at]);
    assert!(mounts.code == 0 && mounts.out.contains("node01"), "{mounts:?}");
    for how in [&[][..], &["-g"]] {
        let load = run("diodload", &[&["-s", &at, "-r", "1", "-n", "4"], how].concat());
        let told = format!("{}{}", load.out, load.err);
        let rate = told.split_whitespace().nth(1).and_then(|word| word.parse::<u32>().ok());
        assert!(load.code == 0 && rate.is_some_and(|rate| rate > 100), "{load:?}");
    }
}

/// Rows of 9P2000 in which the server in p9fs 0.0.4, its py9p, differs from what the manual expects, and how.
const PY9P: &[(&str, &str)] = &[
    ("create/file-or-refusal", "a file is made, and then its opening fails"),
    ("malformed/before-version", "an attach needs no Tversion"),
    ("malformed/large-sizes", "a size is not held against the msize"),
    ("malformed/no-tag", "NOTAG is a tag as any other"),
    ("malformed/trailing-byte", "what follows the last field is not looked at"),
    ("open/empties", "opening for both, reading and writing, is a Python error"),
    ("open/two-fids", "a clunk closes the file for other fids too"),
    ("stat/length-0-empties", "opening for both is a Python error"),
    ("stat/of-the-root", "a directory has a length"),
    ("version/again-clunks-all", "a second Tversion leaves all fids as they are"),
    ("version/unknown-dialect", "there is no answer"),
    ("walk/bad-names", "the empty name is the directory itself"),
    ("walk/from-an-open-fid", "it is refused, as walk(5) has it"),
    ("walk/later-name-unknown", "a walk that fails takes what it went through from the table of files"),
    ("walk/seventeen-names", "seventeen names are walked"),
    ("walk/to-no-fid", "NOFID is a fid as any other"),
    ("write/count-0", "opening for both is a Python error"),
    ("write/is-read-back", "the same"),
    ("write/refused-changes-nothing", "the same"),
    ("write/whole-message", "the same"),
];

/// That server, on a directory of its own.
struct Py9p {
    child: Child,
    dir: PathBuf,
    at: String,
}

impl Py9p {
    fn start() -> Self {
        let dir = std::env::temp_dir().join(format!("uem-py9p-{}", std::process::id()));
        std::fs::create_dir_all(dir.join("made")).expect("a directory can be made");
        std::fs::write(dir.join("file"), "").expect("a file can be made");
        let port = free_port().to_string();
        let mut command = Command::new(python("p9fs"));
        command.args(["-m", "py9p", "-w", "-a", "127.0.0.1", "-p", &port, "-r"]).arg(&dir);
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        let child = command.spawn().expect("the server starts");
        let server = Self { child, dir, at: format!("tcp!127.0.0.1!{port}") };
        let wait = Wait::new();
        while Stream::dial(&server.at).is_err() {
            wait.again("the server listens");
        }
        server
    }
}

impl Drop for Py9p {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.child.kill();
        let _ = self.child.wait();
        let _ = std::fs::remove_dir_all(&self.dir);
    }
}

#[test]
fn a_server_of_9p2000_differs_in_the_rows_that_are_known() {
    let server = Py9p::start();
    let args = ["--patience", "5000", "--file", "file", "--dir", "made", &server.at];
    let told = run(env!("CARGO_BIN_EXE_conformance"), &args);
    let named = told.out.lines().filter_map(|line| line.strip_prefix("not ok ")?.split(':').next());
    let mut differs: Vec<&str> = named.collect();
    differs.sort_unstable();
    let known: Vec<&str> = PY9P.iter().map(|(name, _)| *name).collect();
    assert_eq!((told.code, differs), (1, known), "{}", told.out);
    let skipped = told.out.lines().filter(|line| line.starts_with("skip ")).count();
    assert_eq!(skipped, 7, "those for which a read has to wait: {}", told.out);
}
