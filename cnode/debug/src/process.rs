//! What /proc has of a process.

use std::fs::{self, File};
use std::io::{self, Write};
use std::os::fd::AsFd;

/// What a helper looks at: a member, and its process if it has one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Subject {
    pub(crate) member: u32,
    pub(crate) pid: Option<i32>,
    /// `done`, `reserved`, ...: the state of a member without a process.
    pub(crate) state: String,
}

impl Subject {
    /// `<member>=<pid>` or `<member>=<state>`.
    pub(crate) fn parse(word: &str) -> Option<Self> {
        let (member, what) = word.split_once('=')?;
        let pid = what.parse().ok().filter(|pid| *pid > 0);
        let state = if pid.is_some() { String::new() } else { what.to_owned() };
        Some(Self { member: member.parse().ok()?, pid, state })
    }
}

/// There is no such process.
pub(crate) fn gone() -> io::Error {
    io::Error::from_raw_os_error(libc::ENOENT)
}

/// Refuses a process that is not a child of the stub that started us: the pid of a member may have been
/// reused.
pub(crate) fn check_ours(pid: i32) -> io::Result<()> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat"))?;
    // SAFETY: takes no pointer and cannot fail.
    let own = unsafe { libc::getppid() };
    match parent_of(&stat) {
        Some(parent) if parent == own => Ok(()),
        _ => Err(gone()),
    }
}

/// The parent in a line of /proc/PID/stat; the name before it may contain anything.
fn parent_of(stat: &str) -> Option<i32> {
    let (_, fields) = stat.rsplit_once(')')?;
    fields.split_whitespace().nth(1)?.parse().ok()
}

/// The tracer of a process; 0 if there is none.
pub(crate) fn tracer_of(pid: i32) -> i32 {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("TracerPid:"));
    line.and_then(|text| text.trim().parse().ok()).unwrap_or(0)
}

/// The threads of a process, in the order of their numbers.
pub(crate) fn threads(pid: i32) -> io::Result<Vec<i32>> {
    let mut tids = Vec::new();
    for entry in fs::read_dir(format!("/proc/{pid}/task"))? {
        tids.extend(entry?.file_name().to_str().and_then(|name| name.parse::<i32>().ok()));
    }
    tids.sort_unstable();
    Ok(tids)
}

/// A small file of a thread, without its last newline; empty where it cannot be read.
pub(crate) fn about(pid: i32, tid: i32, file: &str) -> String {
    let text = fs::read_to_string(format!("/proc/{pid}/task/{tid}/{file}")).unwrap_or_default();
    text.trim_end().to_owned()
}

/// `maps`, as the kernel has it.
pub(crate) fn print_maps(pid: i32) -> io::Result<()> {
    let text = fs::read(format!("/proc/{pid}/maps"))?;
    output()?.write_all(&text)
}

/// Standard output without a buffer, so that one write goes into the pipe as one piece.
pub(crate) fn output() -> io::Result<File> {
    Ok(File::from(io::stdout().as_fd().try_clone_to_owned()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_program_whose_name_is_odd_has_a_parent() {
        assert_eq!(parent_of("12 (a) R 7 (b)) S 34 12 12"), Some(34));
        assert_eq!(parent_of("12"), None);
    }

    #[test]
    fn a_subject_is_a_process_or_a_state() {
        let subject = |pid, state: &str| Some(Subject { member: 3, pid, state: state.to_owned() });
        assert_eq!(Subject::parse("3=17"), subject(Some(17), ""));
        assert_eq!(Subject::parse("3=done"), subject(None, "done"));
        assert_eq!(Subject::parse("3"), None);
    }
}
