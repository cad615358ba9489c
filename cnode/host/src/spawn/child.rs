//! What a new process does between its birth and its program, and how it is born.
//!
//! It may share its parent's memory while the parent runs on: nothing here allocates, panics, takes a lock or
//! touches thread-local storage, errno included; every system call is made directly.

use std::ffi::c_char;

use super::cpus::Mask;
use super::enter::{Mapper, enter};
use super::ns::Op;
use protocol::failure::Step;

/// Limits that one session can set: Linux has 16.
pub(super) const LIMITS_MAX: usize = 16;

/// All that a child needs, prepared by its parent; its pointers stay valid until the program runs.
#[derive(Clone, Copy)]
pub(super) struct Recipe {
    pub(super) parent: i32,
    /// Null-terminated arrays of NUL-terminated strings.
    pub(super) argv: *const *const c_char,
    pub(super) envp: *const *const c_char,
    /// Paths to try in order, each NUL-terminated, with an empty one at the end.
    pub(super) paths: *const c_char,
    /// The lines of `ns`.
    pub(super) ops: *const Op,
    pub(super) op_count: usize,
    /// The lines that map its own user and group to themselves, if it needs a user name space.
    pub(super) maps: [*const c_char; 2],
    /// None: the parent's.
    pub(super) user: Option<User>,
    /// The lines of `ns` are run before the change of user.
    pub(super) is_ns_first: bool,
    /// None: all CPUs that the parent may use.
    pub(super) cpus: Option<Mask>,
    /// Null: stay where the parent is.
    pub(super) dir: *const c_char,
    /// Negative: keep the parent's.
    pub(super) umask: i32,
    /// None: as the parent.
    pub(super) nice: Option<u8>,
    pub(super) limits: [(u32, u64); LIMITS_MAX],
    pub(super) limit_count: usize,
    /// Pipe ends for 0, 1 and 2; -1 where a file is opened instead.
    pub(super) stdio: [i32; 3],
    /// Files to open for 0, 1 and 2, or null.
    pub(super) files: [*const c_char; 3],
    /// Whether 2 becomes the same open file as 1.
    pub(super) is_joined: bool,
    /// It reports when it is ready, and waits for the word to go.
    pub(super) waits: bool,
    /// Its stdio is a terminal, which becomes its controlling terminal.
    pub(super) is_terminal: bool,
    /// Where the errno and the step are written.
    pub(super) status: i32,
    /// Signals that the parent handles or ignores: bit n - 1 for signal n.
    pub(super) handled: u64,
}

/// A user in the kernel's terms.
#[derive(Clone, Copy)]
pub(super) struct User {
    pub(super) uid: u32,
    pub(super) gid: u32,
    pub(super) groups: *const u32,
    pub(super) group_count: usize,
}

/// A step that failed.
pub(super) struct Failed {
    pub(super) step: Step,
    /// The line of `ns`, or 0.
    pub(super) line: u16,
    /// Its negative errno.
    pub(super) ret: isize,
}

/// The kernel's `rlimit64`.
#[repr(C)]
struct Limit {
    soft: u64,
    hard: u64,
}

/// A system call: its result, or a negative errno.
#[cfg(target_arch = "x86_64")]
pub(super) unsafe fn call(number: libc::c_long, args: [usize; 5]) -> isize {
    let ret: isize;
    // SAFETY: the kernel's calling convention: rcx and r11 are clobbered, the stack is not used. What the
    // call does with its arguments is the caller's promise.
    unsafe {
        std::arch::asm!(
            "syscall",
            inlateout("rax") number as isize => ret,
            in("rdi") args[0],
            in("rsi") args[1],
            in("rdx") args[2],
            in("r10") args[3],
            in("r8") args[4],
            lateout("rcx") _,
            lateout("r11") _,
            options(nostack),
        );
    }
    ret
}

/// A system call: its result, or a negative errno.
#[cfg(not(target_arch = "x86_64"))]
pub(super) unsafe fn call(number: libc::c_long, args: [usize; 5]) -> isize {
    let [a, b, c, d, e] = args;
    // SAFETY: what the call does with its arguments is the caller's promise; the memory is not shared on this
    // architecture, so that errno is the child's own.
    unsafe {
        match libc::syscall(number, a, b, c, d, e) {
            -1 => -(*libc::__errno_location() as isize),
            ret => ret as isize,
        }
    }
}

