//! A script is played: its lines in their order and at their times, on a world.
//!
//! The one place where scripts and the world meet; `judge` is what its expectations find.

mod judge;
pub mod seen;

use super::print::Named;
use super::{Claim, Job, Res, Script, Tables, What, When};
use crate::act::Act;
use crate::check::Census;
use crate::trace::{Lines, Trace};
use crate::victim::Victim;
use crate::words::time;
use crate::world::World;
use cnode::{Bounds, Full, Small};
use protocol::quote::Quoted;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt::{self, Display, Formatter};

/// Virtual time in which nodes that can are up, a job is told beside what its program takes, and what is
/// expected comes to be so, in microseconds: a lost node's silence, and more.
pub const BOUND_US: u64 = 20_000_000;
/// How often it is looked whether something is over.
const LOOK_US: u64 = 1_000;
/// Boot is over so long after all are up: what they say at a join is over too.
const SETTLE_US: u64 = 100_000;

/// What a run came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Summary {
    /// The digest of its trace.
    pub digest: u64,
    /// Lines of its trace.
    pub events: u64,
    /// Jobs that were told to the end.
    pub jobs: usize,
    /// Messages that went to a set of children, and children they went to.
    pub fanouts: (u64, u64),
}

/// What an expectation came to, or a claim that is always there and broke.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// When, in virtual microseconds.
    pub now: u64,
    /// What was claimed.
    pub claim: String,
    /// What was found.
    pub found: String,
    /// If it broke, in which way: equal for two runs that fail alike, whatever their numbers and names.
    pub broken: Option<String>,
}

impl Display for Finding {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let so = if self.broken.is_some() { "broken" } else { "holds" };
        write!(f, "{so} at {}: {}: {}", time::told(self.now), self.claim, self.found)
    }
}

/// A run that was played.
pub struct Played {
    /// What it came to.
    pub summary: Summary,
    /// What happened.
    pub trace: Trace,
    /// The first claim that broke.
    pub broken: Option<Finding>,
}

/// Why the world cannot play a script, if it cannot: what the language can say and it cannot do yet.
pub fn lacks(script: &Script) -> Option<String> {
    if let Some(Err(wrong)) = script.head.partition() {
        return Some(format!("network bgp: {wrong}"));
    }
    let levels = script.head.levels();
    script.lines.iter().find_map(|line| match line.what {
        What::Fault(place, _) if place.within(&levels).is_none() => {
            Some(Named(&line.what, &levels).to_string())
        }
        _ => None,
    })
}

/// Plays a script; each finding is told as it comes. An error is what the world cannot do.
pub fn play(script: &Script, lines: Lines, tell: &mut dyn FnMut(&Finding)) -> Result<Played, String> {
    match script.head.tables {
        Tables::Small => play_sized::<Small>(script, lines, tell),
        Tables::Full => play_sized::<Full>(script, lines, tell),
    }
}

/// The same, on nodes whose tables have the bounds `B` whatever the script says.
pub fn play_sized<B: Bounds>(
    script: &Script,
    lines: Lines,
    tell: &mut dyn FnMut(&Finding),
) -> Result<Played, String> {
    let mut play = Play::<B>::new(script, lines, tell)?;
    if let Err(claim) = play.run() {
        play.breaks("claim", &claim);
    }
    let stayed = play.jobs.values().filter(|running| running.over.is_some() && !running.has_vanished);
    let summary = Summary {
        digest: play.world.trace.digest(),
        events: play.world.trace.events(),
        jobs: stayed.count(),
        fanouts: play.world.counts.fanouts,
    };
    Ok(Played { summary, trace: play.world.trace, broken: play.broken })
}

/// How far a line is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stage {
    Ahead,
    /// It has begun. What is expected may take until then to be so.
    Begun(u64),
    Over,
}

/// A job that has begun.
struct Running {
    number: usize,
    begun: u64,
    members: u32,
    over: Option<u64>,
    has_vanished: bool,
}

/// A script that is being played.
struct Play<'a, B: Bounds> {
    script: &'a Script,
    world: World<B>,
    tell: &'a mut dyn FnMut(&Finding),
    stages: Vec<Stage>,
    /// When each line's turn came.
    came: Vec<Option<u64>>,
    jobs: BTreeMap<&'a str, Running>,
    /// Since when all nodes are up, and known to be at the root, during boot.
    all_up: Option<u64>,
    /// What was in use before the jobs: boot is over.
    before: Option<Vec<Census>>,
    /// Places where something broke.
    troubled: BTreeSet<Victim>,
    broken: Option<Finding>,
    /// It is played up to then.
    until: u64,
}

