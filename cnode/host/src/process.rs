//! The processes of a stub's members, and this side of their descriptors, by member slot.

use crate::pipe;
use crate::spawn::{self, Child};
use cnode::host::{MemberSlot, Stream};
use mio::Interest;
use protocol_host::Watcher;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};

/// What a watched descriptor of a member is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Part {
    Status,
    Exit,
    Stdin,
    Output(Stream),
}

const PARTS: usize = 8;

impl Part {
    fn code(self) -> usize {
        match self {
            Self::Status => 0,
            Self::Exit => 1,
            Self::Stdin => 2,
            Self::Output(Stream::Stdout) => 3,
            Self::Output(Stream::Stderr) => 4,
        }
    }

    /// The member and part of a watch number; numbers of the driver's own are below `FIRST`.
    pub(crate) fn of(number: usize) -> Option<(MemberSlot, Self)> {
        let number = number.checked_sub(FIRST)?;
        let part = match number % PARTS {
            0 => Self::Status,
            1 => Self::Exit,
            2 => Self::Stdin,
            3 => Self::Output(Stream::Stdout),
            4 => Self::Output(Stream::Stderr),
            _ => return None,
        };
        Some(((number / PARTS) as MemberSlot, part))
    }

    fn number(self, member: MemberSlot) -> usize {
        FIRST + member as usize * PARTS + self.code()
    }
}

/// Watch numbers below this are the driver's.
pub(crate) const FIRST: usize = 16;

/// ^D, which ends a terminal's input.
const EOT: u8 = 4;

/// One member's process.
pub(crate) struct Process {
    pub(crate) member: MemberSlot,
    pub(crate) child: Child,
    /// It is reaped, and others of its group still run.
    pub(crate) left_group: bool,
    pub(crate) reaped: bool,
    watched: [bool; 3],
    /// For each output, the bytes in the pipe when a record was found incomplete; 0 if none is.
    waiting: [usize; 2],
}

impl Process {
    /// Watches for its start and its end; its pipes are watched after they were found empty or full.
    pub(crate) fn new(member: MemberSlot, child: Child, watcher: &Watcher) -> std::io::Result<Self> {
        if let Some(status) = &child.status {
            watcher.watch(status.as_raw_fd(), Part::Status.number(member), Interest::READABLE)?;
        }
        let exit = child.pidfd.as_raw_fd();
        watcher.watch(exit, Part::Exit.number(member), Interest::READABLE)?;
        Ok(Self { member, child, left_group: false, reaped: false, watched: [false; 3], waiting: [0; 2] })
    }

