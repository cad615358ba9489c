//! `uem rsh` in ssh's place under the programs that people have: MPICH's mpiexec, pdsh, clush, rsync.

use std::io::Write;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use tests::wait::bounded;
use tests::{Cluster, Told, uem};

/// A directory of a test, removed with it, with a program `rsh` that is `uem rsh`.
struct Dir(PathBuf);

impl Dir {
    fn new(name: &str) -> Self {
        let dir = Self(std::env::temp_dir().join(format!("uem-rsh-{name}-{}", std::process::id())));
        std::fs::create_dir_all(&dir.0).expect("a directory can be made");
        let script = format!("#!/bin/sh\nexec {} rsh \"$@\"\n", uem().display());
        std::fs::write(dir.rsh(), script).expect("a file can be made");
        let mode = std::fs::Permissions::from_mode(0o755);
        std::fs::set_permissions(dir.rsh(), mode).expect("it is ours");
        dir
    }

    fn rsh(&self) -> PathBuf {
        self.0.join("rsh")
    }
}

impl Drop for Dir {
    fn drop(&mut self) {
        // Best effort: the next run has a directory of its own.
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

/// Runs a program that finds the partition by itself, within a minute.
fn run(partition: &Cluster, words: &[&str]) -> Told {
    let mut command = bounded(words[0]);
    command.args(&words[1..]).stdin(Stdio::null());
    command.env("UEM_AT", format!("unix!{}", partition.socket("io").display()));
    let output: Output = command.output().expect("timeout starts");
    Told::of(&output)
}

fn told(code: i32, out: &str, err: &str) -> Told {
    Told { code, out: out.to_owned(), err: err.to_owned() }
}

/// The numbered lines of 64 nodes, in order.
fn lines(line: impl Fn(u32) -> String) -> Vec<String> {
    (1..=64).map(line).collect()
}

#[test]
fn mpiexec_of_mpich_starts_64_ranks_on_64_nodes() {
    let (partition, dir) = (Cluster::up(64), Dir::new("mpi"));
    let source = b"#include <mpi.h>\n#include <stdio.h>\n\
        int main(int argc, char **argv) {\n\
            int rank, size, sum;\n\
            MPI_Init(&argc, &argv);\n\
            MPI_Comm_rank(MPI_COMM_WORLD, &rank);\n\
            MPI_Comm_size(MPI_COMM_WORLD, &size);\n\
            MPI_Allreduce(&rank, &sum, 1, MPI_INT, MPI_SUM, MPI_COMM_WORLD);\n\
            printf(\"%02d of %d: %d\\n\", rank, size, sum);\n\
            return MPI_Finalize();\n\
        }\n";
    let program = dir.0.join("rank");
    let mut mpicc = Command::new("mpicc");
    mpicc.args(["-x", "c", "-", "-o"]).arg(&program);
    let mut compiler = mpicc.stdin(Stdio::piped()).spawn().expect("mpicc is there");
    compiler.stdin.take().expect("it is piped").write_all(source).expect("mpicc reads");
    assert!(compiler.wait().expect("mpicc ends").success());
    let hosts: Vec<String> = (1..=64).map(|n| format!("node{n:02}")).collect();
    let (rsh, hosts) = (dir.rsh(), hosts.join(","));
    let mut words = vec!["mpiexec.hydra", "-launcher", "ssh", "-launcher-exec", text(&rsh)];
    words.extend(["-hosts", &hosts, "-ppn", "1", "-n", "64", text(&program)]);
    let got = run(&partition, &words);
    let want: Vec<String> = lines(|n| format!("{:02} of 64: 2016", n - 1));
    assert_eq!((got.code, got.sorted(), got.err.as_str()), (0, refs(&want), ""));
}

#[test]
fn pdsh_reaches_every_node() {
    let partition = Cluster::up(64);
    let own = uem();
    let words = ["pdsh", "-R", "exec", "-w", "node[01-64]", text(own), "rsh", "%h", "echo $UEM_NODE"];
    let got = run(&partition, &words);
    let want = lines(|n| format!("node{n:02}: node{n:02}"));
    assert_eq!((got.code, got.sorted(), got.err.as_str()), (0, refs(&want), ""));
}

#[test]
fn clush_folds_what_all_nodes_say_and_names_those_that_fail() {
    let partition = Cluster::up(64);
    // Quiet: on a machine that is slow it counts on its standard error.
    let clush = |line: &str| {
        let line = format!("{} rsh %h '{line}'", uem().display());
        run(&partition, &["clush", "-w", "node[01-64]", "-q", "-b", "--worker=exec", &line])
    };
    let rule = "---------------";
    // Quiet: it tells its progress otherwise, when it takes long.
    let same = format!("{rule}\nnode[01-64]\n{rule}\n/\n");
    assert_eq!(clush("cd /; pwd"), told(0, &same, ""));
    let failed = clush("test $UEM_NODE != node07 || exit 3");
    assert_eq!((failed.out.as_str(), failed.err.as_str()), ("", "clush: node07: exited with exit code 3\n"));
}

#[test]
fn rsync_copies_a_tree_to_a_node_and_back() {
    let (partition, dir) = (Cluster::up(2), Dir::new("rsync"));
    let from = dir.0.join("from");
    std::fs::create_dir_all(from.join("a b/c")).expect("a directory can be made");
    let bytes: Vec<u8> = (0..3_000_000_u32).map(|n| (n.wrapping_mul(2_654_435_761) >> 24) as u8).collect();
    for (name, data) in [("big", &bytes[..]), ("a b/it's $x", b"\0\r\n\xff"), ("a b/c/empty", b"")] {
        std::fs::write(from.join(name), data).expect("a file can be made");
    }
    let (there, back) = (dir.0.join("there"), dir.0.join("back"));
    let rsh = format!("{} rsh", uem().display());
    let copy = |from: String, to: String| {
        let got = run(&partition, &["rsync", "-a", "-e", &rsh, &from, &to]);
        assert_eq!(got, told(0, "", ""));
    };
    copy(format!("{}/", from.display()), format!("node01:{}/", there.display()));
    let own = Command::new("id").arg("-un").output().expect("id starts");
    let own = String::from_utf8_lossy(&own.stdout).trim().to_owned();
    copy(format!("{own}@node02:{}/", there.display()), format!("{}/", back.display()));
    let differ = run(&partition, &["diff", "-r", text(&from), text(&back)]);
    assert_eq!(differ, told(0, "", ""));
}

#[test]
fn the_exit_code_is_the_commands_own_and_nothing_is_said_of_it() {
    let partition = Cluster::up(2);
    for code in [0, 3, 125, 127, 255] {
        let line = format!("echo out; echo err >&2; exit {code}");
        let got = partition.run(&["rsh", "-x", "-o", "BatchMode=yes", "-t", "node01", &line]);
        assert_eq!(got, told(code, "out\n", "err\n"));
    }
    assert_eq!(partition.run(&["rsh", "node02", "kill -TERM $$"]), told(143, "", ""));
}

#[test]
fn what_is_no_fault_of_the_command_is_255_and_said() {
    let partition = Cluster::up(2);
    for (words, err) in [
        (&["rsh"][..], "rsh: on which node? like uem rsh node01 hostname"),
        (&["rsh", "node[01-02]", "true"], "rsh: node[01-02]: not a node's name"),
        (&["rsh", "nosuch", "true"], "nosuch: no such node, or it is not up; see uem summary"),
        (&["rsh", "-Z", "node01", "true"], "rsh: no option -Z; see uem rsh --help"),
        (
            &["rsh", "--at", "unix!/nosuch", "node01", "true"],
            "unable to reach unix!/nosuch: \
            No such file or directory (os error 2)",
        ),
    ] {
        assert_eq!(partition.run(words), told(255, "", &format!("uem: {err}\n")));
    }
}

#[test]
fn a_user_before_the_node_or_behind_l_is_whom_it_runs_as() {
    let partition = Cluster::up(1);
    // SAFETY: getuid cannot fail and takes no pointer.
    let is_root = unsafe { libc::getuid() } == 0;
    let refused =
        "uem: node01: user: the stub of this node is not root's and cannot change users: node01 (1 member)\n";
    let want = if is_root { told(0, "nobody\n", "") } else { told(255, "", refused) };
    for words in [&["rsh", "nobody@node01", "id -un"][..], &["rsh", "-l", "nobody", "node01", "id", "-un"]] {
        assert_eq!(partition.run(words), want, "{words:?}");
    }
    if is_root {
        let nobody = told(255, "", "uem: node01: user: no such user on this node: node01 (1 member)\n");
        assert_eq!(partition.run(&["rsh", "nosuchuser@node01", "id"]), nobody);
    }
}

#[test]
fn a_lost_node_is_121() {
    let partition = Cluster::up(2);
    let mut command = partition.uem(&["rsh", "node02", "echo on; exec sleep 60"]);
    let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("uem starts");
    let mut first = [0; 3];
    std::io::Read::read_exact(child.stdout.as_mut().expect("it is piped"), &mut first).expect("it says on");
    partition.signal("node02", "KILL");
    let got = Told::of(&child.wait_with_output().expect("it ends"));
    assert_eq!(got, told(121, "", "uem: lost: node02 (1 member)\n"));
}

#[test]
fn words_are_one_line_for_the_nodes_shell_as_with_ssh() {
    let partition = Cluster::up(1);
    let mut command =
        partition.uem(&["rsh", "node01", "echo", "a  b", "'c  d'", "$HOME", "$UEM_MINE", "|", "cat"]);
    command.env("UEM_MINE", "ours").env("HOME", "/nowhere");
    let home = std::env::var("HOME").unwrap_or_default();
    let got = Told::of(&command.output().expect("uem starts"));
    assert_eq!(got, told(0, &format!("a b c  d {home}\n"), ""));
}

#[test]
fn stdin_goes_there_and_back_as_it_comes() {
    let partition = Cluster::up(1);
    let mut command = partition.uem(&["rsh", "node01", "cat"]);
    let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().expect("uem starts");
    let (mut stdin, mut stdout) = (child.stdin.take().expect("piped"), child.stdout.take().expect("piped"));
    // Each comes back before the next goes, and no byte is taken for text.
    for word in [&b"one"[..], b"\xff\0", b"\n"] {
        stdin.write_all(word).expect("it reads");
        let mut back = vec![0; word.len()];
        std::io::Read::read_exact(&mut stdout, &mut back).expect("it comes back");
        assert_eq!(back, word);
    }
    drop(stdin);
    assert!(child.wait().expect("it ends").success());
    let got = {
        let mut command = partition.uem(&["rsh", "-n", "node01", "cat; echo over"]);
        command.stdin(Stdio::piped());
        Told::of(&command.output().expect("uem starts"))
    };
    assert_eq!(got, told(0, "over\n", ""));
}

fn text(path: &Path) -> &str {
    path.to_str().expect("it is UTF-8")
}

fn refs(lines: &[String]) -> Vec<&str> {
    lines.iter().map(String::as_str).collect()
}
