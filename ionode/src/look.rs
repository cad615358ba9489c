//! `status` texts that other nodes have to be asked for: a session's, of all its children, and the node's, of
//! its inner ones.
//!
//! All are asked at once for their first piece, and each for its next when that was read: at most one message
//! of each is held. For those that do not answer in time a line of our own stands.

use crate::ask::{Answer, Ask};
use crate::child::{Child, State};
use crate::host::SessionSlot;
use crate::node::Node;
use crate::pool::Held;
use crate::step::Send;
use core::fmt::{self, Write};
use protocol::ename::Ename;
use protocol::limits::CHILDREN_MAX;
use protocol::message::{Fid, Rmsg, Tag};
use protocol::server::mode;
use protocol::set::{ChildSet, Rank};
use protocol::slots::Slots;
use protocol::table::File;
use protocol::text::Window;
use protocol::time::Time;
use protocol::wire::Botch;
use smallvec::SmallVec;

/// Whose status.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum What {
    /// The nodes below this one.
    Node,
    /// The members of a session.
    Session(SessionSlot),
}

/// One text being put together as it is read, from its begin to its end.
#[derive(Clone, Debug)]
pub struct Look {
    what: Option<What>,
    seq: u32,
    begun: Time,
    /// When the answers that are missing are given up.
    pub(crate) deadline: Time,
    /// The fid and the tag on the children, while pieces may come.
    file: Option<(Fid, Tag)>,
    /// Children in the order of the text, and the one that is being told.
    order: SmallVec<[Rank; CHILDREN_MAX]>,
    place: usize,
    owes: ChildSet,
    /// Children that have answered; what they say is told, and no line of our own.
    told: ChildSet,
    /// Children whose text has ended.
    ended: ChildSet,
    held: [Held; CHILDREN_MAX],
    /// Bytes asked for at once.
    count: u32,
    /// Bytes of its text that each child has given.
    given: [u32; CHILDREN_MAX],
    /// Bytes told of a text of our own.
    part: u64,
    /// Bytes of the whole that are read.
    at: u64,
}

impl Default for Look {
    fn default() -> Self {
        Self {
            what: None,
            seq: 0,
            begun: Time::default(),
            deadline: Time::NEVER,
            file: None,
            order: SmallVec::new(),
            place: 0,
            owes: ChildSet::EMPTY,
            told: ChildSet::EMPTY,
            ended: ChildSet::EMPTY,
            held: [Held::default(); CHILDREN_MAX],
            count: 0,
            given: [0; CHILDREN_MAX],
            part: 0,
            at: 0,
        }
    }
}

impl Look {
    /// It is nobody's.
    pub(crate) fn is_free(&self) -> bool {
        self.what.is_none()
    }
}

/// What a reader's cursor names: a look, and its number for when the place is another's. 0 is none.
fn cursor_of(index: usize, seq: u32) -> u64 {
    u64::from(seq) << 8 | (index as u64 + 1)
}

impl Node {
    /// Reads a status text, in order from its begin: a read at offset 0 begins anew. `None` while children
    /// are asked.
    pub(crate) fn read_look(
        &mut self,
        now: Time,
        what: What,
        (cursor, offset): (&mut u64, u64),
        out: &mut [u8],
    ) -> Result<Option<usize>, Ename> {
        let index = match self.look_of(*cursor) {
            // One that has not told anything yet is still the one that was begun.
            Some(index) if offset > 0 || self.looks[index].at == 0 => index,
            Some(index) => {
                self.free_look(index);
                self.begin_look(now, what)?
            }
            None if offset > 0 => return Ok(Some(0)),
            None => self.begin_look(now, what)?,
        };
        *cursor = cursor_of(index, self.looks[index].seq);
        if offset != self.looks[index].at {
            return Err(Ename::Invalid);
        }
        let len = self.tell_look(now, index, out);
        self.looks[index].at += len as u64;
        let over = self.looks[index].place == self.looks[index].order.len();
        if len == 0 && over && !out.is_empty() {
            self.free_look(index);
            *cursor = 0;
        }
        Ok(if len > 0 || over || out.is_empty() { Some(len) } else { None })
    }

