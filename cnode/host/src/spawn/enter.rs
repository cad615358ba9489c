//! How a new process makes the name space that `ns` describes: mounts that nobody else sees.
//!
//! The rules of `child` hold here too. Any of this may hang on a server that does not answer; then only this
//! member hangs.

use std::ffi::c_char;
use std::ptr;

use super::child::{Failed, Recipe, call};
use super::ns::Op;
use protocol::failure::Step;

/// The kernel's `mount_attr`.
#[repr(C)]
struct MountAttr {
    set: u64,
    clear: u64,
    propagation: u64,
    userns_fd: u64,
}

const MOUNT_ATTR_RDONLY: u64 = 1;
const AT_RECURSIVE: usize = 0x8000;

/// A process that writes the maps of this process's user name space. A process that has changed its user
/// cannot do that itself: the kernel denies it its own part of /proc, so that no process of that user reads
/// its memory.
pub(super) struct Mapper {
    pid: isize,
    /// A byte written here means that the name space exists.
    go: usize,
}

impl Mapper {
    /// Starts one with the present rights; it ends with this process at the latest.
    ///
    /// # Safety
    /// The recipe's pointers are good.
    pub(super) unsafe fn new(recipe: &Recipe) -> Result<Self, isize> {
        // SAFETY: places and strings of our own. The new process has a copy of all memory and never comes
        // back.
        unsafe {
            let here = libc::AT_FDCWD as isize as usize;
            let flags = (libc::O_PATH | libc::O_DIRECTORY | libc::O_CLOEXEC) as usize;
            // The process that opens it is the process that it names.
            let own = call(libc::SYS_openat, [here, c"/proc/self".as_ptr() as usize, flags, 0, 0]);
            let mut ends = [0_i32; 2];
            let ends_at = ends.as_mut_ptr();
            let ret = call(libc::SYS_pipe2, [ends_at as usize, libc::O_CLOEXEC as usize, 0, 0, 0]);
            if own < 0 || ret < 0 {
                return Err(if own < 0 { own } else { ret });
            }
            let (read, write) = (ptr::read(ends_at) as usize, ptr::read(ends_at.add(1)) as usize);
            // No signal at its end: the program would receive it.
            let pid = call(libc::SYS_clone, [0; 5]);
            if pid == 0 {
                call(libc::SYS_close, [write, 0, 0, 0, 0]);
                let mut byte = 0_u8;
                let told = call(libc::SYS_read, [read, (&raw mut byte) as usize, 1, 0, 0]);
                let ret = if told == 1 { write_maps(own as usize, recipe) } else { 0 };
                loop {
                    call(libc::SYS_exit_group, [if ret < 0 { -ret as usize } else { 0 }, 0, 0, 0, 0]);
                }
            }
            call(libc::SYS_close, [read, 0, 0, 0, 0]);
            call(libc::SYS_close, [own as usize, 0, 0, 0, 0]);
            if pid < 0 { Err(pid) } else { Ok(Self { pid, go: write }) }
        }
    }

    /// Makes it write the maps, and waits until they are written.
    unsafe fn map(&self) -> isize {
        let (byte, mut status) = (0_u8, 0_i32);
        let status_at = &raw mut status;
        // SAFETY: both places outlive the calls.
        unsafe {
            let ret = call(libc::SYS_write, [self.go, (&raw const byte) as usize, 1, 0, 0]);
            if ret < 0 {
                return ret;
            }
            let any = libc::__WALL as usize;
            let ret = call(libc::SYS_wait4, [self.pid as usize, status_at as usize, any, 0, 0]);
            if ret < 0 { ret } else { -((ptr::read(status_at) >> 8 & 0xff) as isize) }
        }
    }
}

unsafe fn write_maps(own: usize, recipe: &Recipe) -> isize {
    // SAFETY: the maps are NUL-terminated strings.
    unsafe {
        let ret = write_file(own, c"gid_map".as_ptr(), recipe.maps[1]);
        if ret < 0 { ret } else { write_file(own, c"uid_map".as_ptr(), recipe.maps[0]) }
    }
}

/// Runs the lines in order.
///
/// # Safety
/// The recipe's pointers are good.
pub(super) unsafe fn enter(recipe: &Recipe, mapper: Option<&Mapper>) -> Result<(), Failed> {
    let mut is_private = false;
    let mut at = 0;
    while at < recipe.op_count {
        // SAFETY: the ops are the recipe's, and so are their words.
        unsafe {
            let op = &*recipe.ops.add(at);
            if op.step != Step::Cd && !is_private {
                let ret = be_private(recipe, mapper);
                if ret < 0 {
                    return Err(Failed { step: Step::Unshare, line: op.line, ret });
                }
                is_private = true;
            }
            let ret = run(op);
            if ret < 0 {
                return Err(Failed { step: op.step, line: op.line, ret });
            }
        }
        at += 1;
    }
    Ok(())
}

