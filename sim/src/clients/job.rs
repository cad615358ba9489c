//! A client of the simulated partition: one job, from its burst to its last byte. Every request has its own
//! tag, so that each answer is known for whose it is, and one too many for what it is.

use protocol::ename::Ename;
use protocol::message::{Fid, Names, Rmsg, Tag, Tmsg, VERSION};
use std::collections::BTreeMap;

/// The longest request: a piece of input and its header.
const REQUEST_MAX: usize = 8192;
/// Fids up to here are the job's own.
const FIRST_LOOK: u32 = 4;

/// What a request is to the job.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Asked {
    /// A step towards something else.
    Setup,
    Exec,
    Wait,
    Stdout,
    Input,
    /// A step of a look at a file, whatever it is answered.
    Look,
    /// The read of a file on that fid from that offset; at its end the fid is clunked.
    LookRead(u32, u64),
    /// A flush of that tag.
    Flush(u16),
    Bye,
}

/// A job as its client sees it.
#[derive(Debug, Default)]
pub struct Job {
    /// Lines of `wait`.
    pub outcomes: String,
    /// All of stdout.
    pub stdout: Vec<u8>,
    /// The write of exec was answered: taken, or refused.
    pub exec: Option<bool>,
    /// There was no node to reserve: nothing runs, and nothing more is to come.
    pub is_refused: bool,
    /// The partition's root is gone: nothing more is to come.
    pub is_cut: bool,
    input: Option<Vec<u8>>,
    waited: bool,
    read: bool,
    said_bye: bool,
    /// Everything is told, the session given back and every request answered.
    pub over: bool,
    /// Requests that have no answer yet, by tag.
    owed: BTreeMap<u16, Asked>,
    next_tag: u16,
    /// Fids of looks so far.
    looks: u32,
}

pub(super) fn walk<'a>(from: u32, to: u32, names: &[&'a str]) -> Tmsg<'a> {
    Tmsg::Walk { fid: Fid(from), newfid: Fid(to), names: Names::new(names).unwrap_or(Names::NONE) }
}

fn read(fid: u32) -> Tmsg<'static> {
    Tmsg::Read { fid: Fid(fid), offset: 0, count: 16_384 }
}

pub(super) fn write(fid: u32, data: &[u8]) -> Tmsg<'_> {
    Tmsg::Write { fid: Fid(fid), offset: 0, data }
}

impl Job {
    /// The whole burst: `res` line, program and its words, and what goes to stdin.
    pub fn begin(&mut self, res: &str, program: &str, input: Option<&[u8]>) -> Vec<u8> {
        self.begin_at(&[], (res, program), input)
    }

    /// The same with the directory whose `clone` makes the session. Without a program the session waits for
    /// what is to come.
    pub fn begin_at(&mut self, at: &[String], (res, program): (&str, &str), input: Option<&[u8]>) -> Vec<u8> {
        let mut burst = Vec::new();
        let b = &mut burst;
        self.ask(b, Asked::Setup, &Tmsg::Version { msize: 65_536, version: VERSION });
        let attach = Tmsg::Attach { fid: Fid(0), afid: Fid::NONE, uname: "ann", aname: "" };
        self.ask(b, Asked::Setup, &attach);
        let names: Vec<&str> = at.iter().map(String::as_str).chain(["clone"]).collect();
        self.ask(b, Asked::Setup, &walk(0, 1, &names));
        self.ask(b, Asked::Setup, &Tmsg::Open { fid: Fid(1), mode: 2 });
        let close = if input.is_some() { "" } else { "close stdin\n" };
        let exec = format!("{res}\nexec {program}\n{close}");
        let (asked, lines) =
            if program.is_empty() { (Asked::Setup, format!("{res}\n")) } else { (Asked::Exec, exec) };
        self.ask(b, asked, &write(1, lines.as_bytes()));
        for (fid, name, asked) in [(2, "wait", Asked::Wait), (3, "stdout", Asked::Stdout)] {
            self.ask(b, Asked::Setup, &walk(1, fid, &["..", name]));
            self.ask(b, Asked::Setup, &Tmsg::Open { fid: Fid(fid), mode: 0 });
            self.ask(b, asked, &read(fid));
        }
        self.ask(b, Asked::Setup, &walk(1, 4, &["..", "stdin"]));
        self.ask(b, Asked::Setup, &Tmsg::Open { fid: Fid(4), mode: 1 });
        self.input = input.map(<[u8]>::to_vec);
        burst
    }

