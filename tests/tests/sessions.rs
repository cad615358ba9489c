//! What a session's ctl takes beside what its members' start can be told: whom it reserves, how its input is
//! dealt, what it is called and how it ends; at a compute node, at an ionode, and at a root.

use protocol::message::{Fid, Rmsg, Tag, Tmsg};
use protocol::stat::DMDIR;
use std::path::PathBuf;
use tests::fake::{Act, BOOT, Fake, reply};
use tests::wait::Wait;
use tests::{Answer, Cluster, Job, Link, refused, shapes};

const FEW: &str = "Resource temporarily unavailable";
const INVALID: &str = "Invalid argument";
const BUSY: &str = "Device or resource busy";

/// A child that says it is a Blue Gene's compute node.
fn powerpc(_: &mut Fake, tag: Tag, msg: &Tmsg<'_>) -> Act {
    const INFO: &[u8] = b"ns=1\nos=linux\narch=powerpc\nheight=0\ncores=4\nmem=2097152\n";
    match msg {
        // The node's own files are opened in one order: `info` is the third.
        Tmsg::Read { fid: Fid(4), .. } => Act::Send(reply(tag, &Rmsg::Read { data: INFO })),
        _ => Act::Usual,
    }
}

#[test]
fn members_are_on_nodes_of_the_kind_that_was_asked_for() {
    let mut tree = Cluster::root();
    tree.ionode("io1", "io");
    tree.ionode("io2", "io");
    tree.cnode("n1", "io1");
    tree.cnode("n2", "io2");
    let at = format!("unix!{}", tree.socket("io1").display());
    let _far = Fake::join(&at, "p1", BOOT).expect("it joins").serve(powerpc);
    tree.wait_for("n1,p1,n2 up\n");
    let arch = std::env::consts::ARCH;
    let wait = Wait::new();
    loop {
        let info = tree.run(&["cat", "info"]).out;
        if info.contains(&format!("\nkind linux {arch} 2\n")) && info.contains("\nkind linux powerpc 1\n") {
            break;
        }
        wait.again(format_args!("{info}"));
    }
    let mut job = Job::new(&tree);
    assert_eq!(job.ctl(&format!("res 4 Linux {arch}\nexec sh -c 'echo $UEM_NODE'")), Answer::Done);
    assert_eq!(job.lines(), ["n1", "n1", "n2", "n2"]);
    let mut job = Job::new(&tree);
    assert_eq!(job.ctl("res 3 * powerpc"), Answer::Done);
    let info = job.text("info");
    assert!(info.contains("\nnodes=io1\nsize=3\n") && info.ends_with("\nos=*\narch=powerpc\n"), "{info}");
    assert_eq!(job.ctl("res 1 linux"), refused(INVALID));
    let one = "res: all res N of a session are of one os and arch; make another session";
    assert_eq!(job.reason(), one);
    let mut job = Job::new(&tree);
    assert_eq!(job.ctl("res 2 plan9"), refused(FEW));
    assert_eq!(job.reason(), "res: 0 of 2");
}

#[test]
fn a_compute_node_is_of_its_own_kind_alone() {
    let leaf = Cluster::leaf();
    let arch = std::env::consts::ARCH;
    let mut job = Job::new(&leaf);
    assert_eq!(job.ctl("res 2 * powerpc"), refused(FEW));
    assert_eq!(job.reason(), "res: 0 of 2");
    assert_eq!(job.ctl(&format!("res 2 linux {arch}\nexec true")), Answer::Done);
}

