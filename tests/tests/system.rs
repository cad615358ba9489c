//! The whole path with real processes: `uem`, an ionode, many cnodes, real programs.

use protocol::message::{Fid, Tag, Tmsg};
use protocol::personality::Mode;
use sim::machine::{Partition as Machine, boot};
use std::io::Write;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};
use tests::{Answer, Link, Partition, Site, Told, uem};

const GONE: Duration = Duration::from_secs(5);

fn fed(partition: &Partition, args: &[&str], input: &[u8]) -> Told {
    let mut command = partition.uem(args);
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().expect("uem starts");
    let mut stdin = child.stdin.take().expect("it is piped");
    let input = input.to_vec();
    let writer = std::thread::spawn(move || stdin.write_all(&input));
    let told = Told::of(&child.wait_with_output().expect("it ends"));
    writer.join().expect("the writer ends").expect("all is taken");
    told
}

#[test]
fn without_a_partition_64_nodes_are_started_for_one_command() {
    let dir = std::env::temp_dir().join(format!("uem-test-none-{}", std::process::id()));
    std::fs::create_dir_all(&dir).expect("a directory can be made");
    let mut command = Command::new("timeout");
    command.args(["--foreground", "60"]).arg(uem()).args([
        "run",
        "--local",
        "-n",
        "64",
        "sh",
        "-c",
        "echo $UEM_NODE",
    ]);
    command.env("XDG_RUNTIME_DIR", &dir).env_remove("UEM_AT").stdin(Stdio::null());
    let told = Told::of(&command.output().expect("uem starts"));
    assert_eq!(told.err, "uem: no partition found: started 64 nodes here for this command\n");
    let want: Vec<String> = (1..=64).map(|n| format!("node{n:02}")).collect();
    assert_eq!((told.code, told.sorted()), (0, want.iter().map(String::as_str).collect()));
}

#[test]
fn exit_codes_are_folded_by_node_set_and_the_highest_wins() {
    let partition = Partition::up(64);
    let told = partition.run(&["run", "-n", "64", "sh", "-c", "exit $((UEM_MEMBER % 3))"]);
    assert_eq!((told.code, told.out.as_str()), (2, ""));
    let lines: Vec<&str> = told.err.lines().collect();
    assert_eq!(lines.len(), 2);
    assert!(lines[0].starts_with("uem: exit 1: ") && lines[0].ends_with(" (21 members)"), "{lines:?}");
    assert!(lines[1].starts_with("uem: exit 2: ") && lines[1].ends_with(" (21 members)"), "{lines:?}");
}

#[test]
fn members_are_a_permutation_when_they_do_not_divide_evenly() {
    let partition = Partition::up(64);
    for count in [130_usize, 1000] {
        for layout in [&["--enum"][..], &["--cyclic"]] {
            let text = count.to_string();
            let mut args = vec!["run", "-n", &text];
            args.extend_from_slice(layout);
            args.extend_from_slice(&["sh", "-c", "echo $UEM_MEMBER"]);
            let told = partition.run(&args);
            let mut members: Vec<usize> = told.out.lines().map(|l| l.parse().expect("a number")).collect();
            members.sort_unstable();
            assert_eq!(members, (0..count).collect::<Vec<_>>(), "{layout:?}: {}", told.err);
        }
    }
}

#[test]
fn a_missing_program_is_said_once_for_all() {
    let partition = Partition::up(64);
    let told = partition.run(&["run", "-n", "64", "./nosuch"]);
    let want = "uem: ./nosuch: No such file or directory: node[01-64] (64 members)\n";
    assert_eq!(told, Told { code: 127, out: String::new(), err: want.to_owned() });
}

