//! Ionodes under ionodes: a child like any other, at any depth and in any shape.

use protocol::message::{Fid, Names, Tag, Tmsg};
use std::process::Stdio;
use std::time::{Duration, Instant};
use tests::{Answer, Link, Partition, Told, Tree};

/// A root with a leaf of its own, an ionode with none below it, one of 1 and one of 3, this one two levels
/// down.
fn ragged(test: &str) -> Tree {
    let mut tree = Tree::root(test);
    for (name, parent) in [("io1", "io"), ("io2", "io"), ("io3", "io2"), ("io4", "io")] {
        tree.ionode(name, parent);
    }
    for (name, parent) in [("n1", "io"), ("n2", "io1"), ("n3", "io3"), ("n4", "io3"), ("n5", "io3")] {
        tree.cnode(name, parent);
    }
    tree.wait_for("n[1-5] up\n");
    tree
}

fn sorted(told: &Told) -> Vec<&str> {
    told.sorted()
}

#[test]
fn five_hundred_and_twelve_nodes_behind_eight_ionodes_run_two_thousand_programs() {
    let partition = Partition::up_with(&["-n", "512", "--fanout", "64"]);
    assert_eq!(partition.run(&["cat", "summary"]).out, "node[001-512] up\n");
    let told = partition.run(&["run", "-n", "2048", "sh", "-c", "echo $UEM_MEMBER"]);
    let mut members: Vec<u32> = told.out.lines().map(|line| line.parse().expect("a number")).collect();
    members.sort_unstable();
    assert_eq!((told.code, members), (0, (0..2048).collect()), "{}", told.err);
    assert_eq!(partition.run(&["status"]).out.lines().filter(|line| line.contains(" up ")).count(), 512);
}

#[test]
fn a_tree_of_fan_out_two_is_seven_levels_of_the_same() {
    let partition = Partition::up_with(&["-n", "70", "--fanout", "2"]);
    assert!(partition.run(&["cat", "info"]).out.contains("\nheight=7\nleaves=70\n"));
    let told = partition.run(&["run", "-a", "--label", "echo", "here"]);
    let want: Vec<String> = (1..=70).map(|n| format!("node{n:02}: here")).collect();
    assert_eq!((told.code, told.sorted()), (0, want.iter().map(String::as_str).collect()));
    let path = "net/io1/net/io3/net/io7";
    assert!(partition.run(&["cat", &format!("{path}/info")]).out.contains("\nname=io7\n"));
    assert_eq!(partition.run(&["ls", &format!("{path}/net")]).sorted(), ["io13/", "io14/"]);
}

#[test]
fn members_are_spread_over_compute_nodes_however_they_hang() {
    let tree = ragged("spread");
    let told = tree.run(&["run", "-n", "13", "sh", "-c", "echo $UEM_NODE"]);
    let mut counts: Vec<usize> =
        (1..=5).map(|n| told.out.lines().filter(|line| *line == format!("n{n}")).count()).collect();
    counts.sort_unstable();
    assert_eq!((told.code, counts), (0, vec![2, 2, 3, 3, 3]));
    let told = tree.run(&["run", "-w", "n[2,4-5]", "-n", "6", "sh", "-c", "echo $UEM_NODE $UEM_SIZE"]);
    assert_eq!((told.code, sorted(&told)), (0, vec!["n2 6", "n2 6", "n4 6", "n4 6", "n5 6", "n5 6"]));
    let told = tree.run(&["run", "-w", "n[4-6]", "true"]);
    assert_eq!(told.err, "uem: -w: no such node: n6\n");
}

/// A root with n3 and, below two ionodes, n2 and n10, and n1 and n11: none has joined before one whose name
/// comes later.
fn scrambled(test: &str) -> Tree {
    let mut tree = Tree::root(test);
    for (name, parent) in [("io1", "io"), ("io5", "io"), ("io7", "io5")] {
        tree.ionode(name, parent);
    }
    for (name, parent, up) in [
        ("n3", "io", "n3"),
        ("n10", "io1", "n[3,10]"),
        ("n2", "io1", "n[2,10,3]"),
        ("n11", "io7", "n[2,10,3,11]"),
        ("n1", "io7", "n[1,11,2,10,3]"),
    ] {
        tree.cnode(name, parent);
        tree.wait_for(&format!("{up} up\n"));
    }
    tree
}