impl<'a, B: Bounds> Play<'a, B> {
    /// A script of which nothing has been played yet.
    fn new(script: &'a Script, lines: Lines, tell: &'a mut dyn FnMut(&Finding)) -> Result<Self, String> {
        if let Some(what) = lacks(script) {
            return Err(format!("not simulated: {what}"));
        }
        let seed = script.head.seed;
        let world = match script.head.partition() {
            Some(Ok(partition)) => World::on(seed, &partition, lines),
            _ => World::of(seed, script.head.levels(), lines),
        };
        Ok(Self {
            script,
            world,
            tell,
            stages: vec![Stage::Ahead; script.lines.len()],
            came: vec![None; script.lines.len()],
            jobs: BTreeMap::new(),
            all_up: None,
            before: None,
            troubled: BTreeSet::new(),
            broken: None,
            until: u64::MAX,
        })
    }

    fn run(&mut self) -> Result<(), String> {
        loop {
            self.look()?;
            let now = self.world.now();
            if now >= self.until {
                return Ok(());
            }
            let watched = self.is_watching().then_some((now / LOOK_US + 1) * LOOK_US);
            match self.due() {
                Some((at, index)) if at <= now => self.begin(index)?,
                Some((at, _)) => {
                    let look = watched.map_or(at, |look| look.min(at));
                    self.world.run_until(look.min(self.until))?;
                }
                None => match watched {
                    Some(look) => self.world.run_until(look.min(self.until))?,
                    None => return Ok(()),
                },
            }
        }
    }

    /// The line that comes next, and when, as far as that is known.
    fn due(&self) -> Option<(u64, usize)> {
        let mut all_over = self.before.is_some();
        let mut first: Option<(u64, usize)> = None;
        for (index, line) in self.script.lines.iter().enumerate() {
            let above = index.checked_sub(1).map_or(Some(0), |above| self.came[above]);
            let at = match line.when {
                _ if self.stages[index] != Stage::Ahead => None,
                When::At(at) => Some(at),
                When::After(us) => above.map(|above| above + us),
                When::Next => all_over.then(|| self.world.now()),
            };
            all_over &= self.is_over(index);
            if let Some(at) = at
                && first.is_none_or(|(first, _)| at < first)
            {
                first = Some((at, index));
            }
        }
        first
    }

    fn is_over(&self, index: usize) -> bool {
        match &self.script.lines[index].what {
            What::Begin(job) if self.stages[index] == Stage::Over => {
                self.jobs.get(job.name.as_str()).is_none_or(|running| running.over.is_some())
            }
            _ => self.stages[index] == Stage::Over,
        }
    }

    /// Something may be over soon that somebody waits for.
    fn is_watching(&self) -> bool {
        let is_waited_for = |(index, line): (usize, &super::Line)| {
            let is_ahead = self.stages[index] == Stage::Ahead;
            let times = matches!(&line.what, What::Expect(expect) if expect.within.is_some());
            is_ahead && (line.when == When::Next || times)
        };
        let all_begun = self.stages.iter().all(|stage| *stage != Stage::Ahead);
        let runs = self.jobs.values().any(|running| running.over.is_none());
        let has_begun = self.stages.iter().any(|stage| matches!(stage, Stage::Begun(_)));
        self.before.is_none()
            || has_begun
            || (runs && (all_begun || self.script.lines.iter().enumerate().any(is_waited_for)))
    }

    /// Looks at what is over by now.
    fn look(&mut self) -> Result<(), String> {
        if self.before.is_none() {
            self.look_at_boot()?;
        }
        let now = self.world.now();
        for (name, running) in &mut self.jobs {
            if running.over.is_some() {
                continue;
            }
            if self.world.job(running.number).over {
                running.over = Some(now);
                continue;
            }
            let sleeps = self.script.job(name).map_or(0, Job::sleeps).saturating_mul(1_000_000);
            if now >= running.begun.saturating_add(BOUND_US).saturating_add(sleeps) {
                let owed = self.world.job(running.number).unanswered();
                return Err(format!("{name}: not over; without an answer: {owed}"));
            }
        }
        for index in 0..self.stages.len() {
            match (self.stages[index], &self.script.lines[index].what) {
                (Stage::Begun(until), What::Expect(_)) => self.judge(index, until),
                // The world does first what it was told.
                (Stage::Begun(begun), _) if begun < now => self.stages[index] = Stage::Over,
                _ => {}
            }
        }
        Ok(())
    }

