//! What a client does that no well-kept one does: it costs at most its own link, and leaves nothing.

use protocol::message::{Fid, Tag, Tmsg, VERSION};
use tests::link::{Kind, walk};
use tests::wait::Wait;
use tests::{Cluster, Link};

fn dial(partition: &Cluster) -> Link {
    Link::connect_at(&format!("unix!{}", partition.socket("io").display()))
}

fn attached(partition: &Cluster) -> Link {
    let mut raw = dial(partition);
    raw.greet(8216, "ann");
    raw
}

fn read(fid: u32, count: u32) -> Tmsg<'static> {
    Tmsg::Read { fid: Fid(fid), offset: 0, count }
}

#[test]
fn what_cannot_be_had_is_refused_and_the_link_goes_on() {
    let partition = Cluster::up(1);
    let mut raw = attached(&partition);
    let clunk = |fid| Tmsg::Clunk { fid: Fid(fid) };
    let refused: Vec<(&str, Tmsg<'_>)> = vec![
        ("an unknown fid", clunk(77)),
        ("NOFID as a new fid", walk(0, u32::MAX, &[])),
        ("a fid in use", Tmsg::Attach { fid: Fid(0), afid: Fid::NONE, uname: "b", aname: "" }),
        ("a name with a slash", walk(0, 1, &["a/b"])),
        ("an empty name", walk(0, 1, &[""])),
        ("a dot", walk(0, 1, &["."])),
        ("a read before an open", read(0, 10)),
        ("a write to the root", Tmsg::Write { fid: Fid(0), offset: 0, data: b"x" }),
        ("the root for writing", Tmsg::Open { fid: Fid(0), mode: 1 }),
        ("authentication", Tmsg::Auth { afid: Fid(9), uname: "a", aname: "" }),
        ("a file in the root", Tmsg::Create { fid: Fid(0), name: "f", perm: 0o644, mode: 1 }),
        ("a directory named like a file", Tmsg::Create { fid: Fid(0), name: "ctl", perm: 1 << 31, mode: 0 }),
        ("a parent's name", Tmsg::Create { fid: Fid(0), name: ".x", perm: 1 << 31, mode: 0 }),
    ];
    for (name, msg) in refused {
        assert_eq!(raw.try_call(Tag(5), &msg), Some(Kind::Error), "{name}");
    }
    assert_eq!(raw.try_call(Tag(5), &walk(0, 1, &["status"])), Some(Kind::Other));
    assert_eq!(raw.try_call(Tag(5), &Tmsg::Open { fid: Fid(1), mode: 0 }), Some(Kind::Other));
    assert_eq!(raw.try_call(Tag(5), &read(1, u32::MAX)), Some(Kind::Other));
    assert_eq!(raw.try_call(Tag(5), &clunk(1)), Some(Kind::Other));
    assert_eq!(raw.try_call(Tag(5), &clunk(1)), Some(Kind::Error));
}

#[test]
fn a_flushed_read_is_answered_once_by_its_rflush() {
    let partition = Cluster::up(1);
    let mut raw = attached(&partition);
    assert_eq!(raw.try_call(Tag(1), &walk(0, 1, &["events"])), Some(Kind::Other));
    assert_eq!(raw.try_call(Tag(1), &Tmsg::Open { fid: Fid(1), mode: 0 }), Some(Kind::Other));
    raw.ask(Tag(2), &read(1, 100));
    raw.ask(Tag(3), &Tmsg::Flush { oldtag: Tag(2) });
    raw.ask(Tag(4), &Tmsg::Flush { oldtag: Tag(2) });
    raw.ask(Tag(5), &Tmsg::Flush { oldtag: Tag(5) });
    for tag in [3, 4, 5] {
        assert_eq!(raw.next_kind(), Some((Tag(tag), Kind::Other)));
    }
    // Something happens; the flushed read must not tell it.
    assert_eq!(partition.run(&["run", "true"]).code, 0);
    assert_eq!(raw.try_call(Tag(2), &walk(0, 0, &[])), Some(Kind::Other));
}

