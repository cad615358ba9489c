//! What was last read of a stream, so that a program may step back in it: `head` and a shell's `read` take
//! more than they use, and seek to where they stopped. It reads nothing.

use std::collections::VecDeque;

/// The last bytes of a stream, and where they end in it.
#[derive(Debug, Default)]
pub(crate) struct Past {
    bytes: VecDeque<u8>,
    end: u64,
}

/// As many as the largest read takes.
const KEPT: usize = super::device::CHUNK as usize;

impl Past {
    /// At most `size` bytes at an offset that has been read already; none where the stream is to be asked.
    pub(crate) fn again(&self, offset: u64, size: usize) -> Option<Vec<u8>> {
        let back = usize::try_from(self.end.checked_sub(offset)?).ok()?;
        let from = self.bytes.len().checked_sub(back)?;
        (back > 0).then(|| self.bytes.iter().skip(from).take(size).copied().collect())
    }

    /// The stream has given this to a read at an offset.
    pub(crate) fn add(&mut self, offset: u64, data: &[u8]) {
        if offset != self.end {
            self.bytes.clear();
            self.end = offset;
        }
        self.bytes.extend(data);
        self.end += data.len() as u64;
        let over = self.bytes.len().saturating_sub(KEPT);
        self.bytes.drain(..over);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_read_is_read_again_and_nothing_before_or_behind() {
        let mut past = Past::default();
        assert_eq!(past.again(0, 9), None);
        past.add(0, b"one\ntwo\n");
        assert_eq!(past.again(4, 9).as_deref(), Some(&b"two\n"[..]));
        assert_eq!(past.again(4, 2).as_deref(), Some(&b"tw"[..]));
        assert_eq!((past.again(8, 9), past.again(9, 9)), (None, None));
        past.add(8, b"three\n");
        assert_eq!(past.again(4, 9).as_deref(), Some(&b"two\nthree"[..]));
        past.add(100, b"far\n");
        assert_eq!((past.again(4, 9), past.again(100, 9).as_deref()), (None, Some(&b"far\n"[..])));
        past.add(104, &[b'x'; KEPT]);
        assert_eq!((past.again(103, 9), past.again(104, 1).as_deref()), (None, Some(&b"x"[..])));
    }
}
