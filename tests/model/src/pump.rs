//! The two cores wired together in one thread: an aggregator, the compute nodes below it, and clients of each
//! of them. A client's bytes arrive at once, what nodes say to each other when it is delivered.

use crate::kept::Kept;
use cnode::host::{Completion, Effect, MemberSlot};
use cnode::{Cnode, Full};
use ionode::host::Peer;
use ionode::{Ionode, Target};
use protocol::ename::Ename;
use protocol::limits::MSIZE_MAX;
use protocol::message::frame;
use protocol::server::LinkId;
use protocol::text::Text;
use protocol::time::Time;
use sim::host::{SimHost, Whose};
use std::collections::{BTreeMap, VecDeque};

mod time;

/// Time that a start takes.
const START_US: u64 = 300;
/// The time at which a world begins.
const BEGIN_US: u64 = 1_700_000_000_000_000;

/// Who is at the other end of a link of the aggregator.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Who {
    Client(usize),
    Node(usize),
}

/// What happens at a node by itself.
#[derive(Clone, Copy, Debug)]
enum Todo {
    Dial,
    Leave,
    Started(MemberSlot, u32),
    Step(MemberSlot, u32),
}

/// A compute node and what is between it and the aggregator.
pub struct Leaf {
    /// Its core.
    pub core: Box<Cnode<Full>>,
    machine: SimHost,
    link: Option<u16>,
    up: VecDeque<Vec<u8>>,
    down: VecDeque<Vec<u8>>,
    inbox: Vec<u8>,
    /// Nothing is delivered to or from it.
    pub mute: bool,
    todo: BTreeMap<(u64, u64), Todo>,
    /// Its links of clients: which client.
    clients: [Option<usize>; 16],
}

/// Where a client is connected.
#[derive(Clone, Copy, Debug)]
struct Wire {
    node: usize,
    link: u16,
}

/// Everything that runs.
pub struct Net {
    /// Now, in microseconds.
    pub now: u64,
    /// The aggregator.
    pub io: Box<Ionode>,
    kept: Kept,
    who: Vec<Option<Who>>,
    wires: Vec<Option<Wire>>,
    /// The nodes below it.
    pub leaves: Vec<Leaf>,
    /// What was answered to clients, in order.
    pub answers: VecDeque<(usize, Vec<u8>)>,
    out: Vec<u8>,
    seq: u64,
    next_pid: u32,
}

/// The name of the node with that number, from 0.
pub fn node_name(index: usize) -> String {
    format!("node{:02}", index + 1)
}

/// Puts a burst's messages into a queue, one by one.
fn split(burst: &[u8], queue: &mut VecDeque<Vec<u8>>) {
    let mut left = burst;
    while let Ok(Some(len)) = frame(left, MSIZE_MAX) {
        queue.push_back(left[..len].to_vec());
        left = &left[len..];
    }
    assert!(left.is_empty(), "what a node sends is whole messages");
}

impl Net {
    /// An aggregator with so many nodes, which have joined.
    pub fn new(nodes: usize, clients: usize) -> Self {
        let facts = ionode::Facts {
            name: Text::cut("io"),
            boot: 7,
            os: "linux",
            arch: "x86_64",
            operator: Text::cut("op"),
            has_parent: false,
        };
        let mut net = Self {
            now: BEGIN_US,
            io: Box::new(Ionode::new(facts, Time(BEGIN_US))),
            kept: Kept::default(),
            who: vec![None; 255],
            wires: vec![None; clients],
            leaves: Vec::new(),
            answers: VecDeque::new(),
            out: vec![0; MSIZE_MAX as usize + 4096],
            seq: 0,
            next_pid: 0,
        };
        for index in 0..nodes {
            let facts = cnode::Facts {
                name: Text::cut(&node_name(index)),
                boot: 100 + index as u64,
                os: "linux",
                arch: "x86_64",
                cores: 4,
                operator: Text::cut("op"),
                place: None,
                has_parent: true,
            };
            net.leaves.push(Leaf {
                core: Box::new(Cnode::new(facts, Time(BEGIN_US))),
                machine: SimHost::default(),
                link: None,
                up: VecDeque::new(),
                down: VecDeque::new(),
                inbox: Vec::new(),
                mute: false,
                todo: BTreeMap::new(),
                clients: [None; 16],
            });
        }
        net.advance(1000);
        net
    }

