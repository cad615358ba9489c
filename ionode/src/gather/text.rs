//! `status` texts that other nodes have to be asked for: a session's, of all its children, and the node's, of
//! its inner ones.
//!
//! All are asked at once for their first piece, and each for its next when that was read: at most one message
//! of each is held. For those that do not answer in time a line of this node's stands.

use crate::down::ask::{Answer, Ask};
use crate::down::child::{Child, Children};
use crate::ground::bounds::LOOKS;
use crate::ground::id::{Key, SessionId, TextId};
use crate::ground::pool::Held;
use crate::ground::slab::Slab;
use crate::part::Part;
use crate::shared::{Shared, Whose};
use core::fmt;
use protocol::ename::Ename;
use protocol::limits::CHILDREN_MAX;
use protocol::message::{Fid, Rmsg, Tag};
use protocol::set::{ChildSet, Rank};
use protocol::table::File;
use protocol::text::Window;
use protocol::time::Time;
use protocol::wire::Botch;
use smallvec::SmallVec;

/// Children in the order of a text.
pub(crate) type Order = SmallVec<[Rank; CHILDREN_MAX]>;

/// Whose status a text is, and what this node has to say of it.
pub(crate) trait Subject {
    /// The session that it is about; none for the node's own.
    fn session(&self) -> Option<Whose>;
    /// The children that it is about, in the order of the text.
    fn order(&self, children: &Children) -> Order;
    /// Those of them that can be asked.
    fn asked(&self, shared: &mut Shared) -> ChildSet;
    /// Writes what stands for a child that was not asked, or did not answer.
    fn write(&self, child: &Child, rank: Rank, w: &mut Window<'_>) -> fmt::Result;
}

/// The status of the nodes below this one.
pub(crate) struct OfNode;

impl Subject for OfNode {
    fn session(&self) -> Option<Whose> {
        None
    }

    fn order(&self, children: &Children) -> Order {
        children.by_name(children.known())
    }

    fn asked(&self, shared: &mut Shared) -> ChildSet {
        shared.children.inner()
    }

    fn write(&self, child: &Child, _: Rank, w: &mut Window<'_>) -> fmt::Result {
        child.write_record(w)
    }
}

/// One text being put together as it is read, from its begin to its end.
#[derive(Debug)]
struct StatusText {
    session: Option<SessionId>,
    begun: Time,
    /// When the answers that are missing are given up.
    deadline: Time,
    /// The fid and the tag on the children, while pieces may come.
    file: Option<(Fid, Tag)>,
    /// Children in the order of the text, and the one that is being read.
    order: Order,
    place: usize,
    owes: ChildSet,
    /// Children that have answered; what they say is read, and no line of this node's.
    heard: ChildSet,
    /// Children whose text has ended.
    ended: ChildSet,
    held: [Held; CHILDREN_MAX],
    /// Bytes asked for at once.
    count: u32,
    /// Bytes of its text that each child has given.
    given: [u32; CHILDREN_MAX],
    /// Bytes read of a line of this node's.
    part: u64,
    /// Bytes of the whole that are read.
    at: u64,
}

/// The texts that are being read.
#[derive(Debug, Default)]
pub(crate) struct Texts {
    all: Slab<StatusText, LOOKS>,
}

impl Texts {
    /// Reads a status text, in order from its begin: a read at offset 0 begins anew. `None` while children
    /// are asked.
    pub(crate) fn read(
        &mut self,
        now: Time,
        subject: &impl Subject,
        (cursor, offset): (&mut u64, u64),
        out: &mut [u8],
        shared: &mut Shared,
    ) -> Result<Option<usize>, Ename> {
        let known = self.all.get(Key::of(*cursor)).map(|text| text.at);
        let key = match known {
            // One of which nothing was read yet is still the one that was begun.
            Some(at) if offset > 0 || at == 0 => Key::of(*cursor),
            None if offset > 0 => return Ok(Some(0)),
            _ => {
                self.drop(Key::of(*cursor), shared);
                self.begin(now, subject, shared)?
            }
        };
        *cursor = key.cursor();
        let Some(text) = self.all.get_mut(key) else { return Err(Ename::Stale) };
        if offset != text.at {
            return Err(Ename::Invalid);
        }
        let len = text.read(now, subject, out, shared);
        text.at += len as u64;
        let is_over = text.place == text.order.len();
        if len == 0 && is_over && !out.is_empty() {
            self.drop(key, shared);
            *cursor = 0;
        }
        Ok(if len > 0 || is_over || out.is_empty() { Some(len) } else { None })
    }

