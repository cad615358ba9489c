//! Places where programs wait until a test lets them go on.

use crate::wait::Wait;
use std::fs::File;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;

/// A named pipe; whoever opens it for reading waits until it is opened here, and finds it empty.
pub struct Gate {
    path: PathBuf,
}

impl Gate {
    /// Makes it in a directory, which is also what removes it.
    ///
    /// # Panics
    /// When it cannot be made.
    pub fn new(dir: &Path, name: &str) -> Self {
        let path = dir.join(name);
        let made = Command::new("mkfifo").arg(&path).status().expect("mkfifo starts");
        assert!(made.success());
        Self { path }
    }

    /// What is to be read.
    ///
    /// # Panics
    /// When its name is not UTF-8.
    pub fn path(&self) -> &str {
        self.path.to_str().expect("a name of ours")
    }

    /// Waits until somebody waits, and lets all who do go on.
    ///
    /// # Panics
    /// When nobody comes.
    pub fn open(&self) {
        let wait = Wait::new();
        // It is refused while nobody reads, rather than waiting for one.
        while let Err(e) = File::options().write(true).custom_flags(libc::O_NONBLOCK).open(&self.path) {
            wait.again(format_args!("somebody waits at {}: {e}", self.path.display()));
        }
    }
}

/// A place where programs wait that may come early or late: a file that they look for.
pub struct Latch {
    path: PathBuf,
}

impl Latch {
    /// One in a directory, which is also what removes it.
    pub fn new(dir: &Path, name: &str) -> Self {
        Self { path: dir.join(name) }
    }

    /// The words of a shell that waits.
    pub fn wait(&self) -> String {
        format!("until test -e {}; do sleep 0.02; done", self.path.display())
    }

    /// Lets all go on, now and later.
    ///
    /// # Panics
    /// When the file cannot be made.
    pub fn open(&self) {
        File::create(&self.path).expect("a file can be made");
    }
}
