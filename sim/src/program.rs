//! The programs of a simulated node: what they say and when, for there is nothing to run.
//!
//! All that a program does is known when it starts, but for its input. `command` is what each of them does,
//! `shell` the commands of `sh -c`.

mod command;
mod shell;
mod step;

use cnode::host::Stream;
use command::Steps;
use protocol::ename::Ename;
use protocol::record::End;
use shell::Caller;
use std::collections::VecDeque;
use std::fmt::Write;
use step::{HUNG, HUNG_US, Input, Step};

pub use step::Whose;
pub(crate) use step::{STUCK, STUCK_US};

/// Bytes a simulated pipe holds, as Linux's do.
pub(crate) const PIPE: usize = 65_536;

/// What a program takes to exit, in microseconds.
const EXIT_US: u64 = 100;

/// A program from its start to its release.
#[derive(Debug)]
pub(crate) struct Program {
    steps: VecDeque<Step>,
    input: Input,
    input_ended: bool,
    output: [Vec<u8>; 2],
    /// Microseconds from when it may go on to its first instruction.
    pub(crate) lag: u64,
    /// What ends it, once something has.
    fate: Option<End>,
    /// It has ended: its outputs end when they are read.
    pub(crate) ended: bool,
}

/// Why a program that is there cannot be run, if it cannot: that is known when it is tried.
pub(crate) fn broken(words: &[&str]) -> Option<Ename> {
    (words.first() == Some(&"broken")).then_some(Ename::Io)
}

/// How far a program went.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Went {
    /// It goes on after so many microseconds.
    Waits(u64),
    /// It goes on when its input ends.
    Reads,
    /// It has ended.
    Ended(End),
}

impl Program {
    /// The program that these words call, with an environment of lines `NAME=VALUE`.
    pub(crate) fn new(words: &[&str], whose: &Whose<'_>, env: &str) -> Result<Self, Ename> {
        // A name that is never found, so that this can happen here too.
        if matches!(words, [] | ["nosuch" | STUCK, ..]) {
            return Err(Ename::NotFound);
        }
        let mut gathered = Steps::new(whose, env);
        let code = gathered.call(words, Stream::Stdout);
        let mut steps = gathered.steps;
        steps.extend([Step::Wait(EXIT_US), Step::Exit(code)]);
        Ok(Self {
            steps,
            input: gathered.input,
            input_ended: false,
            output: [Vec::new(), Vec::new()],
            lag: if words[0] == HUNG { HUNG_US } else { 1 },
            fate: None,
            ended: false,
        })
    }

    /// It does what comes next.
    pub(crate) fn goes_on(&mut self) -> Option<Went> {
        if self.ended {
            return None;
        }
        if let Some(end) = self.fate {
            self.ended = true;
            return Some(Went::Ended(end));
        }
        loop {
            match self.steps.pop_front()? {
                Step::Say(stream, text) => self.output[stream as usize].extend_from_slice(&text),
                Step::Wait(us) => return Some(Went::Waits(us)),
                Step::Read if self.input_ended => self.sum_up(),
                Step::Read => {
                    self.steps.push_front(Step::Read);
                    return Some(Went::Reads);
                }
                Step::Exit(code) => self.fate = Some(End::Exit(code)),
            }
            if let Some(end) = self.fate {
                self.ended = true;
                return Some(Went::Ended(end));
            }
        }
    }

    fn sum_up(&mut self) {
        if let Input::Counted { lines, words, bytes, told, .. } = self.input {
            let counts = [lines, words, bytes].into_iter().zip(told);
            let some: Vec<u64> = counts.filter(|(_, told)| *told).map(|(count, _)| count).collect();
            let mut text = String::new();
            let told = match some[..] {
                [] => writeln!(text, "{lines:7} {words:7} {bytes:7}"),
                [one] => writeln!(text, "{one}"),
                _ => some.iter().try_for_each(|count| write!(text, "{count:7} ")),
            };
            debug_assert!(told.is_ok(), "a string takes all");
            if some.len() > 1 {
                text = text.trim_end().to_owned() + "\n";
            }
            self.output[0].extend_from_slice(text.as_bytes());
        }
    }

    fn reads(&self) -> bool {
        self.steps.contains(&Step::Read) && !self.ended && !self.input_ended
    }

    /// Bytes of these that it takes; none if it does not read.
    pub(crate) fn takes(&mut self, data: &[u8]) -> Option<usize> {
        if !self.reads() {
            return None;
        }
        match &mut self.input {
            Input::Unread => Some(0),
            Input::Copied => {
                let len = data.len().min(PIPE - self.output[0].len());
                self.output[0].extend_from_slice(&data[..len]);
                Some(len)
            }
            Input::Counted { lines, words, bytes, in_word, .. } => {
                for byte in data {
                    *lines += u64::from(*byte == b'\n');
                    let is_space = byte.is_ascii_whitespace();
                    *words += u64::from(!is_space && !*in_word);
                    *in_word = !is_space;
                }
                *bytes += data.len() as u64;
                Some(data.len())
            }
        }
    }

    /// Its input has ended: it is to go on if it waits for that.
    pub(crate) fn input_ends(&mut self) -> bool {
        let waits = self.reads();
        self.input_ended = true;
        waits
    }