    fn now(&self) -> Time {
        Time(self.now)
    }

    /// Connects a client with the aggregator (0) or with a node, from 1.
    pub fn connect(&mut self, client: usize, node: usize, local: bool, uid: Option<u32>) {
        let link = if node == 0 {
            let link = self.free_link(Who::Client(client));
            self.io.connect(LinkId(link), Peer { is_local: local, uid });
            link
        } else {
            let leaf = &mut self.leaves[node - 1];
            let link = (1..16).find(|link| leaf.clients[*link].is_none()).unwrap_or(15);
            leaf.clients[link] = Some(client);
            leaf.core.connect(LinkId(link as u16), local);
            link as u16
        };
        self.wires[client] = Some(Wire { node, link });
    }

    fn free_link(&mut self, who: Who) -> u16 {
        let link = (1..self.who.len()).find(|link| self.who[*link].is_none()).unwrap_or(1);
        self.who[link] = Some(who);
        link as u16
    }

    /// The client has a link.
    pub fn is_up(&self, client: usize) -> bool {
        self.wires[client].is_some()
    }

    /// Fids that the node has for the client.
    pub fn fid_count(&self, client: usize) -> usize {
        match self.wires[client] {
            Some(Wire { node: 0, link }) => self.io.fid_count(LinkId(link)),
            _ => 0,
        }
    }

    /// Gives a client's message to its node.
    pub fn give(&mut self, client: usize, bytes: &[u8]) {
        let Some(Wire { node, link }) = self.wires[client] else { return };
        let now = self.now();
        let taken = if node == 0 {
            self.io.handle_bytes(now, LinkId(link), bytes, &mut self.kept)
        } else {
            let leaf = &mut self.leaves[node - 1];
            leaf.core.handle_bytes(now, LinkId(link), bytes, &mut leaf.machine)
        };
        match taken {
            Ok(len) => assert!(len == bytes.len() || len == 0, "one message is taken whole"),
            Err(_) => self.hangup(client),
        }
        self.drain(node);
    }

    /// Gives a client's bytes to its node, message by message, as far as they are whole.
    pub fn pour(&mut self, client: usize, bytes: &[u8]) {
        let mut left = bytes;
        while let Some(Wire { node, link }) = self.wires[client] {
            let now = self.now();
            let taken = if node == 0 {
                self.io.handle_bytes(now, LinkId(link), left, &mut self.kept)
            } else {
                let leaf = &mut self.leaves[node - 1];
                leaf.core.handle_bytes(now, LinkId(link), left, &mut leaf.machine)
            };
            match taken {
                Ok(0) => return,
                Ok(len) => left = &left[len..],
                Err(_) => self.hangup(client),
            }
            self.drain(node);
        }
    }

    /// The client's link ends.
    pub fn hangup(&mut self, client: usize) {
        let Some(Wire { node, link }) = self.wires[client].take() else { return };
        let now = self.now();
        if node == 0 {
            self.who[link as usize] = None;
            self.io.handle_hangup(now, LinkId(link), &mut self.kept);
        } else {
            let leaf = &mut self.leaves[node - 1];
            leaf.clients[link as usize] = None;
            leaf.core.handle_hangup(now, LinkId(link), &mut leaf.machine);
        }
        self.drain(node);
    }

