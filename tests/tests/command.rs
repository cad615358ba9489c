//! The `uem` command as its users meet it: what it carries, how it ends, what it does when something is wrong
//! on its own side.

use protocol::message::{Fid, Tag, Tmsg};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use tests::wait::{Wait, bounded};
use tests::{Answer, Cluster, Link, Running, Told, uem};

fn own_dir(name: &str) -> PathBuf {
    let dir = std::env::temp_dir().join(format!("uem-test-{}-{name}", std::process::id()));
    std::fs::create_dir_all(&dir).expect("a directory can be made");
    dir
}

fn is_quiet(partition: &Cluster, nodes: usize) {
    partition.wait_until("status", |text| text.matches(" sessions=0 members=0 ").count() == nodes);
    assert_eq!(partition.run(&["ps"]).out, "");
}

/// The command behind a shell that sets something first.
fn behind_shell(partition: &Cluster, before: &str, args: &[&str]) -> Told {
    let plain = partition.uem(args);
    let mut command = Command::new("sh");
    command.args(["-c", &format!("{before}; exec \"$@\""), "sh"]);
    command.arg(plain.get_program()).args(plain.get_args()).stdin(Stdio::null());
    for (name, value) in plain.get_envs() {
        match value {
            Some(value) => command.env(name, value),
            None => command.env_remove(name),
        };
    }
    Told::of(&command.output().expect("sh starts"))
}

#[test]
fn members_find_the_directory_environment_umask_and_soft_limits_of_their_command() {
    let partition = Cluster::up(2);
    let dir = own_dir("carried");
    let before = format!("cd {}; export CARRIED='it''s\nhere'; umask 027; ulimit -Sn 77", dir.display());
    let script = "pwd; printf '%s\\n' \"$CARRIED\"; umask; ulimit -Sn";
    let told = behind_shell(&partition, &before, &["run", "-n", "1", "sh", "-c", script]);
    let want = format!("{}\nits\nhere\n0027\n77\n", dir.display());
    assert_eq!((told.code, told.out), (0, want), "{}", told.err);
    let clean = behind_shell(&partition, &before, &["run", "--clean", "-n", "1", "sh", "-c", script]);
    let lines: Vec<&str> = clean.out.lines().collect();
    assert_eq!((clean.code, lines[0], lines[1]), (0, dir.to_str().expect("a name"), ""));
    assert_ne!((lines[2], lines[3]), ("0027", "77"));
    std::fs::remove_dir_all(&dir).expect("the directory is ours");
}

#[test]
fn options_say_what_members_find() {
    let partition = Cluster::up(4);
    let dir = own_dir("options");
    let sets = dir.join("sets");
    std::fs::write(&sets, "# three of them\nnode[01-02]\nnode04 # and this\n").expect("a file can be made");
    let sets = format!("^{}", sets.display());
    let cases: &[(&[&str], &str)] = &[
        (&["-w", "node[02-03]", "sh", "-c", "echo $UEM_NODE"], "node02\nnode03\n"),
        (&["-w", "node[04,01-02]", "-c", "echo $UEM_MEMBER $UEM_NODE"], "0 node01\n1 node02\n2 node04\n"),
        (&["-w", "node03,node[02-03]", "-c", "echo $UEM_MEMBER $UEM_NODE"], "0 node02\n1 node03\n2 node03\n"),
        (&["-w", &sets, "sh", "-c", "echo $UEM_NODE"], "node01\nnode02\nnode04\n"),
        (&["-a", "-x", "node[01-03]", "sh", "-c", "echo $UEM_NODE"], "node04\n"),
        (&["-n", "2", "-c", "echo $UEM_MEMBER of $UEM_SIZE | tr a-z A-Z"], "0 OF 2\n1 OF 2\n"),
        (&["--env", "A=b c", "--env", "D=", "sh", "-c", "echo \"$A,$D,${E-none}\""], "b c,,none\n"),
        (&["--dir", "/", "pwd"], "/\n"),
        (&["-w", "node03", "-n", "3", "--label", "echo", "x"], "node03: x\nnode03: x\nnode03: x\n"),
        (&["echo", "-n", "--label", "$HOME", "it's"], "--label $HOME it's"),
    ];
    for (args, want) in cases {
        let told = partition.run(&[&["run"], *args].concat());
        let lines = told.sorted().join("\n");
        assert_eq!((told.code, lines.as_str()), (0, want.trim_end()), "{args:?}: {}", told.err);
    }
    // Block-wise, neighbours share a node; cyclic, they do not.
    for (layout, nodes) in [(&[][..], [1, 1, 2, 2, 3, 4]), (&["--cyclic"], [1, 2, 3, 4, 1, 2])] {
        let script = ["sh", "-c", "echo $UEM_MEMBER $UEM_NODE"];
        let told = partition.run(&[&["run", "-n", "6"], layout, &script].concat());
        let want: Vec<String> = (0..).zip(nodes).map(|(m, node)| format!("{m} node{node:02}")).collect();
        assert_eq!(told.sorted(), want, "{layout:?}: {}", told.err);
    }
    std::fs::remove_dir_all(&dir).expect("the directory is ours");
}