#[test]
fn a_session_that_is_excl_has_its_nodes_for_itself_until_its_members_end() {
    for (tree, nodes, _) in shapes() {
        let first = if nodes == 1 { "io" } else { "n1" };
        let mut alone = Job::new(&tree);
        assert_eq!(
            alone.ctl(&format!("excl\nres + {first}\nexec sh -c 'echo $UEM_NODE; cat'")),
            Answer::Done
        );
        let mut other = Job::new(&tree);
        if nodes == 1 {
            assert_eq!(other.ctl("exec true"), refused(BUSY));
            assert_eq!(other.reason(), "exec: res: another session has the node for itself");
        } else {
            let mut named = Job::new(&tree);
            assert_eq!(named.ctl(&format!("res + {first}\nexec true")), refused(BUSY));
            let verb = if nodes == 2 { "res" } else { "exec" };
            assert_eq!(named.reason(), format!("{verb}: n1: res: another session has the node for itself"));
            assert_eq!(other.ctl("res 12\nexec sh -c 'echo $UEM_NODE; cat'"), Answer::Done);
            let mut third = Job::new(&tree);
            assert_eq!(third.ctl("excl\nres 1"), refused(FEW));
            assert_eq!(third.reason(), "res: 0 of 1");
            assert_eq!(other.ctl("close stdin"), Answer::Done);
            let seen = other.lines();
            assert!(seen.len() == 12 && !seen.contains(&first.to_owned()), "{seen:?}");
            // Its members have ended, and its nodes are free for one alone.
            assert_eq!(other.outcomes().len(), 12);
            assert_eq!(third.ctl(&format!("excl\nres {}\nexec true", nodes - 1)), Answer::Done);
        }
        assert_eq!(alone.ctl("close stdin"), Answer::Done);
        assert_eq!((alone.lines(), alone.outcomes()), (vec![first.to_owned()], vec![String::new()]));
        assert_eq!(alone.ctl("excl on"), refused(INVALID));
        assert_eq!(Job::new(&tree).ctl(&format!("res + {first}\nexec true")), Answer::Done);
        let mut late = Job::new(&tree);
        assert_eq!(late.ctl("res 1\nexcl"), refused(INVALID));
        assert_eq!(late.reason(), "excl: excl comes before res");
    }
}

#[test]
fn a_node_that_another_client_has_for_itself_refuses_by_its_name() {
    let mut tree = Cluster::root();
    tree.ionode("io1", "io");
    tree.cnode("n1", "io1");
    tree.cnode("n2", "io");
    tree.wait_for("n[1-2] up\n");
    let mut alone = Link::dial(&tree.socket("n1"));
    alone.open(0, 1, &["clone"], 2);
    assert_eq!(alone.write(1, b"excl\nres 1\nexec sleep 60"), Answer::Done);
    let mut job = Job::new(&tree);
    assert_eq!(job.ctl("res 4\nexec true"), refused(BUSY));
    assert_eq!(job.reason(), "exec: n1: res: another session has the node for itself");
    let mut outcomes = job.outcomes();
    outcomes.sort_unstable();
    assert_eq!(outcomes[..2], ["", ""]);
    assert!(outcomes[2].starts_with("never run"), "{outcomes:?}");
    let mut job = Job::new(&tree);
    assert_eq!(job.ctl("excl\nres + n1\nexec true"), refused(BUSY));
    alone.clunk(1);
    let mut shared = Link::dial(&tree.socket("n1"));
    shared.open(0, 1, &["clone"], 2);
    let wait = Wait::new();
    while shared.write(1, b"exec sleep 60") != Answer::Done {
        wait.again("the killed member ends");
    }
    let mut job = Job::new(&tree);
    assert_eq!(job.ctl("excl\nres + n1\nexec true"), refused(BUSY));
    assert_eq!(job.reason(), "exec: n1: res: excl: another session has members on the node");
}

