//! Our stdin on its way to the members: read ahead while a write is out, so that no byte waits for two
//! answers.
//!
//! One write at a time is out: it may be taken short, and what follows has to go behind the rest of it.

use super::asked::{Asked, Node};
use client::Error;
use protocol::message::{Fid, Tmsg};
use std::io::{self, ErrorKind};
use std::os::fd::RawFd;

/// Most bytes of one write.
const WRITE: usize = 64 * 1024;
/// Bytes that are read and not delivered beyond which nothing more is read.
const AHEAD: usize = 4 * WRITE;

/// What a look at our stdin has found.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Read {
    /// So many bytes, at the end of what is held.
    Bytes(usize),
    /// Nothing now.
    Nothing,
    /// No more, for ever.
    End,
}

/// Bytes that are read and not delivered.
pub(crate) struct Input {
    fid: Fid,
    /// What is held: from `start` on.
    held: Vec<u8>,
    start: usize,
    /// A write is out.
    is_asked: bool,
    /// Our stdin is at its end.
    is_ended: bool,
}

impl Input {
    /// Opens the session's stdin.
    pub(crate) fn open(node: &mut Node, ctl: Fid) -> Result<Self, Error> {
        let fid = node.ask_open(Asked::Step, ctl, &["..", "stdin"], 1)?;
        Ok(Self { fid, held: Vec::new(), start: 0, is_asked: false, is_ended: false })
    }

    fn left(&self) -> &[u8] {
        &self.held[self.start..]
    }

    /// What to read from, if there is room for it.
    pub(crate) fn fd(&self) -> Option<RawFd> {
        let has_room = !self.is_ended && self.left().len() + WRITE <= AHEAD;
        has_room.then_some(libc::STDIN_FILENO)
    }

    /// Reads once: what has come.
    pub(crate) fn read(&mut self) -> io::Result<Read> {
        self.held.drain(..std::mem::take(&mut self.start));
        let len = self.held.len();
        self.held.resize(len + WRITE, 0);
        // SAFETY: the pointer and length describe the new end of `held`, which outlives the call.
        let got = unsafe { libc::read(libc::STDIN_FILENO, self.held[len..].as_mut_ptr().cast(), WRITE) };
        let error = io::Error::last_os_error();
        self.held.truncate(len + got.max(0) as usize);
        match got {
            1.. => Ok(Read::Bytes(got as usize)),
            0 => {
                self.is_ended = true;
                Ok(Read::End)
            }
            _ if matches!(error.kind(), ErrorKind::Interrupted | ErrorKind::WouldBlock) => Ok(Read::Nothing),
            _ => {
                self.is_ended = true;
                Err(error)
            }
        }
    }

    /// The last bytes that were read.
    pub(crate) fn last(&self, count: usize) -> &[u8] {
        &self.held[self.held.len() - count..]
    }

    /// Sends what is held, unless a write is out.
    pub(crate) fn ask(&mut self, node: &mut Node) -> Result<(), Error> {
        if self.is_asked || self.left().is_empty() {
            return Ok(());
        }
        self.is_asked = true;
        let left = self.left();
        let data = &left[..left.len().min(WRITE)];
        node.ask(Asked::Stdin, &Tmsg::Write { fid: self.fid, offset: 0, data })
    }

    /// So many bytes were delivered.
    pub(crate) fn taken(&mut self, count: usize) {
        self.is_asked = false;
        self.start += count.min(self.left().len());
    }

    /// All that there ever was is delivered.
    pub(crate) fn is_over(&self) -> bool {
        self.is_ended && self.left().is_empty()
    }
}

/// It is /dev/null: nothing will come.
pub(crate) fn is_null(fd: RawFd) -> bool {
    // SAFETY: all-zero is a valid stat, and fstat writes only it.
    let (told, stat) = unsafe {
        let mut stat: libc::stat = std::mem::zeroed();
        (libc::fstat(fd, &raw mut stat), stat)
    };
    told == 0 && stat.st_mode & libc::S_IFMT == libc::S_IFCHR && stat.st_rdev == libc::makedev(1, 3)
}
