//! A command to many: who has not answered, who refused, and by when the writer is answered in any case.

use crate::ask::{Ask, GatherId};
use crate::host::SessionSlot;
use crate::node::Node;
use protocol::ename::Ename;
use protocol::limits::GATHER_US;
use protocol::refusal::Refusal;
use protocol::server::{RequestId, Settled, UserId};
use protocol::set::{ChildSet, Rank};
use protocol::text::Text;
use protocol::time::Time;
use protocol::verb::Why;

/// One write that waits for its children.
#[derive(Clone, Debug, Default)]
pub struct Gather {
    /// The place is somebody's.
    pub used: bool,
    /// Its number.
    pub seq: u32,
    /// Who waits; nobody after a flush.
    pub request: Option<RequestId>,
    /// The write's length, known when all its lines have run.
    pub len: u32,
    /// Answers to come.
    pub owes: u32,
    /// When it ends in any case.
    pub deadline: Time,
    /// What was refused so far.
    pub refusal: Option<Refusal>,
}

impl Node {
    /// A gather for a write; none if there are too many.
    pub(crate) fn begin_gather(
        &mut self,
        now: Time,
        request: RequestId,
        (user, slot, verb): (UserId, Option<SessionSlot>, Text<16>),
    ) -> Option<GatherId> {
        let index = self.gathers.iter().position(|gather| !gather.used)?;
        self.next_gather = self.next_gather.wrapping_add(1);
        let seq = self.next_gather;
        self.gathers[index] = Gather {
            used: true,
            seq,
            request: Some(request),
            len: 0,
            owes: 0,
            deadline: now + GATHER_US,
            refusal: Some(Refusal::new(now, user, slot, verb, 1)),
        };
        Some(GatherId { index: index as u8, seq })
    }

    /// A child answered a command.
    pub(crate) fn gathered(&mut self, rank: Rank, id: GatherId, answer: Result<(), Ename>) {
        let Some(gather) = self.gather(id) else { return };
        assert!(gather.owes > 0, "answers are counted");
        gather.owes -= 1;
        if let (Err(ename), Some(refusal)) = (answer, &mut gather.refusal) {
            refusal.add(Why::Ename(ename), ChildSet::one(rank));
        }
        self.try_end(id);
    }

    /// Answers the writer when nobody owes any more.
    pub(crate) fn try_end(&mut self, id: GatherId) {
        let Some(gather) = self.gather(id) else { return };
        if gather.owes == 0 && gather.len > 0 {
            self.end_gather(id);
        }
    }

    fn end_gather(&mut self, id: GatherId) -> Option<u16> {
        let gather = core::mem::take(self.gather(id)?);
        let refusal = gather.refusal.filter(|refusal| !refusal.is_empty());
        let settled = match refusal.and_then(|refusal| refusal.first()) {
            Some(why) => Settled::Refused(why.ename()),
            None => Settled::Wrote(gather.len),
        };
        if let Some(request) = gather.request {
            self.settled.push((request, settled));
        }
        refusal.map(|refusal| self.refusals.push(refusal) as u16)
    }

    /// Answers every writer whose time is over, naming who did not answer.
    pub(crate) fn expire_gathers(&mut self, now: Time) {
        for index in 0..self.gathers.len() {
            let gather = &self.gathers[index];
            if !gather.used || gather.deadline > now {
                continue;
            }
            let id = GatherId { index: index as u8, seq: gather.seq };
            let its = |ask: &Ask| match ask {
                Ask::Command(gather) | Ask::Launch { gather, .. } => *gather == id,
                _ => false,
            };
            let mut late = ChildSet::EMPTY;
            for (_, ask, owes) in self.tags.waiting() {
                if its(&ask) {
                    late = late.or(owes);
                }
            }
            if let Some(refusal) = &mut self.gathers[index].refusal {
                refusal.add(Why::Ename(Ename::TimedOut), late);
            }
            let told = self.end_gather(id).unwrap_or(u16::MAX);
            while let Some((tag, ask)) = self.tags.find(its) {
                if let Ask::Launch { slot, serial, .. } = ask
                    && let Some(session) = self.same_session(slot, serial)
                {
                    session.starting = session.starting.less(late);
                    self.touch(slot);
                }
                self.tags.free(tag, Ask::Late(told));
            }
        }
    }
}
