//! `wait`: the outcomes of all members, learned from the children as they come and kept; every reader gets
//! them all.

use crate::down::ask::Answer;
use crate::gather::command::Commands;
use crate::ground::bounds::HELD_MANY;
use crate::ground::id::{SessionId, SessionSlot};
use crate::ground::names::NameId;
use crate::session::table::Sessions;
use crate::session::{Files, Phase, Session};
use crate::shared::Shared;
use protocol::ename::Ename;
use protocol::message::Rmsg;
use protocol::record::Outcome;
use protocol::set::{ChildSet, Rank};
use protocol::text::Window;
use protocol::wire::Botch;

/// The longest record: numbers, a node name and a message.
const RECORD_MAX: usize = 256;

impl Session {
    /// Asks children for outcomes. The question has no deadline: it is answered by outcomes or by a loss.
    pub(crate) fn ask_outcomes(&self, set: ChildSet, shared: &mut Shared) {
        if let Some(Files { wait, .. }) = self.run.files {
            let count = shared.children.payload(set).min(HELD_MANY);
            shared.read_again(set, wait, 0, count);
        }
    }
}

impl Sessions {
    /// A child reported outcomes, or that it has no more.
    pub(crate) fn take_outcomes(
        &mut self,
        rank: Rank,
        id: SessionId,
        answer: Answer<'_>,
        commands: &Commands,
        shared: &mut Shared,
    ) -> Result<(), Botch> {
        let data = match answer {
            Ok(Rmsg::Read { data }) => data,
            Ok(_) => return Err(Botch),
            Err(Ename::HostDown) => {
                self.lose_members(id, rank, shared);
                return Ok(());
            }
            Err(_) => &[],
        };
        if data.is_empty() {
            self.end_unrun(id, rank, commands, shared);
            return Ok(());
        }
        let text = core::str::from_utf8(data).map_err(|_| Botch)?;
        if !text.ends_with('\n') {
            return Err(Botch);
        }
        for line in text.lines() {
            let (member, node, outcome) = Outcome::parse(line).ok_or(Botch)?;
            // A compute node reports for itself; its name is the child's already.
            let inner = shared.children.get(rank).is_inner();
            let node = if inner { shared.names.keep(node) } else { NameId::default() };
            self.take_outcome(rank, id, member, (node, outcome), shared)?;
        }
        shared.deeds.touch(id.slot);
        let Some(session) = self.get(id) else { return Ok(()) };
        if session.run.owes(rank) {
            session.ask_outcomes(ChildSet::one(rank), shared);
        } else {
            session.run.live.cut(rank);
        }
        Ok(())
    }

    fn take_outcome(
        &mut self,
        rank: Rank,
        id: SessionId,
        member: u32,
        (node, outcome): (NameId, Outcome),
        shared: &mut Shared,
    ) -> Result<(), Botch> {
        let session = self.get(id).ok_or(Botch)?;
        let mut range = session.run.range;
        let members = &session.members;
        let index = members.index(member).filter(|index| members.child_at(*index) == Some(rank));
        // Only its own child reports a member's outcome, and once.
        if !self.outcomes.set(&mut range, index.ok_or(Botch)?, (node, outcome)) {
            return Err(Botch);
        }
        let session = self.get(id).ok_or(Botch)?;
        session.run.range = range;
        session.run.owed[rank.index()] -= 1;
        session.fail_fast(outcome.end, shared);
        Ok(())
    }

