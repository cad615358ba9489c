//! The programs of a simulated node: what they say and when, for there is nothing to run.

use cnode::host::Stream;
use protocol::ename::Ename;
use protocol::record::End;
use std::collections::VecDeque;
use std::fmt::Write;

/// Bytes a simulated pipe holds, as Linux's do.
pub(crate) const PIPE: usize = 65_536;

/// Programs there are, for those who ask for another.
const KNOWN: &str = "cat date echo exit false hostname member sh sleep true uname wc";
/// What a program takes to exit, in microseconds.
const EXIT_US: u64 = 100;

/// One thing that a program does.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Act {
    Say(Stream, Box<[u8]>),
    Wait(u64),
    /// It takes input until that ends.
    Read,
    Exit(u8),
}

/// What a program does with its input.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Input {
    Unread,
    Copied,
    Counted { lines: u64, words: u64, bytes: u64, in_word: bool },
}

/// Whose program it is: node, member number, and microseconds of virtual time.
pub(crate) type Whose<'a> = (&'a str, u32, u64);

/// A program from its start to its release.
#[derive(Debug)]
pub(crate) struct Program {
    acts: VecDeque<Act>,
    input: Input,
    input_ended: bool,
    output: [Vec<u8>; 2],
    /// What ends it, once something has.
    fate: Option<End>,
    /// It has ended: its outputs end when they are read.
    pub(crate) ended: bool,
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
    /// The program that these words call.
    pub(crate) fn new(words: &[&str], whose: Whose<'_>) -> Result<Self, Ename> {
        // A name that is never found, so that this can happen here too.
        if matches!(words, [] | ["nosuch", ..]) {
            return Err(Ename::NotFound);
        }
        let mut program = Self {
            acts: VecDeque::new(),
            input: Input::Unread,
            input_ended: false,
            output: [Vec::new(), Vec::new()],
            fate: None,
            ended: false,
        };
        let code = program.call(words, whose);
        program.acts.push_back(Act::Wait(EXIT_US));
        program.acts.push_back(Act::Exit(code));
        Ok(program)
    }

    fn say(&mut self, stream: Stream, text: String) {
        self.acts.push_back(Act::Say(stream, text.into_bytes().into()));
    }

    /// Adds what a command does: its exit code.
    fn call(&mut self, words: &[&str], (node, member, us): Whose<'_>) -> u8 {
        let mut number = words.get(1).and_then(|word| word.parse::<f64>().ok()).unwrap_or(0.0);
        number = number.clamp(0.0, 1e9);
        match words.first().copied().unwrap_or("true") {
            "hostname" => self.say(Stream::Stdout, format!("{node}\n")),
            "member" => self.say(Stream::Stdout, format!("{member}\n")),
            "echo" => self.say(Stream::Stdout, format!("{}\n", words[1..].join(" "))),
            "uname" => self.say(Stream::Stdout, "Linux\n".to_owned()),
            // Of a clock that started with the simulation.
            "date" => self.say(Stream::Stdout, format!("{}.{:06}\n", us / 1_000_000, us % 1_000_000)),
            "true" => {}
            "false" => return 1,
            "exit" => return number as u8,
            "sleep" => self.acts.push_back(Act::Wait((number * 1e6) as u64)),
            "cat" | "wc" => {
                let counted = Input::Counted { lines: 0, words: 0, bytes: 0, in_word: false };
                self.input = if words[0] == "cat" { Input::Copied } else { counted };
                self.acts.push_back(Act::Read);
            }
            "sh" => return self.shell(&words[1..], (node, member, us)),
            other => {
                let text = format!("{other}: not on simulated nodes, which have: {KNOWN}\n");
                self.say(Stream::Stderr, text);
                return 127;
            }
        }
        0
    }

    /// Commands between semicolons, one after the other.
    fn shell(&mut self, words: &[&str], whose: Whose<'_>) -> u8 {
        let ["-c", line, ..] = words else {
            self.say(Stream::Stderr, "sh: want -c 'COMMAND; COMMAND'\n".to_owned());
            return 2;
        };
        let mut code = 0;
        for command in line.split(';') {
            let words: Vec<&str> = command.split_whitespace().collect();
            match words.first().copied() {
                None => {}
                Some("exit") => return self.call(&words, whose),
                Some("sh") => {
                    self.say(Stream::Stderr, "sh: not within sh\n".to_owned());
                    return 2;
                }
                Some(_) => code = self.call(&words, whose),
            }
        }
        code
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
            match self.acts.pop_front()? {
                Act::Say(stream, text) => self.output[stream as usize].extend_from_slice(&text),
                Act::Wait(us) => return Some(Went::Waits(us)),
                Act::Read if self.input_ended => self.sum_up(),
                Act::Read => {
                    self.acts.push_front(Act::Read);
                    return Some(Went::Reads);
                }
                Act::Exit(code) => self.fate = Some(End::Exit(code)),
            }
            if let Some(end) = self.fate {
                self.ended = true;
                return Some(Went::Ended(end));
            }
        }
    }

    fn sum_up(&mut self) {
        if let Input::Counted { lines, words, bytes, .. } = self.input {
            let mut text = String::new();
            let told = writeln!(text, "{lines:7} {words:7} {bytes:7}");
            debug_assert!(told.is_ok(), "a string takes all");
            self.output[0].extend_from_slice(text.as_bytes());
        }
    }

    fn reads(&self) -> bool {
        self.acts.contains(&Act::Read) && !self.ended && !self.input_ended
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
            Input::Counted { lines, words, bytes, in_word } => {
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
