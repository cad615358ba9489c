//! The world: one ionode, its cnodes, clients, the links between them, and time.

use crate::check::Ledger;
use crate::client::Job;
use crate::fault::Fault;
use crate::link::{Cable, Link, Side};
use crate::memory::Params;
use crate::node::Leaf;
use crate::random::Random;
use crate::trace::{Lines, Trace};
use cnode::Bounds;
use cnode::host::MemberSlot;
use ionode::Ionode;
use protocol::message::frame;
use protocol::record::End;
use protocol::text::Text;
use protocol::time::Time;
use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;

/// Delay of a message on a link, in microseconds: at least this, and up to as much again.
pub(crate) const LATENCY_US: u64 = 20;
/// Room for any message.
pub(crate) const OUT: usize = 1 << 17;

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

/// What a client does by itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Act {
    Begin,
    /// It flushes what it waits for.
    Flush,
    /// It looks at what runs, and at a node.
    Look(usize),
    /// It is gone without a clunk.
    Vanish,
    /// It kills a member, or all.
    Kill(Option<u32>),
}

/// What comes next. What a node has begun ends with its run.
#[derive(Debug)]
pub(crate) enum Event {
    Bytes {
        link: usize,
        to: Side,
        bytes: Rc<[u8]>,
    },
    Hangup {
        link: usize,
        to: Side,
    },
    Tick(Place),
    Dial {
        leaf: usize,
        run: u32,
    },
    Undialed {
        leaf: usize,
        run: u32,
    },
    /// The last says whether it waits for the others of its gang.
    Started {
        leaf: usize,
        run: u32,
        member: MemberSlot,
        pid: u32,
        waits: bool,
    },
    Ended {
        leaf: usize,
        run: u32,
        member: MemberSlot,
        pid: u32,
        end: End,
    },
    Fault(usize, Fault),
    Act(usize, Act),
}

/// A client and its job.
struct Client {
    res: String,
    program: String,
    input: Option<Vec<u8>>,
    job: Job,
    link: Option<usize>,
}

/// Everything there is, with nodes whose tables have the bounds `B`.
pub struct World<B: Bounds> {
    pub(crate) now: u64,
    seed: u64,
    seq: u64,
    events: BTreeMap<(u64, u64), Event>,
    pub(crate) io: Ionode,
    pub(crate) io_host: Params,
    pub(crate) io_ticking: Option<u64>,
    /// Links by the number that the ionode knows them by.
    pub(crate) io_links: Vec<Option<usize>>,
    pub(crate) links: Vec<Link>,
    pub(crate) leaves: Vec<Leaf<B>>,
    pub(crate) cables: Vec<Cable>,
    clients: Vec<Client>,
    pub(crate) random: Random,
    pub(crate) next_pid: u32,
    /// Nodes whose members may be lost.
    pub(crate) hurt: BTreeSet<usize>,
    pub(crate) ledger: Ledger,
    /// What happened.
    pub trace: Trace,
    /// Messages that went to a set of children, and children they went to.
    pub fanouts: (u64, u64),
    pub(crate) out: Vec<u8>,
}

impl<B: Bounds> World<B> {
    /// A partition of `nodes` nodes (at most 64) whose delays come from `seed`.
    pub fn new(seed: u64, nodes: usize, lines: Lines) -> Self {
        let facts = ionode::node::Facts {
            name: Text::cut("io"),
            boot: seed,
            os: "linux",
            arch: "ppc",
            operator: Text::EMPTY,
            has_parent: false,
        };
        let mut world = Self {
            now: 1,
            seed,
            seq: 0,
            events: BTreeMap::new(),
            io: Ionode::new(facts, Time(1)),
            io_host: Params::default(),
            io_ticking: None,
            // The first is a parent's, and there is none.
            io_links: vec![None],
            links: Vec::new(),
            leaves: Vec::new(),
            cables: vec![Cable::default(); nodes],
            clients: Vec::new(),
            random: Random::new(seed),
            next_pid: 0,
            hurt: BTreeSet::new(),
            ledger: Ledger::default(),
            trace: Trace::new(lines),
            fanouts: (0, 0),
            out: vec![0; OUT],
        };
        for index in 0..nodes {
            let leaf = Leaf::new(world.facts(index, 1), 1);
            world.leaves.push(leaf);
            world.schedule(1, Event::Tick(Place::Leaf(index)));
        }
        world
    }

    /// What a run of a node, counted from 1, is to know of itself.
    pub(crate) fn facts(&self, index: usize, run: u32) -> cnode::node::Facts {
        cnode::node::Facts {
            name: Text::cut(&name_of(index)),
            boot: self.seed.wrapping_add(index as u64 + 1).wrapping_add(u64::from(run) << 32),
            os: "linux",
            arch: "ppc",
            cores: 4,
            operator: Text::EMPTY,
            place: None,
            has_parent: true,
        }
    }

    /// Begins a job at a time, in microseconds: its number.
    pub fn order(&mut self, at: u64, res: &str, program: &str, input: Option<&[u8]>) -> usize {
        let (res, program) = (res.to_owned(), program.to_owned());
        let input = input.map(<[u8]>::to_vec);
        self.clients.push(Client { res, program, input, job: Job::default(), link: None });
        let number = self.clients.len() - 1;
        self.schedule(at, Event::Act(number, Act::Begin));
        number
    }

