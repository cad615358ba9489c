//! `stdin` over many children: one message at a time, sent to all of them as one, or dealt record by
//! record. The write is answered when every child has delivered it: the only unbounded wait there is.
//!
//! A write that cannot go at once, before `exec` or behind another, is kept in a memory file of the host and
//! goes in its turn.

use crate::ask::{Answer, Ask};
use crate::bounds::{DEAL_RECORDS, WRITERS};
use crate::host::{Host, Param, SessionSlot};
use crate::node::Node;
use crate::step::Send;
use protocol::ename::Ename;
use protocol::expect::Expected;
use protocol::limits::{CHILDREN_MAX, PARAM_MAX};
use protocol::message::{Fid, TWRITE_HEADER, Tag, seal_twrite};
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
pub struct Stdin {
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
    pub ended: bool,
    /// It is to be passed on when all that was written is delivered.
    closing: bool,
    /// The place of the member that the next record goes to; of records that are shared, the child's rank.
    next: u32,
    /// The child that has a shared record whose end is to come.
    open: Option<Rank>,
}

impl Node {
    /// Takes the start of `data`, as much as one message to each child holds, and parks the write; if it
    /// cannot go now, all of `data` is kept until it can.
    pub(crate) fn write_stdin(
        &mut self,
        slot: SessionSlot,
        request: RequestId,
        data: &[u8],
        host: &mut impl Host,
    ) -> Result<Option<u32>, Ename> {
        let session = self.session(slot);
        // Nobody is ever to read what was refused before its exec.
        if session.stdin.ended || session.poisoned && !session.executed {
            return Err(Ename::BrokenPipe);
        }
        if data.is_empty() {
            return Ok(Some(0));
        }
        let is_busy = session.stdin.taken > 0 || !session.stdin.parked.is_empty();
        let (executed, is_shared, is_parents) =
            (session.executed, session.deal == Deal::Share, session.is_parents());
        // A parent does not write the rest again of what is taken short.
        let children = self.session(slot).set();
        let is_long = is_parents && data.len() > self.payload(children) as usize;
        if !executed || is_busy || is_shared || is_long {
            self.fed.set(slot);
            return self.park_input(slot, request, data, host).map(|()| None);
        }
        if self.readers(slot).is_empty() {
            return Err(Ename::BrokenPipe);
        }
        self.pass_input(slot, data)?;
        self.session(slot).stdin.request = Some(request);
        self.end_if_delivered(slot);
        Ok(None)
    }

    fn park_input(
        &mut self,
        slot: SessionSlot,
        request: RequestId,
        data: &[u8],
        host: &mut impl Host,
    ) -> Result<(), Ename> {
        if self.session(slot).stdin.parked.len() == WRITERS {
            return Err(Ename::Again);
        }
        if host.len(slot, Param::Input) as usize + data.len() > PARAM_MAX as usize {
            self.pack_input(slot, host)?;
        }
        host.append(slot, Param::Input, data)?;
        let parked = Parked { request: Some(request), len: data.len() as u32 };
        self.session(slot).stdin.parked.push(parked);
        Ok(())
    }

    /// Leaves of the memory file what is not delivered or out.
    fn pack_input(&mut self, slot: SessionSlot, host: &mut impl Host) -> Result<(), Ename> {
        let at = core::mem::take(&mut self.session(slot).stdin.at);
        let mut left = vec![0; (host.len(slot, Param::Input) - at) as usize];
        let count = host.param(slot, Param::Input, u64::from(at), &mut left);
        assert!(count == left.len(), "what was kept is there");
        host.truncate(slot, Param::Input);
        let kept = host.append(slot, Param::Input, &left);
        while let Err(ename) = kept
            && !self.session(slot).stdin.parked.is_empty()
        {
            self.end_parked(slot, Settled::Refused(ename), host);
        }
        kept
    }

    /// Children whose members may read.
    fn readers(&mut self, slot: SessionSlot) -> ChildSet {
        let session = self.session(slot);
        session.live.less(session.stdin.closed)
    }

