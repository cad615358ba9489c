//! A listening socket and, for unix, the file it is found under; accepted connections belong to the caller.

use std::fs::{self, File};
use std::io;
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr, TcpListener, ToSocketAddrs};
use std::os::fd::{AsFd, AsRawFd, FromRawFd, OwnedFd};
use std::os::unix::fs::{FileTypeExt, MetadataExt};
use std::path::{Path, PathBuf};
use std::time::Duration;

use mio::event::Source;
use mio::unix::SourceFd;
use mio::{Interest, Registry, Token};

use crate::dial::Dial;
use crate::socket;
use crate::stream::Stream;

/// Connections the kernel keeps until they are accepted: all of a partition may come at once. Clipped by
/// somaxconn.
const QUEUE: libc::c_int = 4096;

/// How long the holder of a socket file may take to accept before it counts as listening.
const PROBE: Duration = Duration::from_millis(200);

/// A non-blocking listening socket.
///
/// A unix socket's file has mode 0600 and is removed when the listener is dropped, if it is still the same
/// file.
pub struct Listener {
    fd: OwnedFd,
    dial: Dial,
    file: Option<SocketFile>,
    /// Closed when the process has no descriptor left, so that a connection can be accepted and closed.
    spare: Option<File>,
}

struct SocketFile {
    path: PathBuf,
    id: (u64, u64),
}

impl Listener {
    /// Listens at `dial`; a unix socket file that nobody answers on is replaced.
    pub fn bind(dial: &Dial) -> io::Result<Self> {
        let spare = File::open("/dev/null").ok();
        match dial {
            Dial::Tcp { host, port } => {
                let listener = bind_tcp(host, *port)?;
                listener.set_nonblocking(true)?;
                let port = listener.local_addr()?.port();
                let dial = Dial::Tcp { host: host.clone(), port };
                Ok(Self { fd: listener.into(), dial, file: None, spare })
            }
            Dial::Unix(path) => {
                let (fd, id) = bind_unix(path)?;
                let file = Some(SocketFile { path: path.clone(), id });
                Ok(Self { fd, dial: dial.clone(), file, spare })
            }
        }
    }

    /// Where it listens: as asked for, with the port that the kernel chose if 0 was asked for.
    pub fn dial(&self) -> &Dial {
        &self.dial
    }

    /// Takes one waiting connection, with buffers as in [`Stream::connect`]; `None` when none waits.
    ///
    /// Readiness is edge-triggered: call until `None`. When the process or the machine has no descriptor
    /// left, the connection is closed and the error returned; call again.
    pub fn accept(&mut self, rx_capacity: usize, backlog_max: usize) -> io::Result<Option<Stream>> {
        loop {
            let flags = libc::SOCK_NONBLOCK | libc::SOCK_CLOEXEC;
            let fd = self.fd.as_raw_fd();
            // SAFETY: null address and length mean that the peer's address is not wanted.
            let got = unsafe { libc::accept4(fd, std::ptr::null_mut(), std::ptr::null_mut(), flags) };
            if got >= 0 {
                // SAFETY: the kernel just made this descriptor for us alone.
                let fd = unsafe { OwnedFd::from_raw_fd(got) };
                return Stream::over(fd, self.file.is_some(), rx_capacity, backlog_max).map(Some);
            }
            let e = io::Error::last_os_error();
            match e.raw_os_error() {
                Some(libc::EAGAIN) => return Ok(None),
                // Linux reports errors of the connection itself here; the next connection may be fine.
                Some(libc::EINTR | libc::ECONNABORTED | libc::EPROTO | libc::ENETDOWN) => {}
                Some(libc::ENOPROTOOPT | libc::EHOSTDOWN | libc::ENONET | libc::EHOSTUNREACH) => {}
                Some(libc::ENETUNREACH) => {}
                Some(libc::EMFILE | libc::ENFILE) => {
                    self.shed();
                    return Err(e);
                }
                _ => return Err(e),
            }
        }
    }

    /// Hangs up on one waiting connection: if it waited, there would be no further edge and it would be
    /// forgotten.
    fn shed(&mut self) {
        self.spare = None;
        // SAFETY: null address and length mean that the peer's address is not wanted.
        let got =
            unsafe { libc::accept4(self.fd.as_raw_fd(), std::ptr::null_mut(), std::ptr::null_mut(), 0) };
        if got >= 0 {
            // SAFETY: the kernel just made this descriptor for us alone.
            drop(unsafe { OwnedFd::from_raw_fd(got) });
        }
        self.spare = File::open("/dev/null").ok();
    }
}

