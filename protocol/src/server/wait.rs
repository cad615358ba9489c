//! The requests of the server half that wait: under which tag, on which fid, and which are due.

use super::tables::Keyed;
use super::{Bounds, Hold, LinkId, Matter, Place, RequestId, Server, Settled, State, Tree, Waiting, mode};
use crate::ename::Ename;
use crate::message::Tag;
use crate::qid::Path;
use crate::slots::Slots;

impl Keyed for Waiting {
    fn key(&self) -> u64 {
        self.link.key(u32::from(self.tag.0))
    }
}

impl<B: Bounds> Server<B> {
    /// What waits on a link, the last that began to first.
    fn waiting(&self, link: LinkId) -> impl Iterator<Item = (usize, &Waiting)> {
        let mut next = self.links.slots()[link.0 as usize].last;
        core::iter::from_fn(move || {
            let at = next.slot()?;
            let waiting = self.requests.get(at)?;
            next = waiting.earlier;
            Some((at, waiting))
        })
    }

    /// What waits on a fid: one of them.
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
                    self.park(id);
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
        while let Some((at, _)) = self.waiting_on(index) {
            if let Some(waiting) = self.requests.get_mut(at) {
                waiting.entry = u16::MAX;
                // Its number may be another fid's by the time of the answer.
                waiting.disown();
            }
        }
    }

    pub(super) fn find_request(&self, link: LinkId, tag: Tag) -> Option<usize> {
        let count = self.links.slots()[link.0 as usize].requests as usize;
        self.requests.find(link.key(u32::from(tag.0)), count)
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
        let index = self.requests.vacant().ok_or(Ename::Again)?;
        bound.requests += 1;
        let earlier = core::mem::replace(&mut bound.last, Place::of(index));
        self.seq = self.seq.wrapping_add(1);
        let (seq, entry, shape) = (self.seq, entry as u16, self.shape);
        let is_read = matches!(state, State::Ready);
        let (id, next_due) = (RequestId { index: index as u16, seq }, Place::NONE);
        let state = State::Parked;
        let waiting = Waiting { link, tag, seq, earlier, next_due, entry, matter, is_read, state, shape };
        self.requests.put(index, waiting);
        if is_read {
            self.come_due(id, State::Ready);
        }
        Ok(id)
    }

    pub(super) fn waiting_mut(&mut self, id: RequestId) -> &mut Waiting {
        match self.requests.get_mut(id.index as usize) {
            Some(waiting) if waiting.seq == id.seq => waiting,
            _ => unreachable!("a request is named only while it waits"),
        }
    }

    /// A request that is parked is ready, or settled: it has its place among those that are due, by age.
    fn come_due(&mut self, id: RequestId, state: State) {
        let (mut before, mut next) = (Place::NONE, self.due);
        while let Some(due) = next.slot().and_then(|at| self.requests.get(at)) {
            if due.seq.wrapping_sub(id.seq) as i32 >= 0 {
                break;
            }
            (before, next) = (next, due.next_due);
        }
        let waiting = self.waiting_mut(id);
        assert!(matches!(waiting.state, State::Parked), "a request is settled once");
        (waiting.state, waiting.next_due) = (state, next);
        self.link_due(before, Place::of(id.index as usize));
    }

    /// A request that is ready or settled is due no more.
    pub(super) fn park(&mut self, id: RequestId) {
        let at = Place::of(id.index as usize);
        let (mut before, mut next) = (Place::NONE, self.due);
        while next != at {
            let Some(due) = next.slot().and_then(|at| self.requests.get(at)) else {
                unreachable!("what is due is in the list");
            };
            (before, next) = (next, due.next_due);
        }
        let waiting = self.waiting_mut(id);
        waiting.state = State::Parked;
        let next = core::mem::take(&mut waiting.next_due);
        self.link_due(before, next);
    }

    /// After `before`, or first where that is none, `next` is due.
    fn link_due(&mut self, before: Place, next: Place) {
        match before.slot().and_then(|at| self.requests.get_mut(at)) {
            Some(waiting) => waiting.next_due = next,
            None => self.due = next,
        }
    }

    /// The oldest request that is due on a link that is not blocked.
    pub(super) fn oldest_due(&self) -> Option<RequestId> {
        let mut next = self.due;
        while let Some(at) = next.slot() {
            let waiting = self.requests.get(at)?;
            if !self.links.slots()[waiting.link.0 as usize].blocked {
                return Some(RequestId { index: at as u16, seq: waiting.seq });
            }
            next = waiting.next_due;
        }
        None
    }

    /// Frees a request's entry without an answer.
    pub(super) fn forget(&mut self, id: RequestId) {
        if !matches!(self.waiting_mut(id).state, State::Parked) {
            self.park(id);
        }
        let Waiting { link, earlier, .. } = *self.waiting_mut(id);
        let at = id.index as usize;
        let later = self.waiting(link).find(|(_, other)| other.earlier.slot() == Some(at));
        let later = later.map(|(index, _)| index);
        match later.and_then(|index| self.requests.get_mut(index)) {
            Some(waiting) => waiting.earlier = earlier,
            None => self.links.slots_mut()[link.0 as usize].last = earlier,
        }
        self.links.slots_mut()[link.0 as usize].requests -= 1;
        self.requests.take(at);
    }

    /// Drops a request whose answer nobody wants: flushed, or its link is gone.
    pub(super) fn drop_request(&mut self, index: usize, tree: &mut impl Tree) {
        let Some(waiting) = self.requests.get(index).copied() else { return };
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
        self.requests.get(id.index as usize).is_some_and(|waiting| waiting.seq == id.seq)
    }

    /// Gives a parked request its answer, to be drained.
    pub fn settle(&mut self, id: RequestId, settled: Settled) {
        self.come_due(id, State::Settled(settled));
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
        if let Some(hold) = self.fids.get_mut(entry) {
            hold.open = mode::CLOSED;
            if let Matter::Dir(path) = matter {
                hold.path = path;
                self.waiting_mut(id).disown();
            }
        }
    }

    /// Every parked read of a file that `these` names tries again.
    pub fn wake(&mut self, mut these: impl FnMut(Path) -> bool) {
        for at in 0..self.requests.end() {
            let Some(&Waiting { seq, entry, is_read: true, state: State::Parked, .. }) =
                self.requests.get(at)
            else {
                continue;
            };
            if self.fids.get(entry as usize).is_some_and(|hold| these(hold.path)) {
                self.come_due(RequestId { index: at as u16, seq }, State::Ready);
            }
        }
    }

    /// The file here that a request which waits is about, for checkers.
    pub fn waits_on(&self, link: LinkId, tag: Tag) -> Option<Path> {
        let (_, waiting) = self.waiting(link).find(|(_, waiting)| waiting.tag == tag)?;
        // One whose fid is gone is about none.
        self.fids.get(waiting.entry as usize).filter(|hold| !hold.dead).map(|hold| hold.path)
    }

    /// Requests that wait on `link`.
    pub fn request_count(&self, link: LinkId) -> usize {
        self.links.slots()[link.0 as usize].requests as usize
    }
}