#[test]
fn members_are_numbered_by_name_and_depth_first_whoever_joined_first() {
    let mut tree = scrambled("numbers");
    let script = "echo $UEM_MEMBER $UEM_NODE";
    let numbers = |tree: &Tree, args: &[&str]| {
        let told = tree.run(&[&["run"], args, &["-c", script]].concat());
        assert_eq!(told.code, 0, "{args:?}: {}", told.err);
        told.sorted().join(",")
    };
    let all = "0 n1,1 n11,2 n2,3 n10,4 n3";
    for (args, want) in [
        (&["-n", "5"][..], all),
        (&["-a"], all),
        (&["-n", "7"], "0 n1,1 n1,2 n11,3 n11,4 n2,5 n10,6 n3"),
        (&["-w", "n[2,10-11]"], "0 n11,1 n2,2 n10"),
        (&["-w", "n[11,2],n10"], "0 n11,1 n2,2 n10"),
        (&["-w", "n3,n10,n[3,3]"], "0 n10,1 n3,2 n3,3 n3"),
        (&["-w", "n[1-2,10-11]", "--cyclic"], "0 n1,1 n2,2 n11,3 n10"),
    ] {
        assert_eq!(numbers(&tree, args), want, "{args:?}");
    }
    // A session keeps the numbers that it has; one that is told more members has them anew.
    assert_eq!(tree.run(&["mkdir", "job"]).code, 0);
    let status = |tree: &Tree| {
        let status = tree.run(&["status", "job"]).out;
        let words = |line: &str| line.split(' ').take(2).collect::<Vec<_>>().join(" ");
        status.lines().map(words).collect::<Vec<_>>().join(",")
    };
    assert_eq!(tree.run(&["write", "job/ctl", "res + n3"]).code, 0);
    assert_eq!(status(&tree), "0 n3");
    assert_eq!(tree.run(&["write", "job/ctl", "res + n[10,10,2]"]).code, 0);
    assert_eq!(tree.run(&["write", "job/ctl", "exec sleep 100"]).code, 0);
    assert_eq!(status(&tree), "0 n2,1 n10,2 n10,3 n3");
    tree.cnode("n0", "io");
    tree.wait_for("n[0-1,11,2,10,3] up\n");
    assert_eq!(status(&tree), "0 n2,1 n10,2 n10,3 n3");
    assert_eq!(numbers(&tree, &["-a"]), "0 n0,1 n1,2 n11,3 n2,4 n10,5 n3");
    // A node that comes back, or drains, changes the places of no others.
    assert_eq!(tree.run(&["drain", "n1"]).code, 0);
    assert_eq!(numbers(&tree, &["-a"]), "0 n0,1 n11,2 n2,3 n10,4 n3");
    assert_eq!(tree.run(&["rm", "job"]).code, 0);
}

#[test]
fn records_are_dealt_through_levels_in_the_order_of_the_members() {
    let tree = ragged("deal");
    let script = "while read line; do echo $UEM_MEMBER $line; done";
    let mut command = tree.uem(&["run", "-n", "10", "--enum", "sh", "-c", script]);
    let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().expect("uem starts");
    let input: String = (0..40).map(|n| format!("{n}\n")).collect();
    std::io::Write::write_all(&mut child.stdin.take().expect("piped"), input.as_bytes()).expect("it reads");
    let told = Told::of(&child.wait_with_output().expect("it ends"));
    let want: Vec<String> = (0..40).map(|n| format!("{} {n}", n % 10)).collect();
    let mut want: Vec<&str> = want.iter().map(String::as_str).collect();
    want.sort_unstable();
    assert_eq!((told.code, sorted(&told)), (0, want));
}