    /// Begins one, and asks all that have to be asked.
    fn begin(&mut self, now: Time, subject: &impl Subject, shared: &mut Shared) -> Result<Key, Ename> {
        let text = StatusText {
            session: subject.session().map(|whose| whose.session),
            begun: now,
            deadline: Time::NEVER,
            file: None,
            order: subject.order(&shared.children),
            place: 0,
            owes: ChildSet::EMPTY,
            heard: ChildSet::EMPTY,
            ended: ChildSet::EMPTY,
            held: [Held::default(); CHILDREN_MAX],
            count: 0,
            given: [0; CHILDREN_MAX],
            part: 0,
            at: 0,
        };
        if self.all.is_full() {
            // The oldest that waits for nobody goes: its reader has to begin anew.
            let idle = self.all.iter().filter(|(_, text)| text.owes.is_empty());
            let oldest = idle.min_by_key(|(_, text)| text.begun).map(|(key, _)| key);
            self.drop(oldest.ok_or(Ename::Again)?, shared);
        }
        let asked = subject.asked(shared);
        let key = self.all.put(text).ok_or(Ename::Again)?;
        if !asked.is_empty()
            && let Err(ename) = self.ask(now, key, subject, asked, shared)
        {
            self.drop(key, shared);
            return Err(ename);
        }
        Ok(key)
    }

    fn ask(
        &mut self,
        now: Time,
        key: Key,
        subject: &impl Subject,
        set: ChildSet,
        shared: &mut Shared,
    ) -> Result<(), Ename> {
        if !shared.down.has_room(4) {
            return Err(Ename::Again);
        }
        let root = shared.root().ok_or(Ename::Again)?;
        let (fid, tag) = shared.down.standing(Ask::Text(TextId(key))).ok_or(Ename::Again)?;
        match subject.session() {
            Some(whose) => shared.open_step(whose, set, fid, (File::Status, Shared::READ)),
            None => shared.open_root(root, set, fid, (File::Status, Shared::READ)),
        }
        if let Some(text) = self.all.get_mut(key) {
            text.file = Some((fid, tag));
            text.ask(now, set, shared);
        }
        Ok(())
    }

    /// A child answered with a piece, or cannot.
    pub(crate) fn answered(
        &mut self,
        rank: Rank,
        id: TextId,
        answer: Answer<'_>,
        shared: &mut Shared,
    ) -> Result<(), Botch> {
        match self.all.get_mut(id.0) {
            Some(text) => text.answered(rank, answer, shared),
            None => Ok(()),
        }
    }

    /// Its reader is gone.
    pub(crate) fn leave(&mut self, cursor: u64, shared: &mut Shared) {
        self.drop(Key::of(cursor), shared);
    }

    fn drop(&mut self, key: Key, shared: &mut Shared) {
        let Some(text) = self.all.take(key) else { return };
        if let Some(file) = text.file {
            shared.down.leave(file);
        }
        for mut held in text.held {
            shared.pool.release(&mut held);
        }
    }

    /// How many there are.
    pub(crate) fn count(&self) -> usize {
        self.all.iter().count()
    }
}

impl StatusText {
    /// Asks children for the next piece of their text.
    fn ask(&mut self, now: Time, set: ChildSet, shared: &mut Shared) {
        let Some(file) = self.file else { return };
        // One that was lost since it gave its last piece has the file no more.
        let set = set.and(shared.down.fids.holds(file.0));
        if set.is_empty() {
            return;
        }
        let count = shared.children.payload(set);
        let offset = set.first().map_or(0, |rank| self.given[rank.index()]);
        shared.read_again(set, file, u64::from(offset), count);
        self.count = count;
        self.owes = self.owes.or(set);
        self.deadline = now + shared.children.patience(set);
    }

