//! A command that is under way, whose output is read as it comes.

use crate::{Told, until};
use std::io::{BufRead, BufReader, Read};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;

/// The command, and what it has written so far.
pub struct Running {
    child: Child,
    stdout: BufReader<ChildStdout>,
    out: String,
    /// What it has written on its standard error so far, and who reads that.
    err: Arc<Mutex<String>>,
    reader: JoinHandle<()>,
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
        let mut stderr = BufReader::new(child.stderr.take().expect("it is piped"));
        let err = Arc::new(Mutex::new(String::new()));
        let so_far = Arc::clone(&err);
        let reader = std::thread::spawn(move || {
            let mut line = String::new();
            while stderr.read_line(&mut line).expect("it writes text") > 0 {
                so_far.lock().expect("nobody panics with it").push_str(&line);
                line.clear();
            }
        });
        Self { child, stdout, out: String::new(), err, reader }
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

    /// Waits until it has said this on its standard error.
    ///
    /// # Panics
    /// When it does not.
    pub fn says(&self, part: &str) {
        until(part, || self.err.lock().expect("nobody panics with it").contains(part));
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
        self.stdout.read_to_string(&mut self.out).expect("it writes text");
        let status = self.child.wait().expect("it is our child");
        self.reader.join().expect("the reader ends");
        let err = self.err.lock().expect("nobody panics with it").clone();
        Told { code: status.code().unwrap_or(-1), out: self.out, err }
    }
}