    /// The client of a job flushes what it waits for at a time, and asks again.
    pub fn flush(&mut self, at: u64, job: usize) {
        self.schedule(at, Event::Act(job, Act::Flush));
    }

    /// The client of a job reads at a time what its session, a member of it and a node are doing.
    pub fn look(&mut self, at: u64, job: usize, leaf: usize) {
        self.schedule(at, Event::Act(job, Act::Look(leaf)));
    }

    /// The client of a job is gone at a time: its link hangs up, and nothing was clunked.
    pub fn vanish(&mut self, at: u64, job: usize) {
        self.schedule(at, Event::Act(job, Act::Vanish));
    }

    /// The client of a job kills a member of it, or all, at a time.
    pub fn kill(&mut self, at: u64, job: usize, member: Option<u32>) {
        self.schedule(at, Event::Act(job, Act::Kill(member)));
    }

    /// A job as its client sees it.
    pub fn job(&self, number: usize) -> &Job {
        &self.clients[number].job
    }

    /// Now, in microseconds.
    pub fn now(&self) -> u64 {
        self.now
    }

    pub(crate) fn schedule(&mut self, at: u64, event: Event) {
        self.seq += 1;
        self.events.insert((at.max(self.now), self.seq), event);
    }

    pub(crate) fn tell(&mut self, place: Place, what: &str) {
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
            Event::Act(client, act) => self.act(client, act),
            Event::Fault(leaf, fault) => self.fault(leaf, fault),
            Event::Tick(Place::Io) => {
                self.io_tick();
                return self.check_ends();
            }
            Event::Tick(Place::Client(_)) => {}
            Event::Bytes { link, to, bytes } if self.arrives(link, to) => match (to, self.links[link].peer) {
                (Side::Io, _) => self.io_bytes(link, &bytes),
                (Side::Peer, Place::Client(client)) => return self.client_bytes(client, link, &bytes),
                (Side::Peer, _) => self.leaf_event(Event::Bytes { link, to, bytes }),
            },
            Event::Hangup { link, to } if self.sees_hangup(link, to) => match (to, self.links[link].peer) {
                (Side::Io, _) => {
                    self.io_hangup(link);
                    return self.check_ends();
                }
                (Side::Peer, Place::Client(_)) => {
                    self.shut(link, to);
                }
                (Side::Peer, _) => self.leaf_event(event),
            },
            Event::Bytes { .. } | Event::Hangup { .. } => {}
            event => self.leaf_event(event),
        }
        Ok(())
    }

    fn act(&mut self, client: usize, act: Act) {
        let place = Place::Client(client);
        let Client { res, program, input, job, link } = &mut self.clients[client];
        match (act, *link) {
            (Act::Begin, _) => {
                let burst = job.begin(res, program, input.as_deref());
                self.tell(place, "begins");
                // The ionode gives up the session of a client on its own machine at once, others linger.
                let local = self.random.below(2) == 0;
                let link = self.connect(place, local);
                self.clients[client].link = Some(link);
                self.send(link, Side::Io, &burst.into());
            }
            (Act::Flush, Some(link)) => {
                let burst = job.flush();
                if !burst.is_empty() {
                    self.tell(place, "flushes");
                    self.send(link, Side::Io, &burst.into());
                }
            }
            (Act::Look(leaf), Some(link)) if !job.over => {
                let burst = job.look(&name_of(leaf));
                self.tell(place, &format!("looks at n{leaf}"));
                self.send(link, Side::Io, &burst.into());
            }
            (Act::Vanish, Some(link)) => {
                self.tell(place, "vanishes");
                self.close(link, Side::Peer);
            }
            (Act::Kill(member), Some(link)) if !job.over => {
                let burst = job.kill(member);
                self.tell(place, &member.map_or("kills all".into(), |member| format!("kills {member}")));
                self.send(link, Side::Io, &burst.into());
            }
            (Act::Look(_) | Act::Kill(_), Some(_)) => {}
            (Act::Flush | Act::Look(_) | Act::Vanish | Act::Kill(_), None) => {}
        }
    }

    fn client_bytes(&mut self, client: usize, link: usize, bytes: &[u8]) -> Result<(), String> {
        let mut inbox = std::mem::take(&mut self.links[link].ends[Side::Peer as usize].inbox);
        inbox.extend_from_slice(bytes);
        while let Ok(Some(len)) = frame(&inbox, OUT as u32) {
            let message: Vec<u8> = inbox.drain(..len).collect();
            let job = &mut self.clients[client].job;
            let burst = job.answer(&message).map_err(|claim| format!("client {client}: {claim}"))?;
            let over = job.over;
            if !burst.is_empty() {
                self.send(link, Side::Io, &burst.into());
            }
            if over {
                self.close(link, Side::Peer);
            }
        }
        self.links[link].ends[Side::Peer as usize].inbox = inbox;
        Ok(())
    }

    /// Nodes there are.
    pub fn node_count(&self) -> usize {
        self.leaves.len()
    }

    /// Nodes that serve, as the ionode sees them.
    pub fn up(&self) -> u32 {
        self.io.node().children.up().count()
    }
}

/// The name of the node with that number.
pub fn name_of(index: usize) -> String {
    format!("node{:02}", index + 1)
}
