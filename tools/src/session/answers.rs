//! What becomes of each answer of the node to what a session's life has asked.

use super::asked::{Asked, Which};
use super::ending::Why;
use super::life::{Cut, Session, Stage};
use super::outcome::{self, Outcomes};
use super::plan::Manner;
use super::streams::{Came, Stream};
use crate::exit::Told;
use protocol::client::Reply;
use protocol::message::Rmsg;

/// What an answer was, with its bytes where they go.
enum Heard {
    Nothing,
    Started,
    ExecRefused(String),
    StepRefused(String),
    WaitRefused(String),
    /// Records of `wait`, and whether they make sense.
    Ends(bool),
    AllEnded,
    InputTaken(usize),
    Output(Which, Came),
    Info(String),
    Why(String),
    /// The session's `error`, where it says whose output was cut.
    Cut(String),
}

fn hear(reply: &Reply<'_, Asked>, streams: &mut [Stream; 2], outcomes: &mut Outcomes) -> Heard {
    let refusal = if let Rmsg::Error { ename } = reply.answer { Some(ename.to_owned()) } else { None };
    let data = if let Rmsg::Read { data } = reply.answer { data } else { &[] };
    let text = || String::from_utf8_lossy(data).into_owned();
    match (reply.token, refusal) {
        (Asked::Command, _) | (Asked::Step, None) => Heard::Nothing,
        (Asked::Step, Some(ename)) => Heard::StepRefused(ename),
        (Asked::Exec, None) => Heard::Started,
        (Asked::Exec, Some(ename)) => Heard::ExecRefused(ename),
        (Asked::Wait, Some(ename)) => Heard::WaitRefused(ename),
        (Asked::Wait, None) if data.is_empty() => Heard::AllEnded,
        (Asked::Wait, None) => Heard::Ends(std::str::from_utf8(data).is_ok_and(|text| outcomes.take(text))),
        (Asked::Stdin, _) => match reply.answer {
            Rmsg::Write { count } => Heard::InputTaken(count as usize),
            _ => Heard::InputTaken(0),
        },
        (Asked::Output(which), _) => Heard::Output(which, streams[which as usize].take(&reply.answer)),
        (Asked::Info, _) => Heard::Info(text()),
        (Asked::Why, _) => Heard::Why(text()),
        (Asked::Cut, _) => Heard::Cut(text()),
    }
}

impl Session<'_> {
    /// Takes one answer; false when there is none.
    pub(super) fn take(&mut self) -> Result<bool, Told> {
        let (streams, outcomes) = (&mut self.streams, &mut self.outcomes);
        let Some(heard) = self.node.next(|reply| hear(&reply, streams, outcomes))? else {
            return Ok(false);
        };
        match heard {
            Heard::Nothing => {}
            Heard::Started => {
                self.started();
                self.tell_size()?;
            }
            Heard::ExecRefused(ename) => {
                self.started();
                self.refusal.get_or_insert(ename);
                // Whether anything runs nevertheless, and why not.
                self.ask_text(Asked::Info, "info")?;
                self.ask_text(Asked::Why, "error")?;
            }
            Heard::StepRefused(ename) => {
                self.refusal.get_or_insert(format!("unable to set the job up: {ename}"));
                if self.ending.why().is_none() {
                    self.end(Why::Broken, "kill\n")?;
                }
            }
            Heard::WaitRefused(ename) => {
                self.stage = Stage::Ended;
                self.refusal.get_or_insert(format!("unable to wait for the members: {ename}"));
                self.ending.note(Why::Broken);
            }
            Heard::Ends(true) => self.ask_wait()?,
            Heard::Ends(false) => return Err("the node sent a malformed outcome".to_owned()),
            Heard::AllEnded => self.stage = Stage::Ended,
            // Nobody reads it any more.
            Heard::InputTaken(0) => self.input = None,
            Heard::InputTaken(count) => {
                if let Some(input) = &mut self.input {
                    input.taken(count);
                }
                self.pass_input()?;
            }
            Heard::Output(which, Came::Passed(written)) => self.written(which, written)?,
            Heard::Output(_, Came::Cut) => self.cut = Cut::Seen,
            Heard::Info(info) => self.info = info,
            Heard::Why(error) => self.explain(&error),
            Heard::Cut(error) => {
                self.cut = Cut::Told;
                outcome::cuts(&error).iter().for_each(|line| eprintln!("uem: {line}"));
            }
        }
        Ok(true)
    }

    fn started(&mut self) {
        if self.stage == Stage::Starting {
            self.stage = Stage::Running;
        }
    }

    /// Says why nothing was started; what was started says for itself how it ends.
    fn explain(&mut self, error: &str) {
        // Nothing was seen on it.
        self.leave_terminal();
        let runs = self.info.lines().find_map(|line| line.strip_prefix("state="));
        if !matches!(runs, None | Some("open" | "reserved")) {
            return;
        }
        self.stage = Stage::Void;
        let reason =
            error.lines().next().and_then(outcome::reason).or(self.refusal.as_deref()).unwrap_or("refused");
        match self.manner {
            Manner::Run => eprintln!("uem: {reason}"),
            // The one node that was asked for.
            Manner::Ssh if reason == "res: 0 of 1" => {
                eprintln!("uem: {}: no such node, or it is not up; see uem summary", self.program);
            }
            Manner::Ssh => eprintln!("uem: {}: {reason}", self.program),
        }
    }
}
