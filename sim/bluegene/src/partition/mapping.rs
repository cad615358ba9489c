//! Ranks of processes: in which order coordinates and the place within a node are counted.

use super::torus::{Coord, Shape};
use std::fmt::{self, Display};
use std::str::FromStr;

/// An order of X, Y, Z and T, the fastest first; T is the process within its node. The default is XYZT (mem).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Mapping {
    /// Which digit each is: 0 to 2 for X, Y and Z, 3 for T.
    order: [u8; 4],
}

const LETTERS: [char; 4] = ['X', 'Y', 'Z', 'T'];

impl Mapping {
    /// The default: all nodes' first processes, X fastest, then all their second.
    pub const XYZT: Self = Self { order: [0, 1, 2, 3] };

    /// The rank of a process on a node of a partition whose nodes have so many.
    pub fn rank(self, shape: Shape, processes: u32, coord: Coord, process: u32) -> u32 {
        let [nx, ny, nz] = shape.0.map(u32::from);
        let [x, y, z] = coord.0.map(u32::from);
        let (sizes, digits) = ([nx, ny, nz, processes], [x, y, z, process]);
        let add = |rank, digit: u8| rank * sizes[usize::from(digit)] + digits[usize::from(digit)];
        self.order.into_iter().rev().fold(0, add)
    }

    /// The node and the process of a rank.
    pub fn place(self, shape: Shape, processes: u32, rank: u32) -> (Coord, u32) {
        let [nx, ny, nz] = shape.0.map(u32::from);
        let sizes = [nx, ny, nz, processes];
        let (mut digits, mut left) = ([0; 4], rank);
        for digit in self.order.map(usize::from) {
            digits[digit] = left % sizes[digit];
            left /= sizes[digit];
        }
        let [x, y, z, process] = digits;
        (Coord([x, y, z].map(|at| at as u8)), process)
    }
}

impl Default for Mapping {
    fn default() -> Self {
        Self::XYZT
    }
}

impl Display for Mapping {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.order.into_iter().try_for_each(|digit| write!(f, "{}", LETTERS[usize::from(digit)]))
    }
}

impl FromStr for Mapping {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let wrong = || format!("mapping '{text}': want each of X, Y, Z and T once, the fastest first: XYZT");
        let digit = |letter: char| LETTERS.iter().position(|known| *known == letter.to_ascii_uppercase());
        let digits: Option<Vec<u8>> = text.chars().map(|letter| Some(digit(letter)? as u8)).collect();
        let order: [u8; 4] = digits.and_then(|digits| digits.try_into().ok()).ok_or_else(wrong)?;
        let is_all = (0..4).all(|digit| order.contains(&digit));
        if is_all { Ok(Self { order }) } else { Err(wrong()) }
    }
}
