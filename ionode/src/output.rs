//! `stdout` and `stderr` over many children: pulled only while somebody reads, at most one message of each
//! child held, whole records never mixed. A lone member's bytes are given as they are.

use crate::ask::{Answer, Ask};
use crate::bounds::{FEW, HELD_MANY};
use crate::gather::Refusal;
use crate::host::SessionSlot;
use crate::node::Node;
use crate::pool::Held;
use crate::step::Send;
use protocol::ename::Ename;
use protocol::limits::CHILDREN_MAX;
use protocol::message::{Fid, Rmsg, Tag};
use protocol::server::{UserId, mode};
use protocol::set::{ChildSet, Rank};
use protocol::table::File;
use protocol::text::Text;
use protocol::time::Time;
use protocol::verb::Why;
use protocol::wire::Botch;

/// One of a session's outputs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(missing_docs)]
pub enum Stream {
    Stdout = 0,
    Stderr = 1,
}

impl Stream {
    fn file(self) -> File {
        match self {
            Self::Stdout => File::Stdout,
            Self::Stderr => File::Stderr,
        }
    }

    fn name(self) -> &'static str {
        match self {
            Self::Stdout => "stdout",
            Self::Stderr => "stderr",
        }
    }
}

/// What is known of one output of a session.
#[derive(Debug)]
pub struct Output {
    /// The fid and the tag on the children, once somebody reads.
    pub file: Option<(Fid, Tag)>,
    /// Children whose output has not ended.
    pub live: ChildSet,
    /// Children that went away before their output had ended, though their members' outcomes were told: the
    /// end says so, since nothing else does.
    cut: ChildSet,
    /// What children answered and nobody has read yet.
    held: [Held; CHILDREN_MAX],
    /// Those who have something held.
    full: ChildSet,
    /// The child whose record was given in part: its rest comes before anything else.
    open_record: Option<Rank>,
    /// Where the next look begins, so that all get their turn.
    turn: u8,
}

impl Default for Output {
    fn default() -> Self {
        Self {
            file: None,
            live: ChildSet::EMPTY,
            cut: ChildSet::EMPTY,
            held: [Held::default(); CHILDREN_MAX],
            full: ChildSet::EMPTY,
            open_record: None,
            turn: 0,
        }
    }
}

impl Node {
    /// Reads a session's output: bytes, 0 when all children's have ended, `None` when there is nothing yet.
    /// Where some was lost with a child its end is a refusal, once.
    pub(crate) fn read_output(
        &mut self,
        (now, user, slot): (Time, UserId, SessionSlot),
        stream: Stream,
        out: &mut [u8],
    ) -> Result<Option<usize>, Ename> {
        if !self.session(slot).executed {
            // What was refused before its exec will never run.
            return Ok(if self.session(slot).poisoned { Some(0) } else { None });
        }
        if out.is_empty() {
            return Ok(Some(0));
        }
        let len = self.take_held(slot, stream, out);
        self.ask_output(slot, stream);
        let output = &mut self.session(slot).outputs[stream as usize];
        let ended = output.live.is_empty() && output.full.is_empty();
        if len > 0 || !ended {
            return Ok(if len > 0 { Some(len) } else { None });
        }
        let cut = core::mem::take(&mut output.cut);
        if cut.is_empty() {
            return Ok(Some(0));
        }
        let mut refusal = Refusal::new(now, user, Some(slot), Text::cut(stream.name()), 1);
        refusal.add(Why::Ename(Ename::HostDown), cut);
        self.refusals.push(refusal);
        Err(Ename::HostDown)
    }

    /// What a child that is gone had not given yet is lost.
    pub(crate) fn lose_output(&mut self, slot: SessionSlot, rank: Rank, is_told: bool) {
        for output in &mut self.session(slot).outputs {
            if output.live.cut(rank) && !is_told {
                output.cut.add(rank);
            }
        }
    }

