//! One run of a node's program, compute node or aggregator: whether it goes on, and its clock.

use super::clock::Clock;
use crate::event::Event;
use bluegene::parameters::MESSAGE_NS;
use bluegene::time::Ps;
use protocol::time::Time;
use std::collections::VecDeque;

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
    /// It is at a message until then; those that came meanwhile.
    busy: Ps,
    waiting: VecDeque<Event>,
    /// What came while it was stopped.
    pub(crate) later: Vec<Event>,
}

impl Run {
    /// One that begins now, on a clock that says `base`.
    pub(crate) fn new(number: u32, now: Ps, base: u64) -> Self {
        let clock = Clock::new(now, base);
        let (waiting, later) = (VecDeque::new(), Vec::new());
        Self { number, stopped: false, dead: false, clock, ticking: None, busy: now, waiting, later }
    }

    /// It is at another message.
    pub(crate) fn is_busy(&self, now: Ps) -> bool {
        self.busy > now || !self.waiting.is_empty()
    }

    /// It takes a message now.
    pub(crate) fn works(&mut self, now: Ps) {
        self.busy = now + Ps::ns(MESSAGE_NS);
    }

    /// A message waits for its turn: when that is, unless others wait before it.
    pub(crate) fn waits(&mut self, event: Event) -> Option<Ps> {
        self.waiting.push_back(event);
        (self.waiting.len() == 1).then_some(self.busy)
    }

    /// The message whose turn it is, and when that of the next is.
    pub(crate) fn next(&mut self, now: Ps) -> Option<(Event, Option<Ps>)> {
        let event = self.waiting.pop_front()?;
        self.works(now);
        Some((event, (!self.waiting.is_empty()).then_some(self.busy)))
    }

    /// All that has come and was not taken.
    pub(crate) fn left(&mut self) -> Vec<Event> {
        let later = std::mem::take(&mut self.later);
        later.into_iter().chain(std::mem::take(&mut self.waiting)).collect()
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
