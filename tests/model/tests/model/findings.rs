//! Sequences that showed something, in the order in which it was seen. Each failed before its cause was gone.

use model::model::Model;
use model::op::{LINES, NAMES, Op, Step};
use model::run::{run, story};

/// Clients: root and ann on the aggregator, in 9P2000 and in 9P2000.L; root on a compute node; bob, over TCP.
const ROOT: u8 = 0;
const ANN: u8 = 1;
const LEAF: u8 = 3;
const BOB: u8 = 4;

fn name(text: &str) -> u8 {
    NAMES.iter().position(|name| *name == text).expect("it is one of the names") as u8
}

fn walk(link: u8, fid: u8, newfid: u8, names: &[&str]) -> Op {
    Op::Walk { link, fid, newfid, names: names.iter().map(|text| name(text)).collect() }
}

fn open(link: u8, fid: u8, mode: u8) -> Op {
    Op::Open { link, fid, mode }
}

fn create(link: u8, fid: u8, called: &str, mode: u8) -> Op {
    Op::Create { link, fid, name: name(called), mode, dir: true }
}

fn write(link: u8, fid: u8, text: &str) -> Op {
    let line = LINES.iter().position(|line| *line == text).expect("it is one of the lines") as u8;
    Op::Write { link, fid, line }
}

/// Each is answered before the next.
fn in_turn(ops: Vec<Op>) -> Vec<Step> {
    ops.into_iter().map(|op| Step { op, tag: 0, rests: true }).collect()
}

/// None is answered by another node before the end, whose tags are their places.
fn at_once(ops: Vec<Op>) -> Vec<Step> {
    ops.into_iter().zip(0..).map(|(op, tag)| Step { op, tag, rests: false }).collect()
}

fn holds(steps: &[Step]) {
    if run(steps, false).is_err() {
        panic!("{}", story(steps));
    }
}

#[test]
fn a_sequence_that_goes_wrong_is_told_in_its_shortest_form() {
    // A step that nothing can do: the flush of a tag that an attach behind it has.
    let steps = in_turn(vec![walk(ROOT, 0, 1, &["info"]), open(ROOT, 1, 0), Op::Settle]);
    assert!(run(&steps, false).is_ok());
    let mut model = Model::new(true);
    steps.iter().for_each(|step| model.step(step).expect("it goes well"));
    assert!(model.told.expect("it tells").iter().any(|line| line.contains("type 112")));
}

#[test]
fn a_flush_in_9p2000_takes_no_fid_of_its_client() {
    // Fid 0xfffe0003, which in 9P2000.L would be that of a step under the tag 3.
    let attach = Op::Attach { link: ROOT, fid: 11, user: 2, probe: false };
    holds(&in_turn(vec![attach, Op::Flush { link: ROOT, old: 2 }]));
}

#[test]
fn a_walk_that_makes_a_fid_is_not_undone_with_another_that_moves_it() {
    let walks = [walk(ROOT, 0, 1, &["net", "node01"]), walk(ROOT, 1, 1, &["status"])];
    let [first, second] = walks;
    for undo in [Op::Flush { link: ROOT, old: 1 }, Op::Clunk { link: ROOT, fid: 1 }, Op::Settle] {
        holds(&at_once(vec![first.clone(), second.clone(), undo.clone(), Op::Stat { link: ROOT, fid: 1 }]));
    }
    let mute = Op::Mute { node: 0 };
    holds(&at_once(vec![first, second, mute, Op::Advance { time: 4 }]));
}

#[test]
fn what_is_made_on_another_node_is_what_its_fid_is() {
    let made = |mode| create(ROOT, 1, "a", mode);
    let stat = Op::Stat { link: ROOT, fid: 1 };
    let read = Op::Read { link: ROOT, fid: 1, at: 0, count: 5 };
    for mode in 0..3 {
        let walked = walk(ROOT, 0, 1, &["net", "node02"]);
        let steps = vec![walked, made(mode), stat.clone(), read.clone(), walk(ROOT, 1, 2, &["args"])];
        holds(&in_turn(steps.clone()));
        holds(&at_once(steps));
    }
    // One that is refused leaves the fid where it was.
    let refused = create(ROOT, 1, "ctl", 0);
    holds(&in_turn(vec![walk(ROOT, 0, 1, &["net", "node02"]), refused, stat.clone(), made(0), stat]));
}

#[test]
fn a_nodes_directory_is_one_file_when_it_is_walked_to_opened_and_asked_for() {
    let stat = Op::Stat { link: ROOT, fid: 1 };
    holds(&in_turn(vec![walk(ROOT, 0, 1, &["net", "node01"]), open(ROOT, 1, 0), stat]));
}

