//! The loop of `uem each`: every slot is kept busy until all is done, and no task waits for another.

use super::attempt::{Attempt, Seat, Setting, Verdict};
use super::halt::{Halt, When};
use super::joblog::{Ended, Joblog};
use super::lane::Lane;
use super::line::Template;
use super::pool::Pool;
use super::progress::Progress;
use super::report::Report;
use super::source::{Source, Task};
use crate::exit::{INTERRUPTED, OWN, Told, after_signal};
use crate::nodes::up_nodes;
use crate::session::outcome;
use crate::signal::Signals;
use client::{Client, Wait};
use protocol::record::End;
use std::collections::{HashSet, VecDeque};
use std::time::{Duration, Instant};

/// How often is looked for nodes that were lost.
const LOOK: Duration = Duration::from_secs(1);
/// How long no node at all may be up.
const NONE_UP: Duration = Duration::from_secs(30);
/// Nodes that may go away under one task: more look like its own doing.
const LOSSES_MAX: u32 = 5;
/// How often nodes may have no room for one task.
const REFUSALS_MAX: u32 = 40;
/// Tasks to be done again among which is looked for one that has a node.
const AHEAD: usize = 16;
/// Most failed tasks that the exit code counts.
const COUNTED: u64 = 100;

/// Why nothing more is begun.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Ending {
    No,
    Halted(i32),
    Signalled(i32),
    /// Nobody reads our output any more.
    Closed,
}

/// What is to be done, and how.
pub(crate) struct Plan {
    pub(crate) template: Template,
    pub(crate) source: Source,
    pub(crate) setting: Setting,
    /// How often a task that fails is tried.
    pub(crate) tries: u32,
    pub(crate) halt: Halt,
    /// Tasks that are done already.
    pub(crate) done: HashSet<u64>,
}

/// Tasks on their way, and those that are not yet.
pub(crate) struct Engine {
    plan: Plan,
    control: Client,
    lanes: Vec<Lane>,
    pool: Pool,
    report: Report,
    log: Option<Joblog>,
    progress: Progress,
    /// Tasks that have been tried, or wait for a node.
    again: VecDeque<Task>,
    good: u64,
    failed: u64,
    ending: Ending,
    look_at: Option<Instant>,
    none_since: Option<Instant>,
}

impl Engine {
    pub(crate) fn new(
        plan: Plan,
        control: Client,
        lanes: Vec<Lane>,
        pool: Pool,
        report: Report,
        log: Option<Joblog>,
        progress: Progress,
    ) -> Self {
        Self {
            plan,
            control,
            lanes,
            pool,
            report,
            log,
            progress,
            again: VecDeque::new(),
            good: 0,
            failed: 0,
            ending: Ending::No,
            look_at: None,
            none_since: None,
        }
    }

    /// Does all of it: the exit code.
    pub(crate) fn run(mut self, signals: &mut Signals) -> Result<i32, Told> {
        let mut told = Vec::new();
        loop {
            for lane in &mut self.lanes {
                lane.take(&mut told)?;
            }
            for (attempt, verdict) in told.drain(..) {
                self.settle(attempt, verdict)?;
            }
            self.begin()?;
            for lane in &mut self.lanes {
                lane.client.send()?;
            }
            if self.is_over() {
                self.report.give_up_order()?;
                if !self.report.is_blocked() {
                    return Ok(self.code());
                }
            }
            if self.pause(signals)? {
                return Ok(self.code());
            }
        }
    }

    fn is_over(&self) -> bool {
        let is_idle = self.lanes.iter().all(|lane| lane.busy() == 0);
        is_idle && (self.ending != Ending::No || self.again.is_empty() && self.plan.source.is_empty())
    }

    fn code(&self) -> i32 {
        match self.ending {
            Ending::No => self.failed.min(COUNTED + 1) as i32,
            Ending::Halted(code) => code,
            Ending::Signalled(libc::SIGINT) => INTERRUPTED,
            Ending::Signalled(signal) => after_signal(signal),
            Ending::Closed => after_signal(libc::SIGPIPE),
        }
    }

