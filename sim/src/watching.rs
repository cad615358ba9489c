//! Who watches a world, and what they have seen.

use crate::observers::arms::Arms;
use crate::observers::recorder::Recorder;
use crate::world::World;
use bluegene::time::Ps;
use cnode::Bounds;

/// What the first aggregator of several keeps of a parameter where arms are counted, so that one of them
/// refuses what others keep.
const ROOM: usize = 16_384;

impl<B: Bounds> World<B> {
    /// What is claimed of members is not looked at from now on: that costs time for each of them.
    pub fn unchecked(&mut self) {
        self.observers.ledger.is_closed = true;
    }

    /// Pairs of a state and an event are counted from now on.
    pub fn count_arms(&mut self) {
        self.observers.arms = Some(Box::default());
        self.nodes.note();
        if self.levels.height() > 1 {
            self.narrow(0, ROOM);
        }
    }

    /// What was counted.
    pub fn arms(&self) -> Option<&Arms> {
        self.observers.arms.as_deref()
    }

    /// From now on it is recorded what each message was sent for, and where its time went.
    pub fn record(&mut self) {
        self.observers.recorder = Some(Box::default());
        self.wires.record(true);
    }

    /// What was recorded; nothing more is.
    pub fn recorded(&mut self) -> Option<Recorder> {
        self.wires.record(false);
        self.observers.recorder.take().map(|recorder| *recorder)
    }

    /// How long the links of each compute node's tree have had packets, up and down.
    pub(crate) fn busy_links(&self) -> Vec<[Ps; 2]> {
        self.wires.busy()
    }

    /// From now on no program starts late by chance.
    pub fn prompt(&mut self) {
        self.is_late = false;
    }

    /// An aggregator keeps no more than so many bytes of a session's program, environment or input.
    pub fn narrow(&mut self, io: u32, bytes: usize) {
        self.nodes.aggregators[io as usize].params.room = Some(bytes);
    }
}
