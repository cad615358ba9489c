//! The served tree of an aggregator: which file a path is, and which function serves it.

use crate::away::Away;
use crate::bounds::PARENT;
use crate::ctl::Writer;
use crate::host::{Host, Param, SessionSlot};
use crate::look::What;
use crate::node::Node;
use crate::output::Stream;
use crate::probe;
use core::fmt::Write;
use protocol::ename::Ename;
use protocol::limits::USER_NAME_MAX;
use protocol::linux::{NO_UID, NOBODY};
use protocol::message::Tag;
use protocol::qid::Path;
use protocol::server::{Forward, Hold, LinkId, Meta, RequestId, Step, Tree, UserId, mode};
use protocol::set::Rank;
use protocol::stat::DMDIR;
use protocol::table::{
    File, INNER, PROBE, ROOT_MODE, Row, SESSION, SESSION_DEBUG, SESSION_MODE, check_session_name, find,
    member_number, row_of,
};
use protocol::text::{Text, Window};
use protocol::time::Time;
use protocol::verb;
use protocol::wire::Full;

/// A node with its host at one moment: what the server half serves.
pub(crate) struct View<'a, H> {
    pub(crate) node: &'a mut Node,
    pub(crate) host: &'a mut H,
    pub(crate) now: Time,
}

/// What a path is here.
#[derive(Clone, Copy)]
enum Place {
    RootDir,
    Root(&'static Row),
    Child(Rank),
    SessionDir(SessionSlot),
    Session(SessionSlot, &'static Row),
    MemberDir(SessionSlot, u32),
    ProbeDir,
    Probe(&'static Row),
}

impl<H: Host> View<'_, H> {
    fn place(&self, at: Path) -> Result<Place, Ename> {
        let is_dir = at.file() == File::Dir as u8;
        let Some(slot) = at.slot() else {
            if let Some(rank) = at.child_rank() {
                return Ok(Place::Child(rank));
            }
            if is_dir {
                return Ok(Place::RootDir);
            }
            if at.file() == File::Probe as u8 {
                return Ok(Place::ProbeDir);
            }
            let row = row_of(INNER, at).map(Place::Root);
            return row.or_else(|| row_of(PROBE, at).map(Place::Probe)).ok_or(Ename::NotFound);
        };
        let session = self.node.sessions.get(slot as usize).filter(|session| session.used);
        let session = session.ok_or(Ename::NotFound)?;
        match at.member_number() {
            Some(number) if session.index(number).is_some() => Ok(Place::MemberDir(slot, number)),
            Some(_) => Err(Ename::NotFound),
            None if is_dir => Ok(Place::SessionDir(slot)),
            None => {
                let row = row_of(SESSION, at).or_else(|| row_of(SESSION_DEBUG, at));
                row.map(|row| Place::Session(slot, row)).ok_or(Ename::NotFound)
            }
        }
    }

    /// Who attaches on a link: by the number where there is one, which only root may say of others. Where
    /// nobody knows who is there, as with names, what is said is believed.
    fn who(&mut self, link: LinkId, uname: &str, uid: Option<u32>) -> Result<Text<USER_NAME_MAX>, Ename> {
        let peer = self.node.peers[link.0 as usize].and_then(|peer| peer.uid).filter(|own| *own != 0);
        let uid = match (uid, peer) {
            (Some(NO_UID), peer) => peer,
            (Some(uid), Some(own)) if uid != own => return Err(Ename::NotOwner),
            (uid, _) => uid,
        };
        let mut name = Text::EMPTY;
        let written = match uid.map(|uid| (uid, self.host.user_name(uid))) {
            Some((_, Some(known))) => return Ok(known),
            Some((uid, None)) => write!(name, "{uid}"),
            None => name.write_str(if uname.is_empty() { "nobody" } else { uname }),
        };
        written.map(|()| name).map_err(|_| Ename::NameTooLong)
    }

    fn owns(&mut self, user: UserId, slot: SessionSlot) -> Result<(), Ename> {
        let owner = self.node.session(slot).owner;
        if self.node.is_owner(user, owner) { Ok(()) } else { Err(Ename::Denied) }
    }

    fn walk_net(&mut self, user: UserId, name: &str) -> Result<Step, Ename> {
        if name == "parent" {
            let parent = self.node.walk_up(user)?;
            return Ok(Step::Away(parent.number(), Path::parent(File::Net as u8)));
        }
        let rank = self.node.children.find(name).ok_or(Ename::NotFound)?;
        if !self.node.children.reachable().has(rank) {
            return Err(Ename::HostDown);
        }
        let fid = self.node.attach_fid(user);
        Ok(Step::Away(Away::File(rank, fid).number(), Path::child(rank, File::Net as u8)))
    }

    fn walk_session(&mut self, slot: SessionSlot, name: &str) -> Result<Step, Ename> {
        if let Some(row) = find(SESSION, name) {
            return Ok(Step::Here(Path::session(slot, row.file as u8)));
        }
        let number = member_number(name).ok_or(Ename::NotFound)?;
        let session = self.node.session(slot);
        if session.index(number).is_none() || !session.executed {
            return Err(Ename::NotFound);
        }
        let path = Path::member(slot, number, File::Dir as u8);
        Ok(Step::Away(Away::Member(slot, number).number(), path))
    }

    fn root_text(&mut self, row: &Row, hold: &mut Hold, offset: u64, out: &mut [u8]) -> usize {
        let mut w = Window::new(offset, out);
        let written = match row.file {
            File::Summary => self.node.write_summary(&mut w),
            File::Info => self.node.write_info(&mut w),
            File::Error => self.node.write_errors(hold.user, None, &mut w),
            File::Beat => writeln!(w, "{:016x} {}", self.node.facts.boot, self.node.changes),
            File::Ctl if self.node.write_joined(hold.link, &mut w) => Ok(()),
            File::Ctl => verb::write_usages(verb::NODE, &mut w),
            _ => Ok(()),
        };
        assert!(written.is_ok(), "a window takes any text");
        let (len, total) = (w.len(), w.total());
        hold.continued(offset, len, total)
    }

    fn read_session(
        &mut self,
        slot: SessionSlot,
        row: &'static Row,
        (hold, offset): (&mut Hold, u64),
        out: &mut [u8],
    ) -> Result<Option<usize>, Ename> {
        let now = self.now;
        match row.file {
            File::Stdout => return self.node.read_output((now, hold.user, slot), Stream::Stdout, out),
            File::Stderr => return self.node.read_output((now, hold.user, slot), Stream::Stderr, out),
            File::Wait => return Ok(self.node.read_wait(slot, &mut hold.cursor, out)),
            File::Status => {
                let what = What::Session(slot);
                return self.node.read_look(now, what, (&mut hold.cursor, offset), out);
            }
            File::Trace => return self.node.read_trace(now, slot, (&mut hold.cursor, offset), out),
            _ => {}
        }
        if let Some(param) = Param::of(row.file) {
            return Ok(Some(self.host.param(slot, param, offset, out)));
        }
        let mut w = Window::new(offset, out);
        let written = match row.file {
            File::Ctl => writeln!(w, "{}", self.node.session(slot).name),
            File::Error => self.node.write_errors(hold.user, Some(slot), &mut w),
            File::Info => self.node.write_session_info(slot, &mut w),
            File::Summary => self.node.write_session_summary(slot, &mut w),
            _ => Ok(()),
        };
        assert!(written.is_ok(), "a window takes any text");
        let (len, total) = (w.len(), w.total());
        Ok(Some(hold.continued(offset, len, total)))
    }
}

impl<H: Host> Tree for View<'_, H> {
    fn attach(
        &mut self,
        link: LinkId,
        uname: &str,
        uid: Option<u32>,
        aname: &str,
    ) -> Result<(UserId, Path), Ename> {
        let name = self.who(link, uname, uid)?;
        let user = self.node.user(name.as_str()).ok_or(Ename::Again)?;
        let root = if aname == probe::ANAME { File::Probe } else { File::Dir };
        Ok((user, Path::root(root as u8)))
    }

    fn ids(&mut self, user: &str) -> (u32, u32) {
        let numbered = || user.parse().ok().map(|uid| (uid, uid));
        self.host.ids(user).or_else(numbered).unwrap_or(NOBODY)
    }

    fn walk(&mut self, user: UserId, at: Path, name: &str) -> Result<Step, Ename> {
        match self.place(at)? {
            Place::RootDir => match find(INNER, name) {
                Some(row) => Ok(Step::Here(Path::root(row.file as u8))),
                None => {
                    let slot = self.node.find_session(name).ok_or(Ename::NotFound)?;
                    Ok(Step::Here(Path::session(slot, File::Dir as u8)))
                }
            },
            Place::Root(row) if row.file == File::Net => self.walk_net(user, name),
            Place::SessionDir(slot) => self.walk_session(slot, name),
            Place::Session(slot, row) if row.file == File::Debug => {
                let row = find(SESSION_DEBUG, name).ok_or(Ename::NotFound)?;
                Ok(Step::Here(Path::session(slot, row.file as u8)))
            }
            Place::ProbeDir => {
                let row = find(PROBE, name).ok_or(Ename::NotFound)?;
                Ok(Step::Here(Path::root(row.file as u8)))
            }
            _ => Err(Ename::NotDir),
        }
    }

    fn secs(&self) -> u32 {
        self.now.secs() as u32
    }

    fn up(&self, at: Path) -> Path {
        let root = Path::root(File::Dir as u8);
        match (at.slot(), at.file() == File::Dir as u8) {
            (Some(_), false) if row_of(SESSION_DEBUG, at).is_some() => at.beside(File::Debug as u8),
            (Some(_), false) => at.beside(File::Dir as u8),
            _ if at.child_rank().is_some() => Path::root(File::Net as u8),
            _ if probe::has(at) => Path::root(File::Probe as u8),
            _ => root,
        }
    }

    fn meta(&self, at: Path) -> Result<Meta, Ename> {
        let mut name = Text::EMPTY;
        let mut owner = self.node.user_name(UserId(0));
        let mut own = |slot: SessionSlot| {
            let session = &self.node.sessions[slot as usize];
            owner = self.node.user_name(session.owner);
            session.name
        };
        let (mode, written) = match self.place(at)? {
            Place::RootDir => (ROOT_MODE, name.write_str("/")),
            Place::ProbeDir => (0o555 | DMDIR, name.write_str("/")),
            Place::Root(row) | Place::Probe(row) => (row.mode, name.write_str(row.name)),
            Place::Child(rank) => {
                let child = self.node.children.get(rank);
                (ROOT_MODE, name.write_str(child.name.as_str()))
            }
            Place::SessionDir(slot) => (SESSION_MODE, name.write_str(own(slot).as_str())),
            Place::Session(slot, row) => {
                own(slot);
                (row.mode, name.write_str(row.name))
            }
            Place::MemberDir(slot, number) => {
                own(slot);
                (SESSION_MODE, write!(name, "{number}"))
            }
        };
        assert!(written.is_ok(), "a name fits its bound");
        Ok(Meta { mode, name, owner })
    }

    fn entry(&mut self, _: UserId, at: Path, index: u32) -> Option<Path> {
        let index = index as usize;
        match self.place(at).ok()? {
            Place::RootDir => match INNER.get(index) {
                Some(row) => Some(at.beside(row.file as u8)),
                None => {
                    let sessions = self.node.sessions.iter().enumerate();
                    let mut listed = sessions.filter(|(_, s)| s.used && !s.name.as_str().starts_with('.'));
                    let (slot, _) = listed.nth(index - INNER.len())?;
                    Some(Path::session(slot as SessionSlot, File::Dir as u8))
                }
            },
            Place::Root(row) if row.file == File::Net => {
                let rank = self.node.children.reachable().nth(index)?;
                Some(Path::child(rank, File::Net as u8))
            }
            Place::ProbeDir => PROBE.get(index).map(|row| at.beside(row.file as u8)),
            Place::Session(_, row) if row.file == File::Debug => {
                SESSION_DEBUG.get(index).map(|row| at.beside(row.file as u8))
            }
            Place::SessionDir(slot) => match SESSION.get(index) {
                Some(row) => Some(at.beside(row.file as u8)),
                None => {
                    let session = self.node.session(slot);
                    let place = (index - SESSION.len()) as u32;
                    let there = session.executed && place < session.size();
                    there.then(|| Path::member(slot, session.number(place), File::Dir as u8))
                }
            },
            _ => None,
        }
    }

    fn open(&mut self, hold: &mut Hold, bits: u8) -> Result<(), Ename> {
        let writes = matches!(bits & 3, mode::WRITE | mode::RDWR);
        match self.place(hold.path)? {
            Place::Root(row) if row.file == File::Clone && writes => {
                let slot = self.node.make_session("", hold.user)?;
                self.node.session(slot).ctls = 1;
                hold.path = Path::session(slot, File::Ctl as u8);
            }
            Place::Session(slot, row) if row.mode & 0o044 == 0 => {
                self.owns(hold.user, slot)?;
                if row.file == File::Ctl && writes {
                    let session = self.node.session(slot);
                    session.ctls += 1;
                    // Taken over: it is no orphan any more, which `events` tells.
                    if session.linger.take().is_some() {
                        self.node.lingering.unset(slot);
                        self.node.touch(slot);
                    }
                }
            }
            _ => {}
        }
        Ok(())
    }

    fn opened(&mut self, hold: &mut Hold) {
        if let Ok(Place::Root(row)) = self.place(hold.path)
            && row.file == File::Events
        {
            hold.cursor = self.node.events.next();
        }
    }

    fn mkdir(&mut self, hold: &mut Hold, name: &str) -> Result<(), Ename> {
        let Place::RootDir = self.place(hold.path)? else { return Err(Ename::Denied) };
        check_session_name(name, hold.link == PARENT)?;
        if self.node.find_session(name).is_some() {
            return Err(Ename::Exists);
        }
        let slot = self.node.make_session(name, hold.user)?;
        hold.path = Path::session(slot, File::Dir as u8);
        Ok(())
    }

    fn read(
        &mut self,
        _: RequestId,
        hold: &mut Hold,
        offset: u64,
        out: &mut [u8],
    ) -> Result<Option<usize>, Ename> {
        match self.place(hold.path)? {
            Place::Root(row) if row.file == File::Events => {
                let len = self.node.events.read(&mut hold.cursor, out);
                Ok(if len > 0 { Some(len) } else { None })
            }
            Place::Root(row) if row.file == File::Status => {
                self.node.read_look(self.now, What::Node, (&mut hold.cursor, offset), out)
            }
            Place::Root(row) => Ok(Some(self.root_text(row, hold, offset, out))),
            Place::Session(slot, row) => self.read_session(slot, row, (hold, offset), out),
            Place::Probe(row) => Ok(Some(self.node.read_probe(self.now, row, (hold, offset), out))),
            _ => Err(Ename::IsDir),
        }
    }

    fn write(&mut self, id: RequestId, hold: &mut Hold, _: u64, data: &[u8]) -> Result<Option<u32>, Ename> {
        let (user, link, is_parent) = (hold.user, hold.link, hold.link == PARENT);
        let is_root = self.node.user_name(user).as_str() == "root";
        let (is_local, is_operator) = (self.node.is_local(link), self.node.is_operator(user));
        let may = Writer::standing(is_parent, is_local, is_root, is_operator);
        let who = Writer { user, link, is_parent, may, request: id, now: self.now };
        let (slot, row) = match self.place(hold.path)? {
            Place::Root(row) if row.file == File::Ctl => {
                return self.node.write_node_ctl(who, data);
            }
            Place::Session(slot, row) => (slot, row),
            Place::Probe(_) => return Ok(Some(data.len() as u32)),
            _ => return Err(Ename::Denied),
        };
        match row.file {
            File::Ctl => self.node.write_session_ctl(slot, who, data, self.host),
            File::Stdin => self.node.write_stdin(slot, id, data, self.host),
            file => {
                let param = Param::of(file).ok_or(Ename::Denied)?;
                if self.node.session(slot).executed {
                    return Err(Ename::Busy);
                }
                let kept = self.host.append(slot, param, data);
                if kept.is_err() {
                    let serial = self.node.session(slot).serial;
                    self.node.poison(slot, serial);
                }
                kept.map(|()| Some(data.len() as u32))
            }
        }
    }

    fn truncate(&mut self, hold: &Hold) -> Result<(), Ename> {
        let Place::Session(slot, row) = self.place(hold.path)? else { return Ok(()) };
        if row.mode & 0o044 == 0 {
            self.owns(hold.user, slot)?;
        }
        if !self.node.session(slot).executed {
            // Nothing is kept by the others that a shell's `>` could empty.
            if let Some(param) = Param::of(row.file) {
                self.host.truncate(slot, param);
            }
        }
        Ok(())
    }

    fn clunk(&mut self, hold: &Hold, clean: bool) {
        if hold.away != 0 {
            self.node.clunk_away(hold.away);
            return;
        }
        if hold.dead || hold.open == mode::CLOSED {
            return;
        }
        if hold.path.file() == File::Status as u8 {
            self.node.leave_look(hold.cursor);
        }
        if hold.path.file() == File::Trace as u8 {
            self.node.leave_trace(hold.cursor);
        }
        if !matches!(hold.open & 3, mode::WRITE | mode::RDWR) {
            return;
        }
        if let Ok(Place::Session(slot, row)) = self.place(hold.path)
            && row.file == File::Ctl
        {
            let local = self.node.is_local(hold.link);
            self.node.leave_ctl(slot, (clean, local), self.now, self.host);
        }
    }

    fn remove(&mut self, hold: &Hold) -> Result<(), Ename> {
        match self.place(hold.path)? {
            Place::SessionDir(slot) => {
                self.owns(hold.user, slot)?;
                self.node.close_session(slot, self.host);
                Ok(())
            }
            // So that `rm -r job` works: the directory's own removal does it.
            Place::Session(slot, _) | Place::MemberDir(slot, _) => self.owns(hold.user, slot),
            _ => Err(Ename::NotOwner),
        }
    }

    fn cancel(&mut self, id: RequestId) {
        for gather in self.node.gathers.iter_mut().filter(|gather| gather.used) {
            if gather.request == Some(id) {
                gather.request = None;
            }
        }
        self.node.cancel_stdin(id);
        self.node.cancel_forward(id);
    }

    fn forward(&mut self, id: RequestId, hold: &Hold, msg: Forward<'_>) -> Result<u32, Ename> {
        self.node.forward(self.now, id, hold, msg)
    }

    fn relay(&mut self, token: u32, tag: Tag, out: &mut [u8]) -> Result<usize, Full> {
        self.node.relay(token, tag, out)
    }

    fn discard(&mut self, token: u32) {
        self.node.discard(token);
    }
}
