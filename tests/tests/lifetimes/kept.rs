//! Sessions that stay: persistent ones, and jobs that are left to themselves.

use crate::census::{Census, processes};
use std::path::{Path, PathBuf};
use tests::wait::Wait;
use tests::{Answer, Cluster, Job, Link, Told, refused, shapes};

/// A command at the root that is to go well: what it said.
fn said(tree: &Cluster, args: &[&str]) -> String {
    let told = tree.run(args);
    assert_eq!((told.code, told.err.as_str()), (0, ""), "{args:?}");
    told.out
}

fn wait_for_members(tree: &Cluster, count: usize) -> Vec<String> {
    let wait = Wait::new();
    loop {
        let found = processes(tree);
        if found.len() == count {
            return found;
        }
        wait.again(format_args!("{count} members: {found:#?}"));
    }
}

fn names(tree: &Cluster, dir: &str) -> Vec<String> {
    said(tree, &["ls", dir]).lines().map(|name| name.trim_end_matches('/').to_owned()).collect()
}

fn is_there(tree: &Cluster, session: &str) -> bool {
    names(tree, "/").iter().any(|name| name == session)
}

/// What a session's `info` says of its type.
fn kind(tree: &Cluster, session: &str) -> String {
    let info = said(tree, &["cat", &format!("{session}/info")]);
    let kind = info.lines().find_map(|line| line.strip_prefix("type="));
    kind.expect("it has one").to_owned()
}

/// Made, told what to do and looked at, each time by a client that then goes.
#[test]
fn a_persistent_session_outlives_its_clients_until_it_is_removed_or_wiped() {
    for (tree, size, _) in shapes() {
        let before = Census::quiet(&tree);
        for end in [&["rm", "job"][..], &["write", "job/ctl", "wipe"]] {
            said(&tree, &["mkdir", "job"]);
            said(&tree, &["write", "job/args", "sleep 1000"]);
            said(&tree, &["write", "job/ctl", &format!("res {}", 2 * size)]);
            said(&tree, &["write", "job/ctl", "exec"]);
            let members = wait_for_members(&tree, 2 * size);
            // One with everything open, whose link breaks.
            let mut link = Link::dial(&tree.socket("io"));
            for (fid, file, mode) in [(1, "ctl", 2), (2, "stdin", 1), (3, "stdout", 0), (4, "wait", 0)] {
                link.open(0, fid, &["job", file], mode);
            }
            drop(link);
            let status = said(&tree, &["status", "job"]);
            assert_eq!(status.matches(" running ").count(), 2 * size, "{status}");
            assert_eq!((kind(&tree, "job").as_str(), processes(&tree)), ("persistent", members));
            said(&tree, end);
            assert!(!is_there(&tree, "job"));
            before.is_left(&tree);
        }
    }
}

#[test]
fn a_type_that_is_changed_counts_when_the_last_ctl_is_closed() {
    for (tree, size, _) in shapes() {
        let before = Census::quiet(&tree);
        let mut job = Job::new(&tree);
        let name = job.text("ctl").trim().to_owned();
        assert_eq!(kind(&tree, &name), "normal");
        assert_eq!(job.ctl(&format!("type persistent\nres {size}\nexec sleep 1000\n")), Answer::Done);
        let members = wait_for_members(&tree, size);
        assert_eq!(kind(&tree, &name), "persistent");
        job.link.clunk(1);
        drop(job);
        assert!(is_there(&tree, &name) && processes(&tree) == members);

        // Two have it open: the one that makes it normal goes first.
        let mut one = Link::dial(&tree.socket("io"));
        let mut other = Link::dial(&tree.socket("io"));
        one.open(0, 1, &[&name, "ctl"], 1);
        other.open(0, 1, &[&name, "ctl"], 2);
        assert_eq!(one.write(1, b"type normal\n"), Answer::Done);
        one.clunk(1);
        assert_eq!(kind(&tree, &name), "normal");
        assert_eq!(processes(&tree), members);
        other.clunk(1);
        assert!(!is_there(&tree, &name));
        drop((one, other));
        before.is_left(&tree);

        // One whose name was chosen is no other.
        said(&tree, &["mkdir", "job"]);
        said(&tree, &["write", "job/ctl", "type normal"]);
        assert!(!is_there(&tree, "job"), "the writer was its last client");
    }
}

