//! Parents that misbehave: the node that dialled hangs up, dials again later, and serves its clients
//! meanwhile.

use protocol::limits::CHILDREN_MAX;
use protocol::message::{Fid, Rmsg, Tag, Tmsg, VERSION};
use protocol::qid::Qid;
use protocol::stat::DMDIR;
use std::os::unix::net::UnixListener;
use tests::fake::{FIRST, greeting, qids, reply};
use tests::link::{Kind, header, request, walk};
use tests::wait::Wait;
use tests::{Cluster, Link, Stream};

struct Parent(UnixListener);

impl Parent {
    /// Listens at a dial string before any cnode dials it.
    fn listen(at: &str) -> Self {
        let path = at.strip_prefix("unix!").expect("a unix socket");
        Self(UnixListener::bind(path).expect("the path is free"))
    }

    fn accept(&self) -> Link {
        self.0.set_nonblocking(true).expect("it is a socket");
        let wait = Wait::new();
        loop {
            match self.0.accept() {
                Ok((stream, _)) => {
                    stream.set_nonblocking(false).expect("it is a socket");
                    return Link::over(Stream::Unix(stream));
                }
                Err(_) => wait.again("the cnode dials"),
            }
        }
    }

    /// The next connection, behind what a joining child says first.
    fn greeted(&self, boot: &mut String) -> Link {
        let mut raw = self.accept();
        let said: Vec<Vec<u8>> = (0..7).filter_map(|_| raw.message()).collect();
        let join = Tmsg::decode(&said[4]).expect("a cnode speaks 9P").1;
        let Tmsg::Write { data, .. } = join else { panic!("no join: {join:?}") };
        let line = String::from_utf8(data.to_vec()).expect("it is text");
        boot.clear();
        boot.push_str(line.trim_end().rsplit(' ').next().expect("words"));
        assert_eq!(line, format!("join node01 {boot}\n"));
        assert_eq!(said[..6].concat(), greeting(&line), "it says what a joining child says");
        raw
    }

    /// A child that has joined.
    fn joined(&self) -> Link {
        let mut raw = self.greeted(&mut String::new());
        raw.send_bytes(&reply(Tag(FIRST + 4), &Rmsg::Read { data: b"0 00000000000000aa\n" }));
        raw
    }
}

fn check_serves(site: &mut Cluster, name: &str) {
    let mut raw = Link::attached(&site.at("node01"));
    raw.open_path(1, &["status"], 0);
    assert!(raw.data(1, 0, 1000).starts_with(b"node01 up "), "{name}");
    site.check_alive(name);
}

/// What a parent can answer to a child that joins.
fn answers() -> Vec<(&'static str, Vec<u8>)> {
    let rank = |data: &[u8]| reply(Tag(FIRST + 4), &Rmsg::Read { data });
    let error = Rmsg::Error { ename: "Permission denied" };
    vec![
        ("size 0", vec![0; 7]),
        ("the largest size", vec![0xff; 7]),
        ("garbage", (0..=255).collect()),
        ("an unknown tag", reply(Tag(77), &Rmsg::Read { data: b"0 aa\n" })),
        ("an outcome of nothing", reply(Tag(FIRST + 5), &Rmsg::Clunk)),
        ("an Rstat", reply(Tag(FIRST), &Rmsg::Flush)),
        ("a refused version", reply(Tag::NONE, &error)),
        ("a refused join", reply(Tag(FIRST + 3), &error)),
        ("a walk of 17 qids", {
            let mut walk = reply(Tag(FIRST + 1), &Rmsg::Walk { qids: qids(16) });
            walk[7] = 17;
            walk
        }),
        ("an empty rank", rank(b"")),
        ("a rank that is no number", rank(b"first 00aa\n")),
        ("rank 64", rank(b"64 00aa\n")),
        ("rank -1", rank(b"-1 00aa\n")),
        ("a rank that is no text", rank(b"\xff\n")),
        ("a request before all answers", request(Tag::NONE, &Tmsg::Clunk { fid: Fid(1) })),
    ]
}

