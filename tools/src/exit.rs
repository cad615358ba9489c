//! How a command says its result: what it prints, what went wrong, and the codes it exits with.

use std::io::{ErrorKind, Write};

/// A command line that cannot be understood.
pub(crate) const USAGE: i32 = 100;
/// A node was lost.
pub(crate) const LOST: i32 = 121;
/// Time is over.
pub(crate) const TIMEOUT: i32 = 124;
/// This program could not do its part.
pub(crate) const OWN: i32 = 125;
/// After ^C.
pub(crate) const INTERRUPTED: i32 = 130;
/// This program could not do its part, where it stands for ssh.
pub(crate) const SSH_OWN: i32 = 255;

/// An error as it is printed for the user.
pub(crate) type Told = String;

/// A sentence for the user, and the exit code.
#[derive(Debug)]
pub(crate) struct Fault {
    pub(crate) told: Told,
    pub(crate) code: i32,
}

impl Fault {
    /// The command line is wrong: `told` says what would be right.
    pub(crate) fn usage(told: impl Into<String>) -> Self {
        Self { told: told.into(), code: USAGE }
    }
}

impl From<client::Error> for Fault {
    fn from(error: client::Error) -> Self {
        Self::from(error.to_string())
    }
}

impl From<Told> for Fault {
    fn from(told: Told) -> Self {
        Self { told, code: OWN }
    }
}

/// The exit code where a signal ended something.
pub(crate) fn after_signal(signal: i32) -> i32 {
    128 + signal
}

/// Prints a result.
pub(crate) fn print(bytes: &[u8]) -> Result<(), Fault> {
    let mut out = std::io::stdout().lock();
    out.write_all(bytes).and_then(|()| out.flush()).map_err(|e| match e.kind() {
        // As every filter ends whose reader has enough.
        ErrorKind::BrokenPipe => Fault { told: String::new(), code: after_signal(libc::SIGPIPE) },
        _ => format!("stdout: {e}").into(),
    })
}
