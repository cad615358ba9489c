//! The world: one ionode, its cnodes, clients, the links between them, and time.

use crate::client::Job;
use crate::leaf::Machine;
use crate::memory::Params;
use crate::trace::{Random, Trace};
use cnode::host::MemberSlot;
use cnode::{Cnode, Small};
use ionode::{Ionode, Target};
use protocol::message::{frame, is_request};
use protocol::record::End;
use protocol::server::LinkId;
use protocol::text::Text;
use protocol::time::Time;
use std::collections::BTreeMap;
use std::rc::Rc;

/// Delay of a message on a link, in microseconds: at least this, and up to as much again.
pub(crate) const LATENCY_US: u64 = 20;
/// Time a start takes: at least this, and up to as much again.
pub(crate) const START_US: u64 = 300;
/// Room for any message.
const OUT: usize = 1 << 17;

/// Where something happens.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Place {
    /// The aggregator.
    Io,
    /// A compute node, by number from 0.
    Leaf(usize),
    /// A client, by number from 0.
    Client(usize),
}

/// What is broken, where.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// The node neither reads nor answers.
    Stop,
    /// It goes on.
    Continue,
    /// It is gone, with all that ran on it.
    Kill,
}

#[derive(Debug)]
enum Event {
    Bytes {
        from: Place,
        to: Place,
        epoch: u32,
        bytes: Rc<[u8]>,
    },
    Tick(Place),
    Dial {
        leaf: usize,
        epoch: u32,
    },
    /// The last says whether it waits for the others of its gang.
    Started {
        leaf: usize,
        member: MemberSlot,
        pid: u32,
        waits: bool,
    },
    Ended {
        leaf: usize,
        member: MemberSlot,
        pid: u32,
        end: End,
    },
    Hangup {
        to: Place,
        from: Place,
    },
    Fault(usize, Fault),
    Begin(usize),
}

struct Leaf {
    core: Cnode<Small>,
    machine: Machine,
    inbox: Vec<u8>,
    stopped: bool,
    dead: bool,
    linked: bool,
    /// Which link to the parent this is, counted from 1.
    epoch: u32,
    /// What came while it was stopped.
    later: Vec<Event>,
    ticking: Option<u64>,
}

/// A client's job, before it begins.
pub struct Order {
    res: String,
    program: String,
    input: Option<Vec<u8>>,
}

/// Everything there is.
pub struct World {
    now: u64,
    seq: u64,
    events: BTreeMap<(u64, u64), Event>,
    io: Ionode,
    io_host: Params,
    io_inbox: BTreeMap<u16, Vec<u8>>,
    io_ticking: Option<u64>,
    leaves: Vec<Leaf>,
    orders: Vec<Order>,
    jobs: Vec<Job>,
    arrival: BTreeMap<(Place, Place), u64>,
    client_inbox: Vec<Vec<u8>>,
    random: Random,
    next_pid: u32,
    /// What happened.
    pub trace: Trace,
    /// Bursts that went to more than one child, and children they went to.
    pub fanouts: (u64, u64),
    out: Vec<u8>,
}

impl World {
    /// A partition of `nodes` nodes (at most 64) whose delays come from `seed`; `keep` all lines of its
    /// trace.
    pub fn new(seed: u64, nodes: usize, keep: bool) -> Self {
        let facts = ionode::node::Facts {
            name: Text::cut("io"),
            boot: seed,
            os: "linux",
            arch: "ppc",
            has_parent: false,
        };
        let mut world = Self {
            now: 1,
            seq: 0,
            events: BTreeMap::new(),
            io: Ionode::new(facts, Time(1)),
            io_host: Params::default(),
            io_inbox: BTreeMap::new(),
            io_ticking: None,
            leaves: Vec::new(),
            orders: Vec::new(),
            jobs: Vec::new(),
            arrival: BTreeMap::new(),
            client_inbox: Vec::new(),
            random: Random::new(seed),
            next_pid: 0,
            trace: Trace::new(keep),
            fanouts: (0, 0),
            out: vec![0; OUT],
        };
        for index in 0..nodes {
            let name = format!("node{:02}", index + 1);
            let boot = seed.wrapping_add(index as u64 + 1);
            let facts = cnode::node::Facts {
                name: Text::cut(&name),
                boot,
                os: "linux",
                arch: "ppc",
                cores: 4,
                has_parent: true,
            };
            world.leaves.push(Leaf {
                core: Cnode::new(facts, Time(1)),
                machine: Machine::new(&name),
                inbox: Vec::new(),
                stopped: false,
                dead: false,
                linked: false,
                epoch: 0,
                later: Vec::new(),
                ticking: None,
            });
            world.schedule(1, Event::Tick(Place::Leaf(index)));
        }
        world
    }

