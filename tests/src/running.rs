//! A command that is under way, whose output is read as it comes.

use crate::Told;
use std::io::{BufRead, BufReader, Read};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

/// The command, and what it has written so far.
pub struct Running {
    child: Child,
    stdout: BufReader<ChildStdout>,
    out: String,
}

impl Running {
    /// Starts it with all three streams piped.
    ///
    /// # Panics
    /// When it cannot be started.
    pub fn start(mut command: Command) -> Self {
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().expect("the command starts");
        let stdout = BufReader::new(child.stdout.take().expect("it is piped"));
        Self { child, stdout, out: String::new() }
    }

    /// Its standard input, to be dropped where it is to end.
    pub fn stdin(&mut self) -> ChildStdin {
        self.child.stdin.take().expect("it is taken once")
    }

    /// Its process.
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Reads so many lines more.
    ///
    /// # Panics
    /// When its output ends before that.
    pub fn lines(&mut self, count: usize) {
        for _ in 0..count {
            let got = self.stdout.read_line(&mut self.out).expect("text is read");
            assert!(got > 0, "it writes {count} lines: {}", self.out);
        }
    }

    /// Signals it.
    pub fn signal(&self, signal: &str) {
        let pid = self.pid().to_string();
        let sent = Command::new("kill").args(["-s", signal, &pid]).status().expect("kill starts");
        assert!(sent.success(), "it is there to be signalled");
    }

    /// Reads all that is left: what it said, from its begin, and how it ended.
    ///
    /// # Panics
    /// When it writes no text.
    pub fn end(mut self) -> Told {
        drop(self.child.stdin.take());
        let mut stderr = self.child.stderr.take().expect("it is piped");
        let err = std::thread::spawn(move || {
            let mut err = String::new();
            stderr.read_to_string(&mut err).map(|_| err)
        });
        self.stdout.read_to_string(&mut self.out).expect("it writes text");
        let status = self.child.wait().expect("it is our child");
        let err = err.join().expect("the reader ends").expect("it writes text");
        Told { code: status.code().unwrap_or(-1), out: self.out, err }
    }
}
