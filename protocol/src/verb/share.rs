//! The line that shares a session's members out to children; who gets how many is the parent's to decide.

use super::word::{next, only};
use crate::limits::{CHILDREN_MAX, MEMBERS_MAX};
use crate::quote::Words;
use crate::set::{ChildSet, Rank};
use core::cmp::Ordering;
use core::fmt;

/// How member numbers lie on the children.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Layout {
    /// Neighbours share a node.
    #[default]
    Block,
    /// Neighbours are on different nodes.
    Cyclic,
}

/// How many members each child takes, in the order of their numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Counts {
    /// A word for each child that takes any, its rank above the count; then zeros.
    words: [u32; CHILDREN_MAX],
}

/// Bits of a count.
const COUNT_BITS: u32 = 24;
const COUNT_MASK: u32 = (1 << COUNT_BITS) - 1;
const _: () = assert!(MEMBERS_MAX < 1 << COUNT_BITS && CHILDREN_MAX <= 1 << (32 - COUNT_BITS));

impl Default for Counts {
    fn default() -> Self {
        Self { words: [0; CHILDREN_MAX] }
    }
}

impl Counts {
    /// The children that take any, and how many.
    pub fn iter(&self) -> impl Iterator<Item = (Rank, u32)> + '_ {
        self.words.iter().map_while(|word| parts(*word))
    }

    /// How many members `rank` takes.
    pub fn of(&self, rank: Rank) -> u32 {
        self.iter().find(|(taker, _)| *taker == rank).map_or(0, |(_, count)| count)
    }

    /// How many members each rank takes.
    pub fn by_rank(&self) -> [u32; CHILDREN_MAX] {
        let mut counts = [0; CHILDREN_MAX];
        self.iter().for_each(|(rank, count)| counts[rank.index()] = count);
        counts
    }

    /// How many members there are.
    pub fn sum(&self) -> u32 {
        self.words.iter().map(|word| word & COUNT_MASK).sum()
    }

    /// The children that take any.
    pub fn set(&self) -> ChildSet {
        self.iter().fold(ChildSet::EMPTY, |set, (rank, _)| set.or(ChildSet::one(rank)))
    }

    /// The child whose members come after those of `nth` others.
    pub fn nth(&self, nth: usize) -> Option<Rank> {
        parts(*self.words.get(nth)?).map(|(rank, _)| rank)
    }

    /// Gives a child more members, a new one behind all others; false if it had too many then.
    #[must_use]
    pub fn add(&mut self, rank: Rank, more: u32) -> bool {
        let is_place = |word: &&mut u32| parts(**word).is_none_or(|(taker, _)| taker == rank);
        let Some(word) = self.words.iter_mut().find(is_place) else { return false };
        let count = parts(*word).map_or(0, |(_, count)| count).saturating_add(more);
        if count > 0 && count <= MEMBERS_MAX {
            *word = (rank.index() as u32) << COUNT_BITS | count;
        }
        count <= MEMBERS_MAX
    }

    /// Numbers the members of the children in this order.
    pub fn sort_by(&mut self, order: impl Fn(Rank, Rank) -> Ordering) {
        let len = self.iter().count();
        self.words[..len].sort_unstable_by(|one, other| match (parts(*one), parts(*other)) {
            (Some((one, _)), Some((other, _))) => order(one, other),
            _ => Ordering::Equal,
        });
    }
}

/// The rank and the count of a word; none of one that stands for no child.
fn parts(word: u32) -> Option<(Rank, u32)> {
    let count = word & COUNT_MASK;
    if count == 0 { None } else { Rank::new((word >> COUNT_BITS) as usize).map(|rank| (rank, count)) }
}

/// How many members each child takes and which numbers they have. One line of one length for all children:
/// each finds its own count in it by its rank, and its numbers by what stands before.
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
    /// How many each child takes.
    pub counts: Counts,
}

/// Hexadecimal digits of a word of counts.
const DIGITS: usize = 8;

impl Share {
    pub(super) const USAGE: &'static str =
        "shares SIZE FIRST STRIDE b|c COUNTS (hexadecimal: 8, 8, 8, 64 x 2 of a rank and 6)";

    /// The members that `rank` takes: the first number, the distance between two, and how many.
    pub fn own(&self, rank: Rank) -> (u32, u32, u32) {
        let before = self.counts.iter().take_while(|(taker, _)| *taker != rank);
        let (skip, apart) = match self.layout {
            Layout::Block => (before.map(|(_, count)| count).sum(), 1),
            Layout::Cyclic => (before.count() as u32, self.counts.iter().count() as u32),
        };
        let first = self.first.wrapping_add(skip.wrapping_mul(self.stride));
        (first, self.stride.wrapping_mul(apart), self.counts.of(rank))
    }

    /// All the numbers shared out are below `size` and fit a qid, and no two children have one in common.
    pub fn is_sound(&self) -> bool {
        let total = self.counts.iter().map(|(_, count)| u64::from(count)).sum::<u64>();
        let last = u64::from(self.first) + total.saturating_sub(1) * u64::from(self.stride);
        // A round in which some children have no member is the last.
        let (most, least) = (self.counts.iter().next(), self.counts.iter().last());
        let is_level = most.zip(least).is_some_and(|((_, most), (_, least))| most <= least + 1);
        let falls = self.counts.iter().is_sorted_by(|(_, one), (_, next)| one >= next);
        let even = self.layout == Layout::Block || falls && is_level;
        let fits = self.size <= MEMBERS_MAX && last < u64::from(self.size);
        self.stride > 0 && total > 0 && fits && even
    }
}

/// Writes the line, always of the same length.
impl fmt::Display for Share {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let letter = if self.layout == Layout::Block { 'b' } else { 'c' };
        write!(f, "shares {:08x} {:08x} {:08x} {letter} ", self.size, self.first, self.stride)?;
        self.counts.words.iter().try_for_each(|word| write!(f, "{word:08x}"))
    }
}

pub(super) fn share(mut words: Words<'_>) -> Option<Share> {
    let mut hex = || u32::from_str_radix(next(&mut words)?.plain()?, 16).ok();
    let (size, first, stride) = (hex()?, hex()?, hex()?);
    let layout = match next(&mut words)?.plain()? {
        "b" => Layout::Block,
        "c" => Layout::Cyclic,
        _ => return None,
    };
    let counts = read_counts(only(words)?.plain()?)?;
    let share = Share { size, first, stride, layout, counts };
    share.is_sound().then_some(share)
}

/// The counts of a line, in which no child stands twice.
fn read_counts(text: &str) -> Option<Counts> {
    if text.len() != DIGITS * CHILDREN_MAX {
        return None;
    }
    let mut counts = Counts::default();
    for (nth, word) in counts.words.iter_mut().enumerate() {
        *word = u32::from_str_radix(text.get(DIGITS * nth..DIGITS * (nth + 1))?, 16).ok()?;
    }
    let takers = counts.set().count() as usize;
    let is_sound = takers == counts.iter().count() && counts.words[takers..].iter().all(|word| *word == 0);
    is_sound.then_some(counts)
}