#[test]
fn the_files_of_a_session_are_not_removed_and_nobody_says_no() {
    for (tree, size, _) in shapes() {
        let before = Census::quiet(&tree);
        said(&tree, &["mkdir", "job"]);
        said(&tree, &["write", "job/env", "A=b"]);
        said(&tree, &["write", "job/ctl", &format!("res {size}")]);
        said(&tree, &["write", "job/ctl", "exec sleep 1000"]);
        let members = wait_for_members(&tree, size);
        let dirs = ["job".to_owned(), "job/debug".to_owned(), "job/0".to_owned(), "job/0/debug".to_owned()];
        let listing = || dirs.each_ref().map(|dir| names(&tree, dir));
        let found = listing();
        assert!(found.iter().all(|names| !names.is_empty()), "{found:?}");
        for (dir, names) in dirs.iter().zip(&found) {
            for name in names {
                said(&tree, &["rm", &format!("{dir}/{name}")]);
            }
        }
        assert_eq!((listing(), processes(&tree)), (found, members));
        assert_eq!(said(&tree, &["cat", "job/env"]), "A=b\n");
        // Another user is not even let pretend.
        let mut link = Link::dial_as(&tree.socket("io"), "nobody");
        for path in [&["job", "env"][..], &["job", "0", "stdout"], &["job"]] {
            assert_eq!(link.remove(0, path), refused("Permission denied"), "{path:?}");
        }
        // As `rm -r` does it: what is in it, and then itself.
        said(&tree, &["rm", "job"]);
        assert!(!is_there(&tree, "job"));
        drop(link);
        before.is_left(&tree);
    }
}

/// A directory of a test's own.
struct Place(PathBuf);

impl Place {
    fn new(test: &str) -> Self {
        let path = std::env::temp_dir().join(format!("uem-kept-{}-{test}", std::process::id()));
        std::fs::create_dir_all(&path).expect("a directory can be made");
        Self(path)
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        // The next test has a directory of its own.
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

/// Lines that each member writes, from before somebody says go on to after it.
const LINES: usize = 400;

/// A shell line that writes them, and what it waits for in between.
fn script(go: &Path) -> String {
    format!(
        "for n in $(seq {LINES}); do echo $UEM_MEMBER line $n; \
         [ $n != 9 ] || until [ -e {} ]; do sleep 0.02; done; done; exit $((UEM_MEMBER + 3))",
        go.display()
    )
}

/// All that the members wrote is in the file, each line whole.
fn check_output(file: &Path, members: usize) {
    let text = std::fs::read_to_string(file).expect("it was made");
    let mut lines: Vec<&str> = text.lines().collect();
    let want = (0..members).flat_map(|m| (1..=LINES).map(move |n| format!("{m} line {n}")));
    let mut want: Vec<String> = want.collect();
    lines.sort_unstable();
    want.sort_unstable();
    assert_eq!(lines, want);
}

/// What `uem wait` says of it.
fn outcome(members: usize, told: &Told) {
    assert_eq!((told.code, told.out.as_str()), (members as i32 + 2, ""), "{}", told.err);
    assert_eq!(told.err.matches("uem: exit ").count(), members, "{}", told.err);
}

#[test]
fn a_detached_job_ends_with_nobody_there_and_tells_whoever_asks_later() {
    for (tree, size, _) in shapes() {
        let before = Census::quiet(&tree);
        let place = Place::new("detached");
        let go = place.0.join("go");
        let members = 2 * size;
        let mut command = tree.uem(&["run", "-d", "-n", &members.to_string(), "sh", "-c", &script(&go)]);
        let told = Told::of(&command.current_dir(&place.0).output().expect("uem starts"));
        assert_eq!((told.code, told.err.as_str()), (0, ""));
        let name = told.out.trim();
        assert!(said(&tree, &["status", name]).matches(" running ").count() == members);
        std::fs::write(&go, "").expect("a file can be made");
        // Seen from outside: no client is there when it ends.
        wait_for_members(&tree, 0);
        outcome(members, &tree.run(&["wait", name]));
        check_output(&place.0.join(format!("uem-{name}.out")), members);
        // Told again to the next, until it is removed.
        outcome(members, &tree.run(&["wait", name]));
        said(&tree, &["rm", name]);
        before.is_left(&tree);
    }
}

#[test]
fn a_session_made_persistent_ends_with_nobody_there_and_all_its_output_is_in_its_file() {
    for (tree, size, _) in shapes() {
        let before = Census::quiet(&tree);
        let place = Place::new("redirected");
        let (go, out) = (place.0.join("go"), place.0.join("out"));
        let members = 2 * size;
        let mut job = Job::of(&tree, "root");
        let name = job.text("ctl").trim().to_owned();
        let script = script(&go).replace('$', "$$");
        job.put("args", format!("sh -c {}", protocol::quote::Quoted(&script)).as_bytes());
        let lines = format!("type persistent\nres {members}\nredir stdout {}\nexec\n", out.display());
        assert_eq!(job.ctl(&lines), Answer::Done);
        drop(job);
        std::fs::write(&go, "").expect("a file can be made");
        // Seen from outside: no client is there when it ends.
        wait_for_members(&tree, 0);
        outcome(members, &tree.run(&["wait", &name]));
        check_output(&out, members);
        assert_eq!(said(&tree, &["cat", &format!("{name}/stdout")]), "", "it went to the file");
        said(&tree, &["write", &format!("{name}/ctl"), "wipe"]);
        before.is_left(&tree);
    }
}
