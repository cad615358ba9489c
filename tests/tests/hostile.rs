//! Bytes that no client should send: each costs at most the link that it came on.

use protocol::message::{Fid, Names, Rmsg, Tag, Tmsg, VERSION, frame};
use std::io::{Read, Write};
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::time::Duration;
use tests::{Partition, Tree};

struct Raw(UnixStream);

impl Raw {
    fn dial(partition: &Partition) -> Self {
        Self::dial_at(&partition.socket())
    }

    fn dial_at(socket: &Path) -> Self {
        let stream = UnixStream::connect(socket).expect("the node listens");
        stream.set_read_timeout(Some(Duration::from_secs(5))).expect("a timeout can be set");
        Self(stream)
    }

    /// One that has agreed on a version and attached as fid 0.
    fn attached(partition: &Partition) -> Self {
        Self::attached_at(&partition.socket())
    }

    fn attached_at(socket: &Path) -> Self {
        let mut raw = Self::dial_at(socket);
        let version = Tmsg::Version { msize: 8216, version: VERSION };
        assert!(matches!(raw.call(Tag::NONE, &version), Some(Kind::Other)));
        let attach = Tmsg::Attach { fid: Fid(0), afid: Fid::NONE, uname: "ann", aname: "" };
        assert!(matches!(raw.call(Tag(0), &attach), Some(Kind::Other)));
        raw
    }

    fn send(&mut self, bytes: &[u8]) {
        // A node that has hung up already has told its opinion.
        let _ = self.0.write_all(bytes);
    }

    fn ask(&mut self, tag: Tag, msg: &Tmsg<'_>) {
        let mut out = vec![0; 70_000];
        let len = msg.encode(tag, &mut out).expect("it fits");
        self.send(&out[..len]);
    }

    /// The next answer: its tag and kind; nothing when the node hung up.
    fn answer(&mut self) -> Option<(Tag, Kind)> {
        let mut bytes = Vec::new();
        loop {
            if let Ok(Some(len)) = frame(&bytes, 1 << 20) {
                let (tag, msg) = Rmsg::decode(&bytes[..len]).expect("a node speaks 9P");
                return Some((
                    tag,
                    if matches!(msg, Rmsg::Error { .. }) { Kind::Error } else { Kind::Other },
                ));
            }
            let mut one = [0];
            match self.0.read(&mut one) {
                Ok(0) => return None,
                Ok(_) => bytes.push(one[0]),
                Err(e) if e.kind() == std::io::ErrorKind::ConnectionReset => return None,
                Err(e) => panic!("neither an answer nor a hangup: {e}"),
            }
        }
    }

    fn call(&mut self, tag: Tag, msg: &Tmsg<'_>) -> Option<Kind> {
        self.ask(tag, msg);
        self.answer().map(|(got, kind)| {
            assert_eq!(got, tag, "an answer has its request's tag");
            kind
        })
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Error,
    Other,
}

fn header(size: u32, kind: u8, tag: u16) -> Vec<u8> {
    let mut bytes = size.to_le_bytes().to_vec();
    bytes.push(kind);
    bytes.extend(tag.to_le_bytes());
    bytes
}

fn walk<'a>(from: u32, to: u32, names: &[&'a str]) -> Tmsg<'a> {
    Tmsg::Walk { fid: Fid(from), newfid: Fid(to), names: Names::new(names).expect("few names") }
}

fn read(fid: u32, count: u32) -> Tmsg<'static> {
    Tmsg::Read { fid: Fid(fid), offset: 0, count }
}