#[test]
fn the_first_failure_ends_all_where_that_is_wanted() {
    let partition = Cluster::up(4);
    let script = "test $UEM_MEMBER = 2 && exit 3; sleep 1000";
    let told = partition.run(&["run", "-K", "-n", "4", "sh", "-c", script]);
    assert_eq!(told.code, 137, "{}", told.err);
    assert!(told.err.contains("exit 3: ") && told.err.contains("signal 9: "), "{}", told.err);
    is_quiet(&partition, 4);
}

#[test]
fn a_time_limit_ends_the_members_and_says_so() {
    let partition = Cluster::up(2);
    let told = partition.run(&["run", "-a", "--timeout", "0.5", "sleep", "1000"]);
    let want = "uem: time is over; ending the members\nuem: signal 15: node[01-02] (2 members)\n";
    assert_eq!((told.code, told.err.as_str()), (124, want));
    // One that does not want to end is killed.
    let told =
        partition.run(&["run", "--timeout", "0.5", "sh", "-c", "trap '' TERM; sleep 1000 & wait; wait"]);
    assert_eq!(told.code, 124);
    assert!(told.err.contains("signal 9: "), "{}", told.err);
    is_quiet(&partition, 2);
}

#[test]
fn a_reader_that_has_enough_ends_the_members_without_a_word() {
    let partition = Cluster::up(2);
    let mut job = partition.uem(&["run", "-a", "yes"]);
    let mut child = job.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("uem starts");
    let mut some = [0; 100];
    std::io::Read::read_exact(child.stdout.as_mut().expect("piped"), &mut some).expect("it writes");
    drop(child.stdout.take());
    let told = Told::of(&child.wait_with_output().expect("it ends"));
    assert_eq!((told.code, told.err.as_str()), (141, ""));
    is_quiet(&partition, 2);
}

#[test]
fn an_output_that_is_full_is_said_and_ends_the_members() {
    let partition = Cluster::up(2);
    let full = std::fs::File::options().write(true).open("/dev/full").expect("it is there");
    let mut job = partition.uem(&["run", "-a", "yes"]);
    let told = Told::of(&job.stdout(full).stderr(Stdio::piped()).output().expect("uem starts"));
    assert_eq!(told.code, 125);
    assert!(told.err.starts_with("uem: stdout: No space left on device"), "{}", told.err);
    is_quiet(&partition, 2);
}

#[test]
fn a_reader_that_rests_stops_nobody_else_and_misses_nothing() {
    let partition = Cluster::up(2);
    let mut slow = partition.uem(&["run", "-a", "sh", "-c", "head -c 4000000 /dev/zero; echo; echo end >&2"]);
    let mut child = slow.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("uem starts");
    partition.wait_until("0/status", |text| text.contains("blocked=stdout"));
    let told = partition.run(&["run", "-a", "echo", "here"]);
    assert_eq!((told.code, told.out.as_str()), (0, "here\nhere\n"));
    let output = child.stdout.take().expect("piped");
    let bytes = std::io::Read::bytes(std::io::BufReader::new(output)).count();
    let told = Told::of(&child.wait_with_output().expect("it ends"));
    assert_eq!((told.code, bytes, told.err.as_str()), (0, 8_000_002, "end\nend\n"));
}

