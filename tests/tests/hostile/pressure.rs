//! Peers that want too much: each meets a bound that concerns it alone.

use protocol::limits::MSIZE_MAX;
use protocol::message::{Fid, Tag, Tmsg, VERSION};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use tests::fake::{Act, BOOT, Fake, reply};
use tests::link::{Kind, request, walk};
use tests::{Cluster, Link, Stream};

const AGAIN: &str = "Resource temporarily unavailable";

fn check_runs(site: &mut Cluster, after: &str) {
    site.check_alive(after);
    let told = site.run(&["run", "-w", "node01", "echo", "well"]);
    assert_eq!((told.code, told.out.as_str()), (0, "well\n"), "{after}: {}", told.err);
}

#[test]
fn a_hundred_and_ninety_clients_with_half_a_message_cost_the_others_nothing() {
    let mut site = Cluster::hosts(1);
    let half = &request(Tag::NONE, &Tmsg::Version { msize: 8216, version: VERSION })[..9];
    let at = site.at("io");
    let idle: Vec<Link> = (0..190)
        .map(|_| {
            let mut raw = Link::connect_at(&at);
            raw.send_bytes(half);
            raw
        })
        .collect();
    check_runs(&mut site, "idle clients");
    // Beyond all links there is a hangup, and those who are in go on.
    let mut witness = Link::attached(&at);
    let more: Vec<Link> = (0..300).map(|_| Link::connect_at(&at)).collect();
    let mut refused = more.into_iter().last().expect("there are some");
    refused.ask(Tag::NONE, &Tmsg::Version { msize: 8216, version: VERSION });
    assert_eq!(witness.try_call(Tag(1), &walk(0, 0, &[])), Some(Kind::Other));
    drop((idle, refused));
    check_runs(&mut site, "idle clients are gone");
}

#[test]
fn a_connection_beyond_all_links_is_closed_and_the_others_go_on() {
    let mut site = Cluster::empty();
    site.cnode_with("node01", &[]);
    let at = site.at("node01");
    let mut inside: Vec<Link> = (0..15).map(|_| Link::attached(&at)).collect();
    assert_eq!(Link::connect_at(&at).message(), None, "the sixteenth is refused");
    for raw in &mut inside {
        assert_eq!(raw.try_call(Tag(1), &walk(0, 0, &[])), Some(Kind::Other));
    }
    drop(inside.pop());
    let is_served = |_: &Cluster| {
        let mut raw = Link::connect_at(&at);
        raw.ask(Tag::NONE, &Tmsg::Version { msize: 8216, version: VERSION });
        raw.message().is_some()
    };
    site.until("a place comes free", is_served);
}

#[test]
fn blocked_readers_beyond_the_bound_are_told_to_come_again() {
    let mut site = Cluster::hosts(1);
    for (at, bound) in [(site.at("io"), 64), (site.at("node01"), 16)] {
        let mut raw = Link::attached(&at);
        raw.open_path(1, &["events"], 0);
        let read = Tmsg::Read { fid: Fid(1), offset: 0, count: 100 };
        (0..bound).for_each(|tag| raw.ask(Tag(100 + tag), &read));
        for tag in 1..10 {
            assert_eq!(raw.refusal(Tag(tag), &read), AGAIN);
        }
        assert_eq!(raw.try_call(Tag(1), &Tmsg::Flush { oldtag: Tag(100) }), Some(Kind::Other));
        raw.ask(Tag(100), &read);
        assert_eq!(raw.refusal(Tag(1), &read), AGAIN);
        assert_eq!(raw.try_call(Tag(1), &walk(0, 2, &["status"])), Some(Kind::Other));
    }
    check_runs(&mut site, "blocked readers");
}

#[test]
fn a_reader_that_never_drains_holds_a_bounded_store_and_nobody_up() {
    let mut site = Cluster::hosts(1);
    for node in ["io", "node01"] {
        let before = site.kib(node, "VmRSS:");
        let stream = Stream::dial(&site.at(node)).expect("a node listens");
        let mut raw = Link::over(stream.again().expect("a descriptor is left"));
        raw.greet(8216, "root");
        raw.open_path(1, &["ctl"], 0);
        stream.be_brief();
        let reads = request(Tag(1), &Tmsg::Read { fid: Fid(1), offset: 0, count: 8000 }).repeat(1000);
        // It writes until nothing is taken any more, and reads nothing.
        let mut sent = 0;
        while sent < 2000 && raw.try_send(&reads) {
            sent += 1;
        }
        assert!(sent < 2000, "{node}: requests are not taken without end");
        check_runs(&mut site, "a reader that never drains");
        let after = site.kib(node, "VmRSS:");
        assert!(after < before + 8192, "{node}: {before} KiB, then {after} KiB");
    }
}

