//! The served tree of a stub: which file a path is, and which function serves it.

use crate::Bounds;
use crate::ctl::Writer;
use crate::host::{Host, MemberSlot, Param, SessionSlot, Stream};
use crate::join::PARENT;
use crate::node::Node;
use core::fmt::Write;
use protocol::debug::Kind;
use protocol::ename::Ename;
use protocol::message::Tag;
use protocol::qid::Path;
use protocol::server::{Forward, Hold, LinkId, Meta, RequestId, Step, Tree, UserId, mode};
use protocol::slots::Slots;
use protocol::table::{
    File, LEAF, MEMBER_DEBUG, ROOT_MODE, Row, SESSION, SESSION_DEBUG, SESSION_MODE, check_session_name, find,
    member_number, row_of,
};
use protocol::text::{Text, Window};
use protocol::time::Time;
use protocol::verb;
use protocol::wire::Full;

/// A node with its host at one moment: what the server half serves.
pub struct View<'a, B: Bounds, H> {
    pub(crate) node: &'a mut Node<B>,
    pub(crate) host: &'a mut H,
    pub(crate) now: Time,
}

/// What a path is here.
#[derive(Clone, Copy)]
enum Place {
    Root(&'static Row),
    RootDir,
    SessionDir(SessionSlot),
    Session(SessionSlot, &'static Row),
    MemberDir(SessionSlot, u32),
    Member(SessionSlot, u32, &'static Row),
    /// A file of `debug`, of a session or of a member.
    Debug(SessionSlot, Option<u32>, &'static Row),
}

/// What `debug` holds.
fn debug_table(number: Option<u32>) -> &'static [Row] {
    if number.is_some() { MEMBER_DEBUG } else { SESSION_DEBUG }
}

impl<B: Bounds, H: Host> View<'_, B, H> {
    fn place(&self, at: Path) -> Result<Place, Ename> {
        let is_dir = at.file() == File::Dir as u8;
        let Some(slot) = at.slot() else {
            let row = row_of(LEAF, at).map(Place::Root);
            return if is_dir { Ok(Place::RootDir) } else { row.ok_or(Ename::NotFound) };
        };
        let sessions = self.node.sessions.slots();
        let session = sessions.get(slot as usize).ok_or(Ename::NotFound)?;
        if !session.used || session.closing {
            return Err(Ename::NotFound);
        }
        let number = at.member_number();
        if let Some(number) = number {
            self.node.find_member(slot, number).ok_or(Ename::NotFound)?;
        }
        match (number, row_of(SESSION, at)) {
            (None, _) if is_dir => Ok(Place::SessionDir(slot)),
            (Some(number), _) if is_dir => Ok(Place::MemberDir(slot, number)),
            (None, Some(row)) => Ok(Place::Session(slot, row)),
            (Some(number), Some(row)) => Ok(Place::Member(slot, number, row)),
            (number, None) => {
                let row = row_of(debug_table(number), at).ok_or(Ename::NotFound)?;
                Ok(Place::Debug(slot, number, row))
            }
        }
    }

    fn owns(&mut self, user: UserId, slot: SessionSlot) -> Result<(), Ename> {
        let owner = self.node.session(slot).owner;
        if self.node.is_owner(user, owner) { Ok(()) } else { Err(Ename::Denied) }
    }

    /// Whom a file of `debug` is about, and what its helper is for.
    fn debugged(
        &self,
        slot: SessionSlot,
        number: Option<u32>,
        row: &Row,
    ) -> Result<(SessionSlot, Option<MemberSlot>, Kind), Ename> {
        let member = number.map(|number| self.node.find_member(slot, number).ok_or(Ename::NotFound));
        Ok((slot, member.transpose()?, Kind::of(row.file).ok_or(Ename::NotFound)?))
    }

    fn root_text(&mut self, row: &Row, hold: &mut Hold, offset: u64, out: &mut [u8]) -> usize {
        let mut w = Window::new(offset, out);
        let written = match row.file {
            File::Status => self.node.write_status(self.now, self.host, &mut w),
            File::Summary => self.node.write_summary(&mut w),
            File::Info => self.node.write_info(self.host, &mut w),
            File::Error => self.node.write_errors(hold.user, None, &mut w),
            File::Beat => writeln!(w, "{:016x} {}", self.node.facts.boot, self.node.changes),
            File::Ctl => verb::write_usages(verb::NODE, &mut w),
            _ => Ok(()),
        };
        assert!(written.is_ok(), "a window takes any text");
        let (len, total) = (w.len(), w.total());
        hold.continued(offset, len, total)
    }

    fn session_text(
        &mut self,
        slot: SessionSlot,
        number: Option<u32>,
        row: &Row,
        (hold, offset): (&mut Hold, u64),
        out: &mut [u8],
    ) -> usize {
        let mut w = Window::new(offset, out);
        let written = match row.file {
            File::Ctl => writeln!(w, "{}", self.node.session(slot).id(number)),
            File::Error => self.node.write_errors(hold.user, Some(slot), &mut w),
            File::Info => self.node.write_session_info(slot, number, &mut w),
            File::Status => self.node.write_session_status(slot, number, self.host, &mut w),
            File::Summary => self.node.write_session_summary(slot, number, &mut w),
            _ => Ok(()),
        };
        assert!(written.is_ok(), "a window takes any text");
        let (len, total) = (w.len(), w.total());
        hold.continued(offset, len, total)
    }

    fn read_session(
        &mut self,
        slot: SessionSlot,
        number: Option<u32>,
        row: &'static Row,
        (hold, offset): (&mut Hold, u64),
        out: &mut [u8],
    ) -> Result<Option<usize>, Ename> {
        let stream = match row.file {
            File::Stdout => Stream::Stdout,
            File::Stderr => Stream::Stderr,
            File::Wait => return Ok(self.node.read_wait(slot, number, &mut hold.cursor, out)),
            file => match Param::of(file) {
                Some(param) => return Ok(Some(self.host.param(slot, param, offset, out))),
                None => return Ok(Some(self.session_text(slot, number, row, (hold, offset), out))),
            },
        };
        match number.and_then(|n| self.node.find_member(slot, n)) {
            Some(index) => Ok(self.node.read_member_output(index, stream, self.host, out)),
            None => self.node.read_output(slot, stream, self.host, out),
        }
    }
}

impl<B: Bounds, H: Host> Tree for View<'_, B, H> {
    fn attach(&mut self, _: LinkId, uname: &str, _: Option<u32>, _: &str) -> Result<(UserId, Path), Ename> {
        let uname = if uname.is_empty() { "nobody" } else { uname };
        let user = self.node.user(uname).ok_or(Ename::Again)?;
        Ok((user, Path::root(File::Dir as u8)))
    }

    fn walk(&mut self, _: UserId, at: Path, name: &str) -> Result<Step, Ename> {
        let path = match self.place(at)? {
            Place::RootDir => match find(LEAF, name) {
                Some(row) => Path::root(row.file as u8),
                None => {
                    let slot = self.node.find_session(name).ok_or(Ename::NotFound)?;
                    Path::session(slot, File::Dir as u8)
                }
            },
            Place::SessionDir(slot) => match find(SESSION, name) {
                Some(row) => Path::session(slot, row.file as u8),
                None => {
                    let number = member_number(name).ok_or(Ename::NotFound)?;
                    self.node.find_member(slot, number).ok_or(Ename::NotFound)?;
                    Path::member(slot, number, File::Dir as u8)
                }
            },
            Place::MemberDir(..) => at.beside(find(SESSION, name).ok_or(Ename::NotFound)?.file as u8),
            Place::Session(_, row) | Place::Member(_, _, row) if row.file == File::Debug => {
                let row = find(debug_table(at.member_number()), name).ok_or(Ename::NotFound)?;
                at.beside(row.file as u8)
            }
            Place::Root(_) | Place::Session(..) | Place::Member(..) | Place::Debug(..) => {
                return Err(Ename::NotDir);
            }
        };
        Ok(Step::Here(path))
    }

    fn secs(&self) -> u32 {
        self.now.secs() as u32
    }

    fn up(&self, at: Path) -> Path {
        let root = Path::root(File::Dir as u8);
        match (at.slot(), at.member_number(), at.file() == File::Dir as u8) {
            (None, ..) | (Some(_), None, true) => root,
            (Some(_), _, false) if matches!(self.place(at), Ok(Place::Debug(..))) => {
                at.beside(File::Debug as u8)
            }
            (Some(_), _, false) => at.beside(File::Dir as u8),
            (Some(slot), Some(_), true) => Path::session(slot, File::Dir as u8),
        }
    }

    fn meta(&self, at: Path) -> Result<Meta, Ename> {
        let mut name = Text::EMPTY;
        let mut owner = self.node.user_name(UserId(0));
        let mut own = |slot: SessionSlot| {
            let session = &self.node.sessions.slots()[slot as usize];
            owner = self.node.user_name(session.owner);
            session.name
        };
        let (mode, written) = match self.place(at)? {
            Place::RootDir => (ROOT_MODE, name.write_str("/")),
            Place::Root(row) => (row.mode, name.write_str(row.name)),
            Place::SessionDir(slot) => (SESSION_MODE, name.write_str(own(slot).as_str())),
            Place::MemberDir(slot, number) => {
                own(slot);
                (SESSION_MODE, write!(name, "{number}"))
            }
            Place::Session(slot, row) | Place::Member(slot, _, row) | Place::Debug(slot, _, row) => {
                own(slot);
                (row.mode, name.write_str(row.name))
            }
        };
        assert!(written.is_ok(), "a name fits its bound");
        Ok(Meta { mode, name, owner })
    }

    fn entry(&mut self, _: UserId, at: Path, index: u32) -> Option<Path> {
        let index = index as usize;
        let (rows, slot) = match self.place(at).ok()? {
            Place::RootDir => (LEAF, None),
            Place::SessionDir(slot) => (SESSION, Some(slot)),
            Place::MemberDir(..) => return SESSION.get(index).map(|row| at.beside(row.file as u8)),
            Place::Session(_, row) | Place::Member(_, _, row) if row.file == File::Debug => {
                let rows = debug_table(at.member_number());
                return rows.get(index).map(|row| at.beside(row.file as u8));
            }
            Place::Root(_) | Place::Session(..) | Place::Member(..) | Place::Debug(..) => return None,
        };
        if let Some(row) = rows.get(index) {
            return Some(at.beside(row.file as u8));
        }
        let index = index - rows.len();
        match slot {
            Some(slot) => {
                let (_, member) = self.node.members_of(slot).nth(index)?;
                Some(Path::member(slot, member.number, File::Dir as u8))
            }
            None => {
                let sessions = self.node.sessions.slots().iter().enumerate();
                let mut listed = sessions.filter(|(_, s)| s.used && !s.closing && !s.is_parents());
                listed.nth(index).map(|(slot, _)| Path::session(slot as SessionSlot, File::Dir as u8))
            }
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
                        self.node.touch(slot);
                    }
                }
            }
            Place::Member(slot, _, row) if row.mode & 0o044 == 0 => self.owns(hold.user, slot)?,
            Place::Debug(slot, number, row) => {
                self.owns(hold.user, slot)?;
                let (session, member, kind) = self.debugged(slot, number, row)?;
                self.node.check_debug(session, member, kind)?;
            }
            _ => {}
        }
        Ok(())
    }

    fn opened(&mut self, hold: &mut Hold) {
        match self.place(hold.path) {
            Ok(Place::Root(row)) if row.file == File::Events => hold.cursor = self.node.events.next(),
            Ok(Place::Debug(slot, number, row)) if row.mode & 0o200 != 0 => {
                // `open` has just seen that there is room.
                let begun = self.debugged(slot, number, row);
                let begun = begun.and_then(|what| self.node.begin_debug(self.now, what, self.host));
                hold.cursor = begun.unwrap_or(0);
            }
            _ => {}
        }
    }

    fn mkdir(&mut self, hold: &mut Hold, name: &str) -> Result<(), Ename> {
        let Place::RootDir = self.place(hold.path)? else { return Err(Ename::Denied) };
        check_session_name(name, hold.link == PARENT)?;
        if find(LEAF, name).is_some() || self.node.find_session(name).is_some() {
            return Err(Ename::Exists);
        }
        let slot = self.node.make_session(name, hold.user)?;
        hold.path = Path::session(slot, File::Dir as u8);
        Ok(())
    }

    fn read(
        &mut self,
        id: RequestId,
        hold: &mut Hold,
        offset: u64,
        out: &mut [u8],
    ) -> Result<Option<usize>, Ename> {
        match self.place(hold.path)? {
            Place::Debug(slot, number, row) => {
                let what = self.debugged(slot, number, row)?;
                self.node.read_debug((self.now, id), what, (&mut hold.cursor, offset), self.host, out)
            }
            Place::Root(row) if row.file == File::Events => {
                let len = self.node.events.read(&mut hold.cursor, out);
                Ok(if len > 0 { Some(len) } else { None })
            }
            Place::Root(row) => Ok(Some(self.root_text(row, hold, offset, out))),
            Place::Session(slot, row) => self.read_session(slot, None, row, (hold, offset), out),
            Place::Member(slot, number, row) => {
                self.read_session(slot, Some(number), row, (hold, offset), out)
            }
            Place::RootDir | Place::SessionDir(_) | Place::MemberDir(..) => Err(Ename::IsDir),
        }
    }

    fn write(
        &mut self,
        id: RequestId,
        hold: &mut Hold,
        offset: u64,
        data: &[u8],
    ) -> Result<Option<u32>, Ename> {
        let now = self.now;
        let is_local = self.node.local_links & 1 << hold.link.0 != 0;
        let who = Writer { user: hold.user, is_parent: hold.link == PARENT, is_local, request: id, now };
        let (slot, number, row) = match self.place(hold.path)? {
            Place::Root(row) if row.file == File::Ctl => {
                return self.node.write_node_ctl(who, data, self.host);
            }
            Place::Session(slot, row) => (slot, None, row),
            Place::Member(slot, number, row) => (slot, Some(number), row),
            Place::Debug(..) => {
                return self.node.write_debug((now, id), (hold.cursor, offset), data, self.host);
            }
            _ => return Err(Ename::Denied),
        };
        match (row.file, number.and_then(|n| self.node.find_member(slot, n))) {
            (File::Ctl, None) => self.node.write_session_ctl(slot, who, data, self.host),
            (File::Ctl, Some(index)) => self.node.write_member_ctl(slot, index, who, data, self.host),
            (File::Stdin, _) => self.node.write_stdin(slot, number, id, data, self.host),
            (file, index) => {
                let param = Param::of(file).ok_or(Ename::Denied)?;
                if index.is_some() || self.node.session(slot).executed {
                    return Err(Ename::Busy);
                }
                let kept = self.host.append(slot, param, data);
                if kept.is_err() && self.node.session(slot).is_parents() {
                    self.node.session(slot).poisoned = true;
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
        let writes = hold.open != mode::CLOSED && matches!(hold.open & 3, mode::WRITE | mode::RDWR);
        if !hold.dead
            && hold.open != mode::CLOSED
            && let Ok(Place::Debug(..)) = self.place(hold.path)
        {
            self.node.leave_debug(hold.cursor, self.now, self.host);
        }
        if hold.dead || !writes {
            return;
        }
        if let Ok(Place::Session(slot, row)) = self.place(hold.path)
            && row.file == File::Ctl
        {
            let local = self.node.local_links & 1 << hold.link.0 != 0;
            self.node.leave_ctl(slot, clean, local, self.now, self.host);
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
            Place::Session(slot, _) => self.owns(hold.user, slot),
            Place::MemberDir(slot, _) | Place::Member(slot, ..) | Place::Debug(slot, ..) => {
                self.owns(hold.user, slot)
            }
            Place::RootDir | Place::Root(_) => Err(Ename::NotOwner),
        }
    }

    fn cancel(&mut self, id: RequestId) {
        self.node.cancel_debug(id);
        for session in self.node.sessions.slots_mut() {
            if session.exec == Some(id) {
                session.exec = None;
            }
            if let Some(spill) = &mut session.spill
                && spill.request == Some(id)
            {
                // The flush cancels the answer; what was taken is still delivered.
                spill.request = None;
            }
        }
    }

    fn forward(&mut self, _: RequestId, _: &Hold, _: Forward<'_>) -> Result<u32, Ename> {
        Err(Ename::NotFound)
    }

    fn relay(&mut self, _: u32, _: Tag, _: &mut [u8]) -> Result<usize, Full> {
        Err(Full)
    }

    fn discard(&mut self, _: u32) {}
}