    pub(super) fn ask(&mut self, burst: &mut Vec<u8>, asked: Asked, msg: &Tmsg<'_>) {
        let tag = match msg {
            Tmsg::Version { .. } => Tag::NONE,
            _ => {
                self.next_tag += 1;
                Tag(self.next_tag)
            }
        };
        let at = burst.len();
        burst.resize(at + REQUEST_MAX, 0);
        let len = msg.encode(tag, &mut burst[at..]).unwrap_or(0);
        burst.truncate(at + len);
        self.owed.insert(tag.0, asked);
    }

    /// A fid for something beside the job.
    pub(super) fn another_fid(&mut self) -> u32 {
        self.looks += 1;
        FIRST_LOOK + self.looks
    }

    /// Looks at what runs: its session's status, its first member's, and that of a node; and tells the
    /// members to go on. Each answer may be a refusal: nodes come and go.
    pub fn look(&mut self, node: &str) -> Vec<u8> {
        let mut burst = Vec::new();
        for names in
            [["..", "status"].as_slice(), &["..", "0", "status"], &["..", "..", "net", node, "status"]]
        {
            let fid = self.another_fid();
            self.ask(&mut burst, Asked::Look, &walk(1, fid, names));
            self.ask(&mut burst, Asked::Look, &Tmsg::Open { fid: Fid(fid), mode: 0 });
            self.ask(&mut burst, Asked::LookRead(fid, 0), &read(fid));
        }
        self.ask(&mut burst, Asked::Look, &write(1, b"signal CONT\n"));
        burst
    }

    /// Kills one member, or all; there may be none by then.
    pub fn kill(&mut self, member: Option<u32>) -> Vec<u8> {
        let mut burst = Vec::new();
        let Some(member) = member else {
            self.ask(&mut burst, Asked::Look, &write(1, b"kill\n"));
            return burst;
        };
        self.looks += 1;
        let fid = FIRST_LOOK + self.looks;
        self.ask(&mut burst, Asked::Look, &walk(1, fid, &["..", &member.to_string(), "ctl"]));
        self.ask(&mut burst, Asked::Look, &Tmsg::Open { fid: Fid(fid), mode: 1 });
        self.ask(&mut burst, Asked::Look, &write(fid, b"kill\n"));
        self.ask(&mut burst, Asked::Look, &Tmsg::Clunk { fid: Fid(fid) });
        burst
    }

    /// Flushes what waits, its input apart; what of the job was flushed unanswered is asked anew.
    pub fn flush(&mut self) -> Vec<u8> {
        let mut burst = Vec::new();
        let waits = |asked: &Asked| {
            matches!(asked, Asked::Exec | Asked::Wait | Asked::Stdout | Asked::Look | Asked::LookRead(..))
        };
        let tags: Vec<u16> = self.owed.iter().filter(|(_, a)| waits(a)).map(|(tag, _)| *tag).collect();
        for tag in tags {
            if !self.owed.values().any(|asked| *asked == Asked::Flush(tag)) {
                self.ask(&mut burst, Asked::Flush(tag), &Tmsg::Flush { oldtag: Tag(tag) });
            }
        }
        burst
    }

