//! The stack of a child that shares the rest of the memory with its parent; the spawner decides which child
//! has which.

use std::io;
use std::ptr;

/// Stack of a child that shares memory, in bytes; it needs under 1 KiB.
const STACK_SIZE: usize = 16 * 1024;

/// Page that faults below a stack, in bytes; as large as the largest page of the architectures that share.
const GUARD_SIZE: usize = 4096;

/// One child's stack; its lowest page faults.
pub(super) struct Stack {
    base: *mut libc::c_void,
}

impl Stack {
    pub(super) fn new() -> io::Result<Self> {
        let (read_write, flags) =
            (libc::PROT_READ | libc::PROT_WRITE, libc::MAP_PRIVATE | libc::MAP_ANONYMOUS);
        let size = STACK_SIZE + GUARD_SIZE;
        // SAFETY: a new mapping at a place the kernel chooses.
        let base = unsafe { libc::mmap(ptr::null_mut(), size, read_write, flags, -1, 0) };
        if base == libc::MAP_FAILED {
            return Err(io::Error::last_os_error());
        }
        let stack = Self { base };
        // SAFETY: the lowest page of the mapping just made.
        if unsafe { libc::mprotect(base, GUARD_SIZE, libc::PROT_NONE) } != 0 {
            return Err(io::Error::last_os_error());
        }
        Ok(stack)
    }

    /// Where the stack begins: just above its highest byte, 16-byte aligned.
    pub(super) fn top(&self) -> *mut u8 {
        self.base.cast::<u8>().wrapping_add(STACK_SIZE + GUARD_SIZE)
    }
}

impl Drop for Stack {
    fn drop(&mut self) {
        // SAFETY: our own mapping, of this size; whoever drops a stack knows that nobody runs on it.
        unsafe { libc::munmap(self.base, STACK_SIZE + GUARD_SIZE) };
    }
}