/// Makes a child that runs `recipe`; returns its pid, or a negative errno.
///
/// With a `stack` the child shares this process's memory and runs on that stack, without one it has a copy.
///
/// # Safety All signals are blocked, `recipe`'s pointers are good, `pidfd` can be written. With a stack,
/// the recipe and all it points to stay untouched until the child has run its program or is reaped, and the
/// stack is 16-byte aligned.
#[cfg(target_arch = "x86_64")]
pub(super) unsafe fn clone(recipe: *const Recipe, stack: *mut u8, pidfd: *mut i32) -> isize {
    let vm = if stack.is_null() { 0 } else { libc::CLONE_VM };
    let flags = libc::CLONE_PIDFD | libc::SIGCHLD | vm;
    let ret: isize;
    // SAFETY: the parent sees a plain system call. The child finds all registers but rax, rcx and r11 as
    // they were, aligns its stack (its own, or its copy of ours below everything in use) and never comes
    // back.
    unsafe {
        std::arch::asm!(
            "syscall",
            "test rax, rax",
            "jnz 2f",
            "xor ebp, ebp",
            "and rsp, -16",
            "sub rsp, 256",
            "mov rdi, r12",
            "call r13",
            "ud2",
            "2:",
            inlateout("rax") libc::SYS_clone as isize => ret,
            in("rdi") flags as isize,
            in("rsi") stack,
            in("rdx") pidfd,
            in("r10") 0_usize,
            in("r8") 0_usize,
            in("r12") recipe,
            in("r13") run as unsafe extern "C" fn(*const Recipe) -> !,
            lateout("rcx") _,
            lateout("r11") _,
        );
    }
    ret
}

/// As on x86_64, but always with a copy of the memory: the shared way is written in its assembly only.
///
/// # Safety
/// All signals are blocked, `recipe`'s pointers are good, `pidfd` can be written.
#[cfg(not(target_arch = "x86_64"))]
pub(super) unsafe fn clone(recipe: *const Recipe, _stack: *mut u8, pidfd: *mut i32) -> isize {
    let flags = (libc::CLONE_PIDFD | libc::SIGCHLD) as usize;
    // SAFETY: a null stack means a copy of this one, as fork does.
    let ret = unsafe { call(libc::SYS_clone, [flags, 0, pidfd as usize, 0, 0]) };
    if ret == 0 {
        // SAFETY: the caller's promise.
        unsafe { run(recipe) }
    }
    ret
}

/// Whether [`clone`] can share memory here.
pub(super) const CAN_SHARE: bool = cfg!(target_arch = "x86_64");

unsafe extern "C" fn run(recipe: *const Recipe) -> ! {
    // SAFETY: `clone`'s caller promised that the recipe is good until the program runs.
    unsafe {
        let Failed { step, line, ret } = become_program(&*recipe);
        let ([a, b, c, d], [e, f]) = ((-ret as u32).to_le_bytes(), line.to_le_bytes());
        let report = [a, b, c, d, step as u8, 0, e, f];
        call(libc::SYS_write, [STATUS as usize, report.as_ptr() as usize, 8, 0, 0]);
        loop {
            call(libc::SYS_exit_group, [127, 0, 0, 0, 0]);
        }
    }
}

/// Where the status pipe is moved to, so that everything above can be closed.
const STATUS: i32 = 3;

/// Returns only when something failed.
unsafe fn become_program(recipe: &Recipe) -> Failed {
    // SAFETY: the caller's promise.
    unsafe {
        if let Err(failed) = make_ready(recipe) {
            return failed;
        }
        if recipe.waits {
            let ret = execute(recipe, true);
            if ret < 0 {
                return Failed { step: Step::Exec, line: 0, ret };
            }
            wait_to_go();
        }
        Failed { step: Step::Exec, line: 0, ret: execute(recipe, false) }
    }
}

/// Reports that it is ready, and returns when it may go.
unsafe fn wait_to_go() {
    let mut byte = 0_u8;
    let place = (&raw mut byte) as usize;
    // SAFETY: the byte outlives the calls.
    unsafe {
        call(libc::SYS_write, [STATUS as usize, place, 1, 0, 0]);
        while call(libc::SYS_read, [STATUS as usize, place, 1, 0, 0]) != 1 {
            call(libc::SYS_exit_group, [127, 0, 0, 0, 0]);
        }
    }
}

/// The result of a call as that of a step.
fn done(step: Step, ret: isize) -> Result<(), Failed> {
    if ret < 0 { Err(Failed { step, line: 0, ret }) } else { Ok(()) }
}

