//! Operations on a member's stdio pipes, none of which can sleep; it decides nothing and owns no member.
//!
//! Every descriptor given here is a pipe's or a socket's end with O_NONBLOCK. SIGPIPE must be ignored, as
//! Rust's runtime does.

use std::fs::File;
use std::io;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, FromRawFd, OwnedFd};

/// Bytes that [`peek`] can look at in one call, where the user's pipe quota allows it.
pub const PEEK_MAX: usize = 64 * 1024;

/// The result of a read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Pull {
    /// So many bytes, at least one.
    Data(usize),
    /// Nothing there now, but somebody can still write.
    Empty,
    /// Nothing there, and nobody can write any more.
    End,
}

/// The result of a write.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Push {
    /// So many bytes, perhaps fewer than offered.
    Took(usize),
    /// No room now.
    Full,
    /// Nobody can read any more.
    Closed,
}

/// A pipe's two ends, close-on-exec: first the one to read, then the one to write.
pub fn pair() -> io::Result<(OwnedFd, OwnedFd)> {
    let mut fds = [0; 2];
    // SAFETY: the kernel writes two ints to `fds`.
    check(unsafe { libc::pipe2(fds.as_mut_ptr(), libc::O_CLOEXEC) } as isize)?;
    // SAFETY: the kernel just made these two descriptors for us alone.
    Ok(unsafe { (OwnedFd::from_raw_fd(fds[0]), OwnedFd::from_raw_fd(fds[1])) })
}

/// Two ends that both read and write, close-on-exec; each write is read as a whole.
pub fn both() -> io::Result<(OwnedFd, OwnedFd)> {
    let mut fds = [0; 2];
    let kind = libc::SOCK_SEQPACKET | libc::SOCK_CLOEXEC;
    // SAFETY: the kernel writes two ints to `fds`.
    check(unsafe { libc::socketpair(libc::AF_UNIX, kind, 0, fds.as_mut_ptr()) } as isize)?;
    // SAFETY: the kernel just made these two descriptors for us alone.
    Ok(unsafe { (OwnedFd::from_raw_fd(fds[0]), OwnedFd::from_raw_fd(fds[1])) })
}

/// Makes one end of a pipe non-blocking; the other end stays as it is.
pub fn set_nonblocking(fd: BorrowedFd<'_>) -> io::Result<()> {
    let mut on: libc::c_int = 1;
    // SAFETY: FIONBIO reads one int.
    check(unsafe { libc::ioctl(fd.as_raw_fd(), libc::FIONBIO, &raw mut on) } as isize)?;
    Ok(())
}

/// Whether all bytes written to a pipe have been read. The first call limits the pipe to one page, so that it
/// is writable again only then.
pub fn is_read(fd: BorrowedFd<'_>) -> bool {
    let mut count: libc::c_int = 0;
    // SAFETY: F_SETPIPE_SZ takes no pointer and FIONREAD writes one int.
    let asked = unsafe {
        // Refused if more is in it already; then its size is that much.
        libc::fcntl(fd.as_raw_fd(), libc::F_SETPIPE_SZ, 1);
        libc::ioctl(fd.as_raw_fd(), libc::FIONREAD, &raw mut count)
    };
    asked < 0 || count == 0
}

fn check(ret: isize) -> io::Result<usize> {
    usize::try_from(ret).map_err(|_| io::Error::last_os_error())
}

/// Repeats a call that a signal interrupted; `None` if it would sleep.
fn call(mut f: impl FnMut() -> isize) -> io::Result<Option<usize>> {
    loop {
        match check(f()) {
            Ok(n) => return Ok(Some(n)),
            Err(e) if e.kind() == io::ErrorKind::Interrupted => {}
            Err(e) if e.kind() == io::ErrorKind::WouldBlock => return Ok(None),
            Err(e) => return Err(e),
        }
    }
}

fn pulled(got: Option<usize>) -> Pull {
    match got {
        None => Pull::Empty,
        Some(0) => Pull::End,
        Some(n) => Pull::Data(n),
    }
}

fn pushed(sent: io::Result<Option<usize>>) -> io::Result<Push> {
    match sent {
        Ok(Some(n)) => Ok(Push::Took(n)),
        Ok(None) => Ok(Push::Full),
        Err(e) if e.kind() == io::ErrorKind::BrokenPipe => Ok(Push::Closed),
        Err(e) => Err(e),
    }
}