#[test]
fn nonsense_costs_its_own_link_and_nobody_else_notices() {
    let partition = Partition::up(2);
    let mut witness = Raw::attached(&partition);
    let mut cases: Vec<(&str, Vec<u8>)> = vec![
        ("size 0", header(0, 120, 1)),
        ("size 6", header(6, 120, 1)),
        ("size above msize", header(8217, 120, 1)),
        ("the largest size", header(u32::MAX, 120, 1)),
        ("an answer to nothing", header(7, 109, 1)),
        ("type 0", header(7, 0, 1)),
        ("type 255", header(7, 255, 1)),
        ("Terror", header(7, 106, 1)),
        ("Tgetattr of another dialect", header(7, 24, 1)),
        ("NOTAG on a Tclunk", [header(11, 120, u16::MAX), vec![0; 4]].concat()),
        ("trailing bytes in a Tclunk", [header(12, 120, 1), vec![0; 5]].concat()),
        ("a string past its message", [header(13, 100, 1), vec![0, 16, 0, 0, 0xff, 0xff]].concat()),
    ];
    let mut names = [header(17, 110, 1), vec![0; 8], 17_u16.to_le_bytes().to_vec()].concat();
    names.extend([1, 0, b'x'].repeat(17));
    let size = names.len() as u32;
    names[..4].copy_from_slice(&size.to_le_bytes());
    cases.push(("17 names", names));
    for (name, bytes) in cases {
        let mut raw = Raw::attached(&partition);
        raw.send(&bytes);
        assert_eq!(raw.answer(), None, "{name}: the link ends");
        assert_eq!(witness.call(Tag(1), &walk(0, 0, &[])), Some(Kind::Other), "{name}: others go on");
    }
    let told = partition.run(&["run", "-a", "echo", "well"]);
    assert_eq!((told.code, told.out.as_str()), (0, "well\nwell\n"), "{}", told.err);
}

#[test]
fn what_cannot_be_had_is_refused_and_the_link_goes_on() {
    let partition = Partition::up(1);
    let mut raw = Raw::attached(&partition);
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
        assert_eq!(raw.call(Tag(5), &msg), Some(Kind::Error), "{name}");
    }
    assert_eq!(raw.call(Tag(5), &walk(0, 1, &["status"])), Some(Kind::Other));
    assert_eq!(raw.call(Tag(5), &Tmsg::Open { fid: Fid(1), mode: 0 }), Some(Kind::Other));
    assert_eq!(raw.call(Tag(5), &read(1, u32::MAX)), Some(Kind::Other));
    assert_eq!(raw.call(Tag(5), &clunk(1)), Some(Kind::Other));
    assert_eq!(raw.call(Tag(5), &clunk(1)), Some(Kind::Error));
}

#[test]
fn a_flushed_read_is_answered_once_by_its_rflush() {
    let partition = Partition::up(1);
    let mut raw = Raw::attached(&partition);
    assert_eq!(raw.call(Tag(1), &walk(0, 1, &["events"])), Some(Kind::Other));
    assert_eq!(raw.call(Tag(1), &Tmsg::Open { fid: Fid(1), mode: 0 }), Some(Kind::Other));
    raw.ask(Tag(2), &read(1, 100));
    raw.ask(Tag(3), &Tmsg::Flush { oldtag: Tag(2) });
    raw.ask(Tag(4), &Tmsg::Flush { oldtag: Tag(2) });
    raw.ask(Tag(5), &Tmsg::Flush { oldtag: Tag(5) });
    for tag in [3, 4, 5] {
        assert_eq!(raw.answer(), Some((Tag(tag), Kind::Other)));
    }
    // Something happens; the flushed read must not tell it.
    assert_eq!(partition.run(&["run", "true"]).code, 0);
    assert_eq!(raw.call(Tag(2), &walk(0, 0, &[])), Some(Kind::Other));
}

#[test]
fn a_tag_in_use_ends_the_link_and_its_session() {
    let partition = Partition::up(1);
    let mut raw = Raw::attached(&partition);
    assert_eq!(raw.call(Tag(1), &walk(0, 1, &["clone"])), Some(Kind::Other));
    assert_eq!(raw.call(Tag(1), &Tmsg::Open { fid: Fid(1), mode: 2 }), Some(Kind::Other));
    assert!(partition.run(&["ls"]).out.contains("\n0/\n"));
    assert_eq!(raw.call(Tag(1), &walk(1, 2, &["..", "wait"])), Some(Kind::Other));
    assert_eq!(raw.call(Tag(1), &Tmsg::Open { fid: Fid(2), mode: 0 }), Some(Kind::Other));
    raw.ask(Tag(7), &read(2, 100));
    raw.ask(Tag(7), &read(2, 100));
    assert_eq!(raw.answer(), None);
    assert!(!partition.run(&["ls"]).out.contains("\n0/\n"));
}

