//! `stdin` over many children: one message at a time, sent to all of them as one, or dealt record by
//! record. The write is answered when every child has delivered it: the only unbounded wait there is.
//!
//! A write that cannot go at once, before `exec` or behind another, is kept in a memory file of the host and
//! goes in its turn.

use crate::down::ask::{Answer, Ask};
use crate::down::step::Line;
use crate::flow::MemberView;
use crate::ground::bounds::{DEAL_RECORDS, WRITERS};
use crate::ground::id::SessionId;
use crate::host::{Host, Param};
use crate::shared::Shared;
use protocol::ename::Ename;
use protocol::limits::{CHILDREN_MAX, MSIZE_LINK, PARAM_MAX};
use protocol::message::{Fid, Tag};
use protocol::server::{RequestId, Settled, mode};
use protocol::set::{ChildSet, Rank};
use protocol::table::File;
use protocol::verb::Deal;
use smallvec::SmallVec;

/// A write that waits for its turn.
#[derive(Clone, Copy, Debug)]
struct Parked {
    /// Who waits for it; nobody after a flush.
    request: Option<RequestId>,
    len: u32,
}

/// What is known of a session's input.
#[derive(Debug, Default)]
pub(crate) struct Input {
    /// The fid and the tag on the children, once somebody writes.
    file: Option<(Fid, Tag)>,
    /// Who waits for the message that is out.
    request: Option<RequestId>,
    /// Bytes of it that the children are given; 0 when none is out.
    taken: u32,
    /// A child has delivered what it was given last: that is no failure, though its members end just then.
    is_taken: bool,
    /// Writes in the memory file, in their order. The first may be out in part.
    parked: SmallVec<[Parked; WRITERS]>,
    /// Where the next of their bytes is in the memory file.
    at: u32,
    /// Bytes of the first of them that are delivered or out.
    begun: u32,
    /// Children whose members do not read any more.
    closed: ChildSet,
    /// `close stdin` was given.
    ended: bool,
    /// It is to be passed on when all that was written is delivered.
    closing: bool,
    /// The place of the member that the next record goes to; of records that are shared, the child's rank.
    next: u32,
    /// The child that has a shared record whose end is to come.
    open: Option<Rank>,
}

/// Memory that is used again by each message: where its records go, and a piece on its way from its memory
/// file.
#[derive(Debug, Default)]
pub(crate) struct Scratch {
    /// Records: the rank, and where each begins and ends.
    dealt: Vec<(u8, u32, u32)>,
    pub(crate) piece: Vec<u8>,
}

impl Scratch {
    /// Takes the memory for all of it.
    pub(crate) fn reserve(&mut self) {
        self.dealt.reserve_exact(DEAL_RECORDS);
        self.piece.reserve_exact(MSIZE_LINK as usize);
    }
}

/// What a write needs beside its session: the host that keeps it, and the node.
pub(crate) struct Resources<'a, H> {
    pub(crate) host: &'a mut H,
    pub(crate) scratch: &'a mut Scratch,
    pub(crate) shared: &'a mut Shared,
}

impl Input {
    /// No more may be written: `close stdin` was given.
    pub(crate) fn is_ended(&self) -> bool {
        self.ended
    }

    /// Takes the start of `data`, as much as one message to each child holds, and parks the write. If it
    /// cannot go now, or is to go whole, all of `data` is kept until it can; `goes` says that the session
    /// runs.
    pub(crate) fn write<H: Host>(
        &mut self,
        request: RequestId,
        data: &[u8],
        view: &MemberView<'_>,
        (goes, is_whole): (bool, bool),
        with: &mut Resources<'_, H>,
    ) -> Result<Option<u32>, Ename> {
        if data.is_empty() {
            return Ok(Some(0));
        }
        let is_busy = self.taken > 0 || !self.parked.is_empty();
        // A parent does not write the rest again of what is taken short.
        let is_long = is_whole && data.len() > with.shared.children.payload(view.members.set()) as usize;
        if !goes || is_busy || is_long || view.deal == Deal::Share {
            with.shared.deeds.fed.set(view.whose.session.slot);
            return self.park(request, data, view, with).map(|()| None);
        }
        if self.readers(view).is_empty() {
            return Err(Ename::BrokenPipe);
        }
        self.pass(data, view, with)?;
        self.request = Some(request);
        self.end_if_delivered(view, with.shared);
        Ok(None)
    }