    /// Breaks a node at a time, in microseconds.
    pub fn plan(&mut self, at: u64, leaf: usize, fault: Fault) {
        self.schedule(at, Event::Fault(leaf, fault));
    }

    /// Begins a job at a time, in microseconds: its number.
    pub fn order(&mut self, at: u64, res: &str, program: &str, input: Option<&[u8]>) -> usize {
        let input = input.map(<[u8]>::to_vec);
        self.orders.push(Order { res: res.to_owned(), program: program.to_owned(), input });
        self.jobs.push(Job::default());
        self.client_inbox.push(Vec::new());
        let number = self.jobs.len() - 1;
        self.schedule(at, Event::Begin(number));
        number
    }

    /// A job as its client sees it.
    pub fn job(&self, number: usize) -> &Job {
        &self.jobs[number]
    }

    /// Now, in microseconds.
    pub fn now(&self) -> u64 {
        self.now
    }

    fn schedule(&mut self, at: u64, event: Event) {
        self.seq += 1;
        self.events.insert((at.max(self.now), self.seq), event);
    }

    fn tell(&mut self, place: Place, what: &str) {
        let place = match place {
            Place::Io => "io".to_owned(),
            Place::Leaf(leaf) => format!("n{leaf}"),
            Place::Client(client) => format!("c{client}"),
        };
        self.trace.tell(self.now, &place, what);
    }

    /// Runs until `end` (microseconds) or a broken claim.
    pub fn run_until(&mut self, end: u64) -> Result<(), String> {
        while let Some((&key, _)) = self.events.first_key_value() {
            if key.0 > end {
                break;
            }
            self.now = key.0;
            if let Some(event) = self.events.remove(&key) {
                self.step(event)?;
            }
        }
        self.now = end;
        Ok(())
    }

    fn step(&mut self, event: Event) -> Result<(), String> {
        match event {
            Event::Begin(job) => self.begin(job),
            Event::Bytes { from, to: Place::Io, epoch, bytes } => self.io_bytes(from, epoch, &bytes),
            Event::Bytes { to: Place::Client(client), bytes, .. } => {
                return self.client_bytes(client, &bytes);
            }
            Event::Hangup { to: Place::Io, from } => self.io_hangup(from),
            Event::Hangup { to: Place::Client(_), .. } => {}
            Event::Tick(Place::Io) => {
                self.io_ticking = None;
                self.io.handle_timeout(Time(self.now), &mut self.io_host);
                self.drain_io();
            }
            Event::Tick(Place::Client(_)) => {}
            Event::Fault(leaf, fault) => self.fault(leaf, fault),
            event => self.leaf_event(event),
        }
        Ok(())
    }

    fn begin(&mut self, job: usize) {
        let order = &self.orders[job];
        let burst = self.jobs[job].begin(&order.res, &order.program, order.input.as_deref());
        self.tell(Place::Client(job), "begins");
        self.io.connect(self.link_of(Place::Client(job)), false);
        self.send(Place::Client(job), Place::Io, &burst.into());
    }

    fn link_of(&self, place: Place) -> LinkId {
        LinkId(match place {
            Place::Leaf(leaf) => 1 + leaf as u16,
            Place::Client(client) => 1 + (self.leaves.len() + client) as u16,
            Place::Io => u16::MAX,
        })
    }

    fn place_of(&self, link: LinkId) -> Place {
        // Link 0 is a parent's.
        let number = link.0 as usize - 1;
        match number.checked_sub(self.leaves.len()) {
            Some(client) => Place::Client(client),
            None => Place::Leaf(number),
        }
    }

    /// In order, after a delay from the seed.
    fn send(&mut self, from: Place, to: Place, bytes: &Rc<[u8]>) {
        let delay = LATENCY_US + self.random.below(LATENCY_US);
        let at = (self.now + delay).max(self.arrival.get(&(from, to)).copied().unwrap_or(0));
        self.arrival.insert((from, to), at);
        let epoch = match (from, to) {
            (Place::Leaf(leaf), _) | (_, Place::Leaf(leaf)) => self.leaves[leaf].epoch,
            _ => 0,
        };
        self.schedule(at, Event::Bytes { from, to, epoch, bytes: bytes.clone() });
    }

    fn client_bytes(&mut self, client: usize, bytes: &[u8]) -> Result<(), String> {
        self.client_inbox[client].extend_from_slice(bytes);
        while let Ok(Some(len)) = frame(&self.client_inbox[client], OUT as u32) {
            let message: Vec<u8> = self.client_inbox[client].drain(..len).collect();
            let burst = self.jobs[client].answer(&message)?;
            if !burst.is_empty() {
                self.send(Place::Client(client), Place::Io, &burst.into());
            }
        }
        Ok(())
    }

