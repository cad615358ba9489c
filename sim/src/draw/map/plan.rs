//! Where each card is on the map, in pixels. Knows nothing of what is shown there.
//!
//! Racks stand in rows, R00 at the upper left. A rack is two midplanes, M0 below M1 as in the machine room;
//! a midplane is four by four node cards, so that what is next along Z is above: N00 to N03 upwards at the
//! left, then N04 to N07, N08, N12. A node card has its two I/O cards at the left, J00 above J01, and four
//! rows of eight compute cards, J04 first.

use crate::draw::page::{Area, width_of};
use bluegene::parameters::{MIDPLANE_EDGE, MIDPLANE_NODE_CARDS, NODE_CARD_NODES, RACK_MIDPLANES};
use bluegene::partition::Partition;
use protocol::personality::{COMPUTE_CARD_FIRST, Location};

/// Compute cards side by side.
pub(super) const ACROSS: u8 = 8;
/// Rows of them.
pub(super) const DOWN: u8 = NODE_CARD_NODES as u8 / ACROSS;
/// Node cards above each other, and as many columns of them.
const STACK: u8 = 4;
/// From one compute card to the next: the widest that the page has room for.
const PITCHES: [u32; 8] = [16, 14, 12, 10, 8, 6, 5, 4];
/// The widest page.
const WIDTH_MAX: f64 = 1560.0;
/// Left of the racks: names of midplanes.
const LEFT: f64 = 48.0;
/// Right of them.
const RIGHT: f64 = 24.0;
/// From this pitch on node cards have names.
const NAMED_PITCH: u32 = 10;
/// Sizes of numbers on I/O cards; smaller ones are not read.
const NUMBER_SIZES: [u32; 2] = [9, 7];

const _: () = assert!(STACK * STACK == MIDPLANE_NODE_CARDS as u8);

/// The places of a partition's cards.
#[derive(Clone, Copy, Debug)]
pub(super) struct Plan {
    /// From one compute card to the next.
    pub(super) pitch: u32,
    /// Rows of racks.
    pub(super) rows: u8,
    /// Racks of a row.
    pub(super) columns: u8,
    /// Midplanes of a rack that are shown.
    pub(super) midplanes: u8,
    /// Where the first row begins.
    top: f64,
}

impl Plan {
    /// The racks from R00 to the partition's last, below `top`.
    pub(super) fn new(partition: &Partition, top: f64) -> Self {
        let (_, last) = partition.ends();
        let midplanes =
            if partition.torus.shape.0[2] > MIDPLANE_EDGE as u8 { RACK_MIDPLANES as u8 } else { 1 };
        let of = |pitch| Self { pitch, rows: last.row + 1, columns: last.column + 1, midplanes, top };
        let fits = |plan: &Self| plan.width() <= WIDTH_MAX;
        PITCHES.into_iter().map(of).find(fits).unwrap_or_else(|| of(PITCHES[PITCHES.len() - 1]))
    }

    /// The width of the page.
    pub(super) fn width(&self) -> f64 {
        let columns = f64::from(self.columns);
        LEFT + columns * self.rack_width() + (columns - 1.0) * self.rack_gap() + RIGHT
    }

    /// Where the last row ends.
    pub(super) fn bottom(&self) -> f64 {
        self.top + f64::from(self.rows) * self.row_height() - self.rack_gap()
    }

    /// Node cards have names.
    pub(super) fn names_cards(&self) -> bool {
        self.pitch >= NAMED_PITCH
    }

    /// Size of the numbers of psets on I/O cards, if there is room for those of so many.
    pub(super) fn number_size(&self, psets: u32) -> Option<u32> {
        let last = psets.saturating_sub(1).to_string();
        let room = f64::from(self.pitch) - self.gap();
        NUMBER_SIZES.into_iter().find(|size| width_of(&last, *size) <= room)
    }

    /// Of the line around I/O cards.
    pub(super) fn edge_width(&self) -> f64 {
        if self.pitch >= 8 { 1.0 } else { 0.5 }
    }

    /// Size of the names of racks.
    pub(super) fn name_size(&self) -> u32 {
        (self.pitch + 4).clamp(10, 15)
    }

