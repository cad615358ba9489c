//! `stdin` over many children: one message at a time, sent to all of them as one, or dealt record by
//! record. The write is answered when every child has delivered it: the only unbounded wait there is.

use crate::ask::{Answer, Ask};
use crate::bounds::DEAL_RECORDS;
use crate::host::SessionSlot;
use crate::node::Node;
use crate::step::Send;
use protocol::ename::Ename;
use protocol::message::{Fid, TWRITE_HEADER, Tag, seal_twrite};
use protocol::server::{RequestId, Settled, mode};
use protocol::set::{ChildSet, Rank};
use protocol::table::File;
use protocol::verb::Deal;

/// What is known of a session's input.
#[derive(Debug, Default)]
pub struct Stdin {
    /// The fid and the tag on the children, once somebody writes.
    file: Option<(Fid, Tag)>,
    /// The write that is out.
    request: Option<RequestId>,
    /// Bytes of it that the children are given; 0 when none is out.
    taken: u32,
    /// Children whose members do not read any more.
    closed: ChildSet,
    /// `close stdin` was given.
    pub ended: bool,
    /// It is to be passed on when the message that is out is delivered.
    closing: bool,
    /// The member that the next record goes to.
    next: u32,
}

impl Node {
    /// Takes the start of `data`, as much as one message to each child holds, and parks the write.
    pub(crate) fn write_stdin(
        &mut self,
        slot: SessionSlot,
        request: RequestId,
        data: &[u8],
    ) -> Result<Option<u32>, Ename> {
        let session = self.session(slot);
        if !session.executed || session.stdin.taken > 0 {
            return Err(Ename::Again);
        }
        if session.stdin.ended {
            return Err(Ename::BrokenPipe);
        }
        let (deal, live) = (session.deal, session.live.less(session.stdin.closed));
        if live.is_empty() {
            return Err(Ename::BrokenPipe);
        }
        if data.is_empty() {
            return Ok(Some(0));
        }
        let (fid, tag) = self.stdin_file(slot)?;
        let set = live.and(self.fids.holds(fid));
        let most = self.payload(set) as usize;
        let taken = match deal {
            Deal::Bcast => {
                let data = &data[..data.len().min(most)];
                self.scratch_write(set, (fid, tag), [data].into_iter());
                data.len()
            }
            Deal::Enum => self.deal(slot, set, (fid, tag), (data, most)),
        };
        let stdin = &mut self.session(slot).stdin;
        stdin.taken = taken as u32;
        stdin.request = Some(request);
        if self.tags.owes(tag).is_empty() {
            self.end_write(slot);
        }
        Ok(None)
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
        self.tags.again(tag, set);
        self.send(set, tag, Send::Scratch { at: at as u32, len: len as u32 });
    }

    /// Deals records to the members in turn: each child gets its members' records in their order, and deals
    /// them on. Returns how much of `data` was dealt: up to `most` bytes and `DEAL_RECORDS` records.
    fn deal(
        &mut self,
        slot: SessionSlot,
        set: ChildSet,
        (fid, tag): (Fid, Tag),
        (data, most): (&[u8], usize),
    ) -> usize {
        let data = &data[..data.len().min(most)];
        let size = self.session(slot).size();
        let mut next = self.session(slot).stdin.next;
        let mut dealt = core::mem::take(&mut self.dealt);
        dealt.clear();
        let mut taken = 0;
        for record in data.split_inclusive(|byte| *byte == b'\n').take(DEAL_RECORDS) {
            let rank = self.session(slot).child_of(next);
            assert!(rank.is_some(), "a member's number is below the size");
            let end = taken + record.len();
            dealt.push((rank.map_or(0, |r| r.index() as u8), taken as u32, end as u32));
            taken = end;
            // A record that goes on in the next message stays with its member.
            if record.ends_with(b"\n") {
                next = (next + 1) % size;
            }
        }
        self.session(slot).stdin.next = next;
        for rank in set {
            let mine = dealt.iter().filter(|(to, ..)| *to as usize == rank.index());
            let mut pieces = mine.map(|(_, from, to)| &data[*from as usize..*to as usize]).peekable();
            if pieces.peek().is_some() {
                self.scratch_write(ChildSet::one(rank), (fid, tag), pieces);
            }
        }
        self.dealt = dealt;
        taken
    }

    /// A child has delivered what it was given, or cannot.
    pub(crate) fn delivered(&mut self, rank: Rank, slot: SessionSlot, answer: Answer<'_>) {
        let session = self.session(slot);
        if answer.is_err() {
            session.stdin.closed.add(rank);
        }
        let Some((_, tag)) = session.stdin.file else { return };
        if self.tags.owes(tag).is_empty() {
            self.end_write(slot);
        }
    }

    fn end_write(&mut self, slot: SessionSlot) {
        let session = self.session(slot);
        let stdin = &mut session.stdin;
        let taken = core::mem::take(&mut stdin.taken);
        let nobody = session.live.less(stdin.closed).is_empty();
        let closing = core::mem::take(&mut stdin.closing);
        if let Some(request) = stdin.request.take() {
            let settled = if nobody { Settled::Refused(Ename::BrokenPipe) } else { Settled::Wrote(taken) };
            self.settled.push((request, settled));
        }
        if closing {
            self.pass_close(slot);
        }
        self.touch(slot);
    }

    /// `close stdin`: after what was written.
    pub(crate) fn close_stdin(&mut self, slot: SessionSlot) {
        let stdin = &mut self.session(slot).stdin;
        if stdin.ended {
            return;
        }
        stdin.ended = true;
        if stdin.taken > 0 {
            stdin.closing = true;
        } else {
            self.pass_close(slot);
        }
    }

    /// Passes `close stdin` on to the children that have the session.
    pub(crate) fn pass_close(&mut self, slot: SessionSlot) {
        let session = self.session(slot);
        let (live, Some(fid)) = (session.live, session.ctl) else { return };
        let set = live.and(self.fids.holds(fid));
        let line = crate::step::Line::CloseStdin;
        self.ask(set, Ask::Rest, Send::Line { fid, line });
    }

    /// Nobody waits for the write that is out any more; it is delivered all the same.
    pub(crate) fn cancel_stdin(&mut self, id: RequestId) {
        for session in self.sessions.iter_mut().filter(|session| session.used) {
            if session.stdin.request == Some(id) {
                session.stdin.request = None;
            }
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
