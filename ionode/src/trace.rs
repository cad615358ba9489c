//! `debug/trace` of a session: what all its children tell of where their members are, equal places once.
//!
//! All are asked at once, and each for more until its text has ended. Nothing is told before all have
//! answered or the time is over: one line may have members of many children.

use crate::ask::{Answer, Ask};
use crate::bounds::TRACE_MAX;
use crate::child::State;
use crate::host::SessionSlot;
use crate::node::Node;
use crate::step::Send;
use core::fmt::Write;
use protocol::ename::Ename;
use protocol::limits::CHILDREN_MAX;
use protocol::memberset::{self, MemberSet};
use protocol::message::{Fid, Rmsg, Tag};
use protocol::server::mode;
use protocol::set::{ChildSet, Rank};
use protocol::slots::Slots;
use protocol::table::File;
use protocol::time::Time;
use std::collections::{BTreeMap, BTreeSet};

/// One trace being gathered, and then read.
#[derive(Clone, Debug)]
pub struct Trace {
    slot: Option<SessionSlot>,
    seq: u32,
    /// When the answers that are missing are given up.
    pub(crate) deadline: Time,
    /// The fid and the tag on the children, while answers may come.
    file: Option<(Fid, Tag)>,
    owes: ChildSet,
    /// What each child has said.
    texts: Vec<Vec<u8>>,
    /// The whole, once all have answered.
    told: Option<String>,
    /// Some of it was read.
    is_read: bool,
}

impl Default for Trace {
    fn default() -> Self {
        Self {
            slot: None,
            seq: 0,
            deadline: Time::NEVER,
            file: None,
            owes: ChildSet::EMPTY,
            texts: Vec::new(),
            told: None,
            is_read: false,
        }
    }
}

/// What a reader's cursor names: a trace, and its number for when the place is another's. 0 is none.
fn cursor_of(index: usize, seq: u32) -> u64 {
    u64::from(seq) << 8 | (index as u64 + 1)
}

impl Node {
    /// Reads a session's trace: made anew by a read at offset 0. `None` while children are asked.
    pub(crate) fn read_trace(
        &mut self,
        now: Time,
        slot: SessionSlot,
        (cursor, offset): (&mut u64, u64),
        out: &mut [u8],
    ) -> Result<Option<usize>, Ename> {
        let index = match self.trace_of(*cursor) {
            Some(index) if offset > 0 || !self.traces[index].is_read => index,
            // Nothing was told yet that could go on there.
            None if offset > 0 && *cursor == 0 => return Ok(Some(0)),
            // It had to go for another reader's.
            None if offset > 0 => return Err(Ename::Stale),
            known => {
                if let Some(index) = known {
                    self.free_trace(index);
                }
                self.begin_trace(now, slot)?
            }
        };
        *cursor = cursor_of(index, self.traces[index].seq);
        let trace = &mut self.traces[index];
        let Some(told) = &trace.told else { return Ok(None) };
        let left = told.as_bytes().get(offset as usize..).unwrap_or(&[]);
        let len = left.len().min(out.len());
        out[..len].copy_from_slice(&left[..len]);
        trace.is_read = true;
        Ok(Some(len))
    }

    fn trace_of(&self, cursor: u64) -> Option<usize> {
        let index = (cursor & 0xff).checked_sub(1)? as usize;
        let trace = self.traces.get(index)?;
        (trace.slot.is_some() && cursor_of(index, trace.seq) == cursor).then_some(index)
    }

    fn begin_trace(&mut self, now: Time, slot: SessionSlot) -> Result<usize, Ename> {
        let free = self.traces.free(|trace| trace.slot.is_none());
        let done = || {
            let done = self.traces.iter().enumerate().filter(|(_, trace)| trace.is_read);
            done.min_by_key(|(_, trace)| trace.seq).map(|(index, _)| index)
        };
        let index = free.or_else(done).ok_or(Ename::Again)?;
        self.free_trace(index);
        let session = self.session(slot);
        let (all, dir) = (session.set(), session.dir);
        let there = dir.map_or(ChildSet::EMPTY, |dir| self.fids.holds(dir));
        let asked = all.and(self.serving()).and(there);
        self.next_trace = self.next_trace.wrapping_add(1);
        let (seq, texts) = (self.next_trace, vec![Vec::new(); CHILDREN_MAX]);
        self.traces[index] = Trace { slot: Some(slot), seq, texts, ..Trace::default() };
        if let Err(ename) = self.ask_trace(now, (index, slot), asked) {
            self.free_trace(index);
            return Err(ename);
        }
        if asked.is_empty() {
            self.end_trace(index);
        }
        Ok(index)
    }

