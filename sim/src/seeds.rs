//! `sim seeds`: many seeds on several threads, told as one thread would tell them.

use crate::run::refuse;
use argh::FromArgs;
use sim::script::Script;
use sim::script::play::{Summary, play};
use sim::trace::Lines;
use sim::workload;
use std::cell::RefCell;
use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::thread;
use std::time::Duration;

/// A seed that takes longer than this does not end.
const SEED_BOUND: Duration = Duration::from_secs(120);

/// Run many seeds; the first that breaks a claim is told with the commands that replay and shrink it.
#[derive(FromArgs)]
#[argh(subcommand, name = "seeds")]
pub(crate) struct Seeds {
    /// how many (default 100)
    #[argh(option, short = 'n', default = "100")]
    count: u64,
    /// the first (default 1)
    #[argh(option, default = "1")]
    from: u64,
    /// compute nodes (default 64)
    #[argh(option, default = "64")]
    nodes: u32,
    /// faults a seed (default 3)
    #[argh(option, default = "3")]
    faults: usize,
    /// threads (default: one for each CPU)
    #[argh(option)]
    jobs: Option<usize>,
    /// run each twice, and compare their digests
    #[argh(switch)]
    twice: bool,
}

/// What a seed came to: an error is what broke, or how it panicked.
type Told = (u64, Result<Summary, String>);

thread_local! {
    /// The seed that a thread is at, and where to tell of it.
    static AT: RefCell<Option<(u64, Sender<Told>)>> = const { RefCell::new(None) };
}

/// Runs them: the exit code.
pub(crate) fn run(args: &Seeds) -> i32 {
    if let Err(code) = refuse(args.nodes) {
        return code;
    }
    if let Some(what) = sim::script::play::lacks(&script(args, args.from)) {
        eprintln!("sim: not simulated: {what}");
        return 100;
    }
    let threads = args.jobs.unwrap_or_else(|| thread::available_parallelism().map_or(1, usize::from));
    tell_panics();
    let (next, is_enough) = (AtomicU64::new(args.from), AtomicBool::new(false));
    let end = args.from.saturating_add(args.count);
    thread::scope(|scope| {
        let (sender, receiver) = channel();
        for _ in 0..threads.max(1) {
            let sender = sender.clone();
            let (next, is_enough) = (&next, &is_enough);
            scope.spawn(move || {
                while !is_enough.load(Ordering::Relaxed) {
                    let seed = next.fetch_add(1, Ordering::Relaxed);
                    if seed >= end {
                        break;
                    }
                    AT.set(Some((seed, sender.clone())));
                    if sender.send((seed, one(args, seed))).is_err() {
                        break;
                    }
                }
                AT.set(None);
            });
        }
        drop(sender);
        let code = listen(args, end, &receiver);
        is_enough.store(true, Ordering::Relaxed);
        if code != 0 {
            // A thread whose core has panicked waits for just this.
            std::process::exit(code);
        }
        code
    })
}

fn script(args: &Seeds, seed: u64) -> Script {
    workload::script(seed, args.nodes, args.faults)
}

fn one(args: &Seeds, seed: u64) -> Result<Summary, String> {
    let script = script(args, seed);
    let once = || {
        let played = play(&script, Lines::Dropped, &mut |_| {})?;
        played.broken.map_or(Ok(played.summary), |finding| Err(finding.to_string()))
    };
    let summary = once()?;
    if args.twice {
        let again = once()?;
        if again != summary {
            return Err(format!("two runs differ: {summary:?}, {again:?}"));
        }
    }
    Ok(summary)
}

/// A panic is told as what a seed came to. Its thread then waits for the end of all: where a panic aborts,
/// the other threads and what is still to be told would go with it.
fn tell_panics() {
    let usual = std::panic::take_hook();
    std::panic::set_hook(Box::new(move |panic| {
        let Some((seed, sender)) = AT.take() else { return usual(panic) };
        if sender.send((seed, Err(format!("{panic}")))).is_ok() {
            drop(sender);
            thread::sleep(2 * SEED_BOUND);
        }
    }));
}

/// Takes what seeds came to, and tells it in their order: the exit code.
fn listen(args: &Seeds, end: u64, receiver: &Receiver<Told>) -> i32 {
    let mut waiting: BTreeMap<u64, Result<Summary, String>> = BTreeMap::new();
    let mut seed = args.from;
    let mut events = 0;
    let mut digest = 0_u64;
    while seed < end {
        let summary = match waiting.remove(&seed) {
            Some(Ok(summary)) => summary,
            Some(Err(broken)) => return fail(args, seed, &broken),
            None => match receiver.recv_timeout(SEED_BOUND) {
                Ok((told, came)) => {
                    waiting.insert(told, came);
                    continue;
                }
                Err(RecvTimeoutError::Timeout) => {
                    let bound = SEED_BOUND.as_secs();
                    return fail(args, seed, &format!("it does not end within {bound} s"));
                }
                Err(RecvTimeoutError::Disconnected) => return fail(args, seed, "its thread is gone"),
            },
        };
        events += summary.events;
        digest = digest.rotate_left(1) ^ summary.digest;
        seed += 1;
    }
    println!("{} seeds quiet, {events} events, digest {digest:016x}", args.count);
    0
}

fn fail(args: &Seeds, seed: u64, broken: &str) -> i32 {
    let of = format!("--seed {seed} --nodes {} --faults {}", args.nodes, args.faults);
    eprintln!("sim: seed {seed}: {broken}");
    eprintln!("sim: replay: sim run {of} --trace");
    eprintln!("sim: shrink: sim shrink {of}");
    1
}
