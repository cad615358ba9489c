//! A session whose link broke without a clunk: over TCP it waits for its owner, and where the peer was on
//! this machine it is ended at once.

use crate::census::{Census, processes};
use protocol::limits::LINGER_US;
use protocol::message::{Fid, Tag, Tmsg};
use std::time::{Duration, Instant};
use tests::wait::Wait;
use tests::{Answer, Cluster, Link, refused, shapes, shapes_over_tcp};

const LINGER: Duration = Duration::from_micros(LINGER_US);

/// What a client of another link sees of a session.
struct Watch {
    link: Link,
    /// What `events` have said since it began, whole lines without their times.
    events: Vec<String>,
}

impl Watch {
    fn of(tree: &Cluster) -> Self {
        let mut link = Link::dial(&tree.socket("io"));
        link.open(0, 1, &["events"], 0);
        Self { link, events: Vec::new() }
    }

    /// The `info` of a session that is there: it may go between the walk and the read.
    fn info(&mut self, session: &str) -> Option<String> {
        self.link.queue_open(0, 2, &[session, "info"], 0);
        self.link.queue(Tag(2), &Tmsg::Read { fid: Fid(2), offset: 0, count: 4096 });
        self.link.send();
        let (walked, _opened) = (self.link.answer(Tag(1000)), self.link.answer(Tag(1001)));
        let read = self.link.answer(Tag(2));
        if walked == Answer::Done {
            self.link.clunk(2);
        }
        match read {
            Answer::Data(info) => Some(String::from_utf8(info).expect("it is text")),
            _ => None,
        }
    }

    fn wait_for_state(&mut self, session: &str, state: &str) {
        let wait = Wait::new();
        let want = format!("\nstate={state}\n");
        while !self.info(session).is_some_and(|info| info.contains(&want)) {
            wait.again(format_args!("{session} is {state}: {:?}", self.info(session)));
        }
    }

    fn wait_until_gone(&mut self, session: &str) {
        let wait = Wait::new();
        while let Some(info) = self.info(session) {
            wait.again(format_args!("{session} is gone: {info}"));
        }
    }

    /// Reads events until this one is told of the session.
    fn hear(&mut self, session: &str, state: &str) {
        let want = format!("session {session} {state}");
        while !self.events.contains(&want) {
            let read = Tmsg::Read { fid: Fid(1), offset: 0, count: 4096 };
            let Answer::Data(lines) = self.link.call(Tag(1), &read) else { panic!("events go on") };
            let lines = String::from_utf8(lines).expect("it is text");
            let told = lines.lines().map(|line| line.split_once(' ').expect("a time").1.to_owned());
            self.events.extend(told);
        }
    }
}

/// A session of programs that have children of their own, and its name: fid 1 is its ctl.
fn begin(at: &str, user: &str, size: usize) -> (Link, String) {
    let mut link = Link::dial_at(at, user);
    link.open(0, 1, &["clone"], 2);
    let lines = format!("res {size}\nexec sh -c 'sleep 1000 & sleep 1000 & wait'\n");
    assert_eq!(link.write(1, lines.as_bytes()), Answer::Done);
    let name = String::from_utf8(link.read(1, &["..", "ctl"])).expect("it is text");
    (link, name.trim().to_owned())
}

/// The members of a tree with what they have started, when they are all there.
fn running(tree: &Cluster, size: usize) -> Vec<String> {
    let wait = Wait::new();
    loop {
        let found = processes(tree);
        let sleeps = found.iter().filter(|line| line.ends_with(" sleep 1000 ")).count();
        if sleeps == 2 * size && found.len() == 3 * size {
            return found;
        }
        wait.again(format_args!("{size} members, each with two children: {found:#?}"));
    }
}

#[test]
fn a_session_whose_tcp_link_broke_is_orphaned_and_gone_with_its_members_after_ten_seconds() {
    let trees = shapes_over_tcp();
    let broken: Vec<_> = trees
        .iter()
        .map(|(tree, size, _)| {
            let before = Census::quiet(tree);
            let mut watch = Watch::of(tree);
            let (link, session) = begin(tree.tcp(), "nobody", *size);
            let members = running(tree, *size);
            let begun = Instant::now();
            drop(link);
            watch.wait_for_state(&session, "orphaned");
            watch.hear(&session, "orphaned");
            assert_eq!(running(tree, *size), members, "they go on");
            (before, watch, session, begun)
        })
        .collect();
    for ((tree, ..), (before, mut watch, session, begun)) in trees.iter().zip(broken) {
        watch.wait_until_gone(&session);
        assert!(begun.elapsed() >= LINGER, "{:?}", begun.elapsed());
        drop(watch);
        before.is_left(tree);
    }
}

#[test]
fn an_orphan_is_taken_over_by_its_owner_alone_and_is_then_a_normal_session() {
    let trees = shapes_over_tcp();
    let taken: Vec<_> = trees
        .iter()
        .map(|(tree, size, _)| {
            let before = Census::quiet(tree);
            let mut watch = Watch::of(tree);
            let (link, session) = begin(tree.tcp(), "nobody", *size);
            let members = running(tree, *size);
            drop(link);
            watch.hear(&session, "orphaned");
            watch.events.clear();
            let mut stranger = Link::dial_at(tree.tcp(), "daemon");
            stranger.queue_open(0, 1, &[&session, "ctl"], 1);
            stranger.send();
            assert_eq!(stranger.answer(Tag(1000)), Answer::Done);
            assert_eq!(stranger.answer(Tag(1001)), refused("Permission denied"));
            watch.wait_for_state(&session, "orphaned");
            let mut owner = Link::dial_at(tree.tcp(), "nobody");
            owner.open(0, 1, &[&session, "ctl"], 1);
            watch.wait_for_state(&session, "running");
            watch.hear(&session, "running");
            // Another that broke later, which nobody takes over: when it is gone, the time of both is over.
            let (link, later) = begin(tree.tcp(), "nobody", *size);
            drop(link);
            (before, watch, (session, members), owner, later)
        })
        .collect();
    for ((tree, size, _), (before, mut watch, (session, members), mut owner, later)) in
        trees.iter().zip(taken)
    {
        watch.wait_until_gone(&later);
        watch.wait_for_state(&session, "running");
        assert_eq!(running(tree, *size), members, "they go on");
        owner.clunk(1);
        watch.wait_until_gone(&session);
        drop((watch, owner));
        before.is_left(tree);
    }
}

#[test]
fn a_session_whose_link_on_this_machine_broke_is_ended_at_once() {
    for (tree, size, _) in shapes() {
        let before = Census::quiet(&tree);
        let mut watch = Watch::of(&tree);
        let (link, session) = begin(&tree.at("io"), "nobody", size);
        running(&tree, size);
        drop(link);
        watch.wait_until_gone(&session);
        // What comes after it has been told when this is.
        let (link, next) = begin(&tree.at("io"), "nobody", size);
        watch.hear(&next, "running");
        assert!(watch.events.contains(&format!("session {session} running")), "{:?}", watch.events);
        assert!(!watch.events.contains(&format!("session {session} orphaned")), "{:?}", watch.events);
        drop((link, watch));
        before.is_left(&tree);
    }
}
