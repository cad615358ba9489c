//! What happens at compute nodes: bytes, starts, ends, and what their cores want.

use crate::arms::{IoCall, LeafCall};
use crate::leaf::{self, Machine, Went, Whose};
use crate::ledger::Key;
use crate::link::Side;
use crate::medium::LATENCY;
use crate::running::Run;
use crate::time::Ps;
use crate::trace::What;
use crate::world::{Event, Place, World};
use cnode::bounds::PARENT;
use cnode::host::{Completion, Effect, MemberSlot};
use cnode::{Bounds, Cnode, Facts};
use ionode::bounds::LINKS;
use protocol::ename::Ename;
use protocol::text::Text;

/// After this time a dial that nobody hears is given up.
const DIAL: Ps = Ps::us(1_000_000);
/// Time that a start takes: at least this, and up to as much again.
const START_US: u64 = 300;
/// One start in 64 takes up to so much.
const SLOW_START_US: u64 = 1_000_000;

/// A compute node.
pub(crate) struct Leaf<B: Bounds> {
    /// In memory of its own: a daemon's tables are large.
    pub(crate) core: Box<Cnode<B>>,
    pub(crate) machine: Machine,
    pub(crate) run: Run,
    /// Its link to the parent, while its end is open.
    pub(crate) link: Option<u32>,
}

impl<B: Bounds> Leaf<B> {
    /// A run of a node that has just begun.
    pub(crate) fn new(now: Ps, facts: Facts, run: Run) -> Self {
        let core = Box::new(Cnode::new(facts, run.clock.read(now)));
        Self { core, machine: Machine::default(), run, link: None }
    }

    fn completes(&mut self, now: Ps, done: Completion) {
        self.core.handle_completion(self.run.clock.read(now), done, &mut self.machine);
    }
}

impl<B: Bounds> World<B> {
    /// What a run of a node, counted from 1, is to know of itself.
    pub(crate) fn leaf_facts(&self, leaf: u32, run: u32) -> Facts {
        Facts {
            name: Text::cut(&self.levels.name_of_leaf(leaf)),
            boot: self.seed.wrapping_add(u64::from(leaf) + 1).wrapping_add(u64::from(run) << 32),
            os: "linux",
            arch: "ppc",
            cores: 4,
            operator: self.site.operator,
            place: self.site.place(leaf),
            has_parent: true,
        }
    }

    fn leaf(&mut self, leaf: u32) -> &mut Leaf<B> {
        &mut self.leaves[leaf as usize]
    }

    /// A compute node is not simulated from now on: somebody outside is it.
    pub fn vacate(&mut self, leaf: u32) {
        self.leaves[leaf as usize].run.dead = true;
    }

    pub(crate) fn leaf_tick(&mut self, index: u32) -> Result<(), String> {
        let now = self.queue.now();
        let before = self.before_leaf(index, LeafCall::Due);
        let leaf = self.leaf(index);
        leaf.run.woken();
        leaf.core.handle_timeout(leaf.run.clock.read(now), &mut leaf.machine);
        self.after_leaf(index, before);
        self.drain_leaf(index)
    }

    pub(crate) fn leaf_hangup(&mut self, index: u32) -> Result<(), String> {
        let now = self.queue.now();
        let before = self.before_leaf(index, LeafCall::Hangup);
        let leaf = self.leaf(index);
        leaf.core.handle_hangup(leaf.run.clock.read(now), PARENT, &mut leaf.machine);
        self.after_leaf(index, before);
        self.drain_leaf(index)
    }

    /// Somebody connects with their parent, if that is there.
    pub(crate) fn dial(&mut self, place: Place, run: u32) -> Result<(), String> {
        let Some(above) = self.above(place) else { return Ok(()) };
        let parent = &self.aggregators[above as usize];
        let is_mute = self.cables.get(&place).is_some_and(|cable| cable.mute.contains(&true));
        // The kernel of one that is stopped takes connections, as long as it has room.
        let is_full = parent.run.stopped && parent.links.iter().flatten().count() + 1 >= LINKS;
        if parent.run.dead || is_mute || is_full {
            let after = if is_mute || is_full { DIAL } else { LATENCY };
            self.queue.push(self.queue.now() + after, Event::Undialed(place, run));
            return Ok(());
        }
        let Some(link) = self.connect(place, above, false) else {
            self.queue.push(self.queue.now() + LATENCY, Event::Undialed(place, run));
            return Ok(());
        };
        match place {
            Place::Leaf(index) => {
                self.before_leaf(index, LeafCall::Connected);
                let leaf = self.leaf(index);
                leaf.link = Some(link);
                leaf.core.connect(PARENT, false);
                self.drain_leaf(index)
            }
            Place::Io(io) => self.io_dialled(io, link),
            Place::Client(_) => Ok(()),
        }
    }

    pub(crate) fn undialed(&mut self, place: Place) -> Result<(), String> {
        let now = self.queue.now();
        match place {
            Place::Leaf(leaf) => {
                self.before_leaf(leaf, LeafCall::Undialed);
                self.leaf(leaf).completes(now, Completion::Undialed);
                self.drain_leaf(leaf)
            }
            Place::Io(io) => {
                self.before_io(io, IoCall::Undialed);
                let aggregator = &mut self.aggregators[io as usize];
                aggregator.core.undialed(aggregator.run.clock.read(now));
                self.drain_io(io)
            }
            Place::Client(_) => Ok(()),
        }
    }

