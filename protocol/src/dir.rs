//! A tree of directories: each served directory is one `Dir`, and what follows from its table of rows is
//! done here once.
//!
//! A file's path belongs to the directory that it is in, a directory's path to the directory itself. What a
//! directory has besides its rows (sessions, members, children) comes behind them; only that is its own to
//! walk to and to list.

use crate::ename::Ename;
use crate::limits::{NODE_NAME_MAX, USER_NAME_MAX};
use crate::linux::NOBODY;
use crate::message::Tag;
use crate::qid::Path;
use crate::server::{Forward, Hold, LinkId, Meta, RequestId, Step, Tree, UserId, mode};
use crate::stat::DMDIR;
use crate::table::{File, Row, find, row_of};
use crate::text::{Text, Window};
use crate::wire::Full;
use core::fmt;

/// A read of an open file.
#[derive(Debug)]
pub struct Get<'a> {
    /// The request, which may park.
    pub id: RequestId,
    /// Where in the file.
    pub offset: u64,
    /// Where the data goes.
    pub out: &'a mut [u8],
}

/// A write to an open file.
#[derive(Clone, Copy, Debug)]
pub struct Put<'a> {
    /// The request, which may park.
    pub id: RequestId,
    /// Where in the file; most have no use for it.
    pub offset: u64,
    /// What is written.
    pub data: &'a [u8],
}

/// One directory, served from a node's view `V`. `at` is the directory's path or that of a file in it; a hook
/// is called only where `has` says that this is there, with `file` being which of the rows it is.
pub trait Dir<V> {
    /// The directory itself: its number, its name (see `name`) and its mode.
    fn own(&self) -> &'static Row;

    /// Its files, in the order in which they are listed.
    fn rows(&self) -> &'static [Row];

    /// It is there.
    fn has(&self, _view: &V, _at: Path) -> bool {
        true
    }

    /// The directory that holds this one.
    fn up(&self, _at: Path) -> Path {
        Path::root(File::Dir as u8)
    }

    /// The name of the directory, where its row does not say it.
    fn name(&self, _view: &V, _at: Path) -> Text<NODE_NAME_MAX> {
        Text::cut(self.own().name)
    }

    /// Whose it is; nobody's but the node's own for none. Only its owner opens what others cannot read, and
    /// removes anything.
    fn owner(&self, _view: &V, _at: Path) -> Option<UserId> {
        None
    }

    /// A step down to what is behind the rows.
    fn walk(&self, _view: &mut V, _user: UserId, _at: Path, _name: &str) -> Result<Step, Ename> {
        Err(Ename::NotFound)
    }

    /// The `index`th of what is behind the rows.
    fn entry(&self, _view: &mut V, _at: Path, _index: usize) -> Option<Path> {
        None
    }

    /// Opens; may move the hold elsewhere.
    fn open(&self, _view: &mut V, _file: File, _hold: &mut Hold, _bits: u8) -> Result<(), Ename> {
        Ok(())
    }

    /// It was opened: the hold's cursor is at 0, and may begin elsewhere.
    fn opened(&self, _view: &mut V, _file: File, _hold: &mut Hold) {}

    /// Makes a directory and moves the hold there.
    fn mkdir(&self, _view: &mut V, _hold: &mut Hold, _name: &str) -> Result<(), Ename> {
        Err(Ename::Denied)
    }

    /// Writes the whole of a text that is made anew by each read.
    fn text(&self, _view: &mut V, _file: File, _hold: &Hold, _w: &mut Window<'_>) -> fmt::Result {
        Ok(())
    }

    /// Reads: how many bytes, 0 at the end, `None` to park. Where it is not overridden all files are texts.
    fn read(&self, view: &mut V, file: File, hold: &mut Hold, get: Get<'_>) -> Result<Option<usize>, Ename> {
        self.read_text(view, file, hold, get)
    }

    /// The part of a file's `text` that a read asks for; not to be overridden.
    fn read_text(
        &self,
        view: &mut V,
        file: File,
        hold: &mut Hold,
        get: Get<'_>,
    ) -> Result<Option<usize>, Ename> {
        let mut w = Window::new(get.offset, get.out);
        let written = self.text(view, file, hold, &mut w);
        assert!(written.is_ok(), "a window takes any text");
        let (len, total) = (w.len(), w.total());
        Ok(Some(hold.continued(get.offset, len, total)))
    }

