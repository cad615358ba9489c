//! What identifies a file: the qid of the protocol, and how its path is laid out in every node.
//!
//! ```text
//! bit 63      56 55      48 47      40 39 38 37         26 25                 6 5      0
//!    | hop + 1  |  hop + 1 |  hop + 1 |  0  | session + 1 |     member + 1     |  file  |
//! ```
//! A hop is the rank of the child a file was reached through, the nearest one first; a node prepends its
//! own and the rest move down. Zero in a field means: none.

use crate::set::Rank;

/// Bit of a qid's type and of a stat's mode: a directory.
pub const QTDIR: u8 = 0x80;
/// Bit of a qid's type: every write appends.
pub const QTAPPEND: u8 = 0x40;

/// The server's identity of a file, 13 bytes on the wire.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Qid {
    /// `QTDIR`, `QTAPPEND` or 0.
    pub kind: u8,
    /// Always 0 in what a node serves.
    pub vers: u32,
    /// See the module's drawing.
    pub path: u64,
}

const FILE_BITS: u32 = 6;
const MEMBER_BITS: u32 = 20;
const SESSION_BITS: u32 = 12;
const HOPS_SHIFT: u32 = 40;
const HOPS: u64 = !0 << HOPS_SHIFT;

/// Where a file is on this node, as the path field of its qid has it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Path(pub u64);

impl Path {
    /// File number `file` (below 64) of the root.
    pub const fn root(file: u8) -> Self {
        Self(file as u64)
    }

    /// File number `file` of session slot `slot` (below 4095).
    pub fn session(slot: u16, file: u8) -> Self {
        assert!((slot as u64) < (1 << SESSION_BITS) - 1, "session slots fit the path");
        Self((slot as u64 + 1) << (FILE_BITS + MEMBER_BITS) | file as u64)
    }

    /// File number `file` of member `member` (below 2^20 - 1) of session slot `slot`.
    pub fn member(slot: u16, member: u32, file: u8) -> Self {
        assert!((member as u64) < (1 << MEMBER_BITS) - 1, "members fit the path");
        Self(Self::session(slot, file).0 | (member as u64 + 1) << FILE_BITS)
    }

    /// The file number.
    pub fn file(self) -> u8 {
        (self.0 & ((1 << FILE_BITS) - 1)) as u8
    }

    /// The same directory's file number `file`.
    pub fn beside(self, file: u8) -> Self {
        Self(self.0 & !((1 << FILE_BITS) - 1) | file as u64)
    }

    /// The session slot, if it is a session's or a member's.
    pub fn slot(self) -> Option<u16> {
        let field = self.0 >> (FILE_BITS + MEMBER_BITS) & ((1 << SESSION_BITS) - 1);
        (field as u16).checked_sub(1)
    }

    /// The member number, if it is a member's.
    pub fn member_number(self) -> Option<u32> {
        let field = self.0 >> FILE_BITS & ((1 << MEMBER_BITS) - 1);
        (field as u32).checked_sub(1)
    }

    /// The same file as seen one level up, through the child `rank`. A fourth hop falls off the end.
    pub fn through(path: u64, rank: Rank) -> u64 {
        let hops = (path & HOPS) >> 8 & HOPS;
        path & !HOPS | hops | (rank.index() as u64 + 1) << 56
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_fields_of_a_path_do_not_overlap() {
        let path = Path::member(4094 - 1, (1 << 20) - 3, 63);
        assert_eq!(path.slot(), Some(4093));
        assert_eq!(path.member_number(), Some((1 << 20) - 3));
        assert_eq!(path.file(), 63);
        assert_eq!(Path::root(5).slot(), None);
        assert_eq!(Path::session(0, 1).member_number(), None);
    }

    #[test]
    fn one_file_of_two_children_has_two_paths() {
        let rank = |i| Rank::new(i).expect("below 64");
        let path = Path::session(3, 2).0;
        assert_ne!(Path::through(path, rank(0)), Path::through(path, rank(63)));
        let twice = Path::through(Path::through(path, rank(7)), rank(9));
        assert_eq!(twice >> 56, 10);
        assert_eq!(twice >> 48 & 0xff, 8);
        assert_eq!(twice & !HOPS, path);
    }
}
