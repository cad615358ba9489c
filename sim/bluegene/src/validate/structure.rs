//! What is so and not measured: shapes, ranks, addresses, locations, hops, routes, packets.

use super::{Row, Setup};
use crate::net::tree::{End, ROUTE_VALID, Timing, Tree};
use crate::parameters::{RACK_NODES, SHAPES};
use crate::partition::mapping::Mapping;
use crate::partition::sizes;
use crate::partition::torus::{Coord, Shape, Torus};
use crate::partition::{Node, Partition};
use protocol::personality::{COMPUTE_CARD_FIRST, Location};

/// The rung.
pub(super) fn rows(_: &Setup) -> Vec<Row> {
    let mut rows: Vec<Row> = shapes().collect();
    rows.extend(machines().into_iter().flatten());
    rows.extend(midplane().into_iter().flatten());
    rows.extend(network());
    rows
}

fn shapes() -> impl Iterator<Item = Row> {
    let published = SHAPES.map(|(nodes, _)| nodes).into_iter().chain([RACK_NODES]);
    let texts = ["4x2x2", "4x4x2", "4x4x4", "4x4x8", "8x4x8", "8x8x8", "8x8x16"];
    published.zip(texts).map(|(nodes, text)| {
        let ours = sizes::shape(nodes).map_or_else(|why| why.to_string(), |shape| shape.to_string());
        Row::exact("S5 S18 S19", format!("shape of {nodes} nodes"), text, ours)
    })
}

/// Machines that were built. Were there no such partition, rows would be missing: the tests count them.
fn machines() -> Option<[Row; 5]> {
    let intrepid = Partition::new(40_960, 64).ok()?;
    let jugene = Partition::new(73_728, 64).ok()?;
    let lofar = Partition::new(2560, 16).ok()?;
    let rack = Partition::new(RACK_NODES, 16).ok()?;
    Some([
        Row::exact("S13", "Intrepid: I/O nodes of its 40 racks", 640, intrepid.psets()),
        Row::exact("S16", "Jugene: racks", 72, jugene.racks()),
        Row::exact("S17", "LOFAR: psets of 16 in 2.5 racks", 160, lofar.psets()),
        Row::exact("S11", "I/O nodes of a rack, at most", 64, rack.psets()),
        Row::exact("D", "Jugene: links to the farthest node", 36 + 16 + 16, far(jugene.torus)),
    ])
}

/// Links to the farthest node.
fn far(torus: Torus) -> u32 {
    let nodes = 0..torus.shape.nodes();
    nodes.map(|rank| torus.hops(Coord([0; 3]), torus.shape.coord(rank))).max().unwrap_or(0)
}

fn both(one: impl ToString, other: impl ToString) -> String {
    format!("{} {}", one.to_string(), other.to_string())
}

/// A midplane in psets of 64, and a node of it.
fn midplane() -> Option<[Row; 9]> {
    let midplane = Partition::new(512, 64).ok()?;
    let shape = midplane.torus.shape;
    let node = midplane.find("R00-M0-N04-J23").ok()?;
    let Node::Compute(coord) = node else { return None };
    let location = midplane.location(node);
    let all = || (0..512).map(|rank| shape.coord(rank));
    let Shape([px, py, pz]) = midplane.pset_shape();
    // FCNP's client has its place in the pset by this formula.
    let place = |Coord([x, y, z]): Coord| {
        let [x, y, z] = [x % px, y % py, z % pz].map(u32::from);
        (z * u32::from(py) + y) * u32::from(px) + x
    };
    let placed = all().filter(|coord| midplane.pset_place(*coord) == place(*coord)).count();
    let ranked = all().zip(0..).filter(|(coord, rank)| Mapping::XYZT.rank(shape, 1, *coord, 0) == *rank);
    let found = all().filter(|coord| {
        let text = midplane.location(Node::Compute(*coord)).to_string();
        midplane.at(Location::parse(&text).unwrap_or(location)) == Ok(Node::Compute(*coord))
    });
    let mesh = Partition::new(64, 64).ok()?;
    Some([
        Row::exact("S14 S15", "psets of 64 in a midplane", 8, midplane.psets()),
        Row::exact("S18", "places in psets by FCNP's formula, of 512", 512, placed),
        Row::exact("S19", "ranks in XYZ order, of 512", 512, ranked.count()),
        Row::exact("S9", "nodes found by their location, of 512", 512, found.count()),
        Row::exact("S2", "address of the I/O node of pset 3", 512 + 3, midplane.address(Node::Io(3))),
        Row::exact("S2 S9", "UCI of R00-M0-N04-J23", "68011700", format_args!("{:08x}", location.uci())),
        Row::exact("S9", "its index on its node card", 19, location.card - COMPUTE_CARD_FIRST),
        Row::exact(
            "D",
            "farthest node: 512 torus, 64 mesh",
            "12 9",
            both(far(midplane.torus), far(mesh.torus)),
        ),
        Row::exact("S2", "address of that node is its rank", shape.index(coord), midplane.address(node)),
    ])
}

fn network() -> [Row; 4] {
    let tree = Tree::new(64, Timing::LINUX);
    let ends = || (0..64).map(End::Compute).chain([End::Io]);
    let routed = |class: usize| ends().filter(|end| tree.routes(*end)[class] != 0).count();
    let valid = |end: &End| tree.routes(*end).into_iter().all(|route| route & !ROUTE_VALID == 0);
    [
        Row::exact("S9", "nodes of a pset with valid routes, of 65", 65, ends().filter(valid).count()),
        Row::exact("S7 S9", "nodes of class 0 and of 15", "65 65", both(routed(0), routed(15))),
        Row::exact("S3 S7", "packets of 9,000 bytes in Linux", 38, Timing::LINUX.packets(9000)),
        Row::exact("S11", "packets of 4,096 bytes in FCNP", 16, Timing::FCNP.packets(4096)),
    ]
}
