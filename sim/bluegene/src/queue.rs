//! What is to come, in the order of its time, and of its scheduling where times are equal.
//!
//! A radix heap (Ahuja, Mehlhorn, Orlin, Tarjan, 1990): time never runs backwards, so an event lies in the
//! bucket of the highest bit in which its time differs from that of the last one taken. Taking the first
//! event moves those of the lowest bucket down; each is moved at most once a bit, and equal times, which are
//! always in one bucket, keep their order.

use crate::time::Ps;
use std::collections::VecDeque;

/// Who takes what is to come after a delay.
pub trait Schedule<E> {
    /// Now.
    fn now(&self) -> Ps;
    /// The event comes after that time.
    fn after(&mut self, delay: Ps, event: E);
}

/// Events to come.
#[derive(Debug)]
pub struct Queue<E> {
    now: Ps,
    /// Those of now.
    due: VecDeque<E>,
    /// By the highest bit in which their time differs from `last`.
    later: [Vec<(Ps, E)>; 64],
    /// The buckets that hold any, by bit.
    filled: u64,
    /// The time from which differences are counted: that of the events in `due`.
    last: Ps,
    len: usize,
}

impl<E> Default for Queue<E> {
    fn default() -> Self {
        let later = [const { Vec::new() }; 64];
        Self { now: Ps::ZERO, due: VecDeque::new(), later, filled: 0, last: Ps::ZERO, len: 0 }
    }
}

impl<E> Queue<E> {
    /// Now: the time of the last event that was taken, or what it was advanced to.
    pub fn now(&self) -> Ps {
        self.now
    }

    /// How many are to come.
    pub fn len(&self) -> usize {
        self.len
    }

    /// Nothing is to come.
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// Bytes that it has taken for its events.
    pub fn bytes(&self) -> usize {
        let later: usize = self.later.iter().map(Vec::capacity).sum();
        later * size_of::<(Ps, E)>() + self.due.capacity() * size_of::<E>()
    }

    /// An event comes at a time; one that has passed is now.
    pub fn push(&mut self, at: Ps, event: E) {
        let at = at.max(self.now);
        self.len += 1;
        self.place(at, event);
    }

    fn place(&mut self, at: Ps, event: E) {
        match (at.0 ^ self.last.0).checked_ilog2() {
            None => self.due.push_back(event),
            Some(bit) => {
                self.later[bit as usize].push((at, event));
                self.filled |= 1 << bit;
            }
        }
    }

    /// The time of the first event.
    pub fn first(&self) -> Option<Ps> {
        if !self.due.is_empty() {
            return Some(self.last);
        }
        let lowest = self.later.get(self.filled.trailing_zeros() as usize)?;
        lowest.iter().map(|(at, _)| *at).min()
    }

    /// Takes the first event that comes until `end`: it is that time then.
    pub fn pop(&mut self, end: Ps) -> Option<E> {
        if self.due.is_empty() {
            let first = self.first().filter(|at| *at <= end)?;
            let bit = self.filled.trailing_zeros();
            self.filled &= !(1 << bit);
            self.last = first;
            // Its allocation is kept: the next events of that distance go there.
            let mut moved = std::mem::take(&mut self.later[bit as usize]);
            for (at, event) in moved.drain(..) {
                self.place(at, event);
            }
            self.later[bit as usize] = moved;
        } else if self.last > end {
            return None;
        }
        let event = self.due.pop_front()?;
        self.len -= 1;
        self.now = self.last;
        Some(event)
    }

    /// The next event, if it is known already: it is now then.
    pub fn next(&self) -> Option<&E> {
        self.due.front()
    }

    /// Nothing more comes until `to`: it is that time.
    pub fn advance(&mut self, to: Ps) {
        debug_assert!(self.first().is_none_or(|at| at >= to), "what comes before is taken first");
        self.now = self.now.max(to);
    }

    /// The same queue to one whose events are a part of these.
    pub fn of<'a, F>(&'a mut self, wrap: F) -> Of<'a, E, F> {
        Of { queue: self, wrap }
    }
}

impl<E> Schedule<E> for Queue<E> {
    fn now(&self) -> Ps {
        self.now
    }

    fn after(&mut self, delay: Ps, event: E) {
        self.push(self.now + delay, event);
    }
}

/// A queue as somebody sees it whose events are a part of all.
#[derive(Debug)]
pub struct Of<'a, E, F> {
    queue: &'a mut Queue<E>,
    wrap: F,
}

impl<E, P, F: FnMut(P) -> E> Schedule<P> for Of<'_, E, F> {
    fn now(&self) -> Ps {
        self.queue.now
    }

    fn after(&mut self, delay: Ps, event: P) {
        let event = (self.wrap)(event);
        self.queue.push(self.queue.now + delay, event);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::random::Random;

    #[test]
    fn events_come_in_order_of_time_and_then_of_scheduling() {
        let mut random = Random::new(1);
        let mut queue = Queue::default();
        let mut model: Vec<(Ps, u32)> = Vec::new();
        let mut taken = Vec::new();
        for number in 0..20_000 {
            // Few different times, so that many are equal; some far away, some past.
            let scale = 1 << random.below(40);
            let at = Ps(queue.now().0.saturating_sub(2) + random.below(7) * scale);
            queue.push(at, number);
            model.push((at.max(queue.now()), number));
            if random.below(3) == 0 {
                model.sort_by_key(|(at, _)| *at);
                let (at, first) = model.remove(0);
                assert_eq!((queue.first(), queue.pop(Ps(u64::MAX))), (Some(at), Some(first)));
                assert_eq!(queue.now(), at);
                taken.push(first);
            }
        }
        assert_eq!((queue.len(), taken.len() + queue.len()), (model.len(), 20_000));
    }

    #[test]
    fn what_comes_after_the_end_stays_and_what_is_scheduled_before_it_comes_first() {
        let mut queue = Queue::default();
        queue.push(Ps(100), 'b');
        assert_eq!(queue.pop(Ps(99)), None);
        queue.advance(Ps(99));
        queue.push(Ps(99), 'a');
        assert_eq!(queue.pop(Ps(200)), Some('a'));
        assert_eq!(queue.pop(Ps(99)), None);
        assert_eq!((queue.pop(Ps(100)), queue.now()), (Some('b'), Ps(100)));
        assert!(queue.is_empty() && queue.pop(Ps(u64::MAX)).is_none());
    }
}
