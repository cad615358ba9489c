//! What happens at compute nodes: bytes, starts, ends, and what their cores want.

use crate::leaf::{Machine, Next};
use crate::link::Side;
use crate::world::{Event, LATENCY_US, Place, World};
use cnode::host::{Completion, Effect, MemberSlot, Stream};
use cnode::node::Facts;
use cnode::{Bounds, Cnode};
use protocol::ename::Ename;
use protocol::record::End;
use protocol::time::Time;

/// After this time a dial that nobody hears is given up.
const DIAL_US: u64 = 1_000_000;
/// Time that a start takes: at least this, and up to as much again.
const START_US: u64 = 300;
/// One start in 64 takes up to so much.
const SLOW_START_US: u64 = 1_000_000;

/// A compute node.
pub(crate) struct Leaf<B: Bounds> {
    /// In memory of its own: a daemon's tables are large.
    pub(crate) core: Box<Cnode<B>>,
    pub(crate) machine: Machine,
    pub(crate) stopped: bool,
    pub(crate) dead: bool,
    /// Which run of it this is, counted from 1.
    pub(crate) run: u32,
    /// Its link to the parent, while its end is open.
    pub(crate) link: Option<usize>,
    /// What came while it was stopped.
    pub(crate) later: Vec<Event>,
    ticking: Option<u64>,
}

impl<B: Bounds> Leaf<B> {
    /// The first run of a node.
    pub(crate) fn new(facts: Facts, now: u64) -> Self {
        Self {
            core: Box::new(Cnode::new(facts, Time(now))),
            machine: Machine::new(facts.name.as_str()),
            stopped: false,
            dead: false,
            run: 1,
            link: None,
            later: Vec::new(),
            ticking: None,
        }
    }

    /// The next run of a node that is gone.
    pub(crate) fn revive(&mut self, facts: Facts, now: u64) {
        *self = Self { run: self.run + 1, ..Self::new(facts, now) };
    }

    /// It is gone, with all that ran on it: the link it had.
    pub(crate) fn die(&mut self) -> Option<usize> {
        self.dead = true;
        self.later.clear();
        self.link.take()
    }
}

impl<B: Bounds> World<B> {
    /// The node that an event is for, and the run that it belongs to if that is one alone.
    fn whose(&self, event: &Event) -> Option<(usize, Option<u32>)> {
        match *event {
            Event::Bytes { link, .. } | Event::Hangup { link, .. } => match self.links[link].peer {
                Place::Leaf(leaf) => Some((leaf, None)),
                Place::Client(_) | Place::Io => None,
            },
            Event::Tick(Place::Leaf(leaf)) => Some((leaf, None)),
            Event::Dial { leaf, run }
            | Event::Undialed { leaf, run }
            | Event::Started { leaf, run, .. }
            | Event::Ended { leaf, run, .. } => Some((leaf, Some(run))),
            Event::Tick(_) | Event::Fault(..) | Event::Act(..) => None,
        }
    }

    pub(crate) fn leaf_event(&mut self, event: Event) {
        let Some((index, run)) = self.whose(&event) else { return };
        let now = Time(self.now);
        let leaf = &mut self.leaves[index];
        if leaf.dead || run.is_some_and(|run| run != leaf.run) {
            return;
        }
        if leaf.stopped {
            leaf.later.push(event);
            return;
        }
        match event {
            Event::Bytes { link, bytes, .. } if leaf.link == Some(link) => {
                self.leaf_bytes(index, link, &bytes)
            }
            Event::Tick(_) => {
                leaf.ticking = None;
                leaf.core.handle_timeout(now, &mut leaf.machine);
            }
            Event::Hangup { link, .. } if leaf.link == Some(link) => {
                self.shut(link, Side::Peer);
                let leaf = &mut self.leaves[index];
                leaf.core.handle_hangup(now, cnode::join::PARENT, &mut leaf.machine);
            }
            Event::Dial { run, .. } => self.dial(index, run),
            Event::Undialed { .. } => {
                leaf.core.handle_completion(now, Completion::Undialed, &mut leaf.machine);
            }
            Event::Started { member, pid, waits, .. } => self.started(index, member, pid, waits),
            Event::Ended { member, pid, end, .. } => self.ended(index, member, pid, end),
            Event::Bytes { .. } | Event::Hangup { .. } | Event::Fault(..) | Event::Act(..) => {}
        }
        self.drain_leaf(index);
    }

    fn dial(&mut self, index: usize, run: u32) {
        if self.cables[index].mute.contains(&true) {
            self.schedule(self.now + DIAL_US, Event::Undialed { leaf: index, run });
            return;
        }
        let link = self.connect(Place::Leaf(index), false);
        let leaf = &mut self.leaves[index];
        leaf.link = Some(link);
        leaf.core.connect(cnode::join::PARENT, false);
    }

    fn leaf_bytes(&mut self, index: usize, link: usize, bytes: &[u8]) {
        let mut inbox = std::mem::take(&mut self.links[link].ends[Side::Peer as usize].inbox);
        inbox.extend_from_slice(bytes);
        loop {
            let now = Time(self.now);
            let leaf = &mut self.leaves[index];
            match leaf.core.handle_bytes(now, cnode::join::PARENT, &inbox, &mut leaf.machine) {
                Ok(0) => break,
                Ok(len) => {
                    inbox.drain(..len);
                    self.drain_leaf(index);
                }
                Err(_) => {
                    leaf.core.handle_hangup(now, cnode::join::PARENT, &mut leaf.machine);
                    self.tell(Place::Leaf(index), "hangs up");
                    self.close(link, Side::Peer);
                    return;
                }
            }
        }
        self.links[link].ends[Side::Peer as usize].inbox = inbox;
    }

