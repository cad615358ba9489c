//! The tables of the server half: which fid holds what, and which request waits on which fid.

use super::{Bounds, Hold, LinkId, Matter, RequestId, Server, Settled, State, Tree, Waiting, mode};
use crate::ename::Ename;
use crate::message::{Fid, Tag};
use crate::qid::Path;
use crate::slots::Slots;

impl<B: Bounds> Server<B> {
    pub(super) fn find_fid(&self, link: LinkId, fid: Fid) -> Result<usize, Ename> {
        // No further than to the link's last: a number that is not in use is asked for with every walk.
        let count = self.links.slots()[link.0 as usize].fids as usize;
        let holds = self.fids.slots().iter().enumerate();
        let holds = holds.filter_map(|(index, entry)| Some((index, entry.hold.as_ref()?)));
        let mut its = holds.filter(|(_, hold)| hold.link == link).take(count);
        its.find(|(_, hold)| hold.fid == fid).map(|(index, _)| index).ok_or(Ename::BadFid)
    }

    /// What waits on a link, no further than to its last.
    fn waiting(&self, link: LinkId) -> impl Iterator<Item = (usize, &Waiting)> {
        let count = self.links.slots()[link.0 as usize].requests as usize;
        let all = self.requests.slots().iter().enumerate();
        all.filter_map(|(at, entry)| Some((at, entry.waiting.as_ref()?)))
            .filter(move |(_, waiting)| waiting.link == link)
            .take(count)
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
        self.fids.free(|entry| entry.hold.is_none()).ok_or(Ename::TooManyFiles)
    }

    pub(super) fn set_fid(&mut self, index: usize, fid: Fid, hold: Hold) {
        let entry = &mut self.fids.slots_mut()[index];
        if entry.hold.is_none() {
            self.links.slots_mut()[hold.link.0 as usize].fids += 1;
        }
        entry.hold = Some(Hold { fid, ..hold });
    }

    pub(super) fn hold(&self, index: usize) -> Hold {
        let hold = self.fids.slots()[index].hold;
        assert!(hold.is_some(), "an index comes from a fid that was found");
        hold.unwrap_or_else(|| unreachable!())
    }

