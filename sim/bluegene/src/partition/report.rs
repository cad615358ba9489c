//! What `sim machine` tells of a partition and of a node: `key=value` lines.

use super::boot::wires;
use super::torus::{Axis, Direction};
use super::{Node, Partition};
use std::fmt::{self, Display};

/// What the partition is.
#[derive(Clone, Copy, Debug)]
pub struct Summary<'a>(pub &'a Partition);

impl Display for Summary<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let partition = self.0;
        let torus = &partition.torus;
        writeln!(f, "nodes={}\nshape={}", partition.compute_nodes(), torus.shape)?;
        f.write_str("wiring=")?;
        for axis in Axis::ALL {
            let (gap, wiring) = (if axis == Axis::X { "" } else { " " }, wiring(torus.closes(axis)));
            write!(f, "{gap}{axis:?}:{wiring}")?;
        }
        writeln!(f, "\nracks={}\nmidplanes={}", partition.racks(), partition.midplanes())?;
        writeln!(f, "node-cards={}\npsets={}", partition.node_cards(), partition.psets())?;
        writeln!(f, "pset={} {}", partition.pset_size(), partition.pset_shape())?;
        writeln!(f, "io-nodes={}", partition.psets())?;
        writeln!(f, "aggregators={}", partition.psets() * partition.pset_aggregators())?;
        let (first, last) = partition.ends();
        writeln!(f, "locations={first} to {last}")
    }
}

fn wiring(closes: bool) -> &'static str {
    if closes { "torus" } else { "mesh" }
}

/// What a node of a partition is.
#[derive(Clone, Copy, Debug)]
pub struct NodeReport<'a> {
    /// The partition.
    pub partition: &'a Partition,
    /// The node.
    pub node: Node,
}

impl Display for NodeReport<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { partition, node } = *self;
        let location = partition.location(node);
        writeln!(f, "location={location}\nuci={:08x}\naddress={}", location.uci(), partition.address(node))?;
        match node {
            Node::Compute(coord) => {
                let psid = partition.psid(coord);
                let io = Node::Io(psid);
                writeln!(f, "kind=compute\ncoord={coord}\nrank={}", partition.address(node))?;
                writeln!(f, "pset={psid}\npset-rank={}", 1 + partition.pset_place(coord))?;
                writeln!(f, "io-node={} {}", partition.address(io), partition.location(io))?;
                writeln!(f, "aggregator={}", partition.aggregator(coord))?;
                write!(f, "{}", wires(partition, node))?;
                Direction::all().try_for_each(|direction| self.write_link(direction, f))
            }
            Node::Io(psid) => {
                let last = partition.pset_size() - 1;
                let ends = [0, last].map(|place| partition.pset_node(psid, place));
                let [first, last] = ends.map(|coord| partition.location(Node::Compute(coord)));
                writeln!(f, "kind=io\npset={psid}\npset-rank=0\nchildren={first} to {last}")?;
                writeln!(f, "aggregators={}", partition.pset_aggregators())?;
                write!(f, "{}", wires(partition, node))
            }
        }
    }
}

impl NodeReport<'_> {
    /// What is at the far end of a torus link, if it is wired.
    fn write_link(&self, direction: Direction, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Node::Compute(coord) = self.node else { return Ok(()) };
        match self.partition.torus.neighbour(coord, direction) {
            None => writeln!(f, "{direction}=none"),
            Some(next) => {
                let next = Node::Compute(next);
                let (address, location) = (self.partition.address(next), self.partition.location(next));
                writeln!(f, "{direction}={address} {location}")
            }
        }
    }
}
