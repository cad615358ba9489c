//! What identifies a file: the qid of the protocol, and how its path is laid out in every node.
//!
//! ```text
//! bit 63 62       39 38         27 26                 6 5      0
//!    | 0 |    0    | session + 1 |     member + 1     |  file  |    a file of this node
//!    | 1 |                        mixed                        |    a file of a child, see `through`
//! ```
//! Zero in a field means: none.

use crate::limits::{CHILDREN_MAX, MEMBERS_MAX};
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
const MEMBER_BITS: u32 = 21;
const SESSION_BITS: u32 = 12;
const _: () = assert!(MEMBERS_MAX < 1 << MEMBER_BITS, "a member's number and one more fit");
/// Set in the path of every file that is another node's.
const AWAY: u64 = 1 << 63;

/// Where a file is on this node, as the path field of its qid has it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Path(pub u64);

impl Path {
    /// Of what is another node's and has no place here.
    pub const ELSEWHERE: Self = Self(AWAY);

    /// File number `file` (below 64) of the root.
    pub const fn root(file: u8) -> Self {
        Self(file as u64)
    }

    /// File number `file` of session slot `slot` (below 4095).
    pub fn session(slot: u16, file: u8) -> Self {
        assert!((slot as u64) < (1 << SESSION_BITS) - 1, "session slots fit the path");
        Self((slot as u64 + 1) << (FILE_BITS + MEMBER_BITS) | file as u64)
    }

    /// File number `file` of member `member` (below `MEMBERS_MAX`) of session slot `slot`.
    pub fn member(slot: u16, member: u32, file: u8) -> Self {
        assert!(member < MEMBERS_MAX, "members fit the path");
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

    /// The session slot of a path that is a session's or a member's.
    pub fn session_slot(self) -> u16 {
        let slot = self.slot();
        assert!(slot.is_some(), "a session's directory is asked for its own paths alone");
        slot.unwrap_or_default()
    }

    /// The member number, if it is a member's.
    pub fn member_number(self) -> Option<u32> {
        let field = self.0 >> FILE_BITS & ((1 << MEMBER_BITS) - 1);
        (field as u32).checked_sub(1)
    }

    /// The directory of the child `rank` in `net`.
    pub fn child(rank: Rank, net: u8) -> Self {
        Self((rank.index() as u64 + 1) << FILE_BITS | net as u64)
    }

    /// The child whose directory it is, of a path without a session.
    pub fn child_rank(self) -> Option<Rank> {
        Rank::new(self.member_number()? as usize)
    }

    /// The path of a child's file as seen one level up, through the child `rank`.
    ///
    /// Levels nest without end and 64 bits do not, so the path is mixed with the rank instead of being
    /// laid out: two files of one child never share a path but for bit 63, two of different children with a
    /// chance of one in 2^63.
    pub fn through(path: u64, rank: Rank) -> u64 {
        Self::mix(path, rank.index() as u64 + 1)
    }

    /// The path of a parent's file as its child sees it.
    pub fn above(path: u64) -> u64 {
        Self::mix(path, CHILDREN_MAX as u64 + 1)
    }

    /// The directory of the parent in `net`.
    pub fn parent(net: u8) -> Self {
        Self((CHILDREN_MAX as u64 + 1) << FILE_BITS | net as u64)
    }

    fn mix(path: u64, number: u64) -> u64 {
        // The finalizer of splitmix64 (Vigna, public domain): a bijection of 64 bits.
        let mut mixed = path.wrapping_add(number.wrapping_mul(0x9e37_79b9_7f4a_7c15));
        mixed = (mixed ^ mixed >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ mixed >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
        (mixed ^ mixed >> 31) | AWAY
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_fields_of_a_path_do_not_overlap() {
        let path = Path::member(4094 - 1, MEMBERS_MAX - 1, 63);
        assert_eq!(path.slot(), Some(4093));
        assert_eq!(path.member_number(), Some(MEMBERS_MAX - 1));
        assert_eq!(path.file(), 63);
        assert_eq!(Path::root(5).slot(), None);
        assert_eq!(Path::session(0, 1).member_number(), None);
        let rank = Rank::new(63).expect("below 64");
        assert_eq!(Path::child(rank, 9).child_rank(), Some(rank));
        assert_eq!((Path::child(rank, 9).slot(), Path::child(rank, 9).file()), (None, 9));
    }

    #[test]
    fn files_of_many_nodes_at_five_levels_have_paths_of_their_own() {
        let mut paths = std::collections::BTreeSet::new();
        let mut count = 0;
        for ranks in 0..4_u64.pow(5) {
            for file in 0..64 {
                let leaf = Path::member((file % 4) as u16, file, file as u8).0;
                let rank = |level: u64| Rank::new((ranks >> (2 * level) & 3) as usize).expect("below 64");
                paths.insert((0..5).fold(leaf, |path, level| Path::through(path, rank(level))));
                count += 1;
            }
        }
        assert_eq!(paths.len(), count);
        assert!(paths.iter().all(|path| path >> 63 == 1), "none is a file of the top");
    }
}
