//! A job on its way: one burst that makes, fills and starts a session, and one loop until all of it is told.
//!
//! The loop waits for the node, our stdin, our outputs, a signal and the time; none of them holds up another.

use crate::client::{Asked, Client, PIECE, Told, piece};
use crate::hear::{Heard, Stream, hear};
use crate::outcome::{self, Outcomes};
use crate::output::Output;
use crate::plan::{Manner, Plan};
use crate::signal::Signals;
use crate::terminal::{self, Leave, Raw};
use protocol::message::{Fid, Tmsg};
use std::io::{self, ErrorKind};
use std::time::{Duration, Instant};

/// Bytes of standard input that are on their way at once.
const INPUT: usize = 64 * 1024;
/// Reads of each output that are out at once.
const READS: usize = 2;
/// Most bytes that one of them asks for.
const READ: u32 = 256 * 1024;
/// Between asking members to end and killing them.
const GRACE: Duration = Duration::from_secs(1);
/// Between killing them and not waiting any more for those that do not end.
const LAST: Duration = Duration::from_secs(10);

/// Why members are being ended.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Ending {
    No,
    /// We got this signal.
    Signalled(i32),
    TimedOut,
    /// Nobody reads our output any more.
    Closed,
    /// Something failed on our side, and was told.
    Broken,
}

/// Whether output went with a node whose members had told their outcomes.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Cut {
    No,
    Seen,
    Asked,
    Told,
}

/// Our stdin on its way to the members.
struct Input {
    fid: Fid,
    left: Vec<u8>,
    asked: bool,
}

/// A session and all that is read of it.
pub(crate) struct Job<'a> {
    client: &'a mut Client,
    ctl: Fid,
    wait: Fid,
    streams: [Stream; 2],
    input: Option<Input>,
    outcomes: Outcomes,
    /// The write of `exec` is not answered yet.
    starting: bool,
    /// Every member has its outcome.
    ended: bool,
    /// What was kept until the end is on its way out.
    finished: bool,
    /// What the node said first when it refused something.
    refusal: Option<String>,
    /// The session's info, after a refused `exec`.
    info: String,
    /// Nothing was started.
    is_void: bool,
    cut: Cut,
    ending: Ending,
    kill_at: Option<Instant>,
    give_up_at: Option<Instant>,
    program: String,
    manner: Manner,
    /// Keys are typed for it here.
    leave: Option<Leave>,
    /// And are passed on as they are typed.
    raw: Option<Raw>,
}

impl<'a> Job<'a> {
    /// Sends everything up to `exec` and the first reads as one burst.
    pub(crate) fn start(client: &'a mut Client, plan: &Plan, fold: bool) -> Result<Self, Told> {
        let ctl = client.ask_session(&plan.env, plan.args.as_bytes())?;
        let mut lines = plan.lines.as_bytes();
        while lines.len() > PIECE {
            // What does not fit one write must be known to be accepted before anything runs.
            let data = piece(lines, PIECE);
            client.write(ctl, data).map_err(|e| format!("unable to set the job up: {e}"))?;
            lines = &lines[data.len()..];
        }
        let end: &[u8] = if plan.input { b"exec\n" } else { b"exec\nclose stdin\n" };
        let data = &[lines, end].concat();
        client.ask(Asked::Exec, &Tmsg::Write { fid: ctl, offset: 0, data })?;
        let stdin = if plan.input { Some(client.ask_open(ctl, &["..", "stdin"], 1)?) } else { None };
        let mut job = Self::follow(client, ctl, fold, &plan.program)?;
        job.starting = true;
        job.manner = plan.manner;
        job.input = stdin.map(|fid| Input { fid, left: Vec::new(), asked: false });
        job.client.send()?;
        Ok(job)
    }

    /// Begins to read a session that is there and whose ctl is open.
    pub(crate) fn follow(client: &'a mut Client, ctl: Fid, fold: bool, program: &str) -> Result<Self, Told> {
        let wait = client.ask_open(ctl, &["..", "wait"], 0)?;
        let mut stream = |name, fd| {
            let fid = client.ask_open(ctl, &["..", name], 0)?;
            Ok::<_, Told>(Stream { fid, asked: 0, over: false, out: Output::new(fd, fold) })
        };
        let streams = [stream("stdout", libc::STDOUT_FILENO)?, stream("stderr", libc::STDERR_FILENO)?];
        let mut job = Self {
            client,
            ctl,
            wait,
            streams,
            input: None,
            outcomes: Outcomes::default(),
            starting: false,
            ended: false,
            finished: false,
            refusal: None,
            info: String::new(),
            is_void: false,
            cut: Cut::No,
            ending: Ending::No,
            kill_at: None,
            give_up_at: None,
            program: program.to_owned(),
            manner: Manner::Run,
            leave: None,
            raw: None,
        };
        job.ask_wait()?;
        job.ask_output(0)?;
        job.ask_output(1)?;
        Ok(job)
    }