#[test]
fn a_killed_node_loses_only_its_members_and_the_others_finish() {
    let partition = Partition::up(64);
    let child = partition
        .uem(&["run", "-a", "sh", "-c", "echo begun; sleep 2; echo ended"])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("uem starts");
    std::thread::sleep(Duration::from_millis(800));
    partition.signal("node17", "KILL");
    let told = Told::of(&child.wait_with_output().expect("it ends"));
    assert_eq!((told.code, told.err.as_str()), (121, "uem: lost: node17 (1 member)\n"));
    assert_eq!(told.out.lines().filter(|line| *line == "ended").count(), 63);
    assert!(partition.run(&["cat", "summary"]).out.contains("node17 lost"));
}

#[test]
fn output_that_a_node_took_along_is_refused_and_is_no_end() {
    let partition = Partition::up(2);
    let mut link = Link::dial(&partition.socket());
    link.open(0, 1, &["clone"], 2);
    assert_eq!(link.write(1, b"res + node02\nexec echo hello\n"), Answer::Done);
    link.open(1, 2, &["..", "wait"], 0);
    let read = |fid| Tmsg::Read { fid: Fid(fid), offset: 0, count: 4096 };
    let Answer::Data(outcome) = link.call(Tag(5), &read(2)) else { panic!("an outcome is told") };
    assert!(outcome.ends_with(b" ''\n"), "it has ended well");
    // Nobody has read what it wrote: that was in a pipe on its node.
    partition.signal("node02", "KILL");
    let end = Instant::now() + GONE;
    while !partition.run(&["cat", "summary"]).out.contains("node02 lost") {
        assert!(Instant::now() < end, "it is lost");
    }
    link.open(1, 3, &["..", "stdout"], 0);
    assert_eq!(link.call(Tag(5), &read(3)), Answer::Refused("Host is down".to_owned()));
}

#[test]
fn a_stopped_node_is_named_within_five_seconds_and_takes_part_again_when_it_goes_on() {
    let partition = Partition::up(8);
    partition.signal("node05", "STOP");
    let begun = Instant::now();
    let told = partition.run(&["run", "-a", "hostname"]);
    assert!(begun.elapsed() < GONE, "{:?}", begun.elapsed());
    assert_eq!((told.code, told.err.as_str()), (121, "uem: lost: node05 (1 member)\n"));
    assert_eq!(told.out.lines().count(), 7);
    partition.signal("node05", "CONT");
    let end = Instant::now() + GONE;
    while !partition.run(&["cat", "summary"]).out.starts_with("node[01-08] up") {
        assert!(Instant::now() < end, "it joins again");
        std::thread::sleep(Duration::from_millis(50));
    }
    let told = partition.run(&["run", "-a", "echo", "here"]);
    assert_eq!((told.code, told.out.lines().count()), (0, 8));
}

#[test]
fn records_dealt_over_64_members_are_counted_once_each() {
    let partition = Partition::up(64);
    let text = std::fs::read_to_string(tests::root().join("LICENSE-APACHE")).expect("a text is there");
    let told = fed(&partition, &["run", "-n", "64", "--enum", "wc", "-w"], text.as_bytes());
    let words: usize = told.out.lines().map(|line| line.trim().parse::<usize>().expect("a count")).sum();
    assert_eq!((told.code, words), (0, text.split_whitespace().count()));
}

#[test]
fn sixteen_mebibytes_through_cat_come_back_as_they_were() {
    let partition = Partition::up(1);
    let mut state = 1_u64;
    let mut byte = || {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 56) as u8
    };
    let input: Vec<u8> = (0..16 << 20).map(|_| byte()).collect();
    let mut command = partition.uem(&["run", "-n", "1", "cat"]);
    command.stdin(Stdio::piped()).stdout(Stdio::piped());
    let mut child = command.spawn().expect("uem starts");
    let mut stdin = child.stdin.take().expect("it is piped");
    let copy = input.clone();
    let writer = std::thread::spawn(move || stdin.write_all(&copy));
    let output = child.wait_with_output().expect("it ends");
    writer.join().expect("the writer ends").expect("all is taken");
    assert!(output.status.success());
    assert!(output.stdout == input, "every byte is what it was");
}