#[test]
fn what_fails_is_named_by_its_compute_node_at_every_level() {
    let tree = ragged("fails");
    let told = tree.run(&["run", "-a", "sh", "-c", "test $UEM_NODE != n4"]);
    assert_eq!((told.code, told.err.as_str()), (1, "uem: exit 1: n4 (1 member)\n"));
    let told = tree.run(&["run", "-a", "./nosuch"]);
    let want = "uem: ./nosuch: No such file or directory: n[1-5] (5 members)\n";
    assert_eq!((told.code, told.err.as_str()), (127, want));
}

#[test]
fn a_program_that_some_nodes_have_is_refused_by_their_names_and_runs_on_the_others() {
    let tree = ragged("some");
    for node in ["n1", "n2", "n4"] {
        let dir = tree.dir().join("bin").join(node);
        std::fs::create_dir_all(&dir).expect("a directory can be made");
        std::fs::copy("/bin/echo", dir.join("echo")).expect("echo is there");
    }
    assert_eq!(tree.run(&["mkdir", "job"]).code, 0);
    assert_eq!(tree.run(&["write", "job/ctl", "res 5"]).code, 0);
    let exec = format!("exec {}/bin/$node/echo here", tree.dir().display());
    let told = tree.run(&["write", "job/ctl", &exec]);
    let want = "uem: job/ctl: exec: n[3,5]: No such file or directory\n";
    assert_eq!((told.code, told.err.as_str()), (125, want));
    let error = tree.run(&["cat", "job/error"]).out;
    assert_eq!(error.split_once(' ').expect("a time").1, &want["uem: job/ctl: ".len()..]);
    let told = tree.run(&["attach", "job"]);
    let err = "uem: job: No such file or directory: n[3,5] (2 members)\n";
    assert_eq!((told.code, told.out.as_str(), told.err.as_str()), (127, "here\nhere\nhere\n", err));
}

#[test]
fn a_stopped_leaf_two_levels_down_is_named_within_five_seconds() {
    let tree = ragged("stopped");
    tree.signal("n4", "STOP");
    let begun = Instant::now();
    let told = tree.run(&["run", "-a", "echo", "here"]);
    assert!(begun.elapsed() < Duration::from_secs(5), "{:?}", begun.elapsed());
    assert_eq!((told.code, told.err.as_str()), (121, "uem: lost: n4 (1 member)\n"));
    assert_eq!(told.out, "here\n".repeat(4));
    tree.signal("n4", "CONT");
    tree.wait_for("n[1-5] up\n");
    assert_eq!(tree.run(&["run", "-a", "echo", "here"]).out, "here\n".repeat(5));
}

#[test]
fn a_killed_ionode_loses_what_is_below_it_and_nothing_else_and_comes_back_with_it() {
    let mut tree = ragged("killed");
    let mut command = tree.uem(&["run", "-a", "sh", "-c", "echo begun; sleep 2; echo ended"]);
    let child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("uem starts");
    std::thread::sleep(Duration::from_millis(800));
    tree.signal("io2", "KILL");
    let told = Told::of(&child.wait_with_output().expect("it ends"));
    assert_eq!((told.code, told.err.as_str()), (121, "uem: lost: io2 (3 members)\n"));
    assert_eq!(told.out.matches("ended").count(), 2);
    assert_eq!(tree.run(&["cat", "summary"]).out, "n[1-2] up\nn[3-5] lost\n");
    let status = tree.run(&["status"]).out;
    assert_eq!(status.lines().filter(|line| line.contains(" lost since=")).count(), 3, "{status}");
    tree.ionode("io2", "io");
    tree.wait_for("n[1-5] up\n");
    let told = tree.run(&["run", "-a", "echo", "here"]);
    assert_eq!((told.code, told.out), (0, "here\n".repeat(5)));
}

#[test]
fn a_node_that_joins_while_a_session_runs_takes_part_in_the_next() {
    let mut tree = ragged("joins");
    let child = tree.uem(&["run", "-a", "sleep", "1"]).stdout(Stdio::piped()).spawn().expect("uem starts");
    tree.cnode("n6", "io4");
    tree.wait_for("n[1-6] up\n");
    assert!(child.wait_with_output().expect("it ends").status.success());
    assert_eq!(tree.run(&["run", "-a", "echo", "here"]).out, "here\n".repeat(6));
}

