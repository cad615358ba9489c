//! `trace`: where the members of a session are.

use crate::subject::{Job, freeze_if_there, helpers, helpers_of, program, refused, wait_until};
use protocol::message::{Fid, Tag, Tmsg};
use std::process::Stdio;
use tests::{Answer, Cluster, Link, Told};

#[test]
fn a_trace_shows_63_members_in_one_place_and_1_in_another() {
    for shape in [&["-n", "8"][..], &["-n", "8", "--fanout", "2"]] {
        let partition = Cluster::up_with(shape);
        let job = Job::start(&partition, "64", "hang");
        let want = "0-61,63 main work* pause\n62 main spin\n";
        wait_until("all hang", || job.trace().out == want);
        // The same again, by a second look: nobody was moved by the first.
        wait_until("all hang still", || {
            let told = job.trace();
            assert_eq!((told.code, told.err.as_str()), (0, ""));
            told.out == want
        });
        let node = partition.run(&["status", &job.session]).out;
        assert!(node.lines().all(|line| line.contains(" running ")), "{node}");
    }
}

#[test]
fn a_trace_goes_on_without_a_node_that_does_not_answer() {
    let partition = Cluster::up(8);
    let job = Job::start(&partition, "8", "hang");
    wait_until("all hang", || job.trace().out == "0-7 main work* pause\n");
    // Told at the gather's deadline, which comes before the node is lost, but for a machine that is busy:
    // then another node shows it.
    let in_time = ["node05", "node06", "node07"].iter().any(|node| {
        let status = partition.run(&["status", &job.session]).out;
        let line =
            status.lines().find(|line| line.contains(&format!(" {node} "))).expect("all have a member");
        let member = line.split(' ').next().expect("a number");
        partition.signal(node, "STOP");
        let told = job.trace();
        partition.signal(node, "CONT");
        assert!(told.out.contains(" main work* pause\n"), "the others are told: {told:?}");
        let states = ["unknown", "suspect"].map(|state| format!("{member} {state}"));
        told.out.lines().any(|line| states.iter().any(|state| line == state))
    });
    assert!(in_time, "its members are told by its state");
}

#[test]
fn a_helper_of_a_trace_that_hangs_is_killed_and_its_members_are_unknown() {
    let partition = Cluster::up(1);
    let job = Job::start(&partition, "1", "hang");
    wait_until("it hangs", || job.trace().out == "0 main work* pause\n");
    let path = format!("{}/debug/trace", job.session);
    // It is there for some milliseconds: a look may miss it.
    wait_until("one is caught", || {
        let mut cat = partition.uem(&["cat", &path]);
        let mut cat = cat.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("uem starts");
        while cat.try_wait().expect("it can be asked").is_none() {
            if let Some(helper) = helpers(&partition, "node01", "trace").first() {
                freeze_if_there(*helper);
                break;
            }
        }
        let told = Told::of(&cat.wait_with_output().expect("it ends"));
        assert!(told.out == "0 unknown\n" || told.out == "0 main work* pause\n", "{told:?}");
        told.out == "0 unknown\n"
    });
    wait_until("it is gone", || helpers(&partition, "node01", "trace").is_empty());
    assert_eq!(job.trace().out, "0 main work* pause\n");
}

#[test]
fn a_node_of_its_own_is_asked_directly() {
    let node = Cluster::leaf();
    let mut link = Link::dial(&node.socket("io"));
    link.open(0, 2, &["clone"], 2);
    let lines = format!("res 3\nexec {} hang\n", program());
    assert_eq!(link.write(2, lines.as_bytes()), Answer::Done);
    let id = String::from_utf8(link.read(0, &["0", "ctl"])).expect("UTF-8");
    assert_eq!(id, "0\n");
    // Nobody else says anything to this node: what a read begins is done without a further message.
    let want = b"0-2 main work* pause\n".to_vec();
    wait_until("all hang", || link.read(0, &["0", "debug", "trace"]) == want);
    let regs = String::from_utf8(link.read(0, &["0", "1", "debug", "regs"])).expect("UTF-8");
    assert!(regs.starts_with("thread=") && regs.contains("\norig_rax=0x22\n"), "in pause(2): {regs}");
    // A text whose helper hangs is refused by the node itself.
    let mut fid = 20;
    wait_until("a helper is caught", || {
        fid += 1;
        link.open(0, fid, &["0", "debug", "trace"], 0);
        link.queue(Tag(1), &Tmsg::Read { fid: Fid(fid), offset: 0, count: 4096 });
        link.send();
        for _ in 0..2000 {
            if let Some(helper) = helpers_of(node.pid("io"), "trace").first() {
                freeze_if_there(*helper);
                break;
            }
        }
        let told = link.answer(Tag(1));
        link.clunk(fid);
        assert!(told == Answer::Data(want.clone()) || told == refused("Connection timed out"), "{told:?}");
        told == refused("Connection timed out")
    });
}

#[test]
fn a_trace_that_had_to_go_for_another_says_so() {
    let partition = Cluster::up(1);
    let job = Job::start(&partition, "1", "hang");
    wait_until("it hangs", || job.trace().out == "0 main work* pause\n");
    let mut link = Link::dial(&partition.socket("io"));
    let read =
        |link: &mut Link, fid, offset| link.call(Tag(1), &Tmsg::Read { fid: Fid(fid), offset, count: 4 });
    for fid in 1..=9 {
        link.open(0, fid, &[&job.session, "debug", "trace"], 0);
        assert_eq!(read(&mut link, fid, 0), Answer::Data(b"0 ma".to_vec()), "{fid}");
    }
    assert_eq!(read(&mut link, 1, 4), refused("Stale file handle"));
    assert_eq!(read(&mut link, 9, 4), Answer::Data(b"in w".to_vec()));
    assert_eq!(read(&mut link, 1, 0), Answer::Data(b"0 ma".to_vec()));
}
