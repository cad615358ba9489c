//! Bytes of 9P: a reader that cannot run past its message and a writer that cannot run past its buffer.
//! All integers are little-endian; strings are a 2-byte length and UTF-8 without NUL.

/// The peer sent bytes that are not 9P2000: the link is dropped.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Botch;

/// There is no room for the whole of it; nothing was kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Full;

/// Reads a message from the front; every step may botch, none panics.
#[derive(Clone, Copy, Debug)]
pub struct Reader<'a> {
    left: &'a [u8],
}

impl<'a> Reader<'a> {
    /// Reads from the start of `bytes`.
    pub fn new(bytes: &'a [u8]) -> Self {
        Self { left: bytes }
    }

    /// The next `len` bytes.
    pub fn take(&mut self, len: usize) -> Result<&'a [u8], Botch> {
        if len > self.left.len() {
            return Err(Botch);
        }
        let (head, left) = self.left.split_at(len);
        self.left = left;
        Ok(head)
    }

    fn array<const N: usize>(&mut self) -> Result<[u8; N], Botch> {
        self.take(N)?.try_into().map_err(|_| Botch)
    }

    /// The next byte.
    pub fn u8(&mut self) -> Result<u8, Botch> {
        Ok(self.array::<1>()?[0])
    }

    /// The next 2-byte integer.
    pub fn u16(&mut self) -> Result<u16, Botch> {
        Ok(u16::from_le_bytes(self.array()?))
    }

    /// The next 4-byte integer.
    pub fn u32(&mut self) -> Result<u32, Botch> {
        Ok(u32::from_le_bytes(self.array()?))
    }

    /// The next 8-byte integer.
    pub fn u64(&mut self) -> Result<u64, Botch> {
        Ok(u64::from_le_bytes(self.array()?))
    }

    /// The next string: UTF-8 without NUL.
    pub fn str(&mut self) -> Result<&'a str, Botch> {
        let len = self.u16()? as usize;
        let text = core::str::from_utf8(self.take(len)?).map_err(|_| Botch)?;
        if text.contains('\0') { Err(Botch) } else { Ok(text) }
    }

    /// All that is left.
    pub fn rest(&mut self) -> &'a [u8] {
        core::mem::take(&mut self.left)
    }

    /// Nothing may be left.
    pub fn end(&self) -> Result<(), Botch> {
        if self.left.is_empty() { Ok(()) } else { Err(Botch) }
    }
}

/// Writes a message into a buffer that somebody else owns.
#[derive(Debug)]
pub struct Writer<'a> {
    out: &'a mut [u8],
    len: usize,
    full: bool,
}

impl<'a> Writer<'a> {
    /// Writes from the start of `out`.
    pub fn new(out: &'a mut [u8]) -> Self {
        Self { out, len: 0, full: false }
    }

    /// Appends bytes; what does not fit whole marks the writer full and is dropped.
    pub fn put(&mut self, bytes: &[u8]) {
        match self.out.get_mut(self.len..self.len + bytes.len()) {
            Some(room) if !self.full => {
                room.copy_from_slice(bytes);
                self.len += bytes.len();
            }
            _ => self.full = true,
        }
    }

    /// Appends a byte.
    pub fn u8(&mut self, v: u8) {
        self.put(&[v]);
    }

    /// Appends a 2-byte integer.
    pub fn u16(&mut self, v: u16) {
        self.put(&v.to_le_bytes());
    }

    /// Appends a 4-byte integer.
    pub fn u32(&mut self, v: u32) {
        self.put(&v.to_le_bytes());
    }

    /// Appends an 8-byte integer.
    pub fn u64(&mut self, v: u64) {
        self.put(&v.to_le_bytes());
    }

    /// Appends a string; one that is longer than 65,535 bytes marks the writer full.
    pub fn str(&mut self, text: &str) {
        match u16::try_from(text.len()) {
            Ok(len) => {
                self.u16(len);
                self.put(text.as_bytes());
            }
            Err(_) => self.full = true,
        }
    }

    /// Sets the 2-byte integer at `at` to the count of bytes written behind it. A full writer is left as it
    /// is.
    pub fn seal_u16(&mut self, at: usize) {
        let size = self.len.checked_sub(at + 2).and_then(|size| u16::try_from(size).ok());
        match (size, self.out.get_mut(at..at + 2)) {
            (Some(size), Some(room)) => room.copy_from_slice(&size.to_le_bytes()),
            _ => self.full = true,
        }
    }

    /// Overwrites the 4-byte integer at `at`, which has been written.
    pub fn patch_u32(&mut self, at: usize, v: u32) {
        if let Some(room) = self.out.get_mut(at..at + 4) {
            room.copy_from_slice(&v.to_le_bytes());
        }
    }

    /// Bytes written so far.
    pub fn len(&self) -> usize {
        self.len
    }

    /// Nothing was written yet.
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// The count of bytes, if all of them fitted.
    pub fn finish(self) -> Result<usize, Full> {
        if self.full { Err(Full) } else { Ok(self.len) }
    }
}
