//! A command to many: who has not answered, who refused, and by when the writer is answered in any case.

use crate::children::report;
use crate::down::ask::{Answer, Ask};
use crate::down::step::Send;
use crate::ground::bounds::GATHERS;
use crate::ground::deed::Deed;
use crate::ground::id::{GatherId, SessionId};
use crate::ground::slab::Slab;
use crate::part::Part;
use crate::shared::{Refusal, Shared, Whose};
use protocol::ename::Ename;
use protocol::failure::Failure;
use protocol::limits::{GATHER_US, REASON_MAX};
use protocol::message::Rmsg;
use protocol::nodeset::NodeSet;
use protocol::refusal::RefusalId;
use protocol::server::{RequestId, Settled, UserId};
use protocol::set::{ChildSet, Rank};
use protocol::table::File;
use protocol::time::Time;
use protocol::verb::Why;

/// One write that waits for its children.
#[derive(Clone, Debug)]
pub(crate) struct Gather {
    /// Who waits; nobody after a flush.
    pub(crate) request: Option<RequestId>,
    /// The write's length, known when all its lines have run.
    len: u32,
    /// Answers to come.
    pub(crate) owes: u32,
    /// When it ends in any case.
    pub(crate) deadline: Time,
    /// What was refused so far.
    pub(crate) refusal: Refusal,
    /// The session that it is about.
    pub(crate) about: Option<Whose>,
    /// That session is gone.
    is_orphan: bool,
    /// It is an exec.
    pub(crate) is_launch: bool,
    /// Of a gang, whose members wait to hear whether they may run.
    pub(crate) is_gangs: bool,
    /// What it changes is to be known here before the writer hears that it is done.
    pub(crate) is_noted: bool,
    /// Children that have done it, and are to report what they are now.
    pub(crate) noting: ChildSet,
    /// Children that refused, and are not asked yet what it is about: inner ones whom below them, compute
    /// nodes which step of a start.
    below: ChildSet,
    /// Those that are being asked.
    pub(crate) asking: ChildSet,
}

/// The commands that are not all answered.
#[derive(Debug, Default)]
pub(crate) struct Commands {
    all: Slab<Gather, GATHERS>,
}

impl Commands {
    /// Begins one; none if there are too many.
    pub(crate) fn begin(
        &mut self,
        request: RequestId,
        refusal: Refusal,
        about: Option<Whose>,
    ) -> Option<GatherId> {
        let gather = Gather {
            request: Some(request),
            len: 0,
            owes: 0,
            deadline: refusal.at + GATHER_US,
            refusal,
            about,
            is_orphan: false,
            is_launch: false,
            is_gangs: false,
            is_noted: false,
            noting: ChildSet::EMPTY,
            below: ChildSet::EMPTY,
            asking: ChildSet::EMPTY,
        };
        self.all.put(gather).map(GatherId)
    }

    /// The command of that name, if it still waits.
    pub(crate) fn get(&mut self, id: GatherId) -> Option<&mut Gather> {
        self.all.get_mut(id.0)
    }

    /// So many more answers are to come, until then at the latest.
    pub(crate) fn owe(&mut self, id: GatherId, count: u32, deadline: Time) {
        if let Some(gather) = self.get(id) {
            gather.owes += count;
            gather.deadline = gather.deadline.max(deadline);
        }
    }

    /// What it changes is to be known here before it is done.
    pub(crate) fn note(&mut self, id: GatherId) {
        if let Some(gather) = self.get(id) {
            gather.is_noted = true;
        }
    }

    /// It is an exec; of a gang, if that is so.
    pub(crate) fn launch(&mut self, id: GatherId, is_gangs: bool) {
        if let Some(gather) = self.get(id) {
            gather.is_launch = true;
            gather.is_gangs = is_gangs;
        }
    }

    /// The members of a gang may run, which so many children are to answer, within so much more time.
    pub(crate) fn go(&mut self, id: GatherId, count: u32, patience: u64) {
        if let Some(gather) = self.get(id) {
            gather.is_launch = true;
            gather.owes += count;
            gather.deadline = gather.deadline + patience;
        }
    }

    /// All lines of the write have run: it is answered when nobody owes any more.
    pub(crate) fn close(&mut self, id: GatherId, len: u32, shared: &mut Shared) {
        if let Some(gather) = self.get(id) {
            gather.len = len;
        }
        self.try_end(id, shared);
    }

    /// A later line of the write was refused: what was sent goes on, and nobody waits for it.
    pub(crate) fn abandon(&mut self, id: GatherId, shared: &mut Shared) {
        if let Some(gather) = self.all.take(id.0) {
            shared.deeds.push(Deed::GatherOver(id, gather.about.map(|whose| whose.session)));
        }
    }

