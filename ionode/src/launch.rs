//! `exec` over many children: one burst down, with the session, its files and its start, and one of answers
//! up.

use crate::ask::{Ask, GatherId};
use crate::gather::Gather;
use crate::host::{Host, Param, SessionSlot};
use crate::names::NameId;
use crate::node::Node;
use crate::output::Output;
use crate::step::{Line, Send};
use protocol::ename::Ename;
use protocol::failure::Failure;
use protocol::limits::{GATHER_US, IOHDR, MSIZE_LINK};
use protocol::message::Fid;
use protocol::record::{End, Outcome};
use protocol::server::mode;
use protocol::set::{ChildSet, Rank};
use protocol::table::File;
use protocol::time::Time;
use protocol::verb::Why;

impl Node {
    /// Launches a session that has members; the gather waits for all its children.
    pub(crate) fn launch(
        &mut self,
        slot: SessionSlot,
        (gather, now): (GatherId, Time),
        host: &mut impl Host,
    ) -> Result<(), Why> {
        let (size, owner, serial) = {
            let session = self.session(slot);
            (session.size(), session.owner, session.serial)
        };
        if !self.has_room(crate::bounds::LAUNCH) {
            return Err(Why::Ename(Ename::Again));
        }
        let taken = self.sessions.iter().filter(|s| s.used && s.executed).map(|s| s.range);
        let range = self.outcomes.place(size, taken);
        let range = range.ok_or(Why::Says("too many members in all sessions of this node"))?;
        let fid = |this: &mut Self| this.fids.take().ok_or(Why::Ename(Ename::Again));
        let (dir, ctl, wait) = (fid(self)?, fid(self)?, fid(self)?);
        let wait_tag = self.tags.keep(Ask::Wait(slot)).ok_or(Why::Ename(Ename::Again))?;
        let all = self.session(slot).set();
        let set = all.and(self.serving());
        self.attach(owner, set);
        let attach = self.attach_fid(owner);

        self.fids.establish(dir, set);
        let step = Ask::Step { slot, serial, fid: dir };
        self.ask(set, step, Send::WalkRoot { from: attach, fid: dir, file: None });
        self.ask(set, step, Send::Mkdir { fid: dir, serial });
        self.open_file(slot, set, ctl, (File::Ctl, mode::RDWR));
        for (param, file) in [(Param::Env, File::Env), (Param::Ns, File::Ns), (Param::Args, File::Args)] {
            if host.len(slot, param) > 0 {
                let file_fid = fid(self)?;
                self.open_file(slot, set, file_fid, (file, mode::WRITE));
                self.write_param(slot, set, (file_fid, param), host);
                self.clunk(file_fid);
            }
        }
        self.write_param(slot, set, (ctl, Param::Setup), host);
        if set.into_iter().any(|rank| self.children.get(rank).is_inner()) {
            self.write_param(slot, set, (ctl, Param::Nodes), host);
        }
        let launch = Ask::Launch { slot, serial, gather };
        self.ask(set, launch, Send::Line { fid: ctl, line: Line::Launch(slot) });
        self.open_file(slot, set, wait, (File::Wait, mode::READ));

        let session = self.session(slot);
        let gang = session.gang;
        (session.range, session.owed) = (range, session.counts.by_rank());
        session.executed = true;
        session.starting = set;
        session.live = all;
        (session.dir, session.ctl, session.wait) = (Some(dir), Some(ctl), Some((wait, wait_tag)));
        for output in &mut session.outputs {
            output.live = set;
        }
        let deadline = now + self.patience(set);
        if let Some(gather) = self.gather(gather) {
            gather.launches = true;
            gather.waits = gang;
            gather.owes += set.count();
            gather.deadline = gather.deadline.max(deadline);
        }
        self.ask_outcomes(slot, set);
        self.fed.set(slot);
        for rank in all.less(set) {
            self.lose_members(slot, rank);
        }
        self.touch(slot);
        Ok(())
    }

    /// Walks a fid to one of a session's files on its children and opens it.
    pub(crate) fn open_file(&mut self, slot: SessionSlot, set: ChildSet, fid: Fid, (file, mode): (File, u8)) {
        let (owner, serial) = (self.session(slot).owner, self.session(slot).serial);
        let from = self.attach_fid(owner);
        self.fids.establish(fid, set);
        let step = Ask::Step { slot, serial, fid };
        self.ask(set, step, Send::WalkSession { from, fid, serial, file });
        self.ask(set, step, Send::Open { fid, mode });
    }

    /// Writes a parameter to a file on the children, in messages that each of them takes.
    fn write_param(
        &mut self,
        slot: SessionSlot,
        set: ChildSet,
        (fid, param): (Fid, Param),
        host: &mut impl Host,
    ) {
        let serial = self.session(slot).serial;
        let total = host.len(slot, param);
        let most = self.payload(set);
        let mut offset = 0;
        while offset < total {
            let mut len = (total - offset).min(most);
            if matches!(param, Param::Setup | Param::Nodes) {
                // A ctl takes whole lines, each shorter than a message.
                self.piece.resize(len as usize, 0);
                host.param(slot, param, u64::from(offset), &mut self.piece);
                len = self.piece.iter().rposition(|byte| *byte == b'\n').map_or(len, |at| at as u32 + 1);
            }
            let step = Ask::Step { slot, serial, fid };
            self.ask(set, step, Send::Param { fid, slot, param, offset, len });
            offset += len;
        }
    }

