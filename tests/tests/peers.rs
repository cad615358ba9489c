//! The peer as attacker: a child that joins and then answers with what it should not. It costs that child its
//! link and nobody else anything.

use protocol::message::{Qids, Rmsg, Tag, Tmsg};
use protocol::qid::Qid;
use std::time::{Duration, Instant};
use tests::fake::{Fake, Twist, encode};
use tests::{Partition, Running, Told};

fn data(tag: Tag, bytes: &[u8]) -> Option<Vec<u8>> {
    Some(encode(tag, &Rmsg::Read { data: bytes }))
}

/// On a read of that file.
fn reads<'a>(file: &str, wanted: &str, msg: &Tmsg<'a>) -> Option<u32> {
    match *msg {
        Tmsg::Read { count, .. } if file == wanted => Some(count),
        _ => None,
    }
}

const CASES: &[(&str, Twist)] = &[
    ("a beat that is none", |file, tag, msg, _| reads(file, "beat", msg).and_then(|_| data(tag, b"xyz\n"))),
    ("a beat that is no text", |file, tag, msg, _| {
        reads(file, "beat", msg).and_then(|_| data(tag, &[0xff; 9]))
    }),
    ("more than was asked for", |file, tag, msg, _| {
        reads(file, "beat", msg).and_then(|count| data(tag, &vec![b'7'; count as usize + 1]))
    }),
    ("an answer of another type", |file, tag, msg, _| {
        reads(file, "beat", msg).map(|_| encode(tag, &Rmsg::Write { count: 4 }))
    }),
    ("an answer twice", |file, _, msg, honest| reads(file, "beat", msg).map(|_| [honest, honest].concat())),
    ("an answer to nothing", |file, _, msg, honest| {
        reads(file, "beat", msg).map(|_| [encode(Tag(4000), &Rmsg::Clunk), honest.to_vec()].concat())
    }),
    ("an answer to a tag that no table has", |file, _, msg, _| {
        reads(file, "beat", msg).map(|_| encode(Tag(65_000), &Rmsg::Clunk))
    }),
    ("a second version", |file, _, msg, _| {
        reads(file, "beat", msg)
            .map(|_| encode(Tag::NONE, &Rmsg::Version { msize: 1 << 30, version: "9P2000" }))
    }),
    ("bytes that are no message", |file, _, msg, _| reads(file, "beat", msg).map(|_| vec![0xff; 40])),
    ("a size of nothing", |file, _, msg, _| reads(file, "beat", msg).map(|_| vec![0; 12])),
    ("a refused beat", |file, tag, msg, _| {
        reads(file, "beat", msg).map(|_| encode(tag, &Rmsg::Error { ename: "no" }))
    }),
    ("more qids than names", |_, tag, msg, _| match msg {
        Tmsg::Walk { .. } => {
            let mut qids = Qids::default();
            (0..16).for_each(|_| qids.push(Qid::default()).expect("sixteen"));
            Some(encode(tag, &Rmsg::Walk { qids }))
        }
        _ => None,
    }),
    ("a wait of nonsense", |file, tag, msg, _| {
        reads(file, "wait", msg).and_then(|_| data(tag, b"what now\n"))
    }),
    ("a wait that is cut", |file, tag, msg, _| {
        reads(file, "wait", msg).and_then(|_| data(tag, b"0 x 1 2 3 4 ''"))
    }),
    ("a wait for somebody else's members", |file, tag, msg, _| {
        reads(file, "wait", msg).and_then(|_| data(tag, b"0 f 1 1 1 1 ''\n1 f 1 1 1 1 ''\n2 f 1 1 1 1 ''\n"))
    }),
    ("a wait for members that there are not", |file, tag, msg, _| {
        reads(file, "wait", msg).and_then(|_| data(tag, b"4000000 f 1 1 1 1 ''\n"))
    }),
    ("more output than was asked for", |file, tag, msg, _| {
        reads(file, "stdout", msg).and_then(|count| data(tag, &vec![b'x'; count as usize + 1]))
    }),
    ("silence", |_, _, _, _| Some(Vec::new())),
];

