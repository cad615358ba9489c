//! `exec` over many children: one burst down, with the session, its files and its start, and one of answers
//! up.

use crate::down::ask::Ask;
use crate::down::step::{Line, Send};
use crate::gather::command::Commands;
use crate::ground::blame::{AGAIN, Blame};
use crate::ground::bounds::LAUNCH;
use crate::ground::id::{GatherId, SessionId};
use crate::host::{Host, Param};
use crate::session::table::Sessions;
use crate::session::{Files, Phase, Session};
use crate::shared::Shared;
use core::fmt;
use protocol::ename::Ename;
use protocol::failure::Failure;
use protocol::message::Fid;
use protocol::record::End;
use protocol::server::mode;
use protocol::set::{ChildSet, Rank};
use protocol::table::File;
use protocol::time::Time;
use protocol::verb::{Deal, Kind, Prefix, Why};

impl Sessions {
    /// Launches a session that has members; the command waits for all its children.
    pub(crate) fn launch(
        &mut self,
        id: SessionId,
        gather: GatherId,
        now: Time,
        host: &mut impl Host,
        commands: &mut Commands,
        shared: &mut Shared,
    ) -> Result<(), Blame> {
        if !shared.down.has_room(LAUNCH) {
            return Err(AGAIN.into());
        }
        let size = self.find_at(id.slot).map_or(0, |session| session.members.size());
        let range = self.place_outcomes(size);
        let range = range.ok_or(Why::Says("too many members in all sessions of this node"))?;
        let mut piece = core::mem::take(&mut self.scratch.piece);
        let sent = match self.get(id) {
            Some(session) => session.send_launch(gather, (host, &mut piece), shared),
            None => Ok(()),
        };
        self.scratch.piece = piece;
        sent?;
        let Some(session) = self.get(id) else { return Ok(()) };
        let all = session.members.set();
        let set = session.run.starting;
        (session.run.range, session.run.owed) = (range, session.members.counts.by_rank());
        session.run.live = all;
        session.phase = Phase::Run;
        session.outputs.iter_mut().for_each(|output| output.begin(set));
        commands.launch(gather, session.options.gang);
        commands.owe(gather, set.count(), now + shared.children.patience(set));
        session.ask_outcomes(set, shared);
        shared.deeds.fed.set(id.slot);
        for rank in all.less(set) {
            self.lose_members(id, rank, shared);
        }
        shared.deeds.touch(id.slot);
        Ok(())
    }

    /// A child refused a step: what hangs on it cannot be had there.
    pub(crate) fn step_refused(
        &mut self,
        rank: Rank,
        (id, fid): (SessionId, Fid),
        ename: Ename,
        shared: &mut Shared,
    ) {
        let Some(session) = self.get(id) else { return };
        session.run.fault(rank, ename.into());
        session.outputs.iter_mut().for_each(|output| output.refused(rank, fid));
        shared.deeds.touch(id.slot);
    }

    /// A child answered the launch: what the command is to hear of it.
    pub(crate) fn launched(
        &mut self,
        rank: Rank,
        id: SessionId,
        answer: Result<(), Ename>,
        shared: &mut Shared,
    ) -> Result<(), Ename> {
        let Some(session) = self.get(id) else { return answer };
        session.run.starting.cut(rank);
        shared.deeds.touch(id.slot);
        answer.map_err(|ename| {
            session.run.fault(rank, ename.into());
            // An earlier step's reason says more than that one was refused.
            session.run.reason(rank).map_or(ename, Failure::ename)
        })
    }

    /// Children that did not answer a launch in time may still do so.
    pub(crate) fn launch_late(&mut self, id: SessionId, late: ChildSet, shared: &mut Shared) {
        if let Some(session) = self.get(id) {
            session.run.starting = session.run.starting.less(late);
            shared.deeds.touch(id.slot);
        }
    }
}

