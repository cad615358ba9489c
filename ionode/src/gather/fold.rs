//! `debug/trace` of a session: what all its children say of where their members are, equal places once.
//!
//! All are asked at once, and each for more until its text has ended. Nothing can be read before all have
//! answered or the time is over: one line may have members of many children.

use crate::down::ask::{Answer, Ask};
use crate::down::child::{Children, State};
use crate::ground::bounds::{TRACE_MAX, TRACES};
use crate::ground::id::{FoldId, Key, SessionId};
use crate::ground::members::Members;
use crate::ground::slab::Slab;
use crate::part::Part;
use crate::shared::{Shared, Whose};
use core::fmt::Write;
use protocol::ename::Ename;
use protocol::limits::CHILDREN_MAX;
use protocol::memberset::{self, MemberSet};
use protocol::message::{Fid, Rmsg, Tag};
use protocol::set::{ChildSet, Rank};
use protocol::table::File;
use protocol::time::Time;
use std::collections::{BTreeMap, BTreeSet};

/// One trace being gathered, and then read.
#[derive(Debug)]
struct Trace {
    session: SessionId,
    members: Members,
    /// The session runs: a member of which nothing is known is somewhere.
    runs: bool,
    /// When the answers that are missing are given up.
    deadline: Time,
    /// The fid and the tag on the children, while answers may come.
    file: Option<(Fid, Tag)>,
    owes: ChildSet,
    /// What each child has said.
    texts: Vec<Vec<u8>>,
    /// The whole, once all have answered.
    whole: Option<String>,
    /// Some of it was read.
    is_read: bool,
}

/// The traces that are being gathered or read.
#[derive(Debug, Default)]
pub(crate) struct Folds {
    all: Slab<Trace, TRACES>,
}

/// The session whose trace is read: its members, those that can be asked, and whether it runs.
pub(crate) struct Traced<'a> {
    pub(crate) whose: Whose,
    pub(crate) members: &'a Members,
    pub(crate) asked: ChildSet,
    pub(crate) runs: bool,
}

impl Folds {
    /// Reads a session's trace: made anew by a read at offset 0. `None` while children are asked.
    pub(crate) fn read(
        &mut self,
        now: Time,
        traced: &Traced<'_>,
        (cursor, offset): (&mut u64, u64),
        out: &mut [u8],
        shared: &mut Shared,
    ) -> Result<Option<usize>, Ename> {
        let known = self.all.get(Key::of(*cursor)).map(|trace| trace.is_read);
        let key = match known {
            Some(is_read) if offset > 0 || !is_read => Key::of(*cursor),
            // Nothing was read yet that could go on there.
            None if offset > 0 && *cursor == 0 => return Ok(Some(0)),
            // It had to go for another reader's.
            None if offset > 0 => return Err(Ename::Stale),
            _ => {
                self.drop(Key::of(*cursor), shared);
                self.begin(now, traced, shared)?
            }
        };
        *cursor = key.cursor();
        let Some(trace) = self.all.get_mut(key) else { return Err(Ename::Stale) };
        let Some(whole) = &trace.whole else { return Ok(None) };
        let left = whole.as_bytes().get(offset as usize..).unwrap_or(&[]);
        let len = left.len().min(out.len());
        out[..len].copy_from_slice(&left[..len]);
        trace.is_read = true;
        Ok(Some(len))
    }

    fn begin(&mut self, now: Time, traced: &Traced<'_>, shared: &mut Shared) -> Result<Key, Ename> {
        if self.all.is_full() {
            let read = self.all.iter().filter(|(_, trace)| trace.is_read);
            let oldest = read.min_by_key(|(key, _)| key.seq).map(|(key, _)| key);
            self.drop(oldest.ok_or(Ename::Again)?, shared);
        }
        let key = self.all.put(Trace {
            session: traced.whose.session,
            members: *traced.members,
            runs: traced.runs,
            deadline: Time::NEVER,
            file: None,
            owes: ChildSet::EMPTY,
            texts: vec![Vec::new(); CHILDREN_MAX],
            whole: None,
            is_read: false,
        });
        let key = key.ok_or(Ename::Again)?;
        if traced.asked.is_empty() {
            self.end_now(key, shared);
        } else if let Err(ename) = self.ask(now, key, traced, shared) {
            self.drop(key, shared);
            return Err(ename);
        }
        Ok(key)
    }

