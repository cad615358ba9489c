//! A daemon whose allocations are counted where another process can read them: `counted FILE cnode ARGS...`
//! or `counted FILE ionode ARGS...`. FILE holds the count in its first eight bytes, in this machine's order.

use memmap2::MmapMut;
use std::alloc::{GlobalAlloc, Layout, System};
use std::fs::File;
use std::sync::atomic::{AtomicPtr, AtomicU64, Ordering};

/// What is counted before the file is there is not told.
static UNTOLD: AtomicU64 = AtomicU64::new(0);
static COUNT: AtomicPtr<AtomicU64> = AtomicPtr::new((&raw const UNTOLD).cast_mut());

/// The system's allocator with a count of allocations and reallocations.
struct Counted;

fn count_one() {
    // SAFETY: it points at a static, or into a map that is never undone.
    unsafe { &*COUNT.load(Ordering::Relaxed) }.fetch_add(1, Ordering::Relaxed);
}

// SAFETY: every request is passed unchanged to `System`, which keeps the contract; counting touches no heap.
unsafe impl GlobalAlloc for Counted {
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

#[global_allocator]
static ALLOCATOR: Counted = Counted;

fn main() {
    let mut args = std::env::args().skip(1);
    let path = args.next().expect("a file to count in");
    let file = File::options().read(true).write(true).create(true).truncate(true).open(path);
    let file = file.expect("the file can be made");
    file.set_len(8).expect("the file has room");
    // SAFETY: others only read it.
    let map = unsafe { MmapMut::map_mut(&file) }.expect("a file can be mapped");
    let place: &'static mut MmapMut = Box::leak(Box::new(map));
    COUNT.store(place.as_mut_ptr().cast(), Ordering::Relaxed);
    let args: Vec<String> = args.collect();
    std::process::exit(match args.first().map(String::as_str) {
        Some("cnode") => cnode_host::main(args, cnode_host::Debugger::beside()),
        Some("ionode") => ionode_host::main(args),
        _ => panic!("want cnode or ionode"),
    });
}
