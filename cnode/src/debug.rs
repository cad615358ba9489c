//! `debug/`: what helper programs say of members' processes; the stub itself looks into none.
//!
//! A helper is a process like a member's, in a slot behind those of members, so that the calls of `Host` for
//! a member's pipes and signals do for it too. Each open file has its own. See `protocol::debug` for what is
//! said to it, and docs/decisions for why nothing of this is a call of `Host`.

use crate::bounds::Bounds;
use crate::host::{Effect, Host, MemberSlot, Pull, Push, SessionSlot, Stream};
use crate::life::KILL;
use crate::node::Node;
use crate::probe::{Access, Probe, State};
use heapless::Vec;
use protocol::debug::{ANSWER_HEADER, Kind, PIECE_MAX, REQUEST_HEADER, Request, decode_answer};
use protocol::dir::{Get, Put};
use protocol::ename::Ename;
use protocol::limits::{DEBUG_US, DETACH_US};
use protocol::record::End;
use protocol::server::{RequestId, Settled};
use protocol::slots::{Key, Slots};
use protocol::time::Time;

/// What an open file of `debug` is about.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Subject {
    /// Whose member it is.
    pub(crate) session: SessionSlot,
    /// Which member; all of the session's for none.
    pub(crate) member: Option<MemberSlot>,
    /// What its helper is for.
    pub(crate) kind: Kind,
}

impl<B: Bounds> Node<B> {
    /// The host's slot of a helper.
    fn slot_of(&self, index: usize) -> MemberSlot {
        (self.members.slots().len() + index) as MemberSlot
    }

    /// The helper in a slot of the host, if it is none of a member's.
    pub(crate) fn probe_at(&self, slot: MemberSlot) -> Option<usize> {
        (slot as usize).checked_sub(self.members.slots().len())
    }

    fn find_probe(&self, cursor: u64) -> Option<usize> {
        let key = Key::of(cursor);
        let probe = self.probes.slots().get(key.index as usize)?;
        let is_named = probe.state != State::Free && !probe.left && probe.seq == key.seq;
        is_named.then_some(key.index as usize)
    }

    fn probe(&mut self, index: usize) -> &mut Probe {
        &mut self.probes.slots_mut()[index]
    }

    /// A slot for one more helper; a text that ended and waits for its reader has to go for it.
    fn free_probe(&self) -> Option<usize> {
        let probes = self.probes.slots();
        let free = probes.iter().position(|probe| probe.state == State::Free);
        free.or_else(|| {
            let over = |p: &Probe| p.state == State::Over && !matches!(p.kind, Kind::Mem | Kind::Gdb);
            let idle = probes.iter().enumerate().filter(|(_, probe)| over(probe));
            idle.min_by_key(|(_, probe)| probe.seq).map(|(index, _)| index)
        })
    }

    /// Whether a file of `debug` can be opened: there is a process, and room for what stays open.
    pub(crate) fn check_debug(&self, subject: Subject) -> Result<(), Ename> {
        let Subject { session, member, kind } = subject;
        if member.is_some_and(|index| !self.member(index).state.is_live()) {
            return Err(Ename::NotFound);
        }
        let is_same = |p: &Probe| {
            let its = p.session == session && p.member == member;
            p.state != State::Free && p.state != State::Over && p.kind == Kind::Gdb && its
        };
        if kind == Kind::Gdb && self.probes.slots().iter().any(is_same) {
            return Err(Ename::Busy);
        }
        self.free_probe().map(|_| ()).ok_or(Ename::Again)
    }

    /// Wants a helper: what the file's cursor is to be.
    pub(crate) fn begin_debug(&mut self, subject: Subject, host: &mut impl Host) -> Result<u64, Ename> {
        self.check_debug(subject)?;
        let Subject { session, member, kind } = subject;
        let index = self.free_probe().ok_or(Ename::Again)?;
        host.release_member(self.slot_of(index));
        // 0 is no helper's.
        self.last_probe = self.last_probe.checked_add(1).unwrap_or(1);
        let seq = self.last_probe;
        let deadline = match kind {
            Kind::Mem | Kind::Gdb => Time::NEVER,
            _ => self.now + DEBUG_US,
        };
        *self.probe(index) =
            Probe { state: State::Wanted, kind, session, member, seq, deadline, ..Probe::default() };
        self.wanted.probes += 1;
        Ok(Key { index: index as u16, seq }.cursor())
    }