#[test]
fn a_signal_ends_the_members_and_a_second_one_gives_up_at_once() {
    let partition = Cluster::up(3);
    let stays = ["run", "-a", "sh", "-c", "echo begun; exec sleep 1000"];
    let mut job = Running::start(partition.uem(&stays));
    job.lines(3);
    job.signal("TERM");
    let told = job.end();
    assert_eq!(told.code, 143, "{}", told.err);
    assert!(told.err.contains("signal 15: node[01-03] (3 members)"), "{}", told.err);
    is_quiet(&partition, 3);

    let mut job = Running::start(partition.uem(&stays));
    job.lines(3);
    partition.signal("node02", "STOP");
    job.signal("INT");
    job.says("^C again gives up at once");
    // An echo of the first is taken for that one; once the node is suspect, that is long ago.
    partition.wait_until("status", |text| text.contains("node02 suspect"));
    job.signal("INT");
    let told = job.end();
    assert_eq!(told.code, 130);
    assert!(told.err.ends_with("uem: given up; members may still be ending\n"), "{}", told.err);
    partition.signal("node02", "CONT");
    is_quiet(&partition, 3);
}

#[test]
fn node_sets_name_nodes_that_are_there() {
    let partition = Cluster::up(3);
    partition.signal("node03", "KILL");
    partition.wait_until("summary", |summary| summary.contains("node03 lost\n"));
    let here = ["run", "-a", "echo", "here"];
    for (option, nodes, err) in [
        ("-w", "nod01", "-w: no such node: nod01"),
        ("-w", "node[01,03]", "-w: not up: node03"),
        ("-x", "nod01,node[02,07]", "-x: no such node: nod01,node07"),
    ] {
        let told = partition.run(&["run", option, nodes, "echo", "here"]);
        assert_eq!((told.code, told.out, told.err), (125, String::new(), format!("uem: {err}\n")));
    }
    // One that is gone is known, and left out all the same.
    let told = partition.run(&[&here[..1], &["-x", "node[02-03]"], &here[1..]].concat());
    assert_eq!((told.code, told.out.as_str(), told.err.as_str()), (0, "here\n", ""));
}

#[test]
fn what_is_not_there_is_told_before_anything_begins() {
    let partition = Cluster::up(1);
    let told = partition.run(&["gdb", "nosuch/3"]);
    let err = "uem: nosuch/3/status: No such file or directory\n";
    assert_eq!((told.code, told.out.as_str(), told.err.as_str()), (125, "", err));
    let told = partition.run(&["cat", "net"]);
    let err = "uem: net is a directory: try uem ls\n";
    assert_eq!((told.code, told.out.as_str(), told.err.as_str()), (125, "", err));
}

/// The process below `timeout`.
fn child_of(pid: u32) -> u32 {
    let path = format!("/proc/{pid}/task/{pid}/children");
    let children = std::fs::read_to_string(path).expect("it runs");
    children.trim().split(' ').next().and_then(|pid| pid.parse().ok()).expect("it has a child")
}

fn kill(pid: u32) {
    let killed = Command::new("kill").args(["-9", &pid.to_string()]).status().expect("kill starts");
    assert!(killed.success());
}

/// The processes whose command line names something in a directory: daemons by their sockets. One that has
/// ended and is not reaped has no command line.
fn processes_of(dir: &Path) -> Vec<String> {
    let dir = dir.to_str().expect("a name of ours");
    let all = std::fs::read_dir("/proc").expect("it is mounted");
    let cmdline = all.flatten().filter_map(|entry| std::fs::read(entry.path().join("cmdline")).ok());
    let words = cmdline.map(|bytes| String::from_utf8_lossy(&bytes).replace('\0', " "));
    words.filter(|words| words.contains(dir)).collect()
}

