//! The world: aggregators in levels, compute nodes below them, clients, the links between them, and time.

use crate::acts::{Act, Client};
use crate::aggregator::Aggregator;
use crate::arms::Arms;
use crate::counts::Counts;
use crate::fabric::{Fabric, FabricEvent};
use crate::fault::Fault;
use crate::ledger::Ledger;
use crate::levels::Levels;
use crate::link::{Arrival, Cable, Links, Side};
use crate::machine::Partition;
use crate::medium::Clog;
use crate::message::Messages;
use crate::node::Leaf;
use crate::outside::Outside;
use crate::queue::Queue;
use crate::random::Random;
use crate::record::Recorder;
use crate::running::Run;
use crate::site::Site;
use crate::time::Ps;
use crate::trace::{Lines, Trace, What};
use cnode::Bounds;
use cnode::host::MemberSlot;
use protocol::limits::CHILDREN_MAX;
use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;

/// Room for any message, and what a core takes for its own scratch behind it.
pub(crate) const OUT: usize = protocol::limits::MSIZE_MAX as usize + 4096;

/// Where something happens.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Place {
    /// An aggregator, by its number in `Levels`.
    Io(u32),
    /// A compute node, by number from 0.
    Leaf(u32),
    /// A client, by number from 0.
    Client(u32),
}

/// What comes next. What a node has begun ends with its run.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Event {
    Bytes {
        link: u32,
        to: Side,
        seq: u16,
        message: u32,
    },
    Hangup {
        link: u32,
        to: Side,
    },
    Tick(Place),
    /// Who was at a message takes the next.
    Next(Place),
    Fabric(FabricEvent),
    Dial(Place, u32),
    Undialed(Place, u32),
    /// The last says whether it waits for the others of its gang.
    Started {
        leaf: u32,
        run: u32,
        pid: u32,
        member: MemberSlot,
        waits: bool,
    },
    /// A program goes on.
    Step {
        leaf: u32,
        run: u32,
        pid: u32,
        member: MemberSlot,
    },
    /// What is planned under that number.
    Fault(u32),
    Act(u32, Act),
}

const _: () = assert!(size_of::<Event>() <= 20, "events are moved about a lot");

/// Everything there is, with nodes whose tables have the bounds `B`.
pub struct World<B: Bounds> {
    pub(crate) queue: Queue<Event>,
    pub(crate) levels: Rc<Levels>,
    pub(crate) site: Site,
    pub(crate) seed: u64,
    pub(crate) aggregators: Vec<Aggregator>,
    pub(crate) leaves: Vec<Leaf<B>>,
    pub(crate) clients: Vec<Client>,
    pub(crate) links: Links,
    pub(crate) outside: Outside,
    pub(crate) messages: Messages,
    /// The machine's networks; without them messages just take time.
    pub(crate) fabric: Option<Box<Fabric>>,
    /// Of places whose link to above is not as usual.
    pub(crate) cables: BTreeMap<Place, Cable>,
    /// Channels below aggregators that are full.
    pub(crate) clogs: BTreeMap<u32, Clog>,
    pub(crate) random: Random,
    pub(crate) next_pid: u32,
    pub(crate) planned: Vec<(Place, Fault)>,
    /// Nodes whose members may be lost.
    pub(crate) hurt: BTreeSet<usize>,
    /// What is claimed of members is looked at all the time; else at quiet points alone.
    pub(crate) is_checked: bool,
    pub(crate) ledger: Ledger,
    /// Which arms of the cores are reached, where that is counted.
    pub(crate) arms: Option<Box<Arms>>,
    /// A program starts late now and then, as on a slow mount.
    pub(crate) is_late: bool,
    /// Where time goes, if somebody wants to know.
    pub(crate) recorder: Option<Box<Recorder>>,
    /// What happened.
    pub trace: Trace,
    /// How often.
    pub counts: Counts,
    pub(crate) out: Vec<u8>,
}

impl<B: Bounds> World<B> {
    /// A partition of `nodes` nodes, with 64 children to an aggregator; delays come from `seed`.
    pub fn new(seed: u64, nodes: usize, lines: Lines) -> Self {
        Self::of(seed, Levels::even(nodes as u32, CHILDREN_MAX as u32), lines)
    }