    /// Writes: how much was taken, `None` to park.
    fn write(
        &self,
        _view: &mut V,
        _file: File,
        _hold: &mut Hold,
        _put: Put<'_>,
    ) -> Result<Option<u32>, Ename> {
        Err(Ename::Denied)
    }

    /// Empties a file, where it keeps anything.
    fn truncate(&self, _view: &mut V, _file: File, _hold: &Hold) -> Result<(), Ename> {
        Ok(())
    }

    /// A file that was open is not any more; `clean` if its client said so, not if its link broke.
    fn clunk(&self, _view: &mut V, _file: File, _hold: &Hold, _clean: bool) {}

    /// Its owner removes the directory or a file. Of a file that does nothing, so that `rm -r` works: the
    /// directory's own removal does it.
    fn remove(&self, _view: &mut V, _file: File, _hold: &Hold) -> Result<(), Ename> {
        Ok(())
    }
}

/// A node's view as a tree of directories: which there are, and what is none's. It is a `Tree` thereby.
pub trait Dirs: Sized {
    /// The directory that a path is of, whether it is there or not.
    fn dir<'d>(at: Path) -> &'d dyn Dir<Self>
    where
        Self: 'd;

    /// See `Tree::attach`.
    fn attach(
        &mut self,
        link: LinkId,
        uname: &str,
        uid: Option<u32>,
        aname: &str,
    ) -> Result<(UserId, Path), Ename>;

    /// See `Tree::ids`.
    fn ids(&mut self, _user: &str) -> (u32, u32) {
        NOBODY
    }

    /// See `Tree::secs`.
    fn secs(&self) -> u32;

    /// A user's name.
    fn user_name(&self, user: UserId) -> Text<USER_NAME_MAX>;

    /// `user` may do what `owner` may.
    fn is_owner(&self, user: UserId, owner: UserId) -> bool;

    /// See `Tree::cancel`.
    fn cancel(&mut self, id: RequestId);

    /// See `Tree::forward`; a node without other nodes' files has nothing to pass on.
    fn forward(&mut self, _id: RequestId, _hold: &Hold, _msg: Forward<'_>) -> Result<u32, Ename> {
        Err(Ename::NotFound)
    }

    /// A fid of another node's file is gone, by the tree's number for it.
    fn clunk_away(&mut self, _away: u32) {}

    /// See `Tree::relay`.
    fn relay(&mut self, _token: u32, _tag: Tag, _out: &mut [u8]) -> Result<usize, Full> {
        Err(Full)
    }

    /// See `Tree::discard`.
    fn discard(&mut self, _token: u32) {}
}

/// Which directory a path is of, and what it is there.
fn place<'d, V: Dirs + 'd>(view: &V, at: Path) -> Result<(&'d dyn Dir<V>, &'static Row), Ename> {
    let dir = V::dir(at);
    let own = dir.own();
    let row = if own.file as u8 == at.file() { Some(own) } else { row_of(dir.rows(), at) };
    let row = row.filter(|_| dir.has(view, at)).ok_or(Ename::NotFound)?;
    Ok((dir, row))
}

/// Others than the owner cannot read it, so they cannot open it either.
fn is_private(row: &Row) -> bool {
    row.mode & 0o044 == 0
}

fn check_owner<V: Dirs>(view: &V, dir: &dyn Dir<V>, hold: &Hold) -> Result<(), Ename> {
    match dir.owner(view, hold.path) {
        Some(owner) if view.is_owner(hold.user, owner) => Ok(()),
        Some(_) => Err(Ename::Denied),
        None => Err(Ename::NotOwner),
    }
}

impl<V: Dirs> Tree for V {
    fn attach(
        &mut self,
        link: LinkId,
        uname: &str,
        uid: Option<u32>,
        aname: &str,
    ) -> Result<(UserId, Path), Ename> {
        Dirs::attach(self, link, uname, uid, aname)
    }

    fn ids(&mut self, user: &str) -> (u32, u32) {
        Dirs::ids(self, user)
    }