    /// The start of a helper that is wanted.
    pub(crate) fn poll_debug(&mut self) -> Option<Effect> {
        if self.wanted.probes == 0 {
            return None;
        }
        let index = self.probes.slots().iter().position(|probe| probe.state == State::Wanted)?;
        self.wanted.probes -= 1;
        let helper = self.slot_of(index);
        let probe = self.probe(index);
        probe.state = State::Running;
        let (kind, session, member) = (probe.kind, probe.session, probe.member);
        Some(Effect::Debug { helper, kind, session, member })
    }

    /// Reads a file of `debug`; `None` while its helper has nothing to say.
    pub(crate) fn read_debug(
        &mut self,
        subject: Subject,
        cursor: &mut u64,
        get: Get<'_>,
        host: &mut impl Host,
    ) -> Result<Option<usize>, Ename> {
        let (kind, offset) = (subject.kind, get.offset);
        let index = match (kind, self.find_probe(*cursor)) {
            (Kind::Mem, Some(index)) => return self.read_mem(index, get, host),
            (Kind::Gdb, Some(index)) => index,
            (Kind::Mem | Kind::Gdb, None) => return Err(Ename::Stale),
            // One that has not told anything yet is still the one that was begun.
            (_, Some(index)) if offset > 0 || self.probes.slots()[index].given == 0 => index,
            // It was read to its end, or had to go before that.
            (_, None) if offset > 0 && *cursor == 0 => return Ok(Some(0)),
            (_, None) if offset > 0 => return Err(Ename::Stale),
            (_, known) => {
                if known.is_some() {
                    self.leave_debug(*cursor, host);
                }
                *cursor = self.begin_debug(subject, host)?;
                return Ok(None);
            }
        };
        if get.out.is_empty() {
            return Ok(Some(0));
        }
        if kind != Kind::Gdb && offset != self.probes.slots()[index].given {
            return Err(Ename::Invalid);
        }
        let told = self.pull(index, host, get.out);
        if kind != Kind::Gdb && matches!(told, Ok(Some(0)) | Err(_)) {
            self.leave_debug(*cursor, host);
            *cursor = 0;
        }
        told
    }

    fn pull(&mut self, index: usize, host: &mut impl Host, out: &mut [u8]) -> Result<Option<usize>, Ename> {
        let (slot, probe) = (self.slot_of(index), self.probes.slots()[index]);
        if probe.state == State::Wanted {
            return Ok(None);
        }
        if probe.verdict == Some(Ename::TimedOut) {
            return Err(Ename::TimedOut);
        }
        match host.read(slot, Stream::Stdout, out) {
            Pull::Data(len) => {
                self.probe(index).given += len as u64;
                Ok(Some(len))
            }
            Pull::Empty => Ok(None),
            // How it ended says whether that was all.
            Pull::End if probe.state != State::Over => Ok(None),
            Pull::End => probe.verdict.map_or(Ok(Some(0)), Err),
        }
    }

    /// Reads memory: one access is on its way at a time, the next waits until it is answered.
    fn read_mem(&mut self, index: usize, get: Get<'_>, host: &mut impl Host) -> Result<Option<usize>, Ename> {
        let probe = self.probes.slots()[index];
        if let Some(ename) = probe.verdict {
            return Err(ename);
        }
        if probe.state == State::Wanted {
            return Ok(None);
        }
        if probe.asked.is_some_and(|asked| asked.request.is_none()) {
            let _flushed = self.take_answer(index, host, &mut []);
        }
        match self.probes.slots()[index].asked {
            Some(asked) if asked.request == Some(get.id) => {}
            Some(_) => return Ok(None),
            None => {
                let count = get.out.len().min(PIECE_MAX - ANSWER_HEADER) as u32;
                let asked = Request { offset: get.offset, count, is_write: false };
                self.access(index, get.id, asked, &[], host)?;
            }
        }
        let taken = self.take_answer(index, host, get.out).transpose()?;
        Ok(taken.map(|count| count as usize))
    }

