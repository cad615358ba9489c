//! Children that misbehave beside two real ones: each loses at most its own link, its members are lost by
//! name, and everybody else finishes.

use protocol::message::{Fid, Rmsg, Tag, Tmsg, VERSION, is_request};
use protocol::qid::{QTDIR, Qid};
use protocol::stat::Stat;
use std::io::Read;
use std::net::TcpListener;
use tests::fake::{Act, BOOT, Fake, Serving, greeting, qids, reply};
use tests::link::{Kind, header, message, request, walk};
use tests::wait::HANG;
use tests::{Cluster, Link, Told};

/// What a child does with a request; it is asked for each.
type Misbehaviour = Box<dyn FnMut(&mut Fake, Tag, &Tmsg<'_>) -> Act + Send>;
type Case = (&'static str, Misbehaviour);

fn error() -> Rmsg<'static> {
    Rmsg::Error { ename: "Input/output error" }
}

/// Once it was told to run something: another answer to a read of the file at the end of a path.
fn reads(file: &'static str, answer: impl Fn(Tag, u32) -> Vec<u8> + Send + 'static) -> Misbehaviour {
    Box::new(move |child, tag, msg| match *msg {
        Tmsg::Read { fid, count, .. } if child.is_launched && child.path(fid).ends_with(file) => {
            Act::Send(answer(tag, count))
        }
        _ => Act::Usual,
    })
}

fn data(file: &'static str, bytes: &'static [u8]) -> Misbehaviour {
    reads(file, move |tag, _| reply(tag, &Rmsg::Read { data: bytes }))
}

/// The first time that it is asked something of this type, this answer.
fn once(kind: u8, answer: impl Fn(Tag) -> Vec<u8> + Send + 'static) -> Misbehaviour {
    let mut is_done = false;
    Box::new(move |child, tag, msg| {
        let is_it = request(tag, msg)[4] == kind;
        // The catch-up burst is another matter: see below.
        if is_done || !is_it || !child.is_launched && child.waiting.is_empty() && kind == 116 {
            return Act::Usual;
        }
        is_done = true;
        Act::Send(answer(tag))
    })
}

/// A step of the launch, which follows the catch-up burst's line of `fence`.
fn launch(kind: u8, answer: impl Fn(Tag) -> Vec<u8> + Send + 'static) -> Misbehaviour {
    let mut is_up = false;
    let mut once = once(kind, answer);
    Box::new(move |child, tag, msg| {
        if is_up {
            return once(child, tag, msg);
        }
        is_up = matches!(msg, Tmsg::Write { data: b"fence\n", .. });
        Act::Usual
    })
}

/// What a child can do to its parent while a job runs on it.
fn misbehaviours() -> Vec<Case> {
    let clunk = |tag| reply(tag, &Rmsg::Clunk);
    let also = |bytes: Vec<u8>| -> Misbehaviour {
        let mut is_done = false;
        Box::new(move |child, _, _| {
            if !child.is_launched || std::mem::replace(&mut is_done, true) {
                return Act::Usual;
            }
            Act::Also(bytes.clone())
        })
    };
    let long = |tag, count| reply(tag, &Rmsg::Read { data: &vec![b'\n'; count as usize + 1] });
    vec![
        ("a beat longer than asked", reads("beat", long)),
        ("output longer than asked", reads("stdout", long)),
        ("outcomes longer than asked", reads("wait", long)),
        ("an answer to an unknown tag", also(clunk(Tag(60_000)))),
        ("an answer to a tag that it was not asked", also(clunk(Tag(0)))),
        (
            "an answer twice",
            reads("beat", |tag, _| reply(tag, &Rmsg::Read { data: b"000000000000fa6e 1\n" }).repeat(2)),
        ),
        ("a version again", also(reply(Tag::NONE, &Rmsg::Version { msize: 8192, version: VERSION }))),
        (
            "a thousand versions",
            also(reply(Tag::NONE, &Rmsg::Version { msize: 8192, version: VERSION }).repeat(1000)),
        ),
        ("size 0", also(vec![0; 7])),
        ("the largest size", also(vec![0xff; 7])),
        ("garbage", also((0..=255).collect())),
        (
            "a message with a byte too many",
            reads("beat", |tag, _| message(117, tag.0, &[1, 0, 0, 0, b'x', b'y'])),
        ),
        ("an Rclunk to a read", reads("beat", move |tag, _| clunk(tag))),
        ("an Rflush to a read", reads("wait", |tag, _| reply(tag, &Rmsg::Flush))),
        ("a refused beat", reads("beat", |tag, _| reply(tag, &error()))),
        ("a walk with more qids than names", launch(110, |tag| reply(tag, &Rmsg::Walk { qids: qids(16) }))),
        (
            "a walk with no qid of its names",
            launch(110, |tag| {
                reply(tag, &Rmsg::Walk { qids: qids(0) })
                    .into_iter()
                    .chain(reply(tag, &Rmsg::Walk { qids: qids(0) }))
                    .collect()
            }),
        ),
        ("an Rread to a walk", launch(110, |tag| reply(tag, &Rmsg::Read { data: b"" }))),
        (
            "an Ropen to a create",
            launch(114, |tag| reply(tag, &Rmsg::Open { qid: Qid::default(), iounit: 0 })),
        ),
        ("an Rclunk to an open", launch(112, clunk)),
        ("more written than sent", launch(118, |tag| reply(tag, &Rmsg::Write { count: u32::MAX }))),
        ("a beat that is no text", data("beat", b"\xff\xfe\n")),
        ("a beat without a count", data("beat", b"000000000000fa6e\n")),
        ("a beat with a word for a count", data("beat", b"000000000000fa6e one\n")),
        ("an empty beat", data("beat", b"")),
        ("outcomes that are no text", data("wait", b"\xff\n")),
        ("an outcome without its newline", data("wait", b"0 fake 1 0 0 0 ''")),
        ("nonsense for outcomes", data("wait", b"who knows\n")),
        (
            "an outcome of a member that is another's",
            data("wait", b"1 node01 1 0 0 0 ''\n2 node01 1 0 0 0 ''\n"),
        ),
        ("an outcome of a member that nobody is", data("wait", b"4294967295 fake 1 0 0 0 ''\n")),
    ]
}

fn fake(site: &mut Cluster, act: Misbehaviour) -> Serving {
    let serving = Fake::join(&site.at("io"), "fake", BOOT).expect("it joins").serve(act);
    site.until("the fake child is up", |site| {
        let summary = site.run(&["cat", "summary"]).out;
        summary.starts_with("fake") && summary.ends_with(" up\n")
    });
    serving
}

fn until_lost(site: &mut Cluster, name: &str) {
    site.until(name, |site| site.run(&["cat", "summary"]).out == "node[01-02] up\nfake lost\n");
}

#[test]
fn a_child_that_misbehaves_is_lost_by_name_and_the_others_finish_the_job() {
    let mut site = Cluster::hosts(2);
    let lost = "uem: lost: fake (1 member)\n".to_owned();
    let want = Told { code: 121, out: "here\nhere\n".to_owned(), err: lost };
    let mut wrong = Vec::new();
    for (name, act) in misbehaviours() {
        let serving = fake(&mut site, act);
        let told = site.run(&["run", "-a", "echo", "here"]);
        if told != want {
            wrong.push(format!("{name}: {told:?}"));
            continue;
        }
        until_lost(&mut site, name);
        serving.hung_up();
        site.check_alive(name);
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
    let told = site.run(&["run", "-a", "echo", "well"]);
    assert_eq!((told.code, told.out.as_str()), (0, "well\nwell\n"), "{}", told.err);
    site.until("nothing is left", |site| {
        site.run(&["status"]).out.matches(" sessions=0 members=0 ").count() == 2
    });
}

/// What a child can do before it is up.
fn joinings() -> Vec<Case> {
    let version = |msize: u32, version: &'static str| -> Misbehaviour {
        once(100, move |tag| reply(tag, &Rmsg::Version { msize, version }))
    };
    let status = |bytes: Vec<u8>| -> Misbehaviour {
        Box::new(move |child, tag, msg| match *msg {
            Tmsg::Read { fid, .. } if child.path(fid) == "status" => {
                Act::Send(reply(tag, &Rmsg::Read { data: &bytes }))
            }
            _ => Act::Usual,
        })
    };
    let record = |len: usize| [b"fake up x=".as_slice(), &vec![b'1'; len], b"\n"].concat();
    vec![
        ("a larger msize than offered", version(32_793, VERSION)),
        ("the largest msize", version(u32::MAX, VERSION)),
        ("a msize below all", version(4095, VERSION)),
        ("no msize", version(0, VERSION)),
        ("an unknown version", version(8192, "unknown")),
        (
            "a thousand versions",
            once(100, |tag| reply(tag, &Rmsg::Version { msize: 8192, version: VERSION }).repeat(1000)),
        ),
        ("a refused version", once(100, |tag| reply(tag, &error()))),
        ("an Rattach to a version", once(100, |tag| reply(tag, &Rmsg::Attach { qid: Qid::default() }))),
        ("a refused walk", once(110, |tag| reply(tag, &error()))),
        ("a refused open", once(112, |tag| reply(tag, &error()))),
        ("a refused fence", once(118, |tag| reply(tag, &error()))),
        ("a status that is no text", status(b"fake \xff\n".to_vec())),
        ("a status without its newline", status(b"fake up".to_vec())),
        ("a status of two records", status(b"fake up\nnode01 lost since=0\n".to_vec())),
        ("a status of another node", status(b"node01 up\n".to_vec())),
        ("an empty status", status(Vec::new())),
        ("a status that is too long", status(record(600))),
        (
            "a refused status",
            Box::new(|child, tag, msg| match *msg {
                Tmsg::Read { fid, .. } if child.path(fid) == "status" => Act::Send(reply(tag, &error())),
                _ => Act::Usual,
            }),
        ),
        ("garbage", once(104, |_| (0..=255).collect())),
    ]
}

#[test]
fn a_child_that_misbehaves_while_it_joins_never_is_up() {
    let mut site = Cluster::hosts(2);
    for (name, act) in joinings() {
        let serving = Fake::join(&site.at("io"), "fake", BOOT).expect("it joins").serve(act);
        serving.hung_up();
        until_lost(&mut site, name);
    }
    let told = site.run(&["run", "-a", "echo", "well"]);
    assert_eq!((told.code, told.out.as_str()), (0, "well\nwell\n"), "{}", told.err);
}

#[test]
fn a_name_is_one_childs_and_a_link_is_one_child() {
    let mut site = Cluster::hosts(1);
    let at = site.at("io");
    for line in ["join a/b 1\n", "join '' 1\n", "join a\n", "join a 1 2\n", "join a g\n", "join \u{e9} 1\n"] {
        let mut raw = Link::connect_at(&at);
        raw.send_bytes(&greeting(line));
        let answers: Vec<_> = (0..6).filter_map(|_| raw.next_kind()).map(|(_, kind)| kind).collect();
        use Kind::{Error, Other};
        // What follows a refused line reads the usage of ctl, as any client may.
        assert_eq!(answers, [Other, Other, Other, Other, Error, Other], "{line:?}");
    }
    let long = "x".repeat(65);
    let refused = |name: &str, boot| Fake::join(&at, name, boot).err();
    assert_eq!(refused(&long, 1).as_deref(), Some("Invalid argument"));
    assert_eq!(refused("node01", BOOT).as_deref(), Some("Invalid argument"));
    let mut twice = Fake::join(&at, "fake", BOOT).expect("it joins");
    let again = Tmsg::Write { fid: Fid(1), offset: 0, data: b"join other 1\n" };
    twice.raw().ask(Tag(9), &again);
    // The parent's own requests come between.
    let is_answer = |message: &Vec<u8>| !is_request(message);
    let answer = std::iter::from_fn(|| twice.raw().message()).find(is_answer).expect("an answer comes");
    assert!(matches!(Rmsg::decode(&answer), Ok((Tag(9), Rmsg::Error { .. }))), "{answer:?}");
    let first = twice.serve(|_, _, _| Act::Usual);
    // The same run has dialled again: it takes the place of its old link.
    let second = Fake::join(&at, "fake", BOOT).expect("it joins").serve(|_, _, _| Act::Usual);
    first.hung_up();
    site.until("the second is up", |site| site.run(&["cat", "summary"]).out == "fake,node01 up\n");
    drop(second);
}

#[test]
fn the_sixty_fifth_child_is_refused_and_the_others_stay() {
    let mut site = Cluster::hosts(1);
    let at = site.at("io");
    let join = |n: usize| Fake::join(&at, &format!("f{n:02}"), BOOT);
    let serving: Vec<Serving> =
        (0..63).map(|n| join(n).expect("there is room").serve(|_, _, _| Act::Usual)).collect();
    assert_eq!(join(63).err().as_deref(), Some("Invalid argument"));
    site.until("all are up", |site| site.run(&["cat", "summary"]).out == "f[00-62],node01 up\n");
    drop(serving);
    site.until("they are lost", |site| site.run(&["cat", "summary"]).out == "node01 up\nf[00-62] lost\n");
    let told = site.run(&["run", "-a", "echo", "well"]);
    assert_eq!((told.code, told.out.as_str()), (0, "well\n"), "{}", told.err);
}

#[test]
fn a_silent_child_is_lost_in_time_and_its_members_with_it() {
    let mut site = Cluster::hosts(2);
    let silent =
        fake(&mut site, Box::new(|child, _, _| if child.is_launched { Act::Silence } else { Act::Usual }));
    let told = site.run(&["run", "-a", "echo", "here"]);
    let want = "uem: lost: fake (1 member)\n".to_owned();
    assert_eq!(told, Told { code: 121, out: "here\nhere\n".to_owned(), err: want });
    silent.hung_up();
}

#[test]
fn a_child_that_answers_byte_by_byte_holds_up_nobody() {
    let mut site = Cluster::hosts(2);
    let slow = fake(
        &mut site,
        Box::new(|child, tag, msg| match *msg {
            Tmsg::Read { fid, .. } if child.is_launched && child.path(fid).ends_with("wait") => {
                let told = reply(tag, &Rmsg::Read { data: b"0 fake 1 0 0 0 'exit: 3'\n" });
                told.iter().for_each(|byte| child.raw().send_bytes(&[*byte]));
                Act::Silence
            }
            Tmsg::Read { fid, .. } if child.is_launched && child.path(fid).contains("std") => {
                Act::Send(reply(tag, &Rmsg::Read { data: b"" }))
            }
            _ => Act::Slowly,
        }),
    );
    let told = site.run(&["run", "-a", "echo", "here"]);
    let want = "uem: exit 3: fake (1 member)\n".to_owned();
    assert_eq!(told, Told { code: 3, out: "here\nhere\n".to_owned(), err: want });
    drop(slow);
}

#[test]
fn a_child_that_beats_and_does_nothing_else_is_refused_for_by_name_in_time() {
    let mut site = Cluster::hosts(2);
    let mute = fake(
        &mut site,
        Box::new(|child, _, msg| match *msg {
            Tmsg::Read { fid, .. } if child.path(fid) == "beat" || child.path(fid) == "status" => Act::Usual,
            Tmsg::Write { data: b"fence\n", .. } => {
                child.is_launched = true;
                Act::Usual
            }
            _ if !child.is_launched => Act::Usual,
            _ => Act::Silence,
        }),
    );
    let mut raw = Link::attached(&site.at("io"));
    let late = "Connection timed out";
    raw.open_path(1, &["clone"], 2);
    let exec = Tmsg::Write { fid: Fid(1), offset: 0, data: b"res 3\nexec true\n" };
    assert_eq!(raw.refusal(Tag(1), &exec), late);
    assert_eq!(raw.try_call(Tag(1), &walk(1, 2, &["..", "error"])), Some(Kind::Other));
    assert_eq!(raw.try_call(Tag(1), &Tmsg::Open { fid: Fid(2), mode: 0 }), Some(Kind::Other));
    let told = String::from_utf8(raw.data(2, 0, 1000)).expect("it is text");
    assert!(told.contains(&format!("fake: {late}")), "{told}");
    assert_eq!(raw.refusal(Tag(1), &walk(0, 3, &["net", "fake", "status"])), late);
    assert_eq!(raw.try_call(Tag(1), &Tmsg::Clunk { fid: Fid(1) }), Some(Kind::Other));
    site.until("the others are at rest", |site| {
        site.run(&["status"]).out.matches(" sessions=0 members=0 ").count() == 3
    });
    drop(mute);
}

#[test]
fn a_removal_that_a_child_does_not_answer_is_refused_in_time() {
    let mut site = Cluster::hosts(0);
    let act: Misbehaviour = Box::new(|_, _, msg| match msg {
        Tmsg::Remove { .. } => Act::Silence,
        _ => Act::Usual,
    });
    let fake = fake(&mut site, act);
    let mut raw = Link::attached(&site.at("io"));
    assert_eq!(raw.try_call(Tag(1), &walk(0, 1, &["net", "fake", "x"])), Some(Kind::Other));
    assert_eq!(raw.refusal(Tag(1), &Tmsg::Remove { fid: Fid(1) }), "Connection timed out");
    assert_eq!(raw.try_call(Tag(1), &walk(0, 1, &["net", "fake", "x"])), Some(Kind::Other));
    drop(fake);
}

#[test]
fn what_a_child_says_of_its_files_costs_a_client_that_request() {
    let mut site = Cluster::hosts(1);
    let long = "n".repeat(9000);
    let fake = fake(
        &mut site,
        Box::new(move |child, tag, msg| match *msg {
            Tmsg::Open { fid, .. } if child.path(fid).is_empty() => {
                let qid = Qid { kind: QTDIR, vers: 0, path: u64::MAX };
                Act::Send(reply(tag, &Rmsg::Open { qid, iounit: 7 }))
            }
            Tmsg::Read { fid, .. } if child.path(fid).is_empty() => {
                Act::Send(reply(tag, &Rmsg::Read { data: b"\x40\0garbage" }))
            }
            Tmsg::Stat { .. } => {
                Act::Send(reply(tag, &Rmsg::Stat { stat: Stat { name: &long, ..Stat::default() } }))
            }
            _ => Act::Usual,
        }),
    );
    let mut raw = Link::attached(&site.at("io"));
    raw.open_path(1, &["net", "fake"], 0);
    let bad = "Input/output error";
    assert_eq!(raw.refusal(Tag(1), &Tmsg::Read { fid: Fid(1), offset: 0, count: 4000 }), bad);
    // Larger than this client's messages.
    assert_eq!(raw.try_call(Tag(1), &walk(0, 2, &["net", "fake", "x"])), Some(Kind::Other));
    assert_eq!(raw.refusal(Tag(1), &Tmsg::Stat { fid: Fid(2) }), bad);
    // What it is called is not the child's to say.
    assert_eq!(raw.try_call(Tag(1), &Tmsg::Stat { fid: Fid(1) }), Some(Kind::Other));
    assert_ne!(site.run(&["ls", "net/fake"]).code, 0);
    let told = site.run(&["run", "-w", "node01", "echo", "well"]);
    assert_eq!((told.code, told.out.as_str()), (0, "well\n"), "{}", told.err);
    drop(fake);
}

#[test]
fn an_answer_after_its_rflush_costs_the_child_its_link() {
    let mut site = Cluster::hosts(1);
    for (name, answer) in [
        ("the read is answered after its Rflush", reply(Tag(0), &Rmsg::Read { data: b"x" })),
        ("the flush is refused", Vec::new()),
    ] {
        let fake = fake(
            &mut site,
            Box::new(move |_, tag, msg| match *msg {
                Tmsg::Flush { .. } if answer.is_empty() => Act::Send(reply(tag, &error())),
                Tmsg::Flush { oldtag } => {
                    let mut late = answer.clone();
                    late[5..7].copy_from_slice(&oldtag.0.to_le_bytes());
                    Act::Also(late)
                }
                _ => Act::Usual,
            }),
        );
        let mut raw = Link::attached(&site.at("io"));
        raw.open_path(1, &["net", "fake", "events"], 0);
        raw.ask(Tag(1), &Tmsg::Read { fid: Fid(1), offset: 0, count: 100 });
        assert_eq!(raw.try_call(Tag(2), &Tmsg::Flush { oldtag: Tag(1) }), Some(Kind::Other), "{name}");
        fake.hung_up();
        site.until(name, |site| site.run(&["cat", "summary"]).out == "node01 up\nfake lost\n");
        assert_eq!(raw.try_call(Tag(1), &walk(0, 2, &["status"])), Some(Kind::Other), "{name}");
    }
}

#[test]
fn a_child_may_answer_for_twenty_thousand_members_one_by_one_and_at_once() {
    let mut site = Cluster::hosts(0);
    let count = 20_000;
    let mut is_told = false;
    let fake = Fake::join(&site.at("io"), "fake", BOOT).expect("it joins").serve(move |child, tag, msg| {
        match *msg {
            Tmsg::Read { fid, .. } if child.path(fid).ends_with("wait") => {
                if std::mem::replace(&mut is_told, true) {
                    return Act::Silence;
                }
                // The parent asks again after each: all the answers are there before it does.
                let tell = |n| reply(tag, &Rmsg::Read { data: format!("{n} fake 1 0 0 0 ''\n").as_bytes() });
                Act::Send((0..count).flat_map(tell).collect())
            }
            _ => Act::Usual,
        }
    });
    site.until("it is up", |site| site.run(&["cat", "summary"]).out == "fake up\n");
    let mut raw = Link::attached(&site.at("io"));
    raw.open_path(1, &["clone"], 2);
    let lines = format!("res {count}\nexec true\n");
    let write = Tmsg::Write { fid: Fid(1), offset: 0, data: lines.as_bytes() };
    assert_eq!(raw.refusal(Tag(1), &write), "");
    assert_eq!(raw.try_call(Tag(1), &walk(1, 2, &["..", "wait"])), Some(Kind::Other));
    assert_eq!(raw.try_call(Tag(1), &Tmsg::Open { fid: Fid(2), mode: 0 }), Some(Kind::Other));
    let mut records = 0;
    while records < count {
        let data = raw.data(2, 0, 8000);
        assert!(!data.is_empty(), "{records} of {count}");
        records += data.iter().filter(|byte| **byte == b'\n').count();
    }
    site.check_alive("answers");
    drop(fake);
}

#[test]
fn a_child_is_a_client_too_and_its_requests_cost_the_same() {
    let mut site = Cluster::hosts(2);
    let mut fake = Fake::join(&site.at("io"), "fake", BOOT).expect("it joins");
    let msgs = [
        walk(0, 2, &["clone"]),
        Tmsg::Open { fid: Fid(2), mode: 2 },
        walk(0, 3, &["net", "node01", "clone"]),
        Tmsg::Open { fid: Fid(3), mode: 2 },
        walk(0, 4, &["net", "fake", "status"]),
        Tmsg::Clunk { fid: Fid(77) },
    ];
    let asked: Vec<u8> = msgs.iter().zip(20..).flat_map(|(msg, tag)| request(Tag(tag), msg)).collect();
    fake.raw().send_bytes(&asked);
    let serving = fake.serve(|_, _, _| Act::Usual);
    site.until("it is up", |site| site.run(&["cat", "summary"]).out == "fake,node[01-02] up\n");
    drop(serving);
    until_lost(&mut site, "it is lost");
    let mut fake = Fake::join(&site.at("io"), "fake", BOOT).expect("it joins");
    fake.raw().send_bytes(&header(7, 118, 1));
    fake.serve(|_, _, _| Act::Usual).hung_up();
    site.until("its sessions are gone", |site| {
        site.run(&["status"]).out.matches(" sessions=0 members=0 ").count() == 2
    });
}

#[test]
fn what_a_session_is_told_by_a_child_is_checked_too() {
    let mut site = Cluster::hosts(2);
    let input: Misbehaviour = Box::new(|child, tag, msg| match *msg {
        Tmsg::Write { fid, .. } if child.path(fid).ends_with("stdin") => Act::Send(reply(tag, &Rmsg::Clunk)),
        _ => Act::Usual,
    });
    let cases: Vec<(Case, &str, u8)> = vec![
        (("a status that is no text", data("/status", b"2 \xff\n")), "status", 0),
        (("an Rclunk to input", input), "stdin", 1),
        (("an outcome twice", data("wait", b"2 fake 1 0 0 0 ''\n2 fake 1 0 0 0 'exit: 1'\n")), "wait", 0),
    ];
    for ((name, act), file, mode) in cases {
        let serving = fake(&mut site, act);
        let mut raw = Link::attached(&site.at("io"));
        raw.open_path(1, &["clone"], 2);
        let exec = Tmsg::Write { fid: Fid(1), offset: 0, data: b"res 3\nexec sleep 1000\n" };
        assert_eq!(raw.refusal(Tag(1), &exec), "", "{name}");
        assert_eq!(raw.try_call(Tag(1), &walk(1, 2, &["..", file])), Some(Kind::Other), "{name}");
        assert_eq!(raw.try_call(Tag(1), &Tmsg::Open { fid: Fid(2), mode }), Some(Kind::Other), "{name}");
        let msg = match mode {
            0 => Tmsg::Read { fid: Fid(2), offset: 0, count: 4000 },
            _ => Tmsg::Write { fid: Fid(2), offset: 0, data: b"x" },
        };
        assert_eq!(raw.try_call(Tag(1), &msg), Some(Kind::Other), "{name}");
        serving.hung_up();
        until_lost(&mut site, name);
        assert_eq!(raw.try_call(Tag(1), &walk(0, 3, &["status"])), Some(Kind::Other), "{name}");
    }
}

#[test]
fn a_directory_that_is_read_behind_its_clunk_is_told_as_one() {
    let mut site = Cluster::hosts(0);
    let mut read = None;
    let fake = Fake::join(&site.at("io"), "fake", BOOT).expect("it joins");
    let serving = fake.serve(move |child, tag, msg| match *msg {
        Tmsg::Open { fid, .. } if child.path(fid) == "dir" => {
            let qid = Qid { kind: QTDIR, ..Qid::default() };
            Act::Send(reply(tag, &Rmsg::Open { qid, iounit: 0 }))
        }
        Tmsg::Read { fid, .. } if child.path(fid) == "dir" => {
            read = Some(tag);
            Act::Silence
        }
        Tmsg::Open { fid, .. } if child.path(fid) == "file" => {
            let mut stat = [0; 200];
            let len = Stat { name: "entry", ..Stat::default() }.encode(&mut stat).expect("it fits");
            Act::Also(reply(read.take().expect("once"), &Rmsg::Read { data: &stat[..len] }))
        }
        _ => Act::Usual,
    });
    site.until("it is up", |site| site.run(&["cat", "summary"]).out == "fake up\n");
    let mut raw = Link::attached(&site.at("io"));
    raw.open_path(1, &["net", "fake", "dir"], 0);
    raw.ask(Tag(5), &Tmsg::Read { fid: Fid(1), offset: 0, count: 4000 });
    assert_eq!(raw.try_call(Tag(6), &Tmsg::Clunk { fid: Fid(1) }), Some(Kind::Other));
    // By then its number there may be another file's.
    assert_eq!(raw.try_call(Tag(7), &walk(0, 2, &["net", "fake", "file"])), Some(Kind::Other));
    raw.ask(Tag(8), &Tmsg::Open { fid: Fid(2), mode: 0 });
    let message = raw.message().expect("the older one is answered");
    let Ok((Tag(5), Rmsg::Read { data })) = Rmsg::decode(&message) else { panic!("no data: {message:?}") };
    let stat = protocol::stat::Stats::new(data).next().expect("one").expect("it is one");
    assert_eq!((stat.name, stat.qid.path >> 63), ("entry", 1), "a file of another node");
    drop(serving);
}

#[test]
fn a_child_that_joins_while_its_tree_is_dialled_for_keeps_its_link() {
    let mut site = Cluster::hosts(1);
    // A queue that is full: who dials waits until there is room.
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port is free");
    let address = listener.local_addr().expect("it is bound");
    let full = tests::stream::fill(&address);
    let mut raw = Link::attached(&site.at("io"));
    raw.open_path(1, &["ctl"], 1);
    let line = format!("mount -c tcp!127.0.0.1!{} fake\n", address.port());
    raw.ask(Tag(1), &Tmsg::Write { fid: Fid(1), offset: 0, data: line.as_bytes() });
    let mut seen = false;
    site.until("the tree has its place", |site| {
        seen |= site.run(&["cat", "net/fake/info"]).err.contains("Host is down");
        seen
    });
    let fake = Fake::join(&site.at("io"), "fake", BOOT).expect("it joins").serve(|_, _, _| Act::Usual);
    assert_eq!(raw.next_kind(), Some((Tag(1), Kind::Other)), "it is adopted");
    for _ in &full {
        drop(listener.accept().expect("it is dialled"));
    }
    let (mut late, _) = listener.accept().expect("the node dials");
    late.set_read_timeout(Some(HANG)).expect("it is a socket");
    assert_eq!(late.read(&mut [0; 64]).ok(), Some(0), "it has nothing to say to it");
    assert_eq!(site.run(&["cat", "summary"]).out, "fake,node01 up\n");
    drop(fake);
}
