//! What a node's ctl takes for itself and for all below it: at a compute node, at an ionode, and at a root.

use protocol::message::{Fid, Tag, Tmsg};
use tests::wait::Wait;
use tests::{Answer, Cluster, Job, Link, refused, shapes};

const FEW: &str = "Resource temporarily unavailable";
const INVALID: &str = "Invalid argument";

/// A connection of an operator: fid 1 is the node's ctl.
struct Operator(Link);

impl Operator {
    fn of(tree: &Cluster) -> Self {
        let mut link = Link::dial(&tree.socket("io"));
        link.open(0, 1, &["ctl"], 2);
        Self(link)
    }

    fn says(&mut self, lines: &str) -> Answer {
        self.0.write(1, lines.as_bytes())
    }

    fn text(&mut self, names: &[&str]) -> String {
        String::from_utf8(self.0.read(0, names)).expect("it is text")
    }

    /// The reason of the newest refusal.
    fn reason(&mut self) -> String {
        let error = self.text(&["error"]);
        error.lines().next().and_then(|line| line.split_once(' ')).map_or("", |(_, why)| why).to_owned()
    }

    fn until(&mut self, names: &[&str], is: impl Fn(&str) -> bool) {
        let wait = Wait::new();
        loop {
            let text = self.text(names);
            if is(&text) {
                return;
            }
            wait.again(format_args!("{names:?}: {text}"));
        }
    }
}

#[test]
fn a_node_that_drains_gets_no_new_members_and_keeps_those_it_has() {
    for (tree, nodes, _) in shapes() {
        let name = if nodes == 1 { "io" } else { "n1" };
        let mut before = Job::new(&tree);
        assert_eq!(before.ctl(&format!("res + {name}\nexec cat\n")), Answer::Done);
        let mut operator = Operator::of(&tree);
        assert_eq!(operator.says(&format!("on {name} drain 'disk 2' failed")), Answer::Done);
        // What was answered is known: nothing is waited for.
        let others = match nodes {
            1 => String::new(),
            2 => "n2 up\n".to_owned(),
            _ => format!("n[2-{nodes}] up\n"),
        };
        assert_eq!(operator.text(&["summary"]), format!("{others}{name} draining\n"));
        let status = operator.text(&["status"]);
        let record = status.lines().find(|line| line.starts_with(&format!("{name} draining uptime=")));
        assert!(record.is_some_and(|line| line.ends_with(" why='disk 2 failed'")), "{status}");
        let mut job = Job::new(&tree);
        let drains = "res: the node drains: it takes no new members";
        if nodes == 1 {
            assert_eq!(job.ctl("res 4"), refused(FEW));
            assert_eq!(job.reason(), format!("res: {drains}"));
        } else {
            assert_eq!(job.ctl(&format!("res + {name}")), refused(FEW));
            let why = if nodes == 2 { format!("n1: {drains}") } else { "0 of 1".to_owned() };
            assert_eq!(job.reason(), format!("res: {why}"));
            assert_eq!(job.ctl("res 6\nexec sh -c 'echo $UEM_NODE'"), Answer::Done);
            let all: Vec<String> = job.lines();
            assert!(all.len() == 6 && !all.contains(&name.to_owned()), "{all:?}");
        }
        before.put("stdin", b"still here\n");
        assert_eq!(before.ctl("close stdin"), Answer::Done);
        assert_eq!((before.lines(), before.outcomes()), (vec!["still here".to_owned()], vec![String::new()]));
        assert_eq!(operator.says("resume\n"), Answer::Done);
        assert!(operator.text(&["summary"]).ends_with(" up\n"));
        assert!(!operator.text(&["status"]).contains("why="));
        let mut job = Job::new(&tree);
        assert_eq!(job.ctl(&format!("res + {name}\nexec true")), Answer::Done);
    }
}

#[test]
fn drain_and_resume_are_commands_that_name_what_is_not_there() {
    let [_, _, (tree, ..)] = shapes();
    let say = |words: &[&str]| {
        let told = tree.run(words);
        (told.code, told.err)
    };
    assert_eq!(say(&["drain", "n[1,3]", "fan", "is", "loud"]), (0, String::new()));
    assert_eq!(tree.run(&["cat", "summary"]).out, "n2 up\nn[1,3] draining\n");
    assert_eq!(tree.run(&["status"]).out.matches(" why='fan is loud'\n").count(), 2);
    assert_eq!(say(&["run", "-w", "n1", "true"]), (125, "uem: -w: draining: n1\n".to_owned()));
    assert_eq!(tree.run(&["run", "-a", "sh", "-c", "echo $UEM_NODE"]).out, "n2\n");
    assert_eq!(say(&["resume", "n3"]), (0, String::new()));
    assert_eq!(say(&["drain", "n[3-5]"]), (125, "uem: no such node: n[4-5]\n".to_owned()));
    assert_eq!(say(&["drain", "n3", &"x".repeat(65)]).0, 100);
    assert_eq!(tree.run(&["cat", "summary"]).out, "n[2-3] up\nn1 draining\n");
}