#[test]
fn a_killed_command_leaves_no_member_and_no_session() {
    let partition = Cluster::up(2);
    let mut job = Running::start(partition.uem(&["run", "-a", "sh", "-c", "echo begun; exec sleep 1000"]));
    job.lines(2);
    kill(child_of(job.pid()));
    job.end();
    is_quiet(&partition, 2);
}

#[test]
fn a_killed_command_that_had_nodes_of_its_own_leaves_no_process_and_is_not_in_the_way() {
    let dir = own_dir("killed");
    let start = || {
        let mut command = bounded(uem());
        let script = "echo begun; exec sleep 1000";
        command.args(["run", "--local", "-n", "2", "sh", "-c", script]);
        command.env("XDG_RUNTIME_DIR", &dir).env("TMPDIR", &dir).env_remove("UEM_AT");
        command
    };
    let mut job = Running::start(start());
    job.lines(2);
    assert_eq!(processes_of(&dir).len(), 3, "an ionode and two nodes");
    kill(child_of(job.pid()));
    job.end();
    let wait = Wait::new();
    while !processes_of(&dir).is_empty() {
        wait.again(format_args!("its nodes end with it: {:?}", processes_of(&dir)));
    }
    let mut job = Running::start(start());
    job.lines(2);
    job.signal("INT");
    assert_eq!(job.end().code, 130);
    std::fs::remove_dir_all(&dir).expect("the directory is ours");
}

#[test]
fn a_site_with_partitions_of_its_own_is_asked_which_before_nodes_are_started_here() {
    // /etc/uem is the machine's: seen by this command alone, in a name space of mounts of its own.
    let dir = own_dir("site");
    let script = "mount -t tmpfs site /etc && mkdir /etc/uem && exec \"$@\"";
    // SAFETY: getuid cannot fail and takes no pointer.
    let flags = if unsafe { libc::getuid() } == 0 { "-m" } else { "-rm" };
    let run = |words: &[&str]| {
        let mut command = Command::new("unshare");
        command.args([flags, "sh", "-c", script, "sh"]).arg(uem()).args(words).stdin(Stdio::null());
        command.env("XDG_RUNTIME_DIR", &dir).env_remove("UEM_AT");
        Told::of(&command.output().expect("unshare starts"))
    };
    let told = run(&["run", "echo", "here"]);
    assert_eq!((told.code, told.out.as_str()), (125, ""));
    assert!(told.err.starts_with("uem: no partition found, and /etc/uem says"), "{}", told.err);
    let told = run(&["run", "--local", "echo", "here"]);
    assert_eq!((told.code, told.out.as_str()), (0, "here\n"), "{}", told.err);
    std::fs::remove_dir_all(&dir).expect("the directory is ours");
}

/// A compute node that is called `alone` and has no parent.
fn lone() -> Cluster {
    let mut lone = Cluster::empty();
    let at = lone.at("io");
    lone.start("io", &["cnode", "--name", "alone", "--listen", &at]);
    lone
}

/// A command that finds nothing by itself.
fn elsewhere(args: &[&str]) -> std::process::Output {
    let mut command = bounded(uem());
    command.args(args).stdin(Stdio::null());
    command.env("XDG_RUNTIME_DIR", "/nonexistent").env_remove("UEM_AT").output().expect("uem starts")
}