#[test]
fn lines_of_many_members_are_never_mixed_even_when_longer_than_a_message() {
    let partition = Partition::up(16);
    // Each line is one letter, of a length around and above a message.
    let script = "c=$(printf \\\\$(printf %o $((65 + UEM_MEMBER)))); for n in 1 100 9000 40000 3; do \
                  head -c $n /dev/zero | tr '\\0' $c; echo; done";
    let told = partition.run(&["run", "-n", "16", "sh", "-c", script]);
    assert_eq!(told.code, 0, "{}", told.err);
    let mut lengths: Vec<usize> = Vec::new();
    for line in told.out.lines() {
        let first = line.chars().next().expect("no line is empty");
        assert!(line.chars().all(|c| c == first), "a line has one writer");
        lengths.push(line.len());
    }
    lengths.sort_unstable();
    let want: Vec<usize> = [1, 3, 100, 9000, 40000].iter().flat_map(|n| [*n; 16]).collect();
    assert_eq!(lengths, want);
}

#[test]
fn labels_and_folded_outputs_name_the_nodes() {
    let partition = Partition::up(4);
    let told = partition.run(&["run", "-a", "--label", "echo", "hi"]);
    assert_eq!(told.sorted(), ["node01: hi", "node02: hi", "node03: hi", "node04: hi"]);
    let told = partition.run(&["run", "-a", "-b", "sh", "-c", "echo $((UEM_MEMBER / 4))"]);
    let rule = "---------------";
    assert_eq!(told.out, format!("{rule}\nnode[01-04] (4)\n{rule}\n0\n"));
    let told = partition.run(&["run", "-w", "node[02-03]", "-x", "node03", "sh", "-c", "echo $UEM_NODE"]);
    assert_eq!(told.out, "node02\n");
    let told = partition.run(&["run", "-w", "node[03-06]", "true"]);
    assert_eq!((told.code, told.err.as_str()), (125, "uem: -w: no such node: node[05-06]\n"));
}

#[test]
fn an_interrupt_ends_the_members_and_leaves_nothing() {
    let partition = Partition::up(8);
    let mut command = partition.uem(&["run", "-a", "sleep", "1000"]);
    let child = command.stderr(Stdio::piped()).spawn().expect("uem starts");
    std::thread::sleep(Duration::from_millis(500));
    let pid = child.id().to_string();
    // `timeout` passes it on.
    let sent = Command::new("kill").args(["-s", "INT", &pid]).status().expect("kill starts");
    assert!(sent.success());
    let told = Told::of(&child.wait_with_output().expect("it ends"));
    assert_eq!(told.code, 130, "{}", told.err);
    assert!(told.err.contains("signal 2: node[01-08] (8 members)"), "{}", told.err);
    let end = Instant::now() + GONE;
    while partition.run(&["status"]).out.contains(" members=1 ") {
        assert!(Instant::now() < end, "no member is left");
        std::thread::sleep(Duration::from_millis(50));
    }
    assert_eq!(partition.run(&["ps"]).out, "");
}

#[test]
fn a_detached_job_is_waited_for_by_its_name() {
    let partition = Partition::up(2);
    let dir = std::env::temp_dir().join(format!("uem-test-out-{}", std::process::id()));
    std::fs::create_dir_all(&dir).expect("a directory can be made");
    let mut command = partition.uem(&["run", "-d", "-n", "1", "sh", "-c", "echo kept; exit 3"]);
    let told = Told::of(&command.current_dir(&dir).output().expect("uem starts"));
    let id = told.out.trim();
    assert_eq!((told.code, id.is_empty()), (0, false), "{}", told.err);
    assert_eq!(partition.run(&["wait", id]).code, 3);
    let kept = std::fs::read_to_string(dir.join(format!("uem-{id}.out"))).expect("the output is kept");
    assert_eq!(kept, "kept\n");
}