#[test]
fn a_storm_of_flushed_walks_to_a_stopped_node_meets_a_bound() {
    let mut site = Cluster::hosts(2);
    site.signal("node02", "STOP");
    let mut raw = Link::attached(&site.at("io"));
    for round in 0..3000 {
        raw.ask(Tag(1), &walk(0, 1, &["net", "node02", "status"]));
        raw.ask(Tag(2), &Tmsg::Flush { oldtag: Tag(1) });
        let answers = std::iter::from_fn(|| raw.next_kind()).find(|(tag, _)| *tag == Tag(2));
        assert!(answers.is_some(), "round {round}: the link goes on");
    }
    check_runs(&mut site, "a storm of flushes");
    site.signal("node02", "CONT");
    site.until("it is up again", |site| site.run(&["cat", "summary"]).out == "node[01-02] up\n");
    // Nothing of the storm is left to stand in the way of this.
    let again = walk(0, 2, &["net", "node02", "status"]);
    site.until("it is walked to", |_| raw.try_call(Tag(1), &again) == Some(Kind::Other));
}

#[test]
fn a_storm_of_commands_is_cut_short_and_the_job_ends() {
    let mut site = Cluster::hosts(2);
    let mut raw = Link::attached(&site.at("io"));
    raw.greet(MSIZE_MAX, "root");
    raw.open_path(1, &["clone"], 2);
    let write = |data| Tmsg::Write { fid: Fid(1), offset: 0, data };
    assert_eq!(raw.refusal(Tag(1), &write(b"res 2\nexec sleep 1000\n")), "");
    let storm = b"signal CONT\n".repeat(80_000);
    assert_eq!(raw.refusal(Tag(1), &write(&storm)), "Invalid argument");
    let storm = b"close stdin\nfailfast on\nprefix off\n".repeat(20_000);
    raw.ask(Tag(1), &write(&storm));
    assert!(raw.next_kind().is_some(), "the link goes on");
    site.until("it can be signalled again", |_| raw.refusal(Tag(1), &write(b"kill\n")).is_empty());
    check_runs(&mut site, "a storm of commands");
}

#[test]
fn the_largest_launch_reaches_a_child_of_the_smallest_messages() {
    let mut site = Cluster::hosts(1);
    let fake = Fake::join(&site.at("io"), "fake", BOOT).expect("it joins").serve(|_, tag, msg| match msg {
        Tmsg::Version { .. } => {
            Act::Send(reply(tag, &protocol::message::Rmsg::Version { msize: 4096, version: VERSION }))
        }
        _ => Act::Usual,
    });
    site.until("it is up", |site| site.run(&["cat", "summary"]).out == "fake,node01 up\n");
    let mut raw = Link::attached(&site.at("io"));
    raw.greet(MSIZE_MAX, "root");
    raw.open_path(1, &["clone"], 2);
    for (fid, file) in [(2, "env"), (3, "args")] {
        assert_eq!(raw.try_call(Tag(1), &walk(1, fid, &["..", file])), Some(Kind::Other));
        assert_eq!(raw.try_call(Tag(1), &Tmsg::Open { fid: Fid(fid), mode: 1 }), Some(Kind::Other));
        let line =
            if file == "env" { b"NAME=value-value\n".to_vec() } else { b"true word-word-w\n".to_vec() };
        for _ in 0..4 {
            let data = line.repeat((1 << 20) / line.len() - 10);
            let write = Tmsg::Write { fid: Fid(fid), offset: 0, data: &data };
            assert_eq!(raw.refusal(Tag(1), &write), "", "{file}");
        }
    }
    let exec = Tmsg::Write { fid: Fid(1), offset: 0, data: b"res + fake\nexec\n" };
    assert_eq!(raw.refusal(Tag(1), &exec), "");
    check_runs(&mut site, "the largest launch");
    drop(fake);
}

#[test]
fn whoever_connects_again_and_again_holds_up_nobody() {
    let mut site = Cluster::hosts(1);
    let stop = Arc::new(AtomicBool::new(false));
    for name in ["io", "node01"] {
        let mut raw = Link::attached(&site.at(name));
        raw.open_path(1, &["info"], 0);
        let storm = || {
            let (at, over) = (site.at(name), Arc::clone(&stop));
            std::thread::spawn(move || {
                let mut count = 0;
                while !over.load(Ordering::Relaxed) {
                    // A queue that is full has it wait.
                    count += u32::from(Stream::dial(&at).is_ok());
                }
                count
            })
        };
        let storms = [storm(), storm(), storm(), storm()];
        for _ in 0..200 {
            assert!(!raw.data(1, 0, 1000).is_empty(), "{name}");
        }
        stop.store(true, Ordering::Relaxed);
        assert!(storms.into_iter().all(|storm| storm.join().expect("it ends") > 0), "{name}");
        stop.store(false, Ordering::Relaxed);
    }
    site.check_alive("connections");
}