#[test]
fn a_tag_in_use_ends_the_link_and_its_session() {
    let partition = Cluster::up(1);
    let mut raw = attached(&partition);
    assert_eq!(raw.try_call(Tag(1), &walk(0, 1, &["clone"])), Some(Kind::Other));
    assert_eq!(raw.try_call(Tag(1), &Tmsg::Open { fid: Fid(1), mode: 2 }), Some(Kind::Other));
    assert!(partition.run(&["ls"]).out.contains("\n0/\n"));
    assert_eq!(raw.try_call(Tag(1), &walk(1, 2, &["..", "wait"])), Some(Kind::Other));
    assert_eq!(raw.try_call(Tag(1), &Tmsg::Open { fid: Fid(2), mode: 0 }), Some(Kind::Other));
    raw.ask(Tag(7), &read(2, 100));
    raw.ask(Tag(7), &read(2, 100));
    assert_eq!(raw.next_kind(), None);
    assert!(!partition.run(&["ls"]).out.contains("\n0/\n"));
}

#[test]
fn ten_thousand_fids_meet_a_bound_that_concerns_their_link_alone() {
    let partition = Cluster::up(1);
    let mut raw = attached(&partition);
    let mut kinds =
        (1..10_000).map(|fid| raw.try_call(Tag(1), &walk(0, fid, &[])).expect("the link goes on"));
    let first = kinds.position(|kind| kind == Kind::Error).expect("there is a bound");
    assert!((100..1000).contains(&first), "{first}");
    drop(kinds);
    assert_eq!(partition.run(&["run", "true"]).code, 0);
}

#[test]
fn a_new_version_gives_all_fids_back() {
    let partition = Cluster::up(1);
    let mut raw = attached(&partition);
    assert_eq!(raw.try_call(Tag(1), &walk(0, 1, &["clone"])), Some(Kind::Other));
    assert_eq!(raw.try_call(Tag(1), &Tmsg::Open { fid: Fid(1), mode: 2 }), Some(Kind::Other));
    for msize in [8216, 4096, 1 << 30] {
        let version = Tmsg::Version { msize, version: VERSION };
        assert_eq!(raw.try_call(Tag::NONE, &version), Some(Kind::Other));
        let attach = Tmsg::Attach { fid: Fid(0), afid: Fid::NONE, uname: "ann", aname: "" };
        assert_eq!(raw.try_call(Tag(1), &attach), Some(Kind::Other));
    }
    assert!(!partition.run(&["ls"]).out.contains("\n0/\n"));
}

#[test]
fn a_thousand_sessions_leave_nothing() {
    let partition = Cluster::up(4);
    let fds =
        |node: &str| std::fs::read_dir(format!("/proc/{}/fd", partition.pid(node))).expect("it runs").count();
    let before = [fds("io"), fds("node03")];
    assert_eq!(partition.run(&["run", "-a", "true"]).code, 0);
    for _ in 0..250 {
        for lines in ["res 4\nexec true\n", "res 4\nexec sleep 1000\n", "res 4\n", "res 4\nexec /nosuch\n"] {
            let mut raw = attached(&partition);
            raw.ask(Tag(1), &walk(0, 1, &["clone"]));
            raw.ask(Tag(2), &Tmsg::Open { fid: Fid(1), mode: 2 });
            raw.ask(Tag(3), &Tmsg::Write { fid: Fid(1), offset: 0, data: lines.as_bytes() });
            while raw.next_kind().is_some_and(|(tag, _)| tag != Tag(3)) {}
        }
    }
    let wait = Wait::new();
    let left = || partition.run(&["status"]).out.matches(" sessions=0 members=0 ").count();
    while left() < 4 || [fds("io"), fds("node03")] != before {
        let now = [fds("io"), fds("node03")];
        wait.again(format_args!("{before:?} {now:?}: {}", partition.run(&["status"]).out));
    }
}