    /// Gives tasks to slots while there are both. A reader of ours who is behind holds up new ones.
    fn begin(&mut self) -> Result<(), Told> {
        let now = Instant::now();
        while self.ending == Ending::No && !self.report.is_blocked() {
            let roomiest = self.lanes.iter_mut().max_by_key(|lane| lane.room());
            if roomiest.as_ref().is_none_or(|lane| lane.room() == 0) {
                break;
            }
            let Some((task, seat)) = self.next_seated(now)? else { break };
            let line = self.plan.template.fill(&task.values, task.seq, seat.slot);
            let roomiest = self.lanes.iter_mut().max_by_key(|lane| lane.room());
            roomiest.map_or(Ok(()), |lane| lane.start((task, seat, line), &self.plan.setting))?;
        }
        Ok(())
    }

    /// The next task that has a slot.
    fn next_seated(&mut self, now: Instant) -> Result<Option<(Task, Seat)>, Told> {
        for at in 0..self.again.len().min(AHEAD) {
            if let Some(seat) = self.pool.take(&self.again[at], now) {
                return Ok(self.again.remove(at).map(|task| (task, seat)));
            }
        }
        if self.again.len() >= AHEAD || !self.pool.has_free() {
            return Ok(None);
        }
        while let Some(task) = self.plan.source.next()? {
            if self.plan.done.contains(&task.seq) {
                self.report.skip(task.seq)?;
                self.progress.add(self.failed, || self.plan.source.total());
                continue;
            }
            match self.pool.take(&task, now) {
                Some(seat) => return Ok(Some((task, seat))),
                None => self.again.push_back(task),
            }
            break;
        }
        Ok(None)
    }

    /// What becomes of a task after an attempt.
    fn settle(&mut self, attempt: Box<Attempt>, verdict: Verdict) -> Result<(), Told> {
        let (now, node) = (Instant::now(), attempt.seat.node);
        self.pool.give_back(&attempt.seat);
        let mut task = attempt.task.clone();
        task.avoid = Some(node);
        match verdict {
            Verdict::Stopped => return Ok(()),
            Verdict::Away => {
                self.lose(node, now);
                self.again.push_front(task);
                return Ok(());
            }
            Verdict::Lost => {
                self.lose(node, now);
                task.losses += 1;
                if task.losses < LOSSES_MAX {
                    self.again.push_front(task);
                    return Ok(());
                }
            }
            Verdict::Refused(_) => {
                self.pool.rest(node, now);
                task.refusals += 1;
                if task.refusals < REFUSALS_MAX {
                    self.again.push_front(task);
                    return Ok(());
                }
            }
            Verdict::TimedOut | Verdict::Ended(_) => {}
        }
        let (ended, words) = ended(&verdict);
        task.failures += 1;
        if !ended.is_good() && task.failures < self.plan.tries && self.ending == Ending::No {
            self.again.push_back(task);
            return Ok(());
        }
        self.finish(attempt, ended, words)
    }

    fn lose(&mut self, node: usize, now: Instant) {
        self.pool.lose(node);
        self.look_at.get_or_insert(now + LOOK);
    }

    /// A task is told, once.
    fn finish(&mut self, mut attempt: Box<Attempt>, ended: Ended, words: String) -> Result<(), Told> {
        if !words.is_empty() {
            let kept = attempt.outputs[1].take(format!("uem: {}: {words}\n", attempt.line).as_bytes());
            kept.map_err(|e| format!("unable to keep what a task writes: {e}"))?;
        }
        let received = attempt.outputs.each_ref().map(super::kept::Kept::len);
        self.progress.beside(|| self.report.tell(&mut attempt))?;
        if let Some(log) = &mut self.log {
            log.add(&attempt, ended, received.iter().sum()).map_err(|e| format!("joblog: {e}"))?;
        }
        let count = if ended.is_good() { &mut self.good } else { &mut self.failed };
        *count += 1;
        self.progress.add(self.failed, || self.plan.source.total());
        if self.ending == Ending::No
            && let Some(when) = self.plan.halt.is_due(self.good, self.failed)
        {
            self.ending = Ending::Halted(ended.code());
            if when == When::Now {
                self.end_all("kill\n")?;
            }
        }
        Ok(())
    }

