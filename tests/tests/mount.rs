//! Trees that are mounted, trees that are adopted, and nodes that are told whom to join.

use protocol::message::{Fid, Tag, Tmsg};
use std::os::unix::net::UnixListener;
use tests::wait::Wait;
use tests::{Cluster, Link, Told, refused as refused_as};

/// A partition of its own: a root called `io` with compute nodes.
fn partition(nodes: &[&str]) -> Cluster {
    let mut tree = Cluster::root();
    for node in nodes {
        tree.cnode(node, "io");
    }
    let wait = Wait::new();
    while tree.run(&["status"]).out.matches(" up ").count() < nodes.len() {
        wait.again("its nodes are up");
    }
    tree
}

fn dial(tree: &Cluster) -> String {
    format!("unix!{}", tree.socket("io").display())
}

fn says(tree: &Cluster, line: &str) -> (i32, String) {
    let Told { code, err, .. } = tree.run(&["write", "ctl", line]);
    (code, err)
}

const DONE: (i32, String) = (0, String::new());

fn refused(why: &str) -> (i32, String) {
    (125, format!("uem: ctl: {why}\n"))
}

#[test]
fn a_mounted_tree_is_reached_by_its_name_and_counted_nowhere() {
    let (here, mut there) = (partition(&["n1"]), partition(&["x1", "x2"]));
    assert_eq!(says(&here, &format!("mount {} far", dial(&there))), DONE);
    assert_eq!(here.run(&["ls", "net"]).sorted(), ["far/", "n1/"]);
    assert_eq!(here.run(&["cat", "net/far/summary"]).out, "x[1-2] up\n");
    assert_eq!(here.run(&["cat", "net/far/net/x2/info"]).out.lines().nth(1), Some("name=x2"));
    assert_eq!(here.run(&["cat", "summary"]).out, "n1 up\n");
    assert_eq!(here.run(&["status"]).out.lines().count(), 1);
    assert!(here.run(&["cat", "info"]).out.contains("\nleaves=1\n"));
    assert_eq!(here.run(&["run", "-a", "sh", "-c", "echo $UEM_NODE"]).out, "n1\n");
    // A job there, from here.
    let path = |file: &str| format!("net/far/job/{file}");
    assert_eq!(here.run(&["mkdir", "net/far/job"]).code, 0);
    let lines = "res 2\\nexec sh -c 'echo $UEM_NODE'";
    assert_eq!(here.run(&["write", "-e", &path("ctl"), lines]).code, 0);
    assert_eq!(here.run(&["cat", &path("stdout")]).sorted(), ["x1", "x2"]);
    assert_eq!(here.run(&["rm", "net/far/job"]).code, 0);
    // It goes, and comes back by itself.
    there.signal("io", "KILL");
    let wait = Wait::new();
    while here.run(&["cat", "net/far/info"]).code == 0 {
        wait.again("it is gone");
    }
    assert_eq!(here.run(&["cat", "net/far/info"]).err, "uem: net/far: Host is down\n");
    assert_eq!(here.run(&["cat", "summary"]).out, "n1 up\n");
    there.again("ionode", "io", None);
    while here.run(&["cat", "net/far/summary"]).out != "x[1-2] up\n" {
        wait.again("it is back");
    }
    assert_eq!(says(&here, "unmount far"), DONE);
    assert_eq!(here.run(&["ls", "net"]).out, "n1/\n");
    assert_eq!(says(&here, "unmount far"), refused("unmount: No such file or directory"));
    assert_eq!(says(&here, &format!("mount {} far", dial(&there))), DONE);
}

#[test]
fn a_mount_that_cannot_be_had_says_why_and_leaves_nothing() {
    let here = partition(&["n1"]);
    for (line, why) in [
        ("mount unix!/nonexistent/socket far", "mount: No such file or directory"),
        ("mount tcp!127.0.0.1!1 far", "mount: Connection refused"),
        ("mount tcp!127.0.0.1!99999 far", "mount: Invalid argument"),
        ("mount far", "mount: usage: mount [-c] DIAL NAME"),
        ("mount file!/x far", "mount: usage: mount [-c] DIAL NAME"),
        ("mount unix!/x a/b", "mount: usage: mount [-c] DIAL NAME"),
        ("mount unix!/x n1", "mount: the name is taken in net"),
        ("mount unix!/x parent", "mount: the name is taken in net"),
        (
            "mount -c tcp!127.0.0.1!1 far",
            "mount: this node has no address of that kind that a child could join at",
        ),
        ("unmount n1", "unmount: it has joined by itself: end it, or tell it parent none"),
        ("on n1 mount unix!/x far", "on: on NODESET is for drain, resume, tag, untag, bound and debug"),
    ] {
        assert_eq!(says(&here, line), refused(why), "{line}");
        assert_eq!(here.run(&["ls", "net"]).out, "n1/\n", "{line}");
    }
    let at_leaf = here.run(&["write", "net/n1/ctl", "mount unix!/x far"]);
    let why = "uem: net/n1/ctl: mount: a compute node passes nothing on; mount at an ionode\n";
    assert_eq!((at_leaf.code, at_leaf.err.as_str()), (125, why));
    for turn in 0..9 {
        let told = says(&here, &format!("mount {} far{turn}", dial(&here)));
        let full = refused("mount: 8 trees are mounted; unmount one");
        assert_eq!(told, if turn < 8 { DONE } else { full });
    }
}

