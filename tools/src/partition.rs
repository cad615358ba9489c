//! Finding a partition, and starting one of real processes on this machine.

use crate::exit::Told;
use client::{Client, Dial};
use std::ffi::CString;
use std::fs::{self, File};
use std::io::Write;
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::os::unix::fs::{DirBuilderExt, MetadataExt};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// How long a partition's nodes may take to be up.
const START: Duration = Duration::from_secs(15);
/// The list of a kept partition's processes: number and start time, one a line.
pub(crate) const PIDS: &str = "pids";
/// Most nodes under one ionode.
pub(crate) const FANOUT_MAX: usize = 64;
/// Most compute nodes that are started here.
pub(crate) const NODES_MAX: usize = 4096;

/// Where this user's partition keeps its socket and its list of processes.
pub(crate) fn state_dir() -> Result<PathBuf, Told> {
    // SAFETY: getuid cannot fail and takes no pointer.
    let uid = unsafe { libc::getuid() };
    // One that is not absolute is to be ignored, says its specification.
    let runtime = std::env::var_os("XDG_RUNTIME_DIR").map(PathBuf::from).filter(|dir| dir.is_absolute());
    if let Some(dir) = runtime {
        return Ok(dir.join("uem"));
    }
    let dir = PathBuf::from(format!("/tmp/uem-{uid}"));
    match fs::symlink_metadata(&dir) {
        Ok(meta) if meta.uid() != uid || !meta.is_dir() || meta.mode() & 0o077 != 0 => {
            Err(format!("{} is not ours alone: set XDG_RUNTIME_DIR", dir.display()))
        }
        _ => Ok(dir),
    }
}

