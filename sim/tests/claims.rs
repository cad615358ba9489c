//! Claims on the cores, in virtual time.

use cnode::{Bounds, Full, Small};
use sim::check::{Census, JobClaim};
use sim::fault::Fault;
use sim::place::Place;
use sim::trace::Lines;
use sim::whim::Whim;
use sim::workload::{BOOT_US, run, run_sized};
use sim::world::World;

const SECOND: u64 = 1_000_000;
const MILLI: u64 = 1_000;

fn booted<B: Bounds>(nodes: usize) -> (World<B>, Vec<Census>) {
    let mut world = World::new(7, nodes, Lines::Kept(Vec::new()));
    world.run_until(BOOT_US).expect("nodes join");
    assert_eq!(world.up() as usize, nodes);
    let before = world.census();
    (world, before)
}

/// How many members of a job ended well, and how many were told lost with node04.
fn told<B: Bounds>(world: &World<B>, job: usize) -> (usize, usize) {
    let outcomes = &world.job(job).outcomes;
    let (well, lost) = (outcomes.matches("''").count(), outcomes.matches("'lost: node04'").count());
    assert_eq!(well + lost, outcomes.lines().count(), "{outcomes}");
    (well, lost)
}

/// All nodes serve and take part in a job, after which nothing is left.
fn serves_again<B: Bounds>(world: &mut World<B>, nodes: usize, before: Vec<Census>) {
    assert_eq!(world.up() as usize, nodes);
    let now = world.now();
    let job = world.order(now, &format!("res {nodes}"), "hostname", None);
    world.run_until(now + 5 * SECOND).expect("no claim breaks");
    assert!(world.job(job).over);
    assert_eq!(told(world, job), (nodes, 0));
    let mut names: Vec<_> = std::str::from_utf8(&world.job(job).stdout).expect("ASCII").lines().collect();
    names.sort_unstable();
    assert_eq!(names, (0..nodes as u32).map(|leaf| world.levels().name_of_leaf(leaf)).collect::<Vec<_>>());
    world.check_quiet(&before).expect("nothing is left");
}

#[test]
fn equal_seeds_have_equal_digests_and_different_seeds_do_not() {
    fn check<B: Bounds>() {
        let digest = |seed| run_sized::<B>(seed, 16, 3, Lines::Dropped).expect("the claims hold").0;
        assert_eq!(digest(3), digest(3));
        assert_ne!(digest(3).digest, digest(4).digest);
    }
    check::<Small>();
    check::<Full>();
}

#[test]
fn a_silent_child_is_named_within_five_seconds_and_the_other_63_finish() {
    let (mut world, _) = booted::<Full>(64);
    world.plan(BOOT_US, 20, Fault::Stop);
    let job = world.order(BOOT_US + 10, "res 64", "hostname", None);
    // One start in 64 takes up to a second.
    world.run_until(BOOT_US + 1200 * MILLI).expect("no claim breaks");
    let early = world.job(job);
    let lines = |bytes: &[u8]| bytes.iter().filter(|byte| **byte == b'\n').count();
    assert_eq!((lines(&early.stdout), lines(early.outcomes.as_bytes()), early.exec), (63, 63, None));
    world.run_until(BOOT_US + 3 * SECOND + MILLI).expect("no claim breaks");
    assert_eq!(world.job(job).exec, Some(false), "the exec is answered before the child is given up");
    world.run_until(BOOT_US + 5 * SECOND).expect("no claim breaks");
    let job = world.job(job);
    assert!(job.over);
    assert_eq!(job.outcomes.matches("''").count(), 63, "{}", job.outcomes);
    assert_eq!(job.outcomes.matches("'lost: node21'").count(), 1, "{}", job.outcomes);
}

#[test]
fn a_child_continued_after_three_seconds_loses_nothing() {
    let (mut world, before) = booted::<Small>(8);
    world.plan(BOOT_US, 3, Fault::Stop);
    world.plan(BOOT_US + 3 * SECOND, 3, Fault::Continue);
    let job = world.order(BOOT_US + 10, "res 8", "hostname", None);
    world.run_until(BOOT_US + 6 * SECOND).expect("no claim breaks");
    assert_eq!(told(&world, job), (8, 0));
    serves_again(&mut world, 8, before);
}

#[test]
fn a_child_that_returns_after_it_was_told_lost_is_fenced_and_serves_again() {
    let (mut world, before) = booted::<Small>(8);
    let first = world.order(BOOT_US, "res 8", "sleep 30", None);
    world.plan(BOOT_US + SECOND, 3, Fault::Stop);
    world.plan(BOOT_US + 9 * SECOND, 3, Fault::Continue);
    world.run_until(BOOT_US + 60 * SECOND).expect("no claim breaks");
    assert_eq!(told(&world, first), (7, 1));
    serves_again(&mut world, 8, before);
}

