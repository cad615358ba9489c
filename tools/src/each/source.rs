//! Where tasks come from: the arguments behind `:::`, every combination once, or lines of standard input as
//! they come.

use std::io;

/// Bytes read at once.
const CHUNK: usize = 64 * 1024;

/// What is to be done once.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Task {
    /// Its number, from 1.
    pub(crate) seq: u64,
    /// One from each list of arguments, or the line.
    pub(crate) values: Vec<String>,
    /// How often it has been tried and failed.
    pub(crate) failures: u32,
    /// How many nodes went away under it.
    pub(crate) losses: u32,
    /// How often a node had no room for it.
    pub(crate) refusals: u32,
    /// The node where it failed last, by number: another one comes first.
    pub(crate) avoid: Option<usize>,
}

enum From {
    Lists(Vec<Vec<String>>),
    Stdin { bytes: Vec<u8>, ended: bool },
}

/// The tasks that have not been given out.
pub(crate) struct Source {
    from: From,
    given: u64,
}

impl Source {
    pub(crate) fn lists(lists: Vec<Vec<String>>) -> Self {
        Self { from: From::Lists(lists), given: 0 }
    }

    pub(crate) fn stdin() -> Self {
        Self { from: From::Stdin { bytes: Vec::new(), ended: false }, given: 0 }
    }

    /// How many there are in all, where that is known.
    pub(crate) fn total(&self) -> Option<u64> {
        match &self.from {
            From::Lists(lists) => Some(lists.iter().map(|list| list.len() as u64).product()),
            From::Stdin { ended: false, .. } => None,
            From::Stdin { bytes, .. } => {
                let lines = bytes.iter().filter(|byte| **byte == b'\n').count();
                let rest = bytes.last().is_some_and(|byte| *byte != b'\n');
                Some(self.given + lines as u64 + u64::from(rest))
            }
        }
    }

    /// All have been given out.
    pub(crate) fn is_empty(&self) -> bool {
        match &self.from {
            From::Lists(_) => Some(self.given) >= self.total(),
            From::Stdin { bytes, ended } => *ended && bytes.is_empty(),
        }
    }

    /// No whole line is there, and more may come.
    pub(crate) fn wants_input(&self) -> bool {
        matches!(&self.from, From::Stdin { bytes, ended: false } if !bytes.contains(&b'\n'))
    }

    /// Reads on, once.
    pub(crate) fn read(&mut self) -> Result<(), String> {
        let From::Stdin { bytes, ended } = &mut self.from else { return Ok(()) };
        let len = bytes.len();
        bytes.resize(len + CHUNK, 0);
        // SAFETY: the pointer and length describe the new end of `bytes`, which outlives the call.
        let got = unsafe { libc::read(libc::STDIN_FILENO, bytes[len..].as_mut_ptr().cast(), CHUNK) };
        let error = io::Error::last_os_error();
        bytes.truncate(len + got.max(0) as usize);
        *ended = got == 0;
        if got >= 0 || matches!(error.kind(), io::ErrorKind::Interrupted | io::ErrorKind::WouldBlock) {
            return Ok(());
        }
        Err(format!("stdin: {error}"))
    }

    /// The next task; none until more has come, or when all have been given out.
    pub(crate) fn next(&mut self) -> Result<Option<Task>, String> {
        if self.is_empty() {
            return Ok(None);
        }
        let values = match &mut self.from {
            From::Lists(lists) => combination(lists, self.given),
            From::Stdin { bytes, ended } => {
                let end = match bytes.iter().position(|byte| *byte == b'\n') {
                    Some(end) => end,
                    None if *ended => bytes.len(),
                    None => return Ok(None),
                };
                let line = bytes[..end].to_vec();
                bytes.drain(..bytes.len().min(end + 1));
                let told =
                    |_| format!("stdin: line {} is not UTF-8, which all words here are", self.given + 1);
                vec![String::from_utf8(line).map_err(told)?]
            }
        };
        self.given += 1;
        Ok(Some(Task { seq: self.given, values, failures: 0, losses: 0, refusals: 0, avoid: None }))
    }
}

/// One of each list: the last list turns fastest.
fn combination(lists: &[Vec<String>], number: u64) -> Vec<String> {
    let mut left = number;
    let mut values: Vec<String> = lists
        .iter()
        .rev()
        .map(|list| {
            let value = list[(left % list.len() as u64) as usize].clone();
            left /= list.len() as u64;
            value
        })
        .collect();
    values.reverse();
    values
}

#[cfg(test)]
mod tests {
    use super::*;

    fn all(mut source: Source) -> Vec<String> {
        let mut told = Vec::new();
        while let Some(task) = source.next().expect("text") {
            told.push(format!("{}:{}", task.seq, task.values.join("-")));
        }
        assert!(source.is_empty());
        told
    }

    fn list(words: &str) -> Vec<String> {
        words.split_whitespace().map(str::to_owned).collect()
    }

    #[test]
    fn every_combination_comes_once_and_the_last_list_turns_fastest() {
        assert_eq!(all(Source::lists(vec![list("a b"), list("1 2")])), ["1:a-1", "2:a-2", "3:b-1", "4:b-2"]);
        assert_eq!(all(Source::lists(vec![list("a b"), list("")])), [""; 0]);
        assert_eq!(Source::lists(vec![list("a b"), list("1 2 3")]).total(), Some(6));
    }

    #[test]
    fn a_line_is_a_task_with_or_without_its_newline() {
        let from = From::Stdin { bytes: b"a\n\nb c".to_vec(), ended: true };
        assert_eq!(all(Source { from, given: 0 }), ["1:a", "2:", "3:b c"]);
        let mut open = Source { from: From::Stdin { bytes: b"a".to_vec(), ended: false }, given: 0 };
        assert_eq!((open.next(), open.wants_input(), open.is_empty()), (Ok(None), true, false));
        assert_eq!(open.total(), None);
        let from = From::Stdin { bytes: b"a\nb\nc".to_vec(), ended: true };
        assert_eq!(Source { from, given: 4 }.total(), Some(7));
    }
}
