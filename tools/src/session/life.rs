//! A session on its way: one burst that makes, fills and starts it, and one loop until all of it is printed.
//!
//! The loop waits for the node, our stdin, our outputs, a signal and the time; none of them holds up another.
//! `answers` has what becomes of each answer of the node.

use super::asked::{Asked, Node, Which};
use super::ending::{Due, Ending, GRACE, Why};
use super::input::{Input, Read};
use super::outcome::Outcomes;
use super::plan::{Manner, Plan};
use super::streams::Stream;
use super::terminal::{self, Leave, Raw};
use crate::exit::{LOST, Told};
use crate::signal::Signals;
use client::{PIECE, Wait, piece};
use protocol::message::{Fid, Tmsg};
use std::io::{self, ErrorKind};
use std::time::Instant;

/// How far a session is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Stage {
    /// The write of `exec` is not answered yet.
    Starting,
    Running,
    /// Every member has its outcome.
    Ended,
    /// What was kept until the end is on its way out.
    LetOut,
    /// Nothing was started.
    Void,
}

/// Whether output went with a node whose members had told their outcomes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Cut {
    No,
    Seen,
    Asked,
    Told,
}

/// A terminal here, whose keys go to the one member.
struct Typed {
    /// Finds the way out among them.
    leave: Leave,
    /// They are passed on as they are typed, until it goes.
    raw: Option<Raw>,
}

/// A session and all that is read of it.
pub(crate) struct Session<'a> {
    pub(super) node: &'a mut Node,
    pub(super) ctl: Fid,
    wait: Fid,
    pub(super) streams: [Stream; 2],
    pub(super) input: Option<Input>,
    pub(super) outcomes: Outcomes,
    pub(super) stage: Stage,
    pub(super) ending: Ending,
    pub(super) cut: Cut,
    /// What the node said first when it refused something.
    pub(super) refusal: Option<String>,
    /// The session's info, after a refused `exec`.
    pub(super) info: String,
    pub(super) program: String,
    pub(super) manner: Manner,
    typed: Option<Typed>,
}

impl<'a> Session<'a> {
    /// Sends everything up to `exec` and the first reads as one burst.
    pub(crate) fn start(node: &'a mut Node, plan: &Plan) -> Result<Self, Told> {
        let ctl = node.ask_session(Asked::Step, &plan.env, plan.args.as_bytes())?;
        let mut lines = plan.lines.as_bytes();
        while lines.len() > PIECE {
            // What does not fit one write must be known to be accepted before anything runs.
            let data = piece(lines, PIECE);
            node.write(ctl, data).map_err(|e| format!("unable to set the job up: {e}"))?;
            lines = &lines[data.len()..];
        }
        let end: &[u8] = if plan.input { b"exec\n" } else { b"exec\nclose stdin\n" };
        let data = &[lines, end].concat();
        node.ask(Asked::Exec, &Tmsg::Write { fid: ctl, offset: 0, data })?;
        let input = if plan.input { Some(Input::open(node, ctl)?) } else { None };
        let mut session = Self::over(node, ctl, plan.fold, &plan.program)?;
        session.stage = Stage::Starting;
        session.manner = plan.manner;
        session.ending = Ending::after(plan.timeout);
        session.input = input;
        session.node.send()?;
        Ok(session)
    }

    /// Begins to follow a session that is there.
    pub(crate) fn follow(node: &'a mut Node, name: &str) -> Result<Self, Told> {
        let ctl = node.open(&format!("{name}/ctl"), 1)?;
        Self::over(node, ctl, false, name)
    }

    fn over(node: &'a mut Node, ctl: Fid, fold: bool, program: &str) -> Result<Self, Told> {
        let wait = node.ask_open(Asked::Step, ctl, &["..", "wait"], 0)?;
        ask_wait(node, wait)?;
        let mut stream = |which| Stream::open(node, ctl, which, fold);
        let streams = [stream(Which::Stdout)?, stream(Which::Stderr)?];
        Ok(Self {
            node,
            ctl,
            wait,
            streams,
            input: None,
            outcomes: Outcomes::default(),
            stage: Stage::Running,
            ending: Ending::default(),
            cut: Cut::No,
            refusal: None,
            info: String::new(),
            program: program.to_owned(),
            manner: Manner::Run,
            typed: None,
        })
    }

    /// Runs a session that is typed at here, to its end: the exit code. `~.` leaves it.
    pub(crate) fn type_at(node: &mut Node, plan: &Plan) -> Result<i32, Told> {
        let mut signals = Signals::of_terminal()?;
        let mut session = Session::start(node, plan)?;
        session.typed = Some(Typed { leave: Leave::default(), raw: Raw::new()? });
        session.finish(&mut signals)
    }