#[test]
fn a_walk_that_a_stopped_node_does_not_answer_leaves_every_fid_as_it_was() {
    let partition = Cluster::up(2);
    let mut raw = attached(&partition);
    assert_eq!(raw.try_call(Tag(1), &walk(0, 1, &["net", "node01"])), Some(Kind::Other));
    assert_eq!(raw.try_call(Tag(1), &walk(1, 2, &["info"])), Some(Kind::Other));
    partition.signal("node01", "STOP");
    // To a new fid, by a fid that moves itself, and a read and a removal behind them.
    raw.ask(Tag(1), &walk(1, 3, &["status"]));
    raw.ask(Tag(2), &walk(1, 1, &["status"]));
    raw.ask(Tag(3), &walk(1, 1, &["events"]));
    raw.ask(Tag(4), &Tmsg::Flush { oldtag: Tag(1) });
    raw.ask(Tag(5), &Tmsg::Remove { fid: Fid(2) });
    let mut answers: Vec<_> = (0..4).filter_map(|_| raw.next_kind()).collect();
    answers.sort_by_key(|(tag, _)| tag.0);
    let refused = |tag| (Tag(tag), Kind::Error);
    assert_eq!(answers, [refused(2), refused(3), (Tag(4), Kind::Other), refused(5)]);
    partition.signal("node01", "CONT");
    let wait = Wait::new();
    while !partition.run(&["cat", "summary"]).out.starts_with("node[01-02] up") {
        wait.again("it joins again");
    }
    // What was flushed or removed is free; what did not move is where it was, over a link that is gone.
    for fid in [2, 3] {
        assert_eq!(raw.try_call(Tag(1), &walk(0, fid, &["net", "node01", "info"])), Some(Kind::Other));
        assert_eq!(raw.try_call(Tag(1), &Tmsg::Open { fid: Fid(fid), mode: 0 }), Some(Kind::Other));
        assert_eq!(raw.try_call(Tag(1), &read(fid, 100)), Some(Kind::Other));
    }
    assert_eq!(raw.try_call(Tag(1), &Tmsg::Clunk { fid: Fid(1) }), Some(Kind::Other));
    assert_eq!(raw.try_call(Tag(1), &Tmsg::Clunk { fid: Fid(1) }), Some(Kind::Error));
}

#[test]
fn a_walk_that_fails_or_is_flushed_leaves_its_fid_where_it_was() {
    let partition = Cluster::up(1);
    let mut raw = attached(&partition);
    assert_eq!(raw.try_call(Tag(1), &walk(0, 1, &["net", "node01"])), Some(Kind::Other));
    assert_eq!(raw.try_call(Tag(1), &walk(1, 1, &["nosuch"])), Some(Kind::Error));
    assert_eq!(raw.try_call(Tag(1), &walk(1, 1, &[])), Some(Kind::Other));
    partition.signal("node01", "STOP");
    raw.ask(Tag(2), &walk(1, 1, &["status"]));
    assert_eq!(raw.try_call(Tag(3), &Tmsg::Flush { oldtag: Tag(2) }), Some(Kind::Other));
    partition.signal("node01", "CONT");
    assert_eq!(raw.try_call(Tag(1), &walk(1, 2, &["info"])), Some(Kind::Other));
    assert_eq!(raw.try_call(Tag(1), &Tmsg::Remove { fid: Fid(2) }), Some(Kind::Error));
    assert_eq!(raw.try_call(Tag(1), &Tmsg::Clunk { fid: Fid(2) }), Some(Kind::Error));
}

#[test]
fn lines_behind_a_wipe_find_no_session() {
    let partition = Cluster::up(1);
    let mut raw = attached(&partition);
    for path in [&["clone"][..], &["net", "node01", "clone"]] {
        assert_eq!(raw.try_call(Tag(1), &walk(0, 1, path)), Some(Kind::Other));
        assert_eq!(raw.try_call(Tag(1), &Tmsg::Open { fid: Fid(1), mode: 2 }), Some(Kind::Other));
        let lines = Tmsg::Write { fid: Fid(1), offset: 0, data: b"wipe\nkill\n" };
        assert_eq!(raw.try_call(Tag(1), &lines), Some(Kind::Error));
        assert_eq!(raw.try_call(Tag(1), &Tmsg::Clunk { fid: Fid(1) }), Some(Kind::Other));
    }
    assert_eq!(partition.run(&["run", "true"]).code, 0);
}

