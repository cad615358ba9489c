//! The one way to children: who they are, the fids and tags of this node on all of them, and the messages to
//! them, each encoded once for the whole set that it is for. Nothing here knows what a question is about.

pub(crate) mod ask;
pub(crate) mod child;
mod encode;
pub(crate) mod step;

use crate::ground::bounds::{ADMITTED, FAN_FIDS, FAN_TAGS, LAUNCH, STEPS};
use crate::ground::growing::Growing;
use ask::Ask;
use protocol::expect::Expected;
use protocol::fan::{FanFid, FanTag, Fids, Tags};
use protocol::limits::MSIZE_LINK;
use protocol::message::{Fid, TWRITE_HEADER, Tag, Tmsg, seal_twrite};
use protocol::set::{ChildSet, Rank};
use std::collections::VecDeque;
use step::{Line, Send, Step};

/// The fids that every child has from its catch-up burst on.
#[derive(Clone, Copy, Debug)]
#[allow(missing_docs)] // The names of the files.
pub(crate) struct NodeFids {
    pub(crate) ctl: Fid,
    pub(crate) beat: Fid,
    pub(crate) status: Fid,
    pub(crate) info: Fid,
    pub(crate) summary: Fid,
    pub(crate) events: Fid,
}

/// Numbers and messages of this node on its children.
pub(crate) struct Down {
    pub(crate) fids: Fids<Growing<FanFid, FAN_FIDS>>,
    pub(crate) tags: Tags<Ask, Growing<FanTag<Ask>, FAN_TAGS>>,
    /// Fids of files that every child has.
    pub(crate) node: NodeFids,
    /// What begins the names of sessions that this run has on its children.
    boot: u64,
    /// Messages that are not drained. It grows with what is asked at once: a simulated node has few.
    steps: VecDeque<Step>,
    /// The bytes of those that are kept whole.
    scratch: Vec<u8>,
}

impl Down {
    /// The numbers of a run with that boot number.
    pub(crate) fn new(boot: u64) -> Self {
        let mut fids = Fids::default();
        let mut take = || {
            let fid = fids.take();
            assert!(fid.is_some(), "an empty table has room");
            fid.unwrap_or_default()
        };
        let node = NodeFids {
            ctl: take(),
            beat: take(),
            status: take(),
            info: take(),
            summary: take(),
            events: take(),
        };
        Self { fids, tags: Tags::default(), node, boot, steps: VecDeque::new(), scratch: Vec::new() }
    }

    /// Takes the memory for all that there may be.
    pub(crate) fn reserve(&mut self) {
        self.fids.reserve();
        self.tags.reserve();
        self.steps.reserve_exact(STEPS);
        self.scratch.reserve_exact(protocol::limits::MSIZE_MAX as usize);
    }

    /// Messages that are not drained.
    pub(crate) fn step_count(&self) -> usize {
        self.steps.len()
    }

    /// So many more questions may be let in; what cannot be refused has room of its own.
    pub(crate) fn has_room(&self, questions: usize) -> bool {
        self.steps.len() + questions <= STEPS / 2 && self.tags.used() + questions <= ADMITTED
    }

    /// One more question may be let in that a client can ask in any number: a launch has room beside them,
    /// and beside what follows from them.
    pub(crate) fn has_room_beside(&self) -> bool {
        self.has_room(LAUNCH) && self.tags.used() + 2 * LAUNCH <= ADMITTED
    }

    /// Queues a message.
    pub(crate) fn send(&mut self, to: ChildSet, tag: Tag, send: Send) {
        assert!(self.steps.len() < STEPS, "a call asks for a bounded count of messages");
        if !to.is_empty() {
            self.steps.push_back(Step { to, tag, send });
        }
    }

    /// Asks a set of children one question. The tag table has room for all that bounds elsewhere allow.
    pub(crate) fn ask(&mut self, set: ChildSet, ask: Ask, send: Send) -> Tag {
        if set.is_empty() {
            return Tag::NONE;
        }
        let tag = self.take_tag(set, ask, send.expected());
        self.send(set, tag, send);
        tag
    }

    /// Asks once more with a tag that is kept; nobody in the set owes an answer to it.
    pub(crate) fn ask_again(&mut self, set: ChildSet, tag: Tag, send: Send) {
        self.tags.again(tag, set, send.expected());
        self.send(set, tag, send);
    }

    /// Writes a line of this node's to a ctl of each child of a set.
    pub(crate) fn ask_line(&mut self, set: ChildSet, ask: Ask, fid: Fid, line: Line) {
        self.ask(set, ask, Send::Line { fid, line });
    }