    pub(crate) fn output(&self, stream: Stream) -> Option<BorrowedFd<'_>> {
        let fd = match stream {
            Stream::Stdout => &self.child.stdout,
            Stream::Stderr => &self.child.stderr,
        };
        fd.as_ref().map(AsFd::as_fd)
    }

    pub(crate) fn stdin(&self) -> Option<BorrowedFd<'_>> {
        self.child.stdin.as_ref().map(AsFd::as_fd)
    }

    /// An output was found empty: report when it is not.
    pub(crate) fn watch_output(&mut self, stream: Stream, watcher: &Watcher) {
        if self.watched[stream as usize] {
            return;
        }
        let number = Part::Output(stream).number(self.member);
        if let Some(fd) = self.output(stream).map(|fd| fd.as_raw_fd()) {
            self.watched[stream as usize] = watcher.watch(fd, number, Interest::READABLE).is_ok();
        }
    }

    /// An output ends with an incomplete record; false if a full pipe blocks its writer.
    pub(crate) fn awaits_end(&mut self, stream: Stream, watcher: &Watcher) -> bool {
        let Some(fd) = self.output(stream) else { return true };
        let (used, is_full) = (used(fd), is_full(fd));
        self.waiting[stream as usize] = if is_full { 0 } else { used };
        if !is_full {
            // The pipe may never have been found empty.
            self.watch_output(stream, watcher);
        }
        !is_full
    }

    /// Whether the content of an output has changed since a record in it was found incomplete, and whether
    /// one still is.
    pub(crate) fn has_moved(&mut self, stream: Stream) -> (bool, bool) {
        let before = self.waiting[stream as usize];
        let now = if before == 0 { 0 } else { self.output(stream).map_or(0, used) };
        if now != before {
            self.waiting[stream as usize] = 0;
        }
        (now != before, now == before && before > 0)
    }

    /// The input was found full: report when it is not.
    pub(crate) fn watch_stdin(&mut self, watcher: &Watcher) {
        if self.watched[2] {
            return;
        }
        if let Some(fd) = self.stdin().map(|fd| fd.as_raw_fd()) {
            let number = Part::Stdin.number(self.member);
            self.watched[2] = watcher.watch(fd, number, Interest::WRITABLE).is_ok();
        }
    }

    pub(crate) fn close_stdin(&mut self, watcher: &Watcher) {
        // A terminal's input ends with a character; if nobody reads it, it has ended.
        if let Some(fd) = self.stdin().filter(|_| self.child.is_terminal) {
            let _ = pipe::write(fd, &[EOT]);
        }
        close(self.child.stdin.take(), self.watched[2], watcher);
    }

    /// The result of its start is known: closes the pipe that reported it.
    pub(crate) fn close_status(&mut self, watcher: &Watcher, fd: i32) {
        if self.child.status.is_none() {
            watcher.unwatch(fd);
        }
    }

    /// Closes all descriptors and kills what is left of its group.
    pub(crate) fn close(mut self, watcher: &Watcher) {
        if self.left_group {
            // The group may be empty meanwhile; then there is nobody to signal.
            let _ = spawn::signal_group(&self.child, libc::SIGKILL);
        }
        self.close_pipes(watcher);
    }

    /// A process that did not start, or must not: closes its pipes; it remains to be reaped.
    pub(crate) fn detach(mut self, watcher: &Watcher) -> Child {
        self.close_pipes(watcher);
        self.child
    }

    fn close_pipes(&mut self, watcher: &Watcher) {
        close(self.child.status.take(), true, watcher);
        self.close_stdin(watcher);
        close(self.child.stdout.take(), self.watched[0], watcher);
        close(self.child.stderr.take(), self.watched[1], watcher);
        watcher.unwatch(self.child.pidfd.as_raw_fd());
    }
}

fn close(fd: Option<OwnedFd>, watched: bool, watcher: &Watcher) {
    if let Some(fd) = fd
        && watched
    {
        watcher.unwatch(fd.as_raw_fd());
    }
}

/// Nobody can write to this pipe any more.
pub(crate) fn is_hung_up(fd: BorrowedFd<'_>) -> bool {
    let mut poll = libc::pollfd { fd: fd.as_raw_fd(), events: 0, revents: 0 };
    // SAFETY: one pollfd that outlives the call, which does not wait.
    unsafe { libc::poll(&raw mut poll, 1, 0) };
    poll.revents & libc::POLLHUP != 0
}

/// Bytes in a pipe.
fn used(fd: BorrowedFd<'_>) -> usize {
    let mut used: libc::c_int = 0;
    // SAFETY: FIONREAD writes one int.
    unsafe { libc::ioctl(fd.as_raw_fd(), libc::FIONREAD, &raw mut used) };
    usize::try_from(used).unwrap_or(0)
}

/// A writer to this pipe is blocked, or nearly: less than a page is free.
fn is_full(fd: BorrowedFd<'_>) -> bool {
    // SAFETY: no pointers.
    let size = unsafe { libc::fcntl(fd.as_raw_fd(), libc::F_GETPIPE_SZ) };
    let used = used(fd);
    usize::try_from(size).is_ok_and(|size| size > 0 && used > 0 && used + 4096 > size)
}
