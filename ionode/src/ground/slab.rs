//! A table whose entries have names with generations.

use crate::ground::growing::Growing;
use crate::ground::id::Key;
use protocol::slots::Slots;

/// At most `N` entries, each in a place that keeps its number.
#[derive(Debug)]
pub(crate) struct Slab<T, const N: usize> {
    places: Growing<Place<T>, N>,
    /// The generation given last.
    seq: u32,
}

#[derive(Debug)]
struct Place<T> {
    seq: u32,
    entry: Option<T>,
}

impl<T> Default for Place<T> {
    fn default() -> Self {
        Self { seq: 0, entry: None }
    }
}

impl<T, const N: usize> Default for Slab<T, N> {
    fn default() -> Self {
        Self { places: Growing::make(), seq: 0 }
    }
}

impl<T, const N: usize> Slab<T, N> {
    /// Takes the memory for all entries.
    pub(crate) fn reserve(&mut self) {
        self.places.reserve();
    }

    /// Keeps an entry under a new name; none if all places are taken.
    pub(crate) fn put(&mut self, entry: T) -> Option<Key> {
        let index = self.places.free(|place| place.entry.is_none())?;
        // Generation 0 is none's.
        self.seq = self.seq.checked_add(1).unwrap_or(1);
        self.places[index] = Place { seq: self.seq, entry: Some(entry) };
        Some(Key { index: index as u16, seq: self.seq })
    }

    /// The entry of that name.
    pub(crate) fn get(&self, key: Key) -> Option<&T> {
        let place = self.places.get(usize::from(key.index))?;
        place.entry.as_ref().filter(|_| place.seq == key.seq)
    }

    /// The entry of that name.
    pub(crate) fn get_mut(&mut self, key: Key) -> Option<&mut T> {
        let place = self.places.get_mut(usize::from(key.index))?;
        place.entry.as_mut().filter(|_| place.seq == key.seq)
    }

    /// Takes an entry out; its name is stale from then on.
    pub(crate) fn take(&mut self, key: Key) -> Option<T> {
        self.get(key)?;
        self.places[usize::from(key.index)].entry.take()
    }

    /// All entries, by place.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (Key, &T)> {
        let places = self.places.iter().enumerate();
        places.filter_map(|(index, place)| {
            Some((Key { index: index as u16, seq: place.seq }, place.entry.as_ref()?))
        })
    }

    /// The name of the first entry that `is` it.
    pub(crate) fn find(&self, mut is: impl FnMut(&T) -> bool) -> Option<Key> {
        self.iter().find(|(_, entry)| is(entry)).map(|(key, _)| key)
    }

    /// All entries, by place.
    pub(crate) fn values_mut(&mut self) -> impl Iterator<Item = &mut T> {
        self.places.iter_mut().filter_map(|place| place.entry.as_mut())
    }

    /// Every place is taken.
    pub(crate) fn is_full(&self) -> bool {
        self.places.len() == N && self.places.iter().all(|place| place.entry.is_some())
    }

    /// There is no entry.
    pub(crate) fn is_empty(&self) -> bool {
        self.iter().next().is_none()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_that_is_stale_finds_nothing_though_its_place_is_used_again() {
        let mut slab = Slab::<u8, 2>::default();
        let (first, second) = (slab.put(1).expect("it is empty"), slab.put(2).expect("one is left"));
        assert_eq!((slab.put(3), slab.take(first), slab.take(first)), (None, Some(1), None));
        let again = slab.put(3).expect("one went");
        assert_eq!((again.index, slab.get(first), slab.get(again)), (first.index, None, Some(&3)));
        assert_eq!(slab.iter().map(|(key, _)| key).collect::<Vec<_>>(), [again, second]);
        assert_eq!(Key::of(again.cursor()), again);
        assert_eq!(slab.get(Key::of(0)), None);
    }
}