#[test]
fn all_below_drain_at_once_and_a_reservation_says_how_many_are_left() {
    for (tree, nodes, _) in shapes() {
        let mut operator = Operator::of(&tree);
        assert_eq!(operator.says("drain"), Answer::Done);
        let all = ["io", "n[1-2]", "n[1-3]"][nodes - 1];
        assert_eq!(operator.text(&["summary"]), format!("{all} draining\n"));
        assert_eq!(Job::new(&tree).ctl("res 2\n"), refused(FEW));
        assert_eq!(Job::new(&tree).ctl("exec true\n"), refused(FEW));
        assert_eq!(operator.says("resume"), Answer::Done);
        assert_eq!(Job::new(&tree).ctl("exec true\n"), Answer::Done);
    }
}

#[test]
fn a_node_that_drains_is_told_in_events_and_drains_when_it_comes_back() {
    let mut tree = Cluster::root();
    tree.ionode("io1", "io");
    tree.cnode("n1", "io1");
    tree.wait_for("n1 up\n");
    let mut operator = Operator::of(&tree);
    operator.0.open(0, 2, &["events"], 0);
    assert_eq!(operator.says("on n1 drain fans"), Answer::Done);
    let told = operator.0.call(Tag(7), &Tmsg::Read { fid: Fid(2), offset: 0, count: 4096 });
    let Answer::Data(told) = told else { panic!("events are read: {told:?}") };
    let told = String::from_utf8(told).expect("it is text");
    assert!(told.ends_with(" node n1 draining\n"), "{told}");
    tree.signal("n1", "KILL");
    operator.until(&["summary"], |text| text == "n1 lost\n");
    tree.cnode("n1", "io1");
    operator.until(&["summary"], |text| text == "n1 draining\n");
    assert!(operator.text(&["status"]).ends_with(" why=fans\n"));
    let mut told = String::new();
    while !told.ends_with(" node n1 draining\n") {
        let more = operator.0.call(Tag(7), &Tmsg::Read { fid: Fid(2), offset: 0, count: 4096 });
        let Answer::Data(more) = more else { panic!("events are read: {more:?}") };
        told += std::str::from_utf8(&more).expect("it is text");
    }
    assert!(!told.contains(" n1 up\n"), "a reservation between would have found it: {told}");
}

#[test]
fn tags_are_told_at_every_level_above_their_nodes() {
    for (tree, nodes, _) in shapes() {
        let name = if nodes == 1 { "io" } else { "n1" };
        let mut operator = Operator::of(&tree);
        let lines = format!("tag rack=R00\non {name} tag gpu=a100\non {name} tag ssd\n");
        assert_eq!(operator.says(&lines), Answer::Done);
        let tags = |text: String| -> Vec<String> {
            text.lines().filter(|line| line.starts_with("tag ")).map(str::to_owned).collect()
        };
        assert_eq!(tags(operator.text(&["info"])), ["tag rack=R00", "tag gpu=a100", "tag ssd"]);
        if nodes == 2 {
            assert_eq!(tags(operator.text(&["net", "n2", "info"])), ["tag rack=R00"]);
        }
        assert_eq!(operator.says(&format!("on {name} untag ssd\nuntag rack\nuntag none")), Answer::Done);
        assert_eq!(tags(operator.text(&["info"])), ["tag gpu=a100"]);
        // What has no room on one of them is refused by its name.
        let many: String = (0..4).map(|n| format!("tag k{n}={}\n", "x".repeat(60))).collect();
        assert_eq!(operator.says(&many), refused(INVALID));
        assert_eq!(tags(operator.text(&["info"])).iter().filter(|tag| tag.len() > 60).count(), 3);
    }
}