#[test]
fn ten_thousand_fids_meet_a_bound_that_concerns_their_link_alone() {
    let partition = Partition::up(1);
    let mut raw = Raw::attached(&partition);
    let mut kinds = (1..10_000).map(|fid| raw.call(Tag(1), &walk(0, fid, &[])).expect("the link goes on"));
    let first = kinds.position(|kind| kind == Kind::Error).expect("there is a bound");
    assert!((100..1000).contains(&first), "{first}");
    drop(kinds);
    assert_eq!(partition.run(&["run", "true"]).code, 0);
}

#[test]
fn a_new_version_gives_all_fids_back() {
    let partition = Partition::up(1);
    let mut raw = Raw::attached(&partition);
    assert_eq!(raw.call(Tag(1), &walk(0, 1, &["clone"])), Some(Kind::Other));
    assert_eq!(raw.call(Tag(1), &Tmsg::Open { fid: Fid(1), mode: 2 }), Some(Kind::Other));
    for msize in [8216, 4096, 1 << 30] {
        let version = Tmsg::Version { msize, version: VERSION };
        assert_eq!(raw.call(Tag::NONE, &version), Some(Kind::Other));
        let attach = Tmsg::Attach { fid: Fid(0), afid: Fid::NONE, uname: "ann", aname: "" };
        assert_eq!(raw.call(Tag(1), &attach), Some(Kind::Other));
    }
    assert!(!partition.run(&["ls"]).out.contains("\n0/\n"));
}

#[test]
fn a_thousand_sessions_leave_nothing() {
    let partition = Partition::up(4);
    let fds =
        |node: &str| std::fs::read_dir(format!("/proc/{}/fd", partition.pid(node))).expect("it runs").count();
    let before = [fds("io"), fds("node03")];
    assert_eq!(partition.run(&["run", "-a", "true"]).code, 0);
    for _ in 0..250 {
        for lines in ["res 4\nexec true\n", "res 4\nexec sleep 1000\n", "res 4\n", "res 4\nexec /nosuch\n"] {
            let mut raw = Raw::attached(&partition);
            raw.ask(Tag(1), &walk(0, 1, &["clone"]));
            raw.ask(Tag(2), &Tmsg::Open { fid: Fid(1), mode: 2 });
            raw.ask(Tag(3), &Tmsg::Write { fid: Fid(1), offset: 0, data: lines.as_bytes() });
            while raw.answer().is_some_and(|(tag, _)| tag != Tag(3)) {}
        }
    }
    let end = std::time::Instant::now() + Duration::from_secs(5);
    let left = || partition.run(&["status"]).out.matches(" sessions=0 members=0 ").count();
    while left() < 4 || [fds("io"), fds("node03")] != before {
        let now = [fds("io"), fds("node03")];
        assert!(std::time::Instant::now() < end, "{before:?} {now:?}: {}", partition.run(&["status"]).out);
        std::thread::sleep(Duration::from_millis(100));
    }
}

