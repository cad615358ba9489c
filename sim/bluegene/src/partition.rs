//! The machine: a partition of a Blue Gene/P, and who is where in it.
//!
//! A partition is its shape, which of its dimensions close, and its psets: a few bytes, whatever its size.
//! Every question is arithmetic; nothing is kept for a node. `torus` is coordinates and links, `sizes` which
//! shapes there are, `packaging` cards and locations, `mapping` ranks of processes, `boot` the personality
//! that each node gets, `report` what is told of all this.

pub mod boot;
pub mod mapping;
pub mod packaging;
pub mod report;
pub mod sizes;
pub mod torus;

use crate::parameters::{
    AGGREGATOR_CHILDREN, MIDPLANE_EDGE, MIDPLANE_NODES, MIDPLANES_MAX, NODE_CARD_NODES, PSET_SIZE,
    PSET_SIZES, RACK_MIDPLANES,
};
use protocol::personality::{Location, LocationError};
use std::error::Error;
use std::fmt::{self, Display};
use torus::{Axis, Coord, Shape, Torus};

/// A node of a partition.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Node {
    /// A compute node.
    Compute(Coord),
    /// The I/O node of a pset.
    Io(u32),
}

/// Compute nodes in psets, each with its I/O node.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Partition {
    /// The compute nodes, and how they are wired.
    pub torus: Torus,
    /// The compute nodes of a pset: each pset is such a tile.
    tile: Shape,
}

impl Partition {
    /// So many compute nodes in psets of so many, in the shape of that size. Below a midplane it is a mesh,
    /// from one on a torus: that is what link cards wire (S14, S15).
    pub fn new(nodes: u32, pset: u32) -> Result<Self, Wrong> {
        Self::shaped(sizes::shape(nodes)?, pset)
    }

    /// The same in another shape that the machine has.
    pub fn shaped(shape: Shape, pset: u32) -> Result<Self, Wrong> {
        let (shape, tile) = (sizes::checked(shape)?, sizes::tile(pset)?);
        if !shape.is_tiled_by(tile) {
            return Err(Wrong::PsetIn { size: pset, nodes: shape.nodes() });
        }
        let closes = [shape.nodes() >= MIDPLANE_NODES; 3];
        Ok(Self { torus: Torus { shape, closes }, tile })
    }

    /// The pset that a partition of so many nodes has unless another is asked for.
    pub fn usual_pset(nodes: u32) -> u32 {
        PSET_SIZE.min(nodes)
    }

    /// The same, a mesh in a dimension.
    #[must_use]
    pub fn mesh(mut self, axis: Axis) -> Self {
        self.torus.closes[axis as usize] = false;
        self
    }

    /// Compute nodes.
    pub fn compute_nodes(&self) -> u32 {
        self.torus.shape.nodes()
    }

    /// Compute nodes of a pset.
    pub fn pset_size(&self) -> u32 {
        self.tile.nodes()
    }

    /// The compute nodes of a pset, as a shape.
    pub fn pset_shape(&self) -> Shape {
        self.tile
    }

    /// Psets, and so I/O nodes.
    pub fn psets(&self) -> u32 {
        self.grid().nodes()
    }

    /// Aggregators on an I/O node: one for every 64 compute nodes of its pset, at least one.
    pub fn pset_aggregators(&self) -> u32 {
        self.pset_size().div_ceil(AGGREGATOR_CHILDREN)
    }

    /// Nodes of both kinds.
    pub fn nodes(&self) -> u32 {
        self.compute_nodes() + self.psets()
    }

    /// Node cards that the compute nodes are on.
    pub fn node_cards(&self) -> u32 {
        self.compute_nodes().div_ceil(NODE_CARD_NODES)
    }

    /// Midplanes.
    pub fn midplanes(&self) -> u32 {
        self.compute_nodes().div_ceil(MIDPLANE_NODES)
    }

    /// Racks of which it has a midplane or two.
    pub fn racks(&self) -> u32 {
        let [x, y, z] = self.torus.shape.0.map(|nodes| u32::from(nodes).div_ceil(MIDPLANE_EDGE));
        x * y * z.div_ceil(RACK_MIDPLANES)
    }

    /// Psets in each dimension.
    fn grid(&self) -> Shape {
        Shape([0, 1, 2].map(|axis| self.torus.shape.0[axis] / self.tile.0[axis]))
    }

    /// The pset of a compute node. Psets are numbered as nodes are, X fastest.
    pub fn psid(&self, coord: Coord) -> u32 {
        self.grid().index(Coord([0, 1, 2].map(|axis| coord.0[axis] / self.tile.0[axis])))
    }

    /// The place of a compute node in its pset, from 0 (S18); its rank there is one more, for 0 is the I/O
    /// node's.
    pub fn pset_place(&self, coord: Coord) -> u32 {
        self.tile.index(Coord([0, 1, 2].map(|axis| coord.0[axis] % self.tile.0[axis])))
    }

    /// The aggregator on its I/O node that a compute node is a child of.
    pub fn aggregator(&self, coord: Coord) -> u32 {
        self.pset_place(coord) / AGGREGATOR_CHILDREN
    }

    /// The compute node at a place of a pset.
    pub fn pset_node(&self, psid: u32, place: u32) -> Coord {
        let (tile, within) = (self.grid().coord(psid), self.tile.coord(place));
        Coord([0, 1, 2].map(|axis| tile.0[axis] * self.tile.0[axis] + within.0[axis]))
    }