    /// A partition whose nodes and aggregators are those.
    pub fn of(seed: u64, levels: Levels, lines: Lines) -> Self {
        Self::at_site(Site::default(), seed, levels, lines)
    }

    /// The same, which knows where it is.
    pub fn at_site(site: Site, seed: u64, levels: Levels, lines: Lines) -> Self {
        let levels = Rc::new(levels);
        let mut world = Self {
            queue: Queue::default(),
            site,
            seed,
            aggregators: Vec::new(),
            leaves: Vec::with_capacity(levels.nodes()),
            clients: Vec::new(),
            links: Links::default(),
            outside: Outside::default(),
            messages: Messages::default(),
            fabric: None,
            cables: BTreeMap::new(),
            clogs: BTreeMap::new(),
            random: Random::new(seed),
            next_pid: 0,
            planned: Vec::new(),
            hurt: BTreeSet::new(),
            is_checked: true,
            ledger: Ledger::default(),
            arms: None,
            is_late: true,
            recorder: None,
            trace: Trace::new(lines, levels.clone()),
            counts: Counts::default(),
            out: vec![0; OUT],
            levels,
        };
        for io in 0..world.levels.aggregators() {
            let at = world.starts_at(io);
            let run = Run::new(1, at, world.epoch(at));
            world.aggregators.push(Aggregator::new(at, world.io_facts(io, 1), run));
            world.queue.push(at + Ps::us(1), Event::Tick(Place::Io(io)));
        }
        for leaf in 0..world.levels.nodes() as u32 {
            let at = world.starts_at(world.levels.above_leaf(leaf));
            let (facts, run) = (world.leaf_facts(leaf, 1), Run::new(1, at, world.epoch(at)));
            world.leaves.push(Leaf::new(at, facts, run));
            world.queue.push(at + Ps::us(1), Event::Tick(Place::Leaf(leaf)));
        }
        world
    }

    /// The partition, on the machine's own networks.
    pub fn on(seed: u64, partition: &Partition, lines: Lines) -> Self {
        let mut world = Self::of(seed, Levels::of(partition), lines);
        world.fabric = Some(Box::new(Fabric::new(partition, &world.levels)));
        world
    }

    /// An aggregator keeps no more than so many bytes of a session's program, environment or input.
    pub fn narrow(&mut self, io: u32, bytes: usize) {
        self.aggregators[io as usize].params.room = Some(bytes);
    }

    /// What is claimed of members is not looked at from now on: that costs time for each of them.
    pub fn unchecked(&mut self) {
        self.is_checked = false;
    }

    /// Now, in microseconds.
    pub fn now(&self) -> u64 {
        self.queue.now().to_us()
    }

    /// Who is below whom.
    pub fn levels(&self) -> &Levels {
        &self.levels
    }

    pub(crate) fn at(&mut self, us: u64, event: Event) {
        self.queue.push(Ps::us(us), event);
    }

    pub(crate) fn tell(&mut self, place: Place, what: What) {
        self.trace.tell(self.queue.now(), place, what);
    }

    /// Runs until `end` (microseconds) or a broken claim.
    pub fn run_until(&mut self, end: u64) -> Result<(), String> {
        let end = Ps::us(end);
        while let Some(event) = self.queue.pop(end) {
            self.counts.events += 1;
            self.step(event)?;
        }
        self.queue.advance(end);
        Ok(())
    }

    /// The aggregator above somebody, or that a client talks to.
    pub(crate) fn above(&self, place: Place) -> Option<u32> {
        match place {
            Place::Leaf(leaf) => Some(self.levels.above_leaf(leaf)),
            Place::Io(io) => self.levels.above_io(io),
            Place::Client(client) => Some(self.clients[client as usize].io),
        }
    }

    pub(crate) fn run_of(&mut self, place: Place) -> Option<&mut Run> {
        match place {
            Place::Io(io) => Some(&mut self.aggregators[io as usize].run),
            Place::Leaf(leaf) => Some(&mut self.leaves[leaf as usize].run),
            Place::Client(_) => None,
        }
    }

    /// Where an event happens, and the run that it belongs to if that is one alone.
    fn whose(&self, event: &Event) -> Option<(Place, Option<u32>)> {
        match *event {
            Event::Bytes { link, to, .. } | Event::Hangup { link, to } => {
                Some((self.place_at(link, to), None))
            }
            Event::Tick(place) | Event::Next(place) => Some((place, None)),
            Event::Dial(place, run) | Event::Undialed(place, run) => Some((place, Some(run))),
            Event::Started { leaf, run, .. } | Event::Step { leaf, run, .. } => {
                Some((Place::Leaf(leaf), Some(run)))
            }
            Event::Fault(_) | Event::Act(..) | Event::Fabric(_) => None,
        }
    }

