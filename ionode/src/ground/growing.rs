//! Tables that grow as they are used, up to their bound. A daemon takes the memory of all of them at its
//! start, of which the machine gives what is touched; a simulator of many aggregators takes what they use.
//! See decision 0019.

use core::ops::{Deref, DerefMut};
use protocol::slots::Slots;

/// A table of at most `N` slots that is twice as large each time it grows.
#[derive(Debug)]
pub(crate) struct Growing<T, const N: usize>(Vec<T>);

/// Slots of a table that was never full.
const FIRST: usize = 4;

impl<T: Default, const N: usize> Growing<T, N> {
    /// Has at least `count` slots, which is no more than it may have.
    pub(crate) fn hold(&mut self, count: usize) {
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