#[test]
fn a_bound_holds_from_the_write_on_and_is_told_by_info() {
    for (tree, nodes, _) in shapes() {
        let mut operator = Operator::of(&tree);
        assert_eq!(operator.says("bound members 2\nbound linger 7\nbound orphan 8"), Answer::Done);
        assert!(operator.text(&["info"]).contains("\nlinger=7\norphan=8\nmembers="));
        if nodes == 2 {
            assert!(
                operator.text(&["net", "n2", "info"]).contains("\nlinger=7\norphan=8\nmembers=2\ndebug=0\n")
            );
        }
        let mut job = Job::new(&tree);
        assert_eq!(job.ctl(&format!("res {}\nexec true", 2 * nodes)), Answer::Done);
        assert_eq!(job.outcomes().len(), 2 * nodes);
        job.link.clunk(1);
        let mut job = Job::new(&tree);
        assert_eq!(job.ctl(&format!("res {}\nexec true", 2 * nodes + 1)), refused(FEW));
        let full = "res: more members than the node takes at once: members= in its info";
        // The first of the nodes has the one that is too many.
        let who = ["res: ", "exec: n1: ", "exec: n1: "][nodes - 1];
        assert_eq!(job.reason(), format!("{who}{full}"));
    }
}

#[test]
fn a_line_that_cannot_be_had_is_answered_with_what_would_be_right() {
    const VERBS: &str = "unknown verb; there are signal kill stop start exit drain resume tag untag bound \
                         debug mount unmount parent";
    const ON: &str = "on NODESET is for drain, resume, tag, untag, bound and debug";
    for (tree, nodes, _) in shapes() {
        let mut operator = Operator::of(&tree);
        let want = nodes + 1;
        let far = format!("on n[1-{want}] drain");
        let few = format!("on: {} of {want}", if nodes == 1 { 0 } else { nodes });
        for (line, ename, why) in [
            ("dain", INVALID, format!("dain: {VERBS}")),
            ("untag", INVALID, "untag: usage: [on NODESET] untag KEY".to_owned()),
            ("on n[1- drain", INVALID, "on: not a node set; like on node[001-064,100] drain".to_owned()),
            ("on n1 exit", INVALID, format!("on: {ON}")),
            ("on n1 dain", INVALID, format!("on: {VERBS}")),
            ("on x9 resume", FEW, "on: 0 of 1".to_owned()),
            (&far, FEW, few),
            ("fence", "Operation not permitted", "fence: Operation not permitted".to_owned()),
        ] {
            assert_eq!(operator.says(line), refused(ename), "{line}");
            assert_eq!(operator.reason(), why, "{line}");
        }
        let two = operator.says("tag a=1\ntag b=/");
        assert_eq!(two, refused(INVALID));
        assert_eq!(operator.reason(), "line 2: tag: usage: [on NODESET] tag KEY[=VALUE]");
        let usages = operator.text(&["ctl"]);
        assert!(usages.contains("[on NODESET] drain [WHY]\n") && !usages.contains("fence"), "{usages}");
    }
}

#[test]
fn who_is_neither_root_nor_on_the_machine_changes_no_node() {
    let site = Cluster::hosts(1);
    let write = |user: &str, line: &str| {
        let mut raw = Link::connect_at(site.tcp());
        raw.greet(8216, user);
        raw.open_path(1, &["ctl"], 1);
        raw.refusal(Tag(1), &Tmsg::Write { fid: Fid(1), offset: 0, data: line.as_bytes() })
    };
    for line in ["drain", "resume", "tag a", "untag a", "bound linger 1", "debug 1", "exit"] {
        assert_eq!(write("ann", line), "Operation not permitted", "{line}");
    }
    assert_eq!(write("root", "tag a\ndrain"), "");
    assert_eq!(site.run(&["cat", "summary"]).out, "node01 draining\n");
}

#[test]
fn debug_has_each_daemon_tell_its_messages_on_its_standard_error() {
    let mut site = Cluster::hosts(2);
    let told = |site: &Cluster, name: &str| std::fs::read_to_string(site.log(name)).unwrap_or_default();
    assert_eq!(site.run(&["write", "ctl", "debug 1"]).code, 0);
    assert_eq!(site.run(&["cat", "info"]).code, 0);
    site.until("all tell", |site| {
        told(site, "io").contains(" Topen tag=") && told(site, "node02").contains("-> link 0 Rread tag=")
    });
    assert!(!told(&site, "io").contains('{'));
    assert_eq!(site.run(&["write", "ctl", "debug 2"]).code, 0);
    assert_eq!(site.run(&["cat", "summary"]).code, 0);
    site.until("more is told", |site| told(site, "io").contains(r#"names: ["summary"]"#));
    assert_eq!(site.run(&["write", "ctl", "debug 0"]).code, 0);
}
