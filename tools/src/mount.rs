//! The tree as files of this machine, by the kernel's own 9P or by FUSE: what is mounted where, and how
//! that ends.

pub(crate) mod daemon;
mod device;
mod link;
mod node;
mod op;
mod past;
mod point;
mod reply;
mod request;
mod served;
mod slot;
mod turn;
mod user;

use crate::exit::Told;
use crate::partition;
use crate::signal::Signals;
use client::Dial;
use device::{CHUNK, Device, is_root, plain};
use point::SOURCE;
use protocol_host::{connect_tcp, user_name};
use served::Served;
use std::io;
use std::os::fd::{AsRawFd, OwnedFd};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::process::Command;

/// What is mounted, and where.
pub(crate) struct Place {
    dir: PathBuf,
    dial: Dial,
    /// The path from the node's root to the tree's.
    root: String,
}

impl Place {
    /// The tree at an address, or of the partition that is found, at a directory.
    pub(crate) fn find(dir: &Path, at: Option<&Dial>) -> Result<Self, Told> {
        let dir = check(dir)?;
        let dial = partition::find_up(at)?;
        Ok(Self { root: partition::root_at(&dial), dir, dial })
    }

    /// Most bytes of data in one message of the node, which is there.
    pub(crate) fn payload(&self) -> Result<u32, Told> {
        Ok(partition::dial::<()>(&self.dial)?.payload())
    }

    fn source(&self) -> String {
        format!("{SOURCE}{}", self.dial)
    }

    /// Has the kernel talk to the node by itself, over a connection that is made here.
    pub(crate) fn by_kernel(&self) -> Result<(), Told> {
        if !self.root.is_empty() {
            return Err("it shows whole trees, and UEM_ROOT is a part of one".to_owned());
        }
        if !is_root() {
            return Err("only root may mount it".to_owned());
        }
        let stream = self.connect().map_err(|e| format!("unable to reach {}: {}", self.dial, plain(&e)))?;
        let fd = stream.as_raw_fd();
        let user = user_name();
        // A server without 9P2000.L says 9P2000, and the kernel takes that.
        let options = format!(
            "trans=fd,rfdno={fd},wfdno={fd},version=9p2000.L,cache=none,access=any,msize={CHUNK},uname={user}"
        );
        let mount = |options: &str| device::mount(&self.source(), &self.dir, c"9p", options);
        let mounted = match mount(&format!("{options},noxattr")) {
            // Before Linux 6.4 there was no such word.
            Err(e) if e.raw_os_error() == Some(libc::EINVAL) => mount(&options),
            mounted => mounted,
        };
        mounted.map_err(|e| match e.raw_os_error() {
            Some(libc::ENODEV) => "this kernel has none: modprobe 9p 9pnet_fd".to_owned(),
            Some(libc::EPERM) => "this root may not mount".to_owned(),
            _ => format!("mount: {}", plain(&e)),
        })
    }

    /// A connection that has not said anything.
    fn connect(&self) -> io::Result<OwnedFd> {
        Ok(match &self.dial {
            Dial::Unix(path) => UnixStream::connect(path)?.into(),
            Dial::Tcp { host, port } => connect_tcp(host, *port)?.into(),
        })
    }

    /// Mounts by FUSE and serves until that ends; `ready` is called in between.
    pub(crate) fn serve(&self, payload: u32, ready: impl FnOnce()) -> Result<(), Told> {
        let mut signals = Signals::new()?;
        let device = Device::mount(&self.dir, &self.source(), payload)?;
        let mut served = Served::new(device, self.dial.clone(), &self.root, payload)?;
        ready();
        served.run(&mut signals)
    }
}

/// The directory to mount at, if it is one.
fn check(dir: &Path) -> Result<PathBuf, Told> {
    let shown = dir.display();
    let told = |e: io::Error| match e.raw_os_error() {
        Some(libc::ENOENT) => format!("{shown}: no such directory to mount at: make it first"),
        Some(libc::ENOTCONN) => {
            format!("{shown}: what is mounted there has died: uem umount {shown} clears it")
        }
        _ => format!("{shown}: {}", plain(&e)),
    };
    let whole = dir.canonicalize().map_err(told)?;
    if !whole.metadata().map_err(told)?.is_dir() {
        return Err(format!("{shown}: not a directory, so nothing can be mounted there"));
    }
    if Path::new("/etc/passwd").starts_with(&whole) {
        return Err(format!("{shown}: /etc/passwd would be hidden, which tells who asks for what"));
    }
    match point::find(&whole)? {
        Some(mounted) if mounted.is_ours() => {
            let tree = mounted.source.strip_prefix(SOURCE).unwrap_or(&mounted.source).to_owned();
            Err(format!("{shown}: {tree} is mounted there already: uem umount {shown} ends that"))
        }
        _ => Ok(whole),
    }
}

/// Ends what is mounted at a directory, if `uem mount` has made it.
pub(crate) fn end(at: &Path) -> Result<(), Told> {
    let shown = at.display();
    let dir = point::absolute(at)?;
    match point::find(&dir)? {
        None => return Err(format!("{shown}: nothing is mounted there")),
        Some(mounted) if !mounted.is_ours() => {
            let what = format!("a mount of {}, type {}", mounted.source, mounted.kind);
            return Err(format!("{shown}: {what}, which uem mount has not made: umount(8) ends it"));
        }
        Some(_) => {}
    }
    if is_root() {
        return device::unmount(&dir, 0).map_err(|e| match e.raw_os_error() {
            Some(libc::EBUSY) => busy(at, &dir),
            _ => format!("{shown}: umount: {}", plain(&e)),
        });
    }
    let mut helper = Command::new("fusermount3");
    let helped = helper.args(["-u", "--"]).arg(&dir).output();
    let helped = helped.map_err(|e| format!("fusermount3: {}", plain(&e)))?;
    let said = String::from_utf8_lossy(&helped.stderr);
    match helped.status.success() {
        true => Ok(()),
        false if said.contains("busy") => Err(busy(at, &dir)),
        false => Err(said.trim().to_owned()),
    }
}

/// What is told of a mount that cannot end as it is used.
fn busy(dir: &Path, whole: &Path) -> Told {
    let shown = dir.display();
    let users = point::users(whole);
    let by = if users.is_empty() { String::new() } else { format!(" by process {}", users.join(", ")) };
    format!(
        "{shown}: in use{by}: end that or leave the directory; \
         umount -l {shown} takes it out of sight at once"
    )
}
