//! The log of tasks, in GNU parallel's columns: written a line a task as they end, and read to resume.

use super::attempt::Attempt;
use std::collections::HashSet;
use std::fs::File;
use std::io::{self, Write};
use std::path::Path;
use std::time::{SystemTime, UNIX_EPOCH};

const HEAD: &str = "Seq\tHost\tStarttime\tJobRuntime\tSend\tReceive\tExitval\tSignal\tCommand\n";

/// Which tasks of an earlier run are not done again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Resume {
    No,
    /// Those that it has.
    All,
    /// Those that went well.
    Good,
}

/// How a task ended, as the log tells it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Ended {
    pub(crate) exit: i32,
    pub(crate) signal: i32,
}

impl Ended {
    pub(crate) fn is_good(self) -> bool {
        self == Self { exit: 0, signal: 0 }
    }

    /// The code that a shell would tell.
    pub(crate) fn code(self) -> i32 {
        if self.signal != 0 { 128 + self.signal } else { self.exit }
    }
}

/// A log that grows.
pub(crate) struct Joblog(File);

impl Joblog {
    /// Opens it: the tasks that it has and that are not to be done again.
    pub(crate) fn open(path: &Path, resume: Resume) -> io::Result<(Self, HashSet<u64>)> {
        let old = match (resume, std::fs::read(path)) {
            (Resume::No, _) => Vec::new(),
            (_, Err(e)) if e.kind() == io::ErrorKind::NotFound => Vec::new(),
            (_, old) => old?,
        };
        let done = done(&String::from_utf8_lossy(&old), resume);
        let file = if resume == Resume::No {
            File::create(path)?
        } else {
            File::options().append(true).create(true).open(path)?
        };
        let mut log = Self(file);
        if old.is_empty() {
            log.0.write_all(HEAD.as_bytes())?;
        } else if !old.ends_with(b"\n") {
            // A run that was cut off in the middle of a line.
            log.0.write_all(b"\n")?;
        }
        Ok((log, done))
    }

    /// Adds a task that has ended.
    pub(crate) fn add(&mut self, attempt: &Attempt, ended: Ended, received: u64) -> io::Result<()> {
        let begun = attempt.begun.duration_since(UNIX_EPOCH).unwrap_or_default().as_secs_f64();
        let took = SystemTime::now().duration_since(attempt.begun).unwrap_or_default().as_secs_f64();
        let took = attempt.outcome.map_or(took, |outcome| f64::from(outcome.real) / 1e3);
        let (seq, host, Ended { exit, signal }) = (attempt.task.seq, &attempt.seat.name, ended);
        // A newline would end the record.
        let command = attempt.line.replace('\n', "\0");
        let line =
            format!("{seq}\t{host}\t{begun:.3}\t{took:>10.3}\t0\t{received}\t{exit}\t{signal}\t{command}\n");
        self.0.write_all(line.as_bytes())
    }
}

/// The numbers of tasks that a log says are done; what is no whole record says nothing.
fn done(text: &str, resume: Resume) -> HashSet<u64> {
    let mut done = HashSet::new();
    for record in text.split_inclusive('\n').filter_map(|line| line.strip_suffix('\n')).skip(1) {
        let fields: Vec<&str> = record.splitn(9, '\t').collect();
        let [seq, _, _, _, _, _, exit, signal, _] = fields[..] else { continue };
        let Ok(seq) = seq.parse() else { continue };
        if resume == Resume::All || (exit, signal) == ("0", "0") {
            done.insert(seq);
        } else {
            done.remove(&seq);
        }
    }
    done
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_log_tells_what_is_done_and_what_went_well() {
        let row = |seq: u32, exit: i32, signal: i32| {
            format!("{seq}\tn\t1.000\t     0.001\t0\t0\t{exit}\t{signal}\techo\ta\n")
        };
        let text = [HEAD, &row(1, 0, 0), &row(2, 3, 0), &row(3, 0, 9), "nonsense\n", &row(4, 0, 0)].concat();
        let cut = text.trim_end_matches('\n');
        let sorted = |text: &str, resume| {
            let mut all: Vec<u64> = done(text, resume).into_iter().collect();
            all.sort_unstable();
            all
        };
        assert_eq!(sorted(&text, Resume::All), [1, 2, 3, 4]);
        assert_eq!(sorted(&text, Resume::Good), [1, 4]);
        assert_eq!(sorted(cut, Resume::Good), [1], "the last record is not whole");
        assert_eq!(sorted(&(text.clone() + &row(2, 0, 0) + &row(1, 1, 0)), Resume::Good), [2, 4]);
    }
}
