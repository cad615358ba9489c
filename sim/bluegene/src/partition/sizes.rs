//! Which partitions and psets there are, and how they are shaped.

use super::Wrong;
use super::torus::Shape;
use crate::parameters::{
    MIDPLANE_EDGE, MIDPLANE_NODES, MIDPLANES_MAX, NODES_MAX, NODES_MIN, PSET_SIZES, SHAPES,
};

/// The shape of a partition of so many nodes. Up to a midplane it is in a table. Above, a partition is a box
/// of whole midplanes that takes as few rows of racks as it can, and in them as few racks side by side: Z
/// grows first, then Y, then X. That gives 8x8x16 for a rack (S19), and 8x8x32, 8x16x32, 8x32x32, 40x32x32
/// and 72x32x32 as they are recalled (mem); for sizes between, like Shaheen's 1,536 or 9,216 (S14), it is
/// ours (own).
pub fn shape(nodes: u32) -> Result<Shape, Wrong> {
    let found = SHAPES.into_iter().find(|(size, _)| *size == nodes);
    let found = found.map(|(_, shape)| Shape(shape)).or_else(|| boxed(nodes));
    found.ok_or_else(|| Wrong::Nodes { nodes, near: near(nodes) })
}

/// The shape of whole midplanes for so many nodes, if they make a box that the machine has.
fn boxed(nodes: u32) -> Option<Shape> {
    let midplanes = nodes.is_multiple_of(MIDPLANE_NODES).then_some(nodes / MIDPLANE_NODES)?;
    let [rows, side, depth] = MIDPLANES_MAX;
    let boxes = (1..=rows).flat_map(|x| (1..=side).map(move |y| (x, y)));
    let fits = |(x, y): (u32, u32)| {
        let is_whole = midplanes > 0 && midplanes.is_multiple_of(x * y);
        let z = midplanes / (x * y);
        (is_whole && z <= depth).then(|| Shape([x, y, z].map(|of| (of * MIDPLANE_EDGE) as u8)))
    };
    boxes.into_iter().find_map(fits)
}

/// A shape that somebody asks for: one of the small, or whole midplanes within the machine.
pub fn checked(shape: Shape) -> Result<Shape, Wrong> {
    let midplane = Shape([MIDPLANE_EDGE as u8; 3]);
    let largest = MIDPLANES_MAX.map(|of| of * MIDPLANE_EDGE);
    let fits = shape.0.iter().zip(largest).all(|(nodes, most)| *nodes > 0 && u32::from(*nodes) <= most);
    let is_small = SHAPES.iter().any(|(_, small)| *small == shape.0);
    let is_whole = fits && shape.is_tiled_by(midplane);
    if is_small || is_whole { Ok(shape) } else { Err(Wrong::Shape(shape)) }
}

/// Every size that a partition can have, from the smallest.
pub fn all() -> impl Iterator<Item = u32> {
    let midplanes = (NODES_MAX / MIDPLANE_NODES).max(1);
    let whole = (2..=midplanes).map(|count| count * MIDPLANE_NODES).filter(|nodes| boxed(*nodes).is_some());
    SHAPES.into_iter().map(|(size, _)| size).chain(whole)
}

/// The sizes on both sides of one that there is not.
fn near(nodes: u32) -> (u32, u32) {
    let below = all().take_while(|size| *size < nodes).last().unwrap_or(NODES_MIN);
    (below, all().find(|size| *size > nodes).unwrap_or(NODES_MAX))
}

/// The tile of a pset of so many nodes.
pub fn tile(size: u32) -> Result<Shape, Wrong> {
    let found = SHAPES.into_iter().find(|(nodes, _)| *nodes == size && PSET_SIZES.contains(&size));
    found.map(|(_, shape)| Shape(shape)).ok_or(Wrong::PsetSize(size))
}
