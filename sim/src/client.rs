//! A client of the simulated partition: one job, from its burst to its last byte.

use protocol::message::{Fid, Names, Rmsg, Tag, Tmsg, VERSION};
use std::collections::BTreeMap;

const EXEC: Tag = Tag(1);
const WAIT: Tag = Tag(2);
const STDOUT: Tag = Tag(3);
const BYE: Tag = Tag(4);
const INPUT: Tag = Tag(5);
const OTHER: Tag = Tag(6);

/// A job as its client sees it.
#[derive(Debug, Default)]
pub struct Job {
    /// Lines of `wait`.
    pub outcomes: String,
    /// All of stdout.
    pub stdout: Vec<u8>,
    /// The write of exec was answered: taken, or refused.
    pub exec: Option<bool>,
    input: Option<Vec<u8>>,
    waited: bool,
    read: bool,
    said_bye: bool,
    /// Everything is told and the session given back.
    pub over: bool,
    answers: BTreeMap<u16, u32>,
}

fn push(burst: &mut Vec<u8>, tag: Tag, msg: Tmsg<'_>) {
    let at = burst.len();
    burst.resize(at + 8192, 0);
    let len = msg.encode(tag, &mut burst[at..]).unwrap_or(0);
    burst.truncate(at + len);
}

fn walk<'a>(from: u32, to: u32, names: &[&'a str]) -> Tmsg<'a> {
    Tmsg::Walk { fid: Fid(from), newfid: Fid(to), names: Names::new(names).unwrap_or(Names::NONE) }
}

fn read(fid: u32) -> Tmsg<'static> {
    Tmsg::Read { fid: Fid(fid), offset: 0, count: 16_384 }
}

impl Job {
    /// The whole burst: `res` line, program and its words, and what goes to stdin.
    pub fn begin(&mut self, res: &str, program: &str, input: Option<&[u8]>) -> Vec<u8> {
        let mut burst = Vec::new();
        let b = &mut burst;
        push(b, Tag::NONE, Tmsg::Version { msize: 65_536, version: VERSION });
        let root = Fid(0);
        push(b, Tag(10), Tmsg::Attach { fid: root, afid: Fid::NONE, uname: "ann", aname: "" });
        push(b, Tag(11), walk(0, 1, &["clone"]));
        push(b, Tag(12), Tmsg::Open { fid: Fid(1), mode: 2 });
        let close = if input.is_some() { "" } else { "close stdin\n" };
        let lines = format!("{res}\nexec {program}\n{close}");
        push(b, EXEC, Tmsg::Write { fid: Fid(1), offset: 0, data: lines.as_bytes() });
        for (fid, name, tag) in [(2, "wait", WAIT), (3, "stdout", STDOUT)] {
            push(b, Tag(20 + fid), walk(1, u32::from(fid), &["..", name]));
            push(b, Tag(30 + fid), Tmsg::Open { fid: Fid(u32::from(fid)), mode: 0 });
            push(b, tag, read(u32::from(fid)));
        }
        push(b, Tag(24), walk(1, 4, &["..", "stdin"]));
        push(b, Tag(34), Tmsg::Open { fid: Fid(4), mode: 1 });
        self.input = input.map(<[u8]>::to_vec);
        burst
    }

    /// Takes one answer: what is sent next. An answer that nobody asked for is a claim that failed.
    pub fn answer(&mut self, message: &[u8]) -> Result<Vec<u8>, String> {
        let (tag, msg) = Rmsg::decode(message).map_err(|_| "bytes that are not 9P".to_owned())?;
        *self.answers.entry(tag.0).or_default() += 1;
        let mut burst = Vec::new();
        match (tag, msg) {
            (EXEC, msg) => {
                self.exec = Some(!matches!(msg, Rmsg::Error { .. }));
                self.feed(&mut burst);
            }
            (INPUT, Rmsg::Write { count }) => {
                if let Some(input) = &mut self.input {
                    input.drain(..(count as usize).min(input.len()));
                }
                self.feed(&mut burst);
            }
            (INPUT, _) => self.input = None,
            (WAIT, Rmsg::Read { data }) if !data.is_empty() => {
                self.outcomes += &String::from_utf8_lossy(data);
                push(&mut burst, WAIT, read(2));
            }
            (WAIT, _) => self.waited = true,
            (STDOUT, Rmsg::Read { data }) if !data.is_empty() => {
                self.stdout.extend_from_slice(data);
                push(&mut burst, STDOUT, read(3));
            }
            (STDOUT, _) => self.read = true,
            (BYE, _) => self.over = true,
            _ => {}
        }
        if self.waited && self.read && self.exec.is_some() && !self.said_bye {
            self.said_bye = true;
            push(&mut burst, BYE, Tmsg::Clunk { fid: Fid(1) });
        }
        Ok(burst)
    }

    fn feed(&mut self, burst: &mut Vec<u8>) {
        let Some(input) = &self.input else { return };
        if input.is_empty() {
            self.input = None;
            push(burst, OTHER, Tmsg::Write { fid: Fid(1), offset: 0, data: b"close stdin\n" });
        } else {
            let data = &input[..input.len().min(4096)];
            push(burst, INPUT, Tmsg::Write { fid: Fid(4), offset: 0, data });
        }
    }
}
