//! Bytes of a personality in order: integers are big-endian, as on the machine.

#![expect(clippy::big_endian_bytes, reason = "the machine's own order; 9P's is in `wire`")]

/// Bytes of a personality (S1).
pub const LEN: usize = 416;
/// The version that this is (S1).
pub const VERSION: u8 = 0x0A;
/// Its length as it is told in it: 104 (S1).
pub const WORDS: u8 = (LEN / 4) as u8;

/// Takes fields from the front; past the end of the bytes all are zero.
#[derive(Debug)]
pub(super) struct Fields<'a> {
    left: &'a [u8],
}

impl<'a> Fields<'a> {
    pub(super) fn new(bytes: &'a [u8; LEN]) -> Self {
        Self { left: bytes }
    }

    pub(super) fn bytes(&mut self, len: usize) -> &'a [u8] {
        let (head, left) = self.left.split_at(len.min(self.left.len()));
        self.left = left;
        head
    }

    pub(super) fn array<const N: usize>(&mut self) -> [u8; N] {
        self.bytes(N).try_into().unwrap_or([0; N])
    }

    pub(super) fn u8(&mut self) -> u8 {
        u8::from_be_bytes(self.array())
    }

    pub(super) fn u16(&mut self) -> u16 {
        u16::from_be_bytes(self.array())
    }

    pub(super) fn u32(&mut self) -> u32 {
        u32::from_be_bytes(self.array())
    }
}

/// Puts fields behind each other; what is not reached stays zero.
#[derive(Debug)]
pub(super) struct Image {
    bytes: [u8; LEN],
    at: usize,
}

impl Image {
    pub(super) fn new() -> Self {
        Self { bytes: [0; LEN], at: 0 }
    }

    /// Puts `bytes`, and zeros up to `room` of them.
    pub(super) fn padded(&mut self, bytes: &[u8], room: usize) {
        let to = self.bytes.iter_mut().skip(self.at).take(room);
        to.zip(bytes).for_each(|(to, byte)| *to = *byte);
        self.at += room;
    }

    pub(super) fn bytes(&mut self, bytes: &[u8]) {
        self.padded(bytes, bytes.len());
    }

    pub(super) fn u8(&mut self, value: u8) {
        self.bytes(&value.to_be_bytes());
    }

    pub(super) fn u16(&mut self, value: u16) {
        self.bytes(&value.to_be_bytes());
    }

    pub(super) fn u32(&mut self, value: u32) {
        self.bytes(&value.to_be_bytes());
    }

    /// How many bytes have been put.
    pub(super) fn len(&self) -> usize {
        self.at
    }

    pub(super) fn finish(self) -> [u8; LEN] {
        self.bytes
    }
}
