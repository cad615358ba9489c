//! What a stub and its helper programs for `debug` say to each other.
//!
//! A helper is started as `<program> <kind> <subject>...`; a subject is `<member>=<pid>`, or
//! `<member>=<state>` for a member without a process. What it prints is the file, and its exit code is 0 or
//! an errno. The helper of `mem` stays, reads requests and prints answers:
//!
//! ```text
//! request   offset[8] count[4] data           count's top bit set: a write of the count bytes of data
//! answer    status[4] data                    the count of bytes, which follow if they were read; or -errno
//! ```
//! Integers are little-endian. There is one request at a time. Each goes through a pipe in one piece, which
//! is kept together up to `PIECE_MAX` bytes.

use crate::table::File;

/// Longest request or answer: what a pipe keeps together on Linux.
pub const PIECE_MAX: usize = 4096;
/// Bytes before a request's data.
pub const REQUEST_HEADER: usize = 12;
/// Bytes before an answer's data.
pub const ANSWER_HEADER: usize = 4;

const WRITE: u32 = 1 << 31;

/// What a helper is for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[allow(missing_docs)] // namespace(4) says what each file holds.
pub enum Kind {
    #[default]
    Mem,
    Regs,
    Fpregs,
    Stack,
    Maps,
    Gdb,
    Trace,
}

const KINDS: &[(Kind, File, &str)] = &[
    (Kind::Mem, File::Mem, "mem"),
    (Kind::Regs, File::Regs, "regs"),
    (Kind::Fpregs, File::Fpregs, "fpregs"),
    (Kind::Stack, File::Stack, "stack"),
    (Kind::Maps, File::Maps, "maps"),
    (Kind::Gdb, File::Gdb, "gdb"),
    (Kind::Trace, File::Trace, "trace"),
];

impl Kind {
    /// The kind that serves a file of `debug`.
    pub fn of(file: File) -> Option<Self> {
        KINDS.iter().find(|row| row.1 == file).map(|row| row.0)
    }

    /// The kind that is called so.
    pub fn named(name: &str) -> Option<Self> {
        KINDS.iter().find(|row| row.2 == name).map(|row| row.0)
    }

    /// The word that a helper is started with.
    pub fn name(self) -> &'static str {
        // The test below holds that every kind has a row.
        KINDS.iter().find(|row| row.0 == self).map_or("", |row| row.2)
    }
}

/// One access to memory.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Request {
    /// The address.
    pub offset: u64,
    /// Bytes to read, or that follow to be written.
    pub count: u32,
    /// It is a write.
    pub is_write: bool,
}

impl Request {
    /// Its header.
    pub fn encode(self) -> [u8; REQUEST_HEADER] {
        let mut bytes = [0; REQUEST_HEADER];
        let write = if self.is_write { WRITE } else { 0 };
        bytes[..8].copy_from_slice(&self.offset.to_le_bytes());
        bytes[8..].copy_from_slice(&(self.count | write).to_le_bytes());
        bytes
    }

    /// The request of this header.
    pub fn decode(bytes: [u8; REQUEST_HEADER]) -> Self {
        let word = |at: usize| u32::from_le_bytes([bytes[at], bytes[at + 1], bytes[at + 2], bytes[at + 3]]);
        let offset = u64::from(word(4)) << 32 | u64::from(word(0));
        Self { offset, count: word(8) & !WRITE, is_write: word(8) & WRITE != 0 }
    }
}

/// The header of an answer: the count of bytes, or an errno.
pub fn encode_answer(outcome: Result<u32, i32>) -> [u8; ANSWER_HEADER] {
    match outcome {
        Ok(count) => count.to_le_bytes(),
        Err(errno) => errno.wrapping_neg().to_le_bytes(),
    }
}

/// What the header of an answer says.
pub fn decode_answer(bytes: [u8; ANSWER_HEADER]) -> Result<u32, i32> {
    let status = i32::from_le_bytes(bytes);
    if status < 0 { Err(status.wrapping_neg()) } else { Ok(status as u32) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::table::{MEMBER_DEBUG, SESSION_DEBUG};

    #[test]
    fn every_file_of_debug_has_a_helper_of_its_name() {
        for row in MEMBER_DEBUG.iter().chain(SESSION_DEBUG) {
            let kind = Kind::of(row.file).expect("a row");
            assert_eq!((kind.name(), Kind::named(row.name)), (row.name, Some(kind)));
        }
        assert_eq!(Kind::of(File::Stdout), None);
    }

    #[test]
    fn requests_and_answers_come_back_as_they_were() {
        for is_write in [false, true] {
            let request = Request { offset: 0xffff_ffff_ff60_0010, count: 4080, is_write };
            assert_eq!(Request::decode(request.encode()), request);
        }
        for outcome in [Ok(0), Ok(4088), Err(5)] {
            assert_eq!(decode_answer(encode_answer(outcome)), outcome);
        }
    }
}
