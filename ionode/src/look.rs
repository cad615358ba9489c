//! `status` of a session: asked of all its children at once, put together in rank order, with a line of our
//! own for the members of those that do not answer in time.

use crate::ask::{Answer, Ask};
use crate::child::State;
use crate::host::SessionSlot;
use crate::node::Node;
use crate::pool::Held;
use crate::step::Send;
use core::fmt::{self, Write};
use protocol::ename::Ename;
use protocol::limits::{CHILDREN_MAX, GATHER_US};
use protocol::message::Rmsg;
use protocol::server::mode;
use protocol::set::{ChildSet, Rank};
use protocol::table::File;
use protocol::text::Window;
use protocol::time::Time;
use protocol::wire::Botch;

/// One status text being put together, or read.
#[derive(Clone, Debug)]
pub struct Look {
    slot: Option<SessionSlot>,
    begun: Time,
    /// When the answers that are missing are given up.
    pub(crate) deadline: Time,
    owes: ChildSet,
    held: [Held; CHILDREN_MAX],
}

impl Default for Look {
    fn default() -> Self {
        Self {
            slot: None,
            begun: Time::default(),
            deadline: Time::NEVER,
            owes: ChildSet::EMPTY,
            held: [Held::default(); CHILDREN_MAX],
        }
    }
}

impl Node {
    /// Reads a session's status: a read at offset 0 asks anew, later ones continue that text. `None` while
    /// the children are asked. The cursor holds the look, one more than its number.
    pub(crate) fn read_status(
        &mut self,
        now: Time,
        slot: SessionSlot,
        (cursor, offset): (&mut u64, u64),
        out: &mut [u8],
    ) -> Result<Option<usize>, Ename> {
        if !self.session(slot).executed {
            let mut w = Window::new(offset, out);
            let written = self.write_reserved(slot, &mut w);
            assert!(written.is_ok(), "a window takes any text");
            return Ok(Some(w.len()));
        }
        let asked = *cursor > 0 && *cursor <= self.looks.len() as u64;
        let index = match asked.then(|| *cursor as usize - 1) {
            Some(index) if self.looks[index].slot == Some(slot) => {
                // A second read at offset 0 of a look that is complete asks anew.
                if offset == 0 && self.looks[index].deadline == Time::NEVER {
                    self.begin_look(now, slot)?
                } else {
                    index
                }
            }
            Some(_) if offset > 0 => return Ok(Some(0)),
            _ => self.begin_look(now, slot)?,
        };
        *cursor = index as u64 + 1;
        if !self.looks[index].owes.is_empty() {
            return Ok(None);
        }
        let mut w = Window::new(offset, out);
        let written = self.write_look(index, slot, &mut w);
        assert!(written.is_ok(), "a window takes any text");
        let len = w.len();
        self.looks[index].deadline = Time::NEVER;
        if len == 0 {
            self.free_look(index);
            *cursor = 0;
        }
        Ok(Some(len))
    }

    fn begin_look(&mut self, now: Time, slot: SessionSlot) -> Result<usize, Ename> {
        let free = self.looks.iter().position(|look| look.slot.is_none());
        let idle = || {
            let looks = self.looks.iter().enumerate().filter(|(_, look)| look.owes.is_empty());
            looks.min_by_key(|(_, look)| look.begun).map(|(index, _)| index)
        };
        let index = free.or_else(idle).ok_or(Ename::Again)?;
        self.free_look(index);
        let Some(dir) = self.session(slot).dir else { return Err(Ename::NotFound) };
        let set = self.session(slot).set().and(self.serving()).and(self.fids.holds(dir));
        if !self.has_room(4) {
            return Err(Ename::Again);
        }
        let fid = self.fids.take().ok_or(Ename::Again)?;
        self.open_file(slot, set, fid, (File::Status, mode::READ));
        let count = self.payload(set);
        self.ask(set, Ask::Look(index as u8), Send::Read { fid, offset: 0, count });
        self.clunk(fid);
        let look = &mut self.looks[index];
        look.slot = Some(slot);
        look.begun = now;
        look.deadline = now + GATHER_US;
        look.owes = set;
        Ok(index)
    }

    /// A child answered with its records, or cannot.
    pub(crate) fn looked(&mut self, rank: Rank, index: u8, answer: Answer<'_>) -> Result<(), Botch> {
        let look = &mut self.looks[index as usize];
        let Some(slot) = look.slot else { return Ok(()) };
        if !look.owes.cut(rank) {
            return Ok(());
        }
        if let Ok(Rmsg::Read { data }) = answer {
            // Of more records than one message holds, the last is there in part.
            let whole = data.iter().rposition(|byte| *byte == b'\n').map_or(0, |at| at + 1);
            let records = core::str::from_utf8(&data[..whole]).map_err(|_| Botch)?;
            if !records.is_empty() {
                look.held[rank.index()] = self.pool.hold(records.as_bytes());
            }
        }
        self.touch(slot);
        Ok(())
    }

    fn write_look(&self, index: usize, slot: SessionSlot, w: &mut Window<'_>) -> fmt::Result {
        let session = &self.sessions[slot as usize];
        for rank in session.set() {
            let held = self.looks[index].held[rank.index()];
            if held.is_none() {
                let child = self.children.get(rank);
                let state = if child.state == State::Up { "unknown" } else { child.state.name() };
                let (first, stride, count) = session.share().own(rank);
                for i in 0..count {
                    writeln!(w, "{} {} {state} pid=0 cmd=''", first + i * stride, child.name)?;
                }
            } else {
                w.put(self.pool.left(held));
            }
        }
        Ok(())
    }

    fn write_reserved(&self, slot: SessionSlot, w: &mut Window<'_>) -> fmt::Result {
        let session = &self.sessions[slot as usize];
        for member in 0..session.size() {
            let rank = session.child_of(member);
            let node = rank.map_or("", |rank| self.children.get(rank).name.as_str());
            writeln!(w, "{member} {node} reserved pid=0 cmd=''")?;
        }
        Ok(())
    }

    /// Looks that wait for children longer than they may go on without them.
    pub(crate) fn expire_looks(&mut self, now: Time) {
        for index in 0..self.looks.len() {
            let look = &mut self.looks[index];
            if let Some(slot) = look.slot
                && look.deadline <= now
            {
                look.deadline = Time::NEVER;
                look.owes = ChildSet::EMPTY;
                self.rest_look(index);
                self.touch(slot);
            }
        }
    }

    fn rest_look(&mut self, index: usize) {
        if let Some((tag, _)) = self.tags.find(|ask| *ask == Ask::Look(index as u8)) {
            self.flush(tag);
        }
    }

    fn free_look(&mut self, index: usize) {
        self.rest_look(index);
        let look = core::mem::take(&mut self.looks[index]);
        for mut held in look.held {
            self.pool.release(&mut held);
        }
    }

    /// A session is gone, and its looks with it.
    pub(crate) fn end_looks(&mut self, slot: SessionSlot) {
        for index in 0..self.looks.len() {
            if self.looks[index].slot == Some(slot) {
                self.free_look(index);
            }
        }
    }
}
