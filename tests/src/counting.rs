//! An allocator that counts what each thread asks of it, for tests that claim that nothing allocates.
//!
//! Owns no memory: every request goes on to the system's allocator.

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;

thread_local! {
    // Const and without a destructor, so that reading it never allocates; a count a thread, because the test
    // harness allocates in threads of its own while a test runs.
    static COUNT: Cell<u64> = const { Cell::new(0) };
}

/// The system's allocator with a count of allocations for each thread; see [`allocations`].
///
/// A test file makes it its own with
/// ```
/// #[global_allocator]
/// static ALLOCATOR: tests::Counting = tests::Counting;
///
/// let before = tests::allocations();
/// let sum: u32 = [1, 2, 3].iter().sum();
/// assert_eq!((sum, tests::allocations() - before), (6, 0));
/// ```
#[derive(Debug)]
pub struct Counting;

/// Allocations and reallocations by the calling thread since it began.
///
/// 0 for ever where [`Counting`] is not the global allocator, so a test must also see it count once.
pub fn allocations() -> u64 {
    COUNT.get()
}

fn count_one() {
    COUNT.set(COUNT.get() + 1);
}

// SAFETY: every request is passed unchanged to `System`, which keeps the contract; counting touches no heap.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        count_one();
        // SAFETY: the caller's promises are those `System` asks for.
        unsafe { System.alloc(layout) }
    }

    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        count_one();
        // SAFETY: the caller's promises are those `System` asks for.
        unsafe { System.alloc_zeroed(layout) }
    }

    unsafe fn realloc(&self, block: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        count_one();
        // SAFETY: the caller's promises are those `System` asks for.
        unsafe { System.realloc(block, layout, size) }
    }

    unsafe fn dealloc(&self, block: *mut u8, layout: Layout) {
        // SAFETY: the caller's promises are those `System` asks for.
        unsafe { System.dealloc(block, layout) }
    }
}

#[cfg(test)]
mod tests {
    use super::{Counting, allocations};
    use std::hint::black_box;

    #[global_allocator]
    static ALLOCATOR: Counting = Counting;

    #[test]
    fn every_allocation_of_this_thread_is_counted() {
        let before = allocations();
        let mut numbers = black_box(Vec::with_capacity(1));
        numbers.push(1_u32);
        numbers.reserve(1000);
        drop(black_box(vec![0_u8; 100]));
        assert_eq!(allocations() - before, 3);
    }

    #[test]
    fn another_thread_counts_for_itself() {
        let thread = std::thread::spawn(|| drop(black_box(vec![1_u8; 10])));
        let before = allocations();
        // What joining costs is the standard library's affair; it does not allocate here.
        thread.join().expect("the thread ends");
        assert_eq!(allocations() - before, 0);
    }
}
