//! Which card is which node: racks, midplanes, node cards and cards, by coordinates and back.
//!
//! A midplane is 8x8x8 nodes, a rack two of them, above each other along Z. Racks stand in rows: a row is
//! what is at one X, in midplanes, and within it four places for Y have two racks each for Z. So the whole
//! machine has rows R0 to R8 of eight racks, as Jugene had (mem). A block begins at R00-M0, with its node 0
//! on N00-J04; so a location says the same in every partition.
//!
//! A node card is 4x4x2 nodes, for that is the shape of 32 (S5), and a block that doubles takes the next node
//! cards (D): four along Z, two along X, two along Y; so N00 to N07 are one half, as they are in the rack's
//! front (S9). Which card of a node card has which coordinates no source says: ours go the same way, so that
//! 16 nodes are half a card (own).

use super::torus::Coord;
use crate::parameters::{MIDPLANE_EDGE, MIDPLANES_MAX, NODE_CARD_SHAPE, RACK_MIDPLANES};
use protocol::personality::{COMPUTE_CARD_FIRST, Location, ROW_GENERIC};

/// Nodes of a midplane in each dimension.
const EDGE: u8 = MIDPLANE_EDGE as u8;
/// Node cards of a midplane along Z, and before the other half begins.
const CARDS_Z: u8 = EDGE / NODE_CARD_SHAPE[2];
const CARDS_ZX: u8 = CARDS_Z * (EDGE / NODE_CARD_SHAPE[0]);
/// Compute cards of half a node card: as many as have an I/O card of their own at most.
const HALF: u8 = NODE_CARD_SHAPE[0] * NODE_CARD_SHAPE[1] * NODE_CARD_SHAPE[2] / 2;
/// Midplanes of the machine along Y and Z, and racks along Z.
const SIDE: u8 = MIDPLANES_MAX[1] as u8;
const RACK: u8 = RACK_MIDPLANES as u8;
const RACKS_Z: u8 = MIDPLANES_MAX[2] as u8 / RACK;

const _: () = {
    assert!(CARDS_ZX * (EDGE / NODE_CARD_SHAPE[1]) == protocol::personality::NODE_CARDS);
    assert!(MIDPLANES_MAX[0] <= ROW_GENERIC as u32);
};

/// The compute card of a node.
pub fn compute_card(coord: Coord) -> Location {
    let [x, y, z] = coord.0;
    let [mx, my, mz] = coord.0.map(|at| at / EDGE);
    let [cx, cy, cz] =
        [x % EDGE / NODE_CARD_SHAPE[0], y % EDGE / NODE_CARD_SHAPE[1], z % EDGE / NODE_CARD_SHAPE[2]];
    Location {
        row: mx,
        column: my * RACKS_Z + mz / RACK,
        midplane: mz % RACK,
        node_card: cz + CARDS_Z * cx + CARDS_ZX * cy,
        card: COMPUTE_CARD_FIRST + place(coord),
    }
}

/// The node of a compute card, if the largest machine has it.
pub fn coord(location: Location) -> Option<Coord> {
    let place = location.card.checked_sub(COMPUTE_CARD_FIRST)?;
    let (my, rack_z) = (location.column / RACKS_Z, location.column % RACKS_Z);
    if location.row >= MIDPLANES_MAX[0] as u8 || my >= SIDE || place >= 2 * HALF {
        return None;
    }
    let (cz, cx) = (location.node_card % CARDS_Z, location.node_card / CARDS_Z % (CARDS_ZX / CARDS_Z));
    let cy = location.node_card / CARDS_ZX;
    let x = location.row * EDGE + cx * NODE_CARD_SHAPE[0] + place % NODE_CARD_SHAPE[0];
    let y = my * EDGE + cy * NODE_CARD_SHAPE[1] + place / 4 % 2 + place / HALF * 2;
    let z = (rack_z * RACK + location.midplane) * EDGE + cz * NODE_CARD_SHAPE[2] + place / 8 % 2;
    Some(Coord([x, y, z]))
}

/// The I/O card of the pset whose first node is at `first`: on the same node card, J00, or J01 for a pset
/// that has the other half of it.
pub fn io_card(first: Coord) -> Location {
    Location { card: place(first) / HALF, ..compute_card(first) }
}

/// The first node of the half of a node card that an I/O card belongs to, if the largest machine has it.
pub fn io_card_first(location: Location) -> Option<Coord> {
    coord(Location { card: COMPUTE_CARD_FIRST + location.card * HALF, ..location })
}

/// The place of a node on its node card, from 0: four along X, then two each along Y, Z and Y again.
fn place(coord: Coord) -> u8 {
    let [x, y, z] = [0, 1, 2].map(|axis| coord.0[axis] % NODE_CARD_SHAPE[axis]);
    x + 4 * (y % 2) + 8 * z + HALF * (y / 2)
}

/// Which half of its node card a compute card is in.
pub fn half(location: Location) -> u8 {
    location.card.saturating_sub(COMPUTE_CARD_FIRST) / HALF
}