    /// A signal that ends it has come: false if it has ended before.
    pub(crate) fn dies(&mut self, end: End) -> bool {
        if !self.ended {
            self.fate = Some(end);
        }
        !self.ended
    }

    /// What it said that nobody has taken yet.
    pub(crate) fn output(&self, stream: Stream) -> &[u8] {
        &self.output[stream as usize]
    }

    /// So many bytes of that are taken.
    pub(crate) fn taken(&mut self, stream: Stream, len: usize) {
        let output = &mut self.output[stream as usize];
        output.drain(..len);
        if output.is_empty() {
            *output = Vec::new();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const WHOSE: Whose<'_> =
        Whose { node: "node07", session: "s1", number: 6, size: 64, date_us: 1_000_000_000_250_000 };

    /// What a command line of args says on both streams, how long it takes but for its exit, and its code.
    fn runs(words: &[&str], input: &str) -> (String, String, u64, u8) {
        let mut program = Program::new(words, &WHOSE, "HOME=/root\nA='b c'\n").expect("it is there");
        let mut waited = 0;
        loop {
            match program.goes_on().expect("it goes on") {
                Went::Waits(us) => waited += us,
                Went::Reads => {
                    program.takes(input.as_bytes());
                    program.input_ends();
                }
                Went::Ended(End::Exit(code)) => {
                    let said = program.output.map(|bytes| String::from_utf8(bytes).expect("text"));
                    let [out, err] = said;
                    return (out, err, waited - EXIT_US, code);
                }
                other => panic!("{other:?}"),
            }
        }
    }

    fn says(words: &[&str]) -> String {
        let (out, err, _, code) = runs(words, "");
        assert_eq!((err.as_str(), code), ("", 0), "{words:?}");
        out
    }

    fn sh(line: &str) -> (String, String, u64, u8) {
        runs(&["sh", "-c", line], "")
    }

    #[test]
    fn programs_say_what_their_namesakes_do() {
        assert_eq!(says(&["hostname"]), "node07\n");
        assert_eq!(says(&["echo", "-n", "a", "b"]), "a b");
        assert_eq!(says(&["uname", "-n"]), "node07\n");
        assert_eq!(says(&["uname", "-sm"]), "Linux ppc\n");
        assert!(says(&["uname", "-a"]).starts_with("Linux node07 "));
        assert_eq!(says(&["date"]), "Sun Sep  9 01:46:40 UTC 2001\n");
        assert_eq!(says(&["date", "+%s.%N"]), "1000000000.250000000\n");
        assert_eq!(runs(&["sleep", "0.25"], ""), (String::new(), String::new(), 250_000, 0));
        assert_eq!(runs(&["sleep", "1m", "1"], "").2, 61_000_000);
        let env = says(&["env"]);
        assert!(env.contains("A=b c\n") && env.contains("UEM_MEMBER=6\nUEM_SIZE=64\n"), "{env}");
    }

    #[test]
    fn input_is_copied_or_counted() {
        let out = |words: &[&str]| runs(words, "a b\nc\n").0;
        assert_eq!(out(&["cat"]), "a b\nc\n");
        assert_eq!(out(&["wc"]), "      2       3       6\n");
        assert_eq!(
            (out(&["wc", "-l"]), out(&["wc", "-w"]), out(&["wc", "-c"])),
            ("2\n".into(), "3\n".into(), "6\n".into())
        );
        assert_eq!(out(&["sh", "-c", "cat; echo done"]), "a b\nc\ndone\n");
    }

    #[test]
    fn a_shell_runs_commands_one_after_the_other() {
        assert_eq!(sh("sleep 1; echo hi; exit 3; echo no"), ("hi\n".into(), String::new(), 1_000_000, 3));
        assert_eq!(sh("echo $UEM_MEMBER ${UEM_NODE}x '$A' \"$A\" $none.").0, "6 node07x $A b c .\n");
        assert_eq!(sh("false; echo $?; true && echo y || echo n; false && echo z").0, "1\ny\n");
        assert_eq!(sh("exit $((UEM_MEMBER % 4 + 1))").3, 3);
        assert_eq!(sh("echo a >&2\necho b"), ("b\n".into(), "a\n".into(), 0, 0));
        assert_eq!(sh("sleep 20; date").0, "Sun Sep  9 01:47:00 UTC 2001\n");
        assert_eq!(sh("echo $$ $((6*7))").0, "7 42\n");
    }

    #[test]
    fn what_there_is_not_is_refused_with_what_there_is() {
        let (out, err, _, code) = runs(&["gcc", "-v"], "");
        assert_eq!((out.as_str(), code), ("", 127));
        assert!(err.starts_with("gcc: not on simulated nodes, which have: cat date "), "{err}");
        assert_eq!(runs(&["cat", "/etc/motd"], "").3, 1);
        assert_eq!(runs(&["sleep", "soon"], "").3, 1);
        for line in ["ls | wc", "echo 'a", "echo >x", "echo $((1/0))", "sh -c true"] {
            let (_, err, _, code) = sh(line);
            assert!(code == 2 && err.starts_with("sh: "), "{line}: {code} {err}");
        }
    }

    #[test]
    fn words_of_args_know_member_size_and_node() {
        let expanded = WHOSE.expand("$m/$n@$node $$m $mx ${m} $");
        assert_eq!(expanded, "6/64@node07 $m $mx ${m} $");
    }
}