fn bind_tcp(host: &str, port: u16) -> io::Result<TcpListener> {
    if host == "*" {
        // One IPv6 socket accepts both families, if there is IPv6.
        return TcpListener::bind((Ipv6Addr::UNSPECIFIED, port))
            .or_else(|_| TcpListener::bind((Ipv4Addr::UNSPECIFIED, port)));
    }
    let addresses: Vec<SocketAddr> = (host, port).to_socket_addrs()?.collect();
    TcpListener::bind(&addresses[..])
}

fn bind_unix(path: &Path) -> io::Result<(OwnedFd, (u64, u64))> {
    // Two daemons that start at once must not take each other's new file for a stale one. A lock on the
    // directory, which leaves no file behind, is held from the first look to `listen`.
    let parent = path.parent().filter(|p| !p.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let _lock = lock(parent)?;
    let fd = socket::unix(libc::SOCK_NONBLOCK)?;
    // The file takes its mode from the socket's, so that no umask has to change under other threads.
    // SAFETY: no pointers.
    socket::check(unsafe { libc::fchmod(fd.as_raw_fd(), 0o600) })?;
    if let Err(e) = socket::bind_unix(fd.as_fd(), path) {
        if e.raw_os_error() != Some(libc::EADDRINUSE) {
            return Err(e);
        }
        remove_stale(path)?;
        socket::bind_unix(fd.as_fd(), path)?;
    }
    // SAFETY: no pointers.
    socket::check(unsafe { libc::listen(fd.as_raw_fd(), QUEUE) })?;
    Ok((fd, file_id(path)?))
}

fn lock(directory: &Path) -> io::Result<File> {
    let file = File::open(directory)?;
    match file.lock() {
        // Some file systems have no locks; there the race is only unlikely.
        Err(e) if e.kind() != io::ErrorKind::Unsupported => Err(e),
        _ => Ok(file),
    }
}

fn remove_stale(path: &Path) -> io::Result<()> {
    if !fs::symlink_metadata(path)?.file_type().is_socket() {
        let why = format!("{} exists and is not a socket", path.display());
        return Err(io::Error::new(io::ErrorKind::AlreadyExists, why));
    }
    let probe = socket::unix(0)?;
    socket::set_option(probe.as_fd(), libc::SOL_SOCKET, libc::SO_SNDTIMEO, timeval(PROBE))?;
    match socket::connect_unix(probe.as_fd(), path) {
        Err(e) if e.kind() == io::ErrorKind::ConnectionRefused => fs::remove_file(path),
        // Removed meanwhile.
        Err(e) if e.kind() == io::ErrorKind::NotFound => Ok(()),
        // A full queue also shows that somebody listens.
        Ok(()) | Err(_) => {
            let why = format!("somebody listens on {} already", path.display());
            Err(io::Error::new(io::ErrorKind::AddrInUse, why))
        }
    }
}

pub(crate) fn timeval(d: Duration) -> libc::timeval {
    libc::timeval { tv_sec: d.as_secs() as _, tv_usec: d.subsec_micros() as _ }
}

fn file_id(path: &Path) -> io::Result<(u64, u64)> {
    let meta = fs::symlink_metadata(path)?;
    Ok((meta.dev(), meta.ino()))
}

impl Drop for Listener {
    fn drop(&mut self) {
        let Some(file) = &self.file else { return };
        if file_id(&file.path).is_ok_and(|id| id == file.id) {
            // Nothing can be done about a file that cannot be removed.
            let _ = fs::remove_file(&file.path);
        }
    }
}

impl Source for Listener {
    fn register(&mut self, registry: &Registry, token: Token, interests: Interest) -> io::Result<()> {
        SourceFd(&self.fd.as_raw_fd()).register(registry, token, interests)
    }

    fn reregister(&mut self, registry: &Registry, token: Token, interests: Interest) -> io::Result<()> {
        SourceFd(&self.fd.as_raw_fd()).reregister(registry, token, interests)
    }

    fn deregister(&mut self, registry: &Registry) -> io::Result<()> {
        SourceFd(&self.fd.as_raw_fd()).deregister(registry)
    }
}

#[cfg(test)]
#[path = "listener_tests.rs"]
mod tests;