#[test]
fn an_adopted_tree_is_a_child_until_it_is_unmounted() {
    let here = partition(&["n1"]);
    let mut there = Cluster::root();
    there.named("ionode", "far");
    there.cnode("x1", "far");
    let far = |args: &[&str]| {
        let mut command = there.uem(args);
        command.env("UEM_AT", format!("unix!{}", there.socket("far").display()));
        Told::of(&command.output().expect("uem starts"))
    };
    let wait = Wait::new();
    while far(&["cat", "summary"]).out != "x1 up\n" {
        wait.again("it is up");
    }
    let at = format!("unix!{}", there.socket("far").display());
    assert_eq!(says(&here, &format!("mount -c {at} far")), DONE);
    here.wait_for("n1,x1 up\n");
    assert_eq!(here.run(&["run", "-a", "sh", "-c", "echo $UEM_NODE"]).sorted(), ["n1", "x1"]);
    assert!(far(&["cat", "net/parent/info"]).out.contains("\nname=io\n"));
    // Whoever has a parent is not another's child, and nobody is above himself.
    assert_eq!(says(&there, &format!("mount -c {at} far")), refused("mount: Invalid argument"));
    let up = far(&["write", "ctl", &format!("mount -c {} io", dial(&here))]);
    assert_eq!(up.code, 125, "a cycle: {}", up.err);
    assert_eq!(here.run(&["cat", "summary"]).out, "n1,x1 up\n");
    assert_eq!(says(&here, "unmount far"), DONE);
    here.wait_for("n1 up\n");
    assert_eq!(here.run(&["ls", "net"]).out, "n1/\n");
    assert_eq!(far(&["cat", "net/parent/info"]).code, 125);
    assert_eq!(far(&["run", "-a", "sh", "-c", "echo $UEM_NODE"]).out, "x1\n");
    assert_eq!(says(&here, &format!("mount -c {at} far")), DONE);
    here.wait_for("n1,x1 up\n");
}

#[test]
fn a_compute_node_joins_whom_it_is_told_to_and_leaves() {
    let here = partition(&["n1"]);
    let mut there = Cluster::root();
    there.named("cnode", "n9");
    let n9 = |line: &str| {
        let mut command = there.uem(&["write", "ctl", line]);
        command.env("UEM_AT", format!("unix!{}", there.socket("n9").display()));
        Told::of(&command.output().expect("uem starts"))
    };
    assert_eq!(n9(&format!("parent {}", dial(&here))).code, 0);
    here.wait_for("n[1,9] up\n");
    assert_eq!(here.run(&["run", "-w", "n9", "sh", "-c", "echo $UEM_AT"]).out, format!("{}\n", dial(&here)));
    assert_eq!(
        n9("parent unix!/elsewhere").err,
        "uem: ctl: parent: it has a parent: tell it parent none first\n"
    );
    assert_eq!(n9("parent none").code, 0);
    here.wait_for("n1 up\nn9 lost\n");
    assert_eq!(n9("parent unix!/nonexistent/socket").code, 0);
    // It has tried that once, and is free again.
    let wait = Wait::new();
    while n9(&format!("parent {}", dial(&here))).code != 0 {
        wait.again("it gives up who is not there");
    }
    here.wait_for("n[1,9] up\n");
}

#[test]
fn a_node_is_moved_by_one_write() {
    let (here, there) = (partition(&["n1"]), partition(&["x1"]));
    let mut nodes = Cluster::root();
    nodes.named("cnode", "n9");
    nodes.named("ionode", "i9");
    nodes.cnode("n8", "i9");
    let says = |node: &str, lines: &str| {
        let mut command = nodes.uem(&["write", "-e", "ctl", lines]);
        command.env("UEM_AT", format!("unix!{}", nodes.socket(node).display()));
        assert_eq!(Told::of(&command.output().expect("uem starts")).err, "", "{node}: {lines}");
    };
    for (node, joined, left) in [("n9", "n9,x1 up\n", "n1 up\nn9 lost\n"), ("i9", "n[8-9],x1 up\n", "")] {
        says(node, &format!("parent {}", dial(&here)));
        let wait = Wait::new();
        while !here.run(&["ls", "net"]).out.contains(&format!("{node}/")) {
            wait.again(format_args!("{node} joins"));
        }
        says(node, &format!("parent none\\nparent {}", dial(&there)));
        there.wait_for(joined);
        if !left.is_empty() {
            here.wait_for(left);
        }
    }
}