    /// The client does not read, or does again.
    pub fn block(&mut self, client: usize, blocked: bool) {
        let Some(Wire { node, link }) = self.wires[client] else { return };
        if node == 0 {
            self.io.set_blocked(LinkId(link), blocked);
        } else {
            self.leaves[node - 1].core.set_blocked(LinkId(link), blocked);
        }
        self.drain(node);
    }

    /// The node's link to the aggregator is cut; what was on it is lost.
    pub fn cut(&mut self, index: usize) {
        let Some(link) = self.leaves[index].link.take() else { return };
        let now = self.now();
        let leaf = &mut self.leaves[index];
        leaf.up.clear();
        leaf.down.clear();
        leaf.inbox.clear();
        leaf.core.handle_hangup(now, cnode::bounds::PARENT, &mut leaf.machine);
        self.drain_leaf(index);
        if self.who[link as usize].take().is_some() {
            self.io.handle_hangup(now, LinkId(link), &mut self.kept);
            self.drain_io();
        }
    }

    fn drain(&mut self, node: usize) {
        if node == 0 { self.drain_io() } else { self.drain_leaf(node - 1) }
    }

    fn drain_io(&mut self) {
        let now = self.now();
        while let Some(effect) = self.io.poll_effect() {
            let LinkId(link) = match effect {
                ionode::host::Effect::Drop(link) => link,
                // Nobody else is there.
                ionode::host::Effect::Dial => {
                    self.io.undialed(now);
                    continue;
                }
                ionode::host::Effect::Mount(index) => {
                    self.io.unmounted(now, index, Ename::Refused, &mut self.kept);
                    continue;
                }
                ionode::host::Effect::Exit => continue,
            };
            match self.who[link as usize] {
                Some(Who::Client(client)) => self.hangup(client),
                Some(Who::Node(index)) => self.cut(index),
                None => {}
            }
        }
        while let Some((target, len)) = self.io.poll_transmit(now, &mut self.kept, &mut self.out) {
            let bytes = self.out[..len].to_vec();
            match target {
                Target::Link(LinkId(link)) => match self.who[link as usize] {
                    Some(Who::Client(client)) => self.answers.push_back((client, bytes)),
                    Some(Who::Node(index)) => split(&bytes, &mut self.leaves[index].down),
                    None => {}
                },
                Target::Children(set) => {
                    for LinkId(link) in set.into_iter().filter_map(|rank| self.io.link_of(rank)) {
                        if let Some(Who::Node(index)) = self.who[link as usize] {
                            split(&bytes, &mut self.leaves[index].down);
                        }
                    }
                }
            }
        }
    }

    fn later(&mut self, index: usize, after: u64, what: Todo) {
        self.seq += 1;
        self.leaves[index].todo.insert((self.now + after, self.seq), what);
    }

    fn drain_leaf(&mut self, index: usize) {
        let now = self.now();
        while let Some(effect) = self.leaves[index].core.poll_effect() {
            match effect {
                Effect::Dial => self.later(index, 10, Todo::Dial),
                Effect::Start { member, session, number, size, .. } => {
                    self.next_pid += 1;
                    let (pid, now) = (self.next_pid, self.now);
                    let node = &node_name(index);
                    let whose = Whose { node, session: "", number, size, date_us: now };
                    self.leaves[index].machine.start(member, session, pid, &whose);
                    self.later(index, START_US, Todo::Started(member, pid));
                }
                Effect::Debug { helper: member, .. } => {
                    let leaf = &mut self.leaves[index];
                    let done = Completion::Failed { member, failure: Ename::Unsupported.into() };
                    leaf.core.handle_completion(now, done, &mut leaf.machine);
                }
                Effect::Leave => self.later(index, 0, Todo::Leave),
                Effect::Exit => {}
            }
        }
        loop {
            let leaf = &mut self.leaves[index];
            let sent = leaf.core.poll_transmit(now, &mut leaf.machine, &mut self.out);
            let Some((LinkId(link), len)) = sent else { break };
            let bytes = self.out[..len].to_vec();
            match leaf.clients[link as usize] {
                Some(client) => self.answers.push_back((client, bytes)),
                None if link == 0 => split(&bytes, &mut leaf.up),
                None => {}
            }
        }
        let Leaf { core, machine, .. } = &mut self.leaves[index];
        let going: Vec<_> = std::iter::from_fn(|| machine.going()).collect();
        let ending: Vec<_> =
            std::iter::from_fn(|| machine.ending(|member| core.member_pid(member))).collect();
        for (member, pid, _) in going {
            self.later(index, 1, Todo::Started(member, pid));
        }
        for (member, pid) in ending {
            self.later(index, 1, Todo::Step(member, pid));
        }
    }