    fn answered(&mut self, rank: Rank, answer: Answer<'_>, shared: &mut Shared) -> Result<(), Botch> {
        if !self.owes.cut(rank) {
            return Ok(());
        }
        if self.owes.is_empty() {
            self.deadline = Time::NEVER;
        }
        let at = rank.index();
        match answer {
            Ok(Rmsg::Read { data }) if !data.is_empty() => {
                if !is_text(data, self.given[at] > 0) {
                    return Err(Botch);
                }
                self.heard.add(rank);
                // A compute node has its text at hand: less than was asked for is all that is left.
                if !shared.children.get(rank).is_inner() && data.len() < self.count as usize {
                    self.ended.add(rank);
                }
                self.given[at] += data.len() as u32;
                self.held[at] = shared.pool.hold(data);
            }
            Ok(_) | Err(_) => self.ended.add(rank),
        }
        self.touch(shared);
        Ok(())
    }

    fn touch(&self, shared: &mut Shared) {
        match self.session {
            Some(session) => shared.deeds.touch(session.slot),
            None => shared.deeds.is_stirred = true,
        }
    }

    /// Writes what can be read now.
    fn read(&mut self, now: Time, subject: &impl Subject, out: &mut [u8], shared: &mut Shared) -> usize {
        let mut len = 0;
        while len < out.len() {
            let Some(rank) = self.order.get(self.place).copied() else { break };
            let held = &mut self.held[rank.index()];
            if !held.is_none() {
                let left = shared.pool.left(*held);
                let take = left.len().min(out.len() - len);
                out[len..len + take].copy_from_slice(&left[..take]);
                len += take;
                shared.pool.take(held, take);
                if held.is_none() && !self.ended.has(rank) {
                    self.ask(now, ChildSet::one(rank), shared);
                }
                continue;
            }
            if self.owes.has(rank) {
                break;
            }
            if !self.heard.has(rank) {
                let mut w = Window::new(self.part, &mut out[len..]);
                let written = subject.write(shared.children.get(rank), rank, &mut w);
                assert!(written.is_ok(), "a window takes any text");
                len += w.len();
                self.part += w.len() as u64;
                if self.part < w.total() {
                    break;
                }
            }
            self.part = 0;
            self.place += 1;
        }
        len
    }

    /// Goes on without the answers that are missing.
    fn give_up(&mut self, id: TextId, shared: &mut Shared) {
        self.deadline = Time::NEVER;
        self.ended = self.ended.or(core::mem::take(&mut self.owes));
        if let Some((fid, tag)) = self.file {
            shared.down.flush(tag);
            // Without a new number nothing more can be asked for: the texts end with what is held.
            let again = shared.down.tags.keep(Ask::Text(id));
            self.file = again.map(|tag| (fid, tag));
            if again.is_none() {
                shared.down.clunk(fid);
            }
        }
        self.touch(shared);
    }
}

impl Part for Texts {
    fn reserve(&mut self) {
        self.all.reserve();
    }

    fn due(&self) -> Time {
        self.all.iter().map(|(_, text)| text.deadline).min().unwrap_or(Time::NEVER)
    }

    fn expire(&mut self, now: Time, shared: &mut Shared) -> bool {
        let Some(key) = self.all.find(|text| text.deadline <= now) else { return false };
        if let Some(text) = self.all.get_mut(key) {
            text.give_up(TextId(key), shared);
        }
        true
    }

    fn end(&mut self, session: SessionId, shared: &mut Shared) {
        while let Some(key) = self.all.find(|text| text.session == Some(session)) {
            self.drop(key, shared);
        }
    }

    fn is_quiet(&self) -> bool {
        self.all.is_empty()
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
