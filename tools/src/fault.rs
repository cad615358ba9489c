//! How a command tells its result: what it prints, what went wrong, and how it exits.

use crate::outcome::OWN;
use std::io::{ErrorKind, Write};

/// Exit code of a command line that cannot be understood.
pub(crate) const USAGE: i32 = 100;

/// A sentence for the user, and the exit code.
#[derive(Debug)]
pub(crate) struct Fault {
    pub(crate) told: String,
    pub(crate) code: i32,
}

impl Fault {
    /// The command line is wrong: `told` says what would be right.
    pub(crate) fn usage(told: impl Into<String>) -> Self {
        Self { told: told.into(), code: USAGE }
    }
}

impl From<String> for Fault {
    fn from(told: String) -> Self {
        Self { told, code: OWN }
    }
}

/// Prints a result.
pub(crate) fn print(bytes: &[u8]) -> Result<(), Fault> {
    let mut out = std::io::stdout().lock();
    out.write_all(bytes).and_then(|()| out.flush()).map_err(|e| match e.kind() {
        // As every filter ends whose reader has enough.
        ErrorKind::BrokenPipe => Fault { told: String::new(), code: 128 + libc::SIGPIPE },
        _ => format!("stdout: {e}").into(),
    })
}