#[test]
fn slips_are_answered_with_what_would_be_right() {
    let partition = Partition::up(1);
    let told = partition.run(&["write", "clone", "x"]);
    assert_eq!(told.code, 125, "{}", told.err);
    assert!(partition.run(&["cat", "nosuch"]).err.contains("nosuch: No such file or directory"));
    let told = partition.run(&["kill", "7"]);
    assert!(told.err.contains("7/ctl: No such file or directory"), "{}", told.err);
    assert_eq!(partition.run(&["rnu"]).code, 100);
    assert_eq!(partition.run(&["run", "-n", "0", "true"]).err, "uem: -n 0: want at least one member\n");
    let told = partition.run(&["up"]);
    assert!(told.err.contains("a partition is up already"), "{}", told.err);
}

#[test]
fn the_root_of_a_child_is_reached_through_net() {
    let partition = Partition::up(3);
    assert_eq!(partition.run(&["ls", "net"]).sorted(), ["node01/", "node02/", "node03/"]);
    assert!(partition.run(&["cat", "net/node02/info"]).out.contains("\nname=node02\n"));
    assert!(partition.run(&["ls", "net/node03"]).out.contains("clone\n"));
}

#[test]
fn a_node_stopped_in_the_middle_of_a_stdin_write_holds_it_up_no_longer_than_it_is_given() {
    let partition = Partition::up(8);
    let pid = partition.pid("node05").to_string();
    let stopper = std::thread::spawn(move || {
        std::thread::sleep(Duration::from_millis(400));
        Command::new("kill").args(["-s", "STOP", &pid]).status().expect("kill starts")
    });
    // Slow enough to be under way when the node stops: the members rest between reads.
    let script = "while head -c 65536 | grep -q .; do sleep 0.02; done; echo all";
    let begun = Instant::now();
    let told = fed(&partition, &["run", "-a", "sh", "-c", script], &vec![b'x'; 4 << 20]);
    assert!(stopper.join().expect("it was sent").success());
    assert_eq!((told.code, told.err.as_str()), (121, "uem: lost: node05 (1 member)\n"));
    assert_eq!(told.out, "all\n".repeat(7));
    assert!(begun.elapsed() < Duration::from_secs(15), "{:?}", begun.elapsed());
}

#[test]
fn a_kill_that_a_stopped_node_does_not_answer_names_it_and_ends_the_others() {
    let partition = Partition::up(4);
    let mut command = partition.uem(&["run", "-a", "sleep", "1000"]);
    let child = command.stdout(Stdio::null()).stderr(Stdio::piped()).spawn().expect("uem starts");
    std::thread::sleep(Duration::from_millis(500));
    partition.signal("node02", "STOP");
    let killed = partition.run(&["kill", "0"]);
    assert_eq!(killed.code, 125);
    assert_eq!(killed.err, "uem: 0: signal: node02: Connection timed out\n");
    let told = Told::of(&child.wait_with_output().expect("it ends"));
    let want = "uem: lost: node02 (1 member)\nuem: signal 9: node[01,03-04] (3 members)\n";
    assert_eq!((told.code, told.err.as_str()), (121, want));
}

#[test]
fn members_that_share_an_output_file_lose_no_line_of_each_other() {
    let partition = Partition::up(4);
    let dir = std::env::temp_dir().join(format!("uem-test-shared-{}", std::process::id()));
    std::fs::create_dir_all(&dir).expect("a directory can be made");
    let script = "echo out $UEM_MEMBER; echo err $UEM_MEMBER >&2";
    let mut command = partition.uem(&["run", "-d", "-n", "4", "sh", "-c", script]);
    let told = Told::of(&command.current_dir(&dir).output().expect("uem starts"));
    let id = told.out.trim();
    assert_eq!((told.code, id.is_empty()), (0, false), "{}", told.err);
    assert_eq!(partition.run(&["wait", id]).code, 0);
    let kept = std::fs::read_to_string(dir.join(format!("uem-{id}.out"))).expect("the output is kept");
    let mut lines: Vec<&str> = kept.lines().collect();
    lines.sort_unstable();
    let want: Vec<String> =
        ["err", "out"].iter().flat_map(|s| (0..4).map(move |m| format!("{s} {m}"))).collect();
    assert_eq!(lines, want);
    std::fs::remove_dir_all(&dir).expect("the directory is ours");
}