    /// Asks for more where nothing is held, with one question for all of them.
    fn ask_output(&mut self, slot: SessionSlot, stream: Stream) {
        let s = stream as usize;
        let output = &self.session(slot).outputs[s];
        let (live, full) = (output.live, output.full);
        if live.is_empty() {
            return;
        }
        let (fid, tag) = match output.file {
            Some(file) => file,
            None => {
                // Without a free number the reader waits until one comes free and something wakes it.
                let Some(fid) = self.fids.take() else { return };
                let tag = self.tags.keep(Ask::Output(slot, stream));
                assert!(tag.is_some(), "the tag table is the sum of what may be asked");
                let tag = tag.unwrap_or(Tag::NONE);
                self.open_file(slot, live, fid, (stream.file(), mode::READ));
                self.session(slot).outputs[s].file = Some((fid, tag));
                (fid, tag)
            }
        };
        let set = live.less(full).less(self.tags.owes(tag));
        let most = if live.count() <= FEW { u32::MAX } else { HELD_MANY };
        let count = self.payload(set).min(most);
        self.ask_again(set, tag, Send::Read { fid, offset: 0, count });
    }

    /// A child gave output, or its end.
    pub(crate) fn take_output(
        &mut self,
        rank: Rank,
        slot: SessionSlot,
        stream: Stream,
        answer: Answer<'_>,
    ) -> Result<(), Botch> {
        let data = match answer {
            Ok(Rmsg::Read { data }) => data,
            Ok(_) => return Err(Botch),
            // A level below has lost some of it.
            Err(Ename::HostDown) => {
                self.lose_output(slot, rank, false);
                self.touch(slot);
                return Ok(());
            }
            Err(_) => &[],
        };
        let held = if data.is_empty() { Held::default() } else { self.pool.hold(data) };
        let output = &mut self.session(slot).outputs[stream as usize];
        if held.is_none() {
            output.live.cut(rank);
        } else {
            assert!(output.held[rank.index()].is_none(), "a child is asked when nothing of it is held");
            output.held[rank.index()] = held;
            output.full.add(rank);
        }
        self.touch(slot);
        Ok(())
    }

    /// Moves what is held to a reader: whole records, or a piece of one that is too long for any message.
    fn take_held(&mut self, slot: SessionSlot, stream: Stream, out: &mut [u8]) -> usize {
        let raw = self.session(slot).total() == 1;
        let session = &mut self.sessions[slot as usize];
        let output = &mut session.outputs[stream as usize];
        let mut len = 0;
        while len < out.len() {
            let next = match output.open_record {
                Some(rank) if output.full.has(rank) => rank,
                Some(rank) if output.live.has(rank) => break,
                Some(_) => {
                    // Its child went away in the middle of it.
                    out[len] = b'\n';
                    len += 1;
                    output.open_record = None;
                    continue;
                }
                None => match next_from(output.full, output.turn) {
                    Some(rank) => rank,
                    None => break,
                },
            };
            let held = &mut output.held[next.index()];
            let left = self.pool.left(*held);
            let room = out.len() - len;
            let whole = |bytes: &[u8]| bytes.iter().rposition(|b| *b == b'\n').map_or(0, |at| at + 1);
            let take = match (left.len() <= room, whole(&left[..left.len().min(room)])) {
                (true, _) => left.len(),
                (false, _) if raw => room,
                (false, 0) if len == 0 || output.open_record.is_some() => room,
                (false, whole) => whole,
            };
            if take == 0 {
                break;
            }
            out[len..len + take].copy_from_slice(&left[..take]);
            len += take;
            let ends = raw || out[len - 1] == b'\n';
            output.open_record = if ends { None } else { Some(next) };
            self.pool.take(held, take);
            if held.is_none() {
                output.full.cut(next);
            }
            output.turn = ((next.index() + 1) % CHILDREN_MAX) as u8;
        }
        len
    }

    /// Gives an output's numbers and memory back.
    pub(crate) fn close_output(&mut self, slot: SessionSlot, stream: Stream) {
        let output = core::mem::take(&mut self.session(slot).outputs[stream as usize]);
        for mut held in output.held {
            self.pool.release(&mut held);
        }
        if let Some((fid, tag)) = output.file {
            self.flush(tag);
            self.clunk(fid);
        }
    }
}

fn next_from(set: ChildSet, turn: u8) -> Option<Rank> {
    let later = ChildSet(set.0 & (!0 << turn));
    later.first().or(set.first())
}