    pub(crate) fn leaf_bytes(&mut self, index: u32, link: u32, message: &[u8]) -> Result<(), String> {
        self.asks(index, message);
        let now = self.queue.now();
        let before = self.before_leaf(index, LeafCall::Bytes(message));
        let leaf = self.leaf(index);
        let now = leaf.run.clock.read(now);
        match leaf.core.handle_bytes(now, PARENT, message, &mut leaf.machine) {
            Ok(len) => debug_assert_eq!(len, message.len(), "messages are whole"),
            Err(_) => {
                leaf.core.handle_hangup(now, PARENT, &mut leaf.machine);
                self.tell(Place::Leaf(index), What::HangsUp);
                self.close(link, Side::Below);
            }
        }
        self.after_leaf(index, before);
        self.drain_leaf(index)
    }

    pub(crate) fn started(&mut self, index: u32, who: (MemberSlot, u32), waits: bool) -> Result<(), String> {
        let key = self.member_key(index, who.0);
        let now = self.queue.now();
        let before = self.before_leaf(index, LeafCall::Completion);
        let Leaf { core, machine, run, .. } = self.leaf(index);
        let went = leaf::started(core, machine, run.clock.read(now), who, waits);
        self.after_leaf(index, before);
        self.went(index, who, key, went)
    }

    /// A program goes on.
    pub(crate) fn program_steps(&mut self, index: u32, who: (MemberSlot, u32)) -> Result<(), String> {
        let key = self.member_key(index, who.0);
        let now = self.queue.now();
        let before = self.before_leaf(index, LeafCall::Completion);
        let Leaf { core, machine, run, .. } = self.leaf(index);
        let went = leaf::goes_on(core, machine, run.clock.read(now), who);
        self.after_leaf(index, before);
        self.went(index, who, key, went)
    }

    fn went(
        &mut self,
        index: u32,
        (member, pid): (MemberSlot, u32),
        key: Option<Key>,
        went: Option<Went>,
    ) -> Result<(), String> {
        match (went, key) {
            (Some(Went::Waits(us)), _) => {
                let run = self.leaf(index).run.number;
                let at = self.queue.now() + Ps::us(us);
                self.queue.push(at, Event::Step { leaf: index, run, pid, member });
            }
            (Some(Went::Ended(end)), Some(key)) => self.ends(key, end),
            _ => {}
        }
        self.drain_leaf(index)
    }

    fn start(&mut self, index: u32, effect: &Effect) -> Result<(), String> {
        let Effect::Start { member, session, number, size, gang } = *effect else { return Ok(()) };
        self.notes_start(index, member);
        self.next_pid += 1;
        let (pid, now) = (self.next_pid, self.queue.now());
        if let Some(recorder) = &mut self.recorder {
            recorder.launches(pid);
        }
        // A directory on a slow mount, now and then.
        let within = if self.random.below(64) == 0 && self.is_late { SLOW_START_US } else { START_US };
        let at = now + Ps::us(START_US + self.random.below(within));
        self.tell(Place::Leaf(index), What::Starts(number));
        self.starts(index, session, number)?;
        let (node, date_us) = (self.levels.name_of_leaf(index), self.site.since_us + now.to_us());
        let Leaf { core, machine, run, .. } = self.leaf(index);
        let (name, _) = core.session_name(session);
        let longer =
            machine.start(member, session, pid, &Whose { node: &node, session: name, number, size, date_us });
        let (run, at) = (run.number, at + Ps::us(longer));
        self.queue.push(at, Event::Started { leaf: index, run, member, pid, waits: gang });
        Ok(())
    }

    pub(crate) fn drain_leaf(&mut self, index: u32) -> Result<(), String> {
        let now = self.queue.now();
        while let Some(effect) = self.leaf(index).core.poll_effect() {
            let place = Place::Leaf(index);
            match effect {
                Effect::Dial => {
                    let slow = self.cables.get(&place).map_or_else(Ps::default, |cable| cable.slow);
                    let run = self.leaf(index).run.number;
                    self.queue.push(now + LATENCY + slow, Event::Dial(place, run));
                }
                Effect::Start { .. } => self.start(index, &effect)?,
                // Scripted programs have nothing to look into.
                Effect::Debug { helper: member, .. } => {
                    let done = Completion::Failed { member, failure: Ename::Unsupported.into() };
                    self.leaf(index).completes(now, done);
                }
                Effect::Leave => {
                    self.notes_silence(place);
                    if let Some(link) = self.leaf(index).link {
                        self.tell(place, What::HangsUp);
                        self.close(link, Side::Below);
                        self.leaf_hangup(index)?;
                    }
                }
                Effect::Exit => self.leaf(index).run.dead = true,
            }
        }
        let mut out = std::mem::take(&mut self.out);
        loop {
            let leaf = self.leaf(index);
            let clock = leaf.run.clock.read(now);
            let Some((_, len)) = leaf.core.poll_transmit(clock, &mut leaf.machine, &mut out) else { break };
            if let Some(link) = leaf.link {
                self.send(link, Side::Above, &out[..len]);
            }
        }
        self.out = out;
        let soon = now + Ps::us(1);
        let leaf = &mut self.leaves[index as usize];
        let run = leaf.run.number;
        for (member, pid, after) in leaf.machine.going() {
            let at = now + Ps::us(after);
            self.queue.push(at, Event::Started { leaf: index, run, member, pid, waits: false });
        }
        let core = &leaf.core;
        for (member, pid) in leaf.machine.ending(|member| core.member_pid(member)) {
            if let Some(recorder) = &mut self.recorder {
                recorder.launches(pid);
            }
            self.queue.push(soon, Event::Step { leaf: index, run, pid, member });
        }
        if let Some(at) = leaf.run.wakes(leaf.core.poll_timeout()) {
            self.queue.push(at, Event::Tick(Place::Leaf(index)));
        }
        Ok(())
    }
}
