//! The world: nodes, clients, the wires between them, and time. It is the loop alone: it takes an event from
//! the agenda, feeds it to whom it is for, and does what that wants.

mod follow;

use crate::agenda::Agenda;
use crate::clients::Clients;
use crate::counts::Counts;
use crate::event::{Event, NetworkEvent};
use crate::fault::Fault;
use crate::levels::Levels;
use crate::link::Address;
use crate::link::{Arrival, Side};
use crate::nodes::Nodes;
use crate::nodes::feed::{Feed, Stage};
use crate::observers::Observers;
use crate::observers::sight::{Observer, Scene, Sight};
use crate::outside::Outside;
use crate::place::Place;
use crate::site::Site;
use crate::trace::{Lines, Trace, What};
use crate::wires::{LATENCY, Wires};
use bluegene::partition::Partition;
use bluegene::time::Ps;
use cnode::Bounds;
use ionode::host::Peer;
use protocol::limits::CHILDREN_MAX;
use std::collections::BTreeSet;
use std::rc::Rc;

/// Room for any message, and what a core takes for its own scratch behind it.
const OUT: usize = protocol::limits::MSIZE_MAX as usize + 4096;
/// After this time a dial that nobody hears is given up.
const DIAL: Ps = Ps::us(1_000_000);
/// Everything there is, with nodes whose tables have the bounds `B`.
pub struct World<B: Bounds> {
    pub(crate) agenda: Agenda,
    pub(crate) levels: Rc<Levels>,
    pub(crate) nodes: Nodes<B>,
    pub(crate) clients: Clients,
    pub(crate) wires: Wires,
    pub(crate) outside: Outside,
    pub(crate) observers: Observers,
    /// Faults that are planned, by number.
    pub(crate) planned: Vec<(Place, Fault)>,
    /// Nodes whose members may be lost.
    pub(crate) hurt: BTreeSet<usize>,
    /// A program starts late now and then, as on a slow mount.
    pub(crate) is_late: bool,
    next_pid: u32,
    /// What happened.
    pub trace: Trace,
    /// How often.
    pub counts: Counts,
    out: Vec<u8>,
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
        let (levels, mut agenda) = (Rc::new(levels), Agenda::new(seed));
        Self {
            nodes: Nodes::new(levels.clone(), site, seed, &mut agenda),
            agenda,
            clients: Clients::default(),
            wires: Wires::new(levels.clone()),
            outside: Outside::default(),
            observers: Observers::default(),
            planned: Vec::new(),
            hurt: BTreeSet::new(),
            is_late: true,
            next_pid: 0,
            trace: Trace::new(lines, levels.clone()),
            counts: Counts::default(),
            out: vec![0; OUT],
            levels,
        }
    }

    /// The partition, on the machine's own networks.
    pub fn on(seed: u64, partition: &Partition, lines: Lines) -> Self {
        let mut world = Self::of(seed, Levels::of(partition), lines);
        world.wires.use_networks(partition);
        world
    }

    /// Now, in microseconds.
    pub fn now(&self) -> u64 {
        self.agenda.now().to_us()
    }

    /// Who is below whom.
    pub fn levels(&self) -> &Levels {
        &self.levels
    }

    /// Compute nodes there are.
    pub fn node_count(&self) -> usize {
        self.levels.nodes()
    }

    pub(crate) fn tell(&mut self, place: Place, what: What) {
        self.trace.tell(self.agenda.now(), place, what);
    }

    /// Has the observers see something: the one place where they are called.
    pub(crate) fn observe(&mut self, sight: Sight<'_>) -> Result<(), String> {
        let scene = Scene { now: self.agenda.now(), levels: &self.levels, nodes: &self.nodes };
        for passage in self.wires.passages() {
            self.observers.see(&scene, Sight::Passage(passage))?;
        }
        self.observers.see(&scene, sight)
    }

    /// Runs until `end` (microseconds) or a broken claim.
    pub fn run_until(&mut self, end: u64) -> Result<(), String> {
        let end = Ps::us(end);
        while self.run_one(end)? {}
        self.agenda.advance(end);
        Ok(())
    }

    /// Takes the first event that comes until `end`, if there is one.
    pub(crate) fn run_one(&mut self, end: Ps) -> Result<bool, String> {
        let Some(event) = self.agenda.pop(end) else { return Ok(false) };
        self.counts.events += 1;
        self.step(event)?;
        self.observe(Sight::Done)?;
        Ok(true)
    }

    /// The aggregator above somebody, or that a client talks to.
    pub(crate) fn above(&self, place: Place) -> Option<u32> {
        match place {
            Place::Leaf(leaf) => Some(self.levels.above_leaf(leaf)),
            Place::Io(io) => self.levels.above_io(io),
            Place::Client(client) => Some(self.clients.get(client).io),
        }
    }

    /// Where an event happens, if that is a place, and the run that it belongs to if that is one alone.
    fn whose(&self, event: &Event) -> (Option<Place>, Option<u32>) {
        match *event {
            Event::Bytes { address: Address { link, to, .. }, .. } | Event::Hangup { link, to } => {
                (Some(self.wires.place_at(link, to)), None)
            }
            Event::Tick(place) | Event::Next(place) => (Some(place), None),
            Event::Dial(place, run) | Event::Undialed(place, run) => (Some(place), Some(run)),
            Event::Started { leaf, run, .. } | Event::Step { leaf, run, .. } => {
                (Some(Place::Leaf(leaf)), Some(run))
            }
            Event::Act(client, _) => (Some(Place::Client(client)), None),
            Event::Fault(_) | Event::Network(_) => (None, None),
        }
    }

    fn step(&mut self, event: Event) -> Result<(), String> {
        let (place, number) = self.whose(&event);
        if let Some(run) = place.and_then(|place| self.nodes.run_mut(place)) {
            let is_over = run.dead || number.is_some_and(|number| number != run.number);
            if is_over || run.stopped {
                if is_over {
                    self.wires.discard(&event);
                } else {
                    run.later.push(event);
                }
                return self.observe(Sight::Missed(&event));
            }
        }
        self.observe(Sight::Turn(&event, place))?;
        match event {
            Event::Act(client, next) => self.act(client, next),
            Event::Fault(number) => {
                self.break_planned(number);
                Ok(())
            }
            Event::Network(event) => self.network(event),
            Event::Next(place) => self.takes_next(place),
            Event::Tick(place) => self.feed_event(place, Feed::Due),
            Event::Bytes { address, message } => self.receives(address, message),
            Event::Hangup { link, to } => {
                let sees = self.wires.sees_hangup(link, to);
                if sees {
                    self.wires.shut(link, to);
                }
                let seen = if sees { self.hung_up(link, to) } else { Ok(()) };
                self.wires.unname(link);
                seen
            }
            Event::Dial(place, run) => self.dial(place, run),
            Event::Undialed(place, _) => self.feed(place, Feed::Undialed),
            Event::Started { leaf, pid, member, waits, .. } => {
                self.feed(Place::Leaf(leaf), Feed::Started { member, pid, waits })
            }
            Event::Step { leaf, pid, member, .. } => self.feed(Place::Leaf(leaf), Feed::Step { member, pid }),
        }
    }

    /// Feeds a node, does what it wants, and has observers see that this is done.
    fn feed_event(&mut self, place: Place, feed: Feed<'_>) -> Result<(), String> {
        self.feed(place, feed)?;
        self.observe(Sight::Settled(place, feed))
    }

    /// Feeds a node, and does what it wants.
    pub(crate) fn feed(&mut self, place: Place, feed: Feed<'_>) -> Result<(), String> {
        self.observe(Sight::Feeding(place, feed))?;
        let fed = self.nodes.feed(place, self.agenda.now(), feed, &mut self.out);
        let notes = self.nodes.noted(place);
        self.observe(Sight::Fed(place, feed, fed, &notes))?;
        self.follow_fed(place, feed, fed)?;
        self.drain(place)
    }

    /// Does what a node wants until it wants nothing more.
    pub(crate) fn drain(&mut self, place: Place) -> Result<(), String> {
        let (now, mut stage) = (self.agenda.now(), Stage::Effects);
        while let Some(wish) = self.nodes.poll(place, now, &mut stage, &mut self.out) {
            self.follow(place, wish)?;
        }
        Ok(())
    }

    /// A message has come to a side of a link.
    fn receives(&mut self, address: Address, message: u32) -> Result<(), String> {
        let Address { link, to, .. } = address;
        let place = self.wires.place_at(link, to);
        let arrival = self.wires.arrives(&mut self.agenda, address, message);
        let is_whole = arrival == Arrival::Whole;
        self.observe(if is_whole { Sight::Received(address, place) } else { Sight::Lost(address) })?;
        let taken = match arrival {
            Arrival::Whole => self.takes(place, address, message),
            Arrival::Broken => {
                self.tell(place, What::Broken);
                self.wires.close(&mut self.agenda, link, to);
                self.hung_up(link, to)
            }
            Arrival::Lost => Ok(()),
        };
        self.wires.messages.release(message);
        self.wires.unname(link);
        taken
    }

    fn takes(&mut self, place: Place, address: Address, message: u32) -> Result<(), String> {
        self.counts.messages += 1;
        let bytes = self.wires.messages.lend(message);
        self.tell(place, What::Gets { kind: bytes[4], len: bytes.len() as u32 });
        let taken = match place {
            Place::Io(_) | Place::Leaf(_) => {
                self.feed(place, Feed::Bytes(self.wires.id_at(address.link, address.to), &bytes))
            }
            Place::Client(client) => self.client_bytes(client, address.link, &bytes),
        };
        self.wires.messages.give_back(message, bytes);
        taken
    }

    /// The end of a link that a place has is closed.
    fn hung_up(&mut self, link: u32, side: Side) -> Result<(), String> {
        match self.wires.place_at(link, side) {
            Place::Client(client) => {
                let client = self.clients.get_mut(client);
                (client.link, client.job.is_cut) = (None, true);
                Ok(())
            }
            place => self.feed_event(place, Feed::Hangup(self.wires.id_at(link, side))),
        }
    }

    /// A network goes on: what it delivers comes to whom it is addressed.
    fn network(&mut self, event: NetworkEvent) -> Result<(), String> {
        self.counts.packets += u64::from(self.wires.handle(&mut self.agenda, event));
        while let Some(arrived) = self.wires.poll(event) {
            if let Some(address) = arrived.address {
                self.comes(address, arrived.message)?;
            }
            if arrived.is_broadcast {
                self.wires.messages.release(arrived.message);
            }
        }
        Ok(())
    }

    /// A message has come over a network: it is taken when its link is not slow and its receiver is not busy
    /// with another.
    fn comes(&mut self, address: Address, message: u32) -> Result<(), String> {
        let place = self.wires.place_at(address.link, address.to);
        let Some(event) = self.wires.comes(&mut self.agenda, address, message) else { return Ok(()) };
        let now = self.agenda.now();
        match self.nodes.run_mut(place) {
            Some(run) if run.is_busy(now) => {
                if let Some(at) = run.waits(event) {
                    self.agenda.push(at, Event::Next(place));
                }
                Ok(())
            }
            Some(run) => {
                run.works(now);
                self.step(event)
            }
            None => self.step(event),
        }
    }

    /// Somebody is done with a message, and takes the next.
    fn takes_next(&mut self, place: Place) -> Result<(), String> {
        let now = self.agenda.now();
        let Some((event, next)) = self.nodes.run_mut(place).and_then(|run| run.next(now)) else {
            return Ok(());
        };
        if let Some(at) = next {
            self.agenda.push(at, Event::Next(place));
        }
        self.step(event)
    }

    /// Somebody connects with their parent, if that is there.
    fn dial(&mut self, place: Place, run: u32) -> Result<(), String> {
        let Some(above) = self.above(place) else { return Ok(()) };
        let parent = &self.nodes.io(above).run;
        let is_mute = self.wires.cable(place).mute.contains(&true);
        // The kernel of one that is stopped takes connections, as long as it has room.
        let is_full = parent.stopped && self.wires.ports.is_full(above);
        if parent.dead || is_mute || is_full {
            let after = if is_mute || is_full { DIAL } else { LATENCY };
            self.agenda.after(after, Event::Undialed(place, run));
            return Ok(());
        }
        let Some(link) = self.connect(place, above, false) else {
            self.agenda.after(LATENCY, Event::Undialed(place, run));
            return Ok(());
        };
        self.wires.ports.set_up(place, Some(link));
        self.feed(place, Feed::Connected)
    }

    /// Connects somebody with an aggregator that runs, if that has a number left.
    fn connect(&mut self, below: Place, above: u32, is_local: bool) -> Option<u32> {
        let (link, id) = self.wires.connect(below, above)?;
        self.nodes.aggregators[above as usize].core.connect(id, Peer { is_local, uid: None });
        Some(link)
    }

    fn client_bytes(&mut self, client: u32, link: u32, message: &[u8]) -> Result<(), String> {
        let job = &mut self.clients.get_mut(client).job;
        let burst = job.answer(message).map_err(|claim| format!("client {client}: {claim}"))?;
        let is_over = job.over;
        if !burst.is_empty() {
            self.wires.send(&mut self.agenda, link, Side::Above, &burst);
        }
        if is_over {
            self.clients.get_mut(client).link = None;
            self.wires.close(&mut self.agenda, link, Side::Below);
        }
        Ok(())
    }
}
