//! What is to come, and the one source of chance: whoever plans something plans it here.

use crate::event::{Event, NetworkEvent};
use bluegene::queue::{Of, Queue};
use bluegene::random::Random;
use bluegene::time::Ps;

/// The queue of a run, and its random numbers.
pub(crate) struct Agenda {
    queue: Queue<Event>,
    random: Random,
}

impl Agenda {
    /// An empty one, with the numbers of a seed.
    pub(crate) fn new(seed: u64) -> Self {
        Self { queue: Queue::default(), random: Random::new(seed) }
    }

    /// Now.
    pub(crate) fn now(&self) -> Ps {
        self.queue.now()
    }

    /// An event comes at a time.
    pub(crate) fn push(&mut self, at: Ps, event: Event) {
        self.queue.push(at, event);
    }

    /// An event comes after a time.
    pub(crate) fn after(&mut self, delay: Ps, event: Event) {
        self.queue.push(self.queue.now() + delay, event);
    }

    /// Takes the first event that comes until `end`: it is that time then.
    pub(crate) fn pop(&mut self, end: Ps) -> Option<Event> {
        self.queue.pop(end)
    }

    /// Nothing more comes until `to`: it is that time.
    pub(crate) fn advance(&mut self, to: Ps) {
        self.queue.advance(to);
    }

    /// When the first event comes.
    pub(crate) fn first(&self) -> Option<Ps> {
        self.queue.first()
    }

    /// A number below `bound`, by chance.
    pub(crate) fn below(&mut self, bound: u64) -> u64 {
        self.random.below(bound)
    }

    /// A time below `bound`, by chance.
    pub(crate) fn within(&mut self, bound: Ps) -> Ps {
        Ps(self.random.below(bound.0))
    }

    /// The queue of one network.
    pub(crate) fn network<P, F: FnMut(P) -> NetworkEvent>(
        &mut self,
        mut wrap: F,
    ) -> Of<'_, Event, impl FnMut(P) -> Event + use<P, F>> {
        self.queue.of(move |event| Event::Network(wrap(event)))
    }

    /// Bytes that it has taken.
    pub(crate) fn memory(&self) -> usize {
        self.queue.bytes()
    }
}