    fn ask_wait(&mut self) -> Result<(), Told> {
        let count = self.client.payload();
        self.client.ask(Asked::Wait, &Tmsg::Read { fid: self.wait, offset: 0, count })
    }

    /// Reads on, unless our own reader is behind: then the members' pipes hold the rest.
    fn ask_output(&mut self, at: usize) -> Result<(), Told> {
        let count = self.client.payload().min(READ);
        let stream = &mut self.streams[at];
        while stream.asked < READS && !stream.over && !stream.out.is_blocked() {
            stream.asked += 1;
            self.client.ask(Asked::Output(at), &Tmsg::Read { fid: stream.fid, offset: 0, count })?;
        }
        Ok(())
    }

    /// Runs a job that is typed at here, to its end: the exit code. `~.` leaves it.
    pub(crate) fn type_at(client: &mut Client, plan: &Plan) -> Result<i32, Told> {
        let mut signals = Signals::of_terminal()?;
        let mut job = Job::start(client, plan, false)?;
        (job.leave, job.raw) = (Some(Leave::default()), Raw::new()?);
        job.finish(&mut signals, plan.timeout)
    }

    /// Before this program has a say of its own, on a line of its own.
    fn untyped(&mut self) {
        if self.raw.take().is_some() {
            eprintln!();
        }
    }

    /// Runs until all is told: the exit code.
    pub(crate) fn finish(mut self, signals: &mut Signals, timeout: Option<Duration>) -> Result<i32, Told> {
        let end = timeout.and_then(|timeout| Instant::now().checked_add(timeout));
        let code = self.serve(signals, end);
        // A ctl that is clunked leaves no orphan, whatever the link does then.
        if self.client.ask(Asked::Command, &Tmsg::Clunk { fid: self.ctl }).is_ok() {
            self.client.send_at_once();
        }
        code
    }

    fn serve(&mut self, signals: &mut Signals, end: Option<Instant>) -> Result<i32, Told> {
        loop {
            while self.take()? {}
            if self.is_void {
                return Ok(self.manner.own());
            }
            if self.is_over()? {
                self.let_out()?;
                if self.streams.iter().all(|stream| !stream.out.is_blocked()) {
                    return Ok(self.tell());
                }
            }
            self.client.send()?;
            if self.pause(signals, end)? {
                self.untyped();
                eprintln!("uem: given up; members may still be ending");
                return Ok(self.code());
            }
        }
    }

    /// Every outcome and all output has come, and why some was cut.
    fn is_over(&mut self) -> Result<bool, Told> {
        let over = self.ended && self.streams.iter().all(|stream| stream.over);
        if over && self.cut == Cut::Seen {
            self.cut = Cut::Asked;
            let fid = self.client.ask_open(self.ctl, &["..", "error"], 0)?;
            self.client.ask(Asked::Cut, &Tmsg::Read { fid, offset: 0, count: 4096 })?;
        }
        Ok(over && self.cut != Cut::Asked)
    }

    /// All has come: what was kept is let out, once.
    fn let_out(&mut self) -> Result<(), Told> {
        if self.finished {
            return Ok(());
        }
        self.finished = true;
        let members = &self.outcomes.members;
        let node = |m: u32| members.get(&m).map_or(m.to_string(), |(node, _)| node.clone());
        let written = self.streams.each_mut().map(|stream| stream.out.finish(node));
        for (at, written) in written.into_iter().enumerate() {
            self.written(at, written)?;
        }
        Ok(())
    }