#[test]
fn a_walk_that_a_stopped_node_does_not_answer_leaves_every_fid_as_it_was() {
    let partition = Partition::up(2);
    let mut raw = Raw::attached(&partition);
    assert_eq!(raw.call(Tag(1), &walk(0, 1, &["net", "node01"])), Some(Kind::Other));
    assert_eq!(raw.call(Tag(1), &walk(1, 2, &["info"])), Some(Kind::Other));
    partition.signal("node01", "STOP");
    // To a new fid, by a fid that moves itself, and a read and a removal behind them.
    raw.ask(Tag(1), &walk(1, 3, &["status"]));
    raw.ask(Tag(2), &walk(1, 1, &["status"]));
    raw.ask(Tag(3), &walk(1, 1, &["events"]));
    raw.ask(Tag(4), &Tmsg::Flush { oldtag: Tag(1) });
    raw.ask(Tag(5), &Tmsg::Remove { fid: Fid(2) });
    let mut answers: Vec<_> = (0..4).filter_map(|_| raw.answer()).collect();
    answers.sort_by_key(|(tag, _)| tag.0);
    let refused = |tag| (Tag(tag), Kind::Error);
    assert_eq!(answers, [refused(2), refused(3), (Tag(4), Kind::Other), refused(5)]);
    partition.signal("node01", "CONT");
    let end = std::time::Instant::now() + Duration::from_secs(5);
    while !partition.run(&["cat", "summary"]).out.starts_with("node[01-02] up") {
        assert!(std::time::Instant::now() < end, "it joins again");
    }
    // What was flushed or removed is free; what did not move is where it was, over a link that is gone.
    for fid in [2, 3] {
        assert_eq!(raw.call(Tag(1), &walk(0, fid, &["net", "node01", "info"])), Some(Kind::Other));
        assert_eq!(raw.call(Tag(1), &Tmsg::Open { fid: Fid(fid), mode: 0 }), Some(Kind::Other));
        assert_eq!(raw.call(Tag(1), &read(fid, 100)), Some(Kind::Other));
    }
    assert_eq!(raw.call(Tag(1), &Tmsg::Clunk { fid: Fid(1) }), Some(Kind::Other));
    assert_eq!(raw.call(Tag(1), &Tmsg::Clunk { fid: Fid(1) }), Some(Kind::Error));
}

#[test]
fn a_walk_that_fails_or_is_flushed_leaves_its_fid_where_it_was() {
    let partition = Partition::up(1);
    let mut raw = Raw::attached(&partition);
    assert_eq!(raw.call(Tag(1), &walk(0, 1, &["net", "node01"])), Some(Kind::Other));
    assert_eq!(raw.call(Tag(1), &walk(1, 1, &["nosuch"])), Some(Kind::Error));
    assert_eq!(raw.call(Tag(1), &walk(1, 1, &[])), Some(Kind::Other));
    partition.signal("node01", "STOP");
    raw.ask(Tag(2), &walk(1, 1, &["status"]));
    assert_eq!(raw.call(Tag(3), &Tmsg::Flush { oldtag: Tag(2) }), Some(Kind::Other));
    partition.signal("node01", "CONT");
    assert_eq!(raw.call(Tag(1), &walk(1, 2, &["info"])), Some(Kind::Other));
    assert_eq!(raw.call(Tag(1), &Tmsg::Remove { fid: Fid(2) }), Some(Kind::Error));
    assert_eq!(raw.call(Tag(1), &Tmsg::Clunk { fid: Fid(2) }), Some(Kind::Error));
}

#[test]
fn lines_behind_a_wipe_find_no_session() {
    let partition = Partition::up(1);
    let mut raw = Raw::attached(&partition);
    for path in [&["clone"][..], &["net", "node01", "clone"]] {
        assert_eq!(raw.call(Tag(1), &walk(0, 1, path)), Some(Kind::Other));
        assert_eq!(raw.call(Tag(1), &Tmsg::Open { fid: Fid(1), mode: 2 }), Some(Kind::Other));
        let lines = Tmsg::Write { fid: Fid(1), offset: 0, data: b"wipe\nkill\n" };
        assert_eq!(raw.call(Tag(1), &lines), Some(Kind::Error));
        assert_eq!(raw.call(Tag(1), &Tmsg::Clunk { fid: Fid(1) }), Some(Kind::Other));
    }
    assert_eq!(partition.run(&["run", "true"]).code, 0);
}

