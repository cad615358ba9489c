//! The torus: coordinates, shapes, and who is next to whom. Knows nothing of cards or psets.

use std::fmt::{self, Display};

/// A dimension.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Axis {
    /// The first, along which ranks run fastest.
    X,
    /// The second.
    Y,
    /// The third.
    Z,
}

impl Axis {
    /// All, in order.
    pub const ALL: [Self; 3] = [Self::X, Self::Y, Self::Z];
}

/// One of the six links of a node.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Direction {
    /// Along which dimension.
    pub axis: Axis,
    /// To the higher coordinate.
    pub is_plus: bool,
}

impl Direction {
    /// All six: X+, X-, Y+, Y-, Z+, Z-.
    pub fn all() -> impl Iterator<Item = Self> {
        let both = |axis| [true, false].map(|is_plus| Self { axis, is_plus });
        Axis::ALL.into_iter().flat_map(both)
    }
}

impl Display for Direction {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}{}", self.axis, if self.is_plus { '+' } else { '-' })
    }
}

/// Where a compute node is: x, y, z.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Coord(pub [u8; 3]);

impl Display for Coord {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [x, y, z] = self.0;
        write!(f, "{x},{y},{z}")
    }
}

/// How many nodes there are in each dimension.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Shape(pub [u8; 3]);

impl Shape {
    /// All of them.
    pub fn nodes(self) -> u32 {
        self.0.into_iter().map(u32::from).product()
    }

    /// It has a node there.
    pub fn contains(self, coord: Coord) -> bool {
        coord.0.iter().zip(self.0).all(|(at, nodes)| *at < nodes)
    }

    /// It is made of whole `tile`s.
    pub fn is_tiled_by(self, tile: Self) -> bool {
        self.0.iter().zip(tile.0).all(|(nodes, tile)| tile > 0 && nodes % tile == 0)
    }

    /// The number of a node, X running fastest.
    pub fn index(self, coord: Coord) -> u32 {
        let [x, y, z] = coord.0.map(u32::from);
        let [nx, ny, _] = self.0.map(u32::from);
        (z * ny + y) * nx + x
    }

    /// The node of a number below [`Shape::nodes`].
    pub fn coord(self, index: u32) -> Coord {
        let [nx, ny, _] = self.0.map(u32::from);
        debug_assert!(index < self.nodes(), "there is such a node");
        Coord([index % nx, index / nx % ny, index / nx / ny].map(|at| at as u8))
    }
}

impl Display for Shape {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [x, y, z] = self.0;
        write!(f, "{x}x{y}x{z}")
    }
}

/// A shape, and which of its dimensions close.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Torus {
    /// How many nodes in each dimension.
    pub shape: Shape,
    /// The dimension closes: it is no mesh.
    pub closes: [bool; 3],
}

impl Torus {
    /// The dimension closes.
    pub fn closes(&self, axis: Axis) -> bool {
        self.closes[axis as usize]
    }

    /// The node at the far end of a link, if it has one. In a dimension of two nodes that closes both links
    /// lead to the same one, in one of one to the node itself: nothing is cabled there.
    pub fn neighbour(&self, coord: Coord, direction: Direction) -> Option<Coord> {
        let axis = direction.axis as usize;
        let (at, nodes) = (coord.0[axis], self.shape.0[axis]);
        let (edge, across) = if direction.is_plus { (nodes - 1, 0) } else { (0, nodes - 1) };
        let next = match (at == edge, direction.is_plus) {
            (true, _) => (self.closes[axis] && nodes > 1).then_some(across)?,
            (false, true) => at + 1,
            (false, false) => at - 1,
        };
        let mut found = coord;
        found.0[axis] = next;
        Some(found)
    }

    /// Links on the shortest way between two nodes.
    pub fn hops(&self, from: Coord, to: Coord) -> u32 {
        let along = |axis: Axis| {
            let axis = axis as usize;
            let ahead = u32::from(from.0[axis].abs_diff(to.0[axis]));
            let around = u32::from(self.shape.0[axis]) - ahead;
            if self.closes[axis] { ahead.min(around) } else { ahead }
        };
        Axis::ALL.into_iter().map(along).sum()
    }
}