    fn look_at_boot(&mut self) -> Result<(), String> {
        let now = self.world.now();
        let up = self.world.check_up();
        match self.all_up {
            Some(since) if now >= since + SETTLE_US => self.before = Some(self.world.census()),
            Some(_) => {}
            None if up.is_ok() && self.world.up() > 0 && self.world.known() == self.world.up() => {
                self.all_up = Some(now);
            }
            None if now < BOUND_US => {}
            None => {
                let up = self.world.up();
                return Err(format!("boot: {up} of {} nodes joined", self.script.head.nodes));
            }
        }
        Ok(())
    }

    fn begin(&mut self, index: usize) -> Result<(), String> {
        let now = self.world.now();
        self.came[index] = Some(now);
        self.stages[index] = Stage::Begun(now);
        let line = &self.script.lines[index];
        match &line.what {
            What::Begin(job) => self.order(job)?,
            What::Act(name, act) => self.act(name, *act),
            What::Fault(place, fault) => {
                self.troubled.insert(*place);
                if let Some(place) = place.within(self.world.levels()) {
                    self.world.plan_at(now, place, *fault);
                }
            }
            What::Expect(expect) => {
                let within = match (line.when, expect.within, &expect.claim) {
                    (When::Next, _, Claim::Job(..)) => 0,
                    (_, Some(us), _) => us,
                    (When::Next, None, _) => BOUND_US,
                    (_, None, _) => 0,
                };
                self.stages[index] = Stage::Begun(now + within);
                self.judge(index, now + within);
            }
        }
        Ok(())
    }

    fn order(&mut self, job: &'a Job) -> Result<(), String> {
        let now = self.world.now();
        if self.before.is_none() {
            return Err(format!("{} begins before boot is over", job.name));
        }
        let members = match job.res {
            Res::Count(count) => count,
            Res::Up => self.world.up(),
        };
        if members == 0 {
            return Ok(());
        }
        let mut res = format!("res {members}");
        job.ctl.iter().for_each(|line| res = format!("{res}\n{line}"));
        let words: Vec<String> = job.exec.iter().map(|word| Quoted(word).to_string()).collect();
        let input = job.input.as_ref().map(|_| job.input_text());
        let number = self.world.order(now, &res, &words.join(" "), input.as_deref().map(str::as_bytes));
        let running = Running { number, begun: now, members, over: None, has_vanished: false };
        self.jobs.insert(&job.name, running);
        Ok(())
    }

    fn act(&mut self, name: &str, act: Act) {
        let now = self.world.now();
        let Some(running) = self.jobs.get_mut(name) else { return };
        if act == Act::Vanish {
            running.has_vanished |= running.over.is_none();
            running.over = running.over.or(Some(now));
        }
        let number = running.number;
        self.world.act_at(now, number, act);
    }

    /// A claim that is always there is broken.
    fn breaks(&mut self, claim: &str, found: &str) {
        let kind = format!("{claim}: {}", alike(found));
        self.find(claim.to_owned(), found.to_owned(), Some(kind));
    }

    fn find(&mut self, claim: String, found: String, broken: Option<String>) {
        let finding = Finding { now: self.world.now(), claim, found, broken };
        (self.tell)(&finding);
        if finding.broken.is_some() && self.broken.is_none() {
            self.broken = Some(finding);
        }
    }
}

/// What is found, without what differs from run to run: numbers, and lists behind a colon.
fn alike(found: &str) -> String {
    let cut = found.find(['{', '[']).unwrap_or(found.len());
    let cut = found[..cut].find("answer:").unwrap_or(cut);
    let mut kind = String::new();
    for c in found[..cut].chars() {
        match c {
            '0'..='9' if kind.ends_with('#') => {}
            '0'..='9' => kind.push('#'),
            c => kind.push(c),
        }
    }
    kind
}
