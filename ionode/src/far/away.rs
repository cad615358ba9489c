//! Which file of another node a fid of a client holds, as the one number that the server half keeps of it.

use crate::ground::bounds::UP_FIDS;
use crate::ground::id::SessionSlot;
use protocol::limits::CHILDREN_MAX;
use protocol::message::Fid;
use protocol::set::Rank;

/// How a hold names a file of another node: by child and fid, or a member's directory by session and number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Away {
    /// A fid of ours on a child.
    File(Rank, Fid),
    /// A fid of ours on the parent, of the link with that number.
    Up(u16, Fid),
    /// A member's directory, before a walk has made a fid for it.
    Member(SessionSlot, u32),
}

const MEMBER: u32 = 1 << 31;
const FID_BITS: u32 = 24;
const NUMBER_BITS: u32 = 20;
/// The parent in the place of a rank, and the bits of a fid there.
const PARENT: u32 = CHILDREN_MAX as u32 + 1;
const UP_BITS: u32 = 10;
/// Links to the parent that are told apart: a fid is not kept through so many of them.
pub(crate) const UP_LINKS: u16 = 1 << (FID_BITS - UP_BITS);
const _: () = assert!(UP_FIDS <= 1 << UP_BITS);

impl Away {
    /// The number that the server half keeps, never 0.
    pub(crate) fn number(self) -> u32 {
        match self {
            Self::File(rank, fid) => (rank.index() as u32 + 1) << FID_BITS | fid.0,
            Self::Up(link, fid) => PARENT << FID_BITS | u32::from(link) << UP_BITS | fid.0,
            Self::Member(slot, number) => MEMBER | u32::from(slot) << NUMBER_BITS | number,
        }
    }

    /// What a number names.
    pub(crate) fn of(number: u32) -> Option<Self> {
        if number & MEMBER != 0 {
            let slot = number >> NUMBER_BITS & 0xff;
            return Some(Self::Member(slot as SessionSlot, number & ((1 << NUMBER_BITS) - 1)));
        }
        if number >> FID_BITS == PARENT {
            let link = number >> UP_BITS & u32::from(UP_LINKS - 1);
            return Some(Self::Up(link as u16, Fid(number & ((1 << UP_BITS) - 1))));
        }
        let rank = Rank::new((number >> FID_BITS).checked_sub(1)? as usize)?;
        Some(Self::File(rank, Fid(number & ((1 << FID_BITS) - 1))))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_number_of_a_file_elsewhere_says_where_and_is_never_zero() {
        let rank = Rank::new(63).expect("below 64");
        let first = Rank::new(0).expect("below 64");
        for away in [
            Away::File(rank, Fid((1 << 24) - 1)),
            Away::File(first, Fid(1)),
            Away::Up(UP_LINKS - 1, Fid(UP_FIDS as u32 - 1)),
            Away::Up(0, Fid(2)),
            Away::Member(255, (1 << 20) - 1),
            Away::Member(0, 0),
        ] {
            assert_ne!(away.number(), 0);
            assert_eq!(Away::of(away.number()), Some(away));
        }
    }
}
