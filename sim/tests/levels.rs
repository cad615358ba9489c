//! Claims on aggregators below aggregators, in virtual time.

use cnode::{Bounds, Full, Small};
use sim::check::Census;
use sim::fault::Fault;
use sim::place::Place;
use sim::trace::Lines;
use sim::whim::Whim;
use sim::world::World;

const SECOND: u64 = 1_000_000;
const MILLI: u64 = 1_000;
const BOOT: u64 = SECOND;
/// Two lowest aggregators below a root.
const NODES: usize = 128;

fn booted<B: Bounds>() -> (World<B>, Vec<Census>) {
    let mut world = World::new(7, NODES, Lines::Kept(Vec::new()));
    world.run_until(BOOT).expect("nodes join");
    assert_eq!((world.up(), world.known()), (NODES as u32, NODES as u32));
    let before = world.census();
    (world, before)
}

/// How many members of a job ended well, and how many were told lost.
fn told<B: Bounds>(world: &World<B>, job: usize) -> (usize, usize) {
    let outcomes = &world.job(job).outcomes;
    let (well, lost) = (outcomes.matches("''").count(), outcomes.matches("'lost: ").count());
    assert_eq!(well + lost, outcomes.lines().count(), "{outcomes}");
    (well, lost)
}

/// All nodes serve and take part in a job, after which nothing is left.
fn serves_again<B: Bounds>(world: &mut World<B>, before: &[Census]) {
    world.check_up().expect("all serve");
    let now = world.now();
    let job = world.order(now, &format!("res {NODES}"), "hostname", None);
    world.run_until(now + 5 * SECOND).expect("no claim breaks");
    assert_eq!(told(world, job), (NODES, 0));
    let names = String::from_utf8_lossy(&world.job(job).stdout).into_owned();
    assert_eq!(names.lines().collect::<std::collections::BTreeSet<_>>().len(), NODES);
    world.check_quiet(before).expect("nothing is left");
}

#[test]
fn a_job_on_two_levels_is_told_whole_and_leaves_nothing() {
    let (mut world, before) = booted::<Full>();
    let input = b"one\ntwo three\n".repeat(100);
    let job = world.order(BOOT, &format!("res {NODES}"), "wc", Some(&input));
    world.run_until(BOOT + 3 * SECOND).expect("no claim breaks");
    assert_eq!(told(&world, job), (NODES, 0));
    let line = "    200     300    1400\n";
    assert_eq!(String::from_utf8_lossy(&world.job(job).stdout), line.repeat(NODES));
    serves_again(&mut world, &before);
}

#[test]
fn a_killed_aggregator_loses_its_members_and_serves_again_when_it_returns() {
    for fault in [Fault::Kill, Fault::Crash] {
        let (mut world, before) = booted::<Small>();
        let job = world.order(BOOT, &format!("res {NODES}"), "sleep 9", None);
        world.plan_at(BOOT + SECOND, Place::Io(1), fault);
        world.run_until(BOOT + 6 * SECOND).expect("no claim breaks");
        assert_eq!((told(&world, job), world.up()), ((0, 64), 64), "{fault:?}");
        world.plan_at(BOOT + 6 * SECOND, Place::Io(1), Fault::Return);
        world.run_until(BOOT + 20 * SECOND).expect("no claim breaks");
        assert_eq!(told(&world, job), (64, 64));
        serves_again(&mut world, &before);
    }
}

#[test]
fn a_stopped_aggregator_is_named_within_five_seconds_and_the_other_half_finishes() {
    let (mut world, before) = booted::<Small>();
    let job = world.order(BOOT + MILLI, &format!("res {NODES}"), "sleep 1", None);
    world.plan_at(BOOT + 500 * MILLI, Place::Io(0), Fault::Stop);
    world.run_until(BOOT + 6 * SECOND).expect("no claim breaks");
    assert!(world.job(job).over, "without an answer: {}", world.job(job).unanswered());
    assert_eq!(told(&world, job), (64, 64));
    world.plan_at(BOOT + 8 * SECOND, Place::Io(0), Fault::Continue);
    world.run_until(BOOT + 20 * SECOND).expect("no claim breaks");
    serves_again(&mut world, &before);
}

#[test]
fn a_lost_or_changed_message_ends_its_link_and_is_never_believed() {
    for fault in [Fault::Lose(1), Fault::Corrupt(2)] {
        for place in [Place::Leaf(70), Place::Io(1)] {
            let (mut world, before) = booted::<Full>();
            let job = world.order(BOOT, &format!("res {NODES}"), "hostname", None);
            world.plan_at(BOOT + 60, place, fault);
            world.run_until(BOOT + 8 * SECOND).expect("no claim breaks");
            assert!(world.job(job).over || world.job(job).is_refused, "{}", world.job(job).unanswered());
            let broken = |line: &&String| line.ends_with(" gets what was not sent next");
            assert!(world.trace.lines().iter().any(|line| broken(&line)), "{fault:?} at {place:?}");
            serves_again(&mut world, &before);
        }
    }
}

