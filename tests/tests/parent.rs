//! `net/parent`: the tree above, from an ionode below and from within a job.

use protocol::message::{Fid, Names, Rmsg, Tag, Tmsg};
use tests::wait::Wait;
use tests::{Answer, Cluster, Job, Link, refused};

/// A root, an ionode below it and one below that, each with a compute node.
fn three_levels() -> Cluster {
    let mut tree = Cluster::root();
    for (ionode, parent, node, up) in [("io1", "io", "n1", "n1 up\n"), ("io2", "io1", "n2", "n[1-2] up\n")] {
        tree.ionode(ionode, parent);
        tree.cnode(node, ionode);
        tree.wait_for(up);
    }
    tree
}

fn text(link: &mut Link, names: &[&str]) -> String {
    String::from_utf8(link.read(0, names)).expect("it is text")
}

#[test]
fn the_tree_above_is_walked_from_below_and_never_listed() {
    let tree = three_levels();
    let mut low = Link::dial(&tree.socket("io2"));
    assert!(text(&mut low, &["net", "parent", "info"]).contains("\nname=io1\n"));
    assert!(text(&mut low, &["net", "parent", "net", "parent", "info"]).contains("\nname=io\n"));
    let round = ["net", "parent", "net", "io2", "net", "parent", "net", "io2", "net", "n2", "info"];
    assert!(text(&mut low, &round).contains("\nname=n2\n"));
    let uem = |node: &str, args: &[&str]| {
        let mut command = tree.uem(args);
        command.env("UEM_AT", format!("unix!{}", tree.socket(node).display()));
        tests::Told::of(&command.output().expect("uem starts"))
    };
    assert_eq!(uem("io2", &["ls", "net"]).out, "n2/\n");
    assert_eq!(uem("io2", &["ls", "net/parent/net"]).sorted(), ["io2/", "n1/"]);
    assert_eq!(uem("io2", &["cat", "net/parent/net/parent/summary"]).out, "n[1-2] up\n");
    let above = uem("io", &["cat", "net/parent/info"]);
    assert_eq!((above.code, above.err.as_str()), (125, "uem: net/parent: No such file or directory\n"));
    let of_leaf = uem("n2", &["cat", "net/parent/info"]);
    assert_eq!(of_leaf.code, 125, "a compute node passes nothing on");
}

#[test]
fn a_job_runs_jobs_where_it_was_made_itself() {
    let tree = three_levels();
    let script = "echo $UEM_ROOT; $0 run -a --label echo $UEM_SESSION; $0 ls $UEM_SESSION | head -1";
    let mut job = Job::new(&tree);
    job.put("args", format!("sh -c '{script}' {}", tests::uem().display()).as_bytes());
    assert_eq!(job.ctl("res + n2\nexec"), Answer::Done);
    let told = job.text("stdout");
    let mut lines: Vec<&str> = told.lines().collect();
    assert_eq!(lines.len(), 4, "{told}{}", job.text("stderr"));
    lines[1..3].sort_unstable();
    assert_eq!(lines, ["/net/parent/net/parent", "n1: 0", "n2: 0", "ctl"], "{}", job.text("stderr"));
}

#[test]
fn many_members_below_one_ionode_run_jobs_at_once() {
    const MANY: usize = 12;
    let tree = three_levels();
    // None of them ends before all have begun.
    let go = tree.dir().join("begun");
    let each =
        format!("echo >>{0}; while [ $(wc -l <{0}) -lt {MANY} ]; do sleep 0.05; done; echo ok", go.display());
    let script = format!("{} run -n 1 sh -c '{each}'", tests::uem().display());
    let told = tree.run(&["run", "-w", "n2", "-n", &MANY.to_string(), "sh", "-c", &script]);
    assert_eq!((told.code, told.out.as_str()), (0, "ok\n".repeat(MANY).as_str()), "{}", told.err);
}

