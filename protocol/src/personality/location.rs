//! Where a card is: `R<row><column>-M<midplane>-N<node card>-J<card>`, and the same as the 32 bits of a UCI.
//!
//! Says which names there are, not which cards a machine has: that is the simulator's packaging.

use core::error::Error;
use core::fmt::{self, Display};

/// Length of a location as text.
pub const LOCATION_LEN: usize = 14;
/// The row that stands for "a midplane, whichever": it prints as `Rxx-Mx` (S2).
pub const ROW_GENERIC: u8 = 0xF;
/// Node cards of a midplane, N00 to N15 (S9).
pub const NODE_CARDS: u8 = 16;
/// The first compute card of a node card: J00 and J01 are I/O cards, J02 and J03 reserved (S9).
pub const COMPUTE_CARD_FIRST: u8 = 4;
/// The last: J35 (S9).
pub const COMPUTE_CARD_LAST: u8 = 35;
/// I/O cards of a node card, J00 and J01 (S9, S15).
pub const IO_CARDS: u8 = 2;

/// Component of a compute card in a UCI (S1).
const COMPUTE_CARD: u32 = 13;
/// Component of an I/O card in a UCI (S1).
const IO_CARD: u32 = 14;

/// The place of a compute card or an I/O card.
///
/// As a UCI, from the most significant bit (S1, S9):
///
/// ```text
/// | component 5 | row 4 | column 4 | midplane 1 | node card 4 | card 6 | zero 8 |
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Location {
    /// Row of racks, one hexadecimal digit; [`ROW_GENERIC`] is none in particular.
    pub row: u8,
    /// Place of the rack in its row, one hexadecimal digit.
    pub column: u8,
    /// 0 is the bottom, 1 the top.
    pub midplane: u8,
    /// 0 to 15: 0 bottom front, 7 top front, 8 bottom rear, 15 top rear.
    pub node_card: u8,
    /// Place on the node card: 0 and 1 are I/O cards, 4 to 35 compute cards.
    pub card: u8,
}

impl Location {
    /// The location of a UCI of a compute card or an I/O card, whose place is one of that kind.
    pub fn from_uci(uci: u32) -> Option<Self> {
        let field = |shift: u32, bits: u32| (uci >> shift & ((1 << bits) - 1)) as u8;
        let found = Self {
            row: field(23, 4),
            column: field(19, 4),
            midplane: field(18, 1),
            node_card: field(14, 4),
            card: field(8, 6),
        };
        (found.is_card() && found.uci() == uci).then_some(found)
    }

    /// The 32 bits of the Universal Component Identifier.
    pub fn uci(self) -> u32 {
        let field = |value: u8, shift: u32, bits: u32| (u32::from(value) & ((1 << bits) - 1)) << shift;
        let component = if self.is_io_card() { IO_CARD } else { COMPUTE_CARD };
        component << 27
            | field(self.row, 23, 4)
            | field(self.column, 19, 4)
            | field(self.midplane, 18, 1)
            | field(self.node_card, 14, 4)
            | field(self.card, 8, 6)
    }

    /// An I/O card is at this place.
    pub fn is_io_card(self) -> bool {
        self.card < IO_CARDS
    }

    fn is_card(self) -> bool {
        self.is_io_card() || (COMPUTE_CARD_FIRST..=COMPUTE_CARD_LAST).contains(&self.card)
    }

    /// Reads `R00-M0-N04-J23`, hexadecimal digits of a rack in either case.
    pub fn parse(text: &str) -> Result<Self, LocationError> {
        let bytes: &[u8; LOCATION_LEN] = text.as_bytes().try_into().map_err(|_| LocationError::Form)?;
        let [b'R', row, column, b'-', b'M', midplane, b'-', b'N', n1, n0, b'-', b'J', j1, j0] = *bytes else {
            return Err(LocationError::Form);
        };
        let digit = |byte: u8, radix: u32| {
            let value = char::from(byte).to_digit(radix).ok_or(LocationError::Form)?;
            Ok(value as u8)
        };
        let (row, column, midplane) = match [row, column, midplane] {
            [b'x', b'x', b'x'] => (ROW_GENERIC, 0, 0),
            _ => (digit(row, 16)?, digit(column, 16)?, digit(midplane, 10)?),
        };
        let node_card = digit(n1, 10)? * 10 + digit(n0, 10)?;
        let card = digit(j1, 10)? * 10 + digit(j0, 10)?;
        let location = Self { row, column, midplane, node_card, card };
        if midplane > 1 {
            return Err(LocationError::Midplane(midplane));
        }
        if node_card >= NODE_CARDS {
            return Err(LocationError::NodeCard(node_card));
        }
        if !location.is_card() {
            return Err(LocationError::Card(card));
        }
        Ok(location)
    }
}

impl Display for Location {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.row == ROW_GENERIC {
            f.write_str("Rxx-Mx")?;
        } else {
            write!(f, "R{:X}{:X}-M{}", self.row, self.column, self.midplane)?;
        }
        write!(f, "-N{:02}-J{:02}", self.node_card, self.card)
    }
}

/// Why a text is no location.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LocationError {
    /// It does not look like one.
    Form,
    /// There is no such midplane.
    Midplane(u8),
    /// There is no such node card.
    NodeCard(u8),
    /// There is no such card.
    Card(u8),
}

impl Display for LocationError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Form => f.write_str("want a location like R00-M0-N04-J23"),
            Self::Midplane(midplane) => {
                write!(f, "midplane M{midplane}: want M0, the bottom, or M1, the top")
            }
            Self::NodeCard(card) => write!(f, "node card N{card:02}: want N00 to N15"),
            Self::Card(card) => {
                write!(f, "card J{card:02}: want J00 or J01, I/O cards, or J04 to J35, compute cards")
            }
        }
    }
}

impl Error for LocationError {}
