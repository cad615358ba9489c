//! A pseudo-terminal for a member: the parent opens it, and the child makes it its controlling terminal.

use std::io;
use std::os::fd::{AsRawFd, BorrowedFd, FromRawFd, OwnedFd};

/// Rows and columns.
pub(super) type Size = [u16; 2];

/// The end that is read and written here, and the end that is the member's stdio.
pub(super) fn open(size: Size) -> io::Result<(OwnedFd, OwnedFd)> {
    let flags = libc::O_RDWR | libc::O_NOCTTY | libc::O_CLOEXEC;
    // SAFETY: the name is a NUL-terminated string.
    let ours = own(unsafe { libc::open(c"/dev/ptmx".as_ptr(), flags) })?;
    let unlocked: libc::c_int = 0;
    // SAFETY: TIOCSPTLCK reads one int; TIOCGPTPEER takes flags.
    let theirs = unsafe {
        if libc::ioctl(ours.as_raw_fd(), libc::TIOCSPTLCK, &raw const unlocked) < 0 {
            return Err(io::Error::last_os_error());
        }
        own(libc::ioctl(ours.as_raw_fd(), libc::TIOCGPTPEER, flags))?
    };
    resize(std::os::fd::AsFd::as_fd(&ours), size)?;
    Ok((ours, theirs))
}

/// Changes its size; its programs get SIGWINCH.
pub(super) fn resize(ours: BorrowedFd<'_>, [rows, cols]: Size) -> io::Result<()> {
    let size = libc::winsize { ws_row: rows, ws_col: cols, ws_xpixel: 0, ws_ypixel: 0 };
    // SAFETY: TIOCSWINSZ reads one winsize.
    let set = unsafe { libc::ioctl(ours.as_raw_fd(), libc::TIOCSWINSZ, &raw const size) };
    if set < 0 { Err(io::Error::last_os_error()) } else { Ok(()) }
}

fn own(fd: i32) -> io::Result<OwnedFd> {
    if fd < 0 {
        return Err(io::Error::last_os_error());
    }
    // SAFETY: the kernel just made this descriptor for us alone.
    Ok(unsafe { OwnedFd::from_raw_fd(fd) })
}