    /// The address on the collective network: of a compute node its rank, of an I/O node its pset behind all
    /// of those (S2).
    pub fn address(&self, node: Node) -> u32 {
        match node {
            Node::Compute(coord) => self.torus.shape.index(coord),
            Node::Io(psid) => self.compute_nodes() + psid,
        }
    }

    /// The node at an address of the collective network.
    pub fn node(&self, address: u32) -> Result<Node, Wrong> {
        let computes = self.compute_nodes();
        match address.checked_sub(computes) {
            None => Ok(Node::Compute(self.torus.shape.coord(address))),
            Some(psid) if psid < self.psets() => Ok(Node::Io(psid)),
            Some(_) => Err(Wrong::Address { computes, nodes: self.nodes() }),
        }
    }

    /// Every node, compute nodes first, by address.
    pub fn all(&self) -> impl Iterator<Item = Node> + use<> {
        let partition = *self;
        (0..self.nodes()).filter_map(move |address| partition.node(address).ok())
    }

    /// The I/O node of a node: its own if it is one.
    pub fn io_node(&self, node: Node) -> Node {
        match node {
            Node::Compute(coord) => Node::Io(self.psid(coord)),
            Node::Io(_) => node,
        }
    }

    /// The card of a node.
    pub fn location(&self, node: Node) -> Location {
        match node {
            Node::Compute(coord) => packaging::compute_card(coord),
            Node::Io(psid) => packaging::io_card(self.pset_node(psid, 0)),
        }
    }

    /// The node of a card.
    pub fn at(&self, location: Location) -> Result<Node, Wrong> {
        let (first, last) = self.ends();
        let not_here = Wrong::NotHere { first, last };
        let within = |coord: &Coord| self.torus.shape.contains(*coord);
        if !location.is_io_card() {
            return packaging::coord(location).filter(within).map(Node::Compute).ok_or(not_here);
        }
        let first = packaging::io_card_first(location).filter(within).ok_or(not_here)?;
        let io = self.io_node(Node::Compute(first));
        let place = self.location(io);
        if place == location { Ok(io) } else { Err(Wrong::NoIoNode { place }) }
    }

    /// The node that a text names: an address, or a location.
    pub fn find(&self, text: &str) -> Result<Node, Wrong> {
        if let Ok(address) = text.parse() {
            return self.node(address);
        }
        self.at(Location::parse(text).map_err(Wrong::Location)?)
    }

    /// Its first compute card and its last.
    pub fn ends(&self) -> (Location, Location) {
        let last = Coord(self.torus.shape.0.map(|nodes| nodes - 1));
        (packaging::compute_card(Coord([0; 3])), packaging::compute_card(last))
    }
}

/// Why there is no such partition, or no node of such a name, which whoever asked for it tells.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wrong {
    /// No partition has this size.
    Nodes {
        /// The size.
        nodes: u32,
        /// The next smaller and the next larger that there are.
        near: (u32, u32),
    },
    /// No partition has this shape.
    Shape(Shape),
    /// No pset has this size.
    PsetSize(u32),
    /// The pset does not fit the partition.
    PsetIn {
        /// Compute nodes of the pset.
        size: u32,
        /// Those of the partition.
        nodes: u32,
    },
    /// No node has this address.
    Address {
        /// Compute nodes.
        computes: u32,
        /// Nodes of both kinds.
        nodes: u32,
    },
    /// The text is no location.
    Location(LocationError),
    /// The card is none of the partition's.
    NotHere {
        /// The partition's first.
        first: Location,
        /// And its last.
        last: Location,
    },
    /// The pset has its I/O node elsewhere.
    NoIoNode {
        /// Where it is.
        place: Location,
    },
}

impl Display for Wrong {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Nodes { nodes, near: (below, above) } if below == above => {
                write!(f, "a partition of {nodes} nodes: want {below}")
            }
            Self::Nodes { nodes, near: (below, above) } => {
                write!(f, "a partition of {nodes} nodes: the nearest are {below} and {above}")
            }
            Self::Shape(shape) => write!(
                f,
                "a partition of {shape}: want multiples of 8 to {}, or 4x2x2, 4x4x2, 4x4x4, 4x4x8 or 8x4x8",
                Shape(MIDPLANES_MAX.map(|of| (of * MIDPLANE_EDGE) as u8))
            ),
            Self::PsetSize(size) => {
                let [a, b, c, d] = PSET_SIZES;
                write!(f, "psets of {size} nodes: want {a}, {b}, {c} or {d}")
            }
            Self::PsetIn { size, nodes } => {
                write!(f, "psets of {size} nodes in a partition of {nodes}: want at most {nodes}")
            }
            Self::Address { computes, nodes } => {
                let (compute, io) = (computes - 1, nodes - 1);
                write!(f, "want 0 to {compute} for a compute node, to {io} for an I/O node")
            }
            Self::Location(why) => write!(f, "{why}, or an address on the collective network"),
            Self::NotHere { first, last } => {
                write!(f, "this partition has compute cards {first} to {last}")
            }
            Self::NoIoNode { place } => {
                write!(f, "no I/O node is there, the one of that pset is {place}")
            }
        }
    }
}

impl Error for Wrong {}

#[cfg(test)]
mod tests;
