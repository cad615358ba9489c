//! How the Linux client reads a stream, and what has it give a program what there is.
//!
//! A read(2) of a mounted file is as many Treads as it takes to fill the program's buffer, up to one that
//! gives nothing: a stream's lines would stay with the client until there are enough of them. A Tread that
//! goes on where the last one ended, for exactly what that one left, is the rest of one read(2): where there
//! is nothing more it is answered with nothing, once, and the program gets its line. Its next read(2) comes
//! for a whole buffer again, and waits. Measured on Linux 6.1, 6.12 and 7.2, in both dialects.

/// The last read of an open stream.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Pace {
    /// The offset behind what it gave, without its upper half.
    end: u32,
    /// What it asked for and did not get; 0 if nothing can go on from it.
    left: u32,
}

impl Pace {
    /// A read of `count` bytes at `offset` gave `given`.
    pub(super) fn gave(&mut self, offset: u64, count: u32, given: usize) {
        let left = if given == 0 { 0 } else { count.saturating_sub(given as u32) };
        *self = Self { end: (offset as u32).wrapping_add(given as u32), left };
    }

    /// A read is the rest of the last one; the next one is not.
    pub(super) fn continues(&mut self, offset: u64, count: u32) -> bool {
        let continues = self.left > 0 && count == self.left && offset as u32 == self.end;
        *self = Self::default();
        continues
    }
}