    /// Writes to memory, or to a debugger's helper.
    pub(crate) fn write_debug(
        &mut self,
        cursor: u64,
        put: Put<'_>,
        host: &mut impl Host,
    ) -> Result<Option<u32>, Ename> {
        let Put { id, offset, data } = put;
        let index = self.find_probe(cursor).ok_or(Ename::Stale)?;
        let (slot, probe) = (self.slot_of(index), self.probes.slots()[index]);
        if let Some(ename) = probe.verdict {
            return Err(ename);
        }
        if data.is_empty() {
            return Ok(Some(0));
        }
        if probe.kind == Kind::Gdb {
            return match host.write(slot, data) {
                Push::Took(len) => Ok(Some(len as u32)),
                Push::Full => Err(Ename::Again),
                Push::Closed => Err(Ename::BrokenPipe),
            };
        }
        if probe.asked.is_some_and(|asked| asked.request.is_none()) {
            let _flushed = self.take_answer(index, host, &mut []);
        }
        if self.probes.slots()[index].asked.is_some() {
            return Err(Ename::Again);
        }
        let data = &data[..data.len().min(PIECE_MAX - REQUEST_HEADER)];
        let asked = Request { offset, count: data.len() as u32, is_write: true };
        self.access(index, id, asked, data, host)?;
        self.take_answer(index, host, &mut []).transpose()
    }

    /// Asks for one access; a write has data.
    fn access(
        &mut self,
        index: usize,
        id: RequestId,
        asked: Request,
        data: &[u8],
        host: &mut impl Host,
    ) -> Result<(), Ename> {
        let slot = self.slot_of(index);
        let mut piece = Vec::<u8, PIECE_MAX>::new();
        let fits = piece.extend_from_slice(&asked.encode()).and_then(|()| piece.extend_from_slice(data));
        assert!(fits.is_ok(), "an access is cut to what a piece has room for");
        match host.write(slot, &piece) {
            Push::Took(took) => assert!(took == piece.len(), "a pipe keeps a piece together"),
            Push::Full => return Err(Ename::Again),
            Push::Closed => return Err(Ename::BrokenPipe),
        }
        let deadline = self.now + DEBUG_US;
        let probe = self.probe(index);
        probe.asked = Some(Access { request: Some(id), is_write: asked.is_write });
        probe.deadline = deadline;
        Ok(())
    }

    /// What came of the access that was asked for. What a flushed read has read is dropped.
    fn take_answer(
        &mut self,
        index: usize,
        host: &mut impl Host,
        out: &mut [u8],
    ) -> Option<Result<u32, Ename>> {
        let (slot, asked) = (self.slot_of(index), self.probe(index).asked?);
        let mut header = [0; ANSWER_HEADER];
        match host.read(slot, Stream::Stdout, &mut header) {
            Pull::Data(len) => assert!(len == ANSWER_HEADER, "a pipe keeps a piece together"),
            Pull::Empty | Pull::End => return None,
        }
        let answer = decode_answer(header).map_err(Ename::from_errno);
        if let (Ok(count @ 1..), false) = (answer, asked.is_write) {
            let count = count as usize;
            match out.get_mut(..count) {
                Some(out) if asked.request.is_some() => {
                    let given = host.read(slot, Stream::Stdout, out);
                    assert!(given == Pull::Data(count), "a pipe keeps a piece together");
                }
                _ => host.discard(slot, Stream::Stdout, count),
            }
        }
        let probe = self.probe(index);
        probe.asked = None;
        probe.deadline = Time::NEVER;
        let session = probe.session;
        // Others may wait for their turn.
        self.changed.touched.set(session);
        Some(answer)
    }

    /// Nobody waits for an access any more; it is done all the same.
    pub(crate) fn cancel_debug(&mut self, id: RequestId) {
        for probe in self.probes.slots_mut() {
            if let Some(asked) = &mut probe.asked
                && asked.request == Some(id)
            {
                asked.request = None;
            }
        }
    }

