//! One run of a node's program, compute node or aggregator: whether it goes on, and its clock.

use crate::clock::Clock;
use crate::time::Ps;
use crate::world::Event;
use protocol::time::Time;

/// A run, from its start to its end.
#[derive(Debug)]
pub(crate) struct Run {
    /// Which one it is, counted from 1.
    pub(crate) number: u32,
    /// It neither reads nor answers.
    pub(crate) stopped: bool,
    /// It is over.
    pub(crate) dead: bool,
    pub(crate) clock: Clock,
    /// When it is to be woken, if that is known to be.
    ticking: Option<Ps>,
    /// What came while it was stopped.
    pub(crate) later: Vec<Event>,
}

impl Run {
    /// One that begins now, on a clock that says `base`.
    pub(crate) fn new(number: u32, now: Ps, base: u64) -> Self {
        let clock = Clock::new(now, base);
        Self { number, stopped: false, dead: false, clock, ticking: None, later: Vec::new() }
    }

    /// It is woken.
    pub(crate) fn woken(&mut self) {
        self.ticking = None;
    }

    /// When to wake it for what is due then, unless it is woken before.
    pub(crate) fn wakes(&mut self, due: Time) -> Option<Ps> {
        let at = self.clock.when(due)?;
        if self.ticking.is_some_and(|ticking| ticking <= at) {
            return None;
        }
        self.ticking = Some(at);
        Some(at)
    }
}
