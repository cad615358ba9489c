//! Names with generations: a place in a table, and a number that no other use of that place has. A name that
//! is stale finds nothing.

pub(crate) use crate::host::SessionSlot;

/// A session: its slot, by which paths and the host know it, and its number on the children.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct SessionId {
    /// Its place in the table.
    pub slot: SessionSlot,
    /// A number that no other session of this run has; 0 is none's.
    pub serial: u32,
}

/// A place in a `Slab`, and which use of it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Key {
    /// The place.
    pub index: u16,
    /// The use; 0 is none's.
    pub seq: u32,
}

impl Key {
    /// As the cursor of a reader, where 0 is nothing.
    pub(crate) fn cursor(self) -> u64 {
        u64::from(self.seq) << 16 | u64::from(self.index)
    }

    /// What a cursor names.
    pub(crate) fn of(cursor: u64) -> Self {
        Self { index: cursor as u16, seq: (cursor >> 16) as u32 }
    }
}

/// A command to many.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct GatherId(pub Key);

/// A status text that is being read.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct TextId(pub Key);

/// A trace that is being gathered or read.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct FoldId(pub Key);