    fn walk(&mut self, user: UserId, at: Path, name: &str) -> Result<Step, Ename> {
        let (dir, _) = place(self, at)?;
        match find(dir.rows(), name) {
            Some(row) => Ok(Step::Here(at.beside(row.file as u8))),
            None => dir.walk(self, user, at, name),
        }
    }

    fn secs(&self) -> u32 {
        Dirs::secs(self)
    }

    fn up(&self, at: Path) -> Path {
        let dir = Self::dir(at);
        let own = dir.own().file as u8;
        if at.file() == own { dir.up(at) } else { at.beside(own) }
    }

    fn meta(&self, at: Path) -> Result<Meta, Ename> {
        let (dir, row) = place(self, at)?;
        let name = if row.file == dir.own().file { dir.name(self, at) } else { Text::cut(row.name) };
        let owner = self.user_name(dir.owner(self, at).unwrap_or(UserId(0)));
        Ok(Meta { mode: row.mode, name, owner })
    }

    fn entry(&mut self, _: UserId, at: Path, index: u32) -> Option<Path> {
        let (dir, row) = place(self, at).ok()?;
        let (index, rows) = (index as usize, dir.rows());
        match rows.get(index) {
            _ if row.mode & DMDIR == 0 => None,
            Some(row) => Some(at.beside(row.file as u8)),
            None => dir.entry(self, at, index - rows.len()),
        }
    }

    fn open(&mut self, hold: &mut Hold, bits: u8) -> Result<(), Ename> {
        let (dir, row) = place(self, hold.path)?;
        if is_private(row) {
            check_owner(self, dir, hold)?;
        }
        dir.open(self, row.file, hold, bits)
    }

    fn opened(&mut self, hold: &mut Hold) {
        if let Ok((dir, row)) = place(self, hold.path) {
            dir.opened(self, row.file, hold);
        }
    }

    fn mkdir(&mut self, hold: &mut Hold, name: &str) -> Result<(), Ename> {
        let (dir, row) = place(self, hold.path)?;
        if row.mode & DMDIR == 0 { Err(Ename::Denied) } else { dir.mkdir(self, hold, name) }
    }

    fn read(
        &mut self,
        id: RequestId,
        hold: &mut Hold,
        offset: u64,
        out: &mut [u8],
    ) -> Result<Option<usize>, Ename> {
        let (dir, row) = place(self, hold.path)?;
        if row.mode & DMDIR != 0 {
            return Err(Ename::IsDir);
        }
        dir.read(self, row.file, hold, Get { id, offset, out })
    }

    fn write(
        &mut self,
        id: RequestId,
        hold: &mut Hold,
        offset: u64,
        data: &[u8],
    ) -> Result<Option<u32>, Ename> {
        let (dir, row) = place(self, hold.path)?;
        dir.write(self, row.file, hold, Put { id, offset, data })
    }

    fn truncate(&mut self, hold: &Hold) -> Result<(), Ename> {
        let (dir, row) = place(self, hold.path)?;
        if is_private(row) {
            check_owner(self, dir, hold)?;
        }
        dir.truncate(self, row.file, hold)
    }

    fn clunk(&mut self, hold: &Hold, clean: bool) {
        if hold.away != 0 {
            return self.clunk_away(hold.away);
        }
        if hold.dead || hold.open == mode::CLOSED {
            return;
        }
        if let Ok((dir, row)) = place(self, hold.path) {
            dir.clunk(self, row.file, hold, clean);
        }
    }

    fn remove(&mut self, hold: &Hold) -> Result<(), Ename> {
        let (dir, row) = place(self, hold.path)?;
        check_owner(self, dir, hold)?;
        dir.remove(self, row.file, hold)
    }

    fn cancel(&mut self, id: RequestId) {
        Dirs::cancel(self, id);
    }

    fn forward(&mut self, id: RequestId, hold: &Hold, msg: Forward<'_>) -> Result<u32, Ename> {
        Dirs::forward(self, id, hold, msg)
    }

    fn relay(&mut self, token: u32, tag: Tag, out: &mut [u8]) -> Result<usize, Full> {
        Dirs::relay(self, token, tag, out)
    }

    fn discard(&mut self, token: u32) {
        Dirs::discard(self, token);
    }
}

#[cfg(test)]
#[path = "dir_tests.rs"]
mod tests;