#[test]
fn a_full_fifo_holds_up_its_siblings_and_nobody_else() {
    let (mut world, before) = booted::<Small>();
    let job = world.order(BOOT + MILLI, &format!("res {NODES}"), "hostname", None);
    world.plan_at(BOOT, Place::Leaf(3), Fault::Clog);
    world.run_until(BOOT + SECOND).expect("no claim breaks");
    let lines = |world: &World<Small>| world.job(job).stdout.iter().filter(|byte| **byte == b'\n').count();
    assert_eq!(lines(&world), 64, "those of the other aggregator");
    world.plan_at(BOOT + SECOND, Place::Leaf(3), Fault::Unclog);
    world.run_until(BOOT + 8 * SECOND).expect("no claim breaks");
    assert_eq!((told(&world, job), lines(&world)), ((NODES, 0), NODES));
    serves_again(&mut world, &before);
}

#[test]
fn clocks_a_tenth_fast_and_slow_lose_nothing() {
    let (mut world, before) = booted::<Full>();
    for (place, ppm) in [(Place::Io(0), 100_000), (Place::Io(2), -100_000), (Place::Leaf(9), -100_000)] {
        world.plan_at(BOOT, place, Fault::Drift(ppm));
    }
    let job = world.order(BOOT + MILLI, &format!("res {NODES}"), "sleep 10", None);
    world.run_until(BOOT + 12 * SECOND).expect("no claim breaks");
    assert_eq!(told(&world, job), (NODES, 0));
    serves_again(&mut world, &before);
}

#[test]
fn children_of_a_crashed_aggregator_hang_up_within_ten_seconds_and_nobody_else_does() {
    let (mut world, before) = booted::<Small>();
    world.plan_at(BOOT, Place::Io(1), Fault::Crash);
    world.run_until(BOOT + 10 * SECOND + MILLI).expect("no claim breaks");
    let lines = world.trace.lines().iter().filter(|line| line.ends_with(" hangs up"));
    let (mut hung_up, mut want): (Vec<_>, Vec<_>) = (
        lines.map(|line| line.split(' ').nth(1).expect("a place")).collect(),
        world.levels().leaves_below(1).map(|leaf| world.levels().name_of_leaf(leaf)).collect(),
    );
    hung_up.sort_unstable();
    want.sort_unstable();
    assert_eq!(hung_up, want);
    assert_eq!(world.up(), 64);
    // A new run finds nobody who waits on a link of the one before.
    world.plan_at(BOOT + 20 * SECOND, Place::Io(1), Fault::Return);
    world.run_until(BOOT + 24 * SECOND).expect("no claim breaks");
    serves_again(&mut world, &before);
}

#[test]
fn an_aggregator_whose_parent_crashed_dials_again_and_keeps_what_is_below_it() {
    let (mut world, _) = booted::<Small>();
    let root = world.levels().root();
    world.plan_at(BOOT, Place::Io(root), Fault::Crash);
    world.plan_at(BOOT + 20 * SECOND, Place::Io(root), Fault::Return);
    world.run_until(BOOT + 10 * SECOND + MILLI).expect("no claim breaks");
    let lines = world.trace.lines().iter().filter(|line| line.ends_with(" hangs up"));
    let mut hung_up: Vec<_> = lines.map(|line| line.split(' ').nth(1).expect("a place")).collect();
    hung_up.sort_unstable();
    assert_eq!(hung_up, [0, 1].map(|io| world.levels().name_of_io(io)), "compute nodes hear their parents");
    assert_eq!(world.up(), NODES as u32);
    world.run_until(BOOT + 26 * SECOND).expect("no claim breaks");
    world.check_up().expect("all serve");
    assert_eq!(world.known(), NODES as u32);
}

#[test]
fn a_child_that_is_lost_while_a_piece_of_its_status_is_held_is_asked_for_no_more() {
    let (mut world, before) = booted::<Small>();
    let job = world.order(BOOT, &format!("res {NODES}"), "true", None);
    // The first half waits for a node that says nothing, while the other half's first piece is there.
    world.plan(BOOT, 1, Fault::Crash);
    world.look(BOOT + MILLI, job, 0);
    world.plan_at(BOOT + SECOND, Place::Io(1), Fault::Kill);
    world.run_until(BOOT + 8 * SECOND).expect("no claim breaks");
    assert!(world.job(job).over, "without an answer: {}", world.job(job).unanswered());
    world.check_quiet(&before).expect("nothing is left");
}

#[test]
fn input_is_not_held_up_by_an_aggregator_that_refused_its_part_of_the_job() {
    let (mut world, before) = booted::<Small>();
    world.narrow(0, 4);
    let job = world.order(BOOT, &format!("res {NODES}"), "", None);
    world.whim(BOOT + MILLI, job, Whim::Input);
    world.whim(BOOT + 2 * MILLI, job, Whim::Exec);
    world.run_until(BOOT + SECOND).expect("no claim breaks");
    assert_eq!(world.job(job).unanswered(), "Stdout Wait", "of half of the members");
    world.vanish(BOOT + SECOND, job);
    world.run_until(BOOT + 15 * SECOND).expect("no claim breaks");
    world.narrow(0, 1000);
    serves_again(&mut world, &before);
}
