//! A session as a client of a test has it, at any height of a tree, and the three heights that there are.

use crate::cluster::tcp_address;
use crate::{Answer, Cluster, Link};
use protocol::nodeset::{self, NodeSet};
use std::collections::BTreeMap;

/// The same tree of nodes at each of the three heights: how many compute nodes, and what they are as a set
/// before a reason.
pub fn shapes() -> [(Cluster, usize, &'static str); 3] {
    shapes_at(String::new)
}

/// The same, with roots that listen on TCP too.
pub fn shapes_over_tcp() -> [(Cluster, usize, &'static str); 3] {
    shapes_at(tcp_address)
}

fn shapes_at(tcp: fn() -> String) -> [(Cluster, usize, &'static str); 3] {
    // What takes its time is that nodes are heard of: side by side.
    std::thread::scope(|all| {
        let others = [leaf, inner].map(|shape| all.spawn(move || shape(&tcp())));
        let root = root(&tcp());
        let [leaf, inner] = others.map(|shape| shape.join().expect("its nodes are up"));
        [(leaf, 1, ""), (inner, 2, "n[1-2]: "), (root, 3, "n[1-3]: ")]
    })
}

fn leaf(tcp: &str) -> Cluster {
    let leaf = Cluster::rooted("cnode", tcp);
    leaf.wait_for("io up\n");
    leaf
}

fn inner(tcp: &str) -> Cluster {
    // One by one: who comes first has the first members.
    let mut inner = Cluster::rooted("ionode", tcp);
    for (name, up) in [("n1", "n1 up\n"), ("n2", "n[1-2] up\n")] {
        inner.cnode(name, "io");
        inner.wait_for(up);
    }
    inner
}

fn root(tcp: &str) -> Cluster {
    let mut root = Cluster::rooted("ionode", tcp);
    root.ionode("io1", "io");
    for (name, parent, up) in
        [("n1", "io1", "n1 up\n"), ("n2", "io2", "n[1-2] up\n"), ("n3", "io2", "n[1-3] up\n")]
    {
        if name == "n2" {
            root.ionode(parent, "io");
        }
        root.cnode(name, parent);
        root.wait_for(up);
    }
    root
}

/// A session of a client's own: fid 1 is its ctl.
pub struct Job {
    /// Its connection, which attached as fid 0.
    pub link: Link,
}

impl Job {
    /// One that root makes at the root of a tree.
    pub fn new(tree: &Cluster) -> Self {
        Self::of(tree, "root")
    }

    /// The same of another user.
    pub fn of(tree: &Cluster, user: &str) -> Self {
        let mut link = Link::dial_as(&tree.socket("io"), user);
        link.open(0, 1, &["clone"], 2);
        Self { link }
    }

    /// Writes lines to its ctl.
    pub fn ctl(&mut self, lines: &str) -> Answer {
        self.link.write(1, lines.as_bytes())
    }

    /// Appends to one of its files.
    pub fn put(&mut self, file: &str, data: &[u8]) {
        self.link.open(1, 2, &["..", file], 1);
        // A compute node takes no more at once.
        for piece in data.chunks(32_000) {
            assert_eq!(self.link.write(2, piece), Answer::Done, "{file}");
        }
        self.link.clunk(2);
    }

    /// One of its files, whole.
    pub fn text(&mut self, file: &str) -> String {
        String::from_utf8(self.link.read(1, &["..", file])).expect("it is text")
    }

    /// Its output, record by record.
    pub fn lines(&mut self) -> Vec<String> {
        let mut lines: Vec<String> = self.text("stdout").lines().map(str::to_owned).collect();
        lines.sort_unstable();
        lines
    }

    /// What became of its members, in their order.
    pub fn outcomes(&mut self) -> Vec<String> {
        let text = self.text("wait");
        let mut all: Vec<(u32, String)> = text
            .lines()
            .map(|line| {
                let words: Vec<&str> = line.splitn(7, ' ').collect();
                (words[0].parse().expect("a number"), words[6].trim_matches('\'').to_owned())
            })
            .collect();
        all.sort_unstable();
        all.into_iter().map(|(_, outcome)| outcome).collect()
    }

    /// The newest line of its `error`, without its time.
    pub fn reason(&mut self) -> String {
        let error = self.text("error");
        let line = error.lines().next().and_then(|line| line.split_once(' '));
        let reason = line.expect("a reason is kept").1;
        let numbered = reason.strip_prefix("line ").and_then(|rest| rest.split_once(": "));
        in_order(numbered.map_or(reason, |(_, reason)| reason))
    }
}

/// A line of reasons with the nodes of each as one set, and in the order of these: answers come in any.
pub fn in_order(line: &str) -> String {
    let mut reasons: BTreeMap<&str, Vec<String>> = BTreeMap::new();
    let (head, told) = line.split_at(line.find("exec: ").map_or(0, |at| at + 6));
    for part in told.split("; ") {
        // A node's name has a number in it, which no step's has.
        let named = part.split_once(": ").filter(|(set, _)| set.contains(|c: char| c.is_ascii_digit()));
        let Some((set, reason)) = named.filter(|(set, _)| NodeSet::parse(set).is_ok()) else {
            return line.to_owned();
        };
        let nodes = NodeSet::parse(set).expect("it was read before");
        reasons.entry(reason).or_default().extend(nodes.iter().map(|name| name.to_string()));
    }
    let mut told: Vec<String> = Vec::new();
    for (reason, mut nodes) in reasons {
        nodes.sort_by(|one, other| nodeset::order(one, other));
        let mut set = String::new();
        nodeset::fold(nodes.iter().map(String::as_str), &mut set).expect("a string grows");
        told.push(format!("{set}: {reason}"));
    }
    told.sort_unstable();
    format!("{head}{}", told.join("; "))
}
