//! How tests wait: for a state that they look at, for as long as it takes.
//!
//! The only clock of the tests. It makes no claim: its bound ends what hangs.

use std::fmt::Display;
use std::process::Command;
use std::time::{Duration, Instant};

/// How long anything may take before it counts as hung, on a machine that is busy with other things.
pub const HANG: Duration = Duration::from_secs(300);
/// After what a socket of this machine that takes nothing is taken to be full.
pub(crate) const BRIEF: Duration = Duration::from_millis(300);
/// Between two looks at a state.
const LOOK: Duration = Duration::from_millis(5);

/// A wait for a state.
pub struct Wait {
    end: Instant,
}

impl Wait {
    /// One that begins now.
    #[expect(clippy::new_without_default, reason = "it begins when it is made")]
    pub fn new() -> Self {
        Self { end: Instant::now() + HANG }
    }

    /// Lets a moment pass before the next look.
    ///
    /// # Panics
    /// When the state has not come for so long that something hangs.
    pub fn again(&self, what: impl Display) {
        assert!(Instant::now() < self.end, "not for {} s: {what}", HANG.as_secs());
        std::thread::sleep(LOOK);
    }
}

/// Waits until a state has come.
///
/// # Panics
/// When it does not, or so late that something hangs.
pub fn until(what: impl Display, mut is: impl FnMut() -> bool) {
    let wait = Wait::new();
    while !is() {
        wait.again(&what);
    }
}

/// Lets a break pass whose length is what is tried: nothing that shows is waited for meanwhile.
pub fn break_of(seconds: u64) {
    std::thread::sleep(Duration::from_secs(seconds));
}

/// A command that is ended when it hangs.
pub fn bounded(program: impl AsRef<std::ffi::OsStr>) -> Command {
    let mut command = Command::new("timeout");
    command.args(["--foreground", &HANG.as_secs().to_string()]).arg(program);
    command
}
