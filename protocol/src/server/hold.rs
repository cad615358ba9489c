//! The fids of the server half: which holds what.

use super::tables::Keyed;
use super::{Bounds, Hold, LinkId, Server, Tree};
use crate::ename::Ename;
use crate::message::Fid;
use crate::qid::Path;
use crate::slots::Slots;

impl LinkId {
    /// What a number on this link is found by.
    pub(super) fn key(self, number: u32) -> u64 {
        u64::from(self.0) << 32 | u64::from(number)
    }
}

impl Keyed for Hold {
    fn key(&self) -> u64 {
        self.link.key(self.fid.0)
    }
}

impl<B: Bounds> Server<B> {
    pub(super) fn find_fid(&self, link: LinkId, fid: Fid) -> Result<usize, Ename> {
        let count = self.links.slots()[link.0 as usize].fids as usize;
        self.fids.find(link.key(fid.0), count).ok_or(Ename::BadFid)
    }

    /// A free entry for a fid that must not be in use, within the link's bound.
    pub(super) fn free_fid(&mut self, link: LinkId, fid: Fid) -> Result<usize, Ename> {
        if fid == Fid::NONE {
            return Err(Ename::BadFid);
        }
        if self.find_fid(link, fid).is_ok() {
            return Err(Ename::FidInUse);
        }
        let state = &self.links.slots()[link.0 as usize];
        if state.fids >= state.caps.fids {
            return Err(Ename::TooManyFiles);
        }
        self.fids.vacant().ok_or(Ename::TooManyFiles)
    }

    /// Has an entry, which is this fid's or free, hold that.
    pub(super) fn set_fid(&mut self, index: usize, fid: Fid, hold: Hold) {
        let hold = Hold { fid, ..hold };
        match self.fids.get_mut(index) {
            Some(own) => *own = hold,
            None => {
                self.links.slots_mut()[hold.link.0 as usize].fids += 1;
                self.fids.put(index, hold);
            }
        }
    }

    pub(super) fn hold(&self, index: usize) -> Hold {
        match self.fids.get(index) {
            Some(hold) => *hold,
            None => unreachable!("an index comes from a fid that was found"),
        }
    }

    pub(super) fn fid_mut(&mut self, index: usize) -> &mut Hold {
        match self.fids.get_mut(index) {
            Some(hold) => hold,
            None => unreachable!("an index comes from a fid that was found"),
        }
    }

    /// A read that has nothing to give is the rest of a kernel's, see `Pace`. A node reads for others.
    pub(super) fn ends_read(&mut self, link: LinkId, entry: usize, (offset, count): (u64, u32)) -> bool {
        let is_node = self.links.slots()[link.0 as usize].caps.node;
        let hold = self.fid_mut(entry);
        hold.is_stream() && !is_node && hold.pace.continues(offset, count)
    }

    /// Frees a fid, of which the tree hears.
    pub(super) fn drop_fid(&mut self, index: usize, tree: &mut impl Tree, clean: bool) {
        let hold = self.free_entry(index);
        tree.clunk(&hold, clean);
    }

    /// Frees a fid's entry: what it held.
    pub(super) fn free_entry(&mut self, index: usize) -> Hold {
        let Some(hold) = self.fids.take(index) else { unreachable!("a fid that is freed was found") };
        let count = &mut self.links.slots_mut()[hold.link.0 as usize].fids;
        assert!(*count > 0, "a link's fids are counted");
        *count -= 1;
        hold
    }

    /// The files that `these` names are gone: their fids stay until they are clunked and answer so.
    pub fn sever(&mut self, tree: &mut impl Tree, mut these: impl FnMut(Path) -> bool) {
        for index in 0..self.fids.end() {
            let Some(hold) = self.fids.get_mut(index) else { continue };
            if hold.away == 0 && !hold.dead && these(hold.path) {
                hold.dead = true;
                self.interrupt(index, tree);
            }
        }
    }

    /// The holds of all fids, for counting what is open.
    pub fn holds(&self) -> impl Iterator<Item = &Hold> {
        self.fids.iter().map(|(_, hold)| hold)
    }

    /// The file here that a fid holds, for checkers; none for one that is gone, or another node's.
    pub fn path_of(&self, link: LinkId, fid: Fid) -> Option<Path> {
        let hold = self.hold(self.find_fid(link, fid).ok()?);
        (hold.away == 0 && !hold.dead).then_some(hold.path)
    }
}