    fn ask_trace(
        &mut self,
        now: Time,
        (index, slot): (usize, SessionSlot),
        set: ChildSet,
    ) -> Result<(), Ename> {
        if set.is_empty() {
            return Ok(());
        }
        if !self.has_room(4) {
            return Err(Ename::Again);
        }
        let fid = self.fids.take().ok_or(Ename::Again)?;
        let tag = self.tags.keep(Ask::Trace(index as u8)).ok_or(Ename::Again)?;
        let (owner, serial) = (self.session(slot).owner, self.session(slot).serial);
        let from = self.attach_fid(owner);
        self.fids.establish(fid, set);
        let file = File::Trace;
        // Who refuses one of these refuses the read as well.
        self.ask(set, Ask::Rest, Send::WalkSession { from, fid, serial, file });
        self.ask(set, Ask::Rest, Send::Open { fid, mode: mode::READ });
        let patience = self.patience(set);
        let trace = &mut self.traces[index];
        trace.file = Some((fid, tag));
        trace.deadline = now + patience;
        self.ask_more(index, set);
        Ok(())
    }

    /// Asks children, all of which are as far, for the next piece of their text.
    fn ask_more(&mut self, index: usize, set: ChildSet) {
        let Some((fid, tag)) = self.traces[index].file else { return };
        let count = self.payload(set);
        let trace = &mut self.traces[index];
        trace.owes = trace.owes.or(set);
        let offset = set.first().map_or(0, |rank| trace.texts[rank.index()].len() as u64);
        self.ask_again(set, tag, Send::Read { fid, offset, count });
    }

    /// A child answered with a piece, or cannot.
    pub(crate) fn traced(&mut self, rank: Rank, index: u8, answer: Answer<'_>) {
        let index = index as usize;
        let trace = &mut self.traces[index];
        if !trace.owes.cut(rank) {
            return;
        }
        if let Ok(Rmsg::Read { data }) = answer
            && !data.is_empty()
        {
            let text = &mut trace.texts[rank.index()];
            let room = TRACE_MAX - text.len();
            text.extend_from_slice(&data[..data.len().min(room)]);
            if data.len() < room {
                return self.ask_more(index, ChildSet::one(rank));
            }
        }
        if trace.owes.is_empty() {
            self.end_trace(index);
        }
    }

    /// All have answered, or need not any more: the whole is put together.
    fn end_trace(&mut self, index: usize) {
        let trace = &mut self.traces[index];
        let Some(slot) = trace.slot else { return };
        let texts = core::mem::take(&mut trace.texts);
        trace.deadline = Time::NEVER;
        if let Some((fid, tag)) = trace.file.take() {
            self.flush(tag);
            self.clunk(fid);
        }
        let told = self.fold_traces(slot, &texts);
        self.traces[index].told = Some(told);
        self.touch(slot);
    }

    fn fold_traces(&mut self, slot: SessionSlot, texts: &[Vec<u8>]) -> String {
        let mut places = BTreeMap::<&str, BTreeSet<u32>>::new();
        let set = self.session(slot).set();
        for rank in set.collect::<Vec<_>>() {
            let child = self.children.get(rank);
            let session = &self.sessions[slot as usize];
            let mut missing: BTreeSet<u32> = session.places(rank).map(|at| session.number(at)).collect();
            let text = core::str::from_utf8(&texts[rank.index()]).unwrap_or("");
            // A line that was cut ends without a newline.
            for line in text.split_inclusive('\n').filter_map(|line| line.strip_suffix('\n')) {
                let Some((members, place)) = line.split_once(' ') else { continue };
                // A child tells of its own members, of each once.
                let members = MemberSet::parse(members).ok().filter(|set| set.count() <= missing.len());
                let Some(members) = members else { continue };
                let own = members.iter().filter(|member| missing.remove(member));
                places.entry(place).or_default().extend(own);
            }
            let state = match child.state {
                _ if !session.executed => "reserved",
                State::Up => "unknown",
                state => state.name(),
            };
            places.entry(state).or_default().extend(missing);
        }
        let mut lines: Vec<(BTreeSet<u32>, &str)> = places.into_iter().map(|(at, of)| (of, at)).collect();
        lines.retain(|(members, _)| !members.is_empty());
        lines.sort();
        let mut told = String::new();
        for (members, place) in lines {
            let written = memberset::fold(members.into_iter(), &mut told);
            let written = written.and_then(|()| writeln!(told, " {place}"));
            assert!(written.is_ok(), "a string takes any text");
        }
        told
    }

    /// Traces that wait for children longer than they may are told without them.
    pub(crate) fn expire_traces(&mut self, now: Time) {
        for index in 0..self.traces.len() {
            if self.traces[index].deadline <= now {
                self.traces[index].owes = ChildSet::EMPTY;
                self.end_trace(index);
            }
        }
    }

    fn free_trace(&mut self, index: usize) {
        let trace = core::mem::take(&mut self.traces[index]);
        if let Some((fid, tag)) = trace.file {
            self.flush(tag);
            self.clunk(fid);
        }
    }

    /// Its reader is gone.
    pub(crate) fn leave_trace(&mut self, cursor: u64) {
        if let Some(index) = self.trace_of(cursor) {
            self.free_trace(index);
        }
    }

    /// A session is gone, and its traces with it.
    pub(crate) fn end_traces(&mut self, slot: SessionSlot) {
        for index in 0..self.traces.len() {
            if self.traces[index].slot == Some(slot) {
                self.free_trace(index);
            }
        }
    }
}