    /// Runs until all is printed: the exit code.
    pub(crate) fn finish(mut self, signals: &mut Signals) -> Result<i32, Told> {
        let code = self.serve(signals);
        // A ctl that is clunked leaves no orphan, whatever the link does then.
        if self.node.ask_quietly(&Tmsg::Clunk { fid: self.ctl }).is_ok() {
            self.node.send_now();
        }
        code
    }

    fn serve(&mut self, signals: &mut Signals) -> Result<i32, Told> {
        loop {
            while self.take()? {}
            if self.stage == Stage::Void {
                return Ok(self.manner.own());
            }
            if self.is_over()? {
                self.let_out()?;
                if self.streams.iter().all(|stream| !stream.out.is_blocked()) {
                    return Ok(self.tell());
                }
            }
            self.node.send()?;
            if self.pause(signals)? {
                self.untyped();
                eprintln!("uem: given up; members may still be ending");
                return Ok(self.code());
            }
        }
    }

    pub(super) fn ask_wait(&mut self) -> Result<(), Told> {
        ask_wait(self.node, self.wait)
    }

    /// Every outcome and all output has come, and why some was cut.
    fn is_over(&mut self) -> Result<bool, Told> {
        let has_ended = matches!(self.stage, Stage::Ended | Stage::LetOut);
        let is_over = has_ended && self.streams.iter().all(Stream::is_over);
        if is_over && self.cut == Cut::Seen {
            self.cut = Cut::Asked;
            self.ask_text(Asked::Cut, "error")?;
        }
        Ok(is_over && self.cut != Cut::Asked)
    }

    /// Asks for a short text of the session.
    pub(super) fn ask_text(&mut self, asked: Asked, name: &str) -> Result<(), Told> {
        let fid = self.node.ask_open(Asked::Step, self.ctl, &["..", name], 0)?;
        Ok(self.node.ask(asked, &Tmsg::Read { fid, offset: 0, count: 4096 })?)
    }

    /// All has come: what was kept is let out, once.
    fn let_out(&mut self) -> Result<(), Told> {
        if self.stage == Stage::LetOut {
            return Ok(());
        }
        self.stage = Stage::LetOut;
        let members = &self.outcomes.members;
        let node = |m: u32| members.get(&m).map_or(m.to_string(), |(node, _)| node.clone());
        let written = self.streams.each_mut().map(|stream| stream.out.finish(node));
        Which::BOTH.into_iter().zip(written).try_for_each(|(which, written)| self.written(which, written))
    }

    /// Waits for whatever comes first and does what it asks for; true to give up at once.
    fn pause(&mut self, signals: &mut Signals) -> Result<bool, Told> {
        let wants_input = self.stage == Stage::Running && self.ending.why().is_none();
        let typed = self.input.as_ref().filter(|_| wants_input).and_then(Input::fd);
        let mut wait = Wait::until(self.ending.next());
        let node = self.node.watch(&mut wait);
        let signal = wait.readable(Some(signals.fd()));
        let input = wait.readable(typed);
        let outputs = self.streams.each_ref().map(|stream| wait.writable(stream.out.poll_fd()));
        wait.wait().map_err(|e| format!("unable to wait: {e}"))?;
        self.node.serve(&wait, node)?;
        if wait.is_ready(signal)
            && let Some(signal) = signals.next()
            && self.take_signal(signal)?
        {
            return Ok(true);
        }
        if wait.is_ready(input) {
            self.read_input()?;
        }
        for (which, output) in Which::BOTH.into_iter().zip(outputs) {
            if wait.is_ready(output) {
                let written = self.streams[which as usize].out.flush();
                self.written(which, written)?;
            }
        }
        self.look_at_clock()
    }

    /// ^C asks the members to end; a second one gives up at once.
    fn take_signal(&mut self, signal: i32) -> Result<bool, Told> {
        if signal == libc::SIGWINCH {
            return self.command(&terminal::winsize()).map(|()| false);
        }
        if matches!(self.ending.why(), Some(Why::Signalled(_))) {
            return Ok(true);
        }
        if self.manner == Manner::Run {
            let grace = GRACE.as_secs();
            eprintln!("uem: ending the members, with SIGKILL in {grace} s; ^C again gives up at once");
        }
        self.end(Why::Signalled(signal), &format!("signal {signal}\n")).map(|()| false)
    }