    /// The message that was out is delivered, or the session has begun: what waits goes on.
    pub(crate) fn next_input(&mut self, slot: SessionSlot, host: &mut impl Host) {
        while self.sessions[slot as usize].executed && self.session(slot).stdin.taken == 0 {
            let nobody = self.readers(slot).is_empty();
            let stdin = &mut self.session(slot).stdin;
            let Some(first) = stdin.parked.first().copied() else {
                if core::mem::take(&mut stdin.closing) {
                    self.pass_close(slot);
                }
                return;
            };
            let flushed = first.request.is_none() && stdin.begun == 0;
            let delivered = stdin.begun == first.len;
            if !nobody && !flushed && !delivered {
                match self.pass_parked(slot, first.len, host) {
                    Ok(true) => {}
                    // Nobody has room: an answer goes on with it.
                    Ok(false) => return,
                    Err(ename) => self.end_parked(slot, Settled::Refused(ename), host),
                }
                continue;
            }
            let lost = nobody && !(delivered && stdin.is_taken);
            let settled = if lost { Settled::Refused(Ename::BrokenPipe) } else { Settled::Wrote(first.len) };
            self.end_parked(slot, settled, host);
        }
    }

    /// Sends the next piece of the first parked write; false if nobody can take any of it now.
    fn pass_parked(&mut self, slot: SessionSlot, len: u32, host: &mut impl Host) -> Result<bool, Ename> {
        let (at, begun) = (self.session(slot).stdin.at, self.session(slot).stdin.begun);
        let mut piece = core::mem::take(&mut self.piece);
        piece.resize((len - begun).min(self.payload(ChildSet::EMPTY)) as usize, 0);
        let count = host.param(slot, Param::Input, u64::from(at), &mut piece);
        assert!(count == piece.len(), "what was kept is there");
        let is_rest = begun as usize + piece.len() == len as usize;
        let passed = match self.session(slot).deal {
            Deal::Share => self.share_input(slot, &piece, is_rest),
            Deal::Bcast | Deal::Enum => {
                let passed = self.pass_input(slot, &piece);
                passed.map(|()| self.session(slot).stdin.taken)
            }
        };
        self.piece = piece;
        let taken = passed?;
        let stdin = &mut self.session(slot).stdin;
        stdin.at += taken;
        stdin.begun += taken;
        if stdin.taken > 0 {
            self.end_if_delivered(slot);
        }
        Ok(taken > 0)
    }