#[test]
fn a_cut_link_loses_its_members_at_once_and_is_made_again() {
    let (mut world, before) = booted::<Full>(8);
    let job = world.order(BOOT_US, "res 8", "sleep 30", None);
    world.plan(BOOT_US + 2 * SECOND, 3, Fault::Cut);
    world.run_until(BOOT_US + 2 * SECOND + MILLI).expect("no claim breaks");
    assert_eq!((told(&world, job), world.up()), ((0, 1), 7));
    world.run_until(BOOT_US + 3 * SECOND).expect("no claim breaks");
    assert_eq!(world.up(), 8);
    world.run_until(BOOT_US + 32 * SECOND).expect("no claim breaks");
    assert_eq!(told(&world, job), (7, 1));
    serves_again(&mut world, 8, before);
}

#[test]
fn a_link_that_takes_nine_tenths_of_a_second_a_way_loses_nothing() {
    let (mut world, before) = booted::<Small>(8);
    world.plan(BOOT_US, 3, Fault::Slow(900 * MILLI));
    let job = world.order(BOOT_US + 10, "res 8", "hostname", None);
    world.run_until(BOOT_US + 1_800 * MILLI).expect("no claim breaks");
    assert_eq!(told(&world, job), (7, 0));
    world.run_until(BOOT_US + 5 * SECOND).expect("no claim breaks");
    assert!(world.job(job).over);
    assert_eq!(told(&world, job), (8, 0));
    world.plan(BOOT_US + 5 * SECOND, 3, Fault::Slow(0));
    world.run_until(BOOT_US + 10 * SECOND).expect("no claim breaks");
    serves_again(&mut world, 8, before);
}

#[test]
fn a_mute_cable_is_named_within_five_seconds_and_serves_when_it_heals() {
    for (up, down) in [(true, false), (false, true), (true, true)] {
        let (mut world, before) = booted::<Full>(8);
        let job = world.order(BOOT_US, "res 8", "sleep 7", None);
        let at = BOOT_US + SECOND;
        world.plan(at, 3, Fault::Mute { up, down });
        world.run_until(at + 5 * SECOND).expect("no claim breaks");
        assert_eq!((told(&world, job), world.up()), ((0, 1), 7));
        world.run_until(at + 7 * SECOND).expect("no claim breaks");
        assert!(world.job(job).over);
        assert_eq!(told(&world, job), (7, 1));
        world.plan(at + 8 * SECOND, 3, Fault::Heal);
        // A dial that nobody hears, and the longest pause before the next.
        world.run_until(at + 13 * SECOND).expect("no claim breaks");
        serves_again(&mut world, 8, before);
    }
}

#[test]
fn a_killed_node_that_returns_as_a_new_run_takes_part_in_the_next_job() {
    let (mut world, before) = booted::<Small>(8);
    let job = world.order(BOOT_US, "res 8", "sleep 3", None);
    let at = BOOT_US + SECOND;
    world.plan(at, 3, Fault::Kill);
    world.run_until(at + MILLI).expect("no claim breaks");
    assert_eq!((told(&world, job), world.up()), ((0, 1), 7));
    world.plan(at + SECOND, 3, Fault::Return);
    world.run_until(at + SECOND + MILLI).expect("no claim breaks");
    assert_eq!(world.up(), 8);
    world.run_until(at + 5 * SECOND).expect("no claim breaks");
    assert_eq!(told(&world, job), (7, 1));
    serves_again(&mut world, 8, before);
}

#[test]
fn a_crashed_node_that_returns_before_anybody_noticed_waits_for_its_name() {
    let (mut world, before) = booted::<Full>(8);
    let job = world.order(BOOT_US, "res 8", "sleep 3", None);
    let at = BOOT_US + SECOND;
    world.plan(at, 3, Fault::Crash);
    world.plan(at + 100 * MILLI, 3, Fault::Return);
    world.run_until(at + 101 * MILLI).expect("no claim breaks");
    let refused = |line: &&String| line.ends_with("node04 hangs up");
    assert_eq!(world.trace.lines().iter().filter(refused).count(), 1, "its name is taken");
    assert_eq!(told(&world, job), (0, 0));
    world.run_until(at + 5 * SECOND).expect("no claim breaks");
    assert_eq!(told(&world, job), (7, 1));
    serves_again(&mut world, 8, before);
}

