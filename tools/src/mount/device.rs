//! The kernel's end of a FUSE mount: how it is made and unmade, and answers on their way to it.

use crate::exit::Told;
use polyfuse_kernel as kernel;
use std::ffi::{CStr, CString};
use std::io::{self, ErrorKind, IoSlice, Read, Write};
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd, RawFd};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::OpenOptionsExt;
use std::os::unix::net::UnixStream;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use zerocopy::IntoBytes;

/// The type that such mounts are listed with.
pub(crate) const TYPE: &str = "fuse.uem";
/// Most bytes of one read or write.
pub(crate) const CHUNK: u32 = 256 * 1024;
/// Room for a request beside its data.
const HEADERS: usize = 4096;
/// Pages of a chunk, where it begins within one; the kernel's own bound without a word of this is 32.
const PAGES: u16 = (CHUNK / 4096) as u16 + 1;
/// A close is no reason to wait for those who write to the same file (Linux 5.16).
const FOPEN_NOFLUSH: u32 = 1 << 5;
/// Nor are other writers, as far as the kernel can tell that they do not lengthen it (Linux 6.2).
const FOPEN_PARALLEL_DIRECT_WRITES: u32 = 1 << 6;
/// How each file is opened: nothing of it is kept, so that a length of 0 says nothing.
pub(crate) const OPENED: u32 = kernel::FOPEN_DIRECT_IO | FOPEN_NOFLUSH | FOPEN_PARALLEL_DIRECT_WRITES;

/// `/dev/fuse`, open for one mount.
pub(crate) struct Device {
    file: std::fs::File,
    dir: PathBuf,
    room: Vec<u8>,
    /// Most bytes of one write, as the kernel was told.
    payload: u32,
}

/// Why a mount cannot be made, by what system call.
fn told(dir: &Path, what: &str, e: &io::Error) -> Told {
    format!("{}: {what}: {}", dir.display(), plain(e))
}

/// An error without its number.
pub(crate) fn plain(e: &io::Error) -> String {
    let text = e.to_string();
    text.split(" (os error").next().unwrap_or(&text).to_owned()
}

/// Calls mount(2).
pub(crate) fn mount(source: &str, dir: &Path, kind: &CStr, options: &str) -> io::Result<()> {
    let source = CString::new(source)?;
    let dir = CString::new(dir.as_os_str().as_bytes())?;
    let options = CString::new(options)?;
    let flags = libc::MS_NOSUID | libc::MS_NODEV;
    // SAFETY: all four strings end with NUL and outlive the call.
    let done =
        unsafe { libc::mount(source.as_ptr(), dir.as_ptr(), kind.as_ptr(), flags, options.as_ptr().cast()) };
    if done < 0 { Err(io::Error::last_os_error()) } else { Ok(()) }
}

/// Calls umount2(2).
pub(crate) fn unmount(dir: &Path, flags: i32) -> io::Result<()> {
    let dir = CString::new(dir.as_os_str().as_bytes())?;
    // SAFETY: the string ends with NUL and outlives the call.
    let done = unsafe { libc::umount2(dir.as_ptr(), flags | libc::UMOUNT_NOFOLLOW) };
    if done < 0 { Err(io::Error::last_os_error()) } else { Ok(()) }
}

/// Whether this user may call mount(2), for all that is known before it is tried.
pub(crate) fn is_root() -> bool {
    // SAFETY: geteuid cannot fail and takes no pointer.
    unsafe { libc::geteuid() == 0 }
}

impl Device {
    /// Mounts at `dir`; a write has at most `payload` bytes.
    pub(crate) fn mount(dir: &Path, source: &str, payload: u32) -> Result<Self, Told> {
        let file = if is_root() { Self::by_root(dir, source)? } else { Self::by_helper(dir, source)? };
        let payload = payload.min(CHUNK);
        let room = vec![0; CHUNK as usize + HEADERS];
        Ok(Self { file, dir: dir.to_owned(), room, payload })
    }

