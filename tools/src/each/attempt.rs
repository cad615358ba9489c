//! A task on a node: one burst that makes, fills and starts a session, and what comes back of it.

use super::kept::Kept;
use super::source::Task;
use crate::environment::word;
use crate::exit::Told;
use client::Client;
use protocol::client::Reply;
use protocol::ename::Ename;
use protocol::failure::Step;
use protocol::limits::LINE_MAX;
use protocol::message::{Fid, Rmsg, Tmsg};
use protocol::record::{End, Outcome};
use std::time::{Duration, Instant, SystemTime};

/// Most bytes that one read of an output asks for.
const READ: u32 = 64 * 1024;
/// Between asking a task to end and killing it.
const GRACE: Duration = Duration::from_secs(1);

/// What a request was made for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Asked {
    /// A step of a burst: whether it was refused is known from what follows.
    Step,
    /// A part of the task in this place of the connection.
    Task(u8, Part),
}

/// What is asked for a task.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Part {
    Exec,
    Wait,
    /// A read of stdout (0) or stderr (1).
    Output(u8),
    /// A read of the session's info, after a refused `exec`.
    Info,
}

/// What is the same for all tasks.
pub(crate) struct Setting {
    /// Ctl lines before `exec`.
    pub(crate) lines: String,
    /// What goes to `env`.
    pub(crate) env: Vec<u8>,
    pub(crate) timeout: Option<Duration>,
}

/// Where a task runs.
#[derive(Clone, Debug)]
pub(crate) struct Seat {
    /// The node, by its number and its name.
    pub(crate) node: usize,
    pub(crate) name: String,
    /// The slot, from 1.
    pub(crate) slot: usize,
}

/// What became of an attempt.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// It has ended, and all its output is here.
    Ended(End),
    /// Time was over.
    TimedOut,
    /// We ended it.
    Stopped,
    /// Its node was not there: nothing ran.
    Away,
    /// Its node went away under it.
    Lost,
    /// It could not be started now.
    Refused(String),
}

/// A task that was given to a node.
pub(crate) struct Attempt {
    pub(crate) task: Task,
    pub(crate) seat: Seat,
    pub(crate) line: String,
    pub(crate) outputs: [Kept; 2],
    pub(crate) begun: SystemTime,
    pub(crate) outcome: Option<Outcome>,
    place: u8,
    ctl: Fid,
    wait: Fid,
    streams: [Fid; 2],
    /// Streams at their end.
    over: [bool; 2],
    /// Requests that wait for their answer.
    asked: u32,
    /// What was said to `exec`, where it was refused.
    refusal: Option<String>,
    /// The session was closed because nothing runs in it.
    is_void: bool,
    /// What made an output end before its time.
    cut: Option<String>,
    /// Something on our side failed.
    broken: Option<Told>,
    timeout_at: Option<Instant>,
    kill_at: Option<Instant>,
    /// What it will be when it has ended, where we end it.
    ending: Option<Verdict>,
}

impl Attempt {
    /// Adds everything up to the first reads to the connection's burst.
    pub(crate) fn start(
        client: &mut Client<Asked>,
        place: u8,
        (task, seat, line): (Task, Seat, String),
        setting: &Setting,
    ) -> Result<Self, Told> {
        let words: Vec<String> = super::line::program(&line).iter().map(|text| word(text)).collect();
        let mut exec = format!("exec {}", words.join(" "));
        let mut args = String::new();
        if exec.len() >= LINE_MAX || exec.contains('\n') {
            (args, exec) = (words.join(" "), "exec".to_owned());
        }
        let ctl = client.ask_session(Asked::Step, &setting.env, args.as_bytes())?;
        let lines = format!("res + {}\n{}{exec}\n", seat.name, setting.lines);
        let write = Tmsg::Write { fid: ctl, offset: 0, data: lines.as_bytes() };
        client.ask(Asked::Task(place, Part::Exec), &write)?;
        let wait = client.ask_open(Asked::Step, ctl, &["..", "wait"], 0)?;
        let stdout = client.ask_open(Asked::Step, ctl, &["..", "stdout"], 0)?;
        let stderr = client.ask_open(Asked::Step, ctl, &["..", "stderr"], 0)?;
        let mut attempt = Self {
            task,
            seat,
            line,
            outputs: [Kept::default(), Kept::default()],
            begun: SystemTime::now(),
            outcome: None,
            place,
            ctl,
            wait,
            streams: [stdout, stderr],
            over: [false; 2],
            asked: 1,
            refusal: None,
            is_void: false,
            cut: None,
            broken: None,
            timeout_at: setting.timeout.and_then(|timeout| Instant::now().checked_add(timeout)),
            kill_at: None,
            ending: None,
        };
        attempt.read(client, Part::Wait, wait, 1024)?;
        attempt.read(client, Part::Output(0), stdout, READ)?;
        attempt.read(client, Part::Output(1), stderr, READ)?;
        Ok(attempt)
    }

    fn read(&mut self, client: &mut Client<Asked>, part: Part, fid: Fid, count: u32) -> Result<(), Told> {
        self.asked += 1;
        let count = count.min(client.payload());
        Ok(client.ask(Asked::Task(self.place, part), &Tmsg::Read { fid, offset: 0, count })?)
    }