/// All steps before the program.
unsafe fn make_ready(recipe: &Recipe) -> Result<(), Failed> {
    // SAFETY: all pointers are the recipe's, good by `clone`'s contract; every call is made with its own
    // arguments.
    unsafe {
        // Its own group, so that a kill reaches everything that it starts.
        call(libc::SYS_setsid, [0; 5]);
        die_with_parent(recipe)?;
        done(Step::Stdio, take_stdio(recipe))?;
        done(Step::Stdio, take_terminal(recipe))?;
        match &recipe.user {
            None => enter(recipe, None)?,
            Some(user) if recipe.is_ns_first => {
                enter(recipe, None)?;
                become_user(recipe, user)?;
            }
            Some(user) if recipe.op_count == 0 => become_user(recipe, user)?,
            Some(user) => match Mapper::new(recipe) {
                Ok(mapper) => {
                    become_user(recipe, user)?;
                    enter(recipe, Some(&mapper))?;
                }
                Err(ret) => done(Step::User, ret)?,
            },
        }
        if recipe.umask >= 0 {
            call(libc::SYS_umask, [recipe.umask as usize, 0, 0, 0, 0]);
        }
        if !recipe.dir.is_null() {
            done(Step::Dir, call(libc::SYS_chdir, [recipe.dir as usize, 0, 0, 0, 0]))?;
        }
        open_files(recipe)?;
        // After the files: a limit on open files would hit them.
        done(Step::Limit, set_limits(recipe))?;
        if let Some(nice) = recipe.nice {
            let (which, who) = (libc::PRIO_PROCESS as usize, 0);
            // What forbids it is a limit of the user's.
            done(Step::Limit, call(libc::SYS_setpriority, [which, who, usize::from(nice), 0, 0]))?;
        }
        if let Some(cpus) = &recipe.cpus {
            let (size, place) = (size_of::<Mask>(), cpus.as_ptr() as usize);
            done(Step::Cpus, call(libc::SYS_sched_setaffinity, [0, size, place, 0, 0]))?;
        }
        reset_signals(recipe.handled);
        Ok(())
    }
}

/// If the parent dies, this dies too.
unsafe fn die_with_parent(recipe: &Recipe) -> Result<(), Failed> {
    // SAFETY: values only.
    unsafe {
        let death = [libc::PR_SET_PDEATHSIG as usize, libc::SIGKILL as usize, 0, 0, 0];
        call(libc::SYS_prctl, death);
        // The parent may have died before the call above; then no signal would come.
        if call(libc::SYS_getppid, [0; 5]) != recipe.parent as isize {
            return done(Step::Stdio, -(libc::ESRCH as isize));
        }
    }
    Ok(())
}

unsafe fn become_user(recipe: &Recipe, user: &User) -> Result<(), Failed> {
    // SAFETY: the caller's promise.
    unsafe {
        done(Step::User, set_user(recipe, user))?;
        // The kernel forgets it with a change of user.
        die_with_parent(recipe)
    }
}

unsafe fn set_user(recipe: &Recipe, user: &User) -> isize {
    let (uid, gid) = (user.uid as usize, user.gid as usize);
    // SAFETY: the groups are the recipe's.
    unsafe {
        let mut fd = 0;
        while fd < 3 {
            if *recipe.stdio.as_ptr().add(fd) >= 0 {
                // A pipe is opened by its name, as in `> /dev/stderr`, by its owner alone.
                let ret = call(libc::SYS_fchown, [fd, uid, gid, 0, 0]);
                if ret < 0 {
                    return ret;
                }
            }
            fd += 1;
        }
        let ret = call(libc::SYS_setgroups, [user.group_count, user.groups as usize, 0, 0, 0]);
        if ret < 0 {
            return ret;
        }
        let ret = call(libc::SYS_setresgid, [gid, gid, gid, 0, 0]);
        if ret < 0 { ret } else { call(libc::SYS_setresuid, [uid, uid, uid, 0, 0]) }
    }
}

unsafe fn take_stdio(recipe: &Recipe) -> isize {
    // SAFETY: descriptors only.
    unsafe {
        let mut fd = 0;
        while fd < 3 {
            let from = *recipe.stdio.as_ptr().add(fd);
            if from >= 0 {
                let ret = call(libc::SYS_dup3, [from as usize, fd, 0, 0, 0]);
                if ret < 0 {
                    return ret;
                }
            }
            fd += 1;
        }
        if recipe.status != STATUS {
            let flags = libc::O_CLOEXEC as usize;
            let ret = call(libc::SYS_dup3, [recipe.status as usize, STATUS as usize, flags, 0, 0]);
            if ret < 0 {
                return ret;
            }
        }
        // Closed now and not at exec: a child that hangs before its program must not hold other members'
        // pipes open. Where the call is missing (before Linux 5.9) close-on-exec has to do.
        call(libc::SYS_close_range, [STATUS as usize + 1, u32::MAX as usize, 0, 0, 0]);
        0
    }
}

unsafe fn take_terminal(recipe: &Recipe) -> isize {
    // SAFETY: descriptors only.
    unsafe {
        let mut fd = 0;
        while recipe.is_terminal && fd < 3 {
            if *recipe.stdio.as_ptr().add(fd) >= 0 {
                return call(libc::SYS_ioctl, [fd, libc::TIOCSCTTY as usize, 0, 0, 0]);
            }
            fd += 1;
        }
        0
    }
}