#[test]
fn a_node_with_a_personality_has_its_name_of_it_and_tells_where_it_is() {
    let mut site = Site::up(0);
    let midplane = Machine::new(512, 64).expect("there are such");
    let io = site.at("io");
    for node in ["R00-M0-N04-J23", "R00-M0-N02-J00"] {
        let personality =
            boot::personality(&midplane, midplane.find(node).expect("it is one"), ("R00-M0", Mode::Smp));
        let file = site.log(&format!("{node}.personality"));
        std::fs::write(&file, personality.encode().expect("a node can have it")).expect("it is written");
        let (at, file) = (site.at(node), file.display().to_string());
        site.start(node, &["cnode", "--personality", &file, "--listen", &at, "--parent", &io]);
    }
    let file = site.log("R00-M0-N04-J23.personality").display().to_string();
    site.cnode("named", &["--personality", &file, "--parent", &io]);
    site.until("they are up", |site| site.told(&["cat", "info"]).out.contains("\nleaves=3\n"));
    let tells = |path: &str, lines: &str| {
        let info = site.told(&["cat", path]).out;
        assert!(info.contains(lines), "{path}: {info}");
    };
    let place = "\nlocation=R00-M0-N04-J23\ncoord=7,2,0\npset=1\nrank=23\n\
                 routes=0:7703 15:7703\nports=A:13.B B:79.A C:84.A\n";
    tells("net/R00-M0-N04-J23/info", place);
    tells("net/named/info", place);
    tells("net/named/info", "\nname=named\n");
    tells("net/R00-M0-N02-J00/info", "\nlocation=R00-M0-N02-J00\ncoord=\npset=4\nrank=516\nroutes=");
}

#[test]
fn a_personality_that_is_none_is_refused_at_the_start_with_the_reason() {
    let dir = std::env::temp_dir().join(format!("uem-test-personality-{}", std::process::id()));
    std::fs::create_dir_all(&dir).expect("a directory can be made");
    let midplane = Machine::new(512, 64).expect("there are such");
    let node = midplane.find("0").expect("it is one");
    let bytes =
        boot::personality(&midplane, node, ("R00-M0", Mode::Smp)).encode().expect("a node can have it");
    let mut corrupt = bytes;
    corrupt[151] = 8;
    let file = dir.join("personality");
    let listen = format!("unix!{}", dir.join("node").display());
    let start = |content: Option<&[u8]>| {
        let _ = std::fs::remove_file(&file);
        if let Some(content) = content {
            std::fs::write(&file, content).expect("it is written");
        }
        let mut command = Command::new("timeout");
        command.arg("10").arg(uem()).args(["cnode", "--listen", &listen, "--personality"]).arg(&file);
        Told::of(&command.stdin(Stdio::null()).output().expect("uem starts"))
    };
    let at = file.display();
    let wrong = [
        (None, format!("unable to open personality {at}: No such file or directory (os error 2)")),
        (Some(&bytes[..0]), format!("bad personality {at}: 0 bytes: want 416")),
        (Some(&bytes[..415]), format!("bad personality {at}: 415 bytes: want 416")),
        (Some(&[0; 416]), format!("bad personality {at}: version 0x00: want 0x0a")),
        (Some(&corrupt), format!("bad personality {at}: at 8,0,0: want a node of its block of 8x8x8")),
    ];
    for (content, why) in wrong {
        let told = start(content);
        assert_eq!((told.code, told.err), (111, format!("cnode: fatal: {why}\n")));
    }
    // Best effort: the next run has a directory of its own.
    let _ = std::fs::remove_dir_all(&dir);
}