    /// Between two compute cards.
    fn gap(&self) -> f64 {
        f64::from((self.pitch / 8).max(1))
    }

    /// Around what is on a node card.
    fn edge(&self) -> f64 {
        f64::from((self.pitch / 6).max(1))
    }

    /// Between two node cards.
    fn card_gap(&self) -> f64 {
        f64::from((self.pitch / 2).max(3))
    }

    /// Between two midplanes.
    fn midplane_gap(&self) -> f64 {
        2.0 * self.card_gap()
    }

    /// Around the midplanes of a rack.
    fn rack_edge(&self) -> f64 {
        self.card_gap() + 2.0
    }

    fn rack_gap(&self) -> f64 {
        2.0 * self.card_gap() + 6.0
    }

    /// The names above node cards.
    fn card_name(&self) -> f64 {
        if self.names_cards() { 13.0 } else { 0.0 }
    }

    fn card_width(&self) -> f64 {
        f64::from(self.pitch) * f64::from(1 + ACROSS) + 3.0 * self.edge() - self.gap()
    }

    fn card_height(&self) -> f64 {
        f64::from(self.pitch) * f64::from(DOWN) + 2.0 * self.edge() - self.gap()
    }

    fn midplane_width(&self) -> f64 {
        f64::from(STACK) * (self.card_width() + self.card_gap()) - self.card_gap()
    }

    fn midplane_height(&self) -> f64 {
        f64::from(STACK) * (self.card_height() + self.card_name() + self.card_gap()) - self.card_gap()
    }

    fn rack_width(&self) -> f64 {
        self.midplane_width() + 2.0 * self.rack_edge()
    }

    fn rack_height(&self) -> f64 {
        let midplanes = f64::from(self.midplanes);
        midplanes * (self.midplane_height() + self.midplane_gap()) - self.midplane_gap()
            + 2.0 * self.rack_edge()
    }

    /// A row of racks with their names above and the gap below.
    fn row_height(&self) -> f64 {
        self.rack_height() + f64::from(self.name_size()) + 6.0 + self.rack_gap()
    }

    /// A rack.
    pub(super) fn rack(&self, row: u8, column: u8) -> Area {
        Area {
            x: LEFT + f64::from(column) * (self.rack_width() + self.rack_gap()),
            y: self.top + f64::from(row) * self.row_height() + f64::from(self.name_size()) + 6.0,
            width: self.rack_width(),
            height: self.rack_height(),
        }
    }

    /// A midplane within its rack.
    pub(super) fn midplane(&self, row: u8, column: u8, midplane: u8) -> Area {
        let rack = self.rack(row, column);
        let above = f64::from(self.midplanes - 1 - midplane.min(self.midplanes - 1));
        Area {
            x: rack.x + self.rack_edge(),
            y: rack.y + self.rack_edge() + above * (self.midplane_height() + self.midplane_gap()),
            width: self.midplane_width(),
            height: self.midplane_height(),
        }
    }

    /// A node card, whatever card of it the location names.
    pub(super) fn node_card(&self, location: Location) -> Area {
        let midplane = self.midplane(location.row, location.column, location.midplane);
        let [column, above] =
            [location.node_card / STACK, STACK - 1 - location.node_card % STACK].map(f64::from);
        let pitch_y = self.card_height() + self.card_name() + self.card_gap();
        Area {
            x: midplane.x + column * (self.card_width() + self.card_gap()),
            y: midplane.y + above * pitch_y + self.card_name(),
            width: self.card_width(),
            height: self.card_height(),
        }
    }

    /// A card with a node.
    pub(super) fn card(&self, location: Location) -> Area {
        let on = self.node_card(location);
        let (pitch, gap, edge) = (f64::from(self.pitch), self.gap(), self.edge());
        let at = |x: f64, y: u8, rows: u8| Area {
            x: on.x + edge + x,
            y: on.y + edge + f64::from(y) * pitch,
            width: pitch - gap,
            height: f64::from(rows) * pitch - gap,
        };
        match location.card.checked_sub(COMPUTE_CARD_FIRST) {
            None => at(0.0, location.card * DOWN / 2, DOWN / 2),
            Some(place) => at((1.0 + f64::from(place % ACROSS)) * pitch + edge, place / ACROSS, 1),
        }
    }
}