/// A message of any type with this body.
fn message(kind: u8, tag: u16, body: &[u8]) -> Vec<u8> {
    let mut bytes = header(7 + body.len() as u32, kind, tag);
    bytes.extend_from_slice(body);
    bytes
}

fn string(text: &[u8]) -> Vec<u8> {
    [&(text.len() as u16).to_le_bytes(), text].concat()
}

fn walk_bytes(names: u16, rest: &[u8]) -> Vec<u8> {
    message(110, 1, &[&0_u32.to_le_bytes()[..], &9_u32.to_le_bytes(), &names.to_le_bytes(), rest].concat())
}

/// Nonsense by the classes of the corpus: each case ends its link. The others have tests of their own.
fn corpus() -> Vec<(&'static str, Vec<u8>)> {
    let clunk = message(120, 1, &0_u32.to_le_bytes());
    let mut cases: Vec<(&str, Vec<u8>)> = vec![
        ("strings: longer than the message", message(110, 1, &[0; 9])),
        ("strings: a length past the end", walk_bytes(1, &[5, 0, b'a'])),
        ("strings: the longest length", walk_bytes(1, &[0xff, 0xff, b'a'])),
        ("strings: NUL", walk_bytes(1, &string(b"a\0b"))),
        ("strings: not UTF-8", walk_bytes(1, &string(&[0xff, 0xfe]))),
        ("strings: half a character", walk_bytes(1, &string(&[0xc3]))),
        ("counts: fewer names than told", walk_bytes(2, &string(b"net"))),
        ("counts: more names than told", walk_bytes(0, &string(b"net"))),
        ("counts: 65,535 names", walk_bytes(0xffff, &string(b"net"))),
        ("counts: a Twrite shorter than its data", message(118, 1, &[0; 16 + 5])),
        (
            "counts: a Twrite longer than its message",
            message(118, 1, &[&[0; 12][..], &9_u32.to_le_bytes(), b"data"].concat()),
        ),
        (
            "counts: a Twrite of all bytes there are",
            message(118, 1, &[&[0; 12][..], &u32::MAX.to_le_bytes(), b"data"].concat()),
        ),
        (
            "stat: an inner size that lies",
            message(126, 1, &[&[0; 4][..], &[60, 0, 58, 0], &[0; 20]].concat()),
        ),
        ("stat: a size of nothing", message(126, 1, &[&[0; 4][..], &[2, 0, 0, 0]].concat())),
        ("tags: NOTAG on a Tclunk", message(120, u16::MAX, &0_u32.to_le_bytes())),
        ("version: a Tversion that is cut", message(100, u16::MAX, &[0, 32, 0, 0, 6, 0, b'9'])),
        ("coalesced: good and then nonsense", [clunk.as_slice(), &header(6, 0, 0)].concat()),
    ];
    // What is another dialect's, an answer's, or nobody's type.
    let requests = [100, 102, 104, 108, 110, 112, 114, 116, 118, 120, 122, 124, 126];
    cases.extend(
        (0..=255)
            .filter(|kind| !requests.contains(kind))
            .map(|kind| ("types: no request of 9P2000", message(kind, 1, &[0; 8]))),
    );
    cases
}

#[test]
fn the_corpus_costs_each_case_its_own_link_and_nothing_else() {
    let partition = Partition::up(2);
    let mut witness = Raw::attached(&partition);
    let fds = || std::fs::read_dir(format!("/proc/{}/fd", partition.pid("io"))).expect("it runs").count();
    let before = fds();
    for (name, bytes) in corpus() {
        let mut raw = Raw::attached(&partition);
        raw.send(&bytes);
        while raw.answer().is_some() {}
        assert_eq!(witness.call(Tag(1), &walk(0, 0, &[])), Some(Kind::Other), "{name}: others go on");
    }
    let end = std::time::Instant::now() + Duration::from_secs(5);
    while fds() > before {
        assert!(std::time::Instant::now() < end, "links that ended are closed");
    }
    assert_eq!(partition.run(&["run", "-a", "echo", "well"]).out, "well\nwell\n");
}