    fn io_bytes(&mut self, from: Place, epoch: u32, bytes: &[u8]) {
        if let Place::Leaf(leaf) = from
            && (self.leaves[leaf].epoch != epoch || !self.leaves[leaf].linked)
        {
            return;
        }
        let link = self.link_of(from);
        let mut inbox = self.io_inbox.remove(&link.0).unwrap_or_default();
        inbox.extend_from_slice(bytes);
        let mut at = 0;
        loop {
            let request = is_request(&inbox[at..]);
            match self.io.handle_bytes(Time(self.now), link, &inbox[at..], &mut self.io_host) {
                Ok(0) => break,
                Ok(len) => {
                    at += len;
                    if request {
                        self.drain_io();
                    }
                }
                Err(_) => {
                    self.tell(from, "botched");
                    self.cut(link);
                    return;
                }
            }
        }
        inbox.drain(..at);
        self.io_inbox.insert(link.0, inbox);
        self.drain_io();
    }

    fn io_hangup(&mut self, from: Place) {
        let link = self.link_of(from);
        self.io_inbox.remove(&link.0);
        self.io.handle_hangup(Time(self.now), link, &mut self.io_host);
        self.drain_io();
    }

    /// The ionode drops a link.
    fn cut(&mut self, link: LinkId) {
        let peer = self.place_of(link);
        self.io_hangup(peer);
        if let Place::Leaf(leaf) = peer
            && self.leaves[leaf].linked
        {
            self.leaves[leaf].linked = false;
            self.schedule(self.now + LATENCY_US, Event::Hangup { to: peer, from: Place::Io });
        }
    }

    fn drain_io(&mut self) {
        while let Some(effect) = self.io.poll_effect() {
            if let ionode::host::Effect::Drop(link) = effect {
                self.cut(link);
            }
        }
        let mut out = std::mem::take(&mut self.out);
        while let Some((target, len)) = self.io.poll_transmit(Time(self.now), &mut self.io_host, &mut out) {
            let bytes: Rc<[u8]> = out[..len].into();
            match target {
                Target::Link(link) => self.send(Place::Io, self.place_of(link), &bytes),
                Target::Children(set) => {
                    self.fanouts = (self.fanouts.0 + 1, self.fanouts.1 + u64::from(set.count()));
                    self.tell(Place::Io, &format!("sends type {} to {:016x}", bytes[4], set.0));
                    for rank in set {
                        if let Some(link) = self.io.link_of(rank) {
                            self.send(Place::Io, self.place_of(link), &bytes);
                        }
                    }
                }
            }
        }
        self.out = out;
        let due = self.io.poll_timeout().0;
        if self.io_ticking.is_none_or(|at| due < at) {
            self.io_ticking = Some(due);
            self.schedule(due, Event::Tick(Place::Io));
        }
    }

    fn fault(&mut self, index: usize, fault: Fault) {
        self.tell(Place::Leaf(index), &format!("{fault:?}"));
        let leaf = &mut self.leaves[index];
        match fault {
            Fault::Stop => leaf.stopped = true,
            Fault::Continue => {
                leaf.stopped = false;
                for event in std::mem::take(&mut leaf.later) {
                    self.schedule(self.now, event);
                }
            }
            Fault::Kill => {
                leaf.dead = true;
                if std::mem::take(&mut leaf.linked) {
                    let from = Place::Leaf(index);
                    self.schedule(self.now + LATENCY_US, Event::Hangup { to: Place::Io, from });
                }
            }
        }
    }

    /// What is left when nobody wants anything any more: nothing may be.
    pub fn check_quiet(&self) -> Result<(), String> {
        if !self.io.node().is_quiet() {
            return Err("the ionode still waits for something or holds an answer".to_owned());
        }
        if self.io.node().forward_count() > 0 {
            return Err("a forwarded request is left".to_owned());
        }
        for (index, leaf) in self.leaves.iter().enumerate().filter(|(_, leaf)| !leaf.dead && !leaf.stopped) {
            if leaf.machine.running() > 0 {
                return Err(format!("node {index} still runs a program"));
            }
            if leaf.core.session_count() > 0 {
                return Err(format!("node {index} still has a session"));
            }
        }
        Ok(())
    }

    /// Nodes that serve, as the ionode sees them.
    pub fn up(&self) -> u32 {
        self.io.node().children.up().count()
    }
}

mod leaves;