    /// Writes text to a ctl of each child of a set.
    pub(crate) fn ask_text(&mut self, set: ChildSet, ask: Ask, fid: Fid, text: core::fmt::Arguments<'_>) {
        use std::io::Write;
        if set.is_empty() {
            return;
        }
        let tag = self.take_tag(set, ask, Expected::Write(MSIZE_LINK));
        let at = self.begin_write();
        let written = self.scratch.write_fmt(text);
        assert!(written.is_ok(), "a vector takes any text");
        self.end_write(set, tag, fid, at);
    }

    /// Writes pieces of data, as one message, with a tag that is kept.
    pub(crate) fn write_again<'a>(
        &mut self,
        set: ChildSet,
        (fid, tag): (Fid, Tag),
        pieces: impl Iterator<Item = &'a [u8]>,
    ) {
        let at = self.begin_write();
        pieces.for_each(|piece| self.scratch.extend_from_slice(piece));
        let count = self.end_write(set, tag, fid, at);
        self.tags.again(tag, set, Expected::Write(count));
    }

    fn begin_write(&mut self) -> usize {
        let at = self.scratch.len();
        self.scratch.extend_from_slice(&[0; TWRITE_HEADER]);
        at
    }

    fn end_write(&mut self, set: ChildSet, tag: Tag, fid: Fid, at: usize) -> u32 {
        let count = self.scratch.len() - at - TWRITE_HEADER;
        let len = seal_twrite(tag, fid, 0, count, &mut self.scratch[at..]);
        self.send(set, tag, Send::Scratch { at: at as u32, len: len as u32 });
        count as u32
    }

    /// Passes a message on to one child; none without a free tag.
    pub(crate) fn pass(&mut self, rank: Rank, ask: Ask, msg: &Tmsg<'_>, room: usize) -> Option<Tag> {
        let one = ChildSet::one(rank);
        let tag = self.tags.take(ask, one, Expected::of(msg))?;
        let at = self.scratch.len();
        self.scratch.resize(at + room, 0);
        let len = msg.encode(tag, &mut self.scratch[at..]);
        assert!(len.is_ok(), "the room is computed for the message");
        self.send(one, tag, Send::Scratch { at: at as u32, len: len.unwrap_or(0) as u32 });
        Some(tag)
    }

    fn take_tag(&mut self, set: ChildSet, ask: Ask, expected: Expected) -> Tag {
        let tag = self.tags.take(ask, set, expected);
        assert!(tag.is_some(), "the tag table is the sum of what may be asked");
        tag.unwrap_or(Tag::NONE)
    }

    /// Files that are asked again and again: a fid and a tag that is kept.
    pub(crate) fn standing(&mut self, ask: Ask) -> Option<(Fid, Tag)> {
        let fid = self.fids.take()?;
        let tag = self.tags.keep(ask);
        if tag.is_none() {
            // Nobody has it yet: it is free at once.
            self.fids.clunk(fid);
        }
        Some((fid, tag?))
    }

    /// A fid is not wanted any more on any child.
    pub(crate) fn clunk(&mut self, fid: Fid) {
        let set = self.fids.clunk(fid);
        self.ask(set, Ask::Clunk(fid), Send::Clunk { fid });
    }

    /// The file of a fid is to go, and the fid with it.
    pub(crate) fn remove(&mut self, fid: Fid) {
        let set = self.fids.clunk(fid);
        self.ask(set, Ask::Clunk(fid), Send::Remove { fid });
    }

    /// A question that is asked again and again is not of interest any more.
    pub(crate) fn flush(&mut self, old: Tag) {
        let owes = self.tags.flush(old, Ask::Rest);
        self.ask(owes, Ask::Flush(old), Send::Flush { old });
    }

    /// Gives back a file that was asked again and again.
    pub(crate) fn leave(&mut self, (fid, tag): (Fid, Tag)) {
        self.flush(tag);
        self.clunk(fid);
    }

    /// Nothing that is not drained is for a child any more.
    pub(crate) fn forget_steps(&mut self, rank: Rank) {
        let one = ChildSet::one(rank);
        self.steps.retain_mut(|step| {
            step.to = step.to.less(one);
            !step.to.is_empty()
        });
    }

    /// Questions that are out, the beat's own apart.
    pub(crate) fn own_questions(&self) -> impl Iterator<Item = (Tag, Ask, ChildSet)> {
        self.tags.waiting().filter(|(_, ask, _)| !ask.is_beats())
    }
}