#[test]
fn reads_that_are_flushed_lose_nothing_and_are_not_answered_afterwards() {
    let (mut world, before) = booted::<Small>(8);
    let input = b"one\ntwo\n".repeat(1000);
    let job = world.order(BOOT_US, "res 8", "cat", Some(&input));
    (1..100).for_each(|step| world.flush(BOOT_US + 37 * step, job));
    world.run_until(BOOT_US + 10 * SECOND).expect("each request has one answer, none after its Rflush");
    assert!(world.job(job).over, "without an answer: {}", world.job(job).unanswered());
    assert_eq!(told(&world, job), (8, 0));
    assert_eq!(world.job(job).stdout.len(), 8 * input.len());
    let flushes = world.trace.lines().iter().filter(|line| line.ends_with("c0 flushes")).count();
    assert!(flushes > 10, "{flushes} flushes");
    serves_again(&mut world, 8, before);
}

#[test]
fn a_client_that_vanishes_leaves_nothing_behind() {
    let (mut world, before) = booted::<Full>(8);
    // Before it is told anything, in the middle of the start, and behind it.
    for (nth, after) in [10, 45, 200, 500, MILLI, SECOND].into_iter().enumerate() {
        let at = BOOT_US + nth as u64 * 40 * MILLI;
        let job = world.order(at, "res 8", "sleep 30", None);
        world.vanish(at + after, job);
    }
    world.run_until(BOOT_US + 15 * SECOND).expect("no claim breaks");
    serves_again(&mut world, 8, before);
}

#[test]
fn who_looks_at_a_silent_node_is_answered_in_three_seconds_before_it_is_given_up() {
    let (mut world, before) = booted::<Full>(8);
    let job = world.order(BOOT_US, "res 8", "sleep 7", None);
    world.plan(BOOT_US + SECOND, 3, Fault::Stop);
    world.look(BOOT_US + SECOND + MILLI, job, 3);
    world.run_until(BOOT_US + 2 * SECOND).expect("no claim breaks");
    // The walk, open and read at the node, the signal, and the rest of the session's status: what comes
    // before the silent node's record is told.
    let rest = "Wait Stdout Look Look LookRead(7, 0) Look LookRead(5, ";
    assert_eq!(world.job(job).unanswered().trim_end_matches(|c: char| c.is_ascii_digit() || c == ')'), rest);
    world.run_until(BOOT_US + 4 * SECOND + 2 * MILLI).expect("no claim breaks");
    assert_eq!(world.job(job).unanswered(), "Wait Stdout");
    assert_eq!(told(&world, job), (0, 0));
    world.plan(BOOT_US + 7 * SECOND, 3, Fault::Continue);
    world.run_until(BOOT_US + 10 * SECOND).expect("no claim breaks");
    assert_eq!(told(&world, job), (7, 1));
    serves_again(&mut world, 8, before);
}

#[test]
fn bytes_encoded_for_a_launch_are_equal_for_1_8_and_64_children() {
    let lines = |nodes: usize| {
        let (mut world, _) = booted::<Full>(nodes);
        let job = world.order(BOOT_US + 10, &format!("res {nodes}"), "hostname", None);
        world.run_until(BOOT_US + 2 * SECOND).expect("no claim breaks");
        assert_eq!(told(&world, job), (nodes, 0));
        world.trace.lines().to_vec()
    };
    let launch = |lines: &[String]| sim::trace::launch(lines).expect("a session was made");
    let (one, all) = (launch(&lines(1)), lines(64));
    assert_eq!(launch(&lines(8)), one);
    assert_eq!(launch(&all), one);
    assert!(one.0 >= 10 && one.1 > 500, "a launch is some messages: {one:?}");

    // The control: the exec line encoded for one child and for the others.
    let mut apart = all;
    let exec = apart.iter().rposition(|line| line.contains(" io sends type 118 of 3"));
    let exec = exec.expect("an exec was sent");
    apart.insert(exec, apart[exec].replace("ffffffffffffffff", "0000000000000001"));
    assert_ne!(launch(&apart), one);
}

#[test]
fn fifty_seeds_of_random_faults_are_quiet() {
    for seed in 1..=50 {
        if let Err(claim) = run(seed, 64, 4, Lines::Dropped) {
            panic!("sim run --seed {seed} --nodes 64 --faults 4: {claim}");
        }
    }
}

#[test]
fn a_greeting_that_is_lost_on_its_way_is_made_again() {
    let mut world = World::<Small>::new(7, 1, Lines::Kept(Vec::new()));
    world.plan(0, 0, Fault::Lose(8));
    // The dialogue of the first link, and the first word of the second: that is missed, and hung up on.
    world.run_until(5 * SECOND - MILLI).expect("no claim breaks");
    assert_eq!(world.up(), 0);
    world.run_until(7 * SECOND).expect("no claim breaks");
    assert_eq!(world.up(), 1);
}

/// Times at which a node hung up by itself, in microseconds.
fn hangups<B: Bounds>(world: &World<B>, name: &str) -> Vec<f64> {
    let said = format!(" {name} hangs up");
    let lines = world.trace.lines().iter().filter(|line| line.ends_with(&said));
    lines.map(|line| line.split(' ').next().expect("a time").parse().expect("a number")).collect()
}

