//! Finding a partition, and starting one of real processes on this machine.

use crate::client::{Client, Told};
use protocol_host::Dial;
use std::fs;
use std::io::Write;
use std::os::unix::fs::{DirBuilderExt, MetadataExt};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// How long a partition's nodes may take to be up.
const START: Duration = Duration::from_secs(15);
/// Most nodes under one ionode.
pub(crate) const NODES_MAX: usize = 64;

/// Where this user's partition keeps its socket and its list of processes.
pub(crate) fn state_dir() -> Result<PathBuf, Told> {
    // SAFETY: getuid cannot fail and takes no pointer.
    let uid = unsafe { libc::getuid() };
    if let Some(dir) = std::env::var_os("XDG_RUNTIME_DIR").filter(|dir| !dir.is_empty()) {
        return Ok(PathBuf::from(dir).join("uem"));
    }
    let dir = std::env::temp_dir().join(format!("uem-{uid}"));
    match fs::symlink_metadata(&dir) {
        Ok(meta) if meta.uid() != uid || !meta.is_dir() || meta.mode() & 0o077 != 0 => {
            Err(format!("{} is not ours alone: set XDG_RUNTIME_DIR", dir.display()))
        }
        _ => Ok(dir),
    }
}

/// Makes a directory for this user alone.
pub(crate) fn make_dir(dir: &Path) -> Result<(), Told> {
    let made = fs::DirBuilder::new().recursive(true).mode(0o700).create(dir);
    made.map_err(|e| format!("unable to make {}: {e}", dir.display()))
}

/// The address of a partition: what was asked for, or the first that is found; none if there is none.
pub(crate) fn find(at: Option<&Dial>) -> Result<Option<Dial>, Told> {
    if let Some(dial) = at {
        return Ok(Some(dial.clone()));
    }
    if let Some(text) = std::env::var("UEM_AT").ok().filter(|text| !text.is_empty()) {
        return text.parse().map(Some).map_err(|e| format!("UEM_AT: {e}"));
    }
    let own = state_dir()?.join("io");
    if own.exists() {
        return Ok(Some(Dial::Unix(own)));
    }
    let listed = fs::read_dir("/run/uem").into_iter().flatten().flatten();
    let found: Vec<PathBuf> = listed.map(|entry| entry.path()).collect();
    match found.as_slice() {
        [] => Ok(None),
        [one] => Ok(Some(Dial::Unix(one.clone()))),
        many => {
            let names: Vec<String> = many.iter().map(|path| format!("unix!{}", path.display())).collect();
            Err(format!("several partitions: choose one with --at: {}", names.join(" ")))
        }
    }
}

/// Connects to a partition that must be there.
pub(crate) fn connect(at: Option<&Dial>) -> Result<Client, Told> {
    match find(at)? {
        Some(dial) => Client::connect(&dial),
        None => Err("no partition found: start one with uem up, or say where with --at".to_owned()),
    }
}

/// Names of `count` nodes: `node01` …, with at least two digits.
pub(crate) fn names(count: usize) -> Vec<String> {
    let width = count.to_string().len().max(2);
    (1..=count).map(|n| format!("node{n:0width$}")).collect()
}

/// The processes of a partition on this machine.
pub(crate) struct Local {
    dir: PathBuf,
    processes: Vec<Child>,
    /// They end with this value.
    owned: bool,
}

impl Local {
    /// Starts an ionode and the named cnodes in `dir`, from this very program. `owned`: for this process's
    /// lifetime.
    pub(crate) fn start(dir: &Path, names: &[String], owned: bool) -> Result<Self, Told> {
        make_dir(dir)?;
        let socket = Dial::Unix(dir.join("io")).to_string();
        let log = fs::File::create(dir.join("log")).map_err(|e| format!("unable to log: {e}"))?;
        let mut local = Self { dir: dir.to_owned(), processes: Vec::new(), owned };
        local.spawn(&["ionode", "--name", "io", "--listen", &socket], &log)?;
        local.wait_for_socket()?;
        for name in names {
            local.spawn(&["cnode", "--name", name, "--parent", &socket], &log)?;
        }
        local.wait_until_up(names.len())?;
        Ok(local)
    }