    fn started(&mut self, index: usize, member: MemberSlot, pid: u32, waits: bool) {
        let now = Time(self.now);
        let leaf = &mut self.leaves[index];
        let known = leaf.machine.starting.get(&member).filter(|(own, _)| *own == pid);
        // It may have been cancelled, and its place may be another's.
        let Some((_, next)) = known.copied() else { return };
        let waits = waits && next.is_ok();
        if !waits {
            leaf.machine.starting.remove(&member);
        }
        let done = match next {
            Ok(_) if waits => Completion::Ready { member },
            Ok(_) => Completion::Started { member, pid },
            Err(ename) => Completion::Failed { member, failure: ename.into() },
        };
        leaf.core.handle_completion(now, done, &mut leaf.machine);
        if let Ok(Next::Exit(after, end)) = next
            && !waits
        {
            let run = leaf.run;
            self.schedule(self.now + after, Event::Ended { leaf: index, run, member, pid, end });
        }
    }

    fn ended(&mut self, index: usize, member: MemberSlot, pid: u32, end: End) {
        let now = Time(self.now);
        let leaf = &mut self.leaves[index];
        let starting = leaf.machine.starting.get(&member).map(|(pid, _)| *pid);
        let known = starting.unwrap_or(leaf.core.member_pid(member));
        let Some(program) = leaf.machine.programs.get_mut(&member) else { return };
        // It may have ended otherwise, and its place may be another's.
        if program.ended || known != pid {
            return;
        }
        program.ended = true;
        if starting.is_some() {
            // One that ends before its program is told as started first, as by a real driver.
            leaf.machine.starting.remove(&member);
            let done = Completion::Started { member, pid };
            leaf.core.handle_completion(now, done, &mut leaf.machine);
        }
        let done = Completion::Exited { member, end, user: 0, sys: 0 };
        leaf.core.handle_completion(now, done, &mut leaf.machine);
        for stream in [Stream::Stdout, Stream::Stderr] {
            let done = Completion::Readable { member, stream };
            leaf.core.handle_completion(now, done, &mut leaf.machine);
        }
    }

    fn drain_leaf(&mut self, index: usize) {
        let run = self.leaves[index].run;
        while let Some(effect) = self.leaves[index].core.poll_effect() {
            match effect {
                Effect::Dial => {
                    let after = LATENCY_US + self.cables[index].slow_us;
                    self.schedule(self.now + after, Event::Dial { leaf: index, run });
                }
                Effect::Start { member, session, number, gang, .. } => {
                    let next = self.leaves[index].machine.start(member, session, number);
                    self.next_pid += 1;
                    let pid = self.next_pid;
                    // A directory on a slow mount, now and then.
                    let within = if self.random.below(64) == 0 { SLOW_START_US } else { START_US };
                    let at = self.now + START_US + self.random.below(within);
                    self.tell(Place::Leaf(index), &format!("starts member {number}"));
                    self.leaves[index].machine.starting.insert(member, (pid, next));
                    self.schedule(at, Event::Started { leaf: index, run, member, pid, waits: gang });
                }
                Effect::Debug { helper: member, .. } => {
                    // Scripted programs have nothing to look into.
                    let leaf = &mut self.leaves[index];
                    let done = Completion::Failed { member, failure: Ename::Unsupported.into() };
                    leaf.core.handle_completion(Time(self.now), done, &mut leaf.machine);
                }
                // Nothing here tells a node to leave.
                Effect::Leave => {}
                Effect::Exit => self.leaves[index].dead = true,
            }
        }
        let mut out = std::mem::take(&mut self.out);
        let now = Time(self.now);
        loop {
            let leaf = &mut self.leaves[index];
            let Some((_, len)) = leaf.core.poll_transmit(now, &mut leaf.machine, &mut out) else { break };
            if let Some(link) = leaf.link {
                self.send(link, Side::Io, &out[..len].into());
            }
        }
        self.out = out;
        for member in std::mem::take(&mut self.leaves[index].machine.going) {
            if let Some((pid, _)) = self.leaves[index].machine.starting.get(&member).copied() {
                let at = self.now + 1;
                self.schedule(at, Event::Started { leaf: index, run, member, pid, waits: false });
            }
        }
        for (member, end) in std::mem::take(&mut self.leaves[index].machine.ending) {
            let leaf = &self.leaves[index];
            let starting = leaf.machine.starting.get(&member).map(|(pid, _)| *pid);
            let pid = starting.unwrap_or(leaf.core.member_pid(member));
            self.schedule(self.now + 1, Event::Ended { leaf: index, run, member, pid, end });
        }
        let leaf = &mut self.leaves[index];
        let due = leaf.core.poll_timeout().0;
        if due != u64::MAX && leaf.ticking.is_none_or(|at| due < at) {
            leaf.ticking = Some(due);
            self.schedule(due, Event::Tick(Place::Leaf(index)));
        }
    }
}