#[test]
fn the_corpus_costs_a_stub_no_more_than_an_ionode() {
    let mut tree = Tree::root("hostile");
    tree.cnode("n1", "io");
    let socket = tree.socket("n1");
    let mut witness = Raw::attached_at(&socket);
    for (name, bytes) in corpus() {
        let mut raw = Raw::attached_at(&socket);
        raw.send(&bytes);
        while raw.answer().is_some() {}
        assert_eq!(witness.call(Tag(1), &walk(0, 0, &[])), Some(Kind::Other), "{name}: others go on");
    }
    tree.wait_for("n1 up\n");
    assert_eq!(tree.run(&["run", "-a", "echo", "well"]).out, "well\n");
}

#[test]
fn a_conversation_may_come_in_any_pieces_and_may_end_anywhere() {
    let partition = Partition::up(1);
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
    // Byte by byte, the same answers.
    let mut raw = Raw::dial(&partition);
    for byte in &whole {
        raw.send(&[*byte]);
    }
    let tags: Vec<_> = (0..6).map(|_| raw.answer().expect("it is answered")).collect();
    assert_eq!(tags, [Tag::NONE, Tag(1), Tag(2), Tag(3), Tag(4), Tag(5)].map(|tag| (tag, Kind::Other)));
    // Cut off anywhere: the link ends, and its session with it.
    for end in 0..whole.len() {
        let mut raw = Raw::dial(&partition);
        raw.send(&whole[..end]);
        raw.0.shutdown(std::net::Shutdown::Write).expect("a socket can be shut");
        while raw.answer().is_some() {}
    }
    partition.wait_until("summary", |text| text == "node01 up\n");
    assert!(!partition.run(&["ls"]).out.lines().any(|line| line.starts_with(|c: char| c.is_ascii_digit())));
    // Half a message that never goes on holds up nobody.
    let idle: Vec<Raw> = (0..100)
        .map(|_| {
            let mut raw = Raw::dial(&partition);
            raw.send(&whole[..10]);
            raw
        })
        .collect();
    assert_eq!(partition.run(&["run", "echo", "well"]).out, "well\n");
    drop(idle);
}

#[test]
fn more_links_than_there_is_room_for_are_hung_up_on_and_room_comes_again() {
    let partition = Partition::up(1);
    let links: Vec<Raw> = (0..300).map(|_| Raw::dial(&partition)).collect();
    let mut served = 0;
    for mut raw in links {
        raw.ask(Tag::NONE, &Tmsg::Version { msize: 8216, version: VERSION });
        served += usize::from(raw.answer().is_some());
    }
    assert!((150..300).contains(&served), "{served}");
    assert_eq!(partition.run(&["run", "echo", "well"]).out, "well\n");
}