    /// The largest payload that every child of a set takes in one message.
    pub(crate) fn payload(&self, set: ChildSet) -> u32 {
        let least = set.map(|rank| self.children.get(rank).msize).min();
        least.unwrap_or(MSIZE_LINK) - IOHDR
    }

    /// How long a set of children may take to answer: they ask their own first.
    pub(crate) fn patience(&self, set: ChildSet) -> u64 {
        let height = set.map(|rank| self.children.get(rank).height).max().unwrap_or(0);
        GATHER_US * (1 + u64::from(height))
    }

    /// A child refused a step: what hangs on it cannot be had there.
    pub(crate) fn step_refused(
        &mut self,
        rank: Rank,
        (slot, serial, fid): (SessionSlot, u32, Fid),
        ename: Ename,
    ) {
        let Some(session) = self.same_session(slot, serial) else { return };
        session.fault(rank, ename.into());
        for output in &mut session.outputs {
            if output.is_file(fid) {
                output.live.cut(rank);
            }
        }
        self.touch(slot);
    }

    /// A child answered the launch.
    pub(crate) fn launched(
        &mut self,
        rank: Rank,
        (slot, serial): (SessionSlot, u32),
        gather: GatherId,
        answer: Result<(), Ename>,
    ) {
        let mut answer = answer;
        if let Some(session) = self.same_session(slot, serial) {
            session.starting.cut(rank);
            if let Err(ename) = answer {
                session.fault(rank, ename.into());
                // An earlier step's reason says more than that one was refused.
                answer = Err(session.reason(rank).map_or(ename, Failure::ename));
            }
            self.touch(slot);
        }
        self.gathered(rank, gather, answer);
    }

    /// Lets the members of a gang run, which the gather then waits for; without one, ends them.
    pub(crate) fn tell_gang(&mut self, slot: SessionSlot, gather: Option<GatherId>) {
        let session = self.session(slot);
        let (live, Some(fid)) = (session.live, session.ctl) else { return };
        let set = live.and(self.fids.holds(fid)).and(self.serving());
        let Some(id) = gather else {
            self.ask(set, Ask::Rest, Send::Line { fid, line: Line::Go(false) });
            return;
        };
        let patience = self.patience(set);
        if let Some(gather) = self.gather(id) {
            gather.launches = true;
            gather.owes += set.count();
            gather.deadline = gather.deadline + patience;
        }
        self.ask(set, Ask::Command(id), Send::Line { fid, line: Line::Go(true) });
    }

    /// The members of a child that have no outcome get one: they are lost with it.
    pub(crate) fn lose_members(&mut self, slot: SessionSlot, rank: Rank) {
        let is_told = self.owes_outcomes(slot, rank);
        self.end_members(slot, rank, End::Lost);
        self.session(slot).starting.cut(rank);
        self.lose_output(slot, rank, is_told);
        self.touch(slot);
    }

    /// The members of a child that have no outcome get this one.
    pub(crate) fn end_members(&mut self, slot: SessionSlot, rank: Rank, end: End) {
        let mut range = self.session(slot).range;
        if self.owes_outcomes(slot, rank) {
            for index in self.session(slot).places(rank) {
                self.outcomes.tell(&mut range, index, (NameId::default(), Outcome::without(end)));
            }
        }
        let session = self.session(slot);
        session.range = range;
        session.owed[rank.index()] = 0;
        session.live.cut(rank);
        session.asked_why.cut(rank);
        self.touch(slot);
        self.fail_fast(slot, end);
    }

    /// A child has no outcome for members that it was given: they never ran. Where it is being asked why,
    /// that is waited for.
    pub(crate) fn end_unrun(&mut self, slot: SessionSlot, rank: Rank) {
        let serial = self.session(slot).serial;
        let asks = |gather: &Gather| {
            gather.used && gather.serial == serial && gather.below.or(gather.asking).has(rank)
        };
        if self.gathers.iter().any(asks) {
            self.session(slot).asked_why.add(rank);
            return;
        }
        let reason = self.session(slot).reason(rank).unwrap_or(Ename::Io.into());
        self.end_members(slot, rank, End::Never(reason));
    }

    /// Nobody is asked any more why members of a session never ran.
    pub(crate) fn end_all_unrun(&mut self, slot: SessionSlot) {
        for rank in self.session(slot).asked_why {
            self.end_unrun(slot, rank);
        }
    }

    /// The first failure of a session that is to fail fast ends it.
    pub(crate) fn fail_fast(&mut self, slot: SessionSlot, end: End) {
        let session = self.session(slot);
        if session.failfast && end != End::Exit(0) {
            session.failfast = false;
            self.signal_all(slot, 9);
        }
    }

    /// Signals all members without waiting for the answers.
    pub(crate) fn signal_all(&mut self, slot: SessionSlot, signal: u8) {
        let session = self.session(slot);
        let (live, Some(fid)) = (session.live, session.ctl) else { return };
        let set = live.and(self.fids.holds(fid));
        self.ask(set, Ask::Rest, Send::Line { fid, line: Line::Signal(signal) });
    }

    /// A child is gone: what each session had there.
    pub(crate) fn lose_child(&mut self, now: Time, rank: Rank) {
        for slot in 0..self.sessions.len() as SessionSlot {
            let session = &self.sessions[slot as usize];
            if session.used && session.executed && session.set().has(rank) {
                self.lose_members(slot, rank);
            }
        }
        // What it owes first: a clunk that it owes still has its fid.
        self.forgive(now, rank);
        self.fids.lose(rank);
    }
}

impl Output {
    fn is_file(&self, fid: Fid) -> bool {
        self.file.is_some_and(|(own, _)| own == fid)
    }
}