#[test]
fn a_refused_line_behind_an_exec_is_told_and_the_member_ends() {
    let mut site = Cluster::hosts(1);
    for (at, node) in [(site.at("io"), "node01"), (site.at("node01"), "node01")] {
        let mut raw = Link::attached(&at);
        raw.open_path(1, &["clone"], 2);
        let lines = Tmsg::Write { fid: Fid(1), offset: 0, data: b"res 1\nexec true\nnonsense\n" };
        assert_eq!(raw.refusal(Tag(1), &lines), "Invalid argument");
        assert_eq!(raw.try_call(Tag(1), &walk(1, 2, &["..", "wait"])), Some(Kind::Other));
        assert_eq!(raw.try_call(Tag(1), &Tmsg::Open { fid: Fid(2), mode: 0 }), Some(Kind::Other));
        let record = String::from_utf8(raw.data(2, 0, 1000)).expect("it is text");
        assert!(record.starts_with(&format!("0 {node} ")) && record.ends_with(" ''\n"), "{record}");
        site.check_alive("a refused line");
    }
}

#[test]
fn a_conversation_may_end_anywhere() {
    let partition = Cluster::up(1);
    let mut whole = Vec::new();
    let mut push = |tag: Tag, msg: &Tmsg<'_>| {
        let mut out = vec![0; 512];
        let len = msg.encode(tag, &mut out).expect("it fits");
        whole.extend_from_slice(&out[..len]);
    };
    push(Tag::NONE, &Tmsg::Version { msize: 8216, version: VERSION });
    push(Tag(1), &Tmsg::Attach { fid: Fid(0), afid: Fid::NONE, uname: "ann", aname: "" });
    push(Tag(2), &walk(0, 1, &["clone"]));
    push(Tag(3), &Tmsg::Open { fid: Fid(1), mode: 2 });
    push(Tag(4), &Tmsg::Write { fid: Fid(1), offset: 0, data: b"res 1\n" });
    push(Tag(5), &Tmsg::Clunk { fid: Fid(1) });
    // Cut off anywhere: the link ends, and its session with it.
    for end in 0..whole.len() {
        let mut raw = dial(&partition);
        raw.send_bytes(&whole[..end]);
        raw.finish();
        while raw.next_kind().is_some() {}
    }
    partition.wait_until("summary", |text| text == "node01 up\n");
    assert!(!partition.run(&["ls"]).out.lines().any(|line| line.starts_with(|c: char| c.is_ascii_digit())));
}

#[test]
fn users_who_come_and_go_leave_room_for_others_here_and_below() {
    let partition = Cluster::up(1);
    for number in 0..120 {
        let mut raw = dial(&partition);
        raw.greet(8216, &format!("user{number}"));
        raw.open_path(1, &["net", "node01", "info"], 0);
        let read = Tmsg::Read { fid: Fid(1), offset: 0, count: 4000 };
        assert_eq!(raw.try_call(Tag(1), &read), Some(Kind::Other), "user{number}");
    }
}

