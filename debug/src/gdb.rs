//! Stub.
use std::io;
pub(crate) fn serve(_: i32) -> io::Result<()> {
    Err(io::Error::from_raw_os_error(libc::ENOTSUP))
}