/// Removes what is left of a partition.
pub(crate) fn remove_dir(dir: &Path) -> Result<(), Told> {
    fs::remove_dir_all(dir).map_err(|e| format!("unable to remove {}: {e}", dir.display()))
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
    let mut found: Vec<PathBuf> = listed.map(|entry| entry.path()).collect();
    found.sort();
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
pub(crate) fn connect<T: Copy>(at: Option<&Dial>) -> Result<Client<T>, Told> {
    dial(&find_up(at)?)
}

/// The address of a partition that must be there.
pub(crate) fn find_up(at: Option<&Dial>) -> Result<Dial, Told> {
    let none = "no partition found: start one with uem up, or say where with --at";
    find(at)?.ok_or_else(|| none.to_owned())
}

/// Connects; where a partition of `uem up` has died, says how to clear what is left of it.
pub(crate) fn dial<T: Copy>(at: &Dial) -> Result<Client<T>, Told> {
    let mut client = Client::connect(at).map_err(|told| {
        let own = state_dir().map(|dir| Dial::Unix(dir.join("io")));
        let hint = if own.as_ref() == Ok(at) { "; uem down clears a partition that has died" } else { "" };
        format!("{told}{hint}")
    })?;
    client.enter(&root_at(at)).map_err(|told| format!("UEM_ROOT: {told}"))?;
    Ok(client)
}

/// The path from the root of the node at this address to that of all paths. Within a job the root of its own
/// partition may be above the node that is nearest.
pub(crate) fn root_at(at: &Dial) -> String {
    let text = |name| std::env::var(name).unwrap_or_default();
    if text("UEM_AT").parse().as_ref() == Ok(at) { text("UEM_ROOT") } else { String::new() }
}

/// Names of `count` nodes: `node01` …, with at least two digits.
pub(crate) fn names(prefix: &str, count: usize) -> Vec<String> {
    let width = count.to_string().len().max(2);
    (1..=count).map(|n| format!("{prefix}{n:0width$}")).collect()
}

/// The ionodes above so many compute nodes, each with its parent's name, the root first: as few levels as a
/// fan-out allows, and at each level as few nodes.
fn ionodes(count: usize, fanout: usize) -> Vec<(String, Option<String>)> {
    let mut levels = vec![count.div_ceil(fanout)];
    while levels[levels.len() - 1] > 1 {
        levels.push(levels[levels.len() - 1].div_ceil(fanout));
    }
    let name = |number: usize| if number == 0 { "io".to_owned() } else { format!("io{number}") };
    let mut all = vec![(name(0), None)];
    let mut above = 0..1;
    for count in levels.into_iter().rev().skip(1) {
        let first = all.len();
        for index in 0..count {
            let parent = above.start + index * above.len() / count;
            all.push((name(first + index), Some(name(parent))));
        }
        above = first..all.len();
    }
    all
}

/// A directory that nobody else can look into, made for this process.
fn private_dir() -> Result<PathBuf, Told> {
    // A unix socket's path is short; a long TMPDIR leaves no room for it.
    let base = Some(std::env::temp_dir()).filter(|dir| dir.as_os_str().len() < 60 && dir.is_absolute());
    let template = base.unwrap_or_else(|| PathBuf::from("/tmp")).join("uem-run-XXXXXX");
    let told = |e: &dyn std::fmt::Display| format!("unable to make {}: {e}", template.display());
    let path = CString::new(template.as_os_str().as_bytes()).map_err(|e| told(&e))?.into_raw();
    // SAFETY: the path ends in NUL and is ours alone; mkdtemp replaces its last six bytes.
    let (made, path) = unsafe {
        let made = libc::mkdtemp(path);
        (!made.is_null(), CString::from_raw(path))
    };
    if !made {
        return Err(told(&std::io::Error::last_os_error()));
    }
    Ok(PathBuf::from(std::ffi::OsString::from_vec(path.into_bytes())))
}

/// The processes of a partition on this machine, which end with this value.
pub(crate) struct Local {
    dir: PathBuf,
    processes: Vec<Child>,
    /// They also end with this process.
    owned: bool,
}

impl Local {
    /// Starts an ionode and the named cnodes for this process's lifetime.
    pub(crate) fn start_owned(names: &[String]) -> Result<Self, Told> {
        let dir = private_dir()?;
        Self { dir, processes: Vec::new(), owned: true }.start(names, FANOUT_MAX)
    }

    /// Starts ionodes of at most `fanout` children and the named cnodes that stay; `dir` must not have a
    /// partition. Their numbers are written down as they start, so that `uem down` finds them whatever
    /// happens here.
    pub(crate) fn start_kept(dir: &Path, names: &[String], fanout: usize) -> Result<(), Told> {
        make_dir(dir)?;
        File::create_new(dir.join(PIDS)).map_err(|e| format!("unable to make {}: {e}", dir.display()))?;
        let mut local =
            Self { dir: dir.to_owned(), processes: Vec::new(), owned: false }.start(names, fanout)?;
        local.processes.clear();
        Ok(())
    }

    fn start(mut self, names: &[String], fanout: usize) -> Result<Self, Told> {
        let log = File::create(self.dir.join("log")).map_err(|e| format!("unable to log: {e}"))?;
        let socket = |name: &str| Dial::Unix(self.dir.join(name)).to_string();
        let inner = ionodes(names.len(), fanout);
        let mut commands = Vec::new();
        for (name, parent) in &inner {
            let mut words = vec!["ionode".to_owned(), "--name".to_owned(), name.clone()];
            words.extend(["--listen".to_owned(), socket(name)]);
            words.extend(parent.iter().flat_map(|parent| ["--parent".to_owned(), socket(parent)]));
            commands.push((Some(name), words));
        }
        // Neighbours share a parent: the last ionodes are those above compute nodes.
        let parents = names.len().div_ceil(fanout);
        let above = &inner[inner.len() - parents..];
        for (index, name) in names.iter().enumerate() {
            let parent = &above[index * parents / names.len()].0;
            let words = ["cnode", "--name", name, "--parent", &socket(parent)];
            commands.push((None, words.map(str::to_owned).to_vec()));
        }
        for (listens, words) in commands {
            self.spawn(&words.iter().map(String::as_str).collect::<Vec<_>>(), &log)?;
            if let Some(name) = listens {
                self.wait_for_socket(name)?;
            }
        }
        self.wait_until_up(names.len())?;
        Ok(self)
    }

    fn spawn(&mut self, args: &[&str], log: &File) -> Result<(), Told> {
        let told = |e| format!("unable to start {}: {e}", args[0]);
        // By its path, so that it is listed under its name; a program that was replaced has none any more.
        let own = std::env::current_exe().ok().filter(|path| path.exists());
        let mut command = Command::new(own.unwrap_or_else(|| PathBuf::from("/proc/self/exe")));
        command.arg0("uem").args(args).current_dir("/").stdin(Stdio::null()).stdout(Stdio::null());
        command.stderr(log.try_clone().map_err(told)?);
        if self.owned {
            protocol_host::ends_with_us(&mut command);
        }
        // SAFETY: the closure makes a system call that is safe between fork and exec, and allocates nothing.
        unsafe {
            command.pre_exec(|| {
                libc::setsid();
                Ok(())
            });
        }
        self.processes.push(command.spawn().map_err(told)?);
        if self.owned { Ok(()) } else { self.note_last() }
    }

    /// Writes down the process that was started last.
    fn note_last(&self) -> Result<(), Told> {
        let Some(child) = self.processes.last() else { return Ok(()) };
        let line = format!("{} {}\n", child.id(), start_time(child.id()).unwrap_or(0));
        let path = self.dir.join(PIDS);
        let file = File::options().append(true).open(&path);
        let written = file.and_then(|mut file| file.write_all(line.as_bytes()));
        written.map_err(|e| format!("unable to write {}: {e}", path.display()))
    }

    /// The address of the partition.
    pub(crate) fn dial(&self) -> Dial {
        Dial::Unix(self.dir.join("io"))
    }

    /// Waits until the process that was started last listens.
    fn wait_for_socket(&mut self, name: &str) -> Result<(), Told> {
        let end = Instant::now() + START;
        while Instant::now() < end {
            if std::os::unix::net::UnixStream::connect(self.dir.join(name)).is_ok() {
                return Ok(());
            }
            if let Some(Ok(Some(status))) = self.processes.last_mut().map(Child::try_wait) {
                return Err(format!("ionode {name} ended at once ({status}): {}", self.log_tail()));
            }
            std::thread::sleep(Duration::from_millis(1));
        }
        Err(format!("ionode {name} did not listen within {} s: {}", START.as_secs(), self.log_tail()))
    }

    fn wait_until_up(&mut self, count: usize) -> Result<(), Told> {
        let end = Instant::now() + START;
        let mut client: Client = Client::connect(&self.dial())?;
        let mut up = 0;
        while Instant::now() < end {
            let text = String::from_utf8_lossy(&client.read_all("info")?).into_owned();
            let leaves = text.lines().find_map(|line| line.strip_prefix("leaves="));
            up = leaves.and_then(|leaves| leaves.parse().ok()).unwrap_or(0);
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
}

impl Drop for Local {
    fn drop(&mut self) {
        if self.processes.is_empty() && !self.owned {
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

/// When a live process started, in clock ticks since boot: with its number it names one process for good.
/// None for one that has ended, be it reaped or not.
pub(crate) fn start_time(pid: u32) -> Option<u64> {
    let text = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    let mut fields = text.rsplit_once(')')?.1.split_whitespace();
    if matches!(fields.next()?, "Z" | "X") {
        return None;
    }
    fields.nth(18)?.parse().ok()
}

/// The processes of the partition kept in `dir`, dead or alive; none if there is no list.
pub(crate) fn listed(dir: &Path) -> Option<Vec<(u32, u64)>> {
    let text = fs::read_to_string(dir.join(PIDS)).ok()?;
    let process = |line: &str| {
        let (pid, ticks) = line.split_once(' ')?;
        Some((pid.parse().ok()?, ticks.parse().ok()?))
    };
    Some(text.lines().filter_map(process).collect())
}

/// It is the process that was listed, and lives.
pub(crate) fn is_alive(&(pid, ticks): &(u32, u64)) -> bool {
    start_time(pid) == Some(ticks)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_have_one_width_and_at_least_two_digits() {
        assert_eq!(names("node", 2), ["node01", "node02"]);
        assert_eq!(names("c", 100)[0], "c001");
    }

    #[test]
    fn a_tree_has_as_few_levels_as_its_fan_out_allows() {
        let names = |count, fanout| {
            let all = ionodes(count, fanout);
            all.into_iter().map(|(name, parent)| parent.map_or(name.clone(), |p| p + "/" + &name))
        };
        assert_eq!(names(64, 64).collect::<Vec<_>>(), ["io"]);
        assert_eq!(names(65, 64).collect::<Vec<_>>(), ["io", "io/io1", "io/io2"]);
        let deep = ["io", "io/io1", "io/io2", "io1/io3", "io1/io4", "io2/io5"];
        assert_eq!(names(6, 2).collect::<Vec<_>>(), deep);
        assert_eq!(names(512, 4).count(), 1 + 2 + 8 + 32 + 128);
    }

    #[test]
    fn this_process_has_a_start_time_and_no_process_0_has() {
        assert!(start_time(std::process::id()).is_some_and(|ticks| ticks > 0));
        assert_eq!(start_time(0), None);
        let mut child = Command::new("true").spawn().expect("true starts");
        // One that has ended and was not reaped is dead.
        while start_time(child.id()).is_some() {
            std::thread::yield_now();
        }
        child.wait().expect("it is our child");
    }

    #[test]
    fn a_private_directory_is_ours_alone_and_new_each_time() {
        let (one, other) = (private_dir().expect("one"), private_dir().expect("another"));
        assert_ne!(one, other);
        for dir in [one, other] {
            assert_eq!(fs::metadata(&dir).expect("it is there").mode() & 0o777, 0o700);
            fs::remove_dir(dir).expect("it is ours");
        }
    }
}