    /// Sends records of `data` to children that owe no answer, no more to each than it has members: how many
    /// bytes. Nobody waits for their delivery. A last record without its end is kept back while there may be
    /// more of it.
    fn share_input(&mut self, slot: SessionSlot, data: &[u8], is_rest: bool) -> Result<u32, Ename> {
        let readers = self.readers(slot);
        if let Some(lost) = self.drop_rest(slot, readers, data) {
            return Ok(lost);
        }
        let (fid, tag) = self.stdin_file(slot)?;
        let idle = readers.and(self.fids.holds(fid)).less(self.tags.owes(tag));
        let most = self.payload(idle) as usize;
        let session = self.session(slot);
        let mut open = session.stdin.open;
        let mut room = session.counts.by_rank();
        let mut turn = session.stdin.next as usize;
        let mut bytes = [0; CHILDREN_MAX];
        let mut dealt = core::mem::take(&mut self.dealt);
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
            let next =
                open.map_or_else(|| free.next(), |rank| Some(rank).filter(|r| idle.has(*r) && fits(r)));
            let Some(rank) = next else { break };
            let at = rank.index();
            (room[at], bytes[at]) = (room[at] - 1, bytes[at] + len);
            dealt.push((at as u8, taken as u32, (taken + len) as u32));
            taken += len;
            open = if is_whole { None } else { Some(rank) };
            turn = at + 1;
        }
        let stdin = &mut self.session(slot).stdin;
        (stdin.open, stdin.next) = (open, turn as u32);
        self.send_dealt(idle, (fid, tag), &dealt, data);
        self.dealt = dealt;
        Ok(taken as u32)
    }

    /// The rest of a shared record whose begin went with a child that does not read any more is nobody's: how
    /// many bytes.
    fn drop_rest(&mut self, slot: SessionSlot, readers: ChildSet, data: &[u8]) -> Option<u32> {
        let stdin = &mut self.session(slot).stdin;
        stdin.open.filter(|rank| !readers.has(*rank))?;
        let end = data.iter().position(|byte| *byte == b'\n').map(|at| at + 1);
        if end.is_some() {
            stdin.open = None;
        }
        Some(end.unwrap_or(data.len()) as u32)
    }

    fn end_parked(&mut self, slot: SessionSlot, settled: Settled, host: &mut impl Host) {
        let stdin = &mut self.session(slot).stdin;
        let first = stdin.parked.remove(0);
        stdin.at += first.len - stdin.begun;
        stdin.begun = 0;
        if stdin.parked.is_empty() {
            stdin.at = 0;
            host.truncate(slot, Param::Input);
        }
        if let Some(request) = first.request {
            self.settled.push((request, settled));
        }
    }

    /// Sends the start of `data`, as much as one message to each child holds.
    fn pass_input(&mut self, slot: SessionSlot, data: &[u8]) -> Result<(), Ename> {
        let live = self.readers(slot);
        let (fid, tag) = self.stdin_file(slot)?;
        self.session(slot).stdin.is_taken = false;
        let set = live.and(self.fids.holds(fid));
        let most = self.payload(set) as usize;
        let data = &data[..data.len().min(most)];
        let taken = match self.session(slot).deal {
            Deal::Bcast => {
                self.scratch_write(set, (fid, tag), [data].into_iter());
                data.len()
            }
            Deal::Enum | Deal::Share => self.deal(slot, set, (fid, tag), data),
        };
        self.session(slot).stdin.taken = taken as u32;
        Ok(())
    }

    fn end_if_delivered(&mut self, slot: SessionSlot) {
        if let Some((_, tag)) = self.session(slot).stdin.file
            && self.tags.owes(tag).is_empty()
        {
            self.end_write(slot);
        }
    }

    fn stdin_file(&mut self, slot: SessionSlot) -> Result<(Fid, Tag), Ename> {
        if let Some(file) = self.session(slot).stdin.file {
            return Ok(file);
        }
        let fid = self.fids.take().ok_or(Ename::Again)?;
        let tag = self.tags.keep(Ask::Stdin(slot)).ok_or(Ename::Again)?;
        let live = self.session(slot).live;
        self.open_file(slot, live, fid, (File::Stdin, mode::WRITE));
        self.session(slot).stdin.file = Some((fid, tag));
        Ok((fid, tag))
    }

    /// Sends one Twrite made of pieces to a set.
    fn scratch_write<'a>(
        &mut self,
        set: ChildSet,
        (fid, tag): (Fid, Tag),
        pieces: impl Iterator<Item = &'a [u8]>,
    ) {
        let at = self.scratch.len();
        self.scratch.extend_from_slice(&[0; TWRITE_HEADER]);
        pieces.for_each(|piece| self.scratch.extend_from_slice(piece));
        let count = self.scratch.len() - at - TWRITE_HEADER;
        let len = seal_twrite(tag, fid, 0, count, &mut self.scratch[at..]);
        self.tags.again(tag, set, Expected::Write(count as u32));
        self.send(set, tag, Send::Scratch { at: at as u32, len: len as u32 });
    }

    /// Deals records to the members in turn: each child gets its members' records in their order, and deals
    /// them on. Returns how much of `data` was dealt: up to `DEAL_RECORDS` records.
    fn deal(&mut self, slot: SessionSlot, set: ChildSet, (fid, tag): (Fid, Tag), data: &[u8]) -> usize {
        let size = self.session(slot).size();
        let mut next = self.session(slot).stdin.next;
        let mut dealt = core::mem::take(&mut self.dealt);
        dealt.clear();
        let mut taken = 0;
        for record in data.split_inclusive(|byte| *byte == b'\n').take(DEAL_RECORDS) {
            let rank = self.session(slot).child_at(next);
            assert!(rank.is_some(), "a place is below the size");
            let end = taken + record.len();
            dealt.push((rank.map_or(0, |r| r.index() as u8), taken as u32, end as u32));
            taken = end;
            // A record that goes on in the next message stays with its member.
            if record.ends_with(b"\n") {
                next = (next + 1) % size;
            }
        }
        self.session(slot).stdin.next = next;
        self.send_dealt(set, (fid, tag), &dealt, data);
        self.dealt = dealt;
        taken
    }

    /// Sends each child of a set its pieces of `data`, as one message.
    fn send_dealt(&mut self, set: ChildSet, file: (Fid, Tag), dealt: &[(u8, u32, u32)], data: &[u8]) {
        for rank in set {
            let mine = dealt.iter().filter(|(to, ..)| *to as usize == rank.index());
            let mut pieces = mine.map(|(_, from, to)| &data[*from as usize..*to as usize]).peekable();
            if pieces.peek().is_some() {
                self.scratch_write(ChildSet::one(rank), file, pieces);
            }
        }
    }

    /// A child has delivered what it was given, or cannot.
    pub(crate) fn delivered(&mut self, rank: Rank, slot: SessionSlot, answer: Answer<'_>) {
        let session = self.session(slot);
        match answer {
            Ok(_) => session.stdin.is_taken = true,
            Err(_) => session.stdin.closed.add(rank),
        }
        if session.deal == Deal::Share {
            self.fed.set(slot);
            return self.touch(slot);
        }
        self.end_if_delivered(slot);
    }

    fn end_write(&mut self, slot: SessionSlot) {
        let nobody = self.readers(slot).is_empty();
        let stdin = &mut self.session(slot).stdin;
        let taken = core::mem::take(&mut stdin.taken);
        if let Some(request) = stdin.request.take() {
            let lost = nobody && !stdin.is_taken;
            let settled = if lost { Settled::Refused(Ename::BrokenPipe) } else { Settled::Wrote(taken) };
            self.settled.push((request, settled));
        }
        self.fed.set(slot);
        self.touch(slot);
    }

    /// `close stdin`: after what was written.
    pub(crate) fn close_stdin(&mut self, slot: SessionSlot) {
        let stdin = &mut self.session(slot).stdin;
        if stdin.ended {
            return;
        }
        stdin.ended = true;
        stdin.closing = true;
        self.fed.set(slot);
    }

    /// Passes `close stdin` on to the children that have the session.
    pub(crate) fn pass_close(&mut self, slot: SessionSlot) {
        let session = self.session(slot);
        let (live, Some(fid)) = (session.live, session.ctl) else { return };
        let set = live.and(self.fids.holds(fid));
        let line = crate::step::Line::CloseStdin;
        self.ask(set, Ask::Rest, Send::Line { fid, line });
    }

    /// Nobody waits for a write any more; one that has begun is delivered all the same.
    pub(crate) fn cancel_stdin(&mut self, id: RequestId) {
        for session in self.sessions.iter_mut().filter(|session| session.used) {
            let parked = session.stdin.parked.iter_mut().map(|parked| &mut parked.request);
            parked.chain([&mut session.stdin.request]).filter(|r| **r == Some(id)).for_each(|r| *r = None);
        }
    }

    /// Gives the input's numbers back.
    pub(crate) fn close_stdin_file(&mut self, slot: SessionSlot) {
        let stdin = core::mem::take(&mut self.session(slot).stdin);
        if let Some((fid, tag)) = stdin.file {
            self.flush(tag);
            self.clunk(fid);
        }
    }
}