#[test]
fn a_child_that_answers_what_it_should_not_is_lost_and_the_others_are_done() {
    let partition = Partition::up(2);
    for (number, (case, twist)) in CASES.iter().enumerate() {
        let name = format!("fake{number}");
        let mut fake = Fake::join(&partition.socket(), &name, *twist);
        partition.wait_until("summary", |text| text.starts_with(&format!("{name},node[01-02] up\n")));
        fake.turn();
        let begun = Instant::now();
        let told = partition.run(&["run", "-w", &format!("node[01-02],{name}"), "echo", "here"]);
        assert!(begun.elapsed() < Duration::from_secs(5), "{case}: {:?}", begun.elapsed());
        // It may be gone before the job begins.
        let refused = told.code == 125 && told.out.is_empty() && told.err.contains(&name);
        let lost = Told {
            code: 137,
            out: "here\nhere\n".to_owned(),
            err: format!("uem: lost: {name} (1 member)\n"),
        };
        assert!(refused || told == lost, "{case}: {told:?}");
        fake.wait_until_dropped();
        partition.wait_until("summary", |text| text.starts_with("node[01-02] up\n"));
        let told = partition.run(&["run", "-a", "echo", "well"]);
        assert_eq!((told.code, told.out.as_str()), (0, "well\nwell\n"), "{case}: {}", told.err);
    }
    partition.wait_until("status", |text| text.matches(" sessions=0 members=0 ").count() == 2);
}

#[test]
fn an_answer_behind_its_rflush_costs_the_child_its_link() {
    let partition = Partition::up(1);
    // Its reads of output wait until they are flushed, and are answered after all.
    let late: Twist = |_, _, msg, honest| match *msg {
        Tmsg::Flush { oldtag } => Some([honest, &encode(oldtag, &Rmsg::Read { data: b"late" })].concat()),
        _ => None,
    };
    let mut fake = Fake::join(&partition.socket(), "fake", late);
    partition.wait_until("summary", |text| text.starts_with("fake,node01 up\n"));
    fake.turn();
    let mut job = Running::start(partition.uem(&["run", "-a", "echo", "here"]));
    job.lines(1);
    job.signal("KILL");
    partition.run(&["rm", "0"]);
    fake.wait_until_dropped();
    partition.wait_until("summary", |text| text == "node01 up\nfake lost\n");
}

#[test]
fn members_that_do_not_end_when_they_are_killed_are_not_waited_for_without_end() {
    let partition = Partition::up(1);
    // Its members never end: their outcomes are asked for and not told, and all else is answered.
    let _fake = Fake::join(&partition.socket(), "fake", |_, _, _, _| None);
    partition.wait_until("summary", |text| text.starts_with("fake,node01 up\n"));
    let begun = Instant::now();
    let told = partition.run(&["run", "-a", "--timeout", "1", "sleep", "1000"]);
    assert!(begun.elapsed() < Duration::from_secs(20), "{:?}", begun.elapsed());
    assert_eq!(told.code, 124);
    assert!(told.err.ends_with("uem: given up; members may still be ending\n"), "{}", told.err);
}

#[test]
fn a_directory_of_nonsense_is_an_error_for_its_reader_alone() {
    let partition = Partition::up(1);
    let fake = Fake::join(&partition.socket(), "fake", |file, tag, msg, _| match *msg {
        Tmsg::Open { .. } if file == "fake" || file.is_empty() => {
            let qid = Qid { kind: protocol::qid::QTDIR, vers: 0, path: 1 };
            Some(encode(tag, &Rmsg::Open { qid, iounit: 0 }))
        }
        Tmsg::Read { offset: 0, .. } if file == "fake" || file.is_empty() => data(tag, &[0xff; 70]),
        _ => None,
    });
    partition.wait_until("summary", |text| text.starts_with("fake,node01 up\n"));
    fake.turn();
    let told = partition.run(&["ls", "net/fake"]);
    assert_eq!((told.code, told.err.as_str()), (125, "uem: net/fake: Input/output error\n"));
    assert_eq!(partition.run(&["run", "-w", "node01", "echo", "well"]).out, "well\n");
}

#[test]
fn a_join_that_cannot_be_had_is_refused_and_changes_nothing() {
    let partition = Partition::up(1);
    let honest: Twist = |_, _, _, _| None;
    for name in ["node01", "a/b", "...", &"x".repeat(65)] {
        let mut fake = Fake::join(&partition.socket(), name, honest);
        fake.wait_until_dropped();
    }
    assert_eq!(partition.run(&["cat", "summary"]).out, "node01 up\n");
    let mut fakes: Vec<Fake> =
        (0..63).map(|n| Fake::join(&partition.socket(), &format!("f{n}"), honest)).collect();
    partition.wait_until("summary", |text| text == "f[0-62],node01 up\n");
    let mut late = Fake::join(&partition.socket(), "late", honest);
    late.wait_until_dropped();
    let error = partition.run(&["cat", "error"]).out;
    assert!(error.contains("join: full: 64 children have joined"), "{error}");
    // A child that has gone makes room for nobody but itself: it keeps its name.
    drop(fakes.pop());
    partition.wait_until("summary", |text| text.ends_with("f62 lost\n"));
    let _again = Fake::join(&partition.socket(), "f62", honest);
    partition.wait_until("summary", |text| text == "f[0-62],node01 up\n");
}