impl Session {
    /// Sends all of a launch: from then on its children start.
    fn send_launch(
        &mut self,
        gather: GatherId,
        (host, piece): (&mut impl Host, &mut Vec<u8>),
        shared: &mut Shared,
    ) -> Result<(), Blame> {
        let (slot, whose) = (self.id().slot, self.whose());
        let fid = |shared: &mut Shared| shared.down.fids.take().ok_or(AGAIN);
        let (dir, ctl) = (fid(shared)?, fid(shared)?);
        let wait = shared.down.standing(Ask::Wait(self.id())).ok_or(AGAIN)?;
        let set = self.members.set().and(shared.children.serving());
        shared.attach(self.owner, set);

        let from = shared.users.fid(self.owner);
        shared.down.fids.establish(dir, set);
        let step = Ask::Step(self.id(), dir);
        shared.down.ask(set, step, Send::WalkRoot { from, fid: dir, file: None });
        shared.down.ask(set, step, Send::Mkdir { fid: dir, serial: self.id().serial });
        shared.open_step(whose, set, ctl, (File::Ctl, mode::RDWR));
        for (param, file) in [(Param::Env, File::Env), (Param::Ns, File::Ns), (Param::Args, File::Args)] {
            if host.len(slot, param) > 0 {
                let fid = fid(shared)?;
                shared.open_step(whose, set, fid, (file, mode::WRITE));
                self.write_param(set, fid, param, (host, piece), shared);
                shared.down.clunk(fid);
            }
        }
        self.write_param(set, ctl, Param::Setup, (host, piece), shared);
        if !set.and(shared.children.inner()).is_empty() {
            self.write_param(set, ctl, Param::Nodes, (host, piece), shared);
        }
        shared.down.ask_text(set, Ask::Launch(self.id(), gather), ctl, format_args!("{}", Start(self)));
        shared.open_step(whose, set, wait.0, (File::Wait, mode::READ));
        self.run.files = Some(Files { dir, ctl, wait });
        self.run.starting = set;
        Ok(())
    }

    /// Writes a parameter to a file on the children, in messages that each of them takes.
    fn write_param(
        &self,
        set: ChildSet,
        fid: Fid,
        param: Param,
        (host, piece): (&mut impl Host, &mut Vec<u8>),
        shared: &mut Shared,
    ) {
        let slot = self.id().slot;
        let total = host.len(slot, param);
        let most = shared.children.payload(set);
        let mut offset = 0;
        while offset < total {
            let mut len = (total - offset).min(most);
            if matches!(param, Param::Setup | Param::Nodes) {
                // A ctl takes whole lines, each shorter than a message.
                piece.resize(len as usize, 0);
                host.param(slot, param, u64::from(offset), piece);
                len = piece.iter().rposition(|byte| *byte == b'\n').map_or(len, |at| at as u32 + 1);
            }
            let send = Send::Param { fid, slot, param, offset, len };
            shared.down.ask(set, Ask::Step(self.id(), fid), send);
            offset += len;
        }
    }

    /// Lets the members of a gang run, which the command then waits for; without one, ends them.
    pub(crate) fn tell_gang(&self, gather: Option<GatherId>, commands: &mut Commands, shared: &mut Shared) {
        let Some(Files { ctl, .. }) = self.run.files else { return };
        let set = self.run.live.and(shared.down.fids.holds(ctl)).and(shared.children.serving());
        let Some(id) = gather else {
            return shared.down.ask_line(set, Ask::Rest, ctl, Line::Go(false));
        };
        commands.go(id, set.count(), shared.children.patience(set));
        shared.down.ask_line(set, Ask::Command(id), ctl, Line::Go(true));
    }

    /// Children that have the ctl of a session that runs.
    pub(crate) fn reached(&self, shared: &mut Shared) -> Option<(ChildSet, Fid)> {
        let ctl = self.run.files?.ctl;
        Some((self.run.live.and(shared.down.fids.holds(ctl)), ctl))
    }

    /// Signals all members without waiting for the answers.
    pub(crate) fn signal_all(&self, signal: u8, shared: &mut Shared) {
        if let Some((set, ctl)) = self.reached(shared) {
            shared.down.ask_line(set, Ask::Rest, ctl, Line::Signal(signal));
        }
    }

    /// The first failure of a session that is to fail fast ends it.
    pub(crate) fn fail_fast(&mut self, end: End, shared: &mut Shared) {
        if self.options.failfast && end != End::Exit(0) {
            self.options.failfast = false;
            self.signal_all(9, shared);
        }
    }
}

/// The lines that start a session's members: what they are like, the shares of all children, and `exec`.
struct Start<'a>(&'a Session);

impl fmt::Display for Start<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Session { options, origin, members, name, .. } = self.0;
        let kind = self.0.kind();
        if kind != Kind::ANY {
            writeln!(f, "kind {} {}", kind.os, kind.arch)?;
        }
        if options.excl {
            f.write_str("excl\n")?;
        }
        let name = if self.0.is_parents() { &origin.name } else { name };
        let deal = match options.deal {
            Deal::Bcast => "bcast",
            Deal::Enum => "enum",
            Deal::Share => "share",
        };
        let prefix = match options.prefix {
            Prefix::Off => "off",
            Prefix::Node => "on",
            Prefix::Member => "member",
        };
        let gang = if options.gang { "on" } else { "off" };
        writeln!(f, "{}\nfrom {} {name}\n{deal}\nprefix {prefix}", members.share(), origin.levels + 1)?;
        write!(f, "gang {gang}\nexec\n")
    }
}
