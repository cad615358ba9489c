//! Tables with a bound, wherever their memory is: an array in a stub, and in an aggregator one that grows as
//! it is used.

/// A table. Its slots are at their default until they are used, and a slot keeps its number, as the places of
/// a `heapless::Vec` do not.
pub trait Slots<T> {
    /// A table with nothing in it.
    fn make() -> Self;
    /// The slots.
    fn slots(&self) -> &[T];
    /// The slots.
    fn slots_mut(&mut self) -> &mut [T];

    /// Adds slots behind those that there are; false if it has all that it is to have.
    fn grow(&mut self) -> bool {
        false
    }

    /// Takes the memory for all slots that it is to have: growing allocates nothing then.
    fn reserve(&mut self) {}

    /// The first slot that is free, in a table that was grown for it where there is none; none if it is full.
    fn free(&mut self, is_free: impl FnMut(&T) -> bool) -> Option<usize> {
        let count = self.slots().len();
        let free = self.slots().iter().position(is_free);
        free.or_else(|| self.grow().then_some(count))
    }
}

impl<T: Default, const N: usize> Slots<T> for [T; N] {
    fn make() -> Self {
        core::array::from_fn(|_| T::default())
    }

    fn slots(&self) -> &[T] {
        self
    }

    fn slots_mut(&mut self) -> &mut [T] {
        self
    }
}

/// A name with a generation: a place in a table, and which use of that place. A stale one finds nothing.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Key {
    /// The place.
    pub index: u16,
    /// The use; 0 is none's.
    pub seq: u32,
}

impl Key {
    /// As a reader's cursor, where 0 is nothing.
    pub fn cursor(self) -> u64 {
        u64::from(self.seq) << 16 | u64::from(self.index)
    }

    /// What a cursor names.
    pub fn of(cursor: u64) -> Self {
        Self { index: cursor as u16, seq: (cursor >> 16) as u32 }
    }
}

/// A set of sessions, by slot; `WORDS` of 64 each.
#[derive(Clone, Copy, Debug)]
pub struct SlotBits<const WORDS: usize>([u64; WORDS]);

/// A set of an aggregator's sessions.
pub type SlotSet = SlotBits<4>;

impl<const WORDS: usize> Default for SlotBits<WORDS> {
    fn default() -> Self {
        Self([0; WORDS])
    }
}

impl<const WORDS: usize> SlotBits<WORDS> {
    /// Slots it can hold.
    pub const SIZE: usize = 64 * WORDS;

    /// Puts `slot` in.
    pub fn set(&mut self, slot: u16) {
        self.0[slot as usize / 64] |= 1 << (slot % 64);
    }

    /// Takes `slot` out.
    pub fn unset(&mut self, slot: u16) {
        self.0[slot as usize / 64] &= !(1 << (slot % 64));
    }

    /// Who is in it, lowest first.
    pub fn iter(self) -> impl Iterator<Item = u16> {
        let mut left = self;
        core::iter::from_fn(move || left.take_first())
    }

    /// `slot` is in it.
    pub fn has(&self, slot: u16) -> bool {
        self.0[slot as usize / 64] & 1 << (slot % 64) != 0
    }

    /// Takes the lowest out.
    pub fn take_first(&mut self) -> Option<u16> {
        let word = self.0.iter().position(|word| *word != 0)?;
        let bit = self.0[word].trailing_zeros();
        self.0[word] &= self.0[word] - 1;
        Some(word as u16 * 64 + bit as u16)
    }

    /// Nobody is in it.
    pub fn is_empty(&self) -> bool {
        self.0 == [0; WORDS]
    }
}