    /// Waits for whatever comes first and does what it asks for; true to give up at once.
    fn pause(&mut self, signals: &mut Signals, end: Option<Instant>) -> Result<bool, Told> {
        let wants_input = !self.starting && !self.ended && self.ending == Ending::No;
        let wants_input =
            wants_input && self.input.as_ref().is_some_and(|input| input.left.is_empty() && !input.asked);
        let poll = |fd, events| libc::pollfd { fd, events, revents: 0 };
        let [stdout, stderr] = self.streams.each_ref().map(|stream| stream.out.poll_fd());
        let mut extra = [
            poll(signals.fd(), libc::POLLIN),
            poll(if wants_input { libc::STDIN_FILENO } else { -1 }, libc::POLLIN),
            poll(stdout, libc::POLLOUT),
            poll(stderr, libc::POLLOUT),
        ];
        let end = end.filter(|_| self.ending == Ending::No);
        let due = [end, self.kill_at, self.give_up_at].into_iter().flatten().min();
        let left = due.map(|at| at.saturating_duration_since(Instant::now()));
        self.client.pause(&mut extra, left)?;
        if extra[0].revents != 0
            && let Some(signal) = signals.next()
        {
            if signal == libc::SIGWINCH {
                self.command(&terminal::winsize())?;
                return Ok(false);
            }
            if matches!(self.ending, Ending::Signalled(_)) {
                return Ok(true);
            }
            if self.manner == Manner::Run {
                eprintln!(
                    "uem: ending the members, with SIGKILL in {} s; ^C again gives up at once",
                    GRACE.as_secs()
                );
            }
            self.end(Ending::Signalled(signal), &format!("signal {signal}\n"))?;
        }
        if extra[1].revents != 0 {
            self.read_input()?;
        }
        for at in [0, 1] {
            if extra[2 + at].revents != 0 {
                let written = self.streams[at].out.flush();
                self.written(at, written)?;
                self.ask_output(at)?;
            }
        }
        self.look_at_clock(end)
    }

    /// Does what is due; true to give up.
    fn look_at_clock(&mut self, end: Option<Instant>) -> Result<bool, Told> {
        let now = Instant::now();
        if self.give_up_at.is_some_and(|at| at <= now) {
            return Ok(true);
        }
        if self.kill_at.is_some_and(|at| at <= now) {
            self.kill_at = None;
            self.command("kill\n")?;
            self.give_up_at = self.give_up_at.or(now.checked_add(LAST));
        }
        if end.is_some_and(|at| at <= now) && self.ending == Ending::No {
            eprintln!("uem: time is over; ending the members");
            self.end(Ending::TimedOut, "signal TERM\n")?;
        }
        Ok(false)
    }

    fn end(&mut self, why: Ending, line: &str) -> Result<(), Told> {
        self.ending = why;
        self.kill_at = Instant::now().checked_add(GRACE);
        self.command(line)
    }

    fn command(&mut self, line: &str) -> Result<(), Told> {
        self.client.ask(Asked::Command, &Tmsg::Write { fid: self.ctl, offset: 0, data: line.as_bytes() })
    }

    fn read_input(&mut self) -> Result<(), Told> {
        let Some(input) = &mut self.input else { return Ok(()) };
        input.left.resize(INPUT, 0);
        // SAFETY: the pointer and length describe `left`, which outlives the call.
        let got = unsafe { libc::read(libc::STDIN_FILENO, input.left.as_mut_ptr().cast(), INPUT) };
        input.left.truncate(got.max(0) as usize);
        if got > 0 {
            if self.leave.as_mut().is_some_and(|leave| leave.is_meant(&input.left)) {
                // Whoever leaves does not wait for what is silent.
                self.give_up_at = Instant::now().checked_add(2 * GRACE);
                return self.end(Ending::Signalled(libc::SIGHUP), "signal HUP\n");
            }
            return self.write_input();
        }
        if got < 0 {
            let error = io::Error::last_os_error();
            if matches!(error.kind(), ErrorKind::Interrupted | ErrorKind::WouldBlock) {
                return Ok(());
            }
            eprintln!("uem: stdin: {error}");
        }
        self.input = None;
        self.command("close stdin\n")
    }

    fn write_input(&mut self) -> Result<(), Told> {
        let Some(input) = &mut self.input else { return Ok(()) };
        if input.left.is_empty() {
            return Ok(());
        }
        input.asked = true;
        self.client.ask(Asked::Stdin, &Tmsg::Write { fid: input.fid, offset: 0, data: &input.left })
    }