#[test]
fn a_place_that_was_anothers_is_as_new() {
    let mut here = partition(&["n1"]);
    let there = Cluster::leaf();
    let at = format!("unix!{}", there.socket("io").display());
    assert_eq!(says(&here, &format!("mount -c {at} io")), DONE);
    here.wait_for("io,n1 up\n");
    assert_eq!(says(&here, "on io drain old"), DONE);
    assert_eq!(says(&here, "on io tag old"), DONE);
    assert_eq!(says(&here, "unmount io"), DONE);
    here.wait_for("n1 up\n");
    here.cnode("n5", "io");
    here.wait_for("n[1,5] up\n");
    assert!(!here.run(&["cat", "info"]).out.contains("tag old"));
}

#[test]
fn a_mounted_tree_that_is_silent_is_down_and_comes_back() {
    let (here, there) = (partition(&["n1"]), partition(&["x1"]));
    assert_eq!(says(&here, &format!("mount {} far", dial(&there))), DONE);
    let mut link = Link::dial(&here.socket("io"));
    link.open(0, 1, &["net", "far", "events"], 0);
    link.queue(Tag(5), &Tmsg::Read { fid: Fid(1), offset: 0, count: 100 });
    link.send();
    there.signal("io", "STOP");
    assert_eq!(link.answer(Tag(5)), refused_as("Host is down"));
    assert_eq!(here.run(&["cat", "net/far/info"]).err, "uem: net/far: Host is down\n");
    there.signal("io", "CONT");
    let wait = Wait::new();
    while here.run(&["cat", "net/far/summary"]).out != "x1 up\n" {
        wait.again("it is back");
    }
}

#[test]
fn all_mounts_of_a_write_whose_time_is_over_are_given_up() {
    let here = partition(&["n1"]);
    let mute = ["a", "b"].map(|name| {
        let path = here.dir().join(format!("mute-{name}"));
        (
            UnixListener::bind(&path).expect("the path is free"),
            format!("mount unix!{} {name}", path.display()),
        )
    });
    let mut link = Link::dial(&here.socket("io"));
    link.open(0, 1, &["ctl"], 1);
    let lines = format!("{}\n{}\n", mute[0].1, mute[1].1);
    assert_eq!(link.write(1, lines.as_bytes()), refused_as("Connection timed out"));
    for name in ["a", "b"] {
        let gone = refused_as("No such file or directory");
        assert_eq!(link.write(1, format!("unmount {name}\n").as_bytes()), gone, "{name}");
    }
}

#[test]
fn a_cycle_is_refused_however_late_those_above_have_joined() {
    let here = partition(&["n1"]);
    let mut there = Cluster::root();
    for (name, parent) in [("far2", "io"), ("far3", "far2")] {
        there.ionode(name, parent);
    }
    there.cnode("x1", "far3");
    there.wait_for("x1 up\n");
    // Who is lowest has joined before there was anybody above its parent's parent.
    assert_eq!(says(&there, &format!("parent {}", dial(&here))), DONE);
    here.wait_for("n1,x1 up\n");
    for low in ["far2", "far3"] {
        let at = format!("unix!{}", there.socket(low).display());
        assert_eq!(says(&here, &format!("parent {at}")), DONE);
        let wait = Wait::new();
        while says(&here, "parent unix!/nonexistent/socket") != DONE {
            wait.again("it is refused, and given up");
        }
        let info = here.run(&["cat", "info"]).out;
        assert!(info.contains("\nrank=\nheight=4\nleaves=2\n"), "{low}: {info}");
    }
}

#[test]
fn an_adopted_node_that_is_lost_is_unmounted_too() {
    let (here, there) = (partition(&["n1"]), Cluster::leaf());
    assert_eq!(says(&here, &format!("mount -c unix!{} io", there.socket("io").display())), DONE);
    here.wait_for("io,n1 up\n");
    there.signal("io", "KILL");
    here.wait_for("n1 up\nio lost\n");
    assert_eq!(says(&here, "unmount io"), DONE);
    assert_eq!(here.run(&["cat", "summary"]).out, "n1 up\n");
    assert_eq!(says(&here, "unmount io"), refused("unmount: No such file or directory"));
}
