//! A partition of real processes for one test, ended with it.

use std::path::PathBuf;
use std::process::{Command, Output, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

/// How long a partition may take to be as it should.
const PATIENCE: Duration = Duration::from_secs(15);

/// The program under test, built by the stage that runs the tests.
pub fn uem() -> PathBuf {
    let target =
        std::env::var_os("CARGO_TARGET_DIR").map_or_else(|| crate::root().join("target"), PathBuf::from);
    target.join("debug/uem")
}

/// Nodes under one ionode, with a state directory of their own.
pub struct Partition {
    dir: PathBuf,
}

impl Partition {
    /// Starts `nodes` nodes.
    ///
    /// # Panics
    /// When they are not up in time.
    pub fn up(nodes: u32) -> Self {
        Self::up_with(&["-n", &nodes.to_string()])
    }

    /// Starts what `uem up` is told to.
    ///
    /// # Panics
    /// When it is not up in time.
    pub fn up_with(words: &[&str]) -> Self {
        Self::up_behind(&[], words)
    }

    /// The same, started by another command: what that one changes, the nodes find.
    ///
    /// # Panics
    /// When it is not up in time.
    pub fn up_behind(before: &[&str], words: &[&str]) -> Self {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        let dir = std::env::temp_dir().join(format!("uem-test-{}-{number}", std::process::id()));
        std::fs::create_dir_all(&dir).expect("a directory can be made");
        let partition = Self { dir };
        let plain = partition.uem(&[&["up"], words].concat());
        let mut up = match before.split_first() {
            Some((program, rest)) => {
                let mut up = Command::new(program);
                up.args(rest).arg(plain.get_program()).args(plain.get_args()).stdin(Stdio::null());
                up.env("XDG_RUNTIME_DIR", &partition.dir).env_remove("UEM_AT");
                up
            }
            None => plain,
        };
        let up = up.output().expect("uem starts");
        assert!(up.status.success(), "up: {}", String::from_utf8_lossy(&up.stderr));
        partition
    }

    /// A command on this partition, with nothing to read.
    pub fn uem(&self, args: &[&str]) -> Command {
        let mut command = Command::new("timeout");
        command.args(["--foreground", "60"]).arg(uem()).args(args).stdin(Stdio::null());
        command.env("XDG_RUNTIME_DIR", &self.dir).env_remove("UEM_AT");
        command
    }

    /// Runs a command to its end.
    ///
    /// # Panics
    /// When it cannot be started.
    pub fn run(&self, args: &[&str]) -> Told {
        Told::of(&self.uem(args).output().expect("uem starts"))
    }

    /// Runs a command that stays to its end, in the partition's directory: what it leaves goes with that.
    ///
    /// # Panics
    /// When it cannot be started.
    pub fn run_there(&self, args: &[&str]) -> Told {
        Told::of(&self.uem(args).current_dir(&self.dir).output().expect("uem starts"))
    }

    /// The socket of its ionode.
    pub fn socket(&self) -> PathBuf {
        self.dir.join("uem/io")
    }

    /// The process of a node.
    ///
    /// # Panics
    /// When there is none of that name.
    pub fn pid(&self, node: &str) -> i32 {
        let list =
            std::fs::read_to_string(self.dir.join("uem/pids")).expect("a partition lists its processes");
        let pids = list.lines().filter_map(|line| line.split(' ').next()?.parse::<i32>().ok());
        let named = |pid: &i32| {
            let cmdline = std::fs::read(format!("/proc/{pid}/cmdline")).unwrap_or_default();
            cmdline.split(|byte| *byte == 0).any(|word| word == node.as_bytes())
        };
        pids.into_iter().find(named).expect("the node has a process")
    }

    /// Waits until a file of the tree, made anew by each read, is as it should be.
    ///
    /// # Panics
    /// When it is not in time.
    pub fn wait_until(&self, path: &str, mut is: impl FnMut(&str) -> bool) {
        let end = Instant::now() + PATIENCE;
        loop {
            let told = self.run(&["cat", path]).out;
            if is(&told) {
                return;
            }
            assert!(Instant::now() < end, "{path} says {told}");
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    /// Open descriptors of every process, by name: `io` and the nodes.
    pub fn descriptors(&self, names: &[String]) -> Vec<usize> {
        let count = |name: &String| {
            let fds = std::fs::read_dir(format!("/proc/{}/fd", self.pid(name)));
            fds.expect("the process runs").count()
        };
        names.iter().map(count).collect()
    }

    /// Signals a node's process.
    pub fn signal(&self, node: &str, signal: &str) {
        let pid = self.pid(node).to_string();
        let sent = Command::new("kill").args(["-s", signal, &pid]).status().expect("kill starts");
        assert!(sent.success(), "the node is there to be signalled");
    }
}

impl Drop for Partition {
    fn drop(&mut self) {
        let down = self.uem(&["down"]).output();
        let log = std::fs::read_to_string(self.dir.join("uem/log")).unwrap_or_default();
        // Best effort: the next test has a directory of its own.
        let _ = std::fs::remove_dir_all(&self.dir);
        if !std::thread::panicking() {
            assert!(down.is_ok_and(|out| out.status.success()), "the partition ends: {log}");
        }
    }
}

/// What a command said and how it ended.
#[derive(Debug, PartialEq, Eq)]
pub struct Told {
    /// Its exit code.
    pub code: i32,
    /// Its standard output.
    pub out: String,
    /// Its standard error.
    pub err: String,
}

impl Told {
    /// Of an ended process.
    pub fn of(output: &Output) -> Self {
        Self {
            code: output.status.code().unwrap_or(-1),
            out: String::from_utf8_lossy(&output.stdout).into_owned(),
            err: String::from_utf8_lossy(&output.stderr).into_owned(),
        }
    }

    /// Its output lines, sorted.
    pub fn sorted(&self) -> Vec<&str> {
        let mut lines: Vec<&str> = self.out.lines().collect();
        lines.sort_unstable();
        lines
    }
}
