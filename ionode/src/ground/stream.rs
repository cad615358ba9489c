//! A session's two outputs.

use protocol::table::File;

/// One of a session's outputs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(missing_docs)] // The names of the files.
pub(crate) enum Stream {
    Stdout = 0,
    Stderr = 1,
}

impl Stream {
    /// Both.
    pub(crate) const ALL: [Self; 2] = [Self::Stdout, Self::Stderr];

    /// Its file, at every level.
    pub(crate) fn file(self) -> File {
        match self {
            Self::Stdout => File::Stdout,
            Self::Stderr => File::Stderr,
        }
    }

    /// Its name in `error`.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Stdout => "stdout",
            Self::Stderr => "stderr",
        }
    }
}