    /// Somebody is being asked why members of a session on that child never ran.
    pub(crate) fn asks_why(&self, session: SessionId, rank: Rank) -> bool {
        let asks = |gather: &Gather| {
            gather.about.is_some_and(|about| about.session == session)
                && gather.below.or(gather.asking).has(rank)
        };
        self.all.iter().any(|(_, gather)| asks(gather))
    }

    /// A child answered a command.
    pub(crate) fn answered(
        &mut self,
        rank: Rank,
        id: GatherId,
        answer: Result<(), Ename>,
        shared: &mut Shared,
    ) {
        let Some(gather) = self.get(id) else { return };
        assert!(gather.owes > 0, "answers are counted");
        gather.owes -= 1;
        match answer {
            Ok(()) if gather.is_noted => {
                gather.noting.add(rank);
                shared.children.get_mut(rank).is_stale = true;
                report::refresh(shared);
            }
            Ok(()) => {}
            Err(ename) => {
                gather.refusal.add(Why::Ename(ename), ChildSet::one(rank));
                let more = gather.is_launch || shared.children.get(rank).is_inner();
                // A link that is gone has nobody to ask.
                if more && shared.children.serving().has(rank) {
                    gather.below.add(rank);
                }
            }
        }
        self.try_end(id, shared);
    }

    /// A tree that was to be mounted is there, or cannot be had.
    pub(crate) fn mounted(&mut self, id: GatherId, outcome: Result<(), Why>, shared: &mut Shared) {
        let Some(gather) = self.get(id) else { return };
        gather.owes -= 1;
        if let Err(why) = outcome {
            gather.refusal.add(why, ChildSet::EMPTY);
        }
        self.try_end(id, shared);
    }

    /// A child has reported what it is now, or is gone: commands that wait for that go on.
    pub(crate) fn noted(&mut self, rank: Rank, shared: &mut Shared) {
        if shared.children.get(rank).is_stale && shared.children.serving().has(rank) {
            // It has changed since that was read.
            return report::refresh(shared);
        }
        while let Some(key) = self.all.find(|gather| gather.noting.has(rank)) {
            if let Some(gather) = self.all.get_mut(key) {
                gather.noting.cut(rank);
            }
            self.try_end(GatherId(key), shared);
        }
    }

    /// Asks children what a refusal is about: what their `error` says of it.
    fn ask_below(&mut self, id: GatherId, shared: &mut Shared) {
        let Some(gather) = self.get(id) else { return };
        let set = core::mem::take(&mut gather.below).and(shared.children.serving());
        // A session that is gone has no `error` any more.
        if let Some(whose) = gather.about.filter(|_| !gather.is_orphan)
            && let Some(fid) = shared.down.fids.take()
        {
            gather.owes += set.count();
            gather.asking = set;
            shared.open_step(whose, set, fid, (File::Error, Shared::READ));
            let count = 2 * REASON_MAX as u32;
            shared.down.ask(set, Ask::Below(id), Send::Read { fid, offset: 0, count });
            shared.down.clunk(fid);
        }
        self.try_end(id, shared);
    }

    /// What a child's `error` says: its newest line, which is about the command.
    pub(crate) fn explained(&mut self, rank: Rank, id: GatherId, answer: Answer<'_>, shared: &mut Shared) {
        let is_inner = shared.children.get(rank).is_inner();
        let Some(gather) = self.get(id) else { return };
        gather.owes -= 1;
        gather.asking.cut(rank);
        let mut why = None;
        if let Ok(Rmsg::Read { data }) = answer
            && let Some(line) = core::str::from_utf8(data).ok().and_then(|text| text.lines().next())
        {
            let take = if is_inner { inner_reason } else { leaf_reason };
            why = take(&mut gather.refusal, rank, line);
        }
        if let Some(Whose { session, .. }) = gather.about {
            shared.deeds.push(Deed::Explained(session, rank, why));
        }
        self.try_end(id, shared);
    }

    /// Answers the writer when nobody owes any more.
    pub(crate) fn try_end(&mut self, id: GatherId, shared: &mut Shared) {
        let Some(gather) = self.get(id) else { return };
        if gather.owes > 0 || gather.len == 0 || !gather.noting.is_empty() {
            return;
        }
        if core::mem::take(&mut gather.is_gangs)
            && let Some(Whose { session, .. }) = gather.about
        {
            // The members hear of it first, and then it goes on here.
            let is_ready = gather.refusal.is_empty();
            shared.deeds.push(Deed::GangAnswered(id, session, is_ready));
        } else if gather.below.is_empty() {
            self.end_now(id, shared);
        } else {
            self.ask_below(id, shared);
        }
    }