    /// Writes records from the reader's cursor on: how many bytes, 0 at the end, `None` when the next
    /// outcome is still to come. The cursor's low half is the place of the record to come, its high half
    /// how much of that one a reader of few bytes has had.
    pub(crate) fn read_wait(
        &self,
        slot: SessionSlot,
        cursor: &mut u64,
        out: &mut [u8],
        shared: &Shared,
    ) -> Option<usize> {
        let session = self.find_at(slot)?;
        match session.phase {
            Phase::Open => return None,
            // What was refused before its exec will never run.
            Phase::Poisoned => return Some(0),
            Phase::Run => {}
        }
        let mut len = 0;
        let (mut told, mut part) = (*cursor as u32, *cursor >> 32);
        while let Some((index, node, outcome)) = self.outcomes.nth(session.run.range, told) {
            if len == out.len() || len > 0 && out.len() - len < RECORD_MAX {
                break;
            }
            let child = session.members.child_at(index).map(|rank| shared.children.get(rank).name.as_str());
            let node = shared.names.get(node).or(child).unwrap_or("");
            let mut window = Window::new(part, &mut out[len..]);
            let written = outcome.write(session.members.number(index), node, &mut window);
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
    use crate::down::child::State;
    use crate::shared::Facts;
    use protocol::limits::{CHILDREN_MAX, MEMBERS_MAX};
    use protocol::record::End;
    use protocol::server::UserId;
    use protocol::text::Text;
    use std::fmt::Write;

    /// Members of one child.
    const EACH: u32 = MEMBERS_MAX / CHILDREN_MAX as u32;
    const LOST: Outcome = Outcome::without(End::Lost);

    /// What a root of 64 ionodes has, and a session on them of as many members as there may be.
    fn root() -> (Sessions, Commands, Shared, SessionId) {
        let facts = Facts {
            name: Text::cut("root"),
            boot: 1,
            os: "linux",
            arch: "ppc",
            operator: Text::EMPTY,
            has_parent: false,
        };
        let (mut sessions, mut shared) = (Sessions::default(), Shared::new(facts));
        for number in 0..CHILDREN_MAX {
            let rank = shared.children.place(&format!("io{number}")).expect("64 have room");
            let child = shared.children.get_mut(rank);
            (child.state, child.height) = (State::Up, 2);
        }
        let slot = sessions.make("all", UserId(0), &mut shared).expect("there is room");
        let range = sessions.place_outcomes(MEMBERS_MAX).expect("there is room");
        let session = sessions.at(slot).expect("it was made");
        for rank in (0..CHILDREN_MAX).filter_map(Rank::new) {
            assert!(session.members.counts.add(rank, EACH));
        }
        (session.run.owed, session.run.range) = (session.members.counts.by_rank(), range);
        session.phase = Phase::Run;
        let id = session.id();
        (sessions, Commands::default(), shared, id)
    }

    #[test]
    fn a_million_outcomes_are_reported_and_read_once_each() {
        let (mut sessions, commands, mut shared, id) = root();
        let mut text = String::new();
        for rank in (0..CHILDREN_MAX).filter_map(Rank::new) {
            let places: Vec<u32> = sessions.get(id).expect("it is there").members.places(rank).collect();
            for piece in places.chunks(256) {
                text.clear();
                for member in piece {
                    writeln!(text, "{member} n{} 7 0 0 1 ''", member / 4).expect("a string grows");
                }
                let answer = Ok(Rmsg::Read { data: text.as_bytes() });
                let taken = sessions.take_outcomes(rank, id, answer, &commands, &mut shared);
                assert_eq!(taken, Ok(()));
            }
            let session = sessions.get(id).expect("it is there");
            assert!(!session.run.owes(rank), "it has reported all");
        }
        let first = Rank::new(0).expect("below 64");
        let twice = sessions.take_outcome(first, id, 0, (NameId::default(), LOST), &mut shared);
        assert_eq!((twice, sessions.get(id).map(|session| session.is_over())), (Err(Botch), Some(true)));

        let (mut cursor, mut out, mut lines) = (0, vec![0; 1 << 20], 0);
        while let Some(len @ 1..) = sessions.read_wait(id.slot, &mut cursor, &mut out, &shared) {
            lines += out[..len].iter().filter(|byte| **byte == b'\n').count();
        }
        assert_eq!(lines, MEMBERS_MAX as usize);
        let mut window = Window::new(0, &mut out);
        let session = sessions.find_at(id.slot).expect("it is there");
        sessions.write_summary(session, &mut window).expect("a window takes any text");
        let len = window.len();
        assert_eq!(&out[..len], b"0-1048575 done\n");
    }
}
