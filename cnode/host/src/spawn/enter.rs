//! How a new process makes the name space that its `ns` says: its own mounts, seen by nobody else.
//!
//! The rules of `child` hold here too. Any of this may hang, on a server that does not answer; then it hangs
//! this member.

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

/// Runs the lines in order.
///
/// # Safety
/// The recipe's pointers are good.
pub(super) unsafe fn enter(recipe: &Recipe) -> Result<(), Failed> {
    let mut is_private = false;
    let mut at = 0;
    while at < recipe.op_count {
        // SAFETY: the ops are the recipe's, and so are their words.
        unsafe {
            let op = &*recipe.ops.add(at);
            if op.step != Step::Cd && !is_private {
                let ret = be_private(recipe);
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
                // By way of the directory: what it was in is not in sight of the new root.
                if ret < 0 { ret } else { call(libc::SYS_chroot, [c".".as_ptr() as usize, 0, 0, 0, 0]) }
            }
            Step::Bind | Step::Mount | Step::Import => {
                let (kind, data, flags) = (kind as usize, data as usize, op.flags as usize);
                let ret = call(libc::SYS_mount, [source as usize, target, kind, flags, data]);
                if ret < 0 || op.step != Step::Bind || op.flags & libc::MS_RDONLY == 0 {
                    return ret;
                }
                // A bind takes no other flag: it is made read-only afterwards, with all that is below it.
                let attr = MountAttr { set: MOUNT_ATTR_RDONLY, clear: 0, propagation: 0, userns_fd: 0 };
                let (cwd, place) = (libc::AT_FDCWD as isize as usize, (&raw const attr) as usize);
                let args = [cwd, target, AT_RECURSIVE, place, size_of::<MountAttr>()];
                call(libc::SYS_mount_setattr, args)
            }
            // `unshare` itself: it is done.
            _ => 0,
        }
    }
}

/// Leaves the mounts of the node to the node. What it unmounts goes here too, so that nothing is kept
/// busy; what is mounted here is seen here alone.
unsafe fn be_private(recipe: &Recipe) -> isize {
    let (mounts, user) = (libc::CLONE_NEWNS as usize, libc::CLONE_NEWUSER as usize);
    // SAFETY: the maps are NUL-terminated strings, the rest are values and strings of our own.
    unsafe {
        let refused = call(libc::SYS_unshare, [mounts, 0, 0, 0, 0]);
        if refused == -(libc::EPERM as isize) {
            // Who may not have mounts of his own may have them where he is the only user.
            if call(libc::SYS_unshare, [mounts | user, 0, 0, 0, 0]) < 0 {
                return refused;
            }
            let maps = [
                (c"/proc/self/setgroups".as_ptr(), c"deny".as_ptr()),
                (c"/proc/self/gid_map".as_ptr(), recipe.gid_map),
                (c"/proc/self/uid_map".as_ptr(), recipe.uid_map),
            ];
            let mut at = 0;
            while at < maps.len() {
                let (path, text) = *maps.as_ptr().add(at);
                let ret = write_file(path, text);
                if ret < 0 {
                    return ret;
                }
                at += 1;
            }
        } else if refused < 0 {
            return refused;
        }
        let slave = (libc::MS_REC | libc::MS_SLAVE) as usize;
        call(libc::SYS_mount, [0, c"/".as_ptr() as usize, 0, slave, 0])
    }
}

unsafe fn write_file(path: *const c_char, text: *const c_char) -> isize {
    // SAFETY: both are NUL-terminated.
    unsafe {
        let mut end = text;
        while ptr::read(end) != 0 {
            end = end.add(1);
        }
        let len = end.offset_from_unsigned(text);
        let (cwd, flags) = (libc::AT_FDCWD as isize as usize, (libc::O_WRONLY | libc::O_CLOEXEC) as usize);
        let fd = call(libc::SYS_openat, [cwd, path as usize, flags, 0, 0]);
        if fd < 0 {
            return fd;
        }
        let ret = call(libc::SYS_write, [fd as usize, text as usize, len, 0, 0]);
        call(libc::SYS_close, [fd as usize, 0, 0, 0, 0]);
        ret
    }
}