#[test]
fn shared_records_go_to_whoever_has_read_what_it_was_given() {
    const RECORDS: usize = 300;
    for (tree, nodes, _) in shapes() {
        let go: PathBuf = tree.dir().join("go");
        // The first member holds its first record until it may go on.
        let script = format!(
            "while read -r line; do while [ $UEM_MEMBER = 0 ] && ! [ -e {0} ]; do sleep 0.02; done; \
             echo $UEM_MEMBER $line; done",
            go.display()
        );
        let mut job = Job::new(&tree);
        job.put("args", format!("sh -c '{script}'").as_bytes());
        assert_eq!(job.ctl(&format!("share\nres {}\nexec", 2 * nodes)), Answer::Done);
        let records: String = (0..RECORDS).map(|n| format!("{n}\n")).collect();
        // In pieces that end within records.
        for piece in records.as_bytes().chunks(97) {
            job.put("stdin", piece);
        }
        job.link.open(1, 5, &["..", "stdout"], 0);
        let mut text = String::new();
        // All but what the slow one and the pipe before it can hold come without it.
        while text.lines().count() < RECORDS - 4 {
            let read = Tmsg::Read { fid: Fid(5), offset: 0, count: 60_000 };
            let Answer::Data(more) = job.link.call(Tag(9), &read) else { panic!("it is read") };
            text += std::str::from_utf8(&more).expect("it is text");
        }
        assert!(text.lines().all(|line| !line.starts_with("0 ")), "{text}");
        std::fs::write(&go, "").expect("a file can be made");
        assert_eq!(job.ctl("close stdin"), Answer::Done);
        loop {
            let read = Tmsg::Read { fid: Fid(5), offset: 0, count: 60_000 };
            let Answer::Data(more) = job.link.call(Tag(9), &read) else { panic!("it is read") };
            if more.is_empty() {
                break;
            }
            text += std::str::from_utf8(&more).expect("it is text");
        }
        let mut seen: Vec<usize> = text
            .lines()
            .map(|line| line.split_once(' ').expect("two words").1.parse().expect("it"))
            .collect();
        seen.sort_unstable();
        assert_eq!(seen, (0..RECORDS).collect::<Vec<_>>());
    }
}

#[test]
fn shared_records_longer_than_a_message_stay_whole() {
    for (tree, nodes, _) in shapes() {
        let mut job = Job::new(&tree);
        assert_eq!(job.ctl(&format!("share\nres {nodes}\nexec awk '{{ print length($0) }}'")), Answer::Done);
        let long = 100_000;
        let record = "x".repeat(long);
        for _ in 0..4 {
            job.put("stdin", format!("{record}\n{record}\n").as_bytes());
        }
        job.put("stdin", b"unended");
        assert_eq!(job.ctl("close stdin"), Answer::Done);
        let mut want = vec![long.to_string(); 8];
        want.push("7".to_owned());
        assert_eq!(job.lines(), want);
    }
}

#[test]
fn killonclose_ends_the_members_of_a_session_that_stays() {
    for (tree, nodes, _) in shapes() {
        let mut link = Link::dial(&tree.socket("io"));
        let copy = Tmsg::Walk { fid: Fid(0), newfid: Fid(1), names: protocol::message::Names::NONE };
        assert_eq!(link.call(Tag(1), &copy), Answer::Done);
        let make = Tmsg::Create { fid: Fid(1), name: "stays", perm: DMDIR | 0o700, mode: 0 };
        assert_eq!(link.call(Tag(1), &make), Answer::Done);
        link.open(0, 2, &["stays", "ctl"], 2);
        let lines = format!("killonclose\nres {nodes}\nexec sleep 60");
        assert_eq!(link.write(2, lines.as_bytes()), Answer::Done);
        assert!(String::from_utf8_lossy(&link.read(0, &["stays", "info"])).contains("\nkillonclose=on\n"));
        link.clunk(2);
        let wait = String::from_utf8(link.read(0, &["stays", "wait"])).expect("it is text");
        assert_eq!(wait.lines().filter(|line| line.ends_with(" 'signal: 9'")).count(), nodes, "{wait}");
        assert!(String::from_utf8_lossy(&link.read(0, &["stays", "info"])).contains("\nstate=done\n"));
    }
}