/// Reads bytes from a pipe.
pub fn read(fd: BorrowedFd<'_>, out: &mut [u8]) -> io::Result<Pull> {
    assert!(!out.is_empty(), "a read of nothing would look like the end");
    // SAFETY: the pointer and length describe `out`, which outlives the call.
    let got = call(|| unsafe { libc::read(fd.as_raw_fd(), out.as_mut_ptr().cast(), out.len()) })?;
    Ok(pulled(got))
}

/// Writes bytes to a pipe.
pub fn write(fd: BorrowedFd<'_>, bytes: &[u8]) -> io::Result<Push> {
    // SAFETY: the pointer and length describe `bytes`, which outlives the call.
    pushed(call(|| unsafe { libc::write(fd.as_raw_fd(), bytes.as_ptr().cast(), bytes.len()) }))
}

/// What [`peek`] and [`discard`] need: a pipe that is empty between calls, and /dev/null.
#[derive(Debug)]
pub struct Scratch {
    reader: OwnedFd,
    writer: OwnedFd,
    null: File,
}

impl Scratch {
    /// Makes both; one is enough for all members.
    pub fn new() -> io::Result<Self> {
        let (reader, writer) = pair()?;
        set_nonblocking(reader.as_fd())?;
        set_nonblocking(writer.as_fd())?;
        // A user over the pipe quota gets a small pipe and cannot enlarge it; peeks are then shorter.
        // SAFETY: no pointers.
        unsafe { libc::fcntl(writer.as_raw_fd(), libc::F_SETPIPE_SZ, PEEK_MAX as libc::c_int) };
        let null = File::options().write(true).open("/dev/null")?;
        Ok(Self { reader, writer, null })
    }
}

/// Copies what is at a pipe's front, up to [`PEEK_MAX`] bytes, and leaves it there.
pub fn peek(fd: BorrowedFd<'_>, scratch: &Scratch, out: &mut [u8]) -> io::Result<Pull> {
    assert!(!out.is_empty(), "a peek at nothing would look like the end");
    let (from, to) = (fd.as_raw_fd(), scratch.writer.as_raw_fd());
    // SAFETY: no pointers.
    let teed = call(|| unsafe { libc::tee(from, to, out.len(), libc::SPLICE_F_NONBLOCK) })?;
    let pull = pulled(teed);
    if let Pull::Data(n) = pull {
        let mut filled = 0;
        while filled < n {
            match read(scratch.reader.as_fd(), &mut out[filled..n])? {
                Pull::Data(more) => filled += more,
                Pull::Empty | Pull::End => panic!("a tee of {n} bytes gave only {filled}"),
            }
        }
    }
    Ok(pull)
}

/// Drops exactly `n` bytes that a [`peek`] has seen, without copying them.
pub fn discard(fd: BorrowedFd<'_>, n: usize, scratch: &Scratch) -> io::Result<()> {
    let (from, to) = (fd.as_raw_fd(), scratch.null.as_raw_fd());
    let (none, flags) = (std::ptr::null_mut(), libc::SPLICE_F_NONBLOCK);
    let mut left = n;
    while left > 0 {
        // SAFETY: null offsets mean the descriptors' own.
        match call(|| unsafe { libc::splice(from, none, to, none, left, flags) })? {
            Some(gone) if gone > 0 => left -= gone,
            // Somebody else reads this pipe: the bytes seen are not those that would be dropped.
            _ => return Err(io::ErrorKind::UnexpectedEof.into()),
        }
    }
    Ok(())
}

/// Moves `len` bytes of a memfd, from `offset`, into a pipe without copying them.
///
/// The pipe holds the memfd's own pages: these bytes must not be written again until the reader has taken
/// them.
pub fn feed(fd: BorrowedFd<'_>, memfd: BorrowedFd<'_>, offset: u64, len: usize) -> io::Result<Push> {
    let (from, to) = (memfd.as_raw_fd(), fd.as_raw_fd());
    let flags = libc::SPLICE_F_NONBLOCK;
    pushed(call(|| {
        // No file has bytes beyond what the type holds.
        let mut at = libc::loff_t::try_from(offset).unwrap_or(libc::loff_t::MAX);
        // SAFETY: `at` outlives the call; a null offset is right for a pipe.
        unsafe { libc::splice(from, &raw mut at, to, std::ptr::null_mut(), len, flags) }
    }))
}

#[cfg(test)]
#[path = "pipe_tests.rs"]
mod tests;
