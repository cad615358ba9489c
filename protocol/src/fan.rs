//! A parent's numbers towards its children. What goes to many is encoded once, with the same fid and the
//! same tag on every child; so each fid has the set of children where it is established (`holds`), each tag
//! the set of those that have not answered (`owes`), and a number is free when its sets are empty.

use crate::expect::Expected;
use crate::message::{Fid, Rmsg, Tag};
use crate::set::{ChildSet, Rank};
use crate::slots::Slots;

/// An entry of the fid table.
#[derive(Clone, Copy, Debug, Default)]
pub struct FanFid {
    used: bool,
    /// Where a walk to it was sent and not refused.
    holds: ChildSet,
    /// Where a clunk of it was sent and not answered.
    owes: ChildSet,
    clunked: bool,
    /// Questions about it that are not answered, each to one child: an inner one may answer its clunk before
    /// them. While it is not used, the fid that is free after it, or 0.
    asked: u16,
}

/// The fids of a parent on all its children.
#[derive(Debug)]
pub struct Fids<S> {
    slots: S,
    /// The first fid that is free and was used, or 0.
    free: u16,
    /// Slots from here on were never used.
    fresh: u16,
}

impl<S: Slots<FanFid>> Default for Fids<S> {
    fn default() -> Self {
        Self { slots: S::make(), free: 0, fresh: 0 }
    }
}

impl<S: Slots<FanFid>> Fids<S> {
    /// Takes the memory for all numbers that there are to be.
    pub fn reserve(&mut self) {
        self.slots.reserve();
    }

    /// A number that no child has.
    pub fn take(&mut self) -> Option<Fid> {
        let fid = if self.free == 0 {
            if usize::from(self.fresh) == self.slots.slots().len() && !self.slots.grow() {
                return None;
            }
            self.fresh += 1;
            self.fresh
        } else {
            self.free
        };
        let slot = &mut self.slots.slots_mut()[usize::from(fid) - 1];
        if fid == self.free {
            self.free = slot.asked;
        }
        *slot = FanFid { used: true, ..FanFid::default() };
        Some(Fid(u32::from(fid)))
    }

    /// Frees a fid that is clunked when nobody owes anything to it.
    fn settle(&mut self, fid: Fid) {
        let after = self.free;
        let slot = self.slot(fid);
        if slot.clunked && slot.owes.is_empty() && slot.asked == 0 {
            *slot = FanFid { asked: after, ..FanFid::default() };
            self.free = fid.0 as u16;
        }
    }

    fn slot(&mut self, fid: Fid) -> &mut FanFid {
        let slot = &mut self.slots.slots_mut()[fid.0 as usize - 1];
        assert!(slot.used, "a fid is used between its take and its last answer");
        slot
    }

    /// A walk to it goes to these children.
    pub fn establish(&mut self, fid: Fid, set: ChildSet) {
        let slot = self.slot(fid);
        assert!(!slot.clunked, "a clunked fid is not walked to");
        slot.holds = slot.holds.or(set);
    }

    /// Where it is established, or on its way.
    pub fn holds(&mut self, fid: Fid) -> ChildSet {
        self.slot(fid).holds
    }

    /// A child refused the walk to it.
    pub fn refused(&mut self, fid: Fid, rank: Rank) {
        self.slot(fid).holds.cut(rank);
    }

    /// It is not wanted any more: the children to send its clunk to. If there are none, it is free at once.
    pub fn clunk(&mut self, fid: Fid) -> ChildSet {
        let slot = self.slot(fid);
        assert!(!slot.clunked, "a fid is clunked once");
        let set = core::mem::take(&mut slot.holds);
        (slot.owes, slot.clunked) = (set, true);
        self.settle(fid);
        set
    }

    /// A child is asked something about it, beside walks and clunks of many: until `told` it is nobody
    /// else's.
    pub fn ask(&mut self, fid: Fid) {
        self.slot(fid).asked += 1;
    }

    /// That is answered, or of no interest any more.
    pub fn told(&mut self, fid: Fid) {
        self.slot(fid).asked -= 1;
        self.settle(fid);
    }

    /// A child answered its clunk, in whatever way.
    pub fn clunked(&mut self, fid: Fid, rank: Rank) {
        self.slot(fid).owes.cut(rank);
        self.settle(fid);
    }

