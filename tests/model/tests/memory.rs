//! What an aggregator takes of memory: what it uses, and never more than its bounds.

use ionode::Ionode;
use model::pump::Net;
use protocol::text::Text;
use protocol::time::Time;
use sim::clients::job::Job;
use std::alloc::{GlobalAlloc, Layout, System};
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

/// Bytes that are allocated now.
static HEAP: AtomicUsize = AtomicUsize::new(0);
/// The heap is everybody's: one test at a time.
static ALONE: Mutex<()> = Mutex::new(());

/// The system's allocator with a count of the bytes that are out.
struct Counted;

// SAFETY: every request is passed unchanged to `System`, which keeps the contract; counting touches no heap.
unsafe impl GlobalAlloc for Counted {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        HEAP.fetch_add(layout.size(), Ordering::Relaxed);
        // SAFETY: the caller's promises are those `System` asks for.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, block: *mut u8, layout: Layout) {
        HEAP.fetch_sub(layout.size(), Ordering::Relaxed);
        // SAFETY: the caller's promises are those `System` asks for.
        unsafe { System.dealloc(block, layout) }
    }
}

#[global_allocator]
static ALLOCATOR: Counted = Counted;

/// Bytes that are given back with a value.
fn freed_with<T>(value: T) -> usize {
    let before = HEAP.load(Ordering::Relaxed);
    drop(value);
    before - HEAP.load(Ordering::Relaxed)
}

/// One job, from its burst to its last answer.
fn run(net: &mut Net, res: &str, program: &str, input: Option<&[u8]>) {
    net.connect(0, 0, true, None);
    let mut job = Job::default();
    let burst = job.begin(res, program, input);
    net.pour(0, &burst);
    for _ in 0..10_000 {
        while let Some((_, bytes)) = net.answers.pop_front() {
            let burst = job.answer(&bytes).expect("the job is answered as it is to be");
            net.pour(0, &burst);
        }
        if job.over {
            return net.hangup(0);
        }
        net.advance(100);
    }
    panic!("the job is over: {}", job.unanswered());
}

fn mixed(net: &mut Net, count: usize) {
    for number in 0..count {
        let (program, input) = match number % 4 {
            0 => ("hostname", None),
            1 => ("exit 3", None),
            2 => ("cat", Some(&b"a line\nand another\n"[..])),
            _ => ("nosuch", None),
        };
        run(net, "res 4", program, input);
    }
}

#[test]
fn a_new_aggregator_takes_less_than_64_kib() {
    let _alone = ALONE.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
    let facts = ionode::Facts {
        name: Text::cut("io"),
        boot: 1,
        os: "linux",
        arch: "ppc",
        operator: Text::EMPTY,
        has_parent: true,
    };
    let bytes = freed_with(Box::new(Ionode::new(facts, Time(0))));
    println!("{bytes} bytes, of which {} are itself", size_of::<Ionode>());
    assert!(bytes < 64 << 10, "{bytes} bytes");
}

#[test]
fn one_with_64_children_that_has_run_a_job_on_all_of_them_takes_less_than_300_kib() {
    let _alone = ALONE.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
    let mut net = Net::new(64, 1);
    run(&mut net, "res 64", "hostname", None);
    let bytes = freed_with(net.io);
    println!("{bytes} bytes");
    assert!(bytes < 300 << 10, "{bytes} bytes");
}

// The last 256 refusals are kept, and one job in four is refused.
#[test]
fn after_ten_thousand_mixed_jobs_it_takes_no_more_than_after_two_thousand() {
    let _alone = ALONE.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
    let [few, many] = [2_000, 10_000].map(|count| {
        let mut net = Net::new(4, 1);
        mixed(&mut net, count);
        freed_with(net.io)
    });
    println!("{few} bytes, then {many}");
    assert!(many <= few, "{few} bytes, then {many}");
}
