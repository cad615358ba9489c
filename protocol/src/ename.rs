//! What a request can be refused with: the text of an Rerror and the errno that kernels know it by.
//! The texts are those of the Linux client's table (net/9p/error.c), so that a mount sees the right errno.

/// One reason why a request cannot be had.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(missing_docs)] // The table below says what each is.
pub enum Ename {
    NotOwner,
    NotFound,
    Interrupted,
    Io,
    TooBig,
    NoExec,
    BadFid,
    BadUse,
    FidInUse,
    Again,
    NoMemory,
    Denied,
    TextBusy,
    Busy,
    Exists,
    NoDevice,
    NotDir,
    IsDir,
    Invalid,
    TooManyFiles,
    NoSpace,
    ReadOnly,
    BrokenPipe,
    NameTooLong,
    Loop,
    NotEmpty,
    Stale,
    Unsupported,
    TimedOut,
    Refused,
    HostDown,
}

const TABLE: &[(Ename, i32, &str)] = &[
    (Ename::NotOwner, 1, "Operation not permitted"),
    (Ename::NotFound, 2, "No such file or directory"),
    (Ename::Interrupted, 4, "Interrupted system call"),
    (Ename::Io, 5, "Input/output error"),
    (Ename::TooBig, 7, "Argument list too long"),
    (Ename::NoExec, 8, "Exec format error"),
    (Ename::BadFid, 9, "fid unknown or out of range"),
    (Ename::BadUse, 9, "bad use of fid"),
    (Ename::FidInUse, 9, "fid already in use"),
    (Ename::Again, 11, "Resource temporarily unavailable"),
    (Ename::NoMemory, 12, "Cannot allocate memory"),
    (Ename::Denied, 13, "Permission denied"),
    (Ename::Busy, 16, "Device or resource busy"),
    (Ename::Exists, 17, "File exists"),
    (Ename::NoDevice, 19, "No such device"),
    (Ename::NotDir, 20, "Not a directory"),
    (Ename::IsDir, 21, "Is a directory"),
    (Ename::Invalid, 22, "Invalid argument"),
    (Ename::TooManyFiles, 24, "Too many open files"),
    (Ename::TextBusy, 26, "Text file busy"),
    (Ename::NoSpace, 28, "No space left on device"),
    (Ename::ReadOnly, 30, "Read-only file system"),
    (Ename::BrokenPipe, 32, "Broken pipe"),
    (Ename::NameTooLong, 36, "File name too long"),
    (Ename::NotEmpty, 39, "Directory not empty"),
    (Ename::Loop, 40, "Too many levels of symbolic links"),
    (Ename::Unsupported, 95, "Operation not supported"),
    (Ename::TimedOut, 110, "Connection timed out"),
    (Ename::Refused, 111, "Connection refused"),
    (Ename::HostDown, 112, "Host is down"),
    (Ename::Stale, 116, "Stale file handle"),
];

impl Ename {
    /// The text of the Rerror, at most `ENAME_MAX` bytes.
    pub fn text(self) -> &'static str {
        self.row().2
    }

    /// The errno of Linux (asm-generic numbers).
    pub fn errno(self) -> i32 {
        self.row().1
    }

    /// The name of an errno; one that is not in the table is an input/output error.
    pub fn from_errno(errno: i32) -> Self {
        TABLE.iter().find(|row| row.1 == errno).map_or(Self::Io, |row| row.0)
    }

    /// The name whose text a peer sent; also the old Plan 9 spellings that mean the same.
    pub fn from_text(text: &str) -> Self {
        let text = match text {
            "file does not exist" => "No such file or directory",
            "permission denied" => "Permission denied",
            "not a directory" => "Not a directory",
            "file already exists" => "File exists",
            "i/o error" => "Input/output error",
            other => other,
        };
        Self::known(text).unwrap_or(Self::Io)
    }

    /// The name whose text this is.
    pub fn known(text: &str) -> Option<Self> {
        TABLE.iter().find(|row| row.2 == text).map(|row| row.0)
    }

    fn row(self) -> &'static (Self, i32, &'static str) {
        // The test below holds that every name has a row, and where.
        TABLE.iter().find(|row| row.0 == self).unwrap_or(&TABLE[3])
    }
}

impl core::fmt::Display for Ename {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str(self.text())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::limits::ENAME_MAX;

    #[test]
    fn texts_survive_a_hop_and_fit_the_linux_buffer() {
        for (name, errno, text) in TABLE {
            assert_eq!((name.errno(), name.text()), (*errno, *text));
            assert_eq!(Ename::from_text(text), *name);
            assert!(text.len() <= ENAME_MAX);
        }
        assert_eq!(Ename::from_errno(2), Ename::NotFound);
        assert_eq!(Ename::from_errno(9999), Ename::Io);
    }
}