    /// A child is gone, and with it all it held.
    pub fn lose(&mut self, rank: Rank) {
        for index in 0..usize::from(self.fresh) {
            let slot = &mut self.slots.slots_mut()[index];
            if slot.used {
                slot.holds.cut(rank);
                slot.owes.cut(rank);
                self.settle(Fid(index as u32 + 1));
            }
        }
    }

    /// Numbers that a child holds, or was told to let go and has not answered.
    pub fn on(&self, rank: Rank) -> usize {
        self.slots.slots().iter().filter(|slot| slot.holds.or(slot.owes).has(rank)).count()
    }

    /// Numbers in use.
    pub fn used(&self) -> usize {
        self.slots.slots().iter().filter(|slot| slot.used).count()
    }
}

/// An entry of the tag table: what was asked, and who has not answered.
#[derive(Clone, Copy, Debug)]
pub struct FanTag<A> {
    ask: Option<A>,
    /// What it may be answered with.
    expected: Expected,
    owes: ChildSet,
    /// Who has not answered its flush: whatever they said before, a new question could be taken for the old.
    flushing: ChildSet,
    /// The owner of a tag that is asked with again keeps it while nobody owes.
    kept: bool,
}

impl<A> Default for FanTag<A> {
    fn default() -> Self {
        let none = ChildSet::EMPTY;
        Self { ask: None, expected: Expected::Any, owes: none, flushing: none, kept: false }
    }
}

/// The tags of a parent on all its children.
#[derive(Debug)]
pub struct Tags<A, S> {
    slots: S,
    ask: core::marker::PhantomData<A>,
    /// Where the search for a free one begins: a number rests before it is used again.
    next: usize,
    used: usize,
}

impl<A: Copy, S: Slots<FanTag<A>>> Default for Tags<A, S> {
    fn default() -> Self {
        Self { slots: S::make(), ask: core::marker::PhantomData, next: 0, used: 0 }
    }
}

impl<A: Copy, S: Slots<FanTag<A>>> Tags<A, S> {
    /// Takes the memory for all numbers that there are to be.
    pub fn reserve(&mut self) {
        self.slots.reserve();
    }

    /// A number that no child owes an answer to, for a question to `set`.
    pub fn take(&mut self, ask: A, set: ChildSet, expected: Expected) -> Option<Tag> {
        self.place(FanTag { ask: Some(ask), expected, owes: set, ..FanTag::default() })
    }

    /// A number for a question that is asked again and again; freed by `free`.
    pub fn keep(&mut self, ask: A) -> Option<Tag> {
        self.place(FanTag { ask: Some(ask), kept: true, ..FanTag::default() })
    }

    fn place(&mut self, tag: FanTag<A>) -> Option<Tag> {
        let count = self.slots.slots().len();
        // While a table can grow half of it rests, and a search for the next that is free is short.
        let is_crowded = 2 * self.used >= count;
        let index = if is_crowded && self.slots.grow() {
            count
        } else {
            let slots = self.slots.slots();
            let free = |index: &usize| slots[*index].ask.is_none();
            (self.next..count).chain(0..self.next).find(free)?
        };
        let slots = self.slots.slots_mut();
        slots[index] = tag;
        self.next = (index + 1) % slots.len();
        self.used += 1;
        Some(Tag(index as u16))
    }

    /// Numbers in use.
    pub fn used(&self) -> usize {
        self.used
    }

    fn slot(&mut self, tag: Tag) -> &mut FanTag<A> {
        let slot = &mut self.slots.slots_mut()[tag.0 as usize];
        assert!(slot.ask.is_some(), "a tag is used until its last answer");
        slot
    }

    /// The question goes to these too; none of them owes an answer to it. It may be out with several
    /// children, each asked for its own length: the longest counts.
    pub fn again(&mut self, tag: Tag, set: ChildSet, expected: Expected) {
        let slot = self.slot(tag);
        assert!(slot.owes.and(set).is_empty(), "one question of a tag at a time is with a child");
        slot.expected = if slot.owes.is_empty() { expected } else { slot.expected.or(expected) };
        slot.owes = slot.owes.or(set);
    }

    /// What an answer with that tag may be.
    pub fn expected(&self, tag: Tag) -> Expected {
        self.slots.slots().get(tag.0 as usize).map_or(Expected::Any, |slot| slot.expected)
    }

