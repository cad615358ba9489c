//! `wait`: the outcomes of all members, learned from the children as they come and kept; every reader gets
//! them all.

use crate::ask::Answer;
use crate::host::SessionSlot;
use crate::names::NameId;
use crate::node::Node;
use crate::step::Send;
use protocol::ename::Ename;
use protocol::message::Rmsg;
use protocol::record::Outcome;
use protocol::set::{ChildSet, Rank};
use protocol::text::Window;
use protocol::wire::Botch;

/// The longest record: numbers, a node name and a message.
const RECORD_MAX: usize = 256;

impl Node {
    /// Asks children for outcomes. The question has no deadline: it is answered by outcomes or by a loss.
    pub(crate) fn ask_outcomes(&mut self, slot: SessionSlot, set: ChildSet) {
        let Some((fid, tag)) = self.session(slot).wait else { return };
        let count = self.payload(set).min(crate::bounds::HELD_MANY);
        self.ask_again(set, tag, Send::Read { fid, offset: 0, count });
    }

    /// A child told outcomes, or that it has no more.
    pub(crate) fn take_outcomes(
        &mut self,
        rank: Rank,
        slot: SessionSlot,
        answer: Answer<'_>,
    ) -> Result<(), Botch> {
        let data = match answer {
            Ok(Rmsg::Read { data }) => data,
            Ok(_) => return Err(Botch),
            Err(Ename::HostDown) => {
                self.lose_members(slot, rank);
                return Ok(());
            }
            Err(_) => &[],
        };
        if data.is_empty() {
            self.end_unrun(slot, rank);
            return Ok(());
        }
        let text = core::str::from_utf8(data).map_err(|_| Botch)?;
        if !text.ends_with('\n') {
            return Err(Botch);
        }
        for line in text.lines() {
            let (member, node, outcome) = Outcome::parse(line).ok_or(Botch)?;
            // A compute node tells of itself; its name is the child's already.
            let inner = self.children.get(rank).is_inner();
            let node = if inner { self.names.keep(node) } else { NameId::default() };
            self.take_outcome(rank, slot, member, (node, outcome))?;
        }
        self.touch(slot);
        if self.owes_outcomes(slot, rank) {
            self.ask_outcomes(slot, ChildSet::one(rank));
        } else {
            self.session(slot).live.cut(rank);
        }
        Ok(())
    }

    fn take_outcome(
        &mut self,
        rank: Rank,
        slot: SessionSlot,
        member: u32,
        (node, outcome): (NameId, Outcome),
    ) -> Result<(), Botch> {
        let session = self.session(slot);
        let mut range = session.range;
        let index = session.index(member).filter(|index| session.child_at(*index) == Some(rank));
        // Only its own child tells a member's outcome, and once.
        if !self.outcomes.tell(&mut range, index.ok_or(Botch)?, (node, outcome)) {
            return Err(Botch);
        }
        let session = self.session(slot);
        session.range = range;
        session.owed[rank.index()] -= 1;
        self.fail_fast(slot, outcome.end);
        Ok(())
    }

    /// Members of a child have no outcome yet.
    pub(crate) fn owes_outcomes(&mut self, slot: SessionSlot, rank: Rank) -> bool {
        self.session(slot).owed[rank.index()] > 0
    }

    /// Writes records from the reader's cursor on: how many bytes, 0 at the end, `None` when the next
    /// outcome is still to come. The cursor's low half is the place of the record to come, its high half
    /// how much of that one a reader of few bytes has had.
    pub(crate) fn read_wait(&mut self, slot: SessionSlot, cursor: &mut u64, out: &mut [u8]) -> Option<usize> {
        let session = &self.sessions[slot as usize];
        if !session.executed {
            // What was refused before its exec will never run.
            return if session.poisoned { Some(0) } else { None };
        }
        let mut len = 0;
        let (mut told, mut part) = (*cursor as u32, *cursor >> 32);
        while let Some((index, node, outcome)) = self.outcomes.nth(session.range, told) {
            if len == out.len() || len > 0 && out.len() - len < RECORD_MAX {
                break;
            }
            let child = session.child_at(index).map(|rank| self.children.get(rank).name.as_str());
            let node = self.names.get(node).or(child).unwrap_or("");
            let mut window = Window::new(part, &mut out[len..]);
            let written = outcome.write(session.number(index), node, &mut window);
            assert!(written.is_ok(), "a window takes any text");
            len += window.len();
            part += window.len() as u64;
            if part < window.total() {
                break;
            }
            told += 1;
            part = 0;
        }
        *cursor = u64::from(told) | part << 32;
        if len > 0 || session.is_over() { Some(len) } else { None }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::child::State;
    use crate::node::Facts;
    use protocol::limits::{CHILDREN_MAX, MEMBERS_MAX};
    use protocol::server::UserId;
    use protocol::text::Text;
    use protocol::time::Time;
    use std::fmt::Write;

    /// Members of one child.
    const EACH: u32 = MEMBERS_MAX / CHILDREN_MAX as u32;

    /// A root of 64 ionodes, with a session on them of as many members as there may be.
    fn root() -> (Node, SessionSlot) {
        let facts = Facts {
            name: Text::cut("root"),
            boot: 1,
            os: "linux",
            arch: "ppc",
            operator: Text::EMPTY,
            has_parent: false,
        };
        let mut node = Node::new(facts, Time(0));
        for number in 0..CHILDREN_MAX {
            let rank = node.children.place(&format!("io{number}")).expect("64 have room");
            let child = node.children.get_mut(rank);
            (child.state, child.height) = (State::Up, 2);
        }
        let slot = node.make_session("all", UserId(0)).expect("there is room");
        let range = node.outcomes.place(MEMBERS_MAX, [].into_iter()).expect("there is room");
        let session = node.session(slot);
        for rank in (0..CHILDREN_MAX).filter_map(Rank::new) {
            assert!(session.counts.add(rank, EACH));
        }
        (session.owed, session.range, session.executed) = (session.counts.by_rank(), range, true);
        (node, slot)
    }

    #[test]
    fn a_million_members_are_told_and_read_once_each() {
        let (mut node, slot) = root();
        let mut text = String::new();
        for rank in (0..CHILDREN_MAX).filter_map(Rank::new) {
            let places: Vec<u32> = node.session(slot).places(rank).collect();
            for piece in places.chunks(256) {
                text.clear();
                for member in piece {
                    writeln!(text, "{member} n{} 7 0 0 1 ''", member / 4).expect("a string grows");
                }
                let told = node.take_outcomes(rank, slot, Ok(Rmsg::Read { data: text.as_bytes() }));
                assert_eq!(told, Ok(()));
            }
            assert!(!node.owes_outcomes(slot, rank), "it has told all that it has");
        }
        let twice = node.take_outcome(Rank::new(0).expect("below 64"), slot, 0, (NameId::default(), LOST));
        assert_eq!((twice, node.sessions[slot as usize].is_over()), (Err(Botch), true));

        let (mut cursor, mut out, mut lines) = (0, vec![0; 1 << 20], 0);
        while let Some(len @ 1..) = node.read_wait(slot, &mut cursor, &mut out) {
            lines += out[..len].iter().filter(|byte| **byte == b'\n').count();
        }
        assert_eq!(lines, MEMBERS_MAX as usize);
        let mut window = Window::new(0, &mut out);
        node.write_session_summary(slot, &mut window).expect("a window takes any text");
        let len = window.len();
        assert_eq!(&out[..len], b"0-1048575 done\n");
    }

    const LOST: Outcome = Outcome::without(protocol::record::End::Lost);
}
