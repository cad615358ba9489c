//! The text of maps, read back: what is drawn, where, and in which colour.

use super::shading::Level;
use super::*;
use bluegene::parameters::NODES_MAX;
use bluegene::partition::torus::Coord;
use bluegene::partition::torus::Shape;
use std::collections::{BTreeMap, BTreeSet};
use svg::parser::Event;

/// The largest picture, bytes: what a browser opens at once.
const BYTES_MAX: usize = 6 << 20;

/// The colour of each box of a class, by its upper left corner and its size, in hundredths.
type Boxes = BTreeMap<[i64; 4], String>;

fn hundredths(area: Area) -> [i64; 4] {
    [area.x, area.y, area.width, area.height].map(|number| (number * 100.0).round() as i64)
}

/// Boxes of the group of a class, each once: two in the same place are a failure.
fn boxes(svg: &str, class: &str) -> Boxes {
    let mut found = Boxes::new();
    let mut is_inside = false;
    let mut count = 0;
    for event in svg::read(svg).expect("it is SVG") {
        let Event::Tag(name, kind, attributes) = event else { continue };
        if name == "g" {
            is_inside = kind == svg::node::element::tag::Type::Start
                && attributes.get("class").is_some_and(|text| text[..] == *class);
        }
        if name == "path" && is_inside {
            let areas = areas(&attributes["d"]);
            count += areas.len();
            found.extend(areas.into_iter().map(|area| (hundredths(area), attributes["fill"].to_string())));
        }
    }
    assert_eq!(found.len(), count, "no two in one place");
    found
}

/// The boxes of a path: `m` from the corner of the one before, `M` from the page's.
fn areas(path: &str) -> Vec<Area> {
    let (mut x, mut y) = (0.0, 0.0);
    let boxes = path.split_terminator('z').map(|text| {
        let numbers: Vec<f64> = text[1..]
            .split([' ', 'h', 'v'])
            .map(|number| number.parse().unwrap_or_else(|_| panic!("{text}")))
            .collect();
        let [dx, dy, width, height, back] = numbers[..] else { panic!("{text}") };
        assert_eq!(width, -back, "{text} is a box");
        (x, y) = if text.starts_with('m') { (x + dx, y + dy) } else { (dx, dy) };
        Area { x, y, width, height }
    });
    boxes.collect()
}

fn sizes() -> Vec<Partition> {
    let new = |(nodes, pset)| Partition::new(nodes, pset).expect("there is one");
    let mut found: Vec<Partition> =
        [(16, 16), (64, 16), (512, 32), (1024, 64), (4096, 128)].into_iter().map(new).collect();
    found.push(Partition::shaped(Shape([16, 16, 24]), 64).expect("there is one"));
    found
}

#[test]
fn every_node_is_drawn_once_at_its_cards_place() {
    for partition in sizes() {
        let svg = map(&partition, &By::Pset);
        let plan = Plan::new(&partition, TOP);
        for (class, io) in [("nodes", false), ("io-nodes", true)] {
            let drawn: BTreeSet<_> = boxes(&svg, class).into_keys().collect();
            let nodes = partition.all().filter(|node| matches!(node, Node::Io(_)) == io);
            let want: BTreeSet<_> =
                nodes.map(|node| hundredths(plan.card(partition.location(node)))).collect();
            assert_eq!(drawn, want, "{class} of {}", partition.compute_nodes());
            let count = if io { partition.psets() } else { partition.compute_nodes() };
            assert_eq!(drawn.len(), count as usize);
        }
    }
}