    /// Who has not answered.
    pub fn owes(&mut self, tag: Tag) -> ChildSet {
        self.slot(tag).owes
    }

    /// Who owes an answer to a tag; nobody where it is not in use.
    pub fn owed(&self, tag: Tag) -> ChildSet {
        self.slots.slots().get(tag.0 as usize).map_or(ChildSet::EMPTY, |slot| slot.owes)
    }

    /// What a tag is in use for.
    pub fn asked(&self, tag: Tag) -> Option<A> {
        self.slots.slots().get(tag.0 as usize)?.ask
    }

    /// A child answered: what it was asked. `None` if it was not asked, or not that: a botch.
    pub fn answered(&mut self, tag: Tag, rank: Rank, answer: &Rmsg<'_>) -> Option<A> {
        let slot = self.slots.slots().get(tag.0 as usize)?;
        if slot.expected.admits(answer) { self.excuse(tag, rank) } else { None }
    }

    /// A child will not answer any more: what it was asked, if it owed.
    pub fn excuse(&mut self, tag: Tag, rank: Rank) -> Option<A> {
        let slot = self.slots.slots_mut().get_mut(tag.0 as usize)?;
        let ask = slot.ask?;
        if !slot.owes.cut(rank) {
            return None;
        }
        self.settle(tag);
        Some(ask)
    }

    /// The question is not of interest any more: `instead` stands in its place until all who owe have
    /// answered. Those who owe.
    pub fn free(&mut self, tag: Tag, instead: A) -> ChildSet {
        let slot = self.slot(tag);
        let owes = slot.owes;
        (slot.ask, slot.kept) = (Some(instead), false);
        self.settle(tag);
        owes
    }

    /// The same, and all who owe are told: the tag rests until each has answered that.
    pub fn flush(&mut self, tag: Tag, instead: A) -> ChildSet {
        let slot = self.slot(tag);
        slot.flushing = slot.owes;
        self.free(tag, instead)
    }

    /// A child has answered the flush of a tag, or is gone: it owes nothing else to that.
    pub fn flushed(&mut self, tag: Tag, rank: Rank) {
        let slot = self.slot(tag);
        slot.owes.cut(rank);
        slot.flushing.cut(rank);
        self.settle(tag);
    }

    fn settle(&mut self, tag: Tag) {
        let slot = self.slot(tag);
        if slot.owes.or(slot.flushing).is_empty() && !slot.kept {
            *slot = FanTag::default();
            self.used -= 1;
        }
    }

    /// The next question that a child which is gone owes an answer to; it no longer does.
    pub fn lose_one(&mut self, rank: Rank) -> Option<(Tag, A)> {
        let slots = self.slots.slots();
        let index = slots.iter().position(|slot| slot.ask.is_some() && slot.owes.has(rank))?;
        let tag = Tag(index as u16);
        self.excuse(tag, rank).map(|ask| (tag, ask))
    }

    /// The first tag whose question `is` it.
    pub fn find(&self, mut is: impl FnMut(&A) -> bool) -> Option<(Tag, A)> {
        self.waiting().find(|(_, ask, _)| is(ask)).map(|(tag, ask, _)| (tag, ask))
    }

