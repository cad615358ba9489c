//! A job on its way: one burst that makes, fills and starts a session, and one loop until all of it is told.

use crate::client::{Client, Told};
use crate::outcome::{self, Outcomes};
use crate::output::Output;
use protocol::message::{Fid, Rmsg, Tag, Tmsg};
use std::io::{self, ErrorKind};
use std::os::fd::RawFd;
use std::time::{Duration, Instant};

/// Bytes of standard input that are on their way at once.
const INPUT: usize = 64 * 1024;
/// Reads of each output that are out at once.
const READS: usize = 2;
/// Between asking members to end and killing them.
const GRACE: Duration = Duration::from_secs(1);

/// What to start.
pub(crate) struct Plan {
    /// Ctl lines before `exec`.
    pub(crate) lines: String,
    /// What goes to `args`.
    pub(crate) args: String,
    /// What goes to `env`.
    pub(crate) env: Vec<u8>,
    /// Standard input goes to the members.
    pub(crate) input: bool,
    /// How long it may take.
    pub(crate) timeout: Option<Duration>,
    /// Said when it cannot be found.
    pub(crate) program: String,
}

/// Why members are being ended.
#[derive(Clone, Copy, PartialEq)]
enum Ending {
    No,
    Interrupted,
    TimedOut,
    /// Nobody reads our output any more.
    Closed,
}

/// A session and all that is read of it.
pub(crate) struct Job<'a> {
    client: &'a mut Client,
    ctl: Fid,
    exec: Option<Tag>,
    /// The write of exec was refused.
    refused: bool,
    wait: (Fid, Option<Tag>),
    streams: [(Fid, Vec<Tag>, bool); 2],
    outputs: [Output; 2],
    stdin: Option<(Fid, Vec<u8>, Option<Tag>)>,
    outcomes: Outcomes,
    ended: bool,
    ending: Ending,
    kill_at: Option<Instant>,
    program: String,
}

impl<'a> Job<'a> {
    /// Sends everything up to `exec` and the first reads as one burst.
    pub(crate) fn start(client: &'a mut Client, plan: &Plan, fold: bool) -> Result<Self, Told> {
        let (ctl, _) = client.ask_open(Fid(0), &["clone"], 2);
        for (file, data) in [("env", plan.env.as_slice()), ("args", plan.args.as_bytes())] {
            if data.is_empty() {
                continue;
            }
            let (fid, _) = client.ask_open(ctl, &["..", file], 1 | 0x10);
            for piece in data.chunks(client.payload.min(32 * 1024) as usize) {
                client.ask(&Tmsg::Write { fid, offset: 0, data: piece });
            }
            client.ask(&Tmsg::Clunk { fid });
        }
        let close = if plan.input { "" } else { "close stdin\n" };
        let text = format!("{}exec\n{close}", plan.lines);
        let exec = client.ask(&Tmsg::Write { fid: ctl, offset: 0, data: text.as_bytes() });
        let mut job = Self::follow(client, ctl, "..", fold, &plan.program);
        job.exec = Some(exec);
        if plan.input {
            let (fid, _) = job.client.ask_open(ctl, &["..", "stdin"], 1);
            job.stdin = Some((fid, Vec::new(), None));
        }
        job.client.send()?;
        Ok(job)
    }

    /// Begins to read a session that is there: `from` and `dir` lead to it.
    pub(crate) fn follow(client: &'a mut Client, from: Fid, dir: &str, fold: bool, program: &str) -> Self {
        let (wait, _) = client.ask_open(from, &[dir, "wait"], 0);
        let (stdout, _) = client.ask_open(from, &[dir, "stdout"], 0);
        let (stderr, _) = client.ask_open(from, &[dir, "stderr"], 0);
        let output = || if fold { Output::folded() } else { Output::Plain };
        let mut job = Self {
            client,
            ctl: from,
            exec: None,
            refused: false,
            wait: (wait, None),
            streams: [(stdout, Vec::new(), false), (stderr, Vec::new(), false)],
            outputs: [output(), output()],
            stdin: None,
            outcomes: Outcomes::default(),
            ended: false,
            ending: Ending::No,
            kill_at: None,
            program: program.to_owned(),
        };
        job.ask_wait();
        job.ask_output(0);
        job.ask_output(1);
        job
    }

    fn ask_wait(&mut self) {
        let count = self.client.payload;
        let tag = self.client.ask(&Tmsg::Read { fid: self.wait.0, offset: 0, count });
        self.wait.1 = Some(tag);
    }