    /// Takes one answer; false when there is none.
    fn take(&mut self) -> Result<bool, Told> {
        let (streams, outcomes) = (&mut self.streams, &mut self.outcomes);
        let Some(heard) = self.client.next(|reply| hear(&reply, streams, outcomes))? else {
            return Ok(false);
        };
        match heard {
            Heard::Nothing => {}
            Heard::Started => {
                self.starting = false;
                // It may have changed while there was no terminal yet.
                if self.raw.is_some() {
                    self.command(&terminal::winsize())?;
                }
            }
            Heard::Refused(ename) => self.refused(ename)?,
            Heard::StepRefused(ename) => {
                self.refusal.get_or_insert(format!("unable to set the job up: {ename}"));
                if self.ending == Ending::No {
                    self.end(Ending::Broken, "kill\n")?;
                }
            }
            Heard::WaitRefused(ename) => {
                self.ended = true;
                self.refusal.get_or_insert(format!("unable to wait for the members: {ename}"));
                self.ending = Ending::Broken;
            }
            Heard::Ends(true) => self.ask_wait()?,
            Heard::Ends(false) => return Err("the node sent an outcome that is none".to_owned()),
            Heard::AllEnded => self.ended = true,
            Heard::InputTaken(0) => {
                // Nobody reads it any more.
                self.input = None;
            }
            Heard::InputTaken(count) => {
                if let Some(input) = &mut self.input {
                    input.asked = false;
                    input.left.drain(..count);
                }
                self.write_input()?;
            }
            Heard::Written(at, written) => {
                self.written(at, written)?;
                self.ask_output(at)?;
            }
            Heard::OutputCut => self.cut = Cut::Seen,
            Heard::Explained(error) => {
                self.cut = Cut::Told;
                outcome::cuts(&error).iter().for_each(|line| eprintln!("uem: {line}"));
            }
            Heard::Looked(0, info) => self.info = info,
            Heard::Looked(_, error) => self.explain(&error),
        }
        Ok(true)
    }

    /// A write of ours to our own output went well, or did not.
    fn written(&mut self, at: usize, written: io::Result<()>) -> Result<(), Told> {
        let Err(error) = written else { return Ok(()) };
        self.streams[at].out.give_up();
        let why = match error.kind() {
            ErrorKind::BrokenPipe => Ending::Closed,
            _ => {
                eprintln!("uem: {}: {error}", ["stdout", "stderr"][at]);
                Ending::Broken
            }
        };
        if self.ending != Ending::No {
            return Ok(());
        }
        self.end(why, "kill\n")
    }

    /// `exec` was refused: asks whether anything runs, and why not.
    fn refused(&mut self, ename: String) -> Result<(), Told> {
        self.starting = false;
        self.refusal.get_or_insert(ename);
        for (at, name) in ["info", "error"].into_iter().enumerate() {
            let fid = self.client.ask_open(self.ctl, &["..", name], 0)?;
            self.client.ask(Asked::Look(at), &Tmsg::Read { fid, offset: 0, count: 4096 })?;
        }
        Ok(())
    }

    /// Tells why nothing was started; what was started tells for itself how it ends.
    fn explain(&mut self, error: &str) {
        // The terminal is as it was: nothing was seen on it.
        self.raw = None;
        let runs = self.info.lines().find_map(|line| line.strip_prefix("state="));
        if !matches!(runs, None | Some("open" | "reserved")) {
            return;
        }
        self.is_void = true;
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

    fn code(&self) -> i32 {
        match self.ending {
            Ending::Signalled(libc::SIGINT) => outcome::INTERRUPTED,
            Ending::Signalled(signal) => 128 + signal,
            Ending::TimedOut => outcome::TIMEOUT,
            Ending::Closed => 128 + libc::SIGPIPE,
            Ending::Broken => self.manner.own(),
            Ending::No if self.manner == Manner::Ssh && self.outcomes.any_never_ran() => self.manner.own(),
            Ending::No if self.cut != Cut::No => self.outcomes.code().max(outcome::LOST),
            Ending::No => self.outcomes.code(),
        }
    }

    fn tell(&mut self) -> i32 {
        let is_ssh = self.manner == Manner::Ssh;
        let is_plain = self.ending == Ending::No && is_ssh && self.outcomes.all_ended_by_themselves();
        if self.ending != Ending::Closed && !is_plain {
            self.untyped();
        }
        match (self.ending, &self.refusal) {
            (Ending::Closed, _) => {}
            (Ending::Broken, Some(refusal)) => eprintln!("uem: {refusal}"),
            _ if is_plain => {}
            _ => self.outcomes.failures(&self.program).iter().for_each(|line| eprintln!("uem: {line}")),
        }
        self.code()
    }
}