unsafe fn open_files(recipe: &Recipe) -> Result<(), Failed> {
    // SAFETY: the paths are the recipe's, good by `clone`'s contract.
    unsafe {
        let mut fd = 0;
        while fd < 3 {
            let path = *recipe.files.as_ptr().add(fd);
            let (step, flags) = match fd {
                0 => (Step::RedirStdin, libc::O_RDONLY),
                1 => (Step::RedirStdout, libc::O_WRONLY | libc::O_CREAT | libc::O_APPEND),
                _ => (Step::RedirStderr, libc::O_WRONLY | libc::O_CREAT | libc::O_APPEND),
            };
            let flags = flags | libc::O_NOCTTY | libc::O_CLOEXEC;
            if !path.is_null() {
                let at = libc::AT_FDCWD as isize as usize;
                let joined = fd == 2 && recipe.is_joined;
                let opened = if joined {
                    1
                } else {
                    call(libc::SYS_openat, [at, path as usize, flags as usize, 0o666, 0])
                };
                done(step, opened)?;
                done(step, call(libc::SYS_dup3, [opened as usize, fd, 0, 0, 0]))?;
                if !joined {
                    call(libc::SYS_close, [opened as usize, 0, 0, 0, 0]);
                }
            }
            fd += 1;
        }
        Ok(())
    }
}

unsafe fn set_limits(recipe: &Recipe) -> isize {
    // SAFETY: `limit` outlives the calls.
    unsafe {
        let mut i = 0;
        while i < recipe.limit_count {
            let (resource, soft) = *recipe.limits.as_ptr().add(i);
            let resource = resource as usize;
            let mut limit = Limit { soft: 0, hard: 0 };
            let place = &raw mut limit;
            let at = place as usize;
            let mut ret = call(libc::SYS_prlimit64, [0, resource, 0, at, 0]);
            if ret >= 0 {
                (*place).soft = if soft < (*place).hard { soft } else { (*place).hard };
                ret = call(libc::SYS_prlimit64, [0, resource, at, 0, 0]);
            }
            if ret < 0 {
                return ret;
            }
            i += 1;
        }
        0
    }
}

unsafe fn reset_signals(handled: u64) {
    // All zero is the default action, whatever the order of the kernel's fields.
    let default = [0_u64; 8];
    let (action, size) = (default.as_ptr() as usize, 8);
    // SAFETY: the zeros outlive the calls and are longer than the kernel's structures.
    unsafe {
        let mut left = handled;
        while left != 0 {
            let signal = left.trailing_zeros() as usize + 1;
            call(libc::SYS_rt_sigaction, [signal, action, 0, size, 0]);
            left &= left - 1;
        }
        call(libc::SYS_rt_sigprocmask, [libc::SIG_SETMASK as usize, action, 0, size, 0]);
    }
}

/// Checks a path as execve does, without running it; before Linux 6.14 only its permissions can be checked.
unsafe fn check(path: *const c_char, recipe: &Recipe) -> isize {
    /// From linux/fcntl.h.
    const AT_EXECVE_CHECK: usize = 0x10000;
    let here = libc::AT_FDCWD as isize as usize;
    // SAFETY: the strings are the recipe's.
    unsafe {
        let args = [here, path as usize, recipe.argv as usize, recipe.envp as usize, AT_EXECVE_CHECK];
        let ret = call(libc::SYS_execveat, args);
        if ret != -(libc::EINVAL as isize) && ret != -(libc::ENOSYS as isize) {
            return ret;
        }
        call(libc::SYS_faccessat, [here, path as usize, libc::X_OK as usize, 0, 0])
    }
}

/// Tries the paths as execvp does; a script without `#!` is reported, not handed to a shell. Returns a
/// negative errno, or 0 where it only checks.
unsafe fn execute(recipe: &Recipe, only_looks: bool) -> isize {
    let mut path = recipe.paths;
    let mut last = -(libc::ENOENT as isize);
    let mut is_denied = false;
    // SAFETY: the list ends with an empty string, before which every string has its NUL.
    unsafe {
        while *path != 0 {
            last = if only_looks {
                check(path, recipe)
            } else {
                call(libc::SYS_execve, [path as usize, recipe.argv as usize, recipe.envp as usize, 0, 0])
            };
            match -last as i32 {
                libc::EACCES => is_denied = true,
                libc::ENOENT | libc::ENOTDIR | libc::ENODEV => {}
                libc::ESTALE | libc::ETIMEDOUT | libc::ENAMETOOLONG => {}
                _ => return last,
            }
            while *path != 0 {
                path = path.add(1);
            }
            path = path.add(1);
        }
    }
    // `not allowed` in one place says more than `not found` in another.
    if is_denied { -(libc::EACCES as isize) } else { last }
}