    pub(crate) fn step(&mut self, event: Event) -> Result<(), String> {
        if let Some((place, number)) = self.whose(&event)
            && let Some(run) = self.run_of(place)
        {
            if run.dead || number.is_some_and(|number| number != run.number) {
                self.record_nobody(&event);
                self.discard(event);
                return Ok(());
            }
            if run.stopped {
                run.later.push(event);
                self.record_nobody(&event);
                return Ok(());
            }
        }
        self.record_turn(&event);
        match event {
            Event::Act(client, act) => self.act(client, act),
            Event::Fault(number) => self.fault(number),
            Event::Fabric(event) => return self.fabric_event(event),
            Event::Next(place) => return self.takes_next(place),
            Event::Tick(Place::Io(io)) => return self.io_tick(io),
            Event::Tick(Place::Leaf(leaf)) => return self.leaf_tick(leaf),
            Event::Tick(Place::Client(_)) => {}
            Event::Bytes { link, to, seq, message } => {
                let arrival = self.arrives(link, to, seq, message);
                self.record_taken((link, to, seq), arrival == Arrival::Whole);
                let taken = match arrival {
                    Arrival::Whole => self.deliver(link, to, message),
                    Arrival::Broken => {
                        self.tell(self.place_at(link, to), What::Broken);
                        self.hang_up(link, to)
                    }
                    Arrival::Lost => Ok(()),
                };
                self.messages.release(message);
                self.unname(link);
                return taken;
            }
            Event::Hangup { link, to } => {
                let seen = if self.sees_hangup(link, to) { self.hung_up(link, to) } else { Ok(()) };
                self.unname(link);
                return seen;
            }
            Event::Dial(place, run) => return self.dial(place, run),
            Event::Undialed(place, _) => return self.undialed(place),
            Event::Started { leaf, pid, member, waits, .. } => {
                return self.started(leaf, (member, pid), waits);
            }
            Event::Step { leaf, pid, member, .. } => return self.program_steps(leaf, (member, pid)),
        }
        Ok(())
    }

    /// An event for somebody who is gone.
    pub(crate) fn discard(&mut self, event: Event) {
        match event {
            Event::Bytes { link, message, .. } => {
                self.messages.release(message);
                self.unname(link);
            }
            Event::Hangup { link, .. } => self.unname(link),
            _ => {}
        }
    }

    fn deliver(&mut self, link: u32, to: Side, message: u32) -> Result<(), String> {
        self.counts.messages += 1;
        let place = self.place_at(link, to);
        let bytes = self.messages.lend(message);
        self.tell(place, What::Gets { kind: bytes[4], len: bytes.len() as u32 });
        let taken = match place {
            Place::Io(io) => self.io_bytes(io, link, to, &bytes),
            Place::Leaf(leaf) => self.leaf_bytes(leaf, link, &bytes),
            Place::Client(client) => self.client_bytes(client, link, &bytes),
        };
        self.messages.give_back(message, bytes);
        taken
    }

    /// A side hangs up by itself: what came was nonsense.
    fn hang_up(&mut self, link: u32, side: Side) -> Result<(), String> {
        let place = self.place_at(link, side);
        self.close(link, side);
        self.knows_hangup(place, link, side)
    }

    /// A side sees that the other hung up.
    fn hung_up(&mut self, link: u32, side: Side) -> Result<(), String> {
        let place = self.place_at(link, side);
        self.shut(link, side);
        self.knows_hangup(place, link, side)
    }

    fn knows_hangup(&mut self, place: Place, link: u32, side: Side) -> Result<(), String> {
        match place {
            Place::Io(io) => return self.io_hangup(io, link, side),
            Place::Leaf(leaf) => return self.leaf_hangup(leaf),
            Place::Client(client) => {
                let client = &mut self.clients[client as usize];
                (client.link, client.job.is_cut) = (None, true);
            }
        }
        Ok(())
    }

    /// Nodes there are.
    pub fn node_count(&self) -> usize {
        self.leaves.len()
    }
}