    /// Delivers one message between nodes: false if there is none.
    pub fn deliver(&mut self, choice: usize) -> bool {
        let count = self.leaves.len();
        for turn in 0..2 * count {
            let at = (choice + turn) % (2 * count);
            let (index, goes_up) = (at / 2, at.is_multiple_of(2));
            let leaf = &mut self.leaves[index];
            if leaf.mute {
                continue;
            }
            let queue = if goes_up { &mut leaf.up } else { &mut leaf.down };
            let Some(bytes) = queue.pop_front() else { continue };
            if goes_up {
                self.up(index, &bytes)
            } else {
                self.down(index, &bytes)
            }
            return true;
        }
        false
    }

    /// Delivers all that is under way.
    pub fn settle(&mut self) {
        let mut count = 0;
        while self.deliver(count) {
            count += 1;
            assert!(count < 100_000, "nodes come to rest");
        }
    }

    fn up(&mut self, index: usize, bytes: &[u8]) {
        let Some(link) = self.leaves[index].link else { return };
        let now = self.now();
        // A driver may, and need not.
        if self.now.is_multiple_of(2)
            && let Some((target, len)) = self.io.pass(LinkId(link), bytes, &mut self.out)
        {
            assert_eq!(len, bytes.len(), "it is as long as it was");
            let Target::Link(LinkId(link)) = target else { panic!("it is for one client") };
            let Some(Who::Client(client)) = self.who[link as usize] else { panic!("it is for a client") };
            self.answers.push_back((client, self.out[..len].to_vec()));
            return self.drain_io();
        }
        let taken = self.io.handle_bytes(now, LinkId(link), bytes, &mut self.kept);
        assert_eq!(taken, Ok(bytes.len()), "the aggregator takes what its child says: type {}", bytes[4]);
        self.drain_io();
    }

    fn down(&mut self, index: usize, bytes: &[u8]) {
        let now = self.now();
        let leaf = &mut self.leaves[index];
        let taken = leaf.core.handle_bytes(now, cnode::bounds::PARENT, bytes, &mut leaf.machine);
        assert_eq!(taken, Ok(bytes.len()), "a node takes what its parent says: type {}", bytes[4]);
        self.drain_leaf(index);
    }
}

impl Net {
    /// Nothing is under way between nodes.
    pub fn is_calm(&self) -> bool {
        self.leaves.iter().all(|leaf| leaf.up.is_empty() && leaf.down.is_empty())
    }

    /// Root removes a session of a node, on a link of its own.
    pub fn remove(&mut self, node: usize, name: &str) {
        use crate::wire::{message, text, word};
        let client = self.wires.len();
        self.wires.push(None);
        self.connect(client, node, true, Some(0));
        let (none, one) = (word(!0), word(1));
        self.give(client, &message(100, !0, &[&word(8192), &text("9P2000")]));
        self.give(client, &message(104, 1, &[&word(0), &none, &text("root"), &text("")]));
        self.give(client, &message(110, 1, &[&word(0), &one, &1_u16.to_le_bytes(), &text(name)]));
        self.give(client, &message(122, 1, &[&one]));
        self.hangup(client);
        self.wires.pop();
        self.answers.retain(|(to, _)| *to != client);
    }
}