    fn ask(&mut self, now: Time, key: Key, traced: &Traced<'_>, shared: &mut Shared) -> Result<(), Ename> {
        if !shared.down.has_room(4) {
            return Err(Ename::Again);
        }
        let file = shared.down.standing(Ask::Fold(FoldId(key))).ok_or(Ename::Again)?;
        // Who refuses one of these refuses the read as well.
        let way = (File::Trace, Shared::READ);
        shared.open_session(traced.whose, traced.asked, file.0, Ask::Rest, way);
        if let Some(trace) = self.all.get_mut(key) {
            trace.file = Some(file);
            trace.deadline = now + shared.children.patience(traced.asked);
            trace.ask(traced.asked, shared);
        }
        Ok(())
    }

    /// A child answered with a piece, or cannot.
    pub(crate) fn answered(&mut self, rank: Rank, id: FoldId, answer: Answer<'_>, shared: &mut Shared) {
        let Some(trace) = self.all.get_mut(id.0) else { return };
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
                return trace.ask(ChildSet::one(rank), shared);
            }
        }
        if trace.owes.is_empty() {
            self.end_now(id.0, shared);
        }
    }

    /// All have answered, or need not any more: the whole is put together.
    fn end_now(&mut self, key: Key, shared: &mut Shared) {
        let Some(trace) = self.all.get_mut(key) else { return };
        trace.owes = ChildSet::EMPTY;
        trace.deadline = Time::NEVER;
        if let Some(file) = trace.file.take() {
            shared.down.leave(file);
        }
        trace.whole = Some(trace.fold(&shared.children));
        trace.texts = Vec::new();
        shared.deeds.touch(trace.session.slot);
    }

    /// Its reader is gone.
    pub(crate) fn leave(&mut self, cursor: u64, shared: &mut Shared) {
        self.drop(Key::of(cursor), shared);
    }

    fn drop(&mut self, key: Key, shared: &mut Shared) {
        if let Some(trace) = self.all.take(key)
            && let Some(file) = trace.file
        {
            shared.down.leave(file);
        }
    }
}

impl Trace {
    /// Asks children, all of which are as far, for the next piece of their text.
    fn ask(&mut self, set: ChildSet, shared: &mut Shared) {
        let Some(file) = self.file else { return };
        let count = shared.children.payload(set);
        let offset = set.first().map_or(0, |rank| self.texts[rank.index()].len() as u64);
        self.owes = self.owes.or(set);
        shared.read_again(set, file, offset, count);
    }

    fn fold(&self, children: &Children) -> String {
        let mut places = BTreeMap::<&str, BTreeSet<u32>>::new();
        for rank in self.members.set() {
            let mut missing: BTreeSet<u32> = self.members.numbers(rank).collect();
            let text = core::str::from_utf8(&self.texts[rank.index()]).unwrap_or("");
            // A line that was cut ends without a newline.
            for line in text.split_inclusive('\n').filter_map(|line| line.strip_suffix('\n')) {
                let Some((members, place)) = line.split_once(' ') else { continue };
                // A child reports its own members, each once.
                let members = MemberSet::parse(members).ok().filter(|set| set.count() <= missing.len());
                let Some(members) = members else { continue };
                let own = members.iter().filter(|member| missing.remove(member));
                places.entry(place).or_default().extend(own);
            }
            let state = match children.get(rank).state {
                _ if !self.runs => "reserved",
                State::Up => "unknown",
                state => state.name(),
            };
            places.entry(state).or_default().extend(missing);
        }
        let mut lines: Vec<(BTreeSet<u32>, &str)> = places.into_iter().map(|(at, of)| (of, at)).collect();
        lines.retain(|(members, _)| !members.is_empty());
        lines.sort();
        let mut whole = String::new();
        for (members, place) in lines {
            let written = memberset::fold(members.into_iter(), &mut whole);
            let written = written.and_then(|()| writeln!(whole, " {place}"));
            assert!(written.is_ok(), "a string takes any text");
        }
        whole
    }
}

impl Part for Folds {
    fn reserve(&mut self) {
        self.all.reserve();
    }

    fn due(&self) -> Time {
        self.all.iter().map(|(_, trace)| trace.deadline).min().unwrap_or(Time::NEVER)
    }

    /// A trace that waits for children longer than it may is put together without them.
    fn expire(&mut self, now: Time, shared: &mut Shared) -> bool {
        let Some(key) = self.all.find(|trace| trace.deadline <= now) else { return false };
        self.end_now(key, shared);
        true
    }

    fn end(&mut self, session: SessionId, shared: &mut Shared) {
        while let Some(key) = self.all.find(|trace| trace.session == session) {
            self.drop(key, shared);
        }
    }
}
