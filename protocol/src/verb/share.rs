//! The line that shares a session's members out to children; who gets how many is the parent's to decide.

use super::word::{next, only};
use super::{Command, Layout};
use crate::limits::{CHILDREN_MAX, MEMBERS_MAX};
use crate::quote::Words;
use crate::set::Rank;
use core::fmt;

/// Members by rank.
pub type Counts = [u32; CHILDREN_MAX];

/// How many members each child takes and which numbers they have. One line of one length for all children:
/// each takes its own count by its rank.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Share {
    /// Members of the whole session.
    pub size: u32,
    /// The number of the first of those shared out here.
    pub first: u32,
    /// The distance between two neighbours of those shared out here.
    pub stride: u32,
    /// How they lie.
    pub layout: Layout,
    /// How many each rank takes.
    pub counts: Counts,
}

/// Hexadecimal digits of a count.
const DIGITS: usize = 6;
const _: () = assert!(MEMBERS_MAX < 1 << (4 * DIGITS));

impl Share {
    pub(super) const USAGE: &'static str =
        "shares SIZE FIRST STRIDE b|c COUNTS (hexadecimal: 8, 8, 8, 64 x 6 digits)";

    /// The members that `rank` takes: the first number, the distance between two, and how many.
    pub fn own(&self, rank: Rank) -> (u32, u32, u32) {
        let count = self.counts[rank.index()];
        let before = &self.counts[..rank.index()];
        match self.layout {
            Layout::Block => {
                let skip = before.iter().sum::<u32>();
                (self.first.wrapping_add(skip.wrapping_mul(self.stride)), self.stride, count)
            }
            Layout::Cyclic => {
                let takers = |counts: &[u32]| counts.iter().filter(|n| **n > 0).count() as u32;
                let stride = self.stride.wrapping_mul(takers(&self.counts));
                (self.first.wrapping_add(takers(before).wrapping_mul(self.stride)), stride, count)
            }
        }
    }

    /// All the numbers shared out are below `size` and fit a qid, and no two ranks have one in common.
    pub fn is_sound(&self) -> bool {
        let total = self.counts.iter().map(|n| u64::from(*n)).sum::<u64>();
        let last = u64::from(self.first) + total.saturating_sub(1) * u64::from(self.stride);
        let mut previous = u32::MAX;
        let even = self.layout == Layout::Block
            || self.counts.iter().filter(|n| **n > 0).all(|n| {
                let falls = *n <= previous;
                previous = *n;
                falls
            });
        let fits = self.size <= MEMBERS_MAX && last < u64::from(self.size);
        self.stride > 0 && total > 0 && fits && even
    }
}

/// Writes the line, always of the same length.
impl fmt::Display for Share {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let letter = if self.layout == Layout::Block { 'b' } else { 'c' };
        write!(f, "shares {:08x} {:08x} {:08x} {letter} ", self.size, self.first, self.stride)?;
        self.counts.iter().try_for_each(|count| write!(f, "{count:06x}"))
    }
}

pub(super) fn share(mut words: Words<'_>) -> Option<Command<'_>> {
    let mut hex = || u32::from_str_radix(next(&mut words)?.plain()?, 16).ok();
    let (size, first, stride) = (hex()?, hex()?, hex()?);
    let layout = match next(&mut words)?.plain()? {
        "b" => Layout::Block,
        "c" => Layout::Cyclic,
        _ => return None,
    };
    let text = only(words)?.plain()?;
    let mut counts = [0; CHILDREN_MAX];
    if text.len() != DIGITS * CHILDREN_MAX {
        return None;
    }
    for (rank, count) in counts.iter_mut().enumerate() {
        *count = u32::from_str_radix(text.get(DIGITS * rank..DIGITS * (rank + 1))?, 16).ok()?;
    }
    let share = Share { size, first, stride, layout, counts };
    share.is_sound().then_some(Command::Shares(share))
}
