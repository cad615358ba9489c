use crate::observers::arms::Arms;
use crate::observers::arms::counts::Automaton;
use crate::observers::arms::tables::{GatherEvent, MemberEvent, TABLES, WHY};
use crate::trace::Lines;
use crate::world::World;
use cnode::Small;
use cnode::inspect::MemberState as Member;
use ionode::inspect::CommandState;

const MILLI: u64 = 1_000;
const BOOT: u64 = 500 * MILLI;

#[test]
fn the_tables_say_of_every_pair_once_that_it_is_reached_or_why_it_cannot_be() {
    let mut used = String::new();
    for table in TABLES {
        assert_eq!(table.grid.len(), table.states.len(), "{}", table.name);
        for (row, state) in table.grid.iter().zip(table.states) {
            assert_eq!(row.chars().count(), table.events.len(), "{}: {state}", table.name);
            used += row;
        }
        for names in [table.states, table.events] {
            let all: std::collections::BTreeSet<_> = names.iter().collect();
            assert_eq!(all.len(), names.len(), "{}: a name twice", table.name);
        }
    }
    let declared: Vec<char> = WHY.iter().map(|(letter, _)| *letter).collect();
    for letter in used.chars().filter(|letter| *letter != '+') {
        let count = declared.iter().filter(|own| **own == letter).count();
        assert_eq!(count, 1, "reasons for {letter}");
    }
    let unused: Vec<_> = declared.iter().filter(|letter| !used.contains(**letter)).collect();
    assert!(unused.is_empty(), "reasons for nothing: {unused:?}");
}

/// What a job of two nodes that is killed after 100 ms reaches.
fn reached() -> Arms {
    let mut world = World::<Small>::new(1, 2, Lines::Dropped);
    world.count_arms();
    world.run_until(BOOT).expect("nodes join");
    let job = world.order(BOOT, "res 2", "sleep 9", None);
    world.whim(BOOT + 100 * MILLI, job, crate::whim::Whim::Kill);
    world.run_until(BOOT + 1_000 * MILLI).expect("no claim breaks");
    assert!(world.job(job).over);
    world.arms().expect("they are counted").clone()
}

fn count(arms: &Arms, machine: Automaton, state: usize, event: usize) -> u64 {
    arms.get(machine as usize, state, event)
}

#[test]
fn what_a_job_that_is_killed_reaches_is_counted_and_nothing_else() {
    let arms = reached();
    let member = |state, event| count(&arms, Automaton::Member, state as usize, event as usize);
    let seen = [
        (Member::Starting, MemberEvent::Start),
        (Member::Starting, MemberEvent::Started),
        (Member::Running, MemberEvent::Kill),
        (Member::Running, MemberEvent::Exited),
        (Member::Ended, MemberEvent::Closed),
    ];
    for (state, event) in seen {
        assert_eq!(member(state, event), 2, "{event:?} in {state:?}");
    }
    let all: u64 = TABLES[0].pairs().map(|(state, event)| arms.get(0, state, event)).sum();
    assert_eq!(all, 2 * seen.len() as u64);
    let gather = |state, event| count(&arms, Automaton::Gather, state as usize, event as usize);
    assert_eq!(
        (gather(CommandState::Exec, GatherEvent::Ok), gather(CommandState::Session, GatherEvent::Ok)),
        (2, 2)
    );
}

#[test]
fn a_world_that_was_not_asked_to_counts_nothing() {
    let mut world = World::<Small>::new(1, 2, Lines::Dropped);
    world.run_until(BOOT).expect("nodes join");
    assert!(world.arms().is_none());
}

#[test]
fn a_pair_that_no_seed_reaches_is_told_and_so_is_one_that_cannot_be() {
    let mut arms = reached();
    let wrong = arms.wrong();
    assert!(wrong.contains(&"member: stop in running: no seed reaches it".to_owned()), "{wrong:?}");
    assert!(!wrong.iter().any(|line| line.starts_with("member: kill in running")), "{wrong:?}");
    let before = wrong.len();
    arms.count(Automaton::Member, Member::Ended as usize, MemberEvent::Exited as usize);
    let wrong = arms.wrong();
    assert_eq!(wrong.len(), before + 1);
    let line = "member: exited in ended: seen 1 times, and cannot be: it has its outcome";
    assert!(wrong.contains(&line.to_owned()), "{wrong:?}");
}

#[test]
fn counts_of_seeds_add_up() {
    let run = |seed| super::run(seed, 8, 2, Lines::Dropped).expect("no claim breaks");
    let (one, two) = (run(1), run(2));
    let mut both = one.clone();
    both.add(&two);
    let sum = |arms: &Arms| {
        let all = TABLES.iter().enumerate().flat_map(|(index, table)| {
            table.pairs().map(move |(state, event)| arms.get(index, state, event))
        });
        all.sum::<u64>()
    };
    assert_eq!(sum(&both), sum(&one) + sum(&two));
    assert_eq!(run(1), one, "a run is its seed");
}