unsafe fn run(op: &Op) -> isize {
    let [source, target, kind, data] = op.words;
    let target = target as usize;
    // SAFETY: the words are NUL-terminated or null, as each call takes them; the rest are values and strings
    // of our own.
    unsafe {
        match op.step {
            Step::Cd => call(libc::SYS_chdir, [target, 0, 0, 0, 0]),
            Step::Chroot => {
                let ret = call(libc::SYS_chdir, [target, 0, 0, 0, 0]);
                // By way of the directory: the old directory is not visible below the new root.
                if ret < 0 { ret } else { call(libc::SYS_chroot, [c".".as_ptr() as usize, 0, 0, 0, 0]) }
            }
            Step::Bind | Step::Mount | Step::Import => {
                let (kind, data, flags) = (kind as usize, data as usize, op.flags as usize);
                let ret = call(libc::SYS_mount, [source as usize, target, kind, flags, data]);
                if ret < 0 || op.step != Step::Bind || op.flags & libc::MS_RDONLY == 0 {
                    return ret;
                }
                // A bind accepts no other flag: it is made read-only afterwards, with everything below it.
                let attr = MountAttr { set: MOUNT_ATTR_RDONLY, clear: 0, propagation: 0, userns_fd: 0 };
                let (cwd, place) = (libc::AT_FDCWD as isize as usize, (&raw const attr) as usize);
                let args = [cwd, target, AT_RECURSIVE, place, size_of::<MountAttr>()];
                call(libc::SYS_mount_setattr, args)
            }
            // `unshare` itself is done already.
            _ => 0,
        }
    }
}

/// Separates our mounts from the node's. What the node unmounts disappears here too, so that nothing stays
/// busy; what is mounted here is visible only here.
unsafe fn be_private(recipe: &Recipe, mapper: Option<&Mapper>) -> isize {
    let (mounts, user) = (libc::CLONE_NEWNS as usize, libc::CLONE_NEWUSER as usize);
    // SAFETY: values and strings of our own.
    unsafe {
        let refused = call(libc::SYS_unshare, [mounts, 0, 0, 0, 0]);
        if refused == -(libc::EPERM as isize) {
            // A process that may not mount may do so in a user name space of its own.
            if call(libc::SYS_unshare, [mounts | user, 0, 0, 0, 0]) < 0 {
                return refused;
            }
            let ret = match mapper {
                Some(mapper) => mapper.map(),
                None => map_self(recipe),
            };
            if ret < 0 {
                return ret;
            }
        } else if refused < 0 {
            return refused;
        }
        let slave = (libc::MS_REC | libc::MS_SLAVE) as usize;
        call(libc::SYS_mount, [0, c"/".as_ptr() as usize, 0, slave, 0])
    }
}

/// Writes the maps as a process without rights may.
unsafe fn map_self(recipe: &Recipe) -> isize {
    let here = libc::AT_FDCWD as isize as usize;
    let flags = (libc::O_PATH | libc::O_DIRECTORY | libc::O_CLOEXEC) as usize;
    // SAFETY: strings of our own.
    unsafe {
        let own = call(libc::SYS_openat, [here, c"/proc/self".as_ptr() as usize, flags, 0, 0]);
        if own < 0 {
            return own;
        }
        let mut ret = write_file(own as usize, c"setgroups".as_ptr(), c"deny".as_ptr());
        if ret >= 0 {
            ret = write_maps(own as usize, recipe);
        }
        call(libc::SYS_close, [own as usize, 0, 0, 0, 0]);
        ret
    }
}

unsafe fn write_file(dir: usize, path: *const c_char, text: *const c_char) -> isize {
    // SAFETY: both are NUL-terminated.
    unsafe {
        let mut end = text;
        while ptr::read(end) != 0 {
            end = end.add(1);
        }
        let len = end.offset_from_unsigned(text);
        let flags = (libc::O_WRONLY | libc::O_CLOEXEC) as usize;
        let fd = call(libc::SYS_openat, [dir, path as usize, flags, 0, 0]);
        if fd < 0 {
            return fd;
        }
        let ret = call(libc::SYS_write, [fd as usize, text as usize, len, 0, 0]);
        call(libc::SYS_close, [fd as usize, 0, 0, 0, 0]);
        ret
    }
}