#[test]
fn sizes_offsets_and_counts_at_their_ends_are_answered_or_refused() {
    let partition = Partition::up(1);
    for (msize, version, known) in [
        (0, VERSION, false),
        (7, VERSION, false),
        (23, VERSION, false),
        (4095, VERSION, false),
        (4096, VERSION, true),
        (u32::MAX, VERSION, true),
        (8216, "9P1999", false),
        (8216, "", false),
        (8216, "9P2000.L", true),
    ] {
        let mut raw = Raw::dial(&partition);
        assert_eq!(raw.call(Tag::NONE, &Tmsg::Version { msize, version }), Some(Kind::Other));
        let attach = Tmsg::Attach { fid: Fid(0), afid: Fid::NONE, uname: "ann", aname: "" };
        // Without a version that both know there is no conversation.
        assert_eq!(raw.call(Tag(1), &attach).is_some(), known, "{msize} {version}");
    }
    let mut raw = Raw::attached(&partition);
    assert_eq!(raw.call(Tag(1), &walk(0, 1, &["status"])), Some(Kind::Other));
    assert_eq!(raw.call(Tag(1), &Tmsg::Open { fid: Fid(1), mode: 0 }), Some(Kind::Other));
    let at = |fid, offset, count| Tmsg::Read { fid: Fid(fid), offset, count };
    for offset in [1, 1 << 63, u64::MAX - 1, u64::MAX] {
        for count in [0, 1, u32::MAX - 23, u32::MAX] {
            assert!(raw.call(Tag(1), &at(1, offset, count)).is_some(), "{offset} {count}");
        }
    }
    assert_eq!(raw.call(Tag(1), &at(1, 0, u32::MAX)), Some(Kind::Other));
    // A directory is read on from where it was.
    assert_eq!(raw.call(Tag(1), &walk(0, 2, &[])), Some(Kind::Other));
    assert_eq!(raw.call(Tag(1), &Tmsg::Open { fid: Fid(2), mode: 0 }), Some(Kind::Other));
    assert_eq!(raw.call(Tag(1), &at(2, 77, 1000)), Some(Kind::Error));
    assert_eq!(raw.call(Tag(1), &at(2, 0, 10)), Some(Kind::Error), "no entry is that short");
    assert_eq!(raw.call(Tag(1), &at(2, 0, 1000)), Some(Kind::Other));
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
        assert_eq!(raw.call(Tag(1), &msg), Some(Kind::Error), "{name}");
    }
    let stat = protocol::stat::Stat { name: "other", length: u64::MAX, ..Default::default() };
    assert_eq!(raw.call(Tag(1), &Tmsg::Wstat { fid: Fid(1), stat }), Some(Kind::Error), "a rename");
    assert_eq!(raw.call(Tag(1), &walk(0, 0, &[])), Some(Kind::Other), "the link goes on");
}

#[test]
fn readers_without_end_meet_the_bound_of_their_link_and_a_storm_of_flushes_ends_them() {
    let partition = Partition::up(1);
    let mut raw = Raw::attached(&partition);
    assert_eq!(raw.call(Tag(1), &walk(0, 1, &["events"])), Some(Kind::Other));
    assert_eq!(raw.call(Tag(1), &Tmsg::Open { fid: Fid(1), mode: 0 }), Some(Kind::Other));
    for tag in 10..1010 {
        raw.ask(Tag(tag), &read(1, 100));
    }
    // Those beyond the bound are refused at once, the others wait.
    let refused: Vec<_> = (0..1000 - 64).map(|_| raw.answer().expect("the link goes on")).collect();
    assert!(refused.iter().all(|(tag, kind)| tag.0 >= 74 && *kind == Kind::Error));
    for round in 0..3 {
        for tag in 10..1010 {
            raw.ask(Tag(2000 + tag), &Tmsg::Flush { oldtag: Tag(tag) });
        }
        for tag in 10..1010 {
            assert_eq!(raw.answer(), Some((Tag(2000 + tag), Kind::Other)), "round {round}");
        }
    }
    assert_eq!(partition.run(&["run", "echo", "well"]).out, "well\n");
    assert_eq!(raw.call(Tag(10), &walk(0, 0, &[])), Some(Kind::Other), "no flushed read is answered");
}

#[test]
fn a_clunk_ends_the_read_that_waits_on_its_fid() {
    let partition = Partition::up(1);
    let mut raw = Raw::attached(&partition);
    assert_eq!(raw.call(Tag(1), &walk(0, 1, &["events"])), Some(Kind::Other));
    assert_eq!(raw.call(Tag(1), &Tmsg::Open { fid: Fid(1), mode: 0 }), Some(Kind::Other));
    raw.ask(Tag(2), &read(1, 100));
    raw.ask(Tag(3), &Tmsg::Clunk { fid: Fid(1) });
    let mut answers = [raw.answer(), raw.answer()];
    answers.sort_by_key(|answer| answer.map(|(tag, _)| tag.0));
    assert_eq!(answers, [Some((Tag(2), Kind::Error)), Some((Tag(3), Kind::Other))]);
    assert_eq!(raw.call(Tag(3), &Tmsg::Clunk { fid: Fid(1) }), Some(Kind::Error));
}