#[test]
fn cards_are_within_node_cards_these_in_midplanes_and_racks_and_none_covers_another() {
    let within = |inner: Area, outer: Area| {
        let is_across = inner.x >= outer.x && inner.right() <= outer.right();
        is_across && inner.y >= outer.y && inner.bottom() <= outer.bottom()
    };
    let apart = |one: Area, other: Area| {
        one.right() < other.x || other.right() < one.x || one.bottom() < other.y || other.bottom() < one.y
    };
    for partition in sizes() {
        let plan = Plan::new(&partition, TOP);
        let width = plan.width().max(WIDTH_MIN);
        for node in partition.all() {
            let location = partition.location(node);
            let midplane = plan.midplane(location.row, location.column, location.midplane);
            assert!(within(plan.card(location), plan.node_card(location)), "{location}");
            assert!(within(plan.node_card(location), midplane), "{location}");
            let rack = plan.rack(location.row, location.column);
            assert!(within(midplane, rack) && rack.right() < width && rack.bottom() <= plan.bottom() + 0.1);
        }
        let cards = partition.all().map(|node| plan.card(partition.location(node)));
        let cards: Vec<Area> = cards.take(1024).collect();
        let all_apart =
            |(position, one): (usize, &Area)| cards[..position].iter().all(|two| apart(*one, *two));
        assert!(cards.iter().enumerate().all(all_apart));
    }
    let plan = Plan::new(&Partition::new(NODES_MAX, 64).expect("there is one"), TOP);
    let racks: Vec<Area> = (0..72).map(|rack| plan.rack(rack / 8, rack % 8)).collect();
    assert!(
        racks.iter().enumerate().all(|(position, one)| racks[..position].iter().all(|two| apart(*one, *two)))
    );
}

#[test]
fn places_follow_names() {
    let plan = Plan::new(&Partition::new(NODES_MAX, 64).expect("there is one"), TOP);
    let at = |name: &str| plan.card(Location::parse(name).expect("a name"));
    let first = at("R00-M0-N00-J04");
    let right = ["R01-M0-N00-J04", "R00-M0-N04-J04", "R00-M0-N08-J04", "R00-M0-N00-J05", "R00-M0-N00-J11"];
    for name in right {
        assert!(at(name).x > first.x && at(name).y == first.y, "{name}");
    }
    for name in ["R00-M1-N00-J04", "R00-M0-N01-J04", "R00-M0-N03-J04"] {
        assert!(at(name).y < first.y && at(name).x == first.x, "{name}");
    }
    for name in ["R10-M0-N00-J04", "R00-M0-N00-J12", "R00-M0-N00-J28"] {
        assert!(at(name).y > first.y && at(name).x == first.x, "{name}");
    }
    let [j00, j01] = ["R00-M0-N00-J00", "R00-M0-N00-J01"].map(at);
    assert!(j00.x < first.x && j01.x == j00.x && j01.y > j00.y);
}

#[test]
fn the_colour_of_a_node_tells_its_hops() {
    let partition = Partition::new(1024, 64).expect("there is one");
    let from = Coord([3, 1, 9]);
    let svg = map(&partition, &By::Hops(from));
    let (drawn, plan) = (boxes(&svg, "nodes"), Plan::new(&partition, TOP));
    let most = 4 + 4 + 8;
    for node in partition.all() {
        let Node::Compute(coord) = node else { continue };
        let hops = f64::from(partition.torus.hops(from, coord));
        let want = super::super::palette::viridis(hops / f64::from(most)).to_string();
        assert_eq!(drawn[&hundredths(plan.card(partition.location(node)))], want, "{coord}");
    }
    let colors: BTreeSet<&String> = drawn.values().collect();
    assert_eq!(colors.len(), most as usize + 1, "a colour for each number of hops");
    assert!(boxes(&svg, "io-nodes").values().all(|color| *color == UNKNOWN.to_string()));
}