    fn park<H: Host>(
        &mut self,
        request: RequestId,
        data: &[u8],
        view: &MemberView<'_>,
        with: &mut Resources<'_, H>,
    ) -> Result<(), Ename> {
        if self.parked.len() == WRITERS {
            return Err(Ename::Again);
        }
        let slot = view.whose.session.slot;
        if with.host.len(slot, Param::Input) as usize + data.len() > PARAM_MAX as usize {
            self.pack(view, with)?;
        }
        with.host.append(slot, Param::Input, data)?;
        self.parked.push(Parked { request: Some(request), len: data.len() as u32 });
        Ok(())
    }

    /// Leaves of the memory file what is not delivered or out.
    fn pack<H: Host>(&mut self, view: &MemberView<'_>, with: &mut Resources<'_, H>) -> Result<(), Ename> {
        let slot = view.whose.session.slot;
        let at = core::mem::take(&mut self.at);
        let mut left = vec![0; (with.host.len(slot, Param::Input) - at) as usize];
        let count = with.host.param(slot, Param::Input, u64::from(at), &mut left);
        assert!(count == left.len(), "what was kept is there");
        with.host.truncate(slot, Param::Input);
        let kept = with.host.append(slot, Param::Input, &left);
        while let Err(ename) = kept
            && !self.parked.is_empty()
        {
            self.end_parked(Settled::Refused(ename), view, with);
        }
        kept
    }

    /// Children whose members may read.
    fn readers(&self, view: &MemberView<'_>) -> ChildSet {
        view.live.less(self.closed)
    }

    /// The message that was out is delivered, or the session, which runs, has begun: what waits goes on.
    pub(crate) fn go_on<H: Host>(&mut self, view: &MemberView<'_>, with: &mut Resources<'_, H>) {
        while self.taken == 0 {
            let nobody = self.readers(view).is_empty();
            let Some(first) = self.parked.first().copied() else {
                if core::mem::take(&mut self.closing) {
                    pass_close(view, with.shared);
                }
                return;
            };
            let flushed = first.request.is_none() && self.begun == 0;
            let delivered = self.begun == first.len;
            if !nobody && !flushed && !delivered {
                match self.pass_parked(first.len, view, with) {
                    Ok(true) => {}
                    // Nobody has room: an answer goes on with it.
                    Ok(false) => return,
                    Err(ename) => self.end_parked(Settled::Refused(ename), view, with),
                }
                continue;
            }
            let lost = nobody && !(delivered && self.is_taken);
            let settled = if lost { Settled::Refused(Ename::BrokenPipe) } else { Settled::Wrote(first.len) };
            self.end_parked(settled, view, with);
        }
    }

    /// Sends the next piece of the first parked write; false if nobody can take any of it now.
    fn pass_parked<H: Host>(
        &mut self,
        len: u32,
        view: &MemberView<'_>,
        with: &mut Resources<'_, H>,
    ) -> Result<bool, Ename> {
        let mut piece = core::mem::take(&mut with.scratch.piece);
        piece.resize((len - self.begun).min(with.shared.children.payload(ChildSet::EMPTY)) as usize, 0);
        let count = with.host.param(view.whose.session.slot, Param::Input, u64::from(self.at), &mut piece);
        assert!(count == piece.len(), "what was kept is there");
        let is_rest = self.begun as usize + piece.len() == len as usize;
        let passed = match view.deal {
            Deal::Share => self.share(&piece, is_rest, view, with),
            Deal::Bcast | Deal::Enum => self.pass(&piece, view, with).map(|()| self.taken),
        };
        with.scratch.piece = piece;
        let taken = passed?;
        self.at += taken;
        self.begun += taken;
        if self.taken > 0 {
            self.end_if_delivered(view, with.shared);
        }
        Ok(taken > 0)
    }