#[test]
fn tags_of_a_session_are_its_owners_words() {
    for (tree, _, _) in shapes() {
        let mut job = Job::new(&tree);
        assert_eq!(job.ctl("tag project=hydra\ntag urgent\nuntag none"), Answer::Done);
        assert!(job.text("info").ends_with("\ntag project=hydra\ntag urgent\n"));
        assert_eq!(job.ctl("untag urgent\ntag project=lerna"), Answer::Done);
        assert!(job.text("info").ends_with("\ntag project=lerna\n"));
        assert_eq!(job.ctl(&format!("tag a={0}\ntag b={0}", "x".repeat(60))), refused(INVALID));
        assert_eq!(job.reason(), "tag: all tags of a session have at most 128 bytes; untag some");
        assert_eq!(job.ctl("tag a b"), refused(INVALID));
        assert_eq!(job.reason(), "tag: usage: tag KEY[=VALUE]");
    }
}

#[test]
fn the_life_of_a_session_is_told_in_events_to_its_end() {
    for (tree, _, _) in shapes() {
        let mut reader = Link::dial(&tree.socket("io"));
        reader.open(0, 1, &["events"], 0);
        let mut job = Job::new(&tree);
        assert_eq!(job.ctl("exec sleep 60"), Answer::Done);
        job.link.clunk(1);
        let mut told = String::new();
        while !told.contains(" session 0 closed\n") {
            let read = Tmsg::Read { fid: Fid(1), offset: 0, count: 4096 };
            let Answer::Data(more) = reader.call(Tag(3), &read) else { panic!("it is read") };
            told += std::str::from_utf8(&more).expect("it is text");
        }
        assert!(told.contains(" session 0 open\n") && told.contains(" session 0 running\n"), "{told}");
    }
}

#[test]
fn the_rest_of_a_shared_record_goes_with_the_node_that_had_its_begin() {
    let mut tree = Cluster::root();
    let at = format!("unix!{}", tree.socket("io").display());
    let first = Fake::join(&at, "f1", BOOT).expect("it joins").serve(|_, _, _| Act::Usual);
    tree.wait_for("f1 up\n");
    tree.cnode("n1", "io");
    tree.wait_for("f1,n1 up\n");
    let mut job = Job::new(&tree);
    assert_eq!(job.ctl("share\nres 2\nexec cat"), Answer::Done);
    job.put("stdin", &[b'x'; 30_000]);
    drop(first);
    tree.wait_for("n1 up\nf1 lost\n");
    job.put("stdin", b"rest");
    job.put("stdin", b" of it\nnext\n");
    assert_eq!(job.ctl("close stdin"), Answer::Done);
    assert_eq!(job.lines(), ["next"]);
}

#[test]
fn writers_may_go_on_for_as_long_as_they_like() {
    const PIECES: u16 = 400;
    const WRITERS: u16 = 4;
    let piece = [b'x'; 30_000];
    for (tree, nodes, _) in shapes().into_iter().skip(1) {
        let mut job = Job::new(&tree);
        assert_eq!(job.ctl(&format!("res {nodes}\nexec wc -c")), Answer::Done);
        // While one is on its way others wait, all the time.
        let write = |job: &mut Job, writer: u16| {
            let fid = Fid(2 + u32::from(writer));
            job.link.queue(Tag(writer), &Tmsg::Write { fid, offset: 0, data: &piece });
            job.link.send();
        };
        for writer in 0..WRITERS {
            job.link.open(1, 2 + u32::from(writer), &["..", "stdin"], 1);
            write(&mut job, writer);
        }
        for at in 0..PIECES {
            assert_eq!(job.link.answer(Tag(at % WRITERS)), Answer::Done, "{at}");
            if at + WRITERS < PIECES {
                write(&mut job, at % WRITERS);
            }
        }
        assert_eq!(job.ctl("close stdin"), Answer::Done);
        assert_eq!(job.lines(), vec![(usize::from(PIECES) * piece.len()).to_string(); nodes]);
    }
}