#[test]
fn psets_beside_each_other_have_different_colours_and_one_pset_has_one() {
    for partition in sizes() {
        let (svg, plan) = (map(&partition, &By::Pset), Plan::new(&partition, TOP));
        let (computes, ios) = (boxes(&svg, "nodes"), boxes(&svg, "io-nodes"));
        let color = |coord| &computes[&hundredths(plan.card(partition.location(Node::Compute(coord))))];
        let shape = partition.torus.shape;
        for coord in (0..shape.nodes()).map(|rank| shape.coord(rank)) {
            let io = Node::Io(partition.psid(coord));
            assert_eq!(color(coord), &ios[&hundredths(plan.card(partition.location(io)))], "{coord}");
            for axis in 0..3 {
                let mut next = coord;
                next.0[axis] += 1;
                if shape.contains(next) && partition.psid(next) != partition.psid(coord) {
                    assert_ne!(color(coord), color(next), "{coord} and {next}");
                }
            }
        }
    }
}

#[test]
fn states_are_counted_and_nodes_without_one_are_told() {
    let partition = Partition::new(64, 64).expect("there is one");
    let mut states = vec![State::Up; 60];
    (states[7], states[9]) = (State::Lost, State::Lost);
    let svg = map(&partition, &By::State(&states, "state of each node"));
    let drawn = boxes(&svg, "nodes");
    let count = |color: Color| drawn.values().filter(|one| **one == color.to_string()).count();
    use crate::draw::palette::{GREEN, VERMILION};
    assert_eq!((count(GREEN), count(VERMILION), count(UNKNOWN)), (58, 2, 4));
    for told in ["up: 58 nodes", "lost: 2 nodes", "down: 0 nodes", "nothing known of 4 nodes", "1 I/O node"] {
        assert!(svg.contains(told), "{told}");
    }
    assert!(State::ALL.into_iter().all(|state| State::named(state.name()) == Some(state)));
}

#[test]
fn the_busiest_link_colours_a_node_and_a_value_beyond_its_scale_is_at_its_end() {
    let partition = Partition::new(64, 64).expect("there is one");
    let mut busy = vec![0.0; 64 * 6];
    (busy[6 * 5 + 3], busy[6 * 9 + 1]) = (1.0, 7.0);
    let counts = |by: &By<'_>| -> Vec<u32> {
        Shading::new(&partition, by).levels.iter().map(|level: &Level| level.count).collect()
    };
    let loads = counts(&By::Load(&busy));
    assert_eq!((loads[0], loads.last(), loads.iter().sum()), (62, Some(&2), 64));
    let address = |node| Some(f64::from(partition.address(node)));
    let values = counts(&By::Value { what: "address", of: &address });
    assert_eq!((values.iter().sum::<u32>(), values.iter().all(|count| *count > 0)), (65, true));
    let odd = |node| matches!(node, Node::Compute(_)).then_some(f64::NAN);
    assert_eq!(counts(&By::Value { what: "nothing", of: &odd }).iter().sum::<u32>(), 0);
    let nothing = map(&partition, &By::Value { what: "nothing", of: &odd });
    assert!(!nothing.contains("NaN") && !nothing.contains("inf"));
}

#[test]
fn equal_data_give_equal_bytes_and_other_data_do_not() {
    let partition = Partition::new(512, 64).expect("there is one");
    let from = |x| map(&partition, &By::Hops(Coord([x, 0, 0])));
    assert_eq!(from(1), from(1));
    assert_ne!(from(1), from(2));
}

#[test]
fn the_largest_machine_is_a_small_file() {
    for (nodes, pset) in [(40_960, 64), (NODES_MAX, 16)] {
        let partition = Partition::new(nodes, pset).expect("there is one");
        let noise = |node| Some(f64::from(partition.address(node) * 7919 % 101));
        let by = [By::Hops(Coord([9, 9, 9])), By::Pset, By::Value { what: "noise", of: &noise }];
        for (position, by) in by.iter().enumerate() {
            let svg = map(&partition, by);
            assert!(svg.len() < BYTES_MAX, "{nodes} by {position}: {} bytes", svg.len());
            assert_eq!(boxes(&svg, "nodes").len(), nodes as usize);
        }
    }
}
