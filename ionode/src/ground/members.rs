//! Who has which members of a session: how many each child has, and which numbers those have.

use protocol::set::{ChildSet, Rank};
use protocol::verb::{Counts, Layout, Share};

/// The members of a session at or below this node. A member has a place among those here, and a number in the
/// whole session.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Members {
    /// Members of each child, in the order of their numbers.
    pub counts: Counts,
    /// How their numbers lie.
    pub layout: Layout,
    /// The number of the first here, and the distance between two.
    pub first: u32,
    /// See `first`.
    pub stride: u32,
    /// Members of the whole session, here and elsewhere; 0 where it was made here.
    pub whole: u32,
}

impl Default for Members {
    fn default() -> Self {
        Self { counts: Counts::default(), layout: Layout::Block, first: 0, stride: 1, whole: 0 }
    }
}

impl Members {
    /// Members here.
    pub(crate) fn size(&self) -> u32 {
        self.counts.sum()
    }

    /// Members of the whole session, here and elsewhere.
    pub(crate) fn total(&self) -> u32 {
        if self.whole > 0 { self.whole } else { self.size() }
    }

    /// The number of the member in that place.
    pub(crate) fn number(&self, index: u32) -> u32 {
        self.first + index * self.stride
    }

    /// The place of the member with that number.
    pub(crate) fn index(&self, number: u32) -> Option<u32> {
        let over = number.checked_sub(self.first)?;
        let index = over / self.stride;
        (over % self.stride == 0 && index < self.size()).then_some(index)
    }

    /// Children that have members.
    pub(crate) fn set(&self) -> ChildSet {
        self.counts.set()
    }

    /// What the share line says to all children of their members.
    pub(crate) fn share(&self) -> Share {
        let Self { first, stride, layout, counts, .. } = *self;
        Share { size: self.total(), first, stride, layout, counts }
    }

    /// The places of a child's members.
    pub(crate) fn places(&self, rank: Rank) -> impl Iterator<Item = u32> + use<> {
        let plain =
            Share { size: self.size(), first: 0, stride: 1, layout: self.layout, counts: self.counts };
        let (first, stride, count) = plain.own(rank);
        (0..count).map(move |i| first + i * stride)
    }

    /// The numbers of a child's members.
    pub(crate) fn numbers(&self, rank: Rank) -> impl Iterator<Item = u32> + use<> {
        let (first, stride) = (self.first, self.stride);
        self.places(rank).map(move |index| first + index * stride)
    }

    /// The child that has the member with that number.
    pub(crate) fn child_of(&self, number: u32) -> Option<Rank> {
        self.child_at(self.index(number)?)
    }

    /// The child that has the member in that place.
    pub(crate) fn child_at(&self, index: u32) -> Option<Rank> {
        let mut left = index;
        match self.layout {
            Layout::Block => {
                let holds = |(_, count): &(Rank, u32)| match left.checked_sub(*count) {
                    Some(rest) => {
                        left = rest;
                        false
                    }
                    None => true,
                };
                self.counts.iter().find(holds).map(|(rank, _)| rank)
            }
            Layout::Cyclic => {
                let nth = index.checked_rem(self.set().count())?;
                self.counts.nth(nth as usize)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_member_is_on_the_child_that_its_share_says() {
        for layout in [Layout::Block, Layout::Cyclic] {
            let mut members = Members { layout, ..Members::default() };
            for (rank, count) in [(7, 3), (3, 3), (63, 2), (8, 2)] {
                assert!(members.counts.add(Rank::new(rank).expect("below 64"), count));
            }
            (members.first, members.stride) = (5, 3);
            let share = members.share();
            for rank in members.set() {
                let (first, stride, count) = share.own(rank);
                let numbers: Vec<u32> = (0..count).map(|i| first + i * stride).collect();
                assert!(numbers.iter().all(|number| members.child_of(*number) == Some(rank)), "{layout:?}");
                assert_eq!(members.numbers(rank).collect::<Vec<_>>(), numbers, "{layout:?}");
            }
            assert_eq!((members.child_of(4), members.child_of(6), members.child_of(35)), (None, None, None));
        }
    }
}