#[test]
fn a_parent_that_crashes_between_connect_and_answer_is_given_up_and_dialled_again() {
    let mut world = World::<Small>::new(7, 2, Lines::Kept(Vec::new()));
    world.run_until(BOOT_US).expect("nodes join");
    world.plan(BOOT_US, 0, Fault::Cut);
    // It has dialled again by then, and its parent takes no notice.
    world.plan_at(BOOT_US + 20, Place::Io(0), Fault::Stop);
    world.plan_at(BOOT_US + SECOND, Place::Io(0), Fault::Crash);
    let dialled = BOOT_US + SECOND;
    world.run_until(dialled + 10 * SECOND).expect("no claim breaks");
    let hung_up = hangups(&world, "node01");
    assert_eq!(hung_up.len(), 1, "it waits for an answer once: {hung_up:?}");
    let waited = hung_up[0] - BOOT_US as f64;
    assert!((5e6..5.2e6).contains(&waited), "{waited} us");
    world.plan_at(dialled + 11 * SECOND, Place::Io(0), Fault::Return);
    world.run_until(dialled + 15 * SECOND).expect("no claim breaks");
    assert_eq!(world.up(), 2);
}

#[test]
fn a_parent_that_is_stopped_for_three_seconds_loses_nothing() {
    let (mut world, before) = booted::<Full>(8);
    let job = world.order(BOOT_US, "res 8", "sleep 5", None);
    world.plan_at(BOOT_US + SECOND, Place::Io(0), Fault::Stop);
    world.plan_at(BOOT_US + 4 * SECOND, Place::Io(0), Fault::Continue);
    world.run_until(BOOT_US + 9 * SECOND).expect("no claim breaks");
    assert_eq!(told(&world, job), (8, 0));
    (1..=8).for_each(|node| assert_eq!(hangups(&world, &format!("node{node:02}")), [0.0; 0]));
    serves_again(&mut world, 8, before);
}

#[test]
fn a_parent_that_is_stopped_for_fifteen_seconds_is_dialled_again_and_serves_soon_after() {
    let (mut world, before) = booted::<Small>(64);
    world.plan_at(BOOT_US, Place::Io(0), Fault::Stop);
    world.plan_at(BOOT_US + 15 * SECOND, Place::Io(0), Fault::Continue);
    world.run_until(BOOT_US + 11 * SECOND).expect("no claim breaks");
    let hung_up = (1..=64).flat_map(|node| hangups(&world, &format!("node{node:02}"))).collect::<Vec<_>>();
    assert_eq!(hung_up.len(), 64);
    let since = |at: f64| at - BOOT_US as f64;
    assert!(hung_up.iter().all(|at| (7.4e6..10.1e6).contains(&since(*at))), "{hung_up:?}");
    world.run_until(BOOT_US + 19 * SECOND).expect("no claim breaks");
    serves_again(&mut world, 64, before);
}

#[test]
fn input_is_not_held_up_by_nodes_that_refused_the_job() {
    let (mut world, before) = booted::<Small>(8);
    let job = world.order(BOOT_US, "res 8", "", None);
    // A node keeps less than that.
    world.whim(BOOT_US + MILLI, job, Whim::Much);
    world.whim(BOOT_US + 2 * MILLI, job, Whim::Input);
    world.whim(BOOT_US + 3 * MILLI, job, Whim::Exec);
    world.run_until(BOOT_US + SECOND).expect("no claim breaks");
    assert_eq!(world.job(job).outcomes.matches("'never run: ").count(), 8, "{}", world.job(job).outcomes);
    assert_eq!(world.job(job).unanswered(), "");
    world.vanish(BOOT_US + SECOND, job);
    world.run_until(BOOT_US + 15 * SECOND).expect("no claim breaks");
    serves_again(&mut world, 8, before);
}

#[test]
fn a_node_may_refuse_members_only_when_it_was_to_take_more_than_it_had_places_for() {
    let (mut world, _) = booted::<Small>(64);
    // Eight on each, which is all there is; they end, and keep their places until their session goes.
    world.order(BOOT_US, "res 512", "sleep 2", None);
    let job = world.order(BOOT_US + SECOND, "res 64", "true", None);
    world.run_until(BOOT_US + 5 * SECOND).expect("no claim breaks");
    let claim = |begun| {
        let claim =
            JobClaim { program: "true", size: 64, lines: 0, is_crowded: false, is_gang: false, begun };
        world.check_job(world.job(job), claim)
    };
    assert_eq!(claim(BOOT_US + SECOND), Ok(()));
    let later = claim(BOOT_US + 2 * SECOND).expect_err("none was full by then");
    assert!(later.contains("Fault(Full)"), "{later}");
}
