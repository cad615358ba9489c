//! Sequences from seeds, and what they reach.
//!
//! `UEM_ROUNDS=100000` makes the stage longer, `UEM_SEED=17` runs that seed alone.

use model::arms::{Arms, reached};
use model::run::{run, sequence, story};
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};

/// Sequences, unless the environment says more.
const ROUNDS: u64 = 10_000;

/// The seeds to run.
fn seeds() -> std::ops::Range<u64> {
    let number = |name| std::env::var(name).ok().and_then(|text| text.parse::<u64>().ok());
    match number("UEM_SEED") {
        Some(seed) => seed..seed + 1,
        None => 0..number("UEM_ROUNDS").unwrap_or(ROUNDS),
    }
}

#[test]
fn random_sequences_are_answered_as_the_model_says_and_leave_nothing() {
    let seeds = seeds();
    let (next, arms) = (AtomicU64::new(seeds.start), Mutex::new(Arms::default()));
    let failed = Mutex::new(Vec::new());
    let threads = std::thread::available_parallelism().map_or(2, usize::from);
    std::thread::scope(|scope| {
        for _ in 0..threads {
            scope.spawn(|| {
                let mut own = Arms::default();
                while let seed = next.fetch_add(1, Ordering::Relaxed)
                    && seed < seeds.end
                    && failed.lock().expect("nobody panics").is_empty()
                {
                    match run(&sequence(seed), false) {
                        Ok(reached) => own.add(&reached),
                        Err(_) => failed.lock().expect("nobody panics").push(seed),
                    }
                }
                arms.lock().expect("nobody panics").add(&own);
            });
        }
    });
    if let Some(seed) = failed.into_inner().expect("nobody panics").first() {
        let story = story(&sequence(*seed));
        panic!("{story}\nalone: UEM_SEED={seed} cargo test -p model --test model random");
    }
    let (table, missing) = reached(&arms.into_inner().expect("nobody panics"));
    println!("{table}");
    if seeds.end - seeds.start >= ROUNDS {
        assert!(missing.is_empty(), "{table}\nnot reached:\n{}", missing.join("\n"));
    }
}