    fn look_of(&self, cursor: u64) -> Option<usize> {
        let index = (cursor & 0xff).checked_sub(1)? as usize;
        let look = self.looks.get(index)?;
        (look.what.is_some() && cursor_of(index, look.seq) == cursor).then_some(index)
    }

    /// Begins one, and asks all that have to be asked.
    fn begin_look(&mut self, now: Time, what: What) -> Result<usize, Ename> {
        let free = self.looks.free(|look| look.what.is_none());
        let idle = || {
            let looks = self.looks.iter().enumerate().filter(|(_, look)| look.owes.is_empty());
            looks.min_by_key(|(_, look)| look.begun).map(|(index, _)| index)
        };
        let index = free.or_else(idle).ok_or(Ename::Again)?;
        self.free_look(index);
        let (all, asked) = match what {
            What::Node => {
                let all = self.children.known();
                (all, self.serving().and(self.children.those(Child::is_inner)))
            }
            What::Session(slot) => {
                let all = self.session(slot).set();
                let dir = self.session(slot).dir;
                let there = dir.map_or(ChildSet::EMPTY, |dir| self.fids.holds(dir));
                (all, all.and(self.serving()).and(there))
            }
        };
        let order = match what {
            What::Node => self.children.by_name(all),
            What::Session(slot) => self.session(slot).counts.iter().map(|(rank, _)| rank).collect(),
        };
        self.next_look = self.next_look.wrapping_add(1);
        let seq = self.next_look;
        self.looks[index] = Look { what: Some(what), seq, begun: now, order, ..Look::default() };
        if !asked.is_empty()
            && let Err(ename) = self.ask_look(now, (index, what), asked)
        {
            self.free_look(index);
            return Err(ename);
        }
        Ok(index)
    }

    fn ask_look(&mut self, now: Time, (index, what): (usize, What), set: ChildSet) -> Result<(), Ename> {
        if !self.has_room(4) {
            return Err(Ename::Again);
        }
        let fid = self.fids.take().ok_or(Ename::Again)?;
        let tag = self.tags.keep(Ask::Look(index as u8)).ok_or(Ename::Again)?;
        match what {
            What::Session(slot) => self.open_file(slot, set, fid, (File::Status, mode::READ)),
            What::Node => {
                let root = self.user("root").ok_or(Ename::Again)?;
                let (from, file) = (self.attach_fid(root), Some(File::Status));
                self.fids.establish(fid, set);
                self.ask(set, Ask::Rest, Send::WalkRoot { from, fid, file });
                self.ask(set, Ask::Rest, Send::Open { fid, mode: mode::READ });
            }
        }
        self.looks[index].file = Some((fid, tag));
        self.ask_piece(now, index, set);
        Ok(())
    }

    /// Asks children for the next piece of their text.
    fn ask_piece(&mut self, now: Time, index: usize, set: ChildSet) {
        let Some((fid, tag)) = self.looks[index].file else { return };
        // One that was lost since it told its last piece has the file no more.
        let set = set.and(self.fids.holds(fid));
        if set.is_empty() {
            return;
        }
        let count = self.payload(set);
        let patience = self.patience(set);
        let offset = set.first().map_or(0, |rank| self.looks[index].given[rank.index()]);
        self.ask_again(set, tag, Send::Read { fid, offset: u64::from(offset), count });
        let look = &mut self.looks[index];
        look.count = count;
        look.owes = look.owes.or(set);
        look.deadline = now + patience;
    }

    /// A child answered with a piece, or cannot.
    pub(crate) fn looked(&mut self, rank: Rank, index: u8, answer: Answer<'_>) -> Result<(), Botch> {
        let look = &mut self.looks[index as usize];
        if !look.owes.cut(rank) {
            return Ok(());
        }
        if look.owes.is_empty() {
            look.deadline = Time::NEVER;
        }
        let at = rank.index();
        let whole = !self.children.get(rank).is_inner();
        match answer {
            Ok(Rmsg::Read { data }) if !data.is_empty() => {
                if !is_text(data, look.given[at] > 0) {
                    return Err(Botch);
                }
                look.told.add(rank);
                // A compute node has its text at hand: less than was asked for is all that is left.
                if whole && data.len() < look.count as usize {
                    look.ended.add(rank);
                }
                look.given[at] += data.len() as u32;
                look.held[at] = self.pool.hold(data);
            }
            _ => look.ended.add(rank),
        }
        self.touch_look(index as usize);
        Ok(())
    }

