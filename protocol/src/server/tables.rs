//! Tables in which what belongs to a link is found by its number there, in a few steps however much others
//! have: slots, those that are free in a list, and an index of the others.
//!
//! It knows nothing of what is kept. A table whose index has no room is searched, which is right for few.

use crate::slots::Slots;
use core::marker::PhantomData;

/// A slot's number in a list, or none.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Place(u16);

impl Place {
    /// The end of a list.
    pub(super) const NONE: Self = Self(u16::MAX);

    /// A slot's.
    pub(super) fn of(slot: usize) -> Self {
        Self(slot as u16)
    }

    /// The slot, if it is one.
    pub(super) fn slot(self) -> Option<usize> {
        (self != Self::NONE).then_some(usize::from(self.0))
    }
}

impl Default for Place {
    fn default() -> Self {
        Self::NONE
    }
}

/// What has a number on a link.
pub(super) trait Keyed {
    /// Its link in the upper half and its number there: they stay as they are while it is kept.
    fn key(&self) -> u64;
}

/// A slot of a table: what is kept, or the next slot that is free.
#[derive(Clone, Copy, Debug)]
pub struct Slot<V>(State<V>);

#[derive(Clone, Copy, Debug)]
enum State<V> {
    Free(Place),
    Used(V),
}

impl<V> Default for Slot<V> {
    fn default() -> Self {
        Self(State::Free(Place::NONE))
    }
}

impl<V> Slot<V> {
    fn used(&self) -> Option<&V> {
        match &self.0 {
            State::Used(value) => Some(value),
            State::Free(_) => None,
        }
    }
}

/// Slots and an index of them: a place has a slot's number and one, or 0. Who is looked for is in the first
/// place from the hash of their key on, or in one of those behind it up to one that is 0.
pub(super) struct Table<V, S, I> {
    slots: S,
    index: I,
    /// The first of the free slots that were used before.
    free: Place,
    /// Slots from here on were never used.
    fresh: u16,
    kept: PhantomData<V>,
}

impl<V: Keyed, S: Slots<Slot<V>>, I: Slots<u16>> Default for Table<V, S, I> {
    fn default() -> Self {
        let table =
            Self { slots: S::make(), index: I::make(), free: Place::NONE, fresh: 0, kept: PhantomData };
        table.check_index();
        table
    }
}

impl<V: Keyed, S: Slots<Slot<V>>, I: Slots<u16>> Table<V, S, I> {
    /// Takes the memory for all that there is to be.
    pub(super) fn reserve(&mut self) {
        self.slots.reserve();
        self.index.reserve();
    }

    /// What a slot keeps; nothing for one that is free, or is none of the table's.
    pub(super) fn get(&self, slot: usize) -> Option<&V> {
        self.slots.slots().get(slot)?.used()
    }

    /// The same, to be changed but for its key.
    pub(super) fn get_mut(&mut self, slot: usize) -> Option<&mut V> {
        match &mut self.slots.slots_mut().get_mut(slot)?.0 {
            State::Used(value) => Some(value),
            State::Free(_) => None,
        }
    }

    /// All that is kept, with its slots.
    pub(super) fn iter(&self) -> impl Iterator<Item = (usize, &V)> {
        let touched = self.slots.slots()[..self.fresh as usize].iter().enumerate();
        touched.filter_map(|(slot, kept)| Some((slot, kept.used()?)))
    }

    /// Slots that may keep something: those from there on do not.
    pub(super) fn end(&self) -> usize {
        self.fresh as usize
    }

    /// The slot of one that has this key. A link has `count` of them at most: a search ends at the last.
    pub(super) fn find(&self, key: u64, count: usize) -> Option<usize> {
        if count == 0 {
            return None;
        }
        let mask = self.mask();
        if mask == 0 {
            let mut its = self.iter().filter(|(_, value)| value.key() >> 32 == key >> 32).take(count);
            return its.find(|(_, value)| value.key() == key).map(|(slot, _)| slot);
        }
        let index = self.index.slots();
        let mut place = hash(key) & mask;
        while index[place] != 0 {
            let slot = usize::from(index[place]) - 1;
            if self.get(slot).is_some_and(|value| value.key() == key) {
                return Some(slot);
            }
            place = (place + 1) & mask;
        }
        None
    }

