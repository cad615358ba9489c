//! Why bytes are no personality that a node could have.

use super::bytes::{LEN, VERSION, WORDS};
use core::error::Error;
use core::fmt::{self, Display};

/// What is wrong with a personality.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Flaw {
    /// It has not the length of one.
    Length(usize),
    /// It is of another version.
    Version(u8),
    /// It says that it has another length.
    Words(u8),
    /// Its UCI is not that of a compute card or an I/O card.
    Uci(u32),
    /// Its block has no nodes.
    Nodes([u8; 3]),
    /// It is outside its block.
    Coord {
        /// Where it says it is.
        coord: [u8; 3],
        /// Nodes of the block in each dimension.
        nodes: [u8; 3],
    },
    /// The three tests for an I/O node do not agree.
    Mixed {
        /// Its X coordinate says so.
        coord: bool,
        /// Its rank in its pset says so.
        rank: bool,
        /// Its card says so.
        card: bool,
    },
    /// It is in no pset of its block.
    Pset {
        /// The pset.
        psid: u16,
        /// How many there are.
        io_nodes: u32,
    },
    /// Its place in its pset is none.
    PsetRank {
        /// The place.
        rank: u32,
        /// Compute nodes of a pset.
        size: u32,
    },
    /// Its rank in the block is none, or not that of its I/O node.
    Rank {
        /// The rank.
        rank: u32,
        /// What it should be: below this for a compute node, equal for an I/O node.
        want: u32,
    },
    /// The address of its I/O node is not behind those of the compute nodes.
    IoRank {
        /// The address.
        rank: u32,
        /// What it should be.
        want: u32,
    },
    /// A directory or a name in it is not text.
    Text(&'static str),
}

impl Display for Flaw {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            Self::Length(len) => write!(f, "{len} bytes: want {LEN}"),
            Self::Version(version) => write!(f, "version {version:#04x}: want {VERSION:#04x}"),
            Self::Words(words) => write!(f, "says that it has {words} words: want {WORDS}"),
            Self::Uci(uci) => write!(f, "UCI {uci:08x}: want that of a compute card or an I/O card"),
            Self::Nodes([x, y, z]) => {
                write!(f, "a block of {x}x{y}x{z} nodes: want at least one in each dimension")
            }
            Self::Coord { coord: [a, b, c], nodes: [x, y, z] } => {
                write!(f, "at {a},{b},{c}: want a node of its block of {x}x{y}x{z}")
            }
            Self::Mixed { coord, rank, card } => {
                let said = |io| if io { "an I/O node" } else { "a compute node" };
                let (coord, rank, card) = (said(coord), said(rank), said(card));
                write!(f, "{coord} by its coordinates, {rank} by its rank in the pset, {card} by its card")
            }
            Self::Pset { psid, io_nodes } => write!(f, "pset {psid}: its block has {io_nodes}, from 0"),
            Self::PsetRank { rank, size } => {
                write!(f, "rank {rank} in its pset: want 0 for the I/O node, or 1 to {size}")
            }
            Self::Rank { rank, want } => {
                write!(f, "rank {rank}: want less than {want}, or for an I/O node its address")
            }
            Self::IoRank { rank, want } => write!(f, "I/O node at address {rank}: want {want}"),
            Self::Text(what) => write!(f, "its {what} is not text of at most 32 bytes"),
        }
    }
}

impl Error for Flaw {}
