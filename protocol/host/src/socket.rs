//! The few socket calls that std and mio do not have; it keeps no state.

use std::io::{self, IoSlice};
use std::mem;
use std::os::fd::{AsRawFd, BorrowedFd, FromRawFd, OwnedFd};
use std::os::unix::ffi::OsStrExt;
use std::path::Path;
use std::time::Duration;

use crate::dial::UNIX_PATH_MAX;

/// Turns the -1 of a system call into its errno.
pub(crate) fn check(ret: libc::c_int) -> io::Result<libc::c_int> {
    if ret < 0 { Err(io::Error::last_os_error()) } else { Ok(ret) }
}

/// A new unix stream socket, close-on-exec; `flags` are added to its type.
pub(crate) fn unix(flags: libc::c_int) -> io::Result<OwnedFd> {
    let kind = libc::SOCK_STREAM | libc::SOCK_CLOEXEC | flags;
    // SAFETY: no pointers.
    let fd = check(unsafe { libc::socket(libc::AF_UNIX, kind, 0) })?;
    // SAFETY: the kernel just made this descriptor for us alone.
    Ok(unsafe { OwnedFd::from_raw_fd(fd) })
}

fn unix_address(path: &Path) -> io::Result<(libc::sockaddr_un, libc::socklen_t)> {
    let bytes = path.as_os_str().as_bytes();
    if bytes.is_empty() || bytes.len() > UNIX_PATH_MAX || bytes.contains(&0) {
        return Err(io::ErrorKind::InvalidInput.into());
    }
    // SAFETY: an all-zero sockaddr_un is a valid value.
    let mut address: libc::sockaddr_un = unsafe { mem::zeroed() };
    address.sun_family = libc::AF_UNIX as libc::sa_family_t;
    for (to, from) in address.sun_path.iter_mut().zip(bytes) {
        *to = *from as libc::c_char;
    }
    let len = mem::offset_of!(libc::sockaddr_un, sun_path) + bytes.len() + 1;
    Ok((address, len as libc::socklen_t))
}

/// Binds a unix socket to `path`.
pub(crate) fn bind_unix(fd: BorrowedFd<'_>, path: &Path) -> io::Result<()> {
    let (address, len) = unix_address(path)?;
    // SAFETY: `address` is a sockaddr_un of at least `len` bytes and outlives the call.
    check(unsafe { libc::bind(fd.as_raw_fd(), (&raw const address).cast(), len) })?;
    Ok(())
}

/// Connects a unix socket to `path`; waits as long as the socket's send timeout, if it is a blocking one.
pub(crate) fn connect_unix(fd: BorrowedFd<'_>, path: &Path) -> io::Result<()> {
    let (address, len) = unix_address(path)?;
    // SAFETY: `address` is a sockaddr_un of at least `len` bytes and outlives the call.
    check(unsafe { libc::connect(fd.as_raw_fd(), (&raw const address).cast(), len) })?;
    Ok(())
}

/// Sets one socket option of any plain type.
pub(crate) fn set_option<T: Copy>(
    fd: BorrowedFd<'_>,
    level: libc::c_int,
    name: libc::c_int,
    value: T,
) -> io::Result<()> {
    let len = mem::size_of::<T>() as libc::socklen_t;
    // SAFETY: the pointer and length describe `value`, which outlives the call.
    check(unsafe { libc::setsockopt(fd.as_raw_fd(), level, name, (&raw const value).cast(), len) })?;
    Ok(())
}

/// Switches O_NONBLOCK.
pub(crate) fn set_nonblocking(fd: BorrowedFd<'_>) -> io::Result<()> {
    let mut on: libc::c_int = 1;
    // SAFETY: FIONBIO reads one int.
    check(unsafe { libc::ioctl(fd.as_raw_fd(), libc::FIONBIO, &raw mut on) })?;
    Ok(())
}