    fn spawn(&mut self, args: &[&str], log: &fs::File) -> Result<(), Told> {
        let told = |e| format!("unable to start {}: {e}", args[0]);
        let mut command = Command::new("/proc/self/exe");
        command.args(args).stdin(Stdio::null()).stdout(Stdio::null());
        command.stderr(log.try_clone().map_err(told)?);
        let owned = self.owned;
        // SAFETY: the closure makes two system calls that are safe between fork and exec.
        unsafe {
            command.pre_exec(move || {
                if owned {
                    libc::prctl(libc::PR_SET_PDEATHSIG, libc::SIGKILL);
                }
                libc::setsid();
                Ok(())
            });
        }
        self.processes.push(command.spawn().map_err(told)?);
        Ok(())
    }

    /// The address of the partition.
    pub(crate) fn dial(&self) -> Dial {
        Dial::Unix(self.dir.join("io"))
    }

    fn wait_for_socket(&mut self) -> Result<(), Told> {
        let end = Instant::now() + START;
        while Instant::now() < end {
            if std::os::unix::net::UnixStream::connect(self.dir.join("io")).is_ok() {
                return Ok(());
            }
            if let Ok(Some(status)) = self.processes[0].try_wait() {
                return Err(format!("the ionode ended at once ({status}): {}", self.log_tail()));
            }
            std::thread::sleep(Duration::from_millis(1));
        }
        Err(format!("the ionode did not listen within {} s: {}", START.as_secs(), self.log_tail()))
    }

    fn wait_until_up(&mut self, count: usize) -> Result<(), Told> {
        let end = Instant::now() + START;
        let mut client = Client::connect(&self.dial())?;
        let mut up = 0;
        while Instant::now() < end {
            let text = String::from_utf8_lossy(&client.read_all("status")?).into_owned();
            up = text.lines().filter(|line| line.split(' ').nth(1) == Some("up")).count();
            if up == count {
                return Ok(());
            }
            std::thread::sleep(Duration::from_millis(3));
        }
        Err(format!("{up} of {count} nodes are up after {} s: {}", START.as_secs(), self.log_tail()))
    }

    fn log_tail(&self) -> String {
        let text = fs::read_to_string(self.dir.join("log")).unwrap_or_default();
        text.lines().last().unwrap_or("nothing in its log").to_owned()
    }

    /// Leaves it running: its processes are written down for `uem down`.
    pub(crate) fn keep(mut self) -> Result<(), Told> {
        let mut list = String::new();
        for child in &self.processes {
            let pid = child.id();
            list += &format!("{pid} {}\n", start_time(pid).unwrap_or(0));
        }
        let path = self.dir.join("pids");
        let written = fs::File::create(&path).and_then(|mut file| file.write_all(list.as_bytes()));
        written.map_err(|e| format!("unable to write {}: {e}", path.display()))?;
        self.owned = false;
        self.processes.clear();
        Ok(())
    }
}

impl Drop for Local {
    fn drop(&mut self) {
        if self.processes.is_empty() {
            return;
        }
        for child in &mut self.processes {
            // One that has ended already needs no end.
            let _ = child.kill();
        }
        for child in &mut self.processes {
            let _ = child.wait();
        }
        // What is left of the directory is found and replaced by the next one.
        let _ = fs::remove_dir_all(&self.dir);
    }
}

/// When a process started, in clock ticks since boot: with its number it names one process for good.
pub(crate) fn start_time(pid: u32) -> Option<u64> {
    let text = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    text.rsplit_once(')')?.1.split_whitespace().nth(19)?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_have_one_width_and_at_least_two_digits() {
        assert_eq!(names(2), ["node01", "node02"]);
        assert_eq!(names(100)[0], "node001");
    }

    #[test]
    fn this_process_has_a_start_time_and_no_process_0_has() {
        assert!(start_time(std::process::id()).is_some_and(|ticks| ticks > 0));
        assert_eq!(start_time(0), None);
    }
}