    fn touch_look(&mut self, index: usize) {
        match self.looks[index].what {
            Some(What::Session(slot)) => self.touch(slot),
            Some(What::Node) => self.stirred = true,
            None => {}
        }
    }

    /// Writes what can be told now.
    fn tell_look(&mut self, now: Time, index: usize, out: &mut [u8]) -> usize {
        let mut len = 0;
        while len < out.len() {
            let look = &mut self.looks[index];
            let Some(rank) = look.order.get(look.place).copied() else { break };
            let held = &mut look.held[rank.index()];
            if !held.is_none() {
                let left = self.pool.left(*held);
                let take = left.len().min(out.len() - len);
                out[len..len + take].copy_from_slice(&left[..take]);
                len += take;
                self.pool.take(held, take);
                if held.is_none() && !look.ended.has(rank) {
                    self.ask_piece(now, index, ChildSet::one(rank));
                }
                continue;
            }
            if look.owes.has(rank) {
                break;
            }
            if !look.told.has(rank) {
                let (what, part) = (look.what, look.part);
                let mut w = Window::new(part, &mut out[len..]);
                let written = self.write_own(what, rank, &mut w);
                assert!(written.is_ok(), "a window takes any text");
                let (more, over) = (w.len(), part + w.len() as u64 == w.total());
                len += more;
                self.looks[index].part = part + more as u64;
                if !over {
                    break;
                }
            }
            let look = &mut self.looks[index];
            look.part = 0;
            look.place += 1;
        }
        len
    }

    /// What stands for a child that was not asked, or did not answer.
    fn write_own(&self, what: Option<What>, rank: Rank, w: &mut Window<'_>) -> fmt::Result {
        let child = self.children.get(rank);
        match what {
            Some(What::Node) => self.write_child(child, w),
            Some(What::Session(slot)) => {
                let session = &self.sessions[slot as usize];
                let state = match child.state {
                    _ if !session.executed => "reserved",
                    State::Up => "unknown",
                    state => state.name(),
                };
                session.places(rank).try_for_each(|index| {
                    writeln!(w, "{} {} {state} pid=0 cmd=''", session.number(index), child.name)
                })
            }
            None => Ok(()),
        }
    }

    /// Looks that wait for children longer than they may go on without them.
    pub(crate) fn expire_looks(&mut self, now: Time) {
        for index in 0..self.looks.len() {
            if self.looks[index].deadline > now {
                continue;
            }
            let late = core::mem::take(&mut self.looks[index].owes);
            let look = &mut self.looks[index];
            look.deadline = Time::NEVER;
            look.ended = look.ended.or(late);
            if let Some((fid, tag)) = look.file {
                self.flush(tag);
                // Without a new number nothing more can be asked for: the texts end with what is held.
                let again = self.tags.keep(Ask::Look(index as u8));
                self.looks[index].file = again.map(|tag| (fid, tag));
                if again.is_none() {
                    self.clunk(fid);
                }
            }
            self.touch_look(index);
        }
    }

    fn free_look(&mut self, index: usize) {
        let look = core::mem::take(&mut self.looks[index]);
        if let Some((fid, tag)) = look.file {
            self.flush(tag);
            self.clunk(fid);
        }
        for mut held in look.held {
            self.pool.release(&mut held);
        }
    }

    /// Its reader is gone.
    pub(crate) fn leave_look(&mut self, cursor: u64) {
        if let Some(index) = self.look_of(cursor) {
            self.free_look(index);
        }
    }

    /// A session is gone, and its looks with it.
    pub(crate) fn end_looks(&mut self, slot: SessionSlot) {
        for index in 0..self.looks.len() {
            if self.looks[index].what == Some(What::Session(slot)) {
                self.free_look(index);
            }
        }
    }
}

/// A piece of a text: it may begin, unless it is the first, and end within a character.
fn is_text(piece: &[u8], goes_on: bool) -> bool {
    let within = |byte: &&u8| goes_on && (0x80..0xc0).contains(*byte);
    let rest = &piece[piece.iter().take(3).take_while(within).count()..];
    match core::str::from_utf8(rest) {
        Ok(_) => true,
        Err(e) => e.error_len().is_none(),
    }
}