    fn end_all(&mut self, line: &str) -> Result<(), Told> {
        self.lanes.iter_mut().try_for_each(|lane| lane.end(line))
    }

    /// Waits for whatever comes first and does what it asks for; true to give up at once.
    fn pause(&mut self, signals: &mut Signals) -> Result<bool, Told> {
        let now = Instant::now();
        let due = self.lanes.iter().filter_map(Lane::due).chain(self.pool.due(now)).chain(self.look_at).min();
        let wants_input = self.ending == Ending::No && self.plan.source.wants_input();
        let mut wait = Wait::until(due);
        let signal = wait.readable(Some(signals.fd()));
        let input = wait.readable(wants_input.then_some(libc::STDIN_FILENO));
        let outputs = self.report.poll_fds().map(|fd| wait.writable(fd));
        let lanes: Vec<_> = self.lanes.iter().map(|lane| lane.client.watch(&mut wait)).collect();
        wait.wait().map_err(|e| format!("unable to wait: {e}"))?;
        for (lane, own) in self.lanes.iter_mut().zip(lanes) {
            lane.client.serve(&wait, own)?;
        }
        if wait.is_ready(input) {
            self.plan.source.read()?;
        }
        if outputs.into_iter().any(|output| wait.is_ready(output)) {
            self.progress.beside(|| self.report.pump())?;
        }
        if self.report.is_closed() && self.ending != Ending::Closed {
            self.ending = Ending::Closed;
            self.end_all("kill\n")?;
        }
        self.look_at_clock()?;
        if wait.is_ready(signal) { self.take_signal(signals) } else { Ok(false) }
    }

    fn take_signal(&mut self, signals: &mut Signals) -> Result<bool, Told> {
        let Some(signal) = signals.next() else { return Ok(false) };
        if matches!(self.ending, Ending::Signalled(_)) {
            eprintln!("uem: given up; tasks may still be ending");
            return Ok(true);
        }
        eprintln!("uem: ending all tasks; ^C again gives up at once");
        self.ending = Ending::Signalled(signal);
        self.end_all(&format!("signal {signal}\n"))?;
        Ok(false)
    }

    fn look_at_clock(&mut self) -> Result<(), Told> {
        let now = Instant::now();
        for lane in &mut self.lanes {
            lane.look_at_clock(now)?;
        }
        if self.look_at.is_none_or(|at| at > now) {
            return Ok(());
        }
        let up: HashSet<String> = up_nodes(&mut self.control)?.into_iter().collect();
        self.pool.find_again(|name| up.contains(name));
        self.look_at = self.pool.has_lost().then(|| now + LOOK);
        if !self.pool.is_lost() {
            self.none_since = None;
        } else if now.duration_since(*self.none_since.get_or_insert(now)) >= NONE_UP {
            return Err(format!("no node has been up for {} s", NONE_UP.as_secs()));
        }
        Ok(())
    }
}

/// How a verdict counts, and what is said of it.
fn ended(verdict: &Verdict) -> (Ended, String) {
    let exit = |exit| Ended { exit, signal: 0 };
    match verdict {
        Verdict::Ended(End::Exit(code)) => (exit(i32::from(*code)), String::new()),
        Verdict::Ended(End::Signal(signal)) => (Ended { exit: 0, signal: i32::from(*signal) }, String::new()),
        Verdict::Ended(end @ End::Never(failure)) => (exit(outcome::code(*end)), failure.to_string()),
        Verdict::TimedOut => (Ended { exit: -1, signal: libc::SIGTERM }, "time is over".to_owned()),
        Verdict::Refused(why) => (exit(OWN), why.clone()),
        Verdict::Lost | Verdict::Away | Verdict::Stopped | Verdict::Ended(End::Lost) => {
            (exit(outcome::code(End::Lost)), format!("its nodes were lost, {LOSSES_MAX} times"))
        }
    }
}
