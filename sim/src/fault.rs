//! What can be broken: a node, an aggregator, its machine, or its cable to above.

use crate::aggregator::Aggregator;
use crate::link::Side;
use crate::medium::LATENCY;
use crate::node::Leaf;
use crate::running::Run;
use crate::time::Ps;
use crate::trace::What;
use crate::world::{Event, Place, World};
use cnode::Bounds;

/// Within this time a kernel says again what was not acknowledged.
pub(crate) const RETRY: Ps = Ps::us(2_000_000);

/// What happens to a node or an aggregator, or to its cable.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Fault {
    /// It neither reads nor answers.
    Stop,
    /// It goes on.
    Continue,
    /// It is gone, with all that ran on it; its kernel hangs up.
    Kill,
    /// Its machine is gone, and nobody hangs up.
    Crash,
    /// It is there again, as a new run.
    Return,
    /// The link is cut: both ends see a hangup.
    Cut,
    /// Every message takes so many microseconds more, in both directions.
    Slow(u64),
    /// Nothing that goes up arrives any more, or nothing that goes down, or nothing at all; there is no
    /// hangup.
    Mute {
        /// Towards the aggregator above.
        up: bool,
        /// Towards the node.
        down: bool,
    },
    /// Both directions work again; a link that was there is reset at both ends, as what was lost on it is.
    Heal,
    /// So many messages that cross its cable next are lost.
    Lose(u32),
    /// So many arrive with a wrong bit.
    Corrupt(u32),
    /// It takes nothing in: its FIFO is full soon, and then the channel that it is on, to all its siblings.
    Clog,
    /// It takes in again.
    Unclog,
    /// Its clock is fast by so many parts in a million.
    Drift(i32),
    /// Its clock is set forward by so many microseconds, or stands so long: it never runs backwards.
    Jump(i64),
}

impl Fault {
    /// Members on that node may be lost by it.
    pub fn hurts(self) -> bool {
        !matches!(self, Self::Slow(_) | Self::Drift(_) | Self::Jump(_))
    }
}

impl<B: Bounds> World<B> {
    /// Breaks a node at a time, in microseconds.
    pub fn plan(&mut self, at: u64, leaf: usize, fault: Fault) {
        self.plan_at(at, Place::Leaf(leaf as u32), fault);
    }

    /// Breaks a node or an aggregator at a time, in microseconds.
    pub fn plan_at(&mut self, at: u64, place: Place, fault: Fault) {
        if fault.hurts() {
            match place {
                Place::Leaf(leaf) => {
                    self.hurt.insert(leaf as usize);
                }
                Place::Io(io) => self.hurt.extend(self.levels.leaves_below(io).map(|leaf| leaf as usize)),
                Place::Client(_) => {}
            }
            if fault == Fault::Clog
                && let Some(above) = self.above(place)
            {
                self.hurt.extend(self.levels.leaves_below(above).map(|leaf| leaf as usize));
            }
        }
        self.planned.push((place, fault));
        self.at(at, Event::Fault((self.planned.len() - 1) as u32));
    }

    pub(crate) fn fault(&mut self, number: u32) {
        let (place, fault) = self.planned[number as usize];
        self.tell(place, What::Breaks(fault));
        match fault {
            Fault::Stop => self.with_run(place, |run| run.stopped = true),
            Fault::Continue => self.go_on(place),
            Fault::Kill | Fault::Crash => self.die(place, fault == Fault::Kill),
            Fault::Return => self.revive(place),
            Fault::Cut => {
                if let Some(link) = self.link_above(place) {
                    self.reset(link, Ps::ZERO);
                }
            }
            Fault::Drift(_) | Fault::Jump(_) => {
                let now = self.queue.now();
                self.with_run(place, |run| match fault {
                    Fault::Drift(ppm) => run.clock.drift(now, ppm),
                    Fault::Jump(us) => run.clock.jump(now, us),
                    _ => {}
                });
                // What was due by the clock as it ran is due otherwise now.
                self.queue.push(now, Event::Tick(place));
            }
            Fault::Heal => {
                if let Some(cable) = self.cables.get_mut(&place) {
                    cable.mute = [false; 2];
                }
                self.reset_all(place, Ps::ZERO);
            }
            Fault::Clog => self.clog(place),
            Fault::Unclog => self.unclog(place),
            Fault::Slow(us) => self.cables.entry(place).or_default().slow = Ps::us(us),
            Fault::Mute { up, down } => {
                // What was lost is lost until the link is reset: one fault does not end another.
                let mute = &mut self.cables.entry(place).or_default().mute;
                *mute = [mute[0] | up, mute[1] | down];
            }
            Fault::Lose(count) => self.cables.entry(place).or_default().lose = count,
            Fault::Corrupt(count) => self.cables.entry(place).or_default().corrupt = count,
        }
        self.cables.retain(|_, cable| *cable != crate::link::Cable::default());
    }

    fn with_run(&mut self, place: Place, act: impl FnOnce(&mut Run)) {
        if let Some(run) = self.run_of(place) {
            act(run);
        }
    }

    fn link_above(&self, place: Place) -> Option<u32> {
        match place {
            Place::Leaf(leaf) => self.leaves[leaf as usize].link,
            Place::Io(io) => self.aggregators[io as usize].links[0],
            Place::Client(client) => self.clients[client as usize].link,
        }
    }

    fn go_on(&mut self, place: Place) {
        let Some(run) = self.run_of(place) else { return };
        run.stopped = false;
        for event in std::mem::take(&mut run.later) {
            self.queue.push(self.queue.now(), event);
        }
    }

    /// It is gone; its kernel tells all whom it had links with, or nobody does.
    fn die(&mut self, place: Place, tells: bool) {
        let Some(run) = self.run_of(place) else { return };
        run.dead = true;
        for event in run.left() {
            self.discard(event);
        }
        let mut links: Vec<(u32, Side)> =
            self.link_above(place).into_iter().map(|link| (link, Side::Below)).collect();
        if let Place::Io(io) = place {
            let below = self.aggregators[io as usize].links.iter().skip(1).flatten();
            links.extend(below.map(|link| (*link, Side::Above)));
            self.drop_all_outside(io);
        }
        for (link, side) in links {
            if tells {
                self.close(link, side);
            } else {
                self.shut(link, side);
            }
        }
    }

    /// A new run of what is gone. Its kernel knows nothing of the links of the run before: what others'
    /// kernels say on one again, after a while, resets it.
    fn revive(&mut self, place: Place) {
        let Some(number) = self.run_of(place).filter(|run| run.dead).map(|run| run.number + 1) else {
            return;
        };
        let after = Ps(self.random.below(RETRY.0));
        self.reset_all(place, after);
        let now = self.queue.now();
        let run = Run::new(number, now, self.epoch(now));
        match place {
            Place::Leaf(leaf) => {
                let facts = self.leaf_facts(leaf, number);
                self.leaves[leaf as usize] = Leaf::new(now, facts, run);
                if self.arms.is_some() {
                    self.leaves[leaf as usize].machine.note();
                }
            }
            Place::Io(io) => {
                self.reset_below(io, after);
                let facts = self.io_facts(io, number);
                let params = self.aggregators[io as usize].params.anew();
                self.aggregators[io as usize] = Aggregator { params, ..Aggregator::new(now, facts, run) };
            }
            Place::Client(_) => {}
        }
        self.queue.push(now + LATENCY, Event::Tick(place));
    }

    /// Links of those below an aggregator that was gone, who do not know of it yet.
    fn reset_below(&mut self, io: u32, after: Ps) {
        for link in self.links.open_below(io) {
            self.reset(link, after);
        }
    }
}
