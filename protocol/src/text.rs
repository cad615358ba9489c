//! Text without a heap: short strings of a fixed bound, and a window that cuts a piece out of a text being
//! written.

use core::fmt::{self, Write};

/// A string of at most `N` bytes (`N` below 256), kept in place. Unlike a `heapless::String` it is `Copy`: it
/// stands in metas, events and rows of tables that are passed by value.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Text<const N: usize> {
    len: u8,
    bytes: [u8; N],
}

impl<const N: usize> Text<N> {
    /// The empty string.
    pub const EMPTY: Self = {
        assert!(N < 256, "the length is one byte");
        Self { len: 0, bytes: [0; N] }
    };

    /// The whole of `text`, or nothing if it does not fit.
    pub fn new(text: &str) -> Option<Self> {
        let mut kept = Self::EMPTY;
        kept.write_str(text).ok()?;
        Some(kept)
    }

    /// As much of the start of `text` as fits, cut between characters.
    pub fn cut(text: &str) -> Self {
        let mut end = text.len().min(N);
        while !text.is_char_boundary(end) {
            end -= 1;
        }
        Self::new(&text[..end]).unwrap_or(Self::EMPTY)
    }

    /// What is kept.
    pub fn as_str(&self) -> &str {
        core::str::from_utf8(&self.bytes[..self.len as usize]).unwrap_or("")
    }

    /// Nothing is kept.
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }
}

impl<const N: usize> Default for Text<N> {
    fn default() -> Self {
        Self::EMPTY
    }
}

/// A string that does not fit whole is refused whole.
impl<const N: usize> Write for Text<N> {
    fn write_str(&mut self, s: &str) -> fmt::Result {
        let start = self.len as usize;
        let room = self.bytes.get_mut(start..start + s.len()).ok_or(fmt::Error)?;
        room.copy_from_slice(s.as_bytes());
        self.len += s.len() as u8;
        Ok(())
    }
}

impl<const N: usize> fmt::Display for Text<N> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

impl<const N: usize> fmt::Debug for Text<N> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(self.as_str(), f)
    }
}

/// Takes a whole text and keeps only the bytes that a read at some offset asked for: a file made anew by each
/// read needs no buffer of its own.
#[derive(Debug)]
pub struct Window<'a> {
    skip: u64,
    out: &'a mut [u8],
    len: usize,
    total: u64,
}

impl<'a> Window<'a> {
    /// Keeps what falls on `offset ..` as far as `out` has room.
    pub fn new(offset: u64, out: &'a mut [u8]) -> Self {
        Self { skip: offset, out, len: 0, total: 0 }
    }

    /// Bytes kept.
    pub fn len(&self) -> usize {
        self.len
    }

    /// Nothing was kept.
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// Bytes of the whole text.
    pub fn total(&self) -> u64 {
        self.total
    }

    /// Nothing that follows can be kept.
    pub fn is_full(&self) -> bool {
        self.len == self.out.len()
    }

    /// Takes raw bytes.
    pub fn put(&mut self, bytes: &[u8]) {
        let before = self.total;
        self.total += bytes.len() as u64;
        let cut = self.skip.saturating_sub(before).min(bytes.len() as u64) as usize;
        let bytes = &bytes[cut..];
        let take = bytes.len().min(self.out.len() - self.len);
        self.out[self.len..self.len + take].copy_from_slice(&bytes[..take]);
        self.len += take;
    }
}

impl Write for Window<'_> {
    fn write_str(&mut self, s: &str) -> fmt::Result {
        self.put(s.as_bytes());
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_window_keeps_what_a_read_at_its_offset_would() {
        let mut out = [0; 5];
        let mut window = Window::new(3, &mut out);
        for part in ["ab", "cdef", "", "ghijkl"] {
            assert!(window.write_str(part).is_ok());
        }
        assert_eq!((window.len(), window.total(), window.is_full()), (5, 12, true));
        assert_eq!(&out, b"defgh");
    }

    #[test]
    fn a_text_is_kept_whole_or_refused_whole() {
        assert_eq!(Text::<3>::new("abcd"), None);
        assert_eq!(Text::<3>::cut("aéé").as_str(), "aé");
        assert_eq!(Text::<3>::new("abc").map(|t| t == Text::cut("abcd")), Some(true));
    }
}