    /// Sends records of `data` to children that owe no answer, no more to each than it has members: how many
    /// bytes. Nobody waits for their delivery. A last record without its end is kept back while there may be
    /// more of it.
    fn share<H: Host>(
        &mut self,
        data: &[u8],
        is_rest: bool,
        view: &MemberView<'_>,
        with: &mut Resources<'_, H>,
    ) -> Result<u32, Ename> {
        let readers = self.readers(view);
        if let Some(lost) = self.drop_rest(readers, data) {
            return Ok(lost);
        }
        let (fid, tag) = self.file(view, with.shared)?;
        let down = &mut with.shared.down;
        let idle = readers.and(down.fids.holds(fid)).less(down.tags.owes(tag));
        let most = with.shared.children.payload(idle) as usize;
        let mut room = view.members.counts.by_rank();
        let mut turn = self.next as usize;
        let mut bytes = [0; CHILDREN_MAX];
        let mut dealt = core::mem::take(&mut with.scratch.dealt);
        dealt.clear();
        let mut taken = 0;
        while taken < data.len() && dealt.len() < DEAL_RECORDS {
            let left = &data[taken..];
            let end = left.iter().position(|byte| *byte == b'\n').map(|at| at + 1);
            let len = end.unwrap_or(left.len()).min(most);
            let is_whole = end == Some(len);
            if end.is_none() && taken > 0 && !is_rest {
                break;
            }
            let fits = |rank: &Rank| room[rank.index()] > 0 && bytes[rank.index()] + len <= most;
            let ranks = (0..CHILDREN_MAX).map(|i| (turn + i) % CHILDREN_MAX).filter_map(Rank::new);
            let mut free = ranks.filter(|rank| idle.has(*rank)).filter(fits);
            let next = match self.open {
                Some(rank) => Some(rank).filter(|rank| idle.has(*rank) && fits(rank)),
                None => free.next(),
            };
            let Some(rank) = next else { break };
            let at = rank.index();
            (room[at], bytes[at]) = (room[at] - 1, bytes[at] + len);
            dealt.push((at as u8, taken as u32, (taken + len) as u32));
            taken += len;
            self.open = if is_whole { None } else { Some(rank) };
            turn = at + 1;
        }
        self.next = turn as u32;
        send_dealt(idle, (fid, tag), &dealt, data, with.shared);
        with.scratch.dealt = dealt;
        Ok(taken as u32)
    }

    /// The rest of a shared record whose begin went with a child that does not read any more is nobody's: how
    /// many bytes.
    fn drop_rest(&mut self, readers: ChildSet, data: &[u8]) -> Option<u32> {
        self.open.filter(|rank| !readers.has(*rank))?;
        let end = data.iter().position(|byte| *byte == b'\n').map(|at| at + 1);
        if end.is_some() {
            self.open = None;
        }
        Some(end.unwrap_or(data.len()) as u32)
    }

    fn end_parked<H: Host>(&mut self, settled: Settled, view: &MemberView<'_>, with: &mut Resources<'_, H>) {
        let first = self.parked.remove(0);
        self.at += first.len - self.begun;
        self.begun = 0;
        if self.parked.is_empty() {
            self.at = 0;
            with.host.truncate(view.whose.session.slot, Param::Input);
        }
        with.shared.deeds.settled.extend(first.request.map(|request| (request, settled)));
    }

    /// Sends the start of `data`, as much as one message to each child holds.
    fn pass<H: Host>(
        &mut self,
        data: &[u8],
        view: &MemberView<'_>,
        with: &mut Resources<'_, H>,
    ) -> Result<(), Ename> {
        let file = self.file(view, with.shared)?;
        self.is_taken = false;
        let set = self.readers(view).and(with.shared.down.fids.holds(file.0));
        let most = with.shared.children.payload(set) as usize;
        let data = &data[..data.len().min(most)];
        self.taken = match view.deal {
            Deal::Bcast => {
                with.shared.down.write_again(set, file, [data].into_iter());
                data.len() as u32
            }
            Deal::Enum | Deal::Share => self.deal(set, file, data, view, with),
        };
        Ok(())
    }

    fn end_if_delivered(&mut self, view: &MemberView<'_>, shared: &mut Shared) {
        if let Some((_, tag)) = self.file
            && shared.down.tags.owes(tag).is_empty()
        {
            self.end_write(view, shared);
        }
    }