#[test]
fn an_event_of_a_node_below_is_told_at_the_root() {
    let tree = ragged("events");
    let mut command = tree.uem(&["cat", "events"]);
    let mut child = command.stdout(Stdio::piped()).spawn().expect("uem starts");
    std::thread::sleep(Duration::from_millis(300));
    tree.signal("n5", "KILL");
    let mut lines = std::io::BufRead::lines(std::io::BufReader::new(child.stdout.take().expect("piped")));
    let told = lines.find_map(|line| line.ok().filter(|line| line.ends_with(" node n5 lost")));
    assert!(told.is_some());
    child.kill().expect("it runs");
    child.wait().expect("it is our child");
}

#[test]
fn input_and_output_pass_through_levels_byte_for_byte() {
    let tree = ragged("bytes");
    let input: Vec<u8> = (0..4_u32 << 20).map(|n| (n.wrapping_mul(2_654_435_761) >> 24) as u8).collect();
    let mut command = tree.uem(&["run", "-w", "n5", "cat"]);
    let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().expect("uem starts");
    let mut stdin = child.stdin.take().expect("piped");
    let copy = input.clone();
    let writer = std::thread::spawn(move || std::io::Write::write_all(&mut stdin, &copy));
    let output = child.wait_with_output().expect("it ends");
    writer.join().expect("the writer ends").expect("all is taken");
    assert!(output.status.success() && output.stdout == input);
}

#[test]
fn a_members_files_are_its_owners_also_through_ionodes() {
    let partition = Partition::up_with(&["-n", "4", "--fanout", "2"]);
    let session = partition.run_there(&["run", "-d", "-n", "4", "sleep", "60"]).out.trim().to_owned();
    let mut link = Link::dial(&partition.socket());
    let attach = Tmsg::Attach { fid: Fid(5), afid: Fid::NONE, uname: "somebody", aname: "" };
    assert_eq!(link.call(Tag(1), &attach), Answer::Done);
    for (name, mode) in [("ctl", 1), ("stdin", 1), ("stdout", 0), ("error", 0), ("status", 0)] {
        let names = [session.as_str(), "3", name];
        link.queue_open(5, 6, &names, mode);
        link.send();
        let opened = match name {
            "status" => Answer::Done,
            _ => Answer::Refused("Permission denied".to_owned()),
        };
        assert_eq!(link.answer(Tag(1001)), opened, "{names:?}");
        link.clunk(6);
        link.open(0, 6, &names, mode);
        link.clunk(6);
    }
}

#[test]
fn a_clunk_that_is_answered_before_its_walk_costs_nothing() {
    let mut tree = Tree::root("clunk-first");
    tree.ionode("io1", "io");
    tree.cnode("n1", "io1");
    tree.wait_for("n1 up\n");
    let mut down = Link::dial(&tree.socket("io"));
    let mut up = Link::dial(&tree.socket("io1"));
    let round: [&[&str]; 2] = [&["net", "io1", "net", "n1"], &["net", "parent", "net", "io1", "net", "n1"]];
    for (link, path) in [(&mut down, round[0]), (&mut up, round[1])] {
        for turn in 0..300 {
            for (tag, file) in [(1, "none"), (3, "status")] {
                let names = Names::new(&[path, &[file]].concat()).expect("few names");
                let fid = Fid(1 + u32::from(tag));
                link.queue(Tag(tag), &Tmsg::Walk { fid: Fid(0), newfid: fid, names });
                link.queue(Tag(tag + 1), &Tmsg::Clunk { fid });
            }
            link.send();
            // A walk to what is not there ends before its last name, or is refused.
            drop(link.answer(Tag(1)));
            for tag in 2..5 {
                assert_eq!(link.answer(Tag(tag)), Answer::Done, "{turn}: {tag}");
            }
        }
        assert!(link.read(0, &[path, &["info"]].concat()).starts_with(b"ns=1\nname=n1\n"));
    }
}