    /// Answers the writer; under which name the refusal is kept, if it is one.
    fn end_now(&mut self, id: GatherId, shared: &mut Shared) -> Option<RefusalId> {
        let gather = self.all.take(id.0)?;
        let session = gather.about.map(|whose| whose.session);
        shared.deeds.push(Deed::GatherOver(id, session));
        let settled = match gather.refusal.first() {
            Some(why) => Settled::Refused(why.ename()),
            None => Settled::Wrote(gather.len),
        };
        shared.deeds.settled.extend(gather.request.map(|request| (request, settled)));
        (!gather.refusal.is_empty()).then(|| shared.refuse(session, gather.refusal))
    }

    /// Answers a writer whose time is over, naming who did not answer.
    fn end_late(&mut self, id: GatherId, shared: &mut Shared) {
        let its = |ask: &Ask| matches!(ask, Ask::Command(its) | Ask::Launch(_, its) if *its == id);
        let late = shared.down.tags.waiting().filter(|(_, ask, _)| its(ask));
        let late = late.fold(ChildSet::EMPTY, |late, (_, _, owes)| late.or(owes));
        let Some(gather) = self.get(id) else { return };
        // One that nobody owes an answer to, and that asks nobody why, waits for a tree to be mounted.
        if !late.is_empty() || gather.owes > 0 && gather.asking.is_empty() {
            gather.refusal.add(Why::Ename(Ename::TimedOut), late);
        }
        if let (Some(Whose { session, .. }), true) = (gather.about, gather.is_gangs) {
            shared.deeds.push(Deed::GangAnswered(id, session, false));
        }
        let refusal = self.end_now(id, shared);
        while let Some((tag, ask)) = shared.down.tags.find(its) {
            if let Ask::Launch(session, _) = ask {
                shared.deeds.push(Deed::LaunchLate(session, late));
            }
            shared.down.tags.free(tag, refusal.map_or(Ask::Rest, Ask::Late));
        }
        while let Some((tag, _)) = shared.down.tags.find(|ask| *ask == Ask::Below(id)) {
            shared.down.tags.free(tag, Ask::Rest);
        }
    }

    /// Users who wait for a command.
    pub(crate) fn users(&self) -> impl Iterator<Item = UserId> {
        self.all.iter().map(|(_, gather)| gather.refusal.user)
    }

    /// All of them.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (GatherId, &Gather)> {
        self.all.iter().map(|(key, gather)| (GatherId(key), gather))
    }
}

impl Part for Commands {
    fn reserve(&mut self) {
        self.all.reserve();
    }

    fn due(&self) -> Time {
        self.all.iter().map(|(_, gather)| gather.deadline).min().unwrap_or(Time::NEVER)
    }

    fn expire(&mut self, now: Time, shared: &mut Shared) -> bool {
        let Some(key) = self.all.find(|gather| gather.deadline <= now) else { return false };
        self.end_late(GatherId(key), shared);
        true
    }

    fn lose(&mut self, rank: Rank, shared: &mut Shared) {
        self.noted(rank, shared);
    }

    fn end(&mut self, session: SessionId, _: &mut Shared) {
        let about = |gather: &&mut Gather| gather.about.is_some_and(|about| about.session == session);
        for gather in self.all.values_mut().filter(about) {
            gather.is_orphan = true;
            // Its slot will be another's.
            gather.refusal.slot = None;
        }
    }

    fn cancel(&mut self, request: RequestId, _: &mut Shared) {
        for gather in self.all.values_mut().filter(|gather| gather.request == Some(request)) {
            gather.request = None;
        }
    }

    fn is_quiet(&self) -> bool {
        self.all.is_empty()
    }
}

/// Takes what a compute node says of its refusal: why a start failed, if it is that.
fn leaf_reason(refusal: &mut Refusal, rank: Rank, line: &str) -> Option<Failure> {
    // One that is of no start is the refusal as it is known already.
    let failure = Failure::parse(Refusal::text(line))?;
    refusal.excuse(ChildSet::one(rank));
    refusal.add(failure.into(), ChildSet::one(rank));
    Some(failure)
}

/// Takes what an inner node says of a refusal: whom below it, and why; the first of the reasons.
fn inner_reason(refusal: &mut Refusal, rank: Rank, line: &str) -> Option<Failure> {
    let mut first = None;
    for (set, reason) in Refusal::reasons(line) {
        let Some(nodes) = set.and_then(|set| NodeSet::parse(set).ok()) else { continue };
        refusal.excuse(ChildSet::one(rank));
        let why = Failure::parse(reason).unwrap_or_else(|| Ename::from_text(reason).into());
        refusal.add_below(why.into(), nodes.as_str(), nodes.count() as u32);
        first.get_or_insert(why);
    }
    first
}
