//! Claims on the machine's networks under the real cores.

use bluegene::partition::Partition;
use cnode::{Full, Small};
use sim::scale;
use sim::trace::Lines;
use sim::world::World;

fn partition(nodes: u32, pset: u32) -> Partition {
    Partition::new(nodes, pset).expect("a size of the machine")
}

#[test]
fn a_fan_out_is_one_train_of_packets_whatever_the_number_of_children() {
    let packets = |pset: u32| {
        let mut world = World::<Small>::on(1, &partition(pset, pset), Lines::Dropped);
        let report = scale::run(&mut world, 1, |_| ()).expect("the job is told");
        let counts = report.stages[1].counts;
        (counts.fanouts.0, counts.packets)
    };
    let (few, many) = (packets(16), packets(64));
    // Each child drains its own copy of what was sent once.
    assert!(many.0 < 2 * few.0, "{few:?} {many:?}");
    assert!(many.1 > 3 * few.1, "{few:?} {many:?}");
}

#[test]
fn a_pset_of_128_has_two_aggregators_on_one_tree() {
    let mut world = World::<Full>::on(3, &partition(256, 128), Lines::Dropped);
    assert_eq!((world.levels().on(0).len(), world.levels().aggregators()), (4, 5));
    scale::run(&mut world, 2, |_| ()).expect("jobs are told");
}

#[test]
fn equal_partitions_have_equal_digests_and_another_seed_has_another() {
    let digest = |seed| {
        let mut world = World::<Small>::on(seed, &partition(128, 64), Lines::Dropped);
        scale::run(&mut world, 1, |_| ()).expect("the job is told").digest
    };
    assert_eq!(digest(1), digest(1));
    assert_ne!(digest(1), digest(2));
}
