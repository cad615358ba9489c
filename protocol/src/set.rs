//! Sets of children: one bit a rank.

use crate::limits::CHILDREN_MAX;

/// A child's number within its parent's pset, 0 to 63.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rank(u8);

impl Rank {
    /// The rank `index`, if it is below `CHILDREN_MAX`.
    pub fn new(index: usize) -> Option<Self> {
        if index < CHILDREN_MAX { Some(Self(index as u8)) } else { None }
    }

    /// Its position in a table of children.
    pub fn index(self) -> usize {
        self.0 as usize
    }
}

/// A set of children.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ChildSet(pub u64);

impl ChildSet {
    /// Nobody.
    pub const EMPTY: Self = Self(0);

    /// One child alone.
    pub fn one(rank: Rank) -> Self {
        Self(1 << rank.0)
    }

    /// Nobody is in it.
    pub fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// How many are in it.
    pub fn count(self) -> u32 {
        self.0.count_ones()
    }

    /// `rank` is in it.
    pub fn has(self, rank: Rank) -> bool {
        self.0 & (1 << rank.0) != 0
    }

    /// Puts `rank` in.
    pub fn add(&mut self, rank: Rank) {
        self.0 |= 1 << rank.0;
    }

    /// Takes `rank` out; true if it was in.
    pub fn cut(&mut self, rank: Rank) -> bool {
        let had = self.has(rank);
        self.0 &= !(1 << rank.0);
        had
    }

    /// Those in both.
    pub fn and(self, other: Self) -> Self {
        Self(self.0 & other.0)
    }

    /// Those in either.
    pub fn or(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    /// Those in this one and not in `other`.
    pub fn less(self, other: Self) -> Self {
        Self(self.0 & !other.0)
    }

    /// The lowest rank in it.
    pub fn first(self) -> Option<Rank> {
        if self.0 == 0 { None } else { Rank::new(self.0.trailing_zeros() as usize) }
    }
}

impl Iterator for ChildSet {
    type Item = Rank;
    fn next(&mut self) -> Option<Rank> {
        let first = self.first()?;
        self.cut(first);
        Some(first)
    }
}
