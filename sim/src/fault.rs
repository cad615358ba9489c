//! What can be broken: a node, its machine, or its cable to the ionode.

use crate::link::Side;
use crate::world::{Event, LATENCY_US, Place, World};
use cnode::Bounds;

/// Within this time a kernel says again what was not acknowledged.
const RETRY_US: u64 = 2_000_000;

/// What happens to a node or its cable.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// The node neither reads nor answers.
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
    /// Nothing that goes up (to the ionode) arrives any more, or nothing that goes down, or nothing at all;
    /// there is no hangup.
    Mute {
        /// Towards the ionode.
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
    /// Its queue is full: it takes nothing in, and who sends to it waits.
    Clog,
    /// It takes in again.
    Unclog,
    /// Its clock is fast by so many parts in a million.
    Drift(i32),
    /// Its clock is set forward by so many microseconds.
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
        if fault.hurts() {
            self.hurt.insert(leaf);
        }
        self.schedule(at, Event::Fault(leaf, fault));
    }

    pub(crate) fn fault(&mut self, index: usize, fault: Fault) {
        self.tell(Place::Leaf(index), &format!("{fault:?}"));
        match fault {
            Fault::Stop => self.leaves[index].stopped = true,
            Fault::Continue => {
                self.leaves[index].stopped = false;
                for event in std::mem::take(&mut self.leaves[index].later) {
                    self.schedule(self.now, event);
                }
            }
            Fault::Kill | Fault::Crash => match (fault, self.leaves[index].die()) {
                (Fault::Kill, Some(link)) => self.close(link, Side::Peer),
                (_, Some(link)) => {
                    self.shut(link, Side::Peer);
                }
                (_, None) => {}
            },
            Fault::Return => self.revive(index),
            Fault::Cut => {
                if let Some(link) = self.leaves[index].link {
                    self.reset(link, 0);
                }
            }
            Fault::Slow(us) => self.cables[index].slow_us = us,
            Fault::Mute { up, down } => {
                // What was lost is lost until the link is reset: one fault does not end another.
                let mute = &mut self.cables[index].mute;
                *mute = [mute[0] | up, mute[1] | down];
            }
            Fault::Heal => {
                self.cables[index].mute = [false; 2];
                self.reset_all(index, 0);
            }
            // A script that says these is refused until there is something here that does them.
            Fault::Lose(_) | Fault::Corrupt(_) | Fault::Clog | Fault::Unclog => {}
            Fault::Drift(_) | Fault::Jump(_) => {}
        }
    }

    /// A new run of a node that is gone. Its kernel knows nothing of the links of the run before: what the
    /// ionode's kernel says on one again, after a while, resets it.
    fn revive(&mut self, index: usize) {
        if !self.leaves[index].dead {
            return;
        }
        let after = self.random.below(RETRY_US);
        self.reset_all(index, after);
        let facts = self.facts(index, self.leaves[index].run + 1);
        self.leaves[index].revive(facts, self.now);
        self.schedule(self.now + LATENCY_US, Event::Tick(Place::Leaf(index)));
    }
}
