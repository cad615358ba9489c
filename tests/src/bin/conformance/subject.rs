//! The server that is looked at: where it is, how it is spoken to, and which of its files may be used.
//!
//! Knows nothing of what is expected of it.

use crate::talk::{Outcome, Talk};
use crate::wire::Dialect;
use std::cell::Cell;
use std::time::{Duration, Instant};

/// What a row has come to beside the expected.
#[derive(Debug)]
pub(crate) enum Halt {
    /// Something else came than the manual or Linux expects.
    Fault { asked: String, came: String, want: String },
    /// It cannot be asked of this server: what the command line lacks.
    Skip(&'static str),
}

/// A server, and how it is asked.
pub(crate) struct Subject {
    /// Its dial string.
    pub(crate) at: String,
    pub(crate) dialect: Dialect,
    /// The largest message that is offered.
    pub(crate) msize: u32,
    pub(crate) uname: String,
    pub(crate) aname: String,
    /// Where fid 0 is walked to from the root, before a row begins.
    pub(crate) below: Vec<String>,
    /// A file that may be written, from there.
    pub(crate) file: Option<Vec<String>>,
    /// A directory in which directories may be made, from there.
    pub(crate) dir: Option<Vec<String>>,
    /// A file in which a read waits, from there.
    pub(crate) stream: Option<Vec<String>>,
    /// It serves the tree of docs/namespace.md: its files are known.
    pub(crate) is_uem: bool,
    /// How long a row may take.
    pub(crate) patience: Duration,
    /// When the row that runs has to be over.
    pub(crate) deadline: Cell<Instant>,
}

impl Subject {
    /// The time of a row begins.
    pub(crate) fn start(&self) {
        self.deadline.set(Instant::now() + self.patience);
    }

    /// How long may still be waited.
    pub(crate) fn left(&self) -> Duration {
        self.deadline.get().saturating_duration_since(Instant::now())
    }

    /// Finds out whether its files are known.
    pub(crate) fn look(&mut self) -> Outcome {
        self.start();
        let mut talk = Talk::attached(self)?;
        let mut is_uem = true;
        for name in ["clone", "beat", "events"] {
            let fid = talk.fid();
            // An answer that is none is told by the rows.
            is_uem &= talk.walk(0, fid, &[name]).is_ok_and(|answer| !answer.is_error());
        }
        drop(talk);
        self.is_uem = is_uem;
        Ok(())
    }

    /// A name that nothing else has, for a directory.
    pub(crate) fn fresh_name(&self) -> String {
        thread_local!(static NEXT: Cell<u32> = const { Cell::new(0) });
        let number = NEXT.get();
        NEXT.set(number + 1);
        format!("conformance{}x{number}", std::process::id())
    }
}