#[test]
fn a_session_of_a_root_is_made_and_run_from_below() {
    let tree = three_levels();
    let mut low = Link::dial(&tree.socket("io2"));
    low.open(0, 1, &["net", "parent", "net", "parent", "clone"], 2);
    assert_eq!(low.write(1, b"res 4\nexec cat"), Answer::Done);
    low.open(1, 2, &["..", "stdin"], 1);
    let input: Vec<u8> = (0..30_000_u32).flat_map(|n| format!("{n}\n").into_bytes()).collect();
    let mut at = 0;
    low.open(1, 3, &["..", "stdout"], 0);
    let mut out = Vec::new();
    let read = Tmsg::Read { fid: Fid(3), offset: 0, count: 60_000 };
    low.queue(Tag(7), &read);
    low.send();
    while at < input.len() {
        let piece = &input[at..input.len().min(at + 30_000)];
        low.queue_write(2, piece);
        low.send();
        // The members' pipes are short: what they write is read meanwhile.
        let written = loop {
            let message = low.message().expect("the node goes on");
            match Rmsg::decode(&message).expect("a node speaks 9P") {
                (Tag(7), Rmsg::Read { data }) => {
                    out.extend_from_slice(data);
                    low.queue(Tag(7), &read);
                    low.send();
                }
                // As much as there was room for.
                (_, Rmsg::Write { count }) => break count as usize,
                other => panic!("{other:?}"),
            }
        };
        at += written;
    }
    assert_eq!(low.write(1, b"close stdin"), Answer::Done);
    loop {
        match low.answer(Tag(7)) {
            Answer::Data(more) if more.is_empty() => break,
            Answer::Data(more) => {
                out.extend(more);
                low.queue(Tag(7), &read);
                low.send();
            }
            other => panic!("{other:?}"),
        }
    }
    assert_eq!(out.len(), 4 * input.len());
    let wait = String::from_utf8(low.read(1, &["..", "wait"])).expect("it is text");
    assert_eq!(wait.lines().filter(|line| line.ends_with(" ''")).count(), 4, "{wait}");
    let info = text(&mut Link::dial(&tree.socket("io")), &["0", "info"]);
    assert!(info.contains("\nowner=root\n") && info.contains("\nexits=4\n"), "{info}");
    low.clunk(1);
    let wait = Wait::new();
    while tree.run(&["ls"]).out.contains("0/") {
        wait.again("it ends with its ctl");
    }
}

#[test]
fn what_waits_above_is_flushed_there_too() {
    let tree = three_levels();
    let mut low = Link::dial(&tree.socket("io2"));
    for round in 0..300 {
        low.open(0, 1, &["net", "parent", "events"], 0);
        low.queue(Tag(5), &Tmsg::Read { fid: Fid(1), offset: 0, count: 100 });
        low.queue(Tag(6), &Tmsg::Flush { oldtag: Tag(5) });
        // A walk that is flushed, or answered before.
        let names = Names::new(&["net", "parent", "info"]).expect("few names");
        low.queue(Tag(8), &Tmsg::Walk { fid: Fid(0), newfid: Fid(2), names });
        low.queue(Tag(9), &Tmsg::Flush { oldtag: Tag(8) });
        low.send();
        assert_eq!(low.answer(Tag(6)), Answer::Done, "{round}");
        assert_eq!(low.answer(Tag(9)), Answer::Done, "{round}");
        low.clunk(1);
        // It was made if it was answered before the flush; else there is nothing to clunk.
        let _ = low.call(Tag(10), &Tmsg::Clunk { fid: Fid(2) });
    }
    // 300 rounds are more than all the fids there are.
    assert!(text(&mut low, &["net", "parent", "info"]).contains("\nname=io1\n"));
}

#[test]
fn a_parent_that_is_gone_is_told_and_one_that_is_back_is_reached() {
    let mut tree = three_levels();
    let mut low = Link::dial(&tree.socket("io1"));
    low.open(0, 1, &["net", "parent", "info"], 0);
    low.open(0, 2, &["net", "parent", "events"], 0);
    low.queue(Tag(5), &Tmsg::Read { fid: Fid(2), offset: 0, count: 100 });
    low.send();
    tree.signal("io", "KILL");
    assert_eq!(low.answer(Tag(5)), refused("Host is down"));
    low.open(0, 4, &["net"], 0);
    let names = Names::new(&["parent"]).expect("few names");
    let walk = Tmsg::Walk { fid: Fid(4), newfid: Fid(3), names };
    assert_eq!(low.call(Tag(6), &walk), refused("Host is down"));
    tree.again("ionode", "io", None);
    tree.wait_for("n[1-2] up\n");
    assert!(text(&mut low, &["net", "parent", "info"]).contains("\nname=io\n"));
    // A file of the link that is gone is not one of the new link.
    let read = Tmsg::Read { fid: Fid(1), offset: 0, count: 100 };
    assert_eq!(low.call(Tag(6), &read), refused("Stale file handle"));
    low.clunk(1);
    low.clunk(2);
    assert!(text(&mut low, &["net", "parent", "info"]).contains("\nname=io\n"));
}

#[test]
fn no_child_is_called_parent() {
    let mut tree = Cluster::root();
    tree.cnode("n1", "io");
    tree.wait_for("n1 up\n");
    let at = format!("unix!{}", tree.socket("io").display());
    let why = tests::fake::Fake::join(&at, "parent", 7).err();
    assert_eq!(why.as_deref(), Some("Invalid argument"));
}