    fn by_root(dir: &Path, source: &str) -> Result<std::fs::File, Told> {
        let mut device = std::fs::File::options();
        device.read(true).write(true).custom_flags(libc::O_NONBLOCK);
        let device = device.open("/dev/fuse").map_err(|e| {
            let hint = match e.kind() {
                ErrorKind::NotFound => ": modprobe fuse brings it; within a container, --device /dev/fuse",
                ErrorKind::PermissionDenied => ": this container keeps it away",
                _ => "",
            };
            format!("/dev/fuse: {}{hint}", plain(&e))
        })?;
        let fd = device.as_raw_fd();
        let options = format!("fd={fd},rootmode=40000,user_id=0,group_id=0,allow_other,max_read={CHUNK}");
        let kind = CString::new(TYPE).map_err(|e| e.to_string())?;
        mount(source, dir, &kind, &options).map_err(|e| {
            let hint = match e.raw_os_error() {
                Some(libc::EPERM) => ": this root may not mount: unshare -m or CAP_SYS_ADMIN would let it",
                Some(libc::ENODEV) => ": this kernel has no FUSE: modprobe fuse",
                _ => "",
            };
            format!("{}{hint}", told(dir, "mount", &e))
        })?;
        Ok(device)
    }

    /// Has fusermount3 do what takes rights that this user has not.
    fn by_helper(dir: &Path, source: &str) -> Result<std::fs::File, Told> {
        if !Path::new("/dev/fuse").exists() {
            return Err("/dev/fuse: No such file or directory: modprobe fuse brings it".to_owned());
        }
        let (ours, theirs) = UnixStream::pair().map_err(|e| told(dir, "socketpair", &e))?;
        let source = source.replace('\\', "\\\\").replace(',', "\\,");
        let options = format!("fsname={source},subtype=uem,nosuid,nodev,max_read={CHUNK}");
        let mut helper = Command::new("fusermount3");
        helper.args(["-o", &options, "--"]).arg(dir).stdin(Stdio::null()).stdout(Stdio::null());
        let fd = theirs.as_raw_fd();
        helper.env("_FUSE_COMMFD", fd.to_string()).stderr(Stdio::piped());
        // SAFETY: fcntl is safe between fork and exec, and the descriptor is open there.
        unsafe {
            helper.pre_exec(move || {
                if libc::fcntl(fd, libc::F_SETFD, 0) < 0 { Err(io::Error::last_os_error()) } else { Ok(()) }
            });
        }
        let helped = helper.output().map_err(|e| match e.kind() {
            ErrorKind::NotFound => "fusermount3 is not there, and only root can mount without: it is \
                                    in Debian's package fuse3"
                .to_owned(),
            _ => format!("fusermount3: {}", plain(&e)),
        })?;
        drop(theirs);
        if !helped.status.success() {
            return Err(String::from_utf8_lossy(&helped.stderr).trim().to_owned());
        }
        let fd = receive(&ours).map_err(|e| format!("fusermount3: {}", plain(&e)))?;
        // SAFETY: the call takes no pointer, and the descriptor is ours.
        unsafe { libc::fcntl(fd.as_raw_fd(), libc::F_SETFL, libc::O_NONBLOCK) };
        Ok(fd.into())
    }

    /// Readable when the kernel asks something.
    pub(crate) fn fd(&self) -> RawFd {
        self.file.as_raw_fd()
    }

    /// Reads the next request into the room that [`Self::request`] gives: how many bytes; `None` when there
    /// is none now. An error `ENODEV` is the end of the mount.
    pub(crate) fn read(&mut self) -> io::Result<Option<usize>> {
        loop {
            match self.file.read(&mut self.room) {
                Ok(len) => return Ok(Some(len)),
                Err(e) if e.kind() == ErrorKind::WouldBlock => return Ok(None),
                // Whoever asked has gone meanwhile.
                Err(e) if matches!(e.raw_os_error(), Some(libc::ENOENT | libc::EINTR)) => {}
                Err(e) => return Err(e),
            }
        }
    }

    /// The bytes of the request that was read, in a room that is to be given back.
    pub(crate) fn take_room(&mut self) -> Vec<u8> {
        std::mem::take(&mut self.room)
    }

