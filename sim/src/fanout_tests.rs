use super::*;
use bluegene::partition::Node;
use std::collections::BTreeSet;

fn fan_out(nodes: u32, part: Part, faults: &[(Place, Fault)]) -> FanOut {
    let partition = Partition::new(nodes, 64.min(nodes)).expect("a size of the machine");
    run(1, &partition, part, faults, &mut |_| ()).expect("it runs")
}

fn sum(pieces: impl Iterator<Item = Piece>) -> Ps {
    pieces.fold(Ps::ZERO, |sum, piece| sum + piece.took())
}

/// How much of the way is that, as a part of all.
fn share(told: &FanOut, is: impl Fn(&Piece) -> bool) -> f64 {
    sum(told.way.iter().copied().filter(is)).0 as f64 / told.took().0 as f64
}

#[test]
fn the_pieces_of_the_way_add_up_to_the_time_of_the_job() {
    for (nodes, part) in [(16, Part::Job), (512, Part::Exec), (512, Part::Job)] {
        let told = fan_out(nodes, part, &[]);
        let gaps = told.way.windows(2).filter(|pair| pair[0].end != pair[1].start).count();
        let ends = told.way.first().map(|piece| piece.start).zip(told.way.last().map(|piece| piece.end));
        assert_eq!((gaps, ends), (0, Some((told.ends[0], told.ends[1]))), "{nodes} {part:?}");
        assert!(Ps::ZERO < told.took() && sum(told.way.iter().copied()) == told.took());
        let kinds = told.kinds().iter().fold(Ps::ZERO, |sum, (_, took)| sum + *took);
        let stations = told.stations().iter().fold(Ps::ZERO, |sum, (_, took)| sum + *took);
        assert_eq!((kinds, stations), (told.took(), told.took()));
        // It goes down to a node, through all levels, and comes back to whom it began with.
        let places: BTreeSet<u32> = told.way.iter().map(|piece| told.depth(piece.place)).collect();
        assert!((0..3).all(|depth| places.contains(&depth)), "{nodes} {part:?} {places:?}");
        assert!(told.unheard().is_empty(), "{:?}", told.unheard());
    }
}

#[test]
fn a_recorded_run_is_the_run_that_it_is_without_a_recorder() {
    let digest = |records: bool| {
        let partition = Partition::new(64, 64).expect("a size of the machine");
        let mut world = World::<Small>::on(1, &partition, Lines::Dropped);
        if records {
            world.record();
        }
        world.order(3_000_000, "res 64", "hostname", None);
        world.run_until(6_000_000).expect("it runs");
        (world.trace.digest(), world.job(0).over)
    };
    assert_eq!(digest(true), digest(false));
    assert!(digest(true).1);
}

#[test]
fn a_slow_link_is_where_the_time_goes_and_who_is_mute_or_clogged_is_named() {
    let node = Place::Leaf(16);
    let slow = fan_out(64, Part::Exec, &[(node, Fault::Slow(5_000))]);
    assert!(
        share(&slow, |piece| piece.place == node && piece.what == Phase::Slow) > 0.75,
        "{:?}",
        slow.notes()
    );
    assert!(slow.notes()[1].starts_with("node17 "), "{:?}", slow.notes());
    let shown: Vec<String> = slow.shown().into_iter().map(|(name, _)| name).collect();
    assert_eq!(shown.last().map(String::as_str), Some("node17, last"));
    let mute = Fault::Mute { up: true, down: false };
    for fault in [mute, Fault::Clog, Fault::Stop] {
        let told = fan_out(64, Part::Exec, &[(node, fault)]);
        let notes = told.notes();
        assert!(
            notes.last().is_some_and(|note| note.starts_with("not heard: node17")),
            "{fault:?} {notes:?}"
        );
        assert!(share(&told, |piece| piece.what == Phase::Waits) > 0.9, "{fault:?} {notes:?}");
        let unheard = |span: &Span| span.place.starts_with("node17") && span.what == Phase::Unheard.name();
        assert!(told.spans().iter().any(unheard), "{fault:?}");
    }
}

#[test]
fn links_near_an_io_node_and_its_processor_have_most_to_do() {
    let partition = Partition::new(512, 64).expect("a size of the machine");
    let told = fan_out(512, Part::Job, &[]);
    let link = |place| told.links[partition.address(Node::Compute(partition.pset_node(5, place))) as usize];
    assert!(
        link(0) > 1.5 * link(1) && link(1) > 1.5 * link(7) && link(7) > link(63),
        "{} {}",
        link(0),
        link(1)
    );
    assert!(told.links.iter().all(|part| *part > 0.0 && *part < 1.0));
    let work = told.work();
    let of = |place| work.get(&place).copied().unwrap_or(0.0);
    assert!((0..8).all(|io| of(Place::Io(io)) > 10.0 * of(Place::Leaf(io))), "{work:?}");
}

#[test]
fn rows_are_few_whatever_the_number_of_nodes_and_none_is_outside_the_time() {
    let told = fan_out(512, Part::Exec, &[]);
    let spans = told.spans();
    let rows: BTreeSet<&str> = spans.iter().map(|span| span.place.as_str()).collect();
    assert_eq!(rows.len(), 1 + 2 + 2 * 3, "{rows:?}");
    assert!(spans.iter().all(|span| told.ends[0] <= span.start && span.end <= told.ends[1]));
    assert!(spans.len() < 2_000, "{}", spans.len());
}
