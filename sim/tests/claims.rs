//! Claims on the cores, in virtual time.

use sim::workload::{BOOT_US, run};
use sim::world::{Fault, World};

const SECOND: u64 = 1_000_000;

fn booted(nodes: usize) -> World {
    let mut world = World::new(7, nodes, false);
    world.run_until(BOOT_US).expect("nodes join");
    assert_eq!(world.up() as usize, nodes);
    world
}

#[test]
fn equal_seeds_have_equal_traces() {
    let digest = |seed| run(seed, 16, 3, false).expect("the claims hold").0;
    assert_eq!(digest(3), digest(3));
    assert_ne!(digest(3).digest, digest(4).digest);
}

#[test]
fn a_silent_child_is_named_within_five_seconds_and_the_other_63_finish() {
    let mut world = booted(64);
    world.plan(BOOT_US, 20, Fault::Stop);
    let job = world.order(BOOT_US + 10, "res 64", "hostname", None);
    world.run_until(BOOT_US + 5 * SECOND).expect("no claim breaks");
    let job = world.job(job);
    assert!(job.over);
    assert_eq!(job.outcomes.matches("''").count(), 63, "{}", job.outcomes);
    assert_eq!(job.outcomes.matches("'lost: node21'").count(), 1, "{}", job.outcomes);
}

#[test]
fn a_child_continued_after_three_seconds_loses_nothing() {
    let mut world = booted(8);
    world.plan(BOOT_US, 3, Fault::Stop);
    world.plan(BOOT_US + 3 * SECOND, 3, Fault::Continue);
    let job = world.order(BOOT_US + 10, "res 8", "hostname", None);
    world.run_until(BOOT_US + 6 * SECOND).expect("no claim breaks");
    assert_eq!(world.job(job).outcomes.matches("''").count(), 8, "{}", world.job(job).outcomes);
    world.check_quiet().expect("nothing is left");
}

#[test]
fn a_child_that_returns_after_it_was_told_lost_is_fenced_and_serves_again() {
    let mut world = booted(8);
    let first = world.order(BOOT_US, "res 8", "sleep 30", None);
    world.plan(BOOT_US + SECOND, 3, Fault::Stop);
    world.plan(BOOT_US + 9 * SECOND, 3, Fault::Continue);
    world.run_until(BOOT_US + 60 * SECOND).expect("no claim breaks");
    assert_eq!(world.job(first).outcomes.matches("'lost: node04'").count(), 1);
    assert_eq!(world.up(), 8);
    let second = world.order(61 * SECOND, "res 8", "true", None);
    world.run_until(70 * SECOND).expect("no claim breaks");
    assert_eq!(world.job(second).outcomes.matches("''").count(), 8);
    world.check_quiet().expect("nothing is left");
}

#[test]
fn fifty_seeds_of_random_faults_are_quiet() {
    for seed in 1..=50 {
        if let Err(claim) = run(seed, 64, 4, false) {
            panic!("sim run --seed {seed} --faults 4: {claim}");
        }
    }
}