    /// Does what is due; true to give up.
    fn look_at_clock(&mut self) -> Result<bool, Told> {
        while let Some(due) = self.ending.due(Instant::now()) {
            match due {
                Due::GiveUp => return Ok(true),
                Due::Kill => self.command("kill\n")?,
                Due::TimeOut => {
                    eprintln!("uem: time is over; ending the members");
                    self.end(Why::TimedOut, "signal TERM\n")?;
                }
            }
        }
        Ok(false)
    }

    /// Asks the members to end.
    pub(super) fn end(&mut self, why: Why, line: &str) -> Result<(), Told> {
        self.ending.begin(why, Instant::now());
        self.command(line)
    }

    pub(super) fn command(&mut self, line: &str) -> Result<(), Told> {
        let write = Tmsg::Write { fid: self.ctl, offset: 0, data: line.as_bytes() };
        Ok(self.node.ask(Asked::Command, &write)?)
    }

    fn read_input(&mut self) -> Result<(), Told> {
        let Some(input) = &mut self.input else { return Ok(()) };
        match input.read() {
            Ok(Read::Bytes(count)) => {
                let leave = self.typed.as_mut().map(|typed| &mut typed.leave);
                if leave.is_some_and(|leave| leave.is_meant(input.last(count))) {
                    self.ending.leave(Instant::now());
                    return self.end(Why::Signalled(libc::SIGHUP), "signal HUP\n");
                }
            }
            Ok(Read::Nothing | Read::End) => {}
            Err(error) => eprintln!("uem: stdin: {error}"),
        }
        self.pass_input()
    }

    /// Sends on what is held of our stdin, or its end behind all of it.
    pub(super) fn pass_input(&mut self) -> Result<(), Told> {
        let Some(input) = &mut self.input else { return Ok(()) };
        if input.is_over() {
            self.input = None;
            return self.command("close stdin\n");
        }
        Ok(input.ask(self.node)?)
    }

    /// A write of ours to our own output went well, or did not.
    pub(super) fn written(&mut self, which: Which, written: io::Result<()>) -> Result<(), Told> {
        let stream = &mut self.streams[which as usize];
        let Err(error) = written else { return Ok(stream.ask(self.node)?) };
        stream.out.give_up();
        let why = match error.kind() {
            ErrorKind::BrokenPipe => Why::Closed,
            _ => {
                eprintln!("uem: {}: {error}", which.name());
                Why::Broken
            }
        };
        stream.ask(self.node)?;
        if self.ending.why().is_some() { Ok(()) } else { self.end(why, "kill\n") }
    }

    /// The member has a terminal: it is told of this one's size, which may have changed meanwhile.
    pub(super) fn tell_size(&mut self) -> Result<(), Told> {
        let is_typed = self.typed.as_ref().is_some_and(|typed| typed.raw.is_some());
        if is_typed { self.command(&terminal::winsize()) } else { Ok(()) }
    }

    /// The terminal is as it was; true if that is a change.
    pub(super) fn leave_terminal(&mut self) -> bool {
        self.typed.as_mut().and_then(|typed| typed.raw.take()).is_some()
    }

    /// Before this program has a say of its own, on a line of its own.
    fn untyped(&mut self) {
        if self.leave_terminal() {
            eprintln!();
        }
    }

    fn code(&self) -> i32 {
        let is_ssh = self.manner == Manner::Ssh;
        match self.ending.why() {
            Some(why) => why.code(self.manner.own()),
            None if is_ssh && self.outcomes.any_never_ran() => self.manner.own(),
            None if self.cut != Cut::No => LOST,
            None => self.outcomes.code(),
        }
    }

    /// Prints how it went: the exit code.
    fn tell(&mut self) -> i32 {
        let why = self.ending.why();
        let is_ssh = self.manner == Manner::Ssh;
        let is_plain = why.is_none() && is_ssh && self.outcomes.all_ended_by_themselves();
        if why != Some(Why::Closed) && !is_plain {
            self.untyped();
        }
        match (why, &self.refusal) {
            (Some(Why::Closed), _) => {}
            (Some(Why::Broken), Some(refusal)) => eprintln!("uem: {refusal}"),
            _ if is_plain => {}
            _ => self.outcomes.failures(&self.program).iter().for_each(|line| eprintln!("uem: {line}")),
        }
        self.code()
    }
}

fn ask_wait(node: &mut Node, wait: Fid) -> Result<(), Told> {
    let count = node.payload();
    Ok(node.ask(Asked::Wait, &Tmsg::Read { fid: wait, offset: 0, count })?)
}