#[test]
fn a_parent_that_answers_nonsense_is_dialled_again_and_clients_are_served() {
    let mut site = Cluster::empty();
    let at = site.at("parent");
    let parent = Parent::listen(&at);
    site.cnode_with("node01", &["--parent", &at]);
    let mut boot = String::new();
    for (name, bytes) in answers() {
        let mut raw = parent.greeted(&mut boot);
        raw.send_bytes(&bytes);
        assert_eq!(raw.message(), None, "{name}: the cnode hangs up");
        check_serves(&mut site, name);
        // So that its pause is a short one again.
        drop(parent.joined());
    }
    // One that says nothing is hung up on in time, by a child that serves its own clients meanwhile.
    let mut mute = parent.greeted(&mut boot);
    check_serves(&mut site, "mute");
    assert_eq!(mute.message(), None, "mute: the cnode hangs up");
    let version = Tmsg::Version { msize: 8216, version: VERSION };
    for (name, bytes) in [
        ("an answer to nothing", reply(Tag(FIRST), &Rmsg::Clunk)),
        ("a rank again", reply(Tag(FIRST + 4), &Rmsg::Read { data: b"1 00aa\n" })),
        ("a request without a version", request(Tag(1), &Tmsg::Clunk { fid: Fid(0) })),
        ("NOTAG", [request(Tag::NONE, &version), request(Tag::NONE, &Tmsg::Clunk { fid: Fid(0) })].concat()),
        ("a size above the msize", [request(Tag::NONE, &version), header(8217, 120, 1)].concat()),
        ("Terror", header(7, 106, 1)),
    ] {
        let mut raw = parent.joined();
        raw.send_bytes(&bytes);
        while let Some(message) = raw.message() {
            assert_eq!(message[4] % 2, 1, "{name}: only answers: {message:?}");
        }
        check_serves(&mut site, name);
    }
}

#[test]
fn a_parent_that_hangs_up_is_dialled_again_and_again() {
    let mut site = Cluster::empty();
    let at = site.at("parent");
    let parent = Parent::listen(&at);
    site.cnode_with("node01", &["--parent", &at]);
    // How long it pauses between is held against the clock of the core, in its own tests.
    (0..6).for_each(|_| drop(parent.accept()));
    check_serves(&mut site, "hangups");
}

#[test]
fn a_parent_that_shares_out_what_no_session_has_is_refused() {
    let mut site = Cluster::empty();
    let at = site.at("parent");
    let parent = Parent::listen(&at);
    site.cnode_with("node01", &["--parent", &at]);
    let mut raw = parent.joined();
    // The end of its own conversation, which it began.
    raw.greet(8216, "root");
    let rest = "00000000".repeat(CHILDREN_MAX - 2);
    let counts = format!("0000000100000000{rest}");
    let many: String = (0..CHILDREN_MAX).map(|rank| format!("{rank:02x}ffffff")).collect();
    let shares = [
        (format!("shares ffffffff fffffffe 00000001 b {counts}"), false),
        (format!("shares 00100001 00100000 00000001 b {counts}"), false),
        (format!("shares 00100000 000fffff 00000001 b {counts}"), true),
        (format!("shares 00000001 00000001 00000001 b {counts}"), false),
        (format!("shares 00000001 00000000 00000000 b {counts}"), false),
        (format!("shares ffffffff 00000000 ffffffff c {many}"), false),
        (format!("shares 000fffff 00000000 00000001 b 0000000000000000{rest}"), false),
        (format!("shares 000fffff 00000000 00000001 b 0000000100000001{rest}"), false),
        (format!("shares 000fffff 00000000 00000001 b 0000000140000001{rest}"), false),
        (format!("shares 000fffff 00000000 00000001 d {counts}"), false),
    ];
    for (fid, (line, is_sound)) in (1..).zip(shares) {
        assert_eq!(raw.try_call(Tag(1), &walk(0, 200, &[])), Some(Kind::Other));
        let name = format!(".session{fid}");
        let make = Tmsg::Create { fid: Fid(200), name: &name, perm: DMDIR | 0o700, mode: 0 };
        assert_eq!(raw.try_call(Tag(1), &make), Some(Kind::Other));
        assert_eq!(raw.try_call(Tag(1), &Tmsg::Clunk { fid: Fid(200) }), Some(Kind::Other));
        raw.open_path(fid, &[&name, "ctl"], 2);
        let write = Tmsg::Write { fid: Fid(fid), offset: 0, data: line.as_bytes() };
        assert_eq!(raw.refusal(Tag(1), &write).is_empty(), is_sound, "{line}");
        assert_eq!(raw.try_call(Tag(1), &walk(fid, 100, &[".."])), Some(Kind::Other));
        assert_eq!(raw.try_call(Tag(1), &Tmsg::Open { fid: Fid(100), mode: 0 }), Some(Kind::Other));
        assert!(!raw.data(100, 0, 8000).is_empty(), "{line}");
        assert_eq!(raw.try_call(Tag(1), &Tmsg::Clunk { fid: Fid(100) }), Some(Kind::Other));
        site.check_alive(&line);
    }
}