    /// All questions that wait, with who owes an answer.
    pub fn waiting(&self) -> impl Iterator<Item = (Tag, A, ChildSet)> {
        let slots = self.slots.slots().iter().enumerate();
        slots.filter_map(|(index, slot)| slot.ask.map(|ask| (Tag(index as u16), ask, slot.owes)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rank(index: usize) -> Rank {
        Rank::new(index).expect("below 64")
    }

    fn set(ranks: &[usize]) -> ChildSet {
        let mut set = ChildSet::EMPTY;
        ranks.iter().for_each(|index| set.add(rank(*index)));
        set
    }

    #[test]
    fn a_fid_is_free_when_the_last_child_has_answered_its_clunk() {
        let mut fids = Fids::<[FanFid; 1]>::default();
        let fid = fids.take().expect("one is free");
        fids.establish(fid, set(&[1, 2, 3]));
        fids.refused(fid, rank(2));
        assert_eq!(fids.clunk(fid), set(&[1, 3]));
        fids.clunked(fid, rank(1));
        assert_eq!(fids.take(), None);
        fids.lose(rank(3));
        assert_eq!(fids.take(), Some(fid));
    }

    #[test]
    fn fids_that_were_freed_are_used_again_before_others() {
        let mut fids = Fids::<[FanFid; 4]>::default();
        let all: std::vec::Vec<_> = core::iter::from_fn(|| fids.take()).collect();
        assert_eq!(all, [1, 2, 3, 4].map(Fid));
        for fid in [2, 4, 1] {
            assert!(fids.clunk(Fid(fid)).is_empty());
        }
        assert_eq!(fids.used(), 1);
        let again: std::vec::Vec<_> = core::iter::from_fn(|| fids.take()).collect();
        assert_eq!(again, [1, 4, 2].map(Fid));
    }

    #[test]
    fn a_fid_is_not_free_while_something_is_asked_about_it() {
        let mut fids = Fids::<[FanFid; 1]>::default();
        let fid = fids.take().expect("one is free");
        fids.establish(fid, set(&[1]));
        fids.ask(fid);
        assert_eq!(fids.clunk(fid), set(&[1]));
        fids.clunked(fid, rank(1));
        assert_eq!(fids.take(), None);
        fids.refused(fid, rank(1));
        fids.told(fid);
        assert_eq!(fids.take(), Some(fid));
    }

    #[test]
    fn a_tag_rests_until_all_who_owe_have_answered_or_are_gone() {
        let mut tags = Tags::<u8, [FanTag<u8>; 1]>::default();
        let clunk = Expected::Clunk(Fid(1));
        let tag = tags.take(7, set(&[0, 5]), clunk).expect("one is free");
        assert_eq!(tags.answered(tag, rank(4), &Rmsg::Clunk), None);
        assert_eq!(tags.answered(tag, rank(5), &Rmsg::Remove), None);
        assert_eq!(tags.answered(tag, rank(5), &Rmsg::Clunk), Some(7));
        assert_eq!(tags.answered(tag, rank(5), &Rmsg::Clunk), None);
        assert_eq!(tags.free(tag, 9), set(&[0]));
        assert_eq!((tags.take(8, set(&[1]), clunk), tags.used()), (None, 1));
        assert_eq!(tags.answered(tag, rank(0), &Rmsg::Flush), None);
        assert_eq!(tags.lose_one(rank(0)), Some((tag, 9)));
        assert_eq!(tags.used(), 0);
        assert_eq!(tags.take(8, set(&[1]), clunk), Some(tag));
    }

    #[test]
    fn a_tag_that_was_flushed_rests_until_its_rflush_though_its_answer_came_before() {
        let mut tags = Tags::<u8, [FanTag<u8>; 1]>::default();
        let tag = tags.take(7, set(&[0, 5, 6]), Expected::Stat).expect("one is free");
        assert_eq!(tags.excuse(tag, rank(6)), Some(7));
        assert_eq!(tags.flush(tag, 9), set(&[0, 5]));
        for index in [0, 5] {
            assert_eq!(tags.excuse(tag, rank(index)), Some(9));
        }
        assert_eq!((tags.take(8, set(&[1]), Expected::Stat), tags.used()), (None, 1));
        tags.flushed(tag, rank(0));
        assert_eq!(tags.used(), 1);
        tags.flushed(tag, rank(5));
        assert_eq!((tags.used(), tags.take(8, set(&[1]), Expected::Stat)), (0, Some(tag)));
    }

    #[test]
    fn a_kept_tag_is_asked_with_again_and_admits_what_any_child_was_asked() {
        let mut tags = Tags::<u8, [FanTag<u8>; 1]>::default();
        let tag = tags.keep(1).expect("one is free");
        let three = Rmsg::Read { data: b"abc" };
        for (count, of, answer) in [(2, 3, None), (3, 4, Some(1))] {
            tags.again(tag, set(&[of]), Expected::Read(count));
            assert_eq!(tags.answered(tag, rank(of), &three), answer);
        }
        assert_eq!(tags.answered(tag, rank(3), &three), Some(1));
        tags.again(tag, set(&[3, 4]), Expected::Read(2));
        assert_eq!(tags.answered(tag, rank(3), &three), None);
        assert_eq!(tags.free(tag, 2), set(&[3, 4]));
    }
}