    /// The slot that is taken next; none if all are.
    pub(super) fn vacant(&mut self) -> Option<usize> {
        if let Some(slot) = self.free.slot() {
            return Some(slot);
        }
        let (fresh, had) = (usize::from(self.fresh), self.slots.slots().len());
        if fresh == had {
            if !self.slots.grow() {
                return None;
            }
            self.renew_index();
        }
        Some(fresh)
    }

    /// Keeps something in the slot that `vacant` says.
    pub(super) fn put(&mut self, slot: usize, value: V) {
        let key = value.key();
        let State::Free(next) = self.slots.slots()[slot].0 else { unreachable!("a vacant slot is free") };
        if self.free.slot() == Some(slot) {
            self.free = next;
        } else {
            assert!(slot == usize::from(self.fresh), "slots are taken in order");
            self.fresh += 1;
        }
        self.slots.slots_mut()[slot] = Slot(State::Used(value));
        self.enter(slot, key);
    }

    /// Keeps it no longer.
    pub(super) fn take(&mut self, slot: usize) -> Option<V> {
        let key = self.get(slot)?.key();
        self.leave(slot, key);
        let kept = core::mem::replace(&mut self.slots.slots_mut()[slot], Slot(State::Free(self.free)));
        self.free = Place::of(slot);
        match kept.0 {
            State::Used(value) => Some(value),
            State::Free(_) => None,
        }
    }

    /// A search of the index ends at a place that is 0.
    fn check_index(&self) {
        let (places, slots) = (self.index.slots().len(), self.slots.slots().len());
        let ends = places.is_power_of_two() && places > slots;
        assert!(places == 0 || ends, "an index is a power of two and larger than its table");
    }

    /// What a hash is cut to; 0 where there is no index.
    fn mask(&self) -> usize {
        self.index.slots().len().saturating_sub(1)
    }

    /// Makes the index at least twice as large as the table, if it can be, and enters all that is kept.
    fn renew_index(&mut self) {
        while self.index.slots().len() < 2 * self.slots.slots().len() {
            if !self.index.grow() {
                break;
            }
        }
        self.check_index();
        self.index.slots_mut().fill(0);
        for slot in 0..self.end() {
            if let Some(key) = self.get(slot).map(V::key) {
                self.enter(slot, key);
            }
        }
    }

    fn enter(&mut self, slot: usize, key: u64) {
        let mask = self.mask();
        if mask == 0 {
            return;
        }
        let index = self.index.slots_mut();
        let mut place = hash(key) & mask;
        while index[place] != 0 {
            place = (place + 1) & mask;
        }
        index[place] = slot as u16 + 1;
    }

    /// Empties the place of a slot, and moves those behind it up that would not be found any more.
    fn leave(&mut self, slot: usize, key: u64) {
        let mask = self.mask();
        if mask == 0 {
            return;
        }
        let mut place = hash(key) & mask;
        while usize::from(self.index.slots()[place]) != slot + 1 {
            place = (place + 1) & mask;
        }
        let mut next = place;
        loop {
            next = (next + 1) & mask;
            let other = self.index.slots()[next];
            let Some(value) = usize::from(other).checked_sub(1).and_then(|slot| self.get(slot)) else {
                break;
            };
            let first = hash(value.key()) & mask;
            // From its first place on, this one is not before the empty one.
            if next.wrapping_sub(first) & mask >= next.wrapping_sub(place) & mask {
                self.index.slots_mut()[place] = other;
                place = next;
            }
        }
        self.index.slots_mut()[place] = 0;
    }
}

/// Where to look first: numbers next to each other are far from each other.
fn hash(key: u64) -> usize {
    (key.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 40) as usize
}

#[cfg(test)]
#[path = "tables_tests.rs"]
mod tests;
