//! Open mode bits, open(5).

/// Read.
pub const READ: u8 = 0;
/// Write.
pub const WRITE: u8 = 1;
/// Read and write.
pub const RDWR: u8 = 2;
/// Execute, which is a read.
pub const EXEC: u8 = 3;
/// Truncate first.
pub const TRUNC: u8 = 0x10;
/// Remove on clunk.
pub const RCLOSE: u8 = 0x40;
/// Not open.
pub const CLOSED: u8 = 0xff;

/// A file open so can be written.
pub const fn writes(bits: u8) -> bool {
    bits != CLOSED && matches!(bits & 3, WRITE | RDWR)
}