    /// The fid and the tag of the members' input, opened when it is first written.
    fn file(&mut self, view: &MemberView<'_>, shared: &mut Shared) -> Result<(Fid, Tag), Ename> {
        if let Some(file) = self.file {
            return Ok(file);
        }
        let file = shared.down.standing(Ask::Input(view.whose.session)).ok_or(Ename::Again)?;
        shared.open_step(view.whose, view.live, file.0, (File::Stdin, mode::WRITE));
        self.file = Some(file);
        Ok(file)
    }

    /// Deals records to the members in turn: each child gets its members' records in their order, and deals
    /// them on. Returns how much of `data` was dealt: up to `DEAL_RECORDS` records.
    fn deal<H: Host>(
        &mut self,
        set: ChildSet,
        file: (Fid, Tag),
        data: &[u8],
        view: &MemberView<'_>,
        with: &mut Resources<'_, H>,
    ) -> u32 {
        let size = view.members.size();
        let mut dealt = core::mem::take(&mut with.scratch.dealt);
        dealt.clear();
        let mut taken = 0;
        for record in data.split_inclusive(|byte| *byte == b'\n').take(DEAL_RECORDS) {
            let rank = view.members.child_at(self.next);
            assert!(rank.is_some(), "a place is below the size");
            let end = taken + record.len() as u32;
            dealt.push((rank.map_or(0, |r| r.index() as u8), taken, end));
            taken = end;
            // A record that goes on in the next message stays with its member.
            if record.ends_with(b"\n") {
                self.next = (self.next + 1) % size;
            }
        }
        send_dealt(set, file, &dealt, data, with.shared);
        with.scratch.dealt = dealt;
        taken
    }

    /// A child has delivered what it was given, or cannot.
    pub(crate) fn answered(
        &mut self,
        rank: Rank,
        answer: Answer<'_>,
        view: &MemberView<'_>,
        shared: &mut Shared,
    ) {
        match answer {
            Ok(_) => self.is_taken = true,
            Err(_) => self.closed.add(rank),
        }
        if view.deal == Deal::Share {
            shared.deeds.fed.set(view.whose.session.slot);
            return shared.deeds.touch(view.whose.session.slot);
        }
        self.end_if_delivered(view, shared);
    }

    fn end_write(&mut self, view: &MemberView<'_>, shared: &mut Shared) {
        let taken = core::mem::take(&mut self.taken);
        if let Some(request) = self.request.take() {
            let lost = self.readers(view).is_empty() && !self.is_taken;
            let settled = if lost { Settled::Refused(Ename::BrokenPipe) } else { Settled::Wrote(taken) };
            shared.deeds.settled.push((request, settled));
        }
        shared.deeds.fed.set(view.whose.session.slot);
        shared.deeds.touch(view.whose.session.slot);
    }

    /// `close stdin`: after what was written.
    pub(crate) fn end(&mut self, session: SessionId, shared: &mut Shared) {
        if !self.ended {
            self.ended = true;
            self.closing = true;
            shared.deeds.fed.set(session.slot);
        }
    }

    /// Nobody waits for a write any more; one that has begun is delivered all the same.
    pub(crate) fn cancel(&mut self, request: RequestId) {
        let waits = self.parked.iter_mut().map(|parked| &mut parked.request).chain([&mut self.request]);
        waits.filter(|waits| **waits == Some(request)).for_each(|waits| *waits = None);
    }

    /// Gives its numbers back.
    pub(crate) fn close(&mut self, shared: &mut Shared) {
        if let Some(file) = self.file.take() {
            shared.down.leave(file);
        }
    }
}

/// Passes `close stdin` on to the children that have the session.
fn pass_close(view: &MemberView<'_>, shared: &mut Shared) {
    if let Some((set, ctl)) = view.reached(&mut shared.down) {
        shared.down.ask_line(set, Ask::Rest, ctl, Line::CloseStdin);
    }
}

/// Sends each child of a set its pieces of `data`, as one message.
fn send_dealt(set: ChildSet, file: (Fid, Tag), dealt: &[(u8, u32, u32)], data: &[u8], shared: &mut Shared) {
    for rank in set {
        let mine = dealt.iter().filter(|(to, ..)| *to as usize == rank.index());
        let mut pieces = mine.map(|(_, from, to)| &data[*from as usize..*to as usize]).peekable();
        if pieces.peek().is_some() {
            shared.down.write_again(ChildSet::one(rank), file, pieces);
        }
    }
}
