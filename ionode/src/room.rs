//! The memory of an aggregator's tables: each grows as it is used, up to its bound. A daemon takes all of it
//! at its start, of which the machine gives what is touched; a simulator of many takes what they use. See
//! decision 0019.

use crate::bounds::{DEAL_RECORDS, GATHERS, LINKS, LOOKS, REQUESTS, SESSIONS, STEPS, TRACES};
use crate::node::Node;
use core::ops::{Deref, DerefMut};
use protocol::limits::{MSIZE_LINK, MSIZE_MAX};
use protocol::slots::Slots;

/// A table of at most `N` slots that is twice as large each time it grows.
#[derive(Debug)]
pub struct Growing<T, const N: usize>(Vec<T>);

/// Slots of a table that was never full.
const FIRST: usize = 4;

impl<T: Default, const N: usize> Growing<T, N> {
    /// Has at least `count` slots, which is no more than it may have.
    pub fn hold(&mut self, count: usize) {
        assert!(count <= N, "a table grows up to its bound");
        let len = self.0.len();
        if count > len {
            let len = count.max(2 * len).max(FIRST).min(N);
            self.0.reserve_exact(len - self.0.len());
            self.0.resize_with(len, T::default);
        }
    }
}

impl<T: Default, const N: usize> Slots<T> for Growing<T, N> {
    fn make() -> Self {
        Self(Vec::new())
    }

    fn slots(&self) -> &[T] {
        &self.0
    }

    fn slots_mut(&mut self) -> &mut [T] {
        &mut self.0
    }

    fn grow(&mut self) -> bool {
        let is_whole = self.0.len() == N;
        if !is_whole {
            self.hold(self.0.len() + 1);
        }
        !is_whole
    }

    fn reserve(&mut self) {
        self.0.reserve_exact(N - self.0.len());
    }
}

impl<T, const N: usize> Deref for Growing<T, N> {
    type Target = [T];

    fn deref(&self) -> &[T] {
        &self.0
    }
}

impl<T, const N: usize> DerefMut for Growing<T, N> {
    fn deref_mut(&mut self) -> &mut [T] {
        &mut self.0
    }
}

impl Node {
    /// Takes the memory for all that the tables may hold.
    pub(crate) fn take_room(&mut self) {
        self.fids.reserve();
        self.tags.reserve();
        self.up.reserve();
        self.children.reserve();
        self.names.reserve();
        self.sessions.reserve();
        self.outcomes.reserve();
        self.refusals.reserve();
        self.gathers.reserve();
        self.looks.reserve();
        self.traces.reserve();
        self.forwards.reserve();
        self.pool.reserve();
        self.steps.reserve_exact(STEPS);
        self.scratch.reserve_exact(MSIZE_MAX as usize);
        self.closed.reserve_exact(SESSIONS);
        self.dealt.reserve_exact(DEAL_RECORDS);
        self.piece.reserve_exact(MSIZE_LINK as usize);
        self.settled.reserve_exact(REQUESTS);
        self.undone.reserve_exact(REQUESTS);
        self.drops.reserve_exact(LINKS);
    }
}

/// Sessions.
pub(crate) type Sessions = Growing<crate::session::Session, SESSIONS>;
/// Commands to many that are not all answered.
pub(crate) type Gathers = Growing<crate::gather::Gather, GATHERS>;
/// Status texts being read.
pub(crate) type Looks = Growing<crate::look::Look, LOOKS>;
/// Traces being gathered or read.
pub(crate) type Traces = Growing<crate::trace::Trace, TRACES>;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_table_doubles_up_to_its_bound_and_its_slots_keep_their_numbers() {
        let mut table = Growing::<u32, 10>::make();
        assert_eq!(table.free(|_| true), Some(0));
        table[3] = 7;
        assert_eq!((table.len(), table.free(|slot| *slot == 7)), (4, Some(3)));
        let lens: Vec<usize> = core::iter::from_fn(|| table.grow().then_some(table.len())).collect();
        assert_eq!((lens, table[3]), (vec![8, 10], 7));
        assert_eq!(table.free(|slot| *slot == 8), None);
    }

    #[test]
    fn a_table_that_was_reserved_stays_where_it_is() {
        let mut table = Growing::<u32, 1000>::make();
        table.reserve();
        let begin = table.as_ptr();
        table.hold(999);
        assert_eq!((table.as_ptr(), table.len()), (begin, 999));
    }
}