#[test]
fn sizes_offsets_and_counts_at_their_ends_are_answered_or_refused() {
    let partition = Cluster::up(1);
    for (msize, version, known) in [
        (0, VERSION, false),
        (7, VERSION, false),
        (23, VERSION, false),
        (4095, VERSION, false),
        (4096, VERSION, true),
        (u32::MAX, VERSION, true),
        (8216, "9P1999", false),
        (8216, "", false),
        (8216, "9P2000.u", true),
    ] {
        let mut raw = dial(&partition);
        assert_eq!(raw.try_call(Tag::NONE, &Tmsg::Version { msize, version }), Some(Kind::Other));
        let attach = Tmsg::Attach { fid: Fid(0), afid: Fid::NONE, uname: "ann", aname: "" };
        // Without a version that both know there is no conversation.
        assert_eq!(raw.try_call(Tag(1), &attach).is_some(), known, "{msize} {version}");
    }
    let mut raw = attached(&partition);
    assert_eq!(raw.try_call(Tag(1), &walk(0, 1, &["status"])), Some(Kind::Other));
    assert_eq!(raw.try_call(Tag(1), &Tmsg::Open { fid: Fid(1), mode: 0 }), Some(Kind::Other));
    let at = |fid, offset, count| Tmsg::Read { fid: Fid(fid), offset, count };
    for offset in [1, 1 << 63, u64::MAX - 1, u64::MAX] {
        for count in [0, 1, u32::MAX - 23, u32::MAX] {
            assert!(raw.try_call(Tag(1), &at(1, offset, count)).is_some(), "{offset} {count}");
        }
    }
    assert_eq!(raw.try_call(Tag(1), &at(1, 0, u32::MAX)), Some(Kind::Other));
    // A directory is read on from where it was.
    assert_eq!(raw.try_call(Tag(1), &walk(0, 2, &[])), Some(Kind::Other));
    assert_eq!(raw.try_call(Tag(1), &Tmsg::Open { fid: Fid(2), mode: 0 }), Some(Kind::Other));
    assert_eq!(raw.try_call(Tag(1), &at(2, 77, 1000)), Some(Kind::Error));
    assert_eq!(raw.try_call(Tag(1), &at(2, 0, 10)), Some(Kind::Error), "no entry is that short");
    assert_eq!(raw.try_call(Tag(1), &at(2, 0, 1000)), Some(Kind::Other));
    let long = "x".repeat(300);
    for (name, msg) in [
        ("a long name", walk(0, 3, &[&long])),
        ("a fid that is its own new one, with names that are not there", walk(0, 0, &["nosuch"])),
        ("a walk from a file", walk(1, 3, &["x"])),
        ("a write to what was opened for reading", Tmsg::Write { fid: Fid(1), offset: 0, data: b"x" }),
        ("a second open", Tmsg::Open { fid: Fid(1), mode: 0 }),
        ("removal on close of a directory", Tmsg::Open { fid: Fid(0), mode: 0x40 }),
        ("a removal of the root", Tmsg::Remove { fid: Fid(2) }),
        ("what was removed is gone all the same", Tmsg::Clunk { fid: Fid(2) }),
    ] {
        assert_eq!(raw.try_call(Tag(1), &msg), Some(Kind::Error), "{name}");
    }
    let stat = protocol::stat::Stat { name: "other", length: u64::MAX, ..Default::default() };
    assert_eq!(raw.try_call(Tag(1), &Tmsg::Wstat { fid: Fid(1), stat }), Some(Kind::Error), "a rename");
    assert_eq!(raw.try_call(Tag(1), &walk(0, 0, &[])), Some(Kind::Other), "the link goes on");
}

#[test]
fn readers_without_end_meet_the_bound_of_their_link_and_a_storm_of_flushes_ends_them() {
    let partition = Cluster::up(1);
    let mut raw = attached(&partition);
    assert_eq!(raw.try_call(Tag(1), &walk(0, 1, &["events"])), Some(Kind::Other));
    assert_eq!(raw.try_call(Tag(1), &Tmsg::Open { fid: Fid(1), mode: 0 }), Some(Kind::Other));
    for tag in 10..1010 {
        raw.ask(Tag(tag), &read(1, 100));
    }
    // Those beyond the bound are refused at once, the others wait.
    let refused: Vec<_> = (0..1000 - 64).map(|_| raw.next_kind().expect("the link goes on")).collect();
    assert!(refused.iter().all(|(tag, kind)| tag.0 >= 74 && *kind == Kind::Error));
    for round in 0..3 {
        for tag in 10..1010 {
            raw.ask(Tag(2000 + tag), &Tmsg::Flush { oldtag: Tag(tag) });
        }
        for tag in 10..1010 {
            assert_eq!(raw.next_kind(), Some((Tag(2000 + tag), Kind::Other)), "round {round}");
        }
    }
    assert_eq!(partition.run(&["run", "echo", "well"]).out, "well\n");
    assert_eq!(raw.try_call(Tag(10), &walk(0, 0, &[])), Some(Kind::Other), "no flushed read is answered");
}

#[test]
fn a_clunk_ends_the_read_that_waits_on_its_fid() {
    let partition = Cluster::up(1);
    let mut raw = attached(&partition);
    assert_eq!(raw.try_call(Tag(1), &walk(0, 1, &["events"])), Some(Kind::Other));
    assert_eq!(raw.try_call(Tag(1), &Tmsg::Open { fid: Fid(1), mode: 0 }), Some(Kind::Other));
    raw.ask(Tag(2), &read(1, 100));
    raw.ask(Tag(3), &Tmsg::Clunk { fid: Fid(1) });
    let mut answers = [raw.next_kind(), raw.next_kind()];
    answers.sort_by_key(|answer| answer.map(|(tag, _)| tag.0));
    assert_eq!(answers, [Some((Tag(2), Kind::Error)), Some((Tag(3), Kind::Other))]);
    assert_eq!(raw.try_call(Tag(3), &Tmsg::Clunk { fid: Fid(1) }), Some(Kind::Error));
}
