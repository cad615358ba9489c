//! Commands to a session.

use super::Write;
use crate::down::ask::Ask;
use crate::down::step;
use crate::ground::blame::Blame;
use crate::ground::deed::Deed;
use crate::ground::id::SessionId;
use crate::host::{Host, Param};
use crate::node::Node;
use crate::session::Phase;
use protocol::ctl::{Line, Stage};
use protocol::ename::Ename;
use protocol::text::Text;
use protocol::verb::{Command, Kind, Res, Why};

impl Node {
    pub(super) fn run_session_line(
        &mut self,
        id: SessionId,
        write: &mut Write,
        line: Line<'_>,
        host: &mut impl Host,
    ) -> Result<(), Blame> {
        let session = self.sessions.get(id);
        let stage = session.as_ref().map(|it| Stage { is_parents: it.is_parents(), executed: it.runs() });
        let command = line.session(stage)?.command;
        let Some(session) = session else { return Err(Ename::NotFound.into()) };
        match command {
            Command::Signal(signal) => self.signal(id, write, line, signal)?,
            Command::CloseStdin => session.input.end(id, &mut self.shared),
            Command::Choose(choice) => session.options.choose(choice, session.members.size() > 0)?,
            Command::Note(note) => session.about.set(note)?,
            Command::Go(on) => self.go(id, write, line, on)?,
            Command::Wipe => self.shared.deeds.push(Deed::Ended(id)),
            Command::Exec(words) => self.exec(id, write, (line, words), host)?,
            Command::Adjust(_) if session.runs() => self.pass_line(id, write, line)?,
            Command::Setup | Command::Adjust(_) => keep_line(host, id, Param::Setup, line)?,
            Command::Res(res) => self.sessions.reserve_for(id, res, host, &mut self.shared)?,
            Command::Clear => {
                session.phase = Phase::Open;
                for param in [Param::Args, Param::Env, Param::Ns, Param::Setup] {
                    host.truncate(id.slot, param);
                }
            }
            Command::Shares(share) => {
                let rank = self.above.rank().ok_or(Why::SHARED_BY_PARENTS)?;
                self.sessions.take_share(id, &share, rank, host, &mut self.shared)?;
            }
            Command::Kind(kind) => session.set_kind(kind),
            Command::From(levels, name) => {
                session.origin.levels = levels;
                let long = Why::Says("a session's name has at most 32 bytes");
                session.origin.name = Text::new(name).ok_or(long)?;
            }
            Command::Nodes(_) => keep_line(host, id, Param::Nodes, line)?,
        }
        Ok(())
    }

    /// Signals the members of a session, which their nodes are to answer.
    pub(super) fn signal(
        &mut self,
        id: SessionId,
        write: &mut Write,
        line: Line<'_>,
        signal: u8,
    ) -> Result<(), Blame> {
        let session = self.sessions.get(id);
        let (set, fid) = session.and_then(|s| s.reached(&mut self.shared)).ok_or(Why::IDLE)?;
        let gather = write.owe(line, set, &mut self.commands, &self.shared)?;
        self.shared.down.ask_line(set, Ask::Command(gather), fid, step::Line::Signal(signal));
        Ok(())
    }

    /// A line to a session that runs goes to its members' nodes as it was written.
    fn pass_line(&mut self, id: SessionId, write: &mut Write, line: Line<'_>) -> Result<(), Blame> {
        let session = self.sessions.get(id);
        let Some((set, fid)) = session.and_then(|s| s.reached(&mut self.shared)) else { return Ok(()) };
        if !set.is_empty() {
            let gather = write.owe(line, set, &mut self.commands, &self.shared)?;
            let line = line.text;
            self.shared.down.ask_text(set, Ask::Command(gather), fid, format_args!("{line}\n"));
        }
        Ok(())
    }

    /// A parent's word to a gang that is ready: it may run, or not.
    fn go(&mut self, id: SessionId, write: &mut Write, line: Line<'_>, on: bool) -> Result<(), Blame> {
        let gather = if on { Some(write.gather(line, &mut self.commands)?) } else { None };
        if let Some(session) = self.sessions.get(id) {
            session.tell_gang(gather, &mut self.commands, &mut self.shared);
        }
        Ok(())
    }

    fn exec(
        &mut self,
        id: SessionId,
        write: &mut Write,
        (line, words): (Line<'_>, &str),
        host: &mut impl Host,
    ) -> Result<(), Blame> {
        if self.sessions.get(id).is_some_and(|session| session.phase == Phase::Poisoned) {
            return Err(Why::Says("earlier step refused").into());
        }
        if !words.trim().is_empty() {
            host.truncate(id.slot, Param::Args);
            host.append(id.slot, Param::Args, words.as_bytes())?;
        }
        if host.len(id.slot, Param::Args) == 0 {
            return Err(Why::NO_PROGRAM.into());
        }
        if self.sessions.get(id).is_some_and(|session| session.members.size() == 0) {
            self.sessions.reserve_for(id, Res::Count(1, Kind::ANY), host, &mut self.shared)?;
        }
        let gather = write.gather(line, &mut self.commands)?;
        let now = write.who.now;
        self.sessions.launch(id, gather, now, host, &mut self.commands, &mut self.shared)
    }
}

fn keep_line(host: &mut impl Host, id: SessionId, param: Param, line: Line<'_>) -> Result<(), Ename> {
    host.append(id.slot, param, line.text.as_bytes())?;
    host.append(id.slot, param, b"\n")
}