    /// Takes an answer: what is to be asked next, if anything.
    pub(crate) fn hear(&mut self, part: Part, reply: &Reply<'_, Asked>) -> Option<Part> {
        self.asked -= 1;
        let data = match reply.answer {
            Rmsg::Read { data } => Ok(data),
            Rmsg::Error { ename } => Err(ename),
            _ => Ok(&[][..]),
        };
        match (part, data) {
            (Part::Exec, Ok(_)) => None,
            (Part::Exec, Err(ename)) => {
                self.refusal = Some(ename.to_owned());
                // Whether something runs nevertheless is known when the rest of the session is asked.
                Some(Part::Info)
            }
            (Part::Info, Ok(text)) => {
                let text = String::from_utf8_lossy(text);
                let state = text.lines().find_map(|line| line.strip_prefix("state="));
                self.is_void = matches!(state, None | Some("open" | "reserved"));
                None
            }
            (Part::Info, Err(_)) => {
                self.is_void = true;
                None
            }
            (Part::Wait, Ok(text)) => {
                let parsed = std::str::from_utf8(text).ok().and_then(|text| text.lines().next());
                self.outcome = parsed.and_then(Outcome::parse).map(|(_, _, outcome)| outcome);
                if self.outcome.is_none() {
                    self.cut = Some("the node sent a malformed outcome".to_owned());
                }
                None
            }
            (Part::Wait, Err(ename)) => {
                self.cut = Some(ename.to_owned());
                None
            }
            (Part::Output(at), Ok([])) => {
                self.over[at as usize] = true;
                None
            }
            (Part::Output(at), Ok(data)) => {
                if let Err(e) = self.outputs[at as usize].take(data) {
                    self.broken = Some(format!("unable to keep what a task writes: {e}"));
                }
                Some(part)
            }
            (Part::Output(at), Err(ename)) => {
                self.over[at as usize] = true;
                self.cut = Some(ename.to_owned());
                None
            }
        }
    }

    /// Asks for what follows an answer.
    pub(crate) fn ask(&mut self, client: &mut Client<Asked>, part: Part) -> Result<(), Told> {
        match part {
            Part::Output(at) => self.read(client, part, self.streams[at as usize], READ),
            Part::Wait => self.read(client, part, self.wait, 1024),
            Part::Info => {
                let fid = client.ask_open(Asked::Step, self.ctl, &["..", "info"], 0)?;
                self.read(client, part, fid, 1024)?;
                Ok(client.ask_quietly(&Tmsg::Clunk { fid })?)
            }
            Part::Exec => Ok(()),
        }
    }

    /// What became of it, once that is known for good.
    pub(crate) fn verdict(&self) -> Option<Verdict> {
        if self.is_void {
            let ename = self.refusal.clone().unwrap_or_default();
            return Some(match Ename::from_text(&ename) {
                // Members of nodes that are up are all that can be had: this one is not.
                _ if self.ending.is_some() => Verdict::Stopped,
                Ename::Again if self.cut.is_none() => Verdict::Away,
                _ => Verdict::Refused(ename),
            });
        }
        if self.asked > 0 {
            return None;
        }
        let end = self.outcome.map(|outcome| outcome.end);
        Some(match (end, &self.ending) {
            (_, Some(ending)) => ending.clone(),
            (Some(End::Lost), None) => Verdict::Lost,
            (Some(End::Never(failure)), None)
                if failure.step == Step::Exec
                    && matches!(failure.ename(), Ename::Again | Ename::NoMemory) =>
            {
                Verdict::Refused("the node has no room for it".to_owned())
            }
            (Some(End::Never(failure)), None)
                if matches!(failure.ename(), Ename::HostDown | Ename::TimedOut)
                    && failure.step == Step::Exec =>
            {
                Verdict::Lost
            }
            (Some(end), None) if self.cut.is_none() => Verdict::Ended(end),
            // Its output was cut off with its node: nothing of it was told.
            (Some(_), None) => Verdict::Lost,
            (None, None) => Verdict::Refused(self.cut.clone().unwrap_or_default()),
        })
    }

    /// What failed on our side.
    pub(crate) fn broken(&mut self) -> Option<Told> {
        self.broken.take()
    }

    /// Adds the end of the session: what still runs in it is killed.
    pub(crate) fn leave(&mut self, client: &mut Client<Asked>) -> Result<(), Told> {
        for fid in [self.streams[0], self.streams[1], self.wait, self.ctl] {
            client.ask_quietly(&Tmsg::Clunk { fid })?;
        }
        Ok(())
    }

    /// Requests that wait for their answer: with none its place is free.
    pub(crate) fn asked(&self) -> u32 {
        self.asked
    }

    /// When to look at the clock again.
    pub(crate) fn due(&self) -> Option<Instant> {
        self.kill_at.or(self.timeout_at)
    }

    /// Ends it when its time is over, and kills it when it does not end.
    pub(crate) fn look_at_clock(&mut self, client: &mut Client<Asked>, now: Instant) -> Result<(), Told> {
        if self.kill_at.is_some_and(|at| at <= now) {
            self.kill_at = None;
            self.command(client, "kill\n")?;
        }
        if self.timeout_at.is_some_and(|at| at <= now) {
            self.end(client, Verdict::TimedOut, "signal TERM\n")?;
        }
        Ok(())
    }

    /// Asks it to end by a ctl line.
    pub(crate) fn end(&mut self, client: &mut Client<Asked>, why: Verdict, line: &str) -> Result<(), Told> {
        self.timeout_at = None;
        if self.ending.is_none() {
            self.ending = Some(why);
            self.kill_at = Instant::now().checked_add(GRACE);
        }
        self.command(client, line)
    }

    fn command(&self, client: &mut Client<Asked>, line: &str) -> Result<(), Told> {
        Ok(client.ask_quietly(&Tmsg::Write { fid: self.ctl, offset: 0, data: line.as_bytes() })?)
    }
}
