//! Many seeds on several threads, told as one thread would tell them.

use crate::progress::Progress;
use sim::script::play::Summary;
use std::cell::RefCell;
use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::thread;
use std::time::Duration;

/// A seed that takes longer than this does not end.
const SEED_BOUND: Duration = Duration::from_secs(120);

/// What a seed came to: an error is what broke, or how it panicked.
type Told = (u64, Result<Summary, String>);

/// What all came to: their events and a digest of their digests, or the first that fails and how.
pub(crate) type Verdict = Result<(u64, u64), (u64, String)>;

thread_local! {
    /// The seed that a thread is at, and where to tell of it.
    static AT: RefCell<Option<(u64, Sender<Told>)>> = const { RefCell::new(None) };
}

/// Which seeds, and on how many threads.
pub(crate) struct Survey {
    pub(crate) from: u64,
    pub(crate) count: u64,
    pub(crate) threads: usize,
}

impl Survey {
    /// Runs each seed, and has it told what they came to together: events and a digest, or the first seed
    /// that fails. An exit code other than 0 ends the program at once.
    pub(crate) fn run(
        &self,
        one: &(dyn Fn(u64) -> Result<Summary, String> + Sync),
        tell: &dyn Fn(Verdict) -> i32,
    ) -> i32 {
        tell_panics();
        let end = self.from.saturating_add(self.count);
        let (next, is_enough) = (&AtomicU64::new(self.from), &AtomicBool::new(false));
        thread::scope(|scope| {
            let (sender, receiver) = channel();
            for _ in 0..self.threads.max(1) {
                let sender = sender.clone();
                scope.spawn(move || {
                    while !is_enough.load(Ordering::Relaxed) {
                        let seed = next.fetch_add(1, Ordering::Relaxed);
                        AT.set(Some((seed, sender.clone())));
                        if seed >= end || sender.send((seed, one(seed))).is_err() {
                            break;
                        }
                    }
                    AT.set(None);
                });
            }
            drop(sender);
            let code = tell(self.listen(&receiver));
            is_enough.store(true, Ordering::Relaxed);
            if code != 0 {
                // A thread whose core has panicked waits for just this.
                std::process::exit(code);
            }
            code
        })
    }

    /// Takes what seeds came to, in their order whatever the order is in which it comes.
    fn listen(&self, receiver: &Receiver<Told>) -> Verdict {
        let mut waiting: BTreeMap<u64, Result<Summary, String>> = BTreeMap::new();
        let (mut events, mut digest) = (0, 0_u64);
        let bar = Progress::new(self.count, "seeds");
        for seed in self.from..self.from.saturating_add(self.count) {
            let came = loop {
                if let Some(came) = waiting.remove(&seed) {
                    break came;
                }
                match receiver.recv_timeout(SEED_BOUND) {
                    Ok((told, came)) => drop(waiting.insert(told, came)),
                    Err(RecvTimeoutError::Timeout) => {
                        break Err(format!("it does not end within {} s", SEED_BOUND.as_secs()));
                    }
                    Err(RecvTimeoutError::Disconnected) => break Err("its thread is gone".into()),
                }
            };
            let summary = came.map_err(|broken| (seed, broken))?;
            events += summary.events;
            digest = digest.rotate_left(1) ^ summary.digest;
            bar.tick(1);
        }
        Ok((events, digest))
    }
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

#[cfg(test)]
mod tests {
    use super::*;
    use std::process::Command;

    /// What a program tells that runs forty seeds of which some fail: this test's program, run once more.
    fn told(threads: usize, how: &str) -> (Option<i32>, String) {
        let mut command = Command::new(std::env::current_exe().expect("it has a path"));
        command.args(["--exact", "survey::tests::as_a_child", "--nocapture", "--include-ignored"]);
        let ended = command.env("SEEDS", format!("{threads} {how}")).output().expect("it runs");
        let text = String::from_utf8_lossy(&ended.stderr).into_owned();
        (ended.status.code(), text.lines().find(|line| line.starts_with("seed ")).unwrap_or(&text).to_owned())
    }

    #[test]
    #[ignore = "run by the others"]
    fn as_a_child() {
        let Ok(words) = std::env::var("SEEDS") else { return };
        let (threads, how) = words.split_once(' ').expect("two words");
        let survey = Survey { from: 1, count: 40, threads: threads.parse().expect("a number") };
        let one = |seed: u64| {
            (0..seed * 7 % 5 * 200).for_each(|_| thread::yield_now());
            match (how, seed) {
                ("breaks", 7 | 8 | 20) => Err("it breaks".to_owned()),
                ("panics", 5 | 6 | 30) => panic!("it panics"),
                _ => Ok(Summary { digest: seed, events: 1, jobs: 0, fanouts: (0, 0) }),
            }
        };
        let code = survey.run(&one, &|told| {
            eprintln!("seed {told:?}");
            i32::from(told.is_err())
        });
        std::process::exit(code);
    }

    #[test]
    fn the_first_seed_that_breaks_is_told_whatever_the_number_of_threads() {
        for threads in [1, 2, 16] {
            assert_eq!(told(threads, "breaks"), (Some(1), "seed Err((7, \"it breaks\"))".into()));
            assert_eq!(told(threads, "holds").0, Some(0));
            assert_eq!(told(threads, "holds"), told(1, "holds"));
        }
    }

    #[test]
    fn a_panic_ends_no_other_thread_before_all_seeds_below_it_are_told() {
        for threads in [1, 2, 16] {
            let (code, line) = told(threads, "panics");
            assert_eq!(code, Some(1), "{line}");
            assert!(line.starts_with("seed Err((5, \"panicked at sim/src/bin/sim/survey.rs:"), "{line}");
            assert!(line.contains("it panics"), "{line}");
        }
    }
}