#[test]
fn output_is_read_in_whatever_pieces_it_is_asked_for() {
    let lone = lone();
    let mut link = Link::dial(&lone.socket("io"));
    link.open(0, 1, &["clone"], 2);
    for (prefix, count, want) in [
        ("off", 1, Ok("here\nhere\n")),
        ("member", 8, Ok("0: here\n1: here\n")),
        ("member", 7, Err("Invalid argument")),
        ("on", 65_000, Ok("alone: here\nalone: here\n")),
        ("on", 15, Err("Invalid argument")),
    ] {
        let lines = format!("res 2\nprefix {prefix}\nexec printf here\nclose stdin\n");
        assert_eq!(link.write(1, lines.as_bytes()), Answer::Done);
        link.read(1, &["..", "wait"]);
        link.open(1, 2, &["..", "stdout"], 0);
        let mut all = Vec::new();
        let told = loop {
            match link.call(Tag(1), &Tmsg::Read { fid: Fid(2), offset: 0, count }) {
                Answer::Data(more) if more.is_empty() => break Ok(String::from_utf8(all).expect("text")),
                Answer::Data(more) => all.extend(more),
                Answer::Refused(ename) => break Err(ename),
                Answer::Done => panic!("a read is answered by data"),
            }
        };
        link.clunk(2);
        // Members of one node end in any order.
        let sorted = told.map(|text| {
            let mut lines: Vec<&str> = text.split_inclusive('\n').collect();
            lines.sort_unstable();
            lines.concat()
        });
        assert_eq!(sorted, want.map(str::to_owned).map_err(str::to_owned), "{prefix} {count}");
        link.clunk(1);
        link.open(0, 1, &["clone"], 2);
    }
}

#[test]
fn a_lone_compute_node_serves_the_same_tree() {
    let lone = lone();
    let mode = std::fs::metadata(lone.socket("io")).expect("it is there").permissions().mode();
    assert_eq!(mode & 0o777, 0o600, "its socket is its owner's alone");
    let told = lone.run(&[
        "run",
        "-n",
        "3",
        "sh",
        "-c",
        "echo $UEM_MEMBER $UEM_NODE $UEM_ROOT; exit $((UEM_MEMBER % 3))",
    ]);
    assert_eq!((told.code, told.sorted()), (2, vec!["0 alone /", "1 alone /", "2 alone /"]));
    assert_eq!(told.err, "uem: exit 1: alone (1 member)\nuem: exit 2: alone (1 member)\n");
    assert_eq!(
        lone.run(&["run", "./nosuch"]).err,
        "uem: ./nosuch: No such file or directory: alone (1 member)\n"
    );
    assert_eq!(lone.run(&["cat", "summary"]).out, "alone up\n");
    assert!(lone.run(&["ls"]).out.contains("clone\n"));
    assert_eq!(
        lone.run(&["run", "-w", "alone", "-b", "echo", "x"]).out,
        "---------------\nalone (1)\n---------------\nx\n"
    );
    assert_eq!(lone.run(&["mkdir", "job"]).code, 0);
    for line in ["res 2", "exec sleep 1000"] {
        assert_eq!(lone.run(&["write", "job/ctl", line]).code, 0);
    }
    assert_eq!(lone.run(&["status", "job"]).out.lines().count(), 2);
    assert_eq!(lone.run(&["kill", "job"]).code, 0);
    assert_eq!(lone.run(&["wait", "job"]).code, 137);
    assert_eq!(lone.run(&["rm", "job"]).code, 0);
    // Any of them finds it by its address, too.
    let at = lone.at("io");
    let code = Told::of(&elsewhere(&["run", "--at", &at, "-n", "3", "sh", "-c", "exit $((UEM_MEMBER % 3))"]));
    assert_eq!((code.code, code.out, code.err), (2, String::new(), told.err));
    assert_eq!(Told::of(&elsewhere(&["ls", "--at", &at])).out, lone.run(&["ls"]).out);
    assert_eq!(Told::of(&elsewhere(&["cat", "--at", &at, "summary"])).out, "alone up\n");
    let status = Told::of(&elsewhere(&["status", "--at", &at])).out;
    assert!(status.starts_with("alone up uptime="), "{status}");
    let told = Told::of(&elsewhere(&["kill", "--at", &at, "7"]));
    assert_eq!((told.code, told.err.as_str()), (125, "uem: 7/ctl: No such file or directory\n"));
    let told = lone.run(&["write", "ctl", "join x 1"]);
    assert_eq!(told.err, "uem: ctl: join: a compute node has no children; join an ionode\n");
}