/// Most pieces that the kernel takes at once: UIO_MAXIOV.
const PIECES_MAX: usize = 1024;

/// Sends as much of some pieces as the kernel accepts, without SIGPIPE; `None` if it accepts nothing now.
pub(crate) fn send(fd: BorrowedFd<'_>, pieces: &[IoSlice<'_>]) -> io::Result<Option<usize>> {
    let (fd, flags) = (fd.as_raw_fd(), libc::MSG_NOSIGNAL | libc::MSG_DONTWAIT);
    // SAFETY: an all-zero msghdr is a valid value: no address, no ancillary data.
    let mut message: libc::msghdr = unsafe { mem::zeroed() };
    // IoSlice is guaranteed to have the layout of iovec.
    message.msg_iov = pieces.as_ptr().cast_mut().cast();
    message.msg_iovlen = pieces.len().min(PIECES_MAX) as _;
    loop {
        let sent = match pieces {
            // One piece, as a rule: the kernel has less to copy in and to check.
            // SAFETY: the pointer and length describe the piece, which outlives the call.
            [piece] => unsafe { libc::send(fd, piece.as_ptr().cast(), piece.len(), flags) },
            // SAFETY: the message and the bytes its slices point at outlive the call; sendmsg only reads
            // them.
            _ => unsafe { libc::sendmsg(fd, &raw const message, flags) },
        };
        if sent >= 0 {
            return Ok(Some(sent as usize));
        }
        let e = io::Error::last_os_error();
        match e.kind() {
            io::ErrorKind::Interrupted => {}
            io::ErrorKind::WouldBlock => return Ok(None),
            _ => return Err(e),
        }
    }
}

/// Waits until something is there to be received, or the end, or `patience` is over. A signal ends it too.
pub(crate) fn await_bytes(fd: BorrowedFd<'_>, patience: Duration) {
    let mut poll = libc::pollfd { fd: fd.as_raw_fd(), events: libc::POLLIN, revents: 0 };
    let time = libc::timespec {
        tv_sec: patience.as_secs() as libc::time_t,
        tv_nsec: patience.subsec_nanos() as libc::c_long,
    };
    // SAFETY: both outlive the call, which writes only to the one pollfd; no mask of signals is given.
    unsafe { libc::ppoll(&raw mut poll, 1, &raw const time, std::ptr::null()) };
}

/// Receives once into `room`; `None` if nothing is there now, 0 at the end.
pub(crate) fn receive(fd: BorrowedFd<'_>, room: &mut [u8]) -> io::Result<Option<usize>> {
    loop {
        let to = room.as_mut_ptr().cast();
        // SAFETY: the pointer and length describe `room`, which outlives the call.
        let got = unsafe { libc::recv(fd.as_raw_fd(), to, room.len(), libc::MSG_DONTWAIT) };
        if got >= 0 {
            return Ok(Some(got as usize));
        }
        let e = io::Error::last_os_error();
        match e.kind() {
            io::ErrorKind::Interrupted => {}
            io::ErrorKind::WouldBlock => return Ok(None),
            _ => return Err(e),
        }
    }
}

/// The user id of the process at the other end of a unix socket when it connected.
pub(crate) fn peer_uid(fd: BorrowedFd<'_>) -> Option<u32> {
    let mut cred = libc::ucred { pid: 0, uid: u32::MAX, gid: u32::MAX };
    let mut len = mem::size_of::<libc::ucred>() as libc::socklen_t;
    let (level, name) = (libc::SOL_SOCKET, libc::SO_PEERCRED);
    // SAFETY: `cred` and `len` outlive the call; the kernel writes at most `len` bytes.
    let ret = unsafe { libc::getsockopt(fd.as_raw_fd(), level, name, (&raw mut cred).cast(), &raw mut len) };
    // A TCP socket answers too, with uid -1.
    (ret == 0 && cred.uid != u32::MAX).then_some(cred.uid)
}