    pub(super) fn fid_mut(&mut self, index: usize) -> &mut Hold {
        match &mut self.fids.slots_mut()[index].hold {
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

    pub(super) fn drop_fid(&mut self, index: usize, tree: &mut impl Tree, clean: bool) {
        let hold = self.hold(index);
        self.fids.slots_mut()[index].hold = None;
        let count = &mut self.links.slots_mut()[hold.link.0 as usize].fids;
        assert!(*count > 0, "a link's fids are counted");
        *count -= 1;
        tree.clunk(&hold, clean);
    }

    /// What waits on a fid: the first of them.
    fn waiting_on(&self, index: usize) -> Option<(usize, Waiting)> {
        let mut waiting = self.waiting(self.hold(index).link);
        waiting.find(|(_, waiting)| waiting.entry as usize == index).map(|(at, waiting)| (at, *waiting))
    }

    /// Answers what still waits on a fid that is about to go.
    pub(super) fn interrupt(&mut self, index: usize, tree: &mut impl Tree) {
        while let Some((at, waiting)) = self.waiting_on(index) {
            let id = RequestId { index: at as u16, seq: waiting.seq };
            match waiting.state {
                State::Parked => {
                    tree.cancel(id);
                    self.settle(id, Settled::Refused(Ename::Interrupted));
                }
                State::Ready => {
                    self.due -= 1;
                    self.waiting_mut(id).state = State::Parked;
                    self.settle(id, Settled::Refused(Ename::Interrupted));
                }
                State::Settled(_) => {}
            }
            self.leave(&waiting, tree);
            self.waiting_mut(id).disown();
            self.waiting_mut(id).entry = u16::MAX;
        }
    }

    /// What still waits on a fid that is about to go is answered without it.
    pub(super) fn orphan(&mut self, index: usize) {
        let waiting = self.requests.slots_mut().iter_mut().filter_map(|entry| entry.waiting.as_mut());
        waiting.filter(|w| w.entry as usize == index).for_each(|w| {
            w.entry = u16::MAX;
            // Its number may be another fid's by the time of the answer.
            w.disown();
        });
    }

    pub(super) fn find_request(&self, link: LinkId, tag: Tag) -> Option<usize> {
        self.waiting(link).find(|(_, waiting)| waiting.tag == tag).map(|(at, _)| at)
    }

    pub(super) fn wait(
        &mut self,
        link: LinkId,
        tag: Tag,
        entry: usize,
        matter: Matter,
        state: State,
    ) -> Result<RequestId, Ename> {
        let bound = &mut self.links.slots_mut()[link.0 as usize];
        if bound.requests >= bound.caps.requests {
            return Err(Ename::Again);
        }
        let index = self.requests.free(|entry| entry.waiting.is_none()).ok_or(Ename::Again)?;
        bound.requests += 1;
        self.waiting += 1;
        self.seq = self.seq.wrapping_add(1);
        if matches!(state, State::Ready) {
            self.due += 1;
        }
        let seq = self.seq;
        let entry = entry as u16;
        let is_read = matches!(state, State::Ready);
        let shape = self.shape;
        self.requests.slots_mut()[index].waiting =
            Some(Waiting { link, tag, seq, entry, matter, is_read, state, shape });
        Ok(RequestId { index: index as u16, seq })
    }

    pub(super) fn waiting_mut(&mut self, id: RequestId) -> &mut Waiting {
        match &mut self.requests.slots_mut()[id.index as usize].waiting {
            Some(waiting) if waiting.seq == id.seq => waiting,
            _ => unreachable!("a request is named only while it waits"),
        }
    }

    /// Frees a request's entry without an answer.
    pub(super) fn forget(&mut self, id: RequestId) {
        let waiting = *self.waiting_mut(id);
        if !matches!(waiting.state, State::Parked) {
            self.due -= 1;
        }
        self.links.slots_mut()[waiting.link.0 as usize].requests -= 1;
        self.waiting -= 1;
        self.requests.slots_mut()[id.index as usize].waiting = None;
    }

    /// Drops a request whose answer nobody wants: flushed, or its link is gone.
    pub(super) fn drop_request(&mut self, index: usize, tree: &mut impl Tree) {
        let Some(waiting) = self.requests.slots()[index].waiting else { return };
        let id = RequestId { index: index as u16, seq: waiting.seq };
        match waiting.state {
            // One that was woken may have parked before.
            State::Parked | State::Ready => tree.cancel(id),
            State::Settled(Settled::Relay(token)) => tree.discard(token),
            State::Settled(_) => {}
        }
        self.forget(id);
        // As the client sees it, a flushed walk has made nothing.
        self.take_back(&waiting, tree);
    }

    /// Drops what waits under a tag: more than one where a request is carried out in steps.
    pub(super) fn drop_tag(&mut self, link: LinkId, tag: Tag, tree: &mut impl Tree) {
        while let Some(index) = self.find_request(link, tag) {
            self.drop_request(index, tree);
        }
        self.drop_step(link, tag, tree);
    }

    /// Undoes what a forwarded walk has made.
    fn take_back(&mut self, waiting: &Waiting, tree: &mut impl Tree) {
        match waiting.matter {
            Matter::Rest | Matter::Read { .. } | Matter::Dir(_) => {}
            Matter::New(fid) => {
                if let Ok(at) = self.find_fid(waiting.link, fid) {
                    self.interrupt(at, tree);
                    self.drop_fid(at, tree, true);
                }
            }
            Matter::Moved { path, away } => {
                let at = waiting.entry as usize;
                self.interrupt(at, tree);
                let there = self.hold(at);
                *self.fid_mut(at) = Hold { path, away, open: mode::CLOSED, cursor: 0, ..there };
                tree.clunk(&there, true);
            }
        }
    }

    /// A forwarded walk that moves this fid is not answered.
    pub(super) fn is_moving(&self, index: usize) -> bool {
        let mut waiting = self.waiting(self.hold(index).link);
        waiting.any(|(_, w)| w.entry as usize == index && matches!(w.matter, Matter::Moved { .. }))
    }

    /// A forwarded walk that makes or moves this fid is not answered.
    pub(super) fn is_walking(&self, index: usize) -> bool {
        let mut waiting = self.waiting(self.hold(index).link);
        let makes = |matter| matches!(matter, Matter::New(_) | Matter::Moved { .. });
        waiting.any(|(_, w)| w.entry as usize == index && makes(w.matter))
    }

    /// A walk that moved its fid is answered, or nobody waits for it: where the fid was is not needed any
    /// more.
    pub(super) fn leave(&mut self, waiting: &Waiting, tree: &mut impl Tree) {
        if let Matter::Moved { path, away } = waiting.matter
            && away != 0
        {
            let hold = self.hold(waiting.entry as usize);
            tree.clunk(&Hold { path, away, open: mode::CLOSED, ..hold }, true);
        }
    }

    /// The request still waits.
    pub fn waits(&self, id: RequestId) -> bool {
        let entry = self.requests.slots().get(id.index as usize);
        entry.is_some_and(|e| e.waiting.is_some_and(|w| w.seq == id.seq))
    }

    /// Gives a parked request its answer, to be drained.
    pub fn settle(&mut self, id: RequestId, settled: Settled) {
        let waiting = self.waiting_mut(id);
        assert!(matches!(waiting.state, State::Parked), "a request is settled once");
        waiting.state = State::Settled(settled);
        self.due += 1;
    }

    /// A forwarded walk made no fid: it is unbound before the refusal or short answer is drained.
    pub fn unbind(&mut self, id: RequestId, tree: &mut impl Tree) {
        let waiting = *self.waiting_mut(id);
        if matches!(waiting.matter, Matter::Rest | Matter::Read { .. }) {
            return;
        }
        self.waiting_mut(id).disown();
        self.waiting_mut(id).entry = u16::MAX;
        self.take_back(&waiting, tree);
    }

    /// A forwarded open was refused: the fid is as it was.
    pub fn unopen(&mut self, id: RequestId) {
        let Waiting { entry, matter, .. } = *self.waiting_mut(id);
        let entry = entry as usize;
        if entry < self.fids.slots().len() && self.fids.slots()[entry].hold.is_some() {
            self.fid_mut(entry).open = mode::CLOSED;
            if let Matter::Dir(path) = matter {
                self.fid_mut(entry).path = path;
                self.waiting_mut(id).disown();
            }
        }
    }

    /// Every parked read of a file that `these` names tries again.
    pub fn wake(&mut self, mut these: impl FnMut(Path) -> bool) {
        let mut left = self.waiting;
        for index in 0..self.requests.slots().len() {
            if left == 0 {
                break;
            }
            let Some(waiting) = &self.requests.slots()[index].waiting else { continue };
            left -= 1;
            if !matches!(waiting.state, State::Parked) || waiting.entry == u16::MAX {
                continue;
            }
            if waiting.is_read && these(self.hold(waiting.entry as usize).path) {
                let id = RequestId { index: index as u16, seq: waiting.seq };
                self.waiting_mut(id).state = State::Ready;
                self.due += 1;
            }
        }
    }

    /// The files that `these` names are gone: their fids stay until they are clunked and answer so.
    pub fn sever(&mut self, tree: &mut impl Tree, mut these: impl FnMut(Path) -> bool) {
        for index in 0..self.fids.slots().len() {
            let Some(hold) = self.fids.slots()[index].hold else { continue };
            if hold.away == 0 && !hold.dead && these(hold.path) {
                self.fid_mut(index).dead = true;
                self.interrupt(index, tree);
            }
        }
    }

    /// The holds of all fids, for counting what is open.
    pub fn holds(&self) -> impl Iterator<Item = &Hold> {
        self.fids.slots().iter().filter_map(|entry| entry.hold.as_ref())
    }

    /// The file here that a fid holds, for checkers; none for one that is gone, or another node's.
    pub fn path_of(&self, link: LinkId, fid: Fid) -> Option<Path> {
        let hold = self.hold(self.find_fid(link, fid).ok()?);
        (hold.away == 0 && !hold.dead).then_some(hold.path)
    }

    /// The file here that a request which waits is about, for checkers.
    pub fn waits_on(&self, link: LinkId, tag: Tag) -> Option<Path> {
        let (_, waiting) = self.waiting(link).find(|(_, waiting)| waiting.tag == tag)?;
        // One whose fid is gone is about none.
        let entry = self.fids.slots().get(waiting.entry as usize)?;
        entry.hold.as_ref().filter(|hold| !hold.dead).map(|hold| hold.path)
    }

    /// Requests that wait on `link`.
    pub fn request_count(&self, link: LinkId) -> usize {
        self.links.slots()[link.0 as usize].requests as usize
    }
}
