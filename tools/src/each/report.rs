//! What tasks wrote, told: each task's output in one piece, as they end or in their order, and as files.

use super::attempt::Attempt;
use super::kept::Kept;
use crate::exit::Told;
use crate::session::output::Output;
use std::collections::{BTreeMap, VecDeque};
use std::fs::{self, File};
use std::io::{self, ErrorKind};
use std::os::fd::RawFd;
use std::path::{Path, PathBuf};

/// Our two outputs, and what waits for them.
pub(crate) struct Report {
    outputs: [Output; 2],
    queues: [VecDeque<Kept>; 2],
    order: Option<Order>,
    results: Option<PathBuf>,
    /// Nobody reads our output any more.
    is_closed: bool,
}

/// Tasks are told by their numbers.
struct Order {
    next: u64,
    /// Those that have ended, or are not to be done, before their turn.
    early: BTreeMap<u64, Option<[Kept; 2]>>,
}

impl Report {
    pub(crate) fn new(in_order: bool, results: Option<PathBuf>) -> Self {
        let outputs = [libc::STDOUT_FILENO, libc::STDERR_FILENO].map(|fd| Output::new(fd, false));
        let order = in_order.then(|| Order { next: 1, early: BTreeMap::new() });
        Self { outputs, queues: Default::default(), order, results, is_closed: false }
    }

    /// A task has ended.
    pub(crate) fn tell(&mut self, attempt: &mut Attempt) -> Result<(), Told> {
        if let Some(dir) = &self.results {
            let dir = result_dir(dir, &attempt.task.values);
            let kept = write_results(&dir, attempt);
            kept.map_err(|e| format!("unable to keep results in {}: {e}", dir.display()))?;
        }
        self.pass(attempt.task.seq, Some(std::mem::take(&mut attempt.outputs)))
    }

    /// A task is not to be done.
    pub(crate) fn skip(&mut self, seq: u64) -> Result<(), Told> {
        if self.order.is_some() { self.pass(seq, None) } else { Ok(()) }
    }

    fn pass(&mut self, seq: u64, outputs: Option<[Kept; 2]>) -> Result<(), Told> {
        match &mut self.order {
            None => self.put(outputs)?,
            Some(order) => {
                order.early.insert(seq, outputs);
                while let Some(outputs) = self.order.as_mut().and_then(Order::take_next) {
                    self.put(outputs)?;
                }
            }
        }
        self.pump()
    }

    fn put(&mut self, outputs: Option<[Kept; 2]>) -> Result<(), Told> {
        for (queue, mut kept) in self.queues.iter_mut().zip(outputs.into_iter().flatten()) {
            if kept.len() > 0 {
                kept.rewind().map_err(|e| format!("unable to read what a task wrote: {e}"))?;
                queue.push_back(kept);
            }
        }
        Ok(())
    }

    /// Those that wait for one that will not end are told all the same.
    pub(crate) fn give_up_order(&mut self) -> Result<(), Told> {
        let order = self.order.take();
        for outputs in order.into_iter().flat_map(|order| order.early.into_values()) {
            self.put(outputs)?;
        }
        self.pump()
    }

    /// Something waits for our reader: no more is to be begun.
    pub(crate) fn is_blocked(&self) -> bool {
        self.outputs.iter().any(Output::is_blocked)
    }

    /// What to poll for while it waits.
    pub(crate) fn poll_fds(&self) -> [Option<RawFd>; 2] {
        self.outputs.each_ref().map(Output::poll_fd)
    }

    /// Nobody reads our output any more.
    pub(crate) fn is_closed(&self) -> bool {
        self.is_closed
    }

    /// Writes as much as is taken now.
    pub(crate) fn pump(&mut self) -> Result<(), Told> {
        for at in [0, 1] {
            if let Err(e) = self.pump_one(at) {
                self.outputs[at].give_up();
                if e.kind() != ErrorKind::BrokenPipe {
                    return Err(format!("{}: {e}", ["stdout", "stderr"][at]));
                }
                self.is_closed = true;
            }
        }
        Ok(())
    }

    fn pump_one(&mut self, at: usize) -> io::Result<()> {
        let (output, queue) = (&mut self.outputs[at], &mut self.queues[at]);
        if output.is_blocked() {
            output.flush()?;
        }
        while !output.is_blocked()
            && let Some(kept) = queue.front_mut()
        {
            let piece = kept.piece()?;
            if piece.is_empty() {
                queue.pop_front();
            }
            output.take(&piece)?;
        }
        Ok(())
    }
}

impl Order {
    fn take_next(&mut self) -> Option<Option<[Kept; 2]>> {
        let outputs = self.early.remove(&self.next)?;
        self.next += 1;
        Some(outputs)
    }
}

/// Where the results of a task lie: for each value its number and the value.
fn result_dir(dir: &Path, values: &[String]) -> PathBuf {
    let mut dir = dir.to_owned();
    for (at, value) in values.iter().enumerate() {
        let name = value.replace('\\', r"\\").replace('\t', r"\t").replace('/', r"\_");
        dir.push((at + 1).to_string());
        dir.push(short(&name));
    }
    dir
}

/// As much of a name as a file system takes. One that means another place is told from it.
fn short(name: &str) -> String {
    let end = (0..=name.len().min(255)).rev().find(|end| name.is_char_boundary(*end)).unwrap_or(0);
    match &name[..end] {
        dots @ ("." | "..") => dots.replace('.', r"\."),
        name => name.to_owned(),
    }
}

fn write_results(dir: &Path, attempt: &mut Attempt) -> io::Result<()> {
    fs::create_dir_all(dir)?;
    fs::write(dir.join("seq"), attempt.task.seq.to_string())?;
    for (name, kept) in ["stdout", "stderr"].iter().zip(&mut attempt.outputs) {
        kept.copy_to(&mut File::create(dir.join(name))?)?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn results_lie_by_their_values_and_never_above_their_directory() {
        let dir = |values: &[&str]| {
            let values: Vec<String> = values.iter().map(|value| (*value).to_owned()).collect();
            result_dir(Path::new("d"), &values).display().to_string()
        };
        assert_eq!(dir(&["a/b", "c d"]), r"d/1/a\_b/2/c d");
        assert_eq!(dir(&["x\\y\tz"]), r"d/1/x\\y\tz");
        assert_eq!(dir(&[".."]), r"d/1/\.\.");
        assert_eq!(dir(&[&"é".repeat(200)]), format!("d/1/{}", "é".repeat(127)));
    }

    #[test]
    fn the_next_in_order_waits_for_those_before_it() {
        let mut order = Order { next: 1, early: BTreeMap::new() };
        order.early.insert(2, None);
        assert!(order.take_next().is_none());
        order.early.insert(1, Some(Default::default()));
        assert!(order.take_next().is_some_and(|outputs| outputs.is_some()));
        assert!(order.take_next().is_some_and(|outputs| outputs.is_none()));
        assert_eq!(order.next, 3);
    }
}