    fn ask_output(&mut self, stream: usize) {
        let count = self.client.payload.min(256 * 1024);
        let (fid, tags, over) = &mut self.streams[stream];
        while tags.len() < READS && !*over {
            tags.push(self.client.ask(&Tmsg::Read { fid: *fid, offset: 0, count }));
        }
    }

    /// Runs until all is told: the exit code.
    pub(crate) fn finish(mut self, signals: RawFd, timeout: Option<Duration>) -> Result<i32, Told> {
        let end = timeout.map(|timeout| Instant::now() + timeout);
        while !self.ended || self.streams.iter().any(|(_, _, over)| !over) {
            while self.take()? {}
            self.client.send()?;
            if self.refused && self.never_started()? {
                return Ok(outcome::OWN);
            }
            if self.ended && self.streams.iter().all(|(_, _, over)| *over) {
                break;
            }
            if self.pause(signals, end)? {
                return Ok(outcome::INTERRUPTED);
            }
        }
        self.tell()
    }

    /// Waits for the node, our input, a signal or the time; true to give up at once.
    fn pause(&mut self, signals: RawFd, end: Option<Instant>) -> Result<bool, Told> {
        let wants_input = self.exec.is_none()
            && self.stdin.as_ref().is_some_and(|(_, left, tag)| left.is_empty() && tag.is_none());
        let poll = |fd| libc::pollfd { fd, events: libc::POLLIN, revents: 0 };
        let mut extra = [poll(signals), poll(if wants_input { 0 } else { -1 })];
        let due = [end, self.kill_at].into_iter().flatten().min();
        let left = due.map(|at| at.saturating_duration_since(Instant::now()));
        let wake = self.client.conn.wait(&mut extra, left).map_err(|e| e.to_string())?;
        if wake.is_ended && wake.got == 0 {
            return Err("the node hung up".to_owned());
        }
        if extra[0].revents != 0 {
            drain(signals);
            if self.ending == Ending::Interrupted {
                eprintln!("uem: given up; members may still be ending");
                return Ok(true);
            }
            eprintln!("uem: ending the members; ^C again gives up at once");
            self.end(Ending::Interrupted, "signal INT\n");
        }
        if extra[1].revents != 0 {
            self.read_input()?;
        }
        let now = Instant::now();
        if self.kill_at.is_some_and(|at| at <= now) {
            self.kill_at = None;
            self.command("kill\n");
        }
        if end.is_some_and(|at| at <= now) && self.ending == Ending::No {
            self.end(Ending::TimedOut, "signal TERM\n");
        }
        self.client.send()?;
        Ok(false)
    }

    fn end(&mut self, why: Ending, line: &str) {
        self.ending = why;
        self.kill_at = Some(Instant::now() + GRACE);
        self.command(line);
    }

    fn command(&mut self, line: &str) {
        self.client.ask(&Tmsg::Write { fid: self.ctl, offset: 0, data: line.as_bytes() });
    }

    fn read_input(&mut self) -> Result<(), Told> {
        let mut bytes = vec![0; INPUT];
        // SAFETY: the pointer and length describe `bytes`, which outlives the call.
        let got = unsafe { libc::read(0, bytes.as_mut_ptr().cast(), bytes.len()) };
        if got < 0 && io::Error::last_os_error().kind() == ErrorKind::Interrupted {
            return Ok(());
        }
        let Some((fid, left, tag)) = &mut self.stdin else { return Ok(()) };
        if got <= 0 {
            self.stdin = None;
            self.command("close stdin\n");
            return Ok(());
        }
        bytes.truncate(got as usize);
        *left = bytes;
        *tag = Some(self.client.ask(&Tmsg::Write { fid: *fid, offset: 0, data: left }));
        Ok(())
    }