    /// Gives it back.
    pub(crate) fn give_room(&mut self, room: Vec<u8>) {
        self.room = room;
    }

    /// Answers; false where nobody waits for it any more.
    pub(crate) fn answer(&mut self, unique: u64, answer: Result<&[u8], i32>) -> bool {
        let (error, body) = match answer {
            Ok(body) => (0, body),
            Err(errno) => (-errno, &[][..]),
        };
        let len = size_of::<kernel::fuse_out_header>() + body.len();
        let header = kernel::fuse_out_header { len: len as u32, error, unique };
        let mut written = self.file.write_vectored(&[IoSlice::new(header.as_bytes()), IoSlice::new(body)]);
        if written.as_ref().is_err_and(|e| e.kind() == ErrorKind::Interrupted) {
            written = self.file.write_vectored(&[IoSlice::new(header.as_bytes()), IoSlice::new(body)]);
        }
        written.is_ok()
    }

    /// Answers the kernel's first request; how many bytes a read may be answered with at most.
    ///
    /// That is fewer than the kernel asks for at once on behalf of one read(2): it takes an answer that has
    /// all it asked for as a reason to ask for more, and to wait for it, whatever it has.
    pub(crate) fn begin(&mut self, unique: u64, minor: u32, flags: u32) -> u32 {
        let wanted = kernel::FUSE_ATOMIC_O_TRUNC
            | kernel::FUSE_PARALLEL_DIROPS
            | kernel::FUSE_BIG_WRITES
            | kernel::FUSE_MAX_PAGES;
        let flags = flags & wanted;
        let out = kernel::fuse_init_out {
            minor: minor.min(kernel::FUSE_KERNEL_MINOR_VERSION),
            flags,
            max_write: self.payload,
            max_pages: PAGES,
            max_background: 64,
            congestion_threshold: 48,
            time_gran: 1_000_000_000,
            ..Default::default()
        };
        self.answer(unique, Ok(out.as_bytes()));
        let asked_at_once = if flags & kernel::FUSE_MAX_PAGES != 0 { CHUNK } else { 32 * 4096 };
        asked_at_once - 2 * 4096
    }

    /// Unmounts, however busy it is: what is open there fails from now on.
    pub(crate) fn end(&self) {
        if is_root() {
            if unmount(&self.dir, 0).is_err() {
                // It is gone from the tree of names at least, and with this process for good.
                let _ = unmount(&self.dir, libc::MNT_DETACH);
            }
        } else {
            // As far as it goes: the mount ends with this process anyway.
            let _ = Command::new("fusermount3").args(["-u", "-z", "-q", "--"]).arg(&self.dir).status();
        }
    }
}

/// The descriptor that came over a socket.
fn receive(from: &UnixStream) -> io::Result<OwnedFd> {
    let mut byte = [0_u8; 1];
    let mut slice = libc::iovec { iov_base: byte.as_mut_ptr().cast(), iov_len: 1 };
    // Room for one descriptor, aligned as its header wants it.
    let mut control = [0_u64; 4];
    // SAFETY: an all-zero msghdr is a valid value: no address.
    let mut message: libc::msghdr = unsafe { std::mem::zeroed() };
    message.msg_iov = &raw mut slice;
    message.msg_iovlen = 1;
    message.msg_control = control.as_mut_ptr().cast();
    message.msg_controllen = size_of_val(&control) as _;
    // SAFETY: the message's pointers are to what outlives the call, with their lengths.
    let got = unsafe { libc::recvmsg(from.as_raw_fd(), &raw mut message, libc::MSG_CMSG_CLOEXEC) };
    if got < 0 {
        return Err(io::Error::last_os_error());
    }
    // SAFETY: the kernel has filled in the control message, and its length, which the macros keep to.
    unsafe {
        let header = libc::CMSG_FIRSTHDR(&raw const message);
        if header.is_null() || (*header).cmsg_type != libc::SCM_RIGHTS {
            return Err(io::Error::new(ErrorKind::InvalidData, "no descriptor came"));
        }
        Ok(OwnedFd::from_raw_fd(libc::CMSG_DATA(header).cast::<RawFd>().read_unaligned()))
    }
}