#[test]
fn a_walk_to_a_member_that_its_node_does_not_have_is_not_told_as_whole() {
    let drain =
        [walk(ROOT, 0, 1, &["net", "node01", "ctl"]), open(ROOT, 1, 1), write(ROOT, 1, "drain why\n")];
    let make = [walk(ROOT, 0, 2, &[]), create(ROOT, 2, "a", 0), walk(ROOT, 0, 3, &["a", "ctl"])];
    let runs = [open(ROOT, 3, 2), write(ROOT, 3, "exec sleep 2\n")];
    let walks = [walk(ROOT, 0, 4, &["a", "0"]), walk(ROOT, 0, 5, &["a"]), walk(ROOT, 5, 6, &["0"])];
    let steps: Vec<Op> = drain.into_iter().chain(make).chain(runs).chain(walks).collect();
    // The node has joined, and is not known to drain yet.
    let hasty = |(at, op)| Step { op, tag: at as u8, rests: at != 1 && at != 2 };
    holds(&steps.into_iter().enumerate().map(hasty).collect::<Vec<Step>>());
}

#[test]
fn only_its_owner_empties_a_file() {
    let wstat = |link| Op::Wstat { link, fid: 2, what: 1 };
    let ops = vec![create(ANN, 0, "a", 0), walk(BOB, 0, 2, &["a", "args"]), wstat(BOB)];
    holds(&in_turn(ops));
    let attach = Op::Attach { link: LEAF, fid: 1, user: 2, probe: false };
    let made = [walk(LEAF, 0, 3, &[]), create(LEAF, 3, "a", 0), attach];
    let ops = made.into_iter().chain([walk(LEAF, 1, 2, &["a", "args"]), wstat(LEAF)]);
    holds(&in_turn(ops.collect()));
}

#[test]
fn no_client_makes_a_session_with_a_parents_name() {
    for link in [ROOT, ANN] {
        holds(&in_turn(vec![walk(link, 0, 1, &["net", "node01"]), create(link, 1, "..", 0)]));
        holds(&at_once(vec![walk(link, 0, 1, &["net", "node01"]), create(link, 1, "..", 0)]));
    }
}

#[test]
fn a_client_of_the_parent_ends_nothing_of_others_on_a_node() {
    for line in ["fence\n", "kill\n"] {
        let mut model = Model::new(true);
        let runs = [walk(ANN, 0, 1, &["clone"]), open(ANN, 1, 2), write(ANN, 1, "res 3\nexec cat\n")];
        let ends = [walk(BOB, 0, 1, &["net", "node01", "ctl"]), open(BOB, 1, 1), write(BOB, 1, line)];
        let wait = Op::Advance { time: 1 };
        let ops = runs.into_iter().chain([wait.clone()]).chain(ends).chain([wait]);
        for step in in_turn(ops.collect()) {
            model.step(&step).expect("it is answered as it should be");
        }
        let session = model.net.io.sessions().next().expect("it is there");
        assert_eq!((session.state_name(), session.told()), ("running", 0), "after {line:?} by another");
    }
}

#[test]
fn an_open_with_all_bits_of_its_mode_leaves_the_fid_open() {
    for (link, names) in [(ROOT, &["info"][..]), (ROOT, &["net", "node01", "info"]), (LEAF, &["info"])] {
        let read = Op::Read { link, fid: 1, at: 0, count: 5 };
        // To truncate and to remove need the right to write.
        for mode in [0xff, 0xaf] {
            holds(&in_turn(vec![
                walk(link, 0, 1, names),
                open(link, 1, mode),
                read.clone(),
                open(link, 1, 0),
            ]));
        }
        let writable = walk(link, 0, 2, &["ctl"]);
        let again = open(link, 2, 0);
        holds(&in_turn(vec![
            writable,
            open(link, 2, 0xff),
            Op::Read { link, fid: 2, at: 0, count: 5 },
            again,
        ]));
    }
}

#[test]
fn a_client_of_the_parent_is_no_operator_of_a_node() {
    for (link, drained) in [(BOB, false), (ROOT, true)] {
        let mut model = Model::new(true);
        let says = [walk(link, 0, 1, &["net", "node01", "ctl"]), open(link, 1, 1)];
        for step in in_turn(says.into_iter().chain([write(link, 1, "drain why\n")]).collect()) {
            model.step(&step).expect("it is answered as it should be");
        }
        assert_eq!(model.net.leaves[0].core.is_drained(), drained);
    }
}