    /// Takes one answer; false when there is none.
    fn take(&mut self) -> Result<bool, Told> {
        let (exec, wait) = (self.exec, self.wait.1);
        let stdin = self.stdin.as_ref().and_then(|(_, _, tag)| *tag);
        let (streams, outputs, outcomes) = (&mut self.streams, &mut self.outputs, &mut self.outcomes);
        let (mut closed, mut sound, mut ended) = (false, true, false);
        let (mut refused, mut stdin_taken, mut found) = (false, None, None);
        let taken = self.client.next(|tag, msg| {
            let refusal = matches!(msg, Rmsg::Error { .. });
            if Some(tag) == exec {
                refused = refusal;
            } else if Some(tag) == stdin {
                stdin_taken = Some(if let Rmsg::Write { count } = msg { count as usize } else { 0 });
            } else if Some(tag) == wait {
                let data = if let Rmsg::Read { data } = msg { data } else { &[] };
                sound = std::str::from_utf8(data).is_ok_and(|text| outcomes.take(text));
                ended = data.is_empty();
            } else if let Some(at) = streams.iter().position(|(_, tags, _)| tags.contains(&tag)) {
                streams[at].1.retain(|other| *other != tag);
                let data = if let Rmsg::Read { data } = msg { data } else { &[] };
                streams[at].2 |= data.is_empty();
                let written = match at {
                    0 => outputs[0].take(data, io::stdout().lock()),
                    _ => outputs[1].take(data, io::stderr().lock()),
                };
                closed = written.is_err();
                found = Some(at);
            }
            tag
        })?;
        let Some(tag) = taken else { return Ok(false) };
        if !sound {
            return Err("the node sent an outcome that is none".to_owned());
        }
        if Some(tag) == exec {
            self.exec = None;
            self.refused = refused;
        }
        if Some(tag) == wait {
            self.ended |= ended;
            self.wait.1 = None;
            if !ended {
                self.ask_wait();
            }
        }
        if let Some(count) = stdin_taken {
            self.input_taken(count);
        }
        if let Some(at) = found {
            self.ask_output(at);
        }
        if closed && self.ending == Ending::No {
            self.end(Ending::Closed, "kill\n");
        }
        Ok(true)
    }

    fn input_taken(&mut self, count: usize) {
        let Some((fid, left, tag)) = &mut self.stdin else { return };
        *tag = None;
        if count == 0 {
            // Nobody reads it any more.
            self.stdin = None;
            return;
        }
        left.drain(..count.min(left.len()));
        if !left.is_empty() {
            *tag = Some(self.client.ask(&Tmsg::Write { fid: *fid, offset: 0, data: left }));
        }
    }

    /// After a refused exec: says why, and whether nothing was started at all.
    fn never_started(&mut self) -> Result<bool, Told> {
        self.refused = false;
        if !self.outcomes.members.is_empty() {
            return Ok(false);
        }
        let read = |this: &mut Self, file: &str| -> Result<String, Told> {
            let (fid, _) = this.client.ask_open(this.ctl, &["..", file], 0);
            let count = 4096;
            let tag = this.client.ask(&Tmsg::Read { fid, offset: 0, count });
            this.client.send()?;
            this.wait_for(tag)
        };
        let info = read(self, "info")?;
        let unstarted = ["state=open", "state=reserved"].iter().any(|state| info.contains(state));
        if unstarted {
            let error = read(self, "error")?;
            let line = error.lines().next().unwrap_or("refused");
            eprintln!("uem: {}", line.split_once(' ').map_or(line, |(_, reason)| reason));
        }
        Ok(unstarted)
    }

    /// The data of one read, while the job's other answers are taken as ever.
    fn wait_for(&mut self, tag: Tag) -> Result<String, Told> {
        let end = Instant::now() + Duration::from_secs(10);
        loop {
            let bytes = self.client.conn.bytes();
            let first = protocol::message::tag_of(bytes);
            if first == Ok(tag) {
                let data = self.client.next(|_, msg| match msg {
                    Rmsg::Read { data } => String::from_utf8_lossy(data).into_owned(),
                    _ => String::new(),
                })?;
                if let Some(data) = data {
                    return Ok(data);
                }
            } else if self.take()? {
                continue;
            }
            let left = end.saturating_duration_since(Instant::now());
            let wake = self.client.conn.wait(&mut [], Some(left)).map_err(|e| e.to_string())?;
            if wake.is_late || wake.is_ended {
                return Err("the node did not say why it refused".to_owned());
            }
        }
    }

    fn tell(self) -> Result<i32, Told> {
        let members = &self.outcomes.members;
        let node = |m: u32| members.get(&m).map_or(m.to_string(), |(node, _)| node.clone());
        let told = self.outputs[0]
            .finish(node, io::stdout().lock())
            .and_then(|()| self.outputs[1].finish(node, io::stderr().lock()));
        if self.ending == Ending::Closed || told.is_err() {
            return Ok(128 + libc::SIGPIPE);
        }
        for line in self.outcomes.failures(&self.program) {
            eprintln!("uem: {line}");
        }
        Ok(match self.ending {
            Ending::Interrupted => outcome::INTERRUPTED,
            Ending::TimedOut => outcome::TIMEOUT,
            Ending::No | Ending::Closed => self.outcomes.code(),
        })
    }
}

fn drain(signals: RawFd) {
    let mut bytes = [0u8; 256];
    // SAFETY: the pointer and length describe `bytes`; the descriptor does not block.
    unsafe { libc::read(signals, bytes.as_mut_ptr().cast(), bytes.len()) };
}