/// An ionode that has joined this parent, and what the parent sees of it.
fn inner() -> (Cluster, Link) {
    let tree = Cluster::root();
    let at = format!("unix!{}", tree.socket("up").display());
    let parent = Parent::listen(&at);
    assert_eq!(tree.run(&["write", "ctl", &format!("parent {at}")]).code, 0);
    let mut raw = parent.accept();
    (0..7).for_each(|_| drop(raw.message().expect("it joins")));
    raw.send_bytes(&reply(Tag(FIRST + 4), &Rmsg::Read { data: b"0 00000000000000aa\n" }));
    (tree, raw)
}

/// The next walk that the parent is asked for, its tag, and where it leads; attaches are answered.
fn walked(raw: &mut Link) -> (Tag, Fid) {
    loop {
        let message = raw.message().expect("the child asks");
        match Tmsg::decode(&message).expect("it speaks 9P") {
            (tag, Tmsg::Walk { newfid, .. }) => return (tag, newfid),
            (tag, Tmsg::Attach { .. }) => raw.send_bytes(&reply(tag, &Rmsg::Attach { qid: Qid::default() })),
            other => panic!("no walk: {other:?}"),
        }
    }
}

#[test]
fn a_fid_whose_clunk_a_parent_has_not_answered_is_not_walked_to() {
    let (tree, mut parent) = inner();
    let mut client = Link::attached(&format!("unix!{}", tree.socket("io").display()));
    client.ask(Tag(1), &walk(0, 2, &["net", "parent", "none"]));
    let (tag, first) = walked(&mut parent);
    assert_eq!(client.try_call(Tag(2), &Tmsg::Clunk { fid: Fid(2) }), Some(Kind::Other));
    let message = parent.message().expect("the clunk goes on");
    let (clunk, msg) = Tmsg::decode(&message).expect("it speaks 9P");
    assert_eq!(msg, Tmsg::Clunk { fid: first });
    parent.send_bytes(&reply(tag, &Rmsg::Error { ename: "No such file or directory" }));
    assert_eq!(client.next_kind(), Some((Tag(1), Kind::Error)));
    client.ask(Tag(3), &walk(0, 3, &["net", "parent", "info"]));
    let (tag, second) = walked(&mut parent);
    assert_ne!(second, first);
    parent.send_bytes(&reply(clunk, &Rmsg::Clunk));
    parent.send_bytes(&reply(tag, &Rmsg::Walk { qids: qids(1) }));
    assert_eq!(client.next_kind(), Some((Tag(3), Kind::Other)));
    client.ask(Tag(4), &walk(0, 4, &["net", "parent", "info"]));
    assert_eq!(walked(&mut parent).1, first, "now it is free");
}