    /// A file is not open any more: a debugger's helper lets go of the member, the others are killed.
    pub(crate) fn leave_debug(&mut self, cursor: u64, host: &mut impl Host) {
        if let Some(index) = self.find_probe(cursor) {
            self.leave_probe(index, Some(self.now + DETACH_US), host);
        }
    }

    /// Ends a helper: one that has a member in its hands by the time given, any other at once.
    fn leave_probe(&mut self, index: usize, by: Option<Time>, host: &mut impl Host) {
        let slot = self.slot_of(index);
        let probe = self.probe(index);
        probe.left = true;
        match (probe.state, by) {
            (State::Free, _) => {}
            (State::Wanted, _) => {
                probe.state = State::Free;
                self.wanted.probes -= 1;
            }
            (State::Over, _) => self.drop_probe(index, host),
            (State::Running, Some(by)) if probe.kind == Kind::Gdb => {
                probe.deadline = by;
                host.close_stdin(slot);
            }
            (State::Running, _) => {
                probe.deadline = Time::NEVER;
                // One that ends just now needs no end.
                let _gone = host.signal(slot, KILL);
            }
        }
    }

    /// A session is gone, and its members are killed: so are the helpers for its files.
    pub(crate) fn end_debug(&mut self, session: SessionSlot, host: &mut impl Host) {
        for index in 0..self.probes.slots().len() {
            let probe = &self.probes.slots()[index];
            if probe.session == session && probe.state != State::Free && !probe.left {
                self.leave_probe(index, None, host);
            }
        }
    }

    fn drop_probe(&mut self, index: usize, host: &mut impl Host) {
        host.release_member(self.slot_of(index));
        *self.probe(index) = Probe::default();
    }

    /// A helper's output has something, or has ended: the answer of the write that waits for it.
    pub(crate) fn probe_said(&mut self, index: usize, host: &mut impl Host) -> Option<(RequestId, Settled)> {
        let probe = self.probes.slots()[index];
        self.changed.touched.set(probe.session);
        let asked = probe.asked.filter(|asked| asked.is_write)?;
        let answer = self.take_answer(index, host, &mut [])?;
        Some((asked.request?, answer.map_or_else(Settled::Refused, Settled::Wrote)))
    }

    /// A helper's process is gone, or never came.
    pub(crate) fn probe_ended(
        &mut self,
        index: usize,
        end: End,
        host: &mut impl Host,
    ) -> Option<(RequestId, Settled)> {
        let refused = self.refuse_access(index, Ename::Io);
        let probe = self.probe(index);
        let verdict = match end {
            End::Exit(0) => None,
            End::Exit(errno) => Some(Ename::from_errno(i32::from(errno))),
            End::Never(failure) => Some(failure.ename()),
            End::Signal(_) | End::Lost => Some(Ename::Io),
        };
        probe.state = State::Over;
        probe.deadline = Time::NEVER;
        probe.verdict = probe.verdict.or(verdict);
        let (session, left) = (probe.session, probe.left);
        self.changed.touched.set(session);
        if left {
            self.drop_probe(index, host);
        }
        refused
    }

    /// Kills a helper whose time is over.
    pub(crate) fn expire_probe(
        &mut self,
        index: usize,
        host: &mut impl Host,
    ) -> Option<(RequestId, Settled)> {
        let (now, slot) = (self.now, self.slot_of(index));
        let probe = self.probe(index);
        if probe.state == State::Free || probe.deadline > now {
            return None;
        }
        probe.deadline = Time::NEVER;
        probe.verdict = Some(Ename::TimedOut);
        let session = probe.session;
        self.changed.touched.set(session);
        let _gone = host.signal(slot, KILL);
        self.refuse_access(index, Ename::TimedOut)
    }

    /// Reads look at the verdict when they are woken; a write is answered.
    fn refuse_access(&mut self, index: usize, ename: Ename) -> Option<(RequestId, Settled)> {
        let asked = self.probe(index).asked.take().filter(|asked| asked.is_write)?;
        Some((asked.request?, Settled::Refused(ename)))
    }
}