    /// Takes one answer: what is sent next. An answer that nobody waits for is a claim that failed, be it a
    /// second one, or one that comes after its Rflush.
    pub fn answer(&mut self, message: &[u8]) -> Result<Vec<u8>, String> {
        let (tag, msg) = Rmsg::decode(message).map_err(|_| "bytes that are not 9P".to_owned())?;
        let asked = self.owed.remove(&tag.0);
        let asked = asked.ok_or_else(|| format!("nobody waits for an answer to tag {}: {msg:?}", tag.0))?;
        let mut burst = Vec::new();
        match (asked, msg) {
            (Asked::Exec, msg) => {
                self.exec = Some(!matches!(msg, Rmsg::Error { .. }));
                let again = Ename::Again.text();
                self.is_refused = matches!(msg, Rmsg::Error { ename } if ename == again);
                self.feed(&mut burst);
            }
            (Asked::Input, Rmsg::Write { count }) => {
                if let Some(input) = &mut self.input {
                    input.drain(..(count as usize).min(input.len()));
                }
                self.feed(&mut burst);
            }
            (Asked::Input, _) => self.input = None,
            (Asked::Wait, Rmsg::Read { data }) if !data.is_empty() => {
                self.outcomes += &String::from_utf8_lossy(data);
                self.ask(&mut burst, Asked::Wait, &read(2));
            }
            (Asked::Wait, _) => self.waited = true,
            (Asked::Stdout, Rmsg::Read { data }) if !data.is_empty() => {
                self.stdout.extend_from_slice(data);
                self.ask(&mut burst, Asked::Stdout, &read(3));
            }
            (Asked::Stdout, _) => self.read = true,
            (Asked::Flush(old), Rmsg::Flush) => self.flushed(old, &mut burst),
            (Asked::Flush(_), msg) => return Err(format!("a flush is answered with {msg:?}")),
            (Asked::LookRead(fid, offset), Rmsg::Read { data }) if !data.is_empty() => {
                let offset = offset + data.len() as u64;
                let on = Tmsg::Read { fid: Fid(fid), offset, count: 16_384 };
                self.ask(&mut burst, Asked::LookRead(fid, offset), &on);
            }
            (Asked::LookRead(fid, _), _) => self.ask(&mut burst, Asked::Look, &Tmsg::Clunk { fid: Fid(fid) }),
            (Asked::Setup | Asked::Look | Asked::Bye, _) => {}
        }
        let is_told = self.waited && self.read && self.exec.is_some();
        if (is_told || self.is_refused) && !self.said_bye {
            self.said_bye = true;
            self.ask(&mut burst, Asked::Bye, &Tmsg::Clunk { fid: Fid(1) });
        }
        self.over = self.said_bye && self.owed.is_empty();
        Ok(burst)
    }

    /// A flush is answered: what it named, if that had no answer, never gets one.
    fn flushed(&mut self, old: u16, burst: &mut Vec<u8>) {
        match self.owed.remove(&old) {
            Some(Asked::Wait) => self.ask(burst, Asked::Wait, &read(2)),
            Some(Asked::Stdout) => self.ask(burst, Asked::Stdout, &read(3)),
            Some(Asked::LookRead(fid, _)) => self.ask(burst, Asked::Look, &Tmsg::Clunk { fid: Fid(fid) }),
            Some(Asked::Exec) => {
                // The answer is cancelled, not what was begun.
                self.exec = Some(true);
                self.feed(burst);
            }
            Some(Asked::Setup | Asked::Input | Asked::Look | Asked::Flush(_) | Asked::Bye) | None => {}
        }
    }

    fn feed(&mut self, burst: &mut Vec<u8>) {
        let Some(input) = self.input.take() else { return };
        if input.is_empty() {
            self.ask(burst, Asked::Setup, &write(1, b"close stdin\n"));
        } else {
            self.ask(burst, Asked::Input, &write(4, &input[..input.len().min(4096)]));
            self.input = Some(input);
        }
    }

    /// What keeps it from being over, in words.
    pub fn unanswered(&self) -> String {
        let owed: Vec<String> = self.owed.values().map(|asked| format!("{asked:?}")).collect();
        owed.join(" ")
    }
}
